//! The rules of a plan.

use super::denoise::MOST_NOISE;
use super::fields::FieldMake;
use super::formats::OPUS_NEEDS;
use super::loudness::{LOUDNESS, PEAK};
use super::rates::is_vmaf;
use super::segments::{Segment, Segmentation};
use super::track::{Caption, CropKey, Layout, Shot};
use super::wanted::Wanted;
use crate::burn_in::{BurnIn, BurnInCue, BurnedText, place};
use crate::cadence::{Cadence, GROUP};
use crate::colour::cicp;
use crate::encode::{self, EncoderCapabilities, KeyFrameControl};
use crate::error::Error;
use crate::frame::Depth;
use crate::geometry::{Rational, Window};
use crate::ladder::{Ladder, ROUNDING};
use crate::language::Language;
use crate::locate::PathStep::{self, Element, Field};
use crate::source::{MOST_AUDIO, SourceInfo};
use crate::time::Time;
use std::num::NonZeroU32;

/// The least side of a window, in square pixels: less is no picture.
const LEAST_SIDE: f64 = 8.0;
/// Seconds that no film reaches: about thirty years.
const LATEST: Rational = Rational { num: 1_000_000_000, den: 1 };
/// More frames than any film has; so many segments of so many can still be counted.
const MOST_FRAMES: u64 = 1 << 32;
/// More files of subtitles than any film has.
const MOST_SUBTITLES: usize = 99;
/// How far a window may stick out of the picture, in pixels: what is left of numbers that people round.
const SLACK: f64 = 0.01;
/// How far a window's width may be from what its height and the ladder's shape ask for, as a part of it. Less is not seen;
/// more would stretch people.
const STRETCH: f64 = 0.01;

/// A rule that a plan breaks.
#[derive(Debug)]
pub(super) struct Violation {
    /// The way to the value that breaks it.
    pub(super) path: Vec<PathStep<'static>>,
    /// The value and the rule, in words.
    pub(super) why: String,
}

impl Violation {
    /// As an error about a plan that is no text.
    pub(super) fn in_plan(self, name: &str) -> Error {
        let place = self.path.iter().fold(String::new(), |place, step| match step {
            Field(name) if place.is_empty() => (*name).to_owned(),
            Field(name) => format!("{place}.{name}"),
            Element(index) => format!("{place}[{index}]"),
        });
        Error::BadPlan { name: name.to_owned(), line: None, why: format!("{place}: {}", self.why) }
    }
}

type Checked = Result<(), Violation>;

fn broken(path: &[PathStep<'static>], why: impl Into<String>) -> Violation {
    Violation { path: [&[Field("wanted")], path].concat(), why: why.into() }
}

/// Says that a value breaks a rule, unless it is `kept`.
fn rule(kept: bool, path: &[PathStep<'static>], why: impl FnOnce() -> String) -> Checked {
    if kept { Ok(()) } else { Err(broken(path, why())) }
}

/// What is to be checked.
#[derive(Clone, Copy)]
struct Parts<'a> {
    found: &'a SourceInfo,
    wanted: &'a Wanted,
    /// How the encoder comes to key frames.
    control: KeyFrameControl,
}

impl Parts<'_> {
    /// Gives the shape of the ladder, where it has one.
    fn shape(&self) -> Option<Rational> {
        Ladder::new(self.wanted.rungs.clone()).ok().map(|ladder| ladder.shape())
    }
}

/// Checks what is wanted of a source by all rules.
pub(super) fn check(found: &SourceInfo, wanted: &Wanted, control: KeyFrameControl) -> Checked {
    let plan = Parts { found, wanted, control };
    rungs(plan)?;
    depth(plan)?;
    colour(plan)?;
    denoise(plan)?;
    encoder(plan)?;
    rates(plan)?;
    shots(plan)?;
    fields(plan)?;
    key_frames(plan)?;
    segments(plan)?;
    sound(plan)?;
    loudness(plan)?;
    subtitles(plan)?;
    formats(plan)?;
    pictures(plan)?;
    metadata(plan)
}

fn rungs(plan: Parts<'_>) -> Checked {
    let rungs = &plan.wanted.rungs;
    for count in 1..=rungs.len() {
        let path = [Field("rungs"), Element(count - 1)];
        let added = Ladder::new(rungs[..count].to_vec());
        // A shape that later ones decide on is judged with all of them.
        let judged = if count == rungs.len() { added.map(drop) } else { Ok(()) };
        judged.map_err(|error| broken(&[Field("rungs")], error.to_string()))?;
        let encoder = &plan.wanted.encoder;
        encoder
            .kind
            .check_ladder(encoder.speed, &encoder.options, &rungs[..count])
            .map_err(|error| broken(&path, error.to_string()))?;
        let twice = rungs[..count - 1].contains(&rungs[count - 1]);
        rule(!twice, &path, || format!("rung {}: is there twice", rungs[count - 1]))?;
    }
    rule(!rungs.is_empty(), &[Field("rungs")], || "no rung: at least one size is needed".to_owned())
}

fn loudness(plan: Parts<'_>) -> Checked {
    let Some(loudness) = &plan.wanted.loudness else { return Ok(()) };
    let ([quiet, loud], [low, high]) = (LOUDNESS, PEAK);
    rule(loudness.is_sensible(), &[Field("loudness")], || {
        let (integrated, peak) = (loudness.integrated, loudness.peak);
        format!(
            "{integrated} LUFS, {peak} dBTP: from {quiet} to {loud} LUFS, with true peaks from {low} to {high} dBTP"
        )
    })
}

fn subtitles(plan: Parts<'_>) -> Checked {
    let files = &plan.wanted.subtitles;
    rule(files.len() <= MOST_SUBTITLES, &[Field("subtitles")], || {
        format!("{} files of subtitles: {MOST_SUBTITLES} at most", files.len())
    })?;
    for (index, file) in files.iter().enumerate() {
        let at = [Field("subtitles"), Element(index), Field("language")];
        let language = file.language.as_deref();
        rule(language.is_none_or(Language::is_tag), &at, || {
            format!("{:?} is no language: a tag of BCP 47, such as en or zh-Hans", language.unwrap_or_default())
        })?;
    }
    Ok(())
}

fn formats(plan: Parts<'_>) -> Checked {
    let formats = &plan.wanted.formats;
    rule(formats.mp4 || formats.cmaf.is_some(), &[Field("formats")], || "no form: mp4, cmaf, or both".to_owned())?;
    let Some(cmaf) = &formats.cmaf else { return Ok(()) };
    let path = [Field("formats"), Field("cmaf"), Field("opus")];
    rule(!cmaf.opus || plan.wanted.loudness.is_some(), &path, || format!("Opus {OPUS_NEEDS}"))?;
    let path = [Field("formats"), Field("cmaf"), Field("segment")];
    rule(cmaf.intervals(plan.wanted.key_frames.interval).is_some(), &path, || {
        let (segment, interval) = (cmaf.segment.as_f64(), plan.wanted.key_frames.interval.as_f64());
        format!("segments of {segment} s: they are a multiple of the interval of key frames, {interval} s")
    })
}

fn pictures(plan: Parts<'_>) -> Checked {
    let pictures = &plan.wanted.pictures;
    for (name, moment) in [("poster", pictures.poster), ("preview", pictures.preview)] {
        let Some(at) = moment.and_then(|moment| moment.at) else { continue };
        let kept = at >= Time::ZERO && at <= Time::from(LATEST);
        rule(kept, &[Field("pictures"), Field(name), Field("at")], || format!("{at}: is no time of a film"))?;
    }
    match pictures.behind_the_end(plan.found) {
        Some((name, at, end)) => {
            Err(broken(&[Field("pictures"), Field(name), Field("at")], format!("{at}: the film ends at {end:.3} s")))
        }
        None => Ok(()),
    }
}

fn depth(plan: Parts<'_>) -> Checked {
    let (depth, hdr) = (plan.wanted.depth, plan.found.video.colour.is_hdr() && plan.wanted.colour.is_none());
    let path = [Field("depth")];
    rule(depth != Depth::Twelve, &path, || "12 bits: AV1's main profile has 8 or 10".to_owned())?;
    rule(!hdr || depth == Depth::Ten, &path, || {
        "8 bits: the source is of high dynamic range, which needs 10".to_owned()
    })
}

fn colour(plan: Parts<'_>) -> Checked {
    let Some(colour) = &plan.wanted.colour else { return Ok(()) };
    let video = &plan.found.video;
    let path = [Field("colour"), Field("peak")];
    let is_pq = video.colour.transfer == cicp::PQ;
    let fits = colour.peak.map_or(!is_pq, |peak| is_pq && (1..=10_000).contains(&peak));
    rule(fits, &path, || "the peak is from 1 to 10000 cd/m2 of what is PQ, and null of what is not".to_owned())?;
    let hdr = video.colour.is_hdr() || !colour.and_source;
    rule(hdr, &[Field("colour"), Field("and_source")], || "the source is of standard dynamic range itself".to_owned())?;
    colour.map(video).map(drop).map_err(|error| broken(&[Field("colour")], error.to_string()))
}

fn denoise(plan: Parts<'_>) -> Checked {
    let Some(denoise) = &plan.wanted.denoise else { return Ok(()) };
    for (index, &noise) in denoise.noise.iter().enumerate() {
        let path = [Field("denoise"), Field("noise"), Element(index)];
        rule(noise <= MOST_NOISE, &path, || {
            format!("{noise}: noise is from 0 to {MOST_NOISE} tenths of a code of 8 bits")
        })?;
    }
    let path = [Field("denoise"), Field("grain")];
    let beside = plan.wanted.colour.as_ref().is_some_and(|colour| colour.and_source);
    let (there, wanted) = (denoise.grain.len(), plan.wanted.rungs.len() * if beside { 2 } else { 1 });
    rule([0, wanted].contains(&there), &path, || {
        format!("{there} are there, and there are {wanted} renditions: it has one for each, or is empty")
    })?;
    for (index, grain) in denoise.grain.iter().enumerate() {
        let path = [Field("denoise"), Field("grain"), Element(index)];
        grain.iter().try_for_each(|grain| grain.check()).map_err(|why| broken(&path, why))?;
    }
    Ok(())
}

/// Checks text that becomes part of the pictures, and finds its places.
pub(super) fn text(wanted: &Wanted) -> Result<Option<BurnedText>, Violation> {
    let Some(BurnIn { fonts, cues, language, .. }) = &wanted.burn_in else { return Ok(None) };
    for (index, BurnInCue { start, end, lines, .. }) in cues.iter().enumerate() {
        let at = |field| [Field("burn_in"), Field("cues"), Element(index), Field(field)];
        rule(end > start, &at("end"), || format!("the text from {start} ends before it begins"))?;
        let rises = index == 0 || cues[index - 1].start <= *start;
        rule(rises, &at("start"), || format!("the text from {start} begins before the one above it"))?;
        rule(!lines.is_empty(), &at("lines"), || "text of no lines".to_owned())?;
    }
    for (index, font) in fonts.iter().enumerate() {
        let path = [Field("burn_in"), Field("fonts"), Element(index), Field("weight")];
        let sensible = font.weight.is_none_or(|weight| (1..=1000).contains(&weight));
        rule(sensible, &path, || "weights of fonts are from 1 to 1000".to_owned())?;
    }
    let shape = wanted.rungs.first().map_or(1.0, |rung| f64::from(rung.width) / f64::from(rung.height));
    let lifts: Vec<_> = wanted.shots.iter().flat_map(|shot| shot.lifts(shape)).collect();
    let placed = place(cues, shape, &lifts);
    let placed = placed.map_err(|why| broken(&[Field("burn_in"), Field("cues")], why))?;
    Ok(Some(BurnedText::new(fonts.clone(), language.as_deref(), placed)))
}

/// Finds out what the encoder can do; its threads do not count.
pub(super) fn encoder_capabilities(wanted: &Wanted) -> Result<EncoderCapabilities, Violation> {
    let path = [Field("encoder"), Field("kind")];
    wanted.encoder.kind.capabilities(1).map_err(|error| broken(&path, error.to_string()))
}

fn encoder(plan: Parts<'_>) -> Checked {
    let encoder = &plan.wanted.encoder;
    encode::check_speed_and_quality(encoder.speed, encoder.quality)
        .map_err(|error| broken(&[Field("encoder")], error.to_string()))?;
    let threads = [Field("encoder"), Field("threads")];
    rule((1..=1024).contains(&encoder.threads), &threads, || format!("{} threads: 1 to 1024", encoder.threads))
}

fn rates(plan: Parts<'_>) -> Checked {
    let Wanted { rates, rungs, colour, segments, .. } = plan.wanted;
    if rates.is_empty() {
        return Ok(());
    }
    let renditions = rungs.len() * if colour.as_ref().is_some_and(|colour| colour.and_source) { 2 } else { 1 };
    rule(rates.len() == renditions, &[Field("rates")], || {
        format!("rates of {} renditions: there are {renditions}", rates.len())
    })?;
    let count = match segments {
        Segmentation::List(list) => list.len(),
        Segmentation::AsDecoded { .. } => 0,
    };
    for (index, rate) in rates.iter().enumerate() {
        let at = |field| [Field("rates"), Element(index), Field(field)];
        let qualities = &rate.qualities;
        rule(qualities.is_empty() || qualities.len() == count, &at("qualities"), || {
            format!("qualities of {} segments: {count} are listed in the plan", qualities.len())
        })?;
        if let Some(segment) = qualities.iter().position(|&quality| quality > 100) {
            let path = [at("qualities").as_slice(), &[Element(segment)]].concat();
            return Err(broken(&path, format!("quality {}: 0 (worst) to 100 (best)", qualities[segment])));
        }
        let vmaf = rate.target_vmaf;
        rule(vmaf.is_none_or(is_vmaf), &at("target_vmaf"), || format!("VMAF {}: 1 to 100", vmaf.unwrap_or_default()))?;
        rule(rate.max_bitrate != Some(0), &at("max_bitrate"), || "0 bits a second: at least 1".to_owned())?;
    }
    Ok(())
}

fn shots(plan: Parts<'_>) -> Checked {
    let shots = &plan.wanted.shots;
    rule(!shots.is_empty(), &[Field("shots")], || {
        "no shot: at least one is needed, from time 0 to the end".to_owned()
    })?;
    let mut reached = Some(Time::ZERO);
    for (index, shot) in shots.iter().enumerate() {
        let at = |field| [Field("shots"), Element(index), Field(field)];
        let number = index + 1;
        let Some(expected) = reached else {
            let why = format!("shot {number} begins where the one before it lasts to the end of the film");
            return Err(broken(&at("start"), why));
        };
        let start = shot.start;
        rule(start <= expected, &at("start"), || format!("shot {number} begins at {start}: a gap from {expected}"))?;
        rule(start >= expected, &at("start"), || {
            if index == 0 {
                format!("the first shot begins at {start}: before the film")
            } else {
                format!("shot {number} begins at {start}: it overlaps the one before, which ends at {expected}")
            }
        })?;
        let ends = shot.end.is_none_or(|end| end > start);
        rule(ends, &at("end"), || format!("shot {number} ends before it begins"))?;
        track(plan, shot, index, "track", &shot.track)?;
        layers(plan, shot, index)?;
        reached = shot.end;
    }
    let last = [Field("shots"), Element(shots.len() - 1), Field("end")];
    rule(reached.is_none(), &last, || "the last shot lasts to the end of the film: its end is null".to_owned())
}

fn track(plan: Parts<'_>, shot: &Shot, number: usize, name: &'static str, keys: &[CropKey]) -> Checked {
    let of_shot = [Field("shots"), Element(number), Field(name)];
    let at = |index, field| [of_shot.as_slice(), &[Element(index), Field(field)]].concat();
    rule(!keys.is_empty(), &of_shot, || format!("shot {} has no window: at least one key is needed", number + 1))?;
    for (index, CropKey { time, window, then: _ }) in keys.iter().enumerate() {
        let inside = *time >= shot.start && shot.end.is_none_or(|end| *time < end);
        rule(inside, &at(index, "time"), || format!("the key at {time} is not in its shot, from {}", shot.start))?;
        let rising = index == 0 || keys[index - 1].time < *time;
        rule(rising, &at(index, "time"), || format!("the key at {time} is not after the one before"))?;
        let shape = |ladder| check_shape(*window, shot.layout, keys[0].window, ladder);
        let inside = check_window(plan, *window);
        inside.and_then(|()| plan.shape().map_or(Ok(()), shape)).map_err(|why| broken(&at(index, "window"), why))?;
    }
    Ok(())
}

/// Checks what fills the renditions besides one window.
fn layers(plan: Parts<'_>, shot: &Shot, number: usize) -> Checked {
    let at = |field| [Field("shots"), Element(number), Field(field)];
    if shot.layout == Layout::Stack {
        track(plan, shot, number, "lower", &shot.lower)?;
    } else {
        rule(shot.lower.is_empty(), &at("lower"), || {
            format!("shot {} has a lower window, and no lower half to show it in: its layout is no stack", number + 1)
        })?;
    }
    let mut reached = shot.start;
    for (index, Caption { from, to, strip }) in shot.captions.iter().enumerate() {
        let at = |field| [at("captions").as_slice(), &[Element(index), Field(field)]].concat();
        rule(*from >= reached, &at("from"), || format!("the caption from {from} begins before {reached}"))?;
        let ends = from < to && shot.end.is_none_or(|end| *to <= end);
        rule(ends, &at("to"), || format!("the caption to {to} ends before it begins, or after its shot"))?;
        check_window(plan, *strip).map_err(|why| broken(&at("strip"), why))?;
        let (shape, least) = (strip.width / strip.height, Caption::LEAST_SHAPE);
        rule(shape >= least, &at("strip"), || {
            format!("the strip is {shape:.2} times as wide as it is high: {least} at least")
        })?;
        reached = *to;
    }
    Ok(())
}

/// Says what is wrong with a window.
fn check_window(plan: Parts<'_>, window: Window) -> Result<(), String> {
    let Window { x, y, width, height } = window;
    let picture = &plan.found.video.upright;
    let (picture_width, picture_height) = (picture.width(), picture.height());
    if ![x, y, width, height].iter().all(|number| number.is_finite()) {
        return Err("the window is not made of numbers".to_owned());
    }
    // A picture that is smaller itself is shown whole.
    let least = LEAST_SIDE.min(picture_width).min(picture_height);
    if width < least || height < least {
        return Err(format!("the window of {width} by {height} is too small: {least} pixels at least"));
    }
    let inside = |origin: f64, span: f64, whole: f64| origin >= -SLACK && origin + span <= whole + SLACK;
    if !inside(x, width, picture_width) || !inside(y, height, picture_height) {
        return Err(format!(
            "the window of {width} by {height} at ({x}, {y}) sticks out of the picture of {picture_width} by \
             {picture_height}"
        ));
    }
    Ok(())
}

/// Says what is wrong with the shape of a window of a shot with this layout, whose first window is `first`.
fn check_shape(window: Window, layout: Layout, first: Window, ladder: Rational) -> Result<(), String> {
    let Window { width, height, .. } = window;
    let Rational { num, den } = ladder;
    let (wanted, what) = match layout {
        Layout::Window => (ladder.as_f64(), format!("the ladder's shape, {num}:{den}")),
        Layout::Stack => {
            (2.0 * ladder.as_f64(), format!("the shape of half a picture of the ladder, {}:{den}", 2 * num))
        }
        Layout::Fit => (first.width / first.height, "the shape of the first of its shot".to_owned()),
    };
    let fitting = height * wanted;
    let free = fitting * STRETCH + ROUNDING * SLACK;
    if layout == Layout::Fit && height * ladder.as_f64() > width + free {
        return Err(format!(
            "the window of {width} by {height} is narrower than the ladder's shape, {num}:{den}: none is to be fitted"
        ));
    }
    if (width - fitting).abs() > free {
        return Err(format!(
            "the window of {width} by {height} is not of {what}: at this height its width is {fitting}"
        ));
    }
    Ok(())
}

fn fields(plan: Parts<'_>) -> Checked {
    let runs = &plan.wanted.fields;
    for (index, run) in runs.iter().enumerate() {
        let at = |field| [Field("fields"), Element(index), Field(field)];
        let rises = index == 0 || runs[index - 1].start < run.start;
        rule(rises, &at("start"), || format!("the run of fields at {} is not after the one before", run.start))?;
        let (phase, group) = (run.phase, GROUP);
        rule(phase < group, &at("phase"), || format!("phase {phase}: a group has {group} frames, 0 to {}", group - 1))?;
        let is_film = matches!(run.cadence, Cadence::Telecined | Cadence::Shifted | Cadence::Repeated);
        rule(run.make != FieldMake::Film || is_film, &at("make"), || {
            format!("film of what is {}: only of telecined, repeated and shifted frames", run.cadence)
        })?;
    }
    Ok(())
}

fn key_frames(plan: Parts<'_>) -> Checked {
    let rule_of = &plan.wanted.key_frames;
    let at = |field| [Field("key_frames"), Field(field)];
    let interval = rule_of.interval.as_f64();
    rule(rule_of.interval.num > 0, &at("interval"), || format!("{interval} seconds: must be above 0"))?;
    let longest = plan.wanted.formats.cmaf.map_or(f64::INFINITY, |cmaf| cmaf.segment.as_f64());
    let first = rule_of.first_segment.unwrap_or(rule_of.interval);
    let is_first = rule_of.first_segment.is_none() || first.num > 0 && first.as_f64() <= longest;
    rule(is_first, &at("first_segment"), || {
        format!("{} seconds: must be above 0, and no more than a segment lasts, {longest} s", first.as_f64())
    })?;
    let encoder = &plan.wanted.encoder.kind;
    let counted = plan.control == KeyFrameControl::Counted;
    let frames = rule_of.frames.map(NonZeroU32::get);
    rule(counted == frames.is_some(), &at("frames"), || {
        let needed =
            if counted { "counts frames from key frame to key frame: say how many" } else { "does not count: null" };
        format!("the encoder {encoder} {needed}")
    })?;
    rule(frames.is_none_or(|frames| frames >= 2), &at("frames"), || "1 frame: must be 2 at least".to_owned())
}

fn segments(plan: Parts<'_>) -> Checked {
    let Segmentation::List(list) = &plan.wanted.segments else { return Ok(()) };
    let path = [Field("segments"), Field("list")];
    let at = |index, field| [path.as_slice(), &[Element(index), Field(field)]].concat();
    rule(!list.is_empty(), &path, || "no segment: at least one is needed".to_owned())?;
    let counted = list.first().is_none_or(|first| first.first_frame == 0);
    rule(counted, &at(0, "first_frame"), || "the first segment begins with frame 0".to_owned())?;
    for (index, segment) in list.iter().enumerate() {
        let frames = segment.frames;
        rule((1..=MOST_FRAMES).contains(&frames), &at(index, "frames"), || {
            format!("segment {index} has {frames} frames: 1 to {MOST_FRAMES}")
        })?;
        let Segment { start, end, first_frame, key_frames_from, .. } = *segment;
        rule(end.is_none_or(|end| end > start), &at(index, "end"), || {
            format!("segment {index} ends before it begins")
        })?;
        rule(key_frames_from <= start, &at(index, "key_frames_from"), || {
            format!("segment {index} begins at {start}, before its key frames are counted")
        })?;
        let Some(next) = list.get(index + 1) else {
            return rule(end.is_none(), &at(index, "end"), || {
                "the last segment lasts to the end of the film: its end is null".to_owned()
            });
        };
        let following = [index + 1];
        rule(end == Some(next.start), &at(following[0], "start"), || match end {
            Some(end) if end < next.start => {
                format!("segment {} begins at {}: a gap from {end}", index + 1, next.start)
            }
            _ => format!("segment {} begins at {}: out of order, or over the one before", index + 1, next.start),
        })?;
        let expected = first_frame.saturating_add(segment.frames);
        rule(next.first_frame == expected, &at(following[0], "first_frame"), || {
            format!(
                "segment {} begins with frame {}: the one before ends with frame {expected}",
                index + 1,
                next.first_frame
            )
        })?;
    }
    Ok(())
}

fn sound(plan: Parts<'_>) -> Checked {
    let found = |number| plan.found.audio.iter().find(|track| track.track == number);
    let (count, wanted) = (plan.found.audio.len(), &plan.wanted.audio);
    rule(wanted.len() <= MOST_AUDIO, &[Field("audio")], || {
        format!("{} audio tracks are more than renditions have, {MOST_AUDIO}", wanted.len())
    })?;
    for (index, audio) in wanted.iter().enumerate() {
        let at = |field| [Field("audio"), Element(index), Field(field)];
        for (field, number) in [("track", Some(audio.track)), ("right", audio.right)] {
            let there = number.is_none_or(|number| found(number).is_some());
            rule(there, &at(field), || {
                format!("audio track {} is not there: the source has {count}", number.unwrap_or_default())
            })?;
        }
        rule(audio.right != Some(audio.track), &at("right"), || "left and right are the same track".to_owned())?;
        let sides = found(audio.track).zip(audio.right.and_then(found));
        rule(sides.is_none_or(|(left, right)| left.is_beside(right)), &at("right"), || {
            format!(
                "audio tracks {} and {} are not left and right of one sound: these are of one channel each, and of one codec, \
                 sample rate and language",
                audio.track,
                audio.right.unwrap_or_default()
            )
        })?;
        let twice = wanted[..index].iter().any(|other| other.take() == audio.take());
        rule(!twice, &at("track"), || format!("audio track {} is there twice", audio.track))?;
        rule(!audio.stereo || audio.right.is_none(), &at("stereo"), || "left and right are no surround".to_owned())?;
    }
    Ok(())
}

fn metadata(plan: Parts<'_>) -> Checked {
    let mut before = None;
    for (index, chapter) in plan.wanted.chapters.iter().enumerate() {
        let at = |field| [Field("chapters"), Element(index), Field(field)];
        let [start, end] = [chapter.start, chapter.end].map(Time::from);
        rule(before.is_none_or(|before| start >= before), &at("start"), || "the chapter is out of order".to_owned())?;
        rule(end >= start, &at("end"), || "the chapter ends before it begins".to_owned())?;
        let late = || format!("the chapter ends at {end}: later than any film");
        rule(end <= Time::from(LATEST), &at("end"), late)?;
        before = Some(start);
    }
    Ok(())
}
