//! What was done: the report that lies beside the renditions.
//!
//! `report.json` is a [`Report`] as JSON; it is described by the documentation of the fields here, which appear in it in
//! the order of their declaration. Seconds and rates are numbers, fractions text, absent values `null`, and
//! [`Report::version`] rises when a field changes its meaning.

use super::parallelism::ParallelismPlan;
use crate::artwork::PicturesReport;
use crate::fingerprint::Sha256Hex;
use crate::geometry::Size;
use crate::media::Levels;
use crate::picture::{DeviceInfo, Fallback, GpuStats};
use crate::plan::Plan;
use crate::source::{Damage, Role, SourceInfo};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Name of the report in the directory of the renditions.
pub const REPORT: &str = "report.json";

/// Version of the report's JSON form.
pub const VERSION: u32 = 3;

/// What went in, what was done and what came out.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// Versions of what did the work, by name: `upright`, `rav1e`, libav's libraries.
    pub versions: BTreeMap<String, String>,
    /// What scaled, at least at first.
    pub device: DeviceInfo,
    /// Where it was left because it failed; none where it did not.
    pub fallback: Option<Fallback>,
    /// What the GPU did, where one was at work.
    pub gpu: Option<GpuStats>,
    /// What went in.
    pub source: SourceInfo,
    /// Seconds that were subtracted from the source's times: time in the source = time in the renditions + this.
    pub start_offset: f64,
    /// What was wrong with it.
    pub damage: Damage,
    /// The sound that came out, a track each, the same in every rendition, the default one first.
    pub audio: Vec<AudioReport>,
    /// [`Plan::hash`] of `plan`.
    pub plan_hash: Sha256Hex,
    /// What was to be done.
    pub plan: Plan,
    /// Frames that went in, and came out in every rendition.
    pub frames: u64,
    /// Of those, key frames.
    pub key_frames: u64,
    /// The segments, and how many of them were encoded earlier.
    pub segments: SegmentsReport,
    /// Seconds from the first frame's beginning to the last frame's end; a last frame whose duration is not known counts
    /// as one of the nominal rate.
    pub duration: f64,
    /// Seconds that the job took.
    pub wall_seconds: f64,
    /// Seconds of processors, of all threads of this process, also of those that a library starts, but not of programs;
    /// absent where the system does not tell.
    pub cpu_seconds: Option<f64>,
    /// How it was spread over cores and memory.
    pub parallelism: ParallelismPlan,
    /// What came out, in the order of the ladder.
    pub renditions: Vec<RenditionReport>,
    /// The package of CMAF tracks, where one was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageReport>,
    /// Subtitles and captions that lie beside them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subtitles: Vec<SubtitlesReport>,
    /// Pictures that lie beside them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pictures: Option<PicturesReport>,
    /// The threads that did it, from the source to the renditions.
    pub stages: Vec<StageReport>,
    /// What joined them.
    pub queues: Vec<QueueReport>,
    /// What kept the job from being faster, in a sentence.
    pub bottleneck: String,
}

impl Report {
    /// Names of all files that came out, the report's own aside, those that speak for others behind them.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let renditions = self.renditions.iter().map(|rendition| &*rendition.file);
        let subtitles = self.subtitles.iter().map(|track| &*track.file);
        let pictures = self.pictures.iter().flat_map(PicturesReport::files);
        let package = self.package.iter().flat_map(|package| &package.files).map(|file| &*file.file);
        let is_in_package = |name: &&str| self.package.iter().flat_map(|it| &it.files).any(|file| file.file == **name);
        renditions.filter(move |name| !is_in_package(name)).chain(subtitles).chain(pictures).chain(package)
    }
}

/// The segments of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SegmentsReport {
    /// All that have a frame.
    pub total: u64,
    /// Those that were taken from a store; the others were encoded.
    pub reused: u64,
}

/// A track of sound that came out.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AudioReport {
    /// Number among the source's audio tracks, from 1.
    pub track: usize,
    /// Number of the track that is the right channel, where `track` is the left.
    pub right: Option<usize>,
    /// Whether it was mixed down to two channels.
    pub stereo: bool,
    /// ISO 639-2 language.
    pub language: Option<String>,
    /// Title of the track.
    pub title: Option<String>,
    /// What it is for. `original` is said here alone, for MP4 has no place for it.
    pub roles: Vec<Role>,
    /// libav's name of its codec.
    pub codec: String,
    /// Whether the source's packets were copied. The plan says what was meant; sound that changes on the way is converted.
    pub copied: bool,
    /// What became of its loudness; none where it stayed as it was: nothing was wanted, or it is surround sound that was copied.
    pub loudness: Option<LoudnessReport>,
}

/// What became of the loudness of a track.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LoudnessReport {
    /// As it came.
    pub before: Levels,
    /// As it is in the renditions, decoded.
    pub after: Levels,
    /// Decibels by which it was amplified, peaks aside.
    pub gain: f64,
}

/// A package: CMAF tracks with manifests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PackageReport {
    /// The HLS multivariant playlist.
    pub hls: String,
    /// The DASH manifest.
    pub dash: String,
    /// All of its files, those two last.
    pub files: Vec<PackageFile>,
}

/// A file of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PackageFile {
    /// Its name in the directory of the report.
    pub file: String,
    /// How many bytes it has, with all of its segment files.
    pub bytes: u64,
    /// Of a track whose segments are files: how many lie beside it, named `seg-00001.m4s` and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<usize>,
    /// Id of the key that it is encrypted with, in hexadecimal digits, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

/// A file of subtitles or captions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SubtitlesReport {
    /// Its name in the directory of the report.
    pub file: String,
    /// `subtitle` or `captions`.
    pub kind: &'static str,
    /// Its language, by ISO 639-2 or BCP 47.
    pub language: Option<String>,
    /// What it is for, besides being a translation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// How many texts it has.
    pub cues: usize,
}

/// One file that came out.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RenditionReport {
    /// Its name in the directory of the report.
    pub file: String,
    /// Its size in pixels.
    pub size: Size,
    /// Whether it has more pixels than the window had samples.
    pub upscaled: bool,
    /// Frames.
    pub frames: u64,
    /// Bytes of the whole file.
    pub bytes: u64,
    /// Bits of video a second, without the container's.
    pub video_bitrate: f64,
    /// Bits of video a second in the 6 seconds that have the most, or in all of a shorter film.
    pub peak_bitrate: f64,
    /// Segments that were encoded at a lower quality than the plan's, so that its limit holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lowered: Vec<LoweredSegment>,
    /// Seconds that its encoder worked.
    pub encode_seconds: f64,
}

/// A segment that was encoded at a lower quality than the plan's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LoweredSegment {
    /// Its number in the plan, from 0.
    pub segment: usize,
    /// Its quality, from 0 (worst) to 100 (best).
    pub quality: u8,
}

/// What the threads of one kind did with their time.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StageReport {
    /// For instance `decode` or `encode 1080x1920`.
    pub name: String,
    /// How many threads; the seconds are all of theirs together.
    pub threads: usize,
    /// Seconds of processors; absent where the system does not tell.
    pub cpu_seconds: Option<f64>,
    /// Seconds not spent waiting for another stage: at work, waiting for a core, or for the threads of a library.
    pub busy_seconds: f64,
    /// Seconds waiting for input.
    pub starved_seconds: f64,
    /// Seconds waiting for someone to take the output.
    pub blocked_seconds: f64,
}

/// Share of the time of all cores from which on it is they that a job waits for.
const SATURATED: f64 = 0.85;

/// The time that a job had, and what it took of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    /// Seconds of the clock.
    pub(crate) wall: f64,
    /// Seconds of processors, as in [`Report::cpu_seconds`].
    pub(crate) cpu: Option<f64>,
    /// Cores of the machine.
    pub(crate) cores: usize,
}

/// Names what kept the job from being faster: its cores, if they were hardly ever idle, else the stage whose threads were at
/// work for the greatest share of the time.
pub(crate) fn bottleneck(stages: &[StageReport], spent: Spent) -> String {
    let Spent { wall, cpu, cores } = spent;
    let at_work = cpu.map(|cpu| cpu / (wall * cores as f64).max(f64::MIN_POSITIVE));
    match (cpu, at_work) {
        (Some(cpu), Some(share)) if share >= SATURATED => by_cores(stages, cpu, share, cores),
        _ => by_stage(stages, wall),
    }
}

/// Tells what the cores were busy with.
fn by_cores(stages: &[StageReport], cpu: f64, share: f64, cores: usize) -> String {
    let of = |kind: &str| {
        let those = stages.iter().filter(|stage| stage.name.split(' ').next() == Some(kind));
        those.filter_map(|stage| stage.cpu_seconds).sum::<f64>()
    };
    let [decode, scale, mux] = ["decode", "scale", "mux"].map(of);
    // Encoders have threads of their own: theirs is what is nobody else's.
    let encode = (cpu - decode - scale - mux).max(0.0);
    let mut parts = [("encoding", encode), ("decoding", decode), ("scaling", scale), ("muxing", mux)];
    parts.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let parts = parts.map(|(what, seconds)| format!("{:.0}% of it {what}", seconds / cpu * 100.0));
    let (share, plural) = ((share * 100.0).min(100.0), if cores == 1 { "core was" } else { "cores were" });
    format!("The bottleneck: {cores} {plural} at work {share:.0}% of the time, {}.", parts[..3].join(", "))
}

fn by_stage(stages: &[StageReport], wall: f64) -> String {
    let share = |stage: &StageReport| stage.busy_seconds / stage.threads as f64 / wall.max(f64::MIN_POSITIVE) * 100.0;
    let mut by_share: Vec<_> = stages.iter().map(|stage| (stage.name.as_str(), share(stage))).collect();
    by_share.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let mut parts = by_share.iter().map(|(name, share)| format!("{name} was at work {share:.0}% of the time"));
    match (parts.next(), parts.next()) {
        (Some(first), Some(second)) => format!("The bottleneck: {first}, then {second}."),
        (Some(first), None) => format!("The bottleneck: {first}."),
        _ => String::new(),
    }
}

impl StageReport {
    /// Adds the threads of another of the same name.
    pub(crate) fn add(&mut self, other: &Self) {
        self.threads += other.threads;
        self.cpu_seconds = self.cpu_seconds.zip(other.cpu_seconds).map(|(one, other)| one + other);
        self.busy_seconds += other.busy_seconds;
        self.starved_seconds += other.starved_seconds;
        self.blocked_seconds += other.blocked_seconds;
    }
}

/// What went through the queues of one name.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct QueueReport {
    /// The stages that it joins, for instance `decode > scale`.
    pub name: String,
    /// How many there are of this name, one for each lane.
    pub queues: usize,
    /// How many items each holds.
    pub capacity: usize,
    /// How many items went through all of them.
    pub items: u64,
    /// The most items that were in one.
    pub max_depth: usize,
    /// Items in one after each was put in, on average.
    pub mean_depth: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str, threads: usize, cpu_seconds: f64, busy_seconds: f64) -> StageReport {
        StageReport {
            name: name.to_owned(),
            threads,
            cpu_seconds: Some(cpu_seconds),
            busy_seconds,
            starved_seconds: 0.0,
            blocked_seconds: 0.0,
        }
    }

    #[test]
    fn the_bottleneck_is_who_works_most_of_its_time() {
        let stages =
            [stage("decode", 1, 4.0, 4.0), stage("encode 1080x1920", 3, 27.0, 27.0), stage("scale", 3, 6.0, 6.0)];
        let sentence =
            "The bottleneck: encode 1080x1920 was at work 90% of the time, then decode was at work 40% of the time.";
        assert_eq!(bottleneck(&stages, Spent { wall: 10.0, cpu: Some(37.0), cores: 16 }), sentence);
        assert_eq!(bottleneck(&stages, Spent { wall: 10.0, cpu: None, cores: 1 }), sentence);
    }

    #[test]
    fn cores_that_are_never_idle_are_the_bottleneck() {
        // The threads of a library work while those of the stage wait for them.
        let stages = [
            stage("decode", 1, 2.0, 9.0),
            stage("scale", 1, 1.0, 5.0),
            stage("encode 720x1280", 1, 0.5, 6.0),
            stage("mux 720x1280", 1, 0.0, 0.1),
        ];
        assert_eq!(
            bottleneck(&stages, Spent { wall: 10.0, cpu: Some(19.0), cores: 2 }),
            "The bottleneck: 2 cores were at work 95% of the time, 84% of it encoding, 11% of it decoding, 5% of it scaling."
        );
    }
}
