//! `pointsman queue`.

use std::time::SystemTime;

use clap::{Args, Subcommand};
use pointsman_store::{Ledger, Order, Queued, TransferId};
use serde_json::json;

use super::out::{print_json, say};
use super::{Configured, Outcome, block_on, identity, open_store, when};
use crate::config::Config;
use crate::outbox;
use crate::partners::Profile;

/// Looks at what waits to be sent, and decides about it; the server need not run.
#[derive(Debug, Args)]
pub(super) struct Queue {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// What is not sent yet, in the order in which it goes; what is held or parked comes after that.
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
    /// Send again what was sent, answered, parked or cancelled, as a new file of the same content: under a new
    /// date and time, since its partner would refuse the old ones as a duplicate.
    Resend(Named),
    /// Let a file go before those that are not urgent, and now even if it rests after a refusal.
    SendNow(Named),
}

#[derive(Debug, Args)]
struct Named {
    /// The transfer.
    id: TransferId,
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
            } => block_on(list(configured.load()?, partner, json)),
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
        let config = self.configured.load()?;
        block_on(async {
            let (ledger, _) = open_store(&config)?;
            ledger.order(self.id, order, &self.why).await?;
            self.say(self.id, done(order))
        })
    }

    fn resend(self) -> Outcome {
        let config = self.configured.load()?;
        block_on(async {
            let (ledger, spool) = open_store(&config)?;
            let (id, header) = outbox::resend(&ledger, &spool, self.id, &config).await?;
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
            "urgent; it goes with the partner's next session, or with `pointsman send --to PARTNER`"
        }
    }
}

async fn list(config: Config, partner: Option<String>, json: bool) -> Outcome {
    let (ledger, _) = open_store(&config)?;
    let mut queue = ledger.queue(partner.as_deref()).await?;
    queue
        .iter_mut()
        .for_each(|file| forget_too_long(&config, file));
    if json {
        return print_json(&queue.iter().map(as_json).collect::<Vec<_>>());
    }
    say!(
        "{:36}  {:20}  {:12}  {:10}  {:4}  {:5}  {:>12}  FILE",
        "TRANSFER",
        "SINCE",
        "PARTNER",
        "STATE",
        "PRIO",
        "TRIES",
        "OCTETS"
    );
    for file in &queue {
        say!(
            "{:36}  {:20}  {:12}  {:10}  {:4}  {:5}  {:>12}  {}{}",
            file.id.to_string(),
            when(file.queued),
            file.partner,
            state(file),
            file.priority,
            file.attempts,
            file.octets,
            file.key,
            file.reason
                .as_ref()
                .map_or_else(String::new, |why| format!("  ({why})"))
        );
    }
    Ok(())
}

/// A rest that is longer than any was written down while the clock was ahead: it is over.
fn forget_too_long(config: &Config, file: &mut Queued) {
    let profile = Profile::by_name(config, &file.partner);
    let longest = profile.map(|profile| profile.longest().file);
    let latest = longest.and_then(|longest| SystemTime::now().checked_add(longest));
    file.rests_until = file
        .rests_until
        .filter(|until| latest.is_none_or(|latest| *until <= latest));
}

/// The state, and what a lease or a rest makes of it.
fn state(file: &Queued) -> &'static str {
    match file.rests_until {
        _ if file.in_session => "in-session",
        Some(_) => "resting",
        None => file.state.as_str(),
    }
}

fn as_json(file: &Queued) -> serde_json::Value {
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
        "file": identity(&file.key),
    })
}
