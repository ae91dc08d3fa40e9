//! The plan as a document: three parts, read and written as JSON.

use super::check::{self, Violation};
use super::fields::{FieldPictures, PARTS};
use super::follows::{Follows, RungFollows};
use super::migrate;
use super::segments::{Segment, Segmentation, Segmenter};
use super::track::{self, Shot};
use super::wanted::{Wanted, WantedAudio};
use crate::av1::FilmGrain;
use crate::burn_in::{BurnedText, TextRung};
use crate::colour::HdrMetadata;
use crate::encode::EncoderSettings;
use crate::error::{Error, Result};
use crate::fingerprint::Sha256Hex;
use crate::frame::{FrameFormat, Subsampling};
use crate::geometry::{Rational, Size, Window};
use crate::intervals::Intervals;
use crate::locate;
use crate::picture::tone::MapSpec;
use crate::picture::{ComposeSpec, DEINTERLACER, Graph, Layers, Overlays, ScaleSpec};
use crate::sidecar::SubtitleFile;
use crate::source::{AudioChoice, AudioInfo, OpenOptions, SoundForm, SourceInfo, VideoChoice};
use crate::time::Time;
use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// Version of the plan's JSON form.
pub const VERSION: u32 = 3;

/// Frames of a segment that is too long to wait in memory, decoded or encoded, for others: a minute, about.
const LONG_SEGMENT: u64 = 1800;

/// Everything that will be done to one source: a document in three parts. Fractions and times are text (`"30000/1001"`),
/// absent values are `null`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Plan {
    /// [`VERSION`].
    pub version: u32,
    /// What was found in the source. Not to be edited: a source that is not as it says is refused.
    pub found: SourceInfo,
    /// What is wanted of it. To be edited.
    pub wanted: Wanted,
    /// What follows from both. Worked out anew when the document is read, whatever it says.
    pub follows: Follows,
    /// The conversion of colours, whose table is computed once.
    #[serde(skip)]
    pub(crate) map: Option<MapSpec>,
    /// The text over the pictures, in its places.
    #[serde(skip)]
    pub(crate) text: Option<Arc<BurnedText>>,
}

/// A plan as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "version")]
    _version: IgnoredAny,
    found: SourceInfo,
    wanted: Wanted,
    #[serde(rename = "follows", default)]
    _follows: IgnoredAny,
}

/// Of a plan of any version.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Plan {
    /// A plan of these parts.
    ///
    /// # Errors
    /// The rule that it breaks, and where.
    pub(super) fn assemble(found: SourceInfo, wanted: Wanted) -> Result<Self, Violation> {
        let key_frames = check::encoder_capabilities(&wanted)?.key_frames;
        check::check(&found, &wanted, key_frames)?;
        let follows = Follows::of(&found, &wanted, key_frames);
        let map = wanted.colour.as_ref().and_then(|colour| colour.map(&found.video).ok());
        let text = check::text(&wanted)?.map(Arc::new);
        let mut plan = Self { version: VERSION, found, wanted, follows, map, text };
        plan.follows.memory = plan.memory_of_one_segment();
        Ok(plan)
    }

    /// Checks the plan by all rules and works out what follows anew: to be called after it was changed.
    ///
    /// # Errors
    /// [`Error::BadPlan`] that says where which rule is broken.
    pub fn update(self) -> Result<Self> {
        let name = self.found.name.clone();
        Self::assemble(self.found, self.wanted).map_err(|violation| violation.in_plan(&name))
    }

    /// Reads a plan; `name` is what to call the document in errors.
    ///
    /// # Errors
    /// [`Error::BadPlan`] that names the line and what is wrong there: it is no JSON, has an unknown field in what is
    /// wanted, breaks a rule, or is of another version.
    pub fn from_json(text: &str, name: &str) -> Result<Self> {
        let bad = |line, why: String| Error::BadPlan { name: name.to_owned(), line, why };
        let unreadable = |error: serde_json::Error| {
            let line = u64::try_from(error.line()).ok().filter(|&line| line > 0);
            bad(line, without_place(&error.to_string()))
        };
        let Versioned { version } = serde_json::from_str(text).map_err(unreadable)?;
        match version {
            migrate::EARLIEST..=VERSION => {}
            1 => {
                let why = "is a plan of version 1, which could be printed and not read; make it anew from the source";
                return Err(bad(None, why.to_owned()));
            }
            _ => {
                let why = format!(
                    "is a plan of version {version}, and this Upright reads none later than {VERSION}; use a newer one"
                );
                return Err(bad(None, why));
            }
        }
        let text = if version == VERSION { Cow::Borrowed(text) } else { Cow::Owned(migrate::from_version_2(text)) };
        let Document { found, wanted, .. } = serde_json::from_str(&text).map_err(unreadable)?;
        Self::assemble(found, wanted).map_err(|Violation { path, why }| bad(locate::line_of(&text, &path), why))
    }

    /// The plan in one line of JSON, the same for equal plans.
    ///
    /// # Errors
    /// None for any plan that was made or read here; [`Error::Misuse`] for one whose numbers JSON cannot hold.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| unwritable(&error))
    }

    /// The plan as JSON for people to edit.
    ///
    /// # Errors
    /// As [`Plan::to_json`].
    pub fn to_pretty_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n").map_err(|error| unwritable(&error))
    }

    /// The SHA-256 of what was found but for the source's name, and of what is wanted, as one line of JSON: equal for plans
    /// that do the same to the same source, wherever it lies.
    ///
    /// # Errors
    /// As [`Plan::to_json`].
    pub fn hash(&self) -> Result<Sha256Hex> {
        let found = SourceInfo { name: String::new(), ..self.found.clone() };
        let text = serde_json::to_string(&(self.version, found, &self.wanted)).map_err(|error| unwritable(&error))?;
        Ok(Sha256Hex::of(text.as_bytes()))
    }

    /// The schema of the document, by JSON Schema 2020-12.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// Checks that `source`, opened as the plan says, is what the plan was made from, as far as can be told: by its
    /// fingerprint and by all that was found in it.
    ///
    /// # Errors
    /// [`Error::OtherSource`] that says what is not as it was.
    pub fn check_source(&self, source: &SourceInfo) -> Result<()> {
        self.first_difference(source)
            .map_or(Ok(()), |(what, _)| Err(Error::OtherSource { name: source.name.clone(), what, line: None }))
    }

    /// As [`Plan::check_source`], for a plan that was read from `text`.
    ///
    /// # Errors
    /// [`Error::OtherSource`] that says what is not as it was, and where the text says how that was.
    pub fn check_source_of_document(&self, source: &SourceInfo, text: &str) -> Result<()> {
        self.first_difference(source).map_or(Ok(()), |(what, path)| {
            let path: Vec<_> = ["found"].iter().chain(path).map(|name| locate::PathStep::Field(name)).collect();
            Err(Error::OtherSource { name: source.name.clone(), what, line: locate::line_of(text, &path) })
        })
    }

    /// Finds what is not as it was, and where in what was found it is told.
    fn first_difference(&self, source: &SourceInfo) -> Option<(&'static str, &'static [&'static str])> {
        type Difference = (&'static str, &'static [&'static str], bool);
        let (planned, video, planned_video) = (&self.found, &source.video, &self.found.video);
        let ticks = |info: &SourceInfo| (info.video.time_base, info.video.frame_rate);
        let same: [Difference; 10] = [
            ("content", &["fingerprint"], planned.fingerprint == source.fingerprint),
            ("container", &["container"], planned.container == source.container),
            ("duration", &["duration"], planned.duration == source.duration),
            ("video stream", &["video", "stream"], planned_video.stream == video.stream),
            ("part that is asked for", &["span"], planned.span == source.span),
            (
                "picture",
                &["video", "upright"],
                planned_video.upright == video.upright && planned_video.format == video.format,
            ),
            ("colour", &["video", "colour"], planned_video.colour == video.colour && planned_video.hdr == video.hdr),
            ("frame rate", &["video", "frame_rate"], ticks(planned) == ticks(source)),
            ("beginning", &["video", "origin"], planned_video.origin == video.origin),
            ("sound", &["audio"], same_tracks(&planned.audio, &source.audio)),
        ];
        same.into_iter().find(|(_, _, same)| !same).map(|(what, path, _)| (what, path))
    }

    /// Says how the source is opened for the plan to be carried out: with the tracks, the part and the beginning that it
    /// names. `protocols` are those of [`OpenOptions`], which no document decides on.
    pub fn open_options(&self, protocols: Vec<String>) -> OpenOptions {
        let audio = match self.wanted.audio.as_slice() {
            [] => AudioChoice::None,
            wanted => AudioChoice::Exactly(wanted.iter().map(WantedAudio::take).collect()),
        };
        let (program, video) = (self.found.program, VideoChoice::Track(self.found.video.track));
        let (span, origin) = (self.found.span, Some(self.found.video.origin));
        let sound = self.sound_form();
        OpenOptions { protocols, program, video, audio, sound, span, origin, ..OpenOptions::default() }
    }

    /// Says how the source gives the sound that is wanted of it.
    pub(crate) fn sound_form(&self) -> SoundForm {
        self.wanted.sound_form()
    }

    /// As [`Plan::open_options`], for work on single segments: without the sound, unless it is needed to tell the frames'
    /// times.
    pub fn open_options_for_segments(&self, protocols: Vec<String>) -> OpenOptions {
        let open = self.open_options(protocols);
        if self.found.scan.is_some_and(|scan| scan.can_skip) {
            OpenOptions { audio: AudioChoice::None, ..open }
        } else {
            open
        }
    }

    /// Ticks of the renditions' pictures: the source's, or quarters of them where pictures are made of fields.
    pub fn time_base(&self) -> Rational {
        let Rational { num, den } = self.found.video.time_base;
        if self.wanted.makes_fields() {
            Rational { num, den: den.saturating_mul(PARTS) }
        } else {
            Rational { num, den }
        }
    }

    /// Nominal frames a second of the renditions: the source's, or that of what is made of its fields for most of the film.
    pub fn frame_rate(&self) -> Rational {
        self.wanted.frame_rate(&self.found)
    }

    /// Tells which pictures are made of the frames, where they are made of fields, and which frames are neighbours.
    pub(crate) fn field_pictures(&self) -> FieldPictures {
        let video = &self.found.video;
        FieldPictures::new(&self.wanted.fields, video.time_base, video.frame_rate)
    }

    /// Ticks of a frame at the nominal rate, at least 1.
    pub fn frame_ticks(&self) -> i64 {
        let (ticks, rate) = (self.time_base(), self.frame_rate());
        (rate.den.saturating_mul(ticks.den) / rate.num.saturating_mul(ticks.num).max(1)).max(1)
    }

    /// Gives the files of subtitles with their numbers among the tracks of subtitles: they follow those of the source.
    pub fn subtitle_files(&self) -> impl Iterator<Item = (usize, &SubtitleFile)> {
        let of_source = self.found.passed_over.iter().filter(|stream| stream.kind == "subtitle");
        let last = of_source.map(|stream| stream.track).max().unwrap_or(0);
        (last + 1..).zip(&self.wanted.subtitles)
    }

    /// Segments; none where they are cut while the film is decoded.
    pub fn segments(&self) -> Option<&[Segment]> {
        match &self.wanted.segments {
            Segmentation::List(list) => Some(list),
            Segmentation::AsDecoded { .. } => None,
        }
    }

    /// Frames of the film, as far as the container tells; none where it was not read to its end.
    pub fn frames(&self) -> Option<u64> {
        self.wanted.frames()
    }

    /// Frames of the longest segment, but for what is longer than [`LONG_SEGMENT`], or as many as the rule makes at the
    /// nominal rate.
    pub(crate) fn segment_frames(&self) -> usize {
        let frames = match &self.wanted.segments {
            Segmentation::List(list) => list.iter().map(|segment| segment.frames).max().unwrap_or(1).min(LONG_SEGMENT),
            Segmentation::AsDecoded { key_frames } => {
                let keys = key_frames.map_or(0, std::num::NonZeroU32::get);
                let seconds = self.wanted.key_frames.interval.as_f64() * f64::from(keys);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to a film's")]
                let frames = (seconds * self.frame_rate().as_f64()).ceil().clamp(1.0, 1e6) as u64;
                frames
            }
        };
        usize::try_from(frames.clamp(1, 1_000_000)).unwrap_or(1)
    }

    /// Tells whether segments are encoded one after the other: there is but one, or some are so long that those which overtake
    /// them could not wait in memory.
    pub(crate) fn is_sequential(&self) -> bool {
        match &self.wanted.segments {
            Segmentation::List(list) => list.len() <= 1 || list.iter().any(|segment| segment.frames > LONG_SEGMENT),
            Segmentation::AsDecoded { key_frames } => key_frames.is_none(),
        }
    }

    /// Gives the segments for delivery, where renditions are cut: where the encoder counts frames, as long as these have it.
    pub(crate) fn delivery_segments(&self) -> Option<Intervals> {
        let cmaf = self.wanted.formats.cmaf?;
        let intervals = cmaf.intervals(self.wanted.key_frames.interval).unwrap_or(1);
        let rate = self.frame_rate();
        let counted = self.wanted.key_frames.frames.map(|frames| {
            Rational::new(i64::from(frames.get()).saturating_mul(intervals).saturating_mul(rate.den), rate.num)
        });
        Some(Intervals { each: counted.unwrap_or(cmaf.segment), anew: self.wanted.key_frames.first_segment })
    }

    /// Makes what cuts the film into the segments of the plan.
    pub(crate) fn segmenter(&self) -> Segmenter {
        let Wanted { shots, key_frames, segments, .. } = &self.wanted;
        let cuts = shots.iter().skip(1).map(|shot| shot.start).collect();
        Segmenter::new(*key_frames, self.follows.key_frames, self.time_base(), cuts, segments.clone())
    }

    /// The layers of the frame presented at `pts`, in samples of the upright grid. None without a shot, or a key.
    pub fn layers(&self, pts: i64) -> Option<Layers> {
        let time = Time::of_ticks(pts, self.time_base());
        let mut layers = track::shot_at(&self.wanted.shots, time)?.layers_at(time, self.shape())?;
        let picture = &self.found.video.upright;
        for layer in &mut layers {
            layer.window = picture.to_grid(layer.window.moved_inside(picture.width(), picture.height()));
        }
        Some(Layers::new(&layers)?.under(self.text.as_ref().and_then(|text| text.shown_at(time))))
    }

    /// Width of the renditions over their height.
    fn shape(&self) -> f64 {
        self.wanted.rungs.first().map_or(1.0, |rung| f64::from(rung.width) / f64::from(rung.height))
    }

    /// Gives the graph that makes the rungs' pictures of the source's.
    pub fn graph(&self) -> Graph {
        let mut graph = Graph::new(self.found.video.format);
        let fields = self.wanted.makes_fields();
        let whole = if fields { graph.planes(Graph::SOURCE, &DEINTERLACER) } else { Graph::SOURCE };
        let setting = self.wanted.denoise.as_ref().map(|denoise| denoise.setting(self.found.video.format.depth));
        let whole = setting.map_or(whole, |noise| graph.denoise(whole, noise));
        for converted in [true, false] {
            let scale = self.scale_spec(converted);
            if scale.rungs.is_empty() {
                continue;
            }
            let whole = if converted { self.map.iter().fold(whole, |edge, map| graph.map(edge, map)) } else { whole };
            let cropped = graph.crop(whole);
            let rungs = if self.wanted.shots.iter().all(Shot::is_plain) {
                graph.scale(cropped, &scale)
            } else {
                graph.compose(cropped, &self.compose_spec(scale))
            };
            if let Some((text, rung)) = self.text.as_ref().zip(rungs.first()) {
                let follows = self.follows.rungs.iter().filter(|rung| rung.converted == converted);
                let colours = follows.map(|rung| rung.colour).collect();
                let text: Arc<dyn Overlays> = Arc::new(TextRung { text: Arc::clone(text), colours });
                graph.lay_over(*rung, &text);
            }
            rungs.into_iter().for_each(|rung| graph.output(rung));
        }
        graph
    }

    /// Describes how pictures are put together of layers.
    fn compose_spec(&self, scale: ScaleSpec) -> ComposeSpec {
        let mut spec = ComposeSpec { scale, bands: Vec::new() };
        let picture = &self.found.video.upright;
        for shot in self.wanted.shots.iter().filter(|shot| !shot.is_plain()) {
            let all = shot.bands(self.shape());
            // What a source frame holds is enough for all of its layers, and so for whatever lies between them.
            let captions = shot.captions.iter().map(|caption| caption.strip);
            let windows = shot.track.iter().chain(&shot.lower).map(|key| key.window).chain(captions);
            let around = windows.reduce(Window::union).map(|window| picture.to_grid(window));
            for (number, layer) in
                all.iter().enumerate().flat_map(|(number, all)| all.iter().map(move |it| (number, it)))
            {
                let Window { width, height, .. } = picture.to_grid(layer.window);
                spec.add(number, layer.band, (width, height), around.map(|around| (around.width, around.height)));
            }
        }
        spec
    }

    /// Describes how pictures are scaled to the rungs: those in the source's own colour, or those whose colours are converted.
    pub fn scale_spec(&self, converted: bool) -> ScaleSpec {
        let source = &self.found.video;
        let grid = self.map.as_ref().filter(|_| converted).map_or(source.format, MapSpec::output);
        let rungs: Vec<_> = self.follows.rungs.iter().filter(|rung| rung.converted == converted).collect();
        let mut spec = ScaleSpec {
            source: grid,
            room: Size { width: grid.width, height: grid.height },
            source_chroma: self.found.video.colour.chroma,
            full_range: source.colour.full_range && !converted,
            rungs: rungs.iter().map(|rung| Self::rung_format(rung)).collect(),
            rung_chroma: rungs.first().map_or(self.follows.colour.chroma, |rung| rung.colour.chroma),
            resampling: self.wanted.upscale.resampling(),
        };
        // No frame's window is larger than the larger of the two keys that it lies between.
        let keys = self.wanted.shots.iter().flat_map(|shot| &shot.track);
        let windows = keys.map(|key| self.found.video.upright.to_grid(key.window));
        spec.room = spec.room_for(windows.map(|window| (window.width, window.height)));
        spec
    }

    /// Format of the largest frame of the source that is kept.
    pub(crate) fn largest_source_frame(&self) -> FrameFormat {
        self.graph().largest_source()
    }

    /// Gives the format of a rung's frames.
    pub fn rung_format(rung: &RungFollows) -> FrameFormat {
        let Size { width, height } = rung.size;
        FrameFormat { width, height, subsampling: Subsampling::CS420, depth: rung.depth }
    }

    /// Gives the metadata of high dynamic range of a rung.
    pub(crate) fn hdr(&self, rung: &RungFollows) -> HdrMetadata {
        if rung.converted { HdrMetadata::default() } else { self.found.video.hdr }
    }

    /// Gives the quality of a segment of a rendition, both by their numbers from 0.
    pub fn quality(&self, rung: usize, segment: usize) -> u8 {
        let qualities = self.wanted.rates.get(rung).map(|rate| &rate.qualities);
        qualities.and_then(|qualities| qualities.get(segment)).copied().unwrap_or(self.wanted.encoder.quality)
    }

    /// Gives the settings that the encoder of a rendition is opened with for a segment, both by their numbers from 0. None where
    /// there is no such rendition.
    pub fn encoder_settings(&self, number: usize, segment: usize) -> Option<EncoderSettings> {
        let rung = self.follows.rungs.get(number)?;
        let encoder = &self.wanted.encoder;
        Some(EncoderSettings {
            kind: encoder.kind.clone(),
            size: rung.size,
            depth: rung.depth,
            colour: rung.colour,
            hdr: self.hdr(rung),
            time_base: self.time_base(),
            frame_rate: self.frame_rate(),
            speed: encoder.speed,
            quality: self.quality(number, segment),
            threads: encoder.threads,
            key_frame_distance: self.wanted.key_frames.frames,
            options: encoder.options.clone(),
            grain: self.grain(number),
        })
    }

    /// The grain of a rendition.
    fn grain(&self, number: usize) -> Option<FilmGrain> {
        self.wanted.denoise.as_ref()?.grain.get(number)?.clone()
    }
}

fn same_tracks(planned: &[AudioInfo], source: &[AudioInfo]) -> bool {
    planned.len() == source.len() && planned.iter().zip(source).all(|(planned, source)| planned.is_same(source))
}

fn unwritable(error: &serde_json::Error) -> Error {
    Error::misuse(format!("the plan cannot be written: {error}"))
}

/// Takes the place off what serde_json says, for it is told apart.
fn without_place(message: &str) -> String {
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}
