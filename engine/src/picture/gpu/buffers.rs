//! The buffers of a runner: how large they are, how many there are, and lending them.

use super::context::Context;
use super::layout::{self, Layout, WORD};
use crate::error::Result;
use crate::frame::{Area, FrameFormat, PADDING};
use crate::geometry::Window;
use crate::picture::HELD_SETS;
use crate::picture::graph::{Edge, Graph, Node, NodeKind};
use crate::picture::info::Memory;
use crate::picture::scale::{ComposeSpec, Crop, EDGE_SLACK, Filters, LayerScaling, Resampling, ScaleSpec};
use crate::picture::stock::{Lease, Stock};
use crate::picture::tone::TABLE_BYTES;
use std::sync::Arc;
use upright_shaders::OverlayJob;
use upright_shaders::map_colour::MapJob;
use upright_shaders::plane::PlaneJob;
use wgpu::{Buffer, BufferUsages};

/// Frames under way at once: one being written, one computed, one read.
pub(super) const SLOTS: usize = 3;

/// A buffer that goes back when the last who needs it lets go.
pub(super) type SharedBuffer = Arc<Lease<Buffer>>;

/// Buffers of one use and size.
#[derive(Debug)]
pub(super) struct Buffers {
    stock: Arc<Stock<Buffer>>,
    label: &'static str,
    bytes: usize,
    usage: BufferUsages,
    /// How many are made beforehand, and how many of those whoever collects sets may hold.
    count: usize,
    held: usize,
}

impl Buffers {
    fn new(label: &'static str, bytes: usize, usage: BufferUsages, count: usize) -> Self {
        let held = 0;
        Self { stock: Arc::default(), label, bytes: bytes.next_multiple_of(WORD).max(WORD), usage, count, held }
    }

    fn make(&self, context: &Context) -> Result<Buffer> {
        context.buffer(self.label, self.bytes, self.usage)
    }

    /// Lends a buffer. One with [`BufferUsages::MAP_WRITE`] is mapped.
    pub(super) fn take(&self, context: &Context) -> Result<Lease<Buffer>> {
        self.stock.take(|| self.make(context))
    }

    pub(super) fn take_shared(&self, context: &Context) -> Result<SharedBuffer> {
        self.take(context).map(Arc::new)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes as many as there are to be beforehand.
    fn fill(&self, context: &Context) -> Result<()> {
        (0..self.count).try_for_each(|_| self.make(context).map(|buffer| self.stock.put(buffer)))
    }

    /// Computes the memory of all but those that are held: they stand for frames of the holder's own.
    fn memory(&self, has_own_memory: bool) -> Memory {
        let bytes = ((self.count - self.held) * self.bytes) as u64;
        let visible = self.usage.intersects(BufferUsages::MAP_READ | BufferUsages::MAP_WRITE);
        if visible || !has_own_memory { Memory { host: bytes, gpu: 0 } } else { Memory { host: 0, gpu: bytes } }
    }
}

/// The buffers of a runner.
#[derive(Debug)]
pub(super) struct RunnerBuffers {
    /// What a submission uploads: jobs, then tables and a source frame as they come.
    pub(super) staging: Buffers,
    /// The jobs of all passes of a submission.
    pub(super) jobs: Buffers,
    pub(super) source: Buffers,
    /// In the order of the nodes.
    pub(super) nodes: Vec<NodeBuffers>,
}

/// The buffers of a node; of those that it does not need there are none.
#[derive(Debug, Default)]
pub(super) struct NodeBuffers {
    /// The filters of a scaling node.
    pub(super) tables: Option<Buffers>,
    /// Its intermediate samples.
    pub(super) middle: Option<Buffers>,
    /// The pictures that a piece of work makes.
    pub(super) output: Option<Buffers>,
    /// The same where the processor reads them; none where it reads the output's own buffer, or nothing.
    pub(super) readback: Option<Buffers>,
    /// Of each layer, the lowest first, where the node lays several over one another: those of the scaling to its rows, or to a
    /// small picture and from that to its rows.
    pub(super) layers: Vec<[NodeBuffers; 2]>,
    /// What is laid over its pictures.
    pub(super) overlays: Option<Buffers>,
}

impl NodeBuffers {
    /// Lists the buffers of the node, and of its layers.
    fn all(&self) -> Vec<&Buffers> {
        let Self { tables, middle, output, readback, layers, overlays } = self;
        let own = [tables, middle, output, readback, overlays].into_iter().flatten();
        own.chain(layers.iter().flatten().flat_map(Self::all)).collect()
    }

    /// Computes the bytes of the filters that one piece of work may upload.
    fn table_bytes(&self) -> usize {
        let own = self.tables.as_ref().map_or(0, Buffers::bytes);
        own + self.layers.iter().flatten().map(Self::table_bytes).sum::<usize>()
    }
}

impl RunnerBuffers {
    /// Plans the buffers for a graph. None needs to be larger, whatever the windows are. `align` is the device's alignment of
    /// what is bound; with `direct`, kernels write where the processor reads.
    pub(super) fn plan(graph: &Graph, align: usize, direct: bool) -> Self {
        let [before, after] = graph.neighbours();
        let works = graph.most_sets() * (1 + after);
        let pictures = (SLOTS + after) * graph.most_sets() + before + after;
        let nodes: Vec<_> = graph.nodes().iter().map(|node| node_buffers(graph, node, pictures, direct)).collect();
        let jobs = graph.nodes().iter().map(|node| job_bytes(node, align)).sum::<usize>() * works;
        let tables = nodes.iter().map(NodeBuffers::table_bytes).sum::<usize>() * works;
        let source = graph.largest_source().bytes() + PADDING;
        let inside = BufferUsages::COPY_DST | BufferUsages::STORAGE;
        let upload = BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC;
        Self {
            staging: Buffers::new("what is uploaded", jobs + tables + source, upload, SLOTS),
            jobs: Buffers::new("jobs", jobs, inside, SLOTS),
            source: Buffers::new("a source frame", source, inside, SLOTS + before + after),
            nodes,
        }
    }

    fn all(&self) -> impl Iterator<Item = &Buffers> {
        let of_nodes = self.nodes.iter().flat_map(NodeBuffers::all);
        [&self.staging, &self.jobs, &self.source].into_iter().chain(of_nodes)
    }

    /// Makes all that a runner will need, while its sets are let go of in time.
    pub(super) fn fill(&self, context: &Context) -> Result<()> {
        self.all().try_for_each(|buffers| buffers.fill(context))
    }

    /// Computes the memory of all of them.
    pub(super) fn memory(&self, has_own_memory: bool) -> Memory {
        let add = |a: Memory, b: Memory| Memory { host: a.host + b.host, gpu: a.gpu + b.gpu };
        self.all().map(|buffers| buffers.memory(has_own_memory)).fold(Memory::default(), add)
    }
}

/// Bytes of the jobs of one piece of work.
fn job_bytes(node: &Node, align: usize) -> usize {
    let overlays = node.overlays.as_ref().map_or(0, |_| node.outputs.len() * 3 * size_of::<OverlayJob>());
    let scaling = |spec| layout::job_bytes(spec).map(|bytes| bytes.next_multiple_of(align)).iter().sum::<usize>();
    let own = match &node.kind {
        NodeKind::Crop => 0,
        NodeKind::Scale(spec) => scaling(spec),
        NodeKind::Compose(spec) => {
            // Those of frames of one window are fewer.
            let composing = layout::compose_job_bytes(&spec.scale).next_multiple_of(align);
            spec.bands.len().max(1) * 2 * scaling(&spec.scale) + composing
        }
        NodeKind::Planes { .. } => (3 * size_of::<PlaneJob>()).next_multiple_of(align),
        NodeKind::Map(_) => (2 * size_of::<MapJob>()).next_multiple_of(align),
    };
    own + overlays.next_multiple_of(align)
}

fn node_buffers(graph: &Graph, node: &Node, pictures: usize, direct: bool) -> NodeBuffers {
    let (mut scaling, mut layers) = (NodeBuffers::default(), Vec::new());
    let output = match &node.kind {
        NodeKind::Crop => return NodeBuffers::default(),
        NodeKind::Scale(spec) => {
            scaling = scaling_buffers([spec], pictures);
            layout::rungs(spec).0
        }
        NodeKind::Compose(spec) => {
            scaling = scaling_buffers([&spec.scale], pictures);
            layers = (0..spec.bands.len()).map(|number| layer_buffers(spec, number, pictures)).collect();
            layout::rungs(&spec.scale).0
        }
        NodeKind::Planes { .. } => layout::picture_bytes(graph.largest(Edge(node.outputs.start))),
        NodeKind::Map(_) => {
            let inside = BufferUsages::COPY_DST | BufferUsages::STORAGE;
            scaling.tables = Some(Buffers::new("colours", TABLE_BYTES, inside, 1));
            layout::picture_bytes(graph.largest(Edge(node.outputs.start)))
        }
    };
    let leads_on = node.outputs.clone().any(|edge| graph.consumers(Edge(edge)).next().is_some());
    let comes_out = node.outputs.clone().any(|edge| graph.outputs().contains(&Edge(edge)));
    let label = "pictures that come out";
    let read = |usage| {
        let mut buffers = Buffers::new(label, output, usage | BufferUsages::MAP_READ, pictures + HELD_SETS);
        buffers.held = HELD_SETS;
        buffers
    };
    let (output, readback) = match (comes_out, direct && !leads_on) {
        (true, true) => (read(BufferUsages::STORAGE), None),
        (true, false) => {
            let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
            (Buffers::new("pictures", output, usage, pictures), Some(read(BufferUsages::COPY_DST)))
        }
        (false, _) => (Buffers::new("pictures", output, BufferUsages::STORAGE, pictures), None),
    };
    // The next one is drawn while pictures under the one before are under way.
    let overlays = node.overlays.as_ref().map(|overlays| {
        let rungs = node.outputs.clone().map(|edge| overlays.most_elements(graph.grid(Edge(edge))));
        let inside = BufferUsages::COPY_DST | BufferUsages::STORAGE;
        Buffers::new("overlays", rungs.sum::<usize>() * WORD, inside, 2)
    });
    NodeBuffers { output: Some(output), readback, layers, overlays, ..scaling }
}

/// Plans the filters and the intermediate samples of any of these scalings.
fn scaling_buffers<'a>(specs: impl IntoIterator<Item = &'a ScaleSpec>, pictures: usize) -> NodeBuffers {
    let most = |[a, b]: [usize; 2], [c, d]: [usize; 2]| [a.max(c), b.max(d)];
    let Some([table_bytes, middle_bytes]) = specs.into_iter().map(scaling_bytes).reduce(most) else {
        return NodeBuffers::default();
    };
    let inside = BufferUsages::COPY_DST | BufferUsages::STORAGE;
    // One more is kept for the next frame of the same crop.
    let tables = Some(Buffers::new("filters", table_bytes, inside, pictures + 1));
    let middle = Some(Buffers::new("a set of half-scaled rungs", middle_bytes, BufferUsages::STORAGE, pictures));
    NodeBuffers { tables, middle, ..NodeBuffers::default() }
}

/// Plans the buffers of a layer of any of its bands.
fn layer_buffers(spec: &ComposeSpec, number: usize, pictures: usize) -> [NodeBuffers; 2] {
    let scalings: Vec<_> = spec.scalings(number).collect();
    let buffers = |specs: Vec<&ScaleSpec>| {
        let bytes = specs.iter().map(|spec| layout::rungs(spec).0).max();
        let output = bytes.map(|bytes| Buffers::new("layers", bytes, BufferUsages::STORAGE, pictures));
        NodeBuffers { output, ..scaling_buffers(specs, pictures) }
    };
    let second = scalings.iter().filter_map(|LayerScaling { second, .. }| second.as_ref()).collect();
    [buffers(scalings.iter().map(|LayerScaling { first, .. }| first).collect()), buffers(second)]
}

/// Computes the bytes of the tables and of the intermediate samples that are enough for any crop: none needs more than the
/// largest picture wholly inside the window. Tables alone may, of axes that [`Resampling::Sharp`] enlarges: no filter
/// needs more than with that window and with a tiny one together.
fn scaling_bytes(spec: &ScaleSpec) -> [usize; 2] {
    let largest = ScaleSpec { source: spec.largest_source(), ..spec.clone() };
    let FrameFormat { width, height, .. } = largest.source;
    let span = |side: u32| f64::from(side) + EDGE_SLACK;
    let whole = Window { x: 0.0, y: 0.0, width: span(width), height: span(height) };
    let tiny = Window { width: 1e-3, height: 1e-3, ..whole };
    let mut filters = Filters::new(&largest);
    let mut bytes = |window, zooming| {
        let area = Area::whole(largest.source);
        filters.update_for_crop(&Crop { window, area, zooming, frame: 0 });
        let layout = Layout::new(&largest, &filters, largest.source);
        [layout.table_bytes(), layout.middle_bytes()]
    };
    // Steps may widen a kernel, or make it narrower.
    let [exact, stepped] = [bytes(whole, false), bytes(whole, true)];
    let enlarging = if spec.resampling == Resampling::Sharp { bytes(tiny, false) } else { [0; 2] };
    [exact[0].max(stepped[0]) + enlarging[0], exact[1].max(stepped[1])]
}

#[cfg(test)]
impl RunnerBuffers {
    /// Counts the bytes of all buffers that are in stock.
    pub(super) fn made(&self) -> usize {
        self.all().map(|buffers| buffers.stock.count() * buffers.bytes).sum()
    }
}
