//! Jobs: what a device's runner makes of a film.

use crate::pictures::cpu;
use upright_engine::frame::HeldFrame;
use upright_engine::picture::{Device, PictureSet, Request, Runner};

/// The CPU and, in a build that has GPUs, the adapter that tests run on.
pub(crate) fn devices() -> Vec<Device> {
    #[cfg(feature = "gpu")]
    {
        use upright_engine::picture::DeviceChoice;
        vec![cpu(), Device::open(&DeviceChoice::Adapter(upright_fixtures::adapter())).unwrap()]
    }
    #[cfg(not(feature = "gpu"))]
    vec![cpu()]
}

/// Runs a film through to its end, as many frames under way at once as the runner has room for, and gives the sets that come
/// of it to `take`, in their order.
pub(crate) fn run(
    runner: &mut dyn Runner,
    film: impl IntoIterator<Item = (HeldFrame, Request)>,
    mut take: impl FnMut(PictureSet),
) {
    for (frame, request) in film {
        while !runner.has_room() {
            take(runner.collect().unwrap());
        }
        runner.submit(&frame, request).unwrap();
    }
    runner.finish().unwrap();
    while runner.under_way() > 0 {
        take(runner.collect().unwrap());
    }
}
