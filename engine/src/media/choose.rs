//! Which of a container's tracks are taken.

#![expect(unsafe_code, reason = "libav is C")]

use super::audio;
use super::demux::{Demuxer, known};
use super::ffi::{self, rational};
use super::protection::ENCRYPTED;
use super::tracks::{self, StreamKind, Tracks};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::language::Language;
use crate::source::{
    Assumption, AudioChoice, AudioInfo, AudioSelector, AudioTake, MOST_AUDIO, OpenOptions, ProgramInfo, Role, Stereo,
    VideoChoice, VideoTrackInfo,
};
use ffmpeg_sys_next as av;
use std::ffi::c_int;
use std::ptr;

/// A picture of less than this share of the pixels of the largest, as one part in so many, is a preview: a quarter of each side.
const PREVIEW: u64 = 16;
/// What being the container's default is worth, in pixels: as in ffmpeg's own choice (`map_auto_video` of fftools).
const DEFAULT_WORTH: u64 = 5_000_000;

/// What is taken of a source.
#[derive(Debug)]
pub(super) struct Chosen<'a> {
    pub(super) program: Option<&'a ProgramInfo>,
    pub(super) video: &'a VideoTrackInfo,
    /// The default one first.
    pub(super) audio: Vec<AudioTake>,
}

/// Chooses. What had to be assumed is appended to `assumptions`.
///
/// # Errors
/// [`Error::NotInSource`] when the program or a track asked for is not there; [`Error::BadSource`] when there is no video, or a
/// track asked for is encrypted.
pub(super) fn choose<'a>(
    demuxer: &Demuxer,
    tracks: &'a Tracks,
    options: &OpenOptions,
    assumptions: &mut Vec<Assumption>,
) -> Result<Chosen<'a>> {
    let asked = options.program.map(|number| program(demuxer, tracks, number)).transpose()?;
    let video = choose_video(demuxer, tracks, asked, options.video, assumptions)?;
    let of_picture = || tracks.programs.iter().find(|program| program.streams.contains(&video.stream));
    let program = asked.or_else(of_picture);
    if let (None, VideoChoice::Best, Some(program)) = (asked, options.video, program) {
        assume_program(tracks, program, assumptions);
    }
    let audio = AudioChooser { demuxer, tracks, program, video: video.stream }.choose(options, assumptions)?;
    Ok(Chosen { program, video, audio })
}

/// The program of this number.
fn program<'a>(demuxer: &Demuxer, tracks: &'a Tracks, number: u32) -> Result<&'a ProgramInfo> {
    tracks.programs.iter().find(|program| program.number == number).ok_or_else(|| {
        let name = demuxer.name();
        let there = match tracks.programs.as_slice() {
            [] => format!("{name} is not made of programs"),
            programs => format!("{name} has {}", programs.iter().map(described).collect::<Vec<_>>().join(", ")),
        };
        Error::not_in_source(format!("program {number} is not there: {there}"))
    })
}

/// `2 (HD)`.
fn described(program: &ProgramInfo) -> String {
    let name = program.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    format!("{}{name}", program.number)
}

fn assume_program(tracks: &Tracks, taken: &ProgramInfo, assumptions: &mut Vec<Assumption>) {
    let with_picture =
        |program: &&ProgramInfo| tracks.video.iter().any(|video| program.streams.contains(&video.stream));
    let programs: Vec<_> = tracks.programs.iter().filter(with_picture).map(described).collect();
    if programs.len() > 1 {
        let because = format!("it has the best picture of the programs {}", programs.join(", "));
        assumptions.push(Assumption { what: "program".into(), value: described(taken), because });
    }
}

fn choose_video<'a>(
    demuxer: &Demuxer,
    tracks: &'a Tracks,
    program: Option<&ProgramInfo>,
    choice: VideoChoice,
    assumptions: &mut Vec<Assumption>,
) -> Result<&'a VideoTrackInfo> {
    let of_program = program.map(|program| format!("program {} of ", described(program))).unwrap_or_default();
    let there: Vec<_> = tracks.video.iter().filter(|video| tracks.is_of(program, video.stream)).collect();
    let chosen = match choice {
        VideoChoice::Best => best_video(demuxer, &there, tracks.video.len(), assumptions).ok_or_else(|| {
            let kinds: Vec<_> = demuxer.streams().map(tracks::kind).collect();
            if let Some(program) = program {
                return demuxer.bad(format!("has no video in program {}", described(program)));
            }
            demuxer.bad(if kinds.contains(&StreamKind::Cover) {
                "has no video, only sound and a cover picture"
            } else if kinds.contains(&StreamKind::Audio) {
                "has no video, only sound"
            } else {
                "has no video"
            })
        })?,
        VideoChoice::Track(number) => there.iter().copied().find(|video| video.track == number).ok_or_else(|| {
            let has = match there.as_slice() {
                [] => "has no video".to_owned(),
                [only] if program.is_some() => format!("has video track {}", only.track),
                [_] => "has one video track".to_owned(),
                several if program.is_some() => {
                    format!("has video tracks {}", numbers(several.iter().map(|video| video.track)))
                }
                several => format!("has {} video tracks", several.len()),
            };
            Error::not_in_source(format!("video track {number} is not there: {of_program}{} {has}", demuxer.name()))
        })?,
    };
    if demuxer.is_encrypted(chosen.stream) { Err(demuxer.bad(ENCRYPTED)) } else { Ok(chosen) }
}

/// Of those that can be decoded and are no previews the one that ffmpeg would take; of several such one that shows the film itself,
/// then the first.
fn best_video<'a>(
    demuxer: &Demuxer,
    there: &[&'a VideoTrackInfo],
    of: usize,
    assumptions: &mut Vec<Assumption>,
) -> Option<&'a VideoTrackInfo> {
    const APART: [Role; 3] = [Role::Comment, Role::VisualImpaired, Role::HearingImpaired];
    let pixels = |video: &VideoTrackInfo| u64::from(video.stored.width) * u64::from(video.stored.height);
    let largest = there.iter().map(|video| pixels(video)).max().unwrap_or(0);
    let worth = |video: &&VideoTrackInfo| {
        let decodable = tracks::is_decodable(demuxer.stream(video.stream)) && !demuxer.is_encrypted(video.stream);
        let plain = !video.roles.iter().any(|role| APART.contains(role));
        (decodable, pixels(video) + if video.default { DEFAULT_WORTH } else { 0 }, plain)
    };
    let seen = there.iter().copied().filter(|video| pixels(video).saturating_mul(PREVIEW) >= largest);
    let best = seen.rev().max_by_key(worth)?;
    if there.len() > 1 {
        let Size { width, height } = best.stored;
        let alike = there.iter().filter(|video| pixels(video) == pixels(best)).count();
        let why = match (pixels(best) == largest, alike) {
            (true, 1) => "the largest",
            (true, _) if best.default => "the file's default of the largest",
            (true, _) => "the first of the largest",
            (false, _) if best.default => "the file's default",
            (false, _) => "the largest that can be decoded",
        };
        assumptions.push(Assumption {
            what: "video track".into(),
            value: format!("{} of {of}", best.track),
            because: format!("its picture of {width}x{height} is {why}"),
        });
    }
    Some(best)
}

/// Chooses tracks of sound for a picture.
struct AudioChooser<'a> {
    demuxer: &'a Demuxer,
    tracks: &'a Tracks,
    program: Option<&'a ProgramInfo>,
    /// Stream of the picture.
    video: usize,
}

impl AudioChooser<'_> {
    fn choose(&self, options: &OpenOptions, assumptions: &mut Vec<Assumption>) -> Result<Vec<AudioTake>> {
        let taken = match &options.audio {
            AudioChoice::None => Vec::new(),
            AudioChoice::Best => self.best(self.there().collect(), assumptions)?.into_iter().collect(),
            AudioChoice::All => {
                let decodable = self.decodable(self.there().collect(), assumptions)?;
                let best = self.best(decodable.clone(), assumptions)?;
                let is_taken = |track: &AudioInfo| best.iter().flat_map(AudioTake::tracks).any(|it| it == track.track);
                let others = decodable.into_iter().filter(|track| !is_taken(track));
                best.into_iter().chain(others.map(alone)).collect()
            }
            AudioChoice::Chosen(selectors) => self.chosen(selectors, assumptions)?,
            AudioChoice::Exactly(takes) => {
                takes.iter().try_for_each(|take| self.check(take))?;
                return self.bounded(takes.clone());
            }
        };
        let mixed = |take: &AudioTake| {
            let surround = self.track(take.track).is_some_and(|track| track.channels > 2);
            let mix = AudioTake { stereo: true, ..*take };
            match options.stereo {
                Stereo::Add if surround => vec![mix, *take],
                Stereo::Only if surround => vec![mix],
                _ => vec![*take],
            }
        };
        self.bounded(taken.iter().flat_map(mixed).collect())
    }

    fn bounded(&self, takes: Vec<AudioTake>) -> Result<Vec<AudioTake>> {
        if takes.len() <= MOST_AUDIO {
            return Ok(takes);
        }
        let (name, count) = (self.demuxer.name(), takes.len());
        let why =
            format!("{name}: {count} audio tracks are more than renditions have, {MOST_AUDIO}; name those wanted");
        Err(Error::not_in_source(why))
    }

    /// The tracks that may be chosen.
    fn there(&self) -> impl Iterator<Item = &AudioInfo> {
        self.tracks.audio.iter().filter(|track| self.tracks.is_of(self.program, track.stream))
    }

    fn track(&self, number: usize) -> Option<&AudioInfo> {
        self.tracks.audio.iter().find(|track| track.track == number)
    }

    fn chosen(&self, selectors: &[AudioSelector], assumptions: &mut Vec<Assumption>) -> Result<Vec<AudioTake>> {
        let mut taken: Vec<AudioTake> = Vec::new();
        for selector in selectors {
            let takes = match selector {
                AudioSelector::Track(number) => vec![alone(self.there_by_number(*number)?)],
                AudioSelector::Pair(left, right) => {
                    let take = AudioTake { track: *left, right: Some(*right), stereo: false };
                    [*left, *right].into_iter().try_for_each(|number| self.there_by_number(number).map(drop))?;
                    self.check(&take)?;
                    vec![take]
                }
                AudioSelector::Language(language) => self.in_language(language, assumptions)?,
            };
            for take in takes {
                let is_taken = |side: usize| taken.iter().flat_map(AudioTake::tracks).any(|taken| taken == side);
                if !take.tracks().any(is_taken) {
                    taken.push(take);
                }
            }
        }
        Ok(taken)
    }

    /// The track of this number, of those that may be chosen.
    fn there_by_number(&self, number: usize) -> Result<&AudioInfo> {
        let track = self.there().find(|track| track.track == number).ok_or_else(|| self.missing(number))?;
        self.check(&alone(track)).map(|()| track)
    }

    fn in_language(&self, language: &Language, assumptions: &mut Vec<Assumption>) -> Result<Vec<AudioTake>> {
        let found: Vec<_> = self.there().filter(|track| spoken(track) == *language.code()).collect();
        let Some(first) = found.first().copied() else {
            let name = self.demuxer.name();
            let mut languages: Vec<(String, Vec<usize>)> = Vec::new();
            for track in self.there() {
                let spoken = spoken(track);
                match languages.iter_mut().find(|(language, _)| *language == spoken) {
                    Some((_, numbers)) => numbers.push(track.track),
                    None => languages.push((spoken, vec![track.track])),
                }
            }
            let listed = languages.iter().map(|(language, tracks)| {
                format!(
                    "{language} (track{} {})",
                    if tracks.len() > 1 { "s" } else { "" },
                    numbers(tracks.iter().copied())
                )
            });
            let there = match languages.len() {
                0 => "has no audio".to_owned(),
                _ => format!("has {}", listed.collect::<Vec<_>>().join(", ")),
            };
            return Err(Error::not_in_source(format!("audio in {language} is not there: {name} {there}")));
        };
        let decodable = self.decodable(found, assumptions)?;
        if decodable.is_empty() {
            // Whoever opens it says why it cannot be had.
            return self.check(&alone(first)).map(|()| vec![alone(first)]);
        }
        let sides = self.sides().filter(|sides| sides.iter().all(|side| decodable.iter().any(|it| it.track == *side)));
        let mut takes: Vec<_> = decodable.into_iter().map(alone).collect();
        if let Some([left, right]) = sides {
            assume_sides([left, right], assumptions);
            takes.retain(|take| take.track != left.max(right));
            let pair = AudioTake { track: left, right: Some(right), stereo: false };
            takes.iter_mut().filter(|take| take.track == left.min(right)).for_each(|take| *take = pair);
        }
        Ok(takes)
    }

    /// Those that can be copied or decoded; of the others it is said.
    fn decodable<'b>(
        &self,
        tracks: Vec<&'b AudioInfo>,
        assumptions: &mut Vec<Assumption>,
    ) -> Result<Vec<&'b AudioInfo>> {
        let (mut kept, mut refused) = (Vec::new(), Vec::new());
        for track in tracks {
            match self.refusal(track)? {
                None => kept.push(track),
                Some(why) => refused.push(format!("track {}: {why}", track.track)),
            }
        }
        if !refused.is_empty() {
            let numbers = numbers(kept.iter().map(|track| track.track));
            let value = if kept.is_empty() { "none".to_owned() } else { numbers };
            self.say_refused("audio tracks", value, &refused, assumptions);
        }
        Ok(kept)
    }

    fn say_refused(&self, what: &'static str, value: String, refused: &[String], assumptions: &mut Vec<Assumption>) {
        let because = refused.join("; ");
        ::log::warn!("{}: takes {what} {value}, for {because}", self.demuxer.name());
        assumptions.push(Assumption { what: what.into(), value, because });
    }

    /// Of some tracks the one that libav thinks best, or else the first that can be copied or decoded; where that is the left or
    /// right channel of a sound, the other one with it.
    fn best(&self, mut there: Vec<&AudioInfo>, assumptions: &mut Vec<Assumption>) -> Result<Option<AudioTake>> {
        let best = best_stream(self.demuxer, av::AVMediaType::AVMEDIA_TYPE_AUDIO, Some(self.video));
        there.sort_by_key(|track| Some(track.stream) != best);
        let (mut refused, mut taken) = (Vec::new(), None);
        for track in there {
            match self.refusal(track)? {
                Some(why) => refused.push(format!("track {}: {why}", track.track)),
                None => {
                    taken = Some(track);
                    break;
                }
            }
        }
        if !refused.is_empty() {
            let value = taken.map_or_else(|| "none".to_owned(), |track| track.track.to_string());
            self.say_refused("audio track", value, &refused, assumptions);
        }
        let Some(taken) = taken else { return Ok(None) };
        let mut sides = self.sides().filter(|sides| sides.contains(&taken.track));
        for side in sides.into_iter().flatten() {
            let refused = self.track(side).map(|track| self.refusal(track)).transpose()?.flatten();
            sides = sides.filter(|_| refused.is_none());
        }
        let Some([left, right]) = sides else { return Ok(Some(alone(taken))) };
        assume_sides([left, right], assumptions);
        Ok(Some(AudioTake { track: left, right: Some(right), stereo: false }))
    }

    /// Why a track can be neither copied nor decoded; none when it can.
    fn refusal(&self, track: &AudioInfo) -> Result<Option<String>> {
        if self.demuxer.is_encrypted(track.stream) {
            return Ok(Some("is encrypted".to_owned()));
        }
        // SAFETY: a stream of an opened demuxer.
        unsafe { audio::refusal(self.demuxer.stream(track.stream)) }
    }

    /// Refuses what is not there, is encrypted, or is no pair.
    fn check(&self, take: &AudioTake) -> Result<()> {
        for number in take.tracks() {
            let track = self.track(number).ok_or_else(|| self.missing(number))?;
            if self.demuxer.is_encrypted(track.stream) {
                let why = format!("its audio track {number} is encrypted; choose another, or none");
                return Err(self.demuxer.bad(why));
            }
        }
        let Some((left, right)) = self.track(take.track).zip(take.right.and_then(|right| self.track(right))) else {
            return Ok(());
        };
        if !self.are_sides([left, right]) {
            let (name, left, right) = (self.demuxer.name(), left.track, right.track);
            let why = format!("{name}: its audio tracks {left} and {right} are not left and right of one sound");
            return Err(Error::not_in_source(why));
        }
        Ok(())
    }

    fn missing(&self, number: usize) -> Error {
        let there: Vec<_> = self.there().map(|track| track.track).collect();
        let has = match (there.as_slice(), self.program) {
            ([], None) => "has no audio".to_owned(),
            ([_], None) => "has one audio track".to_owned(),
            (several, None) => format!("has {} audio tracks", several.len()),
            ([], Some(program)) => format!("has no audio in program {}", described(program)),
            (several, Some(program)) => {
                let tracks = numbers(several.iter().copied());
                format!("has in program {} audio track {tracks}", described(program))
            }
        };
        Error::not_in_source(format!("audio track {number} is not there: {} {has}", self.demuxer.name()))
    }

    /// Tells whether two tracks may be left and right of one sound, their times in the same ticks.
    fn are_sides(&self, [one, other]: [&AudioInfo; 2]) -> bool {
        let ticks = |track: &AudioInfo| rational(self.demuxer.stream(track.stream).time_base);
        one.is_beside(other) && ticks(one) == ticks(other)
    }

    /// Numbers of left and right, where tracks each are one channel of the sound, as cameras and editing programs write it: the
    /// first two, alike in all but the side.
    fn sides(&self) -> Option<[usize; 2]> {
        const MOST: usize = 8;
        /// Seconds by which their beginnings and lengths may differ.
        const APART: f64 = 0.5;
        let tracks = &self.tracks.audio;
        let [first, second, ..] = tracks.as_slice() else { return None };
        let container = self.demuxer.container();
        // In what is broadcast, tracks of one channel are programmes of their own.
        let broadcast = ["mpegts", "mpeg"].contains(&container.as_str());
        let of_cameras = tracks.len() == 2 || ["mov,mp4,m4a,3gp,3g2,mj2", "mxf"].contains(&container.as_str());
        let mono = tracks.iter().all(|track| track.channels == 1);
        if broadcast || !of_cameras || tracks.len() > MOST || !mono {
            return None;
        }
        let [one, other] = [first, second].map(|track| self.demuxer.stream(track.stream));
        let rest = |stream: &av::AVStream| stream.disposition & !av::AV_DISPOSITION_DEFAULT;
        let seconds = |stream: &av::AVStream, ticks| Some(ffi::seconds(known(ticks)?, rational(stream.time_base)?));
        let span = |stream: &av::AVStream| [stream.start_time, stream.duration].map(|ticks| seconds(stream, ticks));
        let mut ends = span(one).into_iter().zip(span(other));
        let together = ends.all(|(one, other)| one.zip(other).is_none_or(|(one, other)| (one - other).abs() < APART));
        if !self.are_sides([first, second]) || rest(one) != rest(other) || !together {
            return None;
        }
        match [side(one, first)?, side(other, second)?] {
            [Side::Left, Side::Right] => Some([first.track, second.track]),
            [Side::Right, Side::Left] => Some([second.track, first.track]),
            [Side::Unsaid, Side::Unsaid] if first.title == second.title => Some([first.track, second.track]),
            _ => None,
        }
    }
}

fn alone(track: &AudioInfo) -> AudioTake {
    AudioTake { track: track.track, right: None, stereo: false }
}

/// The code of a track's language, [`Language::UNKNOWN`] where it does not say.
fn spoken(track: &AudioInfo) -> String {
    let tag = track.language.as_deref().unwrap_or(Language::UNKNOWN);
    Language::of(tag).map_or_else(|| tag.to_owned(), |language| language.code().to_owned())
}

/// `1, 3, 4`.
fn numbers(tracks: impl Iterator<Item = usize>) -> String {
    tracks.map(|track| track.to_string()).collect::<Vec<_>>().join(", ")
}

fn assume_sides([left, right]: [usize; 2], assumptions: &mut Vec<Assumption>) {
    assumptions.push(Assumption {
        what: "audio track".into(),
        value: format!("{left} and {right}"),
        because: "tracks of one channel each, alike but for that, are left and right".to_owned(),
    });
}

/// Which side a track of one channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Unsaid,
}

/// None when it is neither left nor right.
fn side(stream: &av::AVStream, track: &AudioInfo) -> Option<Side> {
    // libav's bits for front left, front right, and front centre, which mono is.
    const LEFT: u64 = 1;
    const RIGHT: u64 = 2;
    const CENTRE: u64 = 4;
    // SAFETY: a stream has parameters; a layout of native order has a mask.
    let mask = unsafe {
        let layout = &(*stream.codecpar).ch_layout;
        if layout.order == av::AVChannelOrder::AV_CHANNEL_ORDER_NATIVE { layout.u.mask } else { CENTRE }
    };
    let title = track.title.as_deref().unwrap_or_default().to_lowercase();
    let named =
        |names: [&str; 2]| title.split(|letter: char| !letter.is_alphabetic()).any(|word| names.contains(&word));
    match (mask, named(["left", "l"]), named(["right", "r"])) {
        (LEFT, _, false) | (CENTRE, true, false) => Some(Side::Left),
        (RIGHT, false, _) | (CENTRE, false, true) => Some(Side::Right),
        (CENTRE, false, false) => Some(Side::Unsaid),
        _ => None,
    }
}

fn best_stream(demuxer: &Demuxer, kind: av::AVMediaType, related: Option<usize>) -> Option<usize> {
    let related = related.and_then(|index| c_int::try_from(index).ok()).unwrap_or(-1);
    // SAFETY: an opened context; no decoder is asked for.
    let best = unsafe { av::av_find_best_stream(demuxer.as_ptr(), kind, -1, related, ptr::null_mut(), 0) };
    usize::try_from(best).ok()
}
