//! The fuzz targets over their seeds and over random damage to them, as part of every test run. `fuzz/run` goes on from
//! here for as long as one likes.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../fuzz/targets/analysis.rs"]
mod analysis;
#[path = "../../fuzz/targets/av1.rs"]
mod av1;
#[path = "../../fuzz/targets/ivf.rs"]
mod ivf;
#[path = "../../fuzz/targets/ladder.rs"]
mod ladder;
#[path = "../../fuzz/targets/media.rs"]
mod media;
#[path = "../../fuzz/mutation.rs"]
mod mutation;
#[path = "../../fuzz/targets/plan.rs"]
mod plan;
#[path = "../../fuzz/targets/profile.rs"]
mod profile;
#[path = "../../fuzz/targets/store.rs"]
mod store;
#[path = "../../fuzz/targets/subtitles.rs"]
mod subtitles;

use mutation::{damaged, seeds};
use proptest::prelude::*;
use upright_engine::encode::pipe::{Profile, ivf::IvfReader};
use upright_engine::ladder::Ladder;
use upright_engine::plan::Plan;

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..mutation::config() })]

    #[test]
    fn av1_survives(data in damaged(seeds("av1"))) {
        av1::check(&data);
    }

    #[test]
    fn ivf_survives(data in damaged(seeds("ivf"))) {
        ivf::check(&data);
    }

    #[test]
    fn profile_survives(data in damaged(seeds("profile"))) {
        profile::check(&data);
    }

    #[test]
    fn ladder_survives(data in damaged(seeds("ladder"))) {
        ladder::check(&data);
    }

    #[test]
    fn plan_survives(data in damaged(seeds("plan"))) {
        plan::check(&data);
    }

    #[test]
    fn store_survives(data in damaged(seeds("store"))) {
        store::check(&data);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..mutation::config() })]

    #[test]
    fn analysis_survives(data in damaged(seeds("analysis"))) {
        analysis::check(&data);
    }

    #[test]
    fn subtitles_survive(data in damaged(seeds("subtitles"))) {
        subtitles::check(&data);
    }

    #[test]
    fn media_survives(data in damaged(seeds("media"))) {
        media::check(&data);
    }
}

#[test]
#[should_panic(expected = "found")]
fn a_fault_is_found() {
    let whole = seeds("ladder");
    proptest!(mutation::config(), |(data in damaged(seeds("ladder")))| {
        // Most are damaged: to wait for one certain byte would now and then be in vain.
        assert!(whole.contains(&data), "found");
    });
}

#[test]
fn seeds_are_what_their_parsers_read() {
    for seed in seeds("av1") {
        assert!(upright_engine::av1::sequence_header_of(&seed).unwrap().is_some());
    }
    let grained = seeds("av1").into_iter().filter_map(|seed| av1::with_grain(&seed)).count();
    assert!(grained >= 4, "{grained} streams can have film grain");
    for seed in seeds("ivf") {
        assert!(IvfReader::new(&seed[..], 1000).next_frame().unwrap().is_some());
    }
    for seed in seeds("profile") {
        Profile::parse("seed", std::str::from_utf8(&seed).unwrap()).unwrap();
    }
    for seed in seeds("plan") {
        // Made by `upright plan`, and one of them edited: to be made anew with a new version.
        Plan::from_json(std::str::from_utf8(&seed).unwrap(), "seed").unwrap();
    }
    assert!(seeds("store").iter().all(|seed| store::packets(seed).is_some()));
    assert!(seeds("ladder").iter().any(|seed| std::str::from_utf8(seed).unwrap().parse::<Ladder>().is_ok()));
}
