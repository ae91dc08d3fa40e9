//! What other libraries take to scale: FFmpeg's filters on one core, without what FFmpeg takes around them.

use crate::Result;
use crate::command::Command;
use std::io::Write;
use std::path::Path;
use tempfile::NamedTempFile;

/// The window of a 1080p film, 16 by 9, of an even width: what the filters crop would cost is left out in their favour.
const SOURCE: (u32, u32) = (608, 1080);
/// Frames in the file, which is read over and over.
const FRAMES: usize = 8;
/// Fewer frames than this would vanish beside the start of a process.
const LEAST_FRAMES: u64 = 120;

/// A Lanczos scaler of FFmpeg's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// libswscale, at its most exact.
    Swscale,
    /// zimg.
    Zimg,
}

impl Library {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Swscale, Self::Zimg];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Swscale => "libswscale",
            Self::Zimg => "zimg",
        }
    }

    /// The filter that scales to a size.
    pub fn filter(self, (width, height): (u32, u32)) -> String {
        match self {
            Self::Swscale => format!("scale={width}:{height}:flags=lanczos+accurate_rnd+full_chroma_int"),
            Self::Zimg => format!("zscale={width}:{height}:filter=lanczos"),
        }
    }
}

/// A program `ffmpeg` and a film for it to scale: 608x1080, 8 bit, 4:2:0, uncompressed, in memory.
#[derive(Debug)]
pub struct Bench {
    ffmpeg: Command,
    film: NamedTempFile,
}

impl Bench {
    /// Writes the film.
    ///
    /// # Errors
    /// When there is no place for it.
    pub fn new(ffmpeg: &Command) -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let mut film = if memory.is_dir() { NamedTempFile::new_in(memory)? } else { NamedTempFile::new()? };
        let samples = FRAMES * (SOURCE.0 * SOURCE.1 * 3 / 2) as usize;
        film.write_all(&super::noise().take(samples / 4).flat_map(u32::to_ne_bytes).collect::<Vec<u8>>())?;
        film.flush()?;
        Ok(Self { ffmpeg: ffmpeg.clone(), film })
    }

    /// Makes a command that runs `frames` frames through a filter for every rung, or, without library, through none.
    pub fn command(&self, library: Option<Library>, rungs: &[(u32, u32)], frames: u64) -> Command {
        self.command_into("null", library, rungs, frames)
    }

    fn command_into(&self, muxer: &str, library: Option<Library>, rungs: &[(u32, u32)], frames: u64) -> Command {
        let (width, height) = SOURCE;
        let labels: Vec<_> = (0..rungs.len()).map(|rung| format!("[r{rung}]")).collect();
        let mut graph = format!("[0:v]split={}{}", rungs.len(), labels.concat());
        for (label, &rung) in labels.iter().zip(rungs) {
            let filter = library.map_or_else(|| "null".to_owned(), |library| library.filter(rung));
            graph += &format!(";{label}{filter}{}", label.replace('r', "o"));
        }
        let input = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-stream_loop", "-1", "-s"];
        let mut command = self
            .ffmpeg
            .clone()
            .args(["-nostdin", "-v", "error", "-threads", "1"])
            .args(input)
            .args([format!("{width}x{height}"), "-i".to_owned()])
            .args([self.film.path()])
            .args(["-filter_threads", "1", "-filter_complex_threads", "1", "-filter_complex", graph.as_str()]);
        for label in &labels {
            let frames = frames.to_string();
            command = command.args(["-map", &label.replace('r', "o"), "-frames:v", &frames, "-f", muxer, "-"]);
        }
        command
    }

    /// Seconds of one core that a library needs for every frame: user time with the filter less that without.
    ///
    /// # Errors
    /// When `ffmpeg` fails.
    pub fn seconds(&self, library: Library, rungs: &[(u32, u32)], frames: u64) -> Result<f64> {
        let frames = frames.max(LEAST_FRAMES);
        let with = self.command(Some(library), rungs, frames).run()?.user;
        let without = self.command(None, rungs, frames).run()?.user;
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let seconds = (with - without) / frames as f64;
        Ok(seconds.max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_is_scaled_for_every_rung() {
        let bench = Bench::new(&Command::new("ffmpeg")).unwrap();
        // Of each frame FFmpeg prints `stream, dts, pts, duration, bytes, checksum`.
        let frames = |library, rungs: &[_]| {
            let printed = bench.command_into("framecrc", library, rungs, 10).output().unwrap().1;
            let bytes = |line: &str| line.split(',').nth(4).unwrap().trim().parse().unwrap();
            printed.lines().filter(|line| !line.starts_with('#')).map(bytes).collect::<Vec<u32>>()
        };
        let of = |(width, height): (u32, u32)| [width * height * 3 / 2; 10];
        let rungs = [(1080, 1920), (540, 960)];
        for library in Library::ALL {
            assert_eq!(frames(Some(library), &rungs[..1]), of(rungs[0]), "{}", library.name());
            let mut two = frames(Some(library), &rungs);
            two.sort_unstable();
            assert_eq!(two, [of(rungs[1]), of(rungs[0])].concat(), "{}", library.name());
        }
        assert_eq!(frames(None, &rungs[..1]), of(SOURCE), "without library nothing is scaled");
    }
}
