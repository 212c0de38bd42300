//! The worker's half of the protocol: typed calls to the server.

use crate::{
    http,
    protocol::{Answer, AskForRun, CheckpointUpload, Finish, Lease, LeaseProof, Register},
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::time::Duration;
use tokio_util::bytes::Bytes;
use uuid::Uuid;

/// How long an ordinary call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Slowest upload that is still waited for, bytes a second.
const SLOWEST_UPLOAD: u64 = 100_000;

/// Why a call failed, in the kinds that a worker treats differently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The run belongs to somebody else now; drop it.
    #[error("the lease is lost: {0}")]
    LeaseLost(String),
    /// The server lacks items; send again from here.
    #[error("the server expects item {expected} next")]
    Gap {
        /// The ordinal it expects.
        expected: u64,
    },
    /// The server knows no such run or worker.
    #[error("the server does not know it: {0}")]
    Unknown(String),
    /// The token is not accepted.
    #[error("the server refuses this worker's token: {0}. Make one with `engram token create --role worker`.")]
    Unauthorized(String),
    /// The server refuses what was said; saying it again is of no use.
    #[error("the server refused with status {status}: {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The server's reason.
        detail: String,
    },
    /// No answer, or one that says to try again.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
}

/// The fields of an RFC 9457 problem that matter here.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Problem {
    r#type: String,
    title: String,
    detail: String,
    expected_ordinal: Option<u64>,
}

/// A client of one server. Clones share connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<String>,
}

impl Client {
    /// A client of the server at `server`, as `http://host:8080`. Errors: no address, or no trusted certificates for HTTPS.
    pub fn new(server: &str, token: Option<String>) -> Result<Self, CallError> {
        let wrong = |detail: String| CallError::Refused { status: 0, detail };
        let mut base = Url::parse(server).map_err(|error| wrong(format!("`{server}` is no server address: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(wrong(format!("`{server}` is no server address; it must begin with http:// or https://")));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let http = http::builder_for(&base).build().map_err(|error| wrong(http::whole_text(error)))?;
        Ok(Self { http, base, token })
    }

    /// Introduces this worker.
    pub async fn register(&self, body: &Register) -> Result<(), CallError> {
        checked(self.call(Method::POST, "register")?.json(body).timeout(CALL_TIMEOUT)).await.map(|_| ())
    }

    /// Asks for a run and waits for one as long as `body` says. `None`: there was none.
    pub async fn lease(&self, body: &AskForRun) -> Result<Option<Lease>, CallError> {
        let timeout = Duration::from_secs(body.wait_seconds) + CALL_TIMEOUT;
        let response = checked(self.call(Method::POST, "lease")?.json(body).timeout(timeout)).await?;
        if response.status() == StatusCode::NO_CONTENT { Ok(None) } else { parsed(response).await.map(Some) }
    }

    /// Sends a batch, already serialised as a [`crate::protocol::Batch`].
    pub async fn send_batch(&self, run: Uuid, body: Vec<u8>) -> Result<Answer, CallError> {
        let call = self.call(Method::POST, &format!("runs/{run}/batches"))?;
        parsed(checked(call.header(header::CONTENT_TYPE, "application/json").body(body).timeout(CALL_TIMEOUT)).await?).await
    }

    /// Downloads the newest checkpoint of a run.
    pub async fn get_checkpoint(&self, run: Uuid, lease_token: Uuid, bytes: u64) -> Result<Bytes, CallError> {
        let call = self.call_with(Method::GET, &format!("runs/{run}/checkpoint"), &LeaseProof { lease_token })?;
        let response = checked(call.timeout(upload_timeout(bytes))).await?;
        response.bytes().await.map_err(|error| CallError::Unreachable(http::whole_text(error)))
    }

    /// Uploads a checkpoint.
    pub async fn put_checkpoint(&self, run: Uuid, query: &CheckpointUpload, body: Bytes) -> Result<(), CallError> {
        let call = self.call_with(Method::PUT, &format!("runs/{run}/checkpoint"), query)?;
        let timeout = upload_timeout(body.len() as u64);
        let call = call.header(header::CONTENT_TYPE, "application/octet-stream").body(body);
        checked(call.timeout(timeout)).await.map(|_| ())
    }

    /// Uploads a file that a run leaves behind, under its relative `path`.
    pub async fn put_artifact(&self, run: Uuid, lease_token: Uuid, path: &str, media_type: &str, body: Bytes) -> Result<(), CallError> {
        let call = self.call_with(Method::PUT, &format!("runs/{run}/artifacts/{path}"), &LeaseProof { lease_token })?;
        let timeout = upload_timeout(body.len() as u64);
        checked(call.header(header::CONTENT_TYPE, media_type).body(body).timeout(timeout)).await.map(|_| ())
    }

    /// Gives a lease back.
    pub async fn finish(&self, run: Uuid, body: &Finish) -> Result<(), CallError> {
        checked(self.call(Method::POST, &format!("runs/{run}/finish"))?.json(body).timeout(CALL_TIMEOUT)).await.map(|_| ())
    }

    fn call(&self, method: Method, path: &str) -> Result<RequestBuilder, CallError> {
        self.call_with(method, path, &serde_json::Map::new())
    }

    /// A call of `path` below `/api/v1/worker/`, each segment escaped, with the flat object `query`.
    fn call_with(&self, method: Method, path: &str, query: &impl Serialize) -> Result<RequestBuilder, CallError> {
        let wrong = |detail: String| CallError::Refused { status: 0, detail };
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend(["api", "v1", "worker"]).extend(path.split('/')),
            Err(()) => return Err(wrong(format!("`{}` cannot have a path", self.base))),
        };
        if let serde_json::Value::Object(fields) = serde_json::to_value(query).map_err(|error| wrong(error.to_string()))? {
            for (name, value) in fields {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                url.query_pairs_mut().append_pair(&name, &text);
            }
        }
        let call = self.http.request(method, url);
        Ok(match &self.token {
            Some(token) => call.bearer_auth(token),
            None => call,
        })
    }
}

fn upload_timeout(bytes: u64) -> Duration {
    CALL_TIMEOUT + Duration::from_secs(bytes / SLOWEST_UPLOAD)
}

async fn parsed<T: DeserializeOwned>(response: Response) -> Result<T, CallError> {
    // An answer that does not parse comes from something between us and the server; the server itself keeps the contract.
    response.json().await.map_err(|error| CallError::Unreachable(http::whole_text(error)))
}

/// Sends a call and sorts every answer but success into a [`CallError`].
async fn checked(call: RequestBuilder) -> Result<Response, CallError> {
    let response = call.send().await.map_err(|error| CallError::Unreachable(http::whole_text(error)))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text = response.text().await.unwrap_or_default();
    let problem: Problem = serde_json::from_str(&text).unwrap_or_default();
    let detail = [problem.detail, problem.title, text].into_iter().find(|text| !text.is_empty());
    let detail = detail.unwrap_or_else(|| status.to_string()).chars().take(500).collect::<String>();
    Err(match status.as_u16() {
        409 if problem.r#type.ends_with("lease-lost") => CallError::LeaseLost(detail),
        409 if problem.r#type.ends_with("ordinal-gap") => match problem.expected_ordinal {
            Some(expected) => CallError::Gap { expected },
            None => CallError::Refused { status: 409, detail },
        },
        404 | 410 => CallError::Unknown(detail),
        401 | 403 => CallError::Unauthorized(detail),
        408 | 425 | 429 | 500.. => CallError::Unreachable(format!("it answered {status}: {detail}")),
        status => CallError::Refused { status, detail },
    })
}
