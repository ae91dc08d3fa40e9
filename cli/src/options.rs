//! The engine's options, made of the arguments.

use crate::args::{self, BitDepth, Format, InputArguments, MachineArguments, OutputArguments, WantedArguments};
use crate::values::{SubtitleInput, is_one_name};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use upright_engine::batch::RESERVED;
use upright_engine::burn_in::FontChoice;
use upright_engine::encryption::KeyFile;
use upright_engine::media::Source;
use upright_engine::picture::DeviceChoice;
use upright_engine::picture::tone::LookFile;
use upright_engine::pipeline::{self, Limits, RenderOptions};
use upright_engine::plan::{BurnInChoice, Cmaf, DepthChoice, Formats, PerRung, PlanOptions};
use upright_engine::remote::{self, ObjectUrl};
use upright_engine::sidecar::{NameTells, SubtitleFile, sidecars_of};
use upright_engine::source::{Input, OpenOptions, Span, Stereo};
use upright_engine::store::StoreOptions;
use upright_engine::{Control, Result};

/// A source, and what is wanted of it.
#[derive(Clone, Debug)]
pub(crate) struct PlanRequest {
    pub(crate) input: Input,
    pub(crate) open: OpenOptions,
    pub(crate) plan: PlanOptions,
}

impl PlanRequest {
    /// # Errors
    /// [`upright_engine::Error::InvalidOption`] for a combination that cannot be.
    pub(crate) fn resolve(
        input_arguments: &InputArguments,
        wanted: WantedArguments,
        access: args::Access,
    ) -> Result<Self> {
        let span = Span { start: input_arguments.start, duration: input_arguments.duration };
        let InputArguments { program, video, .. } = *input_arguments;
        let open = open_options(access).program(program).video(video).span(span);
        let (audio, stereo) = (wanted.audio.clone(), stereo(&wanted));
        let input = input(&input_arguments.input);
        let plan = plan_options(wanted)?.subtitle_files(subtitle_files(&input_arguments.subtitles_in, &input)?);
        let open = open.audio(audio).stereo(stereo).sound(plan.sound_form());
        Ok(Self { input, open, plan })
    }
}

/// Resolves what becomes of surround sound: players of packages expect stereo.
pub(crate) fn stereo(wanted: &WantedArguments) -> Stereo {
    let is_package = wanted.format.contains(&Format::Cmaf);
    wanted.stereo.unwrap_or(if is_package { Stereo::Add } else { Stereo::Off })
}

/// Resolves what is made of a film.
///
/// # Errors
/// [`upright_engine::Error::InvalidOption`] for a combination that cannot be; those of [`LookFile::new`].
pub(crate) fn plan_options(wanted: WantedArguments) -> Result<PlanOptions> {
    // A plan is carried out elsewhere, and the look is found there by its whole path.
    let lut = wanted.lut.map(|lut| std::path::absolute(&lut).unwrap_or(lut));
    let look = lut.map(|lut| LookFile::new(lut, wanted.lut_place)).transpose()?;
    let formats = Formats {
        mp4: wanted.format.contains(&Format::Mp4),
        cmaf: wanted.format.contains(&Format::Cmaf).then_some(Cmaf {
            segment: wanted.segment_duration,
            segment_files: wanted.segment_files,
            opus: wanted.opus,
        }),
    };
    // The same goes for a font.
    let font = wanted.font.map(|font| match font {
        FontChoice::File(path) => FontChoice::File(std::path::absolute(&path).unwrap_or(path)),
        family => family,
    });
    let options = PlanOptions::default()
        .ladder(wanted.ladder)
        .crop(wanted.crop)
        .two_shots(wanted.two_shots)
        .subtitles(wanted.subtitles)
        .deinterlace(wanted.deinterlace)
        .denoise(wanted.denoise)
        .upscale(wanted.upscale)
        .burn_in(wanted.burn_in.map(|track| BurnInChoice::Track { track, font }))
        .formats(formats)
        .pictures(wanted.pictures)
        .loudness(wanted.loudness)
        .dynamic_range(wanted.dynamic_range)
        .gamut(wanted.gamut)
        .look(look)
        .encoder(wanted.encoder)
        .encoder_options(wanted.encoder_options)
        .speed(wanted.speed)
        .quality(wanted.quality)
        .target_vmaf(PerRung::new(wanted.target_vmaf))
        .max_bitrate(PerRung::new(wanted.max_bitrate))
        .keyframe_interval(wanted.keyframe_interval)
        .first_segment(wanted.first_segment)
        .depth(match wanted.bit_depth {
            BitDepth::Auto => DepthChoice::Auto,
            BitDepth::Eight => DepthChoice::Eight,
            BitDepth::Ten => DepthChoice::Ten,
        });
    options.validate()?;
    Ok(options)
}

/// Resolves which files of subtitles come with a film, each once.
///
/// # Errors
/// Those of [`SubtitleFile::new`].
fn subtitle_files(wanted: &[SubtitleInput], film: &Input) -> Result<Vec<SubtitleFile>> {
    let film = match film {
        Input::Path(path) => Some(path.as_path()),
        _ => None,
    };
    let mut files: Vec<(PathBuf, NameTells)> = Vec::new();
    for input in wanted {
        match input {
            SubtitleInput::None => files.clear(),
            SubtitleInput::Beside => {
                let beside = film.map(sidecars_of).unwrap_or_default();
                files.extend(beside.into_iter().map(|path| (path, NameTells::default())));
            }
            SubtitleInput::File(path, told) => files.push((path.clone(), told.clone())),
        }
    }
    let mut made: Vec<SubtitleFile> = Vec::new();
    for (path, told) in files {
        let mut tells = NameTells::of(&path, film);
        tells.language = told.language.or(tells.language);
        tells.roles.extend(told.roles.iter().filter(|role| !tells.roles.contains(role)).copied().collect::<Vec<_>>());
        // A plan is carried out elsewhere, and the file is found there by its whole path.
        let whole = match ObjectUrl::of(&path) {
            Some(_) => path.clone(),
            None => std::path::absolute(&path).unwrap_or_else(|_| path.clone()),
        };
        if made.iter().any(|file| file.path == whole) {
            continue;
        }
        let file = SubtitleFile::new(whole, tells.language, tells.roles)?;
        if file.language.is_none() {
            let name = remote::shown(&path);
            log::warn!(
                "{name}: nobody says in which language it is, which is written as und; say it, as --subtitles-in {name}=en"
            );
        }
        made.push(file);
    }
    Ok(made)
}

/// Names a device as arguments do.
pub(crate) fn device_argument(choice: &DeviceChoice) -> &str {
    match choice {
        DeviceChoice::Auto => "auto",
        DeviceChoice::Gpu => "gpu",
        DeviceChoice::Cpu => "cpu",
        DeviceChoice::Adapter(name) => name,
    }
}

/// Reads the text that is to be burnt in, so that what is wrong with it is known before a film is looked at.
///
/// # Errors
/// As [`pipeline::read_text`].
pub(crate) fn with_text(source: &Source, options: PlanOptions, control: &Control) -> Result<PlanOptions> {
    let text = pipeline::read_text(source, &options, control)?;
    Ok(options.burn_in(text.map(BurnInChoice::Text)))
}

/// Resolves how much of the machine may be used.
pub(crate) fn limits(machine: &MachineArguments, jobs: Option<usize>) -> Limits {
    let memory = machine.memory.or_else(memory_to_use);
    Limits { jobs, memory, ..Limits::default() }
}

/// Resolves how the renditions of `source`, as the user named it, are made.
///
/// # Errors
/// Those of [`KeyFile::read`].
pub(crate) fn render_options(
    output: OutputArguments,
    machine: MachineArguments,
    source: &Input,
) -> Result<RenderOptions> {
    let limits = limits(&machine, output.jobs);
    let name = output.name.map_or_else(|| folder_name(source), OsString::from);
    let options = RenderOptions::new(remote::below(&output.output, Path::new(&name)))
        .overwrite(output.overwrite)
        .strict(output.strict)
        .keys(output.encrypt.as_deref().map(KeyFile::read).transpose()?)
        .device(machine.device)
        .limits(limits);
    let options = match output.subtitles_out {
        Some(written) => options.subtitles(written),
        None => options,
    };
    let size = output.store_size;
    Ok(match output.store {
        Some(folder) => options.store(StoreOptions { folder, size }),
        None => options,
    })
}

/// Reads the name of an input: `-` is standard input; everything else, even what is not text, is a path.
pub(crate) fn input(argument: &OsStr) -> Input {
    if argument == "-" { Input::Stdin } else { Input::Path(PathBuf::from(argument)) }
}

/// Makes the options for opening a source with all the cores of this machine.
pub(crate) fn open_options(access: args::Access) -> OpenOptions {
    OpenOptions::default().protocols(access.protocols)
}

/// Takes three quarters of the memory that is free on this machine, in bytes: the rest is for others, and for the
/// operating system to read ahead. None where the system does not say.
pub(crate) fn memory_to_use() -> Option<u64> {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    // What a group of processes has left: files that the system has read for it count as used and can be dropped.
    let left = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory.saturating_sub(limits.rss));
    let free = left.min(system.available_memory());
    (free > 0).then_some(free / 4 * 3)
}

/// Names the folder that the renditions go to: as the input, without its extension. Whatever the input is called, it is
/// one name, which does not lead out of the output folder.
fn folder_name(input: &Input) -> OsString {
    let Input::Path(path) = input else { return OsString::from("stdin") };
    let url = path.to_str().and_then(|text| text.split_once("://"));
    let name = match url {
        Some((_, place)) => {
            // What follows the path of a URL is no part of its name.
            let path = place.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
            let last = path.rsplit('/').next().unwrap_or_default();
            OsString::from(last.replace(|c: char| c.is_control() || RESERVED.contains(c), "_"))
        }
        None => path.file_name().unwrap_or_default().to_owned(),
    };
    // `..mp4` would be the output folder itself, and `...mp4` the one above. Other systems strip dots and blanks.
    let stem = Path::new(&name).file_stem().map(OsStr::to_owned).unwrap_or_default();
    let trimmed = |name: OsString| match name.to_str() {
        Some(text) => OsString::from(text.trim_end_matches(['.', ' '])),
        None => name,
    };
    // Only a folder (`/`, `..`) has no name, and opening it fails with a better message than any from here.
    [stem, name].map(trimmed).into_iter().find(|name| is_one_name(name)).unwrap_or_else(|| OsString::from("film"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Arguments, Command, ConvertArguments};
    use clap::Parser;
    use proptest::prelude::*;
    use upright_engine::encode::{EncoderChoice, EncoderKind, LibavEncoder};
    use upright_engine::geometry::Rational;
    use upright_engine::plan::{CropChoice, Loudness, LoudnessChoice, Moment, Pictures};
    use upright_engine::source::{AudioChoice, AudioSelector, SoundForm, VideoChoice};

    fn resolved(arguments: &[&str]) -> (PlanRequest, RenderOptions) {
        let all = ["upright", "convert"].iter().chain(arguments);
        match Arguments::try_parse_from(all).unwrap().command {
            Command::Convert(ConvertArguments { input, wanted, output, machine, access, analysis: _ }) => {
                let request = PlanRequest::resolve(&input, wanted, access).unwrap();
                let render = render_options(output, machine, &request.input).unwrap();
                (request, render)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_options_the_engines_defaults_hold() {
        let (request, render) = resolved(&["films/film.mkv"]);
        assert_eq!(request.input, Input::Path(PathBuf::from("films/film.mkv")));
        assert_eq!(request.plan, PlanOptions::default());
        assert_eq!((request.open.program, request.open.video), (None, VideoChoice::Best));
        assert_eq!((request.open.audio, request.open.stereo), (AudioChoice::Best, Stereo::Off));
        assert_eq!(request.open.span, Span::default());
        assert!(request.open.protocols.is_empty() && request.open.threads >= 1);
        assert_eq!(render.directory, PathBuf::from("./film"));
        assert_eq!(render.device, DeviceChoice::Auto);
        assert!(!render.overwrite && !render.strict && render.store.is_none());
        assert!(render.limits.jobs.is_none() && render.limits.memory.is_some());
    }

    #[test]
    fn every_option_reaches_the_engine() {
        let wanted = "film.tar.mov --output out --ladder 720,360x640 --crop 0.25 --encoder libsvtav1 --encoder-options \
                      tiles=a=b --speed 3 --quality 91 --keyframe-interval 1.5 --pictures storyboard,poster@1:02.5 --device llvmpipe --program 5 --video 3 \
                      --audio 2,fr --stereo add --loudness -23 --bit-depth 10 --start 1:00 --duration 0:02.5 --overwrite --strict --jobs 3 --memory 1.5G --store \
                      cache --store-size 20G --protocols https,tls --progress none";
        let (request, render) = resolved(&wanted.split_whitespace().collect::<Vec<_>>());
        assert_eq!(
            request.plan,
            PlanOptions::default()
                .ladder("720x1280,360x640".parse().unwrap())
                .crop(CropChoice::At(0.25))
                .encoder(EncoderChoice::Named(EncoderKind::Libav(LibavEncoder::SvtAv1)))
                .encoder_options(vec![("tiles".to_owned(), "a=b".to_owned())])
                .speed(3)
                .quality(91)
                .keyframe_interval(Rational::new(3, 2))
                .pictures(Pictures {
                    storyboard: true,
                    poster: Some(Moment { at: Some(Rational::new(125, 2).into()) }),
                    preview: None
                })
                .depth(DepthChoice::Ten)
                .loudness(LoudnessChoice::At(Loudness { integrated: -23.0, peak: -1.0 }))
        );
        assert_eq!((request.open.program, request.open.video), (Some(5), VideoChoice::Track(3)));
        let french = AudioSelector::Language("fra".parse().unwrap());
        assert_eq!(request.open.audio, AudioChoice::Chosen(vec![AudioSelector::Track(2), french]));
        assert_eq!(request.open.stereo, Stereo::Add);
        assert_eq!(request.open.sound, SoundForm { cmaf: false, to_level: true });
        assert_eq!(request.open.span, Span { start: Some(Rational::new(60, 1)), duration: Some(Rational::new(5, 2)) });
        assert_eq!(request.open.protocols, ["https", "tls"]);
        assert_eq!(render.directory, PathBuf::from("out/film.tar"));
        assert_eq!(render.device, DeviceChoice::Adapter("llvmpipe".to_owned()));
        assert!(render.overwrite && render.strict);
        assert_eq!((render.limits.jobs, render.limits.memory), (Some(3), Some(3 << 29)));
        assert_eq!(render.store, Some(StoreOptions { folder: PathBuf::from("cache"), size: Some(20 << 30) }));
    }

    #[test]
    fn packages_have_levelled_sound_and_stereo_by_themselves() {
        let form = |arguments: &str| {
            let open = resolved(&arguments.split_whitespace().collect::<Vec<_>>()).0.open;
            (open.stereo, open.sound.cmaf, open.sound.to_level)
        };
        assert_eq!(form("film.mkv"), (Stereo::Off, false, false));
        assert_eq!(form("film.mkv --format mp4,cmaf"), (Stereo::Add, true, true));
        assert_eq!(form("film.mkv --format cmaf --stereo off --loudness off"), (Stereo::Off, true, false));
    }

    #[test]
    fn the_folder_is_named_after_the_input() {
        let named = |text: &str| folder_name(&input(OsStr::new(text)));
        for (text, name) in [
            ("-", "stdin"),
            ("a/b.c/film.mkv", "film"),
            ("film", "film"),
            (".film", ".film"),
            ("film?.mkv", "film?"),
            ("https://host/a/film.mp4?key=a.b/c#t", "film"),
            ("https://host/film.mp4?x=/../..", "film"),
            ("https://host/a/..?film.mp4", "film"),
            ("https://host/a:b|c.mp4", "a_b_c"),
            ("https://host/a%2F..%2Fb.mp4", "a%2F..%2Fb"),
            ("https://host/", "host"),
            ("https://", "film"),
            ("/", "film"),
            ("..", "film"),
            ("..mp4", "..mp4"),
            ("...mp4", "...mp4"),
            ("films/...mp4", "...mp4"),
            (".....", "film"),
            ("film..mp4", "film"),
            ("film .mp4", "film"),
            (" .mp4", " .mp4"),
            ("./-", "-"),
        ] {
            assert_eq!(named(text), name, "{text}");
        }
    }

    fn never_leads_out(argument: &OsStr) {
        let name = folder_name(&input(argument));
        let place = Path::new("out").join(&name);
        assert!(is_one_name(&name) && place.parent() == Some(Path::new("out")), "{argument:?}: {name:?}");
    }

    proptest! {
        #[test]
        fn no_name_leads_out_of_the_output_folder(text in "(https://|[a-z/]*)[./\\\\ ?#a:-]{0,12}(mp4)?") {
            never_leads_out(OsStr::new(&text));
        }

        #[cfg(unix)]
        #[test]
        fn no_bytes_lead_out_of_the_output_folder(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            use std::os::unix::ffi::OsStrExt;
            never_leads_out(OsStr::from_bytes(&bytes));
        }
    }

    #[test]
    fn a_path_of_several_names_is_noticed() {
        for (name, is_one) in
            [("film", true), (".film", true), ("..", false), (".", false), ("", false), ("a/b", false)]
        {
            assert_eq!(is_one_name(OsStr::new(name)), is_one, "{name}");
        }
    }
}
