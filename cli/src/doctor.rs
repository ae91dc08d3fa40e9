//! `upright doctor`: the devices and encoders of this machine, what is missing and how to get it.

use crate::exit::Exit;
use crate::{args, output};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use upright_engine::Result;
use upright_engine::encode::pipe::{Program, programs};
use upright_engine::encode::{AvailableEncoder, EncoderKind, LibavEncoder, available, fastest};
use upright_engine::judge::Judge;
use upright_engine::machine::Machine;
use upright_engine::media::{Libav, libav};
use upright_engine::picture::{DeviceInfo, adapters};
use upright_engine::plan::PlanOptions;
use upright_engine::versions::versions;

/// Version of the JSON form.
const VERSION: u32 = 1;

/// What to do where no GPU is found.
const GPU_REMEDY: &str = if cfg!(feature = "gpu") {
    "the CPU scales instead; where there is a GPU, install its Vulkan driver (Debian: mesa-vulkan-drivers, or \
     nvidia-driver) and libvulkan1"
} else {
    "the CPU scales instead; this program was built without GPU support (the feature gpu)"
};

/// Devices, libraries and encoders of this machine, and what it lacks.
#[derive(Debug, Serialize, JsonSchema)]
struct Examination {
    versions: BTreeMap<String, String>,
    machine: Machine,
    devices: Vec<DeviceInfo>,
    libav: Libav,
    encoders: Vec<AvailableEncoder>,
    /// Programs that `pipe:` profiles call; those that are not there have no path.
    programs: Vec<Program>,
    /// What measures VMAF, for `--target-vmaf`; none where there is no such program.
    judge: Option<Judge>,
    findings: Vec<Finding>,
}

/// Something that is missing.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
struct Finding {
    what: String,
    /// Nothing can be converted without it.
    required: bool,
    remedy: &'static str,
}

/// Prints an examination of this machine. Ends with [`Exit::Unavailable`] when something is missing without which nothing
/// can be converted.
///
/// # Errors
/// [`upright_engine::Error::Io`] when it cannot be printed.
pub(crate) fn doctor(arguments: &args::DoctorArguments) -> Result<Exit> {
    let examination = Examination::of_this_machine();
    if arguments.json {
        output::print_json(VERSION, &examination)?;
    } else {
        output::print(&examination.table())?;
    }
    Ok(examination.exit())
}

impl Examination {
    fn of_this_machine() -> Self {
        let mut examination = Self {
            versions: versions(),
            machine: Machine::here(),
            devices: adapters(),
            libav: libav(),
            encoders: available(),
            programs: programs(),
            judge: Judge::find().ok(),
            findings: Vec::new(),
        };
        examination.findings = examination.find();
        examination
    }

    fn find(&self) -> Vec<Finding> {
        let Self { devices, libav, encoders, .. } = self;
        let mut findings = Vec::new();
        for name in &libav.mismatched {
            findings.push(Finding {
                what: format!("{name} of the version that this program was built with"),
                required: true,
                remedy: "build upright again on this machine",
            });
        }
        for name in &libav.missing {
            findings.push(Finding {
                what: format!("{name} of libav"),
                required: true,
                remedy: "install a complete FFmpeg (Debian: apt-get install libavcodec59 libavformat59)",
            });
        }
        for name in &libav.missing_decoders {
            findings.push(Finding {
                what: format!("{name} decoder"),
                required: false,
                remedy: "install a complete FFmpeg (Debian: apt-get install libavcodec59)",
            });
        }
        if encoders.iter().all(|found| found.hardware || found.encoder == EncoderKind::Rav1e) {
            findings.push(Finding {
                what: "libsvtav1".to_owned(),
                required: false,
                remedy: "it is several times as fast as rav1e; install an FFmpeg configured with --enable-libsvtav1 \
                     (Debian: apt-get install libavcodec59)",
            });
        }
        if !self.has_new_svtav1() {
            findings.push(Finding {
            what: self.versions.get("svtav1").map_or_else(
                || "a newer SVT-AV1".to_owned(),
                |version| format!("a newer SVT-AV1 than {version}"),
            ),
            required: false,
            remedy: "4.2 made 2.4 times as many frames as 1.4 on 16 cores (1,440 frames, four rungs: 15.4 s in place of \
                     36.7); for --encoder pipe:ffmpeg PyPI brings one: python3 -m pip install imageio-ffmpeg, in a \
                     virtual environment, or else with --user --break-system-packages",
        });
        }
        if self.judge.is_none() {
            findings.push(Finding {
                what: "ffmpeg with libvmaf".to_owned(),
                required: false,
                remedy: "--target-vmaf measures VMAF with it; PyPI brings one: python3 -m pip install imageio-ffmpeg, or name one in \
                         UPRIGHT_FFMPEG",
            });
        }
        if !devices.iter().any(|device| device.kind == "gpu") {
            findings.push(Finding { what: "GPU".to_owned(), required: false, remedy: GPU_REMEDY });
        }
        findings
    }

    /// Looks for an SVT-AV1 of version 2 or newer among the encoders, linked or outside the process.
    fn has_new_svtav1(&self) -> bool {
        let by_pipe = self.programs.iter().filter_map(|program| program.svtav1.as_ref());
        self.versions.get("svtav1").into_iter().chain(by_pipe).any(|version| is_new(version))
    }

    fn exit(&self) -> Exit {
        if self.findings.iter().any(|finding| finding.required) { Exit::Unavailable } else { Exit::Success }
    }

    fn table(&self) -> String {
        let mut rows: Vec<(&str, String)> = Vec::new();
        let version = |name: &str| self.versions.get(name).map_or("unknown", String::as_str);
        rows.push(("upright", version("upright").to_owned()));
        let Machine { processor, architecture, simd, cores, .. } = &self.machine;
        rows.push(("processor", format!("{processor}; {architecture}, {simd}, {cores} cores")));
        for device in &self.devices {
            rows.push(("device", format!("{} ({}; {})", device.name, device.kind, device.detail)));
        }
        rows.push(("FFmpeg", format!("{} under {}", version("ffmpeg"), self.libav.licence)));
        for name in ["libavcodec", "libavformat", "libavutil", "libswresample", "libswscale"] {
            rows.push(("", format!("{name} {}", version(name))));
        }
        let (auto, linked) = (fastest(&[], PlanOptions::default().speed), version("svtav1"));
        for (index, AvailableEncoder { encoder, hardware }) in self.encoders.iter().enumerate() {
            let place = match encoder {
                EncoderKind::Rav1e => format!("{}, built in", version("rav1e")),
                EncoderKind::Libav(LibavEncoder::SvtAv1) => format!("in FFmpeg, SVT-AV1 {linked}"),
                _ if *hardware => "in FFmpeg, hardware".to_owned(),
                _ => "in FFmpeg".to_owned(),
            };
            let note = if *encoder == auto { "; what auto takes" } else { "" };
            rows.push((if index == 0 { "AV1 encoder" } else { "" }, format!("{encoder} ({place}{note})")));
        }
        for Program { profile, path, version, svtav1, .. } in &self.programs {
            if let Some(path) = path {
                let version = version.as_deref().unwrap_or("of unknown version");
                let svtav1 = match svtav1 {
                    Some(new) if is_new(new) && !is_new(linked) => {
                        format!("; SVT-AV1 {new}, much faster than {linked}")
                    }
                    Some(svtav1) if version.contains(svtav1) => String::new(),
                    Some(svtav1) => format!("; SVT-AV1 {svtav1}"),
                    None => "; no SVT-AV1".to_owned(),
                };
                rows.push(("", format!("pipe:{profile} ({}: {version}{svtav1})", path.display())));
            }
        }
        if let Some(Judge { path, version }) = &self.judge {
            rows.push(("VMAF", format!("{} ({version})", path.display())));
        }
        for finding in &self.findings {
            let weight = if finding.required { "missing" } else { "could have" };
            rows.push((weight, format!("{}: {}", finding.what, finding.remedy)));
        }
        if self.findings.is_empty() {
            rows.push(("missing", "nothing".to_owned()));
        }
        let mut table = String::new();
        for (name, value) in rows {
            // Writing to a string cannot fail.
            let _ = writeln!(table, "{name:<12} {value}");
        }
        table
    }
}

/// Compares a version of SVT-AV1 with 2: true for that or a newer one.
fn is_new(version: &str) -> bool {
    version.split('.').next().and_then(|major| major.parse::<u32>().ok()) >= Some(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::assert_kept;
    use crate::output::Versioned;

    #[test]
    fn the_committed_schema_is_that_of_the_type() {
        assert_kept::<Versioned<Examination>>("doctor", "What `upright doctor --json` prints");
    }

    fn device(kind: &'static str) -> DeviceInfo {
        DeviceInfo { name: "some".to_owned(), kind, detail: "driver".to_owned() }
    }

    fn whole() -> Libav {
        Libav { mismatched: Vec::new(), missing: Vec::new(), missing_decoders: Vec::new(), ..libav() }
    }

    /// This machine with these devices, this libav, and SVT-AV1 of this version by pipe.
    fn examined(devices: Vec<DeviceInfo>, libav: Libav, svtav1: &str) -> Examination {
        let judge = Judge { path: "/usr/bin/ffmpeg".into(), version: "ffmpeg version 9".to_owned() };
        let judge = Some(judge);
        let mut examination = Examination { devices, libav, judge, ..Examination::of_this_machine() };
        examination.versions.insert("svtav1".to_owned(), "1.4.1".to_owned());
        examination.programs.iter_mut().for_each(|program| program.svtav1 = Some(svtav1.to_owned()));
        examination.findings = examination.find();
        examination
    }

    fn names(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| &finding.what[..]).collect()
    }

    #[test]
    fn a_machine_without_a_gpu_can_convert() {
        let examination = examined(vec![device("cpu"), device("software gpu")], whole(), "4.2.0");
        assert_eq!(examination.exit(), Exit::Success);
        assert!(examination.table().contains("could have   GPU: the CPU scales instead"), "{}", examination.table());
    }

    #[test]
    fn a_whole_machine_lacks_nothing() {
        let examination = examined(vec![device("cpu"), device("gpu")], whole(), "4.2.0");
        assert_eq!(examination.findings, []);
        assert!(examination.table().contains("missing      nothing"));
        assert!(examination.table().contains("device       some (gpu; driver)"));
    }

    #[test]
    #[cfg(feature = "rav1e")]
    fn encoders_are_listed_and_the_faster_is_missed() {
        let mut examination = examined(vec![device("gpu")], whole(), "4.2.0");
        let table = examination.table();
        assert!(
            table.contains("\nAV1 encoder  rav1e (0.8.1, built in") && table.contains("libsvtav1 (in FFmpeg"),
            "{table}"
        );
        assert_eq!(table.matches("what auto takes").count(), 1, "{table}");
        examination.encoders.truncate(1);
        assert_eq!(names(&examination.find()), ["libsvtav1"]);
    }

    #[test]
    fn an_old_svtav1_is_told_of_with_the_way_to_a_newer() {
        let mut examination = examined(vec![device("gpu")], whole(), "1.4.1");
        assert_eq!(names(&examination.findings), ["a newer SVT-AV1 than 1.4.1"]);
        assert!(examination.table().contains("pip install imageio-ffmpeg"), "{}", examination.table());
        assert!(examination.table().contains("(in FFmpeg, SVT-AV1 1.4.1"), "{}", examination.table());
        assert_eq!(examination.exit(), Exit::Success);
        examination.versions.remove("svtav1");
        assert_eq!(names(&examination.find()), ["a newer SVT-AV1"]);
        let newer = examined(vec![device("gpu")], whole(), "4.2.0").table();
        assert!(newer.contains("; SVT-AV1 4.2.0, much faster than 1.4.1)"), "{newer}");
        for linked in ["2.0.0", "10.1"] {
            examination.versions.insert("svtav1".to_owned(), linked.to_owned());
            assert_eq!(examination.find(), []);
        }
    }

    #[test]
    fn what_measures_vmaf_is_shown_or_missed() {
        let mut examination = examined(vec![device("gpu")], whole(), "4.2.0");
        assert!(examination.table().contains("\nVMAF         /usr/bin/ffmpeg (ffmpeg version 9)"));
        examination.judge = None;
        examination.findings = examination.find();
        assert_eq!(names(&examination.findings), ["ffmpeg with libvmaf"]);
        assert_eq!(examination.exit(), Exit::Success);
    }

    #[test]
    fn what_is_required_and_missing_is_a_failure() {
        for libav in
            [Libav { missing: vec!["the MP4 muxer"], ..whole() }, Libav { mismatched: vec!["libavutil"], ..whole() }]
        {
            let examination = examined(vec![device("gpu")], libav, "4.2.0");
            assert_eq!(examination.exit(), Exit::Unavailable);
            assert!(examination.table().contains("\nmissing      "), "{}", examination.table());
        }
    }
}
