//! Facts about sources, as data: how one is to be opened, what it was found to be, and what was wrong with it.

pub(crate) mod guess;
pub(crate) mod timeline;
mod tracks;

pub use tracks::{
    AudioChoice, AudioInfo, AudioSelector, AudioTake, KeptAudio, MOST_AUDIO, ProgramInfo, Role, SoundForm, Stereo,
    TextSelector, VideoChoice, VideoTrackInfo,
};

use crate::cadence::{Cadence, CadenceRun, Field};
use crate::colour::{Colour, HdrMetadata};
use crate::encryption::ContentKey;
use crate::fingerprint::Fingerprint;
use crate::frame::{Depth, FrameFormat};
use crate::geometry::{Orientation, Rational, Size, Upright};
use crate::machine;
use crate::remote::{KnownObject, ObjectUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::path::PathBuf;

/// Where the source comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file, or a URL: of an object store ([`crate::remote`]), or any that libav opens when its protocol was allowed.
    Path(PathBuf),
    /// Standard input.
    Stdin,
}

impl Input {
    /// Names the input as the user did: by its path, or `-` for standard input. Of a URL its secrets are left out.
    pub fn name(&self) -> String {
        match (self, self.url()) {
            (_, Some(url)) => url.to_string(),
            (Self::Path(path), None) => path.display().to_string(),
            (Self::Stdin, _) => "-".to_owned(),
        }
    }

    /// Its URL, if it is one of an object store or a web server.
    pub fn url(&self) -> Option<ObjectUrl> {
        match self {
            Self::Path(path) => ObjectUrl::of(path),
            Self::Stdin => None,
        }
    }
}

/// Options for opening a source.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenOptions {
    /// libav protocols that the input, and playlists in it, may use besides the given file itself; empty by default:
    /// a crafted playlist reaches neither the network nor other files.
    pub protocols: Vec<String>,
    /// Number of the program, of a container that holds several, from which streams are chosen; none for that of the best
    /// picture.
    pub program: Option<u32>,
    /// Which video track is wanted.
    pub video: VideoChoice,
    /// Which audio tracks are wanted.
    pub audio: AudioChoice,
    /// What becomes of sound of more than two channels.
    pub stereo: Stereo,
    /// In which form its sound is wanted: that of the plan ([`crate::plan::PlanOptions::sound_form`]).
    pub sound: SoundForm,
    /// Threads of the video decoder, at least 1.
    pub threads: usize,
    /// The part of it that is wanted.
    pub span: Span,
    /// Where the output's time line begins, in ticks of the source, as [`VideoInfo::origin`] told when it was opened earlier
    /// with the same span; what lies before is left out. None to find it out.
    pub origin: Option<i64>,
    /// What [`crate::media::Source::known`] told when it was opened earlier.
    pub known: Option<KnownObject>,
    /// The key of an MP4 file that is encrypted by common encryption.
    pub(crate) key: Option<ContentKey>,
}

impl Default for OpenOptions {
    /// The whole of a source, with its best picture and sound, decoded with up to 16 threads, reaching nothing but the file
    /// itself. libav decodes no faster with more threads, and each holds a frame.
    fn default() -> Self {
        Self {
            protocols: Vec::new(),
            program: None,
            video: VideoChoice::Best,
            audio: AudioChoice::Best,
            stereo: Stereo::Off,
            sound: SoundForm::default(),
            threads: machine::cores().min(16),
            span: Span::default(),
            origin: None,
            known: None,
            key: None,
        }
    }
}

impl OpenOptions {
    /// Sets [`OpenOptions::protocols`].
    #[must_use]
    pub fn protocols(self, protocols: Vec<String>) -> Self {
        Self { protocols, ..self }
    }

    /// Sets [`OpenOptions::program`].
    #[must_use]
    pub fn program(self, program: Option<u32>) -> Self {
        Self { program, ..self }
    }

    /// Sets [`OpenOptions::video`].
    #[must_use]
    pub fn video(self, video: VideoChoice) -> Self {
        Self { video, ..self }
    }

    /// Sets [`OpenOptions::audio`].
    #[must_use]
    pub fn audio(self, audio: AudioChoice) -> Self {
        Self { audio, ..self }
    }

    /// Sets [`OpenOptions::stereo`].
    #[must_use]
    pub fn stereo(self, stereo: Stereo) -> Self {
        Self { stereo, ..self }
    }

    /// Sets [`OpenOptions::sound`].
    #[must_use]
    pub fn sound(self, sound: SoundForm) -> Self {
        Self { sound, ..self }
    }

    /// Sets [`OpenOptions::threads`].
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// Sets [`OpenOptions::span`].
    #[must_use]
    pub fn span(self, span: Span) -> Self {
        Self { span, ..self }
    }

    /// Sets [`OpenOptions::origin`].
    #[must_use]
    pub fn origin(self, origin: Option<i64>) -> Self {
        Self { origin, ..self }
    }

    /// Sets [`OpenOptions::known`].
    #[must_use]
    pub fn known(self, known: Option<KnownObject>) -> Self {
        Self { known, ..self }
    }
}

/// The part of a source that is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// Seconds after the start of the source; none for its start.
    pub start: Option<Rational>,
    /// Seconds from there on; none for up to the end of the source.
    pub duration: Option<Rational>,
}

/// The facts about a source. Everything that had to be assumed is in `assumptions`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceInfo {
    /// As the user named it.
    pub name: String,
    /// libav's name of the container format.
    pub container: String,
    /// Bytes of the file; none for standard input.
    pub bytes: Option<u64>,
    /// Its fingerprint; none for a URL that libav opened.
    pub fingerprint: Option<Fingerprint>,
    /// The part of it that was asked for when it was opened.
    pub span: Span,
    /// Declared duration in seconds, when the container has one.
    pub duration: Option<f64>,
    /// Title of the container, when it has one.
    pub title: Option<String>,
    /// Chapters, on the output's time line.
    pub chapters: Vec<Chapter>,
    /// Programs, of a container that may hold several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<ProgramInfo>,
    /// Number of the program that streams were chosen from; none where there are none, or the picture is in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<u32>,
    /// All video tracks, cover pictures not counted.
    #[serde(default)]
    pub video_tracks: Vec<VideoTrackInfo>,
    /// The chosen video stream.
    pub video: VideoInfo,
    /// All audio tracks.
    pub audio: Vec<AudioInfo>,
    /// The sound that is kept, a track each, the default one first.
    pub audio_kept: Vec<KeptAudio>,
    /// The facts about its frames that reading all of it told; none where that was not done.
    pub scan: Option<Scan>,
    /// Conventions that the file does not state and that had to be assumed.
    pub assumptions: Vec<Assumption>,
    /// Streams that are not carried over.
    pub passed_over: Vec<PassedOver>,
}

impl SourceInfo {
    /// Tells whether a stream is of the program that streams were chosen from, or of none.
    pub(crate) fn is_of_program(&self, stream: usize) -> bool {
        let chosen = self.programs.iter().find(|program| Some(program.number) == self.program);
        ProgramInfo::has(chosen, &self.programs, stream)
    }
}

/// The facts about a source's frames that reading it to its end tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scan {
    /// Number of frames.
    pub frames: u64,
    /// Where the last one ends, in output ticks; none when its duration is not known.
    pub end: Option<i64>,
    /// True where frames may be passed over without decoding all that comes before them: the others are then the same,
    /// at the same times, as in a decode from the beginning, and the same without sound as with it. Where it is false,
    /// decode from the beginning, with the same choice of sound.
    pub can_skip: bool,
    /// True where the times are those of a decode, as far as the container tells. Where it is false, some frames have
    /// wrong times or none, and a decode may find others.
    pub is_exact: bool,
    /// Bytes of a packet of its picture, on average over those that were read; none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet_bytes: Option<u64>,
}

/// The chosen video stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VideoInfo {
    /// Number among the video tracks, from 1.
    pub track: usize,
    /// Index of the stream in the container.
    pub stream: usize,
    /// libav's name of the codec.
    pub codec: String,
    /// libav's name of the decoded pixel format.
    pub pixel_format: String,
    /// The stored picture, after the decoder's own crop; of two views packed into one, the left.
    pub stored: Size,
    /// The transposition and flips that bring the stored picture upright.
    pub orientation: Orientation,
    /// The picture as it is meant to be seen.
    pub upright: Upright,
    /// Format of the frames that the decoder delivers: upright grids.
    pub format: FrameFormat,
    /// Tags, guessed where the file has none; chroma siting on the upright grid.
    pub colour: Colour,
    /// Metadata of high dynamic range.
    pub hdr: HdrMetadata,
    /// Ticks of the video timestamps; the numerator is 1 so that MP4 can hold it.
    pub time_base: Rational,
    /// Nominal frames a second.
    pub frame_rate: Rational,
    /// Declared number of frames, when the container has it.
    pub frames: Option<u64>,
    /// Bits of the source's samples.
    pub depth: Depth,
    /// Whether its headers call it interlaced, and which field comes first then.
    #[serde(default, skip_serializing_if = "Scanning::is_progressive")]
    pub scanning: Scanning,
    /// ISO 639-2 language.
    pub language: Option<String>,
    /// Ticks of `time_base` that are subtracted from the source's timestamps: source time = output time + origin.
    pub origin: i64,
}

impl VideoInfo {
    /// Gives the one run of frames that its headers tell of.
    pub(crate) fn told_cadence(&self) -> CadenceRun {
        let (cadence, first) = match self.scanning {
            Scanning::Progressive => (Cadence::Progressive, Field::Top),
            Scanning::TopFirst => (Cadence::Interlaced, Field::Top),
            Scanning::BottomFirst => (Cadence::Interlaced, Field::Bottom),
        };
        CadenceRun { start: 0, cadence, first, phase: 0 }
    }
}

/// What a stream's headers say of its fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scanning {
    /// All rows of a frame are of one time.
    #[default]
    Progressive,
    /// The topmost row of the upright picture is of the earlier field.
    TopFirst,
    /// The topmost row of the upright picture is of the later field.
    BottomFirst,
}

impl Scanning {
    fn is_progressive(&self) -> bool {
        *self == Self::Progressive
    }
}

/// A convention that Upright had to assume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assumption {
    /// Of what: `matrix`, `range`, `chroma location`, ...
    pub what: Cow<'static, str>,
    /// The assumed value.
    pub value: String,
    /// Why this value.
    pub because: String,
}

/// A stream of the source that no rendition has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PassedOver {
    /// Index of the stream in the container.
    pub stream: usize,
    /// `video`, `cover`, `audio`, `subtitle`, `captions`, `attachment` or `data`.
    pub kind: Cow<'static, str>,
    /// Number among the streams of this kind, from 1.
    pub track: usize,
    /// libav's name of the codec.
    pub codec: String,
    /// ISO 639-2 language.
    pub language: Option<String>,
    /// Title of the track.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Whether the container calls it the default.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// Why it is not carried over.
    pub because: String,
}

/// A named part of a film: `[start, end)` in seconds of the output's time line, not below zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// Where it begins.
    pub start: Rational,
    /// Where it ends.
    pub end: Rational,
    /// Its name.
    pub title: Option<String>,
}

/// Counts of what was wrong with the source, complete once [`crate::media::Event::End`] has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Damage {
    /// Frames that came out although part of them was lost, and packets that gave no frame.
    pub damaged_frames: u64,
    /// First damaged time in seconds of the source.
    pub first_at: Option<f64>,
    /// Seconds at which the source ended before its declared end.
    pub truncated_at: Option<f64>,
    /// Audio packets that could not be decoded or that lie where audio was already.
    pub damaged_audio_packets: u64,
    /// True where more of the sound, or of one of its tracks, was lost than kept, or all tracks there are cannot be decoded.
    pub sound_lost: bool,
    /// Of tracks that are left and right of one sound, those that are silent while the other is heard.
    #[serde(default)]
    pub silent_sides: Vec<SilentSide>,
    /// Places where the source's clock begins anew, as where recordings were joined; picture and sound go on together.
    pub time_jumps: u64,
    /// Frames without a time stamp, or whose time stamp is wrong or not after that of the frame before: they were put
    /// after it. Nothing of them is lost.
    pub retimed_frames: u64,
    /// Bytes that the container declares after the end of the file: what was in them, frames, sound or whole tracks, is not
    /// there.
    pub missing_bytes: u64,
}

/// A track that is left or right of a sound, and silent: there are only samples below half a step of 16 bits, or none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SilentSide {
    /// Its number among the audio tracks, from 1.
    pub track: usize,
    /// Seconds of the source from which on it is silent, up to the end of what is heard of the other, more than two seconds later;
    /// none where it is throughout.
    pub from: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::{ChromaSite, ContentLight, MasteringDisplay, Siting};
    use crate::fingerprint::Sha256Hex;
    use crate::frame::Subsampling;
    use serde_json::{Value, json};

    /// A source of which everything is known.
    fn full() -> SourceInfo {
        let ratio = |num, den| Rational { num, den };
        let text = |text: &str| Some(text.to_owned());
        SourceInfo {
            name: "Ärger \"1\".mov".to_owned(),
            container: "mov,mp4".to_owned(),
            bytes: Some(u64::MAX),
            fingerprint: Some(Fingerprint { bytes: Some(3), sha256: Sha256Hex::of(b"abc") }),
            span: Span { start: Some(ratio(1, 3)), duration: Some(ratio(10, 4)) },
            duration: Some(0.1 + 0.2),
            title: text("A film"),
            chapters: vec![Chapter { start: ratio(0, 1), end: ratio(1001, 30_000), title: text("One") }],
            programs: vec![ProgramInfo { number: 7, name: text("One"), streams: vec![0, 2] }],
            program: Some(7),
            video_tracks: vec![VideoTrackInfo {
                track: 1,
                stream: 2,
                codec: "prores".to_owned(),
                stored: Size { width: 1080, height: 1920 },
                language: text("deu"),
                title: text("Camera 1"),
                default: true,
                roles: vec![Role::Original],
            }],
            video: VideoInfo {
                track: 1,
                stream: 2,
                codec: "prores".to_owned(),
                pixel_format: "yuv422p12le".to_owned(),
                stored: Size { width: 1080, height: 1920 },
                orientation: Orientation { transpose: true, flip_x: false, flip_y: true },
                upright: Upright { grid: Size { width: 1920, height: 1080 }, sample_aspect: ratio(64, 45) },
                format: FrameFormat {
                    width: 1920,
                    height: 1080,
                    subsampling: Subsampling::CS440,
                    depth: Depth::Twelve,
                },
                colour: Colour {
                    primaries: 9,
                    transfer: 16,
                    matrix: 9,
                    full_range: true,
                    chroma: ChromaSite { x: Siting::Before, y: Siting::End },
                },
                hdr: HdrMetadata {
                    mastering: Some(MasteringDisplay {
                        primaries: [
                            (ratio(1, 2), ratio(3, 4)),
                            (ratio(5, 6), ratio(7, 8)),
                            (ratio(9, 10), ratio(11, 12)),
                        ],
                        white: (ratio(15_635, 50_000), ratio(16_450, 50_000)),
                        min_luminance: ratio(1, 10_000),
                        max_luminance: ratio(1000, 1),
                    }),
                    light: Some(ContentLight { max_cll: 1000, max_fall: 400 }),
                },
                time_base: ratio(1, 30_000),
                frame_rate: ratio(30_000, 1001),
                frames: Some(7),
                depth: Depth::Ten,
                scanning: Scanning::BottomFirst,
                language: text("deu"),
                origin: -1001,
            },
            audio: vec![AudioInfo {
                track: 1,
                stream: 0,
                codec: "aac".to_owned(),
                sample_rate: 48_000,
                channels: 6,
                language: text("fra"),
                title: text("Director"),
                default: false,
                roles: vec![Role::Comment, Role::VisualImpaired],
            }],
            audio_kept: vec![KeptAudio { track: 1, right: Some(2), stereo: false, copied: true }],
            scan: Some(Scan { frames: 1440, end: Some(60), can_skip: true, is_exact: true, packet_bytes: Some(5000) }),
            assumptions: vec![Assumption {
                what: "matrix".into(),
                value: "bt709".to_owned(),
                because: "it is untagged".to_owned(),
            }],
            passed_over: vec![PassedOver {
                stream: 3,
                kind: "subtitle".into(),
                track: 1,
                codec: "mov_text".to_owned(),
                language: text("eng"),
                title: text("Songs"),
                default: true,
                roles: vec![Role::Forced],
                because: "renditions hold picture and sound alone".to_owned(),
            }],
        }
    }

    #[test]
    fn what_is_written_is_read_back_equal() {
        let info = full();
        let text = serde_json::to_string_pretty(&info).unwrap();
        let read: SourceInfo = serde_json::from_str(&text).unwrap();
        assert_eq!(read, info);
        assert_eq!(serde_json::to_string_pretty(&read).unwrap(), text);
        let damage = Damage { first_at: Some(1.0 / 3.0), damaged_frames: 2, ..Damage::default() };
        assert_eq!(serde_json::from_value::<Damage>(json!(damage)).unwrap(), damage);
    }

    #[test]
    fn what_no_source_is_is_refused() {
        let refused = |pointer: &str, value: Value| {
            let mut document = json!(full());
            *document.pointer_mut(pointer).unwrap() = value;
            serde_json::from_value::<SourceInfo>(document).unwrap_err();
        };
        refused("/video/depth", json!(9));
        refused("/video/depth", json!("Ten"));
        refused("/video/time_base", json!("1/0"));
        refused("/video/frame_rate", json!(29.97));
        refused("/video/colour/primaries", json!(256));
        refused("/video/colour/chroma/x", json!("Left"));
        refused("/video/hdr/mastering/primaries", json!([["1/2", "1/2"]]));
        refused("/fingerprint/sha256", json!("abc"));
        refused("/audio/0/channels", json!(-1));
        refused("/audio/0/roles", json!(["main"]));
        refused("/audio_kept/0/copied", Value::Null);
    }

    #[test]
    fn its_schema_names_every_field() {
        let schema = json!(schemars::schema_for!(SourceInfo));
        let document = json!(full());
        let fields = |object: &Value| object.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(fields(&schema["properties"]), fields(&document));
        assert_eq!(fields(&schema["$defs"]["VideoInfo"]["properties"]), fields(&document["video"]));
        assert_eq!(schema["$defs"]["Depth"]["enum"], json!([8, 10, 12]));
    }
}
