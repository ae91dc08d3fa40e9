//! Every generated fixture converts to what it should be, or is refused with its reason.

use crate::check::{differences, differences_from_clip};
use crate::job::{Job, names};
use crate::trial;
use libtest_mimic::Trial;
use tempfile::tempdir;
use upright_engine::Error;
use upright_fixtures::catalogue::{self, Recipe};
use upright_fixtures::{Clip, Orientation};

/// What is refused, and a word of the reason.
const REFUSED: [(&str, &str); 11] = [
    ("audio-only", "no video"),
    ("cover-art", "no video"),
    ("dolby-vision-5", "Dolby Vision"),
    ("empty", "empty"),
    ("format-change", "pixel format"),
    ("playlist-to-file", "playlist"),
    ("playlist-to-network", "playlist"),
    ("size-change", "size"),
    ("text", "not a video"),
    ("too-small", "8x8"),
    ("truncated-mp4-without-index", "cannot be opened"),
];

pub(crate) fn trials() -> impl Iterator<Item = Trial> {
    let of_fixtures = catalogue::all()
        .into_iter()
        .map(|recipe| trial(format!("converts::{}", recipe.name()), move || assert_eq!(convert(&recipe), [""; 0])));
    of_fixtures.chain([
        trial("converts::the_list_of_refusals_names_fixtures", the_list_of_refusals_names_fixtures),
        trial("converts::another_film_is_noticed", another_film_is_noticed),
    ])
}

/// Converts one fixture; gives what is wrong with the outcome.
fn convert(recipe: &Recipe) -> Vec<String> {
    let directory = tempdir().unwrap();
    let fixture = recipe.write(directory.path()).unwrap();
    let out = directory.path().join("out");
    let refusal = REFUSED.iter().find(|(name, _)| *name == recipe.name()).map(|(_, reason)| *reason);
    match (Job::new(&fixture.path, &out).run(), refusal) {
        (Err(Error::BadSource { why, .. }), Some(reason)) if why.contains(reason) => {
            names(&out).into_iter().map(|name| format!("{name} was left behind")).collect()
        }
        (Err(error), refusal) => vec![format!("{error:?}, where {refusal:?} was expected")],
        (Ok(_), Some(reason)) => vec![format!("it was converted, which {reason:?} should have stopped")],
        (Ok(report), None) => match recipe {
            Recipe::Clip(clip) => differences_from_clip(clip, &fixture.path, &out, &report),
            Recipe::Odd(_) => differences(&fixture.path, &out, &report),
        },
    }
}

fn the_list_of_refusals_names_fixtures() {
    for (name, _) in REFUSED {
        assert!(catalogue::named(name).is_some(), "{name}");
    }
}

/// The comparison itself must notice what it is for.
fn another_film_is_noticed() {
    let directory = tempdir().unwrap();
    let convert = |clip: &Clip| {
        let fixture = clip.write(directory.path()).unwrap();
        let out = directory.path().join(&clip.name).join("out");
        let report = Job::new(&fixture.path, &out).run().unwrap();
        (fixture.path, out, report)
    };
    let patches = Clip::new("patches");
    let (other_source, other_out, other_report) = convert(&patches);
    let found = |clip: &Clip| differences_from_clip(clip, &other_source, &other_out, &other_report).join("; ");
    assert_eq!(found(&patches), "");
    for orientation in Orientation::all().into_iter().skip(1) {
        let turned = Clip { orientation, ..patches.clone() };
        assert!(found(&turned).contains("dB"), "{orientation:?}");
    }

    let Some(Recipe::Clip(clip)) = catalogue::named("subject") else { panic!("it is a clip") };
    let (source, out, report) = convert(&clip);
    assert_eq!(differences(&source, &out, &report), [""; 0]);
    let found = differences(&source, &other_out, &other_report).join("; ");
    assert!(found.contains("times"), "{found}");
    let found = differences(&other_source, &out, &report).join("; ");
    assert!(found.contains("times"), "{found}");
    let found = differences(&other_source, &out, &other_report).join("; ");
    for what in ["title", "chapters", "audio tracks"] {
        assert!(found.contains(what), "{what}: {found}");
    }
}
