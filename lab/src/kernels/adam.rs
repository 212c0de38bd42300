//! Adam with decoupled weight decay and an optional mask of live parameters, in place.

use crate::{
    Checkpoint,
    kernels::storage::{read, write},
};
use candle_core::{Device, Result, Tensor, Var, bail};
use rayon::prelude::*;

/// Parameters that one task takes.
const PARAMETERS_PER_TASK: usize = 16_384;
const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// The state of Adam for one parameter tensor.
///
/// Per step t, with gradient g: `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`,
/// `w = w - lr (weight_decay w + (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps))` with b1 = 0.9, b2 = 0.999, eps = 1e-8.
/// Source: Kingma and Ba (2015), algorithm 1; decoupled decay: Loshchilov and Hutter (2019), algorithm 2.
#[derive(Debug)]
pub struct Adam {
    /// Running mean of the gradient, of the parameter's shape.
    pub first_moment: Tensor,
    /// Running mean of its square.
    pub second_moment: Tensor,
    steps: u64,
    weight_decay: f64,
}

impl Adam {
    /// A fresh optimiser for a parameter of this shape; `weight_decay` is dimensionless, 0 for none.
    pub fn new(parameter: &Tensor, weight_decay: f64) -> Result<Self> {
        Ok(Self { first_moment: parameter.zeros_like()?, second_moment: parameter.zeros_like()?, steps: 0, weight_decay })
    }

    /// One update of `parameter` by `gradient`, both of the shape given to [`Adam::new`]. Where `mask` (1 or 0 per parameter) is 0 the
    /// gradient counts as 0, so that a parameter that is 0 with moments 0 stays so.
    pub fn update(&mut self, parameter: &Var, gradient: &Tensor, mask: Option<&Tensor>, learning_rate: f64) -> Result<()> {
        if parameter.dims() != self.first_moment.dims() || gradient.dims() != self.first_moment.dims() {
            bail!("Adam for {:?} got a parameter {:?} and a gradient {:?}", self.first_moment.shape(), parameter.shape(), gradient.shape());
        }
        self.steps += 1;
        let rates = Rates::at(self.steps, learning_rate, self.weight_decay);
        if parameter.device().is_cpu() {
            self.update_in_place(parameter, gradient, mask, rates)
        } else {
            self.update_plain(parameter, gradient, mask, rates)
        }
    }

    /// As [`Adam::update`] for a parameter that is a slice: `parameter` and `gradient` have as many numbers as the shape given to
    /// [`Adam::new`], which was on the CPU.
    pub fn update_values(&mut self, parameter: &mut [f32], gradient: &[f32], learning_rate: f64) -> Result<()> {
        if parameter.len() != self.first_moment.elem_count() || gradient.len() != parameter.len() {
            bail!("Adam for {:?} got {} parameters and {} gradients", self.first_moment.shape(), parameter.len(), gradient.len());
        }
        self.steps += 1;
        let rates = Rates::at(self.steps, learning_rate, self.weight_decay);
        write(&self.first_moment, |m| {
            write(&self.second_moment, |v| {
                rates.update(parameter, m, v, gradient, None);
                Ok(())
            })
        })
    }

    fn update_in_place(&self, parameter: &Var, gradient: &Tensor, mask: Option<&Tensor>, rates: Rates) -> Result<()> {
        read(gradient, |g| {
            write(parameter, |w| {
                write(&self.first_moment, |m| {
                    write(&self.second_moment, |v| match mask {
                        None => {
                            rates.update(w, m, v, g, None);
                            Ok(())
                        }
                        Some(mask) => read(mask, |mask| {
                            rates.update(w, m, v, g, Some(mask));
                            Ok(())
                        }),
                    })
                })
            })
        })
    }

    fn update_plain(&mut self, parameter: &Var, gradient: &Tensor, mask: Option<&Tensor>, rates: Rates) -> Result<()> {
        let gradient = match mask {
            None => gradient.clone(),
            Some(mask) => gradient.mul(mask)?,
        };
        self.first_moment = ((&self.first_moment * BETA_1)? + (&gradient * (1.0 - BETA_1))?)?.detach();
        self.second_moment = ((&self.second_moment * BETA_2)? + (gradient.sqr()? * (1.0 - BETA_2))?)?.detach();
        let spread = ((&self.second_moment * f64::from(rates.second_correction))?.sqrt()? + EPSILON)?;
        let change = ((&self.first_moment * f64::from(rates.step_size))? / spread)?;
        parameter.set(&((parameter.as_tensor() * f64::from(rates.keep))? - change)?.detach())
    }

    /// Forgets the past of the parameters at these places of the row-major order.
    pub fn clear(&self, cells: &[usize]) -> Result<()> {
        for moment in [&self.first_moment, &self.second_moment] {
            write(moment, |values| {
                cells.iter().for_each(|cell| values[*cell] = 0.0);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Saves moments and step count under names that begin with `name`.
    pub fn save(&self, name: &str, into: &mut Checkpoint) -> crate::Result<()> {
        into.put_tensor(&format!("{name}/first_moment"), &self.first_moment)?;
        into.put_tensor(&format!("{name}/second_moment"), &self.second_moment)?;
        into.put_state(&format!("{name}/steps"), &self.steps)
    }

    /// Takes over what [`Adam::save`] saved under `name`.
    pub fn restore(&mut self, name: &str, from: &Checkpoint, device: &Device) -> crate::Result<()> {
        self.first_moment = from.get_tensor(&format!("{name}/first_moment"), device)?;
        self.second_moment = from.get_tensor(&format!("{name}/second_moment"), device)?;
        self.steps = from.get_state(&format!("{name}/steps"))?;
        Ok(())
    }
}

/// What one step multiplies by.
#[derive(Clone, Copy)]
struct Rates {
    /// `1 - lr weight_decay`.
    keep: f32,
    /// `lr / (1 - b1^t)`.
    step_size: f32,
    /// `1 / (1 - b2^t)`.
    second_correction: f32,
}

impl Rates {
    fn at(step: u64, learning_rate: f64, weight_decay: f64) -> Self {
        let t = step as f64;
        Self {
            keep: (1.0 - learning_rate * weight_decay) as f32,
            step_size: (learning_rate / (1.0 - BETA_1.powf(t))) as f32,
            second_correction: (1.0 / (1.0 - BETA_2.powf(t))) as f32,
        }
    }

    fn update(self, w: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32], mask: Option<&[f32]>) {
        let pieces = w
            .par_chunks_mut(PARAMETERS_PER_TASK)
            .zip(m.par_chunks_mut(PARAMETERS_PER_TASK).zip(v.par_chunks_mut(PARAMETERS_PER_TASK)))
            .zip(g.par_chunks(PARAMETERS_PER_TASK));
        match mask {
            None => pieces.for_each(|((w, (m, v)), g)| self.piece(w, m, v, g, None)),
            Some(mask) => {
                let pieces = pieces.zip(mask.par_chunks(PARAMETERS_PER_TASK));
                pieces.for_each(|(((w, (m, v)), g), mask)| self.piece(w, m, v, g, Some(mask)));
            }
        }
    }

    /// Eight parameters at a time where the processor can; neither way fuses or reorders, so both give the same bits.
    fn piece(self, w: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32], mask: Option<&[f32]>) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has just been asked.
            return unsafe { self.piece_avx2(w, m, v, g, mask) };
        }
        self.piece_portable(w, m, v, g, mask);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn piece_avx2(self, w: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32], mask: Option<&[f32]>) {
        self.piece_portable(w, m, v, g, mask);
    }

    #[inline(always)]
    fn piece_portable(self, w: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32], mask: Option<&[f32]>) {
        match mask {
            None => {
                for (((w, m), v), g) in w.iter_mut().zip(m).zip(v).zip(g) {
                    self.one(w, m, v, *g);
                }
            }
            Some(mask) => {
                for ((((w, m), v), g), mask) in w.iter_mut().zip(m).zip(v).zip(g).zip(mask) {
                    self.one(w, m, v, g * mask);
                }
            }
        }
    }

    #[inline(always)]
    fn one(self, w: &mut f32, m: &mut f32, v: &mut f32, g: f32) {
        *m = BETA_1 as f32 * *m + (1.0 - BETA_1) as f32 * g;
        *v = BETA_2 as f32 * *v + (1.0 - BETA_2) as f32 * (g * g);
        *w = self.keep * *w - self.step_size * *m / ((self.second_correction * *v).sqrt() + EPSILON as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernels::testing::relative_difference, random::Generator};
    use candle_core::DType;

    #[test]
    fn the_first_step_is_one_learning_rate_long() {
        let w = Var::new(&[1f32, 1.0, 1.0], &Device::Cpu).unwrap();
        let mut adam = Adam::new(&w, 0.0).unwrap();
        adam.update(&w, &Tensor::new(&[0.5f32, -20.0, 0.0], &Device::Cpu).unwrap(), None, 0.1).unwrap();
        let expected = Tensor::new(&[0.9f32, 1.1, 1.0], &Device::Cpu).unwrap();
        assert!(relative_difference(&w, &expected) < 1e-6);
    }

    #[test]
    fn wide_and_portable_instructions_give_the_same_bits() {
        let mut generator = Generator::new(6, "adam");
        let mut draw = || (0..1003).map(|_| generator.symmetric(1.0)).collect::<Vec<f32>>();
        let (w, m, g, mask) = (draw(), draw(), draw(), draw());
        let v: Vec<f32> = m.iter().map(|m| m * m).collect();
        let rates = Rates::at(7, 0.01, 0.1);
        let (mut wide, mut portable) = ([w.clone(), m.clone(), v.clone()], [w, m, v]);
        let [a, b, c] = &mut wide;
        rates.piece(a, b, c, &g, Some(&mask));
        let [a, b, c] = &mut portable;
        rates.piece_portable(a, b, c, &g, Some(&mask));
        assert_eq!(wide, portable);
    }

    #[test]
    fn updates_are_those_of_the_plain_expression() {
        let mut generator = Generator::new(2, "adam");
        let mut draw = || generator.normal((300, 70), 1.0, &Device::Cpu).unwrap();
        let start = draw();
        let mask = draw().gt(0.0).unwrap().to_dtype(DType::F32).unwrap();
        for mask in [None, Some(&mask)] {
            let (ours, theirs) = (Var::from_tensor(&start.copy().unwrap()).unwrap(), Var::from_tensor(&start.copy().unwrap()).unwrap());
            let (mut fused, mut plain) = (Adam::new(&ours, 0.01).unwrap(), Adam::new(&theirs, 0.01).unwrap());
            for step in 1..=5 {
                let gradient = draw();
                fused.update(&ours, &gradient, mask, 0.01).unwrap();
                plain.update_plain(&theirs, &gradient, mask, Rates::at(step, 0.01, 0.01)).unwrap();
            }
            assert!(relative_difference(&ours, &theirs) < 1e-5);
            assert!(relative_difference(&fused.first_moment, &plain.first_moment) < 1e-5);
            assert!(relative_difference(&fused.second_moment, &plain.second_moment) < 1e-5);
        }
    }

    #[test]
    fn slices_are_updated_as_tensors_are() {
        let mut generator = Generator::new(3, "adam");
        let (start, gradient) = (generator.normal(37, 1.0, &Device::Cpu).unwrap(), generator.normal(37, 1.0, &Device::Cpu).unwrap());
        let parameter = Var::from_tensor(&start).unwrap();
        let mut values = start.to_vec1::<f32>().unwrap();
        let (mut of_tensor, mut of_slice) = (Adam::new(&start, 0.01).unwrap(), Adam::new(&start, 0.01).unwrap());
        for _ in 0..3 {
            of_slice.update_values(&mut values, &gradient.to_vec1::<f32>().unwrap(), 0.01).unwrap();
            of_tensor.update(&parameter, &gradient, None, 0.01).unwrap();
        }
        assert_eq!(parameter.to_vec1::<f32>().unwrap(), values);
        assert!(of_slice.update_values(&mut values[1..], &[0.0; 36], 0.01).is_err());
    }

    #[test]
    fn a_masked_parameter_that_is_zero_stays_zero_and_a_restored_optimiser_goes_on() {
        let w = Var::new(&[0f32, 2.0], &Device::Cpu).unwrap();
        let mask = Tensor::new(&[0f32, 1.0], &Device::Cpu).unwrap();
        let gradient = Tensor::new(&[3f32, 3.0], &Device::Cpu).unwrap();
        let mut adam = Adam::new(&w, 0.1).unwrap();
        adam.update(&w, &gradient, Some(&mask), 0.1).unwrap();
        let mut saved = Checkpoint::default();
        adam.save("w", &mut saved).unwrap();
        let copy = Var::from_tensor(&w.copy().unwrap()).unwrap();
        let mut again = Adam::new(&w, 0.1).unwrap();
        again.restore("w", &Checkpoint::from_bytes(&saved.to_bytes().unwrap()).unwrap(), &Device::Cpu).unwrap();
        adam.update(&w, &gradient, Some(&mask), 0.1).unwrap();
        again.update(&copy, &gradient, Some(&mask), 0.1).unwrap();
        let values = w.to_vec1::<f32>().unwrap();
        assert_eq!(values[0].to_bits(), 0f32.to_bits());
        assert_eq!(values, copy.to_vec1::<f32>().unwrap());
    }
}
