//! Running the program.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Codec, Container, Fixture, Ratio, Timing, catalogue};

/// The smallest rung that still shows something, as fast as can be.
pub(crate) const QUICK: &[&str] = &["--ladder", "90x160", "--speed", "10"];

/// The window where most tests know what it shows.
pub(crate) const CENTER: &[&str] = &["--crop", "center"];

/// The program, with a command, and no terminal.
pub(crate) fn upright(command: &str) -> Command {
    let mut upright = Command::new(env!("CARGO_BIN_EXE_upright"));
    upright.arg(command).stdin(Stdio::null());
    upright
}

/// Runs ffmpeg, which must succeed, and gives what it writes.
pub(crate) fn ffmpeg(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg").args(["-v", "error", "-y", "-nostdin"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Encodes segments of a plan into a store, each by a program of its own.
pub(crate) fn encode_segments(plan: &Path, numbers: impl IntoIterator<Item = usize>, store: &Path) {
    for number in numbers {
        let mut segment = upright("segment");
        segment.arg(plan).args(["--number", &number.to_string(), "--device", "cpu", "-o"]).arg(store);
        let output = segment.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A place for a source and what is made of it.
pub(crate) struct Desk {
    folder: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder under which conversions of this desk go.
    pub(crate) fn out(&self) -> PathBuf {
        self.path().join("out")
    }

    pub(crate) fn write(&self, clip: &Clip) -> Fixture {
        clip.write(self.path()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Writes a ready-made fixture.
    pub(crate) fn named(&self, name: &str) -> Fixture {
        let recipe = catalogue::named(name).unwrap_or_else(|| panic!("a fixture named {name}"));
        recipe.write(self.path()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// `upright convert SOURCE -o OUT OPTIONS...`, not started. The window stands in the middle unless the options say else.
    pub(crate) fn convert<S: AsRef<OsStr>>(&self, source: impl AsRef<OsStr>, options: &[S]) -> Command {
        let mut command = upright("convert");
        command.arg(source).arg("--output").arg(self.out()).args(["--device", "cpu"]).args(options);
        if !options.iter().any(|option| option.as_ref() == "--crop") {
            command.args(CENTER);
        }
        command
    }

    /// Converts, and must succeed.
    pub(crate) fn converted<S: AsRef<OsStr>>(&self, source: &Path, options: &[S]) -> Converted {
        let output = self.convert(source, options).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {}: {stderr}", source.display(), output.status);
        let folder = self.out().join(source.file_stem().unwrap());
        Converted::read(folder, stderr)
    }

    /// Every file under the output folder, hidden ones too.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        files(&self.out())
    }
}

/// Converts a film of so many frames with sound, which begins with the picture, to two renditions, and gives their folder.
pub(crate) fn packaged(desk: &Desk, frames: usize, options: &[&str]) -> PathBuf {
    let sound = AudioTrack { language: Some("eng".to_owned()), ..AudioTrack::new(AudioCodec::Aac) };
    let timing = Timing::constant(Ratio::new(25, 1), frames);
    // Sound and picture begin together.
    let fixture = desk.write(&Clip {
        timing,
        audio: vec![sound],
        codec: Codec::H264Lossless,
        container: Container::Mp4,
        ..Clip::new("delivered")
    });
    package_of(desk, &fixture.path, &[&["--ladder", "180,90", "--speed", "10"], options].concat())
}

/// Converts a film to a package, and gives its folder.
pub(crate) fn package_of(desk: &Desk, film: &Path, options: &[&str]) -> PathBuf {
    let output = desk.convert(film, options).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    desk.out().join(film.file_stem().unwrap())
}

/// Every file under a folder, however deep; none when there is no folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// A conversion that succeeded.
pub(crate) struct Converted {
    /// Where its files are.
    pub(crate) folder: PathBuf,
    /// Its report.
    pub(crate) report: Value,
    /// What it said.
    pub(crate) stderr: String,
}

impl Converted {
    /// Reads the report, and checks that what it names is there and nothing else.
    pub(crate) fn read(folder: PathBuf, stderr: String) -> Self {
        let report = std::fs::read(folder.join("report.json")).unwrap();
        let report: Value = serde_json::from_slice(&report).unwrap();
        let mut expected: Vec<_> = report["renditions"].as_array().unwrap().iter().map(file).collect();
        expected.push("report.json");
        expected.sort_unstable();
        let mut found: Vec<_> = files(&folder).iter().map(|path| name(path)).collect();
        found.sort();
        assert_eq!(found, expected, "the renditions and the report, and nothing else");
        Self { folder, report, stderr }
    }

    /// The renditions in the order of the ladder.
    pub(crate) fn renditions(&self) -> Vec<PathBuf> {
        self.report["renditions"].as_array().unwrap().iter().map(|one| self.folder.join(file(one))).collect()
    }

    /// The only rendition.
    pub(crate) fn rendition(&self) -> PathBuf {
        let mut renditions = self.renditions();
        assert_eq!(renditions.len(), 1);
        renditions.remove(0)
    }
}

fn file(rendition: &Value) -> &str {
    rendition["file"].as_str().unwrap()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Checks that a run ended with this code, one sentence on standard error that has all of `words`, and no other output.
pub(crate) fn assert_refused(output: &Output, code: i32, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.starts_with("upright: ") && stderr.lines().count() == 1, "one line: {stderr}");
    assert!(output.stdout.is_empty(), "{:?}", output.stdout);
    for word in words {
        assert!(stderr.contains(word), "{word} in: {stderr}");
    }
}

/// Starts `command` with `bytes` on its standard input, and waits for its end.
pub(crate) fn fed(command: &mut Command, bytes: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // It may end before it has read everything.
        scope.spawn(move || drop(stdin.write_all(bytes)));
        child.wait_with_output().unwrap()
    })
}

/// Sends a signal to a process that nobody has waited for yet.
pub(crate) fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}
