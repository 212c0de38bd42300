//! Max pooling over windows that do not overlap, as one operation with its own backward pass.
//!
//! The whole gradient of a window goes to its largest value, to the first of equal ones row by row. candle's own operation divides it
//! among equal values and scales what a unique maximum gets.

use crate::kernels::storage::{contiguous, read};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// The largest value of every window of `window` rows and columns.
///
/// Shapes: `images` `[batch, channels, height, width]`; returns `[batch, channels, height / window, width / window]`; lines that fill no
/// window are left out, and their gradient is 0. On the CPU contiguous `f32`; elsewhere candle's own operation gives the values and the
/// gradient is that of `sum of values * (value == largest) / number of equal ones`. A NaN in a window is its largest value. Errors: not
/// four dimensions, a window of 0 or larger than an image.
pub fn max_pool2d(images: &Tensor, window: usize) -> Result<Tensor> {
    sizes(images.shape(), window)?;
    if images.device().is_cpu() { images.apply_op1(MaxPool { window }) } else { plain(images, window) }
}

/// By operations whose gradients candle has right: what is equal to the largest value of its window shares the gradient alike.
fn plain(images: &Tensor, window: usize) -> Result<Tensor> {
    let (batch, channels, height, width) = images.dims4()?;
    let (rows, columns) = (height / window, width / window);
    let windows = images.narrow(2, 0, rows * window)?.narrow(3, 0, columns * window)?.contiguous()?;
    let windows = windows.reshape((batch * channels, rows, window, columns, window))?.transpose(2, 3)?.contiguous()?;
    let windows = windows.reshape((batch * channels * rows * columns, window * window))?;
    let largest = windows.detach().max_keepdim(1)?;
    let chosen = windows.detach().broadcast_eq(&largest)?.to_dtype(images.dtype())?;
    let share = chosen.broadcast_div(&chosen.sum_keepdim(1)?)?;
    (windows * share)?.sum(1)?.reshape((batch, channels, rows, columns))
}

/// Planes, height and width. Errors: no image, no window.
fn sizes(images: &Shape, window: usize) -> Result<(usize, usize, usize)> {
    let (batch, channels, height, width) = images.dims4()?;
    if window == 0 || window > height || window > width {
        bail!("max pooling got images {images:?} and a window of {window}, which do not fit");
    }
    Ok((batch * channels, height, width))
}

struct MaxPool {
    window: usize,
}

impl MaxPool {
    /// The place in `plane` of the largest value of the window whose first value is at `first`.
    fn largest(&self, plane: &[f32], first: usize, width: usize) -> usize {
        let places = (0..self.window * self.window).map(|at| first + at / self.window * width + at % self.window);
        places.fold(first, |best, place| {
            let (value, most) = (plane[place], plane[best]);
            if value > most || (value.is_nan() && !most.is_nan()) { place } else { best }
        })
    }

    /// The places of the first values of all windows of a plane, in the order of the outputs.
    fn firsts(&self, height: usize, width: usize) -> impl Iterator<Item = usize> {
        let window = self.window;
        (0..height / window).flat_map(move |row| (0..width / window).map(move |column| row * window * width + column * window))
    }
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool"
    }

    fn cpu_fwd(&self, images: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (planes, height, width) = sizes(layout.shape(), self.window)?;
        let (rows, columns) = (height / self.window, width / self.window);
        let mut outputs = vec![0f32; planes * rows * columns];
        let planes = contiguous(images, layout)?.par_chunks_exact(height * width);
        outputs.par_chunks_exact_mut(rows * columns).zip(planes).for_each(|(outputs, plane)| {
            for (output, first) in outputs.iter_mut().zip(self.firsts(height, width)) {
                *output = plane[self.largest(plane, first, width)];
            }
        });
        let (batch, channels, ..) = layout.shape().dims4()?;
        Ok((CpuStorage::F32(outputs), Shape::from((batch, channels, rows, columns))))
    }

    fn bwd(&self, images: &Tensor, _outputs: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (_, height, width) = sizes(images.shape(), self.window)?;
        let pooled = (height / self.window) * (width / self.window);
        let mut into = vec![0f32; images.elem_count()];
        read(&gradient.contiguous()?, |gradient| {
            read(images, |images| {
                let planes = images.par_chunks_exact(height * width).zip(gradient.par_chunks_exact(pooled));
                into.par_chunks_exact_mut(height * width).zip(planes).for_each(|(into, (plane, gradient))| {
                    for (dy, first) in gradient.iter().zip(self.firsts(height, width)) {
                        into[self.largest(plane, first, width)] = *dy;
                    }
                });
                Ok(())
            })
        })?;
        Ok(Some(Tensor::from_vec(into, images.shape(), images.device())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernels::testing::relative_difference, random::Generator};
    use candle_core::{Device, Var};

    #[test]
    fn a_unique_maximum_gets_the_whole_gradient_and_the_first_of_equal_ones_does() {
        #[rustfmt::skip]
        let values = [
            1f32, 5.0, -1.0, -1.0, 9.0,
            2.0,  3.0, -3.0, -1.0, 9.0,
            8.0,  8.0,  8.0,  8.0, 9.0,
        ];
        let images = Var::from_tensor(&Tensor::from_slice(&values, (1, 1, 3, 5), &Device::Cpu).unwrap()).unwrap();
        let pooled = max_pool2d(&images, 2).unwrap();
        assert_eq!(pooled.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [5.0, -1.0]);
        let weighted = (pooled * Tensor::new(&[[[[3f32, 7.0]]]], &Device::Cpu).unwrap()).unwrap();
        let gradients = weighted.sum_all().unwrap().backward().unwrap();
        let mut expected = [0f32; 15];
        (expected[1], expected[2]) = (3.0, 7.0);
        assert_eq!(gradients.get(&images).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap(), expected);
    }

    #[test]
    fn values_and_gradients_are_those_of_the_plain_expression() {
        for (shape, window) in [([2, 3, 8, 8], 2), ([1, 2, 7, 9], 3), ([3, 1, 4, 5], 1), ([1, 1, 5, 5], 5)] {
            let images = Var::from_tensor(&Generator::new(2, "images").normal(&shape[..], 1.0, &Device::Cpu).unwrap()).unwrap();
            let (ours, theirs) = (max_pool2d(&images, window).unwrap(), plain(&images, window).unwrap());
            assert_eq!(relative_difference(&ours, &theirs), 0.0);
            let gradient = |outputs: Tensor| outputs.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            let (ours, theirs) = (gradient(ours), gradient(theirs));
            assert!(relative_difference(ours.get(&images).unwrap(), theirs.get(&images).unwrap()) < 1e-6);
        }
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let shape = [1, 2, 4, 6];
        let images = Var::from_tensor(&Generator::new(3, "images").normal(&shape[..], 1.0, &Device::Cpu).unwrap()).unwrap();
        let loss = |images: &Tensor| max_pool2d(images, 2).unwrap().sqr().unwrap().sum_all().unwrap();
        let gradients = loss(&images).backward().unwrap();
        let gradient = gradients.get(&images).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let values = images.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for at in 0..values.len() {
            let moved = |by: f32| {
                let mut values = values.clone();
                values[at] += by;
                loss(&Tensor::from_vec(values, &shape[..], &Device::Cpu).unwrap()).to_scalar::<f32>().unwrap()
            };
            // The loss is quadratic between kinks, so this is exact but for rounding.
            assert!(((moved(1e-3) - moved(-1e-3)) / 2e-3 - gradient[at]).abs() < 0.02, "{at}");
        }
    }

    #[test]
    fn a_nan_shows_and_sizes_that_do_not_fit_are_told() {
        let images = Tensor::new(&[[[[1f32, f32::NAN], [3.0, 2.0]]]], &Device::Cpu).unwrap();
        assert!(max_pool2d(&images, 2).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()[0].is_nan());
        for window in [0, 3] {
            assert!(max_pool2d(&images, window).unwrap_err().to_string().contains("do not fit"));
        }
    }
}
