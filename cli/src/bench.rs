//! `upright bench`: how fast this machine is, part by part and as a whole.

use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::{self, Messages};
use crate::{args, options, progress};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use upright_engine::control::Control;
use upright_engine::encode::EncoderKind;
use upright_engine::frame::Depth;
use upright_engine::geometry::{Rational, Size};
use upright_engine::machine::{Machine, cores};
use upright_engine::measure::{Bench, Throughput, footage};
use upright_engine::picture::DeviceInfo;
use upright_engine::source::{Input, Span};
use upright_engine::versions::versions;
use upright_engine::{Error, Result};

/// Version of the JSON form.
const VERSION: u32 = 1;

/// Bytes of scaled frames that wait for the encoders.
const MEMORY: usize = 1 << 30;

/// The measured rates, in the order of their JSON form. Rates are source frames a second.
#[derive(Debug, Serialize, JsonSchema)]
struct Measured {
    machine: Machine,
    versions: BTreeMap<String, String>,
    device: DeviceInfo,
    film: MeasuredFilm,
    job: MeasuredJob,
    decode: Rates,
    scale: Rates,
    encode: Rates,
    convert: Rates,
    /// Films like this one that are converted in the time that they last, at the median.
    real_time_streams: f64,
    /// The slowest part.
    bound_by: &'static str,
    /// The rate of the whole over that of the slowest part, both at the median.
    share_of_bound: f64,
}

/// The film that was measured with.
#[derive(Debug, Serialize, JsonSchema)]
struct MeasuredFilm {
    /// None for the one that was made for it.
    name: Option<String>,
    codec: String,
    size: Size,
    depth: Depth,
    frame_rate: Rational,
    frames: u64,
}

/// What was made of it.
#[derive(Debug, Serialize, JsonSchema)]
struct MeasuredJob {
    rungs: Vec<Size>,
    depth: Depth,
    encoder: EncoderKind,
    encoder_options: Vec<(String, String)>,
    speed: u8,
    quality: u8,
}

/// Rates of several runs, in their order.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(into = "RateSummary")]
struct Rates(Vec<f64>);

/// Rates of several runs, as they are written.
#[derive(Serialize, JsonSchema)]
struct RateSummary {
    /// Of an even number of runs the mean of the middle two.
    median: f64,
    least: f64,
    most: f64,
    /// All, in their order.
    runs: Vec<f64>,
}

impl Rates {
    fn add(&mut self, measured: Throughput) {
        self.0.push(measured.rate());
    }

    /// Gives the least, the median (of an even number the mean of the middle two) and the most; zeros for no runs.
    fn spread(&self) -> [f64; 3] {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let [Some(&least), Some(&most)] = [sorted.first(), sorted.last()] else { return [0.0; 3] };
        [least, f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]), most]
    }

    fn median(&self) -> f64 {
        self.spread()[1]
    }
}

impl From<Rates> for RateSummary {
    fn from(rates: Rates) -> Self {
        let [least, median, most] = rates.spread();
        Self { median, least, most, runs: rates.0 }
    }
}

/// Measures, and prints what came of it.
///
/// # Errors
/// The engine's; [`Error::InvalidOption`] for an input that can be read only once.
pub(crate) fn bench(arguments: args::BenchArguments, quiet: bool, messages: &Messages) -> Result<Exit, Failure> {
    let interrupt = Interrupt::listen()?;
    let json = arguments.json;
    // Holds all that is written, until all is done.
    let folder = tempfile::tempdir().map_err(Error::io(std::env::temp_dir(), "cannot make a folder"))?;
    let work = {
        let (control, path) = (interrupt.control().clone(), folder.path().to_path_buf());
        let mut messages = messages.clone();
        move || {
            let mut say = |text: &str| {
                if !quiet {
                    // Nobody is left to be told when standard error is gone.
                    let _ = writeln!(messages, "upright: {text}");
                }
            };
            measure(arguments, &path, &control, &mut say)
        }
    };
    // An encoder may be in the middle of a slow frame when it is cancelled.
    let measured = interrupt.control().aside("bench", || {}, work).map_err(|error| interrupt.failure(error))?;
    if json {
        output::print_json(VERSION, &measured)?;
    } else {
        output::print(&measured.table())?;
    }
    Ok(Exit::Success)
}

fn measure(
    arguments: args::BenchArguments,
    folder: &Path,
    control: &Control,
    say: &mut dyn FnMut(&str),
) -> Result<Measured> {
    let (audio, stereo) = (arguments.wanted.audio.clone(), options::stereo(&arguments.wanted));
    let (plan, limits) =
        (options::plan_options(arguments.wanted)?, options::limits(&arguments.machine, arguments.jobs));
    let device = arguments.machine.device;
    let seconds = Rational::new(2 * i64::try_from(cores()).unwrap_or(1), 1);
    let duration = arguments.duration.unwrap_or(seconds);
    let span = Span { start: None, duration: Some(duration) };
    let name = arguments.input.map(|path| path.display().to_string());
    let input = match &name {
        Some(name) if name == "-" => {
            return Err(Error::invalid("input", name, "standard input can be read only once; give a file, or nothing"));
        }
        Some(name) => Input::Path(name.into()),
        None => {
            let path = folder.join("film.mp4");
            say("making a film to measure with");
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "above 0 and below 2^40")]
            footage::write(&path, (duration.as_f64() * footage::FRAME_RATE as f64).ceil() as u64, control)?;
            Input::Path(path)
        }
    };
    let open = options::open_options(arguments.access).audio(audio).stereo(stereo).sound(plan.sound_form()).span(span);
    let bench = Bench::open(input, open, &plan, device, limits, MEMORY, control)?;
    let [mut decode, mut scale, mut encode, mut convert] = [const { Rates(Vec::new()) }; 4];
    for run in 1..=arguments.runs {
        let mut part = |name| say(&format!("run {run} of {}: {name}", arguments.runs));
        part("decoding");
        decode.add(bench.decode()?);
        part("scaling");
        scale.add(bench.scale()?);
        part("encoding");
        encode.add(bench.encode()?);
        part("converting");
        convert.add(bench.convert(folder)?);
    }
    Ok(Measured::of(&bench, name, [decode, scale, encode, convert]))
}

impl Measured {
    fn of(bench: &Bench<'_>, name: Option<String>, [decode, scale, encode, convert]: [Rates; 4]) -> Self {
        let (video, plan) = (&bench.info().video, bench.plan());
        let parts = [("decoding", decode.median()), ("scaling", scale.median()), ("encoding", encode.median())];
        let slowest = parts.into_iter().min_by(|(_, one), (_, other)| one.total_cmp(other));
        let (bound_by, bound) = slowest.unwrap_or_default();
        Self {
            machine: Machine::here(),
            versions: versions(),
            device: bench.device().clone(),
            film: MeasuredFilm {
                name,
                codec: video.codec.clone(),
                size: video.upright.grid,
                depth: video.depth,
                frame_rate: video.frame_rate,
                frames: bench.frames(),
            },
            job: MeasuredJob {
                rungs: plan.wanted.rungs.clone(),
                depth: plan.wanted.depth,
                encoder: plan.wanted.encoder.kind.clone(),
                encoder_options: plan.wanted.encoder.options.clone(),
                speed: plan.wanted.encoder.speed,
                quality: plan.wanted.encoder.quality,
            },
            real_time_streams: convert.median() / video.frame_rate.as_f64(),
            bound_by,
            share_of_bound: convert.median() / bound,
            decode,
            scale,
            encode,
            convert,
        }
    }

    fn table(&self) -> String {
        let Self { machine, film, job, .. } = self;
        let rate = film.frame_rate.as_f64();
        let mut table = String::new();
        // Writing to a string cannot fail.
        let mut row = |name: &str, value: String| writeln!(table, "{name:<12} {value}").unwrap_or_default();
        row("processor", format!("{}, {} cores, {}", machine.processor, machine.cores, machine.simd));
        row("device", format!("{} ({}; {})", self.device.name, self.device.kind, self.device.detail));
        let version = |name: &str| self.versions.get(name).map_or("unknown", String::as_str);
        let [upright, ffmpeg] = ["upright", "ffmpeg"].map(version);
        let rav1e = self.versions.get("rav1e").map_or("none", String::as_str);
        row("versions", format!("upright {upright}, FFmpeg {ffmpeg}, rav1e {rav1e}; {}", machine.system));
        let name = film.name.as_deref().unwrap_or("made for this");
        let length = film.frames as f64 / rate;
        let MeasuredFilm { codec, size, .. } = film;
        row(
            "film",
            format!("{name}: {size}, {codec}, {rate:.2} fps, {} frames ({})", film.frames, progress::clock(length)),
        );
        let rungs = job.rungs.iter().map(Size::to_string).collect::<Vec<_>>().join(", ");
        row("job", format!("{rungs}; {}, speed {}, quality {}", job.encoder, job.speed, job.quality));
        row("", String::new());
        row("", format!("{:>12} {:>12} {:>12}   source frames a second", "median", "least", "most"));
        for (name, rates) in [
            ("decoding", &self.decode),
            ("scaling", &self.scale),
            ("encoding", &self.encode),
            ("whole job", &self.convert),
        ] {
            let [least, median, most] = rates.spread().map(|rate| format!("{rate:>12.2}"));
            row(name, format!("{median} {least} {most}"));
        }
        row("", String::new());
        let share = 100.0 * self.share_of_bound;
        row("bound by", format!("{}; the whole job runs at {share:.0} % of its rate", self.bound_by));
        let streams = self.real_time_streams;
        row("real time", format!("{streams:.2} films of {rate:.2} fps: the most that this machine sustains"));
        table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::assert_kept;
    use crate::output::Versioned;

    #[test]
    fn the_committed_schema_is_that_of_the_type() {
        assert_kept::<Versioned<Measured>>("bench", "What `upright bench --json` prints");
    }

    #[test]
    fn the_median_is_the_middle_of_the_runs() {
        assert_eq!(Rates(vec![3.0, 1.0, 2.0]).spread(), [1.0, 2.0, 3.0]);
        assert_eq!(Rates(vec![4.0, 1.0, 2.0, 3.0]).spread(), [1.0, 2.5, 4.0]);
        assert_eq!(Rates(vec![7.0]).spread(), [7.0; 3]);
        assert_eq!(Rates::default().spread(), [0.0; 3]);
    }
}
