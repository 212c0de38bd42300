//! The page behind a link, with its title, result and picture filled in where link previews look for them; and the picture itself.

use super::{
    pages::{escaped, static_text},
    shared::{MOST_SHARED_RUNS, open_share},
    sweeps::SweepDetail,
};
use crate::{
    claims::{Judgement, Verdict},
    error::ApiError,
    extract::PathOf,
    preview::{Curve, HEIGHT, Preview, WIDTH},
    state::AppState,
    store::{RunRow, SeriesPoints, ShareRow, Window},
};
use axum::{
    Router,
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use lab::{
    experiment::{Card, Metric, PanelKind},
    json::Number,
};
use std::collections::BTreeMap;

/// Runs whose curves a preview shows.
const MOST_DRAWN: usize = 24;
/// Points of a curve: a picture is not wider.
const POINTS: usize = 800;
/// Numbers told in a description.
const MOST_NUMBERS: usize = 4;

/// Routes of these pages.
pub fn router() -> Router<AppState> {
    Router::new().route("/s/{token}", get(share_page)).route("/s/{token}/preview.png", get(share_picture))
}

/// What a share shows, in words.
struct Told {
    title: String,
    outcome: String,
    runs: Vec<RunRow>,
}

impl Told {
    async fn of(app: &AppState, share: &ShareRow) -> Result<Self, ApiError> {
        let runs = app.store.list_shared_runs(share, MOST_SHARED_RUNS).await?;
        let card_of = |run: &RunRow| app.registry.find(&run.experiment).map(|entry| &entry.card);
        let title_of = |run: &RunRow| card_of(run).map_or_else(|| run.experiment.clone(), |card| card.title.to_owned());
        let first = runs.first();
        let named = first.map(|run| if run.name.is_empty() { title_of(run) } else { run.name.clone() });
        let title = if share.title.is_empty() { named.unwrap_or_else(|| "Shared run".to_owned()) } else { share.title.clone() };
        let outcome = match (first, share.sweep_id) {
            (None, _) => "no runs".to_owned(),
            (Some(run), Some(sweep_id)) => {
                let sweep = SweepDetail::find(app, sweep_id).await?;
                let counted = format!("{}, {}: {} runs", title_of(run), run.preset, sweep.sweep.run_count);
                // The claims of the first cell: of a sweep over seeds alone, of the whole.
                let claims = sweep.cells.first().map_or(&[][..], |cell| cell.claims.as_slice());
                let tally = if sweep.cells.len() == 1 { tally(claims) } else { format!("{} cells", sweep.cells.len()) };
                [counted, tally].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
            }
            (Some(run), None) if runs.len() == 1 => {
                format!("{}, {}, seed {}: {}", title_of(run), run.preset, run.seed, outcome(run, card_of(run))?)
            }
            (Some(run), None) => format!("{} runs of {}", runs.len(), title_of(run)),
        };
        Ok(Self { title, outcome, runs })
    }
}

/// How a run came out: the numbers of its telling metric and the verdicts, or its state while there are none.
fn outcome(run: &RunRow, card: Option<&Card>) -> Result<String, ApiError> {
    let summary = run.summary()?;
    let numbers = card.into_iter().flat_map(telling_metrics).map(|metric| numbers_of(metric, &summary)).find(|numbers| !numbers.is_empty());
    let parts = [numbers.unwrap_or_default(), tally(&run.claims()?)];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Ok(if parts.is_empty() { run.status.word().to_owned() } else { parts.join("; ") })
}

/// A metric's summary numbers by arm, no differences.
fn numbers_of(metric: &Metric, summary: &BTreeMap<String, Number>) -> String {
    let own =
        |name: &String| name.strip_prefix(metric.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.') && !rest.contains('-'));
    let numbers: Vec<_> = summary
        .iter()
        .filter(|(name, _)| own(name))
        .take(MOST_NUMBERS)
        .map(|(name, value)| format!("{} {:.4}", name[metric.name.len()..].trim_start_matches('.'), value.0).trim().to_owned())
        .collect();
    if numbers.is_empty() { String::new() } else { format!("{} {}", metric.title.to_lowercase(), numbers.join(", ")) }
}

/// Verdicts counted: `1 claim holds, 2 fail`; empty where none is decided.
fn tally(claims: &[Verdict]) -> String {
    let count = |verdict| claims.iter().filter(|claim| claim.verdict == verdict).count();
    let (holds, fails) = (count(Judgement::Holds), count(Judgement::Fails));
    let claim = |n| if n == 1 { "claim" } else { "claims" };
    match (holds, fails) {
        (0, 0) => String::new(),
        (holds, 0) => format!("{holds} {} of {} {}", claim(holds), claims.len(), if holds == 1 { "holds" } else { "hold" }),
        (holds, fails) => format!("{holds} of {} claims hold, {fails} fail", claims.len()),
    }
}

/// The metrics of a card that tell most, in the order of its panels: those with a better side before the others.
fn telling_metrics(card: &Card) -> Vec<&Metric> {
    let planned = card.panels.iter().filter(|panel| panel.kind == PanelKind::Series).flat_map(|panel| &panel.metrics);
    let mut metrics: Vec<&Metric> = Vec::new();
    for metric in planned.filter_map(|name| card.metrics.iter().find(|metric| metric.name == *name)) {
        if !metrics.iter().any(|known| known.name == metric.name) {
            metrics.push(metric);
        }
    }
    // Stable, so that each part keeps the order of the panels.
    metrics.sort_by_key(|metric| metric.better.is_none());
    metrics
}

/// The read-only page of a share. Its title and description are filled in here, so that link previews show them. A link that opens nothing
/// any more gets the same page, which then says so.
async fn share_page(State(app): State<AppState>, PathOf(token): PathOf<String>) -> Result<Response, ApiError> {
    let share = match open_share(&app, &token).await {
        Err(ApiError::NotFound(_)) => {
            let page = filled("This link is no longer valid", "It was revoked or has expired.", None)?;
            return Ok((StatusCode::NOT_FOUND, page).into_response());
        }
        opened => opened?,
    };
    let told = Told::of(&app, &share).await?;
    filled(&told.title, &told.outcome, Some(&format!("{}/s/{token}/preview.png", app.config.base_url())))
}

/// `share.html` with its title, description and picture, for nobody's index, cache or `Referer`.
fn filled(title: &str, description: &str, picture: Option<&str>) -> Result<Response, ApiError> {
    let page = static_text("share.html").ok_or_else(|| ApiError::Internal("share.html is not in this binary".to_owned()))?;
    let picture = picture.map_or_else(String::new, |url| {
        format!(
            "<meta property=\"og:image\" content=\"{}\" />\n    <meta property=\"og:image:type\" content=\"image/png\" />\n    \
             <meta property=\"og:image:width\" content=\"{WIDTH}\" />\n    <meta property=\"og:image:height\" content=\"{HEIGHT}\" />\n    \
             <meta name=\"twitter:card\" content=\"summary_large_image\" />",
            escaped(url)
        )
    });
    // The texts last: braces in them are nobody's place to fill.
    let html =
        page.replace("{{picture}}", &picture).replace("{{title}}", &escaped(title)).replace("{{description}}", &escaped(description));
    Ok((private("text/html; charset=utf-8"), html).into_response())
}

/// The headers of what a share shows: for nobody's index, cache or `Referer`.
fn private(content_type: &'static str) -> [(HeaderName, &'static str); 4] {
    [
        (header::CONTENT_TYPE, content_type),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
        (header::CACHE_CONTROL, "no-store"),
    ]
}

/// The picture of a share's curves.
async fn share_picture(State(app): State<AppState>, PathOf(token): PathOf<String>) -> Result<Response, ApiError> {
    let share = open_share(&app, &token).await?;
    let told = Told::of(&app, &share).await?;
    let preview = draw(&app, told).await?;
    let png = tokio::task::spawn_blocking(move || preview.png())
        .await
        .map_err(|error| ApiError::Internal(format!("drawing a preview: {error}")))?
        .ok_or_else(|| ApiError::Internal("a preview could not be drawn".to_owned()))?;
    Ok((private("image/png"), png).into_response())
}

/// The curves of the first telling metric that the runs have recorded: of one run its arms, of several the mean of each arm over thin seeds.
async fn draw(app: &AppState, Told { title, outcome, runs }: Told) -> Result<Preview, ApiError> {
    let card = runs.first().and_then(|run| app.registry.find(&run.experiment)).map(|entry| &entry.card);
    let mut preview = Preview { title, outcome, metric: String::new(), log: false, curves: Vec::new() };
    let Some(card) = card else { return Ok(preview) };
    // Another experiment's arms would be another's colours.
    let runs: Vec<&RunRow> = runs.iter().filter(|run| run.experiment == card.id).take(MOST_DRAWN).collect();
    for metric in telling_metrics(card) {
        let window = Window { names: vec![metric.name.to_owned()], points: POINTS, ..Window::default() };
        let mut arms: BTreeMap<usize, Vec<SeriesPoints>> = BTreeMap::new();
        for run in &runs {
            let read = app.store.read_series(run.id, &window).await?;
            for series in read.into_iter().flat_map(|(_, series)| series) {
                let arm =
                    series.arm.as_deref().and_then(|arm| card.arms.iter().position(|known| known.id == arm)).unwrap_or(card.arms.len());
                arms.entry(arm).or_default().push(series);
            }
        }
        if arms.values().flatten().all(|series| series.count == 0) {
            continue;
        }
        let unit = if metric.unit.is_empty() { String::new() } else { format!(" ({})", metric.unit) };
        preview.metric = format!("{}{unit}", metric.title);
        preview.log = card.panels.iter().any(|panel| panel.y_log && panel.metrics.contains(&metric.name));
        let mut thin = Vec::new();
        for (arm, series) in arms {
            let label = card.arms.get(arm).map_or(metric.title, |arm| arm.title).to_owned();
            let points =
                |series: &SeriesPoints| series.steps().zip(series.values()).map(|(step, value)| (step as f64, value)).collect::<Vec<_>>();
            let own: Vec<Vec<(f64, f64)>> = series.iter().map(points).collect();
            preview.curves.push(Curve { colour: arm, label, points: if let [only] = own.as_slice() { only.clone() } else { mean(&own) } });
            if own.len() > 1 {
                thin.extend(own.into_iter().map(|points| Curve { colour: arm, label: String::new(), points }));
            }
        }
        preview.curves.extend(thin);
        break;
    }
    Ok(preview)
}

/// The mean of curves over the steps that all of them have reached, each read between its points along a straight line.
fn mean(curves: &[Vec<(f64, f64)>]) -> Vec<(f64, f64)> {
    let first = curves.iter().filter_map(|curve| curve.first()).map(|(step, _)| *step).reduce(f64::max);
    let last = curves.iter().filter_map(|curve| curve.last()).map(|(step, _)| *step).reduce(f64::min);
    let (Some(first), Some(last)) = (first, last) else { return Vec::new() };
    let value_at = |curve: &Vec<(f64, f64)>, step: f64| {
        let after = curve.partition_point(|(at, _)| *at <= step);
        let (from, before) = curve[after.checked_sub(1)?];
        Some(curve.get(after).map_or(before, |(to, value)| before + (value - before) * (step - from) / (to - from)))
    };
    let steps = (0..=POINTS / 2).map(|place| first + (last - first) * place as f64 / (POINTS / 2) as f64);
    steps
        .map(|step| {
            let values: Vec<f64> = curves.iter().filter_map(|curve| value_at(curve, step)).collect();
            (step, values.iter().sum::<f64>() / values.len().max(1) as f64)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_ends_where_the_shortest_curve_does() {
        let found = mean(&[vec![(0.0, 1.0), (10.0, 1.0)], vec![(0.0, 3.0), (5.0, 5.0), (15.0, 7.0)]]);
        assert_eq!((found.first(), found.last()), (Some(&(0.0, 2.0)), Some(&(10.0, 3.5))));
        let wanted = |step: f64| if step < 5.0 { 2.0 + step / 5.0 } else { 3.0 + (step - 5.0) / 10.0 };
        assert!(found.iter().all(|(step, value)| (value - wanted(*step)).abs() < 1e-9), "{found:?}");
        assert!(mean(&[]).is_empty());
    }
}
