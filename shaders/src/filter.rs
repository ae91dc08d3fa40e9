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
}

impl Filter {
    /// Rows of weights are padded with zeros to a multiple of this many.
    pub const LANES: usize = 8;

    /// A filter with `taps` weights of zero for each of `outputs` samples.
    pub fn new(outputs: usize, taps: usize) -> Self {
        let mut filter = Self { taps, starts: Vec::new(), weights: Vec::new() };
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
        self.outputs() * (1 + self.pairs())
    }

    /// The filter as the kernels read it: the starts, then the rows of weights, two to a word, first in the lower half.
    pub fn words(&self) -> impl Iterator<Item = u32> + '_ {
        let pair = |pair: &[i16]| u32::from(pair[0] as u16) | u32::from(pair[1] as u16) << 16;
        let rows = self.weights.chunks_exact(self.stride().max(1));
        self.starts.iter().copied().chain(rows.flat_map(move |row| row[..2 * self.pairs()].chunks_exact(2).map(pair)))
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
    }
}
