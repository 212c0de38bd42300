//! Lists of runs: filtered, sorted, paged and counted.
//!
//! Ids come first, read from the index `runs_listed` alone; only the rows of the page are then read whole. A hundred thousand runs with
//! their configs and summaries are hundreds of megabytes, their index is fifteen.

use super::{
    Database, RunRow, Store, StoreError,
    conditions::{Piece, compile, push_pieces, text_column, whole_column},
    on_each,
    runs::COLUMNS,
};
use crate::filter::{Condition, Order, SummaryMatch, TextField, WholeField};
use serde::{Deserialize, Serialize};
use sqlx::QueryBuilder;
use std::collections::HashMap;
use uuid::Uuid;

/// What a list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortKey {
    /// When runs were queued.
    CreatedAt,
    /// A text.
    Text(TextField),
    /// The state.
    Status,
    /// A whole number or a time.
    Whole(WholeField),
    /// A field of the config: numbers first, then texts.
    Config(String),
    /// A summary number.
    Summary(String),
}

/// The order of a list. Runs without what it is sorted by come last; equal ones go by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSort {
    /// By what.
    pub by: SortKey,
    /// Greatest first.
    pub descending: bool,
}

/// Where a page ends: what its last run is sorted by, and its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunCursor {
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    real: Option<f64>,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    whole: Option<i64>,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    id: Uuid,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq)]
pub enum PageStart {
    /// After this many runs.
    Offset(i64),
    /// After this one.
    After(RunCursor),
}

/// The columns that a list is sorted by, each absent where the order has none of its type.
pub(super) struct SortColumns {
    pub join: Vec<Piece>,
    pub real: Option<&'static str>,
    pub whole: Option<&'static str>,
    pub text: Option<&'static str>,
    /// Whether every row has a key.
    is_whole: bool,
}

impl SortColumns {
    pub fn of(by: &SortKey) -> Self {
        let none = Self { join: Vec::new(), real: None, whole: None, text: None, is_whole: false };
        let join = |table: &'static str, name: &String| vec![Piece::Sql(table), Piece::Text(name.clone())];
        match by {
            // Ids ascend as runs are made.
            SortKey::CreatedAt => none,
            SortKey::Text(field) => Self { text: Some(text_column(*field)), ..none },
            SortKey::Status => Self { text: Some("r.status"), ..none },
            SortKey::Whole(field) => Self { whole: Some(whole_column(*field)), ..none },
            SortKey::Config(name) => Self {
                join: join(
                    " LEFT JOIN config_values v ON v.owner = COALESCE(r.sweep_id, r.id) AND v.cell = COALESCE(r.sweep_cell, 0) AND v.name = ",
                    name,
                ),
                real: Some("v.number"),
                text: Some("v.text"),
                ..none
            },
            SortKey::Summary(name) => {
                Self { join: join(" LEFT JOIN summary_values v ON v.run_id = r.id AND v.name = ", name), whole: Some("v.sort_key"), ..none }
            }
        }
    }

    /// The column of the run's id: where every row has a key, that of its table, whose index has the order.
    fn id(&self) -> &'static str {
        if self.is_whole { "v.run_id" } else { "r.id" }
    }

    fn all(&self) -> impl Iterator<Item = &'static str> {
        [self.real, self.whole, self.text].into_iter().flatten()
    }

    /// The rows after `cursor`, columns without a value last.
    fn after(&self, cursor: &RunCursor, descending: bool) -> Vec<Piece> {
        let beyond = if descending { " < " } else { " > " };
        let keys = [
            (self.real, cursor.real.map(Piece::Real)),
            (self.whole, cursor.whole.map(Piece::Whole)),
            (self.text, cursor.text.clone().map(Piece::Text)),
        ];
        let mut pieces = Vec::new();
        let mut open = 0;
        for (column, key) in keys {
            let Some(column) = column else { continue };
            match key {
                Some(key) => pieces.extend([
                    Piece::Sql("("),
                    Piece::Sql(column),
                    Piece::Sql(beyond),
                    key.clone(),
                    Piece::Sql(" OR "),
                    Piece::Sql(column),
                    Piece::Sql(" IS NULL OR ("),
                    Piece::Sql(column),
                    Piece::Sql(" = "),
                    key,
                ]),
                None => pieces.extend([Piece::Sql("(("), Piece::Sql(column), Piece::Sql(" IS NULL")]),
            }
            pieces.push(Piece::Sql(" AND "));
            open += 1;
        }
        pieces.extend([Piece::Sql(self.id()), Piece::Sql(beyond), Piece::Id(cursor.id)]);
        pieces.extend((0..open).map(|_| Piece::Sql("))")));
        pieces
    }
}

#[derive(sqlx::FromRow)]
struct Listed {
    id: Uuid,
    key_real: Option<f64>,
    key_whole: Option<i64>,
    key_text: Option<String>,
}

impl Store {
    /// A page of the runs that `condition` lets through, each with where a page after it would begin.
    pub async fn list_runs(
        &self,
        condition: &Condition,
        sort: &RunSort,
        start: &PageStart,
        limit: i64,
    ) -> Result<Vec<(RunRow, RunCursor)>, StoreError> {
        let listed = match &sort.by {
            SortKey::Summary(name) => self.list_by_summary(name, condition, sort.descending, start, limit).await?,
            by => {
                let columns = SortColumns::of(by);
                let from = [vec![self.listed_runs()], columns.join.clone(), vec![Piece::Sql(" WHERE ")]].concat();
                self.list_keys(&from, &columns, condition, sort.descending, start, limit).await?
            }
        };
        let mut rows: HashMap<Uuid, RunRow> = self.read_runs(listed.iter().map(|row| row.id).collect()).await?;
        let cursor = |row: Listed| RunCursor { real: row.key_real, whole: row.key_whole, text: row.key_text, id: row.id };
        // A run that was deleted between the two reads is simply not there.
        Ok(listed.into_iter().filter_map(|row| Some((rows.remove(&row.id)?, cursor(row)))).collect())
    }

    /// The ids of a page with what they are sorted by; `from` goes up to where the conditions begin.
    async fn list_keys(
        &self,
        from: &[Piece],
        columns: &SortColumns,
        condition: &Condition,
        descending: bool,
        start: &PageStart,
        limit: i64,
    ) -> Result<Vec<Listed>, StoreError> {
        let direction = if descending { " DESC" } else { " ASC" };
        let mut pieces = vec![Piece::Sql("SELECT "), Piece::Sql(columns.id()), Piece::Sql(" AS id, ")];
        pieces.extend(key_columns([columns.real, columns.whole, columns.text]).map(Piece::Sql));
        pieces.extend(from.iter().cloned());
        pieces.extend(self.planned(condition).await?);
        if let PageStart::After(cursor) = start {
            pieces.push(Piece::Sql(" AND "));
            pieces.extend(columns.after(cursor, descending));
        }
        pieces.push(Piece::Sql(" ORDER BY "));
        for column in columns.all() {
            // Where every row has a key, its index is the order.
            if !columns.is_whole {
                pieces.extend([column, " IS NULL, "].map(Piece::Sql));
            }
            pieces.extend([column, direction, ", "].map(Piece::Sql));
        }
        pieces.extend([Piece::Sql(columns.id()), Piece::Sql(direction), Piece::Sql(" LIMIT "), Piece::Whole(limit)]);
        if let PageStart::Offset(offset) = start {
            pieces.extend([Piece::Sql(" OFFSET "), Piece::Whole(*offset)]);
        }
        Ok(on_each!(self, read, pool => {
            let mut query = QueryBuilder::new("");
            push_pieces!(query, &pieces);
            query.build_query_as().fetch_all(pool).await
        })?)
    }

    /// A page sorted by a summary number: the runs that have it, as their index orders them, then the others.
    async fn list_by_summary(
        &self,
        name: &str,
        condition: &Condition,
        descending: bool,
        start: &PageStart,
        limit: i64,
    ) -> Result<Vec<Listed>, StoreError> {
        const VALUES: &str = " FROM summary_values v CROSS JOIN ";
        let named = || Piece::Text(name.to_owned());
        let runs = Piece::Sql(if matches!(self.database, Database::Sqlite { .. }) { "runs r INDEXED BY runs_listed" } else { "runs r" });
        let with = [Piece::Sql(VALUES), runs, Piece::Sql(" WHERE r.id = v.run_id AND v.name = "), named(), Piece::Sql(" AND ")];
        let without = [
            self.listed_runs(),
            Piece::Sql(" WHERE r.id NOT IN (SELECT run_id FROM summary_values WHERE name = "),
            named(),
            Piece::Sql(") AND "),
        ];
        let none = SortColumns::of(&SortKey::CreatedAt);
        // Who asks for nothing but the runs of lists needs no look at the runs themselves.
        const LISTED: &str = " FROM summary_values v WHERE v.run_id NOT IN (SELECT id FROM runs WHERE archived = TRUE) AND v.name = ";
        let all = Condition::All(Vec::new());
        let (with, condition_with) = match condition.is_of_every_listed_run() {
            true => (vec![Piece::Sql(LISTED), named(), Piece::Sql(" AND ")], &all),
            false => (with.to_vec(), condition),
        };
        let by_key = SortColumns { whole: Some("v.sort_key"), is_whole: true, ..SortColumns::of(&SortKey::CreatedAt) };
        if let PageStart::After(RunCursor { whole: None, .. }) = start {
            return self.list_keys(&without, &none, condition, descending, start, limit).await;
        }
        let mut listed = self.list_keys(&with, &by_key, condition_with, descending, start, limit).await?;
        let missing = limit - listed.len() as i64;
        if missing > 0 {
            let offset = match start {
                // Beyond the runs that have the number, the others are counted from where those end.
                PageStart::Offset(offset) if listed.is_empty() && *offset > 0 => {
                    let has = Condition::Summary(name.to_owned(), SummaryMatch::Number(Order::AtLeast, f64::NEG_INFINITY));
                    (offset - self.count_matching_runs(&Condition::All(vec![has, condition.clone()])).await?).max(0)
                }
                _ => 0,
            };
            listed.extend(self.list_keys(&without, &none, condition, descending, &PageStart::Offset(offset), missing).await?);
        }
        Ok(listed)
    }

    /// The runs of these ids as they are now.
    async fn read_runs(&self, ids: Vec<Uuid>) -> Result<HashMap<Uuid, RunRow>, StoreError> {
        let pieces = compile(&Condition::Ids(ids));
        let rows: Vec<RunRow> = on_each!(self, read, pool => {
            let mut query = QueryBuilder::new("SELECT ");
            query.push(COLUMNS).push(" FROM runs r WHERE ");
            push_pieces!(query, &pieces);
            query.build_query_as().fetch_all(pool).await
        })?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }

    /// How many runs `condition` lets through.
    pub async fn count_matching_runs(&self, condition: &Condition) -> Result<i64, StoreError> {
        let pieces = self.planned(condition).await?;
        let from = self.listed_runs();
        Ok(on_each!(self, read, pool => {
            let mut query = QueryBuilder::new("SELECT COUNT(*)");
            push_pieces!(query, [&from]);
            query.push(" WHERE ");
            push_pieces!(query, &pieces);
            query.build_query_scalar().fetch_one(pool).await
        })?)
    }

    /// The ids and states of the runs that `condition` lets through, newest first, at most `limit`.
    pub async fn list_matching_ids(&self, condition: &Condition, limit: i64) -> Result<Vec<Uuid>, StoreError> {
        let pieces = self.planned(condition).await?;
        let from = self.listed_runs();
        Ok(on_each!(self, read, pool => {
            let mut query = QueryBuilder::new("SELECT r.id");
            push_pieces!(query, [&from]);
            query.push(" WHERE ");
            push_pieces!(query, &pieces);
            query.push(" ORDER BY r.id DESC LIMIT ").push_bind(limit);
            query.build_query_scalar().fetch_all(pool).await
        })?)
    }

    /// `runs r`, read from its narrow index. Told to SQLite, which would rather look every run up in the wide table.
    pub(super) fn listed_runs(&self) -> Piece {
        Piece::Sql(match self.database {
            Database::Sqlite { .. } => " FROM runs r INDEXED BY runs_listed",
            Database::Postgres(_) => " FROM runs r",
        })
    }
}

/// The three keys of a row, NULL where the order has none of that type.
pub(super) fn key_columns([real, whole, text]: [Option<&'static str>; 3]) -> impl Iterator<Item = &'static str> {
    [
        real.unwrap_or("CAST(NULL AS DOUBLE PRECISION)"),
        " AS key_real, ",
        whole.unwrap_or("CAST(NULL AS BIGINT)"),
        " AS key_whole, ",
        text.unwrap_or("CAST(NULL AS TEXT)"),
        " AS key_text",
    ]
    .into_iter()
}
