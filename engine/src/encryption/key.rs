//! A key, and what manifests say of where players get it.

use super::cipher::{Pattern, encrypt};
use super::hex;
use super::key_id::KeyId;
use super::pssh::Pssh;
use sha2::{Digest, Sha256};
use std::fmt;

/// A key of AES-128, and what goes with it. It never shows its secret.
#[derive(Clone)]
pub(crate) struct ContentKey {
    /// Its id.
    pub(crate) id: KeyId,
    secret: [u8; 16],
    /// The constant IV, where it was given.
    given_iv: Option<[u8; 16]>,
    /// Boxes for the systems that give players the key.
    pub(crate) pssh: Vec<Pssh>,
    /// Tags for players of HLS.
    pub(crate) hls: Vec<HlsKey>,
}

/// What `EXT-X-KEY` says of where a key comes from; RFC 8216, 4.3.2.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HlsKey {
    /// `URI`.
    pub(crate) uri: String,
    /// `KEYFORMAT`, for instance `com.apple.streamingkeydelivery`.
    pub(crate) format: String,
    /// `KEYFORMATVERSIONS`, for instance `1` or `1/2`.
    pub(crate) versions: String,
}

impl ContentKey {
    pub(super) fn new(
        id: KeyId,
        secret: [u8; 16],
        given_iv: Option<[u8; 16]>,
        pssh: Vec<Pssh>,
        hls: Vec<HlsKey>,
    ) -> Self {
        Self { id, secret, given_iv, pssh, hls }
    }

    /// The constant IV that was given, if one was.
    pub(crate) fn given_iv(&self) -> Option<[u8; 16]> {
        self.given_iv
    }

    /// The constant IV: the one that was given, or one that follows from the key and its id and tells nothing of the key, so that
    /// the same film becomes the same bytes.
    pub(crate) fn iv(&self) -> [u8; 16] {
        let derived = || {
            let sum = Sha256::new().chain_update(b"Upright cbcs IV").chain_update(self.id.0).chain_update(self.secret);
            sum.finalize().first_chunk().copied().unwrap_or_default()
        };
        self.given_iv.unwrap_or_else(derived)
    }

    /// Encrypts protected bytes, beginning with the IV; a last block that is not whole stays as it is.
    pub(crate) fn encrypt(&self, data: &mut [u8], pattern: Pattern) {
        encrypt(self.secret, self.iv(), data, pattern);
    }

    /// The secret in hexadecimal digits, for libav, which decrypts.
    pub(crate) fn secret_hex(&self) -> String {
        hex::write(&self.secret)
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ContentKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_shows_no_secret_and_has_one_iv() {
        let key = |secret| ContentKey::new(KeyId([7; 16]), secret, None, Vec::new(), Vec::new());
        assert_eq!(format!("{:?}", key([9; 16])), format!("ContentKey {{ id: {}, .. }}", "07".repeat(16)));
        assert_eq!(key([9; 16]).iv(), key([9; 16]).iv());
        assert_ne!(key([9; 16]).iv(), key([8; 16]).iv());
    }
}
