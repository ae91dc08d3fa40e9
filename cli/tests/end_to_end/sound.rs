//! Sound: in step with the picture, as long as it was, named as it was.

use crate::rendition::{Source, check};
use crate::support::{CENTER, Converted, Desk, QUICK, assert_refused, fed, ffmpeg, upright};
use serde_json::json;
use upright_fixtures::inspect;
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Codec, Container, Fixture, Ratio, Timing, catalogue};

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
        let copied = converted.report["plan"]["found"]["audio_kept"][0]["copied"].as_bool().unwrap();
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

/// Frequency of the only track in Hz, where nothing clicks.
fn tone(converted: &Converted) -> f64 {
    inspect::sound(converted.rendition(), 0).unwrap().tone(0.75, 1.25)
}

/// A film of two tracks.
fn two_tracks(container: Container, tracks: [AudioTrack; 2]) -> Clip {
    Clip {
        timing: Timing::constant(Ratio::new(25, 1), 50),
        flashes: vec![12, 37],
        codec: Codec::Mjpeg,
        container,
        audio: tracks.into(),
        ..Clip::new("film")
    }
}

fn mono(language: Option<&str>) -> AudioTrack {
    AudioTrack { channels: 1, language: language.map(str::to_owned), ..AudioTrack::new(AudioCodec::Pcm) }
}

#[test]
fn two_tracks_of_one_channel_are_left_and_right() {
    for (container, languages) in
        [(Container::Mov, [None; 2]), (Container::Mkv, [None; 2]), (Container::Mkv, [Some("fin"); 2])]
    {
        let desk = Desk::new();
        let fixture = desk.write(&two_tracks(container, languages.map(mono)));
        let converted = convert(&desk, &fixture, &[]);
        check_sound(&converted, &fixture, 0);
        let tones = [0, 1].map(|side| inspect::channel(converted.rendition(), 0, side).unwrap().tone(0.75, 1.25));
        assert!((tones[0] - 220.0).abs() < 5.0 && (tones[1] - 440.0).abs() < 5.0, "{container:?}: {tones:?}");
        let assumptions = converted.report["source"]["assumptions"].as_array().unwrap();
        assert!(assumptions.iter().any(|one| one["what"] == "audio track" && one["value"] == "1 and 2"));

        let single = convert(&desk, &fixture, &["--audio", "2", "--overwrite"]);
        assert_eq!(inspect::probe(single.rendition()).unwrap().audio()[0].channels, Some(1));
        assert!((tone(&single) - 440.0).abs() < 5.0);
    }
}

#[test]
fn tracks_that_are_no_sides_of_one_sound_stay_apart() {
    let titled = |title: &str| AudioTrack { title: Some(title.to_owned()), ..mono(None) };
    for tracks in [
        [mono(Some("fin")), mono(Some("swe"))],
        [mono(Some("fin")), mono(None)],
        [mono(None), titled("Commentary")],
        [mono(None), AudioTrack { sample_rate: 44_100, ..mono(None) }],
        [mono(None), AudioTrack { codec: AudioCodec::Flac, ..mono(None) }],
        [mono(None), AudioTrack { delay: 1.0, ..mono(None) }],
        [mono(None), AudioTrack { channels: 2, ..mono(None) }],
    ] {
        let desk = Desk::new();
        let fixture = desk.write(&two_tracks(Container::Mkv, tracks.clone()));
        let converted = convert(&desk, &fixture, &[]);
        let kept = &converted.report["source"]["audio_kept"][0];
        assert!(kept["right"].is_null(), "{tracks:?}");
        let kept = kept["track"].as_u64().unwrap() as usize - 1;
        let probe = inspect::probe(converted.rendition()).unwrap();
        assert_eq!(probe.audio()[0].channels, Some(tracks[kept].channels), "{tracks:?}");
    }
}

#[test]
fn a_side_that_is_silent_is_said_and_never_passes_as_whole() {
    let desk = Desk::new();
    let film = desk.path().join("film.mov");
    // Whole, silent, ended long before the others, and ended a little before them.
    let sounds = ["sine=440:d=5", "anullsrc=cl=mono:r=44100,atrim=duration=5", "sine=880:d=1", "sine=660:d=4"];
    let inputs = ["testsrc2=s=64x64:r=25:d=5"].into_iter().chain(sounds);
    let inputs = inputs.flat_map(|input| ["-f", "lavfi", "-i", input]);
    let maps = ["0", "1", "2", "3", "4"].into_iter().flat_map(|number| ["-map", number]);
    let codecs = ["-c:v", "mpeg4", "-c:a", "pcm_s16le", film.to_str().unwrap()];
    ffmpeg(&inputs.chain(maps).chain(codecs).collect::<Vec<_>>());
    for (tracks, silent, from, words) in [
        ("1+2", 2, None, "audio track 2, one side of its sound, is silent throughout"),
        ("2+1", 2, None, "audio track 2, one side of its sound, is silent throughout"),
        ("1+3", 3, Some(1.0), "audio track 3, one side of its sound, is silent from 1.0"),
    ] {
        let options = [QUICK, CENTER, &["--overwrite", "--audio", tracks]].concat();
        let converted = desk.converted(&film, &options);
        assert!(converted.stderr.contains(words), "{tracks}: {}", converted.stderr);
        let sides = converted.report["damage"]["silent_sides"].as_array().unwrap();
        assert!(sides.len() == 1 && sides[0]["track"] == silent, "{tracks}: {sides:?}");
        assert_eq!(sides[0]["from"].as_f64().map(f64::round), from, "{tracks}: {sides:?}");
        let strict = desk.convert(&film, &[&options[..], &["--strict", "--quiet"]].concat()).output().unwrap();
        assert_refused(&strict, 65, &[&format!("audio track {silent} is one side"), "--strict"]);
    }
    // What ends within the last two seconds has an end, as any sound.
    let converted = desk.converted(&film, &[QUICK, CENTER, &["--overwrite", "--audio", "1+4", "--strict"]].concat());
    assert_eq!(converted.report["damage"]["silent_sides"], json!([]));
}

/// A film whose tracks of uncompressed sound say that they are in a codec that libav cannot decode.
fn undecodable(desk: &Desk, tracks: [AudioTrack; 2]) -> Fixture {
    let fixture = desk.write(&two_tracks(Container::Mov, tracks));
    let mut bytes = std::fs::read(&fixture.path).unwrap();
    let places: Vec<_> = (4..bytes.len()).filter(|&at| bytes[at..].starts_with(b"sowt")).collect();
    places.iter().for_each(|&at| bytes[at..at + 4].copy_from_slice(b"apac"));
    std::fs::write(&fixture.path, bytes).unwrap();
    fixture
}

#[test]
fn a_track_that_cannot_be_decoded_is_passed_over() {
    let desk = Desk::new();
    // The first track is the default one.
    let fixture = undecodable(&desk, [AudioTrack::new(AudioCodec::Pcm), AudioTrack::new(AudioCodec::Aac)]);
    let converted = desk.converted(&fixture.path, &[QUICK, &["--strict"]].concat());
    check_sound(&converted, &fixture, 1);
    let said = &converted.stderr;
    assert!(said.contains("takes audio track 2") && said.contains("track 1: apac"), "{said}");
    let assumptions = converted.report["source"]["assumptions"].as_array().unwrap();
    assert!(assumptions.iter().any(|one| one["what"] == "audio track" && one["value"] == "2"));
    // By its number it is what is wanted.
    let output = desk.convert(&fixture.path, &["--audio", "1", "--overwrite"]).output().unwrap();
    assert_refused(&output, 65, &["film.mov", "apac"]);
}

#[test]
fn sound_that_nobody_can_decode_is_lost_loudly() {
    let desk = Desk::new();
    let pcm = || AudioTrack::new(AudioCodec::Pcm);
    let fixture = undecodable(&desk, [pcm(), pcm()]);
    let converted = desk.converted(&fixture.path, QUICK);
    assert!(inspect::probe(converted.rendition()).unwrap().audio().is_empty());
    assert!(converted.stderr.contains("sound is lost") && converted.stderr.contains("apac"), "{}", converted.stderr);
    assert_eq!((&converted.report["audio"], &converted.report["damage"]["sound_lost"]), (&json!([]), &true.into()));
    let strict =
        desk.convert(&fixture.path, &[QUICK, &["--quiet", "--strict", "--overwrite"]].concat()).output().unwrap();
    assert_eq!(strict.status.code(), Some(65), "{}", String::from_utf8_lossy(&strict.stderr));
    convert(&desk, &fixture, &["--strict", "--audio", "none", "--overwrite"]);
    let probed = upright("probe").arg(&fixture.path).output().unwrap();
    assert!(probed.status.success(), "{}", String::from_utf8_lossy(&probed.stderr));
}

#[test]
fn sound_that_changes_on_the_way_is_converted_and_said() {
    let desk = Desk::new();
    let path = desk.path().join("joined.ts");
    let mut bytes = Vec::new();
    for (piece, sample_rate) in [(0, 48_000), (1, 44_100)] {
        let clip = Clip {
            timing: Timing::constant(Ratio::new(25, 1), 50).offset(Ratio::new(2 * piece, 1)),
            flashes: vec![12, 37],
            codec: Codec::H264,
            container: Container::Ts,
            audio: vec![AudioTrack { sample_rate, ..AudioTrack::new(AudioCodec::Aac) }],
            ..Clip::new("piece")
        };
        bytes.extend(std::fs::read(desk.write(&clip).path).unwrap());
    }
    std::fs::write(&path, bytes).unwrap();
    let converted = desk.converted(&path, &[QUICK, &["--strict"]].concat());
    let offsets = inspect::sync(converted.rendition(), 0).unwrap();
    assert!(offsets.len() == 4 && offsets.iter().all(|offset| offset.abs() < FRAME / 4.0), "{offsets:?}");
    let sound = inspect::sound(converted.rendition(), 0).unwrap();
    for from in [0.7, 2.7] {
        let tone = sound.tone(from, from + 0.5);
        assert!((tone - 220.0).abs() < 5.0, "{tone} Hz after {from} s");
    }
    let report = &converted.report;
    assert_eq!(
        (&report["plan"]["found"]["audio_kept"][0]["copied"], &report["audio"][0]["copied"]),
        (&true.into(), &false.into())
    );
    assert_eq!(report["audio"][0]["codec"], "aac");
    assert!(converted.stderr.contains("is converted to AAC"), "{}", converted.stderr);
}

/// More of it than may wait in memory.
#[test]
fn much_sound_before_the_wanted_part_of_a_pipe_is_let_go() {
    let desk = Desk::new();
    let sound = AudioTrack { sample_rate: 192_000, channels: 8, ..AudioTrack::new(AudioCodec::Pcm) };
    let clip = Clip {
        size: (64, 64),
        timing: Timing::constant(Ratio::new(5, 1), 125),
        flashes: vec![122],
        codec: Codec::H264,
        audio: vec![sound],
        ..Clip::new("long")
    };
    let bytes = std::fs::read(desk.write(&clip).path).unwrap();
    assert!(bytes.len() > 68 << 20);
    let output = fed(&mut desk.convert("-", &[QUICK, &["--start", "23.5"]].concat()), &bytes);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let converted = Converted::read(desk.out().join("stdin"), stderr.into_owned());
    let offsets = inspect::sync(converted.rendition(), 0).unwrap();
    assert!(matches!(offsets[..], [offset] if offset.abs() < FRAME / 4.0), "{offsets:?}");
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
