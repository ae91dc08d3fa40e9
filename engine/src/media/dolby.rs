//! Dolby Vision: whether the base layer, which is all that libav decodes, is a picture by itself.

#![expect(unsafe_code, reason = "libav is C")]

use super::ffi::{self, AvFrame};
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

/// Describes what is assumed of a film in Dolby Vision; none for one that is not.
///
/// # Errors
/// A sentence when its base layer is no picture that anything but Dolby Vision can show.
pub(super) fn judge(stream: &av::AVStream, frame: &AvFrame) -> Result<Option<Assumption>, String> {
    // SAFETY: a stream of an opened context, which nobody changes meanwhile.
    let record = unsafe { ffi::stream_side_data(stream, av::AVPacketSideDataType::AV_PKT_DATA_DOVI_CONF) };
    let metadata = ffi::frame_side_data(frame, av::AVFrameSideDataType::AV_FRAME_DATA_DOVI_METADATA);
    let told = match (record.and_then(Configuration::read), metadata) {
        (Some(configuration), _) => configuration.judge()?,
        (None, Some(metadata)) if is_profile_5(metadata) => return Err(incompatible(5)),
        (None, Some(_)) => "of an unknown profile".to_owned(),
        (None, None) => return Ok(None),
    };
    Ok(Some(Assumption {
        what: "Dolby Vision".into(),
        value: "the base layer alone".to_owned(),
        because: format!("{told}; AV1 renditions are without its dynamic metadata"),
    }))
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

    fn judge(self) -> Result<String, String> {
        let Self { profile, has_base, compatibility } = self;
        if !has_base {
            return Err("is the enhancement layer of Dolby Vision without its base layer".to_owned());
        }
        // Profiles 4, 7, 8 and 9 have a base layer of their own by definition; early files do not say which.
        let signal = match (profile, compatibility) {
            (5, _) => return Err(incompatible(profile)),
            (_, 1 | 6) => "HDR10",
            (_, 2) => "standard dynamic range",
            (_, 4) => "HLG",
            (4 | 7 | 8 | 9, _) => "an ordinary signal",
            _ => return Err(incompatible(profile)),
        };
        Ok(format!("profile {profile}, whose base layer is {signal}"))
    }
}

/// Tells whether the header of libav's `AVDOVIMetadata` is one of profile 5: of all profiles in HEVC, the only one
/// whose base layer is of full range.
fn is_profile_5(metadata: &[u8]) -> bool {
    /// Of `vdr_rpu_profile` and `bl_video_full_range_flag` in `AVDOVIRpuDataHeader`.
    const PROFILE: usize = 4;
    const FULL_RANGE: usize = 10;
    let header = metadata.first_chunk().map(|bytes| usize::from_ne_bytes(*bytes)).and_then(|at| metadata.get(at..));
    header.is_some_and(|header| header.get(PROFILE) == Some(&0) && header.get(FULL_RANGE) == Some(&1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(profile: u8, base: u8, compatibility: u8) -> Result<String, String> {
        Configuration::read(&[1, 0, profile, 4, 1, 0, base, compatibility]).unwrap().judge()
    }

    #[test]
    fn only_a_base_layer_of_its_own_is_taken() {
        assert!(judge(5, 1, 0).unwrap_err().contains("profile 5"));
        assert!(judge(10, 1, 0).is_err());
        assert!(judge(7, 0, 6).unwrap_err().contains("enhancement"));
        assert!(judge(7, 1, 6).unwrap().contains("HDR10"));
        assert!(judge(7, 1, 0).is_ok(), "early files");
        assert!(judge(8, 1, 4).unwrap().contains("HLG"));
        assert!(judge(9, 1, 2).unwrap().contains("standard"));
        assert!(Configuration::read(&[1, 0, 5]).is_none());
    }

    #[test]
    fn profile_5_is_known_by_its_metadata_alone() {
        let metadata = |profile: u8, full: u8| {
            let mut bytes = 24_usize.to_ne_bytes().to_vec();
            bytes.resize(24 + 16, 0);
            (bytes[24 + 4], bytes[24 + 10]) = (profile, full);
            bytes
        };
        assert!(is_profile_5(&metadata(0, 1)));
        assert!(!is_profile_5(&metadata(1, 0)));
        assert!(!is_profile_5(&metadata(0, 0)));
        assert!(!is_profile_5(&[255; 8]));
        assert!(!is_profile_5(&[]));
    }
}
