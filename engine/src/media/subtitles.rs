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
use crate::error::{Error, Result};
use crate::geometry::Rational;
use crate::language::Language;
use crate::source::timeline::rescale;
use crate::source::{AudioChoice, OpenOptions, PassedOver, Role, Scan, TextSelector};
use ffmpeg_sys_next as av;
use std::collections::BTreeMap;
use std::ffi::CString;
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

    /// Takes the text of one track as [`Source::subtitles`] takes that of all. None where it has none.
    ///
    /// # Errors
    /// [`Error::NotInSource`] when there is no such track, or its subtitles are pictures; as [`Source::next`].
    pub fn text(&self, track: &TextSelector, control: &Control) -> Result<Option<Subtitles>> {
        match track {
            TextSelector::Captions(track) => {
                let found = self.closed_captions(false, control)?;
                let name = track.to_string();
                if found.iter().any(|captions| captions.track == name) {
                    return Ok(found.into_iter().find(|captions| captions.track == name));
                }
                let names: Vec<_> = found.into_iter().map(|captions| captions.track).collect();
                let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                Err(self.lacks_text(&format!("closed captions {name} are not there: the source has {there}")))
            }
            TextSelector::Track(number) => {
                let there = self.subtitle_streams().find(|stream| stream.track == *number);
                let there = there.ok_or_else(|| self.lacks_text(&self.no_track(&number.to_string())))?;
                self.text_of(there, control)
            }
            TextSelector::Language(language) => {
                let speaks = |stream: &&PassedOver| {
                    stream.language.as_deref().and_then(Language::of).is_some_and(|its| its == *language)
                };
                let all: Vec<_> = self.subtitle_streams().filter(speaks).collect();
                let is_whole = |stream: &&&PassedOver| is_text(&stream.codec) && !stream.roles.contains(&Role::Forced);
                let best = all.iter().find(is_whole).or_else(|| all.iter().find(|stream| is_text(&stream.codec)));
                let best = best.or(all.first()).copied();
                self.text_of(
                    best.ok_or_else(|| self.lacks_text(&self.no_track(&format!("in {}", language.code()))))?,
                    control,
                )
            }
        }
    }

    fn text_of(&self, stream: &PassedOver, control: &Control) -> Result<Option<Subtitles>> {
        let PassedOver { track, codec, .. } = stream;
        if !is_text(codec) {
            let why = format!(
                "subtitle track {track} ({codec}) is made of pictures, which cannot be set anew: choose a track of text, or have them \
                 read into a file of text first"
            );
            return Err(self.lacks_text(&why));
        }
        Ok(self.subtitle_tracks(false, Some(*track), control)?.pop())
    }

    fn lacks_text(&self, why: &str) -> Error {
        Error::not_in_source(format!("{}: {why}", self.info().name))
    }

    /// Lists the subtitle tracks.
    fn subtitle_streams(&self) -> impl Iterator<Item = &PassedOver> {
        let info = self.info();
        info.passed_over.iter().filter(|stream| stream.kind == "subtitle" && info.is_of_program(stream.stream))
    }

    /// Says that no subtitle track is the one that is asked for, and which there are.
    fn no_track(&self, wanted: &str) -> String {
        let there = self.subtitle_streams().map(|PassedOver { track, codec, language, .. }| {
            let language = language.as_ref().map(|language| format!(", {language}")).unwrap_or_default();
            format!("{track} ({codec}{language})")
        });
        let there: Vec<_> = there.collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        format!("subtitle track {wanted} is not there: the source has {there}")
    }

    /// Takes the text of all tracks of subtitles, or of the one of this number.
    fn subtitle_tracks(&self, is_steady: bool, only: Option<usize>, control: &Control) -> Result<Vec<Subtitles>> {
        let mut demuxer = Demuxer::open(self.input(), &self.options().protocols, None, control.part())?;
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
        let of = |(track, cues): (Track, Vec<Cue>)| Subtitles::of_captions(track, cues, ticks);
        Ok(tracks.into_iter().map(of).collect())
    }
}

/// Tells whether libav's codec of this name has text.
fn is_text(codec: &str) -> bool {
    let Ok(name) = CString::new(codec) else { return false };
    // SAFETY: the name ends with a zero; what is found is a constant of libav.
    unsafe {
        let described = av::avcodec_descriptor_get_by_name(name.as_ptr());
        !described.is_null() && (*described).props & av::AV_CODEC_PROP_TEXT_SUB != 0
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
        let (track, head) = (self.number.to_string(), String::new());
        let found = Subtitles { file, kind: "subtitle", track, language: self.language, roles: self.roles, head, cues };
        (!found.cues.is_empty()).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_pictures_by_the_codec() {
        for codec in ["subrip", "ass", "mov_text", "webvtt", "text"] {
            assert!(is_text(codec), "{codec}");
        }
        for codec in ["hdmv_pgs_subtitle", "dvb_subtitle", "dvd_subtitle", "xsub", "no such codec", "\0"] {
            assert!(!is_text(codec), "{codec}");
        }
    }
}
