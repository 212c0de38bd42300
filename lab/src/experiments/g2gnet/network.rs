//! The network of one arm: sparse or dense hidden layers, a dense read-out, and their optimiser.

use super::{
    config::{ArmId, G2gNetConfig, Init},
    groups::LayerGroups,
    images::Batch,
    mask::Mask,
};
use crate::{
    Checkpoint, Error, Lab, Result,
    kernels::{Activation, Adam, GradientBuffers, cross_entropy, linear, storage},
    random::Generator,
};
use candle_core::{Device, Tensor, Var, backprop::GradStore};

/// Which weights of a layer exist.
#[derive(Debug)]
pub struct Wiring {
    /// Groups on both sides.
    pub groups: LayerGroups,
    /// The edges now.
    pub mask: Mask,
    /// The edges at the start.
    pub first: Mask,
    /// The edges now, 1 or 0, as the optimiser multiplies by them.
    tensor: Tensor,
}

/// One layer and its optimiser.
#[derive(Debug)]
pub struct Layer {
    /// `[inputs, outputs]`; exactly 0 where no edge exists.
    pub weights: Var,
    /// `[outputs]`.
    pub bias: Var,
    /// The pattern of a sparse layer; `None` where every weight exists.
    pub wiring: Option<Wiring>,
    activation: Activation,
    weights_adam: Adam,
    bias_adam: Adam,
    buffers: GradientBuffers,
}

/// A feed-forward network.
#[derive(Debug)]
pub struct Network {
    /// Hidden layers and the read-out.
    pub layers: Vec<Layer>,
}

/// What a forward pass leaves for the backward pass and for Hebbian scores.
#[derive(Debug)]
pub struct Forward {
    /// Inputs of the first layer, then the outputs of every layer; the last are the logits.
    pub activity: Vec<Tensor>,
    /// Mean cross-entropy as a scalar tensor.
    pub loss: Tensor,
}

impl Forward {
    /// The logits.
    pub fn logits(&self) -> &Tensor {
        &self.activity[self.activity.len() - 1]
    }

    /// Number of the first layer, from 0, whose outputs are not all finite.
    pub fn first_broken_layer(&self) -> Result<Option<usize>> {
        for (layer, outputs) in self.activity[1..].iter().enumerate() {
            if !storage::read(outputs, |values| Ok(values.iter().all(|value| value.is_finite())))? {
                return Ok(Some(layer));
            }
        }
        Ok(None)
    }
}

impl Network {
    /// The network of an arm before the first step. Arms draw from the same streams, so layers of one shape start with the same numbers,
    /// scaled to the inputs that their units have, and arms of one wiring with the same edges.
    pub fn new(config: &G2gNetConfig, arm: ArmId, lab: &Lab) -> Result<Self> {
        let mut wirings = wirings(config, arm, lab).into_iter();
        let widths = match arm {
            ArmId::DenseNarrow => config.narrow_widths(edges(config, lab.seed).iter().sum()),
            _ => config.widths(),
        };
        let last = widths.len() - 2;
        let layers = widths.windows(2).enumerate().map(|(at, sizes)| {
            let wiring = if at < last { wirings.next() } else { None };
            let activation = if at < last { Activation::Relu } else { Activation::Identity };
            Layer::new(config, at, (sizes[0], sizes[1]), wiring, activation, lab)
        });
        Ok(Self { layers: layers.collect::<Result<_>>()? })
    }

    /// A forward pass that gradients can be taken of.
    pub fn forward(&self, batch: &Batch) -> Result<Forward> {
        let mut activity = vec![batch.inputs.clone()];
        for layer in &self.layers {
            let inputs = &activity[activity.len() - 1];
            activity.push(linear(inputs, &layer.weights, &layer.bias, layer.activation, Some(&layer.buffers))?);
        }
        let loss = cross_entropy(&activity[activity.len() - 1], &batch.labels)?;
        Ok(Forward { activity, loss })
    }

    /// A forward pass for evaluation.
    pub fn infer(&self, batch: &Batch) -> Result<Forward> {
        let mut activity = vec![batch.inputs.clone()];
        for layer in &self.layers {
            let inputs = &activity[activity.len() - 1];
            let (weights, bias) = (layer.weights.as_detached_tensor(), layer.bias.as_detached_tensor());
            activity.push(linear(inputs, &weights, &bias, layer.activation, None)?);
        }
        let loss = cross_entropy(&activity[activity.len() - 1], &batch.labels)?;
        Ok(Forward { activity, loss })
    }

    /// One step of Adam by the gradients of the last backward pass.
    pub fn update(&mut self, gradients: &GradStore, learning_rate: f64) -> Result<()> {
        for layer in &mut self.layers {
            let (weights, bias) = layer.gradients(gradients)?;
            let mask = layer.wiring.as_ref().map(|wiring| &wiring.tensor);
            layer.weights_adam.update(&layer.weights, &weights, mask, learning_rate)?;
            layer.bias_adam.update(&layer.bias, &bias, None, learning_rate)?;
        }
        Ok(())
    }

    /// Multiply-accumulates of the weights that exist, for one image: forward, and forward plus backward in training, where the first
    /// layer hands no gradient on.
    pub fn macs_per_image(&self) -> (u64, u64) {
        let weights = self.layers.iter().map(|layer| layer.active_weights() as u64);
        let forward: u64 = weights.clone().sum();
        let handed_on: u64 = weights.skip(1).sum();
        (forward, 2 * forward + handed_on)
    }

    /// Saves parameters, moments and masks under names that begin with `name`.
    pub fn save(&self, name: &str, into: &mut Checkpoint) -> Result<()> {
        for (at, layer) in self.layers.iter().enumerate() {
            let name = format!("{name}/layer_{}", at + 1);
            into.put_tensor(&format!("{name}/weights"), &layer.weights)?;
            into.put_tensor(&format!("{name}/bias"), &layer.bias)?;
            layer.weights_adam.save(&format!("{name}/weights"), into)?;
            layer.bias_adam.save(&format!("{name}/bias"), into)?;
            if let Some(Wiring { mask, .. }) = &layer.wiring {
                let (n_in, n_out) = mask.sizes();
                into.put_u8(&format!("{name}/mask"), &[n_in, n_out], mask.cells())?;
            }
        }
        Ok(())
    }

    /// Takes over what [`Network::save`] saved.
    pub fn restore(&mut self, name: &str, from: &Checkpoint, device: &Device) -> Result<()> {
        for (at, layer) in self.layers.iter_mut().enumerate() {
            let name = format!("{name}/layer_{}", at + 1);
            layer.weights.set(&from.get_tensor(&format!("{name}/weights"), device)?)?;
            layer.bias.set(&from.get_tensor(&format!("{name}/bias"), device)?)?;
            layer.weights_adam.restore(&format!("{name}/weights"), from, device)?;
            layer.bias_adam.restore(&format!("{name}/bias"), from, device)?;
            if let Some(wiring) = &mut layer.wiring {
                let (n_in, n_out) = wiring.mask.sizes();
                let mask = Mask::from_cells(n_in, n_out, from.get_u8(&format!("{name}/mask"))?);
                wiring.mask = mask.ok_or_else(|| Error::Checkpoint(format!("{name}/mask has another shape")))?;
                wiring.tensor = mask_tensor(&wiring.mask, device)?;
            }
        }
        Ok(())
    }
}

impl Layer {
    fn new(
        config: &G2gNetConfig,
        at: usize,
        (n_in, n_out): (usize, usize),
        wiring: Option<(LayerGroups, Mask)>,
        activation: Activation,
        lab: &Lab,
    ) -> Result<Self> {
        let (weights, bias) = initial_parameters(config.init, at, n_in, n_out, wiring.as_ref().map(|(_, mask)| mask), lab.seed);
        let weights = Var::from_vec(weights, (n_in, n_out), &lab.device)?;
        let bias = Var::from_vec(bias, n_out, &lab.device)?;
        let wiring = wiring.map(|(groups, mask)| -> Result<_> {
            let tensor = mask_tensor(&mask, &lab.device)?;
            Ok(Wiring { groups, first: mask.clone(), mask, tensor })
        });
        Ok(Self {
            weights_adam: Adam::new(&weights, config.weight_decay)?,
            bias_adam: Adam::new(&bias, 0.0)?,
            buffers: GradientBuffers::new(&weights, &bias, config.batch_size)?,
            wiring: wiring.transpose()?,
            activation,
            weights,
            bias,
        })
    }

    /// Weights that exist.
    pub fn active_weights(&self) -> usize {
        self.wiring.as_ref().map_or(self.weights.elem_count(), |wiring| wiring.mask.edges())
    }

    /// Gradients of weights (on all cells) and bias from the last backward pass.
    pub fn gradients(&self, store: &GradStore) -> Result<(Tensor, Tensor)> {
        if self.weights.device().is_cpu() {
            return Ok((self.buffers.weights.clone(), self.buffers.bias.clone()));
        }
        let of = |variable: &Var| store.get(variable).cloned().ok_or_else(|| candle_core::Error::Msg("a layer got no gradient".to_owned()));
        Ok((of(&self.weights)?, of(&self.bias)?))
    }

    /// Moves edges: the cells of `removed` lose theirs and those of `added` get one, with weight 0 and no past in the optimiser.
    pub fn rewire(&mut self, removed: &[usize], added: &[usize]) -> Result<()> {
        let Some(wiring) = &mut self.wiring else { return Ok(()) };
        wiring.mask.swap(removed, added);
        wiring.tensor = mask_tensor(&wiring.mask, self.weights.device())?;
        for cells in [removed, added] {
            storage::write(&self.weights, |weights| {
                cells.iter().for_each(|cell| weights[*cell] = 0.0);
                Ok(())
            })?;
            self.weights_adam.clear(cells)?;
        }
        Ok(())
    }
}

fn mask_tensor(mask: &Mask, device: &Device) -> Result<Tensor> {
    let cells: Vec<f32> = mask.cells().iter().map(|cell| f32::from(*cell)).collect();
    Ok(Tensor::from_vec(cells, mask.sizes(), device)?)
}

/// Edges of every sparse layer of the group arms, which the random arm has too.
pub fn edges(config: &G2gNetConfig, seed: u64) -> Vec<usize> {
    let counts = layer_groups(config, seed).into_iter().map(|groups| groups.edge_counts(config.p_intra, config.p_inter()));
    counts.map(|(intra, inter)| intra + inter).collect()
}

fn layer_groups(config: &G2gNetConfig, seed: u64) -> Vec<LayerGroups> {
    let widths = config.widths();
    let sizes = widths.windows(2).take(config.hidden_layers).enumerate();
    sizes.map(|(at, sizes)| LayerGroups::new(config.grouping, at, sizes[0], sizes[1], config.groups, seed)).collect()
}

/// Groups and edges of the sparse layers of an arm; none for a dense one.
fn wirings(config: &G2gNetConfig, arm: ArmId, lab: &Lab) -> Vec<(LayerGroups, Mask)> {
    let layers = if arm.is_sparse() { layer_groups(config, lab.seed) } else { Vec::new() };
    let p_inter = config.p_inter();
    let drawn = layers.into_iter().enumerate().map(|(at, groups)| {
        let (intra, inter) = groups.edge_counts(config.p_intra, p_inter);
        let mask = match arm {
            ArmId::Er => {
                let mut generator = lab.generator(&format!("edges/er/layer_{}", at + 1));
                Mask::random(groups.inputs.len(), groups.outputs.len(), intra + inter, &mut generator)
            }
            _ => Mask::group_to_group(&groups, config.p_intra, p_inter, &mut lab.generator(&format!("edges/g2g/layer_{}", at + 1))),
        };
        (groups, mask)
    });
    drawn.collect()
}

/// Weights and bias of a layer at the start, see [`Init`]; absent weights are 0.
fn initial_parameters(init: Init, layer: usize, n_in: usize, n_out: usize, mask: Option<&Mask>, seed: u64) -> (Vec<f32>, Vec<f32>) {
    let fan_in = mask.map_or_else(|| vec![n_in; n_out], Mask::fan_in);
    let bounds: Vec<f32> = fan_in.iter().map(|fan_in| weight_bound(init, *fan_in)).collect();
    let mut generator = Generator::new(seed, &format!("weights/layer_{}/{n_in}x{n_out}", layer + 1));
    let mut weights: Vec<f32> = (0..n_in * n_out).map(|cell| generator.symmetric(1.0) * bounds[cell % n_out]).collect();
    if let Some(mask) = mask {
        weights.iter_mut().zip(mask.cells()).filter(|(_, exists)| **exists == 0).for_each(|(weight, _)| *weight = 0.0);
    }
    let mean_fan_in = (fan_in.iter().sum::<usize>() as f32 / n_out as f32).max(1.0);
    let bias = match init {
        Init::He => vec![0.0; n_out],
        Init::Repo => (0..n_out).map(|_| generator.symmetric(1.0 / mean_fan_in.sqrt())).collect(),
    };
    (weights, bias)
}

/// Half the width of the uniform distribution that the weights of a unit with `fan_in` inputs are drawn from.
fn weight_bound(init: Init, fan_in: usize) -> f32 {
    let fan_in = fan_in.max(1) as f32;
    match init {
        Init::He => (6.0 / fan_in).sqrt(),
        Init::Repo => 1.0 / fan_in.sqrt(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab() -> Lab {
        Lab { device: Device::Cpu, data_folders: Vec::new(), seed: 4 }
    }

    fn values(variable: &Var) -> Vec<f32> {
        variable.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn bounds_of_initial_weights() {
        assert!((weight_bound(Init::He, 262) - 0.151_330).abs() < 1e-6);
        assert!((weight_bound(Init::Repo, 262) - 0.061_780_2).abs() < 1e-7);
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
    fn rewiring_leaves_nothing_behind() {
        let config = G2gNetConfig { dataset: super::super::config::DataSet::Digits, hidden_width: 64, ..G2gNetConfig::default() };
        let mut network = Network::new(&config, ArmId::G2g, &lab()).unwrap();
        let labels = [0u32, 1, 2, 3];
        let inputs = lab().generator("inputs").normal((4, 64), 1.0, &Device::Cpu).unwrap();
        let batch = Batch { inputs, labels: labels.into() };
        for _ in 0..3 {
            let gradients = network.forward(&batch).unwrap().loss.backward().unwrap();
            network.update(&gradients, 0.01).unwrap();
        }
        let layer = &mut network.layers[0];
        let cells = layer.wiring.as_ref().unwrap().mask.cells().to_vec();
        let find = |wanted: u8| cells.iter().position(|cell| *cell == wanted).unwrap();
        let (gone, come) = (find(1), find(0));
        assert!(values(&layer.weights).iter().zip(&cells).all(|(weight, cell)| *cell == 1 || *weight == 0.0));
        assert_ne!(values(&layer.weights)[gone], 0.0);
        layer.rewire(&[gone], &[come]).unwrap();
        let moments = layer.weights_adam.second_moment.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!((values(&layer.weights)[gone], values(&layer.weights)[come], moments[gone]), (0.0, 0.0, 0.0));
        let mask = &layer.wiring.as_ref().unwrap().mask;
        assert_eq!((mask.cells()[gone], mask.cells()[come]), (0, 1));
    }
}
