//! All parameters of a model in one vector, cut into named blocks; gradients and moments have the same layout.

/// A named part of the vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    start: usize,
    len: usize,
}

impl Block {
    /// Its numbers in a vector of the layout.
    pub fn of<T>(self, values: &[T]) -> &[T] {
        &values[self.start..self.start + self.len]
    }

    /// The same, to change them.
    pub fn of_mut<T>(self, values: &mut [T]) -> &mut [T] {
        &mut values[self.start..self.start + self.len]
    }
}

/// Names and shapes of the blocks, in order.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    names: Vec<(String, Vec<usize>, Block)>,
    len: usize,
}

impl Layout {
    /// Appends a block.
    pub fn add(&mut self, name: impl Into<String>, shape: &[usize]) -> Block {
        let block = Block { start: self.len, len: shape.iter().product() };
        self.len += block.len;
        self.names.push((name.into(), shape.to_vec(), block));
        block
    }

    /// Numbers in all blocks.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no block.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Name, shape and place of every block.
    pub fn blocks(&self) -> impl Iterator<Item = (&str, &[usize], Block)> {
        self.names.iter().map(|(name, shape, block)| (name.as_str(), shape.as_slice(), *block))
    }

    /// The block of this name.
    pub fn find(&self, name: &str) -> Option<Block> {
        self.names.iter().find(|(known, ..)| known == name).map(|(_, _, block)| *block)
    }
}
