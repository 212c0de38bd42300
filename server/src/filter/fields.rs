//! The fields a filter may name, what each compares with, and one comparison made of field, sign and value.

use super::{Condition, ConfigMatch, Order, SummaryMatch, TextField, TextMatch, WholeField, lexer::Kind, time::read_time};
use crate::store::RunStatus;
use lab::schema::nearest;
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a field holds, and so what it compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// A text.
    Text,
    /// One of a few words.
    Choice,
    /// A whole number.
    Whole,
    /// A time, or a while ago as `7d`.
    Time,
    /// An id.
    Id,
    /// `true` or `false`.
    Flag,
    /// A list of texts.
    Tags,
    /// A number or a text of the config.
    Config,
    /// A number of the summary.
    Summary,
}

impl FieldKind {
    /// The signs it compares with; `in` stands for `in (…)`.
    pub fn signs(self) -> &'static [&'static str] {
        match self {
            Self::Text | Self::Tags => &["=", "!=", "~", "in"],
            Self::Choice | Self::Id => &["=", "!=", "in"],
            Self::Whole | Self::Summary => &["=", "!=", "<", "<=", ">", ">=", "in"],
            Self::Time => &["<", "<=", ">", ">=", "=", "!="],
            Self::Flag => &["=", "!="],
            Self::Config => &["=", "!=", "<", "<=", ">", ">=", "~", "in"],
        }
    }
}

/// A field of every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in the contract")]
pub enum PlainField {
    Text(TextField),
    Whole(WholeField),
    Time(WholeField),
    Id,
    Sweep,
    Parent,
    ForkedFrom,
    Status,
    Tag,
    Archived,
}

/// A field with its name.
#[derive(Debug, Clone, Copy)]
pub struct FilterField {
    /// As it is written.
    pub name: &'static str,
    /// What it is.
    pub field: PlainField,
}

const fn named(name: &'static str, field: PlainField) -> FilterField {
    FilterField { name, field }
}

/// Every field but those of config and summary.
pub const FIELDS: [FilterField; 18] = [
    named("id", PlainField::Id),
    named("name", PlainField::Text(TextField::Name)),
    named("note", PlainField::Text(TextField::Note)),
    named("experiment", PlainField::Text(TextField::Experiment)),
    named("preset", PlainField::Text(TextField::Preset)),
    named("status", PlainField::Status),
    named("project", PlainField::Text(TextField::Project)),
    named("tag", PlainField::Tag),
    named("created_by", PlainField::Text(TextField::CreatedBy)),
    named("seed", PlainField::Whole(WholeField::Seed)),
    named("sweep", PlainField::Sweep),
    named("parent", PlainField::Parent),
    named("forked_from", PlainField::ForkedFrom),
    named("archived", PlainField::Archived),
    named("priority", PlainField::Whole(WholeField::Priority)),
    named("created_at", PlainField::Time(WholeField::CreatedAt)),
    named("started_at", PlainField::Time(WholeField::StartedAt)),
    named("finished_at", PlainField::Time(WholeField::FinishedAt)),
];

impl PlainField {
    /// What it holds.
    pub fn kind(self) -> FieldKind {
        match self {
            Self::Text(_) => FieldKind::Text,
            Self::Whole(_) => FieldKind::Whole,
            Self::Time(_) => FieldKind::Time,
            Self::Id | Self::Sweep | Self::Parent | Self::ForkedFrom => FieldKind::Id,
            Self::Status => FieldKind::Choice,
            Self::Tag => FieldKind::Tags,
            Self::Archived => FieldKind::Flag,
        }
    }
}

/// The names below `config.` and `summary.` that there are, by the catalogue and by the runs stored.
#[derive(Debug, Clone, Default)]
pub struct KnownNames {
    /// Fields of configs, dots between the levels.
    pub config: BTreeSet<String>,
    /// Summary numbers.
    pub summary: BTreeSet<String>,
}

/// A field that was found under its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// One that every run has.
    Plain(PlainField),
    /// One of the config.
    Config(String),
    /// A summary number.
    Summary(String),
}

impl Found {
    /// What it holds.
    pub fn kind(&self) -> FieldKind {
        match self {
            Self::Plain(field) => field.kind(),
            Self::Config(_) => FieldKind::Config,
            Self::Summary(_) => FieldKind::Summary,
        }
    }
}

/// The field of this name. Errors: a sentence that names the nearest one.
pub fn find_field(name: &str, known: &KnownNames) -> Result<Found, String> {
    if let Some(field) = FIELDS.iter().find(|field| field.name == name) {
        return Ok(Found::Plain(field.field));
    }
    for (prefix, names, found) in
        [("config.", &known.config, Found::Config as fn(String) -> Found), ("summary.", &known.summary, Found::Summary)]
    {
        let Some(rest) = name.strip_prefix(prefix) else { continue };
        if names.contains(rest) {
            return Ok(found(rest.to_owned()));
        }
        let near =
            nearest(rest, names.iter().map(String::as_str)).map_or(String::new(), |near| format!("; did you mean `{prefix}{near}`?"));
        return Err(format!("no run and no experiment has `{name}`{near}"));
    }
    let plain = || FIELDS.iter().map(|field| field.name);
    // A config field or a summary number without its prefix is meant more often than not.
    let below = known.config.iter().chain(&known.summary).map(String::as_str);
    let near = nearest(name, plain().chain(below)).map_or(String::new(), |near| {
        let is_plain = plain().any(|plain| plain == near);
        let prefix = if is_plain {
            ""
        } else if known.config.contains(near) {
            "config."
        } else {
            "summary."
        };
        format!("; did you mean `{prefix}{near}`?")
    });
    let all = plain().collect::<Vec<_>>().join(", ");
    Err(format!("there is no field `{name}`{near} (fields are {all}, config.FIELD and summary.NAME)"))
}

/// One comparison. Errors: what the value must be.
pub fn compare(field: &Found, sign: &str, value: &Kind, now_ms: i64) -> Result<Condition, String> {
    let equal = |condition: Condition| if sign == "!=" { condition.negated() } else { condition };
    match field {
        Found::Plain(PlainField::Text(field)) => Ok(equal(Condition::Text(*field, text_match(sign, value)))),
        Found::Plain(PlainField::Tag) if is_none(value) && sign != "~" => Ok(equal(Condition::AnyTag.negated())),
        Found::Plain(PlainField::Tag) => Ok(equal(Condition::Tagged(text_match(sign, value)))),
        Found::Plain(PlainField::Status) => {
            let status = RunStatus::from_word(text_of(value));
            let status = status.ok_or_else(|| must_be(&RunStatus::ALL.map(RunStatus::word).join(", "), value))?;
            Ok(equal(Condition::Status(status)))
        }
        Found::Plain(PlainField::Archived) => match text_of(value) {
            "true" => Ok(equal(Condition::Archived(true))),
            "false" => Ok(equal(Condition::Archived(false))),
            _ => Err(must_be("true or false", value)),
        },
        Found::Plain(PlainField::Whole(field)) => {
            let number = number_of(value).filter(|number| number.is_finite()).ok_or_else(|| must_be("a number", value))?;
            Ok(equal(Condition::Whole(*field, order_of(sign), number)))
        }
        Found::Plain(PlainField::Time(field)) => match (sign, is_none(value)) {
            ("=" | "!=", true) => Ok(equal(Condition::Known(*field).negated())),
            ("=" | "!=", false) => Err(format!("a time compares with <, <=, > or >=, and `{sign}` only with none; got {}", shown(value))),
            (_, _) => {
                let ms = read_time(text_of(value), now_ms);
                let ms =
                    ms.ok_or_else(|| must_be("a time as 2026-11-28T20:00:00Z, a date, or a while ago as 90s, 30m, 12h, 7d or 2w", value))?;
                Ok(Condition::Whole(*field, order_of(sign), ms as f64))
            }
        },
        Found::Plain(PlainField::Id) => {
            let (low, high) =
                id_range(text_of(value)).ok_or_else(|| must_be("an id, or at least its first 4 hexadecimal digits", value))?;
            Ok(equal(Condition::IdBetween(low, high)))
        }
        Found::Plain(PlainField::Sweep) => Ok(equal(of_owner(value, Condition::Sweep)?)),
        Found::Plain(PlainField::Parent) => Ok(equal(of_owner(value, Condition::Parent)?)),
        Found::Plain(PlainField::ForkedFrom) => Ok(equal(of_owner(value, Condition::ForkedFrom)?)),
        Found::Config(name) => {
            let of = |matched: ConfigMatch| Condition::Config(name.clone(), matched);
            let is_word = matches!(value, Kind::Word(_));
            match (sign, number_of(value).filter(|number| is_word && number.is_finite())) {
                ("=" | "!=", _) if is_none(value) => Ok(equal(of(ConfigMatch::Present).negated())),
                ("~", _) => Ok(of(ConfigMatch::Text(text_match(sign, value)))),
                (_, Some(number)) => Ok(equal(of(ConfigMatch::Number(order_of(sign), number)))),
                ("=" | "!=", None) => Ok(equal(of(ConfigMatch::Text(text_match(sign, value))))),
                _ => Err(must_be("a number", value)),
            }
        }
        Found::Summary(name) => {
            let of = |matched: SummaryMatch| Condition::Summary(name.clone(), matched);
            match (sign, number_of(value)) {
                ("=" | "!=", None) if is_none(value) => Ok(equal(of(SummaryMatch::Present).negated())),
                ("=" | "!=", Some(number)) if number.is_nan() => Ok(equal(of(SummaryMatch::NotANumber))),
                (_, Some(number)) if number.is_nan() => {
                    Err("NaN is neither less nor more than anything; compare it with = or !=".to_owned())
                }
                (_, Some(number)) => Ok(equal(of(SummaryMatch::Number(order_of(sign), number)))),
                _ => Err(must_be("a number, Infinity, -Infinity, NaN or none", value)),
            }
        }
    }
}

/// The first and last id that begin with these hexadecimal digits (dashes ignored).
pub fn id_range(prefix: &str) -> Option<(Uuid, Uuid)> {
    let digits: String = prefix.chars().filter(|c| *c != '-').collect();
    if digits.len() < 4 || digits.len() > 32 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let fill = |with: &str| Uuid::parse_str(&format!("{digits}{}", with.repeat(32 - digits.len()))).ok();
    Some((fill("0")?, fill("f")?))
}

fn of_owner(value: &Kind, condition: impl Fn(Option<Uuid>) -> Condition) -> Result<Condition, String> {
    if is_none(value) {
        return Ok(condition(None).negated());
    }
    Uuid::parse_str(text_of(value)).map(|id| condition(Some(id))).map_err(|_| must_be("an id or none", value))
}

fn order_of(sign: &str) -> Order {
    match sign {
        "<" => Order::Less,
        "<=" => Order::AtMost,
        ">" => Order::More,
        ">=" => Order::AtLeast,
        _ => Order::Equal,
    }
}

fn text_match(sign: &str, value: &Kind) -> TextMatch {
    let text = text_of(value).to_owned();
    if sign == "~" { TextMatch::Contains(text) } else { TextMatch::Is(text) }
}

fn text_of(value: &Kind) -> &str {
    match value {
        Kind::Word(text) | Kind::Quoted(text) => text,
        _ => "",
    }
}

fn is_none(value: &Kind) -> bool {
    matches!(value, Kind::Word(text) if text == "none")
}

/// A number as JSON and this API write it; what Rust would read beyond that (`inf`, `nan`) is none.
fn number_of(value: &Kind) -> Option<f64> {
    match text_of(value) {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        text if text.ends_with(|c: char| c.is_ascii_digit() || c == '.') => text.parse().ok(),
        _ => None,
    }
}

fn shown(value: &Kind) -> String {
    match value {
        Kind::Quoted(text) => format!("\"{text}\""),
        value => format!("`{}`", text_of(value)),
    }
}

fn must_be(what: &str, value: &Kind) -> String {
    format!("must be {what}; got {}", shown(value))
}
