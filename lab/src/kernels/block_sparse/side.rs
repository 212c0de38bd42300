//! The units on one side of a layer and the places they take in its groups.

use crate::kernels::linear::ROWS_PER_TASK;
use candle_core::{Result, bail};
use rayon::prelude::*;
use std::{borrow::Cow, ops::Range};

/// Rows of a task that multiplies: few enough for work on many cores, many enough to use a tile several times while it is in the cache.
const PRODUCT_ROWS: usize = 16;

/// Stands for a place of a group that no unit fills.
const NO_UNIT: u32 = u32::MAX;

/// The units on one side of a layer in the order of their groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) units: usize,
    /// Places of a group.
    pub(super) size: usize,
    /// The unit at every place, group by group; `None` where that is every unit's own place.
    order: Option<Vec<u32>>,
}

impl Side {
    pub(super) fn new(groups_of_units: &[usize], groups: usize) -> Result<Self> {
        let units = groups_of_units.len();
        let size = units.div_ceil(groups);
        let mut order = vec![NO_UNIT; groups * size];
        let mut taken = vec![0; groups];
        for (unit, group) in groups_of_units.iter().enumerate() {
            if *group >= groups || taken[*group] == size {
                bail!("unit {unit} is in group {group}, but {units} units in {groups} groups are at most {size} a group");
            }
            order[group * size + taken[*group]] = unit as u32;
            taken[*group] += 1;
        }
        let in_place = order.len() == units && order.iter().enumerate().all(|(place, unit)| *unit as usize == place);
        Ok(Self { units, size, order: (!in_place).then_some(order) })
    }

    pub(super) fn places(&self, groups: usize) -> usize {
        groups * self.size
    }

    /// The unit at a place; `None` where no unit fills it.
    pub(super) fn unit_at(&self, place: usize) -> Option<usize> {
        match &self.order {
            None => Some(place),
            Some(order) => (order[place] != NO_UNIT).then_some(order[place] as usize),
        }
    }

    /// Rows of units as rows of places, with 0 where no unit is.
    pub(super) fn to_places<'a>(&self, rows: &'a [f32]) -> Cow<'a, [f32]> {
        let Some(order) = &self.order else { return Cow::Borrowed(rows) };
        let mut sorted = vec![0f32; rows.len() / self.units * order.len()];
        sorted.par_chunks_mut(ROWS_PER_TASK * order.len()).zip(rows.par_chunks(ROWS_PER_TASK * self.units)).for_each(|(sorted, rows)| {
            for (sorted, row) in sorted.chunks_exact_mut(order.len()).zip(rows.chunks_exact(self.units)) {
                for (into, unit) in sorted.iter_mut().zip(order) {
                    // A place without a unit lies behind the end of every row.
                    *into = row.get(*unit as usize).copied().unwrap_or(0.0);
                }
            }
        });
        Cow::Owned(sorted)
    }

    /// Rows of units made from rows of places, each number changed by `change(unit, value)`.
    ///
    /// `fill(rows, places)` writes the places of some of the rows, `[rows, places]`; what it leaves is 0.
    pub(super) fn rows_of(
        &self,
        batch: usize,
        groups: usize,
        fill: impl Fn(Range<usize>, &mut [f32]) + Sync,
        change: impl Fn(usize, f32) -> f32 + Sync,
    ) -> Vec<f32> {
        let mut rows = vec![0f32; batch * self.units];
        rows.par_chunks_mut(PRODUCT_ROWS * self.units).enumerate().for_each(|(task, rows)| {
            let first = task * PRODUCT_ROWS;
            let range = first..first + rows.len() / self.units;
            match &self.order {
                None => {
                    fill(range, rows);
                    for row in rows.chunks_exact_mut(self.units) {
                        row.iter_mut().enumerate().for_each(|(unit, value)| *value = change(unit, *value));
                    }
                }
                Some(order) => {
                    let mut places = vec![0f32; range.len() * self.places(groups)];
                    fill(range, &mut places);
                    for (row, places) in rows.chunks_exact_mut(self.units).zip(places.chunks_exact(order.len())) {
                        for (value, unit) in places.iter().zip(order) {
                            if let Some(into) = row.get_mut(*unit as usize) {
                                *into = change(*unit as usize, *value);
                            }
                        }
                    }
                }
            }
        });
        rows
    }
}
