//! How loud the sound of renditions is.

use super::formats::Formats;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Integrated loudness that may be asked for, in LUFS: beyond that nothing is heard, or all is clipped.
pub(super) const LOUDNESS: [f64; 2] = [-36.0, -5.0];
/// True peaks that may be asked for, in dBTP.
pub(super) const PEAK: [f64; 2] = [-20.0, 0.0];

/// How loud the sound of renditions is, as EBU R128 and ITU-R BS.1770 measure it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Loudness {
    /// Integrated loudness in LUFS, from -36 to -5.
    pub integrated: f64,
    /// The highest true peak in dBTP, from -20 to 0.
    pub peak: f64,
}

impl Loudness {
    /// What phones and streaming services expect: -16 LUFS, as AES TD1008 recommends for sound on mobile devices, and -1 dBTP.
    pub const STREAMING: Self = Self { integrated: -16.0, peak: -1.0 };

    /// Tells whether both values are in their ranges.
    pub(super) fn is_sensible(&self) -> bool {
        let within = |value: f64, [least, most]: [f64; 2]| (least..=most).contains(&value);
        within(self.integrated, LOUDNESS) && within(self.peak, PEAK)
    }
}

/// What becomes of the loudness of the sound.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum LoudnessChoice {
    /// [`Loudness::STREAMING`] where a package of CMAF tracks is wanted; elsewhere it stays.
    #[default]
    Auto,
    /// It stays.
    Off,
    /// It becomes this.
    At(Loudness),
}

impl LoudnessChoice {
    /// Decides for renditions in these forms.
    pub(super) fn decide(self, formats: &Formats) -> Option<Loudness> {
        match self {
            Self::Auto => formats.cmaf.map(|_| Loudness::STREAMING),
            Self::Off => None,
            Self::At(loudness) => Some(loudness),
        }
    }
}
