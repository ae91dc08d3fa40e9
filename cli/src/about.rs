//! What this program and this machine are.

use upright_engine::versions::versions;

/// What `--version` prints.
pub(crate) fn version() -> String {
    let versions = versions();
    let named = |name: &str| versions.get(name).map_or("unknown", String::as_str);
    format!("upright {}\nFFmpeg {}, rav1e {}\n", named("upright"), named("ffmpeg"), named("rav1e"))
}

/// The widest instruction set for arrays of numbers that this machine has, of those that the program and its encoder
/// use.
pub(crate) fn simd() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
            "AVX-512"
        } else if is_x86_feature_detected!("avx2") {
            "AVX2"
        } else if is_x86_feature_detected!("sse4.1") {
            "SSE4.1"
        } else {
            "SSE2"
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        "NEON"
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        "none known"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_names_what_does_the_work() {
        let text = version();
        assert!(text.starts_with(concat!("upright ", env!("CARGO_PKG_VERSION"), "\nFFmpeg ")), "{text}");
        assert!(text.contains("rav1e 0.8.1") && !text.contains("unknown"), "{text}");
    }

    #[test]
    fn the_readme_asks_for_the_rust_that_is_needed() {
        let sentence = concat!("with Rust ", env!("CARGO_PKG_RUST_VERSION"), " or newer");
        assert!(include_str!("../../README.md").contains(sentence), "{sentence}");
    }
}
