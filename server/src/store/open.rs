//! Opening a database: SQLite by path or PostgreSQL by URL, its tables brought up to date, every trouble said in one sentence.

use super::{Database, Store, advance::start_writer};
use crate::live::Live;
use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

static SQLITE_TABLES: Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES_TABLES: Migrator = sqlx::migrate!("../migrations/postgres");

/// Why a database cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address means neither database.
    #[error("cannot use the database {0}: its address must begin with sqlite: or postgres:")]
    UnknownKind(String),
    /// The database does not answer or refuses.
    #[error("cannot open the database {url}: {}{advice}", told(cause))]
    Unreachable {
        /// Where, without its password.
        url: String,
        /// What to do.
        advice: &'static str,
        /// What it said. Not the `source`, for it is told already.
        cause: sqlx::Error,
    },
    /// A later version of Engram has changed the tables.
    #[error("the database {0} was written by a newer Engram; start that version, or give another --database-url")]
    Newer(String),
    /// The tables could not be brought up to date.
    #[error(
        "cannot bring the tables of {url} up to date: {cause}; it was not made by Engram, or not by a released one: give another --database-url"
    )]
    Tables {
        /// Where, without its password.
        url: String,
        /// What it said. Not the `source`, for it is told already.
        cause: MigrateError,
    },
}

impl Store {
    /// Opens the database at `url` (`sqlite:PATH` or `postgres://…`), making and updating its tables.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let shown = without_password(url);
        let opened = match url.split(':').next() {
            Some("sqlite") => open_sqlite(url).await,
            Some("postgres" | "postgresql") => open_postgres(url).await,
            _ => return Err(OpenError::UnknownKind(shown)),
        };
        match opened {
            Ok(database) => Ok(Self { database, heads: Arc::default(), live: Arc::new(Live::default()) }),
            Err(MigrateError::VersionMissing(_)) => Err(OpenError::Newer(shown)),
            Err(MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _)) => {
                Err(OpenError::Unreachable { advice: advice(&cause), url: shown, cause })
            }
            Err(cause) => Err(OpenError::Tables { url: shown, cause }),
        }
    }

    /// Opens the SQLite file at `path`.
    pub async fn open_file(path: &Path) -> Result<Self, OpenError> {
        Self::open(&format!("sqlite:{}", path.display())).await
    }
}

/// The file of a SQLite database; `None` where the address means none.
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    let options = url.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(url).ok()).flatten()?;
    Some(options.get_filename().to_owned())
}

/// How long to wait for a SQLite file that another program holds locked.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// How long to wait for a PostgreSQL that does not answer yet, as when both are started at once.
const START_PATIENCE: Duration = Duration::from_secs(10);

async fn open_sqlite(url: &str) -> Result<Database, MigrateError> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .pragma("cache_size", "-4000")
        // Pages that many commits touch are carried over and synced once, at 16 MiB of them.
        .pragma("wal_autocheckpoint", "4000")
        // A log that grew under a long read shrinks again.
        .pragma("journal_size_limit", "67108864");
    let first = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone().busy_timeout(LOCK_PATIENCE)).await?;
    SQLITE_TABLES.run(&first).await?;
    // Tables that are up to date were only read: whether another program holds the file is seen when writing.
    first.begin_with("BEGIN IMMEDIATE").await?.rollback().await?;
    let options = options.busy_timeout(Duration::from_secs(10));
    // SQLite ends a transaction by itself when the disk is full; sqlx then takes the connection to be inside one for ever.
    let is_usable = |connection: &mut SqliteConnection| !connection.is_in_transaction();
    let write = SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .before_acquire(move |connection, _| Box::pin(async move { Ok(is_usable(connection)) }));
    let read = SqlitePoolOptions::new().max_connections(4).idle_timeout(Duration::from_secs(60));
    let write = write.connect_with(options.clone()).await?;
    first.close().await;
    Ok(Database::Sqlite { advances: start_writer(write.clone()), write, read: read.connect_lazy_with(options) })
}

async fn open_postgres(url: &str) -> Result<Database, MigrateError> {
    let options = PgConnectOptions::from_str(url)?;
    let began = Instant::now();
    // By hand, for a pool only says that its time ran out, not why.
    loop {
        match options.connect().await {
            Ok(first) => break first.close().await?,
            Err(error) if began.elapsed() < START_PATIENCE && may_come(&error) => tokio::time::sleep(Duration::from_millis(200)).await,
            Err(error) => return Err(error.into()),
        }
    }
    let pool = PgPoolOptions::new().max_connections(10).acquire_timeout(Duration::from_secs(10)).connect_with(options).await?;
    POSTGRES_TABLES.run(&pool).await?;
    Ok(Database::Postgres(pool))
}

/// Whether the database is only not up yet; `57P03` is "the database system is starting up".
fn may_come(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().as_deref() == Some("57P03"),
        _ => false,
    }
}

/// What the database itself said.
fn told(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        error => error.to_string(),
    }
}

fn advice(error: &sqlx::Error) -> &'static str {
    let sqlx::Error::Database(error) = error else { return "; is it running, and is the address right?" };
    match error.code().as_deref() {
        Some("5" | "6" | "261" | "517") => "; another program holds it locked: stop that program, then start again",
        Some("13" | "778" | "4874" | "53100") => "; the disk is full: make room, then start again",
        Some("14") => "; it must be a file in a folder that exists and is writable: give another --database-url or --data-dir",
        Some("8" | "264" | "520" | "776" | "1032" | "1288" | "1544") => {
            "; this user may not write it: change its permissions or give another --database-url or --data-dir"
        }
        Some("26" | "11") => "; the file is no SQLite database or is damaged: give another --data-dir, or restore a backup",
        Some("3D000") => "; make it with `createdb`, or correct --database-url",
        Some("28P01" | "28000") => "; correct the user and the password in --database-url",
        Some("42501") => "; its user must be allowed to make tables: grant that, or correct --database-url",
        _ => "; give another --database-url",
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
