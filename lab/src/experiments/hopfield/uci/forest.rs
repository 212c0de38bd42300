//! A random forest: trees on resampled rows that look at a random part of the features at every split.
//!
//! Source: L. Breiman (2001), Random Forests, Machine Learning 45:5-32; splits by the Gini impurity.

use super::rows::Rows;
use crate::{experiments::hopfield::layers::cross_entropy::largest, random::Generator};
use rand::Rng;

/// A node of a tree.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// Rows whose `feature` is at most `threshold` go on at the next node, others at `right`.
    Split { feature: usize, threshold: f32, right: usize },
    /// A class.
    Leaf(usize),
}

/// Trees that vote.
#[derive(Debug, Clone)]
pub struct Forest {
    trees: Vec<Vec<Node>>,
    classes: usize,
}

impl Forest {
    /// Grows `trees` trees on `rows`; no leaf has fewer than `smallest_leaf` rows. A split looks at the square root of the features, of those
    /// that vary among its rows.
    pub fn grow(rows: &Rows, trees: usize, smallest_leaf: usize, seed: u64, purpose: &str) -> Self {
        let grow = |tree| Tree::grow(rows, smallest_leaf, &mut Generator::new(seed, &format!("{purpose}/{tree}")));
        Self { trees: (0..trees).map(grow).collect(), classes: rows.classes }
    }

    /// The class most trees vote for, the first of several.
    pub fn class_of(&self, row: &[f32]) -> usize {
        let mut votes = vec![0f32; self.classes];
        for tree in &self.trees {
            votes[vote(tree, row)] += 1.0;
        }
        largest(&votes)
    }
}

fn vote(tree: &[Node], row: &[f32]) -> usize {
    let mut at = 0;
    loop {
        match tree[at] {
            Node::Leaf(class) => return class,
            Node::Split { feature, threshold, right } => at = if row[feature] <= threshold { at + 1 } else { right },
        }
    }
}

/// A tree while it grows.
struct Tree<'a> {
    rows: &'a Rows,
    smallest_leaf: usize,
    nodes: Vec<Node>,
    /// Values and classes of the rows of a node along one feature, to be sorted.
    column: Vec<(f32, usize)>,
    /// All features; those tried at a split are swapped to the front.
    features: Vec<usize>,
}

/// The best way to part the rows of a node.
#[derive(Debug, Clone, Copy)]
struct Best {
    feature: usize,
    threshold: f32,
    /// Sum over both sides of the squared counts of the classes over the rows: larger is purer.
    purity: f64,
}

impl<'a> Tree<'a> {
    fn grow(rows: &'a Rows, smallest_leaf: usize, generator: &mut Generator) -> Vec<Node> {
        let n = rows.count();
        let sample: Vec<usize> = (0..n).map(|_| generator.rng().random_range(0..n)).collect();
        let mut tree = Self { rows, smallest_leaf, nodes: Vec::new(), column: Vec::with_capacity(n), features: (0..rows.width).collect() };
        // Parts still to be split, and the node of which each is the right side. The left side follows at once, right behind its node.
        let mut parts = vec![(sample, None)];
        while let Some((members, right_of)) = parts.pop() {
            let at = tree.nodes.len();
            if let Some(Node::Split { right, .. }) = right_of.and_then(|parent: usize| tree.nodes.get_mut(parent)) {
                *right = at;
            }
            let (node, sides) = tree.part(members, generator);
            tree.nodes.push(node);
            if let Some((left, right)) = sides {
                parts.push((right, Some(at)));
                parts.push((left, None));
            }
        }
        tree.nodes
    }

    fn counts(&self, members: &[usize]) -> Vec<f32> {
        let mut counts = vec![0f32; self.rows.classes];
        members.iter().for_each(|row| counts[self.rows.labels[*row]] += 1.0);
        counts
    }

    /// The node of some rows, and the rows of its two sides unless it is a leaf.
    fn part(&mut self, members: Vec<usize>, generator: &mut Generator) -> (Node, Option<(Vec<usize>, Vec<usize>)>) {
        let counts = self.counts(&members);
        let class = largest(&counts);
        let pure = counts[class] as usize == members.len();
        let best = if pure || members.len() < 2 * self.smallest_leaf { None } else { self.best_split(&members, &counts, generator) };
        let Some(Best { feature, threshold, .. }) = best else { return (Node::Leaf(class), None) };
        let sides = members.into_iter().partition(|row| self.rows.row(*row)[feature] <= threshold);
        (Node::Split { feature, threshold, right: 0 }, Some(sides))
    }

    /// The purest split along the square root of the features; features along which the rows do not differ do not count as tried.
    fn best_split(&mut self, members: &[usize], counts: &[f32], generator: &mut Generator) -> Option<Best> {
        let wanted = (self.rows.width as f64).sqrt().round().max(1.0) as usize;
        let (mut tried, mut best) = (0, None);
        for place in 0..self.features.len() {
            let from = generator.rng().random_range(place..self.features.len());
            self.features.swap(place, from);
            let feature = self.features[place];
            self.column.clear();
            self.column.extend(members.iter().map(|row| (self.rows.row(*row)[feature], self.rows.labels[*row])));
            self.column.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            if self.column.first().map(|first| first.0) == self.column.last().map(|last| last.0) {
                continue;
            }
            best = along(&self.column, counts, self.smallest_leaf, feature, best);
            tried += 1;
            if tried == wanted {
                break;
            }
        }
        best
    }
}

/// The better of `best` and the purest split of a sorted column.
fn along(column: &[(f32, usize)], counts: &[f32], smallest_leaf: usize, feature: usize, mut best: Option<Best>) -> Option<Best> {
    let n = column.len();
    let (mut left, mut right) = (vec![0f64; counts.len()], counts.iter().map(|count| f64::from(*count)).collect::<Vec<_>>());
    let (mut left_squares, mut right_squares) = (0.0, right.iter().map(|count| count * count).sum::<f64>());
    for (at, pair) in column.windows(2).enumerate() {
        let class = pair[0].1;
        left_squares += 2.0 * left[class] + 1.0;
        right_squares -= 2.0 * right[class] - 1.0;
        left[class] += 1.0;
        right[class] -= 1.0;
        let size = at + 1;
        if pair[0].0 == pair[1].0 || size < smallest_leaf || n - size < smallest_leaf {
            continue;
        }
        let purity = left_squares / size as f64 + right_squares / (n - size) as f64;
        if best.is_none_or(|best| purity > best.purity) {
            // Half way, unless that rounds up to the larger value, which must go right.
            let middle = pair[0].0 + (pair[1].0 - pair[0].0) / 2.0;
            let threshold = if middle < pair[1].0 { middle } else { pair[0].0 };
            best = Some(Best { feature, threshold, purity });
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two features of which only the second tells the class: 0 below 2, 1 between, 0 above 5.
    fn rows() -> Rows {
        let mut generator = Generator::new(1, "rows");
        let mut rows = Rows { width: 2, classes: 2, ..Rows::default() };
        for at in 0..80 {
            let value = at as f32 / 10.0;
            rows.values.extend([generator.symmetric(1.0), value]);
            rows.labels.push(usize::from(value > 2.0 && value < 5.0));
        }
        rows
    }

    #[test]
    fn the_purest_split_by_hand() {
        // Classes 0 0 1 1 0 along values 1 2 3 4 5. After the second value: 2 of 2 and (2, 1) of 3: 4 / 2 + 5 / 3. No other is as pure.
        let column = [(1.0, 0), (2.0, 0), (3.0, 1), (4.0, 1), (5.0, 0)];
        let best = along(&column, &[3.0, 2.0], 1, 7, None).unwrap();
        assert_eq!((best.feature, best.threshold), (7, 2.5));
        assert!((best.purity - (2.0 + 5.0 / 3.0)).abs() < 1e-12);
        // A leaf of three rows is the smallest allowed: no split is left of five rows.
        assert!(along(&column, &[3.0, 2.0], 3, 7, None).is_none());
        // Neighbouring numbers: half way between them is one of them, and the larger still goes right.
        let close = [(1.0, 0), (1.0 + f32::EPSILON, 1)];
        assert_eq!(along(&close, &[1.0, 1.0], 1, 0, None).unwrap().threshold, 1.0);
    }

    #[test]
    fn a_forest_learns_an_interval_and_follows_its_seed() {
        let rows = rows();
        let forest = Forest::grow(&rows, 30, 1, 0, "forest");
        let right = (0..80).filter(|row| forest.class_of(rows.row(*row)) == rows.labels[*row]).count();
        assert!(right >= 78, "{right}");
        assert_eq!(forest.class_of(&[0.0, 3.5]), 1);
        assert_eq!(Forest::grow(&rows, 30, 1, 0, "forest").trees, forest.trees);
        assert_ne!(Forest::grow(&rows, 30, 1, 1, "forest").trees, forest.trees);
        // A leaf of all rows: every tree is a single leaf of the commoner class, 0.
        let stump = Forest::grow(&rows, 5, 80, 0, "forest");
        assert_eq!(stump.trees, vec![vec![Node::Leaf(0)]; 5]);
    }

    #[test]
    fn rows_that_do_not_differ_end_in_a_leaf() {
        let rows = Rows { width: 1, classes: 2, values: vec![1.0; 6], labels: vec![0, 1, 1, 0, 1, 1] };
        assert!(Forest::grow(&rows, 4, 1, 0, "forest").trees.iter().all(|tree| tree.len() == 1));
    }
}
