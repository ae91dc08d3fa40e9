//! The tracks of text of a film: those of the source, its closed captions, and the files beside it.

use crate::captions::Subtitles;
use crate::control::Control;
use crate::error::Result;
use crate::media::Source;
use crate::plan::Plan;

/// Takes all tracks: those of the source where `of_source`, and those of files.
///
/// # Errors
/// As [`Source::subtitles`], and [`crate::sidecar::SubtitleFile::read`].
pub(super) fn all(source: &Source, plan: &Plan, of_source: bool, control: &Control) -> Result<Vec<Subtitles>> {
    let mut tracks = if !of_source {
        Vec::new()
    } else if source.can_be_read_again() {
        source.subtitles(plan.found.scan, control)?
    } else {
        if plan.found.passed_over.iter().any(|stream| ["subtitle", "captions"].contains(&&*stream.kind)) {
            log::warn!("{}: it can be read only once, so that its subtitles are not written", source.info().name);
        }
        Vec::new()
    };
    // Behind the subtitles of the source, as their numbers are.
    let place = tracks.iter().position(|track| track.kind == "captions").unwrap_or(tracks.len());
    let files = plan.subtitle_files().map(|(number, file)| file.read(number, plan.found.span, control));
    let files = files.collect::<Result<Vec<_>>>()?;
    for track in files.iter().filter(|track| track.cues.is_empty()) {
        log::warn!("{}: has no text in the part of the film that is converted", track.file);
    }
    tracks.splice(place..place, files.into_iter().filter(|track| !track.cues.is_empty()));
    Ok(tracks)
}
