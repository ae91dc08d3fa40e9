//! Going on with another device where one fails in the middle of a job.

use super::info::GpuStats;
use super::scaler::Scaler;
use super::spec::Crop;
use crate::error::{Error, Result};
use crate::frame::Frame;
use serde::Serialize;
use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::OnceLock;
use std::time::Duration;

/// A device that was left in the middle of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fallback {
    /// Its name.
    pub device: String,
    /// The failure that it was left for.
    pub why: String,
    /// Number of the frame in the job, from 0, from which on the CPU scaled instead. Where several segments were under
    /// way, the others changed over at frames of their own.
    pub frame: u64,
}

/// Makes the scaler that goes on.
pub(crate) type Twin<'a> = Box<dyn FnOnce() -> Result<Box<dyn Scaler>> + Send + 'a>;

/// A scaler and another that takes its place, once, when its device fails. Source frames are kept until they are
/// collected, so that the other begins with the oldest one that the first still owed: no frame is missing and none comes
/// twice.
pub(crate) struct FallbackScaler<'a, F> {
    scaler: Box<dyn Scaler>,
    /// None where a failure is final.
    twin: Option<Twin<'a>>,
    /// Where the first of several scalers notes which device it left.
    left: &'a OnceLock<Fallback>,
    /// Frames that were submitted here and not collected, the oldest first.
    under_way: VecDeque<(F, Crop)>,
    /// Number of those that the scaler has.
    submitted: usize,
    /// Statistics of a GPU that was left.
    gpu: Option<GpuStats>,
}

impl<'a, F: Deref<Target = Frame>> FallbackScaler<'a, F> {
    pub(crate) fn new(scaler: Box<dyn Scaler>, twin: Option<Twin<'a>>, left: &'a OnceLock<Fallback>) -> Self {
        Self { scaler, twin, left, under_way: VecDeque::new(), submitted: 0, gpu: None }
    }

    /// Counts frames that were submitted and not collected.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Says whether another frame may be submitted before one is collected.
    pub(crate) fn has_room(&self) -> bool {
        self.under_way.len() < self.scaler.capacity().max(1)
    }

    /// Begins on a frame.
    ///
    /// # Errors
    /// As [`Scaler::submit`]; [`Error::Device`] only where there is no other device to go on with.
    pub(crate) fn submit(&mut self, source: F, crop: Crop) -> Result<()> {
        self.under_way.push_back((source, crop));
        self.go_on_with(|_| Ok(()))
    }

    /// As [`Scaler::wait`].
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<bool> {
        self.go_on_with(|scaler| scaler.wait(limit))
    }

    /// As [`Scaler::collect`]; gives the source back.
    pub(crate) fn collect(&mut self, outputs: &mut [&mut Frame]) -> Result<F> {
        self.go_on_with(|scaler| scaler.collect(outputs))?;
        self.submitted -= 1;
        let collected = self.under_way.pop_front().map(|(source, _)| source);
        collected.ok_or_else(|| Error::misuse("scaler: asked for a frame that was not submitted"))
    }

    /// Tells what a GPU did so far, be it one that was left.
    pub(crate) fn gpu_stats(&self) -> Option<GpuStats> {
        self.gpu.into_iter().chain(self.scaler.gpu_stats()).reduce(GpuStats::and)
    }

    /// Gives the scaler the frames that it has room for and then does `work` with it; if its device fails, all of it once
    /// more with the other.
    fn go_on_with<R>(&mut self, mut work: impl FnMut(&mut dyn Scaler) -> Result<R>) -> Result<R> {
        loop {
            let done = self.feed().and_then(|()| work(&mut *self.scaler));
            match (done, self.twin.take()) {
                (Err(Error::Device { device, why }), Some(twin)) => self.change(twin, device, why)?,
                (done, twin) => {
                    self.twin = twin;
                    return done;
                }
            }
        }
    }

    fn feed(&mut self) -> Result<()> {
        let capacity = self.scaler.capacity().max(1);
        for (source, crop) in self.under_way.iter().take(capacity).skip(self.submitted) {
            self.scaler.submit(source, *crop)?;
            self.submitted += 1;
        }
        Ok(())
    }

    fn change(&mut self, twin: Twin<'a>, device: String, why: String) -> Result<()> {
        let frame = self.under_way.front().map_or(0, |(_, crop)| crop.frame);
        let fallback = Fallback { device, why, frame };
        let said =
            format!("device {}: {}: scaling on the CPU instead from frame {frame} on", fallback.device, fallback.why);
        if self.left.set(fallback).is_ok() {
            log::warn!("{said}");
        }
        self.gpu = self.scaler.gpu_stats();
        (self.scaler, self.submitted) = (twin()?, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::ChromaSite;
    use crate::frame::{Area, Depth, FrameFormat, Subsampling};
    use crate::geometry::{Size, Window};
    use crate::scale::device::Device;
    #[cfg(feature = "gpu")]
    use crate::scale::info::DeviceChoice;
    use crate::scale::info::DeviceInfo;
    use crate::scale::spec::ScaleSpec;

    fn spec() -> ScaleSpec {
        let format = |width, height, depth| FrameFormat { width, height, subsampling: Subsampling::CS420, depth };
        ScaleSpec {
            source: format(160, 90, Depth::Ten),
            room: Size { width: 160, height: 90 },
            source_chroma: ChromaSite::LEFT,
            full_range: false,
            rungs: vec![format(54, 96, Depth::Eight), format(36, 64, Depth::Ten)],
            rung_chroma: ChromaSite::LEFT,
        }
    }

    fn crop(frame: u64) -> Crop {
        let x = 20.0 + f64::from(frame as u32) * 0.3;
        let window = Window { x, y: 0.0, width: 50.625, height: 90.0 };
        Crop { window, area: Area::whole(spec().source), zooming: false, frame }
    }

    fn film(count: i64) -> Vec<Frame> {
        let frame = |number: i64| {
            let mut frame = Frame::new(spec().source);
            for plane in 0..3 {
                let samples = frame.plane_mut::<u16>(plane).0.iter_mut().enumerate();
                samples.for_each(|(at, sample)| *sample = ((at * 37 + number as usize * 101) % 1024) as u16);
            }
            (frame.pts, frame.duration) = (number * 7, 7);
            frame
        };
        (0..count).map(frame).collect()
    }

    fn cpu() -> Result<Box<dyn Scaler>> {
        Device::cpu().scaler(&spec())
    }

    /// Scales `film`, with as many frames under way as may be; `before` is told how many were submitted.
    #[cfg(feature = "gpu")]
    fn run<'f>(
        scaler: &mut FallbackScaler<'_, &'f Frame>,
        film: &'f [Frame],
        mut before: impl FnMut(usize),
    ) -> Result<Vec<Vec<u8>>> {
        let mut made = Vec::new();
        let mut waiting = film.iter().zip(0..).peekable();
        while waiting.peek().is_some() || scaler.under_way() > 0 {
            match waiting.next_if(|_| scaler.has_room()) {
                Some((frame, number)) => {
                    before(number as usize);
                    scaler.submit(frame, crop(number))?;
                }
                None => {
                    let mut rungs: Vec<_> = spec().rungs.into_iter().map(Frame::new).collect();
                    while !scaler.wait(Duration::from_millis(20))? {}
                    let source = scaler.collect(&mut rungs.iter_mut().collect::<Vec<_>>())?;
                    assert!(rungs.iter().all(|rung| (rung.pts, rung.duration) == (source.pts, source.duration)));
                    made.push(rungs.iter().flat_map(Frame::bytes).copied().collect());
                }
            }
        }
        Ok(made)
    }

    #[cfg(feature = "gpu")]
    #[test]
    fn a_gpu_that_is_lost_in_the_middle_leaves_no_trace_in_the_bytes() {
        let (film, left) = (film(12), OnceLock::new());
        let expected = run(&mut FallbackScaler::new(cpu().unwrap(), None, &left), &film, |_| ()).unwrap();
        assert_eq!(left.get(), None);
        for lost_at in [0, 1, 5, 11] {
            let device = Device::open(&DeviceChoice::Adapter(upright_fixtures::adapter())).unwrap();
            let left = OnceLock::new();
            let mut scaler = FallbackScaler::new(device.scaler(&spec()).unwrap(), Some(Box::new(cpu)), &left);
            let lose = |number| {
                if number == lost_at {
                    device.lose();
                }
            };
            assert!(run(&mut scaler, &film, lose).unwrap() == expected, "lost at {lost_at}");
            let by_gpu = scaler.gpu_stats().unwrap().frames;
            let Fallback { device: name, why, frame } = left.get().unwrap();
            assert!(name.to_lowercase().contains(&upright_fixtures::adapter().to_lowercase()) && why.contains("lost"));
            assert_eq!((*frame, by_gpu <= lost_at as u64), (by_gpu, true));
        }
    }

    #[cfg(feature = "gpu")]
    #[test]
    fn a_gpu_that_is_lost_is_an_error_where_it_alone_was_wanted() {
        let device = Device::open(&DeviceChoice::Adapter(upright_fixtures::adapter())).unwrap();
        let left = OnceLock::new();
        let mut scaler = FallbackScaler::new(device.scaler(&spec()).unwrap(), None, &left);
        let ended = run(&mut scaler, &film(6), |number| {
            if number == 3 {
                device.lose();
            }
        });
        assert!(matches!(ended, Err(Error::Device { why, .. }) if why.contains("lost")));
        assert_eq!(left.get(), None);
    }

    /// Refuses everything.
    struct Refusing(DeviceInfo);

    impl Scaler for Refusing {
        fn device(&self) -> &DeviceInfo {
            &self.0
        }

        fn capacity(&self) -> usize {
            1
        }

        fn submit(&mut self, _: &Frame, _: Crop) -> Result<()> {
            Err(Error::Device { device: self.0.name.clone(), why: "refuses".to_owned() })
        }

        fn collect(&mut self, _: &mut [&mut Frame]) -> Result<()> {
            Err(Error::misuse("nothing was submitted"))
        }
    }

    #[test]
    fn the_first_of_several_that_are_left_is_the_one_that_is_told_and_no_second_twin_is_tried() {
        let (film, left) = (film(2), OnceLock::new());
        let refusing = || -> Box<dyn Scaler> {
            Box::new(Refusing(DeviceInfo { name: "shy".to_owned(), kind: "gpu", detail: String::new() }))
        };
        let mut one = FallbackScaler::new(refusing(), Some(Box::new(cpu)), &left);
        let mut other = FallbackScaler::new(refusing(), Some(Box::new(cpu)), &left);
        one.submit(&film[0], crop(3)).unwrap();
        other.submit(&film[1], crop(1)).unwrap();
        let told = Fallback { device: "shy".to_owned(), why: "refuses".to_owned(), frame: 3 };
        assert_eq!(left.get(), Some(&told));
        let mut hopeless = FallbackScaler::new(refusing(), Some(Box::new(|| Ok(refusing()))), &left);
        assert!(matches!(hopeless.submit(&film[0], crop(0)), Err(Error::Device { .. })));
    }
}
