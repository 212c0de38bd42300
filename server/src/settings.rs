//! `engram.toml`: settings that neither the command line nor the environment gives.

use anyhow::{Context, anyhow, bail};
use lab::schema::nearest;
use std::{env, fs, io::ErrorKind};

/// The options that may stand in the file, with the environment variable of each.
const KNOWN: [(&str, &str); 18] = [
    ("host", "ENGRAM_HOST"),
    ("port", "ENGRAM_PORT"),
    ("data_dir", "ENGRAM_DATA_DIR"),
    ("database_url", "DATABASE_URL"),
    ("storage_url", "ENGRAM_STORAGE_URL"),
    ("public_url", "ENGRAM_PUBLIC_URL"),
    ("allow_host", "ENGRAM_ALLOW_HOST"),
    ("workers", "ENGRAM_WORKERS"),
    ("threads", "ENGRAM_THREADS"),
    ("checkpoint_seconds", "ENGRAM_CHECKPOINT_SECONDS"),
    ("keep_checkpoints", "ENGRAM_KEEP_CHECKPOINTS"),
    ("open", "ENGRAM_OPEN"),
    ("server", "ENGRAM_SERVER"),
    ("token", "ENGRAM_TOKEN"),
    ("device", "ENGRAM_DEVICE"),
    ("name", "ENGRAM_NAME"),
    ("log", "ENGRAM_LOG"),
    ("log_json", "ENGRAM_LOG_JSON"),
];

/// Where the command line finds what the file says.
#[derive(Debug, Default)]
pub struct Settings {
    /// The file; empty where there is none.
    path: String,
    /// Environment variables that hold a value of the file.
    taken: Vec<&'static str>,
}

impl Settings {
    /// Where the value of an option comes from that is not on the command line: `NAME in FILE`, or its environment variable.
    pub fn origin(&self, option: &str) -> Option<String> {
        let name = option.replace('-', "_");
        let (_, variable) = KNOWN.iter().find(|(known, _)| *known == name)?;
        if self.taken.contains(variable) {
            return Some(format!("{name} in {}", self.path));
        }
        env::var_os(variable).map(|_| format!("the environment variable {variable}"))
    }
}

/// Reads `engram.toml` (or the file that `ENGRAM_CONFIG` names) and puts each setting where the command line looks for it, unless the
/// environment has it already. Errors: an unreadable or malformed file, an unknown setting.
pub fn load() -> anyhow::Result<Settings> {
    let named = env::var("ENGRAM_CONFIG").ok();
    let path = named.as_deref().unwrap_or("engram.toml");
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => return Ok(Settings::default()),
        Err(error) => return Err(error).with_context(|| format!("cannot read the settings in {path}")),
    };
    let table: toml::Table = text.parse().map_err(|error| not_toml(path, &text, &error))?;
    let mut taken = Vec::new();
    for (name, value) in table {
        let Some((_, variable)) = KNOWN.iter().find(|(known, _)| *known == name) else {
            let near = nearest(&name, KNOWN.iter().map(|(known, _)| *known)).unwrap_or("port");
            bail!("{path} has an unknown setting `{name}`; did you mean `{near}`?");
        };
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            other => bail!("{path}: {name} must be a text, a number or true/false; got {}", other.type_str()),
        };
        if env::var_os(variable).is_none() {
            // SAFETY: this is the first thing main does; no other thread exists that could read the environment.
            unsafe { env::set_var(variable, text) };
            taken.push(*variable);
        }
    }
    Ok(Settings { path: path.to_owned(), taken })
}

/// The parser's own text spans several lines; this is one.
fn not_toml(path: &str, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
    anyhow!("{path} is not valid TOML, see line {line}: {}", error.message().replace('\n', "; "))
}
