//! Makes pictures of base layers that are none: what a decoder of Dolby Vision ends with.
//!
//! A picture is made in strips of few rows, for what a strip is made of to stay in a near cache; several threads take one after
//! the other. The bytes depend neither on where strips begin nor on who makes them.

use super::layer::{Layer, Plane, Shaping, Strip, StripMemory, StripWork};
use super::metadata::Metadata;
use super::to_pq::ToPq;
use crate::colour::ChromaSite;
use crate::frame::{Area, Depth, Frame, FrameFormat};
use crate::vectors::{Vectors, vectorised_up_to};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Luma samples around an area that its samples are made of: chroma between samples, and luma at the places of that.
pub(in crate::media) const REACH: u32 = 4;

/// Rows of luma in a strip.
const STRIP: usize = 32;

/// Luma samples for which a thread is worth its while: it begins within some microseconds, and they take a quarter of a
/// millisecond.
const SHARE: usize = 1 << 16;

/// Makes frames in BT.2020 and PQ from the samples of base layers.
#[derive(Debug)]
pub(in crate::media) struct Composer {
    /// What the next frame is made by.
    shaping: Shaping,
    to_pq: ToPq,
    base: Frame,
    /// One for each thread.
    memory: Vec<StripMemory>,
    vectors: Vectors,
}

impl Composer {
    /// For films whose base layer is of this format, whose first frame has this metadata; works with up to `threads` threads.
    pub(in crate::media) fn new(metadata: &Metadata, format: FrameFormat, threads: usize) -> Self {
        Self {
            shaping: Shaping::new(metadata),
            to_pq: ToPq::new(&metadata.signal),
            base: Frame::new(FrameFormat { width: 1, height: 1, ..format }),
            memory: (0..threads.max(1)).map(|_| StripMemory::default()).collect(),
            vectors: Vectors::Avx512,
        }
    }

    /// Gives the format of what is made of a base layer: of the bits that [`super::to_pq::MADE_BITS`] says.
    pub(in crate::media) fn format(base: FrameFormat) -> FrameFormat {
        FrameFormat { depth: Depth::Twelve, ..base }
    }

    /// Makes frames by this metadata from now on.
    pub(in crate::media) fn follow(&mut self, metadata: &Metadata) {
        self.to_pq.follow(&metadata.signal);
        if self.shaping.curves != metadata.curves {
            self.shaping = Shaping::new(metadata);
        }
    }

    /// Gives the frame that the samples of the base layer are to be put into.
    pub(in crate::media) fn base(&mut self) -> &mut Frame {
        &mut self.base
    }

    /// Makes `frame` hold the picture in `area`, whose format it has. [`Composer::base`] holds `held` of the base layer:
    /// the area and [`REACH`] around it, as far as the grid reaches; its chroma lies at `site`.
    pub(in crate::media) fn compose(&mut self, site: ChromaSite, held: Area, area: Area, frame: &mut Frame) {
        let Self { shaping, to_pq, base, memory, vectors } = self;
        let format = base.format();
        let planes = [0, 1, 2].map(|index| Plane::of(base, index));
        let axes = site.axes([format.subsampling.x, format.subsampling.y]);
        let layer = Layer { shaping, to_pq, planes, axes };
        let places = [0, 1].map(|plane| place(held, area, format, plane));
        let strips = Mutex::new(strips(frame, &places, format.subsampling.y as usize));
        let next = || strips.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let work = |memory: &mut StripMemory| {
            while let Some(strip) = next() {
                vectorised_up_to(*vectors, StripWork { layer, strip, memory });
            }
        };
        let threads = (area.width as usize * area.height as usize / SHARE).clamp(1, memory.len());
        thread::scope(|scope| {
            let Some((own, others)) = memory[..threads].split_first_mut() else { return };
            for memory in others {
                let begun = thread::Builder::new().name("compose".to_owned()).spawn_scoped(scope, || work(memory));
                // Where no more can be had, those that there are do all of it.
                if begun.is_err() {
                    break;
                }
            }
            work(own);
        });
    }
}

/// Columns and rows.
type Place = [Range<usize>; 2];

/// The columns and rows that an area has of a plane, counted from the first that is held.
fn place(held: Area, area: Area, format: FrameFormat, plane: usize) -> Place {
    let s = format.plane_subsampling(plane);
    let (held, area) = (held.of_plane(s), area.of_plane(s));
    [(area.x - held.x, area.width), (area.y - held.y, area.height)]
        .map(|(first, count)| first as usize..(first + count) as usize)
}

/// Takes a frame apart into strips, the last first. Luma and chroma lie at `places` of the base layer, which has `subsampling`
/// rows of luma to one of chroma.
fn strips<'a>(frame: &'a mut Frame, places: &[Place; 2], subsampling: usize) -> Vec<Strip<'a>> {
    let heights = [STRIP, STRIP / subsampling];
    let count = [0, 1].map(|kind| places[kind][1].len().div_ceil(heights[kind])).into_iter().max().unwrap_or(0);
    let mut rest = frame.planes_mut::<u16>();
    let mut strips: Vec<_> = (0..count)
        .map(|nth| {
            let rows = [0, 1].map(|kind| {
                let Range { start, end } = places[kind][1];
                let [first, last] = [nth, nth + 1].map(|nth| end.min(start + nth * heights[kind]));
                first..last
            });
            let mut kinds = [0, 1, 1].into_iter();
            let planes = rest.each_mut().map(|(rest, stride)| {
                let rows = &rows[kinds.next().unwrap_or(0)];
                let (plane, behind) = std::mem::take(rest).split_at_mut(rows.len() * *stride);
                *rest = behind;
                (plane, *stride)
            });
            Strip { columns: [places[0][0].clone(), places[1][0].clone()], rows, planes }
        })
        .collect();
    strips.reverse();
    strips
}

#[cfg(test)]
mod tests;
