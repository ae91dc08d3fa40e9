//! The program's own versions.

use upright_engine::versions::versions;

/// Writes what `--version` prints.
pub(crate) fn version() -> String {
    let versions = versions();
    let named = |name: &str| versions.get(name).map_or("unknown", String::as_str);
    let rav1e = versions.get("rav1e").map_or("none", String::as_str);
    format!("upright {}\nFFmpeg {}, rav1e {rav1e}\n", named("upright"), named("ffmpeg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_names_what_does_the_work() {
        let text = version();
        assert!(text.starts_with(concat!("upright ", env!("CARGO_PKG_VERSION"), "\nFFmpeg ")), "{text}");
        assert!(
            text.contains(if cfg!(feature = "rav1e") { "rav1e 0.8.1" } else { "rav1e none" })
                && !text.contains("unknown"),
            "{text}"
        );
    }

    #[test]
    fn the_readme_asks_for_the_rust_that_is_needed() {
        let sentence = concat!("Rust ", env!("CARGO_PKG_RUST_VERSION"), " or newer");
        assert!(include_str!("../../README.md").contains(sentence), "{sentence}");
    }
}
