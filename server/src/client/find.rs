//! Runs and sweeps by their id or its beginning.

use super::{WrongUsage, calls::Server, labels};
use anyhow::bail;
use serde_json::Value;

/// How many hexadecimal digits a beginning has at least: fewer are the same for years.
const FEWEST_DIGITS: usize = 4;
/// How many of several candidates are named.
const MOST_NAMED: usize = 5;

/// What an id names, as the API shows it.
pub enum Thing {
    /// A run.
    Run(Value),
    /// A sweep.
    Sweep(Value),
}

impl Thing {
    /// Its view.
    pub fn value(&self) -> &Value {
        let (Self::Run(value) | Self::Sweep(value)) = self;
        value
    }
}

/// The run or sweep of an id or a beginning that only one has.
pub async fn find(server: &Server, text: &str) -> anyhow::Result<Thing> {
    let id = checked(text)?;
    if id.len() == 36 {
        for kind in ["runs", "sweeps"] {
            match server.get(&format!("{kind}/{id}"), &[]).await {
                Ok(value) => return Ok(if kind == "runs" { Thing::Run(value) } else { Thing::Sweep(value) }),
                Err(error) if error.is_missing() => {}
                Err(error) => return Err(error.into()),
            }
        }
        bail!("there is no run or sweep {id}");
    }
    let runs = beginning_with(server, "runs", &id).await?.into_iter().map(Thing::Run);
    let sweeps = beginning_with(server, "sweeps", &id).await?.into_iter().map(Thing::Sweep);
    only(runs.chain(sweeps).collect(), &id, "run or sweep")
}

/// The run of an id or a beginning that only one has.
pub async fn find_run(server: &Server, text: &str) -> anyhow::Result<Value> {
    let id = checked(text)?;
    if id.len() == 36 {
        return Ok(server.get(&format!("runs/{id}"), &[]).await?);
    }
    let found = beginning_with(server, "runs", &id).await?.into_iter().map(Thing::Run).collect();
    only(found, &id, "run").map(|thing| thing.value().clone())
}

/// The sweep of an id or a beginning that only one has.
pub async fn find_sweep(server: &Server, text: &str) -> anyhow::Result<String> {
    let id = checked(text)?;
    if id.len() == 36 {
        return Ok(id);
    }
    let found = beginning_with(server, "sweeps", &id).await?.into_iter().map(Thing::Sweep).collect();
    only(found, &id, "sweep").map(|thing| labels::id_of(thing.value()).to_owned())
}

/// The text as ids are written. Errors: it cannot begin one.
fn checked(text: &str) -> Result<String, WrongUsage> {
    let id = text.trim().to_lowercase();
    let digits = id.chars().filter(char::is_ascii_hexdigit).count();
    if digits < FEWEST_DIGITS || id.len() > 36 || !id.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Err(WrongUsage(format!(
            "RUN must be an id, or its first {FEWEST_DIGITS} or more digits, as `engram ls` shows them; got {text}"
        )));
    }
    Ok(id)
}

/// Every run or sweep whose id begins so, archived ones too.
async fn beginning_with(server: &Server, kind: &str, id: &str) -> anyhow::Result<Vec<Value>> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let mut query = vec![("limit", "500".to_owned())];
        if kind == "runs" {
            // Names and notes are searched too, so what comes is looked at again below.
            query.extend([("q", id.to_owned()), ("archived", "all".to_owned())]);
        }
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let page = server.get(kind, &query).await?;
        let items = page["items"].as_array().into_iter().flatten();
        found.extend(items.filter(|item| labels::id_of(item).starts_with(id)).cloned());
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() || found.len() > MOST_NAMED {
            return Ok(found);
        }
    }
}

fn only(mut found: Vec<Thing>, id: &str, kind: &str) -> anyhow::Result<Thing> {
    match found.len() {
        0 => bail!("there is no {kind} {id}…"),
        1 => Ok(found.remove(0)),
        _ => {
            let name = |thing: &Thing| format!("\n  {}  {}", labels::id_of(thing.value()), labels::name_of(thing.value()));
            let more = if found.len() > MOST_NAMED { "\n  and more" } else { "" };
            let names: String = found.iter().take(MOST_NAMED).map(name).collect();
            Err(WrongUsage(format!("several begin with {id}; give more digits:{names}{more}")).into())
        }
    }
}
