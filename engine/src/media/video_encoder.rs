//! libavcodec's video encoders: frames in, packets out.

#![expect(unsafe_code, reason = "libav is C")]

use super::ffi::{self, AvFrame, AvPacket, BufferPool, CodecContext, check};
use super::log;
use crate::colour::{ChromaSite, Colour};
use crate::error::{Error, Result};
use crate::frame::{Depth, Frame, FrameFormat, HeldFrame, PADDING};
use crate::geometry::Rational;
use ffmpeg_sys_next as av;
use std::ffi::{CString, c_int, c_void};
use std::ptr;

/// Settings that a [`VideoEncoder`] is opened with.
#[derive(Clone, Debug)]
pub(crate) struct VideoEncoderSettings<'a> {
    /// libav's name of the encoder.
    pub(crate) name: &'a str,
    /// Of every frame: 4:2:0 of 8 or 10 bits, even sides.
    pub(crate) format: FrameFormat,
    /// Memory layout of the samples, as the encoder wants them.
    pub(crate) input: SampleOrder,
    /// Tags of the stream.
    pub(crate) colour: Colour,
    /// Frames a second.
    pub(crate) frame_rate: Rational,
    /// Further settings by libav's names, later ones over earlier ones.
    pub(crate) options: &'a [(String, String)],
}

/// Where the samples of chroma are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SampleOrder {
    /// In planes of their own.
    Planar,
    /// Both in one plane, by turns; samples of 10 bits in the upper bits.
    SemiPlanar,
}

/// A packet as the encoder gives it.
#[derive(Clone, Debug)]
pub(crate) struct EncodedPacket {
    /// The codec's own bytes.
    pub(crate) data: Vec<u8>,
    /// That of the frame that it shows.
    pub(crate) number: i64,
    /// True where decoding can begin here.
    pub(crate) key: bool,
}

/// Tells whether the linked libavcodec has an encoder of this name.
pub(crate) fn has_encoder(name: &str) -> bool {
    !find(name).is_null()
}

fn find(name: &str) -> *const av::AVCodec {
    // SAFETY: a look-up in the library's own table by a string that ends with a zero.
    CString::new(name).map_or(ptr::null(), |name| unsafe { av::avcodec_find_encoder_by_name(name.as_ptr()) })
}

/// One of libavcodec's video encoders, opened.
#[derive(Debug)]
pub(crate) struct VideoEncoder {
    context: CodecContext,
    input: SampleOrder,
    /// For pictures in another order than frames have.
    pool: BufferPool,
    bytes: usize,
    frame: AvFrame,
    packet: AvPacket,
}

impl VideoEncoder {
    /// # Errors
    /// [`Error::InvalidOption`] that names an option which the encoder does not have, or whose value it does not take;
    /// [`Error::Libav`] when it is not there or refuses.
    pub(crate) fn open(settings: &VideoEncoderSettings<'_>) -> Result<Self> {
        log::capture();
        let codec = find(settings.name);
        if codec.is_null() {
            let why = format!("there is no {}", settings.name);
            return Err(Error::Libav { call: "avcodec_find_encoder_by_name", why });
        }
        // SAFETY: one of libav's codecs.
        let mut context = unsafe { CodecContext::new(codec)? };
        describe(&mut context, settings);
        for (key, value) in settings.options {
            set_option(&mut context, settings.name, key, value)?;
        }
        // SAFETY: the context was made for a codec, is not yet open and points to nothing of ours.
        check("avcodec_open2", unsafe { context.open() })?;
        let bytes = picture_bytes(settings.format, settings.input);
        Ok(Self {
            context,
            input: settings.input,
            pool: BufferPool::new(bytes + PADDING)?,
            bytes,
            frame: AvFrame::new()?,
            packet: AvPacket::new()?,
        })
    }

    /// Gives it the next frame, which is of the format that it was opened for, and asks for a key frame where `key`
    /// says so. All that is ready must have been taken before. Where the encoder wants planes it reads those of the frame
    /// itself, and holds it as long as it needs them.
    pub(crate) fn send(&mut self, frame: &HeldFrame, number: i64, key: bool) -> Result<()> {
        let target = self.frame.as_mut_ptr();
        let (format, strides) = (frame.format(), strides(frame.format(), self.input));
        // SAFETY: the frame is ours and valid; the buffer that it gets has `bytes` bytes, which nobody changes until libav has
        // let go of it; the planes lie in it one behind the other.
        unsafe {
            av::av_frame_unref(target);
            let buffer = match self.input {
                SampleOrder::Planar => lend(frame)?,
                SampleOrder::SemiPlanar => {
                    let buffer = self.pool.take()?;
                    interleave_planes(std::slice::from_raw_parts_mut((*buffer).data, self.bytes), frame);
                    buffer
                }
            };
            (*target).buf[0] = buffer;
            let mut place = (*buffer).data;
            for (index, &(stride, rows)) in strides.iter().enumerate() {
                (*target).data[index] = place;
                (*target).linesize[index] = fitting(stride);
                place = place.add(stride * rows);
            }
            (*target).format = pixel_format(format.depth, self.input) as c_int;
            (*target).width = fitting(format.width as usize);
            (*target).height = fitting(format.height as usize);
            (*target).pts = number;
            (*target).pict_type =
                if key { av::AVPictureType::AV_PICTURE_TYPE_I } else { av::AVPictureType::AV_PICTURE_TYPE_NONE };
            let code = av::avcodec_send_frame(self.context.as_mut_ptr(), target);
            // The encoder has a reference of its own, as long as it needs one.
            av::av_frame_unref(target);
            check("avcodec_send_frame", code).map(drop)
        }
    }

    /// Says that no frame follows.
    pub(crate) fn end(&mut self) -> Result<()> {
        // SAFETY: the context is open.
        let code = unsafe { av::avcodec_send_frame(self.context.as_mut_ptr(), ptr::null()) };
        check("avcodec_send_frame", code).map(drop)
    }

    /// A packet that is ready; after the end the next one, for which it waits. None when there is none.
    pub(crate) fn receive(&mut self) -> Result<Option<EncodedPacket>> {
        // SAFETY: the context is open and the packet valid.
        let code = unsafe { av::avcodec_receive_packet(self.context.as_mut_ptr(), self.packet.as_mut_ptr()) };
        if code == av::AVERROR(av::EAGAIN) || code == av::AVERROR_EOF {
            return Ok(None);
        }
        check("avcodec_receive_packet", code)?;
        let fields = self.packet.fields();
        let key = fields.flags & av::AV_PKT_FLAG_KEY != 0;
        let taken = EncodedPacket { data: self.packet.data().to_vec(), number: fields.pts, key };
        self.packet.unref();
        Ok(Some(taken))
    }
}

/// Sets the fields that are the same for all encoders.
fn describe(context: &mut CodecContext, settings: &VideoEncoderSettings<'_>) {
    let (format, colour) = (settings.format, settings.colour);
    let fields = context.as_mut_ptr();
    // SAFETY: the context is valid and not yet open; the codes are those of H.273, which libav's enumerations are, in
    // 32 bits each.
    unsafe {
        (*fields).width = fitting(format.width as usize);
        (*fields).height = fitting(format.height as usize);
        (*fields).pix_fmt = pixel_format(format.depth, settings.input);
        (*fields).sample_aspect_ratio = av::AVRational { num: 1, den: 1 };
        (*fields).framerate = ffi::av_rational(settings.frame_rate);
        // Frames are numbered, so that every encoder sees them evenly spaced.
        let frame_duration = Rational::new(settings.frame_rate.den, settings.frame_rate.num.max(1));
        (*fields).time_base = ffi::av_rational(frame_duration);
        (&raw mut (*fields).color_primaries).cast::<u32>().write(colour.primaries.into());
        (&raw mut (*fields).color_trc).cast::<u32>().write(colour.transfer.into());
        (&raw mut (*fields).colorspace).cast::<u32>().write(colour.matrix.into());
        (*fields).color_range =
            if colour.full_range { av::AVColorRange::AVCOL_RANGE_JPEG } else { av::AVColorRange::AVCOL_RANGE_MPEG };
        (*fields).chroma_sample_location = match colour.chroma {
            ChromaSite::LEFT => av::AVChromaLocation::AVCHROMA_LOC_LEFT,
            ChromaSite::TOP_LEFT => av::AVChromaLocation::AVCHROMA_LOC_TOPLEFT,
            _ => av::AVChromaLocation::AVCHROMA_LOC_UNSPECIFIED,
        };
    }
}

fn set_option(context: &mut CodecContext, encoder: &str, key: &str, value: &str) -> Result<()> {
    let refusal = |option: String, rule: String| Error::invalid("encoder option", option, rule);
    let c_string = |text: &str| {
        CString::new(text).map_err(|_| refusal(format!("{text:?}"), "a zero byte cannot be part of it".to_owned()))
    };
    let (name, text) = (c_string(key)?, c_string(value)?);
    let fields = context.as_mut_ptr();
    // SAFETY: the context is valid and begins with its class, as av_opt_set asks.
    let code = unsafe { av::av_opt_set(fields.cast(), name.as_ptr(), text.as_ptr(), av::AV_OPT_SEARCH_CHILDREN) };
    match code {
        0.. => Ok(()),
        av::AVERROR_OPTION_NOT_FOUND => Err(refusal(
            format!("{key:?}"),
            format!("{encoder} has none of this name; `ffmpeg -h encoder={encoder}` lists those that it has"),
        )),
        _ => Err(refusal(
            format!("{key}={value:?}"),
            format!("{encoder} does not take this value: {}", ffi::error_text(code)),
        )),
    }
}

/// Sides and strides are far below 2^31: `EncoderSettings::check` has seen to it.
fn fitting(value: usize) -> c_int {
    c_int::try_from(value).unwrap_or(0)
}

fn pixel_format(depth: Depth, order: SampleOrder) -> av::AVPixelFormat {
    use av::AVPixelFormat::{
        AV_PIX_FMT_NV12, AV_PIX_FMT_P010BE, AV_PIX_FMT_P010LE, AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P10BE,
        AV_PIX_FMT_YUV420P10LE,
    };
    match (order, depth, cfg!(target_endian = "little")) {
        (SampleOrder::Planar, Depth::Eight, _) => AV_PIX_FMT_YUV420P,
        (SampleOrder::Planar, _, true) => AV_PIX_FMT_YUV420P10LE,
        (SampleOrder::Planar, _, false) => AV_PIX_FMT_YUV420P10BE,
        (SampleOrder::SemiPlanar, Depth::Eight, _) => AV_PIX_FMT_NV12,
        (SampleOrder::SemiPlanar, _, true) => AV_PIX_FMT_P010LE,
        (SampleOrder::SemiPlanar, _, false) => AV_PIX_FMT_P010BE,
    }
}

/// Bytes from row to row, and rows, of each plane; the planes lie one behind the other.
fn strides(format: FrameFormat, order: SampleOrder) -> Vec<(usize, usize)> {
    let layout = format.layout().map(|plane| (plane.stride, plane.height as usize));
    match order {
        SampleOrder::Planar => layout.to_vec(),
        SampleOrder::SemiPlanar => vec![layout[0], (layout[0].0, layout[1].1)],
    }
}

fn picture_bytes(format: FrameFormat, order: SampleOrder) -> usize {
    strides(format, order).iter().map(|(stride, rows)| stride * rows).sum()
}

/// Makes a buffer of libav's of a frame's own bytes, to be read alone; it holds the frame until libav lets go of it.
fn lend(frame: &HeldFrame) -> Result<*mut av::AVBufferRef> {
    /// Drops the frame.
    unsafe extern "C" fn let_go(holder: *mut c_void, _: *mut u8) {
        // SAFETY: the pointer is of the box below, and libav calls this once.
        drop(unsafe { Box::from_raw(holder.cast::<HeldFrame>()) });
    }
    // Whoever is given the padding too may read it.
    let bytes = frame.padded_bytes();
    debug_assert!(bytes.len() >= frame.format().bytes() + PADDING, "there is something behind the samples");
    let holder = Box::into_raw(Box::new(frame.clone()));
    // SAFETY: the bytes stay where they are as long as the frame is held, which the box does; libav does not write to a buffer
    // that is to be read alone.
    let buffer = unsafe {
        let data = bytes.as_ptr().cast_mut();
        av::av_buffer_create(data, bytes.len(), Some(let_go), holder.cast(), av::AV_BUFFER_FLAG_READONLY)
    };
    if buffer.is_null() {
        // SAFETY: libav has not taken the box.
        drop(unsafe { Box::from_raw(holder) });
        return Err(ffi::out_of_memory("av_buffer_create"));
    }
    Ok(buffer)
}

/// Writes `frame` into `target`, which has [`picture_bytes`], with the planes of chroma in one.
fn interleave_planes(target: &mut [u8], frame: &Frame) {
    let (luma, chroma) = target.split_at_mut(plane_bytes(frame, 0));
    if frame.format().depth == Depth::Eight {
        luma.copy_from_slice(frame.plane::<u8>(0).0);
        interleave(chroma, frame, |sample: u8| [sample]);
    } else {
        let raised = |sample: u16| (sample << 6).to_ne_bytes();
        for (target, &sample) in luma.as_chunks_mut().0.iter_mut().zip(frame.plane(0).0) {
            *target = raised(sample);
        }
        interleave(chroma, frame, raised);
    }
}

fn plane_bytes(frame: &Frame, index: usize) -> usize {
    let plane = frame.layout(index);
    plane.stride * plane.height as usize
}

/// Both planes of chroma, sample by sample in turn, in rows as far apart as those of luma.
fn interleave<T: crate::frame::Sample, const BYTES: usize>(
    target: &mut [u8],
    frame: &Frame,
    stored: impl Fn(T) -> [u8; BYTES],
) {
    let ((cb, stride), (cr, _)) = (frame.plane::<T>(1), frame.plane::<T>(2));
    let width = frame.layout(1).width as usize;
    let rows = cb.chunks_exact(stride).zip(cr.chunks_exact(stride));
    for (target, (cb, cr)) in target.chunks_exact_mut(frame.layout(0).stride).zip(rows) {
        let pairs = cb[..width].iter().zip(&cr[..width]).flat_map(|(&cb, &cr)| [stored(cb), stored(cr)]);
        target.as_chunks_mut().0.iter_mut().zip(pairs).for_each(|(target, sample)| *target = sample);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Subsampling;

    fn frame(depth: Depth) -> Frame {
        let mut frame = Frame::new(FrameFormat { width: 6, height: 4, subsampling: Subsampling::CS420, depth });
        for index in 0..3 {
            for v in 0..frame.layout(index).height as usize {
                for u in 0..frame.layout(index).width as usize {
                    let value = 100 * index + 10 * v + u;
                    match depth {
                        Depth::Eight => {
                            let (plane, stride) = frame.plane_mut::<u8>(index);
                            plane[v * stride + u] = u8::try_from(value).unwrap();
                        }
                        _ => {
                            let (plane, stride) = frame.plane_mut::<u16>(index);
                            plane[v * stride + u] = u16::try_from(value).unwrap();
                        }
                    }
                }
            }
        }
        frame
    }

    fn filled(frame: &Frame) -> Vec<u8> {
        let mut target = vec![0; picture_bytes(frame.format(), SampleOrder::SemiPlanar)];
        interleave_planes(&mut target, frame);
        target
    }

    #[test]
    fn planes_are_read_where_they_are_and_held_as_long_as_libav_needs_them() {
        let (told, dropped) = std::sync::mpsc::channel();
        struct Told(Frame, std::sync::mpsc::Sender<()>);
        impl std::ops::Deref for Told {
            type Target = Frame;

            fn deref(&self) -> &Frame {
                &self.0
            }
        }
        impl Drop for Told {
            fn drop(&mut self) {
                self.1.send(()).unwrap();
            }
        }
        let held = HeldFrame::new(Told(frame(Depth::Ten), told));
        let mut buffer = lend(&held).unwrap();
        // SAFETY: the buffer is ours.
        unsafe {
            assert_eq!((*buffer).data.cast_const(), held.bytes().as_ptr());
            assert_eq!(av::av_buffer_is_writable(buffer), 0);
            drop(held);
            assert!(dropped.try_recv().is_err());
            av::av_buffer_unref(&raw mut buffer);
        }
        dropped.try_recv().unwrap();
    }

    #[test]
    fn chroma_of_eight_bits_is_interleaved() {
        let picture = filled(&frame(Depth::Eight));
        let rows: Vec<_> = picture.chunks(64).map(|row| &row[..6]).collect();
        assert_eq!(rows.len(), 6);
        assert_eq!(rows[3], [30, 31, 32, 33, 34, 35]);
        assert_eq!(rows[4], [100, 200, 101, 201, 102, 202]);
        assert_eq!(rows[5], [110, 210, 111, 211, 112, 212]);
    }

    #[test]
    fn ten_bits_are_raised_to_the_upper_ones() {
        let picture = filled(&frame(Depth::Ten));
        let samples: Vec<_> = picture.chunks(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]]) >> 6).collect();
        assert!(picture.chunks(2).all(|pair| u16::from_ne_bytes([pair[0], pair[1]]) & 63 == 0));
        assert_eq!(samples[32..38], [10, 11, 12, 13, 14, 15]);
        assert_eq!(samples[5 * 32..][..6], [110, 210, 111, 211, 112, 212]);
    }

    #[test]
    fn an_encoder_that_is_not_there_is_an_error() {
        assert!(has_encoder("libsvtav1") && !has_encoder("av2") && !has_encoder("a\0"));
        let settings = VideoEncoderSettings {
            name: "av2",
            format: frame(Depth::Eight).format(),
            input: SampleOrder::Planar,
            colour: Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false, chroma: ChromaSite::LEFT },
            frame_rate: Rational::new(25, 1),
            options: &[],
        };
        assert_eq!(
            VideoEncoder::open(&settings).unwrap_err().to_string(),
            "libav: avcodec_find_encoder_by_name: there is no av2"
        );
    }
}
