//! The network: convolutions over maps whose channels lie side by side.

use crate::vectors::{VectorWork, vectorised};
use std::sync::LazyLock;

/// Output channels that are summed at once.
const LANES: usize = 16;
/// Places whose channels are summed at once.
const PLACES: usize = 6;
/// Channels of a head: class, object, box, landmarks.
pub(super) const HEAD: usize = 1 + 1 + 4 + 10;

/// Input and output channels of the units, in the order of their weights.
const BACKBONE: [(usize, usize); 11] =
    [(16, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64), (64, 64), (64, 64), (64, 64), (64, 64), (64, 64)];

/// Numbers for every place of a picture, row by row, those of a place side by side.
#[derive(Clone, Debug, Default)]
pub(super) struct Map {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: usize,
    pub(super) values: Vec<f32>,
}

impl Map {
    fn new(width: usize, height: usize, channels: usize) -> Self {
        Self { width, height, channels, values: vec![0.0; width * height * channels] }
    }

    /// The numbers of a place.
    pub(super) fn at(&self, x: usize, y: usize) -> &[f32] {
        let start = (y * self.width + x) * self.channels;
        &self.values[start..start + self.channels]
    }
}

/// A pointwise convolution and after it a depthwise one of 3 by 3.
#[derive(Debug)]
struct Unit {
    inputs: usize,
    outputs: usize,
    /// For each input channel all output channels.
    pointwise: Vec<f32>,
    pointwise_bias: Vec<f32>,
    /// For each of the nine places all channels.
    depthwise: Vec<f32>,
    depthwise_bias: Vec<f32>,
}

/// All weights.
#[derive(Debug)]
struct Weights {
    /// 3 by 3 places of 3 channels, for each all output channels.
    stem: Vec<f32>,
    stem_bias: Vec<f32>,
    backbone: Vec<Unit>,
    /// From the coarsest scale to the finest.
    neck: Vec<Unit>,
    /// From the finest to the coarsest.
    heads: Vec<Unit>,
}

/// Reads numbers one after the other.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Vec<f32> {
        let (these, rest) = self.0.split_at((count * 4).min(self.0.len()));
        self.0 = rest;
        these.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
    }

    fn unit(&mut self, inputs: usize, outputs: usize) -> Unit {
        Unit {
            inputs,
            outputs,
            pointwise: self.take(inputs * outputs),
            pointwise_bias: self.take(outputs),
            depthwise: self.take(9 * outputs),
            depthwise_bias: self.take(outputs),
        }
    }
}

/// See `engine/models/README.md`.
static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| {
    let mut reader = Reader(include_bytes!("../../../models/yunet-s.f32"));
    Weights {
        stem: reader.take(27 * 16),
        stem_bias: reader.take(16),
        backbone: BACKBONE.iter().map(|&(inputs, outputs)| reader.unit(inputs, outputs)).collect(),
        neck: (0..3).map(|_| reader.unit(64, 64)).collect(),
        heads: (0..3).map(|_| reader.unit(64, HEAD)).collect(),
    }
});

/// Computes the heads of a picture, at strides 8, 16 and 32: [`HEAD`] channels for each place, before the sigmoid. `picture` has
/// three channels, blue, green and red, from 0 to 255; its sides are multiples of 32.
pub(super) fn heads(picture: &Map) -> [Map; 3] {
    vectorised(Heads(picture))
}

struct Heads<'a>(&'a Map);

impl VectorWork for Heads<'_> {
    type Output = [Map; 3];

    #[inline(always)]
    fn run(self) -> [Map; 3] {
        let weights = &*WEIGHTS;
        let mut map = stem(self.0, weights);
        let mut scales = Vec::new();
        for (index, unit) in weights.backbone.iter().enumerate() {
            map = unit_of(unit, &map, true);
            match index {
                0 | 4 => map = halved(&map),
                6 | 8 => {
                    let half = halved(&map);
                    scales.push(map);
                    map = half;
                }
                _ => {}
            }
        }
        let [fine, middle] = [0, 1].map(|scale| std::mem::take(&mut scales[scale]));
        let coarse = unit_of(&weights.neck[0], &map, true);
        let middle = unit_of(&weights.neck[1], &added(middle, &coarse), true);
        let fine = unit_of(&weights.neck[2], &added(fine, &middle), true);
        // No closure calls it: closures are not compiled for the vectors of what calls them.
        let heads = &weights.heads;
        [unit_of(&heads[0], &fine, false), unit_of(&heads[1], &middle, false), unit_of(&heads[2], &coarse, false)]
    }
}

/// The first convolution, 3 by 3 at every second place, and what is below zero made zero.
#[inline(always)]
fn stem(picture: &Map, weights: &Weights) -> Map {
    let mut out = Map::new(picture.width / 2, picture.height / 2, LANES);
    let (width, row_length) = (out.width, picture.width * 3);
    let bias = lanes(&weights.stem_bias, 0);
    // With a place of zeros before and after.
    let mut rows = [0, 1, 2].map(|_| vec![0.0_f32; row_length + 6]);
    for y in 0..out.height {
        for (down, row) in rows.iter_mut().enumerate() {
            match (2 * y + down).checked_sub(1).filter(|&y| y < picture.height) {
                Some(y) => row[3..3 + row_length].copy_from_slice(&picture.values[y * row_length..][..row_length]),
                None => row.fill(0.0),
            }
        }
        for x in 0..width {
            let mut sums = bias;
            for (down, row) in rows.iter().enumerate() {
                for (number, &value) in row[x * 6..x * 6 + 9].iter().enumerate() {
                    add_product(&mut sums, value, &lanes(&weights.stem, (down * 9 + number) * LANES));
                }
            }
            let start = (y * width + x) * LANES;
            for (out, sum) in out.values[start..start + LANES].iter_mut().zip(sums) {
                *out = sum.max(0.0);
            }
        }
    }
    out
}

#[inline(always)]
fn lanes(values: &[f32], start: usize) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    lanes.copy_from_slice(&values[start..start + LANES]);
    lanes
}

#[inline(always)]
fn add_product(sums: &mut [f32; LANES], value: f32, weights: &[f32; LANES]) {
    for lane in 0..LANES {
        sums[lane] = value.mul_add(weights[lane], sums[lane]);
    }
}

#[inline(always)]
fn unit_of(unit: &Unit, map: &Map, rectified: bool) -> Map {
    match unit.inputs {
        16 => unit_with::<16>(unit, map, rectified),
        32 => unit_with::<32>(unit, map, rectified),
        _ => unit_with::<64>(unit, map, rectified),
    }
}

/// A unit over a map, row by row, so that what lies between its two convolutions stays in the cache.
#[inline(always)]
fn unit_with<const INPUTS: usize>(unit: &Unit, map: &Map, rectified: bool) -> Map {
    let (width, outputs) = (map.width, unit.outputs);
    let mut out = Map::new(width, map.height, outputs);
    // Three rows of what the pointwise convolution gives, with a place of zeros before and after; and a row of zeros.
    let padded = (width + 2) * outputs;
    let mut rows = [0, 1, 2].map(|_| vec![0.0_f32; padded]);
    let zeros = vec![0.0_f32; padded];
    let mut computed = 0;
    for y in 0..map.height {
        while computed < (y + 2).min(map.height) {
            let row = &mut rows[computed % 3][outputs..outputs + width * outputs];
            pointwise::<INPUTS>(unit, &map.values[computed * width * INPUTS..][..width * INPUTS], row);
            computed += 1;
        }
        let row = |y: Option<usize>| y.filter(|&y| y < map.height).map_or(&zeros, |y| &rows[y % 3]).as_slice();
        let around = [row(y.checked_sub(1)), row(Some(y)), row(Some(y + 1))];
        depthwise(unit, around, &mut out.values[y * width * outputs..][..width * outputs], rectified);
    }
    out
}

#[inline(always)]
fn pointwise<const INPUTS: usize>(unit: &Unit, input: &[f32], output: &mut [f32]) {
    let outputs = unit.outputs;
    for first in (0..outputs).step_by(LANES) {
        let bias = lanes(&unit.pointwise_bias, first);
        let mut groups = input.chunks_exact(INPUTS * PLACES);
        let mut out = output.chunks_exact_mut(outputs * PLACES);
        for (places, out) in groups.by_ref().zip(out.by_ref()) {
            let mut sums = [bias; PLACES];
            for channel in 0..INPUTS {
                let weights = lanes(&unit.pointwise, channel * outputs + first);
                for (place, sums) in sums.iter_mut().enumerate() {
                    add_product(sums, places[place * INPUTS + channel], &weights);
                }
            }
            for (place, sums) in sums.iter().enumerate() {
                out[place * outputs + first..][..LANES].copy_from_slice(sums);
            }
        }
        let rest = groups.remainder().chunks_exact(INPUTS).zip(out.into_remainder().chunks_exact_mut(outputs));
        for (place, out) in rest {
            let mut sums = bias;
            for (channel, &value) in place.iter().enumerate() {
                add_product(&mut sums, value, &lanes(&unit.pointwise, channel * outputs + first));
            }
            out[first..first + LANES].copy_from_slice(&sums);
        }
    }
}

/// One row of the depthwise convolution; the rows around it have a place more at either end.
#[inline(always)]
fn depthwise(unit: &Unit, around: [&[f32]; 3], output: &mut [f32], rectified: bool) {
    let outputs = unit.outputs;
    let least = if rectified { 0.0 } else { f32::MIN };
    for first in (0..outputs).step_by(LANES) {
        let bias = lanes(&unit.depthwise_bias, first);
        let mut weights = [[0.0; LANES]; 9];
        for (place, weights) in weights.iter_mut().enumerate() {
            *weights = lanes(&unit.depthwise, place * outputs + first);
        }
        for (x, out) in output.chunks_exact_mut(outputs).enumerate() {
            let mut sums = bias;
            for (down, row) in around.iter().enumerate() {
                for across in 0..3 {
                    let values = lanes(row, (x + across) * outputs + first);
                    let weights = &weights[down * 3 + across];
                    for lane in 0..LANES {
                        sums[lane] = values[lane].mul_add(weights[lane], sums[lane]);
                    }
                }
            }
            for (out, sum) in out[first..first + LANES].iter_mut().zip(sums) {
                *out = sum.max(least);
            }
        }
    }
}

/// The largest of every two by two places.
#[inline(always)]
fn halved(map: &Map) -> Map {
    let mut out = Map::new(map.width / 2, map.height / 2, map.channels);
    let (channels, row_length) = (map.channels, map.width * map.channels);
    let rows = out.values.chunks_exact_mut((map.width / 2 * channels).max(1));
    for (out, rows) in rows.zip(map.values.chunks_exact((2 * row_length).max(1))) {
        let (upper, lower) = rows.split_at(row_length);
        for (x, out) in out.chunks_exact_mut(channels).enumerate() {
            let places = [&upper[2 * x * channels..], &lower[2 * x * channels..]];
            for (channel, out) in out.iter_mut().enumerate() {
                let of_row = |row: &[f32]| row[channel].max(row[channels + channel]);
                *out = of_row(places[0]).max(of_row(places[1]));
            }
        }
    }
    out
}

/// A map, and a coarser one added to it, each of whose places counts for two by two.
#[inline(always)]
fn added(mut map: Map, coarser: &Map) -> Map {
    let channels = map.channels;
    for (y, row) in map.values.chunks_exact_mut((map.width * channels).max(1)).enumerate() {
        for (x, place) in row.chunks_exact_mut(channels).enumerate() {
            for (value, add) in place.iter_mut().zip(coarser.at(x / 2, y / 2)) {
                *value += add;
            }
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of 96 by 64 made by a formula, which `engine/models/README.md` gives too.
    fn picture() -> Map {
        let mut map = Map::new(96, 64, 3);
        for (index, value) in map.values.iter_mut().enumerate() {
            let (place, channel) = (index / 3, index % 3);
            let (x, y) = (place % 96, place / 96);
            let number = (x * x * 3 + y * y * 5 + x * y * (channel + 1) + channel * 70) % 256;
            *value = f32::from(u8::try_from(number).unwrap());
        }
        map
    }

    /// Compares with what onnxruntime 1.32.0 makes of the same picture and the network's ONNX file: mean size of each head's numbers, and those
    /// of the place in column 1 and row 1, before the sigmoid.
    #[test]
    fn heads_are_those_that_another_runtime_computes() {
        let expected: [([f32; 2], [f32; 6]); 3] = [
            ([0.611_871, 0.669_840], [0.439_153, 7.131_7e-5, 0.841_409, 0.960_978, 0.630_690, 0.693_335]),
            ([0.313_038, 0.373_087], [0.419_075, 1.195_07e-5, 0.524_116, 0.531_596, -0.272_508, -0.136_765]),
            ([0.623_642, 0.758_463], [0.447_007, 2.507_27e-4, 0.568_978, 0.724_914, 0.414_830, 0.412_577]),
        ];
        for (head, (means, place)) in heads(&picture()).iter().zip(expected) {
            let mean = |channels: std::ops::Range<usize>| {
                let values = head.values.chunks(HEAD).flat_map(|place| &place[channels.clone()]);
                values.clone().map(|value| value.abs()).sum::<f32>() / values.count() as f32
            };
            let near = |a: f32, b: f32| (a - b).abs() <= 2e-4 * b.abs().max(0.1);
            assert!(near(mean(2..6), means[0]) && near(mean(6..16), means[1]), "{} {}", mean(2..6), mean(6..16));
            let at = head.at(1, 1);
            let sigmoid = |value: f32| 1.0 / (1.0 + (-value).exp());
            let found = [sigmoid(at[0]), sigmoid(at[1]), at[2], at[3], at[4], at[5]];
            assert!(found.iter().zip(place).all(|(&found, place)| near(found, place)), "{found:?} {place:?}");
        }
    }

    #[test]
    fn every_processor_computes_the_same_bits() {
        let picture = picture();
        let portable = Heads(&picture).run();
        let fast = heads(&picture);
        for (portable, fast) in portable.iter().zip(&fast) {
            let bits = |map: &Map| map.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(portable), bits(fast));
        }
    }
}
