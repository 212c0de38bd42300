//! `/experiments`: the catalogue.

use crate::{
    error::ApiError,
    extract::{Page, Paging, PathOf, QueryOf},
    state::AppState,
};
use axum::{Json, extract::State};
use lab::{
    Entry,
    experiment::{Better, PanelKind},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_experiments)).routes(routes!(get_experiment))
}

/// An experiment of the catalogue.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs, reason = "the card in the lab describes every field")]
pub struct ExperimentView {
    pub id: &'static str,
    pub title: &'static str,
    pub summary: &'static str,
    pub paper: PaperView,
    /// JSON Schema 2020-12 of the config; left out of a list with `schemas=false`.
    #[schema(value_type = Object)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_schema: Option<Value>,
    pub presets: Vec<PresetView>,
    /// The arms in the order of their colours.
    pub arms: Vec<ArmView>,
    pub metrics: Vec<MetricView>,
    pub panels: Vec<PanelView>,
    pub claims: Vec<ClaimView>,
    pub datasets: Vec<&'static str>,
}

/// The paper behind an experiment.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct PaperView {
    pub title: &'static str,
    pub authors: &'static str,
    pub year: u16,
    pub url: &'static str,
}

/// A named config.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct PresetView {
    pub id: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    /// The fields that differ from the defaults.
    #[schema(value_type = Object)]
    pub config: Value,
    pub seeds: Vec<u64>,
    pub expected_seconds: f64,
    pub needs: Option<&'static str>,
}

/// One of the systems compared.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ArmView {
    pub id: &'static str,
    pub title: &'static str,
    pub baseline: bool,
}

/// A metric.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct MetricView {
    pub name: &'static str,
    pub title: &'static str,
    pub unit: &'static str,
    /// `up`, `down` or null.
    pub better: Option<&'static str>,
}

/// A picture of a run's page.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct PanelView {
    pub id: &'static str,
    pub title: &'static str,
    /// `series` or `frame`.
    pub kind: &'static str,
    pub section: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arms: Option<Vec<&'static str>>,
    pub x_log: bool,
    pub y_log: bool,
}

/// A claim of the paper and its rule.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ClaimView {
    pub id: &'static str,
    pub statement: &'static str,
    /// The figure that the paper reports.
    pub reported: Option<ReportedView>,
    /// What the paper says where it gives no figure.
    pub reported_words: Option<ReportedWordsView>,
    /// The summary number it is judged by.
    pub measure: &'static str,
    pub expect: ExpectView,
    pub needs_seeds: u32,
    /// One sentence why it comes out as it does.
    pub why: &'static str,
}

/// What the paper reports.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ReportedView {
    pub value: f64,
    pub unit: &'static str,
    pub source: &'static str,
}

/// What the paper says in words.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ReportedWordsView {
    pub words: &'static str,
    pub source: &'static str,
}

/// The rule of a claim.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ExpectView {
    /// `>`, `>=`, `<`, `<=` or `within`.
    #[schema(value_type = String)]
    pub op: lab::experiment::Op,
    pub value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
}

impl From<&Entry> for ExperimentView {
    fn from(entry: &Entry) -> Self {
        let card = &entry.card;
        let paper = &card.paper;
        let some = |list: &Vec<&'static str>| (!list.is_empty()).then(|| list.clone());
        let presets = card.presets.iter().map(|preset| PresetView {
            id: preset.id,
            title: preset.title,
            description: preset.description,
            config: Value::Object(preset.config.clone()),
            seeds: preset.seeds.clone(),
            expected_seconds: preset.expected_seconds,
            needs: preset.needs,
        });
        let metrics = card.metrics.iter().map(|metric| MetricView {
            name: metric.name,
            title: metric.title,
            unit: metric.unit,
            better: metric.better.map(|better| match better {
                Better::Up => "up",
                Better::Down => "down",
            }),
        });
        let panels = card.panels.iter().map(|panel| PanelView {
            id: panel.id,
            title: panel.title,
            kind: match panel.kind {
                PanelKind::Series => "series",
                PanelKind::Frame => "frame",
            },
            section: panel.section,
            metrics: some(&panel.metrics),
            frame: panel.frame,
            arms: some(&panel.arms),
            x_log: panel.x_log,
            y_log: panel.y_log,
        });
        let claims = card.claims.iter().map(|claim| ClaimView {
            id: claim.id,
            statement: claim.statement,
            reported: claim.reported.as_ref().map(|reported| ReportedView {
                value: reported.value,
                unit: reported.unit,
                source: reported.source,
            }),
            reported_words: claim.reported_words.as_ref().map(|said| ReportedWordsView { words: said.words, source: said.source }),
            measure: claim.measure,
            expect: ExpectView { op: claim.expect.op, value: claim.expect.value, tolerance: claim.expect.tolerance },
            needs_seeds: claim.needs_seeds,
            why: claim.why,
        });
        Self {
            id: card.id,
            title: card.title,
            summary: card.summary,
            paper: PaperView { title: paper.title, authors: paper.authors, year: paper.year, url: paper.url },
            config_schema: Some(entry.config_schema.clone()),
            presets: presets.collect(),
            arms: card.arms.iter().map(|arm| ArmView { id: arm.id, title: arm.title, baseline: arm.baseline }).collect(),
            metrics: metrics.collect(),
            panels: panels.collect(),
            claims: claims.collect(),
            datasets: card.datasets.clone(),
        }
    }
}

/// Which part of the catalogue is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WantedCards {
    /// Whether the cards have their schemas, which are most of their bytes.
    #[param(default = true)]
    schemas: Option<bool>,
    /// Items a page, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The catalogue.
#[utoipa::path(get, path = "/api/v1/experiments", tag = "catalogue", params(WantedCards), responses((status = 200, body = Page<ExperimentView>)))]
async fn list_experiments(
    State(app): State<AppState>,
    QueryOf(wanted): QueryOf<WantedCards>,
) -> Result<Json<Page<ExperimentView>>, ApiError> {
    let paging = Paging { limit: wanted.limit, cursor: wanted.cursor };
    let (limit, after) = (paging.limit()?, paging.after::<usize>()?.unwrap_or(0));
    let rows: Vec<_> = app.registry.entries().iter().enumerate().skip(after).take(limit as usize + 1).collect();
    let view = |(_, entry): (usize, &Entry)| {
        let card = ExperimentView::from(entry);
        if wanted.schemas == Some(false) { ExperimentView { config_schema: None, ..card } } else { card }
    };
    Ok(Json(Page::cut(rows, limit, |(index, _)| index + 1, view)))
}

/// One experiment.
#[utoipa::path(get, path = "/api/v1/experiments/{id}", tag = "catalogue", params(("id" = String, Path)), responses((status = 200, body = ExperimentView), (status = 404, body = super::views::Problem)))]
async fn get_experiment(State(app): State<AppState>, PathOf(id): PathOf<String>) -> Result<Json<ExperimentView>, ApiError> {
    let entry = app.registry.find(&id).ok_or_else(|| ApiError::NotFound(format!("experiment `{id}`")))?;
    Ok(Json(entry.into()))
}
