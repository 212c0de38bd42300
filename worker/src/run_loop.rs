//! The worker's loop: introduce itself, lease a run, drive it, report it, and again, until told to stop.

use crate::{
    VERSION,
    backoff::Backoff,
    client::{CallError, Client},
    device::DeviceChoice,
    engine::{Saving, drive},
    orders::{Command, Orders},
    outbox::{Message, Outbox, outbox},
    prepare::Preparation,
    protocol::{AskForRun, Lease, Register},
    report::{Reported, Reporter},
};
use anyhow::{Context, bail};
use lab::Registry;
use std::{
    io::Read,
    path::PathBuf,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long one question for a run waits at the server.
const WAIT_SECONDS: u64 = 25;
/// The same for a worker that exits when there is nothing to do.
const WAIT_SECONDS_BEFORE_EXIT: u64 = 2;
/// A stopped worker gives up on reporting after this, so that it has ended within 10 s.
const STOP_GRACE: Duration = Duration::from_secs(8);
/// The same once the server that started it is gone.
const ORPHAN_GRACE: Duration = Duration::from_secs(2);

/// How a worker is set up.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Address of the server, as `http://127.0.0.1:8080`.
    pub server: String,
    /// Token of the role `worker`, where the server wants one.
    pub token: Option<String>,
    /// Name shown to people.
    pub name: String,
    /// The device it trains on.
    pub device: DeviceChoice,
    /// Folders that hold data sets; missing ones are fetched into the first.
    pub data_folders: Vec<PathBuf>,
    /// Seconds between checkpoints.
    pub checkpoint_seconds: f64,
    /// Whether to return when there is no run to lease.
    pub exit_when_idle: bool,
    /// Whether standard input is a pipe from the server that started this worker, whose end means that the server is gone.
    pub parent_pipe: bool,
}

/// Leases and drives runs until `stop`. Then it leases no more, checkpoints what runs, hands it back and returns within 10 s.
///
/// Errors: no usable device, no server address, a token that is not accepted. A server that is away is waited for.
pub async fn run_worker(options: WorkerOptions, registry: &'static Registry, stop: CancellationToken) -> anyhow::Result<()> {
    let checkpoint_every = Duration::try_from_secs_f64(options.checkpoint_seconds)
        .with_context(|| format!("the seconds between checkpoints must be a positive number; got {}", options.checkpoint_seconds))?;
    let client = Client::new(&options.server, options.token.clone())?;
    let stop = stop.child_token();
    let orphaned = CancellationToken::new();
    if options.parent_pipe {
        watch_parent(stop.clone(), orphaned.clone())?;
    }
    let me = Register {
        worker_id: Uuid::now_v7(),
        name: options.name.clone(),
        host: host_name(),
        devices: options.device.offered().map_err(anyhow::Error::msg)?,
        version: VERSION.to_owned(),
    };
    let worker = Worker { options, registry, client, me, checkpoint_every, stop, orphaned };
    worker.run().await
}

struct Worker {
    options: WorkerOptions,
    registry: &'static Registry,
    client: Client,
    me: Register,
    checkpoint_every: Duration,
    stop: CancellationToken,
    orphaned: CancellationToken,
}

impl Worker {
    async fn run(&self) -> anyhow::Result<()> {
        let mut backoff = Backoff::default();
        let mut registered = false;
        let wait_seconds = if self.options.exit_when_idle { WAIT_SECONDS_BEFORE_EXIT } else { WAIT_SECONDS };
        let question = AskForRun { worker_id: self.me.worker_id, wait_seconds };
        loop {
            let ask = async {
                if !registered {
                    self.client.register(&self.me).await?;
                    registered = true;
                    tracing::info!(server = %self.options.server, worker = %self.me.name, "registered");
                }
                self.client.lease(&question).await
            };
            let Some(answer) = self.stop.run_until_cancelled(ask).await else { return Ok(()) };
            match answer {
                Ok(Some(lease)) => {
                    backoff.reset();
                    self.execute(lease).await?;
                    if self.stop.is_cancelled() {
                        return Ok(());
                    }
                }
                Ok(None) if self.options.exit_when_idle => return Ok(()),
                Ok(None) => backoff.reset(),
                Err(error @ CallError::Unauthorized(_)) => return Err(error.into()),
                Err(error @ CallError::Refused { .. }) if !registered => return Err(error.into()),
                Err(error) => {
                    // A server that has forgotten this worker is told again who it is.
                    registered &= !matches!(error, CallError::Unknown(_));
                    tracing::warn!(%error, "no run could be leased, will try again");
                    if self.stop.run_until_cancelled(tokio::time::sleep(backoff.next())).await.is_none() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Drives one run to the end of its lease.
    async fn execute(&self, lease: Lease) -> anyhow::Result<()> {
        let (run, experiment) = (lease.run_id, lease.experiment.clone());
        tracing::info!(%run, experiment, attempt = lease.attempt, "leased");
        let orders = Orders::default();
        let (outbox, inbox, room) = outbox(&orders);
        let reporter = Reporter::new(self.client.clone(), run, lease.lease_token, orders.clone(), inbox, room);
        let both = async { tokio::join!(reporter.run(), self.work(lease, &orders, outbox)) };
        let obey_stop = async {
            self.stop.cancelled().await;
            orders.give(Command::Stop);
            tokio::select! {
                () = tokio::time::sleep(STOP_GRACE) => {}
                () = async { self.orphaned.cancelled().await; tokio::time::sleep(ORPHAN_GRACE).await } => {}
            }
        };
        let reported = tokio::select! {
            (reported, ()) = both => reported,
            () = obey_stop => {
                orders.give(Command::Drop);
                tracing::warn!(%run, "the run could not be handed back in time; the server takes it back when its lease ends");
                return Ok(());
            }
        };
        match reported {
            Reported::Finished(outcome) => tracing::info!(%run, outcome, "lease given back"),
            Reported::Lost(why) => tracing::warn!(%run, why, "lease lost, the run is dropped"),
            Reported::Unauthorized(error) => bail!(error),
        }
        Ok(())
    }

    /// Prepares and drives a run; everything it says goes through `outbox`.
    async fn work(&self, lease: Lease, orders: &Orders, mut outbox: Outbox) {
        let saving = Saving { leased_at: Instant::now(), every: self.checkpoint_every };
        let preparation = Preparation {
            client: &self.client,
            registry: self.registry,
            device: self.options.device,
            data_folders: &self.options.data_folders,
            saving,
            outbox: &outbox,
            orders,
        };
        let plan = match preparation.prepare(&lease).await {
            Ok(plan) => plan,
            Err(ended) => {
                // If the reporter is gone, so is the lease.
                outbox.send(Message::Ended(ended)).ok();
                return;
            }
        };
        let (orders, (done, is_done)) = (orders.clone(), tokio::sync::oneshot::channel());
        // A thread of its own rather than one of tokio's: a worker that must end does not wait for a long step.
        let engine = std::thread::Builder::new().name("engine".to_owned()).spawn(move || {
            let ended = drive(plan, &orders, &mut outbox);
            outbox.send(Message::Ended(ended)).ok();
            drop(outbox);
            done.send(()).ok();
        });
        match engine {
            // An error means that the thread is gone without a word, which the reporter tells.
            Ok(_) => drop(is_done.await),
            Err(error) => tracing::error!(%error, "no thread could be started"),
        }
    }
}

/// Stops the worker when standard input ends, as it does when the server that holds the other end is gone, however it went.
fn watch_parent(stop: CancellationToken, orphaned: CancellationToken) -> anyhow::Result<()> {
    // A thread, for tokio's standard input would hold up the end of the process.
    std::thread::Builder::new().name("parent".to_owned()).spawn(move || {
        let mut ignored = [0; 256];
        loop {
            match std::io::stdin().read(&mut ignored) {
                Ok(1..) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
            }
        }
        tracing::info!("the server that started this worker is gone");
        orphaned.cancel();
        stop.cancel();
    })?;
    Ok(())
}

/// The name of this machine, for people.
pub fn host_name() -> String {
    let read = |path: &str| std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    read("/proc/sys/kernel/hostname").or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_else(|| "unknown".to_owned())
}
