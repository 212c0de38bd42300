//! The sentences that faults are told in.

use serde_json::Value;

/// What is wrong with a number, if it is out of bounds or no multiple.
pub fn number_fault(schema: &Value, number: &serde_json::Number) -> Option<String> {
    let value = number.as_f64()?;
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let (least, most) = (bound("minimum"), bound("maximum"));
    let (above, below) = (bound("exclusiveMinimum"), bound("exclusiveMaximum"));
    let outside = least.is_some_and(|least| value < least)
        || most.is_some_and(|most| value > most)
        || above.is_some_and(|above| value <= above)
        || below.is_some_and(|below| value >= below);
    if outside {
        let allowed = match (least.or(above), most.or(below)) {
            (Some(low), Some(high)) if above.is_none() && below.is_none() => format!("between {} and {}", digits(low), digits(high)),
            (low, high) => {
                let low = low.map(|low| format!("{} {}", if above.is_some() { "above" } else { "at least" }, digits(low)));
                let high = high.map(|high| format!("{} {}", if below.is_some() { "below" } else { "at most" }, digits(high)));
                [low, high].into_iter().flatten().collect::<Vec<_>>().join(" and ")
            }
        };
        return Some(format!("must be {allowed}; got {number}"));
    }
    let unit = bound("multipleOf")?;
    ((value / unit).fract() != 0.0).then(|| format!("must be a multiple of {}; got {number}", digits(unit)))
}

/// A bound as a person writes it: no exponent and no `.0` for whole numbers.
fn digits(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{}", value as i64) } else { format!("{value}") }
}

/// The type that a schema wants, with its bounds.
pub fn expected_type(schema: &Value) -> String {
    let article = |name: &str| match name {
        "integer" => "a whole number".to_owned(),
        "array" => "a list".to_owned(),
        "object" => "an object".to_owned(),
        "boolean" => "true or false".to_owned(),
        "null" => "null".to_owned(),
        "string" => "a text".to_owned(),
        other => format!("a {other}"),
    };
    let base = match schema.get("type") {
        Some(Value::String(name)) => article(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(article).collect::<Vec<_>>().join(" or "),
        _ => "of another type".to_owned(),
    };
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64).map(digits);
    match (bound("minimum"), bound("maximum")) {
        (Some(low), Some(high)) => format!("{base} between {low} and {high}"),
        _ => base,
    }
}

/// Values as they are listed in a sentence.
pub fn listed(values: &[Value]) -> String {
    values.iter().map(|value| value.as_str().map_or(value.to_string(), str::to_owned)).collect::<Vec<_>>().join(", ")
}

/// A value as it goes into a sentence, cut where it is long.
pub fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 { text } else { text.chars().take(57).chain("…".chars()).collect() }
}
