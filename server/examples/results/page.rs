//! `docs/results.md`: every claim with what was measured, and every preset with its runs.

use crate::{
    files::{PresetResult, Results},
    statistics::{holm, p_value},
};
use lab::{
    experiment::{Card, Claim, Preset},
    registry,
};
use server::{
    claims::{Judgement, judge, rule},
    evidence::{bootstrap, on_claimed_side},
    interval::Estimate,
};
use std::fmt::Write;

const HEAD: &str = "# Results

What the claims of the papers came to in this lab. `./results` makes this page from the files in [results](results), one a preset, and runs what
is missing there; nothing on it is written by hand. The rules were fixed before any run, a verdict is the server's: over the seeds, the 95% interval
of the mean by Student's t must lie wholly on one side of the rule. `holds`, `fails` and `undecided` stand as they came out.

- **measured**: mean and half width of that interval, number of runs in brackets. Differences are between arms of the same run.
- **bootstrap**: the 95% percentile interval over 10,000 resamples; over five runs it is narrower than it should be.
- **on its side**: how many of the runs keep the rule on their own; of a difference, the probability of improvement.
- **after Holm**: the verdict that is left when all rows of this page that have an interval are tested together at 5%; `exact` where nothing varies.
";

/// A claim as one preset's runs have it.
struct Row<'a> {
    preset: &'a str,
    verdict: Judgement,
    estimate: Estimate,
    values: Vec<f64>,
    /// The level of its test, if it takes part in Holm's adjustment.
    p_value: Option<f64>,
    /// Whether it stands in Holm's adjustment.
    stands: bool,
}

/// The page that these results give.
pub fn render(results: &Results) -> String {
    let mut cards: Vec<(&Card, Vec<Vec<Row>>)> = registry::standard()
        .entries()
        .iter()
        .map(|entry| (&entry.card, entry.card.claims.iter().map(|claim| rows_of(&entry.card, claim, results)).collect()))
        .collect();
    let tested: Vec<&mut Row> =
        cards.iter_mut().flat_map(|(_, claims)| claims.iter_mut().flatten()).filter(|row| row.p_value.is_some()).collect();
    let stands = holm(&tested.iter().filter_map(|row| row.p_value).collect::<Vec<_>>());
    let tests = tested.len();
    for (row, stands) in tested.into_iter().zip(stands) {
        row.stands = stands;
    }
    let mut page = HEAD.to_owned();
    // Writing to a string cannot fail.
    let _ = writeln!(page, "\nHolm's adjustment here is over {tests} rows.");
    for (card, claims) in &cards {
        let _ = write!(
            page,
            "\n## {}\n\n{}, {}: [{}]({}).\n",
            card.title, card.paper.authors, card.paper.year, card.paper.title, card.paper.url
        );
        page += "\n| claim | preset | verdict | measured | bootstrap | on its side | after Holm | reported |\n|---|---|---|---|---|---|---|---|\n";
        for (claim, rows) in card.claims.iter().zip(claims) {
            add_rows(&mut page, claim, rows);
        }
        page.push('\n');
        for claim in &card.claims {
            let _ = writeln!(
                page,
                "- `{}`: {} The rule: `{}` {}. {}",
                claim.id,
                claim.statement,
                claim.measure,
                rule(&claim.expect),
                claim.why
            );
        }
    }
    page += "\n## Runs\n\nSeconds are of a whole run in the terminal, mean over the seeds. Load is the number of processes that wanted to run, the mean of a minute; \
             where it is above the number of cores, others had part of the machine and the seconds are too many. Version is the program's and a hash of the \
             experiment's code, kernels, data sets and random numbers.\n";
    page += "\n| experiment | preset | runs | seconds | load | version | machine |\n|---|---|---|---|---|---|---|\n";
    for (card, _) in &cards {
        for preset in &card.presets {
            add_preset(&mut page, card, preset, results.find(card.id, preset.id));
        }
    }
    page
}

/// The rows of a claim: one for each preset whose runs have its measure.
fn rows_of<'a>(card: &'a Card, claim: &Claim, results: &Results) -> Vec<Row<'a>> {
    let presets = card.presets.iter().filter_map(|preset| Some((preset.id, results.find(card.id, preset.id)?)));
    presets.filter_map(|(preset, result)| row_of(claim, preset, result)).collect()
}

fn row_of<'a>(claim: &Claim, preset: &'a str, result: &PresetResult) -> Option<Row<'a>> {
    let summaries = result.summaries();
    let values: Vec<f64> = summaries.iter().filter_map(|summary| Some(summary.get(claim.measure)?.0)).collect();
    // A preset without what the claim is about says so by NaN in every run.
    let measured = values.iter().any(|value| !value.is_nan());
    let estimate = Estimate::of(&values).filter(|_| measured)?;
    let verdict = judge(std::slice::from_ref(claim), &summaries).pop()?.verdict;
    let p_value = p_value(&estimate, &claim.expect).filter(|_| estimate.n >= claim.needs_seeds as usize);
    Some(Row { preset, verdict, estimate, values, p_value, stands: false })
}

fn add_rows(page: &mut String, claim: &Claim, rows: &[Row]) {
    let reported = said(claim);
    if rows.is_empty() {
        let _ = writeln!(page, "| `{}` | | not measured | | | | | {reported} |", claim.id);
    }
    for row in rows {
        let Row { preset, verdict, estimate, values, p_value, stands } = row;
        let (measured, digits) = measured(estimate);
        let resampled = bootstrap(values)
            .filter(|(low, high)| high > low)
            .map_or(String::new(), |(low, high)| format!("{} to {}", shown(low, digits), shown(high, digits)));
        let adjusted = match (p_value, verdict) {
            (Some(_), verdict) => word(if *stands { *verdict } else { Judgement::Undecided }),
            (None, Judgement::Undecided) => "",
            (None, _) => "exact",
        };
        let side = on_claimed_side(values, &claim.expect);
        let _ = writeln!(
            page,
            "| `{}` | `{preset}` | **{}** | {measured} ({}) | {resampled} | {side} of {} | {adjusted} | {reported} |",
            claim.id,
            word(*verdict),
            estimate.n,
            values.len(),
        );
    }
}

fn add_preset(page: &mut String, card: &Card, preset: &Preset, result: Option<&PresetResult>) {
    let _ = write!(page, "| `{}` | `{}` | ", card.id, preset.id);
    let Some(result) = result.filter(|result| !result.runs.is_empty()) else {
        let why = match preset.needs {
            Some("gpu") => "not run here: needs a GPU".to_owned(),
            Some(need) => format!("not run here: needs {need}"),
            None if preset.id == "glance" && card.datasets.is_empty() => "not run: a first look".to_owned(),
            None if preset.id == "glance" => "not run: a look at the bundled digits".to_owned(),
            None => format!("not run: {} s a run expected", preset.expected_seconds),
        };
        let _ = writeln!(page, "{why} | | | | |");
        return;
    };
    let mean = |of: fn(&crate::files::SeedResult) -> f64| result.runs.iter().map(of).sum::<f64>() / result.runs.len() as f64;
    let mut machines: Vec<&str> = result.runs.iter().map(|run| run.machine.as_str()).collect();
    machines.dedup();
    let _ = writeln!(
        page,
        "{} | {:.1} | {:.1} | {} {} | {} |",
        result.runs.len(),
        mean(|run| run.seconds),
        mean(|run| run.load),
        result.engram_version,
        result.code,
        machines.join("; "),
    );
}

/// Mean and half width of the interval, and how many digits after the point they are shown with.
fn measured(estimate: &Estimate) -> (String, usize) {
    match estimate.interval {
        Some((low, high)) if high > low => {
            let half = (high - low) / 2.0;
            let digits = digits_for(half);
            (format!("{} ± {}", shown(estimate.mean, digits), shown(half, digits)), digits)
        }
        _ if estimate.mean.fract() == 0.0 => (format!("{}", estimate.mean), 6),
        // Four digits of what nothing bounds.
        _ => (shown(estimate.mean, digits_for(estimate.mean.abs()) + 2), 6),
    }
}

/// Digits after the point that show two of this number.
fn digits_for(half: f64) -> usize {
    (1.0 - half.log10().floor()).clamp(0.0, 12.0) as usize
}

/// A number with so many digits after the point, and without any where it is too small for them.
fn shown(value: f64, digits: usize) -> String {
    if value != 0.0 && digits >= 7 { format!("{value:.1e}") } else { format!("{value:.digits$}") }
}

fn word(verdict: Judgement) -> &'static str {
    match verdict {
        Judgement::Holds => "holds",
        Judgement::Fails => "fails",
        Judgement::Undecided => "undecided",
    }
}

/// What the paper reports, in figures or in words.
fn said(claim: &Claim) -> String {
    match (&claim.reported, &claim.reported_words) {
        (Some(reported), _) => format!("{} {} ({})", reported.value, reported.unit, reported.source),
        (None, Some(said)) => format!("{} ({})", said.words, said.source),
        (None, None) => String::new(),
    }
}
