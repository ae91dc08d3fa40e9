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
use judge::Verdict;
use serde::Serialize;
use std::fs;
use std::path::PathBuf;

/// Someone who converts the film.
#[derive(Debug, Serialize)]
pub struct Contender {
    /// What reports call it.
    pub name: &'static str,
    /// What is run.
    pub command: Command,
    /// The largest rendition that comes out.
    #[serde(skip)]
    pub top: PathBuf,
    /// What every round cost.
    pub rounds: Vec<Cost>,
    /// What the largest rendition is worth.
    pub verdict: Option<Verdict>,
}

impl Contender {
    /// Converts the film once more.
    ///
    /// # Errors
    /// When its command fails.
    pub fn run(&mut self) -> Result<()> {
        if let Some(folder) = self.top.parent() {
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
    /// What some quantity of a contender was in every round; nothing where it did not take part.
    pub fn rounds(&self, name: &str, quantity: impl Fn(&Cost) -> f64) -> Vec<f64> {
        let found = self.contenders.iter().find(|contender| contender.name == name);
        found.map_or_else(Vec::new, |contender| contender.rounds.iter().map(quantity).collect())
    }

    /// What a contender's largest rendition is worth.
    pub fn verdict(&self, name: &str) -> Option<&Verdict> {
        self.contenders.iter().find(|contender| contender.name == name)?.verdict.as_ref()
    }
}
