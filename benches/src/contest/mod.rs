//! The comparison with peers: the same film, the same ladder, the same settings of the same encoders, everything run in
//! turn for several rounds.

pub mod clip;
pub mod figures;
pub mod floor;
pub mod judge;
pub mod peers;
pub mod plot;

use crate::Result;
use crate::command::{Command, Cost};
use judge::{Rendition, Verdict};
use serde::Serialize;
use std::fs;

/// Someone who converts the film.
#[derive(Debug, Serialize)]
pub struct Contender {
    /// What reports call it.
    pub name: &'static str,
    /// What is run.
    pub command: Command,
    /// The renditions that come out, the largest first.
    #[serde(skip)]
    pub renditions: Vec<Rendition>,
    /// What every round cost.
    pub rounds: Vec<Cost>,
    /// How often it runs.
    #[serde(skip)]
    pub pace: Pace,
    /// What the renditions are worth.
    pub verdicts: Vec<Verdict>,
}

/// How often something runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// In the first round alone: what is looked at does not depend on what else the machine does.
    Once,
    /// Once in every round.
    EveryRound,
    /// In every turn of every round: what takes seconds can be disturbed as a whole by what the machine does besides.
    EveryTurn,
}

impl Pace {
    /// Turns of a round.
    pub const TURNS: u32 = 3;

    /// Of what FFmpeg or upright do with an encoder, by its name: rav1e takes minutes, SVT-AV1 seconds.
    pub fn of(encoder: &str) -> Self {
        if encoder.contains("rav1e") { Self::EveryRound } else { Self::EveryTurn }
    }

    /// Says whether it runs in a turn of a round, both counted from 1.
    pub fn runs(self, round: u32, turn: u32) -> bool {
        match self {
            Self::Once => round == 1 && turn == 1,
            Self::EveryRound => turn == 1,
            Self::EveryTurn => true,
        }
    }
}

impl Contender {
    /// Converts the film once more.
    ///
    /// # Errors
    /// When its command fails.
    pub fn run(&mut self) -> Result<()> {
        for folder in self.renditions.iter().filter_map(|rendition| rendition.path.parent()) {
            fs::create_dir_all(folder)?;
        }
        self.rounds.push(self.command.run()?);
        Ok(())
    }
}

/// All that was measured.
#[derive(Debug, Default, Serialize)]
pub struct Contest {
    /// Those who convert.
    pub contenders: Vec<Contender>,
    /// What our encoders and decoder take by themselves, by encoder.
    pub floors: Vec<floor::Floor>,
    /// What scaling takes.
    pub scaling: Vec<Scaling>,
}

/// Seconds of one core that a scaler takes for a 1080p frame's 9:16 window at 8 bits, in every round.
#[derive(Debug, Serialize)]
pub struct Scaling {
    /// Whose.
    pub name: &'static str,
    /// To 1080x1920 alone.
    pub top: Vec<f64>,
    /// To all four rungs.
    pub ladder: Vec<f64>,
}

impl Contest {
    /// Gives some quantity of a contender in every round; nothing where it did not take part.
    pub fn rounds(&self, name: &str, quantity: impl Fn(&Cost) -> f64) -> Vec<f64> {
        let found = self.contenders.iter().find(|contender| contender.name == name);
        found.map_or_else(Vec::new, |contender| contender.rounds.iter().map(quantity).collect())
    }

    /// Bytes of a contender's renditions together, and their VMAF on average; none where it did not take part.
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    pub fn worth(&self, name: &str) -> Option<(f64, f64)> {
        let verdicts = &self.contenders.iter().find(|contender| contender.name == name)?.verdicts;
        let bytes: u64 = verdicts.iter().map(|verdict| verdict.bytes).sum();
        let vmaf: f64 = verdicts.iter().map(|verdict| verdict.vmaf).sum();
        (!verdicts.is_empty()).then(|| (bytes as f64, vmaf / verdicts.len() as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_runs_are_many_and_long_ones_few() {
        let runs = |pace: Pace| {
            (1..=2)
                .flat_map(|round| (1..=Pace::TURNS).map(move |turn| (round, turn)))
                .filter(move |&(r, t)| pace.runs(r, t))
        };
        assert_eq!(runs(Pace::Once).collect::<Vec<_>>(), [(1, 1)]);
        assert_eq!(runs(Pace::of("librav1e")).collect::<Vec<_>>(), [(1, 1), (2, 1)]);
        assert_eq!(runs(Pace::of("pipe:ffmpeg")).count(), 6);
    }
}
