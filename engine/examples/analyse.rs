//! Looks at a film, writes down what was seen, and says how long that took: `cargo run --example analyse -- film.mkv out/`.

use std::path::PathBuf;
use std::time::Instant;
use upright_engine::analyse::{AnalyseOptions, analyse};
use upright_engine::{Control, Input, OpenOptions, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(film), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: analyse FILM FOLDER".into());
    };
    let control = Control::default();
    let source = open(&Input::Path(film), &OpenOptions::default(), &control)?;
    let begin = Instant::now();
    let analysis = analyse(source, &AnalyseOptions::default(), &control, &|_| ())?;
    let frames: u64 = analysis.shots.iter().map(|shot| shot.frames).sum();
    println!("{} shots, {frames} frames in {:.1} s", analysis.shots.len(), begin.elapsed().as_secs_f64());
    std::fs::write(out.join("analysis.json"), analysis.to_json()?)?;
    Ok(())
}
