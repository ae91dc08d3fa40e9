//! Circles among files.

use crate::modules::Use;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

/// A circle of files, each of which uses the next, and the last the first; it begins with the file whose name is the
/// first in order.
pub(crate) struct Circle {
    pub(crate) files: Vec<String>,
    /// Where each of them does it: one use of the next.
    lines: Vec<String>,
}

impl Circle {
    /// `a.rs -> b.rs -> a.rs`, and the lines that make it so.
    pub(crate) fn print(&self) -> String {
        let round: Vec<_> = self.files.iter().chain(self.files.first()).map(String::as_str).collect();
        format!("{}\n    {}", round.join(" -> "), self.lines.join("\n    "))
    }
}

/// For every use of one file by another, the shortest circle that it is a part of; each circle once, and file names from
/// `base` on.
pub(crate) fn circles(uses: &[Use], base: &Path) -> Vec<Circle> {
    let mut edges: BTreeMap<&PathBuf, BTreeMap<&PathBuf, &Use>> = BTreeMap::new();
    for one in uses {
        edges.entry(&one.from).or_default().entry(&one.to).or_insert(one);
    }
    let name = |path: &Path| path.strip_prefix(base).unwrap_or(path).display().to_string();
    let mut found = BTreeSet::new();
    for (&from, targets) in &edges {
        for &to in targets.keys() {
            if let Some(mut files) = shortest(&edges, to, from) {
                let first = (0..files.len()).min_by_key(|&index| files[index]).unwrap_or(0);
                files.rotate_left(first);
                found.insert((files.len(), files));
            }
        }
    }
    let circle = |(_, files): (usize, Vec<&PathBuf>)| {
        let next = files.iter().cycle().skip(1);
        let line = |(from, to): (&&PathBuf, &&PathBuf)| {
            let one = edges[from][to];
            format!("{}:{}: {}", name(&one.from), one.line, one.path)
        };
        Circle {
            lines: files.iter().zip(next).map(line).collect(),
            files: files.iter().map(|file| name(file)).collect(),
        }
    };
    found.into_iter().map(circle).collect()
}

/// The files on the shortest way, both ends included.
fn shortest<'a>(
    edges: &BTreeMap<&'a PathBuf, BTreeMap<&'a PathBuf, &Use>>,
    from: &'a PathBuf,
    to: &'a PathBuf,
) -> Option<Vec<&'a PathBuf>> {
    let mut came_from = BTreeMap::from([(from, from)]);
    let mut waiting = VecDeque::from([from]);
    while let Some(here) = waiting.pop_front() {
        if here == to {
            let mut way = vec![to];
            while way[way.len() - 1] != from {
                way.push(came_from[way[way.len() - 1]]);
            }
            way.reverse();
            return Some(way);
        }
        for &next in edges.get(here).into_iter().flat_map(BTreeMap::keys) {
            came_from.entry(next).or_insert_with(|| {
                waiting.push_back(next);
                here
            });
        }
    }
    None
}
