//! Importing data sets from files that somebody has: the published files of a set that the lab knows, or a set of one's own.
//!
//! Formats: IDX (also .gz), CIFAR's binary records, npy, npz, CSV, a folder of PNG files with a folder for each class. A known set must match
//! the checksums or the sizes that are known of it. A set of one's own is kept as IDX or CSV beside a manifest with its checksums.

mod content;
mod images;
mod known;
mod own;
mod pictures;
mod rows;
#[cfg(test)]
mod tests;

use super::{DataSet, Origin, catalogue, imported};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// What people are told of a set of one's own.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// Name shown to people; the id by default.
    pub title: Option<String>,
    /// Licence of the data; "not stated" by default.
    pub licence: Option<String>,
    /// Where the data come from; "imported" by default.
    pub source: Option<String>,
}

/// What an import has brought.
#[derive(Debug, Clone)]
pub struct Import {
    /// The set as it can now be loaded.
    pub set: &'static DataSet,
    /// What each path held, a line each.
    pub found: Vec<String>,
    /// Where its files now lie.
    pub place: PathBuf,
}

/// Imports the set `id` from `paths` into `FOLDER/ID/`. Either everything is right and appears there, or nothing does.
///
/// Errors, all at once: an id that cannot be; a path that cannot be read or is of none of the formats; a file that is not of the known set,
/// or missing of it; images, labels, bags or rows that do not fit each other; a folder that is there already or cannot be written.
pub fn import(id: &str, paths: &[PathBuf], folder: &Path, about: &About) -> Result<Import> {
    let known = catalogue::find(id);
    match known {
        Some(set) if set.origin == Origin::Bundled => Err(Error::Data(format!("{} is part of engram and needs no import.", set.title))),
        Some(set) if !set.files.is_empty() => known::import(set, paths, folder),
        None if !imported::is_own_id(id) => {
            Err(Error::Data(format!("id: must be of the letters a to z, digits and underscores, at most 64 of them; it is \"{id}\".")))
        }
        _ => own::import(id, known, paths, folder, about),
    }
}

/// Writes a file whole and onto the disk.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let written =
        std::fs::File::create(path).and_then(|mut file| std::io::Write::write_all(&mut file, bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| Error::file(path, error))
}
