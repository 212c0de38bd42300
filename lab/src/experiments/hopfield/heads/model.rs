//! A deep net of Hopfield layers that associate the patches of an image with each other and fill in hidden ones.
//!
//! The transformer of Vaswani et al. (2017) with its norms before the maps; a layer's attention is one Hopfield update of all tokens.

use crate::{
    experiments::{
        divergence::{first_broken, is_finite},
        hopfield::layers::{
            Association, AssociationShape, Block, Heads, Item, LayerNorm, Layout, Linear, Stop,
            association::Associated,
            dense::{Normed, relu, relu_backward},
        },
    },
    kernels::real::Real,
    random::Generator,
};
use rand::Rng;
use rand_distr::StandardNormal;

/// Sizes of the net.
#[derive(Debug, Clone, Copy)]
pub struct NetShape {
    /// Patches of an image.
    pub tokens: usize,
    /// Pixels of a patch.
    pub pixels: usize,
    /// Components of a token, also those of all heads of a layer together.
    pub width: usize,
    /// Layers.
    pub layers: usize,
    /// Heads of a layer.
    pub heads: Heads,
}

/// `x += Hopfield(x, x, x)`, then `x += narrow(relu(widen(norm(x))))` with twice as many components in between.
#[derive(Debug, Clone)]
struct Layer {
    association: Association,
    norm: LayerNorm,
    widen: Linear,
    narrow: Linear,
}

/// The net: patches are embedded, hidden ones replaced by one trained vector, places added; then the layers, a norm and a read-out.
#[derive(Debug, Clone)]
pub struct PatchNet {
    /// Sizes.
    pub shape: NetShape,
    /// Names and places of the parameters.
    pub layout: Layout,
    embed: Linear,
    hidden: Block,
    places: Block,
    layers: Vec<Layer>,
    norm: LayerNorm,
    readout: Linear,
}

/// What a forward pass keeps.
pub struct Passed<T> {
    /// The patches as the net sees them, `[images * tokens, pixels]`.
    pub predicted: Vec<T>,
    items: Vec<Item>,
    layers: Vec<PassedLayer<T>>,
    last: Normed<T>,
}

struct PassedLayer<T> {
    associated: Associated<T>,
    normed: Normed<T>,
    wide: Vec<T>,
}

fn add<T: Real>(into: &mut [T], values: &[T]) {
    into.iter_mut().zip(values).for_each(|(sum, value)| *sum += *value);
}

impl PatchNet {
    /// A net of this shape; its parameters are in a vector of the caller's.
    pub fn new(shape: NetShape) -> Self {
        let mut layout = Layout::default();
        let width = shape.width;
        let embed = Linear::new(&mut layout, "embed", shape.pixels, width);
        let hidden = layout.add("hidden", &[width]);
        let places = layout.add("places", &[shape.tokens, width]);
        let association = AssociationShape { state: width, stored: width, projection: width, heads: shape.heads, output: width };
        let layers = (0..shape.layers)
            .map(|at| Layer {
                association: Association::new(
                    &mut layout,
                    &format!("layer_{at}"),
                    association,
                    Stop { refinements: 0, tolerance: 0.0, together: false },
                ),
                norm: LayerNorm::new(&mut layout, &format!("layer_{at}.norm_wide"), width),
                widen: Linear::new(&mut layout, &format!("layer_{at}.widen"), width, 2 * width),
                narrow: Linear::new(&mut layout, &format!("layer_{at}.narrow"), 2 * width, width),
            })
            .collect();
        let norm = LayerNorm::new(&mut layout, "norm_last", width);
        let readout = Linear::new(&mut layout, "readout", width, shape.pixels);
        Self { shape, layout, embed, hidden, places, layers, norm, readout }
    }

    /// First values: maps uniform within one over the square root of their inputs, norms 1, places and the vector of hidden patches normal
    /// with deviation 0.02, biases 0.
    pub fn start<T: Real>(&self, seed: u64) -> Vec<T> {
        let mut parameters = vec![T::ZERO; self.layout.len()];
        let mut generator = Generator::new(seed, "heads/weights");
        for (name, shape, block) in self.layout.blocks() {
            let values = block.of_mut(&mut parameters);
            if name == "hidden" || name == "places" {
                values.iter_mut().for_each(|value| *value = T::of(0.02 * generator.rng().sample::<f64, _>(StandardNormal)));
            } else if let [_, inputs] = *shape {
                let bound = 1.0 / (inputs as f32).sqrt();
                values.iter_mut().for_each(|value| *value = T::of(f64::from(generator.symmetric(bound))));
            } else if name.contains("norm_") && name.ends_with("weight") {
                values.fill(T::ONE);
            }
        }
        parameters
    }

    /// Fills in the hidden patches of whole images. Shapes: `pixels` `[images * tokens, pixels]`, `hidden` `[images * tokens]`.
    pub fn forward<T: Real>(&self, parameters: &[T], pixels: &[T], hidden: &[bool]) -> Passed<T> {
        let (tokens, width) = (self.shape.tokens, self.shape.width);
        let mut x = self.embed.forward(parameters, pixels);
        for (at, (token, hidden)) in x.chunks_exact_mut(width).zip(hidden).enumerate() {
            if *hidden {
                token.copy_from_slice(self.hidden.of(parameters));
            }
            add(token, &self.places.of(parameters)[at % tokens * width..][..width]);
        }
        let rows = |image: usize| image * tokens..(image + 1) * tokens;
        let items: Vec<Item> = (0..hidden.len() / tokens).map(|image| Item { queries: rows(image), keys: rows(image) }).collect();
        let mut layers = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let associated = layer.association.forward(parameters, &x, &x, &x, &items);
            add(&mut x, &associated.output);
            let normed = layer.norm.forward(parameters, &x);
            let mut wide = layer.widen.forward(parameters, &normed.y);
            relu(&mut wide);
            add(&mut x, &layer.narrow.forward(parameters, &wide));
            layers.push(PassedLayer { associated, normed, wide });
        }
        let last = self.norm.forward(parameters, &x);
        Passed { predicted: self.readout.forward(parameters, &last.y), items, layers, last }
    }

    /// The part of the net that gives the first number that is not finite, if any does; `passed` is what the forward pass of `pixels` kept.
    pub fn first_broken<T: Real>(&self, parameters: &[T], pixels: &[T], passed: &Passed<T>) -> Option<String> {
        if !is_finite(&self.embed.forward(parameters, pixels)) {
            return Some("the embedding".to_owned());
        }
        for (at, layer) in passed.layers.iter().enumerate() {
            let wide = || first_broken([("the norm behind it", layer.normed.y.as_slice()), ("the wide map", layer.wide.as_slice())]);
            if let Some(part) = layer.associated.first_broken().or_else(wide) {
                return Some(format!("layer {}, {part}", at + 1));
            }
        }
        first_broken([("the last norm", passed.last.y.as_slice()), ("the read-out", passed.predicted.as_slice())]).map(str::to_owned)
    }

    /// Adds the gradients of all parameters, given that of the prediction. `pixels` and `hidden` are those of the forward pass.
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        passed: &Passed<T>,
        d_predicted: &[T],
        pixels: &[T],
        hidden: &[bool],
        gradient: &mut [T],
    ) {
        let (tokens, width) = (self.shape.tokens, self.shape.width);
        self.readout.backward_parameters(&passed.last.y, d_predicted, gradient);
        let d_last = self.readout.backward_input(parameters, d_predicted);
        let mut dx = self.norm.backward(parameters, &passed.last, &d_last, gradient);
        for (layer, kept) in self.layers.iter().zip(&passed.layers).rev() {
            layer.narrow.backward_parameters(&kept.wide, &dx, gradient);
            let mut d_wide = layer.narrow.backward_input(parameters, &dx);
            relu_backward(&kept.wide, &mut d_wide);
            layer.widen.backward_parameters(&kept.normed.y, &d_wide, gradient);
            let d_normed = layer.widen.backward_input(parameters, &d_wide);
            add(&mut dx, &layer.norm.backward(parameters, &kept.normed, &d_normed, gradient));
            let inputs = layer.association.backward(parameters, &kept.associated, &dx, &passed.items, gradient);
            [inputs.state, inputs.stored, inputs.projection].iter().for_each(|d| add(&mut dx, d));
        }
        for (at, (d, hidden)) in dx.chunks_exact_mut(width).zip(hidden).enumerate() {
            add(&mut self.places.of_mut(gradient)[at % tokens * width..][..width], d);
            if *hidden {
                add(self.hidden.of_mut(gradient), d);
                d.fill(T::ZERO);
            }
        }
        self.embed.backward_parameters(pixels, &dx, gradient);
    }
}

impl<T: Real> Passed<T> {
    /// The association matrix of a head, `[tokens, tokens]`: row q is how token q weighs all tokens.
    pub fn association(&self, image: usize, layer: usize, head: usize, heads: usize) -> &[T] {
        self.layers[layer].associated.attended.association(image, head, heads)
    }

    /// Sum of the squared errors of all hidden pixels, and the gradient of `scale` times that sum by the prediction.
    pub fn squared_error(&self, pixels: &[T], hidden: &[bool], scale: f64) -> (f64, Vec<T>) {
        let size = pixels.len() / hidden.len();
        let mut d_predicted = vec![T::ZERO; pixels.len()];
        let mut sum = 0.0;
        for (token, _) in hidden.iter().enumerate().filter(|(_, hidden)| **hidden) {
            for at in token * size..(token + 1) * size {
                let error = self.predicted[at] - pixels[at];
                sum += error.wide() * error.wide();
                d_predicted[at] = T::of(2.0 * scale) * error;
            }
        }
        (sum, d_predicted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net() -> (PatchNet, Vec<f64>, Vec<f64>, Vec<bool>) {
        let heads = Heads { count: 2, dim: 3, value_dim: 3, beta: 0.8 };
        let net = PatchNet::new(NetShape { tokens: 4, pixels: 3, width: 6, layers: 2, heads });
        let mut generator = Generator::new(5, "net");
        // Large enough weights that no part is near its linear regime.
        let parameters = net.start::<f64>(5).iter().map(|w| w + 0.4 * f64::from(generator.symmetric(1.0))).collect();
        let pixels = (0..2 * 4 * 3).map(|_| f64::from(generator.symmetric(1.0))).collect();
        (net, parameters, pixels, vec![true, false, false, false, false, true, true, false])
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let (net, mut parameters, pixels, hidden) = net();
        let loss = |parameters: &[f64]| 0.25 * net.forward(parameters, &pixels, &hidden).squared_error(&pixels, &hidden, 0.25).0;
        let passed = net.forward(&parameters, &pixels, &hidden);
        let (_, d_predicted) = passed.squared_error(&pixels, &hidden, 0.25);
        let mut gradient = vec![0.0; parameters.len()];
        net.backward(&parameters, &passed, &d_predicted, &pixels, &hidden, &mut gradient);
        for at in 0..parameters.len() {
            let kept = parameters[at];
            let mut at_offset = |offset: f64| {
                parameters[at] = kept + offset;
                loss(&parameters)
            };
            let slope = (at_offset(1e-5) - at_offset(-1e-5)) / 2e-5;
            parameters[at] = kept;
            assert!((slope - gradient[at]).abs() < 1e-7 + 1e-6 * slope.abs(), "{at}: {slope} {}", gradient[at]);
        }
    }

    #[test]
    fn what_is_hidden_is_not_seen_and_images_do_not_know_of_each_other() {
        let (net, parameters, mut pixels, hidden) = net();
        let before = net.forward(&parameters, &pixels, &hidden).predicted;
        // Hidden pixels of the first image.
        pixels[..3].fill(9.0);
        assert_eq!(net.forward(&parameters, &pixels, &hidden).predicted, before);
        // Seen ones change all of their image and nothing of the other.
        pixels[3] += 1.0;
        let after = net.forward(&parameters, &pixels, &hidden).predicted;
        assert!(after[..12].iter().zip(&before[..12]).all(|(a, b)| a != b) && after[12..] == before[12..]);
        let passed = net.forward(&parameters, &pixels, &hidden);
        let rows = passed.association(1, 1, 0, 2).chunks(4).map(|row| row.iter().sum::<f64>());
        assert!(rows.into_iter().all(|sum| (sum - 1.0).abs() < 1e-12));
    }
}
