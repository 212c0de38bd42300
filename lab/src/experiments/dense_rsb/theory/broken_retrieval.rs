//! One-step-broken retrieval states at T > 0, up to the load at which they end.
//!
//! Near that load a state cannot be looked for at its load: there the branch turns back and Newton's method is singular. With m as the control and the load
//! as an unknown nothing is singular; the load asked for is a root along the branch. The branch is entered where the replica-symmetric one ends, where
//! breaking is strongest, from the limit T = 0.

use super::{
    broken_branch::{Search, broken_branch, fold},
    broken_ground_state::{BrokenGroundState, BrokenTheory},
    model::Model,
    one_step::{OneStep, Order, Solution, TOLERANCE},
    replica_symmetric::ReplicaSymmetric,
    spinodal::spinodal,
};
use crate::theory::{newton::newton, root_finding::brent};

/// A state and the load at which it exists.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The state.
    pub order: Order,
    /// Its load.
    pub load: f64,
    /// Largest of the residuals of its equations.
    pub residual: f64,
}

/// Difference of q2 and q1 below which nothing is broken.
const BROKEN: f64 = 1e-6;
/// Steps of m along a branch as a share of 1 - m, and how often a step is halved where Newton's method fails.
const STEP: (f64, u32) = (0.1, 8);
/// Most steps along a branch.
const MOST_STEPS: usize = 200;

impl OneStep {
    /// The solution with a pattern near `guess`, by Newton's method; it does not converge where q1 and q2 meet, that is where symmetry holds.
    pub fn near(&self, guess: &Order) -> Solution {
        let theory = self.sized(guess);
        let order = |x: &[f64]| {
            let within = 1.0 - x[2].exp();
            Order { magnetisation: x[0], between: within - x[1].exp(), within, breakpoint: x[3].exp() }
        };
        let apart = (guess.within - guess.between).ln();
        let start = [guess.magnetisation, apart, (1.0 - guess.within).ln(), guess.breakpoint.ln()];
        let found = newton(|x, into| into.copy_from_slice(&theory.residuals(&order(x))), &start, TOLERANCE);
        Solution { order: order(&found.at), converged: found.converged, residual: found.residual }
    }

    /// The state of magnetisation `m` near `guess`, on both sides of the fold. Of the model the load is not read. `None` where Newton's method finds no
    /// state that is broken, or falls to another branch, with a breakpoint of almost 0.
    fn at_magnetisation(&self, m: f64, guess: &Place) -> Option<Place> {
        let order = |x: &[f64]| {
            let within = 1.0 - x[2].exp();
            Order { magnetisation: m, between: within - x[1].exp(), within, breakpoint: x[3].exp() }
        };
        let near = &guess.order;
        let start = [guess.load.ln(), (near.within - near.between).ln(), (1.0 - near.within).ln(), near.breakpoint.ln()];
        let mut theory = self.at_load(guess.load).sized(near);
        let equations = |x: &[f64], into: &mut [f64]| {
            theory.model.load = x[0].exp();
            into.copy_from_slice(&theory.residuals(&order(x)));
        };
        let found = newton(equations, &start, TOLERANCE);
        let place = Place { order: order(&found.at), load: found.at[0].exp(), residual: found.residual };
        let is_broken = found.converged && place.order.within - place.order.between > BROKEN;
        let stays = (0.5..2.0).contains(&(place.order.breakpoint / near.breakpoint));
        (is_broken && stays).then_some(place)
    }

    fn at_load(&self, load: f64) -> Self {
        let mut theory = self.clone();
        theory.model.load = load;
        theory
    }

    /// The retrieval state of largest load, near `guess` and `load`: parabolas through three magnetisations, until the vertex stays. `None` where symmetry
    /// holds, or the largest load is not found near `guess`.
    pub fn fold(&self, guess: &Order, load: f64) -> Option<Place> {
        let mut top = Place { order: *guess, load, residual: f64::NAN };
        for width in [0.1, 0.05, 0.05, 0.02] {
            let width = (width * (1.0 - top.order.magnetisation)).min(0.01);
            let centre = self.at_magnetisation(top.order.magnetisation, &top)?;
            let middle = centre.order.magnetisation;
            let (left, right) =
                (self.at_magnetisation(middle - width, &centre)?.load, self.at_magnetisation(middle + width, &centre)?.load);
            let curvature = left - 2.0 * centre.load + right;
            // On a slope without a top nearby the parabola leads uphill, little further than the other points lie.
            let step = if curvature < 0.0 { (0.5 * (left - right) / curvature).clamp(-1.5, 1.5) } else { 1.5 * (right - left).signum() };
            top = self.at_magnetisation((middle + step * width).clamp(0.05, 0.999_9), &centre)?;
        }
        Some(top)
    }

    /// The retrieval state at the model's load. [`Search::Absent`] where symmetry is stable or the load is beyond the largest.
    pub fn retrieval(&self) -> Search<Solution> {
        // Far from the largest load the limit T = 0 is near enough.
        if let Some(limit) = BrokenTheory::new(self.model).by_iteration(self.model.load) {
            let found = self.near(&warmed(&limit, self.beta.recip()));
            let place = Place { order: found.order, load: self.model.load, residual: found.residual };
            if found.converged && self.is_upper(&place) {
                return Search::Found(found);
            }
        }
        self.along_branch()
    }

    /// Whether the load falls with m, as it does on the branch of retrieval states.
    fn is_upper(&self, place: &Place) -> bool {
        let m = place.order.magnetisation;
        let apart = place.order.within - place.order.between > BROKEN;
        apart && m > 0.1 && self.at_magnetisation(m - 0.01 * (1.0 - m), place).is_some_and(|below| below.load > place.load)
    }

    /// The state at the model's load as a root of the load along the branch.
    fn along_branch(&self) -> Search<Solution> {
        let (model, temperature) = (self.model, self.beta.recip());
        let Some(end) = spinodal(model, temperature) else { return Search::Absent };
        let symmetric = |load: f64| {
            let theory = ReplicaSymmetric::new(model.at_load(load), temperature);
            let found = theory.retrieval();
            theory.replicon(found.magnetisation, found.overlap)
        };
        // Just before its end, where iteration still converges, and at the load asked for.
        if symmetric(0.999 * end.load) >= 0.0 || (model.load < 0.999 * end.load && symmetric(model.load) >= 0.0) {
            return Search::Absent;
        }
        let lost = Search::Lost { residual: f64::NAN };
        let Some(around) = entered(model, temperature, end.magnetisation).and_then(|entry| self.around(entry)) else { return lost };
        let Some((low, high)) = around else { return Search::Absent };
        let excess = |m: f64| self.at_magnetisation(m, &low).map_or(f64::NAN, |place| place.load - model.load);
        let root = brent(excess, low.order.magnetisation, high.order.magnetisation, 1e-13);
        match root.ok().and_then(|m| self.at_magnetisation(m, &low)) {
            Some(Place { order, residual, .. }) => Search::Found(Solution { order, converged: true, residual }),
            None => lost,
        }
    }

    /// Neighbours on the branch of retrieval states around the model's load, the one of lower m and higher load first, from a state of the branch.
    /// `Some(None)` where the load is beyond the largest, `None` where the branch is lost.
    fn around(&self, entry: Place) -> Option<Option<(Place, Place)>> {
        let wanted = self.model.load;
        let mut here = entry;
        let mut above = self.step(&here, 1.0)?;
        // Below the top the load rises with m.
        for _ in 0..MOST_STEPS {
            if above.load < here.load {
                break;
            }
            (here, above) = (above, self.step(&above, 1.0)?);
        }
        for _ in 0..MOST_STEPS {
            if here.load >= wanted && above.load < wanted {
                return Some(Some((here, above)));
            }
            if here.load >= wanted {
                (here, above) = (above, self.step(&above, 1.0)?);
                continue;
            }
            let below = self.step(&here, -1.0)?;
            if below.load > here.load {
                (here, above) = (below, here);
                continue;
            }
            // The top lies near `here`.
            let top = self.fold(&here.order, here.load)?;
            return Some((top.load >= wanted).then_some((top, above)));
        }
        None
    }

    /// The next state along the branch, upwards or downwards in m; a step that fails is halved.
    fn step(&self, from: &Place, direction: f64) -> Option<Place> {
        let m = from.order.magnetisation;
        let step = direction * STEP.0 * (1.0 - m);
        (0..STEP.1).find_map(|halved| self.at_magnetisation((m + step * 0.5f64.powi(halved as i32)).max(0.01), from))
    }
}

/// A state of the limit T = 0 at a temperature little above: `q2 = 1 - C T`, `theta = D T`.
pub fn warmed(limit: &BrokenGroundState, temperature: f64) -> Order {
    let within = 1.0 - limit.susceptibility * temperature;
    Order {
        magnetisation: limit.magnetisation,
        between: limit.overlap.min(1.0 - 1.5 * limit.susceptibility * temperature),
        within,
        breakpoint: limit.breakpoint * temperature,
    }
}

/// The state of magnetisation `m` at a temperature, from the limit T = 0: at once, else in 2, 4 and 8 steps of the temperature.
fn entered(model: Model, temperature: f64, m: f64) -> Option<Place> {
    let branch = broken_branch(model)?;
    let ground = BrokenTheory::new(model);
    let nearest = |m: f64, states: &[BrokenGroundState]| {
        states.iter().copied().min_by(|a, b| (a.magnetisation - m).abs().total_cmp(&(b.magnetisation - m).abs()))
    };
    let top = fold(model, &branch)?;
    let mut limit = nearest(m, &[&branch[..], &[top]].concat())?;
    while (limit.magnetisation - m).abs() > 1e-12 {
        let step = STEP.0 * (1.0 - limit.magnetisation);
        let next = limit.magnetisation + (m - limit.magnetisation).clamp(-step, step);
        limit = Some(ground.at_magnetisation(next, &limit)).filter(|found| found.converged)?;
    }
    [1u32, 2, 4, 8].into_iter().find_map(|parts| {
        let first = temperature / f64::from(parts);
        let start = Place { order: warmed(&limit, first), load: limit.load, residual: f64::NAN };
        let mut states: Vec<Place> = Vec::new();
        for part in 1..=parts {
            let at = f64::from(part) * first;
            let guess = match &states[..] {
                [] => start,
                [one] => {
                    Place { order: Order { breakpoint: one.order.breakpoint * f64::from(part) / f64::from(part - 1), ..one.order }, ..*one }
                }
                [.., before, last] => extrapolated(before, last),
            };
            states.push(OneStep::new(model, at).at_magnetisation(m, &guess)?);
        }
        states.pop()
    })
}

/// As far beyond `last` as that lies beyond `before`, where this is a state.
fn extrapolated(before: &Place, last: &Place) -> Place {
    let along = |of: fn(&Order) -> f64| 2.0 * of(&last.order) - of(&before.order);
    let order = Order {
        magnetisation: last.order.magnetisation,
        between: along(|order| order.between),
        within: along(|order| order.within),
        breakpoint: along(|order| order.breakpoint),
    };
    let inside = order.between > 0.0 && order.between < order.within && order.within < 1.0 && order.breakpoint > 0.0;
    Place { order: if inside { order } else { last.order }, load: 2.0 * last.load - before.load, residual: f64::NAN }
}
