//! The arguments, resolved: what the engine is asked for.

use crate::args::{self, BitDepth};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use upright_engine::Result;
use upright_engine::machine;
use upright_engine::media::{AudioChoice, Input, OpenOptions, Span};
use upright_engine::pipeline::{Limits, RenderOptions};
use upright_engine::plan::{DepthChoice, PlanOptions};
use upright_engine::scale::DeviceChoice;

/// libav decodes no faster with more threads, and each holds a frame.
const MAX_DECODER_THREADS: usize = 16;

/// One conversion.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) input: Input,
    pub(crate) open: OpenOptions,
    pub(crate) plan: PlanOptions,
    pub(crate) render: RenderOptions,
}

impl Job {
    /// # Errors
    /// [`upright_engine::Error::Options`] for a combination that cannot be.
    pub(crate) fn resolve(arguments: args::Job) -> Result<Self> {
        let input = input(&arguments.input);
        let span = Span { start: arguments.start, duration: arguments.duration };
        let (plan, device, limits) = recipe(arguments.recipe)?;
        Ok(Self {
            open: open_options(arguments.access, arguments.audio, span),
            plan,
            render: RenderOptions {
                directory: arguments.output.join(stem(&input)),
                overwrite: arguments.overwrite,
                strict: arguments.strict,
                device,
                limits,
            },
            input,
        })
    }
}

/// What is made of a film, what scales it, and how much of the machine that may take.
///
/// # Errors
/// [`upright_engine::Error::Options`] for a combination that cannot be.
pub(crate) fn recipe(arguments: args::Recipe) -> Result<(PlanOptions, DeviceChoice, Limits)> {
    let memory = arguments.memory.or_else(memory_to_use);
    let limits = Limits { jobs: arguments.jobs, memory, ..Limits::default() };
    let plan = PlanOptions {
        ladder: arguments.ladder,
        crop: arguments.crop,
        encoder: arguments.encoder,
        encoder_options: arguments.encoder_options,
        speed: arguments.speed,
        quality: arguments.quality,
        keyframe_interval: arguments.keyframe_interval,
        depth: match arguments.bit_depth {
            BitDepth::Auto => DepthChoice::Auto,
            BitDepth::Eight => DepthChoice::Eight,
            BitDepth::Ten => DepthChoice::Ten,
        },
        cores: limits.cores,
    };
    plan.validate()?;
    Ok((plan, arguments.device, limits))
}

/// `-` is standard input; everything else, even what is not text, is a path.
pub(crate) fn input(argument: &OsStr) -> Input {
    if argument == "-" { Input::Stdin } else { Input::Path(PathBuf::from(argument)) }
}

/// How to open a source with all the cores of this machine.
pub(crate) fn open_options(access: args::Access, audio: AudioChoice, span: Span) -> OpenOptions {
    OpenOptions { protocols: access.protocols, audio, threads: machine::cores().min(MAX_DECODER_THREADS), span }
}

/// Three quarters of the memory that is free on this machine, in bytes: the rest is for others, and for the operating
/// system to read ahead.
fn memory_to_use() -> Option<u64> {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let free = system.cgroup_limits().map_or(system.available_memory(), |limits| limits.free_memory);
    (free > 0).then_some(free / 4 * 3)
}

/// The name of the folder that the renditions go to: the input's without its extension.
fn stem(input: &Input) -> PathBuf {
    let Input::Path(path) = input else { return PathBuf::from("stdin") };
    // What follows the path of a URL is no part of its name.
    let text = path.to_str().filter(|text| text.contains("://"));
    let path = text.and_then(|url| url.split(['?', '#']).next()).map_or(path.as_path(), Path::new);
    // Only a folder (`/`, `..`) has no name, and opening it fails with a better message than any from here.
    path.file_stem().map_or_else(|| PathBuf::from("film"), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Arguments, Command};
    use clap::Parser;
    use upright_engine::encode::{EncoderChoice, EncoderKind, LibavEncoder};
    use upright_engine::geometry::Rational;
    use upright_engine::plan::CropChoice;

    fn job(arguments: &[&str]) -> Job {
        let all = ["upright", "convert"].iter().chain(arguments);
        match Arguments::try_parse_from(all).unwrap().command {
            Command::Convert(job) => Job::resolve(job).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_options_the_engines_defaults_hold() {
        let job = job(&["films/film.mkv"]);
        assert_eq!(job.input, Input::Path(PathBuf::from("films/film.mkv")));
        assert_eq!(job.plan, PlanOptions::default());
        assert_eq!(job.open.audio, AudioChoice::Best);
        assert_eq!(job.open.span, Span::default());
        assert!(job.open.protocols.is_empty() && job.open.threads >= 1);
        assert_eq!(job.render.directory, PathBuf::from("./film"));
        assert_eq!(job.render.device, DeviceChoice::Auto);
        assert!(!job.render.overwrite && !job.render.strict);
        assert!(job.render.limits.jobs.is_none() && job.render.limits.memory.is_some());
    }

    #[test]
    fn every_option_reaches_the_engine() {
        let job = job(&[
            "film.tar.mov",
            "--output",
            "out",
            "--ladder",
            "720,360x640",
            "--crop",
            "0.25",
            "--encoder",
            "libsvtav1",
            "--encoder-options",
            "tiles=a=b",
            "--speed",
            "3",
            "--quality",
            "91",
            "--keyframe-interval",
            "1.5",
            "--device",
            "llvmpipe",
            "--audio",
            "2",
            "--bit-depth",
            "10",
            "--start",
            "1:00",
            "--duration",
            "0:02.5",
            "--overwrite",
            "--strict",
            "--jobs",
            "3",
            "--memory",
            "1.5G",
            "--protocols",
            "https,tls",
            "--progress",
            "none",
        ]);
        assert_eq!(
            job.plan,
            PlanOptions {
                ladder: "720x1280,360x640".parse().unwrap(),
                crop: CropChoice::At(0.25),
                encoder: EncoderChoice::Named(EncoderKind::Libav(LibavEncoder::SvtAv1)),
                encoder_options: vec![("tiles".to_owned(), "a=b".to_owned())],
                speed: 3,
                quality: 91,
                keyframe_interval: Rational::new(3, 2),
                depth: DepthChoice::Ten,
                cores: job.plan.cores,
            }
        );
        assert_eq!(job.open.audio, AudioChoice::Track(2));
        assert_eq!(job.open.span, Span { start: Some(Rational::new(60, 1)), duration: Some(Rational::new(5, 2)) });
        assert_eq!(job.open.protocols, ["https", "tls"]);
        assert_eq!(job.render.directory, PathBuf::from("out/film.tar"));
        assert_eq!(job.render.device, DeviceChoice::Adapter("llvmpipe".to_owned()));
        assert!(job.render.overwrite && job.render.strict);
        assert_eq!((job.render.limits.jobs, job.render.limits.memory), (Some(3), Some(3 << 29)));
    }

    #[test]
    fn the_folder_is_named_after_the_input() {
        let named = |text: &str| stem(&input(OsStr::new(text)));
        for (text, name) in [
            ("-", "stdin"),
            ("a/b.c/film.mkv", "film"),
            ("film", "film"),
            (".film", ".film"),
            ("film?.mkv", "film?"),
            ("https://host/a/film.mp4?key=a.b/c#t", "film"),
            ("/", "film"),
            ("..", "film"),
        ] {
            assert_eq!(named(text), PathBuf::from(name), "{text}");
        }
    }
}
