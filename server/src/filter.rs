//! The filter language of runs: `experiment = g2gnet and summary.accuracy/test.g2g > 0.85 and (tag = good or not status = failed)`.
//!
//! A text is split into tokens (`lexer`), read into conditions (`parser`), and its fields and values are checked (`fields`). Nothing here
//! knows SQL: the store compiles conditions, with every value bound. Conditions are two-valued: what a run lacks is neither equal nor
//! less nor more, so `not` and `!=` let it through.

mod fields;
mod lexer;
mod parser;
mod time;

pub use fields::{FIELDS, FieldKind, FilterField, KnownNames, PlainField, id_range};
pub use parser::parse;

use crate::store::RunStatus;
use uuid::Uuid;

/// What a run must be.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All of these; none is always true.
    All(Vec<Self>),
    /// One of these.
    Any(Vec<Self>),
    /// The contrary.
    Not(Box<Self>),
    /// A text is this, or contains it whatever the case.
    Text(TextField, TextMatch),
    /// A whole number or a time in ms compares so.
    Whole(WholeField, Order, f64),
    /// A time is known.
    Known(WholeField),
    /// It has this state.
    Status(RunStatus),
    /// It has such a tag.
    Tagged(TextMatch),
    /// It has any tag.
    AnyTag,
    /// Whether lists leave it out.
    Archived(bool),
    /// Its id is one of these.
    Ids(Vec<Uuid>),
    /// Its id lies between these.
    IdBetween(Uuid, Uuid),
    /// It belongs to this sweep, or to any.
    Sweep(Option<Uuid>),
    /// It was made from this run, or from any.
    Parent(Option<Uuid>),
    /// Forked from this run, or from any.
    ForkedFrom(Option<Uuid>),
    /// A field of its config, dots between the levels.
    Config(String, ConfigMatch),
    /// One of its summary numbers.
    Summary(String, SummaryMatch),
}

/// Texts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in the contract")]
pub enum TextField {
    Name,
    Note,
    Experiment,
    Preset,
    Project,
    CreatedBy,
}

/// Whole numbers and times of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in the contract")]
pub enum WholeField {
    Seed,
    Priority,
    CreatedAt,
    StartedAt,
    FinishedAt,
}

/// How a text must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextMatch {
    /// Exactly this.
    Is(String),
    /// With this in it, whatever the case.
    Contains(String),
}

/// How a number must compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Order {
    Equal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// How a field of a config must be.
#[derive(Debug, Clone, PartialEq)]
pub enum ConfigMatch {
    /// There, and not null.
    Present,
    /// A number that compares so.
    Number(Order, f64),
    /// A text (or `true`, `false`, a list as JSON) like this.
    Text(TextMatch),
}

/// How a summary number must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SummaryMatch {
    /// There, be it NaN.
    Present,
    /// NaN.
    NotANumber,
    /// Comparing so; NaN never does.
    Number(Order, f64),
}

impl Condition {
    /// Whether this lets every run through but the archived ones.
    pub fn is_of_every_listed_run(&self) -> bool {
        match self {
            Self::All(all) => {
                let mut rest = all.iter().filter(|condition| !condition.is_always_true());
                matches!((rest.next(), rest.next()), (Some(only), None) if only.is_of_every_listed_run())
            }
            condition => *condition == Self::Archived(false),
        }
    }

    /// Whether this asks nothing.
    pub fn is_always_true(&self) -> bool {
        matches!(self, Self::All(all) if all.iter().all(Self::is_always_true))
    }

    /// The contrary.
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }
}

/// What is wrong with a filter, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterFault {
    /// Characters before the fault.
    pub position: usize,
    /// Characters of the fault; 0 at the end.
    pub length: usize,
    /// What was found, and what is allowed.
    pub detail: String,
}

impl FilterFault {
    fn new(position: usize, length: usize, detail: impl Into<String>) -> Self {
        Self { position, length, detail: detail.into() }
    }
}
