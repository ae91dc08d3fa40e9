//! The encoder that a running program is.

use super::ivf::IvfError;
use super::process::{Process, ProcessEvent, ProcessFailure};
use super::program::LocatedProgram;
use super::y4m;
use crate::av1::{self, ObuKind, SequenceHeader};
use crate::colour::{ChromaSite, HdrMetadata};
use crate::control::Control;
use crate::encode::encoder::{Encoder, check_format};
use crate::encode::settings::EncoderSettings;
use crate::error::{Error, Result};
use crate::frame::{FrameFormat, HeldFrame};
use crate::packet::Packet;
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::process::Command;
use std::time::Duration;

/// Starts a program. The settings have passed [`EncoderSettings::check`].
pub(in crate::encode) fn open(
    located: &LocatedProgram,
    settings: &EncoderSettings,
    control: &Control,
) -> Result<Box<dyn Encoder>> {
    let LocatedProgram { profile, path, .. } = located;
    let arguments = profile.arguments(settings)?;
    let (encoder, program) = (settings.kind.to_string(), profile.program());
    log::debug!("{} {}", path.display(), arguments.join(" "));
    let silence = Duration::from_secs(profile.silence.into());
    let cannot_start =
        |cause| Error::Encoder { encoder: encoder.clone(), why: format!("cannot start {program}: {cause}") };
    let mut command = Command::new(path);
    let process = Process::start(command.args(arguments), largest_packet(settings), silence, control);
    let process = process.map_err(cannot_start)?;
    Ok(Box::new(Pipe {
        encoder,
        program,
        process,
        format: settings.frame_format(),
        wanted: Wanted::of(settings),
        hdr: settings.hdr,
        header: y4m::header(settings),
        times: VecDeque::new(),
        key_frame_distance: settings.key_frame_distance,
        sent: 0,
        made: 0,
        reduced: false,
        phase: Phase::Open,
    }))
}

/// Computes a limit that no temporal unit exceeds: a frame that does not compress, and with it the seven others that
/// AV1 can hold back.
fn largest_packet(settings: &EncoderSettings) -> usize {
    8 * settings.frame_format().bytes() + (1 << 20)
}

struct Pipe {
    encoder: String,
    program: String,
    process: Process,
    format: FrameFormat,
    wanted: Wanted,
    hdr: HdrMetadata,
    /// Line that comes before the first frame.
    header: String,
    /// Presentation time and duration of the frames inside.
    times: VecDeque<(i64, i64)>,
    /// Frames from one key frame to the next; none where only the first is one.
    key_frame_distance: Option<NonZeroU32>,
    sent: u64,
    made: u64,
    /// Of the sequence header.
    reduced: bool,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Takes frames.
    Open,
    /// Gives the last packets.
    Finishing,
    Done,
}

impl Encoder for Pipe {
    fn encode(&mut self, frame: HeldFrame, key: bool, packets: &mut Vec<Packet>) -> Result<()> {
        check_format(&frame, self.format).map_err(|why| self.failure(why))?;
        if self.sent > 0 && key != self.is_key(self.sent) {
            let makes = if key { "makes none" } else { "makes one" };
            return Err(self.failure(format!("it counts key frames and {makes} of frame {} of a segment", self.sent)));
        }
        if self.phase != Phase::Open {
            return Err(self.failure("it was given a frame after the last".to_owned()));
        }
        loop {
            match self.poll(true)? {
                ProcessEvent::Packets(made) => self.take(made, packets)?,
                ProcessEvent::Ended => return Err(self.ended(None)),
                ProcessEvent::Room(mut buffer) => {
                    if self.sent == 0 {
                        buffer.extend_from_slice(self.header.as_bytes());
                    }
                    y4m::append(&frame, &mut buffer);
                    self.times.push_back((frame.pts, frame.duration));
                    self.sent += 1;
                    self.process.send(buffer);
                    return Ok(());
                }
            }
        }
    }

    fn finish(&mut self, packets: &mut Vec<Packet>) -> Result<bool> {
        if self.sent == 0 {
            // Programs cannot be trusted to end when nothing comes.
            self.process.kill();
            self.phase = Phase::Done;
        }
        if self.phase == Phase::Done {
            return Ok(false);
        }
        self.process.complete();
        self.phase = Phase::Finishing;
        match self.poll(false)? {
            ProcessEvent::Packets(made) => self.take(made, packets).map(|()| true),
            ProcessEvent::Ended | ProcessEvent::Room(_) => {
                self.phase = Phase::Done;
                let status = self.process.reap().map_err(|cause| self.failure(cause.to_string()))?;
                if status.is_some_and(|status| status.success()) && self.made == self.sent {
                    Ok(false)
                } else {
                    Err(self.ended_with(status, None))
                }
            }
        }
    }
}

impl Pipe {
    fn poll(&mut self, send: bool) -> Result<ProcessEvent> {
        self.process.poll(send).map_err(|failure| match failure {
            ProcessFailure::Cancelled => Error::Cancelled,
            ProcessFailure::Silent(seconds) => {
                self.process.kill();
                self.with_last_words(format!("{} has neither read nor written for {seconds} seconds", self.program))
            }
            // Half a file is what a program leaves that died, and its death is what matters.
            ProcessFailure::Broken(broken @ IvfError::Truncated(_)) => self.ended(Some(broken.to_string())),
            ProcessFailure::Broken(broken) => {
                self.process.kill();
                self.with_last_words(format!("{} wrote no IVF of AV1: {broken}", self.program))
            }
        })
    }

    /// Makes the error for a program that ended too early; it says how it ended.
    fn ended(&mut self, why: Option<String>) -> Error {
        match self.process.reap() {
            Ok(status) => self.ended_with(status, why),
            Err(cause) => self.failure(cause.to_string()),
        }
    }

    fn ended_with(&self, status: Option<std::process::ExitStatus>, why: Option<String>) -> Error {
        if self.process.is_cancelled() {
            return Error::Cancelled;
        }
        let (program, made, sent) = (&self.program, self.made, self.sent);
        let how = match status {
            None => "closed its output and did not end".to_owned(),
            Some(status) if status.success() => "ended".to_owned(),
            Some(status) => format!("ended with {status}"),
        };
        let why = why.map(|why| format!(", {why}")).unwrap_or_default();
        self.with_last_words(format!("{program} {how} after {made} packets of {sent} frames{why}"))
    }

    /// Tells whether frame `number` is to be a key frame.
    fn is_key(&self, number: u64) -> bool {
        number == 0 || self.key_frame_distance.is_some_and(|distance| number.is_multiple_of(u64::from(distance.get())))
    }

    /// Checks the packets that the program made, gives them their times, and appends them.
    fn take(&mut self, made: VecDeque<Vec<u8>>, packets: &mut Vec<Packet>) -> Result<()> {
        for data in made {
            let Some((pts, duration)) = self.times.pop_front() else {
                let (program, sent) = (&self.program, self.sent);
                let why = format!("{program} made more packets than the {sent} frames that it was given");
                return Err(self.failure(why));
            };
            let key = self.is_key(self.made);
            let data = self
                .checked(data, key)
                .map_err(|why| self.failure(format!("packet {} of {} is wrong: {why}", self.made, self.program)))?;
            self.made += 1;
            packets.push(Packet { data, pts, duration, key });
        }
        Ok(())
    }

    /// Turns a packet into what the trait promises; the error says what is wrong with it.
    fn checked(&mut self, mut data: Vec<u8>, key: bool) -> Result<Vec<u8>, String> {
        av1::strip_temporal_delimiters(&mut data).map_err(|malformed| malformed.to_string())?;
        if key {
            let first = av1::obus(&data).next().transpose().map_err(|malformed| malformed.to_string())?;
            let header = first.filter(|obu| obu.kind == ObuKind::SequenceHeader);
            let header = header.ok_or("it does not begin with a sequence header")?;
            let header = SequenceHeader::parse(header.payload).map_err(|malformed| malformed.to_string())?;
            self.wanted.check(&header)?;
            self.reduced = header.reduced_still_picture_header;
            av1::insert_hdr_metadata(&mut data, &self.hdr).map_err(|malformed| malformed.to_string())?;
        }
        let frames: Vec<_> =
            av1::frames(&data, self.reduced).collect::<Result<_, _>>().map_err(|malformed| malformed.to_string())?;
        let shown = frames.iter().filter(|frame| frame.shown).count();
        if shown != 1 {
            return Err(format!("it shows {shown} frames instead of one"));
        }
        let coded = frames.iter().any(|frame| frame.key);
        match (coded, key) {
            (true, false) => Err("it has a key frame where none was asked for".to_owned()),
            (false, true) => Err("it has no key frame where one was asked for".to_owned()),
            _ => Ok(data),
        }
    }

    fn with_last_words(&self, why: String) -> Error {
        let words = self.process.last_words();
        self.failure(if words.is_empty() { why } else { format!("{why}; it said: {words}") })
    }

    fn failure(&self, why: String) -> Error {
        Error::Encoder { encoder: self.encoder.clone(), why }
    }
}

/// The properties that the sequence header has to have, whatever the program made of its arguments.
struct Wanted {
    format: FrameFormat,
    /// Primaries, transfer, matrix, as H.273 has them.
    codes: [u8; 3],
    full_range: bool,
    /// As AV1 signals it (section 6.4.2): 1 vertical, 2 colocated.
    chroma: u8,
}

impl Wanted {
    fn of(settings: &EncoderSettings) -> Self {
        let colour = settings.colour;
        Self {
            format: settings.frame_format(),
            codes: [colour.primaries, colour.transfer, colour.matrix],
            full_range: colour.full_range,
            chroma: if colour.chroma == ChromaSite::TOP_LEFT { 2 } else { 1 },
        }
    }

    fn check(&self, header: &SequenceHeader) -> Result<(), String> {
        let size = header.max_frame_size;
        let format = FrameFormat {
            width: size.width,
            height: size.height,
            subsampling: header.subsampling,
            depth: header.depth,
        };
        if format != self.format || header.monochrome {
            return Err(format!("the stream has {format:?} instead of {:?}", self.format));
        }
        let said = [header.primaries, header.transfer, header.matrix];
        if said != self.codes || header.full_range != self.full_range || header.chroma_sample_position != self.chroma {
            return Err(format!(
                "the stream says colour {said:?}, full range {}, chroma position {} instead of {:?}, {}, {}",
                header.full_range, header.chroma_sample_position, self.codes, self.full_range, self.chroma
            ));
        }
        Ok(())
    }
}
