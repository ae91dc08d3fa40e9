//! What is no source: each is refused with one sentence that says what it is.

use crate::reading::{fixture, read, read_input, whole, write};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use upright_engine::source::Input;
use upright_engine::{Error, Remedy};
use upright_fixtures::{Clip, Codec, Container, Odd, Orientation, Scene};

/// Why a file is refused as a source.
pub(crate) fn why(path: &Path) -> String {
    match read(path, &whole()) {
        Err(Error::BadSource { name, why, .. }) => {
            assert_eq!(name, path.display().to_string());
            assert!(!why.contains('\n') && !why.ends_with('.'), "{why}");
            why
        }
        other => panic!("{}: {:?}", path.display(), other.map(|seen| seen.frames.len())),
    }
}

fn odd(odd: Odd, directory: &Path) -> PathBuf {
    odd.write(directory).unwrap().path
}

#[test]
fn what_is_not_there_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nothing.mp4");
    match read(&path, &whole()) {
        Err(Error::SourceMissing { path: missing }) => assert_eq!(missing, path),
        other => panic!("{other:?}"),
    }
}

#[test]
fn directories_empty_files_text_and_sound_are_no_video() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    assert_eq!(why(directory), "is a directory, not a video file");
    assert_eq!(why(&odd(Odd::Empty, directory)), "is empty");
    assert_eq!(why(&odd(Odd::Text, directory)), "is not a video file: its first bytes fit no format that libav knows");
    assert_eq!(why(&odd(Odd::AudioOnly, directory)), "has no video, only sound");
    assert_eq!(why(&odd(Odd::CoverArt, directory)), "has no video, only sound and a cover picture");
}

#[test]
fn text_that_libav_would_show_is_no_video() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("art.txt");
    std::fs::write(&path, "\u{1b}[31mred\u{1b}[0m text, \u{1b}[1mand bold\n".repeat(100)).unwrap();
    assert!(why(&path).contains("not a video"), "{}", why(&path));
    let path = directory.path().join("words.srt");
    std::fs::write(&path, "1\n00:00:01,000 --> 00:00:02,000\nWords\n\n".repeat(20)).unwrap();
    assert_eq!(why(&path), "has no video");
}

#[test]
fn small_pictures_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = fixture("too-small", directory.path()).path;
    assert_eq!(why(&path), "its picture is 8x8; a side needs at least 16 samples");
}

#[test]
fn fields_that_are_no_part_of_whole_upright_frames_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let clip = |name, codec| Clip { interlaced: true, codec, container: Container::Mp4, ..Clip::new(name) };
    let separate = write(&clip("separate", Codec::Hevc), directory.path());
    assert!(why(&separate).starts_with("holds each field as a picture of its own"), "{}", why(&separate));
    let turned = Clip {
        orientation: Orientation { transpose: true, flip_x: true, flip_y: false },
        ..clip("turned", Codec::H264)
    };
    let turned = write(&turned, directory.path());
    assert!(why(&turned).starts_with("is interlaced and turned by a quarter"), "{}", why(&turned));
}

#[test]
fn a_change_in_mid_stream_is_refused_where_it_happens() {
    let directory = tempfile::tempdir().unwrap();
    let size = why(&odd(Odd::SizeChange, directory.path()));
    assert!(size.starts_with("changes its size from 320x180 to 256x144 at 2.0"), "{size}");
    let format = why(&odd(Odd::FormatChange, directory.path()));
    assert!(format.starts_with("changes its pixel format from yuv420p to yuv422p at 2.0"), "{format}");
}

#[test]
fn broken_containers_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = fixture("truncated-mp4-without-index", directory.path()).path;
    assert!(why(&path).starts_with("cannot be opened as a video: "), "{}", why(&path));
    let path = directory.path().join("noise.mp4");
    let noise: Vec<u8> = (0..100_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(&path, noise).unwrap();
    why(&path);
}

#[test]
fn playlists_reach_neither_the_network_nor_other_files() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let other = write(&Clip { codec: Codec::H264, container: Container::Ts, ..Clip::new("other") }, directory);
    let save = |name: &str, text: String| {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let other = other.display();
    let playlists = [
        (odd(Odd::PlaylistToNetwork, directory), "hls"),
        (odd(Odd::PlaylistToFile, directory), "hls"),
        (save("absolute.m3u8", format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{other}\n#EXT-X-ENDLIST\n")), "hls"),
        (save("list.ffconcat", format!("ffconcat version 1.0\nfile {other}\n")), "concat"),
        (save("disguised.mp4", format!("ffconcat version 1.0\nfile {other}\n")), "concat"),
        (save("stream.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n".to_owned()), "sdp"),
    ];
    for (path, kind) in playlists {
        let why = why(&path);
        assert!(why.starts_with(&format!("is a playlist ({kind}), ")), "{}: {why}", path.display());
        assert!(why.contains("allow file for files, or https, tls and tcp for the web"), "{why}");
    }
}

/// QuickTime can refer to samples in another file; libav must not follow.
#[test]
fn references_of_quicktime_are_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let clip = Clip { codec: Codec::H264, container: Container::Mov, ..Clip::new("references") };
    let path = write(&clip, directory.path());
    let mut file = std::fs::read(&path).unwrap();
    let at = file.windows(8).position(|bytes| bytes == b"dref\0\0\0\0").unwrap();
    // The one entry's flag says that samples lie in this file: take it away.
    let entry = at + 12;
    assert_eq!(&file[entry + 8..entry + 12], [0, 0, 0, 1]);
    file[entry + 11] = 0;
    std::fs::write(&path, file).unwrap();
    // Whatever libav makes of that, it is an error value or this file's own frames.
    match read(&path, &whole()) {
        Ok(seen) => assert_eq!(seen.frames.len(), 25),
        Err(Error::BadSource { .. }) => {}
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn what_a_playlist_names_is_read_when_its_protocol_is_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let path = odd(Odd::PlaylistToFile, directory.path());
    let options = whole().protocols(vec!["file".to_owned()]);
    let seen = read(&path, &options).unwrap();
    assert_eq!(seen.frames.len(), 25);
    assert_eq!(seen.info.container, "hls");
    // Another protocol does not do.
    let options = whole().protocols(vec!["http".to_owned()]);
    match read(&path, &options) {
        Err(Error::BadSource { why, remedy: Some(Remedy::AllowProtocols), .. }) => {
            assert!(why.contains("may need other protocols"), "{why}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn urls_need_their_protocol_allowed() {
    // http and https alone are read by ranges, without libav.
    let error = read("ftp://127.0.0.1:9/film.mp4", &whole()).unwrap_err();
    assert!(matches!(&error, Error::InvalidOption { .. }), "{error:?}");
    assert!(error.to_string().contains("allow the protocol ftp"), "{error}");
    let options = whole().protocols(vec!["http".to_owned(), "tcp".to_owned()]);
    let error = read("http://127.0.0.1:9/film.mp4", &options).unwrap_err();
    assert!(matches!(&error, Error::BadSource { .. }) && error.to_string().contains("Connection refused"), "{error}");
}

#[test]
fn a_file_that_fails_while_it_is_read_is_an_error_of_the_operating_system() {
    // A process's own memory can be opened, and its first page cannot be read.
    match read("/proc/self/mem", &whole()) {
        Err(Error::Io { path, action, .. }) => {
            assert_eq!((path, action), (PathBuf::from("/proc/self/mem"), "cannot read"));
        }
        other => panic!("{other:?}"),
    }
}

/// The child half of the two tests below: reads its own standard input.
#[test]
fn child_that_reads_standard_input() {
    if std::env::var_os("UPRIGHT_READ_STDIN").is_none() {
        return;
    }
    match read_input(&Input::Stdin, &whole(), |frame, frames| frames.push(frame.clone())) {
        Ok(seen) => println!("\nframes {} first {}", seen.frames.len(), seen.source_times()[0]),
        Err(error) => println!("\nerror {error}"),
    }
}

/// What a process of its own makes of this standard input.
fn from_stdin(stdin: Stdio, feed: Option<&[u8]>) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "bad::child_that_reads_standard_input", "--nocapture"])
        .env("UPRIGHT_READ_STDIN", "1")
        .stdin(stdin)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    if let Some(bytes) = feed {
        // The child may close its end early.
        let _ = child.stdin.take().unwrap().write_all(bytes);
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = String::from_utf8(output.stdout).unwrap();
    let line = output.lines().find(|line| line.starts_with("frames ") || line.starts_with("error "));
    line.unwrap_or_else(|| panic!("{output}")).to_owned()
}

#[test]
fn standard_input_is_a_source() {
    let directory = tempfile::tempdir().unwrap();
    let piped = |clip: &Clip| from_stdin(Stdio::piped(), Some(&std::fs::read(write(clip, directory.path())).unwrap()));
    let clip = |container| Clip { codec: Codec::H264, container, ..Clip::new("clip") };
    assert_eq!(piped(&clip(Container::Mkv)), "frames 25 first 0");
    assert_eq!(piped(&clip(Container::Ts)), "frames 25 first 90000");
    assert_eq!(piped(&clip(Container::Mp4FastStart)), "frames 25 first 0");
    // The index at the end needs seeking, which a redirected file can do and a pipe cannot.
    let indexed_last = Clip { scene: Scene::ZonePlate, codec: Codec::H264Lossless, ..clip(Container::Mp4) };
    let refused = piped(&indexed_last);
    assert!(refused.starts_with("error -: "), "{refused}");
    assert!(refused.ends_with("this input cannot seek, which some files need: save it and give the file"), "{refused}");
    let file = std::fs::File::open(write(&indexed_last, directory.path())).unwrap();
    assert_eq!(from_stdin(file.into(), None), "frames 25 first 0");
    assert_eq!(from_stdin(Stdio::null(), None), "error -: is empty");
}
