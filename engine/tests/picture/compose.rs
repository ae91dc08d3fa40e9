//! Pictures of several windows: against pictures of one, and one device against the other.

#[cfg(feature = "gpu")]
use super::devices::gpu;
use super::jobs::run;
use super::pictures::{copies, cpu, detailed, format, read, spec, still, window};
use upright_engine::Error;
use upright_engine::frame::{Area, Depth, Frame, FrameFormat, Subsampling};
use upright_engine::geometry::Window;
use upright_engine::picture::{Band, ComposeSpec, Device, Graph, Layer, Layers, View};

fn layer(window: Window, rows: [f64; 2]) -> Layer {
    Layer { window, zooming: false, band: Band { rows, ..Band::WHOLE } }
}

/// Two windows, one above the other, and moving.
fn stack(step: f64) -> Vec<Layer> {
    vec![layer(window(step, 2.0, 45.0, 40.0), [0.0, 0.5]), layer(window(70.0 - step, 9.5, 45.0, 40.0), [0.5, 1.0])]
}

/// A wide window over itself, out of focus.
fn fit() -> Vec<Layer> {
    let behind =
        Layer { window: window(44.0, 0.0, 40.5, 72.0), zooming: false, band: Band { blurred: true, ..Band::WHOLE } };
    vec![behind, layer(window(0.0, 0.0, 128.0, 72.0), [0.34, 0.66])]
}

/// A window, and in its lower part a strip on a soft plate.
pub(crate) fn caption() -> Vec<Layer> {
    let plate = Band { rows: [0.65, 0.95], fades: [0.05, 0.03], blurred: true };
    let strip = Band { rows: [0.7, 0.8], fades: [0.01, 0.02], blurred: false };
    vec![
        layer(window(40.0, 0.0, 40.5, 72.0), [0.0, 1.0]),
        Layer { window: window(40.0, 46.8, 40.5, 21.6), zooming: false, band: plate },
        Layer { window: window(10.0, 60.0, 108.0, 10.0), zooming: false, band: strip },
    ]
}

/// A job for all of them.
pub(crate) fn job(source: FrameFormat, rungs: &[FrameFormat]) -> ComposeSpec {
    let mut job = ComposeSpec { scale: spec(source, rungs), bands: Vec::new() };
    for layers in [stack(0.0), fit(), caption()] {
        for (number, Layer { window: Window { width, height, .. }, band, .. }) in layers.into_iter().enumerate() {
            job.add(number, band, (width, height), Some((128.0, 72.0)));
        }
    }
    job
}

fn compose(device: &Device, job: &ComposeSpec, source: &Frame, all: &[Vec<Layer>]) -> Vec<Vec<Frame>> {
    let view = |(frame, layers): (u64, &Vec<Layer>)| {
        let (layers, area) = (Layers::new(layers).unwrap(), Area::whole(source.format()));
        (source.clone().into(), View { layers, area, frame }.into())
    };
    let mut made = Vec::new();
    let mut runner = device.runner(&Graph::composing(job)).unwrap();
    run(&mut *runner, (0..).zip(all).map(view), |set| made.push(copies(&set)));
    made
}

pub(crate) fn source(depth: Depth) -> FrameFormat {
    format(128, 72, Subsampling::CS420, depth)
}

pub(crate) fn rungs(depth: Depth) -> [FrameFormat; 2] {
    [format(90, 160, Subsampling::CS420, depth), format(54, 96, Subsampling::CS420, depth)]
}

#[test]
fn halves_are_what_scaling_makes_of_each_window_alone() {
    for depth in [Depth::Eight, Depth::Ten] {
        let picture = detailed(source(depth));
        let job = job(picture.format(), &rungs(depth));
        let made = compose(&cpu(), &job, &picture, &[stack(5.0)]).remove(0);
        for (rung, made) in rungs(depth).iter().zip(&made) {
            let half = FrameFormat { height: rung.height / 2, ..*rung };
            let graph = Graph::scaling(&spec(picture.format(), &[half]));
            let halves: Vec<_> = stack(5.0)
                .iter()
                .map(|layer| {
                    let mut runner = cpu().runner(&graph).unwrap();
                    let crop = still(&spec(picture.format(), &[half]), layer.window);
                    runner.submit(&picture.clone().into(), crop.into()).unwrap();
                    Frame::clone(&runner.collect().unwrap().pictures[0])
                })
                .collect();
            for plane in 0..3 {
                let joined = [read(&halves[0], plane), read(&halves[1], plane)].concat();
                assert!(joined == read(made, plane), "plane {plane} of {rung:?}");
            }
        }
    }
}

#[test]
fn a_frame_of_one_window_is_what_the_graph_without_layers_makes() {
    let picture = detailed(source(Depth::Eight));
    let job = job(picture.format(), &rungs(Depth::Eight));
    let place = window(30.0, 0.0, 40.5, 72.0);
    let all = [fit(), vec![layer(place, [0.0, 1.0])]];
    let made = compose(&cpu(), &job, &picture, &all).remove(1);
    let plain = spec(picture.format(), &rungs(Depth::Eight));
    let mut runner = cpu().runner(&Graph::scaling(&plain)).unwrap();
    runner.submit(&picture.into(), View { frame: 1, ..still(&plain, place).into() }.into()).unwrap();
    for (made, plain) in made.iter().zip(&runner.collect().unwrap().pictures) {
        assert!(made.bytes() == plain.bytes());
    }
}

#[test]
fn what_is_behind_is_out_of_focus_and_of_the_same_brightness() {
    let picture = detailed(format(1024, 576, Subsampling::CS420, Depth::Eight));
    let place = window(352.0, 0.0, 324.0, 576.0);
    let mut job = ComposeSpec { scale: spec(picture.format(), &rungs(Depth::Eight)), bands: Vec::new() };
    let [sharp, behind] = [false, true].map(|blurred| {
        let layer = Layer { window: place, zooming: false, band: Band { blurred, ..Band::WHOLE } };
        job.add(0, layer.band, (324.0, 576.0), None);
        read(&compose(&cpu(), &job, &picture, &[vec![layer]]).remove(0).remove(0), 0)
    });
    let steepest = |samples: &[f64]| samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f64::max);
    let mean = |samples: &[f64]| samples.iter().sum::<f64>() / samples.len() as f64;
    assert!(3.0 * steepest(&behind) < steepest(&sharp), "{} {}", steepest(&behind), steepest(&sharp));
    assert!((mean(&behind) - mean(&sharp)).abs() < 1.0, "{} {}", mean(&behind), mean(&sharp));
}

#[test]
fn a_strip_lies_on_its_plate_and_the_rest_is_the_window() {
    let picture = detailed(source(Depth::Eight));
    let job = job(picture.format(), &rungs(Depth::Eight));
    let made = compose(&cpu(), &job, &picture, &[caption()]).remove(0).remove(0);
    let plain = compose(&cpu(), &job, &picture, &[caption()[..1].to_vec()]).remove(0).remove(0);
    let (made, plain) = (read(&made, 0), read(&plain, 0));
    let differ = |row: usize| made[90 * row..90 * (row + 1)] != plain[90 * row..90 * (row + 1)];
    let changed: Vec<_> = (0..160).filter(|&row| differ(row)).collect();
    assert_eq!((changed.first(), changed.last(), changed.len()), (Some(&104), Some(&151), 48));
}

#[cfg(feature = "gpu")]
#[test]
fn both_devices_make_the_same_bytes() {
    for depth in [Depth::Eight, Depth::Ten] {
        for to in [Depth::Eight, Depth::Ten] {
            let picture = detailed(source(depth));
            let job = job(picture.format(), &rungs(to));
            let plain = vec![layer(window(30.0, 0.0, 40.5, 72.0), [0.0, 1.0])];
            let all = [stack(3.0), stack(3.25), fit(), caption(), plain, stack(1.0), caption()];
            let [on_cpu, on_gpu] = [cpu(), gpu()].map(|device| compose(&device, &job, &picture, &all));
            for (number, (on_cpu, on_gpu)) in on_cpu.iter().zip(&on_gpu).enumerate() {
                for (on_cpu, on_gpu) in on_cpu.iter().zip(on_gpu) {
                    for plane in 0..3 {
                        assert!(read(on_cpu, plane) == read(on_gpu, plane), "frame {number}, plane {plane}, {depth:?}");
                    }
                }
            }
            assert!(on_cpu[0][0].bytes() != on_gpu[1][0].bytes(), "the comparison can fail");
        }
    }
}

#[test]
fn layers_that_make_no_picture_are_refused() {
    let picture = detailed(source(Depth::Eight));
    let rungs = rungs(Depth::Eight);
    let job = job(picture.format(), &rungs);
    let refused = |graph: &Graph, layers: &[Layer]| {
        let view = View { layers: Layers::new(layers).unwrap(), area: Area::whole(picture.format()), frame: 0 };
        let mut runner = cpu().runner(graph).unwrap();
        matches!(runner.submit(&picture.clone().into(), view.into()), Err(Error::Misuse(_)))
    };
    let composing = Graph::composing(&job);
    assert!(!refused(&composing, &stack(0.0)));
    assert!(refused(&composing, &stack(0.0)[..1]), "half of the picture");
    assert!(refused(&composing, &stack(-3.0)), "a window outside");
    assert!(refused(&Graph::scaling(&job.scale), &stack(0.0)), "a graph that knows one window");
}
