//! Checking a sweep before it is made: its own fields, its grid or cells, its seeds, and the config of every cell, every fault told at once.

use super::{
    needs::check_needs,
    runs::{check_device, check_labels, check_recipe, given_config},
    sweeps::CreateSweep,
};
use crate::{
    error::ApiError,
    extract::check_body,
    grid::{Cells, Grid},
};
use lab::{ConfigFaults, Entry, Fault, Registry, config::overlay, schema};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet, hash_map::Entry as Slot};

/// Most runs of one sweep.
pub const MOST_RUNS: usize = 10_000;
/// Most faults told of one body.
const MOST_FAULTS: usize = 1_000;
/// Largest seed, 2^53 - 1.
const MOST_SEED: i64 = (1 << 53) - 1;

/// A sweep that has been checked.
pub struct Plan {
    /// The body.
    pub body: CreateSweep,
    /// The experiment.
    pub entry: &'static Entry,
    /// The preset's id.
    pub preset: String,
    /// The fields given beside the grid.
    pub config: Map<String, Value>,
    /// The grid, or the list of cells, as it was given.
    pub grid: Value,
    /// The complete config of every cell.
    pub cells: Vec<Map<String, Value>>,
    /// The seeds of every cell.
    pub seeds: Vec<i64>,
}

/// Checks a whole body. Takes about 0.1 ms a cell, so not on an async thread. Errors: every fault, with its pointer into the body.
pub fn plan(registry: &'static Registry, value: &Value, has_gpu_worker: bool) -> Result<Plan, ApiError> {
    let (body, mut faults) = check_body::<CreateSweep>(value)?;
    let (entry, preset) = check_recipe(registry, value, &mut faults);
    check_device(value, &mut faults);
    check_needs(registry, value, has_gpu_worker, &mut faults);
    check_labels(value, &mut faults);
    let empty = Map::new();
    let config = given_config(value).unwrap_or(&empty);
    let fields = value.get("grid").and_then(Value::as_object).unwrap_or(&empty);
    for (field, values) in fields {
        if let Some(values) = values.as_array() {
            check_axis(&schema::pointer("/grid", field), values, &mut faults);
        }
    }
    let listed = value.get("cells").and_then(Value::as_array);
    if let Some(cells) = listed {
        check_list(cells, !fields.is_empty(), &mut faults);
    }
    let given = listed.map_or_else(|| Value::Object(fields.clone()), |cells| Value::Array(cells.clone()));
    let cells = Cells::of(&given);
    let default = entry.and_then(|entry| entry.card.presets.iter().find(|known| known.id == preset)).map(|preset| &preset.seeds);
    let seeds = read_seeds(value.get("seeds"), default.map_or(&[], Vec::as_slice), &mut faults);
    let fits = check_count(&cells, &seeds, &mut faults);
    let complete = |entry| match &cells {
        Cells::Grid(grid) => complete_cells(entry, &preset, config, grid, fits, &mut faults),
        Cells::List(cells) => complete_list(entry, &preset, config, &cells[..cells.len().min(MOST_RUNS)], &mut faults),
    };
    let cells = entry.map(complete).unwrap_or_default();
    match (body, entry, seeds) {
        (Some(body), Some(entry), Seeds::List(seeds)) if faults.0.is_empty() => {
            Ok(Plan { body, entry, preset, config: config.clone(), grid: given, cells, seeds })
        }
        _ => {
            faults.0.truncate(MOST_FAULTS);
            Err(ApiError::Invalid(faults))
        }
    }
}

/// A list of values that is empty or repeats itself has a fault.
fn check_axis(pointer: &str, values: &[Value], faults: &mut ConfigFaults) {
    if values.is_empty() {
        faults
            .0
            .push(Fault { pointer: pointer.to_owned(), detail: "must have at least one value; leave the field out instead".to_owned() });
    }
    check_repeats(pointer, values.iter().map(canonical), faults);
}

/// A list of cells that is empty, repeats itself or stands beside a grid has a fault.
fn check_list(cells: &[Value], beside_grid: bool, faults: &mut ConfigFaults) {
    if beside_grid {
        faults.push("cells", "must not stand beside a grid; give one of them");
    }
    if cells.is_empty() {
        faults.push("cells", "must have at least one cell; leave it out instead");
    }
    check_repeats("/cells", cells.iter().map(canonical), faults);
}

fn check_repeats(pointer: &str, values: impl Iterator<Item = String>, faults: &mut ConfigFaults) {
    let mut seen = HashMap::new();
    for (index, text) in values.enumerate() {
        match seen.entry(text) {
            Slot::Occupied(first) => {
                let detail = format!("must not repeat; {} is at {pointer}/{} already", first.key(), first.get());
                faults.0.push(Fault { pointer: format!("{pointer}/{index}"), detail });
            }
            Slot::Vacant(slot) => {
                slot.insert(index);
            }
        }
    }
}

/// A text that equal values share: 1 and 1.0 are the same number, and fields have no order.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut parts: Vec<_> = fields.iter().map(|(field, value)| format!("{field:?}:{}", canonical(value))).collect();
            parts.sort_unstable();
            format!("{{{}}}", parts.join(","))
        }
        value => match value.as_f64() {
            Some(number) if number.fract() == 0.0 && number.abs() <= MOST_SEED as f64 => (number as i64).to_string(),
            _ => value.to_string(),
        },
    }
}

/// Seeds as they were given: too many are only counted.
enum Seeds {
    List(Vec<i64>),
    TooMany(usize),
}

/// The seeds of a list, the first so many from 0, or the preset's. What is neither has been found by the schema.
fn read_seeds(given: Option<&Value>, default: &[u64], faults: &mut ConfigFaults) -> Seeds {
    let whole = |value: &Value| value.as_i64().or_else(|| value.as_f64().filter(|seed| seed.fract() == 0.0).map(|seed| seed as i64));
    match given {
        None | Some(Value::Null) if default.is_empty() => Seeds::List(vec![0]),
        None | Some(Value::Null) => Seeds::List(default.iter().map(|seed| *seed as i64).collect()),
        Some(Value::Array(list)) => {
            check_repeats("/seeds", list.iter().map(canonical), faults);
            if list.is_empty() {
                faults.push("seeds", "must have at least one seed; leave it out for the preset's");
            }
            Seeds::List(list.iter().filter_map(whole).collect())
        }
        Some(count) => match whole(count) {
            Some(count @ 1..) if count > MOST_RUNS as i64 => Seeds::TooMany(count as usize),
            Some(count @ 1..) => Seeds::List((0..count).collect()),
            _ => Seeds::List(Vec::new()),
        },
    }
}

/// Whether the runs are not too many; a fault where they are.
fn check_count(cells: &Cells, seeds: &Seeds, faults: &mut ConfigFaults) -> bool {
    let (count, seeds) = (
        cells.count(),
        match seeds {
            Seeds::List(list) => list.len(),
            Seeds::TooMany(count) => *count,
        },
    );
    // A missing or faulty list of seeds has its own fault.
    let runs = count.saturating_mul(seeds.max(1));
    if runs <= MOST_RUNS {
        return true;
    }
    let field = match cells {
        Cells::Grid(grid) if seeds > MOST_RUNS || grid.axes().is_empty() => "seeds",
        Cells::Grid(_) => "grid",
        Cells::List(_) if seeds > MOST_RUNS => "seeds",
        Cells::List(_) => "cells",
    };
    let counted = if count == usize::MAX || runs == usize::MAX { "more than can be counted".to_owned() } else { runs.to_string() };
    faults.push(field, format!("{count} cells with {seeds} seeds each are {counted} runs; a sweep has at most {MOST_RUNS}"));
    false
}

/// A fault as some of the cells have it.
struct Found {
    /// Cells that have it.
    count: usize,
    /// The first of them.
    places: Vec<usize>,
}

/// The complete config of every cell. Where the cells are too many, their configs are not made; each value is checked once then.
fn complete_cells(
    entry: &Entry,
    preset: &str,
    config: &Map<String, Value>,
    grid: &Grid,
    all: bool,
    faults: &mut ConfigFaults,
) -> Vec<Map<String, Value>> {
    let looked_at = if all { (0..grid.cell_count()).map(|cell| grid.places(cell)).collect() } else { each_value_once(grid) };
    let mut cells = Vec::with_capacity(looked_at.len());
    let mut order = Vec::new();
    let mut found: HashMap<(String, String), Found> = HashMap::new();
    // How many of the cells looked at have a value of the grid, by its pointer.
    let mut uses: HashMap<String, usize> = HashMap::new();
    for places in &looked_at {
        for ((field, _), place) in grid.axes().iter().zip(places) {
            *uses.entry(format!("{}/{place}", schema::pointer("/grid", field))).or_default() += 1;
        }
        let given = overlay(config, &grid.values_at(places));
        match entry.complete(preset, &given) {
            Ok(complete) => cells.push(complete),
            Err(cell_faults) => {
                let known = known_fields(entry, preset, &given);
                for fault in cell_faults.0 {
                    let key = (in_body(&fault.pointer, grid, places, &known), fault.detail);
                    match found.entry(key) {
                        Slot::Occupied(mut known) => known.get_mut().count += 1,
                        Slot::Vacant(slot) => {
                            order.push(slot.key().clone());
                            slot.insert(Found { count: 1, places: places.clone() });
                        }
                    }
                }
            }
        }
    }
    for key in order {
        let Some(Found { count, places }) = found.remove(&key) else { continue };
        let (pointer, mut detail) = key;
        let owner = value_pointer(&pointer);
        // A fault that only some of the cells with this value have comes from the other fields too, so one such cell is named.
        if count < uses.get(owner).copied().unwrap_or(looked_at.len()) && !pointer_is_axis(&pointer, grid) {
            detail = format!("{detail} (in the cell {})", named(grid, &places));
        }
        faults.0.push(Fault { pointer, detail });
    }
    if all { cells } else { Vec::new() }
}

/// The complete config of every cell of a list.
fn complete_list(
    entry: &Entry,
    preset: &str,
    config: &Map<String, Value>,
    cells: &[Map<String, Value>],
    faults: &mut ConfigFaults,
) -> Vec<Map<String, Value>> {
    let mut complete = Vec::with_capacity(cells.len());
    // A fault of the config beside the cells is one fault, not one of each cell.
    let mut told = HashSet::new();
    for (place, cell) in cells.iter().enumerate() {
        match entry.complete(preset, &overlay(config, cell)) {
            Ok(config) => complete.push(config),
            Err(found) => {
                for Fault { pointer, detail } in found.0 {
                    let is_of = |field: &String| {
                        pointer.strip_prefix(&schema::pointer("", field)).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                    };
                    if cell.keys().any(is_of) {
                        faults.0.push(Fault { pointer: format!("/cells/{place}{pointer}"), detail });
                    } else if told.insert((pointer.clone(), detail.clone())) {
                        faults.0.push(Fault { pointer: format!("/config{pointer}"), detail });
                    }
                }
            }
        }
    }
    complete
}

/// Places of cells in which every value of every field occurs, the other fields at their first; none where even these are too many.
fn each_value_once(grid: &Grid) -> Vec<Vec<usize>> {
    let lengths: Vec<usize> = grid.axes().iter().map(|(_, values)| values.len()).collect();
    if lengths.iter().sum::<usize>() > MOST_RUNS {
        return Vec::new();
    }
    let mut cells = vec![vec![0; lengths.len()]];
    for (axis, length) in lengths.iter().enumerate() {
        for place in 1..*length {
            let mut places = vec![0; lengths.len()];
            places[axis] = place;
            cells.push(places);
        }
    }
    cells
}

/// The fields that the config of a cell may have.
fn known_fields(entry: &Entry, preset: &str, given: &Map<String, Value>) -> HashSet<String> {
    let base = entry.card.presets.iter().find(|known| known.id == preset).map(|known| known.config.clone()).unwrap_or_default();
    let root = &entry.config_schema;
    let branch = schema::branch(root, root, &Value::Object(overlay(&base, given))).unwrap_or(root);
    branch.get("properties").and_then(Value::as_object).map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
}

/// Where a fault of a cell's config lies in the body: in the grid where its field is there, else in the config.
fn in_body(pointer: &str, grid: &Grid, places: &[usize], known: &HashSet<String>) -> String {
    for ((field, _), place) in grid.axes().iter().zip(places) {
        let own = schema::pointer("", field);
        if let Some(rest) = pointer.strip_prefix(&own).filter(|rest| rest.is_empty() || rest.starts_with('/')) {
            // An unknown field is one fault of the field, not one of each of its values.
            let below = if known.contains(field) { format!("/{place}{rest}") } else { String::new() };
            return format!("/grid{own}{below}");
        }
    }
    format!("/config{pointer}")
}

/// `/grid/FIELD/INDEX` of a pointer at or below it; other pointers as they are.
fn value_pointer(pointer: &str) -> &str {
    if !pointer.starts_with("/grid/") {
        return pointer;
    }
    pointer.match_indices('/').nth(3).map_or(pointer, |(end, _)| &pointer[..end])
}

fn pointer_is_axis(pointer: &str, grid: &Grid) -> bool {
    grid.axes().iter().any(|(field, _)| schema::pointer("/grid", field) == pointer)
}

/// A cell in words: `sparsity 0.5, groups 4`.
fn named(grid: &Grid, places: &[usize]) -> String {
    let words = grid.values_at(places).into_iter().map(|(field, value)| format!("{field} {value}"));
    words.collect::<Vec<_>>().join(", ")
}
