//! Imports of small files of every format.

use super::*;
use crate::{
    datasets::{BagShape, Form, ImageShape, State, TableShape, idx, list, load, load_bags, load_table},
    png,
};
use flate2::{Compression, write::GzEncoder};
use std::io::{Cursor, Write};

/// A folder of files to import and a data folder.
struct Place {
    from: tempfile::TempDir,
    to: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { from: tempfile::tempdir().unwrap(), to: tempfile::tempdir().unwrap() }
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.from.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn import(&self, id: &str, paths: &[PathBuf]) -> Result<Import> {
        import(id, paths, self.to.path(), &About::default())
    }

    fn fault(&self, id: &str, paths: &[PathBuf]) -> String {
        let text = self.import(id, paths).unwrap_err().to_string();
        let left: Vec<_> = std::fs::read_dir(self.to.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| *name == "there"), "nothing appears when something is wrong: {left:?}");
        text
    }

    fn folders(&self) -> Vec<PathBuf> {
        vec![self.to.path().to_owned()]
    }
}

fn npy(kind: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    [b"\x93NUMPY\x01\x00", (header.len() as u16).to_le_bytes().as_slice(), header.as_bytes(), values].concat()
}

fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn shape(height: usize, width: usize, channels: usize, train: usize, test: usize) -> Form {
    Form::Images(ImageShape { height, width, channels, classes: 2, max_value: 255, train, test })
}

#[test]
fn idx_files_become_a_set_that_is_listed_verified_and_loaded() {
    let place = Place::new();
    let train: Vec<u8> = (0..24).collect();
    let paths = [
        place.put("train-images.gz", gz(&idx::encode(&[4, 2, 3], &train))),
        place.put("train-labels", idx::encode(&[4], &[0, 1, 1, 0])),
        place.put("test-images", idx::encode(&[1, 2, 3], &[9; 6])),
        place.put("test-labels", idx::encode(&[1], &[1])),
    ];
    let about = About { title: Some("Mine".to_owned()), licence: Some("CC0".to_owned()), source: None };
    let import = import("mine_1", &paths, place.to.path(), &about).unwrap();
    // A folder of the same files holds the same.
    assert_eq!(place.import("folder", &[place.from.path().to_owned()]).unwrap().set.form, import.set.form);
    assert_eq!((import.set.form, import.set.title, import.set.licence), (shape(2, 3, 1, 4, 1), "Mine", "CC0"));
    assert!(import.found[0].ends_with("train-images.gz: 4 images of 2x3, to train on"), "{:?}", import.found);
    let listed = list(&place.folders());
    let set = listed.sets.last().unwrap();
    assert_eq!(listed.sets[listed.sets.len() - 2].id, "folder");
    assert_eq!((set.id, set.state(&place.folders()), listed.faults.len()), ("mine_1", State::Imported, 0));
    let images = load("mine_1", &place.folders()).unwrap();
    assert_eq!((&images.train.images, &images.test.labels, images.classes), (&train, &vec![1], 2));

    let again = place.import("mine_1", &paths).unwrap_err().to_string();
    assert!(again.contains("mine_1 is there already; delete it to import mine_1 anew"), "{again}");
    let path = place.to.path().join("mine_1/train-images-idx3-ubyte");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let text = set.verify(&place.folders()).unwrap_err().to_string();
    assert!(text.contains("is corrupt: its SHA-256 must be") && text.contains("`engram data import mine_1 PATH`"), "{text}");
}

#[test]
fn a_set_imported_anew_is_not_mistaken_for_the_old_one() {
    let place = Place::new();
    let first = place.put("a.csv", "1,a\n2,b\n");
    place.import("anew", &[first]).unwrap();
    assert_eq!(load_table("anew", &place.folders()).unwrap().values, [1.0, 2.0]);
    std::fs::remove_dir_all(place.to.path().join("anew")).unwrap();
    assert!(load_table("anew", &place.folders()).is_err());
    place.import("anew", &[place.put("b.csv", "7,a\n8,b\n")]).unwrap();
    assert_eq!(load_table("anew", &place.folders()).unwrap().values, [7.0, 8.0]);
}

#[test]
fn everything_wrong_with_images_is_told_at_once() {
    let place = Place::new();
    let images = place.put("train-images", idx::encode(&[2, 1, 2], &[1, 2, 3, 4]));
    let wide = place.put("test-images", idx::encode(&[1, 1, 3], &[1, 2, 3]));
    let labels = place.put("train-labels", idx::encode(&[3], &[0, 1, 1]));
    let text = place.fault("mine", &[images.clone(), wide, labels]);
    assert!(
        text.contains("test-images must hold images of (1, 1, 2) channels, rows and columns as the first; it holds 1 of (1, 1, 3)"),
        "{text}"
    );
    assert!(text.contains("as many labels as images to train on; there are 2 images and 3 labels"), "{text}");
    let gap = place.put("train-labels", idx::encode(&[2], &[0, 2]));
    let test = [place.put("test-images", idx::encode(&[1, 1, 2], &[0, 0])), place.put("test-labels", idx::encode(&[1], &[3]))];
    let text = place.fault("mine", &[&[images, gap][..], &test].concat());
    assert!(text.contains("Labels must be 0 to 3 with an image to train on for each; 1 has none.\n"), "{text}");
    assert!(text.contains("; 3 has none."), "{text}");

    let paths = [
        place.put("cut.gz", &gz(&[7; 100])[..20]),
        place.put("short", idx::encode(&[5, 5], &[1; 24])),
        place.put("strange", [0xff, 0xfe, 0x00, 0x01]),
        place.put("odd.bin", [0; 100]),
        place.from.path().join("nowhere"),
        place.put("numbers.npy", npy("<f4", "1, 1, 1", &[0; 4])),
    ];
    let text = place.fault("mine", &paths);
    for part in [
        "cut.gz cannot be unpacked",
        "short says it holds [5, 5] values; it holds 24",
        "strange: it is none of the formats",
        "odd.bin: a .bin file must hold CIFAR's records of 3073 or 3074 bytes; its 100 do not divide",
        "nowhere: No such file",
        "numbers.npy: pixels must be unsigned bytes (u1)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.lines().count(), 6);
    for id in ["", "Mine", "a-b", "../up", "x/y"] {
        assert!(place.fault(id, &[]).contains("must be of the letters a to z, digits and underscores"), "{id}");
    }
    assert!(place.fault("digits", &[]).contains("is part of engram"));
}

#[test]
fn arrays_and_records_of_colour_images_are_read_channel_by_channel() {
    let place = Place::new();
    // Images of two rows and one column, a pixel after the other.
    let arrays = npz(&[
        ("x_train", npy("|u1", "2, 2, 1, 3", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])),
        ("y_train", npy("<i8", "2,", &[0, 1].map(i64::to_le_bytes).concat())),
        ("x_test", npy("|u1", "1, 2, 1, 3", &[20, 21, 22, 23, 24, 25])),
        ("y_test", npy("<i8", "1,", &0i64.to_le_bytes())),
    ]);
    let import = place.import("arrays", &[place.put("mine.npz", arrays)]).unwrap();
    assert_eq!(import.set.form, shape(2, 1, 3, 2, 1));
    let images = load("arrays", &place.folders()).unwrap();
    assert_eq!(images.train.images, [1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12]);
    assert_eq!(images.test.images, [20, 23, 21, 24, 22, 25]);

    let record = |label: u8| [vec![label], vec![label + 5; 3072]].concat();
    let paths = [place.put("data_batch.bin", [record(0), record(1)].concat()), place.put("test_batch.bin", record(1))];
    let import = place.import("records", &paths).unwrap();
    assert_eq!(import.set.form, shape(32, 32, 3, 2, 1));
    assert_eq!(load("records", &place.folders()).unwrap().train.images[3072], 6);
    let mixed = place.put("mixed.npz", npz(&[("x_train", npy("|u1", "1, 1, 1", &[1])), ("z", npy("|u1", "1,", &[1]))]));
    let either = place.put("either.npy", npy("|u1", "1, 3, 1, 3", &[0; 9]));
    assert!(place.import("either", &[either]).unwrap_err().to_string().contains("channels may be the second or the last of [1, 3, 1, 3]"));
    assert!(place.import("mixed", &[mixed]).unwrap_err().to_string().contains("it holds x_train, z"));
}

#[test]
fn pictures_in_folders_of_classes_become_a_set() {
    let place = Place::new();
    let picture = |value: u8| png::encode_rgb(2, 1, &[value, 1, 2, 3, 4, 5]).unwrap();
    for at in 0..5 {
        place.put(&format!("animals/cat/{at}.png"), picture(at));
        place.put(&format!("animals/dog/{at}.png"), picture(100 + at));
    }
    let import = place.import("animals", &[place.from.path().join("animals")]).unwrap();
    // A fifth is taken to test on, the same at every import.
    assert_eq!(import.set.form, shape(1, 2, 3, 8, 2));
    let images = load("animals", &place.folders()).unwrap();
    for split in [&images.train, &images.test] {
        for (image, label) in split.images.chunks_exact(6).zip(&split.labels) {
            assert_eq!((image[0] >= 100, &image[1..]), (*label == 1, &[3, 1, 4, 2, 5][..]));
        }
    }
    let manifest = std::fs::read_to_string(place.to.path().join("animals/set.json")).unwrap();
    assert!(manifest.contains("\"cat\"") && manifest.contains("\"dog\""), "{manifest}");

    let halves = place.from.path().join("halves");
    for (name, value) in [("train/a/1", 1), ("train/b/1", 2), ("test/b/1", 3)] {
        place.put(&format!("halves/{name}.png"), picture(value));
    }
    assert_eq!(place.import("halves", std::slice::from_ref(&halves)).unwrap().set.form, shape(1, 2, 3, 2, 1));
    place.put("halves/train/a/2.png", png::encode_rgb(1, 1, &[1, 2, 3]).unwrap());
    place.put("halves/train/b/2.png", "no picture");
    let text = place.import("others", &[halves]).unwrap_err().to_string();
    assert!(text.contains("a/2.png must be of (1, 2, 3) rows, columns and channels as the first; it is of (1, 1, 3)"), "{text}");
    assert!(text.contains("b/2.png must be a PNG file"), "{text}");
}

#[test]
fn bags_come_from_text_with_and_without_a_header_and_from_arrays() {
    let place = Place::new();
    let form = Form::Bags(BagShape { bags: 2, positive: 1, instances: 3, features: 2 });
    let header = place.put("header.csv", "bag_id,f1,f2,label\nx,1,2,1\ny,5,6,-1\nx,3,4,1\n");
    assert_eq!(place.import("header", &[header]).unwrap().set.form, form);
    let bags = load_bags("header", &place.folders()).unwrap();
    assert_eq!((bags.bag(0), bags.labels.as_slice()), (&[1.0, 2.0, 3.0, 4.0][..], &[1u8, 0][..]));
    let floats = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    let arrays = npz(&[
        ("x", npy("<f4", "3, 2", &floats(&[1.0, 2.0, 0.1, 6.0, 3.0, 4.0]))),
        ("bag", npy("|u1", "3,", &[7, 8, 7])),
        ("bag_ids", npy("|u1", "2,", &[8, 7])),
        ("bag_y", npy("|i1", "2,", &[0, 1])),
    ]);
    assert_eq!(place.import("arrays", &[place.put("bags.npz", arrays)]).unwrap().set.form, form);
    assert_eq!(load_bags("arrays", &place.folders()).unwrap().bag(1), [0.1, 6.0]);
    let wrong = place.put("wrong.csv", "label,bag_id,f1\n1,x,1\n0,x,2\n3,y,z\n");
    let text = place.import("wrong", &[wrong]).unwrap_err().to_string();
    assert!(text.contains("wrong.csv, line 3: the bag x has label 0 here and 1 before"), "{text}");
    assert!(text.contains("wrong.csv, line 4: the label must be 0 or 1; it is 3"), "{text}");
}

#[test]
fn tables_keep_their_words_and_their_class_goes_last() {
    let place = Place::new();
    let import = place.import("table", &[place.put("t.csv", "size,class,colour\n1,yes,red\n2,no,green\n3,yes,\"dark red\"\n")]).unwrap();
    assert_eq!(import.set.form, Form::Table(TableShape { rows: 3, features: 4, classes: 2 }));
    let table = load_table("table", &place.folders()).unwrap();
    assert_eq!((table.labels.as_slice(), &table.classes[1]), (&[1u32, 0, 1][..], &"yes".to_owned()));
    assert_eq!(table.row(2), [3.0, 1.0, 0.0, 0.0]);
    let text = place.import("faulty", &[place.put("f.csv", "1,,a\n2,\"x,y\",b\n3,c\n")]).unwrap_err().to_string();
    assert!(text.contains("line 1: value 2 must be there") && text.contains("line 3: must hold 3 values"), "{text}");
    let text = place.import("faulty", &[place.put("f.csv", "1,z,a\n2,\"x,y\",b\n")]).unwrap_err().to_string();
    assert!(text.contains("line 2: values must have no comma"), "{text}");
}

#[test]
fn a_set_known_by_its_sizes_alone_must_have_them() {
    let place = Place::new();
    // Fox's layout, with numbers of no meaning: 200 bags, the first 120 of 7 instances and the others of 6.
    let fox = |features: usize| {
        let mut text = String::new();
        for bag in 0..200 {
            for instance in 0..if bag < 120 { 7 } else { 6 } {
                text += &format!("{},{bag}{}\n", u8::from(bag % 2 == 0), format!(",{instance}").repeat(features));
            }
        }
        text
    };
    let text = place.fault("fox", &[place.put("fox.csv", fox(229))]);
    assert!(
        text.contains("Fox must be 200 bags, 1320 instances, 230 features, 100 bags of label 1; found 200 bags, 1320 instances, 229"),
        "{text}"
    );
    let import = place.import("fox", &[place.put("fox.csv", fox(230))]).unwrap();
    assert_eq!((import.set.title, import.set.state(&place.folders())), ("Fox", State::Imported));
    assert_eq!(load_bags("fox", &place.folders()).unwrap().shape().instances, 1320);
    // The list has it once, in its place.
    let listed = list(&place.folders()).sets;
    assert_eq!(listed.iter().filter(|set| set.id == "fox").count(), 1);
    assert!(listed.iter().any(|set| set.id == "fox" && set.state(&place.folders()) == State::Imported));
    std::fs::write(place.to.path().join("fox/set.json"), "{}").unwrap();
    let listed = list(&place.folders());
    assert!(listed.faults[0].contains("fox/set.json is no manifest of a data set"), "{:?}", listed.faults);
    assert!(load_bags("fox", &place.folders()).unwrap_err().to_string().contains("Delete its folder and import fox again"));
}

#[test]
fn files_of_a_known_set_are_checked_against_its_checksums() {
    let place = Place::new();
    // Of the right layout and sizes, of the wrong content.
    let labels = place.put("t10k-labels-idx1-ubyte.gz", gz(&idx::encode(&[10_000], &[3; 10_000])));
    let other = place.put("labels.csv", "1,2\n");
    let text = place.fault("kmnist", &[labels, other]);
    assert!(text.contains("t10k-labels-idx1-ubyte.gz is corrupt: its MD5 when packed must be 7320c461ea6c1c855c0b718fb2a4b134"), "{text}");
    assert!(text.contains("labels.csv") && text.contains("train-images-idx3-ubyte.gz is missing"), "{text}");

    let labels = place.put("MNIST labels", idx::encode(&[10_000], &[3; 10_000]));
    let images = place.put("MNIST images test.npy", npy("|u1", "1, 28, 28", &[0; 784]));
    let text = place.fault("mnist", &[labels, images]);
    assert!(text.contains("t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz is missing"), "{text}");
    let train = place.put("train.bin", [1; 3074]);
    let text = place.fault("cifar100", &[train]);
    assert!(text.contains("train.bin must hold 153700000 bytes unpacked; it holds 3074"), "{text}");
}
