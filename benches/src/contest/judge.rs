//! What a rendition is worth: frames, bits, VMAF.

use super::clip::Clip;
use crate::Result;
use crate::command::Command;
use crate::scale::filter::Library;
use serde::Serialize;
use std::path::PathBuf;

/// A file that comes out.
#[derive(Clone, Debug)]
pub struct Rendition {
    /// Columns and rows.
    pub size: (u32, u32),
    /// Where it lies.
    pub path: PathBuf,
}

/// What a rendition is worth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Columns and rows.
    pub size: (u32, u32),
    /// Frames that it shows.
    pub frames: u32,
    /// Bytes of its video packets.
    pub bytes: u64,
    /// Mean VMAF against the losslessly scaled window.
    pub vmaf: f64,
}

/// Judges a rendition. `ffmpeg` must have libvmaf and zscale.
///
/// # Errors
/// When a tool fails, and when the rendition has not as many frames as the clip.
pub fn judge(ffmpeg: &Command, clip: &Clip, rendition: &Rendition) -> Result<Verdict> {
    let probe = Command::new("ffprobe").args(["-v", "error", "-select_streams", "v:0", "-show_entries", "packet=size"]);
    let (_, said) = probe.args(["-of", "csv=p=0"]).args([&rendition.path]).output()?;
    let sizes = said.lines().map(|line| line.trim_end_matches(',').parse::<u64>());
    let sizes = sizes.collect::<std::result::Result<Vec<_>, _>>()?;
    let frames = u32::try_from(sizes.len())?;
    if frames != clip.frames {
        let path = rendition.path.display();
        return Err(format!("{path}: has {frames} frames, and the clip {}: no fair comparison", clip.frames).into());
    }
    Ok(Verdict { size: rendition.size, frames, bytes: sizes.iter().sum(), vmaf: vmaf(ffmpeg, clip, rendition)? })
}

fn vmaf(ffmpeg: &Command, clip: &Clip, rendition: &Rendition) -> Result<f64> {
    let log = tempfile::NamedTempFile::new()?;
    // Frame by frame, whatever the times: both have the same number. What one writes of colour and another does not is
    // no difference of pictures.
    let number = "settb=1/1000,setpts=N,setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv";
    let scaled = Library::Zimg.filter(rendition.size);
    let graph = format!(
        "[0:v]{number}[a];[1:v]{number},{},{scaled},format=yuv420p[b];[a][b]libvmaf=log_fmt=json:log_path={}",
        clip.crop_filter(),
        log.path().display()
    );
    let inputs =
        ffmpeg.clone().args(["-nostdin", "-v", "error", "-i"]).args([&rendition.path]).args(["-i"]).args([&clip.path]);
    inputs.args(["-filter_complex", &graph, "-f", "null", "-"]).run()?;
    let json: serde_json::Value = serde_json::from_reader(log.reopen()?)?;
    json["pooled_metrics"]["vmaf"]["mean"].as_f64().ok_or_else(|| "libvmaf gave no mean".into())
}
