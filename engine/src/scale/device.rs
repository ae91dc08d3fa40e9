//! Devices: finding them, opening them, and making scalers on them.

use super::cpu::{self, CpuScaler, Instructions};
use super::gpu;
use super::info::{Bandwidth, DeviceChoice, DeviceInfo, Memory, Traffic};
use super::scaler::Scaler;
use super::spec::ScaleSpec;
use crate::error::{Error, Result};
use std::sync::Arc;

/// Lists every device that [`Device::open`] can use: the GPU adapters, best first, then the CPU.
pub fn adapters() -> Vec<DeviceInfo> {
    gpu::infos().into_iter().chain([cpu::info()]).collect()
}

/// An open device. Clones are the same device; any number of scalers may share it.
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

    /// Opens the device of one's choice and makes as many scalers of `spec` as `count` says of it. They have then all the
    /// memory that they will ever need of it.
    ///
    /// # Errors
    /// As [`Device::open`], [`Device::scaler`] and `count`. With [`DeviceChoice::Auto`], [`Error::Device`] leads to the
    /// CPU instead.
    pub fn open_for(
        choice: &DeviceChoice,
        spec: &ScaleSpec,
        count: impl Fn(&Self) -> Result<usize>,
    ) -> Result<(Self, Vec<Box<dyn Scaler>>)> {
        Self::open(choice)?.with_scalers(spec, count, *choice == DeviceChoice::Auto)
    }

    fn with_scalers(
        self,
        spec: &ScaleSpec,
        count: impl Fn(&Self) -> Result<usize>,
        else_cpu: bool,
    ) -> Result<(Self, Vec<Box<dyn Scaler>>)> {
        let scalers = |device: &Self| (0..count(device)?).map(|_| device.scaler(spec)).collect::<Result<Vec<_>>>();
        match scalers(&self) {
            Err(error @ Error::Device { .. }) if else_cpu => {
                let cpu = Self::cpu_because(&error);
                scalers(&cpu).map(|scalers| (cpu, scalers))
            }
            made => made.map(|scalers| (self, scalers)),
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

    /// Makes a scaler.
    ///
    /// # Errors
    /// [`Error::Device`] when the device cannot hold rungs of these sizes, or as [`Device::open`] says of the CPU;
    /// [`Error::Misuse`] when there is no rung, a side is zero or above [`super::MAX_SIDE`], or the room is larger
    /// than the grid.
    pub fn scaler(&self, spec: &ScaleSpec) -> Result<Box<dyn Scaler>> {
        spec.check()?;
        match &self.0 {
            DeviceKind::Cpu => Ok(Box::new(CpuScaler::new(Instructions::chosen()?, spec))),
            DeviceKind::Gpu(gpu) => gpu::scaler(gpu, spec),
        }
    }

    /// Computes the memory that a scaler of `spec` takes for the sake of a GPU: none on the CPU.
    pub fn memory(&self, spec: &ScaleSpec) -> Memory {
        match &self.0 {
            DeviceKind::Cpu => Memory::default(),
            DeviceKind::Gpu(gpu) => gpu.memory(spec),
        }
    }

    /// Measures how fast a frame's bytes go to the device and back when nothing is computed: the limit of its bus. None on
    /// the CPU.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    pub fn bandwidth(&self, traffic: Traffic) -> Result<Option<Bandwidth>> {
        match &self.0 {
            DeviceKind::Cpu => Ok(None),
            DeviceKind::Gpu(gpu) => gpu.bandwidth(traffic).map(Some),
        }
    }
}

#[cfg(all(test, feature = "gpu"))]
mod tests {
    use super::*;
    use crate::colour::ChromaSite;
    use crate::frame::{Depth, FrameFormat, Subsampling};
    use crate::geometry::Size;

    impl Device {
        /// Loses its GPU, as a driver does.
        pub(in crate::scale) fn lose(&self) {
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
        let spec = |rungs| ScaleSpec {
            source: format(64),
            room: Size { width: 64, height: 64 },
            source_chroma: ChromaSite::LEFT,
            full_range: false,
            rungs,
            rung_chroma: ChromaSite::LEFT,
        };
        let gpu = || Device::open(&DeviceChoice::Adapter(upright_fixtures::adapter())).unwrap();
        let count = |device: &Device| Ok(if device.kind() == "gpu" { 2 } else { 3 });
        let opened = |device: Device, spec: &ScaleSpec, else_cpu| {
            device.with_scalers(spec, count, else_cpu).map(|(device, scalers)| (device.kind(), scalers.len()))
        };
        let fits = spec(vec![format(32)]);
        assert_eq!(opened(gpu(), &fits, true).unwrap(), ("gpu", 2));
        // More than a buffer of any device holds, and a device that makes none any more.
        let huge = spec(vec![format(16_384); 24]);
        assert!(matches!(opened(gpu(), &huge, false), Err(Error::Device { .. })));
        let lost = gpu();
        lost.lose();
        assert!(matches!(opened(lost.clone(), &fits, false), Err(Error::Device { .. })));
        assert_eq!(opened(lost, &fits, true).unwrap(), ("cpu", 3));
        let nothing = spec(Vec::new());
        assert!(matches!(opened(gpu(), &nothing, true), Err(Error::Misuse(_))));
    }
}
