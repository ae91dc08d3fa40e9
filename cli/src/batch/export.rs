//! A batch as scripts for a cluster's own engine.
//!
//! The scripts lie in cluster/ and say what is replaced in them.

use crate::args::{BatchArguments, Engine};
use crate::named_options::as_arguments;
use crate::options;
use std::borrow::Cow;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use upright_engine::batch::{ENCRYPT, STATE, Title};
use upright_engine::remote::{self, ObjectUrl};
use upright_engine::{Error, Result};

const SETTINGS: &str = include_str!("../../../cluster/slurm/settings");
const STEP: &str = include_str!("../../../cluster/slurm/step.sh");
const SLURM: [(&str, &str); 3] = [
    ("submit.sh", include_str!("../../../cluster/slurm/submit.sh")),
    ("job.sh", include_str!("../../../cluster/slurm/job.sh")),
    ("collect.sh", include_str!("../../../cluster/slurm/collect.sh")),
];
const KUBERNETES_SUBMIT: &str = include_str!("../../../cluster/kubernetes/submit.sh");
const KUBERNETES_JOB: &str = include_str!("../../../cluster/kubernetes/job.yaml");
/// Most indexes of a Job, and bytes of a ConfigMap, which `titles` goes into.
const MOST_INDEXES: usize = 100_000;
const CONFIG_MAP: usize = 1 << 20;
/// Longest beginning of the names of what is made in a cluster.
const LONGEST_NAME: usize = 40;

/// Writes the scripts for `titles`, and says where they are.
///
/// # Errors
/// [`Error::InvalidOption`] for what an engine cannot do; [`Error::Io`].
pub(super) fn export(engine: Engine, arguments: &BatchArguments, titles: &[Title]) -> Result<String> {
    let here = env::current_dir().map_err(Error::io(".", "cannot find the folder"))?;
    if let Some(title) = titles.iter().find(|title| title.keys().is_some()) {
        let why = format!("{}: keys are not handed to clusters; render there without, or here with them", title.name);
        return Err(Error::invalid(ENCRYPT, "", why));
    }
    let lines = titles.iter().map(line).collect::<Result<Vec<_>>>()?;
    let files = match engine {
        Engine::Slurm => for_slurm(arguments, &here, &lines)?,
        Engine::Kubernetes => for_kubernetes(arguments, &here, titles, &lines)?,
    };
    let name = match engine {
        Engine::Slurm => "slurm",
        Engine::Kubernetes => "kubernetes",
    };
    // Scripts lie on a disk, whatever they are about.
    let folder = match ObjectUrl::of(&arguments.output) {
        Some(_) => PathBuf::from(format!("upright-{name}")),
        None => arguments.output.join(STATE).join(name),
    };
    fs::create_dir_all(&folder).map_err(Error::io(&folder, "cannot make the folder"))?;
    for (name, text) in files {
        write(&folder.join(name), &text)?;
    }
    // A plan is its reader's, who may have edited it.
    let is_planned = |title: &&Title| arguments.output.join(format!("{}.plan.json", title.name)).exists();
    let planned = titles.iter().filter(is_planned).count();
    if planned > 0 {
        log::warn!("{planned} titles have plans already, which count as they are, whatever the options here");
    }
    let submit = folder.join("submit.sh");
    Ok(format!("{} titles; submit them with {}", titles.len(), quoted(&submit.to_string_lossy())))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(Error::io(path, "cannot write the file"))?;
    #[cfg(unix)]
    if text.starts_with("#!") {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).map(|there| there.permissions().mode() | 0o111);
        let made = mode.and_then(|mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)));
        made.map_err(Error::io(path, "cannot be made a program"))?;
    }
    Ok(())
}

type Files = Vec<(String, String)>;

fn for_slurm(arguments: &BatchArguments, here: &Path, lines: &[String]) -> Result<Files> {
    let program = env::current_exe().map_err(Error::io("upright", "cannot find the program"))?;
    let settings = settings(arguments, here, lines.len(), &quoted(&program.to_string_lossy()));
    let fixed = SLURM.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let mut files = vec![("settings".to_owned(), settings), ("titles".to_owned(), lines.concat())];
    files.push(("step.sh".to_owned(), STEP.to_owned()));
    files.extend(fixed);
    Ok(files)
}

fn for_kubernetes(arguments: &BatchArguments, here: &Path, titles: &[Title], lines: &[String]) -> Result<Files> {
    let indexes = titles.len().saturating_mul(arguments.shares);
    if indexes > MOST_INDEXES {
        let why =
            format!("are {indexes} tasks in all, and a Job has {MOST_INDEXES} at most; export parts of the batch");
        return Err(Error::invalid("shares", arguments.shares, why));
    }
    let text = lines.concat();
    if text.len() > CONFIG_MAP {
        let why = "are more than a ConfigMap holds; export parts of the batch, or with --output to each its own";
        return Err(Error::invalid("titles", titles.len(), why));
    }
    let store = store(arguments);
    let on_disk = [arguments.output.as_path(), store.as_path()];
    let on_disk =
        titles.iter().map(|title| title.input.as_path()).chain(on_disk).find(|path| ObjectUrl::of(path).is_none());
    if let (Some(path), None) = (on_disk, &arguments.claim) {
        let why = "name the claim of the volume with it, or use URLs of object stores for films, output and store";
        return Err(Error::invalid("claim", "", format!("{} lies on a disk: {why}", path.display())));
    }
    let job = job_name(&arguments.output);
    let image = arguments.image.as_deref().unwrap_or_default();
    let job_of = |step: &str, completions: usize| {
        let template: String = KUBERNETES_JOB
            .split_inclusive('\n')
            .skip_while(|line| line.starts_with('#'))
            .filter(|line| arguments.claim.is_some() || !line.contains("name: films"))
            .collect();
        let values = [
            ("JOB", job.as_str()),
            ("STEP", step),
            ("COMPLETIONS", &completions.to_string()),
            ("IMAGE", &yaml(image)),
            ("CLAIM", &yaml(arguments.claim.as_deref().unwrap_or_default())),
            ("FOLDER", &yaml(&here.to_string_lossy())),
        ];
        (format!("{step}.yaml"), filled(&template, &values))
    };
    // Where nothing is mounted, any folder will do.
    let folder = if arguments.claim.is_some() { here } else { Path::new("/") };
    Ok(vec![
        ("settings".to_owned(), settings(arguments, folder, titles.len(), "upright")),
        ("titles".to_owned(), text),
        ("step.sh".to_owned(), STEP.to_owned()),
        ("submit.sh".to_owned(), filled(KUBERNETES_SUBMIT, &[("JOB", &job)])),
        job_of("plan", titles.len()),
        job_of("segment", indexes),
        job_of("render", titles.len()),
    ])
}

fn store(arguments: &BatchArguments) -> PathBuf {
    let inside = || remote::below(&arguments.output, &Path::new(STATE).join("store"));
    arguments.store.clone().unwrap_or_else(inside)
}

fn settings(arguments: &BatchArguments, folder: &Path, titles: usize, program: &str) -> String {
    let BatchArguments { machine, access, strict, .. } = arguments;
    let protocols = access.protocols.iter().map(|protocol| format!("--protocols={protocol}"));
    let common: Vec<_> =
        [format!("--device={}", options::device_argument(&machine.device))].into_iter().chain(protocols).collect();
    let values = [
        ("FOLDER", quoted(&folder.to_string_lossy()).into_owned()),
        ("OUTPUT", quoted(&arguments.output.to_string_lossy()).into_owned()),
        ("STORE", quoted(&store(arguments).to_string_lossy()).into_owned()),
        ("TITLES", titles.to_string()),
        ("SHARES", arguments.shares.to_string()),
        ("RENDER_OPTIONS", if *strict { "--strict".to_owned() } else { String::new() }),
        ("BINARY", program.to_owned()),
        ("OPTIONS", common.iter().map(|option| quoted(option)).collect::<Vec<_>>().join(" ")),
    ];
    let values: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    filled(SETTINGS, &values)
}

/// Replaces `@NAME@` by values, in one pass: what a value holds is replaced by nothing.
fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let mut parts = template.split('@');
    let mut text = parts.next().unwrap_or_default().to_owned();
    while let Some(name) = parts.next() {
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => {
                text.push_str(value);
                text.push_str(parts.next().unwrap_or_default());
            }
            None => {
                text.push('@');
                text.push_str(name);
            }
        }
    }
    text
}

/// A title as the scripts read it: its film, its name and its options, as words of a shell.
fn line(title: &Title) -> Result<String> {
    let input = title.input.to_str().filter(|input| !input.contains('\n'));
    let Some(input) = input.filter(|_| !title.name.contains('\n')) else {
        let why = "has a name that scripts cannot have: it is no text, or has several lines";
        return Err(Error::invalid("film", remote::shown(&title.input), why));
    };
    let arguments = as_arguments(&title.options);
    if let Some(long) = arguments.iter().find(|argument| argument.contains('\n')) {
        return Err(Error::invalid("option", format!("{long:?}"), "has several lines, which scripts cannot have"));
    }
    let words = [input, &title.name].into_iter().chain(arguments.iter().map(String::as_str));
    Ok(words.map(quoted).collect::<Vec<_>>().join(" ") + "\n")
}

/// A word of a POSIX shell.
fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''")).into()
    }
}

/// A text of YAML, of which JSON's are a part.
fn yaml(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(plain)
        && !text.ends_with(':');
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// Names what is made in a cluster after the output folder, with the letters that there may be.
fn job_name(output: &Path) -> String {
    let name = ObjectUrl::of(output).map_or_else(
        || output.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        |url| url.file_name().to_owned(),
    );
    let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let name: String = "upright-".chars().chain(letters).take(LONGEST_NAME).collect();
    name.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn words_of_a_shell_are_read_as_they_were() {
        for word in ["film.mp4", "a b", "it's", "", "$(rm -rf x)", "-n", "é", "a\tb", "`x`", "!", "a\\", "s3://b/a?b"]
        {
            let read =
                std::process::Command::new("sh").arg("-c").arg(format!("printf '[%s]' {}", quoted(word))).output();
            assert_eq!(String::from_utf8(read.unwrap().stdout).unwrap(), format!("[{word}]"));
        }
    }

    #[test]
    fn a_title_is_a_line() {
        let options = BTreeMap::from([("audio".to_owned(), vec!["none".to_owned()]), ("x".to_owned(), Vec::new())]);
        let title = Title { name: "s1/e 1".to_owned(), input: "in/e 1.mkv".into(), options };
        assert_eq!(line(&title).unwrap(), "'in/e 1.mkv' 's1/e 1' --audio=none --x\n");
        assert!(line(&Title { input: "a\nb".into(), ..title.clone() }).is_err());
        assert!(line(&Title { name: "a\nb".into(), ..title }).is_err());
    }

    #[test]
    fn values_are_put_in_once() {
        assert_eq!(filled("a @X@ b@c @Y@@X@", &[("X", "@Y@"), ("Y", "1")]), "a @Y@ b@c 1@Y@");
        for (name, text) in [("submit.sh", KUBERNETES_SUBMIT), ("settings", SETTINGS)] {
            assert!(text.contains('@'), "{name}");
        }
    }

    #[test]
    fn names_in_a_cluster_are_short_and_plain() {
        assert_eq!(job_name(Path::new("out/Season 1.b")), "upright-season-1-b");
        assert_eq!(job_name(Path::new("s3://bucket/Vertical/")), "upright-vertical");
        assert_eq!(job_name(Path::new("/")), "upright");
        assert_eq!(job_name(Path::new(&"x".repeat(99))).len(), 40);
        assert_eq!(
            (yaml("a/b:1"), yaml("a b"), yaml("1"), yaml("")),
            ("a/b:1".into(), "\"a b\"".into(), "\"1\"".into(), "\"\"".into())
        );
    }
}
