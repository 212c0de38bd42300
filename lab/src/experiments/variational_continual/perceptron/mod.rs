//! The perceptron with a teacher: its test errors simulated and by theory, after a first task and after a second one.
//!
//! A point of a curve takes several steps, in each of which the theory and every simulated perceptron go on.

pub mod energy;
mod plots;
pub mod student;
pub mod theory;

use super::{adam::Decay, config::VariationalConfig, scores::mean};
use crate::{Checkpoint, Error, Lab, Recorder, Result, random::Generator, record::Level};
use energy::Conjugates;
use rand::Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use student::{Examples, Schooling, Student};
use theory::{First, Progress, Second, test_error};

/// Iterations of the theory at most.
const ITERATIONS: usize = 600;
/// Steps of a point at least.
const LEAST_PARTS: u64 = 8;
/// Multiply-accumulates of the simulations in a step, about.
const MACS_PER_STEP: f64 = 4e8;

/// What a point of a curve is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// The first task.
    First {
        /// Examples per weight.
        alpha: f64,
    },
    /// A second one after it.
    Second {
        /// Overlap of the teachers.
        teacher_overlap: f64,
        /// Examples per weight.
        alpha: f64,
    },
}

/// What a point has come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Test errors on both tasks by theory; NaN for one not learnt.
    pub theory: [f64; 2],
    /// Whether the theory converged.
    pub converged: bool,
    /// Order parameters `q`, `r`, `Q` by theory.
    pub order: [f64; 3],
    /// Test errors on both tasks of every perceptron.
    pub simulated: Vec<[f64; 2]>,
    /// Overlap of the means with the teacher learnt last, and with themselves, of every perceptron.
    pub overlaps: Vec<[f64; 2]>,
}

impl Point {
    /// How far the simulated test errors on a task lie from the theory: the mean distance of a perceptron's, and the distance of their mean,
    /// from which the scatter of single perceptrons has gone.
    fn gaps(&self, task: usize) -> [f64; 2] {
        let apart = |errors: &[f64; 2]| errors[task] - self.theory[task];
        [mean(self.simulated.iter().map(|errors| apart(errors).abs())), mean(self.simulated.iter().map(apart)).abs()]
    }
}

/// The points under way and done.
pub struct Perceptron {
    config: VariationalConfig,
    cells: Vec<Cell>,
    parts: u64,
    seed: u64,
    state: State,
    /// Teachers and examples of the cell at hand, by perceptron.
    replicas: Vec<Replica>,
    /// The cell that `replicas` belongs to.
    drawn: Option<usize>,
    /// The second task's theory of the cell at hand, whose tables take a while.
    second: Option<(usize, Second)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    points: Vec<Point>,
    theory: Option<Progress>,
    students: Vec<Student>,
    /// The first task before a second one: its theory, and its perceptrons.
    before: Option<(Progress, Conjugates)>,
    graduates: Vec<Student>,
}

struct Replica {
    teachers: [Vec<f64>; 2],
    examples: Examples,
}

impl Perceptron {
    /// Before the first step.
    pub fn new(config: &VariationalConfig, lab: &Lab) -> Self {
        Self {
            cells: cells(config),
            parts: parts(config),
            seed: lab.seed,
            state: State { points: Vec::new(), theory: None, students: Vec::new(), before: None, graduates: Vec::new() },
            replicas: Vec::new(),
            drawn: None,
            second: None,
            config: config.clone(),
        }
    }

    /// Step `t`, from 1.
    pub fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let (at, part) = (((t - 1) / self.parts) as usize, (t - 1) % self.parts);
        let cell = self.cells[at];
        if t == 1 {
            self.tell_setting(out);
        }
        if part == 0 {
            self.begin(cell)?;
        }
        if self.drawn != Some(at) {
            self.replicas = (0..self.config.replicas).into_par_iter().map(|replica| self.draw(at, replica)).collect();
            self.drawn = Some(at);
        }
        self.go_on(at, part)?;
        if part + 1 == self.parts {
            self.end(at, out)?;
        }
        Ok(())
    }

    fn tell_setting(&self, out: &mut Recorder) {
        let message = format!(
            "The perceptron has {} points of {} steps each: the theory goes on by up to {ITERATIONS} iterations, and {} perceptrons of {} inputs \
             learn for {} steps of Adam.",
            self.cells.len(),
            self.parts,
            self.config.replicas,
            self.config.n_inputs,
            self.config.perceptron_steps
        );
        out.log(Level::Info, message);
    }

    /// Teachers and examples of a perceptron. The teacher of the first task is the same at every point; at a point of the second task the
    /// teachers differ by its overlap.
    fn draw(&self, at: usize, replica: usize) -> Replica {
        let signs = |count: usize, purpose: &str| -> Vec<f64> {
            let mut generator = Generator::new(self.seed, purpose);
            (0..count).map(|_| if generator.rng().random() { 1.0 } else { -1.0 }).collect()
        };
        let first = signs(self.config.n_inputs, &format!("perceptron/{replica}/teacher"));
        let (second, alpha) = match self.cells[at] {
            Cell::First { alpha } => (Vec::new(), alpha),
            Cell::Second { teacher_overlap, alpha } => {
                let mut generator = Generator::new(self.seed, &format!("perceptron/{replica}/other_teacher"));
                let same = 0.5 * (1.0 + teacher_overlap);
                (first.iter().map(|w| if generator.rng().random::<f64>() < same { *w } else { -w }).collect(), alpha)
            }
        };
        let teacher = if second.is_empty() { &first } else { &second };
        let mut generator = Generator::new(self.seed, &format!("perceptron/{replica}/examples_{at}"));
        let examples = Examples::draw(teacher, self.config.examples(alpha), &mut generator);
        Replica { examples, teachers: [first, second] }
    }

    /// Errors: the first task before a second one is missing.
    fn begin(&mut self, cell: Cell) -> Result<()> {
        let State { before, graduates, .. } = &self.state;
        (self.state.theory, self.state.students) = match cell {
            Cell::First { .. } => {
                let student = |replica: usize| {
                    let mut generator = Generator::new(self.seed, &format!("perceptron/{replica}/fields"));
                    let fields = (0..self.config.n_inputs).map(|_| self.config.init_std * generator.rng().sample::<f64, _>(StandardNormal));
                    Student::new(fields.collect())
                };
                (Some(First::start()), (0..self.config.replicas).map(student).collect())
            }
            Cell::Second { teacher_overlap, .. } => {
                let (progress, _) = before.as_ref().ok_or_else(missing)?;
                (Some(Second::start(progress, teacher_overlap)), graduates.iter().map(Student::before_next_task).collect())
            }
        };
        Ok(())
    }

    fn go_on(&mut self, at: usize, part: u64) -> Result<()> {
        let (config, cell, parts) = (&self.config, self.cells[at], self.parts);
        if let Cell::Second { teacher_overlap, alpha } = cell
            && self.second.as_ref().is_none_or(|(of, _)| *of != at)
        {
            let (_, conjugates) = self.state.before.ok_or_else(missing)?;
            self.second = Some((at, Second::new(conjugates, alpha, teacher_overlap, config.kl_gamma, config.inverse_temperature)));
        }
        let mut progress = self.state.theory.ok_or_else(missing)?;
        let (second, students, replicas) = (&self.second, &mut self.state.students, &self.replicas);
        let iterations = ITERATIONS.div_ceil(parts as usize);
        let weight = if matches!(cell, Cell::First { .. }) { 1.0 } else { config.kl_gamma };
        let schooling = Schooling { learning_rate: config.learning_rate, weight_decay: 0.0, weight, decay: Decay::USUAL };
        let share = |part: u64| part * config.perceptron_steps / parts;
        let steps = share(part + 1) - share(part);
        rayon::join(
            || match (cell, second) {
                (Cell::First { alpha }, _) => First::new(alpha, config.inverse_temperature).go_on(&mut progress, iterations),
                (Cell::Second { .. }, Some((_, theory))) => theory.go_on(&mut progress, iterations),
                (Cell::Second { .. }, None) => {}
            },
            || {
                students.par_iter_mut().zip(replicas).for_each(|(student, replica)| {
                    for _ in 0..steps {
                        student.loss(&replica.examples);
                        student.descend(schooling);
                    }
                });
            },
        );
        self.state.theory = Some(progress);
        Ok(())
    }

    fn end(&mut self, at: usize, out: &mut Recorder) -> Result<()> {
        let (config, cell) = (&self.config, self.cells[at]);
        let progress = self.state.theory.take().ok_or_else(missing)?;
        let prediction = match (cell, &self.second) {
            (Cell::First { alpha }, _) => {
                let (prediction, conjugates) = First::new(alpha, config.inverse_temperature).predict(&progress);
                if alpha == config.alpha_before {
                    self.state.before = Some((progress, conjugates));
                    self.state.graduates = self.state.students.clone();
                }
                prediction
            }
            (Cell::Second { .. }, Some((_, theory))) => theory.predict(&progress),
            (Cell::Second { .. }, None) => return Err(missing()),
        };
        let learnt = usize::from(matches!(cell, Cell::Second { .. }));
        let errors = |(student, replica): (&Student, &Replica)| {
            let of = |teacher: &Vec<f64>| if teacher.is_empty() { f64::NAN } else { test_error(student.overlap(teacher)) };
            [of(&replica.teachers[0]), of(&replica.teachers[1])]
        };
        let pairs = || self.state.students.iter().zip(&self.replicas);
        let point = Point {
            theory: prediction.errors(),
            converged: progress.converged,
            order: progress.order,
            simulated: pairs().map(errors).collect(),
            overlaps: pairs().map(|(student, replica)| student.mean_overlaps(&replica.teachers[learnt])).collect(),
        };
        let arm = arm_of(cell);
        for task in 0..=learnt {
            out.point(["error/theory_task_1", "error/theory_task_2"][task], arm.as_str(), point.theory[task])?;
            let simulated = mean(point.simulated.iter().map(|errors| errors[task]));
            out.point(["error/simulation_task_1", "error/simulation_task_2"][task], arm.as_str(), simulated)?;
        }
        for (name, value) in ["order/q", "order/r", "order/norm"].iter().zip(point.order) {
            out.point(name, arm.as_str(), value)?;
        }
        if !point.converged {
            let message = format!(
                "The theory of {arm} at {} examples per weight has not converged after {} iterations: it still moves by {:.1e}. Its point is hollow.",
                alpha_of(cell),
                progress.iterations,
                progress.residual
            );
            out.log(Level::Warning, message);
        }
        self.state.points.push(point);
        self.state.students.clear();
        plots::tell(&self.cells, &self.state.points, out);
        Ok(())
    }

    /// Summary numbers and a table.
    pub fn finish(&self, out: &mut Recorder) {
        let pairs = || self.cells.iter().zip(&self.state.points);
        let converged = |second: bool| {
            let wanted = move |(cell, point): &(&Cell, &Point)| matches!(cell, Cell::Second { .. }) == second && point.converged;
            pairs().filter(wanted).map(|(_, point)| point)
        };
        out.summary("error/theory_gap_1", mean(converged(false).map(|point| point.gaps(0)[0])));
        out.summary("error/theory_gap_of_mean_1", mean(converged(false).map(|point| point.gaps(0)[1])));
        if !self.config.alpha_2.is_empty() {
            let both = |at: usize| mean(converged(true).map(|point| 0.5 * (point.gaps(0)[at] + point.gaps(1)[at])));
            out.summary("error/theory_gap_2", both(0));
            out.summary("error/theory_gap_of_mean_2", both(1));
        }
        out.summary("theory/unconverged", self.state.points.iter().filter(|point| !point.converged).count() as f64);
        out.artifact("perceptron.csv", "text/csv", plots::table(&self.cells, &self.state.points).into_bytes());
    }

    /// Saves what does not follow from config and seed.
    pub fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("perceptron", &self.state)
    }

    /// Takes over what was saved.
    pub fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.state = from.get_state("perceptron")?;
        Ok(())
    }
}

fn missing() -> Error {
    Error::Checkpoint("the perceptron's first task is missing".to_owned())
}

/// The name of a point's series.
fn arm_of(cell: Cell) -> String {
    match cell {
        Cell::First { .. } => "alone".to_owned(),
        Cell::Second { teacher_overlap, .. } => format!("r0_{teacher_overlap}"),
    }
}

fn alpha_of(cell: Cell) -> f64 {
    match cell {
        Cell::First { alpha } | Cell::Second { alpha, .. } => alpha,
    }
}

/// The points in their order: the first task, that before a second one among them, then the second tasks.
pub fn cells(config: &VariationalConfig) -> Vec<Cell> {
    let mut alphas = config.alpha_1.clone();
    if !config.alpha_2.is_empty() && !alphas.contains(&config.alpha_before) {
        let at = alphas.partition_point(|alpha| *alpha < config.alpha_before);
        alphas.insert(at, config.alpha_before);
    }
    let first = alphas.into_iter().map(|alpha| Cell::First { alpha });
    let overlaps = config.teacher_overlap.iter();
    let second = overlaps.flat_map(|overlap| config.alpha_2.iter().map(|alpha| Cell::Second { teacher_overlap: *overlap, alpha: *alpha }));
    first.chain(second).collect()
}

/// Steps of a point.
pub fn parts(config: &VariationalConfig) -> u64 {
    let most = config.alpha_1.iter().chain(&config.alpha_2).copied().fold(config.alpha_before, f64::max);
    let examples = config.examples(most) as f64;
    let macs = 2.0 * examples * (config.n_inputs * config.replicas) as f64 * config.perceptron_steps as f64;
    ((macs / MACS_PER_STEP).ceil() as u64).clamp(LEAST_PARTS, config.perceptron_steps)
}

/// Steps of all points.
pub fn total_steps(config: &VariationalConfig) -> u64 {
    parts(config) * cells(config).len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_of_perceptrons_is_not_that_of_their_mean() {
        let point = Point {
            theory: [0.25, 0.5],
            converged: true,
            order: [0.0; 3],
            simulated: vec![[0.125, 0.5], [0.375, 0.25]],
            overlaps: Vec::new(),
        };
        assert_eq!((point.gaps(0), point.gaps(1)), ([0.125, 0.0], [0.125, 0.125]));
    }
}
