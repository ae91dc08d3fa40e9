//! Sidecars: files of subtitles that lie beside a film. SubRip, WebVTT and Advanced SubStation Alpha, each read by its own rules, with
//! the line of what cannot be read.

mod ass;
mod cue;
mod file;
mod name;
mod plain_text;
mod srt;
mod times;
mod vtt;

pub use file::SubtitleFile;
pub use name::{NameTells, is_subtitle_name, sidecars_among, sidecars_of, subtitle_files_in};
