//! The streams of a container as tracks and programs: what its headers say of each.

#![expect(unsafe_code, reason = "libav is C")]

use super::demux::Demuxer;
use super::ffi;
use crate::geometry::Size;
use crate::language::Language;
use crate::source::{AudioInfo, ProgramInfo, Role, VideoTrackInfo};
use ffmpeg_sys_next as av;
use std::ffi::c_int;

/// Flags of libav that say what a track is for. Some containers know of descriptions by another name.
const ROLES: [(c_int, Role); 7] = [
    (av::AV_DISPOSITION_ORIGINAL, Role::Original),
    (av::AV_DISPOSITION_DUB, Role::Dub),
    (av::AV_DISPOSITION_COMMENT, Role::Comment),
    (av::AV_DISPOSITION_VISUAL_IMPAIRED, Role::VisualImpaired),
    (av::AV_DISPOSITION_DESCRIPTIONS, Role::VisualImpaired),
    (av::AV_DISPOSITION_HEARING_IMPAIRED, Role::HearingImpaired),
    (av::AV_DISPOSITION_FORCED, Role::Forced),
];

/// All that may be chosen.
#[derive(Debug)]
pub(super) struct Tracks {
    pub(super) programs: Vec<ProgramInfo>,
    /// In the order of the container.
    pub(super) video: Vec<VideoTrackInfo>,
    /// In the order of the container.
    pub(super) audio: Vec<AudioInfo>,
}

impl Tracks {
    pub(super) fn of(demuxer: &Demuxer) -> Self {
        let of_kind = |wanted| demuxer.streams().enumerate().filter(move |(_, stream)| kind(stream) == wanted).zip(1..);
        let video = of_kind(StreamKind::Video).map(|((index, stream), track)| {
            let parameters = parameters(stream);
            let side = |samples: c_int| samples.try_into().unwrap_or(0);
            VideoTrackInfo {
                track,
                stream: index,
                codec: codec_name(stream),
                stored: Size { width: side(parameters.width), height: side(parameters.height) },
                language: language(stream),
                title: title(stream),
                default: is_default(stream),
                roles: roles(stream),
            }
        });
        let audio = of_kind(StreamKind::Audio).map(|((index, stream), track)| {
            let parameters = parameters(stream);
            AudioInfo {
                track,
                stream: index,
                codec: codec_name(stream),
                sample_rate: parameters.sample_rate.try_into().unwrap_or(0),
                channels: parameters.ch_layout.nb_channels.try_into().unwrap_or(0),
                language: language(stream),
                title: title(stream),
                default: is_default(stream),
                roles: roles(stream),
            }
        });
        Self { programs: programs(demuxer), video: video.collect(), audio: audio.collect() }
    }

    /// Tells whether a stream is of a program, or of none. All are where no program was chosen.
    pub(super) fn is_of(&self, program: Option<&ProgramInfo>, stream: usize) -> bool {
        ProgramInfo::has(program, &self.programs, stream)
    }
}

fn programs(demuxer: &Demuxer) -> Vec<ProgramInfo> {
    let fields = demuxer.fields();
    // SAFETY: libav keeps `nb_programs` valid pointers there.
    let all = (0..fields.nb_programs as usize).map(|index| unsafe { &**fields.programs.add(index) });
    let program = |program: &av::AVProgram| {
        // SAFETY: libav keeps so many indices there; the metadata is null or valid.
        let (streams, name) = unsafe {
            let stream = |index: c_int| usize::try_from(*program.stream_index.offset(index as isize)).unwrap_or(0);
            let count = c_int::try_from(program.nb_stream_indexes).unwrap_or(0);
            ((0..count).map(stream).collect(), ffi::dict_text(program.metadata, c"service_name"))
        };
        Some(ProgramInfo { number: u32::try_from(program.id).ok()?, name, streams })
    };
    all.filter_map(program).collect()
}

/// The kinds of streams that Upright tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamKind {
    Video,
    Cover,
    Audio,
    Other,
}

pub(super) fn kind(stream: &av::AVStream) -> StreamKind {
    const COVER: c_int = av::AV_DISPOSITION_ATTACHED_PIC | av::AV_DISPOSITION_TIMED_THUMBNAILS;
    match parameters(stream).codec_type {
        av::AVMediaType::AVMEDIA_TYPE_VIDEO if stream.disposition & COVER != 0 => StreamKind::Cover,
        av::AVMediaType::AVMEDIA_TYPE_VIDEO => StreamKind::Video,
        av::AVMediaType::AVMEDIA_TYPE_AUDIO => StreamKind::Audio,
        _ => StreamKind::Other,
    }
}

/// libav's name of a stream's codec.
pub(super) fn codec_name(stream: &av::AVStream) -> String {
    // SAFETY: libav looks a number up; the name is a constant.
    unsafe { ffi::text(av::avcodec_get_name(parameters(stream).codec_id)) }.unwrap_or_default()
}

/// Tells whether this build of libav has a decoder for a stream.
pub(super) fn is_decodable(stream: &av::AVStream) -> bool {
    // SAFETY: libav looks a number up.
    unsafe { !av::avcodec_find_decoder(parameters(stream).codec_id).is_null() }
}

/// Gives what the container calls a stream's language; none where it does not say.
pub(super) fn language(stream: &av::AVStream) -> Option<String> {
    text(stream, c"language").filter(|language| language != Language::UNKNOWN)
}

pub(super) fn title(stream: &av::AVStream) -> Option<String> {
    text(stream, c"title")
}

pub(super) fn is_default(stream: &av::AVStream) -> bool {
    stream.disposition & av::AV_DISPOSITION_DEFAULT != 0
}

pub(super) fn roles(stream: &av::AVStream) -> Vec<Role> {
    let mut roles: Vec<_> =
        ROLES.into_iter().filter(|(flag, _)| stream.disposition & flag != 0).map(|(_, role)| role).collect();
    roles.dedup();
    roles
}

/// The flags of libav that say that a track has these roles, and is the default one or not.
pub(super) fn disposition(default: bool, wanted: &[Role]) -> c_int {
    let of_roles = ROLES.into_iter().filter(|(_, role)| wanted.contains(role)).map(|(flag, _)| flag);
    of_roles.fold(if default { av::AV_DISPOSITION_DEFAULT } else { 0 }, |flags, flag| flags | flag)
}

/// The roles that libav writes into MP4: `kind` boxes with the roles of DASH (`ff_mov_track_kind_table` in movenc).
pub(super) fn is_kept_by_mp4(role: Role) -> bool {
    role != Role::Original
}

/// The language that is written into MP4 where one is asked for, as [`language`] reads it back: three lower-case letters. Of longer
/// names libav writes the first three, which of `fre,eng` is one language, and of `english` its code.
pub(crate) fn stored_language(asked: &str) -> Option<String> {
    let letters = asked.get(..3).filter(|letters| letters.bytes().all(|byte| byte.is_ascii_lowercase()));
    let code = letters.map(str::to_owned).or_else(|| Some(Language::of(asked)?.code().to_owned()));
    code.filter(|code| code != Language::UNKNOWN)
}

fn text(stream: &av::AVStream, key: &std::ffi::CStr) -> Option<String> {
    // SAFETY: a stream's metadata is null or valid.
    unsafe { ffi::dict_text(stream.metadata, key) }
}

fn parameters(stream: &av::AVStream) -> &av::AVCodecParameters {
    // SAFETY: a stream has parameters.
    unsafe { &*stream.codecpar }
}
