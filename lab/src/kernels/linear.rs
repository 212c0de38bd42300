//! A fully connected layer, `activation(x W + b)`, as one operation with its own backward pass.
//!
//! Weights are stored `[inputs, outputs]`: with `[outputs, inputs]` and a power of two of inputs, the columns that a product walks
//! along fall into the same few cache sets and the forward pass runs at a fraction of its speed.

use crate::kernels::{
    matmul::{Destination, Matrix, product},
    storage::{contiguous, read, write},
};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// Rows of a batch that one task takes; fixed, so that sums over the batch have one order for any number of threads.
pub(super) const ROWS_PER_TASK: usize = 32;

/// What is applied to each output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    Identity,
    /// `max(0, z)`.
    Relu,
}

impl Activation {
    /// The activation of every number, by candle's own operations.
    pub(super) fn plain(self, outputs: &Tensor) -> Result<Tensor> {
        match self {
            Self::Identity => Ok(outputs.clone()),
            Self::Relu => outputs.relu(),
        }
    }
}

/// Where the backward pass leaves the gradients of one layer on the CPU, in place of candle's gradient store.
///
/// candle adds every gradient it is given to a fresh tensor of zeros: for weights that is three passes over memory and two
/// allocations a step. The backward pass overwrites these buffers instead, so a layer with buffers must be used once per backward
/// pass. The gradient is that of the product on all cells, whatever mask the weights have: the one that gradient growth needs.
#[derive(Debug, Clone)]
pub struct GradientBuffers {
    /// Gradient of the weights, `[inputs, outputs]`.
    pub weights: Tensor,
    /// Gradient of the bias, `[outputs]`.
    pub bias: Tensor,
    /// The gradient before the activation, `[batch, outputs]` of the largest batch so far.
    pub(super) masked: Tensor,
}

impl GradientBuffers {
    /// Buffers for a layer with these parameters and batches of at most `batch` rows.
    pub fn new(weights: &Tensor, bias: &Tensor, batch: usize) -> Result<Self> {
        let masked = Tensor::zeros((batch, bias.elem_count()), bias.dtype(), bias.device())?;
        Ok(Self { weights: weights.zeros_like()?, bias: bias.zeros_like()?, masked })
    }
}

/// `activation(inputs weights + bias)`.
///
/// Shapes: `inputs` `[batch, inputs]`, `weights` `[inputs, outputs]`, `bias` `[outputs]`; returns `[batch, outputs]`. On the CPU all are
/// contiguous `f32`; no gradient is computed for inputs that autograd does not track, and those of the parameters go to `into` where
/// given. Elsewhere these are candle's own operations and `into` is not used. Errors: shapes that do not fit.
pub fn linear(inputs: &Tensor, weights: &Tensor, bias: &Tensor, activation: Activation, into: Option<&GradientBuffers>) -> Result<Tensor> {
    if inputs.device().is_cpu() {
        inputs.apply_op3(weights, bias, Linear { activation, into: into.cloned() })
    } else {
        plain(inputs, weights, bias, activation)
    }
}

fn plain(inputs: &Tensor, weights: &Tensor, bias: &Tensor, activation: Activation) -> Result<Tensor> {
    activation.plain(&inputs.matmul(weights)?.broadcast_add(bias)?)
}

/// `max(0, z)`, written so that a NaN stays one; `max` would turn it into 0 and hide a diverged layer.
#[inline(always)]
pub(super) fn relu(z: f32) -> f32 {
    if z < 0.0 { 0.0 } else { z }
}

struct Linear {
    activation: Activation,
    into: Option<GradientBuffers>,
}

/// Batch, inputs and outputs. Errors: shapes that do not fit.
fn sizes(inputs: &Shape, weights: &Shape, bias: &Shape) -> Result<(usize, usize, usize)> {
    let ((batch, n_in), (rows, n_out)) = (inputs.dims2()?, weights.dims2()?);
    if rows != n_in || bias.dims() != [n_out] {
        bail!("a linear layer got inputs {inputs:?}, weights {weights:?} and bias {bias:?}, which do not fit");
    }
    Ok((batch, n_in, n_out))
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear-bias-activation"
    }

    fn cpu_fwd(
        &self,
        inputs: &CpuStorage,
        inputs_layout: &Layout,
        weights: &CpuStorage,
        weights_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, n_in, n_out) = sizes(inputs_layout.shape(), weights_layout.shape(), bias_layout.shape())?;
        let (x, w) = (contiguous(inputs, inputs_layout)?, contiguous(weights, weights_layout)?);
        let b = contiguous(bias, bias_layout)?;
        let mut outputs = vec![0f32; batch * n_out];
        product(&mut outputs, Destination::Overwrite, Matrix::new(x, batch, n_in), Matrix::new(w, n_in, n_out));
        outputs.par_chunks_mut(ROWS_PER_TASK * n_out).for_each(|rows| {
            for row in rows.chunks_mut(n_out) {
                match self.activation {
                    Activation::Identity => row.iter_mut().zip(b).for_each(|(z, b)| *z += b),
                    Activation::Relu => row.iter_mut().zip(b).for_each(|(z, b)| *z = relu(*z + b)),
                }
            }
        });
        Ok((CpuStorage::F32(outputs), Shape::from((batch, n_out))))
    }

    fn bwd(
        &self,
        inputs: &Tensor,
        weights: &Tensor,
        bias: &Tensor,
        outputs: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (batch, n_in, n_out) = sizes(inputs.shape(), weights.shape(), bias.shape())?;
        let gradient = gradient.contiguous()?;
        let buffers = match &self.into {
            Some(buffers) if buffers.masked.elem_count() >= batch * n_out => buffers.clone(),
            Some(buffers) => bail!("gradient buffers for {:?} got a batch of {batch}", buffers.masked.shape()),
            None => GradientBuffers::new(weights, bias, batch)?,
        };
        let mut inputs_gradient = None;
        write(&buffers.masked, |masked| {
            let masked = &mut masked[..batch * n_out];
            read(outputs, |y| {
                read(&gradient, |dy| {
                    write(&buffers.bias, |db| {
                        through_activation(self.activation, y, dy, masked, db);
                        Ok(())
                    })
                })
            })?;
            let masked = Matrix::new(masked, batch, n_out);
            read(inputs, |x| {
                write(&buffers.weights, |dw| {
                    product(dw, Destination::Overwrite, Matrix::new(x, batch, n_in).transposed(), masked);
                    Ok(())
                })
            })?;
            if inputs.track_op() {
                let mut dx = vec![0f32; batch * n_in];
                read(weights, |w| {
                    product(&mut dx, Destination::Overwrite, masked, Matrix::new(w, n_in, n_out).transposed());
                    Ok(())
                })?;
                inputs_gradient = Some(Tensor::from_vec(dx, (batch, n_in), inputs.device())?);
            }
            Ok(())
        })?;
        match self.into {
            Some(_) => Ok((inputs_gradient, None, None)),
            None => Ok((inputs_gradient, Some(buffers.weights), Some(buffers.bias))),
        }
    }
}

/// The gradient `dy` of the outputs `y` taken back through the activation, and its sum over the batch, `db`.
pub(super) fn through_activation(activation: Activation, y: &[f32], dy: &[f32], masked: &mut [f32], db: &mut [f32]) {
    let n_out = db.len();
    let piece = ROWS_PER_TASK * n_out;
    let partial: Vec<Vec<f32>> = masked
        .par_chunks_mut(piece)
        .zip(y.par_chunks(piece).zip(dy.par_chunks(piece)))
        .map(|(masked, (y, dy))| {
            let mut sums = vec![0f32; n_out];
            for ((masked, y), dy) in masked.chunks_mut(n_out).zip(y.chunks(n_out)).zip(dy.chunks(n_out)) {
                match activation {
                    Activation::Identity => masked.copy_from_slice(dy),
                    Activation::Relu => masked.iter_mut().zip(y).zip(dy).for_each(|((m, y), dy)| {
                        // All bits or none, so that the loop has no branch that half the units take and half do not.
                        let keep = u32::from(*y > 0.0).wrapping_neg();
                        *m = f32::from_bits(dy.to_bits() & keep);
                    }),
                }
                sums.iter_mut().zip(&*masked).for_each(|(sum, m)| *sum += m);
            }
            sums
        })
        .collect();
    db.fill(0.0);
    for sums in &partial {
        db.iter_mut().zip(sums).for_each(|(db, sum)| *db += sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernels::testing::relative_difference, random::Generator};
    use candle_core::{Device, Var};

    fn parameters(batch: usize, n_in: usize, n_out: usize) -> [Var; 3] {
        let mut generator = Generator::new(3, "linear");
        let mut draw = |shape: &[usize]| Var::from_tensor(&generator.normal(shape, 0.7, &Device::Cpu).unwrap()).unwrap();
        [draw(&[batch, n_in]), draw(&[n_in, n_out]), draw(&[n_out])]
    }

    #[test]
    fn a_hand_worked_layer() {
        let x = Var::new(&[[1f32, 2.0]], &Device::Cpu).unwrap();
        let w = Var::new(&[[1f32, -3.0], [0.5, 1.0]], &Device::Cpu).unwrap();
        let b = Var::new(&[0.25f32, 0.5], &Device::Cpu).unwrap();
        let y = linear(&x, &w, &b, Activation::Relu, None).unwrap();
        assert_eq!(y.to_vec2::<f32>().unwrap(), [[2.25, 0.0]]);
        let gradients = y.sum_all().unwrap().backward().unwrap();
        assert_eq!(gradients.get(&x).unwrap().to_vec2::<f32>().unwrap(), [[1.0, 0.5]]);
        assert_eq!(gradients.get(&w).unwrap().to_vec2::<f32>().unwrap(), [[1.0, 0.0], [2.0, 0.0]]);
        assert_eq!(gradients.get(&b).unwrap().to_vec1::<f32>().unwrap(), [1.0, 0.0]);
    }

    #[test]
    fn values_and_gradients_are_those_of_candle() {
        for (batch, n_in, n_out) in [(1, 3, 2), (7, 64, 33), (65, 50, 10), (256, 128, 96)] {
            for activation in [Activation::Identity, Activation::Relu] {
                let [x, w, b] = parameters(batch, n_in, n_out);
                let ours = linear(&x, &w, &b, activation, None).unwrap();
                let theirs = plain(&x, &w, &b, activation).unwrap();
                assert!(relative_difference(&ours, &theirs) < 1e-5);
                let ours = ours.sqr().unwrap().sum_all().unwrap().backward().unwrap();
                let theirs = theirs.sqr().unwrap().sum_all().unwrap().backward().unwrap();
                for variable in [&x, &w, &b] {
                    assert!(relative_difference(ours.get(variable).unwrap(), theirs.get(variable).unwrap()) < 1e-5);
                }
            }
        }
    }

    #[test]
    fn buffers_receive_what_the_store_would_have() {
        let [x, w, b] = parameters(40, 20, 30);
        let buffers = GradientBuffers::new(&w, &b, 64).unwrap();
        let run = |into| linear(&x, &w, &b, Activation::Relu, into).unwrap().sqr().unwrap().sum_all().unwrap().backward().unwrap();
        let stored = run(None);
        for _ in 0..2 {
            let rest = run(Some(&buffers));
            assert!(rest.get(&w).is_none() && rest.get(&b).is_none());
            assert_eq!(relative_difference(rest.get(&x).unwrap(), stored.get(&x).unwrap()), 0.0);
            assert_eq!(relative_difference(&buffers.weights, stored.get(&w).unwrap()), 0.0);
            assert_eq!(relative_difference(&buffers.bias, stored.get(&b).unwrap()), 0.0);
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let [x, w, b] = parameters(5, 6, 4);
        let loss = |x: &Tensor, w: &Tensor, b: &Tensor| linear(x, w, b, Activation::Relu, None).unwrap().sqr().unwrap().sum_all().unwrap();
        let gradients = loss(&x, &w, &b).backward().unwrap();
        let h = 1e-2;
        for (which, variable) in [&x, &w, &b].into_iter().enumerate() {
            let gradient = gradients.get(variable).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let values = variable.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            for at in 0..values.len() {
                let moved = |by: f32| {
                    let mut values = values.clone();
                    values[at] += by;
                    let moved = Tensor::from_vec(values, variable.dims(), &Device::Cpu).unwrap();
                    let mut all = [x.as_tensor(), w.as_tensor(), b.as_tensor()];
                    all[which] = &moved;
                    f64::from(loss(all[0], all[1], all[2]).to_scalar::<f32>().unwrap())
                };
                let numeric = (moved(h) - moved(-h)) / f64::from(2.0 * h);
                assert!(
                    (numeric - f64::from(gradient[at])).abs() < 0.02 * (1.0 + numeric.abs()),
                    "{which} {at}: {numeric} {}",
                    gradient[at]
                );
            }
        }
    }

    #[test]
    fn a_nan_passes_through_the_activation() {
        let [x, w, _] = parameters(2, 3, 2);
        let y = linear(&x, &w, &Tensor::new(&[f32::NAN, 0.0], &Device::Cpu).unwrap(), Activation::Relu, None).unwrap();
        assert!(y.to_vec2::<f32>().unwrap()[1][0].is_nan());
    }
}
