//! What repeats itself is counted: so many lines of each event, partner and address are written, then their number.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant, SystemTime};

use crate::event::{Facts, FieldValue, LogEvent, Rate};
use crate::line::moment;

/// The time in which so many lines of one kind are written. Then their number is told, and counting starts over.
const WINDOW: Duration = Duration::from_secs(10);
/// How many are written where nobody says another number.
const USUAL: u32 = 100;

/// Addresses that are told apart at once, of all events and partners. What comes beyond is counted by partner alone.
const MOST: usize = 4096;
/// How many times as much is written of all addresses of one partner together, or of all strangers, as of one address.
const EVERYWHERE: u32 = 5;

/// Whom an event is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct RateKey {
    /// Partner, or else folder or library: the field and its value.
    subject: Option<(&'static str, String)>,
    policy: Option<String>,
    address: Option<String>,
}

impl RateKey {
    fn of(event: &dyn LogEvent) -> Self {
        let mut about = Self::default();
        event.fields(&mut |name, value| match (name, value) {
            ("partner", FieldValue::Text(partner)) => {
                about.subject = Some((name, partner.into_owned()))
            }
            ("policy", FieldValue::Text(policy)) => about.policy = Some(policy.into_owned()),
            ("folder" | "part", FieldValue::Text(what)) if about.subject.is_none() => {
                about.subject = Some((name, what.into_owned()));
            }
            ("remote", FieldValue::Text(remote)) => about.address = Some(network(&remote)),
            _ => {}
        });
        about
    }

    /// The same from everywhere, where it is from somewhere.
    fn everywhere(&self) -> Option<Self> {
        self.address.as_ref()?;
        Some(Self {
            address: None,
            ..self.clone()
        })
    }
}

/// An address without its port. Of IPv6 the first half: whoever has one address there has 2^64.
fn network(remote: &str) -> String {
    let address = remote
        .parse::<std::net::SocketAddr>()
        .map(|remote| remote.ip())
        .or_else(|_| remote.parse());
    match address {
        Ok(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        Ok(address) => address.to_canonical().to_string(),
        Err(_) => remote.to_owned(),
    }
}

/// How often something came beyond what was written. It is told under code and name of what it was.
#[derive(Clone, Debug)]
pub(crate) struct Repetition {
    facts: &'static Facts,
    about: RateKey,
    times: u64,
    since: SystemTime,
}

impl LogEvent for Repetition {
    fn facts(&self) -> &'static Facts {
        self.facts
    }

    fn fields(&self, see: &mut dyn FnMut(&'static str, FieldValue<'_>)) {
        see("repeated", FieldValue::Number(self.times));
        see("since", FieldValue::Text(moment(self.since).into()));
        if let Some((name, value)) = &self.about.subject {
            see(name, FieldValue::Text(value.into()));
        }
        if let Some(policy) = &self.about.policy {
            see("policy", FieldValue::Text(policy.into()));
        }
        if let Some(address) = &self.about.address {
            see("remote", FieldValue::Text(address.into()));
        }
    }

    fn sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} more times since {}", self.times, moment(self.since))?;
        if let Some((name, value)) = &self.about.subject {
            write!(f, ", {name} {value}")?;
        }
        if let Some(policy) = &self.about.policy {
            write!(f, ", policy {policy}")?;
        }
        match &self.about.address {
            Some(address) => write!(f, ", at {address}"),
            None => Ok(()),
        }
    }
}

struct Tally {
    facts: &'static Facts,
    began: Instant,
    seen: u32,
    held: u64,
    since: SystemTime,
}

impl Tally {
    fn new(facts: &'static Facts, now: Instant) -> Self {
        Self {
            facts,
            began: now,
            seen: 0,
            held: 0,
            since: SystemTime::UNIX_EPOCH,
        }
    }

    /// Whether one more is written in full; else it is held back, and counted.
    fn admits(&mut self, most: u32) -> bool {
        if self.seen < most {
            self.seen += 1;
            return true;
        }
        if self.held == 0 {
            self.since = SystemTime::now();
        }
        self.held += 1;
        false
    }

    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.began) >= WINDOW
    }

    fn repeated(&self, about: &RateKey) -> Option<Repetition> {
        (self.held > 0).then(|| Repetition {
            facts: self.facts,
            about: about.clone(),
            times: self.held,
            since: self.since,
        })
    }
}

/// The counts.
pub(crate) struct Rates {
    most: u32,
    tallies: HashMap<(&'static str, RateKey), Tally>,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            most: USUAL,
            tallies: HashMap::new(),
        }
    }
}

impl Rates {
    /// From now on so many are written.
    pub(crate) fn allow(&mut self, most: u32) {
        self.most = most;
    }

    /// Whether an event is written; else it is counted. What was counted is told by [`Rates::over`].
    pub(crate) fn admit(&mut self, event: &dyn LogEvent, now: Instant) -> bool {
        let facts = event.facts();
        if facts.rate == Rate::Every {
            return true;
        }
        let (about, most) = (RateKey::of(event), self.most);
        let Some(everywhere) = about.everywhere() else {
            return self.tally(facts, about, now).admits(most);
        };
        let is_known = self.tallies.contains_key(&(facts.code, about.clone()));
        if is_known && !self.tally(facts, about.clone(), now).admits(most) {
            return false;
        }
        let all = self.tally(facts, everywhere, now);
        if !all.admits(most.saturating_mul(EVERYWHERE)) {
            return false;
        }
        // Whoever calls from ever more addresses takes no row of another.
        if !is_known && self.tallies.len() < MOST {
            self.tally(facts, about, now).admits(most);
        }
        true
    }

    fn tally(&mut self, facts: &'static Facts, about: RateKey, now: Instant) -> &mut Tally {
        let row = self.tallies.entry((facts.code, about));
        row.or_insert_with(|| Tally::new(facts, now))
    }

    /// What was counted in windows that are over; they start over.
    pub(crate) fn over(&mut self, now: Instant) -> Vec<Repetition> {
        let mut told = Vec::new();
        self.tallies.retain(|(_, about), row| {
            let over = row.is_over(now);
            told.extend(row.repeated(about).filter(|_| over));
            !over
        });
        told
    }

    /// All that was counted and not told yet.
    pub(crate) fn rest(&mut self) -> Vec<Repetition> {
        let told = self
            .tallies
            .iter()
            .filter_map(|((_, about), row)| row.repeated(about));
        let told = told.collect();
        self.tallies.clear();
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::events! {
        /// Events of these tests.
        enum TestEvent of "test";

        /// refused
        "TST-003" "refused" Warn Counted
        Refused { partner: Option<String>, remote: String }
        says("refused")
        remedy("–")

        /// a policy failed
        "TST-005" "failed" Warn Counted
        Failed { policy: &'static str, partner: Option<&'static str>, remote: Option<String> }
        says("failed")
        remedy("–")

        /// stored
        "TST-004" "stored" Info Every
        Stored { partner: String }
        says("stored")
        remedy("–")
    }

    fn refused(partner: Option<&str>, remote: &str) -> TestEvent {
        TestEvent::Refused {
            partner: partner.map(str::to_owned),
            remote: remote.to_owned(),
        }
    }

    #[test]
    fn a_partner_that_is_refused_for_ever_writes_some_lines_and_their_number() {
        let (mut rates, start) = (Rates::default(), Instant::now());
        let mueller = refused(Some("mueller"), "10.0.0.1:5000");
        let written = (0..20_000).filter(|_| rates.admit(&mueller, start)).count();
        assert_eq!(written, USUAL as usize);
        let almost = start + WINDOW - Duration::from_millis(1);
        assert!(rates.over(almost).is_empty(), "the window is open");
        let told = rates.over(start + WINDOW);
        assert_eq!(told.len(), 1);
        let line = crate::line::write(&told[0], crate::Style::Json);
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["repeated"], 20_000 - USUAL);
        assert_eq!(read["code"], "TST-003");
        assert_eq!(read["partner"], "mueller");
        assert_eq!(read["remote"], "10.0.0.1");
        assert!(rates.admit(&mueller, start), "a new window");
    }

    #[test]
    fn what_comes_once_for_each_file_is_always_written() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        let stored = TestEvent::Stored {
            partner: "mueller".to_owned(),
        };
        assert!((0..10_000).all(|_| rates.admit(&stored, now)));
    }

    #[test]
    fn another_partner_and_another_address_are_not_hidden_by_it() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        for _ in 0..1000 {
            rates.admit(&refused(Some("mueller"), "10.0.0.1:1"), now);
        }
        assert!(rates.admit(&refused(Some("mueller"), "10.0.0.2:1"), now));
        for _ in 0..1000 {
            rates.admit(&refused(None, "10.0.0.3:1"), now);
        }
        assert!(rates.admit(&refused(Some("schmidt"), "10.0.0.1:1"), now));
        assert!(rates.admit(&refused(None, "10.0.0.1:1"), now));
    }

    #[test]
    fn of_policies_each_is_counted_with_each_partner_by_itself() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        let failed = |policy, partner| TestEvent::Failed {
            policy,
            partner,
            remote: partner.map(|_| "10.0.0.1:1".to_owned()),
        };
        for _ in 0..1000 {
            rates.admit(&failed("days", Some("mueller")), now);
        }
        assert!(rates.admit(&failed("days", Some("schmidt")), now));
        assert!(rates.admit(&failed("names", Some("mueller")), now));
        assert!(rates.admit(&failed("days", None), now));
        let told = rates.rest();
        let line = crate::line::write(&told[0], crate::Style::Json);
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((told.len(), &read["policy"]), (1, &"days".into()));
        assert_eq!(read["partner"], "mueller");
    }

    #[test]
    fn a_policy_that_fails_for_strangers_everywhere_hides_nothing_of_partners() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        let failed = |partner, n: u32| TestEvent::Failed {
            policy: "days",
            partner,
            remote: Some(format!("{}:9", std::net::Ipv4Addr::from(n))),
        };
        let written = (0..100_000)
            .filter(|n| rates.admit(&failed(None, *n), now))
            .count();
        assert_eq!(written, (USUAL * EVERYWHERE) as usize);
        assert!(rates.tallies.len() <= MOST + 1, "{}", rates.tallies.len());
        assert!(rates.admit(&failed(Some("mueller"), 7), now));
    }

    #[test]
    fn strangers_from_everywhere_cost_neither_lines_nor_memory() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        let from = |n: u32| format!("{}:9", std::net::Ipv4Addr::from(n));
        let written = (0..100_000)
            .filter(|n| rates.admit(&refused(None, &from(*n)), now))
            .count();
        assert_eq!(written, (USUAL * EVERYWHERE) as usize);
        assert!(rates.tallies.len() <= MOST + 1, "{}", rates.tallies.len());
        let told: u64 = rates.rest().iter().map(|repeated| repeated.times).sum();
        assert_eq!(told, 100_000 - u64::from(USUAL * EVERYWHERE));
        assert!(
            rates.admit(&refused(Some("mueller"), "10.0.0.1:5000"), now),
            "a partner is not hidden by strangers"
        );
    }

    #[test]
    fn a_partner_that_calls_from_everywhere_hides_nothing_of_another() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        let from = |n: u32| format!("{}:9", std::net::Ipv4Addr::from(n));
        let written = (0..100_000)
            .filter(|n| rates.admit(&refused(Some("mueller"), &from(*n)), now))
            .count();
        assert_eq!(written, (USUAL * EVERYWHERE) as usize);
        // Whatever it brings about: the table is full, and others have their tallies all the same.
        for n in 0..2 * MOST as u32 {
            for policy in [
                "days", "names", "kinds", "sizes", "hours", "places", "ends", "more", "most",
            ] {
                let failed = TestEvent::Failed {
                    policy,
                    partner: Some("mueller"),
                    remote: Some(from(n)),
                };
                rates.admit(&failed, now);
            }
        }
        let schmidt = refused(Some("schmidt"), "10.0.0.1:5000");
        let written = (0..1000).filter(|_| rates.admit(&schmidt, now)).count();
        assert!(written >= USUAL as usize, "{written} lines of another");
        assert!(rates.tallies.len() <= MOST + 20, "{}", rates.tallies.len());
    }

    #[test]
    fn who_has_an_ipv6_network_is_one_address() {
        assert_eq!(
            network("[2001:db8::1]:5000"),
            network("[2001:db8::ffff:1]:6000")
        );
        assert_ne!(
            network("[2001:db8::1]:5000"),
            network("[2001:db8:0:1::1]:5000")
        );
        assert_eq!(network("[::ffff:10.0.0.1]:5000"), "10.0.0.1");
    }
}
