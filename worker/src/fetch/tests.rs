//! Fetching from a small server of the tests' own.

use super::*;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path as UrlPath, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use flate2::{Compression, write::GzEncoder};
use futures::StreamExt;
use lab::datasets::Part;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    io::Write,
    sync::{Arc, Mutex},
};

const NAMES: [&str; 4] = ["train-images", "train-labels", "test-images", "test-labels"];

/// The name of a file and the range asked for.
type Asked = (String, Option<String>);

/// Files by name, and what was asked for.
#[derive(Default, Clone)]
struct Files {
    served: Arc<Mutex<HashMap<String, Bytes>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// The connection breaks once after so many bytes of an answer.
    break_after: Arc<Mutex<Option<usize>>>,
    no_ranges: bool,
}

async fn serve(State(files): State<Files>, UrlPath(name): UrlPath<String>, headers: HeaderMap) -> Response {
    let range = headers.get(header::RANGE).map(|value| value.to_str().unwrap().to_owned());
    files.asked.lock().unwrap().push((name.clone(), range.clone()));
    let Some(whole) = files.served.lock().unwrap().get(&name).cloned() else { return StatusCode::NOT_FOUND.into_response() };
    let from = range.filter(|_| !files.no_ranges).map(|range| range["bytes=".len()..range.len() - 1].parse::<usize>().unwrap());
    if from.is_some_and(|from| from >= whole.len()) {
        return StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    }
    let rest = whole.slice(from.unwrap_or(0)..);
    let mut answer = Response::builder().status(if from.is_some() { 206 } else { 200 }).header(header::CONTENT_LENGTH, rest.len());
    if let Some(from) = from {
        answer = answer.header(header::CONTENT_RANGE, format!("bytes {from}-{}/{}", whole.len() - 1, whole.len()));
    }
    let broken = files.break_after.lock().unwrap().take_if(|limit| *limit < rest.len());
    let body = match broken {
        Some(limit) => {
            // The pause lets what was sent reach the client before the connection breaks.
            let cut = futures::stream::once(async move { Ok(rest.slice(..limit)) }).chain(futures::stream::once(async {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                Err(std::io::Error::other("the cable is cut"))
            }));
            Body::from_stream(cut)
        }
        None => Body::from(rest),
    };
    answer.body(body).unwrap()
}

/// Bytes that do not pack well, so that a cut falls inside.
fn content(file: usize) -> Vec<u8> {
    (0..400).flat_map(|i: u32| Sha256::digest((i * 4 + file as u32).to_le_bytes()).to_vec()).collect()
}

fn gz(bytes: &[u8]) -> Bytes {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap().into()
}

/// A set of four files at `addresses`, and a server's stock of them.
fn set_at(addresses: &[String], packages: &'static [Package]) -> (&'static DataSet, HashMap<String, Bytes>) {
    let parts = [Part::TrainImages, Part::TrainLabels, Part::TestImages, Part::TestLabels];
    let (mut files, mut stock) = (Vec::new(), HashMap::new());
    for (index, (name, part)) in NAMES.into_iter().zip(parts).enumerate() {
        let bytes = content(index);
        let sha256: &'static str = hex::encode(Sha256::digest(&bytes)).leak();
        files.push(DataFile { name, part, bytes: bytes.len() as u64, digest: lab::datasets::Digest::Sha256(sha256) });
        stock.insert(format!("{name}.gz"), gz(&bytes));
    }
    let addresses: Vec<&'static str> = addresses.iter().map(|address| &*address.clone().leak()).collect();
    let mnist = lab::datasets::find("mnist").unwrap().clone();
    let set = DataSet { id: "small", title: "Small", files: files.leak(), addresses: addresses.leak(), packages, ..mnist };
    (Box::leak(Box::new(set)), stock)
}

async fn start(files: Files) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let app = Router::new().route("/{name}", get(serve)).with_state(files);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

/// A server with whole files, the set it serves, and an empty folder.
async fn ready(files: Files) -> (&'static DataSet, tempfile::TempDir) {
    let address = start(files.clone()).await;
    let (set, stock) = set_at(&[address], &[]);
    files.served.lock().unwrap().extend(stock);
    (set, tempfile::tempdir().unwrap())
}

async fn fetch_quietly(set: &'static DataSet, folder: &Path) -> Result<(), FetchError> {
    fetch(set, folder, |_| {}, &CancellationToken::new()).await
}

fn assert_whole(set: &DataSet, folder: &Path) {
    for file in set.files {
        check_file(file, &folder.join("small").join(format!("{}.gz", file.name))).unwrap();
    }
    let left: Vec<_> = std::fs::read_dir(folder.join("small")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 5, "four files and the lock: {left:?}");
}

#[tokio::test]
async fn a_set_comes_whole_with_growing_progress_and_is_not_fetched_twice() {
    let files = Files::default();
    let (set, folder) = ready(files.clone()).await;
    let mut told = Vec::new();
    fetch(set, folder.path(), |progress| told.extend(progress.percent()), &CancellationToken::new()).await.unwrap();
    assert_whole(set, folder.path());
    assert!(told.is_sorted() && told.last() == Some(&100) && told.contains(&25), "{told:?}");
    fetch_quietly(set, folder.path()).await.unwrap();
    assert_eq!(files.asked.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_broke_with_and_without_ranges() {
    for no_ranges in [false, true] {
        let files = Files { no_ranges, ..Files::default() };
        *files.break_after.lock().unwrap() = Some(5_000);
        let (set, folder) = ready(files.clone()).await;
        fetch_quietly(set, folder.path()).await.unwrap();
        assert_whole(set, folder.path());
        let asked = files.asked.lock().unwrap();
        assert_eq!(asked.len(), 5);
        assert_eq!(asked[1], ("train-images.gz".to_owned(), Some("bytes=5000-".to_owned())));
    }
}

#[tokio::test]
async fn a_wrong_part_of_an_earlier_try_is_thrown_away() {
    let files = Files::default();
    let (set, folder) = ready(files.clone()).await;
    std::fs::create_dir(folder.path().join("small")).unwrap();
    std::fs::write(folder.path().join("small/train-images.part.gz"), [7; 3000]).unwrap();
    // A part that is longer than the file, to which nothing follows.
    std::fs::write(folder.path().join("small/test-labels.part.gz"), [7; 60_000]).unwrap();
    // A damaged file under its own name.
    std::fs::write(folder.path().join("small/test-images"), b"no image").unwrap();
    fetch_quietly(set, folder.path()).await.unwrap();
    assert_whole(set, folder.path());
}

#[tokio::test]
async fn files_that_are_wrong_or_not_there_are_told_and_leave_nothing_behind() {
    let files = Files::default();
    let (set, folder) = ready(files.clone()).await;
    files.served.lock().unwrap().insert("train-labels.gz".to_owned(), gz(&content(9)));
    let text = fetch_quietly(set, folder.path()).await.unwrap_err().to_string();
    for part in [
        "Small could not be fetched",
        "train-labels.gz",
        "is corrupt: its SHA-256 must be",
        "`engram data fetch small`",
        "copy its files to",
        "`engram data import small PATH`",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(folder.path().join("small/train-images.gz").exists(), "what came whole is kept");
    assert!(!folder.path().join("small/train-labels.gz").exists());

    files.served.lock().unwrap().remove("train-labels.gz");
    let text = fetch_quietly(set, folder.path()).await.unwrap_err().to_string();
    assert!(text.contains("404"), "{text}");
}

#[tokio::test]
async fn another_address_takes_over_and_a_missing_client_is_named() {
    let files = Files::default();
    let address = start(files.clone()).await;
    // Nobody listens on the first: its port was free a moment ago and is held by nobody.
    let closed = { format!("http://{}/", std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()) };
    let (set, stock) = set_at(&[closed.clone(), address], &[]);
    files.served.lock().unwrap().extend(stock);
    let folder = tempfile::tempdir().unwrap();
    fetch_quietly(set, folder.path()).await.unwrap();
    assert_whole(set, folder.path());

    let (unreachable, _) = set_at(&[closed], &[Package::Debian { name: "--no-such-option", folder: "x" }]);
    let folder = tempfile::tempdir().unwrap();
    let text = fetch_quietly(unreachable, folder.path()).await.unwrap_err().to_string();
    assert!(text.contains("Connection refused") && text.contains("`apt-get download -q --no-such-option`"), "{text}");
    let left: Vec<_> = std::fs::read_dir(folder.path().join("small")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".lock"]);
}

#[tokio::test]
async fn an_archive_at_an_address_is_unpacked_and_its_files_are_checked() {
    let files = Files::default();
    let address = start(files.clone()).await;
    let archive: &'static str = format!("{address}all.tar.gz").leak();
    let (set, stock) = set_at(&[], Box::leak(Box::new([Package::Archive { address: archive, folder: "inside" }])));
    let make = tempfile::tempdir().unwrap();
    std::fs::create_dir(make.path().join("inside")).unwrap();
    for (name, bytes) in &stock {
        std::fs::write(make.path().join("inside").join(name), bytes).unwrap();
    }
    let packed = std::process::Command::new("tar").args(["-czf", "all.tar.gz", "inside"]).current_dir(make.path()).status().unwrap();
    assert!(packed.success());
    let folder = tempfile::tempdir().unwrap();
    let text = fetch_quietly(set, folder.path()).await.unwrap_err().to_string();
    assert!(text.contains("all.tar.gz: ") && text.contains("404"), "{text}");
    let bytes = std::fs::read(make.path().join("all.tar.gz")).unwrap();
    files.served.lock().unwrap().insert("all.tar.gz".to_owned(), bytes.into());
    fetch_quietly(set, folder.path()).await.unwrap();
    assert_whole(set, folder.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_fetchers_at_once_bring_each_file_once() {
    let files = Files::default();
    let (set, folder) = ready(files.clone()).await;
    let (one, other) = tokio::join!(fetch_quietly(set, folder.path()), fetch_quietly(set, folder.path()));
    one.unwrap();
    other.unwrap();
    assert_whole(set, folder.path());
    assert_eq!(files.asked.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_cancelled_fetch_says_so() {
    let (set, folder) = ready(Files::default()).await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    assert!(matches!(fetch(set, folder.path(), |_| {}, &cancel).await, Err(FetchError::Cancelled)));
}
