//! All manifests of a package.

use super::manifest::{DASH, HLS, IMAGES, Package, VideoRendition};
use super::{dash, hls};

/// Makes all manifests: their names, and what is in them; those that name others come last.
pub(crate) fn manifests(package: &Package) -> Vec<(String, String)> {
    let mut all: Vec<_> = package
        .video
        .iter()
        .map(|video| (format!("{}.m3u8", video.name), hls::media(&video.name, &video.track)))
        .collect();
    let keys = |video: &VideoRendition| (format!("{}.m3u8", video.keys()), hls::key_frames(&video.name, &video.track));
    all.extend(package.video.iter().map(keys));
    all.extend(
        package.audio.iter().map(|audio| (format!("{}.m3u8", audio.name), hls::media(&audio.name, &audio.track))),
    );
    all.extend(package.text.iter().map(|text| (text.playlist(), hls::text(&text.segments))));
    let lasts = package.duration();
    all.extend(package.thumbnails.iter().map(|stills| (IMAGES.to_owned(), hls::images(stills, lasts))));
    all.push((HLS.to_owned(), hls::multivariant(package)));
    all.push((DASH.to_owned(), dash::manifest(package)));
    all
}
