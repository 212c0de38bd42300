//! One layer of a network: dense, with single edges, or of tiles; and its optimiser.

use super::{config::G2gNetConfig, groups::LayerGroups, initial::initial_parameters, mask::Mask, tile_rewiring::TileMove};
use crate::{
    Checkpoint, Error, Lab, Result,
    kernels::{Activation, Adam, GradientBuffers, TilePattern, block_sparse_linear, linear, storage},
};
use candle_core::{Device, Tensor, Var, backprop::GradStore};
use std::sync::Arc;

/// Which weights of a layer exist.
#[derive(Debug)]
pub struct Wiring {
    /// Groups on both sides.
    pub groups: LayerGroups,
    /// The edges now.
    pub mask: Mask,
    /// The edges at the start.
    pub first: Mask,
    /// How they are kept and computed.
    pub cells: Cells,
    edges: usize,
}

/// How the weights of a sparse layer are kept and computed.
#[derive(Debug)]
pub enum Cells {
    /// All cells, absent ones at exactly 0, and the plain dense product; with the edges as 1 or 0, as the optimiser multiplies by them.
    Edges(Tensor),
    /// Only the tiles that exist.
    Tiles(Arc<TilePattern>),
}

/// The wiring of a layer before the first step.
#[derive(Debug, Clone)]
pub enum Drawn {
    /// Single edges.
    Edges(LayerGroups, Mask),
    /// Whole tiles.
    Tiles(LayerGroups, TilePattern),
}

/// One layer and its optimiser.
#[derive(Debug)]
pub struct Layer {
    /// `[inputs, outputs]`, exactly 0 where no edge exists; of tiles as [`TilePattern::shape`] says.
    pub weights: Var,
    /// `[outputs]`.
    pub bias: Var,
    /// The pattern of a sparse layer; `None` where every weight exists.
    pub wiring: Option<Wiring>,
    /// Inputs and outputs.
    pub sizes: (usize, usize),
    activation: Activation,
    weights_adam: Adam,
    bias_adam: Adam,
    buffers: GradientBuffers,
}

impl Wiring {
    fn new(drawn: Drawn, device: &Device) -> Result<Self> {
        let (groups, mask, cells) = match drawn {
            Drawn::Edges(groups, mask) => {
                let cells = Cells::Edges(mask_tensor(&mask, device)?);
                (groups, mask, cells)
            }
            Drawn::Tiles(groups, pattern) => {
                let mask = Mask::of_tiles(&groups, &pattern);
                (groups, mask, Cells::Tiles(Arc::new(pattern)))
            }
        };
        Ok(Self { groups, first: mask.clone(), edges: mask.edges(), mask, cells })
    }

    fn set_mask(&mut self, mask: Mask, device: &Device) -> Result<()> {
        if let Cells::Edges(tensor) = &mut self.cells {
            *tensor = mask_tensor(&mask, device)?;
        }
        self.edges = mask.edges();
        self.mask = mask;
        Ok(())
    }

    fn set_sources(&mut self, sources: Vec<usize>) -> Result<()> {
        if let Cells::Tiles(pattern) = &mut self.cells {
            *pattern = Arc::new(pattern.with_sources(sources)?);
            self.mask = Mask::of_tiles(&self.groups, pattern);
            self.edges = self.mask.edges();
        }
        Ok(())
    }
}

impl Layer {
    /// Layer `name` before the first step, for batches of at most `batch` rows.
    pub fn new(
        config: &G2gNetConfig,
        name: &str,
        sizes: (usize, usize),
        drawn: Option<Drawn>,
        activation: Activation,
        batch: usize,
        lab: &Lab,
    ) -> Result<Self> {
        let wiring = drawn.map(|drawn| Wiring::new(drawn, &lab.device)).transpose()?;
        let (n_in, n_out) = sizes;
        let (dense, bias) = initial_parameters(config.init, name, n_in, n_out, wiring.as_ref().map(|wiring| &wiring.mask), lab.seed);
        let weights = match wiring.as_ref().map(|wiring| &wiring.cells) {
            Some(Cells::Tiles(pattern)) => Var::from_vec(pattern.tiles_of(&dense), pattern.shape(), &lab.device)?,
            Some(Cells::Edges(_)) | None => Var::from_vec(dense, sizes, &lab.device)?,
        };
        let bias = Var::from_vec(bias, n_out, &lab.device)?;
        Ok(Self {
            weights_adam: Adam::new(&weights, config.weight_decay)?,
            bias_adam: Adam::new(&bias, 0.0)?,
            buffers: GradientBuffers::new(&weights, &bias, batch)?,
            wiring,
            sizes,
            activation,
            weights,
            bias,
        })
    }

    /// The outputs, such that gradients can be taken of them.
    pub fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        self.apply(inputs, &self.weights, &self.bias, Some(&self.buffers))
    }

    /// The outputs for evaluation.
    pub fn infer(&self, inputs: &Tensor) -> Result<Tensor> {
        self.apply(inputs, &self.weights.as_detached_tensor(), &self.bias.as_detached_tensor(), None)
    }

    fn apply(&self, inputs: &Tensor, weights: &Tensor, bias: &Tensor, into: Option<&GradientBuffers>) -> Result<Tensor> {
        Ok(match self.wiring.as_ref().map(|wiring| &wiring.cells) {
            Some(Cells::Tiles(pattern)) => block_sparse_linear(inputs, weights, bias, pattern, self.activation, into)?,
            Some(Cells::Edges(_)) | None => linear(inputs, weights, bias, self.activation, into)?,
        })
    }

    /// One step of Adam by the gradients of the last backward pass.
    pub fn update(&mut self, gradients: &GradStore, learning_rate: f64) -> Result<()> {
        let (weights, bias) = self.gradients(gradients)?;
        let mask = match self.wiring.as_ref().map(|wiring| &wiring.cells) {
            Some(Cells::Edges(tensor)) => Some(tensor),
            Some(Cells::Tiles(_)) | None => None,
        };
        self.weights_adam.update(&self.weights, &weights, mask, learning_rate)?;
        self.bias_adam.update(&self.bias, &bias, None, learning_rate)?;
        Ok(())
    }

    /// Weights that exist.
    pub fn active_weights(&self) -> usize {
        self.wiring.as_ref().map_or(self.sizes.0 * self.sizes.1, |wiring| wiring.edges)
    }

    /// All weights `[inputs, outputs]`, 0 where no edge exists.
    pub fn dense_weights(&self) -> Result<Vec<f32>> {
        let weights = self.weights.flatten_all()?.to_vec1::<f32>()?;
        Ok(match self.wiring.as_ref().map(|wiring| &wiring.cells) {
            Some(Cells::Tiles(pattern)) => pattern.dense_of(&weights),
            Some(Cells::Edges(_)) | None => weights,
        })
    }

    /// Gradients of weights (on all cells, or on all tiles that exist) and bias from the last backward pass.
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
        let mut mask = wiring.mask.clone();
        mask.swap(removed, added);
        wiring.set_mask(mask, self.weights.device())?;
        self.forget(removed)?;
        self.forget(added)
    }

    /// Moves tiles: each gets another source, weights 0, and no past in the optimiser.
    pub fn move_tiles(&mut self, moves: &[TileMove]) -> Result<()> {
        let Some(Wiring { cells: Cells::Tiles(pattern), .. }) = &self.wiring else { return Ok(()) };
        let (mut sources, size) = (pattern.sources().to_vec(), pattern.tile_size());
        moves.iter().for_each(|moved| sources[moved.tile] = moved.source);
        let places: Vec<usize> = moves.iter().flat_map(|moved| moved.tile * size..(moved.tile + 1) * size).collect();
        if let Some(wiring) = &mut self.wiring {
            wiring.set_sources(sources)?;
        }
        self.forget(&places)
    }

    fn forget(&self, places: &[usize]) -> Result<()> {
        storage::write(&self.weights, |weights| {
            places.iter().for_each(|place| weights[*place] = 0.0);
            Ok(())
        })?;
        Ok(self.weights_adam.clear(places)?)
    }

    /// Saves parameters, moments and wiring under names that begin with `name`.
    pub fn save(&self, name: &str, into: &mut Checkpoint) -> Result<()> {
        into.put_tensor(&format!("{name}/weights"), &self.weights)?;
        into.put_tensor(&format!("{name}/bias"), &self.bias)?;
        self.weights_adam.save(&format!("{name}/weights"), into)?;
        self.bias_adam.save(&format!("{name}/bias"), into)?;
        match self.wiring.as_ref().map(|wiring| (&wiring.cells, &wiring.mask)) {
            None => Ok(()),
            Some((Cells::Edges(_), mask)) => into.put_u8(&format!("{name}/mask"), &[self.sizes.0, self.sizes.1], mask.cells()),
            Some((Cells::Tiles(pattern), _)) => into.put_state(&format!("{name}/sources"), &pattern.sources()),
        }
    }

    /// Takes over what [`Layer::save`] saved.
    pub fn restore(&mut self, name: &str, from: &Checkpoint, device: &Device) -> Result<()> {
        self.weights.set(&from.get_tensor(&format!("{name}/weights"), device)?)?;
        self.bias.set(&from.get_tensor(&format!("{name}/bias"), device)?)?;
        self.weights_adam.restore(&format!("{name}/weights"), from, device)?;
        self.bias_adam.restore(&format!("{name}/bias"), from, device)?;
        let Some(wiring) = &mut self.wiring else { return Ok(()) };
        match &wiring.cells {
            Cells::Edges(_) => {
                let mask = Mask::from_cells(self.sizes.0, self.sizes.1, from.get_u8(&format!("{name}/mask"))?);
                wiring.set_mask(mask.ok_or_else(|| Error::Checkpoint(format!("{name}/mask has another shape")))?, device)
            }
            Cells::Tiles(_) => wiring.set_sources(from.get_state(&format!("{name}/sources"))?),
        }
    }
}

fn mask_tensor(mask: &Mask, device: &Device) -> Result<Tensor> {
    let cells: Vec<f32> = mask.cells().iter().map(|cell| f32::from(*cell)).collect();
    Ok(Tensor::from_vec(cells, mask.sizes(), device)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::g2gnet::{arms::ArmId, config::DataSet, images::Batch, network::Network};

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn lab() -> Lab {
        Lab { device: Device::Cpu, data_folders: Vec::new(), seed: 4 }
    }

    /// Three steps on one batch.
    fn train(network: &mut Network) {
        let inputs = lab().generator("inputs").normal((4, 64), 1.0, &Device::Cpu).unwrap();
        let batch = Batch { inputs, labels: [0u32, 1, 2, 3].into() };
        for _ in 0..3 {
            let gradients = network.forward(&batch).unwrap().loss.backward().unwrap();
            network.update(&gradients, 0.01).unwrap();
        }
    }

    /// A small network that has learnt a little.
    fn trained(arm: ArmId) -> Network {
        let config = G2gNetConfig { dataset: DataSet::Digits, hidden_width: 64, ..G2gNetConfig::default() };
        let mut network = Network::new(&config, arm, &lab()).unwrap();
        train(&mut network);
        network
    }

    #[test]
    fn rewiring_leaves_nothing_behind() {
        let mut network = trained(ArmId::G2g);
        let layer = &mut network.layers[0];
        let cells = layer.wiring.as_ref().unwrap().mask.cells().to_vec();
        let find = |wanted: u8| cells.iter().position(|cell| *cell == wanted).unwrap();
        let (gone, come) = (find(1), find(0));
        assert!(values(&layer.weights).iter().zip(&cells).all(|(weight, cell)| *cell == 1 || *weight == 0.0));
        assert_ne!(values(&layer.weights)[gone], 0.0);
        layer.rewire(&[gone], &[come]).unwrap();
        let moments = values(&layer.weights_adam.second_moment);
        assert_eq!((values(&layer.weights)[gone], values(&layer.weights)[come], moments[gone]), (0.0, 0.0, 0.0));
        let mask = &layer.wiring.as_ref().unwrap().mask;
        assert_eq!((mask.cells()[gone], mask.cells()[come]), (0, 1));
    }

    #[test]
    fn neither_pruned_nor_grown_edges_have_a_past_in_the_optimiser() {
        let mut network = trained(ArmId::G2g);
        // Cells of units that answer, so that their weights learn.
        let moved = |layer: &Layer| values(&layer.weights_adam.second_moment);
        let live = |layer: &Layer| (0..64).filter(|unit| moved(layer).chunks(64).any(|row| row[*unit] > 0.0)).collect::<Vec<usize>>();
        let units = live(&network.layers[0]);
        let cells = network.layers[0].wiring.as_ref().unwrap().mask.cells().to_vec();
        let of = |wanted: u8| (0..cells.len()).filter(|at| cells[*at] == wanted && units.contains(&(at % 64))).take(40).collect::<Vec<_>>();
        let (pruned, grown) = (of(1), of(0));
        network.layers[0].rewire(&pruned, &grown).unwrap();
        // The edges that have grown and gained a past are then pruned for others that had one.
        train(&mut network);
        let layer = &mut network.layers[0];
        let grown: Vec<usize> = grown.into_iter().filter(|at| values(&layer.weights)[*at] != 0.0 && moved(layer)[*at] > 0.0).collect();
        assert!(grown.len() >= 10, "{} of 40 have learnt", grown.len());
        let pruned = &pruned[..grown.len()];
        layer.rewire(&grown, pruned).unwrap();
        let [weights, first, second] =
            [values(&layer.weights), values(&layer.weights_adam.first_moment), values(&layer.weights_adam.second_moment)];
        for at in pruned.iter().chain(&grown) {
            assert_eq!((weights[*at], first[*at], second[*at]), (0.0, 0.0, 0.0), "{at}");
        }
        let kept = (0..cells.len()).find(|at| cells[*at] == 1 && !pruned.contains(at) && second[*at] > 0.0);
        assert!(kept.is_some_and(|at| first[at] != 0.0), "the others keep theirs");
    }

    #[test]
    fn a_moved_tile_leaves_nothing_behind() {
        let mut network = trained(ArmId::Tile);
        let layer = &mut network.layers[1];
        let Some(Wiring { cells: Cells::Tiles(pattern), .. }) = &layer.wiring else { panic!("tiles") };
        let (tile, size, edges) = (pattern.fan_in() + 1, pattern.tile_size(), layer.active_weights());
        let source = (0..pattern.groups()).find(|group| !pattern.sources()[4..8].contains(group)).unwrap();
        let before = (values(&layer.weights), layer.dense_weights().unwrap());
        assert!(before.0[tile * size..][..size].iter().all(|weight| *weight != 0.0));
        layer.move_tiles(&[TileMove { tile, source }]).unwrap();
        for cleared in [values(&layer.weights), values(&layer.weights_adam.first_moment), values(&layer.weights_adam.second_moment)] {
            assert!(cleared[tile * size..][..size].iter().all(|value| *value == 0.0));
            assert!(cleared[..size].iter().any(|value| *value != 0.0));
        }
        let wiring = layer.wiring.as_ref().unwrap();
        assert_eq!((layer.active_weights(), wiring.mask.edges(), wiring.mask.shared_edges(&wiring.first)), (edges, edges, edges - size));
        let after = layer.dense_weights().unwrap();
        let gone = before.1.iter().zip(&after).filter(|(before, after)| before != after).count();
        assert_eq!(gone, size);
        assert!(after.iter().zip(wiring.mask.cells()).all(|(weight, cell)| *cell == 1 || *weight == 0.0));
    }
}
