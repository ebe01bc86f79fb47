//! `pointsman queue`.

use clap::{Args, Subcommand};

use super::command::{CommandOutcome, Configured, block_on};
use super::out::{notice, print_json, say};
use crate::operator::queue::{QueueAction, QueueOrder, QueuedFile};
use crate::operator::transfer_name::TransferName;

/// Looks at what waits to be sent, and decides about it; the server need not run.
#[derive(Debug, Args)]
pub(super) struct QueueCommand {
    #[command(subcommand)]
    verb: QueueVerb,
}

#[derive(Debug, Subcommand)]
enum QueueVerb {
    /// What is not sent yet, in the order in which it goes, until when it backs off and why; what is held or parked comes
    /// after that. Then a line for each partner: when it is called next, and why nothing goes to it just now.
    List {
        /// Of this partner alone.
        #[arg(long, value_name = "PARTNER")]
        partner: Option<String>,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        configured: Configured,
    },
    /// Keep a file back until it is released.
    Hold(OrderArgs),
    /// Let a held or parked file go, under the identity it has.
    Release(OrderArgs),
    /// Give a file up for now, as if its partner had refused it for good.
    Park(OrderArgs),
    /// Take a file out of the queue; its content stays in the spool.
    Cancel(OrderArgs),
    /// Send again what was sent (overdue or not), answered, parked or cancelled, as a new file of the same content: under a new
    /// date and time, since its partner would refuse the old ones as a duplicate.
    Resend(OrderArgs),
    /// Let a file go before those that are not urgent, and now even if it backs off after a refusal.
    SendNow(OrderArgs),
}

#[derive(Debug, Args)]
struct OrderArgs {
    /// The transfer: its id, or the beginning or the end of it.
    id: TransferName,
    /// Why, for the history.
    #[arg(long, default_value = "by the operator", value_name = "TEXT")]
    why: String,
    /// Say what was done as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl QueueCommand {
    pub(super) fn run(self) -> CommandOutcome {
        let (args, action) = match self.verb {
            QueueVerb::List {
                partner,
                json,
                configured,
            } => return list(&configured, partner.as_deref(), json),
            QueueVerb::Hold(args) => (args, QueueAction::Hold),
            QueueVerb::Release(args) => (args, QueueAction::Release),
            QueueVerb::Park(args) => (args, QueueAction::Park),
            QueueVerb::Cancel(args) => (args, QueueAction::Cancel),
            QueueVerb::SendNow(args) => (args, QueueAction::SendNow),
            QueueVerb::Resend(args) => (args, QueueAction::Resend),
        };
        args.order(action)
    }

    pub(super) fn wants_json(&self) -> bool {
        match &self.verb {
            QueueVerb::List { json, .. } => *json,
            QueueVerb::Hold(args)
            | QueueVerb::Release(args)
            | QueueVerb::Park(args)
            | QueueVerb::Cancel(args)
            | QueueVerb::SendNow(args)
            | QueueVerb::Resend(args) => args.json,
        }
    }
}

impl OrderArgs {
    fn order(self, action: QueueAction) -> CommandOutcome {
        let (transfer, why) = (self.id, self.why);
        let operator = self.configured.operator()?;
        let done = block_on(operator.order(QueueOrder {
            transfer,
            action,
            why,
        }))?;
        if self.json {
            return Ok(print_json(&done)?);
        }
        say!("transfer {}: {}", done.transfer, done.done);
        Ok(())
    }
}

fn list(configured: &Configured, partner: Option<&str>, json: bool) -> CommandOutcome {
    let operator = configured.operator()?;
    let queue = block_on(operator.queue(partner))?;
    queue.unknown.iter().for_each(|what| notice(what));
    if json {
        return Ok(print_json(&queue.files)?);
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
    queue.files.iter().for_each(print);
    for (name, waits) in queue.partners {
        let why = waits.why_it_waits;
        let why = why.map_or_else(String::new, |why| format!("; {why}"));
        say!("{name}: next call: {}{why}", waits.next_call);
    }
    Ok(())
}

fn print(file: &QueuedFile) {
    let until = file.backs_off_until;
    let why = file.reason.as_deref();
    say!(
        "{:36}  {:20}  {:12}  {:10}  {:20}  {:4}  {:5}  {:>12}  {}{}",
        file.transfer,
        file.since,
        file.partner,
        file.standing(),
        until.map_or_else(|| "-".to_owned(), |until| until.to_string()),
        file.priority,
        file.attempts,
        file.octets,
        file.file.text,
        why.map_or_else(String::new, |why| format!("  ({why})"))
    );
}
