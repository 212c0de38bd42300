//! Data sets that somebody has imported into a data folder, as told by the manifest that the import left there.

use super::{DataFile, DataSet, Digest, Form, Origin, Part, all, catalogue};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex, PoisonError},
};

/// Name of the manifest in the set's folder; it is written last, so a folder without one was not imported.
pub(super) const MANIFEST: &str = "set.json";

/// What an import leaves in the set's folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub title: String,
    pub licence: String,
    pub source: String,
    pub form: Form,
    /// Names of the classes of images, where the import has told them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_names: Vec<String>,
    pub files: Vec<ManifestFile>,
}

/// A file of an imported set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ManifestFile {
    pub name: String,
    pub part: Part,
    pub bytes: u64,
    pub sha256: String,
}

/// The data sets of some folders.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// Those of the catalogue, then imported ones by id.
    pub sets: Vec<&'static DataSet>,
    /// What is wrong with imported ones that cannot be listed, each a sentence.
    pub faults: Vec<String>,
}

/// Every data set of the catalogue and of `folders`.
pub fn list(folders: &[PathBuf]) -> Listed {
    let mut listed = Listed::default();
    let mut add = |id: &str, known: Option<&'static DataSet>| match (find(id, folders), known) {
        (Some(Ok(set)), _) | (None, Some(set)) => listed.sets.push(set),
        (Some(Err(error)), known) => {
            listed.faults.push(error.to_string());
            listed.sets.extend(known);
        }
        (None, None) => {}
    };
    all().iter().for_each(|set| add(set.id, Some(set)));
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
    let mut own: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|id| is_own_id(id)).collect();
    own.sort();
    own.dedup();
    own.iter().for_each(|id| add(id, None));
    listed
}

/// Whether this may be the id of a set that the catalogue does not know: letters, digits and underscores, at most 64.
pub(super) fn is_own_id(id: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    (1..=64).contains(&id.len()) && id.chars().all(fits) && catalogue::find(id).is_none()
}

/// The imported set of this id in the first of `folders` that has it; none where it was not imported, or where the catalogue knows its files.
/// Errors: its manifest cannot be read, or does not fit what the catalogue knows of it.
pub(super) fn find(id: &str, folders: &[PathBuf]) -> Option<Result<&'static DataSet>> {
    let known = catalogue::find(id);
    if known.map_or(!is_own_id(id), |set| !set.files.is_empty() || set.origin == Origin::Bundled) {
        return None;
    }
    let path = folders.iter().map(|folder| folder.join(id).join(MANIFEST)).find(|path| path.is_file())?;
    Some(read(id, known, &path))
}

fn read(id: &str, known: Option<&DataSet>, path: &Path) -> Result<&'static DataSet> {
    // Descriptions live as long as the process, like those of the catalogue. A manifest is kept once for each text it ever had, and that
    // changes only when a person imports.
    static READ: LazyLock<Mutex<HashMap<(String, String), &'static DataSet>>> = LazyLock::new(Mutex::default);
    let unfit = |why: String| Error::Data(format!("{} {why} Delete its folder and import {id} again.", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| unfit(format!("cannot be read: {error}.")))?;
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(set) = read.get(&(id.to_owned(), text.clone())) {
        return Ok(set);
    }
    let manifest: Manifest = serde_json::from_str(&text).map_err(|error| unfit(format!("is no manifest of a data set: {error}.")))?;
    let is_plain = |name: &str| !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']);
    if let Some(file) = manifest.files.iter().find(|file| !is_plain(&file.name)) {
        return Err(unfit(format!("must name files of its own folder; it names \"{}\".", file.name)));
    }
    if let Some(known) = known.filter(|known| known.form != manifest.form) {
        return Err(unfit(format!("must tell {}; it tells {}.", known.form.sizes(), manifest.form.sizes())));
    }
    let set: &'static DataSet = Box::leak(Box::new(manifest.into_set(id)));
    read.insert((id.to_owned(), text), set);
    Ok(set)
}

impl Manifest {
    /// The description of the set, whose texts live as long as the process.
    fn into_set(self, id: &str) -> DataSet {
        let kept = |text: String| -> &'static str { text.leak() };
        let files: Vec<DataFile> = self
            .files
            .into_iter()
            .map(|ManifestFile { name, part, bytes, sha256 }| DataFile {
                name: kept(name),
                part,
                bytes,
                digest: Digest::Sha256(kept(sha256)),
            })
            .collect();
        DataSet {
            id: kept(id.to_owned()),
            title: kept(self.title),
            licence: kept(self.licence),
            source: kept(self.source),
            bytes: files.iter().map(|file| file.bytes).sum(),
            form: self.form,
            origin: Origin::Imported,
            files: files.leak(),
            system_folders: &[],
            addresses: &[],
            packages: &[],
        }
    }
}
