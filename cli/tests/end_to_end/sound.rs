//! Sound: in step with the picture, as long as it was, named as it was.

use crate::rendition::{Source, check};
use crate::support::{Converted, Desk, QUICK, assert_refused};
use upright_fixtures::inspect;
use upright_fixtures::{Fixture, Ratio, catalogue};

/// Seconds that a frame of the fixtures' films lasts.
const FRAME: f64 = 0.04;

fn convert(desk: &Desk, fixture: &Fixture, options: &[&str]) -> Converted {
    let converted = desk.converted(&fixture.path, &[QUICK, options].concat());
    check(&converted, &Source::look(&fixture.path));
    converted
}

/// Checks that the clicks of the only track are with the flashes, and that it is as long as track `number` of the source.
fn check_sound(converted: &Converted, fixture: &Fixture, number: usize) {
    let (name, rendition) = (&fixture.truth.name, converted.rendition());
    let offsets = inspect::sync(&rendition, 0).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(offsets.iter().all(|offset| offset.abs() < FRAME / 4.0), "{name}: clicks after flashes: {offsets:?}");
    let flashes = fixture.truth.video.as_ref().unwrap().frames.iter().filter(|frame| frame.flash).count();
    assert_eq!(offsets.len(), flashes, "{name}");

    let offset = converted.report["start_offset"].as_f64().unwrap();
    let end = |path, track| inspect::sound_span(path, track).unwrap().1;
    let (before, after) = (end(&fixture.path, number), end(&rendition, 0) + offset);
    assert!((before - after).abs() < FRAME, "{name}: the sound ended at {before} s and ends at {after} s");
}

#[test]
fn every_codec_stays_in_step() {
    let desk = Desk::new();
    let mut codecs = Vec::new();
    for recipe in catalogue::all().iter().filter(|recipe| recipe.name().starts_with("audio-")) {
        let catalogue::Recipe::Clip(clip) = recipe else { continue };
        let fixture = desk.write(clip);
        let converted = convert(&desk, &fixture, &["--overwrite"]);
        check_sound(&converted, &fixture, 0);
        let probe = inspect::probe(converted.rendition()).unwrap();
        let [track] = probe.audio()[..] else { panic!("one track") };
        let (before, after) = (fixture.truth.audio[0].codec, track.codec_name.clone().unwrap());
        let copied = converted.report["plan"]["audio"]["copied"].as_bool().unwrap();
        assert_eq!(copied, before == after, "{}: {before} became {after}", clip.name);
        assert!(copied || after == "aac", "{}: {before} became {after}", clip.name);
        assert_eq!(track.channels, Some(fixture.truth.audio[0].channels), "{}", clip.name);
        codecs.push((before, copied));
    }
    for expected in [("aac", true), ("mp3", true), ("ac3", true), ("vorbis", false), ("pcm_s16le", false)] {
        assert!(codecs.contains(&expected), "{expected:?} in {codecs:?}");
    }
}

#[test]
fn sound_stays_in_step_wherever_the_source_begins() {
    let desk = Desk::new();
    for name in ["offset-mkv", "offset-mp4", "late-video-mp4", "late-video-mkv", "edit-list", "sound-after-pictures"] {
        let fixture = desk.named(name);
        let converted = convert(&desk, &fixture, &[]);
        check_sound(&converted, &fixture, 0);
    }
}

#[test]
fn a_part_keeps_sound_and_picture_in_step() {
    let desk = Desk::new();
    for name in ["audio-aac-mp4", "audio-pcm-mov", "audio-vorbis-mkv"] {
        let fixture = desk.named(name);
        // The flashes are at 0.48 s and 1.48 s.
        let options = [QUICK, &["--start", "1.01", "--duration", "0.8"]].concat();
        let converted = desk.converted(&fixture.path, &options);
        let flashes = inspect::flashes(converted.rendition()).unwrap();
        assert!(matches!(flashes[..], [at] if (at - 0.47).abs() < FRAME / 4.0), "{name}: {flashes:?}");
        let offsets = inspect::sync(converted.rendition(), 0).unwrap();
        assert!(offsets[0].abs() < FRAME / 4.0, "{name}: {offsets:?}");
    }
}

#[test]
fn the_wanted_track_is_kept_with_its_name() {
    let desk = Desk::new();
    for name in ["audio-tracks-mp4", "audio-tracks-mkv"] {
        let fixture = desk.named(name);
        for (number, track) in fixture.truth.audio.iter().enumerate() {
            let option = (number + 1).to_string();
            let converted = convert(&desk, &fixture, &["--audio", &option, "--overwrite"]);
            check_sound(&converted, &fixture, number);
            let probe = inspect::probe(converted.rendition()).unwrap();
            let [kept] = probe.audio()[..] else { panic!("one track") };
            assert_eq!(kept.language(), track.language.as_deref(), "{name}");
            // Of a track in MP4 libav gives the handler's name, which is rarely a title, and none where there is one.
            let title = track.title.as_deref().filter(|_| name.ends_with("mkv"));
            assert_eq!(kept.title(), title, "{name}");
            let tone = tone(&converted);
            assert!((tone - track.tone).abs() < 5.0, "track {option} of {name}: {tone} Hz");
        }
    }
}

/// Frequency of the only track in Hz, from how often the sign changes where nothing clicks.
fn tone(converted: &Converted) -> f64 {
    let sound = inspect::sound(converted.rendition(), 0).unwrap();
    let rate = sound.rate as usize;
    let quiet = &sound.samples[rate / 2 + rate / 4..rate + rate / 4];
    let changes = quiet.windows(2).filter(|pair| (pair[0] < 0.0) != (pair[1] < 0.0)).count();
    changes as f64 / 2.0 / (quiet.len() as f64 / f64::from(sound.rate))
}

#[test]
fn sound_can_be_left_out() {
    let desk = Desk::new();
    let fixture = desk.named("audio-aac-mp4");
    let converted = convert(&desk, &fixture, &["--audio", "none"]);
    assert!(inspect::probe(converted.rendition()).unwrap().audio().is_empty());
}

#[test]
fn a_track_that_is_not_there_is_a_wrong_option() {
    let desk = Desk::new();
    let fixture = desk.named("audio-aac-mp4");
    let output = desk.convert(&fixture.path, &["--audio", "2"]).output().unwrap();
    assert_refused(&output, 2, &["2"]);
    assert!(desk.leftovers().is_empty());
}

#[test]
fn title_chapters_and_languages_are_kept() {
    let desk = Desk::new();
    let fixture = desk.named("subject");
    let converted = convert(&desk, &fixture, &[]);
    let probe = inspect::probe(converted.rendition()).unwrap();
    assert_eq!(probe.format.tags.get("title"), fixture.truth.title.as_ref());
    assert_eq!(probe.video().unwrap().language(), Some("fre"));
    assert_eq!(probe.audio()[0].language(), Some("fre"));
    let millisecond = Ratio::new(1, 1000);
    let chapters: Vec<_> = probe
        .chapters
        .iter()
        .map(|chapter| {
            let at = |ticks| chapter.time_base.rescale(ticks, millisecond);
            (at(chapter.start), at(chapter.end), chapter.tags["title"].clone())
        })
        .collect();
    let expected: Vec<_> = fixture
        .truth
        .chapters
        .iter()
        .map(|chapter| (chapter.start_ms, chapter.end_ms, chapter.title.clone()))
        .collect();
    assert_eq!(chapters, expected);
}
