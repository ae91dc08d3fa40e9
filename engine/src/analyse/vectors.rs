//! Code compiled for the vector instructions of the processor that it runs on.

/// Work that is compiled once for each set of vector instructions. It gives the same bits with each: what it multiplies and adds
/// is `mul_add` in a fixed order, which has one rounding whether or not the processor has an instruction for it.
pub(super) trait VectorWork {
    /// What comes of it.
    type Output;
    /// Does it; to be `#[inline(always)]`, and so all that it calls.
    fn run(self) -> Self::Output;
}

/// Does work with the widest vectors that the processor has.
#[expect(unsafe_code, reason = "calls functions compiled for more than the least processor")]
pub(super) fn vectorised<W: VectorWork>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
        fn wide<W: VectorWork>(work: W) -> W::Output {
            work.run()
        }
        #[target_feature(enable = "avx2,fma")]
        fn narrow<W: VectorWork>(work: W) -> W::Output {
            work.run()
        }
        use std::arch::is_x86_feature_detected as has;
        let fma = has!("avx2") && has!("fma");
        if fma && has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl") {
            // SAFETY: the processor has what the function is compiled for.
            return unsafe { wide(work) };
        }
        if fma {
            // SAFETY: the processor has what the function is compiled for.
            return unsafe { narrow(work) };
        }
    }
    work.run()
}
