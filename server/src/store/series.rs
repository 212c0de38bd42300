//! Reading points: every one of them, or reduced so that no spike vanishes.

use super::{
    Store, StoreError,
    chunk::{self, CHUNK_POINTS, ChunkRow, Extremes, SUMMARY_COLUMNS, StoredPoint},
    on_each, recent,
};
use serde::Deserialize;
use sqlx::QueryBuilder;
use std::collections::HashMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// Points of a series at least, however many series share a total.
const LEAST_POINTS: usize = 8;

/// Which points of a run are wanted.
#[derive(Debug, Clone, Default)]
pub struct Window {
    /// Metric names; empty for all.
    pub names: Vec<String>,
    /// Arms, `""` for the whole run; empty for all.
    pub arms: Vec<String>,
    /// First step wanted.
    pub from_step: Option<i64>,
    /// Last step wanted.
    pub to_step: Option<i64>,
    /// About how many points a series should have; 0 for every point.
    pub points: usize,
    /// About how many points all series should have together.
    pub total_points: Option<usize>,
    /// How buckets are spaced.
    pub spacing: Spacing,
}

/// How the points that stay are spread over a series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Spacing {
    /// Every bucket has as many points as the others.
    #[default]
    Linear,
    /// Every bucket has the same ratio of its last step to its first.
    Log,
}

/// The points of one series.
#[derive(Debug)]
pub struct SeriesPoints {
    /// Metric name.
    pub name: String,
    /// Arm; `None` for the whole run.
    pub arm: Option<String>,
    /// Points within the window before reduction.
    pub count: i64,
    /// Whether points were left out.
    pub downsampled: bool,
    pub(crate) points: Vec<StoredPoint>,
}

impl SeriesPoints {
    /// The steps of the points read.
    pub fn steps(&self) -> impl Iterator<Item = i64> + '_ {
        self.points.iter().map(|point| point.step)
    }

    /// When each was made, ms since 1970.
    pub fn times(&self) -> impl Iterator<Item = i64> + '_ {
        self.points.iter().map(|point| point.time_ms)
    }

    /// Their values.
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.points.iter().map(|point| point.value)
    }
}

impl Store {
    /// The points of a run within `window`, and the number of the last event they reflect, read in one snapshot.
    pub async fn read_series(&self, run_id: Uuid, window: &Window) -> Result<Option<(i64, Vec<SeriesPoints>)>, StoreError> {
        on_each!(self, read, pool => {
            let mut tx = pool.begin().await?;
            // One snapshot for all three reads: SQLite gives it to any transaction, PostgreSQL on request.
            if matches!(self.database, super::Database::Postgres(_)) {
                sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut *tx).await?;
            }
            let last_seq: Option<i64> = sqlx::query_scalar("SELECT last_seq FROM runs WHERE id = $1").bind(run_id).fetch_optional(&mut *tx).await?;
            let Some(last_seq) = last_seq else { return Ok(None) };
            let all: Vec<(i64, String, String)> = sqlx::query_as("SELECT number, name, arm FROM series WHERE run_id = $1 ORDER BY number")
                .bind(run_id).fetch_all(&mut *tx).await?;
            let recent: Vec<Vec<u8>> = sqlx::query_scalar(recent::LIST).bind(run_id).fetch_all(&mut *tx).await?;
            let mut recent = recent::by_series(&recent)?;
            let wanted: Vec<_> = all.into_iter().filter(|(_, name, arm)| window.wants(name, arm)).collect();
            let points = window.points_each(wanted.len());
            let mut found = Vec::new();
            for (number, name, arm) in wanted {
                let mut query = QueryBuilder::new("SELECT ");
                query.push(SUMMARY_COLUMNS).push(" FROM chunks WHERE run_id = ").push_bind(run_id).push(" AND series = ").push_bind(number);
                if let Some(from) = window.from_step { query.push(" AND last_step >= ").push_bind(from); }
                if let Some(to) = window.to_step { query.push(" AND first_step <= ").push_bind(to); }
                query.push(" ORDER BY chunk");
                let mut rows: Vec<ChunkRow> = query.build_query_as().fetch_all(&mut *tx).await?;
                let mut opened: HashMap<i64, Vec<StoredPoint>> = HashMap::new();
                if let Some(recent) = recent.remove(&number) {
                    let open: Option<(i64, Vec<u8>)> =
                        sqlx::query_as(recent::OPEN_CHUNK).bind(run_id).bind(number).fetch_optional(&mut *tx).await?;
                    // The chunks that folding would make, so that what is read does not depend on when that happens.
                    for (chunk, points) in recent::chunks_after(open, recent)? {
                        let Some(row) = ChunkRow::of(number, chunk, &points).filter(|row| window.meets(row)) else { continue };
                        rows.retain(|other| other.chunk != chunk);
                        rows.push(row);
                        opened.insert(chunk, points.into_iter().filter(|point| window.holds(point.step)).collect());
                    }
                }
                let plan = Plan::new(rows, window, points);
                let closed: Vec<i64> = plan.chunks_to_open().into_iter().filter(|chunk| !opened.contains_key(chunk)).collect();
                for span in closed.chunk_by(|a, b| a + 1 == *b) {
                    let (Some(first), Some(last)) = (span.first(), span.last()) else { continue };
                    let data: Vec<(i64, Vec<u8>)> = sqlx::query_as(
                        "SELECT chunk, data FROM chunks WHERE run_id = $1 AND series = $2 AND chunk >= $3 AND chunk <= $4 ORDER BY chunk")
                        .bind(run_id).bind(number).bind(first).bind(last).fetch_all(&mut *tx).await?;
                    for (chunk, data) in data {
                        let points = chunk::decode(&data)?.into_iter().filter(|point| window.holds(point.step)).collect();
                        opened.insert(chunk, points);
                    }
                }
                let (count, points) = plan.reduce(&opened);
                let arm = (!arm.is_empty()).then_some(arm);
                found.push(SeriesPoints { name, arm, count: count as i64, downsampled: points.len() < count, points });
            }
            Ok(Some((last_seq, found)))
        })
    }
}

impl Window {
    fn wants(&self, name: &String, arm: &String) -> bool {
        (self.names.is_empty() || self.names.contains(name)) && (self.arms.is_empty() || self.arms.contains(arm))
    }

    /// About how many points each of so many series should have.
    fn points_each(&self, series: usize) -> usize {
        match self.total_points {
            Some(total) if self.points > 0 => self.points.min((total / series.max(1)).max(LEAST_POINTS)),
            _ => self.points,
        }
    }

    /// Whether some point of the chunk may lie inside.
    fn meets(&self, row: &ChunkRow) -> bool {
        self.from_step.is_none_or(|from| row.last_step >= from) && self.to_step.is_none_or(|to| row.first_step <= to)
    }

    fn holds(&self, step: i64) -> bool {
        self.from_step.is_none_or(|from| step >= from) && self.to_step.is_none_or(|to| step <= to)
    }
}

/// How the points of one series are reduced. Buckets of more than a chunk are whole numbers of chunks, so that only the chunks cut by
/// the window are opened: their points become buckets of their own.
struct Plan {
    rows: Vec<ChunkRow>,
    /// Whether a row is wholly inside the window.
    whole: Vec<bool>,
    bucket: Bucket,
}

#[derive(Clone, Copy, PartialEq)]
enum Bucket {
    EveryPoint,
    Points(usize),
    Chunks(usize),
    Log(LogBuckets),
}

/// Buckets of equal length on a logarithmic axis of steps.
#[derive(Clone, Copy, PartialEq)]
struct LogBuckets {
    /// Steps below this have a bucket of their own.
    from: f64,
    /// Buckets for each unit of the natural logarithm.
    density: f64,
}

impl LogBuckets {
    /// About `buckets` of them from the first to the last step.
    fn new(first: i64, last: i64, buckets: usize) -> Self {
        let from = first.max(1) as f64;
        Self { from, density: buckets as f64 / (last as f64 / from).ln().max(1e-9) }
    }

    fn of(&self, step: i64) -> i64 {
        let step = step as f64;
        if step < self.from { -1 } else { ((step / self.from).ln() * self.density) as i64 }
    }
}

impl Plan {
    fn new(rows: Vec<ChunkRow>, window: &Window, points: usize) -> Self {
        let whole = rows.iter().map(|row| window.holds(row.first_step) && window.holds(row.last_step)).collect();
        let count: usize = rows.iter().map(|row| row.count as usize).sum();
        let buckets = (points / 4).max(1);
        let size = count.div_ceil(buckets);
        let bucket = match (rows.first(), rows.last()) {
            _ if points == 0 || count <= points => Bucket::EveryPoint,
            (Some(first), Some(last)) if window.spacing == Spacing::Log => {
                let first = first.first_step.max(window.from_step.unwrap_or(0));
                Bucket::Log(LogBuckets::new(first, last.last_step.min(window.to_step.unwrap_or(i64::MAX)), buckets))
            }
            _ if size < CHUNK_POINTS => Bucket::Points(size.max(1)),
            _ => Bucket::Chunks(size.div_ceil(CHUNK_POINTS)),
        };
        Self { rows, whole, bucket }
    }

    fn chunks_to_open(&self) -> Vec<i64> {
        let opens = |(row, whole): &(&ChunkRow, &bool)| match self.bucket {
            Bucket::EveryPoint | Bucket::Points(_) => true,
            Bucket::Chunks(_) => !**whole,
            Bucket::Log(log) => !**whole || log.of(row.first_step) != log.of(row.last_step),
        };
        self.rows.iter().zip(&self.whole).filter(opens).map(|(row, _)| row.chunk).collect()
    }

    /// The number of points in the window and those that are kept.
    fn reduce(&self, opened: &HashMap<i64, Vec<StoredPoint>>) -> (usize, Vec<StoredPoint>) {
        let points_of = |row: &ChunkRow| opened.get(&row.chunk).map_or(&[][..], Vec::as_slice);
        match self.bucket {
            Bucket::Chunks(size) => {
                // Buckets begin at multiples of their size, so that a growing series keeps its earlier buckets.
                let rows: Vec<_> = self.rows.iter().zip(&self.whole).collect();
                let (mut count, mut kept) = (0, Vec::new());
                for bucket in rows.chunk_by(|(a, _), (b, _)| a.chunk / size as i64 == b.chunk / size as i64) {
                    let mut extremes = Extremes::default();
                    for (row, whole) in bucket {
                        let (part, points) = if **whole {
                            (row.extremes(), row.count as usize)
                        } else {
                            (Extremes::of(points_of(row)), points_of(row).len())
                        };
                        extremes.merge(&part);
                        count += points;
                    }
                    kept.extend(extremes.points());
                }
                (count, kept)
            }
            Bucket::Log(log) => {
                let (mut count, mut kept) = (0, Vec::new());
                let (mut bucket, mut extremes) = (None, Extremes::default());
                let mut take = |step: i64, part: Extremes| {
                    if bucket.replace(log.of(step)).is_some_and(|before| before != log.of(step)) {
                        kept.extend(std::mem::take(&mut extremes).points());
                    }
                    extremes.merge(&part);
                };
                for (row, whole) in self.rows.iter().zip(&self.whole) {
                    if *whole && log.of(row.first_step) == log.of(row.last_step) {
                        count += row.count as usize;
                        take(row.first_step, row.extremes());
                        continue;
                    }
                    count += points_of(row).len();
                    points_of(row).iter().for_each(|point| take(point.step, Extremes::of(std::slice::from_ref(point))));
                }
                kept.extend(extremes.points());
                (count, kept)
            }
            Bucket::EveryPoint => {
                let points: Vec<_> = self.rows.iter().flat_map(&points_of).copied().collect();
                (points.len(), points)
            }
            Bucket::Points(size) => {
                let points: Vec<_> = self.rows.iter().flat_map(&points_of).copied().collect();
                let kept = points.chunks(size).flat_map(|bucket| Extremes::of(bucket).points()).collect();
                (points.len(), kept)
            }
        }
    }
}
