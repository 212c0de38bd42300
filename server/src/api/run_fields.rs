//! `GET /runs/fields`: what a filter may name and what stands there, for its completion.

use crate::{
    error::ApiError,
    filter::{FIELDS, FieldKind, KnownNames, PlainField, TextField, WholeField},
    state::AppState,
    store::{GroupKey, RunStatus, SortKey},
};
use axum::{Json, extract::State};
use lab::schema::resolve;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_fields))
}

/// Tags, projects and owners named at most.
const MOST_VALUES: i64 = 1_000;

/// A field that a filter may name.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldView {
    /// As a filter writes it.
    pub name: String,
    /// What it holds.
    pub kind: FieldKind,
    /// The signs it compares with; `in` stands for `in (…)`.
    pub operators: &'static [&'static str],
    /// What stands there, where that is a short list.
    pub values: Vec<String>,
    /// Whether a list can be sorted by it.
    pub sortable: bool,
    /// Whether a list can be grouped by it.
    pub groupable: bool,
}

/// Everything that a filter may name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Fields {
    /// Fields of every run first, then those of configs and summaries.
    pub fields: Vec<FieldView>,
}

/// What a filter may name, with the values there are.
#[utoipa::path(get, path = "/api/v1/runs/fields", tag = "runs", responses((status = 200, body = Fields)))]
async fn list_fields(State(app): State<AppState>) -> Result<Json<Fields>, ApiError> {
    let known = known_names(&app).await?;
    let mut fields = Vec::with_capacity(FIELDS.len() + known.config.len() + known.summary.len());
    for field in FIELDS {
        let kind = field.field.kind();
        fields.push(FieldView {
            name: field.name.to_owned(),
            kind,
            operators: kind.signs(),
            values: values_of(&app, field.field).await?,
            sortable: sort_key(field.name).is_some(),
            groupable: group_key(field.name).is_some(),
        });
    }
    let named = |prefix: &str, name: &String, kind: FieldKind| FieldView {
        name: format!("{prefix}{name}"),
        kind,
        operators: kind.signs(),
        values: Vec::new(),
        sortable: true,
        groupable: kind == FieldKind::Config,
    };
    fields.extend(known.config.iter().map(|name| named("config.", name, FieldKind::Config)));
    fields.extend(known.summary.iter().map(|name| named("summary.", name, FieldKind::Summary)));
    Ok(Json(Fields { fields }))
}

async fn values_of(app: &AppState, field: PlainField) -> Result<Vec<String>, ApiError> {
    let cards = || app.registry.entries().iter().map(|entry| &entry.card);
    Ok(match field {
        PlainField::Status => RunStatus::ALL.map(RunStatus::word).map(str::to_owned).to_vec(),
        PlainField::Archived => vec!["false".to_owned(), "true".to_owned()],
        PlainField::Text(TextField::Experiment) => cards().map(|card| card.id.to_owned()).collect(),
        PlainField::Text(TextField::Preset) => {
            let presets: BTreeSet<_> = cards().flat_map(|card| card.presets.iter().map(|preset| preset.id.to_owned())).collect();
            presets.into_iter().collect()
        }
        PlainField::Text(TextField::Project) => app.store.list_projects(MOST_VALUES).await?,
        PlainField::Text(TextField::CreatedBy) => app.store.list_owners(MOST_VALUES).await?,
        PlainField::Tag => app.store.list_tags(MOST_VALUES).await?,
        _ => Vec::new(),
    })
}

/// The names below `config.` and `summary.`: what the catalogue has and what stored runs have.
pub(super) async fn known_names(app: &AppState) -> Result<KnownNames, ApiError> {
    let (config, summary) = app.store.list_value_names().await?;
    let mut known = KnownNames { config: config.into_iter().collect(), summary: summary.into_iter().collect() };
    for entry in app.registry.entries() {
        add_fields(&entry.config_schema, &entry.config_schema, "", &mut known.config);
        let card = &entry.card;
        known.summary.extend(card.claims.iter().map(|claim| claim.measure.to_owned()));
        for metric in &card.metrics {
            known.summary.insert(metric.name.to_owned());
            known.summary.extend(card.arms.iter().map(|arm| format!("{}.{}", metric.name, arm.id)));
        }
    }
    Ok(known)
}

/// Adds the names of the leaves of a config's schema, dots between the levels, of every kind where there are kinds.
fn add_fields(schema: &Value, root: &Value, prefix: &str, names: &mut BTreeSet<String>) {
    let schema = resolve(schema, root);
    for branch in ["oneOf", "anyOf"].iter().filter_map(|keyword| schema.get(*keyword)).filter_map(Value::as_array).flatten() {
        add_fields(branch, root, prefix, names);
    }
    match schema.get("properties").and_then(Value::as_object) {
        Some(properties) => {
            for (name, field) in properties {
                add_fields(field, root, &if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") }, names);
            }
        }
        None if !prefix.is_empty() && schema.get("oneOf").is_none() => {
            names.insert(prefix.to_owned());
        }
        None => {}
    }
}

/// What a list is sorted by under this name.
pub(super) fn sort_key(name: &str) -> Option<SortKey> {
    let below = |prefix: &str| name.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map(str::to_owned);
    if let Some(field) = below("config.") {
        return Some(SortKey::Config(field));
    }
    if let Some(number) = below("summary.") {
        return Some(SortKey::Summary(number));
    }
    match FIELDS.iter().find(|field| field.name == name)?.field {
        PlainField::Text(TextField::Note) => None,
        PlainField::Text(field) => Some(SortKey::Text(field)),
        PlainField::Status => Some(SortKey::Status),
        PlainField::Time(WholeField::CreatedAt) => Some(SortKey::CreatedAt),
        PlainField::Whole(field) | PlainField::Time(field) => Some(SortKey::Whole(field)),
        PlainField::Id | PlainField::Sweep | PlainField::Parent | PlainField::ForkedFrom | PlainField::Tag | PlainField::Archived => None,
    }
}

/// What a list is grouped by under this name.
pub(super) fn group_key(name: &str) -> Option<GroupKey> {
    match name {
        "sweep" => Some(GroupKey::Sweep),
        "parent" => Some(GroupKey::Parent),
        "tag" => Some(GroupKey::Tag),
        _ => match sort_key(name)? {
            SortKey::CreatedAt | SortKey::Summary(_) => None,
            SortKey::Whole(WholeField::StartedAt | WholeField::FinishedAt) => None,
            by => Some(GroupKey::Sorted(by)),
        },
    }
}
