//! Track files: a header, an index, and fragments.

use super::boxes::{full, words};
use super::fragment::{Boundaries, Fragment, Fragments};
use super::header::header;
use super::track_info::{TRACK, TrackInfo};
use crate::error::{Error, Result};
use crate::packet::Packet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;

/// A track that was written, and where what is in its file lies.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    /// What it is.
    pub(crate) info: TrackInfo,
    /// Bytes of the header, which begins the file.
    pub(crate) header: u64,
    /// The index behind it.
    pub(crate) index: Range<u64>,
    /// Its segments, without gap up to the end of the file.
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
    /// Where it lies in the file.
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

    /// Gives its segments: the seconds that each lasts, and where it lies.
    pub(super) fn segment_parts(&self) -> impl Iterator<Item = (f64, &Range<u64>)> + Clone {
        self.segments.iter().map(|segment| (self.seconds(segment.duration), &segment.bytes))
    }

    /// Gives its key frames: the seconds up to the next, or to the end, and where each lies.
    pub(super) fn key_parts(&self) -> impl Iterator<Item = (f64, &Range<u64>)> + Clone {
        let keys = || self.segments.iter().flat_map(|segment| &segment.keys);
        let begin = self.segments.first().map_or(0, |segment| segment.start);
        let ends = keys().skip(1).map(|key| key.start).chain([begin + self.duration()]);
        keys().zip(ends).map(|(key, end)| (self.seconds(end.saturating_sub(key.start)), &key.bytes))
    }

    /// Seconds of so many of its ticks.
    #[expect(clippy::cast_precision_loss, reason = "films are shorter than 2^53 ticks")]
    pub(crate) fn seconds(&self, ticks: u64) -> f64 {
        ticks as f64 / f64::from(self.info.timescale)
    }

    /// Bytes of the file.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments.last().map_or(self.index.end, |segment| segment.bytes.end)
    }
}

/// Writes a track into the file at `path`. The packets are asked for twice: what is in front of them tells where each lies.
///
/// # Errors
/// [`Error::Io`] when the file cannot be written; [`Error::Verify`] when times do not rise or cannot be said; those of the packets.
pub(crate) fn write_track<P: Iterator<Item = Result<Packet>>>(
    path: &Path,
    info: &TrackInfo,
    boundaries: Boundaries<'_>,
    packets: impl Fn() -> P,
) -> Result<Track> {
    let mut track = Track { info: info.clone(), header: 0, index: 0..0, segments: Vec::new(), quickest: None };
    let mut at = 0;
    for_each(path, info, boundaries, packets(), |number, fragment| {
        let head = fragment.head(number);
        let (begins, bytes) = (at, head.len() as u64 + 8 + fragment.data.len() as u64);
        at += bytes;
        let (begin, end) = (usize::from(number == 1), fragment.samples.len().saturating_sub(1));
        let amid = fragment.samples.get(begin..end).unwrap_or_default().iter().map(|&(ticks, _)| ticks);
        track.quickest = track.quickest.into_iter().chain(amid).min();
        if fragment.begins_segment {
            let segment = Segment { start: fragment.start, duration: 0, bytes: begins..begins, keys: Vec::new() };
            track.segments.push(segment);
        }
        if let Some(segment) = track.segments.last_mut() {
            segment.duration += fragment.duration();
            segment.bytes.end = at;
            if fragment.key {
                let bytes = begins..begins + fragment.first_bytes(head.len());
                segment.keys.push(KeyFrame { start: fragment.start, bytes });
            }
        }
        Ok(())
    })?;
    let header = header(info, track.presented());
    let index = index(&track).ok_or_else(|| Error::Verify {
        path: path.to_owned(),
        why:
            "it has more segments, or larger ones, than an index can hold; make segments longer, or renditions smaller"
                .to_owned(),
    })?;
    track.header = header.len() as u64;
    track.index = track.header..track.header + index.len() as u64;
    for segment in &mut track.segments {
        shift(&mut segment.bytes, track.index.end);
        segment.keys.iter_mut().for_each(|key| shift(&mut key.bytes, track.index.end));
    }

    let cannot_write = || Error::io(path, "cannot write");
    let mut file = BufWriter::with_capacity(256 * 1024, File::create(path).map_err(cannot_write())?);
    file.write_all(&header).and_then(|()| file.write_all(&index)).map_err(cannot_write())?;
    for_each(path, info, boundaries, packets(), |number, fragment| {
        let size = u32::try_from(8 + fragment.data.len()).unwrap_or(u32::MAX);
        file.write_all(&fragment.head(number))
            .and_then(|()| file.write_all(&size.to_be_bytes()))
            .and_then(|()| file.write_all(b"mdat"))
            .and_then(|()| file.write_all(&fragment.data))
            .map_err(cannot_write())
    })?;
    let file = file.into_inner().map_err(|error| cannot_write()(error.into_error()))?;
    file.sync_all().map_err(cannot_write())?;
    Ok(track)
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
    for packet in packets {
        let ended = fragments.push(packet?);
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
    let mut hidden = u64::from(track.info.priming);
    for segment in &track.segments {
        let size = u32::try_from(segment.bytes.end - segment.bytes.start).ok().filter(|size| size >> 31 == 0)?;
        let presented = segment.duration.saturating_sub(hidden);
        hidden = hidden.saturating_sub(segment.duration);
        // It begins with a key frame, or with sound, which is all keys.
        entries.extend(words(&[size, u32::try_from(presented).ok()?, 0x9000_0000]));
    }
    let times = [earliest.to_be_bytes(), 0_u64.to_be_bytes()].concat();
    Some(full(b"sidx", 1, 0, &[&words(&[TRACK, track.info.timescale]), &times, &entries]))
}
