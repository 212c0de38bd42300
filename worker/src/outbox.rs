//! From the engine's thread to the reporter: a channel that holds at most 64 MiB, so that a slow server never slows training
//! before that, and never fills the memory after.

use crate::{
    engine::{Closed, Ended, Said, SavedCheckpoint, Sink},
    orders::{Command, Orders},
    protocol::{LogLine, Progress, ReportedFrame, ReportedItem, TimedPoint},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use lab::record::{Frame, Item, Level};
use serde_json::value::{RawValue, to_raw_value};
use std::sync::Arc;
use tokio::sync::{
    Semaphore,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

/// Bytes that may wait for the server.
const ROOM: usize = 64 << 20;
/// Largest frame that fits a batch, whose body may have 8 MiB.
const LARGEST_FRAME: usize = 7 << 20;
/// Counted for an item beside its text, and for a clock point.
const OVERHEAD: usize = 64;
const CLOCK_POINT: usize = 256;

/// What waits for the reporter.
#[derive(Debug)]
pub enum Message {
    /// A numbered item, serialised.
    Item(u64, Box<RawValue>),
    /// A point of a clock series.
    ClockPoint(TimedPoint),
    /// How far the run is.
    Progress(Progress),
    /// A log line of the engine.
    Log(LogLine),
    /// What is done before the first step; an empty text takes it back.
    StatusReason(String),
    /// A checkpoint to store.
    Checkpoint(SavedCheckpoint),
    /// The end; nothing follows.
    Ended(Ended),
}

/// Bytes that still fit; what an item took is given back once the server has it.
#[derive(Debug, Clone)]
pub struct Room(Arc<Semaphore>);

impl Room {
    /// Gives back what an item of this text took.
    pub fn give_back_item(&self, item: &RawValue) {
        self.0.add_permits(size_of_item(item));
    }

    /// Gives back what so many clock points took.
    pub fn give_back_clock_points(&self, count: usize) {
        self.0.add_permits(count * CLOCK_POINT);
    }
}

fn size_of_item(item: &RawValue) -> usize {
    item.get().len() + OVERHEAD
}

/// The engine's end of the channel.
#[derive(Debug, Clone)]
pub struct Outbox {
    to: UnboundedSender<Message>,
    room: Room,
    orders: Orders,
}

/// A new channel; waiting for room ends when `orders` stop the run.
pub fn outbox(orders: &Orders) -> (Outbox, UnboundedReceiver<Message>, Room) {
    let (to, from) = unbounded_channel();
    let room = Room(Arc::new(Semaphore::new(ROOM)));
    (Outbox { to, room: room.clone(), orders: orders.clone() }, from, room)
}

impl Outbox {
    /// Sends without waiting for room, as short messages may.
    pub fn send(&self, message: Message) -> Result<(), Closed> {
        self.to.send(message).map_err(|_| Closed)
    }

    /// Takes `bytes` of room, waiting for it where there is none. A run that is stopping goes over the limit instead: what it
    /// still says belongs to its checkpoint.
    fn take_room(&self, bytes: usize) {
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX).min(ROOM as u32);
        match self.room.0.try_acquire_many(permits) {
            Ok(taken) => taken.forget(),
            Err(_) => futures::executor::block_on(async {
                tokio::select! {
                    taken = self.room.0.acquire_many(permits) => if let Ok(taken) = taken { taken.forget() },
                    _ = self.orders.at_least(Command::Pause) => {}
                    () = self.to.closed() => {}
                }
            }),
        }
    }
}

impl Sink for Outbox {
    fn hear(&mut self, said: Said) -> Result<(), Closed> {
        let message = match said {
            Said::Item { ordinal, item, time_ms } => {
                let text = to_wire(item, time_ms);
                self.take_room(size_of_item(&text));
                Message::Item(ordinal, text)
            }
            Said::ClockPoint(point) => {
                self.take_room(CLOCK_POINT);
                Message::ClockPoint(point)
            }
            Said::Progress(progress) => Message::Progress(progress),
            Said::Log(line) => Message::Log(line),
            Said::Checkpoint(checkpoint) => Message::Checkpoint(checkpoint),
        };
        self.send(message)
    }
}

/// An item as the protocol writes it. What cannot be written (a frame beyond 7 MiB) becomes a warning in its place, the same on
/// every run, so that the numbering holds.
fn to_wire(item: Item, time_ms: i64) -> Box<RawValue> {
    let written = match item {
        Item::Point(point) => to_raw_value(&ReportedItem::Point(TimedPoint { point, time_ms })),
        Item::Log { level, message } => to_raw_value(&ReportedItem::Log(LogLine { level, message })),
        Item::Frame { name, arm, step, frame } => {
            let kind = frame.kind().to_owned();
            let body = match &frame {
                Frame::Image(png) => to_raw_value(&BASE64_STANDARD.encode(png)),
                drawn => to_raw_value(drawn),
            };
            match body {
                Ok(body) if body.get().len() > LARGEST_FRAME => {
                    let size = body.get().len();
                    let message =
                        format!("The frame {name} of step {step} is left out: it has {size} bytes, and {LARGEST_FRAME} are allowed.");
                    to_raw_value(&ReportedItem::Log(LogLine { level: Level::Warning, message }))
                }
                Ok(body) => to_raw_value(&ReportedItem::Frame(ReportedFrame { name, arm, step, kind, body })),
                Err(error) => Err(error),
            }
        }
    };
    written.unwrap_or_else(|error| {
        let message = format!("Something that the experiment said cannot be written: {error}.");
        let line = serde_json::json!({ "type": "log", "level": "warning", "message": message });
        // A text that serde_json itself made is JSON.
        RawValue::from_string(line.to_string()).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::LogLine;
    use lab::record::Point;
    use std::sync::mpsc;

    fn large(ordinal: u64) -> Said {
        let item = Item::Log { level: Level::Info, message: "x".repeat(6 << 20) };
        Said::Item { ordinal, item, time_ms: 0 }
    }

    /// Says eleven items of 6 MiB from a thread, of which ten fit; tells on the channel how many were said.
    fn say_eleven(mut outbox: Outbox) -> mpsc::Receiver<u64> {
        let (said, count) = mpsc::channel();
        std::thread::spawn(move || {
            for ordinal in 1..=11 {
                outbox.hear(large(ordinal)).ok();
                said.send(ordinal).ok();
            }
        });
        count
    }

    #[test]
    fn a_full_channel_waits_for_the_server_and_no_longer() {
        let (outbox, mut inbox, room) = outbox(&Orders::default());
        let count = say_eleven(outbox);
        assert_eq!(count.iter().take(10).last(), Some(10));
        assert!(count.recv_timeout(std::time::Duration::from_millis(200)).is_err(), "the eleventh has no room");
        let Some(Message::Item(1, first)) = inbox.blocking_recv() else { panic!("the first item comes first") };
        room.give_back_item(&first);
        assert_eq!(count.recv(), Ok(11));
    }

    #[test]
    fn a_full_channel_lets_a_stopping_run_end() {
        let orders = Orders::default();
        let (outbox, _inbox, _room) = outbox(&orders);
        let count = say_eleven(outbox);
        assert_eq!(count.iter().take(10).last(), Some(10));
        orders.give(Command::Stop);
        assert_eq!(count.recv(), Ok(11));
    }

    #[test]
    fn a_frame_that_is_too_large_becomes_a_warning_in_its_place() {
        let frame = Item::Frame { name: "map".to_owned(), arm: None, step: 4, frame: Frame::Image(vec![0; 6 << 20]) };
        let line: LogLine = serde_json::from_str(to_wire(frame, 0).get()).unwrap();
        assert!(line.message.contains("map of step 4 is left out"), "{}", line.message);
        let point = Point { name: "a".to_owned(), arm: None, step: 1, value: lab::json::Number(-0.0) };
        let text = to_wire(Item::Point(point), 5);
        assert_eq!(text.get(), r#"{"type":"point","name":"a","arm":null,"step":1,"value":-0.0,"time_ms":5}"#);
    }
}
