//! The one place where a failure meets a status code: problem details after RFC 9457.

use crate::{
    filter::FilterFault,
    store::{AppendError, ChangeError, StoreError},
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use lab::ConfigFaults;
use serde_json::{Value, json};

tokio::task_local! {
    /// The id of the request being answered.
    pub static REQUEST_ID: String;
}

/// Everything a request can be answered with instead of its result.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Malformed JSON, a malformed query or path.
    #[error("{0}")]
    Malformed(String),
    /// No credential where one is needed, or a wrong one.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// This path has no such method.
    #[error("this path does not answer to that method")]
    MethodNotAllowed,
    /// The state of things does not allow it; the word is the problem's type.
    #[error("{1}")]
    Conflict(&'static str, String),
    /// A worker skipped items.
    #[error("items are missing: expected ordinal {0}")]
    Gap(u64),
    /// The body is larger than the first number of bytes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The body is not JSON by its media type.
    #[error("the body must be application/json; got {0}")]
    UnsupportedMediaType(String),
    /// The Host header is not ours.
    #[error("this server does not answer to the host {0}; to allow it start engram with --allow-host {0} (or --public-url)")]
    Misdirected(String),
    /// The body has faults, each with its pointer.
    #[error("{}", told(.0))]
    Invalid(ConfigFaults),
    /// A filter has faults; the pointer says which part of the request it was.
    #[error("the filter is not valid: {}", told_of_filter(.1))]
    Filter(&'static str, Vec<FilterFault>),
    /// Well-formed, but not possible.
    #[error("{0}")]
    Unprocessable(String),
    /// Not now.
    #[error("{0}")]
    Unavailable(String),
    /// The database failed; clients read this text, the log gets the source.
    #[error("something failed on our side")]
    Store(StoreError),
    /// The database cannot be reached, or another program holds it: nothing was written, nothing is lost.
    #[error("the server's database does not answer at the moment; nothing was changed: send it again")]
    DatabaseAway,
    /// The disk is full: nothing was written, nothing is lost.
    #[error("the server's disk is full; nothing was changed: make room and send it again")]
    DiskFull,
    /// Anything else that failed on our side.
    #[error("something failed on our side")]
    Internal(String),
}

fn told(faults: &ConfigFaults) -> String {
    match faults.0.len() {
        1 => faults.to_string(),
        count => format!("{count} faults: {faults}"),
    }
}

fn told_of_filter(faults: &[FilterFault]) -> String {
    faults.iter().map(|fault| format!("at character {}: {}", fault.position + 1, fault.detail)).collect::<Vec<_>>().join("; ")
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            error if error.is_disk_full() => Self::DiskFull,
            error if error.is_absent() => {
                tracing::warn!(%error, "the database cannot be reached");
                Self::DatabaseAway
            }
            _ => Self::Store(error),
        }
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotFound(id) => Self::NotFound(format!("run {id}")),
            ChangeError::NoSweep(id) => Self::NotFound(format!("sweep {id}")),
            ChangeError::NotAllowed(why) => Self::Conflict("not-allowed", why),
            ChangeError::LeaseLost(_) => Self::Conflict("lease-lost", error.to_string()),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<AppendError> for ApiError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::LeaseLost(_) => Self::Conflict("lease-lost", error.to_string()),
            AppendError::Gap { expected } => Self::Gap(expected),
            AppendError::Refused(why) => Self::Unprocessable(why),
            AppendError::Store(error) => error.into(),
        }
    }
}

impl From<object_store::Error> for ApiError {
    fn from(error: object_store::Error) -> Self {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(inner) = cause {
            let kind = inner.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            if matches!(kind, Some(StorageFull | QuotaExceeded | FileTooLarge)) {
                return Self::DiskFull;
            }
            cause = inner.source();
        }
        Self::Internal(format!("object store: {error}"))
    }
}

/// How the database failed; an answer that tells of it carries this as an extension, for the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseFailure {
    /// The disk is full.
    Full,
    /// It cannot be reached, or is locked.
    Away,
    /// Anything else.
    Other,
    /// What the server does by itself now and then did not succeed.
    Housekeeping,
}

impl DatabaseFailure {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Full, Self::Away, Self::Other, Self::Housekeeping];

    /// Its name among the figures.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Away => "away",
            Self::Other => "other",
            Self::Housekeeping => "housekeeping",
        }
    }
}

impl ApiError {
    fn database_failure(&self) -> Option<DatabaseFailure> {
        match self {
            Self::DiskFull => Some(DatabaseFailure::Full),
            Self::DatabaseAway => Some(DatabaseFailure::Away),
            Self::Store(_) => Some(DatabaseFailure::Other),
            _ => None,
        }
    }

    fn parts(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed", "The request is malformed"),
            Self::Unauthorized(_) => (StatusCode::UNAUTHORIZED, "unauthorized", "A valid token is needed"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed"),
            Self::Conflict(kind, _) => (StatusCode::CONFLICT, kind, "The state does not allow it"),
            Self::Gap(_) => (StatusCode::CONFLICT, "ordinal-gap", "Items are missing"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::UnsupportedMediaType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Wrong media type"),
            Self::Misdirected(_) => (StatusCode::MISDIRECTED_REQUEST, "misdirected", "Unknown host"),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The request is not valid"),
            Self::Filter(..) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid-filter", "The filter is not valid"),
            Self::Unprocessable(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", "The request cannot be done"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now"),
            Self::DatabaseAway => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now"),
            Self::DiskFull => (StatusCode::INSUFFICIENT_STORAGE, "disk-full", "The disk is full"),
            Self::Store(_) | Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, kind, title) = self.parts();
        if status.is_server_error() {
            tracing::error!(error = ?self, "request failed");
        }
        let instance = REQUEST_ID.try_with(Clone::clone).ok();
        let mut body = json!({
            "type": format!("/problems/{kind}"), "title": title, "status": status.as_u16(), "detail": self.to_string(), "instance": instance,
        });
        match &self {
            Self::Invalid(faults) => body["errors"] = json!(faults.0),
            Self::Filter(pointer, faults) => {
                let fault = |fault: &FilterFault| json!({ "pointer": pointer, "detail": fault.detail, "position": fault.position, "length": fault.length });
                body["errors"] = faults.iter().map(fault).collect();
            }
            Self::Gap(expected) => body["expected_ordinal"] = Value::from(*expected),
            _ => {}
        }
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response();
        if let Some(kind) = self.database_failure() {
            response.extensions_mut().insert(kind);
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
