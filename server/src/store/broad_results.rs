//! Conditions compiled for the numbers there are: a result that many runs have is looked up run by run.
//!
//! PostgreSQL knows how many rows a condition lets through; SQLite does not, and makes a list of them all first.

use super::{
    Database, Store, StoreError,
    conditions::{Asked, Piece, asked_results, compile_with, count_of_result, push_pieces},
};
use crate::filter::Condition;
use sqlx::QueryBuilder;

/// A result that so many runs have is looked up run by run; measured on 100,000 runs, where the two ways meet.
const BROAD: i64 = 30_000;

impl Store {
    /// The condition as SQL that is quick on the numbers there are.
    pub(super) async fn planned(&self, condition: &Condition) -> Result<Vec<Piece>, StoreError> {
        let mut broad: Vec<Asked> = Vec::new();
        if let Database::Sqlite { read, .. } = &self.database {
            for asked in asked_results(condition) {
                let mut query = QueryBuilder::new("");
                push_pieces!(query, count_of_result(&asked, BROAD));
                let runs: i64 = query.build_query_scalar().fetch_one(read).await?;
                broad.extend((runs == BROAD).then_some(asked));
            }
        }
        Ok(compile_with(condition, &broad))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::conditions::compile, *};
    use crate::{
        filter::{Order, SummaryMatch},
        store::NewRun,
    };
    use serde_json::Map;

    #[tokio::test]
    async fn results_are_found_alike_run_by_run_and_from_a_list() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_file(&folder.path().join("engram.db")).await.unwrap();
        let Database::Sqlite { write, .. } = &store.database else { panic!("SQLite was opened") };
        for (seed, value) in (0..).zip([f64::NEG_INFINITY, -1.0, -0.0, 0.0, 0.5, 0.5, 1.0, f64::INFINITY]) {
            let text = || "x".to_owned();
            let new = NewRun {
                experiment: text(),
                preset: text(),
                name: text(),
                project: text(),
                created_by: text(),
                config: Map::new(),
                seed,
                device: text(),
                priority: 0,
                tags: vec![],
                note: String::new(),
                parent_id: None,
            };
            let run = store.enqueue_run(&new, 1).await.unwrap();
            let insert = sqlx::query("INSERT INTO summary_values (name, run_id, sort_key) VALUES ('acc', $1, $2)");
            insert.bind(run.id).bind(crate::store::runs::sort_key(value)).execute(write).await.unwrap();
        }
        let found = async |pieces: Vec<Piece>| -> Vec<i64> {
            let mut query = QueryBuilder::new("SELECT r.seed FROM runs r WHERE ");
            push_pieces!(query, &pieces);
            query.push(" ORDER BY r.seed").build_query_scalar().fetch_all(write).await.unwrap()
        };
        for (order, number, expected) in [
            (Order::Equal, 0.0, &[2, 3][..]),
            (Order::Equal, 0.5, &[4, 5]),
            (Order::Less, 0.0, &[0, 1]),
            (Order::AtMost, 0.0, &[0, 1, 2, 3]),
            (Order::More, 0.5, &[6, 7]),
            (Order::AtLeast, 0.5, &[4, 5, 6, 7]),
        ] {
            let condition = Condition::Summary("acc".to_owned(), SummaryMatch::Number(order, number));
            assert_eq!(found(compile(&condition)).await, expected, "{order:?} {number}");
            assert_eq!(found(compile_with(&condition, &asked_results(&condition))).await, expected, "{order:?} {number}, run by run");
            let mut query = QueryBuilder::new("");
            push_pieces!(query, count_of_result(&asked_results(&condition)[0], 3));
            let count: i64 = query.build_query_scalar().fetch_one(write).await.unwrap();
            assert_eq!(count, expected.len().min(3) as i64, "{order:?} {number}");
        }
        store.close().await;
    }
}
