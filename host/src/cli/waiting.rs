//! `pointsman transfers waiting`: what goes on only when an operator does something.

use clap::Args;
use pointsman_store::{InboundState, Ledger, OutboundState, State, Transfer};
use serde_json::json;

use super::out::{print_json, say};
use super::partners::{self, Look};
use super::{Configured, Outcome, block_on, identity, known_partner, open_store, when};
use crate::config::{Config, Needs};

/// So many are told; who has more begins with these.
const MOST: u32 = 10_000;

/// What waits for an operator: files that are held or parked, receipts that are overdue or are the operator's to
/// decide, received files that are not in their folder yet, and partners that the configuration does not name any more.
/// Exit code 0 also where there is something.
#[derive(Debug, Args)]
pub(super) struct Waiting {
    /// Of this partner alone.
    #[arg(long, value_name = "PARTNER")]
    partner: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

/// What a file waits for, and what its operator can do.
pub(super) struct Wanted {
    pub what: &'static str,
    pub remedy: String,
}

impl Waiting {
    pub(super) fn run(self) -> Outcome {
        let config = self.configured.load(&Needs::Nothing)?;
        block_on(async {
            let (ledger, _) = open_store(&config)?;
            let mut rows = ledger.unsettled(MOST).await?;
            let its = |partner: &str| self.partner.as_deref().is_none_or(|only| only == partner);
            rows.retain(|row| its(&row.partner));
            let look = Look::beside(&config).await?;
            let gone = look.gone(&config).into_iter().filter(|name| its(name));
            let gone: Vec<&str> = gone.collect();
            let has_something = !rows.is_empty() || !gone.is_empty();
            known_partner(&config, self.partner.as_deref(), has_something)?;
            if self.json {
                return print_json(&json!({
                    "transfers": rows.iter().map(|row| as_json(row, &config)).collect::<Vec<_>>(),
                    "partners_gone": gone,
                }));
            }
            if rows.is_empty() && gone.is_empty() {
                say!("nothing waits for an operator");
                return Ok(());
            }
            rows.iter().for_each(|row| print(row, &config));
            gone.iter()
                .for_each(|name| say!("{}", partners::gone(name)));
            Ok(())
        })
    }
}

fn print(row: &Transfer, config: &Config) {
    let Wanted { what, remedy } = wanted(row, config);
    say!(
        "{}  {}  {}  {}",
        row.id,
        when(row.created),
        row.partner,
        row.key
    );
    let why = row.reason.as_ref();
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    say!("    {what}{why}: {remedy}");
}

fn as_json(row: &Transfer, config: &Config) -> serde_json::Value {
    let Wanted { what, remedy } = wanted(row, config);
    json!({
        "transfer": row.id.to_string(),
        "since": when(row.created),
        "partner": row.partner,
        "state": row.state,
        "reason": row.reason,
        "waits_for": what,
        "remedy": remedy,
        "file": identity(&row.key),
    })
}

/// Of a row of [`Ledger::unsettled`].
fn wanted(row: &Transfer, config: &Config) -> Wanted {
    let id = row.id;
    let (what, remedy) = match row.state {
        State::Outbound(OutboundState::Held) => (
            "held until you release it",
            format!("`pointsman queue release {id}`, or `cancel`"),
        ),
        State::Outbound(OutboundState::Parked) => (
            "refused for good, or given up",
            format!(
                "`pointsman queue release {id}` sends it as it is, `resend` under a new date and time, `cancel` drops it"
            ),
        ),
        State::Outbound(OutboundState::Overdue) => (
            "its receipt has not come in time",
            format!(
                "ask the partner whether it has the file; `pointsman queue resend {id}` sends it again"
            ),
        ),
        State::Inbound(InboundState::Delivered) => (
            "its receipt is yours to decide",
            format!(
                "`pointsman transfers answer {id}` gives the EERP, with `--reject REASON` a NERP"
            ),
        ),
        _ => (
            "received and acknowledged, and not in its folder yet",
            format!(
                "the server tries again by itself; if this stays, look at `pointsman transfers show {id}`, and whether {} can be written",
                config.storage.inbox.0.display()
            ),
        ),
    };
    Wanted { what, remedy }
}
