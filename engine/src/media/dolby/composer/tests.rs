use super::*;
use crate::colour::Siting;
use crate::frame::Subsampling;
use crate::light::{Triple, apply, nits_of_pq, pq_of_nits};
use crate::media::dolby::curve::{Curve, Piece};
use crate::media::dolby::metadata::tests::profile_5;
use upright_shaders::map_colour::ChromaAxis;

struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / (1u64 << 31) as f64
    }
}

/// Curves as films have them: luma in pieces, chroma by a line and by all components.
fn metadata() -> Metadata {
    let polynomial = |from: f64, parts: [f64; 3]| (from, Piece::Polynomial(parts));
    let luma = vec![
        polynomial(0.0, [0.0150, 1.6111, -1.6483]),
        polynomial(0.18, [0.0498, 1.2059, -0.4306]),
        polynomial(0.68, [0.1204, 0.9201, -0.1223]),
    ];
    let mut powers = [[0.0, 0.0, 0.7, 0.05, 0.0, -0.04, 0.02], [0.0, 0.01, 0.0, 0.0, 0.03, 0.0, 0.0], [0.0; 7]];
    powers[2][0] = 0.01;
    let curve = |pieces| Curve { pieces, bounds: [0.0, 1.0] };
    let mut metadata = profile_5();
    metadata.curves = [
        curve(luma),
        curve(vec![polynomial(0.0, [0.2, 0.6, 0.0])]),
        curve(vec![(0.0, Piece::Regression(0.13, powers))]),
    ];
    metadata
}

/// Samples as pictures have them, brighter from left to right, with noise, within BT.2020.
fn base(format: FrameFormat) -> Frame {
    let mut random = Random(3);
    let mut frame = Frame::new(format);
    for index in 0..3 {
        let layout = frame.layout(index);
        let (samples, stride) = frame.plane_mut::<u16>(index);
        for row in samples.chunks_mut(stride) {
            for (x, sample) in row.iter_mut().take(layout.width as usize).enumerate() {
                let along = x as f64 / f64::from(layout.width);
                *sample = match index {
                    0 => 150.0 + 500.0 * along + 40.0 * random.next(),
                    _ => 490.0 + 20.0 * along + 25.0 * random.next(),
                } as u16;
            }
        }
    }
    frame
}

fn composed(composer: &mut Composer, source: &Frame, site: ChromaSite, held: Area, area: Area) -> [Vec<u16>; 3] {
    let grid = source.format();
    composer.base().reshape(held.format(grid));
    for index in 0..3 {
        let of = held.of_plane(grid.plane_subsampling(index));
        let (from, from_stride) = source.plane::<u16>(index);
        let (to, to_stride) = composer.base().plane_mut::<u16>(index);
        for (row, line) in to.chunks_mut(to_stride).enumerate() {
            let line = &mut line[..of.width as usize];
            line.copy_from_slice(&from[(of.y as usize + row) * from_stride + of.x as usize..][..line.len()]);
        }
    }
    let mut frame = Frame::new(area.format(Composer::format(grid)));
    composer.compose(site, held, area, &mut frame);
    [0, 1, 2].map(|index| {
        let width = frame.layout(index).width as usize;
        let (samples, stride) = frame.plane::<u16>(index);
        samples.chunks(stride).flat_map(|row| &row[..width]).copied().collect()
    })
}

/// The film by f64, one sample at a time.
struct Exact<'a> {
    metadata: Metadata,
    base: &'a Frame,
    axes: [ChromaAxis; 2],
}

impl Exact<'_> {
    /// A sample of the base layer, 0 to 1; beyond the plane, the nearest one.
    fn sample(&self, plane: usize, [x, y]: [i64; 2]) -> f64 {
        let layout = self.base.layout(plane);
        let (samples, stride) = self.base.plane::<u16>(plane);
        let [x, y] = [x.clamp(0, i64::from(layout.width) - 1), y.clamp(0, i64::from(layout.height) - 1)];
        f64::from(samples[y as usize * stride + x as usize]) / 1023.0
    }

    /// A weighted sum over places, the weights being quarters along either axis.
    fn sum(&self, along: [(i64, &[u16]); 2], value: impl Fn([i64; 2]) -> f64) -> f64 {
        let [(left, columns), (top, rows)] = along;
        let mut sum = 0.0;
        for (y, down) in (top..).zip(rows) {
            for (x, across) in (left..).zip(columns) {
                sum += f64::from(down * across) / 16.0 * value([x, y]);
            }
        }
        sum
    }

    fn luma(&self, at: [i64; 2]) -> f64 {
        let value = self.sample(0, at);
        self.metadata.curves[0].at(0, [value; 3])
    }

    fn about(&self, [x, y]: [i64; 2]) -> [(i64, [u16; 3]); 2] {
        // Beyond the plane the nearest sample stands, with its own luma.
        let layout = self.base.layout(1);
        let held = [x.clamp(0, i64::from(layout.width) - 1), y.clamp(0, i64::from(layout.height) - 1)];
        [0, 1].map(|axis| self.axes[axis].luma_of(held[axis] as usize))
    }

    fn chroma(&self, plane: usize, at: [i64; 2]) -> f64 {
        let [x, y] = self.about(at);
        let luma = self.sum([(x.0, &x.1), (y.0, &y.1)], |at| self.sample(0, at));
        self.metadata.curves[plane].at(plane, [luma, self.sample(1, at), self.sample(2, at)])
    }

    /// Codes of Y', Cb and Cr of reshaped samples.
    fn codes(&self, samples: Triple) -> Triple {
        let signal = &self.metadata.signal;
        let centred = [0, 1, 2].map(|at| samples[at] - signal.offset[at] * 1024.0 / 1023.0);
        let lms = apply(&signal.to_lms, apply(&signal.matrix, centred).map(nits_of_pq));
        let to_rgb = [
            [3.064_418_79, -2.165_976_76, 0.101_558_18],
            [-0.656_121_08, 1.785_541_18, -0.129_437_49],
            [0.017_363_21, -0.047_251_54, 1.030_042_53],
        ];
        let [r, g, b] = apply(&to_rgb, lms).map(pq_of_nits);
        let y = 0.2627 * r + 0.6780 * g + 0.0593 * b;
        [256.0 + 3504.0 * y, 2048.0 + 3584.0 * (b - y) / 1.8814, 2048.0 + 3584.0 * (r - y) / 1.4746]
    }

    fn luma_code(&self, [x, y]: [usize; 2]) -> f64 {
        let near = |axis: ChromaAxis, at: usize| {
            let (before, part) = axis.chroma_of(at);
            (before, [4 - part, part])
        };
        let [across, down] = [near(self.axes[0], x), near(self.axes[1], y)];
        let chroma = |plane| self.sum([(across.0, &across.1), (down.0, &down.1)], |at| self.chroma(plane, at));
        self.codes([self.luma([x as i64, y as i64]), chroma(1), chroma(2)])[0]
    }

    fn chroma_codes(&self, [x, y]: [usize; 2]) -> [f64; 2] {
        let at = [x as i64, y as i64];
        let [across, down] = self.about(at);
        let luma = self.sum([(across.0, &across.1), (down.0, &down.1)], |at| self.luma(at));
        let [_, cb, cr] = self.codes([luma, self.chroma(1, at), self.chroma(2, at)]);
        [cb, cr]
    }
}

const SITES: [ChromaSite; 3] =
    [ChromaSite::TOP_LEFT, ChromaSite::LEFT, ChromaSite { x: Siting::Centre, y: Siting::End }];

#[test]
fn pictures_are_those_of_the_formulas() {
    for (subsampling, site) in [
        (Subsampling::CS420, SITES[0]),
        (Subsampling::CS420, SITES[1]),
        (Subsampling::CS420, SITES[2]),
        (Subsampling::CS444, SITES[0]),
    ] {
        let format = FrameFormat { width: 151, height: 37, subsampling, depth: Depth::Ten };
        let (base, metadata) = (base(format), metadata());
        let whole = Area::whole(format);
        let [y, cb, cr] = composed(&mut Composer::new(&metadata, format, 1), &base, site, whole, whole);
        let exact = Exact { metadata, base: &base, axes: site.axes([subsampling.x, subsampling.y]) };
        let places = |plane: usize| {
            let layout = base.layout(plane);
            (0..layout.height as usize).flat_map(move |y| (0..layout.width as usize).map(move |x| [x, y]))
        };
        let luma = y.iter().zip(places(0)).map(|(made, at)| f64::from(*made) - exact.luma_code(at));
        let chroma = cb.iter().zip(&cr).zip(places(1)).flat_map(|((cb, cr), at)| {
            let exact = exact.chroma_codes(at);
            [f64::from(*cb) - exact[0], f64::from(*cr) - exact[1]]
        });
        for (what, off) in [("luma", luma.collect::<Vec<_>>()), ("chroma", chroma.collect())] {
            let most = off.iter().fold(0.0, |most: f64, off| most.max(off.abs()));
            let mean = off.iter().map(|off| off.abs()).sum::<f64>() / off.len() as f64;
            let bias = off.iter().sum::<f64>() / off.len() as f64;
            // Rounding to whole codes alone is a quarter in the mean, and a half at most.
            assert!(
                mean < 0.35 && most < 2.0 && bias.abs() < 0.05,
                "{what}, {subsampling:?}, {site:?}: mean {mean}, most {most}, bias {bias}"
            );
        }
    }
}

#[test]
fn bytes_are_the_same_for_all_vectors_threads_and_areas() {
    let format = FrameFormat { width: 1030, height: 203, subsampling: Subsampling::CS420, depth: Depth::Ten };
    let (base, metadata) = (base(format), metadata());
    let whole = Area::whole(format);
    let area = Area { x: 38, y: 22, width: 700, height: 180 };
    for site in SITES {
        let mut plain = Composer { vectors: Vectors::Least, ..Composer::new(&metadata, format, 1) };
        let expected = composed(&mut plain, &base, site, whole, whole);
        if site == SITES[0] {
            // The whole is the same everywhere: if this fails, so do the bytes of renditions.
            let sum = |sum: u32, code: &u16| sum.rotate_left(5) ^ u32::from(*code).wrapping_mul(0x9e37_79b9);
            assert_eq!(expected.iter().flatten().fold(0, sum), 864_317_162);
        }
        for (vectors, threads) in [(Vectors::Avx2, 1), (Vectors::Avx512, 1), (Vectors::Avx512, 3)] {
            let mut composer = Composer { vectors, ..Composer::new(&metadata, format, threads) };
            assert!(composed(&mut composer, &base, site, whole, whole) == expected, "{vectors:?}, {threads} threads");
            let part = composed(&mut composer, &base, site, area.grown(REACH, format), area);
            for (plane, part) in part.iter().enumerate() {
                let s = format.plane_subsampling(plane);
                let (of, width) = (area.of_plane(s), format.width.div_ceil(s.x) as usize);
                for (row, line) in part.chunks(of.width as usize).enumerate() {
                    let at = (of.y as usize + row) * width + of.x as usize;
                    assert!(line == &expected[plane][at..][..line.len()], "{vectors:?}, plane {plane}, row {row}");
                }
            }
        }
    }
}
