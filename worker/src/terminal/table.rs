//! Summaries and claims as text tables.

use lab::{
    experiment::{Card, Op},
    json::Number,
    record::is_clock_name,
};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The summary as a table: a row for each metric; a column for the whole run, for each of the arms in the order given, and for each
/// difference of two arms. Numbers of the clock come last.
pub fn of_summary(arms: &[&str], summary: &BTreeMap<String, Number>) -> String {
    let mut cells: BTreeMap<(bool, &str), BTreeMap<Column, f64>> = BTreeMap::new();
    for (name, value) in summary {
        let (metric, column) = split(arms, name);
        cells.entry((is_clock_name(metric), metric)).or_default().insert(column, value.0);
    }
    let mut columns: Vec<Column> = cells.values().flat_map(|row| row.keys().copied()).collect();
    columns.sort_unstable();
    columns.dedup();
    let mut rows = vec![std::iter::once(String::new()).chain(columns.iter().map(|column| column.title(arms))).collect::<Vec<_>>()];
    for ((_, metric), row) in &cells {
        let values = columns.iter().map(|column| match (row.get(column), column) {
            (Some(value), Column::Difference(..)) if *value > 0.0 => format!("+{}", digits(*value)),
            (Some(value), _) => digits(*value),
            (None, _) => String::new(),
        });
        rows.push(std::iter::once((*metric).to_owned()).chain(values).collect());
    }
    aligned(&rows)
}

/// The claims with the value that this run gives each; the verdict needs several seeds for most.
pub fn of_claims(card: &Card, summary: &BTreeMap<String, Number>) -> String {
    let mut text = String::new();
    for claim in &card.claims {
        let (op, value) = (claim.expect.op, digits(claim.expect.value));
        let rule = match op {
            Op::Greater => format!("> {value}"),
            Op::AtLeast => format!(">= {value}"),
            Op::Less => format!("< {value}"),
            Op::AtMost => format!("<= {value}"),
            Op::Within => format!("within {value} +- {}", digits(claim.expect.tolerance.unwrap_or(0.0))),
        };
        let measured = summary.get(claim.measure).map_or_else(|| "not measured in this run".to_owned(), |value| digits(value.0));
        let seeds = if claim.needs_seeds > 1 { format!(", judged over {} seeds", claim.needs_seeds) } else { String::new() };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n{}\n  {} = {measured} (expected {rule}{seeds})", claim.statement, claim.measure);
    }
    text
}

/// A column, ordered as it is shown; arms by their place in the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    Run,
    Arm(usize),
    Difference(usize, usize),
}

impl Column {
    fn title(self, arms: &[&str]) -> String {
        match self {
            Self::Run => "run".to_owned(),
            Self::Arm(arm) => arms[arm].to_owned(),
            Self::Difference(one, other) => format!("{}-{}", arms[one], arms[other]),
        }
    }
}

/// Metric and column of a summary name. What has none of the arms belongs to the whole run under its full name.
fn split<'a>(arms: &[&str], name: &'a str) -> (&'a str, Column) {
    let place = |id: &str| arms.iter().position(|arm| *arm == id);
    let Some((metric, ids)) = name.rsplit_once('.') else { return (name, Column::Run) };
    if let Some(arm) = place(ids) {
        return (metric, Column::Arm(arm));
    }
    // An id may itself have a hyphen, so every one is tried as the minus.
    let differences = ids.match_indices('-').filter_map(|(at, _)| Some(Column::Difference(place(&ids[..at])?, place(&ids[at + 1..])?)));
    differences.into_iter().next().map_or((name, Column::Run), |column| (metric, column))
}

/// A number as people read it: four digits behind the point, an exponent where that would hide it.
pub fn digits(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => value.to_string(),
        size if value.fract() == 0.0 && size < 1e9 => format!("{value:.0}"),
        size if !(1e-3..1e6).contains(&size) => format!("{value:.3e}"),
        _ => format!("{value:.4}"),
    }
}

/// Rows with their columns in line: the first to the left, the others to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows.first().map_or(0, Vec::len)).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| match at {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab::experiment::{Arm, Claim, Expect, Paper};

    fn card() -> Card {
        let arm = |id| Arm { id, title: id, baseline: false };
        let claim = Claim {
            id: "better",
            statement: "Walking pays.",
            reported: None,
            reported_words: None,
            measure: "gain.b-a-1",
            expect: Expect { op: Op::Within, value: 0.5, tolerance: Some(0.25) },
            needs_seeds: 5,
            why: "",
        };
        Card {
            id: "walk",
            title: "",
            summary: "",
            paper: Paper { title: "", authors: "", year: 2000, url: "" },
            presets: vec![],
            arms: vec![arm("b"), arm("a-1")],
            metrics: vec![],
            panels: vec![],
            claims: vec![claim],
            datasets: vec![],
        }
    }

    #[test]
    fn a_summary_is_laid_out_by_metric_and_arm() {
        let entries = [("gain.b", 1.25), ("gain.a-1", 0.5), ("gain.b-a-1", 0.75), ("time/all", 1e7), ("odd.c", f64::NAN)];
        let summary = entries.into_iter().map(|(name, value)| (name.to_owned(), Number(value))).collect();
        let expected = "             run       b     a-1    b-a-1\n\
                        gain              1.2500  0.5000  +0.7500\n\
                        odd.c        NaN\n\
                        time/all  10000000\n";
        let shown = of_summary(&["b", "a-1"], &summary);
        let words =
            |text: &str| text.lines().map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect::<Vec<_>>();
        assert_eq!(words(&shown), words(expected));
        let ends: Vec<_> = shown.lines().take(2).map(str::len).collect();
        assert_eq!(ends[0], ends[1], "columns end in line:\n{shown}");
        let claims = of_claims(&card(), &summary);
        assert!(claims.contains("gain.b-a-1 = 0.7500 (expected within 0.5000 +- 0.2500, judged over 5 seeds)"), "{claims}");
    }
}
