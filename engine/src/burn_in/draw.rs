//! Lines of glyphs as masks: the letters, their outline, and the shadow of both.

use super::face::Faces;
use super::look::{OUTLINE, SHADOW_BLUR, SHADOW_DROP, SLANT};
use super::mask::soften;
use super::shape::ShapedLine;
use harfrust::GlyphId;
use harfrust::font::glyph::outline::{DrawMemory, DrawOptions, PathSink};
use zeno::{Command, Fill, Join, Mask, PathBuilder as _, Point, Stroke, Style};

/// Where a line is drawn, in pixels.
pub(super) struct DrawnLine {
    pub(super) line: ShapedLine,
    /// Its left end, and the feet of its letters.
    pub(super) x: f32,
    pub(super) y: f32,
    /// An em.
    pub(super) em: f32,
}

/// A part of a picture, in pixels. It begins at, and takes, multiples of eight columns and two rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// What is drawn in a part of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Drawing {
    pub(super) part: Part,
    pub(super) letters: Vec<u8>,
    pub(super) outline: Vec<u8>,
    pub(super) shadow: Vec<u8>,
}

/// The path of some letters.
#[derive(Default)]
struct Path(Vec<Command>);

/// Puts the outline of a glyph, in units of its font, where it is in the picture.
struct Placed<'a> {
    path: &'a mut Path,
    scale: f32,
    slant: f32,
    x: f32,
    y: f32,
}

impl Placed<'_> {
    fn point(&self, x: f32, y: f32) -> Point {
        Point::new(self.x + (x + self.slant * y) * self.scale, self.y - y * self.scale)
    }
}

impl PathSink for Placed<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let to = self.point(x, y);
        self.path.0.move_to(to);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.point(x, y);
        self.path.0.line_to(to);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        let (control, to) = (self.point(cx, cy), self.point(x, y));
        self.path.0.quad_to(control, to);
    }

    fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
        let (first, second, to) = (self.point(ax, ay), self.point(bx, by), self.point(x, y));
        self.path.0.curve_to(first, second, to);
    }

    fn close(&mut self) {
        self.path.0.close();
    }
}

impl Part {
    /// Gives the least part of a picture, within `room`, around the points from `least` to `most`; none where nothing of it is within.
    fn around(least: Point, most: Point, room: Self) -> Option<Self> {
        let within = |value: f32, begin: u32, length: u32| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to the picture")]
            let held = value.clamp(begin as f32, (begin + length) as f32) as u32;
            held
        };
        let left = within(least.x.floor(), room.left, room.width) / 8 * 8;
        let top = within(least.y.floor(), room.top, room.height) / 2 * 2;
        let right = within(most.x.ceil(), room.left, room.width).next_multiple_of(8);
        let bottom = within(most.y.ceil(), room.top, room.height).next_multiple_of(2);
        (right > left && bottom > top).then_some(Self { left, top, width: right - left, height: bottom - top })
    }
}

/// Draws lines into the part of a picture that is `room`; none where nothing shows.
pub(super) fn draw(faces: &Faces, lines: &[DrawnLine], room: Part) -> Option<Drawing> {
    let mut path = Path::default();
    for DrawnLine { line, x, y, em } in lines {
        for glyph in &line.glyphs {
            let face = &faces.0[glyph.face];
            let Some(outline) = face.font.outline_glyphs().get(GlyphId::new(glyph.id)) else { continue };
            let mut placed = Placed {
                path: &mut path,
                scale: em / f32::from(face.font.units_per_em().max(1)),
                slant: if face.told.slanted { SLANT } else { 0.0 },
                x: x + glyph.x * em,
                y: y - glyph.y * em,
            };
            // What cannot be drawn of a broken glyph is left out.
            let _ = outline.draw(&DrawOptions::default(), DrawMemory::default(), &mut placed);
        }
    }
    let em = lines.iter().map(|line| line.em).fold(0.0, f32::max);
    let (outline, blur) = (OUTLINE * em, SHADOW_BLUR * em);
    let around = outline + SHADOW_DROP * em + blur + 2.0;
    let points = path.0.iter().flat_map(|command| match *command {
        Command::MoveTo(to) | Command::LineTo(to) => [Some(to), None, None],
        Command::QuadTo(control, to) => [Some(control), Some(to), None],
        Command::CurveTo(first, second, to) => [Some(first), Some(second), Some(to)],
        Command::Close => [None; 3],
    });
    let bounds = points.flatten().fold(None::<(Point, Point)>, |bounds, point| {
        let (least, most) = bounds.unwrap_or((point, point));
        let least = Point::new(least.x.min(point.x), least.y.min(point.y));
        Some((least, Point::new(most.x.max(point.x), most.y.max(point.y))))
    });
    let (least, most) = bounds?;
    let margin = Point::new(around, around);
    let part = Part::around(least - margin, most + margin, room)?;
    let mask = |style: Style<'_>, drop: f32| {
        let mut mask = vec![0; part.width as usize * part.height as usize];
        let to_part = Point::new(-(part.left as f32), drop - part.top as f32);
        Mask::new(&path.0)
            .style(style)
            .size(part.width, part.height)
            .render_offset(to_part)
            .render_into(&mut mask, None);
        mask
    };
    let mut stroke = Stroke::new(2.0 * outline);
    stroke.join(Join::Round);
    let letters = mask(Fill::NonZero.into(), 0.0);
    let union = |mut stroke: Vec<u8>, fill: &[u8]| {
        stroke.iter_mut().zip(fill).for_each(|(stroke, fill)| *stroke = (*stroke).max(*fill));
        stroke
    };
    let outlined = union(mask(stroke.into(), 0.0), &letters);
    let drop = SHADOW_DROP * em;
    let mut shadow = union(mask(stroke.into(), drop), &mask(Fill::NonZero.into(), drop));
    // Three means over a third of the way each.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some pixels")]
    soften(&mut shadow, part.width as usize, (blur / 3.0).round() as usize);
    Some(Drawing { part, letters, outline: outlined, shadow })
}
