//! Track files: a header, an index, and fragments.

use super::boxes::{full, words};
use super::fragment::{Boundaries, Fragment, Fragments};
use super::header::header;
use super::protection::Protector;
use super::track_info::{TRACK, TrackInfo};
use crate::error::{Error, Result};
use crate::packet::Packet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A track that was written, and where what is in its file lies.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    /// What it is.
    pub(crate) info: TrackInfo,
    /// Whether each segment has a file of its own, and the header has one; else all lie in one file, with an index.
    pub(crate) segment_files: bool,
    /// Bytes of the header, which begins the file.
    pub(crate) header: u64,
    /// The index behind it, empty where segments are files.
    pub(crate) index: Range<u64>,
    /// Its segments, without gap up to the end of the file where there is one.
    pub(crate) segments: Vec<Segment>,
    /// Fewest ticks from a sample to the next, the first of all and the last of each fragment aside; none where there are no such.
    pub(crate) quickest: Option<u32>,
}

/// A part of a track that is fetched by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Ticks from the beginning of the track.
    pub(crate) start: u64,
    /// Ticks that it lasts.
    pub(crate) duration: u64,
    /// Where it lies in the track's file, or in its own.
    pub(crate) bytes: Range<u64>,
    /// Its key frames.
    pub(crate) keys: Vec<KeyFrame>,
}

/// A picture that can be decoded by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyFrame {
    /// Ticks from the beginning of the track.
    pub(crate) start: u64,
    /// The bytes that hold it, from the head of its fragment on.
    pub(crate) bytes: Range<u64>,
}

impl Track {
    /// Ticks of all samples.
    pub(crate) fn duration(&self) -> u64 {
        self.segments.iter().map(|segment| segment.duration).sum()
    }

    /// Ticks that are presented: what comes before only warms the decoder up.
    fn presented(&self) -> u64 {
        self.duration().saturating_sub(self.info.priming.into())
    }

    /// Gives its segments.
    pub(super) fn segment_parts(&self) -> impl Iterator<Item = Part<'_>> + Clone {
        let parts = (1..).zip(&self.segments);
        parts.map(|(segment, it)| Part { seconds: self.seconds(it.duration), segment, bytes: &it.bytes })
    }

    /// Gives its key frames, each up to the next, or to the end.
    pub(super) fn key_parts(&self) -> impl Iterator<Item = Part<'_>> + Clone {
        let keys = || (1..).zip(&self.segments).flat_map(|(segment, it)| it.keys.iter().map(move |key| (segment, key)));
        let begin = self.segments.first().map_or(0, |segment| segment.start);
        let ends = keys().skip(1).map(|(_, key)| key.start).chain([begin + self.duration()]);
        keys().zip(ends).map(|((segment, key), end)| {
            let seconds = self.seconds(end.saturating_sub(key.start));
            Part { seconds, segment, bytes: &key.bytes }
        })
    }

    /// Presented ticks of each segment: what only warms the decoder up is not.
    pub(super) fn presented_ticks(&self) -> impl Iterator<Item = u64> {
        let mut hidden = u64::from(self.info.priming);
        self.segments.iter().map(move |segment| {
            let presented = segment.duration.saturating_sub(hidden);
            hidden = hidden.saturating_sub(segment.duration);
            presented
        })
    }

    /// Seconds of so many of its ticks.
    #[expect(clippy::cast_precision_loss, reason = "films are shorter than 2^53 ticks")]
    pub(crate) fn seconds(&self, ticks: u64) -> f64 {
        ticks as f64 / f64::from(self.info.timescale)
    }

    /// Bytes of the file, or of all.
    pub(crate) fn bytes(&self) -> u64 {
        let segments = self.segments.iter().map(|segment| segment.bytes.end - segment.bytes.start);
        self.index.end + segments.sum::<u64>()
    }
}

/// A segment, or a key frame of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) seconds: f64,
    /// Number of the segment, from 1.
    pub(super) segment: usize,
    pub(super) bytes: &'a Range<u64>,
}

/// Writes a track into new files that `file` names: number 0 is that of the track, or with `segment_files` that of its header, and
/// those from 1 on are its segments, asked for as they begin. The packets are asked for twice: what is in front of them tells where
/// each lies.
///
/// # Errors
/// [`Error::Io`] when a file cannot be written; [`Error::Verify`] when times do not rise or cannot be said; those of the packets and
/// of `file`.
pub(crate) fn write_track<P: Iterator<Item = Result<Packet>>>(
    segment_files: bool,
    mut file: impl FnMut(usize) -> Result<PathBuf>,
    info: &TrackInfo,
    boundaries: Boundaries<'_>,
    packets: impl Fn() -> P,
) -> Result<Track> {
    let path = &*file(0)?;
    let mut track =
        Track { info: info.clone(), segment_files, header: 0, index: 0..0, segments: Vec::new(), quickest: None };
    let mut at = 0;
    for_each(path, info, boundaries, packets(), |number, fragment| {
        let head = fragment.head(number, info.roll_distance().is_some());
        let (begins, bytes) = (at, head.len() as u64 + 8 + fragment.data.len() as u64);
        at += bytes;
        let (begin, end) = (usize::from(number == 1), fragment.samples.len().saturating_sub(1));
        let amid = fragment.samples.get(begin..end).unwrap_or_default().iter().map(|&(ticks, _)| ticks);
        track.quickest = track.quickest.into_iter().chain(amid).min();
        if fragment.begins_segment {
            let begins = if segment_files { 0 } else { begins };
            at = begins + bytes;
            let segment = Segment { start: fragment.start, duration: 0, bytes: begins..begins, keys: Vec::new() };
            track.segments.push(segment);
        }
        if let Some(segment) = track.segments.last_mut() {
            segment.duration += fragment.duration();
            segment.bytes.end = at;
            if fragment.key {
                let begins = at - bytes;
                let bytes = begins..begins + fragment.first_bytes(head.len());
                segment.keys.push(KeyFrame { start: fragment.start, bytes });
            }
        }
        Ok(())
    })?;
    let header = header(info, track.presented());
    let index = if segment_files { Some(Vec::new()) } else { index(&track) };
    let index = index.ok_or_else(|| Error::Verify {
        path: path.to_owned(),
        why:
            "it has more segments, or larger ones, than an index can hold; make segments longer, or renditions smaller"
                .to_owned(),
    })?;
    track.header = header.len() as u64;
    track.index = track.header..track.header + index.len() as u64;
    for segment in track.segments.iter_mut().filter(|_| !segment_files) {
        shift(&mut segment.bytes, track.index.end);
        segment.keys.iter_mut().for_each(|key| shift(&mut key.bytes, track.index.end));
    }

    let mut segments = 0;
    let mut output = TrackFile::create(path.to_owned())?;
    output.write(&[&header, &index])?;
    for_each(path, info, boundaries, packets(), |number, fragment| {
        if segment_files && fragment.begins_segment {
            segments += 1;
            let next = TrackFile::create(file(segments)?)?;
            std::mem::replace(&mut output, next).finish()?;
        }
        let size = u32::try_from(8 + fragment.data.len()).unwrap_or(u32::MAX);
        output.write(&[
            &fragment.head(number, info.roll_distance().is_some()),
            &size.to_be_bytes(),
            b"mdat",
            &fragment.data,
        ])
    })?;
    output.finish()?;
    Ok(track)
}

/// A file that is being written.
struct TrackFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl TrackFile {
    fn create(path: PathBuf) -> Result<Self> {
        let file = File::create(&path).map_err(Error::io(&path, "cannot write"))?;
        Ok(Self { path, file: BufWriter::with_capacity(256 * 1024, file) })
    }

    fn write(&mut self, parts: &[&[u8]]) -> Result<()> {
        let written = parts.iter().try_for_each(|part| self.file.write_all(part));
        written.map_err(Error::io(&self.path, "cannot write"))
    }

    /// Waits until all of it is on the disk.
    fn finish(self) -> Result<()> {
        let file = self.file.into_inner().map_err(std::io::IntoInnerError::into_error);
        file.and_then(|file| file.sync_all()).map_err(Error::io(&self.path, "cannot write"))
    }
}

fn shift(range: &mut Range<u64>, by: u64) {
    *range = range.start + by..range.end + by;
}

/// Calls `see` with all fragments, and their numbers from 1.
fn for_each(
    path: &Path,
    info: &TrackInfo,
    boundaries: Boundaries<'_>,
    packets: impl Iterator<Item = Result<Packet>>,
    mut see: impl FnMut(u32, &Fragment) -> Result<()>,
) -> Result<()> {
    let mut fragments = Fragments::new(info.timescale, boundaries, info.nominal, info.priming.into());
    let mut number = 0;
    let mut next = |fragment: &Fragment| {
        number += 1;
        see(number, fragment)
    };
    let mut protector = Protector::new(info);
    for packet in packets {
        let mut packet = packet?;
        let subsamples = protector.as_mut().map(|protector| protector.protect(&mut packet.data)).transpose();
        let subsamples = subsamples.map_err(|why| Error::Verify { path: path.to_owned(), why })?;
        let ended = fragments.push(packet, subsamples.unwrap_or_default());
        let ended = ended.map_err(|bad| Error::Verify { path: path.to_owned(), why: bad.to_string() })?;
        ended.iter().try_for_each(&mut next)?;
    }
    let mut rest = fragments.finish();
    rest.try_for_each(|fragment| next(&fragment))
}

/// Makes the `sidx` (ISO/IEC 14496-12, 8.16.3) with an entry for each segment; none where it cannot hold them. Its times are
/// those of presentation, after the edit list: the first segment lasts as long as what is presented of it.
fn index(track: &Track) -> Option<Vec<u8>> {
    let count = u16::try_from(track.segments.len()).ok()?;
    let first = track.segments.first().map_or(0, |segment| segment.start);
    let earliest = first.saturating_sub(track.info.priming.into());
    let mut entries = vec![0, 0];
    entries.extend(count.to_be_bytes());
    for (segment, presented) in track.segments.iter().zip(track.presented_ticks()) {
        let size = u32::try_from(segment.bytes.end - segment.bytes.start).ok().filter(|size| size >> 31 == 0)?;
        // It begins with a key frame, or with sound, which is all keys.
        entries.extend(words(&[size, u32::try_from(presented).ok()?, 0x9000_0000]));
    }
    let times = [earliest.to_be_bytes(), 0_u64.to_be_bytes()].concat();
    Some(full(b"sidx", 1, 0, &[&words(&[TRACK, track.info.timescale]), &times, &entries]))
}
