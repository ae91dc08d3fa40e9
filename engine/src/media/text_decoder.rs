//! libavcodec's decoders of text: packets of any form become events of Advanced SubStation Alpha.

#![expect(unsafe_code, reason = "libav is C")]

use super::ffi::{AvPacket, CodecContext, check};
use crate::captions::{AssHeader, CueText, ass_event};
use crate::error::{Error, Result};
use ffmpeg_sys_next as av;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ptr;
use std::slice;

/// Reads packets of text.
pub(crate) struct TextDecoder {
    decoder: CodecContext,
    header: AssHeader,
}

/// What a packet says.
#[derive(Debug)]
pub(super) struct Decoded {
    /// Milliseconds from the packet's time to when it is shown, and until when, where that is told.
    pub(super) start: u32,
    pub(super) end: Option<u32>,
    /// Its texts; none for one without letters. Each with the bytes that it has as an event.
    pub(super) texts: Vec<(Option<CueText>, usize)>,
}

impl TextDecoder {
    /// Opens the decoder of a stream; none where it has no text, or libav cannot read it.
    pub(super) fn of_stream(fields: &av::AVStream) -> Result<Option<Self>> {
        // SAFETY: a stream has parameters.
        unsafe { Self::open((*fields.codecpar).codec_id, fields.codecpar, fields.time_base) }
    }

    /// Opens the decoder of texts as SubRip has them, with tags such as `<i>` and `{\an8}`.
    ///
    /// # Errors
    /// [`Error::Libav`] where this build of libav has no such decoder.
    pub(crate) fn of_subrip() -> Result<Self> {
        let milliseconds = av::AVRational { num: 1, den: 1000 };
        // SAFETY: there are no parameters.
        let opened = unsafe { Self::open(av::AVCodecID::AV_CODEC_ID_SUBRIP, ptr::null(), milliseconds) }?;
        opened.ok_or_else(|| Error::Libav { call: "avcodec_find_decoder", why: "no decoder of SubRip".to_owned() })
    }

    /// # Safety
    /// `parameters` are null or valid.
    unsafe fn open(
        id: av::AVCodecID,
        parameters: *const av::AVCodecParameters,
        ticks: av::AVRational,
    ) -> Result<Option<Self>> {
        // SAFETY: the codec and its description are constants of libav; the caller vouches for the parameters; the context is ours
        // and not yet opened; once it is, its header is null or has as many bytes as it says.
        unsafe {
            let codec = av::avcodec_find_decoder(id);
            let described = av::avcodec_descriptor_get(id);
            let is_text = !described.is_null() && (*described).props & av::AV_CODEC_PROP_TEXT_SUB != 0;
            if codec.is_null() || !is_text {
                return Ok(None);
            }
            let mut decoder = CodecContext::new(codec)?;
            let context = decoder.as_mut_ptr();
            if !parameters.is_null() {
                check("avcodec_parameters_to_context", av::avcodec_parameters_to_context(context, parameters))?;
            }
            (*context).pkt_timebase = ticks;
            if decoder.open() < 0 {
                return Ok(None);
            }
            let (header, bytes) = ((*context).subtitle_header, (*context).subtitle_header_size);
            let bytes = usize::try_from(bytes).unwrap_or(0);
            let header = if header.is_null() { &[] } else { slice::from_raw_parts(header, bytes) };
            let header = AssHeader::read(&String::from_utf8_lossy(header));
            Ok(Some(Self { decoder, header }))
        }
    }

    /// Reads a packet; none where it cannot be read.
    pub(super) fn decode(&mut self, packet: &AvPacket) -> Option<Decoded> {
        let mut subtitle = MaybeUninit::<av::AVSubtitle>::zeroed();
        let mut got = 0;
        // SAFETY: an opened decoder of subtitles and a packet of its stream, which is read alone.
        let code = unsafe {
            let packet = packet.as_ptr().cast_mut();
            av::avcodec_decode_subtitle2(self.decoder.as_mut_ptr(), subtitle.as_mut_ptr(), &raw mut got, packet)
        };
        if code < 0 || got == 0 {
            return None;
        }
        // SAFETY: libav has filled it, for it says that it got one.
        let mut subtitle = unsafe { subtitle.assume_init() };
        let end = Some(subtitle.end_display_time).filter(|&end| end > 0 && end < u32::MAX);
        let mut texts = Vec::new();
        for index in 0..subtitle.num_rects as usize {
            // SAFETY: libav keeps `num_rects` valid rectangles there, whose text is null or ends with a zero.
            let text = unsafe {
                let text = (**subtitle.rects.add(index)).ass;
                if text.is_null() { continue } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
            };
            texts.push((ass_event(&text, &self.header), text.len()));
        }
        let start = subtitle.start_display_time;
        // SAFETY: libav filled it, and it is not used any more.
        unsafe { av::avsubtitle_free(ptr::from_mut(&mut subtitle)) };
        Some(Decoded { start, end, texts })
    }

    /// Reads a text; none where it has no letters.
    ///
    /// # Errors
    /// [`Error::Libav`] when there is no memory for it.
    pub(crate) fn read(&mut self, text: &str) -> Result<Option<CueText>> {
        let packet = AvPacket::copy_at(text.as_bytes(), 0)?;
        let decoded = self.decode(&packet);
        Ok(decoded.and_then(|decoded| decoded.texts.into_iter().find_map(|(cue, _)| cue)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_subrip_become_those_of_webvtt() {
        let mut decoder = TextDecoder::of_subrip().unwrap();
        let mut read = |text: &str| decoder.read(text).unwrap().map(|cue| format!("{}{}", cue.text, cue.settings));
        assert_eq!(read("Tom & <i>Jerry</i>\nand <b>Spike</b>").unwrap(), "Tom &amp; <i>Jerry</i>\nand <b>Spike</b>");
        assert_eq!(read("{\\an8}<font color=\"#ffff00\">Up</font>").unwrap(), "<c.yellow>Up</c> line:10%");
        assert_eq!(read("1 < 2").unwrap(), "1 &lt; 2");
        assert_eq!(read(" "), None);
    }
}
