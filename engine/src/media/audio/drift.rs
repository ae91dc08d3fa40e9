//! Deciding when sound that runs on is moved to where its timestamps put it.

/// Watches by how much the times of frames differ from where the sound so far ends.
///
/// What is off by more than a frame of film is moved at once, for there something is missing or there twice. Less than
/// that is moved when it stays so: the times that Matroska gives Vorbis swing by up to 21 ms to and fro as its blocks
/// change their length, and those of live recordings do so anyhow, while the sound itself runs on.
#[derive(Debug)]
pub(super) struct DriftWatch {
    /// The next frame goes exactly where its time puts it.
    insists: bool,
    /// Samples for which the frames have been off to the same side.
    off_for: i64,
    /// The least that they were off in that time.
    least: i64,
}

impl DriftWatch {
    /// The first frame goes where its time puts it.
    pub(super) fn new() -> Self {
        Self { insists: true, off_for: 0, least: 0 }
    }

    /// Says that the next frame goes exactly where its time puts it.
    pub(super) fn insist(&mut self) {
        self.insists = true;
    }

    /// By how many samples to move the next frame, which has `count` of `rate` a second and whose time puts it `off`
    /// samples after the end of the sound so far.
    pub(super) fn shift(&mut self, off: i64, count: i64, rate: i64) -> i64 {
        let (a_frame, unnoticed, patience) = (rate / 25, rate * 12 / 1000, rate / 2);
        let stays = off.abs() > unnoticed && off.signum() == self.least.signum();
        self.least = if stays && self.least.abs() < off.abs() { self.least } else { off };
        self.off_for = if stays { self.off_for + count } else { 0 };
        if !self.insists && off.abs() <= a_frame && self.off_for < patience {
            return 0;
        }
        let shift = if self.off_for < patience { off } else { self.least };
        *self = Self { insists: false, off_for: 0, least: 0 };
        shift
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: i64 = 48_000;
    const MS: i64 = 48;
    const FRAME: i64 = 20 * MS;

    /// The shifts of frames that are off by so many milliseconds, after a first one that is where it should be.
    fn shifts(off: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let mut step = DriftWatch::new();
        assert_eq!(step.shift(0, FRAME, RATE), 0);
        off.into_iter().map(|off| step.shift(off * MS, FRAME, RATE) / MS).collect()
    }

    #[test]
    fn the_first_frame_goes_where_it_says() {
        assert_eq!(DriftWatch::new().shift(-1, FRAME, RATE), -1);
        assert_eq!(DriftWatch::new().shift(700 * RATE, FRAME, RATE), 700 * RATE);
    }

    #[test]
    fn swings_are_ignored() {
        let swing = [0, 11, 21, 30, 11, -9, -30, 4];
        assert_eq!(shifts(swing.into_iter().cycle().take(800)), vec![0; 800]);
        assert_eq!(shifts([12; 800]), vec![0; 800]);
    }

    #[test]
    fn gaps_and_overlaps_are_moved_at_once() {
        assert_eq!(shifts([0, 41, 0]), [0, 41, 0]);
        assert_eq!(shifts([0, -41, 0, 41]), [0, -41, 0, 41]);
    }

    #[test]
    fn what_stays_off_is_moved_after_half_a_second_by_the_least_of_it() {
        let mut off = vec![26; 60];
        off[7] = 22;
        let found = shifts(off);
        let first = found.iter().position(|&shift| shift != 0).unwrap();
        assert_eq!((first, found[first]), (25, 22));
        assert_eq!(shifts((0..60).map(|n| if n < 26 { -15 } else { 0 }))[25], -15);
    }

    #[test]
    fn one_may_insist() {
        let mut step = DriftWatch::new();
        step.shift(0, FRAME, RATE);
        step.insist();
        assert_eq!((step.shift(5, FRAME, RATE), step.shift(5, FRAME, RATE)), (5, 0));
    }
}
