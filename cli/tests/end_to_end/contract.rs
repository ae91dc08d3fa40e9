//! Checks what programs read: every document and every line that the program writes keeps its schema, and so does what
//! `docs/json.md` shows of them.

use crate::support::{Desk, ffmpeg, upright};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Options that make it fast: one small size, on the CPU.
const FAST: [&str; 6] = ["--ladder", "54x96", "--speed", "10", "--device", "cpu"];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn schema(name: &str) -> Value {
    serde_json::from_slice(&fs::read(docs().join(format!("{name}.schema.json"))).unwrap()).unwrap()
}

/// Gives the version that the table of `docs/json.md` has for a document.
fn documented_version(name: &str) -> u64 {
    let text = fs::read_to_string(docs().join("json.md")).unwrap();
    let row =
        text.lines().find(|line| line.starts_with('|') && line.contains(&format!("({name}.schema.json)"))).unwrap();
    row.rsplit('|').nth(1).unwrap().trim().parse().unwrap()
}

/// Checks that a document is as its schema says and of the version that is documented, and that the schema sees what is
/// wrong: a field of another type, each in turn, and a missing version.
fn check(name: &str, document: &Value) {
    let validator = jsonschema::validator_for(&schema(name)).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path)).collect();
    assert_eq!(errors, [""; 0], "{name}: {document}");
    assert!(document.get("version").is_none_or(|version| *version == documented_version(name)), "{name}: {document}");
    for key in document.as_object().unwrap().keys() {
        let mut broken = document.clone();
        broken[key] = json!({ "no such": [true] });
        assert!(!validator.is_valid(&broken), "{name} lets {key} be anything");
    }
    let mut broken = document.clone();
    if broken.as_object_mut().unwrap().remove("version").is_some() && name != "manifest" && name != "journal" {
        assert!(!validator.is_valid(&broken), "{name} without its version");
    }
}

/// Runs a command to this exit code, and gives its standard output.
fn run(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Checks every line, and gives the events that came.
fn check_lines(name: &str, text: &str) -> BTreeSet<String> {
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.iter().for_each(|line| check(name, line));
    let event = |line: &Value| line["event"].as_str().unwrap().to_owned();
    assert!(["done", "failed"].contains(&&*event(lines.last().unwrap())), "{text}");
    lines.iter().map(event).collect()
}

fn check_file(name: &str, path: &Path) {
    check(name, &serde_json::from_slice(&fs::read(path).unwrap()).unwrap());
}

/// A film of two seconds with sound, and a file that is none, in a folder.
fn season(desk: &Desk) -> PathBuf {
    let folder = desk.path().join("season");
    fs::create_dir(&folder).unwrap();
    let film = folder.join("film.mp4");
    ffmpeg(&[
        &["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=24:duration=2", "-f", "lavfi", "-i", "sine=duration=2"][..],
        &["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", film.to_str().unwrap()],
    ]
    .concat());
    fs::write(folder.join("notes.mkv"), "these are notes, and no film").unwrap();
    folder
}

#[test]
fn what_is_written_of_a_film_keeps_its_schema() {
    let desk = Desk::new();
    let folder = season(&desk);
    let (film, plan) = (folder.join("film.mp4"), desk.path().join("film.plan.json"));
    let json = ["--progress", "json", "--device", "cpu"];

    let told = run(upright("plan").arg(&film).arg("-o").arg(&plan).args(FAST).args(&json[..2]), 0);
    assert!(check_lines("progress", &told).contains("progress"), "{told}");
    check_file("plan", &plan);
    check_file("analysis", &desk.path().join("film.analysis.json"));

    let mut convert = upright("convert");
    convert.arg(&film).args(FAST).args(["--crop", "center", "--format", "mp4,cmaf", "--progress", "json", "-o"]);
    let told = run(convert.arg(desk.out()), 0);
    assert_eq!(check_lines("progress", &told), ["done", "progress"].map(str::to_owned).into());
    check_file("report", &desk.out().join("film/report.json"));

    for part in [&["--number", "0"][..], &["--part", "1/1"]] {
        let store = desk.path().join("store");
        check_lines("progress", &run(upright("segment").arg(&plan).args(part).args(json).arg("-o").arg(store), 0));
    }
    let preview = desk.path().join("preview.mp4");
    check_lines("progress", &run(upright("preview").arg(&plan).arg("-o").arg(preview).args(&json[..2]), 0));
    let told = run(upright("convert").arg(folder.join("notes.mkv")).args(json).arg("-o").arg(desk.out()), 65);
    assert_eq!(check_lines("progress", &told), ["failed".to_owned()].into());

    check("probe", &serde_json::from_str(&run(upright("probe").arg(&film), 0)).unwrap());
}

#[test]
fn what_is_written_of_a_batch_keeps_its_schema() {
    let desk = Desk::new();
    let folder = season(&desk);
    let batch = |more: &[&str]| {
        let mut batch = upright("batch");
        batch.arg(&folder).arg("-o").arg(desk.out()).args(FAST).args(["--crop", "center"]).args(more);
        batch
    };
    check("manifest", &serde_json::from_str(&run(&mut batch(&["--print-manifest"]), 0)).unwrap());
    let told = run(&mut batch(&["--progress", "json"]), 1);
    let events = check_lines("batch-progress", &told);
    assert!(["begun", "title", "done"].iter().all(|event| events.contains(*event)), "{told}");
    check_file("summary", &desk.out().join("summary.json"));
    check("status", &serde_json::from_str(&run(upright("status").arg(desk.out()).arg("--json"), 0)).unwrap());

    let journal = fs::read_to_string(desk.out().join(".upright/journal")).unwrap();
    let records: Vec<Value> =
        journal.lines().map(|line| serde_json::from_str(line.split_once(' ').unwrap().1).unwrap()).collect();
    records.iter().for_each(|record| check("journal", record));
    let seen: BTreeSet<_> = records.iter().map(|record| record["record"].as_str().unwrap()).collect();
    assert_eq!(seen, ["begun", "ended", "encoded", "failed", "planned", "published", "started"].into());
    assert_eq!(records[0]["version"], 1);
}

#[test]
fn what_is_said_of_the_machine_keeps_its_schema() {
    check("doctor", &serde_json::from_str(&run(upright("doctor").arg("--json"), 0)).unwrap());
    let mut bench = upright("bench");
    bench.args(FAST).args(["--runs", "1", "--duration", "0.1", "--json", "-q"]);
    check("bench", &serde_json::from_str(&run(&mut bench, 0)).unwrap());
}

/// Takes off a schema that fields must be there, and closes it to others than it names, for excerpts.
fn loosen(schema: &mut Value) {
    if let Value::Array(parts) = schema {
        parts.iter_mut().for_each(loosen);
    }
    let Value::Object(fields) = schema else { return };
    if fields.get("required").is_some_and(Value::is_array) {
        fields.remove("required");
    }
    fields.values_mut().for_each(loosen);
    if fields.get("properties").is_some_and(Value::is_object) && fields.get("type").is_some_and(Value::is_string) {
        fields.insert("unevaluatedProperties".to_owned(), false.into());
    }
    if let Some(forms) = fields.remove("oneOf") {
        fields.insert("anyOf".to_owned(), forms);
    }
}

#[test]
fn the_documentation_shows_every_document_as_it_is() {
    let text = fs::read_to_string(docs().join("json.md")).unwrap();
    let mut shown = BTreeSet::new();
    for section in text.split("\n## ").skip(1) {
        let Some((before, _)) = section.split_once(".schema.json)") else { continue };
        let (_, name) = before.rsplit_once('(').unwrap();
        shown.insert(name.to_owned());
        let (whole, mut excerpt) = (schema(name), schema(name));
        loosen(&mut excerpt);
        let [whole, excerpt] = [whole, excerpt].map(|schema| jsonschema::validator_for(&schema).unwrap());
        let blocks: Vec<_> = section.split("```json").skip(1).map(|block| block.split_once("\n").unwrap()).collect();
        assert!(!blocks.is_empty(), "{name} has no example");
        for (kind, block) in blocks {
            let block = block.split_once("```").unwrap().0;
            let documents = serde_json::Deserializer::from_str(block).into_iter::<Value>();
            for document in
                documents.map(|document| document.unwrap_or_else(|error| panic!("{name}: {error}: {block}")))
            {
                let validator = if kind == " excerpt" { &excerpt } else { &whole };
                let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
                assert_eq!(errors, [""; 0], "{name}: {document}");
                let version = document.get("version");
                assert!(version.is_none_or(|version| *version == documented_version(name)), "{name}: {document}");
            }
        }
    }
    let names = fs::read_dir(docs()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let schemas: BTreeSet<_> = names.filter_map(|name| name.strip_suffix(".schema.json").map(str::to_owned)).collect();
    assert_eq!(shown, schemas, "docs/json.md has a section for each schema");
}
