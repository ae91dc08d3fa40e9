//! Fields of decoded frames.

use crate::frame::FieldOrder;
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
