//! Streams of a source that no rendition has.

#![expect(unsafe_code, reason = "libav is C")]

use super::demux::Demuxer;
use super::tracks::{self, StreamKind, Tracks};
use super::video_reader::VideoReader;
use super::{ffi, hdr10_plus};
use crate::source::{PassedOver, ProgramInfo};
use ffmpeg_sys_next as av;
use std::collections::BTreeMap;

/// All streams but those of the indices `kept`, of which the first is the picture, in the order of the container. To be called
/// before any is deselected.
pub(super) fn streams(
    demuxer: &Demuxer,
    tracks: &Tracks,
    program: Option<&ProgramInfo>,
    kept: &[usize],
) -> Vec<PassedOver> {
    let mut counts = BTreeMap::<&str, usize>::new();
    let mut passed_over = Vec::new();
    for (stream, fields) in demuxer.streams().enumerate() {
        let kind = kind(fields);
        let track = counts.entry(kind).or_default();
        *track += 1;
        if kept.contains(&stream) || holds_chapters(demuxer, fields) {
            continue;
        }
        let because = match kind {
            "video" | "audio" if demuxer.is_encrypted(stream) => "it is encrypted",
            "video" | "audio" if !tracks::is_decodable(fields) => "this build of libav cannot decode it",
            "video" | "audio" if !tracks.is_of(program, stream) => "it is of another program",
            "audio" if kept.len() < 2 => "no sound is kept",
            "audio" if kept.len() > 2 => "other tracks are kept",
            "video" | "audio" => "one track is converted",
            _ => "renditions hold picture and sound alone",
        };
        passed_over.push(PassedOver {
            stream,
            kind: kind.into(),
            track: *track,
            codec: codec(fields),
            language: tracks::language(fields),
            title: tracks::title(fields),
            default: tracks::is_default(fields),
            roles: tracks::roles(fields),
            because: because.to_owned(),
        });
    }
    passed_over
}

/// Closed captions that the reader's frame carries, as those of a whole film are likely to.
pub(super) fn captions(reader: &VideoReader) -> Option<PassedOver> {
    ffi::frame_side_data(&reader.frame, av::AVFrameSideDataType::AV_FRAME_DATA_A53_CC)?;
    Some(PassedOver {
        stream: reader.video,
        kind: "captions".into(),
        track: 1,
        codec: "cea608/708".to_owned(),
        language: None,
        title: None,
        default: false,
        roles: Vec::new(),
        because: "renditions hold picture and sound alone".to_owned(),
    })
}

/// HDR10+ (SMPTE ST 2094-40) of parts of the picture that the reader's frame carries, as those of a whole film do.
pub(super) fn dynamic_metadata(reader: &VideoReader) -> Option<PassedOver> {
    hdr10_plus::is_left_out(&reader.frame).then(|| PassedOver {
        title: None,
        default: false,
        roles: Vec::new(),
        stream: reader.video,
        kind: "dynamic metadata".into(),
        track: 1,
        codec: "hdr10+".to_owned(),
        language: None,
        because: "they tell of parts of the picture, of which renditions show others".to_owned(),
    })
}

fn kind(stream: &av::AVStream) -> &'static str {
    use av::AVMediaType::{AVMEDIA_TYPE_ATTACHMENT, AVMEDIA_TYPE_SUBTITLE};
    // SAFETY: a stream has parameters.
    match (tracks::kind(stream), unsafe { (*stream.codecpar).codec_type }) {
        (StreamKind::Video, _) => "video",
        (StreamKind::Cover, _) => "cover",
        (StreamKind::Audio, _) => "audio",
        (StreamKind::Other, AVMEDIA_TYPE_SUBTITLE) => "subtitle",
        (StreamKind::Other, AVMEDIA_TYPE_ATTACHMENT) => "attachment",
        (StreamKind::Other, _) => "data",
    }
}

/// libav's name of the codec, else the four letters by which the container knows it.
fn codec(stream: &av::AVStream) -> String {
    let name = tracks::codec_name(stream);
    // SAFETY: a stream has parameters.
    let tag = unsafe { (*stream.codecpar).codec_tag }.to_le_bytes();
    let letters = tag.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    if ["none", "unknown"].contains(&name.as_str()) && letters {
        return String::from_utf8_lossy(&tag).trim_end().to_owned();
    }
    name
}

/// Tells whether QuickTime keeps chapters in a stream; these are carried over.
fn holds_chapters(demuxer: &Demuxer, stream: &av::AVStream) -> bool {
    // SAFETY: a stream has parameters.
    let codec = unsafe { (*stream.codecpar).codec_id };
    codec == av::AVCodecID::AV_CODEC_ID_BIN_DATA && demuxer.fields().nb_chapters > 0
}
