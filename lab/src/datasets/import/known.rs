//! Importing the published files of a set that the lab knows.

use super::{Import, content, images, write};
use crate::{
    Error, Result,
    datasets::{DataFile, DataSet, Digest, Form, check_file, faults::Faults, files},
};
use std::path::{Path, PathBuf};

/// Imports `paths`, files or folders of files. Images in another format than the published one are turned into it and checked all the same.
pub(super) fn import(set: &'static DataSet, paths: &[PathBuf], folder: &Path) -> Result<Import> {
    let place = folder.join(set.id);
    let mut faults = Faults::default();
    let mut found = Vec::new();
    let mut bytes_of: Vec<Option<(String, Vec<u8>)>> = set.files.iter().map(|_| None).collect();
    let mut pieces = Vec::new();
    for path in files_of(paths, &mut faults) {
        match published_file(set, &path) {
            Ok(Some((at, name))) => match std::fs::read(&path) {
                Ok(bytes) => {
                    found.push(format!("{}: {name} of {}, every byte is right", path.display(), set.title));
                    bytes_of[at] = Some((name, bytes));
                }
                Err(error) => faults.add(Error::file(&path, error).to_string()),
            },
            Ok(None) => match content::read(&path, false) {
                Ok(read) if matches!(set.form, Form::Images(_)) && read.iter().all(content::Piece::is_of_images) => {
                    found.extend(read.iter().map(content::Piece::told));
                    pieces.extend(read);
                }
                Ok(read) => {
                    let told: Vec<_> = read.iter().map(content::Piece::told).collect();
                    faults.add(format!("{}, which is no file of {}: its bytes are of none of its checksums.", told.join("; "), set.title));
                }
                Err(error) => faults.add(error.to_string()),
            },
            Err(error) => faults.add(error.to_string()),
        }
    }
    if !pieces.is_empty()
        && let Some(together) = faults.keep(images::together(pieces))
    {
        let made = together.files(set.files);
        if made.is_empty() {
            faults.add(format!("{} can only be imported from its published files: {}.", set.title, names(set.files)));
        }
        for (at, bytes) in made {
            let file = &set.files[at];
            match files::check_bytes(file, Path::new(file.name), &bytes) {
                Ok(()) => bytes_of[at] = Some((file.name.to_owned(), bytes)),
                Err(error) => faults.add(format!("The images were turned into the published format, but {error}")),
            }
        }
    }
    for (file, bytes) in set.files.iter().zip(&bytes_of) {
        if bytes.is_none() && !is_whole(file, &place) {
            let (Digest::Sha256(digest) | Digest::Md5(digest) | Digest::PackedMd5(digest)) = file.digest;
            faults.add(format!(
                "{} is missing: none of the paths is the file of {} bytes unpacked with the checksum {digest}.",
                file.names().join(" or "),
                file.bytes
            ));
        }
    }
    faults.none()?;
    std::fs::create_dir_all(&place).map_err(|error| Error::file(&place, error))?;
    // Each file is whole before it gets its name, and a set lacks files until all have theirs.
    let work = tempfile::Builder::new().prefix(".import-").tempdir_in(&place).map_err(|error| Error::file(&place, error))?;
    let new: Vec<_> = bytes_of.into_iter().flatten().collect();
    for (name, bytes) in &new {
        write(&work.path().join(name), bytes)?;
    }
    for (name, _) in &new {
        let to = place.join(name);
        std::fs::rename(work.path().join(name), &to).map_err(|error| Error::file(&to, error))?;
    }
    set.verify(&[folder.to_owned()])?;
    Ok(Import { set, found, place })
}

/// The file of the set that `path` is, by its place, and the name under which it belongs into the set's folder; none if it is no file of it.
/// Errors: it has the name of a file of the set, but not its bytes.
fn published_file(set: &DataSet, path: &Path) -> Result<Option<(usize, String)>> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let packed = name.ends_with(".gz");
    let may_be = |file: &DataFile| packed || path.metadata().is_ok_and(|metadata| metadata.len() == file.bytes);
    for (at, file) in set.files.iter().enumerate() {
        if may_be(file) && check_file(file, path).is_ok() {
            let name = if packed { format!("{}.gz", file.name) } else { file.name.to_owned() };
            return Ok(Some((at, name)));
        }
    }
    match set.files.iter().find(|file| file.name == name || format!("{}.gz", file.name) == name) {
        Some(file) => check_file(file, path).map(|()| None),
        None => Ok(None),
    }
}

/// The files of `paths`, those of folders by name.
fn files_of(paths: &[PathBuf], faults: &mut Faults) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for path in paths {
        if !path.is_dir() {
            all.push(path.clone());
            continue;
        }
        match std::fs::read_dir(path) {
            Ok(entries) => {
                let mut inside: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
                inside.sort();
                all.extend(inside);
            }
            Err(error) => faults.add(Error::file(path, error).to_string()),
        }
    }
    all
}

fn names(files: &[DataFile]) -> String {
    files.iter().map(|file| file.name).collect::<Vec<_>>().join(", ")
}

/// Whether a file of the set lies whole in its folder.
fn is_whole(file: &DataFile, place: &Path) -> bool {
    file.names().iter().map(|name| place.join(name)).any(|path| path.is_file() && check_file(file, &path).is_ok())
}
