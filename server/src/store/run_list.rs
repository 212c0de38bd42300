//! Lists of runs: filtered, sorted, paged, counted and grouped.
//!
//! Ids come first, read from the index `runs_listed` alone; only the rows of the page are then read whole. A hundred thousand runs with
//! their configs and summaries are hundreds of megabytes, their index is fifteen.

use super::{
    Database, RunRow, Store, StoreError,
    conditions::{Piece, compile, push_pieces, text_column, whole_column},
    on_each,
    runs::{COLUMNS, value_of_key},
};
use crate::filter::{Condition, TextField, WholeField};
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
struct SortColumns {
    join: Vec<Piece>,
    real: Option<&'static str>,
    whole: Option<&'static str>,
    text: Option<&'static str>,
}

impl SortColumns {
    fn of(by: &SortKey) -> Self {
        let none = Self { join: Vec::new(), real: None, whole: None, text: None };
        let join = |table: &'static str, name: &String| vec![Piece::Sql(table), Piece::Text(name.clone())];
        match by {
            // Ids ascend as runs are made.
            SortKey::CreatedAt => none,
            SortKey::Text(field) => Self { text: Some(text_column(*field)), ..none },
            SortKey::Status => Self { text: Some("r.status"), ..none },
            SortKey::Whole(field) => Self { whole: Some(whole_column(*field)), ..none },
            SortKey::Config(name) => Self {
                join: join(" LEFT JOIN config_values v ON v.run_id = r.id AND v.name = ", name),
                real: Some("v.number"),
                text: Some("v.text"),
                ..none
            },
            SortKey::Summary(name) => Self {
                join: join(" LEFT JOIN summary_values v ON v.run_id = r.id AND v.name = ", name),
                whole: Some("v.sort_key"),
                ..none
            },
        }
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
        pieces.extend([Piece::Sql("r.id"), Piece::Sql(beyond), Piece::Id(cursor.id)]);
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

/// What runs are grouped by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupKey {
    /// Their sweep.
    Sweep,
    /// The run they were made from.
    Parent,
    /// Each of their tags.
    Tag,
    /// Anything a list can be sorted by that has few values.
    Sorted(SortKey),
}

/// What the runs of a group have in common.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupValue {
    /// None has it.
    Missing,
    /// A number of the config.
    Real(f64),
    /// A whole number.
    Whole(i64),
    /// A text.
    Text(String),
    /// An id.
    Id(Uuid),
}

/// One group of runs.
#[derive(Debug, Clone)]
pub struct RunGroup {
    /// What they have in common.
    pub value: GroupValue,
    /// How many runs.
    pub count: i64,
    /// How many of them go on.
    pub running: i64,
    /// The values of each wanted summary number, in the order asked for; NaN is left out.
    pub values: Vec<Vec<f64>>,
}

#[derive(sqlx::FromRow)]
struct GroupRow {
    key_real: Option<f64>,
    key_whole: Option<i64>,
    key_text: Option<String>,
    key_id: Option<Uuid>,
    count: i64,
    running: i64,
}

#[derive(sqlx::FromRow)]
struct GroupedValue {
    key_real: Option<f64>,
    key_whole: Option<i64>,
    key_text: Option<String>,
    key_id: Option<Uuid>,
    sort_key: i64,
}

/// A group's key as something that can be looked up.
type KeyBits = (Option<u64>, Option<i64>, Option<String>, Option<Uuid>);

impl Store {
    /// A page of the runs that `condition` lets through, each with where a page after it would begin.
    pub async fn list_runs(
        &self,
        condition: &Condition,
        sort: &RunSort,
        start: &PageStart,
        limit: i64,
    ) -> Result<Vec<(RunRow, RunCursor)>, StoreError> {
        let columns = SortColumns::of(&sort.by);
        let direction = if sort.descending { " DESC" } else { " ASC" };
        let mut pieces = vec![Piece::Sql("SELECT r.id, ")];
        pieces.extend(key_columns([columns.real, columns.whole, columns.text]).map(Piece::Sql));
        pieces.push(self.from_listed());
        pieces.extend(columns.join.iter().cloned());
        pieces.push(Piece::Sql(" WHERE "));
        pieces.extend(compile(condition));
        if let PageStart::After(cursor) = start {
            pieces.push(Piece::Sql(" AND "));
            pieces.extend(columns.after(cursor, sort.descending));
        }
        pieces.push(Piece::Sql(" ORDER BY "));
        for column in columns.all() {
            pieces.extend([column, " IS NULL, ", column, direction, ", "].map(Piece::Sql));
        }
        pieces.extend([Piece::Sql("r.id"), Piece::Sql(direction), Piece::Sql(" LIMIT "), Piece::Whole(limit)]);
        if let PageStart::Offset(offset) = start {
            pieces.extend([Piece::Sql(" OFFSET "), Piece::Whole(*offset)]);
        }
        let listed: Vec<Listed> = on_each!(self, read, pool => {
            let mut query = QueryBuilder::new("");
            push_pieces!(query, &pieces);
            query.build_query_as().fetch_all(pool).await
        })?;
        let mut rows: HashMap<Uuid, RunRow> = self.read_runs(listed.iter().map(|row| row.id).collect()).await?;
        let cursor = |row: Listed| RunCursor { real: row.key_real, whole: row.key_whole, text: row.key_text, id: row.id };
        // A run that was deleted between the two reads is simply not there.
        Ok(listed.into_iter().filter_map(|row| Some((rows.remove(&row.id)?, cursor(row)))).collect())
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
        let pieces = compile(condition);
        let from = self.from_listed();
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
        let pieces = compile(condition);
        let from = self.from_listed();
        Ok(on_each!(self, read, pool => {
            let mut query = QueryBuilder::new("SELECT r.id");
            push_pieces!(query, [&from]);
            query.push(" WHERE ");
            push_pieces!(query, &pieces);
            query.push(" ORDER BY r.id DESC LIMIT ").push_bind(limit);
            query.build_query_scalar().fetch_all(pool).await
        })?)
    }

    /// The groups of the runs that `condition` lets through, those with most runs first, at most `limit`, with the values of `names`.
    pub async fn group_runs(&self, condition: &Condition, by: &GroupKey, names: &[String], limit: i64) -> Result<Vec<RunGroup>, StoreError> {
        let (join, keys) = group_columns(by);
        let condition = compile(condition);
        let mut from = vec![self.from_listed()];
        from.extend(join);
        let mut pieces = vec![Piece::Sql("SELECT ")];
        pieces.extend(key_columns_with_id(keys).map(Piece::Sql));
        pieces.push(Piece::Sql(", COUNT(*) AS count, CAST(SUM(CASE WHEN r.status = 'running' THEN 1 ELSE 0 END) AS BIGINT) AS running"));
        pieces.extend(from.iter().cloned());
        pieces.push(Piece::Sql(" WHERE "));
        pieces.extend(condition.iter().cloned());
        // By place, for the keys of other types are constants.
        pieces.extend([Piece::Sql(" GROUP BY 1, 2, 3, 4 ORDER BY count DESC, 1, 2, 3, 4 LIMIT "), Piece::Whole(limit)]);
        let rows: Vec<GroupRow> = on_each!(self, read, pool => {
            let mut query = QueryBuilder::new("");
            push_pieces!(query, &pieces);
            query.build_query_as().fetch_all(pool).await
        })?;
        let mut places: HashMap<KeyBits, usize> = HashMap::new();
        let mut groups = Vec::with_capacity(rows.len());
        for row in rows {
            places.insert((row.key_real.map(f64::to_bits), row.key_whole, row.key_text.clone(), row.key_id), groups.len());
            let value = group_value(row.key_real, row.key_whole, row.key_text, row.key_id);
            groups.push(RunGroup { value, count: row.count, running: row.running, values: vec![Vec::new(); names.len()] });
        }
        for (index, name) in names.iter().enumerate() {
            let mut pieces = vec![Piece::Sql("SELECT ")];
            pieces.extend(key_columns_with_id(keys).map(Piece::Sql));
            pieces.push(Piece::Sql(", s.sort_key"));
            pieces.extend(from.iter().cloned());
            pieces.extend([Piece::Sql(" JOIN summary_values s ON s.run_id = r.id AND s.name = "), Piece::Text(name.clone()), Piece::Sql(" WHERE ")]);
            pieces.extend(condition.iter().cloned());
            let values: Vec<GroupedValue> = on_each!(self, read, pool => {
                let mut query = QueryBuilder::new("");
                push_pieces!(query, &pieces);
                query.build_query_as().fetch_all(pool).await
            })?;
            for row in values {
                let key = (row.key_real.map(f64::to_bits), row.key_whole, row.key_text, row.key_id);
                if let Some(place) = places.get(&key) {
                    groups[*place].values[index].push(value_of_key(row.sort_key));
                }
            }
        }
        Ok(groups)
    }

    /// `runs r`, read from its narrow index. Told to SQLite, which would rather look every run up in the wide table.
    fn from_listed(&self) -> Piece {
        Piece::Sql(match self.database {
            Database::Sqlite { .. } => " FROM runs r INDEXED BY runs_listed",
            Database::Postgres(_) => " FROM runs r",
        })
    }
}

/// The three keys of a row, NULL where the order has none of that type.
fn key_columns([real, whole, text]: [Option<&'static str>; 3]) -> impl Iterator<Item = &'static str> {
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

type GroupColumns = [Option<&'static str>; 4];

fn key_columns_with_id([real, whole, text, id]: GroupColumns) -> impl Iterator<Item = &'static str> {
    // An id has another type on either database, and a constant of that type another name; a parameter's is known from neither.
    let id = id.unwrap_or("CASE WHEN 1 = 0 THEN r.id END");
    key_columns([real, whole, text]).chain([", ", id, " AS key_id"])
}

fn group_columns(by: &GroupKey) -> (Vec<Piece>, GroupColumns) {
    match by {
        GroupKey::Sweep => (Vec::new(), [None, None, None, Some("r.sweep_id")]),
        GroupKey::Parent => (Vec::new(), [None, None, None, Some("r.parent_id")]),
        GroupKey::Tag => (vec![Piece::Sql(" LEFT JOIN run_tags t ON t.run_id = r.id")], [None, None, Some("t.tag"), None]),
        GroupKey::Sorted(by) => {
            let columns = SortColumns::of(by);
            (columns.join, [columns.real, columns.whole, columns.text, None])
        }
    }
}

fn group_value(real: Option<f64>, whole: Option<i64>, text: Option<String>, id: Option<Uuid>) -> GroupValue {
    real.map(GroupValue::Real)
        .or(whole.map(GroupValue::Whole))
        .or(text.map(GroupValue::Text))
        .or(id.map(GroupValue::Id))
        .unwrap_or(GroupValue::Missing)
}
