//! Makes pictures of base layers that are none: what a decoder of Dolby Vision ends with.

use super::layer::{Layer, Shaping};
use super::metadata::{Metadata, Signal};
use super::to_pq::ToPq;
use crate::colour::ChromaSite;
use crate::frame::{Area, Depth, Frame, FrameFormat};
use crate::media::ffi::AvFrame;
use std::ops::Range;

/// Luma samples around an area that its samples are made of: chroma between samples, and luma at the places of that.
pub(in crate::media) const REACH: u32 = 4;

/// Makes frames in BT.2020 and PQ from the samples of base layers.
#[derive(Debug)]
pub(in crate::media) struct Composer {
    /// Of the frame that is next; none where it has none.
    metadata: Result<Option<Metadata>, &'static str>,
    /// By the metadata of the last frame that was made.
    shaping: Option<Shaping>,
    to_pq: Option<(Signal, ToPq)>,
    base: Frame,
    /// Both kinds of chroma, reshaped.
    chroma: [Vec<f32>; 2],
    /// A row of each component at the height of the row that is made.
    rows: [Vec<f32>; 3],
}

impl Composer {
    /// For films whose first frame has this metadata and whose base layer is of this format.
    pub(in crate::media) fn new(metadata: Metadata, format: FrameFormat) -> Self {
        Self {
            metadata: Ok(Some(metadata)),
            shaping: None,
            to_pq: None,
            base: Frame::new(FrameFormat { width: 1, height: 1, ..format }),
            chroma: Default::default(),
            rows: Default::default(),
        }
    }

    /// Gives the format of what is made of a base layer: of the bits that [`super::to_pq::MADE_BITS`] says.
    pub(in crate::media) fn format(base: FrameFormat) -> FrameFormat {
        FrameFormat { depth: Depth::Twelve, ..base }
    }

    /// Takes the metadata of a frame that was decoded; `key` tells that decoding can begin with it. A frame without takes
    /// those of the frame shown before it, down to the last key frame, so that it does not depend on where decoding began.
    /// Says whether it has its own.
    pub(in crate::media) fn take(&mut self, frame: &AvFrame, key: bool) -> bool {
        let own = Metadata::of(frame);
        let there = matches!(own, Ok(Some(_)));
        if there || own.is_err() || key {
            self.metadata = own;
        }
        there
    }

    /// Tells whether the frame can be composed.
    ///
    /// # Errors
    /// What is wrong with its metadata.
    pub(in crate::media) fn check(&self) -> Result<(), &'static str> {
        match &self.metadata {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err("is not there"),
            Err(why) => Err(why),
        }
    }

    /// Gives the frame that the samples of the base layer are to be put into.
    pub(in crate::media) fn base(&mut self) -> &mut Frame {
        &mut self.base
    }

    /// Makes `frame` hold the picture in `area`, whose format it has. [`Composer::base`] holds `held` of the base layer:
    /// the area and [`REACH`] around it, as far as the grid reaches; its chroma lies at `site`.
    pub(in crate::media) fn compose(&mut self, site: ChromaSite, held: Area, area: Area, frame: &mut Frame) {
        let Self { metadata: Ok(Some(metadata)), shaping, to_pq, base, chroma, rows } = self else { return };
        let signal = metadata.signal;
        if to_pq.as_ref().is_none_or(|(before, _)| *before != signal) {
            *to_pq = Some((signal, ToPq::new(&signal)));
        }
        if shaping.as_ref().is_none_or(|shaping| shaping.metadata != *metadata) {
            *shaping = Some(Shaping::new(metadata));
        }
        let (Some((_, to_pq)), Some(shaping)) = (&*to_pq, &*shaping) else { return };
        let format = base.format();
        let layer = Layer::new(shaping, base, site.axes([format.subsampling.x, format.subsampling.y]), chroma);
        let [columns, lines] = place(held, area, format, 0);
        let (luma, stride) = frame.plane_mut::<u16>(0);
        for (line, row) in luma.chunks_mut(stride).zip(lines) {
            layer.at_luma(columns.clone(), row, rows, |samples, at| to_pq.luma(samples, &mut line[at]));
        }
        let [columns, lines] = place(held, area, format, 1);
        let mut made = [0; 2].map(|_| vec![0; columns.len()]);
        for (line, row) in lines.enumerate() {
            let [cb, cr] = &mut made;
            layer.at_chroma(columns.clone(), row, rows, |samples, at| {
                to_pq.chroma(samples, [&mut cb[at.clone()], &mut cr[at]]);
            });
            for (index, made) in [1, 2].into_iter().zip(&made) {
                let (plane, stride) = frame.plane_mut::<u16>(index);
                plane[line * stride..][..made.len()].copy_from_slice(made);
            }
        }
    }
}

/// The columns and rows that an area has of a plane, counted from the first that is held.
fn place(held: Area, area: Area, format: FrameFormat, plane: usize) -> [Range<usize>; 2] {
    let s = format.plane_subsampling(plane);
    let (held, area) = (held.of_plane(s), area.of_plane(s));
    [(area.x - held.x, area.width), (area.y - held.y, area.height)]
        .map(|(first, count)| first as usize..(first + count) as usize)
}
