//! Random damage to known good inputs.

use proptest::prelude::*;
use std::path::Path;

/// Without a file of past failures: what fails becomes a seed or a test of its own.
pub(crate) fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..Default::default() }
}

/// The files of `fuzz/seeds/TARGET`.
pub(crate) fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{target} has seeds");
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// One seed, or random bytes, after up to eight changes of one place each.
pub(crate) fn damaged(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let start = prop_oneof![8 => proptest::sample::select(seeds), 1 => proptest::collection::vec(any::<u8>(), 0..64)];
    let change = prop_oneof![
        (any::<usize>(), 0_u32..8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        (any::<usize>(), 1_usize..16).prop_map(|(at, count)| Change::Remove(at, count)),
        (any::<usize>(), 1_usize..64).prop_map(|(at, count)| Change::Repeat(at, count)),
        any::<usize>().prop_map(Change::Cut),
    ];
    (start, proptest::collection::vec(change, 0..8)).prop_map(|(mut data, changes)| {
        for change in changes {
            change.apply(&mut data);
        }
        data
    })
}

/// Places are taken modulo the length.
#[derive(Clone, Copy, Debug)]
enum Change {
    Flip(usize, u32),
    Set(usize, u8),
    Insert(usize, u8),
    Remove(usize, usize),
    Repeat(usize, usize),
    Cut(usize),
}

impl Change {
    fn apply(self, data: &mut Vec<u8>) {
        let length = data.len();
        let range = |at: usize, count: usize| at % length..(at % length + count).min(length);
        match self {
            Self::Insert(at, byte) => data.insert(at % (length + 1), byte),
            _ if data.is_empty() => {}
            Self::Flip(at, bit) => data[at % length] ^= 1 << bit,
            Self::Set(at, byte) => data[at % length] = byte,
            Self::Remove(at, count) => drop(data.drain(range(at, count))),
            Self::Repeat(at, count) => data.extend_from_within(range(at, count)),
            Self::Cut(at) => data.truncate(at % length),
        }
    }
}
