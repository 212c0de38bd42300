//! The words, texts and signs of a filter, each with its place.

use super::FilterFault;

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A field, a connective or a bare value.
    Word(String),
    /// A value in quotes, which is always text.
    Quoted(String),
    /// A comparison: `=`, `!=`, `<`, `<=`, `>`, `>=` or `~`.
    Sign(&'static str),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Characters before it.
    pub at: usize,
    /// Its length in characters, quotes included.
    pub length: usize,
}

impl Token {
    /// The token as it reads in a message.
    pub fn shown(&self) -> String {
        match &self.kind {
            Kind::Word(text) => format!("`{text}`"),
            Kind::Quoted(text) => format!("the text \"{text}\""),
            Kind::Sign(sign) => format!("`{sign}`"),
            Kind::Open => "`(`".to_owned(),
            Kind::Close => "`)`".to_owned(),
            Kind::Comma => "`,`".to_owned(),
        }
    }

    /// Whether it is this connective; their case does not matter.
    pub fn is(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Word(text) if text.eq_ignore_ascii_case(word))
    }
}

/// Splits a filter. Errors: a quote without its end, a sign that is none.
pub fn tokens(text: &str) -> Result<Vec<Token>, FilterFault> {
    let characters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        let next = characters.get(at + 1).copied();
        let (kind, length) = match character {
            blank if blank.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' => (Kind::Open, 1),
            ')' => (Kind::Close, 1),
            ',' => (Kind::Comma, 1),
            '~' => (Kind::Sign("~"), 1),
            '=' if next == Some('=') => return Err(FilterFault::new(at, 2, "found `==`; one `=` compares")),
            '=' => (Kind::Sign("="), 1),
            '!' if next == Some('=') => (Kind::Sign("!="), 2),
            '!' => return Err(FilterFault::new(at, 1, "found `!` alone; it must be `!=`, or the word `not`")),
            '<' if next == Some('=') => (Kind::Sign("<="), 2),
            '<' => (Kind::Sign("<"), 1),
            '>' if next == Some('=') => (Kind::Sign(">="), 2),
            '>' => (Kind::Sign(">"), 1),
            '"' | '\'' => {
                let (text, end) = quoted(&characters, at)?;
                (Kind::Quoted(text), end - at)
            }
            _ => {
                let (text, end) = word(&characters, at)?;
                (Kind::Word(text), end - at)
            }
        };
        found.push(Token { kind, at, length });
        at += length;
    }
    Ok(found)
}

/// The text between the quote at `at` and its end, and where that is. A backslash takes the next character as it is.
fn quoted(characters: &[char], at: usize) -> Result<(String, usize), FilterFault> {
    let (quote, mut text, mut place) = (characters[at], String::new(), at + 1);
    loop {
        match characters.get(place) {
            None => {
                let detail = format!("this {quote} has no end; put a {quote} after the text");
                return Err(FilterFault::new(at, characters.len() - at, detail));
            }
            Some('\\') if place + 1 < characters.len() => {
                text.push(characters[place + 1]);
                place += 2;
            }
            Some(&character) if character == quote => return Ok((text, place + 1)),
            Some(&character) => {
                text.push(character);
                place += 1;
            }
        }
    }
}

/// A word and where it ends. After a dot a part may stand in quotes, as in `summary."an odd name"`.
fn word(characters: &[char], at: usize) -> Result<(String, usize), FilterFault> {
    let (mut text, mut place) = (String::new(), at);
    while let Some(&character) = characters.get(place) {
        if matches!(character, '"' | '\'') && text.ends_with('.') {
            let (part, end) = quoted(characters, place)?;
            text.push_str(&part);
            place = end;
        } else if character.is_whitespace() || matches!(character, '(' | ')' | ',' | '=' | '!' | '<' | '>' | '~' | '"' | '\'') {
            break;
        } else {
            text.push(character);
            place += 1;
        }
    }
    Ok((text, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        tokens(text).unwrap().into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn words_signs_and_texts_stand_alone_or_together() {
        let word = |text: &str| Kind::Word(text.to_owned());
        let expected = [word("summary.accuracy/test.a-b"), Kind::Sign(">="), word("-1e-3"), word("and"), Kind::Open, word("tag")];
        assert_eq!(kinds("summary.accuracy/test.a-b>=-1e-3 and(tag"), expected);
        assert_eq!(kinds(r#"name~"a \"b\" (c)""#), [word("name"), Kind::Sign("~"), Kind::Quoted("a \"b\" (c)".to_owned())]);
        assert_eq!(kinds("summary.\"an odd name\" = 1"), [word("summary.an odd name"), Kind::Sign("="), word("1")]);
        assert_eq!(kinds(" \t\n"), []);
    }

    #[test]
    fn places_are_counted_in_characters() {
        let found = tokens("näme = 'größe' x").unwrap();
        assert_eq!(found.iter().map(|token| (token.at, token.length)).collect::<Vec<_>>(), [(0, 4), (5, 1), (7, 7), (15, 1)]);
    }

    #[test]
    fn what_is_no_token_is_told_with_its_place() {
        for (text, at, part) in
            [("a == 1", 2, "one `=`"), ("a ! b", 2, "`!=`"), ("name = \"open", 7, "has no end"), ("x.'", 2, "has no end")]
        {
            let fault = tokens(text).unwrap_err();
            assert!(fault.position == at && fault.detail.contains(part), "{text}: {fault:?}");
        }
    }
}
