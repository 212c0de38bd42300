//! Starting the binary, and what it takes of the machine.

use crate::{
    Figure, quantile, seconds,
    support::{Engram, resident_bytes},
};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A server on a fresh data folder, without workers.
pub struct Lab {
    pub engram: Engram,
    _folder: Option<TempDir>,
}

impl Lab {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engram = Self::serve(&folder.path().join("data"), std::env::var("ENGRAM_BENCH_DATABASE_URL").ok());
        Self { engram, _folder: Some(folder) }
    }

    /// A server on a data folder that is there, with its SQLite.
    pub fn start_in(folder: &Path) -> Self {
        Self { engram: Self::serve(folder, None), _folder: None }
    }

    fn serve(data_dir: &Path, database: Option<String>) -> Engram {
        let data_dir = data_dir.display().to_string();
        let mut args = vec!["--port", "0", "--workers", "0", "--data-dir", &data_dir];
        if let Some(url) = &database {
            args.extend(["--database-url", url]);
        }
        Engram::serve(&args)
    }

    /// Processor time the server has used.
    pub fn cpu(&self) -> Duration {
        cpu_time(self.engram.child.id())
    }
}

/// From the start of the process to the first 200, on an empty folder and on one that has been used.
pub fn cold_start() -> Vec<Figure> {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        first.push(seconds(start_once(folder.path())));
        again.push(seconds(start_once(folder.path())));
    }
    vec![
        Figure::at_most("cold start to the first 200, empty folder (median of 10)", quantile(&mut first, 0.5), "s", 0.1),
        Figure::at_most("cold start to the first 200, used folder (median of 10)", quantile(&mut again, 0.5), "s", 0.1),
    ]
}

fn start_once(folder: &Path) -> Duration {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_engram"))
        .args(["--port", &port.to_string(), "--data-dir", &folder.join("data").display().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let took = loop {
        assert!(start.elapsed() < Duration::from_secs(30), "engram did not answer");
        if answers_ok(port).unwrap_or(false) {
            break start.elapsed();
        }
        thread::sleep(Duration::from_millis(1));
    };
    // SAFETY: kill has no memory effects, and the child has not been waited for.
    unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGTERM) };
    child.wait().unwrap();
    took
}

fn answers_ok(port: u16) -> std::io::Result<bool> {
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    write!(socket, "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}

/// The server and a local worker that wait for work.
pub fn idle_memory() -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data").display().to_string();
    let engram = Engram::serve(&["--port", "0", "--workers", "1", "--data-dir", &data_dir]);
    thread::sleep(Duration::from_secs(5));
    let server = engram.child.id();
    let worker = children_of(server).first().copied().expect("a local worker");
    let mib = |pid| resident_bytes(pid) as f64 / f64::from(1 << 20);
    vec![
        Figure::at_most("idle memory of the server, resident", mib(server), "MiB", 30.0),
        Figure::plain("idle memory of a worker, resident", mib(worker), "MiB"),
    ]
}

fn children_of(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let mut children: Vec<u32> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    // A child belongs to the thread that started it.
    for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten() {
        let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.extend(text.split_whitespace().filter_map(|word| word.parse::<u32>().ok()));
    }
    children
}

fn cpu_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in brackets may hold spaces; user and system time are the 12th and 13th field after it.
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 1..].split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // SAFETY: sysconf only reads a constant of the system.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
    Duration::from_secs_f64(ticks as f64 / per_second)
}
