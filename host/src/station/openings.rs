//! Which secured files are being opened, and how many at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pointsman_store::TransferId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::mutex::locked;
use super::partner_tasks::{PartnerTasks, TaskClaim};
use crate::config::backoff::Backoff;

/// How long a file rests that could not be opened for a reason of ours.
const REST: Backoff = Backoff {
    first: Duration::from_secs(15),
    most: Duration::from_secs(10 * 60),
};

/// Octets beyond those that did not fit which must be free before a file is opened once more: more than is written between
/// two looks at the free space.
const MORE_ROOM: u64 = 4 << 20;

/// The openings under way, each by one task. A large file takes long, so each partner has a part of the places alone.
#[derive(Debug, Default)]
pub struct Openings {
    /// The files that a task has, whether it works or waits for its place.
    tasks: Arc<PartnerTasks>,
    /// Tasks that work at the moment, by partner.
    working: Mutex<BTreeMap<String, usize>>,
    /// Notified when a place is free again.
    free: Notify,
    /// Files that could not be opened for a reason of ours.
    failed: Mutex<BTreeMap<TransferId, Failed>>,
    /// Notified when a session leaves a file to whoever looks for those that are left.
    left: Notify,
    stop: CancellationToken,
    /// The same of files that their partners wait for.
    stop_awaited: CancellationToken,
}

/// A file that could not be opened: how often, and when it is tried again.
#[derive(Clone, Copy, Debug)]
struct Failed {
    failures: u32,
    again: Instant,
    /// Octets that the spool must have free before it is tried again: what did not fit is not made once more before.
    least_room: u64,
}

/// A place among those that work, until this is dropped.
#[derive(Debug)]
pub struct OpeningPlace {
    openings: Arc<Openings>,
    partner: String,
}

impl Openings {
    /// Takes a file for one task. None where another has it, and where no opening begins any more.
    pub(crate) fn take(&self, id: TransferId, partner: &str) -> Option<TaskClaim> {
        match self.stop.is_cancelled() {
            true => None,
            false => self.tasks.take(id, partner),
        }
    }

    /// Whether so many files of the partner have a task that others have to wait.
    pub(crate) fn is_crowded(&self, partner: &str) -> bool {
        self.tasks.is_crowded(partner)
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.tasks.is_idle()
    }

    /// Waits for one of `most` places, of which one partner has half, rounded up.
    pub async fn place(self: &Arc<Self>, partner: &str, most: usize) -> OpeningPlace {
        loop {
            let mut free = std::pin::pin!(self.free.notified());
            // From here on no place that becomes free is missed.
            free.as_mut().enable();
            if self.take_place(partner, most) {
                return OpeningPlace {
                    openings: Arc::clone(self),
                    partner: partner.to_owned(),
                };
            }
            free.await;
        }
    }

    fn take_place(&self, partner: &str, most: usize) -> bool {
        let mut working = locked(&self.working);
        let of_partner = working.get(partner).copied().unwrap_or_default();
        let all: usize = working.values().sum();
        let has_one = all < most.max(1) && of_partner < most.max(1).div_ceil(2);
        if has_one {
            working.insert(partner.to_owned(), of_partner + 1);
        }
        has_one
    }

    /// Waits until a file is left.
    pub async fn left(&self) {
        self.left.notified().await;
    }

    /// A file is left.
    pub fn left_one(&self) {
        self.left.notify_one();
    }

    /// A file could not be opened for a reason of ours: it rests before it is tried again, the longer the more often.
    /// `made`: octets of its plain content that were made before the disk was full.
    pub(crate) fn put_off(&self, id: TransferId, made: Option<u64>) {
        let mut failed = locked(&self.failed);
        let (failures, least_room) = failed.get(&id).map_or((1, 0), |one| {
            (one.failures.saturating_add(1), one.least_room)
        });
        let again = Instant::now() + REST.after(failures);
        let least_room = made.map_or(least_room, |made| made.saturating_add(MORE_ROOM));
        let rests = Failed {
            failures,
            again,
            least_room,
        };
        failed.insert(id, rests);
    }

    /// Octets that must be free before the file is opened, by what did not fit the last time.
    pub(crate) fn least_room(&self, id: TransferId) -> u64 {
        let failed = locked(&self.failed);
        failed.get(&id).map_or(0, |one| one.least_room)
    }

    /// What became of the file is known.
    pub(crate) fn settled(&self, id: TransferId) {
        locked(&self.failed).remove(&id);
    }

    /// Whether the file rests.
    pub(crate) fn is_put_off(&self, id: TransferId) -> bool {
        let failed = locked(&self.failed);
        failed
            .get(&id)
            .is_some_and(|one| Instant::now() < one.again)
    }

    /// Another plan is in force, maybe with other keys: all that could not be opened is tried again.
    pub(crate) fn retry(&self) {
        for one in locked(&self.failed).values_mut() {
            (one.failures, one.again) = (0, Instant::now());
        }
        self.left_one();
    }

    /// The openings that partners wait for in their sessions are broken off: these partners send the files again.
    pub fn stop_awaited(&self) {
        self.stop_awaited.cancel();
    }

    /// Whether openings that partners wait for are to be broken off.
    #[must_use]
    pub fn stopping_awaited(&self) -> &CancellationToken {
        &self.stop_awaited
    }

    /// The openings under way are broken off, and no other one begins. The next start begins them again.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Whether openings are to be broken off.
    #[must_use]
    pub fn stopping(&self) -> &CancellationToken {
        &self.stop
    }
}

impl Drop for OpeningPlace {
    fn drop(&mut self) {
        let mut working = locked(&self.openings.working);
        if let Some(count) = working.get_mut(&self.partner) {
            *count -= 1;
            if *count == 0 {
                working.remove(&self.partner);
            }
        }
        drop(working);
        self.openings.free.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn a_partner_with_large_files_leaves_places_to_others() {
        let openings = Arc::new(Openings::default());
        let large = [
            openings.place("large", 4).await,
            openings.place("large", 4).await,
        ];
        let third = tokio::time::timeout(SOON, openings.place("large", 4));
        assert!(third.await.is_err(), "half of the places");
        let small = openings.place("small", 4).await;
        let _other = openings.place("other", 4).await;
        let fifth = tokio::time::timeout(SOON, openings.place("fifth", 4));
        assert!(fifth.await.is_err(), "so many in all");
        let waiting = tokio::spawn({
            let openings = Arc::clone(&openings);
            async move { openings.place("fifth", 4).await }
        });
        drop(small);
        let came = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        assert!(came.unwrap().is_ok(), "whoever waits is notified");
        drop(large);
        assert_eq!(locked(&openings.working).get("large"), None);
    }

    #[test]
    fn no_opening_begins_once_they_are_to_stop() {
        let openings = Openings::default();
        let id = TransferId::new();
        let claim = openings.take(id, "many");
        assert!(claim.is_some() && !openings.is_idle());
        assert!(openings.take(id, "many").is_none(), "a task has it");
        drop(claim);
        openings.stop();
        assert!(openings.take(id, "many").is_none(), "none begins any more");
    }

    #[tokio::test]
    async fn what_fails_rests_ever_longer_and_another_plan_tries_it_at_once() {
        let openings = Openings::default();
        let id = TransferId::new();
        let rest = || {
            assert!(openings.is_put_off(id));
            locked(&openings.failed)[&id].again - Instant::now()
        };
        assert!(!openings.is_put_off(id));
        openings.put_off(id, None);
        assert!(rest() < Duration::from_secs(19));
        openings.put_off(id, None);
        assert!(rest() > Duration::from_secs(20), "about twice as long");
        (0..20).for_each(|_| openings.put_off(id, None));
        assert!(rest() > Duration::from_secs(400) && rest() <= REST.longest());
        openings.retry();
        assert!(!openings.is_put_off(id));
        let notified = tokio::time::timeout(SOON, openings.left());
        assert!(notified.await.is_ok(), "whoever looks for files is woken");
        openings.put_off(id, None);
        assert!(rest() < Duration::from_secs(19), "it starts over");
    }

    #[test]
    fn what_did_not_fit_is_not_made_again_before_there_is_more_room() {
        let openings = Openings::default();
        let id = TransferId::new();
        assert_eq!(openings.least_room(id), 0);
        openings.put_off(id, Some(90 << 20));
        openings.put_off(id, None);
        openings.retry();
        assert!(openings.least_room(id) > 90 << 20);
        openings.settled(id);
        assert_eq!(openings.least_room(id), 0);
    }

    #[tokio::test]
    async fn there_is_one_place_at_the_least() {
        let openings = Arc::new(Openings::default());
        let _one = openings.place("only", 0).await;
        let second = tokio::time::timeout(SOON, openings.place("other", 1));
        assert!(second.await.is_err());
    }
}
