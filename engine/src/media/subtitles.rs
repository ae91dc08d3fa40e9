//! Text of a source: its subtitle tracks, and the captions that its frames carry, as WebVTT.

#![expect(unsafe_code, reason = "libav is C")]

use super::clocks::Clocks;
use super::demux::{Demuxer, known};
use super::event::Event;
use super::ffi::{self, AvPacket, CodecContext, check, rational};
use super::packets::{self, NANOSECOND, PacketEvent, Packets};
use super::source::Source;
use super::tracks;
use crate::captions::{CaptionDecoder, Cue, CueText, Track, WEBVTT_HEADER, ass_event, ass_size, webvtt, webvtt_cue};
use crate::control::Control;
use crate::error::Result;
use crate::geometry::Rational;
use crate::language::Language;
use crate::source::timeline::rescale;
use crate::source::{AudioChoice, OpenOptions, Scan};
use ffmpeg_sys_next as av;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::iter;
use std::mem::MaybeUninit;
use std::ptr;
use std::slice;

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

/// A track of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subtitles {
    /// Name of its file.
    pub file: String,
    /// `subtitle` or `captions`.
    pub kind: &'static str,
    /// ISO 639-2 language.
    pub language: Option<String>,
    /// How many texts it has.
    pub cues: usize,
    /// The file, as WebVTT.
    pub text: String,
}

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
        let mut found = self.subtitle_tracks(is_steady, control)?;
        found.extend(self.closed_captions(is_steady, control)?);
        Ok(found)
    }

    fn subtitle_tracks(&self, is_steady: bool, control: &Control) -> Result<Vec<Subtitles>> {
        let mut demuxer = Demuxer::open(self.input(), &self.options().protocols, control.part())?;
        let is_subtitle = |stream: &av::AVStream| {
            // SAFETY: a stream has parameters.
            unsafe { (*stream.codecpar).codec_type == av::AVMediaType::AVMEDIA_TYPE_SUBTITLE }
        };
        let streams: Vec<_> =
            demuxer.streams().enumerate().filter(|(_, stream)| is_subtitle(stream)).map(|(index, _)| index).collect();
        let mut tracks = BTreeMap::new();
        for (number, &stream) in (1..).zip(&streams).filter(|(_, stream)| self.info().is_of_program(**stream)) {
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
                        track.take(&packet)?;
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
        let track = |(track, cues): (Track, Vec<Cue>)| Subtitles {
            file: format!("captions-{}.vtt", track.to_string().to_lowercase()),
            kind: "captions",
            language: None,
            cues: cues.len(),
            text: webvtt(&cues, ticks),
        };
        Ok(tracks.into_iter().map(track).collect())
    }
}

/// A subtitle track whose text is being read.
struct TextTrack {
    decoder: CodecContext,
    ticks: Rational,
    number: usize,
    language: Option<String>,
    /// The width and height that places are told in.
    size: [f32; 2],
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
        let Some(ticks) = rational(fields.time_base) else { return Ok(None) };
        // SAFETY: a stream has parameters; the codec and its description are constants of libav; the context is ours and not yet
        // opened; once it is, its header is null or has as many bytes as it says.
        let (decoder, header) = unsafe {
            let id = (*fields.codecpar).codec_id;
            let codec = av::avcodec_find_decoder(id);
            let described = av::avcodec_descriptor_get(id);
            let is_text = !described.is_null() && (*described).props & av::AV_CODEC_PROP_TEXT_SUB != 0;
            if codec.is_null() || !is_text {
                return Ok(None);
            }
            let mut decoder = CodecContext::new(codec)?;
            let context = decoder.as_mut_ptr();
            check("avcodec_parameters_to_context", av::avcodec_parameters_to_context(context, fields.codecpar))?;
            (*context).pkt_timebase = fields.time_base;
            if decoder.open() < 0 {
                return Ok(None);
            }
            let (header, bytes) = ((*context).subtitle_header, (*context).subtitle_header_size);
            let bytes = usize::try_from(bytes).unwrap_or(0);
            let header = if header.is_null() { &[] } else { slice::from_raw_parts(header, bytes) };
            (decoder, String::from_utf8_lossy(header).into_owned())
        };
        let (language, size) = (tracks::language(fields), ass_size(&header));
        Ok(Some(Self { decoder, ticks, number, language, size, texts: Vec::new(), bytes: 0 }))
    }

    /// Takes the texts of a packet; one that cannot be read has none.
    fn take(&mut self, packet: &AvPacket) -> Result<()> {
        let fields = packet.fields();
        let Some(pts) = known(fields.pts) else { return Ok(()) };
        let (place, begin) = (packets::place(packet), rescale(pts, self.ticks, NANOSECOND));
        if packet.data() == NO_TEXT {
            self.push(Text { place, from: begin, until: None, cue: None }, 0);
            return Ok(());
        }
        let told =
            (fields.duration > 0).then(|| begin.saturating_add(rescale(fields.duration, self.ticks, NANOSECOND)));
        let mut subtitle = MaybeUninit::<av::AVSubtitle>::zeroed();
        let mut got = 0;
        // SAFETY: an opened decoder of subtitles and a packet of its stream, which is read alone.
        let code = unsafe {
            let packet = packet.as_ptr().cast_mut();
            av::avcodec_decode_subtitle2(self.decoder.as_mut_ptr(), subtitle.as_mut_ptr(), &raw mut got, packet)
        };
        if code < 0 || got == 0 {
            return Ok(());
        }
        // SAFETY: libav has filled it, for it says that it got one.
        let mut subtitle = unsafe { subtitle.assume_init() };
        let milliseconds = |after: u32| begin.saturating_add(i64::from(after) * (NANOSECOND.den / 1000));
        let ends = subtitle.end_display_time;
        let from = milliseconds(subtitle.start_display_time);
        let until = if ends > 0 && ends < u32::MAX { Some(milliseconds(ends)) } else { told };
        for index in 0..subtitle.num_rects as usize {
            // SAFETY: libav keeps `num_rects` valid rectangles there, whose text is null or ends with a zero.
            let text = unsafe {
                let text = (**subtitle.rects.add(index)).ass;
                if text.is_null() { continue } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
            };
            self.push(Text { place, from, until, cue: ass_event(&text, self.size) }, text.len());
        }
        // SAFETY: libav filled it, and it is not used any more.
        unsafe { av::avsubtitle_free(ptr::from_mut(&mut subtitle)) };
        Ok(())
    }

    /// Keeps a text of so many bytes, unless there are more than any film has.
    fn push(&mut self, text: Text, bytes: usize) {
        self.bytes += bytes + size_of::<Text>();
        if self.bytes <= MOST_TEXT {
            self.texts.push(text);
        }
    }

    /// Makes the file, of texts that are shown before `end`, on the time line of pictures that `clocks` tells of and that begins at
    /// `origin`; none without any.
    fn finish(mut self, clocks: &Clocks, origin: i64, end: i64) -> Option<Subtitles> {
        for Text { place, from, until, .. } in &mut self.texts {
            let shift = clocks.shift(*from, *place).saturating_sub(origin);
            iter::once(from).chain(until).for_each(|time| *time = time.saturating_add(shift));
        }
        self.texts.sort_by_key(|text| text.from);
        let (mut text, mut cues) = (WEBVTT_HEADER.to_owned(), 0);
        for (index, Text { from, until, cue, .. }) in self.texts.iter().enumerate() {
            let Some(cue) = cue else { continue };
            let next = self.texts[index + 1..].iter().map(|next| next.from).find(|next| next > from);
            let shown = until.or(next).unwrap_or(from.saturating_add(SHOWN * NANOSECOND.den)).min(end);
            let from = (*from).max(0);
            if shown > from {
                text += &webvtt_cue(from, shown, NANOSECOND, cue);
                cues += 1;
            }
        }
        let language = self.language.as_deref().and_then(Language::of);
        let language = language.map(|language| format!("-{}", language.code())).unwrap_or_default();
        let file = format!("subtitles-{}{language}.vtt", self.number);
        (cues > 0).then_some(Subtitles { file, kind: "subtitle", language: self.language, cues, text })
    }
}
