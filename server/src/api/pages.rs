//! The dashboard: static files from inside the binary, and pages for dead links.

use crate::{error::ApiError, extract::PathOf, state::AppState};
use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::Embed;

/// The files of `static/`; read from disk in development builds, part of the binary in release builds.
#[derive(Embed)]
#[folder = "../static"]
struct Static;

/// A file of `static/` as text.
pub(crate) fn static_text(path: &str) -> Option<String> {
    Static::get(path).map(|file| String::from_utf8_lossy(&file.data).into_owned())
}

/// Routes of the pages.
pub fn router() -> Router<AppState> {
    let index = || get(|headers: HeaderMap| async move { page("index.html", &headers) });
    Router::new()
        .route("/", index())
        .route("/experiments", index())
        .route("/new/{experiment}", index())
        .route("/runs", index())
        .route("/runs/{id}", index())
        .route("/sweeps", index())
        .route("/sweeps/{id}", index())
        .route("/compare", index())
        .route("/shares", index())
        .route("/lab", index())
        .route("/login", index())
        .route("/api/docs", get(|headers: HeaderMap| async move { page("docs.html", &headers) }))
        .route("/static/{*path}", get(|PathOf(path): PathOf<String>, headers: HeaderMap| async move { page(&path, &headers) }))
}

fn page(path: &str, headers: &HeaderMap) -> Response {
    let Some(file) = Static::get(path) else { return ApiError::NotFound(format!("page `{path}`")).into_response() };
    let etag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let media_type = mime_guess::from_path(path).first_or_octet_stream();
    let kept = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    // Checked each time: a new version must not run with files of the old one.
    let cache = (header::CACHE_CONTROL, "no-cache".to_owned());
    if kept.is_some_and(|kept| kept.trim_start_matches("W/") == etag) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, etag), cache]).into_response();
    }
    let content_type = if media_type.type_() == "text" { format!("{media_type}; charset=utf-8") } else { media_type.to_string() };
    ([(header::CONTENT_TYPE, content_type), (header::ETAG, etag), cache], file.data.into_owned()).into_response()
}

/// What answers an address that names nothing: to a person the dashboard, which says so, to a program a problem.
pub async fn missing(request: Request) -> Response {
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (path, is_read) = (request.uri().path(), matches!(*request.method(), Method::GET | Method::HEAD));
    if !is_read || !accepts.contains("text/html") || path.starts_with("/api/") {
        return ApiError::NotFound(format!("page {path}")).into_response();
    }
    let mut response = page("index.html", &HeaderMap::new());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// Text inside HTML.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
