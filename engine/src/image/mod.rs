//! Pictures of 8-bit red, green and blue, and the files that they become.

mod files;
mod rgb;

pub(crate) use files::{WEBP, animated_webp, jpeg};
pub(crate) use rgb::{RgbConverter, RgbPicture};
