//! Bringing the sound of a film to its loudness, once all of it is there.

use super::report::LoudnessReport;
use super::spool::{Spool, SpoolWriter};
use super::summary::SpooledAudio;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::geometry::Rational;
use crate::machine;
use crate::media::{self, AudioTrack, Levelling, Levels};
use crate::plan::Loudness;
use std::path::Path;
use std::thread;

/// Decibels by which sound is amplified at most: what is as quiet as that is noise, or meant to be.
const MOST_GAIN: f64 = 20.0;
/// Decibels that the ceiling is below the highest true peak at first: AAC makes some peaks a little higher than they were.
const HEADROOM: f64 = 0.3;
/// Loudness units within which the loudness is as wanted.
const NEAR: f64 = 0.15;
/// Times that sound is encoded at most, to find the gain and the ceiling with which it is as wanted.
const ATTEMPTS: u32 = 6;

/// What the sound of a film is brought to, and where.
pub(super) struct SoundToLevel<'a> {
    pub(super) to: Loudness,
    /// Seconds after time 0 at which the picture ends, and the sound with it.
    pub(super) end: Rational,
    /// Whether there is Opus besides, of what has no more than two channels.
    pub(super) opus: bool,
    /// Directory on whose disk packets wait.
    pub(super) folder: &'a Path,
    /// What to call the source in warnings.
    pub(super) name: &'a str,
    pub(super) job: &'a Control,
}

impl SoundToLevel<'_> {
    /// Levels the tracks that are to be, as many at a time as there are cores; gives all of them in their order, and how many
    /// packets could not be decoded.
    ///
    /// # Errors
    /// Those of reading, decoding and writing.
    pub(super) fn all(&self, tracks: Vec<SpooledAudio>) -> Result<(Vec<SpooledAudio>, u64)> {
        let (mut levelled, mut damage) = (Vec::new(), 0);
        let mut waiting = tracks.into_iter();
        loop {
            let some: Vec<_> = waiting.by_ref().take(machine::cores()).collect();
            if some.is_empty() {
                return Ok((levelled, damage));
            }
            let done: Vec<_> = thread::scope(|scope| {
                let works: Vec<_> = some.into_iter().map(|track| scope.spawn(move || self.one(track))).collect();
                works.into_iter().map(|work| work.join().map_err(|_| lost())?).collect::<Result<_>>()
            })?;
            for (track, of_track) in done {
                levelled.push(track);
                damage += of_track;
            }
        }
    }

    fn one(&self, sound: SpooledAudio) -> Result<(SpooledAudio, u64)> {
        if !sound.track.to_level {
            return Ok((sound, 0));
        }
        let Self { to, end, opus, folder, name, job } = *self;
        let packets = || sound.packets.packets().map(|packet| job.check().and(packet));
        let (before, read) = media::measure(&sound.track, packets(), end)?;
        if read.left_out > 1.0 {
            log::warn!("{name}: {:.1} s of sound after the last picture are left out", read.left_out);
        }
        let mut gain = before.loudness.map_or(0.0, |loudness| (to.integrated - loudness).min(MOST_GAIN));
        let mut ceiling = to.peak - HEADROOM;
        let mut attempt = 1;
        loop {
            let mut spool = SpoolWriter::create(folder)?;
            let levelling = Levelling { gain, ceiling, end, opus: false };
            let track = media::level(&sound.track, packets(), &levelling, |packet| spool.append(&packet))?;
            let packets = spool.seal()?;
            let (after, _) = media::measure(&track, packets.packets().map(|packet| job.check().and(packet)), end)?;
            let missing = after.loudness.map_or(0.0, |loudness| to.integrated - loudness);
            let over = after.peak.map_or(0.0, |peak| (peak - to.peak).max(0.0));
            // What cannot be amplified any more is as near as it gets.
            let is_near = missing.abs() <= NEAR || (missing > 0.0 && gain >= MOST_GAIN);
            if (over <= 0.0 && is_near) || attempt == ATTEMPTS {
                if over > 0.0 || missing.abs() > NEAR {
                    log::warn!("{name}: audio track {}: {}", sound.place + 1, short_of(&after, &to));
                }
                let gain = (gain * 100.0).round() / 100.0;
                let loudness = Some(LoudnessReport { before: before.rounded(), after: after.rounded(), gain });
                let opus = opus && track.parameters.rate_and_channels().1 <= 2;
                let opus = opus.then(|| self.opus(&sound, levelling)).transpose()?;
                return Ok((SpooledAudio { track, packets, opus, loudness, ..sound }, read.damage));
            }
            // Below the ceiling the loudness grows by less than the gain does.
            if !is_near {
                gain = (gain + missing).min(MOST_GAIN);
            }
            if over > 0.0 {
                ceiling -= over + 0.1;
            }
            attempt += 1;
        }
    }

    /// Makes Opus of sound, amplified as it was for AAC.
    fn opus(&self, sound: &SpooledAudio, levelling: Levelling) -> Result<(AudioTrack, Spool)> {
        let Self { to, end, folder, job, .. } = *self;
        let mut levelling = Levelling { opus: true, ..levelling };
        let mut attempt = 1;
        loop {
            let packets = sound.packets.packets().map(|packet| job.check().and(packet));
            let mut spool = SpoolWriter::create(folder)?;
            let track = media::level(&sound.track, packets, &levelling, |packet| spool.append(&packet))?;
            let made = spool.seal()?;
            let (after, _) = media::measure(&track, made.packets().map(|packet| job.check().and(packet)), end)?;
            let over = after.peak.map_or(0.0, |peak| peak - to.peak);
            if over <= 0.0 || attempt == ATTEMPTS {
                if over > 0.0 {
                    log::warn!("{}: audio track {}, as Opus: {}", self.name, sound.place + 1, short_of(&after, &to));
                }
                return Ok((track, made));
            }
            levelling.ceiling -= over + 0.1;
            attempt += 1;
        }
    }
}

/// Says how loud sound is that did not become what was wanted.
fn short_of(after: &Levels, to: &Loudness) -> String {
    let or_none = |level: Option<f64>| level.map_or_else(|| "none".to_owned(), |level| format!("{level:.1}"));
    format!(
        "its loudness is {} LUFS, with true peaks up to {} dBTP, where {} and {} are wanted",
        or_none(after.loudness),
        or_none(after.peak),
        to.integrated,
        to.peak
    )
}

fn lost() -> Error {
    Error::StageLost { stage: "sound".to_owned() }
}
