//! `upright doctor`: what this machine offers, what is missing and how to get it.

use crate::exit::Exit;
use crate::{args, output};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use upright_engine::Result;
use upright_engine::machine::Machine;
use upright_engine::media::{Libav, libav};
use upright_engine::scale::{DeviceInfo, adapters};
use upright_engine::versions::versions;

/// What this machine offers.
#[derive(Debug, Serialize)]
struct Examination {
    versions: BTreeMap<String, String>,
    machine: Machine,
    devices: Vec<DeviceInfo>,
    libav: Libav,
    findings: Vec<Finding>,
}

/// Something that is missing.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    what: String,
    /// Nothing can be converted without it.
    required: bool,
    remedy: &'static str,
}

/// Prints what this machine offers. Ends with [`Exit::Unavailable`] when something is missing without which nothing
/// can be converted.
///
/// # Errors
/// [`upright_engine::Error::Io`] when it cannot be printed.
pub(crate) fn doctor(arguments: &args::Doctor) -> Result<Exit> {
    let examination = Examination::of_this_machine();
    if arguments.json {
        output::print_json(&examination)?;
    } else {
        output::print(&examination.table())?;
    }
    Ok(examination.exit())
}

impl Examination {
    fn of_this_machine() -> Self {
        let devices = adapters();
        let libav = libav();
        Self { versions: versions(), machine: Machine::here(), findings: findings(&devices, &libav), devices, libav }
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
        rows.push(("AV1 encoder", format!("rav1e {} (built in)", version("rav1e"))));
        for encoder in &self.libav.av1_encoders {
            let place = if encoder.hardware { "in FFmpeg, hardware" } else { "in FFmpeg" };
            rows.push(("", format!("{} ({place})", encoder.name)));
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

fn findings(devices: &[DeviceInfo], libav: &Libav) -> Vec<Finding> {
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
    if !devices.iter().any(|device| device.kind == "gpu") {
        findings.push(Finding {
            what: "GPU".to_owned(),
            required: false,
            remedy: "the CPU scales instead; where there is a GPU, install its Vulkan driver \
                     (Debian: mesa-vulkan-drivers, or nvidia-driver) and libvulkan1",
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(kind: &'static str) -> DeviceInfo {
        DeviceInfo { name: "some".to_owned(), kind, detail: "driver".to_owned() }
    }

    fn whole() -> Libav {
        Libav { mismatched: Vec::new(), missing: Vec::new(), missing_decoders: Vec::new(), ..libav() }
    }

    fn examined(devices: Vec<DeviceInfo>, libav: Libav) -> Examination {
        let findings = findings(&devices, &libav);
        Examination { devices, libav, findings, ..Examination::of_this_machine() }
    }

    #[test]
    fn a_machine_without_a_gpu_can_convert() {
        let examination = examined(vec![device("cpu"), device("software gpu")], whole());
        assert_eq!(examination.exit(), Exit::Success);
        assert!(examination.table().contains("could have   GPU: the CPU scales instead"), "{}", examination.table());
    }

    #[test]
    fn a_whole_machine_lacks_nothing() {
        let examination = examined(vec![device("cpu"), device("gpu")], whole());
        assert_eq!(examination.findings, []);
        assert!(examination.table().contains("missing      nothing"));
        assert!(examination.table().contains("device       some (gpu; driver)"));
    }

    #[test]
    fn what_is_required_and_missing_is_a_failure() {
        for libav in
            [Libav { missing: vec!["the MP4 muxer"], ..whole() }, Libav { mismatched: vec!["libavutil"], ..whole() }]
        {
            let examination = examined(vec![device("gpu")], libav);
            assert_eq!(examination.exit(), Exit::Unavailable);
            assert!(examination.table().contains("\nmissing      "), "{}", examination.table());
        }
    }
}
