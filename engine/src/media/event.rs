//! What reading a source gives.

use crate::packet::Packet;

/// Frames, packets and notices that come out of a source, in the order of the file.
#[derive(Debug)]
pub enum Event {
    /// The next frame, whose samples [`super::Source::fill`] gives.
    Frame {
        /// Presentation time in ticks of [`crate::source::VideoInfo::time_base`], on the output's time line.
        pts: i64,
        /// Duration in the same ticks; 0 when it is not known.
        duration: i64,
    },
    /// An audio packet ready for MP4.
    Audio {
        /// Which of the kept tracks it is of, by its place in [`super::Source::audio_tracks`], in whose time base it is.
        track: usize,
        /// The packet.
        packet: Packet,
    },
    /// A track's audio changes in a way that copied packets cannot follow, and is converted from here on: its packets given out
    /// so far are to be handed to [`super::Source::convert_sound`], or to be forgotten.
    SoundChanged {
        /// Which of the kept tracks.
        track: usize,
    },
    /// No more frames and no more audio.
    End,
}
