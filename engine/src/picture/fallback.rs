//! Going on with another device where one fails in the middle of a job.

use super::graph::{Graph, Reach};
use super::info::GpuStats;
use super::request::Request;
use super::runner::{PictureSet, Runner};
use crate::error::{Error, Result};
use crate::frame::HeldFrame;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::OnceLock;
use std::time::Duration;

/// A device that was left in the middle of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fallback {
    /// Its name.
    pub device: String,
    /// The failure that it was left for.
    pub why: String,
    /// Number of the frame in the job, from 0, from which on the CPU scaled instead. Where several segments were under
    /// way, the others changed over at frames of their own.
    pub frame: u64,
}

/// Makes the runner that goes on.
pub(crate) type Twin<'a> = Box<dyn FnOnce() -> Result<Box<dyn Runner>> + Send + 'a>;

/// A runner and another that takes its place, once, when its device fails. Source frames are kept until all that is made of
/// them is collected, so that the other begins with the oldest ones that are still needed: no set is missing and none comes
/// twice.
pub(crate) struct FallbackRunner<'a> {
    runner: Box<dyn Runner>,
    /// None where a failure is final.
    twin: Option<Twin<'a>>,
    /// Where the first of several runners notes which device it left.
    left: &'a OnceLock<Fallback>,
    reach: Reach,
    run: Run,
    /// Statistics of a GPU that was left.
    gpu: Option<GpuStats>,
}

/// Frames that are neighbours of one another.
#[derive(Default)]
struct Run {
    /// Frames that sets may still be made of, the oldest first.
    sources: VecDeque<(HeldFrame, Request)>,
    /// Number of those that the runner has.
    submitted: usize,
    /// Whether no frame follows, and whether the runner knows that.
    ended: bool,
    finished: bool,
    /// Number of the set that was collected last.
    given: Option<u64>,
}

impl Run {
    /// Finds the first frame that sets may still be made of: far enough before the first of which one is to come, or before those
    /// that follow.
    fn first_needed(&self, reach: Reach) -> usize {
        let is_owed = |frame: u64| self.given.is_none_or(|given| frame > given);
        let owes = |request: &Request| request.pictures().any(|picture| is_owed(picture.frame));
        let owed = self.sources.iter().take(self.submitted).position(|(_, request)| owes(request));
        let owed = owed.unwrap_or(self.submitted);
        let [most, _] = reach.most_frames();
        let (mut first, mut pictures) = (owed, reach.pictures[0]);
        while pictures > 0 && first > 0 {
            first -= 1;
            pictures = pictures.saturating_sub(self.sources[first].1.made().count());
        }
        first.saturating_sub(reach.frames[0]).max(owed.saturating_sub(most))
    }
}

impl<'a> FallbackRunner<'a> {
    /// Makes it for a graph.
    pub(crate) fn new(
        runner: Box<dyn Runner>,
        graph: &Graph,
        twin: Option<Twin<'a>>,
        left: &'a OnceLock<Fallback>,
    ) -> Self {
        Self { runner, twin, left, reach: graph.reach(), run: Run::default(), gpu: None }
    }

    /// Says whether there is a set to be collected.
    pub(crate) fn owes(&self) -> bool {
        self.runner.under_way() > 0
    }

    /// As [`Runner::has_room`].
    pub(crate) fn has_room(&self) -> bool {
        self.run.submitted == self.run.sources.len() && self.runner.has_room()
    }

    /// Begins on a frame.
    ///
    /// # Errors
    /// As [`Runner::submit`]; [`Error::Device`] only where there is no other device to go on with.
    pub(crate) fn submit(&mut self, source: HeldFrame, request: Request) -> Result<()> {
        self.run.sources.push_back((source, request));
        self.go_on_with(|_| Ok(()))?;
        self.let_go();
        Ok(())
    }

    /// As [`Runner::finish`].
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.run.ended = true;
        self.go_on_with(|_| Ok(()))?;
        self.let_go();
        Ok(())
    }

    /// As [`Runner::wait`].
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<bool> {
        self.go_on_with(|this| this.runner.wait(limit))
    }

    /// As [`Runner::collect`].
    pub(crate) fn collect(&mut self) -> Result<PictureSet> {
        let set = self.go_on_with(|this| this.runner.collect())?;
        self.run.given = Some(set.frame);
        // There is room for what had to wait.
        self.go_on_with(|_| Ok(()))?;
        self.let_go();
        Ok(set)
    }

    /// Tells what a GPU did so far, be it one that was left.
    pub(crate) fn gpu_stats(&self) -> Option<GpuStats> {
        self.gpu.into_iter().chain(self.runner.gpu_stats()).reduce(GpuStats::and)
    }

    /// Gives the runner the frames that it has room for and then does `work` with it; if its device fails, all of it once
    /// more with the other.
    fn go_on_with<R>(&mut self, mut work: impl FnMut(&mut Self) -> Result<R>) -> Result<R> {
        loop {
            let done = self.feed().and_then(|()| work(self));
            match (done, self.twin.take()) {
                (Err(Error::Device { device, why }), Some(twin)) => self.change(twin, device, why)?,
                (done, twin) => {
                    self.twin = twin;
                    return done;
                }
            }
        }
    }

    fn feed(&mut self) -> Result<()> {
        while let Some((source, request)) = self.run.sources.get(self.run.submitted).filter(|_| self.runner.has_room())
        {
            self.runner.submit(source, *request)?;
            self.run.submitted += 1;
        }
        if self.run.ended && !self.run.finished && self.run.submitted == self.run.sources.len() {
            self.runner.finish()?;
            self.run.finished = true;
        }
        Ok(())
    }

    /// Lets go of the frames of which nothing comes any more: of all of them at the end of a run.
    fn let_go(&mut self) {
        if self.run.finished && !self.owes() {
            self.run = Run::default();
            return;
        }
        let frames = self.run.first_needed(self.reach);
        self.run.sources.drain(..frames);
        self.run.submitted -= frames;
    }

    fn change(&mut self, twin: Twin<'a>, device: String, why: String) -> Result<()> {
        let collected = self.run.given;
        let pictures = || self.run.sources.iter().flat_map(|(_, request)| request.pictures());
        let is_owed = |frame: &u64| collected.is_none_or(|collected| *frame > collected);
        let frame = pictures().map(|picture| picture.frame).find(is_owed).unwrap_or(0);
        let fallback = Fallback { device, why, frame };
        let said =
            format!("device {}: {}: scaling on the CPU instead from frame {frame} on", fallback.device, fallback.why);
        if self.left.set(fallback).is_ok() {
            log::warn!("{said}");
        }
        self.gpu = self.runner.gpu_stats();
        self.runner = twin()?;
        let Run { mut sources, ended, .. } = std::mem::take(&mut self.run);
        // Pictures that were collected are made once more for the sake of those after them alone.
        if let Some(collected) = collected {
            sources.iter_mut().for_each(|(_, request)| request.hide_until(collected));
        }
        self.run = Run { sources, ended, given: collected, ..Run::default() };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::ChromaSite;
    use crate::frame::{Area, Depth, Frame, FrameFormat, Subsampling};
    use crate::geometry::{Size, Window};
    use crate::picture::device::Device;
    #[cfg(feature = "gpu")]
    use crate::picture::info::DeviceChoice;
    use crate::picture::info::DeviceInfo;
    use crate::picture::plane_node::{DEINTERLACER, PlaneNode};
    use crate::picture::request::{FieldUse, MadePicture, PictureRequest};
    use crate::picture::scale::{Resampling, ScaleSpec};
    use crate::plane_twin;
    use upright_shaders::flip_of_three;
    use upright_shaders::kernels::FLIP_OF_THREE;

    fn spec() -> ScaleSpec {
        let format = |width, height, depth| FrameFormat { width, height, subsampling: Subsampling::CS420, depth };
        ScaleSpec {
            source: format(160, 90, Depth::Ten),
            room: Size { width: 160, height: 90 },
            source_chroma: ChromaSite::LEFT,
            full_range: false,
            rungs: vec![format(54, 96, Depth::Eight), format(36, 64, Depth::Ten)],
            rung_chroma: ChromaSite::LEFT,
            resampling: Resampling::Lanczos,
        }
    }

    fn picture(frame: u64) -> PictureRequest {
        let x = 20.0 + f64::from(frame as u32) * 0.3;
        let layers = Window { x, y: 0.0, width: 50.625, height: 90.0 }.into();
        PictureRequest { layers, frame, fields: FieldUse::WHOLE, time: None }
    }

    fn request(frame: u64) -> Request {
        Request::new(Area::whole(spec().source), &[picture(frame)]).unwrap()
    }

    /// Of frames in turn one picture, two and none; their numbers are four times the frame's, and the next.
    fn some(frame: u64) -> Request {
        let fields = FieldUse::Interpolated { bottom: true, later: true };
        let pictures = [picture(4 * frame), PictureRequest { fields, ..picture(4 * frame + 1) }];
        Request::new(Area::whole(spec().source), &pictures[..[1, 2, 0][frame as usize % 3]]).unwrap()
    }

    /// The same, of which the first three pictures and the last are hidden.
    fn some_hidden(frame: u64) -> Request {
        let shown = some(frame);
        let made = shown.made().map(|picture| if (2..12).contains(&frame) { *picture } else { picture.hidden() });
        Request::with_hidden(Area::whole(spec().source), &made.collect::<Vec<MadePicture>>()).unwrap()
    }

    fn film(count: i64) -> Vec<HeldFrame> {
        let frame = |number: i64| -> HeldFrame {
            let mut frame = Frame::new(spec().source);
            for plane in 0..3 {
                let samples = frame.plane_mut::<u16>(plane).0.iter_mut().enumerate();
                samples.for_each(|(at, sample)| *sample = ((at * 37 + number as usize * 101) % 1024) as u16);
            }
            (frame.pts, frame.duration) = (number * 7, 7);
            frame.into()
        };
        (0..count).map(frame).collect()
    }

    fn graph() -> Graph {
        Graph::scaling(&spec())
    }

    fn cpu() -> Result<Box<dyn Runner>> {
        Device::cpu().runner(&graph())
    }

    /// Runs `film` through, with as many frames under way as may be; `before` is told how many were submitted.
    fn run(runner: &mut FallbackRunner<'_>, film: &[HeldFrame], before: impl FnMut(usize)) -> Result<Vec<Vec<u8>>> {
        run_with(runner, film, request, before)
    }

    fn run_with(
        runner: &mut FallbackRunner<'_>,
        film: &[HeldFrame],
        request: impl Fn(u64) -> Request,
        mut before: impl FnMut(usize),
    ) -> Result<Vec<Vec<u8>>> {
        let (mut made, mut numbers) = (Vec::new(), std::collections::BTreeSet::new());
        let mut waiting = film.iter().zip(0..).peekable();
        let mut ended = false;
        while waiting.peek().is_some() || !ended || runner.owes() {
            match waiting.next_if(|_| runner.has_room()) {
                Some((frame, number)) => {
                    before(number as usize);
                    runner.submit(frame.clone(), request(number))?;
                }
                None if waiting.peek().is_none() && !ended => {
                    runner.finish()?;
                    ended = true;
                }
                None => {
                    while !runner.wait(Duration::from_millis(20))? {}
                    let PictureSet { pictures, frame } = runner.collect()?;
                    assert!(numbers.insert(frame), "{frame} came twice");
                    made.push(pictures.iter().flat_map(|picture| picture.bytes()).copied().collect());
                }
            }
        }
        Ok(made)
    }

    #[cfg(feature = "gpu")]
    #[test]
    fn a_gpu_that_is_lost_in_the_middle_leaves_no_trace_in_the_bytes() {
        let (film, left) = (film(12), OnceLock::new());
        let expected = run(&mut FallbackRunner::new(cpu().unwrap(), &graph(), None, &left), &film, |_| ()).unwrap();
        assert_eq!(left.get(), None);
        for lost_at in [0, 1, 5, 11] {
            let device = Device::open(&DeviceChoice::Adapter(upright_fixtures::adapter())).unwrap();
            let left = OnceLock::new();
            let gpu = device.runner(&graph()).unwrap();
            let mut runner = FallbackRunner::new(gpu, &graph(), Some(Box::new(cpu)), &left);
            let lose = |number| {
                if number == lost_at {
                    device.lose();
                }
            };
            assert!(run(&mut runner, &film, lose).unwrap() == expected, "lost at {lost_at}");
            let by_gpu = runner.gpu_stats().unwrap().frames;
            let Fallback { device: name, why, frame } = left.get().unwrap();
            let is_named = name.to_lowercase().contains(&upright_fixtures::adapter().to_lowercase());
            assert!(is_named && why.contains("lost"), "lost at {lost_at}: {name}: {why}");
            assert_eq!((*frame, by_gpu <= lost_at as u64), (by_gpu, true));
        }
    }

    #[cfg(feature = "gpu")]
    #[test]
    fn a_gpu_that_is_lost_is_an_error_where_it_alone_was_wanted() {
        let device = Device::open(&DeviceChoice::Adapter(upright_fixtures::adapter())).unwrap();
        let left = OnceLock::new();
        let mut runner = FallbackRunner::new(device.runner(&graph()).unwrap(), &graph(), None, &left);
        let ended = run(&mut runner, &film(6), |number| {
            if number == 3 {
                device.lose();
            }
        });
        assert!(matches!(ended, Err(Error::Device { why, .. }) if why.contains("lost")));
        assert_eq!(left.get(), None);
    }

    /// Works until it has been given so many frames, and refuses everything then.
    struct Failing {
        runner: Box<dyn Runner>,
        device: DeviceInfo,
        left: usize,
    }

    impl Failing {
        fn after(frames: usize, graph: &Graph) -> Box<dyn Runner> {
            let device = DeviceInfo { name: "shy".to_owned(), kind: "gpu", detail: String::new() };
            Box::new(Self { runner: Device::cpu().runner(graph).unwrap(), device, left: frames })
        }

        fn check(&self) -> Result<()> {
            let refusal = || Error::Device { device: self.device.name.clone(), why: "refuses".to_owned() };
            if self.left > 0 { Ok(()) } else { Err(refusal()) }
        }
    }

    impl Runner for Failing {
        fn device(&self) -> &DeviceInfo {
            &self.device
        }

        fn under_way(&self) -> usize {
            self.runner.under_way()
        }

        /// As many as a GPU takes.
        fn has_room(&self) -> bool {
            self.runner.under_way() == 0
        }

        fn submit(&mut self, source: &HeldFrame, request: Request) -> Result<()> {
            self.check()?;
            self.left -= 1;
            self.runner.submit(source, request)
        }

        fn finish(&mut self) -> Result<()> {
            self.check()?;
            self.runner.finish()
        }

        fn collect(&mut self) -> Result<PictureSet> {
            self.check()?;
            self.runner.collect()
        }
    }

    #[test]
    fn the_first_of_several_that_are_left_is_the_one_that_is_told_and_no_second_twin_is_tried() {
        let (film, left, graph) = (film(2), OnceLock::new(), graph());
        let refusing = || Failing::after(0, &graph);
        let mut one = FallbackRunner::new(refusing(), &graph, Some(Box::new(cpu)), &left);
        let mut other = FallbackRunner::new(refusing(), &graph, Some(Box::new(cpu)), &left);
        one.submit(film[0].clone(), request(3)).unwrap();
        other.submit(film[1].clone(), request(1)).unwrap();
        let told = Fallback { device: "shy".to_owned(), why: "refuses".to_owned(), frame: 3 };
        assert_eq!(left.get(), Some(&told));
        let mut hopeless = FallbackRunner::new(refusing(), &graph, Some(Box::new(|| Ok(refusing()))), &left);
        assert!(matches!(hopeless.submit(film[0].clone(), request(0)), Err(Error::Device { .. })));
    }

    static WITH_NEIGHBOURS: PlaneNode = PlaneNode {
        kernel: &FLIP_OF_THREE,
        tile: None,
        twin_8: plane_twin!(flip_of_three, u8),
        twin_16: plane_twin!(flip_of_three, u16),
        neighbours: [1, 1],
        needs: |area, _| area,
        most_pictures: 1,
        fields: |fields| fields,
    };

    /// Crops and scales what comes of these nodes.
    fn graph_of(nodes: &[&'static PlaneNode]) -> Graph {
        let mut graph = Graph::new(spec().source);
        let last = nodes.iter().fold(Graph::SOURCE, |edge, node| graph.planes(edge, node));
        let cropped = graph.crop(last);
        graph.scale(cropped, &spec()).into_iter().for_each(|rung| graph.output(rung));
        graph
    }

    #[test]
    fn frames_of_which_nothing_comes_are_let_go_of() {
        let (graph, left) = (graph_of(&[&WITH_NEIGHBOURS]), OnceLock::new());
        let mut runner = FallbackRunner::new(Device::cpu().runner(&graph).unwrap(), &graph, None, &left);
        let film = film(40);
        for (number, frame) in film.iter().enumerate() {
            runner.submit(frame.clone(), Request::none(Area::whole(spec().source))).unwrap();
            while runner.owes() {
                runner.collect().unwrap();
            }
            assert!(runner.run.sources.len() <= 3, "{number}");
        }
    }

    #[test]
    fn another_device_goes_on_in_the_middle_of_what_neighbours_are_made_of() {
        let both = graph_of(&[&WITH_NEIGHBOURS, &WITH_NEIGHBOURS]);
        assert_eq!(both.neighbours(), [2, 2]);
        changes_over(&both, request);
        changes_over(&graph_of(&[&DEINTERLACER]), some);
        let behind = graph_of(&[&DEINTERLACER, &WITH_NEIGHBOURS, &WITH_NEIGHBOURS]);
        assert_eq!(behind.reach(), Reach { frames: [1, 1], pictures: [2, 2] });
        changes_over(&behind, some);
        changes_over(&behind, some_hidden);
    }

    fn changes_over(graph: &Graph, request: fn(u64) -> Request) {
        let film = film(13);
        let cpu = || Device::cpu().runner(graph);
        let unused = OnceLock::new();
        let expected =
            run_with(&mut FallbackRunner::new(cpu().unwrap(), graph, None, &unused), &film, request, |_| ()).unwrap();
        let asked = (0..13).flat_map(|frame| request(frame).pictures().copied().collect::<Vec<_>>()).count();
        assert!(expected.len() == asked && asked >= 9);
        for frames in 0..=13 {
            let left = OnceLock::new();
            let failing = Failing::after(frames, graph);
            let mut runner = FallbackRunner::new(failing, graph, Some(Box::new(cpu)), &left);
            let made = run_with(&mut runner, &film, request, |_| ()).unwrap();
            assert!(made == expected, "after {frames} frames: {} sets of {}", made.len(), expected.len());
            assert!(left.get().is_some());
        }
        // Another film is no neighbour.
        let mut runner = FallbackRunner::new(cpu().unwrap(), graph, None, &unused);
        for _ in 0..2 {
            assert!(run_with(&mut runner, &film, request, |_| ()).unwrap() == expected);
        }
    }
}
