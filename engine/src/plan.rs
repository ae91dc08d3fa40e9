//! The plan: everything that will be done, decided before anything is written.
//!
//! A [`Plan`] is plain data. Its JSON form is described by the documentation of the fields here, which appear in it in
//! the order of their declaration; fractions are text (`"30000/1001"`), absent values are `null`, and [`Plan::version`]
//! rises when a field changes its meaning.

use crate::av1;
use crate::colour::{ChromaSite, Colour, HdrMetadata, Siting, cicp};
use crate::encode::{self, EncoderCapabilities, EncoderChoice, EncoderKind, EncoderSettings, KeyFrameControl};
use crate::error::{Error, Result};
use crate::fingerprint::{Fingerprint, Sha256Hex};
use crate::frame::{Depth, FrameFormat, Subsampling};
use crate::geometry::{Rational, Size, Upright, Window};
use crate::ladder::{Ladder, ROUNDING};
use crate::machine;
use crate::scale::ScaleSpec;
use crate::source::{Assumption, PassedOver, SourceInfo, Span};
use serde::Serialize;
use std::num::NonZeroU32;

/// Version of the plan's JSON form.
pub const VERSION: u32 = 1;
/// What a person decides about a conversion.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanOptions {
    /// Output sizes.
    pub ladder: Ladder,
    /// Where the window stands.
    pub crop: CropChoice,
    /// What makes the AV1 streams.
    pub encoder: EncoderChoice,
    /// Settings by the encoder's own names, which win over those here.
    pub encoder_options: Vec<(String, String)>,
    /// From 0 (slowest, smallest files) to 10 (fastest).
    pub speed: u8,
    /// From 0 (worst) to 100 (best).
    pub quality: u8,
    /// Seconds from one key frame to the next, above zero.
    pub keyframe_interval: Rational,
    /// Bits of the output's samples.
    pub depth: DepthChoice,
    /// Cores that the plan is for, at least 1: they decide on threads.
    pub cores: usize,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self {
            ladder: Ladder::default(),
            crop: CropChoice::Center,
            encoder: EncoderChoice::Named(EncoderKind::Rav1e),
            encoder_options: Vec::new(),
            speed: 8,
            quality: 60,
            keyframe_interval: Rational { num: 2, den: 1 },
            depth: DepthChoice::Auto,
            cores: machine::cores(),
        }
    }
}

impl PlanOptions {
    /// # Errors
    /// [`Error::Options`] naming the value that is out of its range.
    pub fn validate(&self) -> Result<()> {
        let centre = self.crop.centre();
        if !(0.0..=1.0).contains(&centre) {
            return Err(Error::Options(format!("crop {centre}: the window's centre must be from 0 to 1")));
        }
        encode::check_speed_and_quality(self.speed, self.quality)?;
        if self.keyframe_interval.num <= 0 {
            let interval = self.keyframe_interval.as_f64();
            return Err(Error::Options(format!("key frame interval {interval} seconds: must be above 0")));
        }
        Ok(())
    }
}

/// Where the window stands along the picture's width. It is moved inside the picture where it would stick out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CropChoice {
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
            Self::Center => 0.5,
            Self::Left => 0.0,
            Self::Right => 1.0,
            Self::At(centre) => centre,
        }
    }
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

/// Everything that will be done to one source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// [`VERSION`].
    pub version: u32,
    /// Which source, and how much of it.
    pub source: PlannedSource,
    /// The picture as it is meant to be seen; windows are measured in it.
    pub picture: Upright,
    /// Width over height of every window.
    pub shape: Rational,
    /// The renditions to make.
    pub rungs: Vec<PlannedRung>,
    /// What is shown, in the order of the film: the shots follow one another without gap from frame 0 on.
    pub shots: Vec<Shot>,
    /// Where key frames are, the same in every rendition.
    pub key_frames: KeyFrameRule,
    /// What is encoded by itself, the same in every rendition.
    pub segments: SegmentRule,
    /// How the encoder is set, for all rungs.
    pub encoder: PlannedEncoder,
    /// Samples that come from the decoder.
    pub video_in: PlannedVideoIn,
    /// Samples that go into the renditions.
    pub video_out: PlannedVideoOut,
    /// The sound, when there is any.
    pub audio: Option<PlannedAudio>,
    /// What the file did not say and had to be assumed.
    pub assumptions: Vec<Assumption>,
    /// Streams of the source that are not carried over.
    pub passed_over: Vec<PassedOver>,
}

/// Which source a plan is for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedSource {
    /// What it is known by; none for a URL, which is known by what was found in it alone.
    pub fingerprint: Option<Fingerprint>,
    /// libav's name of the container format.
    pub container: String,
    /// Declared duration in seconds, when the container has one.
    pub duration: Option<f64>,
    /// Index of the video stream in the container.
    pub video_stream: usize,
    /// How much of it is wanted.
    pub span: Span,
}

/// One rendition to make.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedRung {
    /// Its size in pixels.
    pub size: Size,
    /// The AV1 level that its size and frame rate ask for, as `seq_level_idx`: 8 is level 4.0, 9 is 4.1.
    pub level: u8,
    /// Whether the window has fewer samples than the rung has pixels, by more than rounding, along an axis in some shot.
    pub upscaled: bool,
}

/// A run of frames between two cuts, and the window's way through it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shot {
    /// Its first frame, counted from 0 in the output.
    pub start: u64,
    /// The frame after its last; none for the end of the film.
    pub end: Option<u64>,
    /// The crop track: at least one position, the first at `start`, in rising order of `frame`; each holds until the
    /// next.
    pub track: Vec<KeyPosition>,
}

/// Where the window stands from a frame on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct KeyPosition {
    /// Number of the frame in the output.
    pub frame: u64,
    /// The window in the upright picture (square pixels).
    pub window: Window,
}

/// Key frames are the first frame, and the first frame at or after each multiple of the interval, in presentation
/// time since the first frame. With an encoder that can only count, they are every so many frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KeyFrameRule {
    /// Seconds, above zero.
    pub interval: Rational,
    /// Frames from one to the next, at least 2, where they are counted: the interval at the nominal rate.
    pub frames: Option<NonZeroU32>,
}

impl KeyFrameRule {
    fn new(encoder: &EncoderCapabilities, interval: Rational, frame_rate: Rational) -> Self {
        let counted = encoder.key_frames == KeyFrameControl::Counted;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to what a film can have")]
        let frames = || (interval.as_f64() * frame_rate.as_f64()).round().clamp(2.0, 1e6) as u32;
        Self { interval, frames: counted.then(frames).and_then(NonZeroU32::new) }
    }
}

/// A segment is what an encoder is opened for: a run of frames from one key frame up to another. Segments are encoded side
/// by side; none knows of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SegmentRule {
    /// Key frames in each, the last one's excepted; none when the whole film is one segment.
    pub key_frames: Option<NonZeroU32>,
}

/// How the encoder is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedEncoder {
    /// Which one.
    pub kind: EncoderKind,
    /// From 0 (slowest) to 10 (fastest).
    pub speed: u8,
    /// From 0 (worst) to 100 (best).
    pub quality: u8,
    /// Threads of each encoder, one for every rung and segment: they decide on its tiles, and so on what comes out.
    pub threads: usize,
    /// Settings by the encoder's own names.
    pub options: Vec<(String, String)>,
}

/// What the samples of the source are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PlannedVideoIn {
    /// Of the frames that the decoder delivers.
    pub format: FrameFormat,
    /// Tags, guessed where the file has none.
    pub colour: Colour,
}

/// What the samples of the renditions are; always 4:2:0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PlannedVideoOut {
    /// 8 or 10 bits.
    pub depth: Depth,
    /// Tags: the source's, but for chroma samples where AV1 cannot have them.
    pub colour: Colour,
    /// Metadata of high dynamic range.
    pub hdr: HdrMetadata,
    /// Ticks of every timestamp.
    pub time_base: Rational,
    /// Nominal frames a second.
    pub frame_rate: Rational,
}

/// What becomes of the sound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedAudio {
    /// Number among the source's audio tracks, from 1.
    pub track: usize,
    /// libav's name of the source's codec.
    pub codec: String,
    /// Whether the packets are copied; otherwise they are converted to AAC.
    pub copied: bool,
}

impl PlannedSource {
    fn of(source: &SourceInfo) -> Self {
        Self {
            fingerprint: source.fingerprint.clone(),
            container: source.container.clone(),
            duration: source.duration,
            video_stream: source.video.stream,
            span: source.span,
        }
    }
}

impl PlannedAudio {
    fn of(source: &SourceInfo) -> Option<Self> {
        let audio = source.audio.get(source.audio_kept?)?;
        Some(Self { track: audio.track, codec: audio.codec.clone(), copied: source.audio_copied })
    }
}

impl Plan {
    /// Whether `source` is the one that the plan was made from, as far as can be told: by its fingerprint and by all that
    /// was found in it.
    ///
    /// # Errors
    /// [`Error::OtherSource`] that says what is not as it was.
    pub fn check_source(&self, source: &SourceInfo) -> Result<()> {
        let Self { picture, video_in, video_out, audio, .. } = self;
        let (planned, found, video) = (&self.source, PlannedSource::of(source), &source.video);
        let ticks = (video_out.time_base, video_out.frame_rate) == (video.time_base, video.frame_rate);
        let same = [
            ("content", planned.fingerprint == found.fingerprint),
            ("container", planned.container == found.container),
            ("duration", planned.duration == found.duration),
            ("video stream", planned.video_stream == found.video_stream),
            ("part that is asked for", planned.span == found.span),
            ("picture", *picture == video.upright && video_in.format == video.format),
            ("colour", video_in.colour == video.colour && video_out.hdr == video.hdr),
            ("frame rate", ticks),
            ("sound", *audio == PlannedAudio::of(source)),
        ];
        let different = same.into_iter().find(|(_, same)| !same);
        different.map_or(Ok(()), |(what, _)| Err(Error::OtherSource { name: source.name.clone(), what }))
    }

    /// Decides everything about the conversion of a source.
    ///
    /// # Errors
    /// [`Error::Options`] when an option is out of its range; [`Error::NotInSource`] when it cannot be had from this
    /// source; [`Error::Io`] when the profile of an encoder cannot be read.
    pub fn new(source: &SourceInfo, options: &PlanOptions) -> Result<Self> {
        options.validate()?;
        let video = &source.video;
        let shape = options.ladder.shape();
        let window = video.upright.largest_window(shape, (options.crop.centre(), 0.5));
        let samples = video.upright.to_grid(window);
        let rung = |&size: &Size| PlannedRung {
            size,
            level: av1::level_for(size, video.frame_rate),
            upscaled: f64::from(size.width) - samples.width > ROUNDING
                || f64::from(size.height) - samples.height > ROUNDING,
        };
        let sizes = options.ladder.rungs();
        let encoder = match &options.encoder {
            EncoderChoice::Auto => encode::fastest(sizes),
            EncoderChoice::Named(kind) => kind.clone(),
        };
        sizes.iter().try_for_each(|&size| encoder.check_size(size))?;
        let capabilities = encoder.capabilities(options.cores)?;
        Ok(Self {
            version: VERSION,
            source: PlannedSource::of(source),
            picture: video.upright,
            shape,
            rungs: sizes.iter().map(rung).collect(),
            shots: vec![Shot { start: 0, end: None, track: vec![KeyPosition { frame: 0, window }] }],
            key_frames: KeyFrameRule::new(&capabilities, options.keyframe_interval, video.frame_rate),
            segments: SegmentRule { key_frames: capabilities.segment_key_frames },
            encoder: PlannedEncoder {
                threads: capabilities.threads,
                kind: encoder,
                speed: options.speed,
                quality: options.quality,
                options: options.encoder_options.clone(),
            },
            video_in: PlannedVideoIn { format: video.format, colour: video.colour },
            video_out: PlannedVideoOut {
                depth: output_depth(video.depth, &video.colour, options.depth)?,
                colour: Colour { chroma: output_chroma(&video.colour), ..video.colour },
                hdr: video.hdr,
                time_base: video.time_base,
                frame_rate: video.frame_rate,
            },
            audio: PlannedAudio::of(source),
            assumptions: source.assumptions.clone(),
            passed_over: source.passed_over.clone(),
        })
    }

    /// The plan in one line of JSON, the same for equal plans.
    ///
    /// # Errors
    /// None for any plan that [`Plan::new`] makes; [`Error::Misuse`] for one whose numbers JSON cannot hold.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::Misuse(format!("the plan cannot be written: {error}")))
    }

    /// The SHA-256 of [`Plan::to_json`]: equal for plans that do the same to the same source, wherever it lies.
    ///
    /// # Errors
    /// As [`Plan::to_json`].
    pub fn hash(&self) -> Result<Sha256Hex> {
        Ok(Sha256Hex::of(self.to_json()?.as_bytes()))
    }

    /// The window of a frame of the output, in samples of the upright grid.
    pub fn grid_window(&self, frame: u64) -> Option<Window> {
        let after = self.shots.partition_point(|shot| shot.start <= frame);
        let track = &self.shots[..after].last()?.track;
        let after = track.partition_point(|position| position.frame <= frame);
        Some(self.picture.to_grid(track[..after].last()?.window))
    }

    /// What a scaler for this plan is built for.
    pub fn scale_spec(&self) -> ScaleSpec {
        ScaleSpec {
            source: self.video_in.format,
            source_chroma: self.video_in.colour.chroma,
            full_range: self.video_in.colour.full_range,
            rungs: self.rungs.iter().map(|rung| self.rung_format(rung.size)).collect(),
            rung_chroma: self.video_out.colour.chroma,
        }
    }

    /// What the encoder of a rung is opened with.
    pub fn encoder_settings(&self, size: Size) -> EncoderSettings {
        let Self { encoder, video_out, .. } = self;
        EncoderSettings {
            kind: encoder.kind.clone(),
            size,
            depth: video_out.depth,
            colour: video_out.colour,
            hdr: video_out.hdr,
            time_base: video_out.time_base,
            frame_rate: video_out.frame_rate,
            speed: encoder.speed,
            quality: encoder.quality,
            threads: encoder.threads,
            key_frame_distance: self.key_frames.frames,
            options: encoder.options.clone(),
        }
    }

    /// Ticks of a frame at the nominal rate, at least 1.
    pub fn frame_ticks(&self) -> i64 {
        let (ticks, rate) = (self.video_out.time_base, self.video_out.frame_rate);
        (rate.den.saturating_mul(ticks.den) / rate.num.saturating_mul(ticks.num).max(1)).max(1)
    }

    /// Frames of a segment at the nominal rate; one where the whole film is a segment.
    pub fn segment_frames(&self) -> usize {
        let seconds =
            self.key_frames.interval.as_f64() * f64::from(self.segments.key_frames.map_or(0, NonZeroU32::get));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to what a film can have")]
        let frames = (seconds * self.video_out.frame_rate.as_f64()).ceil().clamp(1.0, 1e6) as usize;
        frames
    }

    /// All windows of all shots, in samples of the upright grid.
    pub fn grid_windows(&self) -> impl Iterator<Item = Window> {
        self.shots.iter().flat_map(|shot| &shot.track).map(|position| self.picture.to_grid(position.window))
    }

    /// What the frames of a rung are.
    pub fn rung_format(&self, size: Size) -> FrameFormat {
        FrameFormat {
            width: size.width,
            height: size.height,
            subsampling: Subsampling::CS420,
            depth: self.video_out.depth,
        }
    }
}

fn output_depth(source: Depth, colour: &Colour, choice: DepthChoice) -> Result<Depth> {
    match (choice, colour.is_hdr(), source) {
        (DepthChoice::Eight, true, _) => {
            let why = "bit depth 8: the source is of high dynamic range, which needs 10; choose auto or 10";
            Err(Error::not_in_source(why))
        }
        (DepthChoice::Eight, false, _) | (DepthChoice::Auto, false, Depth::Eight) => Ok(Depth::Eight),
        (DepthChoice::Auto | DepthChoice::Ten, _, _) => Ok(Depth::Ten),
    }
}

/// AV1 signals left or top-left and no other. Top-left is what BT.2020 asks for (ITU-R BT.2020-2, chroma subsampling lattice); anything
/// else moves to left, MPEG's default.
fn output_chroma(source: &Colour) -> ChromaSite {
    let wide = source.is_hdr() || source.primaries == cicp::BT2020;
    let top_left = source.chroma.x == Siting::Start && source.chroma.y == Siting::Start;
    if wide || top_left { ChromaSite::TOP_LEFT } else { ChromaSite::LEFT }
}

#[cfg(test)]
pub(crate) mod tests;
