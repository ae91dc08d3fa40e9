//! Dolby Vision: whether the base layer, which is all that libav decodes, is a picture by itself.

#![expect(unsafe_code, reason = "libav is C")]

use super::metadata::Metadata;
use crate::media::ffi::{self, AvFrame};
use crate::source::Assumption;
use ffmpeg_sys_next as av;

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
    /// What its first frame is composed by; none where the base layer is taken as it is.
    pub(in crate::media) composed: Option<Metadata>,
}

/// Judges a film by its stream and a frame; none for one that is not in Dolby Vision.
///
/// # Errors
/// A sentence when it has no picture that can be shown.
pub(in crate::media) fn judge(stream: &av::AVStream, frame: &AvFrame) -> Result<Option<Film>, String> {
    // SAFETY: a stream of an opened context, which nobody changes meanwhile.
    let record = unsafe { ffi::stream_side_data(stream, av::AVPacketSideDataType::AV_PKT_DATA_DOVI_CONF) };
    let metadata = ffi::frame_side_data(frame, av::AVFrameSideDataType::AV_FRAME_DATA_DOVI_METADATA);
    let layer = match (record.and_then(Configuration::read), metadata) {
        (Some(configuration), _) => configuration.judge()?,
        (None, Some(_)) if Metadata::is_profile_5(frame) => BaseLayer::Reshaped,
        (None, Some(_)) => BaseLayer::Picture("of an unknown profile".to_owned()),
        (None, None) => return Ok(None),
    };
    let assumption =
        |value: &str, because| Assumption { what: "Dolby Vision".into(), value: value.to_owned(), because };
    Ok(Some(match layer {
        BaseLayer::Picture(told) => {
            let because = format!("{told}; AV1 renditions are without its dynamic metadata");
            Film { assumption: assumption("the base layer alone", because), composed: None }
        }
        BaseLayer::Reshaped => {
            let metadata = Metadata::of(frame).and_then(|metadata| metadata.ok_or("is not there"));
            let metadata = metadata.map_err(|why| format!("is Dolby Vision of profile 5, {}", unusable(why)))?;
            let because = "profile 5, whose pictures are made by the metadata of each frame; AV1 renditions have the \
                           pictures, and not what the metadata tell of showing them on a darker display"
                .to_owned();
            Film { assumption: assumption("BT.2020 in PQ", because), composed: Some(metadata) }
        }
    }))
}

/// Says why a frame cannot be made.
pub(in crate::media) fn unusable(why: &str) -> String {
    format!(
        "and the metadata that its pictures are made by {why}; take another copy, or convert it to HDR10 or HLG first"
    )
}

/// What the base layer is.
#[derive(Debug, PartialEq)]
enum BaseLayer {
    /// A picture by itself, of which this is told.
    Picture(String),
    /// The samples that a picture is made of by the metadata of profile 5.
    Reshaped,
}

fn incompatible(profile: u8) -> String {
    format!(
        "is Dolby Vision of profile {profile}, whose pictures only Dolby Vision can show; convert it to HDR10 or HLG first"
    )
}

impl Configuration {
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
