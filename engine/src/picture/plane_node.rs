//! Nodes that make planes from planes of the same size.

use crate::frame::{Area, FieldOrder, FrameFormat};
use std::fmt::{self, Debug, Formatter};
use upright_shaders::denoise::TILE;
use upright_shaders::kernels::{DEINTERLACE, DENOISE, Kernel};
use upright_shaders::plane::{PlaneArea, PlaneAreaMut};

/// A node that makes each plane of a picture from the same plane of one or several neighbouring frames: all that has to be said
/// of a kernel of the form of `wgsl/plane.wgsl` for it to be part of a graph.
pub struct PlaneNode {
    /// Its kernel.
    pub kernel: &'static Kernel,
    /// Sides in samples of the tiles that its workgroups make; none where each makes a part of a row, a word a lane.
    pub tile: Option<usize>,
    /// The twin for planes of 8 bits.
    pub twin_8: PlaneTwin<u8>,
    /// The twin for planes of more.
    pub twin_16: PlaneTwin<u16>,
    /// Frames before and after its own that it looks at, five frames at most in all. At the ends of a run of frames the first and
    /// the last frame stand for those that are not there.
    pub neighbours: [usize; 2],
    /// Computes the area of the grid that its own frame must hold for an area to be made: one as large wherever the area lies,
    /// but for the ends of the grid. Where it is too small the kernel reads the nearest samples instead. Frames of a node with
    /// neighbours hold the whole grid.
    pub needs: fn(Area, FrameFormat) -> Area,
    /// The most pictures that it makes of a frame, of those that are asked for.
    pub most_pictures: usize,
    /// Tells the order of fields of what comes of a frame.
    pub fields: fn(FieldOrder) -> FieldOrder,
}

/// A twin, compiled for several sets of vector instructions: see [`crate::plane_twin!`].
#[derive(Clone, Copy)]
pub struct PlaneTwin<S> {
    /// For any processor.
    pub portable: TwinFn<S>,
    /// For x86-64 with AVX2.
    #[cfg(target_arch = "x86_64")]
    pub avx2: WideTwinFn<S>,
    /// For x86-64 with AVX-512.
    #[cfg(target_arch = "x86_64")]
    pub avx512: WideTwinFn<S>,
}

/// A twin of a kernel.
pub type TwinFn<S> = fn(&[PlaneArea<'_, S>], PlaneAreaMut<'_, S>);

/// A twin that only processors with certain instructions can run.
#[cfg(target_arch = "x86_64")]
pub type WideTwinFn<S> = unsafe fn(&[PlaneArea<'_, S>], PlaneAreaMut<'_, S>);

/// Compiles a twin, a function of [`upright_shaders`] that is always inlined, for all sets of vector instructions.
#[macro_export]
macro_rules! plane_twin {
    ($twin:path, $sample:ty) => {{
        type Sources<'a, 'b> = &'a [upright_shaders::plane::PlaneArea<'b, $sample>];
        type Output<'a> = upright_shaders::plane::PlaneAreaMut<'a, $sample>;
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2")]
        fn avx2(sources: Sources<'_, '_>, output: Output<'_>) {
            $twin(sources, output);
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl")]
        fn avx512(sources: Sources<'_, '_>, output: Output<'_>) {
            $twin(sources, output);
        }
        fn portable(sources: Sources<'_, '_>, output: Output<'_>) {
            $twin(sources, output);
        }
        $crate::picture::PlaneTwin::<$sample> {
            portable,
            #[cfg(target_arch = "x86_64")]
            avx2,
            #[cfg(target_arch = "x86_64")]
            avx512,
        }
    }};
}

/// Makes whole pictures of fields: see [`super::FieldUse`].
pub static DEINTERLACER: PlaneNode = PlaneNode {
    kernel: &DEINTERLACE,
    tile: None,
    twin_8: plane_twin!(upright_shaders::deinterlace, u8),
    twin_16: plane_twin!(upright_shaders::deinterlace, u16),
    neighbours: [1, 1],
    needs: |area, _| area,
    most_pictures: super::request::MOST_PICTURES,
    fields: |_| FieldOrder::Progressive,
};

/// Averages noise away along what moves.
pub(super) static DENOISER: PlaneNode = PlaneNode {
    kernel: &DENOISE,
    tile: Some(TILE),
    twin_8: plane_twin!(upright_shaders::denoise, u8),
    twin_16: plane_twin!(upright_shaders::denoise, u16),
    neighbours: [2, 2],
    needs: |area, _| area,
    most_pictures: 1,
    fields: |order| order,
};

impl Debug for PlaneNode {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.kernel.name)
    }
}
