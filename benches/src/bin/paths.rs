//! Compares camera paths with people's: each human crop track of RetargetVid is seen through a simulated detector, solved, and
//! compared with the track. `zcat human-crops-1x3.csv.gz | cargo run --release --bin paths` prints JSON.

use clap::Parser;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, BufRead};
use upright_benches::Result;
use upright_engine::framing::{FOLLOWING, PLACE, PathCosts, eased, least_cost};

/// Frames from one sighting to the next: five a second of thirty frames.
const EVERY: usize = 6;
/// Frames of a step.
const STEP: usize = 3;
/// The 1:3 window's width, and the 9:16 window's, as parts of the picture's (640 by 360).
const NARROW: f64 = 120.0 / 640.0;
const WIDE: f64 = 202.5 / 640.0;
/// A window that moves by less than this in a frame is at rest, as a part of the width.
const REST: f64 = 0.0005;

/// Compares camera paths with people's.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which half of the clips: the first of every two, on which parameters were chosen, the second, or all
    #[arg(long, default_value = "second", value_parser = ["first", "second", "all"])]
    clips: String,
    /// Costs in place of those that the engine uses, to choose them: moving,change,distance
    #[arg(long, value_delimiter = ',')]
    costs: Vec<f64>,
    /// Steps of the smoothing's sigma
    #[arg(long)]
    sigma: Option<f64>,
    /// Distances that are near enough, and that count as lost, as parts of the width
    #[arg(long, value_delimiter = ',', default_value = "0.0125,0.14")]
    near: Vec<f64>,
    /// Sightings are averaged with neighbours, as a Gaussian of so many sightings weights them
    #[arg(long, default_value_t = 0.0)]
    average: f64,
}

/// Figures over all tracks.
#[derive(Debug, Default, Serialize)]
struct Figures {
    tracks: usize,
    frames: usize,
    /// Mean overlap of the 1:3 window with the human's.
    iou: f64,
    /// Part of the frames in which the 9:16 window holds the human's.
    held: f64,
    /// Part of the frames at rest.
    rest: f64,
    /// Changes of direction in a hundred frames.
    reversals: f64,
}

/// Numbers that look random, the same everywhere (Steele, Lea and Flood: SplitMix64, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        #[expect(clippy::cast_precision_loss, reason = "53 bits")]
        let part = ((value ^ (value >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
        part
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.next()).ln()).sqrt() * (std::f64::consts::TAU * self.next()).cos()
    }
}

/// Centres of a track as a detector sees them: noise of 1.5% of the width, 12% not seen, and now and then somebody else for up to
/// a second.
fn seen(track: &[f64], random: &mut Random) -> Vec<(usize, f64)> {
    let mut sightings = Vec::new();
    let mut other = None;
    for frame in (0..track.len()).step_by(EVERY) {
        other = match other {
            Some((left, place)) if left > 1 => Some((left - 1, place)),
            _ if random.next() < 0.02 => Some((2 + usize::from(random.next() < 0.5) * 2, random.next())),
            _ => None,
        };
        if random.next() < 0.12 {
            continue;
        }
        let place = other.map_or(track[frame], |(_, place)| place);
        sightings.push((frame, place + 0.015 * random.normal()));
    }
    sightings
}

fn averaged(sightings: &[(usize, f64)], sigma: f64) -> Vec<(usize, f64)> {
    if sigma <= 0.0 {
        return sightings.to_vec();
    }
    let mean = |at: usize| {
        let (mut sum, mut all) = (0.0, 0.0);
        for (other, &(_, place)) in sightings.iter().enumerate() {
            // Somebody else is not averaged in.
            if at.abs_diff(other) <= 3 && (place - sightings[at].1).abs() < 0.08 {
                #[expect(clippy::cast_precision_loss, reason = "up to 3")]
                let weight = (-0.5 * (at.abs_diff(other) as f64 / sigma).powi(2)).exp();
                sum += place * weight;
                all += weight;
            }
        }
        sum / all
    };
    sightings.iter().enumerate().map(|(at, &(frame, _))| (frame, mean(at))).collect()
}

fn solve(frames: usize, sightings: &[(usize, f64)], arguments: &Arguments) -> Vec<f64> {
    let [near, lost] = [arguments.near[0], arguments.near[1]];
    let first = NARROW / 2.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred")]
    let places = ((1.0 - NARROW) / PLACE) as usize + 1;
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let place = |place: usize| first + place as f64 * PLACE;
    let costs: Vec<Vec<f32>> = (0..=frames / STEP)
        .map(|step| {
            let frame = step * STEP;
            let after = sightings.partition_point(|&(at, _)| at <= frame);
            let wanted = match (after.checked_sub(1).map(|it| sightings[it]), sightings.get(after)) {
                (Some((a, from)), Some(&(b, to))) => {
                    #[expect(clippy::cast_precision_loss, reason = "frames of a clip")]
                    let part = (frame - a) as f64 / (b - a) as f64;
                    from + (to - from) * part
                }
                (Some((_, only)), None) | (None, Some(&(_, only))) => only,
                (None, None) => 0.5,
            };
            #[expect(clippy::cast_possible_truncation, reason = "costs are small")]
            let cost = |at: usize| (((place(at) - wanted).abs() - near).max(0.0).min(lost) / lost) as f32;
            (0..places).map(cost).collect()
        })
        .collect();
    let mut following: PathCosts = FOLLOWING;
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let fastest = 0.009 * STEP as f64;
    following.fastest = fastest;
    if let [moving, change, distance] = arguments.costs[..] {
        following = PathCosts { moving, change, distance, ..following };
    }
    following.jump = f64::INFINITY;
    let path: Vec<f64> = least_cost(&costs, &following).into_iter().map(place).collect();
    let path = eased(&path, arguments.sigma.unwrap_or(upright_engine::framing::SIGMA));
    (0..frames)
        .map(|frame| {
            let (step, rest) = (frame / STEP, frame % STEP);
            let next = path[(step + 1).min(path.len() - 1)];
            #[expect(clippy::cast_precision_loss, reason = "frames of a step")]
            let part = rest as f64 / STEP as f64;
            path[step] + (next - path[step]) * part
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of frames")]
fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut clips: BTreeMap<u32, Vec<Vec<f64>>> = BTreeMap::new();
    for line in io::stdin().lock().lines().skip(1) {
        let line = line?;
        let numbers: Vec<f64> = line.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
        let clip = clips.entry(numbers[0] as u32).or_insert_with(|| vec![Vec::new(); 6]);
        for (track, left) in clip.iter_mut().zip(&numbers[4..10]) {
            track.push((left + 60.0) / 640.0);
        }
    }
    let mut figures = Figures::default();
    for (place, (&number, tracks)) in clips.iter().enumerate() {
        let wanted = match arguments.clips.as_str() {
            "first" => place % 2 == 0,
            "second" => place % 2 == 1,
            _ => true,
        };
        for (person, track) in tracks.iter().enumerate().filter(|_| wanted) {
            let mut random = Random(u64::from(number) * 6 + person as u64);
            let sightings = averaged(&seen(track, &mut random), arguments.average);
            let path = solve(track.len(), &sightings, &arguments);
            figures.tracks += 1;
            figures.frames += track.len();
            let mut direction = 0.0;
            for (frame, (&here, &human)) in path.iter().zip(track).enumerate() {
                let apart = (here - human).abs();
                figures.iou += (NARROW - apart).max(0.0) / (NARROW + apart);
                let wide = here.clamp(WIDE / 2.0, 1.0 - WIDE / 2.0);
                let inside = human - NARROW / 2.0 >= wide - WIDE / 2.0 - 1e-9
                    && human + NARROW / 2.0 <= wide + WIDE / 2.0 + 1e-9;
                figures.held += f64::from(u8::from(inside));
                let moved = if frame == 0 { 0.0 } else { here - path[frame - 1] };
                if moved.abs() < REST {
                    figures.rest += 1.0;
                } else {
                    figures.reversals += f64::from(u8::from(direction * moved < 0.0));
                    direction = moved.signum();
                }
            }
        }
    }
    let frames = figures.frames.max(1) as f64;
    for figure in [&mut figures.iou, &mut figures.held, &mut figures.rest] {
        *figure /= frames;
    }
    figures.reversals *= 100.0 / frames;
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}
