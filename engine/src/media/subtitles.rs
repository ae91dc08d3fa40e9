//! Text of a source: its subtitle tracks, and the captions that its frames carry, as WebVTT.

#![expect(unsafe_code, reason = "libav is C")]

use super::clocks::Clocks;
use super::demux::{Demuxer, known};
use super::event::Event;
use super::ffi::{self, AvPacket, rational};
use super::packets::{self, PacketEvent, Packets};
use super::source::Source;
use super::text_decoder::{Decoded, TextDecoder};
use super::tracks;
use crate::captions::{CaptionDecoder, Cue, CueText, NANOSECOND, Subtitles, TimedText, Track};
use crate::control::Control;
use crate::error::Result;
use crate::geometry::Rational;
use crate::source::timeline::rescale;
use crate::source::{AudioChoice, OpenOptions, Role, Scan};
use ffmpeg_sys_next as av;
use std::collections::BTreeMap;
use std::iter;

/// Seconds of a film within which its frames carry captions if any do.
const CAPTIONED_WITHIN: i64 = 60;
/// Seconds that text is shown which nothing ends.
const SHOWN: i64 = 4;
/// Bytes of text that no film has.
const MOST_TEXT: usize = 64 << 20;
/// A sample of MP4's timed text without a letter, which ends what is shown (3GPP TS 26.245); fragments tell no durations.
const NO_TEXT: [u8; 2] = [0, 0];
/// Packets that cannot be read, one after the other, after which a track counts as ended.
const PATIENCE: usize = 100;

/// Tells whether a file has a name that [`Source::subtitles`] gives.
pub(crate) fn is_subtitles_name(name: &str) -> bool {
    let own = ["subtitles-", "captions-"].iter().find_map(|kind| name.strip_prefix(kind));
    let own = own.and_then(|rest| rest.strip_suffix(".vtt"));
    own.is_some_and(|own| !own.is_empty() && own.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

impl Source {
    /// Takes the text of all tracks of subtitles, and that of closed captions (CEA-608 and 708), for which the source is opened once
    /// more, twice where its frames carry captions. Tracks whose subtitles are pictures are left out, and so are those without text.
    /// Times are those of the renditions: where the source's clock begins anew, text follows picture and sound. A `scan` that says
    /// that frames may be left out spares reading these for it.
    ///
    /// # Errors
    /// As [`Source::next`].
    pub fn subtitles(&self, scan: Option<Scan>, control: &Control) -> Result<Vec<Subtitles>> {
        let is_steady = scan.is_some_and(|scan| scan.can_skip);
        let mut found = self.subtitle_tracks(is_steady, None, control)?;
        found.extend(self.closed_captions(is_steady, control)?);
        Ok(found)
    }

    /// Takes the text of one track of subtitles, by its number among the source's, from 1; none where it is not there, or has no
    /// text.
    ///
    /// # Errors
    /// As [`Source::subtitles`].
    pub fn subtitle_track(&self, number: usize, scan: Option<Scan>, control: &Control) -> Result<Option<Subtitles>> {
        let is_steady = scan.is_some_and(|scan| scan.can_skip);
        Ok(self.subtitle_tracks(is_steady, Some(number), control)?.pop())
    }

    /// Takes the text of all tracks of subtitles, or of the one of this number.
    fn subtitle_tracks(&self, is_steady: bool, only: Option<usize>, control: &Control) -> Result<Vec<Subtitles>> {
        let mut demuxer = Demuxer::open(self.input(), &self.options().protocols, control.part())?;
        let is_subtitle = |stream: &av::AVStream| {
            // SAFETY: a stream has parameters.
            unsafe { (*stream.codecpar).codec_type == av::AVMediaType::AVMEDIA_TYPE_SUBTITLE }
        };
        let streams: Vec<_> =
            demuxer.streams().enumerate().filter(|(_, stream)| is_subtitle(stream)).map(|(index, _)| index).collect();
        let mut tracks = BTreeMap::new();
        let is_wanted = |number: usize| only.is_none_or(|only| only == number);
        let streams = (1..).zip(&streams).filter(|(number, _)| is_wanted(*number));
        for (number, &stream) in streams.filter(|(_, stream)| self.info().is_of_program(**stream)) {
            if let Some(track) = TextTrack::open(&demuxer, stream, number)? {
                tracks.insert(stream, track);
            }
        }
        if tracks.is_empty() {
            return Ok(Vec::new());
        }
        // The streams that the renditions' time line is made of.
        let others: Vec<_> = iter::once(self.reader.video).chain(self.reader.audio.iter().copied()).collect();
        let packets = Packets::new(&mut demuxer, &others);
        let mut packets = packets.with_texts(&mut demuxer, tracks.keys().copied().collect(), !is_steady);
        let mut broken = 0;
        loop {
            control.check()?;
            match packets.next(&mut demuxer)? {
                PacketEvent::Text(packet) => {
                    broken = 0;
                    let index = usize::try_from(packet.fields().stream_index).unwrap_or(usize::MAX);
                    if let Some(track) = tracks.get_mut(&index) {
                        track.take(&packet);
                    }
                }
                PacketEvent::Packet { .. } => broken = 0,
                PacketEvent::Broken if broken < PATIENCE => broken += 1,
                PacketEvent::Broken => packets.end(),
                PacketEvent::End => break,
            }
        }
        let origin = rescale(self.info().video.origin, self.info().video.time_base, NANOSECOND);
        let end = self.info().span.duration.map_or(i64::MAX, |duration| rescale(1, duration, NANOSECOND));
        Ok(tracks.into_values().filter_map(|track| track.finish(packets.clocks(), origin, end)).collect())
    }

    fn closed_captions(&self, is_steady: bool, control: &Control) -> Result<Vec<Subtitles>> {
        let mut options = OpenOptions { origin: Some(self.info().video.origin), ..self.options().clone() };
        if is_steady {
            options.audio = AudioChoice::None;
        }
        let mut source = Self::open_within(self.input(), &options, control)?;
        source.drop_sound();
        let ticks = source.info().video.time_base;
        let (mut decoder, mut cues, mut seen, mut end) = (CaptionDecoder::new(ticks), Vec::new(), false, 0);
        let patience = rescale(CAPTIONED_WITHIN, Rational { num: 1, den: 1 }, ticks);
        loop {
            control.check()?;
            match source.next()? {
                Event::Frame { pts, duration } => {
                    end = pts.saturating_add(duration.max(1));
                    let kind = av::AVFrameSideDataType::AV_FRAME_DATA_A53_CC;
                    match ffi::frame_side_data(&source.reader.frame, kind) {
                        Some(data) => {
                            seen = true;
                            cues.extend(decoder.push(pts, data));
                        }
                        None if !seen && pts > patience => return Ok(Vec::new()),
                        None => {}
                    }
                }
                Event::Audio { .. } | Event::SoundChanged { .. } => {}
                Event::End => break,
            }
        }
        cues.extend(decoder.finish(end));
        if decoder.damaged() > 0 {
            log::warn!("{}: {} letters or messages of its captions are damaged", self.info().name, decoder.damaged());
        }
        let mut tracks: BTreeMap<Track, Vec<Cue>> = BTreeMap::new();
        for cue in cues {
            tracks.entry(cue.track).or_default().push(cue);
        }
        let file = |track: Track| format!("captions-{}.vtt", track.to_string().to_lowercase());
        Ok(tracks.into_iter().map(|(track, cues)| Subtitles::of_captions(file(track), cues, ticks)).collect())
    }
}

/// A subtitle track whose text is being read.
struct TextTrack {
    decoder: TextDecoder,
    ticks: Rational,
    number: usize,
    language: Option<String>,
    roles: Vec<Role>,
    texts: Vec<Text>,
    bytes: usize,
}

/// A text, with times in nanoseconds.
struct Text {
    /// Where in the file it lies; none where that is not known.
    place: Option<i64>,
    /// From and, where it is told, until when it is shown.
    from: i64,
    until: Option<i64>,
    /// None where it only ends what was shown before.
    cue: Option<CueText>,
}

impl TextTrack {
    /// Opens the decoder of a stream; none where it has no text, or libav cannot read it.
    fn open(demuxer: &Demuxer, stream: usize, number: usize) -> Result<Option<Self>> {
        let fields = demuxer.stream(stream);
        let opened = rational(fields.time_base).zip(TextDecoder::of_stream(fields)?);
        let (language, roles) = (tracks::language(fields), tracks::roles(fields));
        let track = |(ticks, decoder)| Self { decoder, ticks, number, language, roles, texts: Vec::new(), bytes: 0 };
        Ok(opened.map(track))
    }

    /// Takes the texts of a packet; one that cannot be read has none.
    fn take(&mut self, packet: &AvPacket) {
        let fields = packet.fields();
        let Some(pts) = known(fields.pts) else { return };
        let (place, begin) = (packets::place(packet), rescale(pts, self.ticks, NANOSECOND));
        if packet.data() == NO_TEXT {
            self.push(Text { place, from: begin, until: None, cue: None }, 0);
            return;
        }
        let told =
            (fields.duration > 0).then(|| begin.saturating_add(rescale(fields.duration, self.ticks, NANOSECOND)));
        let Some(Decoded { start, end, texts }) = self.decoder.decode(packet) else { return };
        let milliseconds = |after: u32| begin.saturating_add(i64::from(after) * (NANOSECOND.den / 1000));
        let (from, until) = (milliseconds(start), end.map(milliseconds).or(told));
        for (cue, bytes) in texts {
            self.push(Text { place, from, until, cue }, bytes);
        }
    }

    /// Keeps a text of so many bytes, unless there are more than any film has.
    fn push(&mut self, text: Text, bytes: usize) {
        self.bytes += bytes + size_of::<Text>();
        if self.bytes <= MOST_TEXT {
            self.texts.push(text);
        }
    }

    /// Makes the track, of texts that are shown before `end`, on the time line of pictures that `clocks` tells of and that begins at
    /// `origin`; none without any.
    fn finish(mut self, clocks: &Clocks, origin: i64, end: i64) -> Option<Subtitles> {
        for Text { place, from, until, .. } in &mut self.texts {
            let shift = clocks.shift(*from, *place).saturating_sub(origin);
            iter::once(from).chain(until).for_each(|time| *time = time.saturating_add(shift));
        }
        self.texts.sort_by_key(|text| text.from);
        let mut cues = Vec::new();
        for (index, Text { from, until, cue, .. }) in self.texts.iter().enumerate() {
            let Some(cue) = cue else { continue };
            let next = self.texts[index + 1..].iter().map(|next| next.from).find(|next| next > from);
            let until = until.or(next).unwrap_or(from.saturating_add(SHOWN * NANOSECOND.den)).min(end);
            let from = (*from).max(0);
            if until > from {
                cues.push(TimedText { from, until, cue: cue.clone(), own: None });
            }
        }
        let file = Subtitles::file_name(self.number, self.language.as_deref());
        let track =
            Subtitles { file, kind: "subtitle", language: self.language, roles: self.roles, head: String::new(), cues };
        (!track.cues.is_empty()).then_some(track)
    }
}
