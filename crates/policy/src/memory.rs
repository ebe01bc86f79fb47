//! The memory of all instances together.
//!
//! Each instance has a limit of its own; what keeps a thousand sessions from adding up is here. Instances that nobody
//! asks at the moment are let go, the one that rested longest first, when one that is asked needs room: they are made
//! anew for their next question, and what they kept with their session stays. Where everything is in use, a question
//! waits for room, within the time for a question.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::event::lock;
use crate::instance::Instance;

/// What an instance holds beside its linear memory and tables: its store and stack.
pub(crate) const OVERHEAD: u64 = 128 << 10;

/// What all instances of an engine hold.
pub(crate) struct Memory {
    limit: u64,
    held: Mutex<Held>,
    freed: Notify,
}

#[derive(Default)]
struct Held {
    octets: u64,
    /// Counts up with every instance that is put to rest.
    clock: u64,
    /// By when they were put to rest.
    resting: BTreeMap<u64, Arc<Bed>>,
}

type Bed = Mutex<Option<Instance>>;

impl Memory {
    /// `limit`: octets of all instances together.
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Memory {
            limit,
            held: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// Octets of all instances together, at most.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// A share of nothing, to grow.
    pub(crate) fn nothing(self: &Arc<Self>) -> Share {
        Share {
            memory: Arc::clone(self),
            octets: 0,
        }
    }

    /// A share of so many octets. Waits until there is room for it: for ever if it is more than there is at all.
    pub(crate) async fn share(self: &Arc<Self>, octets: u64) -> Share {
        let mut share = self.nothing();
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            // From here on nothing that is freed goes unheard.
            freed.as_mut().enable();
            if share.grow(octets) {
                return share;
            }
            freed.await;
        }
    }

    /// Put an instance to rest: it may be gone when it is wanted again.
    pub(crate) fn rest(self: &Arc<Self>, instance: Instance) -> Resting {
        let bed = Arc::new(Mutex::new(Some(instance)));
        let mut held = lock(&self.held);
        held.clock += 1;
        let since = held.clock;
        held.resting.insert(since, Arc::clone(&bed));
        drop(held);
        // Whoever waits for room may have it at the cost of this one.
        self.freed.notify_one();
        Resting {
            memory: Arc::clone(self),
            since,
            bed,
        }
    }

    fn take(&self, octets: u64) -> bool {
        loop {
            let mut held = lock(&self.held);
            if held.octets.saturating_add(octets) <= self.limit {
                held.octets += octets;
                return true;
            }
            let Some((_, oldest)) = held.resting.pop_first() else {
                return false;
            };
            drop(held);
            // Its share comes back as it goes.
            let gone = lock(&oldest).take();
            drop(gone);
        }
    }

    fn give_back(&self, octets: u64) {
        let mut held = lock(&self.held);
        held.octets = held.octets.saturating_sub(octets);
        drop(held);
        self.freed.notify_one();
    }
}

/// What one instance holds; given back when it is dropped.
pub(crate) struct Share {
    memory: Arc<Memory>,
    octets: u64,
}

impl Share {
    /// Grow to so many octets, without waiting. False if there is no room for it.
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
        self.memory.give_back(self.octets);
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
pub(crate) struct Resting {
    memory: Arc<Memory>,
    since: u64,
    bed: Arc<Bed>,
}

impl Resting {
    /// The instance, if it was not let go.
    pub(crate) fn wake(self) -> Option<Instance> {
        // Off the list, so that nobody looks for it in an empty bed.
        lock(&self.memory.held).resting.remove(&self.since);
        lock(&self.bed).take()
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        let bed = lock(&self.memory.held).resting.remove(&self.since);
        // The instance takes the lock to give its share back, so that must be open by then.
        drop(bed);
    }
}
