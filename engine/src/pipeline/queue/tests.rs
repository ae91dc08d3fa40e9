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
        let handle = sender.handle();
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
        let stats = handle.stats();
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
            full.handle().close();
            empty_sender.handle().close();
            for producer in producers {
                // One may find the place that closing has just made, before it learns of it; its item is dropped there.
                assert!(matches!(producer.join().unwrap(), Ok(()) | Err(2)));
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
    let stalls = || (sender.handle().stats().push_stall, sender.handle().stats().pop_stall);
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
        let stats = sender.handle().stats();
        prop_assert_eq!((stats.depth_sum, stats.max_depth), (depths, deepest));
    }
}
