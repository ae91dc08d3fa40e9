//! Settings for the tests of encoders.

use crate::colour::{ChromaSite, Colour, HdrMetadata, cicp};
use crate::encode::kind::EncoderKind;
use crate::encode::settings::EncoderSettings;
use crate::frame::Depth;
use crate::geometry::{Rational, Size};

pub(in crate::encode) fn settings(width: u32, height: u32, depth: Depth) -> EncoderSettings {
    EncoderSettings {
        kind: EncoderKind::Pipe("svtav1".to_owned()),
        size: Size { width, height },
        depth,
        colour: Colour {
            primaries: cicp::BT709,
            transfer: cicp::BT709,
            matrix: cicp::BT709,
            full_range: false,
            chroma: ChromaSite::LEFT,
        },
        hdr: HdrMetadata::default(),
        time_base: Rational::new(1, 90_000),
        frame_rate: Rational::new(30, 1),
        speed: 10,
        quality: 80,
        threads: 1,
        key_frame_distance: None,
        options: Vec::new(),
        grain: None,
    }
}
