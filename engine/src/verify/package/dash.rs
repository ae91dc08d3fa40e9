//! The rules of DASH: ISO/IEC 23009-1, profiles CMAF and on-demand, or live where segments are files.

use super::findings::{Findings, Rule};
use super::frame_rate::{fits, frame_rates};
use super::rates::{is_near, measure};
use super::template::{self, TemplateFiles, children};
use super::text::WebVtt;
use super::thumbnails::{self, are_whole, tiles};
use super::track::{TrackFacts, TrackKind};
use super::tracks::{Named, Tracks};
use crate::control::Control;
use crate::encryption::KeyId;
use crate::error::Result;
use roxmltree::{Document, Node};

/// Checks a manifest and all that it names.
pub(super) fn check(
    name: &str,
    text: &str,
    tracks: &mut Tracks,
    findings: &mut Findings,
    control: &Control,
) -> Result<Named> {
    let mut named = Named::default();
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            findings.add(Rule::Mpd, name, error.to_string());
            return Ok(named);
        }
    };
    let root = document.root_element();
    let periods: Vec<_> = children(root, "Period").collect();
    let [period] = periods[..] else {
        findings.add(Rule::Mpd, name, format!("{} periods", periods.len()));
        return Ok(named);
    };
    let lasts = root.attribute("mediaPresentationDuration").and_then(seconds);
    let profiles = root.attribute("profiles").unwrap_or_default();
    let kept = root.tag_name().name() == "MPD"
        && root.tag_name().namespace() == Some("urn:mpeg:dash:schema:mpd:2011")
        && root.attribute("type").unwrap_or("static") == "static"
        && profiles.split(',').any(|it| it.trim() == profile(root))
        && root.attribute("minBufferTime").and_then(seconds).is_some()
        && lasts.is_some();
    findings.rule(kept, Rule::Mpd, name, || {
        format!("it is not a static MPD of the profile {} with its durations", profile(root))
    });
    let mut longest: f64 = 0.0;
    for set in children(period, "AdaptationSet") {
        if set.attribute("contentType") == Some("text") || set.attribute("mimeType") == Some("text/vtt") {
            for url in set.descendants().filter(|node| node.tag_name().name() == "BaseURL") {
                let file = url.text().unwrap_or_default().trim().to_owned();
                let Some(text) = tracks.place.text(&file, control)? else {
                    findings.add(Rule::FileMissing, &file, format!("is named by {name} and not there"));
                    continue;
                };
                let read = WebVtt::read(&text);
                findings.rule(read.is_signed(), Rule::Text, &file, || "it does not begin with WEBVTT".to_owned());
                read.faults.into_iter().for_each(|fault| findings.add(Rule::Text, &file, fault));
                named.text.push(read.cues);
            }
            continue;
        }
        if set.attribute("contentType") == Some("image") || set.attribute("mimeType") == Some("image/jpeg") {
            images(name, set, lasts.unwrap_or(0.0), tracks, findings, control)?;
            continue;
        }
        let aligned = match has_files(set) {
            true => set.attribute("segmentAlignment") == Some("true") && set.attribute("startWithSAP") == Some("1"),
            false => {
                set.attribute("subsegmentAlignment") == Some("true")
                    && set.attribute("subsegmentStartsWithSAP") == Some("1")
            }
        };
        findings.rule(aligned, Rule::MpdSets, name, || {
            "a set does not say that it is aligned and begins with key frames".to_owned()
        });
        let mime = set.attribute("mimeType").unwrap_or_default();
        for representation in children(set, "Representation") {
            let id = representation.attribute("id").unwrap_or_default();
            let base = children(representation, "BaseURL").next().and_then(|url| url.text()).unwrap_or_default().trim();
            let files = match template::files(set, representation) {
                Ok(files) => files,
                Err(why) => {
                    findings.add(Rule::MpdTimeline, name, format!("{id}: {why}"));
                    continue;
                }
            };
            let file = match &files {
                Some(files) => {
                    let segments = files.segments.iter().map(|segment| format!("{base}{}", segment.file)).collect();
                    let header = format!("{base}{}", files.header);
                    tracks.read_files((&header, segments), name, findings, control)?;
                    header
                }
                None => {
                    tracks.read(base, name, findings, control)?;
                    base.to_owned()
                }
            };
            let Some(track) = tracks.facts(&file) else { continue };
            let expected = if track.is_video() { "video/mp4" } else { "audio/mp4" };
            let mime = representation.attribute("mimeType").unwrap_or(mime);
            findings.rule(mime == expected, Rule::MpdSets, name, || format!("{id}: is {expected}, in a set of {mime}"));
            self::representation(findings, name, id, representation, track);
            match &files {
                Some(files) => timeline(findings, name, id, files, track),
                None => ranges(findings, name, id, representation, track),
            }
            longest = longest.max(if track.is_video() { track.seconds(track.duration()) } else { 0.0 });
            if track.is_video() {
                named.video.insert(file)
            } else {
                named.sound.insert(file)
            };
        }
    }
    // Durations are written in milliseconds.
    let kept = lasts.is_some_and(|lasts| (lasts - longest).abs() < 0.0015);
    findings.rule(kept, Rule::Mpd, name, || {
        format!("mediaPresentationDuration is {lasts:?} s, and the picture lasts {longest:.3} s")
    });
    if let (Some(told), Some(lasts)) = (period.attribute("duration").and_then(seconds), lasts) {
        findings.rule(told == lasts, Rule::Mpd, name, || format!("its period lasts {told} s"));
    }
    Ok(named)
}

/// More files of stills than any film has: a manifest that asks for more is not followed.
const MOST_IMAGES: f64 = 10_000.0;

/// Checks stills in grids: their template names a file for each part of the film.
fn images(
    name: &str,
    set: Node<'_, '_>,
    lasts: f64,
    tracks: &Tracks,
    findings: &mut Findings,
    control: &Control,
) -> Result<()> {
    let number = |node: Node<'_, '_>, attribute: &str| node.attribute(attribute).and_then(|value| value.parse().ok());
    for representation in children(set, "Representation") {
        let template = children(representation, "SegmentTemplate").chain(children(set, "SegmentTemplate")).next();
        let told = template.and_then(|template| {
            let seconds = number(template, "duration")? / number(template, "timescale").unwrap_or(1.0);
            let media = template.attribute("media").filter(|media| media.contains("$Number$"))?;
            (seconds > 0.0).then(|| (media, seconds, number(template, "startNumber").unwrap_or(1.0)))
        });
        let grid = children(representation, "EssentialProperty")
            .find(|property| property.attribute("schemeIdUri") == Some("http://dashif.org/guidelines/thumbnail_tile"));
        let sides = ["width", "height"].map(|side| number(representation, side).unwrap_or(0.0));
        let grid = grid.and_then(|grid| tiles(grid.attribute("value")?)).filter(|grid| are_whole(sides, *grid));
        let (Some((media, seconds, first)), Some(_)) = (told, grid) else {
            findings.add(
                Rule::Thumbnails,
                name,
                "a set of stills has no template with $Number$ and duration, or no grid",
            );
            continue;
        };
        let media = media.replace("$RepresentationID$", representation.attribute("id").unwrap_or_default());
        let mut at = 0.0;
        let mut file = first;
        // Seconds are written with three digits.
        while at < lasts - 0.002 && file - first < MOST_IMAGES {
            thumbnails::check(&media.replace("$Number$", &file.to_string()), name, sides, tracks, findings, control)?;
            (at, file) = (at + seconds, file + 1.0);
        }
    }
    Ok(())
}

fn representation(findings: &mut Findings, name: &str, id: &str, node: Node<'_, '_>, track: &TrackFacts) {
    let rule = Rule::MpdRepresentation;
    let set = node.parent_element();
    let told = |attribute: &str| node.attribute(attribute).or_else(|| set.and_then(|set| set.attribute(attribute)));
    protection(findings, name, id, node, track);
    let codecs = told("codecs").unwrap_or_default();
    findings.rule(track.codecs.iter().any(|it| it == codecs), Rule::Codecs, name, || {
        format!("{id}: {codecs}, and its stream is {}", track.codecs[0])
    });
    let segments: Vec<_> =
        track.indexed.iter().map(|(ticks, bytes)| (track.seconds(*ticks), bytes.end - bytes.start)).collect();
    let (_, peak) = measure(&segments);
    let bandwidth = told("bandwidth").and_then(|value| value.parse::<f64>().ok());
    findings.rule(bandwidth.is_some_and(|told| is_near(told, peak)), Rule::Bandwidth, name, || {
        format!("{id}: {bandwidth:?}, and measured are {peak:.0}")
    });
    match &track.kind {
        TrackKind::Video { size, .. } => {
            let (width, height) = (size.width.to_string(), size.height.to_string());
            findings.rule(told("width") == Some(&width) && told("height") == Some(&height), rule, name, || {
                format!("{id}: {:?} by {:?}, and it is {size}", told("width"), told("height"))
            });
            let rate = told("frameRate").and_then(|rate| match rate.split_once('/') {
                Some((num, den)) => Some(num.parse::<f64>().ok()? / den.parse::<f64>().ok()?),
                None => rate.parse().ok(),
            });
            let rates = frame_rates(track);
            findings.rule(rate.is_some_and(|rate| fits(rate, rates)), rule, name, || {
                format!("{id}: frameRate is {rate:?}, and its frames come at {rates:?}")
            });
        }
        TrackKind::Sound { channels, rate, .. } => {
            let sampling = told("audioSamplingRate").and_then(|value| value.parse::<u32>().ok());
            findings.rule(sampling == Some(*rate), rule, name, || {
                format!("{id}: audioSamplingRate is {sampling:?}, and it is {rate}")
            });
            let configuration = children(node, "AudioChannelConfiguration").next();
            let value = configuration.and_then(|it| it.attribute("value")).and_then(|value| value.parse::<u16>().ok());
            findings.rule(value == Some(*channels), rule, name, || {
                format!("{id}: {value:?} channels, and it has {channels}")
            });
        }
    }
}

/// Compares when segments begin, and how long they last, with the segment files.
fn timeline(findings: &mut Findings, name: &str, id: &str, files: &TemplateFiles, track: &TrackFacts) {
    let whole = track.parts.first().is_some_and(|(_, bytes)| *bytes == track.header);
    findings.rule(whole, Rule::Map, name, || format!("{id}: {} is not the header alone", files.header));
    let mut start = track.fragments.first().map_or(0, |it| it.start.saturating_sub(track.priming));
    for (segment, (ticks, _)) in files.segments.iter().zip(&track.indexed) {
        // Both are whole numbers of their ticks.
        let same = |told: u64, is: u64| {
            u128::from(told) * u128::from(track.timescale) == u128::from(is) * u128::from(files.timescale)
        };
        findings.rule(same(segment.start, start) && same(segment.lasts, *ticks), Rule::MpdTimeline, name, || {
            let (begins, lasts) = (track.seconds(start), track.seconds(*ticks));
            let told = (segment.start, segment.lasts, files.timescale);
            format!("{id}: {} begins at {begins:.6} s and lasts {lasts:.6} s, and {told:?} is told", segment.file)
        });
        start += ticks;
    }
}

/// Compares the ranges of header and index with those of the file.
fn ranges(findings: &mut Findings, name: &str, id: &str, node: Node<'_, '_>, track: &TrackFacts) {
    let base = children(node, "SegmentBase").next();
    let index = base.and_then(|base| base.attribute("indexRange")).and_then(range);
    let header = base
        .and_then(|base| children(base, "Initialization").next())
        .and_then(|it| it.attribute("range"))
        .and_then(range);
    findings.rule(index.is_some() && index == track.index, Rule::MpdRanges, name, || {
        format!("{id}: indexRange is {index:?}, and the index lies in {:?}", track.index)
    });
    findings.rule(header.as_ref() == Some(&track.header), Rule::MpdRanges, name, || {
        format!("{id}: Initialization is {header:?}, and the header is {:?}", track.header)
    });
}

/// Tells whether segments of tracks in here are files; stills always are.
fn has_files(node: Node<'_, '_>) -> bool {
    let is_of_stills = |node: Node<'_, '_>| node.ancestors().any(|it| it.attribute("contentType") == Some("image"));
    node.descendants().any(|node| node.tag_name().name() == "SegmentTemplate" && !is_of_stills(node))
}

/// The profile that a manifest ought to have: of files, or of ranges.
fn profile(root: Node<'_, '_>) -> &'static str {
    match has_files(root) {
        true => "urn:mpeg:dash:profile:isoff-live:2011",
        false => "urn:mpeg:dash:profile:isoff-on-demand:2011",
    }
}

/// Compares what is said of a track's encryption with the track.
fn protection(findings: &mut Findings, name: &str, id: &str, node: Node<'_, '_>, track: &TrackFacts) {
    let set = node.parent_element();
    let told = std::iter::once(node).chain(set).flat_map(|node| children(node, "ContentProtection"));
    let told: Vec<_> = told.collect();
    let common = told.iter().find(|it| it.attribute("schemeIdUri") == Some("urn:mpeg:dash:mp4protection:2011"));
    let key = common.and_then(|it| it.attribute(("urn:mpeg:cenc:2013", "default_KID"))).and_then(KeyId::read);
    let kept = match &track.protection {
        Some(protection) => common.and_then(|it| it.attribute("value")) == Some("cbcs") && key == Some(protection.key),
        None => told.is_empty(),
    };
    findings.rule(kept, Rule::MpdProtection, name, || {
        let expected = track.protection.as_ref().map(|it| it.key);
        format!("{id}: {} ContentProtection, the key {key:?}, and the track has {expected:?}", told.len())
    });
}

/// A range of bytes whose last is named.
fn range(text: &str) -> Option<std::ops::Range<u64>> {
    let (first, last) = text.split_once('-')?;
    Some(first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?)
}

/// A duration of XML Schema, of days at most.
fn seconds(text: &str) -> Option<f64> {
    let rest = text.strip_prefix('P')?;
    let (days, time) = rest.split_once('T')?;
    let mut total = match days.strip_suffix('D') {
        Some(days) => days.parse::<f64>().ok()? * 86_400.0,
        None if days.is_empty() => 0.0,
        None => return None,
    };
    let mut number = String::new();
    for letter in time.chars() {
        let unit = match letter {
            '0'..='9' | '.' => {
                number.push(letter);
                continue;
            }
            'H' => 3600.0,
            'M' => 60.0,
            'S' => 1.0,
            _ => return None,
        };
        total += std::mem::take(&mut number).parse::<f64>().ok()? * unit;
    }
    (number.is_empty() && !time.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        assert_eq!(seconds("PT1H2M3.5S"), Some(3723.5));
        assert_eq!(seconds("P1DT0.25S"), Some(86_400.25));
        for wrong in ["", "PT", "P1S", "PT5", "PT5X", "1S"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
        assert_eq!(range("10-19"), Some(10..20));
        assert_eq!(range("10"), None);
    }
}
