//! Vectors of `f32` of the width that the processor has, for kernels that are written once and compiled for each width.

/// A vector of `f32`. The methods are only sound on a processor that has the instructions of the implementing type; [`widest!`] asks.
pub trait Lanes: Copy {
    /// Numbers in a vector.
    const WIDTH: usize;

    /// A vector of zeros.
    ///
    /// # Safety
    /// The processor has the instructions.
    unsafe fn zero() -> Self;

    /// The same number in every lane.
    ///
    /// # Safety
    /// The processor has the instructions.
    unsafe fn splat(value: f32) -> Self;

    /// The `WIDTH` numbers that begin at `from`.
    ///
    /// # Safety
    /// The processor has the instructions, and `from` may be read that far.
    unsafe fn load(from: *const f32) -> Self;

    /// Writes the numbers to `to`.
    ///
    /// # Safety
    /// The processor has the instructions, and `to` may be written for `WIDTH` numbers.
    unsafe fn store(self, to: *mut f32);

    /// `self * factor + addend`, rounded once where the processor can.
    ///
    /// # Safety
    /// The processor has the instructions.
    unsafe fn multiply_add(self, factor: Self, addend: Self) -> Self;

    /// The sum of the lanes.
    ///
    /// # Safety
    /// The processor has the instructions.
    unsafe fn sum(self) -> f32;
}

/// Eight numbers that the compiler turns into whatever every processor of the target has; products are rounded before they are added.
impl Lanes for [f32; 8] {
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn zero() -> Self {
        [0.0; 8]
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        [value; 8]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the memory; an array of `f32` needs no other alignment than `f32`.
        unsafe { from.cast::<Self>().read() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as in `load`.
        unsafe { to.cast::<Self>().write(self) };
    }

    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, addend: Self) -> Self {
        std::array::from_fn(|lane| self[lane] * factor[lane] + addend[lane])
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        self.iter().sum()
    }
}

/// One number, for what does not fill a vector.
impl Lanes for f32 {
    const WIDTH: usize = 1;

    #[inline(always)]
    unsafe fn zero() -> Self {
        0.0
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        value
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the memory.
        unsafe { from.read() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as in `load`.
        unsafe { to.write(self) };
    }

    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, addend: Self) -> Self {
        self * factor + addend
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        self
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use std::arch::x86_64::*;

    /// AVX2 with fused multiply-add.
    impl Lanes for __m256 {
        const WIDTH: usize = 8;

        #[inline(always)]
        unsafe fn zero() -> Self {
            // SAFETY: the caller vouches for the instructions.
            unsafe { _mm256_setzero_ps() }
        }

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: as above.
            unsafe { _mm256_set1_ps(value) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: as above, and for the memory.
            unsafe { _mm256_loadu_ps(from) }
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: as above, and for the memory.
            unsafe { _mm256_storeu_ps(to, self) };
        }

        #[inline(always)]
        unsafe fn multiply_add(self, factor: Self, addend: Self) -> Self {
            // SAFETY: as above.
            unsafe { _mm256_fmadd_ps(self, factor, addend) }
        }

        #[inline(always)]
        unsafe fn sum(self) -> f32 {
            // SAFETY: as above.
            unsafe {
                let four = _mm_add_ps(_mm256_castps256_ps128(self), _mm256_extractf128_ps::<1>(self));
                let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
                _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
            }
        }
    }

    /// AVX-512.
    impl Lanes for __m512 {
        const WIDTH: usize = 16;

        #[inline(always)]
        unsafe fn zero() -> Self {
            // SAFETY: the caller vouches for the instructions.
            unsafe { _mm512_setzero_ps() }
        }

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: as above.
            unsafe { _mm512_set1_ps(value) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: as above, and for the memory.
            unsafe { _mm512_loadu_ps(from) }
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: as above, and for the memory.
            unsafe { _mm512_storeu_ps(to, self) };
        }

        #[inline(always)]
        unsafe fn multiply_add(self, factor: Self, addend: Self) -> Self {
            // SAFETY: as above.
            unsafe { _mm512_fmadd_ps(self, factor, addend) }
        }

        #[inline(always)]
        unsafe fn sum(self) -> f32 {
            // SAFETY: as above.
            unsafe { _mm512_reduce_add_ps(self) }
        }
    }
}

/// Calls `kernel::<L>(arguments)`, an `#[inline(always)]` function that is generic over [`Lanes`], compiled for the widest vectors that
/// this processor has.
macro_rules! widest {
    ($kernel:ident($($argument:ident: $type:ty),* $(,)?)) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f")]
            fn with_avx512($($argument: $type),*) {
                // SAFETY: this function is compiled for these vectors.
                unsafe { $kernel::<std::arch::x86_64::__m512>($($argument),*) }
            }
            #[target_feature(enable = "avx2,fma")]
            fn with_avx2($($argument: $type),*) {
                // SAFETY: this function is compiled for these vectors.
                unsafe { $kernel::<std::arch::x86_64::__m256>($($argument),*) }
            }
            if std::arch::is_x86_feature_detected!("avx512f") {
                // SAFETY: the processor has just been asked.
                return unsafe { with_avx512($($argument),*) };
            }
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                // SAFETY: the processor has just been asked.
                return unsafe { with_avx2($($argument),*) };
            }
        }
        // SAFETY: arrays need no special instructions.
        unsafe { $kernel::<[f32; 8]>($($argument),*) }
    }};
}
pub(crate) use widest;

/// Calls an `#[inline(always)]` function of ordinary code, compiled for 256-bit vectors where this processor has them. Nothing is fused
/// or reordered, so that both ways give the same bits.
macro_rules! wide {
    ($kernel:ident($($argument:ident: $type:ty),* $(,)?)) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2")]
            fn with_avx2($($argument: $type),*) {
                $kernel($($argument),*)
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has just been asked.
                return unsafe { with_avx2($($argument),*) };
            }
        }
        $kernel($($argument),*)
    }};
}
pub(crate) use wide;
