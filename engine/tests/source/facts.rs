//! Shapes, tracks and tags of clips, against what was put in.

use crate::reading::{fixture, read, whole};
use upright_engine::geometry::Rational;
use upright_engine::source::{AudioChoice, AudioSelector, KeptAudio};
use upright_fixtures::{AudioCodec, Clip, Ratio};

#[test]
fn a_turned_sample_is_as_high_as_it_was_wide() {
    let directory = tempfile::tempdir().unwrap();
    let clip = Clip {
        sample_aspect: Ratio::new(4, 3),
        orientation: upright_fixtures::Orientation { transpose: true, flip_x: true, flip_y: false },
        codec: upright_fixtures::Codec::H264,
        container: upright_fixtures::Container::Mp4,
        ..Clip::new("turned")
    };
    let seen = read(clip.write(directory.path()).unwrap().path, &whole()).unwrap();
    assert_eq!(seen.info.video.upright.sample_aspect, Rational::new(3, 4));
}

#[test]
fn audio_tracks_are_listed_and_chosen() {
    let directory = tempfile::tempdir().unwrap();
    let path = fixture("audio-tracks-mp4", directory.path()).path;
    let with = |audio| read(&path, &whole().audio(audio));
    let track = |number| AudioChoice::Chosen(vec![AudioSelector::Track(number)]);
    let seen = with(track(3)).unwrap();
    let languages: Vec<_> = seen.info.audio.iter().map(|track| track.language.clone().unwrap()).collect();
    assert_eq!(languages, ["eng", "ger", "fre"]);
    assert_eq!(seen.info.audio.iter().map(|track| track.track).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(seen.info.audio[1].codec, AudioCodec::Mp3.name());
    let kept = KeptAudio { track: 3, right: None, stereo: false, copied: true };
    assert_eq!(seen.info.audio_kept, [kept]);
    let none = with(AudioChoice::None).unwrap();
    assert_eq!((none.info.audio_kept.len(), none.audio.len(), none.audio_time_base), (0, 0, None));
    let message = with(track(4)).unwrap_err().to_string();
    assert!(message.starts_with("audio track 4 is not there:") && message.ends_with("has 3 audio tracks"), "{message}");
}

#[test]
fn title_languages_and_chapters_arrive() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = fixture("subject", directory.path());
    let info = read(&fixture.path, &whole()).unwrap().info;
    assert_eq!(info.title.as_deref(), Some("A subject; that moves = true"));
    assert_eq!(info.video.language.as_deref(), Some("fre"));
    assert_eq!(info.audio[0].language.as_deref(), Some("fre"));
    let chapters: Vec<_> = info.chapters.iter().map(|chapter| (chapter.start, chapter.end)).collect();
    assert_eq!(chapters, [(Rational::new(0, 1), Rational::new(3, 4)), (Rational::new(3, 4), Rational::new(2, 1))]);
    assert_eq!(info.chapters[0].title.as_deref(), Some("First shot"));
    assert_eq!((info.video.frames, info.duration), (Some(48), Some(2.0)));
    assert_eq!(info.bytes, Some(std::fs::metadata(&fixture.path).unwrap().len()));
    assert_eq!(info.fingerprint.unwrap().bytes, info.bytes);
}
