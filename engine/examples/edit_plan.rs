//! Makes a plan, edits it as a person would, and renders it: `cargo run --example edit_plan -- film.mkv out/`
//!
//! The window of the first two seconds goes from the left edge of the picture to the right, and eases.

use std::env::args_os;
use upright_engine::geometry::Rational;
use upright_engine::plan::{CropKey, Interpolation, Plan, Shot};
use upright_engine::time::Time;
use upright_engine::{Control, Input, OpenOptions, PlanOptions, RenderOptions, open, plan, render};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = args_os().skip(1).collect();
    let [film, folder] = arguments.as_slice() else {
        eprintln!("edit_plan FILM FOLDER");
        std::process::exit(2);
    };
    let (film, control) = (Input::Path(film.into()), Control::default());
    let source = open(&film, &OpenOptions::default(), &control)?;
    let options = PlanOptions::default().ladder("180".parse()?).speed(10);
    let mut edited = plan(&source, &options, &control, &|_| ())?;

    let two_seconds = Time::from(Rational::new(2, 1));
    let at = |part| edited.found.video.upright.largest_window(Rational::new(9, 16), (part, 0.5));
    let pan = vec![
        CropKey { time: Time::ZERO, window: at(0.0), then: Interpolation::Ease },
        CropKey { time: Time::from(Rational::new(19, 10)), window: at(1.0), then: Interpolation::Hold },
    ];
    let rest = vec![CropKey { time: two_seconds, window: at(0.5), then: Interpolation::Hold }];
    edited.wanted.shots = vec![Shot::new(Time::ZERO, Some(two_seconds), pan), Shot::new(two_seconds, None, rest)];
    // Checks all rules, and says which one is broken where.
    let edited = edited.update()?;

    // The document is the plan: written, read back, and rendered.
    std::fs::create_dir_all(folder)?;
    let path = std::path::Path::new(folder).join("film.plan.json");
    std::fs::write(&path, edited.to_pretty_json()?)?;
    let plan = Plan::from_json(&std::fs::read_to_string(&path)?, "film.plan.json")?;
    let out = RenderOptions::new(std::path::Path::new(folder).join("renditions")).overwrite(true);
    let report = render(source, &plan, &out, &control, &|_| ())?;
    println!("{} frames, {} of them key frames", report.frames, report.key_frames);
    Ok(())
}
