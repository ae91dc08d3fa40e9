//! What is laid over rungs: against plain arithmetic on the pictures without it, and one device against the other.

use super::compose::{caption, job, rungs, source};
use super::jobs::{devices, run};
use super::pictures::{copies, detailed, format, read, same, spec, still, window};
use std::sync::Arc;
use upright_engine::Result;
use upright_engine::frame::{Area, Depth, Frame, FrameFormat, Subsampling};
use upright_engine::picture::{Device, Edge, Graph, Layers, Overlay, OverlayPlane, Overlays, View};
use upright_shaders::overlay_element;

/// Overlays of every cover and value, each in another place of another size.
#[derive(Debug)]
struct Patterns;

impl Overlays for Patterns {
    fn prepare(&self) -> Result<()> {
        Ok(())
    }

    fn most_elements(&self, rung: FrameFormat) -> usize {
        2 * rung.width as usize * rung.height as usize
    }

    fn draw(&self, number: u32, rung: usize, format: FrameFormat) -> Result<Overlay> {
        let layouts = format.layout();
        let planes = [0, 1, 2].map(|plane| {
            let (column, row) = (4 * (number + rung as u32), 3 * number + plane as u32);
            // The last words of a row may reach into its padding.
            let width = (layouts[plane].width - column).min(20 + 8 * number).next_multiple_of(4);
            let height = (layouts[plane].height - row).min(17);
            let elements = (0..width * height).map(|at| {
                let cover = at * 7 % 257;
                overlay_element(cover, cover * (at * 13 % (1 << format.depth.bits())))
            });
            OverlayPlane { column, row, width, height, elements: elements.collect() }
        });
        Ok(Overlay { planes })
    }
}

/// Makes pictures of a film of these layers and overlays, over a graph whose rungs are all laid over.
fn made(
    device: &Device,
    mut graph: Graph,
    rung: Edge,
    frame: &Frame,
    film: &[(Layers, Option<u32>)],
) -> Vec<Vec<Frame>> {
    let overlays: Arc<dyn Overlays> = Arc::new(Patterns);
    graph.lay_over(rung, &overlays);
    let asked = (0..).zip(film).map(|(number, &(layers, overlay))| {
        let view = View { layers: layers.under(overlay), area: Area::whole(frame.format()), frame: number };
        (frame.clone().into(), view.into())
    });
    let mut sets = Vec::new();
    run(&mut *device.runner(&graph).unwrap(), asked, |set| sets.push(copies(&set)));
    sets
}

fn check(graph: &Graph, rung: Edge, frame: &Frame, layers: Layers) {
    // One that stays, others that come between, and none.
    let film = [None, Some(2), Some(2), Some(0), None, Some(1), Some(2)].map(|overlay| (layers, overlay));
    let all = devices().iter().map(|device| made(device, graph.clone(), rung, frame, &film)).collect::<Vec<_>>();
    let plain = made(&devices()[0], graph.clone(), rung, frame, &[(layers, None); 7]);
    for (number, (set, without)) in all[0].iter().zip(&plain).enumerate() {
        for (index, (picture, without)) in set.iter().zip(without).enumerate() {
            for other in &all[1..] {
                assert!(same(picture, &other[number][index]), "frame {number}, rung {index}: devices differ");
            }
            let drawn = film[number].1.map(|overlay| Patterns.draw(overlay, index, picture.format()).unwrap());
            for plane in 0..3 {
                let width = picture.layout(plane).width as usize;
                let mut expected = read(without, plane);
                for (at, element) in drawn.iter().flat_map(|drawn| drawn.planes[plane].elements.iter().enumerate()) {
                    let part = &drawn.as_ref().unwrap().planes[plane];
                    let (x, y) =
                        (part.column as usize + at % part.width as usize, part.row as usize + at / part.width as usize);
                    if x < width {
                        let under = &mut expected[y * width + x];
                        *under = ((*under * f64::from(256 - (element & 511)) + f64::from(element >> 9) + 128.0)
                            / 256.0)
                            .floor();
                    }
                }
                assert!(read(picture, plane) == expected, "frame {number}, rung {index}, plane {plane}");
            }
        }
    }
}

#[test]
fn overlays_cover_what_they_say_of_scaled_pictures() {
    for depth in [Depth::Eight, Depth::Ten] {
        let rungs = [(90, 160), (54, 96)].map(|(width, height)| format(width, height, Subsampling::CS420, depth));
        let spec = spec(format(128, 72, Subsampling::CS420, depth), &rungs);
        let mut graph = Graph::new(spec.source);
        let cropped = graph.crop(Graph::SOURCE);
        let edges = graph.scale(cropped, &spec);
        edges.iter().for_each(|rung| graph.output(*rung));
        let crop = still(&spec, window(40.0, 0.0, 40.5, 72.0));
        check(&graph, edges[0], &detailed(spec.source), crop.window.into());
    }
}

#[test]
fn overlays_lie_above_all_layers() {
    for depth in [Depth::Eight, Depth::Ten] {
        let job = job(source(depth), &rungs(depth));
        let mut graph = Graph::new(job.scale.source);
        let cropped = graph.crop(Graph::SOURCE);
        let edges = graph.compose(cropped, &job);
        edges.iter().for_each(|rung| graph.output(*rung));
        check(&graph, edges[1], &detailed(source(depth)), Layers::new(&caption()).unwrap());
    }
}
