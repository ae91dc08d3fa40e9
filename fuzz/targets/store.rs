//! Any bytes as an object of a store, as they are and with a sum that is right.

use std::io::Write;
use tempfile::NamedTempFile;
use upright_engine::fingerprint::Sha256Hex;
use upright_engine::packet::Packet;
use upright_engine::store::read_object;

/// Bytes of a packet besides its data, and of the sum.
const PACKET: usize = 25;
const SUM: usize = 32;

/// # Panics
/// When more is read than there is.
pub(crate) fn check(data: &[u8]) {
    let _ = packets(data);
    let body = &data[..data.len().saturating_sub(SUM)];
    let sum = Sha256Hex::of(body).to_string();
    let digit = |place: usize| u8::from_str_radix(&sum[2 * place..2 * place + 2], 16).expect("hexadecimal digits");
    let summed: Vec<u8> = body.iter().copied().chain((0..SUM).map(digit)).collect();
    let _ = packets(&summed);
}

/// The packets of an object with the key of `fuzz`; none of what is no such object.
pub(crate) fn packets(data: &[u8]) -> Option<Vec<Packet>> {
    let mut file = NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(data).expect("a temporary file can be written");
    let found = read_object(file.path(), Sha256Hex::of(b"fuzz")).expect("a file that is there can be read");
    let packets = found?;
    let bytes: usize = packets.iter().map(|packet| PACKET + packet.data.len()).sum();
    assert!(bytes + SUM <= data.len(), "no byte is read twice");
    Some(packets)
}
