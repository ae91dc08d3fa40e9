//! A conversion as the tests want it: small, quick, on the CPU.

use std::path::{Path, PathBuf};
use upright_engine::Result;
use upright_engine::media::Source;
use upright_engine::picture::DeviceChoice;
use upright_engine::pipeline::{self, Control, Progress, RenderOptions, Report, render};
use upright_engine::plan::{CropChoice, PlanOptions, Segmentation};
use upright_engine::source::{AudioChoice, Input, OpenOptions, Span, VideoChoice};

pub(crate) struct Job {
    pub(crate) source: PathBuf,
    pub(crate) plan: PlanOptions,
    pub(crate) render: RenderOptions,
    pub(crate) span: Span,
    /// Make the whole film one segment, whatever the planner would.
    pub(crate) whole: bool,
}

impl Job {
    /// Two small rungs of `source` into `directory`.
    pub(crate) fn new(source: &Path, directory: &Path) -> Self {
        Self {
            source: source.to_owned(),
            plan: PlanOptions::default()
                .ladder("72,36".parse().unwrap())
                .speed(10)
                .quality(80)
                .crop(CropChoice::Center),
            render: RenderOptions::new(directory).device(DeviceChoice::Cpu),
            span: Span::default(),
            whole: false,
        }
    }

    pub(crate) fn open(&self) -> Result<Source> {
        let audio = AudioChoice::Best;
        let (protocols, video, span) = (Vec::new(), VideoChoice::Best, self.span);
        let options = OpenOptions::default().protocols(protocols).video(video).audio(audio).threads(1).span(span);
        Source::open(&Input::Path(self.source.clone()), &options)
    }

    pub(crate) fn run(&self) -> Result<Report> {
        self.run_with(&Control::default(), &|_| ())
    }

    pub(crate) fn run_with(&self, control: &Control, on_progress: &(dyn Fn(&Progress) + Sync)) -> Result<Report> {
        let source = self.open()?;
        let mut plan = pipeline::plan(&source, &self.plan, control, &|_| ())?;
        if self.whole {
            plan.wanted.segments = Segmentation::AsDecoded { key_frames: None };
        }
        render(source, &plan, &self.render, control, on_progress)
    }
}

/// Names in a directory, in order; none when it is not there.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = directory.read_dir() else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
