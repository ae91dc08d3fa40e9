//! Running a graph on a GPU.

use super::buffers::{NodeBuffers, RunnerBuffers, SLOTS, SharedBuffer};
use super::clock::Clock;
use super::composer::GpuComposer;
use super::context::{PATIENCE, Pipeline};
use super::device::Gpu;
use super::mapper::GpuMapper;
use super::memory::{DeviceMemory, Mapped};
use super::overlayer::GpuOverlayer;
use super::planes::{self, Made};
use super::scaler::GpuScaler;
use super::submission::{Recording, Sent};
use crate::error::{Error, Result};
use crate::frame::{Frame, HeldFrame};
use crate::picture::graph::{Edge, Graph, Node, NodeKind};
use crate::picture::info::{DeviceInfo, GpuStats};
use crate::picture::request::Request;
use crate::picture::runner::{PictureSet, Runner};
use crate::picture::schedule::{Picture, Schedule, Work};
use crate::picture::stock::Stock;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Makes a runner on an open GPU.
///
/// # Errors
/// [`Error::Device`] when it cannot hold the pictures.
pub(in crate::picture) fn runner(gpu: &Arc<Gpu>, graph: &Graph) -> Result<Box<dyn Runner>> {
    Ok(Box::new(GpuRunner::new(Arc::clone(gpu), graph)?))
}

/// Runs a graph on a GPU.
#[derive(Debug)]
pub(super) struct GpuRunner {
    gpu: Arc<Gpu>,
    graph: Arc<Graph>,
    pub(super) buffers: RunnerBuffers,
    clocks: Arc<Stock<Clock>>,
    schedule: Schedule<DeviceMemory>,
    nodes: Vec<GpuNode>,
    /// For each node, what lays overlays over its pictures.
    overlayers: Vec<Option<GpuOverlayer>>,
    stats: GpuStats,
    /// Oldest first.
    pub(super) flights: VecDeque<Flight>,
    done: VecDeque<PictureSet>,
}

#[derive(Debug)]
enum GpuNode {
    Crop,
    Scale(Box<GpuScaler>),
    Compose(Box<GpuComposer>),
    Map(Box<GpuMapper>),
    Planes(Arc<Pipeline>),
}

/// A submission under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) sent: Sent,
    /// Time that it has been waited for in vain.
    pub(super) waited: Duration,
    /// The sets that it makes.
    sets: Vec<FlyingSet>,
}

/// A set under way.
#[derive(Debug)]
struct FlyingSet {
    frame: u64,
    /// Where the processor will read, and the pictures, each with the number of its buffer.
    buffers: Vec<SharedBuffer>,
    pictures: Vec<(Picture<DeviceMemory>, usize)>,
}

impl GpuRunner {
    /// A runner on an open GPU.
    ///
    /// # Errors
    /// [`Error::Device`] when it cannot hold the pictures.
    pub(super) fn new(gpu: Arc<Gpu>, graph: &Graph) -> Result<Self> {
        let buffers = gpu.runner_buffers(graph);
        let alone = gpu.context.alone();
        gpu.context.attempt(|| buffers.fill(&gpu.context))?;
        let node = |kind: &NodeKind| match kind {
            NodeKind::Crop => Ok(GpuNode::Crop),
            NodeKind::Scale(spec) => GpuScaler::new(&gpu, spec).map(Box::new).map(GpuNode::Scale),
            NodeKind::Compose(spec) => GpuComposer::new(&gpu, spec).map(Box::new).map(GpuNode::Compose),
            NodeKind::Planes { node, .. } => gpu.pipeline(node.kernel).map(GpuNode::Planes),
            NodeKind::Map(spec) => GpuMapper::new(&gpu, spec).map(Box::new).map(GpuNode::Map),
        };
        let overlayer =
            |node: &Node| node.overlays.as_ref().map(|overlays| GpuOverlayer::new(&gpu, overlays)).transpose();
        let nodes = graph.nodes().iter().map(|maker| node(&maker.kind)).collect::<Result<_>>()?;
        let overlayers = graph.nodes().iter().map(overlayer).collect::<Result<_>>()?;
        drop(alone);
        let graph = Arc::new(graph.clone());
        Ok(Self {
            schedule: Schedule::new(Arc::clone(&graph)),
            clocks: Arc::default(),
            stats: GpuStats::default(),
            flights: VecDeque::new(),
            done: VecDeque::new(),
            gpu,
            graph,
            buffers,
            nodes,
            overlayers,
        })
    }

    /// Has all done for which everything is there: of the frame, if there is one, and of those before.
    fn advance(&mut self, source: Option<(&Frame, Request)>) -> Result<()> {
        let Self { gpu, graph, buffers, clocks, schedule, nodes, overlayers, stats, flights, .. } = self;
        let mut recording = Recording::begin(gpu, buffers)?;
        if let Some((frame, request)) = source {
            let buffer = buffers.source.take_shared(&gpu.context)?;
            recording.upload(frame.bytes(), &buffer)?;
            let frame = Frame::at(DeviceMemory { buffer, offset: 0 }, frame.format()).like(frame);
            schedule.add(frame.into(), request);
        }
        schedule.advance(|number, work| {
            let own = &buffers.nodes[number];
            let overlayer = &mut overlayers[number];
            let lay_over = |recording: &mut Recording<'_>, rungs: Vec<Frame<DeviceMemory>>, overlay: Option<u32>| {
                if let (Some(overlayer), Some(overlay)) = (overlayer, overlay) {
                    overlayer.record(recording, &rungs, overlay, own.overlays.as_ref())?;
                }
                Ok(rungs)
            };
            match (&mut nodes[number], work) {
                (GpuNode::Scale(scaler), Work::Scale { source, crop, overlay }) => {
                    let rungs = scaler.record(&mut recording, &source.frame, &crop, own)?;
                    lay_over(&mut recording, rungs, overlay)
                }
                (GpuNode::Compose(composer), Work::Compose { source, view }) => {
                    let rungs = composer.record(&mut recording, &source.frame, view, own)?;
                    lay_over(&mut recording, rungs, view.layers.overlay())
                }
                (GpuNode::Map(mapper), Work::Map { source, area }) => {
                    mapper.record(&mut recording, source, area, own).map(|frame| vec![frame])
                }
                (GpuNode::Planes(pipeline), Work::Planes { planes, sources, area, picture }) => {
                    let made = Made { grid: graph.grid(Edge(graph.nodes()[number].outputs.start)), area, picture };
                    let output = own.output.as_ref().ok_or_else(|| Error::misuse("gpu: a node has no output"))?;
                    planes::record(&mut recording, planes, pipeline, sources, made, output).map(|frame| vec![frame])
                }
                _ => Err(Error::misuse("gpu: a node was given another's work")),
            }
        })?;
        let mut sets = Vec::new();
        while let Some(pictures) = schedule.take() {
            sets.push(read_back(&mut recording, graph, buffers, pictures)?);
        }
        schedule.forget();
        let read: Vec<_> = sets.iter().flat_map(|set| &set.buffers).cloned().collect();
        let (sent, uploaded) = recording.submit(clocks, &read)?;
        if source.is_some() {
            stats.traffic.uploaded = uploaded;
        }
        flights.push_back(Flight { sent, waited: Duration::ZERO, sets });
        Ok(())
    }

    /// Waits for the oldest submission, for about `limit`; says whether it is done.
    fn land(&mut self, limit: Duration) -> Result<bool> {
        let (context, Some(flight)) = (&self.gpu.context, self.flights.front_mut()) else { return Ok(true) };
        if !flight.sent.wait(context, limit)? {
            flight.waited += limit;
            return if flight.waited >= PATIENCE { Err(context.give_up()) } else { Ok(false) };
        }
        let Some(Flight { sent, sets, .. }) = self.flights.pop_front() else { return Ok(true) };
        let seconds = sent.kernel_seconds(context)?;
        let stats = &mut self.stats;
        stats.kernel_seconds = stats.kernel_seconds.into_iter().chain(seconds).reduce(|a, b| a + b);
        for set in sets {
            stats.traffic.read_back = set.pictures.iter().map(|(picture, _)| picture.frame.format().bytes()).sum();
            self.done.push_back(set.land(&self.gpu)?);
        }
        Ok(true)
    }

    /// Waits until another submission may be under way.
    fn land_some(&mut self) -> Result<()> {
        while self.flights.len() >= SLOTS {
            while !self.land(PATIENCE)? {}
        }
        Ok(())
    }

    fn sets_in_flight(&self) -> usize {
        self.flights.iter().map(|flight| flight.sets.len()).sum()
    }
}

/// Has the pictures of a set brought to where the processor reads them.
fn read_back(
    recording: &mut Recording<'_>,
    graph: &Graph,
    buffers: &RunnerBuffers,
    pictures: Vec<Picture<DeviceMemory>>,
) -> Result<FlyingSet> {
    let frame = pictures.first().map_or(0, Picture::frame_number);
    let context = &recording.gpu().context;
    // Rungs of one node lie in one buffer.
    let mut made_in: Vec<SharedBuffer> = Vec::new();
    let mut set = FlyingSet { frame, buffers: Vec::new(), pictures: Vec::with_capacity(pictures.len()) };
    for (picture, output) in pictures.into_iter().zip(graph.outputs()) {
        let made = &picture.frame.place().buffer;
        let known = made_in.iter().position(|known| Arc::ptr_eq(known, made));
        let index = known.unwrap_or(made_in.len());
        if known.is_none() {
            let readback = maker_buffers(graph, buffers, *output).and_then(|buffers| buffers.readback.as_ref());
            set.buffers.push(match readback {
                Some(readback) => {
                    let copy = readback.take_shared(context)?;
                    recording.read_back(made, &copy);
                    copy
                }
                None => Arc::clone(made),
            });
            made_in.push(Arc::clone(made));
        }
        set.pictures.push((picture, index));
    }
    Ok(set)
}

/// Gives the buffers of the node that makes the pictures of an edge.
fn maker_buffers<'a>(graph: &Graph, buffers: &'a RunnerBuffers, edge: Edge) -> Option<&'a NodeBuffers> {
    let maker = graph.nodes().iter().position(|node| node.outputs.contains(&edge.0));
    maker.map(|node| &buffers.nodes[node])
}

impl FlyingSet {
    /// Gives the pictures, whose buffers are mapped now.
    fn land(self, gpu: &Arc<Gpu>) -> Result<PictureSet> {
        let mapped: Vec<_> = self.buffers.into_iter().map(|buffer| Mapped::new(buffer, gpu)).collect();
        let picture = |(picture, index): (Picture<DeviceMemory>, usize)| {
            mapped[index].frame(&picture.frame, picture.frame.place().offset).map(HeldFrame::from)
        };
        let pictures = self.pictures.into_iter().map(picture).collect::<Result<_>>()?;
        Ok(PictureSet { pictures, frame: self.frame })
    }
}

impl Runner for GpuRunner {
    fn device(&self) -> &DeviceInfo {
        &self.gpu.info
    }

    fn under_way(&self) -> usize {
        self.sets_in_flight() + self.done.len()
    }

    fn has_room(&self) -> bool {
        // Submissions that make no set are waited for when there are too many.
        let may_land = self.flights.front().is_none_or(|flight| flight.sets.is_empty());
        self.under_way() + self.graph.most_sets() <= SLOTS * self.graph.most_sets()
            && (self.flights.len() < SLOTS || may_land)
    }

    fn submit(&mut self, source: &HeldFrame, request: Request) -> Result<()> {
        self.graph.check_request(source, &request)?;
        self.gpu.context.check()?;
        if !self.has_room() {
            return Err(Error::misuse("runner: submitted a frame beyond its room"));
        }
        self.land_some()?;
        self.advance(Some((source, request)))
    }

    fn finish(&mut self) -> Result<()> {
        self.schedule.end();
        if self.graph.neighbours()[1] > 0 {
            self.land_some()?;
            return self.advance(None);
        }
        self.schedule.forget();
        Ok(())
    }

    fn wait(&mut self, limit: Duration) -> Result<bool> {
        while self.done.is_empty() && !self.flights.is_empty() {
            if !self.land(limit)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn collect(&mut self) -> Result<PictureSet> {
        while !self.wait(PATIENCE)? {}
        let set =
            self.done.pop_front().ok_or_else(|| Error::misuse("runner: asked for a set that is not under way"))?;
        self.stats.frames += 1;
        Ok(set)
    }

    fn gpu_stats(&self) -> Option<GpuStats> {
        Some(self.stats)
    }
}

#[cfg(test)]
mod tests;
