//! Who converts, and with which words they are asked for the same.

use super::clip::Clip;
use super::floor::Floor;
use super::judge::Rendition;
use super::{Contender, Pace};
use crate::Result;
use crate::command::Command;
use crate::scale::LADDER;
use crate::scale::filter::Library;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Seconds from one key frame to the next.
const KEY_FRAMES: u32 = 2;
/// Tiles of the rungs, in FFmpeg's hands: without them librav1e leaves cores idle. More than four do not pay.
const TILES: [u32; 4] = [4, 4, 2, 1];

/// Rungs of [`Job::plain`].
const PLAIN_LADDER: &str = "270x480,180x320,136x240,90x160";

/// The programs.
#[derive(Clone, Debug, Serialize)]
pub struct Programs {
    /// This one.
    pub upright: PathBuf,
    /// The system's FFmpeg, whose libraries upright links.
    pub ffmpeg: PathBuf,
    /// The newest FFmpeg.
    pub newest: PathBuf,
    /// rav1e's own command.
    pub rav1e: PathBuf,
}

/// What every encoder is told.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Settings {
    /// Speed, rav1e's own scale and upright's.
    pub rav1e_speed: u8,
    /// upright's quality; rav1e's quantiser is 220 less twice this.
    pub quality: u8,
    /// SVT-AV1's preset.
    pub svt_preset: u8,
    /// SVT-AV1's constant rate factor.
    pub svt_crf: u8,
}

impl Settings {
    /// rav1e's quantiser.
    fn quantizer(self) -> String {
        (220 - 2 * u32::from(self.quality)).to_string()
    }

    /// Frames that rav1e looks ahead, where upright sets them otherwise than rav1e's own preset does.
    fn lookahead(self) -> Option<&'static str> {
        (self.rav1e_speed == 10).then_some("1")
    }
}

/// What all commands are made of.
#[derive(Debug)]
pub struct Job<'a> {
    /// The programs.
    pub programs: &'a Programs,
    /// The film.
    pub clip: &'a Clip,
    /// What the encoders are told.
    pub settings: Settings,
    /// Where renditions go.
    pub folder: &'a Path,
}

impl Job<'_> {
    /// upright with an encoder, for a ladder.
    pub fn upright(&self, name: &'static str, encoder: &str, rungs: usize) -> Contender {
        let sizes: Vec<_> = LADDER[..rungs].iter().map(|(width, height)| format!("{width}x{height}")).collect();
        let folder = self.folder.join(name.replace([' ', ',', ':'], "-"));
        let Settings { rav1e_speed, quality, .. } = self.settings;
        let command = Command::new(&self.programs.upright)
            .args(["convert".as_ref(), self.clip.path.as_os_str(), "--output".as_ref(), folder.as_os_str()])
            .args(["--overwrite", "--progress", "none", "--quiet", "--device", "cpu", "--audio", "none"])
            .args(["--ladder", &sizes.join(","), "--crop", &self.clip.crop()])
            .args(["--keyframe-interval", &KEY_FRAMES.to_string(), "--encoder", encoder])
            .args(["--speed", &rav1e_speed.to_string(), "--quality", &quality.to_string()]);
        let command = self.options(encoder, command);
        let command = if encoder == "pipe:ffmpeg" {
            command.env("UPRIGHT_FFMPEG", absolute(&self.programs.newest))
        } else {
            command
        };
        let stem = self.clip.path.file_stem().unwrap_or_default();
        contender(name, command, Pace::of(encoder), renditions(&folder.join(stem), rungs))
    }

    /// upright with libsvtav1, for a plain film of so many seconds and four small rungs.
    ///
    /// # Errors
    /// When the film cannot be made.
    pub fn plain(&self, name: &'static str, seconds: u32) -> Result<Contender> {
        let film = self.folder.join(format!("{seconds}-seconds.mp4"));
        Clip::plain(&Command::new(&self.programs.ffmpeg), seconds, &film)?;
        let command = Command::new(&self.programs.upright)
            .args(["convert".as_ref(), film.as_os_str(), "--output".as_ref(), self.folder.as_os_str()])
            .args(["--overwrite", "--progress", "none", "--quiet", "--device", "cpu", "--crop", "0.5"])
            .args(["--ladder", PLAIN_LADDER, "--encoder", "libsvtav1", "--speed", "10"]);
        Ok(contender(name, command, Pace::Once, Vec::new()))
    }

    /// An FFmpeg with an encoder, for all four rungs.
    pub fn ffmpeg(&self, name: &'static str, program: &Path, encoder: &str) -> Contender {
        let folder = self.folder.join(name.replace([' ', ','], "-"));
        let outputs = || (0..LADDER.len()).map(|rung| format!("[o{rung}]"));
        let mut graph = format!("[0:v]{},split={}", self.clip.crop_filter(), LADDER.len());
        graph.extend((0..LADDER.len()).map(|rung| format!("[r{rung}]")));
        for (rung, size) in LADDER.into_iter().enumerate() {
            graph += &format!(";[r{rung}]{}[o{rung}]", Library::Swscale.filter(size));
        }
        let mut command = Command::new(program)
            .args(["-nostdin", "-v", "error", "-y", "-i"])
            .args([&self.clip.path])
            .args(["-filter_complex", &graph]);
        let keys = self.clip.frames_in(KEY_FRAMES).to_string();
        for ((output, (width, height)), tiles) in outputs().zip(LADDER).zip(TILES) {
            command = command.args(["-map", &output, "-c:v", encoder, "-g", &keys]);
            command = if encoder == "librav1e" {
                let (speed, tiles) = (self.settings.rav1e_speed.to_string(), tiles.to_string());
                let quantizer = self.settings.quantizer();
                let command = command.args(["-qp", &quantizer, "-speed", &speed, "-tiles", &tiles]);
                let lookahead = self.settings.lookahead().map(|frames| format!(":rdo_lookahead_frames={frames}"));
                let parameters = format!("no_scene_detection=true{}", lookahead.unwrap_or_default());
                command.args(["-rav1e-params", &parameters])
            } else {
                let (preset, crf) = (self.settings.svt_preset.to_string(), self.settings.svt_crf.to_string());
                command.args(["-preset", &preset, "-crf", &crf])
            };
            command = command.args([folder.join(format!("{width}x{height}.mp4"))]);
        }
        contender(name, command, Pace::of(encoder), renditions(&folder, LADDER.len()))
    }

    /// Prepares to measure what decoder and encoders alone cost a contender.
    ///
    /// # Errors
    /// When this program cannot tell where it lies.
    pub fn floor(&self, encoder: &'static str, contender: &'static str) -> Result<Floor> {
        let Settings { rav1e_speed, quality, .. } = self.settings;
        let command = Command::new(std::env::current_exe()?)
            .args(["floor", "--clip"])
            .args([&self.clip.path])
            .args(["--crop", &self.clip.crop(), "--encoder", encoder])
            .args(["--speed", &rav1e_speed.to_string(), "--quality", &quality.to_string()]);
        Ok(Floor { encoder, contender, command: self.options(encoder, command), rounds: Vec::new() })
    }

    /// Adds what upright is told besides speed and quality, which are rav1e's.
    fn options(&self, encoder: &str, command: Command) -> Command {
        let Settings { svt_preset, svt_crf, .. } = self.settings;
        if encoder == "rav1e" {
            return command;
        }
        let options = [format!("preset={svt_preset}"), format!("crf={svt_crf}")];
        options.iter().fold(command, |command, option| command.args(["--encoder-options", option]))
    }

    /// The scaled window as Y4M: what rav1e's own command reads.
    ///
    /// # Errors
    /// When FFmpeg fails.
    pub fn scaled(&self) -> Result<PathBuf> {
        let path = self.folder.join("1080x1920.y4m");
        let filters = format!("{},{}", self.clip.crop_filter(), Library::Zimg.filter(LADDER[0]));
        let command = Command::new(&self.programs.ffmpeg).args(["-nostdin", "-v", "error", "-y", "-i"]);
        command.args([&self.clip.path]).args(["-vf", &filters]).args([&path]).run()?;
        Ok(path)
    }

    /// rav1e's own command, for the top rung, with so many tiles and as many threads as it likes.
    pub fn rav1e(&self, name: &'static str, scaled: &Path, tiles: u32, frames: Option<u32>) -> Contender {
        let top = self.folder.join("rav1e.ivf");
        let keys = self.clip.frames_in(KEY_FRAMES).to_string();
        let command = Command::new(&self.programs.rav1e)
            .args([scaled.as_os_str(), "-o".as_ref(), top.as_os_str()])
            .args(["-y", "-q", "--no-scene-detection", "--keyint", &keys, "--min-keyint", &keys])
            .args(["--quantizer", &self.settings.quantizer(), "--speed", &self.settings.rav1e_speed.to_string()])
            .args(["--threads", "0", "--tiles", &tiles.to_string()])
            .args(self.settings.lookahead().into_iter().flat_map(|frames| ["--rdo-lookahead-frames", frames]))
            .args(frames.into_iter().flat_map(|frames| ["--limit".to_owned(), frames.to_string()]));
        contender(name, command, Pace::EveryRound, vec![Rendition { size: LADDER[0], path: top }])
    }

    /// The number of tiles with which rav1e's own command is the fastest here, found by trying.
    ///
    /// # Errors
    /// When it fails.
    pub fn best_tiles(&self, scaled: &Path) -> Result<u32> {
        let mut tried = Vec::new();
        for tiles in [1, 2, 4, 8, 16] {
            let trial = self.rav1e("trial", scaled, tiles, Some(self.clip.frames.min(24)));
            tried.push((trial.command.run()?.wall, tiles));
        }
        Ok(tried.into_iter().min_by(|one, other| one.0.total_cmp(&other.0)).map_or(1, |(_, tiles)| tiles))
    }
}

fn contender(name: &'static str, command: Command, pace: Pace, renditions: Vec<Rendition>) -> Contender {
    Contender { name, command, pace, renditions, rounds: Vec::new(), verdicts: Vec::new() }
}

/// Files for the first rungs, by the names that upright gives them.
fn renditions(folder: &Path, rungs: usize) -> Vec<Rendition> {
    let rendition = |size: (u32, u32)| Rendition { size, path: folder.join(format!("{}x{}.mp4", size.0, size.1)) };
    LADDER[..rungs].iter().copied().map(rendition).collect()
}

/// A program's path from the root, so that it is found from everywhere; a name in `PATH` stays as it is.
fn absolute(program: &Path) -> PathBuf {
    program.canonicalize().unwrap_or_else(|_| program.to_path_buf())
}
