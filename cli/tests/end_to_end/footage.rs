//! Real footage, where it is at hand: every file converts, or is refused for a reason that we know.

use crate::rendition::{Source, check};
use crate::support::{Converted, Desk, QUICK, assert_refused};
use std::io::Write;
use std::path::{Path, PathBuf};
use upright_fixtures::Ratio;
use upright_fixtures::inspect;

/// Files of the folder that are refused, and a word of the sentence that says why.
const REFUSED: &[(&str, &str)] = &[];

/// Files whose streams are damaged: what is whole of them is converted.
const DAMAGED: &[&str] = &["corrupted.mp4"];

/// The real footage, or what stands in for it.
fn films(desk: &Desk) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/footage");
    if let Ok(entries) = folder.read_dir() {
        let mut films: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        films.retain(|path| path.extension().is_some_and(|extension| extension != "md"));
        films.sort();
        return films;
    }
    // Past the test harness, which shows what a passing test prints to nobody.
    let _ =
        writeln!(std::io::stderr(), "NOTE: no real footage at {}; generated clips stand in for it", folder.display());
    ["subject", "variable-rate-mp4", "orientation-5", "aspect-2x1-mkv", "hdr10", "hlg", "audio-tracks-mkv"]
        .map(|name| desk.named(name).path)
        .into()
}

#[test]
fn every_film_converts_or_is_refused_for_a_known_reason() {
    let desk = Desk::new();
    let mut failures = Vec::new();
    for film in films(&desk) {
        let name = film.file_name().unwrap().to_str().unwrap().to_owned();
        // One film that fails does not hide the others.
        let checked = std::panic::catch_unwind(|| check_film(&film, &name));
        if checked.is_err() {
            failures.push(name);
        }
    }
    assert!(failures.is_empty(), "see above: {failures:?}");
}

fn check_film(film: &Path, name: &str) {
    let desk = Desk::new();
    let options = [QUICK, &["--ladder", "180x320,90x160"]].concat();
    let output = desk.convert(film, &options[2..]).output().unwrap();
    if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        assert_refused(&output, 65, &[name, why]);
        assert!(desk.leftovers().is_empty());
        return;
    }
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{name}: {stderr}");
    let converted = Converted::read(desk.out().join(film.file_stem().unwrap()), stderr);
    if DAMAGED.contains(&name) {
        assert!(converted.report["damage"]["damaged_frames"].as_u64().unwrap() > 0, "{name}");
        converted.renditions().iter().for_each(|path| inspect::check_decodes(path).unwrap());
        return;
    }
    let source = Source::look(film);
    check(&converted, &source);
    check_tags(&converted, &source, name);
    check_sound(&converted, film, &source, name);
}

/// Tags that the source has are the renditions'.
fn check_tags(converted: &Converted, source: &Source, name: &str) {
    let from = source.video();
    for rendition in converted.renditions() {
        let probe = inspect::probe(&rendition).unwrap();
        let to = probe.video().unwrap();
        for (before, after) in [
            (&from.color_primaries, &to.color_primaries),
            (&from.color_transfer, &to.color_transfer),
            (&from.color_space, &to.color_space),
            (&from.color_range, &to.color_range),
        ] {
            let before = before.as_deref().filter(|&tag| tag != "unknown" && tag != "gbr");
            assert!(before.is_none() || before == after.as_deref(), "{name}: {before:?} became {after:?}");
        }
        let deep = from.pix_fmt.as_deref().is_some_and(|format| format.contains("10"));
        assert_eq!(to.pix_fmt.as_deref(), Some(if deep { "yuv420p10le" } else { "yuv420p" }), "{name}");
        assert_eq!(inspect::hdr(&to.side_data_list).is_some(), has_metadata(converted), "{name}");
    }
}

fn has_metadata(converted: &Converted) -> bool {
    let hdr = &converted.report["source"]["video"]["hdr"];
    !hdr["mastering"].is_null() && !hdr["light"].is_null()
}

/// The sound that was kept is as long as it was, and as far from the picture.
fn check_sound(converted: &Converted, film: &Path, source: &Source, name: &str) {
    let kept = converted.report["source"]["audio_kept"].as_array().unwrap().first();
    let tracks = inspect::probe(converted.renditions().remove(0)).unwrap().audio().len();
    assert_eq!(tracks, usize::from(kept.is_some()), "{name}");
    assert_eq!(source.probe.audio().is_empty(), kept.is_none(), "{name}: sound is kept where there is some");
    let Some(kept) = kept else { return };
    let (_, end) = inspect::sound_span(film, kept["track"].as_u64().unwrap() as usize - 1).unwrap();
    let frame = source.video().avg_frame_rate.unwrap_or(Ratio::new(25, 1));
    let frame = frame.den as f64 / frame.num as f64;
    for rendition in converted.renditions() {
        let offset = converted.report["start_offset"].as_f64().unwrap();
        let new_end = inspect::sound_span(&rendition, 0).unwrap().1 + offset;
        assert!((end - new_end).abs() < frame, "{name}: the sound ended at {end} s and ends at {new_end} s");
    }
}
