//! AV1 encoders behind one trait.

mod available;
mod kind;
mod libav;
mod model;
pub mod pipe;
mod rav1e;

pub use available::{AvailableEncoder, available, fastest, linked_svtav1};
pub use kind::{EncoderChoice, EncoderKind, LibavEncoder};
pub use model::KeyFrameControl;

use crate::colour::{Colour, HdrMetadata, cicp};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::frame::{Depth, Frame, FrameFormat, Subsampling};
use crate::geometry::{Rational, Size};
use crate::packet::Packet;
use std::num::NonZeroU32;

/// What an encoder is opened with; constant over a rendition.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderSettings {
    /// Which one.
    pub kind: EncoderKind,
    /// Size of every frame.
    pub size: Size,
    /// 8 or 10 bits.
    pub depth: Depth,
    /// Tags of the stream.
    pub colour: Colour,
    /// Metadata of a high dynamic range stream.
    pub hdr: HdrMetadata,
    /// Ticks of every timestamp.
    pub time_base: Rational,
    /// Nominal frames a second, for rate decisions and the level.
    pub frame_rate: Rational,
    /// 0 (slowest, best) to 10 (fastest).
    pub speed: u8,
    /// 0 (worst) to 100 (best).
    pub quality: u8,
    /// Threads that the encoder may use, at least 1. They may decide on the number of tiles, so the same film encoded
    /// with other threads need not be the same bytes.
    pub threads: usize,
    /// Frames from one key frame to the next, for encoders that count them; others are told frame by frame.
    pub key_frame_distance: Option<NonZeroU32>,
    /// Settings by the encoder's own names, which win over all that is said here.
    pub options: Vec<(String, String)>,
}

impl EncoderSettings {
    /// Format of every frame: 4:2:0.
    pub fn frame_format(&self) -> FrameFormat {
        let Size { width, height } = self.size;
        FrameFormat { width, height, subsampling: Subsampling::CS420, depth: self.depth }
    }

    /// Whether every value is within its range.
    ///
    /// # Errors
    /// [`Error::Options`] that names the first value that is not; [`Error::Misuse`] for one that no plan has.
    pub fn check(&self) -> Result<()> {
        self.kind.check_size(self.size)?;
        let rate = |rate: Rational| (1..=i64::from(i32::MAX)).contains(&rate.num) && rate.den <= i64::from(i32::MAX);
        let misuse = if self.depth == Depth::Twelve {
            "12 bits cannot be encoded; use 8 or 10".to_owned()
        } else if self.colour.matrix == cicp::RGB {
            "RGB cannot be encoded with chroma at half resolution; convert it to YCbCr".to_owned()
        } else if !rate(self.frame_rate) || !rate(self.time_base) {
            format!("a frame rate of {} in ticks of {} s cannot be encoded", self.frame_rate, self.time_base)
        } else if self.threads == 0 {
            "an encoder needs at least one thread".to_owned()
        } else if self.speed > 10 {
            let why = format!("speed {} is out of range; use 0 (slowest) to 10 (fastest)", self.speed);
            return Err(Error::options(why));
        } else if self.quality > 100 {
            let why = format!("quality {} is out of range; use 0 (worst) to 100 (best)", self.quality);
            return Err(Error::options(why));
        } else {
            return Ok(());
        };
        Err(Error::misuse(misuse))
    }
}

/// Opens the encoder that `settings` name. One of the linked SVT-AV1 is opened only when none of them works in this process,
/// that is, between its first frame and when it is dropped: open all that are to work side by side before the first frame.
///
/// # Errors
/// [`Error::Options`] for a setting out of range; [`Error::Misuse`] for what AV1 cannot carry;
/// [`Error::EncoderMissing`] when this machine has no such encoder; [`Error::Encoder`] when the encoder refuses.
pub fn open(settings: &EncoderSettings) -> Result<Box<dyn Encoder>> {
    open_within(settings, &Control::default())
}

/// As [`open`], for work that may be ended: an encoder that waits, for others or for a program, then no longer does.
///
/// # Errors
/// As [`open`]; [`Error::Cancelled`] once the work has ended, of the encoder too.
pub fn open_within(settings: &EncoderSettings, control: &Control) -> Result<Box<dyn Encoder>> {
    settings.check()?;
    match &settings.kind {
        EncoderKind::Rav1e => rav1e::open(settings),
        EncoderKind::Libav(encoder) => libav::open(*encoder, settings, control),
        EncoderKind::Pipe(profile) => pipe::open(settings, profile, control),
    }
}

/// What is wrong with `frame` for an encoder that was opened for `format`.
fn check_format(frame: &Frame, format: FrameFormat) -> std::result::Result<(), String> {
    let given = frame.format();
    if given == format { Ok(()) } else { Err(format!("it was opened for {format:?} and was given {given:?}")) }
}

/// An AV1 encoder. Frames go in and packets come out in presentation order.
pub trait Encoder: Send {
    /// Takes a frame, and appends the packets that have become ready: one AV1 temporal unit each, that is exactly one
    /// shown frame, without temporal delimiter; those of key frames begin with the sequence header. With `key` the
    /// frame becomes a key frame; no other frame but the first does.
    ///
    /// # Errors
    /// [`crate::Error::Encoder`].
    fn encode(&mut self, frame: &Frame, key: bool, packets: &mut Vec<Packet>) -> Result<()>;

    /// Appends packets of frames that are still inside, one or a few at a call, so that who waits may stop in between;
    /// says whether there are more. No frame may follow.
    ///
    /// # Errors
    /// [`crate::Error::Encoder`].
    fn finish(&mut self, packets: &mut Vec<Packet>) -> Result<bool>;
}
