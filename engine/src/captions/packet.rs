//! The packets of CEA-708, and the blocks of services in them.

use super::output::Output;

/// Data of a packet that is being sent.
#[derive(Clone, Debug)]
struct Packet {
    /// Its data so far, without the header.
    data: Vec<u8>,
    /// The size of its data, from 1 to 127 bytes.
    size: usize,
}

/// Puts packets together from byte pairs.
#[derive(Clone, Debug, Default)]
pub(super) struct Assembler {
    packet: Option<Packet>,
    /// The number of the last packet, from 0 to 3.
    number: Option<u8>,
}

impl Assembler {
    /// Takes the pair that a packet begins with, and gives the data of the packet that ends with that, if one does.
    pub(super) fn begin(&mut self, [header, byte]: [u8; 2], output: &mut Output) -> Option<Vec<u8>> {
        // What has come of a packet may have whole blocks.
        let cut_off = self.packet.take().map(|packet| packet.data);
        if cut_off.is_some() {
            output.drop_one();
        }
        let number = header >> 6;
        // Some encoders always write the same number, so that it is no proof of anything missing.
        if self.number.is_some_and(|last| number != last && number != (last + 1) % 4) {
            output.drop_one();
        }
        self.number = Some(number);
        // The size, in byte pairs with the header; 0 is 64 of them. CEA-708-E, section 5.
        let pairs = match header & 0x3f {
            0 => 64,
            pairs => usize::from(pairs),
        };
        let packet = Packet { data: vec![byte], size: 2 * pairs - 1 };
        if packet.size == 1 {
            // Nothing fits in behind the header but a block without anything.
            return cut_off;
        }
        self.packet = Some(packet);
        cut_off
    }

    /// Takes another pair, and gives the packet's data if that is all of it.
    pub(super) fn go_on(&mut self, pair: [u8; 2], output: &mut Output) -> Option<Vec<u8>> {
        let Some(packet) = &mut self.packet else {
            // Some encoders pad with pairs that are said to be valid.
            if pair != [0, 0] {
                output.drop_one();
            }
            return None;
        };
        packet.data.extend(pair);
        if packet.data.len() < packet.size {
            return None;
        }
        self.packet.take().map(|packet| packet.data)
    }
}

/// Splits a packet's data into blocks: the service's number, from 1 to 63, and at most 31 bytes. What is broken is left
/// out.
pub(super) fn blocks<'a>(mut data: &'a [u8], output: &mut Output) -> Vec<(u8, &'a [u8])> {
    let mut blocks = Vec::new();
    while let [header, rest @ ..] = data {
        let (number, size) = (header >> 5, usize::from(header & 0x1f));
        let (number, rest) = match (number, rest) {
            // The rest is padding.
            (0, _) => break,
            // Services from 7 on have their number in a byte of its own; smaller ones have not.
            (7, [extended, rest @ ..]) if size > 0 => (extended & 0x3f, rest),
            _ => (number, rest),
        };
        let Some((block, rest)) = rest.split_at_checked(size) else {
            output.drop_one();
            break;
        };
        if header >> 5 == 7 && size > 0 && number < 7 {
            output.drop_one();
        } else if size > 0 {
            blocks.push((number, block));
        }
        data = rest;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_ends_with_its_size() {
        let (mut assembler, mut output) = (Assembler::default(), Output::default());
        assert_eq!(assembler.begin([0x02, 1], &mut output), None);
        assert_eq!(assembler.go_on([2, 3], &mut output), Some(vec![1, 2, 3]));
        assert_eq!(assembler.go_on([0, 0], &mut output), None);
        assert_eq!(output.damaged, 0);
        assert_eq!(assembler.go_on([0, 1], &mut output), None);
        assert_eq!(output.damaged, 1);
        assert_eq!(assembler.begin([0x40, 0], &mut output), None);
        for _ in 0..62 {
            assert_eq!(assembler.go_on([9, 9], &mut output), None);
        }
        assert_eq!(assembler.go_on([9, 9], &mut output).map(|data| data.len()), Some(127));
        assert_eq!(output.damaged, 1);
    }

    #[test]
    fn a_packet_that_is_cut_off_and_one_that_is_lost_are_counted() {
        let (mut assembler, mut output) = (Assembler::default(), Output::default());
        assert_eq!(assembler.begin([0x03, 1], &mut output), None);
        assert_eq!(assembler.go_on([2, 3], &mut output), None);
        assert_eq!(assembler.begin([0x42, 1], &mut output), Some(vec![1, 2, 3]));
        assert_eq!(output.damaged, 1);
        assert_eq!(assembler.go_on([2, 3], &mut output), Some(vec![1, 2, 3]));
        assert_eq!(assembler.begin([0x41, 0], &mut output), None);
        assert_eq!(output.damaged, 1);
        assert_eq!(assembler.begin([0xc1, 0], &mut output), None);
        assert_eq!(output.damaged, 2);
        assert_eq!(assembler.begin([0x01, 0], &mut output), None);
        assert_eq!(output.damaged, 2);
    }

    #[test]
    fn blocks_are_split_with_and_without_extended_numbers() {
        let mut output = Output::default();
        let data = [0x21, b'a', 0xe2, 63, b'b', b'c', 0x40, 0xc1, b'd', 0x00, 0x21, b'e'];
        let expected: [(u8, &[u8]); 3] = [(1, b"a"), (63, b"bc"), (6, b"d")];
        assert_eq!(blocks(&data, &mut output), expected);
        assert_eq!(output.damaged, 0);
    }

    #[test]
    fn broken_blocks_are_left_out() {
        let mut output = Output::default();
        assert_eq!(blocks(&[0xe1, 6, b'a', 0x21, b'b', 0x22, b'c'], &mut output), [(1, &b"b"[..])]);
        assert_eq!(output.damaged, 2);
        assert_eq!(blocks(&[0xe1], &mut output), []);
        assert_eq!(output.damaged, 3);
    }
}
