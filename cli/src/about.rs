//! What this program is.

use upright_engine::versions::versions;

/// What `--version` prints.
pub(crate) fn version() -> String {
    let versions = versions();
    let named = |name: &str| versions.get(name).map_or("unknown", String::as_str);
    format!("upright {}\nFFmpeg {}, rav1e {}\n", named("upright"), named("ffmpeg"), named("rav1e"))
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
        let sentence = concat!("Rust ", env!("CARGO_PKG_RUST_VERSION"), " or newer");
        assert!(include_str!("../../README.md").contains(sentence), "{sentence}");
    }
}
