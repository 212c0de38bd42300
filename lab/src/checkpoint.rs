//! Checkpoints: named tensors and serde state in one safetensors file, restored to the bit.

use crate::{Error, Result};
use candle_core::{Device, Tensor};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;

/// What an experiment needs to go on as if it had never stopped. Tensors are kept as they are; state is kept as CBOR, which
/// holds every float to the bit (JSON would lose NaN).
#[derive(Debug, Clone, Default)]
pub struct Checkpoint {
    entries: BTreeMap<String, Saved>,
}

#[derive(Debug, Clone)]
struct Saved {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Checkpoint {
    /// Saves an `f32` tensor of any shape under `name`.
    pub fn put_tensor(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        self.put_f32(name, tensor.dims(), &values)
    }

    /// The tensor saved under `name`, on `device`.
    pub fn get_tensor(&self, name: &str, device: &Device) -> Result<Tensor> {
        let shape = self.entry(name, Dtype::F32)?.shape.clone();
        Ok(Tensor::from_vec(self.get_f32(name)?, shape, device)?)
    }

    /// Saves a slice of row-major values.
    pub fn put_f32(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Result<()> {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.insert(name, Dtype::F32, shape, bytes)
    }

    /// The values saved under `name`.
    pub fn get_f32(&self, name: &str) -> Result<Vec<f32>> {
        let saved = self.entry(name, Dtype::F32)?;
        Ok(saved.bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// Saves a slice of bytes, as masks are.
    pub fn put_u8(&mut self, name: &str, shape: &[usize], values: &[u8]) -> Result<()> {
        self.insert(name, Dtype::U8, shape, values.to_vec())
    }

    /// The bytes saved under `name`.
    pub fn get_u8(&self, name: &str) -> Result<Vec<u8>> {
        Ok(self.entry(name, Dtype::U8)?.bytes.clone())
    }

    /// Saves anything serde can write: counters, orders, generators.
    pub fn put_state(&mut self, name: &str, state: &impl Serialize) -> Result<()> {
        let mut bytes = Vec::new();
        ciborium::into_writer(state, &mut bytes).map_err(|error| Error::Checkpoint(format!("{name}: {error}")))?;
        let name = format!("state/{name}");
        self.insert(&name, Dtype::U8, &[bytes.len()], bytes)
    }

    /// The state saved under `name`.
    pub fn get_state<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let saved = self.entry(&format!("state/{name}"), Dtype::U8)?;
        ciborium::from_reader(saved.bytes.as_slice()).map_err(|error| Error::Checkpoint(format!("{name}: {error}")))
    }

    /// The whole as a safetensors file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let views = self
            .entries
            .iter()
            .map(|(name, saved)| Ok((name, TensorView::new(saved.dtype, saved.shape.clone(), &saved.bytes).map_err(misfit)?)))
            .collect::<Result<Vec<_>>>()?;
        safetensors::serialize(views, None).map_err(misfit)
    }

    /// Reads what `to_bytes` wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes).map_err(misfit)?;
        let entries = file
            .iter()
            .map(|(name, view)| {
                let saved = Saved { dtype: view.dtype(), shape: view.shape().to_vec(), bytes: view.data().to_vec() };
                (name.to_owned(), saved)
            })
            .collect();
        Ok(Self { entries })
    }

    fn insert(&mut self, name: &str, dtype: Dtype, shape: &[usize], bytes: Vec<u8>) -> Result<()> {
        match self.entries.insert(name.to_owned(), Saved { dtype, shape: shape.to_vec(), bytes }) {
            None => Ok(()),
            Some(_) => Err(Error::Checkpoint(format!("`{name}` was saved twice"))),
        }
    }

    fn entry(&self, name: &str, dtype: Dtype) -> Result<&Saved> {
        match self.entries.get(name) {
            None => Err(Error::Checkpoint(format!("`{name}` is missing"))),
            Some(saved) if saved.dtype != dtype => Err(Error::Checkpoint(format!("`{name}` is {:?}, not {dtype:?}", saved.dtype))),
            Some(saved) => Ok(saved),
        }
    }
}

fn misfit(error: safetensors::SafeTensorError) -> Error {
    Error::Checkpoint(error.to_string())
}
