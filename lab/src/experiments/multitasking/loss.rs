//! Kind `loss`: sweep by sweep, the energy and the sum of products of squared errors, which are the same up to an affine map.

use super::{
    columns::Columns,
    config::{Common, check_init, check_not_lumped},
    dynamics::{Dynamics, Network, Sweeper},
    sample::{Observed, Start},
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    config::CrossFaults,
    experiments::study::{Study, axis, csv, curve},
    kernels::ternary::TernaryPatterns,
    random::Generator,
    record::{Frame, Plot, Role},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The arm whose patterns have blanks.
const ARM: &str = "diluted";

/// Parameters of `loss`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Energy and loss")]
#[serde(default, deny_unknown_fields)]
pub struct LossConfig {
    /// Spins (N).
    #[schemars(title = "Neurons", range(min = 100, max = 1_000_000))]
    pub neurons: usize,
    /// Patterns stored (K).
    #[schemars(title = "Patterns", range(min = 1, max = 64))]
    pub patterns: usize,
    /// Share of blanks (d), up to 0.98.
    #[schemars(title = "Dilution", range(min = 0.0, max = 0.98), extend("told" = "at d=1 all entries are blank"))]
    pub dilution: f64,
    /// In units of the field with its factor 1 - d taken out; above 1 nothing is stored.
    #[schemars(title = "Temperature", range(min = 0.0, max = 2.0), extend("told" = "T must be >= 0; above 1 nothing is stored"))]
    pub temperature: f64,
    /// What is updated together.
    #[schemars(title = "Dynamics")]
    pub dynamics: Dynamics,
    /// Where the network starts.
    #[schemars(title = "Start")]
    pub init: Start,
    /// Sweeps, and steps of the run.
    #[schemars(title = "Sweeps", range(min = 1, max = 100_000))]
    pub sweeps: usize,
}

impl Default for LossConfig {
    fn default() -> Self {
        let common = Common::default();
        Self {
            neurons: common.neurons,
            patterns: 3,
            dilution: 0.3,
            temperature: 0.05,
            dynamics: common.dynamics,
            init: Start::Random,
            sweeps: common.sweeps,
        }
    }
}

impl LossConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_init(self.init, faults);
        check_not_lumped(self.dynamics, faults);
    }
}

/// Both sides of the identity in one state.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sides {
    /// `H / N` from the overlaps.
    pub energy: f64,
    /// `sum_mu L+ L-` from the squared errors, entry by entry.
    pub product: f64,
    /// `-1 / (2 (1 - d)) sum_mu [((1 + a_mu) / 2)^2 - L+ L-]`, where `a_mu` is the share of entries of pattern mu.
    pub image: f64,
}

impl Sides {
    /// Of a state of ±1.
    pub fn of(patterns: &TernaryPatterns, spins: &[i8], overlaps: &[i64], dilution: f64) -> Self {
        let n = spins.len() as f64;
        let energy = Observed::of(overlaps, patterns.non_zeros(), spins.len(), dilution).energy;
        let (mut product, mut squares) = (0.0, 0.0);
        for mu in 0..patterns.count() {
            let errors = |sign: i8| {
                let error = |(unit, spin): (usize, &i8)| i64::from(patterns.value(mu, unit) + sign * spin).pow(2);
                spins.iter().enumerate().map(error).sum::<i64>() as f64 / (2.0 * n)
            };
            let both = errors(1) * errors(-1);
            product += both;
            squares += (0.5 * (1.0 + patterns.non_zeros()[mu] as f64 / n)).powi(2) - both;
        }
        Self { energy, product, image: -0.5 * squares / (1.0 - dilution) }
    }
}

/// A run of `loss`.
pub struct Loss {
    config: LossConfig,
    patterns: TernaryPatterns,
    network: Columns,
    generator: Generator,
    sides: Vec<Sides>,
}

impl Loss {
    /// Patterns and start.
    pub fn new(config: &LossConfig, lab: &Lab) -> Self {
        let patterns = TernaryPatterns::draw(config.patterns, config.neurons, config.dilution, lab.generator("loss/patterns").rng());
        let spins = config.init.spins(&patterns, None, &mut lab.generator("loss/start"));
        let network = Columns::stored(&patterns, spins, config.dilution);
        Self { config: config.clone(), patterns, network, generator: lab.generator("loss/dynamics"), sides: Vec::new() }
    }
}

impl Study for Loss {
    fn total_steps(&self) -> u64 {
        self.config.sweeps as u64
    }

    fn step(&mut self, _: u64, out: &mut Recorder) -> Result<()> {
        let units = self.config.neurons;
        let turned = Sweeper::default().sweep(&mut self.network, self.config.dynamics, self.config.temperature, &mut self.generator);
        let sides = Sides::of(&self.patterns, self.network.spins(), self.network.overlaps(), self.config.dilution);
        let observed = Observed::of(self.network.overlaps(), self.patterns.non_zeros(), units, self.config.dilution);
        self.sides.push(sides);
        out.point("energy", ARM, sides.energy)?;
        out.point("loss/product", ARM, sides.product)?;
        out.point("loss/image", ARM, sides.image)?;
        out.point("loss/residual", ARM, (sides.energy - sides.image).abs())?;
        // Every neuron is updated once in a sweep.
        out.point("dynamics/flips", ARM, turned as f64 / units as f64)?;
        out.point("dynamics/acceptance", ARM, turned as f64 / units as f64)?;
        for (mu, amplitude) in observed.amplitudes.iter().enumerate().take(8) {
            out.point(&format!("magnetisation/mode_{}", mu + 1), ARM, amplitude.abs())?;
        }
        let along = |of: fn(&Sides) -> f64| self.sides.iter().enumerate().map(move |(at, sides)| ((at + 1) as f64, of(sides)));
        let curves = vec![
            curve("H / N", Role::Data, along(|sides| sides.energy)),
            curve("affine image of the sum of L+ L-", Role::Theory, along(|sides| sides.image)),
        ];
        out.frame("loss/energy", None, Frame::Plot(Plot { x: axis("sweep", false), y: axis("energy per neuron", false), curves }));
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("loss", &(self.network.spins(), &self.sides))?;
        self.generator.save(into)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        let (spins, sides): (Vec<i8>, Vec<Sides>) = from.get_state("loss")?;
        self.network = Columns::stored(&self.patterns, spins, self.config.dilution);
        self.sides = sides;
        self.generator = Generator::restore("loss/dynamics", from)?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        out.summary("loss/residual", self.sides.iter().map(|sides| (sides.energy - sides.image).abs()).fold(0.0, f64::max));
        if let (Some(first), Some(last)) = (self.sides.first(), self.sides.last()) {
            out.summary("energy/first", first.energy);
            out.summary("energy/last", last.energy);
            out.summary("loss/product_last", last.product);
        }
        let rows =
            self.sides.iter().enumerate().map(|(at, sides)| format!("{},{},{},{}", at + 1, sides.energy, sides.product, sides.image));
        out.artifact("loss.csv", "text/csv", csv("sweep,energy,loss_product,affine_image", rows));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::packed::pack;

    #[test]
    fn the_identity_by_hand_and_for_random_states() {
        let patterns = TernaryPatterns::new(&[1, 0, -1, 1], 4);
        let sides = Sides::of(&patterns, &[1, 1, -1, -1], &[1], 0.25);
        assert_eq!((sides.product, sides.energy), (0.703_125, -0.5 / 0.75 / 16.0));
        assert!((sides.energy - sides.image).abs() < 1e-16);
        let mut generator = Generator::new(6, "loss");
        for dilution in [0.0, 0.3, 0.9] {
            let patterns = TernaryPatterns::draw(4, 1_001, dilution, generator.rng());
            let spins = Start::Random.spins(&patterns, None, &mut generator);
            let mut overlaps = vec![0; 4];
            patterns.overlaps(&pack(&spins), &mut overlaps);
            let sides = Sides::of(&patterns, &spins, &overlaps, dilution);
            assert!((sides.energy - sides.image).abs() < 1e-12, "{dilution}: {sides:?}");
        }
    }
}
