//! The memory of all instances together.
//!
//! Each instance has a limit of its own; this module limits all of them together. When an instance that is asked needs
//! memory, idle ones are dropped, the one that is idle for the longest time first: their next question creates another,
//! and the values that they kept with their session stay. Where every instance is in use, a question waits for memory,
//! within the time for a question.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::mutex::lock;

/// The octets of an instance beside its linear memory and tables: its store and stack.
pub(crate) const OVERHEAD: u64 = 128 << 10;

/// What all instances of an engine hold.
pub(crate) struct Memory {
    limit: AtomicU64,
    held: Mutex<Held>,
    freed: Notify,
}

#[derive(Default)]
struct Held {
    octets: u64,
    /// Counts up with every instance that is put to rest.
    clock: u64,
    /// By when they were put to rest.
    resting: BTreeMap<u64, Arc<dyn Droppable>>,
}

/// An idle instance of any type: dropping it frees its memory.
trait Droppable: Send + Sync {
    fn drop_now(&self);
}

impl<T: Send> Droppable for Mutex<Option<T>> {
    fn drop_now(&self) {
        let gone = lock(self).take();
        // Its share comes back as it goes, and nothing is locked meanwhile.
        drop(gone);
    }
}

impl Memory {
    /// Allows so many octets for all instances together.
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Memory {
            limit: AtomicU64::new(limit),
            held: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// Octets of all instances together, at most.
    pub(crate) fn limit(&self) -> u64 {
        self.limit.load(Relaxed)
    }

    /// From now on it is so much. Where less than what is held, instances at rest are dropped; those that are asked just
    /// now keep what they have.
    pub(crate) fn change_limit(&self, limit: u64) {
        self.limit.store(limit, Relaxed);
        self.take(0);
        self.freed.notify_waiters();
    }

    /// A share of nothing, to grow.
    pub(crate) fn nothing(self: &Arc<Self>) -> Share {
        Share {
            memory: Arc::clone(self),
            octets: 0,
        }
    }

    /// Waits until so many octets are free, and reserves them. It waits without end if they are more than the limit.
    pub(crate) async fn share(self: &Arc<Self>, octets: u64) -> Share {
        let mut share = self.nothing();
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            // From here on no notification is missed.
            freed.as_mut().enable();
            if share.grow(octets) {
                return share;
            }
            freed.await;
        }
    }

    /// Keeps an idle instance. It may have been dropped when it is needed again.
    pub(crate) fn rest<T: Send + 'static>(self: &Arc<Self>, instance: T) -> Resting<T> {
        let instance = Arc::new(Mutex::new(Some(instance)));
        let mut held = lock(&self.held);
        held.clock += 1;
        let since = held.clock;
        let droppable: Arc<dyn Droppable> = Arc::<Mutex<Option<T>>>::clone(&instance);
        held.resting.insert(since, droppable);
        drop(held);
        // Whoever waits for memory may have it at the cost of this one.
        self.freed.notify_one();
        Resting {
            memory: Arc::clone(self),
            since,
            instance,
        }
    }

    fn take(&self, octets: u64) -> bool {
        loop {
            let mut held = lock(&self.held);
            if held.octets.saturating_add(octets) <= self.limit() {
                held.octets += octets;
                return true;
            }
            let Some((_, oldest)) = held.resting.pop_first() else {
                return false;
            };
            drop(held);
            oldest.drop_now();
        }
    }

    fn release(&self, octets: u64) {
        let mut held = lock(&self.held);
        held.octets = held.octets.saturating_sub(octets);
        drop(held);
        self.freed.notify_one();
    }
}

/// What one instance holds; released when it is dropped.
pub(crate) struct Share {
    memory: Arc<Memory>,
    octets: u64,
}

impl Share {
    /// Grows to so many octets, without waiting. Returns false if they are not free.
    pub(crate) fn grow(&mut self, octets: u64) -> bool {
        let more = octets.saturating_sub(self.octets);
        let grown = more == 0 || self.memory.take(more);
        if grown {
            self.octets += more;
        }
        grown
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.release(self.octets);
    }
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Share")
            .field("octets", &self.octets)
            .finish_non_exhaustive()
    }
}

/// An instance that waits for its next question.
pub(crate) struct Resting<T> {
    memory: Arc<Memory>,
    since: u64,
    instance: Arc<Mutex<Option<T>>>,
}

impl<T> Resting<T> {
    /// The instance, if it was not dropped.
    pub(crate) fn wake(self) -> Option<T> {
        // Off the list first, so that nobody drops what is in use again.
        lock(&self.memory.held).resting.remove(&self.since);
        lock(&self.instance).take()
    }
}

impl<T> Drop for Resting<T> {
    fn drop(&mut self) {
        let listed = lock(&self.memory.held).resting.remove(&self.since);
        // The instance takes the lock to release its share, so the lock must be open by then.
        drop(listed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lower_limit_drops_what_rests_and_a_higher_one_wakes_who_waits() {
        let memory = Memory::new(1000);
        let busy = memory.share(400).await;
        let resting = memory.rest(memory.share(500).await);
        memory.change_limit(600);
        assert!(resting.wake().is_none(), "it was dropped");
        assert!(!memory.nothing().grow(201), "the busy one keeps its 400");
        memory.change_limit(300);
        assert!(
            !memory.nothing().grow(1),
            "it keeps them beyond the limit too"
        );
        let waits = tokio::spawn({
            let memory = Arc::clone(&memory);
            async move { memory.share(500).await.octets }
        });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        memory.change_limit(900);
        let waited = tokio::time::timeout(std::time::Duration::from_secs(10), waits);
        assert_eq!(waited.await.unwrap().unwrap(), 500);
        drop(busy);
    }
}
