//! `GET /runs`: the list, filtered, sorted and paged.

use super::{
    run_fields::{known_names, sort_key},
    views::{Problem, RunView},
};
use crate::{
    clock::now_ms,
    error::ApiError,
    extract::{Page, Paging, QueryOf},
    filter::{Condition, TextField, TextMatch, id_range, parse},
    state::AppState,
    store::{PageStart, RunSort, RunStatus},
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_runs))
}

/// Runs skipped at most; who wants to go further filters.
const MOST_OFFSET: i64 = 1_000_000;
/// Ids asked for at most: a page.
const MOST_IDS: usize = 500;

/// Which runs are meant. All of these must hold.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WantedRuns {
    /// A filter, as `experiment = g2gnet and summary.accuracy/test.g2g > 0.85 and (tag = good or not status = failed)`.
    filter: Option<String>,
    /// Ids, separated by commas, at most 500.
    ids: Option<String>,
    /// Experiment id.
    experiment: Option<String>,
    /// States, separated by commas.
    status: Option<String>,
    /// Tag.
    tag: Option<String>,
    /// Project.
    project: Option<String>,
    /// Owner.
    created_by: Option<String>,
    /// Sweep id.
    sweep: Option<Uuid>,
    /// Part of the name or note, or the beginning of an id.
    q: Option<String>,
    /// `false` (default), `true`, or `all`.
    archived: Option<String>,
}

impl WantedRuns {
    /// The whole condition. A filter that names `archived` itself decides about it.
    pub(super) async fn condition(&self, app: &AppState) -> Result<Condition, ApiError> {
        let mut all = self.plain()?;
        if let Some(filter) = self.filter.as_deref().filter(|filter| !filter.trim().is_empty()) {
            all.push(read_filter(app, filter, "/filter").await?);
        }
        match self.archived.as_deref() {
            None if all.iter().any(names_archived) => {}
            None | Some("false") => all.push(Condition::Archived(false)),
            Some("true") => all.push(Condition::Archived(true)),
            Some("all") => {}
            Some(other) => return Err(ApiError::Malformed(format!("archived must be false, true or all; got {other}"))),
        }
        Ok(Condition::All(all))
    }

    fn plain(&self) -> Result<Vec<Condition>, ApiError> {
        let is = |text: &String| TextMatch::Is(text.clone());
        let fields =
            [(&self.experiment, TextField::Experiment), (&self.project, TextField::Project), (&self.created_by, TextField::CreatedBy)];
        let mut all: Vec<_> =
            fields.into_iter().filter_map(|(given, field)| given.as_ref().map(|text| Condition::Text(field, is(text)))).collect();
        if let Some(ids) = &self.ids {
            let read = |word: &str| {
                Uuid::parse_str(word).map_err(|_| ApiError::Malformed(format!("ids must be ids separated by commas; got {word}")))
            };
            let ids = ids.split(',').filter(|word| !word.is_empty()).map(read).collect::<Result<Vec<_>, _>>()?;
            if ids.len() > MOST_IDS {
                return Err(ApiError::Malformed(format!("ids must be at most {MOST_IDS}; got {}", ids.len())));
            }
            all.push(Condition::Ids(ids));
        }
        all.extend(self.tag.as_ref().map(|tag| Condition::Tagged(is(tag))));
        all.extend(self.sweep.map(|id| Condition::Sweep(Some(id))));
        let words: Vec<_> = self.status.as_deref().unwrap_or("").split(',').filter(|word| !word.is_empty()).collect();
        if !words.is_empty() {
            let status = |word: &&str| {
                RunStatus::from_word(word).map(Condition::Status).ok_or_else(|| {
                    ApiError::Malformed(format!("status must be queued, running, paused, succeeded, failed or cancelled; got {word}"))
                })
            };
            all.push(Condition::Any(words.iter().map(status).collect::<Result<_, _>>()?));
        }
        if let Some(part) = self.q.as_ref().filter(|part| !part.is_empty()) {
            let contains = |field| Condition::Text(field, TextMatch::Contains(part.clone()));
            let mut any = vec![contains(TextField::Name), contains(TextField::Note)];
            any.extend(id_range(part).map(|(low, high)| Condition::IdBetween(low, high)));
            all.push(Condition::Any(any));
        }
        Ok(all)
    }
}

/// Whether a condition asks about `archived` anywhere.
pub(super) fn names_archived(condition: &Condition) -> bool {
    match condition {
        Condition::All(inner) | Condition::Any(inner) => inner.iter().any(names_archived),
        Condition::Not(inner) => names_archived(inner),
        condition => matches!(condition, Condition::Archived(_)),
    }
}

/// A filter as conditions; `pointer` is where the request has it. Errors: 422 with every fault's place.
pub(super) async fn read_filter(app: &AppState, filter: &str, pointer: &'static str) -> Result<Condition, ApiError> {
    parse(filter, &known_names(app).await?, now_ms()).map_err(|faults| ApiError::Filter(pointer, faults))
}

/// Order and page of a list of runs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListRuns {
    /// `-created_at` (default), `created_at`, any other field but `id`, `note`, `tag`, `sweep`, `parent` and `archived`, `config.FIELD` or
    /// `summary.NAME`; a minus sign turns it round. Runs without it come last.
    sort: Option<String>,
    /// Parts of `config` and `summary` to answer with, as `config.epochs,summary.accuracy/test.g2g` or `summary` for the whole of it; all by
    /// default. `none` leaves all out.
    fields: Option<String>,
    /// Whether to count all that match.
    #[param(default = false)]
    count: Option<bool>,
    /// Runs to leave out before the first, 0 to 1,000,000; not together with `cursor`.
    #[param(minimum = 0, maximum = 1_000_000, default = 0)]
    offset: Option<i64>,
    /// Items a page, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl ListRuns {
    fn sort(&self) -> Result<RunSort, ApiError> {
        let text = self.sort.as_deref().unwrap_or("-created_at");
        let (by, descending) = text.strip_prefix('-').map_or((text, false), |by| (by, true));
        let by = sort_key(by).ok_or_else(|| {
            let allowed = "created_at, name, experiment, preset, status, project, created_by, seed, priority, started_at, finished_at, \
                config.FIELD or summary.NAME";
            ApiError::Malformed(format!("sort must be {allowed}, with `-` to turn it round; got {text}"))
        })?;
        Ok(RunSort { by, descending })
    }

    fn start(&self) -> Result<PageStart, ApiError> {
        let paging = Paging { limit: self.limit, cursor: self.cursor.clone() };
        match (paging.after()?, self.offset) {
            (Some(_), Some(_)) => Err(ApiError::Malformed("give either offset or cursor".to_owned())),
            (Some(after), None) => Ok(PageStart::After(after)),
            (None, offset) => match offset.unwrap_or(0) {
                offset @ 0..=MOST_OFFSET => Ok(PageStart::Offset(offset)),
                other => Err(ApiError::Malformed(format!("offset must be between 0 and {MOST_OFFSET}; got {other}"))),
            },
        }
    }
}

/// Which parts of config and summary are answered; `None` for the whole.
struct WantedFields<'a> {
    config: Option<Vec<&'a str>>,
    summary: Option<Vec<&'a str>>,
}

impl<'a> WantedFields<'a> {
    fn of(text: &'a str) -> Result<Self, ApiError> {
        let mut wanted = Self { config: Some(Vec::new()), summary: Some(Vec::new()) };
        for name in text.split(',').filter(|name| !matches!(*name, "" | "none")) {
            match name.split_once('.') {
                None if name == "config" => wanted.config = None,
                None if name == "summary" => wanted.summary = None,
                // A field below another comes with the whole of it.
                Some(("config", field)) => wanted.config.iter_mut().for_each(|fields| fields.extend(field.split('.').next())),
                Some(("summary", field)) => wanted.summary.iter_mut().for_each(|names| names.push(field)),
                _ => {
                    let allowed = "config, summary, config.FIELD, summary.NAME or none, separated by commas";
                    return Err(ApiError::Malformed(format!("fields must be {allowed}; got {name}")));
                }
            }
        }
        Ok(wanted)
    }

    fn cut(&self, run: &mut RunView) {
        if let Some(names) = &self.summary {
            run.summary.retain(|name, _| names.contains(&name.as_str()));
        }
        if let Some(fields) = &self.config {
            run.config.retain(|name, _| fields.contains(&name.as_str()));
        }
    }
}

/// One page of runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunPage {
    /// The runs.
    pub items: Vec<RunView>,
    /// Pass it as `cursor` for the next page; null on the last one.
    pub next_cursor: Option<String>,
    /// How many match; only with `count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
}

/// Runs, newest first.
#[utoipa::path(get, path = "/api/v1/runs", tag = "runs", params(WantedRuns, ListRuns), responses(
    (status = 200, body = RunPage), (status = 400, body = Problem), (status = 422, body = Problem)))]
async fn list_runs(
    State(app): State<AppState>,
    QueryOf(wanted): QueryOf<WantedRuns>,
    QueryOf(list): QueryOf<ListRuns>,
) -> Result<Json<RunPage>, ApiError> {
    let limit = Paging { limit: list.limit, cursor: None }.limit()?;
    let sort = list.sort()?;
    let start = list.start()?;
    let fields = list.fields.as_deref().map(WantedFields::of).transpose()?;
    let condition = wanted.condition(&app).await?;
    // Beside each other: on a long list each takes as long as the other.
    let count = async { if list.count == Some(true) { app.store.count_matching_runs(&condition).await.map(Some) } else { Ok(None) } };
    let (rows, total) = tokio::try_join!(app.store.list_runs(&condition, &sort, &start, limit + 1), count)?;
    let Page { items, next_cursor } = Page::cut(rows, limit, |(_, cursor)| cursor.clone(), |(row, _)| row);
    let mut items = RunView::of_all(&app, items).await?;
    if let Some(fields) = &fields {
        items.iter_mut().for_each(|run| fields.cut(run));
    }
    Ok(Json(RunPage { items, next_cursor, total }))
}
