//! Passes on, as `cfg`s, the FFmpeg versions that ffmpeg-sys-next found: fields come and go between them.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for version in ["6_0", "6_1"] {
        println!("cargo:rustc-check-cfg=cfg(ffmpeg_{version})");
        let key = format!("DEP_FFMPEG_FFMPEG_{version}");
        if std::env::var(key).is_ok_and(|found| found == "true") {
            println!("cargo:rustc-cfg=ffmpeg_{version}");
        }
    }
}
