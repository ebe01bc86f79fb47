//! Which session is receiving which file of a partner, and when its last octets came. A session whose connection was
//! silently lost keeps its file until its time-out, unless the partner offers the file again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pointsman_store::TransferId;
use tokio::sync::Notify;

use super::mutex::locked;

/// How long no octets of a file must come before a new session may take it over.
pub const STILL: Duration = Duration::from_secs(1);

/// The files that are being received.
#[derive(Debug, Default)]
pub struct Holders(Arc<Mutex<HashMap<TransferId, Holder>>>);

#[derive(Debug)]
struct Holder {
    moved: Instant,
    is_overtaken: bool,
    overtaken: Arc<Notify>,
}

/// A session's entry. Dropping it removes the entry, unless another session has the file by then.
#[derive(Debug)]
pub struct Holding {
    holders: Arc<Mutex<HashMap<TransferId, Holder>>>,
    id: TransferId,
    /// Of this session: which entry is its own.
    overtaken: Arc<Notify>,
}

impl Holders {
    /// Notes that a session receives the file; `overtaken` is notified when another session takes it over.
    #[must_use]
    pub fn enter(&self, id: TransferId, overtaken: Arc<Notify>) -> Holding {
        let holder = Holder {
            moved: Instant::now(),
            is_overtaken: false,
            overtaken: Arc::clone(&overtaken),
        };
        locked(&self.0).insert(id, holder);
        Holding {
            holders: Arc::clone(&self.0),
            id,
            overtaken,
        }
    }

    /// Ends the session that has the file, if no octets of it come. Returns false where octets come, or no session of
    /// this program has it.
    pub fn end_if_it_stands_still(&self, id: TransferId) -> bool {
        let mut holders = locked(&self.0);
        let holder = holders.get_mut(&id);
        let Some(still) = holder.filter(|holder| holder.moved.elapsed() >= STILL) else {
            return false;
        };
        still.is_overtaken = true;
        still.overtaken.notify_one();
        true
    }
}

impl Holding {
    /// Octets of the file came.
    pub fn moved(&self) {
        let mut holders = locked(&self.holders);
        let holder = holders.get_mut(&self.id);
        if let Some(holder) = holder.filter(|holder| self.is(holder)) {
            holder.moved = Instant::now();
        }
    }

    /// Whether another session takes this file over. The session may be notified of that when it has the file no more.
    pub fn is_overtaken(&self) -> bool {
        let holders = locked(&self.holders);
        let holder = holders.get(&self.id);
        holder.is_some_and(|holder| self.is(holder) && holder.is_overtaken)
    }

    fn is(&self, holder: &Holder) -> bool {
        Arc::ptr_eq(&holder.overtaken, &self.overtaken)
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let mut holders = locked(&self.holders);
        if holders.get(&self.id).is_some_and(|holder| self.is(holder)) {
            holders.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session is notified once: what was meant for one file must not end the next.
    #[test]
    fn only_the_file_that_stands_still_is_overtaken() {
        let holders = Holders::default();
        let (one, other) = (TransferId::new(), TransferId::new());
        let notify = Arc::new(Notify::new());
        let first = holders.enter(one, Arc::clone(&notify));
        assert!(!holders.end_if_it_stands_still(one), "it has just begun");
        locked(&holders.0).get_mut(&one).unwrap().moved -= STILL;
        assert!(holders.end_if_it_stands_still(one) && first.is_overtaken());
        drop(first);
        let next = holders.enter(other, notify);
        assert!(!next.is_overtaken());
    }

    /// A session that was overtaken releases the file only after policies were told of its end; by then another session
    /// has it.
    #[test]
    fn who_leaves_a_file_late_takes_nothing_from_the_session_that_has_it() {
        let holders = Holders::default();
        let id = TransferId::new();
        let [early, late] = [(); 2].map(|()| Arc::new(Notify::new()));
        let first = holders.enter(id, Arc::clone(&early));
        let second = holders.enter(id, Arc::clone(&late));
        first.moved();
        drop(first);
        let has_it = |notify: &Arc<Notify>| {
            let holders = locked(&holders.0);
            holders
                .get(&id)
                .is_some_and(|holder| Arc::ptr_eq(&holder.overtaken, notify))
        };
        assert!(has_it(&late), "it can be told to leave the file");
        drop(second);
        assert!(!has_it(&late) && !has_it(&early));
    }
}
