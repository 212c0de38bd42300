//! The workspace itself: dependencies that are used and point one way, licences, vendored scripts, and the tables of both databases.

mod support;

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use support::repository;

/// What `cargo metadata` says about this machine's dependency graph, from what is already downloaded.
fn metadata() -> Value {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let host = String::from_utf8(rustc.stdout).unwrap().lines().find_map(|line| line.strip_prefix("host: ").map(str::to_owned)).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", &host])
        .current_dir(repository(""))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn members(metadata: &Value) -> Vec<&Value> {
    let ids = metadata["workspace_members"].as_array().unwrap();
    metadata["packages"].as_array().unwrap().iter().filter(|package| ids.contains(&package["id"])).collect()
}

/// All files of `folder` and below that end in `ending`; none where there is no such folder.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        match path.is_dir() {
            true => found.extend(files(&path, ending)),
            false if path.to_str().unwrap().ends_with(ending) => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}

/// Whether Rust source names the crate `name`: a path that begins with it, or a `use` of it.
fn names_crate(source: &str, name: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    source.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| {
        line.match_indices(name).any(|(at, _)| {
            let (before, after) = (&line[..at], &line[at + name.len()..]);
            let begins = !before.ends_with(is_word) && !before.trim_end().ends_with(['.', ':']);
            begins && (after.starts_with("::") || before.trim_end().ends_with("use") && !after.starts_with(is_word))
        })
    })
}

#[test]
fn a_crate_is_named_by_paths_and_by_use_only() {
    for source in ["let a = hex::encode(b);", "use hex;", "use hex as h;", "#[derive(hex::Derive)]", "    pub use hex::encode;"] {
        assert!(names_crate(source, "hex"), "{source}");
    }
    for source in
        ["// hex::encode", "let hex = 1;", "self.hex::<u8>()", "crate::hex::encode(b)", "hexa::encode(b)", "my_hex::encode(b)", "use hexa;"]
    {
        assert!(!names_crate(source, "hex"), "{source}");
    }
}

#[test]
fn every_dependency_is_used() {
    let metadata = metadata();
    let mut unused = Vec::new();
    for member in members(&metadata) {
        let folder = Path::new(text(&member["manifest_path"])).parent().unwrap();
        let sources = |folders: &[&str]| -> String {
            let paths = folders.iter().flat_map(|name| files(&folder.join(name), ".rs"));
            paths.map(|path| fs::read_to_string(path).unwrap()).collect::<Vec<_>>().join("\n")
        };
        let (shipped, all) = (sources(&["src"]), sources(&["src", "tests", "benches", "examples"]));
        for dependency in member["dependencies"].as_array().unwrap() {
            let name = dependency["rename"].as_str().unwrap_or(text(&dependency["name"]));
            // What only tests use belongs to [dev-dependencies].
            let looked_at = if dependency["kind"].is_null() { &shipped } else { &all };
            if !names_crate(looked_at, &name.replace('-', "_")) {
                unused.push(format!("{} does not use {name}", text(&member["name"])));
            }
        }
    }
    assert!(unused.is_empty(), "remove from Cargo.toml, or move to [dev-dependencies]: {unused:#?}");
}

#[test]
fn every_shared_version_is_taken() {
    let read = |path: &str| fs::read_to_string(repository(path)).unwrap().parse::<toml::Table>().unwrap();
    let root = read("Cargo.toml");
    let mut taken = BTreeSet::new();
    for member in root["workspace"]["members"].as_array().unwrap() {
        let manifest = read(&format!("{}/Cargo.toml", member.as_str().unwrap()));
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            taken.extend(manifest.get(kind).and_then(toml::Value::as_table).into_iter().flat_map(|table| table.keys().cloned()));
        }
    }
    let shared = root["workspace"]["dependencies"].as_table().unwrap().keys();
    let left: Vec<_> = shared.filter(|name| !taken.contains(*name)).collect();
    assert!(left.is_empty(), "no member takes these from [workspace.dependencies]: {left:?}");
}

#[test]
fn dependencies_point_one_way_and_the_science_knows_no_network_database_or_runtime() {
    let metadata = metadata();
    let uses = |member: &str| -> BTreeSet<String> {
        let package = members(&metadata).into_iter().find(|package| package["name"] == member).unwrap();
        package["dependencies"].as_array().unwrap().iter().map(|dependency| text(&dependency["name"]).to_owned()).collect()
    };
    let (lab, worker) = (uses("lab"), uses("worker"));
    for foreign in ["worker", "server", "tokio", "futures", "axum", "reqwest", "sqlx"] {
        assert!(!lab.contains(foreign), "lab must not depend on {foreign}");
    }
    for foreign in ["server", "sqlx"] {
        assert!(!worker.contains(foreign), "worker must not depend on {foreign}");
    }
}

/// Whether an SPDX expression can be met with `allowed` licences alone: one side of OR, both sides of AND. A slash is an old OR.
///
/// Grammar: `any = all ("OR" all)*`, `all = one ("AND" one)*`, `one = "(" any ")" | ID ["WITH" EXCEPTION]`.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> Result<bool, String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = any(&words, &mut at, allowed)?;
    if at == words.len() { Ok(met) } else { Err(format!("`{}` stands where nothing may", words[at])) }
}

fn any(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> Result<bool, String> {
    let mut met = all(words, at, allowed)?;
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all(words, at, allowed)?;
    }
    Ok(met)
}

fn all(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> Result<bool, String> {
    let mut met = one(words, at, allowed)?;
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed)?;
    }
    Ok(met)
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> Result<bool, String> {
    let word = *words.get(*at).ok_or("it ends too early")?;
    *at += 1;
    match word {
        "(" => {
            let met = any(words, at, allowed)?;
            if words.get(*at) != Some(&")") {
                return Err("a parenthesis is not closed".to_owned());
            }
            *at += 1;
            Ok(met)
        }
        ")" | "OR" | "AND" | "WITH" => Err(format!("`{word}` stands where a licence must")),
        id if words.get(*at) == Some(&"WITH") => {
            let exception = words.get(*at + 1).ok_or("it ends too early")?;
            *at += 2;
            Ok(allowed.contains(&format!("{id} WITH {exception}")))
        }
        id => Ok(allowed.contains(id)),
    }
}

#[test]
fn licence_expressions_are_read_by_their_grammar() {
    let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for good in ["MIT", "GPL-3.0-only OR MIT", "GPL-2.0/MIT", "(GPL-3.0 AND ISC) OR MIT", "(MIT OR GPL-3.0) AND Apache-2.0"] {
        assert_eq!(is_allowed(good, &allowed), Ok(true), "{good}");
    }
    assert_eq!(is_allowed("GPL-3.0-only OR Apache-2.0 WITH LLVM-exception", &allowed), Ok(true));
    // AND binds closer than OR.
    assert_eq!(is_allowed("MIT OR GPL-3.0-only AND GPL-2.0-only", &allowed), Ok(true));
    for bad in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "(MIT OR ISC) AND GPL-3.0-only", "MIT WITH Some-exception", "mit"] {
        assert_eq!(is_allowed(bad, &allowed), Ok(false), "{bad}");
    }
    for broken in ["", "MIT OR", "(MIT", "MIT)", "MIT ISC", "OR MIT", "MIT WITH"] {
        assert!(is_allowed(broken, &allowed).is_err(), "{broken}");
    }
}

#[test]
fn every_licence_allows_our_use() {
    let policy: toml::Table = fs::read_to_string(repository("deny.toml")).unwrap().parse().unwrap();
    let allowed: BTreeSet<String> =
        policy["licenses"]["allow"].as_array().unwrap().iter().map(|licence| licence.as_str().unwrap().to_owned()).collect();
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "only {} packages were looked at", packages.len());
    let mut refused = Vec::new();
    for package in packages {
        let name = format!("{} {}", text(&package["name"]), text(&package["version"]));
        match package["license"].as_str() {
            None => refused.push(format!("{name} names no licence")),
            Some(expression) => match is_allowed(expression, &allowed) {
                Ok(true) => {}
                Ok(false) => refused.push(format!("{name} has the licence {expression}, which deny.toml does not allow")),
                Err(fault) => refused.push(format!("{name}: the licence {expression} cannot be read: {fault}")),
            },
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn vendored_scripts_have_their_licences_and_the_bytes_that_were_taken() {
    let vendor = repository("static/vendor");
    let readme = fs::read_to_string(vendor.join("README.md")).unwrap();
    let scripts = files(&vendor, ".js");
    assert!(!scripts.is_empty());
    for script in scripts {
        let name = script.strip_prefix(&vendor).unwrap().to_str().unwrap();
        let licence = script.parent().unwrap().join("LICENSE");
        assert!(licence.is_file(), "{name} has no LICENSE beside it");
        let digest = hex::encode(Sha256::digest(fs::read(&script).unwrap()));
        assert!(
            readme.contains(&format!("{digest}  {name}")),
            "{name} is not the file that static/vendor/README.md lists: it has {digest}"
        );
    }
}

/// Tables and columns of a migration, in order.
fn tables(sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in sql.lines() {
        if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
            found.push(format!("table {}", rest.split_whitespace().next().unwrap()));
        } else if let Some(column) = line.strip_prefix("    ").and_then(|line| line.split_whitespace().next())
            && column.chars().all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_')
        {
            found.push(column.to_owned());
        }
    }
    found
}

#[test]
fn both_databases_have_the_same_tables_and_columns() {
    let migrations = |kind: &str| -> Vec<(String, Vec<String>)> {
        let paths = files(&repository("migrations").join(kind), ".sql");
        paths
            .iter()
            .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), tables(&fs::read_to_string(path).unwrap())))
            .collect()
    };
    let sqlite = migrations("sqlite");
    assert!(sqlite.iter().any(|(_, tables)| tables.contains(&"table runs".to_owned())));
    assert_eq!(sqlite, migrations("postgres"));
}
