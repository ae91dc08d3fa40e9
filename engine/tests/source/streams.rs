//! What libav reports beside the samples: which streams there are, whether they can be read, and what is seen of them.

use crate::bad::why;
use crate::pictures::{ffmpeg, lossless};
use crate::reading::{fixture, read, samples, whole, write};
use std::path::{Path, PathBuf};
use upright_engine::Error;
use upright_engine::geometry::{Rational, Size};
use upright_engine::source::{AudioChoice, AudioSelector, OpenOptions, PassedOver, SourceInfo, VideoChoice};
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Codec, Container, Odd, Ratio, Timing};

fn sounding(name: &str, container: Container) -> Clip {
    Clip { codec: Codec::H264, container, audio: vec![AudioTrack::new(AudioCodec::Aac)], ..Clip::new(name) }
}

fn info(path: &Path) -> SourceInfo {
    read(path, &whole()).unwrap().info
}

/// The assumed value of something, if it was assumed.
fn assumed<'a>(info: &'a SourceInfo, what: &str) -> Option<&'a str> {
    let found = info.assumptions.iter().find(|assumption| assumption.what == what);
    found.map(|assumption| assumption.value.as_str())
}

const ENCRYPTED: &str = "is encrypted, and Upright has no keys; decrypt it first";

#[test]
fn common_encryption_is_told_in_whole_files_and_in_fragments() {
    let directory = tempfile::tempdir().unwrap();
    let clear = write(&sounding("clear", Container::Mp4), directory.path());
    let path = directory.path().join("encrypted.mp4");
    let key =
        ["-encryption_key", "000102030405060708090a0b0c0d0e0f", "-encryption_kid", "101112131415161718191a1b1c1d1e1f"];
    let scheme = [&["-c", "copy", "-encryption_scheme", "cenc-aes-ctr"], &key[..]].concat();
    for fragments in [&[][..], &["-movflags", "+frag_keyframe+empty_moov"]] {
        ffmpeg(&[&clear], &[&scheme, fragments].concat(), &path);
        assert_eq!(why(&path), ENCRYPTED, "{fragments:?}");
    }
}

/// Scrambles the payload of all packets of one identifier from some byte on.
fn scrambled(stream: &[u8], identifier: u16, from: usize) -> Vec<u8> {
    let mut stream = stream.to_vec();
    for packet in stream[from..].chunks_exact_mut(188) {
        if u16::from_be_bytes([packet[1] & 0x1f, packet[2]]) == identifier {
            let begin = if packet[3] & 0x20 != 0 { 5 + usize::from(packet[4]) } else { 4 };
            packet[3] |= 0xc0;
            packet[begin..].iter_mut().for_each(|byte| *byte ^= 0x5a);
        }
    }
    stream
}

#[test]
fn scrambled_transport_streams_are_told_even_where_they_begin_in_the_clear() {
    let directory = tempfile::tempdir().unwrap();
    let clip = Clip { timing: Timing::constant(Ratio::new(25, 1), 100), ..sounding("clear", Container::Ts) };
    let clear = std::fs::read(write(&clip, directory.path())).unwrap();
    let path = directory.path().join("scrambled.ts");
    for from in [0, clear.len() / 188 / 2 * 188] {
        std::fs::write(&path, scrambled(&clear, 0x100, from)).unwrap();
        assert_eq!(why(&path), ENCRYPTED, "from {from}");
    }
    std::fs::write(&path, scrambled(&clear, 0x100, clear.len())).unwrap();
    assert_eq!(read(&path, &whole()).unwrap().frames.len(), 100);
}

#[test]
fn matroskas_encryption_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("film.mkv");
    let title = format!("title={}", "x".repeat(33));
    ffmpeg(
        &[&write(&sounding("clear", Container::Mkv), directory.path())],
        &["-c", "copy", "-metadata:s:v", &title],
        &path,
    );
    let mut file = std::fs::read(&path).unwrap();
    // The track's name gives way to as many bytes of ContentEncodings: AES by a key of this identifier.
    let name = [&b"\x53\x6e\xa1"[..], &[b'x'; 33]].concat();
    let at = file.windows(name.len()).position(|bytes| bytes == name).unwrap();
    let encryption = b"\x47\xe1\x81\x05\x47\xe2\x88KEYIDENT";
    let encoding = [&b"\x50\x31\x81\x00\x50\x32\x81\x01\x50\x33\x81\x01\x50\x35\x8f"[..], encryption].concat();
    let encodings = [&b"\x6d\x80\xa1\x62\x40\x9e"[..], &encoding].concat();
    assert_eq!(encodings.len(), name.len());
    file[at..at + name.len()].copy_from_slice(&encodings);
    std::fs::write(&path, file).unwrap();
    assert_eq!(why(&path), ENCRYPTED);
}

#[test]
fn of_dolby_vision_without_metadata_only_a_base_layer_that_is_a_picture_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let path = Odd::DolbyVision5.write(directory.path()).unwrap().path;
    assert!(why(&path).starts_with("is Dolby Vision of profile 5"), "{}", why(&path));
    let info = info(&Odd::DolbyVision8.write(directory.path()).unwrap().path);
    assert_eq!(assumed(&info, "Dolby Vision"), Some("the base layer alone"));
    assert_eq!(info.video.colour.transfer, 16);
}

/// What is said of two views, and the samples of one of them.
#[test]
fn of_two_views_the_left_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let clip = lossless("packed");
    let packed = write(&clip, directory.path());
    let (double, half, square) = (Rational::new(2, 1), Rational::new(1, 2), Rational::new(1, 1));
    for (mode, size, left, top, aspect) in [
        ("left_right", (160, 176), 0, 0, double),
        ("right_left", (160, 176), 160, 0, double),
        ("top_bottom", (320, 88), 0, 0, half),
        ("bottom_top", (320, 88), 0, 88, half),
    ] {
        let path = directory.path().join("views.mkv");
        ffmpeg(&[&packed], &["-c", "copy", "-metadata:s:v", &format!("stereo_mode={mode}")], &path);
        let seen = read(&path, &whole()).unwrap();
        let video = &seen.info.video;
        assert_eq!((video.stored.width, video.stored.height), size, "{mode}");
        assert_eq!(video.upright.sample_aspect, aspect, "{mode}");
        assert!(assumed(&seen.info, "view").unwrap().starts_with("the left of two "), "{mode}");
        for (index, plane) in clip.picture(3).planes.iter().enumerate() {
            let s = if index == 0 { 1 } else { 2 };
            let places = (0..size.1 / s).flat_map(|y| (0..size.0 / s).map(move |x| (x, y)));
            let view: Vec<_> = places.map(|(x, y)| plane.at(x + left / s, y + top / s)).collect();
            assert!(samples(&seen.frames[3], index) == view, "{mode} plane {index}");
        }
    }
    let wide = write(&Clip { size: (640, 180), codec: Codec::H264Lossless, ..Clip::new("wide") }, directory.path());
    let path = directory.path().join("full.mkv");
    ffmpeg(&[&wide], &["-c", "copy", "-metadata:s:v", "stereo_mode=left_right"], &path);
    let upright = info(&path).video.upright;
    assert_eq!((upright.grid, upright.sample_aspect), (Size { width: 320, height: 180 }, square));
}

/// Only key frames repeat it, and some decoders' threads forget it between them.
#[test]
fn packing_that_the_bitstream_tells_is_found_wherever_reading_begins() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("packed.mkv");
    let encoded = |packing: &str| {
        let parameters = format!("frame-packing={packing}:keyint=100");
        ffmpeg(
            &[&write(&lossless("clip"), directory.path())],
            &["-c:v", "libx264", "-x264-params", &parameters],
            &path,
        );
    };
    encoded("3");
    assert_eq!(read(&path, &whole()).unwrap().info.video.stored, Size { width: 160, height: 176 });
    let span = upright_engine::source::Span { start: Some(Rational::new(1, 2)), duration: None };
    let later = read(&path, &whole().span(span)).unwrap();
    assert_eq!((later.info.video.stored.width, later.frames.len()), (160, 12));
    encoded("0");
    assert!(why(&path).contains("packed as a checkerboard"), "{}", why(&path));
}

#[test]
fn pictures_all_around_the_viewer_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("around.mov");
    let clip = Clip { container: Container::Mov, ..lossless("flat") };
    // Google's first metadata for 360 degrees: XML in a box of the track.
    let mut file = std::fs::read(write(&clip, directory.path())).unwrap();
    let track = upright_fixtures::mp4::find(&file, "moov/trak").remove(0);
    let xml = "<rdf:SphericalVideo xmlns:rdf='x' xmlns:GSpherical='y'><GSpherical:Spherical>true</GSpherical:Spherical>\
               <GSpherical:Stitched>true</GSpherical:Stitched>\
               <GSpherical:StitchingSoftware>z</GSpherical:StitchingSoftware>\
               <GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType></rdf:SphericalVideo>";
    let uuid = b"\xff\xcc\x82\x63\xf8\x55\x4a\x93\x88\x14\x58\x7a\x02\x52\x1f\xdd";
    let length = u32::try_from(24 + xml.len()).unwrap();
    let atom = [&length.to_be_bytes()[..], b"uuid", uuid, xml.as_bytes()].concat();
    for body in ["moov", "moov/trak"].map(|outer| upright_fixtures::mp4::find(&file, outer).remove(0)) {
        let size = upright_fixtures::mp4::read_u32(&file, body.start - 8) + length;
        file[body.start - 8..body.start - 4].copy_from_slice(&size.to_be_bytes());
    }
    file.splice(track.end..track.end, atom);
    std::fs::write(&path, file).unwrap();
    assert!(why(&path).starts_with("is a picture all around the viewer (equirectangular)"), "{}", why(&path));
}

/// VP9's own decoder of libav would show what is hidden.
#[test]
fn transparent_pictures_are_said_to_be_laid_over_black() {
    let directory = tempfile::tempdir().unwrap();
    let film = write(&lossless("film"), directory.path());
    let path = directory.path().join("alpha.webm");
    let hidden = "format=yuva420p,geq=lum='200':cb='60':cr='200':a='255*gte(X,160)'";
    ffmpeg(&[&film], &["-vf", hidden, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-auto-alt-ref", "0"], &path);
    let seen = read(&path, &whole()).unwrap();
    assert_eq!(assumed(&seen.info, "alpha"), Some("straight, over black"));
    let luma = samples(&seen.frames[3], 0);
    let at = |x: usize| luma[88 * 320 + x];
    assert!(at(40) <= 18 && at(280).abs_diff(200) < 8, "{} {}", at(40), at(280));
    // Uncompressed AVI has a fourth byte that means nothing.
    let path = directory.path().join("padded.avi");
    ffmpeg(
        &[&film],
        &["-vf", "format=bgra,geq=r='90':g='90':b='90':a='0'", "-c:v", "rawvideo", "-pix_fmt", "bgra"],
        &path,
    );
    let seen = read(&path, &whole()).unwrap();
    assert_eq!(assumed(&seen.info, "alpha"), Some("none"));
    assert!(samples(&seen.frames[0], 0).iter().all(|&sample| sample > 60));
}

/// A transport stream of two programmes, each with sound: the smaller first.
fn programmes(directory: &Path) -> PathBuf {
    let small = write(&sounding("small", Container::Ts), directory);
    let large = write(&Clip { size: (640, 360), ..sounding("large", Container::Ts) }, directory);
    let path = directory.join("programmes.ts");
    let maps = ["-map", "0", "-map", "1", "-c", "copy"];
    let programmes = ["-program", "title=a:st=0:st=1", "-program", "title=b:st=2:st=3"];
    ffmpeg(&[&small, &large], &[&maps[..], &programmes].concat(), &path);
    path
}

#[test]
fn the_largest_picture_is_taken_with_the_sound_of_its_programme_unless_another_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = programmes(directory.path());
    let with = |video| read(&path, &whole().video(video));
    let taken =
        |info: &SourceInfo| (info.video.track, info.video.stored.width, info.audio_kept.first().map(|kept| kept.track));
    let by_program = |number| read(&path, &whole().program(Some(number)));
    let best = with(VideoChoice::Best).unwrap().info;
    assert_eq!(taken(&best), (2, 640, Some(2)));
    assert_eq!(assumed(&best, "video track"), Some("2 of 2"));
    let programs: Vec<_> =
        best.programs.iter().map(|program| (program.number, program.name.as_deref(), &program.streams[..])).collect();
    assert_eq!(programs, [(1, Some("a"), &[0, 1][..]), (2, Some("b"), &[2, 3])]);
    assert_eq!((best.program, assumed(&best, "program")), (Some(2), Some("2 (b)")));
    let asked = by_program(1).unwrap().info;
    assert_eq!((taken(&asked), asked.program, assumed(&asked, "program")), ((1, 320, Some(1)), Some(1), None));
    let refused = |options: OpenOptions, words: &str| match read(&path, &options) {
        Err(Error::NotInSource(why)) => assert!(why.contains(words), "{why}"),
        other => panic!("{other:?}"),
    };
    refused(whole().program(Some(3)), "has 1 (a), 2 (b)");
    refused(whole().program(Some(1)).video(VideoChoice::Track(2)), "program 1 (a) of");
    let second = AudioChoice::Chosen(vec![AudioSelector::Track(2)]);
    refused(whole().program(Some(1)).audio(second), "in program 1 (a) audio track 1");
    let passed: Vec<_> = best.passed_over.iter().map(|passed| (&*passed.kind, passed.track)).collect();
    assert_eq!(passed, [("video", 1), ("audio", 1)]);
    let first = with(VideoChoice::Track(1)).unwrap().info;
    assert_eq!(taken(&first), (1, 320, Some(1)));
    assert_eq!(assumed(&first, "video track"), None);
    match with(VideoChoice::Track(3)) {
        Err(Error::NotInSource(why)) => {
            assert!(why.contains("video track 3 is not there") && why.contains("2 video tracks"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_picture_is_the_one_that_ffmpeg_takes_and_a_preview_is_never_taken() {
    let directory = tempfile::tempdir().unwrap();
    let small = write(&sounding("small", Container::Mkv), directory.path());
    let large = write(&Clip { size: (640, 360), ..sounding("large", Container::Mkv) }, directory.path());
    let huge = directory.path().join("huge.mkv");
    let drawn = ["-f", "lavfi", "-i", "color=s=3200x1800:r=25:d=0.2", "-c:v", "mpeg4"];
    ffmpeg(&[], &drawn, &huge);
    let path = directory.path().join("both.mkv");
    let maps = ["-map", "0:v", "-map", "1:v", "-c", "copy"];
    for ([one, other], flags, width) in [
        ([&small, &large], ["0", "0"], 640),
        ([&small, &large], ["default", "0"], 320),
        ([&large, &huge], ["default", "0"], 3200),
    ] {
        ffmpeg(
            &[one, other],
            &[&maps[..], &["-disposition:v:0", flags[0], "-disposition:v:1", flags[1]]].concat(),
            &path,
        );
        let theirs = directory.path().join("theirs.mkv");
        ffmpeg(&[&path], &["-c", "copy"], &theirs);
        let seen = info(&path);
        assert_eq!((seen.video.stored.width, info(&theirs).video.stored.width), (width, width), "{flags:?}");
        let default: Vec<_> = seen.video_tracks.iter().map(|track| track.default).collect();
        assert_eq!(default, flags.map(|flag| flag == "default"));
        assert!(assumed(&seen, "video track").unwrap().ends_with("of 2"));
    }
    // Of two that ffmpeg thinks as good it is the one that is not for others.
    let flags = ["-disposition:v:0", "hearing_impaired", "-disposition:v:1", "0"];
    ffmpeg(&[&small, &small], &[&maps[..], &flags].concat(), &path);
    assert_eq!(info(&path).video.track, 2);
    // A picture that cannot be decoded is not made up for by a preview of it, but by one that is large enough.
    let preview = write(&Clip { size: (64, 36), ..sounding("preview", Container::Mkv) }, directory.path());
    for (other, taken) in [(&preview, None), (&small, Some(1))] {
        ffmpeg(&[other, &large], &[&maps[..], &["-c:v:1", "mjpeg"]].concat(), &path);
        let mut bytes = std::fs::read(&path).unwrap();
        let place = bytes.windows(7).position(|window| window == b"V_MJPEG").unwrap();
        bytes[place..place + 7].copy_from_slice(b"V_NOTHI");
        std::fs::write(&path, bytes).unwrap();
        match taken {
            Some(track) => assert_eq!(info(&path).video.track, track),
            None => assert!(why(&path).contains("cannot decode"), "{}", why(&path)),
        }
    }
}

#[test]
fn all_that_is_not_carried_over_is_listed() {
    let directory = tempfile::tempdir().unwrap();
    let titles = directory.path().join("titles.srt");
    std::fs::write(&titles, "1\n00:00:00,000 --> 00:00:01,000\nWords\n\n").unwrap();
    let font = directory.path().join("font.ttf");
    std::fs::write(&font, "a font").unwrap();
    let film = write(&sounding("film", Container::Mkv), directory.path());
    assert_eq!(info(&film).passed_over, []);
    let path = directory.path().join("more.mkv");
    let maps = ["-map", "0", "-map", "0:a", "-map", "1", "-c", "copy", "-metadata:s:s:0", "language=fin"];
    let attached = ["-attach", font.to_str().unwrap(), "-metadata:s:t", "mimetype=application/x-truetype-font"];
    ffmpeg(&[&film, &titles], &[&maps[..], &attached].concat(), &path);
    let expected = [("audio", 2, "aac", None), ("subtitle", 1, "subrip", Some("fin")), ("attachment", 1, "ttf", None)];
    let passed_over = info(&path).passed_over;
    let found: Vec<_> = passed_over
        .iter()
        .map(|PassedOver { kind, track, codec, language, .. }| (&**kind, *track, codec.as_str(), language.as_deref()))
        .collect();
    assert_eq!(found, expected);
    // Chapters are carried over, also from where QuickTime keeps them.
    assert_eq!(info(&fixture("subject", directory.path()).path).passed_over, []);
}

#[test]
fn one_picture_is_no_film_and_several_are() {
    let directory = tempfile::tempdir().unwrap();
    let film = write(&lossless("film"), directory.path());
    for (name, kind) in [("a.png", "png"), ("a.jpg", "jpeg"), ("a.tiff", "tiff"), ("a.gif", "gif"), ("a.bmp", "bmp")] {
        let path = directory.path().join(name);
        ffmpeg(&[&film], &["-frames:v", "1"], &path);
        assert_eq!(why(&path), format!("is a still picture ({kind}), not a film"));
    }
    for (name, arguments) in [
        ("moving.gif", &["-c:v", "gif"][..]),
        ("moving.apng", &["-c:v", "apng"]),
        ("many.png", &["-f", "image2pipe", "-c:v", "png"]),
        ("many.jpg", &["-f", "image2pipe", "-c:v", "mjpeg"]),
    ] {
        let path = directory.path().join(name);
        ffmpeg(&[&film], arguments, &path);
        assert_eq!(read(&path, &whole()).unwrap().frames.len(), 25, "{name}");
    }
}

#[test]
fn a_cut_is_told_by_the_bytes_that_are_missing() {
    let directory = tempfile::tempdir().unwrap();
    let cut = |path: &Path, missing: usize| {
        let bytes = std::fs::read(path).unwrap();
        let path = directory.path().join("cut.mp4");
        std::fs::write(&path, &bytes[..bytes.len() - missing]).unwrap();
        path
    };
    // In the index, behind what is needed to open the file.
    let last = write(&sounding("index-last", Container::Mp4), directory.path());
    assert_eq!(read(&last, &whole()).unwrap().damage.missing_bytes, 0);
    let opened = (20..1500).step_by(20).filter(|&missing| match read(cut(&last, missing), &whole()) {
        Ok(seen) => {
            assert_eq!(seen.damage.missing_bytes, missing as u64);
            true
        }
        Err(Error::BadSource { .. }) => false,
        Err(other) => panic!("{other}"),
    });
    assert!(opened.count() > 0);
    // Behind the index.
    let first = write(&sounding("index-first", Container::Mp4FastStart), directory.path());
    assert_eq!(read(cut(&first, 500), &whole()).unwrap().damage.missing_bytes, 500);
}

#[test]
fn a_matrix_that_av1_cannot_tell_is_refused_before_anything_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ipt.mkv");
    let film = write(&lossless("film"), directory.path());
    let av1 = ["-frames:v", "3", "-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8"];
    ffmpeg(&[&film], &[&av1[..], &["-bsf:v", "av1_metadata=matrix_coefficients=15"]].concat(), &path);
    assert!(why(&path).starts_with("its matrix is ipt-c2 (code 15), which AV1 cannot tell"), "{}", why(&path));
    // A reserved code says nothing.
    ffmpeg(
        &[&film],
        &[&av1[..], &["-bsf:v", "av1_metadata=color_primaries=17:matrix_coefficients=99"]].concat(),
        &path,
    );
    let info = info(&path);
    assert!(assumed(&info, "primaries").is_some() && assumed(&info, "matrix").is_some());
}
