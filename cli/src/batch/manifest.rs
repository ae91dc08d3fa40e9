//! The films of a batch: from folders, patterns and manifests.

use crate::args::Arguments;
use crate::named_options::{Options, PRESET, as_arguments, wanted, why};
use crate::presets::Preset;
use clap::Parser as _;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use upright_engine::batch::{ENCRYPT, Title, films_in};
use upright_engine::locate::PathStep::{self, Element, Field};
use upright_engine::locate::line_of;
use upright_engine::remote::{self, ObjectUrl};
use upright_engine::sidecar::{sidecars_among, sidecars_of, subtitle_files_in};
use upright_engine::{Error, Result};

/// Version of the form of manifests.
const VERSION: u32 = 1;
/// The largest manifest that is read, in bytes.
const LARGEST: u64 = 64 << 20;
/// Options of the input that a manifest may give for a film, besides all of what is made of it.
const OF_INPUT: [&str; 5] = ["program", "video", "start", "duration", SUBTITLES];
/// The option of files of subtitles.
pub(super) const SUBTITLES: &str = "subtitles-in";

/// Says why a URL is no film of a batch on this machine.
const NO_FILE: &str = "is no file: a batch on one machine converts files; clusters take URLs of object stores as well";

/// A film, where it would be in the output folder, and its options.
pub(super) type Film = (PathBuf, PathBuf, Options);

/// A manifest in JSON: with its version, or the films alone. In JSON Lines each line is a film.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Manifest {
    Versioned(Versioned),
    Films(Vec<Entry>),
}

/// A manifest with its version.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Versioned {
    /// Version of the form: 1, also where it is not given.
    #[serde(default = "version")]
    version: u32,
    /// The films.
    titles: Vec<Entry>,
}

/// A film as a manifest has it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The film; a relative path counts from the manifest's folder.
    input: PathBuf,
    /// Its folder in the output folder; the film's name without its extension where there is none.
    #[serde(default)]
    output: Option<String>,
    /// Options of `upright plan` by their long names: a text or a number, a list of them for an option that may be given several
    /// times, `true` for a switch; `false` and `null` take away one that the whole batch has. `encrypt` names the file of its keys.
    #[serde(default)]
    #[schemars(schema_with = "option_values")]
    options: BTreeMap<String, Value>,
}

fn version() -> u32 {
    VERSION
}

fn option_values(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": { "anyOf": [
            { "type": ["string", "number", "boolean", "null"] },
            { "type": "array", "items": { "type": ["string", "number"] } },
        ] },
    })
}

/// Lists the films that inputs name. With `urls` they may lie in object stores.
///
/// # Errors
/// [`Error::SourceMissing`] for one that is not there; [`Error::BadPlan`] for a manifest that is none, with its line; [`Error::Io`].
pub(super) fn films(inputs: &[PathBuf], output: &Path, common: &Options, urls: bool) -> Result<Vec<Film>> {
    let mut films = Vec::new();
    // Of several folders each has one of its name in the output folder.
    let several = inputs.iter().filter(|input| input.is_dir() || is_pattern(input) && !input.exists()).count() > 1;
    for input in inputs {
        if input.is_dir() {
            add_folder(input, several, (output, common), &mut films)?;
        } else if let Some(url) = ObjectUrl::of(input) {
            if !urls {
                return Err(Error::invalid("input", url, NO_FILE));
            }
            films.push((input.clone(), PathBuf::from(url.file_name()), common.clone()));
        } else if is_manifest(input) {
            films.extend(read(input, common, urls)?);
        } else if input.exists() || !is_pattern(input) {
            films.push(alone(input, common));
        } else {
            let pattern = input.to_string_lossy();
            let paths = glob::glob(&pattern).map_err(|error| Error::invalid("input", &pattern, error.to_string()))?;
            let mut found = false;
            for path in paths.filter_map(std::result::Result::ok) {
                found = true;
                if path.is_dir() {
                    add_folder(&path, true, (output, common), &mut films)?;
                } else {
                    films.push(alone(&path, common));
                }
            }
            if !found {
                return Err(Error::SourceMissing { path: input.clone() });
            }
        }
    }
    Ok(films)
}

fn alone(path: &Path, common: &Options) -> Film {
    (
        path.to_path_buf(),
        PathBuf::from(path.file_name().unwrap_or_default()),
        with_sidecars(common, || sidecars_of(path)),
    )
}

/// Gives a film that no manifest lists the files of subtitles that lie beside it, unless none are wanted. They are named, so that the
/// film is done anew where one comes.
fn with_sidecars(common: &Options, beside: impl FnOnce() -> Vec<PathBuf>) -> Options {
    let mut options = common.clone();
    if options.get(SUBTITLES).is_none_or(|ways| ways != &["none"]) {
        options.remove(SUBTITLES);
        let files: Vec<_> = beside().iter().map(|path| path.to_string_lossy().into_owned()).collect();
        options.extend((!files.is_empty()).then(|| (SUBTITLES.to_owned(), files)));
    }
    options
}

fn add_folder(
    folder: &Path,
    under_its_name: bool,
    (output, common): (&Path, &Options),
    films: &mut Vec<Film>,
) -> Result<()> {
    let whole = fs::canonicalize(folder).ok().filter(|_| under_its_name);
    let name = whole.as_deref().and_then(Path::file_name).map(PathBuf::from).unwrap_or_default();
    // Each folder is read once, however many films are in it.
    let mut beside: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for film in films_in(folder, output)? {
        let place = name.join(film.strip_prefix(folder).unwrap_or(&film));
        let options = with_sidecars(common, || {
            let folder = film.parent().unwrap_or(Path::new("")).to_path_buf();
            let files = beside.entry(folder).or_insert_with_key(|folder| subtitle_files_in(folder));
            sidecars_among(&film, files)
        });
        films.push((film, place, options));
    }
    Ok(())
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    extension.is_some_and(|extension| ["json", "jsonl", "ndjson", "csv"].contains(&extension.as_str()))
}

fn read(path: &Path, common: &Options, urls: bool) -> Result<Vec<Film>> {
    let text = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::SourceMissing { path: path.to_path_buf() });
        }
        Ok(there) if there.len() > LARGEST => Err(io::ErrorKind::FileTooLarge.into()),
        _ => fs::read_to_string(path),
    };
    let text = text.map_err(Error::io(path, "cannot read the manifest"))?;
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    let read = match extension.to_str() {
        Some("csv") => of_csv(&text),
        Some("json") => of_json(&text),
        _ => of_lines(&text),
    };
    let name = path.display().to_string();
    let bad = |line, why| Error::BadPlan { name: name.clone(), line, why };
    let (entries, places) = read.map_err(|(line, why)| bad(line, why))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut films = Vec::with_capacity(entries.len());
    for (number, Entry { input, output, mut options }) in entries.into_iter().enumerate() {
        for option in [SUBTITLES, ENCRYPT] {
            if let Some(files) = options.get_mut(option) {
                counted_from(folder, files);
            }
        }
        let url = ObjectUrl::of(&input);
        let own_name = || match &url {
            Some(url) => PathBuf::from(url.file_name()),
            None => PathBuf::from(input.file_name().unwrap_or_default()),
        };
        let place = output.map_or_else(own_name, PathBuf::from);
        let options = with_options(common, options, folder);
        let options =
            options.map_err(|(option, why)| bad(places.line(number, &[Field("options"), Field(&option)]), why))?;
        let is_other = url.is_none() && input.to_str().is_some_and(|text| text.contains("://"));
        if is_other || url.is_some() && !urls {
            let why = format!("{} {NO_FILE}", remote::shown(&input));
            return Err(bad(places.line(number, &[Field("input")]), why));
        }
        // From the manifest's folder.
        films.push((if url.is_some() { input } else { folder.join(input) }, place, options));
    }
    Ok(films)
}

/// Makes relative paths of files of subtitles and of keys count from the manifest's folder, as those of films do.
fn counted_from(folder: &Path, files: &mut Value) {
    match files {
        Value::Array(files) => files.iter_mut().for_each(|file| counted_from(folder, file)),
        Value::String(file) if !["auto", "none"].contains(&file.as_str()) && ObjectUrl::of(file.as_ref()).is_none() => {
            *file = folder.join(&file).to_string_lossy().into_owned();
        }
        _ => {}
    }
}

/// Entries and where they stand, or what is wrong and where.
type Entries<'a> = std::result::Result<(Vec<Entry>, Places<'a>), (Option<u64>, String)>;

/// Places of a manifest's entries in its text.
enum Places<'a> {
    /// In these lines, from 1.
    Lines(Vec<u64>),
    /// In this JSON, in a list at the end of this path.
    List(&'a str, &'static [PathStep<'static>]),
}

impl Places<'_> {
    /// The line of what lies at the end of `path` in entry `number`, or of the entry where each has one line.
    fn line(&self, number: usize, path: &[PathStep<'_>]) -> Option<u64> {
        match self {
            Self::Lines(lines) => lines.get(number).copied(),
            Self::List(text, list) => line_of(text, &[*list, &[Element(number)], path].concat()),
        }
    }
}

fn of_json(text: &str) -> Entries<'_> {
    // For its place in the text, which an untagged form does not tell.
    let is_list = text.trim_start().starts_with('[');
    let list = if is_list {
        serde_json::from_str::<Vec<Entry>>(text).map(Manifest::Films)
    } else {
        serde_json::from_str::<Versioned>(text).map(Manifest::Versioned)
    };
    let bad = |error: serde_json::Error| {
        let line = u64::try_from(error.line()).ok().filter(|&line| line > 0);
        (line, format!("is no manifest: {error}"))
    };
    let entries = match list.map_err(bad)? {
        Manifest::Versioned(Versioned { version, .. }) if version != VERSION => {
            let why = format!("is a manifest of version {version}, and this Upright reads version {VERSION}");
            return Err((line_of(text, &[Field("version")]), why));
        }
        Manifest::Versioned(Versioned { titles, .. }) | Manifest::Films(titles) => titles,
    };
    Ok((entries, Places::List(text, if is_list { &[] } else { &[Field("titles")] })))
}

fn of_lines(text: &str) -> Entries<'_> {
    let (mut entries, mut lines) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        entries.push(serde_json::from_str(line).map_err(|error| (Some(number), format!("is no film: {error}")))?);
        lines.push(number);
    }
    Ok((entries, Places::Lines(lines)))
}

fn of_csv(text: &str) -> Entries<'_> {
    let bad = |error: &csv::Error| {
        (error.position().map(csv::Position::line), format!("is no manifest of comma-separated values: {error}"))
    };
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let headers = reader.headers().map_err(|error| bad(&error))?.clone();
    let input = headers.iter().position(|header| header == "input");
    let input = input.ok_or((Some(1), "has no column named input".to_owned()))?;
    let (mut entries, mut lines) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(|error| bad(&error))?;
        lines.push(record.position().map_or(0, csv::Position::line));
        let mut entry = Entry { input: record[input].into(), output: None, options: BTreeMap::new() };
        for (header, value) in headers.iter().zip(&record).filter(|(_, value)| !value.is_empty()) {
            match header {
                "input" => {}
                "output" => entry.output = Some(value.to_owned()),
                option => {
                    entry.options.insert(option.to_owned(), Value::String(value.to_owned()));
                }
            }
        }
        entries.push(entry);
    }
    Ok((entries, Places::Lines(lines)))
}

/// Puts the options of a film before those of its preset, which is looked for from `folder`, and both before those that all films
/// have; gives the name of an option that has no such value, and why.
fn with_options(
    common: &Options,
    mut own: BTreeMap<String, Value>,
    folder: &Path,
) -> std::result::Result<Options, (String, String)> {
    let mut options = common.clone();
    match own.remove(PRESET) {
        None | Some(Value::Null | Value::Bool(false)) => {}
        Some(Value::String(name)) => {
            let preset = Preset::load(name.as_ref(), folder).map_err(|error| (PRESET.to_owned(), error.to_string()))?;
            options.extend(preset.options);
        }
        Some(other) => {
            return Err((PRESET.to_owned(), format!("option {PRESET} has the value {other}: give a name or a path")));
        }
    }
    for (name, value) in own {
        let text = |value: Value| match value {
            Value::String(text) => Ok(text),
            Value::Number(number) => Ok(number.to_string()),
            other => Err((name.clone(), format!("option {name} has the value {other}: give a text or a number"))),
        };
        let values = match value {
            Value::Array(values) => values.into_iter().map(text).collect::<std::result::Result<_, _>>()?,
            Value::Bool(true) => Vec::new(),
            Value::Bool(false) | Value::Null => {
                options.remove(&name);
                continue;
            }
            value => vec![text(value)?],
        };
        options.insert(name, values);
    }
    Ok(options)
}

/// Writes the options of a film as arguments of `upright plan`, which knows nothing of keys.
pub(super) fn plan_arguments(title: &Title) -> Vec<String> {
    let mut options = title.options.clone();
    options.remove(ENCRYPT);
    as_arguments(&options)
}

/// Checks the options of a film before anything is done.
///
/// # Errors
/// [`Error::InvalidOption`].
pub(super) fn check(title: &Title) -> Result<()> {
    let known = wanted();
    let is_known = |name: &str| {
        name == ENCRYPT
            || OF_INPUT.contains(&name)
            || known.get_arguments().any(|argument| argument.get_long() == Some(name))
    };
    if let Some(name) = title.options.keys().find(|name| !is_known(name)) {
        return Err(Error::invalid(
            "option",
            name,
            format!("{}: no option that a film of a batch can have", title.name),
        ));
    }
    let arguments = plan_arguments(title);
    let all = ["upright", "plan"].map(str::to_owned).into_iter().chain(arguments).chain(["film".to_owned()]);
    let parsed = Arguments::try_parse_from(all)
        .map_err(|error| Error::invalid("options", "", format!("of {}: {}", title.name, why(&error))))?;
    match parsed.command {
        crate::args::Command::Plan(plan) => {
            let options = crate::options::plan_options(plan.wanted)?;
            if title.keys().is_some() && options.formats.cmaf.is_none() {
                let why = format!("of {}: only packages are encrypted; make one with --format cmaf", title.name);
                return Err(Error::invalid(ENCRYPT, "", why));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Writes a manifest of films as JSON.
///
/// # Errors
/// None for any that was read here.
pub(super) fn printed(titles: &[Title]) -> Result<String> {
    let entry = |title: &Title| {
        let value = |values: &Vec<String>| match values.as_slice() {
            [] => Value::Bool(true),
            [one] => Value::String(one.clone()),
            several => several.to_vec().into(),
        };
        let mut options: BTreeMap<_, _> =
            title.options.iter().map(|(name, values)| (name.clone(), value(values))).collect();
        for option in [SUBTITLES, ENCRYPT] {
            if let Some(files) = options.get_mut(option) {
                counted_from(&env::current_dir().unwrap_or_default(), files);
            }
        }
        let input = fs::canonicalize(&title.input).unwrap_or_else(|_| title.input.clone());
        Entry { input, output: Some(title.name.clone()), options }
    };
    let manifest = Manifest::Versioned(Versioned { version: VERSION, titles: titles.iter().map(entry).collect() });
    let text = serde_json::to_string_pretty(&manifest);
    text.map(|text| text + "\n").map_err(|error| Error::misuse(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::assert_read;

    #[test]
    fn the_committed_schema_is_that_of_the_type() {
        assert_read::<Manifest>("manifest", "A manifest of `upright batch`");
    }

    fn manifest(name: &str, text: &str) -> Result<Vec<Film>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let common = Options::from([("speed".into(), vec!["9".into()])]);
        let mut films = films(&[path], Path::new("out"), &common, name.starts_with("urls"))?;
        for (input, ..) in &mut films {
            *input = input.strip_prefix(folder.path()).unwrap_or(input).to_path_buf();
        }
        Ok(films)
    }

    #[test]
    fn three_forms_of_a_manifest_say_the_same() {
        let json = r#"[{"input": "a.mkv", "output": "s1/e1", "options": {"ladder": "360", "speed": 10}}, {"input": "/b.mp4"}]"#;
        let lines = json.trim_matches(['[', ']']).replace("}, {", "}\n\n{");
        let csv = "input,output,ladder,speed\na.mkv, s1/e1 ,360,10\n/b.mp4,,,\n";
        let option = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
        let expected = vec![
            ("a.mkv".into(), "s1/e1".into(), Options::from([option("ladder", "360"), option("speed", "10")])),
            ("/b.mp4".into(), "b.mp4".into(), Options::from([option("speed", "9")])),
        ];
        let object = format!("{{\"titles\": {json}}}");
        for (name, text) in [("m.json", json), ("m.jsonl", &lines), ("m.CSV", csv), ("m.json", &object)] {
            assert_eq!(manifest(name, text).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn the_preset_of_a_film_goes_before_what_all_films_have_and_after_its_own_options() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("own.toml"), "speed = 3\nquality = 90\n").unwrap();
        let options = |preset: &str| {
            let path = folder.path().join("m.csv");
            fs::write(&path, format!("input,preset,quality\na.mkv,,\nb.mkv,{preset},70\n")).unwrap();
            let common = Options::from([("speed".into(), vec!["9".into()])]);
            films(&[path], Path::new("out"), &common, false).map(|films| films.into_iter().map(|film| film.2).collect())
        };
        let option = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
        let expected =
            [Options::from([option("speed", "9")]), Options::from([option("speed", "3"), option("quality", "70")])];
        assert_eq!(options("own.toml").ok(), Some(expected.to_vec()));
        let error = options("feeds").map(|films: Vec<Options>| films.len()).unwrap_err().to_string();
        assert!(error.contains("m.csv") && error.contains("line 3") && error.contains("\"feeds\": unknown"), "{error}");
    }

    #[test]
    fn urls_are_films_of_clusters_alone_and_names_keep_their_secrets() {
        let text = "input\ns3://bucket/s1/e1.mkv\nhttps://host/e2.mp4?signature=secret\n";
        let films = manifest("urls.csv", text).unwrap();
        let places: Vec<_> =
            films.iter().map(|(input, place, _)| (input.to_str().unwrap(), place.to_str().unwrap())).collect();
        let expected = [("s3://bucket/s1/e1.mkv", "e1.mkv"), ("https://host/e2.mp4?signature=secret", "e2.mp4")];
        assert_eq!(places, expected);
        let error = manifest("m.csv", &text.replace("s3://", "")).unwrap_err().to_string();
        assert!(error.contains("https://host/e2.mp4 is no file") && !error.contains("secret"), "{error}");
        assert!(manifest("urls.csv", "input\nrtsp://camera/1\n").is_err());
    }

    #[test]
    fn of_several_folders_each_has_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["s1/e1.mkv", "s2/e1.mkv", "s2/disc/e2.mkv", "e3.mkv"] {
            fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
            fs::write(folder.path().join(name), "film").unwrap();
        }
        let places = |inputs: &[&str]| {
            let inputs: Vec<_> = inputs.iter().map(|input| folder.path().join(input)).collect();
            let films = films(&inputs, Path::new("out"), &Options::new(), false).unwrap();
            films.into_iter().map(|(_, place, _)| place.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(places(&["s2"]), ["disc/e2.mkv", "e1.mkv"]);
        assert_eq!(places(&["s2", "e3.mkv"]), ["disc/e2.mkv", "e1.mkv", "e3.mkv"]);
        assert_eq!(places(&["s1", "s2/"]), ["s1/e1.mkv", "s2/disc/e2.mkv", "s2/e1.mkv"]);
        assert_eq!(places(&["s*"]), ["s1/e1.mkv", "s2/disc/e2.mkv", "s2/e1.mkv"]);
        assert_eq!(places(&["s*/*.mkv"]), ["e1.mkv", "e1.mkv"]);
    }

    #[test]
    fn films_come_with_the_subtitles_that_are_called_like_them() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["e1.mkv", "e1.en.srt", "e1.de.srt", "e2.mkv", "m.csv"] {
            let text = if name == "m.csv" { "input,subtitles-in\ne1.mkv,x.srt=fr\ne2.mkv,auto\n" } else { "film" };
            fs::write(folder.path().join(name), text).unwrap();
        }
        let subtitles = |input: &str, common: &Options| {
            let films = films(&[folder.path().join(input)], Path::new("out"), common, false).unwrap();
            let of = |(_, _, options): Film| {
                let files = options.get(SUBTITLES).cloned().unwrap_or_default();
                files
                    .into_iter()
                    .map(|file| file.replace(&format!("{}/", folder.path().display()), ""))
                    .collect::<Vec<_>>()
            };
            films.into_iter().map(of).collect::<Vec<_>>()
        };
        let way = |way: &str| Options::from([(SUBTITLES.to_owned(), vec![way.to_owned()])]);
        let found = [vec!["e1.de.srt", "e1.en.srt"], vec![]];
        assert_eq!(subtitles("", &Options::new()), found);
        assert_eq!(subtitles("", &way("auto")), found);
        assert_eq!(subtitles("e1.mkv", &Options::new()), found[..1]);
        assert_eq!(subtitles("", &way("none")), [["none"], ["none"]]);
        assert_eq!(subtitles("m.csv", &Options::new()), [["x.srt=fr"], ["auto"]]);
    }

    #[test]
    fn what_is_wrong_with_a_manifest_is_said_with_its_line() {
        for (name, text, line) in [
            ("m.jsonl", "{\"input\": \"a\"}\n{\"inputs\": \"b\"}\n", "line 2"),
            ("m.jsonl", "{\"input\": \"a\"}\n{\"input\": \"b\", \"options\": {\"speed\": {}}}\n", "line 2"),
            ("m.csv", "input\na.mkv\nhttps://example.org/a.mkv\n", "line 3"),
            ("m.csv", "film\na.mkv\n", "line 1"),
            ("m.csv", "input,speed\na.mkv\n", "line 2"),
            ("m.json", "[{\"input\": \"a\"},\n{}]", "line 2"),
            ("m.json", "{\"titles\":\n[{\"input\": \"a\"},\n{\"file\": \"b\"}]}", "line 3"),
            ("m.json", "[{\"input\": \"a\"},\n{\"input\": \"b\", \"options\": {\n\"speed\": {}}}]", "line 3"),
            ("m.json", "{\"titles\": [{\"input\": \"a\"},\n\n{\"input\":\n\"https://example.org/a\"}]}", "line 4"),
        ] {
            let error = manifest(name, text).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(line), "{error}");
        }
        let later = manifest("m.json", r#"{"version": 2, "titles": []}"#).unwrap_err().to_string();
        assert!(later.contains("is a manifest of version 2"), "{later}");
        assert!(matches!(
            films(&["no.csv".into()], Path::new("out"), &Options::new(), false),
            Err(Error::SourceMissing { .. })
        ));
        assert!(matches!(
            films(&["no*.mkv".into()], Path::new("out"), &Options::new(), false),
            Err(Error::SourceMissing { .. })
        ));
    }

    #[test]
    fn options_are_checked_before_anything_is_done_and_printed_as_they_are_read() {
        let title = |name: &str, value: &str| Title {
            name: "s1/e1".into(),
            input: "a.mkv".into(),
            options: Options::from([(name.to_owned(), vec![value.to_owned()])]),
        };
        for (name, value) in [("ladder", "1080,540"), ("encoder-options", "a=b"), ("audio", "none"), ("start", "1:30")]
        {
            check(&title(name, value)).unwrap();
        }
        for (name, value) in
            [("ladder", "none"), ("output", "x"), ("overwrite", "x"), ("set", "shot=1"), ("speed", "11")]
        {
            assert!(check(&title(name, value)).unwrap_err().to_string().contains("s1/e1"), "{name}");
        }
        let several = Title {
            options: Options::from([("encoder-options".into(), vec!["a=b".into(), "c=d".into()])]),
            ..title("x", "y")
        };
        let text = printed(std::slice::from_ref(&several)).unwrap();
        let films = manifest("m.json", &text).unwrap();
        assert_eq!(
            (&films[0].1, &films[0].2["encoder-options"]),
            (&PathBuf::from("s1/e1"), &several.options["encoder-options"])
        );
    }
}
