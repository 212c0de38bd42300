//! Vectors by the processor's own instructions, and plain arrays, behind one trait.

use super::Element;

/// A vector of numbers. Loads and stores are unaligned.
pub(super) trait Vector: Copy {
    /// What it holds.
    type Number: Element;
    /// Numbers in it; divides [`LANES`].
    const SIZE: usize;
    unsafe fn splat(value: Self::Number) -> Self;
    unsafe fn load(from: *const Self::Number) -> Self;
    unsafe fn store(self, to: *mut Self::Number);
    /// `self * factor + term`.
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self;
}

impl<T: Element> Vector for [T; 8] {
    type Number = T;
    const SIZE: usize = 8;
    #[inline(always)]
    unsafe fn splat(value: T) -> Self {
        [value; 8]
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller's pointer has 8 numbers; an array of them needs no more alignment than one.
        unsafe { from.cast::<Self>().read() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: as above.
        unsafe { to.cast::<Self>().write(self) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        std::array::from_fn(|i| self[i] * factor[i] + term[i])
    }
}

/// An implementation of [`Vector`] by the processor's own, and the bodies compiled for it.
#[cfg(target_arch = "x86_64")]
macro_rules! vector_of {
    ($vector:ident, $size:literal, $splat:ident, $load:ident, $store:ident, $mul_add:ident) => {
        impl super::Vector for std::arch::x86_64::$vector {
            type Number = f32;
            const SIZE: usize = $size;
            #[inline(always)]
            unsafe fn splat(value: f32) -> Self {
                // SAFETY: reached only through functions whose callers asked the processor.
                unsafe { std::arch::x86_64::$splat(value) }
            }
            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                // SAFETY: as above, and the caller's pointer has a vector's numbers.
                unsafe { std::arch::x86_64::$load(from) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                // SAFETY: as above.
                unsafe { std::arch::x86_64::$store(to, self) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
                // SAFETY: as above.
                unsafe { std::arch::x86_64::$mul_add(self, factor, term) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod intel {
    vector_of!(__m512, 16, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps);
    vector_of!(__m256, 8, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps);
}
