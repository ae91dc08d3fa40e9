//! The small pictures that analysis looks at, made by the picture graph.

use crate::colour::ChromaSite;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::frame::{Area, Depth, Frame, FrameFormat, HeldFrame, Subsampling};
use crate::geometry::{Size, Window};
use crate::picture::tone::MapSpec;
use crate::picture::{Device, DeviceChoice, Graph, Lease, Resampling, Runner, ScaleSpec, Stock, View};
use crate::source::VideoInfo;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// Longest side of the pictures of every frame.
const THUMBNAIL: u32 = 320;
/// Longest side of the pictures in which faces are looked for: a face of 40 pixels of a 1080p film has 20 here.
const FOR_FACES: u32 = 960;
/// The least side of any of them.
const LEAST: u32 = 32;
/// Time for which a device is waited for at a stretch.
const PULSE: Duration = Duration::from_millis(200);

/// Makes small pictures of whole frames, of 8 bits, several sizes at once.
pub(crate) struct SmallPictures {
    runner: Box<dyn Runner>,
    grid: FrameFormat,
    sizes: Vec<Size>,
    frames: Arc<Stock<Frame>>,
}

impl SmallPictures {
    /// # Errors
    /// As [`Device::open_for`].
    pub(crate) fn new(video: &VideoInfo, device: &DeviceChoice, sizes: &[Size]) -> Result<Self> {
        Self::of(video, device, sizes, &graph(video, sizes, None, ChromaSite::LEFT))
    }

    /// Makes pictures for files that know no siting but chroma in the middle; their colours are those of `map`, if there is one.
    ///
    /// # Errors
    /// As [`Device::open_for`].
    pub(crate) fn for_files(video: &VideoInfo, size: Size, map: Option<&MapSpec>) -> Result<Self> {
        Self::of(video, &DeviceChoice::Cpu, &[size], &graph(video, &[size], map, ChromaSite::CENTRE))
    }

    fn of(video: &VideoInfo, device: &DeviceChoice, sizes: &[Size], graph: &Graph) -> Result<Self> {
        let (_, mut runners) = Device::open_for(device, graph, |_| Ok(1))?;
        let runner = runners.pop().ok_or_else(|| Error::misuse("a device gave no runner"))?;
        Ok(Self { runner, grid: video.format, sizes: sizes.to_vec(), frames: Arc::default() })
    }

    /// The size of the whole picture, in square pixels, whose longer side is this; both are even.
    pub(crate) fn fitting(video: &VideoInfo, longest: u32) -> Size {
        let (aspect, longest) = (video.upright.width() / video.upright.height(), f64::from(longest));
        if aspect >= 1.0 { even([longest, longest / aspect]) } else { even([longest * aspect, longest]) }
    }

    /// The first of the sizes.
    pub(crate) fn size(&self) -> Size {
        self.sizes.first().copied().unwrap_or(Size { width: LEAST, height: LEAST })
    }

    /// Lends a frame that holds the whole picture.
    pub(crate) fn blank(&self) -> Lease<Frame> {
        let Ok(frame) = self.frames.take(|| Ok::<_, Infallible>(Frame::new(self.grid)));
        frame
    }

    /// The area of the source that frames hold.
    pub(crate) fn area(&self) -> Area {
        Area::whole(self.grid)
    }

    /// Makes the pictures of a frame, which is the job's `number`th.
    ///
    /// # Errors
    /// [`Error::Device`]; [`Error::Cancelled`].
    pub(crate) fn make(&mut self, source: &HeldFrame, number: u64, control: &Control) -> Result<Vec<HeldFrame>> {
        let grid = self.grid;
        let window = Window { x: 0.0, y: 0.0, width: grid.width.into(), height: grid.height.into() };
        self.runner.submit(source, View { layers: window.into(), area: Area::whole(grid), frame: number }.into())?;
        while !self.runner.wait(PULSE)? {
            control.check()?;
        }
        Ok(self.runner.collect()?.pictures)
    }
}

/// Makes the pictures that analysis looks at.
pub(super) struct Sampler {
    thumbnails: SmallPictures,
    /// For faces, and for persons.
    samples: Option<SmallPictures>,
}

impl Sampler {
    /// # Errors
    /// As [`Device::open_for`].
    pub(super) fn new(video: &VideoInfo, device: &DeviceChoice, detectors: bool) -> Result<Self> {
        let aspect = video.upright.width() / video.upright.height();
        let persons = {
            use super::persons::{HEIGHT, WIDTH};
            #[expect(clippy::cast_precision_loss, reason = "small constants")]
            let [width, height] = [WIDTH as f64, HEIGHT as f64];
            let scale = (width / aspect.max(1e-3)).min(height);
            even([scale * aspect, scale])
        };
        let grid = video.upright.grid;
        let for_faces = SmallPictures::fitting(video, grid.width.max(grid.height).clamp(THUMBNAIL, FOR_FACES));
        let thumbnails = SmallPictures::new(video, device, &[SmallPictures::fitting(video, THUMBNAIL)])?;
        let samples = detectors.then(|| SmallPictures::new(video, device, &[for_faces, persons])).transpose()?;
        Ok(Self { thumbnails, samples })
    }

    /// Lends a frame that holds the whole picture.
    pub(super) fn blank(&self) -> Lease<Frame> {
        self.thumbnails.blank()
    }

    /// The area of the source that frames hold.
    pub(super) fn area(&self) -> Area {
        self.thumbnails.area()
    }

    /// Makes the thumbnail of a frame.
    ///
    /// # Errors
    /// As [`SmallPictures::make`].
    pub(super) fn thumbnail(&mut self, source: &HeldFrame, number: u64, control: &Control) -> Result<HeldFrame> {
        let mut set = self.thumbnails.make(source, number, control)?;
        set.pop().ok_or_else(|| Error::misuse("a runner gave no thumbnail"))
    }

    /// Makes the pictures for detectors, where there are any: for faces, then for persons.
    ///
    /// # Errors
    /// As [`SmallPictures::make`].
    pub(super) fn sample(
        &mut self,
        source: &HeldFrame,
        number: u64,
        control: &Control,
    ) -> Result<Option<[HeldFrame; 2]>> {
        let Some(samples) = &mut self.samples else { return Ok(None) };
        Ok(<[HeldFrame; 2]>::try_from(samples.make(source, number, control)?).ok())
    }
}

fn even(sides: [f64; 2]) -> Size {
    let [width, height] = sides.map(|side| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a side of a small picture")]
        let half = (side / 2.0).round() as u32;
        (2 * half).max(LEAST)
    });
    Size { width, height }
}

/// Scales whole frames to pictures of 8 bits and of these sizes, with chroma there; colours are mapped before.
fn graph(video: &VideoInfo, sizes: &[Size], map: Option<&MapSpec>, rung_chroma: ChromaSite) -> Graph {
    let grid = map.map_or(video.format, MapSpec::output);
    let rung = |&Size { width, height }: &Size| FrameFormat {
        width,
        height,
        subsampling: Subsampling::CS420,
        depth: Depth::Eight,
    };
    let spec = ScaleSpec {
        source: grid,
        room: Size { width: grid.width, height: grid.height },
        source_chroma: video.colour.chroma,
        full_range: video.colour.full_range && map.is_none(),
        rungs: sizes.iter().map(rung).collect(),
        rung_chroma,
        resampling: Resampling::Lanczos,
    };
    let mut graph = Graph::new(video.format);
    let whole = map.map_or(Graph::SOURCE, |map| graph.map(Graph::SOURCE, map));
    for edge in graph.scale(whole, &spec) {
        graph.output(edge);
    }
    graph
}
