use super::*;
use crate::encode::{EncoderChoice, EncoderKind, LibavEncoder};
use crate::geometry::Rational;
use crate::geometry::Size;
use crate::measure::footage;
use crate::pipeline::Limits;

fn film(folder: &Path, frames: u64) -> (Input, OpenOptions) {
    let path = folder.join("film.mp4");
    footage::write(&path, frames, &Control::default()).unwrap();
    let open = OpenOptions::default().threads(2);
    (Input::Path(path), open)
}

#[test]
fn every_part_deals_with_every_frame() {
    let folder = TempDir::new().unwrap();
    let (input, open) = film(folder.path(), 5);
    let keyframe_interval = Rational::new(1, 12);
    let ladder = "90x160,54x96".parse().unwrap();
    let options = PlanOptions { ladder, keyframe_interval, ..PlanOptions::default() };
    let control = Control::default();
    let bench = Bench::open(input, open, &options, DeviceChoice::Cpu, Limits::default(), usize::MAX, &control).unwrap();
    assert_eq!(bench.info().video.upright.grid, Size { width: 1920, height: 1080 });
    assert_eq!(bench.frames(), 5);
    assert_eq!(bench.segments, [0..2, 2..4, 4..5]);
    assert_eq!(bench.decode().unwrap().frames, 5);
    assert_eq!(bench.encode().unwrap().frames, 5);
    assert_eq!(bench.convert(folder.path()).unwrap().frames, 5);
    let scaled = bench.scale().unwrap();
    assert!(scaled.frames > 0 && scaled.seconds >= LONG_ENOUGH.as_secs_f64() && scaled.rate() > 0.0);
}

#[test]
fn an_encoder_that_lasts_makes_all_segments() {
    let folder = TempDir::new().unwrap();
    let (input, open) = film(folder.path(), 5);
    let options = PlanOptions {
        ladder: "90x160,64x114".parse().unwrap(),
        keyframe_interval: Rational::new(1, 12),
        encoder: EncoderChoice::Named(EncoderKind::Libav(LibavEncoder::SvtAv1)),
        ..PlanOptions::default()
    };
    let (control, limits) = (Control::default(), Limits::default());
    let bench = Bench::open(input, open, &options, DeviceChoice::Cpu, limits, usize::MAX, &control).unwrap();
    assert_eq!((bench.segments.len(), bench.plan.is_sequential()), (3, true));
    assert_eq!(bench.encode().unwrap().frames, 5);
}

#[test]
fn whoever_cancels_is_obeyed_everywhere() {
    let folder = TempDir::new().unwrap();
    let (input, open) = film(folder.path(), 2);
    let options = PlanOptions { ladder: "54x96".parse().unwrap(), ..PlanOptions::default() };
    let control = Control::default();
    let bench =
        Bench::open(input.clone(), open.clone(), &options, DeviceChoice::Cpu, Limits::default(), usize::MAX, &control)
            .unwrap();
    control.cancel();
    for measured in [bench.decode(), bench.scale(), bench.encode(), bench.convert(folder.path())] {
        assert!(matches!(measured, Err(Error::Cancelled)), "{measured:?}");
    }
    assert!(matches!(
        Bench::open(input, open, &options, DeviceChoice::Cpu, Limits::default(), usize::MAX, &control),
        Err(Error::Cancelled)
    ));
    assert!(matches!(footage::write(&folder.path().join("other.mp4"), 2, &control), Err(Error::Cancelled)));
}

#[test]
fn the_first_failure_stops_all() {
    let failed = each(3, |stop| if stop.swap(true, Ordering::Relaxed) { Ok(()) } else { Err(Error::Cancelled) });
    assert!(matches!(failed, Err(Error::Cancelled)));
}
