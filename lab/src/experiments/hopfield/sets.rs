//! The data sets that a run of several of them takes: those that are on this machine.

use crate::{
    Error, Lab, Result,
    datasets::{self, State},
};

/// Whether a data set of the catalogue is on this machine, whole or not.
pub fn is_here(id: &str, lab: &Lab) -> bool {
    datasets::get(id, &lab.data_folders).is_ok_and(|set| set.state(&lab.data_folders) != State::Absent)
}

/// That a run goes on with the sets it began with. Errors: it does not.
pub fn check_same_sets(began_with: &[String], here: &[String]) -> Result<()> {
    if began_with == here {
        return Ok(());
    }
    let (before, now) = (began_with.join(", "), here.join(", "));
    Err(Error::Checkpoint(format!("it was made with the data sets {before}; here are {now}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_on_only_with_the_sets_it_began_with() {
        let sets = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(check_same_sets(&sets(&["fox", "tiger"]), &sets(&["fox", "tiger"])).is_ok());
        let text = check_same_sets(&sets(&["fox", "tiger"]), &sets(&["fox"])).unwrap_err().to_string();
        assert!(text.contains("made with the data sets fox, tiger; here are fox"), "{text}");
    }
}
