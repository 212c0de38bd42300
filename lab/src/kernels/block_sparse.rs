//! A fully connected layer of which only some tiles of the weights exist, `activation(x W + b)`, as one operation with its own backward
//! pass.
//!
//! Inputs and outputs are divided into equally many groups, and a tile is all weights from one group of inputs to one of outputs. Only
//! tiles that exist are stored and multiplied, each by a small product of its own, so the time follows their number. Gathering the inputs
//! of an output group into one larger product was measured to be slower.

mod pattern;
mod product;
mod side;

pub use pattern::TilePattern;

use crate::kernels::{
    linear::{Activation, GradientBuffers, through_activation},
    storage::{contiguous, read, write},
};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use std::sync::Arc;

/// `activation(inputs weights + bias)` where only the tiles of `pattern` exist.
///
/// Shapes: `inputs` `[batch, inputs]`, `weights` as [`TilePattern::shape`] says, `bias` `[outputs]`; returns `[batch, outputs]`. On the CPU
/// all are contiguous `f32`; no gradient is computed for inputs that autograd does not track, and those of the parameters go to `into`
/// where given. Elsewhere these are candle's own operations and `into` is not used. Errors: shapes that do not fit.
pub fn block_sparse_linear(
    inputs: &Tensor,
    weights: &Tensor,
    bias: &Tensor,
    pattern: &Arc<TilePattern>,
    activation: Activation,
    into: Option<&GradientBuffers>,
) -> Result<Tensor> {
    if inputs.device().is_cpu() {
        inputs.apply_op3(weights, bias, BlockSparse { pattern: Arc::clone(pattern), activation, into: into.cloned() })
    } else {
        plain(inputs, weights, bias, pattern, activation)
    }
}

/// The sources of every output group side by side, times its tiles one below the other: one product per group, all of them batched.
fn plain(inputs: &Tensor, weights: &Tensor, bias: &Tensor, pattern: &TilePattern, activation: Activation) -> Result<Tensor> {
    let (groups, fan_in, from, to) = (pattern.groups(), pattern.fan_in(), &pattern.inputs, &pattern.outputs);
    let batch = pattern.batch_of(inputs.shape(), weights.shape(), bias.shape())?;
    let indices = |values: Vec<u32>| {
        let count = values.len();
        Tensor::from_vec(values, count, inputs.device())
    };
    // Padding reads the column of zeros behind the last input.
    let order = (0..from.places(groups)).map(|place| from.unit_at(place).unwrap_or(from.units) as u32).collect();
    let x = inputs.pad_with_zeros(1, 0, 1)?.index_select(&indices(order)?, 1)?;
    let x = x.reshape((batch, groups, from.size))?.transpose(0, 1)?.contiguous()?;
    let x = x.index_select(&indices(pattern.sources().iter().map(|source| *source as u32).collect())?, 0)?;
    let x = x.reshape((groups, fan_in, batch, from.size))?.transpose(1, 2)?.contiguous()?;
    let y = x.reshape((groups, batch, fan_in * from.size))?.matmul(&weights.reshape((groups, fan_in * from.size, to.size))?)?;
    let y = y.transpose(0, 1)?.contiguous()?.reshape((batch, to.units))?;
    let mut place_of = vec![0u32; to.units];
    (0..to.units).filter_map(|place| Some((place, to.unit_at(place)?))).for_each(|(place, unit)| place_of[unit] = place as u32);
    activation.plain(&y.index_select(&indices(place_of)?, 1)?.broadcast_add(bias)?)
}

struct BlockSparse {
    pattern: Arc<TilePattern>,
    activation: Activation,
    into: Option<GradientBuffers>,
}

impl CustomOp3 for BlockSparse {
    fn name(&self) -> &'static str {
        "block-sparse-bias-activation"
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
        let batch = self.pattern.batch_of(inputs_layout.shape(), weights_layout.shape(), bias_layout.shape())?;
        let (x, w) = (contiguous(inputs, inputs_layout)?, contiguous(weights, weights_layout)?);
        let outputs = self.pattern.forward(x, w, contiguous(bias, bias_layout)?, self.activation);
        Ok((CpuStorage::F32(outputs), Shape::from((batch, self.pattern.outputs.units))))
    }

    fn bwd(
        &self,
        inputs: &Tensor,
        weights: &Tensor,
        bias: &Tensor,
        outputs: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let pattern = &self.pattern;
        let batch = pattern.batch_of(inputs.shape(), weights.shape(), bias.shape())?;
        let n_out = pattern.outputs.units;
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
            let masked = pattern.outputs.to_places(masked);
            read(inputs, |x| {
                write(&buffers.weights, |dw| {
                    pattern.weight_gradient(x, &masked, dw);
                    Ok(())
                })
            })?;
            if inputs.track_op() {
                let dx = read(weights, |w| Ok(pattern.input_gradient(&masked, w)))?;
                inputs_gradient = Some(Tensor::from_vec(dx, inputs.shape(), inputs.device())?);
            }
            Ok(())
        })?;
        match self.into {
            Some(_) => Ok((inputs_gradient, None, None)),
            None => Ok((inputs_gradient, Some(buffers.weights), Some(buffers.bias))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernels::testing::relative_difference, random::Generator};
    use candle_core::{Device, Var};

    #[derive(Clone, Copy, Debug)]
    enum Rule {
        Contiguous,
        Interleaved,
    }

    fn ids(rule: Rule, units: usize, groups: usize) -> Vec<usize> {
        let size = units.div_ceil(groups);
        (0..units).map(|unit| if matches!(rule, Rule::Contiguous) { unit / size } else { unit % groups }).collect()
    }

    fn pattern(rule: Rule, n_in: usize, n_out: usize, groups: usize, sources: &[usize]) -> Arc<TilePattern> {
        Arc::new(TilePattern::new(groups, &ids(rule, n_in, groups), &ids(rule, n_out, groups), sources.to_vec()).unwrap())
    }

    /// Sources drawn anew for every group, so that some groups have more readers than others.
    fn drawn(rule: Rule, n_in: usize, n_out: usize, groups: usize, fan_in: usize) -> Arc<TilePattern> {
        let mut generator = Generator::new(1, "sources");
        let sources: Vec<usize> = (0..groups).flat_map(|_| generator.choose(groups, fan_in)).collect();
        pattern(rule, n_in, n_out, groups, &sources)
    }

    fn parameters(pattern: &TilePattern, batch: usize) -> [Var; 3] {
        let mut generator = Generator::new(3, "tiles");
        let mut draw = |shape: &[usize]| Var::from_tensor(&generator.normal(shape, 0.7, &Device::Cpu).unwrap()).unwrap();
        let ((n_in, n_out), (tiles, rows, columns)) = (pattern.sizes(), pattern.shape());
        [draw(&[batch, n_in]), draw(&[tiles, rows, columns]), draw(&[n_out])]
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn a_hand_worked_layer_in_both_orders() {
        let x = Var::new(&[[1f32, 1.0, 2.0, 3.0]], &Device::Cpu).unwrap();
        let w = Var::new(&[[[1f32, 2.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]]], &Device::Cpu).unwrap();
        let b = Var::zeros(4, candle_core::DType::F32, &Device::Cpu).unwrap();
        let run = |rule| block_sparse_linear(&x, &w, &b, &pattern(rule, 4, 4, 2, &[0, 1]), Activation::Identity, None).unwrap();
        assert_eq!(values(&run(Rule::Interleaved)), [7.0, 1.0, 10.0, 3.0]);
        let y = run(Rule::Contiguous);
        assert_eq!(values(&y), [4.0, 6.0, 2.0, 3.0]);
        let gradients = y.sum_all().unwrap().backward().unwrap();
        assert_eq!(values(gradients.get(&x).unwrap()), [3.0, 7.0, 1.0, 1.0]);
        assert_eq!(values(gradients.get(&w).unwrap()), [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        assert_eq!(values(gradients.get(&b).unwrap()), [1.0; 4]);
    }

    /// Shapes with and without padding, small and of the sizes that are used; batch, inputs, outputs, groups, sources of a group.
    const SHAPES: [(usize, usize, usize, usize, usize); 5] =
        [(5, 12, 8, 4, 2), (33, 10, 12, 4, 3), (64, 784, 512, 16, 4), (7, 100, 64, 8, 1), (2, 6, 6, 3, 3)];

    #[test]
    fn values_and_gradients_are_those_of_candle_and_of_the_dense_layer() {
        for (batch, n_in, n_out, groups, fan_in) in SHAPES {
            for rule in [Rule::Contiguous, Rule::Interleaved] {
                for activation in [Activation::Identity, Activation::Relu] {
                    let pattern = drawn(rule, n_in, n_out, groups, fan_in);
                    let [x, w, b] = parameters(&pattern, batch);
                    let ours = block_sparse_linear(&x, &w, &b, &pattern, activation, None).unwrap();
                    let theirs = plain(&x, &w, &b, &pattern, activation).unwrap();
                    assert!(relative_difference(&ours, &theirs) < 1e-5, "{pattern:?}");
                    let dense = Var::from_vec(pattern.dense_of(&values(&w)), (n_in, n_out), &Device::Cpu).unwrap();
                    let masked = activation.plain(&x.matmul(&dense).unwrap().broadcast_add(&b).unwrap()).unwrap();
                    assert!(relative_difference(&ours, &masked) < 1e-5);
                    let gradients = |y: &Tensor| y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
                    let (ours, theirs, masked) = (gradients(&ours), gradients(&theirs), gradients(&masked));
                    for variable in [&x, &w, &b] {
                        assert!(relative_difference(ours.get(variable).unwrap(), theirs.get(variable).unwrap()) < 1e-5);
                    }
                    assert!(relative_difference(ours.get(&x).unwrap(), masked.get(&x).unwrap()) < 1e-5);
                    let of_tiles = pattern.tiles_of(&values(masked.get(&dense).unwrap()));
                    let of_tiles = Tensor::from_vec(of_tiles, w.shape(), &Device::Cpu).unwrap();
                    assert!(relative_difference(ours.get(&w).unwrap(), &of_tiles) < 1e-5);
                }
            }
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        // Twice 4 inputs and 2 outputs a group; group 1 has no reader, so its inputs have no gradient.
        let pattern = pattern(Rule::Interleaved, 8, 4, 2, &[0, 0]);
        let [x, w, b] = parameters(&pattern, 3);
        let loss = |x: &Tensor, w: &Tensor, b: &Tensor| {
            block_sparse_linear(x, w, b, &pattern, Activation::Relu, None).unwrap().sqr().unwrap().sum_all().unwrap()
        };
        let gradients = loss(&x, &w, &b).backward().unwrap();
        let h = 1e-2;
        for (which, variable) in [&x, &w, &b].into_iter().enumerate() {
            let (gradient, start) = (values(gradients.get(variable).unwrap()), values(variable));
            for at in 0..start.len() {
                let moved = |by: f32| {
                    let mut moved = start.clone();
                    moved[at] += by;
                    let moved = Tensor::from_vec(moved, variable.dims(), &Device::Cpu).unwrap();
                    let mut all = [x.as_tensor(), w.as_tensor(), b.as_tensor()];
                    all[which] = &moved;
                    f64::from(loss(all[0], all[1], all[2]).to_scalar::<f32>().unwrap())
                };
                let numeric = (moved(h) - moved(-h)) / f64::from(2.0 * h);
                let difference = (numeric - f64::from(gradient[at])).abs();
                assert!(difference < 0.02 * (1.0 + numeric.abs()), "{which} {at}: {numeric} {}", gradient[at]);
            }
        }
        assert!(values(gradients.get(&x).unwrap()).iter().skip(1).step_by(2).all(|gradient| *gradient == 0.0));
    }

    #[test]
    fn buffers_receive_what_the_store_would_have_and_threads_change_no_bit() {
        let pattern = drawn(Rule::Interleaved, 100, 64, 8, 3);
        let [x, w, b] = parameters(&pattern, 40);
        let run = |threads: usize, into: Option<&GradientBuffers>| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let y = block_sparse_linear(&x, &w, &b, &pattern, Activation::Relu, into).unwrap();
                let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
                let of = |variable: &Var| gradients.get(variable).map(values);
                (values(&y), of(&x), of(&w), of(&b))
            })
        };
        let stored = run(1, None);
        assert_eq!(stored, run(2, None));
        assert_eq!(stored, run(3, None));
        let buffers = GradientBuffers::new(&w, &b, 64).unwrap();
        let (y, dx, none, neither) = run(2, Some(&buffers));
        assert_eq!((y, dx, none, neither), (stored.0, stored.1, None, None));
        assert_eq!((Some(values(&buffers.weights)), Some(values(&buffers.bias))), (stored.2, stored.3));
    }

    #[test]
    fn padding_takes_no_part_and_misfits_are_refused() {
        let padded = pattern(Rule::Contiguous, 5, 4, 2, &[1, 1]);
        let places: Vec<_> = padded.places_in_dense().collect();
        assert_eq!(places[..6], [Some(12), Some(13), Some(16), Some(17), None, None]);
        let [x, w, b] = parameters(&padded, 3);
        let gradients =
            block_sparse_linear(&x, &w, &b, &padded, Activation::Identity, None).unwrap().sum_all().unwrap().backward().unwrap();
        assert_eq!(values(gradients.get(&w).unwrap())[4..6], [0.0, 0.0]);
        assert!(block_sparse_linear(&x, &w.t().unwrap(), &b, &padded, Activation::Identity, None).is_err());
        assert!(TilePattern::new(2, &[0, 0, 1], &[0, 1, 1], vec![0, 1]).is_err());
        assert!(TilePattern::new(2, &[0, 0, 0], &[0, 1], vec![0, 1]).is_err());
        assert!(TilePattern::new(2, &[0, 1], &[0, 1], vec![0, 2]).is_err());
        assert!(padded.with_sources(vec![0]).is_err() && padded.with_sources(vec![0, 2]).is_err());
        assert_eq!(padded.with_sources(vec![0, 1]).unwrap(), *pattern(Rule::Contiguous, 5, 4, 2, &[0, 1]));
    }

    #[test]
    fn a_nan_passes_through_the_activation() {
        let pattern = drawn(Rule::Contiguous, 8, 8, 2, 2);
        let [x, w, _] = parameters(&pattern, 2);
        let bias = Tensor::new(&[f32::NAN, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], &Device::Cpu).unwrap();
        let y = block_sparse_linear(&x, &w, &bias, &pattern, Activation::Relu, None).unwrap();
        assert!(y.to_vec2::<f32>().unwrap()[1][0].is_nan());
    }
}
