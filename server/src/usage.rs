//! Wrong usage in one sentence: what is wrong, where it stands, and where to read what is right.

use crate::settings::Settings;
use clap::error::{ContextKind, ContextValue};

/// What the command line's parser found, on one line. It knows options only; the value may stand in a file or in the environment.
pub fn explain(error: &clap::Error, settings: &Settings) -> anyhow::Error {
    let text = error.render().to_string();
    let told = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"));
    let told = told.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ").replace(" tip: ", "; ");
    let told = told.strip_prefix("error: ").unwrap_or(&told);
    let origin = option(error).and_then(|option| settings.origin(&option)).map_or(String::new(), |origin| format!(" ({origin})"));
    anyhow::anyhow!("{told}{origin}; `engram --help` shows what may be said")
}

/// The name of the option whose value is wrong, as `port`, unless it stands on the command line.
fn option(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else { return None };
    let long = shown.split_whitespace().next()?.strip_prefix("--")?.to_owned();
    let flag = format!("--{long}");
    let is_here = |word: String| word == flag || word.strip_prefix(&flag).is_some_and(|rest| rest.starts_with('='));
    (!std::env::args().any(is_here)).then_some(long)
}
