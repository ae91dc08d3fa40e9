//! Converts a film: `cargo run --example convert -- film.mkv out/`

use std::env::args_os;
use upright_engine::{Control, Input, OpenOptions, PlanOptions, RenderOptions, open, plan, render};

fn main() -> upright_engine::Result<()> {
    let arguments: Vec<_> = args_os().skip(1).collect();
    let [film, folder] = arguments.as_slice() else {
        eprintln!("convert FILM FOLDER");
        std::process::exit(2);
    };
    // Cancelling it from another thread ends the work within about a second.
    let control = Control::default();
    let source = open(&Input::Path(film.into()), &OpenOptions::default(), &control)?;
    let options = PlanOptions::default().ladder("360,180".parse()?).speed(10);
    let plan = plan(&source, &options, &control, &|_| ())?;
    let progress = |progress: &_| eprintln!("{progress:?}");
    let report = render(source, &plan, &RenderOptions::new(folder).overwrite(true), &control, &progress)?;
    println!("{} frames in {:.1} s", report.frames, report.wall_seconds);
    Ok(())
}
