//! Keys of encoded segments.

use crate::burn_in::{BurnInFont, PlacedCue};
use crate::encode::EncoderSettings;
use crate::error::{Error, Result};
use crate::fingerprint::Sha256Hex;
use crate::picture::tone::LookPlace;
use crate::plan::{Caption, ConvertedColour, CropKey, FieldRun, Interpolation, Layout, Plan, Segment, Shot, Upscale};
use crate::time::Time;
use crate::versions::versions;
use serde::Serialize;
use std::collections::BTreeSet;

/// Version of all of ours that decides on samples and on what encoders are told: decoding, cropping, scaling, dither, the
/// way of settings to encoders. It rises with every change that may change a byte of an encoded segment.
pub const SAMPLES_VERSION: u32 = 3;

/// The key of one rung of one segment: the SHA-256 of all that its bytes follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SegmentKey(pub(super) Sha256Hex);

impl std::fmt::Display for SegmentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The keys of a plan's segments.
#[derive(Clone, Debug)]
pub(crate) struct SegmentKeys {
    plan: Plan,
    /// Text of what all segments have in common.
    common: String,
}

/// What all segments of a plan have in common.
#[derive(Serialize)]
struct Common<'a> {
    samples_version: u32,
    encoder_version: &'a str,
    /// Of what demuxes and decodes.
    libav_versions: [Option<String>; 2],
    fingerprint: &'a crate::fingerprint::Fingerprint,
    span: crate::source::Span,
    video: &'a crate::source::VideoInfo,
    scan: Option<crate::source::Scan>,
    /// Where the times of frames are judged with the help of the sound, which tracks that is.
    sound: Option<Vec<usize>>,
}

/// What is one segment's own.
#[derive(Serialize)]
struct Own<'a> {
    segment: Segment,
    key_frames: crate::plan::KeyFrameRule,
    /// Whatever of the shots shows in it.
    shots: Vec<ShownShot>,
    /// What is made of the fields of its frames, and of those next to it. Nothing where frames are taken as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldRun>,
    /// The noise that is taken out. Nothing where it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    denoise: Option<[u16; 3]>,
    /// How its colours are converted. Nothing where they stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    colour: Option<ShownColour<'a>>,
    /// How it is enlarged. Nothing where that is with Lanczos' kernel, as it was by a version that knew no other
    /// way.
    #[serde(skip_serializing_if = "Option::is_none")]
    upscale: Option<Upscale>,
    /// The text that is drawn over its pictures. Nothing where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<ShownText<'a>>,
    encoder: &'a EncoderSettings,
}

/// What of text shows.
#[derive(Serialize)]
struct ShownText<'a> {
    language: Option<&'a str>,
    /// Not where they lie.
    fonts: Vec<ShownFont<'a>>,
    cues: Vec<PlacedCue>,
}

/// What of a font shows.
#[derive(Serialize)]
struct ShownFont<'a> {
    sha256: &'a Sha256Hex,
    index: u32,
    bold: bool,
    italic: bool,
    weight: Option<u16>,
    slanted: bool,
}

/// What of a shot shows: the rest is said of it.
#[derive(Debug, PartialEq, Serialize)]
struct ShownShot {
    start: Time,
    end: Option<Time>,
    track: Vec<CropKey>,
    /// Nothing where one window fills the renditions, which then may have been encoded by a version that knew no other way.
    #[serde(skip_serializing_if = "Option::is_none")]
    layers: Option<ShownLayers>,
}

/// What shows of a shot besides one window.
#[derive(Debug, PartialEq, Serialize)]
struct ShownLayers {
    layout: Layout,
    lower: Vec<CropKey>,
    /// The first window of the tracks, on which it depends where plates lie.
    first: Vec<CropKey>,
    captions: Vec<Caption>,
}

/// What of a conversion of colours shows.
#[derive(Serialize)]
struct ShownColour<'a> {
    peak: Option<u32>,
    look: Option<(&'a Sha256Hex, LookPlace)>,
}

impl<'a> ShownFont<'a> {
    fn of(font: &'a BurnInFont) -> Self {
        let &BurnInFont { ref sha256, index, bold, italic, weight, slanted, .. } = font;
        Self { sha256, index, bold, italic, weight, slanted }
    }
}

impl<'a> ShownColour<'a> {
    fn of(colour: &'a ConvertedColour) -> Self {
        Self { peak: colour.peak, look: colour.look.as_ref().map(|look| (&look.sha256, look.place)) }
    }
}

impl SegmentKeys {
    /// The keys for a plan whose encoder is of this version.
    ///
    /// # Errors
    /// [`Error::NotInSource`] when the source cannot be told by its content, or was not read to its end when the plan was
    /// made.
    pub(crate) fn new(plan: &Plan, encoder_version: &str) -> Result<Self> {
        let found = &plan.found;
        let fingerprint = found.fingerprint.as_ref().filter(|fingerprint| fingerprint.bytes.is_some());
        let (Some(fingerprint), Some(_)) = (fingerprint, plan.segments()) else {
            let why = "its segments are not known beforehand, and cannot be kept in a store; a file that is no playlist has \
                       them listed in its plan";
            return Err(Error::not_in_source(format!("{}: {why}", found.name)));
        };
        let common = Common {
            samples_version: SAMPLES_VERSION,
            encoder_version,
            fingerprint,
            span: found.span,
            video: &found.video,
            // How many bytes its packets have shows in nothing but what is wanted.
            scan: found.scan.map(|scan| crate::source::Scan { packet_bytes: None, ..scan }),
            libav_versions: ["libavformat", "libavcodec"].map(|library| versions().remove(library)),
            sound: found.scan.is_none_or(|scan| !scan.can_skip).then(|| {
                let tracks = plan.wanted.audio.iter().flat_map(|audio| audio.take().tracks());
                tracks.collect::<BTreeSet<_>>().into_iter().collect()
            }),
        };
        let common = serde_json::to_string(&common).map_err(|error| unwritable(&error))?;
        Ok(Self { plan: plan.clone(), common })
    }

    /// The key of rung `rung` of segment `number`.
    ///
    /// # Errors
    /// [`Error::Misuse`] when the plan has no such segment or rung.
    pub(crate) fn key(&self, number: usize, rung: usize) -> Result<SegmentKey> {
        let segment = self.plan.segments().and_then(|list| list.get(number)).copied();
        let follows = self.plan.follows.rungs.get(rung);
        let missing = || Error::misuse(format!("the plan has no rung {rung} of a segment {number}"));
        let (segment, follows) = segment.zip(follows).ok_or_else(missing)?;
        // The first has the frames before its beginning too.
        let start = if number == 0 { segment.start.min(Time::ZERO) } else { segment.start };
        let shown = Segment { start, ..segment };
        let own = Own {
            segment,
            key_frames: self.plan.wanted.key_frames,
            shots: shots_within(&self.plan.wanted.shots, shown),
            fields: fields_within(&self.plan.wanted.fields, shown),
            denoise: self.plan.wanted.denoise.as_ref().map(|denoise| denoise.noise),
            colour: self.plan.wanted.colour.as_ref().filter(|_| follows.converted).map(ShownColour::of),
            upscale: Some(self.plan.wanted.upscale).filter(|&upscale| upscale != Upscale::Lanczos),
            text: self.text_within(shown),
            encoder: &self.plan.encoder_settings(rung, number).ok_or_else(missing)?,
        };
        let own = serde_json::to_string(&own).map_err(|error| unwritable(&error))?;
        Ok(SegmentKey(Sha256Hex::of(format!("{}\n{own}", self.common).as_bytes())))
    }

    /// Picks what of the text shows in a segment.
    fn text_within(&self, segment: Segment) -> Option<ShownText<'_>> {
        let (wanted, placed) = self.plan.wanted.burn_in.as_ref().zip(self.plan.text.as_ref())?;
        let shows = |placed: &&PlacedCue| {
            placed.cue.end > segment.start && segment.end.is_none_or(|end| placed.cue.start < end)
        };
        // When it begins before the segment, or ends after it, does not matter.
        let within = |placed: &PlacedCue| {
            let mut placed = placed.clone();
            placed.cue.start = placed.cue.start.max(segment.start);
            placed.cue.end = segment.end.map_or(placed.cue.end, |end| placed.cue.end.min(end));
            placed
        };
        let cues: Vec<_> = placed.cues().iter().filter(shows).map(within).collect();
        (!cues.is_empty()).then(|| ShownText {
            language: wanted.language.as_deref(),
            fonts: wanted.fonts.iter().map(ShownFont::of).collect(),
            cues,
        })
    }
}

fn unwritable(error: &serde_json::Error) -> Error {
    Error::misuse(format!("a key cannot be made: {error}"))
}

/// Picks the runs of fields that frames of a segment lie in, and those a second before and after it.
fn fields_within(runs: &[FieldRun], segment: Segment) -> Vec<FieldRun> {
    let second = |time: Time, seconds: f64| time.seconds().as_f64() + seconds;
    let begin = second(segment.start, -1.0);
    let end = segment.end.map_or(f64::INFINITY, |end| second(end, 1.0));
    let first = runs.partition_point(|run| run.start.seconds().as_f64() <= begin).saturating_sub(1);
    let last = runs.partition_point(|run| run.start.seconds().as_f64() < end);
    runs[first.min(last)..last].to_vec()
}

/// Cuts out what of the shots shows in a segment: their cuts in it, and the keys that its windows lie between. The rest may be edited
/// without changing a frame of the segment.
fn shots_within(shots: &[Shot], segment: Segment) -> Vec<ShownShot> {
    let before_end = |time: Time| segment.end.is_none_or(|end| time < end);
    // They rise.
    let first = shots.partition_point(|shot| shot.end.is_some_and(|end| end <= segment.start));
    let end = shots.partition_point(|shot| before_end(shot.start));
    shots[first.min(end)..end]
        .iter()
        .map(|shot| {
            // Where a shot begins before the segment, or ends after it, does not matter.
            let start = shot.start.max(segment.start);
            let shot_end = shot.end.filter(|&end| before_end(end));
            let layers = (!shot.is_plain()).then(|| ShownLayers {
                layout: shot.layout,
                lower: track_within(&shot.lower, segment),
                first: shot.track.iter().take(1).chain(shot.lower.first()).copied().collect(),
                captions: shot
                    .captions
                    .iter()
                    .filter(|caption| before_end(caption.from) && caption.to > segment.start)
                    .copied()
                    .collect(),
            });
            ShownShot { start, end: shot_end, track: track_within(&shot.track, segment), layers }
        })
        .collect()
}

/// Cuts out what of a track shows in a segment: from the last key at or before the segment's beginning to the first at or after its
/// end, if the window is on its way there.
fn track_within(track: &[CropKey], segment: Segment) -> Vec<CropKey> {
    let before_end = |time: Time| segment.end.is_none_or(|end| time < end);
    let first = track.partition_point(|key| key.time <= segment.start).saturating_sub(1);
    let end = track.partition_point(|key| before_end(key.time));
    let leads_on = track[..end].last().is_none_or(|key| key.then != Interpolation::Hold);
    let end = (end + usize::from(leads_on)).min(track.len());
    let mut shown = track[first.min(end)..end].to_vec();
    // A window that holds is the same whenever its key is, and from the last key no way leads on.
    if let [only] = shown.as_mut_slice() {
        only.time = segment.start;
    }
    if let Some(last) = shown.last_mut() {
        last.then = Interpolation::Hold;
    }
    shown
}

#[cfg(test)]
mod tests;
