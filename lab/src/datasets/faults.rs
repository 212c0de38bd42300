//! Gathering what is wrong with a file, so that a person sees all of it at once.

use crate::{Error, Result};

/// Faults that are shown; a file of the wrong kind would have as many as lines.
const SHOWN: usize = 10;

/// Faults found so far, each a sentence.
#[derive(Debug, Default)]
pub(super) struct Faults {
    shown: Vec<String>,
    more: usize,
}

impl Faults {
    /// One more.
    pub(super) fn add(&mut self, fault: impl Into<String>) {
        if self.shown.len() < SHOWN { self.shown.push(fault.into()) } else { self.more += 1 }
    }

    /// The value, or what it failed with as a fault.
    pub(super) fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error.to_string())).ok()
    }

    /// Fails if there was any fault.
    pub(super) fn none(self) -> Result<()> {
        if self.shown.is_empty() { Ok(()) } else { Err(self.error()) }
    }

    /// All faults as an error.
    pub(super) fn error(self) -> Error {
        let Self { mut shown, more } = self;
        if more > 0 {
            shown.push(format!("There are {more} more."));
        }
        Error::Data(shown.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_told_up_to_a_number() {
        assert!(Faults::default().none().is_ok());
        let mut faults = Faults::default();
        assert_eq!(faults.keep(Ok(3)), Some(3));
        (0..12).for_each(|at| faults.add(format!("Line {at}.")));
        let text = faults.none().unwrap_err().to_string();
        assert!(text.starts_with("Line 0.\nLine 1.\n") && text.ends_with("Line 9.\nThere are 2 more."), "{text}");
    }
}
