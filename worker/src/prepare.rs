//! What a leased run needs before its first step: its experiment, device, data and checkpoint.

use crate::{
    VERSION,
    backoff::Backoff,
    client::{CallError, Client},
    device::DeviceChoice,
    engine::{Ended, Plan, Saving, why_no_fork},
    fetch,
    orders::{Command, Orders},
    outbox::{Message, Outbox},
    protocol::{CheckpointInfo, Lease, LogLine},
};
use lab::{Lab, Registry, datasets, record::Level};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use tokio_util::{bytes::Bytes, sync::CancellationToken};

/// Makes leased runs ready.
pub struct Preparation<'a> {
    /// The server.
    pub client: &'a Client,
    /// The catalogue.
    pub registry: &'static Registry,
    /// The worker's device.
    pub device: DeviceChoice,
    /// Data folders; missing data is fetched into the first.
    pub data_folders: &'a [PathBuf],
    /// When to make checkpoints.
    pub saving: Saving,
    /// Where to say what is being done.
    pub outbox: &'a Outbox,
    /// What may end it early.
    pub orders: &'a Orders,
}

impl Preparation<'_> {
    /// The run, ready to be driven; or how it ends before it starts.
    pub async fn prepare(&self, lease: &Lease) -> Result<Plan<'static>, Ended> {
        tokio::select! {
            ready = self.ready(lease) => ready,
            command = self.orders.at_least(Command::Pause) => Err(match command {
                Command::GoOn | Command::Pause => Ended::Paused,
                Command::Stop => Ended::Stopped,
                Command::Cancel => Ended::Cancelled,
                Command::Drop => Ended::Dropped,
            }),
        }
    }

    async fn ready(&self, lease: &Lease) -> Result<Plan<'static>, Ended> {
        // Handing it back would only bring it here again.
        let entry = self.registry.get(&lease.experiment).map_err(|error| {
            Ended::Failed(format!("This worker runs engram {VERSION}, where {error} Update the worker to the server's version."))
        })?;
        let device = self.device.for_run(&lease.device).and_then(DeviceChoice::open).map_err(Ended::Failed)?;
        let estimates = entry.estimates(&lease.config).map_err(|faults| {
            Ended::Failed(format!("The config does not fit the experiment of this worker (engram {VERSION}): {faults}."))
        })?;
        for id in &estimates.datasets {
            self.bring_data(id).await?;
        }
        let resume = match &lease.checkpoint {
            Some(info) => self.bring_checkpoint(lease, info).await?,
            None => None,
        };
        let lab = Lab { device, data_folders: self.data_folders.to_vec(), seed: lease.seed };
        Ok(Plan { entry, config: lease.config.clone(), lab, resume, forked_step: lease.forked_step, saving: Some(self.saving) })
    }

    /// Fetches a data set that is not here, telling how far it is.
    async fn bring_data(&self, id: &str) -> Result<(), Ended> {
        // A set that the catalogue does not know is the experiment's own matter.
        let Ok(set) = datasets::get(id, self.data_folders) else { return Ok(()) };
        if set.state(self.data_folders).is_here() {
            return Ok(());
        }
        let Some(folder) = self.data_folders.first() else {
            return Err(Ended::Failed(format!("{} is missing and this worker has no data folder. Run {}.", set.title, set.how_to_get())));
        };
        let mut told = String::new();
        let tell = |progress: fetch::Progress| {
            let text = format!("fetching {id}{}", progress.percent().map_or_else(String::new, |percent| format!(", {percent}%")));
            if text != told {
                told.clone_from(&text);
                // If nobody listens any more, the orders tell it.
                self.outbox.send(Message::StatusReason(text)).ok();
            }
        };
        let cancel = CancellationToken::new();
        let _stop_with_us = cancel.clone().drop_guard();
        let fetched = fetch::fetch(set, folder, tell, &cancel).await;
        self.outbox.send(Message::StatusReason(String::new())).map_err(|_| Ended::Dropped)?;
        fetched.map_err(|error| Ended::Failed(error.to_string()))
    }

    /// The checkpoint's file, if this version made it and it comes whole; else the run starts over and its log says why. A fork cannot, and
    /// fails.
    async fn bring_checkpoint(&self, lease: &Lease, info: &CheckpointInfo) -> Result<Option<Bytes>, Ended> {
        let starts_over = |why: String| {
            if let Some(step) = lease.forked_step {
                return Err(Ended::Failed(why_no_fork(step, &why)));
            }
            let line = LogLine { level: Level::Warning, message: format!("The run starts over, for {why}.") };
            self.outbox.send(Message::Log(line)).map(|()| None).map_err(|_| Ended::Dropped)
        };
        if info.engram_version != VERSION {
            let theirs = &info.engram_version;
            return starts_over(format!("its checkpoint was made by engram {theirs} and this worker runs {VERSION}"));
        }
        let mut backoff = Backoff::default();
        let mut damaged = 0;
        loop {
            match self.client.get_checkpoint(lease.run_id, lease.lease_token, info.bytes).await {
                Ok(bytes) if hex::encode(Sha256::digest(&bytes)) == info.sha256 => return Ok(Some(bytes)),
                Ok(bytes) if damaged >= 2 => {
                    return starts_over(format!("its checkpoint is damaged: {} bytes came, {} were stored", bytes.len(), info.bytes));
                }
                Ok(_) => damaged += 1,
                Err(CallError::LeaseLost(_)) => return Err(Ended::Dropped),
                Err(CallError::Unreachable(why)) => tracing::warn!(%why, "the checkpoint cannot be downloaded, trying again"),
                Err(error) => return starts_over(format!("its checkpoint cannot be had: {error}")),
            }
            tokio::time::sleep(backoff.next()).await;
        }
    }
}
