//! When the nodes of a graph have what they need, wherever its pictures are.

use super::graph::{Edge, Graph, Node, NodeKind};
use super::plane_node::PlaneNode;
use super::request::{MadePicture, PictureRequest, Request};
use super::scale::{ComposeSpec, Crop, View};
use super::tone::MapSpec;
use crate::colour::Colour;
use crate::error::Result;
use crate::frame::{Area, Frame, HeldFrame};
use std::collections::VecDeque;
use std::sync::Arc;

/// A picture on an edge.
#[derive(Debug)]
pub(super) struct Picture<P> {
    pub(super) frame: HeldFrame<P>,
    /// What is wanted of it: of a source frame some pictures, of one that a node has made one. The area is what it holds of its
    /// edge's grid.
    pub(super) request: Request,
}

impl<P> Picture<P> {
    /// Number in the job of the first picture that is wanted of it.
    pub(super) fn frame_number(&self) -> u64 {
        self.request.pictures().next().map_or(0, |picture| picture.frame)
    }
}

impl<P> Clone for Picture<P> {
    fn clone(&self) -> Self {
        Self { frame: self.frame.clone(), request: self.request }
    }
}

/// Work for a device: what a node makes of its pictures.
pub(super) enum Work<'a, P> {
    /// A picture for every rung.
    Scale {
        source: &'a Picture<P>,
        /// What is wanted of the picture.
        crop: Crop,
        /// Number of what is laid over the rungs.
        overlay: Option<u32>,
    },
    /// A picture for every rung.
    Compose {
        source: &'a Picture<P>,
        /// What is wanted of the picture.
        view: &'a View,
    },
    /// One picture.
    Map {
        source: &'a Picture<P>,
        /// The area that is made.
        area: Area,
    },
    /// One picture.
    Planes {
        planes: &'static PlaneNode,
        /// The neighbours before it, the picture itself, those after it.
        sources: &'a [&'a Picture<P>],
        /// The area that is made.
        area: Area,
        /// What is made of each plane, as the kernel understands it.
        picture: [u32; 3],
    },
}

/// The pictures of a graph that are still needed, and how far each node is. They come in runs, which know nothing of one another.
#[derive(Debug)]
pub(super) struct Schedule<P> {
    graph: Arc<Graph>,
    queues: Vec<Queue<P>>,
    /// For each node, how many pictures of its input it is done with.
    done: Vec<usize>,
    /// For each output, up to which of its pictures they were taken.
    taken: Vec<usize>,
    /// Whether no frame follows.
    ended: bool,
}

/// Pictures of an edge, in order.
#[derive(Debug)]
struct Queue<P> {
    pictures: VecDeque<Picture<P>>,
    /// Number of the first that is here, in the run.
    first: usize,
}

impl<P> Queue<P> {
    fn count(&self) -> usize {
        self.first + self.pictures.len()
    }

    /// Gives the number of the first picture from `number` on that is not hidden.
    fn next_shown(&self, number: usize) -> Option<usize> {
        (number.max(self.first)..self.count()).find(|&at| self.nearest(at).request.pictures().next().is_some())
    }

    /// Gives a picture, or the nearest that there is.
    fn nearest(&self, number: usize) -> &Picture<P> {
        &self.pictures[number.clamp(self.first, self.count() - 1) - self.first]
    }
}

impl<P: Send + Sync + 'static> Schedule<P> {
    pub(super) fn new(graph: Arc<Graph>) -> Self {
        let queues = (0..graph.edge_count()).map(|_| Queue { pictures: VecDeque::new(), first: 0 }).collect();
        let (done, taken) = (vec![0; graph.nodes().len()], vec![0; graph.outputs().len()]);
        Self { queues, done, taken, ended: false, graph }
    }

    /// Adds a source frame.
    pub(super) fn add(&mut self, frame: HeldFrame<P>, request: Request) {
        self.queues[Graph::SOURCE.0].pictures.push_back(Picture { frame, request });
    }

    /// Says that none follows.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Has all work done for which everything is there: `work` is given it node by node, and gives what it makes. The numbers are
    /// those of the nodes.
    ///
    /// # Errors
    /// Those of `work`, after which the schedule is of no use.
    pub(super) fn advance(&mut self, mut work: impl FnMut(usize, Work<'_, P>) -> Result<Vec<Frame<P>>>) -> Result<()> {
        let graph = Arc::clone(&self.graph);
        for (number, node) in graph.nodes().iter().enumerate() {
            let [_, after] = node.neighbours();
            let input = node.input.0;
            while self.done[number] < self.queues[input].count()
                && (self.ended || self.done[number] + after < self.queues[input].count())
            {
                self.work_on(&graph, number, node, &mut work)?;
                self.done[number] += 1;
            }
        }
        Ok(())
    }

    fn work_on(
        &mut self,
        graph: &Graph,
        number: usize,
        node: &Node,
        work: &mut impl FnMut(usize, Work<'_, P>) -> Result<Vec<Frame<P>>>,
    ) -> Result<()> {
        let queue = &self.queues[node.input.0];
        let at = self.done[number];
        let own = queue.nearest(at);
        let request = own.request;
        match &node.kind {
            NodeKind::Crop => {
                let picture = own.clone();
                self.queues[node.outputs.start].pictures.push_back(picture);
            }
            NodeKind::Scale(spec) | NodeKind::Compose(ComposeSpec { scale: spec, .. }) => {
                let own = own.clone();
                for wanted in request.pictures() {
                    let view = wanted.view(request.area);
                    let rungs = match &node.kind {
                        NodeKind::Compose(_) => work(number, Work::Compose { source: &own, view: &view })?,
                        _ => {
                            let (crop, overlay) = (graph.wanted(node.input, &view), view.layers.overlay());
                            work(number, Work::Scale { source: &own, crop, overlay })?
                        }
                    };
                    for (rung, edge) in rungs.into_iter().zip(node.outputs.clone()) {
                        let area = Area::whole(rung.format());
                        let mut rung = at_time(rung.like(&*own.frame), wanted.time);
                        rung.colour = Colour { chroma: spec.rung_chroma, ..rung.colour };
                        self.queues[edge]
                            .pictures
                            .push_back(Picture { frame: rung.into(), request: shown(area, wanted) });
                    }
                }
            }
            NodeKind::Map(spec) => {
                let own = own.clone();
                for wanted in request.pictures() {
                    let area = graph.needed(Edge(node.outputs.start), &wanted.layers);
                    for picture in work(number, Work::Map { source: &own, area })? {
                        let mut picture = at_time(picture.like(&*own.frame), wanted.time);
                        picture.colour = MapSpec::output_colour(spec.chroma);
                        let picture = Picture { frame: picture.into(), request: shown(area, wanted) };
                        self.queues[node.outputs.start].pictures.push_back(picture);
                    }
                }
            }
            NodeKind::Planes { node: planes, setting } => {
                let source = own.frame.clone();
                let [before, after] = planes.neighbours;
                let numbers = (0..=before + after).map(|step| (at + step).saturating_sub(before));
                let sources: Vec<_> = numbers.map(|number| queue.nearest(number)).collect();
                let output = Edge(node.outputs.start);
                let makes_hidden = graph.is_looked_around(output);
                let mut made = Vec::new();
                for wanted in request.made().filter(|wanted| makes_hidden || wanted.shown().is_some()) {
                    let (area, time) = match wanted {
                        MadePicture::Shown(wanted) => (graph.needed(output, &wanted.layers), wanted.time),
                        MadePicture::Hidden(_) => (Area::whole(graph.grid(output)), None),
                    };
                    let picture = setting.unwrap_or([wanted.fields().code(); 3]);
                    let pictures = work(number, Work::Planes { planes, sources: &sources, area, picture })?;
                    for picture in pictures {
                        let mut picture = at_time(picture.like(&*source), time);
                        picture.fields = (planes.fields)(picture.fields);
                        made.push(Picture { frame: picture.into(), request: only(area, *wanted) });
                    }
                }
                self.queues[output.0].pictures.extend(made);
            }
        }
        Ok(())
    }

    /// Takes the next set out, where there is one: a picture of every output.
    pub(super) fn take(&mut self) -> Option<Vec<Picture<P>>> {
        let outputs = self.graph.outputs();
        let next = outputs.iter().zip(&self.taken).map(|(output, &taken)| self.queues[output.0].next_shown(taken));
        let next = next.collect::<Option<Vec<_>>>()?;
        self.taken = next.iter().map(|at| at + 1).collect();
        Some(outputs.iter().zip(next).map(|(output, at)| self.queues[output.0].nearest(at).clone()).collect())
    }

    /// Lets go of what nobody needs any more; after the end of a run, of all of it.
    pub(super) fn forget(&mut self) {
        if self.ended {
            *self = Self::new(Arc::clone(&self.graph));
            return;
        }
        for (edge, queue) in self.queues.iter_mut().enumerate() {
            let nodes = self.graph.nodes().iter().zip(&self.done).filter(|(node, _)| node.input.0 == edge);
            let needed = nodes.map(|(node, done)| done.saturating_sub(node.neighbours()[0]));
            let outputs = self.graph.outputs().iter().zip(&self.taken);
            let taken = outputs.filter(|(output, _)| output.0 == edge).map(|(_, &taken)| taken);
            let first = needed.chain(taken).min().unwrap_or(usize::MAX);
            while queue.first < first && queue.pictures.pop_front().is_some() {
                queue.first += 1;
            }
        }
    }
}

/// Asks for one picture of what is made.
fn only(area: Area, wanted: MadePicture) -> Request {
    Request::with_hidden(area, &[wanted]).unwrap_or(Request::none(area))
}

/// Asks for one picture that comes out.
fn shown(area: Area, wanted: &PictureRequest) -> Request {
    only(area, MadePicture::Shown(*wanted))
}

/// Sets the time of a picture, where one was asked for.
fn at_time<P>(mut picture: Frame<P>, time: Option<(i64, i64)>) -> Frame<P> {
    (picture.pts, picture.duration) = time.unwrap_or((picture.pts, picture.duration));
    picture
}
