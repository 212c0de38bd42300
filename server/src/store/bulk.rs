//! One change to many runs, in one transaction; runs that do not allow it are left as they are, each with the reason.

use super::{
    Database, RunStatus, Store, StoreError,
    events::{Event, NewEvents, WriteEvents},
    in_transaction,
    runs::{INSERT_TAG, read_json, to_json},
};
use sqlx::QueryBuilder;
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;

/// Ids in one statement; PostgreSQL takes 65,535 values, SQLite 32,766.
const IDS_PER_STATEMENT: usize = 5_000;
/// Tags of one run at most, as in `PATCH`.
const MOST_TAGS: usize = 50;

/// What to do with many runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BulkAction {
    /// Adds a tag.
    Tag(String),
    /// Takes a tag away.
    Untag(String),
    /// Leaves them out of lists, or not any more.
    Archive(bool),
    /// Cancels them: at once where no worker holds them, else as soon as the worker obeys.
    Cancel,
    /// Deletes them with all their rows.
    Delete,
}

/// What has come of it.
#[derive(Debug, Clone, Default)]
pub struct BulkOutcome {
    /// The runs that were changed.
    pub changed: Vec<Uuid>,
    /// The runs that were as wished already.
    pub unchanged: Vec<Uuid>,
    /// The runs that do not allow it, and why.
    pub refused: Vec<(Uuid, String)>,
}

#[derive(sqlx::FromRow)]
struct Chosen {
    id: Uuid,
    status: RunStatus,
    requested: Option<String>,
    tags: String,
    archived: bool,
    attempt: i64,
    last_seq: i64,
}

impl Store {
    /// Does the same to all runs of these ids. Their files are the caller's to remove after a deletion.
    pub async fn change_runs(&self, ids: &[Uuid], action: &BulkAction, now_ms: i64) -> Result<BulkOutcome, StoreError> {
        // PostgreSQL only: two changes take the runs in the same order. SQLite's transaction is the only one that writes.
        let lock = if matches!(self.database, Database::Postgres(_)) { " ORDER BY id FOR UPDATE" } else { " ORDER BY id" };
        let (outcome, told) = in_transaction!(self, tx => {
            let mut runs: Vec<Chosen> = Vec::with_capacity(ids.len());
            for ids in ids.chunks(IDS_PER_STATEMENT) {
                let mut query = QueryBuilder::new("SELECT id, status, requested, tags, archived, attempt, last_seq FROM runs WHERE id IN (");
                ids.iter().fold(query.separated(", "), |mut list, id| { list.push_bind(*id); list });
                query.push(")").push(lock);
                runs.extend(query.build_query_as::<Chosen>().fetch_all(&mut *tx).await?);
            }
            let mut plan = Plan::of(&runs, action)?;
            plan.name_absent(ids, &runs);
            for (value, ids) in &plan.updates {
                for ids in ids.chunks(IDS_PER_STATEMENT) {
                    let mut query = QueryBuilder::new(match action {
                        BulkAction::Tag(_) | BulkAction::Untag(_) => "UPDATE runs SET tags = ",
                        _ => "UPDATE runs SET requested = ",
                    });
                    query.push_bind(value.clone()).push(" WHERE id IN (");
                    ids.iter().fold(query.separated(", "), |mut list, id| { list.push_bind(*id); list });
                    query.push(")").build().execute(&mut *tx).await?;
                }
            }
            let mut told = Vec::new();
            match action {
                BulkAction::Archive(archived) => {
                    for ids in plan.outcome.changed.chunks(IDS_PER_STATEMENT) {
                        let mut query = QueryBuilder::new("UPDATE runs SET archived = ");
                        query.push_bind(*archived).push(" WHERE id IN (");
                        ids.iter().fold(query.separated(", "), |mut list, id| { list.push_bind(*id); list });
                        query.push(")").build().execute(&mut *tx).await?;
                    }
                }
                BulkAction::Tag(tag) => {
                    for id in &plan.outcome.changed {
                        sqlx::query(INSERT_TAG).bind(tag).bind(id).execute(&mut *tx).await?;
                    }
                }
                BulkAction::Untag(tag) => {
                    for id in &plan.outcome.changed {
                        sqlx::query("DELETE FROM run_tags WHERE tag = $1 AND run_id = $2").bind(tag).bind(id).execute(&mut *tx).await?;
                    }
                }
                BulkAction::Delete => {
                    for ids in plan.outcome.changed.chunks(IDS_PER_STATEMENT) {
                        let mut query = QueryBuilder::new("DELETE FROM runs WHERE id IN (");
                        ids.iter().fold(query.separated(", "), |mut list, id| { list.push_bind(*id); list });
                        query.push(")").build().execute(&mut *tx).await?;
                    }
                }
                BulkAction::Cancel => {
                    const END: &str = "UPDATE runs SET status = 'cancelled', status_reason = NULL, last_seq = $2, finished_at_ms = $3 WHERE id = $1";
                    for run in &plan.ended {
                        let mut events = NewEvents::after(run.id, run.last_seq, now_ms);
                        events.push(&Event::Status { status: RunStatus::Cancelled, reason: None, attempt: run.attempt })?;
                        tx.write_events(&events, self.live.server).await?;
                        sqlx::query(END).bind(run.id).bind(events.last_seq()).bind(now_ms).execute(&mut *tx).await?;
                        told.push(events.told());
                    }
                }
            }
            (plan.outcome, told)
        });
        self.live.tell_many(told);
        if *action == BulkAction::Delete && !outcome.changed.is_empty() {
            self.give_back_space().await?;
        }
        Ok(outcome)
    }
}

/// What each run comes to, before anything is written.
#[derive(Default)]
struct Plan<'a> {
    outcome: BulkOutcome,
    /// Runs by the new value of the column that is written.
    updates: BTreeMap<String, Vec<Uuid>>,
    /// Runs that end here and now.
    ended: Vec<&'a Chosen>,
}

impl<'a> Plan<'a> {
    fn of(runs: &'a [Chosen], action: &BulkAction) -> Result<Self, StoreError> {
        let mut plan = Self::default();
        for run in runs {
            plan.add(run, action)?;
        }
        Ok(plan)
    }

    fn add(&mut self, run: &'a Chosen, action: &BulkAction) -> Result<(), StoreError> {
        let word = run.status.word();
        match action {
            BulkAction::Tag(tag) => {
                let mut tags: Vec<String> = read_json(&run.tags, "tags", run.id)?;
                if tags.contains(tag) {
                    self.outcome.unchanged.push(run.id);
                } else if tags.len() >= MOST_TAGS {
                    self.outcome.refused.push((run.id, format!("it has {MOST_TAGS} tags, and more are not allowed")));
                } else {
                    tags.push(tag.clone());
                    self.update(run.id, to_json(&tags)?);
                }
            }
            BulkAction::Untag(tag) => {
                let mut tags: Vec<String> = read_json(&run.tags, "tags", run.id)?;
                let before = tags.len();
                tags.retain(|known| known != tag);
                if tags.len() == before { self.outcome.unchanged.push(run.id) } else { self.update(run.id, to_json(&tags)?) }
            }
            BulkAction::Archive(archived) if run.archived == *archived => self.outcome.unchanged.push(run.id),
            BulkAction::Archive(_) => self.outcome.changed.push(run.id),
            BulkAction::Delete if matches!(run.status, RunStatus::Running | RunStatus::Paused) => {
                self.outcome.refused.push((run.id, format!("it is {word}; cancel it first")));
            }
            BulkAction::Delete => self.outcome.changed.push(run.id),
            BulkAction::Cancel => match run.status {
                RunStatus::Cancelled => self.outcome.unchanged.push(run.id),
                RunStatus::Running if run.requested.as_deref() == Some("cancel") => self.outcome.unchanged.push(run.id),
                RunStatus::Running => self.update(run.id, "cancel".to_owned()),
                RunStatus::Queued | RunStatus::Paused => {
                    self.outcome.changed.push(run.id);
                    self.ended.push(run);
                }
                RunStatus::Succeeded | RunStatus::Failed => {
                    self.outcome.refused.push((run.id, format!("it has {word} already")));
                }
            },
        }
        Ok(())
    }

    fn update(&mut self, id: Uuid, value: String) {
        self.outcome.changed.push(id);
        self.updates.entry(value).or_default().push(id);
    }

    fn name_absent(&mut self, ids: &[Uuid], runs: &[Chosen]) {
        let mut found: HashSet<Uuid> = runs.iter().map(|run| run.id).collect();
        for id in ids {
            if found.insert(*id) {
                self.outcome.refused.push((*id, "there is no such run".to_owned()));
            }
        }
    }
}
