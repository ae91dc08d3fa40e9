//! The plan: a document that says everything that will be done, decided before anything is written.
//!
//! A [`Plan`] is plain data in three parts: what was found in the source, what is wanted of it, and what follows from both.
//! Its JSON form is described by the documentation of the fields, which appear in it in the order of their declaration, and
//! by the schema `docs/plan.schema.json`.

mod check;
mod converted;
mod decide;
mod denoise;
mod document;
mod fields;
mod follows;
mod formats;
mod layout;
mod loudness;
mod memory;
mod migrate;
mod options;
mod pictures;
mod rates;
mod segments;
mod track;
mod upscale;
mod wanted;

pub use converted::ConvertedColour;
pub(crate) use converted::to_bt709;
pub use denoise::{Denoise, MOST_NOISE, WantedDenoise};
pub use document::{Plan, VERSION};
pub use fields::{Deinterlace, FieldMake, FieldRun};
pub(crate) use fields::{FieldPicture, FieldPictures, FrameTimes, PARTS, PictureTimes, rising};
pub use follows::{Follows, RungFollows};
pub use formats::{Cmaf, Formats};
pub use loudness::{Loudness, LoudnessChoice};
#[cfg(test)]
pub(crate) use memory::DRIVER;
pub(crate) use memory::{LEAST_FRAMES, RUNG_FRAMES};
pub use options::{BurnInChoice, CropChoice, DepthChoice, DynamicRange, Gamut, PlanOptions, Subtitles, TwoShots};
pub use pictures::{Moment, Pictures};
pub use rates::{LeftOutRung, PerRung, RungRate};
pub(crate) use segments::{FramePlace, Segmenter};
pub use segments::{KeyFrameRule, Segment, Segmentation};
pub use track::{Caption, CropKey, Interpolation, Layout, Placement, Shot, ShotBorders, ShotMode, ShotSubject};
pub(crate) use track::{placement, shot_at};
pub use upscale::{Upscale, UpscaleChoice};
pub use wanted::{Wanted, WantedAudio, WantedEncoder};

#[cfg(test)]
pub(crate) mod tests;
