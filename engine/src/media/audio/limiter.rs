//! Amplifying sound, and holding its true peaks below a ceiling.

use std::collections::VecDeque;
use std::f64::consts::PI;

/// Samples to either side that a value between two samples is made of.
const REACH: usize = 12;
/// Values between two samples: four times as many as there are samples, as ITU-R BS.1770-5, annex 2, asks for.
const BETWEEN: usize = 3;
/// Seconds before a peak in which the gain falls: longer than a click, shorter than what is heard as fading.
const AHEAD: f64 = 0.005;
/// Seconds in which the gain comes back by all but a part of 1/e: slower than the waves of a bass, faster than speech swells.
const RELEASE: f64 = 0.1;

/// Amplifies sound and turns it down, all channels alike, around peaks that would be beyond the ceiling.
///
/// The gain falls in a straight line before a peak and rises along an exponential after it. As much sound is held back as that
/// looks ahead, and no more.
#[derive(Debug)]
pub(super) struct Limiter {
    gain: f32,
    ceiling: f32,
    /// Weights of the values between two samples.
    weights: [[f32; 2 * REACH]; BETWEEN],
    envelope: Envelope,
    /// Samples from the envelope's falling to a peak.
    delay: usize,
    /// Amplified samples, a row for each channel: those that are held back and those that peaks are looked for among.
    rows: Vec<Vec<f32>>,
    /// Where in them the next peak is looked for, and where the sample is that comes out with it, if it is there yet.
    next: usize,
    held: usize,
}

impl Limiter {
    /// For so many channels and samples a second; decibels of gain, and of the ceiling against full scale.
    pub(super) fn new(channels: usize, rate: u32, gain: f64, ceiling: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred samples")]
        let ahead = (AHEAD * f64::from(rate)).round().max(1.0) as usize;
        let delay = ahead + REACH;
        Self {
            gain: factor(gain),
            ceiling: factor(ceiling),
            weights: weights(),
            envelope: Envelope::new(ahead, REACH, (RELEASE * f64::from(rate)).recip()),
            delay,
            // Silence lies before the sound: what the first values between samples are made of.
            rows: vec![vec![0.0; REACH + delay]; channels],
            next: REACH + delay,
            held: 0,
        }
    }

    /// Takes samples, and appends to `out` those that are ready.
    pub(super) fn push(&mut self, rows: &[Vec<f32>], out: &mut [Vec<f32>]) {
        for (row, new) in self.rows.iter_mut().zip(rows) {
            row.extend(new.iter().map(|sample| sample * self.gain));
        }
        self.limit(out);
    }

    /// Appends the samples that were held back.
    pub(super) fn finish(&mut self, out: &mut [Vec<f32>]) {
        let silence = self.delay + REACH;
        self.rows.iter_mut().for_each(|row| row.resize(row.len() + silence, 0.0));
        self.limit(out);
    }

    fn limit(&mut self, out: &mut [Vec<f32>]) {
        let length = self.rows.iter().map(Vec::len).min().unwrap_or(0);
        while self.next + REACH < length {
            let needed = self.needed(self.next);
            let gain = self.envelope.next(needed);
            // What was before the sound does not come out.
            let place = self.next - self.delay;
            self.next += 1;
            if self.held < self.delay {
                self.held += 1;
                continue;
            }
            self.rows.iter().zip(out.iter_mut()).for_each(|(row, out)| out.push(row[place] * gain));
        }
        let done = self.next.saturating_sub(self.delay + REACH);
        self.rows.iter_mut().for_each(|row| drop(row.drain(..done)));
        self.next -= done;
    }

    /// The gain with which the sound from sample `at` up to the next is not beyond the ceiling.
    fn needed(&self, at: usize) -> f32 {
        let peak = self.rows.iter().map(|row| self.peak(row, at)).fold(0.0, f32::max);
        if peak > self.ceiling { self.ceiling / peak } else { 1.0 }
    }

    fn peak(&self, row: &[f32], at: usize) -> f32 {
        let around = &row[at + 1 - REACH..=at + REACH];
        let between = |weights: &[f32; 2 * REACH]| {
            let sum: f32 = weights.iter().zip(around).map(|(weight, sample)| weight * sample).sum();
            sum.abs()
        };
        self.weights.iter().map(between).fold(row[at].abs(), f32::max)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "samples are of single precision")]
fn factor(decibels: f64) -> f32 {
    10.0_f64.powf(decibels / 20.0) as f32
}

/// Weights by which values between two samples are made of those around: `sin(pi x) / (pi x)`, under a Hann window as wide as all of
/// them.
fn weights() -> [[f32; 2 * REACH]; BETWEEN] {
    let mut weights = [[0.0; 2 * REACH]; BETWEEN];
    for (number, weights) in weights.iter_mut().enumerate() {
        for (index, weight) in weights.iter_mut().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let away = (index as f64 - (REACH - 1) as f64) - (number + 1) as f64 / (BETWEEN + 1) as f64;
            #[expect(clippy::cast_precision_loss, reason = "a small number")]
            let window = (PI * away / (2 * REACH) as f64).cos().powi(2);
            #[expect(clippy::cast_possible_truncation, reason = "samples are of single precision")]
            let value = ((PI * away).sin() / (PI * away) * window) as f32;
            *weight = value;
        }
    }
    weights
}

/// Makes a smooth gain of the gains that are needed: never more than is needed, for samples from `reach` before to `reach` after.
#[derive(Debug)]
struct Envelope {
    /// Needed gains of the last samples that may still be the lowest, falling in age and rising in value, and their numbers.
    lowest: VecDeque<(u64, f32)>,
    /// Samples for which a needed gain holds.
    window: u64,
    /// Number of the next sample.
    at: u64,
    released: f64,
    release: f64,
    /// Gains whose mean comes out, and their sum.
    recent: VecDeque<f64>,
    sum: f64,
}

impl Envelope {
    /// Falls over `ahead` samples; rises by the part `release` of what is missing with each sample.
    ///
    /// The gain that comes out with sample n is for sample `n - ahead - reach`. It is the mean of the last `ahead + 1` lowest gains,
    /// each of them over `ahead + 2 * reach + 1` samples: in all of these the gain needed at any sample within `reach` was seen.
    fn new(ahead: usize, reach: usize, release: f64) -> Self {
        let window = u64::try_from(ahead + 2 * reach + 1).unwrap_or(u64::MAX);
        let recent = VecDeque::from(vec![1.0; ahead + 1]);
        #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
        let sum = recent.len() as f64;
        Self { lowest: VecDeque::new(), window, at: 0, released: 1.0, release, recent, sum }
    }

    fn next(&mut self, needed: f32) -> f32 {
        while self.lowest.back().is_some_and(|&(_, gain)| gain >= needed) {
            self.lowest.pop_back();
        }
        self.lowest.push_back((self.at, needed));
        while self.lowest.front().is_some_and(|&(number, _)| number + self.window <= self.at) {
            self.lowest.pop_front();
        }
        self.at += 1;
        let lowest = self.lowest.front().map_or(1.0, |&(_, gain)| f64::from(gain));
        self.released = (self.released + (1.0 - self.released) * self.release).min(lowest);
        self.sum += self.released - self.recent.pop_front().unwrap_or(1.0);
        self.recent.push_back(self.released);
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a gain up to 1")]
        let mean = (self.sum / self.recent.len() as f64) as f32;
        mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::run;
    use std::fmt::Write as _;
    use tempfile::TempDir;

    const RATE: u32 = 48_000;

    /// Loud noise, all of whose peaks lie between samples as often as on them; and a quiet end.
    fn noise(count: usize) -> Vec<Vec<f32>> {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f64::from(state >> 8) / f64::from(1 << 23) - 1.0) as f32
        };
        let quiet = |at: usize| if at > count / 2 { 0.05 } else { 1.0 };
        (0..2).map(|_| (0..count).map(|at| next() * quiet(at)).collect()).collect()
    }

    fn limited(rows: &[Vec<f32>], gain: f64, ceiling: f64, stretch: usize) -> Vec<Vec<f32>> {
        let mut limiter = Limiter::new(rows.len(), RATE, gain, ceiling);
        let mut out = vec![Vec::new(); rows.len()];
        for start in (0..rows[0].len()).step_by(stretch) {
            let part: Vec<_> = rows.iter().map(|row| row[start..row.len().min(start + stretch)].to_vec()).collect();
            limiter.push(&part, &mut out);
        }
        limiter.finish(&mut out);
        out
    }

    /// The highest true peak that ffmpeg finds, in decibels.
    fn true_peak(rows: &[Vec<f32>]) -> f64 {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("samples.raw");
        let bytes: Vec<u8> =
            (0..rows[0].len()).flat_map(|at| rows.iter().flat_map(move |row| row[at].to_le_bytes())).collect();
        std::fs::write(&path, bytes).unwrap();
        let mut filter = "ebur128=peak=true:metadata=1,ametadata=print".to_owned();
        write!(filter, ":key=lavfi.r128.true_peaks_ch0:file=-").unwrap();
        let input = ["-f", "f32le", "-ar", "48000", "-ac", "2", "-i", path.to_str().unwrap()];
        let said = run("ffmpeg", &[&input[..], &["-af", &filter, "-f", "null", "-"]].concat());
        let said = String::from_utf8(said).unwrap();
        let peaks = said.lines().filter_map(|line| line.strip_prefix("lavfi.r128.true_peaks_ch0="));
        20.0 * peaks.map(|peak| peak.parse::<f64>().unwrap()).fold(0.0, f64::max).log10()
    }

    #[test]
    fn true_peaks_are_held_and_what_is_quiet_is_only_amplified() {
        let rows = noise(RATE as usize);
        let out = limited(&rows, 6.0, -1.0, 1000);
        assert_eq!((out[0].len(), out[1].len()), (rows[0].len(), rows[1].len()));
        let peak = true_peak(&out);
        // The two interpolate in their own ways, which shows most with what is as loud in the highest octave as in all others.
        assert!((-1.6..-0.85).contains(&peak), "{peak} dBTP");
        // The measure can fail: without a ceiling they are above.
        assert!(true_peak(&limited(&rows, 6.0, 40.0, 1000)) > 5.0);
        let gain = factor(6.0);
        let late = RATE as usize * 95 / 100;
        let (before, after) = (&rows[0][late..], &out[0][late..]);
        assert!(before.iter().zip(after).all(|(old, new)| (old * gain - new).abs() < 1e-3), "the gain comes back");
        assert!(after.iter().any(|sample| sample.abs() > 0.05));
    }

    #[test]
    fn stretches_make_no_difference() {
        let rows = noise(20_000);
        assert_eq!(limited(&rows, 3.0, -2.0, 1), limited(&rows, 3.0, -2.0, 20_000));
        assert_eq!(limited(&rows, 3.0, -2.0, 777), limited(&rows, 3.0, -2.0, 20_000));
        let nothing = limited(&noise(0).iter().map(|_| vec![0.0; 5]).collect::<Vec<_>>(), 20.0, -1.0, 2);
        assert_eq!(nothing, vec![vec![0.0; 5]; 2]);
    }

    #[test]
    fn what_is_below_the_ceiling_stays_as_it_is() {
        let rows = noise(10_000);
        assert_eq!(limited(&rows, 0.0, 30.0, 512), rows);
    }
}
