//! What joins two stages: a bounded queue that is lock-free while it is neither full nor empty, and parks its threads
//! when it is.

use super::event_count::EventCount;
use crate::control::{Close, Control};
use crossbeam::queue::ArrayQueue;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::time::Duration;

/// A bounded queue between stages. It lives as long as its [`Sender`]s and [`Receiver`]s.
///
/// The stream ends when all senders are dropped: what is inside still comes out. The queue closes when all receivers
/// are dropped, or by [`Close::close`]: what is inside is dropped, and both sides learn of it at once.
#[derive(Debug)]
pub struct StageQueue<T> {
    items: ArrayQueue<T>,
    closed: AtomicBool,
    senders: AtomicUsize,
    receivers: AtomicUsize,
    /// Where producers wait while the queue is full.
    producers: EventCount,
    /// Where consumers wait while it is empty.
    consumers: EventCount,
    pushed: AtomicU64,
    depth_sum: AtomicU64,
    max_depth: AtomicUsize,
}

/// What a queue has seen since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueStats {
    /// How many items it holds at most.
    pub capacity: usize,
    /// Items that were pushed.
    pub items: u64,
    /// The most items that were inside at once.
    pub max_depth: usize,
    /// Items inside right after each push, added up: divided by `items` it is the mean depth.
    pub depth_sum: u64,
    /// Time that producers waited because the queue was full, added up.
    pub push_stall: Duration,
    /// Time that consumers waited because it was empty, added up.
    pub pop_stall: Duration,
}

/// What can be done to a queue whatever is in it. Closing ends it at once: pushing gives the item back, popping gives
/// nothing, what is inside is dropped.
pub trait QueueHandle: Close {
    /// Tells what it has seen so far.
    fn stats(&self) -> QueueStats;
}

impl<T> StageQueue<T> {
    /// The two ends of a new queue that holds at most `capacity` items, at least one.
    pub fn bounded(capacity: usize) -> (Sender<T>, Receiver<T>) {
        let queue = Arc::new(Self {
            items: ArrayQueue::new(capacity.max(1)),
            closed: AtomicBool::new(false),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
            producers: EventCount::default(),
            consumers: EventCount::default(),
            pushed: AtomicU64::new(0),
            depth_sum: AtomicU64::new(0),
            max_depth: AtomicUsize::new(0),
        });
        (Sender { queue: Arc::clone(&queue) }, Receiver { queue })
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    fn push(&self, item: T) -> Result<(), T> {
        if self.is_closed() {
            return Err(item);
        }
        if let Err(item) = self.items.push(item) {
            // Full. The item lies here while the thread is parked, and stays when the queue closes meanwhile.
            let mut kept = Some(item);
            self.producers.wait_until(|| {
                if self.is_closed() {
                    return Some(());
                }
                kept = kept.take().and_then(|item| self.items.push(item).err());
                kept.is_none().then_some(())
            });
            if let Some(item) = kept {
                return Err(item);
            }
        }
        self.note_push();
        self.consumers.notify_one();
        // Whoever closed the queue while the item went in may not have seen it.
        if self.is_closed() {
            self.drain();
        }
        Ok(())
    }

    fn note_push(&self) {
        let depth = self.items.len().max(1);
        self.pushed.fetch_add(1, Ordering::Relaxed);
        self.depth_sum.fetch_add(depth as u64, Ordering::Relaxed);
        self.max_depth.fetch_max(depth, Ordering::Relaxed);
    }

    fn try_pop(&self) -> Option<T> {
        if self.is_closed() {
            return None;
        }
        let item = self.items.pop()?;
        self.producers.notify_one();
        Some(item)
    }

    fn pop(&self) -> Option<T> {
        if let Some(item) = self.try_pop() {
            return Some(item);
        }
        let item = self.consumers.wait_until(|| {
            // Asked first: what the last sender pushed before it went is still found below.
            let ended = self.senders.load(Ordering::SeqCst) == 0 || self.is_closed();
            match self.items.pop() {
                Some(item) => Some(Some(item)),
                None if ended => Some(None),
                None => None,
            }
        });
        if item.is_some() {
            self.producers.notify_one();
        }
        item
    }

    fn drain(&self) {
        while self.items.pop().is_some() {}
    }

    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        self.drain();
        self.producers.notify_all();
        self.consumers.notify_all();
    }
}

impl<T: Send + 'static> StageQueue<T> {
    /// As [`StageQueue::bounded`]; the queue closes when `job` ends.
    pub(crate) fn of(job: &Control, capacity: usize) -> (Sender<T>, Receiver<T>) {
        let (sender, receiver) = Self::bounded(capacity);
        job.close_with(&(sender.handle() as Arc<dyn Close>));
        (sender, receiver)
    }
}

impl<T: Send> Close for StageQueue<T> {
    fn close(&self) {
        Self::close(self);
    }
}

impl<T: Send> QueueHandle for StageQueue<T> {
    fn stats(&self) -> QueueStats {
        QueueStats {
            capacity: self.items.capacity(),
            items: self.pushed.load(Ordering::Relaxed),
            max_depth: self.max_depth.load(Ordering::Relaxed),
            depth_sum: self.depth_sum.load(Ordering::Relaxed),
            push_stall: self.producers.waited(),
            pop_stall: self.consumers.waited(),
        }
    }
}

/// The end where items go in. Clones are more producers; the stream ends when the last is dropped.
#[derive(Debug)]
pub struct Sender<T> {
    queue: Arc<StageQueue<T>>,
}

impl<T> Sender<T> {
    /// Puts an item in; waits while the queue is full.
    ///
    /// # Errors
    /// The item, when the queue is closed.
    pub fn push(&self, item: T) -> Result<(), T> {
        self.queue.push(item)
    }
}

impl<T: Send + 'static> Sender<T> {
    /// The queue itself, whatever is in it.
    pub fn handle(&self) -> Arc<dyn QueueHandle> {
        Arc::<StageQueue<T>>::clone(&self.queue)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.queue.senders.fetch_add(1, Ordering::SeqCst);
        Self { queue: Arc::clone(&self.queue) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.queue.senders.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.queue.consumers.notify_all();
        }
    }
}

/// The end where items come out. Clones are more consumers; the queue closes when the last is dropped.
#[derive(Debug)]
pub struct Receiver<T> {
    queue: Arc<StageQueue<T>>,
}

impl<T> Receiver<T> {
    /// Takes the oldest item out; waits while there is none. `None` at the end of the stream, or when the queue is
    /// closed.
    pub fn pop(&self) -> Option<T> {
        self.queue.pop()
    }

    /// Takes the oldest item out if there is one.
    pub fn try_pop(&self) -> Option<T> {
        self.queue.try_pop()
    }
}

impl<T: Send + 'static> Receiver<T> {
    /// The queue itself, whatever is in it.
    pub fn handle(&self) -> Arc<dyn QueueHandle> {
        Arc::<StageQueue<T>>::clone(&self.queue)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.queue.receivers.fetch_add(1, Ordering::SeqCst);
        Self { queue: Arc::clone(&self.queue) }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if self.queue.receivers.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.queue.close();
        }
    }
}

#[cfg(test)]
mod tests;
