//! Where the bytes of artifacts and checkpoints lie in the object store.

use crate::{error::ApiError, store::Store};
use axum::body::Body;
use futures::{StreamExt, TryStreamExt, future::ready};
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, path::Path};
use sha2::{Digest, Sha256};
use std::{collections::HashSet, sync::Arc, time::SystemTime};
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

/// Removes what no row names and nobody has written since `before_ms`: a server that ended between storing the bytes and committing
/// the row leaves that behind. Returns how much it was.
///
/// Only of runs that this database knows, for a storage folder may have served another database too, whose runs are not ours to remove.
pub async fn remove_orphans(objects: &Arc<dyn ObjectStore>, store: &Store, before_ms: i64) -> Result<usize, ApiError> {
    let mut removed = 0;
    for folder in objects.list_with_delimiter(Some(&Path::from("runs"))).await?.common_prefixes {
        let Some(run_id) = folder.filename().and_then(|name| Uuid::try_parse(name).ok()) else { continue };
        let old = objects.list(Some(&folder)).try_filter(|object| ready(object.last_modified.timestamp_millis() < before_ms));
        let mut orphans: HashSet<Path> = old.map_ok(|object| object.location).try_collect().await?;
        if orphans.is_empty() || store.find_run(run_id).await?.is_none() {
            continue;
        }
        for checkpoint in store.list_checkpoints(run_id).await? {
            orphans.remove(&checkpoint_path(run_id, checkpoint.id));
        }
        let mut after = Some(String::new());
        while let Some(path) = after {
            let page = store.list_artifacts(run_id, &path, 500).await?;
            for artifact in &page {
                orphans.remove(&artifact_path(run_id, &artifact.path));
            }
            after = page.into_iter().next_back().map(|artifact| artifact.path);
        }
        for orphan in orphans {
            objects.delete(&orphan).await?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Removes parts of uploads that broke off before `before`: files of the local store that it has not yet given their names, which end in
/// `#` and a number. Returns how many there were.
pub fn remove_unfinished(folder: &std::path::Path, before: SystemTime) -> std::io::Result<usize> {
    let mut removed = 0;
    for entry in std::fs::read_dir(folder)? {
        let (entry, path) = entry.map(|entry| (entry.file_type(), entry.path()))?;
        if entry?.is_dir() {
            removed += remove_unfinished(&path, before)?;
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_part =
            name.rsplit_once('#').is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
        if is_part && std::fs::metadata(&path)?.modified()? < before {
            std::fs::remove_file(&path)?;
            removed += 1;
        }
    }
    Ok(removed)
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
