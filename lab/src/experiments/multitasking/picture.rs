//! Kind `picture`: three images with blanks in one state, and which of them every neuron belongs to.

use super::{
    columns::Columns,
    config::{check_init, check_not_lumped},
    dynamics::{Dynamics, Network, Sweeper},
    sample::{Observed, Start},
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    config::CrossFaults,
    experiments::study::{Study, axis, csv, curve},
    json::Number,
    kernels::{biased_bits::BiasedBits, ternary::TernaryPatterns},
    random::Generator,
    record::{Colour, Curve, Frame, Heatmap, Plot, Role},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The images: a disc, stripes and checks.
const IMAGES: usize = 3;
/// The arm whose patterns have blanks.
const ARM: &str = "diluted";

/// Parameters of `picture`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Images in one state")]
#[serde(default, deny_unknown_fields)]
pub struct PictureConfig {
    /// Pixels along an image; its square is the number of spins.
    #[schemars(title = "Side", range(min = 16, max = 128))]
    pub side: usize,
    /// Share of blanks (d) of every image, up to 0.98.
    #[schemars(title = "Dilution", range(min = 0.0, max = 0.98), extend("told" = "at d=1 all entries are blank"))]
    pub dilution: f64,
    /// In units of the field with its factor 1 - d taken out; above 1 nothing is stored.
    #[schemars(title = "Temperature", range(min = 0.0, max = 2.0), extend("told" = "T must be >= 0; above 1 nothing is stored"))]
    pub temperature: f64,
    /// What is updated together.
    #[schemars(title = "Dynamics")]
    pub dynamics: Dynamics,
    /// Where the network starts; from the first image, whose blanks are random, it finds the others in the blanks.
    #[schemars(title = "Start")]
    pub init: Start,
    /// Sweeps, and steps of the run.
    #[schemars(title = "Sweeps", range(min = 1, max = 10_000))]
    pub sweeps: usize,
}

impl Default for PictureConfig {
    fn default() -> Self {
        Self { side: 48, dilution: 0.4, temperature: 0.0, dynamics: Dynamics::Block, init: Start::Pattern1, sweeps: 12 }
    }
}

impl PictureConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_init(self.init, faults);
        check_not_lumped(self.dynamics, faults);
    }
}

/// Pixel of an image of ±1: a disc of half the area, horizontal stripes, checks.
fn pixel(image: usize, side: usize, row: usize, column: usize) -> i8 {
    let centred = |at: usize| (at as f64 + 0.5) / side as f64 - 0.5;
    let bright = match image {
        0 => centred(row).powi(2) + centred(column).powi(2) < 0.5 / std::f64::consts::PI,
        1 => (row * 8 / side).is_multiple_of(2),
        _ => (row * 6 / side + column * 6 / side).is_multiple_of(2),
    };
    if bright { 1 } else { -1 }
}

/// The images with their blanks.
fn images(side: usize, dilution: f64, generator: &mut Generator) -> TernaryPatterns {
    let kept = BiasedBits::new(1.0 - dilution);
    let mut values = Vec::with_capacity(IMAGES * side * side);
    for image in 0..IMAGES {
        let mut mask = vec![0; (side * side).div_ceil(64)];
        kept.fill(&mut mask, side * side, generator.rng());
        let value = |at: usize| if mask[at / 64] >> (at % 64) & 1 == 1 { pixel(image, side, at / side, at % side) } else { 0 };
        values.extend((0..side * side).map(value));
    }
    TernaryPatterns::new(&values, side * side)
}

/// Which image a pixel belongs to: the strongest with an entry there that it agrees with, 1 for the first; 0 for none.
fn owner(patterns: &TernaryPatterns, amplitudes: &[f64], spins: &[i8], unit: usize) -> usize {
    let mut order: Vec<usize> = (0..IMAGES).collect();
    order.sort_by(|a, b| amplitudes[*b].abs().total_cmp(&amplitudes[*a].abs()));
    let agrees = |mu: &usize| f64::from(patterns.value(*mu, unit)) * f64::from(spins[unit]) * amplitudes[*mu].signum() > 0.0;
    order.into_iter().find(agrees).map_or(0, |mu| mu + 1)
}

/// A run of `picture`.
pub struct Picture {
    config: PictureConfig,
    patterns: TernaryPatterns,
    network: Columns,
    generator: Generator,
    /// Sweep by sweep: amplitudes, then the shares of pixels that belong to no image and to each.
    history: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Picture {
    /// Images and start.
    pub fn new(config: &PictureConfig, lab: &Lab) -> Self {
        let patterns = images(config.side, config.dilution, &mut lab.generator("picture/blanks"));
        let spins = config.init.spins(&patterns, None, &mut lab.generator("picture/start"));
        let network = Columns::stored(&patterns, spins, config.dilution);
        Self { config: config.clone(), patterns, network, generator: lab.generator("picture/dynamics"), history: Vec::new() }
    }

    fn amplitudes(&self) -> Vec<f64> {
        Observed::of(self.network.overlaps(), self.patterns.non_zeros(), self.patterns.dim(), self.config.dilution).amplitudes
    }

    /// The images with their blanks and the state, side by side.
    fn strip(&self) -> Frame {
        let side = self.config.side;
        let columns = (IMAGES + 1) * (side + 1) - 1;
        let mut values = vec![Number(0.0); side * columns];
        for at in 0..side * side {
            for across in 0..=IMAGES {
                let value = if across < IMAGES { self.patterns.value(across, at) } else { self.network.spins()[at] };
                values[at / side * columns + across * (side + 1) + at % side] = Number(f64::from(value));
            }
        }
        heatmap(side, columns, values, (-1.0, 1.0), Colour::Diverging, "image 1 | image 2 | image 3 | state")
    }

    fn stack(&self) -> Frame {
        let curves = stacked(self.history.iter().map(|(_, shares)| shares));
        Frame::Plot(Plot { x: axis("sweep", false), y: axis("share of the pixels, one upon the other", false), curves })
    }

    fn owners(&self) -> Vec<usize> {
        let amplitudes = self.amplitudes();
        (0..self.patterns.dim()).map(|unit| owner(&self.patterns, &amplitudes, self.network.spins(), unit)).collect()
    }
}

/// Shares one upon the other, sweep by sweep: those of the first image, of the first two, and so on. What is missing to 1 belongs to none.
fn stacked<'a>(shares: impl Iterator<Item = &'a Vec<f64>> + Clone) -> Vec<Curve> {
    let up_to = |image: usize| shares.clone().enumerate().map(move |(at, shares)| ((at + 1) as f64, shares[1..=image].iter().sum()));
    let label = |image: usize| if image == 1 { "image 1".to_owned() } else { format!("and image {image}") };
    (1..=IMAGES).map(|image| curve(&label(image), Role::Data, up_to(image))).collect()
}

fn heatmap(rows: usize, columns: usize, values: Vec<Number>, (min, max): (f64, f64), colour: Colour, title: &str) -> Frame {
    Frame::Heatmap(Heatmap {
        rows,
        columns,
        values,
        min: Number(min),
        max: Number(max),
        row_labels: None,
        column_labels: None,
        x_title: title.to_owned(),
        y_title: "pixels".to_owned(),
        colour,
    })
}

impl Study for Picture {
    fn total_steps(&self) -> u64 {
        self.config.sweeps as u64
    }

    fn step(&mut self, _: u64, out: &mut Recorder) -> Result<()> {
        let (side, units) = (self.config.side, self.patterns.dim());
        let turned = Sweeper::default().sweep(&mut self.network, self.config.dynamics, self.config.temperature, &mut self.generator);
        let (amplitudes, owners) = (self.amplitudes(), self.owners());
        let counts: Vec<u64> = (0..=IMAGES).map(|of| owners.iter().filter(|owner| **owner == of).count() as u64).collect();
        let observed = Observed::of(self.network.overlaps(), self.patterns.non_zeros(), units, self.config.dilution);
        out.point("energy", ARM, observed.energy)?;
        out.point("loss/product", ARM, observed.loss_product)?;
        // Every neuron is updated once in a sweep.
        out.point("dynamics/flips", ARM, turned as f64 / units as f64)?;
        out.point("dynamics/acceptance", ARM, turned as f64 / units as f64)?;
        for (mu, amplitude) in amplitudes.iter().enumerate() {
            out.point(&format!("magnetisation/mode_{}", mu + 1), ARM, *amplitude)?;
            out.point(&format!("picture/owned_{}", mu + 1), ARM, counts[mu + 1] as f64 / units as f64)?;
        }
        out.frame("picture/strip", None, self.strip());
        let values = owners.iter().map(|owner| Number(*owner as f64)).collect();
        let title = "0: no image, 1 to 3: the strongest image that the pixel agrees with";
        out.frame("picture/owners", None, heatmap(side, side, values, (0.0, IMAGES as f64), Colour::Sequential, title));
        let edges = (0..=IMAGES + 1).map(|edge| Number(edge as f64 - 0.5)).collect();
        out.frame(
            "picture/shares",
            None,
            Frame::Histogram { edges, counts: counts.clone(), title: "pixels by the image they belong to".to_owned() },
        );
        self.history.push((amplitudes, counts.iter().map(|count| *count as f64 / units as f64).collect()));
        out.frame("picture/stack", None, self.stack());
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("picture", &(self.network.spins(), &self.history))?;
        self.generator.save(into)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        let (spins, history): (Vec<i8>, _) = from.get_state("picture")?;
        self.network = Columns::stored(&self.patterns, spins, self.config.dilution);
        self.history = history;
        self.generator = Generator::restore("picture/dynamics", from)?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        if let Some((amplitudes, shares)) = self.history.last() {
            for (mu, amplitude) in amplitudes.iter().enumerate() {
                out.summary(format!("picture/amplitude_{}", mu + 1), *amplitude);
                out.summary(format!("picture/owned_{}", mu + 1), shares[mu + 1]);
            }
            out.summary("picture/owned_none", shares[0]);
        }
        let row = |(at, (amplitudes, shares)): (usize, &(Vec<f64>, Vec<f64>))| {
            let numbers: Vec<String> = amplitudes.iter().chain(shares).map(f64::to_string).collect();
            format!("{},{}", at + 1, numbers.join(","))
        };
        let header = "sweep,amplitude_1,amplitude_2,amplitude_3,owned_none,owned_1,owned_2,owned_3";
        out.artifact("picture.csv", "text/csv", csv(header, self.history.iter().enumerate().map(row)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_balanced_and_nearly_orthogonal() {
        let values = |image: usize| (0..48 * 48).map(move |at| f64::from(pixel(image, 48, at / 48, at % 48)));
        for first in 0..IMAGES {
            assert!(values(first).sum::<f64>().abs() / 2_304.0 < 0.01, "{first}");
            for second in 0..first {
                let overlap = values(first).zip(values(second)).map(|(a, b)| a * b).sum::<f64>() / 2_304.0;
                assert!(overlap.abs() < 0.05, "{first} {second}: {overlap}");
            }
        }
    }

    #[test]
    fn shares_stand_one_upon_the_other() {
        let shares = [vec![0.25, 0.5, 0.125, 0.125], vec![0.0, 0.5, 0.25, 0.25]];
        let curves = stacked(shares.iter());
        let values: Vec<Vec<f64>> = curves.iter().map(|curve| curve.y.iter().map(|y| y.0).collect()).collect();
        assert_eq!(values, [[0.5, 0.5], [0.625, 0.75], [0.75, 1.0]]);
        assert_eq!(curves[2].x.iter().map(|x| x.0).collect::<Vec<_>>(), [1.0, 2.0]);
    }

    #[test]
    fn a_pixel_belongs_to_the_strongest_image_that_it_agrees_with() {
        let patterns = TernaryPatterns::new(&[1, 0, -1, 0, 1, 1, 1, 0, -1, -1, 1, 0], 4);
        let of = |spins: &[i8]| (0..4).map(|unit| owner(&patterns, &[0.9, 0.2, -0.5], spins, unit)).collect::<Vec<_>>();
        // The third image is seen with its signs turned.
        assert_eq!(of(&[1, 1, 1, 1]), [1, 3, 2, 0]);
        assert_eq!(of(&[-1, -1, -1, -1]), [0, 0, 1, 0]);
    }
}
