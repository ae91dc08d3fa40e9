//! The metadata of Dolby Vision that hold for a frame.

use super::metadata::Metadata;
use crate::media::ffi::AvFrame;

/// A frame's own metadata, or those of the last frame before it that had any: a frame that has lost its own most likely looked
/// as that one did.
#[derive(Debug)]
pub(in crate::media) struct Latest {
    metadata: Result<Metadata, &'static str>,
    is_own: bool,
    is_profile_5: bool,
}

impl Default for Latest {
    fn default() -> Self {
        Self { metadata: Err("is not there"), is_own: false, is_profile_5: false }
    }
}

impl Latest {
    /// Takes those of the frame that was decoded.
    pub(in crate::media) fn take(&mut self, frame: &AvFrame) {
        let own = Metadata::of(frame);
        self.is_own = matches!(own, Ok(Some(_)));
        self.is_profile_5 |= Metadata::is_profile_5(frame);
        match own {
            Ok(Some(metadata)) => self.metadata = Ok(metadata),
            Err(why) if self.metadata.is_err() => self.metadata = Err(why),
            Ok(None) | Err(_) => {}
        }
    }

    /// Tells whether the frame has its own, and they can be used.
    pub(in crate::media) fn is_own(&self) -> bool {
        self.is_own
    }

    /// Tells whether any so far were of profile 5, usable or not.
    pub(in crate::media) fn are_of_profile_5(&self) -> bool {
        self.is_profile_5
    }

    /// Gives them.
    ///
    /// # Errors
    /// What is wrong with them, where no frame so far had any that can be used.
    pub(in crate::media) fn get(&self) -> Result<&Metadata, &'static str> {
        self.metadata.as_ref().map_err(|why| *why)
    }
}
