//! Finding the adapter that was asked for.

use crate::error::{Error, Result};
use crate::picture::info::{DeviceChoice, DeviceInfo};
use wgpu::{Adapter, Backends, DeviceType, Instance, InstanceDescriptor, InstanceFlags};

/// Describes all adapters, best first.
pub(in crate::picture) fn infos() -> Vec<DeviceInfo> {
    list().iter().map(describe).collect()
}

/// Lists all adapters, best first.
pub(super) fn list() -> Vec<Adapter> {
    // Without the flags that debug builds would set: validation layers are the business of wgpu's own developers.
    let flags = InstanceFlags::empty();
    let instance = Instance::new(InstanceDescriptor { flags, ..InstanceDescriptor::new_without_display_handle() });
    let mut adapters = pollster::block_on(instance.enumerate_adapters(Backends::PRIMARY));
    adapters.sort_by_key(|adapter| rank(adapter.get_info().device_type));
    adapters
}

fn rank(device_type: DeviceType) -> u32 {
    match device_type {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    }
}

/// Says whether pixels are computed by hardware made for it.
fn is_hardware(adapter: &Adapter) -> bool {
    rank(adapter.get_info().device_type) <= rank(DeviceType::VirtualGpu)
}

/// Describes an adapter.
pub(super) fn describe(adapter: &Adapter) -> DeviceInfo {
    let info = adapter.get_info();
    DeviceInfo {
        name: info.name,
        kind: if info.device_type == DeviceType::Cpu { "software gpu" } else { "gpu" },
        detail: [info.backend.to_str(), &info.driver, &info.driver_info].join(" ").trim().to_owned(),
    }
}

/// Chooses the best of `adapters` that `choice` allows; none where it asks for the CPU or leaves the choice to us and there is
/// no GPU.
///
/// # Errors
/// [`Error::Device`] when a GPU or a name was asked for and is not there.
pub(super) fn choose(choice: &DeviceChoice, adapters: Vec<Adapter>) -> Result<Option<Adapter>> {
    let found = match adapters.iter().map(|adapter| adapter.get_info().name).collect::<Vec<_>>().join(", ") {
        names if names.is_empty() => "no adapter was found".to_owned(),
        names => format!("found: {names}"),
    };
    let missing = |device: &str, why: String| Error::Device { device: device.to_owned(), why };
    match choice {
        DeviceChoice::Cpu => Ok(None),
        DeviceChoice::Auto => Ok(adapters.into_iter().find(is_hardware)),
        DeviceChoice::Gpu => match adapters.into_iter().find(is_hardware) {
            Some(adapter) => Ok(Some(adapter)),
            None => Err(missing("gpu", format!("there is no GPU ({found}); use the device cpu, or auto"))),
        },
        DeviceChoice::Adapter(name) => {
            let wanted = name.to_lowercase();
            match adapters.into_iter().find(|adapter| adapter.get_info().name.to_lowercase().contains(&wanted)) {
                Some(adapter) => Ok(Some(adapter)),
                None => Err(missing(name, format!("no adapter has this in its name ({found})"))),
            }
        }
    }
}
