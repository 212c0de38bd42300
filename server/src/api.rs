//! The HTTP contract: one module per resource, and the router that holds them all with its OpenAPI document.

pub mod artifacts;
pub mod catalogue;
pub mod datasets;
pub mod events;
pub mod evidence;
pub mod exports;
pub mod forks;
pub mod frames;
pub mod logs;
pub mod many_events;
mod needs;
pub mod operations;
pub mod pages;
pub mod run_actions;
pub mod run_bulk;
pub mod run_curves;
pub mod run_fields;
pub mod run_groups;
pub mod run_list;
pub mod runs;
pub mod sameness;
pub mod series;
pub mod session;
pub mod share_page;
pub mod shared;
pub mod shares;
mod sweep_forecast;
mod sweep_plan;
pub mod sweeps;
pub mod views;
pub mod worker_protocol;
pub mod workers;

use crate::{error::ApiError, guard, idempotency, metrics, state::AppState};
use axum::{
    Router,
    extract::Request,
    http::{Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use std::any::Any;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};
use utoipa::{OpenApi, openapi};
use utoipa_axum::router::OpenApiRouter;

/// The document's own part; paths and schemas come from the routes.
#[derive(OpenApi)]
#[openapi(info(
    title = "Engram",
    description = "A web lab for bio-inspired learning: submit an experiment, watch it learn live, send a teammate the link. \
        Non-finite numbers travel as the strings \"NaN\", \"Infinity\" and \"-Infinity\". Errors are application/problem+json (RFC 9457)."
))]
struct Document;

/// Routes and document, which cannot part.
pub fn routes() -> (Router<AppState>, openapi::OpenApi) {
    let mut document = Document::openapi();
    document.info.version = worker::VERSION.to_owned();
    let (router, document) = OpenApiRouter::with_openapi(document)
        .merge(catalogue::router())
        .merge(datasets::router())
        .merge(runs::router())
        .merge(run_list::router())
        .merge(run_fields::router())
        .merge(run_groups::router())
        .merge(run_curves::router())
        .merge(run_bulk::router())
        .merge(run_actions::router())
        .merge(forks::router())
        .merge(sameness::router())
        .merge(series::router())
        .merge(frames::router())
        .merge(logs::router())
        .merge(artifacts::router())
        .merge(exports::router())
        .merge(events::router())
        .merge(many_events::router())
        .merge(sweeps::router())
        .merge(sweep_forecast::router())
        .merge(evidence::router())
        .merge(shares::router())
        .merge(shared::router())
        .merge(session::router())
        .merge(workers::router())
        .merge(worker_protocol::router())
        .merge(operations::router())
        .split_for_parts();
    (router, document)
}

/// The whole application.
pub fn app(state: AppState) -> Router {
    let (router, _) = routes();
    router
        .merge(pages::router())
        .merge(share_page::router())
        .fallback(pages::missing)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(state.clone(), idempotency::idempotency))
        .layer(middleware::from_fn(never_cache_answers))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(state.clone(), guard::guard))
        .layer(middleware::from_fn_with_state(state.clone(), metrics::count_requests))
        .with_state(state)
}

/// A share opens reading and nothing else, so that there nothing else exists.
async fn wrong_method(request: Request) -> ApiError {
    match request.uri().path() {
        path if path.starts_with("/api/v1/shared/") => ApiError::NotFound(format!("{} of a share", request.method())),
        _ => ApiError::MethodNotAllowed,
    }
}

/// Answers of the API are true only now; a browser must not keep them.
async fn never_cache_answers(request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let is_options = request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    if is_api && !is_options {
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(header::HeaderValue::from_static("no-store"));
    }
    response
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("(no text)"), "a request handler panicked");
    let mut response = ApiError::Internal("a request handler panicked".to_owned()).into_response();
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
