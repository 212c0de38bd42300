//! What a running experiment is told to do, from whoever may tell it: the server, a signal, a lost lease.

use std::sync::Arc;
use tokio::sync::watch;

/// What the engine is told. Later ones win over earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Command {
    /// Train on.
    GoOn,
    /// Checkpoint and end; somebody paused the run.
    Pause,
    /// Checkpoint and end; the worker itself stops.
    Stop,
    /// End at once; somebody cancelled the run.
    Cancel,
    /// End at once; the run belongs to somebody else now.
    Drop,
}

/// The newest command, read between steps and awaited while something else is awaited. Clones share it.
#[derive(Debug, Clone)]
pub struct Orders(Arc<watch::Sender<Command>>);

impl Default for Orders {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Command::GoOn)))
    }
}

impl Orders {
    /// The newest command.
    pub fn now(&self) -> Command {
        *self.0.borrow()
    }

    /// Gives a command. From [`Command::Stop`] on, only a stronger one replaces it; a pause can be taken back.
    pub fn give(&self, command: Command) {
        self.0.send_if_modified(|now| {
            let replaces = if *now >= Command::Stop { command > *now } else { command != *now };
            if replaces {
                *now = command;
            }
            replaces
        });
    }

    /// Waits until the command is at least `least`, and returns it.
    pub async fn at_least(&self, least: Command) -> Command {
        let mut receiver = self.0.subscribe();
        // Cannot fail while `self` holds the sender; if it ever did, ending is the safe reading.
        receiver.wait_for(|now| *now >= least).await.map_or(Command::Drop, |now| *now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_can_be_taken_back_but_a_stop_cannot() {
        let orders = Orders::default();
        orders.give(Command::Pause);
        orders.give(Command::GoOn);
        assert_eq!(orders.now(), Command::GoOn);
        orders.give(Command::Stop);
        orders.give(Command::GoOn);
        assert_eq!(orders.now(), Command::Stop);
        orders.give(Command::Cancel);
        orders.give(Command::Pause);
        assert_eq!(orders.now(), Command::Cancel);
    }
}
