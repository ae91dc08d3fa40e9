//! Samples as they lie in memory.

/// `u8` or `u16`.
pub trait Sample: Copy {
    /// As the kernels compute with it. Samples have at most 15 bits.
    fn widen(self) -> i16;
    /// From a value between 0 and the largest sample.
    fn narrow(value: i32) -> Self;
}

impl Sample for u8 {
    #[inline]
    fn widen(self) -> i16 {
        i16::from(self)
    }

    #[inline]
    fn narrow(value: i32) -> Self {
        value as Self
    }
}

impl Sample for u16 {
    #[inline]
    fn widen(self) -> i16 {
        self as i16
    }

    #[inline]
    fn narrow(value: i32) -> Self {
        value as Self
    }
}
