//! Finding the files of a data set on disk and judging whether they are whole.

use super::{DataFile, DataSet, Digest};
use crate::{Error, Result};
use flate2::read::GzDecoder;
use serde::Serialize;
use sha2::Digest as _;
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// Whether a data set is at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Part of the binary.
    Bundled,
    /// Every file is there and has its size.
    Present,
    /// Some file is nowhere.
    Absent,
    /// Every file is there, but some have the wrong size.
    Corrupt,
}

/// Where one file was found.
struct Found {
    path: PathBuf,
    /// Whether its size is the right one; of a packed file, the size that its last four bytes tell.
    whole: bool,
}

/// See [`DataSet::state`].
pub(super) fn state(set: &DataSet, folders: &[PathBuf]) -> State {
    if set.bundled {
        return State::Bundled;
    }
    if set.files.is_empty() {
        return State::Absent;
    }
    let mut state = State::Present;
    for file in set.files {
        match find_file(set, file, folders) {
            None => return State::Absent,
            Some(found) if !found.whole => state = State::Corrupt,
            Some(_) => {}
        }
    }
    state
}

/// The bytes of a file of `set`, unpacked and checked. Errors: nowhere, unreadable, of another size, corrupt.
pub(super) fn read_file(set: &DataSet, file: &DataFile, folders: &[PathBuf]) -> Result<(PathBuf, Vec<u8>)> {
    let Some(found) = find_file(set, file, folders) else {
        let (title, name, places, get) = (set.title, file.name, shown_places(set, folders), set.how_to_get());
        let names = match file.digest {
            Digest::PackedMd5(_) => format!("no {name}.gz is"),
            Digest::Sha256(_) | Digest::Md5(_) => format!("neither {name} nor {name}.gz is"),
        };
        return Err(Error::Data(format!("{title} is not here: {names} {places}. Get it with {get}.")));
    };
    let bytes = read_checked(file, &found.path)
        .map_err(|error| Error::Data(format!("{error} Delete the file and get it again with {}.", set.how_to_get())))?;
    Ok((found.path, bytes))
}

/// That a set of which not even the files' names are known is not here.
pub(super) fn absent(set: &DataSet, folders: &[PathBuf]) -> Error {
    Error::Data(format!(
        "{} is not here: nothing was imported {}. Get it with {}.",
        set.title,
        shown_places(set, folders),
        set.how_to_get()
    ))
}

fn shown_places(set: &DataSet, folders: &[PathBuf]) -> String {
    let places: Vec<_> = places(set, folders).map(|place| place.display().to_string()).collect();
    if places.is_empty() { "in a known folder".to_owned() } else { format!("in {}", places.join(" or ")) }
}

/// The unpacked bytes of `file` at `path`, whose digest must match. The error is a sentence about the file.
pub(super) fn read_checked(file: &DataFile, path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| Error::Data(format!("{shown} cannot be read: {error}."));
    let opened = File::open(path).map_err(unreadable)?;
    let expected = file.bytes;
    let mut bytes = Vec::with_capacity(expected as usize + 1);
    // One byte more than expected is enough to know that there is too much, however much a hostile archive unpacks to.
    let limit = expected + 1;
    if is_packed(path) {
        GzDecoder::new(opened)
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::Data(format!("{shown} cannot be unpacked: {error}; it is cut short or no gzip file.")))?;
    } else {
        opened.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    }
    match bytes.len() as u64 {
        size if size == expected => {}
        size if size > expected => return Err(Error::Data(format!("{shown} must hold {expected} bytes unpacked; it holds more."))),
        size => return Err(Error::Data(format!("{shown} must hold {expected} bytes unpacked; it holds {size}."))),
    }
    let (name, expected, digest) = match file.digest {
        Digest::Sha256(expected) => ("SHA-256", expected, hex(&sha2::Sha256::digest(&bytes))),
        Digest::Md5(expected) => ("MD5", expected, hex(&md5::Md5::digest(&bytes))),
        Digest::PackedMd5(expected) if is_packed(path) => {
            let packed = std::fs::read(path).map_err(unreadable)?;
            ("MD5 when packed", expected, hex(&md5::Md5::digest(packed)))
        }
        Digest::PackedMd5(_) => {
            return Err(Error::Data(format!("{shown} must stay packed: only of its packed bytes is a checksum known.")));
        }
    };
    if digest != expected {
        return Err(Error::Data(format!("{shown} is corrupt: its {name} must be {expected}; it is {digest}.")));
    }
    Ok(bytes)
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folders that may hold files of `set`, in the order they are looked at.
fn places<'a>(set: &'a DataSet, folders: &'a [PathBuf]) -> impl Iterator<Item = PathBuf> + 'a {
    folders.iter().map(|folder| folder.join(set.id)).chain(set.system_folders.iter().map(PathBuf::from))
}

/// The first whole copy of `file`, else the first copy at all: a damaged file of the user's must not hide a good one of the system's.
fn find_file(set: &DataSet, file: &DataFile, folders: &[PathBuf]) -> Option<Found> {
    let mut damaged = None;
    for place in places(set, folders) {
        for path in file.names().into_iter().map(|name| place.join(name)) {
            match unpacked_size(&path) {
                Some(size) if size == Some(file.bytes) => return Some(Found { path, whole: true }),
                Some(_) => damaged = damaged.or(Some(Found { path, whole: false })),
                None => {}
            }
        }
    }
    damaged
}

/// `None` if there is no such file, `Some(None)` if its size cannot be told.
fn unpacked_size(path: &Path) -> Option<Option<u64>> {
    let size = path.metadata().ok().filter(|metadata| metadata.is_file())?.len();
    if !is_packed(path) {
        return Some(Some(size));
    }
    // RFC 1952: the last four bytes are the unpacked size modulo 2^32; no file of ours reaches that.
    let told = || {
        let mut file = File::open(path).ok()?;
        file.seek(SeekFrom::End(-4)).ok()?;
        let mut last = [0; 4];
        file.read_exact(&mut last).ok()?;
        Some(u64::from(u32::from_le_bytes(last)))
    };
    Some(told())
}

fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz")
}
