//! Parsers of arguments: each turns one into a typed value, or says what it wants.
//!
//! The messages complete clap's "invalid value 'x' for '--option': ", so they begin in lower case.

use std::ffi::OsStr;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use upright_engine::burn_in::FontChoice;
use upright_engine::captions::Track;
use upright_engine::geometry::{Rational, Size};
use upright_engine::ladder::Ladder;
use upright_engine::language::Language;
use upright_engine::picture::DeviceChoice;
use upright_engine::picture::tone::LookPlace;
use upright_engine::plan::{
    CropChoice, Deinterlace, Denoise, DynamicRange, Gamut, Layout, Loudness, LoudnessChoice, MOST_NOISE, Moment,
    Pictures, ShotMode, Subtitles, TwoShots, UpscaleChoice,
};
use upright_engine::sidecar::{NameTells, is_subtitle_name};
use upright_engine::source::{AudioChoice, AudioSelector, Stereo, TextSelector, VideoChoice};
use upright_engine::time::Time;

/// Digits after the decimal point that a time may have: nanoseconds.
const TIME_DIGITS: usize = 9;
/// More segments at once than any machine has cores for.
const JOBS_MAX: usize = 1024;
/// The longest time that is understood, in seconds: about thirty years.
const TIME_MAX: i64 = 1_000_000_000;
const TIME_FORMS: &str = "give seconds (90.5) or [HH:]MM:SS[.frac] (01:30.5)";

/// Reads a number of segments at once, from 1.
pub(crate) fn jobs(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&jobs| (1..=JOBS_MAX).contains(&jobs)).ok_or_else(|| format!("give 1 to {JOBS_MAX}"))
}

/// Reads a number of bytes: `1500000`, `800M`, `1.5G`. Units are powers of 1024.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let wrong = || "give bytes, or a number with K, M, G or T after it (1.5G)".to_owned();
    let units = ["K", "M", "G", "T"];
    let bare = text.trim_end_matches(['B', 'b']).trim_end_matches('i').to_ascii_uppercase();
    let unit = units.iter().position(|unit| bare.ends_with(unit));
    let number = unit.map_or(bare.as_str(), |_| &bare[..bare.len() - 1]);
    let value: f64 = number.parse().map_err(|_| wrong())?;
    let bytes = value * 1024_f64.powi(unit.map_or(0, |unit| unit as i32 + 1));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to what fits")]
    let size = bytes as u64;
    if (1.0..1e18).contains(&bytes) { Ok(size) } else { Err(wrong()) }
}

/// One of several parts of a list, as even as they can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// From 1.
    number: usize,
    of: usize,
}

impl Part {
    /// The places of a list of so many that this part has, from 0.
    pub(crate) fn range(self, count: usize) -> Range<usize> {
        let begin = |number: usize| {
            let place = number as u128 * count as u128 / self.of as u128;
            // It is at most `count`.
            usize::try_from(place).unwrap_or(count)
        };
        begin(self.number - 1)..begin(self.number)
    }
}

/// Reads a part: 2/5.
pub(crate) fn part(text: &str) -> Result<Part, String> {
    let numbers = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    match numbers {
        Some((number, of)) if (1..=of).contains(&number) => Ok(Part { number, of }),
        _ => Err("give a part and the number of parts, 1/5 to 5/5".to_owned()),
    }
}

/// Reads the name of a folder: one name, which leads nowhere else.
pub(crate) fn folder_name(text: &str) -> Result<String, String> {
    if is_one_name(text.as_ref()) { Ok(text.to_owned()) } else { Err("give one name, without /".to_owned()) }
}

/// Checks that `name` is an ordinary name, and no path of several.
pub(crate) fn is_one_name(name: &OsStr) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(only)), None) if only == name)
}

/// Priority of work at the disk, as ionice(1) has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiskPriority {
    /// Only when nobody else wants the disk.
    Idle,
    /// From 0, first, to 7.
    BestEffort(u8),
}

/// Reads a priority of work at the disk.
pub(crate) fn disk_priority(text: &str) -> Result<DiskPriority, String> {
    match text.parse() {
        _ if text == "idle" => Ok(DiskPriority::Idle),
        Ok(level @ 0..=7) => Ok(DiskPriority::BestEffort(level)),
        _ => Err("give idle, or 0 to 7".to_owned()),
    }
}

/// Reads a VMAF, of all sizes or of one: `93`, `1080=94`, `720x1280=93`.
pub(crate) fn vmaf(text: &str) -> Result<(Option<Size>, f64), String> {
    let wrong = || "give a VMAF from 1 to 100, or SIZE=VMAF (1080=94)".to_owned();
    let (size, value) = of_size(text).ok_or_else(wrong)?;
    let vmaf = value.parse().ok().filter(|vmaf| (1.0..=100.0).contains(vmaf)).ok_or_else(wrong)?;
    Ok((size, vmaf))
}

/// Reads a bitrate, of all sizes or of one: `2400k`, `2.4M`, `720=1.2M`. Units are powers of 1000.
pub(crate) fn bitrate(text: &str) -> Result<(Option<Size>, u64), String> {
    let wrong = || "give bits a second with k or M after them (2400k, 2.4M), or SIZE=LIMIT (720=1200k)".to_owned();
    let (size, value) = of_size(text).ok_or_else(wrong)?;
    let unit = |suffixes: [char; 2]| value.strip_suffix(suffixes);
    let (number, factor) = match (unit(['k', 'K']), unit(['m', 'M'])) {
        (Some(number), _) => (number, 1e3),
        (_, Some(number)) => (number, 1e6),
        _ => return Err(wrong()),
    };
    let bits = number.parse::<f64>().map_err(|_| wrong())? * factor;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to what fits")]
    let whole = bits.round() as u64;
    if (1.0..1e12).contains(&bits) { Ok((size, whole)) } else { Err(wrong()) }
}

/// Splits what may be for one size alone: `SIZE=VALUE`, or `VALUE`. A size is written as in a ladder.
fn of_size(text: &str) -> Option<(Option<Size>, &str)> {
    let Some((size, value)) = text.split_once('=') else { return Some((None, text)) };
    let ladder: Ladder = size.parse().ok()?;
    match ladder.rungs() {
        [size] => Some((Some(*size), value)),
        _ => None,
    }
}

/// Reads a setting by name: `KEY=VALUE`. The value may hold more equals signs.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("give a setting as KEY=VALUE".to_owned()),
    }
}

/// Reads a time in seconds, exactly: `90.5`, `01:30.5` or `00:01:30.5`. Minutes and seconds that follow a colon stay below
/// 60, and fractions have at most nine digits.
pub(crate) fn time(text: &str) -> Result<Rational, String> {
    let wrong = || TIME_FORMS.to_owned();
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(wrong()),
        Some((whole, fraction)) => (whole, fraction),
        None => (text, ""),
    };
    let fields: Vec<&str> = whole.split(':').collect();
    if fields.len() > 3 {
        return Err(wrong());
    }
    let mut seconds: i64 = 0;
    for (index, field) in fields.iter().enumerate() {
        // Bare seconds and fractions alone may leave out the leading zero: `.5`.
        let value = if field.is_empty() && fields.len() == 1 && !fraction.is_empty() {
            0
        } else {
            digits(field).ok_or_else(wrong)?
        };
        if index > 0 && value >= 60 {
            return Err(format!("minutes and seconds after a colon stay below 60; {TIME_FORMS}"));
        }
        seconds = seconds.checked_mul(60).and_then(|sum| sum.checked_add(value)).ok_or_else(wrong)?;
    }
    if seconds > TIME_MAX {
        return Err(format!("at most {TIME_MAX} seconds"));
    }
    if fraction.len() > TIME_DIGITS {
        return Err(format!("at most {TIME_DIGITS} digits after the decimal point"));
    }
    let mut denominator = 1;
    let mut numerator = seconds;
    for digit in fraction.chars() {
        let digit = digit.to_digit(10).ok_or_else(wrong)?;
        numerator = numerator * 10 + i64::from(digit);
        denominator *= 10;
    }
    Ok(Rational::new(numerator, denominator))
}

/// Reads a time as [`time`] does, above zero.
pub(crate) fn duration(text: &str) -> Result<Rational, String> {
    let value = time(text)?;
    if value.num == 0 { Err("must be above 0".to_owned()) } else { Ok(value) }
}

fn digits(text: &str) -> Option<i64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Reads the place of the window: a word, or its centre as a fraction of the picture's width, 0 to 1.
pub(crate) fn crop(text: &str) -> Result<CropChoice, String> {
    match text {
        "auto" => Ok(CropChoice::Auto),
        "center" | "centre" => Ok(CropChoice::Center),
        "left" => Ok(CropChoice::Left),
        "right" => Ok(CropChoice::Right),
        number => match number.parse() {
            Ok(centre) if (0.0..=1.0).contains(&centre) => Ok(CropChoice::At(centre)),
            _ => Err("give auto, center, left, right, or the window's centre from 0 (left edge) to 1 (right edge)"
                .to_owned()),
        },
    }
}

/// Reads which pictures are made: `all`, `none`, or a list of their names, each with a time behind an @ where it is not chosen.
pub(crate) fn pictures(text: &str) -> Result<Pictures, String> {
    let wrong = || "give poster, storyboard and preview with commas between them, all, or none".to_owned();
    let mut pictures = match text {
        "all" => return Ok(Pictures::ALL),
        "none" => return Ok(Pictures::default()),
        _ => Pictures::default(),
    };
    for part in text.split(',') {
        let (name, at) = part.split_once('@').map_or((part, None), |(name, at)| (name, Some(at)));
        let moment = Moment { at: at.map(time).transpose()?.map(Time::from) };
        let twice = match name {
            "poster" => pictures.poster.replace(moment).is_some(),
            "preview" => pictures.preview.replace(moment).is_some(),
            "storyboard" if at.is_none() => std::mem::replace(&mut pictures.storyboard, true),
            "storyboard" => return Err("a storyboard is of the whole film, and has no time".to_owned()),
            _ => return Err(wrong()),
        };
        if twice {
            return Err(format!("{name} is there twice"));
        }
    }
    Ok(pictures)
}

/// Reads what becomes of two people who do not fit into one window.
pub(crate) fn two_shots(text: &str) -> Result<TwoShots, String> {
    match text {
        "cut" => Ok(TwoShots::Cut),
        "stack" => Ok(TwoShots::Stack),
        "fit" => Ok(TwoShots::Fit),
        _ => Err("give cut, stack or fit".to_owned()),
    }
}

/// Reads how interlaced pictures are treated.
pub(crate) fn deinterlace(text: &str) -> Result<Deinterlace, String> {
    match text {
        "auto" => Ok(Deinterlace::Auto),
        "off" => Ok(Deinterlace::Off),
        "on" => Ok(Deinterlace::On),
        "field-rate" => Ok(Deinterlace::FieldRate),
        "ivtc" => Ok(Deinterlace::Ivtc),
        _ => Err("give auto, off, on, field-rate or ivtc".to_owned()),
    }
}

/// Reads what becomes of noise.
pub(crate) fn denoise(text: &str) -> Result<Denoise, String> {
    match text {
        "off" => Ok(Denoise::Off),
        "auto" => Ok(Denoise::Auto),
        _ => match text.parse() {
            Ok(level @ 1..=MOST_NOISE) => Ok(Denoise::Level(level)),
            _ => Err(format!("give off, auto, or a number from 1 to {MOST_NOISE}")),
        },
    }
}

/// Reads how windows are enlarged.
pub(crate) fn upscale(text: &str) -> Result<UpscaleChoice, String> {
    match text {
        "auto" => Ok(UpscaleChoice::Auto),
        "lanczos" => Ok(UpscaleChoice::Lanczos),
        "sharp" => Ok(UpscaleChoice::Sharp),
        _ => Err("give lanczos, sharp or auto".to_owned()),
    }
}

/// Reads what becomes of high dynamic range.
pub(crate) fn dynamic_range(text: &str) -> Result<DynamicRange, String> {
    match text {
        "auto" => Ok(DynamicRange::Auto),
        "keep" => Ok(DynamicRange::Keep),
        "sdr" => Ok(DynamicRange::Sdr),
        "both" => Ok(DynamicRange::Both),
        _ => Err("give auto, keep, sdr or both".to_owned()),
    }
}

/// Reads what becomes of other primaries than those of BT.709.
pub(crate) fn gamut(text: &str) -> Result<Gamut, String> {
    match text {
        "keep" => Ok(Gamut::Keep),
        "bt709" => Ok(Gamut::Bt709),
        _ => Err("give keep or bt709".to_owned()),
    }
}

/// Reads what a look is applied to.
pub(crate) fn lut_place(text: &str) -> Result<LookPlace, String> {
    match text {
        "after" => Ok(LookPlace::Converted),
        "before" => Ok(LookPlace::Source),
        "instead" => Ok(LookPlace::Conversion),
        _ => Err("give after, before or instead".to_owned()),
    }
}

/// Reads what becomes of subtitles that are part of the picture.
pub(crate) fn subtitles(text: &str) -> Result<Subtitles, String> {
    match text {
        "auto" => Ok(Subtitles::Auto),
        "keep" => Ok(Subtitles::Keep),
        "off" => Ok(Subtitles::Off),
        _ => Err("give auto, keep or off".to_owned()),
    }
}

/// A change of one shot, as `--set` has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ShotEdit {
    /// Which one, from 1.
    pub(crate) shot: usize,
    /// Centre of the window that it is to have, as fractions of the picture's width and height.
    pub(crate) centre: [Option<f64>; 2],
    /// The same of the lower window.
    pub(crate) lower_centre: [Option<f64>; 2],
    pub(crate) layout: Option<Layout>,
    pub(crate) mode: Option<ShotMode>,
    pub(crate) locked: Option<bool>,
}

/// Reads a change of a shot: `shot=12,x=0.7,mode=static`.
pub(crate) fn shot_edit(text: &str) -> Result<ShotEdit, String> {
    let mut edit = ShotEdit::default();
    for part in text.split(',') {
        let (key, value) = part.split_once('=').ok_or_else(|| format!("{part}: give KEY=VALUE"))?;
        let fraction = || match value.parse::<f64>() {
            Ok(fraction) if (0.0..=1.0).contains(&fraction) => Ok(Some(fraction)),
            _ => Err(format!("{part}: give a fraction of the picture from 0 to 1")),
        };
        match key {
            "shot" => {
                let number = value.parse().ok().filter(|&number| number > 0);
                edit.shot = number.ok_or_else(|| format!("{part}: shots are counted from 1"))?;
            }
            "x" => edit.centre[0] = fraction()?,
            "y" => edit.centre[1] = fraction()?,
            "lower-x" => edit.lower_centre[0] = fraction()?,
            "lower-y" => edit.lower_centre[1] = fraction()?,
            "layout" => match value {
                "window" => edit.layout = Some(Layout::Window),
                "stack" => edit.layout = Some(Layout::Stack),
                "fit" => edit.layout = Some(Layout::Fit),
                _ => return Err(format!("{part}: give window, stack or fit")),
            },
            "mode" => match value {
                "static" => edit.mode = Some(ShotMode::Static),
                _ => return Err(format!("{part}: static is all that can be set; edit the plan's keys for other ways")),
            },
            "locked" => match value {
                "yes" | "true" => edit.locked = Some(true),
                "no" | "false" => edit.locked = Some(false),
                _ => return Err(format!("{part}: give yes or no")),
            },
            _ => return Err(format!("{key}: give shot, x, y, lower-x, lower-y, layout, mode or locked")),
        }
    }
    if edit.shot == 0 {
        return Err("say which shot, from 1: shot=12,x=0.7".to_owned());
    }
    if edit == (ShotEdit { shot: edit.shot, ..ShotEdit::default() }) {
        return Err("say what to change: x, y, layout, mode or locked".to_owned());
    }
    Ok(edit)
}

/// Files of subtitles, as `--subtitles-in` has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SubtitleInput {
    /// Those beside the film that are called like it.
    Beside,
    /// None, whatever was said before.
    None,
    /// One, and what is said of it.
    File(PathBuf, NameTells),
}

/// Reads which subtitles come in: `auto`, `none`, or a file, which may be followed by `=LANG`, `,sdh`, `,forced`.
pub(crate) fn subtitle_input(text: &str) -> Result<SubtitleInput, String> {
    match text {
        "auto" => return Ok(SubtitleInput::Beside),
        "none" => return Ok(SubtitleInput::None),
        "" => return Err("give a file, auto or none".to_owned()),
        _ => {}
    }
    let mut tells = NameTells::default();
    // An equals sign may be part of the name.
    let told = text.rsplit_once('=').filter(|_| !is_subtitle_name(text.as_ref()));
    let Some((file, words)) = told else { return Ok(SubtitleInput::File(text.into(), tells)) };
    match words.split(',').find(|word| !tells.add(word)) {
        Some(word) => Err(format!("{word:?} is no language, as en or zh-Hans are, and neither sdh nor forced")),
        None => Ok(SubtitleInput::File(file.into(), tells)),
    }
}

/// Reads a switch that has a default.
pub(crate) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("give yes or no".to_owned()),
    }
}

/// Reads the device that scales: a word, or part of a GPU adapter's name.
pub(crate) fn device(text: &str) -> Result<DeviceChoice, String> {
    match text {
        "" => Err("give auto, gpu, cpu, or part of a GPU adapter's name".to_owned()),
        "auto" => Ok(DeviceChoice::Auto),
        "gpu" => Ok(DeviceChoice::Gpu),
        "cpu" => Ok(DeviceChoice::Cpu),
        name => Ok(DeviceChoice::Adapter(name.to_owned())),
    }
}

/// Reads the number of a program.
pub(crate) fn program(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "give the number of a program as probe shows it".to_owned())
}

/// Reads the choice of a video track: `auto`, or a track's number from 1.
pub(crate) fn video(text: &str) -> Result<VideoChoice, String> {
    match text {
        "auto" => Ok(VideoChoice::Best),
        number => match number.parse() {
            Ok(track) if track > 0 => Ok(VideoChoice::Track(track)),
            _ => Err("give auto, or the number of a video track from 1".to_owned()),
        },
    }
}

/// Reads the choice of audio tracks: `auto`, `all`, `none`, or numbers from 1, `LEFT+RIGHT` and languages with commas between
/// them.
pub(crate) fn audio(text: &str) -> Result<AudioChoice, String> {
    let selector = |item: &str| {
        let number = |text: &str| text.parse().ok().filter(|&number: &usize| number > 0);
        if let Some((left, right)) = item.split_once('+') {
            return Some(AudioSelector::Pair(number(left)?, number(right)?));
        }
        number(item).map(AudioSelector::Track).or_else(|| Language::of(item).map(AudioSelector::Language))
    };
    match text {
        "auto" => Ok(AudioChoice::Best),
        "all" => Ok(AudioChoice::All),
        "none" => Ok(AudioChoice::None),
        list => {
            let items = list.split(',').map(str::trim);
            let known = items.map(|item| selector(item).filter(|_| item != "all")).collect::<Option<_>>();
            known.map(AudioChoice::Chosen).ok_or_else(|| {
                "give auto, all, none, or with commas between them numbers of audio tracks from 1, two of left and right as \
                 1+2, and languages as eng or zh"
                    .to_owned()
            })
        }
    }
}

/// Names a track of text: a number, a language, or closed captions as `cc1` or `service1`.
pub(crate) fn text_track(text: &str) -> Result<TextSelector, String> {
    let folded = text.to_ascii_lowercase();
    let captions = match folded.as_str() {
        "cc1" => Some(Track::Cc1),
        "cc2" => Some(Track::Cc2),
        "cc3" => Some(Track::Cc3),
        "cc4" => Some(Track::Cc4),
        other => {
            let service = other.strip_prefix("service").and_then(|number| number.parse().ok());
            service.filter(|number| (1..=63).contains(number)).map(Track::Service)
        }
    };
    let number = || text.parse().ok().filter(|&number: &usize| number > 0).map(TextSelector::Track);
    let language = || Language::of(text).map(TextSelector::Language);
    captions.map(TextSelector::Captions).or_else(number).or_else(language).ok_or_else(|| {
        "give the number of a subtitle track from 1, a language as eng or zh, or closed captions as cc1 to cc4 or service1 to \
         service63"
            .to_owned()
    })
}

/// Tells a font by its file from one by its family: a file has a folder before its name, or the ending of fonts.
pub(crate) fn font(text: &str) -> Result<FontChoice, String> {
    let folded = text.to_ascii_lowercase();
    let is_file =
        text.contains(['/', '\\']) || [".ttf", ".otf", ".ttc", ".otc"].iter().any(|end| folded.ends_with(end));
    match text.trim() {
        "" => Err("give a file of a font, or the name of an installed family".to_owned()),
        _ if is_file => Ok(FontChoice::File(text.into())),
        name => Ok(FontChoice::Family(name.to_owned())),
    }
}

/// Reads what becomes of surround sound.
pub(crate) fn stereo(text: &str) -> Result<Stereo, String> {
    match text {
        "off" => Ok(Stereo::Off),
        "add" => Ok(Stereo::Add),
        "only" => Ok(Stereo::Only),
        _ => Err("give off, add or only".to_owned()),
    }
}

/// Reads how loud sound is to be: `auto`, `off`, or LUFS.
pub(crate) fn loudness(text: &str) -> Result<LoudnessChoice, String> {
    match text {
        "auto" => Ok(LoudnessChoice::Auto),
        "off" => Ok(LoudnessChoice::Off),
        _ => match text.parse() {
            Ok(integrated) => Ok(LoudnessChoice::At(Loudness { integrated, ..Loudness::STREAMING })),
            Err(_) => Err("give auto, off, or LUFS, such as -16".to_owned()),
        },
    }
}

/// Reads a protocol's name, as libav spells them.
pub(crate) fn protocol(text: &str) -> Result<String, String> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !text.is_empty() && text.bytes().all(known) {
        Ok(text.to_owned())
    } else {
        Err("give names of libav protocols with commas between them, for instance file,https,tcp,tls".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_listed_and_may_have_times() {
        assert_eq!(pictures("all"), Ok(Pictures::ALL));
        assert_eq!(pictures("poster,storyboard,preview"), Ok(Pictures::ALL));
        assert!(pictures("none").unwrap().is_none());
        let at = |num, den| Some(Moment { at: Some(Time::from(Rational::new(num, den))) });
        let timed = Pictures { poster: at(125, 2), storyboard: false, preview: at(3, 1) };
        assert_eq!(pictures("preview@3,poster@1:02.5"), Ok(timed));
        for wrong in ["", "poster,", "posters", "poster,poster", "storyboard@3", "poster@", "all,poster", "none,poster"]
        {
            assert!(pictures(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("1", 1),
            ("1500000", 1_500_000),
            ("800M", 800 << 20),
            ("1.5G", 3 << 29),
            ("2gib", 2 << 30),
            ("1T", 1 << 40),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "G", "-1", "1X", "nan", "inf", "1e30", "1.5.2M"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert_eq!((jobs("1"), jobs("1024")), (Ok(1), Ok(1024)));
        assert!(["0", "1025", "-1", "two"].into_iter().all(|text| jobs(text).is_err()));
    }

    #[test]
    fn times_are_exact() {
        for (text, num, den) in [
            ("0", 0, 1),
            ("7", 7, 1),
            ("90.5", 181, 2),
            ("0.1", 1, 10),
            (".25", 1, 4),
            ("90", 90, 1),
            ("1:30", 90, 1),
            ("01:30.040", 2251, 25),
            ("00:01:30", 90, 1),
            ("100:00:00", 360_000, 1),
            ("90:00", 5400, 1),
            ("0.123456789", 123_456_789, 1_000_000_000),
            ("1000000000", 1_000_000_000, 1),
            ("1000000000.999999999", 1_000_000_000_999_999_999, 1_000_000_000),
        ] {
            assert_eq!(time(text), Ok(Rational { num, den }), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in [
            "",
            ".",
            "1.",
            "-1",
            "+1",
            "1e3",
            "nan",
            "inf",
            "1:",
            ":1",
            "1::2",
            "1:60",
            "1:60:00",
            "1:2:3:4",
            "0x10",
            "1,5",
            "1 ",
            "1.2.3",
            "1.2:3",
            "0.1234567890",
            "1000000001",
            "99999999999999999999",
            "99999999999:00:00",
            "１",
        ] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_duration_is_above_zero() {
        assert!(duration("0").is_err());
        assert!(duration("0:00.000").is_err());
        assert_eq!(duration("0.001"), Ok(Rational { num: 1, den: 1000 }));
    }

    #[test]
    fn crops_are_words_or_fractions() {
        for (text, choice) in [
            ("auto", CropChoice::Auto),
            ("center", CropChoice::Center),
            ("centre", CropChoice::Center),
            ("left", CropChoice::Left),
            ("right", CropChoice::Right),
            ("0", CropChoice::At(0.0)),
            ("0.31", CropChoice::At(0.31)),
            ("1", CropChoice::At(1.0)),
        ] {
            assert_eq!(crop(text), Ok(choice), "{text}");
        }
        for text in ["", "middle", "1.01", "-0.1", "nan", "inf", "50%"] {
            assert!(crop(text).is_err(), "{text}");
        }
    }

    #[test]
    fn devices_are_words_or_names() {
        assert_eq!(device("auto"), Ok(DeviceChoice::Auto));
        assert_eq!(device("gpu"), Ok(DeviceChoice::Gpu));
        assert_eq!(device("cpu"), Ok(DeviceChoice::Cpu));
        assert_eq!(device("llvmpipe"), Ok(DeviceChoice::Adapter("llvmpipe".to_owned())));
        assert!(device("").is_err());
    }

    #[test]
    fn subtitles_say_language_and_purpose_behind_their_file() {
        use upright_engine::source::Role::{Forced, HearingImpaired};
        let file = |path: &str, language: Option<&str>, roles: &[_]| {
            let (language, roles) = (language.map(str::to_owned), roles.to_vec());
            Ok(SubtitleInput::File(path.into(), NameTells { language, roles }))
        };
        assert_eq!(subtitle_input("auto"), Ok(SubtitleInput::Beside));
        assert_eq!(subtitle_input("none"), Ok(SubtitleInput::None));
        assert_eq!(subtitle_input("a.en.srt"), file("a.en.srt", None, &[]));
        assert_eq!(subtitle_input("a=b.srt"), file("a=b.srt", None, &[]));
        assert_eq!(subtitle_input("a=b.srt=ger"), file("a=b.srt", Some("de"), &[]));
        assert_eq!(
            subtitle_input("a.ass=zh-hans,forced,sdh"),
            file("a.ass", Some("zh-Hans"), &[Forced, HearingImpaired])
        );
        assert_eq!(subtitle_input("a.ass=forced"), file("a.ass", None, &[Forced]));
        for text in ["", "a.srt=english", "a.srt=en,loud", "a.srt=en,de", "a.srt="] {
            assert!(subtitle_input(text).is_err(), "{text}");
        }
    }

    #[test]
    fn video_tracks_count_from_one() {
        assert_eq!(video("auto"), Ok(VideoChoice::Best));
        assert_eq!(video("2"), Ok(VideoChoice::Track(2)));
        for text in ["", "0", "-1", "none"] {
            assert!(video(text).is_err(), "{text}");
        }
    }

    #[test]
    fn audio_tracks_count_from_one() {
        assert_eq!(audio("auto"), Ok(AudioChoice::Best));
        assert_eq!(audio("none"), Ok(AudioChoice::None));
        assert_eq!(audio("all"), Ok(AudioChoice::All));
        let language = |code| AudioSelector::Language(Language::of(code).unwrap());
        assert_eq!(audio("1"), Ok(AudioChoice::Chosen(vec![AudioSelector::Track(1)])));
        let several = vec![language("eng"), AudioSelector::Track(3), AudioSelector::Pair(1, 2), language("zho")];
        assert_eq!(audio("en,3, 1+2,chi"), Ok(AudioChoice::Chosen(several)));
        for text in ["", "0", "-1", "1.5", "english", "eng,", "all,1", "none,eng", "1+", "0+1", "xx"] {
            assert!(audio(text).is_err(), "{text}");
        }
    }

    #[test]
    fn protocols_are_plain_names() {
        assert_eq!(protocol("https"), Ok("https".to_owned()));
        for text in ["", "http://x", "a b", "a,b"] {
            assert!(protocol(text).is_err(), "{text}");
        }
    }
}
