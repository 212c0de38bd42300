//! The names and values that runs have, for the completion of filters: each a few looks into an index, however many runs there are.

use super::{Store, StoreError, on_each};

impl Store {
    /// The names that runs have below `config.`, and those of summary numbers.
    pub async fn list_value_names(&self) -> Result<(Vec<String>, Vec<String>), StoreError> {
        // A step of the recursion is one look into the index, however many runs share a name.
        macro_rules! names {
            ($table:literal) => {
                concat!(
                    "WITH RECURSIVE names (name) AS (SELECT MIN(name) FROM ",
                    $table,
                    " UNION ALL \
                     SELECT (SELECT MIN(v.name) FROM ",
                    $table,
                    " v WHERE v.name > names.name) FROM names WHERE names.name IS NOT NULL) \
                     SELECT name FROM names WHERE name IS NOT NULL"
                )
            };
        }
        let config = on_each!(self, read, pool => sqlx::query_scalar(names!("config_values")).fetch_all(pool).await)?;
        let mut summary: Vec<String> = on_each!(self, read, pool => sqlx::query_scalar(names!("summary_values")).fetch_all(pool).await)?;
        summary.extend(on_each!(self, read, pool => sqlx::query_scalar::<_, String>(names!("summary_nans")).fetch_all(pool).await)?);
        Ok((config, summary))
    }

    /// The tags that runs have, at most `limit`.
    pub async fn list_tags(&self, limit: i64) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "WITH RECURSIVE tags (tag) AS (SELECT MIN(tag) FROM run_tags UNION ALL \
            SELECT (SELECT MIN(t.tag) FROM run_tags t WHERE t.tag > tags.tag) FROM tags WHERE tags.tag IS NOT NULL) \
            SELECT tag FROM tags WHERE tag IS NOT NULL LIMIT $1";
        Ok(on_each!(self, read, pool => sqlx::query_scalar(SQL).bind(limit).fetch_all(pool).await)?)
    }

    /// The projects that runs are in, at most `limit`.
    pub async fn list_projects(&self, limit: i64) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "WITH RECURSIVE projects (project) AS (SELECT MIN(project) FROM runs UNION ALL \
            SELECT (SELECT MIN(r.project) FROM runs r WHERE r.project > projects.project) FROM projects WHERE projects.project IS NOT NULL) \
            SELECT project FROM projects WHERE project IS NOT NULL LIMIT $1";
        Ok(on_each!(self, read, pool => sqlx::query_scalar(SQL).bind(limit).fetch_all(pool).await)?)
    }

    /// Whose runs there are, at most `limit`.
    pub async fn list_owners(&self, limit: i64) -> Result<Vec<String>, StoreError> {
        Ok(on_each!(self, read, pool => {
            sqlx::query_scalar("SELECT name FROM owners ORDER BY name LIMIT $1").bind(limit).fetch_all(pool).await
        })?)
    }
}
