//! Both databases have the same tables, columns, types and keys.

mod support;

use server::store::Store;
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::collections::BTreeMap;
use support::{fresh_postgres, fresh_sqlite};

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
