//! Pictures that are mixtures of those around them: ghosts, as conversions of the frame rate by blending leave them.
//!
//! Such a conversion makes more pictures than there were, each a weighted sum of two neighbours. So among some pictures in
//! succession one is a weighted sum of the others, but for what coding has changed. Pictures of what moves are not: what each
//! shows in between is in none of the others. Each picture is predicted from one and from three on either side, by least squares,
//! and what that leaves is compared with what pictures differ by. Neither the weights nor the rates have to be known.
//!
//! What moves slowly, or changes evenly as in a dissolve, is predicted well too, but every picture of it: a mixture is one that
//! is predicted far better than others near it. Pictures that repeat the one before are passed over, and a picture that comes
//! back unmixed is none.
//!
//! All of it follows from the products of changes from picture to picture (their Gram matrix), of which a few are kept for each
//! block.

use std::collections::VecDeque;
use std::ops::Range;

/// Samples of a block.
pub(super) const BLOCK: usize = 32;
/// A code of 8 bits, in samples.
pub(super) const CODE: i16 = 16;
/// Changes of which products are known: this one with itself and with those before.
const LAGS: usize = 12;
/// Pictures on either side that one is predicted from.
const REACHES: [usize; 2] = [1, 3];
/// Pictures that are predicted from, that one, and no more.
const WINDOW: usize = 2 * REACHES[1] + 1;
/// Pictures on either side that tell whether one is a repeat.
const AROUND: usize = 2;
/// It is one if its change is less than this part of the greatest of theirs, as coding leaves it, or than this, in squares of codes.
const REPEAT: f64 = 0.1;
const STILL: f64 = 0.05;
/// Blocks that change by this many times the mean are predicted, at least so many.
const MOVING: f64 = 2.0;
const LEAST_BLOCKS: usize = 3;
/// A change of so many times the median is a cut.
const CUT: f64 = 10.0;
/// What is added to the matrix's diagonal, in parts of its mean.
const RIDGE: f64 = 0.001;
/// A picture that another one predicts by itself, but for so many times what all leave, has come back.
const BACK: f64 = 3.0;
/// What is left of a mixture is less than this, in quarters of the mean change; and so many times less than what is left of another
/// one near it, so many pictures off at most, of which so much is left. Of pictures that have nothing in common 3 is left when they are
/// predicted from two: three halves of their variance, of which a change is twice.
const MIXED: f32 = 0.2;
const CONTRAST: f32 = 4.0;
const UNPREDICTED: f32 = 0.5;
const NEAR: usize = 3;

/// What a picture was found to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Origin {
    /// Nothing tells.
    #[default]
    Unknown,
    /// A picture of its own.
    Own,
    /// A mixture of those around it.
    Mixed,
}

/// Looks at picture after picture.
#[derive(Debug, Default)]
pub(super) struct MixtureMeter {
    /// Pictures so far.
    count: usize,
    before: Vec<i16>,
    /// The last changes, the latest first.
    differences: VecDeque<Vec<i16>>,
    /// Products of the last changes, the latest last: it is that of picture `count - 1`.
    changes: VecDeque<Change>,
    /// The last pictures that are no repeats.
    distinct: VecDeque<usize>,
    /// What is left of every such picture.
    left: Vec<Left>,
}

/// Products of a change with itself and with those before it, summed up.
#[derive(Debug)]
struct Change {
    blocks: Vec<[i32; LAGS]>,
    /// The mean of a sample, in codes of 8 bits.
    all: [f64; LAGS],
}

#[derive(Debug)]
struct Left {
    number: usize,
    /// For each of [`REACHES`].
    parts: [Option<f32>; 2],
}

impl MixtureMeter {
    /// Takes the next picture, as samples of blocks, from 0 to 255 times [`CODE`].
    pub(super) fn push(&mut self, picture: Vec<i16>) {
        let number = self.count;
        self.count += 1;
        if self.before.len() != picture.len() || picture.is_empty() {
            self.differences.clear();
            self.changes.clear();
            self.distinct.clear();
            self.distinct.push_back(number);
            self.left.push(Left { number, parts: [None; 2] });
            self.before = picture;
            return;
        }
        self.differences.truncate(LAGS - 1);
        self.differences.push_front(picture.iter().zip(&self.before).map(|(own, before)| own - before).collect());
        self.changes.push_back(Change::of(&self.differences));
        if self.changes.len() > LAGS + AROUND {
            self.changes.pop_front();
        }
        self.before = picture;
        if let Some(known) = number.checked_sub(AROUND).filter(|known| self.distinct.back() < Some(known)) {
            self.decide(known);
        }
    }

    /// Says what the pictures were found to be.
    pub(super) fn finish(self) -> Vec<Origin> {
        let mut found = vec![Origin::Unknown; self.count];
        for reach in 0..REACHES.len() {
            let part = |left: &Left| left.parts[reach];
            for (index, left) in self.left.iter().enumerate() {
                let Some(own) = part(left) else { continue };
                let near = &self.left[index.saturating_sub(NEAR)..(index + NEAR + 1).min(self.left.len())];
                let most = near.iter().filter_map(part).fold(0.0, f32::max);
                if most < UNPREDICTED {
                    continue;
                }
                if own < MIXED && most > CONTRAST * own {
                    found[left.number] = Origin::Mixed;
                } else if found[left.number] == Origin::Unknown {
                    found[left.number] = Origin::Own;
                }
            }
        }
        found
    }

    /// Takes a picture of which those after it are known too.
    fn decide(&mut self, number: usize) {
        if self.is_repeat(number) {
            return;
        }
        self.distinct.push_back(number);
        if self.distinct.len() > WINDOW {
            self.distinct.pop_front();
        }
        self.left.push(Left { number, parts: [None; 2] });
        let parts = [self.predicted::<2>(), self.predicted::<6>()];
        for (index, (reach, part)) in REACHES.iter().zip(parts).enumerate() {
            if let Some(left) = self.left.len().checked_sub(reach + 1).and_then(|at| self.left.get_mut(at)) {
                left.parts[index] = part.or(left.parts[index]);
            }
        }
    }

    fn is_repeat(&self, number: usize) -> bool {
        let Some(&before) = self.distinct.back() else { return false };
        let step = before + 1..number + 1;
        if step.len() > LAGS {
            return false;
        }
        let gone = sum_of_products(&step, &step, |late, lag| self.change(late).map_or(0.0, |change| change.all[lag]));
        let around = number.saturating_sub(AROUND)..number + AROUND + 1;
        let most = around.filter_map(|near| self.change(near)).map(|change| change.all[0]).fold(0.0, f64::max);
        gone < STILL.max(REPEAT * most)
    }

    /// The change that leads to a picture.
    fn change(&self, number: usize) -> Option<&Change> {
        self.changes.get((number + self.changes.len()).checked_sub(self.count)?)
    }

    /// Predicts the middle one of the last `STEPS` + 1 distinct pictures from the others: gives what is left, in quarters of the
    /// mean change.
    fn predicted<const STEPS: usize>(&self) -> Option<f32> {
        let first = self.distinct.len().checked_sub(STEPS + 1)?;
        let at = |index: usize| self.distinct.get(first + index).copied().unwrap_or(0);
        let steps: [Range<usize>; STEPS] = std::array::from_fn(|step| at(step) + 1..at(step + 1) + 1);
        if at(STEPS) - at(0) > LAGS {
            return None;
        }
        let gram = self.gram(&steps)?;
        let mut changes: [f64; STEPS] = std::array::from_fn(|step| gram[step][step]);
        changes.sort_by(f64::total_cmp);
        let mean = changes.iter().sum::<f64>() / STEPS as f64;
        let median = f64::midpoint(changes[STEPS / 2 - 1], changes[STEPS / 2]);
        if changes[STEPS - 1] > CUT * median {
            return None;
        }
        let left = 1.0 / weight(&gram, RIDGE * mean)?;
        // What it differs by from each of the others.
        let middle = STEPS / 2;
        let differs = |other: usize| {
            let between = other.min(middle)..other.max(middle);
            between.clone().flat_map(|a| between.clone().map(move |b| (a, b))).map(|(a, b)| gram[a][b]).sum::<f64>()
        };
        let least = (0..=STEPS).filter(|&other| other != middle).map(differs).fold(f64::INFINITY, f64::min);
        let part = 4.0 * left / mean;
        #[expect(clippy::cast_possible_truncation, reason = "parts of one another")]
        let part = if least < BACK * left { part.max(1.0) } else { part } as f32;
        Some(part)
    }

    /// Sums up the products of these changes, in the blocks that change most.
    fn gram<const STEPS: usize>(&self, steps: &[Range<usize>; STEPS]) -> Option<[[f64; STEPS]; STEPS]> {
        let product = |block: usize, a: usize, b: usize| {
            sum_of_products(&steps[a], &steps[b], |late, lag| {
                self.change(late).map_or(0.0, |change| change.blocks[block][lag].into())
            })
        };
        let blocks = self.changes.back()?.blocks.len();
        let energies: Vec<f64> =
            (0..blocks).map(|block| (0..STEPS).map(|step| product(block, step, step)).sum()).collect();
        let mean = energies.iter().sum::<f64>() / blocks as f64;
        let moving: Vec<usize> = (0..blocks).filter(|&block| energies[block] >= MOVING * mean).collect();
        if mean <= 0.0 || moving.len() < LEAST_BLOCKS {
            return None;
        }
        let sum = |a: usize, b: usize| moving.iter().map(|&block| product(block, a, b)).sum();
        Some(std::array::from_fn(|a| std::array::from_fn(|b| sum(a, b))))
    }
}

impl Change {
    /// `differences` are the last ones, the latest first.
    fn of(differences: &VecDeque<Vec<i16>>) -> Self {
        let Some(own) = differences.front() else { return Self { blocks: Vec::new(), all: [0.0; LAGS] } };
        let own = own.as_chunks::<BLOCK>().0;
        let mut blocks = vec![[0; LAGS]; own.len()];
        let mut all = [0.0; LAGS];
        let samples = (own.len() * BLOCK) as f64 * f64::from(CODE).powi(2);
        for (lag, before) in differences.iter().enumerate() {
            let mut sum = 0;
            for ((a, b), products) in own.iter().zip(before.as_chunks::<BLOCK>().0).zip(&mut blocks) {
                // At most 32 times the square of 4080.
                let product: i32 = a.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
                products[lag] = product;
                sum += i64::from(product);
            }
            all[lag] = sum as f64 / samples;
        }
        Self { blocks, all }
    }
}

/// Sums up the products of the changes in two ranges, by the later one's number and how many before it the other one is.
fn sum_of_products(a: &Range<usize>, b: &Range<usize>, product: impl Fn(usize, usize) -> f64) -> f64 {
    a.clone().flat_map(|a| b.clone().map(move |b| (a, b))).map(|(a, b)| product(a.max(b), a.abs_diff(b))).sum()
}

/// Computes `u G^-1 u` for a matrix of products of changes, with `ridge` on its diagonal. With `u` 1 for the change to the middle picture
/// and -1 for the one from it, its inverse is the least square of all sums of changes in which the middle picture counts once, by
/// Lagrange. None for a singular matrix.
fn weight<const STEPS: usize>(gram: &[[f64; STEPS]; STEPS], ridge: f64) -> Option<f64> {
    // Cholesky's factor, row by row, and the solution of its triangle.
    let (mut factor, mut solved) = ([[0.0; STEPS]; STEPS], [0.0; STEPS]);
    let mut sum = 0.0;
    for (row, products) in gram.iter().enumerate() {
        for (column, product) in products.iter().enumerate().take(row + 1) {
            let known: f64 = (0..column).map(|at| factor[row][at] * factor[column][at]).sum();
            let rest = product + if row == column { ridge } else { 0.0 } - known;
            factor[row][column] = if row == column { rest.sqrt() } else { rest / factor[column][column] };
        }
        let middle = [(STEPS / 2 - 1, 1.0), (STEPS / 2, -1.0)];
        let own: f64 = middle.iter().filter(|(at, _)| *at == row).map(|(_, sign)| sign).sum();
        let known: f64 = (0..row).map(|at| factor[row][at] * solved[at]).sum();
        solved[row] = (own - known) / factor[row][row];
        sum += solved[row] * solved[row];
    }
    (sum.is_finite() && sum > 0.0).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures of which a quarter of the blocks move, in codes times [`CODE`], the rest still.
    fn picture(time: i32) -> Vec<i16> {
        let block = |block: i32| {
            let moved = if block % 4 == 0 { 9 * time } else { 0 };
            (0..BLOCK as i32).map(move |at| {
                let at = (at - moved + 1000 * block) as u32;
                let hash = (at.wrapping_mul(0x9e37_79b9) ^ 0x85eb_ca6b).wrapping_mul(0x2c1b_3c6d);
                ((hash >> 20) % 4080) as i16
            })
        };
        (0..24).flat_map(block).collect()
    }

    fn mixed(a: &[i16], b: &[i16], percent: i32) -> Vec<i16> {
        let mix = |(a, b): (&i16, &i16)| ((i32::from(*a) * (100 - percent) + i32::from(*b) * percent) / 100) as i16;
        a.iter().zip(b).map(mix).collect()
    }

    fn found(pictures: impl IntoIterator<Item = Vec<i16>>) -> Vec<Origin> {
        let mut meter = MixtureMeter::default();
        pictures.into_iter().for_each(|picture| meter.push(picture));
        meter.finish()
    }

    /// Those of a conversion: the hundredth of a picture that each lies at.
    fn at(times: impl IntoIterator<Item = i32>) -> Vec<Origin> {
        found(times.into_iter().map(|time| mixed(&picture(time / 100), &picture(time / 100 + 1), time % 100)))
    }

    #[test]
    fn mixtures_are_told_from_the_pictures_that_they_are_made_of() {
        // Twice as many pictures: every other one is a mixture of its neighbours.
        let twice = at((0..40).map(|index| 50 * index));
        for (index, origin) in twice.iter().enumerate().take(36).skip(2) {
            assert_eq!(*origin, if index % 2 == 1 { Origin::Mixed } else { Origin::Own }, "{index}");
        }
        // Five for four: no mixture is one of its neighbours, which are mixtures too. The third and the fourth are of six pictures
        // that have five pictures in them, with the most weight.
        let five_for_four = at((0..60).map(|index| 80 * index));
        for (index, origin) in five_for_four.iter().enumerate().take(55).skip(5) {
            match index % 5 {
                2 | 3 => assert_eq!(*origin, Origin::Mixed, "{index}"),
                0 => assert_eq!(*origin, Origin::Own, "{index}"),
                _ => {}
            }
        }
    }

    #[test]
    fn neither_pictures_of_their_own_nor_repeats_nor_what_comes_back_are_mixtures() {
        let none = |pictures: Vec<Vec<i16>>| {
            let found = found(pictures);
            assert!(found.contains(&Origin::Own) && !found.contains(&Origin::Mixed), "{found:?}");
        };
        none((0..40).map(picture).collect());
        none((0..60).map(|index| picture(index * 4 / 5)).collect());
        none((0..60).map(|index| picture(index % 3)).collect());
        none((0..20).chain(40..60).map(picture).collect());
        assert!(found((0..40).map(|_| picture(0))).iter().all(|origin| *origin == Origin::Unknown));
        assert!(found([picture(0), Vec::new(), picture(1)]).iter().all(|origin| *origin == Origin::Unknown));
    }
}
