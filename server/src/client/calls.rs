//! Calls of the API, and its problems as a person at a terminal reads them: by the option that was typed, not by a JSON pointer.

use super::WrongUsage;
use crate::cli::remote::Remote;
use anyhow::Context;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// How long an ordinary call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server answered with a problem.
    #[error("{told}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What is wrong, a fault a line.
        told: String,
        /// Where in a filter it is wrong.
        marks: Vec<Mark>,
    },
    /// No answer, or none of an Engram server.
    #[error("{server} does not answer: {why}")]
    Away {
        /// The address.
        server: String,
        /// The network's reason.
        why: String,
    },
}

impl CallError {
    /// Whether there is no such thing.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether a later call may succeed: nobody was there, or not well.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::Refused { status: 408 | 421 | 425 | 429 | 500.., .. })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    title: String,
    detail: String,
    errors: Vec<Fault>,
}

#[derive(Debug, Deserialize)]
struct Fault {
    pointer: String,
    detail: String,
    /// Of a fault in a filter: characters before it, and its own.
    #[serde(default)]
    position: Option<usize>,
    #[serde(default)]
    length: usize,
}

/// A place of a filter, and what is wrong there.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Characters before it.
    pub position: usize,
    /// Its characters; 0 at the end.
    pub length: usize,
    /// What was found, and what is allowed.
    pub detail: String,
}

/// A server and who we are there.
#[derive(Debug, Clone)]
pub struct Server {
    http: reqwest::Client,
    base: Url,
    token: Option<String>,
}

impl Server {
    /// The server that the options name. Errors: no address; no trusted certificates for HTTPS.
    pub fn new(remote: &Remote) -> anyhow::Result<Self> {
        let wrong = |error: &dyn std::fmt::Display| WrongUsage(format!("--server: `{}` is no address: {error}", remote.server));
        let mut base = Url::parse(&remote.server).map_err(|error| wrong(&error))?;
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let http = worker::http::builder_for(&base).build().context("cannot make an HTTP client")?;
        Ok(Self { http, base, token: remote.token.clone().filter(|token| !token.is_empty()) })
    }

    /// The address of a page of ours, as `/runs/ID`.
    pub fn page(&self, path: &str) -> String {
        format!("{}{}", self.base, path.trim_start_matches('/'))
    }

    /// Reads what is below `/api/v1/`.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, CallError> {
        self.json(self.call(Method::GET, path, query)).await
    }

    /// Writes what is below `/api/v1/`.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        self.json(self.call(Method::POST, path, &[]).json(body)).await
    }

    /// The events of a run after a number as they come; `None` where there are no more.
    pub async fn events(&self, run: &str, after: i64) -> Result<Option<Response>, CallError> {
        let call = self.call(Method::GET, &format!("runs/{run}/events"), &[("after", after.to_string())]);
        // Only the answer's head is waited for with patience; its body lasts as long as the run.
        let answer = tokio::time::timeout(CALL_TIMEOUT, self.answer(call.header(header::ACCEPT, "text/event-stream"))).await;
        let answer = answer.map_err(|_| self.away("it took too long"))??;
        Ok((answer.status() != StatusCode::NO_CONTENT).then_some(answer))
    }

    fn call(&self, method: Method, path: &str, query: &[(&str, String)]) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{}api/v1/{path}", self.base.path()));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let call = self.http.request(method, url);
        match &self.token {
            Some(token) => call.bearer_auth(token),
            None => call,
        }
    }

    async fn json(&self, call: RequestBuilder) -> Result<Value, CallError> {
        let answer = self.answer(call.timeout(CALL_TIMEOUT)).await?;
        answer.json().await.map_err(|error| self.away(&worker::http::whole_text(error)))
    }

    /// Sends a call; everything but success is an error.
    async fn answer(&self, call: RequestBuilder) -> Result<Response, CallError> {
        let answer = call.send().await.map_err(|error| self.away(&worker::http::whole_text(error)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let problem: Problem = serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or_default();
        let mark = |fault: &Fault| fault.position.map(|position| Mark { position, length: fault.length, detail: fault.detail.clone() });
        let marks = problem.errors.iter().filter_map(mark).collect();
        Err(CallError::Refused { status: status.as_u16(), told: told(status, problem), marks })
    }

    fn away(&self, why: &str) -> CallError {
        CallError::Away { server: self.base.as_str().trim_end_matches('/').to_owned(), why: why.to_owned() }
    }
}

/// A problem in words.
fn told(status: StatusCode, problem: Problem) -> String {
    if !problem.errors.is_empty() {
        return problem
            .errors
            .iter()
            .map(|fault| format!("{}: {}", option_of(&fault.pointer), fault.detail))
            .collect::<Vec<_>>()
            .join("\n");
    }
    let text = [problem.detail, problem.title].into_iter().find(|text| !text.is_empty());
    let text = text.unwrap_or_else(|| format!("the server answered {status}"));
    match status {
        StatusCode::UNAUTHORIZED => format!("{text}; give a token with --token or ENGRAM_TOKEN (`engram token create` makes one)"),
        _ => text,
    }
}

/// The option that a place of the body came from.
fn option_of(pointer: &str) -> String {
    let parts: Vec<String> = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    match parts.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["experiment", ..] => "EXPERIMENT".to_owned(),
        ["config"] | ["grid"] => "--set".to_owned(),
        ["config", ref field @ ..] => format!("--set {}", field.join(".")),
        ["grid", field, ..] => format!("--set {field}"),
        ["tags", ..] => "--tag".to_owned(),
        ["expires_in_seconds"] => "--expires".to_owned(),
        ["run_id" | "sweep_id" | "run_ids", ..] => "RUN".to_owned(),
        [field, ..] => format!("--{}", field.replace('_', "-")),
        [] => "the request".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::option_of;

    #[test]
    fn a_fault_is_told_by_the_option_that_it_came_from() {
        for (pointer, option) in [
            ("/experiment", "EXPERIMENT"),
            ("/preset", "--preset"),
            ("/config/learning_rate", "--set learning_rate"),
            ("/config/layers/0/size", "--set layers.0.size"),
            ("/grid/a~1b/2", "--set a/b"),
            ("/seeds/1", "--seeds"),
            ("/max_parallel", "--max-parallel"),
            ("/tags/0", "--tag"),
            ("/expires_in_seconds", "--expires"),
            ("", "the request"),
        ] {
            assert_eq!(option_of(pointer), option);
        }
    }
}
