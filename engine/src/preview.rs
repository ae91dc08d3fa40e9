//! A small film of a plan: the landscape picture, with the window and those who were seen drawn in it.

use crate::analyse::SmallPictures;
use crate::colour::{ChromaSite, Colour};
use crate::control::Control;
use crate::encode::{EncoderChoice, EncoderFactory, EncoderSettings};
use crate::error::{Error, Result};
use crate::frame::{Frame, HeldFrame};
use crate::geometry::{Size, Window};
use crate::machine::cores;
use crate::media::{Event, Mp4Writer, Source, Tags, VideoTrack};
use crate::packet::Packet;
use crate::picture::DeviceChoice;
use crate::pipeline::{Expected, Phase, Progress};
use crate::plan::{Plan, Shot, shot_at};
use crate::time::Time;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest side of the film, in pixels.
const LONGEST: u32 = 640;
/// Of the encoder: the fastest, and enough to see by.
const SPEED: u8 = 10;
const QUALITY: u8 = 45;
/// Frames from one key frame to the next.
const GROUP: u64 = 48;
/// Width of the window's frame, in pixels.
const LINE: u32 = 2;
const TICK: Duration = Duration::from_millis(100);

/// Writes the film of a plan to an MP4 file, in AV1 by the fastest encoder there is, without sound; gives its frames.
///
/// # Errors
/// As [`Source::next`]; [`Error::Io`] when it cannot be written; [`Error::Device`]; [`Error::Encoder`]; [`Error::Cancelled`].
pub fn preview(
    source: Source,
    plan: &Plan,
    path: &Path,
    control: &Control,
    on_progress: &dyn Fn(&Progress),
) -> Result<u64> {
    let mut source = source;
    let video = source.info().video.clone();
    let mut small = SmallPictures::new(&video, &DeviceChoice::Auto, &[SmallPictures::fitting(&video, LONGEST)])?;
    let size = small.size();
    let colour = Colour { chroma: ChromaSite::LEFT, ..video.colour };
    let settings = EncoderSettings {
        kind: EncoderChoice::Auto.resolve(&[size], SPEED),
        size,
        depth: crate::frame::Depth::Eight,
        colour,
        hdr: plan.found.video.hdr,
        time_base: video.time_base,
        frame_rate: video.frame_rate,
        speed: SPEED,
        quality: QUALITY,
        threads: cores(),
        key_frame_distance: None,
        options: Vec::new(),
        grain: None,
    };
    let mut encoder = EncoderFactory::find(&settings.kind)?.open(&settings, control)?;
    let mut film = Film { path, settings: &settings, writer: None };
    let (begin, mut told, expected) = (Instant::now(), Instant::now(), Expected::of(plan));
    let (mut number, mut packets) = (0, Vec::new());
    loop {
        control.check()?;
        match source.next()? {
            Event::Frame { pts, duration } => {
                let mut frame = small.blank();
                source.fill(small.area(), &mut frame)?;
                let picture = small.make(&HeldFrame::new(frame), number, control)?.pop();
                let picture = picture.ok_or_else(|| Error::misuse("a runner gave no picture"))?;
                let mut drawn = (*picture).clone();
                (drawn.pts, drawn.duration) = (pts, duration);
                draw(&mut drawn, plan, Time::of_ticks(pts, video.time_base));
                encoder.encode(drawn.into(), number % GROUP == 0, &mut packets)?;
                film.write(&mut packets)?;
                number += 1;
                if told.elapsed() >= TICK {
                    told = Instant::now();
                    let seconds = Time::of_ticks(pts, video.time_base).seconds().as_f64();
                    on_progress(&Progress::reading(Phase::Encode, expected, number, seconds, begin.elapsed()));
                }
            }
            Event::Audio { .. } | Event::SoundChanged { .. } => {}
            Event::End => break,
        }
    }
    loop {
        control.check()?;
        let more = encoder.finish(&mut packets)?;
        film.write(&mut packets)?;
        if !more {
            break;
        }
    }
    let writer = film.writer.ok_or_else(|| Error::bad_source(&plan.found.name, "no frame could be decoded"))?;
    writer.finish()?;
    Ok(number)
}

/// The file, which is begun with the first packet.
struct Film<'a> {
    path: &'a Path,
    settings: &'a EncoderSettings,
    writer: Option<Mp4Writer>,
}

impl Film<'_> {
    fn write(&mut self, packets: &mut Vec<Packet>) -> Result<()> {
        for packet in packets.drain(..) {
            let writer = match &mut self.writer {
                Some(writer) => writer,
                none => {
                    let track = VideoTrack {
                        size: self.settings.size,
                        time_base: self.settings.time_base,
                        frame_rate: self.settings.frame_rate,
                        colour: self.settings.colour,
                        hdr: self.settings.hdr,
                        language: None,
                        first: &packet,
                    };
                    none.insert(Mp4Writer::create(self.path, &track, &[], &Tags::default())?)
                }
            };
            writer.write_video(&packet)?;
        }
        Ok(())
    }
}

/// A box in pixels of the small picture: left, top, right, bottom.
type Pixels = [u32; 4];

/// Draws what a plan has at a time: what is outside the window at half its brightness, a frame around the window, and boxes around
/// those who are seen.
fn draw(frame: &mut Frame, plan: &Plan, time: Time) {
    let Some(shot) = shot_at(&plan.wanted.shots, time) else { return };
    let size = Size { width: frame.format().width, height: frame.format().height };
    let picture = &plan.found.video.upright;
    let scale = [f64::from(size.width) / picture.width(), f64::from(size.height) / picture.height()];
    let windows: Vec<_> = shot.windows_at(time).map(|window| pixels(window, scale, size)).collect();
    darken(frame, &windows);
    for subject in subjects(shot, time) {
        outline(frame, pixels(subject.bounds, scale, size), 1, if subject.held { 220 } else { 140 });
    }
    windows.iter().for_each(|window| outline(frame, *window, LINE, 235));
}

fn subjects(shot: &Shot, time: Time) -> impl Iterator<Item = &crate::plan::ShotSubject> {
    shot.subjects.iter().filter(move |subject| subject.from <= time && time <= subject.to)
}

fn pixels(window: Window, scale: [f64; 2], size: Size) -> Pixels {
    let at = |value: f64, most: u32| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to a small picture")]
        let at = value.round().clamp(0.0, f64::from(most)) as u32;
        at
    };
    [
        at(window.x * scale[0], size.width),
        at(window.y * scale[1], size.height),
        at((window.x + window.width) * scale[0], size.width),
        at((window.y + window.height) * scale[1], size.height),
    ]
}

fn darken(frame: &mut Frame, windows: &[Pixels]) {
    let (width, black) = (frame.format().width as usize, if frame.colour.full_range { 0 } else { 16 });
    let (luma, stride) = frame.plane_mut::<u8>(0);
    for (y, row) in (0_u32..).zip(luma.chunks_mut(stride)) {
        let beside: Vec<_> = windows.iter().filter(|[_, top, _, bottom]| (*top..*bottom).contains(&y)).collect();
        for (x, sample) in (0_u32..).zip(&mut row[..width]) {
            if !beside.iter().any(|[left, _, right, _]| (*left..*right).contains(&x)) {
                *sample = sample.saturating_sub(black) / 2 + black;
            }
        }
    }
}

fn outline(frame: &mut Frame, [left, top, right, bottom]: Pixels, line: u32, value: u8) {
    let (width, height) = (frame.format().width, frame.format().height);
    let (luma, stride) = frame.plane_mut::<u8>(0);
    for y in top..bottom.min(height) {
        for x in left..right.min(width) {
            let edge = x < left + line || x + line >= right || y < top + line || y + line >= bottom;
            if edge {
                luma[y as usize * stride + x as usize] = value;
            }
        }
    }
}
