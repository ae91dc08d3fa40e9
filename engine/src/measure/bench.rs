//! Measuring a film: each part of its conversion by itself with all cores, and the whole of it.

use crate::control::Control;
use crate::encode::{Encoder, EncoderFactory};
use crate::error::{Error, Result};
use crate::frame::{Frame, HeldFrame};
use crate::machine::cores;
use crate::media::{Event, Source};
use crate::picture::{Device, DeviceChoice, DeviceInfo, Graph, PictureSet, Runner, View};
use crate::pipeline::{self, Limits, RenderOptions, render};
use crate::plan::{Plan, PlanOptions, RungFollows};
use crate::source::{Input, OpenOptions, SourceInfo};
use std::cmp::Reverse;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Source frames that are scaled over and over.
const SOURCE_FRAMES: usize = 8;
/// Time for which a device is waited for at a stretch.
const PULSE: Duration = Duration::from_millis(500);
/// Time for which scaling is measured.
const LONG_ENOUGH: Duration = Duration::from_secs(1);

/// A number of frames, and the time that was spent on them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throughput {
    /// Source frames.
    pub frames: u64,
    /// Seconds.
    pub seconds: f64,
}

impl Throughput {
    fn since(begin: Instant, frames: u64) -> Self {
        Self { frames, seconds: begin.elapsed().as_secs_f64() }
    }

    /// Computes source frames a second.
    pub fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "no film is that long")]
        let frames = self.frames as f64;
        frames / self.seconds
    }
}

/// A film and what is to be made of it, with what measuring needs in memory.
#[derive(Debug)]
pub struct Bench<'a> {
    input: Input,
    open: OpenOptions,
    info: SourceInfo,
    options: PlanOptions,
    plan: Plan,
    device: Device,
    device_choice: DeviceChoice,
    device_info: DeviceInfo,
    limits: Limits,
    control: &'a Control,
    /// Frames of the film.
    frames: u64,
    /// The first frames as they come from the decoder.
    sources: Vec<(HeldFrame, View)>,
    /// The first frames of every rung, in the order of the plan.
    rungs: Vec<Vec<HeldFrame>>,
    /// Ranges of those, each from a key frame up to the next.
    segments: Vec<Range<usize>>,
}

impl<'a> Bench<'a> {
    /// Decodes and scales the film once. At most `memory` bytes of scaled frames are kept for the encoders: what does
    /// not fit is not encoded; what fits is, more than once. `control` cancels this and everything else.
    ///
    /// # Errors
    /// As [`Source::open`], [`Plan::new`] and [`Device::open_for`]; [`Error::Cancelled`].
    pub fn open(
        input: Input,
        open: OpenOptions,
        options: &PlanOptions,
        device_choice: DeviceChoice,
        limits: Limits,
        memory: usize,
        control: &'a Control,
    ) -> Result<Self> {
        let source = Source::open_within(&input, &open, control)?;
        let info = source.info().clone();
        let plan = Plan::new(&info, options)?;
        // As many as will scale at once show that there is memory for them.
        let (device, mut runners) = Device::open_for(&device_choice, &plan.graph(), |_| Ok(cores()))?;
        let runner = runners.pop().ok_or_else(|| Error::StageLost { stage: "scale".to_owned() })?;
        drop(runners);
        let mut bench = Self {
            input,
            open,
            info,
            device_info: runner.device().clone(),
            device,
            device_choice,
            limits,
            control,
            frames: 0,
            sources: Vec::new(),
            rungs: plan.follows.rungs.iter().map(|_| Vec::new()).collect(),
            segments: Vec::new(),
            options: options.clone(),
            plan,
        };
        bench.prepare(source, runner, memory)?;
        Ok(bench)
    }

    fn prepare(&mut self, mut source: Source, mut runner: Box<dyn Runner>, memory: usize) -> Result<()> {
        let graph = self.plan.graph();
        let room = (memory / graph.output_formats().iter().map(|format| format.bytes()).sum::<usize>()).max(1);
        let mut segmenter = self.plan.segmenter();
        let (mut starts, mut kept) = (Vec::new(), 0);
        let mut frame = Frame::new(graph.largest_source());
        while let Some(view) = self.next_frame(&mut source, &graph, &mut frame, self.frames)? {
            let key = segmenter.next(frame.pts).key;
            if kept < room {
                if key {
                    starts.push(kept);
                }
                runner.submit(&frame.clone().into(), view.into())?;
                let PictureSet { pictures, .. } = collect(&mut *runner, self.control)?;
                // Copies: a device lends no more than a few.
                let copies = pictures.iter().map(|picture| Frame::clone(picture).into());
                self.rungs.iter_mut().zip(copies).for_each(|(rung, copy)| rung.push(copy));
                kept += 1;
            }
            if self.sources.len() < SOURCE_FRAMES {
                self.sources.push((frame.clone().into(), view));
            }
            self.frames += 1;
        }
        let ends = starts.iter().copied().skip(1).chain([kept]);
        self.segments = starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect();
        Ok(())
    }

    /// Fills `frame` with as much as is wanted of the next video frame, the one of this number; tells how it is cropped. None
    /// at the end.
    fn next_frame(&self, source: &mut Source, graph: &Graph, frame: &mut Frame, number: u64) -> Result<Option<View>> {
        loop {
            self.control.check()?;
            match source.next()? {
                Event::Frame { pts, .. } => {
                    let no_window = || Error::misuse(format!("frame {number} at {pts} has no window"));
                    let layers = self.plan.layers(pts).ok_or_else(no_window)?;
                    let area = graph.area(layers);
                    source.fill(area, frame)?;
                    return Ok(Some(View { layers, area, frame: number }));
                }
                Event::Audio { .. } | Event::SoundChanged { .. } => {}
                Event::End => return Ok(None),
            }
        }
    }

    /// Returns the facts about the film.
    pub fn info(&self) -> &SourceInfo {
        &self.info
    }

    /// Returns the plan that is measured.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the device that scales.
    pub fn device(&self) -> &DeviceInfo {
        &self.device_info
    }

    /// Returns the number of frames of the film.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Decodes the film, its sound included, by one decoder with its threads.
    ///
    /// # Errors
    /// As [`Source::open`] and [`Source::next`]; [`Error::Cancelled`].
    pub fn decode(&self) -> Result<Throughput> {
        let begin = Instant::now();
        let mut source = Source::open_within(&self.input, &self.open, self.control)?;
        let graph = self.plan.graph();
        let mut frame = Frame::new(graph.largest_source());
        let mut frames = 0;
        while self.next_frame(&mut source, &graph, &mut frame, frames)?.is_some() {
            frames += 1;
        }
        Ok(Throughput::since(begin, frames))
    }

    /// Scales the film's first frames to all rungs for a second, with a runner for every core.
    ///
    /// # Errors
    /// As [`Device::runner`] and [`Runner`]; [`Error::Cancelled`].
    pub fn scale(&self) -> Result<Throughput> {
        let graph = self.plan.graph();
        let number = AtomicU64::new(0);
        let begin = Instant::now();
        each(cores(), |stop| {
            let mut runner = self.device.runner(&graph)?;
            for (source, view) in self.sources.iter().cycle() {
                if stop.load(Ordering::Relaxed) || begin.elapsed() >= LONG_ENOUGH {
                    break;
                }
                self.control.check()?;
                while !runner.has_room() {
                    collect(&mut *runner, self.control)?;
                }
                runner.submit(source, (*view).into())?;
                number.fetch_add(1, Ordering::Relaxed);
            }
            runner.finish()?;
            (0..runner.under_way()).try_for_each(|_| collect(&mut *runner, self.control).map(drop))
        })?;
        Ok(Throughput::since(begin, number.into_inner()))
    }

    /// Encodes every rung of as many frames as the film has, from scaled frames in memory: one encoder for a whole rung
    /// or for a segment of it, as the plan has it, and as many of them at once as it takes to keep all cores busy.
    /// Nothing is written: less than this no conversion by these encoders can take.
    ///
    /// # Errors
    /// As [`EncoderFactory`] and [`Encoder`]; [`Error::Cancelled`].
    pub fn encode(&self) -> Result<Throughput> {
        let mut frames = 0;
        let mut segments = Vec::new();
        for segment in self.segments.iter().cycle() {
            if frames >= self.frames {
                break;
            }
            frames += segment.len() as u64;
            segments.push(segment.clone());
        }
        // As in a conversion: one encoder for all segments of a rung, or one for each.
        let lasting = self.plan.is_sequential();
        let runs: Vec<_> = segments.chunks(if lasting { segments.len().max(1) } else { 1 }).collect();
        let rungs = self.plan.follows.rungs.iter().zip(&self.rungs).enumerate();
        let jobs = rungs.flat_map(|(number, (rung, frames))| {
            runs.iter().map(move |segments| EncodeJob::new(number, rung, frames, segments))
        });
        let mut jobs: Vec<_> = jobs.collect();
        // The longest first, so that no core is left with one at the end.
        jobs.sort_by_key(|job| Reverse(job.rung.size.pixels() * job.frames.len() as u64));
        let begin = Instant::now();
        let factory = EncoderFactory::find(&self.plan.wanted.encoder.kind)?;
        let open = |rung: usize| {
            let settings = self.plan.encoder_settings(rung, 0);
            factory.open(&settings.ok_or_else(|| Error::misuse("the plan has no such rung"))?, self.control)
        };
        let encoders = if lasting {
            // All before the first frame: see [`EncoderFactory::open`].
            for job in &mut jobs {
                job.encoder = Some(open(job.number)?);
            }
            jobs.len()
        } else {
            // One more than their threads ask for, so that one may begin or end while the others work.
            (cores().div_ceil(self.plan.wanted.encoder.threads.max(1)) + 1).min(cores())
        };
        let jobs = Mutex::new(jobs.into_iter());
        let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
        each(encoders, |stop| {
            while let Some(job) = next() {
                let mut encoder = job.encoder.map_or_else(|| open(job.number), Ok)?;
                let mut packets = Vec::new();
                for (frame, key) in job.frames {
                    if stop.load(Ordering::Relaxed) {
                        return Ok(());
                    }
                    self.control.check()?;
                    encoder.encode(frame.clone(), key, &mut packets)?;
                    packets.clear();
                }
                while encoder.finish(&mut packets)? {
                    self.control.check()?;
                }
            }
            Ok(())
        })?;
        Ok(Throughput::since(begin, frames))
    }

    /// Converts the film, with all that belongs to a conversion, into a temporary folder in this one.
    ///
    /// # Errors
    /// As [`render`].
    pub fn convert(&self, folder: &Path) -> Result<Throughput> {
        let folder = TempDir::new_in(folder).map_err(Error::io(folder, "cannot make a folder"))?;
        let options =
            RenderOptions::new(folder.path()).overwrite(true).device(self.device_choice.clone()).limits(self.limits);
        let begin = Instant::now();
        let source = Source::open_within(&self.input, &self.open, self.control)?;
        let plan = pipeline::plan(&source, &self.options, self.control, &|_| ())?;
        let report = render(source, &plan, &options, self.control, &|_| ())?;
        Ok(Throughput::since(begin, report.frames))
    }
}

/// Waits for the oldest set and gives it.
fn collect(runner: &mut dyn Runner, control: &Control) -> Result<PictureSet> {
    while !runner.wait(PULSE)? {
        control.check()?;
    }
    runner.collect()
}

/// The frames of one rung that one encoder makes, and which of them are key frames.
struct EncodeJob<'a> {
    /// Of the rung.
    number: usize,
    rung: &'a RungFollows,
    frames: Vec<(&'a HeldFrame, bool)>,
    /// Where it is opened before any of them works.
    encoder: Option<Box<dyn Encoder>>,
}

impl<'a> EncodeJob<'a> {
    fn new(number: usize, rung: &'a RungFollows, frames: &'a [HeldFrame], segments: &[Range<usize>]) -> Self {
        let frames = segments
            .iter()
            .flat_map(|segment| frames[segment.clone()].iter().enumerate().map(|(index, frame)| (frame, index == 0)));
        Self { number, rung, frames: frames.collect(), encoder: None }
    }
}

/// Runs `work` on so many threads, which are told to stop once one has failed. The first failure in their order counts.
fn each(threads: usize, work: impl Fn(&AtomicBool) -> Result<()> + Sync) -> Result<()> {
    let stop = AtomicBool::new(false);
    let one = || {
        let done = work(&stop);
        if done.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        done
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        // A panic has told of itself; nothing is left but to pass it on.
        let ended =
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause)));
        ended.collect::<Vec<_>>().into_iter().collect()
    })
}

#[cfg(test)]
mod tests;
