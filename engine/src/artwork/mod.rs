//! Pictures that lie beside the renditions of a film: a poster, a storyboard, an animated preview. They are made of finished
//! renditions, whoever encoded them, so that they show what players show.

mod animation;
mod close;
mod eyes;
mod film;
mod made;
mod make;
mod place;
mod storyboard;
mod survey;
mod worth;

pub(crate) use made::is_picture_name;
pub use made::{AnimationFile, PictureFile, PicturesReport, SheetFile, StoryboardReport};
pub(crate) use make::{check, make, names};
pub(crate) use storyboard::SHEETS;
