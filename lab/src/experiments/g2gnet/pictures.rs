//! What an arm shows of its wiring: numbers, matrices between groups, and degrees.

use super::{
    arm::{Arm, Rewiring},
    config::{Encoder, G2gNetConfig},
    groups::LayerGroups,
    layer::Wiring,
    mask::Mask,
};
use crate::{
    Recorder, Result,
    json::Number,
    record::{Axis, Colour, Curve, Frame, Heatmap, Plot, Role},
};

/// A histogram of degrees has at most this many bins.
const MOST_BINS: usize = 25;

/// Says the wiring of a sparse arm as it is now: edge counts, survival, modularity, and per layer the density and the mean magnitude of
/// the weights between groups and the degrees of the units. Nothing for a dense arm.
pub fn tell_wiring(config: &G2gNetConfig, arm: &Arm, out: &mut Recorder) -> Result<()> {
    let id = arm.id.id();
    let (mut edges, mut surviving, mut intra) = (0, 0, 0);
    let mut modularity = Vec::new();
    for (at, layer) in arm.network.layers.iter().enumerate() {
        let Some(Wiring { groups, mask, first, .. }) = &layer.wiring else { continue };
        let counts = mask.group_counts(groups);
        edges += counts.total();
        intra += counts.intra();
        surviving += mask.shared_edges(first);
        modularity.push(counts.modularity());
        let name = |what: &str| format!("{what}/layer_{}", at + 1);
        out.frame(&name("connectivity"), id, between_groups(groups, counts.densities(), (0.0, 1.0), Colour::Sequential));
        let magnitudes = mean_magnitudes(groups, mask, &layer.dense_weights()?);
        let most = magnitudes.iter().copied().fold(0.0, f64::max);
        out.frame(&name("magnitude"), id, between_groups(groups, magnitudes, (0.0, most), Colour::Sequential));
        out.frame(&name("in_degree"), id, degree_histogram("units by number of inputs", &mask.fan_in()));
        out.frame(&name("out_degree"), id, degree_histogram("inputs by number of units they feed", &mask.fan_out()));
        if at == 0 {
            out.frame("out_degree/inputs", id, input_degrees(config, &mask.fan_out()));
        }
    }
    if edges > 0 {
        out.point("weights/edges_active", id, edges as f64)?;
        out.point("weights/edge_survival", id, surviving as f64 / edges as f64)?;
        out.point("weights/intra_fraction", id, intra as f64 / edges as f64)?;
        out.point("weights/modularity_q", id, modularity.iter().sum::<f64>() / modularity.len() as f64)?;
    }
    Ok(())
}

/// Share of the edges inside groups and modularity (mean over layers) of a sparse arm; `None` for a dense one.
pub fn wiring_summary(arm: &Arm) -> Option<(f64, f64)> {
    let sparse = arm.network.layers.iter().filter_map(|layer| layer.wiring.as_ref());
    let counts: Vec<_> = sparse.map(|wiring| wiring.mask.group_counts(&wiring.groups)).collect();
    let edges: usize = counts.iter().map(|counts| counts.total()).sum();
    let intra: usize = counts.iter().map(|counts| counts.intra()).sum();
    let modularity: f64 = counts.iter().map(|counts| counts.modularity()).sum();
    (edges > 0).then(|| (intra as f64 / edges as f64, modularity / counts.len() as f64))
}

/// Says what a rewiring event did: the share of edges swapped, mean scores, and births minus deaths between groups.
pub fn tell_rewiring(arm: &Arm, event: &Rewiring, out: &mut Recorder) -> Result<()> {
    let id = arm.id.id();
    out.point("weights/turnover", id, event.swapped as f64 / event.edges.max(1) as f64)?;
    if let Some((active, inactive)) = event.scores {
        out.point("hebb/active_mean", id, active)?;
        out.point("hebb/inactive_mean", id, inactive)?;
    }
    let sparse = arm.network.layers.iter().filter_map(|layer| layer.wiring.as_ref());
    for (at, (Wiring { groups, mask, .. }, before)) in sparse.zip(&event.before).enumerate() {
        let (before, after) = (before.group_counts(groups), mask.group_counts(groups));
        let gains: Vec<f64> = after.edges.iter().zip(&before.edges).map(|(after, before)| *after as f64 - *before as f64).collect();
        let most = gains.iter().fold(1f64, |most, gain| most.max(gain.abs()));
        out.frame(&format!("moves/layer_{}", at + 1), id, between_groups(groups, gains, (-most, most), Colour::Diverging));
    }
    Ok(())
}

/// Test accuracy of all arms against the weights that they have in the layers compared.
pub fn accuracy_against_weights(arms: &[Arm]) -> Frame {
    let curves = arms.iter().filter(|arm| arm.state.alive).map(|arm| Curve {
        label: arm.id.id().to_owned(),
        role: Role::Data,
        x: vec![Number(arm.hidden_weights() as f64)],
        y: vec![Number(arm.state.test.accuracy)],
        y_error: None,
        converged: None,
    });
    Frame::Plot(Plot {
        x: Axis { title: "weights that exist in the hidden layers".to_owned(), log: true },
        y: Axis { title: "test accuracy".to_owned(), log: false },
        curves: curves.collect(),
    })
}

/// Mean magnitude of the weights that exist between two groups, 0 where there is none.
fn mean_magnitudes(groups: &LayerGroups, mask: &Mask, weights: &[f32]) -> Vec<f64> {
    let mut sums = vec![(0f64, 0f64); groups.count * groups.count];
    let (_, n_out) = mask.sizes();
    for (input, (row, cells)) in weights.chunks_exact(n_out).zip(mask.cells().chunks_exact(n_out)).enumerate() {
        for ((weight, cell), output) in row.iter().zip(cells).zip(&groups.outputs) {
            let (sum, count) = &mut sums[output * groups.count + groups.inputs[input]];
            *sum += f64::from(weight.abs());
            *count += f64::from(*cell);
        }
    }
    sums.into_iter().map(|(sum, count)| sum / count.max(1.0)).collect()
}

/// A matrix with a row per output group and a column per input group.
fn between_groups(groups: &LayerGroups, values: Vec<f64>, (min, max): (f64, f64), colour: Colour) -> Frame {
    let labels: Vec<String> = (1..=groups.count).map(|group| group.to_string()).collect();
    Frame::Heatmap(Heatmap {
        rows: groups.count,
        columns: groups.count,
        values: values.into_iter().map(Number).collect(),
        min: Number(min),
        max: Number(max),
        row_labels: Some(labels.clone()),
        column_labels: Some(labels),
        x_title: "input group".to_owned(),
        y_title: "output group".to_owned(),
        colour,
    })
}

/// Units by degree, in bins of equal whole widths around the degrees that occur.
fn degree_histogram(title: &str, degrees: &[usize]) -> Frame {
    let least = degrees.iter().copied().min().unwrap_or(0);
    let span = degrees.iter().copied().max().unwrap_or(0) - least + 1;
    let width = span.div_ceil(MOST_BINS);
    let mut counts = vec![0u64; span.div_ceil(width)];
    degrees.iter().for_each(|degree| counts[(degree - least) / width] += 1);
    let edges = (0..=counts.len()).map(|bin| Number((least + bin * width) as f64 - 0.5));
    Frame::Histogram { edges: edges.collect(), counts, title: title.to_owned() }
}

/// How many units each input feeds, as the image lies (all channels of a pixel together), or by patch and filter of the encoder.
fn input_degrees(config: &G2gNetConfig, fan_out: &[usize]) -> Frame {
    let (side, patches) = (config.dataset.side(), Encoder::PATCHES * Encoder::PATCHES);
    let (rows, columns, degrees, x_title, y_title) = match config.encoder {
        Encoder::None => {
            let pixel = |at: usize| fan_out.iter().skip(at).step_by(side * side).sum::<usize>();
            (side, side, (0..side * side).map(pixel).collect(), "column of pixels", "row of pixels")
        }
        Encoder::Patch16 => (patches, Encoder::FILTERS, fan_out.to_vec(), "filter", "patch"),
    };
    let bound = |pick: fn(usize, usize) -> usize| Number(degrees.iter().copied().reduce(pick).unwrap_or(0) as f64);
    Frame::Heatmap(Heatmap {
        rows,
        columns,
        min: bound(usize::min),
        max: bound(usize::max),
        values: degrees.into_iter().map(|degree| Number(degree as f64)).collect(),
        row_labels: None,
        column_labels: None,
        x_title: x_title.to_owned(),
        y_title: y_title.to_owned(),
        colour: Colour::Sequential,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::g2gnet::config::DataSet;

    fn values(frame: Frame) -> (usize, usize, Vec<f64>, f64, f64) {
        let Frame::Heatmap(Heatmap { rows, columns, values, min, max, .. }) = frame else { panic!("a heat map") };
        (rows, columns, values.into_iter().map(|value| value.0).collect(), min.0, max.0)
    }

    #[test]
    fn magnitudes_are_means_over_the_edges_that_exist() {
        let groups = LayerGroups { count: 2, inputs: vec![0, 1], outputs: vec![0, 0, 1, 1] };
        let mask = Mask::from_cells(2, 4, vec![1, 1, 0, 0, 1, 0, 1, 1]).unwrap();
        let weights = [1.0, -3.0, 0.0, 0.0, 0.5, 0.0, -2.0, 4.0];
        assert_eq!(mean_magnitudes(&groups, &mask, &weights), [2.0, 0.5, 0.0, 3.0]);
    }

    #[test]
    fn degrees_are_counted_in_whole_bins() {
        let Frame::Histogram { edges, counts, .. } = degree_histogram("units", &[7, 7, 9, 8]) else { panic!("a histogram") };
        assert_eq!((edges.into_iter().map(|edge| edge.0).collect::<Vec<_>>(), counts), (vec![6.5, 7.5, 8.5, 9.5], vec![2, 1, 1]));
        let Frame::Histogram { edges, counts, .. } = degree_histogram("units", &[0, 99, 50]) else { panic!("a histogram") };
        assert_eq!((edges.len(), edges[1].0, counts.iter().sum::<u64>(), counts[0], counts[24]), (26, 3.5, 3, 1, 1));
        let Frame::Histogram { counts, .. } = degree_histogram("units", &[5; 3]) else { panic!("a histogram") };
        assert_eq!(counts, [3]);
    }

    #[test]
    fn degrees_of_inputs_lie_as_the_image_does() {
        let mut config = G2gNetConfig { dataset: DataSet::Cifar10, ..G2gNetConfig::default() };
        let fan_out: Vec<usize> = (0..3072).map(|at| at / 1024 + usize::from(at == 33)).collect();
        let (rows, columns, degrees, min, max) = values(input_degrees(&config, &fan_out));
        assert_eq!((rows, columns, degrees[32], degrees[33], min, max), (32, 32, 3.0, 4.0, 3.0, 4.0));
        config.encoder = Encoder::Patch16;
        let (rows, columns, degrees, ..) = values(input_degrees(&config, &fan_out[..512]));
        assert_eq!((rows, columns, degrees[33]), (16, 32, 1.0));
    }
}
