//! What a conversion cannot do without: decoding, and the bare encoders on scaled frames in memory. Measured in a
//! process of its own, whose memory is no other's.

use crate::Result;
use crate::command::Command;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Instant;
use upright_engine::clock;
use upright_engine::machine::cores;
use upright_engine::measure::Bench;
use upright_engine::picture::DeviceChoice;
use upright_engine::pipeline::{Control, Limits};
use upright_engine::plan::{CropChoice, PlanOptions};
use upright_engine::source::{AudioChoice, Input, OpenOptions, Span};

/// What the floor of a conversion is made of, in every round.
#[derive(Debug, Serialize)]
pub struct Floor {
    /// The encoder.
    pub encoder: &'static str,
    /// The contender whose floor this is.
    pub contender: &'static str,
    /// What measures it.
    pub command: Command,
    /// What came out.
    pub rounds: Vec<Seconds>,
}

/// Seconds that one round took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Seconds {
    /// Of processors, for decoding.
    pub decode_cpu: f64,
    /// Of processors, for encoding all rungs.
    pub encode_cpu: f64,
    /// Of the clock, for encoding all rungs with every core.
    pub encode_wall: f64,
}

impl Seconds {
    /// Seconds of processors that no conversion can do without.
    pub fn cpu(&self) -> f64 {
        self.decode_cpu + self.encode_cpu
    }
}

impl Floor {
    /// Measures once more.
    ///
    /// # Errors
    /// When the process fails.
    pub fn run(&mut self) -> Result<()> {
        self.rounds.push(serde_json::from_str(&self.command.output()?.1)?);
        Ok(())
    }
}

/// Measures, in this process.
///
/// # Errors
/// The engine's.
pub fn measure(clip: &Path, crop: &str, options: PlanOptions) -> Result<Seconds> {
    let options = options.crop(CropChoice::At(crop.parse()?));
    let span = Span::default();
    let open = OpenOptions::default().audio(AudioChoice::None).threads(cores()).span(span);
    let (input, control) = (Input::Path(clip.into()), Control::default());
    let bench = Bench::open(input, open, &options, DeviceChoice::Cpu, Limits::default(), usize::MAX, &control)?;
    let cpu = || clock::process().ok_or("the system does not tell the time of processors");
    let before = cpu()?;
    bench.decode()?;
    let between = cpu()?;
    let begin = Instant::now();
    bench.encode()?;
    let (encode_wall, after) = (begin.elapsed().as_secs_f64(), cpu()?);
    let [decode_cpu, encode_cpu] = [between - before, after - between].map(|time| time.as_secs_f64());
    Ok(Seconds { decode_cpu, encode_cpu, encode_wall })
}
