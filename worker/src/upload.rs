//! Files on their way to the server, one at a time beside the reports: checkpoints, and artifacts at the end.

use crate::{
    backoff::Backoff,
    client::{CallError, Client},
    engine::SavedCheckpoint,
    protocol::CheckpointUpload,
};
use std::collections::VecDeque;
use tokio::task::JoinHandle;
use tokio_util::bytes::Bytes;
use uuid::Uuid;

/// A file to upload.
#[derive(Debug, Clone)]
pub enum Upload {
    /// A checkpoint.
    Checkpoint(SavedCheckpoint),
    /// A file that the run leaves behind.
    Artifact {
        /// Relative path.
        path: String,
        /// Its media type.
        media_type: String,
        /// Its bytes.
        bytes: Bytes,
    },
}

impl Upload {
    /// What it is, in a sentence.
    pub fn name(&self) -> String {
        match self {
            Self::Checkpoint(checkpoint) => format!("the checkpoint of step {}", checkpoint.step),
            Self::Artifact { path, .. } => format!("the file {path}"),
        }
    }
}

/// The uploads of one lease.
#[derive(Debug)]
pub struct Uploads {
    client: Client,
    run_id: Uuid,
    lease_token: Uuid,
    waiting: VecDeque<Upload>,
    running: Option<JoinHandle<(Upload, Result<(), CallError>)>>,
}

impl Uploads {
    /// No uploads yet.
    pub fn new(client: Client, run_id: Uuid, lease_token: Uuid) -> Self {
        Self { client, run_id, lease_token, waiting: VecDeque::new(), running: None }
    }

    /// Adds a file. Of checkpoints at most two wait: the oldest, for if newer ones replaced it again and again none would ever be
    /// due on a slow line, and the newest.
    pub fn push(&mut self, upload: Upload) {
        if matches!(upload, Upload::Checkpoint(_)) && self.waiting.len() == 2 {
            self.waiting.pop_back();
        }
        self.waiting.push_back(upload);
    }

    /// Whether nothing waits and nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_none()
    }

    /// Starts the next upload if none is under way. `has_delivered(ordinal)` tells whether the server has all items below.
    pub fn start(&mut self, has_delivered: impl Fn(u64) -> bool) {
        if self.running.is_some() {
            return;
        }
        let ready = match self.waiting.front() {
            Some(Upload::Checkpoint(checkpoint)) => has_delivered(checkpoint.next_ordinal),
            Some(Upload::Artifact { .. }) => true,
            None => false,
        };
        if ready && let Some(upload) = self.waiting.pop_front() {
            let (client, run_id, lease_token) = (self.client.clone(), self.run_id, self.lease_token);
            self.running = Some(tokio::spawn(async move {
                let result = upload_until_answered(&client, run_id, lease_token, &upload).await;
                (upload, result)
            }));
        }
    }

    /// Waits for the upload under way, for ever if there is none.
    pub async fn done(&mut self) -> (Upload, Result<(), CallError>) {
        loop {
            let Some(running) = &mut self.running else { return std::future::pending().await };
            let joined = running.await;
            self.running = None;
            match joined {
                Ok(done) => return done,
                Err(error) => tracing::error!(%error, "an upload ended without a result"),
            }
        }
    }

    /// Drops what waits and ends what is under way.
    pub fn clear(&mut self) {
        self.waiting.clear();
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}

impl Drop for Uploads {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Uploads until the server answers, however long it is away.
async fn upload_until_answered(client: &Client, run_id: Uuid, lease_token: Uuid, upload: &Upload) -> Result<(), CallError> {
    let mut backoff = Backoff::default();
    loop {
        let result = match upload {
            Upload::Checkpoint(saved) => {
                let query = CheckpointUpload {
                    lease_token,
                    next_ordinal: saved.next_ordinal,
                    step: saved.step,
                    sha256: saved.sha256.clone(),
                    engram_version: saved.engram_version.to_owned(),
                };
                client.put_checkpoint(run_id, &query, saved.bytes.clone()).await
            }
            Upload::Artifact { path, media_type, bytes } => client.put_artifact(run_id, lease_token, path, media_type, bytes.clone()).await,
        };
        match result {
            Err(CallError::Unreachable(why)) => {
                tracing::debug!(%why, "{} could not be uploaded, will try again", upload.name());
                tokio::time::sleep(backoff.next()).await;
            }
            answered => return answered,
        }
    }
}
