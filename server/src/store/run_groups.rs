//! Runs put together by what they have in common, with the values of their summary numbers.

use super::{
    Store, StoreError,
    conditions::{Piece, push_pieces},
    on_each,
    run_list::{SortColumns, SortKey, key_columns},
    runs::value_of_key,
};
use crate::filter::Condition;
use sqlx::QueryBuilder;
use std::collections::HashMap;
use uuid::Uuid;

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
    /// The groups of the runs that `condition` lets through, those with most runs first, at most `limit`, with the values of `names`.
    pub async fn group_runs(
        &self,
        condition: &Condition,
        by: &GroupKey,
        names: &[String],
        limit: i64,
    ) -> Result<Vec<RunGroup>, StoreError> {
        let (join, keys) = group_columns(by);
        let condition = self.planned(condition).await?;
        let mut from = vec![self.listed_runs()];
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
            pieces.extend([
                Piece::Sql(" JOIN summary_values s ON s.run_id = r.id AND s.name = "),
                Piece::Text(name.clone()),
                Piece::Sql(" WHERE "),
            ]);
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
