//! The rules of HLS: RFC 8216, and Apple's authoring specification.

use super::findings::{Findings, Rule};
use super::frame_rate::{fits, frame_rates};
use super::playlist::{Attributes, Playlist, attributes, byte_range};
use super::rates::{is_near, measure};
use super::text::{WebVtt, WrittenCue};
use super::thumbnails::{self, tiles};
use super::track::{TrackFacts, TrackKind};
use super::tracks::{Named, Tracks};
use crate::colour::cicp;
use crate::control::Control;
use crate::error::Result;
use std::collections::{BTreeMap, BTreeSet};

/// Seconds that are rounding: EXTINF is written with six digits.
const ROUNDING: f64 = 1e-5;

/// Seconds and bytes of segments.
type Measured = Vec<(f64, u64)>;

struct Checker<'a> {
    tracks: &'a mut Tracks,
    findings: &'a mut Findings,
    control: &'a Control,
    /// Target durations of the media playlists that were read, as they are told.
    targets: BTreeMap<String, String>,
}

/// Checks a multivariant playlist and all that it names.
pub(super) fn check(
    name: &str,
    text: &str,
    tracks: &mut Tracks,
    findings: &mut Findings,
    control: &Control,
) -> Result<Named> {
    let mut checker = Checker { tracks, findings, control, targets: BTreeMap::new() };
    let playlist = Playlist::read(text);
    checker.syntax(name, &playlist);
    if playlist.value("EXT-X-INDEPENDENT-SEGMENTS").is_none() {
        checker.findings.add(Rule::IndependentSegments, name, "it does not say so");
    }
    let mut named = Named::default();
    let groups = checker.groups(name, &playlist, &mut named)?;
    let mut renditions = BTreeMap::new();
    for (attributes, uri) in &playlist.variants {
        if let Some((file, segments)) = checker.media(uri, false)? {
            named.video.insert(file.clone());
            checker.variant(name, attributes, uri, &file, &segments, &groups);
            renditions.insert(uri.clone(), file);
        }
    }
    if playlist.variants.is_empty() {
        checker.findings.add(Rule::PlaylistSyntax, name, "no variant");
    }
    let ranges: BTreeSet<_> = renditions.values().filter_map(|file| checker.range(file)).collect();
    let all_sdr = ranges.iter().all(|range| *range == "SDR");
    for (attributes, uri) in &playlist.variants {
        let Some(range) = renditions.get(uri).and_then(|file| checker.range(file)) else { continue };
        let told = attributes.get("VIDEO-RANGE").map(String::as_str);
        let kept = told == Some(range) || told.is_none() && all_sdr;
        checker.findings.rule(kept, Rule::VideoRange, name, || format!("{uri}: {told:?}, and its stream is {range}"));
    }
    checker.text(name, &playlist, &renditions, &mut named)?;
    checker.keys(name, &playlist, &renditions)?;
    checker.images(name, &playlist, &renditions)?;
    checker.targets(&playlist);
    Ok(named)
}

/// A group of sound: the highest average and peak of its tracks, its codecs, and its tracks.
#[derive(Default)]
struct Group {
    average: f64,
    peak: f64,
    codecs: BTreeSet<String>,
}

impl Checker<'_> {
    fn syntax(&mut self, name: &str, playlist: &Playlist) {
        for fault in &playlist.faults {
            self.findings.add(Rule::PlaylistSyntax, name, fault.clone());
        }
        let version = playlist.value("EXT-X-VERSION").and_then(|value| value.parse::<u32>().ok()).unwrap_or(1);
        let has = |tag: &str| playlist.value(tag).is_some();
        let fractions = playlist.segments.iter().any(|segment| segment.seconds.fract() != 0.0);
        let needed = match () {
            () if has("EXT-X-MAP") && !has("EXT-X-I-FRAMES-ONLY") => 6,
            () if has("EXT-X-MAP") => 5,
            () if has("EXT-X-BYTERANGE") || has("EXT-X-I-FRAMES-ONLY") => 4,
            () if fractions => 3,
            () => 1,
        };
        self.findings
            .rule(version >= needed, Rule::PlaylistVersion, name, || format!("{version}, and its tags need {needed}"));
    }

    /// Reads a media playlist and its track; gives the track's file, and the seconds and bytes of its segments.
    fn media(&mut self, name: &str, keys: bool) -> Result<Option<(String, Measured)>> {
        let Some(text) = self.tracks.place.text(name, self.control)? else {
            self.findings.add(Rule::FileMissing, name, "is named and not there");
            return Ok(None);
        };
        let mut playlist = Playlist::read(&text);
        self.syntax(name, &playlist);
        let kept = playlist.value("EXT-X-PLAYLIST-TYPE") == Some("VOD") && playlist.value("EXT-X-ENDLIST").is_some();
        self.findings
            .rule(kept, Rule::PlaylistType, name, || "it is not of type VOD, or has no EXT-X-ENDLIST".to_owned());
        let target = playlist.value("EXT-X-TARGETDURATION");
        self.targets.insert(name.to_owned(), target.unwrap_or_default().to_owned());
        let target = target.and_then(|value| value.parse::<f64>().ok());
        let longest = playlist.segments.iter().map(|it| it.seconds).fold(0.0, f64::max);
        self.findings.rule(target.is_some_and(|target| longest.round() <= target), Rule::TargetDuration, name, || {
            format!("{target:?}, and its longest segment lasts {longest} s")
        });
        let Some(map) = playlist.value("EXT-X-MAP").and_then(attributes) else {
            self.findings.add(Rule::Map, name, "no EXT-X-MAP");
            return Ok(None);
        };
        let file = map.get("URI").cloned().unwrap_or_default();
        let as_files = playlist.segments.iter().all(|segment| segment.uri != file && segment.range.is_some() == keys);
        if as_files && !keys {
            let segments = playlist.segments.iter().map(|segment| segment.uri.clone()).collect();
            self.tracks.read_files((&file, segments), name, self.findings, self.control)?;
        } else if !as_files && playlist.segments.iter().any(|segment| segment.uri != file || segment.range.is_none()) {
            self.findings.add(
                Rule::ByteRange,
                name,
                "its segments are neither all files nor all ranges of the file of EXT-X-MAP",
            );
            return Ok(None);
        } else if !as_files {
            self.tracks.read(&file, name, self.findings, self.control)?;
        }
        let Some(track) = self.tracks.facts(&file) else { return Ok(None) };
        if as_files && !place_in_track(&mut playlist, track) {
            self.findings.add(Rule::FileMissing, name, format!("it names files that are no segments of {file}"));
            return Ok(None);
        }
        let header = track.parts.first().filter(|_| as_files).map(|(_, bytes)| (bytes.end, Some(0)));
        let range = map.get("BYTERANGE").map_or(header, |range| byte_range(range));
        let is_header = range.is_some_and(|(length, at)| at.unwrap_or(0) == 0 && length == track.header.end);
        self.findings.rule(is_header, Rule::Map, name, || format!("{range:?}, and the header is {:?}", track.header));
        encryption(self.findings, name, &playlist, track);
        let segments = if keys {
            key_frames(self.findings, name, &playlist, track)
        } else {
            segments(self.findings, name, &playlist, track)
        };
        Ok(Some((file, segments)))
    }

    /// Reads the groups of sound, and their tracks.
    fn groups(&mut self, name: &str, playlist: &Playlist, named: &mut Named) -> Result<BTreeMap<String, Group>> {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        let mut members: BTreeMap<String, Vec<Attributes>> = BTreeMap::new();
        for tag in playlist.all("EXT-X-MEDIA") {
            if tag.get("TYPE").map(String::as_str) != Some("AUDIO") {
                continue;
            }
            let id = tag.get("GROUP-ID").cloned().unwrap_or_default();
            let group = groups.entry(id.clone()).or_default();
            members.entry(id).or_default().push(tag.clone());
            let Some(uri) = tag.get("URI") else { continue };
            if let Some((file, segments)) = self.media(uri, false)? {
                let (average, peak) = measure(&segments);
                (group.average, group.peak) = (group.average.max(average), group.peak.max(peak));
                if let Some(track) = self.tracks.facts(&file) {
                    self.findings.rule(!track.is_opus(), Rule::Opus, name, || format!("{uri}: is in an HLS playlist"));
                    group.codecs.insert(track.codecs[0].clone());
                    if let TrackKind::Sound { channels, .. } = track.kind {
                        let told = tag.get("CHANNELS").and_then(|told| told.split('/').next()?.parse::<u16>().ok());
                        self.findings.rule(told == Some(channels), Rule::AudioGroup, name, || {
                            format!("{uri}: CHANNELS are {told:?}, and it has {channels}")
                        });
                    }
                }
                named.sound.insert(file);
            }
        }
        for (id, tags) in &members {
            let defaults = tags.iter().filter(|tag| tag.get("DEFAULT").map(String::as_str) == Some("YES")).count();
            let names: BTreeSet<_> = tags.iter().map(|tag| tag.get("NAME")).collect();
            let kept = defaults == 1 && names.len() == tags.len() && !names.contains(&None);
            self.findings.rule(kept, Rule::AudioGroup, name, || {
                format!("{id}: {} tracks, {defaults} of them default, with {} names", tags.len(), names.len())
            });
        }
        let stereo = named.sound.iter().any(|file| {
            let kind = self.tracks.facts(file).map(|track| &track.kind);
            matches!(kind, Some(TrackKind::Sound { channels: 1 | 2, aac_lc: true, .. }))
        });
        self.findings.rule(named.sound.is_empty() || stereo, Rule::StereoAac, name, || "there is none".to_owned());
        Ok(groups)
    }

    fn range(&self, file: &str) -> Option<&'static str> {
        match self.tracks.facts(file)?.kind {
            TrackKind::Video { transfer: cicp::PQ, .. } => Some("PQ"),
            TrackKind::Video { transfer: cicp::HLG, .. } => Some("HLG"),
            TrackKind::Video { .. } => Some("SDR"),
            TrackKind::Sound { .. } => None,
        }
    }

    /// Checks what is said of a variant.
    fn variant(
        &mut self,
        name: &str,
        told: &Attributes,
        uri: &str,
        file: &str,
        segments: &[(f64, u64)],
        groups: &BTreeMap<String, Group>,
    ) {
        let Some(track) = self.tracks.facts(file) else { return };
        let needed = ["BANDWIDTH", "AVERAGE-BANDWIDTH", "CODECS", "RESOLUTION", "FRAME-RATE"];
        let missing: Vec<_> = needed.into_iter().filter(|name| !told.contains_key(*name)).collect();
        self.findings
            .rule(missing.is_empty(), Rule::Attributes, name, || format!("{uri}: without {}", missing.join(", ")));
        let (mut average, mut peak) = measure(segments);
        let mut sound = BTreeSet::new();
        if let Some(id) = told.get("AUDIO") {
            match groups.get(id) {
                Some(group) => {
                    (average, peak) = (average + group.average, peak + group.peak);
                    sound.clone_from(&group.codecs);
                }
                None => self.findings.add(Rule::AudioGroup, name, format!("{uri}: there is no group {id}")),
            }
        } else if !groups.is_empty() {
            self.findings.add(Rule::AudioGroup, name, format!("{uri}: is without sound"));
        }
        let number = |name: &str| told.get(name).and_then(|value| value.parse::<f64>().ok());
        for (attribute, rule, measured) in
            [("BANDWIDTH", Rule::Bandwidth, peak), ("AVERAGE-BANDWIDTH", Rule::AverageBandwidth, average)]
        {
            let kept = number(attribute).is_none_or(|told| is_near(told, measured));
            self.findings
                .rule(kept, rule, name, || format!("{uri}: {:?}, and measured are {measured:.0}", told.get(attribute)));
        }
        if let Some(codecs) = told.get("CODECS") {
            let mut parts: BTreeSet<_> = codecs.split(',').map(|codec| codec.trim().to_owned()).collect();
            let has_picture = track.codecs.iter().any(|codec| parts.remove(codec));
            self.findings.rule(has_picture && parts == sound, Rule::Codecs, name, || {
                format!("{uri}: {codecs}, and its streams are {} and {sound:?}", track.codecs[0])
            });
        }
        if let (TrackKind::Video { size, .. }, Some(resolution)) = (&track.kind, told.get("RESOLUTION")) {
            self.findings.rule(*resolution == size.to_string(), Rule::Resolution, name, || {
                format!("{uri}: {resolution}, and it is {size}")
            });
        }
        if let Some(rate) = number("FRAME-RATE") {
            let rates = frame_rates(track);
            self.findings.rule(fits(rate, rates), Rule::FrameRate, name, || {
                format!("{uri}: {rate}, and its frames come at {rates:?}")
            });
        }
    }

    /// Checks the tracks of text.
    fn text(
        &mut self,
        name: &str,
        playlist: &Playlist,
        renditions: &BTreeMap<String, String>,
        named: &mut Named,
    ) -> Result<()> {
        let lasts =
            renditions.values().find_map(|file| self.tracks.facts(file)).map(|track| track.seconds(track.duration()));
        let (mut groups, mut names) = (BTreeSet::new(), BTreeSet::new());
        for tag in playlist.all("EXT-X-MEDIA").filter(|tag| tag.get("TYPE").map(String::as_str) == Some("SUBTITLES")) {
            let group = tag.get("GROUP-ID").cloned().unwrap_or_default();
            let is_new = names.insert((group.clone(), tag.get("NAME").cloned()));
            self.findings.rule(is_new && tag.contains_key("NAME"), Rule::Text, name, || {
                format!("{group}: two tracks have one name")
            });
            groups.insert(group);
            let Some(uri) = tag.get("URI") else {
                self.findings.add(Rule::Text, name, "a track of text without a URI");
                continue;
            };
            let Some(text) = self.tracks.place.text(uri, self.control)? else {
                self.findings.add(Rule::FileMissing, uri, format!("is named by {name} and not there"));
                continue;
            };
            let own = Playlist::read(&text);
            self.syntax(uri, &own);
            let seconds: f64 = own.segments.iter().map(|segment| segment.seconds).sum();
            let whole =
                lasts.is_none_or(|lasts| (seconds - lasts).abs() < 0.01) && own.value("EXT-X-ENDLIST").is_some();
            self.findings.rule(whole, Rule::Text, uri, || format!("it lasts {seconds} s, and the picture {lasts:?}"));
            self.text_target(uri, &own, playlist);
            named.text.push(self.text_segments(uri, &own)?);
        }
        for (told, uri) in &playlist.variants {
            let group = told.get("SUBTITLES");
            let kept = group.map_or(groups.is_empty(), |group| groups.contains(group));
            self.findings.rule(kept, Rule::Text, name, || {
                format!("{uri}: its group of text is {group:?}, and there are {groups:?}")
            });
        }
        Ok(())
    }

    /// Compares the segments of a track of text with its target duration and that of the picture.
    fn text_target(&mut self, name: &str, own: &Playlist, playlist: &Playlist) {
        let number = |target: &str| target.parse::<f64>().ok();
        let longest = own.segments.iter().map(|it| it.seconds).fold(0.0, f64::max).round();
        let target = own.value("EXT-X-TARGETDURATION").and_then(number);
        self.findings.rule(target.is_some_and(|target| longest <= target), Rule::TargetDuration, name, || {
            format!("{target:?}, and its longest segment lasts {longest} s")
        });
        let mut pictures = playlist.variants.iter().filter_map(|(_, uri)| self.targets.get(uri));
        let picture = pictures.next().and_then(|target| number(target));
        self.findings.rule(picture.is_none_or(|picture| longest <= picture), Rule::TextSegments, name, || {
            format!("its longest segment lasts {longest} s, and the target duration of the picture is {picture:?}")
        });
    }

    /// Reads the segments of a track of text; gives the cues of all.
    fn text_segments(&mut self, name: &str, own: &Playlist) -> Result<BTreeSet<WrittenCue>> {
        let (mut segments, mut from) = (Vec::new(), 0.0);
        for segment in &own.segments {
            let until = from + segment.seconds;
            let Some(text) = self.tracks.place.text(&segment.uri, self.control)? else {
                self.findings.add(Rule::FileMissing, &segment.uri, format!("is named by {name} and not there"));
                continue;
            };
            let read = WebVtt::read(&text);
            let head = &read.head;
            self.findings.rule(read.is_mapped(), Rule::Text, &segment.uri, || format!("it begins with {head:?}"));
            read.faults.iter().for_each(|fault| self.findings.add(Rule::Text, &segment.uri, fault.clone()));
            segments.push((&segment.uri, from, until, read.cues));
            from = until;
        }
        let all: BTreeSet<_> = segments.iter().flat_map(|(.., cues)| cues).cloned().collect();
        for (uri, from, until, cues) in segments {
            let wrong =
                all.iter().find(|cue| cue.is_shown(from, until).is_some_and(|shown| shown != cues.contains(cue)));
            if let Some(cue) = wrong {
                let why =
                    format!("it lasts from {from:.3} to {until:.3} s, and what it has of {cue:?} is not as that asks");
                self.findings.add(Rule::TextSegments, uri, why);
            }
        }
        Ok(all)
    }

    /// Checks the playlists of key frames.
    fn keys(&mut self, name: &str, playlist: &Playlist, renditions: &BTreeMap<String, String>) -> Result<()> {
        let mut with_keys = BTreeSet::new();
        for tag in playlist.all("EXT-X-I-FRAME-STREAM-INF") {
            let Some(uri) = tag.get("URI") else {
                self.findings.add(Rule::KeyPlaylist, name, "one without a URI");
                continue;
            };
            let Some((file, segments)) = self.media(uri, true)? else { continue };
            let (average, peak) = measure(&segments);
            for (attribute, rule, measured) in
                [("BANDWIDTH", Rule::Bandwidth, peak), ("AVERAGE-BANDWIDTH", Rule::AverageBandwidth, average)]
            {
                let told = tag.get(attribute).and_then(|value| value.parse::<f64>().ok());
                let kept = told.is_some_and(|told| is_near(told, measured));
                self.findings.rule(kept, rule, name, || format!("{uri}: {told:?}, and measured are {measured:.0}"));
            }
            with_keys.insert(file);
        }
        for (uri, file) in renditions {
            self.findings.rule(with_keys.contains(file), Rule::KeyPlaylist, name, || format!("{uri}: has none"));
        }
        Ok(())
    }

    /// Checks playlists of stills, by the Image Media Playlist specification.
    fn images(&mut self, name: &str, playlist: &Playlist, renditions: &BTreeMap<String, String>) -> Result<()> {
        let first = renditions.values().find_map(|file| self.tracks.facts(file));
        let lasts = first.map_or(0.0, |track| track.seconds(track.duration()));
        for tag in playlist.all("EXT-X-IMAGE-STREAM-INF") {
            let uri = tag.get("URI").map(String::as_str).unwrap_or_default();
            let Some(text) = self.tracks.place.text(uri, self.control)? else {
                self.findings.add(Rule::FileMissing, uri, format!("is named by {name} and not there"));
                continue;
            };
            let images = Playlist::read(&text);
            self.syntax(uri, &images);
            let told: f64 = images.segments.iter().map(|segment| segment.seconds).sum();
            let kept = images.value("EXT-X-IMAGES-ONLY").is_some() && (told - lasts).abs() < 0.01;
            self.findings.rule(kept, Rule::Thumbnails, uri, || {
                format!("{told:.3} s, and the picture lasts {lasts:.3} s, or without EXT-X-IMAGES-ONLY")
            });
            let all: Vec<_> = images.all("EXT-X-TILES").collect();
            for (index, segment) in images.segments.iter().enumerate() {
                let of = |name: &str| all.get(index).and_then(|tag| tag.get(name)).and_then(|value| tiles(value));
                match (of("RESOLUTION"), of("LAYOUT")) {
                    (Some([width, height]), Some([columns, rows])) => {
                        let sides = [width * columns, height * rows];
                        thumbnails::check(&segment.uri, uri, sides, self.tracks, self.findings, self.control)?;
                    }
                    _ => self.findings.add(Rule::Thumbnails, uri, format!("{}: has no EXT-X-TILES", segment.uri)),
                }
            }
        }
        Ok(())
    }

    /// The target duration is the same in all renditions of the picture.
    fn targets(&mut self, playlist: &Playlist) {
        let mut told = playlist.variants.iter().filter_map(|(_, uri)| self.targets.get_key_value(uri));
        let Some((first, expected)) = told.next() else { return };
        for (uri, target) in told {
            self.findings
                .rule(expected == target, Rule::TargetDuration, uri, || format!("{target}, and {expected} in {first}"));
        }
    }
}

/// Has segments that are files, or ranges of such, lie where they would if all files of the track were one; says whether all of them
/// are the track's.
fn place_in_track(playlist: &mut Playlist, track: &TrackFacts) -> bool {
    let parts: BTreeMap<_, _> = track.parts.iter().skip(1).map(|(name, bytes)| (&**name, bytes)).collect();
    playlist.segments.iter_mut().all(|segment| {
        let Some(bytes) = parts.get(&*segment.uri) else { return false };
        segment.range = Some(match segment.range {
            Some((length, begin)) => (length, Some(bytes.start + begin.unwrap_or(0))),
            None => (bytes.end - bytes.start, Some(bytes.start)),
        });
        true
    })
}

/// Compares what a playlist says of the encryption of its track with the track.
fn encryption(findings: &mut Findings, name: &str, playlist: &Playlist, track: &TrackFacts) {
    let keys: Vec<_> = playlist.all("EXT-X-KEY").collect();
    let is_clear = |key: &Attributes| key.get("METHOD").map(String::as_str) == Some("NONE");
    let Some(protection) = &track.protection else {
        findings.rule(keys.iter().all(is_clear), Rule::KeyTags, name, || "its track is not encrypted".to_owned());
        return;
    };
    findings.rule(!keys.is_empty(), Rule::KeyTags, name, || "no EXT-X-KEY, and its track is encrypted".to_owned());
    let expected = format!("0x{}", protection.key);
    for key in &keys {
        let method = key.get("METHOD").map(String::as_str);
        let id = key.get("KEYID").map(|id| id.to_ascii_lowercase());
        let kept =
            method == Some("SAMPLE-AES") && key.contains_key("URI") && id.as_ref().is_none_or(|id| *id == expected);
        findings.rule(kept, Rule::KeyTags, name, || {
            format!("METHOD {method:?}, KEYID {id:?}, and its track is encrypted with key {expected}")
        });
    }
}

/// Compares the segments of a playlist with the fragments of its track; gives their seconds and bytes.
fn segments(findings: &mut Findings, name: &str, playlist: &Playlist, track: &TrackFacts) -> Measured {
    let mut at = track.fragments.first().map_or(0, |fragment| fragment.bytes.start);
    let mut measured = Vec::new();
    for (number, segment) in playlist.segments.iter().enumerate() {
        let Some((length, begin)) = segment.range else { continue };
        let begin = begin.unwrap_or(at);
        let end = begin.saturating_add(length);
        let (those, are_whole) = track.within(&(begin..end));
        let whole = begin == at && are_whole;
        findings.rule(whole, Rule::ByteRange, name, || {
            format!("segment {number}: {length} bytes at {begin} are no whole fragments after {at}")
        });
        if whole {
            findings.rule(those.first().is_some_and(|it| it.key), Rule::SegmentKey, name, || {
                format!("segment {number} begins with no key frame")
            });
            let seconds = track.seconds(those.iter().map(|it| it.duration).sum());
            findings.rule((seconds - segment.seconds).abs() < ROUNDING, Rule::SegmentDuration, name, || {
                format!("segment {number}: {} s, and its samples last {seconds:.6} s", segment.seconds)
            });
            measured.push((seconds, length));
        }
        at = end;
    }
    findings.rule(at == track.size, Rule::ByteRange, name, || {
        format!("its segments end at {at}, and the file at {}", track.size)
    });
    measured
}

/// Compares a playlist of key frames with those of its track; gives their seconds and bytes.
fn key_frames(findings: &mut Findings, name: &str, playlist: &Playlist, track: &TrackFacts) -> Measured {
    let keys: Vec<_> = track.fragments.iter().filter(|fragment| fragment.key).collect();
    let kept = playlist.value("EXT-X-I-FRAMES-ONLY").is_some() && keys.len() == playlist.segments.len();
    findings.rule(kept, Rule::KeyPlaylist, name, || {
        format!("{} of {} key frames, or without EXT-X-I-FRAMES-ONLY", playlist.segments.len(), keys.len())
    });
    let begin = track.fragments.first().map_or(0, |fragment| fragment.start);
    let ends = keys.iter().skip(1).map(|key| key.start).chain([begin + track.duration()]);
    let mut measured = Vec::new();
    for ((number, segment), (key, end)) in playlist.segments.iter().enumerate().zip(keys.iter().zip(ends)) {
        let seconds = track.seconds(end.saturating_sub(key.start));
        let expected = (key.first_end - key.bytes.start, Some(key.bytes.start));
        findings.rule(segment.range == Some(expected), Rule::KeyPlaylist, name, || {
            format!("{number}: {:?}, and the key frame lies in {expected:?}", segment.range)
        });
        findings.rule((seconds - segment.seconds).abs() < ROUNDING, Rule::SegmentDuration, name, || {
            format!("key frame {number}: {} s, and the next comes after {seconds:.6} s", segment.seconds)
        });
        measured.push((seconds, expected.0));
    }
    measured
}
