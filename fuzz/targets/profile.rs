//! Any text as a profile of an encoder's program.

use upright_engine::Error;
use upright_engine::colour::{ChromaSite, Colour, HdrMetadata, cicp};
use upright_engine::encode::pipe::Profile;
use upright_engine::encode::{EncoderKind, EncoderSettings};
use upright_engine::frame::Depth;
use upright_engine::geometry::{Rational, Size};

/// # Panics
/// When a profile is not what it promises.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Profile::parse("fuzz.toml", text) {
        Ok(profile) => {
            for quality in [0, 50, 100] {
                let arguments = profile.arguments(&settings(quality));
                assert!(arguments.is_ok(), "what has been read can be used: {arguments:?}");
            }
        }
        Err(error @ Error::InvalidOption { .. }) => {
            let message = error.to_string();
            assert!(message.starts_with("profile fuzz.toml") && !message.contains('\n'), "{message}");
        }
        Err(other) => panic!("a profile can only be refused as an option: {other}"),
    }
}

fn settings(quality: u8) -> EncoderSettings {
    EncoderSettings {
        kind: EncoderKind::Pipe("fuzz.toml".to_owned()),
        size: Size { width: 1080, height: 1920 },
        depth: Depth::Ten,
        colour: Colour {
            primaries: cicp::BT709,
            transfer: cicp::BT709,
            matrix: cicp::BT709,
            full_range: false,
            chroma: ChromaSite::LEFT,
        },
        hdr: HdrMetadata::default(),
        time_base: Rational { num: 1, den: 90_000 },
        frame_rate: Rational { num: 30, den: 1 },
        speed: quality / 10,
        quality,
        threads: usize::from(quality) + 1,
        key_frame_distance: None,
        options: Vec::new(),
        grain: None,
    }
}
