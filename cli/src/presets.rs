//! Presets: options of what is made of films, as TOML, and `upright presets`. The README describes the format.

use crate::args::{Arguments, PresetsArguments};
use crate::exit::{Exit, Failure};
use crate::named_options::{Options, PRESET, as_arguments, given, wanted, why};
use crate::output;
use crate::shipped::SHIPPED;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, CommandFactory as _};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;
use toml::de::{DeTable, DeValue};
use upright_engine::{Error, Result};

/// The longest preset that is read, in bytes.
const LONGEST: u64 = 64 << 10;

/// Options of what is made of films.
#[derive(Debug)]
pub(crate) struct Preset {
    pub(crate) options: Options,
}

/// Lists the presets that are always there, or prints one.
///
/// # Errors
/// Those of [`Preset::load`]; [`Error::Io`] when it cannot be printed.
pub(crate) fn presets(arguments: &PresetsArguments) -> Result<Exit, Failure> {
    let text = if let Some(name) = &arguments.preset {
        Preset::load(name, Path::new(""))?;
        text(name, Path::new(name))?.into_owned()
    } else {
        let mut list = String::new();
        for shipped in SHIPPED {
            // Writing to a string cannot fail.
            let _ = writeln!(list, "{:<10} {}", shipped.name, shipped.about);
        }
        list
    };
    output::print(&text)?;
    Ok(Exit::Success)
}

/// Puts what the preset of a command line says in its place, but for what the command line says itself.
///
/// # Errors
/// Those of [`Preset::load`].
pub(crate) fn expand(mut arguments: Vec<OsString>) -> Result<Vec<OsString>> {
    // Mistakes are told by whoever reads the arguments for good.
    let matches = Arguments::command().ignore_errors(true).try_get_matches_from(&arguments);
    let Ok(matches) = matches else { return Ok(arguments) };
    let Some((command, matches)) = matches.subcommand() else { return Ok(arguments) };
    let Ok(Some(name)) = matches.try_get_one::<OsString>(PRESET) else { return Ok(arguments) };
    if command == "presets" {
        return Ok(arguments);
    }
    let Preset { mut options } = Preset::load(name, Path::new(""))?;
    let own = given(matches);
    options.retain(|name, _| !own.contains_key(name));
    // What comes before the command are switches.
    let after = arguments.iter().position(|argument| argument == command).map_or(arguments.len(), |place| place + 1);
    arguments.splice(after..after, as_arguments(&options).into_iter().map(OsString::from));
    Ok(arguments)
}

impl Preset {
    /// Reads the preset of a shipped name, or of a file: a name with a slash in it or with `.toml` at its end, which counts from
    /// `folder`. Files that it names itself count from its own folder.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when there is none of the name; [`Error::SourceMissing`] and [`Error::Io`] for its file;
    /// [`Error::BadPlan`] for what is wrong in it, with the line.
    pub(crate) fn load(name: &OsStr, folder: &Path) -> Result<Self> {
        let path = folder.join(name);
        let text = text(name, &path)?;
        Self::parse(&path.to_string_lossy(), &text, path.parent().unwrap_or(Path::new("")))
    }

    fn parse(name: &str, text: &str, folder: &Path) -> Result<Self> {
        let bad = |at: Option<Range<usize>>, why: &str| {
            let line = at.and_then(|at| text.get(..at.start)).map(|before| 1 + before.matches('\n').count() as u64);
            Error::BadPlan { name: name.to_owned(), line, why: why.split_whitespace().collect::<Vec<_>>().join(" ") }
        };
        let table = DeTable::parse(text).map_err(|error| bad(error.span(), error.message()))?;
        let known = wanted();
        let mut options = Options::new();
        for (key, value) in table.get_ref().iter() {
            let argument = known.get_arguments().find(|argument| argument.get_long() == Some(key.get_ref()));
            let Some(argument) = argument.filter(|_| key.get_ref() != PRESET) else {
                return Err(bad(Some(key.span()), &unknown(key.get_ref())));
            };
            let values = values(argument, value.get_ref()).map_err(|why| bad(Some(value.span()), &why))?;
            let values = values.into_iter().map(|value| from_folder(key.get_ref(), value, folder)).collect();
            let one = Options::from([(key.get_ref().to_string(), values)]);
            check(&one, true).map_err(|why| bad(Some(value.span()), &why))?;
            options.extend(one);
        }
        check(&options, false).map_err(|why| bad(None, &why))?;
        Ok(Self { options })
    }
}

/// Reads the text of a preset.
fn text(name: &OsStr, path: &Path) -> Result<Cow<'static, str>> {
    if let Some(shipped) = SHIPPED.iter().find(|shipped| shipped.name == name) {
        return Ok(Cow::Borrowed(shipped.text));
    }
    let shown = name.to_string_lossy();
    if !shown.contains(std::path::is_separator) && !shown.ends_with(".toml") {
        let names = SHIPPED.map(|shipped| shipped.name).join(", ");
        let rule = format!("unknown; there are: {names}, and any file of your own by its path");
        return Err(Error::invalid("preset", format!("{shown:?}"), rule));
    }
    let mut text = String::new();
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::SourceMissing { path: path.to_path_buf() },
        _ => Error::io(path, "cannot open the preset")(error),
    })?;
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(Error::io(path, "cannot read the preset"))?;
    if text.len() as u64 > LONGEST {
        let why = format!("is no preset: it has more than {LONGEST} bytes");
        return Err(Error::BadPlan { name: shown.into_owned(), line: None, why });
    }
    Ok(Cow::Owned(text))
}

/// Says that there is no such option, and which was meant.
fn unknown(name: &str) -> String {
    let error = wanted().try_get_matches_from(["film", &format!("--{name}")]).err();
    let meant = error.as_ref().and_then(|error| error.get(ContextKind::SuggestedArg));
    let meant = match meant {
        Some(ContextValue::String(meant)) => format!("; {} is meant, perhaps", meant.trim_start_matches('-')),
        _ => String::new(),
    };
    format!("{name} is no option of what is made of a film{meant}")
}

/// Gives the values of an option as they are typed.
fn values(argument: &Arg, value: &DeValue<'_>) -> std::result::Result<Vec<String>, String> {
    let name = argument.get_long().unwrap_or_default();
    let scalar = |value: &DeValue<'_>| match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        other => Err(format!("{name} has a value of the type {}: give a text or a number", other.type_str())),
    };
    let is_switch = argument.get_num_args().is_some_and(|values| values.min_values() == 0);
    let takes_pairs = argument.get_value_names().is_some_and(|names| names == ["KEY=VALUE"]);
    Ok(match value {
        DeValue::Boolean(on) if is_switch => vec![on.to_string()],
        _ if is_switch => return Err(format!("{name} is true or false")),
        DeValue::Array(list) => {
            let values: Vec<_> = list.iter().map(|value| scalar(value.get_ref())).collect::<Result<_, _>>()?;
            if matches!(argument.get_action(), ArgAction::Append) { values } else { vec![values.join(",")] }
        }
        DeValue::Table(pairs) if takes_pairs => {
            let pair = |key: &str, value| Ok(format!("{key}={}", scalar(value)?));
            pairs.iter().map(|(key, value)| pair(key.get_ref(), value.get_ref())).collect::<Result<_, String>>()?
        }
        value => vec![scalar(value)?],
    })
}

/// Has a file that an option names count from the preset's folder.
fn from_folder(option: &str, value: String, folder: &Path) -> String {
    let joined = |path: &str| folder.join(path).to_string_lossy().into_owned();
    match (option, value.strip_prefix("pipe:")) {
        ("lut", _) => joined(&value),
        ("encoder", Some(profile)) if profile.contains(std::path::is_separator) || profile.ends_with(".toml") => {
            format!("pipe:{}", joined(profile))
        }
        _ => value,
    }
}

/// Checks values as those of a command line; of one that is `alone` others may be missing that it needs.
fn check(options: &Options, alone: bool) -> std::result::Result<(), String> {
    let arguments = ["film".to_owned()].into_iter().chain(as_arguments(options));
    match wanted().try_get_matches_from(arguments) {
        Err(error) if !(alone && error.kind() == ErrorKind::MissingRequiredArgument) => Err(why(&error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::WantedArguments;
    use crate::options::plan_options;
    use clap::FromArgMatches as _;
    use std::fs;
    use upright_engine::plan::PlanOptions;

    fn planned(name: &str) -> PlanOptions {
        let Preset { options } = Preset::load(OsStr::new(name), Path::new("")).unwrap();
        let arguments = ["film".to_owned()].into_iter().chain(as_arguments(&options));
        let matches = wanted().try_get_matches_from(arguments).unwrap();
        plan_options(WantedArguments::from_arg_matches(&matches).unwrap()).unwrap()
    }

    #[test]
    fn vertical_says_all_defaults_and_the_others_can_be_planned() {
        assert_eq!(planned("vertical"), PlanOptions::default());
        let Preset { options } = Preset::load(OsStr::new("vertical"), Path::new("")).unwrap();
        let with_default = |argument: &&Arg| !argument.get_default_values().is_empty();
        for argument in wanted().get_arguments().filter(with_default) {
            let name = argument.get_long().unwrap();
            // A place of a look goes with a look.
            assert!(options.contains_key(name) || name == "lut-place", "{name}");
        }
        for shipped in SHIPPED {
            assert_eq!(planned(shipped.name).validate().map_err(|error| error.to_string()), Ok(()), "{}", shipped.name);
        }
    }

    #[test]
    fn what_the_command_line_says_goes_before_the_preset() {
        let expanded = |line: &str| {
            let all = line.split(' ').map(OsString::from).collect();
            let all = expand(all).unwrap().into_iter().map(|it| it.into_string().unwrap());
            all.collect::<Vec<_>>().join(" ")
        };
        let line = "upright -v convert --preset archive film.mkv --quality=70 --format mp4,cmaf -- x";
        let all = expanded(line);
        assert!(all.starts_with("upright -v convert --audio=all --bit-depth=10 --denoise=off"), "{all}");
        assert!(all.contains(" --speed=3 ") && !all.contains("--quality=90") && !all.contains("--format=mp4"), "{all}");
        assert!(all.ends_with(" --preset archive film.mkv --quality=70 --format mp4,cmaf -- x"), "{all}");
        for line in ["upright convert film.mkv", "upright presets feed", "upright", "upright convert --preset"] {
            assert_eq!(expanded(line), line);
        }
    }

    #[test]
    fn values_are_read_as_they_are_typed() {
        let text = "# mine\nformat = ['mp4', 'cmaf']\nladder = [720, '360x640']\nkeyframe-interval = 1.50\nloudness = -23\n\
                    encoder-options = { tune = 1, 'film-grain' = '8' }\nlut = 'looks/film.cube'\nencoder = 'pipe:own.toml'\nsegment-files = true\n";
        let Preset { options } = Preset::parse("own.toml", text, Path::new("presets")).unwrap();
        let expected = [
            ("encoder", vec!["pipe:presets/own.toml"]),
            ("encoder-options", vec!["film-grain=8", "tune=1"]),
            ("format", vec!["mp4", "cmaf"]),
            ("keyframe-interval", vec!["1.50"]),
            ("ladder", vec!["720,360x640"]),
            ("loudness", vec!["-23"]),
            ("lut", vec!["presets/looks/film.cube"]),
            ("segment-files", vec!["true"]),
        ];
        let text =
            |(name, values): (&str, Vec<&str>)| (name.to_owned(), values.into_iter().map(str::to_owned).collect());
        assert_eq!(options, expected.map(text).into());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (line, words) in [
            ("qualty = 70", "line 2: qualty is no option of what is made of a film; quality is meant, perhaps"),
            ("preset = 'feed'", "line 2: preset is no option"),
            ("output = 'x'", "line 2: output is no option"),
            ("quality = 101", "line 2: invalid value '101' for '--quality <0..100>': 101 is not in 0..=100"),
            ("segment-files = 1", "line 2: segment-files is true or false"),
            ("quality = true", "line 2: quality has a value of the type boolean"),
            ("speed = 0x8", "line 2: speed has a value of the type integer"),
            ("ladder = { a = 1 }", "line 2: ladder has a value of the type table"),
            ("format = [['mp4']]", "line 2: format has a value of the type array"),
            ("format = ['mp3']", "line 2: invalid value 'mp3' for '--format <LIST>' [possible values: mp4, cmaf]"),
            ("speed = 3\nspeed = 4", "line 3: duplicate key"),
            ("[encoding]\nspeed = 3", "line 2: encoding is no option"),
            ("=", "line 2: "),
            ("lut-place = 'before'", "own.toml: the following required arguments were not provided: --lut <FILE>"),
        ] {
            let error = Preset::parse("own.toml", &format!("crop = 0.5\n{line}\n"), Path::new("")).unwrap_err();
            assert_eq!(Exit::from(&error), Exit::BadInput);
            let error = error.to_string();
            assert!(error.starts_with("own.toml") && error.contains(words) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn names_and_paths_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("own.toml"), "speed = 3").unwrap();
        fs::write(folder.path().join("long.toml"), format!("#{}", "x".repeat(64 << 10))).unwrap();
        let load = |name: &str| Preset::load(OsStr::new(name), folder.path());
        assert_eq!(load("own.toml").unwrap().options, Options::from([("speed".into(), vec!["3".into()])]));
        let unknown = load("feeds").unwrap_err().to_string();
        assert!(unknown.contains("\"feeds\"") && unknown.contains("vertical, feed, archive"), "{unknown}");
        assert!(matches!(load("none.toml"), Err(Error::SourceMissing { .. })));
        assert!(load("long.toml").unwrap_err().to_string().contains("65536 bytes"));
    }
}
