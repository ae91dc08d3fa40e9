//! Any text as what was seen in a film, and plans made of it.

use upright_engine::Error;
use upright_engine::analyse::Analysis;
use upright_engine::framing::{self, FramingOptions};
use upright_engine::geometry::Rational;
use upright_engine::plan::{Plan, Subtitles, TwoShots};

/// A plan, of which the film is taken.
const PLAN: &str = include_str!("../seeds/plan/file");

/// # Panics
/// When what is read is no analysis, does not come back, or makes a plan that breaks a rule.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let analysis = match Analysis::from_json(text, "fuzz.analysis.json") {
        Ok(analysis) => analysis,
        Err(Error::BadPlan { name, why, .. }) => {
            assert!(name == "fuzz.analysis.json" && !why.is_empty());
            return;
        }
        Err(other) => panic!("a text can only be refused as a bad document: {other:?}"),
    };
    let written = analysis.to_json().expect("an analysis that was read can be written");
    let back = Analysis::from_json(&written, "fuzz.analysis.json").expect("what was written can be read");
    assert!(back == analysis, "{written}");
    let mut plan = Plan::from_json(PLAN, "seed").expect("the seed is a plan");
    let rung = plan.wanted.rungs[0];
    let shape = Rational::new(rung.width.into(), rung.height.into());
    for two_shots in [TwoShots::Cut, TwoShots::Stack, TwoShots::Fit] {
        for subtitles in [Subtitles::Auto, Subtitles::Keep] {
            let options = FramingOptions { shape, tallest: 640, two_shots, subtitles };
            plan.wanted.shots = framing::frame(&analysis, &plan.found.video, options);
            let shots = plan.wanted.shots.clone();
            plan = plan.update().unwrap_or_else(|error| panic!("{error}: {shots:?}"));
        }
    }
}
