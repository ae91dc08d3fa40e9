//! Rates as RFC 8216, 4.1 defines them.

/// How far a declared rate may be from what is measured.
const TOLERANCE: f64 = 0.1;

/// Tells whether a declared rate is as measured.
pub(super) fn is_near(declared: f64, measured: f64) -> bool {
    (declared / measured - 1.0).abs() <= TOLERANCE
}

/// The average and the peak of segments of so many seconds and bytes, in bits a second.
#[expect(clippy::cast_precision_loss, reason = "files are smaller than 2^53 bytes")]
pub(super) fn measure(segments: &[(f64, u64)]) -> (f64, f64) {
    let rate = |those: &[(f64, u64)]| {
        let seconds: f64 = those.iter().map(|it| it.0).sum();
        (seconds, those.iter().map(|it| it.1).sum::<u64>() as f64 * 8.0 / seconds.max(1e-9))
    };
    let target = segments.iter().map(|it| it.0).fold(0.0, f64::max);
    let average = rate(segments).1;
    let mut peak = average;
    for begin in 0..segments.len() {
        for end in begin + 1..=segments.len() {
            let (seconds, rate) = rate(&segments[begin..end]);
            if seconds > 1.5 * target {
                break;
            }
            if seconds >= 0.5 * target {
                peak = peak.max(rate);
            }
        }
    }
    (average, peak)
}
