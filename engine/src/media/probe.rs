//! What a container and its first frame say: which streams to take, and how the picture is to be read.

#![expect(unsafe_code, reason = "libav is C")]

use super::demux::{Demuxer, known};
use super::described::Described;
use super::ffi::{self, AvFrame, rational};
use super::fields;
use super::ingest::Ingest;
use super::pixels::{PixelFormat, Samples};
use super::protection::ENCRYPTED;
use super::video_reader::VideoReader;
use super::views::{self, Packing, View};
use super::{alpha, audio, dolby, hdr, orientation};
use crate::colour::{ChromaSite, Colour, HdrMetadata, cicp};
use crate::error::{Error, Result};
use crate::frame::Area;
use crate::geometry::{Orientation, Rational, Size, Upright};
use crate::source::guess::{ColourTags, Tagged};
use crate::source::timeline::{output_time_base, rescale};
use crate::source::{Assumption, AudioChoice, AudioInfo, Chapter, VideoChoice, VideoInfo};
use ffmpeg_sys_next as av;
use std::ffi::c_int;
use std::ptr;

/// Pictures with fewer samples than this along a side are refused.
const SMALLEST: u32 = 16;

/// Samples wider, or higher, than this many times their other side are taken for a mistake.
const LONGEST_SAMPLE: f64 = 8.0;

/// Containers that tell the shape of a sample by the size of the picture round it by less than this share.
const ROUNDED_ASPECT: f64 = 0.01;

/// Index of the video stream, never a cover picture. What had to be assumed is appended to `assumptions`.
///
/// # Errors
/// [`Error::NotInSource`] when the track asked for is not there; [`Error::BadSource`] when there is none, or it is
/// encrypted.
pub(super) fn choose_video(demuxer: &Demuxer, choice: VideoChoice, assumptions: &mut Vec<Assumption>) -> Result<usize> {
    let tracks = video_tracks(demuxer);
    let chosen = match choice {
        VideoChoice::Best => best_video(demuxer, &tracks, assumptions).ok_or_else(|| {
            let kinds: Vec<_> = demuxer.streams().map(kind).collect();
            demuxer.bad(if kinds.contains(&StreamKind::Cover) {
                "has no video, only sound and a cover picture"
            } else if kinds.contains(&StreamKind::Audio) {
                "has no video, only sound"
            } else {
                "has no video"
            })
        })?,
        VideoChoice::Track(number) => {
            let found = number.checked_sub(1).and_then(|index| tracks.get(index).copied());
            found.ok_or_else(|| {
                let there = match tracks.len() {
                    0 => "has no video".to_owned(),
                    1 => "has one video track".to_owned(),
                    count => format!("has {count} video tracks"),
                };
                Error::not_in_source(format!("video track {number} is not there: {} {there}", demuxer.name()))
            })?
        }
    };
    if demuxer.is_encrypted(chosen) { Err(demuxer.bad(ENCRYPTED)) } else { Ok(chosen) }
}

/// Indices of the streams that are video tracks, in the order of the container.
fn video_tracks(demuxer: &Demuxer) -> Vec<usize> {
    let streams = demuxer.streams().enumerate();
    streams.filter(|(_, stream)| kind(stream) == StreamKind::Video).map(|(index, _)| index).collect()
}

/// Of those that can be decoded the one that the container calls its default, then the largest, then the first.
fn best_video(demuxer: &Demuxer, tracks: &[usize], assumptions: &mut Vec<Assumption>) -> Option<usize> {
    // SAFETY: a stream has parameters.
    let parameters = |index: usize| unsafe { &*demuxer.stream(index).codecpar };
    let worth = |&index: &usize| {
        // SAFETY: libav looks a number up.
        let decodable = unsafe { !av::avcodec_find_decoder(parameters(index).codec_id).is_null() };
        let default = demuxer.stream(index).disposition & av::AV_DISPOSITION_DEFAULT != 0;
        let pixels = i64::from(parameters(index).width) * i64::from(parameters(index).height);
        (decodable && !demuxer.is_encrypted(index), default, pixels)
    };
    let best = tracks.iter().rev().copied().max_by_key(worth)?;
    if tracks.len() > 1 {
        let (_, default, _) = worth(&best);
        let number = tracks.iter().position(|&index| index == best).map_or(1, |index| index + 1);
        let (width, height) = (parameters(best).width, parameters(best).height);
        let why =
            if default && tracks.iter().any(|track| !worth(track).1) { "the file's default" } else { "the largest" };
        assumptions.push(Assumption {
            what: "video track".into(),
            value: format!("{number} of {}", tracks.len()),
            because: format!("its picture of {width}x{height} is {why}"),
        });
    }
    Some(best)
}

/// All audio tracks in the order of the container.
pub(super) fn audio_tracks(demuxer: &Demuxer) -> Vec<AudioInfo> {
    let streams = demuxer.streams().enumerate().filter(|(_, stream)| kind(stream) == StreamKind::Audio);
    streams
        .zip(1..)
        .map(|((index, stream), track)| {
            // SAFETY: a stream has parameters; its metadata is null or valid.
            let (parameters, title) = unsafe { (&*stream.codecpar, ffi::dict_text(stream.metadata, c"title")) };
            AudioInfo {
                track,
                stream: index,
                codec: codec_name(stream),
                sample_rate: parameters.sample_rate.try_into().unwrap_or(0),
                channels: parameters.ch_layout.nb_channels.try_into().unwrap_or(0),
                language: language(stream),
                title,
            }
        })
        .collect()
}

/// Indices into `tracks` of the track to keep, and of the one that is its right channel where two tracks are left and right.
/// What had to be assumed is appended to `assumptions`.
///
/// # Errors
/// [`Error::NotInSource`] when the track asked for is not there; [`Error::BadSource`] when it is encrypted.
pub(super) fn choose_audio(
    demuxer: &Demuxer,
    video: usize,
    tracks: &[AudioInfo],
    choice: AudioChoice,
    assumptions: &mut Vec<Assumption>,
) -> Result<[Option<usize>; 2]> {
    match choice {
        AudioChoice::None => Ok([None; 2]),
        AudioChoice::Best => {
            let Some(best) = best_audio(demuxer, video, tracks, assumptions)? else { return Ok([None; 2]) };
            let mut pair = sides(demuxer, tracks, best);
            for track in pair.into_iter().flatten() {
                if audio_refusal(demuxer, tracks[track].stream)?.is_some() {
                    pair = None;
                }
            }
            let Some([left, right]) = pair else { return Ok([Some(best), None]) };
            assumptions.push(Assumption {
                what: "audio track".into(),
                value: format!("{} and {}", tracks[left].track, tracks[right].track),
                because: "tracks of one channel each, alike but for that, are left and right".to_owned(),
            });
            Ok([Some(left), Some(right)])
        }
        AudioChoice::Track(number) => Ok([Some(audio_track(demuxer, tracks, number)?), None]),
        AudioChoice::Pair(left, right) => {
            let sides = [audio_track(demuxer, tracks, left)?, audio_track(demuxer, tracks, right)?];
            if left == right
                || !sides.iter().all(|&side| tracks[side].channels == 1)
                || !are_alike(demuxer, tracks, sides)
            {
                let why = format!(
                    "{}: its audio tracks {left} and {right} are not left and right of one sound",
                    demuxer.name()
                );
                return Err(Error::not_in_source(why));
            }
            Ok(sides.map(Some))
        }
    }
}

/// Index into `tracks` of the one of this number.
fn audio_track(demuxer: &Demuxer, tracks: &[AudioInfo], number: usize) -> Result<usize> {
    let found = tracks.iter().position(|track| track.track == number);
    if found.is_some_and(|found| demuxer.is_encrypted(tracks[found].stream)) {
        return Err(demuxer.bad(format!("its audio track {number} is encrypted; choose another, or none")));
    }
    found.ok_or_else(|| {
        let there = match tracks.len() {
            0 => "has no audio".to_owned(),
            1 => "has one audio track".to_owned(),
            count => format!("has {count} audio tracks"),
        };
        Error::not_in_source(format!("audio track {number} is not there: {} {there}", demuxer.name()))
    })
}

/// Tells whether two tracks are of one codec, rate and language, and their times in the same ticks.
fn are_alike(demuxer: &Demuxer, tracks: &[AudioInfo], pair: [usize; 2]) -> bool {
    let said = |track: &AudioInfo| {
        let stream = demuxer.stream(track.stream);
        let ticks = (stream.time_base.num, stream.time_base.den);
        (track.sample_rate, track.codec.clone(), track.language.clone(), ticks)
    };
    said(&tracks[pair[0]]) == said(&tracks[pair[1]])
}

/// Index into `tracks` of the one that libav thinks best, or else of the first that can be copied or decoded.
fn best_audio(
    demuxer: &Demuxer,
    video: usize,
    tracks: &[AudioInfo],
    assumptions: &mut Vec<Assumption>,
) -> Result<Option<usize>> {
    let best = best_stream(demuxer, av::AVMediaType::AVMEDIA_TYPE_AUDIO, Some(video));
    let best = tracks.iter().position(|track| Some(track.stream) == best);
    let others = (0..tracks.len()).filter(|&index| Some(index) != best);
    let mut passed_over = Vec::new();
    let mut chosen = None;
    for index in best.into_iter().chain(others) {
        match audio_refusal(demuxer, tracks[index].stream)? {
            Some(why) => passed_over.push(format!("track {}: {why}", tracks[index].track)),
            None => {
                chosen = Some(index);
                break;
            }
        }
    }
    if !passed_over.is_empty() {
        let value = chosen.map_or_else(|| "none".to_owned(), |index| tracks[index].track.to_string());
        let because = passed_over.join("; ");
        ::log::warn!("{}: takes audio track {value}, for {because}", demuxer.name());
        assumptions.push(Assumption { what: "audio track".into(), value, because });
    }
    Ok(chosen)
}

/// Why an audio stream can be neither copied nor decoded; none when it can.
fn audio_refusal(demuxer: &Demuxer, stream: usize) -> Result<Option<String>> {
    if demuxer.is_encrypted(stream) {
        return Ok(Some("is encrypted".to_owned()));
    }
    // SAFETY: a stream of an opened demuxer.
    unsafe { audio::refusal(demuxer.stream(stream)) }
}

/// Indices into `tracks` of left and right, where `best` is one of tracks that each are one channel of the sound, as cameras
/// and editing programs write it: the first two, alike in all but the side.
fn sides(demuxer: &Demuxer, tracks: &[AudioInfo], best: usize) -> Option<[usize; 2]> {
    const MOST: usize = 8;
    /// Seconds by which their beginnings and lengths may differ.
    const APART: f64 = 0.5;
    let [first, second, ..] = tracks else { return None };
    let container = demuxer.container();
    // In what is broadcast, tracks of one channel are programmes of their own.
    let broadcast = ["mpegts", "mpeg"].contains(&container.as_str());
    let of_cameras = tracks.len() == 2 || ["mov,mp4,m4a,3gp,3g2,mj2", "mxf"].contains(&container.as_str());
    let mono = tracks.iter().all(|track| track.channels == 1);
    if broadcast || !of_cameras || best > 1 || tracks.len() > MOST || !mono {
        return None;
    }
    let [one, other] = [first, second].map(|track| demuxer.stream(track.stream));
    let rest = |stream: &av::AVStream| stream.disposition & !av::AV_DISPOSITION_DEFAULT;
    let seconds = |stream: &av::AVStream, ticks| Some(ffi::seconds(known(ticks)?, rational(stream.time_base)?));
    let span = |stream: &av::AVStream| [stream.start_time, stream.duration].map(|ticks| seconds(stream, ticks));
    let mut ends = span(one).into_iter().zip(span(other));
    let together = ends.all(|(one, other)| one.zip(other).is_none_or(|(one, other)| (one - other).abs() < APART));
    if !are_alike(demuxer, tracks, [0, 1]) || rest(one) != rest(other) || !together {
        return None;
    }
    match [side(one, first)?, side(other, second)?] {
        [Side::Left, Side::Right] => Some([0, 1]),
        [Side::Right, Side::Left] => Some([1, 0]),
        [Side::Unsaid, Side::Unsaid] if first.title == second.title => Some([0, 1]),
        _ => None,
    }
}

/// Which side a track of one channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Unsaid,
}

/// None when it is neither left nor right.
fn side(stream: &av::AVStream, track: &AudioInfo) -> Option<Side> {
    // libav's bits for front left, front right, and front centre, which mono is.
    const LEFT: u64 = 1;
    const RIGHT: u64 = 2;
    const CENTRE: u64 = 4;
    // SAFETY: a stream has parameters; a layout of native order has a mask.
    let mask = unsafe {
        let layout = &(*stream.codecpar).ch_layout;
        if layout.order == av::AVChannelOrder::AV_CHANNEL_ORDER_NATIVE { layout.u.mask } else { CENTRE }
    };
    let title = track.title.as_deref().unwrap_or_default().to_lowercase();
    let named =
        |names: [&str; 2]| title.split(|letter: char| !letter.is_alphabetic()).any(|word| names.contains(&word));
    match (mask, named(["left", "l"]), named(["right", "r"])) {
        (LEFT, _, false) | (CENTRE, true, false) => Some(Side::Left),
        (RIGHT, false, _) | (CENTRE, false, true) => Some(Side::Right),
        (CENTRE, false, false) => Some(Side::Unsaid),
        _ => None,
    }
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
    // SAFETY: a stream has parameters.
    match unsafe { (*stream.codecpar).codec_type } {
        av::AVMediaType::AVMEDIA_TYPE_VIDEO if stream.disposition & COVER != 0 => StreamKind::Cover,
        av::AVMediaType::AVMEDIA_TYPE_VIDEO => StreamKind::Video,
        av::AVMediaType::AVMEDIA_TYPE_AUDIO => StreamKind::Audio,
        _ => StreamKind::Other,
    }
}

fn best_stream(demuxer: &Demuxer, kind: av::AVMediaType, related: Option<usize>) -> Option<usize> {
    let related = related.and_then(|index| c_int::try_from(index).ok()).unwrap_or(-1);
    // SAFETY: an opened context; no decoder is asked for.
    let best = unsafe { av::av_find_best_stream(demuxer.as_ptr(), kind, -1, related, ptr::null_mut(), 0) };
    usize::try_from(best).ok()
}

/// libav's name of a stream's codec.
pub(super) fn codec_name(stream: &av::AVStream) -> String {
    // SAFETY: a stream has parameters; the name is a constant.
    unsafe { ffi::text(av::avcodec_get_name((*stream.codecpar).codec_id)) }.unwrap_or_default()
}

pub(super) fn language(stream: &av::AVStream) -> Option<String> {
    // SAFETY: a stream's metadata is null or valid.
    unsafe { ffi::dict_text(stream.metadata, c"language") }.filter(|language| language != "und")
}

/// When the reader's frame is shown, in words.
pub(super) fn time_of_frame(reader: &VideoReader) -> String {
    match reader.frame_time() {
        Some(time) => format!("at {:.3} s", reader.seconds(time)),
        None => "at an unknown time".to_owned(),
    }
}

/// Columns and rows of a decoded picture.
pub(super) fn frame_size(frame: &av::AVFrame) -> Size {
    Size { width: frame.width.try_into().unwrap_or(0), height: frame.height.try_into().unwrap_or(0) }
}

/// The picture that the reader's frame, the first, shows.
#[derive(Debug)]
pub(super) struct Picture {
    /// The description that all frames must agree with.
    pub described: Described,
    pub ingest: Ingest,
    /// All but its origin, which is not known yet.
    pub info: VideoInfo,
}

impl Picture {
    /// Describes it, with what had to be assumed appended to `assumptions`. What only some frames say, frames `before` it may
    /// have said.
    pub(super) fn of(reader: &VideoReader, before: Option<&Self>, assumptions: &mut Vec<Assumption>) -> Result<Self> {
        let demuxer = &reader.demuxer;
        let stream = demuxer.stream(reader.video);
        let decoded = frame_size(reader.frame.fields());
        refuse_what_is_not_seen(reader, assumptions)?;
        let pixels = pixel_format(reader, assumptions)?;
        let (aspect, described_aspect) = sample_aspect(reader, assumptions);
        let packing = Packing::of(stream, &reader.frame).or(before.and_then(|before| before.described.packing));
        let View { area, stretch } = view(reader, packing, decoded, aspect, assumptions)?;
        let stored = Size { width: area.width, height: area.height };
        if stored.width < SMALLEST || stored.height < SMALLEST {
            return Err(demuxer.bad(format!("its picture is {stored}; a side needs at least {SMALLEST} samples")));
        }
        let frame_rate = frame_rate(reader, assumptions);
        let colour_as_told = tagged(stream, &reader.frame, &pixels, decoded, frame_rate).resolve(assumptions);
        let mut colour = colour_as_told;
        if pixels.samples == Samples::Rgb {
            colour.matrix = if colour.primaries == cicp::BT2020 { cicp::BT2020 } else { cicp::BT709 };
        }
        refuse_matrix(demuxer, colour.matrix)?;
        let matrix = frame_matrix(&reader.frame).or(before.and_then(|before| before.described.matrix));
        let (orientation, orientation_of_container) = display_orientation(stream, matrix, assumptions);
        let ingest = Ingest::new(&pixels, decoded, area, orientation, &colour)
            .map_err(|error| demuxer.bad(format!("its pixels cannot be read: {error}")))?;
        let order = fields::told_order(demuxer, reader);
        fields::refuse_odd_fields(reader, order, orientation)?;
        let aspect = Rational::new(aspect.num * stretch.num, aspect.den * stretch.den);
        let (time_base, rounded) = output_time_base(reader.time_base);
        if rounded {
            let because = format!("time stamps in ticks of {} s are finer than MP4 holds", reader.time_base);
            assumptions.push(Assumption { what: "time base".into(), value: time_base.to_string(), because });
        }
        if reader.frame_time().is_none() {
            let because = "the source has no time stamps".to_owned();
            assumptions.push(Assumption { what: "frame rate".into(), value: frame_rate.to_string(), because });
        }
        let (of_frame, of_stream) = unsafe {
            // SAFETY: a stream of an opened context.
            (hdr::of_frame(&reader.frame), hdr::of_stream(stream))
        };
        let of_earlier = before.map(|before| before.info.hdr).unwrap_or_default();
        let info = VideoInfo {
            track: video_tracks(demuxer).iter().position(|&index| index == reader.video).map_or(0, |index| index + 1),
            stream: reader.video,
            codec: codec_name(stream),
            pixel_format: pixels.name.clone(),
            stored,
            orientation,
            upright: Upright {
                grid: orientation.upright_size(stored),
                sample_aspect: orientation::sample_aspect(aspect, orientation),
            },
            format: ingest.format(),
            colour: Colour { chroma: ingest.chroma(), ..colour },
            hdr: HdrMetadata {
                mastering: of_frame.mastering.or(of_stream.mastering).or(of_earlier.mastering),
                light: of_frame.light.or(of_stream.light).or(of_earlier.light),
            },
            time_base,
            frame_rate,
            frames: u64::try_from(stream.nb_frames).ok().filter(|&frames| frames > 0),
            depth: pixels.depth,
            scanning: fields::scanning(fields::upright_order(order, orientation, area.y, stored.height)),
            language: language(stream),
            origin: 0,
        };
        let described = Described {
            pixels,
            colour: colour_as_told,
            orientation,
            orientation_of_container,
            matrix,
            packing,
            sample_aspect: described_aspect,
        };
        Ok(Self { described, ingest, info })
    }
}

/// Refuses pictures that are not meant to be seen as they are stored, whatever is done to their samples.
fn refuse_what_is_not_seen(reader: &VideoReader, assumptions: &mut Vec<Assumption>) -> Result<()> {
    let demuxer = &reader.demuxer;
    let stream = demuxer.stream(reader.video);
    if let Some(projection) = views::projection(stream, &reader.frame) {
        let why = format!("is a picture all around the viewer ({projection}); render a flat view of it first");
        return Err(demuxer.bad(why));
    }
    if alpha::is_out_of_reach(stream) {
        return Err(demuxer.bad("has transparent pictures, which this build of libav, without libvpx, cannot decode"));
    }
    assumptions.extend(dolby::judge(stream, &reader.frame).map_err(|why| demuxer.bad(why))?);
    Ok(())
}

/// Refuses a matrix that can neither be told in AV1 nor be left out: colours would be others.
fn refuse_matrix(demuxer: &Demuxer, matrix: u8) -> Result<()> {
    if matrix <= cicp::LAST_MATRIX_OF_AV1 {
        return Ok(());
    }
    let name = cicp::matrix_name(matrix).unwrap_or("unknown");
    Err(demuxer
        .bad(format!("its matrix is {name} (code {matrix}), which AV1 cannot tell; convert it to bt709 or bt2020nc")))
}

fn pixel_format(reader: &VideoReader, assumptions: &mut Vec<Assumption>) -> Result<PixelFormat> {
    let demuxer = &reader.demuxer;
    let mut pixels = PixelFormat::of(reader.frame.fields().format)?;
    if !pixels.alpha {
        return Ok(pixels);
    }
    pixels.alpha = !alpha::is_padding(demuxer.stream(reader.video), &demuxer.container());
    let (value, because) = if pixels.alpha {
        ("straight, over black", "its pictures may be transparent, and do not say how")
    } else {
        ("none", "the fourth byte of uncompressed pictures in AVI is seldom filled")
    };
    assumptions.push(Assumption { what: "alpha".into(), value: value.to_owned(), because: because.to_owned() });
    Ok(pixels)
}

/// Chooses the part of a picture that is taken: all of it, or one of two views. `decoded` is its size and `aspect` the
/// shape of its samples; the choice of a view is added to `assumptions`.
fn view(
    reader: &VideoReader,
    packing: Option<Packing>,
    decoded: Size,
    aspect: Rational,
    assumptions: &mut Vec<Assumption>,
) -> Result<View> {
    let Size { width, height } = decoded;
    let Some(packing) = packing else {
        return Ok(View { area: Area { x: 0, y: 0, width, height }, stretch: Rational { num: 1, den: 1 } });
    };
    let (view, value) = packing.left_view(decoded, aspect).map_err(|why| reader.demuxer.bad(why))?;
    let because = format!("its pictures of {decoded} hold a view for each eye");
    assumptions.push(Assumption { what: "view".into(), value: value.to_owned(), because });
    Ok(view)
}

fn frame_rate(reader: &VideoReader, assumptions: &mut Vec<Assumption>) -> Rational {
    let stream = ptr::from_ref(reader.demuxer.stream(reader.video)).cast_mut();
    // SAFETY: libav only reads from the context and its stream here.
    let guessed = unsafe { av::av_guess_frame_rate(reader.demuxer.as_ptr(), stream, ptr::null_mut()) };
    rational(guessed).filter(|rate| rate.num > 0).unwrap_or_else(|| {
        assumptions.push(Assumption {
            what: "frame rate".into(),
            value: "25/1".to_owned(),
            because: "the source does not say, and time stamps do not show it".to_owned(),
        });
        Rational { num: 25, den: 1 }
    })
}

/// Width over height of a stored sample: the container's word goes before the codec's. And what frames have to say if
/// nothing is to change: nothing that counts, where the container contradicts the first.
fn sample_aspect(reader: &VideoReader, assumptions: &mut Vec<Assumption>) -> (Rational, Option<Rational>) {
    let square = Rational { num: 1, den: 1 };
    let of_frame = rational(reader.frame.fields().sample_aspect_ratio).filter(|&aspect| is_sensible(aspect));
    let stream = ptr::from_ref(reader.demuxer.stream(reader.video)).cast_mut();
    // SAFETY: libav only reads from the context, its stream and the frame here.
    let guessed =
        unsafe { av::av_guess_sample_aspect_ratio(reader.demuxer.as_ptr(), stream, reader.frame.as_ptr().cast_mut()) };
    let Some(aspect) = rational(guessed).filter(|aspect| aspect.num > 0) else { return (square, Some(square)) };
    if is_sensible(aspect) {
        let about_equal = |of_frame: Rational| (of_frame.as_f64() / aspect.as_f64() - 1.0).abs() < ROUNDED_ASPECT;
        return (aspect, of_frame.map_or(Some(aspect), Some).filter(|&aspect| about_equal(aspect)));
    }
    let because = format!("the tagged {aspect} cannot be meant");
    assumptions.push(Assumption { what: "sample aspect ratio".into(), value: square.to_string(), because });
    (square, Some(of_frame.unwrap_or(square)))
}

/// Tells whether a sample may well be of this shape.
pub(super) fn is_sensible(aspect: Rational) -> bool {
    aspect.num > 0 && (1.0 / LONGEST_SAMPLE..=LONGEST_SAMPLE).contains(&aspect.as_f64())
}

/// The display orientation, and whether it is the container that tells it.
fn display_orientation(
    stream: &av::AVStream,
    of_frame: Option<[i32; 9]>,
    assumptions: &mut Vec<Assumption>,
) -> (Orientation, bool) {
    // SAFETY: a stream of an opened context, which nobody changes meanwhile.
    let of_stream = unsafe { ffi::stream_side_data(stream, av::AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX) };
    let of_container = of_stream.map(read_matrix);
    let (orientation, exact) = orientation_of(of_container.or(of_frame).as_ref());
    if !exact {
        assumptions.push(Assumption {
            what: "orientation".into(),
            value: format!("{orientation:?}"),
            because: "the display matrix is not made of quarter turns and flips; this is the nearest".to_owned(),
        });
    }
    (orientation, of_container.is_some())
}

/// The orientation of a display matrix, and whether it is exactly that; upright when there is none.
pub(super) fn orientation_of(matrix: Option<&[i32; 9]>) -> (Orientation, bool) {
    matrix.map_or((Orientation::UPRIGHT, true), orientation::from_matrix)
}

/// The display matrix of a frame.
pub(super) fn frame_matrix(frame: &AvFrame) -> Option<[i32; 9]> {
    ffi::frame_side_data(frame, av::AVFrameSideDataType::AV_FRAME_DATA_DISPLAYMATRIX).map(read_matrix)
}

fn read_matrix(data: &[u8]) -> [i32; 9] {
    let mut matrix = [0; 9];
    for (value, bytes) in matrix.iter_mut().zip(data.chunks_exact(4)) {
        *value = bytemuck::pod_read_unaligned(bytes);
    }
    matrix
}

/// A frame's own colour tags as libav's numbers: see [`ColourTags::of_codes`].
pub(super) fn frame_tags(frame: &AvFrame) -> [u32; 5] {
    let frame = frame.as_ptr();
    // SAFETY: a valid frame; the fields are C enumerations, read as numbers because decoders put any there.
    unsafe {
        [
            (&raw const (*frame).color_primaries).cast::<u32>().read(),
            (&raw const (*frame).color_trc).cast::<u32>().read(),
            (&raw const (*frame).colorspace).cast::<u32>().read(),
            (&raw const (*frame).color_range).cast::<u32>().read(),
            (&raw const (*frame).chroma_location).cast::<u32>().read(),
        ]
    }
}

/// The same of a stream.
fn stream_tags(stream: &av::AVStream) -> [u32; 5] {
    let parameters = stream.codecpar;
    // SAFETY: a stream has parameters; the fields are C enumerations, read as numbers.
    unsafe {
        [
            (&raw const (*parameters).color_primaries).cast::<u32>().read(),
            (&raw const (*parameters).color_trc).cast::<u32>().read(),
            (&raw const (*parameters).color_space).cast::<u32>().read(),
            (&raw const (*parameters).color_range).cast::<u32>().read(),
            (&raw const (*parameters).chroma_location).cast::<u32>().read(),
        ]
    }
}

/// The colour tags of the first frame, else of the container.
fn tagged(stream: &av::AVStream, frame: &AvFrame, pixels: &PixelFormat, stored: Size, frame_rate: Rational) -> Tagged {
    let natural_range = match pixels.samples {
        Samples::Yuv | Samples::Rgb => None,
        Samples::FullRangeYuv => Some((true, "the pixel format is of full range")),
        Samples::OneBit => Some((true, "black and white are the ends of the range")),
        // H.264 says what is meant by silence; elsewhere libav itself writes and reads gray in full range.
        Samples::Gray if codec_name(stream) == "h264" => None,
        Samples::Gray => Some((true, "gray without a tag is of full range by convention")),
    };
    let mut tags = ColourTags::of_codes(frame_tags(frame)).or(ColourTags::of_codes(stream_tags(stream)));
    if pixels.samples == Samples::Rgb {
        let (matrix, full_range, chroma) = (Some(cicp::RGB), Some(false), Some(ChromaSite::LEFT));
        tags = ColourTags { matrix, full_range, chroma, ..tags };
    }
    Tagged {
        primaries: tags.primaries.unwrap_or(cicp::UNSPECIFIED),
        transfer: tags.transfer.unwrap_or(cicp::UNSPECIFIED),
        matrix: tags.matrix.unwrap_or(cicp::UNSPECIFIED),
        full_range: tags.full_range,
        chroma: tags.chroma,
        natural_range,
        subsampling: pixels.subsampling,
        depth: pixels.depth,
        stored,
        frame_rate,
    }
}

/// The chapters, on the output's timeline, whose `origin` and `end` are in ticks of `time_base`.
pub(super) fn chapters(demuxer: &Demuxer, time_base: Rational, origin: i64, end: Option<i64>) -> Vec<Chapter> {
    let fields = demuxer.fields();
    // SAFETY: libav keeps `nb_chapters` valid pointers there.
    let all = (0..fields.nb_chapters as usize).map(|index| unsafe { &**fields.chapters.add(index) });
    let place = |time: i64, ticks: Rational| {
        rescale(time, ticks, time_base).saturating_sub(origin).clamp(0, end.unwrap_or(i64::MAX))
    };
    all.filter_map(|chapter| {
        let ticks = rational(chapter.time_base)?;
        let (start, end) = (place(chapter.start, ticks), place(chapter.end, ticks));
        // SAFETY: a chapter's metadata is null or valid.
        let title = unsafe { ffi::dict_text(chapter.metadata, c"title") };
        let seconds = |ticks| Rational::new(ticks, time_base.den);
        (start < end).then(|| Chapter { start: seconds(start), end: seconds(end), title })
    })
    .collect()
}

/// Title of the container.
pub(super) fn title(demuxer: &Demuxer) -> Option<String> {
    // SAFETY: the context's metadata is null or valid.
    unsafe { ffi::dict_text(demuxer.fields().metadata, c"title") }
}
