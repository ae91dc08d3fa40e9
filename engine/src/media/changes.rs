//! What may not change in the middle of a film: all that decides how the samples of a frame are to be read.

use super::described::Described;
use super::ffi::{AvFrame, rational};
use super::pixels::{PixelFormat, Samples};
use super::probe;
use super::video_reader::VideoReader;
use super::views::Packing;
use crate::colour::{ChromaSite, Colour, Siting, cicp};
use crate::error::Result;
use crate::geometry::{Orientation, Size};
use crate::source::guess::ColourTags;
use ffmpeg_sys_next as av;
use std::ffi::c_int;

/// The film as it was described at its beginning, and the last frame that was found to be like it.
#[derive(Debug)]
pub(super) struct Sameness {
    film: Described,
    /// As the decoder gave it: what is equal to it need not be looked at.
    seen: Raw,
}

/// The properties by which a frame is read, as numbers of libav.
#[derive(Clone, Debug, PartialEq)]
struct Raw {
    size: Size,
    format: c_int,
    aspect: (c_int, c_int),
    tags: [u32; 5],
    matrix: Option<[i32; 9]>,
    packing: Option<Packing>,
}

impl Raw {
    fn of(frame: &AvFrame) -> Self {
        let fields = frame.fields();
        Self {
            size: probe::frame_size(fields),
            format: fields.format,
            aspect: (fields.sample_aspect_ratio.num, fields.sample_aspect_ratio.den),
            tags: probe::frame_tags(frame),
            matrix: probe::frame_matrix(frame),
            packing: Packing::of_frame(frame),
        }
    }
}

impl Sameness {
    /// With the reader's frame, the film's first, and what it is taken for.
    pub(super) fn new(reader: &VideoReader, film: Described) -> Self {
        Self { film, seen: Raw::of(&reader.frame) }
    }

    /// Refuses the reader's frame when it is to be read in another way than the film.
    pub(super) fn check(&mut self, reader: &VideoReader) -> Result<()> {
        let now = Raw::of(&reader.frame);
        if now == self.seen {
            return Ok(());
        }
        if let Some((what, from, to)) = self.change(&now) {
            let at = probe::time_of_frame(reader);
            let why = format!("changes its {what} from {from} to {to} {at}; convert the parts one by one");
            return Err(reader.demuxer.bad(why));
        }
        self.seen = now;
        Ok(())
    }

    /// Finds the first difference from the film: its name, the film's value and the frame's. Where a frame is silent,
    /// nothing has changed.
    fn change(&self, now: &Raw) -> Option<(&'static str, String, String)> {
        let Described { pixels, colour, orientation, orientation_of_container, packing, sample_aspect, .. } =
            &self.film;
        if now.size != self.seen.size {
            return Some(("size", self.seen.size.to_string(), now.size.to_string()));
        }
        if now.format != self.seen.format {
            let other = PixelFormat::of(now.format).map_or_else(|_| "another".to_owned(), |format| format.name);
            return Some(("pixel format", pixels.name.clone(), other));
        }
        let aspect = rational(av::AVRational { num: now.aspect.0, den: now.aspect.1 });
        let aspect = aspect.filter(|&aspect| probe::is_sensible(aspect));
        if let (Some(was), Some(is)) = (*sample_aspect, aspect)
            && was != is
        {
            return Some(("sample aspect ratio", was.to_string(), is.to_string()));
        }
        let turned = now.matrix.map(|matrix| probe::orientation_of(Some(&matrix)).0);
        if let Some(turned) = turned.filter(|turned| turned != orientation && !orientation_of_container) {
            return Some(("orientation", turn(*orientation).to_owned(), turn(turned).to_owned()));
        }
        if let Some(packed) = now.packing.filter(|&packed| Some(packed) != *packing) {
            let was = packing.map_or("one view", Packing::name);
            return Some(("stereoscopic packing", was.to_owned(), packed.name().to_owned()));
        }
        let [was, is] = [self.seen.tags, now.tags].map(ColourTags::of_codes);
        colour_change(colour, &is, pixels.samples).or_else(|| {
            let moved = was.chroma.zip(is.chroma).filter(|&(was, is)| site(was, pixels) != site(is, pixels));
            moved.map(|(was, is)| ("chroma location", format!("{was:?}"), format!("{is:?}")))
        })
    }
}

/// The first tag that is there and means another thing than the film's.
fn colour_change(film: &Colour, tags: &ColourTags, samples: Samples) -> Option<(&'static str, String, String)> {
    type Name = fn(u8) -> Option<&'static str>;
    let code = |what, was: u8, is: Option<u8>, same: fn(u8) -> u8, name: Name| {
        let is = is.filter(|&is| same(is) != same(was))?;
        let told = |code| name(code).map_or_else(|| format!("code {code}"), str::to_owned);
        Some((what, told(was), told(is)))
    };
    let range = |was: bool, is: Option<bool>| {
        let told = |full| if full { "full" } else { "limited" }.to_owned();
        is.filter(|&is| is != was).map(|is| ("range", told(was), told(is)))
    };
    code("primaries", film.primaries, tags.primaries, cicp::same_primaries, cicp::primaries_name)
        .or_else(|| code("transfer", film.transfer, tags.transfer, cicp::same_transfer, cicp::transfer_name))
        // Red, green and blue are always read in one way.
        .or_else(|| {
            (samples != Samples::Rgb).then_some(()).and_then(|()| {
                code("matrix", film.matrix, tags.matrix, cicp::same_matrix, cicp::matrix_name)
                    .or_else(|| range(film.full_range, tags.full_range))
            })
        })
}

/// Where chroma lies along the axes that are subsampled.
fn site(site: ChromaSite, pixels: &PixelFormat) -> [Option<Siting>; 2] {
    let along = |place, subsampled: u32| (subsampled > 1).then_some(place);
    [along(site.x, pixels.subsampling.x), along(site.y, pixels.subsampling.y)]
}

/// An orientation in words.
fn turn(orientation: Orientation) -> &'static str {
    let Orientation { transpose, flip_x, flip_y } = orientation;
    match (transpose, flip_x, flip_y) {
        (false, false, false) => "upright",
        (false, true, true) => "upside down",
        (false, true, false) => "mirrored left to right",
        (false, false, true) => "mirrored top to bottom",
        (true, false, true) => "a quarter turn clockwise",
        (true, true, false) => "a quarter turn anticlockwise",
        (true, ..) => "a quarter turn, mirrored",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILM: Colour = Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false, chroma: ChromaSite::LEFT };

    fn change(primaries: u32, transfer: u32, matrix: u32, range: u32) -> Option<&'static str> {
        let tags = ColourTags::of_codes([primaries, transfer, matrix, range, 0]);
        colour_change(&FILM, &tags, Samples::Yuv).map(|(what, ..)| what)
    }

    #[test]
    fn only_tags_that_mean_another_thing_are_a_change() {
        assert_eq!(change(1, 1, 1, 1), None);
        assert_eq!(change(2, 2, 2, 0), None, "silence");
        assert_eq!(change(0, 3, 255, 9), None, "nonsense");
        assert_eq!(change(1, 6, 1, 1), None, "the same curve");
        assert_eq!(change(1, 15, 1, 1), None, "the same curve");
        assert_eq!(change(9, 1, 1, 1), Some("primaries"));
        assert_eq!(change(1, 16, 1, 1), Some("transfer"));
        assert_eq!(change(1, 1, 6, 1), Some("matrix"));
        assert_eq!(change(1, 1, 1, 2), Some("range"));
        let tags = ColourTags::of_codes([1, 1, 6, 2, 0]);
        assert_eq!(colour_change(&FILM, &tags, Samples::Rgb), None);
    }
}
