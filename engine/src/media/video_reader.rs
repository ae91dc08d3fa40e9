//! Packets in, decoded frames and audio packets out, with a tally of what was wrong on the way.

#![expect(unsafe_code, reason = "libav is C")]

use super::alpha;
use super::demux::{Demuxer, known};
use super::dolby;
use super::ffi::{self, AvFrame, AvPacket, CodecContext, check, rational};
use super::packets::{PacketEvent, Packets};
use crate::error::Result;
use crate::geometry::Rational;
use crate::source::Damage;
use ffmpeg_sys_next as av;
use std::ffi::c_int;
use std::ptr;

/// Failures in a row, without a packet or a frame between them, after which nothing more is expected.
const PATIENCE: u32 = 64;

/// A declared end may lie this many seconds after the last packet's: containers round, and a last frame may be held.
const SLACK: f64 = 0.5;

/// A container and the decoder of its video.
#[derive(Debug)]
pub(super) struct VideoReader {
    pub demuxer: Demuxer,
    packets: Packets,
    decoder: CodecContext,
    /// Index of the video stream.
    pub video: usize,
    /// Indices of the audio streams that are read.
    pub audio: Vec<usize>,
    /// Ticks of the video stream.
    pub time_base: Rational,
    /// The packet of [`ReadEvent::Audio`].
    pub packet: AvPacket,
    /// The frame of [`ReadEvent::Frame`].
    pub frame: AvFrame,
    /// The metadata of Dolby Vision that hold for it.
    pub dolby: dolby::Latest,
    /// With how many threads frames may be decoded.
    pub threads: usize,
    /// Damage of the source so far.
    pub damage: Damage,
    /// True once the container has ended and the decoder gives what it still holds.
    draining: bool,
    /// Failures since the last packet or frame.
    failures: u32,
    /// True where the demuxer met something unreadable after the last packet.
    broken: bool,
    /// Video time of the last packet.
    last_time: Option<i64>,
    /// Time after which nothing more is read, video no longer being decoded.
    stop: Option<i64>,
    /// Latest end of a packet of video and of each audio stream, in ticks of the stream.
    ends: Vec<Option<i64>>,
    /// Number of video packets so far, and their bytes.
    read: [u64; 2],
}

/// Outcome of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadEvent {
    /// [`VideoReader::frame`] is a new frame.
    Frame,
    /// [`VideoReader::packet`] is a new packet of audio.
    Audio,
    /// There is nothing more.
    End,
}

impl VideoReader {
    /// Opens the decoder of stream `video`, with `threads` threads, and reads it and the streams `audio`.
    pub(super) fn new(mut demuxer: Demuxer, video: usize, audio: Vec<usize>, threads: usize) -> Result<Self> {
        let wanted: Vec<usize> = std::iter::once(video).chain(audio.iter().copied()).collect();
        let packets = Packets::new(&mut demuxer, &wanted);
        Ok(Self {
            decoder: open_decoder(&demuxer, demuxer.stream(video), threads)?,
            video,
            audio,
            time_base: packets.ticks(0),
            packets,
            packet: AvPacket::new()?,
            frame: AvFrame::new()?,
            dolby: dolby::Latest::default(),
            threads,
            damage: Damage::default(),
            draining: false,
            failures: 0,
            broken: false,
            last_time: None,
            stop: None,
            ends: vec![None; wanted.len()],
            read: [0; 2],
            demuxer,
        })
    }

    /// Reads and decodes up to the next frame or audio packet.
    pub(super) fn step(&mut self) -> Result<ReadEvent> {
        loop {
            if self.receive()? {
                self.note_frame();
                self.dolby.take(&self.frame);
                return Ok(ReadEvent::Frame);
            }
            if self.draining {
                return Ok(ReadEvent::End);
            }
            match self.read()? {
                Some(track) => {
                    if self.dispatch(track)? {
                        return Ok(ReadEvent::Audio);
                    }
                }
                None => {
                    self.draining = true;
                    self.send(false)?;
                }
            }
        }
    }

    /// Reads the next packet, and gives the index of its track among those that are read, video first; none at the end. The
    /// decoder forgets what it has where video before the packet was left out.
    fn read(&mut self) -> Result<Option<usize>> {
        loop {
            let next = self.packets.next(&mut self.demuxer)?;
            let (joints, corrected) = (self.packets.take_joints(), self.packets.take_corrected());
            // What is behind the wanted part is nobody's business.
            if self.stop.is_none() {
                self.damage.time_jumps += joints;
                self.damage.retimed_frames += corrected;
            }
            match next {
                PacketEvent::Packet { track, packet, begins } => {
                    (self.failures, self.broken) = (0, false);
                    self.packet = packet;
                    if track == 0 {
                        let bytes = u64::try_from(self.packet.fields().size).unwrap_or(0);
                        self.read = [self.read[0] + 1, self.read[1].saturating_add(bytes)];
                    }
                    if begins {
                        self.flush();
                        self.show_all_that_follow();
                    }
                    return Ok(Some(track));
                }
                PacketEvent::Broken if self.failures < PATIENCE => {
                    if !self.broken && self.stop.is_none() {
                        self.note_damage(self.last_time);
                    }
                    self.failures += 1;
                    self.broken = true;
                }
                PacketEvent::Broken => {
                    self.failures = 0;
                    self.packets.end();
                }
                // Text has a reader of its own.
                PacketEvent::Text(_) => {}
                PacketEvent::End => return Ok(None),
            }
        }
    }

    /// Decodes what was read already to its end, and gives time and duration of each frame to `each`. Nothing can be decoded
    /// afterwards.
    pub(super) fn drain(&mut self, mut each: impl FnMut(Option<i64>, i64)) -> Result<()> {
        if !self.draining {
            self.draining = true;
            self.send(false)?;
        }
        while self.receive()? {
            each(self.frame_time(), self.frame_duration());
        }
        Ok(())
    }

    /// Reads up to the next video packet of which a frame is to be expected, without decoding it, and gives the frame's time,
    /// where it is told, and duration; none at the end.
    pub(super) fn next_picture(&mut self) -> Result<Option<(Option<i64>, i64)>> {
        while let Some(track) = self.read()? {
            if track == 0 && self.packets.shows(&self.packet) {
                let fields = self.packet.fields();
                return Ok(Some((known(fields.pts), fields.duration)));
            }
        }
        Ok(None)
    }

    /// Bytes of a video packet, on average so far; none before the first.
    pub(super) fn packet_bytes(&self) -> Option<u64> {
        let [packets, bytes] = self.read;
        bytes.checked_div(packets)
    }

    /// Tells whether all video packets so far tell when they are shown.
    pub(super) fn packets_tell_times(&self) -> bool {
        self.packets.tell_times()
    }

    /// Tells whether frames after [`VideoReader::skip_to`] and [`VideoReader::go_to`] are those of a decode from the beginning, as far
    /// as the packets so far tell.
    pub(super) fn can_skip(&self) -> bool {
        self.packets.can_skip()
    }

    /// Presentation time of the frame, in ticks of the stream; none when nothing tells it.
    pub(super) fn frame_time(&self) -> Option<i64> {
        known(self.frame.fields().best_effort_timestamp)
    }

    /// Presentation time of the packet of [`ReadEvent::Audio`], and the ticks that it is told in.
    pub(super) fn packet_time(&self) -> Option<(i64, Rational)> {
        let stream = self.demuxer.stream(self.packet_stream());
        Some((known(self.packet.fields().pts)?, rational(stream.time_base)?))
    }

    /// Index of the stream of the packet of [`ReadEvent::Audio`].
    pub(super) fn packet_stream(&self) -> usize {
        usize::try_from(self.packet.fields().stream_index).unwrap_or(self.video)
    }

    /// Decodes no more video, and ends at the first video packet after `time`, in ticks of the video stream.
    pub(super) fn stop_decoding(&mut self, time: i64) {
        self.stop = Some(time);
    }

    /// Tells whether decoding can begin at the frame.
    pub(super) fn frame_is_key(&self) -> bool {
        #[cfg(ffmpeg_6_1)]
        let key = self.frame.fields().flags & av::AV_FRAME_FLAG_KEY != 0;
        #[cfg(not(ffmpeg_6_1))]
        let key = self.frame.fields().key_frame != 0;
        key
    }

    /// Where each audio stream that tells it begins, and the ticks that it is told in.
    pub(super) fn audio_starts(&self) -> impl Iterator<Item = (i64, Rational)> {
        let streams = self.audio.iter().map(|&stream| self.demuxer.stream(stream));
        streams.filter_map(|stream| Some((known(stream.start_time)?, rational(stream.time_base)?)))
    }

    /// Duration of the frame in ticks of the stream; 0 when nothing tells it.
    pub(super) fn frame_duration(&self) -> i64 {
        #[cfg(ffmpeg_6_0)]
        let duration = self.frame.fields().duration;
        #[cfg(not(ffmpeg_6_0))]
        let duration = self.frame.fields().pkt_duration;
        duration
    }

    /// Moves to the last key frame at or before `time`, in ticks of the video stream, as well as the container knows;
    /// says whether it could. What was wrong so far is kept, what is read next starts anew.
    pub(super) fn seek(&mut self, time: i64) -> Result<bool> {
        if !self.demuxer.seek(self.video, time)? {
            return Ok(false);
        }
        self.flush();
        (self.draining, self.failures, self.broken) = (false, 0, false);
        self.last_time = None;
        self.ends.fill(None);
        self.packets.restart();
        Ok(true)
    }

    /// Reads on to `time`, in ticks of the video stream, without decoding more than must be: frames go on as before up to the
    /// last key frame at or before it. Where `exact`, that has to prove that all from there on are as they would have been.
    pub(super) fn skip_to(&mut self, time: i64, exact: bool) {
        self.packets.skip_to(time, exact);
    }

    /// Moves by the container's index to a key frame at or before `time`, in ticks of the video stream, from which on frames
    /// are as they would have been; where none is found, to the beginning.
    pub(super) fn go_to(&mut self, time: i64, steps_back: &[i64]) -> Result<()> {
        let start = known(self.demuxer.stream(self.video).start_time).unwrap_or(0);
        let aims = steps_back.iter().map(|&back| time.saturating_sub(back)).take_while(|&aim| aim > start);
        for aim in aims {
            if self.seek(aim)? {
                self.packets.skip_to(time, true);
                if self.packets.find_entry(&mut self.demuxer)? {
                    return Ok(());
                }
            }
        }
        if !self.seek(start)? {
            return Err(self.demuxer.bad("cannot be sought in, so that its beginning cannot be skipped"));
        }
        self.packets.skip_to(time, true);
        Ok(())
    }

    /// Has the decoder of H.264 give out all frames that follow a recovery point. By itself libav keeps those back that were
    /// decoded before the picture of that point was shown, should the film end before them (`finalize_frame` in h264dec.c).
    /// What it gives out too is shown before that point, and left out.
    fn show_all_that_follow(&mut self) {
        // SAFETY: an opened decoder; libav looks at this flag whenever it gives out a frame.
        unsafe {
            let decoder = self.decoder.as_mut_ptr();
            if (*decoder).codec_id == av::AVCodecID::AV_CODEC_ID_H264 {
                (*decoder).flags |= av::AV_CODEC_FLAG_OUTPUT_CORRUPT as c_int;
            }
        }
    }

    /// Makes the decoder forget what it has.
    fn flush(&mut self) {
        // SAFETY: an opened decoder.
        unsafe { av::avcodec_flush_buffers(self.decoder.as_mut_ptr()) };
    }

    /// Seconds of the source at `time`, in ticks of the video stream.
    pub(super) fn seconds(&self, time: i64) -> f64 {
        ffi::seconds(time, self.time_base)
    }

    /// Takes the packet just read, of this track: video goes to the decoder, audio to the caller, who is told so.
    fn dispatch(&mut self, track: usize) -> Result<bool> {
        let packet = self.packet.fields();
        let (time, duration) = (known(packet.pts), packet.duration);
        let end = &mut self.ends[track];
        *end = (*end).max(time.map(|time| time.saturating_add(duration)));
        if track > 0 {
            return Ok(true);
        }
        if self.stop.is_some() {
            self.draining = time > self.stop;
            return Ok(false);
        }
        self.last_time = time.or(self.last_time);
        self.send(true)?;
        Ok(false)
    }

    /// Gives the decoder the packet just read, or tells it that there are no more.
    fn send(&mut self, packet: bool) -> Result<()> {
        let packet = if packet { self.packet.as_ptr() } else { ptr::null() };
        // SAFETY: an opened decoder, whose output was taken until it asked for more; a valid packet or null.
        let code = unsafe { av::avcodec_send_packet(self.decoder.as_mut_ptr(), packet) };
        self.outcome("avcodec_send_packet", code).map(drop)
    }

    /// Takes the next frame from the decoder, if it has one.
    fn receive(&mut self) -> Result<bool> {
        loop {
            // SAFETY: an opened decoder and a frame, which libav empties first.
            let code = unsafe { av::avcodec_receive_frame(self.decoder.as_mut_ptr(), self.frame.as_mut_ptr()) };
            if self.outcome("avcodec_receive_frame", code)? {
                return Ok(true);
            }
            let asks = code == av::AVERROR(av::EAGAIN) || code == av::AVERROR_EOF;
            if asks || self.failures >= PATIENCE {
                return Ok(false);
            }
        }
    }

    /// Tells whether `code`, from the decoder, is a success; counts data that it could not decode as damage.
    fn outcome(&mut self, call: &'static str, code: c_int) -> Result<bool> {
        match code {
            0.. => {
                self.failures = 0;
                Ok(true)
            }
            av::AVERROR_EOF => Ok(false),
            _ if code == av::AVERROR(av::EAGAIN) => Ok(false),
            _ if code == av::AVERROR(av::ENOMEM) => check(call, code).map(|_| false),
            _ => {
                self.failures += 1;
                self.note_damage(self.last_time);
                Ok(false)
            }
        }
    }

    /// Counts a frame of which the decoder says that part is lost.
    fn note_frame(&mut self) {
        let frame = self.frame.fields();
        if frame.flags & av::AV_FRAME_FLAG_CORRUPT != 0 || frame.decode_error_flags != 0 {
            self.note_damage(self.frame_time());
        }
    }

    /// Counts a damaged frame.
    pub(super) fn note_damage(&mut self, time: Option<i64>) {
        self.damage.damaged_frames += 1;
        self.damage.first_at = self.damage.first_at.or(time.map(|time| self.seconds(time)));
    }

    /// Once [`ReadEvent::End`] has come: the seconds at which the video ended, if that is before its declared end.
    pub(super) fn truncated_at(&self) -> Option<f64> {
        let end = self.seconds(self.ends[0]?);
        let short = match self.declared_end() {
            Some(declared) => end + SLACK < declared,
            None => self.whole_is_short(end),
        };
        (self.broken || short).then_some(end)
    }

    /// Seconds at which the video ought to end, when the container says so.
    fn declared_end(&self) -> Option<f64> {
        if let Some(end) = self.demuxer.declared_end_of(self.video) {
            return Some(self.seconds(end));
        }
        // SAFETY: a stream's metadata is null or valid.
        let tag = unsafe { ffi::dict_text(self.demuxer.stream(self.video).metadata, c"DURATION") };
        tag.as_deref().and_then(clock_time)
    }

    /// Tells whether all that was read ended, at `video_end` seconds or with the audio, before the declared end of the
    /// whole. A stream that was not read may be the one that lasts longest: then the end is not known to be short.
    fn whole_is_short(&self, video_end: f64) -> bool {
        let unread = self.demuxer.streams().count() > self.ends.len();
        let ends = self.ends.iter().enumerate().skip(1);
        let ends = ends.filter_map(|(track, end)| Some(ffi::seconds((*end)?, self.packets.ticks(track))));
        let end = ends.fold(video_end, f64::max);
        !unread && self.demuxer.declared_end().is_some_and(|declared| end + SLACK < declared)
    }
}

/// Opens libav's decoder of `stream`.
fn open_decoder(demuxer: &Demuxer, stream: &av::AVStream, threads: usize) -> Result<CodecContext> {
    // SAFETY: a stream has parameters; the codec found is one of libav's; the context is ours and not yet opened.
    unsafe {
        let codec = alpha::decoder(stream).unwrap_or_else(|| av::avcodec_find_decoder((*stream.codecpar).codec_id));
        if codec.is_null() {
            let name = ffi::text(av::avcodec_get_name((*stream.codecpar).codec_id)).unwrap_or_default();
            return Err(demuxer.bad(format!("its video is {name}, which this build of libav cannot decode")));
        }
        let mut decoder = CodecContext::new(codec)?;
        let context = decoder.as_mut_ptr();
        check("avcodec_parameters_to_context", av::avcodec_parameters_to_context(context, stream.codecpar))?;
        (*context).pkt_timebase = stream.time_base;
        (*context).thread_count = c_int::try_from(threads).unwrap_or(c_int::MAX);
        (*context).thread_type = av::FF_THREAD_FRAME | av::FF_THREAD_SLICE;
        // Without this flag libav shifts the decoder's crop to keep rows aligned.
        (*context).flags |= av::AV_CODEC_FLAG_UNALIGNED as c_int;
        let code = decoder.open();
        if code < 0 {
            return Err(demuxer.bad(format!("its video decoder cannot start: {}", ffi::error_text(code))));
        }
        Ok(decoder)
    }
}

/// Seconds of Matroska's `DURATION` tag, `hours:minutes:seconds` with a fraction.
fn clock_time(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    Some(
        f64::from(hours.parse::<u32>().ok()?) * 3600.0
            + f64::from(minutes.parse::<u32>().ok()?) * 60.0
            + seconds.parse::<f64>().ok()?,
    )
}

#[cfg(test)]
mod tests {
    use super::clock_time;

    #[test]
    fn clock_times_are_read() {
        assert_eq!(clock_time("01:02:03.500000000"), Some(3723.5));
        assert_eq!(clock_time("1:2"), None);
        assert_eq!(clock_time("N/A"), None);
        assert_eq!(clock_time("1:2:3:4"), None);
    }
}
