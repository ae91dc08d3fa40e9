//! Cores and memory: what is asked for and what is said.

use crate::rendition::{self, Source};
use crate::support::{Desk, QUICK, assert_refused};
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Codec, Container, Gop, Ratio, Timing};

/// Five seconds in open groups of pictures, whose key frames lie elsewhere than ours.
fn film() -> Clip {
    Clip {
        timing: Timing::constant(Ratio::new(25, 1), 125).offset(Ratio::new(3, 2)),
        codec: Codec::H264,
        gop: Gop { interval: 17, b_frames: 2, open: true },
        container: Container::Ts,
        audio: vec![AudioTrack::new(AudioCodec::Aac)],
        ..Clip::new("film")
    }
}

#[test]
fn segments_side_by_side_pass_every_check() {
    let desk = Desk::new();
    let source = desk.write(&film()).path;
    let options = [QUICK, &["--keyframe-interval", "1", "--jobs", "3", "--memory", "8G", "--stats"]].concat();
    let converted = desk.converted(&source, &options);
    rendition::check(&converted, &Source::look(&source));
    assert_eq!((&converted.report["parallelism"]["jobs"], &converted.report["key_frames"]), (&3.into(), &5.into()));
    let encode = converted.report["stages"].as_array().unwrap().iter().find(|stage| stage["name"] == "encode 90x160");
    assert_eq!(encode.unwrap()["threads"], 3);
    assert!(
        encode.unwrap()["cpu_seconds"].as_f64() > Some(0.0) && converted.report["cpu_seconds"].as_f64() > Some(0.0)
    );
    let said = &converted.stderr;
    assert!(said.contains(", 3 segments at a time on "), "{said}");
    for words in ["cpu s", "starved s", "mean depth", converted.report["bottleneck"].as_str().unwrap()] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn too_little_memory_is_refused() {
    let desk = Desk::new();
    let source = desk.write(&film()).path;
    let options = [QUICK, &["--memory", "1M"]].concat();
    assert_refused(&desk.convert(&source, &options).output().unwrap(), 2, &["memory 1 MiB: not enough", "--memory"]);
    assert!(desk.leftovers().is_empty());
}
