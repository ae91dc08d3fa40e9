//! Persons: EfficientDet-Lite0 (Tan, Pang, Le: "EfficientDet", 2020), of its classes the person alone.

use super::boxes::{FoundBox, surest};
use crate::error::{Error, Result};
use crate::image::RgbPicture;
use rten::{Model, RunOptions, ThreadPool};
use rten_tensor::{AsView, NdTensor};
use std::sync::{Arc, OnceLock};

/// Size of the network's input; a picture stands in its upper left corner.
pub(super) const WIDTH: usize = 512;
pub(super) const HEIGHT: usize = 256;

/// What has less than this score is not looked at; see the tracker for what is enough.
const LEAST_SCORE: f32 = 0.25;
/// Of two boxes that overlap by more than this part of what both cover, the surer one counts.
const MOST_OVERLAP: f32 = 0.5;

/// See `engine/models/README.md`.
static MODEL: &[u8] = include_bytes!("../../models/efficientdet-lite0-person-512x256.onnx");

/// Finds persons, on one thread: the runtime's sums differ with the number of threads.
#[derive(Clone)]
pub(super) struct PersonDetector {
    model: Arc<Model>,
    thread: Arc<ThreadPool>,
    anchors: Arc<Vec<[f32; 4]>>,
}

impl std::fmt::Debug for PersonDetector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonDetector").finish_non_exhaustive()
    }
}

impl PersonDetector {
    /// # Errors
    /// [`Error::Misuse`] when the runtime does not understand the network.
    pub(super) fn new() -> Result<Self> {
        static LOADED: OnceLock<std::result::Result<Arc<Model>, String>> = OnceLock::new();
        let load = || Model::load_static_slice(MODEL).map(Arc::new).map_err(|error| error.to_string());
        let model = LOADED.get_or_init(load).clone().map_err(|why| Error::misuse(format!("person detector: {why}")))?;
        Ok(Self { model, thread: Arc::new(ThreadPool::with_num_threads(1)), anchors: Arc::new(anchors()) })
    }

    /// Finds the persons of a picture no larger than [`WIDTH`] by [`HEIGHT`], the surest first.
    ///
    /// # Errors
    /// [`Error::Misuse`] when the runtime fails.
    pub(super) fn find(&self, picture: &RgbPicture) -> Result<Vec<FoundBox>> {
        let mut input = NdTensor::<u8, 4>::zeros([1, HEIGHT, WIDTH, 3]);
        let failed = |why: String| Error::misuse(format!("person detector: {why}"));
        let samples = input.data_mut().ok_or_else(|| failed("its input has no memory".to_owned()))?;
        for (out, row) in samples.chunks_exact_mut(WIDTH * 3).zip(picture.samples.chunks_exact(picture.width * 3)) {
            out[..row.len()].copy_from_slice(row);
        }
        let (inputs, outputs) = (self.model.input_ids(), self.model.output_ids());
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.thread)));
        let run = self.model.run(vec![(inputs[0], input.view().into())], outputs, Some(options));
        let found = run.map_err(|error| failed(error.to_string()))?;
        let mut numbers = found.into_iter().map(|output| output.into_tensor::<f32>().map(|tensor| tensor.to_vec()));
        let mut next = || numbers.next().flatten().ok_or_else(|| failed("an output is missing".to_owned()));
        let (scores, boxes) = (next()?, next()?);
        if scores.len() != self.anchors.len() || boxes.len() != 4 * scores.len() {
            return Err(failed(format!("{} scores and {} boxes' sides", scores.len(), boxes.len())));
        }
        Ok(self.persons(&scores, &boxes))
    }

    fn persons(&self, scores: &[f32], boxes: &[f32]) -> Vec<FoundBox> {
        let candidate = |(&score, (&[ty, tx, th, tw], &[x, y, width, height])): (&f32, (&[f32; 4], &[f32; 4]))| {
            let (across, down) = (tw.exp() * width, th.exp() * height);
            let bounds = [tx * width + x - across / 2.0, ty * height + y - down / 2.0, across, down];
            (score >= LEAST_SCORE).then_some(FoundBox { bounds, score })
        };
        let boxes = boxes.as_chunks().0.iter();
        surest(scores.iter().zip(boxes.zip(self.anchors.iter())).filter_map(candidate).collect(), MOST_OVERLAP)
    }
}

/// Boxes that the network's are relative to: centre and size, for levels 3 to 7 row by row, nine at each place.
fn anchors() -> Vec<[f32; 4]> {
    let mut anchors = Vec::new();
    for level in 3..=7 {
        let stride = 1_usize << level;
        for y in 0..HEIGHT / stride {
            for x in 0..WIDTH / stride {
                for octave in 0..3_u8 {
                    #[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
                    let (step, x, y) = (stride as f32, x as f32, y as f32);
                    let size = 3.0 * step * (f32::from(octave) / 3.0).exp2();
                    for [width, height] in [[1.0, 1.0], [1.4, 0.7], [0.7, 1.4]] {
                        anchors.push([(x + 0.5) * step, (y + 0.5) * step, width * size, height * size]);
                    }
                }
            }
        }
    }
    anchors
}
