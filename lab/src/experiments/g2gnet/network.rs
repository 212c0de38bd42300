//! The network of one arm: an encoder where the config has one, sparse or dense hidden layers, and a dense read-out.

use super::{
    arms::{ArmId, Pattern},
    config::{Encoder, G2gNetConfig},
    groups::LayerGroups,
    images::Batch,
    layer::{Drawn, Layer},
    mask::Mask,
};
use crate::{
    Checkpoint, Lab, Result,
    kernels::{Activation, TilePattern, cross_entropy, storage},
    random::Generator,
};
use candle_core::{Device, Tensor, backprop::GradStore};

/// A feed-forward network.
#[derive(Debug)]
pub struct Network {
    /// The convolution over patches: one dense layer for all of them.
    pub encoder: Option<Layer>,
    /// Hidden layers and the read-out.
    pub layers: Vec<Layer>,
}

/// What a forward pass leaves for the backward pass and for Hebbian scores.
#[derive(Debug)]
pub struct Forward {
    /// Inputs of the first sparse layer, then the outputs of every layer; the last are the logits.
    pub activity: Vec<Tensor>,
    /// Mean cross-entropy as a scalar tensor.
    pub loss: Tensor,
}

impl Forward {
    /// The logits.
    pub fn logits(&self) -> &Tensor {
        &self.activity[self.activity.len() - 1]
    }

    /// Number in `activity` of the first tensor that is not all finite.
    pub fn first_broken(&self) -> Result<Option<usize>> {
        for (at, outputs) in self.activity.iter().enumerate() {
            if !storage::read(outputs, |values| Ok(values.iter().all(|value| value.is_finite())))? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}

impl Network {
    /// The network of an arm before the first step. Arms draw from the same streams, so layers of one shape start with the same numbers,
    /// scaled to the inputs that their units have, and arms of one wiring with the same edges.
    pub fn new(config: &G2gNetConfig, arm: ArmId, lab: &Lab) -> Result<Self> {
        let mut wirings = wirings(config, arm, lab)?.into_iter();
        let widths = match arm {
            ArmId::DenseNarrow => config.narrow_widths(edges(config, lab.seed).iter().sum()),
            _ => config.widths(),
        };
        let last = widths.len() - 2;
        let layers = widths.windows(2).enumerate().map(|(at, sizes)| {
            let wiring = if at < last { wirings.next() } else { None };
            let activation = if at < last { Activation::Relu } else { Activation::Identity };
            Layer::new(config, &format!("layer_{}", at + 1), (sizes[0], sizes[1]), wiring, activation, config.batch_size, lab)
        });
        let encoder = config.encoder.patch_size(config.dataset).map(|patch| {
            let rows = config.batch_size * Encoder::PATCHES * Encoder::PATCHES;
            Layer::new(config, "encoder", (patch, Encoder::FILTERS), None, Activation::Relu, rows, lab)
        });
        Ok(Self { encoder: encoder.transpose()?, layers: layers.collect::<Result<_>>()? })
    }

    /// A forward pass that gradients can be taken of.
    pub fn forward(&self, batch: &Batch) -> Result<Forward> {
        self.pass(batch, Layer::forward)
    }

    /// A forward pass for evaluation.
    pub fn infer(&self, batch: &Batch) -> Result<Forward> {
        self.pass(batch, Layer::infer)
    }

    fn pass(&self, batch: &Batch, through: impl Fn(&Layer, &Tensor) -> Result<Tensor>) -> Result<Forward> {
        let features = match &self.encoder {
            None => batch.inputs.clone(),
            // A row of the inputs is a patch; all filters of all patches of an image are its features.
            Some(encoder) => through(encoder, &batch.inputs)?.reshape((batch.labels.len(), ()))?,
        };
        let mut activity = vec![features];
        for layer in &self.layers {
            activity.push(through(layer, &activity[activity.len() - 1])?);
        }
        let loss = cross_entropy(&activity[activity.len() - 1], &batch.labels)?;
        Ok(Forward { activity, loss })
    }

    /// One step of Adam by the gradients of the last backward pass.
    pub fn update(&mut self, gradients: &GradStore, learning_rate: f64) -> Result<()> {
        self.encoder.iter_mut().chain(&mut self.layers).try_for_each(|layer| layer.update(gradients, learning_rate))
    }

    /// Multiply-accumulates of the weights that exist, for one image: forward, and forward plus backward in training, where the very first
    /// layer hands no gradient on.
    pub fn macs_per_image(&self) -> (u64, u64) {
        let patches = (Encoder::PATCHES * Encoder::PATCHES) as u64;
        let encoder = self.encoder.as_ref().map_or(0, |encoder| patches * encoder.active_weights() as u64);
        let weights = self.layers.iter().map(|layer| layer.active_weights() as u64);
        let forward: u64 = encoder + weights.clone().sum::<u64>();
        let handed_on: u64 = weights.skip(usize::from(self.encoder.is_none())).sum();
        (forward, 2 * forward + handed_on)
    }

    /// Every layer with its name.
    pub fn named_layers(&self) -> impl Iterator<Item = (String, &Layer)> {
        let hidden = self.layers.iter().enumerate().map(|(at, layer)| (format!("layer_{}", at + 1), layer));
        self.encoder.iter().map(|encoder| ("encoder".to_owned(), encoder)).chain(hidden)
    }

    /// Saves parameters, moments and wirings under names that begin with `name`.
    pub fn save(&self, name: &str, into: &mut Checkpoint) -> Result<()> {
        self.named_layers().try_for_each(|(layer_name, layer)| layer.save(&format!("{name}/{layer_name}"), into))
    }

    /// Takes over what [`Network::save`] saved.
    pub fn restore(&mut self, name: &str, from: &Checkpoint, device: &Device) -> Result<()> {
        if let Some(encoder) = &mut self.encoder {
            encoder.restore(&format!("{name}/encoder"), from, device)?;
        }
        let mut layers = self.layers.iter_mut().enumerate();
        layers.try_for_each(|(at, layer)| layer.restore(&format!("{name}/layer_{}", at + 1), from, device))
    }
}

/// Edges of every sparse layer of the group arms, which the random arms have too.
pub fn edges(config: &G2gNetConfig, seed: u64) -> Vec<usize> {
    let layers = layer_groups(config, config.groups, seed).into_iter();
    let counts = layers.map(|groups| groups.edge_counts(config.p_intra, config.p_inter()));
    counts.map(|(intra, inter)| intra + inter).collect()
}

fn layer_groups(config: &G2gNetConfig, groups: usize, seed: u64) -> Vec<LayerGroups> {
    let widths = config.widths();
    let sizes = widths.windows(2).take(config.hidden_layers).enumerate();
    sizes.map(|(at, sizes)| LayerGroups::new(config.grouping, at, sizes[0], sizes[1], groups, seed)).collect()
}

/// Groups and edges of the sparse layers of an arm; none for a dense one.
fn wirings(config: &G2gNetConfig, arm: ArmId, lab: &Lab) -> Result<Vec<Drawn>> {
    let Some(pattern) = arm.pattern(config.custom) else { return Ok(Vec::new()) };
    let layers = layer_groups(config, config.groups_of(pattern), lab.seed).into_iter().enumerate();
    let p_inter = config.p_inter();
    let drawn = layers.map(|(at, groups)| {
        let generator = |what: &str| lab.generator(&format!("{what}/layer_{}", at + 1));
        Ok(match pattern {
            Pattern::Random => {
                let (intra, inter) = groups.edge_counts(config.p_intra, p_inter);
                let mask = Mask::random(groups.inputs.len(), groups.outputs.len(), intra + inter, &mut generator("edges/er"));
                Drawn::Edges(groups, mask)
            }
            Pattern::Groups => {
                let mask = Mask::group_to_group(&groups, config.p_intra, p_inter, &mut generator("edges/g2g"));
                Drawn::Edges(groups, mask)
            }
            Pattern::Tiles => {
                let sources = draw_sources(config, &mut generator("tiles"));
                let tiles = TilePattern::new(groups.count, &groups.inputs, &groups.outputs, sources)?;
                Drawn::Tiles(groups, tiles)
            }
        })
    });
    drawn.collect()
}

/// The source groups of every group: itself, then others, all different.
fn draw_sources(config: &G2gNetConfig, generator: &mut Generator) -> Vec<usize> {
    let (groups, others) = (config.tile_groups, config.tile_fan_in - 1);
    let row = |own: usize| {
        let drawn = generator.choose(groups - 1, others);
        std::iter::once(own).chain(drawn.into_iter().map(move |other| other + usize::from(other >= own)))
    };
    (0..groups).flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::g2gnet::{
        config::{DataSet, Grouping},
        layer::Cells,
    };
    use candle_core::Var;

    fn lab() -> Lab {
        Lab { device: Device::Cpu, data_folders: Vec::new(), seed: 4 }
    }

    fn values(variable: &Var) -> Vec<f32> {
        variable.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn arms_share_what_they_can_share() {
        let config = G2gNetConfig::default();
        let [dense, er, g2g, hebb] =
            [ArmId::Dense, ArmId::Er, ArmId::G2g, ArmId::G2gHebb].map(|arm| Network::new(&config, arm, &lab()).unwrap());
        assert_eq!(values(&g2g.layers[1].weights), values(&hebb.layers[1].weights));
        assert_eq!(values(&dense.layers[2].weights), values(&er.layers[2].weights));
        let (dense, er) = (values(&dense.layers[0].weights), values(&er.layers[0].weights));
        let live = er.iter().zip(&dense).filter(|(er, _)| **er != 0.0);
        let mut count = 0;
        for (er, dense) in live {
            // The same number, scaled to the unit's own number of inputs: about half of 784 / 201 to its root.
            assert!((1.5..2.6).contains(&(er / dense)), "{er} {dense}");
            count += 1;
        }
        assert!((102_855..=102_861).contains(&count), "{count}");
    }

    #[test]
    fn tiles_start_with_the_weights_of_the_dense_arm_and_own_their_group() {
        let config = G2gNetConfig::default();
        let [dense, tile] = [ArmId::Dense, ArmId::TileHebb].map(|arm| Network::new(&config, arm, &lab()).unwrap());
        let edges: Vec<usize> = tile.layers.iter().map(Layer::active_weights).collect();
        assert_eq!(edges, [784 * 512 / 4, 512 * 512 / 4, 5120]);
        for (dense, tile) in dense.layers.iter().zip(&tile.layers).take(2) {
            let (all, some) = (dense.dense_weights().unwrap(), tile.dense_weights().unwrap());
            // A quarter of the inputs: twice the bound.
            assert!(some.iter().zip(&all).all(|(some, all)| *some == 0.0 || (some / all - 2.0).abs() < 1e-5));
            let Some(Cells::Tiles(pattern)) = tile.wiring.as_ref().map(|wiring| &wiring.cells) else { panic!("tiles") };
            for (own, sources) in pattern.sources().chunks_exact(4).enumerate() {
                assert_eq!(sources[0], own);
                assert!((1..4).all(|slot| !sources[..slot].contains(&sources[slot])), "{sources:?}");
            }
        }
    }

    #[test]
    fn the_encoder_is_a_convolution_with_steps_of_its_own_size() {
        let config = G2gNetConfig { dataset: DataSet::Cifar10, encoder: Encoder::Patch16, ..G2gNetConfig::default() };
        let network = Network::new(&config, ArmId::Dense, &lab()).unwrap();
        // 16 patches of 3 x 8 x 8 numbers with 32 filters, then 512-512-512-10; the encoder alone hands no gradient on.
        let (encoder, layers) = (16 * 192 * 32, 2 * 512 * 512 + 5_120);
        assert_eq!(network.macs_per_image(), (encoder + layers, 2 * encoder + 3 * layers));
        let batch = Batch { inputs: lab().generator("pixels").normal((32, 192), 1.0, &Device::Cpu).unwrap(), labels: [1u32, 2].into() };
        let forward = network.forward(&batch).unwrap();
        assert_eq!((forward.activity[0].dims(), forward.logits().dims()), (&[2, 512][..], &[2, 10][..]));
        let plain = batch.inputs.matmul(&network.encoder.as_ref().unwrap().weights).unwrap().relu().unwrap();
        let difference = (forward.activity[0].reshape((32, 32)).unwrap() - plain).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f32>().unwrap() < 1e-5);
        forward.loss.backward().unwrap();
        let (gradient, _) = network.encoder.as_ref().unwrap().gradients(&forward.loss.backward().unwrap()).unwrap();
        assert!(gradient.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap() > 0.0);
    }

    #[test]
    fn every_grouping_makes_a_network_of_tiles() {
        for grouping in [Grouping::Contiguous, Grouping::Interleaved, Grouping::Random, Grouping::Mixer] {
            // 64 inputs in 12 groups do not divide: the last places hold no unit.
            let config = G2gNetConfig { dataset: DataSet::Digits, hidden_width: 96, tile_groups: 12, grouping, ..G2gNetConfig::default() };
            let network = Network::new(&config, ArmId::Tile, &lab()).unwrap();
            let batch =
                Batch { inputs: lab().generator("pixels").normal((3, 64), 1.0, &Device::Cpu).unwrap(), labels: [1u32, 2, 3].into() };
            let forward = network.forward(&batch).unwrap();
            let weights = Tensor::from_vec(network.layers[0].dense_weights().unwrap(), (64, 96), &Device::Cpu).unwrap();
            let plain = batch.inputs.matmul(&weights).unwrap().relu().unwrap();
            let difference = (&forward.activity[1] - plain).unwrap().abs().unwrap().max_all().unwrap();
            assert!(difference.to_scalar::<f32>().unwrap() < 1e-5, "{grouping:?}");
        }
    }
}
