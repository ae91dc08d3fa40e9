//! Versions of what does the work.

use crate::encode::linked_svtav1;
use crate::media;
use std::collections::BTreeMap;

/// Lists versions by name: `upright`, `rav1e` where it is built in, `ffmpeg` and libav's libraries, and the linked
/// `svtav1` where that is known.
pub fn versions() -> BTreeMap<String, String> {
    let own = [
        ("upright", env!("CARGO_PKG_VERSION").to_owned()),
        #[cfg(feature = "rav1e")]
        ("rav1e", upright_rav1e::version::short()),
    ];
    let svtav1 = linked_svtav1().map(|version| ("svtav1", version));
    own.into_iter()
        .chain(svtav1)
        .chain(media::libav().versions)
        .map(|(name, version)| (name.to_owned(), version))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_does_the_work_is_named() {
        let versions = versions();
        assert_eq!(versions.contains_key("rav1e"), cfg!(feature = "rav1e"));
        for name in ["upright", "ffmpeg", "libavcodec", "libavformat", "libavutil", "libswresample", "libswscale"] {
            assert!(versions[name].starts_with(|first: char| first.is_ascii_digit()), "{name}: {}", versions[name]);
        }
    }
}
