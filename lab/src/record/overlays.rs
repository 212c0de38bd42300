//! What is added to a picture: lines and measured values over a heat map, below a plot how far measured points lie from their theory, and in it
//! where something happened.

use super::{Curve, Heatmap, Plot};
use crate::json::Number;
use serde::{Deserialize, Serialize};

/// A heat map with lines over it, as a phase diagram has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Diagram {
    /// The heat map; its fields are those of the frame.
    #[serde(flatten)]
    pub map: Heatmap,
    /// The lines, in the order of the legend.
    pub frontiers: Vec<Frontier>,
}

/// A line over a heat map.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Frontier {
    /// Its name in the legend.
    pub label: String,
    /// Places across, in columns: 0 is the left edge of the first column, 0.5 its middle. A place that is not finite breaks the line, as it
    /// must where the solver has not converged.
    pub x: Vec<Number>,
    /// Places down, in rows: 0 is the upper edge of the first row, 0.5 its middle; as many as `x`.
    pub y: Vec<Number>,
}

/// A heat map of what theory says, with lines and with measured values over it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dotted {
    /// The heat map and its lines; their fields are those of the frame.
    #[serde(flatten)]
    pub diagram: Diagram,
    /// What was measured.
    pub dots: Dots,
}

/// Measured values over a heat map, each a dot in the colour that the map's scale has for it. As many of everything as there are dots.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dots {
    /// Their name in the legend.
    pub label: String,
    /// Places across, in columns, as those of a [`Frontier`]; a dot whose place is not finite is not drawn.
    pub x: Vec<Number>,
    /// Places down, in rows.
    pub y: Vec<Number>,
    /// The values.
    pub values: Vec<Number>,
    /// Their standard errors.
    pub errors: Vec<Number>,
}

/// A plot with a strip of residuals below it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Compared {
    /// The plot; its fields are those of the frame.
    #[serde(flatten)]
    pub plot: Plot,
    /// The residuals of its measured curves.
    pub residuals: Vec<Residuals>,
}

/// How far the points of a measured curve lie from their theory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Residuals {
    /// The label of the curve, whose colour they have.
    pub label: String,
    /// Horizontal values, those of the curve.
    pub x: Vec<Number>,
    /// Measured less expected, in standard errors of the measured value.
    pub y: Vec<Number>,
    /// Whether what they rest on converged; the others are drawn hollow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converged: Option<Vec<bool>>,
}

/// A plot in which upright lines show where something happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Marked {
    /// The plot; its fields are those of the frame.
    #[serde(flatten)]
    pub plot: Plot,
    /// Where it happened.
    pub marks: Marks,
}

/// Upright lines over the whole height of a plot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Marks {
    /// What happened, for the legend.
    pub label: String,
    /// Horizontal places.
    pub x: Vec<Number>,
    /// What happened at each of them, as `3 ↔ 8`; as many as `x`.
    pub notes: Vec<String>,
}

impl Residuals {
    /// The residuals of a measured curve, whose `y_error` is one standard error of each point, against what is `expected` there. A point
    /// without an error, or whose error is 0, has none (NaN): nothing is known of its spread. A point beyond the expected ones has none either.
    pub fn of(curve: &Curve, expected: &[f64]) -> Self {
        let residual = |place: usize, value: &Number| {
            let error = curve.y_error.as_ref().and_then(|errors| errors.get(place)).map_or(f64::NAN, |error| error.0);
            let expected = expected.get(place).copied().unwrap_or(f64::NAN);
            Number(if error > 0.0 { (value.0 - expected) / error } else { f64::NAN })
        };
        let y = curve.y.iter().enumerate().map(|(place, value)| residual(place, value)).collect();
        Self { label: curve.label.clone(), x: curve.x.clone(), y, converged: curve.converged.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Axis, Colour, Frame, Role};
    use serde_json::json;

    fn numbers(values: &[f64]) -> Vec<Number> {
        values.iter().copied().map(Number).collect()
    }

    fn measured() -> Curve {
        Curve {
            label: "magnetisation".to_owned(),
            role: Role::Data,
            x: numbers(&[0.1, 0.2, 0.3]),
            y: numbers(&[0.75, 0.5, 0.25]),
            y_error: Some(numbers(&[0.125, 0.0, 0.25])),
            converged: Some(vec![true, true, false]),
        }
    }

    #[test]
    fn a_residual_is_the_distance_in_standard_errors_and_a_point_without_spread_has_none() {
        let found = Residuals::of(&measured(), &[0.5, 0.5, 0.5]);
        assert_eq!((found.y[0].0, found.y[2].0), (2.0, -1.0));
        assert!(found.y[1].0.is_nan());
        assert_eq!(found.converged, Some(vec![true, true, false]));
        assert!(Residuals::of(&measured(), &[0.5]).y[2].0.is_nan(), "nothing is expected there");
        assert!(Residuals::of(&Curve { y_error: None, ..measured() }, &[0.5; 3]).y.iter().all(|y| y.0.is_nan()));
    }

    #[test]
    fn overlays_are_further_fields_of_the_frame_that_they_lie_on() {
        let axis = || Axis { title: "t".to_owned(), log: false };
        let plot = Plot { x: axis(), y: axis(), curves: vec![measured()] };
        let residuals = vec![Residuals::of(&plot.curves[0], &[0.5; 3])];
        let (plain, compared) = (Frame::Plot(plot.clone()), Frame::Compared(Compared { plot, residuals }));
        assert_eq!((plain.kind(), compared.kind()), ("plot", "plot"));
        let mut with = serde_json::to_value(&compared).unwrap();
        let residuals = with.as_object_mut().unwrap().remove("residuals").unwrap();
        assert_eq!(with, serde_json::to_value(&plain).unwrap());
        assert_eq!(residuals[0]["y"], json!([2.0, "NaN", -1.0]));

        let Frame::Plot(plot) = &plain else { panic!("a plot") };
        let marks = Marks { label: "labels swapped".to_owned(), x: numbers(&[0.25]), notes: vec!["3 ↔ 8".to_owned()] };
        let marked = Frame::Marked(Marked { plot: plot.clone(), marks });
        let mut with = serde_json::to_value(&marked).unwrap();
        let marks = with.as_object_mut().unwrap().remove("marks");
        assert_eq!(marks, Some(json!({ "label": "labels swapped", "x": [0.25], "notes": ["3 ↔ 8"] })));
        assert_eq!((marked.kind(), with), ("plot", serde_json::to_value(&plain).unwrap()));

        let map = Heatmap {
            rows: 1,
            columns: 2,
            values: numbers(&[0.0, 1.0]),
            min: Number(0.0),
            max: Number(1.0),
            row_labels: None,
            column_labels: None,
            x_title: "load".to_owned(),
            y_title: "temperature".to_owned(),
            colour: Colour::Sequential,
        };
        let frontiers = vec![Frontier { label: "spinodal".to_owned(), x: numbers(&[0.5, f64::NAN]), y: numbers(&[0.0, 1.0]) }];
        let diagram = Diagram { map: map.clone(), frontiers };
        let dots = Dots {
            label: "measured".to_owned(),
            x: numbers(&[1.5]),
            y: numbers(&[0.5]),
            values: numbers(&[0.75]),
            errors: numbers(&[0.125]),
        };
        let dotted = Frame::Dotted(Box::new(Dotted { diagram: diagram.clone(), dots }));
        let (plain, diagram) = (Frame::Heatmap(map), Frame::Diagram(diagram));
        assert_eq!((plain.kind(), diagram.kind(), dotted.kind()), ("heatmap", "heatmap", "heatmap"));
        let mut with = serde_json::to_value(&dotted).unwrap();
        assert_eq!(
            with.as_object_mut().unwrap().remove("dots"),
            Some(json!({ "label": "measured", "x": [1.5], "y": [0.5], "values": [0.75], "errors": [0.125] }))
        );
        assert_eq!(with, serde_json::to_value(&diagram).unwrap());
        let mut with = serde_json::to_value(&diagram).unwrap();
        assert_eq!(
            with.as_object_mut().unwrap().remove("frontiers"),
            Some(json!([{ "label": "spinodal", "x": [0.5, "NaN"], "y": [0.0, 1.0] }]))
        );
        assert_eq!(with, serde_json::to_value(&plain).unwrap());
    }
}
