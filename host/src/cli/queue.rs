//! `pointsman queue`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use clap::{Args, Subcommand};
use pointsman_store::{Ledger, Order, Queued, TransferId};
use serde_json::json;

use super::id::Id;
use super::out::{print_json, say};
use super::partners::{Look, Waits};
use super::{Configured, Outcome, block_on, identity, known_partner, open_store, when};
use crate::config::partners::Profile;
use crate::config::{Config, Needs};
use crate::outbound::enqueue;
use crate::station::leases;

/// Looks at what waits to be sent, and decides about it; the server need not run.
#[derive(Debug, Args)]
pub(super) struct Queue {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// What is not sent yet, in the order in which it goes, until when it rests and why; what is held or parked comes
    /// after that. Then a line for each partner: when it is called next, and why nothing goes to it just now.
    List {
        /// Of this partner alone.
        #[arg(long, value_name = "PARTNER")]
        partner: Option<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        configured: Configured,
    },
    /// Keep a file back until it is released.
    Hold(Named),
    /// Let a held or parked file go, under the identity it has.
    Release(Named),
    /// Give a file up for now, as if its partner had refused it for good.
    Park(Named),
    /// Take a file out of the queue; its content stays in the spool.
    Cancel(Named),
    /// Send again what was sent (overdue or not), answered, parked or cancelled, as a new file of the same content: under a new
    /// date and time, since its partner would refuse the old ones as a duplicate.
    Resend(Named),
    /// Let a file go before those that are not urgent, and now even if it rests after a refusal.
    SendNow(Named),
}

#[derive(Debug, Args)]
struct Named {
    /// The transfer: its id, or the beginning or the end of it.
    id: Id,
    /// Why, for the history.
    #[arg(long, default_value = "by the operator", value_name = "TEXT")]
    why: String,
    /// Say what was done as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl Queue {
    pub(super) fn run(self) -> Outcome {
        match self.verb {
            Verb::List {
                partner,
                json,
                configured,
            } => block_on(list(configured.load(&Needs::Nothing)?, partner, json)),
            Verb::Hold(named) => named.order(Order::Hold),
            Verb::Release(named) => named.order(Order::Release),
            Verb::Park(named) => named.order(Order::Park),
            Verb::Cancel(named) => named.order(Order::Cancel),
            Verb::SendNow(named) => named.order(Order::SendNow),
            Verb::Resend(named) => named.resend(),
        }
    }
}

impl Named {
    fn order(self, order: Order) -> Outcome {
        let config = self.configured.load(&Needs::Nothing)?;
        block_on(async {
            let (ledger, spool) = open_store(&config)?;
            leases::give_back_of_gone_programs(&ledger, &spool).await?;
            let id = self.id.find(&ledger).await?;
            ledger.order(id, order, &self.why).await?;
            self.say(id, done(order))
        })
    }

    fn resend(self) -> Outcome {
        let config = self.configured.load(&Needs::Nothing)?;
        block_on(async {
            let (ledger, spool) = open_store(&config)?;
            let old = self.id.find(&ledger).await?;
            let (id, header) = enqueue::resend(&ledger, &spool, old, &config).await?;
            self.say(id, &format!("queued again as {}", header.key))
        })
    }

    fn say(&self, id: TransferId, what: &str) -> Outcome {
        if self.json {
            return print_json(&json!({ "transfer": id.to_string(), "done": what }));
        }
        say!("transfer {id}: {what}");
        Ok(())
    }
}

fn done(order: Order) -> &'static str {
    match order {
        Order::Hold => "held; `pointsman queue release` lets it go",
        Order::Release => "released; it goes with the partner's next session",
        Order::Park => "parked; `pointsman queue release` lets it go",
        Order::Cancel => "cancelled; its content stays in the spool",
        Order::SendNow => {
            "urgent; a running server calls its partner now, if it calls it at all; else it goes with the partner's next session, or with `pointsman send --to PARTNER`"
        }
    }
}

async fn list(config: Config, partner: Option<String>, json: bool) -> Outcome {
    let (ledger, spool) = open_store(&config)?;
    leases::give_back_of_gone_programs(&ledger, &spool).await?;
    let mut queue = ledger.queue(partner.as_deref()).await?;
    known_partner(&config, partner.as_deref(), !queue.is_empty())?;
    for file in &mut queue {
        file.rests_until = resting(&config, &file.partner, file.rests_until);
    }
    let look = Look::beside(&config).await?;
    let partners: BTreeSet<&str> = queue.iter().map(|file| file.partner.as_str()).collect();
    let waits: BTreeMap<&str, Waits> = partners
        .into_iter()
        .map(|name| (name, look.waits(&config, name)))
        .collect();
    if json {
        let of = |file: &Queued| waits.get(file.partner.as_str());
        return print_json(
            &queue
                .iter()
                .map(|file| as_json(file, of(file)))
                .collect::<Vec<_>>(),
        );
    }
    say!(
        "{:36}  {:20}  {:12}  {:10}  {:20}  {:4}  {:5}  {:>12}  FILE",
        "TRANSFER",
        "SINCE",
        "PARTNER",
        "STATE",
        "UNTIL",
        "PRIO",
        "TRIES",
        "OCTETS"
    );
    queue.iter().for_each(print);
    for (name, waits) in waits {
        let why = waits.why.map_or_else(String::new, |why| format!("; {why}"));
        say!("{name}: next call: {}{why}", waits.next_call);
    }
    Ok(())
}

/// A rest that is longer than any was written down while the clock was ahead: it is over.
pub(super) fn resting(
    config: &Config,
    partner: &str,
    until: Option<SystemTime>,
) -> Option<SystemTime> {
    let profile = Profile::by_name(config, partner);
    let longest = profile.map(|profile| profile.longest().file);
    let latest = longest.and_then(|longest| SystemTime::now().checked_add(longest));
    until.filter(|until| latest.is_none_or(|latest| *until <= latest))
}

fn print(file: &Queued) {
    let why = file.reason.as_deref();
    say!(
        "{:36}  {:20}  {:12}  {:10}  {:20}  {:4}  {:5}  {:>12}  {}{}",
        file.id.to_string(),
        when(file.queued),
        file.partner,
        state(file),
        file.rests_until.map_or_else(|| "-".to_owned(), when),
        file.priority,
        file.attempts,
        file.octets,
        file.key,
        why.map_or_else(String::new, |why| format!("  ({why})"))
    );
}

/// The state, and what a lease or a rest makes of it.
fn state(file: &Queued) -> &'static str {
    match file.rests_until {
        _ if file.in_session => "in-session",
        Some(_) => "resting",
        None => file.state.as_str(),
    }
}

fn as_json(file: &Queued, waits: Option<&Waits>) -> serde_json::Value {
    json!({
        "transfer": file.id.to_string(),
        "partner": file.partner,
        "state": file.state.as_str(),
        "in_session": file.in_session,
        "rests_until": file.rests_until.map(when),
        "priority": file.priority,
        "attempts": file.attempts,
        "in_doubt": file.in_doubt,
        "octets": file.octets,
        "since": when(file.queued),
        "reason": file.reason,
        "next_call": waits.map(|waits| waits.next_call.as_str()),
        "partner_waits": waits.and_then(|waits| waits.why.as_deref()),
        "file": identity(&file.key),
    })
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
        let config = Config::load(&path).unwrap();
        let profile = Profile::by_name(&config, "them").unwrap();
        let longest = profile.longest().file;
        let after = |rest| SystemTime::now().checked_add(rest);
        let soon = after(longest / 2);
        assert_eq!(resting(&config, "them", soon), soon);
        let too_long = after(longest + Duration::from_secs(60 * 60));
        assert_eq!(resting(&config, "them", too_long), None);
        // Nobody knows how long such a partner's files may rest.
        assert_eq!(resting(&config, "gone", too_long), too_long);
    }
}
