//! A fixed number of frames that go round.

use super::queue::{Receiver, Sender, StageQueue, Valve};
use crate::frame::{Frame, FrameFormat};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A fixed number of frames of one format: who needs one waits until one is free.
#[derive(Debug)]
pub struct FramePool {
    free: Receiver<Frame>,
    home: Sender<Frame>,
}

impl FramePool {
    /// A pool of `count` frames, at least one.
    pub fn new(format: FrameFormat, count: usize) -> Self {
        let (home, free) = StageQueue::bounded(count);
        for _ in 0..count.max(1) {
            // A new queue with as many places refuses none.
            let _ = home.push(Frame::new(format));
        }
        Self { free, home }
    }

    /// A free frame, with whatever was in it before; waits for one. `None` once the pool is closed.
    pub fn take(&self) -> Option<PooledFrame> {
        self.free.pop().map(|frame| PooledFrame { frame: Some(frame), home: self.home.clone() })
    }

    /// Closes the pool, and counts: `pop_stall` is the time spent waiting for a free frame.
    pub fn valve(&self) -> Arc<dyn Valve> {
        self.home.valve()
    }
}

/// A frame of a pool, which goes back when it is dropped.
#[derive(Debug)]
pub struct PooledFrame {
    /// There until it is dropped.
    frame: Option<Frame>,
    home: Sender<Frame>,
}

impl Deref for PooledFrame {
    type Target = Frame;

    fn deref(&self) -> &Frame {
        match &self.frame {
            Some(frame) => frame,
            None => unreachable!("only dropping takes the frame out"),
        }
    }
}

impl DerefMut for PooledFrame {
    fn deref_mut(&mut self) -> &mut Frame {
        match &mut self.frame {
            Some(frame) => frame,
            None => unreachable!("only dropping takes the frame out"),
        }
    }
}

impl Drop for PooledFrame {
    fn drop(&mut self) {
        if let Some(frame) = self.frame.take() {
            // A closed pool wants no frames back.
            let _ = self.home.push(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Depth, Subsampling};
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    const FORMAT: FrameFormat =
        FrameFormat { width: 16, height: 16, subsampling: Subsampling::CS420, depth: Depth::Eight };

    #[test]
    fn the_same_frames_go_round() {
        let pool = FramePool::new(FORMAT, 3);
        let mut buffers = HashSet::new();
        for _ in 0..10 {
            let frames = [pool.take().unwrap(), pool.take().unwrap(), pool.take().unwrap()];
            buffers.extend(frames.iter().map(|frame| frame.bytes().as_ptr()));
        }
        assert_eq!(buffers.len(), 3);
    }

    #[test]
    fn no_more_frames_are_out_than_there_are() {
        const COUNT: usize = 3;
        let pool = FramePool::new(FORMAT, COUNT);
        let (out, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for pts in 0..2000 {
                        let mut frame = pool.take().unwrap();
                        most.fetch_max(out.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        frame.pts = pts;
                        thread::yield_now();
                        assert_eq!(frame.pts, pts, "nobody else has it");
                        out.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(most.into_inner(), COUNT);
    }

    #[test]
    fn closing_frees_who_waits() {
        let pool = FramePool::new(FORMAT, 1);
        let held = pool.take().unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| pool.take().is_none());
            pool.valve().close();
            assert!(waiting.join().unwrap());
        });
        drop(held);
        assert!(pool.take().is_none());
    }
}
