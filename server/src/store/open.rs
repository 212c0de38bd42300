//! Opening a database: SQLite by path or PostgreSQL by URL, its tables brought up to date, every trouble said in one sentence.

use super::{Database, Store, advance::start_writer};
use crate::live::Live;
use sqlx::{
    migrate::{MigrateError, Migrator},
    postgres::PgPoolOptions,
    sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, str::FromStr, sync::Arc, time::Duration};

static SQLITE_TABLES: Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES_TABLES: Migrator = sqlx::migrate!("../migrations/postgres");

/// Why a database cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address means neither database.
    #[error("cannot use the database {0}: its address must begin with sqlite: or postgres:")]
    UnknownKind(String),
    /// The database does not answer or refuses.
    #[error("cannot open the database {url}: {source}{advice}")]
    Unreachable {
        /// Where, without its password.
        url: String,
        /// What to do.
        advice: &'static str,
        /// What it said.
        source: sqlx::Error,
    },
    /// A later version of Engram has changed the tables.
    #[error("the database {0} was written by a newer Engram; start that version, or give another --database-url")]
    Newer(String),
    /// The tables could not be brought up to date.
    #[error("cannot bring the tables of {url} up to date: {source}")]
    Tables {
        /// Where, without its password.
        url: String,
        /// What it said.
        source: MigrateError,
    },
}

impl Store {
    /// Opens the database at `url` (`sqlite:PATH` or `postgres://…`), making and updating its tables.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let shown = without_password(url);
        let database = match url.split(':').next() {
            Some("sqlite") => open_sqlite(url).await,
            Some("postgres" | "postgresql") => {
                PgPoolOptions::new().max_connections(10).acquire_timeout(Duration::from_secs(10)).connect(url).await.map(Database::Postgres)
            }
            _ => return Err(OpenError::UnknownKind(shown)),
        };
        let database = database.map_err(|source| OpenError::Unreachable { advice: advice(&source), url: shown.clone(), source })?;
        let updated = match &database {
            Database::Sqlite { write, .. } => SQLITE_TABLES.run(write).await,
            Database::Postgres(pool) => POSTGRES_TABLES.run(pool).await,
        };
        match updated {
            Ok(()) => Ok(Self { database, heads: Arc::default(), live: Arc::new(Live::default()) }),
            Err(MigrateError::VersionMissing(_)) => Err(OpenError::Newer(shown)),
            Err(MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) => {
                Err(OpenError::Unreachable { advice: advice(&source), url: shown, source })
            }
            Err(source) => Err(OpenError::Tables { url: shown, source }),
        }
    }

    /// Opens the SQLite file at `path`.
    pub async fn open_file(path: &Path) -> Result<Self, OpenError> {
        Self::open(&format!("sqlite:{}", path.display())).await
    }
}

async fn open_sqlite(url: &str) -> Result<Database, sqlx::Error> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(10))
        .foreign_keys(true)
        .pragma("cache_size", "-4000")
        // Pages that many commits touch are carried over and synced once, at 16 MiB of them.
        .pragma("wal_autocheckpoint", "4000");
    let write = SqlitePoolOptions::new().min_connections(1).max_connections(1).max_lifetime(None).idle_timeout(None);
    let read = SqlitePoolOptions::new().max_connections(4).idle_timeout(Duration::from_secs(60));
    let write = write.connect_with(options.clone()).await?;
    Ok(Database::Sqlite { advances: start_writer(write.clone()), write, read: read.connect_lazy_with(options) })
}

fn advice(error: &sqlx::Error) -> &'static str {
    let sqlx::Error::Database(error) = error else { return "; is it running, and is the address right?" };
    match error.code().as_deref() {
        Some("5" | "6" | "261" | "517") => "; another program holds it locked: stop that program, then start again",
        Some("13" | "53100") => "; the disk is full: make room, then start again",
        Some("14") => "; the folder must exist and be writable",
        Some("8") => "; it is read-only: change its permissions or give another --data-dir",
        Some("26" | "11") => "; the file is no SQLite database or is damaged: give another --data-dir, or restore a backup",
        _ => "",
    }
}

/// A database address fit for a message or a log.
pub(crate) fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => match url[scheme + 3..at].split_once(':') {
            Some((user, _)) => format!("{}{user}:***{}", &url[..scheme + 3], &url[at..]),
            None => url.to_owned(),
        },
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn passwords_stay_out_of_messages() {
        assert_eq!(without_password("postgres://ada:secret@db/engram"), "postgres://ada:***@db/engram");
        assert_eq!(without_password("sqlite:./engram.db"), "sqlite:./engram.db");
    }
}
