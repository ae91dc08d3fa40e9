//! Running a graph on the calling thread.

use super::instructions::Instructions;
use super::planes;
use super::scaler::CpuScaler;
use crate::error::{Error, Result};
use crate::frame::{Frame, FrameFormat, HeldFrame, HostBytes, HostMemory, LentMemory, PADDING};
use crate::picture::graph::{Edge, Graph, NodeKind};
use crate::picture::info::DeviceInfo;
use crate::picture::runner::{PictureSet, Runner};
use crate::picture::scale::Crop;
use crate::picture::schedule::{Schedule, Work};
use crate::picture::stock::{Lease, Stock};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

/// Runs a graph on the calling thread.
#[derive(Debug)]
pub(in crate::picture) struct CpuRunner {
    info: DeviceInfo,
    graph: Arc<Graph>,
    schedule: Schedule<HostMemory>,
    /// For each node, what it scales with, if it scales.
    scalers: Vec<Option<CpuScaler>>,
    /// For each edge, the memory of its pictures.
    memory: Vec<Arc<Stock<HostBytes>>>,
    done: VecDeque<PictureSet>,
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
    pub(in crate::picture) fn new(instructions: Instructions, graph: &Graph) -> Self {
        let scaler = |kind: &NodeKind| match kind {
            NodeKind::Scale(spec) => Some(CpuScaler::new(instructions, spec)),
            NodeKind::Crop | NodeKind::Planes(_) => None,
        };
        let graph = Arc::new(graph.clone());
        Self {
            info: instructions.describe(),
            schedule: Schedule::new(Arc::clone(&graph)),
            scalers: graph.nodes().iter().map(|node| scaler(&node.kind)).collect(),
            memory: (0..graph.edge_count()).map(|_| Arc::default()).collect(),
            done: VecDeque::new(),
            graph,
        }
    }

    fn advance(&mut self) -> Result<()> {
        let Self { graph, schedule, scalers, memory, done, .. } = self;
        schedule.advance(|number, work| {
            let edges = graph.nodes()[number].outputs.clone();
            Ok(match work {
                Work::Scale { source, crop } => {
                    let mut rungs: Vec<_> = edges.map(|edge| blank(&memory[edge], graph.grid(Edge(edge)))).collect();
                    if let Some(scaler) = &mut scalers[number] {
                        scaler.scale(&source.frame, &crop, &mut rungs);
                    }
                    rungs
                }
                Work::Planes { planes, sources, area, nth } => {
                    let edge = edges.start;
                    let grid = graph.grid(Edge(edge));
                    let mut made = blank(&memory[edge], area.format(grid));
                    planes::make(planes, sources, area, [grid.width, grid.height], nth, &mut made);
                    vec![made]
                }
            })
        })?;
        while let Some(set) = schedule.take() {
            let frame = set.first().map_or(0, |picture| picture.crop.frame);
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

    fn submit(&mut self, source: &HeldFrame, crop: Crop) -> Result<()> {
        self.graph.check_request(source, &crop)?;
        if !self.has_room() {
            return Err(Error::misuse("runner: submitted a frame beyond its room"));
        }
        self.schedule.add(source.clone(), crop);
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
