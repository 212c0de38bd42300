//! Points as CSV: rows `name,arm,step,time,value`.

use super::{ExportError, Source};
use crate::{clock::rfc3339, store::StoredPoint};
use std::io::{self, Write};

/// The first row.
pub(crate) const HEAD: &str = "name,arm,step,time,value\n";

pub(super) fn write(source: &Source, out: &mut impl Write) -> Result<(), ExportError> {
    out.write_all(HEAD.as_bytes())?;
    for series in source.series()? {
        source.points(&series, |points| Ok(write_rows(out, &series.name, &series.arm, points)?))?;
    }
    Ok(())
}

/// The rows of some points of a series.
pub(crate) fn write_rows(out: &mut impl Write, name: &str, arm: &str, points: &[StoredPoint]) -> io::Result<()> {
    let (name, arm) = (field(name), field(arm));
    for point in points {
        write!(out, "{name},{arm},{},{},", point.step, rfc3339(point.time_ms))?;
        match point.value {
            value if value.is_nan() => writeln!(out, "NaN")?,
            f64::INFINITY => writeln!(out, "Infinity")?,
            f64::NEG_INFINITY => writeln!(out, "-Infinity")?,
            value => writeln!(out, "{value:?}")?,
        }
    }
    Ok(())
}

/// A field of CSV after RFC 4180.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
