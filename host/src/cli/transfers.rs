//! `pointsman transfers`.

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use pointsman_policy::types::Refusal;
use pointsman_store::{
    Direction, Filter, InboundState, Ledger, LedgerError, OutboundState, Transfer, TransferId,
    Verdict,
};
use serde_json::json;

use super::{Configured, Failed, Outcome, block_on, identity, open_store, print_json, when};
use crate::config::Config;
use crate::receipts;

/// Looks at the history of files; the server need not run.
#[derive(Debug, Args)]
pub(super) struct Transfers {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The newest files first.
    List(List),
    /// Decides a receipt that a policy left to the operator: EERP, or NERP with --reject.
    Answer {
        /// The transfer.
        id: TransferId,
        /// NERP with this reason (RFC 5024, 5.3.14) instead of an EERP.
        #[arg(long, value_name = "REASON", value_parser = clap::value_parser!(u8).range(1..=99))]
        reject: Option<u8>,
        /// What to tell the partner with it.
        #[arg(long, default_value = "", value_name = "TEXT", requires = "reject")]
        text: String,
        #[command(flatten)]
        configured: Configured,
    },
    /// Everything that happened to one file.
    Show {
        /// The transfer.
        id: TransferId,
        #[command(flatten)]
        configured: Configured,
    },
}

#[derive(Debug, Args)]
struct List {
    /// How many.
    #[arg(short = 'n', long, default_value_t = 20)]
    count: u32,
    /// Of this partner alone.
    #[arg(long, value_name = "PARTNER")]
    partner: Option<String>,
    /// In this state alone, as `delivered` or `sent`.
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<String>,
    /// Received or sent ones alone.
    #[arg(long)]
    direction: Option<Which>,
    /// Of this data set name alone; `*` stands for any characters, `?` for any one.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    /// Received.
    In,
    /// Sent, or to send.
    Out,
}

impl From<Which> for Direction {
    fn from(which: Which) -> Self {
        match which {
            Which::In => Self::Inbound,
            Which::Out => Self::Outbound,
        }
    }
}

/// A word that no state has would fit nothing, for ever.
fn state(word: &str) -> Result<String, String> {
    if InboundState::parse(word).is_some() || OutboundState::parse(word).is_some() {
        return Ok(word.to_owned());
    }
    Err("there is no such state; docs/states.md lists them".to_owned())
}

impl Transfers {
    pub(super) fn run(self) -> Outcome {
        match self.verb {
            Verb::List(list) => list.run(),
            Verb::Show { id, configured } => block_on(show(configured.load()?, id)),
            Verb::Answer {
                id,
                reject,
                text,
                configured,
            } => block_on(answer(configured.load()?, id, reject, text)),
        }
    }
}

impl List {
    fn run(self) -> Outcome {
        let config = self.configured.load()?;
        let filter = Filter {
            partner: self.partner,
            state: self.state,
            direction: self.direction.map(Into::into),
            name: self.name,
        };
        block_on(async {
            let (ledger, _) = open_store(&config)?;
            let rows = ledger.find(filter, self.count).await?;
            if self.json {
                return print_json(&rows.iter().map(as_json).collect::<Vec<_>>());
            }
            print(&rows);
            Ok(())
        })
    }
}

fn print(rows: &[Transfer]) {
    println!(
        "{:36}  {:20}  {:3}  {:12}  {:12}  {:8}  {:>12}  FILE",
        "TRANSFER", "SINCE", "WAY", "PARTNER", "STATE", "RECEIPT", "OCTETS"
    );
    for row in rows {
        let since = Timestamp::try_from(row.created)
            .map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
            .unwrap_or_default();
        println!(
            "{:36}  {since:20}  {:3}  {:12}  {:12}  {:8}  {:>12}  {}",
            row.id.to_string(),
            row.direction.as_str(),
            row.partner,
            row.state,
            row.receipt,
            row.octets,
            row.key
        );
    }
}

fn as_json(row: &Transfer) -> serde_json::Value {
    json!({
        "transfer": row.id.to_string(),
        "since": when(row.created),
        "direction": row.direction.as_str(),
        "partner": row.partner,
        "state": row.state,
        "receipt": row.receipt,
        "octets": row.octets,
        "blake3": row.digest,
        "path": row.path,
        "reason": row.reason,
        "file": identity(&row.key),
    })
}

async fn show(config: Config, id: TransferId) -> Outcome {
    let (ledger, _) = open_store(&config)?;
    let Some(row) = ledger.show(id).await? else {
        return Err(Failed {
            code: 1,
            message: format!(
                "error: there is no transfer {id}; `pointsman transfers list` shows what there is"
            ),
        });
    };
    println!("file      {}", row.key);
    println!(
        "partner   {} ({})",
        row.partner,
        if row.direction == Direction::Inbound {
            "received"
        } else {
            "sent"
        }
    );
    println!(
        "state     {}{}",
        row.state,
        row.reason
            .map_or_else(String::new, |why| format!(": {why}"))
    );
    println!("receipt   {}", row.receipt);
    println!("content   {} octets, blake3 {}", row.octets, row.digest);
    if let Some(path) = row.path {
        println!("place     {path}");
    }
    for line in ledger.timeline(id).await? {
        let at = Timestamp::try_from(line.at)
            .map(|at| at.to_string())
            .unwrap_or_default();
        println!(
            "  {at}  {:14}  {}  {}",
            line.event,
            line.session.unwrap_or_default(),
            line.detail
        );
    }
    Ok(())
}

async fn answer(config: Config, id: TransferId, reject: Option<u8>, text: String) -> Outcome {
    let (ledger, _) = open_store(&config)?;
    let row = ledger.show(id).await?.ok_or(LedgerError::NotFound(id))?;
    if row.receipt != "none" {
        let message = format!(
            "error: transfer {id} has its receipt ({}): one is all there can be",
            row.receipt
        );
        return Err(Failed { code: 1, message });
    }
    let verdict = match reject {
        Some(reason) => {
            let refusal = Refusal {
                reason,
                text,
                retry: false,
            };
            Verdict::Negative(Box::new(receipts::nerp(&row.key, &refusal)))
        }
        None => Verdict::Positive,
    };
    ledger.decided(id, verdict, "by the operator").await?;
    println!("decided; the partner gets it with its next session");
    Ok(())
}
