//! A folder of PNG files that somebody wants to import.

use super::content::{Content, Piece, Pixels, is_test, planes_first};
use crate::{
    Error, Result,
    datasets::{faults::Faults, tables},
    png,
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Classes that a set of images may have.
const MOST_CLASSES: usize = 256;

/// The names of the classes of the folder at `path`: numbers by size, else words by letters. Errors: it cannot be read.
pub(super) fn class_names(path: &Path) -> Result<Vec<String>> {
    let mut names = BTreeSet::new();
    for half in halves(path)? {
        names.extend(folders(&half)?.iter().map(|folder| name_of(folder)));
    }
    Ok(tables::sorted(names.iter().map(String::as_str)).into_iter().map(str::to_owned).collect())
}

/// The pictures of the folder at `path`, which has a folder for each class, or the folders train and test that have. Errors, all at once: a
/// file that is no picture, or of another size than the first; no picture; too many classes.
pub(super) fn read(path: &Path) -> Result<Vec<Piece>> {
    let classes = class_names(path)?;
    let mut faults = Faults::default();
    if classes.is_empty() || classes.len() > MOST_CLASSES {
        let found = classes.len();
        faults.add(format!(
            "{}: a folder of pictures must have from 1 to {MOST_CLASSES} folders, one for each class; it has {found}.",
            path.display()
        ));
    }
    let mut pieces = Vec::new();
    // All pictures are of the size and the channels of the first.
    let mut first: Option<(usize, usize, usize)> = None;
    for half in halves(path)? {
        let (mut values, mut labels) = (Vec::new(), Vec::new());
        for folder in folders(&half)? {
            let label = classes.iter().position(|class| *class == name_of(&folder)).unwrap_or(0) as u8;
            for file in entries(&folder)?.into_iter().filter(|file| !name_of(file).starts_with('.')) {
                let shown = file.display();
                let picture = match std::fs::read(&file).map_err(|error| error.to_string()).and_then(|bytes| png::decode(&bytes)) {
                    Ok(picture) => picture,
                    Err(why) => {
                        faults.add(format!("{shown} must be a PNG file: {why}."));
                        continue;
                    }
                };
                let size = (picture.height, picture.width, picture.channels);
                let wanted = *first.get_or_insert(size);
                if size != wanted {
                    faults.add(format!("{shown} must be of {wanted:?} rows, columns and channels as the first; it is of {size:?}."));
                    continue;
                }
                values.extend(planes_first(&picture.pixels, picture.channels, picture.height * picture.width));
                labels.push(label);
            }
        }
        let Some((height, width, channels)) = first.filter(|_| !labels.is_empty()) else {
            faults.add(format!("{} must hold pictures in folders of classes; it holds none that can be read.", half.display()));
            continue;
        };
        let is_test = half != path && is_test(&name_of(&half));
        let piece = |content| Piece { path: half.clone(), is_test, content };
        pieces.push(piece(Content::Pixels(Pixels { channels, height, width, values })));
        pieces.push(piece(Content::Labels(labels)));
    }
    faults.none().map(|()| pieces)
}

/// The folder itself, or those of its parts where it has exactly train and test.
fn halves(path: &Path) -> Result<Vec<PathBuf>> {
    let inside = folders(path)?;
    let names: Vec<String> = inside.iter().map(|folder| name_of(folder)).collect();
    Ok(if names == ["test", "train"] { inside } else { vec![path.to_owned()] })
}

/// The folders in a folder, by name.
pub(super) fn folders(path: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(path)?.into_iter().filter(|entry| entry.is_dir() && !name_of(entry).starts_with('.')).collect())
}

/// What lies in a folder, by name, so that the order of images does not depend on the file system.
pub(super) fn entries(path: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |error| Error::file(path, error);
    let mut entries = std::fs::read_dir(path)
        .map_err(unreadable)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    entries.sort();
    Ok(entries)
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
