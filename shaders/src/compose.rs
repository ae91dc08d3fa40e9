//! Twin of `wgsl/compose.wgsl`.

use crate::Sample;

/// The most layers of a picture.
pub const MOST_LAYERS: usize = 4;

/// `LayerPlane` of the kernel; meanings are given there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
#[expect(missing_docs, reason = "described in the kernel")]
pub struct LayerPlane {
    pub offset: u32,
    pub stride: u32,
    pub row: u32,
    pub rows: u32,
    pub fade_in: u32,
    pub fade_out: u32,
}

/// `Job` of the kernel; meanings are given there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
#[expect(missing_docs, reason = "described in the kernel")]
pub struct ComposeJob {
    pub first_workgroup: u32,
    pub row_workgroups: u32,
    pub output: u32,
    pub output_stride: u32,
    pub height: u32,
    pub words: u32,
    pub log2_samples_per_word: u32,
    pub count: u32,
    pub layers: [LayerPlane; MOST_LAYERS],
}

/// A plane of a layer.
#[derive(Clone, Copy, Debug)]
pub struct LayerRows<'a, S> {
    /// Its rows, as wide as the rung.
    pub samples: &'a [S],
    /// Samples from one row to the next.
    pub stride: usize,
    /// The first row of the rung that it covers.
    pub row: usize,
    /// How many it covers, at least one.
    pub rows: usize,
    /// Rows over which it fades in from its first one, and out to its last.
    pub fades: [usize; 2],
}

/// Makes row `row` of a plane of a rung of its layers, the lowest first. What none covers is zero.
///
/// # Panics
/// When a layer has fewer samples than it says.
pub fn compose<S: Sample>(layers: &[LayerRows<'_, S>], row: usize, output: &mut [S]) {
    output.fill(S::narrow(0));
    for layer in layers {
        let Some(at) = row.checked_sub(layer.row).filter(|at| *at < layer.rows) else { continue };
        let upper = &layer.samples[at * layer.stride..][..output.len()];
        match part(layer, at) {
            256 => output.copy_from_slice(upper),
            part => {
                for (made, &upper) in output.iter_mut().zip(upper) {
                    let sum = i32::from(made.widen()) * (256 - part) + i32::from(upper.widen()) * part;
                    *made = S::narrow((sum + 128) >> 8);
                }
            }
        }
    }
}

/// The part of 256 that row `at` of a layer has of the picture.
fn part<S>(layer: &LayerRows<'_, S>, at: usize) -> i32 {
    let fading =
        |fade: usize, from: usize| if from < fade { ((2 * from + 1) * 256 / (2 * fade)).min(256) } else { 256 };
    let [fade_in, fade_out] = layer.fades;
    (fading(fade_in, at) * fading(fade_out, layer.rows - 1 - at) / 256) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_cover_one_another_and_fade_by_rows() {
        let (lower, upper) = ([100u8; 8 * 3], [200u8; 4 * 3]);
        let layers = [
            LayerRows { samples: &lower, stride: 3, row: 0, rows: 8, fades: [0, 0] },
            LayerRows { samples: &upper, stride: 3, row: 3, rows: 4, fades: [2, 1] },
        ];
        let rows: Vec<_> = (0..9)
            .map(|row| {
                let mut made = [9u8; 3];
                compose(&layers, row, &mut made);
                assert_eq!(made, [made[0]; 3]);
                made[0]
            })
            .collect();
        // A quarter and three quarters on the way in, half on the way out; nothing covers the last row.
        assert_eq!(rows, [100, 100, 100, 125, 175, 200, 150, 100, 0]);
    }
}
