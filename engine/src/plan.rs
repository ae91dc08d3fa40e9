//! The plan: everything that will be done, decided before anything is written.
//!
//! A [`Plan`] is plain data. Its JSON form is described by the documentation of the fields here, which appear in it in
//! the order of their declaration; fractions are text (`"30000/1001"`), absent values are `null`, and [`Plan::version`]
//! rises when a field changes its meaning.

use crate::colour::{ChromaSite, Colour, HdrMetadata, Siting, cicp};
use crate::encode::EncoderKind;
use crate::error::{Error, Result};
use crate::fingerprint::{Fingerprint, Sha256Hex};
use crate::frame::{Depth, FrameFormat};
use crate::geometry::{Rational, Size, Upright, Window};
use crate::ladder::{Ladder, ROUNDING};
use crate::media::{Assumption, SourceInfo, Span};
use serde::Serialize;

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
    pub encoder: EncoderKind,
    /// From 0 (slowest, smallest files) to 10 (fastest).
    pub speed: u8,
    /// From 0 (worst) to 100 (best).
    pub quality: u8,
    /// Seconds from one key frame to the next, above zero.
    pub keyframe_interval: Rational,
    /// Bits of the output's samples.
    pub depth: DepthChoice,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self {
            ladder: Ladder::default(),
            crop: CropChoice::Center,
            encoder: EncoderKind::Rav1e,
            speed: 8,
            quality: 60,
            keyframe_interval: Rational { num: 2, den: 1 },
            depth: DepthChoice::Auto,
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
        if self.speed > 10 {
            return Err(Error::Options(format!("speed {}: must be from 0 to 10", self.speed)));
        }
        if self.quality > 100 {
            return Err(Error::Options(format!("quality {}: must be from 0 to 100", self.quality)));
        }
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
}

/// Which source a plan is for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedSource {
    /// What the file is known by; none for what is no file.
    pub fingerprint: Option<Fingerprint>,
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
/// time since the first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KeyFrameRule {
    /// Seconds, above zero.
    pub interval: Rational,
}

/// How the encoder is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedEncoder {
    /// Which one.
    pub kind: EncoderKind,
    /// From 0 (slowest) to 10 (fastest).
    pub speed: u8,
    /// From 0 (worst) to 100 (best).
    pub quality: u8,
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

impl Plan {
    /// Decides everything about the conversion of a source.
    ///
    /// # Errors
    /// [`Error::Options`] when an option is out of its range or cannot be had from this source.
    pub fn new(source: &SourceInfo, options: &PlanOptions) -> Result<Self> {
        options.validate()?;
        let video = &source.video;
        let shape = options.ladder.shape();
        let window = video.upright.largest_window(shape, (options.crop.centre(), 0.5));
        let samples = video.upright.to_grid(window);
        let rung = |&size: &Size| PlannedRung {
            size,
            upscaled: f64::from(size.width) - samples.width > ROUNDING
                || f64::from(size.height) - samples.height > ROUNDING,
        };
        let audio = source.audio_kept.and_then(|index| source.audio.get(index));
        Ok(Self {
            version: VERSION,
            source: PlannedSource {
                fingerprint: source.fingerprint.clone(),
                video_stream: video.stream,
                span: source.span,
            },
            picture: video.upright,
            shape,
            rungs: options.ladder.rungs().iter().map(rung).collect(),
            shots: vec![Shot { start: 0, end: None, track: vec![KeyPosition { frame: 0, window }] }],
            key_frames: KeyFrameRule { interval: options.keyframe_interval },
            encoder: PlannedEncoder { kind: options.encoder, speed: options.speed, quality: options.quality },
            video_in: PlannedVideoIn { format: video.format, colour: video.colour },
            video_out: PlannedVideoOut {
                depth: output_depth(video.depth, &video.colour, options.depth)?,
                colour: Colour { chroma: output_chroma(&video.colour), ..video.colour },
                hdr: video.hdr,
                time_base: video.time_base,
                frame_rate: video.frame_rate,
            },
            audio: audio.map(|audio| PlannedAudio {
                track: audio.track,
                codec: audio.codec.clone(),
                copied: source.audio_copied,
            }),
            assumptions: source.assumptions.clone(),
        })
    }

    /// The plan in one line of JSON, the same for equal plans.
    ///
    /// # Errors
    /// None for any plan that [`Plan::new`] makes; [`Error::Options`] for one whose numbers JSON cannot hold.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::Options(format!("the plan cannot be written: {error}")))
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

    /// What the frames of a rung are.
    pub fn rung_format(&self, size: Size) -> FrameFormat {
        FrameFormat {
            width: size.width,
            height: size.height,
            subsampling: crate::frame::Subsampling::CS420,
            depth: self.video_out.depth,
        }
    }
}

fn output_depth(source: Depth, colour: &Colour, choice: DepthChoice) -> Result<Depth> {
    match (choice, colour.is_hdr(), source) {
        (DepthChoice::Eight, true, _) => {
            Err(Error::options("bit depth 8: the source is of high dynamic range, which needs 10; choose auto or 10"))
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
mod tests {
    use super::*;
    use crate::frame::Subsampling;
    use crate::geometry::Orientation;
    use crate::media::{AudioInfo, VideoInfo};

    const BT709: Colour = Colour {
        primaries: cicp::BT709,
        transfer: cicp::BT709,
        matrix: cicp::BT709,
        full_range: false,
        chroma: ChromaSite::LEFT,
    };
    const PQ: Colour = Colour {
        primaries: cicp::BT2020,
        transfer: cicp::PQ,
        matrix: cicp::BT2020,
        chroma: ChromaSite::TOP_LEFT,
        ..BT709
    };

    fn source(width: u32, height: u32) -> SourceInfo {
        let size = Size { width, height };
        SourceInfo {
            name: "film.mkv".to_owned(),
            container: "matroska,webm".to_owned(),
            bytes: Some(1000),
            fingerprint: Some(Fingerprint { bytes: 1000, sha256: Sha256Hex::of(b"film") }),
            span: Span::default(),
            duration: Some(60.0),
            title: None,
            chapters: Vec::new(),
            video: VideoInfo {
                stream: 0,
                codec: "h264".to_owned(),
                pixel_format: "yuv420p".to_owned(),
                stored: size,
                orientation: Orientation::UPRIGHT,
                upright: Upright { grid: size, sample_aspect: Rational::new(1, 1) },
                format: FrameFormat { width, height, subsampling: Subsampling::CS420, depth: Depth::Eight },
                colour: BT709,
                hdr: HdrMetadata::default(),
                time_base: Rational::new(1, 1000),
                frame_rate: Rational::new(25, 1),
                frames: None,
                depth: Depth::Eight,
                language: None,
                origin: 0,
            },
            audio: Vec::new(),
            audio_kept: None,
            audio_copied: false,
            assumptions: Vec::new(),
        }
    }

    fn plan(source: &SourceInfo, options: &PlanOptions) -> Plan {
        Plan::new(source, options).unwrap()
    }

    fn cropped(source: &SourceInfo, crop: CropChoice) -> Window {
        plan(source, &PlanOptions { crop, ..PlanOptions::default() }).grid_window(0).unwrap()
    }

    #[test]
    fn the_window_is_the_largest_and_stands_where_it_is_told() {
        let film = source(1920, 1080);
        let x = |crop| cropped(&film, crop).x;
        assert_eq!(x(CropChoice::Center), (1920.0 - 607.5) / 2.0);
        assert_eq!(x(CropChoice::Left), 0.0);
        assert_eq!(x(CropChoice::Right), 1920.0 - 607.5);
        assert_eq!(x(CropChoice::At(0.25)), 480.0 - 303.75);
        assert_eq!(x(CropChoice::At(0.99)), 1920.0 - 607.5);
        assert_eq!(cropped(&film, CropChoice::Center).height, 1080.0);
    }

    #[test]
    fn a_vertical_picture_is_scaled_whole() {
        let whole = Window { x: 0.0, y: 0.0, width: 1080.0, height: 1920.0 };
        for crop in [CropChoice::Center, CropChoice::Left, CropChoice::Right] {
            assert_eq!(cropped(&source(1080, 1920), crop), whole);
        }
    }

    #[test]
    fn wide_samples_narrow_the_window_on_the_grid() {
        let mut film = source(640, 360);
        film.video.upright.sample_aspect = Rational::new(2, 1);
        let window = cropped(&film, CropChoice::Right);
        assert_eq!((window.width, window.x + window.width), (101.25, 640.0));
    }

    #[test]
    fn the_ladders_shape_is_the_windows() {
        let options = PlanOptions { ladder: "1080x1350".parse().unwrap(), ..PlanOptions::default() };
        let window = plan(&source(1920, 1080), &options).grid_window(0).unwrap();
        assert_eq!((window.width, window.height), (864.0, 1080.0));
    }

    #[test]
    fn only_rungs_larger_than_the_window_are_upscaled() {
        let options = PlanOptions { ladder: "1080,720,608,540".parse().unwrap(), ..PlanOptions::default() };
        let upscaled: Vec<_> = plan(&source(1920, 1080), &options).rungs.iter().map(|rung| rung.upscaled).collect();
        assert_eq!(upscaled, [true, true, false, false], "608 is 607.5 rounded");
        let mut anamorphic = source(960, 1080);
        anamorphic.video.upright.sample_aspect = Rational::new(2, 1);
        let upscaled: Vec<_> = plan(&anamorphic, &options).rungs.iter().map(|rung| rung.upscaled).collect();
        assert_eq!(upscaled, [true; 4], "the window is 304 samples wide");
    }

    #[test]
    fn depth_follows_the_source_unless_it_is_chosen() {
        let out = |depth, colour, choice| {
            let mut film = source(1920, 1080);
            (film.video.depth, film.video.colour) = (depth, colour);
            Plan::new(&film, &PlanOptions { depth: choice, ..PlanOptions::default() }).map(|plan| plan.video_out.depth)
        };
        for (depth, colour, choice, expected) in [
            (Depth::Eight, BT709, DepthChoice::Auto, Depth::Eight),
            (Depth::Ten, BT709, DepthChoice::Auto, Depth::Ten),
            (Depth::Twelve, BT709, DepthChoice::Auto, Depth::Ten),
            (Depth::Eight, PQ, DepthChoice::Auto, Depth::Ten),
            (Depth::Twelve, BT709, DepthChoice::Eight, Depth::Eight),
            (Depth::Eight, BT709, DepthChoice::Ten, Depth::Ten),
            (Depth::Ten, PQ, DepthChoice::Ten, Depth::Ten),
        ] {
            assert_eq!(out(depth, colour, choice).unwrap(), expected, "{depth:?} {choice:?}");
        }
        assert!(matches!(out(Depth::Ten, PQ, DepthChoice::Eight), Err(Error::Options(_))));
    }

    #[test]
    fn chroma_is_left_or_top_left_and_tags_stay() {
        let out = |colour| {
            let mut film = source(1920, 1080);
            film.video.colour = colour;
            plan(&film, &PlanOptions::default()).video_out.colour
        };
        let sited = |chroma| Colour { chroma, ..BT709 };
        assert_eq!(out(BT709), BT709);
        assert_eq!(out(PQ), PQ);
        assert_eq!(out(sited(ChromaSite::TOP_LEFT)), sited(ChromaSite::TOP_LEFT));
        assert_eq!(out(sited(ChromaSite::CENTRE)), BT709);
        assert_eq!(out(sited(ChromaSite { x: Siting::Start, y: Siting::End })), BT709);
        let wide = Colour { primaries: cicp::BT2020, ..BT709 };
        assert_eq!(out(wide), Colour { chroma: ChromaSite::TOP_LEFT, ..wide });
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let default = PlanOptions::default;
        for (options, word) in [
            (PlanOptions { speed: 11, ..default() }, "speed 11"),
            (PlanOptions { quality: 101, ..default() }, "quality 101"),
            (PlanOptions { keyframe_interval: Rational::new(0, 1), ..default() }, "key frame interval 0"),
            (PlanOptions { keyframe_interval: Rational::new(-1, 2), ..default() }, "key frame interval -0.5"),
            (PlanOptions { crop: CropChoice::At(1.5), ..default() }, "crop 1.5"),
            (PlanOptions { crop: CropChoice::At(f64::NAN), ..default() }, "crop NaN"),
        ] {
            match Plan::new(&source(1920, 1080), &options) {
                Err(Error::Options(message)) => assert!(message.contains(word), "{message}"),
                other => panic!("{word}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_hash_knows_the_film_and_not_its_name() {
        let hash = |film: &SourceInfo, options: &PlanOptions| plan(film, options).hash().unwrap();
        let film = source(1920, 1080);
        let original = hash(&film, &PlanOptions::default());
        assert_eq!(
            hash(&SourceInfo { name: "/elsewhere/x".to_owned(), ..film.clone() }, &PlanOptions::default()),
            original
        );
        let other = SourceInfo {
            fingerprint: Some(Fingerprint { bytes: 1000, sha256: Sha256Hex::of(b"other") }),
            ..film.clone()
        };
        assert_ne!(hash(&other, &PlanOptions::default()), original);
        assert_ne!(hash(&film, &PlanOptions { quality: 61, ..PlanOptions::default() }), original);
        assert_ne!(hash(&film, &PlanOptions { crop: CropChoice::Left, ..PlanOptions::default() }), original);
    }

    #[test]
    fn a_track_holds_each_window_until_the_next() {
        let mut plan = plan(&source(1920, 1080), &PlanOptions::default());
        let at = |frame, x| KeyPosition { frame, window: Window { x, y: 0.0, width: 607.5, height: 1080.0 } };
        plan.shots = vec![
            Shot { start: 0, end: Some(10), track: vec![at(0, 1.0), at(4, 2.0)] },
            Shot { start: 10, end: None, track: vec![at(10, 3.0)] },
        ];
        let xs: Vec<_> = [0, 3, 4, 9, 10, 1000].map(|frame| plan.grid_window(frame).unwrap().x).into();
        assert_eq!(xs, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
    }

    #[test]
    fn the_json_is_what_the_documentation_says() {
        let mut film = source(1920, 1080);
        film.audio = vec![AudioInfo {
            track: 1,
            stream: 1,
            codec: "aac".to_owned(),
            sample_rate: 48000,
            channels: 2,
            language: None,
            title: None,
        }];
        (film.audio_kept, film.audio_copied) = (Some(0), true);
        film.assumptions = vec![Assumption {
            what: "range",
            value: "limited".to_owned(),
            because: "the file does not say".to_owned(),
        }];
        let options = PlanOptions { ladder: "1080".parse().unwrap(), ..PlanOptions::default() };
        let colour =
            r#"{"primaries":1,"transfer":1,"matrix":1,"full_range":false,"chroma":{"x":"start","y":"centre"}}"#;
        let expected = [
            r#"{"version":1,"#,
            r#""source":{"fingerprint":{"bytes":1000,"sha256":""#,
            &Sha256Hex::of(b"film").to_string(),
            r#""},"video_stream":0,"span":{"start":null,"duration":null}},"#,
            r#""picture":{"grid":{"width":1920,"height":1080},"sample_aspect":"1/1"},"#,
            r#""shape":"9/16","#,
            r#""rungs":[{"size":{"width":1080,"height":1920},"upscaled":true}],"#,
            r#""shots":[{"start":0,"end":null,"track":[{"frame":0,"window":"#,
            r#"{"x":656.25,"y":0.0,"width":607.5,"height":1080.0}}]}],"#,
            r#""key_frames":{"interval":"2/1"},"#,
            r#""encoder":{"kind":"rav1e","speed":8,"quality":60},"#,
            r#""video_in":{"format":{"width":1920,"height":1080,"subsampling":{"x":2,"y":2},"depth":8},"colour":"#,
            colour,
            r#"},"video_out":{"depth":8,"colour":"#,
            colour,
            r#","hdr":{"mastering":null,"light":null},"time_base":"1/1000","frame_rate":"25/1"},"#,
            r#""audio":{"track":1,"codec":"aac","copied":true},"#,
            r#""assumptions":[{"what":"range","value":"limited","because":"the file does not say"}]}"#,
        ]
        .concat();
        assert_eq!(plan(&film, &options).to_json().unwrap(), expected);
    }
}
