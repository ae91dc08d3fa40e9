//! The camera's path through a shot, along one axis: a dynamic programme over places and speeds.

/// What a path costs, in the unit of the costs of places. Places and speeds are in parts of the picture's width, or height where
/// the window goes up and down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathCosts {
    /// Each step of motion.
    pub moving: f64,
    /// A change of speed by the whole width a step.
    pub change: f64,
    /// The whole width.
    pub distance: f64,
    /// The fastest, in parts of the width a step.
    pub fastest: f64,
    /// A jump from rest to rest; infinite where there is none.
    pub jump: f64,
    /// What is farther away than this is jumped to.
    pub farthest_pan: f64,
}

/// What the window's paths cost where what matters most is lost for a step at 1.
pub const FOLLOWING: PathCosts =
    PathCosts { moving: 0.1, change: 6.0, distance: 1.2, fastest: 0.02, jump: 12.0, farthest_pan: f64::INFINITY };
/// Steps of the sigma with which paths are smoothed.
pub const SIGMA: f64 = 2.0;
/// Distance between two places that a path may have, in parts of the width.
pub const PLACE: f64 = 0.0025;
/// In place of the speed before, that a place was jumped to.
const JUMPED: u8 = u8::MAX;
/// Steps that are decided on together: memory is for these, however long a shot is.
const STRETCH: usize = 6000;
/// Changes of speed from one step to the next, in places.
const CHANGES: i32 = 3;

/// Finds the path of the least cost. `costs` has for each step the cost of every place; gives a place for each step. Of equal
/// paths the one that stands still wins.
pub fn least_cost(costs: &[Vec<f32>], path: &PathCosts) -> Vec<usize> {
    let mut all: Vec<usize> = Vec::with_capacity(costs.len());
    for stretch in costs.chunks(STRETCH) {
        all.extend(least_cost_from(all.last().copied(), stretch, path));
    }
    all
}

/// The same for a stretch, which begins at rest, where the one before has ended.
fn least_cost_from(start: Option<usize>, costs: &[Vec<f32>], path: &PathCosts) -> Vec<usize> {
    let places = costs.first().map_or(0, Vec::len);
    if places == 0 {
        return vec![0; costs.len()];
    }
    #[expect(clippy::cast_possible_truncation, reason = "a few places")]
    let fastest = ((path.fastest / PLACE).floor() as i32).clamp(1, 60);
    // Rest first, so that it wins where all are equal.
    let mut speeds: Vec<i32> = (-fastest..=fastest).collect();
    speeds.sort_by_key(|speed| (speed.abs(), *speed));
    #[expect(clippy::cast_possible_truncation, reason = "costs are small")]
    let [moving, change, distance] = [path.moving, path.change * PLACE, path.distance * PLACE].map(|cost| cost as f32);
    #[expect(clippy::cast_precision_loss, reason = "a few places")]
    let amount = |count: i32| count.unsigned_abs() as f32;
    // For every speed, the speeds that it may follow and what that costs.
    let followed: Vec<Vec<(usize, f32)>> = speeds
        .iter()
        .map(|&speed| {
            let from = speeds.iter().enumerate().filter(|(_, from)| (speed - **from).abs() <= CHANGES);
            from.map(|(index, &from)| (index, change * amount(speed - from))).collect()
        })
        .collect();
    let own: Vec<f32> =
        speeds.iter().map(|&speed| if speed == 0 { 0.0 } else { moving + distance * amount(speed) }).collect();

    let states = places * speeds.len();
    let begins = |place: usize| place < places && start.is_none_or(|start| place == start.min(places - 1));
    let mut best: Vec<f32> =
        (0..states).map(|state| if begins(state) { costs[0][state] } else { f32::INFINITY }).collect();
    let mut came_from: Vec<Vec<u8>> = Vec::with_capacity(costs.len());
    let mut jumped_from: Vec<u32> = Vec::with_capacity(costs.len());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred places")]
    let farthest = (path.farthest_pan / PLACE) as usize;
    #[expect(clippy::cast_possible_truncation, reason = "costs are small")]
    let jump = path.jump as f32;
    for costs in &costs[1..] {
        let mut next = vec![f32::INFINITY; states];
        let mut from = vec![0_u8; states];
        for (number, &speed) in speeds.iter().enumerate() {
            let (next, from) = (&mut next[number * places..][..places], &mut from[number * places..][..places]);
            for &(earlier, cost) in &followed[number] {
                let before = &best[earlier * places..][..places];
                let shift = speed.unsigned_abs() as usize;
                // With this speed, place `x` is reached from `x - speed`.
                let (first, before) =
                    if speed >= 0 { (shift.min(places), before) } else { (0, &before[shift.min(places)..]) };
                let cost = cost + own[number];
                #[expect(clippy::cast_possible_truncation, reason = "at most 121 speeds")]
                let earlier = earlier as u8;
                for ((next, from), before) in next[first..].iter_mut().zip(&mut from[first..]).zip(before) {
                    let total = before + cost;
                    if total < *next {
                        (*next, *from) = (total, earlier);
                    }
                }
            }
        }
        // A jump is from the best of all places at rest, which the speeds begin with.
        let standing = (0..places).min_by(|&a, &b| best[a].total_cmp(&best[b])).unwrap_or(0);
        let total = best[standing] + jump;
        for (place, (next, from)) in next[..places].iter_mut().zip(&mut from[..places]).enumerate() {
            if total < *next && place.abs_diff(standing) > farthest {
                (*next, *from) = (total, JUMPED);
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "a few hundred places")]
        jumped_from.push(standing as u32);
        for of_speed in next.chunks_exact_mut(places) {
            for (total, cost) in of_speed.iter_mut().zip(costs) {
                *total += cost;
            }
        }
        best = next;
        came_from.push(from);
    }
    let mut state = (0..states).min_by(|&a, &b| best[a].total_cmp(&best[b])).unwrap_or(0);
    let mut path = vec![state % places];
    for (from, &standing) in came_from.iter().zip(&jumped_from).rev() {
        let (speed, place) = (speeds[state / places], state % places);
        let (earlier, before) = match from[state] {
            JUMPED => (0, standing as usize),
            earlier => (usize::from(earlier), place.saturating_add_signed(-speed as isize)),
        };
        state = earlier * places + before;
        path.push(before);
    }
    path.reverse();
    path
}

/// Smooths a path: each place becomes the mean of those around it, as a Gaussian of so many steps weights them, but not beyond
/// where it stands still for `still` steps, so that what rests does.
pub fn eased(path: &[f64], sigma: f64) -> Vec<f64> {
    if sigma <= 0.0 {
        return path.to_vec();
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few steps")]
    let reach = (3.0 * sigma).ceil() as usize;
    #[expect(clippy::cast_precision_loss, reason = "a few steps")]
    let weights: Vec<f64> = (0..=reach).map(|step| (-0.5 * (step as f64 / sigma).powi(2)).exp()).collect();
    let at = |step: isize| path[step.clamp(0, path.len() as isize - 1) as usize];
    (0..path.len() as isize)
        .map(|step| {
            let mut sum = at(step) * weights[0];
            let mut total = weights[0];
            for (distance, weight) in weights.iter().enumerate().skip(1) {
                sum += weight * (at(step - distance as isize) + at(step + distance as isize));
                total += 2.0 * weight;
            }
            sum / total
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cost of being away from where one is wanted, at every step.
    fn away(wanted: &[usize], places: usize) -> Vec<Vec<f32>> {
        let cost = |wanted: usize, place: usize| (wanted.abs_diff(place) as f32 / 40.0).min(1.0);
        wanted.iter().map(|&wanted| (0..places).map(|place| cost(wanted, place)).collect()).collect()
    }

    fn solved(wanted: &[usize]) -> Vec<usize> {
        least_cost(&away(wanted, 200), &FOLLOWING)
    }

    #[test]
    fn what_trembles_is_stood_still_for() {
        let wanted: Vec<_> = (0..100).map(|step| 80 + step * 7 % 5).collect();
        let path = solved(&wanted);
        assert!(path.iter().all(|&place| place == path[0] && place.abs_diff(82) <= 2), "{path:?}");
        assert!(least_cost(&[], &FOLLOWING).is_empty());
        assert_eq!(least_cost(&away(&[7], 200), &FOLLOWING), [7]);
    }

    #[test]
    fn what_moves_is_followed_no_faster_than_is_allowed() {
        let wanted: Vec<_> =
            (0..120).map(|step| if step < 40 { 20 } else { (20 + (step - 40) * 3).min(180) }).collect();
        let path = solved(&wanted);
        let fastest = (FOLLOWING.fastest / PLACE) as usize;
        assert!(path.windows(2).all(|pair| pair[0].abs_diff(pair[1]) <= fastest));
        assert!(
            path[..30].iter().all(|&place| place.abs_diff(20) <= 3)
                && path[110..].iter().all(|&place| place.abs_diff(180) <= 3)
        );
    }

    #[test]
    fn somebody_else_for_a_moment_is_passed_over_and_for_long_is_jumped_to() {
        let burst = |length: usize| {
            (0..120).map(|step| if (50..50 + length).contains(&step) { 170 } else { 30 }).collect::<Vec<_>>()
        };
        let jumping = PathCosts { farthest_pan: 40.0 * PLACE, ..FOLLOWING };
        let path = least_cost(&away(&burst(6), 200), &jumping);
        assert!(path.iter().all(|&place| place.abs_diff(30) <= 2), "{path:?}");
        let path = least_cost(&away(&burst(70), 200), &jumping);
        let jumps: Vec<_> =
            path.windows(2).enumerate().filter(|(_, pair)| pair[0].abs_diff(pair[1]) > 40).map(|it| it.0).collect();
        assert_eq!(jumps, [49], "{path:?}");
        // Never aimed at what is between.
        assert!(path.iter().all(|&place| place.abs_diff(30) <= 2 || place.abs_diff(170) <= 2));
    }

    #[test]
    fn a_mirrored_film_has_a_mirrored_path() {
        let wanted: Vec<_> = (0..90_usize).map(|step| 40 + (step * step / 60) % 97).collect();
        let mirrored: Vec<_> = wanted.iter().map(|place| 199 - place).collect();
        let back: Vec<_> = solved(&mirrored).iter().map(|place| 199 - place).collect();
        let cost = |path: &[usize], wanted: &[usize]| -> f32 {
            let costs = away(wanted, 200);
            path.iter().zip(&costs).map(|(&place, costs)| costs[place]).sum()
        };
        // Of equal paths either may win.
        assert!((cost(&solved(&wanted), &wanted) - cost(&back, &wanted)).abs() < 0.3);
    }

    #[test]
    fn smoothing_keeps_what_rests_and_the_ends() {
        let path: Vec<f64> = (0..60).map(|step| if step < 30 { 0.2 } else { 0.4 }).collect();
        let smooth = eased(&path, 2.0);
        assert!((smooth[10] - 0.2).abs() < 1e-9 && (smooth[59] - 0.4).abs() < 1e-9);
        assert!(smooth.windows(2).all(|pair| pair[1] >= pair[0] - 1e-12 && pair[1] - pair[0] < 0.05));
        assert_eq!(eased(&path, 0.0), path);
    }
}
