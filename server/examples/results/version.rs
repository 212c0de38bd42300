//! Which version of an experiment made a result: a hash of the code that its numbers come from.

use anyhow::Context;
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The first 12 hexadecimal digits of SHA-256 over the experiment's folder, without its card, and what experiments share: kernels, data
/// sets, random numbers. Comments, tests and empty lines do not count. Errors: a file cannot be read.
pub fn code_of(root: &Path, experiment: &str) -> anyhow::Result<String> {
    let source = root.join("lab/src");
    let mut files = vec![source.join("random.rs")];
    for folder in [format!("experiments/{experiment}"), "kernels".to_owned(), "datasets".to_owned()] {
        add_files(&source.join(folder), &mut files)?;
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs") && !file.ends_with("card.rs"));
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        hash.update(what_counts(&text));
    }
    Ok(hex::encode(&hash.finalize()[..6]))
}

fn add_files(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for item in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let item = item?;
        if item.file_type()?.is_dir() { add_files(&item.path(), files)? } else { files.push(item.path()) }
    }
    Ok(())
}

/// Tests stand at the end of a file.
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
    fn experiments_have_codes_of_their_own() {
        let code = |experiment| code_of(crate::root(), experiment).unwrap();
        assert_eq!(code("nhl"), code("nhl"));
        assert_ne!(code("nhl"), code("homeostatic"));
        assert!(code_of(crate::root(), "none").is_err());
    }
}
