//! Detectors at work, on threads beside the one that decodes.

use super::document::SubjectKind;
use super::faces::FaceDetector;
use super::persons::PersonDetector;
use super::sharpness::sharpness;
use super::tracker::Detection;
use crate::error::{Error, Result};
use crate::frame::HeldFrame;
use crate::image::{RgbConverter, RgbPicture};
use crossbeam::channel::{self, Receiver, Sender};
use std::thread::{self, Scope};

/// Pictures in which faces, and persons, are to be looked for.
pub(super) struct DetectionJob {
    pub(super) faces: HeldFrame,
    pub(super) persons: HeldFrame,
    pub(super) when: PersonsWhen,
}

/// When persons are looked for in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PersonsWhen {
    Always,
    /// If there is no face that is surely one.
    Faceless,
    Never,
}

/// What was found in a frame.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) detections: Vec<Detection>,
    /// Whether persons were looked for.
    pub(super) persons: bool,
}

/// What comes of a job, once it is done.
pub(super) type Detections = Receiver<Result<Found>>;

/// Score from which on a face is surely one.
const SURE_FACE: f32 = 0.6;

/// Threads that detect. They end when this is dropped.
pub(super) struct DetectionPool {
    jobs: Sender<(DetectionJob, Sender<Result<Found>>)>,
}

impl DetectionPool {
    /// Starts so many threads.
    ///
    /// # Errors
    /// [`Error::Misuse`] when the runtime of a detector does not start; [`Error::Io`] when there is no thread for it.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        threads: usize,
        converter: &'scope RgbConverter,
    ) -> Result<Self> {
        let (jobs, waiting) = channel::bounded::<(DetectionJob, Sender<_>)>(threads);
        for _ in 0..threads {
            let (waiting, persons) = (waiting.clone(), PersonDetector::new()?);
            let work = move || {
                let mut faces = FaceDetector::default();
                for (job, result) in waiting {
                    // Nobody waits for it any more where the work has ended.
                    let _ = result.send(detect(&job, converter, &mut faces, &persons));
                }
            };
            let named = thread::Builder::new().name("detect".to_owned());
            named.spawn_scoped(scope, work).map_err(Error::io("detect", "cannot start a thread"))?;
        }
        Ok(Self { jobs })
    }

    /// Gives a job to the next thread that is free.
    ///
    /// # Errors
    /// [`Error::StageLost`] when all have panicked.
    pub(super) fn detect(&self, job: DetectionJob) -> Result<Detections> {
        let (give, take) = channel::bounded(1);
        self.jobs.send((job, give)).map_err(|_| Error::StageLost { stage: "detect".to_owned() })?;
        Ok(take)
    }
}

fn detect(
    job: &DetectionJob,
    converter: &RgbConverter,
    faces: &mut FaceDetector,
    persons: &PersonDetector,
) -> Result<Found> {
    let picture = converter.convert(&job.faces);
    let found = faces.find(&picture);
    let mut detections: Vec<_> = found.iter().map(|face| face_of(job, face.bounds, face.score, &picture)).collect();
    let looked = match job.when {
        PersonsWhen::Always => true,
        PersonsWhen::Faceless => found.iter().all(|face| face.score < SURE_FACE),
        PersonsWhen::Never => false,
    };
    if looked {
        let picture = converter.convert(&job.persons);
        let found = persons.find(&picture)?;
        detections
            .extend(found.iter().map(|person| detection(SubjectKind::Person, person.bounds, person.score, &picture)));
    }
    Ok(Found { detections, persons: looked })
}

fn face_of(job: &DetectionJob, bounds: [f32; 4], score: f32, picture: &RgbPicture) -> Detection {
    Detection { sharpness: sharpness(&job.faces, bounds), ..detection(SubjectKind::Face, bounds, score, picture) }
}

fn detection(kind: SubjectKind, bounds: [f32; 4], score: f32, picture: &RgbPicture) -> Detection {
    #[expect(clippy::cast_precision_loss, reason = "sides of a small picture")]
    let size = [picture.width as f32, picture.height as f32];
    let [x, y, width, height] = bounds;
    let thousandths = [x / size[0], y / size[1], width / size[0], height / size[1]].map(|part| part * 1000.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
    let score = (score * 100.0).round() as u8;
    Detection { kind, bounds: super::tracker::rounded(thousandths), score, sharpness: 0 }
}
