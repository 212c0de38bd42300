//! The pictures of `glass`: parts of the free energy, overlaps with all other patterns, and histograms of overlaps of replicas.

use super::{ensemble::arm_of, glass::Place, loads::LoadUnit};
use crate::{
    experiments::study::{axis, curve, measured},
    json::Number,
    record::{Compared, Frame, Plot, Residuals, Role},
};

/// Bins of an overlap in [-1, 1].
const BINS: usize = 40;

/// Pressure of one order and its parts against the load at a temperature; unconverged points are left out.
pub fn pressures(splits: &[Place], temperature: f64, order: u32) -> Frame {
    let here: Vec<&Place> =
        splits.iter().filter(|place| place.order == order && place.temperature == temperature && place.converged).collect();
    let parts = ["memory", "hard part", "soft part"];
    let line = |(at, label): (usize, &&str)| curve(label, Role::Theory, here.iter().map(|place| (place.load, place.parts[at])));
    let curves = parts.iter().enumerate().map(line).collect();
    let x = axis(&format!("alpha (P = {order}, T = {temperature})"), false);
    Frame::Plot(Plot { x, y: axis("pressure per spin", false), curves })
}

/// r against the load by order: points `(load, mean, error, theory)`.
pub fn crosstalks(lines: &[(u32, Vec<(f64, f64, f64, f64)>)], unit: LoadUnit) -> Frame {
    let (mut curves, mut residuals) = (Vec::new(), Vec::new());
    for (order, points) in lines {
        let data = measured(&format!("P = {order}"), &points.iter().map(|p| (p.0, p.1, p.2)).collect::<Vec<_>>());
        residuals.push(Residuals::of(&data, &points.iter().map(|p| p.3).collect::<Vec<_>>()));
        curves.push(data);
        curves.push(curve(&format!("{}, theory", arm_of(*order)), Role::Theory, points.iter().map(|p| (p.0, p.3))));
    }
    let title = match unit {
        LoadUnit::Capacity => "load over the replica-symmetric capacity at T = 0",
        LoadUnit::Alpha => "alpha",
        LoadUnit::Gamma => "gamma",
    };
    let y = axis("r, mean square overlap with the other patterns times N", false);
    Frame::Compared(Compared { plot: Plot { x: axis(title, false), y, curves }, residuals })
}

/// Counts of overlaps.
pub fn histogram(values: &[f64], title: &str) -> Frame {
    let mut counts = vec![0u64; BINS];
    for value in values {
        let bin = (0.5 * (value + 1.0) * BINS as f64) as usize;
        counts[bin.min(BINS - 1)] += 1;
    }
    let edges = (0..=BINS).map(|edge| Number(2.0 * edge as f64 / BINS as f64 - 1.0)).collect();
    Frame::Histogram { edges, counts, title: title.to_owned() }
}
