//! The arguments as they are typed; `options` makes the engine's options of them.

use crate::exit::Exit;
use crate::shipped::PresetParser;
use crate::values;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::PathBuf;
use upright_engine::burn_in::FontChoice;
use upright_engine::encode::EncoderChoice;
use upright_engine::geometry::{Rational, Size};
use upright_engine::ladder::Ladder;
use upright_engine::picture::DeviceChoice;
use upright_engine::picture::tone::LookPlace;
use upright_engine::plan::{
    CropChoice, Deinterlace, Denoise, DynamicRange, Gamut, LoudnessChoice, Pictures, PlanOptions, Subtitles, TwoShots,
    UpscaleChoice,
};
use upright_engine::source::{AudioChoice, Stereo, TextSelector, VideoChoice};

/// Turns landscape film and drama into vertical (9:16) AV1 renditions.
///
/// The picture is cropped, scaled to every rung of a ladder at once and encoded; sound, timing, colour and metadata are
/// carried over. A result appears under its name only when it is whole and checked.
#[derive(Debug, Parser)]
#[command(name = "upright", version, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = EXAMPLES, after_long_help = examples_and_exit_codes(), max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Say more on standard error; twice for debugging, three times for everything
    #[arg(short, long, action = ArgAction::Count, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: u8,

    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Convert INPUT into OUTPUT/STEM/1080x1920.mp4 and so on, with a report.json beside them
    #[command(after_help = EXAMPLES, after_long_help = examples_and_exit_codes())]
    Convert(ConvertArguments),
    /// Decide everything about the conversion of INPUT, and write it down as JSON, to be edited and rendered
    ///
    /// The plan says what was found in the input, what is wanted of it (sizes, the window's way through every shot, segments,
    /// encoder, sound, title and chapters: all of it to be edited) and what follows. render does what it says; convert is
    /// both in one.
    Plan(PlanArguments),
    /// Write a page on which the shots of PLAN are looked at, the least certain first, and mended
    Review(ReviewArguments),
    /// Write a small film of PLAN: the landscape picture, with the window and those who were seen drawn in it
    Preview(PreviewArguments),
    /// Do what PLAN says: convert the input that it was made from, as convert does
    Render(RenderArguments),
    /// Encode one segment of PLAN, in all sizes, into a store from which render takes it; on any machine, in any order
    Segment(SegmentArguments),
    /// Convert many films: whole folders, or what a manifest lists; what is there already is not done again
    ///
    /// An INPUT is a film, a folder (with the folders in it), a pattern (season/*.mkv, in quotes), or a manifest: a file whose name
    /// ends with .json, .jsonl or .csv. The output mirrors the folder; of several folders, each under its name. Killed at any time, the same command
    /// goes on where it was. One film that fails never stops the others.
    Batch(BatchArguments),
    /// Say how far the batch in OUTPUT is, or where it was when it ended
    Status(StatusArguments),
    /// Check a package: every rule of HLS, DASH and CMAF that a program can check, as a stranger would
    ///
    /// PACKAGE is a folder with main.m3u8 or manifest.mpd, one of these, or the URL of either. Says what is wrong, a line each, and
    /// ends with 65 if anything is.
    Verify(VerifyArguments),
    /// List the presets that are always there, or print one as TOML, to begin one of your own with
    Presets(PresetsArguments),
    /// Print what Upright sees in INPUT as JSON: streams, geometry, colour, and everything it has to assume
    Probe(ProbeArguments),
    /// Show what this machine offers: GPU adapters, libav, AV1 encoders, SIMD; and what is missing
    Doctor(DoctorArguments),
    /// Measure how fast this machine decodes, scales, encodes and converts, and how many films it converts in real time
    ///
    /// Every part is measured by itself with all cores, then a whole conversion into a temporary folder, several times
    /// in turn. Takes some minutes.
    Bench(BenchArguments),
    /// Print a script that has SHELL complete commands, options and their values
    ///
    /// bash: upright completions bash > ~/.local/share/bash-completion/completions/upright
    ///
    /// zsh: upright completions zsh > _upright, in a folder of $fpath
    ///
    /// fish: upright completions fish > ~/.config/fish/completions/upright.fish
    Completions(CompletionsArguments),
    /// Print the manual page, or write those of all commands into a folder
    Man(ManArguments),
}

/// Arguments of `convert`.
#[derive(Args, Debug)]
pub(crate) struct ConvertArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,

    #[command(flatten)]
    pub(crate) wanted: WantedArguments,

    /// File of what was seen in the film: it is read where it fits the film, and else written
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) analysis: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) output: OutputArguments,

    #[command(flatten)]
    pub(crate) machine: MachineArguments,

    #[command(flatten)]
    pub(crate) access: Access,
}

/// Arguments of `plan`.
#[derive(Args, Debug)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,

    /// File of the plan [default: standard output]
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,

    /// Replace a plan that is already there; its locked shots are kept
    #[arg(long, help_heading = "Output")]
    pub(crate) overwrite: bool,

    /// File of what was seen in the film: it is read where it fits the film, and else written [default: beside the plan]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) analysis: Option<PathBuf>,

    /// Change a shot of the plan that INPUT is, and lock it: shot=12,x=0.7,mode=static; may be given several times
    ///
    /// x and y are the window's centre as fractions of the picture's width and height, and make it stand there. layout is window,
    /// stack (two windows, one above the other: lower-x and lower-y are the centre of the lower one) or fit (all of the picture).
    /// locked=yes or locked=no alone locks the shot as it is, or lets it be planned anew.
    #[arg(long, value_name = "SHOT", value_parser = values::shot_edit, help_heading = "Picture")]
    pub(crate) set: Vec<values::ShotEdit>,

    /// Progress: bar on standard error, json (JSON Lines on standard output, for a plan that goes to a file), none; auto is bar on a terminal
    #[arg(long, value_name = "MODE", default_value = "auto", value_enum, help_heading = "Output")]
    pub(crate) progress: Progress,

    /// Device that scales the picture to be looked at: auto (a GPU, else the CPU), gpu, cpu, or part of a GPU adapter's name
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = values::device, help_heading = "Machine")]
    pub(crate) device: DeviceChoice,

    #[command(flatten)]
    pub(crate) wanted: WantedArguments,

    #[command(flatten)]
    pub(crate) access: Access,
}

/// Arguments of `review`.
#[derive(Args, Debug)]
pub(crate) struct ReviewArguments {
    #[command(flatten)]
    pub(crate) plan: PlanFile,

    /// File of the page, to be opened in a browser
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: PathBuf,

    /// Replace a page that is already there
    #[arg(long, help_heading = "Output")]
    pub(crate) overwrite: bool,

    #[command(flatten)]
    pub(crate) access: Access,
}

/// Arguments of `preview`.
#[derive(Args, Debug)]
pub(crate) struct PreviewArguments {
    #[command(flatten)]
    pub(crate) plan: PlanFile,

    /// File of the film: MP4
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: PathBuf,

    /// Replace a film that is already there
    #[arg(long, help_heading = "Output")]
    pub(crate) overwrite: bool,

    /// Progress: bar on standard error, json (JSON Lines on standard output), none; auto is bar on a terminal
    #[arg(long, value_name = "MODE", default_value = "auto", value_enum, help_heading = "Output")]
    pub(crate) progress: Progress,

    #[command(flatten)]
    pub(crate) access: Access,
}

/// Arguments of `render`.
#[derive(Args, Debug)]
pub(crate) struct RenderArguments {
    #[command(flatten)]
    pub(crate) plan: PlanFile,

    #[command(flatten)]
    pub(crate) output: OutputArguments,

    #[command(flatten)]
    pub(crate) machine: MachineArguments,

    #[command(flatten)]
    pub(crate) access: Access,
}

/// Arguments of `batch`.
#[derive(Args, Debug)]
pub(crate) struct BatchArguments {
    /// Films, folders, patterns and manifests
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,

    /// Folder in which a folder is made for every film; with --export a URL too
    #[arg(short, long, value_name = "FOLDER", help_heading = "Output")]
    pub(crate) output: PathBuf,

    /// Write scripts that do the batch on a cluster, and do nothing: slurm, kubernetes
    #[arg(long, value_name = "ENGINE", value_enum, help_heading = "Cluster")]
    #[arg(conflicts_with_all = ["print_manifest", "overwrite", "watch", "move_done", "move_failed", "nice", "ionice"])]
    pub(crate) export: Option<Engine>,

    /// Parts that the segments of each film are encoded in, each a task of its own: more than 1 for long films
    #[arg(long, value_name = "N", default_value = "1", value_parser = values::jobs, requires = "export", help_heading = "Cluster")]
    pub(crate) shares: usize,

    /// Container image with this program, for kubernetes
    #[arg(
        long,
        value_name = "IMAGE",
        requires = "export",
        required_if_eq("export", "kubernetes"),
        help_heading = "Cluster"
    )]
    pub(crate) image: Option<String>,

    /// Claim of the volume with the films and OUTPUT, for kubernetes: it is mounted as the folder that you are in
    #[arg(long, value_name = "CLAIM", requires = "export", help_heading = "Cluster")]
    pub(crate) claim: Option<String>,

    /// Print the manifest of what would be done, as JSON, and do nothing
    #[arg(long, help_heading = "Input")]
    pub(crate) print_manifest: bool,

    /// Files of subtitles beside films: auto (those that are called like a film, of films that are no manifest's), none
    #[arg(long, value_name = "WAY", value_parser = ["auto", "none"], help_heading = "Input")]
    pub(crate) subtitles_in: Option<String>,

    /// Replace plans and renditions that are there and were not made by a batch
    #[arg(long, help_heading = "Output")]
    pub(crate) overwrite: bool,

    /// Refuse films that are damaged, cut short, without their sound or with wrong times
    #[arg(long, help_heading = "Input")]
    pub(crate) strict: bool,

    /// Times that a step is tried again which failed for a reason that may pass: reading or writing, or a crash
    #[arg(long, value_name = "N", default_value = "2", help_heading = "Batch")]
    pub(crate) retry: u32,

    /// Go on for ever: take films as they come into the folders that INPUT names, once they have stopped growing
    #[arg(long, help_heading = "Batch")]
    pub(crate) watch: bool,

    /// Time for which a film has not changed when it is taken
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = values::duration, requires = "watch", help_heading = "Batch")]
    pub(crate) settle: Rational,

    /// Folder that films are moved to whose renditions are there
    #[arg(long, value_name = "FOLDER", help_heading = "Batch")]
    pub(crate) move_done: Option<PathBuf>,

    /// Folder that films are moved to that failed
    #[arg(long, value_name = "FOLDER", help_heading = "Batch")]
    pub(crate) move_failed: Option<PathBuf>,

    /// Encrypt the tracks of packages with the keys in FILE (CENC, cbcs), for cmaf; a manifest may give each film its own
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) encrypt: Option<PathBuf>,

    /// Folder of the store of encoded segments, with --export a URL too [default: OUTPUT/.upright/store]
    #[arg(long, value_name = "STORE", help_heading = "Output")]
    pub(crate) store: Option<PathBuf>,

    /// Room to leave on the disk: below it nothing more is begun until there is room again
    #[arg(long, value_name = "SIZE", default_value = "2G", value_parser = values::size, help_heading = "Batch")]
    pub(crate) least_free: u64,

    /// Niceness of all work, from 0 to 19: others come first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=19), help_heading = "Machine")]
    pub(crate) nice: Option<u8>,

    /// Priority of all work at the disk: idle, or 0 (first) to 7 (last)
    #[arg(long, value_name = "CLASS", value_parser = values::disk_priority, help_heading = "Machine")]
    pub(crate) ionice: Option<values::DiskPriority>,

    /// Progress: bar on standard error, json (JSON Lines on standard output), none; auto is bar on a terminal
    #[arg(long, value_name = "MODE", default_value = "auto", value_enum, help_heading = "Output")]
    pub(crate) progress: Progress,

    #[command(flatten)]
    pub(crate) wanted: WantedArguments,

    #[command(flatten)]
    pub(crate) machine: MachineArguments,

    #[command(flatten)]
    pub(crate) access: Access,
}

/// Arguments of `status`.
#[derive(Args, Debug)]
pub(crate) struct StatusArguments {
    /// The output folder of the batch
    pub(crate) output: PathBuf,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `segment`.
#[derive(Args, Debug)]
pub(crate) struct SegmentArguments {
    #[command(flatten)]
    pub(crate) plan: PlanFile,

    /// Which segment: its place in the plan's list, from 0
    #[arg(short, long, value_name = "N", required_unless_present = "part")]
    pub(crate) number: Option<usize>,

    /// Which part of all segments: 2/5 is the second fifth of them, whatever their number is
    #[arg(long, value_name = "K/N", value_parser = values::part, conflicts_with = "number")]
    pub(crate) part: Option<values::Part>,

    /// Folder or URL of the store: it is made where it is missing, and any number of jobs may share it
    #[arg(short = 'o', long, alias = "output", value_name = "STORE", help_heading = "Output")]
    pub(crate) store: PathBuf,

    /// Size to keep the store below, about: bytes, or with K, M, G after it [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = values::size, help_heading = "Output")]
    pub(crate) store_size: Option<u64>,

    /// Progress: bar on standard error, json (JSON Lines on standard output), none; auto is bar on a terminal
    #[arg(long, value_name = "MODE", default_value = "auto", value_enum, help_heading = "Output")]
    pub(crate) progress: Progress,

    #[command(flatten)]
    pub(crate) machine: MachineArguments,

    #[command(flatten)]
    pub(crate) access: Access,
}

/// A plan, and where its source is now.
#[derive(Args, Debug)]
pub(crate) struct PlanFile {
    /// The plan, as plan has written it or as you have edited it, or - for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) plan: OsString,

    /// Where the film is now [default: where the plan says; a relative path counts from here, else from the plan's folder]
    #[arg(long, value_name = "INPUT", value_hint = ValueHint::FilePath, help_heading = "Input")]
    pub(crate) source: Option<OsString>,
}

/// The film, and which part of it.
#[derive(Args, Debug)]
pub(crate) struct InputArguments {
    /// The film: anything that libavformat opens, or - for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) input: OsString,

    /// Program to take streams from, by its number as probe shows it [default: that of the best picture]
    #[arg(long, value_name = "N", value_parser = values::program, help_heading = "Input")]
    pub(crate) program: Option<u32>,

    /// Picture to convert: auto (as ffmpeg: the largest, the file's default first), or the number of a video track from 1
    #[arg(long, value_name = "TRACK", default_value = "auto", value_parser = values::video, help_heading = "Input")]
    pub(crate) video: VideoChoice,

    // No documentation comments here: rustdoc takes the brackets for links.
    #[arg(help = "Skip the beginning: seconds or [HH:]MM:SS[.frac] after the start of the input [default: 0]")]
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Input")]
    pub(crate) start: Option<Rational>,

    #[arg(help = "Convert only this much: seconds or [HH:]MM:SS[.frac] [default: to the end]")]
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Input")]
    pub(crate) duration: Option<Rational>,

    /// File of subtitles beside the film (.srt, .vtt, .ass), a track of text; may be given several times. FILE=LANG says its language,
    /// FILE=LANG,sdh and FILE=LANG,forced what it is for, else its name does: film.en.sdh.srt. auto takes those that are called like the film
    #[arg(long, value_name = "FILE", value_parser = values::subtitle_input, help_heading = "Input")]
    pub(crate) subtitles_in: Vec<values::SubtitleInput>,
}

/// Where renditions go, and what is said of them.
#[derive(Args, Debug)]
pub(crate) struct OutputArguments {
    /// Folder in which a folder with the input's name is made
    #[arg(short, long, value_name = "FOLDER", default_value = ".", help_heading = "Output")]
    pub(crate) output: PathBuf,

    /// Name of that folder [default: the input's name without its extension]
    #[arg(long, value_name = "NAME", value_parser = values::folder_name, help_heading = "Output")]
    pub(crate) name: Option<String>,

    /// Replace renditions and report that are already there
    #[arg(long, help_heading = "Output")]
    pub(crate) overwrite: bool,

    /// Write the film's subtitles and closed captions (CEA-608 and 708) beside the renditions, as WebVTT, a file for each track: yes by
    /// itself for cmaf, else no. Those of --subtitles-in are always written
    #[arg(
        long,
        value_name = "yes|no",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "yes",
        value_parser = values::yes_or_no,
        help_heading = "Output"
    )]
    pub(crate) subtitles_out: Option<bool>,

    /// Encrypt the tracks of the package with the keys in FILE (CENC, cbcs), for cmaf
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) encrypt: Option<PathBuf>,

    /// Refuse an input that is damaged, cut short, without its sound or with wrong times, instead of converting what is
    /// whole
    #[arg(long, help_heading = "Input")]
    pub(crate) strict: bool,

    /// Store of encoded segments, a folder or a URL: those that are there are not encoded again, new ones are added
    #[arg(long, value_name = "STORE", help_heading = "Output")]
    pub(crate) store: Option<PathBuf>,

    /// Size to keep the store below, about: bytes, or with K, M, G after it [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = values::size, requires = "store", help_heading = "Output")]
    pub(crate) store_size: Option<u64>,

    /// Progress: bar on standard error, json (JSON Lines on standard output), none; auto is bar on a terminal
    #[arg(long, value_name = "MODE", default_value = "auto", value_enum, help_heading = "Output")]
    pub(crate) progress: Progress,

    /// Segments to encode at once [default: as many as keep all cores busy]
    #[arg(long, value_name = "N", value_parser = values::jobs, help_heading = "Machine")]
    pub(crate) jobs: Option<usize>,

    /// Say at the end where the time went: each stage at work, starved and blocked, each queue, and the bottleneck
    #[arg(long, help_heading = "Output")]
    pub(crate) stats: bool,
}

/// What is made of a film.
#[derive(Args, Clone, Debug)]
pub(crate) struct WantedArguments {
    /// Options that hold unless they are given here: those of vertical, feed or archive (see presets), or of a TOML file
    #[arg(long, value_name = "NAME|FILE", value_parser = PresetParser, hide_possible_values = true, help_heading = "Output")]
    pub(crate) preset: Option<OsString>,

    /// Sizes of the renditions, WIDTHxHEIGHT or WIDTH for 9:16, with commas between them
    #[arg(long, value_name = "RUNGS", default_value = "1080x1920,720x1280,540x960,360x640", help_heading = "Output")]
    pub(crate) ladder: Ladder,

    /// Sound to keep: auto (the best track that can be decoded), all, none, or a list of languages (eng, zh), numbers of tracks
    /// from 1, and left and right as 1+2. The first is the default one
    #[arg(long, value_name = "TRACKS", default_value = "auto", value_parser = values::audio, help_heading = "Sound")]
    pub(crate) audio: AudioChoice,

    /// Surround sound mixed to two channels by ITU-R BS.775: off, add (a track before it), only (in its place); add by itself for
    /// cmaf, else off
    #[arg(long, value_name = "WAY", value_parser = values::stereo, help_heading = "Sound")]
    pub(crate) stereo: Option<Stereo>,

    /// Loudness of the sound by EBU R128: auto (-16 LUFS, true peaks up to -1 dBTP, for cmaf; else off), off, or LUFS from -36 to -5
    #[arg(
        long,
        value_name = "LUFS",
        default_value = "auto",
        value_parser = values::loudness,
        allow_negative_numbers = true,
        help_heading = "Sound"
    )]
    pub(crate) loudness: LoudnessChoice,

    /// Place of the window: auto (follows faces and people, shot by shot), center, left, right, or its centre as a fraction of
    /// the width, 0 to 1
    #[arg(long, value_name = "X", default_value = "auto", value_parser = values::crop, help_heading = "Picture")]
    pub(crate) crop: CropChoice,

    /// Way of showing two people who do not fit into the window: cut (holds one of them), stack (one above the other), fit (shows
    /// all of the picture over itself out of focus)
    #[arg(long, value_name = "WAY", default_value = "cut", value_parser = values::two_shots, help_heading = "Picture")]
    pub(crate) two_shots: TwoShots,

    /// Interlaced and telecined pictures: auto (as measured: video at its field rate, film at its own), on (a picture of each
    /// frame), field-rate (a picture of each field), ivtc (film at its own rate, video at its frame rate), off
    #[arg(long, value_name = "WAY", default_value = "auto", value_parser = values::deinterlace, help_heading = "Picture")]
    pub(crate) deinterlace: Deinterlace,

    /// Noise and grain: off (they stay), auto (what is measured is taken out, where it costs bits), or how much, from 1 to 100: the
    /// noise's standard deviation, in tenths of a code of 8 bits. Decoders put the like of it back, as film grain
    #[arg(long, value_name = "NOISE", default_value = "off", value_parser = values::denoise, help_heading = "Picture")]
    pub(crate) denoise: Denoise,

    /// Windows of fewer samples than a rendition has pixels: lanczos, sharp (gives fine detail back that enlarging takes), auto
    /// (sharp where the source has bits enough to have such detail)
    #[arg(long, value_name = "WAY", default_value = "lanczos", value_parser = values::upscale, help_heading = "Picture")]
    pub(crate) upscale: UpscaleChoice,

    /// High dynamic range: auto (stays, unless 8 bits are asked for), keep, sdr (becomes standard dynamic range in BT.709), both (a
    /// rendition of each size of either)
    #[arg(long, value_name = "RANGE", default_value = "auto", value_parser = values::dynamic_range, help_heading = "Picture")]
    pub(crate) dynamic_range: DynamicRange,

    /// Standard dynamic range in other primaries, such as those of BT.2020 and BT.601: keep, or bt709 (is converted)
    #[arg(long, value_name = "GAMUT", default_value = "keep", value_parser = values::gamut, help_heading = "Picture")]
    pub(crate) gamut: Gamut,

    /// A look, as a .cube file, for renditions in BT.709
    #[arg(long, value_name = "FILE", help_heading = "Picture")]
    pub(crate) lut: Option<PathBuf>,

    /// What the look is applied to: after (pictures in BT.709), before (those of the source), instead (those of the source, which
    /// it converts itself)
    #[arg(long, value_name = "PLACE", default_value = "after", value_parser = values::lut_place, requires = "lut", help_heading = "Picture")]
    pub(crate) lut_place: LookPlace,

    /// Subtitles that are part of the picture: auto (those that the window would cut off are laid into it anew), keep (all are),
    /// off (none is)
    #[arg(long, value_name = "WAY", default_value = "auto", value_parser = values::subtitles, help_heading = "Picture")]
    pub(crate) subtitles: Subtitles,

    /// Draw subtitles into the pictures: the number of a subtitle track as probe shows it, a language (eng, zh), or closed captions
    /// as cc1 or service1
    #[arg(long, value_name = "TRACK", value_parser = values::text_track, help_heading = "Picture")]
    pub(crate) burn_in: Option<TextSelector>,

    /// Font to try first for --burn-in: a file, or an installed family; others have the characters that it lacks [default: Noto Sans,
    /// or the like]
    #[arg(long, value_name = "FONT", value_parser = values::font, requires = "burn_in", help_heading = "Picture")]
    pub(crate) font: Option<FontChoice>,

    /// AV1 encoder, as doctor lists them: rav1e, one of FFmpeg's, or auto: the fastest in software
    #[arg(long, value_name = "NAME", default_value_t = PlanOptions::default().encoder, help_heading = "Encoding")]
    pub(crate) encoder: EncoderChoice,

    /// A setting of the encoder by its own name, as the encoder's documentation has them; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::key_value, help_heading = "Encoding")]
    pub(crate) encoder_options: Vec<(String, String)>,

    /// From 0 (slowest, smallest files) to 10 (fastest)
    #[arg(long, value_name = "0..10", default_value_t = PlanOptions::default().speed, help_heading = "Encoding")]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=10))]
    pub(crate) speed: u8,

    /// From 0 (smallest) to 100 (best), one scale for all encoders
    #[arg(long, value_name = "0..100", default_value_t = PlanOptions::default().quality, help_heading = "Encoding")]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) quality: u8,

    /// VMAF that renditions are to have, 1 to 100: each shot gets the quality for it, found by encoding parts of it beforehand; one
    /// number for all sizes, or SIZE=N with commas between them. Needs an ffmpeg with libvmaf (see doctor)
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = values::vmaf, help_heading = "Encoding")]
    pub(crate) target_vmaf: Vec<(Option<Size>, f64)>,

    /// Bits of video a second that are not exceeded in any 6 seconds, as 2400k or 2.4M: one limit for all sizes, or SIZE=LIMIT with
    /// commas between them
    #[arg(long, value_name = "LIMIT", value_delimiter = ',', value_parser = values::bitrate, help_heading = "Encoding")]
    pub(crate) max_bitrate: Vec<(Option<Size>, u64)>,

    /// Forms of the renditions, with commas between them: mp4 (a file each, with the sound in it), cmaf (tracks with HLS and DASH
    /// manifests, for CDNs)
    #[arg(
        long,
        value_name = "LIST",
        default_value = "mp4",
        value_delimiter = ',',
        value_enum,
        help_heading = "Output"
    )]
    pub(crate) format: Vec<Format>,

    /// Time that a segment lasts which players fetch, for cmaf: a multiple of the time between key frames
    #[arg(long, value_name = "SECONDS", default_value = "6", value_parser = values::duration, help_heading = "Output")]
    pub(crate) segment_duration: Rational,

    /// Time that the first segment lasts, for cmaf: shorter than the others, so that players begin soon. Key frames and segments are
    /// counted from its end [default: as the others]
    #[arg(long, value_name = "SECONDS", value_parser = values::duration, help_heading = "Output")]
    pub(crate) first_segment: Option<Rational>,

    /// Write each segment into a file of its own, for cmaf, in a folder for each track [default: ranges of one file for each track]
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        action = ArgAction::Set,
        default_value = "false",
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) segment_files: bool,

    /// Give DASH the sound as Opus besides AAC, for cmaf: of tracks with no more than two channels
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        action = ArgAction::Set,
        default_value = "false",
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Sound"
    )]
    pub(crate) opus: bool,

    /// Pictures made beside the renditions, with commas between them: poster, storyboard (small stills with an index of them, for
    /// seeking), preview (an animation of 3 s); all, none. poster@1:02.5 and preview@62 say when, else a place is chosen
    #[arg(long, value_name = "LIST", default_value = "none", value_parser = values::pictures, help_heading = "Output")]
    pub(crate) pictures: Pictures,

    /// Time from one key frame to the next, the same instants in every rendition
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = values::duration, help_heading = "Encoding")]
    pub(crate) keyframe_interval: Rational,

    /// Bits of the renditions' samples: auto is 8 for an input of 8 bits, and 10 for one of more and for HDR
    #[arg(long, value_name = "BITS", default_value = "auto", value_enum, help_heading = "Encoding")]
    pub(crate) bit_depth: BitDepth,
}

/// How much of the machine is used; nothing here changes what is in the renditions.
#[derive(Args, Debug)]
pub(crate) struct MachineArguments {
    /// What scales the picture: auto (a GPU, else the CPU), gpu, cpu, or part of a GPU adapter's name (see doctor)
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = values::device, help_heading = "Machine")]
    pub(crate) device: DeviceChoice,

    /// Memory to stay below, about: bytes, or with K, M, G after it [default: three quarters of what is free]
    #[arg(long, value_name = "SIZE", value_parser = values::size, help_heading = "Machine")]
    pub(crate) memory: Option<u64>,
}

/// Files and hosts that an input may reach.
#[derive(Args, Debug)]
pub(crate) struct Access {
    /// libav protocols that the input may use besides the named file itself, with commas between them [default: none]
    ///
    /// Playlists and the like can name other files and hosts: none of them is opened unless its protocol is listed.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = values::protocol, help_heading = "Input")]
    pub(crate) protocols: Vec<String>,
}

/// Arguments of `verify`.
#[derive(Args, Debug)]
pub(crate) struct VerifyArguments {
    /// The package
    pub(crate) package: PathBuf,

    /// Do not decode its pictures: manifests, boxes and headers alone
    #[arg(long)]
    pub(crate) no_decode: bool,

    /// Keys of encrypted tracks, in a file as for --encrypt: without them these are not decoded
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `presets`.
#[derive(Args, Debug)]
pub(crate) struct PresetsArguments {
    /// The preset, or a file that is to be checked
    #[arg(value_parser = PresetParser, hide_possible_values = true)]
    pub(crate) preset: Option<OsString>,
}

#[derive(Args, Debug)]
pub(crate) struct ProbeArguments {
    /// The film: anything that libavformat opens, or - for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) input: OsString,

    /// Program to take streams from, by its number [default: that of the best picture]
    #[arg(long, value_name = "N", value_parser = values::program, help_heading = "Input")]
    pub(crate) program: Option<u32>,

    /// Picture to look at: auto (as ffmpeg: the largest, the file's default first), or the number of a video track from 1
    #[arg(long, value_name = "TRACK", default_value = "auto", value_parser = values::video, help_heading = "Input")]
    pub(crate) video: VideoChoice,

    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Args, Debug)]
pub(crate) struct DoctorArguments {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BenchArguments {
    #[arg(help = "The film to measure with: anything that libavformat opens [default: one that is made for it]")]
    pub(crate) input: Option<PathBuf>,

    // No documentation comments here: rustdoc takes the brackets for links.
    #[arg(help = "How much of the film: seconds or [HH:]MM:SS[.frac] [default: 2 for every core]")]
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Input")]
    pub(crate) duration: Option<Rational>,

    /// Times that everything is measured, in turn
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) runs: u32,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) wanted: WantedArguments,

    /// Segments to encode at once [default: as many as keep all cores busy]
    #[arg(long, value_name = "N", value_parser = values::jobs, help_heading = "Machine")]
    pub(crate) jobs: Option<usize>,

    #[command(flatten)]
    pub(crate) machine: MachineArguments,

    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Args, Debug)]
pub(crate) struct CompletionsArguments {
    /// The shell
    pub(crate) shell: Shell,
}

#[derive(Args, Debug)]
pub(crate) struct ManArguments {
    /// Folder for the pages: upright.1, and one for each command [default: upright.1 alone, to standard output]
    #[arg(short, long, value_name = "FOLDER", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    Slurm,
    Kubernetes,
}

/// A form of the renditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Mp4,
    Cmaf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BitDepth {
    Auto,
    #[value(name = "8")]
    Eight,
    #[value(name = "10")]
    Ten,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    Auto,
    Bar,
    Json,
    None,
}

/// Examples for the help and the manual page.
pub(crate) const EXAMPLES: &str = "\
Examples:
  A studio, one episode for release, slowly and well:
    upright convert episode-01.mov -o vertical/ --speed 4 --quality 85
  A CDN pipeline, from a pipe, progress for a machine to read, nothing damaged let through:
    upright convert - -o /srv/vod --ladder 1080,720,540 --progress json --strict < master.mp4
  A developer, a quick look at ten seconds with the window further left:
    upright convert clip.mp4 --start 80 --duration 10 --ladder 360 --crop 0.3 --speed 10
  A studio, a season over night; the same command goes on after a crash:
    upright batch season-1/ -o vertical/ --encoder auto
  A studio, one shot mended by hand, and only what it changes encoded again:
    upright plan episode-01.mov -o 01.plan.json
    upright render 01.plan.json -o vertical/ --store cache/
    upright render 01.plan.json -o vertical/ --store cache/ --overwrite   (after the edit)";

fn examples_and_exit_codes() -> String {
    let mut text = format!("{EXAMPLES}\n\nExit codes:\n");
    for exit in Exit::ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {:>3}  {}", exit.code(), exit.meaning());
    }
    text
}
