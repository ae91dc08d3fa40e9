//! What is in a track file: its description, and its fragments.

use super::findings::{Findings, Rule};
use super::place::Media;
use super::protection::{self, Protection, Subsample};
use crate::av1::{self, ObuKind, SequenceHeader, TileReader};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::geometry::Size;
use mp4_atom::{
    AnySampleGroupEntry, Atom, Av01, Codec, Colr, Decode, Encode, FourCC, Ftyp, Moof, Moov, Sidx, Traf, Trak, TrunEntry,
};
use std::io;
use std::ops::Range;
use std::path::Path;

/// The largest box that is read into memory, in bytes: an index of days, or a fragment of minutes.
const LARGEST: u64 = 512 << 20;

/// Kind of the groups of samples that are decoded well only after others.
const ROLL: FourCC = FourCC::new(b"roll");

/// What is in a track file.
#[derive(Debug)]
pub(super) struct TrackFacts {
    pub(super) timescale: u32,
    pub(super) kind: TrackKind,
    /// The `codecs` parameter that it ought to have: as short as may be, and in full.
    pub(super) codecs: [String; 2],
    /// Ticks that the edit list leaves out at the beginning.
    pub(super) priming: u64,
    /// How it is encrypted, if it is.
    pub(super) protection: Option<Protection>,
    /// Bytes of the header: ftyp and moov.
    pub(super) header: Range<u64>,
    /// Where sidx lies, where there is one.
    pub(super) index: Option<Range<u64>>,
    /// Segments by the index: ticks and bytes.
    pub(super) indexed: Vec<(u64, Range<u64>)>,
    pub(super) fragments: Vec<FragmentFacts>,
    /// How many samples they have.
    pub(super) samples: u64,
    /// Fewest and most ticks of a sample that is not the last of its fragment, nor the first of all.
    pub(super) shortest: u64,
    pub(super) longest: u64,
    pub(super) size: u64,
    /// Where header and segments are files: their names, and where each would lie if they were one; else none.
    pub(super) parts: Vec<(String, Range<u64>)>,
}

#[derive(Clone, Debug)]
pub(super) enum TrackKind {
    Video { size: Size, transfer: u8 },
    Sound { channels: u16, rate: u32, aac_lc: bool },
}

/// A fragment.
#[derive(Clone, Debug)]
pub(super) struct FragmentFacts {
    /// Ticks.
    pub(super) start: u64,
    pub(super) duration: u64,
    /// From the beginning of moof to the end of mdat.
    pub(super) bytes: Range<u64>,
    /// The end of its first sample.
    pub(super) first_end: u64,
    /// Whether it begins with a key frame.
    pub(super) key: bool,
}

impl TrackFacts {
    /// Ticks of all samples.
    pub(super) fn duration(&self) -> u64 {
        self.fragments.iter().map(|fragment| fragment.duration).sum()
    }

    /// Finds the fragments that begin in a range of the file, and says whether they are all of it.
    pub(super) fn within(&self, range: &Range<u64>) -> (&[FragmentFacts], bool) {
        let place = |at: u64| self.fragments.partition_point(|fragment| fragment.bytes.start < at);
        let begin = place(range.start);
        let those = &self.fragments[begin..place(range.end).max(begin)];
        let ends = those.first().zip(those.last()).map(|(first, last)| first.bytes.start..last.bytes.end);
        (those, ends.as_ref() == Some(range))
    }

    #[expect(clippy::cast_precision_loss, reason = "films are shorter than 2^53 ticks")]
    pub(super) fn seconds(&self, ticks: u64) -> f64 {
        ticks as f64 / f64::from(self.timescale.max(1))
    }

    pub(super) fn is_opus(&self) -> bool {
        self.codecs[0] == "opus"
    }

    pub(super) fn is_video(&self) -> bool {
        matches!(self.kind, TrackKind::Video { .. })
    }
}

impl TrackFacts {
    /// Takes segment files for what an index would tell of.
    fn take_parts(&mut self, parts: Vec<(String, Range<u64>)>) {
        let mut hidden = self.priming;
        for (_, bytes) in parts.iter().skip(1) {
            let lasts: u64 = self.within(bytes).0.iter().map(|it| it.duration).sum();
            self.indexed.push((lasts.saturating_sub(hidden), bytes.clone()));
            hidden = hidden.saturating_sub(lasts);
        }
        self.parts = parts;
    }
}

/// A box at the top of the file.
struct TopBox {
    kind: [u8; 4],
    range: Range<u64>,
    head: u64,
}

/// What a track is read from.
pub(super) struct Opened {
    pub(super) media: Media,
    /// As [`TrackFacts::parts`].
    pub(super) parts: Vec<(String, Range<u64>)>,
    pub(super) size: u64,
}

struct Reader<'a> {
    media: Media,
    size: u64,
    parts: Vec<(String, Range<u64>)>,
    name: &'a str,
    findings: &'a mut Findings,
}

/// Reads the track file `name`; none where it cannot be read as one, which is then among the findings.
///
/// # Errors
/// [`Error::Io`]; [`Error::Cancelled`].
pub(super) fn read(
    Opened { media, parts, size }: Opened,
    name: &str,
    findings: &mut Findings,
    control: &Control,
) -> Result<Option<TrackFacts>> {
    let mut reader = Reader { media, size, parts, name, findings };
    let mut track: Option<Described> = None;
    let (mut at, mut brands) = (0, Vec::new());
    let mut waiting: Option<(TopBox, Moof)> = None;
    while at < size {
        control.check()?;
        let Some(top) = reader.next(at)? else { return Ok(None) };
        at = top.range.end;
        match &top.kind {
            b"ftyp" => {
                let Some(found) = reader.parse::<Ftyp>(&top)? else { return Ok(None) };
                brands = found.compatible_brands.iter().map(|brand| *brand.as_ref()).collect();
            }
            b"moov" => {
                let Some(movie) = reader.parse::<Moov>(&top)? else { return Ok(None) };
                let Some(found) = reader.describe(&movie, top.range.end) else { return Ok(None) };
                track = Some(found);
            }
            b"sidx" => {
                let Some(index) = reader.parse::<Sidx>(&top)? else { return Ok(None) };
                if let Some(track) = &mut track {
                    track.take_index(&index, &top.range);
                }
            }
            b"moof" => {
                let Some(head) = reader.parse::<Moof>(&top)? else { return Ok(None) };
                waiting = Some((top, head));
            }
            b"mdat" => {
                let (Some(track), Some((moof, head))) = (&mut track, waiting.take()) else {
                    reader.broken(Rule::Boxes, "mdat without a moof before it, or before the moov");
                    return Ok(None);
                };
                reader.fragment(track, &moof, &head, &top)?;
            }
            b"free" | b"skip" | b"styp" | b"prft" | b"emsg" | b"mfra" | b"uuid" => {}
            other => reader.broken(Rule::Boxes, format!("a box {} at its top", String::from_utf8_lossy(other))),
        }
    }
    let Some(mut track) = track else {
        reader.broken(Rule::Boxes, "no moov");
        return Ok(None);
    };
    if waiting.is_some() || track.facts.fragments.is_empty() {
        reader.broken(Rule::Boxes, "ends without the mdat of a fragment");
    }
    let wanted: &[&[u8; 4]] = if track.facts.is_video() { &[b"cmfc", b"av01"] } else { &[b"cmfc"] };
    for brand in wanted.iter().filter(|brand| !brands.contains(**brand)) {
        reader.broken(Rule::Brands, format!("no brand {}", String::from_utf8_lossy(*brand)));
    }
    track.facts.size = size;
    reader.index(&track.facts);
    track.facts.take_parts(reader.parts);
    Ok(Some(track.facts))
}

/// A track as its header describes it, and what was found of it so far.
struct Described {
    facts: TrackFacts,
    /// The sequence header of a picture, as OBU and parsed.
    header: Option<(Vec<u8>, SequenceHeader)>,
    /// Finds the tiles of an encrypted picture.
    tiles: TileReader,
    /// Defaults of samples: ticks, bytes, flags.
    defaults: (u32, u32, u32),
}

impl Described {
    fn take_index(&mut self, index: &Sidx, range: &Range<u64>) {
        let mut at = range.end.saturating_add(index.first_offset);
        for entry in &index.references {
            let end = at.saturating_add(entry.referenced_size.into());
            self.facts.indexed.push((entry.subsegment_duration.into(), at..end));
            at = end;
        }
        self.facts.index = Some(range.clone());
    }
}

impl Reader<'_> {
    fn broken(&mut self, rule: Rule, why: impl Into<String>) {
        self.findings.add(rule, self.name, why);
    }

    fn bytes(&mut self, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        let length = range.end.saturating_sub(range.start);
        if length > LARGEST || range.end > self.size {
            self.broken(Rule::Boxes, format!("a box of {length} bytes at {} does not fit into the file", range.start));
            return Ok(None);
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        match self.media.read_at(range.start, &mut bytes) {
            Ok(()) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.broken(Rule::Boxes, "ends in a box");
                Ok(None)
            }
            Err(error) => Err(Error::io(Path::new(self.name), "cannot read")(error)),
        }
    }

    /// The box that begins here.
    fn next(&mut self, at: u64) -> Result<Option<TopBox>> {
        let Some(head) = self.bytes(at..at.saturating_add(8))? else { return Ok(None) };
        let (size, kind) = head.split_at(4);
        let size = u32::from_be_bytes(size.try_into().unwrap_or_default());
        let (head, length) = match size {
            0 => (8, self.size - at),
            1 => {
                let Some(long) = self.bytes(at + 8..at.saturating_add(16))? else { return Ok(None) };
                (16, u64::from_be_bytes(long.try_into().unwrap_or_default()))
            }
            size => (8, size.into()),
        };
        let end = at.saturating_add(length);
        let part = self.parts.partition_point(|(_, range)| range.end <= at);
        let file_end = self.parts.get(part).map_or(self.size, |(_, range)| range.end);
        if length < head || end > file_end {
            self.broken(Rule::Boxes, format!("a box of {length} bytes at {at}, in a file that ends at {file_end}"));
            return Ok(None);
        }
        Ok(Some(TopBox { kind: kind.try_into().unwrap_or_default(), range: at..end, head }))
    }

    fn parse<T: Atom + Decode>(&mut self, top: &TopBox) -> Result<Option<T>> {
        let Some(bytes) = self.bytes(top.range.clone())? else { return Ok(None) };
        match T::decode(&mut &bytes[..]) {
            Ok(atom) => Ok(Some(atom)),
            Err(error) => {
                self.broken(
                    Rule::Boxes,
                    format!("{} at {}: {error}", String::from_utf8_lossy(&top.kind), top.range.start),
                );
                Ok(None)
            }
        }
    }

    /// Reads the header of a track.
    fn describe(&mut self, movie: &Moov, end: u64) -> Option<Described> {
        let [track] = &movie.trak[..] else {
            self.broken(Rule::OneTrack, format!("{} tracks", movie.trak.len()));
            return None;
        };
        let media = &track.mdia;
        let [entry] = &media.minf.stbl.stsd.codecs[..] else {
            self.broken(Rule::OneTrack, format!("{} sample entries", media.minf.stbl.stsd.codecs.len()));
            return None;
        };
        let clear;
        let (entry, protection) = match entry {
            Codec::Unknown(kind, body) if protection::is_protected(kind.as_ref()) => {
                match protection::sample_entry(*kind.as_ref(), body) {
                    Ok((codec, protection)) => {
                        clear = codec;
                        (&clear, Some(protection))
                    }
                    Err(why) => {
                        self.broken(Rule::Protection, why);
                        return None;
                    }
                }
            }
            entry => (entry, None),
        };
        let mut header = None;
        let (kind, codecs) = match entry {
            Codec::Av01(entry) => {
                header = self.picture_header(entry);
                let (_, parsed) = header.as_ref()?;
                let size = parsed.max_frame_size;
                let told = [
                    ("the track header", track.tkhd.width.integer(), track.tkhd.height.integer()),
                    ("the sample entry", entry.visual.width, entry.visual.height),
                ];
                for (place, width, height) in told {
                    if (u32::from(width), u32::from(height)) != (size.width, size.height) {
                        self.broken(Rule::PictureSize, format!("{place} says {width}x{height}, the stream {size}"));
                    }
                }
                self.tags(entry, parsed);
                (TrackKind::Video { size, transfer: parsed.transfer }, video_codecs(parsed))
            }
            Codec::Mp4a(entry) => {
                let audio = &entry.audio;
                let profile =
                    entry.esds.es_desc.dec_config.dec_specific.as_ref().map_or(2, |specific| specific.profile);
                let sound = TrackKind::Sound {
                    channels: audio.channel_count,
                    rate: audio.sample_rate.integer().into(),
                    aac_lc: profile == 2,
                };
                (sound, same(format!("mp4a.40.{profile}")))
            }
            Codec::Ac3(entry) => (sound(&entry.audio), same("ac-3".to_owned())),
            Codec::Eac3(entry) => (sound(&entry.audio), same("ec-3".to_owned())),
            Codec::Opus(entry) => {
                self.opus_header(entry, track);
                (sound(&entry.audio), same("opus".to_owned()))
            }
            other => {
                self.broken(
                    Rule::OneTrack,
                    format!("a sample entry that is not known here: {}", first_word(&format!("{other:?}"))),
                );
                return None;
            }
        };
        let extends = movie.mvex.as_ref().and_then(|extends| extends.trex.first());
        let Some(extends) = extends else {
            self.broken(Rule::Boxes, "no trex: it has no fragments");
            return None;
        };
        let edits = track.edts.iter().flat_map(|edits| &edits.elst).flat_map(|list| &list.entries);
        let priming = edits.filter_map(|edit| edit.media_time).next().unwrap_or(0);
        Some(Described {
            facts: TrackFacts {
                timescale: media.mdhd.timescale,
                kind,
                codecs,
                priming,
                protection,
                header: 0..end,
                index: None,
                indexed: Vec::new(),
                fragments: Vec::new(),
                samples: 0,
                shortest: u64::MAX,
                longest: 0,
                size: 0,
                parts: Vec::new(),
            },
            header,
            tiles: TileReader::default(),
            defaults: (extends.default_sample_duration, extends.default_sample_size, extends.default_sample_flags),
        })
    }

    /// The sequence header in av1C, which av1C must say the same as.
    fn picture_header(&mut self, entry: &Av01) -> Option<(Vec<u8>, SequenceHeader)> {
        let obus = &entry.av1c.config_obus;
        let parsed = av1::sequence_header_of(obus).ok().flatten();
        let parsed = parsed.and_then(|obu| Some((obu.bytes.to_vec(), SequenceHeader::parse(obu.payload).ok()?)));
        let Some((bytes, header)) = parsed else {
            self.broken(Rule::SampleEntry, "av1C holds no sequence header");
            return None;
        };
        let mut written = Vec::new();
        let told = entry.av1c.encode(&mut written).ok().and_then(|()| written.get(8..12).map(<[u8]>::to_vec));
        // Whether a delay is told is the writer's choice.
        let told = told.map(|mut told| {
            told[3] = 0;
            told
        });
        if told.as_deref() != Some(&header.configuration()) || bytes.len() != obus.len() {
            self.broken(
                Rule::SampleEntry,
                format!("av1C says {told:02x?}, its sequence header {:02x?}", header.configuration()),
            );
        }
        Some((bytes, header))
    }

    /// Compares the description of Opus with the rest of the header.
    fn opus_header(&mut self, entry: &mp4_atom::Opus, track: &Trak) {
        let edits = track.edts.iter().flat_map(|edits| &edits.elst).flat_map(|list| &list.entries);
        let left_out = edits.filter_map(|edit| edit.media_time).next().unwrap_or(0);
        let (skip, rate) = (u64::from(entry.dops.pre_skip), track.mdia.mdhd.timescale);
        if left_out != skip || rate != 48_000 || entry.audio.sample_rate.integer() != 48_000 {
            self.broken(
                Rule::Opus,
                format!("its pre-skip is {skip}, and {left_out} ticks of {rate} a second are left out"),
            );
        }
        let groups = track.mdia.minf.stbl.sgpd.iter().filter(|group| group.grouping_type == ROLL);
        // Of packets of 20 ms, or longer ones.
        let rolls = groups.flat_map(|group| &group.entries).any(|entry| {
            matches!(&entry.entry, AnySampleGroupEntry::UnknownGroupingType(_, bytes) if matches!(**bytes, [high, low] if i16::from_be_bytes([high, low]) <= -4))
        });
        if !rolls {
            self.broken(Rule::Opus, "its header describes no group that rolls by 4 samples or more");
        }
    }

    fn tags(&mut self, entry: &Av01, header: &SequenceHeader) {
        let expected = ([header.primaries, header.transfer, header.matrix].map(u16::from), header.full_range);
        match &entry.colr {
            Some(Colr::Nclx { colour_primaries, transfer_characteristics, matrix_coefficients, full_range_flag }) => {
                let told = ([*colour_primaries, *transfer_characteristics, *matrix_coefficients], *full_range_flag);
                if told != expected {
                    self.broken(Rule::ColourTags, format!("colr says {told:?}, the stream {expected:?}"));
                }
            }
            _ => self.broken(Rule::ColourTags, "no colr of kind nclx"),
        }
        match &entry.pasp {
            Some(aspect) if aspect.h_spacing == aspect.v_spacing => {}
            Some(aspect) => {
                self.broken(Rule::PixelAspect, format!("pixels of {}:{}", aspect.h_spacing, aspect.v_spacing));
            }
            None => self.broken(Rule::PixelAspect, "no pasp"),
        }
    }

    /// Reads a fragment, all of its samples too.
    fn fragment(&mut self, track: &mut Described, moof: &TopBox, head: &Moof, mdat: &TopBox) -> Result<()> {
        let number = track.facts.fragments.len() + 1;
        let ([traf], true) = (&head.traf[..], mdat.range.start == moof.range.end) else {
            self.broken(Rule::Fragment, format!("fragment {number}: {} traf", head.traf.len()));
            return Ok(());
        };
        let ([run], Some(time)) = (&traf.trun[..], &traf.tfdt) else {
            self.broken(
                Rule::Fragment,
                format!("fragment {number}: {} trun, and tfdt: {}", traf.trun.len(), traf.tfdt.is_some()),
            );
            return Ok(());
        };
        if track.facts.is_opus() {
            let groups = traf.sbgp.iter().filter(|group| group.grouping_type == ROLL).flat_map(|group| &group.entries);
            let grouped =
                groups.filter(|it| it.group_description_index != 0).map(|it| u64::from(it.sample_count)).sum::<u64>();
            if grouped != run.samples.len() as u64 {
                let why =
                    format!("fragment {number}: {grouped} of {} samples are of a group that rolls", run.samples.len());
                self.broken(Rule::Opus, why);
            }
        }
        let (ticks, bytes, flags) = track.defaults;
        let header = &traf.tfhd;
        let defaults = (
            header.default_sample_duration.unwrap_or(ticks),
            header.default_sample_size.unwrap_or(bytes),
            header.default_sample_flags.unwrap_or(flags),
        );
        let begin = moof.range.start.checked_add_signed(run.data_offset.unwrap_or(0).into());
        let data = mdat.range.start + mdat.head..mdat.range.end;
        if begin != Some(data.start) || !header.default_base_is_moof {
            self.broken(
                Rule::Offsets,
                format!("fragment {number}: its samples begin at {begin:?}, its mdat at {}", data.start),
            );
        }
        let Some(content) = self.bytes(data.clone())? else { return Ok(()) };
        let start = time.base_media_decode_time;
        let expected = track.facts.fragments.last().map_or(start, |last| last.start + last.duration);
        if start != expected || (number == 1 && start > u64::from(track.facts.timescale) / 2) {
            self.broken(Rule::Times, format!("fragment {number} begins at {start} ticks instead of {expected}"));
        }
        let (mut at, mut lasts, mut first) = (0_usize, 0_u64, None);
        let count = run.samples.len();
        let encrypted = self.encrypted_samples(track, traf, moof, (number, count))?;
        for (index, sample) in run.samples.iter().enumerate() {
            let TrunEntry { duration, size, flags, cts } = sample;
            let ticks = u64::from(duration.unwrap_or(defaults.0));
            let size = usize::try_from(size.unwrap_or(defaults.1)).unwrap_or(usize::MAX);
            let flags = flags.unwrap_or(defaults.2);
            if cts.is_some_and(|offset| offset != 0) {
                self.broken(Rule::Composition, format!("fragment {number}, sample {index}: an offset of {cts:?}"));
            }
            let Some(sample) = at.checked_add(size).and_then(|end| content.get(at..end)) else {
                self.broken(Rule::Offsets, format!("fragment {number}: sample {index} goes beyond its mdat"));
                break;
            };
            at += size;
            lasts += ticks;
            // Not the last, which may be cut, nor the first of all, which may stand until the picture begins.
            if index + 1 < count && (number, index) != (1, 0) {
                track.facts.shortest = track.facts.shortest.min(ticks);
                track.facts.longest = track.facts.longest.max(ticks);
            }
            let marked = flags & 0x0001_0000 == 0;
            if index == 0 {
                first = Some((data.start + size as u64, marked));
            }
            if track.header.is_some() {
                self.sample(track, number, index, sample, marked);
            }
            if let Some(subsamples) = encrypted.as_ref().and_then(|samples| samples.get(index)) {
                let tiles = track.tiles.tiles(sample).map_err(|error| error.to_string());
                let checked = tiles.and_then(|tiles| protection::check_sample(subsamples, &tiles, size));
                if let Err(why) = checked {
                    self.broken(Rule::SampleEncryption, format!("fragment {number}, sample {index}: {why}"));
                }
            }
        }
        if at != content.len() {
            self.broken(
                Rule::Offsets,
                format!("fragment {number}: {at} bytes of samples in an mdat of {}", content.len()),
            );
        }
        let (first_end, key) = first.unwrap_or((data.end, false));
        let bytes = moof.range.start..mdat.range.end;
        track.facts.samples += count as u64;
        track.facts.fragments.push(FragmentFacts { start, duration: lasts, bytes, first_end, key });
        Ok(())
    }

    /// Reads what is encrypted of the samples of a fragment, by its number and count; none where that is not told, as of sound.
    fn encrypted_samples(
        &mut self,
        track: &Described,
        traf: &Traf,
        moof: &TopBox,
        (number, count): (usize, usize),
    ) -> Result<Option<Vec<Vec<Subsample>>>> {
        if track.facts.protection.is_none() || !track.facts.is_video() {
            return Ok(None);
        }
        let Some(bytes) = self.bytes(moof.range.clone())? else { return Ok(None) };
        match protection::samples(traf, &bytes, count) {
            Ok(samples) => Ok(Some(samples)),
            Err(why) => {
                self.broken(Rule::SampleEncryption, format!("fragment {number}: {why}"));
                Ok(None)
            }
        }
    }

    /// Looks at a sample of AV1.
    fn sample(&mut self, track: &Described, fragment: usize, index: usize, data: &[u8], marked: bool) {
        let Some((configured, header)) = &track.header else { return };
        let mut own = false;
        for obu in av1::obus(data) {
            match obu {
                Ok(obu) if obu.kind == ObuKind::TemporalDelimiter => {
                    self.broken(Rule::Delimiters, format!("fragment {fragment}, sample {index}"));
                }
                Ok(obu) if obu.kind == ObuKind::SequenceHeader => {
                    own = true;
                    if obu.bytes != &configured[..] {
                        self.broken(Rule::SequenceHeader, format!("fragment {fragment}, sample {index}: another one"));
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    self.broken(Rule::Decoding, format!("fragment {fragment}, sample {index}: {error}"));
                    return;
                }
            }
        }
        let frames: Vec<_> = av1::frames(data, header.reduced_still_picture_header).flatten().collect();
        let shown = frames.iter().filter(|frame| frame.shown).count();
        if shown != 1 {
            self.broken(Rule::Shown, format!("fragment {fragment}, sample {index}: shows {shown} frames"));
        }
        let is_key = own && frames.first().is_some_and(|frame| frame.key && frame.shown);
        if is_key != marked {
            let why =
                if marked { "is marked as a key frame and is none" } else { "is a key frame and not marked as one" };
            self.broken(Rule::KeyFlags, format!("fragment {fragment}, sample {index}: {why}"));
        }
    }

    /// Compares the index with the fragments.
    fn index(&mut self, facts: &TrackFacts) {
        if facts.index.is_none() {
            return;
        }
        let mut at = 0;
        for (number, (ticks, bytes)) in facts.indexed.iter().enumerate() {
            let (those, whole) = facts.within(bytes);
            let lasts: u64 = those.iter().map(|it| it.duration).sum();
            // It counts what is presented.
            let lasts = if number == 0 { lasts.saturating_sub(facts.priming) } else { lasts };
            at += those.len();
            if !whole || lasts != *ticks {
                self.broken(
                    Rule::Index,
                    format!("entry {number}: {ticks} ticks in {bytes:?}, where the fragments last {lasts}"),
                );
            } else if !those.first().is_some_and(|it| it.key) {
                self.broken(Rule::SegmentKey, format!("segment {number} begins with no key frame"));
            }
        }
        if at != facts.fragments.len() {
            self.broken(Rule::Index, format!("describes {at} of {} fragments", facts.fragments.len()));
        }
    }
}

fn sound(audio: &mp4_atom::Audio) -> TrackKind {
    TrackKind::Sound { channels: audio.channel_count, rate: audio.sample_rate.integer().into(), aac_lc: false }
}

fn same(codecs: String) -> [String; 2] {
    [codecs.clone(), codecs]
}

/// The `codecs` of AV1: what the sequence header says, without and with the tags of colour.
fn video_codecs(header: &SequenceHeader) -> [String; 2] {
    let tier = if header.high_tier { 'H' } else { 'M' };
    let short = format!("av01.{}.{:02}{tier}.{:02}", header.profile, header.level, header.depth.bits());
    let full = format!(
        "{short}.{}.{}{}{}.{:02}.{:02}.{:02}.{}",
        u8::from(header.monochrome),
        u8::from(header.subsampling.x == 2),
        u8::from(header.subsampling.y == 2),
        header.chroma_sample_position,
        header.primaries,
        header.transfer,
        header.matrix,
        u8::from(header.full_range)
    );
    [short, full]
}

fn first_word(text: &str) -> &str {
    text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default()
}
