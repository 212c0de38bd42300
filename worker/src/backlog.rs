//! Items on their way to the server, by ordinal: those not acknowledged yet, and the last of those that are.

use crate::outbox::Room;
use serde_json::value::RawValue;
use std::collections::VecDeque;

/// Most items of a batch.
const BATCH_ITEMS: usize = 5_000;
/// Most bytes of a batch, unless its first item alone is larger.
const BATCH_BYTES: usize = 512 << 10;
/// Acknowledged bytes that are kept, for a server that lost its last commits to a power failure asks for them again.
const KEPT_BYTES: usize = 4 << 20;

/// The items of one lease, in order.
#[derive(Debug)]
pub struct Backlog {
    items: VecDeque<Box<RawValue>>,
    /// Ordinal of `items[0]`; `None` until the first item comes.
    base: Option<u64>,
    /// Ordinal of the next item that the server lacks.
    next: u64,
    /// Room was given back for the items below.
    released: u64,
    kept_bytes: usize,
    room: Room,
}

impl Backlog {
    /// An empty one that gives back to `room`.
    pub fn new(room: Room) -> Self {
        Self { items: VecDeque::new(), base: None, next: 1, released: 1, kept_bytes: 0, room }
    }

    /// Adds an item. Within a lease ordinals follow without a gap.
    pub fn push(&mut self, ordinal: u64, item: Box<RawValue>) {
        if self.base.is_none() {
            (self.base, self.next, self.released) = (Some(ordinal), ordinal, ordinal);
        }
        self.items.push_back(item);
    }

    /// Ordinal of the next item that the server lacks; 1 before the first item.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Whether the server has everything below `ordinal`, as far as this lease said it.
    pub fn has_delivered(&self, ordinal: u64) -> bool {
        self.base.is_none() || self.next >= ordinal
    }

    /// Whether the server has all items.
    pub fn is_delivered(&self) -> bool {
        self.next == self.end()
    }

    /// The items of the next batch, and whether others remain after them.
    pub fn batch(&self) -> (Vec<&RawValue>, bool) {
        let mut bytes = 0;
        let waiting = self.items.range(self.index(self.next)..);
        let remaining = waiting.len();
        let batch: Vec<&RawValue> = waiting
            .take(BATCH_ITEMS)
            .take_while(|item| {
                let first = bytes == 0;
                bytes += item.get().len();
                first || bytes <= BATCH_BYTES
            })
            .map(AsRef::as_ref)
            .collect();
        let more = batch.len() < remaining;
        (batch, more)
    }

    /// The server expects `ordinal` next. Goes back where it lost something. Errors: it lost what is not here any more.
    pub fn expect(&mut self, ordinal: u64) -> Result<(), String> {
        let Some(base) = self.base else { return Ok(()) };
        if ordinal < base && ordinal < self.next {
            return Err(format!("the server has lost what it was told from item {ordinal} on"));
        }
        // A run that started over repeats what the server has: then it may expect more than was ever said here.
        self.next = ordinal.min(self.end());
        while self.released < self.next {
            let item = &self.items[(self.released - base) as usize];
            self.kept_bytes += item.get().len();
            self.room.give_back_item(item);
            self.released += 1;
        }
        self.forget_old();
        Ok(())
    }

    fn forget_old(&mut self) {
        while let Some(base) = self.base
            && self.kept_bytes > KEPT_BYTES
            && base < self.next
            && let Some(item) = self.items.pop_front()
        {
            self.kept_bytes -= item.get().len();
            self.base = Some(base + 1);
        }
    }

    fn end(&self) -> u64 {
        self.base.unwrap_or(1) + self.items.len() as u64
    }

    fn index(&self, ordinal: u64) -> usize {
        (ordinal - self.base.unwrap_or(ordinal)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{orders::Orders, outbox::outbox};

    fn item(text: &str) -> Box<RawValue> {
        RawValue::from_string(format!("\"{text}\"")).unwrap()
    }

    fn backlog(first: u64, texts: &[&str]) -> Backlog {
        let (_, _, room) = outbox(&Orders::default());
        let mut backlog = Backlog::new(room);
        for (ordinal, text) in (first..).zip(texts) {
            backlog.push(ordinal, item(text));
        }
        backlog
    }

    fn texts(backlog: &Backlog) -> Vec<&str> {
        backlog.batch().0.iter().map(|item| item.get().trim_matches('"')).collect()
    }

    #[test]
    fn a_batch_begins_where_the_server_stands_and_goes_back_when_it_lost_something() {
        let mut backlog = backlog(11, &["a", "b", "c", "d"]);
        assert_eq!((backlog.next(), texts(&backlog)), (11, vec!["a", "b", "c", "d"]));
        backlog.expect(14).unwrap();
        assert_eq!((backlog.next(), texts(&backlog)), (14, vec!["d"]));
        assert!(backlog.has_delivered(14) && !backlog.has_delivered(15));
        backlog.expect(12).unwrap();
        assert_eq!((backlog.next(), texts(&backlog)), (12, vec!["b", "c", "d"]));
        assert!(backlog.expect(10).unwrap_err().contains("from item 10 on"));
        // The server of a run that started over has more than was said since.
        backlog.expect(500).unwrap();
        assert!(backlog.is_delivered() && backlog.next() == 15);
    }

    #[test]
    fn batches_are_bounded_but_a_large_item_goes_alone() {
        let large = "x".repeat(BATCH_BYTES + 1);
        let mut backlog = backlog(1, &["a", &large, "b"]);
        assert_eq!((texts(&backlog), backlog.batch().1), (vec!["a"], true));
        backlog.expect(2).unwrap();
        assert_eq!((texts(&backlog), backlog.batch().1), (vec![large.as_str()], true));
        backlog.expect(3).unwrap();
        assert_eq!((texts(&backlog), backlog.batch().1), (vec!["b"], false));
        let many = vec!["a"; BATCH_ITEMS + 1];
        assert_eq!(self::backlog(1, &many).batch().0.len(), BATCH_ITEMS);
    }

    #[test]
    fn only_the_last_of_what_was_delivered_is_kept() {
        let text = "x".repeat(1 << 20);
        let mut backlog = backlog(1, &[text.as_str(); 12]);
        backlog.expect(13).unwrap();
        assert!((3..=4).contains(&backlog.items.len()), "{}", backlog.items.len());
        backlog.expect(11).unwrap();
        assert_eq!(backlog.batch().0.len(), 1, "each fills a batch");
        assert!(backlog.expect(2).is_err());
        backlog.push(13, item("after"));
        backlog.expect(13).unwrap();
        assert_eq!(texts(&backlog), ["after"]);
    }
}
