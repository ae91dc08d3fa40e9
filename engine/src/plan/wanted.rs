//! What is wanted of a source: all that a person may edit.

use super::converted::ConvertedColour;
use super::denoise::WantedDenoise;
use super::fields::{FieldMake, FieldRun};
use super::formats::Formats;
use super::loudness::Loudness;
use super::pictures::Pictures;
use super::rates::{LeftOutRung, RungRate};
use super::segments::{KeyFrameRule, Segmentation};
use super::track::Shot;
use super::upscale::Upscale;
use crate::burn_in::BurnIn;
use crate::cadence::Cadence;
use crate::encode::EncoderKind;
use crate::frame::Depth;
use crate::geometry::{Rational, Size};
use crate::sidecar::SubtitleFile;
use crate::source::{AudioTake, Chapter, Role, SoundForm, SourceInfo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is wanted of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The ladder: sizes of the renditions in pixels, all of one shape. Sides are even, from 16 to 16384.
    pub rungs: Vec<Size>,
    /// Bits of the renditions' samples: 8 or 10; high dynamic range needs 10, and where it is there too has them.
    pub depth: Depth,
    /// The shots, at least one, in the order of the film, without gap from time 0 to its end.
    pub shots: Vec<Shot>,
    /// What is made of the fields of its frames, in the order of the film; empty where frames are taken as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldRun>,
    /// Noise that is taken out; none where it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denoise: Option<WantedDenoise>,
    /// Conversion of colours to BT.709; none where they stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<ConvertedColour>,
    /// How windows are enlarged that have fewer samples than a rendition has pixels.
    #[serde(default, skip_serializing_if = "Upscale::is_lanczos")]
    pub upscale: Upscale,
    /// Text that becomes part of the pictures; none where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burn_in: Option<BurnIn>,
    /// Which frames are key frames, the same in every rendition.
    pub key_frames: KeyFrameRule,
    /// The parts that are encoded by themselves, the same in every rendition.
    pub segments: Segmentation,
    /// How the encoder is set, for all rungs and segments.
    pub encoder: WantedEncoder,
    /// What each rendition may cost and how good its segments are, in the order of the renditions; empty where the encoder's quality
    /// holds everywhere, without a limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<RungRate>,
    /// Sizes that were asked for and are not made. For people to read: changing it changes nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOutRung>,
    /// The sound, a track each, the default one first; none for renditions without. At most 32.
    pub audio: Vec<WantedAudio>,
    /// How loud the sound is that is converted; none where it stays as it is. Then all of one or two channels is converted, and of
    /// the other what cannot be copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loudness: Option<Loudness>,
    /// Files of subtitles that lie beside the source: a track of text each, numbered behind the source's own. At most 99.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subtitles: Vec<SubtitleFile>,
    /// Forms in which the renditions are written.
    #[serde(default, skip_serializing_if = "Formats::is_default")]
    pub formats: Formats,
    /// Pictures that are made beside them.
    #[serde(default, skip_serializing_if = "Pictures::is_none")]
    pub pictures: Pictures,
    /// Title of the renditions.
    pub title: Option<String>,
    /// ISO 639-2 language of the picture.
    pub language: Option<String>,
    /// Chapters, on the output's time line, in rising order.
    pub chapters: Vec<Chapter>,
}

impl Wanted {
    /// Tells whether pictures are made of fields, and not of whole frames alone.
    pub(crate) fn makes_fields(&self) -> bool {
        self.fields.iter().any(|run| run.make != FieldMake::Keep)
    }

    /// Computes the nominal rate: that of what lasts longest, as far as the container tells how long the last run is.
    pub(super) fn frame_rate(&self, found: &SourceInfo) -> Rational {
        let source = found.video.frame_rate;
        let of = |run: &FieldRun| match (run.make, run.cadence) {
            (FieldMake::Fields, _) => Rational::new(source.num.saturating_mul(2), source.den),
            (FieldMake::Film, Cadence::Telecined) => {
                Rational::new(source.num.saturating_mul(4), source.den.saturating_mul(5))
            }
            _ => source,
        };
        let end = found.duration.unwrap_or(f64::INFINITY);
        let mut rates: Vec<(Rational, f64)> = Vec::new();
        for (index, run) in self.fields.iter().enumerate() {
            let until = self.fields.get(index + 1).map_or(end, |next| next.start.seconds().as_f64());
            let (rate, lasts) = (of(run), (until - run.start.seconds().as_f64()).max(0.0));
            match rates.iter_mut().find(|(known, _)| *known == rate) {
                Some((_, sum)) => *sum += lasts,
                None => rates.push((rate, lasts)),
            }
        }
        rates.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(source, |(rate, _)| rate)
    }

    /// Says how a source gives the sound that is wanted of it.
    pub(super) fn sound_form(&self) -> SoundForm {
        SoundForm { cmaf: self.formats.cmaf.is_some(), to_level: self.loudness.is_some() }
    }

    /// Frames of the film, as far as the container tells; none where it was not read to its end.
    pub(super) fn frames(&self) -> Option<u64> {
        match &self.segments {
            Segmentation::List(list) => Some(list.iter().map(|segment| segment.frames).sum()),
            Segmentation::AsDecoded { .. } => None,
        }
    }
}

/// How the encoder is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedEncoder {
    /// Its name: `rav1e`, one of libavcodec's such as `libsvtav1`, or `pipe:PROFILE`.
    pub kind: EncoderKind,
    /// From 0 (slowest) to 10 (fastest).
    pub speed: u8,
    /// From 0 (worst) to 100 (best), but where `rates` has qualities of segments.
    pub quality: u8,
    /// Threads of each encoder, one for every rung and segment, at least 1. With some encoders they decide on what comes
    /// out.
    pub threads: usize,
    /// Settings by the encoder's own names, which win over all that is said here.
    pub options: Vec<(String, String)>,
}

/// A track of sound that is wanted. It is copied where the forms of the renditions can hold it as it is, and becomes AAC elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedAudio {
    /// Number among the source's audio tracks, from 1.
    pub track: usize,
    /// Number of the track that is the right channel, where `track` is the left.
    pub right: Option<usize>,
    /// Whether it is mixed down to two channels, by ITU-R BS.775: `L = FL + 0.7071 FC + 0.7071 SL`, R likewise, without the
    /// low-frequency channel, and both divided by the sum of these levels.
    #[serde(default)]
    pub stereo: bool,
    /// ISO 639-2 language.
    pub language: Option<String>,
    /// Title of the track.
    pub title: Option<String>,
    /// What it is for, besides being the film's sound.
    #[serde(default)]
    pub roles: Vec<Role>,
}

impl WantedAudio {
    /// Says what it is made of.
    pub fn take(&self) -> AudioTake {
        AudioTake { track: self.track, right: self.right, stereo: self.stereo }
    }
}
