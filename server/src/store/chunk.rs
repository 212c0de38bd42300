//! A chunk: up to 512 points of one series in one row, with what reduction needs beside them.

use super::StoreError;

/// Points per chunk. Small enough that rewriting the open one costs little, large enough that a million points are 2,000 rows.
pub(crate) const CHUNK_POINTS: usize = 512;

/// A stored point: step, time and the value, whose bits are never changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredPoint {
    pub step: i64,
    pub time_ms: i64,
    pub value: f64,
}

impl PartialEq for StoredPoint {
    fn eq(&self, other: &Self) -> bool {
        self.step == other.step && self.value.to_bits() == other.value.to_bits()
    }
}

/// A chunk as its row has it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct ChunkRow {
    pub series: i64,
    pub chunk: i64,
    pub count: i64,
    pub first_step: i64,
    pub first_time_ms: i64,
    pub first_bits: i64,
    pub last_step: i64,
    pub last_time_ms: i64,
    pub last_bits: i64,
    pub min_step: Option<i64>,
    pub min_time_ms: Option<i64>,
    pub min_bits: Option<i64>,
    pub max_step: Option<i64>,
    pub max_time_ms: Option<i64>,
    pub max_bits: Option<i64>,
    pub nan_step: Option<i64>,
    pub nan_time_ms: Option<i64>,
}

/// The columns of [`ChunkRow`].
pub(crate) const SUMMARY_COLUMNS: &str = "series, chunk, count, first_step, first_time_ms, first_bits, last_step, last_time_ms, last_bits, \
    min_step, min_time_ms, min_bits, max_step, max_time_ms, max_bits, nan_step, nan_time_ms";

/// What a bucket keeps of its points: first, last, least, greatest, and the first NaN.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extremes {
    pub first: Option<StoredPoint>,
    pub last: Option<StoredPoint>,
    pub min: Option<StoredPoint>,
    pub max: Option<StoredPoint>,
    pub nan: Option<StoredPoint>,
}

impl Extremes {
    /// The extremes of these points.
    pub fn of(points: &[StoredPoint]) -> Self {
        let mut extremes = Self::default();
        points.iter().for_each(|point| extremes.add(*point));
        extremes
    }

    /// Takes in one later point.
    pub fn add(&mut self, point: StoredPoint) {
        self.first.get_or_insert(point);
        self.last = Some(point);
        if point.value.is_nan() {
            self.nan.get_or_insert(point);
            return;
        }
        if self.min.is_none_or(|least| point.value < least.value) {
            self.min = Some(point);
        }
        if self.max.is_none_or(|most| point.value > most.value) {
            self.max = Some(point);
        }
    }

    /// Takes in the extremes of later points.
    pub fn merge(&mut self, later: &Self) {
        self.first = self.first.or(later.first);
        self.last = later.last.or(self.last);
        self.nan = self.nan.or(later.nan);
        if let Some(least) = later.min
            && self.min.is_none_or(|own| least.value < own.value)
        {
            self.min = Some(least);
        }
        if let Some(most) = later.max
            && self.max.is_none_or(|own| most.value > own.value)
        {
            self.max = Some(most);
        }
    }

    /// The kept points by ascending step, each once.
    pub fn points(&self) -> Vec<StoredPoint> {
        let mut points: Vec<_> = [self.first, self.min, self.max, self.nan, self.last].into_iter().flatten().collect();
        points.sort_by_key(|point| point.step);
        points.dedup_by_key(|point| point.step);
        points
    }
}

impl ChunkRow {
    /// The row of these points; `points` must not be empty.
    pub fn of(series: i64, chunk: i64, points: &[StoredPoint]) -> Option<Self> {
        let Extremes { first, last, min, max, nan } = Extremes::of(points);
        let (first, last) = (first?, last?);
        let bits = |point: StoredPoint| point.value.to_bits() as i64;
        Some(Self {
            series,
            chunk,
            count: points.len() as i64,
            first_step: first.step,
            first_time_ms: first.time_ms,
            first_bits: bits(first),
            last_step: last.step,
            last_time_ms: last.time_ms,
            last_bits: bits(last),
            min_step: min.map(|point| point.step),
            min_time_ms: min.map(|point| point.time_ms),
            min_bits: min.map(bits),
            max_step: max.map(|point| point.step),
            max_time_ms: max.map(|point| point.time_ms),
            max_bits: max.map(bits),
            nan_step: nan.map(|point| point.step),
            nan_time_ms: nan.map(|point| point.time_ms),
        })
    }

    /// What reduction needs, without opening the data.
    pub fn extremes(&self) -> Extremes {
        let point = |step, time_ms, bits: i64| StoredPoint { step, time_ms, value: f64::from_bits(bits as u64) };
        let maybe = |step: Option<i64>, time_ms: Option<i64>, bits: Option<i64>| Some(point(step?, time_ms?, bits?));
        Extremes {
            first: Some(point(self.first_step, self.first_time_ms, self.first_bits)),
            last: Some(point(self.last_step, self.last_time_ms, self.last_bits)),
            min: maybe(self.min_step, self.min_time_ms, self.min_bits),
            max: maybe(self.max_step, self.max_time_ms, self.max_bits),
            nan: maybe(self.nan_step, self.nan_time_ms, Some(f64::NAN.to_bits() as i64)),
        }
    }
}

/// The points as a blob: all steps, then all times, then all values, 8 bytes each, little endian.
pub(crate) fn encode(points: &[StoredPoint]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(points.len() * 24);
    points.iter().for_each(|point| bytes.extend(point.step.to_le_bytes()));
    points.iter().for_each(|point| bytes.extend(point.time_ms.to_le_bytes()));
    points.iter().for_each(|point| bytes.extend(point.value.to_bits().to_le_bytes()));
    bytes
}

/// Reads what [`encode`] wrote.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<StoredPoint>, StoreError> {
    let (words, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() || words.len() % 3 != 0 {
        return Err(StoreError::Damaged(format!("a chunk of points has {} bytes", bytes.len())));
    }
    let count = words.len() / 3;
    let points = (0..count).map(|i| StoredPoint {
        step: i64::from_le_bytes(words[i]),
        time_ms: i64::from_le_bytes(words[count + i]),
        value: f64::from_bits(u64::from_le_bytes(words[2 * count + i])),
    });
    Ok(points.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_keep_their_bits_and_their_spikes() {
        let values = [0.5, -0.0, f64::NAN, f64::INFINITY, 5e-324, -3.0];
        let points: Vec<_> =
            values.iter().enumerate().map(|(i, value)| StoredPoint { step: i as i64, time_ms: 7, value: *value }).collect();
        assert_eq!(decode(&encode(&points)).unwrap(), points);
        let row = ChunkRow::of(0, 0, &points).unwrap();
        let steps: Vec<_> = row.extremes().points().iter().map(|point| point.step).collect();
        assert_eq!(steps, [0, 2, 3, 5]);
        assert!(decode(&[0; 16]).is_err());
    }

    #[test]
    fn merging_equals_taking_all_at_once() {
        let points: Vec<_> = (0..100).map(|i| StoredPoint { step: i, time_ms: i, value: ((i * 37) % 101) as f64 }).collect();
        let mut merged = Extremes::of(&points[..40]);
        merged.merge(&Extremes::of(&points[40..]));
        assert_eq!(merged.points(), Extremes::of(&points).points());
    }
}
