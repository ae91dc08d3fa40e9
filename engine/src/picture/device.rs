//! Devices: finding them, opening them, and making runners on them.

use super::cpu::{self, CpuRunner, Instructions};
use super::gpu;
use super::graph::Graph;
use super::info::{Bandwidth, DeviceChoice, DeviceInfo, Memory, Traffic};
use super::runner::Runner;
use crate::error::{Error, Result};
use std::sync::Arc;

/// Lists every device that [`Device::open`] can use: the GPU adapters, best first, then the CPU.
pub fn adapters() -> Vec<DeviceInfo> {
    gpu::infos().into_iter().chain([cpu::info()]).collect()
}

/// An open device. Clones are the same device; any number of runners may share it.
#[derive(Clone, Debug)]
pub struct Device(DeviceKind);

#[derive(Clone, Debug)]
enum DeviceKind {
    Cpu,
    Gpu(Arc<gpu::Gpu>),
}

impl Device {
    /// Opens the device of one's choice.
    ///
    /// # Errors
    /// [`Error::Device`] when there is no such device or it cannot be opened, which with [`DeviceChoice::Auto`] leads to
    /// the CPU instead; and when the environment asks for vector instructions that the CPU does not have
    /// ([`super::CPU_PATH`]).
    pub fn open(choice: &DeviceChoice) -> Result<Self> {
        match gpu::open(choice) {
            Ok(Some(gpu)) => Ok(Self(DeviceKind::Gpu(Arc::new(gpu)))),
            Ok(None) => Instructions::chosen().map(|_| Self::cpu()),
            Err(error) if *choice == DeviceChoice::Auto => Ok(Self::cpu_because(&error)),
            Err(error) => Err(error),
        }
    }

    /// Opens the device of one's choice and makes as many runners of `graph` as `count` says of it. They have then all the
    /// memory that they will ever need of it.
    ///
    /// # Errors
    /// As [`Device::open`], [`Device::runner`] and `count`. With [`DeviceChoice::Auto`], [`Error::Device`] leads to the
    /// CPU instead.
    pub fn open_for(
        choice: &DeviceChoice,
        graph: &Graph,
        count: impl Fn(&Self) -> Result<usize>,
    ) -> Result<(Self, Vec<Box<dyn Runner>>)> {
        Self::open(choice)?.with_runners(graph, count, *choice == DeviceChoice::Auto)
    }

    fn with_runners(
        self,
        graph: &Graph,
        count: impl Fn(&Self) -> Result<usize>,
        else_cpu: bool,
    ) -> Result<(Self, Vec<Box<dyn Runner>>)> {
        let runners = |device: &Self| (0..count(device)?).map(|_| device.runner(graph)).collect::<Result<Vec<_>>>();
        match runners(&self) {
            Err(error @ Error::Device { .. }) if else_cpu => {
                let cpu = Self::cpu_because(&error);
                runners(&cpu).map(|runners| (cpu, runners))
            }
            made => made.map(|runners| (self, runners)),
        }
    }

    /// Gives the CPU, which is always there.
    pub fn cpu() -> Self {
        Self(DeviceKind::Cpu)
    }

    fn cpu_because(error: &Error) -> Self {
        log::warn!("{error}: scaling on the CPU instead");
        Self::cpu()
    }

    /// Makes a runner of a graph.
    ///
    /// # Errors
    /// [`Error::Device`] when the device cannot hold pictures of these sizes, or as [`Device::open`] says of the CPU;
    /// [`Error::Misuse`] when the graph makes no sense: nothing comes out, a side is zero or above [`super::MAX_SIDE`], the room
    /// is larger than the grid, pictures are not what a node is for.
    pub fn runner(&self, graph: &Graph) -> Result<Box<dyn Runner>> {
        graph.check()?;
        match &self.0 {
            DeviceKind::Cpu => Ok(Box::new(CpuRunner::new(Instructions::chosen()?, graph)?)),
            DeviceKind::Gpu(gpu) => gpu::runner(gpu, graph),
        }
    }

    /// Computes the memory that a runner of a graph takes for the sake of a GPU: none on the CPU.
    pub fn memory(&self, graph: &Graph) -> Memory {
        match &self.0 {
            DeviceKind::Cpu => Memory::default(),
            DeviceKind::Gpu(gpu) => gpu.memory(graph),
        }
    }

    /// Measures how fast bytes go to the device and back, in pieces of these sizes, when nothing is computed: the limit of its
    /// bus. For the CPU it is how fast one core copies them.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    pub fn bandwidth(&self, traffic: Traffic) -> Result<Bandwidth> {
        match &self.0 {
            DeviceKind::Cpu => Ok(cpu::bandwidth(traffic)),
            DeviceKind::Gpu(gpu) => gpu.bandwidth(traffic),
        }
    }
}

#[cfg(all(test, feature = "gpu"))]
mod tests {
    use super::*;
    use crate::colour::ChromaSite;
    use crate::frame::{Depth, FrameFormat, Subsampling};
    use crate::geometry::Size;
    use crate::picture::scale::{Resampling, ScaleSpec};

    impl Device {
        /// Loses its GPU, as a driver does.
        pub(in crate::picture) fn lose(&self) {
            if let DeviceKind::Gpu(gpu) = &self.0 {
                gpu.lose();
            }
        }

        fn kind(&self) -> &'static str {
            if matches!(self.0, DeviceKind::Cpu) { "cpu" } else { "gpu" }
        }
    }

    #[test]
    fn where_the_choice_is_free_a_gpu_without_room_is_left_before_the_first_frame() {
        let format =
            |side| FrameFormat { width: side, height: side, subsampling: Subsampling::CS420, depth: Depth::Ten };
        let graph = |rungs| {
            Graph::scaling(&ScaleSpec {
                source: format(64),
                room: Size { width: 64, height: 64 },
                source_chroma: ChromaSite::LEFT,
                full_range: false,
                rungs,
                rung_chroma: ChromaSite::LEFT,
                resampling: Resampling::Lanczos,
            })
        };
        let gpu = || Device::open(&DeviceChoice::Adapter(upright_fixtures::adapter())).unwrap();
        let count = |device: &Device| Ok(if device.kind() == "gpu" { 2 } else { 3 });
        let opened = |device: Device, graph: &Graph, else_cpu| {
            device.with_runners(graph, count, else_cpu).map(|(device, runners)| (device.kind(), runners.len()))
        };
        let fits = graph(vec![format(32)]);
        assert_eq!(opened(gpu(), &fits, true).unwrap(), ("gpu", 2));
        // More than a buffer of any device holds, and a device that makes none any more.
        let huge = graph(vec![format(16_384); 24]);
        assert!(matches!(opened(gpu(), &huge, false), Err(Error::Device { .. })));
        let lost = gpu();
        lost.lose();
        assert!(matches!(opened(lost.clone(), &fits, false), Err(Error::Device { .. })));
        assert_eq!(opened(lost, &fits, true).unwrap(), ("cpu", 3));
        let nothing = graph(Vec::new());
        assert!(matches!(opened(gpu(), &nothing, true), Err(Error::Misuse(_))));
    }
}
