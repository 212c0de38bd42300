//! Local fields of networks in which P = 2, 3 or 4 spins interact at a time, through the overlaps with the stored patterns.
//!
//! With `c` the overlap of a pattern without spin i, the field is `h_i = N^-(P-1) sum_mu xi_mu,i g(c_mu)`, `g(c) = c^(P-1) + b c^(P-3)`. As `c = x -
//! xi s` and xi and s are signs, `xi g(c) = xi v(x) - s u(x)` with `v(x) = (g(x+1) + g(x-1)) / 2`, `u(x) = (g(x+1) - g(x-1)) / 2`: a field is one
//! sum of `v` with the signs of a column, the sum of `u` is common to all spins, and a flip moves every overlap by 2. Signs are bits, numbers are
//! whole: everything is exact and the same on every machine.

use rand::RngCore;

/// Patterns of a column that are added in 32 bits before they go to 64; see [`Interaction::most_units`].
const FLUSHED_WORDS: usize = 8;
/// Additions side by side.
const LANES: usize = 32;

/// The polynomials of one order, in multiples of `1 / scale`, so that they are whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interaction {
    order: u32,
    scale: i32,
    /// `scale b`.
    lower: i32,
    /// `P F(x) = x^P + second x^(P-2) + constant`, where `-sum_mu F(x_mu) / N^(P-1)` is the energy.
    second: i64,
    constant: i64,
}

impl Interaction {
    /// Products of P distinct spins, `F = (P-1)! e_P` with the elementary symmetric polynomial `e_P`. Panics outside P = 2..=4 or for more than
    /// [`Interaction::most_units`].
    pub fn distinct(order: u32, units: usize) -> Self {
        Self::assert_fits(order, units);
        // N is below 2^31 by then.
        let (n, others) = (units as i64, units as i32 - 1);
        match order {
            2 => Self { order, scale: 1, lower: 0, second: -n, constant: 0 },
            3 => Self { order, scale: 1, lower: -others, second: -(3 * n - 2), constant: 0 },
            _ => Self { order, scale: 1, lower: -(3 * others - 2), second: -(6 * n - 8), constant: 3 * n * n - 6 * n },
        }
    }

    /// Powers of the overlaps, `F = x^P / P`, with the exact difference of a flip as field (D. Krotov and J. J. Hopfield, 2016, arXiv 1606.01164).
    /// Panics as [`Interaction::distinct`] does.
    pub fn power(order: u32, units: usize) -> Self {
        Self::assert_fits(order, units);
        match order {
            2 => Self { order, scale: 1, lower: 0, second: 0, constant: 0 },
            3 => Self { order, scale: 3, lower: 1, second: 0, constant: 0 },
            _ => Self { order, scale: 1, lower: 1, second: 0, constant: 0 },
        }
    }

    /// Spins above which the sums of one lane would leave 32 bits.
    pub fn most_units(order: u32) -> usize {
        match order {
            2 => 100_000,
            3 => 6_000,
            _ => 500,
        }
    }

    fn assert_fits(order: u32, units: usize) {
        assert!((2..=4).contains(&order), "orders 2 to 4; got {order}");
        assert!((2..=Self::most_units(order)).contains(&units), "2 to {} spins; got {units}", Self::most_units(order));
    }

    /// `scale v(x)`.
    #[inline(always)]
    fn value<const P: u32>(self, x: i32) -> i32 {
        match P {
            2 => x,
            3 => x.wrapping_mul(x).wrapping_add(1).wrapping_mul(self.scale).wrapping_add(self.lower),
            _ => x.wrapping_mul(x.wrapping_mul(x).wrapping_add(3 + self.lower)),
        }
    }

    /// `scale u(x)`.
    #[inline(always)]
    fn slope<const P: u32>(self, x: i32) -> i32 {
        match P {
            2 => 1,
            3 => x.wrapping_mul(2 * self.scale),
            _ => x.wrapping_mul(x).wrapping_mul(3).wrapping_add(1 + self.lower),
        }
    }
}

/// A network: its patterns, its state, the overlap of every pattern and what the fields need of it.
#[derive(Debug, Clone)]
pub struct SpinTuples {
    interaction: Interaction,
    units: usize,
    count: usize,
    /// Words of a column; the bits behind the last pattern are 0.
    words: usize,
    /// Signs by unit, `[units, words]`, 64 patterns a word; bit 1 is +1.
    columns: Vec<u64>,
    spins: Vec<i8>,
    /// `x_mu`, then zeros.
    overlaps: Vec<i32>,
    /// `scale v(x_mu)`, then zeros.
    values: Vec<i32>,
    value_sum: i64,
    slope_sum: i64,
}

impl SpinTuples {
    /// Draws `count` random patterns of `units` signs; all spins point along the first. Panics for no pattern.
    pub fn draw(interaction: Interaction, count: usize, units: usize, rng: &mut impl RngCore) -> Self {
        let words = count.div_ceil(64);
        let last = if count.is_multiple_of(64) { u64::MAX } else { (1 << (count % 64)) - 1 };
        let mut columns = vec![0; units * words];
        for column in columns.chunks_exact_mut(words) {
            column.iter_mut().for_each(|word| *word = rng.next_u64());
            column[words - 1] &= last;
        }
        Self::of_columns(interaction, count, columns)
    }

    /// Of `signs`, `[patterns, units]` row-major; all spins point along the first. Panics unless they are whole rows.
    pub fn new(interaction: Interaction, signs: &[i8], units: usize) -> Self {
        assert!(!signs.is_empty() && signs.len().is_multiple_of(units), "rows of {units} signs");
        let count = signs.len() / units;
        let words = count.div_ceil(64);
        let mut columns = vec![0; units * words];
        for (mu, row) in signs.chunks_exact(units).enumerate() {
            for (unit, sign) in row.iter().enumerate() {
                columns[unit * words + mu / 64] |= u64::from(*sign > 0) << (mu % 64);
            }
        }
        Self::of_columns(interaction, count, columns)
    }

    fn of_columns(interaction: Interaction, count: usize, columns: Vec<u64>) -> Self {
        let words = count.div_ceil(64);
        let units = columns.len() / words;
        let (overlaps, values) = (vec![0; 64 * words], vec![0; 64 * words]);
        let mut network =
            Self { interaction, units, count, words, columns, spins: Vec::new(), overlaps, values, value_sum: 0, slope_sum: 0 };
        let spins: Vec<i8> = (0..units).map(|unit| network.sign(0, unit)).collect();
        network.set(&spins);
        network
    }

    /// P.
    pub fn order(&self) -> u32 {
        self.interaction.order
    }

    /// Number of patterns.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Entry of a pattern, -1 or 1.
    pub fn sign(&self, pattern: usize, unit: usize) -> i8 {
        if self.columns[unit * self.words + pattern / 64] >> (pattern % 64) & 1 == 1 { 1 } else { -1 }
    }

    /// The state, `[units]` of ±1.
    pub fn spins(&self) -> &[i8] {
        &self.spins
    }

    /// `x_mu = sum_i xi_mu,i s_i` of every pattern.
    pub fn overlaps(&self) -> &[i32] {
        &self.overlaps[..self.count]
    }

    /// Takes another state. Panics unless it has a sign for every unit.
    pub fn set(&mut self, spins: &[i8]) {
        assert_eq!(spins.len(), self.units, "a sign for each of {} spins", self.units);
        self.spins = spins.to_vec();
        self.overlaps.fill(0);
        for (column, spin) in self.columns.chunks_exact(self.words).zip(spins) {
            shift(column, i32::from(*spin), &mut self.overlaps);
        }
        self.overlaps[self.count..].fill(0);
        // Nothing moves, but values and sums are taken anew.
        self.advance(0, 0);
    }

    /// The field of a spin in units of `1 / (scale N^(P-1))`; a positive one holds it up.
    pub fn whole_field(&self, unit: usize) -> i64 {
        let column = &self.columns[unit * self.words..(unit + 1) * self.words];
        // With signs, twice what is positive less all.
        2 * sum_where_positive(column, &self.values) - self.value_sum - i64::from(self.spins[unit]) * self.slope_sum
    }

    /// What a whole field is divided by: `scale N^(P-1)`.
    pub fn field_unit(&self) -> f64 {
        f64::from(self.interaction.scale) * (self.units as f64).powi(self.interaction.order as i32 - 1)
    }

    /// `h_i`: turning the spin costs `2 s_i h_i`.
    pub fn field(&self, unit: usize) -> f64 {
        self.whole_field(unit) as f64 / self.field_unit()
    }

    /// Turns a spin.
    pub fn flip(&mut self, unit: usize) {
        self.spins[unit] = -self.spins[unit];
        self.advance(unit, 2 * i32::from(self.spins[unit]));
    }

    /// The energy, `-N^-(P-1) sum_mu F(x_mu)`.
    pub fn energy(&self) -> f64 {
        let Interaction { order, second, constant, .. } = self.interaction;
        // Below 2^62 for as many patterns of the largest networks as fit into memory.
        let term = |x: &i32| {
            let (x, square) = (i64::from(*x), i64::from(*x) * i64::from(*x));
            match order {
                2 => square + second,
                3 => x * (square + second),
                _ => square * (square + second) + constant,
            }
        };
        let sum: i64 = self.overlaps().iter().map(term).sum();
        -(sum as f64) / f64::from(order) / (self.units as f64).powi(order as i32 - 1)
    }

    /// Moves every overlap by `xi change` and takes the values anew.
    fn advance(&mut self, unit: usize, change: i32) {
        let column = &self.columns[unit * self.words..(unit + 1) * self.words];
        let sums = match self.interaction.order {
            2 => advance::<2>(self.interaction, column, change, &mut self.overlaps, &mut self.values),
            3 => advance::<3>(self.interaction, column, change, &mut self.overlaps, &mut self.values),
            _ => advance::<4>(self.interaction, column, change, &mut self.overlaps, &mut self.values),
        };
        // Behind the last pattern overlaps of 0 moved by -change.
        let (missing, moved) = (self.overlaps.len() - self.count, -change);
        let (value, slope) = match self.interaction.order {
            2 => (self.interaction.value::<2>(moved), self.interaction.slope::<2>(moved)),
            3 => (self.interaction.value::<3>(moved), self.interaction.slope::<3>(moved)),
            _ => (self.interaction.value::<4>(moved), self.interaction.slope::<4>(moved)),
        };
        self.value_sum = sums.0 - missing as i64 * i64::from(value);
        self.slope_sum = sums.1 - missing as i64 * i64::from(slope);
        self.overlaps[self.count..].fill(0);
        self.values[self.count..].fill(0);
    }
}

/// `sum_mu values_mu` over the bits that are 1.
fn sum_where_positive(column: &[u64], values: &[i32]) -> i64 {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512f") && has!("avx512bw") && has!("avx512vl") {
            // SAFETY: the processor has just been asked.
            return unsafe { sum_avx512(column, values) };
        }
        if has!("avx2") {
            // SAFETY: the processor has just been asked.
            return unsafe { sum_avx2(column, values) };
        }
    }
    sum_portable(column, values)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn sum_avx512(column: &[u64], values: &[i32]) -> i64 {
    sum_portable(column, values)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn sum_avx2(column: &[u64], values: &[i32]) -> i64 {
    sum_portable(column, values)
}

#[inline(always)]
fn sum_portable(column: &[u64], values: &[i32]) -> i64 {
    let mut total = 0i64;
    for (words, values) in column.chunks(FLUSHED_WORDS).zip(values.chunks(64 * FLUSHED_WORDS)) {
        let mut sums = [0i32; LANES];
        for (half, values) in values.as_chunks::<LANES>().0.iter().enumerate() {
            let bits = (words[half / 2] >> (half % 2 * LANES)) as u32;
            for lane in 0..LANES {
                let kept = if bits & (1 << lane) != 0 { values[lane] } else { 0 };
                sums[lane] = sums[lane].wrapping_add(kept);
            }
        }
        total += sums.iter().map(|sum| i64::from(*sum)).sum::<i64>();
    }
    total
}

/// Moves the overlaps alone: by `change` where the bit is 1, else by `-change`.
fn shift(column: &[u64], change: i32, overlaps: &mut [i32]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512f") && has!("avx512bw") && has!("avx512vl") {
            // SAFETY: the processor has just been asked.
            return unsafe { shift_avx512(column, change, overlaps) };
        }
        if has!("avx2") {
            // SAFETY: the processor has just been asked.
            return unsafe { shift_avx2(column, change, overlaps) };
        }
    }
    shift_portable(column, change, overlaps);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn shift_avx512(column: &[u64], change: i32, overlaps: &mut [i32]) {
    shift_portable(column, change, overlaps);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn shift_avx2(column: &[u64], change: i32, overlaps: &mut [i32]) {
    shift_portable(column, change, overlaps);
}

#[inline(always)]
fn shift_portable(column: &[u64], change: i32, overlaps: &mut [i32]) {
    for (half, overlaps) in overlaps.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let bits = (column[half / 2] >> (half % 2 * LANES)) as u32;
        for (lane, overlap) in overlaps.iter_mut().enumerate() {
            *overlap = overlap.wrapping_add(if bits & (1 << lane) != 0 { change } else { -change });
        }
    }
}

/// Moves the overlaps and returns the sums of values and slopes.
fn advance<const P: u32>(interaction: Interaction, column: &[u64], change: i32, overlaps: &mut [i32], values: &mut [i32]) -> (i64, i64) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512f") && has!("avx512bw") && has!("avx512vl") {
            // SAFETY: the processor has just been asked.
            return unsafe { advance_avx512::<P>(interaction, column, change, overlaps, values) };
        }
        if has!("avx2") {
            // SAFETY: the processor has just been asked.
            return unsafe { advance_avx2::<P>(interaction, column, change, overlaps, values) };
        }
    }
    advance_portable::<P>(interaction, column, change, overlaps, values)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn advance_avx512<const P: u32>(at: Interaction, column: &[u64], change: i32, overlaps: &mut [i32], values: &mut [i32]) -> (i64, i64) {
    advance_portable::<P>(at, column, change, overlaps, values)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn advance_avx2<const P: u32>(at: Interaction, column: &[u64], change: i32, overlaps: &mut [i32], values: &mut [i32]) -> (i64, i64) {
    advance_portable::<P>(at, column, change, overlaps, values)
}

#[inline(always)]
fn advance_portable<const P: u32>(at: Interaction, column: &[u64], change: i32, overlaps: &mut [i32], values: &mut [i32]) -> (i64, i64) {
    let mut total = (0i64, 0i64);
    let chunks = overlaps.chunks_mut(64 * FLUSHED_WORDS).zip(values.chunks_mut(64 * FLUSHED_WORDS));
    for (words, (overlaps, values)) in column.chunks(FLUSHED_WORDS).zip(chunks) {
        let (mut of_values, mut of_slopes) = ([0i32; LANES], [0i32; LANES]);
        let halves = overlaps.as_chunks_mut::<LANES>().0.iter_mut().zip(values.as_chunks_mut::<LANES>().0);
        for (half, (overlaps, values)) in halves.enumerate() {
            let bits = (words[half / 2] >> (half % 2 * LANES)) as u32;
            for lane in 0..LANES {
                let x = overlaps[lane].wrapping_add(if bits & (1 << lane) != 0 { change } else { -change });
                overlaps[lane] = x;
                let value = at.value::<P>(x);
                values[lane] = value;
                of_values[lane] = of_values[lane].wrapping_add(value);
                of_slopes[lane] = of_slopes[lane].wrapping_add(at.slope::<P>(x));
            }
        }
        total.0 += of_values.iter().map(|sum| i64::from(*sum)).sum::<i64>();
        total.1 += of_slopes.iter().map(|sum| i64::from(*sum)).sum::<i64>();
    }
    total
}

#[cfg(test)]
mod tests;
