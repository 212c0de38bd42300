//! A run as a file: points as CSV, JSON, Parquet or TensorBoard events, a citation, a page that opens offline, and all of it in a zip.
//!
//! Files are made on a blocking thread and sent piece by piece, so that a run of any length takes the same memory.

mod archive;
mod citation;
mod csv;
mod json;
mod modules;
mod parquet;
mod report;
mod tensorboard;

pub(crate) use csv::{HEAD, write_rows};

use crate::{
    api::{evidence::EvidenceView, views::RunView},
    error::ApiError,
    state::AppState,
    store::{RunRow, SeriesHead, ShareRow, StoreError, StoredPoint},
};
use axum::{
    body::{Body, Bytes},
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use std::io::{self, Write};
use tokio::{runtime::Handle, sync::mpsc};

/// Bytes that are sent at once.
const PIECE: usize = 64 << 10;
/// Forks of forks that are followed back at most.
const MOST_BEFORE: usize = 16;
/// Pieces that wait for a slow reader.
const WAITING: usize = 4;

/// What a run can be made into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Rows `name,arm,step,time,value`.
    Csv,
    /// The run and its points.
    Json,
    /// The same rows in columns.
    Parquet,
    /// TensorBoard's event file.
    TensorBoard,
    /// BibTeX of the paper and of this reproduction.
    Bibtex,
    /// One page that opens offline.
    Html,
    /// Everything.
    Zip,
}

impl Format {
    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::TensorBoard => "application/octet-stream",
            Self::Bibtex => "text/x-bibtex; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Zip => "application/zip",
        }
    }

    /// The name of the file; TensorBoard knows its files by theirs.
    fn file_name(self, run: &RunRow) -> String {
        let stem = format!("{}-{}-seed{}-{}", run.experiment, run.preset, run.seed, &run.id.simple().to_string()[24..]);
        match self {
            Self::Csv => format!("{stem}.csv"),
            Self::Json => format!("{stem}.json"),
            Self::Parquet => format!("{stem}.parquet"),
            Self::TensorBoard => format!("events.out.tfevents.{}.{stem}", run.created_at_ms / 1_000),
            Self::Bibtex => format!("{stem}.bib"),
            Self::Html => format!("{stem}.html"),
            Self::Zip => format!("{stem}.zip"),
        }
    }
}

/// What stops an export half way.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The reader has gone, or a file of the run could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row or object of the run.
    #[error("{0}")]
    Run(#[from] ApiError),
    /// Parquet's own faults.
    #[error(transparent)]
    Parquet(#[from] ::parquet::errors::ParquetError),
    /// The zip's own faults.
    #[error(transparent)]
    Zip(#[from] zip::result::ZipError),
    /// A value that is no JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The objects of the run.
    #[error(transparent)]
    Objects(#[from] object_store::Error),
}

/// A run that is being exported, read from a blocking thread.
pub(crate) struct Source {
    app: AppState,
    run: RunRow,
    view: RunView,
    /// Of a fork, the runs that it goes on from, as far as whoever asks may see them: the nearest first.
    before: Vec<RunRow>,
    /// What its claims rest on, as far as whoever asks may see.
    evidence: EvidenceView,
    runtime: Handle,
}

impl Source {
    /// The series of the run, by name and arm.
    fn series(&self) -> Result<Vec<SeriesHead>, ExportError> {
        Ok(self.runtime.block_on(self.app.store.list_series(self.run.id))?)
    }

    /// Calls `take` with the points of a series, some thousand at a time, to its end.
    fn points(&self, series: &SeriesHead, mut take: impl FnMut(&[StoredPoint]) -> Result<(), ExportError>) -> Result<(), ExportError> {
        let mut last = -1;
        loop {
            let points = self.runtime.block_on(self.app.store.read_points_after(self.run.id, series.number, last))?;
            let Some(end) = points.last() else { return Ok(()) };
            last = end.step;
            take(&points)?;
        }
    }

    /// Writes one form of the run. Not generic: a zip holds the other forms and would hold writers without end.
    fn write(&self, format: Format, mut out: &mut (dyn Write + Send)) -> Result<(), ExportError> {
        let out = &mut out;
        match format {
            Format::Csv => csv::write(self, out),
            Format::Json => json::write(self, out),
            Format::Parquet => parquet::write(self, out),
            Format::TensorBoard => tensorboard::write(self, out),
            Format::Bibtex => citation::write(self, out),
            Format::Html => report::write(self, out),
            Format::Zip => archive::write(self, out),
        }
    }
}

/// The body of an answer, written from a blocking thread.
struct BodyWriter {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE)));
        self.pieces.blocking_send(Ok(piece)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

/// The runs that a fork goes on from, the nearest first; the first that is gone, or that `share` does not open, ends them.
async fn runs_before(app: &AppState, run: &RunRow, share: Option<&ShareRow>) -> Result<Vec<RunRow>, ApiError> {
    let (mut before, mut next) = (Vec::new(), run.forked_from);
    while let Some(id) = next.filter(|_| before.len() < MOST_BEFORE) {
        if let Some(share) = share
            && !app.store.share_opens(share, id).await?
        {
            break;
        }
        let Some(parent) = app.store.find_run(id).await? else { break };
        next = parent.forked_from;
        before.push(parent);
    }
    Ok(before)
}

/// A run as a download, through `share` or not. What fails after the first bytes breaks the answer off, so that no half of a file looks whole.
pub async fn download(app: &AppState, run: RunRow, format: Format, share: Option<&ShareRow>) -> Result<Response, ApiError> {
    let name = format.file_name(&run);
    let view = RunView::of(app, run.clone()).await?;
    let evidence = EvidenceView::of_run(app, &run, share).await?;
    let before = runs_before(app, &run, share).await?;
    let source = Source { app: app.clone(), run, view, before, evidence, runtime: Handle::current() };
    let (pieces, mut waiting) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let mut out = BodyWriter { pieces, piece: Vec::with_capacity(PIECE) };
        let written = source.write(format, &mut out).and_then(|()| Ok(out.flush()?));
        match written {
            Ok(()) => {}
            Err(ExportError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => {
                tracing::warn!(%error, run = %source.run.id, "an export broke off");
                // Whoever has gone need not be told.
                let _ = out.pieces.blocking_send(Err(io::Error::other(error)));
            }
        }
    });
    let stream = async_stream::stream! {
        while let Some(piece) = waiting.recv().await {
            yield piece;
        }
    };
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: String| {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, format.media_type().to_owned());
    set(header::CONTENT_DISPOSITION, crate::api::artifacts::disposition(&name));
    if matches!(format, Format::Zip | Format::Parquet) {
        // Squeezed already.
        set(header::CONTENT_ENCODING, "identity".to_owned());
    }
    Ok(response)
}
