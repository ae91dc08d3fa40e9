//! Bakes a conversion of colours into a table.

use super::colour_map::{Coding, ColourMap, ColourMapError, SourceColour, Target};
use super::cube::Cube;
use crate::light::Triple;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZero;
use std::thread;
use upright_shaders::map_colour::{ColourTable, FRACTION_BITS, HALF, NODE_BITS};

/// Nodes along an axis: 1.65 MB as a table, in memory and on a GPU.
///
/// Against the function itself, over the films of HDR10 and HLG in `shared/footage`, in deltaE2000 of codes of 10 bits
/// (which by rounding alone differ by 0.05): 33 nodes (0.22 MB) differ by 0.21 in the mean and 1.1 to 1.6 in 99.9 % of
/// samples, 65 by 0.12 to 0.16 and 0.7 to 0.9. Axes of Y', Cb and Cr instead of R', G' and B', three quarters of whose
/// cube is no colour, differ by 0.3 to 0.4 with 65 nodes. R', G' and B' are evenly spaced already: all of their curves
/// follow the eye.
pub const NODES: usize = 65;

/// Bytes of such a table on a GPU.
#[cfg(feature = "gpu")]
pub(in crate::picture) const TABLE_BYTES: usize = 4 * (NODES.pow(3).div_ceil(2) + NODES.pow(3));

/// A look, and where it goes.
#[derive(Clone, Debug)]
pub struct Look {
    /// The look.
    pub cube: Cube,
    /// Where it goes.
    pub place: LookPlace,
}

/// What a look is applied to, and what comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LookPlace {
    /// R'G'B' of BT.709, when colours have been converted; gives the same.
    Converted,
    /// R'G'B' of the source, before; gives the same.
    Source,
    /// R'G'B' of the source; gives that of BT.709, so that nothing else is converted.
    Conversion,
}

/// Converts codes of a source to codes of BT.709 in limited range, in f64.
#[derive(Clone, Debug)]
pub struct Conversion {
    source: Coding,
    source_bits: u32,
    /// None where a look converts.
    map: Option<ColourMap>,
    look: Option<Look>,
}

impl Conversion {
    /// Prepares one.
    ///
    /// # Errors
    /// [`ColourMapError`] when the source cannot be converted. With [`LookPlace::Conversion`] primaries and transfer do
    /// not matter.
    pub fn new(source: &SourceColour, target: Target, look: Option<Look>) -> Result<Self, ColourMapError> {
        let converts = look.as_ref().is_some_and(|look| look.place == LookPlace::Conversion);
        let map = if converts { None } else { Some(ColourMap::new(source, target)?) };
        Ok(Self { source: Coding::of(source)?, source_bits: source.depth, map, look })
    }

    /// Converts R'G'B' of the source to R'G'B' of BT.709.
    pub fn convert(&self, rgb: Triple) -> Triple {
        let look = |at: LookPlace, rgb: Triple| match &self.look {
            Some(look) if look.place == at => look.cube.apply(rgb),
            _ => rgb,
        };
        match &self.map {
            None => look(LookPlace::Conversion, rgb),
            Some(map) => look(LookPlace::Converted, map.convert(look(LookPlace::Source, rgb))),
        }
    }

    /// Converts codes, of samples that lie at the same place, to codes of BT.709 of `bits`, not rounded.
    pub fn convert_codes(&self, codes: Triple, bits: u32) -> Triple {
        legal(Coding::bt709(bits).codes(self.convert(self.source.rgb(codes))), bits)
    }

    /// The part of R'G'B' that the table covers.
    fn domain(&self) -> [f64; 2] {
        let looked = self.look.as_ref().is_some_and(|look| look.place != LookPlace::Converted);
        self.map.as_ref().filter(|_| !looked).map_or([0.0, 1.0], ColourMap::domain)
    }

    /// Bakes the table, with `nodes` nodes along an axis and for output of `output_bits`, on `threads` threads.
    ///
    /// Give 10 bits wherever what is made is scaled afterwards, since scaling brings it to 8 with noise and the table
    /// does not.
    pub fn bake(&self, nodes: usize, output_bits: u32, threads: NonZero<usize>) -> ColourTable {
        let coding = Coding::bt709(output_bits);
        let [least, most] = self.domain();
        let part = |at: usize| least + (most - least) * at as f64 / (nodes - 1) as f64;
        let layer = nodes * nodes;
        let mut values = vec![[0u16; 3]; layer * nodes];
        let fill = |first: usize, values: &mut [[u16; 3]]| {
            for (value, at) in values.iter_mut().zip(first..) {
                let rgb = [at % nodes, at / nodes % nodes, at / layer].map(part);
                *value = node(legal(coding.codes(self.convert(rgb)), output_bits), output_bits);
            }
        };
        let fill = &fill;
        let chunk = nodes.div_ceil(threads.get()) * layer;
        thread::scope(|scope| {
            for (index, values) in values.chunks_mut(chunk).enumerate() {
                scope.spawn(move || fill(index * chunk, values));
            }
        });
        self.table(nodes, output_bits, &values)
    }

    fn table(&self, nodes: usize, output_bits: u32, values: &[[u16; 3]]) -> ColourTable {
        let [least, most] = self.domain();
        let (matrix, offset) = self.source.to_rgb();
        let scale = ((nodes - 1) << FRACTION_BITS) as f64 / (most - least);
        // Codes of 16 bits, from which half their range is taken.
        let unit = f64::from(1u32 << (16 - self.source_bits));
        let half = f64::from(HALF);
        let places: [f64; 3] = std::array::from_fn(|row| {
            let middle: f64 = matrix[row].iter().map(|part| part * half / unit).sum();
            (middle + offset[row] - least) * scale - half
        });
        let mut table = ColourTable {
            nodes,
            matrix: [[0; 3]; 3],
            offset: [0; 3],
            shift: 0,
            luma: values.iter().map(|value| value[0]).collect(),
            chroma: values.iter().map(|value| u32::from(value[1]) | u32::from(value[2]) << 16).collect(),
            output_bits,
        };
        // As fine as fits.
        for shift in (0..=MOST_SHIFT).rev() {
            let gain = f64::from(1u32 << shift);
            let parts = matrix.map(|row| row.map(|part| (part * scale / unit * gain).round()));
            let fits = parts.iter().flatten().all(|part| part.abs() <= f64::from(i16::MAX));
            table.shift = shift;
            table.matrix = parts.map(|row| row.map(|part| part as i16));
            // Half, since what is dropped is dropped downwards.
            table.offset = places.map(|place| ((place + 0.5) * gain).round() as i32);
            if fits && table.is_sound() {
                break;
            }
        }
        table
    }
}

/// More would not fit.
const MOST_SHIFT: u32 = 16;

/// Keeps codes out of those that interfaces reserve: BT.709, item 4.6 (0 and 255 at 8 bits).
fn legal(codes: Triple, bits: u32) -> Triple {
    let unit = f64::from(1u32 << (bits - 8));
    codes.map(|code| code.clamp(unit, 255.0 * unit - 1.0))
}

fn node(codes: Triple, bits: u32) -> [u16; 3] {
    codes.map(|code| (code * f64::from(1u32 << (NODE_BITS - bits))).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::light::{nits_of_pq, pq_of_nits};
    use upright_shaders::map_colour::{ChromaAxis, ColourSource, MapMemory, map_chroma, map_luma};
    use upright_shaders::plane::PlaneArea;

    const TWO: NonZero<usize> = NonZero::<usize>::MIN.saturating_add(1);

    fn source(primaries: u8, transfer: u8, matrix: u8, depth: u32) -> SourceColour {
        SourceColour { primaries, transfer, matrix, full_range: false, depth, peak: 1000.0, gamut: None }
    }

    fn conversion(source: &SourceColour, look: Option<Look>) -> Conversion {
        Conversion::new(source, Target::default(), look).unwrap()
    }

    /// Maps codes of samples at the same place.
    fn mapped(table: &ColourTable, bits: u32, codes: &[[u16; 3]]) -> Vec<[u16; 3]> {
        assert!(table.is_sound());
        let count = codes.len();
        let planes = [0, 1, 2].map(|plane| codes.iter().map(|codes| codes[plane]).collect::<Vec<_>>());
        let area =
            |plane: usize| PlaneArea { samples: &planes[plane][..], stride: count, columns: 0..count, rows: 0..1 };
        let source = ColourSource { planes: [area(0), area(1), area(2)], bits, axes: [ChromaAxis::NONE; 2] };
        let mut made = [0, 1, 2].map(|_| vec![0u16; count]);
        let [y, cb, cr] = &mut made;
        let memory = &mut MapMemory::default();
        map_luma(&source, table, 0..count, 0, memory, y);
        map_chroma(&source, table, 0..count, 0, memory, [cb, cr]);
        (0..count).map(|at| [0, 1, 2].map(|plane| made[plane][at])).collect()
    }

    fn random(seed: &mut u64) -> f64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) as f64 / (1u64 << 31) as f64
    }

    fn cube(value: impl Fn(f64) -> f64) -> Cube {
        let mut text = "LUT_3D_SIZE 5\n".to_owned();
        for at in 0..125 {
            let [r, g, b] = [at % 5, at / 5 % 5, at / 25].map(|node| value(f64::from(node) / 4.0));
            text += &format!("{r} {g} {b}\n");
        }
        Cube::parse(&text).unwrap()
    }

    #[test]
    fn what_is_bt_709_already_stays_as_it_is() {
        for (bits, unit) in [(8, 1), (10, 4), (12, 16)] {
            let table = conversion(&source(1, 1, 1, bits), None).bake(33, 10, TWO);
            // All of grey, overshoots too, and colours that R'G'B' can tell.
            let mut codes: Vec<[u16; 3]> = (unit..=1019 * unit / 4).map(|y| [y, 128 * unit, 128 * unit]).collect();
            let coding = Coding::of(&source(1, 1, 1, bits)).unwrap();
            let mut seed = 5;
            codes.extend(
                (0..10_000).map(|_| coding.codes([0; 3].map(|_| random(&mut seed))).map(|code| code.round() as u16)),
            );
            for (made, codes) in mapped(&table, bits, &codes).iter().zip(&codes) {
                for (made, code) in made.iter().zip(codes) {
                    let expected = f64::from(*code) * 4.0 / f64::from(unit);
                    assert!((f64::from(*made) - expected).abs() <= 0.56, "{bits} bits: {codes:?} gave {made}");
                }
            }
        }
    }

    #[test]
    fn grey_of_hdr_stays_grey_and_has_the_light_of_the_curve() {
        let pq = source(9, 16, 9, 10);
        let coding = Coding::of(&pq).unwrap();
        let table = conversion(&pq, None).bake(NODES, 10, TWO);
        for (nits, expected) in
            [(0.0, 0.0), (50.0, 50.0), (100.0, 99.36), (203.0, 159.04), (400.0, 193.61), (1000.0, 203.0)]
        {
            let code = coding.codes([pq_of_nits(nits); 3])[0].round();
            let [made] = mapped(&table, 10, &[[code as u16, 512, 512]])[..] else { panic!() };
            assert_eq!(made[1..], [512, 512]);
            let light = 203.0 * ((f64::from(made[0]) - 64.0) / 876.0).powf(2.4);
            // Half a nit, and what rounding to a code comes to on both sides.
            let rounding = nits * 0.006 + expected * 0.0015;
            assert!((light - expected).abs() <= 0.5 + rounding, "{nits}: {light} instead of {expected}");
        }
        // No grey is coloured or out of order.
        let greys: Vec<_> = (0..1024).map(|y| [y, 512, 512]).collect();
        let made = mapped(&table, 10, &greys);
        assert!(made.iter().all(|made| made[1..] == [512, 512]) && made.is_sorted());
        assert_eq!([made[64][0], made[940][0]], [64, 940]);
    }

    #[test]
    fn a_table_is_close_to_what_it_is_baked_from() {
        let full = SourceColour { full_range: true, ..source(9, 16, 9, 12) };
        let planes_of_rgb = SourceColour { matrix: 0, full_range: true, ..source(9, 18, 0, 10) };
        for source in
            [source(9, 16, 9, 10), source(9, 18, 9, 10), source(6, 6, 6, 8), source(5, 6, 5, 8), full, planes_of_rgb]
        {
            let conversion = conversion(&source, None);
            let table = conversion.bake(NODES, 10, TWO);
            let coding = Coding::of(&source).unwrap();
            let mut seed = 9;
            // Colours of middling saturation, where curves are smooth.
            let codes: Vec<_> = (0..20_000)
                .map(|_| {
                    let grey = 0.1 + 0.5 * random(&mut seed);
                    let rgb = [0; 3].map(|_| grey + 0.1 * (random(&mut seed) - 0.5));
                    coding.codes(rgb).map(|code| code.round() as u16)
                })
                .collect();
            let mut sum = 0.0;
            for (made, codes) in mapped(&table, source.depth, &codes).iter().zip(&codes) {
                let exact = conversion.convert_codes(codes.map(f64::from), 10);
                for (made, exact) in made.iter().zip(exact) {
                    let off = (f64::from(*made) - exact).abs();
                    sum += off;
                    assert!(off < 20.0, "{source:?}: {codes:?} gave {made} for {exact}");
                }
            }
            // Rounding alone gives 0.25.
            let mean = sum / (3 * codes.len()) as f64;
            assert!(mean < 0.5, "{source:?}: {mean}");
        }
    }

    #[test]
    fn looks_go_where_they_are_put() {
        let pq = source(9, 16, 9, 10);
        let plain = conversion(&pq, None);
        let look = |place| Some(Look { cube: cube(|value| value / 2.0), place });
        let rgb = [0.4, 0.5, 0.45];
        let halved = rgb.map(|value| value / 2.0);
        let near = |made: Triple, expected: Triple| {
            assert!(
                made.iter().zip(expected).all(|(made, expected)| (made - expected).abs() < 1e-6),
                "{made:?} {expected:?}"
            );
        };
        near(conversion(&pq, look(LookPlace::Converted)).convert(rgb), plain.convert(rgb).map(|value| value / 2.0));
        near(conversion(&pq, look(LookPlace::Source)).convert(rgb), plain.convert(halved));
        // Which needs to know neither primaries nor transfer.
        let unknown = source(2, 9, 9, 10);
        near(conversion(&unknown, look(LookPlace::Conversion)).convert(rgb), halved);
        assert!(Conversion::new(&unknown, Target::default(), None).is_err());
        // And through a table, which then reaches to the end of PQ: white becomes half of it.
        let table = conversion(&unknown, look(LookPlace::Conversion)).bake(33, 10, TWO);
        assert_eq!(mapped(&table, 10, &[[940, 512, 512]]), [[64 + 438, 512, 512]]);
    }

    #[test]
    fn a_table_does_not_depend_on_the_number_of_threads() {
        let conversion = conversion(&source(9, 16, 9, 10), None);
        let one = conversion.bake(9, 10, NonZero::<usize>::MIN);
        for threads in [2, 3, 8, 64] {
            assert_eq!(conversion.bake(9, 10, NonZero::new(threads).unwrap()), one);
        }
        // The whole is the same everywhere: if this fails, so do the bytes of renditions.
        let sum = one.words().iter().fold(0u32, |sum, word| sum.rotate_left(5) ^ word.wrapping_mul(0x9e37_79b9));
        assert_eq!(sum, 1_408_774_077);
        assert!(nits_of_pq(0.5) > 92.0);
    }

    #[test]
    fn all_sources_fit_the_integers() {
        for depth in [8, 10, 12] {
            for (primaries, transfer) in [(9, 16), (9, 18), (9, 14), (12, 13), (6, 6), (1, 1)] {
                for (matrix, full_range) in [(0, true), (0, false), (1, true), (9, false), (6, false), (9, true)] {
                    for peak in [1.0, 203.0, 10_000.0] {
                        let source = SourceColour { full_range, peak, ..source(primaries, transfer, matrix, depth) };
                        let table = conversion(&source, None).bake(3, 8, TWO);
                        assert!(table.is_sound() && table.shift > 0, "{source:?}");
                        let table = conversion(&source, None).table(NODES, 10, &vec![[0; 3]; NODES.pow(3)]);
                        assert!(table.is_sound() && table.shift >= 11, "{source:?}: {}", table.shift);
                    }
                }
            }
        }
    }
}
