//! Finding the encoder of a kind on this machine, and opening it.

use super::encoder::Encoder;
use super::grain::with_grain;
use super::hdr10_plus::with_hdr10_plus;
use super::kind::{EncoderKind, LibavEncoder};
use super::libav;
use super::pipe::{self, LocatedProgram};
#[cfg(feature = "rav1e")]
use super::rav1e;
use super::settings::EncoderSettings;
use crate::colour::cicp;
use crate::control::Control;
use crate::error::{Error, Result};

/// An encoder of this machine: found once, opened once for every rung of every segment.
#[derive(Debug)]
pub struct EncoderFactory {
    kind: EncoderKind,
    found: Found,
}

/// The place where an encoder was found.
#[derive(Debug)]
enum Found {
    #[cfg(feature = "rav1e")]
    Rav1e,
    Libav(LibavEncoder),
    Program(Box<LocatedProgram>),
}

impl EncoderFactory {
    /// Finds the encoder of a kind. For a program that is in several places this may take some tenths of a second, for
    /// each of them is asked for its version.
    ///
    /// # Errors
    /// [`Error::EncoderMissing`] when this machine has no such encoder; [`Error::InvalidOption`] and [`Error::Io`] for a
    /// profile that cannot be used.
    pub fn find(kind: &EncoderKind) -> Result<Self> {
        let found = match kind {
            #[cfg(feature = "rav1e")]
            EncoderKind::Rav1e => Found::Rav1e,
            #[cfg(not(feature = "rav1e"))]
            EncoderKind::Rav1e => {
                let why = "this build has no rav1e; choose another encoder, or build with the feature rav1e".to_owned();
                return Err(Error::EncoderMissing { encoder: kind.to_string(), why });
            }
            EncoderKind::Libav(encoder) => {
                libav::check_available(*encoder)?;
                Found::Libav(*encoder)
            }
            EncoderKind::Pipe(profile) => Found::Program(Box::new(LocatedProgram::find(profile)?)),
        };
        Ok(Self { kind: kind.clone(), found })
    }

    /// Names what will encode, and in which version, in one line: where the line is the same, the same settings and
    /// frames give the same bytes, as far as the encoder tells.
    ///
    /// rav1e and libavcodec's encoders are known by their versions, a program by what it says of its version and by the
    /// SHA-256 sums of its file and of the text of its profile. A program is run for it.
    ///
    /// # Errors
    /// [`Error::Io`] when the program's file cannot be read.
    pub fn version(&self) -> Result<String> {
        match &self.found {
            #[cfg(feature = "rav1e")]
            Found::Rav1e => Ok(rav1e::version()),
            Found::Libav(encoder) => Ok(libav::version(*encoder)),
            Found::Program(program) => program.version(),
        }
    }

    /// Opens an encoder. One of the linked SVT-AV1 is opened only when none of them works in this process, that is,
    /// between its first frame and when it is dropped: open all that are to work side by side before the first frame.
    /// Those that need other tables wait until all others are dropped; [`EncoderKind::check_ladder`] tells which do.
    /// Once the work of `control` has ended, an encoder that waits, for others or for a program, no longer does.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a setting out of range; [`Error::Misuse`] for what AV1 cannot carry, and for settings of
    /// another kind; [`Error::Encoder`] when the encoder refuses; [`Error::Cancelled`] once the work has ended, of the
    /// encoder too.
    pub fn open(&self, settings: &EncoderSettings, control: &Control) -> Result<Box<dyn Encoder>> {
        settings.check()?;
        if settings.kind != self.kind {
            return Err(Error::misuse(format!("{} was found, and {} is to be opened", self.kind, settings.kind)));
        }
        let encoder = match &self.found {
            #[cfg(feature = "rav1e")]
            Found::Rav1e => rav1e::open(settings),
            Found::Libav(encoder) => libav::open(*encoder, settings, control),
            Found::Program(program) => pipe::open(program, settings, control),
        }?;
        let encoder = match &settings.grain {
            Some(grain) => with_grain(encoder, grain.clone(), self.kind.to_string()),
            None => encoder,
        };
        // What is of another range has become so here, and is not what the metadata tell of.
        let is_pq = settings.colour.transfer == cicp::PQ;
        Ok(if is_pq { with_hdr10_plus(encoder, self.kind.to_string()) } else { encoder })
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

#[cfg(test)]
mod tests {
    use super::super::pipe::testing::settings;
    use super::*;
    use crate::encode::linked_svtav1;
    use crate::frame::Depth;

    fn find(encoder: LibavEncoder) -> EncoderFactory {
        EncoderFactory::find(&EncoderKind::Libav(encoder)).unwrap()
    }

    #[test]
    fn versions_name_the_encoder_its_library_and_who_calls_it() {
        let svt = find(LibavEncoder::SvtAv1).version().unwrap();
        let words = format!("libsvtav1 {} by libavcodec ", linked_svtav1().unwrap());
        assert!(svt.starts_with(&words) && svt.contains(" of FFmpeg ") && !svt.contains("unknown"), "{svt}");
        let aom = find(LibavEncoder::Aom).version().unwrap();
        let number = aom.strip_prefix("libaom-av1 ").unwrap();
        assert!(number.starts_with(|first: char| first.is_ascii_digit()), "{aom}");
    }

    #[test]
    fn settings_of_another_kind_are_refused() {
        let opened = find(LibavEncoder::Aom).open(&settings(64, 64, Depth::Eight), &Control::default());
        assert!(matches!(opened.err(), Some(Error::Misuse(_))));
    }

    #[test]
    #[cfg(feature = "rav1e")]
    fn rav1e_is_known_by_its_version() {
        let version = EncoderFactory::find(&EncoderKind::Rav1e).unwrap().version().unwrap();
        assert_eq!(version, "rav1e 0.8.1");
    }

    #[test]
    #[cfg(not(feature = "rav1e"))]
    fn a_build_without_rav1e_says_so() {
        match EncoderFactory::find(&EncoderKind::Rav1e) {
            Err(Error::EncoderMissing { encoder, why }) => {
                assert_eq!(encoder, "rav1e");
                assert!(why.starts_with("this build has no rav1e"), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }
}
