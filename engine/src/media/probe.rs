//! What a container and its first frame say of how the picture is to be read.

#![expect(unsafe_code, reason = "libav is C")]

use super::demux::Demuxer;
use super::described::Described;
use super::ffi::{self, AvFrame, rational};
use super::fields;
use super::ingest::Ingest;
use super::pixels::{PixelFormat, Samples};
use super::tracks::{codec_name, language};
use super::video_reader::VideoReader;
use super::views::{self, Packing, View};
use super::{alpha, dolby, hdr, orientation};
use crate::colour::{ChromaSite, Colour, HdrMetadata, MasteringDisplay, cicp};
use crate::error::Result;
use crate::frame::{Area, Depth};
use crate::geometry::{Orientation, Rational, Size, Upright};
use crate::source::guess::{ColourTags, Tagged};
use crate::source::timeline::{output_time_base, rescale};
use crate::source::{Assumption, Chapter, VideoInfo};
use ffmpeg_sys_next as av;
use std::ptr;

/// Pictures with fewer samples than this along a side are refused.
const SMALLEST: u32 = 16;

/// Samples wider, or higher, than this many times their other side are taken for a mistake.
const LONGEST_SAMPLE: f64 = 8.0;

/// Containers that tell the shape of a sample by the size of the picture round it by less than this share.
const ROUNDED_ASPECT: f64 = 0.01;

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
    /// Describes it, the video track of number `track`, with what had to be assumed appended to `assumptions`. What only some frames say, frames `before` it may
    /// have said.
    pub(super) fn of(
        reader: &VideoReader,
        track: usize,
        before: Option<&Self>,
        assumptions: &mut Vec<Assumption>,
    ) -> Result<Self> {
        let demuxer = &reader.demuxer;
        let stream = demuxer.stream(reader.video);
        let decoded = frame_size(reader.frame.fields());
        refuse_what_is_not_seen(reader)?;
        let composed = dolby_vision(reader, assumptions)?;
        let pixels = pixel_format(reader, assumptions)?;
        let can_be_composed = pixels.depth == Depth::Ten && pixels.native.is_some_and(|native| native.chroma.is_some());
        if composed.is_some() && !can_be_composed {
            let why = format!("is Dolby Vision of profile 5, and its pixels are {}, not of 10 bits", pixels.name);
            return Err(demuxer.bad(why));
        }
        let (aspect, described_aspect) = sample_aspect(reader, assumptions);
        let packing = Packing::of(stream, &reader.frame).or(before.and_then(|before| before.described.packing));
        let View { area, stretch } = view(reader, packing, decoded, aspect, assumptions)?;
        let stored = Size { width: area.width, height: area.height };
        if stored.width < SMALLEST || stored.height < SMALLEST {
            return Err(demuxer.bad(format!("its picture is {stored}; a side needs at least {SMALLEST} samples")));
        }
        let frame_rate = frame_rate(reader, assumptions);
        let tagged = tagged(stream, &reader.frame, &pixels, decoded, frame_rate);
        let (colour_as_told, mut colour) = if composed.is_some() {
            // What tags say is of no use before the pictures are made.
            let (primaries, transfer, matrix) = (cicp::BT2020, cicp::PQ, cicp::BT2020);
            let made = Tagged { primaries, transfer, matrix, full_range: Some(false), ..tagged };
            (tagged.resolve(&mut Vec::new()), made.resolve(assumptions))
        } else {
            let colour = tagged.resolve(assumptions);
            (colour, colour)
        };
        if pixels.samples == Samples::Rgb {
            colour.matrix = if colour.primaries == cicp::BT2020 { cicp::BT2020 } else { cicp::BT709 };
        }
        refuse_matrix(demuxer, colour.matrix)?;
        let matrix = frame_matrix(&reader.frame).or(before.and_then(|before| before.described.matrix));
        let (orientation, orientation_of_container) = display_orientation(stream, matrix, assumptions);
        let ingest = Ingest::new(&pixels, decoded, area, orientation, &colour)
            .map_err(|error| demuxer.bad(format!("its pixels cannot be read: {error}")))?;
        let ingest = match composed {
            Some(metadata) => ingest.compose(metadata, reader.threads),
            None => ingest,
        };
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
        let mastering = of_frame.mastering.or(of_stream.mastering).or(of_earlier.mastering);
        let mastering = mastering.or_else(|| told_by_dolby(composed?, assumptions));
        let info = VideoInfo {
            track,
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
            hdr: HdrMetadata { mastering, light: of_frame.light.or(of_stream.light).or(of_earlier.light) },
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
fn refuse_what_is_not_seen(reader: &VideoReader) -> Result<()> {
    let demuxer = &reader.demuxer;
    let stream = demuxer.stream(reader.video);
    if let Some(projection) = views::projection(stream, &reader.frame) {
        let why = format!("is a picture all around the viewer ({projection}); render a flat view of it first");
        return Err(demuxer.bad(why));
    }
    if alpha::is_out_of_reach(stream) {
        return Err(demuxer.bad("has transparent pictures, which this build of libav, without libvpx, cannot decode"));
    }
    Ok(())
}

/// The metadata of Dolby Vision by which pictures are made of the samples; none where the samples are pictures.
fn dolby_vision<'a>(reader: &'a VideoReader, assumptions: &mut Vec<Assumption>) -> Result<Option<&'a dolby::Metadata>> {
    let VideoReader { demuxer, video, frame, dolby, .. } = reader;
    let film = dolby::judge(demuxer.stream(*video), frame, dolby).map_err(|why| demuxer.bad(why))?;
    Ok(film.and_then(|film| {
        assumptions.push(film.assumption);
        dolby.get().ok().filter(|_| film.is_composed)
    }))
}

/// The mastering display that the metadata of Dolby Vision tell of, with what had to be assumed.
fn told_by_dolby(metadata: &dolby::Metadata, assumptions: &mut Vec<Assumption>) -> Option<MasteringDisplay> {
    let display = metadata.mastering()?;
    let because = "the metadata of Dolby Vision tell its luminance alone".to_owned();
    assumptions.push(Assumption { what: "mastering display".into(), value: "P3 with D65".to_owned(), because });
    Some(display)
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
