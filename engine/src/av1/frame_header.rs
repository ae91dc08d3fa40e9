//! Frame headers.

use super::bits::Bits;
use super::film_grain;
use super::obu::Malformed;
use super::references::{
    REFERENCES, Reference, References, SEGMENTS, SLOTS, SegmentQuantisers, implied_references, order_distance,
};
use super::sequence::{SequenceHeader, Tools};
use crate::frame::Subsampling;
use crate::geometry::Size;

/// A frame header; section 5.9.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameHeader {
    /// An earlier frame is shown: that of a slot.
    Existing(usize),
    /// A frame is coded.
    Coded(CodedFrame),
}

/// The header of a frame that is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CodedFrame {
    /// Bits of the header in front of `film_grain_params`, and with them, which are its end.
    pub(super) bits: usize,
    pub(super) end: usize,
    pub(super) tiles: Tiles,
    pub(super) kind: FrameKind,
    /// It is shown, or may be shown later.
    pub(super) showable: bool,
    /// The slots that it refers to; none where nothing but itself is referred to.
    pub(super) references: Option<[usize; REFERENCES]>,
    /// The slots that it is put into, a bit each.
    pub(super) refreshed: u8,
    /// What later frames see of it. It has no film grain yet.
    pub(super) reference: Reference,
}

/// The tiles of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tiles {
    /// How many there are, at least one.
    pub(super) count: u32,
    /// Bits of a tile's number.
    pub(super) number_bits: u32,
    /// Bytes of a tile's size, 1 to 4.
    pub(super) size_bytes: u32,
}

/// The type of a frame; section 6.8.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    Key,
    Inter,
    IntraOnly,
    Switch,
}

impl FrameKind {
    fn is_intra(self) -> bool {
        matches!(self, Self::Key | Self::IntraOnly)
    }
}

impl FrameHeader {
    /// Parses the payload of a frame header OBU or the beginning of that of a frame OBU. `references` are the frames
    /// that are kept before it.
    ///
    /// # Errors
    /// [`Malformed`] when it ends too early or refers to a frame that is not there.
    pub(super) fn parse(payload: &[u8], sequence: &SequenceHeader, references: &References) -> Result<Self, Malformed> {
        let mut bits = Bits::new(payload, "a frame header");
        let reduced = sequence.reduced_still_picture_header;
        if !reduced && bits.flag()? {
            return Ok(Self::Existing(bits.read(3)? as usize));
        }
        Parser { sequence, tools: &sequence.coding.tools, references, bits }.coded(reduced).map(Self::Coded)
    }
}

/// The first fields of the header.
struct Start {
    kind: FrameKind,
    shown: bool,
    showable: bool,
    error_resilient: bool,
}

/// The size of a frame as it is coded, and its width as it is shown.
struct FrameSize {
    upscaled_width: u32,
    width: u32,
    height: u32,
}

/// What an inter frame's header says in front of its tiles.
struct Inter {
    references: [usize; REFERENCES],
    size: FrameSize,
    high_precision: bool,
}

/// Everything that decides about fields behind the quantisers.
#[derive(Clone, Copy)]
struct Quantised {
    base: u32,
    /// A plane's quantiser is another than the base.
    differs: bool,
}

struct Parser<'a> {
    sequence: &'a SequenceHeader,
    tools: &'a Tools,
    references: &'a References,
    bits: Bits<'a>,
}

impl Parser<'_> {
    /// Reads from behind `show_existing_frame` to the end.
    fn coded(mut self, reduced: bool) -> Result<CodedFrame, Malformed> {
        let Start { kind, shown, showable, error_resilient } = self.start(reduced)?;
        let hint_bits = self.tools.order_hint_bits;

        let without_cdf_update = self.bits.flag()?;
        let screen_content = self.tools.screen_content.map_or_else(|| self.bits.flag(), Ok)?;
        let integer_vectors =
            screen_content && self.tools.integer_motion_vectors.map_or_else(|| self.bits.flag(), Ok)?;
        if let Some((_, id_bits)) = self.tools.frame_ids {
            self.bits.skip(id_bits)?;
        }
        let own_size = kind == FrameKind::Switch || (!reduced && self.bits.flag()?);
        let order_hint = self.bits.read(hint_bits)?;
        let primary = if kind.is_intra() || error_resilient { REFERENCES } else { self.bits.read(3)? as usize };
        if let Some(removal) = self.sequence.coding.times.removal
            && self.bits.flag()?
        {
            self.bits.skip(removal)?;
        }
        let takes_all = kind == FrameKind::Switch || (kind == FrameKind::Key && shown);
        let refreshed = if takes_all { u8::MAX } else { self.bits.byte(8)? };
        let mut hints = self.references.order_hints();
        if (!kind.is_intra() || refreshed != u8::MAX) && error_resilient && hint_bits > 0 {
            for hint in &mut hints {
                *hint = self.bits.read(hint_bits)?;
            }
        }

        let (size, block_copy, inter) = if kind.is_intra() {
            let size = self.frame_size(own_size)?;
            self.render_size()?;
            let block_copy = screen_content && size.upscaled_width == size.width && self.bits.flag()?;
            (size, block_copy, None)
        } else {
            let by_reference = own_size && !error_resilient;
            let distances = hints.map(|hint| order_distance(hint_bits, hint, order_hint));
            let inter = self.inter(own_size, by_reference, integer_vectors, error_resilient, distances)?;
            (inter.size, false, Some((inter.references, inter.high_precision)))
        };
        if !reduced && !without_cdf_update {
            self.bits.skip(1)?;
        }
        let primary = match inter {
            Some((references, _)) if primary < REFERENCES => Some(*self.references.get(references[primary])?),
            _ => None,
        };

        let tiles = self.tile_info(&size)?;
        let quantised = self.quantization_params()?;
        let quantisers = self.segmentation_params(primary.map(|reference| reference.quantisers))?;
        self.delta_params(quantised, block_copy)?;
        let index = |change: &Option<i32>| (quantised.base.cast_signed() + change.unwrap_or(0)).clamp(0, 255);
        let lossless = !quantised.differs && quantisers.iter().all(|change| index(change) == 0);
        if !block_copy {
            if !lossless {
                self.loop_filter_params()?;
                self.cdef_params()?;
            }
            if !lossless || size.width != size.upscaled_width {
                self.restoration_params()?;
            }
        }
        // The kind of transform.
        if !lossless {
            self.bits.skip(1)?;
        }
        if let Some((references, _)) = inter {
            let compound = self.bits.flag()?;
            if compound && allows_skip_mode(hint_bits, order_hint, references.map(|slot| hints[slot])) {
                self.bits.skip(1)?;
            }
            if !error_resilient && self.tools.warped_motion {
                self.bits.skip(1)?;
            }
        }
        // Whether there are fewer transforms.
        self.bits.skip(1)?;
        if let Some((_, high_precision)) = inter {
            self.global_motion_params(high_precision)?;
        }

        let bits = self.bits.position();
        if self.sequence.film_grain && (shown || showable) {
            film_grain::skip(&mut self.bits, self.sequence, kind == FrameKind::Inter)?;
        }
        let shown_size = Size { width: size.upscaled_width, height: size.height };
        Ok(CodedFrame {
            bits,
            end: self.bits.position(),
            tiles,
            kind,
            showable: shown || showable,
            references: inter.map(|(references, _)| references),
            refreshed,
            reference: Reference {
                key: kind == FrameKind::Key,
                order_hint,
                size: shown_size,
                quantisers,
                grain: false,
            },
        })
    }

    fn start(&mut self, reduced: bool) -> Result<Start, Malformed> {
        if reduced {
            return Ok(Start { kind: FrameKind::Key, shown: true, showable: false, error_resilient: true });
        }
        let kind = match self.bits.read(2)? {
            0 => FrameKind::Key,
            1 => FrameKind::Inter,
            2 => FrameKind::IntraOnly,
            _ => FrameKind::Switch,
        };
        let shown = self.bits.flag()?;
        let showable = if shown {
            self.bits.skip(self.sequence.coding.times.presentation)?;
            kind != FrameKind::Key
        } else {
            self.bits.flag()?
        };
        let error_resilient = kind == FrameKind::Switch || (kind == FrameKind::Key && shown) || self.bits.flag()?;
        Ok(Start { kind, shown, showable, error_resilient })
    }

    /// Reads what inter frames have in the place of a size: references, size, and how motion vectors are.
    fn inter(
        &mut self,
        own_size: bool,
        by_reference: bool,
        integer_vectors: bool,
        error_resilient: bool,
        distances: [i32; SLOTS],
    ) -> Result<Inter, Malformed> {
        let short = self.tools.order_hint_bits > 0 && self.bits.flag()?;
        let mut references = [0; REFERENCES];
        if short {
            let (last, golden) = (self.bits.read(3)? as usize, self.bits.read(3)? as usize);
            references = implied_references(last, golden, distances);
        }
        for slot in &mut references {
            if !short {
                *slot = self.bits.read(3)? as usize;
            }
            if let Some((difference_bits, _)) = self.tools.frame_ids {
                self.bits.skip(difference_bits)?;
            }
            self.references.get(*slot)?;
        }
        let size = if by_reference {
            self.frame_size_with_refs(references)?
        } else {
            let size = self.frame_size(own_size)?;
            self.render_size()?;
            size
        };
        let high_precision = !integer_vectors && self.bits.flag()?;
        let switchable_filter = self.bits.flag()?;
        if !switchable_filter {
            self.bits.skip(2)?;
        }
        // Whether the mode of motion is switchable, and whether vectors of references are used.
        self.bits.skip(1)?;
        if !error_resilient && self.tools.reference_motion_vectors {
            self.bits.skip(1)?;
        }
        Ok(Inter { references, size, high_precision })
    }

    fn frame_size(&mut self, own_size: bool) -> Result<FrameSize, Malformed> {
        let size = if own_size {
            let (width_bits, height_bits) = self.sequence.coding.size_bits;
            Size { width: self.bits.read(width_bits)? + 1, height: self.bits.read(height_bits)? + 1 }
        } else {
            self.sequence.max_frame_size
        };
        self.superres_params(size)
    }

    fn frame_size_with_refs(&mut self, references: [usize; REFERENCES]) -> Result<FrameSize, Malformed> {
        for slot in references {
            if self.bits.flag()? {
                let size = self.references.get(slot)?.size;
                return self.superres_params(size);
            }
        }
        let size = self.frame_size(true)?;
        self.render_size()?;
        Ok(size)
    }

    fn superres_params(&mut self, size: Size) -> Result<FrameSize, Malformed> {
        const NUMERATOR: u32 = 8;
        const LEAST_DENOMINATOR: u32 = 9;
        let coded = if self.tools.super_resolution { self.bits.optional(|bits| bits.read(3))? } else { None };
        let denominator = coded.map_or(NUMERATOR, |coded| coded + LEAST_DENOMINATOR);
        let width = (size.width * NUMERATOR + denominator / 2) / denominator;
        Ok(FrameSize { upscaled_width: size.width, width, height: size.height })
    }

    fn render_size(&mut self) -> Result<(), Malformed> {
        self.bits.optional(|bits| bits.skip(16 + 16)).map(drop)
    }

    fn tile_info(&mut self, size: &FrameSize) -> Result<Tiles, Malformed> {
        const MOST_TILES: u32 = 64;
        const MOST_WIDTH: u32 = 4096;
        const MOST_AREA: u32 = 4096 * 2304;
        let block_log2 = if self.tools.large_superblocks { 7 } else { 6 };
        // A superblock is begun where a block of 8 pixels is.
        let superblocks = |pixels: u32| pixels.next_multiple_of(8).div_ceil(1 << block_log2);
        let (columns, rows) = (superblocks(size.width), superblocks(size.height));
        let most_width = MOST_WIDTH >> block_log2;
        let least_columns_log2 = tile_log2(most_width, columns);
        let least_log2 = least_columns_log2.max(tile_log2(MOST_AREA >> (2 * block_log2), columns * rows));
        let (count, number_bits) = if self.bits.flag()? {
            let columns_log2 = self.increments(least_columns_log2, tile_log2(1, columns.min(MOST_TILES)))?;
            let least_rows_log2 = least_log2.saturating_sub(columns_log2);
            let rows_log2 = self.increments(least_rows_log2, tile_log2(1, rows.min(MOST_TILES)))?;
            // All of one size but the last, which may be smaller; so there may be fewer than that power of two.
            let along = |all: u32, log2: u32| all.div_ceil(all.div_ceil(1 << log2));
            (along(columns, columns_log2) * along(rows, rows_log2), columns_log2 + rows_log2)
        } else {
            let (across, widest) = self.tile_sizes(columns, most_width)?;
            let area = columns * rows;
            let most_area = if least_log2 > 0 { area >> (least_log2 + 1) } else { area };
            let most_height = (most_area / widest).max(1);
            let down = self.tile_sizes(rows, most_height)?.0;
            (across * down, tile_log2(1, across) + tile_log2(1, down))
        };
        if number_bits == 0 {
            return Ok(Tiles { count, number_bits, size_bytes: 1 });
        }
        // The tile whose probabilities go on.
        self.bits.skip(number_bits)?;
        Ok(Tiles { count, number_bits, size_bytes: self.bits.read(2)? + 1 })
    }

    /// Reads a number that rises from `least` by a bit each, up to `most`.
    fn increments(&mut self, least: u32, most: u32) -> Result<u32, Malformed> {
        let mut value = least;
        while value < most && self.bits.flag()? {
            value += 1;
        }
        Ok(value)
    }

    /// Reads the sizes of tiles up to a side of `all` superblocks, each up to `most`; gives their number and the greatest.
    fn tile_sizes(&mut self, all: u32, most: u32) -> Result<(u32, u32), Malformed> {
        let (mut start, mut count, mut greatest) = (0, 0, 1);
        while start < all {
            let size = self.bits.below((all - start).min(most))? + 1;
            (start, count, greatest) = (start + size, count + 1, greatest.max(size));
        }
        Ok((count, greatest))
    }

    fn quantization_params(&mut self) -> Result<Quantised, Malformed> {
        let base = self.bits.read(8)?;
        let mut differs = self.delta_q()?;
        let separate = self.sequence.coding.separate_chroma_quantisers;
        if !self.sequence.monochrome {
            let planes = if separate && self.bits.flag()? { 2 } else { 1 };
            for _ in 0..2 * planes {
                differs |= self.delta_q()?;
            }
        }
        let matrices = self.bits.flag()?;
        if matrices {
            self.bits.skip(if separate { 4 + 4 + 4 } else { 4 + 4 })?;
        }
        Ok(Quantised { base, differs })
    }

    /// Reads the difference of a quantiser; says whether it is one.
    fn delta_q(&mut self) -> Result<bool, Malformed> {
        Ok(self.bits.optional(|bits| bits.signed(7))?.unwrap_or(0) != 0)
    }

    /// Reads what is other in segments. `primary` is what it was in the frame whose state goes on.
    fn segmentation_params(&mut self, primary: Option<SegmentQuantisers>) -> Result<SegmentQuantisers, Malformed> {
        /// Bits of the values behind the first feature, which is the quantiser; one has a sign for each but the last.
        const OTHER_FEATURES: [u32; 7] = [7, 7, 7, 7, 3, 0, 0];
        const QUANTISER_BITS: u32 = 9;
        let mut quantisers = [None; SEGMENTS];
        if !self.bits.flag()? {
            return Ok(quantisers);
        }
        if let Some(primary) = primary {
            let new_map = self.bits.flag()?;
            if new_map {
                self.bits.skip(1)?;
            }
            let new_data = self.bits.flag()?;
            if !new_data {
                return Ok(primary);
            }
        }
        for quantiser in &mut quantisers {
            *quantiser = self.bits.optional(|bits| bits.signed(QUANTISER_BITS))?;
            for count in OTHER_FEATURES {
                self.bits.optional(|bits| bits.skip(count))?;
            }
        }
        Ok(quantisers.map(|change| change.map(|change| change.clamp(-255, 255))))
    }

    /// Reads `delta_q_params` and `delta_lf_params`.
    fn delta_params(&mut self, quantised: Quantised, block_copy: bool) -> Result<(), Malformed> {
        let quantisers_change = quantised.base > 0 && self.bits.flag()?;
        if quantisers_change {
            self.bits.skip(2)?;
            if !block_copy {
                self.bits.optional(|bits| bits.skip(2 + 1))?;
            }
        }
        Ok(())
    }

    fn loop_filter_params(&mut self) -> Result<(), Malformed> {
        let luma_levels = self.bits.read(6 + 6)?;
        if !self.sequence.monochrome && luma_levels != 0 {
            self.bits.skip(6 + 6)?;
        }
        self.bits.skip(3)?;
        let deltas_change = self.bits.flag()? && self.bits.flag()?;
        if deltas_change {
            // Of eight kinds of reference, and of two modes.
            for _ in 0..8 + 2 {
                self.bits.optional(|bits| bits.skip(7))?;
            }
        }
        Ok(())
    }

    fn cdef_params(&mut self) -> Result<(), Malformed> {
        if !self.tools.cdef {
            return Ok(());
        }
        self.bits.skip(2)?;
        let strengths = 1 << self.bits.read(2)?;
        let planes = if self.sequence.monochrome { 1 } else { 2 };
        self.bits.skip(strengths * planes * (4 + 2))
    }

    fn restoration_params(&mut self) -> Result<(), Malformed> {
        if !self.tools.restoration {
            return Ok(());
        }
        let luma = self.bits.read(2)? != 0;
        let chroma = !self.sequence.monochrome && self.bits.read(2 + 2)? != 0;
        if luma || chroma {
            let shift = self.bits.flag()?;
            if shift && !self.tools.large_superblocks {
                self.bits.skip(1)?;
            }
            if chroma && self.sequence.subsampling == Subsampling::CS420 {
                self.bits.skip(1)?;
            }
        }
        Ok(())
    }

    /// Reads `global_motion_params`. Its numbers are coded against those of an earlier frame, in as many bits whatever
    /// these were.
    fn global_motion_params(&mut self, high_precision: bool) -> Result<(), Malformed> {
        const BITS: u32 = 12;
        const TRANSLATION_BITS: u32 = 9;
        for _ in 0..REFERENCES {
            let (parameters, bits) = if !self.bits.flag()? {
                (0, 0)
            } else if self.bits.flag()? {
                // Rotation and zoom, then translation.
                (2 + 2, BITS)
            } else if self.bits.flag()? {
                (2, TRANSLATION_BITS - u32::from(!high_precision))
            } else {
                (4 + 2, BITS)
            };
            for _ in 0..parameters {
                self.subexponential((2 << bits) + 1)?;
            }
        }
        Ok(())
    }

    /// Reads a `decode_subexp`, one of the numbers below `limit`; section 5.9.28.
    fn subexponential(&mut self, limit: u32) -> Result<(), Malformed> {
        let mut least = 0;
        for step in 0.. {
            let count = 3 + u32::saturating_sub(step, 1);
            if limit <= least + (3 << count) {
                return self.bits.below(limit - least).map(drop);
            }
            let more = self.bits.flag()?;
            if !more {
                return self.bits.skip(count);
            }
            least += 1 << count;
        }
        Ok(())
    }
}

/// Computes the least `k` for which `size` times 2^k is `target`; section 5.9.16.
fn tile_log2(size: u32, target: u32) -> u32 {
    target.div_ceil(size).next_power_of_two().ilog2()
}

/// Tells whether a frame's header says something of the skip mode, which needs two references on either side or before
/// it; section 5.9.22.
fn allows_skip_mode(bits: u32, order_hint: u32, references: [u32; REFERENCES]) -> bool {
    let distance = |a, b| order_distance(bits, a, b);
    let earlier = references.into_iter().filter(|&hint| distance(hint, order_hint) < 0);
    let Some(latest) = earlier.reduce(|a, b| if distance(b, a) > 0 { b } else { a }) else { return false };
    references.into_iter().any(|hint| distance(hint, order_hint) > 0 || distance(hint, latest) < 0)
}
