//! The command line: every option with its default and environment variable.

pub mod remote;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use server::store::Role;
use std::path::PathBuf;
use tracing_subscriber::EnvFilter;
use uuid::Uuid;
use worker::device::DeviceChoice;

/// A web lab for bio-inspired learning. Without a command it serves the lab on this machine.
#[derive(Debug, Parser)]
#[command(name = "engram", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: Serve,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the lab: API, dashboard and local workers
    Serve(Serve),
    /// Work for a server, anywhere
    Worker(Worker),
    /// Run an experiment in the terminal, without a server
    Run(Run),
    /// Queue a run on a server; commas in a --set, or --seeds, make a sweep
    Submit(remote::Submit),
    /// Go on from a checkpoint of a run on a server, with some fields changed
    Fork(remote::Fork),
    /// List the runs of a server
    Ls(remote::Ls),
    /// Watch a run or sweep of a server to its end
    Watch(remote::Watch),
    /// Show what a run of a server has logged
    Logs(remote::Logs),
    /// End runs or sweeps of a server
    Cancel(remote::Cancel),
    /// Make a read-only link to runs or a sweep of a server
    Share(remote::Share),
    /// Data sets: list, fetch, verify, import
    #[command(subcommand)]
    Data(Data),
    /// Tokens: create, list, revoke
    #[command(subcommand)]
    Token(Token),
    /// Print what lets a shell complete these commands
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Options that every command has.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Data folder: database, data sets, artifacts
    #[arg(long, env = "ENGRAM_DATA_DIR", default_value = "./engram-data")]
    pub data_dir: PathBuf,
    /// What to log: error, warn, info, debug, or targets as in `server=debug`
    #[arg(long, env = "ENGRAM_LOG", default_value = "info", value_parser = parse_log)]
    pub log: String,
    /// Log JSON lines
    #[arg(long, env = "ENGRAM_LOG_JSON")]
    pub log_json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct Serve {
    #[command(flatten)]
    pub common: Common,
    /// Address to listen on; 0.0.0.0 for everybody, then people log in
    #[arg(long, env = "ENGRAM_HOST", default_value = "127.0.0.1")]
    pub host: String,
    /// Port; 0 takes a free one
    #[arg(long, env = "ENGRAM_PORT", default_value_t = 8080, value_parser = parse_port)]
    pub port: u16,
    /// Database: sqlite:PATH or postgres://…  [default: engram.db in the data folder]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Folder of artifacts and checkpoints  [default: objects in the data folder]
    #[arg(long, env = "ENGRAM_STORAGE_URL")]
    pub storage_url: Option<String>,
    /// The address in links, as others reach this server; turns tokens on
    #[arg(long, env = "ENGRAM_PUBLIC_URL", value_parser = parse_address)]
    pub public_url: Option<String>,
    /// Another host name to answer to; may be repeated
    #[arg(long, env = "ENGRAM_ALLOW_HOST", value_delimiter = ',')]
    pub allow_host: Vec<String>,
    /// Local workers: a number, or auto for one per two cores
    #[arg(long, env = "ENGRAM_WORKERS", default_value = "auto", value_parser = parse_workers)]
    pub workers: Workers,
    /// Compute threads of each local worker  [default: its share of the cores]
    #[arg(long, env = "ENGRAM_THREADS", value_parser = parse_threads)]
    pub threads: Option<usize>,
    /// Seconds between checkpoints
    #[arg(long, env = "ENGRAM_CHECKPOINT_SECONDS", default_value_t = 20.0, value_parser = parse_checkpoint_seconds)]
    pub checkpoint_seconds: f64,
    /// Room for checkpoints in MB: older ones are kept, spread over each run, to fork at; 0 keeps only what runs need to go on
    #[arg(long, env = "ENGRAM_KEEP_CHECKPOINTS", value_name = "MB", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(..=1_000_000_000))]
    pub keep_checkpoints: u64,
    /// Open the dashboard in a browser
    #[arg(long, env = "ENGRAM_OPEN")]
    pub open: bool,
}

/// A number of local workers.
#[derive(Debug, Clone, Copy)]
pub struct Workers(pub Option<usize>);

fn parse_workers(text: &str) -> Result<Workers, String> {
    match (text, text.parse()) {
        ("auto", _) => Ok(Workers(None)),
        (_, Ok(count)) if count <= 256 => Ok(Workers(Some(count))),
        _ => Err("must be auto or a number between 0 and 256".to_owned()),
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "must be a number between 0 and 65535".to_owned())
}

fn parse_threads(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| (1..=1024).contains(count)).ok_or_else(|| "must be a number between 1 and 1024".to_owned())
}

fn parse_checkpoint_seconds(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|seconds| (0.1..=86_400.0).contains(seconds)).ok_or_else(|| "must be between 0.1 and 86400".to_owned())
}

fn parse_address(text: &str) -> Result<String, String> {
    let host = ["http://", "https://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    match host.filter(|host| !host.is_empty() && !host.starts_with('/')) {
        Some(_) => Ok(text.to_owned()),
        None => Err("must begin with http:// or https://, then the host".to_owned()),
    }
}

fn parse_log(text: &str) -> Result<String, String> {
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("must be error, warn, info, debug, or targets as in server=debug: {error}")),
    }
}

#[derive(Debug, Clone, Args)]
pub struct Worker {
    #[command(flatten)]
    pub common: Common,
    /// Address of the server
    #[arg(long, env = "ENGRAM_SERVER", default_value = "http://127.0.0.1:8080", value_parser = parse_address)]
    pub server: String,
    /// Token of role worker
    #[arg(long, env = "ENGRAM_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Name shown to people  [default: the host's name]
    #[arg(long, env = "ENGRAM_NAME")]
    pub name: Option<String>,
    /// auto, cpu or cuda:N
    #[arg(long, env = "ENGRAM_DEVICE", default_value = "auto")]
    pub device: DeviceChoice,
    /// Compute threads  [default: all cores]
    #[arg(long, env = "ENGRAM_THREADS", value_parser = parse_threads)]
    pub threads: Option<usize>,
    /// Seconds between checkpoints
    #[arg(long, env = "ENGRAM_CHECKPOINT_SECONDS", default_value_t = 20.0, value_parser = parse_checkpoint_seconds)]
    pub checkpoint_seconds: f64,
    /// End when no run waits
    #[arg(long, env = "ENGRAM_EXIT_WHEN_IDLE")]
    pub exit_when_idle: bool,
    /// End when standard input closes: set by the server that starts this worker
    #[arg(long, hide = true)]
    pub supervised: bool,
}

#[derive(Debug, Clone, Args)]
pub struct Run {
    #[command(flatten)]
    pub common: Common,
    /// Experiment id, as g2gnet
    pub experiment: String,
    /// Preset id
    #[arg(long, default_value = "quick")]
    pub preset: String,
    /// A field that differs from the preset: FIELD=VALUE; may be repeated
    #[arg(long, value_parser = parse_setting)]
    pub set: Vec<(String, String)>,
    /// Seed  [default: the preset's first]
    #[arg(long)]
    pub seed: Option<u64>,
    /// auto, cpu or cuda:N
    #[arg(long, env = "ENGRAM_DEVICE", default_value = "auto")]
    pub device: DeviceChoice,
    /// Compute threads  [default: all cores]
    #[arg(long, env = "ENGRAM_THREADS", value_parser = parse_threads)]
    pub threads: Option<usize>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    let (field, value) = text.split_once('=').ok_or("must be FIELD=VALUE")?;
    Ok((field.trim().to_owned(), value.trim().to_owned()))
}

#[derive(Debug, Subcommand)]
pub enum Data {
    /// Show the data sets and whether they are here
    List {
        #[command(flatten)]
        common: Common,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Fetch data sets into the data folder
    Fetch {
        #[command(flatten)]
        common: Common,
        /// Ids, as fashion_mnist
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Read every byte of the data sets that are here and check it
    Verify {
        #[command(flatten)]
        common: Common,
        /// Ids; all that are here by default
        ids: Vec<String>,
    },
    /// Bring a data set here from files that you have: IDX, CIFAR binary (both also .gz), npy, npz, CSV, a folder of PNG files
    Import {
        #[command(flatten)]
        common: Common,
        /// Id of a known set, as kmnist, or one of your own: a to z, digits, underscores
        id: String,
        /// Files or folders
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Title of a set of your own  [default: its id]
        #[arg(long)]
        title: Option<String>,
        /// Licence of a set of your own  [default: not stated]
        #[arg(long)]
        licence: Option<String>,
        /// Where a set of your own comes from  [default: imported]
        #[arg(long)]
        source: Option<String>,
    },
}

/// Where the tokens are.
#[derive(Debug, Clone, Args)]
pub struct Database {
    #[command(flatten)]
    pub common: Common,
    /// Database: sqlite:PATH or postgres://…  [default: engram.db in the data folder]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token and show it once
    Create {
        #[command(flatten)]
        database: Database,
        /// What it may do
        #[arg(long, value_enum)]
        role: RoleName,
        /// Whose it is
        #[arg(long)]
        name: String,
    },
    /// Show the tokens, never their secrets
    List {
        #[command(flatten)]
        database: Database,
    },
    /// Make a token useless at once
    Revoke {
        #[command(flatten)]
        database: Database,
        /// Its id
        id: Uuid,
    },
}

/// A role on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum RoleName {
    Admin,
    Member,
    Viewer,
    Worker,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Admin => Self::Admin,
            RoleName::Member => Self::Member,
            RoleName::Viewer => Self::Viewer,
            RoleName::Worker => Self::Worker,
        }
    }
}
