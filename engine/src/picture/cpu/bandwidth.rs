//! How fast one core copies.

use crate::picture::info::{Bandwidth, Traffic};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Least duration of the copying in each direction.
const LONG_ENOUGH: Duration = Duration::from_millis(200);

/// Measures copies of as many bytes as go in and as come out.
pub(in crate::picture) fn bandwidth(traffic: Traffic) -> Bandwidth {
    Bandwidth { upload: rate(traffic.uploaded), read_back: rate(traffic.read_back) }
}

/// Bytes a second.
fn rate(bytes: usize) -> f64 {
    // Not zeros, of which the system has one page for all.
    let (source, mut target) = (vec![1u8; bytes.max(1)], vec![2u8; bytes.max(1)]);
    let (begin, mut copies) = (Instant::now(), 0.0);
    while begin.elapsed() < LONG_ENOUGH {
        target.copy_from_slice(black_box(&source));
        black_box(&mut target);
        copies += 1.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "memory is smaller than that")]
    let bytes = source.len() as f64;
    copies * bytes / begin.elapsed().as_secs_f64()
}
