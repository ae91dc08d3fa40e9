//! Any text as a ladder.

use upright_engine::Error;
use upright_engine::ladder::{Ladder, MAX_SIDE, MIN_SIDE};

/// # Panics
/// When a ladder is not what it promises.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<Ladder>() {
        Ok(ladder) => {
            let rungs = ladder.rungs();
            assert!(!rungs.is_empty());
            let sides = rungs.iter().flat_map(|rung| [rung.width, rung.height]);
            assert!(sides.into_iter().all(|side| (MIN_SIDE..=MAX_SIDE).contains(&side) && side % 2 == 0));
            let written: Vec<_> = rungs.iter().map(ToString::to_string).collect();
            assert!(written.join(",").parse::<Ladder>().is_ok_and(|again| again == ladder));
        }
        Err(Error::InvalidOption { expected, .. }) => assert!(!expected.is_empty()),
        Err(other) => panic!("a ladder can only be refused as an option: {other}"),
    }
}
