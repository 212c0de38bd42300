//! Where the bytes of artifacts and checkpoints lie in the object store.

use crate::error::ApiError;
use axum::body::Body;
use futures::{StreamExt, TryStreamExt};
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, path::Path};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::Uuid;

/// Place of a checkpoint.
pub fn checkpoint_path(run_id: Uuid, checkpoint_id: Uuid) -> Path {
    Path::from_iter(["runs".to_owned(), run_id.to_string(), "checkpoints".to_owned(), format!("{checkpoint_id}.safetensors")])
}

/// Place of an artifact. Its name on disk is a digest of its path: a path given by a worker is a name, never a path on disk.
pub fn artifact_path(run_id: Uuid, path: &str) -> Path {
    Path::from_iter(["runs".to_owned(), run_id.to_string(), "artifacts".to_owned(), hex::encode(Sha256::digest(path))])
}

/// Size and SHA-256 of what was stored.
#[derive(Debug)]
pub struct Stored {
    /// Bytes.
    pub bytes: i64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// Streams a body into the store, at most `limit` bytes. Nothing is visible at `path` unless all of it was stored.
pub async fn put(objects: &Arc<dyn ObjectStore>, path: &Path, body: Body, limit: usize) -> Result<Stored, ApiError> {
    const PART: usize = 8 << 20;
    let mut upload = objects.put_multipart(path).await?;
    let outcome = async {
        let (mut hasher, mut bytes, mut part) = (Sha256::new(), 0usize, Vec::new());
        let mut stream = body.into_data_stream();
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|error| ApiError::Malformed(format!("the body broke off: {error}")))?;
            bytes += piece.len();
            if bytes > limit {
                return Err(ApiError::TooLarge(limit));
            }
            hasher.update(&piece);
            part.extend_from_slice(&piece);
            if part.len() >= PART {
                upload.put_part(PutPayload::from(std::mem::take(&mut part))).await?;
            }
        }
        upload.put_part(PutPayload::from(part)).await?;
        upload.complete().await?;
        Ok(Stored { bytes: bytes as i64, sha256: hex::encode(hasher.finalize()) })
    }
    .await;
    if outcome.is_err() {
        // The upload failed already; what cannot be removed now is only space.
        let _ = upload.abort().await;
    }
    outcome
}

/// Removes everything of a run.
pub async fn delete_run(objects: &Arc<dyn ObjectStore>, run_id: Uuid) -> Result<(), ApiError> {
    let prefix = Path::from_iter(["runs".to_owned(), run_id.to_string()]);
    let places = objects.list(Some(&prefix)).map_ok(|object| object.location).boxed();
    objects.delete_stream(places).try_collect::<Vec<_>>().await?;
    Ok(())
}

/// Removes these checkpoints; one that is gone already is no fault.
pub async fn delete_checkpoints(objects: &Arc<dyn ObjectStore>, run_id: Uuid, ids: &[Uuid]) -> Result<(), ApiError> {
    for id in ids {
        match objects.delete(&checkpoint_path(run_id, *id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
