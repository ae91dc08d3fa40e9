//! AES-128 in CBC mode over patterns of blocks.

use aes::Aes128;
use cbc::Encryptor;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit};

/// Bytes of a block.
pub(crate) const BLOCK: usize = 16;

/// Which blocks of protected bytes are encrypted: so many, then so many not, again and again; ISO/IEC 23001-7, 9.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) encrypted: u8,
    pub(crate) clear: u8,
}

impl Pattern {
    /// One in ten, of pictures; what AV1 in ISOBMFF, section 4, recommends.
    pub(crate) const VIDEO: Self = Self { encrypted: 1, clear: 9 };
    /// No pattern: every whole block, of sound.
    pub(crate) const AUDIO: Self = Self { encrypted: 0, clear: 0 };

    fn encrypts(self, block: usize) -> bool {
        let period = usize::from(self.encrypted) + usize::from(self.clear);
        period == 0 || block % period < usize::from(self.encrypted)
    }
}

/// Encrypts the whole blocks of `data` that the pattern names, each with the one before among them, the first with the IV.
pub(super) fn encrypt(key: [u8; BLOCK], iv: [u8; BLOCK], data: &mut [u8], pattern: Pattern) {
    let mut encryptor = Encryptor::<Aes128>::new(&key.into(), &iv.into());
    let (blocks, _) = data.as_chunks_mut::<BLOCK>();
    for (_, block) in blocks.iter_mut().enumerate().filter(|&(number, _)| pattern.encrypts(number)) {
        encryptor.encrypt_block(block.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first two blocks of NIST SP 800-38A, F.2.1.
    const KEY: [u8; 16] = 0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c_u128.to_be_bytes();
    const IV: [u8; 16] = 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f_u128.to_be_bytes();
    const CLEAR: [[u8; 16]; 2] = [
        0x6bc1_bee2_2e40_9f96_e93d_7e11_7393_172a_u128.to_be_bytes(),
        0xae2d_8a57_1e03_ac9c_9eb7_6fac_45af_8e51_u128.to_be_bytes(),
    ];
    const SECRET: [[u8; 16]; 2] = [
        0x7649_abac_8119_b246_cee9_8e9b_12e9_197d_u128.to_be_bytes(),
        0x5086_cb9b_5072_19ee_95db_113a_9176_78b2_u128.to_be_bytes(),
    ];

    #[test]
    fn blocks_are_those_of_the_standard_and_others_stay() {
        let mut data = [CLEAR.concat(), vec![3; 5]].concat();
        encrypt(KEY, IV, &mut data, Pattern::AUDIO);
        assert_eq!(data, [SECRET.concat(), vec![3; 5]].concat());
        // The second encrypted block goes on from the first, whatever lies between.
        let between = vec![1; 9 * BLOCK];
        let mut data = [&CLEAR[0][..], &between, &CLEAR[1], &[2; 20]].concat();
        encrypt(KEY, IV, &mut data, Pattern::VIDEO);
        assert_eq!(data, [&SECRET[0][..], &between, &SECRET[1], &[2; 20]].concat());
        let mut short = [4; 15];
        encrypt(KEY, IV, &mut short, Pattern::VIDEO);
        assert_eq!(short, [4; 15]);
    }
}
