//! Captions of a film, frame by frame.

use super::cea708::Service;
use super::clock::Clock;
use super::cue::{Cue, Track};
use super::field::Field;
use super::output::Output;
use super::packet::{Assembler, blocks};
use crate::geometry::Rational;
use std::collections::BTreeMap;

/// Decodes the closed captions of a film: those of CEA-608, and those of CEA-708.
///
/// Its memory is bounded, whatever it is given: four caption channels and at most 63 services, each with at most eight
/// windows, a packet of at most 127 bytes, and at most 128 bytes for each service that delays; 5 MB if a broken film
/// uses all of it, and some 40 kB otherwise.
#[derive(Clone, Debug)]
pub struct CaptionDecoder {
    clock: Clock,
    fields: [Field; 2],
    assembler: Assembler,
    services: BTreeMap<u8, Service>,
    /// The time of the last frame.
    time: i64,
    output: Output,
}

impl CaptionDecoder {
    /// Begins, for a film whose times are in ticks of so many seconds.
    pub fn new(time_base: Rational) -> Self {
        let clock = Clock::new(time_base);
        Self {
            clock,
            fields: [
                Field::new(false, [Track::Cc1, Track::Cc2], clock),
                Field::new(true, [Track::Cc3, Track::Cc4], clock),
            ],
            assembler: Assembler::default(),
            services: BTreeMap::new(),
            time: i64::MIN,
            output: Output::default(),
        }
    }

    /// Takes what a frame carries, in the order in which frames are shown, and gives the captions that it ends. Frames
    /// that carry nothing may be left out.
    ///
    /// `time` is when the frame is shown; a time before that of the last frame is taken for that. `cc_data` is as
    /// libavutil's `AV_FRAME_DATA_A53_CC` has it: triplets of a byte with flags, and a pair of bytes (`cc_data_pkt`
    /// of ATSC A/53, part 4).
    ///
    /// Captions of one channel come in the order of their times.
    pub fn push(&mut self, time: i64, cc_data: &[u8]) -> Vec<Cue> {
        let time = time.max(self.time);
        self.time = time;
        for service in self.services.values_mut() {
            service.tick(time, &mut self.output);
        }
        let (triplets, rest) = cc_data.as_chunks::<3>();
        if !rest.is_empty() {
            self.output.drop_one();
        }
        for &[flags, first, second] in triplets {
            let is_valid = flags & 0x04 != 0;
            if is_valid {
                self.pair(time, flags & 0x03, [first, second]);
            }
        }
        for field in &mut self.fields {
            field.settle(time, &mut self.output);
        }
        for service in self.services.values_mut() {
            service.settle(time, &mut self.output);
        }
        std::mem::take(&mut self.output.cues)
    }

    /// Gives the captions that are still shown at the end of the film, which they end with.
    pub fn finish(&mut self, end: i64) -> Vec<Cue> {
        let end = end.max(self.time);
        for field in &mut self.fields {
            field.finish(end, &mut self.output);
        }
        for service in self.services.values_mut() {
            service.finish(self.time, end, &mut self.output);
        }
        self.time = end;
        std::mem::take(&mut self.output.cues)
    }

    /// Counts what was dropped because it was broken: pairs with a byte of wrong parity, packets that are missing or
    /// cut off, and blocks and codes that cannot be read.
    pub fn damaged(&self) -> u64 {
        self.output.damaged
    }

    /// Takes a pair of bytes of one of the four types of ATSC A/53, part 4.
    fn pair(&mut self, time: i64, kind: u8, pair: [u8; 2]) {
        let [first, second] = &mut self.fields;
        let data = match kind {
            0 => return first.pair(time, pair, &mut self.output),
            1 => return second.pair(time, pair, &mut self.output),
            2 => self.assembler.go_on(pair, &mut self.output),
            _ => self.assembler.begin(pair, &mut self.output),
        };
        for (number, block) in blocks(&data.unwrap_or_default(), &mut self.output) {
            let service = self.services.entry(number).or_insert_with(|| Service::new(number, self.clock));
            service.block(time, block, &mut self.output);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NTSC: Rational = Rational { num: 1001, den: 30000 };

    fn odd(byte: u8) -> u8 {
        byte | u8::from(byte.count_ones().is_multiple_of(2)) << 7
    }

    /// Makes the triplets of a packet.
    fn packet(number: u8, blocks: &[(u8, &[u8])]) -> Vec<u8> {
        let mut data = vec![0];
        for (service, block) in blocks {
            let size = block.len() as u8;
            if *service < 7 {
                data.push(service << 5 | size);
            } else {
                data.extend([0xe0 | size, *service]);
            }
            data.extend_from_slice(block);
        }
        if data.len() % 2 == 1 {
            data.push(0);
        }
        data[0] = number << 6 | (data.len() / 2 % 64) as u8;
        let flags = |at: usize| if at == 0 { 0xff } else { 0xfe };
        data.chunks(2).enumerate().flat_map(|(at, pair)| [flags(at), pair[0], pair[1]]).collect()
    }

    /// Makes two channels of CEA-608 and two services, for frames from 10 on.
    fn broadcast() -> Vec<Vec<u8>> {
        let window: &[u8] = &[0x98, 0x38, 74, 105, 0x71, 31, 0x09];
        let captions: Vec<[u8; 2]> = [[0x14, 0x25], [0x14, 0x25], *b"on", *b"e ", [0x14, 0x2c], [0x14, 0x2c]].to_vec();
        let others: Vec<[u8; 2]> = [[0x14, 0x25], [0x14, 0x25], *b"tw", *b"o ", *b"fi", *b"ve"].to_vec();
        let mut frames: Vec<Vec<u8>> = captions
            .into_iter()
            .zip(others)
            .map(|(first, second)| {
                [[0xfc, odd(first[0]), odd(first[1])], [0xfd, odd(second[0]), odd(second[1])]].concat()
            })
            .collect();
        // The second packet is spread over two frames, one of which has a triplet that is not valid in between.
        let second = packet(1, &[(1, b"!"), (9, &[window, b"four"].concat())]);
        frames[1].extend(packet(0, &[(1, &[window, b"three"].concat())]));
        frames[2].extend(&second[..6]);
        frames[3].extend([0xfa, 0, 0]);
        frames[3].extend(&second[6..]);
        frames
    }

    fn decode(frames: &[Vec<u8>]) -> (Vec<Cue>, u64) {
        let mut decoder = CaptionDecoder::new(NTSC);
        let mut cues = Vec::new();
        for (time, frame) in (10..).zip(frames) {
            cues.extend(decoder.push(time, frame));
        }
        cues.extend(decoder.finish(50));
        (cues, decoder.damaged())
    }

    #[test]
    fn a_frame_carries_channels_and_services() {
        let (cues, damaged) = decode(&broadcast());
        let told: Vec<_> = cues.iter().map(|cue| (cue.track.to_string(), cue.start, cue.end, cue.text())).collect();
        let expected = [
            ("CC1", 12, 14, "one"),
            ("CC3", 12, 50, "two five"),
            ("SERVICE1", 11, 50, "three!"),
            ("SERVICE9", 13, 50, "four"),
        ];
        assert_eq!(told, expected.map(|(track, start, end, text)| (track.to_owned(), start, end, text.to_owned())));
        assert_eq!(damaged, 0);
    }

    #[test]
    fn a_time_that_is_too_early_is_that_before() {
        let mut decoder = CaptionDecoder::new(NTSC);
        let [first, .., last] = &broadcast()[..5] else { panic!() };
        assert_eq!(decoder.push(9, first), []);
        assert_eq!(decoder.push(9, &broadcast()[1]), []);
        assert_eq!(decoder.push(5, &broadcast()[2]), []);
        assert_eq!(decoder.push(i64::MIN, last), []);
        let cues = decoder.finish(3);
        assert_eq!(cues, []);
        assert_eq!(decoder.push(i64::MAX, &[]), []);
        assert_eq!(decoder.finish(i64::MAX).len(), 2);
    }

    #[test]
    fn what_is_cut_off_is_counted() {
        let mut decoder = CaptionDecoder::new(NTSC);
        assert_eq!(decoder.push(0, &[0xfc, 0x80]), []);
        assert_eq!(decoder.damaged(), 1);
        assert_eq!(decoder.push(1, &[0xf8, 1, 2, 0xf9, 3, 4, 0xfa, 5, 6, 0xfb, 7, 8]), []);
        assert_eq!(decoder.damaged(), 1);
    }

    /// Makes byte pairs of CEA-608: codes and letters with their parity, and some without.
    fn pairs() -> impl Strategy<Value = [u8; 2]> {
        let code = (0x10_u8..0x20, 0x20_u8..0x80).prop_map(|(first, second)| [odd(first), odd(second)]);
        let misc = (prop_oneof![Just(0x14_u8), Just(0x1c)], 0x20_u8..0x30)
            .prop_map(|(first, second)| [odd(first), odd(second)]);
        let letters = (0x20_u8..0x80, 0x20_u8..0x80).prop_map(|(first, second)| [odd(first), odd(second)]);
        prop_oneof![2 => code, 3 => misc, 5 => letters, 1 => any::<[u8; 2]>()]
    }

    /// Makes codes of a service.
    fn codes() -> impl Strategy<Value = Vec<u8>> {
        let define = (0x98_u8..0xa0, any::<[u8; 6]>()).prop_map(|(code, rest)| [&[code], &rest[..]].concat());
        let windows = (0x88_u8..0x8e, any::<u8>()).prop_map(|(code, windows)| vec![code, windows]);
        let longer =
            (prop_oneof![Just(0x90_u8), Just(0x91), Just(0x92), Just(0x97), Just(0x10), Just(0x18)], any::<[u8; 4]>())
                .prop_map(|(code, rest)| [&[code], &rest[..]].concat());
        let short = any::<u8>().prop_map(|code| vec![code]);
        let letters = proptest::collection::vec(0x20_u8..0x80, 1..12);
        prop_oneof![2 => define, 2 => windows, 2 => longer, 2 => short, 4 => letters]
    }

    /// Makes what a frame carries: captions that are all right, and anything.
    fn frames() -> impl Strategy<Value = Vec<u8>> {
        let captions = (0xfc_u8..0xfe, pairs()).prop_map(|(kind, pair)| vec![kind, pair[0], pair[1]]);
        let service = prop_oneof![3 => Just(1_u8), 1 => 0_u8..64];
        let packet = (0_u8..4, proptest::collection::vec((service, proptest::collection::vec(codes(), 1..4)), 1..4))
            .prop_map(|(number, blocks)| {
                let blocks: Vec<(u8, Vec<u8>)> = blocks
                    .into_iter()
                    .map(|(service, codes)| (service, codes.concat().into_iter().take(31).collect()))
                    .collect();
                let blocks: Vec<(u8, &[u8])> = blocks.iter().map(|(service, block)| (*service, &block[..])).collect();
                packet(number, &blocks)
            });
        let anything = proptest::collection::vec(any::<u8>(), 0..40);
        let part = prop_oneof![4 => captions, 4 => packet, 1 => anything];
        proptest::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn whatever_comes_becomes_cues_that_make_sense(
            frames in proptest::collection::vec((0_i64..40, frames()), 0..120),
            more in 0_i64..200,
        ) {
            let mut decoder = CaptionDecoder::new(NTSC);
            let mut time = -50;
            let mut last = BTreeMap::new();
            let mut check = |cues: Vec<Cue>, now: i64| {
                for cue in cues {
                    prop_assert!(cue.start < cue.end && cue.start >= -50 && cue.end <= now);
                    prop_assert!(!cue.lines.is_empty() && cue.lines.iter().all(|line| !line.text().trim().is_empty()));
                    prop_assert!(cue.place.top < cue.place.bottom && cue.place.bottom <= 1000, "{:?}", cue.place);
                    prop_assert!(cue.place.left < cue.place.right && cue.place.right <= 1000, "{:?}", cue.place);
                    // What is shown at once may have several cues.
                    let before = last.insert(cue.track, (cue.start, cue.end)).unwrap_or((-50, -50));
                    prop_assert!(cue.start >= before.1 || (cue.start, cue.end) == before);
                }
                Ok(())
            };
            for (step, frame) in &frames {
                time += step;
                check(decoder.push(time, frame), time)?;
            }
            check(decoder.finish(time + more), time + more)?;
            prop_assert!(decoder.services.len() <= 63);
        }

        #[test]
        fn a_damaged_broadcast_is_decoded(
            at in 0_usize..40,
            flips in proptest::collection::vec((0_usize..6, 0_usize..64, any::<u8>()), 1..6),
        ) {
            let mut frames = broadcast();
            for (frame, at, flip) in flips {
                let frame = &mut frames[frame];
                let at = at % frame.len();
                frame[at] ^= flip;
            }
            frames[at % 6].truncate(at / 6);
            let (cues, _) = decode(&frames);
            prop_assert!(cues.len() < 40);
        }
    }
}
