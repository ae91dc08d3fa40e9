//! Benches: of the kernels and stages (Criterion), and the comparison with peers.
