//! Data sets being fetched into the server's own folder.

use lab::datasets::DataSet;
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// How far a fetch is, or why it failed.
#[derive(Debug, Clone)]
enum Fetch {
    /// Share of its bytes that are here, 0 to 1; unknown while a package client works.
    Running(Option<f64>),
    Failed(String),
}

/// The fetches of this process by data set. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Fetches(Arc<Mutex<HashMap<&'static str, Fetch>>>);

impl Fetches {
    /// Whether a data set is being fetched, the share fetched so far, and why the last fetch failed.
    pub fn progress(&self, id: &str) -> (bool, Option<f64>, Option<String>) {
        match self.lock().get(id) {
            Some(Fetch::Running(share)) => (true, *share, None),
            Some(Fetch::Failed(why)) => (false, None, Some(why.clone())),
            None => (false, None, None),
        }
    }

    /// Begins to fetch, unless it is being fetched.
    pub fn begin(&self, set: &'static DataSet, folder: PathBuf, stop: CancellationToken) {
        if matches!(self.lock().get(set.id), Some(Fetch::Running(_))) {
            return;
        }
        self.lock().insert(set.id, Fetch::Running(None));
        let fetches = self.clone();
        tokio::spawn(async move {
            let told = fetches.clone();
            let progress = move |progress: worker::fetch::Progress| {
                told.lock().insert(set.id, Fetch::Running(progress.fraction));
            };
            match worker::fetch::fetch(set, &folder, progress, &stop).await {
                Ok(()) => fetches.lock().remove(set.id),
                Err(error) => fetches.lock().insert(set.id, Fetch::Failed(error.to_string())),
            };
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<&'static str, Fetch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
