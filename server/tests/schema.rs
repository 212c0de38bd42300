//! Both databases have the same tables, columns, types and keys.

mod support;

use lab::json::Number;
use serde_json::json;
use server::store::{Ended, NewRun, Store};
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::collections::BTreeMap;
use support::{fresh_postgres, fresh_sqlite};
use uuid::Uuid;
use worker::protocol::Register;

/// Type, nullability and place in the primary key of each column.
type Columns = BTreeMap<(String, String), (String, bool, i64)>;

async fn sqlite(url: &str) -> (Columns, Vec<String>) {
    let mut connection = SqliteConnection::connect(url).await.unwrap();
    let rows: Vec<(String, String, String, bool, i64)> = sqlx::query_as(
        "SELECT m.name, c.name, c.type, c.\"notnull\" = 0, c.pk FROM sqlite_master m JOIN pragma_table_info(m.name) c \
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '_sqlx_%'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let indexes = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_%' ORDER BY name");
    let indexes = indexes.fetch_all(&mut connection).await.unwrap();
    (rows.into_iter().map(|(table, column, kind, nullable, key)| ((table, column), (kind, nullable, key))).collect(), indexes)
}

async fn postgres(url: &str) -> (Columns, Vec<String>) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let rows: Vec<(String, String, String, bool, i64)> = sqlx::query_as(
        "SELECT c.table_name::text, c.column_name::text, c.data_type::text, c.is_nullable = 'YES', COALESCE(( \
             SELECT k.ordinal_position::bigint FROM information_schema.key_column_usage k \
             JOIN information_schema.table_constraints t USING (constraint_name, table_name) \
             WHERE t.constraint_type = 'PRIMARY KEY' AND k.table_name = c.table_name AND k.column_name = c.column_name), 0) \
         FROM information_schema.columns c WHERE c.table_schema = 'public' AND c.table_name NOT LIKE '\\_sqlx%'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let indexes = sqlx::query_scalar(
        "SELECT i.indexname::text FROM pg_indexes i WHERE i.schemaname = 'public' AND NOT EXISTS ( \
             SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname) ORDER BY i.indexname",
    );
    let indexes = indexes.fetch_all(&mut connection).await.unwrap();
    let plain = |kind: String, column: &str| match (kind.as_str(), column) {
        ("bigint", _) | ("boolean", "archived") => "INTEGER".to_owned(),
        ("uuid" | "bytea", _) => "BLOB".to_owned(),
        ("text", _) => "TEXT".to_owned(),
        ("double precision", "number") => "REAL".to_owned(),
        _ => kind,
    };
    let columns = rows.into_iter().map(|(table, column, kind, nullable, key)| {
        let kind = plain(kind, &column);
        ((table, column), (kind, nullable, key))
    });
    (columns.collect(), indexes)
}

#[tokio::test(flavor = "multi_thread")]
async fn both_databases_have_the_same_tables_columns_and_indexes() {
    let (lite, pg) = (fresh_sqlite(), fresh_postgres().await);
    Store::open(&lite.url).await.unwrap().close().await;
    Store::open(&pg.url).await.unwrap().close().await;
    let ((lite, lite_indexes), (pg, pg_indexes)) = (sqlite(&lite.url).await, postgres(&pg.url).await);
    assert!(lite.len() > 60, "only {} columns were read", lite.len());
    assert_eq!(lite, pg);
    assert!(lite_indexes.len() >= 9, "{lite_indexes:?}");
    assert_eq!(lite_indexes, pg_indexes);
}

/// What the triggers or the migration have found in configs and summaries.
type Found = (Vec<(String, Option<f64>, Option<String>)>, i64);

macro_rules! found {
    ($connection:expr) => {{
        let values =
            sqlx::query_as("SELECT name, number, text FROM config_values ORDER BY name").fetch_all(&mut $connection).await.unwrap();
        let nans = sqlx::query_scalar("SELECT COUNT(*) FROM summary_nans WHERE name = 'loss'").fetch_one(&mut $connection).await.unwrap();
        (values, nans)
    }};
}

/// Empties the tables and fills them again as the migration does for runs that were there before it.
macro_rules! migrated {
    ($connection:expr, $migration:expr) => {{
        sqlx::raw_sql("DELETE FROM config_values; DELETE FROM summary_nans").execute(&mut $connection).await.unwrap();
        let fills: Vec<_> =
            $migration.split("\n\n").flat_map(|part| part.split_inclusive(";\n")).filter(|part| part.starts_with("INSERT INTO")).collect();
        assert_eq!(fills.len(), 2, "{fills:?}");
        for fill in fills {
            sqlx::raw_sql(fill).execute(&mut $connection).await.unwrap();
        }
        found!($connection)
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_are_found_by_is_the_same_for_new_runs_and_for_those_of_before_on_both_databases() {
    let (lite, pg) = (fresh_sqlite(), fresh_postgres().await);
    let config = json!({
        "steps": 10, "rate": 1e-7, "on": true, "off": null, "name": "β 'x'", "sizes": [1, 2.5], "optimiser": { "kind": "sgd", "inner": { "momentum": 0.5 } },
        "long": "x".repeat(300), "parts": [{ "size": 1 }],
    });
    let mut all: Vec<Found> = Vec::new();
    for database in [&lite, &pg] {
        let store = Store::open(&database.url).await.unwrap();
        let new = NewRun {
            experiment: "walk".to_owned(),
            preset: "quick".to_owned(),
            name: String::new(),
            project: "default".to_owned(),
            created_by: "ada".to_owned(),
            config: config.as_object().unwrap().clone(),
            seed: 1,
            device: "auto".to_owned(),
            priority: 0,
            tags: vec![],
            note: String::new(),
            parent_id: None,
        };
        store.enqueue_run(&new, 1).await.unwrap();
        let worker = Register {
            worker_id: Uuid::now_v7(),
            name: "w".to_owned(),
            host: "h".to_owned(),
            devices: vec!["cpu".to_owned()],
            version: "1".to_owned(),
        };
        store.register_worker(&worker, None, 1).await.unwrap();
        let lease = store.lease_run(worker.worker_id, &worker.devices, 1).await.unwrap().unwrap();
        let summary = BTreeMap::from([("loss".to_owned(), Number(f64::NAN)), ("acc".to_owned(), Number(0.5))]);
        store.finish_run(lease.run_id, lease.lease_token, &Ended::Succeeded { summary, claims: vec![] }, 2).await.unwrap();
        store.close().await;
    }
    let mut connection = SqliteConnection::connect(&lite.url).await.unwrap();
    all.push(found!(connection));
    all.push(migrated!(connection, include_str!("../../migrations/sqlite/0004_filter.sql")));
    let mut connection = PgConnection::connect(&pg.url).await.unwrap();
    all.push(found!(connection));
    all.push(migrated!(connection, include_str!("../../migrations/postgres/0004_filter.sql")));

    // Nothing of a deleted run stays behind.
    for (kind, url) in [("SQLite", &lite.url), ("PostgreSQL", &pg.url)] {
        let store = Store::open(url).await.unwrap();
        let runs = store.list_matching_ids(&server::filter::Condition::All(vec![]), 10).await.unwrap();
        assert_eq!(runs.len(), 1);
        assert!(store.delete_run(runs[0]).await.unwrap());
        assert_eq!(store.list_value_names().await.unwrap(), (vec![], vec![]), "{kind}");
        store.close().await;
    }
    let (values, nans) = &all[0];
    let names: Vec<_> = values.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["long", "name", "on", "optimiser.inner.momentum", "optimiser.kind", "parts", "rate", "sizes", "steps"]);
    assert_eq!(*nans, 1);
    let value_of =
        |name: &str| values.iter().find(|(known, ..)| known == name).map(|(_, number, text)| (*number, text.as_deref())).unwrap();
    assert_eq!((value_of("rate"), value_of("on"), value_of("sizes")), ((Some(1e-7), None), (None, Some("true")), (None, Some("[1,2.5]"))));
    assert_eq!(value_of("long").1.unwrap().len(), 200);
    // The text of a list of objects is spelled differently, and nobody looks for that.
    let without_parts = |(values, nans): &Found| (values.iter().filter(|(name, ..)| name != "parts").cloned().collect::<Vec<_>>(), *nans);
    for found in &all[1..] {
        assert_eq!(without_parts(found), without_parts(&all[0]));
    }
}
