//! What joins two stages: a bounded queue that is lock-free while it is neither full nor empty, and parks its threads
//! when it is.

use crossbeam::queue::ArrayQueue;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A bounded queue between stages. It lives as long as its [`Sender`]s and [`Receiver`]s.
///
/// The stream ends when all senders are dropped: what is inside still comes out. The queue closes when all receivers
/// are dropped, or by [`Valve::close`]: what is inside is dropped, and both sides learn of it at once.
#[derive(Debug)]
pub struct StageQueue<T> {
    items: ArrayQueue<T>,
    closed: AtomicBool,
    senders: AtomicUsize,
    receivers: AtomicUsize,
    /// Where producers wait while the queue is full.
    producers: Lot,
    /// Where consumers wait while it is empty.
    consumers: Lot,
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

/// What can be done to a queue whatever is in it.
pub trait Valve: Send + Sync {
    /// Ends the queue at once: pushing gives the item back, popping gives nothing, what is inside is dropped.
    fn close(&self);
    /// What it has seen so far.
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
            producers: Lot::default(),
            consumers: Lot::default(),
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
            self.producers.park_until(|| {
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
        self.consumers.wake_one();
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
        self.producers.wake_one();
        Some(item)
    }

    fn pop(&self) -> Option<T> {
        if let Some(item) = self.try_pop() {
            return Some(item);
        }
        let item = self.consumers.park_until(|| {
            // Asked first: what the last sender pushed before it went is still found below.
            let ended = self.senders.load(Ordering::SeqCst) == 0 || self.is_closed();
            match self.items.pop() {
                Some(item) => Some(Some(item)),
                None if ended => Some(None),
                None => None,
            }
        });
        if item.is_some() {
            self.producers.wake_one();
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
        self.producers.wake_all();
        self.consumers.wake_all();
    }
}

impl<T: Send> Valve for StageQueue<T> {
    fn close(&self) {
        Self::close(self);
    }

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
    pub fn valve(&self) -> Arc<dyn Valve> {
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
            self.queue.consumers.wake_all();
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

/// Where threads wait until something is so.
///
/// No wake-up is missed: a waiter first announces itself and then looks once more, a waker first changes what is looked
/// at and then looks for waiters, both with a sequentially consistent fence between; so at least one sees the other.
/// The lock, held from that look until the waiter sleeps, closes the gap in which the waker's call would be lost.
#[derive(Debug, Default)]
struct Lot {
    waiting: AtomicUsize,
    nanoseconds: AtomicU64,
    lock: Mutex<()>,
    wake: Condvar,
}

impl Lot {
    /// Waits until `look` gives something. It must change nothing when it gives nothing.
    fn park_until<R>(&self, mut look: impl FnMut() -> Option<R>) -> R {
        let start = Instant::now();
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let result = loop {
            match look() {
                Some(result) => break result,
                None => guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner),
            }
        };
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        drop(guard);
        let nanoseconds = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        result
    }

    fn wake_one(&self) {
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            self.wake.notify_one();
        }
    }

    fn wake_all(&self) {
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            self.wake.notify_all();
        }
    }

    /// Time that threads have waited, added up.
    fn waited(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::thread;

    /// A small generator of pauses, so that threads meet in ever different ways.
    struct Dawdle(u64);

    impl Dawdle {
        fn next(&mut self) -> u64 {
            // xorshift64, Marsaglia 2003.
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        fn pause(&mut self) {
            match self.next() % 64 {
                0 => thread::sleep(Duration::from_micros(self.next() % 50)),
                1..16 => thread::yield_now(),
                16..24 => (0..self.next() % 200).for_each(|_| std::hint::spin_loop()),
                _ => {}
            }
        }
    }

    #[test]
    fn every_item_arrives_once_and_each_producers_in_order() {
        const ITEMS: u64 = 3000;
        for (seed, (capacity, producers, consumers)) in
            [(1, 1, 1), (1, 4, 4), (2, 8, 1), (3, 1, 8), (7, 3, 5), (64, 6, 6)].into_iter().enumerate()
        {
            let (sender, receiver) = StageQueue::bounded(capacity);
            let valve = sender.valve();
            let mut received: Vec<Vec<(u64, u64)>> = thread::scope(|scope| {
                for producer in 0..producers {
                    let sender = sender.clone();
                    scope.spawn(move || {
                        let mut dawdle = Dawdle(seed as u64 * 1000 + producer + 1);
                        for item in 0..ITEMS {
                            dawdle.pause();
                            sender.push((producer, item)).unwrap();
                        }
                    });
                }
                drop(sender);
                let consumers: Vec<_> = (0..consumers)
                    .map(|consumer| {
                        let receiver = receiver.clone();
                        scope.spawn(move || {
                            let mut dawdle = Dawdle(seed as u64 * 1000 + consumer + 500);
                            std::iter::from_fn(|| {
                                dawdle.pause();
                                receiver.pop()
                            })
                            .collect()
                        })
                    })
                    .collect();
                consumers.into_iter().map(|consumer| consumer.join().unwrap()).collect()
            });
            for items in &received {
                for producer in 0..producers {
                    let of_one: Vec<_> = items.iter().filter(|item| item.0 == producer).collect();
                    assert!(of_one.is_sorted(), "each consumer sees each producer's items in order");
                }
            }
            let mut all: Vec<_> = received.drain(..).flatten().collect();
            all.sort_unstable();
            let expected: Vec<_> =
                (0..producers).flat_map(|producer| (0..ITEMS).map(move |item| (producer, item))).collect();
            assert_eq!(all, expected);
            let stats = valve.stats();
            assert_eq!((stats.capacity, stats.items), (capacity, producers * ITEMS));
            assert!((1..=capacity).contains(&stats.max_depth));
            assert!((stats.items..=stats.items * capacity as u64).contains(&stats.depth_sum));
        }
    }

    #[test]
    fn the_last_push_before_the_end_is_never_lost() {
        for round in 0..5000 {
            let (sender, receiver) = StageQueue::bounded(1);
            thread::scope(|scope| {
                scope.spawn(move || {
                    sender.push(round).unwrap();
                });
                assert_eq!(receiver.pop(), Some(round));
                assert_eq!(receiver.pop(), None);
                assert_eq!(receiver.pop(), None, "the end lasts");
            });
        }
    }

    #[test]
    fn what_is_inside_comes_out_after_the_last_sender_is_gone() {
        let (sender, receiver) = StageQueue::bounded(3);
        let second = sender.clone();
        sender.push(1).unwrap();
        drop(sender);
        second.push(2).unwrap();
        drop(second);
        assert_eq!([receiver.pop(), receiver.try_pop(), receiver.pop()], [Some(1), Some(2), None]);
    }

    #[test]
    fn without_receivers_a_push_gives_the_item_back() {
        let (sender, receiver) = StageQueue::bounded(2);
        let second = receiver.clone();
        drop(receiver);
        assert_eq!(sender.push(1), Ok(()));
        drop(second);
        assert_eq!(sender.push(2), Err(2));
    }

    #[test]
    fn a_parked_producer_gets_its_item_back_when_the_receiver_goes() {
        for _ in 0..1000 {
            let (sender, receiver) = StageQueue::bounded(1);
            sender.push(1).unwrap();
            thread::scope(|scope| {
                let parked = scope.spawn(|| sender.push(2));
                drop(receiver);
                assert_eq!(parked.join().unwrap(), Err(2));
            });
        }
    }

    #[test]
    fn closing_wakes_everyone_and_lasts() {
        for _ in 0..500 {
            let (full, _full_receiver) = StageQueue::bounded(1);
            full.push(1).unwrap();
            let (empty_sender, empty) = StageQueue::<u8>::bounded(1);
            thread::scope(|scope| {
                let producers = [(); 2].map(|()| scope.spawn(|| full.push(2)));
                let consumers = [(); 2].map(|()| scope.spawn(|| empty.pop()));
                full.valve().close();
                empty_sender.valve().close();
                for producer in producers {
                    assert_eq!(producer.join().unwrap(), Err(2));
                }
                for consumer in consumers {
                    assert_eq!(consumer.join().unwrap(), None);
                }
            });
            assert_eq!(full.push(3), Err(3));
            assert_eq!(empty_sender.push(3), Err(3));
            assert_eq!((empty.pop(), empty.try_pop()), (None, None));
        }
    }

    /// Frames of a pool must come home even while a sender still holds the queue.
    #[test]
    fn nothing_stays_inside_a_closed_queue() {
        for round in 0..3000 {
            let token = Arc::new(());
            let (sender, receiver) = StageQueue::bounded(4);
            sender.push(Arc::clone(&token)).unwrap();
            thread::scope(|scope| {
                scope.spawn(|| {
                    let mut dawdle = Dawdle(round + 1);
                    while sender.push(Arc::clone(&token)).is_ok() {
                        dawdle.pause();
                    }
                });
                let mut dawdle = Dawdle(round + 7777);
                (0..round % 5).for_each(|_| {
                    dawdle.pause();
                    receiver.pop();
                });
                drop(receiver);
            });
            assert_eq!(Arc::strong_count(&token), 1);
        }
    }

    #[test]
    fn dropping_both_ends_drops_what_is_inside() {
        let token = Arc::new(());
        let (sender, receiver) = StageQueue::bounded(4);
        (0..4).for_each(|_| sender.push(Arc::clone(&token)).unwrap());
        drop(sender);
        drop(receiver);
        assert_eq!(Arc::strong_count(&token), 1);
    }

    #[test]
    fn waiting_is_counted_on_the_side_that_waits() {
        let pause = || thread::sleep(Duration::from_millis(20));
        let (sender, receiver) = StageQueue::bounded(1);
        let stalls = || (sender.valve().stats().push_stall, sender.valve().stats().pop_stall);
        thread::scope(|scope| {
            scope.spawn(|| {
                pause();
                sender.push(1).unwrap();
            });
            assert_eq!(receiver.pop(), Some(1));
        });
        let (blocked, starved) = stalls();
        assert!(blocked.is_zero() && !starved.is_zero());
        sender.push(2).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                pause();
                receiver.pop()
            });
            sender.push(3).unwrap();
        });
        assert!(!stalls().0.is_zero());
        assert_eq!(stalls().1, starved);
    }

    proptest! {
        /// One thread cannot tell the queue from a plain one.
        #[test]
        fn it_is_a_queue(capacity in 1_usize..6, steps in prop::collection::vec(any::<bool>(), 0..100)) {
            let (sender, receiver) = StageQueue::bounded(capacity);
            let mut model = VecDeque::new();
            let (mut depths, mut deepest) = (0, 0);
            for (number, push) in steps.into_iter().enumerate() {
                if push && model.len() < capacity {
                    prop_assert_eq!(sender.push(number), Ok(()));
                    model.push_back(number);
                    depths += model.len() as u64;
                    deepest = deepest.max(model.len());
                } else {
                    prop_assert_eq!(receiver.try_pop(), model.pop_front());
                }
            }
            let stats = sender.valve().stats();
            prop_assert_eq!((stats.depth_sum, stats.max_depth), (depths, deepest));
        }
    }
}
