//! Segments encoded side by side, against one long encode.

use crate::job::Job;
use std::path::Path;
use tempfile::tempdir;
use upright_engine::encode::{EncoderChoice, EncoderKind};
use upright_engine::geometry::Rational;
use upright_engine::pipeline::{Limits, Report};
use upright_fixtures::inspect;
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Codec, Container, Gop, PixelFormat, Ratio, Timing};

const RENDITIONS: [&str; 2] = ["72x128.mp4", "36x64.mp4"];

/// Converts `source` with so many segments at once, or as one segment.
fn convert(source: &Path, jobs: Option<usize>, out: &Path) -> Report {
    let mut job = Job::new(source, out);
    job.whole = jobs.is_none();
    job.plan.keyframe_interval = Rational::new(1, 2);
    let jobs = jobs.unwrap_or(1);
    job.render.limits = Limits { jobs: Some(jobs), ..Limits::default() };
    let report = job.run().unwrap();
    assert_eq!(report.parallelism.jobs, if report.segments.total > 1 { jobs } else { 1 });
    report
}

/// Frames of uneven length, with a source whose key frames lie elsewhere and whose groups are open.
fn film(directory: &Path) -> std::path::PathBuf {
    let times = (0..60).map(|frame| frame * 70 + frame % 4 * 9).collect();
    let clip = Clip {
        size: (320, 192),
        timing: Timing::variable(Ratio::new(1, 1000), times),
        codec: Codec::H264,
        gop: Gop { interval: 13, b_frames: 2, open: true },
        container: Container::Mp4,
        audio: vec![AudioTrack::new(AudioCodec::Aac)],
        ..Clip::new("film")
    };
    clip.write(directory).unwrap().path
}

#[test]
fn segments_joined_are_what_one_long_encode_gives() {
    let directory = tempdir().unwrap();
    let source = film(directory.path());
    let out = |name: &str| directory.path().join(name);
    let whole = convert(&source, None, &out("whole"));
    assert_eq!(whole.segments.total, 1);
    for jobs in [1, 2, 5] {
        let name = format!("segments-{jobs}");
        let report = convert(&source, Some(jobs), &out(&name));
        assert_eq!(report.segments.total, report.key_frames);
        assert_eq!((report.frames, report.key_frames), (whole.frames, whole.key_frames));
        assert!(report.key_frames > 6, "there are segments to mix up");
        for rendition in RENDITIONS {
            let [one, many] = ["whole", &name].map(|name| out(name).join(rendition));
            let [packets, others] = [&one, &many].map(|path| inspect::packets(path, "v:0").unwrap());
            let seen = |packets: &[inspect::Packet]| -> Vec<_> {
                packets.iter().map(|packet| (packet.pts, packet.duration, packet.flags.clone())).collect()
            };
            assert_eq!(seen(&packets), seen(&others), "{rendition} of {jobs}");
            // Not a byte of what the encoder makes depends on whether it has made the segment before.
            assert!(std::fs::read(&one).unwrap() == std::fs::read(&many).unwrap(), "{rendition} of {jobs}");
        }
    }
}

#[test]
fn a_film_shorter_than_a_segment_is_one() {
    let directory = tempdir().unwrap();
    let clip = Clip { timing: Timing::constant(Ratio::new(25, 1), 3), ..Clip::new("short") };
    let source = clip.write(directory.path()).unwrap().path;
    let report = convert(&source, Some(5), &directory.path().join("out"));
    assert_eq!((report.frames, report.key_frames), (3, 1));
}

/// Another encoder makes other bytes of segments, but no frame may be worse than the worst of one long encode.
#[test]
fn joints_cannot_be_seen() {
    let directory = tempdir().unwrap();
    let source = film(directory.path());
    let worst = |whole: bool, jobs: usize| {
        let out = directory.path().join(jobs.to_string());
        let mut job = Job::new(&source, &out);
        job.whole = whole;
        job.plan.ladder = "144".parse().unwrap();
        job.plan.keyframe_interval = Rational::new(1, 4);
        job.plan.encoder = EncoderChoice::Named(EncoderKind::Pipe("svtav1".to_owned()));
        job.plan.cores = 2;
        job.render.limits = Limits { jobs: Some(jobs), ..Limits::default() };
        let report = job.run().unwrap();
        let quality = psnr_of_frames(&source, &out.join("144x256.mp4"));
        assert_eq!(quality.len() as u64, report.frames);
        (report.segments.total, report.key_frames, quality.into_iter().fold(f64::INFINITY, f64::min))
    };
    let (whole, key_frames, worst_of_whole) = worst(true, 1);
    assert_eq!(whole, 1);
    let (segments, same, worst_of_segments) = worst(false, 3);
    assert_eq!((segments, same), (key_frames.div_ceil(3), key_frames));
    assert!(key_frames > 6, "there are joints");
    assert!(worst_of_segments > worst_of_whole - 1.0, "{worst_of_segments} dB, and {worst_of_whole} dB of the whole");
}

/// PSNR of the luma of each frame of a rendition, against FFmpeg's own crop and scaling of the source.
fn psnr_of_frames(source: &Path, rendition: &Path) -> Vec<f64> {
    let size = (144, 256);
    let filter = "crop=108:192:106:0,zscale=w=144:h=256:filter=lanczos";
    let wanted = inspect::decode_filtered(source, filter, PixelFormat::YUV420P, size).unwrap();
    let made = inspect::decode(rendition, PixelFormat::YUV420P).unwrap();
    assert_eq!(wanted.len(), made.len());
    wanted.iter().zip(&made).map(|(wanted, made)| inspect::psnr(&wanted.planes[0], &made.planes[0], 8, 0)).collect()
}
