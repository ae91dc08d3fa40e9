//! How text looks, and which part of the picture is its own.
//!
//! Apps that show vertical video lay their own buttons and texts over it, each in other places. Meta asks to keep the upper 14% free and
//! 6% at the sides (Business Help Center, "About Reels ads"; and the lower 35% of ads, which have a button there that films have not);
//! YouTube covers the lower fifth to quarter of Shorts, TikTok the lower fifth and a column of buttons of 120 to 140 of 1080 pixels on
//! the right. Text keeps clear of all of these, and stays in the middle of the picture.

/// Parts of a picture's height, in ten-thousandths, as all places here are.
pub(super) const WHOLE: i32 = 10_000;
/// Where text at the top begins.
pub(super) const TOP: i32 = 1_400;
/// Where text at the bottom ends.
pub(super) const BOTTOM: i32 = 7_500;
/// The part of the width that stays free on the left and on the right.
pub(super) const SIDE: f32 = 0.13;
/// The part of the width that an em is: 58 of 1080 pixels, small letters of 31. So a line has 25 to 30 letters, or 13 characters of Chinese.
pub(super) const EM: f32 = 0.054;
/// Ems from one line to the next: room for the marks above and below letters of Thai and Devanagari.
pub(super) const LINE: f32 = 1.35;
/// Ems from the top of a line to its letters' feet.
pub(super) const ASCENT: f32 = 1.0;
/// Lines that a cue is held to, while it need not be smaller for that than [`LEAST_SCALE`].
pub(super) const MOST_LINES: usize = 3;
/// How much smaller text becomes, at most, so that it takes fewer lines.
pub(super) const LEAST_SCALE: f32 = 0.8;
/// How much smaller a line that is too long may become, which only one that was written by hand is.
pub(super) const SMALLEST_SCALE: f32 = 0.5;
/// Ems by which the dark outline is wider than the letters, on all sides.
pub(super) const OUTLINE: f32 = 0.075;
/// Part of 256 that the outline covers.
pub(super) const OUTLINE_COVER: u32 = 230;
/// Ems that the shadow is lower than the letters.
pub(super) const SHADOW_DROP: f32 = 0.04;
/// Ems over which the shadow is soft.
pub(super) const SHADOW_BLUR: f32 = 0.1;
/// Part of 256 that the shadow covers.
pub(super) const SHADOW_COVER: u32 = 128;
/// How much letters lean that are made to: the tangent of 12 degrees, as usual for italics.
pub(super) const SLANT: f32 = 0.2126;
/// Bold text of a variable font.
pub(super) const BOLD: u16 = 700;

/// Computes ten-thousandths of the height of a picture so many times as wide as high that lines take.
pub(super) fn lines_height(lines: usize, shape: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "a few thousands")]
    let height = (lines as f64 * f64::from(LINE) * f64::from(EM) * shape * f64::from(WHOLE)).ceil() as i32;
    height
}
