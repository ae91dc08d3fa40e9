//! Looking at a film before its conversion is planned: shots, borders, faces and persons, what moves. What was seen is a document,
//! from which plans are made.

mod activity;
mod blends;
mod borders;
mod boxes;
mod cadence;
mod captions;
mod clothes;
mod cuts;
mod detection;
mod document;
mod faces;
mod fields;
mod grain;
mod light;
mod mixture;
mod mouth;
mod noise;
mod pass;
mod persons;
mod sampling;
mod sharpness;
mod stills;
mod template;
mod tiny;
mod tracker;

pub(crate) use boxes::overlap;
pub use document::{
    Activity, Analysis, Borders, SeenCaption, SeenShot, Sighting, SubjectKind, Track, Transition, VERSION,
};
pub(crate) use faces::{FaceDetector, FoundFace};
pub(crate) use grain::GrainModel;
pub(crate) use noise::NoiseMeter;
pub use pass::{AnalyseOptions, analyse};
pub(crate) use sampling::SmallPictures;
pub(crate) use sharpness::sharpness;
pub use stills::{Still, stills};
