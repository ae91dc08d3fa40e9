//! Making a plan of a source: it is looked at, so that the window follows what is seen, and its frames' times are read, so that its
//! segments are known beforehand.

use super::denoising;
use super::progress::{Expected, Phase, Progress};
use super::quality;
use crate::analyse::{self, AnalyseOptions, Analysis, SeenShot};
use crate::burn_in::{self, BurnIn, TextTrack};
use crate::cadence::Cadence;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::framing::{self, FramingOptions};
use crate::language::Language;
use crate::media::Source;
use crate::plan::{
    BurnInChoice, CropChoice, CropKey, Deinterlace, Denoise, FieldMake, FieldRun, PictureTimes, Plan, PlanOptions,
    Shot, Upscale, WantedDenoise,
};
use crate::sidecar::SubtitleFile;
use crate::source::{Role, Scanning, SourceInfo, TextSelector};
use crate::time::Time;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// Time between two calls of `on_progress`.
const TICK: Duration = Duration::from_millis(100);

/// Decides everything about the conversion of a source, of which nothing is read for it that [`super::render`] would miss.
///
/// A file is read through for it once more, without decoding: the times of its frames say where segments begin. With
/// [`CropChoice::Auto`] it is looked at before, unless the options have what was seen; see [`analyse()`]. A source that can be read
/// only once, such as a pipe, is not looked at, and has its segments cut while it is decoded. `on_progress` is called about ten
/// times a second.
///
/// # Errors
/// As [`Plan::new`]; [`crate::Error::Io`] and [`crate::Error::BadSource`] when the source cannot be read;
/// [`crate::Error::Cancelled`].
pub fn plan(
    source: &Source,
    options: &PlanOptions,
    control: &Control,
    on_progress: &dyn Fn(&Progress),
) -> Result<Plan> {
    options.validate()?;
    quality::check(source, options)?;
    // Before anything that takes long: a font may be missing.
    let burn_in = read_text(source, options, control)?;
    let seen = match options.analysis {
        None if is_looked_at(source.info(), options) => {
            // What is wrong with the options is said before that.
            Plan::new(source.info(), options)?;
            analyse(source, options, &AnalyseOptions::default(), control, on_progress)?
        }
        _ => None,
    };
    let options = &PlanOptions { analysis: seen.or_else(|| options.analysis.clone()), ..options.clone() };
    let mut plan = Plan::new(source.info(), options)?;
    warn_of_fields(&plan, options);
    if options.crop == CropChoice::Auto {
        match &options.analysis {
            Some(analysis) => {
                let framing = FramingOptions {
                    shape: options.ladder.shape(),
                    tallest: options.ladder.rungs().iter().map(|rung| rung.height).max().unwrap_or(0),
                    two_shots: options.two_shots,
                    subtitles: options.subtitles,
                };
                plan.wanted.shots = framing::frame(analysis, &plan.found.video, framing);
            }
            None => log::warn!(
                "{}: it can be read only once, so that nobody can be looked for beforehand: the window stands in the middle; \
                 convert a file, or say where the window stands",
                source.info().name
            ),
        }
    }
    if let (Some(analysis), false) = (&options.analysis, options.target_vmaf.is_empty())
        && options.crop != CropChoice::Auto
    {
        plan.wanted.shots = plan.wanted.shots.iter().flat_map(|shot| cut(shot, analysis)).collect();
    }
    let fields = plan.wanted.makes_fields().then(|| plan.field_pictures());
    if let Some(pictures) = &fields {
        for shot in &mut plan.wanted.shots {
            shot.end = shot.end.map(|end| pictures.first_with_top_of(end));
            if shot.start > Time::ZERO {
                shot.start = pictures.first_with_top_of(shot.start);
            }
        }
    }
    // Mended by hand is mended, wherever the window stands in the other shots.
    let shots = std::mem::take(&mut plan.wanted.shots);
    plan.wanted.shots = framing::keep_locked(shots, &options.earlier);
    let begin = Instant::now();
    if !source.can_be_read_again() {
        plan.wanted.denoise = unmeasured(&plan, options.denoise);
        return plan.update();
    }
    let expected = Expected::of(&plan);
    let (list, ticker) = (RefCell::new(plan.segment_list()), Ticker::new(begin));
    let fields = RefCell::new(fields.map(PictureTimes::new));
    let add = |times: Vec<i64>| times.into_iter().for_each(|pts| list.borrow_mut().push(pts));
    let again = source.open_again(control)?;
    plan.check_source(again.info())?;
    let ends = Cell::new(None::<[i64; 2]>);
    let scan = again.scan(|pts| {
        ends.set(Some(ends.get().map_or([pts; 2], |[first, _]| [first, pts])));
        add(fields.borrow_mut().as_mut().map_or_else(|| vec![pts], |fields| fields.push(pts)));
        if let Some(frames) = ticker.frame() {
            let film = Time::of_ticks(pts, plan.found.video.time_base).seconds().as_f64();
            on_progress(&Progress::reading(Phase::Scan, expected, frames, film, begin.elapsed()));
        }
    })?;
    add(fields.borrow_mut().as_mut().map(PictureTimes::finish).unwrap_or_default());
    plan.found.scan = Some(scan);
    plan.wanted.upscale = Upscale::decide(&plan.found, options.upscale);
    let mut plan = plan.with_segments(list.into_inner())?;
    if let Some(ends) = ends.get().filter(|_| options.denoise != Denoise::Off) {
        let (begin, ticker) = (Instant::now(), Ticker::new(Instant::now()));
        let told = |total| {
            if let Some(frames) = ticker.frame() {
                on_progress(&Progress::looking(frames, total, plan.found.video.frame_rate, begin.elapsed()));
            }
        };
        let open = || source.open_again(control);
        plan.wanted.denoise = denoising::decide(&plan, options.denoise, ends, &open, control, &told)?;
        plan = plan.update()?;
    }
    if burn_in.is_some() {
        // Grain is that of the pictures without it.
        plan.wanted.burn_in = burn_in;
        plan = plan.update()?;
    }
    quality::decide(plan, options, source, control, on_progress)
}

/// Reads the text that becomes part of the pictures of plans with these options, and decides on its lines and fonts; none where
/// none is wanted, or the track has none, which is said. Whoever has a source looked at before it is planned does this first, and
/// gives what comes of it to [`plan()`] as [`BurnInChoice::Text`], so that a font that is missing is known at once.
///
/// # Errors
/// As [`Plan::new`], [`Source::text`] and [`burn_in::decide()`]; [`Error::NotInSource`] for a source that can be read only once.
pub fn read_text(source: &Source, options: &PlanOptions, control: &Control) -> Result<Option<BurnIn>> {
    let (track, font) = match &options.burn_in {
        None => return Ok(None),
        Some(BurnInChoice::Text(text)) => return Ok(Some(text.clone())),
        Some(BurnInChoice::Track { track, font }) => (track, font),
    };
    let name = &source.info().name;
    // What is wrong with the options is said before that.
    let plan = Plan::new(source.info(), options)?;
    let is_meant = |(number, file): &(usize, &SubtitleFile)| match track {
        TextSelector::Track(wanted) => wanted == number,
        TextSelector::Language(wanted) => {
            let its = file.language.as_deref().and_then(Language::of);
            its.is_some_and(|its| its == *wanted) && !file.roles.contains(&Role::Forced)
        }
        TextSelector::Captions(_) => false,
    };
    let beside = plan.subtitle_files().find(is_meant);
    if beside.is_none() && !source.can_be_read_again() {
        let why = "it can be read only once, so that its text cannot be read beforehand: convert a file";
        return Err(Error::not_in_source(format!("{name}: {why}")));
    }
    let text = match beside {
        Some((number, file)) => Some(file.read(number, plan.found.span, control)?),
        None => source.text(track, control)?,
    };
    let track = text.as_ref().map(|text| TextTrack {
        film: name,
        track: &text.track,
        language: text.language.as_deref(),
        cues: &text.cues,
    });
    let decided = track.map(|track| burn_in::decide(&track, font.as_ref())).transpose()?.flatten();
    if decided.is_none() {
        log::warn!(
            "{name}: the track that is to be burnt in has no text in what is converted: the pictures stay without"
        );
    }
    Ok(decided)
}

/// Looks at a source for plans with these options: it is opened once more and decoded from beginning to end. None where that cannot
/// be. Whoever keeps what was seen, and gives it to [`plan()`] with other options, has the source looked at once.
///
/// # Errors
/// As [`analyse::analyse()`].
pub fn analyse(
    source: &Source,
    options: &PlanOptions,
    looking: &AnalyseOptions,
    control: &Control,
    on_progress: &dyn Fn(&Progress),
) -> Result<Option<Analysis>> {
    if !source.can_be_read_again() {
        return Ok(None);
    }
    let info = source.info();
    let looking = AnalyseOptions { detectors: looking.detectors && needs_detectors(info, options), ..looking.clone() };
    let begin = Instant::now();
    let (expected, ticker) = (Expected::of(&Plan::new(info, options)?), Ticker::new(begin));
    let again = source.open_again(control)?;
    let seen = analyse::analyse(again, &looking, control, &|pts| {
        if let Some(frames) = ticker.frame() {
            let film = Time::of_ticks(pts, info.video.time_base).seconds().as_f64();
            on_progress(&Progress::reading(Phase::Analyse, expected, frames, film, begin.elapsed()));
        }
    })?;
    Ok(Some(seen))
}

/// Tells whether a source is to be looked at for plans with these options: for the window, for its fields, or for its shots.
pub fn is_looked_at(info: &SourceInfo, options: &PlanOptions) -> bool {
    let fields = match options.deinterlace {
        Deinterlace::Auto => info.video.scanning != Scanning::Progressive,
        Deinterlace::Ivtc => true,
        Deinterlace::Off | Deinterlace::On | Deinterlace::FieldRate => false,
    };
    // Shots have qualities of their own.
    options.crop == CropChoice::Auto || fields || !options.target_vmaf.is_empty()
}

/// Cuts a shot whose window stands still where shots of the film begin, so that these have key frames and qualities of their own.
fn cut(shot: &Shot, analysis: &Analysis) -> Vec<Shot> {
    let time = |seen: &SeenShot| Time::of_ticks(seen.start, analysis.time_base);
    let inside = analysis.shots.iter().skip(1).map(time).filter(|&start| start > shot.start);
    let starts: Vec<_> = std::iter::once(shot.start).chain(inside).collect();
    let of = |(index, &start): (usize, &Time)| {
        let track = shot.track.iter().map(|key| CropKey { time: start, ..*key }).collect();
        Shot { start, end: starts.get(index + 1).copied().or(shot.end), track, ..shot.clone() }
    };
    starts.iter().enumerate().map(of).collect()
}

/// Decides on the noise of a film that cannot be looked at.
fn unmeasured(plan: &Plan, choice: Denoise) -> Option<WantedDenoise> {
    let name = &plan.found.name;
    match choice {
        Denoise::Off => {}
        Denoise::Auto => log::warn!(
            "{name}: it can be read only once, so that its noise cannot be measured beforehand: it stays; convert a file, or say how \
             much of it is taken out"
        ),
        Denoise::Level(_) => log::warn!(
            "{name}: it can be read only once, so that its grain cannot be modelled beforehand: noise is taken out, and decoders put \
             none in its place"
        ),
    }
    WantedDenoise::decide(choice, [0; 3])
}

/// Says what of the film's fields is left as it is, or was only told.
fn warn_of_fields(plan: &Plan, options: &PlanOptions) {
    let (name, video) = (&plan.found.name, &plan.found.video);
    if options.analysis.is_none() && video.scanning != Scanning::Progressive && options.deinterlace != Deinterlace::Off
    {
        log::warn!("{name}: its headers call it interlaced, and are believed: it cannot be looked at beforehand");
    }
    let combs = |run: &&FieldRun| {
        let is_whole = matches!(run.cadence, Cadence::Progressive | Cadence::Repeated | Cadence::Blended);
        run.make == FieldMake::Keep && !is_whole
    };
    if let Some(run) = plan.wanted.fields.iter().find(combs) {
        let (cadence, start) = (run.cadence, run.start);
        log::warn!("{name}: is {cadence} from {start} on, and stays so, as was asked for: what moves is seen twice");
    }
    let is_blended = |run: &&FieldRun| matches!(run.cadence, Cadence::Blended | Cadence::BlendedFields);
    if let Some(run) = plan.wanted.fields.iter().find(is_blended) {
        let (cadence, start) = (run.cadence, run.start);
        log::warn!(
            "{name}: is {cadence} from {start} on: a conversion of its frame rate has made one picture of two here and there, which \
             cannot be undone; if the film is to be had at its own rate, convert that"
        );
    }
}

/// Tells whether what was seen earlier is enough for a plan of a source with these options.
pub fn is_enough(analysis: &Analysis, info: &SourceInfo, options: &PlanOptions) -> bool {
    analysis.is_of(info) && (analysis.detectors || !needs_detectors(info, options))
}

/// Tells whether a window leaves so much of the picture out that it matters who is where.
fn needs_detectors(info: &SourceInfo, options: &PlanOptions) -> bool {
    const ALL: f64 = 0.97;
    let picture = &info.video.upright;
    if options.crop != CropChoice::Auto {
        return false;
    }
    let window = picture.largest_window(options.ladder.shape(), (0.5, 0.5));
    window.width < ALL * picture.width() || window.height < ALL * picture.height()
}

/// Counts frames, and says when progress is to be told.
struct Ticker {
    frames: Cell<u64>,
    told: Cell<Instant>,
}

impl Ticker {
    fn new(begin: Instant) -> Self {
        Self { frames: Cell::new(0), told: Cell::new(begin) }
    }

    /// Counts a frame; gives their number where it is time to tell it.
    fn frame(&self) -> Option<u64> {
        self.frames.set(self.frames.get() + 1);
        if self.told.get().elapsed() < TICK {
            return None;
        }
        self.told.set(Instant::now());
        Some(self.frames.get())
    }
}
