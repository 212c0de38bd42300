//! A zip of everything that a run has left: its points in every form, pictures, log, files, citation and the page that opens offline.

use super::{ExportError, Format, Source};
use crate::{clock::rfc3339, objects, store::ArtifactRow};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::StreamExt;
use object_store::ObjectStoreExt;
use serde_json::json;
use std::io::Write;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// Rows read at once.
const PAGE: i64 = 500;

type Zip<'a, W> = ZipWriter<zip::write::StreamWriter<&'a mut W>>;

pub(super) fn write<W: Write + Send>(source: &Source, out: &mut W) -> Result<(), ExportError> {
    let mut zip = ZipWriter::new_stream(out);
    // Sizes are known only afterwards, so every entry may be large.
    let squeezed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
    zip.start_file("run.json", squeezed)?;
    zip.write_all(&serde_json::to_vec_pretty(&source.view)?)?;
    zip.start_file("config.json", squeezed)?;
    zip.write_all(&serde_json::to_vec_pretty(&source.view.config)?)?;
    for (name, format) in
        [("points.csv", Format::Csv), ("points.json", Format::Json), ("citation.bib", Format::Bibtex), ("report.html", Format::Html)]
    {
        zip.start_file(name, squeezed)?;
        source.write(format, &mut zip)?;
    }
    zip.start_file("points.parquet", squeezed.compression_method(CompressionMethod::Stored))?;
    source.write(Format::Parquet, &mut zip)?;
    zip.start_file(format!("tensorboard/{}", Format::TensorBoard.file_name(&source.run)), squeezed)?;
    source.write(Format::TensorBoard, &mut zip)?;
    write_log(source, &mut zip, squeezed)?;
    write_frames(source, &mut zip, squeezed)?;
    write_artifacts(source, &mut zip, squeezed)?;
    zip.finish()?;
    Ok(())
}

fn write_log<W: Write>(source: &Source, zip: &mut Zip<W>, options: SimpleFileOptions) -> Result<(), ExportError> {
    zip.start_file("log.txt", options)?;
    let mut after = 0;
    loop {
        let lines = source.runtime.block_on(source.app.store.list_logs(source.run.id, after, PAGE))?;
        let Some(last) = lines.last() else { return Ok(()) };
        after = last.seq;
        for line in lines {
            writeln!(zip, "{} {} {}", rfc3339(line.time_ms), line.level, line.message)?;
        }
    }
}

/// The frames, named so that they sort by name, arm and step.
fn write_frames<W: Write>(source: &Source, zip: &mut Zip<W>, options: SimpleFileOptions) -> Result<(), ExportError> {
    let mut after = 0;
    loop {
        let frames = source.runtime.block_on(source.app.store.list_frames(source.run.id, after, PAGE))?;
        let Some(last) = frames.last() else { return Ok(()) };
        after = last.seq;
        for frame in frames {
            let Some((kind, body)) = source.runtime.block_on(source.app.store.find_frame(source.run.id, frame.seq))? else { continue };
            let arm = if frame.arm.is_empty() { String::new() } else { format!(".{}", plain(&frame.arm)) };
            let ending = if kind == "image" { "png" } else { "json" };
            zip.start_file(format!("frames/{}{arm}.{:09}.{}.{ending}", plain(&frame.name), frame.step, frame.seq), options)?;
            if kind == "image" {
                let text: String = serde_json::from_slice(&body)?;
                zip.write_all(&STANDARD.decode(text).map_err(std::io::Error::other)?)?;
            } else {
                zip.write_all(&body)?;
            }
        }
    }
}

/// The files that the run has left, with a list of their digests.
fn write_artifacts<W: Write>(source: &Source, zip: &mut Zip<W>, options: SimpleFileOptions) -> Result<(), ExportError> {
    let mut listed = Vec::new();
    let mut after = String::new();
    loop {
        let artifacts = source.runtime.block_on(source.app.store.list_artifacts(source.run.id, &after, PAGE))?;
        let Some(last) = artifacts.last() else { break };
        after = last.path.clone();
        for ArtifactRow { path, bytes, sha256, media_type } in artifacts {
            zip.start_file(format!("artifacts/{path}"), options)?;
            let object = source.runtime.block_on(source.app.objects.get(&objects::artifact_path(source.run.id, &path)))?;
            let mut pieces = object.into_stream();
            while let Some(piece) = source.runtime.block_on(pieces.next()) {
                zip.write_all(&piece?)?;
            }
            listed.push(json!({ "path": path, "bytes": bytes, "sha256": sha256, "media_type": media_type }));
        }
    }
    zip.start_file("artifacts.json", options)?;
    zip.write_all(&serde_json::to_vec_pretty(&listed)?)?;
    Ok(())
}

/// A name as part of a file's name.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' }).collect()
}
