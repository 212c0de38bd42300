//! Over how many tokens the heads of a net spread their weight, and pictures of it.

use super::{config::HeadsConfig, model::Passed};
use crate::{
    experiments::{
        hopfield::memory::fewest,
        study::{axis, curve},
    },
    json::Number,
    record::{Colour, Curve, Frame, Heatmap, Plot, Role},
};

/// Share of a query's weight that the counted tokens hold.
const HELD: f64 = 0.9;
/// Columns of the picture of distributions.
const BINS: usize = 10;

/// For every head, how many queries need k tokens for 90 % of their weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread {
    layers: usize,
    heads: usize,
    tokens: usize,
    /// `[layers, heads, tokens]`; the last index is k - 1.
    counts: Vec<u64>,
}

impl Spread {
    /// Nothing counted yet.
    pub fn new(config: &HeadsConfig) -> Self {
        let (layers, heads, tokens) = (config.layers, config.num_heads, config.tokens());
        Self { layers, heads, tokens, counts: vec![0; layers * heads * tokens] }
    }

    /// Counts the queries of all images of a forward pass.
    pub fn add(&mut self, passed: &Passed<f32>, images: usize) {
        let mut sorted = vec![0f64; self.tokens];
        for image in 0..images {
            for (at, counts) in self.counts.chunks_exact_mut(self.tokens).enumerate() {
                let association = passed.association(image, at / self.heads, at % self.heads, self.heads);
                for row in association.chunks_exact(self.tokens) {
                    sorted.iter_mut().zip(row).for_each(|(sorted, weight)| *sorted = f64::from(*weight));
                    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
                    counts[fewest(&sorted, HELD) - 1] += 1;
                }
            }
        }
    }

    /// Adds what was counted elsewhere for the same net.
    pub fn join(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, count)| *sum += count);
    }

    /// The k at `quantile` (0 to 1) of all queries of some heads, the lower of two middle ones, as a share of the tokens. `from..to` numbers the heads through all layers.
    fn quantile(&self, from: usize, to: usize, quantile: f64) -> f64 {
        let of = |k: usize| (from..to).map(|head| self.counts[head * self.tokens + k]).sum::<u64>();
        let total: u64 = (0..self.tokens).map(of).sum();
        let wanted = quantile * total as f64;
        let mut below = 0;
        for k in 0..self.tokens {
            below += of(k);
            if below as f64 >= wanted && below > 0 {
                return (k + 1) as f64 / self.tokens as f64;
            }
        }
        f64::NAN
    }

    /// Median of k90 / n over all queries of a layer, from 0.
    pub fn of_layer(&self, layer: usize) -> f64 {
        self.quantile(layer * self.heads, (layer + 1) * self.heads, 0.5)
    }

    /// Median of k90 / n over the queries of one head.
    pub fn of_head(&self, layer: usize, head: usize) -> f64 {
        let at = layer * self.heads + head;
        self.quantile(at, at + 1, 0.5)
    }

    /// Medians of heads and layers.
    pub fn medians(&self) -> Frame {
        let heads = (0..self.layers).flat_map(|layer| (0..self.heads).map(move |head| ((layer + 1) as f64, self.of_head(layer, head))));
        let range = (0..self.layers).map(|layer| {
            let quartile = |q: f64| self.quantile(layer * self.heads, (layer + 1) * self.heads, q);
            (0.5 * (quartile(0.25) + quartile(0.75)), 0.5 * (quartile(0.75) - quartile(0.25)))
        });
        let (middle, half): (Vec<f64>, Vec<f64>) = range.unzip();
        let layers = |values: Vec<f64>| values.into_iter().enumerate().map(|(layer, value)| ((layer + 1) as f64, value));
        let quartiles = Curve {
            y_error: Some(half.into_iter().map(Number).collect()),
            ..curve("middle half of a layer's queries", Role::Data, layers(middle))
        };
        let medians = curve("median of a layer", Role::Line, layers((0..self.layers).map(|layer| self.of_layer(layer)).collect()));
        Frame::Plot(Plot {
            x: axis("layer", false),
            y: axis("share of the tokens that hold 90 % of the weight", false),
            curves: vec![medians, curve("median of a head", Role::Data, heads), quartiles],
        })
    }

    /// The distribution over queries of every head.
    pub fn distributions(&self) -> Frame {
        let mut values = vec![Number(0.0); self.layers * self.heads * BINS];
        for (counts, row) in self.counts.chunks_exact(self.tokens).zip(values.chunks_exact_mut(BINS)) {
            let total = counts.iter().sum::<u64>() as f64;
            for (at, count) in counts.iter().enumerate() {
                // k = n belongs to the last bin, as every k to the one whose upper end it does not pass.
                row[((at + 1) * BINS).div_ceil(self.tokens) - 1].0 += *count as f64 / total;
            }
        }
        let names = (0..self.layers).flat_map(|layer| (0..self.heads).map(move |head| format!("layer {}, head {}", layer + 1, head + 1)));
        Frame::Heatmap(Heatmap {
            rows: self.layers * self.heads,
            columns: BINS,
            values,
            min: Number(0.0),
            max: Number(1.0),
            row_labels: Some(names.collect()),
            column_labels: Some((1..=BINS).map(|bin| format!("{:.1}", bin as f64 / BINS as f64)).collect()),
            x_title: "share of the tokens that hold 90 % of the weight, up to".to_owned(),
            y_title: "share of the queries".to_owned(),
            colour: Colour::Sequential,
        })
    }
}

/// One image: as it is, as the net is shown it and as it fills it in, and how every head of every layer, one layer a line, weighs the
/// patches when it looks from the first hidden patch behind the middle. Each map is scaled to its largest weight.
pub fn example(config: &HeadsConfig, passed: &Passed<f32>, pixels: &[f32], hidden: &[bool]) -> Frame {
    let tokens = config.tokens();
    let (patch, across, side) = (config.patch_side, config.dataset.side() / config.patch_side, config.dataset.side());
    let is_hidden = |token: &usize| hidden[*token];
    let query = (tokens / 2..tokens).chain(0..tokens / 2).find(is_hidden).unwrap_or(0);
    let columns = config.num_heads.max(3) * (side + 1) - 1;
    let mut picture = Heatmap {
        rows: (config.layers + 1) * (side + 1) - 1,
        columns,
        values: Vec::new(),
        min: Number(0.0),
        max: Number(1.0),
        row_labels: None,
        column_labels: None,
        x_title: "first line: image | shown | filled in; below: heads".to_owned(),
        y_title: format!("layers, looking from patch {} of {tokens}", query + 1),
        colour: Colour::Sequential,
    };
    // What belongs to no map stays empty.
    picture.values = vec![Number(f64::NAN); picture.rows * picture.columns];
    let mut draw = |line: usize, place: usize, value: &dyn Fn(usize, usize) -> f64| {
        for at in 0..side * side {
            let (row, column) = (at / side, at % side);
            let (token, pixel) = (row / patch * across + column / patch, row % patch * patch + column % patch);
            picture.values[(line * (side + 1) + row) * columns + place * (side + 1) + column] = Number(value(token, pixel));
        }
    };
    let size = patch * patch;
    draw(0, 0, &|token, pixel| f64::from(pixels[token * size + pixel]));
    draw(0, 1, &|token, pixel| if hidden[token] { f64::NAN } else { f64::from(pixels[token * size + pixel]) });
    draw(0, 2, &|token, pixel| {
        let from = if hidden[token] { &passed.predicted } else { pixels };
        f64::from(from[token * size + pixel].clamp(0.0, 1.0))
    });
    for layer in 0..config.layers {
        for head in 0..config.num_heads {
            let weights = &passed.association(0, layer, head, config.num_heads)[query * tokens..][..tokens];
            let most = weights.iter().copied().fold(0f32, f32::max);
            draw(layer + 1, head, &|token, _| f64::from(weights[token] / most));
        }
    }
    Frame::Heatmap(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_distributions_of_counted_queries() {
        // Two layers of two heads over four tokens.
        let counts = vec![4, 0, 0, 0, 0, 0, 4, 0, 0, 1, 2, 1, 0, 0, 0, 4];
        let spread = Spread { layers: 2, heads: 2, tokens: 4, counts };
        assert_eq!([spread.of_head(0, 0), spread.of_head(0, 1), spread.of_head(1, 0), spread.of_head(1, 1)], [0.25, 0.75, 0.75, 1.0]);
        assert_eq!([spread.of_layer(0), spread.of_layer(1)], [0.25, 1.0]);
        let Frame::Heatmap(picture) = spread.distributions() else { panic!("no heat map") };
        let row = |head: usize| picture.values[head * BINS..(head + 1) * BINS].iter().map(|value| value.0).collect::<Vec<_>>();
        assert_eq!(row(0), [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(row(2), [0.0, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0, 0.5, 0.0, 0.25]);
        let mut twice = spread.clone();
        twice.join(&spread);
        assert!(twice.counts[0] == 8 && twice.of_layer(0) == 0.25);
    }
}
