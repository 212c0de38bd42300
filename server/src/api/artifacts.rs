//! `/runs/{id}/artifacts`: the files a run left behind, as downloads.

use super::views::Problem;
use crate::{
    error::ApiError,
    extract::{Id, Page, Paging, PathOf, QueryOf},
    objects,
    state::AppState,
    store::ArtifactRow,
};
use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::TryStreamExt;
use object_store::{GetOptions, GetRange, ObjectStore};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_artifacts)).routes(routes!(get_artifact))
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArtifactView {
    /// Relative path.
    pub path: String,
    /// Size.
    pub bytes: i64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Media type.
    pub media_type: String,
}

/// The files of a run, by path.
#[utoipa::path(get, path = "/api/v1/runs/{id}/artifacts", tag = "artifacts", params(("id" = Uuid, Path), Paging), responses(
    (status = 200, body = Page<ArtifactView>), (status = 404, body = Problem)))]
async fn list_artifacts(
    State(app): State<AppState>,
    Id(id): Id,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<ArtifactView>>, ApiError> {
    read_artifacts(&app, id, &paging).await
}

pub(super) async fn read_artifacts(app: &AppState, id: Uuid, paging: &Paging) -> Result<Json<Page<ArtifactView>>, ApiError> {
    super::runs::require(app, id).await?;
    let (limit, after) = (paging.limit()?, paging.after::<String>()?.unwrap_or_default());
    let rows = app.store.list_artifacts(id, &after, limit + 1).await?;
    let view = |ArtifactRow { path, bytes, sha256, media_type }| ArtifactView { path, bytes, sha256, media_type };
    Ok(Json(Page::cut(rows, limit, |row| row.path.clone(), view)))
}

/// A file, as a download; `Range` and `If-None-Match` work.
#[utoipa::path(get, path = "/api/v1/runs/{id}/artifacts/{*path}", tag = "artifacts", params(("id" = Uuid, Path), ("path" = String, Path)), responses(
    (status = 200, content_type = "application/octet-stream", body = String), (status = 206), (status = 304), (status = 404, body = Problem), (status = 416, body = Problem)))]
async fn get_artifact(
    State(app): State<AppState>,
    PathOf((id, path)): PathOf<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = Uuid::try_parse(&id).map_err(|_| ApiError::NotFound(format!("id `{id}`")))?;
    read_artifact(&app, id, &path, &headers).await
}

pub(super) async fn read_artifact(app: &AppState, id: Uuid, path: &str, headers: &HeaderMap) -> Result<Response, ApiError> {
    let missing = || ApiError::NotFound(format!("artifact `{path}` of run {id}"));
    // PostgreSQL has no text with a zero byte; no path has one either.
    let row = if path.contains('\0') { None } else { app.store.find_artifact(id, path).await? };
    let row = row.ok_or_else(missing)?;
    let etag = format!("\"{}\"", row.sha256);
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let is_same = |tag: &str| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == etag;
    let is_known = text(header::IF_NONE_MATCH).is_some_and(|known| known.split(',').any(is_same));
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let size = row.bytes as u64;
    let unchanged = text(header::IF_RANGE).is_none_or(|known| known == etag);
    let range = text(header::RANGE).filter(|_| unchanged).and_then(|text| parse_range(text, size));
    if let Some(None) = range {
        let body = ApiError::Unprocessable(format!("the range lies outside the {size} bytes of `{path}`")).into_response();
        let (mut parts, body) = body.into_parts();
        parts.status = StatusCode::RANGE_NOT_SATISFIABLE;
        if let Ok(value) = HeaderValue::from_str(&format!("bytes */{size}")) {
            parts.headers.insert(header::CONTENT_RANGE, value);
        }
        return Ok(Response::from_parts(parts, body));
    }
    let is_part = range.is_some();
    let options = GetOptions { range: range.flatten().map(GetRange::Bounded), ..GetOptions::default() };
    let object = app.objects.get_opts(&objects::artifact_path(id, path), options).await?;
    let sent = object.range.clone();
    let mut response = Body::from_stream(object.into_stream().map_err(std::io::Error::other)).into_response();
    let out = response.headers_mut();
    let mut set = |name, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            out.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, row.media_type);
    set(header::ETAG, etag);
    set(header::ACCEPT_RANGES, "bytes".to_owned());
    set(header::CONTENT_LENGTH, (sent.end - sent.start).to_string());
    set(header::CONTENT_DISPOSITION, disposition(path.rsplit('/').next().unwrap_or(path)));
    set(header::CONTENT_ENCODING, "identity".to_owned());
    if is_part {
        set(header::CONTENT_RANGE, format!("bytes {}-{}/{size}", sent.start, sent.end - 1));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// `Content-Disposition` of a download, after RFC 6266: a name in ASCII for everybody, and the name itself where that is another.
pub(crate) fn disposition(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '\\') { c } else { '_' }).collect();
    let mut text = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        text.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
                byte => text.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    text
}

/// One range of bytes: `None` if the header is none we understand (then all is sent), `Some(None)` if it lies outside.
fn parse_range(text: &str, size: u64) -> Option<Option<std::ops::Range<u64>>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.trim(), last.trim()) {
        ("", suffix) => size.saturating_sub(suffix.parse().ok()?)..size,
        (first, "") => first.parse().ok()?..size,
        (first, last) => {
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    Some((range.start < range.end).then_some(range))
}

#[cfg(test)]
mod tests {
    use super::parse_range;

    #[test]
    fn ranges_are_read_as_http_writes_them() {
        assert_eq!(parse_range("bytes=0-9", 100), Some(Some(0..10)));
        assert_eq!(parse_range("bytes=90-", 100), Some(Some(90..100)));
        assert_eq!(parse_range("bytes=-5", 100), Some(Some(95..100)));
        assert_eq!(parse_range("bytes=100-", 100), Some(None));
        assert_eq!(parse_range("bytes=9-5", 100), None);
        assert_eq!(parse_range("lines=1-2", 100), None);
    }
}
