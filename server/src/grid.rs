//! The cells of a sweep: those that a grid spans (fields of a config, each with the values it takes), or a list of them, as drawn at random.

use serde_json::{Map, Value};

/// Fields with their values, in the order they were given. The last field changes first from cell to cell.
#[derive(Debug, Clone, Default)]
pub struct Grid {
    axes: Vec<(String, Vec<Value>)>,
}

impl Grid {
    /// The grid of an object of lists; fields without values span nothing and are left out.
    pub fn of(fields: &Map<String, Value>) -> Self {
        let axes = fields.iter().filter_map(|(field, values)| Some((field.clone(), values.as_array()?.clone())));
        Self { axes: axes.filter(|(_, values)| !values.is_empty()).collect() }
    }

    /// The fields with their values.
    pub fn axes(&self) -> &[(String, Vec<Value>)] {
        &self.axes
    }

    /// The number of cells; one where there are no fields, and `usize::MAX` where they cannot be counted.
    pub fn cell_count(&self) -> usize {
        self.axes.iter().fold(1, |count: usize, (_, values)| count.saturating_mul(values.len()))
    }

    /// Which value each field takes in a cell. `cell` is below [`Grid::cell_count`].
    pub fn places(&self, mut cell: usize) -> Vec<usize> {
        let mut places = vec![0; self.axes.len()];
        for (place, (_, values)) in places.iter_mut().zip(&self.axes).rev() {
            *place = cell % values.len();
            cell /= values.len();
        }
        places
    }

    /// The fields with the values at these places, one place a field.
    pub fn values_at(&self, places: &[usize]) -> Map<String, Value> {
        self.axes.iter().zip(places).filter_map(|((field, values), place)| Some((field.clone(), values.get(*place)?.clone()))).collect()
    }
}

/// The cells of a sweep.
#[derive(Debug, Clone)]
pub enum Cells {
    /// Every combination of the values.
    Grid(Grid),
    /// These, each with its own fields.
    List(Vec<Map<String, Value>>),
}

impl Cells {
    /// The cells of an object of lists, or of a list of objects.
    pub fn of(given: &Value) -> Self {
        match given {
            Value::Array(cells) => Self::List(cells.iter().filter_map(Value::as_object).cloned().collect()),
            Value::Object(fields) => Self::Grid(Grid::of(fields)),
            _ => Self::Grid(Grid::default()),
        }
    }

    /// How many there are; `usize::MAX` where they cannot be counted.
    pub fn count(&self) -> usize {
        match self {
            Self::Grid(grid) => grid.cell_count(),
            Self::List(cells) => cells.len(),
        }
    }

    /// The fields with the values that they take in a cell below [`Cells::count`].
    pub fn values(&self, cell: usize) -> Map<String, Value> {
        match self {
            Self::Grid(grid) => grid.values_at(&grid.places(cell)),
            Self::List(cells) => cells.get(cell).cloned().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cells, Grid};
    use serde_json::json;

    #[test]
    fn the_last_field_changes_first() {
        let grid = Grid::of(json!({ "b": [1, 2], "a": ["x", "y", "z"], "none": [] }).as_object().unwrap());
        assert_eq!(grid.cell_count(), 6);
        let cells: Vec<_> = (0..6).map(|cell| json!(grid.values_at(&grid.places(cell))).to_string()).collect();
        assert_eq!(cells[..4], [r#"{"b":1,"a":"x"}"#, r#"{"b":1,"a":"y"}"#, r#"{"b":1,"a":"z"}"#, r#"{"b":2,"a":"x"}"#]);
    }

    #[test]
    fn cells_are_spanned_or_listed() {
        let spanned = Cells::of(&json!({ "b": [1, 2], "a": [3, 4] }));
        assert_eq!((spanned.count(), json!(spanned.values(1))), (4, json!({ "b": 1, "a": 4 })));
        let listed = Cells::of(&json!([{ "b": 1 }, { "b": 2, "a": 4 }]));
        assert_eq!((listed.count(), json!(listed.values(1))), (2, json!({ "b": 2, "a": 4 })));
    }

    #[test]
    fn without_fields_there_is_one_cell() {
        let grid = Grid::default();
        assert_eq!((grid.cell_count(), grid.values_at(&grid.places(0)).len()), (1, 0));
    }
}
