//! Programs and tracks of a source: which there are, which are wanted, which are kept.

use crate::captions::Track as CaptionTrack;
use crate::geometry::Size;
use crate::language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Audio tracks of a rendition, at most. Each is a file on disk and a buffer in memory while a film is converted.
pub const MOST_AUDIO: usize = 32;

/// Which video track to convert. Cover pictures do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoChoice {
    /// Of the tracks that can be decoded the one of most pixels, where being the container's default counts for five million, as it
    /// does in ffmpeg; of several such one that shows the film itself, and not for instance a sign-language version; then the
    /// first. Never a picture of less than a sixteenth of the pixels of the largest, which is a preview.
    Best,
    /// Video track number, from 1 in the order of the file.
    Track(usize),
}

/// Which audio tracks to keep. The first of them is the default one of the renditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioChoice {
    /// The one that libav thinks best; none when there is none.
    Best,
    /// All that can be decoded: the one that [`AudioChoice::Best`] takes, then the others in the order of the file.
    All,
    /// These, in this order, none of them twice.
    Chosen(Vec<AudioSelector>),
    /// Exactly these, as a plan names them.
    Exactly(Vec<AudioTake>),
    /// No audio.
    None,
}

/// Names audio tracks of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioSelector {
    /// The one of this number, from 1 in the order of the file.
    Track(usize),
    /// Two of one channel each, which are left and right of one sound.
    Pair(usize, usize),
    /// All in this language that can be decoded, in the order of the file: the film's own, commentary, descriptions.
    Language(Language),
}

/// Names a track of text of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextSelector {
    /// The subtitle track of this number, from 1 in the order of the file.
    Track(usize),
    /// The first subtitle track of text in this language, of those that are not for foreign parts alone if there is one.
    Language(Language),
    /// Closed captions.
    Captions(CaptionTrack),
}

/// What becomes of sound of more than two channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stereo {
    /// It stays as it is.
    #[default]
    Off,
    /// A mix of two channels goes before it.
    Add,
    /// A mix of two channels takes its place.
    Only,
}

/// In which form a source gives its sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SoundForm {
    /// Packets are copied only where CMAF has a place for them and players of packages know them: AAC-LC, AC-3, and E-AC-3 of one
    /// substream. Else wherever MP4 has a place for them.
    pub cmaf: bool,
    /// All sound of one or two channels, and of the other what is not copied, comes as it is best kept until its loudness is
    /// known ([`crate::media::AudioTrack::to_level`]): nothing is encoded.
    pub to_level: bool,
}

/// What an audio track of the renditions is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioTake {
    /// Number among the source's audio tracks, from 1.
    pub track: usize,
    /// Number of the track that is the right channel, where `track` is the left.
    pub right: Option<usize>,
    /// Whether it is mixed down to two channels.
    pub stereo: bool,
}

impl AudioTake {
    /// Numbers of all tracks that it is made of.
    pub fn tracks(&self) -> impl Iterator<Item = usize> + use<> {
        [Some(self.track), self.right].into_iter().flatten()
    }
}

/// A program: streams that belong together, as of one channel of television.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProgramInfo {
    /// Its number, as the container has it.
    pub number: u32,
    /// Its name.
    pub name: Option<String>,
    /// Indices of its streams in the container.
    pub streams: Vec<usize>,
}

impl ProgramInfo {
    /// Tells whether a stream is of a program, or of none of `all`. Every one is where no program was chosen.
    pub(crate) fn has(chosen: Option<&Self>, all: &[Self], stream: usize) -> bool {
        let has = |program: &Self| program.streams.contains(&stream);
        chosen.is_none_or(has) || !all.iter().any(has)
    }
}

/// A video track that may be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VideoTrackInfo {
    /// Number among the video tracks, from 1.
    pub track: usize,
    /// Index of the stream in the container.
    pub stream: usize,
    /// libav's name of the codec.
    pub codec: String,
    /// The stored picture, as its headers have it; 0 where they do not say.
    pub stored: Size,
    /// ISO 639-2 language.
    pub language: Option<String>,
    /// Title of the track.
    pub title: Option<String>,
    /// Whether the container calls it the default.
    pub default: bool,
    /// What it is for, besides being the film's picture.
    pub roles: Vec<Role>,
}

/// What a track is for, by libav's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It is in the language in which the film was made.
    Original,
    /// It is a translation.
    Dub,
    /// Somebody comments on the film.
    Comment,
    /// It tells those who do not see the film what is to be seen.
    VisualImpaired,
    /// It is made for those who hear little.
    HearingImpaired,
    /// It is to be played whatever the language.
    Forced,
}

/// An audio track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AudioInfo {
    /// Number among the audio tracks, from 1.
    pub track: usize,
    /// Index of the stream in the container.
    pub stream: usize,
    /// libav's name of the codec.
    pub codec: String,
    /// Samples a second.
    pub sample_rate: u32,
    /// Number of channels.
    pub channels: u32,
    /// ISO 639-2 language.
    pub language: Option<String>,
    /// Title of the track.
    pub title: Option<String>,
    /// Whether the container calls it the default.
    #[serde(default)]
    pub default: bool,
    /// What it is for, besides being the film's sound.
    #[serde(default)]
    pub roles: Vec<Role>,
}

impl AudioInfo {
    /// Tells whether two tracks may be left and right of one sound: each is one channel, and they are of one codec, sample rate
    /// and language.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        let kind = |track: &Self| (track.codec.clone(), track.sample_rate, track.language.clone());
        self.track != other.track && [self, other].iter().all(|it| it.channels == 1) && kind(self) == kind(other)
    }

    /// Tells whether it is the same track, as far as plans of all versions tell.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let plain = |track: &Self| Self { default: false, roles: Vec::new(), ..track.clone() };
        plain(self) == plain(other)
    }
}

/// An audio track that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptAudio {
    /// Number among the source's audio tracks, from 1.
    pub track: usize,
    /// Number of the track that is the right channel, where `track` is the left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<usize>,
    /// Whether it is mixed down to two channels.
    #[serde(default)]
    pub stereo: bool,
    /// True where its packets are copied; otherwise they are converted to AAC. Packets that cannot be copied may come late:
    /// [`crate::media::Event::SoundChanged`].
    pub copied: bool,
}

impl KeptAudio {
    /// Says what it is made of.
    pub fn take(&self) -> AudioTake {
        AudioTake { track: self.track, right: self.right, stereo: self.stereo }
    }
}
