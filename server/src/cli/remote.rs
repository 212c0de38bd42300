//! Options of the commands that talk to a server: submit, fork, ls, watch, logs, cancel, share.

use super::{parse_address, parse_setting};
use clap::{
    Args,
    builder::{PossibleValue, StringValueParser, TypedValueParser},
};
use server::{clock::read_seconds, filter::FIELDS};
use std::ffi::OsStr;

/// Where the server is, who calls, and how to answer.
#[derive(Debug, Clone, Args)]
pub struct Remote {
    /// Address of the server
    #[arg(long, env = "ENGRAM_SERVER", default_value = "http://127.0.0.1:8080", value_parser = parse_address)]
    pub server: String,
    /// Token, where the server wants one; members may submit, viewers may look
    #[arg(long, env = "ENGRAM_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Print what the server answers as JSON; while watching, one event a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct Submit {
    /// Experiment id, as g2gnet
    pub experiment: String,
    /// Preset id
    #[arg(long, default_value = "quick")]
    pub preset: String,
    /// A field that differs from the preset: FIELD=VALUE; may be repeated. Commas make a sweep over the values, as in sparsity=0.5,0.9
    #[arg(long, value_name = "FIELD=VALUE", value_parser = parse_setting)]
    pub set: Vec<(String, String)>,
    /// Seed  [default: the preset's first]
    #[arg(long, conflicts_with = "seeds")]
    pub seed: Option<u64>,
    /// A sweep over seeds: 5 for the first five of 0, 1, 2, …, or a list as 3,14,15
    #[arg(long, value_parser = parse_seeds)]
    pub seeds: Option<Seeds>,
    /// Most runs of the sweep that run at once
    #[arg(long)]
    pub max_parallel: Option<i64>,
    /// Name of the run or the sweep
    #[arg(long)]
    pub name: Option<String>,
    /// Project, a word  [default: default]
    #[arg(long)]
    pub project: Option<String>,
    /// Tag; may be repeated
    #[arg(long)]
    pub tag: Vec<String>,
    /// −100 to 100; higher goes first
    #[arg(long, allow_negative_numbers = true)]
    pub priority: Option<i64>,
    /// auto, cpu or cuda:N
    #[arg(long)]
    pub device: Option<String>,
    /// Stay and watch until the end
    #[arg(long)]
    pub watch: bool,
    #[command(flatten)]
    pub remote: Remote,
}

#[derive(Debug, Clone, Args)]
pub struct Fork {
    /// Id of a run, or its beginning
    pub run: String,
    /// The step of one of its checkpoints, from which the new run goes on
    #[arg(long)]
    pub step: u64,
    /// A field that changes from there on: FIELD=VALUE; may be repeated
    #[arg(short, long, value_name = "FIELD=VALUE", value_parser = parse_setting)]
    pub set: Vec<(String, String)>,
    /// Name of the new run  [default: that of the run]
    #[arg(long)]
    pub name: Option<String>,
    /// Stay and watch until the end
    #[arg(long)]
    pub watch: bool,
    #[command(flatten)]
    pub remote: Remote,
}

/// The seeds of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seeds {
    /// The first so many of 0, 1, 2, ….
    First(u64),
    /// These.
    These(Vec<u64>),
}

fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let wrong = |_| format!("must be a number of seeds as 5, or a list as 3,14,15; got {text}");
    if text.contains(',') {
        return text.split(',').map(|seed| seed.trim().parse()).collect::<Result<_, _>>().map(Seeds::These).map_err(wrong);
    }
    text.parse().map(Seeds::First).map_err(wrong)
}

/// Takes any text, which only the server can judge; shells complete the fields that a filter begins with.
#[derive(Debug, Clone, Copy)]
pub struct FilterText;

impl TypedValueParser for FilterText {
    type Value = String;

    fn parse_ref(&self, command: &clap::Command, argument: Option<&clap::Arg>, value: &OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = FIELDS.iter().map(|field| field.name).chain(["config.", "summary."]);
        Some(Box::new(names.map(PossibleValue::new)))
    }
}

#[derive(Debug, Clone, Args)]
pub struct Ls {
    /// What runs must be, in the language of the list of runs, as 'status = failed and config.batch_size >= 64'
    #[arg(short, long, value_name = "EXPRESSION", value_parser = FilterText, hide_possible_values = true)]
    pub filter: Option<String>,
    /// Experiment id
    #[arg(long)]
    pub experiment: Option<String>,
    /// States, separated by commas: queued, running, paused, succeeded, failed, cancelled
    #[arg(long)]
    pub status: Option<String>,
    /// Tag
    #[arg(long)]
    pub tag: Option<String>,
    /// Project
    #[arg(long)]
    pub project: Option<String>,
    /// Owner, the name of a token
    #[arg(long)]
    pub created_by: Option<String>,
    /// Sweep id, or its beginning
    #[arg(long)]
    pub sweep: Option<String>,
    /// Part of the name or note, or the beginning of an id
    #[arg(short, long, value_name = "TEXT")]
    pub q: Option<String>,
    /// Archived runs: false, true or all  [default: false]
    #[arg(long)]
    pub archived: Option<String>,
    /// created_at, name or summary.NAME; a minus sign turns it round  [default: -created_at]
    #[arg(long, allow_hyphen_values = true)]
    pub sort: Option<String>,
    /// Most runs to show
    #[arg(short = 'n', long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    #[command(flatten)]
    pub remote: Remote,
}

#[derive(Debug, Clone, Args)]
pub struct Watch {
    /// Id of a run or a sweep, or its beginning
    pub run: String,
    #[command(flatten)]
    pub remote: Remote,
}

#[derive(Debug, Clone, Args)]
pub struct Logs {
    /// Id of a run, or its beginning
    pub run: String,
    /// Go on until the run has ended
    #[arg(short, long)]
    pub follow: bool,
    #[command(flatten)]
    pub remote: Remote,
}

#[derive(Debug, Clone, Args)]
pub struct Cancel {
    /// Ids of runs or sweeps, or their beginnings
    #[arg(required = true)]
    pub run: Vec<String>,
    #[command(flatten)]
    pub remote: Remote,
}

#[derive(Debug, Clone, Args)]
pub struct Share {
    /// Id of a run or a sweep, or its beginning; several runs share one link
    #[arg(required = true)]
    pub run: Vec<String>,
    /// Title of the page
    #[arg(long)]
    pub title: Option<String>,
    /// How long the link opens: a number and s, m, h, d or w, as 7d  [default: until it is revoked]
    #[arg(long, value_parser = parse_duration)]
    pub expires: Option<u64>,
    #[command(flatten)]
    pub remote: Remote,
}

/// Seconds.
fn parse_duration(text: &str) -> Result<u64, String> {
    let allowed = |seconds: &u64| (1..=365 * 86_400).contains(seconds);
    read_seconds(text).filter(allowed).ok_or_else(|| format!("must be a number and s, m, h, d or w, as 7d, at most 365d; got {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_with_its_unit_and_seeds_are_a_count_or_a_list() {
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("12h", 43_200), ("7d", 604_800), ("2w", 1_209_600), ("365d", 31_536_000)] {
            assert_eq!(parse_duration(text), Ok(seconds), "{text}");
        }
        for text in ["", "7", "d", "0s", "1.5h", "366d", "-1d", "7é", "99999999999999999999w"] {
            assert!(parse_duration(text).unwrap_err().contains("as 7d"), "{text}");
        }
        assert_eq!(parse_seeds("5"), Ok(Seeds::First(5)));
        assert_eq!(parse_seeds("3, 14"), Ok(Seeds::These(vec![3, 14])));
        for text in ["", "x", "1,", "1,x", "-1"] {
            assert!(parse_seeds(text).is_err(), "{text}");
        }
    }
}
