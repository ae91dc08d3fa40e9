//! Decides everything about the conversion of a source.

use super::check::Violation;
use super::converted::ConvertedColour;
use super::document::Plan;
use super::fields::FieldRun;
use super::options::{DepthChoice, PlanOptions};
use super::rates::RungRate;
use super::segments::{KeyFrameRule, SegmentList, Segmentation};
use super::track::{CropKey, Interpolation, Shot};
use super::upscale::Upscale;
use super::wanted::{Wanted, WantedAudio, WantedEncoder};
use crate::encode::{self, EncoderCapabilities, EncoderChoice, KeyFrameControl};
use crate::error::{Error, Result};
use crate::frame::Depth;
use crate::geometry::{Rational, Size};
use crate::source::{AudioInfo, AudioTake, Chapter, KeptAudio, SourceInfo};
use crate::time::Time;
use std::num::NonZeroU32;

impl Plan {
    /// Decides everything about the conversion of a source but where its segments begin, for which its frames' times are
    /// needed: they are cut while it is decoded. [`crate::plan()`] knows better where the source can be read twice.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when an option is out of its range; [`Error::NotInSource`] when it cannot be had from this
    /// source; [`Error::Io`] when the profile of an encoder cannot be read.
    pub fn new(source: &SourceInfo, options: &PlanOptions) -> Result<Self> {
        options.validate()?;
        if let Some((name, at, end)) = options.pictures.behind_the_end(source) {
            return Err(Error::not_in_source(format!("{name} at {at}: the film ends at {end:.3} s")));
        }
        let sizes = options.ladder.rungs();
        let encoder = match &options.encoder {
            EncoderChoice::Auto => encode::fastest(sizes, options.speed),
            EncoderChoice::Named(kind) => kind.clone(),
        };
        encoder.check_ladder(options.speed, &options.encoder_options, sizes)?;
        let capabilities = encoder.capabilities(options.cores)?;
        let colour = ConvertedColour::decide(source, options)?;
        let hdr = source.video.colour.is_hdr() && colour.is_none();
        let depth = output_depth(source.video.depth, hdr, options.depth)?;
        let mut wanted = Wanted {
            rungs: sizes.to_vec(),
            depth,
            shots: vec![whole_film(source, options)],
            fields: fields(source, options),
            denoise: None,
            colour,
            upscale: Upscale::decide(source, options.upscale),
            burn_in: None,
            key_frames: KeyFrameRule { interval: options.keyframe_interval, first_segment: None, frames: None },
            segments: Segmentation::AsDecoded { key_frames: capabilities.segment_key_frames },
            encoder: WantedEncoder {
                threads: capabilities.threads,
                kind: encoder,
                speed: options.speed,
                quality: options.quality,
                options: options.encoder_options.clone(),
            },
            rates: Vec::new(),
            left_out: Vec::new(),
            audio: audio(source),
            loudness: options.loudness.decide(&options.formats),
            subtitles: options.subtitle_files.clone(),
            formats: options.formats,
            pictures: options.pictures,
            title: source.title.clone(),
            language: source.video.language.clone(),
            chapters: chapters(source),
        };
        wanted.rates = rates(&wanted, options);
        if !wanted.rates.is_empty() && capabilities.key_frames == KeyFrameControl::Forced {
            let long = segment_of_one_quality(options);
            let own = capabilities.segment_key_frames.filter(|_| options.target_vmaf.is_empty());
            wanted.segments = Segmentation::AsDecoded { key_frames: Some(own.unwrap_or(long)) };
        }
        wanted.key_frames = key_frames(&capabilities, options, wanted.frame_rate(source));
        Self::assemble(source.clone(), wanted).map_err(|violation: Violation| violation.in_plan(&source.name))
    }

    /// Begins a list of segments, as the plan's rule cuts them; where each has a quality of its own, also where shots begin.
    pub(crate) fn segment_list(&self) -> SegmentList {
        let Wanted { rates, formats, .. } = &self.wanted;
        let segmenter = self.segmenter();
        SegmentList::new(match rates.as_slice() {
            [] => segmenter,
            // Packages are cut by the clock.
            _ => segmenter.cutting_at_shots(formats.cmaf.is_none()),
        })
    }

    /// The plan with these segments, where there are any.
    ///
    /// # Errors
    /// [`Error::BadPlan`] when they break a rule.
    pub(crate) fn with_segments(mut self, list: SegmentList) -> Result<Self> {
        let list = list.finish();
        if !list.is_empty() {
            self.wanted.segments = Segmentation::List(list);
        }
        self.update()
    }
}

/// Gives what renditions may cost and are to look like, in the order of the renditions; nothing where nothing is said of that.
fn rates(wanted: &Wanted, options: &PlanOptions) -> Vec<RungRate> {
    if options.target_vmaf.is_empty() && options.max_bitrate.is_empty() {
        return Vec::new();
    }
    let rate = |&size: &Size| RungRate {
        target_vmaf: options.target_vmaf.of(size),
        max_bitrate: options.max_bitrate.of(size),
        qualities: Vec::new(),
    };
    let kinds = if wanted.colour.as_ref().is_some_and(|colour| colour.and_source) { 2 } else { 1 };
    (0..kinds).flat_map(|_| wanted.rungs.iter().map(rate)).collect()
}

/// Key frames of a segment that has a quality of its own, where the encoder makes them on demand: about ten seconds' within a shot.
fn segment_of_one_quality(options: &PlanOptions) -> NonZeroU32 {
    const SECONDS: f64 = 10.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to a few")]
    let key_frames = (SECONDS / options.keyframe_interval.as_f64()).round().clamp(1.0, 100.0) as u32;
    NonZeroU32::new(key_frames).unwrap_or(NonZeroU32::MIN)
}

/// Decides what is made of its fields, as was seen or else as its headers say.
fn fields(source: &SourceInfo, options: &PlanOptions) -> Vec<FieldRun> {
    let told = [source.video.told_cadence()];
    let found = options.analysis.as_ref().map_or(told.as_slice(), |seen| seen.cadence.as_slice());
    FieldRun::decide(found, &source.video, options.deinterlace)
}

/// One shot with one still window: the largest.
fn whole_film(source: &SourceInfo, options: &PlanOptions) -> Shot {
    let window = source.video.upright.largest_window(options.ladder.shape(), (options.crop.centre(), 0.5));
    let key = CropKey { time: Time::ZERO, window, then: Interpolation::Hold };
    Shot::new(Time::ZERO, None, vec![key])
}

fn key_frames(encoder: &EncoderCapabilities, options: &PlanOptions, frame_rate: Rational) -> KeyFrameRule {
    let (interval, first_segment) = (options.keyframe_interval, options.first_segment);
    let counted = encoder.key_frames == KeyFrameControl::Counted;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to what a film can have")]
    let frames = || (interval.as_f64() * frame_rate.as_f64()).round().clamp(2.0, 1e6) as u32;
    KeyFrameRule { interval, first_segment, frames: counted.then(frames).and_then(NonZeroU32::new) }
}

/// The source's chapters in the order in which they are shown, for some containers have them in any.
fn chapters(source: &SourceInfo) -> Vec<Chapter> {
    let mut chapters = source.chapters.clone();
    chapters.retain(|chapter| Time::from(chapter.start) <= Time::from(chapter.end));
    chapters.sort_by_key(|chapter| Time::from(chapter.start));
    chapters
}

/// The tracks that the source was opened with, called as it calls them.
fn audio(source: &SourceInfo) -> Vec<WantedAudio> {
    let wanted = |kept: &KeptAudio| {
        let AudioTake { track, right, stereo } = kept.take();
        let AudioInfo { language, mut title, roles, .. } = source.audio.iter().find(|it| it.track == track)?.clone();
        let of_itself = KeptAudio { stereo: false, ..*kept }.take();
        if stereo && source.audio_kept.iter().any(|other| other.take() == of_itself) {
            // To be told from what it is a mix of.
            title = Some(title.map_or_else(|| "Stereo".to_owned(), |title| format!("{title} (stereo)")));
        }
        Some(WantedAudio { track, right, stereo, language, title, roles })
    };
    source.audio_kept.iter().filter_map(wanted).collect()
}

fn output_depth(source: Depth, hdr: bool, choice: DepthChoice) -> Result<Depth> {
    match (choice, hdr, source) {
        (DepthChoice::Eight, true, _) => {
            let why = "bit depth 8: the source is of high dynamic range, which needs 10; choose auto or 10, or standard dynamic range";
            Err(Error::not_in_source(why))
        }
        (DepthChoice::Eight, false, _) | (DepthChoice::Auto, false, Depth::Eight) => Ok(Depth::Eight),
        (DepthChoice::Auto | DepthChoice::Ten, _, _) => Ok(Depth::Ten),
    }
}
