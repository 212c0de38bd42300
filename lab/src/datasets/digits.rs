//! The 8x8 digits that are part of the binary.

use super::{DataSet, ImageSet, ImageShape, Split};
use crate::{Error, Result, random::Generator};
use flate2::read::GzDecoder;
use std::io::Read;

/// Label and pixels of 1,797 images, see `digits/README.md`.
static PACKED: &[u8] = include_bytes!("digits/digits.bin.gz");
const IMAGES: usize = 1797;
const TRAIN: usize = 1438;

/// Unpacks the set. The split, 1,438 to train on and 359 to test on, is drawn once for all with seed 0, for the 1,797 images are
/// themselves one part (13 writers) of the original and come without a split.
pub(super) fn read(set: &DataSet, shape: ImageShape) -> Result<ImageSet> {
    let mut records = Vec::with_capacity(set.bytes as usize);
    GzDecoder::new(PACKED)
        .read_to_end(&mut records)
        .map_err(|error| Error::Data(format!("the bundled {} cannot be unpacked: {error}", set.title)))?;
    let record_size = 1 + shape.image_size();
    if records.len() != IMAGES * record_size {
        let expected = IMAGES * record_size;
        return Err(Error::Data(format!("the bundled {} have {} bytes, not {expected}", set.title, records.len())));
    }
    let (mut train, mut test) = (Split::default(), Split::default());
    for (place, index) in Generator::new(0, "datasets/digits/split").permutation(IMAGES).into_iter().enumerate() {
        let record = &records[index as usize * record_size..][..record_size];
        let split = if place < TRAIN { &mut train } else { &mut test };
        split.labels.push(record[0]);
        split.images.extend_from_slice(&record[1..]);
    }
    Ok(ImageSet::of(shape, train, test))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::load;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_digits_are_those_of_uci_and_their_split_never_changes() {
        let digits = load("digits", &[]).unwrap();
        assert_eq!((digits.train.len(), digits.test.len(), digits.image_size()), (1438, 359, 64));
        let mut counts = [0; 10];
        for label in digits.train.labels.iter().chain(&digits.test.labels) {
            counts[usize::from(*label)] += 1;
        }
        // Class counts as UCI documents them for this part.
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        assert_eq!(digits.train.images.iter().chain(&digits.test.images).max(), Some(&16));
        let mut records = Vec::new();
        GzDecoder::new(PACKED).read_to_end(&mut records).unwrap();
        assert_eq!(hex_of(&records), "d8121ca7764eccfaef1df6bc4589c6527c58fcbab0cb1b079e79f97f8cb8219a");
        assert_eq!(hex_of(&digits.test.images), "1241285dfa642cbcd8f0ec5e19538cd34729cedc5a4139e32a6c497da8f17d6b");
    }

    fn hex_of(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
