//! Objects: what is written comes back, and nothing else is taken for one.

use super::*;
use std::fs;
use tempfile::{TempDir, tempdir};

fn key(text: &str) -> SegmentKey {
    SegmentKey(Sha256Hex::of(text.as_bytes()))
}

fn packets() -> Vec<Packet> {
    let packet = |number: i64| Packet {
        data: (0..number * 7).map(|byte| (byte * 31 + number) as u8).collect(),
        pts: number * 40 - 80,
        duration: if number == 3 { 0 } else { 40 },
        key: number % 3 == 0,
    };
    (0..6).map(packet).collect()
}

fn damage() -> Damage {
    Damage { damaged_frames: 3, first_at: Some(1.0 / 3.0), retimed_frames: 2, ..Damage::default() }
}

/// An object of `packets`, in a folder of its own.
fn object(packets: &[Packet]) -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("object");
    let mut writer = StoredWriter::create(folder.path(), path.clone(), key("a")).unwrap();
    packets.iter().for_each(|packet| writer.append(packet).unwrap());
    let bytes = writer.seal(&damage()).unwrap();
    assert_eq!(bytes, fs::metadata(&path).unwrap().len());
    (folder, path)
}

/// Opens these bytes as the object of a key.
fn opened(folder: &TempDir, bytes: &[u8]) -> Option<StoredSegment> {
    let path = folder.path().join("changed");
    fs::write(&path, bytes).unwrap();
    StoredSegment::open(&path, key("a")).unwrap()
}

fn read(stored: &StoredSegment) -> Vec<Packet> {
    stored.packets().unwrap().collect::<Result<_>>().unwrap()
}

#[test]
fn packets_and_damage_come_back() {
    for packets in [packets(), Vec::new(), vec![Packet { data: vec![7; 3 * BUFFER], ..packets()[1].clone() }]] {
        let (_folder, path) = object(&packets);
        let stored = StoredSegment::open(&path, key("a")).unwrap().unwrap();
        assert_eq!((read(&stored), stored.damage()), (packets, &damage()));
    }
}

#[test]
fn several_readers_have_their_own_places() {
    let (_folder, path) = object(&packets());
    let stored = StoredSegment::open(&path, key("a")).unwrap().unwrap();
    // And it is there even when it was removed.
    fs::remove_file(path).unwrap();
    let (mut one, mut other) = (stored.packets().unwrap(), stored.packets().unwrap());
    for packet in packets() {
        assert_eq!([one.next(), other.next()].map(|read| read.unwrap().unwrap()), [packet.clone(), packet]);
    }
    assert!(one.next().is_none() && other.next().is_none());
}

#[test]
fn an_object_has_no_name_before_it_is_whole() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("object");
    let mut writer = StoredWriter::create(folder.path(), path.clone(), key("a")).unwrap();
    writer.append(&packets()[2]).unwrap();
    assert!(!path.exists() && StoredSegment::open(&path, key("a")).unwrap().is_none());
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "one that is given up leaves nothing");
}

#[test]
fn another_key_is_another_object() {
    let (_folder, path) = object(&packets());
    assert!(StoredSegment::open(&path, key("b")).unwrap().is_none());
}

#[test]
fn no_changed_byte_passes() {
    let (folder, path) = object(&packets());
    let whole = fs::read(path).unwrap();
    assert!(opened(&folder, &whole).is_some());
    for place in 0..whole.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[place] ^= change;
            assert!(opened(&folder, &bytes).is_none(), "byte {place} with {change:x}");
        }
    }
}

#[test]
fn neither_less_nor_more_passes() {
    let (folder, path) = object(&packets());
    let whole = fs::read(path).unwrap();
    for length in 0..whole.len() {
        assert!(opened(&folder, &whole[..length]).is_none(), "{length} bytes of {}", whole.len());
    }
    assert!(opened(&folder, &[whole.as_slice(), b"\0"].concat()).is_none());
    assert!(opened(&folder, &[whole.as_slice(), whole.as_slice()].concat()).is_none());
}

/// An object whose sum is right, whatever is in it.
fn forged(packets: &[u8], footer: &[u8], footer_length: u64) -> Vec<u8> {
    let head = [MAGIC.as_slice(), key("a").to_string().as_bytes()].concat();
    let mut bytes = [&head, packets, footer, &footer_length.to_le_bytes()].concat();
    let sum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

fn footer(packets: u64) -> Vec<u8> {
    serde_json::to_vec(&Footer { packets, damage: damage() }).unwrap()
}

#[test]
fn a_footer_that_lies_is_refused_though_its_sum_is_right() {
    let folder = tempdir().unwrap();
    let mut body = Vec::new();
    packets().iter().for_each(|packet| packet.write_to(&mut body).unwrap());
    let footer = |count| footer(count);
    let with = |count: u64| forged(&body, &footer(count), footer(count).len() as u64);
    assert_eq!(read(&opened(&folder, &with(6)).unwrap()), packets(), "the forgery is good");
    for count in [0, 5, 7, 1 << 40, u64::MAX] {
        assert!(opened(&folder, &with(count)).is_none(), "{count} packets instead of 6");
    }
    let (right, length) = (footer(6), footer(6).len() as u64);
    for lie in [0, 1, length - 1, length + 1, body.len() as u64 + length + HEAD + 1, 1 << 40, u64::MAX - 7, u64::MAX] {
        assert!(opened(&folder, &forged(&body, &right, lie)).is_none(), "a footer of {lie} bytes instead of {length}");
    }
    for other in [b"".as_slice(), b"{}", b"[]", b"{\"packets\":6}", b"{\"packets\":-6,\"damage\":{}}", b"\xff"] {
        assert!(opened(&folder, &forged(&body, other, other.len() as u64)).is_none(), "{other:?}");
    }
    let long = [&vec![b' '; LONGEST_FOOTER as usize], right.as_slice()].concat();
    assert!(opened(&folder, &forged(&body, &long, long.len() as u64)).is_none(), "a footer that is too long");
}

#[test]
fn a_packet_that_lies_about_its_length_is_refused_and_costs_no_memory() {
    let folder = tempdir().unwrap();
    let footer = footer(1);
    let packet = Packet { data: vec![9; 5], ..packets()[0].clone() };
    let mut body = Vec::new();
    packet.write_to(&mut body).unwrap();
    assert!(opened(&folder, &forged(&body, &footer, footer.len() as u64)).is_some());
    for lie in [0, 4, 6, 5 + footer.len() as u64, 1 << 40, i64::MAX as u64, u64::MAX - 24, u64::MAX] {
        let at = body.len() - packet.data.len() - 8;
        body[at..at + 8].copy_from_slice(&lie.to_le_bytes());
        assert!(opened(&folder, &forged(&body, &footer, footer.len() as u64)).is_none(), "{lie} bytes instead of 5");
    }
}
