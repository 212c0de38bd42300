//! What the files that somebody wants to import hold.

use super::{pictures, rows};
use crate::{
    Error, Result,
    datasets::{BagSet, bags::Gathering, faults::Faults, idx},
    npy::{self, Array, Values},
};
use flate2::read::GzDecoder;
use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    path::{Path, PathBuf},
};
use zip::ZipArchive;

/// Bytes that one file may unpack to.
const MOST_BYTES: u64 = 1 << 33;
/// Bytes of the images of CIFAR's binary format.
const CIFAR_IMAGE: usize = 3 * 32 * 32;

/// A file, or an array of one, and what it holds.
pub(super) struct Piece {
    /// Where it was read, with the name of the array behind it.
    pub path: PathBuf,
    /// Whether its images or labels are to test on.
    pub is_test: bool,
    pub content: Content,
}

/// What a file may hold.
pub(super) enum Content {
    Pixels(Pixels),
    Labels(Vec<u8>),
    Bags(BagSet),
    /// Rows with their line numbers, the class last.
    Rows(Vec<(usize, Vec<String>)>),
}

/// Images without labels.
pub(super) struct Pixels {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    /// `[len, channels, height, width]` row-major.
    pub values: Vec<u8>,
}

impl Pixels {
    pub(super) fn len(&self) -> usize {
        self.values.len() / (self.channels * self.height * self.width).max(1)
    }

    /// Their sizes for people.
    pub(super) fn sizes(&self) -> String {
        let colour = if self.channels == 1 { String::new() } else { format!("x{}", self.channels) };
        format!("{}x{}{colour}", self.height, self.width)
    }
}

impl Piece {
    /// Whether it belongs to a set of images.
    pub(super) fn is_of_images(&self) -> bool {
        matches!(self.content, Content::Pixels(_) | Content::Labels(_))
    }

    /// What it is, for people: "PATH: 10000 images of 28x28, to test on".
    pub(super) fn told(&self) -> String {
        let half = if self.is_test { "to test on" } else { "to train on" };
        let what = match &self.content {
            Content::Pixels(pixels) => format!("{} images of {}, {half}", pixels.len(), pixels.sizes()),
            Content::Labels(labels) => format!("{} labels, {half}", labels.len()),
            Content::Bags(bags) => crate::datasets::Form::Bags(bags.shape()).sizes(),
            Content::Rows(rows) => format!("{} rows", rows.len()),
        };
        format!("{}: {what}", self.path.display())
    }
}

/// What `path`, a file, a folder of files or a folder of pictures, holds. `bags` says that text holds bags, even without a header that tells so. Errors, all at
/// once: unreadable, of none of the formats, of a format that is broken.
pub(super) fn read(path: &Path, bags: bool) -> Result<Vec<Piece>> {
    if path.is_dir() {
        return if pictures::folders(path)?.is_empty() { of_folder(path, bags) } else { pictures::read(path) };
    }
    let bytes = std::fs::read(path).map_err(|error| Error::file(path, error))?;
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) { unpack(path, &bytes)? } else { bytes };
    let fault = |why: String| Error::Data(format!("{}: {why}.", path.display()));
    if let Some(rank) = idx::rank_of(&bytes) {
        let (sizes, values) = idx::parse(path, bytes, rank)?;
        return Ok(vec![of_array(path, Array { shape: sizes, values: Values::Bytes(values) }).map_err(fault)?]);
    }
    if bytes.starts_with(b"\x93NUMPY") {
        return Ok(vec![npy::read_array(bytes.as_slice()).and_then(|array| of_array(path, array)).map_err(fault)?]);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return of_arrays(path, bytes).map_err(fault);
    }
    if path.extension().is_some_and(|extension| extension == "bin") {
        return of_records(path, &bytes).map_err(fault);
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => rows::read(path, &text, bags).map(|piece| vec![piece]),
        _ => Err(fault("it is none of the formats: IDX or that of CIFAR (also .gz), npy, npz, CSV, a folder of PNG files".to_owned())),
    }
}

/// What the files of a folder without folders hold, in the order of their names.
fn of_folder(path: &Path, bags: bool) -> Result<Vec<Piece>> {
    let mut faults = Faults::default();
    let files = pictures::entries(path)?.into_iter().filter(|file| !name_of(file).starts_with('.'));
    let pieces: Vec<Piece> = files.flat_map(|file| faults.keep(read(&file, bags)).unwrap_or_default()).collect();
    if pieces.is_empty() {
        faults.add(format!("{} must hold files, or folders of pictures; it holds none that can be read.", path.display()));
    }
    faults.none().map(|()| pieces)
}

fn unpack(path: &Path, packed: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let unpacked = GzDecoder::new(packed).take(MOST_BYTES).read_to_end(&mut bytes);
    unpacked.map_err(|error| Error::Data(format!("{} cannot be unpacked: {error}; it is cut short or no gzip file.", path.display())))?;
    // The names in a tar archive begin its blocks, which end with this mark.
    if bytes.get(257..262) == Some(b"ustar") {
        return Err(Error::Data(format!("{} is a tar archive; unpack it and import the files inside.", path.display())));
    }
    Ok(bytes)
}

/// Whether a name says that the file is to test on.
pub(super) fn is_test(name: &str) -> bool {
    let name = name.to_lowercase();
    name.contains("test") || name.contains("t10k")
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Images or labels. Errors, as the end of a sentence.
fn of_array(path: &Path, array: Array) -> Result<Piece, String> {
    let content = match array.shape.len() {
        1 => Content::Labels(labels_of(array.values)?),
        3 | 4 => Content::Pixels(pixels_of(array)?),
        rank => return Err(format!("an array alone must have one dimension (labels), or three or four (images); it has {rank}")),
    };
    Ok(Piece { path: path.to_owned(), is_test: is_test(&name_of(path)), content })
}

fn labels_of(values: Values) -> Result<Vec<u8>, String> {
    match values {
        Values::Bytes(labels) => Ok(labels),
        Values::Numbers(numbers) => match numbers.iter().position(|number| number.fract() != 0.0 || !(0.0..=255.0).contains(number)) {
            Some(at) => Err(format!("labels must be whole numbers from 0 to 255; number {at} is {}", numbers[at])),
            None => Ok(numbers.into_iter().map(|number| number as u8).collect()),
        },
    }
}

fn pixels_of(array: Array) -> Result<Pixels, String> {
    let Values::Bytes(values) = array.values else {
        return Err("pixels must be unsigned bytes (u1) from 0 to 255; these are of another type".to_owned());
    };
    match *array.shape.as_slice() {
        [_, height, width] => Ok(Pixels { channels: 1, height, width, values }),
        [_, 1 | 3, _, 1 | 3] => Err(format!("channels may be the second or the last of {:?}; give images of more pixels", array.shape)),
        [_, channels @ (1 | 3), height, width] => Ok(Pixels { channels, height, width, values }),
        [_, height, width, channels @ (1 | 3)] => {
            Ok(Pixels { channels, height, width, values: planes_first(&values, channels, height * width) })
        }
        _ => Err(format!("images must have one or three channels, before or after rows and columns; these are {:?}", array.shape)),
    }
}

/// Images with channel after channel from images with pixel after pixel.
pub(super) fn planes_first(values: &[u8], channels: usize, pixels: usize) -> Vec<u8> {
    let images = values.chunks_exact((channels * pixels).max(1));
    images.flat_map(|image| (0..channels).flat_map(move |channel| image[channel..].iter().step_by(channels))).copied().collect()
}

/// Records of CIFAR's binary format: one label and an image, or a coarse label, a label and an image.
fn of_records(path: &Path, bytes: &[u8]) -> Result<Vec<Piece>, String> {
    let labels = [1, 2].into_iter().find(|labels| !bytes.is_empty() && bytes.len().is_multiple_of(labels + CIFAR_IMAGE));
    let labels = labels.ok_or(format!("a .bin file must hold CIFAR's records of 3073 or 3074 bytes; its {} do not divide", bytes.len()))?;
    let records = || bytes.chunks_exact(labels + CIFAR_IMAGE);
    let values = records().flat_map(|record| &record[labels..]).copied().collect();
    let is_test = is_test(&name_of(path));
    let piece = |content| Piece { path: path.to_owned(), is_test, content };
    let pixels = Pixels { channels: 3, height: 32, width: 32, values };
    Ok(vec![piece(Content::Pixels(pixels)), piece(Content::Labels(records().map(|record| record[labels - 1]).collect()))])
}

/// The arrays of an npz file.
fn of_arrays(path: &Path, bytes: Vec<u8>) -> Result<Vec<Piece>, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("it is no npz file: {error}"))?;
    let mut arrays = BTreeMap::new();
    for at in 0..archive.len() {
        let file = archive.by_index(at).map_err(|error| format!("it cannot be unpacked: {error}"))?;
        let file_name = file.name().map_err(|error| format!("it cannot be unpacked: {error}"))?.into_owned();
        let name = file_name.trim_end_matches(".npy").to_owned();
        let array = npy::read_array(file.take(MOST_BYTES)).map_err(|why| format!("the array {name}: {why}"))?;
        arrays.insert(name, array);
    }
    let names: Vec<&str> = arrays.keys().map(String::as_str).collect();
    match names.as_slice() {
        ["bag", "bag_ids", "bag_y", "x"] => {
            Ok(vec![Piece { path: path.to_owned(), is_test: false, content: Content::Bags(bags_of(path, arrays)?) }])
        }
        ["x", "y"] if arrays["x"].shape.len() == 2 => {
            Ok(vec![Piece { path: path.to_owned(), is_test: false, content: Content::Rows(rows_of(&arrays)?) }])
        }
        ["x_test", "x_train", "y_test", "y_train"] | ["x", "y"] | [_] => arrays
            .into_iter()
            .map(|(name, array)| {
                let mut piece = of_array(path, array).map_err(|why| format!("the array {name}: {why}"))?;
                piece.is_test |= is_test(&name);
                piece.path = path.join(name);
                Ok(piece)
            })
            .collect(),
        _ => Err(format!(
            "an npz file must hold x_train, y_train, x_test and y_test (images), x and y (images or a table), bag, bag_ids, bag_y and x (bags), or one array; it holds {}",
            names.join(", ")
        )),
    }
}

fn numbers(values: &Values) -> Vec<f64> {
    match values {
        Values::Bytes(bytes) => bytes.iter().copied().map(f64::from).collect(),
        Values::Numbers(numbers) => numbers.clone(),
    }
}

/// Bags from `x` `[instances, features]`, `bag` `[instances]` (the id of each instance's bag), `bag_ids` and `bag_y` `[bags]`.
fn bags_of(path: &Path, arrays: BTreeMap<String, Array>) -> Result<BagSet, String> {
    let shape = |name: &str| arrays[name].shape.as_slice();
    let ([instances, features], [of], [ids], [labels]) = (shape("x"), shape("bag"), shape("bag_ids"), shape("bag_y")) else {
        return Err("x must have two dimensions, bag, bag_ids and bag_y one".to_owned());
    };
    if of != instances || labels != ids {
        return Err(format!(
            "x and bag must be equally long, as must bag_ids and bag_y; they hold {instances} and {of}, {ids} and {labels}"
        ));
    }
    let text = |name: &str| numbers(&arrays[name].values).iter().map(f64::to_string).collect::<Vec<_>>();
    let label_of: BTreeMap<String, String> = text("bag_ids").into_iter().zip(text("bag_y")).collect();
    let mut gathering = Gathering::new(path);
    for (at, (bag, values)) in text("bag").iter().zip(text("x").chunks_exact((*features).max(1))).enumerate() {
        match label_of.get(bag) {
            Some(label) => gathering.add(at + 1, rows::label(label), bag, values.iter().map(String::as_str)),
            None => gathering.fault(at + 1, format_args!("the bag {bag} is not among bag_ids")),
        }
    }
    gathering.bags().map_err(|error| error.to_string().trim_end_matches('.').to_owned())
}

/// Rows from `x` `[rows, features]` and `y` `[rows]`.
fn rows_of(arrays: &BTreeMap<String, Array>) -> Result<Vec<(usize, Vec<String>)>, String> {
    let (x, y) = (&arrays["x"], &arrays["y"]);
    if y.shape != [x.shape[0]] {
        return Err(format!("y must hold a class for each of the {} rows of x; its shape is {:?}", x.shape[0], y.shape));
    }
    let (values, classes) = (numbers(&x.values), numbers(&y.values));
    let rows = values.chunks_exact(x.shape[1].max(1)).zip(&classes);
    Ok(rows.enumerate().map(|(at, (row, class))| (at + 1, row.iter().chain([class]).map(f64::to_string).collect())).collect())
}
