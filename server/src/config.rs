//! How the server was started: addresses, folders and secrets of this process.

use std::{net::SocketAddr, path::PathBuf};

/// Settings of a running server.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where it listens.
    pub address: SocketAddr,
    /// The address in links, without a trailing slash.
    pub public_url: Option<String>,
    /// Host names it answers to beside its own addresses.
    pub allowed_hosts: Vec<String>,
    /// The data folder.
    pub data_dir: PathBuf,
    /// Folders that hold data sets.
    pub data_folders: Vec<PathBuf>,
    /// Room for the checkpoints that no run needs to go on, bytes; 0 keeps none.
    pub checkpoint_room_bytes: i64,
    /// Marks this installation; its local workers carry it.
    pub instance: String,
    /// SHA-256 of the secret of its own local workers, which lives only as long as this process.
    pub local_worker_hash: Vec<u8>,
}

impl ServerConfig {
    /// The address in links: the public one, else where it listens.
    pub fn base_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.clone(),
            None => format!("http://{}", shown_address(self.address)),
        }
    }

    /// Whether others can open links: unless it listens on loopback without a public address.
    pub fn is_reachable(&self) -> bool {
        self.public_url.is_some() || !self.address.ip().is_loopback()
    }

    /// The authority (`host[:port]`) of the public address.
    pub fn public_authority(&self) -> Option<&str> {
        let url = self.public_url.as_deref()?;
        url.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest))
    }
}

/// A listening address as a person types it; 0.0.0.0 becomes this machine's name for itself.
pub fn shown_address(address: SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("127.0.0.1:{}", address.port()) } else { address.to_string() }
}
