//! The interface of what runs a graph.

use super::info::{DeviceInfo, GpuStats};
use super::request::Request;
use crate::error::Result;
use crate::frame::HeldFrame;
use std::time::Duration;

/// Runs a [`super::Graph`] over the frames of a film, several of which may be under way at once.
///
/// Frames go in one by one; sets of pictures, one for every output of the graph, come out in the same order: one for every
/// picture that is asked for. Where a graph looks at later frames, sets come later too, and [`Runner::finish`] makes the last of
/// them.
pub trait Runner: Send {
    /// Describes the device that does the work.
    fn device(&self) -> &DeviceInfo;

    /// Counts the sets that were begun and not yet collected.
    fn under_way(&self) -> usize;

    /// Says whether another frame may be submitted before a set is collected.
    fn has_room(&self) -> bool;

    /// Begins on a frame.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when the device is lost or out of memory; [`crate::Error::Misuse`] when there is no room,
    /// or when the request or the frame is not one of the job: more pictures than the graph makes, a window outside the grid,
    /// layers that leave rows uncovered or that the graph does not compose, the area too small for them or too large for the room, the frame of another format than
    /// the area's.
    fn submit(&mut self, source: &HeldFrame, request: Request) -> Result<()>;

    /// Says that no frame follows the one submitted last, so that nodes which look at neighbours go without. What is submitted
    /// after this is no neighbour of what came before; it may come once all sets are collected.
    ///
    /// # Errors
    /// As [`Runner::submit`].
    fn finish(&mut self) -> Result<()>;

    /// Waits for the oldest set, for about `limit`; says whether [`Runner::collect`] would now wait no longer.
    ///
    /// # Errors
    /// As [`Runner::collect`].
    fn wait(&mut self, limit: Duration) -> Result<bool> {
        let _ = limit;
        Ok(true)
    }

    /// Waits for the oldest set and gives it.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when the device is lost or out of memory; [`crate::Error::Misuse`] when no set is under
    /// way.
    fn collect(&mut self) -> Result<PictureSet>;

    /// Gives the statistics of the GPU so far; none where none is at work.
    fn gpu_stats(&self) -> Option<GpuStats> {
        None
    }
}

/// One picture for every output of a graph.
#[derive(Debug)]
pub struct PictureSet {
    /// The pictures, in the order of the outputs. Their memory goes back to the device when they are dropped.
    pub pictures: Vec<HeldFrame>,
    /// [`super::PictureRequest::frame`] of what was asked for.
    pub frame: u64,
}
