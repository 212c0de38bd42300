//! Downloading one file over HTTP, resumed where it broke off.

use super::{accept, lock::Lock};
use crate::{backoff::Backoff, http};
use futures::StreamExt;
use lab::datasets::{DataFile, DataSet};
use reqwest::{Client, StatusCode, Url, header};
use std::{path::Path, time::Duration};
use tokio::{fs::OpenOptions, io::AsyncWriteExt};

/// Tries of one address; each goes on where the last broke off.
const TRIES: u32 = 5;
/// A download is broken when nothing comes for so long.
const SILENCE: Duration = Duration::from_secs(30);

/// What went wrong with one try.
enum Fault {
    /// The way there or back broke; another try may do.
    Broken(String),
    /// Another try of this address is of no use.
    Hopeless(String),
}

/// Downloads `file` of `set` into `place` from the first of the set's addresses that has it, telling the share that has come.
/// Errors: what each address said.
pub(super) async fn file(
    set: &'static DataSet,
    file: &'static DataFile,
    place: &Path,
    lock: &Lock,
    tell: &mut (dyn FnMut(f64) + Send),
) -> Result<(), String> {
    let packed = format!("{}.gz", file.name);
    // Ends in .gz, so that it is checked like the file it becomes.
    let part = place.join(format!("{}{}.part.gz", file.name, lock.suffix));
    let mut tried = Vec::new();
    for address in set.addresses {
        let url = format!("{address}{packed}");
        match from_address(&url, file, &part, &place.join(&packed), tell).await {
            Ok(()) => return Ok(()),
            Err(why) => tried.push(format!("{url}: {why}")),
        }
    }
    Err(tried.join("; "))
}

async fn from_address(
    url: &str,
    file: &'static DataFile,
    part: &Path,
    whole: &Path,
    tell: &mut (dyn FnMut(f64) + Send),
) -> Result<(), String> {
    let url = Url::parse(url).map_err(|error| error.to_string())?;
    let client = http::builder_for(&url).read_timeout(SILENCE).build().map_err(http::whole_text)?;
    let mut backoff = Backoff::default();
    let mut last = String::new();
    for _ in 0..TRIES {
        let resumed = part.metadata().is_ok_and(|metadata| metadata.len() > 0);
        let fault = match transfer(&client, url.clone(), part, tell).await {
            Ok(()) => match accept(file, part.to_owned(), whole.to_owned()).await {
                Ok(()) => return Ok(()),
                Err(why) => {
                    // What was left from before may have been another version of the file; a fresh one is what the address has.
                    tokio::fs::remove_file(part).await.ok();
                    if resumed { Fault::Broken(why) } else { Fault::Hopeless(why) }
                }
            },
            Err(fault) => fault,
        };
        match fault {
            Fault::Hopeless(why) => return Err(why),
            Fault::Broken(why) => last = why,
        }
        tokio::time::sleep(backoff.next()).await;
    }
    Err(last)
}

/// Brings what `part` lacks.
async fn transfer(client: &Client, url: Url, part: &Path, tell: &mut (dyn FnMut(f64) + Send)) -> Result<(), Fault> {
    let mut have = part.metadata().map_or(0, |metadata| metadata.len());
    let mut request = client.get(url);
    if have > 0 {
        request = request.header(header::RANGE, format!("bytes={have}-"));
    }
    let response = request.send().await.map_err(|error| {
        // A machine without a way out says so at once, and a package client is worth a try sooner.
        if error.is_connect() { Fault::Hopeless(http::whole_text(error)) } else { Fault::Broken(http::whole_text(error)) }
    })?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT if starts_at(&response, have) => {}
        StatusCode::OK => have = 0,
        // Nothing follows what is here: it is whole, or none of this file. The check tells.
        StatusCode::RANGE_NOT_SATISFIABLE if have > 0 => return Ok(()),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            return Err(Fault::Broken(format!("it answered {status}")));
        }
        status => return Err(Fault::Hopeless(format!("it answered {status}"))),
    }
    let whole = response.content_length().map(|rest| have + rest);
    let unwritable = |error: std::io::Error| Fault::Hopeless(format!("{} cannot be written: {error}", part.display()));
    let mut to = OpenOptions::new().create(true).append(have > 0).write(true).truncate(have == 0).open(part).await.map_err(unwritable)?;
    let mut chunks = response.bytes_stream();
    let mut broken = None;
    while let Some(chunk) = chunks.next().await {
        match chunk {
            Ok(chunk) => {
                to.write_all(&chunk).await.map_err(unwritable)?;
                have += chunk.len() as u64;
                tell(whole.map_or(0.0, |whole| have as f64 / whole.max(1) as f64));
            }
            Err(error) => {
                broken = Some(http::whole_text(error));
                break;
            }
        }
    }
    // What came before a break is kept for the next try.
    to.flush().await.map_err(unwritable)?;
    to.sync_all().await.map_err(unwritable)?;
    broken.map_or(Ok(()), |why| Err(Fault::Broken(why)))
}

/// Whether a partial answer begins where our part ends.
fn starts_at(response: &reqwest::Response, offset: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    range.and_then(|range| range.strip_prefix("bytes ")).is_some_and(|range| range.starts_with(&format!("{offset}-")))
}
