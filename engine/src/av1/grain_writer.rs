//! Putting film grain into a stream that was encoded without, by rewriting its headers.

use super::bits::{BitWriter, Bits};
use super::film_grain::FilmGrain;
use super::frame_header::{CodedFrame, FrameHeader, FrameKind};
use super::obu::{Malformed, ObuKind, obus};
use super::references::References;
use super::sequence::SequenceHeader;

/// The reason that film grain cannot be put into a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrainError {
    /// The stream is not AV1, or refers to frames that are not in it.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The encoder has put film grain into the stream itself.
    #[error("the stream has film grain already; turn off the encoder's own")]
    Present,
    /// Frames are of several temporal or spatial layers.
    #[error("film grain cannot be put into a stream of several layers; make the encoder use one")]
    Layers,
}

/// Puts film grain into the packets of a stream. What is decoded is the same as without, until grain is added to what is
/// shown.
///
/// Frames that are shown, or may be later, get all parameters, or where a frame that they refer to has them, the number
/// of its slot; and each gets a random seed of its own, so that no two pictures have the same grain.
#[derive(Clone, Debug)]
pub struct GrainWriter {
    grain: FilmGrain,
    seed: u16,
    sequence: Option<SequenceHeader>,
    references: References,
    /// Payload of the last frame header OBU as it was written, for its copies.
    header: Vec<u8>,
}

impl GrainWriter {
    /// Makes a writer for a stream, whose first packet is a key frame with its sequence header. `grain` has passed
    /// [`FilmGrain::check`]. The random seeds of frames follow from `seed` and their place in the order of coding.
    pub fn new(grain: FilmGrain, seed: u64) -> Self {
        // Numbers that are close give seeds that are not: 2^64 by the golden ratio.
        let seed = (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as u16;
        Self { grain, seed, sequence: None, references: References::default(), header: Vec::new() }
    }

    /// Puts film grain into the next packet.
    ///
    /// # Errors
    /// [`GrainError`]; the packet is left as it was, and no other may follow.
    pub fn write(&mut self, packet: &mut Vec<u8>) -> Result<(), GrainError> {
        let mut written = Vec::with_capacity(packet.len() + 256);
        for obu in obus(packet) {
            let obu = obu?;
            let payload = match obu.kind {
                ObuKind::SequenceHeader => self.sequence_header(obu.payload)?,
                ObuKind::FrameHeader | ObuKind::Frame if !obu.is_of_lowest_layer() => return Err(GrainError::Layers),
                ObuKind::FrameHeader => self.frame_header(obu.payload)?,
                ObuKind::Frame => self.frame(obu.payload)?,
                ObuKind::RedundantFrameHeader if self.header.is_empty() => {
                    return Err(Malformed::Invalid("a copy of a frame header that is not there").into());
                }
                ObuKind::RedundantFrameHeader => self.header.clone(),
                _ => {
                    written.extend_from_slice(obu.bytes);
                    continue;
                }
            };
            obu.append_with_payload(&payload, &mut written);
        }
        *packet = written;
        Ok(())
    }

    /// Makes the payload of a sequence header whose frames have film grain.
    fn sequence_header(&mut self, payload: &[u8]) -> Result<Vec<u8>, GrainError> {
        let header = SequenceHeader::parse(payload)?;
        if header.film_grain {
            return Err(GrainError::Present);
        }
        self.sequence = Some(header);
        let mut written = payload.to_vec();
        let bit = header.coding.film_grain_bit;
        written[bit / 8] |= 0x80 >> (bit % 8);
        Ok(written)
    }

    /// Makes the payload of a frame header OBU.
    fn frame_header(&mut self, payload: &[u8]) -> Result<Vec<u8>, Malformed> {
        self.header = match self.parse(payload)? {
            FrameHeader::Existing(slot) => {
                self.references.show(slot)?;
                payload.to_vec()
            }
            FrameHeader::Coded(frame) => {
                let mut bits = Bits::new(payload, "a frame header");
                bits.skip(frame.bits as u32)?;
                if !bits.flag()? || !is_zero(bits, payload.len() * 8) {
                    return Err(Malformed::Invalid("a frame header that does not end where it should"));
                }
                let mut bits = self.with_grain(payload, frame);
                bits.flag(true);
                bits.into_bytes()
            }
        };
        Ok(self.header.clone())
    }

    /// Makes the payload of a frame OBU: a header, filled up to a byte, and tiles.
    fn frame(&mut self, payload: &[u8]) -> Result<Vec<u8>, Malformed> {
        let FrameHeader::Coded(frame) = self.parse(payload)? else {
            return Err(Malformed::Invalid("tiles of a frame that is only shown"));
        };
        let mut bits = Bits::new(payload, "a frame");
        bits.skip(frame.bits as u32)?;
        let tiles = frame.bits.div_ceil(8);
        if !is_zero(bits, tiles * 8) {
            return Err(Malformed::Invalid("a frame header that does not end where it should"));
        }
        self.header.clear();
        let mut written = self.with_grain(payload, frame).into_bytes();
        written.extend_from_slice(&payload[tiles..]);
        Ok(written)
    }

    fn parse(&self, payload: &[u8]) -> Result<FrameHeader, Malformed> {
        let sequence = self.sequence.as_ref().ok_or(Malformed::Invalid("a frame before the sequence header"))?;
        FrameHeader::parse(payload, sequence, &self.references)
    }

    /// Makes the header of a frame, with film grain where it is shown, and keeps the frame for later ones.
    fn with_grain(&mut self, payload: &[u8], frame: CodedFrame) -> BitWriter {
        let mut bits = BitWriter::beginning(payload, frame.bits);
        if frame.showable {
            bits.flag(true);
            bits.write(self.next_seed(), 16);
            let inter = frame.references.filter(|_| frame.kind == FrameKind::Inter);
            let with_grain = |slot: &usize| self.references.get(*slot).is_ok_and(|reference| reference.grain);
            let slot = inter.and_then(|references| references.into_iter().find(with_grain));
            if inter.is_some() {
                bits.flag(slot.is_none());
            }
            match slot {
                Some(slot) => bits.write(slot as u32, 3),
                None => self.grain.write(self.sequence.is_some_and(|sequence| sequence.monochrome), &mut bits),
            }
        }
        let mut reference = frame.reference;
        reference.grain = frame.showable;
        self.references.refresh(frame.refreshed, reference);
        bits
    }

    fn next_seed(&mut self) -> u16 {
        /// Seeds with which one of the planes would have the same number again and again: their generators begin with the
        /// seed, changed in these bits; section 7.18.3.3.
        const CONSTANT: [u16; 3] = [0, 0xb524, 0x49d8];
        // Odd, so that all numbers have their turn; large, so that the next is another kind of number.
        self.seed = self.seed.wrapping_add(0x9e37);
        if CONSTANT.contains(&self.seed) { self.seed ^ 0x5555 } else { self.seed }
    }
}

/// Tells whether all bits up to `end`, which are there, are zero.
fn is_zero(mut bits: Bits<'_>, end: usize) -> bool {
    (bits.position()..end).all(|_| bits.flag() == Ok(false))
}

#[cfg(test)]
mod tests {
    use super::super::film_grain::{ChromaGrain, LumaGrain, ScalingPoint};
    use super::super::references::Reference;
    use super::*;
    use proptest::prelude::*;

    /// Of luma alone, without a filter: its fields are short.
    fn grain() -> FilmGrain {
        let chroma = ChromaGrain { points: Vec::new(), ar_coeffs: Vec::new(), mult: 0, luma_mult: 0, offset: 0 };
        FilmGrain {
            scaling_shift: 8,
            ar_coeff_lag: 0,
            ar_coeff_shift: 6,
            grain_scale_shift: 0,
            overlap: false,
            clip_to_restricted_range: false,
            chroma_scaling_from_luma: false,
            luma: LumaGrain { points: vec![ScalingPoint { value: 0, scaling: 255 }], ar_coeffs: Vec::new() },
            cb: chroma.clone(),
            cr: chroma,
        }
    }

    /// Points of luma, no scaling from luma, no points of chroma, and what follows.
    const GRAIN: &str = "0001 00000000 11111111 0 0000 0000 00 00 00 00 0 0";

    /// A stream of 64x64 with as few tools as can be.
    const SEQUENCE: &str = "000 0 0  0 0 00000  000000000000 00000  0101 0101 111111 111111  0  0 0 0  0 0 0 0  0  0 0  \
                            0 0 0  0 0 0 0 00 0";
    /// A key frame that is shown: start, render size, tiles, quantisers, segments, deltas, loop filter, transforms.
    const KEY: &str = "0 00 1  0 0  0 0  1  10000000 0 0 0 0  0  0  000000 000000 000 0  0 0";
    /// A key frame that is not, may be shown later, and goes into slot 2.
    const HIDDEN: &str = "0 00 0 1 1  0 0 00000100  0 0  1  10000000 0 0 0 0  0  0  000000 000000 000 0  0 0";
    /// Slot 2 is shown.
    const SHOWN: &str = "1 010";
    /// A frame that refers to slots 0, 0, 0, 0, 0, 0 and `slot`, goes into none, and is shown.
    const INTER: &str = "0 01 1 0  0 0 111 00000000";

    fn inter(slot: &str) -> String {
        let references = "000".repeat(6) + slot;
        // Render size, precision, filter, motion mode; and after the transforms and compounds seven identities.
        let motion = "0 1 1 0";
        format!("{INTER} {references} {motion} 0  1  10000000 0 0 0 0  0  0  000000 000000 000 0  0 0 0  0000000")
    }

    fn payload(bits: &str) -> Vec<u8> {
        let mut writer = BitWriter::default();
        bits.bytes().filter(|&bit| bit != b' ').for_each(|bit| writer.flag(bit == b'1'));
        writer.into_bytes()
    }

    /// An OBU with the bits as payload and behind them `rest`.
    fn obu(kind: u8, bits: &str, rest: &[u8]) -> Vec<u8> {
        let payload = [payload(bits), rest.to_vec()].concat();
        [&[kind << 3 | 2, u8::try_from(payload.len()).unwrap()][..], &payload].concat()
    }

    fn sequence(grain: bool) -> Vec<u8> {
        obu(1, &format!("{SEQUENCE} {} 1", u8::from(grain)), &[])
    }

    fn header(bits: &str) -> Vec<u8> {
        obu(3, &format!("{bits} 1"), &[])
    }

    fn writer() -> GrainWriter {
        GrainWriter::new(grain(), 0)
    }

    fn written(writer: &mut GrainWriter, packet: &[u8]) -> Vec<u8> {
        let mut packet = packet.to_vec();
        writer.write(&mut packet).unwrap();
        packet
    }

    #[test]
    fn headers_are_rewritten_wherever_they_stand() {
        const TILES: [u8; 3] = [1, 2, 3];
        let tiles = obu(4, "", &TILES);
        let copy = obu(7, &format!("{KEY} 1"), &[]);
        let packet = [sequence(false), header(KEY), tiles.clone(), copy, obu(6, KEY, &TILES)].concat();
        // The seeds are 1 and 2 steps.
        let (first, second) = ("1001111000110111", "0011110001101110");
        let with_grain = |seed| format!("{KEY} 1 {seed} {GRAIN}");
        let expected = [
            sequence(true),
            header(&with_grain(first)),
            tiles,
            obu(7, &format!("{} 1", with_grain(first)), &[]),
            obu(6, &with_grain(second), &TILES),
        ];
        assert_eq!(written(&mut writer(), &packet), expected.concat());
    }

    #[test]
    fn frames_take_grain_from_those_that_they_refer_to_and_have_it() {
        let mut writer = writer();
        written(&mut writer, &[sequence(false), header(KEY)].concat());
        let with_reference = |writer: &mut GrainWriter, slot: &str| {
            let data = written(writer, &header(&inter(slot)));
            let mut bits = Bits::new(&data[2..], "a header");
            let length = inter(slot).replace(' ', "").len() as u32;
            bits.skip(length + 1 + 16).unwrap();
            // `update_grain` and the slot, which says nothing where there is an update.
            (bits.flag().unwrap(), bits.read(3).unwrap())
        };
        assert_eq!(with_reference(&mut writer, "010"), (false, 0));
        // Without grain in slot 0 it is taken from another that is referred to.
        let plain = Reference { grain: false, ..*writer.references.get(0).unwrap() };
        writer.references.refresh(0b0000_0001, plain);
        assert_eq!(with_reference(&mut writer, "010"), (false, 2));
        writer.references.refresh(0b0000_0100, plain);
        assert!(with_reference(&mut writer, "010").0);
    }

    #[test]
    fn a_hidden_key_frame_has_grain_and_takes_all_slots_when_it_is_shown() {
        let mut writer = writer();
        let hidden = written(&mut writer, &[sequence(false), header(HIDDEN)].concat());
        let expected = format!("{HIDDEN} 1 1001111000110111 {GRAIN}");
        assert_eq!(hidden, [sequence(true), header(&expected)].concat());
        assert!(writer.write(&mut header(&inter("010"))).is_err(), "slot 0 is empty");
        assert_eq!(written(&mut writer, &header(SHOWN)), header(SHOWN));
        written(&mut writer, &header(&inter("111")));
    }

    #[test]
    fn what_cannot_have_grain_is_refused_and_left_alone() {
        let invalid = |what| GrainError::Malformed(Malformed::Invalid(what));
        let unfinished = invalid("a frame header that does not end where it should");
        let layered = [&[0x1e, 0x20][..], &header(KEY)[1..]].concat();
        let cases = [
            (sequence(true), GrainError::Present),
            ([sequence(false), layered].concat(), GrainError::Layers),
            (header(KEY), invalid("a frame before the sequence header")),
            ([sequence(false), header(SHOWN)].concat(), invalid("a reference to a frame that is not there")),
            ([sequence(false), obu(7, KEY, &[])].concat(), invalid("a copy of a frame header that is not there")),
            ([sequence(false), obu(6, SHOWN, &[])].concat(), invalid("tiles of a frame that is only shown")),
            ([sequence(false), obu(3, KEY, &[])].concat(), unfinished),
            ([sequence(false), obu(3, &format!("{KEY} 1"), &[1])].concat(), unfinished),
            ([sequence(false), obu(6, &format!("{KEY} 1"), &[1])].concat(), unfinished),
            (vec![0x32, 9], GrainError::Malformed(Malformed::Truncated("an OBU"))),
        ];
        for (packet, error) in cases {
            let mut same = packet.clone();
            assert_eq!(writer().write(&mut same), Err(error));
            assert_eq!(same, packet);
        }
    }

    #[test]
    fn a_header_cut_anywhere_is_truncated() {
        let whole = payload(&inter("010"));
        let mut writer = writer();
        written(&mut writer, &[sequence(false), header(KEY)].concat());
        for length in 0..whole.len() {
            let cut = Err(GrainError::Malformed(Malformed::Truncated("a frame header")));
            assert_eq!(writer.clone().write(&mut obu(6, "", &whole[..length])), cut, "{length} bytes");
        }
    }

    #[test]
    fn seeds_differ_for_a_long_time_and_are_never_constant_noise() {
        let mut writer = GrainWriter::new(grain(), 12345);
        let seeds: Vec<_> = (0..65536).map(|_| writer.next_seed()).collect();
        assert!(seeds.iter().all(|seed| ![0, 0xb524, 0x49d8].contains(seed)));
        let different: std::collections::BTreeSet<_> = seeds.iter().collect();
        assert_eq!(different.len(), 65533);
        assert!(seeds.array_windows().all(|[a, b]| a != b));
        let first = |seed| GrainWriter::new(grain(), seed).next_seed();
        assert_ne!(first(3000), first(6000));
        assert_eq!(first(3000), first(3000));
    }

    proptest! {
        #[test]
        fn any_payloads_are_read_or_refused(
            start in proptest::collection::vec(any::<u8>(), 0..40),
            frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..6),
        ) {
            // With our sequence header, or one with tools of any kind.
            for sequence in [sequence(false), obu(1, "", &start)] {
                let mut writer = writer();
                let mut packet = sequence;
                for frame in &frames {
                    packet.extend(obu(6, "", frame));
                    let before = packet.clone();
                    if writer.write(&mut packet).is_err() {
                        prop_assert_eq!(&packet, &before);
                        break;
                    }
                    prop_assert!(obus(&packet).all(|obu| obu.is_ok()));
                    packet.clear();
                }
            }
        }
    }
}
