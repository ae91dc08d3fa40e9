//! The kernels on a GPU adapter, by default Mesa's software one, against their twins, byte for byte.

use crate::jobs;
use crate::pictures::{copies, cpu, detailed, extreme, format, mismatch, part, same, spec, still, white_noise, window};
use proptest::prelude::*;
use std::path::Path;
use std::sync::LazyLock;
use std::thread;
use upright_engine::Error;
use upright_engine::colour::{ChromaSite, Siting};
use upright_engine::frame::{Area, Depth, Frame, FrameFormat, HeldFrame, Subsampling};
use upright_engine::geometry::{Size, Window};
use upright_engine::picture::{Crop, Device, DeviceChoice, Graph, Resampling, ScaleSpec, adapters};
use upright_fixtures::adapter;

/// The adapter that [`adapter`] names, opened once: that costs more than a test's pictures.
pub(crate) fn gpu() -> Device {
    static DEVICE: LazyLock<Device> = LazyLock::new(|| Device::open(&DeviceChoice::Adapter(adapter())).unwrap());
    DEVICE.clone()
}

/// Scales each source frame with its crop, as many frames under way at once as the device allows.
fn run(device: &Device, spec: &ScaleSpec, frames: &[(Frame, Crop)]) -> Vec<Vec<Frame>> {
    let asked = frames.iter().map(|(source, crop)| (source.clone().into(), (*crop).into()));
    let mut results = Vec::new();
    let mut runner = device.runner(&Graph::scaling(spec)).unwrap();
    jobs::run(&mut *runner, asked, |set| results.push(copies(&set)));
    results
}

/// Compares what the two devices make; tells of the first frame that differs what [`mismatch`] says.
fn compare(name: &str, spec: &ScaleSpec, frames: &[(Frame, Crop)]) -> Option<String> {
    let on_gpu = run(&gpu(), spec, frames);
    let on_cpu = run(&cpu(), spec, frames);
    assert_eq!(on_gpu.len(), frames.len());
    for (index, (gpu, cpu)) in on_gpu.iter().zip(&on_cpu).enumerate() {
        for (rung, (gpu, cpu)) in gpu.iter().zip(cpu).enumerate() {
            assert_eq!((gpu.pts, gpu.duration), (frames[index].0.pts, frames[index].0.duration));
            assert_eq!((cpu.pts, cpu.duration), (gpu.pts, gpu.duration));
            let mismatch = mismatch(&format!("{name}-frame-{index}-rung-{rung}"), cpu, gpu);
            if mismatch.is_some() {
                return mismatch;
            }
        }
    }
    None
}

fn subsampling() -> impl Strategy<Value = Subsampling> {
    use Subsampling as S;
    prop::sample::select(vec![S::CS420, S::CS422, S::CS440, S::CS444])
}

fn site() -> impl Strategy<Value = ChromaSite> {
    let siting = || prop::sample::select(vec![Siting::Start, Siting::Centre, Siting::End]);
    (siting(), siting()).prop_map(|(x, y)| ChromaSite { x, y })
}

fn rung() -> impl Strategy<Value = FrameFormat> {
    let depth = prop::sample::select(vec![Depth::Eight, Depth::Ten, Depth::Twelve]);
    (1u32..=70, 1u32..=70, depth).prop_map(|(w, h, depth)| format(w, h, Subsampling::CS420, depth))
}

fn job() -> impl Strategy<Value = ScaleSpec> {
    let depth = prop::sample::select(vec![Depth::Eight, Depth::Ten, Depth::Twelve]);
    let source = (16u32..=130, 16u32..=130, subsampling(), depth).prop_map(|(w, h, s, d)| format(w, h, s, d));
    let rung_site = prop::sample::select(vec![ChromaSite::LEFT, ChromaSite::TOP_LEFT]);
    let resampling = prop::sample::select(vec![Resampling::Lanczos, Resampling::Sharp]);
    (source, site(), any::<bool>(), prop::collection::vec(rung(), 1..4), rung_site, resampling).prop_map(
        |(source, source_chroma, full_range, rungs, rung_chroma, resampling)| ScaleSpec {
            source,
            room: Size { width: source.width, height: source.height },
            source_chroma,
            full_range,
            rungs,
            rung_chroma,
            resampling,
        },
    )
}

/// Windows from fractions: origin and span along each axis.
fn place(source: FrameFormat, [x, y, width, height]: [f64; 4]) -> Window {
    let span = |length: u32, part: f64| f64::from(length) * (0.05 + 0.95 * part);
    let (width, height) = (span(source.width, width), span(source.height, height));
    window(x * (f64::from(source.width) - width), y * (f64::from(source.height) - height), width, height)
}

/// Windows that move, stay or change their size, as a reframing crop does.
fn windows() -> impl Strategy<Value = Vec<[f64; 4]>> {
    let part = || 0.0..=1.0;
    let start = (part(), part(), part(), part()).prop_map(|(x, y, w, h)| [x, y, w, h]);
    let step = prop_oneof![
        3 => part().prop_map(|x| (Some(x), None)),
        1 => part().prop_map(|width| (None, Some(width))),
        1 => Just((None, None)),
    ];
    (start, prop::collection::vec(step, 0..5)).prop_map(|(start, steps)| {
        let mut windows = vec![start];
        for (x, width) in steps {
            let [old_x, y, old_width, height] = windows[windows.len() - 1];
            windows.push([x.unwrap_or(old_x), y, width.unwrap_or(old_width), height]);
        }
        windows
    })
}

fn frames(spec: &ScaleSpec, windows: &[[f64; 4]], seed: u32) -> Vec<(Frame, Crop)> {
    let frame = |(index, parts): (u32, &[f64; 4])| {
        let mut source = match (index + seed) % 3 {
            0 => white_noise(spec.source, seed + index),
            1 => extreme(spec.source),
            _ => detailed(spec.source),
        };
        (source.pts, source.duration) = (i64::from(index) * 1001 - 7, 1001);
        let frame = u64::from(seed) << 20 | u64::from(index);
        let zooming = (index + seed) % 2 == 1;
        (source, Crop { zooming, frame, ..still(spec, place(spec.source, *parts)) })
    };
    (0..).zip(windows).map(frame).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn kernels_and_twins_give_the_same_bytes(spec in job(), windows in windows(), seed in 0u32..1000) {
        let frames = frames(&spec, &windows, seed);
        prop_assert_eq!(compare("any-job", &spec, &frames), None);
    }

    /// Source frames that hold just what their windows need, or some more of the picture, in a runner whose room is that
    /// much, against source frames that hold all of it.
    #[test]
    fn what_else_of_the_picture_a_frame_holds_changes_nothing(
        spec in job(), windows in windows(), seed in 0u32..1000, more in 0u32..40,
    ) {
        let whole = frames(&spec, &windows, seed);
        let parts: Vec<_> = whole.iter().map(|(picture, crop)| {
            let area = widened(spec.area(crop.window), more, spec.source);
            (part(picture, area), Crop { area, ..*crop })
        }).collect();
        let room = parts.iter().map(|(_, crop)| (crop.area.width, crop.area.height));
        let room = room.reduce(|a, b| (a.0.max(b.0), a.1.max(b.1))).unwrap();
        let narrow = ScaleSpec { room: Size { width: room.0, height: room.1 }, ..spec.clone() };
        let expected = run(&cpu(), &spec, &whole);
        for device in [cpu(), gpu()] {
            for (frame, (made, expected)) in run(&device, &narrow, &parts).iter().zip(&expected).enumerate() {
                for (rung, (made, expected)) in made.iter().zip(expected).enumerate() {
                    prop_assert_eq!(mismatch(&format!("part-frame-{frame}-rung-{rung}"), expected, made), None);
                }
            }
        }
    }

    #[test]
    fn a_room_holds_the_area_of_a_window_wherever_that_lies(spec in job(), windows in windows()) {
        let windows: Vec<_> = windows.iter().map(|parts| place(spec.source, *parts)).collect();
        let room = spec.room_for(windows.iter().map(|window| (window.width, window.height)));
        prop_assert!(room.width <= spec.source.width && room.height <= spec.source.height);
        for window in windows {
            for step in 0..50 {
                let part = f64::from(step) / 49.0;
                let (x, y) = (f64::from(spec.source.width), f64::from(spec.source.height));
                let moved = Window { x: part * (x - window.width), y: part * (y - window.height), ..window };
                let area = spec.area(moved);
                prop_assert!(area.width <= room.width && area.height <= room.height, "{:?} {:?}", area, room);
            }
        }
    }
}

/// An area and `more` of the grid around it, as far as there is more.
fn widened(area: Area, more: u32, grid: FrameFormat) -> Area {
    let along = |start: u32, length: u32, s: u32, grid: u32| {
        let first = start.saturating_sub(more) / s * s;
        (first, (start + length + more / 2).next_multiple_of(s).min(grid) - first)
    };
    let (x, width) = along(area.x, area.width, grid.subsampling.x, grid.width);
    let (y, height) = along(area.y, area.height, grid.subsampling.y, grid.height);
    Area { x, y, width, height }
}

/// Chroma that is not subsampled shrinks twice as much as luma, and its filters reach twice as far.
#[test]
fn the_area_of_a_real_window_is_enough_at_every_subsampling() {
    use Subsampling as S;
    let rungs = [(180, 320), (90, 160), (36, 64)];
    let rungs = rungs.map(|(width, height)| format(width, height, S::CS420, Depth::Eight));
    let places = [window(0.0, 0.0, 90.0, 160.0), window(150.25, 70.5, 80.5, 143.1), window(300.9, 131.7, 99.9, 169.3)];
    for (subsampling, depth) in
        [S::CS420, S::CS422, S::CS440, S::CS444].into_iter().zip([Depth::Eight, Depth::Ten].into_iter().cycle())
    {
        let spec = spec(format(401, 301, subsampling, depth), &rungs);
        let picture = extreme(spec.source);
        for place in places {
            let whole = still(&spec, place);
            let area = spec.area(place);
            assert!(area.width < 280 && area.height < 301, "{area:?}");
            let narrow = ScaleSpec { room: spec.room_for([(place.width, place.height)]), ..spec.clone() };
            assert!(narrow.room.width < 280, "{:?}", narrow.room);
            let expected = run(&cpu(), &spec, &[(picture.clone(), whole)]).remove(0);
            for device in [cpu(), gpu()] {
                let made = run(&device, &narrow, &[(part(&picture, area), Crop { area, ..whole })]).remove(0);
                for (rung, (made, expected)) in made.iter().zip(&expected).enumerate() {
                    let mismatch = mismatch(&format!("area-rung-{rung}"), expected, made);
                    assert_eq!(mismatch, None, "{place:?} of {subsampling:?}");
                }
            }
        }
    }
}

/// The sizes that jobs have, with rows of many workgroups.
#[test]
fn the_real_ladder_gives_the_same_bytes() {
    let sizes = [(1080, 1920), (720, 1280), (540, 960), (360, 640)];
    let rungs = sizes.map(|(width, height)| format(width, height, Subsampling::CS420, Depth::Eight));
    for depth in [Depth::Eight, Depth::Ten] {
        let spec = spec(format(1920, 1080, Subsampling::CS420, depth), &rungs);
        let source = detailed(spec.source);
        let crop = |frame: u32| {
            let x = 656.25 + 0.37 * f64::from(frame);
            Crop { frame: frame.into(), ..still(&spec, window(x, 0.0, 607.5, 1080.0)) }
        };
        let frames: Vec<_> = (0..2).map(|index| (source.clone(), crop(index))).collect();
        assert_eq!(compare("ladder", &spec, &frames), None);
    }
}

/// A submission of one runner may hear that another's frame is done: none may be lost on the way.
#[test]
fn many_runners_share_a_device() {
    let small = |width, height, depth| format(width, height, Subsampling::CS420, depth);
    let spec = spec(small(96, 54, Depth::Ten), &[small(36, 64, Depth::Eight), small(18, 32, Depth::Ten)]);
    let frames = frames(&spec, &[[0.3, 0.0, 0.3, 1.0], [0.5, 0.0, 0.3, 1.0], [0.5, 0.5, 0.4, 0.6]], 7);
    let expected = run(&cpu(), &spec, &frames);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let frames: Vec<_> = frames.iter().cloned().cycle().take(30).collect();
                for (made, expected) in run(&gpu(), &spec, &frames).iter().zip(expected.iter().cycle()) {
                    for (made, expected) in made.iter().zip(expected) {
                        assert_eq!(mismatch("many-runners", expected, made), None);
                    }
                }
            });
        }
    });
}

/// Thousands of taps, and sides as long as they may be.
#[test]
fn long_and_thin_pictures_give_the_same_bytes() {
    for (source, rung) in [((16_384, 16), (16, 2000)), ((16, 16_384), (2000, 16)), ((4000, 16), (16_384, 16))] {
        let source = format(source.0, source.1, Subsampling::CS420, Depth::Eight);
        let spec = spec(source, &[format(rung.0, rung.1, Subsampling::CS420, Depth::Eight)]);
        let whole = window(0.0, 0.0, f64::from(source.width), f64::from(source.height));
        assert_eq!(compare("long-or-thin", &spec, &[(white_noise(source, 1), still(&spec, whole))]), None);
    }
}

/// The comparison must see one sample that is off by one, another window, another frame's noise.
#[test]
fn the_comparison_sees_differences() {
    let spec = spec(
        format(64, 48, Subsampling::CS420, Depth::Ten),
        &[format(18, 32, Subsampling::CS420, Depth::Eight), format(36, 64, Subsampling::CS420, Depth::Ten)],
    );
    let source = detailed(spec.source);
    let crop = Crop { frame: 3, ..still(&spec, window(20.0, 0.0, 27.0, 48.0)) };
    let moved = Crop { window: window(20.02, 0.0, 27.0, 48.0), ..crop };
    let made = |device: &Device, crop| run(device, &spec, &[(source.clone(), crop)]).remove(0);
    let on_gpu = made(&gpu(), crop);
    let differ = |other: &[Frame]| -> Vec<bool> { on_gpu.iter().zip(other).map(|(a, b)| !same(a, b)).collect() };
    assert_eq!(differ(&made(&cpu(), crop)), [false, false]);
    assert_eq!(differ(&made(&cpu(), moved)), [true, true]);
    // Only the first rung has fewer bits than the source.
    assert_eq!(differ(&made(&cpu(), Crop { frame: 4, ..crop })), [true, false]);

    let mut wrong = made(&cpu(), crop);
    wrong[1].plane_mut::<u16>(2).0[40] ^= 1;
    assert_eq!(differ(&wrong), [false, true]);
    assert_eq!(mismatch("seen", &on_gpu[0], &wrong[0]), None);
    let said = mismatch("seen", &on_gpu[1], &wrong[1]).unwrap();
    assert!(said.contains("1 of 576 samples of plane 2 differ"), "{said}");
    for name in ["seen-expected.png", "seen-actual.png"] {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        assert!(said.contains(file.to_str().unwrap()) && file.is_file(), "{said}");
    }
}

#[test]
fn an_adapter_is_used_by_name_and_a_software_one_by_name_alone() {
    let spec =
        spec(format(64, 48, Subsampling::CS420, Depth::Eight), &[format(18, 32, Subsampling::CS420, Depth::Eight)]);
    let open = |choice: &DeviceChoice| Device::open(choice)?.runner(&Graph::scaling(&spec));
    let named = open(&DeviceChoice::Adapter(adapter().to_uppercase())).unwrap();
    assert!(named.device().name.to_lowercase().contains(&adapter().to_lowercase()));
    assert!(["gpu", "software gpu"].contains(&named.device().kind));
    assert!(adapters().contains(named.device()));
    assert_eq!(adapters().last().map(|info| info.kind), Some("cpu"));

    let has_gpu = adapters().iter().any(|info| info.kind == "gpu");
    let auto = open(&DeviceChoice::Auto).unwrap();
    assert_eq!(auto.device().kind, if has_gpu { "gpu" } else { "cpu" });
    let found = |why: &str| why.contains(&named.device().name);
    match open(&DeviceChoice::Gpu) {
        Ok(runner) => assert!(has_gpu && runner.device().kind == "gpu"),
        Err(Error::Device { device, why }) => assert!(!has_gpu && device == "gpu" && found(&why), "{device}: {why}"),
        Err(other) => panic!("{other}"),
    }
    match open(&DeviceChoice::Adapter("Voodoo".into())).map(|runner| runner.device().clone()) {
        Err(Error::Device { device, why }) => assert!(device == "Voodoo" && found(&why), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_device_cannot_hold_is_an_error_with_a_name_and_the_device_stays_usable() {
    let (source, rung) =
        (format(64, 64, Subsampling::CS420, Depth::Eight), |side| format(side, side, Subsampling::CS420, Depth::Ten));
    let huge = spec(source, &[rung(16_384); 8]);
    match gpu().runner(&Graph::scaling(&huge)).map(|runner| runner.device().clone()) {
        Err(Error::Device { device, why }) => {
            assert!(device.to_lowercase().contains(&adapter().to_lowercase()) && why.contains("bytes"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    gpu().runner(&Graph::scaling(&spec(source, &[rung(32)]))).unwrap();
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let source = format(64, 48, Subsampling::CS420, Depth::Eight);
    let rung = format(18, 32, Subsampling::CS420, Depth::Eight);
    let good = spec(source, &[rung]);
    for device in [gpu(), cpu()] {
        for (width, height) in [(0, 32), (18, 0), (16_385, 32)] {
            let bad = spec(source, &[format(width, height, Subsampling::CS420, Depth::Eight)]);
            assert!(matches!(device.runner(&Graph::scaling(&bad)), Err(Error::Misuse(_))));
        }
        assert!(matches!(device.runner(&Graph::scaling(&spec(source, &[]))), Err(Error::Misuse(_))));

        let mut runner = device.runner(&Graph::scaling(&good)).unwrap();
        let frame: HeldFrame = Frame::new(source).into();
        let nan = f64::NAN;
        for bad in [
            (40.0, 0.0, 27.0, 48.0),
            (-1.0, 0.0, 27.0, 48.0),
            (0.0, 0.0, 27.0, 49.0),
            (0.0, 0.0, 0.0, 48.0),
            (nan, 0.0, 27.0, 48.0),
        ] {
            let crop = still(&good, window(bad.0, bad.1, bad.2, bad.3));
            assert!(matches!(runner.submit(&frame, crop.into()), Err(Error::Misuse(_))), "{bad:?}");
        }
        let crop = still(&good, window(0.0, 0.0, 27.0, 48.0));
        assert!(matches!(runner.submit(&Frame::new(rung).into(), crop.into()), Err(Error::Misuse(_))));
        let half = Area { width: 32, ..crop.area };
        let odd = Area { x: 1, width: 63, ..crop.area };
        let too_large = Area { x: 2, ..crop.area };
        for (area, held) in [(half, half), (odd, odd), (too_large, too_large), (crop.area, half)] {
            let frame = Frame::new(held.format(source)).into();
            assert!(
                matches!(runner.submit(&frame, Crop { area, ..crop }.into()), Err(Error::Misuse(_))),
                "{area:?} {held:?}"
            );
        }
        let narrow = ScaleSpec { room: Size { width: 63, height: 48 }, ..good.clone() };
        assert!(matches!(
            device.runner(&Graph::scaling(&narrow)).unwrap().submit(&frame, crop.into()),
            Err(Error::Misuse(_))
        ));
        let wide = ScaleSpec { room: Size { width: 65, height: 48 }, ..good.clone() };
        assert!(matches!(device.runner(&Graph::scaling(&wide)), Err(Error::Misuse(_))));
        assert!(matches!(runner.collect(), Err(Error::Misuse(_))));
        while runner.has_room() {
            runner.submit(&frame, crop.into()).unwrap();
        }
        assert!(matches!(runner.submit(&frame, crop.into()), Err(Error::Misuse(_))));
        runner.collect().unwrap();
    }
}
