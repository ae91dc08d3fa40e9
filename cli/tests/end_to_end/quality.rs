//! Qualities of segments: rendered as a plan has them, chosen by a judge that is made up, and lowered where a limit asks for it.

use crate::support::{Desk, QUICK, assert_refused, ffmpeg, upright};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Eight seconds: four in which little moves, and four of noise.
fn film(desk: &Desk) -> PathBuf {
    let path = desk.path().join("film.mp4");
    let graph = "testsrc2=s=320x180:r=25:d=4[calm];\
                 mandelbrot=s=320x180:r=25,trim=duration=4,setpts=PTS-STARTPTS,noise=alls=60:allf=t:all_seed=7[noise];\
                 [calm][noise]concat,format=yuv420p";
    let output = path.to_str().unwrap();
    ffmpeg(&["-filter_complex", graph, "-c:v", "libx264", "-preset", "ultrafast", "-qp", "10", output]);
    path
}

/// A plan of it, with segments of two seconds, as `edit` leaves it.
fn plan(desk: &Desk, film: &Path, edit: impl FnOnce(&mut Value)) -> PathBuf {
    let path = desk.path().join("film.plan.json");
    let output = upright("plan").arg(film).args(QUICK).args(["--crop", "center"]).output().unwrap();
    let mut plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    edit(&mut plan);
    std::fs::write(&path, plan.to_string()).unwrap();
    path
}

/// Renders a plan, and gives its rendition.
fn rendered(plan: &Path, out: &Path) -> PathBuf {
    let output = upright("render").arg(plan).arg("-o").arg(out).args(["--device", "cpu"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    out.join("film/90x160.mp4")
}

/// `base_q_idx` of every key frame, as libavcodec's reader of AV1 prints it.
fn quantisers(rendition: &Path) -> Vec<u32> {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "verbose", "-i"]).arg(rendition);
    command.args(["-map", "0:v", "-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-"]);
    let log = String::from_utf8_lossy(&command.output().unwrap().stderr).into_owned();
    let packets = log.split("Packet: ").skip(1).filter(|packet| packet.contains("key frame"));
    let field = |packet: &str| {
        let line = packet.lines().find(|line| line.contains(" base_q_idx "))?;
        line.rsplit('=').next()?.trim().parse().ok()
    };
    packets.filter_map(field).collect()
}

/// Bits a second in every window of six seconds that begins with a frame and is whole, by the packets that ffprobe lists.
fn windows(rendition: &Path) -> Vec<f64> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time,size", "-of", "csv=p=0"]);
    let listed = String::from_utf8(command.arg(rendition).output().unwrap().stdout).unwrap();
    let number = |field: &str| field.parse::<f64>().unwrap();
    let packets: Vec<_> = listed
        .lines()
        .map(|line| line.trim_end_matches(',').split_once(',').unwrap())
        .map(|(pts, size)| (number(pts), number(size) * 8.0))
        .collect();
    let end = packets.last().unwrap().0 + 0.04;
    let begins = packets.iter().map(|packet| packet.0).filter(|begin| begin + 6.0 <= end + 1e-6);
    begins
        .map(|begin| {
            let within = packets.iter().filter(|(pts, _)| *pts >= begin && *pts < begin + 6.0 - 1e-6);
            within.map(|(_, bits)| bits).sum::<f64>() / 6.0
        })
        .collect()
}

#[test]
fn segments_have_the_qualities_of_the_plan() {
    let desk = Desk::new();
    let film = film(&desk);
    let with = |name: &str, qualities: [u8; 4]| {
        let rates = json!([{ "target_vmaf": null, "max_bitrate": null, "qualities": qualities }]);
        let plan = plan(&desk, &film, |plan| plan["wanted"]["rates"] = rates);
        quantisers(&rendered(&plan, &desk.path().join(name)))
    };
    let [worse, better] = [with("worse", [30; 4]), with("better", [80; 4])];
    assert!(
        worse.len() == 4 && worse.iter().zip(&better).all(|(worse, better)| worse > better),
        "{worse:?} {better:?}"
    );
    assert_eq!(with("mixed", [30, 80, 80, 30]), [worse[0], better[1], better[2], worse[3]]);
    let wrong = plan(&desk, &film, |plan| {
        plan["wanted"]["rates"] = json!([{ "target_vmaf": 93, "max_bitrate": null, "qualities": [60] }]);
    });
    let output = upright("render").arg(wrong).arg("-o").arg(desk.out()).output().unwrap();
    assert_refused(&output, 65, &["line 1", "qualities of 1 segments: 4 are listed in the plan"]);
}

#[test]
fn a_limit_of_bits_holds_in_every_window_or_nothing_is_made() {
    let desk = Desk::new();
    let film = film(&desk);
    let free = desk.converted(&film, QUICK);
    let (highest, limit) = (windows(&free.rendition()).into_iter().fold(0.0, f64::max), 200e3);
    let told = free.report["renditions"][0]["peak_bitrate"].as_f64().unwrap();
    assert!((told - highest).abs() < 1.0 && highest > 1.2 * limit, "{told} {highest}");
    let options = [QUICK, &["--max-bitrate", "200k", "--overwrite"]].concat();
    let limited = desk.converted(&film, &options);
    let held = windows(&limited.rendition());
    assert!(held.iter().all(|&rate| rate <= limit), "{held:?}");
    let report = &limited.report["renditions"][0];
    let lowered: Vec<_> =
        report["lowered"].as_array().unwrap().iter().map(|it| it["segment"].as_u64().unwrap()).collect();
    // What is calm stays as it was.
    assert_eq!(lowered, [2, 3]);
    assert!(report["peak_bitrate"].as_f64().unwrap() <= limit, "{report}");
    assert!(limited.stderr.contains("so that no 6 s have more than 200 kb/s"));
    std::fs::remove_dir_all(desk.out()).unwrap();
    let refused = desk.convert(&film, &[QUICK, &["--max-bitrate", "1k"]].concat()).output().unwrap();
    assert_refused(&refused, 2, &["max bitrate 1 kb/s: 90x160.mp4 has", "at the lowest quality"]);
    assert!(desk.leftovers().is_empty());
}

/// Writes a program that is taken for an `ffmpeg` with libvmaf, and runs this when it is to judge the IVF file `$ivf`.
#[cfg(unix)]
fn judge(desk: &Desk, judges: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = desk.path().join("judge");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n*-filters*) echo ' .. libvmaf VV->V  Calculates VMAF' ;;\n*-version*) echo 'ffmpeg version 9' ;;\n\
         *)\nfor word; do case $word in *.ivf) ivf=$word ;; esac; done\n{judges}\n;;\nesac\n"
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[cfg(unix)]
#[test]
fn qualities_are_chosen_by_what_the_judge_says_and_rendered_without_it() {
    let desk = Desk::new();
    let film = film(&desk);
    // Whatever is larger is better, up to a point that the calm half does not need.
    let by_size = "size=$(wc -c <\"$ivf\"); echo \"VMAF score: $((100 - 200000 / (2000 + size)))\" >&2";
    let judge = judge(&desk, by_size);
    let plan = desk.path().join("film.plan.json");
    let mut command = upright("plan");
    command.arg(&film).arg("-o").arg(&plan).args(["--ladder", "90x160,54x96", "--speed", "10", "--crop", "center"]);
    command.args(["--target-vmaf", "90x160=85", "--progress", "json"]).env("UPRIGHT_FFMPEG", &judge);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"phase\":\"quality\""));
    let made: Value = serde_json::from_slice(&std::fs::read(&plan).unwrap()).unwrap();
    let (wanted, rates) = (&made["wanted"], &made["wanted"]["rates"]);
    let segments = wanted["segments"]["list"].as_array().unwrap();
    let qualities: Vec<_> = rates[0]["qualities"].as_array().unwrap().iter().map(|it| it.as_u64().unwrap()).collect();
    assert_eq!((rates[0]["target_vmaf"].as_f64(), qualities.len()), (Some(85.0), segments.len()));
    // The film is cut where the noise begins, and each half has a quality of its own.
    assert!(segments.iter().any(|segment| segment["start"] == "4/1"), "{segments:?}");
    assert_ne!(qualities.first(), qualities.last());
    // Nothing was said of the other size.
    assert_eq!(rates[1], json!({ "target_vmaf": null, "max_bitrate": null, "qualities": [] }));
    rendered(&plan, &desk.out());
}

#[cfg(unix)]
#[test]
fn a_judge_that_is_missing_or_fails_is_said() {
    let desk = Desk::new();
    let film = film(&desk);
    let planned = |judge: Option<&Path>| {
        let mut command = upright("plan");
        command.arg(&film).args(QUICK).args(["--crop", "center", "--target-vmaf", "90"]);
        command.env_remove("UPRIGHT_FFMPEG").env("PATH", desk.path().join("nothing"));
        command.envs(judge.map(|judge| ("UPRIGHT_FFMPEG", judge))).output().unwrap()
    };
    let missing = planned(None);
    assert_refused(
        &missing,
        69,
        &["VMAF cannot be measured: there is no program ffmpeg", "imageio-ffmpeg", "UPRIGHT_FFMPEG"],
    );
    let fails = judge(&desk, "echo 'no such model' >&2; exit 3");
    let failed = planned(Some(&fails));
    assert_refused(&failed, 70, &["gives no VMAF", "no such model"]);
}
