//! Choices that a plan is made from.

use super::denoise::{Denoise, MOST_NOISE};
use super::fields::Deinterlace;
use super::formats::{Formats, OPUS_NEEDS};
use super::loudness::{LOUDNESS, LoudnessChoice, PEAK};
use super::pictures::Pictures;
use super::rates::{PerRung, is_vmaf};
use super::track::Shot;
use super::upscale::UpscaleChoice;
use crate::analyse::Analysis;
use crate::burn_in::{BurnIn, FontChoice};
use crate::encode::{self, EncoderChoice, EncoderKind};
use crate::error::{Error, Result};
use crate::geometry::Rational;
use crate::ladder::Ladder;
use crate::machine;
use crate::picture::tone::LookFile;
use crate::sidecar::SubtitleFile;
use crate::source::{SoundForm, TextSelector};

/// Choices that a plan is made from; everything else follows from the source.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PlanOptions {
    /// Output sizes.
    pub ladder: Ladder,
    /// Where the window stands, or that it follows what is seen.
    pub crop: CropChoice,
    /// What becomes of two people who do not fit into one window, where it follows what is seen.
    pub two_shots: TwoShots,
    /// What becomes of subtitles and captions that are part of the picture, where it follows what is seen.
    pub subtitles: Subtitles,
    /// What makes the AV1 streams.
    pub encoder: EncoderChoice,
    /// Settings by the encoder's own names, which win over those here.
    pub encoder_options: Vec<(String, String)>,
    /// From 0 (slowest, smallest files) to 10 (fastest).
    pub speed: u8,
    /// From 0 (worst) to 100 (best).
    pub quality: u8,
    /// Mean VMAF for which the qualities of segments are chosen, from 1 to 100; where there is none, `quality` holds.
    pub target_vmaf: PerRung<f64>,
    /// Bits of video a second that are not exceeded in any 6 seconds, at least 1.
    pub max_bitrate: PerRung<u64>,
    /// Seconds from one key frame to the next, above zero.
    pub keyframe_interval: Rational,
    /// Seconds of the film's first segment, above zero and no more than those of the others ([`super::Cmaf::segment`]); none where it is as
    /// long as they are.
    pub first_segment: Option<Rational>,
    /// Bits of the output's samples.
    pub depth: DepthChoice,
    /// Cores that threads are chosen for, at least 1, where an encoder's threads change what it makes.
    pub cores: usize,
    /// What was seen in the source, for [`CropChoice::Auto`]; none to have it looked at.
    pub analysis: Option<Analysis>,
    /// How interlaced and telecined pictures are treated.
    pub deinterlace: Deinterlace,
    /// What becomes of noise and grain.
    pub denoise: Denoise,
    /// What becomes of high dynamic range.
    pub dynamic_range: DynamicRange,
    /// What becomes of standard dynamic range in other primaries than those of BT.709.
    pub gamut: Gamut,
    /// A studio's own look, for renditions in BT.709.
    pub look: Option<LookFile>,
    /// How windows are enlarged that have fewer samples than a rendition has pixels.
    pub upscale: UpscaleChoice,
    /// Text that becomes part of the pictures; none for none.
    pub burn_in: Option<BurnInChoice>,
    /// Forms in which the renditions are written.
    pub formats: Formats,
    /// Pictures that are made beside them.
    pub pictures: Pictures,
    /// What becomes of the loudness of the sound.
    pub loudness: LoudnessChoice,
    /// Files of subtitles that lie beside the source: a track of text each.
    pub subtitle_files: Vec<SubtitleFile>,
    /// Shots of an earlier plan; those of them that are locked stay as they are.
    pub earlier: Vec<Shot>,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self {
            ladder: Ladder::default(),
            crop: CropChoice::Auto,
            two_shots: TwoShots::Cut,
            subtitles: Subtitles::Auto,
            encoder: EncoderChoice::Named(EncoderKind::Rav1e),
            encoder_options: Vec::new(),
            speed: 8,
            quality: 60,
            target_vmaf: PerRung::default(),
            max_bitrate: PerRung::default(),
            keyframe_interval: Rational { num: 2, den: 1 },
            first_segment: None,
            depth: DepthChoice::Auto,
            cores: machine::cores(),
            analysis: None,
            deinterlace: Deinterlace::Auto,
            denoise: Denoise::Off,
            dynamic_range: DynamicRange::Auto,
            gamut: Gamut::Keep,
            look: None,
            upscale: UpscaleChoice::Lanczos,
            burn_in: None,
            formats: Formats::default(),
            pictures: Pictures::default(),
            loudness: LoudnessChoice::Auto,
            subtitle_files: Vec::new(),
            earlier: Vec::new(),
        }
    }
}

/// Gives every option a method that sets it.
macro_rules! builders {
    ($($name:ident: $type:ty),+ $(,)?) => {
        impl PlanOptions {
            $(
                #[doc = concat!("Sets [`PlanOptions::", stringify!($name), "`].")]
                #[must_use]
                pub fn $name(mut self, $name: $type) -> Self {
                    self.$name = $name;
                    self
                }
            )+
        }
    };
}

builders! {
    ladder: Ladder,
    crop: CropChoice,
    two_shots: TwoShots,
    subtitles: Subtitles,
    encoder: EncoderChoice,
    encoder_options: Vec<(String, String)>,
    speed: u8,
    quality: u8,
    target_vmaf: PerRung<f64>,
    max_bitrate: PerRung<u64>,
    keyframe_interval: Rational,
    first_segment: Option<Rational>,
    depth: DepthChoice,
    cores: usize,
    analysis: Option<Analysis>,
    deinterlace: Deinterlace,
    denoise: Denoise,
    dynamic_range: DynamicRange,
    gamut: Gamut,
    look: Option<LookFile>,
    upscale: UpscaleChoice,
    burn_in: Option<BurnInChoice>,
    formats: Formats,
    pictures: Pictures,
    loudness: LoudnessChoice,
    subtitle_files: Vec<SubtitleFile>,
    earlier: Vec<Shot>,
}

impl PlanOptions {
    /// Checks what needs no source to be checked.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] naming the value that is out of its range.
    pub fn validate(&self) -> Result<()> {
        let centre = self.crop.centre();
        if !(0.0..=1.0).contains(&centre) {
            return Err(Error::invalid("crop", centre, "the window's centre must be from 0 to 1"));
        }
        if let Denoise::Level(level) = self.denoise
            && !(1..=MOST_NOISE).contains(&level)
        {
            return Err(Error::invalid("denoise", level, format!("must be from 1 to {MOST_NOISE}, or auto, or off")));
        }
        encode::check_speed_and_quality(self.speed, self.quality)?;
        let rungs = self.ladder.rungs();
        self.target_vmaf.check("target VMAF", rungs, |&vmaf| is_vmaf(vmaf), "must be from 1 to 100")?;
        self.max_bitrate.check("max bitrate", rungs, |&bits| bits > 0, "must be at least 1 bit a second")?;
        if self.keyframe_interval.num <= 0 {
            let interval = self.keyframe_interval.as_f64();
            return Err(Error::invalid("key frame interval", interval, "must be above 0 seconds"));
        }
        if !self.formats.mp4 && self.formats.cmaf.is_none() {
            return Err(Error::invalid("format", "none", "must be mp4, cmaf, or both"));
        }
        if let Some(cmaf) = self.formats.cmaf.filter(|cmaf| cmaf.intervals(self.keyframe_interval).is_none()) {
            let why =
                format!("must be a multiple of the interval of key frames, {} s", self.keyframe_interval.as_f64());
            return Err(Error::invalid("segment duration", cmaf.segment.as_f64(), why));
        }
        if self.formats.cmaf.is_some_and(|cmaf| cmaf.opus) && self.loudness.decide(&self.formats).is_none() {
            return Err(Error::invalid("Opus", "", OPUS_NEEDS));
        }
        let longest = self.formats.cmaf.map_or(f64::INFINITY, |cmaf| cmaf.segment.as_f64());
        if let Some(first) = self.first_segment.filter(|first| first.num <= 0 || first.as_f64() > longest) {
            let why = format!("must be above 0 s, and no more than a segment lasts, {longest} s");
            return Err(Error::invalid("first segment", first.as_f64(), why));
        }
        if let LoudnessChoice::At(loudness) = self.loudness
            && !loudness.is_sensible()
        {
            let ([quiet, loud], [low, high]) = (LOUDNESS, PEAK);
            let value = format!("{} LUFS, {} dBTP", loudness.integrated, loudness.peak);
            let why = format!("must be from {quiet} to {loud} LUFS, with true peaks from {low} to {high} dBTP");
            return Err(Error::invalid("loudness", value, why));
        }
        Ok(())
    }

    /// Says how a source is to be opened ([`crate::source::OpenOptions::sound`]) so that it gives the sound that is wanted.
    pub fn sound_form(&self) -> SoundForm {
        SoundForm { cmaf: self.formats.cmaf.is_some(), to_level: self.loudness.decide(&self.formats).is_some() }
    }
}

/// Where the window stands along the picture's width. It is moved inside the picture where it would stick out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CropChoice {
    /// Where people are, shot by shot; in the middle where the source cannot be looked at beforehand.
    Auto,
    /// In the middle.
    Center,
    /// At the left edge.
    Left,
    /// At the right edge.
    Right,
    /// With its centre at this fraction of the picture's width, from 0 to 1.
    At(f64),
}

impl CropChoice {
    /// Fraction of the picture's width at which the window's centre is wanted.
    pub fn centre(self) -> f64 {
        match self {
            Self::Auto | Self::Center => 0.5,
            Self::Left => 0.0,
            Self::Right => 1.0,
            Self::At(centre) => centre,
        }
    }
}

/// What becomes of two people who do not fit into one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TwoShots {
    /// The one who matters more is held; the window cuts to the other where that one does.
    Cut,
    /// They are shown one above the other, where both are there for most of the shot and near enough to the camera; else as with
    /// [`TwoShots::Cut`].
    Stack,
    /// All of the picture is shown, over itself out of focus.
    Fit,
}

/// What becomes of subtitles and captions that are part of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subtitles {
    /// They are left where they are, and are cut off where the window does.
    Off,
    /// Those that the window cuts off are lifted out of the picture and laid into it, as wide as the renditions.
    Auto,
    /// All are.
    Keep,
}

/// Text that becomes part of the pictures.
#[derive(Clone, Debug, PartialEq)]
pub enum BurnInChoice {
    /// That of a track of the source.
    Track {
        /// Which track.
        track: TextSelector,
        /// The font that is tried first; none for the usual one of this machine.
        font: Option<FontChoice>,
    },
    /// What was read of it already, with its fonts; see [`crate::pipeline::read_text`].
    Text(BurnIn),
}

impl BurnInChoice {
    /// Gives what was read already.
    pub fn text(&self) -> Option<&BurnIn> {
        match self {
            Self::Track { .. } => None,
            Self::Text(text) => Some(text),
        }
    }
}

/// What becomes of high dynamic range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DynamicRange {
    /// It stays, unless 8 bits are asked for, in which it cannot be.
    Auto,
    /// It stays.
    Keep,
    /// It becomes standard dynamic range in BT.709.
    Sdr,
    /// There is a rendition of each size of either.
    Both,
}

/// What becomes of standard dynamic range in other primaries than those of BT.709.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gamut {
    /// It stays in them.
    Keep,
    /// It is converted to BT.709.
    Bt709,
}

/// Bits of the output's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepthChoice {
    /// As the source: 8 stays 8, more becomes 10; high dynamic range is always 10.
    Auto,
    /// 8, dithered where the source has more; not for high dynamic range.
    Eight,
    /// 10.
    Ten,
}
