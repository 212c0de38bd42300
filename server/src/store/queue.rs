//! The queue: who is served next, and how leases begin and lapse.

use super::{
    RunStatus, Store, StoreError,
    events::{Event, NewEvents, WriteEvents},
    in_transaction, on_each,
};
use serde_json::{Map, Value};
use uuid::Uuid;
use worker::protocol::{CheckpointInfo, LEASE_MS, Lease};

/// Leases in a row that may end by a worker's death without a newer checkpoint before the run fails.
const DEATHS_ALLOWED: i64 = 3;

/// Higher priority first; within a priority the owner served longest ago; in an owner's turn the oldest run. Runs of a sweep that has as
/// many running as it may wait.
macro_rules! next {
    ($lock:literal) => {
        concat!(
            "SELECT r.id, r.sweep_id FROM runs r LEFT JOIN owners o ON o.name = r.created_by \
             WHERE r.status = 'queued' AND replace($1, '|' || r.device || '|', '') <> $1 AND (r.sweep_id IS NULL OR r.sweep_id NOT IN ( \
                 SELECT s.id FROM runs b JOIN sweeps s ON s.id = b.sweep_id WHERE b.status = 'running' AND s.max_parallel IS NOT NULL \
                 GROUP BY s.id, s.max_parallel HAVING COUNT(*) >= s.max_parallel)) \
             ORDER BY r.priority DESC, COALESCE(o.last_turn, 0), r.id LIMIT 1",
            $lock
        )
    };
}
const NEXT: &str = next!("");
const NEXT_POSTGRES: &str = next!(" FOR UPDATE OF r SKIP LOCKED");

/// What a look into the queue found.
enum Next {
    Taken(Uuid, Box<Leased>, NewEvents),
    Nothing,
    /// Another server took a run of the same sweep meanwhile, and the sweep has as many running as it may.
    SweepFull,
}

#[derive(sqlx::FromRow)]
struct Leased {
    experiment: String,
    config: String,
    seed: i64,
    device: String,
    created_by: String,
    attempt: i64,
    last_seq: i64,
    forked_step: Option<i64>,
}

/// A run whose lease ends without the worker saying so.
#[derive(sqlx::FromRow)]
struct Orphan {
    id: Uuid,
    attempt: i64,
    last_seq: i64,
    requested: Option<String>,
    deaths: i64,
    lease_ordinal: i64,
    lease_token: Option<Uuid>,
}

/// Why a lease ends without the worker saying so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lapse {
    /// The worker was seen to die.
    Died,
    /// It has not called for too long; forgiven if it calls again.
    Silent,
    /// The server that supervised it was restarted.
    ServerRestarted,
}

impl Store {
    /// Leases the next run that one of `devices` can do; `None` where nothing waits.
    pub async fn lease_run(&self, worker_id: Uuid, devices: &[String], now_ms: i64) -> Result<Option<Lease>, StoreError> {
        let mut offered = "|auto|".to_owned();
        for device in devices {
            offered.push_str(&format!("{device}|"));
            if device.starts_with("cuda:") {
                offered.push_str("cuda|");
            }
        }
        let lease_token = Uuid::new_v4();
        let (run_id, leased, events) = loop {
            match self.take_next(worker_id, lease_token, &offered, now_ms).await? {
                Next::Taken(run_id, leased, events) => break (run_id, leased, events),
                Next::Nothing => return Ok(None),
                // Then another lease was given, so this ends; the next look leaves that sweep out.
                Next::SweepFull => {}
            }
        };
        self.live.tell(events.told());
        let config: Map<String, Value> =
            serde_json::from_str(&leased.config).map_err(|error| StoreError::Damaged(format!("config of run {run_id}: {error}")))?;
        let checkpoint = self.find_checkpoint(run_id).await?.map(|row| CheckpointInfo {
            next_ordinal: row.next_ordinal as u64,
            step: row.step as u64,
            bytes: row.bytes as u64,
            sha256: row.sha256,
            engram_version: row.engram_version,
        });
        Ok(Some(Lease {
            run_id,
            lease_token,
            experiment: leased.experiment,
            config,
            seed: leased.seed as u64,
            device: leased.device,
            attempt: leased.attempt as u64,
            checkpoint,
            forked_step: leased.forked_step.map(|step| step as u64),
        }))
    }

    /// Takes the next run in one transaction.
    async fn take_next(&self, worker_id: Uuid, lease_token: Uuid, offered: &str, now_ms: i64) -> Result<Next, StoreError> {
        const LOCK_SWEEP: &str = "SELECT max_parallel FROM sweeps WHERE id = $1 AND max_parallel IS NOT NULL FOR NO KEY UPDATE";
        const COUNT_RUNNING: &str = "SELECT COUNT(*) FROM runs WHERE sweep_id = $1 AND status = 'running'";
        const TAKE: &str = "UPDATE runs SET status = 'running', status_reason = NULL, requested = NULL, attempt = attempt + 1, lease_token = $2, \
            lost_lease_token = NULL, lease_until_ms = $3, worker_id = $4, started_at_ms = COALESCE(started_at_ms, $5), engram_version = $6, \
            lease_ordinal = COALESCE((SELECT MAX(next_ordinal) FROM checkpoints WHERE run_id = $1), 0), last_seq = last_seq + 1 \
            WHERE id = $1 AND status = 'queued' RETURNING experiment, config, seed, device, created_by, attempt, last_seq, forked_step";
        const TURN: &str = "INSERT INTO owners (name, last_turn) VALUES ($1, (SELECT COALESCE(MAX(last_turn), 0) + 1 FROM owners)) \
            ON CONFLICT (name) DO UPDATE SET last_turn = excluded.last_turn";
        let postgres = matches!(self.database, super::Database::Postgres(_));
        let taken = in_transaction!(self, tx => {
            let next: Option<(Uuid, Option<Uuid>)> =
                sqlx::query_as(if postgres { NEXT_POSTGRES } else { NEXT }).bind(offered).fetch_optional(&mut *tx).await?;
            let Some((run_id, sweep_id)) = next else { return Ok(Next::Nothing) };
            if postgres && sweep_id.is_some() {
                // Leases that are given at the same time do not see each other, so they take turns on their sweep's row and count again.
                let most: Option<i64> = sqlx::query_scalar(LOCK_SWEEP).bind(sweep_id).fetch_optional(&mut *tx).await?;
                if let Some(most) = most {
                    let running: i64 = sqlx::query_scalar(COUNT_RUNNING).bind(sweep_id).fetch_one(&mut *tx).await?;
                    if running >= most {
                        return Ok(Next::SweepFull);
                    }
                }
            }
            let leased: Option<Leased> = sqlx::query_as(TAKE).bind(run_id).bind(lease_token).bind(now_ms + LEASE_MS).bind(worker_id).bind(now_ms)
                .bind(worker::VERSION).fetch_optional(&mut *tx).await?;
            let Some(leased) = leased else { return Ok(Next::Nothing) };
            sqlx::query(TURN).bind(&leased.created_by).execute(&mut *tx).await?;
            let mut events = NewEvents::after(run_id, leased.last_seq - 1, now_ms);
            events.push(&Event::Status { status: RunStatus::Running, reason: None, attempt: leased.attempt })?;
            tx.write_events(&events, self.live.server).await?;
            Next::Taken(run_id, Box::new(leased), events)
        });
        Ok(taken)
    }

    /// The queued runs in the order they will be served, as (id, experiment, preset); owners take turns. That a sweep may have to wait
    /// for its own running ones is left out.
    pub async fn list_queue(&self) -> Result<Vec<(Uuid, String, String)>, StoreError> {
        const SQL: &str = "SELECT r.id, r.experiment, r.preset, r.priority, r.created_by, COALESCE(o.last_turn, 0) FROM runs r \
            LEFT JOIN owners o ON o.name = r.created_by WHERE r.status = 'queued' ORDER BY r.priority DESC, r.id";
        type Row = (Uuid, String, String, i64, String, i64);
        let rows: Vec<Row> = on_each!(self, read, pool => sqlx::query_as(SQL).fetch_all(pool).await)?;
        let mut order = Vec::with_capacity(rows.len());
        for class in rows.chunk_by(|a, b| a.3 == b.3) {
            let mut owners: Vec<(i64, &str, Vec<&Row>)> = Vec::new();
            for row in class {
                match owners.iter_mut().find(|(_, name, _)| *name == row.4) {
                    Some((.., own)) => own.push(row),
                    None => owners.push((row.5, &row.4, vec![row])),
                }
            }
            owners.sort_by_key(|(turn, ..)| *turn);
            let longest = owners.iter().map(|(.., own)| own.len()).max().unwrap_or(0);
            for round in 0..longest {
                order.extend(owners.iter().filter_map(|(.., own)| own.get(round)).map(|row| (row.0, row.1.clone(), row.2.clone())));
            }
        }
        Ok(order)
    }

    /// Takes back the leases that have run out; returns how many.
    pub async fn requeue_expired(&self, now_ms: i64) -> Result<usize, StoreError> {
        const SQL: &str = "SELECT id FROM runs WHERE status = 'running' AND lease_until_ms < $1";
        let expired: Vec<Uuid> = on_each!(self, read, pool => sqlx::query_scalar(SQL).bind(now_ms).fetch_all(pool).await)?;
        for run_id in &expired {
            self.end_lease(*run_id, None, Lapse::Silent, now_ms).await?;
        }
        Ok(expired.len())
    }

    /// Takes back what a dead or restarted worker held.
    pub(crate) async fn end_leases_of(&self, worker_id: Uuid, lapse: Lapse, now_ms: i64) -> Result<(), StoreError> {
        const SQL: &str = "SELECT id FROM runs WHERE status = 'running' AND worker_id = $1";
        let held: Vec<Uuid> = on_each!(self, read, pool => sqlx::query_scalar(SQL).bind(worker_id).fetch_all(pool).await)?;
        for run_id in held {
            self.end_lease(run_id, Some(worker_id), lapse, now_ms).await?;
        }
        Ok(())
    }

    /// At a server's start: takes back what its own former workers held, and gives every other worker time to call again.
    pub async fn recover_leases(&self, supervisor: &str, now_ms: i64) -> Result<(), StoreError> {
        const SQL: &str = "SELECT id FROM workers WHERE supervised_by = $1";
        let gone: Vec<Uuid> = on_each!(self, read, pool => sqlx::query_scalar(SQL).bind(supervisor).fetch_all(pool).await)?;
        for worker_id in gone {
            self.end_leases_of(worker_id, Lapse::ServerRestarted, now_ms).await?;
            self.remove_worker(worker_id).await?;
        }
        const EXTEND: &str = "UPDATE runs SET lease_until_ms = $1 WHERE status = 'running' AND lease_until_ms < $1";
        on_each!(self, write, pool => sqlx::query(EXTEND).bind(now_ms + LEASE_MS).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// A local worker has ended: whatever it held goes back, and it is forgotten.
    pub async fn supervised_worker_ended(&self, name: &str, supervisor: &str, now_ms: i64) -> Result<(), StoreError> {
        const SQL: &str = "SELECT id FROM workers WHERE name = $1 AND supervised_by = $2";
        let ids: Vec<Uuid> = on_each!(self, read, pool => sqlx::query_scalar(SQL).bind(name).bind(supervisor).fetch_all(pool).await)?;
        for id in ids {
            self.end_leases_of(id, Lapse::Died, now_ms).await?;
            self.remove_worker(id).await?;
        }
        Ok(())
    }

    /// A worker whose lease had run out calls with it after all: it was not dead, so no death is counted.
    pub async fn forgive_lost_lease(&self, run_id: Uuid, lease_token: Uuid) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE runs SET deaths = deaths - 1, lost_lease_token = NULL WHERE id = $1 AND lost_lease_token = $2 AND deaths > 0";
        on_each!(self, write, pool => sqlx::query(SQL).bind(run_id).bind(lease_token).execute(pool).await.map(drop))?;
        Ok(())
    }

    async fn end_lease(&self, run_id: Uuid, worker_id: Option<Uuid>, lapse: Lapse, now_ms: i64) -> Result<(), StoreError> {
        const FIND: &str = "UPDATE runs SET last_seq = last_seq WHERE id = $1 AND status = 'running' AND (worker_id = $2 OR $2 IS NULL) \
            AND ($3 = 0 OR lease_until_ms < $3) RETURNING id, attempt, last_seq, requested, deaths, lease_ordinal, lease_token";
        const END: &str = "UPDATE runs SET status = $2, status_reason = $3, requested = NULL, lease_token = NULL, lost_lease_token = $4, \
            lease_until_ms = NULL, worker_id = NULL, deaths = $5, eta_ms = NULL, last_seq = $6, finished_at_ms = $7 WHERE id = $1";
        let expired_before = if lapse == Lapse::Silent { now_ms } else { 0 };
        let events = in_transaction!(self, tx => {
            let orphan: Option<Orphan> =
                sqlx::query_as(FIND).bind(run_id).bind(worker_id).bind(expired_before).fetch_optional(&mut *tx).await?;
            let Some(orphan) = orphan else { return Ok(()) };
            let newest: Option<i64> = sqlx::query_scalar("SELECT MAX(next_ordinal) FROM checkpoints WHERE run_id = $1")
                .bind(run_id).fetch_one(&mut *tx).await?;
            let progressed = newest.unwrap_or(0) > orphan.lease_ordinal;
            let counts = lapse != Lapse::ServerRestarted;
            let deaths = match (counts, progressed) {
                (false, _) => orphan.deaths,
                (true, true) => 0,
                (true, false) => orphan.deaths + 1,
            };
            let (status, reason) = match orphan.requested.as_deref() {
                Some("cancel") => (RunStatus::Cancelled, "cancelled; its worker had ended already".to_owned()),
                Some("pause") => (RunStatus::Paused, "paused at its last checkpoint; its worker had ended already".to_owned()),
                _ if deaths >= DEATHS_ALLOWED => (RunStatus::Failed, format!(
                    "{DEATHS_ALLOWED} workers in a row died before they reached a new checkpoint; perhaps memory ran out: look at the workers' logs, \
                    lower the sizes in the config, or retry on a bigger machine")),
                _ => (RunStatus::Queued, match lapse {
                    Lapse::Died => "its worker died; it goes on from its last checkpoint",
                    Lapse::Silent => "its worker has not called for 30 s; it goes on from its last checkpoint",
                    Lapse::ServerRestarted => "the server was restarted; it goes on from its last checkpoint",
                }.to_owned()),
            };
            let mut events = NewEvents::after(run_id, orphan.last_seq, now_ms);
            events.push(&Event::Status { status, reason: Some(&reason), attempt: orphan.attempt })?;
            tx.write_events(&events, self.live.server).await?;
            sqlx::query(END).bind(orphan.id).bind(status).bind(&reason).bind(orphan.lease_token).bind(deaths).bind(events.last_seq())
                .bind(status.is_terminal().then_some(now_ms)).execute(&mut *tx).await?;
            events
        });
        self.live.tell(events.told());
        self.live.queue.notify_waiters();
        Ok(())
    }
}
