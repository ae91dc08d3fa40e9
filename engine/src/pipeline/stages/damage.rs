//! What was wrong with the source, added up and judged.

use crate::error::Remedy;
use crate::source::{Damage, SilentSide};

/// Finds a reason to refuse a source where no damage is accepted. Where its clock begins anew nothing is lost, which is no
/// damage.
pub(super) fn refusal(damage: &Damage) -> Option<(String, Remedy)> {
    let Damage {
        damaged_frames,
        damaged_audio_packets,
        sound_lost,
        ref silent_sides,
        first_at,
        truncated_at,
        retimed_frames,
        time_jumps: _,
        missing_bytes,
    } = *damage;
    if missing_bytes > 0 {
        let why = format!("is cut short by {missing_bytes} bytes; accept damage to convert what is there");
        Some((why, Remedy::AcceptDamage))
    } else if damaged_frames + damaged_audio_packets > 0 {
        let at = first_at.map_or_else(String::new, |at| format!(" at {at:.3} s"));
        Some((format!("damaged{at}; accept damage to convert what is whole"), Remedy::AcceptDamage))
    } else if sound_lost {
        let why = "its sound cannot be decoded; accept damage to convert the picture, or leave out the sound";
        Some((why.to_owned(), Remedy::AcceptLostSound))
    } else if let Some(SilentSide { track, .. }) = silent_sides.first() {
        let why = format!(
            "its audio track {track} is one side of a sound and silent; accept damage to have the other side alone, or choose \
             that track alone"
        );
        Some((why, Remedy::AcceptLostSound))
    } else if retimed_frames > 0 {
        let why = "has frames whose times are missing or wrong; accept damage to put each after the one before";
        Some((why.to_owned(), Remedy::AcceptDamage))
    } else {
        truncated_at.map(|at| {
            let why = format!("ends early, at {at:.3} s; accept damage to convert what is there");
            (why, Remedy::AcceptDamage)
        })
    }
}

/// Adds what was wrong in a segment.
pub(super) fn add(sum: &mut Damage, segment: &Damage) {
    sum.damaged_frames += segment.damaged_frames;
    sum.retimed_frames += segment.retimed_frames;
    sum.first_at = match (sum.first_at, segment.first_at) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
}

/// Finds what went wrong in the pictures since `before`.
pub(super) fn since(now: &Damage, before: &Damage) -> Damage {
    Damage {
        damaged_frames: now.damaged_frames.saturating_sub(before.damaged_frames),
        retimed_frames: now.retimed_frames.saturating_sub(before.retimed_frames),
        first_at: if before.first_at.is_none() { now.first_at } else { None },
        ..Damage::default()
    }
}

/// Describes what was wrong with the film: with its pictures as `segments` says, and else as `source` does.
pub(super) fn with_pictures_of(source: &Damage, segments: &Damage) -> Damage {
    let Damage { damaged_frames, retimed_frames, first_at, .. } = *segments;
    Damage { damaged_frames, retimed_frames, first_at, ..source.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_damage_adds_up_to_the_films() {
        let of = |damaged_frames, retimed_frames, first_at| Damage {
            damaged_frames,
            retimed_frames,
            first_at,
            ..Damage::default()
        };
        let (none, half, whole) = (of(0, 0, None), of(2, 1, Some(3.0)), of(5, 1, Some(3.0)));
        assert_eq!(since(&half, &none), half);
        assert_eq!(since(&whole, &half), of(3, 0, None));
        let mut sum = none;
        [since(&half, &Damage::default()), since(&whole, &half)].iter().for_each(|part| add(&mut sum, part));
        assert_eq!(sum, whole);
    }
}
