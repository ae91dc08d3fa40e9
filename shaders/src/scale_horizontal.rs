//! Twin of `wgsl/scale_horizontal.wgsl`.

use crate::{Filter, Rounding, Sample};

/// `Job` of the kernel; meanings are given there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
#[expect(missing_docs, reason = "described in the kernel")]
pub struct HorizontalJob {
    pub first_workgroup: u32,
    pub row_workgroups: u32,
    pub rows: u32,
    pub planes: u32,
    pub source: u32,
    pub source_stride: u32,
    pub source_plane: u32,
    pub source_log2_samples_per_word: u32,
    pub table: u32,
    pub pairs: u32,
    pub middle: u32,
    pub middle_stride: u32,
    pub middle_plane: u32,
    pub width: u32,
    pub bias: i32,
    pub shift: u32,
    pub nearest: u32,
    pub near: i32,
    pub far: i32,
    pub unused: u32,
}

/// Makes one row of intermediate samples, as long as the filter has outputs, from a row of the picture.
///
/// `widened` is memory to work in, whatever it holds.
///
/// # Panics
/// When the filter reaches beyond the row or `middle` is shorter than the filter has outputs.
pub fn scale_horizontal<S: Sample>(
    source: &[S],
    filter: &Filter,
    rounding: Rounding,
    widened: &mut Vec<i16>,
    middle: &mut [i16],
) {
    let support = filter.support();
    let (begin, end) = (support.start as usize, support.end as usize);
    widened.clear();
    widened.extend(source[begin..end].iter().map(|sample| sample.widen()));
    // The last rows' padding, which meets weights of zero.
    widened.resize(end - begin + Filter::LANES, 0);

    let middle = &mut middle[..filter.outputs()];
    if let Some((hold, nearest)) = filter.held() {
        for (x, ((start, nearest), middle)) in filter.starts().iter().zip(nearest).zip(middle).enumerate() {
            let weights = filter.row(x);
            let samples = &widened[*start as usize - begin..][..weights.len()];
            let nearest = &widened[*nearest as usize - begin..][..Filter::NEAREST];
            *middle = round(hold.apply(dot(samples, weights), nearest.iter().copied()), rounding);
        }
        return;
    }
    // A length known to the compiler is worth much to the short rows that most filters have.
    match filter.stride() {
        8 => rows::<1>(filter, rounding, begin, widened, middle),
        16 => rows::<2>(filter, rounding, begin, widened, middle),
        24 => rows::<3>(filter, rounding, begin, widened, middle),
        32 => rows::<4>(filter, rounding, begin, widened, middle),
        _ => {
            for (x, (start, middle)) in filter.starts().iter().zip(middle).enumerate() {
                let weights = filter.row(x);
                let samples = &widened[*start as usize - begin..][..weights.len()];
                *middle = round(dot(samples, weights), rounding);
            }
        }
    }
}

fn rows<const CHUNKS: usize>(filter: &Filter, rounding: Rounding, begin: usize, widened: &[i16], middle: &mut [i16]) {
    for (x, (start, middle)) in filter.starts().iter().zip(middle).enumerate() {
        let weights = &filter.row(x)[..CHUNKS * Filter::LANES];
        let samples = &widened[*start as usize - begin..][..CHUNKS * Filter::LANES];
        *middle = round(dot(samples, weights), rounding);
    }
}

fn round(sum: i32, rounding: Rounding) -> i16 {
    ((sum + rounding.bias) >> rounding.shift) as i16
}

#[inline(always)]
fn dot(samples: &[i16], weights: &[i16]) -> i32 {
    samples.iter().zip(weights).map(|(&sample, &weight)| i32::from(sample) * i32::from(weight)).sum()
}
