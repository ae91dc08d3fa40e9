//! Other encoders than rav1e.

use crate::colour::{assert_hdr10, tags};
use crate::rendition::{Source, check};
use crate::support::{Desk, QUICK, assert_refused};
use upright_fixtures::inspect;

/// As [`QUICK`], with more of everything, by SVT-AV1.
const SVT: &[&str] =
    &["--ladder", "180x320,90x160", "--speed", "10", "--encoder", "libsvtav1", "--keyframe-interval", "0.5"];

#[test]
fn svt_makes_renditions_like_any_others() {
    let desk = Desk::new();
    for name in ["subject", "variable-rate-mp4", "audio-tracks-mkv"] {
        let fixture = desk.named(name);
        let converted = desk.converted(&fixture.path, SVT);
        check(&converted, &Source::look(&fixture.path));
        assert_eq!(converted.report["plan"]["wanted"]["encoder"]["kind"], "libsvtav1");
        assert!(converted.report["key_frames"].as_u64().unwrap() > 1, "{name}");
        assert!(!converted.stderr.to_lowercase().contains("svt"), "{}", converted.stderr);
    }
}

#[test]
fn svt_keeps_high_dynamic_range() {
    let desk = Desk::new();
    let fixture = desk.named("hdr10");
    let converted = desk.converted(&fixture.path, &[QUICK, &["--encoder", "libsvtav1"]].concat());
    check(&converted, &Source::look(&fixture.path));
    let stream = inspect::probe(converted.rendition()).unwrap().video().unwrap().clone();
    assert_eq!(tags(&stream), ["bt2020", "smpte2084", "bt2020nc", "tv"].map(Some));
    assert_hdr10(&converted.rendition(), &stream, &desk);
}

#[test]
fn libaom_makes_a_segment_of_every_key_frame() {
    let desk = Desk::new();
    let fixture = desk.named("letterbox");
    let options = [QUICK, &["--encoder", "libaom-av1", "--keyframe-interval", "0.5"]].concat();
    check(&desk.converted(&fixture.path, &options), &Source::look(&fixture.path));
}

#[test]
fn auto_is_the_fastest_that_can_and_rav1e_says_what_could() {
    for (options, ladder, kind, hint) in [
        (&["--encoder", "auto"][..], "90x160", "libsvtav1", false),
        (&["--encoder", "auto"], "36x64", "rav1e", false),
        (&[], "90x160", "rav1e", true),
        (&["--quiet"], "90x160", "rav1e", false),
    ] {
        let desk = Desk::new();
        let fixture = desk.named("letterbox");
        let converted = desk.converted(&fixture.path, &[options, &["--speed", "10", "--ladder", ladder]].concat());
        assert_eq!(converted.report["plan"]["wanted"]["encoder"]["kind"], kind, "{options:?}");
        let hints = converted.stderr.lines().filter(|line| line.contains("--encoder libsvtav1")).count();
        assert_eq!(hints, usize::from(hint), "{options:?}: {}", converted.stderr);
    }
}

#[test]
fn what_an_encoder_cannot_do_is_a_usage_error() {
    let desk = Desk::new();
    let fixture = desk.named("letterbox");
    for (options, words) in [
        (&["--encoder", "libsvtav1", "--ladder", "36x64"][..], &["libsvtav1", "36x64", "from 64"][..]),
        (&["--encoder", "libsvtav1", "--encoder-options", "colour=red"], &["libsvtav1", "\"colour\""]),
        (&["--encoder", "libsvtav1", "--encoder-options", "svtav1-params=colour=red"], &["svtav1-params=colour=red"]),
        (&["--encoder-options", "colour=red"], &["rav1e", "\"colour\"", "quantizer"]),
    ] {
        let options = [options, &["--quiet"]].concat();
        assert_refused(&desk.convert(&fixture.path, &options).output().unwrap(), 2, words);
        assert!(desk.leftovers().is_empty());
    }
}

#[test]
fn an_encoder_that_is_not_there_is_69() {
    let desk = Desk::new();
    let fixture = desk.named("letterbox");
    let output = desk.convert(&fixture.path, &["--encoder", "av1_videotoolbox", "--quiet"]).output().unwrap();
    assert_refused(&output, 69, &["av1_videotoolbox", "not in the linked libavcodec", "rav1e"]);
    assert!(desk.leftovers().is_empty());
}
