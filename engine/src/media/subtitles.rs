//! Text of a source: its subtitle tracks, and the captions that its frames carry, as WebVTT.

#![expect(unsafe_code, reason = "libav is C")]

use super::demux::{Demuxer, ReadOutcome, known};
use super::event::Event;
use super::ffi::{self, AvPacket, CodecContext, check, rational};
use super::source::Source;
use super::tracks;
use crate::captions::{
    CaptionDecoder, Cue, CueText, LIBAVCODEC_SIZE, Track, WEBVTT_HEADER, ass_event, webvtt, webvtt_cue,
};
use crate::control::Control;
use crate::error::Result;
use crate::geometry::Rational;
use crate::language::Language;
use crate::source::timeline::rescale;
use crate::source::{AudioChoice, OpenOptions};
use ffmpeg_sys_next as av;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ptr;

/// Ticks in which text is told: fine enough for any container's to be exact to a thousandth of a second.
const TICKS: Rational = Rational { num: 1, den: 1_000_000 };
/// Seconds of a film within which its frames carry captions if any do.
const CAPTIONED_WITHIN: i64 = 60;
/// Seconds that text is shown which nothing ends.
const SHOWN: i64 = 4;
/// Bytes of text that no film has.
const MOST_TEXT: usize = 64 << 20;
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

impl Source {
    /// Takes the text of all tracks of subtitles, and that of closed captions (CEA-608 and 708), for which the source is opened once
    /// more, twice where its frames carry captions. Tracks whose subtitles are pictures are left out, and so are those without text.
    /// Times are those of the renditions.
    ///
    /// # Errors
    /// As [`Source::next`].
    pub fn subtitles(&self, control: &Control) -> Result<Vec<Subtitles>> {
        let mut found = self.subtitle_tracks(control)?;
        found.extend(self.closed_captions(control)?);
        Ok(found)
    }

    fn subtitle_tracks(&self, control: &Control) -> Result<Vec<Subtitles>> {
        let mut demuxer = Demuxer::open(self.input(), &self.options().protocols, control.part())?;
        let is_subtitle = |stream: &av::AVStream| {
            // SAFETY: a stream has parameters.
            unsafe { (*stream.codecpar).codec_type == av::AVMediaType::AVMEDIA_TYPE_SUBTITLE }
        };
        let streams: Vec<_> =
            demuxer.streams().enumerate().filter(|(_, stream)| is_subtitle(stream)).map(|(index, _)| index).collect();
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        let mut tracks = BTreeMap::new();
        for (number, &stream) in (1..).zip(&streams).filter(|(_, stream)| self.info().is_of_program(**stream)) {
            if let Some(track) = TextTrack::open(&demuxer, stream, number)? {
                tracks.insert(stream, track);
            }
        }
        demuxer.select(&tracks.keys().copied().collect::<Vec<_>>());
        let origin = rescale(self.info().video.origin, self.info().video.time_base, TICKS);
        let end = self.info().span.duration.map_or(i64::MAX, |duration| rescale(1, duration, TICKS));
        let (mut packet, mut broken) = (AvPacket::new()?, 0);
        while !tracks.is_empty() {
            control.check()?;
            match demuxer.read(&mut packet)? {
                ReadOutcome::Packet => {
                    broken = 0;
                    let index = usize::try_from(packet.fields().stream_index).unwrap_or(usize::MAX);
                    if let Some(track) = tracks.get_mut(&index) {
                        track.take(&packet, origin)?;
                    }
                }
                ReadOutcome::Broken if broken < PATIENCE => broken += 1,
                ReadOutcome::Broken | ReadOutcome::End => break,
            }
        }
        Ok(tracks.into_values().filter_map(|track| track.finish(end)).collect())
    }

    fn closed_captions(&self, control: &Control) -> Result<Vec<Subtitles>> {
        let origin = Some(self.info().video.origin);
        let options = OpenOptions { audio: AudioChoice::None, origin, ..self.options().clone() };
        let mut source = Self::open_within(self.input(), &options, control)?;
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
    /// From and, where it is told, until when each is shown, in [`TICKS`].
    texts: Vec<(i64, Option<i64>, CueText)>,
    bytes: usize,
}

impl TextTrack {
    /// Opens the decoder of a stream; none where it has no text, or libav cannot read it.
    fn open(demuxer: &Demuxer, stream: usize, number: usize) -> Result<Option<Self>> {
        let fields = demuxer.stream(stream);
        let Some(ticks) = rational(fields.time_base) else { return Ok(None) };
        // SAFETY: a stream has parameters; the codec and its description are constants of libav; the context is ours and not yet
        // opened.
        let decoder = unsafe {
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
            decoder
        };
        let language = tracks::language(fields);
        Ok(Some(Self { decoder, ticks, number, language, texts: Vec::new(), bytes: 0 }))
    }

    /// Takes the texts of a packet; one that cannot be read has none.
    fn take(&mut self, packet: &AvPacket, origin: i64) -> Result<()> {
        let fields = packet.fields();
        let Some(pts) = known(fields.pts) else { return Ok(()) };
        let begin = rescale(pts, self.ticks, TICKS).saturating_sub(origin);
        let told = (fields.duration > 0).then(|| begin.saturating_add(rescale(fields.duration, self.ticks, TICKS)));
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
        let milliseconds = |after: u32| begin.saturating_add(i64::from(after) * 1000);
        let ends = subtitle.end_display_time;
        let from = milliseconds(subtitle.start_display_time);
        let until = if ends > 0 && ends < u32::MAX { Some(milliseconds(ends)) } else { told };
        for index in 0..subtitle.num_rects as usize {
            // SAFETY: libav keeps `num_rects` valid rectangles there, whose text is null or ends with a zero.
            let text = unsafe {
                let text = (**subtitle.rects.add(index)).ass;
                if text.is_null() { continue } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
            };
            self.bytes += text.len();
            if self.bytes <= MOST_TEXT
                && let Some(text) = ass_event(&text, LIBAVCODEC_SIZE)
            {
                self.texts.push((from, until, text));
            }
        }
        // SAFETY: libav filled it, and it is not used any more.
        unsafe { av::avsubtitle_free(ptr::from_mut(&mut subtitle)) };
        Ok(())
    }

    /// Makes the file, of texts that are shown before `end`; none without any.
    fn finish(mut self, end: i64) -> Option<Subtitles> {
        self.texts.sort_by_key(|(from, ..)| *from);
        let (mut text, mut cues) = (WEBVTT_HEADER.to_owned(), 0);
        for (index, (from, until, cue)) in self.texts.iter().enumerate() {
            let next = self.texts[index + 1..].iter().map(|(next, ..)| *next).find(|next| next > from);
            let shown = until.or(next).unwrap_or(from.saturating_add(SHOWN * TICKS.den)).min(end);
            let from = (*from).max(0);
            if shown > from {
                text += &webvtt_cue(from, shown, TICKS, cue);
                cues += 1;
            }
        }
        let language = self.language.as_deref().and_then(Language::of);
        let language = language.map(|language| format!("-{}", language.code())).unwrap_or_default();
        let file = format!("subtitles-{}{language}.vtt", self.number);
        (cues > 0).then_some(Subtitles { file, kind: "subtitle", language: self.language, cues, text })
    }
}
