//! What stands for GPUs in a build without the feature `gpu`: there are none, and asking for one is an error.

use super::graph::Graph;
use super::info::{Bandwidth, DeviceChoice, DeviceInfo, Memory, Traffic};
use super::runner::Runner;
use crate::error::{Error, Result};
use std::sync::Arc;

/// An open GPU, of which there are none.
#[derive(Debug)]
pub(super) enum Gpu {}

impl Gpu {
    pub(super) fn memory(&self, _: &Graph) -> Memory {
        match *self {}
    }

    pub(super) fn bandwidth(&self, _: Traffic) -> Result<Bandwidth> {
        match *self {}
    }
}

/// Describes no adapter.
pub(super) fn infos() -> Vec<DeviceInfo> {
    Vec::new()
}

/// Opens none.
///
/// # Errors
/// [`Error::Device`] where one was asked for.
pub(super) fn open(choice: &DeviceChoice) -> Result<Option<Gpu>> {
    let device = match choice {
        DeviceChoice::Auto | DeviceChoice::Cpu => return Ok(None),
        DeviceChoice::Gpu => "gpu".to_owned(),
        DeviceChoice::Adapter(name) => name.clone(),
    };
    Err(Error::Device { device, why: "this build has no GPU support; use the device cpu, or auto".to_owned() })
}

/// Makes no runner.
pub(super) fn runner(gpu: &Arc<Gpu>, _: &Graph) -> Result<Box<dyn Runner>> {
    match **gpu {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_that_was_asked_for_is_refused_with_a_reason_and_the_free_choice_is_the_cpu() {
        assert!(matches!(open(&DeviceChoice::Auto), Ok(None)));
        assert!(matches!(open(&DeviceChoice::Cpu), Ok(None)));
        for choice in [DeviceChoice::Gpu, DeviceChoice::Adapter("llvmpipe".to_owned())] {
            let why = open(&choice).map(drop).unwrap_err().to_string();
            assert!(why.contains("no GPU support"), "{why}");
        }
    }
}
