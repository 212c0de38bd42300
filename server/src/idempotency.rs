//! `Idempotency-Key` on writes: the same key and body answers the first result again.

use crate::{
    clock::now_ms,
    error::ApiError,
    extract::{BODY_LIMIT, read_body},
    guard::Caller,
    state::AppState,
    store::{KeyState, StoredResponse},
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// How long a second request waits for the answer of the first.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is kept of an answer.
#[derive(Serialize, Deserialize)]
struct Kept {
    content_type: Option<String>,
    location: Option<String>,
    body: String,
}

/// The layer. Requests without a key, reads and uploads by workers pass.
pub async fn idempotency(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let key = request.headers().get("idempotency-key").cloned();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    match key {
        Some(key) if !is_read && !request.uri().path().starts_with("/api/v1/worker/") => {
            once(app, key, request, next).await.unwrap_or_else(IntoResponse::into_response)
        }
        _ => next.run(request).await,
    }
}

async fn once(app: AppState, key: HeaderValue, request: Request, next: Next) -> Result<Response, ApiError> {
    let caller = request.extensions().get::<Caller>().map_or("", |caller| &caller.name).to_owned();
    let scope = format!("{caller}\n{}\n{}\n", request.method(), request.uri().path());
    let hash = Sha256::new().chain_update(&scope).chain_update(key.as_bytes()).finalize().to_vec();
    let (parts, body) = request.into_parts();
    let body = read_body(body, BODY_LIMIT).await?;
    let body_hash = Sha256::digest(&body).to_vec();

    let waiting_since = tokio::time::Instant::now();
    loop {
        match app.store.take_key(&hash, &body_hash, now_ms()).await? {
            KeyState::Ours => break,
            KeyState::OtherBody => {
                return Err(ApiError::Conflict("idempotency-key-reused", "this Idempotency-Key was used with another body".to_owned()));
            }
            KeyState::Answered(stored) => return replay(stored, key.as_bytes()),
            KeyState::Pending if waiting_since.elapsed() > PATIENCE => {
                return Err(ApiError::Unavailable("the first request with this Idempotency-Key has no answer yet; try again".to_owned()));
            }
            KeyState::Pending => tokio::time::sleep(Duration::from_millis(25)).await,
        }
    }

    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !response.status().is_success() {
        if let Err(error) = app.store.release_key(&hash).await {
            tracing::warn!(%error, "an Idempotency-Key could not be given back; it is free again in a minute");
        }
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.map_err(|error| ApiError::Internal(error.to_string()))?;
    let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = String::from_utf8(bytes.to_vec()).map_err(|error| ApiError::Internal(error.to_string()))?;
    let kept = Kept { content_type: text(header::CONTENT_TYPE), location: text(header::LOCATION), body };
    let mut response = serde_json::to_vec(&kept).map_err(|error| ApiError::Internal(error.to_string()))?;
    encrypt(&mut response, key.as_bytes());
    // It is done; a caller told otherwise would do it again.
    if let Err(error) = app.store.answer_key(&hash, &StoredResponse { status: parts.status.as_u16(), response }).await {
        tracing::error!(%error, "the answer to an Idempotency-Key could not be kept");
    }
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn replay(mut stored: StoredResponse, key: &[u8]) -> Result<Response, ApiError> {
    encrypt(&mut stored.response, key);
    let kept: Kept = serde_json::from_slice(&stored.response).map_err(|error| ApiError::Internal(error.to_string()))?;
    let status = match stored.status {
        201 => StatusCode::OK,
        other => StatusCode::from_u16(other).map_err(|error| ApiError::Internal(error.to_string()))?,
    };
    let mut headers = HeaderMap::new();
    for (name, value) in [(header::CONTENT_TYPE, kept.content_type), (header::LOCATION, kept.location)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
    Ok((status, headers, kept.body).into_response())
}

/// An answer may hold a secret shown once, so it is stored under a stream cipher keyed by the Idempotency-Key, of which only a hash is
/// kept. The same call decrypts.
fn encrypt(bytes: &mut [u8], key: &[u8]) {
    let seed = Sha256::new().chain_update(b"engram idempotency response\n").chain_update(key).finalize();
    let mut stream = ChaCha20Rng::from_seed(std::array::from_fn(|i| seed[i]));
    let mut pad = vec![0; bytes.len()];
    stream.fill_bytes(&mut pad);
    bytes.iter_mut().zip(pad).for_each(|(byte, pad)| *byte ^= pad);
}

#[cfg(test)]
mod tests {
    use super::encrypt;

    #[test]
    fn a_stored_answer_reads_back_only_with_its_key() {
        let mut bytes = b"{\"token\":\"secret\"}".to_vec();
        encrypt(&mut bytes, b"key-1");
        let mut other = bytes.clone();
        encrypt(&mut bytes, b"key-1");
        encrypt(&mut other, b"key-2");
        assert_eq!(bytes, b"{\"token\":\"secret\"}");
        assert_ne!(other, bytes);
    }
}
