//! Patterns of +1 and -1 packed into bits: overlaps by XOR and popcount, weighted sums over patterns by bit planes.
//!
//! A pattern of `d` signs takes `d / 8` bytes instead of `4 d`, and 64 products take one XOR and one popcount. Everything is exact.

use std::ops::Range;

/// Calls a method of `$patterns`: the first if the processor counts the bits of eight words at once, the second if of one word, else the third.
macro_rules! for_this_popcount {
    ($patterns:expr, $avx512:ident or $avx2:ident or $portable:ident($($argument:expr),*)) => {{
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            if has!("avx512f") && has!("avx512bw") && has!("avx512vl") && has!("avx512vpopcntdq") && has!("popcnt") {
                // SAFETY: the processor has just been asked.
                unsafe { $patterns.$avx512($($argument),*) }
            } else if has!("avx2") && has!("popcnt") {
                // SAFETY: the processor has just been asked.
                unsafe { $patterns.$avx2($($argument),*) }
            } else {
                $patterns.$portable($($argument),*)
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        $patterns.$portable($($argument),*)
    }};
}
pub(super) use for_this_popcount;

/// A set of patterns, row by row for overlaps and column by column for sums over patterns. Bit 1 is +1.
#[derive(Debug, Clone)]
pub struct PackedPatterns {
    dim: usize,
    count: usize,
    row_words: usize,
    rows: Vec<u64>,
    column_words: usize,
    columns: Vec<u64>,
}

/// Words of a column come in groups, so that a wide register is always full.
const GROUP: usize = 8;

/// Packs signs: bit 1 where a value is above 0. The bits behind the last sign are 0.
pub fn pack(signs: &[i8]) -> Vec<u64> {
    let mut words = vec![0; signs.len().div_ceil(64)];
    for (at, sign) in signs.iter().enumerate() {
        words[at / 64] |= u64::from(*sign > 0) << (at % 64);
    }
    words
}

/// Sign number `at` of packed signs.
pub fn sign(words: &[u64], at: usize) -> i64 {
    2 * (words[at / 64] >> (at % 64) & 1) as i64 - 1
}

impl PackedPatterns {
    /// Packs `signs`, `[patterns, dim]` row-major. Panics unless they are whole rows.
    pub fn new(signs: &[i8], dim: usize) -> Self {
        assert!(dim > 0 && signs.len().is_multiple_of(dim), "rows of {dim} signs");
        let count = signs.len() / dim;
        let (row_words, column_words) = (dim.div_ceil(64), count.div_ceil(64 * GROUP) * GROUP);
        let rows: Vec<u64> = signs.chunks_exact(dim).flat_map(pack).collect();
        let mut columns = vec![0; dim * column_words];
        for (pattern, row) in rows.chunks_exact(row_words).enumerate() {
            for unit in 0..dim {
                columns[unit * column_words + pattern / 64] |= (row[unit / 64] >> (unit % 64) & 1) << (pattern % 64);
            }
        }
        Self { dim, count, row_words, rows, column_words, columns }
    }

    /// Signs of a pattern.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of patterns.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The packed signs of one pattern.
    pub fn row(&self, pattern: usize) -> &[u64] {
        &self.rows[pattern * self.row_words..(pattern + 1) * self.row_words]
    }

    /// The packed signs of all patterns at one unit; bits behind the last pattern are 0.
    pub fn column(&self, unit: usize) -> &[u64] {
        &self.columns[unit * self.column_words..(unit + 1) * self.column_words]
    }

    /// The overlap `m_mu = sum_i x_mu,i s_i` of every pattern with a packed state. Panics when a length does not fit.
    pub fn overlaps(&self, state: &[u64], into: &mut [i64]) {
        assert!(state.len() == self.row_words && into.len() == self.count, "an overlap for each of {} patterns", self.count);
        for_this_popcount!(self, overlaps_avx512 or overlaps_avx2 or overlaps_portable(state, into));
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vpopcntdq,popcnt")]
    fn overlaps_avx512(&self, state: &[u64], into: &mut [i64]) {
        self.overlaps_portable(state, into);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,popcnt")]
    fn overlaps_avx2(&self, state: &[u64], into: &mut [i64]) {
        self.overlaps_portable(state, into);
    }

    #[inline(always)]
    fn overlaps_portable(&self, state: &[u64], into: &mut [i64]) {
        if let [state] = state {
            // Patterns of up to 64 signs, where the inner loop would be one turn long.
            for (overlap, row) in into.iter_mut().zip(&self.rows) {
                *overlap = self.dim as i64 - 2 * i64::from((row ^ state).count_ones());
            }
            return;
        }
        for (overlap, row) in into.iter_mut().zip(self.rows.chunks_exact(self.row_words)) {
            // Wrapping, for a check of every sum would keep wide registers out of the loop; a count of bits does not overflow.
            let different = row.iter().zip(state).fold(0u64, |sum, (a, b)| sum.wrapping_add(u64::from((a ^ b).count_ones())));
            *overlap = self.dim as i64 - 2 * different as i64;
        }
    }

    /// `sum_mu weight_mu` over the patterns whose sign at `unit` is +1, for weights in planes. Panics when the planes are not of these
    /// patterns.
    pub fn sum_where_positive(&self, unit: usize, planes: &Planes) -> i128 {
        let mut sum = [0];
        self.sums_where_positive(unit..unit + 1, planes, &mut sum);
        sum[0]
    }

    /// [`PackedPatterns::sum_where_positive`] at several units. Panics likewise, and unless there is a place for each.
    pub fn sums_where_positive(&self, units: Range<usize>, planes: &Planes, into: &mut [i128]) {
        assert!(planes.words == self.column_words && units.len() == into.len(), "planes of these patterns, and a sum for every unit");
        for_this_popcount!(self, sums_avx512 or sums_avx2 or sums_portable(units, planes, into));
    }

    /// Written out, for compilers carry the lanes from one register to another at every turn.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vpopcntdq,popcnt")]
    fn sums_avx512(&self, units: Range<usize>, planes: &Planes, into: &mut [i128]) {
        use std::arch::x86_64::{
            __m512i, _mm512_add_epi64 as add, _mm512_and_si512 as and, _mm512_loadu_si512, _mm512_popcnt_epi64 as count_ones,
            _mm512_reduce_add_epi64 as reduce, _mm512_setzero_si512 as zero,
        };
        if !planes.narrow {
            return self.sums_portable(units, planes, into);
        }
        // SAFETY: a group is as long as the register.
        let load = |group: &[u64; GROUP]| -> __m512i { unsafe { _mm512_loadu_si512(group.as_ptr().cast()) } };
        for (unit, into) in units.zip(into) {
            let (mut ones, mut sum) = (zero(), zero());
            for (at, column) in self.column(unit).as_chunks::<GROUP>().0.iter().enumerate() {
                let column = load(column);
                ones = add(ones, count_ones(column));
                // From the highest plane down, each time doubled.
                let mut of_group = zero();
                for plane in planes.bits.chunks_exact(planes.words).rev() {
                    of_group = add(add(of_group, of_group), count_ones(and(column, load(&plane.as_chunks::<GROUP>().0[at]))));
                }
                sum = add(sum, of_group);
            }
            let sum = i128::from(reduce(sum) as u64) << planes.shift;
            *into = i128::from(planes.least) * i128::from(reduce(ones)) + sum;
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,popcnt")]
    fn sums_avx2(&self, units: Range<usize>, planes: &Planes, into: &mut [i128]) {
        self.sums_portable(units, planes, into);
    }

    #[inline(always)]
    fn sums_portable(&self, units: Range<usize>, planes: &Planes, into: &mut [i128]) {
        // A loop, for what is called by a closure is not compiled for wide registers.
        for (unit, sum) in units.zip(into) {
            *sum = self.sum_portable(unit, planes);
        }
    }

    #[inline(always)]
    fn sum_portable(&self, unit: usize, planes: &Planes) -> i128 {
        let column = self.column(unit);
        let ones: u64 = column.iter().map(|word| u64::from(word.count_ones())).sum();
        let mut sum = 0;
        // In words the lanes are added up once; where they would overflow, plane by plane.
        let mut lanes = [0u64; GROUP];
        for (at, plane) in planes.bits.chunks_exact(planes.words).enumerate() {
            let by = if planes.narrow { at as u32 } else { 0 };
            for (column, plane) in column.as_chunks::<GROUP>().0.iter().zip(plane.as_chunks::<GROUP>().0) {
                for lane in 0..GROUP {
                    lanes[lane] = lanes[lane].wrapping_add(u64::from((column[lane] & plane[lane]).count_ones()) << by);
                }
            }
            if !planes.narrow {
                sum += i128::from(lanes.iter().sum::<u64>()) << at;
                lanes = [0; GROUP];
            }
        }
        sum += i128::from(lanes.iter().sum::<u64>());
        i128::from(planes.least) * i128::from(ones) + (sum << planes.shift)
    }
}

/// A whole number per pattern, cut into planes of bits: `weight = least + sum_b 2^(shift + b) plane_b`.
#[derive(Debug, Clone)]
pub struct Planes {
    least: i64,
    shift: u32,
    words: usize,
    bits: Vec<u64>,
    /// Whether the sum of all weights, less the least each and without the shift, fits 64 bits.
    narrow: bool,
}

impl Planes {
    /// The planes of one weight per pattern; at least one weight.
    pub fn new(weights: &[i64]) -> Self {
        let mut planes = Self { least: 0, shift: 0, words: 0, bits: Vec::new(), narrow: true };
        planes.fill(weights);
        planes
    }

    /// Takes other weights, reusing the memory.
    pub fn fill(&mut self, weights: &[i64]) {
        self.least = weights.iter().copied().min().unwrap_or(0);
        let seen = weights.iter().fold(0u64, |seen, weight| seen | weight.wrapping_sub(self.least) as u64);
        // What is even for all weights needs no plane.
        self.shift = if seen == 0 { 0 } else { seen.trailing_zeros() };
        let count = (u64::BITS - seen.leading_zeros()).saturating_sub(self.shift) as usize;
        self.words = weights.len().div_ceil(64 * GROUP) * GROUP;
        self.narrow = count as u32 + (u64::BITS - (weights.len() as u64).leading_zeros()) <= u64::BITS;
        self.bits.clear();
        self.bits.resize(count * self.words, 0);
        for (word, weights) in weights.chunks(64).enumerate() {
            for (at, weight) in weights.iter().enumerate() {
                let mut rest = (weight.wrapping_sub(self.least) as u64) >> self.shift;
                while rest != 0 {
                    let plane = rest.trailing_zeros() as usize;
                    self.bits[plane * self.words + word] |= 1 << at;
                    rest &= rest - 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    fn signs(n: usize, name: &str) -> Vec<i8> {
        let mut generator = Generator::new(3, name);
        (0..n).map(|_| if generator.symmetric(1.0) < 0.0 { -1 } else { 1 }).collect()
    }

    #[test]
    fn overlaps_and_sums_are_those_of_the_definition() {
        for (count, dim) in [(70, 192), (1, 5), (600, 64), (129, 65)] {
            let (patterns, state) = (signs(count * dim, "patterns"), signs(dim, "state"));
            let packed = PackedPatterns::new(&patterns, dim);
            let (mut found, mut portable) = (vec![0; count], vec![0; count]);
            packed.overlaps(&pack(&state), &mut found);
            packed.overlaps_portable(&pack(&state), &mut portable);
            let product = |row: &[i8]| row.iter().zip(&state).map(|(a, b)| i64::from(a * b)).sum::<i64>();
            let expected: Vec<i64> = patterns.chunks(dim).map(product).collect();
            assert_eq!((&found, &portable), (&expected, &expected));

            // Weights of both signs, with and without a common factor, and such as 64 bits do not hold the sum of.
            let cubes = found.iter().map(|m| m * m * m - 7).collect::<Vec<i64>>();
            let large = found.iter().enumerate().map(|(at, m)| if at % 2 == 0 { i64::MAX / 2 - m } else { i64::MIN / 2 + m }).collect();
            for weights in [cubes, found.iter().map(|m| 8 * m).collect(), large] {
                let planes = Planes::new(&weights);
                for unit in [0, dim / 2, dim - 1] {
                    let sum = |(row, weight): (&[i8], &i64)| if row[unit] > 0 { i128::from(*weight) } else { 0 };
                    let expected: i128 = patterns.chunks(dim).zip(&weights).map(sum).sum();
                    assert_eq!(packed.sum_where_positive(unit, &planes), expected);
                    assert_eq!(packed.sum_portable(unit, &planes), expected);
                    let mut sums = vec![0; dim - unit];
                    packed.sums_where_positive(unit..dim, &planes, &mut sums);
                    assert_eq!(sums[0], expected);
                }
            }
        }
    }

    #[test]
    fn signs_come_back_out_of_the_bits() {
        let signs = signs(70, "signs");
        let packed = pack(&signs);
        assert!((0..70).all(|at| sign(&packed, at) == i64::from(signs[at])));
        let patterns = PackedPatterns::new(&signs, 35);
        assert_eq!((patterns.count(), patterns.dim(), patterns.row(1)), (2, 35, pack(&signs[35..]).as_slice()));
        assert_eq!(patterns.column(3)[0], u64::from(signs[3] > 0) | u64::from(signs[38] > 0) << 1);
    }
}
