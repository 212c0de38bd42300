//! Kind `mil`: Hopfield pooling against attention, mean and max pooling on bags of instances.

pub mod model;
