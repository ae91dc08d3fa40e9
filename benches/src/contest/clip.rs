//! The film that everyone converts, and the window of it that everyone shows.

use crate::Result;
use crate::command::Command;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Frames a second of [`Clip::plain`]: enough that its index counts, few enough that hours are converted in minutes.
const PLAIN_RATE: u32 = 6;

/// A film whose 9:16 window has an even number of columns, so that every contender can show exactly the same.
#[derive(Clone, Debug, Serialize)]
pub struct Clip {
    /// Where it lies.
    #[serde(skip)]
    pub path: PathBuf,
    /// What it was made of, without folders.
    pub name: String,
    /// Columns and rows.
    pub size: (u32, u32),
    /// Frames a second, as a fraction.
    pub frame_rate: (u32, u32),
    /// Frames.
    pub frames: u32,
    /// First column of the window, which is even.
    pub window_x: u32,
    /// Columns of the window.
    pub window_width: u32,
}

impl Clip {
    /// Makes a clip of so many seconds from the beginning of a film, which is repeated where it is shorter: H.264 of
    /// high quality without sound, of as many rows as are a multiple of 32. The window's centre is wanted at a fraction
    /// of the width.
    ///
    /// # Errors
    /// When FFmpeg fails, and when the film is no landscape.
    pub fn make(ffmpeg: &Command, film: &Path, seconds: u32, centre: f64, path: &Path) -> Result<Self> {
        let duration = seconds.to_string();
        let command = ffmpeg.clone().args(["-nostdin", "-v", "error", "-y", "-stream_loop", "-1", "-i"]).args([film]);
        let encoding = ["-an", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "fast", "-crf", "12"];
        let rows = ["-vf", "crop=iw-mod(iw\\,2):ih-mod(ih\\,32)"];
        let tags = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"];
        command.args(["-map", "0:v:0", "-t", &duration]).args(rows).args(tags).args(encoding).args([path]).run()?;

        let entries = "stream=width,height,avg_frame_rate,nb_read_packets";
        let probe = Command::new("ffprobe").args(["-v", "error", "-count_packets", "-select_streams", "v:0"]);
        let (_, said) = probe.args(["-show_entries", entries, "-of", "csv=p=0"]).args([path]).output()?;
        let fields: Vec<u32> = said.trim().split([',', '/']).map(str::parse).collect::<std::result::Result<_, _>>()?;
        let &[width, height, rate, per, frames] = fields.as_slice() else {
            return Err(format!("{}: cannot understand what ffprobe says: {said}", film.display()).into());
        };
        if width <= height {
            return Err(format!("{}: {width}x{height} is no landscape", film.display()).into());
        }
        let window_width = height * 9 / 16;
        let wanted = f64::from(width).mul_add(centre, -f64::from(window_width) / 2.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to the picture")]
        let window_x = wanted.clamp(0.0, f64::from(width - window_width)) as u32 / 2 * 2;
        let name = film.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (size, frame_rate) = ((width, height), (rate, per));
        Ok(Self { path: path.to_path_buf(), name, size, frame_rate, frames, window_x, window_width })
    }

    /// A moving test picture of so many seconds, small and without sound: what it takes to convert grows with its length
    /// alone.
    ///
    /// # Errors
    /// When FFmpeg fails.
    pub fn plain(ffmpeg: &Command, seconds: u32, path: &Path) -> Result<()> {
        let picture = format!("testsrc2=size=480x270:rate={PLAIN_RATE}:duration={seconds}");
        let encoding = ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "30"];
        let command = ffmpeg.clone().args(["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", &picture]);
        command.args(encoding).args([path]).run().map(drop)
    }

    /// The window for `upright --crop`: its centre as a fraction of the width.
    pub fn crop(&self) -> String {
        let centre = f64::from(self.window_x) + f64::from(self.window_width) / 2.0;
        (centre / f64::from(self.size.0)).to_string()
    }

    /// The window as FFmpeg's filter.
    pub fn crop_filter(&self) -> String {
        format!("crop={}:{}:{}:0", self.window_width, self.size.1, self.window_x)
    }

    /// Frames in `seconds` seconds, rounded to the nearest.
    pub fn frames_in(&self, seconds: u32) -> u32 {
        let (rate, per) = self.frame_rate;
        (seconds * rate + per / 2) / per
    }
}
