//! The graph: which pictures are made of which.

use super::overlay::Overlays;
use super::plane_node::{DENOISER, PlaneNode};
use super::request::Request;
use super::scale::{ComposeSpec, Crop, Layers, ScaleSpec, View};
use super::tone::MapSpec;
use crate::error::{Error, Result};
use crate::frame::{Area, Frame, FrameFormat};
use crate::geometry::{Size, Window};
use std::ops::Range;
use std::sync::Arc;
use upright_shaders::plane::MOST_FRAMES;

/// Pictures on their way from a node to others, or out of the graph; those that come in at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge(pub(super) usize);

/// A graph of passes over the pictures of a film. Nodes are added in an order in which each finds its input there already.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Format of the whole pictures of every edge, and whether the frame's window is all that is wanted of them.
    edges: Vec<(FrameFormat, bool)>,
    nodes: Vec<Node>,
    outputs: Vec<Edge>,
}

/// A node, and the edges that it lies between.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) input: Edge,
    /// Numbers of its edges.
    pub(super) outputs: Range<usize>,
    /// What is laid over its pictures.
    pub(super) overlays: Option<Arc<dyn Overlays>>,
}

impl Node {
    /// Gives what it does, where it makes planes from planes.
    fn planes(&self) -> Option<&'static PlaneNode> {
        if let NodeKind::Planes { node, .. } = self.kind { Some(node) } else { None }
    }

    /// Counts the pictures before its own and after it that it looks at.
    pub(super) fn neighbours(&self) -> [usize; 2] {
        self.planes().map_or([0, 0], |planes| planes.neighbours)
    }
}

/// What a node does.
#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    /// Takes the frame's window of the picture, which costs nothing.
    Crop,
    /// Scales what is wanted of the picture, the whole or a window, to all rungs.
    Scale(ScaleSpec),
    /// Scales every layer of the frame, and lays them over one another in all rungs.
    Compose(ComposeSpec),
    /// Makes planes from planes.
    Planes {
        node: &'static PlaneNode,
        /// What is to be made of each plane, as the kernel understands it; none where that is said picture by picture.
        setting: Option<[u32; 3]>,
    },
    /// Takes colours to others.
    Map(MapSpec),
}

/// How far a set looks around the frame that it is made of, before it and after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Frames of the source that a node looks at to make a picture of one of them.
    pub(crate) frames: [usize; 2],
    /// Such pictures that nodes behind it look at to make one of them anew.
    pub(crate) pictures: [usize; 2],
}

impl Reach {
    /// Counts the frames before a frame and after it that a set may be made of, at most: of two frames in succession at least one
    /// becomes a picture.
    pub(crate) fn most_frames(self) -> [usize; 2] {
        [0, 1].map(|side| self.frames[side] + 2 * self.pictures[side])
    }
}

/// Samples around a sample that are looked at when its colour is mapped: chroma between samples, luma at chroma's places.
const MAP_REACH: u32 = 2;

impl Graph {
    /// The edge by which source frames come.
    pub const SOURCE: Edge = Edge(0);

    /// Makes a graph of no nodes for source frames that are areas of a `grid`.
    pub fn new(grid: FrameFormat) -> Self {
        Self { edges: vec![(grid, false)], nodes: Vec::new(), outputs: Vec::new() }
    }

    /// Makes the graph that crops and scales: its outputs are the rungs.
    pub fn scaling(spec: &ScaleSpec) -> Self {
        let mut graph = Self::new(spec.source);
        let cropped = graph.crop(Self::SOURCE);
        for rung in graph.scale(cropped, spec) {
            graph.output(rung);
        }
        graph
    }

    /// Makes the graph that puts pictures together of several windows: its outputs are the rungs.
    pub fn composing(spec: &ComposeSpec) -> Self {
        let mut graph = Self::new(spec.scale.source);
        let cropped = graph.crop(Self::SOURCE);
        for rung in graph.compose(cropped, spec) {
            graph.output(rung);
        }
        graph
    }

    /// Adds a node that takes the frame's window of pictures.
    pub fn crop(&mut self, input: Edge) -> Edge {
        let (grid, _) = self.edges[input.0];
        self.add(NodeKind::Crop, input, [(grid, true)]).remove(0)
    }

    /// Adds a node that scales pictures, cropped ones or whole ones, to the rungs of `spec`; gives the edge of each. The source
    /// of `spec` is the format of `input`.
    pub fn scale(&mut self, input: Edge, spec: &ScaleSpec) -> Vec<Edge> {
        let rungs: Vec<_> = spec.rungs.iter().map(|&rung| (rung, false)).collect();
        self.add(NodeKind::Scale(spec.clone()), input, rungs)
    }

    /// Adds a node that scales the layers of cropped pictures and lays them over one another in the rungs of `spec`; gives the edge
    /// of each. The source of `spec` is the format of `input`.
    pub fn compose(&mut self, input: Edge, spec: &ComposeSpec) -> Vec<Edge> {
        let rungs: Vec<_> = spec.scale.rungs.iter().map(|&rung| (rung, false)).collect();
        self.add(NodeKind::Compose(spec.clone()), input, rungs)
    }

    /// Adds a node that makes planes from planes.
    pub fn planes(&mut self, input: Edge, node: &'static PlaneNode) -> Edge {
        let edge = self.edges[input.0];
        self.add(NodeKind::Planes { node, setting: None }, input, [edge]).remove(0)
    }

    /// Adds a node that averages noise away, of this standard deviation in each plane: in parts of a code, sixteen of them.
    pub fn denoise(&mut self, input: Edge, noise: [u32; 3]) -> Edge {
        let edge = self.edges[input.0];
        self.add(NodeKind::Planes { node: &DENOISER, setting: Some(noise) }, input, [edge]).remove(0)
    }

    /// Adds a node that takes the colours of pictures to others. The source of `spec` is the format of `input`, which is not cropped.
    pub fn map(&mut self, input: Edge, spec: &MapSpec) -> Edge {
        self.add(NodeKind::Map(spec.clone()), input, [(spec.output(), false)]).remove(0)
    }

    /// Has overlays laid over all rungs of the node that makes this one, by scaling or composing.
    pub fn lay_over(&mut self, rung: Edge, overlays: &Arc<dyn Overlays>) {
        for node in self.nodes.iter_mut().filter(|node| node.outputs.contains(&rung.0)) {
            node.overlays = Some(Arc::clone(overlays));
        }
    }

    /// Makes the pictures of an edge come out, after those of the edges that do already.
    pub fn output(&mut self, edge: Edge) {
        self.outputs.push(edge);
    }

    fn add(&mut self, kind: NodeKind, input: Edge, edges: impl IntoIterator<Item = (FrameFormat, bool)>) -> Vec<Edge> {
        let first = self.edges.len();
        self.edges.extend(edges);
        let outputs = first..self.edges.len();
        self.nodes.push(Node { kind, input, outputs: outputs.clone(), overlays: None });
        outputs.map(Edge).collect()
    }

    /// Computes the area of the grid that a source frame must hold for what is wanted when the frame's layers, or its window, are
    /// these. A graph with nodes that look at neighbours needs all of it.
    pub fn area(&self, layers: impl Into<Layers>) -> Area {
        self.needed(Self::SOURCE, &layers.into())
    }

    /// Computes the least room in which the area of every source frame fits.
    pub fn room(&self) -> Size {
        self.room_of(Self::SOURCE)
    }

    /// Gives the format of the largest source frame.
    pub fn largest_source(&self) -> FrameFormat {
        self.largest(Self::SOURCE)
    }

    /// Gives the formats of the pictures that come out.
    pub fn output_formats(&self) -> Vec<FrameFormat> {
        self.outputs.iter().map(|output| self.edges[output.0].0).collect()
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn outputs(&self) -> &[Edge] {
        &self.outputs
    }

    pub(super) fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// Gives the format of the whole pictures of an edge.
    pub(super) fn grid(&self, edge: Edge) -> FrameFormat {
        self.edges[edge.0].0
    }

    /// Gives the nodes that an edge leads to.
    pub(super) fn consumers(&self, edge: Edge) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.input == edge)
    }

    /// Tells the part of a picture of an edge that a node which scales wants, where a frame's view is `view`.
    pub(super) fn wanted(&self, edge: Edge, view: &View) -> Crop {
        let (grid, cropped) = self.edges[edge.0];
        let crop = view.crop(view.layers.lowest());
        if cropped { crop } else { Crop { window: whole_window(grid), zooming: false, ..crop } }
    }

    /// Computes the area that a picture of an edge must hold when the frame's layers are these.
    pub(super) fn needed(&self, edge: Edge, layers: &Layers) -> Area {
        let (grid, cropped) = self.edges[edge.0];
        let own = self.outputs.contains(&edge).then(|| Area::whole(grid));
        let for_node = |node: &Node| match &node.kind {
            NodeKind::Crop => self.needed(Edge(node.outputs.start), layers),
            NodeKind::Scale(spec) if cropped => spec.area(layers.lowest().window),
            NodeKind::Compose(spec) => spec.area(layers),
            NodeKind::Scale(spec) => spec.area(whole_window(grid)),
            NodeKind::Planes { node, .. } if node.neighbours != [0, 0] => Area::whole(grid),
            NodeKind::Planes { node: planes, .. } => {
                (planes.needs)(self.needed(Edge(node.outputs.start), layers), grid)
            }
            NodeKind::Map(_) => self.needed(Edge(node.outputs.start), layers).grown(MAP_REACH, grid),
        };
        let areas = own.into_iter().chain(self.consumers(edge).map(for_node));
        areas.reduce(Area::union).unwrap_or_else(|| Area::whole(grid))
    }

    /// Gives the format of the largest picture of an edge.
    pub(super) fn largest(&self, edge: Edge) -> FrameFormat {
        let Size { width, height } = self.room_of(edge);
        FrameFormat { width, height, ..self.grid(edge) }
    }

    fn room_of(&self, edge: Edge) -> Size {
        let (grid, cropped) = self.edges[edge.0];
        let whole = whole_size(grid);
        let own = self.outputs.contains(&edge).then_some(whole);
        let for_node = |node: &Node| match &node.kind {
            NodeKind::Crop => self.room_of(Edge(node.outputs.start)),
            NodeKind::Scale(spec) | NodeKind::Compose(ComposeSpec { scale: spec, .. }) if cropped => spec.room,
            NodeKind::Scale(_) | NodeKind::Compose(_) => whole,
            NodeKind::Planes { node, .. } if node.neighbours != [0, 0] => whole,
            NodeKind::Planes { node: planes, .. } => {
                let room = self.room_of(Edge(node.outputs.start));
                let needed = (planes.needs)(amid(room, grid), grid);
                Size { width: needed.width, height: needed.height }
            }
            NodeKind::Map(_) => {
                let needed = amid(self.room_of(Edge(node.outputs.start)), grid).grown(MAP_REACH, grid);
                Size { width: needed.width, height: needed.height }
            }
        };
        let rooms = own.into_iter().chain(self.consumers(edge).map(for_node));
        rooms.reduce(Size::union).unwrap_or(whole)
    }

    /// Counts the most sets that come of one source frame.
    pub(super) fn most_sets(&self) -> usize {
        let most = self.outputs.iter().flat_map(|&output| self.on_the_way(output)).map(|planes| planes.most_pictures);
        most.max().unwrap_or(1)
    }

    /// Counts the frames before its own and after it that a set is made of, at most, where every frame becomes one picture.
    pub(super) fn neighbours(&self) -> [usize; 2] {
        let Reach { frames, pictures } = self.reach();
        [0, 1].map(|side| frames[side] + pictures[side])
    }

    /// Tells how far sets look around.
    pub(crate) fn reach(&self) -> Reach {
        let of_output = |&output: &Edge| {
            let mut nodes: Vec<_> = self.on_the_way(output).map(|planes| planes.neighbours).collect();
            let frames = nodes.pop().unwrap_or_default();
            let pictures = nodes.into_iter().fold([0; 2], |sum, of_node| [0, 1].map(|side| sum[side] + of_node[side]));
            Reach { frames, pictures }
        };
        let most = |one: [usize; 2], other: [usize; 2]| [0, 1].map(|side| one[side].max(other[side]));
        self.outputs.iter().map(of_output).fold(Reach::default(), |one, other| Reach {
            frames: most(one.frames, other.frames),
            pictures: most(one.pictures, other.pictures),
        })
    }

    /// Tells whether a node behind an edge looks at pictures for the sake of those before them and after them.
    pub(super) fn is_looked_around(&self, edge: Edge) -> bool {
        let looks = |node: &Node| {
            node.neighbours() != [0, 0] || node.outputs.clone().any(|edge| self.is_looked_around(Edge(edge)))
        };
        self.consumers(edge).any(looks)
    }

    /// Gives the nodes between the source and an edge, the last first.
    fn makers(&self, edge: Edge) -> impl Iterator<Item = &Node> {
        let maker = |edge: Edge| self.nodes.iter().find(move |node| node.outputs.contains(&edge.0));
        std::iter::successors(maker(edge), move |node| maker(node.input))
    }

    /// Gives those of them that make planes from planes.
    fn on_the_way(&self, edge: Edge) -> impl Iterator<Item = &'static PlaneNode> {
        self.makers(edge).filter_map(Node::planes)
    }

    /// Refuses a graph that makes no sense.
    pub(super) fn check(&self) -> Result<()> {
        if self.outputs.is_empty() {
            return Err(Error::misuse("graph: nothing comes out"));
        }
        for node in &self.nodes {
            match &node.kind {
                NodeKind::Crop => {}
                NodeKind::Scale(spec) | NodeKind::Compose(ComposeSpec { scale: spec, .. })
                    if spec.source != self.grid(node.input) =>
                {
                    let pictures = self.grid(node.input);
                    return Err(Error::misuse(format!("graph: {pictures:?} are not what {:?} is for", spec.source)));
                }
                NodeKind::Scale(spec) if !self.edges[node.input.0].1 && spec.room != whole_size(spec.source) => {
                    return Err(Error::misuse("graph: whole pictures are scaled, and there is no room for them"));
                }
                NodeKind::Scale(spec) => spec.check()?,
                NodeKind::Compose(_) if !self.edges[node.input.0].1 => {
                    return Err(Error::misuse("graph: layers are of cropped pictures"));
                }
                NodeKind::Compose(spec) => spec.check()?,
                NodeKind::Planes { node: planes, .. } if planes.neighbours.iter().sum::<usize>() >= MOST_FRAMES => {
                    return Err(Error::misuse(format!("graph: {planes:?} looks at more than {MOST_FRAMES} frames")));
                }
                NodeKind::Planes { .. } => {}
                NodeKind::Map(spec) if spec.source != self.grid(node.input) || self.edges[node.input.0].1 => {
                    return Err(Error::misuse(
                        "graph: colours are mapped of whole pictures of the format that they are for",
                    ));
                }
                NodeKind::Map(_) => {}
            }
        }
        let scales = |node: &Node| matches!(node.kind, NodeKind::Scale(_) | NodeKind::Compose(_));
        if self.nodes.iter().any(|node| node.overlays.is_some() && !scales(node)) {
            return Err(Error::misuse("graph: something is laid over pictures that are no rungs"));
        }
        if self.outputs.iter().any(|&output| output == Self::SOURCE || self.edges[output.0].1) {
            return Err(Error::misuse("graph: pictures that no kernel has made come out"));
        }
        Ok(())
    }

    /// Refuses a request or a source frame that does not belong to the job.
    pub(super) fn check_request<P>(&self, source: &Frame<P>, request: &Request) -> Result<()> {
        let grid = self.grid(Self::SOURCE);
        let area = request.area;
        let frame = request.pictures().next().map_or(0, |picture| picture.frame);
        if request.made().count() > self.most_sets() {
            return Err(Error::misuse(format!("frame {frame}: more pictures are asked for than the graph makes")));
        }
        let scales = |node: &Node| matches!(node.kind, NodeKind::Scale(_)) && self.edges[node.input.0].1;
        let scales = self.nodes.iter().any(scales);
        for picture in request.pictures() {
            let (layers, view) = (&picture.layers, picture.view(area));
            layers.list().iter().try_for_each(|layer| view.crop(layer).check_window(grid))?;
            layers.check().map_err(|why| Error::misuse(format!("frame {frame}: {why}")))?;
            if layers.overlay().is_some() && self.nodes.iter().all(|node| node.overlays.is_none()) {
                return Err(Error::misuse(format!(
                    "frame {frame}: an overlay, and a graph that lays none over anything"
                )));
            }
            if layers.only().is_none() && scales {
                return Err(Error::misuse(format!(
                    "frame {frame}: several layers, and a graph that scales one window"
                )));
            }
        }
        let room = self.room();
        if area.width > room.width || area.height > room.height {
            return Err(Error::misuse(format!("frame {frame}: {area:?} is larger than the room of {room}")));
        }
        let enough = request.pictures().map(|picture| self.area(picture.layers)).reduce(Area::union).unwrap_or(area);
        if !area.lies_in(grid) || !area.contains(enough) {
            return Err(Error::misuse(format!("frame {frame}: {area:?} of {grid:?} does not hold {enough:?}")));
        }
        if self.neighbours() != [0, 0] && area != Area::whole(grid) {
            return Err(Error::misuse(format!("frame {frame}: {area:?} alone, and a graph that looks at neighbours")));
        }
        if source.format() != area.format(grid) {
            let wanted = area.format(grid);
            return Err(Error::misuse(format!("frame {frame}: told of {wanted:?}, given {:?}", source.format())));
        }
        Ok(())
    }
}

fn whole_size(grid: FrameFormat) -> Size {
    Size { width: grid.width, height: grid.height }
}

fn whole_window(grid: FrameFormat) -> Window {
    Window { x: 0.0, y: 0.0, width: grid.width.into(), height: grid.height.into() }
}

/// An area of this size in the middle of a grid, beginning at a chroma sample.
fn amid(size: Size, grid: FrameFormat) -> Area {
    let middle = |length: u32, whole: u32, s: u32| (whole - length.min(whole)) / 2 / s * s;
    let s = grid.subsampling;
    let (x, y) = (middle(size.width, grid.width, s.x), middle(size.height, grid.height, s.y));
    Area { x, y, width: size.width.min(grid.width - x), height: size.height.min(grid.height - y) }
}
