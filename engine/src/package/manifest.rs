//! A package: tracks under their names, and what both kinds of manifest say of them.

use super::rates::Rates;
use super::sample_entry::SampleEntry;
use super::track::Track;
use crate::colour::{Colour, cicp};
use crate::encryption::ContentKey;
use crate::geometry::{Rational, Size};
use crate::language::Language;
use crate::source::Role;

/// Name of the HLS multivariant playlist.
pub(crate) const HLS: &str = "main.m3u8";
/// Name of the DASH manifest.
pub(crate) const DASH: &str = "manifest.mpd";

/// Name of the file of a track's header in the folder of its segment files.
const INIT: &str = "init.mp4";

/// Names of segment files in that folder, as a template of DASH.
pub(super) const SEGMENT_TEMPLATE: &str = "seg-$Number%05d$.m4s";
/// Name of the HLS playlist of stills.
pub(crate) const IMAGES: &str = "storyboard.m3u8";

/// Names the playlist of a file of text.
pub(crate) fn text_playlist(file: &str) -> String {
    format!("{}.m3u8", file.strip_suffix(".vtt").unwrap_or(file))
}

/// Names the file of a track, or of its header where segments are files.
pub(crate) fn track_file(track: &str, segment_files: bool) -> String {
    if segment_files { format!("{track}/{INIT}") } else { format!("{track}.mp4") }
}

/// Names the file of a segment, by its number from 1.
pub(crate) fn segment_file(track: &str, number: usize) -> String {
    format!("{track}/seg-{number:05}.m4s")
}

/// Names the track whose segment files lie beside the file of this name, if it is that of their header.
pub(crate) fn segmented_track(name: &str) -> Option<&str> {
    let track = name.strip_suffix(INIT)?.strip_suffix('/')?;
    is_package_name(&track_file(track, false)).then_some(track)
}

/// Tells whether a file has a name that files of packages have, those of segment files aside.
pub(crate) fn is_package_name(name: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let kinds = ["video-", "audio-", "subtitles-", "captions-"];
    let own = kinds.iter().find_map(|kind| name.strip_prefix(kind));
    let own = own.and_then(|rest| rest.strip_suffix(".mp4").or_else(|| rest.strip_suffix(".m3u8")));
    own.is_some_and(plain) || [HLS, DASH, IMAGES].contains(&name)
}

/// Gives a language as RFC 5646 has it: two letters, where there are such.
pub(super) fn language_tag(language: Option<&str>) -> Option<String> {
    language.and_then(Language::of).map(|language| language.tag())
}

/// A rendition of the picture.
#[derive(Clone, Debug)]
pub(crate) struct VideoRendition {
    /// Its file's name without the extension, which is that of its playlists too.
    pub(crate) name: String,
    /// Frames a second, at most.
    pub(crate) frame_rate: Rational,
    /// What is in the file.
    pub(crate) track: Track,
}

/// A track of sound.
#[derive(Clone, Debug)]
pub(crate) struct AudioRendition {
    /// Its file's name without the extension, which is that of its playlist too.
    pub(crate) name: String,
    /// What listeners choose it by.
    pub(crate) title: Option<String>,
    /// What it is for.
    pub(crate) roles: Vec<Role>,
    /// What is in the file.
    pub(crate) track: Track,
}

/// A track of text: WebVTT, in one file for DASH and in segments for HLS.
#[derive(Clone, Debug)]
pub(crate) struct TextRendition {
    /// The file of the whole film.
    pub(crate) file: String,
    /// Its segments in their order: seconds and file.
    pub(crate) segments: Vec<(f64, String)>,
    /// Its language, by ISO 639-2 or BCP 47.
    pub(crate) language: Option<String>,
    /// Made for those who hear little, rather than a translation alone.
    pub(crate) captions: bool,
    /// To be shown whatever viewers choose: what is foreign to the language of the sound.
    pub(crate) forced: bool,
    /// Whether it is in the pictures already.
    pub(crate) is_burnt_in: bool,
    /// Bytes of the file.
    pub(crate) bytes: u64,
}

/// Small stills at even distances, in files of a grid each.
#[derive(Clone, Debug)]
pub(crate) struct Thumbnails {
    /// Size of a still, in pixels.
    pub(crate) size: Size,
    /// How many stills lie side by side, and one below the other, in a file.
    pub(crate) grid: [u32; 2],
    /// Seconds from one still to the next.
    pub(crate) distance: i64,
    /// Names of the files, numbered from 1, around the number.
    pub(crate) name: [&'static str; 2],
    /// Bytes of each file.
    pub(crate) bytes: Vec<u64>,
}

/// A film as it is delivered.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    /// Its title.
    pub(crate) title: Option<String>,
    /// Renditions of the picture, at least one, in the order of the ladder.
    pub(crate) video: Vec<VideoRendition>,
    /// The sound, the default track first.
    pub(crate) audio: Vec<AudioRendition>,
    /// Sound as Opus, for DASH alone, the default track first.
    pub(crate) opus: Vec<AudioRendition>,
    /// Subtitles and captions.
    pub(crate) text: Vec<TextRendition>,
    /// Stills to be shown while a player seeks.
    pub(crate) thumbnails: Option<Thumbnails>,
}

impl Package {
    /// The rendition that players begin with: the one whose width is nearest to 720.
    pub(super) fn first(&self) -> usize {
        let distance = |(_, video): &(usize, &VideoRendition)| video.size().width.abs_diff(720);
        self.video.iter().enumerate().min_by_key(distance).map_or(0, |(index, _)| index)
    }

    /// Puts tracks of sound into groups, by codec and channels, the one of the first track first. Players choose one group, and in it
    /// a language: those that a group lacks are there as the first group that has them has them (RFC 8216, 4.3.4.1.1: all groups have
    /// the same members). The first group takes none of a codec that it does not have: who cannot play that could play nothing.
    pub(super) fn audio_groups(&self) -> Vec<AudioGroup<'_>> {
        let mut kinds: Vec<(String, Vec<&AudioRendition>)> = Vec::new();
        for audio in &self.audio {
            let id = format!("audio-{}ch-{}", audio.channels(), audio.track.info.sample.codecs());
            match kinds.iter_mut().find(|(known, _)| *known == id) {
                Some((_, tracks)) => tracks.push(audio),
                None => kinds.push((id, vec![audio])),
            }
        }
        let all: Vec<_> = kinds.iter().flat_map(|(_, tracks)| tracks.clone()).collect();
        let codecs = |tracks: &[&AudioRendition]| -> Vec<_> {
            tracks.iter().map(|audio| audio.track.info.sample.codecs()).collect()
        };
        let of_first = kinds.first().map(|(_, tracks)| codecs(tracks)).unwrap_or_default();
        let whole = |(number, (id, mut tracks)): (usize, (String, Vec<_>))| {
            for audio in &all {
                let is_like =
                    |other: &&AudioRendition| (other.language(), &other.roles) == (audio.language(), &audio.roles);
                let is_played = number > 0 || of_first.contains(&audio.track.info.sample.codecs());
                if is_played && !tracks.iter().any(is_like) {
                    tracks.push(audio);
                }
            }
            AudioGroup { id, tracks }
        };
        kinds.into_iter().enumerate().map(whole).collect()
    }

    /// The keys of the tracks that HLS has, each once.
    pub(super) fn keys(&self) -> Vec<&ContentKey> {
        let tracks = self.video.iter().map(|video| &video.track).chain(self.audio.iter().map(|audio| &audio.track));
        let mut keys: Vec<&ContentKey> = Vec::new();
        for key in tracks.filter_map(|track| track.info.key.as_ref()) {
            if !keys.iter().any(|other| other.id == key.id) {
                keys.push(key);
            }
        }
        keys
    }

    /// Seconds that the picture lasts.
    pub(super) fn duration(&self) -> f64 {
        self.video.iter().map(|video| video.track.seconds(video.track.duration())).fold(0.0, f64::max)
    }

    /// Tells whether some rendition is of high dynamic range.
    pub(super) fn has_hdr(&self) -> bool {
        self.video.iter().any(|video| video.colour().is_hdr())
    }
}

/// Tracks of sound among which a language is chosen.
pub(super) struct AudioGroup<'a> {
    pub(super) id: String,
    pub(super) tracks: Vec<&'a AudioRendition>,
}

impl AudioGroup<'_> {
    /// The codecs of its tracks, each once, with commas between them.
    pub(super) fn codecs(&self) -> String {
        let mut codecs: Vec<String> = Vec::new();
        for codec in self.tracks.iter().map(|audio| audio.track.info.sample.codecs()) {
            if !codecs.contains(&codec) {
                codecs.push(codec);
            }
        }
        codecs.join(",")
    }

    /// The highest rates of its tracks.
    pub(super) fn rates(&self) -> Rates {
        self.tracks.iter().map(|audio| Rates::of_track(&audio.track)).fold(Rates::default(), |most, rates| Rates {
            average: most.average.max(rates.average),
            peak: most.peak.max(rates.peak),
        })
    }
}

impl VideoRendition {
    pub(crate) fn file(&self) -> String {
        track_file(&self.name, self.track.segment_files)
    }

    pub(super) fn keys(&self) -> String {
        format!("{}-keys", self.name)
    }

    pub(super) fn size(&self) -> Size {
        match &self.track.info.sample {
            SampleEntry::Video(video) => video.size,
            SampleEntry::Audio(_) => Size { width: 0, height: 0 },
        }
    }

    pub(super) fn colour(&self) -> Colour {
        match &self.track.info.sample {
            SampleEntry::Video(video) => video.colour,
            SampleEntry::Audio(_) => Colour::UNKNOWN,
        }
    }

    /// `VIDEO-RANGE` of HLS.
    pub(super) fn range(&self) -> &'static str {
        match self.colour().transfer {
            cicp::PQ => "PQ",
            cicp::HLG => "HLG",
            _ => "SDR",
        }
    }
}

impl Thumbnails {
    /// Seconds that a whole file is for.
    pub(super) fn seconds(&self) -> i64 {
        self.distance * i64::from(self.grid[0]) * i64::from(self.grid[1])
    }

    /// Bits a second of the largest file, at least 1.
    pub(super) fn bandwidth(&self) -> u64 {
        let seconds = u64::try_from(self.seconds()).unwrap_or(1).max(1);
        self.bytes.iter().map(|bytes| (bytes * 8).div_ceil(seconds)).max().unwrap_or(0).max(1)
    }
}

impl TextRendition {
    /// Its playlist.
    pub(super) fn playlist(&self) -> String {
        text_playlist(&self.file)
    }

    /// Its language by RFC 5646, with script and country; `und` where nobody says which.
    pub(super) fn language(&self) -> String {
        self.language.as_deref().and_then(Language::whole_tag).unwrap_or_else(|| Language::UNKNOWN.to_owned())
    }

    /// Tells whether players that choose by themselves cannot tell two from one another.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let told = |track: &Self| (track.language(), track.captions, track.forced);
        told(self) == told(other)
    }

    /// Gives what viewers choose it by.
    pub(super) fn label(&self, number: usize) -> String {
        let tag = self.language();
        let name = Language::of(&tag).and_then(|language| language.name());
        let name = name.map(|name| match tag.split_once('-') {
            Some((_, rest)) => format!("{name} ({rest})"),
            None => name.to_owned(),
        });
        let name = match (name, self.captions) {
            (Some(name), false) => name,
            (Some(name), true) => format!("{name} (captions)"),
            (None, false) => format!("Subtitles {number}"),
            (None, true) => format!("Captions {number}"),
        };
        if self.forced { format!("{name} (forced)") } else { name }
    }
}

impl AudioRendition {
    pub(crate) fn file(&self) -> String {
        track_file(&self.name, self.track.segment_files)
    }

    pub(super) fn channels(&self) -> u16 {
        match &self.track.info.sample {
            SampleEntry::Audio(audio) => audio.channels,
            SampleEntry::Video(_) => 0,
        }
    }

    /// Its language by RFC 5646.
    pub(super) fn language(&self) -> Option<String> {
        language_tag(self.track.info.language.as_deref())
    }

    /// Gives what listeners choose it by: its title, or else the name of its language.
    pub(super) fn label(&self, number: usize) -> String {
        let language = || self.track.info.language.as_deref().and_then(Language::of)?.name();
        self.title.clone().or_else(|| language().map(str::to_owned)).unwrap_or_else(|| format!("Audio {number}"))
    }
}
