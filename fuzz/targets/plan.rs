//! Any text as a plan.

use upright_engine::Error;
use upright_engine::plan::Plan;

/// # Panics
/// When what is read as a plan is not one, or does not come back.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Plan::from_json(text, "fuzz.plan.json") {
        Ok(plan) => {
            let hash = plan.hash().expect("a plan that was read has a hash");
            for text in [plan.to_json(), plan.to_pretty_json()] {
                let text = text.expect("a plan that was read can be written");
                let back = Plan::from_json(&text, "fuzz.plan.json").expect("what was written can be read");
                assert!(back == plan, "{text}");
                assert_eq!(back.hash().ok(), Some(hash));
            }
            plan.check_source(&plan.found).expect("its source is its own");
            for pts in [i64::MIN, -1, 0, 1, 1234, i64::MAX] {
                let layers = plan.layers(pts).expect("every frame has a window");
                for layer in layers.list() {
                    assert!(layer.window.width > 0.0 && layer.window.height > 0.0, "{layer:?}");
                }
            }
            assert!(!plan.graph().output_formats().is_empty() && plan.frame_ticks() > 0);
            for (number, rung) in plan.follows.rungs.iter().enumerate() {
                assert_eq!(plan.encoder_settings(number, 0).map(|settings| settings.size), Some(rung.size));
            }
        }
        Err(Error::BadPlan { name, line, why }) => {
            assert!(name == "fuzz.plan.json" && !why.is_empty());
            let lines = text.split('\n').count() as u64;
            assert!(line.is_none_or(|line| (1..=lines).contains(&line)), "{line:?} of {lines}: {why}");
        }
        Err(other) => panic!("a text can only be refused as a bad plan: {other:?}"),
    }
}
