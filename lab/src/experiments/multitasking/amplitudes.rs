//! Kind `amplitudes`: how strongly every pattern is retrieved, against the share of blanks.

use super::{
    cell::{Cell, Measured},
    config::{Common, check_common},
    mean_field::{MOST_PATTERNS, MeanField, critical_dilution},
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

/// Parameters of `amplitudes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Amplitudes against dilution")]
#[serde(default, deny_unknown_fields)]
pub struct AmplitudesConfig {
    /// Spins (N).
    #[schemars(title = "Neurons", range(min = 100, max = 1_000_000))]
    pub neurons: usize,
    /// Patterns stored (K), one curve after the other; theory sums `3^K` words and goes up to 8.
    #[schemars(
        title = "Patterns",
        length(min = 1, max = 8),
        inner(range(min = 1, max = 64)),
        extend("told" = "theory sums 3^K words; above 8 choose theory=false")
    )]
    pub patterns: Vec<usize>,
    /// Shares of blanks (d), ascending, up to 0.98.
    #[schemars(
        title = "Dilutions",
        length(min = 1, max = 100),
        inner(range(min = 0.0, max = 0.98)),
        extend("told" = "at d=1 all entries are blank")
    )]
    pub dilutions: Vec<f64>,
    /// Temperatures in units of the field with its factor 1 - d taken out, ascending; above 1 nothing is stored.
    #[schemars(
        title = "Temperatures",
        length(min = 1, max = 40),
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
    /// Sweeps of every sample; without temperature it ends with the first in which nothing turns.
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

impl Default for AmplitudesConfig {
    fn default() -> Self {
        let common = Common::default();
        Self {
            neurons: common.neurons,
            patterns: vec![3],
            dilutions: (0..20).map(|k| f64::from(k) / 20.0).collect(),
            temperatures: vec![0.05],
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

impl AmplitudesConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_common(self.init, self.sweeps, self.burn_in, faults);
        check_grid(&self.patterns, &self.dilutions, &self.temperatures, self.theory, self.dynamics, faults);
    }

    /// The cells curve by curve, each along the dilutions.
    pub fn plan(&self) -> Plan {
        let curves = self.patterns.iter().flat_map(|patterns| self.temperatures.iter().map(move |temperature| (*patterns, *temperature)));
        let cells = curves.flat_map(|(patterns, temperature)| {
            self.dilutions.iter().map(move |dilution| Cell { patterns, dilution: *dilution, temperature })
        });
        Plan {
            kind: "amplitudes",
            cells: cells.collect(),
            neurons: self.neurons,
            relaxation: super::sample::Relaxation { temperature: 0.0, dynamics: self.dynamics, sweeps: self.sweeps, burn_in: self.burn_in },
            start: self.init,
            samples: self.samples,
            theory: self.theory,
            sort_modes: self.sort_modes,
            arms: self.arms.clone(),
        }
    }
}

/// Adds the faults of a grid of patterns, dilutions and temperatures.
pub fn check_grid(
    patterns: &[usize],
    dilutions: &[f64],
    temperatures: &[f64],
    theory: bool,
    dynamics: super::dynamics::Dynamics,
    faults: &mut CrossFaults,
) {
    super::config::check_patterns("patterns", patterns, theory, dynamics, faults);
    super::config::check_dilutions("dilutions", dilutions, faults);
    if !temperatures.is_sorted_by(|a, b| a < b) {
        faults.push(&["temperatures"], "must ascend without repeating");
    }
}

/// A run of `amplitudes`.
pub struct Amplitudes {
    scan: Scan,
}

impl Amplitudes {
    /// An empty grid.
    pub fn new(config: &AmplitudesConfig, lab: &Lab) -> Self {
        Self { scan: Scan::new(config.plan(), lab.seed) }
    }

    /// The curve that cell `at` lies on.
    fn plot(&self, at: usize) -> Frame {
        let Cell { patterns, temperature, .. } = self.scan.plan().cells[at];
        let found: Vec<_> = self.scan.measured(ScanArm::Diluted);
        let here: Vec<_> = found.iter().filter(|found| found.cell.patterns == patterns && found.cell.temperature == temperature).collect();
        let points = |mu: usize| here.iter().map(move |found| (found.cell.dilution, found.amplitudes[mu].0, found.amplitudes[mu].1));
        let data: Vec<_> = (0..patterns).map(|mu| measured(&format!("m{}", mu + 1), &points(mu).collect::<Vec<_>>())).collect();
        // All cells of a curve have a theory, or none.
        let line = |mu: usize| {
            let point =
                |found: &&Measured| found.theory.as_ref().map(|theory| (found.cell.dilution, theory.amplitudes[mu], theory.converged));
            here.iter().map(point).collect::<Option<Vec<_>>>()
        };
        let lines: Vec<_> = (0..patterns).filter_map(line).collect();
        let mut curves = data.clone();
        curves.extend(lines.iter().enumerate().map(|(mu, line)| solved(&format!("m{}", mu + 1), line)));
        let fine = || (0..=98).map(|k| f64::from(k) / 100.0);
        for mu in 1..patterns.min(MOST_PATTERNS) {
            curves.push(curve(&format!("d^{mu}"), Role::Theory, fine().map(|d| (d, d.powi(mu as i32)))));
        }
        if patterns <= MOST_PATTERNS && !here.is_empty() && here[0].theory.is_some() {
            let symmetric = |found: &&Measured| {
                let solution = MeanField::new(patterns, found.cell.dilution, temperature).symmetric();
                (found.cell.dilution, solution.amplitudes[0], solution.converged)
            };
            curves.push(solved("all equal", &here.iter().map(symmetric).collect::<Vec<_>>()));
        }
        let critical = critical_dilution(patterns);
        if patterns > 2 {
            curves.push(curve("critical dilution", Role::Theory, [(critical, 0.0), (critical, 1.0)].into_iter()));
        }
        let x = axis(&format!("dilution d ({patterns} patterns, T = {temperature} in units of the field over 1 - d)"), false);
        let pairs: Vec<_> = data.iter().zip(lines.iter().map(Vec::as_slice)).collect();
        compared(Plot { x, y: axis("amplitude", false), curves }, &pairs)
    }
}

impl Study for Amplitudes {
    fn total_steps(&self) -> u64 {
        self.scan.total_steps()
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let at = self.scan.step(t, out)?;
        out.frame("amplitudes/dilution", None, self.plot(at));
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        self.scan.save(into)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.scan.restore(from)
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        verdicts::conclude(&self.scan, "amplitudes", out);
        Ok(())
    }
}
