//! Reads a filter into conditions: `or` binds weaker than `and`, `and` weaker than `not`.

use super::{
    Condition, FilterFault, KnownNames,
    fields::{Found, compare, find_field},
    lexer::{Kind, Token, tokens},
};

/// Characters of a filter at most.
const MOST_CHARACTERS: usize = 4_000;
/// Parentheses and `not`s within each other at most, so that no filter outgrows a stack, ours or the database's.
const DEEPEST: usize = 32;
/// Comparisons at most, each value of an `in` counted: SQLite takes expressions a thousand deep, and chains are such.
const MOST_COMPARISONS: usize = 500;

/// The conditions that a filter asks for; an empty one asks nothing. `known` holds the names there are below `config.` and `summary.`,
/// `now_ms` is what `7d` counts back from. Errors: every fault of a field or value, or the first of the grammar.
pub fn parse(text: &str, known: &KnownNames, now_ms: i64) -> Result<Condition, Vec<FilterFault>> {
    let length = text.chars().count();
    if length > MOST_CHARACTERS {
        return Err(vec![FilterFault::new(
            MOST_CHARACTERS,
            length - MOST_CHARACTERS,
            format!("a filter has at most {MOST_CHARACTERS} characters"),
        )]);
    }
    let tokens = tokens(text).map_err(|fault| vec![fault])?;
    if tokens.is_empty() {
        return Ok(Condition::All(Vec::new()));
    }
    let mut parser = Parser { tokens, next: 0, length, depth: 0, comparisons: 0, known, now_ms, faults: Vec::new() };
    let read = parser.read_any().and_then(|condition| match parser.peek() {
        None => Ok(condition),
        Some(token) => Err(parser.expected(Some(&token.clone()), "`and`, `or` or the end")),
    });
    let mut faults = parser.faults;
    match read {
        Ok(condition) if faults.is_empty() => return Ok(condition),
        Ok(_) => {}
        Err(fault) => faults.push(fault),
    }
    Err(faults)
}

struct Parser<'a> {
    tokens: Vec<Token>,
    next: usize,
    /// Of the text, in characters.
    length: usize,
    depth: usize,
    comparisons: usize,
    known: &'a KnownNames,
    now_ms: i64,
    /// Faults of fields and values: the grammar goes on after them.
    faults: Vec<FilterFault>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_next = self.peek().is_some_and(|token| token.is(word));
        self.next += usize::from(is_next);
        is_next
    }

    fn expected(&self, found: Option<&Token>, what: &str) -> FilterFault {
        match found {
            Some(token) => FilterFault::new(token.at, token.length, format!("expected {what}; found {}", token.shown())),
            None => FilterFault::new(self.length, 0, format!("expected {what}; found the end")),
        }
    }

    fn read_any(&mut self) -> Result<Condition, FilterFault> {
        let mut conditions = vec![self.read_all()?];
        while self.take_word("or") {
            conditions.push(self.read_all()?);
        }
        Ok(if conditions.len() == 1 { conditions.remove(0) } else { Condition::Any(conditions) })
    }

    fn read_all(&mut self) -> Result<Condition, FilterFault> {
        let mut conditions = vec![self.read_one()?];
        while self.take_word("and") {
            conditions.push(self.read_one()?);
        }
        Ok(if conditions.len() == 1 { conditions.remove(0) } else { Condition::All(conditions) })
    }

    fn read_one(&mut self) -> Result<Condition, FilterFault> {
        let Some(token) = self.take() else { return Err(self.expected(None, "a field, `not` or `(`")) };
        let is_not = token.is("not");
        if !is_not && token.kind != Kind::Open {
            return self.read_comparison(&token);
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(FilterFault::new(token.at, token.length, format!("parentheses and `not` may stand {DEEPEST} deep at most")));
        }
        let condition = if is_not { self.read_one()?.negated() } else { self.read_any()? };
        self.depth -= 1;
        if !is_not {
            let end = self.take();
            if !end.as_ref().is_some_and(|end| end.kind == Kind::Close) {
                return Err(self.expected(end.as_ref(), "`and`, `or` or `)`"));
            }
        }
        Ok(condition)
    }

    fn read_comparison(&mut self, name: &Token) -> Result<Condition, FilterFault> {
        let Kind::Word(word) = &name.kind else { return Err(self.expected(Some(name), "a field, `not` or `(`")) };
        if ["and", "or", "in"].iter().any(|connective| name.is(connective)) {
            return Err(self.expected(Some(name), "a field, `not` or `(`"));
        }
        let field = find_field(word, self.known).map_err(|detail| self.faults.push(FilterFault::new(name.at, name.length, detail))).ok();
        let signs = || field.as_ref().map_or("=, !=, <, <=, >, >=, ~ or in".to_owned(), |field| field.kind().signs().join(", "));
        let is_negated = self.take_word("not");
        let sign = self.take();
        match sign.as_ref().map(|sign| (&sign.kind, sign)) {
            Some((Kind::Sign(text), sign)) if !is_negated => {
                self.check_sign(field.as_ref(), text, sign);
                let value = self.take();
                match value {
                    Some(value) if matches!(value.kind, Kind::Word(_) | Kind::Quoted(_)) => self.make(field.as_ref(), text, &value),
                    other => Err(self.expected(other.as_ref(), "a value")),
                }
            }
            Some((_, sign)) if sign.is("in") => {
                self.check_sign(field.as_ref(), "in", sign);
                let any = Condition::Any(self.read_list(field.as_ref())?);
                Ok(if is_negated { any.negated() } else { any })
            }
            _ if is_negated => Err(self.expected(sign.as_ref(), "`in`")),
            _ => Err(self.expected(sign.as_ref(), &format!("one of {} after `{word}`", signs()))),
        }
    }

    /// The values between parentheses, each as an equality.
    fn read_list(&mut self, field: Option<&Found>) -> Result<Vec<Condition>, FilterFault> {
        let open = self.take();
        if !open.as_ref().is_some_and(|open| open.kind == Kind::Open) {
            return Err(self.expected(open.as_ref(), "`(` after `in`"));
        }
        let mut conditions = Vec::new();
        loop {
            match self.take() {
                Some(value) if matches!(value.kind, Kind::Word(_) | Kind::Quoted(_)) => conditions.push(self.make(field, "=", &value)?),
                other => return Err(self.expected(other.as_ref(), "a value")),
            }
            match self.take() {
                Some(token) if token.kind == Kind::Comma => {}
                Some(token) if token.kind == Kind::Close => return Ok(conditions),
                other => return Err(self.expected(other.as_ref(), "`,` or `)`")),
            }
        }
    }

    fn check_sign(&mut self, field: Option<&Found>, text: &str, sign: &Token) {
        let Some(signs) = field.map(|field| field.kind().signs()) else { return };
        if !signs.contains(&text) {
            let detail = format!("this field compares with {}; found `{text}`", signs.join(", "));
            self.faults.push(FilterFault::new(sign.at, sign.length, detail));
        }
    }

    /// One comparison; where field or value has a fault, something harmless stands in for it, for nobody gets to see it.
    fn make(&mut self, field: Option<&Found>, sign: &str, value: &Token) -> Result<Condition, FilterFault> {
        self.comparisons += 1;
        if self.comparisons > MOST_COMPARISONS {
            return Err(FilterFault::new(value.at, value.length, format!("a filter has at most {MOST_COMPARISONS} comparisons")));
        }
        let nothing = Condition::All(Vec::new());
        let Some(field) = field else { return Ok(nothing) };
        Ok(compare(field, sign, &value.kind, self.now_ms).unwrap_or_else(|detail| {
            self.faults.push(FilterFault::new(value.at, value.length, detail));
            nothing
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        filter::{ConfigMatch, Order, SummaryMatch, TextField, TextMatch, WholeField},
        store::RunStatus,
    };

    fn known() -> KnownNames {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        KnownNames { config: names(&["learning_rate", "optimiser.kind"]), summary: names(&["accuracy/test.g2g", "loss/train"]) }
    }

    fn read(text: &str) -> Condition {
        parse(text, &known(), 1_000_000_000).unwrap_or_else(|faults| panic!("{text}: {faults:?}"))
    }

    fn faults(text: &str) -> Vec<FilterFault> {
        parse(text, &known(), 0).expect_err(text)
    }

    fn text(field: TextField, text: &str) -> Condition {
        Condition::Text(field, TextMatch::Is(text.to_owned()))
    }

    fn tag(text: &str) -> Condition {
        Condition::Tagged(TextMatch::Is(text.to_owned()))
    }

    #[test]
    fn or_binds_weaker_than_and_and_and_weaker_than_not() {
        let both = Condition::All(vec![tag("b"), tag("c").negated()]);
        assert_eq!(read("tag = a or tag = b and not tag = c"), Condition::Any(vec![tag("a"), both]));
        let either = Condition::Any(vec![tag("a"), tag("b")]);
        assert_eq!(read("(tag = a OR tag = b) AND NOT tag = c"), Condition::All(vec![either, tag("c").negated()]));
        assert!(read("  ").is_always_true());
    }

    #[test]
    fn every_kind_of_field_compares_with_what_it_holds() {
        let config = |matched| Condition::Config("learning_rate".to_owned(), matched);
        let summary = |matched| Condition::Summary("accuracy/test.g2g".to_owned(), matched);
        for (filter, expected) in [
            ("experiment = g2gnet", text(TextField::Experiment, "g2gnet")),
            ("name ~ 'Big one'", Condition::Text(TextField::Name, TextMatch::Contains("Big one".to_owned()))),
            (
                "status in (failed, queued)",
                Condition::Any(vec![Condition::Status(RunStatus::Failed), Condition::Status(RunStatus::Queued)]),
            ),
            ("seed not in (1)", Condition::Any(vec![Condition::Whole(WholeField::Seed, Order::Equal, 1.0)]).negated()),
            ("created_at > 500000s", Condition::Whole(WholeField::CreatedAt, Order::More, 500_000_000.0)),
            ("started_at = none", Condition::Known(WholeField::StartedAt).negated()),
            ("sweep != none", Condition::Sweep(None).negated().negated()),
            ("archived = true", Condition::Archived(true)),
            ("config.learning_rate >= 1e-3", config(ConfigMatch::Number(Order::AtLeast, 1e-3))),
            ("config.learning_rate = '0.5'", config(ConfigMatch::Text(TextMatch::Is("0.5".to_owned())))),
            ("config.learning_rate != none", config(ConfigMatch::Present).negated().negated()),
            ("summary.accuracy/test.g2g > 0.85", summary(SummaryMatch::Number(Order::More, 0.85))),
            ("summary.accuracy/test.g2g = NaN", summary(SummaryMatch::NotANumber)),
            ("summary.accuracy/test.g2g < Infinity", summary(SummaryMatch::Number(Order::Less, f64::INFINITY))),
        ] {
            assert_eq!(read(filter), expected, "{filter}");
        }
    }

    #[test]
    fn every_faulty_field_and_value_is_named_at_once_with_its_place() {
        let found = faults(
            "experimant = x and status = done and seed > many and config.lerning_rate = 1 and created_at > yesterday and archived = 2",
        );
        let places: Vec<_> = found.iter().map(|fault| (fault.position, fault.length)).collect();
        assert_eq!(places, [(0, 10), (28, 4), (44, 4), (53, 19), (94, 9), (119, 1)]);
        for (fault, part) in
            found.iter().zip(["`experiment`", "queued, running", "a number", "`config.learning_rate`", "7d", "true or false"])
        {
            assert!(fault.detail.contains(part), "{fault:?}");
        }
        assert!(faults("learning_rate > 1")[0].detail.contains("`config.learning_rate`"));
        assert!(faults("name < b")[0].detail.contains("=, !=, ~, in"));
        assert!(faults("created_at = 7d")[0].detail.contains("<, <=, > or >="));
    }

    #[test]
    fn the_first_fault_of_the_grammar_says_what_was_found_and_what_is_allowed() {
        for (filter, position, parts) in [
            ("tag", 3, ["one of =, !=, ~, in", "the end"]),
            ("tag good", 4, ["one of =, !=, ~, in", "`good`"]),
            ("tag = ", 6, ["a value", "the end"]),
            ("tag = a tag = b", 8, ["`and`, `or` or the end", "`tag`"]),
            ("(tag = a", 8, ["`)`", "the end"]),
            ("tag = a)", 7, ["the end", "`)`"]),
            ("and tag = a", 0, ["a field", "`and`"]),
            ("tag in a", 7, ["`(`", "`a`"]),
            ("tag in (a b)", 10, ["`,` or `)`", "`b`"]),
            ("tag not = a", 8, ["`in`", "`=`"]),
            ("'tag' = a", 0, ["a field", "\"tag\""]),
        ] {
            let found = faults(filter);
            assert!(found.len() == 1 && found[0].position == position, "{filter}: {found:?}");
            assert!(parts.iter().all(|part| found[0].detail.contains(part)), "{filter}: {found:?}");
        }
    }

    #[test]
    fn filters_have_a_size() {
        let deep = format!("{}tag = a{}", "(".repeat(DEEPEST + 1), ")".repeat(DEEPEST + 1));
        assert!(faults(&deep)[0].detail.contains("deep at most"));
        assert!(faults(&format!("tag in ({})", vec!["a"; MOST_COMPARISONS + 1].join(","))).len() == 1);
        assert!(faults(&format!("name = {}", "a".repeat(MOST_CHARACTERS)))[0].detail.contains("at most 4000 characters"));
        read(&format!("{}tag = a{}", "(".repeat(DEEPEST), ")".repeat(DEEPEST)));
    }
}
