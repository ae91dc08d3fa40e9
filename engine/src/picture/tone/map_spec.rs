//! The node that maps colours: what it is for, and its table, which is baked when it is first needed.

use super::colour_map::{SourceColour, Target};
use super::cube::Cube;
use super::table::{Conversion, Look, LookPlace, NODES};
use crate::colour::{ChromaSite, Colour, cicp};
use crate::error::{Error, Result};
use crate::fingerprint::Sha256Hex;
use crate::frame::{Depth, Frame, FrameFormat, Sample};
use crate::machine;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use upright_shaders::map_colour::{ChromaAxis, ColourSource, ColourTable};
use upright_shaders::plane::PlaneArea;

/// Bytes of a look that no file has: the largest table, with thirty bytes a number.
const LARGEST_LOOK: u64 = 256 * 256 * 256 * 3 * 30;

/// A look in a file, and what it was when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LookFile {
    /// A `.cube` file.
    pub path: PathBuf,
    /// The SHA-256 of its bytes.
    pub sha256: Sha256Hex,
    /// What it is applied to.
    pub place: LookPlace,
}

impl LookFile {
    /// Reads a file, and remembers what it is.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read; [`Error::BadLook`] when it is no look.
    pub fn new(path: PathBuf, place: LookPlace) -> Result<Self> {
        let (_, sha256) = read(&path)?;
        Ok(Self { path, sha256, place })
    }

    fn look(&self) -> Result<Look> {
        let (cube, sha256) = read(&self.path)?;
        if sha256 != self.sha256 {
            let why = "is not the file that the plan was made with; make the plan anew".to_owned();
            return Err(Error::BadLook { path: self.path.clone(), why });
        }
        Ok(Look { cube, place: self.place })
    }
}

fn read(path: &std::path::Path) -> Result<(Cube, Sha256Hex)> {
    let io = Error::io(path, "cannot read the look");
    let bytes = match std::fs::metadata(path) {
        Ok(there) if there.len() > LARGEST_LOOK => {
            return Err(Error::BadLook { path: path.to_path_buf(), why: "is too large for a look".to_owned() });
        }
        Ok(_) => std::fs::read(path).map_err(io)?,
        Err(error) => return Err(io(error)),
    };
    let bad = |why: String| Error::BadLook { path: path.to_path_buf(), why };
    let text = std::str::from_utf8(&bytes).map_err(|_| bad("is no text, as a .cube file is".to_owned()))?;
    let cube = Cube::parse(text).map_err(|error| bad(error.to_string()))?;
    Ok((cube, Sha256Hex::of(&bytes)))
}

/// What the node that maps colours does: pictures of one colour become such of BT.709 in limited range, of 10 bits, with chroma
/// where it was.
#[derive(Clone, Debug)]
pub struct MapSpec {
    /// Format of the whole pictures that come in.
    pub source: FrameFormat,
    /// Where their chroma lies.
    pub chroma: ChromaSite,
    recipe: SourceColour,
    look: Option<LookFile>,
    /// Clones share it.
    table: Arc<OnceLock<ColourTable>>,
}

impl PartialEq for MapSpec {
    /// Compares what is converted; a table may be there already or not.
    fn eq(&self, other: &Self) -> bool {
        let key = |spec: &Self| (spec.source, spec.chroma, spec.recipe, spec.look.clone());
        key(self) == key(other)
    }
}

impl MapSpec {
    /// Prepares the node. Nothing is computed yet.
    ///
    /// # Errors
    /// [`Error::NotInSource`] when the colour is not one that can be converted.
    pub fn new(source: FrameFormat, chroma: ChromaSite, recipe: SourceColour, look: Option<LookFile>) -> Result<Self> {
        // With a look that converts, primaries and transfer do not matter.
        let converts = look.as_ref().is_some_and(|look| look.place == LookPlace::Conversion);
        let checked = if converts {
            super::colour_map::Coding::of(&recipe).map(drop)
        } else {
            Conversion::new(&recipe, Target::default(), None).map(drop)
        };
        checked.map_err(|error| Error::not_in_source(error.to_string()))?;
        Ok(Self { source, chroma, recipe, look, table: Arc::default() })
    }

    /// Gives the format of what is made.
    pub fn output(&self) -> FrameFormat {
        FrameFormat { depth: Depth::Ten, ..self.source }
    }

    /// Gives the colour of what is made of pictures with chroma there.
    pub fn output_colour(chroma: ChromaSite) -> Colour {
        let (primaries, transfer, matrix) = (cicp::BT709, cicp::BT709, cicp::BT709);
        Colour { primaries, transfer, matrix, full_range: false, chroma }
    }

    /// Gives the table, which takes about a second to be baked the first time.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::BadLook`] when the look is not what it was; [`Error::NotInSource`] as [`MapSpec::new`].
    pub(in crate::picture) fn table(&self) -> Result<&ColourTable> {
        if let Some(table) = self.table.get() {
            return Ok(table);
        }
        let look = self.look.as_ref().map(LookFile::look).transpose()?;
        let conversion = Conversion::new(&self.recipe, Target::default(), look);
        let conversion = conversion.map_err(|error| Error::not_in_source(error.to_string()))?;
        let threads = NonZero::new(machine::cores()).unwrap_or(NonZero::<usize>::MIN);
        Ok(self.table.get_or_init(|| conversion.bake(NODES, Depth::Ten.bits(), threads)))
    }

    /// Gives where chroma lies along x and along y.
    pub(in crate::picture) fn axes(&self) -> [ChromaAxis; 2] {
        let s = self.source.subsampling;
        self.chroma.axes([s.x, s.y])
    }
}

/// Looks at the planes of a whole frame with chroma there as colours.
pub fn colour_source<S: Sample + upright_shaders::Sample>(frame: &Frame, chroma: ChromaSite) -> ColourSource<'_, S> {
    let format = frame.format();
    let planes = [0, 1, 2].map(|index| {
        let (samples, stride) = frame.plane::<S>(index);
        let layout = frame.layout(index);
        PlaneArea { samples, stride, columns: 0..layout.width as usize, rows: 0..layout.height as usize }
    });
    ColourSource { planes, bits: format.depth.bits(), axes: chroma.axes([format.subsampling.x, format.subsampling.y]) }
}
