//! What the pictures of a frame are put together of.

use super::spec::{Crop, Resampling, ScaleSpec};
use crate::error::{Error, Result};
use crate::frame::{Area, FrameFormat, Subsampling};
use crate::geometry::{Size, Window};
use std::ops::Range;
use upright_shaders::MOST_LAYERS;

/// A window of the source, scaled to the whole width of the rungs and to some of their rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer {
    /// The window in samples of the upright grid, inside it.
    pub window: Window,
    /// Whether the window's size differs from frame to frame: see [`Crop::zooming`].
    pub zooming: bool,
    /// The rows that it covers.
    pub band: Band,
}

/// Rows of the rungs, and how a layer lies on them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// Where the first row begins and the last one ends, as parts of the rung's height from 0 to 1; rounded to two rows.
    pub rows: [f64; 2],
    /// The part of the rung's height over which it fades in below its upper edge, and out above its lower one.
    pub fades: [f64; 2],
    /// Whether it is out of focus.
    pub blurred: bool,
}

/// The layers of a frame, the lowest first; at least one, [`MOST_LAYERS`] at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layers {
    list: [Layer; MOST_LAYERS],
    count: usize,
    /// What is laid over all of them; see [`crate::picture::Overlays`].
    overlay: Option<u32>,
}

/// What is wanted of a source frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// What the rungs show of it.
    pub layers: Layers,
    /// The part of the upright grid that the source frame holds: see [`Crop::area`].
    pub area: Area,
    /// Number of the frame in the job, from 0: the key of the dither noise.
    pub frame: u64,
}

impl Band {
    /// All rows.
    pub const WHOLE: Self = Self { rows: [0.0, 1.0], fades: [0.0, 0.0], blurred: false };

    /// Gives the rows of a rung that it covers: an even number and two at least, from an even one on, of a rung whose height is
    /// even.
    pub(in crate::picture) fn rows_of(&self, rung: FrameFormat) -> Range<u32> {
        let [begin, end] = self.rows.map(|part| even_rows(part, rung.height));
        let begin = begin.min(rung.height.saturating_sub(2));
        begin..end.max(begin + 2)
    }

    /// Gives the rows that it covers of plane 0, 1 or 2 of a rung, and over how many it fades in and out.
    pub(in crate::picture) fn rows_of_plane(&self, rung: FrameFormat, plane: usize) -> (Range<u32>, [u32; 2]) {
        let (rows, s) = (self.rows_of(rung), rung.plane_subsampling(plane).y);
        (rows.start / s..rows.end / s, self.fades.map(|part| even_rows(part, rung.height) / s))
    }
}

fn even_rows(part: f64, height: u32) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "parts are from 0 to 1")]
    let pairs = (part.clamp(0.0, 1.0) * f64::from(height) / 2.0).round() as u32;
    (2 * pairs).min(height)
}

impl Layers {
    /// Makes the one layer that fills the rungs with a window.
    pub fn whole(window: Window, zooming: bool) -> Self {
        let layer = Layer { window, zooming, band: Band::WHOLE };
        Self { list: [layer; MOST_LAYERS], count: 1, overlay: None }
    }

    /// Makes the layers of a list; none of an empty one, or of one too long.
    pub fn new(layers: &[Layer]) -> Option<Self> {
        let first = layers.first()?;
        let mut list = [*first; MOST_LAYERS];
        list.get_mut(..layers.len())?.copy_from_slice(layers);
        Some(Self { list, count: layers.len(), overlay: None })
    }

    /// Gives the same layers with the overlay of this number over them.
    #[must_use]
    pub fn under(self, overlay: Option<u32>) -> Self {
        Self { overlay, ..self }
    }

    /// Gives the number of the overlay over the layers.
    pub(in crate::picture) fn overlay(&self) -> Option<u32> {
        self.overlay
    }

    /// Gives the layers, the lowest first.
    pub fn list(&self) -> &[Layer] {
        &self.list[..self.count]
    }

    /// Gives the lowest.
    pub(in crate::picture) fn lowest(&self) -> &Layer {
        &self.list[0]
    }

    /// Gives the one layer that fills the rungs with what it shows, where nothing else is there.
    pub(in crate::picture) fn only(&self) -> Option<&Layer> {
        match self.list() {
            [layer] if layer.band == Band::WHOLE => Some(layer),
            _ => None,
        }
    }

    /// Refuses layers that do not cover every row, or that no picture can be made of.
    pub(in crate::picture) fn check(&self) -> std::result::Result<(), String> {
        let mut covered = 0.0;
        for Layer { band: Band { rows: [begin, end], fades, blurred: _ }, .. } in self.list() {
            if !(0.0 <= *begin && begin < end && *end <= 1.0) || fades.iter().any(|fade| !(0.0..=1.0).contains(fade)) {
                return Err(format!("a layer over {begin} to {end} of the height, fading over {fades:?}"));
            }
            // Those that only cover what others cover come after them.
            if *begin <= covered && *fades == [0.0, 0.0] {
                covered = end.max(covered);
            }
        }
        if covered < 1.0 { Err(format!("the layers cover no more than {covered} of the height")) } else { Ok(()) }
    }
}

impl From<Window> for Layers {
    fn from(window: Window) -> Self {
        Self::whole(window, false)
    }
}

impl From<Crop> for View {
    fn from(Crop { window, area, zooming, frame }: Crop) -> Self {
        Self { layers: Layers::whole(window, zooming), area, frame }
    }
}

impl View {
    /// Gives the crop for one of its layers.
    pub(in crate::picture) fn crop(&self, layer: &Layer) -> Crop {
        Crop { window: layer.window, area: self.area, zooming: layer.zooming, frame: self.frame }
    }
}

/// A scaling job whose rungs may be put together of several windows.
#[derive(Clone, Debug, PartialEq)]
pub struct ComposeSpec {
    /// Source and rungs.
    pub scale: ScaleSpec,
    /// For each layer, the lowest first, the bands that it has in the film, each with the width and height of its largest window
    /// in samples of the grid.
    pub bands: Vec<Vec<(Band, (f64, f64))>>,
}

/// How a layer is scaled.
pub(in crate::picture) struct LayerScaling {
    /// From the source to its rows of every rung, or to a small picture where it is blurred.
    pub(in crate::picture) first: ScaleSpec,
    /// From the small picture to its rows.
    pub(in crate::picture) second: Option<ScaleSpec>,
}

/// Width of the picture that stands for one out of focus: a detail is a thirty-second of the width.
const BLURRED_WIDTH: u32 = 32;

impl ComposeSpec {
    /// Tells how a layer of a band is scaled.
    pub(in crate::picture) fn scaling(&self, band: &Band) -> LayerScaling {
        let rows = |rung: &FrameFormat| FrameFormat { height: band.rows_of(*rung).len() as u32, ..*rung };
        let rungs: Vec<_> = self.scale.rungs.iter().map(rows).collect();
        let direct = ScaleSpec { rungs, ..self.scale.clone() };
        if !band.blurred {
            return LayerScaling { first: direct, second: None };
        }
        // As high as it is wide in the largest of the rungs, so that a detail is as high as it is wide.
        let largest = direct.rungs.iter().max_by_key(|rung| rung.width);
        let small = largest.map(|&rung| {
            let height = (BLURRED_WIDTH * rung.height).div_ceil(rung.width.max(1)).next_multiple_of(2).max(4);
            FrameFormat { width: BLURRED_WIDTH, height, subsampling: Subsampling::CS420, ..rung }
        });
        // Soft both ways: what is left of a detail is as round as a lens makes it.
        let first = ScaleSpec { rungs: small.into_iter().collect(), resampling: Resampling::Spline, ..direct.clone() };
        let second = small.map(|small| ScaleSpec {
            source: small,
            room: Size { width: small.width, height: small.height },
            source_chroma: direct.rung_chroma,
            resampling: Resampling::Spline,
            ..direct
        });
        LayerScaling { first, second }
    }

    /// Lets layer `number` be a band with windows of a width and height in samples of the grid, in frames that hold a part of the
    /// picture which is `around` them.
    pub fn add(&mut self, number: usize, band: Band, window: (f64, f64), around: Option<(f64, f64)>) {
        let room = self.scaling(&band).first.room_for([around.unwrap_or(window)]);
        self.scale.room = self.scale.room.union(room);
        if number >= self.bands.len() {
            self.bands.resize_with(number + 1, Vec::new);
        }
        match self.bands[number].iter_mut().find(|(known, _)| *known == band) {
            Some((_, (width, height))) => (*width, *height) = (width.max(window.0), height.max(window.1)),
            None => self.bands[number].push((band, window)),
        }
    }

    /// Computes the area of the grid that is enough for layers of it.
    pub fn area(&self, layers: &Layers) -> Area {
        let area = |layer: &Layer| self.scaling(&layer.band).first.area(layer.window);
        layers.list().iter().map(area).reduce(Area::union).unwrap_or_else(|| Area::whole(self.scale.source))
    }

    /// Gives every way in which layer `number` is scaled in the film, with room for the largest window.
    pub(in crate::picture) fn scalings(&self, number: usize) -> impl Iterator<Item = LayerScaling> {
        self.bands.get(number).into_iter().flatten().map(|(band, window)| {
            let mut scaling = self.scaling(band);
            scaling.first.room = scaling.first.room_for([*window]);
            scaling
        })
    }

    /// Refuses a job that makes no sense.
    pub(in crate::picture) fn check(&self) -> Result<()> {
        self.scale.check()?;
        if self.bands.len() > MOST_LAYERS {
            return Err(Error::misuse(format!("composing: {} layers, {MOST_LAYERS} at most", self.bands.len())));
        }
        let mut specs = (0..self.bands.len()).flat_map(|number| self.scalings(number));
        specs.try_for_each(|LayerScaling { first, second }| {
            first.check()?;
            second.map_or(Ok(()), |second| second.check())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { x: 0.0, y: 0.0, width: 9.0, height: 8.0 };

    fn layer(begin: f64, end: f64, fade: f64) -> Layer {
        let band = Band { rows: [begin, end], fades: [fade, 0.0], blurred: false };
        Layer { window: WINDOW, zooming: false, band }
    }

    #[test]
    fn layers_cover_every_row() {
        let check = |layers: &[Layer]| Layers::new(layers).unwrap().check();
        assert_eq!(check(&[layer(0.0, 0.5, 0.0), layer(0.5, 1.0, 0.0)]), Ok(()));
        assert_eq!(check(&[layer(0.0, 1.0, 0.0), layer(0.7, 0.9, 0.1)]), Ok(()));
        for wrong in [
            &[layer(0.0, 0.5, 0.0), layer(0.6, 1.0, 0.0)][..],
            &[layer(0.0, 0.5, 0.0), layer(0.5, 1.0, 0.1)],
            &[layer(0.5, 1.0, 0.0), layer(0.0, 0.5, 0.0)],
            &[layer(0.0, 1.1, 0.0)],
            &[layer(0.0, 1.0, 0.0), layer(0.6, 0.6, 0.0)],
            &[layer(0.0, f64::NAN, 0.0)],
            &[layer(0.0, 1.0, 0.0), layer(0.5, 1.0, -0.1)],
        ] {
            assert!(check(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(Layers::new(&[]), None);
        assert_eq!(Layers::new(&[layer(0.0, 1.0, 0.0); MOST_LAYERS + 1]), None);
    }

    #[test]
    fn bands_are_whole_chroma_rows_and_meet() {
        let rung = |height| FrameFormat {
            width: 90,
            height,
            subsampling: Subsampling::CS420,
            depth: crate::frame::Depth::Eight,
        };
        for height in (16..400).step_by(2) {
            let [upper, lower] = [layer(0.0, 1.0 / 3.0, 0.0), layer(1.0 / 3.0, 1.0, 0.0)];
            let (upper, lower) = (upper.band.rows_of(rung(height)), lower.band.rows_of(rung(height)));
            assert!(upper.start == 0 && upper.end == lower.start && lower.end == height && upper.end % 2 == 0);
        }
    }
}
