//! Places: how many callers and sessions there may be at a time, by address, listener and partner.
//!
//! A caller that has not identified itself has a place at its listener. Where all of these are taken, the address with
//! the most places loses one to a newcomer from another address, or to one of its own once its first caller has had its
//! time. So a caller that identifies itself at once always gets in, however many silent callers there are and however
//! often they come. A caller that has identified itself has a place among its partner's sessions instead, which it
//! keeps.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pointsman_kernel as kernel;
use tokio::sync::Notify;

use super::mutex::locked;
use crate::config::{ListenerPlan, ServerLimits};
use crate::events::Limit;

/// How long a caller certainly keeps its place, to identify itself.
const ITS_TIME: Duration = Duration::from_secs(1);

/// What counts as one address for limits: an IPv4 address, or the /64 of an IPv6 address, which belongs to one site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin(IpAddr);

impl Origin {
    /// The origin of a caller at `remote`.
    #[must_use]
    pub fn of(remote: SocketAddr) -> Self {
        match remote.ip().to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
            address => Self(address),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let network = if self.0.is_ipv6() { "/64" } else { "" };
        write!(f, "{}{network}", self.0)
    }
}

/// The places of one listener for callers that have not identified themselves.
#[derive(Debug)]
pub struct Entrance {
    listener: SocketAddr,
    waiting: Mutex<Waiting>,
}

/// How many callers that have not identified themselves there may be at a listener.
#[derive(Clone, Copy, Debug)]
pub struct MostCallers {
    /// From all addresses together.
    pub all: usize,
    /// From one address.
    pub of_origin: usize,
    /// How many sessions the listener may have, where it has a limit of its own.
    pub sessions: Option<usize>,
}

impl MostCallers {
    #[must_use]
    pub fn of(limits: &ServerLimits, listener: &ListenerPlan) -> Self {
        Self {
            all: limits.callers_per_listener,
            of_origin: limits.callers_per_address,
            sessions: listener.sessions,
        }
    }
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    /// In the order they came.
    callers: BTreeMap<u64, Caller>,
}

#[derive(Debug)]
struct Caller {
    origin: Origin,
    since: Instant,
    seat_lost: Arc<Notify>,
}

/// The place of a caller that has not identified itself. Dropping it frees the place.
#[derive(Debug)]
pub struct CallerSeat {
    entrance: Arc<Entrance>,
    number: u64,
    origin: Origin,
    most_sessions: Option<usize>,
    seat_lost: Arc<Notify>,
}

impl CallerSeat {
    /// Where the caller comes from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The address of the listener that it called.
    #[must_use]
    pub fn listener(&self) -> SocketAddr {
        self.entrance.listener
    }

    /// How many sessions that listener may have, where it has a limit of its own.
    #[must_use]
    pub fn sessions_of_listener(&self) -> Option<usize> {
        self.most_sessions
    }

    /// The caller has identified itself, so it does not count among the others any more, and cannot lose its place.
    /// From now on it has a seat among the sessions.
    pub fn settle(&self) {
        locked(&self.entrance.waiting).callers.remove(&self.number);
    }

    /// It is notified when the caller loses its place to another.
    #[must_use]
    pub fn seat_lost(&self) -> Arc<Notify> {
        Arc::clone(&self.seat_lost)
    }
}

impl Drop for CallerSeat {
    fn drop(&mut self) {
        locked(&self.entrance.waiting).callers.remove(&self.number);
    }
}

impl Entrance {
    /// The places at `listener`, the address that it is bound to.
    #[must_use]
    pub fn new(listener: SocketAddr) -> Self {
        Self {
            listener,
            waiting: Mutex::default(),
        }
    }

    /// Takes a place for a caller that comes `now`.
    ///
    /// # Errors
    /// The limit that is reached, where all callers that could lose their place came only just before.
    pub fn enter(
        self: &Arc<Self>,
        most: &MostCallers,
        origin: Origin,
        now: Instant,
    ) -> Result<CallerSeat, Limit> {
        let mut waiting = locked(&self.waiting);
        if waiting.of(origin) >= most.of_origin {
            let limit = Limit {
                key: "limits.callers_per_address",
                most: most.of_origin,
            };
            waiting
                .take_place_of_first(origin, ITS_TIME, now)
                .ok_or(limit)?;
        } else if waiting.callers.len() >= most.all {
            let limit = Limit {
                key: "limits.callers_per_listener",
                most: most.all,
            };
            let (crowd, its_most) = waiting.crowd().ok_or(limit)?;
            // With the newcomer its address has no more places than the largest one keeps, so it does not belong to the
            // crowd.
            let among_them = waiting.of(origin) + 1 >= its_most;
            let after = if among_them { ITS_TIME } else { Duration::ZERO };
            waiting
                .take_place_of_first(crowd, after, now)
                .ok_or(limit)?;
        }
        let (number, seat_lost) = (waiting.next, Arc::new(Notify::new()));
        waiting.next += 1;
        let caller = Caller {
            origin,
            since: now,
            seat_lost: Arc::clone(&seat_lost),
        };
        waiting.callers.insert(number, caller);
        Ok(CallerSeat {
            entrance: Arc::clone(self),
            number,
            origin,
            most_sessions: most.sessions,
            seat_lost,
        })
    }
}

impl Waiting {
    fn of(&self, origin: Origin) -> usize {
        let callers = self.callers.values();
        callers.filter(|caller| caller.origin == origin).count()
    }

    /// The address with the most callers, and their number; of two equal ones, that of the first caller.
    fn crowd(&self) -> Option<(Origin, usize)> {
        let mut counts: HashMap<Origin, usize> = HashMap::new();
        for caller in self.callers.values() {
            *counts.entry(caller.origin).or_default() += 1;
        }
        let most = counts.values().copied().max()?;
        let mut callers = self.callers.values();
        callers
            .find(|caller| counts.get(&caller.origin) == Some(&most))
            .map(|caller| (caller.origin, most))
    }

    /// Takes its place from the first caller of this address, if that has been here for so long.
    fn take_place_of_first(&mut self, origin: Origin, after: Duration, now: Instant) -> Option<()> {
        let mut callers = self.callers.iter();
        let (&number, first) = callers.find(|(_, caller)| caller.origin == origin)?;
        if now.saturating_duration_since(first.since) < after {
            return None;
        }
        self.callers.remove(&number)?.seat_lost.notify_one();
        Some(())
    }
}

/// How many sessions of partners there may be.
#[derive(Clone, Copy, Debug)]
pub struct MostSessions {
    /// From all addresses together.
    pub all: usize,
    /// With callers from one address.
    pub of_origin: usize,
    /// How many at this listener, where it has a limit of its own.
    pub of_listener: Option<usize>,
    /// With this partner, whichever side calls.
    pub of_partner: usize,
}

/// The sessions of callers that have identified themselves.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    partners: HashMap<String, usize>,
    origins: HashMap<Origin, usize>,
    listeners: HashMap<SocketAddr, usize>,
}

/// A session's place. Dropping it frees the place.
#[derive(Debug)]
pub struct Seat {
    sessions: Arc<Sessions>,
    partner: String,
    origin: Origin,
    listener: SocketAddr,
}

impl Seat {
    /// Whether it is a place among the sessions of this partner.
    #[must_use]
    pub fn is_of(&self, partner: &str) -> bool {
        self.partner == partner
    }
}

impl Sessions {
    /// Takes a place for a session of `partner`, called from `origin` at `listener`.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn enter(
        self: &Arc<Self>,
        partner: &str,
        origin: Origin,
        listener: SocketAddr,
        most: &MostSessions,
    ) -> Result<Seat, Limit> {
        let mut taken = locked(&self.0);
        // The limit that concerns fewest others is named first, and nothing is counted before all were looked at.
        let limits = [
            (
                count(&taken.partners, partner),
                Some(most.of_partner),
                "limits.sessions_per_partner",
            ),
            (
                count(&taken.origins, &origin),
                Some(most.of_origin),
                "limits.sessions_per_address",
            ),
            (
                count(&taken.listeners, &listener),
                most.of_listener,
                "listeners[].sessions",
            ),
            (taken.all, Some(most.all), "limits.sessions"),
        ];
        for (there, most, key) in limits {
            if let Some(most) = most.filter(|most| there >= *most) {
                return Err(Limit { key, most });
            }
        }
        taken.all += 1;
        *taken.partners.entry(partner.to_owned()).or_default() += 1;
        *taken.origins.entry(origin).or_default() += 1;
        *taken.listeners.entry(listener).or_default() += 1;
        Ok(Seat {
            sessions: Arc::clone(self),
            partner: partner.to_owned(),
            origin,
            listener,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = locked(&self.sessions.0);
        taken.all = taken.all.saturating_sub(1);
        kernel::a_session_ended();
        leave(&mut taken.partners, &self.partner);
        leave(&mut taken.origins, &self.origin);
        leave(&mut taken.listeners, &self.listener);
    }
}

fn count<K, Q>(taken: &HashMap<K, usize>, key: &Q) -> usize
where
    K: std::borrow::Borrow<Q> + Hash + Eq,
    Q: Hash + Eq + ?Sized,
{
    taken.get(key).copied().unwrap_or_default()
}

/// Counts one fewer. A key with none is removed, so that the table does not grow.
fn leave<K, Q>(taken: &mut HashMap<K, usize>, key: &Q)
where
    K: std::borrow::Borrow<Q> + Hash + Eq,
    Q: Hash + Eq + ?Sized,
{
    if let Some(there) = taken.get_mut(key) {
        *there = there.saturating_sub(1);
        if *there == 0 {
            taken.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> Origin {
        Origin::of(address.parse().unwrap())
    }

    /// An entrance and its limits.
    struct Limited(Arc<Entrance>, MostCallers);

    impl Limited {
        fn enter(&self, origin: Origin, now: Instant) -> Result<CallerSeat, Limit> {
            self.0.enter(&self.1, origin, now)
        }
    }

    fn entrance(all: usize, of_origin: usize) -> Limited {
        let listener = "127.0.0.1:3305".parse().unwrap();
        let most = MostCallers {
            all,
            of_origin,
            sessions: None,
        };
        Limited(Arc::new(Entrance::new(listener)), most)
    }

    #[test]
    fn an_ipv6_site_counts_as_one_address() {
        let one = from("[2001:db8:1:2::1]:3305");
        assert_eq!(one, from("[2001:db8:1:2:ffff::9]:40000"));
        assert_ne!(one, from("[2001:db8:1:3::1]:3305"));
        assert_eq!(one.to_string(), "2001:db8:1:2::/64");
        assert_eq!(from("[::ffff:192.0.2.7]:1"), from("192.0.2.7:2"));
    }

    #[test]
    fn the_longest_silent_caller_of_an_address_loses_its_place_to_the_next_one() {
        let entrance = entrance(10, 2);
        let (origin, began) = (from("192.0.2.7:1"), Instant::now());
        let first = entrance.enter(origin, began).unwrap();
        let _second = entrance.enter(origin, began).unwrap();
        let soon = began + ITS_TIME / 2;
        let limit = entrance.enter(origin, soon).unwrap_err();
        assert_eq!(limit.to_string(), "limits.callers_per_address (2)");
        let _other = entrance.enter(from("192.0.2.8:1"), soon).unwrap();
        let _third = entrance.enter(origin, began + ITS_TIME).unwrap();
        let told = first.seat_lost();
        assert!(was_notified(&told), "the first one loses its place");
    }

    #[test]
    fn where_a_listener_is_full_the_address_with_most_callers_loses_a_place() {
        let entrance = entrance(3, 3);
        let began = Instant::now();
        let alone = entrance.enter(from("192.0.2.1:1"), began).unwrap();
        let crowd: Vec<_> = (0..2)
            .map(|_| entrance.enter(from("192.0.2.2:1"), began).unwrap())
            .collect();
        let _new = entrance
            .enter(from("192.0.2.3:1"), began + ITS_TIME)
            .unwrap();
        assert!(was_notified(&crowd[0].seat_lost()));
        assert!(!was_notified(&alone.seat_lost()));
    }

    #[test]
    fn a_caller_that_has_identified_itself_loses_its_place_to_no_crowd() {
        let entrance = entrance(2, 2);
        let began = Instant::now();
        let enter = |address: &str, after| entrance.enter(from(address), began + after);
        let partner = enter("192.0.2.1:1", Duration::ZERO).unwrap();
        partner.settle();
        let crowd = (0..6_u32).map(|number| enter("192.0.2.2:1", ITS_TIME * number));
        let crowd: Vec<_> = crowd.map(Result::unwrap).collect();
        assert!(!was_notified(&partner.seat_lost()));
        assert!(was_notified(&crowd[0].seat_lost()));
    }

    #[test]
    fn a_crowd_that_keeps_calling_keeps_nobody_out() {
        let entrance = entrance(6, 3);
        let began = Instant::now();
        let crowd = || ["192.0.2.2:1", "192.0.2.3:1"].map(from);
        let mut there: Vec<_> = (0..3)
            .flat_map(|_| crowd())
            .map(|origin| entrance.enter(origin, began).unwrap())
            .collect();
        let partner = entrance.enter(from("192.0.2.1:1"), began).unwrap();
        assert!(was_notified(&there.remove(0).seat_lost()));
        for origin in crowd() {
            entrance.enter(origin, began).unwrap_err();
        }
        assert!(!was_notified(&partner.seat_lost()));
    }

    /// Whether it was notified and nobody has awaited that yet.
    fn was_notified(notify: &Notify) -> bool {
        let mut notified = std::pin::pin!(notify.notified());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        notified.as_mut().poll(&mut context).is_ready()
    }

    #[test]
    fn each_limit_on_sessions_is_named_and_a_place_that_is_left_is_free() {
        let sessions = Arc::new(Sessions::default());
        let (here, listener) = (from("192.0.2.1:1"), "127.0.0.1:3305".parse().unwrap());
        let most = MostSessions {
            all: 4,
            of_origin: 3,
            of_listener: Some(2),
            of_partner: 1,
        };
        let enter =
            |partner: &str, most: &MostSessions| sessions.enter(partner, here, listener, most);
        let first = enter("a", &most).unwrap();
        let refused = |partner: &str, most: &MostSessions| enter(partner, most).unwrap_err().key;
        assert_eq!(refused("a", &most), "limits.sessions_per_partner");
        let _second = enter("b", &most).unwrap();
        assert_eq!(refused("c", &most), "listeners[].sessions");
        let most = MostSessions {
            of_listener: None,
            ..most
        };
        let _third = enter("c", &most).unwrap();
        assert_eq!(refused("d", &most), "limits.sessions_per_address");
        let most = MostSessions {
            of_origin: 9,
            ..most
        };
        let _fourth = enter("d", &most).unwrap();
        assert_eq!(refused("e", &most), "limits.sessions");
        drop(first);
        assert_eq!(locked(&sessions.0).all, 3);
        assert!(enter("a", &most).is_ok());
    }
}
