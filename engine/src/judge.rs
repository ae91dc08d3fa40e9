//! Judging pictures by VMAF. The judge is a program: an `ffmpeg` with the filter `libvmaf` and a decoder of AV1.

use crate::control::Control;
use crate::encode::{EncoderSettings, pipe};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::geometry::Size;
use schemars::JsonSchema;
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The model, which is made for pictures of 1080 rows seen from three times their height.
const MODEL: &str = "vmaf_v0.6.1";
/// Time for a judgement, besides that for each frame, after which the program is taken for stuck.
const PATIENCE: Duration = Duration::from_secs(120);
const PATIENCE_FOR_A_FRAME: Duration = Duration::from_secs(10);
/// How often it is asked whether it has ended.
const PULSE: Duration = Duration::from_millis(10);
/// Bytes that are kept of what it says last.
const SAID: u64 = 4 << 10;

/// A program that judges pictures, on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Judge {
    /// Its path.
    pub path: PathBuf,
    /// The first line of what it says about its version.
    pub version: String,
}

impl Judge {
    /// Finds a judge: the program that the environment variable `UPRIGHT_FFMPEG` names, else the `ffmpeg` in `PATH` or that of the
    /// Python package `imageio-ffmpeg`, whichever has libvmaf first. To ask them takes some tenths of a second.
    ///
    /// # Errors
    /// [`Error::JudgeMissing`].
    pub fn find() -> Result<Self> {
        let candidates = pipe::ffmpegs();
        let judge = candidates.iter().find_map(|path| Self::of(path));
        judge.ok_or_else(|| {
            let found = match candidates.as_slice() {
                [] => "there is no program ffmpeg".to_owned(),
                [one, ..] => format!("{} has no filter libvmaf", one.display()),
            };
            let why = "get one with PyPI's imageio-ffmpeg (python3 -m pip install imageio-ffmpeg), or name one in UPRIGHT_FFMPEG";
            Error::JudgeMissing { why: format!("{found}; {why}") }
        })
    }

    /// The program at this path, if it has libvmaf.
    fn of(path: &Path) -> Option<Self> {
        let said = |arguments: &[&str]| {
            let output = Command::new(path).args(arguments).stdin(Stdio::null()).output().ok()?;
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let filters = said(&["-hide_banner", "-filters"])?;
        let has = filters.lines().any(|line| line.split_whitespace().nth(1) == Some("libvmaf"));
        let version = said(&["-version"])?.lines().next().unwrap_or_default().trim().to_owned();
        has.then(|| Self { path: path.to_path_buf(), version })
    }

    /// Computes the arithmetic mean of the VMAF of all frames of `distorted` against `reference`; the former is enlarged to `size`
    /// first, where one is given, by bicubic interpolation, as players do. So many frames are in both.
    ///
    /// # Errors
    /// [`Error::Judge`] with the program's last words; [`Error::Io`]; [`Error::Cancelled`].
    pub(crate) fn vmaf(
        &self,
        distorted: &Path,
        reference: &Path,
        size: Option<Size>,
        frames: u64,
        control: &Control,
    ) -> Result<f64> {
        let scale =
            size.map(|Size { width, height }| format!("scale={width}:{height}:flags=bicubic,")).unwrap_or_default();
        // Frames are paired by their numbers. What the streams say of their range would only have them converted.
        let same = "settb=1/25,setpts=N,setparams=range=tv:colorspace=bt709";
        let graph = format!(
            "[0:v]{scale}{same}[distorted];[1:v]{same}[reference];\
             [distorted][reference]libvmaf=model=version={MODEL}:n_threads=1:shortest=1"
        );
        let mut said = tempfile::tempfile().map_err(Error::io(std::env::temp_dir(), "cannot make a file"))?;
        let hearing = said.try_clone().map_err(Error::io(std::env::temp_dir(), "cannot write a file"))?;
        let mut command = Command::new(&self.path);
        command.args(["-nostdin", "-hide_banner", "-nostats", "-threads", "1"]).arg("-i").arg(distorted);
        command.arg("-i").arg(reference).args(["-lavfi", &graph, "-f", "null", "-"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::from(hearing));
        // Ctrl-C in a terminal is for Upright alone, which then ends its programs.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut running = Running(command.spawn().map_err(Error::io(&self.path, "cannot run the program"))?);
        let patience = PATIENCE + PATIENCE_FOR_A_FRAME.saturating_mul(u32::try_from(frames).unwrap_or(u32::MAX));
        let begin = Instant::now();
        let judge = || self.path.display().to_string();
        let status = loop {
            control.check()?;
            if let Some(status) = running.0.try_wait().map_err(Error::io(&self.path, "cannot wait for the program"))? {
                break status;
            }
            if begin.elapsed() > patience {
                let why = format!("did not end within {} s", patience.as_secs());
                return Err(Error::Judge { judge: judge(), why });
            }
            std::thread::sleep(PULSE);
        };
        let text = last_of(&mut said).map_err(Error::io(std::env::temp_dir(), "cannot read a file"))?;
        match score(&text).filter(|_| status.success()) {
            Some(vmaf) => Ok(vmaf),
            None => {
                let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
                let words = lines[lines.len().saturating_sub(3)..].join("; ");
                Err(Error::Judge { judge: judge(), why: format!("gives no VMAF ({status}): {words}") })
            }
        }
    }
}

/// Reads the score from what the filter says at its end.
fn score(said: &str) -> Option<f64> {
    let (_, score) = said.rsplit_once("VMAF score: ")?;
    score.split_whitespace().next()?.parse().ok().filter(|vmaf: &f64| vmaf.is_finite())
}

fn last_of(said: &mut File) -> io::Result<String> {
    let length = said.seek(io::SeekFrom::End(0))?;
    said.seek(io::SeekFrom::Start(length.saturating_sub(SAID)))?;
    let mut bytes = Vec::new();
    said.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A program at work, which ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is not there to be told.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Pictures before encoding, and what was encoded of them, each in a file for the judge.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// YUV4MPEG2, and IVF.
    paths: [PathBuf; 2],
    pictures: BufWriter<File>,
    packets: BufWriter<File>,
    frames: u64,
    coded: u64,
    bytes: u64,
    buffer: Vec<u8>,
}

/// Bytes before an IVF file's frames, and the place of their number in it.
const IVF_HEADER: [u8; 32] = *b"DKIF\0\0\x20\0AV01\0\0\0\0\x19\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0";

impl Evidence {
    /// Begins files of this name in a folder.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn begin(folder: &Path, name: &str, settings: &EncoderSettings) -> Result<Self> {
        let paths = ["y4m", "ivf"].map(|extension| folder.join(format!("{name}.{extension}")));
        let create = |path: &PathBuf| Ok(BufWriter::new(File::create(path).map_err(Error::io(path, "cannot write"))?));
        let mut evidence = Self {
            pictures: create(&paths[0])?,
            packets: create(&paths[1])?,
            paths,
            frames: 0,
            coded: 0,
            bytes: 0,
            buffer: Vec::new(),
        };
        let mut header = IVF_HEADER;
        // A side has at most 16384 pixels.
        let side = |side: u32| u16::try_from(side).unwrap_or(u16::MAX).to_le_bytes();
        header[12..14].copy_from_slice(&side(settings.size.width));
        header[14..16].copy_from_slice(&side(settings.size.height));
        let Self { pictures, packets, paths, .. } = &mut evidence;
        pictures.write_all(pipe::y4m_header(settings).as_bytes()).map_err(Error::io(&paths[0], "cannot write"))?;
        packets.write_all(&header).map_err(Error::io(&paths[1], "cannot write"))?;
        Ok(evidence)
    }

    /// Adds a picture.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn add_picture(&mut self, frame: &Frame) -> Result<()> {
        self.buffer.clear();
        pipe::append_y4m(frame, &mut self.buffer);
        self.frames += 1;
        self.pictures.write_all(&self.buffer).map_err(Error::io(&self.paths[0], "cannot write"))
    }

    /// Adds what was encoded of the next picture.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn add_packet(&mut self, data: &[u8]) -> Result<()> {
        const DELIMITER: [u8; 2] = [0x12, 0];
        let length = u32::try_from(data.len() + DELIMITER.len()).map_err(|_| Error::misuse("a packet of 4 GiB"))?;
        let head = [&length.to_le_bytes()[..], &self.coded.to_le_bytes(), &DELIMITER].concat();
        self.coded += 1;
        self.bytes += data.len() as u64;
        let mut write = |bytes: &[u8]| self.packets.write_all(bytes);
        write(&head).and_then(|()| write(data)).map_err(Error::io(&self.paths[1], "cannot write"))
    }

    /// Ends both files.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn finish(self) -> Result<WholeEvidence> {
        let Self { paths, mut pictures, mut packets, frames, bytes, .. } = self;
        pictures.flush().map_err(Error::io(&paths[0], "cannot write"))?;
        packets.flush().map_err(Error::io(&paths[1], "cannot write"))?;
        let [pictures, packets] = paths;
        Ok(WholeEvidence { pictures, packets, frames, bytes })
    }
}

/// Pictures and what was encoded of them, in files that go when this does.
#[derive(Debug)]
pub(crate) struct WholeEvidence {
    pub(crate) pictures: PathBuf,
    pub(crate) packets: PathBuf,
    pub(crate) frames: u64,
    /// Of all packets.
    pub(crate) bytes: u64,
}

impl Drop for WholeEvidence {
    fn drop(&mut self) {
        // What stays goes with its folder.
        let _ = fs::remove_file(&self.pictures);
        let _ = fs::remove_file(&self.packets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_is_the_last_that_is_said() {
        let said =
            "[Parsed_libvmaf_6 @ 0x1] VMAF score: 12.0\nx\n[Parsed_libvmaf_6 @ 0x1] VMAF score: 94.123456\nend\n";
        assert_eq!(score(said), Some(94.123_456));
        assert_eq!([score(""), score("VMAF score: nan"), score("VMAF score: ")], [None; 3]);
    }
}
