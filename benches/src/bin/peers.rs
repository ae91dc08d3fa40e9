//! Compares upright with its peers on this machine and writes what came of it: JSON and a plot. See `make bench`.

use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};
use upright_benches::Result;
use upright_benches::command::Command;
use upright_benches::contest::clip::Clip;
use upright_benches::contest::figures::{Figure, figures, names, table};
use upright_benches::contest::floor;
use upright_benches::contest::judge::judge;
use upright_benches::contest::peers::{Job, Programs, Settings};
use upright_benches::contest::{Contest, Pace, Scaling, plot};
use upright_benches::scale::filter::{Bench, Library};
use upright_benches::scale::{LADDER, core_seconds};
use upright_engine::encode::{EncoderChoice, EncoderKind};
use upright_engine::machine::Machine;
use upright_engine::plan::PlanOptions;
use upright_engine::versions::versions;

/// How often scalers are measured in a round.
const SCALING_PASSES: u32 = 5;

/// Compares upright with its peers on this machine.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Run everyone in turn, and write RESULTS/MACHINE.json and RESULTS/MACHINE.svg
    Run(Run),
    /// Decode, then encode from memory, in this process, and print the seconds of processors as JSON
    Floor(FloorPart),
}

#[derive(Args, Debug)]
struct Run {
    /// The film, in landscape
    #[arg(long)]
    clip: PathBuf,
    /// Where the window's centre is wanted, as a fraction of the width
    #[arg(long, default_value_t = 0.36)]
    crop: f64,
    /// Seconds of film [default: 2 for every core, at least 4]
    #[arg(long)]
    seconds: Option<u32>,
    /// How often everyone runs; what takes seconds alone runs three times as often
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Only these parts: scale, libsvtav1, pipe, rav1e, rav1e-top, cores, length
    #[arg(long, value_delimiter = ',', default_value = "scale,libsvtav1,pipe,rav1e,rav1e-top,cores,length")]
    #[arg(value_parser = ["scale", "libsvtav1", "pipe", "rav1e", "rav1e-top", "cores", "length"])]
    only: Vec<String>,
    /// Speed of rav1e. At 10 upright also turns off rav1e's segmentation, which the others cannot be told
    #[arg(long, default_value_t = 9)]
    speed: u8,
    /// Quality of rav1e on upright's scale
    #[arg(long, default_value_t = 55)]
    quality: u8,
    /// Preset of SVT-AV1
    #[arg(long, default_value_t = 10)]
    preset: u8,
    /// Constant rate factor of SVT-AV1
    #[arg(long, default_value_t = 35)]
    crf: u8,
    /// The program upright [default: the one beside this]
    #[arg(long)]
    upright: Option<PathBuf>,
    /// The system's FFmpeg
    #[arg(long, default_value = "ffmpeg")]
    ffmpeg: PathBuf,
    /// The newest FFmpeg, with libvmaf
    #[arg(long, default_value = "target/peers/bin/ffmpeg")]
    newest: PathBuf,
    /// rav1e's own command
    #[arg(long, default_value = "target/peers/bin/rav1e")]
    rav1e: PathBuf,
    /// Folder of the results
    #[arg(long, default_value = "benches/results")]
    results: PathBuf,
}

#[derive(Args, Debug)]
struct FloorPart {
    #[arg(long)]
    clip: PathBuf,
    #[arg(long)]
    crop: String,
    #[arg(long)]
    encoder: EncoderKind,
    #[arg(long)]
    speed: u8,
    #[arg(long)]
    quality: u8,
    #[arg(long)]
    encoder_options: Vec<String>,
}

/// What is written.
#[derive(Debug, Serialize)]
struct Results<'a> {
    version: u32,
    machine: &'a Machine,
    versions: BTreeMap<String, String>,
    programs: &'a Programs,
    clip: &'a Clip,
    settings: Settings,
    rounds: u32,
    figures: &'a [Figure],
    #[serde(flatten)]
    contest: &'a Contest,
}

fn main() -> Result<()> {
    match Arguments::parse().part {
        Part::Run(run) => run.run(),
        Part::Floor(part) => part.run(),
    }
}

impl FloorPart {
    fn run(self) -> Result<()> {
        let pair = |text: &String| text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        let encoder_options = self.encoder_options.iter().filter_map(pair).collect();
        let Self { clip, crop, encoder, speed, quality, .. } = self;
        let options = PlanOptions::default()
            .encoder(EncoderChoice::Named(encoder))
            .encoder_options(encoder_options)
            .speed(speed)
            .quality(quality);
        println!("{}", serde_json::to_string(&floor::measure(&clip, &crop, options)?)?);
        Ok(())
    }
}

impl Run {
    fn run(self) -> Result<()> {
        let machine = Machine::here();
        let folder = tempfile::tempdir()?;
        let beside = env::current_exe()?.with_file_name("upright");
        let programs = Programs {
            upright: self.upright.clone().unwrap_or(beside),
            ffmpeg: self.ffmpeg.clone(),
            newest: self.newest.clone(),
            rav1e: self.rav1e.clone(),
        };
        let seconds = self.seconds.unwrap_or_else(|| u32::try_from(2 * machine.cores).unwrap_or(4).max(4));
        let path = folder.path().join("clip.mp4");
        let clip = Clip::make(&Command::new(&programs.ffmpeg), &self.clip, seconds, self.crop, &path)?;
        let Self { speed, quality, preset, crf, .. } = self;
        let settings = Settings { rav1e_speed: speed, quality, svt_preset: preset, svt_crf: crf };
        let job = Job { programs: &programs, clip: &clip, settings, folder: folder.path() };

        let mut contest = self.contest(&job, &machine)?;
        for round in 1..=self.rounds {
            self.round(round, &job, &mut contest)?;
        }
        let figures = figures(&contest, machine.cores);
        print!("{}", table(&figures));
        let versions = self.versions(&programs)?;
        let results = Results {
            version: 1,
            machine: &machine,
            versions,
            programs: &programs,
            clip: &clip,
            settings,
            rounds: self.rounds,
            figures: &figures,
            contest: &contest,
        };
        // Where things lay is nobody's business: commands are written as from the project's folder.
        let text = serde_json::to_string_pretty(&results)? + "\n";
        let text = text.replace(&folder.path().display().to_string(), "TMP");
        let text = text.replace(&format!("{}/", env::current_dir()?.display()), "");
        self.write(&machine, &text, &figures)
    }

    /// Writes JSON and plot under the machine's name.
    fn write(&self, machine: &Machine, json: &str, figures: &[Figure]) -> Result<()> {
        let title = format!("{}, {} cores", machine.processor, machine.cores);
        let words = title.replace("(R)", "").replace("(TM)", "").to_lowercase();
        let words = words.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        fs::create_dir_all(&self.results)?;
        let path = self.results.join(words.collect::<Vec<_>>().join("-"));
        fs::write(path.with_extension("json"), json)?;
        fs::write(path.with_extension("svg"), plot::svg(&title, figures))?;
        println!("{}", path.with_extension("{json,svg}").display());
        Ok(())
    }

    fn has(&self, part: &str) -> bool {
        self.only.iter().any(|only| only == part)
    }

    /// Who takes part.
    fn contest(&self, job: &Job<'_>, machine: &Machine) -> Result<Contest> {
        let mut contest = Contest::default();
        let Programs { ffmpeg, newest, .. } = job.programs;
        let four = LADDER.len();
        if self.has("scale") {
            let names = [names::OURS_SCALER].into_iter().chain(Library::ALL.map(Library::name));
            contest.scaling = names.map(|name| Scaling { name, top: Vec::new(), ladder: Vec::new() }).collect();
        }
        if self.has("libsvtav1") {
            contest.contenders.push(job.upright(names::OURS_SVT, "libsvtav1", four));
            contest.contenders.push(job.ffmpeg(names::FFMPEG_SVT, ffmpeg, "libsvtav1"));
            contest.floors.push(job.floor("libsvtav1", names::OURS_SVT)?);
        }
        if self.has("pipe") {
            contest.contenders.push(job.upright(names::OURS_PIPE, "pipe:ffmpeg", four));
            contest.contenders.push(job.ffmpeg(names::NEWEST_SVT, newest, "libsvtav1"));
        }
        if self.has("rav1e") || self.has("cores") {
            contest.contenders.push(job.upright(names::OURS_RAV1E, "rav1e", four));
        }
        if self.has("rav1e") {
            contest.contenders.push(job.ffmpeg(names::NEWEST_RAV1E, newest, "librav1e"));
            contest.floors.push(job.floor("rav1e", names::OURS_RAV1E)?);
        }
        if self.has("rav1e-top") {
            let scaled = job.scaled()?;
            let tiles = job.best_tiles(&scaled)?;
            contest.contenders.push(job.upright(names::OURS_RAV1E_TOP, "rav1e", 1));
            contest.contenders.push(job.rav1e(names::RAV1E_TOP, &scaled, tiles, None));
        }
        if self.has("cores") && machine.cores > 1 {
            let mut contender = job.upright(names::OURS_ONE_CORE, "rav1e", four);
            contender.command = contender.command.on_cores(1);
            contest.contenders.push(contender);
        }
        if self.has("length") {
            contest.contenders.push(job.plain(names::OURS_TWO_MINUTES, 2 * 60)?);
            contest.contenders.push(job.plain(names::OURS_TWO_HOURS, 2 * 60 * 60)?);
        }
        Ok(contest)
    }

    /// Everyone in turn.
    fn round(&self, round: u32, job: &Job<'_>, contest: &mut Contest) -> Result<()> {
        let say = |name: &str| eprintln!("round {round} of {}: {name}", self.rounds);
        let bench = Bench::new(&Command::new(&job.programs.ffmpeg))?;
        // Short passes, many of them: what disturbs the machine for some seconds then disturbs all alike.
        let passes = if contest.scaling.is_empty() { 0 } else { SCALING_PASSES };
        for pass in 1..=passes {
            say(&format!("scaling, pass {pass} of {passes}"));
            for scaling in &mut contest.scaling {
                let seconds =
                    |rungs: usize| match Library::ALL.into_iter().find(|library| library.name() == scaling.name) {
                        Some(library) => bench.seconds(library, &LADDER[..rungs], 0),
                        None => Ok(core_seconds(rungs)?),
                    };
                scaling.top.push(seconds(1)?);
                scaling.ladder.push(seconds(LADDER.len())?);
            }
        }
        for turn in 1..=Pace::TURNS {
            for contender in contest.contenders.iter_mut().filter(|contender| contender.pace.runs(round, turn)) {
                say(contender.name);
                contender.run()?;
                if contender.verdicts.is_empty() {
                    let newest = Command::new(&job.programs.newest);
                    let verdicts = contender.renditions.iter().map(|rendition| judge(&newest, job.clip, rendition));
                    contender.verdicts = verdicts.collect::<Result<_>>()?;
                }
            }
            for floor in contest.floors.iter_mut().filter(|floor| Pace::of(floor.encoder).runs(round, turn)) {
                say(&format!("decoder and bare encoders, {}", floor.encoder));
                floor.run()?;
            }
        }
        Ok(())
    }

    fn versions(&self, programs: &Programs) -> Result<BTreeMap<String, String>> {
        let mut versions = versions();
        let mut first_line = |name: &str, program: &Path, argument: &str| -> Result<()> {
            let (_, said) = Command::new(program).args([argument]).output()?;
            versions.insert(name.to_owned(), said.lines().next().unwrap_or_default().to_owned());
            Ok(())
        };
        first_line("ffmpeg command", &programs.ffmpeg, "-version")?;
        first_line("newest ffmpeg command", &programs.newest, "-version")?;
        if self.has("rav1e-top") {
            first_line("rav1e command", &programs.rav1e, "--version")?;
        }
        Ok(versions)
    }
}
