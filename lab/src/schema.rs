//! Checks a JSON value against a JSON Schema and reports every fault at once, each with a JSON Pointer and what is allowed.
//!
//! serde stops at the first fault; a person who filled in a form wants all of them. Only the keywords that our schemas use are
//! understood: `type`, `enum`, `const`, `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf`, `minLength`,
//! `maxLength`, `minItems`, `maxItems`, `uniqueItems`, `items`, `properties`, `required`, `additionalProperties`, `oneOf`, `anyOf`, `allOf`, `$ref`;
//! and one of our own, `told`: why the bounds of a field lie where they do, which follows what a value outside them is told. In it `{name}` stands
//! for the value of the field `name` beside it. Of a list whose entries have bounds it tells of these, else of how many there may be.

mod texts;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use texts::{expected_type, listed, number_fault, shown};

/// One fault of a value: where it is and what is allowed there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// JSON Pointer (RFC 6901) into the value as it was given.
    pub pointer: String,
    /// What is allowed and what was given.
    pub detail: String,
}

/// All faults of a config, in the order of their fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFaults(pub Vec<Fault>);

impl std::error::Error for ConfigFaults {}

impl std::fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let texts: Vec<_> = self
            .0
            .iter()
            .map(|fault| match fault.pointer.trim_start_matches('/') {
                "" => fault.detail.clone(),
                field => format!("{field}: {}", fault.detail),
            })
            .collect();
        f.write_str(&texts.join("; "))
    }
}

impl ConfigFaults {
    /// One fault of the field `name` (no leading slash).
    pub fn of(name: &str, detail: impl Into<String>) -> Self {
        Self(vec![Fault { pointer: pointer("", name), detail: detail.into() }])
    }

    /// The same faults with every pointer moved below `prefix`, as `/config`.
    pub fn under(mut self, prefix: &str) -> Self {
        self.0.iter_mut().for_each(|fault| fault.pointer.insert_str(0, prefix));
        self
    }

    /// Adds a fault of the field `name`.
    pub fn push(&mut self, name: &str, detail: impl Into<String>) {
        self.0.push(Fault { pointer: pointer("", name), detail: detail.into() });
    }

    /// Whether some fault lies at or below the field `name`.
    pub fn touches(&self, name: &str) -> bool {
        let at = pointer("", name);
        self.0.iter().any(|fault| fault.pointer == at || fault.pointer.starts_with(&format!("{at}/")))
    }

    /// `Ok(value)` when there is no fault.
    pub fn or(self, value: Value) -> Result<Value, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

/// `parent` with the field `name` appended, escaped after RFC 6901.
pub fn pointer(parent: &str, name: &str) -> String {
    format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Every fault of `value` under `schema`; `root` resolves `$ref`s.
pub fn faults(schema: &Value, root: &Value, value: &Value) -> ConfigFaults {
    let mut found = ConfigFaults::default();
    walk(schema, root, value, "", None, &mut found);
    found
}

/// Follows `$ref` and a single-element `allOf` until a schema that says something itself.
pub fn resolve<'a>(mut schema: &'a Value, root: &'a Value) -> &'a Value {
    loop {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|at| root.pointer(at.strip_prefix('#')?)) {
            schema = target;
        } else if let Some([only]) = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
            schema = only;
        } else {
            return schema;
        }
    }
}

/// The branch of a schema tagged by `kind` that `value` chooses: the schema itself where it has no kinds, the first branch where
/// `value` names none. `Err` lists the kinds there are.
pub fn branch<'a>(schema: &'a Value, root: &'a Value, value: &Value) -> Result<&'a Value, Vec<String>> {
    let Some(branches) = schema.get("oneOf").and_then(Value::as_array) else { return Ok(schema) };
    let kind_of = |branch: &'a Value| resolve(branch, root).pointer("/properties/kind/const").and_then(Value::as_str);
    if branches.iter().all(|branch| kind_of(branch).is_none()) {
        return Ok(schema);
    }
    match value.get("kind") {
        None => Ok(resolve(&branches[0], root)),
        Some(kind) => branches
            .iter()
            .find(|branch| kind_of(branch).is_some_and(|known| kind == known))
            .map(|branch| resolve(branch, root))
            .ok_or_else(|| branches.iter().filter_map(kind_of).map(str::to_owned).collect()),
    }
}

fn walk(schema: &Value, root: &Value, value: &Value, at: &str, told: Option<&str>, found: &mut ConfigFaults) {
    let schema = resolve(schema, root);
    let reasoned = |detail: String| told.map_or(detail.clone(), |told| format!("{detail}: {told}"));
    let mut fault = |detail: String| found.0.push(Fault { pointer: at.to_owned(), detail });
    if let Some(expected) = schema.get("const") {
        if value != expected {
            fault(format!("must be {expected}; got {}", shown(value)));
        }
        return;
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
        if !allowed.contains(value) {
            fault(reasoned(format!("must be one of {}; got {}", listed(allowed), shown(value))));
        }
        return;
    }
    let schema = match branch(schema, root, value) {
        Ok(branch) => branch,
        Err(kinds) => {
            let kinds: Vec<_> = kinds.into_iter().map(Value::from).collect();
            let kind = value.get("kind").unwrap_or(&Value::Null);
            let detail = format!("must be one of {}; got {}", listed(&kinds), shown(kind));
            found.0.push(Fault { pointer: pointer(at, "kind"), detail });
            return;
        }
    };
    for keyword in ["anyOf", "oneOf"] {
        let Some(options) = schema.get(keyword).and_then(Value::as_array) else { continue };
        let consts: Vec<_> = options.iter().filter_map(|option| resolve(option, root).get("const").cloned()).collect();
        if consts.len() == options.len() {
            if !consts.contains(value) {
                fault(reasoned(format!("must be one of {}; got {}", listed(&consts), shown(value))));
            }
            return;
        }
        let tries: Vec<_> = options
            .iter()
            .map(|option| {
                let mut inner = ConfigFaults::default();
                walk(option, root, value, at, told, &mut inner);
                inner
            })
            .collect();
        if tries.iter().any(|inner| inner.0.is_empty()) {
            return;
        }
        // The option meant is the one whose type fits; a nullable field has one option that is not null, whatever was given.
        let mut meant: Vec<_> = options
            .iter()
            .zip(tries)
            .map(|(option, inner)| (resolve(option, root), inner))
            .filter(|(option, _)| option.get("type") != Some(&Value::from("null")))
            .collect();
        match meant.iter().position(|(option, _)| type_fits(option, value)) {
            Some(fits) => found.0.extend(meant.swap_remove(fits).1.0),
            None if meant.len() == 1 => found.0.extend(meant.swap_remove(0).1.0),
            None => {
                let types: Vec<_> = meant.iter().map(|(option, _)| expected_type(option)).collect();
                let detail = format!("must be {}; got {}", types.join(" or "), shown(value));
                found.0.push(Fault { pointer: at.to_owned(), detail });
            }
        }
        return;
    }
    if !type_fits(schema, value) {
        fault(format!("must be {}; got {}", expected_type(schema), shown(value)));
        return;
    }
    match value {
        Value::Number(number) => {
            if let Some(detail) = number_fault(schema, number) {
                fault(reasoned(detail));
            }
        }
        Value::String(text) => {
            let length = text.chars().count() as u64;
            let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
            if bound("minLength").is_some_and(|least| length < least) || bound("maxLength").is_some_and(|most| length > most) {
                let (least, most) = (bound("minLength").unwrap_or(0), bound("maxLength"));
                let most = most.map_or("any number of".to_owned(), |most| most.to_string());
                fault(reasoned(format!("must have {least} to {most} characters; got {length}")));
            }
            if schema.get("format") == Some(&Value::from("uuid")) && !is_uuid(text) {
                fault(format!("must be a UUID; got {}", shown(value)));
            }
        }
        Value::Array(items) => walk_array(schema, root, items, at, told, found),
        Value::Object(fields) => walk_object(schema, root, fields, at, found),
        Value::Null | Value::Bool(_) => {}
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn walk_array(schema: &Value, root: &Value, items: &[Value], at: &str, told: Option<&str>, found: &mut ConfigFaults) {
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    let length = items.len() as u64;
    let of_entries = schema.get("items").is_some_and(|inner| ["minimum", "maximum"].iter().any(|bound| inner.get(bound).is_some()));
    if bound("minItems").is_some_and(|least| length < least) || bound("maxItems").is_some_and(|most| length > most) {
        let detail = match (bound("minItems"), bound("maxItems")) {
            (Some(least), Some(most)) => format!("must have {least} to {most} items; got {length}"),
            (Some(least), None) => format!("must have at least {least} items; got {length}"),
            (_, most) => format!("must have at most {} items; got {length}", most.unwrap_or(0)),
        };
        let reason = told.filter(|_| !of_entries).map_or(String::new(), |told| format!(": {told}"));
        found.0.push(Fault { pointer: at.to_owned(), detail: detail + &reason });
    }
    for (index, item) in items.iter().enumerate() {
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) && items[..index].contains(item) {
            let detail = format!("must not repeat; {} is there already", shown(item));
            found.0.push(Fault { pointer: format!("{at}/{index}"), detail });
        }
        if let Some(inner) = schema.get("items") {
            walk(inner, root, item, &format!("{at}/{index}"), told.filter(|_| of_entries), found);
        }
    }
}

fn walk_object(schema: &Value, root: &Value, fields: &Map<String, Value>, at: &str, found: &mut ConfigFaults) {
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    for (name, value) in fields {
        if let Some(inner) = properties.get(name) {
            walk(inner, root, value, &pointer(at, name), told(inner, fields, properties).as_deref(), found);
        } else if let Some(inner @ Value::Object(_)) = schema.get("additionalProperties") {
            walk(inner, root, value, &pointer(at, name), None, found);
        } else if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
            let detail = match nearest(name, properties.keys().map(String::as_str)) {
                Some(known) => format!("there is no field of this name; did you mean `{known}`?"),
                None => "there is no field of this name".to_owned(),
            };
            found.0.push(Fault { pointer: pointer(at, name), detail });
        }
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for name in required.filter(|name| !fields.contains_key(*name)) {
        found.0.push(Fault { pointer: pointer(at, name), detail: "must be given".to_owned() });
    }
}

/// Why the bounds of a field lie where they do, as its schema says, with the values of the fields beside it filled in: those given, else
/// the defaults.
fn told(field: &Value, fields: &Map<String, Value>, properties: &Map<String, Value>) -> Option<String> {
    let text = field.get("told")?.as_str()?.to_owned();
    Some(properties.iter().fold(text, |text, (name, schema)| match fields.get(name).or_else(|| schema.get("default")) {
        Some(value) => text.replace(&format!("{{{name}}}"), &shown(value)),
        None => text,
    }))
}

/// The known name closest to `name`, however far; `None` only where nothing is known.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known.min_by_key(|candidate| strsim::damerau_levenshtein(name, candidate))
}

fn type_fits(schema: &Value, value: &Value) -> bool {
    let fits = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64() || value.as_f64().is_some_and(|x| x.fract() == 0.0 && x.abs() < 2f64.powi(63)),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    match schema.get("type") {
        Some(Value::String(name)) => fits(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(fits),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_reason_of_a_bound_follows_what_a_value_outside_it_is_told() {
        let schema = json!({ "type": "object", "properties": {
            "batch": { "type": "integer", "minimum": 2, "maximum": 1000, "told": "batch statistics need at least 2" },
            "beta": { "type": ["number", "null"], "exclusiveMinimum": 0, "told": "at d={dim} try 1/sqrt(d)..1" },
            "dim": { "type": "integer", "default": 64, "minimum": 2 },
            "rule": { "oneOf": [{ "const": "hebb" }, { "const": "delta" }], "told": "others forget nothing" },
            "memories": { "type": "array", "items": { "enum": ["modern"] }, "minItems": 1, "uniqueItems": true,
                "told": "choose at least one memory" },
            "shares": { "type": "array", "items": { "type": "number", "maximum": 1 }, "minItems": 1, "told": "at 1 all entries are blank" },
        } });
        let told = |value: Value| faults(&schema, &schema, &value).0.into_iter().map(|fault| fault.detail).collect::<Vec<_>>();
        assert_eq!(told(json!({ "batch": 1 })), ["must be between 2 and 1000; got 1: batch statistics need at least 2"]);
        assert_eq!(told(json!({ "beta": 0 })), ["must be above 0; got 0: at d=64 try 1/sqrt(d)..1"]);
        assert_eq!(told(json!({ "beta": -1, "dim": 16 })), ["must be above 0; got -1: at d=16 try 1/sqrt(d)..1"]);
        assert_eq!(told(json!({ "rule": "oja" })), ["must be one of hebb, delta; got \"oja\": others forget nothing"]);
        assert_eq!(told(json!({ "memories": [] })), ["must have at least 1 items; got 0: choose at least one memory"]);
        assert_eq!(told(json!({ "shares": [0.5, 2] })), ["must be at most 1; got 2: at 1 all entries are blank"]);
        // It tells of bounds: not of a wrong type, of a repetition, or of a length where entries have bounds.
        assert_eq!(told(json!({ "batch": "many" })), ["must be a whole number between 2 and 1000; got \"many\""]);
        assert_eq!(told(json!({ "memories": ["modern", "modern"] })), ["must not repeat; \"modern\" is there already"]);
        assert_eq!(told(json!({ "memories": ["classical"] })), ["must be one of modern; got \"classical\""]);
        assert_eq!(told(json!({ "shares": [] })), ["must have at least 1 items; got 0"]);
        assert_eq!(told(json!({ "batch": 2, "beta": null })), [""; 0]);
    }
}
