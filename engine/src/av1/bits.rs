//! Reading and writing bits, most significant first.

use super::obu::Malformed;

/// Reads bits.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    position: usize,
    /// What is read, for the error where it ends.
    what: &'static str,
}

impl<'a> Bits<'a> {
    /// Makes a reader of `data`, which is `what`.
    pub(super) fn new(data: &'a [u8], what: &'static str) -> Self {
        Self { data, position: 0, what }
    }

    /// Returns the number of bits that have been read.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    fn truncated(&self) -> Malformed {
        Malformed::Truncated(self.what)
    }

    pub(super) fn flag(&mut self) -> Result<bool, Malformed> {
        let byte = self.data.get(self.position / 8).ok_or_else(|| self.truncated())?;
        let bit = byte >> (7 - self.position % 8) & 1;
        self.position += 1;
        Ok(bit == 1)
    }

    /// Reads up to 32 bits.
    pub(super) fn read(&mut self, count: u32) -> Result<u32, Malformed> {
        (0..count).try_fold(0, |value, _| Ok(value << 1 | u32::from(self.flag()?)))
    }

    /// Reads up to 8 bits.
    pub(super) fn byte(&mut self, count: u32) -> Result<u8, Malformed> {
        (0..count).try_fold(0, |value, _| Ok(value << 1 | u8::from(self.flag()?)))
    }

    pub(super) fn skip(&mut self, count: u32) -> Result<(), Malformed> {
        self.position += count as usize;
        if self.position > self.data.len() * 8 { Err(self.truncated()) } else { Ok(()) }
    }

    /// Reads a flag, and behind it, if it is set, what `parse` reads.
    pub(super) fn optional<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        if self.flag()? { parse(self).map(Some) } else { Ok(None) }
    }

    /// Reads a `uvlc`; section 4.10.3.
    pub(super) fn uvlc(&mut self) -> Result<u32, Malformed> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
        }
        if zeros >= 32 { Ok(u32::MAX) } else { Ok(self.read(zeros)? + ((1 << zeros) - 1)) }
    }

    /// Reads an `su` of up to 16 bits with its sign; section 4.10.6.
    pub(super) fn signed(&mut self, count: u32) -> Result<i32, Malformed> {
        let value = self.read(count)?.cast_signed();
        let sign = 1 << (count - 1);
        Ok((value ^ sign) - sign)
    }

    /// Reads an `ns`, one of the numbers below `limit`, which is from 1 to 2^31; section 4.10.7.
    pub(super) fn below(&mut self, limit: u32) -> Result<u32, Malformed> {
        let width = limit.ilog2() + 1;
        let short = (1 << width) - limit;
        let value = self.read(width - 1)?;
        if value < short { Ok(value) } else { Ok((value << 1) - short + self.read(1)?) }
    }
}

/// Bits that are written one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits of the last byte that are not written yet, and zero.
    free: u32,
}

impl BitWriter {
    /// Makes a writer that has written the first `count` bits of `data`, which has as many.
    pub(super) fn beginning(data: &[u8], count: usize) -> Self {
        let free = (count.next_multiple_of(8) - count) as u32;
        let mut bytes = data[..count.div_ceil(8)].to_vec();
        if let Some(last) = bytes.last_mut() {
            *last &= u8::MAX << free;
        }
        Self { bytes, free }
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        if self.free == 0 {
            self.bytes.push(0);
            self.free = 8;
        }
        self.free -= 1;
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(flag) << self.free;
        }
    }

    /// Writes the lowest `count` bits, up to 32.
    pub(crate) fn write(&mut self, value: impl Into<u32>, count: u32) {
        let value = value.into();
        for bit in (0..count).rev() {
            self.flag(value >> bit & 1 == 1);
        }
    }

    /// Returns the bytes, of which the last is filled up with zeros.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Packs bits given as text.
    fn packed(text: &str) -> Vec<u8> {
        let mut writer = BitWriter::default();
        text.bytes().for_each(|bit| writer.flag(bit == b'1'));
        writer.into_bytes()
    }

    #[test]
    fn variable_length_numbers_follow_the_specification() {
        let read = |text: &str| Bits::new(&packed(text), "a number").uvlc();
        assert_eq!(read("1"), Ok(0));
        assert_eq!(read("010"), Ok(1));
        assert_eq!(read("00111"), Ok(6));
        assert_eq!(read(&["0"; 31].concat()).err(), Some(Malformed::Truncated("a number")));
        assert_eq!(read(&format!("{}1{}", "0".repeat(31), "1".repeat(31))), Ok(u32::MAX - 1));
        assert_eq!(read(&format!("{}1", "0".repeat(40))), Ok(u32::MAX));
    }

    #[test]
    fn signed_numbers_and_those_below_a_limit_follow_the_specification() {
        let signed = |text: &str| Bits::new(&packed(text), "a number").signed(7).unwrap();
        assert_eq!(["0000000", "0111111", "1000000", "1111111"].map(signed), [0, 63, -64, -1]);
        // The table of section 4.10.7 for five values.
        let below = |text: &str| {
            let data = packed(text);
            let mut bits = Bits::new(&data, "a number");
            (bits.below(5).unwrap(), bits.position())
        };
        assert_eq!(["00", "01", "10", "110", "111"].map(below), [(0, 2), (1, 2), (2, 2), (3, 3), (4, 3)]);
        assert_eq!(Bits::new(&[], "a number").below(1), Ok(0));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(fields in proptest::collection::vec((any::<u32>(), 0_u32..=32), 0..20), cut in 0_usize..64) {
            let mut writer = BitWriter::default();
            fields.iter().for_each(|&(value, count)| writer.write(value, count));
            let data = writer.into_bytes();
            let mut bits = Bits::new(&data, "numbers");
            for &(value, count) in &fields {
                let expected = if count == 32 { value } else { value & ((1 << count) - 1) };
                prop_assert_eq!(bits.read(count), Ok(expected));
            }
            prop_assert_eq!(bits.position().div_ceil(8), data.len());

            // Cut anywhere and written again it is the same.
            let cut = cut.min(bits.position());
            let mut bits = Bits::new(&data, "numbers");
            bits.skip(cut as u32).unwrap();
            let mut again = BitWriter::beginning(&data, cut);
            while let Ok(flag) = bits.flag() {
                again.flag(flag);
            }
            prop_assert_eq!(again.into_bytes(), data);
        }
    }
}
