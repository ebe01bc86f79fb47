//! What waits to be sent, and what is to become of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use pointsman_store::{Order, OutboundState, Queued, TransferId};
use serde::{Deserialize, Serialize};

use super::Operator;
use super::error::OperatorError;
use super::overview::Overview;
use super::prospects::WaitsReport;
use super::transfer_name::TransferName;
use super::transfers::FileIdentity;
use super::utc_time::UtcTime;
use crate::config::Plan;
use crate::outbound::enqueue;
use crate::station::leases;

/// What is to become of a file that waits, or that was sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct QueueOrder {
    pub transfer: TransferName,
    /// What is to be done.
    pub action: QueueAction,
    /// Why, for its history.
    pub why: String,
}

/// What can be done with a file of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum QueueAction {
    /// Keep it back until it is released.
    Hold,
    /// Let a held or parked file go, under the identity it has.
    Release,
    /// Give it up for now, as if its partner had refused it for good.
    Park,
    /// Take it out of the queue; its content stays in the spool.
    Cancel,
    /// Let it go before those that are not urgent, and now even if it backs off after a refusal.
    SendNow,
    /// Send its content again, as a new file under a new date and time.
    Resend,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueueDone {
    /// The transfer that is queued, held or gone now: a new one after a resend.
    pub transfer: String,
    /// What was done with it, in words.
    pub done: String,
}

/// The files that are not sent yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueueReport {
    /// In the order in which they go; what is held or parked comes after that.
    pub files: Vec<QueuedFile>,
    /// For each of their partners, when it is called next, and why nothing goes to it just now.
    pub partners: BTreeMap<String, WaitsReport>,
    /// What could not be found out.
    pub unknown: Vec<String>,
}

/// A file that is not sent yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueuedFile {
    pub transfer: String,
    /// The partner it goes to.
    pub partner: String,
    /// `ready`, `held` or `parked`.
    pub state: OutboundState,
    /// A session has it just now.
    pub in_session: bool,
    /// It backs off until then.
    pub backs_off_until: Option<UtcTime>,
    /// 0 to 9; higher goes first.
    pub priority: u8,
    /// How often it was offered so far.
    pub attempts: u32,
    /// The EFID of an earlier attempt may have arrived.
    pub in_doubt: bool,
    /// Octets of its content in the spool.
    pub octets: u64,
    /// When it was queued.
    pub since: UtcTime,
    /// Why it is where it is, if there is something to say.
    pub reason: Option<String>,
    /// When its partner is called next, in words.
    pub next_call: Option<String>,
    /// Why nothing goes to its partner just now.
    pub partner_waits: Option<String>,
    pub file: FileIdentity,
}

impl Operator {
    /// The files that are not sent yet, those for one partner alone where one is named.
    ///
    /// # Errors
    /// There is no such partner, or the ledger cannot be read.
    pub(crate) async fn queue(&self, partner: Option<&str>) -> Result<QueueReport, OperatorError> {
        let store = self.store()?;
        leases::release_of_gone_programs(store.ledger.as_ref(), &store.programs).await?;
        let mut queue = store.ledger.queue(partner).await?;
        self.known_partner(partner, !queue.is_empty())?;
        for file in &mut queue {
            file.backs_off_until = backing_off(self.plan(), &file.partner, file.backs_off_until);
        }
        let overview = Overview::beside(self).await?;
        let partners: BTreeSet<String> = queue.iter().map(|file| file.partner.clone()).collect();
        let waits = |name: String| {
            let waits = overview.waits(&name);
            (name, waits)
        };
        let partners = partners.into_iter().map(waits).collect();
        let report = |file: &Queued| QueuedFile::of(file, &partners);
        Ok(QueueReport {
            files: queue.iter().map(report).collect(),
            partners,
            unknown: overview.unknown,
        })
    }

    /// Does something with a file of the queue.
    ///
    /// # Errors
    /// There is no such file, a session has it, or its state does not allow it.
    pub(crate) async fn order(&self, order: QueueOrder) -> Result<QueueDone, OperatorError> {
        let store = self.store()?;
        let ledger = store.ledger.as_ref();
        let Some((verb, done)) = order.action.verb() else {
            let old = order.transfer.find(ledger).await?;
            let (id, header) =
                enqueue::resend(ledger, store.contents.as_ref(), old, self.plan()).await?;
            return Ok(QueueDone::of(
                id,
                &format!("queued again as {}", header.key),
            ));
        };
        leases::release_of_gone_programs(ledger, &store.programs).await?;
        let id = order.transfer.find(ledger).await?;
        ledger.order(id, verb, &order.why).await?;
        Ok(QueueDone::of(id, done))
    }
}

impl QueueAction {
    /// The ledger's verb, and what it does in words; none for a resend, which queues a new file.
    fn verb(self) -> Option<(Order, &'static str)> {
        Some(match self {
            Self::Hold => (Order::Hold, "held; `pointsman queue release` lets it go"),
            Self::Release => (
                Order::Release,
                "released; it goes with the partner's next session",
            ),
            Self::Park => (Order::Park, "parked; `pointsman queue release` lets it go"),
            Self::Cancel => (Order::Cancel, "cancelled; its content stays in the spool"),
            Self::SendNow => (
                Order::SendNow,
                "urgent; a running server calls its partner now, if it calls it at all; else it goes with the partner's next session, or with `pointsman send --to PARTNER`",
            ),
            Self::Resend => return None,
        })
    }
}

impl QueueDone {
    fn of(id: TransferId, done: &str) -> Self {
        Self {
            transfer: id.to_string(),
            done: done.to_owned(),
        }
    }
}

impl QueuedFile {
    fn of(file: &Queued, partners: &BTreeMap<String, WaitsReport>) -> Self {
        let waits = partners.get(&file.partner).cloned();
        let (next_call, partner_waits) = match waits {
            Some(waits) => (Some(waits.next_call), waits.why_it_waits),
            None => (None, None),
        };
        Self {
            transfer: file.id.to_string(),
            partner: file.partner.clone(),
            state: file.state,
            in_session: file.in_session,
            backs_off_until: file.backs_off_until.map(UtcTime),
            priority: file.priority,
            attempts: file.attempts,
            in_doubt: file.in_doubt,
            octets: file.octets,
            since: UtcTime(file.queued),
            reason: file.reason.clone(),
            next_call,
            partner_waits,
            file: FileIdentity::from(&file.key),
        }
    }

    /// The state, and what a lease or a rest makes of it.
    pub(crate) fn standing(&self) -> &str {
        match self.backs_off_until {
            _ if self.in_session => "in-session",
            Some(_) => "backing off",
            None => self.state.as_str(),
        }
    }
}

/// A rest that is longer than any was written down while the clock was ahead: it is over.
pub(super) fn backing_off(
    config: &Plan,
    partner: &str,
    until: Option<SystemTime>,
) -> Option<SystemTime> {
    let profile = config.partner(partner);
    let longest = profile.map(|profile| profile.longest().file);
    let latest = longest.and_then(|longest| SystemTime::now().checked_add(longest));
    until.filter(|until| latest.is_none_or(|latest| *until <= latest))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_rest_of_the_time_when_the_clock_was_ahead_is_none() {
        let temp = tempfile::TempDir::new().unwrap();
        let path = temp.path().join("pointsman.yaml");
        let text = "version: 1\nstation: {ssid: O0013US, password: OURS}\nstorage: {state: state, inbox: inbox}\n\
                    partners:\n  them: {ssid: O0013THEM, password: THEIRS}\n";
        std::fs::write(&path, text).unwrap();
        let config = Plan::load(&path).unwrap();
        let profile = config.partner("them").unwrap();
        let longest = profile.longest().file;
        let after = |rest| SystemTime::now().checked_add(rest);
        let soon = after(longest / 2);
        assert_eq!(backing_off(&config, "them", soon), soon);
        let too_long = after(longest + Duration::from_secs(60 * 60));
        assert_eq!(backing_off(&config, "them", too_long), None);
        // Nobody knows how long such a partner's files may rest.
        assert_eq!(backing_off(&config, "gone", too_long), too_long);
    }
}
