//! rav1e, the encoder that is always there.

mod options;

use super::encoder::{Encoder, check_format};
use super::kind::EncoderKind;
use super::settings::EncoderSettings;
use crate::av1;
use crate::colour::{ChromaSite, Colour, HdrMetadata};
use crate::error::{Error, Result};
use crate::frame::{Depth, FrameFormat, HeldFrame};
use crate::geometry::{Rational, Size};
use crate::packet::Packet;
use num_traits::FromPrimitive;
use upright_rav1e as lib;

/// Names rav1e and its version.
pub(super) fn version() -> String {
    format!("rav1e {}", lib::version::short())
}

/// Opens rav1e. The settings have passed [`EncoderSettings::check`].
pub(super) fn open(settings: &EncoderSettings) -> Result<Box<dyn Encoder>> {
    let config = lib::Config::new().with_encoder_config(configuration(settings)?).with_threads(settings.threads);
    let bit_depth = settings.depth.bits() as usize;
    let context = lib::AnyContext::new(&config, bit_depth).map_err(|invalid| failure(invalid.to_string()))?;
    Ok(Box::new(Rav1e { context, format: settings.frame_format(), hdr: settings.hdr, inside: 0 }))
}

struct Rav1e {
    context: lib::AnyContext,
    format: FrameFormat,
    hdr: HdrMetadata,
    /// Frames that went in and have not come out.
    inside: usize,
}

/// The times of a frame, carried through the encoder to its packet.
struct Times {
    pts: i64,
    duration: i64,
}

impl Rav1e {
    /// Encodes a frame if one can be, and appends the packet if one is ready; says whether there may be more.
    fn step(&mut self, packets: &mut Vec<Packet>) -> Result<bool> {
        match self.context.receive() {
            Ok(packet) => {
                self.inside -= 1;
                packets.push(shown(packet, &self.hdr)?);
                Ok(true)
            }
            Err(lib::EncoderStatus::Encoded) => Ok(true),
            Err(lib::EncoderStatus::NeedMoreData | lib::EncoderStatus::LimitReached) => Ok(false),
            Err(status) => Err(failure(status.to_string())),
        }
    }
}

impl Encoder for Rav1e {
    fn encode(&mut self, frame: HeldFrame, key: bool, packets: &mut Vec<Packet>) -> Result<()> {
        check_format(&frame, self.format).map_err(failure)?;
        let planes = match self.format.depth {
            Depth::Eight => lib::Planes::Eight([0, 1, 2].map(|plane| frame.plane(plane))),
            Depth::Ten | Depth::Twelve => lib::Planes::Sixteen([0, 1, 2].map(|plane| frame.plane(plane))),
        };
        let parameters = lib::FrameParameters {
            frame_type_override: if key { lib::FrameTypeOverride::Key } else { lib::FrameTypeOverride::No },
            opaque: Some(lib::Opaque::new(Times { pts: frame.pts, duration: frame.duration })),
            ..Default::default()
        };
        self.context.send(planes, parameters).map_err(|status| failure(status.to_string()))?;
        self.inside += 1;
        // `send` never pushes back: what is not taken out now stays in memory.
        while self.step(packets)? {}
        Ok(())
    }

    fn finish(&mut self, packets: &mut Vec<Packet>) -> Result<bool> {
        self.context.flush();
        let more = self.step(packets)?;
        if more || self.inside == 0 { Ok(more) } else { Err(failure(format!("it kept {} frames", self.inside))) }
    }
}

/// Makes the packet of one shown frame.
fn shown(packet: lib::AnyPacket, hdr: &HdrMetadata) -> Result<Packet> {
    let times = packet.opaque.and_then(|opaque| opaque.downcast::<Times>().ok());
    let Times { pts, duration } = *times.ok_or_else(|| failure("a packet came without its times".to_owned()))?;
    let mut data = packet.data;
    let malformed = |malformed: av1::Malformed| failure(malformed.to_string());
    av1::strip_temporal_delimiters(&mut data).map_err(malformed)?;
    av1::insert_hdr_metadata(&mut data, hdr).map_err(malformed)?;
    Ok(Packet { data, pts, duration, key: packet.key })
}

fn failure(why: String) -> Error {
    Error::Encoder { encoder: EncoderKind::Rav1e.to_string(), why }
}

fn configuration(settings: &EncoderSettings) -> Result<lib::EncoderConfig> {
    let mut config = lib::EncoderConfig {
        width: settings.size.width as usize,
        height: settings.size.height as usize,
        sample_aspect_ratio: lib::Rational::new(1, 1),
        time_base: frame_duration(settings.frame_rate),
        bit_depth: settings.depth.bits() as usize,
        chroma_sampling: lib::ChromaSampling::Cs420,
        chroma_sample_position: chroma_sample_position(settings.colour.chroma)?,
        pixel_range: if settings.colour.full_range { lib::PixelRange::Full } else { lib::PixelRange::Limited },
        color_description: Some(colour_description(settings.colour)),
        level_idx: Some(av1::level_for(settings.size, settings.frame_rate)),
        quantizer: quantizer(settings.quality),
        tiles: tiles(settings.size, settings.threads),
        speed_settings: speed_settings(settings.speed),
        ..Default::default()
    };
    // Key frames come only where they are asked for: no least distance, no greatest.
    config.set_key_frame_interval(0, 0);
    options::apply(&settings.options, &mut config)?;
    Ok(config)
}

/// Returns the duration of a frame, for rav1e derives rates from its time base as though every frame lasted one tick:
/// level checks, and the least number of tiles. It must therefore see the frame rate; the ticks of our timestamps
/// travel beside it.
fn frame_duration(frame_rate: Rational) -> lib::Rational {
    lib::Rational::new(frame_rate.den.unsigned_abs(), frame_rate.num.unsigned_abs())
}

/// Converts the one scale of quality (0 worst to 100 best) to rav1e's quantiser (255 worst to 0 best): a straight line,
/// for the quantiser's index is already nearly logarithmic in the step size. Below 20 bits are spent on what no eye
/// sees, and above 220 nothing is left of a face; they are the ends.
fn quantizer(quality: u8) -> usize {
    220 - 2 * usize::from(quality.min(100))
}

/// Returns rav1e's preset of the same number, with two exceptions.
fn speed_settings(speed: u8) -> lib::SpeedSettings {
    let mut settings = lib::SpeedSettings::from_preset(speed);
    settings.scene_detection_mode = lib::SceneDetectionSpeed::None;
    if speed >= 10 {
        // Together 10 to 20% of the time, at the same or better quality for the bits.
        settings.segmentation = lib::SegmentationLevel::Disabled;
        settings.rdo_lookahead_frames = 1;
    }
    settings
}

/// Chooses a number of tiles, on which rav1e uses its threads. More than four do not pay, and each must have enough to
/// do: a tile begins with fresh probabilities, which costs bits.
fn tiles(size: Size, threads: usize) -> usize {
    const MOST: usize = 4;
    const LEAST_SAMPLES: usize = 1 << 17;
    let worthwhile = size.width as usize * size.height as usize / LEAST_SAMPLES;
    let tiles = threads.min(worthwhile).clamp(1, MOST);
    if tiles.is_power_of_two() { tiles } else { tiles.next_power_of_two() / 2 }
}

fn chroma_sample_position(site: ChromaSite) -> Result<lib::ChromaSamplePosition> {
    match site {
        ChromaSite::LEFT => Ok(lib::ChromaSamplePosition::Vertical),
        ChromaSite::TOP_LEFT => Ok(lib::ChromaSamplePosition::Colocated),
        other => Err(Error::misuse(format!("AV1 cannot say that chroma lies at {other:?}; use left or top-left"))),
    }
}

/// Converts codes of H.273; those that rav1e does not know become "unspecified", its default.
fn colour_description(colour: Colour) -> lib::ColorDescription {
    lib::ColorDescription {
        color_primaries: FromPrimitive::from_u8(colour.primaries).unwrap_or_default(),
        transfer_characteristics: FromPrimitive::from_u8(colour.transfer).unwrap_or_default(),
        matrix_coefficients: FromPrimitive::from_u8(colour.matrix).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_is_a_falling_quantiser_within_range() {
        assert_eq!([0, 60, 100].map(quantizer), [220, 100, 20]);
        assert!((0..100).all(|quality| quantizer(quality) > quantizer(quality + 1)));
    }

    #[test]
    fn tiles_follow_threads_as_far_as_the_picture_allows() {
        let tiles = |width, height, threads| tiles(Size { width, height }, threads);
        assert_eq!([1, 2, 3, 4, 64].map(|threads| tiles(1080, 1920, threads)), [1, 2, 2, 4, 4]);
        assert_eq!([1, 2, 64].map(|threads| tiles(540, 960, threads)), [1, 2, 2]);
        assert_eq!(tiles(360, 640, 64), 1);
        assert_eq!(tiles(16, 16, 64), 1);
    }

    #[test]
    fn colour_codes_keep_their_numbers_and_reserved_ones_are_unspecified() {
        let chroma = ChromaSite::LEFT;
        let pq = Colour { primaries: 9, transfer: 16, matrix: 9, full_range: false, chroma };
        let description = colour_description(pq);
        assert_eq!(description.color_primaries as u8, 9);
        assert_eq!(description.transfer_characteristics as u8, 16);
        assert_eq!(description.matrix_coefficients as u8, 9);
        let reserved = colour_description(Colour { primaries: 3, transfer: 200, matrix: 3, ..pq });
        assert_eq!(reserved.color_primaries as u8, 2);
        assert_eq!(reserved.transfer_characteristics as u8, 2);
        assert_eq!(reserved.matrix_coefficients as u8, 2);
    }
}
