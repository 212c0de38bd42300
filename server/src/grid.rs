//! The grid of a sweep: fields of a config, each with the values it takes, and the cells that they span.

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

#[cfg(test)]
mod tests {
    use super::Grid;
    use serde_json::json;

    #[test]
    fn the_last_field_changes_first() {
        let grid = Grid::of(json!({ "b": [1, 2], "a": ["x", "y", "z"], "none": [] }).as_object().unwrap());
        assert_eq!(grid.cell_count(), 6);
        let cells: Vec<_> = (0..6).map(|cell| json!(grid.values_at(&grid.places(cell))).to_string()).collect();
        assert_eq!(cells[..4], [r#"{"b":1,"a":"x"}"#, r#"{"b":1,"a":"y"}"#, r#"{"b":1,"a":"z"}"#, r#"{"b":2,"a":"x"}"#]);
    }

    #[test]
    fn without_fields_there_is_one_cell() {
        let grid = Grid::default();
        assert_eq!((grid.cell_count(), grid.values_at(&grid.places(0)).len()), (1, 0));
    }
}
