//! Which tiles of a layer exist, and the products of those that do.

use super::{product::product_into, side::Side};
use crate::kernels::{
    linear::{Activation, relu},
    matmul::{Destination, Matrix, exchange},
};
use candle_core::{Result, Shape, bail};
use rayon::prelude::*;
use std::ops::Range;

/// Which units make up the groups, and which tiles exist: every output group has the same number of source groups.
///
/// Tile `j * fan_in + s` leads from the source group number `s` of output group `j` to that group; the tiles of a layer are
/// `[tiles, input group size, output group size]`, each row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TilePattern {
    groups: usize,
    fan_in: usize,
    pub(super) inputs: Side,
    pub(super) outputs: Side,
    /// Source group of every tile.
    sources: Vec<usize>,
    /// The tiles that every input group feeds, ascending, so that their sum has one order.
    readers: Vec<Vec<usize>>,
}

/// The tiles that every input group feeds.
fn readers(groups: usize, sources: &[usize]) -> Result<Vec<Vec<usize>>> {
    let mut readers = vec![Vec::new(); groups];
    for (tile, source) in sources.iter().enumerate() {
        let Some(readers) = readers.get_mut(*source) else { bail!("tile {tile} comes from group {source} of {groups}") };
        readers.push(tile);
    }
    Ok(readers)
}

/// For the products of a sum in turn: the first replaces what is there.
fn first_overwrites(at: usize) -> Destination {
    if at == 0 { Destination::Overwrite } else { Destination::Add }
}

impl TilePattern {
    /// A pattern from the groups of the inputs and of the outputs and the `fan_in` source groups of every output group in turn.
    ///
    /// Inputs that do not divide by the number of groups are padded: the last places of some groups hold no unit, and their weights, which
    /// must start at 0, stay there. Errors: outputs that do not divide, a group that is too large or does not exist, a number of sources
    /// that does not divide.
    pub fn new(groups: usize, inputs: &[usize], outputs: &[usize], sources: Vec<usize>) -> Result<Self> {
        if groups == 0 || !outputs.len().is_multiple_of(groups) || sources.is_empty() || !sources.len().is_multiple_of(groups) {
            bail!("{} outputs and {} tiles do not divide by {groups} groups", outputs.len(), sources.len());
        }
        let (inputs, outputs) = (Side::new(inputs, groups)?, Side::new(outputs, groups)?);
        let readers = readers(groups, &sources)?;
        Ok(Self { groups, fan_in: sources.len() / groups, inputs, outputs, sources, readers })
    }

    /// The same groups with other sources. Errors: another number of them, or a group that does not exist.
    pub fn with_sources(&self, sources: Vec<usize>) -> Result<Self> {
        if sources.len() != self.sources.len() {
            bail!("a layer of {} tiles got {} sources", self.sources.len(), sources.len());
        }
        Ok(Self { readers: readers(self.groups, &sources)?, sources, ..self.clone() })
    }

    /// Number of groups on either side.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// Source groups of every output group.
    pub fn fan_in(&self) -> usize {
        self.fan_in
    }

    /// The source group of every tile.
    pub fn sources(&self) -> &[usize] {
        &self.sources
    }

    /// Shape of the weights: tiles, inputs and outputs of a tile.
    pub fn shape(&self) -> (usize, usize, usize) {
        (self.sources.len(), self.inputs.size, self.outputs.size)
    }

    /// Inputs and outputs of the layer.
    pub fn sizes(&self) -> (usize, usize) {
        (self.inputs.units, self.outputs.units)
    }

    /// Numbers of a tile.
    pub fn tile_size(&self) -> usize {
        self.inputs.size * self.outputs.size
    }

    /// For every weight in turn its place in the dense `[inputs, outputs]`; `None` for the weights of padding.
    pub fn places_in_dense(&self) -> impl Iterator<Item = Option<usize>> {
        let (_, rows, columns) = self.shape();
        self.sources.iter().enumerate().flat_map(move |(tile, source)| {
            (0..rows * columns).map(move |at| {
                let input = self.inputs.unit_at(source * rows + at / columns)?;
                let output = self.outputs.unit_at(tile / self.fan_in * columns + at % columns)?;
                Some(input * self.outputs.units + output)
            })
        })
    }

    /// The tiles of dense weights `[inputs, outputs]`; 0 for padding.
    pub fn tiles_of(&self, dense: &[f32]) -> Vec<f32> {
        self.places_in_dense().map(|place| place.map_or(0.0, |place| dense[place])).collect()
    }

    /// Dense weights `[inputs, outputs]` with 0 where no tile exists.
    pub fn dense_of(&self, tiles: &[f32]) -> Vec<f32> {
        let mut dense = vec![0f32; self.inputs.units * self.outputs.units];
        for (place, weight) in self.places_in_dense().zip(tiles) {
            if let Some(place) = place {
                dense[place] = *weight;
            }
        }
        dense
    }

    fn source_columns(&self, tile: usize) -> Range<usize> {
        let size = self.inputs.size;
        self.sources[tile] * size..(self.sources[tile] + 1) * size
    }

    fn group_columns(&self, tile: usize) -> Range<usize> {
        let size = self.outputs.size;
        tile / self.fan_in * size..(tile / self.fan_in + 1) * size
    }

    fn tile<'a>(&self, weights: &'a [f32], tile: usize) -> Matrix<'a> {
        let size = self.tile_size();
        Matrix::new(&weights[tile * size..(tile + 1) * size], self.inputs.size, self.outputs.size)
    }

    /// `activation(x W + b)`, `[batch, outputs]`, for inputs `[batch, inputs]`, without autograd. Panics when the shapes do not fit.
    pub fn forward(&self, inputs: &[f32], weights: &[f32], bias: &[f32], activation: Activation) -> Vec<f32> {
        let batch = inputs.len() / self.inputs.units;
        let (x, width) = (self.inputs.to_places(inputs), self.inputs.places(self.groups));
        let products = |rows: Range<usize>, into: &mut [f32]| {
            let x = Matrix::new(&x[rows.start * width..rows.end * width], rows.len(), width);
            for tile in 0..self.sources.len() {
                let destination = first_overwrites(tile % self.fan_in);
                let (x, w) = (x.columns(self.source_columns(tile)), self.tile(weights, tile));
                product_into(into, self.outputs.units, self.group_columns(tile), destination, x, w);
            }
        };
        match activation {
            Activation::Identity => self.outputs.rows_of(batch, self.groups, products, |unit, z| z + bias[unit]),
            Activation::Relu => self.outputs.rows_of(batch, self.groups, products, |unit, z| relu(z + bias[unit])),
        }
    }

    /// The gradient of every tile, given the inputs `[batch, inputs]` and the gradient before the activation, by places of the groups
    /// `[batch, outputs]`. Panics when the shapes do not fit.
    pub fn weight_gradient(&self, inputs: &[f32], gradient: &[f32], into: &mut [f32]) {
        let batch = inputs.len() / self.inputs.units;
        let x = self.inputs.to_places(inputs);
        let x = Matrix::new(&x, batch, self.inputs.places(self.groups));
        let gradient = Matrix::new(gradient, batch, self.outputs.units);
        into.par_chunks_mut(self.tile_size()).enumerate().for_each(|(tile, into)| {
            let (x, gradient) = (x.columns(self.source_columns(tile)), gradient.columns(self.group_columns(tile)));
            product_into(into, self.outputs.size, 0..self.outputs.size, Destination::Overwrite, x.transposed(), gradient);
        });
    }

    /// The gradient of the inputs, `[batch, inputs]`, given the gradient before the activation, by places of the groups `[batch, outputs]`.
    /// Panics when the shapes do not fit.
    pub fn input_gradient(&self, gradient: &[f32], weights: &[f32]) -> Vec<f32> {
        let (batch, size, width) = (gradient.len() / self.outputs.units, self.tile_size(), self.inputs.places(self.groups));
        let mut transposed = vec![0f32; weights.len()];
        transposed.par_chunks_mut(size).zip(weights.par_chunks(size)).for_each(|(into, tile)| {
            exchange(tile, into, self.outputs.size, Destination::Overwrite);
        });
        let products = |rows: Range<usize>, into: &mut [f32]| {
            let units = self.outputs.units;
            let gradient = Matrix::new(&gradient[rows.start * units..rows.end * units], rows.len(), units);
            for (group, readers) in self.readers.iter().enumerate() {
                let columns = group * self.inputs.size..(group + 1) * self.inputs.size;
                for (at, tile) in readers.iter().enumerate() {
                    let w = Matrix::new(&transposed[tile * size..(tile + 1) * size], self.outputs.size, self.inputs.size);
                    let destination = first_overwrites(at);
                    product_into(into, width, columns.clone(), destination, gradient.columns(self.group_columns(*tile)), w);
                }
            }
        };
        self.inputs.rows_of(batch, self.groups, products, |_, value| value)
    }

    /// Batch size. Errors: shapes that do not fit.
    pub(super) fn batch_of(&self, inputs: &Shape, weights: &Shape, bias: &Shape) -> Result<usize> {
        let (batch, n_in) = inputs.dims2()?;
        if n_in != self.inputs.units || weights.dims3()? != self.shape() || bias.dims() != [self.outputs.units] {
            let (tiles, rows, columns) = self.shape();
            bail!("a layer of {tiles} tiles of {rows} x {columns} got inputs {inputs:?}, weights {weights:?} and bias {bias:?}");
        }
        Ok(batch)
    }
}
