//! Checkpoints: what the database knows of them, and which are kept. Their bytes lie in the object store.
//!
//! A run that has not ended keeps the newest two, from which it goes on. Others are kept as long as there is room, spread over each run, so
//! that a fork can begin in its middle.

use super::{Store, StoreError, in_transaction, lifecycle::ChangeError, on_each};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A stored checkpoint.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CheckpointRow {
    /// Its id, part of its place in the object store.
    pub id: Uuid,
    /// First ordinal that a run resumed from it sends.
    pub next_ordinal: i64,
    /// Steps done.
    pub step: i64,
    /// Size.
    pub bytes: i64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// The version that wrote it.
    pub engram_version: String,
    /// When it was stored.
    pub created_at_ms: i64,
}

/// What deciding over checkpoints needs of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Kept {
    pub run_id: Uuid,
    pub id: Uuid,
    pub step: i64,
    pub bytes: i64,
    /// Whether its run has ended.
    pub ended: bool,
}

/// Checkpoints that a run which has not ended keeps in any case: the newest.
const NEEDED: usize = 2;
/// Others of one run that are kept at most, however much room there is.
const MOST_SPARE: usize = 32;
/// When room is short, runs are thinned to so many spare ones, the oldest runs first; then to fewer.
const THINNED_TO: [usize; 6] = [16, 8, 4, 2, 1, 0];

const COLUMNS: &str = "id, next_ordinal, step, bytes, sha256, engram_version, created_at_ms";
pub(super) const INSERT_CHECKPOINT: &str = "INSERT INTO checkpoints (id, run_id, next_ordinal, step, bytes, sha256, engram_version, created_at_ms) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

impl Store {
    /// Makes a stored checkpoint current; returns those that are no longer kept, whose bytes may go. Beside the newest two older ones stay,
    /// spread over the run, if `keeps_spare`. `Ok(Err(expected))` where items below its ordinal are still missing.
    pub async fn add_checkpoint(
        &self,
        run_id: Uuid,
        lease_token: Uuid,
        row: &CheckpointRow,
        keeps_spare: bool,
    ) -> Result<Result<Vec<Uuid>, u64>, ChangeError> {
        const LOCK: &str = "UPDATE runs SET last_seq = last_seq WHERE id = $1 AND lease_token = $2 RETURNING next_ordinal";
        const ALL: &str = "SELECT run_id, id, step, bytes, 1 = 0 AS ended FROM checkpoints WHERE run_id = $1 ORDER BY id";
        Ok(in_transaction!(self, tx => {
            let expected: Option<i64> = sqlx::query_scalar(LOCK).bind(run_id).bind(lease_token).fetch_optional(&mut *tx).await?;
            let Some(expected) = expected else { return Err(ChangeError::LeaseLost(run_id)) };
            if row.next_ordinal > expected {
                return Ok(Err(expected as u64));
            }
            sqlx::query(INSERT_CHECKPOINT).bind(row.id).bind(run_id).bind(row.next_ordinal).bind(row.step).bind(row.bytes).bind(&row.sha256)
                .bind(&row.engram_version).bind(row.created_at_ms).execute(&mut *tx).await?;
            let all: Vec<Kept> = sqlx::query_as(ALL).bind(run_id).fetch_all(&mut *tx).await?;
            let old = crowded_out(all, if keeps_spare { MOST_SPARE } else { 0 }, |_| true);
            for checkpoint in &old {
                sqlx::query("DELETE FROM checkpoints WHERE id = $1").bind(checkpoint.id).execute(&mut *tx).await?;
            }
            Ok(old.into_iter().map(|checkpoint| checkpoint.id).collect())
        }))
    }

    /// The newest checkpoint of a run.
    pub async fn find_checkpoint(&self, run_id: Uuid) -> Result<Option<CheckpointRow>, StoreError> {
        Ok(self.list_checkpoints(run_id).await?.into_iter().next_back())
    }

    /// The checkpoints of a run, oldest first.
    pub async fn list_checkpoints(&self, run_id: Uuid) -> Result<Vec<CheckpointRow>, StoreError> {
        Ok(on_each!(self, read, pool => {
            let mut query = sqlx::QueryBuilder::new("SELECT ");
            query.push(COLUMNS).push(" FROM checkpoints WHERE run_id = ").push_bind(run_id).push(" ORDER BY id");
            query.build_query_as().fetch_all(pool).await
        })?)
    }

    /// Checkpoints that there is no room for in `room_bytes`, as (run, checkpoint). Those that a run needs to go on never are.
    pub async fn list_surplus_checkpoints(&self, room_bytes: i64) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
        const TOTAL: &str = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM checkpoints";
        const ALL: &str = "SELECT c.run_id, c.id, c.step, c.bytes, r.status IN ('succeeded', 'failed', 'cancelled') AS ended \
            FROM checkpoints c JOIN runs r ON r.id = c.run_id ORDER BY c.run_id, c.id";
        let total: i64 = on_each!(self, read, pool => sqlx::query_scalar(TOTAL).fetch_one(pool).await)?;
        if total <= room_bytes {
            return Ok(Vec::new());
        }
        let all: Vec<Kept> = on_each!(self, read, pool => sqlx::query_as(ALL).fetch_all(pool).await)?;
        Ok(surplus(all, room_bytes).into_iter().map(|checkpoint| (checkpoint.run_id, checkpoint.id)).collect())
    }

    /// Forgets a checkpoint whose bytes are gone.
    pub async fn forget_checkpoint(&self, id: Uuid) -> Result<(), StoreError> {
        on_each!(self, write, pool => sqlx::query("DELETE FROM checkpoints WHERE id = $1").bind(id).execute(pool).await.map(drop))?;
        Ok(())
    }
}

/// Those of one run, oldest first, that go when it keeps at most `most` beside the newest it needs, while `goes_on` says that more must go.
/// What stays is spread over the run: each time the one goes whose neighbours are closest together, of equal ones the older.
fn crowded_out(all: Vec<Kept>, most: usize, mut goes_on: impl FnMut(&Kept) -> bool) -> Vec<Kept> {
    let needed = if all.first().is_some_and(|first| first.ended) { 0 } else { NEEDED };
    let mut kept = all;
    let mut gone = Vec::new();
    while kept.len() > needed + most {
        let spare = kept.len() - needed;
        let gap = |at: usize| {
            let before = if at == 0 { 0 } else { kept[at - 1].step };
            kept.get(at + 1).map_or(i64::MAX, |after| after.step - before)
        };
        let Some(at) = (0..spare).min_by_key(|at| gap(*at)) else { break };
        let next = kept.remove(at);
        let more = goes_on(&next);
        gone.push(next);
        if !more {
            break;
        }
    }
    gone
}

/// What has to go so that `all`, ordered by run and then by age, fits into `room_bytes`, as far as that can be.
fn surplus(all: Vec<Kept>, room_bytes: i64) -> Vec<Kept> {
    let mut total: i64 = all.iter().map(|checkpoint| checkpoint.bytes).sum();
    // Ids ascend as runs are made.
    let mut runs: BTreeMap<Uuid, Vec<Kept>> = BTreeMap::new();
    all.into_iter().for_each(|checkpoint| runs.entry(checkpoint.run_id).or_default().push(checkpoint));
    let mut gone: Vec<Kept> = Vec::new();
    for most in THINNED_TO {
        for kept in runs.values_mut() {
            if total <= room_bytes {
                return gone;
            }
            let out = crowded_out(kept.clone(), most, |checkpoint| {
                total -= checkpoint.bytes;
                total > room_bytes
            });
            kept.retain(|checkpoint| !out.contains(checkpoint));
            gone.extend(out);
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: u128, steps: impl IntoIterator<Item = i64>, bytes: i64, ended: bool) -> Vec<Kept> {
        let one =
            |step: i64| Kept { run_id: Uuid::from_u128(number), id: Uuid::from_u128(number << 64 | step as u128), step, bytes, ended };
        steps.into_iter().map(one).collect()
    }

    fn steps(all: &[Kept], gone: &[Kept]) -> Vec<i64> {
        all.iter().filter(|checkpoint| !gone.contains(checkpoint)).map(|checkpoint| checkpoint.step).collect()
    }

    #[test]
    fn what_stays_of_a_long_run_is_spread_over_it() {
        let mut kept: Vec<Kept> = Vec::new();
        for checkpoint in run(1, (1..=1_000).map(|t| 10 * t), 1, false) {
            kept.push(checkpoint);
            let gone = crowded_out(kept.clone(), 8, |_| true);
            kept.retain(|checkpoint| !gone.contains(checkpoint));
        }
        let steps: Vec<i64> = kept.iter().map(|checkpoint| checkpoint.step).collect();
        assert_eq!(steps.len(), 10);
        assert_eq!(steps[8..], [9_990, 10_000], "the newest two");
        let gaps: Vec<i64> = [0].iter().chain(&steps[..8]).zip(&steps[..8]).map(|(before, after)| after - before).collect();
        let (least, most) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
        assert!(*most <= 5 * least && *most < 3_000, "{steps:?}");
    }

    #[test]
    fn the_oldest_runs_are_thinned_first_and_nothing_goes_while_there_is_room() {
        let all = [run(1, 1..=20, 10, true), run(2, 1..=20, 10, true)].concat();
        assert!(surplus(all.clone(), 400).is_empty());
        let gone = surplus(all.clone(), 380);
        assert_eq!(gone.len(), 2);
        assert!(gone.iter().all(|checkpoint| checkpoint.run_id == Uuid::from_u128(1)));
        let gone = surplus(all.clone(), 300);
        let of = |number: u128| gone.iter().filter(|checkpoint| checkpoint.run_id == Uuid::from_u128(number)).count();
        assert_eq!((of(1), of(2)), (6, 4), "both down to 16, then the older to 14");
        assert_eq!(surplus(all, 0).len(), 40);
    }

    #[test]
    fn what_a_run_needs_to_go_on_never_goes() {
        let all = [run(1, 1..=6, 10, false), run(2, [5], 10, false), run(3, [1, 2], 10, true)].concat();
        let gone = surplus(all.clone(), 0);
        assert_eq!(steps(&all, &gone), [5, 6, 5], "the newest two of those that go on, none of the ended one");
        let gone = surplus(all.clone(), 75);
        assert_eq!(steps(&all, &gone).len(), 7);
    }
}
