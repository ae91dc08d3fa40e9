//! What is wanted of a source frame: the pictures that are made of it, each with what it shows.

use super::scale::{Crop, Layers, View};
use crate::frame::Area;
use upright_shaders::deinterlace::{BOTTOM, INTERPOLATED, LATER};

/// Most pictures that are made of one frame: one of each field.
pub const MOST_PICTURES: usize = 2;

/// What is wanted of a source frame. One that is there for its neighbours' sake alone becomes no picture, or hidden ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Request {
    /// The part of the upright grid that the source frame holds: see [`Crop::area`].
    pub area: Area,
    /// In the order in which they are shown; those that there are come first.
    pictures: [Option<MadePicture>; MOST_PICTURES],
}

/// A picture that is made of a source frame.
#[expect(clippy::large_enum_variant, reason = "it is copied with its frame, two of them at most")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MadePicture {
    /// It comes out.
    Shown(PictureRequest),
    /// It comes out nowhere: it is made of these fields for the sake of those before it and after it, where a node looks at it
    /// there.
    Hidden(FieldUse),
}

/// A picture that comes out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PictureRequest {
    /// What the rungs show of it.
    pub layers: Layers,
    /// Number of the picture in the job, from 0, higher than those before: the key of the dither noise.
    pub frame: u64,
    /// Which fields it is made of, where the graph has a node that does so.
    pub fields: FieldUse,
    /// Presentation time and duration, in ticks of whoever asks; those of the source frame where there are none.
    pub time: Option<(i64, i64)>,
}

/// What a whole picture is made of. Rows are those of the upright grid; those of even numbers, from 0, are of the top field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldUse {
    /// Two fields, woven together.
    Woven {
        /// The frame whose top field it is.
        top: Neighbour,
        /// The frame whose bottom field it is.
        bottom: Neighbour,
    },
    /// One field of the frame itself; the rows between are made from what lies around them.
    Interpolated {
        /// The field that is kept is the bottom one.
        bottom: bool,
        /// It is the later one of its frame.
        later: bool,
    },
}

/// A frame among three that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbour {
    /// The one before.
    Before,
    /// The frame itself.
    Own,
    /// The one after.
    After,
}

impl FieldUse {
    /// The frame as it is.
    pub const WHOLE: Self = Self::Woven { top: Neighbour::Own, bottom: Neighbour::Own };

    /// Gives the number by which kernels know it; see [`upright_shaders::deinterlace()`].
    pub fn code(self) -> u32 {
        let number = |frame| match frame {
            Neighbour::Own => 0,
            Neighbour::Before => 1,
            Neighbour::After => 2,
        };
        match self {
            Self::Woven { top, bottom } => number(top) + 3 * number(bottom),
            Self::Interpolated { bottom, later } => {
                INTERPOLATED + if bottom { BOTTOM } else { 0 } + if later { LATER } else { 0 }
            }
        }
    }
}

impl Request {
    /// Makes the request for pictures of a frame of which `area` is there, all of which come out; none of more than
    /// [`MOST_PICTURES`].
    pub fn new(area: Area, pictures: &[PictureRequest]) -> Option<Self> {
        let shown: Vec<_> = pictures.iter().copied().map(MadePicture::Shown).collect();
        Self::with_hidden(area, &shown)
    }

    /// Makes the request for pictures of a frame of which `area` is there, some of them hidden; none of more than
    /// [`MOST_PICTURES`].
    pub fn with_hidden(area: Area, pictures: &[MadePicture]) -> Option<Self> {
        let mut list = [None; MOST_PICTURES];
        let places = list.get_mut(..pictures.len())?;
        places.iter_mut().zip(pictures).for_each(|(place, picture)| *place = Some(*picture));
        Some(Self { area, pictures: list })
    }

    /// Makes the request for none: the frame is a neighbour of others.
    pub fn none(area: Area) -> Self {
        Self { area, pictures: [None; MOST_PICTURES] }
    }

    /// Gives the pictures that come out.
    pub fn pictures(&self) -> impl DoubleEndedIterator<Item = &PictureRequest> {
        self.made().filter_map(MadePicture::shown)
    }

    /// Gives all pictures that are made, those that are hidden too.
    pub fn made(&self) -> impl DoubleEndedIterator<Item = &MadePicture> {
        self.pictures.iter().flatten()
    }

    /// Hides the pictures up to the one of this number.
    pub(super) fn hide_until(&mut self, frame: u64) {
        for picture in self.pictures.iter_mut().flatten() {
            if picture.shown().is_some_and(|shown| shown.frame <= frame) {
                *picture = picture.hidden();
            }
        }
    }
}

impl MadePicture {
    /// Gives what is shown of it, unless it is hidden.
    pub fn shown(&self) -> Option<&PictureRequest> {
        match self {
            Self::Shown(picture) => Some(picture),
            Self::Hidden(_) => None,
        }
    }

    /// Gives which fields it is made of.
    pub fn fields(&self) -> FieldUse {
        match self {
            Self::Shown(picture) => picture.fields,
            Self::Hidden(fields) => *fields,
        }
    }

    /// Gives the same picture, hidden.
    #[must_use]
    pub fn hidden(&self) -> Self {
        Self::Hidden(self.fields())
    }
}

impl PictureRequest {
    /// Gives what is wanted of a picture of which `area` is there.
    pub(super) fn view(&self, area: Area) -> View {
        View { layers: self.layers, area, frame: self.frame }
    }
}

impl From<View> for Request {
    /// One picture, of the whole frame, at the frame's time.
    fn from(View { layers, area, frame }: View) -> Self {
        let picture = PictureRequest { layers, frame, fields: FieldUse::WHOLE, time: None };
        Self { area, pictures: [Some(MadePicture::Shown(picture)), None] }
    }
}

impl From<Crop> for Request {
    fn from(crop: Crop) -> Self {
        View::from(crop).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Window;

    #[test]
    fn uses_of_fields_have_numbers_of_their_own() {
        use Neighbour::{After, Before, Own};
        let frames = [Before, Own, After];
        let woven = frames.iter().flat_map(|&top| frames.map(|bottom| FieldUse::Woven { top, bottom }));
        let made = [false, true].into_iter();
        let made = made.flat_map(|bottom| [false, true].map(|later| FieldUse::Interpolated { bottom, later }));
        let mut codes: Vec<_> = woven.chain(made).map(FieldUse::code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!((codes.len(), FieldUse::WHOLE.code()), (13, 0));
    }

    #[test]
    fn no_more_pictures_than_fields_are_asked_for() {
        let area = Area { x: 0, y: 0, width: 4, height: 4 };
        let window = Window { x: 0.0, y: 0.0, width: 4.0, height: 4.0 };
        let picture = PictureRequest { layers: window.into(), frame: 3, fields: FieldUse::WHOLE, time: None };
        for count in 0..=3 {
            let asked = Request::new(area, &vec![picture; count]).map(|request| request.pictures().count());
            assert_eq!(asked, (count <= MOST_PICTURES).then_some(count));
        }
        assert_eq!(Request::new(area, &[]), Some(Request::none(area)));
        let mut some = Request::new(area, &[picture, PictureRequest { frame: 4, ..picture }]).unwrap();
        some.hide_until(3);
        assert_eq!(some.pictures().map(|picture| picture.frame).collect::<Vec<_>>(), [4]);
        assert_eq!(some.made().count(), 2);
    }
}
