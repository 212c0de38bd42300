//! Grouped bars: a plot whose horizontal axis has names in place of numbers.

use super::{Axis, Curve, Plot, Role};
use crate::json::Number;
use serde::{Deserialize, Serialize};

/// A plot drawn as grouped bars, one group a category and one colour a curve.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bars {
    /// The plot; its fields are those of the frame. The horizontal values are places in `categories`, counted from 0.
    #[serde(flatten)]
    pub plot: Plot,
    /// What stands at the places 0, 1, 2, … of the horizontal axis.
    pub categories: Vec<String>,
    /// The value that bars begin at: 0, or another that says as little, as 0.5 does of an area under a ROC curve.
    pub base: Number,
}

impl Bars {
    /// Bars from 0, none yet.
    pub fn new(x_title: &str, y_title: &str, categories: Vec<String>) -> Self {
        let axis = |title: &str| Axis { title: title.to_owned(), log: false };
        Self { plot: Plot { x: axis(x_title), y: axis(y_title), curves: Vec::new() }, categories, base: Number(0.0) }
    }

    /// The same, beginning at another value.
    pub fn starting_at(self, base: f64) -> Self {
        Self { base: Number(base), ..self }
    }

    /// Adds a bar to every category, in their order. A height that is not finite leaves its place empty.
    pub fn add(&mut self, label: &str, role: Role, heights: impl IntoIterator<Item = f64>) {
        let y: Vec<Number> = heights.into_iter().map(Number).collect();
        let x = (0..y.len()).map(|place| Number(place as f64)).collect();
        self.plot.curves.push(Curve { label: label.to_owned(), role, x, y, y_error: None, converged: None });
    }

    /// Adds a measured bar with whiskers to every category: its height and the half length of its whisker.
    pub fn add_measured(&mut self, label: &str, heights: impl IntoIterator<Item = (f64, f64)>) {
        let (heights, errors): (Vec<f64>, Vec<Number>) = heights.into_iter().map(|(height, error)| (height, Number(error))).unzip();
        self.add(label, Role::Data, heights);
        if let Some(curve) = self.plot.curves.last_mut() {
            curve.y_error = Some(errors);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Frame;
    use serde_json::json;

    #[test]
    fn bars_are_further_fields_of_a_plot_over_the_places_of_their_categories() {
        let mut bars = Bars::new("set", "AUC", vec!["tiger".to_owned(), "fox".to_owned()]).starting_at(0.5);
        bars.add_measured("hopfield", [(0.875, 0.125), (0.75, 0.0)]);
        bars.add("chance", Role::Theory, [0.5, f64::NAN]);
        let (plain, frame) = (Frame::Plot(bars.plot.clone()), Frame::Bars(bars));
        assert_eq!((plain.kind(), frame.kind()), ("plot", "plot"));
        let mut with = serde_json::to_value(&frame).unwrap();
        let fields = with.as_object_mut().unwrap();
        assert_eq!((fields.remove("categories"), fields.remove("base")), (Some(json!(["tiger", "fox"])), Some(json!(0.5))));
        assert_eq!(with, serde_json::to_value(&plain).unwrap());
        assert_eq!(
            with["curves"],
            json!([
                { "label": "hopfield", "role": "data", "x": [0.0, 1.0], "y": [0.875, 0.75], "y_error": [0.125, 0.0] },
                { "label": "chance", "role": "theory", "x": [0.0, 1.0], "y": [0.5, "NaN"] },
            ])
        );
    }
}
