//! Fields of frames, as streams and decoders tell of them.

#![expect(unsafe_code, reason = "libav is C")]

use super::demux::Demuxer;
use super::video_reader::VideoReader;
use crate::error::Result;
use crate::frame::FieldOrder;
use crate::geometry::Orientation;
use crate::source::Scanning;
use ffmpeg_sys_next as av;

/// Tells the order of a frame's fields, as its decoder says.
pub(super) fn field_order(frame: &av::AVFrame) -> FieldOrder {
    #[cfg(ffmpeg_6_1)]
    let [interlaced, top_first] =
        [av::AV_FRAME_FLAG_INTERLACED, av::AV_FRAME_FLAG_TOP_FIELD_FIRST].map(|flag| frame.flags & flag != 0);
    #[cfg(not(ffmpeg_6_1))]
    let [interlaced, top_first] = [frame.interlaced_frame, frame.top_field_first].map(|flag| flag != 0);
    match (interlaced, top_first) {
        (false, _) => FieldOrder::Progressive,
        (true, true) => FieldOrder::TopFirst,
        (true, false) => FieldOrder::BottomFirst,
    }
}

/// Turns an order of the fields of stored rows into that of upright rows, of which the topmost was the `rows - 1 - top`th where
/// they are shown upside down, else the `top`th.
pub(super) fn upright_order(stored: FieldOrder, orientation: Orientation, top: u32, rows: u32) -> FieldOrder {
    let first_row = if orientation.flip_y { top + rows.saturating_sub(1) } else { top };
    match (stored, first_row % 2) {
        (FieldOrder::TopFirst, 1) => FieldOrder::BottomFirst,
        (FieldOrder::BottomFirst, 1) => FieldOrder::TopFirst,
        (order, _) => order,
    }
}

/// Tells whether the stream or the reader's frame, the first, is called interlaced, and which of the stored fields is earlier.
pub(super) fn told_order(demuxer: &Demuxer, reader: &VideoReader) -> FieldOrder {
    use av::AVFieldOrder as Order;
    // SAFETY: a stream has parameters; the field order is read as a number, for a newer library may know more of them.
    let order = unsafe {
        let parameters = demuxer.stream(reader.video).codecpar;
        (&raw const (*parameters).field_order).cast::<u32>().read()
    };
    match field_order(reader.frame.fields()) {
        FieldOrder::Progressive if [Order::AV_FIELD_TT, Order::AV_FIELD_BT].iter().any(|it| *it as u32 == order) => {
            FieldOrder::TopFirst
        }
        FieldOrder::Progressive if [Order::AV_FIELD_BB, Order::AV_FIELD_TB].iter().any(|it| *it as u32 == order) => {
            FieldOrder::BottomFirst
        }
        told => told,
    }
}

/// Gives what an upright picture's fields are called, from their order.
pub(super) fn scanning(order: FieldOrder) -> Scanning {
    match order {
        FieldOrder::Progressive => Scanning::Progressive,
        FieldOrder::TopFirst => Scanning::TopFirst,
        FieldOrder::BottomFirst => Scanning::BottomFirst,
    }
}

/// Refuses fields that cannot be told from one another on the upright grid, or that are no part of whole frames.
pub(super) fn refuse_odd_fields(reader: &VideoReader, order: FieldOrder, orientation: Orientation) -> Result<()> {
    let demuxer = &reader.demuxer;
    if order == FieldOrder::Progressive {
        return Ok(());
    }
    if orientation.transpose {
        return Err(
            demuxer.bad("is interlaced and turned by a quarter, so that its fields are columns; deinterlace it first")
        );
    }
    // SAFETY: a stream has parameters.
    let codec = unsafe { (*demuxer.stream(reader.video).codecpar).codec_id };
    if codec == av::AVCodecID::AV_CODEC_ID_HEVC && field_order(reader.frame.fields()) != FieldOrder::Progressive {
        let why = "holds each field as a picture of its own, as H.265 may, which Upright does not join; join its fields first";
        return Err(demuxer.bad(why));
    }
    Ok(())
}
