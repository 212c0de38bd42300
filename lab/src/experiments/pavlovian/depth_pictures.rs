//! What the kind `depth` says: errors layer by layer beside their laws, and the map of reliability over layers and width with its frontier.

use super::{
    chain::{Chain, Cleanup, Layer},
    curves::say_z_scores,
    depth::DepthConfig,
    theory,
};
use crate::{
    Recorder,
    experiments::study::{axis, csv, curve, measured},
    json::Number,
    record::{Colour, Compared, Diagram, Frame, Frontier, Heatmap, Plot, Residuals, Role},
    theory::monte_carlo::{mean_and_error, z_score},
};

/// A chain and the trials made of it so far.
#[derive(Debug, Clone, Copy)]
pub struct OfChain<'a> {
    /// The chain.
    pub chain: Chain,
    /// Trial by trial, layer by layer.
    pub trials: &'a [Vec<Layer>],
}

impl OfChain<'_> {
    /// Mean and error of the measure that the law is about: wrong signs where signs are cleaned up, relative error elsewhere.
    fn measured(&self, layer: usize, bits: bool) -> (f64, f64) {
        let of = |layers: &Vec<Layer>| if bits { layers[layer].bit_error } else { layers[layer].relative_error };
        mean_and_error(&self.trials.iter().map(of).collect::<Vec<_>>())
    }

    /// What theory says after every layer; `None` for a softmax.
    fn theory(&self) -> Option<Vec<f64>> {
        let Chain { pairs, layers, cleanup, .. } = self.chain;
        let width = self.chain.width();
        match cleanup {
            Cleanup::None => Some((1..=layers).map(|layer| theory::depth_error(theory::interference(pairs, width), layer)).collect()),
            Cleanup::Sign => Some(theory::layered_bit_errors(pairs as f64 / width as f64, layers)),
            Cleanup::Softmax => None,
        }
    }

    fn label(&self) -> String {
        let Chain { pairs, heads, cleanup, .. } = self.chain;
        let heads = if heads == 1 { String::new() } else { format!(", {heads} heads") };
        let cleanup = if cleanup == Cleanup::Softmax { ", softmax" } else { "" };
        format!("n {pairs}{heads}{cleanup}")
    }
}

/// Errors against layers: wrong signs of the chains with sign clean-up, or relative errors of the others.
pub fn error_plot(known: &[OfChain<'_>], bits: bool) -> Frame {
    let (mut curves, mut residuals) = (Vec::new(), Vec::new());
    for found in known.iter().filter(|found| (found.chain.cleanup == Cleanup::Sign) == bits) {
        let point = |layer: usize| {
            let (mean, error) = found.measured(layer, bits);
            ((layer + 1) as f64, mean, error)
        };
        let points = measured(&found.label(), &(0..found.chain.layers).map(point).collect::<Vec<_>>());
        if let Some(line) = found.theory() {
            residuals.push(Residuals::of(&points, &line));
            let line = line.into_iter().enumerate().map(|(layer, y)| ((layer + 1) as f64, y));
            curves.push(curve(&found.label(), Role::Theory, line));
        }
        curves.push(points);
    }
    let y = if bits {
        axis("share of wrong signs, sign clean-up (lines: Domany, Meir, Kinzel)", false)
    } else {
        axis("relative error |y - x|² / |x|² (lines: (1 + ν)^L - 1, derived here)", true)
    };
    Frame::Compared(Compared { plot: Plot { x: axis("layer", false), y, curves }, residuals })
}

/// Share of codes recalled over layers and total width, with the width that theory asks for.
pub fn map(config: &DepthConfig, reliability: &[Vec<f64>]) -> Frame {
    let widths = &config.map_widths[..reliability.len()];
    let map = Heatmap {
        rows: reliability.len(),
        columns: config.layers,
        values: reliability.iter().flatten().copied().map(Number).collect(),
        min: Number(0.0),
        max: Number(1.0),
        row_labels: Some(widths.iter().map(usize::to_string).collect()),
        column_labels: Some((1..=config.layers).map(|layer| layer.to_string()).collect()),
        x_title: "layers, L".to_owned(),
        y_title: format!("total width d_k H; share of {} codes with relative error at most {}", config.map_pairs, config.target_error),
        colour: Colour::Sequential,
    };
    let needed = |layer: usize| theory::width_needed(config.map_pairs, layer, config.target_error);
    let frontier = Frontier {
        label: "(n - 1) / ((1 + ε)^(1/L) - 1), derived here".to_owned(),
        x: (1..=config.layers).map(|layer| Number(layer as f64 - 0.5)).collect(),
        y: (1..=config.layers).map(|layer| Number(row_of(widths, needed(layer)))).collect(),
    };
    Frame::Diagram(Diagram { map, frontiers: vec![frontier] })
}

/// The place down at which a width lies between those of the rows, by its logarithm; NaN outside.
fn row_of(widths: &[usize], width: f64) -> f64 {
    let Some(at) = widths.windows(2).position(|pair| pair[0] as f64 <= width && width <= pair[1] as f64) else { return f64::NAN };
    let (low, high) = ((widths[at] as f64).ln(), (widths[at + 1] as f64).ln());
    at as f64 + 0.5 + (width.ln() - low) / (high - low)
}

/// Summary and tables.
pub fn conclude(config: &DepthConfig, known: &[OfChain<'_>], reliability: &[Vec<f64>], out: &mut Recorder) {
    let (mut law, mut layered, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for found in known {
        let bits = found.chain.cleanup == Cleanup::Sign;
        let Chain { pairs, heads, cleanup, .. } = found.chain;
        let line = found.theory();
        for layer in 0..found.chain.layers {
            let (mean, error) = found.measured(layer, bits);
            let theory = line.as_ref().map(|line| line[layer]);
            let resolution = ((found.trials.len() * pairs * found.chain.width()) as f64).recip();
            let z = theory.filter(|_| pairs > 1).map(|theory| z_score(mean, if bits { error.max(resolution) } else { error }, theory));
            if bits {
                layered.extend(z)
            } else {
                law.extend(z)
            }
            let text = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
            let measure = if bits { "bit_error" } else { "relative_error" };
            let place = format!("{},{pairs},{heads},{},{measure}", cleanup.id(), layer + 1);
            rows.push(format!("{place},{mean},{error},{},{}", text(theory), text(z)));
        }
        let last = found.measured(found.chain.layers - 1, bits).0;
        let name = if bits { "depth/bit_error" } else { "depth/relative_error" };
        out.summary(format!("{name}_n{pairs}_h{heads}.{}", cleanup.id()), last);
    }
    say_z_scores("depth/law_", &law, out);
    say_z_scores("depth/layered_", &layered, out);
    out.summary("depth/critical_load", theory::critical_load());
    let agree = |(width, of_layers): (&usize, &Vec<f64>)| {
        let nu = theory::interference(config.map_pairs, *width);
        let layers = of_layers.iter().enumerate();
        layers.filter(|(layer, share)| (**share >= 0.5) == (theory::depth_error(nu, layer + 1) <= config.target_error)).count()
    };
    let cells = reliability.len() * config.layers;
    if cells > 0 {
        let agreeing: usize = config.map_widths.iter().zip(reliability).map(agree).sum();
        out.summary("depth/frontier_agreement", agreeing as f64 / cells as f64);
    }
    let header = "cleanup,pairs,heads,layer,measure,mean,standard_error,theory,z";
    out.artifact("depth.csv", "text/csv", csv(header, rows.into_iter()));
    let shares =
        config.map_widths.iter().zip(reliability).flat_map(|(width, of_layers)| {
            of_layers.iter().enumerate().map(move |(layer, share)| format!("{width},{},{share}", layer + 1))
        });
    out.artifact("reliability.csv", "text/csv", csv("width,layer,share_within_target", shares));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frontier_runs_between_the_rows() {
        assert!((row_of(&[32, 128, 256], 64.0) - 1.0).abs() < 1e-12);
        assert_eq!(row_of(&[32, 128, 256], 128.0), 1.5);
        assert!(row_of(&[32, 128], 300.0).is_nan() && row_of(&[32], 32.0).is_nan());
    }
}
