//! Taking requests apart: JSON bodies with every fault at once, ids, queries and pages, each refusal a problem.

use crate::error::ApiError;
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{header, request::Parts},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::StreamExt;
use lab::{ConfigFaults, schema};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Largest JSON body.
pub const BODY_LIMIT: usize = 1 << 20;
/// A refused body is read and dropped up to here, so that clients see the answer.
const DRAIN_LIMIT: usize = 2 << 20;
/// Largest batch of a worker.
pub const BATCH_LIMIT: usize = 8 << 20;

/// Reads a body of at most `limit` bytes.
pub async fn read_body(body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let mut stream = body.into_data_stream();
    let (mut bytes, mut seen) = (Vec::new(), 0);
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| ApiError::Malformed(format!("the body broke off: {error}")))?;
        seen += piece.len();
        if seen <= limit {
            bytes.extend_from_slice(&piece);
        } else if seen > DRAIN_LIMIT.max(limit) {
            break;
        }
    }
    if seen > limit { Err(ApiError::TooLarge(limit)) } else { Ok(bytes.into()) }
}

/// A body that is some JSON; an empty one reads as `{}`.
pub struct AnyJson(pub Value);

impl<S: Send + Sync> FromRequest<S> for AnyJson {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        let body = read_body(request.into_body(), BODY_LIMIT).await?;
        if body.is_empty() && media_type.is_empty() {
            return Ok(Self(Value::Object(serde_json::Map::new())));
        }
        if !is_json(&media_type) {
            let shown = if media_type.is_empty() { "none".to_owned() } else { media_type };
            return Err(ApiError::UnsupportedMediaType(shown));
        }
        serde_json::from_slice(&body).map(Self).map_err(|error| ApiError::Malformed(format!("the body is not JSON: {error}")))
    }
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Every fault of `value` under the schema of `T`, and `T` itself where there is none.
pub fn check_body<T: ToSchema + DeserializeOwned>(value: &Value) -> Result<(Option<T>, ConfigFaults), ApiError> {
    let internal = |error: serde_json::Error| ApiError::Internal(format!("schema of {}: {error}", T::name()));
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    let components: serde_json::Map<String, Value> = parts
        .into_iter()
        .map(|(name, schema)| Ok((name, serde_json::to_value(schema)?)))
        .collect::<Result<_, serde_json::Error>>()
        .map_err(internal)?;
    let root = serde_json::json!({ "components": { "schemas": components } });
    let own = serde_json::to_value(T::schema()).map_err(internal)?;
    let mut faults = schema::faults(&own, &root, value);
    if !faults.0.is_empty() {
        return Ok((None, faults));
    }
    match T::deserialize(value) {
        Ok(body) => Ok((Some(body), faults)),
        Err(error) => {
            faults.0.push(schema::Fault { pointer: String::new(), detail: error.to_string() });
            Ok((None, faults))
        }
    }
}

/// A body of type `T`, checked against its schema so that every fault is told at once.
pub struct JsonBody<T>(pub T);

impl<T: ToSchema + DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let AnyJson(value) = AnyJson::from_request(request, state).await?;
        match check_body(&value)? {
            (Some(body), faults) if faults.0.is_empty() => Ok(Self(body)),
            (_, faults) => Err(ApiError::Invalid(faults)),
        }
    }
}

/// A worker's JSON body, read straight into its type.
pub struct WorkerJson<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for WorkerJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let body = read_body(request.into_body(), BATCH_LIMIT).await?;
        serde_json::from_slice(&body).map(Self).map_err(|error| ApiError::Malformed(format!("the body is not what it must be: {error}")))
    }
}

/// The parts of a path; one that is no text names nothing.
pub struct PathOf<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(path)| Self(path)).map_err(|_| ApiError::NotFound(format!("address {}", parts.uri.path())))
    }
}

/// An id in the path; anything that is no UUID is not found.
pub struct Id(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let PathOf(fields) = PathOf::<std::collections::HashMap<String, String>>::from_request_parts(parts, state).await?;
        let text = fields.get("id").map_or("", String::as_str);
        Uuid::try_parse(text).map(Self).map_err(|_| ApiError::NotFound(format!("id `{text}`")))
    }
}

/// A query string of type `T`.
pub struct QueryOf<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(query) = Query::<T>::from_request_parts(parts, state)
            .await
            .map_err(|error| ApiError::Malformed(error.body_text().replace("Failed to deserialize query string: ", "in the query: ")))?;
        Ok(Self(query))
    }
}

/// `limit` and `cursor` of every list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Items a page, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Paging {
    /// The page size. Errors: outside 1 to 500.
    pub fn limit(&self) -> Result<i64, ApiError> {
        match self.limit.unwrap_or(50) {
            limit @ 1..=500 => Ok(limit),
            other => Err(ApiError::Malformed(format!("limit must be between 1 and 500; got {other}"))),
        }
    }

    /// Where the page begins. Errors: a cursor that we did not make.
    pub fn after<T: DeserializeOwned>(&self) -> Result<Option<T>, ApiError> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let position = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        position.map(Some).ok_or_else(|| ApiError::Malformed("cursor must be the next_cursor of an earlier page".to_owned()))
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Pass it as `cursor` for the next page; null on the last one.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page out of up to `limit + 1` rows: the last row only shows that there is more. `position` of the last item becomes the cursor.
    pub fn cut<R, P: Serialize>(mut rows: Vec<R>, limit: i64, position: impl Fn(&R) -> P, view: impl FnMut(R) -> T) -> Self {
        let more = rows.len() as i64 > limit;
        rows.truncate(limit as usize);
        let next_cursor = rows.last().filter(|_| more).and_then(|row| {
            let text = serde_json::to_vec(&position(row)).ok()?;
            Some(URL_SAFE_NO_PAD.encode(text))
        });
        Self { items: rows.into_iter().map(view).collect(), next_cursor }
    }
}
