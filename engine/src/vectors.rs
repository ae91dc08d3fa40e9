//! Code compiled for the vector instructions of the processor that it runs on.

/// Work that is compiled once for each set of vector instructions. It gives the same bits with each: it multiplies and adds in a
/// fixed order, either each by itself, which no compiler joins, or by `mul_add`, which has one rounding whether or not the
/// processor has an instruction for it.
pub(crate) trait VectorWork {
    /// What comes of it.
    type Output;
    /// Does it; to be `#[inline(always)]`, and so all that it calls.
    fn run(self) -> Self::Output;
}

/// Sets of vector instructions, each with all of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Vectors {
    /// Those that every processor of its kind has.
    #[cfg(test)]
    Least,
    /// AVX2 and FMA.
    #[cfg(test)]
    Avx2,
    /// AVX-512.
    Avx512,
}

/// Does work with the widest vectors that the processor has.
pub(crate) fn vectorised<W: VectorWork>(work: W) -> W::Output {
    vectorised_up_to(Vectors::Avx512, work)
}

/// Does work with the widest vectors that the processor has, of those up to `most`.
#[expect(unsafe_code, reason = "calls functions compiled for more than the least processor")]
pub(crate) fn vectorised_up_to<W: VectorWork>(most: Vectors, work: W) -> W::Output {
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
        #[cfg(test)]
        if most == Vectors::Least {
            return work.run();
        }
        let fma = has!("avx2") && has!("fma");
        let is_wide = has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl");
        if fma && is_wide && most == Vectors::Avx512 {
            // SAFETY: the processor has what the function is compiled for.
            return unsafe { wide(work) };
        }
        if fma {
            // SAFETY: the processor has what the function is compiled for.
            return unsafe { narrow(work) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = most;
    work.run()
}
