//! Which streams are encrypted. libav hands their bytes on as if they were not, and decoders make of them what they can.

#![expect(unsafe_code, reason = "libav is C")]

use super::ffi;
use ffmpeg_sys_next as av;

/// Message about a film whose picture is encrypted.
pub(super) const ENCRYPTED: &str = "is encrypted, and Upright has no keys; decrypt it first";

/// Bytes of a transport stream that are looked at in each of three places: its beginning, its middle and its end.
const WINDOW: usize = 1 << 20;

/// Distances from one transport packet to the next: plain, with a time stamp in front, with check bytes behind.
const PACKETS: [usize; 3] = [188, 192, 204];

/// Indices of those `streams` of a container that it says are encrypted, or whose numbers are in `encrypted`.
pub(super) fn encrypted_streams<'a>(
    container: &av::AVFormatContext,
    streams: impl Iterator<Item = &'a av::AVStream>,
    encrypted: &[u32],
) -> Vec<usize> {
    // SAFETY: the context's metadata is null or valid.
    let whole = unsafe { ffi::dict_text(container.metadata, c"ASF_Protection_Type") }.is_some();
    let encrypted = streams.enumerate().filter(|(_, stream)| {
        // What libav makes of WebM's ContentEncryption.
        // SAFETY: a stream's metadata is null or valid.
        let key = unsafe { ffi::dict_text(stream.metadata, c"enc_key_id") };
        let number = u32::try_from(stream.id).ok();
        whole || key.is_some() || number.is_some_and(|id| encrypted.contains(&id))
    });
    encrypted.map(|(index, _)| index).collect()
}

/// Packet identifiers of which most packets in some part of a transport stream of `size` bytes are scrambled. `peek` reads from
/// a place into a buffer, and says how much there was.
pub(super) fn scrambled(size: u64, mut peek: impl FnMut(u64, &mut [u8]) -> usize) -> Vec<u32> {
    let mut window = vec![0; WINDOW];
    let mut found = Vec::new();
    for at in [0, size / 2, size.saturating_sub(WINDOW as u64)] {
        let count = peek(at, &mut window);
        found.extend(scrambled_in(&window[..count]));
    }
    found
}

/// The same of these bytes of a transport stream.
fn scrambled_in(bytes: &[u8]) -> Vec<u32> {
    const SYNC: u8 = 0x47;
    const RUN: usize = 8;
    let aligned = |&(size, first): &(usize, usize)| {
        (0..RUN).all(|packet| bytes.get(first + packet * size).is_some_and(|&byte| byte == SYNC))
    };
    let places = PACKETS.into_iter().flat_map(|size| (0..size).map(move |first| (size, first)));
    let Some((size, first)) = { places }.find(aligned) else { return Vec::new() };
    let mut counts = std::collections::BTreeMap::<u32, [u32; 2]>::new();
    for packet in bytes[first..].chunks_exact(size).filter(|packet| packet[0] == SYNC) {
        let pid = u32::from(packet[1] & 0x1f) << 8 | u32::from(packet[2]);
        let (scrambled, has_payload) = (packet[3] >> 6 != 0, packet[3] & 0x10 != 0);
        if has_payload {
            counts.entry(pid).or_default()[usize::from(scrambled)] += 1;
        }
    }
    counts.into_iter().filter(|(_, [clear, scrambled])| scrambled > clear).map(|(pid, _)| pid).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of this size of identifiers 256 and 257, those of the second scrambled but for every `clear`th.
    fn stream(size: usize, clear: usize) -> Vec<u8> {
        let packet = |number: usize| {
            let second = number % 2;
            let scrambled = second == 1 && !(number / 2).is_multiple_of(clear);
            let mut packet = vec![0xff; size];
            packet[..4].copy_from_slice(&[0x47, 1, second as u8, if scrambled { 0xd0 } else { 0x10 }]);
            packet
        };
        [vec![1, 2, 3], (0..64).flat_map(packet).collect()].concat()
    }

    #[test]
    fn scrambled_packets_are_seen_whatever_their_distance() {
        for size in PACKETS {
            assert_eq!(scrambled_in(&stream(size, 20)), [257], "{size}");
            assert_eq!(scrambled_in(&stream(size, 1)), [0_u32; 0], "{size}");
        }
        assert_eq!(scrambled_in(&[0x47; 100]), [0_u32; 0]);
        assert_eq!(scrambled_in(&[]), [0_u32; 0]);
    }
}
