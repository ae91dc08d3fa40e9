//! What CDNs deliver: CMAF tracks, and the HLS and DASH manifests over them.
//!
//! There is a track file for each rendition of the picture, and one for each track of sound (ISO/IEC 23000-19, with AV1 after
//! "AV1 Codec ISO Media File Format Binding"). HLS (RFC 8216, and Apple's authoring specification) and DASH (ISO/IEC 23009-1) name
//! byte ranges of the same files. All rates in manifests are measured from what was written.

mod boxes;
mod dash;
mod fragment;
mod header;
mod hls;
mod manifest;
mod manifests;
mod protection;
mod rates;
mod sample_entry;
mod sound;
mod track;
mod track_info;

pub(crate) use fragment::Boundaries;
pub(crate) use manifest::{
    AudioRendition, DASH, HLS, IMAGES, Package, TextRendition, Thumbnails, VideoRendition, is_package_name,
    segment_file, segmented_track, text_playlist, track_file,
};
pub(crate) use manifests::manifests;
pub(crate) use sample_entry::{SampleEntry, VideoSample};
pub(crate) use track::{Track, write_track};
pub(crate) use track_info::TrackInfo;
