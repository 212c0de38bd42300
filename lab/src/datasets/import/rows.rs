//! Text that somebody wants to import: bags or a table.

use super::content::{Content, Piece};
use crate::{
    Error, Result,
    datasets::{bags::Gathering, faults::Faults},
};
use std::path::Path;

/// Names of the column of labels, in a header.
const LABELS: [&str; 3] = ["label", "class", "target"];
/// Names of the column of bags, in a header.
const BAGS: [&str; 2] = ["bag_id", "bag"];

/// The rows of `text`: values between commas where its first row has one, else between spaces; lines that begin with `@` (KEEL) are left out.
/// A first row that names a column label, class or target is a header. With a column bag_id or bag, or if `bags`, the rows are instances.
///
/// Errors, all at once: no CSV, what is wrong with the rows of bags.
pub(super) fn read(path: &Path, text: &str, bags: bool) -> Result<Piece> {
    let mut rows = split(path, text)?;
    let find =
        |names: &[&str], header: &[String]| names.iter().find_map(|name| header.iter().position(|title| title.eq_ignore_ascii_case(name)));
    let header = rows.first().map(|(_, row)| row.clone()).unwrap_or_default();
    let label_column = find(&LABELS, &header);
    let bag_column = label_column.and_then(|_| find(&BAGS, &header));
    if label_column.is_some() {
        rows.remove(0);
    }
    let content = if bags || bag_column.is_some() {
        // Without a header they stand as in the files of the catalogue: label, bag, features.
        let (label_at, bag_at) = match (label_column, bag_column) {
            (Some(label), Some(bag)) => (label, bag),
            (None, _) => (0, 1),
            (Some(_), None) => return Err(Error::Data(format!("{}: the header must name a column bag_id or bag.", path.display()))),
        };
        let mut gathering = Gathering::new(path);
        for (line, row) in &rows {
            let features = row.iter().enumerate().filter(|(at, _)| *at != label_at && *at != bag_at).map(|(_, value)| value.as_str());
            match (row.get(label_at), row.get(bag_at)) {
                (Some(of), Some(bag)) => gathering.add(*line, label(of), bag, features),
                _ => gathering.fault(*line, format_args!("must hold a label and a bag; it holds {} values", row.len())),
            }
        }
        Content::Bags(gathering.bags()?)
    } else {
        if let Some(at) = label_column {
            for (_, row) in rows.iter_mut().filter(|(_, row)| at < row.len()) {
                let class = row.remove(at);
                row.push(class);
            }
        }
        Content::Rows(rows)
    };
    Ok(Piece { path: path.to_owned(), is_test: false, content })
}

/// The label of a bag as the catalogue's files write it: many write -1 for 0.
pub(super) fn label(text: &str) -> &str {
    if text == "-1" { "0" } else { text }
}

fn split(path: &Path, text: &str) -> Result<Vec<(usize, Vec<String>)>> {
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('@'));
    if !first.is_some_and(|line| line.contains(',')) {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('@'));
        return Ok(lines.map(|(at, line)| (at + 1, line.split_whitespace().map(str::to_owned).collect())).collect());
    }
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true).trim(csv::Trim::All).comment(Some(b'@'));
    let (mut rows, mut faults) = (Vec::new(), Faults::default());
    for record in reader.from_reader(text.as_bytes()).records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, |position| position.line() as usize);
                rows.push((line, record.iter().map(str::to_owned).collect()));
            }
            Err(error) => faults.add(format!("{}: it is no CSV: {error}.", path.display())),
        }
    }
    faults.none().map(|()| rows)
}
