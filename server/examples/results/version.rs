//! Which version of an experiment made a result: a hash of the code that its numbers come from.

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The code of files by their path under `lab/src`.
type Code = BTreeMap<PathBuf, String>;

/// A module that experiments share.
#[derive(Default)]
struct Module {
    /// Words that stand for it: its name, and what its folder re-exports of it.
    words: Vec<String>,
    code: Code,
}

/// The first 12 hexadecimal digits of SHA-256 over the experiment's folder, without its card and presets, random numbers, and every module of
/// kernels, theory and data sets and every file beside the experiments' folders that these name, or that such a module names. Comments, tests and
/// empty lines do not count. Errors: a file cannot be read.
pub fn code_of(root: &Path, experiment: &str) -> anyhow::Result<String> {
    let source = root.join("lab/src");
    let own = Path::new("experiments").join(experiment);
    ensure!(source.join(&own).is_dir(), "there is no folder {}", source.join(&own).display());
    let mut counted = read(&source, Path::new("random.rs"))?;
    let shown_only = ["card.rs", "card", "presets.rs"].map(|name| own.join(name));
    counted.extend(read(&source, &own)?.into_iter().filter(|(file, _)| !shown_only.iter().any(|shown| file.starts_with(shown))));
    let mut others = Vec::new();
    for folder in ["kernels", "theory", "datasets"].into_iter().filter(|folder| source.join(folder).is_dir()) {
        others.extend(modules(&source, Path::new(folder))?);
    }
    others.extend(shared(&source, &own)?);
    while let Some(at) = others.iter().position(|module| counted.values().any(|text| names(text, &module.words))) {
        counted.extend(others.swap_remove(at).code);
    }
    let mut hash = Sha256::new();
    counted.values().for_each(|text| hash.update(text));
    Ok(hex::encode(&hash.finalize()[..6]))
}

/// What experiments share, files beside their folders; an experiment's own module of the same name stands before them.
fn shared(source: &Path, own: &Path) -> anyhow::Result<Vec<Module>> {
    let mut modules = Vec::new();
    for file in items(&source.join("experiments"))?.into_iter().filter(|item| item.is_file()) {
        let (name, stem) = (file.file_name().unwrap_or_default(), file.file_stem().unwrap_or_default());
        if stem != "mod" && !source.join(own).join(name).exists() {
            modules.push(Module {
                words: vec![stem.to_string_lossy().into_owned()],
                code: read(source, &Path::new("experiments").join(name))?,
            });
        }
    }
    Ok(modules)
}

/// The modules of a folder; a file and the folder of its parts are one.
fn modules(source: &Path, folder: &Path) -> anyhow::Result<Vec<Module>> {
    let mut modules: BTreeMap<String, Module> = BTreeMap::new();
    for item in items(&source.join(folder))? {
        let name = item.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let module = modules.entry(name.clone()).or_default();
        module.words = vec![name];
        module.code.extend(read(source, &folder.join(item.file_name().unwrap_or_default()))?);
    }
    // It only lists the others, and re-exports what they have: pub use MODULE::{NAME, NAME};
    let list: String = modules.remove("mod").unwrap_or_default().code.into_values().collect();
    for statement in list.split(';').filter_map(|statement| statement.trim().strip_prefix("pub use ")) {
        let mut words = words(statement).map(str::to_owned);
        if let Some(module) = words.next().and_then(|name| modules.get_mut(&name)) {
            module.words.extend(words);
        }
    }
    // Addresses of downloads; what comes from them is checked against a sum.
    modules.remove("catalogue");
    Ok(modules.into_values().collect())
}

/// What counts in a file, or in all files of a folder.
fn read(source: &Path, path: &Path) -> anyhow::Result<Code> {
    let full = source.join(path);
    if !full.is_dir() {
        if full.extension().is_none_or(|extension| extension != "rs") || full.file_name().is_some_and(|name| name == "tests.rs") {
            return Ok(Code::new());
        }
        let text = fs::read_to_string(&full).with_context(|| format!("cannot read {}", full.display()))?;
        return Ok(Code::from([(path.to_owned(), what_counts(&text))]));
    }
    let mut code = Code::new();
    for item in items(&full)? {
        code.extend(read(source, &path.join(item.file_name().unwrap_or_default()))?);
    }
    Ok(code)
}

fn items(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let items = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    Ok(items.map(|item| item.map(|item| item.path())).collect::<Result<_, _>>()?)
}

/// Whether one of these is a word of a path or of what is brought into scope; a variable may be called what it likes.
fn names(text: &str, wanted: &[String]) -> bool {
    let is_wanted = |word: &str| wanted.iter().any(|wanted| wanted == word);
    let imported = text.split(';').filter_map(|statement| statement.lines().position(is_import).map(|line| statement.lines().skip(line)));
    if imported.flatten().flat_map(words).any(is_wanted) {
        return true;
    }
    let parts: Vec<&str> = text.split("::").collect();
    parts.windows(2).any(|ends| is_wanted(last_word(ends[0])) || is_wanted(first_word(ends[1])))
}

fn is_import(line: &str) -> bool {
    line.starts_with("use ") || line.starts_with("pub") && line.contains(" use ")
}

fn first_word(text: &str) -> &str {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or_default()
}

fn last_word(text: &str) -> &str {
    text.rsplit(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or_default()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|word| !word.is_empty())
}

/// Tests stand at the end of a file, or in a `tests.rs`.
fn what_counts(text: &str) -> String {
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with("//")).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_counts_and_what_is_said_about_it_does_not() {
        let code = what_counts("//! A file.\n\nfn f() {\n    // Why.\n    1;\n}\n\n#[cfg(test)]\nmod tests {}\n");
        assert_eq!(code, "fn f() {\n1;\n}\n");
        assert_eq!(code, what_counts("fn f() {\n1;\n}"));
    }

    #[test]
    fn only_what_an_experiment_names_is_part_of_its_version() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join("lab/src").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let code = || code_of(root.path(), "one").unwrap();
        write("random.rs", "1");
        write("experiments/mod.rs", "a list");
        write("experiments/study.rs", "what several share");
        write("experiments/trial.rs", "what others share");
        write("experiments/own.rs", "what others share");
        write("experiments/one/mod.rs", "use super::study::Study; use crate::kernels::Fast; mod own;");
        write("experiments/one/own.rs", "a module of its own, where slow is a word");
        write("experiments/one/card.rs", "a card");
        write("experiments/one/card/fork.rs", "a part of the card");
        write("experiments/one/presets.rs", "presets");
        write("experiments/two/mod.rs", "another experiment");
        let list = "pub mod fast;\npub mod slow;\npub mod deep;\npub use fast::{Fast, fastest};\npub use slow::Slow;";
        write("kernels/mod.rs", list);
        write("kernels/fast.rs", "mod parts; use super::deep::f;");
        write("kernels/fast/parts.rs", "parts");
        write("kernels/deep.rs", "deep");
        write("kernels/slow.rs", "slow");
        write("datasets/images.rs", "images");
        let first = code();
        for other in [
            "experiments/one/card.rs",
            "experiments/one/card/fork.rs",
            "experiments/one/presets.rs",
            "experiments/two/mod.rs",
            "experiments/mod.rs",
            "experiments/trial.rs",
            "experiments/own.rs",
            "kernels/slow.rs",
            "datasets/images.rs",
            "kernels/fast/table.bin",
            "kernels/fast/tests.rs",
            "experiments/one/config/tests.rs",
        ] {
            write(other, "changed");
            assert_eq!(code(), first, "{other}");
        }
        write("kernels/mod.rs", &format!("{list}\npub mod more;"));
        assert_eq!(code(), first, "a module more");
        for own in ["kernels/deep.rs", "kernels/fast/parts.rs", "random.rs", "experiments/study.rs", "experiments/one/mod.rs"] {
            let before = code();
            write(own, "use crate::kernels::fast; // changed");
            assert_ne!(code(), before, "{own}");
        }
        assert!(code_of(root.path(), "three").is_err());
    }
}
