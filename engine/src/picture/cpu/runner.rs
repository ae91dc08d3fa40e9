//! Running a graph on the calling thread.

use super::composer::CpuComposer;
use super::instructions::Instructions;
use super::mapper::CpuMapper;
use super::overlayer::CpuOverlayer;
use super::planes;
use super::scaler::CpuScaler;
use crate::error::{Error, Result};
use crate::frame::{Frame, FrameFormat, HeldFrame, HostBytes, HostMemory, LentMemory, PADDING};
use crate::picture::graph::{Edge, Graph, Node, NodeKind};
use crate::picture::info::DeviceInfo;
use crate::picture::request::Request;
use crate::picture::runner::{PictureSet, Runner};
use crate::picture::schedule::{Picture, Schedule, Work};
use crate::picture::stock::{Lease, Stock};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

/// Runs a graph on the calling thread.
#[derive(Debug)]
pub(in crate::picture) struct CpuRunner {
    info: DeviceInfo,
    instructions: Instructions,
    graph: Arc<Graph>,
    schedule: Schedule<HostMemory>,
    nodes: Vec<CpuNode>,
    /// For each node, what lays overlays over its pictures.
    overlayers: Vec<Option<CpuOverlayer>>,
    /// For each edge, the memory of its pictures.
    memory: Vec<Arc<Stock<HostBytes>>>,
    done: VecDeque<PictureSet>,
}

/// What a node works with.
#[derive(Debug)]
enum CpuNode {
    Scale(Box<CpuScaler>),
    Compose(Box<CpuComposer>),
    Map(Box<CpuMapper>),
    /// Nothing of its own.
    Other,
}

impl LentMemory for Lease<HostBytes> {
    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        Some(self)
    }
}

impl CpuRunner {
    /// # Errors
    /// Those of what a node works with.
    pub(in crate::picture) fn new(instructions: Instructions, graph: &Graph) -> Result<Self> {
        let node = |kind: &NodeKind| {
            Ok(match kind {
                NodeKind::Scale(spec) => CpuNode::Scale(Box::new(CpuScaler::new(instructions, spec))),
                NodeKind::Compose(spec) => CpuNode::Compose(Box::new(CpuComposer::new(instructions, spec))),
                NodeKind::Map(spec) => CpuNode::Map(Box::new(CpuMapper::new(spec)?)),
                NodeKind::Crop | NodeKind::Planes { .. } => CpuNode::Other,
            })
        };
        let overlayer = |node: &Node| node.overlays.as_ref().map(CpuOverlayer::new).transpose();
        let graph = Arc::new(graph.clone());
        Ok(Self {
            info: instructions.describe(),
            instructions,
            schedule: Schedule::new(Arc::clone(&graph)),
            nodes: graph.nodes().iter().map(|it| node(&it.kind)).collect::<Result<_>>()?,
            overlayers: graph.nodes().iter().map(overlayer).collect::<Result<_>>()?,
            memory: (0..graph.edge_count()).map(|_| Arc::default()).collect(),
            done: VecDeque::new(),
            graph,
        })
    }

    fn advance(&mut self) -> Result<()> {
        let Self { instructions, graph, schedule, nodes, overlayers, memory, done, .. } = self;
        schedule.advance(|number, work| {
            let edges = graph.nodes()[number].outputs.clone();
            let rungs =
                || -> Vec<_> { edges.clone().map(|edge| blank(&memory[edge], graph.grid(Edge(edge)))).collect() };
            let overlayer = &mut overlayers[number];
            let lay_over = |rungs: &mut [Frame], overlay: Option<u32>| match (overlayer, overlay) {
                (Some(overlayer), Some(overlay)) => overlayer.lay_over(rungs, overlay),
                _ => Ok(()),
            };
            Ok(match (&mut nodes[number], work) {
                (CpuNode::Scale(scaler), Work::Scale { source, crop, overlay }) => {
                    let mut rungs = rungs();
                    scaler.scale(&source.frame, &crop, &mut rungs);
                    lay_over(&mut rungs, overlay)?;
                    rungs
                }
                (CpuNode::Compose(composer), Work::Compose { source, view }) => {
                    let mut rungs = rungs();
                    composer.compose(&source.frame, view, &mut rungs);
                    lay_over(&mut rungs, view.layers.overlay())?;
                    rungs
                }
                (CpuNode::Map(mapper), Work::Map { source, area }) => {
                    let edge = edges.start;
                    let mut made = blank(&memory[edge], area.format(graph.grid(Edge(edge))));
                    mapper.map(source, area, &mut made)?;
                    vec![made]
                }
                (CpuNode::Other, Work::Planes { planes, sources, area, picture }) => {
                    let edge = edges.start;
                    let grid = graph.grid(Edge(edge));
                    let mut made = blank(&memory[edge], area.format(grid));
                    planes::make(planes, sources, area, [grid.width, grid.height], picture, *instructions, &mut made);
                    vec![made]
                }
                _ => return Err(Error::misuse("cpu: a node was given another's work")),
            })
        })?;
        while let Some(set) = schedule.take() {
            let frame = set.first().map_or(0, Picture::frame_number);
            done.push_back(PictureSet { pictures: set.into_iter().map(|picture| picture.frame).collect(), frame });
        }
        schedule.forget();
        Ok(())
    }
}

/// Makes a frame of `format`, of any samples, in memory of the stock.
fn blank(stock: &Arc<Stock<HostBytes>>, format: FrameFormat) -> Frame {
    let Ok(mut memory) = stock.take(|| Ok::<_, Infallible>(HostBytes::default()));
    memory.resize(format.bytes() + PADDING);
    Frame::at(HostMemory::lent(memory), format)
}

impl Runner for CpuRunner {
    fn device(&self) -> &DeviceInfo {
        &self.info
    }

    fn under_way(&self) -> usize {
        self.done.len()
    }

    fn has_room(&self) -> bool {
        self.done.is_empty()
    }

    fn submit(&mut self, source: &HeldFrame, request: Request) -> Result<()> {
        self.graph.check_request(source, &request)?;
        if !self.has_room() {
            return Err(Error::misuse("runner: submitted a frame beyond its room"));
        }
        self.schedule.add(source.clone(), request);
        self.advance()
    }

    fn finish(&mut self) -> Result<()> {
        self.schedule.end();
        self.advance()
    }

    fn collect(&mut self) -> Result<PictureSet> {
        self.done.pop_front().ok_or_else(|| Error::misuse("runner: asked for a set that is not under way"))
    }
}
