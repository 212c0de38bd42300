//! The convolution as an operation that candle's autograd knows.

use super::Convolution;
use crate::kernels::storage::{contiguous, read};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// Convolution of square kernels without a bias, as [`Convolution`] defines it.
///
/// Shapes: `images` `[batch, channels, height, width]`, `filters` `[filters, channels, kernel, kernel]`; returns
/// `[batch, filters, out_height, out_width]`. On the CPU all are contiguous `f32`, and no gradient is computed for images that autograd does
/// not track; elsewhere this is candle's own operation. Errors: shapes that do not fit, a stride of 0, a kernel larger than its image, or
/// one that the padding on a side covers.
pub fn conv2d(images: &Tensor, filters: &Tensor, stride: usize, padding: usize) -> Result<Tensor> {
    if images.device().is_cpu() {
        images.apply_op2(filters, Operation { stride, padding })
    } else {
        images.conv2d(filters, padding, stride, 1, 1)
    }
}

struct Operation {
    stride: usize,
    padding: usize,
}

impl Operation {
    /// Batch and sizes. Errors: shapes that do not fit.
    fn sizes(&self, images: &Shape, filters: &Shape) -> Result<(usize, Convolution)> {
        let (batch, channels, height, width) = images.dims4()?;
        let (count, of, kernel, across) = filters.dims4()?;
        let Self { stride, padding } = *self;
        let fits = of == channels && across == kernel && stride > 0 && padding < kernel;
        if !fits || height + 2 * padding < kernel || width + 2 * padding < kernel {
            bail!("a convolution got images {images:?}, filters {filters:?}, stride {stride} and padding {padding}, which do not fit");
        }
        Ok((batch, Convolution { channels, height, width, filters: count, kernel, stride, padding }))
    }
}

impl CustomOp2 for Operation {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn cpu_fwd(
        &self,
        images: &CpuStorage,
        images_layout: &Layout,
        filters: &CpuStorage,
        filters_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, sizes) = self.sizes(images_layout.shape(), filters_layout.shape())?;
        let mut outputs = vec![0f32; batch * sizes.image_size()];
        sizes.forward(contiguous(images, images_layout)?, contiguous(filters, filters_layout)?, &mut outputs);
        Ok((CpuStorage::F32(outputs), Shape::from((batch, sizes.filters, sizes.out_height(), sizes.out_width()))))
    }

    fn bwd(&self, images: &Tensor, filters: &Tensor, _outputs: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (_, sizes) = self.sizes(images.shape(), filters.shape())?;
        let gradient = gradient.contiguous()?;
        let (mut of_images, mut of_filters) = (None, None);
        read(&gradient, |gradient| {
            if images.track_op() {
                let mut into = vec![0f32; images.elem_count()];
                read(filters, |filters| {
                    sizes.input_gradient(gradient, filters, &mut into);
                    Ok(())
                })?;
                of_images = Some(Tensor::from_vec(into, images.shape(), images.device())?);
            }
            if filters.track_op() {
                let mut into = vec![0f32; filters.elem_count()];
                read(images, |images| {
                    sizes.weight_gradient(images, gradient, &mut into);
                    Ok(())
                })?;
                of_filters = Some(Tensor::from_vec(into, filters.shape(), filters.device())?);
            }
            Ok(())
        })?;
        Ok((of_images, of_filters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernels::testing::relative_difference, random::Generator};
    use candle_core::{Device, Var};

    fn draw(shape: &[usize], name: &str) -> Var {
        Var::from_tensor(&Generator::new(8, name).normal(shape, 1.0, &Device::Cpu).unwrap()).unwrap()
    }

    #[test]
    fn values_and_gradients_are_those_of_candle() {
        for (images, filters, stride, padding) in [([3, 2, 9, 7], [5, 2, 3, 3], 1, 1), ([2, 3, 8, 8], [4, 3, 4, 4], 4, 0)] {
            let (images, filters) = (draw(&images, "images"), draw(&filters, "filters"));
            // Behind another operation on both sides, as in a network.
            let loss = |outputs: Tensor| outputs.sqr().unwrap().sum_all().unwrap();
            let scaled = (images.as_tensor() * 0.5).unwrap();
            let ours = conv2d(&scaled, &filters, stride, padding).unwrap();
            let theirs = scaled.conv2d(&filters, padding, stride, 1, 1).unwrap();
            assert!(relative_difference(&ours, &theirs) < 1e-5);
            let (ours, theirs) = (loss(ours).backward().unwrap(), loss(theirs).backward().unwrap());
            for variable in [&images, &filters] {
                assert!(relative_difference(ours.get(variable).unwrap(), theirs.get(variable).unwrap()) < 1e-5);
            }
        }
    }

    #[test]
    fn what_is_not_learnt_gets_no_gradient() {
        let (images, filters) = (draw(&[1, 1, 4, 4], "images"), draw(&[2, 1, 3, 3], "filters"));
        let outputs = conv2d(&images.as_tensor().detach(), &filters, 1, 1).unwrap();
        let gradients = outputs.sum_all().unwrap().backward().unwrap();
        assert!(gradients.get(&images).is_none() && gradients.get(&filters).is_some());
    }

    #[test]
    fn shapes_that_do_not_fit_are_told() {
        let images = draw(&[1, 2, 4, 4], "images");
        for (filters, stride, padding) in
            [([3, 1, 3, 3], 1, 1), ([3, 2, 3, 2], 1, 1), ([3, 2, 7, 7], 1, 1), ([3, 2, 3, 3], 0, 1), ([3, 2, 3, 3], 1, 3)]
        {
            let error = conv2d(&images, &draw(&filters, "filters"), stride, padding).unwrap_err().to_string();
            assert!(error.contains("which do not fit"), "{error}");
        }
    }
}
