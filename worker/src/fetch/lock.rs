//! One fetcher of a data set at a time, over threads and processes.

use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
    time::Duration,
};

/// Holds a data set's folder until dropped. The system lets go of it when the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    /// Empty where the lock holds; else what makes the names of partial files this fetcher's own.
    pub suffix: String,
}

impl Lock {
    /// Waits for the lock of the folder `place`. Where the file system has no locks, partial files get names of their own instead,
    /// and two fetchers merely do the work twice. Errors: the folder cannot be written.
    pub async fn take(place: &Path) -> io::Result<Self> {
        let file = File::options().create(true).truncate(false).write(true).open(place.join(".lock"))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file, suffix: String::new() }),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(200)).await,
                Err(TryLockError::Error(_)) => return Ok(Self { _file: file, suffix: format!(".{}", uuid::Uuid::new_v4().simple()) }),
            }
        }
    }
}
