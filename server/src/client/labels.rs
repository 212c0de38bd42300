//! Parts of the API's views in words.

use super::calls::Server;
use serde_json::Value;
use server::store::RunStatus;

/// A text field; empty where there is none.
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or("")
}

/// A text of somebody else's without what would steer the terminal; lines stay lines.
pub fn plain(text: &str) -> String {
    text.replace(|c: char| c.is_control() && c != '\n' && c != '\t', " ")
}

/// The id.
pub fn id_of(value: &Value) -> &str {
    text(value, "id")
}

/// The state of a run as the contract's word.
pub fn state_of(run: &Value) -> &str {
    text(run, "status")
}

/// Whether a run has ended for good.
pub fn has_ended(run: &Value) -> bool {
    RunStatus::from_word(state_of(run)).is_some_and(RunStatus::is_terminal)
}

/// What a run or sweep is, in a few words.
pub fn name_of(value: &Value) -> String {
    let seed = value["seed"].as_u64().map(|seed| format!("seed {seed}"));
    let parts = [text(value, "name").to_owned(), text(value, "experiment").to_owned(), text(value, "preset").to_owned()];
    let parts = parts.into_iter().chain(seed).filter(|part| !part.is_empty());
    plain(&parts.collect::<Vec<_>>().join(" · ")).replace('\n', " ")
}

/// The address of its page.
pub fn page_of(server: &Server, value: &Value) -> String {
    server.page(text(&value["links"], "page"))
}

/// How many runs of a sweep are in each state, as `3 succeeded, 1 running`.
pub fn counts_of(sweep: &Value) -> String {
    let count = |status: RunStatus| (sweep["status"][status.word()].as_u64().unwrap_or(0), status.word());
    let counts = RunStatus::ALL.into_iter().map(count).filter(|(count, _)| *count > 0);
    counts.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

/// Seconds as `1 m 12 s`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => format!("{} m {:02} s", whole / 60, whole % 60),
        3_600..86_400 => format!("{} h {:02} m", whole / 3_600, whole / 60 % 60),
        _ => format!("{} d {:02} h", whole / 86_400, whole / 3_600 % 24),
    }
}
