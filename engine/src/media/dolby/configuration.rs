//! Dolby Vision: whether the base layer, which is all that libav decodes, is a picture by itself.

#![expect(unsafe_code, reason = "libav is C")]

use super::latest::Latest;
use crate::media::ffi::{self, AvFrame};
use crate::source::Assumption;
use ffmpeg_sys_next as av;
use std::ffi::c_int;

/// The fields of libav's `AVDOVIDecoderConfigurationRecord`, a byte each.
#[derive(Clone, Copy, Debug)]
struct Configuration {
    profile: u8,
    has_base: bool,
    /// Which ordinary signal the base layer is; 0 for none.
    compatibility: u8,
}

/// A film in Dolby Vision.
#[derive(Debug)]
pub(in crate::media) struct Film {
    /// What is assumed of it.
    pub(in crate::media) assumption: Assumption,
    /// True where pictures are made of the base layer, which is none.
    pub(in crate::media) is_composed: bool,
}

/// Judges a film by its stream, a frame and the metadata that hold for that; none for one that is not in Dolby Vision.
///
/// # Errors
/// A sentence when it has no picture that can be shown.
pub(in crate::media) fn judge(stream: &av::AVStream, frame: &AvFrame, latest: &Latest) -> Result<Option<Film>, String> {
    let metadata = ffi::frame_side_data(frame, av::AVFrameSideDataType::AV_FRAME_DATA_DOVI_METADATA);
    let layer = match (Configuration::of(stream), metadata) {
        (Some(configuration), _) => configuration.judge()?,
        (None, _) if latest.are_of_profile_5() => BaseLayer::Reshaped,
        (None, Some(_)) => BaseLayer::Picture("of an unknown profile".to_owned()),
        (None, None) if may_have_lost_metadata(stream, frame) => BaseLayer::Unknown,
        (None, None) => return Ok(None),
    };
    let assumption =
        |value: &str, because| Assumption { what: "Dolby Vision".into(), value: value.to_owned(), because };
    Ok(Some(match layer {
        BaseLayer::Picture(told) => {
            let because = format!("{told}; AV1 renditions are without its dynamic metadata");
            Film { assumption: assumption("the base layer alone", because), is_composed: false }
        }
        BaseLayer::Unknown => {
            let because = "10 bits of H.265 in full range that tell no colours may be of profile 5 and have lost their metadata; if \
                           colours come out green and purple, take another copy"
                .to_owned();
            Film { assumption: assumption("none", because), is_composed: false }
        }
        BaseLayer::Reshaped => {
            latest.get().map_err(unusable)?;
            let because = "profile 5, whose pictures are made by the metadata of each frame; AV1 renditions have the \
                           pictures, and not what the metadata tell of showing them on a darker display"
                .to_owned();
            Film { assumption: assumption("BT.2020 in PQ", because), is_composed: true }
        }
    }))
}

/// Tells whether a stream says that it is of profile 5, so that no frame is a picture without metadata; none where it says
/// nothing of Dolby Vision.
pub(in crate::media) fn is_profile_5(stream: &av::AVStream) -> Option<bool> {
    Configuration::of(stream).map(|configuration| configuration.judge() == Ok(BaseLayer::Reshaped))
}

/// Says why pictures cannot be made.
pub(in crate::media) fn unusable(why: &str) -> String {
    format!(
        "is Dolby Vision of profile 5, and the metadata that its pictures are made by {why}; take another copy, or convert \
         it to HDR10 or HLG first"
    )
}

/// What the base layer is.
#[derive(Debug, PartialEq)]
enum BaseLayer {
    /// A picture by itself, of which this is told.
    Picture(String),
    /// The samples that a picture is made of by the metadata of profile 5.
    Reshaped,
    /// Either of the two: nothing tells of Dolby Vision, and it looks like what is left of profile 5 without.
    Unknown,
}

/// Tells whether a film without a word on Dolby Vision has all that is peculiar to profile 5: 10 bits of H.265, of full range
/// and with no colours told, for they are none that H.273 knows.
fn may_have_lost_metadata(stream: &av::AVStream, frame: &AvFrame) -> bool {
    use av::AVColorPrimaries::AVCOL_PRI_UNSPECIFIED;
    use av::AVColorSpace::AVCOL_SPC_UNSPECIFIED;
    use av::AVColorTransferCharacteristic::AVCOL_TRC_UNSPECIFIED;
    // SAFETY: a stream has parameters.
    let codec = unsafe { (*stream.codecpar).codec_id };
    let fields = frame.fields();
    let tells_nothing = fields.color_primaries == AVCOL_PRI_UNSPECIFIED
        && fields.color_trc == AVCOL_TRC_UNSPECIFIED
        && fields.colorspace == AVCOL_SPC_UNSPECIFIED;
    codec == av::AVCodecID::AV_CODEC_ID_HEVC
        && fields.format == av::AVPixelFormat::AV_PIX_FMT_YUV420P10LE as c_int
        && fields.color_range == av::AVColorRange::AVCOL_RANGE_JPEG
        && tells_nothing
}

fn incompatible(profile: u8) -> String {
    format!(
        "is Dolby Vision of profile {profile}, whose pictures only Dolby Vision can show; convert it to HDR10 or HLG first"
    )
}

impl Configuration {
    fn of(stream: &av::AVStream) -> Option<Self> {
        // SAFETY: a stream of an opened context, which nobody changes meanwhile.
        let record = unsafe { ffi::stream_side_data(stream, av::AVPacketSideDataType::AV_PKT_DATA_DOVI_CONF) };
        record.and_then(Self::read)
    }

    fn read(record: &[u8]) -> Option<Self> {
        let [_, _, profile, _, _, _, base, compatibility, ..] = *record else { return None };
        Some(Self { profile, has_base: base != 0, compatibility })
    }

    fn judge(self) -> Result<BaseLayer, String> {
        let Self { profile, has_base, compatibility } = self;
        if !has_base {
            return Err("is the enhancement layer of Dolby Vision without its base layer".to_owned());
        }
        // Profiles 4, 7, 8 and 9 have a base layer of their own by definition; early files do not say which.
        let signal = match (profile, compatibility) {
            (5, _) => return Ok(BaseLayer::Reshaped),
            (_, 1 | 6) => "HDR10",
            (_, 2) => "standard dynamic range",
            (_, 4) => "HLG",
            (4 | 7 | 8 | 9, _) => "an ordinary signal",
            _ => return Err(incompatible(profile)),
        };
        Ok(BaseLayer::Picture(format!("profile {profile}, whose base layer is {signal}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(profile: u8, base: u8, compatibility: u8) -> Result<String, String> {
        match Configuration::read(&[1, 0, profile, 4, 1, 0, base, compatibility]).unwrap().judge()? {
            BaseLayer::Picture(told) => Ok(told),
            BaseLayer::Reshaped => Ok("reshaped".to_owned()),
            BaseLayer::Unknown => Err("not known of a configuration".to_owned()),
        }
    }

    #[test]
    fn only_a_base_layer_of_its_own_is_taken() {
        assert_eq!(judge(5, 1, 0).unwrap(), "reshaped");
        assert!(judge(10, 1, 0).is_err());
        assert!(judge(7, 0, 6).unwrap_err().contains("enhancement"));
        assert!(judge(7, 1, 6).unwrap().contains("HDR10"));
        assert!(judge(7, 1, 0).is_ok(), "early files");
        assert!(judge(8, 1, 4).unwrap().contains("HLG"));
        assert!(judge(9, 1, 2).unwrap().contains("standard"));
        assert!(Configuration::read(&[1, 0, 5]).is_none());
    }
}
