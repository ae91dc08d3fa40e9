//! A package as a whole: its manifests, and how its tracks fit together.

use super::findings::{Finding, Findings, Rule};
use super::place::{Media, Place};
use super::track::TrackFacts;
use super::tracks::{Named, Tracks};
use super::{dash, hls};
use crate::control::Control;
use crate::encryption::{ContentKey, KeyFile};
use crate::error::{Error, Result};
use crate::geometry::Rational;
use crate::media::{self, Event, RenditionReader, Source};
use crate::packet::Packet;
use crate::source::{AudioChoice, Damage, Input, OpenOptions};
use schemars::JsonSchema;
use serde::Serialize;
use std::io::Write as _;
use std::iter;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Manifests that are looked for in a folder, by the names that Upright gives them.
const MANIFESTS: [&str; 2] = ["main.m3u8", "manifest.mpd"];

/// What a check has found.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Checked {
    /// Manifests that were read.
    pub manifests: Vec<String>,
    /// Track files that were read, in the order of their names.
    pub tracks: Vec<String>,
    /// Frames that were decoded, of all renditions together; none where that was not wanted.
    pub decoded: Option<u64>,
    /// Encrypted tracks that were not decoded, for lack of their keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without_keys: Vec<String>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Checks the package in `place`: `manifest` and all that it names, or the manifests that are there. With `decode` every frame is
/// decoded, of encrypted tracks those whose keys are among `keys`; where there are such, all tracks' keys must be.
///
/// # Errors
/// [`Error::SourceMissing`] when there is no manifest; [`Error::Io`]; [`Error::Cancelled`]. What is wrong with the package is no
/// error, but among the findings.
pub fn check(
    place: &Place,
    manifest: Option<&str>,
    decode: bool,
    keys: Option<&KeyFile>,
    control: &Control,
) -> Result<Checked> {
    let mut findings = Findings::default();
    let mut tracks = Tracks::new(place);
    let names = manifest.map_or(MANIFESTS.to_vec(), |name| vec![name]);
    let mut manifests = Vec::new();
    let mut by_kind: [Option<Named>; 2] = [None, None];
    for name in names {
        control.check()?;
        let Some(text) = place.text(name, control)? else { continue };
        manifests.push(name.to_owned());
        if text.trim_start().starts_with('<') {
            by_kind[1] = Some(dash::check(name, &text, &mut tracks, &mut findings, control)?);
        } else {
            by_kind[0] = Some(hls::check(name, &text, &mut tracks, &mut findings, control)?);
        }
    }
    if manifests.is_empty() {
        let name = manifest.unwrap_or(MANIFESTS[0]);
        return Err(Error::SourceMissing { path: place.path(name).unwrap_or_else(|| PathBuf::from(name)) });
    }
    by_kind.iter_mut().flatten().for_each(|named| named.text.sort());
    if let [Some(hls), Some(dash)] = &mut by_kind {
        // HLS is without.
        dash.sound.retain(|name| hls.sound.contains(name) || !tracks.facts(name).is_some_and(TrackFacts::is_opus));
    }
    if let [Some(hls), Some(dash)] = &by_kind
        && (&hls.video, &hls.sound, &hls.text) != (&dash.video, &dash.sound, &dash.text)
    {
        findings.add(Rule::SameTracks, MANIFESTS[1], "it names other tracks than the HLS playlists");
    }
    together(&tracks, &mut findings);
    if let Some(keys) = keys {
        compare_keys(&tracks, keys, &mut findings);
    }
    let decoded = if decode { Some(decode_all(&tracks, keys, &mut findings, control)?) } else { None };
    let is_shut = |facts: &TrackFacts| {
        decode && facts.protection.as_ref().is_some_and(|it| keys.is_none_or(|keys| keys.of_id(it.key).is_none()))
    };
    let shut = tracks.all().filter(|(_, facts)| facts.as_ref().is_some_and(is_shut));
    let without_keys = shut.map(|(name, _)| name.clone()).collect();
    let tracks = tracks.into_all().filter_map(|(name, facts)| facts.map(|_| name)).collect();
    Ok(Checked { manifests, tracks, decoded, without_keys, findings: findings.into_list() })
}

/// Compares the keys of encrypted tracks with those that were given.
fn compare_keys(tracks: &Tracks, keys: &KeyFile, findings: &mut Findings) {
    for (name, facts) in tracks.all() {
        let Some(protection) = facts.as_ref().and_then(|facts| facts.protection.as_ref()) else { continue };
        let Some(key) = keys.of_id(protection.key) else {
            findings.add(Rule::Keys, name, format!("its key, {}, is not among them", protection.key));
            continue;
        };
        let same = key.given_iv().is_none_or(|iv| iv[..] == protection.iv[..]);
        findings.rule(same, Rule::Keys, name, || "its IV is another than the one given with its key".to_owned());
    }
}

/// Times at which something begins, in seconds.
fn begins<'a>(track: &'a TrackFacts, ticks: impl Iterator<Item = u64> + 'a) -> Vec<f64> {
    let begin = track.priming;
    #[expect(clippy::cast_precision_loss, reason = "films are shorter than 2^53 ticks")]
    ticks.map(|at| (at as f64 - begin as f64) / f64::from(track.timescale.max(1))).collect()
}

/// Times at which segments begin, by the index, in seconds.
fn segment_starts(track: &TrackFacts) -> Vec<f64> {
    let mut at = track.fragments.first().map_or(0, |fragment| fragment.start);
    let starts = track.indexed.iter().map(|(ticks, _)| {
        let start = at;
        at += ticks;
        track.seconds(start)
    });
    starts.collect()
}

/// Checks how the tracks fit together.
fn together(tracks: &Tracks, findings: &mut Findings) {
    let all: Vec<_> = tracks.all().filter_map(|(name, facts)| Some((name, facts.as_ref()?))).collect();
    let Some((first_name, first)) = all.iter().find(|(_, facts)| facts.is_video()) else { return };
    let lasts = first.seconds(first.duration());
    let keys = |track: &TrackFacts| begins(track, track.fragments.iter().filter(|it| it.key).map(|it| it.start));
    let equal = |one: &[f64], other: &[f64], slack: f64| {
        one.len() == other.len() && one.iter().zip(other).all(|(one, other)| (one - other).abs() <= slack)
    };
    let frame = first.seconds(first.shortest.min(u64::from(first.timescale)));
    for (name, track) in &all {
        let sample = track.seconds(track.shortest.min(u64::from(track.timescale)));
        let own = track.seconds(track.duration().saturating_sub(track.priming));
        if track.is_video() {
            let aligned =
                equal(&segment_starts(track), &segment_starts(first), 1e-6) && equal(&keys(track), &keys(first), 1e-6);
            findings.rule(aligned, Rule::Alignment, name, || format!("other instants than in {first_name}"));
            findings.rule((own - lasts).abs() <= frame, Rule::Duration, name, || {
                format!("{own:.3} s, and {first_name} {lasts:.3} s")
            });
        } else {
            // A segment of sound begins with the frame nearest to where one of the picture does; what sound is cut by is its frames.
            let (sound, picture) = (segment_starts(track), segment_starts(first));
            let cut = equal(&sound[sound.len().min(1)..], &picture[picture.len().min(1)..], sample + 1e-6);
            findings.rule(cut, Rule::SoundCut, name, || {
                format!("its segments begin at other instants than in {first_name}")
            });
            findings.rule((own - lasts).abs() <= frame + 2.0 * sample, Rule::Duration, name, || {
                format!("{own:.3} s, and {first_name} {lasts:.3} s")
            });
        }
    }
}

/// Joins the files of a track in a temporary one.
fn joined(tracks: &Tracks, track: &TrackFacts, control: &Control) -> Result<NamedTempFile> {
    let mut media = Media::of_parts(&tracks.place, track.parts.clone(), control);
    let failed = |error| Error::io(std::env::temp_dir(), "cannot join the segments of a track there")(error);
    let mut file = tempfile::Builder::new().suffix(".mp4").tempfile().map_err(failed)?;
    let mut block = vec![0; 1 << 20];
    let mut at = 0;
    while at < track.size {
        control.check()?;
        let length = usize::try_from(track.size - at).unwrap_or(usize::MAX).min(block.len());
        media.read_at(at, &mut block[..length]).and_then(|()| file.write_all(&block[..length])).map_err(failed)?;
        at += length as u64;
    }
    Ok(file)
}

/// Decodes a track of sound that is encrypted.
fn decode_sound(
    name: &str,
    path: &Path,
    facts: &TrackFacts,
    key: &ContentKey,
    findings: &mut Findings,
    control: &Control,
) -> Result<()> {
    let mut reader = RenditionReader::decrypting(path, key, control)?;
    let Some(track) = reader.sound()? else { return Ok(()) };
    let packets = iter::from_fn(|| {
        let packet = control.check().and_then(|()| reader.next()).transpose()?;
        Some(packet.map(|it| Packet { data: it.data.to_vec(), pts: it.pts.unwrap_or(0), duration: 0, key: it.key }))
    });
    let ticks = i64::try_from(facts.duration()).unwrap_or(i64::MAX);
    let read = media::measure(&track, packets, Rational::new(ticks, facts.timescale.max(1).into()));
    match read {
        Ok((_, read)) if read.damage == 0 => {}
        Ok((_, read)) => {
            findings.add(Rule::Decoding, name, format!("{} packets cannot be decoded", read.damage));
        }
        Err(error @ (Error::Cancelled | Error::Io { .. })) => return Err(error),
        Err(error) => findings.add(Rule::Decoding, name, error.to_string()),
    }
    Ok(())
}

/// Decodes all pictures, and sound that is encrypted; gives how many pictures there were.
fn decode_all(tracks: &Tracks, keys: Option<&KeyFile>, findings: &mut Findings, control: &Control) -> Result<u64> {
    let mut decoded = 0;
    for (name, facts) in tracks.all() {
        let Some(facts) = facts else { continue };
        let key = facts.protection.as_ref().and_then(|protection| keys?.of_id(protection.key)).cloned();
        if facts.protection.is_some() && key.is_none() {
            continue;
        }
        // Sound that was not encrypted is taken for what it is.
        if !facts.is_video() && key.is_none() {
            continue;
        }
        let joined = if facts.parts.is_empty() { None } else { Some(joined(tracks, facts, control)?) };
        let path = joined.as_ref().map_or_else(|| tracks.place.path(name), |file| Some(file.path().to_path_buf()));
        let Some(path) = path else { continue };
        if !facts.is_video() {
            if let Some(key) = &key {
                decode_sound(name, &path, facts, key, findings, control)?;
            }
            continue;
        }
        let options = OpenOptions { key, ..OpenOptions::default() }.audio(AudioChoice::None);
        let mut source = match Source::open_within(&Input::Path(path), &options, control) {
            Ok(source) => source,
            Err(error @ (Error::Cancelled | Error::Io { .. })) => return Err(error),
            Err(error) => {
                findings.add(Rule::Decoding, name, error.to_string());
                continue;
            }
        };
        let mut frames = 0;
        let ended = loop {
            control.check()?;
            match source.next() {
                Ok(Event::Frame { .. }) => frames += 1,
                Ok(Event::End) => break Ok(()),
                Ok(Event::Audio { .. } | Event::SoundChanged { .. }) => {}
                Err(error @ (Error::Cancelled | Error::Io { .. })) => return Err(error),
                Err(error) => break Err(error),
            }
        };
        decoded += frames;
        let mut damage = source.damage().clone();
        if frames == facts.samples {
            // libav does not know how long the last frame of fragments lasts, and takes the film for cut short.
            damage.truncated_at = None;
        }
        if let Err(error) = ended {
            findings.add(Rule::Decoding, name, error.to_string());
        } else if damage != Damage::default() {
            findings.add(Rule::Decoding, name, in_words(&damage));
        }
    }
    Ok(decoded)
}

/// Says what is wrong with pictures that were read without their sound.
fn in_words(damage: &Damage) -> String {
    let Damage { damaged_frames, first_at, truncated_at, retimed_frames, time_jumps, missing_bytes, .. } = *damage;
    let are = |count: u64, one: &str, several: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {several}"),
    };
    let first = first_at.map(|at| format!(", the first at {at:.3} s")).unwrap_or_default();
    let mut all = Vec::new();
    if damaged_frames > 0 {
        all.push(are(damaged_frames, "frame is damaged", "frames are damaged") + &first);
    }
    all.extend(truncated_at.map(|end| format!("it ends at {end:.3} s, before its declared end")));
    if retimed_frames > 0 {
        all.push(are(retimed_frames, "frame has a wrong time, or none", "frames have wrong times, or none"));
    }
    if time_jumps > 0 {
        all.push(are(time_jumps, "time its clock begins anew", "times its clock begins anew"));
    }
    if missing_bytes > 0 {
        all.push(are(missing_bytes, "byte is missing at its end", "bytes are missing at its end"));
    }
    all.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_told_in_sentences() {
        let one = Damage { damaged_frames: 1, ..Damage::default() };
        assert_eq!(in_words(&one), "1 frame is damaged");
        let damage = Damage {
            damaged_frames: 3,
            first_at: Some(4.2),
            truncated_at: Some(7.2),
            retimed_frames: 2,
            time_jumps: 2,
            missing_bytes: 5,
            ..Damage::default()
        };
        let expected = "3 frames are damaged, the first at 4.200 s; it ends at 7.200 s, before its declared end; \
                        2 frames have wrong times, or none; 2 times its clock begins anew; 5 bytes are missing at its end";
        assert_eq!(in_words(&damage), expected);
    }
}
