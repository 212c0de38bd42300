//! Hot loops: fused operations on CPU tensors, with candle's own operations where the tensors live on another device.
//!
//! Every kernel gives the same bits for any number of threads: work is cut into pieces of a fixed size, and partial sums are added
//! in the order of the pieces.

pub mod adam;
pub mod batch_norm;
pub mod biased_bits;
pub mod block_sparse;
pub mod convolution;
pub mod cross_entropy;
pub mod delta_rule;
pub mod exponential;
pub mod few_rows;
pub mod incremental_fields;
pub(crate) mod lanes;
pub mod linear;
pub mod matmul;
pub mod max_pool;
pub mod norm_pool;
pub mod packed;
pub mod real;
pub mod softmax_retrieval;
pub mod spin_tuples;
pub mod storage;
pub mod ternary;

pub use adam::Adam;
pub use batch_norm::Statistics;
pub use block_sparse::{TilePattern, block_sparse_linear};
pub use convolution::{Convolution, conv2d};
pub use cross_entropy::{count_correct, cross_entropy};
pub use linear::{Activation, GradientBuffers, linear};
pub use max_pool::max_pool2d;
pub use norm_pool::{AffineGradient, NormPool};
pub use softmax_retrieval::softmax_retrieval;

#[cfg(test)]
mod testing {
    //! Comparisons that the kernel tests share.

    use candle_core::Tensor;

    /// The largest difference of two tensors, relative to the largest magnitude in the second.
    pub fn relative_difference(found: &Tensor, expected: &Tensor) -> f32 {
        assert_eq!(found.dims(), expected.dims());
        let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (found, expected) = (values(found), values(expected));
        let scale = expected.iter().fold(f32::MIN_POSITIVE, |most, value| most.max(value.abs()));
        found.iter().zip(&expected).map(|(a, b)| (a - b).abs() / scale).fold(0.0, f32::max)
    }
}
