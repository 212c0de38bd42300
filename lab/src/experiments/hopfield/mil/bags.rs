//! Bags of instances of any number, one after the other.

use crate::kernels::real::Real;

/// Bags as one matrix of instances, `[instances, width]`; bag b has the rows `offsets[b]..offsets[b + 1]`, at least one.
#[derive(Debug, Clone, Default)]
pub struct Bags<T> {
    /// Features of an instance.
    pub width: usize,
    /// All instances, bag after bag.
    pub values: Vec<T>,
    /// Where bags begin, and the end of the last.
    pub offsets: Vec<usize>,
}

impl<T: Real> Bags<T> {
    /// No bag yet.
    pub fn new(width: usize) -> Self {
        Self { width, values: Vec::new(), offsets: vec![0] }
    }

    /// Bags out of padded ones, `values` `[bags, longest, width]`, of which only instances with a 0 in `ignored` `[bags, longest]` count.
    pub fn from_padded(values: &[T], ignored: &[u8], longest: usize, width: usize) -> Self {
        let mut bags = Self::new(width);
        for (values, ignored) in values.chunks_exact(longest * width).zip(ignored.chunks_exact(longest)) {
            let kept = values.chunks_exact(width).zip(ignored).filter(|(_, ignored)| **ignored == 0);
            bags.push(&kept.flat_map(|(instance, _)| instance.iter().copied()).collect::<Vec<T>>());
        }
        bags
    }

    /// Appends a bag of whole instances.
    pub fn push(&mut self, instances: &[T]) {
        self.values.extend_from_slice(instances);
        self.offsets.push(self.values.len() / self.width);
    }

    /// Number of bags.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no bag.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows of a bag.
    pub fn rows(&self, bag: usize) -> std::ops::Range<usize> {
        self.offsets[bag]..self.offsets[bag + 1]
    }

    /// The instances of a bag.
    pub fn bag(&self, bag: usize) -> &[T] {
        &self.values[self.offsets[bag] * self.width..self.offsets[bag + 1] * self.width]
    }

    /// A part of the bags, in the order asked for.
    pub fn gather(&self, bags: &[usize]) -> Self {
        let mut gathered = Self::new(self.width);
        bags.iter().for_each(|bag| gathered.push(self.bag(*bag)));
        gathered
    }
}
