//! The table that drives a kernel along one axis.

/// A filter along one axis: for every output sample, where its source samples begin and their weights.
///
/// Every run of `taps` source samples lies within the picture: weights that would fall outside have been added to
/// those of the edge sample, so that kernels never clamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    taps: usize,
    starts: Vec<u32>,
    weights: Vec<i16>,
    /// First of the nearest samples of each output sample; empty where sums are not held.
    nearest: Vec<u32>,
    hold: Hold,
}

/// How near to the nearest source samples a sum of weighted samples is held.
///
/// With `low` and `high` the least and the greatest of [`Filter::NEAREST`] samples, and `margin` such a part of a row's
/// sum, a sum lies between `low * (sum + margin) - high * margin` and `high * (sum + margin) - low * margin`: it
/// overshoots them by no more than a part of their difference. Both are sums of two weighted samples themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    /// Weight of the sample that is overshot: what rows add up to, and the margin.
    pub near: i16,
    /// Weight of the other: less the margin.
    pub far: i16,
}

impl Hold {
    /// Holds sums of rows that add up to `unity` to a margin in the same unit.
    pub fn new(unity: i32, margin: i32) -> Self {
        Self { near: (unity + margin) as i16, far: -margin as i16 }
    }

    /// Holds a sum to samples.
    #[inline(always)]
    pub fn apply(self, sum: i32, nearest: impl IntoIterator<Item = i16>) -> i32 {
        let (mut low, mut high) = (i32::from(i16::MAX), i32::from(i16::MIN));
        for sample in nearest {
            low = low.min(sample.into());
            high = high.max(sample.into());
        }
        let (near, far) = (i32::from(self.near), i32::from(self.far));
        sum.min(high * near + low * far).max(low * near + high * far)
    }
}

impl Filter {
    /// Rows of weights are padded with zeros to a multiple of this many.
    pub const LANES: usize = 8;

    /// Samples that sums are held to.
    pub const NEAREST: usize = 4;

    /// A filter with `taps` weights of zero for each of `outputs` samples.
    pub fn new(outputs: usize, taps: usize) -> Self {
        let (starts, weights, nearest) = Default::default();
        let mut filter = Self { taps, starts, weights, nearest, hold: Hold::default() };
        filter.reset(outputs, taps);
        filter
    }

    /// Makes it what [`Filter::new`] gives, in the memory that it has.
    pub fn reset(&mut self, outputs: usize, taps: usize) {
        self.taps = taps;
        self.starts.clear();
        self.starts.resize(outputs, 0);
        self.weights.clear();
        self.weights.resize(outputs * self.stride(), 0);
        self.nearest.clear();
    }

    /// Has sums held to the nearest samples, which [`Filter::nearest_mut`] names.
    pub fn hold(&mut self, hold: Hold) {
        self.hold = hold;
        self.nearest.resize(self.outputs(), 0);
    }

    /// Tells how sums are held, and the first of the nearest samples of each output sample, where they are. All of these are
    /// among those that the filter weighs.
    pub fn held(&self) -> Option<(Hold, &[u32])> {
        (!self.nearest.is_empty()).then_some((self.hold, self.nearest.as_slice()))
    }

    /// First of the nearest samples of each output sample, to be written; empty where sums are not held.
    pub fn nearest_mut(&mut self) -> &mut [u32] {
        &mut self.nearest
    }

    /// Number of output samples.
    pub fn outputs(&self) -> usize {
        self.starts.len()
    }

    /// Source samples per output sample.
    pub fn taps(&self) -> usize {
        self.taps
    }

    /// Weights from one row to the next: [`Filter::taps`] rounded up to [`Filter::LANES`].
    pub fn stride(&self) -> usize {
        self.taps.next_multiple_of(Self::LANES)
    }

    /// First source sample of each output sample; never decreasing.
    pub fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// The weights of one output sample and their padding, in units of 1 / [`crate::UNITY`].
    pub fn row(&self, output: usize) -> &[i16] {
        &self.weights[output * self.stride()..][..self.stride()]
    }

    /// First source sample and weights of one output sample, to be written.
    pub fn row_mut(&mut self, output: usize) -> (&mut u32, &mut [i16]) {
        let stride = self.stride();
        (&mut self.starts[output], &mut self.weights[output * stride..][..self.taps])
    }

    /// The source samples that the filter reads.
    pub fn support(&self) -> std::ops::Range<u32> {
        match (self.starts.first(), self.starts.last()) {
            (Some(&first), Some(&last)) => first..last + self.taps as u32,
            _ => 0..0,
        }
    }

    /// Words that hold a row of weights on a GPU, two to a word.
    pub fn pairs(&self) -> usize {
        self.taps.div_ceil(2)
    }

    /// Words of [`Filter::words`].
    pub fn word_count(&self) -> usize {
        self.outputs() * (1 + self.pairs()) + self.nearest.len()
    }

    /// Word of [`Filter::words`] with which the first ones of the nearest samples begin, where there are any.
    pub fn nearest_word(&self) -> usize {
        self.outputs() * (1 + self.pairs())
    }

    /// The filter as the kernels read it: the starts, then the rows of weights, two to a word, first in the lower half,
    /// then the first ones of the nearest samples where sums are held.
    pub fn words(&self) -> impl Iterator<Item = u32> + '_ {
        let pair = |pair: &[i16]| u32::from(pair[0] as u16) | u32::from(pair[1] as u16) << 16;
        let rows = self.weights.chunks_exact(self.stride().max(1));
        let weights = rows.flat_map(move |row| row[..2 * self.pairs()].chunks_exact(2).map(pair));
        self.starts.iter().copied().chain(weights).chain(self.nearest.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_hold_starts_then_pairs_of_weights() {
        let mut filter = Filter::new(2, 3);
        for output in 0..2 {
            let (start, weights) = filter.row_mut(output);
            *start = 7 + output as u32;
            weights.copy_from_slice(&[-1, 2, 0x1234]);
        }
        let words: Vec<u32> = filter.words().collect();
        assert_eq!(words, [7, 8, 0x0002_ffff, 0x1234, 0x0002_ffff, 0x1234]);
        assert_eq!(words.len(), filter.word_count());
        assert_eq!(filter.support(), 7..11);
        assert_eq!(filter.row(1), [-1, 2, 0x1234, 0, 0, 0, 0, 0]);
        filter.hold(Hold::new(16, 3));
        filter.nearest_mut().copy_from_slice(&[8, 9]);
        let words: Vec<u32> = filter.words().collect();
        assert_eq!(words[filter.nearest_word()..], [8, 9]);
        assert_eq!(words.len(), filter.word_count());
    }

    #[test]
    fn sums_are_held_to_a_part_of_the_difference_of_the_nearest() {
        let hold = Hold::new(16, 3);
        for (sum, expected) in [(-1000, -10 * 16 - 30 * 3), (7, 7), (1000, 20 * 16 + 30 * 3)] {
            assert_eq!(hold.apply(sum, [20, -10, 0, 5]), expected);
        }
        assert_eq!(hold.apply(1000, [9; 4]), 9 * 16);
    }
}
