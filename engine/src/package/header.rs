//! The CMAF header: `ftyp` and `moov`, which come before all samples (ISO/IEC 23000-19, 7.3.1).

use super::boxes::{atom, full, words};
use super::protection;
use super::sample_entry::SampleEntry;
use super::track_info::{ROLL, TRACK, TrackInfo};
use crate::language::Language;

/// Brands: CMAF, fragments whose offsets count from themselves, AV1 where it is, and DASH's self-initialising segments.
const BRANDS: [&[u8; 4]; 4] = [b"cmfc", b"iso6", b"dash", b"mp41"];
/// The identity, ISO/IEC 14496-12, 8.2.2.2.
const MATRIX: [u32; 9] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];

/// Makes the header of a track of which `duration` ticks are presented.
pub(super) fn header(track: &TrackInfo, duration: u64) -> Vec<u8> {
    let mut brands: Vec<u8> = BRANDS.iter().copied().flatten().copied().collect();
    if matches!(track.sample, SampleEntry::Video(_)) {
        brands.extend(b"av01");
    }
    let start = atom(b"ftyp", &[b"cmfc", &words(&[0]), &brands]);
    // Version 1 has times of 64 bits: made, changed, duration. How long fragments are together, `mehd` says.
    let movie = full(
        b"mvhd",
        0,
        0,
        &[
            &words(&[0, 0, track.timescale, 0, 0x0001_0000, 0x0100_0000, 0, 0]),
            &words(&MATRIX),
            &[0; 24],
            &words(&[TRACK + 1]),
        ],
    );
    let lasts = full(b"mehd", 1, 0, &[&duration.to_be_bytes()]);
    let defaults = full(b"trex", 0, 0, &[&words(&[TRACK, 1, 0, 0, 0])]);
    let fragments = atom(b"mvex", &[&lasts, &defaults]);
    let systems = track.key.iter().flat_map(protection::systems).flat_map(|system| system.bytes);
    let systems: Vec<u8> = systems.collect();
    [start, atom(b"moov", &[&movie, &track_box(track), &fragments, &systems])].concat()
}

fn track_box(track: &TrackInfo) -> Vec<u8> {
    let (volume, size) = match &track.sample {
        SampleEntry::Video(video) => (0, [video.size.width << 16, video.size.height << 16]),
        SampleEntry::Audio(_) => (0x0100_0000, [0, 0]),
    };
    // Enabled, and in the movie.
    let about = full(b"tkhd", 0, 3, &[&words(&[0, 0, TRACK, 0, 0, 0, 0, 0, volume]), &words(&MATRIX), &words(&size)]);
    atom(b"trak", &[&about, &edits(track), &media(track)])
}

/// The edit list of sound whose first samples only warm the decoder up; nothing elsewhere.
fn edits(track: &TrackInfo) -> Vec<u8> {
    if track.priming == 0 {
        return Vec::new();
    }
    // All of the track from there on, at its own speed.
    let list = full(b"elst", 0, 0, &[&words(&[1, 0, track.priming, 0x0001_0000])]);
    atom(b"edts", &[&list])
}

fn media(track: &TrackInfo) -> Vec<u8> {
    let handler = track.sample.handler();
    let (about, name): (_, &[u8]) = match track.sample {
        SampleEntry::Video(_) => (full(b"vmhd", 0, 1, &[&[0; 8]]), b"VideoHandler\0"),
        SampleEntry::Audio(_) => (full(b"smhd", 0, 0, &[&[0; 4]]), b"SoundHandler\0"),
    };
    let times = full(b"mdhd", 0, 0, &[&words(&[0, 0, track.timescale, 0]), &language(track), &[0, 0]]);
    let handled = full(b"hdlr", 0, 0, &[&[0; 4], handler, &[0; 12], name]);
    // The samples are in this very file.
    let data = atom(b"dinf", &[&full(b"dref", 0, 0, &[&words(&[1]), &full(b"url ", 0, 1, &[])])]);
    let entry =
        track.key.as_ref().map_or_else(|| track.sample.bytes(), |key| protection::sample_entry(&track.sample, key));
    let entries = full(b"stsd", 0, 0, &[&words(&[1]), &entry]);
    let none = |kind: &[u8; 4], counts: &[u32]| full(kind, 0, 0, &[&words(counts)]);
    // One description of a group, of two bytes (ISO/IEC 14496-12, 8.9.3); which samples are of it, fragments say.
    let group = |distance: i16| full(b"sgpd", 1, 0, &[ROLL, &words(&[2, 1]), &distance.to_be_bytes()]);
    let group = track.roll_distance().map(group).unwrap_or_default();
    let tables = atom(
        b"stbl",
        &[&entries, &none(b"stts", &[0]), &none(b"stsc", &[0]), &none(b"stsz", &[0, 0]), &none(b"stco", &[0]), &group],
    );
    atom(b"mdia", &[&times, &handled, &atom(b"minf", &[&about, &data, &tables])])
}

/// Three letters of five bits each, ISO/IEC 14496-12, 8.4.2.3.
fn language(track: &TrackInfo) -> [u8; 2] {
    let language = track.language.as_deref().and_then(Language::of);
    let code = language.as_ref().map_or(Language::UNKNOWN, Language::code);
    let packed = code.bytes().fold(0_u16, |packed, letter| packed << 5 | u16::from(letter.wrapping_sub(0x60) & 0x1f));
    packed.to_be_bytes()
}
