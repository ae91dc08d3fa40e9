//! Finding the encoder of a kind on this machine, and opening it.

use super::encoder::Encoder;
use super::kind::{EncoderKind, LibavEncoder};
use super::pipe::{self, LocatedProgram};
use super::settings::EncoderSettings;
use super::{libav, rav1e};
use crate::control::Control;
use crate::error::{Error, Result};

/// An encoder of this machine: found once, opened once for every rung of every segment.
#[derive(Debug)]
pub struct EncoderFactory {
    kind: EncoderKind,
    found: Found,
}

/// Where an encoder was found.
#[derive(Debug)]
enum Found {
    Rav1e,
    Libav(LibavEncoder),
    Program(LocatedProgram),
}

impl EncoderFactory {
    /// Finds the encoder of a kind. For a program that is in several places this may take some tenths of a second, for
    /// each of them is asked for its version.
    ///
    /// # Errors
    /// [`Error::EncoderMissing`] when this machine has no such encoder; [`Error::Options`] and [`Error::Io`] for a profile
    /// that cannot be used.
    pub fn find(kind: &EncoderKind) -> Result<Self> {
        let found = match kind {
            EncoderKind::Rav1e => Found::Rav1e,
            EncoderKind::Libav(encoder) => {
                libav::check_available(*encoder)?;
                Found::Libav(*encoder)
            }
            EncoderKind::Pipe(profile) => Found::Program(LocatedProgram::find(profile)?),
        };
        Ok(Self { kind: kind.clone(), found })
    }

    /// Names what will encode, and in which version, in one line: where the line is the same, the same settings and frames
    /// give the same bytes, as far as the encoder tells.
    ///
    /// rav1e and libavcodec's encoders are known by their versions, a program by what it says of its version and by the
    /// SHA-256 sums of its file and of the text of its profile. A program is run for it.
    ///
    /// # Errors
    /// [`Error::Io`] when the program's file cannot be read.
    pub fn version(&self) -> Result<String> {
        match &self.found {
            Found::Rav1e => Ok(rav1e::version()),
            Found::Libav(encoder) => Ok(libav::version(*encoder)),
            Found::Program(program) => program.version(),
        }
    }

    /// Opens an encoder. One of the linked SVT-AV1 is opened only when none of them works in this process, that is, between
    /// its first frame and when it is dropped: open all that are to work side by side before the first frame. Once the
    /// work of `control` has ended, an encoder that waits, for others or for a program, no longer does.
    ///
    /// # Errors
    /// [`Error::Options`] for a setting out of range; [`Error::Misuse`] for what AV1 cannot carry, and for settings of
    /// another kind; [`Error::Encoder`] when the encoder refuses; [`Error::Cancelled`] once the work has ended, of the
    /// encoder too.
    pub fn open(&self, settings: &EncoderSettings, control: &Control) -> Result<Box<dyn Encoder>> {
        settings.check()?;
        if settings.kind != self.kind {
            return Err(Error::misuse(format!("{} was found, and {} is to be opened", self.kind, settings.kind)));
        }
        match &self.found {
            Found::Rav1e => rav1e::open(settings),
            Found::Libav(encoder) => libav::open(*encoder, settings, control),
            Found::Program(program) => pipe::open(program, settings, control),
        }
    }
}

/// Finds and opens the encoder that `settings` name, for one use; see [`EncoderFactory`].
///
/// # Errors
/// As [`EncoderFactory::find`] and [`EncoderFactory::open`].
pub fn open(settings: &EncoderSettings) -> Result<Box<dyn Encoder>> {
    settings.check()?;
    EncoderFactory::find(&settings.kind)?.open(settings, &Control::default())
}
