//! The IDX format of MNIST and the sets made in its image.
//!
//! A file is a big-endian magic (two zero bytes, the type 0x08 of unsigned bytes, the number of dimensions), one 32-bit size a
//! dimension, then the values, row-major. Source: Y. LeCun, <http://yann.lecun.com/exdb/mnist/>.

use super::{DataSet, ImageSet, ImageShape, Part, Split, files};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// Reads the four files of `set`. Errors: see [`super::load`].
pub(super) fn read(set: &DataSet, shape: ImageShape, folders: &[PathBuf]) -> Result<ImageSet> {
    let (mut train, mut test) = (Split::default(), Split::default());
    for file in set.files {
        let (path, bytes) = files::read_file(set, file, folders)?;
        match file.part {
            Part::TrainImages => train.images = images(shape, &path, bytes)?,
            Part::TrainLabels => train.labels = labels(shape, &path, bytes)?,
            Part::TestImages => test.images = images(shape, &path, bytes)?,
            Part::TestLabels => test.labels = labels(shape, &path, bytes)?,
            _ => {
                return Err(Error::Data(format!("{} is in the catalogue with files of two formats.", set.title)));
            }
        }
    }
    let image_size = shape.image_size();
    for (name, split) in [("training", &train), ("test", &test)] {
        let images = split.images.len() / image_size;
        if images != split.len() {
            return Err(Error::Data(format!("{} has {images} {name} images but {} labels.", set.title, split.len())));
        }
    }
    Ok(ImageSet::of(shape, train, test))
}

fn images(shape: ImageShape, path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>> {
    let (dimensions, values) = parse(path, bytes, 3)?;
    if dimensions[1..] != [shape.height, shape.width] {
        let (rows, columns) = (dimensions[1], dimensions[2]);
        let path = path.display();
        return Err(Error::Data(format!("{path} must hold images of {}x{}; it holds {rows}x{columns}.", shape.height, shape.width)));
    }
    Ok(values)
}

fn labels(shape: ImageShape, path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>> {
    let (_, values) = parse(path, bytes, 1)?;
    match values.iter().position(|label| usize::from(*label) >= shape.classes) {
        None => Ok(values),
        Some(at) => {
            let (path, most) = (path.display(), shape.classes - 1);
            Err(Error::Data(format!("{path} must hold labels from 0 to {most}; label number {at} is {}.", values[at])))
        }
    }
}

/// Sizes and values of an IDX file of unsigned bytes with `rank` dimensions.
fn parse(path: &Path, mut bytes: Vec<u8>, rank: u8) -> Result<(Vec<usize>, Vec<u8>)> {
    let shown = path.display();
    let header = 4 + 4 * usize::from(rank);
    if bytes.len() < header {
        return Err(Error::Data(format!("{shown} is too short for an IDX file: it has {} bytes.", bytes.len())));
    }
    let word = |at: usize| u32::from_be_bytes(std::array::from_fn(|i| bytes[at + i]));
    let (magic, expected) = (word(0), 0x0800 | u32::from(rank));
    if magic != expected {
        return Err(Error::Data(format!("{shown} must begin with the magic {expected:#010x}; it begins with {magic:#010x}.")));
    }
    let dimensions: Vec<usize> = (0..usize::from(rank)).map(|i| word(4 + 4 * i) as usize).collect();
    let told = dimensions.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
    bytes.drain(..header);
    if told != Some(bytes.len()) {
        return Err(Error::Data(format!("{shown} says it holds {dimensions:?} values; it holds {}.", bytes.len())));
    }
    Ok((dimensions, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{DataFile, Digest, Form, State};
    use flate2::{Compression, write::GzEncoder};
    use sha2::{Digest as _, Sha256};
    use std::io::Write;

    const IMAGES: [u8; 12] = [0, 1, 2, 3, 4, 255, 10, 11, 12, 13, 14, 15];
    const LABELS: [u8; 2] = [1, 0];

    fn idx(magic: u32, sizes: &[u32], values: &[u8]) -> Vec<u8> {
        let mut bytes = magic.to_be_bytes().to_vec();
        sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
        bytes.extend(values);
        bytes
    }

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    /// A set of two images of 2x3 and two classes in each split, whose files hold exactly these bytes.
    fn set_of(images: &[u8], labels: &[u8]) -> DataSet {
        let digest = |bytes: &[u8]| -> &'static str {
            let text: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            text.leak()
        };
        let file = |name, part, bytes: &[u8]| DataFile { name, part, bytes: bytes.len() as u64, digest: Digest::Sha256(digest(bytes)) };
        let files = vec![
            file("train-images", Part::TrainImages, images),
            file("train-labels", Part::TrainLabels, labels),
            file("test-images", Part::TestImages, images),
            file("test-labels", Part::TestLabels, labels),
        ];
        let mnist = super::super::find("mnist").unwrap().clone();
        let Form::Images(shape) = mnist.form else { panic!("MNIST holds images") };
        let form = Form::Images(ImageShape { height: 2, width: 3, classes: 2, train: 2, test: 2, ..shape });
        DataSet { id: "small", title: "Small", form, files: files.leak(), packages: &[], ..mnist }
    }

    fn good() -> (Vec<u8>, Vec<u8>) {
        (idx(0x803, &[2, 2, 3], &IMAGES), idx(0x801, &[2], &LABELS))
    }

    /// Writes the four files below `folder/small`.
    fn write(folder: &Path, images: &[u8], labels: &[u8]) {
        let place = folder.join("small");
        std::fs::create_dir_all(&place).unwrap();
        for (name, bytes) in [("train-images", images), ("train-labels", labels), ("test-images", images), ("test-labels", labels)] {
            std::fs::write(place.join(name), bytes).unwrap();
        }
    }

    /// The error of reading a set that expects exactly these files and finds them.
    fn fault_of(images: &[u8], labels: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), images, labels);
        set_of(images, labels).read_images(&[folder.path().to_owned()]).unwrap_err().to_string()
    }

    #[test]
    fn plain_and_packed_files_are_read_alike_wherever_they_lie() {
        let (images, labels) = good();
        let set = set_of(&images, &labels);
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folders = [first.path().to_owned(), second.path().to_owned()];
        assert_eq!(set.state(&folders), State::Absent);
        write(second.path(), &images, &labels);
        assert_eq!(set.state(&folders), State::Present);
        let plain = set.read_images(&folders).unwrap();
        assert_eq!((plain.train.images.as_slice(), plain.test.labels.as_slice()), (&IMAGES[..], &LABELS[..]));

        std::fs::create_dir(first.path().join("small")).unwrap();
        std::fs::write(first.path().join("small/train-images.gz"), gz(&images)).unwrap();
        std::fs::remove_file(second.path().join("small/train-images")).unwrap();
        assert_eq!(set.state(&folders), State::Present);
        assert_eq!(set.read_images(&folders).unwrap(), plain);
    }

    #[test]
    fn a_missing_set_says_where_it_looked_and_what_to_do() {
        let (images, labels) = good();
        let set = DataSet { system_folders: &["/nowhere/small"], ..set_of(&images, &labels) };
        let text = set.read_images(&[PathBuf::from("/no/such/folder")]).unwrap_err().to_string();
        for part in ["train-images", "/no/such/folder/small", "/nowhere/small", "`engram data fetch small`"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(super::super::find("fashion_mnist").unwrap().how_to_get().contains("`apt-get install dataset-fashion-mnist`"));
    }

    #[test]
    fn a_damaged_file_is_named_and_a_whole_copy_elsewhere_is_preferred() {
        let (images, labels) = good();
        let set = set_of(&images, &labels);
        let (mine, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folders = [mine.path().to_owned(), other.path().to_owned()];
        write(mine.path(), &images[..20], &labels);
        assert_eq!(set.state(&folders), State::Corrupt);
        let text = set.read_images(&folders).unwrap_err().to_string();
        assert!(text.contains("small/train-images must hold 28 bytes unpacked; it holds 20"), "{text}");
        write(other.path(), &images, &labels);
        assert_eq!(set.state(&folders), State::Present);
        assert!(set.read_images(&folders).is_ok());
    }

    #[test]
    fn a_flipped_bit_a_cut_archive_and_a_bloated_one_are_found() {
        let (images, labels) = good();
        let set = set_of(&images, &labels);
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().to_owned()];
        let mut flipped = images.clone();
        flipped[20] ^= 1;
        write(folder.path(), &flipped, &labels);
        assert_eq!(set.state(&folders), State::Present, "sizes alone are right");
        let text = set.verify(&folders).unwrap_err().to_string();
        let Digest::Sha256(expected) = set.files[0].digest else { panic!("the set knows SHA-256") };
        assert!(text.contains("train-images is corrupt") && text.contains(expected), "{text}");

        let packed = folder.path().join("small/train-images.gz");
        std::fs::remove_file(folder.path().join("small/train-images")).unwrap();
        std::fs::write(&packed, &gz(&images)[..24]).unwrap();
        assert_eq!(set.state(&folders), State::Corrupt);
        assert!(set.verify(&folders).unwrap_err().to_string().contains("cannot be unpacked"));
        std::fs::write(&packed, gz(&[7; 1000])).unwrap();
        assert!(set.verify(&folders).unwrap_err().to_string().contains("it holds more"));
    }

    #[test]
    fn wrong_magic_sizes_and_labels_are_told() {
        let (images, labels) = good();
        let cases = [
            (idx(0x801, &[2, 2, 3], &IMAGES), labels.clone(), "must begin with the magic 0x00000803; it begins with 0x00000801"),
            (idx(0x803, &[2, 3, 2], &IMAGES), labels.clone(), "must hold images of 2x3; it holds 3x2"),
            (idx(0x803, &[3, 2, 3], &IMAGES), labels.clone(), "says it holds [3, 2, 3] values; it holds 12"),
            (vec![0, 0, 8], labels.clone(), "too short"),
            (images.clone(), idx(0x801, &[2], &[1, 2]), "must hold labels from 0 to 1; label number 1 is 2"),
            (images, idx(0x801, &[1], &[1]), "has 2 training images but 1 labels"),
        ];
        for (images, labels, expected) in cases {
            let text = fault_of(&images, &labels);
            assert!(text.contains(expected), "{text}");
        }
    }
}
