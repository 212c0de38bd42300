//! The classifier: three times convolution, normalisation, ReLU and pooling, then a linear read-out; forward and backward on slices.

use super::config::NhlConfig;
use crate::{
    Checkpoint, Lab, Result,
    experiments::divergence::{first_broken, is_finite},
    kernels::{
        AffineGradient, Convolution, NormPool, Statistics,
        matmul::{Destination, Matrix, product},
    },
    random::Generator,
};
use candle_core::Device;
use rand::Rng;
use rand_distr::StandardNormal;

/// Convolutions.
pub const LAYERS: usize = 3;
/// Share by which running statistics move towards those of a batch.
const MOMENTUM: f32 = 0.1;

/// The sizes of the classifier.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The convolutions.
    pub convolutions: [Convolution; LAYERS],
    /// Normalisation, ReLU and pooling of 2 x 2 behind each of them.
    pub pools: [NormPool; LAYERS],
    /// Inputs of the read-out.
    pub features: usize,
    /// Classes.
    pub classes: usize,
    /// Where the convolutions run; everything else is done on the CPU.
    pub device: Device,
}

impl Plan {
    /// The sizes that a config asks for, with convolutions on the CPU.
    pub fn new(config: &NhlConfig) -> Self {
        let (mut channels, mut side) = (config.dataset.channels(), config.dataset.side());
        // Called for the first layer first.
        let layers: [(Convolution, NormPool); LAYERS] = std::array::from_fn(|layer| {
            let kernel = if layer == 0 { config.first_kernel() } else { 3 };
            let filters = config.channels[layer];
            let convolution = Convolution { channels, height: side, width: side, filters, kernel, stride: 1, padding: kernel / 2 };
            let pool = NormPool { channels: filters, height: side, width: side, window: 2 };
            (channels, side) = (filters, side / 2);
            (convolution, pool)
        });
        let features = layers[LAYERS - 1].1.pooled_size();
        Self {
            convolutions: layers.map(|(convolution, _)| convolution),
            pools: layers.map(|(_, pool)| pool),
            features,
            classes: config.dataset.classes(),
            device: Device::Cpu,
        }
    }

    /// The same with convolutions on `device`.
    pub fn on(self, device: &Device) -> Self {
        Self { device: device.clone(), ..self }
    }

    /// Numbers of an image.
    pub fn image_size(&self) -> usize {
        self.convolutions[0].in_size()
    }

    /// Multiply-accumulates of a forward pass for an image.
    pub fn macs(&self) -> usize {
        self.convolutions.iter().map(Convolution::macs).sum::<usize>() + self.features * self.classes
    }
}

/// The parameters of one convolution and its normalisation.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Weights, `[filters, channels, kernel, kernel]`.
    pub filters: Vec<f32>,
    /// Gain after the normalisation, `[filters]`.
    pub gain: Vec<f32>,
    /// Offset after the normalisation, `[filters]`.
    pub offset: Vec<f32>,
    /// Statistics of the responses in training.
    pub running: Statistics,
}

/// All parameters of the classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// The convolutions.
    pub layers: [Layer; LAYERS],
    /// Weights of the read-out, `[features, classes]`.
    pub weights: Vec<f32>,
    /// Bias of the read-out, `[classes]`.
    pub bias: Vec<f32>,
}

/// Responses of the first convolution to a batch.
#[derive(Debug, Clone)]
pub struct FirstResponses {
    values: Vec<f32>,
    statistics: Statistics,
}

impl Default for FirstResponses {
    fn default() -> Self {
        Self { values: Vec::new(), statistics: Statistics::new(0) }
    }
}

/// Where the statistics of the normalisations come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// From the batch.
    Batch,
    /// From training.
    Running,
}

/// Whether a backward pass follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// One does.
    ForBackward,
    /// None does; [`Network::backward`] must not be called.
    Nothing,
}

/// What a forward pass leaves behind, kept to be used again for the next batch.
#[derive(Debug, Default)]
pub struct Activity {
    layers: [LayerActivity; LAYERS],
    /// Outputs of the read-out, `[batch, classes]`.
    pub logits: Vec<f32>,
}

#[derive(Debug, Default)]
struct LayerActivity {
    /// Responses and their statistics; those of the first layer are held apart, for arms share them.
    responses: FirstResponses,
    pooled: Vec<f32>,
    chosen: Vec<u8>,
}

/// What a backward pass needs besides, kept to be used again.
#[derive(Debug, Default)]
pub struct Room {
    pooled: Vec<f32>,
    responses: Vec<f32>,
}

/// Gradients of a loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// Of gain and offset of every layer.
    pub affine: Vec<AffineGradient>,
    /// Of everything else, where it was asked for.
    pub weights: Option<WeightGradients>,
}

/// Gradients of the weights.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightGradients {
    /// Of the filters of every layer.
    pub filters: Vec<Vec<f32>>,
    /// Of the weights of the read-out.
    pub weights: Vec<f32>,
    /// Of its bias.
    pub bias: Vec<f32>,
}

impl Activity {
    /// The part of the classifier whose answers to the last batch hold the first number that is not finite; `None` where all logits are finite.
    /// `first` are the responses of the first convolution to that batch.
    pub fn first_broken(&self, first: &FirstResponses) -> Option<String> {
        if is_finite(&self.logits) {
            return None;
        }
        let layers = self.layers.iter().enumerate().flat_map(|(at, layer)| {
            let responses = if at == 0 { first } else { &layer.responses };
            [
                (format!("convolution {}", at + 1), responses.values.as_slice()),
                (format!("normalisation {}", at + 1), layer.pooled.as_slice()),
            ]
        });
        first_broken(layers).or_else(|| Some("the read-out".to_owned()))
    }
}

impl Network {
    /// Weights drawn from the run's seed: normal with variance 2 / inputs (He et al. 2015, arXiv 1502.01852), gains 1, the rest 0.
    pub fn new(plan: &Plan, lab: &Lab) -> Self {
        let normal = |name: &str, count: usize, inputs: usize| -> Vec<f32> {
            let mut generator: Generator = lab.generator(&format!("weights/{name}"));
            let deviation = (2.0 / inputs as f32).sqrt();
            (0..count).map(|_| deviation * generator.rng().sample::<f32, _>(StandardNormal)).collect()
        };
        let layers = std::array::from_fn(|layer| {
            let convolution = plan.convolutions[layer];
            let (filters, taps) = (convolution.filters, convolution.taps());
            Layer {
                filters: normal(&format!("layer_{}", layer + 1), filters * taps, taps),
                gain: vec![1.0; filters],
                offset: vec![0.0; filters],
                running: Statistics::new(filters),
            }
        });
        let weights = normal("read_out", plan.features * plan.classes, plan.features);
        Self { layers, weights, bias: vec![0.0; plan.classes] }
    }

    /// The responses of the first convolution to `images`, `[batch, channels, height, width]`, and their statistics.
    pub fn first_responses(&self, plan: &Plan, images: &[f32], into: &mut FirstResponses) -> Result<()> {
        respond(plan, 0, &self.layers[0].filters, images, into)
    }

    /// The logits for a batch from the responses of the first convolution; what a backward pass needs only if it is told to be kept.
    pub fn forward(&self, plan: &Plan, first: &FirstResponses, norm: Norm, keep: Keep, activity: &mut Activity) -> Result<()> {
        let batch = first.values.len() / plan.convolutions[0].image_size();
        for at in 0..LAYERS {
            let (before, rest) = activity.layers.split_at_mut(at);
            let LayerActivity { responses, pooled, chosen } = &mut rest[0];
            if let Some(before) = before.last() {
                respond(plan, at, &self.layers[at].filters, &before.pooled, responses)?;
            }
            let (layer, pool) = (&self.layers[at], &plan.pools[at]);
            let responses = if at == 0 { first } else { &*responses };
            let statistics = if norm == Norm::Batch { &responses.statistics } else { &layer.running };
            pooled.resize(batch * pool.pooled_size(), 0.0);
            match keep {
                Keep::ForBackward => {
                    chosen.resize(batch * pool.pooled_size(), 0);
                    pool.forward(&responses.values, statistics, &layer.gain, &layer.offset, pooled, chosen);
                }
                Keep::Nothing => pool.infer(&responses.values, statistics, &layer.gain, &layer.offset, pooled),
            }
        }
        let features = Matrix::new(&activity.layers[LAYERS - 1].pooled, batch, plan.features);
        activity.logits.clear();
        activity.logits.extend(self.bias.iter().cycle().take(batch * plan.classes));
        product(&mut activity.logits, Destination::Add, features, Matrix::new(&self.weights, plan.features, plan.classes));
        Ok(())
    }

    /// The gradients of gains and offsets, given that of the logits of a forward pass with [`Norm::Batch`]; with `images` also those of
    /// all weights.
    pub fn backward(
        &self,
        plan: &Plan,
        first: &FirstResponses,
        activity: &Activity,
        gradient: &[f32],
        images: Option<&[f32]>,
        room: &mut Room,
    ) -> Result<Gradients> {
        let (features, classes) = (plan.features, plan.classes);
        let batch = gradient.len() / classes;
        let of_logits = Matrix::new(gradient, batch, classes);
        room.pooled.resize(batch * features, 0.0);
        product(&mut room.pooled, Destination::Overwrite, of_logits, Matrix::new(&self.weights, features, classes).transposed());
        let mut weights = images.map(|_| {
            let mut weights = vec![0f32; features * classes];
            let inputs = Matrix::new(&activity.layers[LAYERS - 1].pooled, batch, features);
            product(&mut weights, Destination::Overwrite, inputs.transposed(), of_logits);
            let mut bias = vec![0f32; classes];
            for row in gradient.chunks_exact(classes) {
                bias.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            WeightGradients { filters: Vec::new(), weights, bias }
        });
        let mut affine = Vec::new();
        for at in (0..LAYERS).rev() {
            let (layer, pool, convolution) = (&self.layers[at], &plan.pools[at], &plan.convolutions[at]);
            let LayerActivity { responses, chosen, .. } = &activity.layers[at];
            let responses = if at == 0 { first } else { responses };
            if at == 0 && weights.is_none() {
                affine.push(pool.affine_gradient(&responses.values, &responses.statistics, &room.pooled, chosen));
                break;
            }
            room.responses.resize(responses.values.len(), 0.0);
            affine.push(pool.gradient(&responses.values, &responses.statistics, &layer.gain, &room.pooled, chosen, &mut room.responses));
            if let (Some(weights), Some(images)) = (&mut weights, images) {
                let inputs = if at == 0 { images } else { &activity.layers[at - 1].pooled };
                let mut filters = vec![0f32; layer.filters.len()];
                convolution.weight_gradient_on(&plan.device, inputs, &room.responses, &mut filters)?;
                weights.filters.push(filters);
            }
            if at > 0 {
                room.pooled.resize(batch * convolution.in_size(), 0.0);
                convolution.input_gradient_on(&plan.device, &room.responses, &layer.filters, &mut room.pooled)?;
            }
        }
        affine.reverse();
        if let Some(weights) = &mut weights {
            weights.filters.reverse();
        }
        Ok(Gradients { affine, weights })
    }

    /// Moves the running statistics towards those of the batch of a forward pass.
    pub fn follow_statistics(&mut self, first: &FirstResponses, activity: &Activity) {
        for (at, layer) in self.layers.iter_mut().enumerate() {
            let responses = if at == 0 { first } else { &activity.layers[at].responses };
            let count = responses.values.len() / layer.gain.len();
            layer.running.follow(&responses.statistics, MOMENTUM, count);
        }
    }

    /// Saves all parameters under names that begin with `name`.
    pub fn save(&self, name: &str, into: &mut Checkpoint) -> Result<()> {
        for (at, layer) in self.layers.iter().enumerate() {
            let name = format!("{name}/layer_{}", at + 1);
            for (part, values) in [("filters", &layer.filters), ("gain", &layer.gain), ("offset", &layer.offset)] {
                into.put_f32(&format!("{name}/{part}"), &[values.len()], values)?;
            }
            into.put_f32(&format!("{name}/running_mean"), &[layer.gain.len()], &layer.running.mean)?;
            into.put_f32(&format!("{name}/running_variance"), &[layer.gain.len()], &layer.running.variance)?;
        }
        into.put_f32(&format!("{name}/read_out/weights"), &[self.weights.len()], &self.weights)?;
        into.put_f32(&format!("{name}/read_out/bias"), &[self.bias.len()], &self.bias)
    }

    /// Takes over what [`Network::save`] saved.
    pub fn restore(&mut self, name: &str, from: &Checkpoint) -> Result<()> {
        for (at, layer) in self.layers.iter_mut().enumerate() {
            let name = format!("{name}/layer_{}", at + 1);
            layer.filters = from.get_f32(&format!("{name}/filters"))?;
            layer.gain = from.get_f32(&format!("{name}/gain"))?;
            layer.offset = from.get_f32(&format!("{name}/offset"))?;
            layer.running.mean = from.get_f32(&format!("{name}/running_mean"))?;
            layer.running.variance = from.get_f32(&format!("{name}/running_variance"))?;
        }
        self.weights = from.get_f32(&format!("{name}/read_out/weights"))?;
        self.bias = from.get_f32(&format!("{name}/read_out/bias"))?;
        Ok(())
    }
}

fn respond(plan: &Plan, layer: usize, filters: &[f32], inputs: &[f32], into: &mut FirstResponses) -> Result<()> {
    let convolution = &plan.convolutions[layer];
    let batch = inputs.len() / convolution.in_size();
    into.values.resize(batch * convolution.image_size(), 0.0);
    convolution.forward_on(&plan.device, inputs, filters, &mut into.values)?;
    into.statistics = Statistics::of(&into.values, convolution.filters, convolution.pixels());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::nhl::{config::DataSet, entropy};
    use candle_core::Device;

    fn lab() -> Lab {
        Lab { device: Device::Cpu, data_folders: Vec::new(), seed: 5 }
    }

    fn small() -> (Plan, Network, Vec<f32>) {
        let config = NhlConfig { dataset: DataSet::Digits, channels: [4, 5, 6], ..NhlConfig::default() };
        let plan = Plan::new(&config);
        let mut generator = lab().generator("images");
        let images = (0..6 * plan.image_size()).map(|_| 0.5 + generator.symmetric(0.5)).collect();
        let mut network = Network::new(&plan, &lab());
        for layer in &mut network.layers {
            layer.gain.iter_mut().for_each(|gain| *gain += generator.symmetric(0.3));
            layer.offset.iter_mut().for_each(|offset| *offset += generator.symmetric(0.3));
        }
        (plan, network, images)
    }

    fn logits(plan: &Plan, network: &Network, images: &[f32], norm: Norm) -> Vec<f32> {
        let (mut first, mut activity) = (FirstResponses::default(), Activity::default());
        network.first_responses(plan, images, &mut first).unwrap();
        network.forward(plan, &first, norm, Keep::Nothing, &mut activity).unwrap();
        activity.logits
    }

    #[test]
    fn sizes_are_those_of_the_specified_networks() {
        let fashion = Plan::new(&NhlConfig::default());
        assert_eq!((fashion.features, fashion.macs()), (32 * 9, 235_200 + 508_032 + 338_688 + 2_880));
        let cifar = Plan::new(&NhlConfig { dataset: DataSet::Cifar10, channels: [32, 64, 128], ..NhlConfig::default() });
        assert_eq!((cifar.features, cifar.convolutions[0].taps()), (128 * 16, 27));
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let (plan, network, images) = small();
        let (mut first, mut activity) = (FirstResponses::default(), Activity::default());
        network.first_responses(&plan, &images, &mut first).unwrap();
        network.forward(&plan, &first, Norm::Batch, Keep::ForBackward, &mut activity).unwrap();
        let mut gradient = vec![0f32; activity.logits.len()];
        entropy::gradient(&activity.logits, plan.classes, &mut gradient);
        let found = network.backward(&plan, &first, &activity, &gradient, Some(&images), &mut Room::default()).unwrap();
        let affine_only = network.backward(&plan, &first, &activity, &gradient, None, &mut Room::default()).unwrap();
        assert_eq!(affine_only.affine, found.affine);
        let weights = found.weights.unwrap();
        let value = |network: &Network| entropy::mean_entropy(&logits(&plan, network, &images, Norm::Batch), plan.classes);
        type Part = fn(&mut Network) -> &mut Vec<f32>;
        let parts: [(&[f32], Part); 11] = [
            (&weights.filters[0], |network| &mut network.layers[0].filters),
            (&weights.filters[1], |network| &mut network.layers[1].filters),
            (&weights.filters[2], |network| &mut network.layers[2].filters),
            (&found.affine[0].gain, |network| &mut network.layers[0].gain),
            (&found.affine[0].offset, |network| &mut network.layers[0].offset),
            (&found.affine[1].gain, |network| &mut network.layers[1].gain),
            (&found.affine[1].offset, |network| &mut network.layers[1].offset),
            (&found.affine[2].gain, |network| &mut network.layers[2].gain),
            (&found.affine[2].offset, |network| &mut network.layers[2].offset),
            (&weights.weights, |network| &mut network.weights),
            (&weights.bias, |network| &mut network.bias),
        ];
        for (which, (gradient, part)) in parts.into_iter().enumerate() {
            let scale = gradient.iter().fold(1e-3f32, |most, value| most.max(value.abs()));
            let mut bad = 0;
            for at in (0..gradient.len()).step_by(3) {
                let moved = |by: f32| {
                    let mut network = network.clone();
                    part(&mut network)[at] += by;
                    value(&network)
                };
                let numeric = (moved(2e-3) - moved(-2e-3)) / 4e-3;
                bad += usize::from((numeric - f64::from(gradient[at])).abs() > 0.03 * f64::from(scale));
            }
            // A step over a kink of ReLU or pooling is no fault of the gradient.
            assert!(bad * 20 <= gradient.len() / 3 + 20, "{which}: {bad} of {}", gradient.len() / 3);
        }
    }

    #[test]
    fn a_gain_before_the_normalisation_has_no_effect() {
        let (plan, network, images) = small();
        let mut scaled = network.clone();
        scaled.layers[0].filters.iter_mut().for_each(|weight| *weight *= 3.0);
        let (before, after) = (logits(&plan, &network, &images, Norm::Batch), logits(&plan, &scaled, &images, Norm::Batch));
        assert!(before.iter().zip(&after).all(|(a, b)| (a - b).abs() < 1e-4 * (1.0 + a.abs())));
        let mut modulated = network.clone();
        modulated.layers[0].gain.iter_mut().for_each(|gain| *gain *= 3.0);
        assert_ne!(logits(&plan, &modulated, &images, Norm::Batch), before);
    }

    #[test]
    fn running_statistics_reach_those_of_a_batch_that_comes_again_and_again() {
        let (plan, mut network, images) = small();
        let (mut first, mut activity) = (FirstResponses::default(), Activity::default());
        network.first_responses(&plan, &images, &mut first).unwrap();
        network.forward(&plan, &first, Norm::Batch, Keep::ForBackward, &mut activity).unwrap();
        for _ in 0..200 {
            network.follow_statistics(&first, &activity);
        }
        let (batch, running) = (logits(&plan, &network, &images, Norm::Batch), logits(&plan, &network, &images, Norm::Running));
        // The unbiased variance of few places in the last layer is what is left between them.
        assert!(batch.iter().zip(&running).all(|(a, b)| (a - b).abs() < 0.2 * (1.0 + a.abs())), "{batch:?} {running:?}");
        assert_ne!(logits(&plan, &small().1, &images, Norm::Running), running);
    }
}
