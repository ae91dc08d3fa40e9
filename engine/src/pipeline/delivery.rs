//! Putting a package together: the tracks of the picture as each rendition ends, then the sound and the manifests.

use super::publish::Drafts;
use super::report::{PackageFile, PackageReport};
use super::spool::Spool;
use super::summary::SourceSummary;
use crate::artwork::{self, StoryboardReport};
use crate::av1;
use crate::captions::{NANOSECOND, Subtitles};
use crate::control::Control;
use crate::encryption::KeyFile;
use crate::error::{Error, Result};
use crate::geometry::Rational;
use crate::language::Language;
use crate::media::AudioTrack;
use crate::package::{
    AudioRendition, Boundaries, DASH, HLS, IMAGES, Package, SampleEntry, TextRendition, Thumbnails, Track, TrackInfo,
    VideoRendition, VideoSample, manifests, segment_file, text_playlist, track_file, write_track,
};
use crate::packet::Packet;
use crate::plan::{Cmaf, Plan, RungFollows};
use crate::source::Role;
use crate::source::timeline::rescale;
use crate::verify::{
    self,
    package::{Finding, Place},
};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use tempfile::TempPath;

/// Files that wait for their names, and these.
pub(super) type Files = Vec<(TempPath, String)>;

/// What a package is made with.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) drafts: &'a Drafts,
    /// Keys of the tracks that are to be encrypted.
    pub(super) keys: Option<&'a KeyFile>,
    pub(super) job: &'a Control,
}

/// Names of all files of a plan's package but those of segments, which are known by the first of their folder; those of sound are
/// there if the sound is.
pub(super) fn names(plan: &Plan) -> Vec<String> {
    let Some(Cmaf { segment_files, opus, .. }) = plan.wanted.formats.cmaf else { return Vec::new() };
    let file = |name: &str| track_file(name, segment_files);
    let video = plan.follows.rungs.iter().map(video_name);
    let video = video.flat_map(|name| [file(&name), format!("{name}.m3u8"), format!("{name}-keys.m3u8")]);
    let audio = plan.wanted.audio.iter().enumerate().map(|(place, audio)| audio_name(place, audio.language.as_deref()));
    let opus_of = |name: &str| opus.then(|| file(&opus_name(name)));
    let audio = audio.flat_map(|name| [Some(file(&name)), Some(format!("{name}.m3u8")), opus_of(&name)]).flatten();
    let images = plan.wanted.pictures.storyboard.then(|| IMAGES.to_owned());
    video.chain(audio).chain(images).chain([HLS, DASH].map(str::to_owned)).collect()
}

/// Name of a rendition's track, without the extension.
fn video_name(rung: &RungFollows) -> String {
    format!("video-{}", rung.name())
}

/// Name of the file of a rendition's track.
pub(super) fn video_file(rung: &RungFollows, track: &Track) -> String {
    track_file(&video_name(rung), track.segment_files)
}

/// Name of a track of sound, without the extension: its place, from 1, and its language.
fn audio_name(place: usize, language: Option<&str>) -> String {
    let language = language.and_then(Language::of).map(|language| format!("-{language}")).unwrap_or_default();
    format!("audio-{}{language}", place + 1)
}

/// Name of the same track as Opus.
fn opus_name(audio: &str) -> String {
    format!("{audio}-opus")
}

/// Writes the track of a rendition.
///
/// # Errors
/// Those of [`write_track`]; [`Error::Verify`] when the first packet has no sequence header.
pub(super) fn video_track(
    plan: &Plan,
    rung: &RungFollows,
    video: &Spool,
    means: Means<'_>,
) -> Result<Option<(Files, Track)>> {
    let Some((segments, cmaf)) = plan.delivery_segments().zip(plan.wanted.formats.cmaf) else { return Ok(None) };
    let name = video_name(rung);
    let bad = |why: &str| Error::Verify { path: name.clone().into(), why: why.to_owned() };
    let first = video.packets().next().transpose()?.ok_or_else(|| bad("it has no video"))?;
    let obu = av1::sequence_header_of(&first.data).ok().flatten();
    let header = obu.as_ref().and_then(|obu| av1::SequenceHeader::parse(obu.payload).ok());
    let (obu, header) = obu.zip(header).ok_or_else(|| bad("the first packet has no AV1 sequence header"))?;
    let ticks = plan.time_base().den;
    let timescale =
        u32::try_from(ticks).map_err(|_| bad(&format!("{ticks} ticks a second are more than CMAF can count")))?;
    let info = TrackInfo {
        timescale,
        language: plan.wanted.language.clone(),
        sample: SampleEntry::Video(Box::new(VideoSample {
            size: rung.size,
            colour: rung.colour,
            hdr: plan.hdr(rung),
            header,
            obu: obu.bytes.to_vec(),
        })),
        priming: 0,
        nominal: plan.frame_ticks(),
        key: means.keys.and_then(|keys| keys.for_video(rung.name())).cloned(),
    };
    let mut files = Files::new();
    let file = next_file(&mut files, &name, cmaf, means.drafts);
    let packets = || video_packets(video, means.job);
    let track = write_track(cmaf.segment_files, file, &info, Boundaries::Keys(segments), packets)?;
    check_decrypted(&files, &info, packets(), means)?;
    Ok(Some((files, track)))
}

/// Writes a track whose header and segments are files into one, which is a whole film.
///
/// # Errors
/// [`Error::Io`]; [`Error::Cancelled`].
pub(super) fn joined(files: &[(TempPath, String)], drafts: &Drafts, job: &Control) -> Result<TempPath> {
    let mut whole = drafts.temporary("joined.mp4")?;
    for (path, name) in files {
        job.check()?;
        let mut part = File::open(path).map_err(Error::io(name, "cannot read back"))?;
        io::copy(&mut part, &mut whole).map_err(Error::io("joined.mp4", "cannot write"))?;
    }
    Ok(whole.into_temp_path())
}

/// Checks that the track in these files, if it is encrypted, is decrypted to the packets that it was made of.
fn check_decrypted(
    files: &Files,
    info: &TrackInfo,
    packets: impl Iterator<Item = Result<Packet>>,
    Means { drafts, job, .. }: Means<'_>,
) -> Result<()> {
    let Some(key) = &info.key else { return Ok(()) };
    if let [(path, _)] = &files[..] {
        return verify::decrypted(path, key, packets, job);
    }
    verify::decrypted(&joined(files, drafts, job)?, key, packets, job)
}

/// Makes the files of a track as they are asked for.
fn next_file<'a>(
    files: &'a mut Files,
    track: &'a str,
    cmaf: Cmaf,
    drafts: &'a Drafts,
) -> impl FnMut(usize) -> Result<PathBuf> + 'a {
    move |number| {
        let name = if number == 0 { track_file(track, cmaf.segment_files) } else { segment_file(track, number) };
        let draft = drafts.temporary(&name)?.into_temp_path();
        let path = draft.to_path_buf();
        files.push((draft, name));
        Ok(path)
    }
}

/// The packets of a rendition, from time 0: where sound comes first, the first picture stands until the second.
fn video_packets<'a>(video: &'a Spool, job: &'a Control) -> impl Iterator<Item = Result<Packet>> + 'a {
    let mut is_first = true;
    video.packets().map(move |packet| {
        job.check()?;
        let packet = packet?;
        let pts = if std::mem::take(&mut is_first) { packet.pts.min(0) } else { packet.pts };
        Ok(Packet { pts, ..packet })
    })
}

/// What a package names and is made without it.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    /// Subtitles and captions.
    pub(super) texts: &'a [(TempPath, Subtitles)],
    /// Files of pictures, and their names.
    pub(super) pictures: &'a [(TempPath, String)],
    /// The storyboard, which is among them.
    pub(super) storyboard: Option<&'a StoryboardReport>,
}

/// Writes sound and manifests beside the tracks of the picture, which are those of the plan's renditions in their order.
///
/// # Errors
/// Those of [`write_track`]; [`Error::Io`].
pub(super) fn finish(
    plan: &Plan,
    video: Vec<(Files, Track)>,
    summary: &SourceSummary,
    sound: &[AudioTrack],
    beside: &Beside<'_>,
    means: Means<'_>,
) -> Result<(Files, PackageReport)> {
    let Means { drafts, keys, job } = means;
    let Beside { texts, pictures, storyboard } = *beside;
    let mut files = Files::new();
    let mut report = PackageReport { hls: HLS.to_owned(), dash: DASH.to_owned(), files: Vec::new() };
    let thumbnails = storyboard.map(|board| Thumbnails {
        size: board.size,
        grid: board.grid,
        distance: board.distance,
        name: artwork::SHEETS,
        bytes: board.files.iter().map(|file| file.bytes).collect(),
    });
    let title = plan.wanted.title.clone();
    let mut package =
        Package { title, video: Vec::new(), audio: Vec::new(), opus: Vec::new(), text: Vec::new(), thumbnails };
    for (rung, (made, track)) in plan.follows.rungs.iter().zip(video) {
        let rendition = VideoRendition { name: video_name(rung), frame_rate: frame_rate(plan, &track), track };
        files.extend(made);
        report.files.push(track_report(rendition.file(), &rendition.track));
        package.video.push(rendition);
    }
    let boundaries = package.video.first().map(|video| starts(&video.track)).unwrap_or_default();
    for (spooled, track) in summary.audio.iter().zip(sound) {
        let name = audio_name(spooled.place, track.language.as_deref());
        let mut make = |name: String, track: &AudioTrack, packets: &Spool| {
            let (made, rendition) = audio_rendition(plan, (spooled.place, name), (track, packets), &boundaries, means)?;
            files.extend(made);
            report.files.push(track_report(rendition.file(), &rendition.track));
            Ok::<_, Error>(rendition)
        };
        if let Some((opus, packets)) = &spooled.opus {
            let (language, roles) = (track.language.clone(), track.roles.clone());
            let opus = AudioTrack { language, title: track.title.clone(), roles, ..opus.clone() };
            package.opus.push(make(opus_name(&name), &opus, packets)?);
        }
        package.audio.push(make(name, track, &spooled.packets)?);
    }
    for (file, track) in texts {
        let (rendition, segments) = text_rendition(plan, (file, track), &package, drafts, job)?;
        for (path, name) in &segments {
            let bytes = path.metadata().map_err(Error::io(path, "cannot read back"))?.len();
            report.files.push(PackageFile { file: name.clone(), bytes, segments: None, key_id: None });
        }
        package.text.push(rendition);
        files.extend(segments);
    }
    for (name, text) in manifests(&package) {
        report.files.push(PackageFile { file: name.clone(), bytes: text.len() as u64, segments: None, key_id: None });
        files.push((write(drafts, &name, &text, "cannot write the manifest")?, name));
    }
    let named = files.iter().map(|(path, name)| (name, path));
    let named = named.chain(texts.iter().map(|(path, track)| (&track.file, path)));
    let named = named.chain(pictures.iter().map(|(path, name)| (name, path)));
    let place = Place::Named(named.map(|(name, path)| (name.clone(), path.to_path_buf())).collect());
    let checked = verify::package::check(&place, None, false, keys, job)?;
    if let Some(Finding { rule, file, why }) = checked.findings.into_iter().next() {
        let why = format!("{}: {why}", rule.sentence());
        return Err(Error::Verify { path: file.into(), why });
    }
    Ok((files, report))
}

fn track_report(file: String, track: &Track) -> PackageFile {
    let segments = track.segment_files.then_some(track.segments.len());
    let key_id = track.info.key.as_ref().map(|key| key.id.to_string());
    PackageFile { file, bytes: track.bytes(), segments, key_id }
}

/// Gives the nominal frame rate, or the highest that there is where that is lower: what containers call the rate of films of uneven
/// frames may be that of their clock.
fn frame_rate(plan: &Plan, track: &Track) -> Rational {
    let (nominal, ticks) = (plan.frame_rate(), i64::from(track.info.timescale));
    let highest = track.quickest.map(|quickest| Rational::new(ticks, quickest.into()));
    highest.filter(|highest| highest.as_f64() < nominal.as_f64()).unwrap_or(nominal)
}

/// Names of the files that subtitles become: of a package each has a playlist too.
pub(super) fn text_names(plan: &Plan, subtitles: &[Subtitles]) -> Vec<String> {
    let files = subtitles.iter().map(|track| track.file.clone());
    if plan.wanted.formats.cmaf.is_none() {
        return files.collect();
    }
    files.chain(subtitles.iter().map(|track| text_playlist(&track.file))).collect()
}

/// Names the segments of text among the files of a package.
pub(super) fn text_segment_names(files: &[(TempPath, String)], texts: &[(TempPath, Subtitles)]) -> Vec<String> {
    let is_of = |name: &str, track: &Subtitles| {
        let number = name.strip_prefix(text_stem(&track.file)).and_then(|rest| rest.strip_prefix('-'));
        number.and_then(|number| number.strip_suffix(".vtt")).is_some_and(|number| number.parse::<usize>().is_ok())
    };
    let names = files.iter().map(|(_, name)| name);
    names.filter(|name| texts.iter().any(|(_, track)| is_of(name, track))).cloned().collect()
}

fn text_stem(file: &str) -> &str {
    file.strip_suffix(".vtt").unwrap_or(file)
}

/// Writes a file of subtitles.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn text_file(track: &Subtitles, drafts: &Drafts) -> Result<TempPath> {
    write(drafts, &track.file, track.webvtt(), "cannot write the subtitles")
}

/// Writes the segments of a track of text, which are those of the picture.
fn text_rendition(
    plan: &Plan,
    (file, track): (&TempPath, &Subtitles),
    package: &Package,
    drafts: &Drafts,
    job: &Control,
) -> Result<(TextRendition, Files)> {
    let (mut segments, mut files) = (Vec::new(), Files::new());
    if let Some(video) = package.video.first().map(|video| &video.track) {
        let ticks = Rational { num: 1, den: i64::from(video.info.timescale) };
        let nanoseconds = |time: u64| rescale(i64::try_from(time).unwrap_or(i64::MAX), ticks, NANOSECOND);
        for (number, segment) in (1..).zip(&video.segments) {
            job.check()?;
            let name = format!("{}-{number}.vtt", text_stem(&track.file));
            let (from, until) = (segment.start, segment.start.saturating_add(segment.duration));
            let text = track.webvtt_segment(nanoseconds(from), nanoseconds(until));
            files.push((write(drafts, &name, &text, "cannot write the subtitles")?, name.clone()));
            segments.push((video.seconds(segment.duration), name));
        }
    }
    let rendition = TextRendition {
        file: track.file.clone(),
        segments,
        language: track.language.clone(),
        captions: track.is_for_the_deaf(),
        forced: track.roles.contains(&Role::Forced),
        is_burnt_in: plan.wanted.burn_in.as_ref().is_some_and(|text| text.track == track.track),
        bytes: file.metadata().map_err(Error::io(file, "cannot read back"))?.len(),
    };
    Ok((rendition, files))
}

/// Writes what will be the file `name`; `failure` says what could not be done.
pub(super) fn write(drafts: &Drafts, name: &str, content: impl AsRef<[u8]>, failure: &'static str) -> Result<TempPath> {
    let mut file = drafts.temporary(name)?;
    let written = file.write_all(content.as_ref()).and_then(|()| file.as_file().sync_all());
    written.map_err(Error::io(file.path(), failure))?;
    Ok(file.into_temp_path())
}

fn audio_rendition(
    plan: &Plan,
    (place, name): (usize, String),
    (track, packets): (&AudioTrack, &Spool),
    boundaries: &[Rational],
    means: Means<'_>,
) -> Result<(Files, AudioRendition)> {
    let cmaf = plan.wanted.formats.cmaf.unwrap_or_default();
    let first = packets.packets().next().transpose()?;
    let first = first.ok_or_else(|| Error::Verify { path: name.clone().into(), why: "it has no sound".to_owned() })?;
    let key = means.keys.and_then(KeyFile::for_audio).cloned();
    let info = TrackInfo { key, ..TrackInfo::of_sound(track, &first)? };
    let packets = || packets.packets().map(|packet| means.job.check().and(packet));
    let mut files = Files::new();
    let file = next_file(&mut files, &name, cmaf, means.drafts);
    let written = write_track(cmaf.segment_files, file, &info, Boundaries::At(boundaries), packets)?;
    check_decrypted(&files, &info, packets(), means)?;
    let wanted = &plan.wanted.audio[place];
    Ok((files, AudioRendition { name, title: wanted.title.clone(), roles: wanted.roles.clone(), track: written }))
}

/// Times at which segments begin, after the first.
fn starts(track: &Track) -> Vec<Rational> {
    let ticks = i64::from(track.info.timescale);
    let start = |ticks_of: u64| i64::try_from(ticks_of).unwrap_or(i64::MAX);
    track.segments.iter().skip(1).map(|segment| Rational::new(start(segment.start), ticks)).collect()
}
