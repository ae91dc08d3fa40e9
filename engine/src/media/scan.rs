//! Finding out when all frames of a source are shown, without decoding them.

use super::decode_times::MOST_REORDERED;
use super::event::Event;
use super::source::Source;
use super::video_reader::VideoReader;
use crate::error::Result;
use crate::source::Scan;
use crate::source::timeline::TimelinePlace;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

impl Source {
    /// Reads it to its end, or to that of the wanted part, and gives the time of each frame that would come out of
    /// [`Source::next`] from now on, in their order, to `each`. Nothing more is decoded where the packets tell the times; else
    /// all is.
    ///
    /// What packets cannot tell is what comes of damaged ones: of some the decoder makes no frame. Frames of MPEG-4 that only
    /// repeat the one before have times here, and are none for the decoder. How frames are coded, so whether they may be
    /// converted at all, is not looked at either.
    ///
    /// # Errors
    /// As [`Source::next`].
    pub fn scan(mut self, mut each: impl FnMut(i64)) -> Result<Scan> {
        let first = self.reader.frame_time();
        let mut scanning = Scanning { frames: 0, last: None, is_exact: true };
        let Some((held, first)) = self.held.zip(first).filter(|_| self.reader.packets_tell_times()) else {
            return self.scan_by_decoding(each);
        };
        scanning.take(held, &mut each);
        let mut order = PresentationOrder::default();
        let mut untold = 0;
        self.reader.drain(|time, duration| match time {
            Some(time) => order.push(time, duration),
            None => untold += 1,
        })?;
        loop {
            let next = self.reader.next_picture()?;
            match next {
                Some((Some(time), duration)) => order.push(time, duration),
                Some((None, _)) => untold += 1,
                None => {}
            }
            while let Some((time, duration)) = order.pop(next.is_none()) {
                // What is shown before the first wanted frame.
                if time < first {
                    continue;
                }
                let place = self.timeline.place(Some(time), duration);
                if self.timeline.is_after(place.pts) {
                    return Ok(scanning.end(untold, &self.reader));
                }
                scanning.take(place, &mut each);
            }
            if next.is_none() {
                return Ok(scanning.end(untold, &self.reader));
            }
        }
    }

    fn scan_by_decoding(mut self, mut each: impl FnMut(i64)) -> Result<Scan> {
        let mut scanning = Scanning { frames: 0, last: None, is_exact: true };
        loop {
            match self.next()? {
                Event::Frame { pts, duration } => {
                    scanning.take(TimelinePlace { pts, duration, retimed: false }, &mut each);
                }
                Event::Audio { .. } | Event::SoundChanged { .. } => {}
                Event::End => return Ok(Scan { can_skip: false, ..scanning.end(0, &self.reader) }),
            }
        }
    }
}

/// The result so far.
struct Scanning {
    frames: u64,
    last: Option<TimelinePlace>,
    is_exact: bool,
}

impl Scanning {
    fn take(&mut self, place: TimelinePlace, each: &mut impl FnMut(i64)) {
        self.frames += 1;
        self.is_exact &= !place.retimed;
        self.last = Some(place);
        each(place.pts);
    }

    /// `untold` is the number of frames without times.
    fn end(self, untold: u64, reader: &VideoReader) -> Scan {
        let is_exact = self.is_exact && untold == 0;
        let last = self.last.filter(|place| place.duration > 0);
        Scan {
            frames: self.frames,
            end: last.map(|place| place.pts.saturating_add(place.duration)),
            can_skip: reader.can_skip() && is_exact,
            is_exact,
            packet_bytes: reader.packet_bytes(),
        }
    }
}

/// Brings times from the order of decoding into that of showing.
#[derive(Default)]
struct PresentationOrder {
    /// Times, durations.
    waiting: BinaryHeap<Reverse<(i64, i64)>>,
}

impl PresentationOrder {
    fn push(&mut self, time: i64, duration: i64) {
        self.waiting.push(Reverse((time, duration)));
    }

    /// The next one, when all before it are known to have come; `is_last` says that all have.
    fn pop(&mut self, is_last: bool) -> Option<(i64, i64)> {
        let is_sure = is_last || self.waiting.len() > MOST_REORDERED;
        if is_sure { self.waiting.pop().map(|Reverse(next)| next) } else { None }
    }
}
