//! What is known of the places of a film beforehand: its ends, its shots and the text in it.

use crate::plan::Plan;
use crate::time::Time;

/// Parts of a film at its ends that titles and credits may have, and how many seconds they have at most.
const BEGINNING: (f64, f64) = (0.05, 60.0);
const END: (f64, f64) = (0.08, 300.0);
/// Seconds around a cut in which there may be a dissolve.
const DISSOLVE: f64 = 0.4;

/// The places of a film.
pub(super) struct Places {
    /// When it ends.
    pub(super) seconds: f64,
    /// Times between shots, in rising order.
    cuts: Vec<f64>,
    /// From when to when there is text in the picture: laid into it anew, or burnt in.
    texts: Vec<[f64; 2]>,
}

impl Places {
    /// Those of a film that lasts so many seconds.
    pub(super) fn of(plan: &Plan, seconds: f64) -> Self {
        let shots = &plan.wanted.shots;
        let at = |time: Time| time.seconds().as_f64();
        let captions = shots.iter().flat_map(|shot| &shot.captions);
        let burnt_in = plan.wanted.burn_in.iter().flat_map(|text| &text.cues);
        let burnt_in = burnt_in.map(|cue| [at(cue.start), at(cue.end)]);
        Self {
            seconds,
            cuts: shots.iter().skip(1).map(|shot| at(shot.start)).collect(),
            texts: captions.map(|caption| [at(caption.from), at(caption.to)]).chain(burnt_in).collect(),
        }
    }

    /// Gives what a still counts there, from 0 to 1: less at the ends of the film, near cuts, and with text in it.
    pub(super) fn factor(&self, at: f64) -> f32 {
        let [begins, ends] = [BEGINNING, END].map(|(part, most)| (self.seconds * part).min(most));
        let is_at_end = at < begins || at > self.seconds - ends;
        let is_by_cut = self.cuts.iter().any(|cut| (cut - at).abs() < DISSOLVE);
        let has_text = self.texts.iter().any(|[from, to]| (from..to).contains(&&at));
        [(is_at_end, 0.4), (is_by_cut, 0.6), (has_text, 0.6)]
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, less)| less)
            .product()
    }

    /// Gives so many seconds around a place, as far as they are of its shot.
    pub(super) fn around(&self, at: f64, seconds: f64) -> [f64; 2] {
        let next = self.cuts.partition_point(|cut| *cut <= at);
        let begins = next.checked_sub(1).map_or(0.0, |before| self.cuts[before]);
        let ends = self.cuts.get(next).copied().unwrap_or(self.seconds);
        // The last frame before a cut begins earlier than that.
        [(at - seconds).max(begins), (at + seconds).min(ends - 0.02)]
    }

    /// Gives the times between shots.
    pub(super) fn cuts(&self) -> impl Iterator<Item = f64> {
        self.cuts.iter().copied()
    }

    /// Counts the cuts between two times.
    pub(super) fn cuts_between(&self, from: f64, to: f64) -> usize {
        self.cuts.iter().filter(|cut| (from..to).contains(cut)).count()
    }
}
