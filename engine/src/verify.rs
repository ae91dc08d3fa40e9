//! Checks that what was written is what was asked for, of every rendition before it gets its final name.
//!
//! The file's tables and packets are read back; nothing is decoded, and memory does not grow with the film.

use crate::av1::{self, Obu, ObuKind, SequenceHeader};
use crate::colour::{ChromaSite, Colour, ContentLight, HdrMetadata, MasteringDisplay};
use crate::control::Control;
use crate::encryption::ContentKey;
use crate::error::{Error, Result};
use crate::frame::Depth;
use crate::geometry::{Rational, Size};
use crate::media::{AudioDescription, RenditionReader, StoredPacket, TrackKind, VideoDescription, stored_language};
use crate::packet::Packet;
use crate::source::Role;
use crate::timestamps::TimestampDigest;
use std::fmt::Debug;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

/// Properties that a rendition must have.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Size of its picture in pixels.
    pub size: Size,
    /// Bits of its samples.
    pub depth: Depth,
    /// Tags, in the container and in the AV1 stream.
    pub colour: Colour,
    /// Metadata of high dynamic range in the container.
    pub hdr: HdrMetadata,
    /// Ticks of the video's times.
    pub time_base: Rational,
    /// Language of the picture, however it is spelt.
    pub language: Option<String>,
    /// The frames' times, and which of them are key frames.
    pub video: TimestampDigest,
    /// The audio tracks, the default one first. One without packets is not to be there.
    pub audio: Vec<ExpectedAudio>,
}

/// Properties that an audio track of a rendition must have.
#[derive(Clone, Debug)]
pub struct ExpectedAudio {
    /// libav's name of the codec.
    pub codec: String,
    /// Ticks of the audio's times.
    pub time_base: Rational,
    /// Its language, however it is spelt.
    pub language: Option<String>,
    /// What it is for, of what MP4 says of that.
    pub roles: Vec<Role>,
    /// The packets' times.
    pub packets: TimestampDigest,
}

/// Checks the file at `path`.
///
/// # Errors
/// [`Error::Verify`] that says the first thing that is not as expected; [`Error::Io`] when the file cannot be read.
pub fn rendition(path: &Path, expected: &Expected) -> Result<()> {
    let cannot_read = || Error::io(path, "cannot read back");
    let mut file = File::open(path).map_err(cannot_read())?;
    let index_first = index_is_first(&file).map_err(cannot_read())?;
    file.rewind().map_err(cannot_read())?;
    let outcome = same("index before the media", index_first, true).and_then(|()| check(file, path, expected));
    outcome.map_err(|failure| match failure {
        Failure::Difference(why) => Error::Verify { path: path.to_owned(), why },
        Failure::Read(error) => error,
    })
}

/// Checks that the encrypted track at `path` is decrypted with its key to these packets.
///
/// # Errors
/// [`Error::Verify`] where it is not; [`Error::Io`]; those of the packets.
pub(crate) fn decrypted(
    path: &Path,
    key: &ContentKey,
    packets: impl Iterator<Item = Result<Packet>>,
    control: &Control,
) -> Result<()> {
    let mut reader = RenditionReader::decrypting(path, key, control)?;
    let differs = |number: usize| {
        let why = format!("packet {number} is decrypted to something else than was encrypted");
        Error::Verify { path: path.to_owned(), why }
    };
    let mut count = 0;
    for packet in packets {
        let packet = packet?;
        if reader.next()?.is_none_or(|stored| stored.data != packet.data) {
            return Err(differs(count));
        }
        count += 1;
    }
    if reader.next()?.is_some() { Err(differs(count)) } else { Ok(()) }
}

/// The reason why a rendition does not pass.
enum Failure {
    /// The first thing that is not as expected, as text.
    Difference(String),
    /// Reading failed: an [`Error::Io`].
    Read(Error),
}

impl Failure {
    /// Says in which part of the file it is.
    fn at(self, place: &str) -> Self {
        match self {
            Self::Difference(why) => Self::Difference(format!("{place}: {why}")),
            Self::Read(error) => Self::Read(error),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if matches!(error, Error::Io { .. }) { Self::Read(error) } else { Self::Difference(error.to_string()) }
    }
}

impl From<av1::Malformed> for Failure {
    fn from(error: av1::Malformed) -> Self {
        Self::Difference(error.to_string())
    }
}

fn difference(why: &str) -> Failure {
    Failure::Difference(why.to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "what is compared is mostly made for it")]
fn same<T: PartialEq + Debug>(what: &str, found: T, expected: T) -> Result<(), Failure> {
    if found == expected { Ok(()) } else { Err(difference(&format!("{what}: {found:?} instead of {expected:?}"))) }
}

/// Tells whether the box `moov`, the index, comes before the box `mdat`, the media.
fn index_is_first(file: &File) -> io::Result<bool> {
    let mut file = BufReader::new(file);
    loop {
        let mut header = [0; 8];
        match file.read_exact(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            read => read?,
        }
        let [a, b, c, d, name @ ..] = header;
        match &name {
            b"moov" => return Ok(true),
            b"mdat" => return Ok(false),
            _ => file.seek_relative(i64::from(u32::from_be_bytes([a, b, c, d])).saturating_sub(8).max(0))?,
        }
    }
}

fn check(file: File, path: &Path, expected: &Expected) -> Result<(), Failure> {
    let mut reader = RenditionReader::over(file, path)?;
    let video = reader.video().ok_or_else(|| difference("there is no video"))?;
    check_video(&video, expected)?;
    let audio: Vec<_> = expected.audio.iter().filter(|audio| audio.packets.count() > 0).collect();
    check_audio(&reader.audio(), &audio)?;

    let configured = configured_header(&video)?.to_vec();
    let mut frames = TimestampDigest::default();
    let mut sounds = vec![TimestampDigest::default(); audio.len()];
    while let Some(packet) = reader.next()? {
        let pts = packet.pts.ok_or_else(|| difference("a packet has no time"))?;
        match packet.kind {
            TrackKind::Audio(track) => sounds[track].push(pts, true),
            TrackKind::Video => {
                check_frame(&packet, &configured)
                    .map_err(|failure| failure.at(&format!("frame {}", frames.count())))?;
                frames.push(pts, packet.key);
            }
        }
    }
    check_times("frames", &frames, &expected.video, 0)?;
    for (number, (audio, packets)) in audio.iter().zip(&sounds).enumerate() {
        // An edit list says where a track begins in ticks of the movie, which may be milliseconds.
        let slack = audio.time_base.den / 1000 + 1;
        check_times("audio packets", packets, &audio.packets, slack)
            .map_err(|failure| failure.at(&format!("audio track {}", number + 1)))?;
    }
    Ok(())
}

fn check_video(video: &VideoDescription, expected: &Expected) -> Result<(), Failure> {
    let Colour { primaries, transfer, matrix, full_range, .. } = expected.colour;
    same("video codec", video.codec.as_str(), "av1")?;
    same("size in the container", video.size, expected.size)?;
    same("pixel aspect in the container", video.sample_aspect, Some(Rational::new(1, 1)))?;
    same("colour in the container", video.cicp, [primaries, transfer, matrix].map(u32::from))?;
    same("full range in the container", video.full_range, full_range)?;
    same("HDR metadata in the container", stored_hdr(video.hdr), stored_hdr(expected.hdr))?;
    same("video time base", video.time_base, expected.time_base)?;
    check_language("language of the picture", &video.language, expected.language.as_deref())?;

    let obu = single_obu(configured_header(video)?)?;
    let header = SequenceHeader::parse(obu.payload)?;
    same("av1C", &video.configuration[..4], &header.configuration())?;
    same("size in the AV1 stream", header.max_frame_size, expected.size)?;
    same("depth in the AV1 stream", header.depth, expected.depth)?;
    same(
        "colour in the AV1 stream",
        [header.primaries, header.transfer, header.matrix],
        [primaries, transfer, matrix],
    )?;
    same("full range in the AV1 stream", header.full_range, full_range)?;
    same("chroma site in the AV1 stream", header.chroma_sample_position, chroma_code(expected.colour.chroma))
}

/// Compares a language with the one that was asked for, as far as MP4 can say it.
fn check_language(what: &str, found: &Option<String>, asked: Option<&str>) -> Result<(), Failure> {
    same(what, found.as_deref(), asked.and_then(stored_language).as_deref())
}

/// Returns AV1's code for a chroma site (section 6.4.2): 0 unknown, 1 vertical, 2 colocated.
fn chroma_code(site: ChromaSite) -> u8 {
    match site {
        ChromaSite::LEFT => 1,
        ChromaSite::TOP_LEFT => 2,
        _ => 0,
    }
}

/// Returns the OBU that is in `av1C`.
fn configured_header(video: &VideoDescription) -> Result<&[u8], Failure> {
    video.configuration.get(4..).ok_or_else(|| difference("av1C is too short"))
}

fn single_obu(data: &[u8]) -> Result<Obu<'_>, Failure> {
    let mut found = av1::obus(data);
    match (found.next().transpose()?, found.next()) {
        (Some(obu), None) if obu.kind == ObuKind::SequenceHeader => Ok(obu),
        _ => Err(difference("av1C holds something else than one sequence header")),
    }
}

/// Checks that a frame can be decoded with the sequence header in `av1C`, and a key frame with its own, which is the
/// same.
fn check_frame(packet: &StoredPacket<'_>, configured: &[u8]) -> Result<(), Failure> {
    same("decoding time", packet.dts, packet.pts)?;
    same("hidden by the edit list", packet.hidden, false)?;
    let mut header = None;
    for obu in av1::obus(packet.data) {
        let obu = obu?;
        match obu.kind {
            ObuKind::TemporalDelimiter => return Err(difference("has a temporal delimiter")),
            ObuKind::SequenceHeader => header = Some(obu.bytes),
            _ => {}
        }
    }
    match header {
        Some(header) => same("sequence header", header, configured),
        None => same("key frame without sequence header", packet.key, false),
    }
}

fn check_audio(found: &[AudioDescription], expected: &[&ExpectedAudio]) -> Result<(), Failure> {
    same("audio tracks", found.len(), expected.len())?;
    for (number, (found, expected)) in found.iter().zip(expected).enumerate() {
        let check = || {
            same("audio codec", &found.codec, &expected.codec)?;
            same("audio time base", found.time_base, expected.time_base)?;
            same("default audio", found.default, number == 0)?;
            check_language("language of the audio", &found.language, expected.language.as_deref())?;
            same("roles of the audio", &found.roles, &expected.roles)
        };
        check().map_err(|failure| failure.at(&format!("audio track {}", number + 1)))?;
    }
    Ok(())
}

/// Checks that all times are as they should be, except that all of them may be off by the same few ticks, fewer than
/// `slack`.
fn check_times(what: &str, found: &TimestampDigest, expected: &TimestampDigest, slack: i64) -> Result<(), Failure> {
    same(&format!("number of {what}"), found.count(), expected.count())?;
    same(&format!("number of key {what}"), found.keys(), expected.keys())?;
    if let (Some((found, found_last)), Some((first, last))) = (found.ends(), expected.ends()) {
        let shift = found.saturating_sub(first);
        if shift.saturating_abs() > slack.saturating_sub(1).max(0) {
            same(&format!("time of the first of the {what}"), found, first)?;
        }
        same(&format!("time of the last of the {what}"), found_last - shift, last)?;
    }
    if found.sha256() == expected.sha256() {
        Ok(())
    } else {
        Err(difference(&format!("times or keys of the {what} differ")))
    }
}

/// Rounds metadata to the units of `mdcv` and `clli`: chromaticities in 1/50000, luminances in 1/10000 cd/m2.
fn stored_hdr(hdr: HdrMetadata) -> (Option<[i64; 10]>, Option<ContentLight>) {
    let rounded = |value: Rational, unit: i64| {
        let (num, den) = (i128::from(value.num) * i128::from(unit), i128::from(value.den));
        i64::try_from((2 * num + den).div_euclid(2 * den)).unwrap_or(i64::MAX)
    };
    let mastering = |display: MasteringDisplay| {
        let [red, green, blue] = display.primaries;
        let points = [red, green, blue, display.white];
        let [rx, gx, bx, wx] = points.map(|(x, _)| rounded(x, 50_000));
        let [ry, gy, by, wy] = points.map(|(_, y)| rounded(y, 50_000));
        let (darkest, brightest) = (rounded(display.min_luminance, 10_000), rounded(display.max_luminance, 10_000));
        [rx, ry, gx, gy, bx, by, wx, wy, darkest, brightest]
    };
    (hdr.mastering.map(mastering), hdr.light)
}

pub mod package;

#[cfg(test)]
mod tests;
