//! The sizes of the trained sequence model and where its parameters lie.

use super::{attention::TrainedRule, feed_forward::FeedForward};
use std::ops::Range;

/// Sizes of a model and where its parameters lie in one slice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reader {
    /// How pairs are written.
    pub rule: TrainedRule,
    /// Numbers of a key.
    pub key_dim: usize,
    /// Numbers of a value.
    pub value_dim: usize,
    /// Key tokens.
    pub vocab_keys: usize,
    /// Value tokens.
    pub vocab_values: usize,
    /// Temperature of softmax.
    pub tau: f64,
    /// Blocks.
    pub layers: usize,
    /// Hidden units of the feed-forward part of every block; 0 for none.
    pub hidden_width: usize,
}

/// What one episode came to, summed over its queries.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Outcome {
    /// Cross-entropy in nats.
    pub loss: f64,
    /// Queries whose most likely value is the right one.
    pub correct: usize,
    /// Queries.
    pub queries: usize,
}

impl std::ops::Add for Outcome {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { loss: self.loss + other.loss, correct: self.correct + other.correct, queries: self.queries + other.queries }
    }
}

impl Reader {
    /// Embeddings of keys, `[vocab_keys, key_dim]`.
    pub fn key_embedding(&self) -> Range<usize> {
        0..self.vocab_keys * self.key_dim
    }

    /// Embeddings of keys that are asked for, of the same shape.
    pub fn query_embedding(&self) -> Range<usize> {
        let keys = self.key_embedding().end;
        keys..2 * keys
    }

    /// Embeddings of values, `[vocab_values, value_dim]`.
    pub fn value_embedding(&self) -> Range<usize> {
        let start = self.query_embedding().end;
        start..start + self.vocab_values * self.value_dim
    }

    /// The read-out, `[vocab_values, value_dim]`.
    pub fn read_out(&self) -> Range<usize> {
        let start = self.value_embedding().end;
        start..start + self.vocab_values * self.value_dim
    }

    /// The number whose sigmoid is the write rate of delta and what decay and softmax_age forget; the others have it without using it.
    pub fn gate(&self) -> usize {
        self.read_out().end
    }

    /// The feed-forward part of a block.
    pub fn feed_forward(&self) -> FeedForward {
        FeedForward { width: self.value_dim, hidden: self.hidden_width }
    }

    /// Parameters of the feed-forward part of block `block`.
    pub fn hidden(&self, block: usize) -> Range<usize> {
        let size = self.feed_forward().parameters();
        let start = self.gate() + 1 + block * size;
        start..start + size
    }

    /// C, which moves keys and cues after block `block`, `[key_dim, value_dim]`; there is one less than there are blocks.
    pub fn to_keys(&self, block: usize) -> Range<usize> {
        let (size, each) = (self.key_dim * self.value_dim, self.value_dim * (self.key_dim + self.value_dim));
        let start = self.hidden(self.layers).start + block * each;
        start..start + size
    }

    /// P, which moves values after block `block`, `[value_dim, value_dim]`.
    pub fn to_values(&self, block: usize) -> Range<usize> {
        let start = self.to_keys(block).end;
        start..start + self.value_dim * self.value_dim
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.to_keys(self.layers - 1).start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_lie_side_by_side() {
        for (layers, hidden_width) in [(1, 0), (1, 3), (2, 0), (2, 3)] {
            let rule = TrainedRule::Hebb;
            let reader = Reader { rule, key_dim: 5, value_dim: 4, vocab_keys: 9, vocab_values: 6, tau: 0.3, layers, hidden_width };
            let parts = [reader.key_embedding(), reader.query_embedding(), reader.value_embedding(), reader.read_out()];
            assert_eq!(parts.iter().map(ExactSizeIterator::len).collect::<Vec<_>>(), [45, 45, 24, 24]);
            let own = (0..layers)
                .map(|at| reader.hidden(at))
                .chain((1..layers).flat_map(|at| [reader.to_keys(at - 1), reader.to_values(at - 1)]));
            let mut end = reader.gate() + 1;
            for range in own {
                assert_eq!(range.start, end, "{reader:?}");
                end = range.end;
            }
            let of_hidden = if hidden_width == 0 { 0 } else { 2 * 4 * hidden_width + hidden_width + 4 };
            assert_eq!((end, reader.parameters()), (139 + layers * of_hidden + (layers - 1) * (20 + 16), end), "{reader:?}");
        }
    }
}
