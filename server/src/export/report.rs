//! One page with everything that a run's own page shows, that opens without a server: scripts, styles and the run's data inside it.

use super::{ExportError, Source, modules};
use crate::{
    api::{catalogue::ExperimentView, frames::FrameView, logs::LogView, views::RunView},
    clock::{now_ms, rfc3339},
    error::ApiError,
    store::{FrameRow, RunRow, Window},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use lab::json::Number;
use serde_json::{Value, json, value::RawValue};
use std::{
    collections::BTreeMap,
    io::{self, Write},
};

/// Points of all series together; each is reduced so that no spike vanishes.
const MOST_POINTS: usize = 400_000;
/// Points of one series, at most and at least.
const SERIES_POINTS: (usize, usize) = (50, 2_000);
/// Bytes of pictures; those left out are said.
const MOST_FRAME_BYTES: usize = 16 << 20;
/// Pictures of one name and arm.
const FRAMES_EACH: usize = 24;
/// Lines of the log.
const MOST_LINES: usize = 10_000;
const PAGE: i64 = 500;

/// JSON inside a script must not end it: `<` is written as its code, which only texts contain.
struct InScript<W>(W);

impl<W: Write> Write for InScript<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for (place, part) in bytes.split(|byte| *byte == b'<').enumerate() {
            if place > 0 {
                self.0.write_all(b"\\u003c")?;
            }
            self.0.write_all(part)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

pub(super) fn write(source: &Source, out: &mut impl Write) -> Result<(), ExportError> {
    let entry = source.app.registry.find(&source.run.experiment);
    let title = match (source.run.name.as_str(), entry) {
        ("", Some(entry)) => format!("{} · {}", entry.card.title, source.run.preset),
        ("", None) => source.run.experiment.clone(),
        (name, _) => name.to_owned(),
    };
    let missing = |path: &str| ApiError::Internal(format!("{path} is not in this binary"));
    let boot = crate::api::pages::static_text("js/theme_boot.js").ok_or_else(|| missing("theme_boot.js"))?;
    let imports: BTreeMap<String, String> = modules::gather("js/report_app.js")?
        .into_iter()
        .map(|(name, text)| (name, format!("data:text/javascript;base64,{}", STANDARD.encode(text))))
        .collect();
    // The policy keeps the page's promise: nothing is asked of any network.
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; \
         img-src data: blob:; base-uri 'none'; form-action 'none'\">\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{styles}</style>\n\
         <script>{boot}</script>\n<script type=\"importmap\">{imports}</script>\n</head>\n<body>\n<div id=\"app\"></div>\n\
         <noscript><p>{title}</p><p>The report draws itself with JavaScript; the zip of this run has its points as tables.</p></noscript>\n\
         <script type=\"application/json\" id=\"recorded\">",
        title = crate::api::pages::escaped(&title),
        styles = modules::styles()?,
        imports = json!({ "imports": imports }),
    )?;
    write_recorded(source, entry.map(ExperimentView::from).as_ref(), &mut InScript(&mut *out))?;
    write!(out, "</script>\n<script type=\"module\">import 'engram/js/report_app.js';</script>\n</body>\n</html>\n")?;
    Ok(())
}

/// What the page would ask of a server, as one object.
fn write_recorded(source: &Source, card: Option<&ExperimentView>, out: &mut impl Write) -> Result<(), ExportError> {
    write!(out, "{{\"made_at\":{},\"run\":{},\"card\":", json!(rfc3339(now_ms())), serde_json::to_string(&source.view)?)?;
    serde_json::to_writer(&mut *out, &card)?;
    write!(out, ",\"evidence\":{}", serde_json::to_string(&source.evidence)?)?;
    write!(out, ",\"metrics\":")?;
    write_series(source, &source.run, None, card, out)?;
    write_before(source, card, out)?;
    write_frames(source, out)?;
    write_lines(source, out)?;
    let files = source.runtime.block_on(source.app.store.list_artifacts(source.run.id, "", PAGE))?;
    let files: Vec<Value> =
        files.into_iter().map(|file| json!({ "path": file.path, "bytes": file.bytes, "sha256": file.sha256 })).collect();
    write!(out, ",\"files\":{}}}", Value::from(files))?;
    Ok(())
}

/// Of a fork, what came before: runs, and their points up to the step where they were left.
fn write_before(source: &Source, card: Option<&ExperimentView>, out: &mut impl Write) -> Result<(), ExportError> {
    write!(out, ",\"before\":[")?;
    let mut forked_step = source.run.forked_step;
    for (place, run) in source.before.iter().enumerate() {
        let view = source.runtime.block_on(RunView::of(&source.app, run.clone()))?;
        let comma = if place > 0 { "," } else { "" };
        write!(out, "{comma}{{\"run\":{},\"metrics\":", serde_json::to_string(&view)?)?;
        write_series(source, run, forked_step, card, out)?;
        write!(out, "}}")?;
        forked_step = run.forked_step;
    }
    write!(out, "]")?;
    Ok(())
}

/// The series of a run, up to a step.
fn write_series(
    source: &Source,
    run: &RunRow,
    to_step: Option<i64>,
    card: Option<&ExperimentView>,
    out: &mut impl Write,
) -> Result<(), ExportError> {
    let heads = source.runtime.block_on(source.app.store.list_series(run.id))?;
    let points = (MOST_POINTS / heads.len().max(1)).clamp(SERIES_POINTS.0, SERIES_POINTS.1);
    let unit_of =
        |name: &str| card.and_then(|card| card.metrics.iter().find(|metric| metric.name == name)).map_or("", |metric| metric.unit);
    write!(out, "{{\"last_seq\":{},\"series\":[", run.last_seq)?;
    let mut comma = "";
    for head in &heads {
        let window = Window { names: vec![head.name.clone()], arms: vec![head.arm.clone()], to_step, points, ..Window::default() };
        let read = source.runtime.block_on(source.app.store.read_series(run.id, &window))?;
        for series in read.into_iter().flat_map(|(_, series)| series) {
            let values: Vec<Number> = series.values().map(Number).collect();
            let view = json!({
                "name": series.name, "arm": series.arm, "unit": unit_of(&series.name), "count": series.count, "downsampled": series.downsampled,
                "steps": series.steps().collect::<Vec<_>>(), "times": series.times().collect::<Vec<_>>(), "values": values,
            });
            write!(out, "{comma}{view}")?;
            comma = ",";
        }
    }
    write!(out, "]}}")?;
    Ok(())
}

/// Pictures evenly spaced in time, the last of every name and arm first, as many as there is room for.
fn write_frames(source: &Source, out: &mut impl Write) -> Result<(), ExportError> {
    let mut groups: BTreeMap<(String, String), Vec<FrameRow>> = BTreeMap::new();
    let (mut after, mut count) = (0, 0);
    loop {
        let frames = source.runtime.block_on(source.app.store.list_frames(source.run.id, after, PAGE))?;
        let Some(last) = frames.last() else { break };
        after = last.seq;
        count += frames.len();
        for frame in frames {
            groups.entry((frame.name.clone(), frame.arm.clone())).or_default().push(frame);
        }
    }
    let mut chosen: Vec<FrameRow> = Vec::new();
    // Round by round, so that every group has its last picture before any has its second.
    for round in 0..FRAMES_EACH {
        for frames in groups.values() {
            if let Some(frame) = spaced(frames.len(), round).and_then(|place| frames.get(place)) {
                chosen.push(frame.clone());
            }
        }
    }
    write!(out, ",\"frame_count\":{count},\"bodies\":{{")?;
    let (mut room, mut comma, mut kept) = (MOST_FRAME_BYTES, "", Vec::new());
    for frame in chosen {
        let Some((_, body)) = source.runtime.block_on(source.app.store.find_frame(source.run.id, frame.seq))? else { continue };
        if body.len() > room {
            continue;
        }
        room -= body.len();
        // The text is JSON already: of an image its PNG in base64.
        let body: &RawValue = serde_json::from_slice(&body)?;
        write!(out, "{comma}\"{}\":{body}", frame.seq)?;
        comma = ",";
        kept.push(frame);
    }
    kept.sort_by_key(|frame| frame.seq);
    let kept: Vec<FrameView> = kept.into_iter().map(FrameView::from).collect();
    write!(out, "}},\"frames\":{}", serde_json::to_string(&kept)?)?;
    Ok(())
}

/// The place of the `round`th picture of `count`: the last, the first, then halves, quarters, … between them; `None` once all have had their turn.
fn spaced(count: usize, round: usize) -> Option<usize> {
    let most = FRAMES_EACH.min(count);
    match round {
        _ if round >= most => None,
        0 => Some(count - 1),
        // Even steps over the rest, from the first on.
        round => Some((round - 1) * (count - 1) / (most - 1)),
    }
}

fn write_lines(source: &Source, out: &mut impl Write) -> Result<(), ExportError> {
    write!(out, ",\"logs\":[")?;
    let (mut after, mut written) = (0, 0);
    while written < MOST_LINES {
        let lines = source.runtime.block_on(source.app.store.list_logs(source.run.id, after, PAGE))?;
        let Some(last) = lines.last() else { break };
        after = last.seq;
        for line in lines {
            let comma = if written > 0 { "," } else { "" };
            write!(out, "{comma}{}", serde_json::to_string(&LogView::from(line))?)?;
            written += 1;
        }
    }
    write!(out, "]")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_evenly_spaced_and_each_is_taken_once() {
        for count in [1, 2, 3, 24, 25, 500] {
            let places: Vec<usize> = (0..FRAMES_EACH).filter_map(|round| spaced(count, round)).collect();
            let mut sorted = places.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!((places.len(), sorted.len()), (count.min(FRAMES_EACH), count.min(FRAMES_EACH)), "{count}: {places:?}");
            assert_eq!((places[0], sorted[0]), (count - 1, 0));
        }
    }

    #[test]
    fn no_text_of_a_run_ends_the_script_that_holds_it() {
        let mut out = Vec::new();
        InScript(&mut out).write_all(br#"{"name":"</script><script>alert(1)"}"#).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains('<'), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["name"], "</script><script>alert(1)");
    }
}
