//! HLS playlists: RFC 8216, with the attributes that Apple's authoring specification asks for.

use super::manifest::{
    AudioGroup, AudioRendition, IMAGES, Package, TextRendition, Thumbnails, VideoRendition, segment_file, track_file,
};
use super::rates::Rates;
use super::track::{Part, Track};
use crate::encryption::{ContentKey, HlsKey};
use crate::geometry::Size;
use crate::source::Role;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;

/// Version 7 has `EXT-X-MAP` outside of playlists of key frames, and all that is used here.
const HEAD: &str = "#EXTM3U\n#EXT-X-VERSION:7\n";

/// The key system of whoever is given keys by the page (W3C, Encrypted Media Extensions, 9.1).
const CLEAR_KEY: &str = "org.w3.clearkey";

/// The group of all subtitles and captions.
const TEXT_GROUP: &str = "text";

/// The playlist of all.
pub(super) fn multivariant(package: &Package) -> String {
    let mut text = format!("{HEAD}#EXT-X-INDEPENDENT-SEGMENTS\n");
    package.keys().iter().for_each(|key| text.push_str(&key_tags("#EXT-X-SESSION-KEY:", key)));
    let groups = package.audio_groups();
    for group in &groups {
        text.push('\n');
        let labels = unique(group.tracks.iter().enumerate().map(|(index, audio)| audio.label(index + 1)));
        for (number, (audio, label)) in group.tracks.iter().zip(labels).enumerate() {
            text.push_str(&audio_tag(group, number == 0, audio, &label));
        }
    }
    if !package.text.is_empty() {
        text.push('\n');
        let labels = unique(package.text.iter().enumerate().map(|(index, track)| track.label(index + 1)));
        for (number, (track, label)) in package.text.iter().zip(labels).enumerate() {
            // Of several that are alike to players, one is chosen by itself.
            let is_like = |other: &TextRendition| other.is_like(track);
            text.push_str(&text_tag(track, &label, !package.text[..number].iter().any(is_like)));
        }
    }
    text.push('\n');
    let first = package.first();
    let order = std::iter::once(first).chain((0..package.video.len()).filter(|&index| index != first));
    let order: Vec<_> = order.filter_map(|index| package.video.get(index)).collect();
    let no_sound = [None];
    let choices: Vec<_> = groups.iter().map(Some).collect();
    for group in if choices.is_empty() { &no_sound[..] } else { &choices } {
        for video in &order {
            text.push_str(&variant(package, video, *group));
        }
    }
    text.push('\n');
    order.iter().for_each(|video| text.push_str(&key_frame_variant(package, video)));
    if let Some(stills) = &package.thumbnails {
        let mut tag = Attributes::new("#EXT-X-IMAGE-STREAM-INF:");
        tag.plain("BANDWIDTH", &stills.bandwidth().to_string());
        tag.quoted("CODECS", "jpeg");
        tag.plain("RESOLUTION", &format!("{}x{}", stills.size.width, stills.size.height));
        tag.quoted("URI", IMAGES);
        text.push_str(&tag.line());
    }
    text
}

fn audio_tag(group: &AudioGroup<'_>, is_default: bool, audio: &AudioRendition, label: &str) -> String {
    let mut tag = Attributes::new("#EXT-X-MEDIA:");
    tag.plain("TYPE", "AUDIO");
    tag.quoted("GROUP-ID", &group.id);
    tag.quoted("NAME", label);
    if let Some(language) = audio.language() {
        tag.quoted("LANGUAGE", &language);
    }
    tag.plain("DEFAULT", if is_default { "YES" } else { "NO" });
    // Nobody means a comment who has not chosen it.
    let by_itself = is_default || !audio.roles.contains(&Role::Comment);
    tag.plain("AUTOSELECT", if by_itself { "YES" } else { "NO" });
    if audio.roles.contains(&Role::VisualImpaired) {
        tag.quoted("CHARACTERISTICS", "public.accessibility.describes-video");
    }
    tag.quoted("CHANNELS", &audio.channels().to_string());
    tag.quoted("URI", &format!("{}.m3u8", audio.name));
    tag.line()
}

fn text_tag(track: &TextRendition, label: &str, by_itself: bool) -> String {
    let mut tag = Attributes::new("#EXT-X-MEDIA:");
    tag.plain("TYPE", "SUBTITLES");
    tag.quoted("GROUP-ID", TEXT_GROUP);
    tag.quoted("NAME", label);
    tag.quoted("LANGUAGE", &track.language());
    // Nobody sees them who has not asked for them, or for text in this language; what is in the pictures already, nobody twice.
    tag.plain("DEFAULT", "NO");
    tag.plain("AUTOSELECT", if by_itself && !track.is_burnt_in { "YES" } else { "NO" });
    tag.plain("FORCED", if track.forced && !track.is_burnt_in { "YES" } else { "NO" });
    if track.captions {
        let told = "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound";
        tag.quoted("CHARACTERISTICS", told);
    }
    tag.quoted("URI", &track.playlist());
    tag.line()
}

/// Numbers those labels that are there already.
fn unique(labels: impl Iterator<Item = String>) -> Vec<String> {
    let labels: Vec<_> = labels.collect();
    let own = |(number, label): (usize, &String)| {
        let earlier = labels[..number].iter().filter(|other| *other == label).count();
        if earlier == 0 { label.clone() } else { format!("{label} {}", earlier + 1) }
    };
    labels.iter().enumerate().map(own).collect()
}

fn variant(package: &Package, video: &VideoRendition, group: Option<&AudioGroup<'_>>) -> String {
    let mut rates = Rates::of_track(&video.track);
    let mut codecs = video.track.info.sample.codecs();
    if let Some(group) = group {
        rates = rates.with(group.rates());
        codecs = format!("{codecs},{}", group.codecs());
    }
    let mut tag = Attributes::new("#EXT-X-STREAM-INF:");
    tag.rates(rates);
    tag.quoted("CODECS", &codecs);
    let size = video.size();
    tag.plain("RESOLUTION", &format!("{}x{}", size.width, size.height));
    tag.plain("FRAME-RATE", &format!("{:.3}", video.frame_rate.as_f64()));
    if package.has_hdr() {
        tag.plain("VIDEO-RANGE", video.range());
    }
    if let Some(group) = group {
        tag.quoted("AUDIO", &group.id);
    }
    if !package.text.is_empty() {
        tag.quoted("SUBTITLES", TEXT_GROUP);
    }
    tag.plain("CLOSED-CAPTIONS", "NONE");
    format!("{}{}.m3u8\n", tag.line(), video.name)
}

fn key_frame_variant(package: &Package, video: &VideoRendition) -> String {
    let mut tag = Attributes::new("#EXT-X-I-FRAME-STREAM-INF:");
    tag.rates(Rates::of_keys(&video.track));
    tag.quoted("CODECS", &video.track.info.sample.codecs());
    let size = video.size();
    tag.plain("RESOLUTION", &format!("{}x{}", size.width, size.height));
    if package.has_hdr() {
        tag.plain("VIDEO-RANGE", video.range());
    }
    tag.quoted("URI", &format!("{}.m3u8", video.keys()));
    tag.line()
}

/// The playlist of a track: its segments, as ranges of its file or files of their own. What only warms a decoder up counts into the first one, as
/// it does in the decoding times of all: players expect each segment where those before it end.
pub(super) fn media(name: &str, track: &Track) -> String {
    parts(name, track, "", track.segment_parts())
}

/// The playlist of a track's key frames, each of which is shown up to the next.
pub(super) fn key_frames(name: &str, track: &Track) -> String {
    parts(name, track, "#EXT-X-I-FRAMES-ONLY\n", track.key_parts())
}

/// The playlist of a track of text: a file for each segment.
pub(super) fn text(segments: &[(f64, String)]) -> String {
    let longest = segments.iter().map(|(seconds, _)| *seconds).fold(0.0, f64::max);
    let mut text = head(longest);
    for (seconds, file) in segments {
        let _ = write!(text, "#EXTINF:{seconds:.6},\n{file}\n");
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

/// The playlist of stills, a file of a grid each, by the Image Media Playlist specification of Roku and others, version 0.4; who does
/// not know it passes it over.
pub(super) fn images(stills: &Thumbnails, seconds: f64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "times of a film")]
    let whole = stills.seconds() as f64;
    let mut text = head(whole.min(seconds.ceil())) + "#EXT-X-IMAGES-ONLY\n";
    let ([columns, rows], Size { width, height }, distance) = (stills.grid, stills.size, stills.distance);
    let mut rest = seconds;
    for number in 1..=stills.bytes.len() {
        let [before, after] = stills.name;
        let _ = write!(
            text,
            "#EXTINF:{:.6},\n#EXT-X-TILES:RESOLUTION={width}x{height},LAYOUT={columns}x{rows},DURATION={distance}\n\
             {before}{number}{after}\n",
            rest.min(whole)
        );
        rest = (rest - whole).max(0.001);
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

/// The playlist of parts of the track of this name; `kind` is a tag of its own.
fn parts<'a>(name: &str, track: &Track, kind: &str, parts: impl Iterator<Item = Part<'a>> + Clone) -> String {
    let longest = parts.clone().map(|part| part.seconds).fold(0.0, f64::max);
    let file = track_file(name, track.segment_files);
    let header = if track.segment_files { String::new() } else { format!(",BYTERANGE=\"{}@0\"", track.header) };
    let mut text = format!("{}{kind}#EXT-X-MAP:URI=\"{file}\"{header}\n", head(longest));
    text.extend(track.info.key.as_ref().map(|key| key_tags("#EXT-X-KEY:", key)));
    for Part { seconds, segment, bytes } in parts {
        let _ = writeln!(text, "#EXTINF:{seconds:.6},");
        // A segment file is one as a whole, of which key frames are ranges.
        if !track.segment_files || !kind.is_empty() {
            let _ = writeln!(text, "#EXT-X-BYTERANGE:{}@{}", bytes.end - bytes.start, bytes.start);
        }
        let own = if track.segment_files { &segment_file(name, segment) } else { &file };
        let _ = writeln!(text, "{own}");
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

/// The tags that all playlists of segments begin with, the longest of which lasts so many seconds.
fn head(longest: f64) -> String {
    // Each duration, rounded to the nearest second, is at most this.
    let target = longest.round().max(1.0);
    format!("{HEAD}#EXT-X-TARGETDURATION:{target:.0}\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n")
}

/// Says where players get a key: one of these tags for each way that was given with it, or one for whoever knows the key by its id.
fn key_tags(tag: &str, key: &ContentKey) -> String {
    let own = || HlsKey {
        uri: format!("data:text/plain;base64,{}", STANDARD.encode(key.id.0)),
        format: CLEAR_KEY.to_owned(),
        versions: "1".to_owned(),
    };
    let ways = if key.hls.is_empty() { vec![own()] } else { key.hls.clone() };
    let line = |way: HlsKey| {
        let mut tag = Attributes::new(tag);
        // Of fragmented MP4 it is cbcs.
        tag.plain("METHOD", "SAMPLE-AES");
        tag.quoted("URI", &way.uri);
        tag.plain("KEYID", &format!("0x{}", key.id));
        tag.quoted("KEYFORMAT", &way.format);
        tag.quoted("KEYFORMATVERSIONS", &way.versions);
        tag.line()
    };
    ways.into_iter().map(line).collect()
}

/// A tag with attributes.
struct Attributes {
    text: String,
    empty: bool,
}

impl Attributes {
    fn new(tag: &str) -> Self {
        Self { text: tag.to_owned(), empty: true }
    }

    fn plain(&mut self, name: &str, value: &str) {
        let comma = if self.empty { "" } else { "," };
        let _ = write!(self.text, "{comma}{name}={value}");
        self.empty = false;
    }

    /// A string, in which there may be no quotation mark and no end of line (RFC 8216, 4.2).
    fn quoted(&mut self, name: &str, value: &str) {
        let value: String = value
            .chars()
            .map(|letter| match letter {
                '"' => '\'',
                letter if letter.is_control() => ' ',
                letter => letter,
            })
            .collect();
        self.plain(name, &format!("\"{value}\""));
    }

    fn rates(&mut self, rates: Rates) {
        self.plain("BANDWIDTH", &rates.peak.to_string());
        self.plain("AVERAGE-BANDWIDTH", &rates.average.to_string());
    }

    fn line(mut self) -> String {
        self.text.push('\n');
        self.text
    }
}
