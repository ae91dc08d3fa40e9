//! The interface that all encoders have.

use crate::error::Result;
use crate::frame::{Frame, FrameFormat, HeldFrame};
use crate::packet::Packet;

/// An AV1 encoder. Frames go in and packets come out in presentation order.
pub trait Encoder: Send {
    /// Takes a frame, and appends the packets that have become ready: one AV1 temporal unit each, that is exactly one
    /// shown frame, without temporal delimiter; those of key frames begin with the sequence header. With `key` the
    /// frame becomes a key frame; no other frame but the first does. The frame is held as long as its samples are needed.
    ///
    /// # Errors
    /// [`crate::Error::Encoder`] when the encoder fails or the frame is of another format than it was opened for;
    /// [`crate::Error::Cancelled`] once the work has ended, from an encoder that waits for a program.
    fn encode(&mut self, frame: HeldFrame, key: bool, packets: &mut Vec<Packet>) -> Result<()>;

    /// Appends packets of frames that are still inside, one or a few at a call, so that who waits may stop in between;
    /// says whether there are more. No frame may follow.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    fn finish(&mut self, packets: &mut Vec<Packet>) -> Result<bool>;
}

/// Checks that `frame` has the format that an encoder was opened for; the error says how it differs.
pub(super) fn check_format(frame: &Frame, format: FrameFormat) -> std::result::Result<(), String> {
    let given = frame.format();
    if given == format { Ok(()) } else { Err(format!("it was opened for {format:?} and was given {given:?}")) }
}
