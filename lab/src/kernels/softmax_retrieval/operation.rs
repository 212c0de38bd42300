//! Retrieval by softmax as an operation that candle's autograd knows, streamed over tiles of patterns in both directions.

use super::{ROWS, Retrieved, SEGMENT, TILE, retrieve};
use crate::kernels::{
    matmul::{Destination, Matrix, product_alone},
    storage::{contiguous, read},
};
use candle_core::{CpuStorage, CustomOp2, D, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;
use std::sync::OnceLock;

/// `softmax(beta states patterns^T) patterns`: attention whose keys are its values, one update of a modern Hopfield network.
///
/// Shapes: `states` `[states, dim]`, `patterns` `[patterns, dim]`; returns `[states, dim]`. `beta` is the inverse temperature, positive. On
/// the CPU both are contiguous `f32` and the `states * patterns` weights never exist at once, forward or backward; elsewhere these are
/// candle's own operations. Errors: shapes that do not fit, no pattern. Source: Ramsauer et al. (2020), equation 3.
pub fn softmax_retrieval(states: &Tensor, patterns: &Tensor, beta: f64) -> Result<Tensor> {
    sizes(states.shape(), patterns.shape())?;
    if states.device().is_cpu() {
        states.apply_op2(patterns, Operation { beta, log_sums: OnceLock::new() })
    } else {
        plain(states, patterns, beta)
    }
}

fn plain(states: &Tensor, patterns: &Tensor, beta: f64) -> Result<Tensor> {
    let scores = (states * beta)?.matmul(&patterns.t()?)?;
    let terms = scores.broadcast_sub(&scores.detach().max_keepdim(D::Minus1)?)?.exp()?;
    terms.matmul(patterns)?.broadcast_div(&terms.sum_keepdim(D::Minus1)?)
}

/// States and dim. Errors: shapes that do not fit.
fn sizes(states: &Shape, patterns: &Shape) -> Result<(usize, usize)> {
    let ((count, dim), (stored, wide)) = (states.dims2()?, patterns.dims2()?);
    if dim == 0 || wide != dim || stored == 0 {
        bail!("a retrieval got states {states:?} and patterns {patterns:?}, which do not fit");
    }
    Ok((count, dim))
}

struct Operation {
    beta: f64,
    /// `ln sum exp` of every state's scores, from the forward pass.
    log_sums: OnceLock<Vec<f64>>,
}

impl CustomOp2 for Operation {
    fn name(&self) -> &'static str {
        "softmax-retrieval"
    }

    fn cpu_fwd(
        &self,
        states: &CpuStorage,
        states_layout: &Layout,
        patterns: &CpuStorage,
        patterns_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (count, dim) = sizes(states_layout.shape(), patterns_layout.shape())?;
        let (states, patterns) = (contiguous(states, states_layout)?, contiguous(patterns, patterns_layout)?);
        let Retrieved { states, log_sum, .. } = retrieve(patterns, states, dim, self.beta);
        self.log_sums.get_or_init(|| log_sum);
        Ok((CpuStorage::F32(states), Shape::from((count, dim))))
    }

    fn bwd(&self, states: &Tensor, patterns: &Tensor, outputs: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (_, dim) = sizes(states.shape(), patterns.shape())?;
        let Some(log_sums) = self.log_sums.get() else { bail!("a retrieval's backward pass came before its forward pass") };
        let mut found = None;
        read(states, |states| {
            read(patterns, |patterns| {
                read(outputs, |outputs| {
                    read(&gradient.contiguous()?, |gradient| {
                        found = Some(Backward { states, patterns, outputs, gradient, log_sums, dim, beta: self.beta }.run());
                        Ok(())
                    })
                })
            })
        })?;
        let Some((of_states, of_patterns)) = found else { bail!("a retrieval's backward pass was not carried out") };
        let tensor = |values: Vec<f32>, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device());
        Ok((Some(tensor(of_states, states)?), Some(tensor(of_patterns, patterns)?)))
    }
}

/// What the backward pass reads; all row-major.
struct Backward<'a> {
    states: &'a [f32],
    patterns: &'a [f32],
    outputs: &'a [f32],
    gradient: &'a [f32],
    log_sums: &'a [f64],
    dim: usize,
    beta: f64,
}

impl Backward<'_> {
    /// The gradients of states and patterns.
    ///
    /// With weights p, `g_i = dy . x_i` and their mean `dy . y`: `ds = beta sum_i p_i (g_i - mean) x_i` and
    /// `dx_i = p_i dy + beta p_i (g_i - mean) s`, the latter summed over the states.
    fn run(&self) -> (Vec<f32>, Vec<f32>) {
        let mut of_patterns = vec![0f32; self.patterns.len()];
        let segments = of_patterns.par_chunks_mut(SEGMENT * self.dim).zip(self.patterns.par_chunks(SEGMENT * self.dim));
        let partial: Vec<Vec<f32>> = segments.map(|(into, patterns)| self.segment(patterns, into)).collect();
        let mut of_states = vec![0f32; self.states.len()];
        for part in &partial {
            of_states.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
        }
        (of_states, of_patterns)
    }

    /// What a segment of patterns adds to the gradients of the states; those of its patterns go to `into`.
    fn segment(&self, patterns: &[f32], into: &mut [f32]) -> Vec<f32> {
        let dim = self.dim;
        let mut of_states = vec![0f32; self.states.len()];
        let (mut weights, mut slopes) = (vec![0f32; ROWS * TILE], vec![0f32; ROWS * TILE]);
        for (block, of_states) in of_states.chunks_mut(ROWS * dim).enumerate() {
            let rows = of_states.len() / dim;
            let within = block * ROWS * dim..block * ROWS * dim + rows * dim;
            let [states, outputs, gradient] = [self.states, self.outputs, self.gradient].map(|all| &all[within.clone()]);
            let scaled: Vec<f32> = states.iter().map(|value| (f64::from(*value) * self.beta) as f32).collect();
            for (tile, into) in patterns.chunks(TILE * dim).zip(into.chunks_mut(TILE * dim)) {
                let count = tile.len() / dim;
                let (weights, slopes) = (&mut weights[..rows * count], &mut slopes[..rows * count]);
                let x = Matrix::new(tile, count, dim);
                let dy = Matrix::new(gradient, rows, dim);
                product_alone(weights, Destination::Overwrite, Matrix::new(&scaled, rows, dim), x.transposed());
                product_alone(slopes, Destination::Overwrite, dy, x.transposed());
                let each = weights.chunks_exact_mut(count).zip(slopes.chunks_exact_mut(count)).enumerate();
                for (row, (weights, slopes)) in each {
                    let log_sum = self.log_sums[block * ROWS + row];
                    let pair = outputs[row * dim..(row + 1) * dim].iter().zip(&gradient[row * dim..(row + 1) * dim]);
                    let mean: f32 = pair.map(|(y, dy)| y * dy).sum();
                    for (weight, slope) in weights.iter_mut().zip(slopes) {
                        *weight = (f64::from(*weight) - log_sum).exp() as f32;
                        *slope = (self.beta * f64::from(*weight) * f64::from(*slope - mean)) as f32;
                    }
                }
                let (weights, slopes) = (Matrix::new(weights, rows, count), Matrix::new(slopes, rows, count));
                product_alone(of_states, Destination::Add, slopes, x);
                product_alone(into, Destination::Add, weights.transposed(), dy);
                product_alone(into, Destination::Add, slopes.transposed(), Matrix::new(states, rows, dim));
            }
        }
        of_states
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernels::testing::relative_difference, random::Generator};
    use candle_core::{Device, Var};

    fn draw(shape: (usize, usize), name: &str) -> Var {
        Var::from_tensor(&Generator::new(6, name).normal(shape, 1.0, &Device::Cpu).unwrap()).unwrap()
    }

    fn loss(outputs: &Tensor) -> Tensor {
        (outputs.sqr().unwrap() + outputs).unwrap().sum_all().unwrap()
    }

    #[test]
    fn values_and_gradients_are_those_of_candle() {
        // Around the borders of row blocks, tiles and segments.
        for (states, patterns, dim, beta) in [(2, 2, 3, 1.0), (65, 513, 8, 0.5), (3, 8_200, 4, 1.0), (130, 40, 16, 0.25)] {
            let (s, x) = (draw((states, dim), "states"), draw((patterns, dim), "patterns"));
            let (ours, theirs) = (softmax_retrieval(&s, &x, beta).unwrap(), plain(&s, &x, beta).unwrap());
            assert!(relative_difference(&ours, &theirs) < 1e-5);
            let (ours, theirs) = (loss(&ours).backward().unwrap(), loss(&theirs).backward().unwrap());
            for variable in [&s, &x] {
                assert!(relative_difference(ours.get(variable).unwrap(), theirs.get(variable).unwrap()) < 1e-5);
            }
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let (s, x) = (draw((3, 4), "states"), draw((5, 4), "patterns"));
        let value = |s: &Tensor, x: &Tensor| loss(&softmax_retrieval(s, x, 0.7).unwrap());
        let gradients = value(&s, &x).backward().unwrap();
        for (which, variable) in [&s, &x].into_iter().enumerate() {
            let gradient = gradients.get(variable).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let values = variable.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            for at in 0..values.len() {
                let moved = |by: f32| {
                    let mut values = values.clone();
                    values[at] += by;
                    let moved = Tensor::from_vec(values, variable.dims(), &Device::Cpu).unwrap();
                    let pair = if which == 0 { [&moved, x.as_tensor()] } else { [s.as_tensor(), &moved] };
                    f64::from(value(pair[0], pair[1]).to_scalar::<f32>().unwrap())
                };
                let numeric = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                assert!(
                    (numeric - f64::from(gradient[at])).abs() < 0.01 * (1.0 + numeric.abs()),
                    "{which} {at}: {numeric} {}",
                    gradient[at]
                );
            }
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads_and_shapes_that_do_not_fit_are_told() {
        let (s, x) = (draw((70, 16), "states"), draw((9_000, 16), "patterns"));
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let gradients = pool.install(|| loss(&softmax_retrieval(&s, &x, 1.0).unwrap()).backward().unwrap());
            [&s, &x].map(|variable| gradients.get(variable).unwrap().to_vec2::<f32>().unwrap())
        };
        assert_eq!(run(1), run(2));
        let narrow = draw((5, 8), "narrow");
        assert!(softmax_retrieval(&s, &narrow, 1.0).unwrap_err().to_string().contains("do not fit"));
    }
}
