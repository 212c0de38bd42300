//! Conditions of the filter language as SQL over `runs r`, the same text for both databases, every value bound.
//!
//! What is compared lies in the index `runs_listed` or in tables of its own, so that no filter reads configs and summaries of all runs.
//! Every piece is true or false, never NULL: then `NOT` means what it says.

use super::runs::sort_key;
use crate::filter::{Condition, ConfigMatch, Order, SummaryMatch, TextField, TextMatch, WholeField};
use sqlx::types::Uuid;

/// A piece of a statement: text of ours, or a value to bind.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Sql(&'static str),
    Text(String),
    Whole(i64),
    Real(f64),
    Flag(bool),
    Id(Uuid),
}

/// Adds pieces to a `QueryBuilder` of either database.
macro_rules! push_pieces {
    ($query:expr, $pieces:expr) => {
        for piece in $pieces {
            match piece.clone() {
                $crate::store::conditions::Piece::Sql(text) => $query.push(text),
                $crate::store::conditions::Piece::Text(text) => $query.push_bind(text),
                $crate::store::conditions::Piece::Whole(number) => $query.push_bind(number),
                $crate::store::conditions::Piece::Real(number) => $query.push_bind(number),
                $crate::store::conditions::Piece::Flag(flag) => $query.push_bind(flag),
                $crate::store::conditions::Piece::Id(id) => $query.push_bind(id),
            };
        }
    };
}
pub(super) use push_pieces;

/// Whose values in `config_values` are those of the run.
const OWNER: &str = "(COALESCE(r.sweep_id, r.id), COALESCE(r.sweep_cell, 0))";

/// Texts of a config are indexed by their beginning, as the triggers of `config_values` cut them.
const INDEXED_CHARACTERS: usize = 200;

/// A result that runs are asked for: the name of a summary number, and how it compares.
pub(super) type Asked = (String, Order, f64);

/// The condition as pieces of a `WHERE`.
pub(super) fn compile(condition: &Condition) -> Vec<Piece> {
    compile_with(condition, &[])
}

/// The same where the results in `broad` are known to let many runs through: those are looked up run by run, for a list of all their runs
/// would take longer to make than it saves.
pub(super) fn compile_with(condition: &Condition, broad: &[Asked]) -> Vec<Piece> {
    let mut pieces = Pieces(Vec::new(), broad);
    pieces.condition(condition);
    pieces.0
}

/// Every comparison of a summary number within a condition.
pub(super) fn asked_results(condition: &Condition) -> Vec<Asked> {
    match condition {
        Condition::All(inner) | Condition::Any(inner) => inner.iter().flat_map(asked_results).collect(),
        Condition::Not(inner) => asked_results(inner),
        Condition::Summary(name, SummaryMatch::Number(order, number)) => vec![(name.clone(), *order, *number)],
        _ => Vec::new(),
    }
}

/// How many runs, at most so many, have this result, as the whole of a statement.
pub(super) fn count_of_result((name, order, number): &Asked, most: i64) -> Vec<Piece> {
    let mut pieces = Pieces(Vec::new(), &[]);
    pieces.sql("SELECT COUNT(*) FROM (SELECT 1 FROM summary_values WHERE name = ").bind(Piece::Text(name.clone()));
    pieces.sql(" AND ").in_range("sort_key", *order, *number).sql(" LIMIT ").bind(Piece::Whole(most)).sql(")");
    pieces.0
}

struct Pieces<'a>(Vec<Piece>, &'a [Asked]);

impl Pieces<'_> {
    fn sql(&mut self, text: &'static str) -> &mut Self {
        self.0.push(Piece::Sql(text));
        self
    }

    fn bind(&mut self, piece: Piece) -> &mut Self {
        self.0.push(piece);
        self
    }

    fn joined(&mut self, conditions: &[Condition], with: &'static str, empty: &'static str) {
        if conditions.is_empty() {
            self.sql(empty);
            return;
        }
        self.sql("(");
        for (index, condition) in conditions.iter().enumerate() {
            if index > 0 {
                self.sql(with);
            }
            self.condition(condition);
        }
        self.sql(")");
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::All(all) => self.joined(all, " AND ", "1 = 1"),
            Condition::Any(any) => self.joined(any, " OR ", "1 = 0"),
            Condition::Not(inner) => {
                self.sql("NOT (").condition(inner);
                self.sql(")");
            }
            Condition::Text(TextField::Note, matched) => self.note(matched),
            Condition::Text(field, matched) => self.text(text_column(*field), matched),
            Condition::Whole(field, order, number) => {
                let column = whole_column(*field);
                if is_nullable(*field) {
                    self.sql("(").sql(column).sql(" IS NOT NULL AND ");
                }
                self.sql(column).sql(sign_of(*order)).bind(Piece::Real(*number));
                if is_nullable(*field) {
                    self.sql(")");
                }
            }
            Condition::Known(field) => {
                self.sql(whole_column(*field)).sql(" IS NOT NULL");
            }
            Condition::Status(status) => {
                self.sql("r.status = ").bind(Piece::Text(status.word().to_owned()));
            }
            Condition::Tagged(matched) => {
                self.sql("r.id IN (SELECT run_id FROM run_tags WHERE ").text("tag", matched);
                self.sql(")");
            }
            Condition::AnyTag => {
                self.sql("r.id IN (SELECT run_id FROM run_tags)");
            }
            Condition::Archived(archived) => {
                self.sql("r.archived = ").bind(Piece::Flag(*archived));
            }
            Condition::Ids(ids) if ids.is_empty() => {
                self.sql("1 = 0");
            }
            Condition::Ids(ids) => {
                self.sql("r.id IN (");
                for (index, id) in ids.iter().enumerate() {
                    self.sql(if index > 0 { ", " } else { "" }).bind(Piece::Id(*id));
                }
                self.sql(")");
            }
            Condition::IdBetween(low, high) => {
                self.sql("(r.id >= ").bind(Piece::Id(*low)).sql(" AND r.id <= ").bind(Piece::Id(*high)).sql(")");
            }
            Condition::Sweep(id) => self.owner("r.sweep_id", *id),
            Condition::Parent(id) => self.owner("r.parent_id", *id),
            Condition::ForkedFrom(id) => {
                self.sql("r.id IN (SELECT id FROM runs WHERE forked_from IS NOT NULL");
                if let Some(id) = id {
                    self.sql(" AND forked_from = ").bind(Piece::Id(*id));
                }
                self.sql(")");
            }
            Condition::Config(name, matched) => self.config(name, matched),
            Condition::Summary(name, matched) => self.summary(name, *matched),
        }
    }

    fn owner(&mut self, column: &'static str, id: Option<Uuid>) {
        self.sql("(").sql(column).sql(" IS NOT NULL");
        if let Some(id) = id {
            self.sql(" AND ").sql(column).sql(" = ").bind(Piece::Id(id));
        }
        self.sql(")");
    }

    fn text(&mut self, column: &'static str, matched: &TextMatch) {
        match matched {
            TextMatch::Is(text) => {
                self.sql(column).sql(" = ").bind(Piece::Text(text.clone()));
            }
            TextMatch::Contains(part) => {
                self.sql("(lower(").sql(column).sql(") LIKE ").bind(Piece::Text(pattern(&part.to_lowercase()))).sql(" ESCAPE '\\'");
                // SQLite lowers ASCII only; what it leaves is at least found as it was written.
                if !part.is_ascii() {
                    self.sql(" OR ").sql(column).sql(" LIKE ").bind(Piece::Text(pattern(part))).sql(" ESCAPE '\\'");
                }
                self.sql(")");
            }
        }
    }

    /// Notes are long and rare, so they are in no index: `runs_noted` lists the runs that have one.
    fn note(&mut self, matched: &TextMatch) {
        if matches!(matched, TextMatch::Is(text) | TextMatch::Contains(text) if text.is_empty()) {
            let all = matches!(matched, TextMatch::Contains(_));
            self.sql(if all { "1 = 1" } else { "r.id NOT IN (SELECT id FROM runs WHERE note <> '')" });
            return;
        }
        self.sql("r.id IN (SELECT id FROM runs WHERE note <> '' AND ").text("note", matched);
        self.sql(")");
    }

    fn config(&mut self, name: &str, matched: &ConfigMatch) {
        self.sql(OWNER).sql(" IN (SELECT owner, cell FROM config_values WHERE name = ").bind(Piece::Text(name.to_owned()));
        match matched {
            ConfigMatch::Present => {}
            ConfigMatch::Number(order, number) => {
                self.sql(" AND number").sql(sign_of(*order)).bind(Piece::Real(*number));
            }
            ConfigMatch::Text(TextMatch::Is(text)) => {
                self.sql(" AND text = ").bind(Piece::Text(text.chars().take(INDEXED_CHARACTERS).collect()));
            }
            ConfigMatch::Text(contains) => {
                self.sql(" AND text IS NOT NULL AND ").text("text", contains);
            }
        }
        self.sql(")");
    }

    fn summary(&mut self, name: &str, matched: SummaryMatch) {
        let named = |pieces: &mut Self, from: &'static str| {
            pieces.sql(from).bind(Piece::Text(name.to_owned()));
        };
        const NANS: &str = "r.id IN (SELECT run_id FROM summary_nans WHERE name = ";
        match matched {
            SummaryMatch::NotANumber => {
                named(self, NANS);
                self.sql(")");
            }
            SummaryMatch::Present => {
                named(self, "(r.id IN (SELECT run_id FROM summary_values WHERE name = ");
                self.sql(") OR ");
                named(self, NANS);
                self.sql("))");
            }
            SummaryMatch::Number(order, number) if self.1.iter().any(|asked| asked.0 == name && (asked.1, asked.2) == (order, number)) => {
                // By the primary key: the sign keeps SQLite from the index of the numbers.
                named(self, "EXISTS (SELECT 1 FROM summary_values w WHERE w.run_id = r.id AND w.name = ");
                self.sql(" AND ").in_range("+w.sort_key", order, number).sql(")");
            }
            SummaryMatch::Number(order, number) => {
                named(self, "r.id IN (SELECT run_id FROM summary_values WHERE name = ");
                self.sql(" AND ").in_range("sort_key", order, number).sql(")");
            }
        }
    }

    /// The sort keys, in this column, of the numbers that compare so.
    fn in_range(&mut self, column: &'static str, order: Order, number: f64) -> &mut Self {
        let (low, high) = keys_of(number);
        self.sql(column);
        match order {
            Order::Equal => self.sql(" BETWEEN ").bind(Piece::Whole(low)).sql(" AND ").bind(Piece::Whole(high)),
            Order::Less => self.sql(" < ").bind(Piece::Whole(low)),
            Order::AtMost => self.sql(" <= ").bind(Piece::Whole(high)),
            Order::More => self.sql(" > ").bind(Piece::Whole(high)),
            Order::AtLeast => self.sql(" >= ").bind(Piece::Whole(low)),
        }
    }
}

/// The sort keys of all numbers equal to this one: zero has two.
fn keys_of(number: f64) -> (i64, i64) {
    // NaN never gets here: the filter language compares it by itself.
    let key = |number: f64| sort_key(number).unwrap_or(i64::MAX);
    if number == 0.0 { (key(-0.0), key(0.0)) } else { (key(number), key(number)) }
}

fn pattern(part: &str) -> String {
    format!("%{}%", part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

fn sign_of(order: Order) -> &'static str {
    match order {
        Order::Equal => " = ",
        Order::Less => " < ",
        Order::AtMost => " <= ",
        Order::More => " > ",
        Order::AtLeast => " >= ",
    }
}

/// The column of a text.
pub(super) fn text_column(field: TextField) -> &'static str {
    match field {
        TextField::Name => "r.name",
        TextField::Note => "r.note",
        TextField::Experiment => "r.experiment",
        TextField::Preset => "r.preset",
        TextField::Project => "r.project",
        TextField::CreatedBy => "r.created_by",
    }
}

/// The column of a whole number.
pub(super) fn whole_column(field: WholeField) -> &'static str {
    match field {
        WholeField::Seed => "r.seed",
        WholeField::Priority => "r.priority",
        WholeField::CreatedAt => "r.created_at_ms",
        WholeField::StartedAt => "r.started_at_ms",
        WholeField::FinishedAt => "r.finished_at_ms",
    }
}

fn is_nullable(field: WholeField) -> bool {
    matches!(field, WholeField::StartedAt | WholeField::FinishedAt)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The statement with `?` for what is bound.
    fn sql(condition: &Condition) -> String {
        compile(condition).iter().map(|piece| if let Piece::Sql(text) = piece { text } else { "?" }).collect()
    }

    #[test]
    fn values_are_bound_and_never_part_of_the_text() {
        let evil = "'; DROP TABLE runs; --".to_owned();
        let condition = Condition::All(vec![
            Condition::Text(TextField::Name, TextMatch::Is(evil.clone())),
            Condition::Tagged(TextMatch::Contains(evil.clone())),
            Condition::Config(evil.clone(), ConfigMatch::Text(TextMatch::Is(evil.clone()))),
            Condition::Summary(evil.clone(), SummaryMatch::Present).negated(),
        ]);
        assert!(!sql(&condition).contains("DROP"), "{}", sql(&condition));
        assert_eq!(compile(&condition).iter().filter(|piece| **piece == Piece::Text(evil.clone())).count(), 5);
    }

    #[test]
    fn both_zeros_are_equal_and_a_pattern_is_taken_literally() {
        assert_eq!(keys_of(0.0), (-1, 0));
        assert_eq!(keys_of(-0.0), (-1, 0));
        assert_eq!(pattern("50%_\\"), "%50\\%\\_\\\\%");
        let less = compile(&Condition::Summary("loss".to_owned(), SummaryMatch::Number(Order::Less, 0.0)));
        assert_eq!(less[less.len() - 2], Piece::Whole(-1));
    }

    #[test]
    fn a_result_that_many_runs_have_is_looked_up_run_by_run() {
        let half = Condition::Summary("acc".to_owned(), SummaryMatch::Number(Order::More, 0.5));
        let tenth = Condition::Summary("acc".to_owned(), SummaryMatch::Number(Order::More, 0.9));
        let both = Condition::All(vec![half.clone(), Condition::Not(Box::new(tenth.clone()))]);
        assert_eq!(asked_results(&both), [("acc".to_owned(), Order::More, 0.5), ("acc".to_owned(), Order::More, 0.9)]);
        let text: String =
            compile_with(&both, &asked_results(&half)).iter().map(|piece| if let Piece::Sql(text) = piece { text } else { "?" }).collect();
        assert_eq!(
            text,
            "(EXISTS (SELECT 1 FROM summary_values w WHERE w.run_id = r.id AND w.name = ? AND +w.sort_key > ?) AND \
             NOT (r.id IN (SELECT run_id FROM summary_values WHERE name = ? AND sort_key > ?)))"
        );
    }

    #[test]
    fn an_empty_list_asks_for_all_or_for_none() {
        assert_eq!((sql(&Condition::All(vec![])), sql(&Condition::Any(vec![]))), ("1 = 1".to_owned(), "1 = 0".to_owned()));
    }
}
