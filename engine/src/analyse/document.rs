//! What was seen in a film, as a document.

use crate::cadence::{CadenceRun, GROUP};
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use crate::geometry::Rational;
use crate::source::{AudioTake, KeptAudio, SourceInfo, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the document's form and of how films are looked at: whoever changes what is seen raises it.
pub const VERSION: u32 = 5;
/// Seconds that no film lasts.
const LONGEST: f64 = 360_000.0;

/// What was seen in a film's pictures. Places are in thousandths of the upright picture's width and height, so that small
/// differences between processors vanish; times are ticks of `time_base` on the renditions' time line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Analysis {
    /// [`VERSION`].
    pub version: u32,
    /// Of the source that was looked at; none for one that cannot be told from others.
    pub fingerprint: Option<Fingerprint>,
    /// The part of it.
    pub span: Span,
    /// The track of the picture, from 1.
    pub track: usize,
    /// The tracks of sound that it was read with: the first was heard, and where recordings were joined, all have a say in where
    /// the times of the picture go on.
    pub audio: Vec<AudioTake>,
    /// Where the source's time line begins in the renditions', in ticks of the source.
    pub origin: i64,
    /// Seconds of a tick.
    pub time_base: Rational,
    /// Whether faces and persons were looked for.
    pub detectors: bool,
    /// The shots, in order, without gap.
    pub shots: Vec<SeenShot>,
    /// Level of the first track of sound in every tenth of a second from time 0 on, in decibels above -90 of full scale; nothing
    /// where there is none.
    pub sound: Vec<u8>,
    /// Subtitles and captions that are part of the picture, in order, one at a time; looked for where faces are.
    pub captions: Vec<SeenCaption>,
    /// What the fields of its frames are to one another: runs in order, the first from the first frame on.
    pub cadence: Vec<CadenceRun>,
    /// Brightest light in cd/m2, but for a thousandth of the samples of a picture, where the transfer is PQ and no metadata tells.
    pub peak: Option<u32>,
}

/// Text in the picture, for as long as it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeenCaption {
    /// Time of the first frame that has it.
    pub from: i64,
    /// Time of the first that no longer has it.
    pub to: i64,
    /// Left, top, width and height, in thousandths of the upright picture's, with a little room around it.
    pub bounds: [i32; 4],
}

/// The frames between two cuts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeenShot {
    /// Time of its first frame.
    pub start: i64,
    /// Time of its last frame.
    pub last: i64,
    /// Frames.
    pub frames: u64,
    /// How it begins.
    pub begins: Transition,
    /// What of the picture is border: the four sides, in samples of the upright grid.
    pub borders: Borders,
    /// Luma at its mean, of 255.
    pub brightness: u8,
    /// Whoever was seen, by tracks.
    pub tracks: Vec<Track>,
    /// What moved and stood out, several times a second.
    pub activity: Vec<Activity>,
}

/// How a shot begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Transition {
    /// As the film does.
    Film,
    /// With a cut.
    Cut,
    /// By a dissolve between these times, amid which it is said to begin.
    Dissolve {
        /// Its first time.
        from: i64,
        /// Its last.
        to: i64,
    },
    /// By way of black, between these times.
    Fade {
        /// Its first time.
        from: i64,
        /// Its last.
        to: i64,
    },
}

/// Sides of a picture that show nothing, in samples of the upright grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Borders {
    /// Columns at the left.
    pub left: u32,
    /// Rows at the top.
    pub top: u32,
    /// Columns at the right.
    pub right: u32,
    /// Rows at the bottom.
    pub bottom: u32,
}

/// One face or person for as long as it was followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Track {
    /// What it is.
    pub kind: SubjectKind,
    /// Luma, Cb and Cr of 8 bits of the upper and of the lower half of the chest, in the mean; none where it was not seen.
    pub clothes: Option<[u8; 6]>,
    /// How sharp a face is, from 0 to 200, in the mean: twice as much is twice as sharp, at the same light. 0 for a person.
    pub sharpness: u8,
    /// Where it was, in rising order of time.
    pub sightings: Vec<Sighting>,
}

/// What a subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// A face.
    Face,
    /// A whole person, or what is seen of it.
    Person,
}

/// Where a subject was at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "[i64; 7]", into = "[i64; 7]")]
#[schemars(with = "[i64; 7]")]
pub struct Sighting {
    /// When.
    pub time: i64,
    /// Left, top, width and height, in thousandths of the upright picture's; it may reach beyond it.
    pub bounds: [i32; 4],
    /// Hundredths of certainty; 0 where it was not recognised but followed by its texture.
    pub score: u8,
    /// How the mouth of a face has moved since the sighting before, beyond the rest of it, in the mean of the frames:
    /// two-hundredths of its contrast.
    pub mouth: u8,
}

impl From<Sighting> for [i64; 7] {
    fn from(Sighting { time, bounds: [x, y, width, height], score, mouth }: Sighting) -> Self {
        [time, x.into(), y.into(), width.into(), height.into(), score.into(), mouth.into()]
    }
}

impl From<[i64; 7]> for Sighting {
    fn from([time, bounds @ .., score, mouth]: [i64; 7]) -> Self {
        let within = |value: i64| i32::try_from(value.clamp(-100_000, 100_000)).unwrap_or(0);
        let small = |value: i64, most: i64| u8::try_from(value.clamp(0, most)).unwrap_or(0);
        Self { time, bounds: bounds.map(within), score: small(score, 100), mouth: small(mouth, 255) }
    }
}

/// What moved, the camera's own motion taken out, and what stood out, since the time before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "[i64; 6]", into = "[i64; 6]")]
#[schemars(with = "[i64; 6]")]
pub struct Activity {
    /// When.
    pub time: i64,
    /// Centre of what moved, x and y in thousandths of the picture.
    pub moving: [i32; 2],
    /// How much moved, in thousandths of the picture's contrast.
    pub motion: i32,
    /// Centre of what stands out, x and y in thousandths of the picture.
    pub salient: [i32; 2],
}

impl From<Activity> for [i64; 6] {
    fn from(Activity { time, moving, motion, salient }: Activity) -> Self {
        [time, moving[0].into(), moving[1].into(), motion.into(), salient[0].into(), salient[1].into()]
    }
}

impl From<[i64; 6]> for Activity {
    fn from([time, rest @ ..]: [i64; 6]) -> Self {
        let [x, y, motion, salient_x, salient_y] =
            rest.map(|value| i32::try_from(value.clamp(-100_000, 100_000)).unwrap_or(0));
        Self { time, moving: [x, y], motion, salient: [salient_x, salient_y] }
    }
}

impl Analysis {
    /// Reads a document; `name` is what to call it in errors.
    ///
    /// # Errors
    /// [`Error::BadPlan`] when it is none, or one of another version.
    pub fn from_json(text: &str, name: &str) -> Result<Self> {
        let bad = |why: String| Error::BadPlan { name: name.to_owned(), line: None, why };
        let analysis: Self = serde_json::from_str(text).map_err(|error| bad(format!("is no analysis: {error}")))?;
        if analysis.version != VERSION {
            let why =
                format!("is an analysis of version {}, and this Upright makes version {VERSION}", analysis.version);
            return Err(bad(why));
        }
        analysis.check().map_err(bad)?;
        Ok(analysis)
    }

    /// Says what cannot be: shots that do not follow one another, or last longer than any film.
    fn check(&self) -> Result<(), String> {
        let Rational { num, den } = self.time_base;
        if num <= 0 || den <= 0 || self.shots.is_empty() {
            return Err("has no shots, or no time base".to_owned());
        }
        for (number, pair) in self.shots.windows(2).enumerate() {
            if pair[0].last >= pair[1].start {
                return Err(format!("shot {} begins before the one before it has ended", number + 2));
            }
        }
        if let Some(number) = self.shots.iter().position(|shot| shot.last < shot.start) {
            return Err(format!("shot {} ends before it begins", number + 1));
        }
        let lasts = self.captions.iter().all(|caption| caption.from < caption.to);
        if !lasts || self.captions.windows(2).any(|pair| pair[0].to > pair[1].from) {
            return Err("has captions that end before they begin, or that overlap".to_owned());
        }
        let rises = self.cadence.windows(2).all(|pair| pair[0].start < pair[1].start);
        if self.cadence.is_empty() || !rises || self.cadence.iter().any(|run| run.phase >= GROUP) {
            return Err("has runs of fields out of order, or none".to_owned());
        }
        let [first, last] = [self.shots.first(), self.shots.last()];
        let length = last.zip(first).map_or(0, |(last, first)| last.last.saturating_sub(first.start));
        #[expect(clippy::cast_precision_loss, reason = "a bound")]
        let seconds = length as f64 * self.time_base.as_f64();
        if seconds > LONGEST { Err("lasts longer than any film".to_owned()) } else { Ok(()) }
    }

    /// The document as a text.
    ///
    /// # Errors
    /// None for any that was made or read here.
    pub fn to_json(&self) -> Result<String> {
        let text = serde_json::to_string(self);
        text.map(|text| text + "\n").map_err(|error| Error::misuse(format!("the analysis cannot be written: {error}")))
    }

    /// Tells whether it is of this source, of this part of it, and of the sound that is kept of it.
    pub fn is_of(&self, source: &SourceInfo) -> bool {
        self.fingerprint.is_some()
            && self.fingerprint == source.fingerprint
            && self.span == source.span
            && self.audio.iter().copied().eq(source.audio_kept.iter().map(KeptAudio::take))
            && (self.track, self.origin, self.time_base)
                == (source.video.track, source.video.origin, source.video.time_base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cadence::{Cadence, Field};

    fn document() -> Analysis {
        let shot = |start, last| SeenShot {
            start,
            last,
            frames: 2,
            begins: Transition::Dissolve { from: start - 3, to: start + 3 },
            borders: Borders { left: 1, top: 2, right: 3, bottom: 4 },
            brightness: 90,
            tracks: vec![Track {
                kind: SubjectKind::Person,
                clothes: Some([90, 120, 130, 40, 128, 128]),
                sharpness: 0,
                sightings: vec![Sighting { time: start, bounds: [-5, 0, 300, 1010], score: 0, mouth: 9 }],
            }],
            activity: vec![Activity { time: start, moving: [1, 2], motion: 3, salient: [4, 5] }],
        };
        Analysis {
            version: VERSION,
            fingerprint: None,
            span: Span::default(),
            track: 1,
            audio: vec![AudioTake { track: 2, right: Some(1), stereo: false }],
            origin: -7,
            time_base: Rational { num: 1, den: 25 },
            detectors: true,
            shots: vec![shot(0, 40), shot(41, 90)],
            sound: vec![0, 57, 90],
            captions: vec![SeenCaption { from: 3, to: 50, bounds: [300, 850, 400, 60] }],
            cadence: vec![CadenceRun { start: 0, cadence: Cadence::Telecined, first: Field::Bottom, phase: 4 }],
            peak: Some(1000),
        }
    }

    #[test]
    fn documents_come_back_as_they_were_written() {
        let text = document().to_json().unwrap();
        assert_eq!(Analysis::from_json(&text, "film.analysis.json").unwrap(), document());
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_reason() {
        let refused = |edit: fn(&mut Analysis), word: &str| {
            let mut analysis = document();
            edit(&mut analysis);
            match Analysis::from_json(&analysis.to_json().unwrap(), "film.analysis.json") {
                Err(Error::BadPlan { name, why, .. }) => {
                    assert!(name == "film.analysis.json" && why.contains(word), "{why}");
                }
                other => panic!("{other:?}"),
            }
        };
        refused(|analysis| analysis.version = 7, "version 7");
        refused(|analysis| analysis.shots.clear(), "no shots");
        refused(|analysis| analysis.shots[1].start = 40, "shot 2");
        refused(|analysis| analysis.shots[1].last = 3, "shot 2");
        refused(|analysis| analysis.shots[1].last = i64::MAX, "longer");
        refused(|analysis| analysis.captions[0].to = 3, "captions");
        refused(|analysis| analysis.cadence.clear(), "fields");
        refused(|analysis| analysis.cadence[0].phase = 5, "fields");
        refused(|analysis| analysis.captions.push(analysis.captions[0]), "overlap");
        assert!(Analysis::from_json("{}", "film.analysis.json").is_err());
        assert!(Analysis::from_json("notes", "film.analysis.json").is_err());
    }
}
