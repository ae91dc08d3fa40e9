//! A fixed number of things that go round.

use super::queue::{QueueHandle, Receiver, Sender, StageQueue};
use crate::frame::{Frame, FrameFormat};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A fixed number of things, most often frames of one format: who needs one waits until one is free.
#[derive(Debug)]
pub struct Pool<T> {
    free: Receiver<T>,
    home: Sender<T>,
}

impl<T: Send + 'static> Pool<T> {
    /// A pool of `count` things, at least one.
    pub fn new(count: usize, mut make: impl FnMut() -> T) -> Self {
        let (home, free) = StageQueue::bounded(count);
        for _ in 0..count.max(1) {
            // A new queue with as many places refuses none.
            let _ = home.push(make());
        }
        Self { free, home }
    }

    /// A free one, as it was when it came back; waits for one. `None` once the pool is closed.
    pub fn take(&self) -> Option<Pooled<T>> {
        self.free.pop().map(|thing| Pooled { thing: Some(thing), home: self.home.clone() })
    }

    /// Closes the pool, and counts: `pop_stall` is the time spent waiting for a free one.
    pub fn handle(&self) -> Arc<dyn QueueHandle> {
        self.home.handle()
    }
}

impl Pool<Frame> {
    /// A pool of `count` frames, at least one.
    pub fn of_frames(count: usize, format: FrameFormat) -> Self {
        Self::new(count, || Frame::new(format))
    }
}

/// A thing of a pool, which goes back when it is dropped.
#[derive(Debug)]
pub struct Pooled<T> {
    /// There until it is dropped.
    thing: Option<T>,
    home: Sender<T>,
}

impl<T> Deref for Pooled<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.thing {
            Some(thing) => thing,
            None => unreachable!("only dropping takes it out"),
        }
    }
}

impl<T> DerefMut for Pooled<T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.thing {
            Some(thing) => thing,
            None => unreachable!("only dropping takes it out"),
        }
    }
}

impl<T> Drop for Pooled<T> {
    fn drop(&mut self) {
        if let Some(thing) = self.thing.take() {
            // A closed pool wants nothing back.
            let _ = self.home.push(thing);
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
        let pool = Pool::of_frames(3, FORMAT);
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
        let pool = Pool::of_frames(COUNT, FORMAT);
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
        let pool = Pool::of_frames(1, FORMAT);
        let held = pool.take().unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| pool.take().is_none());
            pool.handle().close();
            assert!(waiting.join().unwrap());
        });
        drop(held);
        assert!(pool.take().is_none());
    }
}
