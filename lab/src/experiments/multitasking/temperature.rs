//! Kind `temperature`: at which noise the weaker patterns die, and where a hierarchy gives way to patterns of equal strength.

use super::{
    amplitudes::check_grid,
    cell::{Cell, Measured},
    config::{Common, check_common},
    equality::equal_from,
    mean_field::MOST_PATTERNS,
    sample::Relaxation,
    scan::{Plan, Scan, ScanArm, SortModes},
    verdicts,
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    config::CrossFaults,
    experiments::study::{Study, axis, compared, curve, measured, solved},
    record::{Frame, Plot, Role},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `temperature`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Amplitudes against temperature")]
#[serde(default, deny_unknown_fields)]
pub struct TemperatureConfig {
    /// Spins (N).
    #[schemars(title = "Neurons", range(min = 100, max = 1_000_000))]
    pub neurons: usize,
    /// Patterns stored (K).
    #[schemars(title = "Patterns", range(min = 1, max = 64), extend("told" = "theory sums 3^K words; above 8 choose theory=false"))]
    pub patterns: usize,
    /// Shares of blanks (d), one curve after the other, ascending, up to 0.98.
    #[schemars(
        title = "Dilutions",
        length(min = 1, max = 20),
        inner(range(min = 0.0, max = 0.98)),
        extend("told" = "at d=1 all entries are blank")
    )]
    pub dilutions: Vec<f64>,
    /// Temperatures in units of the field with its factor 1 - d taken out, ascending; above 1 nothing is stored.
    #[schemars(
        title = "Temperatures",
        length(min = 1, max = 100),
        inner(range(min = 0.0, max = 2.0)),
        extend("told" = "T must be >= 0; above 1 nothing is stored")
    )]
    pub temperatures: Vec<f64>,
    /// What is updated together.
    #[schemars(title = "Dynamics")]
    pub dynamics: super::dynamics::Dynamics,
    /// Where every sample starts.
    #[schemars(title = "Start")]
    pub init: super::sample::Start,
    /// Sweeps of every sample.
    #[schemars(title = "Sweeps", range(min = 1, max = 100_000))]
    pub sweeps: usize,
    /// Sweeps before those that are averaged.
    #[schemars(title = "Burn-in", range(min = 0, max = 99_999), extend("told" = "burn_in must be below sweeps ({sweeps})"))]
    pub burn_in: usize,
    /// Samples of disorder for every point.
    #[schemars(title = "Samples", range(min = 1, max = 1_000))]
    pub samples: usize,
    /// Whether lines of theory are computed.
    #[schemars(title = "Theory")]
    pub theory: bool,
    /// Whether amplitudes are sorted in every sample before they are averaged.
    #[schemars(title = "Sort modes")]
    pub sort_modes: SortModes,
    /// Networks compared.
    #[schemars(title = "Arms", length(min = 1), extend("uniqueItems" = true))]
    pub arms: Vec<ScanArm>,
}

impl Default for TemperatureConfig {
    fn default() -> Self {
        let common = Common::default();
        Self {
            neurons: common.neurons,
            patterns: 3,
            dilutions: vec![0.4, 0.9],
            temperatures: (1..=22).map(|k| f64::from(k) / 20.0).collect(),
            dynamics: common.dynamics,
            init: common.init,
            sweeps: common.sweeps,
            burn_in: common.burn_in,
            samples: 10,
            theory: true,
            sort_modes: SortModes::Auto,
            arms: vec![ScanArm::Diluted, ScanArm::Undiluted],
        }
    }
}

impl TemperatureConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_common(self.init, self.sweeps, self.burn_in, faults);
        check_grid(&[self.patterns], &self.dilutions, &self.temperatures, self.theory, self.dynamics, faults);
    }

    /// The cells curve by curve, each along the temperatures.
    pub fn plan(&self) -> Plan {
        let cells = self.dilutions.iter().flat_map(|dilution| {
            let cell = |temperature: &f64| Cell { patterns: self.patterns, dilution: *dilution, temperature: *temperature };
            self.temperatures.iter().map(cell)
        });
        Plan {
            kind: "temperature",
            cells: cells.collect(),
            neurons: self.neurons,
            relaxation: Relaxation { temperature: 0.0, dynamics: self.dynamics, sweeps: self.sweeps, burn_in: self.burn_in },
            start: self.init,
            samples: self.samples,
            theory: self.theory,
            sort_modes: self.sort_modes,
            arms: self.arms.clone(),
        }
    }
}

/// A run of `temperature`.
pub struct Temperature {
    scan: Scan,
    /// By dilution as far as it was asked for: from which temperature on theory has all patterns equally strong.
    equal_from: Vec<(f64, Option<f64>)>,
}

impl Temperature {
    /// An empty grid.
    pub fn new(config: &TemperatureConfig, lab: &Lab) -> Self {
        Self { scan: Scan::new(config.plan(), lab.seed), equal_from: Vec::new() }
    }

    /// See [`equal_from`]; `None` without theory too.
    fn bifurcation(&self, cell: Cell) -> Option<f64> {
        let known = self.equal_from.iter().find(|(dilution, _)| *dilution == cell.dilution);
        let wanted = self.scan.plan().theory && cell.patterns <= MOST_PATTERNS;
        known.map_or_else(|| if wanted { equal_from(cell.patterns, cell.dilution) } else { None }, |(_, found)| *found)
    }

    /// The curve that cell `at` lies on, where a mode dies beside saturated stronger ones, T = d^(mu - 1), and from where on all are equal.
    fn plot(&self, at: usize, equal_from: Option<f64>) -> Frame {
        let Cell { patterns, dilution, .. } = self.scan.plan().cells[at];
        let found = self.scan.measured(ScanArm::Diluted);
        let here: Vec<_> = found.iter().filter(|found| found.cell.dilution == dilution).collect();
        let points = |mu: usize| here.iter().map(move |found| (found.cell.temperature, found.amplitudes[mu].0, found.amplitudes[mu].1));
        let data: Vec<_> = (0..patterns).map(|mu| measured(&format!("m{}", mu + 1), &points(mu).collect::<Vec<_>>())).collect();
        // All cells of a curve have a theory, or none.
        let line = |mu: usize| {
            let point =
                |found: &&Measured| found.theory.as_ref().map(|theory| (found.cell.temperature, theory.amplitudes[mu], theory.converged));
            here.iter().map(point).collect::<Option<Vec<_>>>()
        };
        let lines: Vec<_> = (0..patterns).filter_map(line).collect();
        let mut curves = data.clone();
        curves.extend(lines.iter().enumerate().map(|(mu, line)| solved(&format!("m{}", mu + 1), line)));
        for mu in 1..patterns.min(MOST_PATTERNS) {
            let death = dilution.powi(mu as i32);
            curves.push(curve(&format!("T = d^{mu}"), Role::Theory, [(death, 0.0), (death, 1.0)].into_iter()));
        }
        if let Some(from) = equal_from {
            curves.push(curve("all equal from here on", Role::Theory, [(from, 0.0), (from, 1.0)].into_iter()));
        }
        let x = axis(&format!("temperature T in units of the field over 1 - d (d = {dilution}, {patterns} patterns)"), false);
        let pairs: Vec<_> = data.iter().zip(lines.iter().map(Vec::as_slice)).collect();
        compared(Plot { x, y: axis("amplitude", false), curves }, &pairs)
    }
}

impl Study for Temperature {
    fn total_steps(&self) -> u64 {
        self.scan.total_steps()
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let at = self.scan.step(t, out)?;
        let cell = self.scan.plan().cells[at];
        let equal_from = self.bifurcation(cell);
        if self.equal_from.last().is_none_or(|(dilution, _)| *dilution != cell.dilution) {
            self.equal_from.push((cell.dilution, equal_from));
        }
        out.frame("amplitudes/temperature", None, self.plot(at, equal_from));
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        self.scan.save(into)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.scan.restore(from)
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        verdicts::conclude(&self.scan, "temperature", out);
        // From which temperature on theory has all patterns equally strong, by dilution: the first of the scan, and where that begins.
        let found = self.scan.measured(ScanArm::Diluted);
        for same in found.chunk_by(|a, b| a.cell.dilution == b.cell.dilution) {
            let cell = same[0].cell;
            if let Some(first) = same.iter().find(|found| found.is_parallel(super::mean_field::ALIVE)) {
                out.summary(format!("parallel/from_temperature_d{}", cell.dilution), first.cell.temperature);
            }
            if let Some(from) = self.bifurcation(cell) {
                out.summary(format!("parallel/bifurcation_d{}", cell.dilution), from);
            }
        }
        Ok(())
    }
}
