//! The frames that later ones refer to, as far as frame headers depend on them.

use super::obu::Malformed;
use crate::geometry::Size;

/// Places where decoded frames are kept (`NUM_REF_FRAMES`).
pub(super) const SLOTS: usize = 8;
/// Frames that a frame refers to (`REFS_PER_FRAME`): last, last 2, last 3, golden, backward, alternative 2, alternative.
pub(super) const REFERENCES: usize = 7;
/// Segments of a frame (`MAX_SEGMENTS`).
pub(super) const SEGMENTS: usize = 8;

/// What a quantiser index of a frame is changed by in each segment, -255 to 255; none where it stays.
pub(super) type SegmentQuantisers = [Option<i32>; SEGMENTS];

/// A decoded frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// It is a key frame.
    pub(super) key: bool,
    pub(super) order_hint: u32,
    /// Its size after super-resolution.
    pub(super) size: Size,
    pub(super) quantisers: SegmentQuantisers,
    /// It has film grain.
    pub(super) grain: bool,
}

/// The decoded frames that are kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct References([Option<Reference>; SLOTS]);

impl References {
    /// Returns the frame in a slot.
    pub(super) fn get(&self, slot: usize) -> Result<&Reference, Malformed> {
        let missing = Malformed::Invalid("a reference to a frame that is not there");
        self.0.get(slot).and_then(Option::as_ref).ok_or(missing)
    }

    /// Puts a frame into each slot whose bit is set; section 7.20.
    pub(super) fn refresh(&mut self, slots: u8, frame: Reference) {
        for (index, slot) in self.0.iter_mut().enumerate() {
            if slots >> index & 1 == 1 {
                *slot = Some(frame);
            }
        }
    }

    /// Shows the frame in a slot. A key frame takes all slots then; sections 5.9.2 and 7.21.
    pub(super) fn show(&mut self, slot: usize) -> Result<(), Malformed> {
        let shown = *self.get(slot)?;
        if shown.key {
            self.refresh(u8::MAX, shown);
        }
        Ok(())
    }

    /// Returns the order hints of all slots; 0 where there is no frame.
    pub(super) fn order_hints(&self) -> [u32; SLOTS] {
        self.0.map(|slot| slot.map_or(0, |reference| reference.order_hint))
    }
}

/// Computes how much later `a` is shown than `b`, as far as order hints of `bits` bits tell; section 5.9.3.
pub(super) fn order_distance(bits: u32, a: u32, b: u32) -> i32 {
    if bits == 0 {
        return 0;
    }
    let difference = a.cast_signed() - b.cast_signed();
    let sign = 1 << (bits - 1);
    (difference & (sign - 1)) - (difference & sign)
}

/// Finds the slots that a frame refers to which names only its last and golden frame; section 7.8. `distances` are how
/// much later than it the frame of each slot is shown.
pub(super) fn implied_references(last: usize, golden: usize, distances: [i32; SLOTS]) -> [usize; REFERENCES] {
    const LAST: usize = 0;
    const GOLDEN: usize = 3;
    const ALTERNATIVE: usize = 6;
    let mut chosen = [None; REFERENCES];
    chosen[LAST] = Some(last);
    chosen[GOLDEN] = Some(golden);
    let mut free: Vec<_> = (0..SLOTS).filter(|&slot| slot != last && slot != golden).collect();
    // First frames that are shown later: the latest, then the nearest ones; what is left are earlier ones, from the latest.
    let backward = [ALTERNATIVE, 4, 5].map(|index| (index, true));
    let forward = [1, 2, 4, 5, ALTERNATIVE].map(|index| (index, false));
    for (index, backward) in backward.into_iter().chain(forward) {
        if chosen[index].is_some() {
            continue;
        }
        let candidates = free.iter().copied().filter(|&slot| (distances[slot] >= 0) == backward);
        chosen[index] = if backward && index != ALTERNATIVE {
            candidates.min_by_key(|&slot| distances[slot])
        } else {
            candidates.max_by_key(|&slot| distances[slot])
        };
        free.retain(|&slot| chosen[index] != Some(slot));
    }
    let earliest = (0..SLOTS).min_by_key(|&slot| distances[slot]).unwrap_or(0);
    chosen.map(|slot| slot.unwrap_or(earliest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_go_around() {
        let distances = [(3, 1), (1, 3), (7, 0), (0, 7), (4, 0), (5, 5)].map(|(a, b)| order_distance(3, a, b));
        assert_eq!(distances, [2, -2, -1, 1, -4, 0]);
        assert_eq!(order_distance(0, 5, 1), 0);
    }

    #[test]
    fn references_that_are_not_named_go_by_time() {
        // A pyramid: two later frames, five earlier ones, and one that is there twice.
        assert_eq!(implied_references(2, 0, [-16, -2, -1, -3, 8, 4, -4, -3]), [2, 1, 7, 0, 5, 3, 4]);
        // Only earlier frames.
        assert_eq!(implied_references(0, 7, [-1, -2, -3, -4, -5, -6, -7, -8]), [0, 1, 2, 7, 3, 4, 5]);
        // After a key frame all are the same, and later slots come first.
        assert_eq!(implied_references(0, 0, [-1; 8]), [0, 7, 6, 0, 5, 4, 3]);
        // Only later frames are left: the latest, the two nearest, and then the earliest of all.
        assert_eq!(implied_references(0, 0, [-1, 1, 2, 3, 4, 5, 6, 7]), [0, 0, 0, 0, 1, 2, 7]);
    }

    #[test]
    fn a_key_frame_that_is_shown_later_takes_all_slots() {
        let size = Size { width: 64, height: 64 };
        let frame = |key, order_hint| Reference { key, order_hint, size, quantisers: [None; SEGMENTS], grain: key };
        let mut references = References::default();
        assert!(references.get(3).is_err() && references.show(3).is_err());
        references.refresh(0b1111_0111, frame(false, 1));
        references.refresh(0b0000_1000, frame(true, 2));
        references.show(0).unwrap();
        assert_eq!(references.order_hints(), [1, 1, 1, 2, 1, 1, 1, 1]);
        references.show(3).unwrap();
        assert_eq!(references.order_hints(), [2; 8]);
    }
}
