//! What the tests of configs share.

use super::{Config, complete, schema_of};
use serde_json::{Map, Value, json};

/// What a config is told, each fault as `pointer detail`.
pub(crate) fn faults_of<C: Config>(given: &Value) -> Vec<String> {
    match complete::<C>(&Map::new(), given.as_object().unwrap()) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.0.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.detail)).collect(),
    }
}

/// A config has these faults and no others, each given as its pointer and a part of its detail.
pub(crate) fn assert_faults<C: Config>(given: &Value, expected: &[(&str, &str)]) {
    let found = faults_of::<C>(given);
    for (pointer, text) in expected {
        assert!(found.iter().any(|fault| fault.starts_with(&format!("{pointer} ")) && fault.contains(text)), "{pointer}: {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

/// A field that is out of bounds, alone or with the kind it belongs to, is told what the bounds are and then this reason.
pub(crate) fn assert_told_why<C: Config>(kind: Option<&str>, field: &str, value: &Value, reason: &str) {
    let mut given = json!({ field: value });
    if let Some(kind) = kind {
        given["kind"] = json!(kind);
    }
    let found = faults_of::<C>(&given);
    let fault = found.iter().find(|fault| fault.starts_with(&format!("/{field}")));
    assert!(fault.is_some_and(|fault| fault.contains("; got ") && fault.ends_with(&format!(": {reason}"))), "{given}: {found:#?}");
}

/// Every kind has a title and valid defaults, and every field of it a title, a description and a default.
pub(crate) fn assert_kinds_are_described<C: Config>() {
    let schema = schema_of::<C>();
    for branch in schema["oneOf"].as_array().unwrap() {
        let kind = branch["properties"]["kind"]["const"].as_str().unwrap();
        assert!(branch["title"].is_string(), "{kind}");
        assert_faults::<C>(&json!({ "kind": kind }), &[]);
        for (name, field) in branch["properties"].as_object().unwrap() {
            let told = field.get("description").is_some() && field.get("title").is_some() && field.get("default").is_some();
            assert!(told || name == "kind", "{kind}/{name}: {field}");
        }
    }
}
