//! The DASH manifest: ISO/IEC 23009-1, profiles CMAF and on-demand, or live where segments are files.

use super::manifest::{
    AudioRendition, Package, SEGMENT_TEMPLATE, TextRendition, Thumbnails, VideoRendition, language_tag, track_file,
};
use super::rates::Rates;
use super::sample_entry::SampleEntry;
use super::track::Track;
use crate::encryption::{ContentKey, KeyId};
use crate::geometry::Rational;
use crate::source::Role;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Writer;
use quick_xml::events::BytesText;
use std::io;

const PROFILES: &str = "urn:mpeg:dash:profile:isoff-on-demand:2011,urn:mpeg:dash:profile:cmaf:2019";
/// The profile of segment files is called so whatever they are of (ISO/IEC 23009-1, 8.4).
const PROFILES_OF_FILES: &str = "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019";
/// Scheme of channel counts, as ISO/IEC 23091-3 numbers layouts; 1 is mono, 2 stereo, 6 is 5.1.
const CHANNELS: &str = "urn:mpeg:mpegB:cicp:ChannelConfiguration";
/// Scheme of counts of channels, for those whose layout has no number there.
const CHANNEL_COUNT: &str = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011";

/// Scheme of the grids that stills lie in.
const TILES: &str = "http://dashif.org/guidelines/thumbnail_tile";

/// Scheme of common encryption (ISO/IEC 23009-1, 5.8.4.1), and the one of whoever is given keys by the page (DASH-IF, Clear Key).
const ENCRYPTION: &str = "urn:mpeg:dash:mp4protection:2011";
const CLEAR_KEY: &str = "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e";
/// Scheme that names sets between which players may switch, though each has a key of its own.
const SWITCHING: &str = "urn:mpeg:dash:adaptation-set-switching:2016";

type Xml = Writer<Vec<u8>>;

/// Writes the manifest.
pub(super) fn manifest(package: &Package) -> String {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing into memory cannot fail.
    let _ = write(&mut xml, package);
    let text = String::from_utf8(xml.into_inner()).unwrap_or_default();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}\n")
}

fn write(xml: &mut Xml, package: &Package) -> io::Result<()> {
    let sound = || package.audio.iter().chain(&package.opus);
    let tracks = || package.video.iter().map(|it| &it.track).chain(sound().map(|it| &it.track));
    let seconds = package.duration();
    let longest =
        tracks().flat_map(|it| it.segments.iter().map(|segment| it.seconds(segment.duration))).fold(0.0, f64::max);
    let lasts = duration(seconds);
    let attributes = [
        ("xmlns", "urn:mpeg:dash:schema:mpd:2011"),
        ("xmlns:cenc", "urn:mpeg:cenc:2013"),
        ("profiles", if tracks().any(|track| track.segment_files) { PROFILES_OF_FILES } else { PROFILES }),
        ("type", "static"),
        ("mediaPresentationDuration", &lasts),
        ("maxSegmentDuration", &duration(longest)),
        ("minBufferTime", &duration(longest)),
    ];
    let is_used = |(name, _): &(&str, &str)| *name != "xmlns:cenc" || !package.keys().is_empty();
    let attributes = attributes.into_iter().filter(is_used);
    xml.create_element("MPD").with_attributes(attributes).write_inner_content(|xml| {
        if let Some(title) = &package.title {
            xml.create_element("ProgramInformation").write_inner_content(|xml| {
                xml.create_element("Title").write_text_content(BytesText::new(title)).map(drop)
            })?;
        }
        let period = [("id", "0"), ("start", "PT0S"), ("duration", lasts.as_str())];
        xml.create_element("Period").with_attributes(period).write_inner_content(|xml| {
            let mut id = 0;
            // Between renditions of different ranges nobody switches.
            for range in ["SDR", "HLG", "PQ"] {
                let those = package.video.iter().filter(|video| video.range() == range);
                let sets = by_key(those);
                let ids = id + 1..=id + sets.len();
                for (own, those) in ids.clone().zip(&sets) {
                    let others: Vec<_> = ids.clone().filter(|&other| other != own).map(|it| it.to_string()).collect();
                    video_set(xml, own, those, &others.join(","))?;
                }
                id += sets.len();
            }
            for those in [&package.audio, &package.opus] {
                for (number, audio) in those.iter().enumerate() {
                    id += 1;
                    audio_set(xml, id, audio, number == 0)?;
                }
            }
            for (number, text) in package.text.iter().enumerate() {
                id += 1;
                text_set(xml, id, text, number + 1, seconds)?;
            }
            if let Some(stills) = &package.thumbnails {
                image_set(xml, id + 1, stills)?;
            }
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(())
}

/// A file of text as it is, for the whole period.
fn text_set(xml: &mut Xml, id: usize, text: &TextRendition, number: usize, seconds: f64) -> io::Result<()> {
    let attributes = [("id", id.to_string()), ("contentType", "text".to_owned()), ("mimeType", "text/vtt".to_owned())];
    set(xml, attributes.into_iter().chain([("lang", text.language())]), |xml| {
        if text.captions {
            descriptor(xml, "Accessibility", "urn:tva:metadata:cs:AudioPurposeCS:2007", "2")?;
        }
        descriptor(xml, "Role", "urn:mpeg:dash:role:2011", if text.captions { "caption" } else { "subtitle" })?;
        if text.forced {
            descriptor(xml, "Role", "urn:mpeg:dash:role:2011", "forced-subtitle")?;
        }
        xml.create_element("Label").write_text_content(BytesText::new(&text.label(number)))?;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small file"
        )]
        let bandwidth = ((text.bytes * 8) as f64 / seconds.max(1.0)).ceil().max(1.0) as u64;
        let attributes = [("id", text.file.trim_end_matches(".vtt")), ("bandwidth", &bandwidth.to_string())];
        xml.create_element("Representation").with_attributes(attributes).write_inner_content(|xml| {
            xml.create_element("BaseURL").write_text_content(BytesText::new(&text.file)).map(drop)
        })?;
        Ok(())
    })
}

/// Stills in files of a grid each: DASH-IF Interoperability Points 4.3, section 6.2.6.
fn image_set(xml: &mut Xml, id: usize, stills: &Thumbnails) -> io::Result<()> {
    let attributes =
        [("id", id.to_string()), ("contentType", "image".to_owned()), ("mimeType", "image/jpeg".to_owned())];
    set(xml, attributes.into_iter(), |xml| {
        let media = format!("{}$Number${}", stills.name[0], stills.name[1]);
        let duration = stills.seconds().to_string();
        let template = [("media", media.as_str()), ("duration", &duration), ("startNumber", "1")];
        xml.create_element("SegmentTemplate").with_attributes(template).write_empty()?;
        let [columns, rows] = stills.grid;
        let [width, height] = [stills.size.width * columns, stills.size.height * rows].map(|side| side.to_string());
        let bandwidth = stills.bandwidth().to_string();
        let attributes = [("id", "storyboard"), ("bandwidth", &bandwidth), ("width", &width), ("height", &height)];
        xml.create_element("Representation")
            .with_attributes(attributes)
            .write_inner_content(|xml| descriptor(xml, "EssentialProperty", TILES, &format!("{columns}x{rows}")))?;
        Ok(())
    })
}

/// Puts renditions into sets of one key each.
fn by_key<'a>(renditions: impl Iterator<Item = &'a VideoRendition>) -> Vec<Vec<&'a VideoRendition>> {
    let mut sets: Vec<(Option<KeyId>, Vec<_>)> = Vec::new();
    for video in renditions {
        let id = video.track.info.key.as_ref().map(|key| key.id);
        match sets.iter_mut().find(|(key, _)| *key == id) {
            Some((_, those)) => those.push(video),
            None => sets.push((id, vec![video])),
        }
    }
    sets.into_iter().map(|(_, those)| those).collect()
}

/// Says how a set is encrypted, and where players get its key.
fn protection(xml: &mut Xml, key: &ContentKey) -> io::Result<()> {
    let id = key.id.uuid();
    let attributes = [("schemeIdUri", ENCRYPTION), ("value", "cbcs"), ("cenc:default_KID", &id)];
    xml.create_element("ContentProtection").with_attributes(attributes).write_empty()?;
    if key.pssh.is_empty() {
        descriptor(xml, "ContentProtection", CLEAR_KEY, "ClearKey1.0")?;
    }
    for system in &key.pssh {
        let scheme = format!("urn:uuid:{}", KeyId(system.system).uuid());
        xml.create_element("ContentProtection").with_attribute(("schemeIdUri", &*scheme)).write_inner_content(
            |xml| {
                let text = STANDARD.encode(&system.bytes);
                xml.create_element("cenc:pssh").write_text_content(BytesText::new(&text)).map(drop)
            },
        )?;
    }
    Ok(())
}

/// `others`: sets that differ in their keys alone, where there are such.
fn video_set(xml: &mut Xml, id: usize, renditions: &[&VideoRendition], others: &str) -> io::Result<()> {
    let most = |side: fn(&VideoRendition) -> u32| renditions.iter().map(|it| side(it)).max().unwrap_or(0).to_string();
    let rate = renditions.iter().map(|it| it.frame_rate).max_by(|a, b| a.as_f64().total_cmp(&b.as_f64()));
    let attributes = [
        ("id", id.to_string()),
        ("contentType", "video".to_owned()),
        ("mimeType", "video/mp4".to_owned()),
        ("maxWidth", most(|it| it.size().width)),
        ("maxHeight", most(|it| it.size().height)),
        ("maxFrameRate", rate.map(fraction).unwrap_or_default()),
    ];
    let first = renditions.first();
    let language = language_tag(first.and_then(|it| it.track.info.language.as_deref())).map(|tag| ("lang", tag));
    let aligned = alignment(first.is_some_and(|it| it.track.segment_files));
    let attributes = attributes.into_iter().chain(aligned).chain(language);
    set(xml, attributes, |xml| {
        if let Some(key) = first.and_then(|video| video.track.info.key.as_ref()) {
            protection(xml, key)?;
        }
        let colour = first.map(|it| it.colour()).filter(|colour| colour.is_hdr());
        if let Some(colour) = colour {
            let tags = [
                ("ColourPrimaries", colour.primaries),
                ("TransferCharacteristics", colour.transfer),
                ("MatrixCoefficients", colour.matrix),
            ];
            for (name, tag) in tags {
                descriptor(xml, "EssentialProperty", &format!("urn:mpeg:mpegB:cicp:{name}"), &tag.to_string())?;
            }
        }
        if !others.is_empty() {
            descriptor(xml, "SupplementalProperty", SWITCHING, others)?;
        }
        descriptor(xml, "Role", "urn:mpeg:dash:role:2011", "main")?;
        for video in renditions {
            let size = video.size();
            let attributes = [
                ("width", size.width.to_string()),
                ("height", size.height.to_string()),
                ("sar", "1:1".to_owned()),
                ("frameRate", fraction(video.frame_rate)),
            ];
            representation(xml, &video.name, &video.track, &attributes)?;
        }
        Ok(())
    })
}

fn audio_set(xml: &mut Xml, id: usize, audio: &AudioRendition, is_default: bool) -> io::Result<()> {
    let attributes =
        [("id", id.to_string()), ("contentType", "audio".to_owned()), ("mimeType", "audio/mp4".to_owned())];
    let aligned = alignment(audio.track.segment_files);
    let attributes = attributes.into_iter().chain(aligned);
    let attributes = attributes.chain(audio.language().map(|language| ("lang", language)));
    set(xml, attributes, |xml| {
        if let Some(key) = &audio.track.info.key {
            protection(xml, key)?;
        }
        if audio.roles.contains(&Role::VisualImpaired) {
            descriptor(xml, "Accessibility", "urn:tva:metadata:cs:AudioPurposeCS:2007", "1")?;
        }
        if audio.roles.contains(&Role::HearingImpaired) {
            descriptor(xml, "Accessibility", "urn:tva:metadata:cs:AudioPurposeCS:2007", "2")?;
        }
        let role = match (is_default, audio.roles.contains(&Role::Comment), audio.roles.contains(&Role::Dub)) {
            (true, ..) => "main",
            (_, true, _) => "commentary",
            (_, _, true) => "dub",
            _ => "alternate",
        };
        descriptor(xml, "Role", "urn:mpeg:dash:role:2011", role)?;
        if let Some(title) = &audio.title {
            xml.create_element("Label").write_text_content(BytesText::new(title))?;
        }
        let rate = match &audio.track.info.sample {
            SampleEntry::Audio(sample) => sample.rate,
            SampleEntry::Video(_) => 0,
        };
        representation(xml, &audio.name, &audio.track, &[("audioSamplingRate", rate.to_string())])
    })
}

fn set(
    xml: &mut Xml,
    attributes: impl Iterator<Item = (&'static str, String)>,
    inner: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> io::Result<()> {
    let attributes: Vec<_> = attributes.collect();
    let attributes = attributes.iter().map(|(name, value)| (*name, value.as_str()));
    xml.create_element("AdaptationSet").with_attributes(attributes).write_inner_content(inner).map(drop)
}

/// Says of a set that its renditions are cut at the same instants, and that what they are cut into begins with key frames.
fn alignment(segment_files: bool) -> [(&'static str, String); 2] {
    let names = match segment_files {
        true => ["segmentAlignment", "startWithSAP"],
        false => ["subsegmentAlignment", "subsegmentStartsWithSAP"],
    };
    [(names[0], "true".to_owned()), (names[1], "1".to_owned())]
}

fn representation(xml: &mut Xml, name: &str, track: &Track, own: &[(&str, String)]) -> io::Result<()> {
    let common = [
        ("id", name.to_owned()),
        ("codecs", track.info.sample.codecs()),
        // What a channel must carry where the longest segment is waited for before playing begins.
        ("bandwidth", Rates::of_track(track).peak.to_string()),
    ];
    let attributes: Vec<_> = common.iter().chain(own).map(|(name, value)| (*name, value.as_str())).collect();
    xml.create_element("Representation").with_attributes(attributes).write_inner_content(|xml| {
        if let SampleEntry::Audio(sample) = &track.info.sample {
            let (scheme, value) = match sample.channels {
                count @ (1 | 2 | 6) => (CHANNELS, count),
                count => (CHANNEL_COUNT, count),
            };
            descriptor(xml, "AudioChannelConfiguration", scheme, &value.to_string())?;
        }
        if track.segment_files { segment_template(xml, name, track) } else { segment_base(xml, name, track) }
    })?;
    Ok(())
}

/// One file, whose index tells of its segments.
fn segment_base(xml: &mut Xml, name: &str, track: &Track) -> io::Result<()> {
    xml.create_element("BaseURL").write_text_content(BytesText::new(&track_file(name, false)))?;
    let index = format!("{}-{}", track.index.start, track.index.end.saturating_sub(1));
    let timescale = track.info.timescale.to_string();
    let base = [("indexRange", index.as_str()), ("timescale", timescale.as_str())];
    xml.create_element("SegmentBase").with_attributes(base).write_inner_content(|xml| {
        let range = format!("0-{}", track.header.saturating_sub(1));
        xml.create_element("Initialization").with_attribute(("range", range.as_str())).write_empty().map(drop)
    })?;
    Ok(())
}

/// Numbered files, and when the segment of each begins: in presentation time, as an index has it.
fn segment_template(xml: &mut Xml, name: &str, track: &Track) -> io::Result<()> {
    let timescale = track.info.timescale.to_string();
    let template = [
        ("timescale", timescale.as_str()),
        ("initialization", &track_file(name, true)),
        ("media", &format!("{name}/{SEGMENT_TEMPLATE}")),
        ("startNumber", "1"),
    ];
    xml.create_element("SegmentTemplate").with_attributes(template).write_inner_content(|xml| {
        xml.create_element("SegmentTimeline").write_inner_content(|xml| {
            let first = track.segments.first().map_or(0, |segment| segment.start);
            let mut start = Some(first.saturating_sub(track.info.priming.into()).to_string());
            let ticks: Vec<_> = track.presented_ticks().collect();
            for run in ticks.chunk_by(|one, other| one == other) {
                let (lasts, more) = (run[0].to_string(), (run.len() - 1).to_string());
                let start = start.take();
                let attributes = start.iter().map(|start| ("t", start.as_str())).chain([("d", lasts.as_str())]);
                let attributes = attributes.chain((run.len() > 1).then_some(("r", more.as_str())));
                xml.create_element("S").with_attributes(attributes).write_empty()?;
            }
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(())
}

fn descriptor(xml: &mut Xml, name: &str, scheme: &str, value: &str) -> io::Result<()> {
    xml.create_element(name).with_attributes([("schemeIdUri", scheme), ("value", value)]).write_empty().map(drop)
}

/// A duration of XML Schema. Rounded up, so that no sample lies beyond it.
fn duration(seconds: f64) -> String {
    format!("PT{:.3}S", (seconds * 1e3).ceil() / 1e3)
}

/// A frame rate.
fn fraction(rate: Rational) -> String {
    if rate.den == 1 { rate.num.to_string() } else { format!("{}/{}", rate.num, rate.den) }
}
