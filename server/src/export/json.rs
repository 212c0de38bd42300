//! A run and its points as JSON: `{run, series: [{name, arm, points: [[step, time, value], …]}]}`, times in ms since 1970.

use super::{ExportError, Source};
use lab::json::Number;
use serde_json::json;
use std::io::Write;

pub(super) fn write(source: &Source, out: &mut impl Write) -> Result<(), ExportError> {
    write!(out, "{{\"run\":{},\"series\":[", serde_json::to_string(&source.view)?)?;
    for (place, series) in source.series()?.iter().enumerate() {
        let arm = if series.arm.is_empty() { json!(null) } else { json!(series.arm) };
        let comma = if place > 0 { "," } else { "" };
        write!(out, "{comma}\n{{\"name\":{},\"arm\":{arm},\"points\":[", json!(series.name))?;
        let mut comma = "";
        source.points(series, |points| {
            for point in points {
                write!(out, "{comma}[{},{},{}]", point.step, point.time_ms, serde_json::to_string(&Number(point.value))?)?;
                comma = ",";
            }
            Ok(())
        })?;
        write!(out, "]}}")?;
    }
    writeln!(out, "]}}")?;
    Ok(())
}
