//! `engram serve`: opens everything, listens, keeps house, and stops in order.

use crate::{
    api,
    clock::now_ms,
    config::{ServerConfig, shown_address},
    datasets::Fetches,
    error::DatabaseFailure,
    metrics::Metrics,
    objects,
    presence::Presence,
    secret,
    state::AppState,
    store::{Role, Store, sqlite_file},
    supervisor::{LocalWorkers, supervise},
};
use anyhow::{Context, anyhow, bail};
use axum::serve::ListenerExt;
use lab::Registry;
use object_store::{ObjectStore, local::LocalFileSystem};
use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What `engram serve` is told.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Address to listen on.
    pub host: String,
    /// Port; 0 takes a free one.
    pub port: u16,
    /// Data folder.
    pub data_dir: PathBuf,
    /// Database; SQLite in the data folder by default.
    pub database_url: Option<String>,
    /// Folder of artifacts and checkpoints; in the data folder by default.
    pub storage_url: Option<String>,
    /// The address in links.
    pub public_url: Option<String>,
    /// More host names to answer to.
    pub allowed_hosts: Vec<String>,
    /// Local workers; `None` for one per two cores.
    pub workers: Option<usize>,
    /// Compute threads of each local worker.
    pub threads: Option<usize>,
    /// Seconds between checkpoints.
    pub checkpoint_seconds: f64,
    /// Room for checkpoints, MB (10^6 bytes): older ones are kept to fork at as long as there is some.
    pub keep_checkpoints_mb: u64,
    /// What local workers log, as in `--log`.
    pub log: String,
    /// Whether local workers log JSON lines.
    pub log_json: bool,
    /// Token of an administrator to make sure of.
    pub admin_token: Option<String>,
    /// Token of workers to make sure of.
    pub worker_token: Option<String>,
}

/// What is known once the server answers.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Where it listens.
    pub address: SocketAddr,
    /// The address in links.
    pub base_url: String,
    /// The login address of the first administrator, where one was just made; shown once.
    pub login: Option<String>,
}

/// Runs the server until `stop`. `ready` is told once it answers.
pub async fn serve(
    options: ServeOptions,
    registry: &'static Registry,
    stop: CancellationToken,
    ready: impl FnOnce(Ready),
) -> anyhow::Result<()> {
    let folder = DataFolder::open(&options.data_dir)?;
    let _database_lock = options.database_url.as_deref().map(lock_database).transpose()?;
    let store = open_store(&options).await?;
    let (objects, storage) = open_objects(&options)?;
    let listener = listen(&options).await?;
    let address = listener.local_addr()?;

    let local_token = secret::new_secret();
    let config = ServerConfig {
        address,
        public_url: options.public_url.as_deref().map(|url| url.trim_end_matches('/').to_owned()),
        allowed_hosts: options.allowed_hosts.clone(),
        data_dir: options.data_dir.clone(),
        data_folders: vec![options.data_dir.join("datasets")],
        checkpoint_room_bytes: (options.keep_checkpoints_mb * 1_000_000) as i64,
        instance: folder.instance.clone(),
        local_worker_hash: secret::hash(&local_token),
    };
    store.recover_leases(&folder.instance, now_ms()).await?;
    let login = first_tokens(&store, &options, &config).await?;

    let stop_sockets = CancellationToken::new();
    let metrics = Metrics::default();
    let state = AppState {
        store: store.clone(),
        objects: objects.clone(),
        registry,
        config: Arc::new(config),
        fetches: Fetches::default(),
        metrics: metrics.clone(),
        presence: Presence::default(),
        stop: stop_sockets.clone(),
    };
    let (base, room_bytes) = (state.config.base_url(), state.config.checkpoint_room_bytes);
    let listener = listener.tap_io(|socket| {
        // Small messages must not wait for more; a socket that refuses the option works all the same.
        let _ = socket.set_nodelay(true);
    });
    let service = api::app(state).into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(axum::serve(listener, service).with_graceful_shutdown(stop_sockets.clone().cancelled_owned()).into_future());
    let house = tokio::spawn(keep_house(store.clone(), objects, storage, room_bytes, metrics, stop_sockets.clone()));

    ready(Ready { address, base_url: base, login });
    let workers = LocalWorkers {
        count: options.workers.unwrap_or_else(|| (cores() / 2).max(1)),
        threads: options.threads.unwrap_or_else(|| (cores() / options.workers.unwrap_or(1).max(1)).clamp(1, 2)),
        server: format!("http://{}", shown_address(address)),
        token: local_token,
        data_dir: options.data_dir.clone(),
        checkpoint_seconds: options.checkpoint_seconds,
        log: options.log.clone(),
        log_json: options.log_json,
        instance: folder.instance.clone(),
    };
    // Workers go first and the server answers them meanwhile, so that what they hand back is stored.
    supervise(workers, store.clone(), stop.clone()).await;
    stop.cancelled().await;
    stop_sockets.cancel();
    if tokio::time::timeout(Duration::from_secs(2), server).await.is_err() {
        tracing::warn!("some connections did not end in time and are cut");
    }
    house.abort();
    store.close().await;
    Ok(())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The data folder, held by this process alone.
struct DataFolder {
    instance: String,
    /// Released by the system when the process ends, however it ends.
    _lock: File,
}

impl DataFolder {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let unusable = |error: io::Error| match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                anyhow!("cannot use the data folder {shown}: its disk is full ({error}): make room, then start again")
            }
            _ => anyhow!(
                "cannot use the data folder {shown}: {error}; it must be a folder this user can write to, or give another --data-dir"
            ),
        };
        fs::create_dir_all(path.join("datasets")).map_err(unusable)?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join("engram.lock")).map_err(unusable)?;
        if lock.try_lock().is_err() {
            bail!("the data folder {shown} is in use by another engram; stop it, or give another --data-dir");
        }
        let instance_file = path.join("instance");
        let instance = match fs::read_to_string(&instance_file) {
            Ok(text) if Uuid::try_parse(text.trim()).is_ok() => text.trim().to_owned(),
            _ => {
                let fresh = Uuid::new_v4().to_string();
                fs::write(&instance_file, &fresh).map_err(unusable)?;
                fresh
            }
        };
        Ok(Self { instance, _lock: lock })
    }
}

/// Opens the database that the options name.
pub async fn open_store(options: &ServeOptions) -> anyhow::Result<Store> {
    Ok(match &options.database_url {
        Some(url) => Store::open(url).await?,
        None => Store::open_file(&options.data_dir.join("engram.db")).await?,
    })
}

/// Holds a SQLite database outside the data folder for this process alone: two servers of one file would not hear of each other's runs.
/// The lock is a file beside it, for SQLite's own locks end when any descriptor of the database itself is closed.
fn lock_database(url: &str) -> anyhow::Result<Option<File>> {
    let Some(file) = sqlite_file(url) else { return Ok(None) };
    let mut path = file.into_os_string();
    path.push(".lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&path);
    let lock = lock.with_context(|| format!("cannot use the database {url}: it must lie in a folder that this user can write to"))?;
    if lock.try_lock().is_err() {
        bail!("the database {url} is in use by another engram; stop it, or give another --database-url");
    }
    Ok(Some(lock))
}

fn open_objects(options: &ServeOptions) -> anyhow::Result<(Arc<dyn ObjectStore>, PathBuf)> {
    let folder = match options.storage_url.as_deref() {
        None => options.data_dir.join("objects"),
        Some(url) if !url.contains("://") => PathBuf::from(url),
        Some(url) => match url.strip_prefix("file://") {
            Some(path) => PathBuf::from(path),
            None => bail!("--storage-url must be a folder or a file:// address; got {url}"),
        },
    };
    let shown = folder.display().to_string();
    fs::create_dir_all(&folder).with_context(|| format!("cannot use the storage folder {shown}: it must be writable"))?;
    let objects = LocalFileSystem::new_with_prefix(&folder).with_context(|| format!("cannot use the storage folder {shown}"))?;
    Ok((Arc::new(objects), folder))
}

async fn listen(options: &ServeOptions) -> anyhow::Result<TcpListener> {
    let (host, port) = (options.host.as_str(), options.port);
    TcpListener::bind((host, port)).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            anyhow!("port {port} on {host} is taken by another program; stop it, or give another --port (0 takes a free one)")
        }
        ErrorKind::PermissionDenied => anyhow!("port {port} may not be opened by this user; give a --port above 1023"),
        _ => anyhow!("cannot listen on {host}, port {port}: {error}; give a --host that is an address of this machine (127.0.0.1, or 0.0.0.0 for all)"),
    })
}

/// Makes sure of the tokens that the options give. With none yet where tokens are needed, makes one of an administrator and returns its
/// login address.
async fn first_tokens(store: &Store, options: &ServeOptions, config: &ServerConfig) -> anyhow::Result<Option<String>> {
    for (token, name, role) in [(&options.admin_token, "admin", Role::Admin), (&options.worker_token, "worker", Role::Worker)] {
        let Some(token) = token else { continue };
        if token.chars().count() < 32 {
            bail!("ENGRAM_{}_TOKEN must have at least 32 characters; got {}", role.word().to_uppercase(), token.chars().count());
        }
        store.add_token(name, role, &secret::hash(token), now_ms()).await?;
    }
    let needs_tokens = config.is_reachable();
    let has_admin = store.list_tokens().await?.iter().any(|token| token.role == Role::Admin && token.revoked_at_ms.is_none());
    if !needs_tokens || has_admin {
        return Ok(None);
    }
    let token = secret::new_secret();
    store.add_token("admin", Role::Admin, &secret::hash(&token), now_ms()).await?;
    Ok(Some(format!("{}/login#{token}", config.base_url())))
}

/// What must be done now and then.
async fn keep_house(
    store: Store,
    objects: Arc<dyn ObjectStore>,
    storage: PathBuf,
    room_bytes: i64,
    metrics: Metrics,
    stop: CancellationToken,
) {
    let hearing = {
        let (store, stop) = (store.clone(), stop.clone());
        async move {
            while let Some(Err(error)) = stop.run_until_cancelled(store.hear_other_servers()).await {
                tracing::warn!(%error, "the database's notifications broke off; listening again");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    };
    let cleaning = async {
        let mut seconds: u64 = 0;
        while stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(1))).await.is_some() {
            seconds += 1;
            if let Err(error) = tidy(&store, &objects, room_bytes, seconds).await {
                metrics.database_failed(DatabaseFailure::Housekeeping);
                tracing::warn!(%error, "housekeeping failed and will be tried again");
            }
        }
    };
    let sweeping = async {
        loop {
            match sweep(&store, &objects, storage.clone()).await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "files that belonged to nothing were removed"),
                Err(error) => tracing::warn!(%error, "files that belong to nothing could not be looked for; they are tomorrow"),
            }
            if stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(DAY_MS as u64))).await.is_none() {
                return;
            }
        }
    };
    tokio::join!(hearing, cleaning, sweeping);
}

const DAY_MS: i64 = 86_400_000;

/// Removes the files that crashes have left behind, once they are a day old: what is being stored now has no row yet either.
async fn sweep(store: &Store, objects: &Arc<dyn ObjectStore>, storage: PathBuf) -> anyhow::Result<usize> {
    let orphans = objects::remove_orphans(objects, store, now_ms() - DAY_MS).await?;
    let before = SystemTime::now() - Duration::from_millis(DAY_MS as u64);
    let unfinished = tokio::task::spawn_blocking(move || objects::remove_unfinished(&storage, before)).await??;
    Ok(orphans + unfinished)
}

async fn tidy(store: &Store, objects: &Arc<dyn ObjectStore>, room_bytes: i64, seconds: u64) -> anyhow::Result<()> {
    let now = now_ms();
    store.requeue_expired(now).await?;
    if seconds.is_multiple_of(10) {
        for (run_id, checkpoint) in store.list_surplus_checkpoints(room_bytes).await? {
            objects::delete_checkpoints(objects, run_id, &[checkpoint]).await?;
            store.forget_checkpoint(checkpoint).await?;
        }
    }
    if seconds.is_multiple_of(600) {
        store.forget_keys(now - DAY_MS).await?;
        store.forget_workers(now - 600_000).await?;
    }
    Ok(())
}
