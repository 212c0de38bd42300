//! The dashboard's own scripts and styles, gathered so that a page carries them with it.

use crate::{api::pages::static_text, error::ApiError};
use std::collections::BTreeMap;

/// Scripts import each other by these names in a page that has no server.
const PREFIX: &str = "engram/";

/// A script and all that it imports, by the name that the others import it by. Errors: a script is not in this binary.
pub(super) fn gather(entry: &str) -> Result<BTreeMap<String, String>, ApiError> {
    let mut gathered = BTreeMap::new();
    let mut wanted = vec![entry.to_owned()];
    while let Some(path) = wanted.pop() {
        let name = format!("{PREFIX}{path}");
        if gathered.contains_key(&name) {
            continue;
        }
        let source = static_text(&path).ok_or_else(|| ApiError::Internal(format!("{path} is not in this binary")))?;
        let (rewritten, imported) = rewrite(&path, &source);
        gathered.insert(name, rewritten);
        wanted.extend(imported);
    }
    Ok(gathered)
}

/// A script with its relative imports renamed, and the paths of what it imports.
fn rewrite(path: &str, source: &str) -> (String, Vec<String>) {
    let mut out = String::with_capacity(source.len() + 256);
    let mut imported = Vec::new();
    let mut rest = source;
    while let Some((at, length)) = ["from '", "import '"].iter().filter_map(|word| Some((rest.find(word)?, word.len()))).min() {
        let (before, after) = rest.split_at(at + length);
        out.push_str(before);
        rest = after;
        let Some((specifier, tail)) = after.split_once('\'') else { break };
        if specifier.starts_with('.') && specifier.ends_with(".js") {
            let resolved = resolve(path, specifier);
            out.push_str(PREFIX);
            out.push_str(&resolved);
            out.push('\'');
            imported.push(resolved);
            rest = tail;
        }
    }
    out.push_str(rest);
    (out, imported)
}

/// The path that a relative import means.
fn resolve(path: &str, specifier: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The styles of a share's page, in its order: the report looks like one.
pub(super) fn styles() -> Result<String, ApiError> {
    let missing = |path: &str| ApiError::Internal(format!("{path} is not in this binary"));
    let page = static_text("share.html").ok_or_else(|| missing("share.html"))?;
    let paths = page.split("<link rel=\"stylesheet\" href=\"/static/").skip(1).filter_map(|rest| rest.split('"').next());
    let mut styles = String::new();
    for path in paths {
        styles.push_str(&static_text(path).ok_or_else(|| missing(path))?);
        styles.push('\n');
    }
    Ok(styles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_imports_get_names_and_others_stay() {
        let source =
            "import { a } from './a.js';\nimport b,\n { c } from '../vendor/c-1.0/c.js';\nimport './d.js';\nconst text = 'from here';";
        let (rewritten, imported) = rewrite("js/run/x.js", source);
        assert_eq!(imported, ["js/run/a.js", "js/vendor/c-1.0/c.js", "js/run/d.js"]);
        let wanted = "import { a } from 'engram/js/run/a.js';\nimport b,\n { c } from 'engram/js/vendor/c-1.0/c.js';\nimport 'engram/js/run/d.js';\n\
            const text = 'from here';";
        assert_eq!(rewritten, wanted);
    }

    #[test]
    fn the_report_carries_all_that_it_imports() {
        let gathered = gather("js/report_app.js").unwrap();
        assert!(gathered.len() > 20 && gathered.contains_key("engram/js/charts/line_chart.js"), "{:?}", gathered.keys());
        for (name, source) in &gathered {
            for relative in ["from './", "from '../"] {
                assert!(!source.contains(relative), "{name}");
            }
        }
        assert!(styles().unwrap().contains("--paper"));
    }
}
