//! What every request can reach. Every field is a cheap handle.

use crate::{config::ServerConfig, datasets::Fetches, metrics::Metrics, presence::Presence, store::Store};
use lab::Registry;
use object_store::ObjectStore;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The state of the server.
#[derive(Clone)]
pub struct AppState {
    /// The database.
    pub store: Store,
    /// Bytes of artifacts and checkpoints.
    pub objects: Arc<dyn ObjectStore>,
    /// The catalogue.
    pub registry: &'static Registry,
    /// How the server was started.
    pub config: Arc<ServerConfig>,
    /// Data sets being fetched into the server's own folder.
    pub fetches: Fetches,
    /// Figures for operators.
    pub metrics: Metrics,
    /// When workers were last heard of.
    pub presence: Presence,
    /// Cancelled when the server stops.
    pub stop: CancellationToken,
}
