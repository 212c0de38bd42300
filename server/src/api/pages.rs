//! The dashboard: static files from inside the binary, the page of a share with its title filled in, and pages for dead links.

use super::shared::{MOST_SHARED_RUNS, open_share};
use crate::{error::ApiError, extract::PathOf, state::AppState};
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
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
        .route("/s/{token}", get(share_page))
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

/// The read-only page of a share. Its title and description are filled in here, so that link previews show them. A link that opens nothing
/// any more gets the same page, which then says so.
async fn share_page(State(app): State<AppState>, PathOf(token): PathOf<String>) -> Result<Response, ApiError> {
    let share = match open_share(&app, &token).await {
        Err(ApiError::NotFound(_)) => {
            let page = filled_share_page("This link is no longer valid", "It was revoked or has expired.")?;
            return Ok((StatusCode::NOT_FOUND, page).into_response());
        }
        opened => opened?,
    };
    let runs = app.store.list_shared_runs(&share, MOST_SHARED_RUNS).await?;
    let count = match share.sweep_id {
        Some(sweep_id) => app.store.count_sweep_runs(sweep_id).await?.total(),
        None => runs.len() as i64,
    };
    let title_of = |id: &str| app.registry.find(id).map_or_else(|| id.to_owned(), |entry| entry.card.title.to_owned());
    let first = runs.first();
    let named = first.map(|run| if run.name.is_empty() { title_of(&run.experiment) } else { run.name.clone() });
    let title = if share.title.is_empty() { named.unwrap_or_else(|| "Shared run".to_owned()) } else { share.title };
    let description = match (first, count) {
        (Some(run), 1) => format!("{}, {}, seed {}: {}", title_of(&run.experiment), run.preset, run.seed, outcome(run)?),
        (_, count) => format!("{count} runs"),
    };
    filled_share_page(&title, &description)
}

/// `share.html` with its title and description, for nobody's index, cache or `Referer`.
fn filled_share_page(title: &str, description: &str) -> Result<Response, ApiError> {
    let file = Static::get("share.html").ok_or_else(|| ApiError::Internal("share.html is not in this binary".to_owned()))?;
    let html = String::from_utf8_lossy(&file.data).replace("{{title}}", &escaped(title)).replace("{{description}}", &escaped(description));
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, html).into_response())
}

/// How a run came out, in a few words: its state and its best-known numbers.
fn outcome(run: &crate::store::RunRow) -> Result<String, ApiError> {
    let summary = run.summary()?;
    let accuracies = summary.iter().filter(|(name, _)| name.starts_with("accuracy/test.") && !name.contains('-'));
    let numbers: Vec<_> = accuracies.map(|(name, value)| format!("{} {:.4}", name.trim_start_matches("accuracy/test."), value.0)).collect();
    Ok(if numbers.is_empty() { run.status.word().to_owned() } else { format!("test accuracy {}", numbers.join(", ")) })
}

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
