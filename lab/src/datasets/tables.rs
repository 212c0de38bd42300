//! Tables of labelled rows in memory, and reading them.
//!
//! A file has a row a line, its values between commas or spaces, the class last; lines that begin with `@` are KEEL's header and say nothing
//! that is needed. A column is numeric if every value is a number, else it becomes one column of zeros and ones for each word it holds, in the
//! words' order. Source: KEEL, <https://sci2s.ugr.es/keel/datasets.php>; UCI, <https://archive.ics.uci.edu>.

use super::{DataFile, DataSet, Form, Part, TableShape, files};
use crate::{Error, Result};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The tables that are part of the binary, see `tables/README.md`.
static BUNDLED: [(&str, &[u8]); 3] = [
    ("iris", include_bytes!("tables/iris.csv")),
    ("wine", include_bytes!("tables/wine.csv")),
    ("breast_cancer", include_bytes!("tables/breast_cancer.csv")),
];

/// A table of labelled rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name: the id of its set, or in a collection the name of its file up to the first dot.
    pub name: String,
    /// Values of a row.
    pub features: usize,
    /// Values of all rows, `[rows, features]` row-major.
    pub values: Vec<f32>,
    /// Classes of the rows, `[rows]`, as places in `classes`.
    pub labels: Vec<u32>,
    /// Names of the classes: numbers by size, else words by letters.
    pub classes: Vec<String>,
}

impl Table {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.labels.len()
    }

    /// Values of a row, `[features]`. Panics beyond the last row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.features..(row + 1) * self.features]
    }

    /// Its sizes.
    pub fn shape(&self) -> TableShape {
        TableShape { rows: self.rows(), features: self.features, classes: self.classes.len() }
    }
}

/// Reads every table of `set`, in the order of its files. Errors: see [`super::load`].
pub(super) fn read(set: &DataSet, folders: &[PathBuf]) -> Result<Vec<Arc<Table>>> {
    let mut tables = Vec::new();
    if let Some((name, bytes)) = BUNDLED.iter().find(|(name, _)| set.bundled && *name == set.id) {
        tables.push(parse(name, Path::new(name), bytes, 0)?);
    }
    for file in set.files {
        let Part::Table { skip } = file.part else { continue };
        let (path, bytes) = files::read_file(set, file, folders)?;
        let name = if matches!(set.form, Form::Table(_)) { set.id } else { name_of(file) };
        tables.push(parse(name, &path, &bytes, skip)?);
    }
    match set.form {
        _ if tables.is_empty() => return Err(files::absent(set, folders)),
        Form::Table(shape) if tables[0].shape() != shape => {
            let (wanted, found) = (set.form.sizes(), Form::Table(tables[0].shape()).sizes());
            return Err(Error::Data(format!("{} must hold {wanted}; it holds {found}.", set.title)));
        }
        _ => {}
    }
    Ok(tables.into_iter().map(Arc::new).collect())
}

/// The name of a table of a collection.
pub(super) fn name_of(file: &DataFile) -> &'static str {
    file.name.split_once('.').map_or(file.name, |(name, _)| name)
}

/// The table in `bytes`, without its first `skip` columns. Errors: no text, no row, a row of another length, a value that is missing or not
/// finite, a single class.
pub(super) fn parse(name: &str, path: &Path, bytes: &[u8], skip: usize) -> Result<Table> {
    let shown = path.display();
    let text = std::str::from_utf8(bytes).map_err(|error| Error::Data(format!("{shown} must be text in UTF-8: {error}.")))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('@'));
    let rows: Vec<(usize, Vec<&str>)> = lines.map(|(at, line)| (at + 1, values_of(line).skip(skip).collect())).collect();
    let width = rows.first().map_or(0, |(_, row)| row.len());
    if width < 2 {
        return Err(Error::Data(format!("{shown} must hold rows of features and a class; its first has {width} values.")));
    }
    for (line, row) in &rows {
        if row.len() != width {
            return Err(Error::Data(format!("{shown}, line {line}: must hold {width} values as the first row; it holds {}.", row.len())));
        }
        if let Some(column) = row.iter().position(|value| matches!(*value, "" | "?" | "<null>") || not_finite(value)) {
            let value = row[column];
            return Err(Error::Data(format!("{shown}, line {line}: value {} must be there and finite; it is \"{value}\".", column + 1)));
        }
    }
    let column = |at: usize| rows.iter().map(move |(_, row)| row[at]);
    let classes = sorted(column(width - 1));
    if classes.len() < 2 {
        return Err(Error::Data(format!("{shown} must hold rows of at least two classes; all are of {}.", classes.join(""))));
    }
    let columns: Vec<Column> = (0..width - 1).map(|at| Column::of(column(at))).collect();
    let features = columns.iter().map(Column::width).sum();
    let mut values = Vec::with_capacity(rows.len() * features);
    let mut labels = Vec::with_capacity(rows.len());
    for (_, row) in &rows {
        columns.iter().zip(row).for_each(|(column, value)| column.push(value, &mut values));
        // Every class of a row is among the classes of all rows.
        labels.extend(classes.iter().position(|class| *class == row[width - 1]).map(|class| class as u32));
    }
    Ok(Table { name: name.to_owned(), features, values, labels, classes: classes.into_iter().map(str::to_owned).collect() })
}

/// The values of a line: between commas where there is one, else between spaces.
fn values_of(line: &str) -> Box<dyn Iterator<Item = &str> + '_> {
    if line.contains(',') { Box::new(line.split(',').map(str::trim)) } else { Box::new(line.split_whitespace()) }
}

/// A column of a table as it is read.
enum Column<'a> {
    Numbers,
    Words(Vec<&'a str>),
}

impl<'a> Column<'a> {
    fn of(values: impl Iterator<Item = &'a str> + Clone) -> Self {
        if values.clone().all(|value| number(value).is_some()) { Self::Numbers } else { Self::Words(sorted(values)) }
    }

    fn width(&self) -> usize {
        match self {
            Self::Numbers => 1,
            Self::Words(words) => words.len(),
        }
    }

    fn push(&self, value: &str, values: &mut Vec<f32>) {
        match self {
            // A column of numbers holds nothing else.
            Self::Numbers => values.extend(number(value)),
            Self::Words(words) => values.extend(words.iter().map(|word| f32::from(u8::from(*word == value)))),
        }
    }
}

fn number(value: &str) -> Option<f32> {
    value.parse().ok().filter(|number: &f32| number.is_finite())
}

/// Whether a value is a number that no column may hold: an infinity, `nan`, or one too large.
fn not_finite(value: &str) -> bool {
    value.parse().is_ok_and(|number: f32| !number.is_finite())
}

/// The different values: by size if all are numbers, else by letters.
fn sorted<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut words: Vec<_> = values.collect::<BTreeSet<_>>().into_iter().collect();
    if words.iter().all(|word| number(word).is_some()) {
        words.sort_by(|a, b| number(a).partial_cmp(&number(b)).unwrap_or(std::cmp::Ordering::Equal));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{load, load_bags, load_table, load_tables};

    fn parsed(text: &str) -> Table {
        parse("small", Path::new("small.csv"), text.as_bytes(), 0).unwrap()
    }

    fn fault(text: &[u8]) -> String {
        parse("small", Path::new("small.csv"), text, 0).unwrap_err().to_string()
    }

    #[test]
    fn the_bundled_tables_have_the_rows_and_classes_that_uci_documents() {
        let counts_of = |id| {
            let table = load_table(id, &[]).unwrap();
            let counts = table.classes.iter().enumerate().map(|(at, class)| {
                let rows = table.labels.iter().filter(|label| **label as usize == at).count();
                (class.clone(), rows)
            });
            (table.rows(), table.features, counts.collect::<Vec<_>>())
        };
        let named = |counts: &[(&str, usize)]| counts.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect::<Vec<_>>();
        assert_eq!(counts_of("iris"), (150, 4, named(&[("setosa", 50), ("versicolor", 50), ("virginica", 50)])));
        assert_eq!(counts_of("wine"), (178, 13, named(&[("class_0", 59), ("class_1", 71), ("class_2", 48)])));
        assert_eq!(counts_of("breast_cancer"), (569, 30, named(&[("benign", 357), ("malignant", 212)])));
        // Rows 35 and 38 as in Fisher's paper; UCI's own copy has 0.1 in the last column of the first and 3.1, 1.5, 0.1 in the second.
        let iris = load_table("iris", &[]).unwrap();
        assert_eq!((iris.row(34), iris.row(37)), (&[4.9f32, 3.1, 1.5, 0.2][..], &[4.9f32, 3.6, 1.4, 0.1][..]));
    }

    #[test]
    fn words_become_a_column_each_and_classes_are_sorted() {
        let table = parsed("@relation small\n1.5, red, 10\n-2,green,9\n\n3e1, red ,10\n");
        assert_eq!((table.features, table.classes.as_slice()), (3, &["9".to_owned(), "10".to_owned()][..]));
        assert_eq!(table.values, [1.5, 0.0, 1.0, -2.0, 1.0, 0.0, 30.0, 0.0, 1.0]);
        assert_eq!(table.labels, [1, 0, 1]);
        let spaced = parse("small", Path::new("small.data"), b"AAT_ECOLI   0.49  cp\nACEA_ECOLI  0.07  im\n", 1).unwrap();
        assert_eq!((spaced.values, spaced.classes), (vec![0.49, 0.07], vec!["cp".to_owned(), "im".to_owned()]));
    }

    #[test]
    fn rows_that_do_not_fit_are_told() {
        assert!(fault(b"1,2,a\n1,b\n").contains("small.csv, line 2: must hold 3 values as the first row; it holds 2"));
        assert!(fault(b"1,?,a\n1,2,b\n").contains("line 1: value 2 must be there and finite; it is \"?\""));
        assert!(fault(b"1,2,a\n1,inf,b\n").contains("line 2: value 2 must be there and finite"));
        assert!(fault(b"1,2,a\n1,3,a\n").contains("at least two classes; all are of a"));
        assert!(fault(b"\n").contains("must hold rows of features and a class"));
        assert!(fault(b"1,\xff,a\n").contains("must be text in UTF-8"));
    }

    #[test]
    fn a_set_of_another_form_or_name_is_told() {
        let text = |error: Result<_>| error.map(|_: Arc<Table>| ()).unwrap_err().to_string();
        assert!(text(load_table("digits", &[])).contains("Digits 8x8 holds images, not tables; choose another data set"));
        assert!(text(load_table("iris/wine", &[])).contains("there is no table `iris/wine`; did you mean `iris/iris`?"));
        assert!(load("iris", &[]).unwrap_err().to_string().contains("Iris holds a table, not images"));
        assert!(load_bags("wine", &[]).unwrap_err().to_string().contains("Wine holds a table, not bags"));
        let absent = load_tables("uci", &["/no/such/folder".into()]).unwrap_err().to_string();
        assert!(absent.contains("/no/such/folder/uci") && absent.contains("`engram data fetch uci`"), "{absent}");
    }
}
