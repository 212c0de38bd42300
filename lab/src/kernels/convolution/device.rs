//! Convolutions on a given device: the loops of this folder on the CPU; elsewhere candle's own operations, to which slices are sent and
//! from which results come back.

use super::Convolution;
use candle_core::{Device, Result, Tensor};

impl Convolution {
    /// [`Convolution::forward`] on `device`. Errors: those of the device.
    pub fn forward_on(&self, device: &Device, inputs: &[f32], weights: &[f32], outputs: &mut [f32]) -> Result<()> {
        if device.is_cpu() {
            self.forward(inputs, weights, outputs);
            return Ok(());
        }
        self.plain_forward(device, inputs, weights, outputs)
    }

    /// [`Convolution::input_gradient`] on `device`. Errors: those of the device.
    pub fn input_gradient_on(&self, device: &Device, gradient: &[f32], weights: &[f32], into: &mut [f32]) -> Result<()> {
        if device.is_cpu() {
            self.input_gradient(gradient, weights, into);
            return Ok(());
        }
        self.plain_input_gradient(device, gradient, weights, into)
    }

    /// [`Convolution::weight_gradient`] on `device`. Errors: those of the device.
    pub fn weight_gradient_on(&self, device: &Device, inputs: &[f32], gradient: &[f32], into: &mut [f32]) -> Result<()> {
        if device.is_cpu() {
            self.weight_gradient(inputs, gradient, into);
            return Ok(());
        }
        self.plain_weight_gradient(device, inputs, gradient, into)
    }

    pub(super) fn plain_forward(&self, device: &Device, inputs: &[f32], weights: &[f32], outputs: &mut [f32]) -> Result<()> {
        self.piece(inputs, outputs);
        let responses = self.images(device, inputs)?.conv2d(&self.kernels(device, weights)?, self.padding, self.stride, 1, 1)?;
        fetch(&responses, outputs)
    }

    pub(super) fn plain_input_gradient(&self, device: &Device, gradient: &[f32], weights: &[f32], into: &mut [f32]) -> Result<()> {
        self.piece(into, gradient);
        let (gradient, kernels) = (self.responses(device, gradient)?, self.kernels(device, weights)?);
        // Rows and columns that no kernel reached.
        let [below, beside] = [(self.height, self.out_height()), (self.width, self.out_width())]
            .map(|(size, out)| size + 2 * self.padding - self.kernel - (out - 1) * self.stride);
        let whole = gradient.conv_transpose2d(&kernels, self.padding, below.max(beside), self.stride, 1)?;
        // candle pads both directions alike; what is too much lies at the far end.
        fetch(&whole.narrow(2, 0, self.height)?.narrow(3, 0, self.width)?, into)
    }

    pub(super) fn plain_weight_gradient(&self, device: &Device, inputs: &[f32], gradient: &[f32], into: &mut [f32]) -> Result<()> {
        self.piece(inputs, gradient);
        let images = self.images(device, inputs)?.transpose(0, 1)?.contiguous()?;
        let gradient = self.responses(device, gradient)?.transpose(0, 1)?.contiguous()?;
        // Images as a batch of channels, responses as kernels that are spread out by the stride.
        let all = images.conv2d(&gradient, self.padding, 1, self.stride, 1)?;
        let kernels = all.narrow(2, 0, self.kernel)?.narrow(3, 0, self.kernel)?.transpose(0, 1)?;
        fetch(&kernels, into)
    }

    fn images(&self, device: &Device, values: &[f32]) -> Result<Tensor> {
        Tensor::from_slice(values, (values.len() / self.in_size(), self.channels, self.height, self.width), device)
    }

    fn responses(&self, device: &Device, values: &[f32]) -> Result<Tensor> {
        Tensor::from_slice(values, (values.len() / self.image_size(), self.filters, self.out_height(), self.out_width()), device)
    }

    fn kernels(&self, device: &Device, values: &[f32]) -> Result<Tensor> {
        Tensor::from_slice(values, (self.filters, self.channels, self.kernel, self.kernel), device)
    }
}

/// Copies a tensor into a slice of its size.
fn fetch(tensor: &Tensor, into: &mut [f32]) -> Result<()> {
    into.copy_from_slice(&tensor.flatten_all()?.to_vec1::<f32>()?);
    Ok(())
}
