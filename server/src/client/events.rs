//! The events of a run as they come: each once and in order, across lost connections and restarts of the server.

use super::calls::{CallError, Server};
use async_stream::try_stream;
use futures::Stream;
use serde_json::Value;
use server::store::RunStatus;
use std::time::Duration;

/// First and longest wait before asking again.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The server says every 25 s that it is still there; a line that is silent for longer is dead.
const SILENCE: Duration = Duration::from_secs(60);

/// What a follower hears.
#[derive(Debug)]
pub enum Heard {
    /// The next event.
    Event(Value),
    /// The server is away, and why; it is asked again until it is back.
    Lost(String),
    /// It is back; nothing was missed.
    Back,
}

/// The events of a run after the number `after`, to its last one. Fails where asking again is of no use, as for a run that was deleted.
pub fn follow(server: &Server, run: &str, after: i64) -> impl Stream<Item = anyhow::Result<Heard>> {
    try_stream! {
        let (mut last, mut wait, mut is_lost) = (after, FIRST_WAIT, false);
        loop {
            let mut answer = match server.events(run, last).await {
                Ok(Some(answer)) => answer,
                Ok(None) => return,
                Err(error) => {
                    let why = if error.may_pass() { Ok(error.to_string()) } else { Err(error) }?;
                    if !is_lost {
                        is_lost = true;
                        yield Heard::Lost(why);
                    }
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                    continue;
                }
            };
            if is_lost {
                is_lost = false;
                yield Heard::Back;
            }
            let mut buffer = Vec::new();
            while let Ok(Ok(Some(bytes))) = tokio::time::timeout(SILENCE, answer.chunk()).await {
                buffer.extend_from_slice(&bytes);
                for event in take_events(&mut buffer)? {
                    (last, wait) = (event["seq"].as_i64().unwrap_or(last), FIRST_WAIT);
                    let is_end = ends(&event);
                    yield Heard::Event(event);
                    if is_end {
                        return;
                    }
                }
            }
            // A server that stops closes the line before it is gone.
            tokio::time::sleep(FIRST_WAIT).await;
        }
    }
}

/// Whether no event follows this one.
fn ends(event: &Value) -> bool {
    event["type"] == "status" && event["status"].as_str().and_then(RunStatus::from_word).is_some_and(RunStatus::is_terminal)
}

/// Takes the whole messages of an event stream off the front of a buffer.
fn take_events(buffer: &mut Vec<u8>) -> Result<Vec<Value>, CallError> {
    let Some(end) = buffer.windows(2).rposition(|pair| pair == b"\n\n") else { return Ok(Vec::new()) };
    let whole: Vec<u8> = buffer.drain(..end + 2).collect();
    let lines = whole.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data: "));
    let strange =
        |error| CallError::Refused { status: 0, told: format!("the server sent an event that is not JSON: {error}"), marks: Vec::new() };
    lines.map(|line| serde_json::from_slice(line).map_err(strange)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_whole_wherever_the_line_cuts_them() {
        let sent = "id: 1\ndata: {\"seq\":1,\"message\":\"é\"}\n\n: still here\n\nid: 2\ndata: {\"seq\":2}\n\n".as_bytes();
        for cut in 0..sent.len() {
            let (mut buffer, mut taken) = (sent[..cut].to_vec(), Vec::new());
            taken.extend(take_events(&mut buffer).unwrap());
            buffer.extend_from_slice(&sent[cut..]);
            taken.extend(take_events(&mut buffer).unwrap());
            let seqs: Vec<_> = taken.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
            assert_eq!((seqs, buffer.len()), (vec![1, 2], 0), "cut at {cut}");
        }
    }

    #[test]
    fn only_a_terminal_status_ends_a_log() {
        let event = |text: &str| serde_json::from_str(text).unwrap();
        assert!(ends(&event(r#"{"type":"status","status":"failed"}"#)));
        assert!(!ends(&event(r#"{"type":"status","status":"paused"}"#)));
        assert!(!ends(&event(r#"{"type":"log","status":"failed"}"#)));
    }
}
