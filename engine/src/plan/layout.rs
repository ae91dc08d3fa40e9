//! How a shot fills the renditions: with one window, or with layers.

use super::track::{self, Caption, CropKey, Interpolation, Layout, Placement, Shot, ShotMode};
use crate::burn_in::Lift;
use crate::geometry::{Rational, Upright, Window};
use crate::picture::{Band, Layer};
use crate::time::Time;

/// The part of a plate that the picture in it was, at least, before it was drawn out.
const LEAST_PLATE: f64 = 0.25;

impl Caption {
    /// The least width of a strip over its height: it takes no more than a third of the height of 9:16.
    pub const LEAST_SHAPE: f64 = 1.7;
    /// Where a strip ends, as a part of the rendition's height: players and apps lay their own text and buttons over what is
    /// below.
    const BOTTOM: f64 = 0.8;
    /// How far the soft plate behind it reaches beyond it, and how far its own edges are soft, as parts of its height.
    const PLATE: f64 = 0.4;
    const EDGE: f64 = 0.12;
}

impl Shot {
    /// Tells whether a window of the ladder's shape is all that is ever seen of it.
    pub fn is_plain(&self) -> bool {
        self.layout == Layout::Window && self.captions.is_empty()
    }

    /// Gives it another layout, with windows that stand: halves around the two who matter most, or in the left and right part of
    /// the picture where nobody was seen; all of the picture, within its borders; or the largest window around what was shown
    /// first. Windows are of the picture `upright`, for renditions of this shape.
    pub fn set_layout(&mut self, layout: Layout, upright: &Upright, shape: Rational) {
        if layout == self.layout {
            return;
        }
        let inner = self.inner(upright);
        let shape = shape.as_f64();
        let size = |width: f64, shape: f64| {
            let width = width.min(inner.width).min(inner.height * shape);
            (width, width / shape)
        };
        let around = |(width, height): (f64, f64), [x, y]: [f64; 2]| Window {
            x: x - width / 2.0,
            y: y - height / 2.0,
            width,
            height,
        };
        let centre = |window: Window| [window.x + window.width / 2.0, window.y + window.height / 2.0];
        let shown = self.track.first().map_or(centre(inner), |key| centre(key.window));
        let [upper, lower] = match layout {
            Layout::Window => [Some(around(size(inner.width, shape), shown)), None],
            // A picture narrower than the renditions has nothing that a window leaves out at its sides.
            Layout::Fit if inner.width < inner.height * shape => [Some(around(size(inner.width, shape), shown)), None],
            Layout::Fit => [Some(inner), None],
            Layout::Stack => {
                let mut seen: Vec<_> = self.subjects.iter().take(2).map(|subject| centre(subject.bounds)).collect();
                if seen.len() < 2 {
                    let at = |part: f64| [inner.x + inner.width * part, inner.y + inner.height / 2.0];
                    seen = vec![at(0.25), at(0.75)];
                }
                seen.sort_by(|a, b| a[0].total_cmp(&b[0]));
                let size = size(inner.width / 2.0, 2.0 * shape);
                [seen.first(), seen.get(1)].map(|at| at.map(|at| around(size, *at)))
            }
        };
        let still = |window: Option<Window>| {
            let window = window.map(|window| window.moved_within(inner));
            window.map(|window| CropKey { time: self.start, window, then: Interpolation::Hold }).into_iter().collect()
        };
        (self.track, self.lower) = (still(upper), still(lower));
        self.layout = layout;
        self.mode = Some(ShotMode::Static);
    }

    /// Gives the picture within the shot's borders.
    pub fn inner(&self, upright: &Upright) -> Window {
        self.borders.unwrap_or_default().inner(upright)
    }

    /// Lists the windows at a time in the shot, in square pixels: what is seen sharply, but for captions.
    pub fn windows_at(&self, time: Time) -> impl Iterator<Item = Window> {
        let lower = track::placement(&self.lower, time);
        self.window_at(time).into_iter().chain(lower).map(|placement| placement.window)
    }

    /// Gives the layers at a time in the shot, with windows in square pixels; the lowest first. None without a key.
    ///
    /// `shape` is the width of the renditions over their height.
    pub(super) fn layers_at(&self, time: Time, shape: f64) -> Option<Vec<Layer>> {
        let window = self.window_at(time)?;
        let lower = track::placement(&self.lower, time);
        let caption = self.captions.iter().find(|caption| caption.from <= time && time < caption.to);
        Some(self.layers(window, lower, caption, shape))
    }

    /// Lists what its layers can be: for each, the lowest first, the bands and the largest window of each in square pixels.
    pub(super) fn bands(&self, shape: f64) -> Vec<Vec<Layer>> {
        let largest = |track: &[track::CropKey]| {
            let windows = track.iter().map(|key| key.window);
            let larger =
                |a: Window, b: Window| Window { width: a.width.max(b.width), height: a.height.max(b.height), ..a };
            windows.reduce(larger).map(|window| Placement { window, zooming: false })
        };
        let Some(window) = largest(&self.track) else { return Vec::new() };
        let lower = largest(&self.lower);
        let mut bands: Vec<Vec<Layer>> = Vec::new();
        for caption in self.captions.iter().map(Some).chain([None]) {
            for (number, layer) in self.layers(window, lower, caption, shape).into_iter().enumerate() {
                bands.resize_with(bands.len().max(number + 1), Vec::new);
                bands[number].push(layer);
            }
        }
        bands
    }

    fn layers(
        &self,
        Placement { window, zooming }: Placement,
        lower: Option<Placement>,
        caption: Option<&Caption>,
        shape: f64,
    ) -> Vec<Layer> {
        let layer = |window, zooming, rows| {
            let band = Band { rows, ..Band::WHOLE };
            Layer { window, zooming, band }
        };
        let mut layers = match (self.layout, lower) {
            (Layout::Stack, Some(lower)) => {
                vec![layer(window, zooming, [0.0, 0.5]), layer(lower.window, lower.zooming, [0.5, 1.0])]
            }
            (Layout::Fit, _) => {
                let part = self.fitted_part(shape);
                let width = window.width.min(window.height * shape);
                let behind = Window { x: window.x + (window.width - width) / 2.0, width, ..window };
                let band = Band { blurred: true, ..Band::WHOLE };
                let behind = Layer { window: behind, zooming, band };
                vec![behind, layer(window, zooming, [(1.0 - part) / 2.0, (1.0 + part) / 2.0])]
            }
            (Layout::Window | Layout::Stack, _) => vec![layer(window, zooming, [0.0, 1.0])],
        };
        if let Some(caption) = caption {
            self.lay_caption(&mut layers, caption, shape);
        }
        layers
    }

    /// The part of the height that a fitted picture takes.
    fn fitted_part(&self, shape: f64) -> f64 {
        let first = self.track.first().map(|key| key.window);
        first.map_or(1.0, |window| (shape * window.height / window.width).min(1.0))
    }

    /// Gives where the pictures have text of the film's own that is laid into them, as parts of their height.
    pub(super) fn lifts(&self, shape: f64) -> impl Iterator<Item = Lift> {
        self.captions.iter().map(move |&Caption { from, to, strip }| {
            let row = Caption::BOTTOM - shape * strip.height / strip.width;
            Lift { from, to, row }
        })
    }

    /// Lays a caption over the layers, and under it, where the text itself may be in the picture, what is above that, out of focus.
    fn lay_caption(&self, layers: &mut Vec<Layer>, Caption { strip, .. }: &Caption, shape: f64) {
        let height = shape * strip.height / strip.width;
        let rows = [Caption::BOTTOM - height, Caption::BOTTOM];
        let edge = Caption::EDGE * height;
        if let Some((under, first)) = layers.last().zip(self.first_of_lowest()).filter(|_| self.layout != Layout::Fit) {
            let [begin, end] = under.band.rows;
            // The rows that show the text itself, by the first key, so that the plate keeps its place in the shot.
            let row = |y: f64| begin + (y - first.y) / first.height * (end - begin);
            let own = [row(strip.y), row(strip.y + strip.height)];
            let margin = Caption::PLATE * height;
            let shows = own[0] < end && own[1] > begin;
            let [top, bottom] = if shows { [rows[0].min(own[0]), rows[1].max(own[1])] } else { rows };
            let [top, bottom] = [(top - margin).max(begin), (bottom + margin).min(end)];
            let fades = [if top > begin { margin } else { 0.0 }, if bottom < end { margin } else { 0.0 }];
            let at = |row: f64| under.window.y + (row - begin) / (end - begin) * under.window.height;
            // What is above the text, drawn out: out of focus, letters would be a stain.
            let without = if shows { own[0].clamp(top + LEAST_PLATE * (bottom - top), bottom) } else { bottom };
            let window = Window { y: at(top), height: at(without) - at(top), ..under.window };
            let band = Band { rows: [top, bottom], fades, blurred: true };
            let plate = Layer { window, zooming: under.zooming, band };
            layers.push(plate);
        }
        let band = Band { rows, fades: [edge, edge], blurred: false };
        layers.push(Layer { window: *strip, zooming: false, band });
    }

    /// The first window of what the lower part of the renditions shows.
    fn first_of_lowest(&self) -> Option<Window> {
        let track = if self.layout == Layout::Stack { &self.lower } else { &self.track };
        track.first().map(|key| key.window)
    }
}
