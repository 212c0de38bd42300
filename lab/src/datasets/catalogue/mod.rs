//! The data sets the lab knows: sizes, checksums, licences and public addresses.
//!
//! SHA-256 digests were computed from files whose MD5 equal those published by the authors and by public loaders, or, where nobody has
//! published any, whose rows, classes and bags are those the literature tells.

mod bags;
mod images;
mod tables;

use super::{DataFile, DataSet, Digest, Form, Package, Part};
use std::sync::LazyLock;

/// Every data set: images, bags, tables; bundled ones first.
pub fn all() -> &'static [DataSet] {
    static SETS: LazyLock<Vec<DataSet>> = LazyLock::new(|| [&images::SETS[..], &bags::SETS[..], &tables::SETS[..]].concat());
    &SETS
}

/// The data set of this id.
pub fn find(id: &str) -> Option<&'static DataSet> {
    all().iter().find(|set| set.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::State;
    use std::collections::HashSet;

    #[test]
    fn the_catalogue_agrees_with_itself() {
        for set in all() {
            assert_eq!(find(set.id).map(|found| found.title), Some(set.title));
            if set.files.is_empty() {
                assert_eq!(set.state(&[]), if set.bundled { State::Bundled } else { State::Absent });
                continue;
            }
            assert_eq!(set.files.iter().map(|file| file.bytes).sum::<u64>(), set.bytes, "{}", set.id);
            for file in set.files {
                let (Digest::Sha256(hex) | Digest::Md5(hex) | Digest::PackedMd5(hex)) = file.digest;
                assert_eq!(hex.len(), if matches!(file.digest, Digest::Sha256(_)) { 64 } else { 32 }, "{}", file.name);
            }
            let names: HashSet<_> = set.files.iter().map(|file| file.name).collect();
            assert_eq!(names.len(), set.files.len(), "two files of {} have one name", set.id);
            if let Form::Tables { tables } = set.form {
                assert_eq!(tables, set.files.len(), "{}", set.id);
            }
            assert!(set.addresses.iter().all(|address| address.ends_with('/')));
        }
    }
}
