//! What the rounds come to: ratios with least, median and most.

use super::{Contest, Scaling};
use crate::command::Cost;
use serde::Serialize;

/// Contenders by name.
#[expect(missing_docs, reason = "the names say it")]
pub mod names {
    pub const OURS_SVT: &str = "upright, libsvtav1";
    pub const FFMPEG_SVT: &str = "ffmpeg, libsvtav1";
    pub const OURS_PIPE: &str = "upright, pipe:ffmpeg";
    pub const NEWEST_SVT: &str = "newest ffmpeg, libsvtav1";
    pub const OURS_RAV1E: &str = "upright, rav1e";
    pub const NEWEST_RAV1E: &str = "newest ffmpeg, librav1e";
    pub const OURS_RAV1E_TOP: &str = "upright, rav1e, top rung";
    pub const RAV1E_TOP: &str = "rav1e command, top rung";
    pub const OURS_ONE_CORE: &str = "upright, rav1e, one core";
    pub const OURS_SCALER: &str = "upright";
    pub const OURS_TWO_MINUTES: &str = "upright, libsvtav1, 2 minutes";
    pub const OURS_TWO_HOURS: &str = "upright, libsvtav1, 2 hours";
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// The more the better.
    More,
    /// The less the better.
    Less,
}

/// A ratio over several rounds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What over what.
    pub name: String,
    /// Which way is better.
    pub better: Better,
    /// What it should be at least, or at most.
    pub target: Option<f64>,
    /// The least of all rounds.
    pub least: f64,
    /// The median; of an even number of rounds the mean of the middle two.
    pub median: f64,
    /// The most of all rounds.
    pub most: f64,
    /// All rounds in their order.
    pub rounds: Vec<f64>,
}

impl Figure {
    /// A figure, unless there was no round.
    pub fn new(name: impl Into<String>, better: Better, target: Option<f64>, rounds: Vec<f64>) -> Option<Self> {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let (&least, &most) = (sorted.first()?, sorted.last()?);
        let median = f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Some(Self { name: name.into(), better, target, least, median, most, rounds })
    }

    /// Says whether the median meets the target, both to a thousandth, as they are printed; none where there is no target.
    pub fn meets(&self) -> Option<bool> {
        let thousandths = |number: f64| (number * 1000.0).round();
        self.target.map(|target| match self.better {
            Better::More => thousandths(self.median) >= thousandths(target),
            Better::Less => thousandths(self.median) <= thousandths(target),
        })
    }
}

/// Everything that the contest says, for a machine of so many cores.
pub fn figures(contest: &Contest, cores: usize) -> Vec<Figure> {
    use names::*;
    // rav1e by itself uses few cores: the more there are, the more is to be won.
    let many_cores = match cores {
        ..2 => None,
        2..16 => Some(1.3),
        16.. => Some(4.0),
    };
    let mut figures = Vec::new();
    figures.extend(scaling(&contest.scaling));
    for (peer, ours, target) in [
        (FFMPEG_SVT, OURS_SVT, Some(1.05)),
        (NEWEST_SVT, OURS_PIPE, Some(1.0)),
        (NEWEST_RAV1E, OURS_RAV1E, many_cores),
        (RAV1E_TOP, OURS_RAV1E_TOP, many_cores),
    ] {
        let wall = |name| contest.rounds(name, |cost| cost.wall);
        figures.extend(Figure::new(
            format!("speed, {ours} / {peer}"),
            Better::More,
            target,
            over(&wall(peer), &wall(ours)),
        ));
    }
    let all = contest.rounds(OURS_RAV1E, |cost| cost.wall);
    let one = contest.rounds(OURS_ONE_CORE, |cost| cost.wall);
    let target = (cores == 16).then_some(14.0);
    figures.extend(Figure::new(
        format!("speed, upright on {cores} cores / on 1"),
        Better::More,
        target,
        over(&one, &all),
    ));
    figures.extend(floors(contest, cores));
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let peak = |name| contest.rounds(name, |cost| cost.peak_bytes as f64);
    let growth = over(&peak(OURS_TWO_HOURS), &peak(OURS_TWO_MINUTES));
    figures.extend(Figure::new("memory, upright, libsvtav1, 2 hours / 2 minutes", Better::Less, Some(1.05), growth));
    for (ours, peer) in [(OURS_SVT, FFMPEG_SVT), (OURS_PIPE, NEWEST_SVT), (OURS_RAV1E, NEWEST_RAV1E)] {
        let target = (ours == OURS_SVT).then_some(1.0);
        figures.extend(Figure::new(
            format!("memory, {ours} / {peer}"),
            Better::Less,
            target,
            over(&peak(ours), &peak(peer)),
        ));
        if let (Some((our_bytes, our_vmaf)), Some((bytes, vmaf))) = (contest.worth(ours), contest.worth(peer)) {
            let (vmaf, bits) = (our_vmaf / vmaf, our_bytes / bytes);
            figures.extend(Figure::new(format!("VMAF, {ours} / {peer}"), Better::More, target, vec![vmaf]));
            figures.extend(Figure::new(format!("bits, {ours} / {peer}"), Better::Less, target, vec![bits]));
        }
    }
    figures
}

fn scaling(all: &[Scaling]) -> Vec<Figure> {
    let Some(ours) = all.iter().find(|scaling| scaling.name == names::OURS_SCALER) else { return Vec::new() };
    let peers = all.iter().filter(|scaling| scaling.name != ours.name);
    let speed = |peer: &Scaling| {
        let name = |rungs| format!("scaling speed on one core, {rungs}, upright / {}", peer.name);
        [
            Figure::new(name("top rung"), Better::More, Some(3.0), over(&peer.top, &ours.top)),
            Figure::new(name("four rungs"), Better::More, None, over(&peer.ladder, &ours.ladder)),
        ]
    };
    let ladder =
        Figure::new("scaling time, four rungs / top rung", Better::Less, Some(2.0), over(&ours.ladder, &ours.top));
    peers.flat_map(speed).chain([ladder]).flatten().collect()
}

#[expect(clippy::cast_precision_loss, reason = "a small number")]
fn floors(contest: &Contest, cores: usize) -> Vec<Figure> {
    let all = contest.floors.iter().flat_map(|floor| {
        let (encoder, contender) = (floor.encoder, floor.contender);
        let least: Vec<_> = floor.rounds.iter().map(|seconds| seconds.cpu()).collect();
        let ideal: Vec<_> = least.iter().map(|seconds| seconds / cores as f64).collect();
        let (cpu, wall) = (contest.rounds(contender, Cost::cpu), contest.rounds(contender, |cost| cost.wall));
        let name = |what| format!("{what}, whole job / decoder and bare encoders, {encoder}");
        [
            Figure::new(name("CPU seconds"), Better::Less, Some(1.03), over(&cpu, &least)),
            Figure::new(name("wall time on all cores"), Better::Less, Some(1.05), over(&wall, &ideal)),
        ]
    });
    all.flatten().collect()
}

/// Round by round.
fn over(above: &[f64], below: &[f64]) -> Vec<f64> {
    above.iter().zip(below).map(|(above, below)| above / below).collect()
}

/// The figures for people to read.
pub fn table(figures: &[Figure]) -> String {
    let mut table = format!("{:<70} {:>8} {:>8} {:>8}  target\n", "", "median", "least", "most");
    for figure in figures {
        let Figure { name, median, least, most, .. } = figure;
        let bound = if figure.better == Better::More { "at least" } else { "at most" };
        let target = figure.target.map(|target| format!("{bound} {target}")).unwrap_or_default();
        let verdict = figure.meets().map_or("", |met| if met { ", met" } else { ", MISSED" });
        table += &format!("{name:<70} {median:>8.3} {least:>8.3} {most:>8.3}  {target}{verdict}\n");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::contest::floor::{Floor, Seconds};
    use crate::contest::judge::Verdict;
    use crate::contest::{Contender, Pace};

    fn contender(name: &'static str, walls: &[f64], bytes: u64) -> Contender {
        let cost = |&wall: &f64| Cost { wall, user: 1.5 * wall, system: 0.5 * wall, peak_bytes: bytes };
        let verdicts = vec![Verdict { size: (90, 160), frames: 1, bytes, vmaf: 90.0 }];
        Contender {
            name,
            command: Command::new(name),
            renditions: Vec::new(),
            rounds: walls.iter().map(cost).collect(),
            pace: Pace::EveryRound,
            verdicts,
        }
    }

    fn find<'a>(figures: &'a [Figure], words: &str) -> &'a Figure {
        figures.iter().find(|figure| figure.name.contains(words)).unwrap()
    }

    #[test]
    fn speed_is_the_peers_time_over_ours_round_by_round() {
        let contest = Contest {
            contenders: vec![
                contender(names::OURS_SVT, &[1.0, 2.0, 4.0], 100),
                contender(names::FFMPEG_SVT, &[2.0, 2.0, 2.0], 200),
            ],
            ..Contest::default()
        };
        let figures = figures(&contest, 2);
        let speed = find(&figures, "speed");
        assert_eq!((speed.least, speed.median, speed.most), (0.5, 1.0, 2.0));
        assert_eq!(speed.meets(), Some(false), "1.0 is below 1.05");
        let memory = find(&figures, "memory");
        assert_eq!((memory.median, memory.meets()), (0.5, Some(true)));
        assert_eq!(find(&figures, "bits").median, 0.5);
        assert_eq!(find(&figures, "VMAF").meets(), Some(true));
        assert!(table(&figures).contains("at least 1.05, MISSED"), "{}", table(&figures));
    }

    #[test]
    fn long_films_are_compared_with_short_ones() {
        let (short, long) =
            (contender(names::OURS_TWO_MINUTES, &[1.0], 100), contender(names::OURS_TWO_HOURS, &[60.0], 106));
        let figures = figures(&Contest { contenders: vec![short, long], ..Contest::default() }, 2);
        let growth = find(&figures, "2 hours / 2 minutes");
        assert_eq!((growth.median, growth.meets()), (1.06, Some(false)));
    }

    #[test]
    fn what_took_no_part_gives_no_figure() {
        assert_eq!(figures(&Contest::default(), 2), []);
    }

    #[test]
    fn the_floor_is_compared_with_all_processors_time() {
        let floor = Seconds { decode_cpu: 1.0, encode_cpu: 3.0, encode_wall: 2.0 };
        let (encoder, contender_name) = ("rav1e", names::OURS_RAV1E);
        let floor = Floor { encoder, contender: contender_name, command: Command::new("x"), rounds: vec![floor] };
        let contenders = vec![contender(contender_name, &[2.2], 1)];
        let figures = figures(&Contest { contenders, floors: vec![floor], ..Contest::default() }, 2);
        assert!((find(&figures, "CPU seconds").median - 1.1).abs() < 1e-9);
        assert!((find(&figures, "wall time").median - 1.1).abs() < 1e-9);
    }
}
