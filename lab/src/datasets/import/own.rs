//! Importing a set of one's own, or one of which the lab knows the sizes alone.

use super::{
    About, Import,
    content::{self, Content, Piece},
    images, pictures, write,
};
use crate::{
    Error, Result,
    datasets::{
        DataSet, Form, Part, bags,
        faults::Faults,
        files::hex,
        imported::{MANIFEST, Manifest, ManifestFile},
        tables,
    },
};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Imports `paths` under a manifest. `known` is what the catalogue knows of it.
pub(super) fn import(id: &str, known: Option<&'static DataSet>, paths: &[PathBuf], folder: &Path, about: &About) -> Result<Import> {
    let mut faults = Faults::default();
    let place = folder.join(id);
    if std::fs::read_dir(&place).is_ok_and(|mut inside| inside.next().is_some()) {
        faults.add(format!("{} is there already; delete it to import {id} anew.", place.display()));
    }
    let wants_bags = known.is_some_and(|set| matches!(set.form, Form::Bags(_)));
    let mut pieces: Vec<Piece> = Vec::new();
    let mut class_names = Vec::new();
    for path in paths {
        pieces.extend(faults.keep(content::read(path, wants_bags)).into_iter().flatten());
        if class_names.is_empty() && path.is_dir() {
            class_names = faults.keep(pictures::class_names(path)).unwrap_or_default();
        }
    }
    let found: Vec<String> = pieces.iter().map(Piece::told).collect();
    faults.none()?;
    let (form, files) = put_together(id, pieces)?;
    if let Some(set) = known {
        fits(set, form, &found)?;
    }
    let described = |file: &(&str, Part, Vec<u8>)| ManifestFile {
        name: file.0.to_owned(),
        part: file.1,
        bytes: file.2.len() as u64,
        sha256: hex(&Sha256::digest(&file.2)),
    };
    let text =
        |given: &Option<String>, known: Option<&str>, other: &str| given.clone().or(known.map(str::to_owned)).unwrap_or(other.to_owned());
    let manifest = Manifest {
        title: text(&about.title, known.map(|set| set.title), id),
        licence: text(&about.licence, known.map(|set| set.licence), "not stated"),
        source: text(&about.source, known.map(|set| set.source), "imported"),
        form,
        class_names,
        files: files.iter().map(described).collect(),
    };
    std::fs::create_dir_all(folder).map_err(|error| Error::file(folder, error))?;
    let work = tempfile::Builder::new().prefix(".import-").tempdir_in(folder).map_err(|error| Error::file(folder, error))?;
    for (name, _, bytes) in &files {
        write(&work.path().join(name), bytes)?;
    }
    let text =
        serde_json::to_vec_pretty(&manifest).map_err(|error| Error::Data(format!("the manifest of {id} cannot be written: {error}")))?;
    write(&work.path().join(MANIFEST), &text)?;
    // The whole folder gets its name at once, and only where nothing is.
    std::fs::rename(work.path(), &place).map_err(|error| Error::file(&place, error))?;
    let set = crate::datasets::get(id, &[folder.to_owned()])?;
    set.verify(&[folder.to_owned()])?;
    Ok(Import { set, found, place })
}

/// The form of what was found and the files to keep it in.
fn put_together(id: &str, mut pieces: Vec<Piece>) -> Result<(Form, Vec<(&'static str, Part, Vec<u8>)>)> {
    if pieces.iter().any(Piece::is_of_images) {
        let together = images::together(pieces)?;
        let names = if together.shape.channels == 1 {
            ["train-images-idx3-ubyte", "t10k-images-idx3-ubyte"]
        } else {
            ["train-images-idx4-ubyte", "t10k-images-idx4-ubyte"]
        };
        let files = [
            (names[0], Part::TrainImages),
            ("train-labels-idx1-ubyte", Part::TrainLabels),
            (names[1], Part::TestImages),
            ("t10k-labels-idx1-ubyte", Part::TestLabels),
        ];
        let files = files.into_iter().filter_map(|(name, part)| Some((name, part, together.file(part)?))).collect();
        return Ok((Form::Images(together.shape), files));
    }
    match (pieces.pop(), pieces.len()) {
        (Some(Piece { content: Content::Bags(bags), .. }), 0) => {
            Ok((Form::Bags(bags.shape()), vec![("bags.csv", Part::Bags, bags::to_csv(&bags))]))
        }
        (Some(Piece { content: Content::Rows(rows), path, .. }), 0) => {
            let borrowed: Vec<(usize, Vec<&str>)> =
                rows.iter().map(|(line, row)| (*line, row.iter().map(String::as_str).collect())).collect();
            let table = tables::of_rows(id, &path, &borrowed)?;
            let mut faults = Faults::default();
            for (line, row) in &borrowed {
                if let Some(value) = row.iter().find(|value| value.contains([',', '\n', '\r', '@'])) {
                    faults.add(format!(
                        "{}, line {line}: values must have no comma, line end or @ in them; one is \"{value}\".",
                        path.display()
                    ));
                }
            }
            faults.none()?;
            let text: String = borrowed.iter().map(|(_, row)| row.join(",") + "\n").collect();
            Ok((Form::Table(table.shape()), vec![("table.csv", Part::Table { skip: 0 }, text.into_bytes())]))
        }
        (_, others) => Err(Error::Data(format!("bags and tables come from one file each; {} were given.", others + 1))),
    }
}

/// Whether what was found is what the catalogue knows.
fn fits(set: &DataSet, form: Form, found: &[String]) -> Result<()> {
    if set.form == form {
        return Ok(());
    }
    let text = |form: Form| match form {
        Form::Bags(shape) => format!("{}, {} bags of label 1", form.sizes(), shape.positive),
        _ => form.sizes(),
    };
    Err(Error::Data(format!("{} must be {}; found {} ({}).", set.title, text(set.form), text(form), found.join("; "))))
}
