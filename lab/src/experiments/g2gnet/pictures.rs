//! What an arm shows of its wiring: numbers, and the matrix of densities between groups.

use super::arm::{Arm, Rewiring};
use crate::{
    Recorder, Result,
    json::Number,
    record::{Colour, Frame, Heatmap},
};

/// Says the wiring of a sparse arm as it is now: edge counts, survival, modularity and one matrix per layer. Nothing for a dense arm.
pub fn tell_wiring(arm: &Arm, out: &mut Recorder) -> Result<()> {
    let id = arm.id.id();
    let (mut edges, mut surviving, mut intra) = (0, 0, 0);
    let mut modularity = Vec::new();
    for (at, layer) in arm.network.layers.iter().enumerate() {
        let Some(wiring) = &layer.wiring else { continue };
        let counts = wiring.mask.group_counts(&wiring.groups);
        edges += counts.total();
        intra += counts.intra();
        surviving += wiring.mask.shared_edges(&wiring.first);
        modularity.push(counts.modularity());
        out.frame(&format!("connectivity/layer_{}", at + 1), id, density_matrix(counts.groups, &counts.densities()));
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

/// Says what a rewiring event did.
pub fn tell_rewiring(arm: &Arm, event: Rewiring, out: &mut Recorder) -> Result<()> {
    let id = arm.id.id();
    out.point("weights/turnover", id, event.swapped as f64 / event.edges.max(1) as f64)?;
    out.point("hebb/active_mean", id, event.active_score)?;
    out.point("hebb/inactive_mean", id, event.inactive_score)
}

fn density_matrix(groups: usize, densities: &[f64]) -> Frame {
    let labels: Vec<String> = (1..=groups).map(|group| group.to_string()).collect();
    Frame::Heatmap(Heatmap {
        rows: groups,
        columns: groups,
        values: densities.iter().copied().map(Number).collect(),
        min: Number(0.0),
        max: Number(1.0),
        row_labels: Some(labels.clone()),
        column_labels: Some(labels),
        x_title: "input group".to_owned(),
        y_title: "output group".to_owned(),
        colour: Colour::Sequential,
    })
}
