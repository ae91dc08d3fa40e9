//! Measures looking at a film against decoding it, in seconds of one core: `taskset -c 0 looking [FILM]` prints JSON.

use serde::Serialize;
use std::env::args_os;
use std::path::PathBuf;
use std::time::Instant;
use upright_benches::Result;
use upright_engine::analyse::{AnalyseOptions, analyse};
use upright_engine::frame::{Area, Frame};
use upright_engine::media::Event;
use upright_engine::picture::DeviceChoice;
use upright_engine::source::AudioChoice;
use upright_engine::{Control, Input, OpenOptions, Source, measure, open};

/// Frames of the film that is made where none is given: ten seconds.
const FRAMES: u64 = 240;
/// Times that each is measured, in turn.
const RUNS: usize = 5;

/// Seconds, at the median, and what looking costs over decoding, at the median of the runs: what slows the machine for a while slows
/// all that is measured in one.
#[derive(Debug, Serialize)]
struct Figures {
    frames: u64,
    decode: f64,
    without_detectors: f64,
    with_detectors: f64,
    /// Ratios: seconds beyond those of decoding, over those.
    cost_without_detectors: f64,
    cost_with_detectors: f64,
}

fn main() -> Result<()> {
    let control = Control::default();
    let folder = tempfile::tempdir()?;
    let film = match args_os().nth(1) {
        Some(film) => PathBuf::from(film),
        None => {
            let film = folder.path().join("film.mp4");
            measure::footage::write(&film, FRAMES, &control)?;
            film
        }
    };
    let mut options = OpenOptions::default().audio(AudioChoice::None);
    options.threads = 1;
    let opened = || open(&Input::Path(film.clone()), &options, &control);
    let mut seconds = [const { Vec::new() }; 3];
    let mut frames = 0;
    for _ in 0..RUNS {
        let begin = Instant::now();
        frames = decode(opened()?)?;
        seconds[0].push(begin.elapsed().as_secs_f64());
        for (detectors, seconds) in [false, true].into_iter().zip(&mut seconds[1..]) {
            let mut looking = AnalyseOptions::default();
            (looking.detectors, looking.device, looking.threads) = (detectors, DeviceChoice::Cpu, 1);
            let begin = Instant::now();
            analyse(opened()?, &looking, &control, &|_| ())?;
            seconds.push(begin.elapsed().as_secs_f64());
        }
    }
    let cost =
        |looking: &[f64]| median(looking.iter().zip(&seconds[0]).map(|(looking, decode)| looking / decode - 1.0));
    let (cost_without_detectors, cost_with_detectors) = (cost(&seconds[1]), cost(&seconds[2]));
    let [decode, without_detectors, with_detectors] = seconds.map(|seconds| median(seconds.into_iter()));
    let figures =
        Figures { frames, decode, without_detectors, with_detectors, cost_without_detectors, cost_with_detectors };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Decodes a film, whole pictures; gives its frames.
fn decode(mut source: Source) -> Result<u64> {
    let grid = source.info().video.format;
    let (mut frame, mut frames) = (Frame::new(grid), 0);
    loop {
        match source.next()? {
            Event::Frame { .. } => {
                source.fill(Area::whole(grid), &mut frame)?;
                frames += 1;
            }
            Event::Audio { .. } | Event::SoundChanged { .. } => {}
            Event::End => return Ok(frames),
        }
    }
}
