//! Who is who in the shots of a scene: the same person, by the colours of the clothes.

use super::subjects::Subject;

/// Shots for which somebody who is not seen is remembered.
const SCENE: usize = 8;
/// The farthest apart that the colours of one person's clothes are, as [`distance`] measures: to take two people for one is worse
/// than to take one for two.
const ALIKE: u32 = 12;
/// Another person's are at least so much farther away.
const CLEARLY: u32 = 8;
/// Luma of clothes in good light: what is darker differs by less. And the least by which that is made up for.
const LIT: [u32; 2] = [96, 24];
/// How much more somebody matters who was held in one of the shots before.
const HELD_BEFORE: f64 = 1.15;

/// Those who were seen so far.
#[derive(Debug, Default)]
pub(super) struct People {
    known: Vec<Person>,
    shot: usize,
    last_id: u32,
}

#[derive(Debug)]
struct Person {
    id: u32,
    clothes: [u8; 6],
    /// The last shot in which it was seen.
    shot: usize,
    held: bool,
}

impl People {
    /// Gives each of those who are in the next shot the number of whom it is, the most important first; those who were held before
    /// matter a little more.
    pub(super) fn recognise(&mut self, subjects: &mut [Subject]) {
        self.shot += 1;
        let shot = self.shot;
        self.known.retain(|person| person.shot + SCENE >= shot);
        let mut taken = vec![false; self.known.len()];
        for subject in &mut *subjects {
            let known = subject.clothes.and_then(|clothes| self.nearest(clothes, &taken));
            subject.id = match known {
                Some(index) => {
                    taken[index] = true;
                    let person = &self.known[index];
                    if person.held {
                        subject.importance *= HELD_BEFORE;
                    }
                    person.id
                }
                None => {
                    self.last_id += 1;
                    self.last_id
                }
            };
        }
        subjects.sort_by(|a, b| b.importance.total_cmp(&a.importance));
    }

    /// Remembers those who were in the shot, and whom of them the window held.
    pub(super) fn remember(&mut self, subjects: &[Subject], held: &[bool]) {
        for (subject, &held) in subjects.iter().zip(held) {
            let Some(clothes) = subject.clothes else { continue };
            self.known.retain(|person| person.id != subject.id);
            self.known.push(Person { id: subject.id, clothes, shot: self.shot, held });
        }
    }

    /// The one whose clothes are like these, and nobody else's nearly as much.
    fn nearest(&self, clothes: [u8; 6], taken: &[bool]) -> Option<usize> {
        let mut near: Vec<_> =
            self.known.iter().enumerate().map(|(index, person)| (distance(person.clothes, clothes), index)).collect();
        near.sort_unstable();
        let &(least, index) = near.first()?;
        let clear = near.get(1).is_none_or(|&(next, _)| next >= least + CLEARLY);
        (least <= ALIKE && clear && !taken[index]).then_some(index)
    }
}

/// Measures how far apart two pairs of colours are, as they would be in good light. Brightness changes with the light, and counts for half.
fn distance(a: [u8; 6], b: [u8; 6]) -> u32 {
    let half = |half: usize| {
        let [luma, cb, cr] = [0, 1, 2].map(|plane| u32::from(a[3 * half + plane].abs_diff(b[3 * half + plane])));
        luma / 2 + cb + cr
    };
    let luma = [a, b].map(|colours| (u32::from(colours[0]) + u32::from(colours[3])) / 2);
    let [lit, least] = LIT;
    (half(0) + half(1)) * lit / luma[0].min(luma[1]).clamp(least, lit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::SubjectKind;

    const RED: [u8; 6] = [90, 110, 170, 60, 125, 132];
    const BLUE: [u8; 6] = [80, 150, 115, 60, 125, 132];

    fn wearing(clothes: &[Option<[u8; 6]>]) -> Vec<Subject> {
        clothes.iter().map(|&clothes| Subject::unseen(SubjectKind::Face, clothes, 0.5)).collect()
    }

    fn ids(people: &mut People, clothes: &[Option<[u8; 6]>], held: &[bool]) -> Vec<u32> {
        let mut subjects = wearing(clothes);
        people.recognise(&mut subjects);
        people.remember(&subjects, held);
        subjects.iter().map(|subject| subject.id).collect()
    }

    #[test]
    fn shot_and_reverse_shot_have_two_people() {
        let mut people = People::default();
        let redder = [94, 109, 171, 58, 125, 132];
        assert_eq!(ids(&mut people, &[Some(RED)], &[true]), [1]);
        assert_eq!(ids(&mut people, &[Some(BLUE)], &[true]), [2]);
        assert_eq!(ids(&mut people, &[Some(redder)], &[true]), [1]);
        assert_eq!(ids(&mut people, &[Some(BLUE)], &[true]), [2]);
        // Both, and one whose clothes are not seen.
        assert_eq!(ids(&mut people, &[Some(RED), Some(BLUE), None], &[true, true, false]), [1, 2, 3]);
        // Two who wear the same are two.
        assert_eq!(ids(&mut people, &[Some(RED), Some(RED)], &[true, true]), [1, 4]);
    }

    #[test]
    fn in_the_dark_less_makes_a_difference_and_after_a_scene_nobody_is_known() {
        let mut people = People::default();
        assert_eq!(ids(&mut people, &[Some([36, 126, 130, 42, 124, 132])], &[true]), [1]);
        assert_eq!(ids(&mut people, &[Some([35, 126, 130, 36, 126, 131])], &[true]), [2]);
        assert_eq!(ids(&mut people, &[Some(RED)], &[true]), [3]);
        for _ in 0..=SCENE {
            ids(&mut people, &[], &[]);
        }
        assert_eq!(ids(&mut people, &[Some(RED)], &[true]), [4]);
    }

    #[test]
    fn who_was_held_matters_more_than_an_equal() {
        let mut people = People::default();
        ids(&mut people, &[Some(BLUE)], &[true]);
        let mut subjects = wearing(&[Some(RED), Some(BLUE)]);
        people.recognise(&mut subjects);
        assert_eq!(subjects.iter().map(|subject| subject.id).collect::<Vec<_>>(), [1, 2]);
        assert!(subjects[0].importance > subjects[1].importance);
    }
}
