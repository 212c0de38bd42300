//! Curves of the perceptron: theory as lines, simulations as points with their standard deviation.

use super::{Cell, Point, alpha_of, arm_of};
use crate::{
    Recorder,
    experiments::variational_continual::scores::mean,
    json::Number,
    record::{Axis, Curve, Frame, Plot, Role},
};
use std::fmt::Write as _;

type Known<'a> = Vec<(f64, &'a Point)>;

/// All curves that have a point.
pub fn tell(cells: &[Cell], points: &[Point], out: &mut Recorder) {
    let first = known(cells, points, |cell| matches!(cell, Cell::First { .. }));
    out.frame(
        "perceptron/first",
        None,
        plot("examples per weight, task 1", "test error", pair("task 1", &first, |p| p.theory[0], |p, i| p.simulated[i][0])),
    );
    let order = [
        pair("r, overlap with the teacher", &first, |p| p.order[1], |p, i| p.overlaps[i][0]),
        pair("Q, overlap with itself", &first, |p| p.order[2], |p, i| p.overlaps[i][1]),
        vec![theory("q, overlap of two students", &first, |p| p.order[0])],
    ];
    out.frame("perceptron/order", None, plot("examples per weight, task 1", "overlap per weight", order.concat()));
    let mut overlaps: Vec<f64> = Vec::new();
    for cell in &cells[..points.len()] {
        if let Cell::Second { teacher_overlap, .. } = cell
            && !overlaps.contains(teacher_overlap)
        {
            overlaps.push(*teacher_overlap);
        }
    }
    if overlaps.is_empty() {
        return;
    }
    for (task, name) in ["perceptron/second_old", "perceptron/second_new"].iter().enumerate() {
        let curves = overlaps.iter().flat_map(|overlap| {
            let known = known(cells, points, |cell| matches!(cell, Cell::Second { teacher_overlap, .. } if teacher_overlap == *overlap));
            pair(&format!("r0 = {overlap}"), &known, |p| p.theory[task], |p, i| p.simulated[i][task])
        });
        let title = ["test error on task 1", "test error on task 2"][task];
        out.frame(name, None, plot("examples per weight, task 2", title, curves.collect()));
    }
}

/// Examples per weight and result of the points of some cells.
fn known<'a>(cells: &[Cell], points: &'a [Point], wanted: impl Fn(Cell) -> bool) -> Known<'a> {
    cells.iter().zip(points).filter(|(cell, _)| wanted(**cell)).map(|(cell, point)| (alpha_of(*cell), point)).collect()
}

fn plot(x: &str, y: &str, curves: Vec<Curve>) -> Frame {
    let axis = |title: &str| Axis { title: title.to_owned(), log: false };
    Frame::Plot(Plot { x: axis(x), y: axis(y), curves })
}

fn theory(label: &str, known: &Known<'_>, of: impl Fn(&Point) -> f64) -> Curve {
    Curve {
        // The published theory of the second task leaves the prior out, its simulation does not: here both keep it.
        label: format!("{label}, theory with the prior"),
        role: Role::Theory,
        x: known.iter().map(|(alpha, _)| Number(*alpha)).collect(),
        y: known.iter().map(|(_, point)| Number(of(point))).collect(),
        y_error: None,
        converged: Some(known.iter().map(|(_, point)| point.converged).collect()),
    }
}

/// Theory and simulation of one quantity.
fn pair(label: &str, known: &Known<'_>, of: impl Fn(&Point) -> f64, simulated: impl Fn(&Point, usize) -> f64) -> Vec<Curve> {
    let spread = |point: &Point| mean_and_deviation(&(0..point.simulated.len()).map(|at| simulated(point, at)).collect::<Vec<_>>());
    let data = Curve {
        label: format!("{label}, simulation with the prior"),
        role: Role::Data,
        x: known.iter().map(|(alpha, _)| Number(*alpha)).collect(),
        y: known.iter().map(|(_, point)| Number(spread(point).0)).collect(),
        y_error: Some(known.iter().map(|(_, point)| Number(spread(point).1)).collect()),
        converged: None,
    };
    vec![theory(label, known, of), data]
}

/// Mean and standard deviation; 0 for a single value.
fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let middle = mean(values.iter().copied());
    let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    (middle, if values.len() > 1 { (squares / (values.len() - 1) as f64).sqrt() } else { 0.0 })
}

/// Every point with every perceptron.
pub fn table(cells: &[Cell], points: &[Point]) -> String {
    let mut table =
        "series,alpha,converged,q,r,Q,theory_1,theory_2,perceptron,simulation_1,simulation_2,overlap_teacher,overlap_self\n".to_owned();
    for (cell, point) in cells.iter().zip(points) {
        let [q, r, norm] = point.order;
        for (at, (errors, overlaps)) in point.simulated.iter().zip(&point.overlaps).enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(
                table,
                "{},{},{},{q},{r},{norm},{},{},{at},{},{},{},{}",
                arm_of(*cell),
                alpha_of(*cell),
                point.converged,
                point.theory[0],
                point.theory[1],
                errors[0],
                errors[1],
                overlaps[0],
                overlaps[1]
            );
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_by_hand() {
        assert_eq!(mean_and_deviation(&[1.0, 3.0]), (2.0, 2f64.sqrt()));
        assert_eq!(mean_and_deviation(&[7.0]), (7.0, 0.0));
    }
}
