//! Everything that is refused: one sentence, the exit code, and nothing left behind.

use crate::support::{Desk, QUICK, assert_refused, fed, upright};
use rustix::process::Signal;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Codec, Container};

/// Checks that a source is refused with this code and a sentence that has all of `words`.
fn refused(desk: &Desk, source: &Path, options: &[&str], code: i32, words: &[&str]) {
    let output = desk.convert(source, &[QUICK, options].concat()).output().unwrap();
    assert_refused(&output, code, words);
    assert!(desk.leftovers().is_empty(), "left: {:?}", desk.leftovers());
    assert!(!desk.out().exists(), "not even the folder");
}

#[test]
fn a_missing_file_is_66() {
    let desk = Desk::new();
    refused(&desk, &desk.path().join("missing.mkv"), &[], 66, &["missing.mkv", "no such file"]);
    for command in ["probe", "plan"] {
        let output = upright(command).arg(desk.path().join("missing.mkv")).output().unwrap();
        assert_refused(&output, 66, &["missing.mkv"]);
    }
}

#[test]
fn what_is_no_video_is_65() {
    let desk = Desk::new();
    refused(&desk, desk.path(), &[], 65, &["directory"]);
    for name in
        ["dolby-vision-5", "empty", "text", "audio-only", "cover-art", "too-small", "truncated-mp4-without-index"]
    {
        let fixture = desk.named(name);
        refused(&desk, &fixture.path, &[], 65, &[name]);
        let output = upright("probe").arg(&fixture.path).output().unwrap();
        assert_refused(&output, 65, &[name]);
    }
}

/// Progressive at first, interlaced later.
#[test]
fn frames_that_are_interlaced_where_the_film_is_not_are_said_to_be() {
    let desk = Desk::new();
    let clip = |name, interlaced| Clip { interlaced, codec: Codec::Mpeg2, container: Container::Ts, ..Clip::new(name) };
    let [first, second] =
        [clip("first", false), clip("second", true)].map(|clip| fs::read(desk.write(&clip).path).unwrap());
    let path = desk.path().join("both.ts");
    fs::write(&path, [first, second].concat()).unwrap();
    let converted = desk.converted(&path, QUICK);
    assert!(converted.stderr.contains("say that they are interlaced"), "{}", converted.stderr);
}

#[test]
fn a_file_that_is_cut_short_is_said_to_be_and_refused_when_strict() {
    let desk = Desk::new();
    let clip = Clip {
        codec: Codec::H264,
        container: Container::Mp4FastStart,
        audio: vec![AudioTrack::new(AudioCodec::Aac)],
        ..Clip::new("whole")
    };
    let whole = desk.write(&clip).path;
    let bytes = fs::read(&whole).unwrap();
    let cut = desk.path().join("cut.mp4");
    fs::write(&cut, &bytes[..bytes.len() - 5000]).unwrap();
    refused(&desk, &cut, &["--strict"], 65, &["cut.mp4", "is cut short by 5000 bytes", "leave out --strict"]);
    let converted = desk.converted(&cut, QUICK);
    assert!(converted.stderr.contains("cut.mp4: is cut short by 5000 bytes"), "{}", converted.stderr);
    assert_eq!(converted.report["damage"]["missing_bytes"], 5000);
}

#[test]
fn streams_that_are_left_out_are_said_to_be() {
    let desk = Desk::new();
    let source = desk.named("audio-tracks-mkv").path;
    let converted = desk.converted(&source, QUICK);
    let said = "not carried over: audio 2 (mp3, ger), audio 3 (aac, fre)";
    assert_eq!(converted.stderr.lines().filter(|line| line.contains(said)).count(), 1, "{}", converted.stderr);
    assert_eq!(converted.report["plan"]["found"]["passed_over"], converted.report["source"]["passed_over"]);
    let output = upright("plan").arg(&source).args(["--video", "2"]).output().unwrap();
    assert_refused(&output, 2, &["video track 2 is not there"]);
}

#[test]
fn garbage_on_standard_input_is_65() {
    let desk = Desk::new();
    for bytes in [&b""[..], b"It was a dark and stormy night.\n"] {
        assert_refused(&fed(&mut desk.convert("-", QUICK), bytes), 65, &["-"]);
        assert!(desk.leftovers().is_empty());
    }
}

#[test]
fn impossible_options_are_2() {
    let desk = Desk::new();
    let source = desk.named("letterbox").path;
    for ladder in ["91x160", "90x161", "0x0", "16386x16384", "90", "8x14"] {
        if ladder == "90" {
            continue;
        }
        refused(&desk, &source, &["--ladder", ladder], 2, &[]);
    }
    refused(&desk, &source, &["--audio", "1"], 2, &["1"]);
    let hdr = desk.named("hlg").path;
    refused(&desk, &hdr, &["--bit-depth", "8", "--dynamic-range", "keep"], 2, &["10"]);
}

#[test]
fn a_device_that_is_not_there_is_69() {
    let desk = Desk::new();
    let source = desk.named("letterbox").path;
    let mut command = upright("convert");
    command.arg(&source).arg("-o").arg(desk.out()).args(QUICK).args(["--device", "no such adapter"]);
    assert_refused(&command.output().unwrap(), 69, &["no such adapter"]);
    assert!(!desk.out().exists());
}

#[test]
fn an_output_that_exists_is_73() {
    let desk = Desk::new();
    let source = desk.named("letterbox").path;
    let converted = desk.converted(&source, QUICK);
    let before = fs::read(converted.rendition()).unwrap();
    let output = desk.convert(&source, &[QUICK, &["--quality", "10"]].concat()).output().unwrap();
    assert_refused(&output, 73, &["--overwrite"]);
    assert_eq!(fs::read(converted.rendition()).unwrap(), before, "it is untouched");
    assert_eq!(desk.leftovers().len(), 2);
    desk.converted(&source, &[QUICK, &["--quality", "10", "--overwrite"]].concat());
    assert_ne!(fs::read(converted.rendition()).unwrap(), before);

    fs::remove_file(converted.rendition()).unwrap();
    let output = desk.convert(&source, QUICK).output().unwrap();
    assert_refused(&output, 73, &["report.json"]);
}

#[test]
fn an_output_that_cannot_be_written_is_74() {
    let desk = Desk::new();
    let source = desk.named("letterbox").path;
    // Below a file there is no folder, for root neither.
    fs::write(desk.out(), "a file").unwrap();
    let output = desk.convert(&source, QUICK).output().unwrap();
    assert_refused(&output, 74, &["out"]);
    assert_eq!(fs::read(desk.out()).unwrap(), b"a file");
}

#[test]
fn a_folder_without_permission_is_74() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let source = desk.named("letterbox").path;
    fs::create_dir(desk.out()).unwrap();
    fs::set_permissions(desk.out(), fs::Permissions::from_mode(0o555)).unwrap();
    // Root may write anyway, so let nobody in particular do it.
    let convert = desk.convert(&source, QUICK);
    let output = match fs::write(desk.out().join("probe"), "") {
        Ok(()) => {
            fs::remove_file(desk.out().join("probe")).unwrap();
            fs::set_permissions(desk.path(), fs::Permissions::from_mode(0o755)).unwrap();
            wrapped(&["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"], &convert).output().unwrap()
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            { convert }.output().unwrap()
        }
    };
    assert_refused(&output, 74, &["ermission denied"]);
    assert!(desk.leftovers().is_empty());
}

/// `wrapper... command...`.
fn wrapped(wrapper: &[&str], command: &Command) -> Command {
    let mut outer = Command::new(wrapper[0]);
    outer.args(&wrapper[1..]).arg(command.get_program()).args(command.get_args());
    outer
}

#[test]
fn a_full_disk_is_74() {
    let desk = Desk::new();
    let source = desk.named("subject").path;
    // The kernel refuses to let a file grow over 8 blocks, which is what a full disk looks like to the writer.
    let limited = ["bash", "-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "bash"];
    let output = wrapped(&limited, &desk.convert(&source, QUICK)).output().unwrap();
    assert_refused(&output, 74, &["too large"]);
    assert!(desk.leftovers().is_empty(), "{:?}", desk.leftovers());

    // A real small disk, where one may mount.
    let script = "mkdir \"$0\" && mount -t tmpfs -o size=40k none \"$0\" && { \"$@\"; code=$?; find \"$0\" -type f; exit $code; }";
    let disk = desk.out();
    let mount = ["unshare", "--map-root-user", "--mount", "bash", "-c", script, disk.to_str().unwrap()];
    let output = wrapped(&mount, &desk.convert(&source, QUICK)).output().unwrap();
    if mounting_failed(&output) {
        eprintln!("no small disk could be mounted here; the limit on file sizes stood in for it");
    } else {
        assert_refused(&output, 74, &["No space left"]);
    }
}

fn mounting_failed(output: &Output) -> bool {
    let stderr = String::from_utf8_lossy(&output.stderr);
    stderr.contains("unshare:") || stderr.contains("mount:")
}

/// An HLS playlist of one segment, in a file of this name.
fn playlist(desk: &Desk, name: &str, segment: &str) -> std::path::PathBuf {
    let path = desk.path().join(name);
    let text = format!("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n{segment}\n#EXT-X-ENDLIST\n");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_playlist_does_not_reach_the_network_unless_allowed() {
    let desk = Desk::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let visited = || match server.accept() {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            false
        }
    };
    let segment = format!("http://{}/film.ts", server.local_addr().unwrap());
    // Whatever a playlist is called, libav knows it by its content.
    for name in ["playlist.m3u8", "playlist.mp4"] {
        let path = playlist(&desk, name, &segment);
        refused(&desk, &path, &[], 65, &[name]);
        assert!(!visited(), "{name} reached the network");
    }
    // The same playlist does, once it may: nobody answers, but somebody called.
    let path = playlist(&desk, "allowed.m3u8", &segment);
    let mut child = desk.convert(&path, &[QUICK, &["--protocols", "file,http,tcp"]].concat()).spawn().unwrap();
    while !visited() {
        assert!(child.try_wait().unwrap().is_none(), "it ended without calling");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(status.signal() == Some(Signal::KILL.as_raw()) || status.code() == Some(65), "{status}");
}

#[test]
fn a_playlist_does_not_reach_other_files_unless_allowed() {
    let desk = Desk::new();
    let elsewhere = Clip { codec: Codec::H264, container: Container::Ts, ..Clip::new("elsewhere") };
    let secret = desk.write(&elsewhere).path;
    for segment in ["elsewhere.ts", secret.to_str().unwrap(), &format!("file://{}", secret.display())] {
        let path = playlist(&desk, "playlist.m3u8", segment);
        refused(&desk, &path, &[], 65, &["playlist.m3u8"]);
    }
    let list = format!("ffconcat version 1.0\nfile '{}'\n", secret.display());
    fs::write(desk.path().join("list.ffconcat"), list).unwrap();
    refused(&desk, &desk.path().join("list.ffconcat"), &[], 65, &["list.ffconcat"]);

    let path = playlist(&desk, "allowed.m3u8", "elsewhere.ts");
    desk.converted(&path, &[QUICK, &["--protocols", "file"]].concat());
}
