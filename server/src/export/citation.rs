//! BibTeX of the paper, and of this run as a reproduction of it: with version, config and digests, so that another can say whether theirs is the same.

use super::{ExportError, Source};
use crate::{clock::rfc3339, sameness::digest};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io::Write;

/// Text that BibTeX and TeX take as it is.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            c => out.push(c),
        }
    }
    out
}

/// Authors as cited, "A, B, C" or "A et al.", as BibTeX lists them.
fn authors(cited: &str) -> String {
    let listed = cited.replace(" et al.", ", others");
    listed.split(", ").flat_map(|part| part.split(" and ")).map(escaped).collect::<Vec<_>>().join(" and ")
}

/// `word2022word`, as citation managers make them.
fn key(cited: &str, year: u16, title: &str) -> String {
    let word = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    // The last word of the first author: initials stand before it.
    let author = cited.replace(" et al.", "");
    let first = author.split(',').next().and_then(|first| first.split_whitespace().last()).map(word);
    let title = title.split_whitespace().map(word).find(|part| part.len() > 3);
    format!("{}{year}{}", first.unwrap_or_default(), title.unwrap_or_default())
}

pub(super) fn write(source: &Source, out: &mut impl Write) -> Result<(), ExportError> {
    let run = &source.run;
    let card = source.app.registry.find(&run.experiment).map(|entry| &entry.card);
    if let Some(card) = card {
        let paper = &card.paper;
        let key = key(paper.authors, paper.year, paper.title);
        writeln!(
            out,
            "@misc{{{key},\n  title = {{{{{}}}}},\n  author = {{{}}},\n  year = {{{}}},\n  url = {{{}}}\n}}\n",
            escaped(paper.title),
            authors(paper.authors),
            paper.year,
            paper.url
        )?;
    }
    let mut forked = String::new();
    let mut recipe =
        json!({ "experiment": run.experiment, "config": run.config()?, "seed": run.seed, "engram_version": run.engram_version });
    if let (Some(from), Some(step)) = (run.forked_from, run.forked_step) {
        (recipe["forked_from"], recipe["forked_step"]) = (json!(from), json!(step));
        forked = format!(", forked from run {from} at step {step}");
    }
    let recipe = hex::encode(Sha256::digest(recipe.to_string()));
    let points = source.runtime.block_on(digest(&source.app.store, run.id))?;
    let made = rfc3339(run.finished_at_ms.unwrap_or(run.created_at_ms));
    let title = card.map_or(run.experiment.as_str(), |card| card.title);
    writeln!(
        out,
        "@misc{{engram_{},\n  title = {{{{Reproduction of {}: preset {}, seed {}}}}},\n  author = {{{}}},\n  year = {{{}}},\n  month = {{{}}},\n  \
         url = {{{}/runs/{}}},\n  version = {{Engram {}}},\n  note = {{Run {}, {}{forked}. SHA-256 of experiment, config, seed and version: {recipe}. \
         SHA-256 of all points: {points}}}\n}}",
        run.id.simple(),
        escaped(title),
        escaped(&run.preset),
        run.seed,
        escaped(&run.created_by),
        &made[..4],
        made[5..7].trim_start_matches('0'),
        source.app.config.base_url(),
        run.id,
        escaped(&run.engram_version),
        run.id,
        run.status.word(),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authors_are_joined_as_bibtex_wants_them() {
        assert_eq!(authors("Man, Damasio, Neven"), "Man and Damasio and Neven");
        assert_eq!(authors("Ramsauer et al."), "Ramsauer and others");
        assert_eq!(authors("E. Oja"), "E. Oja");
    }

    #[test]
    fn keys_are_of_the_first_author_the_year_and_a_word() {
        assert_eq!(key("Ramsauer et al.", 2020, "Hopfield Networks is All You Need"), "ramsauer2020hopfield");
        assert_eq!(key("A. Walker", 1905, "On walks"), "walker1905walks");
        assert_eq!(key("Man, Damasio, Neven", 2022, "Need is All You Need: Homeostatic Neural Networks"), "man2022need");
    }

    #[test]
    fn what_tex_reads_otherwise_is_escaped() {
        assert_eq!(escaped("a_b & 50% {c} \\d"), "a\\_b \\& 50\\% \\{c\\} \\textbackslash{}d");
    }
}
