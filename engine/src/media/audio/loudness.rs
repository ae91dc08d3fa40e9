//! Loudness and true peaks, as EBU R128 and ITU-R BS.1770 measure them.

use crate::error::{Error, Result};
use ebur128::{Channel, EbuR128, Mode};
use schemars::JsonSchema;
use serde::Serialize;

/// How loud sound is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Levels {
    /// Integrated loudness in LUFS; none of silence, and of sound that is shorter than the 0.4 s of a measurement.
    pub loudness: Option<f64>,
    /// The highest true peak in dBTP; none of silence.
    pub peak: Option<f64>,
}

impl Levels {
    /// To hundredths, as people read them.
    pub(crate) fn rounded(self) -> Self {
        let rounded = |level: Option<f64>| level.map(|level| (level * 100.0).round() / 100.0);
        Self { loudness: rounded(self.loudness), peak: rounded(self.peak) }
    }
}

/// Measures sound as it comes. What it remembers is the same however much that is.
pub(super) struct LoudnessMeter(EbuR128);

impl LoudnessMeter {
    /// For so many channels in the order of AAC's usual layouts, and samples a second.
    pub(super) fn new(channels: usize, rate: u32) -> Result<Self> {
        let channels = u32::try_from(channels).unwrap_or(u32::MAX);
        // Energies are counted in classes of a tenth of a decibel instead of being kept.
        let mode = Mode::I | Mode::TRUE_PEAK | Mode::HISTOGRAM;
        let mut meter = EbuR128::new(channels, rate, mode).map_err(unmeasurable)?;
        if channels == 4 {
            // The fourth is behind, in the middle.
            let places = [Channel::Left, Channel::Right, Channel::Center, Channel::LeftSurround];
            meter.set_channel_map(&places).map_err(unmeasurable)?;
        }
        Ok(Self(meter))
    }

    /// Takes what comes next, a row for each channel.
    pub(super) fn add(&mut self, rows: &[Vec<f32>]) -> Result<()> {
        let rows: Vec<_> = rows.iter().map(Vec::as_slice).collect();
        self.0.add_frames_planar_f32(&rows).map_err(unmeasurable)
    }

    /// Gives the levels of all that came.
    pub(super) fn levels(&self) -> Result<Levels> {
        let loudness = self.0.loudness_global().map_err(unmeasurable)?;
        let peaks = (0..self.0.channels()).map(|channel| self.0.true_peak(channel).map_err(unmeasurable));
        let peak = peaks.collect::<Result<Vec<_>>>()?.into_iter().fold(0.0, f64::max);
        let finite = |level: f64| Some(level).filter(|level| level.is_finite());
        Ok(Levels { loudness: finite(loudness), peak: finite(20.0 * peak.log10()) })
    }
}

fn unmeasurable(error: ebur128::Error) -> Error {
    Error::misuse(format!("sound that cannot be measured: {error}"))
}
