//! Graphs: a node with neighbours, several outputs, more and fewer pictures than frames; on a GPU and on the CPU.

use crate::jobs;
use crate::pictures::{
    copies, cpu, detailed, extreme, format, mismatch, part, read, same, spec, still, white_noise, window,
};
use upright_engine::Error;
use upright_engine::colour::{ChromaSite, Colour};
use upright_engine::frame::{Area, Depth, FieldOrder, Frame, FrameFormat, Subsampling};
use upright_engine::geometry::Size;
use upright_engine::picture::{
    Crop, Device, DeviceChoice, FieldUse, Graph, MadePicture, Neighbour, PictureRequest, PlaneNode, Request, ScaleSpec,
};
use upright_engine::plane_twin;
use upright_fixtures::adapter;
use upright_shaders::flip_of_three;
use upright_shaders::kernels::FLIP_OF_THREE;

/// The one entry that it takes to have a kernel as a node.
const FLIP_NODE: PlaneNode = PlaneNode {
    kernel: &FLIP_OF_THREE,
    tile: None,
    twin_8: plane_twin!(flip_of_three, u8),
    twin_16: plane_twin!(flip_of_three, u16),
    neighbours: [1, 1],
    needs: |area, _| area,
    most_pictures: 1,
    fields: |_| FieldOrder::Progressive,
};

static FLIP: PlaneNode = FLIP_NODE;

/// The same kernel for a node that makes up to two pictures of a frame.
static SOME_FLIPS: PlaneNode = PlaneNode { most_pictures: 2, ..FLIP_NODE };

fn devices() -> [Device; 2] {
    [cpu(), Device::open(&DeviceChoice::Adapter(adapter())).unwrap()]
}

fn film(grid: FrameFormat, frames: u32) -> Vec<Frame> {
    let frame = |number: u32| {
        let mut frame = match number % 3 {
            0 => white_noise(grid, number),
            1 => detailed(grid),
            _ => extreme(grid),
        };
        (frame.pts, frame.duration) = (i64::from(number) * 10, 10);
        (frame.colour, frame.fields) = (COLOUR, FieldOrder::BottomFirst);
        frame
    };
    (0..frames).map(frame).collect()
}

const COLOUR: Colour = Colour { primaries: 9, transfer: 16, matrix: 9, full_range: true, chroma: ChromaSite::TOP_LEFT };

/// The sets that come of a film, and the frames that they are made of.
fn run(device: &Device, graph: &Graph, film: &[Frame], crop: impl Fn(u64) -> Crop) -> Vec<(u64, Vec<Frame>)> {
    run_requests(device, graph, film, |number| crop(number).into())
}

fn run_requests(
    device: &Device,
    graph: &Graph,
    film: &[Frame],
    request: impl Fn(u64) -> Request,
) -> Vec<(u64, Vec<Frame>)> {
    let asked = |(number, frame): (u64, &Frame)| {
        let request = request(number);
        (part(frame, request.area).like_source(frame).into(), request)
    };
    let mut sets = Vec::new();
    let mut runner = device.runner(graph).unwrap();
    jobs::run(&mut *runner, (0..).zip(film).map(asked), |set| sets.push((set.frame, copies(&set))));
    sets
}

trait LikeSource {
    fn like_source(self, source: &Frame) -> Self;
}

impl LikeSource for Frame {
    fn like_source(mut self, source: &Frame) -> Self {
        (self.colour, self.fields) = (source.colour, source.fields);
        self
    }
}

/// The mean of a frame and its neighbours by plain arithmetic; the first and the last frame stand for those that are not there.
fn mean_of_three(film: &[Frame], number: usize, plane: usize, mirrored: bool) -> Vec<f64> {
    let width = film[0].layout(plane).width as usize;
    let near = [number.saturating_sub(1), number, (number + 1).min(film.len() - 1)];
    let [before, own, after] = near.map(|number| read(&film[number], plane));
    let mean = |at: usize| {
        let (row, column) = (at / width, at % width);
        let from = row * width + if mirrored { width - 1 - column } else { column };
        ((before[from] + own[from] + after[from] + 1.0) / 3.0).floor()
    };
    (0..own.len()).map(mean).collect()
}

fn formats() -> Vec<FrameFormat> {
    use Subsampling as S;
    let sizes = [(64, 48, S::CS420, Depth::Eight), (67, 33, S::CS422, Depth::Ten), (129, 17, S::CS444, Depth::Twelve)];
    sizes.map(|(width, height, subsampling, depth)| format(width, height, subsampling, depth)).to_vec()
}

#[test]
fn a_node_sees_its_neighbours_and_none_beyond_the_ends_of_a_run() {
    for grid in formats() {
        let mut graph = Graph::new(grid);
        let flipped = graph.planes(Graph::SOURCE, &FLIP);
        graph.output(flipped);
        let film = film(grid, 5);
        let crop = |frame| Crop { frame, ..still(&spec(grid, &[]), window(3.0, 2.0, 20.0, 11.0)) };
        for device in devices() {
            let sets = run(&device, &graph, &film, crop);
            assert_eq!(sets.len(), film.len());
            for (number, (frame, pictures)) in sets.iter().enumerate() {
                assert_eq!((*frame, pictures.len()), (number as u64, 1));
                let made = &pictures[0];
                assert_eq!((made.pts, made.duration), (film[number].pts, film[number].duration));
                assert_eq!((made.colour, made.fields), (COLOUR, FieldOrder::Progressive));
                for plane in 0..3 {
                    assert!(read(made, plane) == mean_of_three(&film, number, plane, true), "{grid:?} {number}");
                }
            }
        }
    }
}

#[test]
fn a_node_makes_the_pictures_that_are_asked_for_of_a_frame() {
    let grid = formats()[1];
    let mut graph = Graph::new(grid);
    let flipped = graph.planes(Graph::SOURCE, &SOME_FLIPS);
    graph.output(flipped);
    let film = film(grid, 8);
    let layers = window(0.0, 0.0, 20.0, 11.0).into();
    // Picture 1 is not mirrored: the top field is taken from the frame before.
    let [mirrored, straight] =
        [Neighbour::Own, Neighbour::Before].map(|top| FieldUse::Woven { top, bottom: Neighbour::Own });
    let request = |frame: u64| {
        let picture = |nth: u64| PictureRequest {
            layers,
            frame: 2 * frame + nth,
            fields: if nth == 0 { mirrored } else { straight },
            time: (nth == 1).then_some((10 * frame as i64 + 7, 3)),
        };
        Request::new(Area::whole(grid), &[picture(0), picture(1)][..frame as usize % 3]).unwrap()
    };
    for device in devices() {
        let sets = run_requests(&device, &graph, &film, request);
        let numbers: Vec<_> = sets.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [2, 4, 5, 8, 10, 11, 14]);
        for (number, pictures) in &sets {
            let (frame, second) = (number / 2, number % 2 == 1);
            let expected = mean_of_three(&film, frame as usize, 0, !second);
            assert!(read(&pictures[0], 0) == expected, "{frame} {second}");
            let begin = 10 * frame as i64;
            let time = if second { (begin + 7, 3) } else { (begin, 10) };
            assert_eq!((pictures[0].pts, pictures[0].duration), time);
        }
    }
}

/// A node makes none, one or two pictures of a frame, and two behind it look at two of these before and after each; all come out.
#[test]
fn a_run_amid_hidden_pictures_is_a_part_of_the_whole() {
    let grid = formats()[0];
    let mut graph = Graph::new(grid);
    let flipped = graph.planes(Graph::SOURCE, &SOME_FLIPS);
    let again = graph.planes(flipped, &FLIP);
    let last = graph.planes(again, &FLIP);
    [flipped, again, last].into_iter().for_each(|edge| graph.output(edge));
    let film = film(grid, 12);
    let picture = |number: u64| PictureRequest {
        layers: window(0.0, 0.0, 20.0, 11.0).into(),
        frame: number,
        fields: FieldUse::WHOLE,
        time: None,
    };
    let of_frame = |frame: u64| [picture(2 * frame), picture(2 * frame + 1)][..frame as usize % 3].to_vec();
    let area = Area::whole(grid);
    let (shown, first) = (11..=14, 3);
    let amid = |frame: u64| {
        let made = of_frame(first + frame).into_iter().map(|picture| {
            let made = MadePicture::Shown(picture);
            if shown.contains(&picture.frame) { made } else { made.hidden() }
        });
        Request::with_hidden(area, &made.collect::<Vec<_>>()).unwrap()
    };
    for device in devices() {
        let whole = run_requests(&device, &graph, &film, |frame| Request::new(area, &of_frame(frame)).unwrap());
        let part = run_requests(&device, &graph, &film[3..10], amid);
        let numbers: Vec<_> = part.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [11, 14]);
        for (number, pictures) in &part {
            let (_, expected) = whole.iter().find(|(whole, _)| whole == number).unwrap();
            assert!(pictures.iter().zip(expected).all(|(made, expected)| same(made, expected)), "{number}");
        }
        // Those that are not even there are missed.
        let alone = run_requests(&device, &graph, &film[5..8], |frame| amid(frame + 2));
        assert!(!same(&alone[0].1[2], &part[0].1[2]));
    }
}

/// From one upload: the rungs of a moving window of pictures that a node has made, those pictures themselves, and a small picture
/// of the whole source.
fn many_outputs(rungs: &ScaleSpec, small: &ScaleSpec) -> Graph {
    let mut graph = Graph::new(rungs.source);
    let flipped = graph.planes(Graph::SOURCE, &FLIP);
    let cropped = graph.crop(flipped);
    let rungs = graph.scale(cropped, rungs);
    let small = graph.scale(Graph::SOURCE, small);
    rungs.into_iter().chain([flipped]).chain(small).for_each(|edge| graph.output(edge));
    graph
}

#[test]
fn several_outputs_of_one_upload_are_what_each_is_by_itself() {
    for grid in formats() {
        let rung = |width, height, depth| format(width, height, Subsampling::CS420, depth);
        let rungs =
            ScaleSpec { full_range: true, ..spec(grid, &[rung(18, 32, Depth::Eight), rung(36, 64, Depth::Ten)]) };
        let small = spec(grid, &[rung(16, 9, Depth::Eight)]);
        let graph = many_outputs(&rungs, &small);
        let film = film(grid, 7);
        let crop = |frame: u64| {
            let place = window(1.5 + 0.7 * frame as f64, 1.0, 9.0, 16.0);
            Crop { frame, ..still(&rungs, place) }
        };
        let [on_cpu, on_gpu] = devices().map(|device| run(&device, &graph, &film, crop));
        assert_eq!((on_cpu.len(), on_gpu.len()), (film.len(), film.len()));
        for (number, ((_, on_cpu), (_, on_gpu))) in on_cpu.iter().zip(&on_gpu).enumerate() {
            for (output, (on_cpu, on_gpu)) in on_cpu.iter().zip(on_gpu).enumerate() {
                assert_eq!(
                    mismatch(&format!("graph-frame-{number}-output-{output}"), on_cpu, on_gpu),
                    None,
                    "{grid:?}"
                );
                assert_eq!((on_cpu.pts, on_cpu.colour, on_cpu.fields), (on_gpu.pts, on_gpu.colour, on_gpu.fields));
            }
            let alone = |spec: &ScaleSpec, source: &Frame, crop: Crop| {
                run(&cpu(), &Graph::scaling(spec), std::slice::from_ref(source), |_| crop).remove(0).1
            };
            let scaled = alone(&rungs, &on_cpu[2], crop(number as u64));
            assert!(same(&scaled[0], &on_cpu[0]) && same(&scaled[1], &on_cpu[1]));
            assert_eq!(on_cpu[0].colour, Colour { chroma: rungs.rung_chroma, ..COLOUR });
            let whole = window(0.0, 0.0, grid.width.into(), grid.height.into());
            let shrunk = alone(&small, &film[number], Crop { frame: number as u64, ..still(&small, whole) });
            assert!(same(&shrunk[0], &on_cpu[3]));
            assert_eq!((on_cpu[2].fields, on_cpu[3].fields), (FieldOrder::Progressive, FieldOrder::BottomFirst));
        }
    }
}

#[test]
fn runs_know_nothing_of_one_another() {
    let grid = formats()[0];
    let rungs = spec(grid, &[format(18, 32, Subsampling::CS420, Depth::Eight)]);
    let graph = many_outputs(&rungs, &rungs);
    let film = film(grid, 6);
    let crop = |frame| Crop { frame, ..still(&rungs, window(3.0, 2.0, 20.0, 35.0)) };
    for device in devices() {
        let expected = run(&device, &graph, &film, crop);
        let mut runner = device.runner(&graph).unwrap();
        for _ in 0..3 {
            let mut made = Vec::new();
            let asked = (0..).zip(&film).map(|(number, frame)| (frame.clone().into(), crop(number).into()));
            jobs::run(&mut *runner, asked, |set| made.push(set));
            assert_eq!(made.len(), expected.len());
            for (made, (_, expected)) in made.iter().zip(&expected) {
                assert!(made.pictures.iter().zip(expected).all(|(made, expected)| same(made, expected)));
            }
        }
    }
}

#[test]
fn a_frame_holds_what_its_window_needs_and_all_where_neighbours_are_looked_at() {
    let grid = format(1920, 1080, Subsampling::CS420, Depth::Eight);
    let rungs = spec(grid, &[format(1080, 1920, Subsampling::CS420, Depth::Eight)]);
    let rungs = ScaleSpec { room: rungs.room_for([(607.5, 1080.0)]), ..rungs };
    let place = window(100.0, 0.0, 607.5, 1080.0);
    let scaling = Graph::scaling(&rungs);
    assert_eq!((scaling.area(place), scaling.room()), (rungs.area(place), rungs.room));
    // What a node that mirrors needs lies on the other side.
    static MIRROR: PlaneNode = PlaneNode {
        neighbours: [0, 0],
        needs: |area, grid| Area { x: grid.width - area.x - area.width, ..area },
        ..FLIP_NODE
    };
    let graph_with = |node| {
        let mut graph = Graph::new(grid);
        let edge = graph.planes(Graph::SOURCE, node);
        let cropped = graph.crop(edge);
        graph.scale(cropped, &rungs).into_iter().for_each(|rung| graph.output(rung));
        graph
    };
    let mirrored = graph_with(&MIRROR);
    let area = rungs.area(place);
    assert_eq!(mirrored.area(place), Area { x: 1920 - area.x - area.width, ..area });
    assert_eq!(mirrored.room(), rungs.room);
    assert_eq!(graph_with(&FLIP).area(place), Area::whole(grid));
    assert_eq!(graph_with(&FLIP).room().width, 1920);
    // The kernel wants neighbours that its node does not have.
    let mut runner = devices()[1].runner(&mirrored).unwrap();
    let area = mirrored.area(place);
    let crop = Crop { area, ..still(&rungs, place) };
    match runner.submit(&Frame::new(area.format(grid)).into(), crop.into()) {
        Err(Error::Misuse(why)) => assert!(why.contains("flip_of_three has no buffer before_1"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn graphs_that_make_no_sense_are_refused() {
    static MANY: PlaneNode = PlaneNode { neighbours: [3, 2], ..FLIP_NODE };
    let grid = formats()[0];
    let rungs = spec(grid, &[format(18, 32, Subsampling::CS420, Depth::Eight)]);
    let other = spec(formats()[1], &rungs.rungs);
    let graph = |build: &dyn Fn(&mut Graph)| {
        let mut graph = Graph::new(grid);
        build(&mut graph);
        graph
    };
    type Build<'a> = &'a dyn Fn(&mut Graph);
    let narrow = ScaleSpec { room: Size { width: 30, height: 30 }, ..rungs.clone() };
    let bad: [(&str, Build<'_>); 6] = [
        ("there is no room for them", &|graph| {
            let rung = graph.scale(Graph::SOURCE, &narrow).remove(0);
            graph.output(rung);
        }),
        ("nothing comes out", &|graph| drop(graph.scale(Graph::SOURCE, &rungs))),
        ("no kernel has made", &|graph| graph.output(Graph::SOURCE)),
        ("no kernel has made", &|graph| {
            let cropped = graph.crop(Graph::SOURCE);
            graph.output(cropped);
        }),
        ("are not what", &|graph| {
            let rung = graph.scale(Graph::SOURCE, &other).remove(0);
            graph.output(rung);
        }),
        ("more than 5 frames", &|graph| {
            let edge = graph.planes(Graph::SOURCE, &MANY);
            graph.output(edge);
        }),
    ];
    for device in devices() {
        for (said, build) in bad {
            match device.runner(&graph(build)).map(drop) {
                Err(Error::Misuse(why)) => assert!(why.contains(said), "{why}"),
                other => panic!("{said}: {other:?}"),
            }
        }
    }
}

/// Frames may be larger than a node has room for, where another needs them.
#[test]
fn a_window_that_a_node_has_no_room_for_is_refused_by_a_device_whose_memory_it_would_leave() {
    let grid = format(256, 144, Subsampling::CS420, Depth::Eight);
    let rungs = spec(grid, &[format(90, 160, Subsampling::CS420, Depth::Eight)]);
    let rungs = ScaleSpec { room: rungs.room_for([(40.0, 71.0)]), ..rungs };
    let small = spec(grid, &[format(16, 9, Subsampling::CS420, Depth::Eight)]);
    let graph = many_outputs(&rungs, &small);
    let submit = |place| {
        let mut runner = devices()[1].runner(&graph).unwrap();
        let frame = Frame::new(grid).into();
        runner.submit(&frame, still(&rungs, place).into()).and_then(|()| runner.finish())
    };
    submit(window(10.0, 10.0, 40.0, 71.0)).unwrap();
    match submit(window(0.0, 0.0, 256.0, 144.0)) {
        Err(Error::Misuse(why)) => assert!(why.contains("more than the room"), "{why}"),
        other => panic!("{other:?}"),
    }
}
