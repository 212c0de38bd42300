//! What a run shows at the end of every part of its stream: tables, filters and examples.

use super::{
    arm::Arm,
    config::NhlConfig,
    hebbian::unit_rows,
    network::{Network, Plan},
    stream::{Batch, Condition, Stream},
};
use crate::{
    Error, Recorder, Result,
    json::Number,
    png,
    record::{Axis, Bars, Colour, Curve, Frame, Heatmap, Plot, Role},
};

/// Images of an example row.
const EXAMPLES: usize = 12;
/// Filters side by side.
const FILTERS_IN_A_ROW: usize = 16;
/// Height of the stripe that tells whether an arm was right, in pixels.
const STRIPE: usize = 6;
const BACKGROUND: [u8; 3] = [255, 255, 255];
/// Bluish green and vermillion of the palette by Okabe and Ito, which colour-blind people can tell apart; grey for an arm that has stopped.
const RIGHT: [u8; 3] = [0, 158, 115];
const WRONG: [u8; 3] = [213, 94, 0];
const STOPPED: [u8; 3] = [160, 160, 160];

/// Name of a part of the stream in tables.
pub fn label(stream: &Stream, config: &NhlConfig, condition: Condition) -> String {
    match condition {
        Condition::Clean => "clean".to_owned(),
        Condition::Corrupted(corruption, _) if config.severities.len() == 1 => stream.label(corruption).to_owned(),
        Condition::Corrupted(corruption, severity) => format!("{} {severity}", stream.label(corruption)),
    }
}

/// The run's arms and stream, to be drawn.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The parameters.
    pub config: &'a NhlConfig,
    /// The sizes of the classifier.
    pub plan: &'a Plan,
    /// The stream.
    pub stream: &'a Stream,
    /// The source model.
    pub source: &'a Network,
    /// The arms.
    pub arms: &'a [Arm],
}

impl View<'_> {
    /// Says everything after the last batch of a part; `predictions` are those of every arm that is alive.
    pub fn tell(self, condition: usize, batch: &Batch, predictions: &[Option<Vec<u8>>], out: &mut Recorder) -> Result<()> {
        out.frame("error/table", None, self.error_table(condition));
        out.frame("error/severity", None, self.severity_plot(condition));
        out.frame("predictions/classes", None, self.class_table());
        out.frame("examples", None, Frame::Image(self.examples(batch, predictions)?));
        for arm in self.arms.iter().filter(|arm| arm.id.is_hebbian() && arm.state.alive) {
            out.frame("filters/first_layer", arm.id.id(), self.filters(arm));
        }
        Ok(())
    }

    fn arm_labels(self) -> Option<Vec<String>> {
        Some(self.arms.iter().map(|arm| arm.id.id().to_owned()).collect())
    }

    /// Errors of the arms on the parts of the stream so far: bars grouped by corruption, or, where every corruption comes in several severities
    /// and the bars would be hair lines, arms as rows and parts as columns.
    fn error_table(self, condition: usize) -> Frame {
        let parts = &self.stream.conditions()[..=condition];
        let labels = parts.iter().map(|part| label(self.stream, self.config, *part)).collect();
        if self.config.severities.len() == 1 {
            let mut bars = Bars::new("part of the stream", "error, with its standard error", labels);
            for arm in self.arms {
                bars.add_measured(arm.id.id(), (0..parts.len()).map(|part| (arm.error(part), arm.error_spread(part))));
            }
            return Frame::Bars(bars);
        }
        Frame::Heatmap(Heatmap {
            rows: self.arms.len(),
            columns: parts.len(),
            values: self.arms.iter().flat_map(|arm| (0..parts.len()).map(|part| Number(arm.error(part)))).collect(),
            min: Number(0.0),
            max: Number(1.0),
            row_labels: self.arm_labels(),
            column_labels: Some(labels),
            x_title: "part of the stream".to_owned(),
            y_title: "arm".to_owned(),
            colour: Colour::Sequential,
        })
    }

    /// Share of every class among the predictions on the part that ends.
    fn class_table(self) -> Frame {
        let classes = self.plan.classes;
        let shares = self.arms.iter().flat_map(|arm| {
            let all = arm.state.predicted.iter().sum::<u64>() as f64;
            arm.state.predicted.iter().map(move |count| Number(if arm.state.alive { *count as f64 / all } else { f64::NAN }))
        });
        Frame::Heatmap(Heatmap {
            rows: self.arms.len(),
            columns: classes,
            values: shares.collect(),
            min: Number(0.0),
            max: Number(0.5),
            row_labels: self.arm_labels(),
            column_labels: Some((0..classes).map(|class| class.to_string()).collect()),
            x_title: "predicted class".to_owned(),
            y_title: "arm".to_owned(),
            colour: Colour::Sequential,
        })
    }

    /// Mean error over the corruptions so far, at every severity.
    fn severity_plot(self, condition: usize) -> Frame {
        let mean = |arm: &Arm, wanted: u8| {
            let parts = self.stream.conditions()[..=condition].iter().enumerate();
            let errors = parts.filter(|(_, part)| matches!(part, Condition::Corrupted(_, severity) if *severity == wanted));
            let (sum, count) = errors.fold((0.0, 0), |(sum, count), (at, _)| (sum + arm.error(at), count + 1));
            (count > 0).then(|| (f64::from(wanted), sum / f64::from(count)))
        };
        let mut severities = self.config.severities.clone();
        severities.sort_unstable();
        let curves = self.arms.iter().map(|arm| {
            let points: Vec<(f64, f64)> =
                std::iter::once((0.0, arm.error(0))).chain(severities.iter().filter_map(|s| mean(arm, *s))).collect();
            Curve {
                label: arm.id.id().to_owned(),
                role: Role::Data,
                x: points.iter().map(|(x, _)| Number(*x)).collect(),
                y: points.iter().map(|(_, y)| Number(*y)).collect(),
                y_error: None,
                converged: None,
            }
        });
        let axis = |title: &str| Axis { title: title.to_owned(), log: false };
        Frame::Plot(Plot { x: axis("severity (0: clean)"), y: axis("error, mean over corruptions so far"), curves: curves.collect() })
    }

    /// The first filters: those of the source model, those of the arm, and their change. All are of length 1 and averaged over the
    /// channels of the image; the change is drawn larger so that it fills the same scale.
    fn filters(self, arm: &Arm) -> Frame {
        let convolution = &self.plan.convolutions[0];
        let (side, taps, count) = (convolution.kernel, convolution.taps(), convolution.filters);
        let before = unit_rows(&self.source.layers[0].filters, taps);
        let after = unit_rows(&arm.network.layers[0].filters, taps);
        let mut change: Vec<f32> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
        let largest = |values: &[f32]| values.iter().fold(0f32, |most, value| most.max(value.abs()));
        let (scale, of_change) = (largest(&before).max(largest(&after)), largest(&change));
        if of_change > 0.0 {
            change.iter_mut().for_each(|value| *value *= scale / of_change);
        }
        let in_a_row = count.min(FILTERS_IN_A_ROW);
        let band = count.div_ceil(in_a_row) * (side + 1);
        let (rows, columns) = (3 * band, in_a_row * (side + 1));
        let mut values = vec![Number(0.0); rows * columns];
        for (at, filters) in [before, after, change].iter().enumerate() {
            for (filter, weights) in filters.chunks_exact(taps).enumerate() {
                let (top, left) = (at * band + filter / in_a_row * (side + 1), filter % in_a_row * (side + 1));
                for place in 0..side * side {
                    let sum: f32 = weights[place..].iter().step_by(side * side).sum();
                    values[(top + place / side) * columns + left + place % side] = Number(f64::from(sum) / convolution.channels as f64);
                }
            }
        }
        Frame::Heatmap(Heatmap {
            rows,
            columns,
            values,
            min: Number(f64::from(-scale)),
            max: Number(f64::from(scale)),
            row_labels: None,
            column_labels: None,
            x_title: "filters of the first convolution".to_owned(),
            y_title: "source, now, change (enlarged)".to_owned(),
            colour: Colour::Diverging,
        })
    }

    /// A row of clean images, the same as the arms saw them, and below each a stripe per arm: green where it was right.
    fn examples(self, batch: &Batch, predictions: &[Option<Vec<u8>>]) -> Result<Vec<u8>> {
        let convolution = &self.plan.convolutions[0];
        let (channels, height, width) = (convolution.channels, convolution.height, convolution.width);
        let enlarge = (56 / height).max(1);
        let shown = batch.labels.len().min(EXAMPLES);
        let (cell, image) = ((width * enlarge + 2), height * enlarge + 2);
        let size = (shown * cell, 2 * image + self.arms.len() * STRIPE);
        let mut pixels: Vec<u8> = BACKGROUND.iter().copied().cycle().take(3 * size.0 * size.1).collect();
        let mut paint = |x: usize, y: usize, colour: [u8; 3]| pixels[3 * (y * size.0 + x)..][..3].copy_from_slice(&colour);
        for column in 0..shown {
            for (row, images) in [&batch.clean, &batch.images].into_iter().enumerate() {
                let values = &images[column * convolution.in_size()..][..convolution.in_size()];
                for y in 0..height * enlarge {
                    for x in 0..width * enlarge {
                        let at = y / enlarge * width + x / enlarge;
                        let colour = [0, 1, 2].map(|c| (values[c % channels * height * width + at] * 255.0).round() as u8);
                        paint(column * cell + x, row * image + y, colour);
                    }
                }
            }
            for (row, predictions) in predictions.iter().enumerate() {
                let colour = match predictions {
                    None => STOPPED,
                    Some(predictions) if predictions[column] == batch.labels[column] => RIGHT,
                    Some(_) => WRONG,
                };
                for y in 0..STRIPE - 1 {
                    (0..width * enlarge).for_each(|x| paint(column * cell + x, 2 * image + row * STRIPE + y, colour));
                }
            }
        }
        png::encode_rgb(size.0, size.1, &pixels)
            .map_err(|error| Error::Record(format!("the picture of examples cannot be written: {error}")))
    }
}
