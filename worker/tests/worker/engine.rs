//! The engine alone: numbering, saving and going on.

use crate::walk::REGISTRY;
use lab::Lab;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use worker::{
    engine::{Closed, Ended, Plan, Said, SavedCheckpoint, Saving, Sink, drive},
    orders::{Command, Orders},
};

/// Keeps all that is said.
#[derive(Default)]
pub struct Listener {
    /// Ordinal and text of every item; the text tells every float to the bit.
    pub items: Vec<(u64, String)>,
    pub checkpoints: Vec<SavedCheckpoint>,
    pub log: Vec<String>,
    /// Order to give once so many items were said.
    pub order_after: Option<(usize, Command, Orders)>,
}

impl Sink for Listener {
    fn hear(&mut self, said: Said) -> Result<(), Closed> {
        match said {
            Said::Item { ordinal, item, .. } => self.items.push((ordinal, format!("{item:?}"))),
            Said::Checkpoint(checkpoint) => self.checkpoints.push(checkpoint),
            Said::Log(line) => self.log.push(line.message),
            Said::ClockPoint(_) | Said::Progress(_) => {}
        }
        if let Some((count, command, orders)) = &self.order_after
            && self.items.len() >= *count
        {
            orders.give(*command);
        }
        Ok(())
    }
}

/// A run of `walk`. With `resume` it goes on; `save` makes a checkpoint after every step.
fn plan(config: Value, resume: Option<&SavedCheckpoint>, save: bool) -> Plan<'static> {
    let entry = REGISTRY.find("walk").unwrap();
    let config = entry.complete("quick", config.as_object().unwrap()).unwrap();
    let lab = Lab { device: candle_core::Device::Cpu, data_folders: vec![], seed: 3 };
    // A lease that began long ago: the first checkpoint is due at once.
    let saving = save.then(|| Saving { leased_at: Instant::now().checked_sub(Duration::from_secs(9)).unwrap(), every: Duration::ZERO });
    Plan { entry, config, lab, resume: resume.map(|checkpoint| checkpoint.bytes.clone()), forked_step: None, saving }
}

fn summary_of(ended: &Ended) -> String {
    match ended {
        Ended::Succeeded { summary, artifacts } => format!("{summary:?} {artifacts:?}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn going_on_from_any_checkpoint_equals_running_through() {
    let mut whole = Listener::default();
    let end = drive(plan(json!({}), None, true), &Orders::default(), &mut whole);
    let ordinals: Vec<u64> = whole.items.iter().map(|(ordinal, _)| *ordinal).collect();
    assert_eq!(ordinals, (1..=whole.items.len() as u64).collect::<Vec<_>>());
    assert_eq!(whole.items.len(), 40 * 2 + 5 + 4 + 1 + 1, "points, lines, maps, the picture, the last line");
    assert_eq!(whole.checkpoints.len(), 40);
    for checkpoint in &whole.checkpoints {
        let mut rest = Listener::default();
        let rest_end = drive(plan(json!({}), Some(checkpoint), false), &Orders::default(), &mut rest);
        assert_eq!(rest.items, whole.items[checkpoint.next_ordinal as usize - 1..], "from step {}", checkpoint.step);
        assert_eq!(summary_of(&rest_end), summary_of(&end));
        assert!(rest.log.is_empty(), "{:?}", rest.log);
    }
}

#[test]
fn a_paused_run_goes_on_where_it_stopped_wherever_that_is() {
    let mut whole = Listener::default();
    drive(plan(json!({}), None, false), &Orders::default(), &mut whole);
    for count in 0..whole.items.len() - 1 {
        let orders = Orders::default();
        let mut first = Listener { order_after: Some((count, Command::Pause, orders.clone())), ..Listener::default() };
        assert!(matches!(drive(plan(json!({}), None, false), &orders, &mut first), Ended::Paused));
        assert_eq!(first.checkpoints.len(), 1);
        let mut second = Listener::default();
        drive(plan(json!({}), first.checkpoints.first(), false), &Orders::default(), &mut second);
        let both: Vec<_> = first.items.into_iter().chain(second.items).collect();
        assert_eq!(both, whole.items, "paused after {count} items");
    }
}

#[test]
fn an_error_or_a_panic_ends_the_run_with_its_text() {
    let mut heard = Listener::default();
    let ended = drive(plan(json!({ "panic_at": 6 }), None, false), &Orders::default(), &mut heard);
    assert!(matches!(&ended, Ended::Failed(reason) if reason.contains("the walker fell at step 6")), "{ended:?}");
    assert_eq!(heard.items.len(), 10, "what was said before is kept");
    let ended = drive(plan(json!({ "fail_at": 2 }), None, false), &Orders::default(), &mut Listener::default());
    assert!(matches!(&ended, Ended::Failed(reason) if reason == "the path ends at step 2"), "{ended:?}");
}

#[test]
fn a_checkpoint_that_does_not_fit_starts_the_run_over_and_the_log_says_so() {
    let mut whole = Listener::default();
    drive(plan(json!({}), None, true), &Orders::default(), &mut whole);
    let mut damaged = whole.checkpoints[20].clone();
    damaged.bytes = damaged.bytes.slice(..damaged.bytes.len() / 2);
    let mut again = Listener::default();
    let ended = drive(plan(json!({}), Some(&damaged), false), &Orders::default(), &mut again);
    assert!(matches!(ended, Ended::Succeeded { .. }));
    assert_eq!(again.items, whole.items);
    assert!(again.log[0].contains("starts over"), "{:?}", again.log);
}

#[test]
fn a_fork_goes_on_from_its_checkpoint_or_fails_and_never_starts_over() {
    let mut whole = Listener::default();
    drive(plan(json!({}), None, true), &Orders::default(), &mut whole);
    let checkpoint = &whole.checkpoints[14];
    let fork = |config: Value, checkpoint| {
        let mut heard = Listener::default();
        let ended = drive(Plan { forked_step: Some(15), ..plan(config, checkpoint, false) }, &Orders::default(), &mut heard);
        (ended, heard)
    };
    let (ended, heard) = fork(json!({ "steps": 50 }), Some(checkpoint));
    assert!(matches!(ended, Ended::Succeeded { .. }));
    let shared = whole.items.len() - checkpoint.next_ordinal as usize;
    assert_eq!(heard.items[..shared], whole.items[checkpoint.next_ordinal as usize - 1..][..shared], "all but the last line");
    assert!(heard.items.len() > shared + 20, "ten steps more");

    let mut damaged = checkpoint.clone();
    damaged.bytes = damaged.bytes.slice(..damaged.bytes.len() / 2);
    for (from, why) in [(Some(&damaged), "the checkpoint does not fit"), (None, "its checkpoint is gone")] {
        let (ended, heard) = fork(json!({}), from);
        assert!(matches!(&ended, Ended::Failed(reason) if reason.contains("forked at step 15") && reason.contains(why)), "{ended:?}");
        assert!(heard.items.is_empty() && heard.log.is_empty());
    }
}
