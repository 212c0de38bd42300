//! Plain slices of the values of CPU tensors, to read them and to change them in place without a copy.

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Storage, Tensor, bail};
use std::cell::RefCell;

/// The values of a contiguous `f32` storage, row-major. Errors: another dtype, or strides.
pub fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("a kernel was given a tensor of shape {:?} that is not contiguous", layout.shape()),
    }
}

/// Gives `look` the row-major values of a contiguous `f32` tensor on the CPU; a tensor elsewhere is copied here first.
pub fn read<R>(tensor: &Tensor, look: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => look(contiguous(storage, layout)?),
        _ => {
            drop(storage);
            look(&tensor.flatten_all()?.to_vec1::<f32>()?)
        }
    }
}

/// Gives `change` the row-major values of a contiguous `f32` tensor, to change them where they are; a tensor on another device is copied
/// here and back. Whoever holds the same storage sees the change, and autograd does not know of it, so this is for parameters, moments
/// and gradients, never for results of operations. `change` must not touch the same tensor in another way.
pub fn write<R>(tensor: &Tensor, change: impl FnOnce(&mut [f32]) -> Result<R>) -> Result<R> {
    if !tensor.device().is_cpu() {
        let mut values = tensor.flatten_all()?.to_vec1::<f32>()?;
        let result = change(&mut values)?;
        tensor.slice_set(&Tensor::from_vec(values, tensor.shape(), tensor.device())?, 0, 0)?;
        return Ok(result);
    }
    let op = InPlace(RefCell::new((Some(change), None)));
    tensor.inplace_op1(&op)?;
    match op.0.into_inner().1 {
        Some(result) => Ok(result),
        None => bail!("a change in place was not carried out"),
    }
}

struct InPlace<F, R>(RefCell<(Option<F>, Option<R>)>);

impl<R, F: FnOnce(&mut [f32]) -> Result<R>> InplaceOp1 for InPlace<F, R> {
    fn name(&self) -> &'static str {
        "change-in-place"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (Some((start, end)), CpuStorage::F32(values)) = (layout.contiguous_offsets(), storage) else {
            bail!("only contiguous f32 tensors can be changed in place")
        };
        let mut state = self.0.borrow_mut();
        if let Some(change) = state.0.take() {
            state.1 = Some(change(&mut values[start..end])?);
        }
        Ok(())
    }
}
