//! What can go wrong in the lab, each said so that a person can act on it.

use crate::schema::ConfigFaults;

/// The result of everything in the lab that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the lab.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The config has faults; each names its field and what is allowed.
    #[error(transparent)]
    Config(#[from] ConfigFaults),
    /// A data set is missing, short, of the wrong shape or corrupt; the text says what, where and what to do.
    #[error("{0}")]
    Data(String),
    /// A tensor operation failed.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// A checkpoint does not hold what the experiment expects.
    #[error("the checkpoint does not fit: {0}")]
    Checkpoint(String),
    /// The experiment broke a rule of the recorder (a step recorded twice, a summary without a name).
    #[error("{0}")]
    Record(String),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// A file error that names its path.
    pub fn file(path: impl AsRef<std::path::Path>, source: std::io::Error) -> Self {
        Self::File { path: path.as_ref().display().to_string(), source }
    }
}
