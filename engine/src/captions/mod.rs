//! Text that is shown over a film: closed captions of television, and subtitles, as cues and as WebVTT.
//!
//! Frames of broadcast video carry captions of two kinds: CEA-608, whose screens of 15 rows and 32 columns once lay in
//! line 21 of the analogue picture, and CEA-708, whose windows were made for digital television. A [`CaptionDecoder`]
//! is told what each frame carries, and hands out a [`Cue`] for each caption when it ends.

mod ass;
mod block;
mod cea608;
mod cea708;
mod clock;
mod cue;
mod decoder;
mod field;
mod grid;
mod output;
mod packet;
mod showing;
mod subtitles;
mod webvtt;
mod window;

pub use ass::{AssHeader, ass_event};
pub use cue::{Colour, Cue, Line, Place, Run, Style, Track};
pub use decoder::CaptionDecoder;
pub use subtitles::{NANOSECOND, OwnSettings, Subtitles, TimedText};
pub use webvtt::{CueText, Settings};
pub(crate) use webvtt::{WEBVTT_HEADER, webvtt_cue};
