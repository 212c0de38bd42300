//! What stands before every route: request ids, the Host and Origin checks, who is calling, and the security headers.

use crate::{
    error::{ApiError, REQUEST_ID},
    extract::{BODY_LIMIT, read_body},
    secret,
    state::AppState,
    store::Role,
};
use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::net::{IpAddr, SocketAddr};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Name of the session cookie.
pub const COOKIE: &str = "engram_token";

/// Who is calling.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The token's name; `local` without login.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether a token was needed.
    pub by_token: bool,
    /// Whether this is one of this server's own local workers.
    pub is_local_worker: bool,
}

const SECURITY_HEADERS: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// The guard itself, outside every route.
pub async fn guard(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let method = request.method().clone();
    let path = masked(request.uri().path());
    let started = std::time::Instant::now();
    let (mut parts, body) = request.into_parts();
    let answer = async {
        match admit(&app, &parts).await {
            Ok(caller) => {
                if let Some(caller) = caller {
                    parts.extensions.insert(caller);
                }
                next.run(Request::from_parts(parts, body)).await
            }
            Err(error) => {
                // The body is read and dropped, so that a client that is still sending sees the answer.
                let _ = read_body(body, BODY_LIMIT).await;
                error.into_response()
            }
        }
    };
    let mut response = REQUEST_ID.scope(id.clone(), answer).await;
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", value);
    }
    tracing::debug!(%method, path, status = response.status().as_u16(), ms = started.elapsed().as_secs_f64() * 1e3, request = id, "answered");
    response
}

/// Share tokens stay out of logs.
fn masked(path: &str) -> String {
    for prefix in ["/s/", "/api/v1/shared/"] {
        if let Some(rest) = path.strip_prefix(prefix) {
            let tail = rest.find('/').map_or("", |at| &rest[at..]);
            return format!("{prefix}***{tail}");
        }
    }
    path.to_owned()
}

/// What a path asks of its caller.
enum Door {
    /// Anybody, credentials ignored.
    Open,
    /// At least this role.
    Needs(Role),
}

fn door(method: &Method, path: &str) -> Door {
    let open = !path.starts_with("/api/") && path != "/metrics"
        || path.starts_with("/api/v1/shared/")
        || matches!(path, "/api/v1/login" | "/api/v1/logout" | "/api/v1/openapi.json" | "/api/docs");
    if open {
        Door::Open
    } else if path.starts_with("/api/v1/worker/") {
        Door::Needs(Role::Worker)
    } else if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        Door::Needs(Role::Viewer)
    } else {
        Door::Needs(Role::Member)
    }
}

async fn admit(app: &AppState, request: &Parts) -> Result<Option<Caller>, ApiError> {
    let headers = &request.headers;
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).or_else(|| request.uri.authority().map(|a| a.as_str()));
    let Some(host) = host else { return Err(ApiError::Malformed("the request has no Host".to_owned())) };
    if !is_our_host(app, host) {
        return Err(ApiError::Misdirected(host_name(host).to_owned()));
    }
    let is_write = !matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if is_write || headers.contains_key(header::UPGRADE) {
        check_origin(app, headers, host)?;
    }
    let needed = match door(&request.method, request.uri.path()) {
        Door::Open => return Ok(None),
        Door::Needs(role) => role,
    };
    let peer = request.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let caller = identify(app, headers, host, peer).await?;
    let allowed = match needed {
        Role::Worker => matches!(caller.role, Role::Worker | Role::Admin),
        needed => caller.role >= needed,
    };
    if !allowed {
        return Err(ApiError::Forbidden(format!("a token of role {} may not do this; it needs {}", caller.role.word(), needed.word())));
    }
    Ok(Some(caller))
}

/// Host without its port.
fn host_name(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

fn is_loopback_name(name: &str) -> bool {
    matches!(name, "localhost" | "127.0.0.1" | "::1")
}

/// Names can be rebound by whoever owns their DNS, addresses cannot: a server open to others answers to any address, and to the names it
/// was told.
fn is_our_host(app: &AppState, host: &str) -> bool {
    let name = host_name(host);
    is_loopback_name(name)
        || (!app.config.address.ip().is_loopback() && name.parse::<IpAddr>().is_ok())
        || app.config.allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
        || app.config.public_authority().is_some_and(|authority| host_name(authority).eq_ignore_ascii_case(name))
}

fn check_origin(app: &AppState, headers: &HeaderMap, host: &str) -> Result<(), ApiError> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or("null");
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let same = authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host) || app.config.public_authority() == Some(authority));
    if same { Ok(()) } else { Err(ApiError::Forbidden(format!("requests from the page {origin} are not allowed"))) }
}

async fn identify(app: &AppState, headers: &HeaderMap, host: &str, peer: Option<IpAddr>) -> Result<Caller, ApiError> {
    const WRONG: ApiError = ApiError::Unauthorized("this token is not valid; it may have been revoked");
    let bearer = headers.get(header::AUTHORIZATION).map(|value| value.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")));
    let secret = match bearer {
        Some(None) => return Err(WRONG),
        Some(Some(secret)) => Some(secret.trim()),
        None => cookie(headers),
    };
    if let Some(secret) = secret {
        let hash = secret::hash(secret);
        if bool::from(hash.ct_eq(&app.config.local_worker_hash)) {
            return Ok(Caller { name: "local".to_owned(), role: Role::Worker, by_token: true, is_local_worker: true });
        }
        return match app.store.find_token(&hash).await? {
            Some(token) => Ok(Caller { name: token.name, role: token.role, by_token: true, is_local_worker: false }),
            None => Err(WRONG),
        };
    }
    let forwarded = headers.keys().any(|name| name == "forwarded" || name.as_str().starts_with("x-forwarded-"));
    let local = peer.is_some_and(|ip| ip.to_canonical().is_loopback()) && is_loopback_name(host_name(host)) && !forwarded;
    if local && app.config.public_url.is_none() {
        return Ok(Caller { name: "local".to_owned(), role: Role::Admin, by_token: false, is_local_worker: false });
    }
    Err(ApiError::Unauthorized("log in, or send a token as `Authorization: Bearer …`"))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    cookies.filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_with_and_without_ports() {
        assert_eq!(["[::1]:80", "localhost:8080", "a.example"].map(host_name), ["::1", "localhost", "a.example"]);
    }

    #[test]
    fn share_tokens_are_masked() {
        assert_eq!(masked("/api/v1/shared/abc/runs/1"), "/api/v1/shared/***/runs/1");
        assert_eq!(masked("/s/abc"), "/s/***");
        assert_eq!(masked("/api/v1/runs"), "/api/v1/runs");
    }
}
