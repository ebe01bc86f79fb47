//! `pointsman transfers`.

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use oftp::{Eerp, FileKey, Nerp, Response};
use pointsman_policy::types::Refusal;
use pointsman_store::{
    Direction, Filter, InboundState, Ledger, LedgerError, OutboundState, TimelineEntry, Transfer,
    TransferId, Verdict,
};
use serde_json::json;

use super::out::{print_json, say};
use super::{Configured, Failed, Outcome, block_on, identity, open_store, when};
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
    /// Decides a receipt that a policy left to the operator: EERP, NERP with --reject, or the one of another file
    /// with --forward.
    Answer {
        /// The transfer.
        id: TransferId,
        /// NERP with this reason (RFC 5024, 5.3.14) instead of an EERP.
        #[arg(long, value_name = "REASON", value_parser = clap::value_parser!(u8).range(1..=99))]
        reject: Option<u8>,
        /// What to tell the partner with it.
        #[arg(long, default_value = "", value_name = "TEXT", requires = "reject")]
        text: String,
        /// The receipt that came for this sent file, with its hash and its signature: for a file that was passed on.
        #[arg(long, value_name = "TRANSFER", conflicts_with = "reject")]
        forward: Option<TransferId>,
        /// Although the file that was passed on has another content: it was converted.
        #[arg(long, requires = "forward")]
        converted: bool,
        #[command(flatten)]
        configured: Configured,
    },
    /// Everything that happened to one file.
    Show {
        /// The transfer.
        id: TransferId,
        /// As JSON.
        #[arg(long)]
        json: bool,
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
            Verb::Show {
                id,
                json,
                configured,
            } => block_on(show(configured.load()?, id, json)),
            Verb::Answer {
                id,
                reject,
                text,
                forward,
                converted,
                configured,
            } => {
                let config = configured.load()?;
                match forward {
                    Some(of) => block_on(forward_receipt(config, id, of, converted)),
                    None => block_on(answer(config, id, reject, text)),
                }
            }
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
    say!(
        "{:36}  {:20}  {:3}  {:12}  {:12}  {:8}  {:>12}  FILE",
        "TRANSFER",
        "SINCE",
        "WAY",
        "PARTNER",
        "STATE",
        "RECEIPT",
        "OCTETS"
    );
    for row in rows {
        let since = Timestamp::try_from(row.created)
            .map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
            .unwrap_or_default();
        say!(
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

async fn show(config: Config, id: TransferId, json: bool) -> Outcome {
    let (ledger, spool) = open_store(&config)?;
    let Some(row) = ledger.show(id).await? else {
        return Err(Failed {
            code: 1,
            message: format!(
                "error: there is no transfer {id}; `pointsman transfers list` shows what there is"
            ),
        });
    };
    let timeline = ledger.timeline(id).await?;
    let content = spool.place_of(row.direction, id);
    if json {
        let mut shown = as_json(&row);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("spool".to_owned(), json!(content));
            shown.insert("timeline".to_owned(), timeline.iter().map(entry).collect());
        }
        return print_json(&shown);
    }
    say!("file      {}", row.key);
    say!(
        "partner   {} ({})",
        row.partner,
        if row.direction == Direction::Inbound {
            "received"
        } else {
            "sent"
        }
    );
    say!(
        "state     {}{}",
        row.state,
        row.reason
            .map_or_else(String::new, |why| format!(": {why}"))
    );
    say!("receipt   {}", row.receipt);
    say!("content   {} octets, blake3 {}", row.octets, row.digest);
    if let Some(path) = row.path {
        say!("place     {path}");
    }
    if let Some(path) = content {
        say!("spool     {}", path.display());
    }
    for line in timeline {
        let at = Timestamp::try_from(line.at)
            .map(|at| at.to_string())
            .unwrap_or_default();
        say!(
            "  {at}  {:14}  {}  {}",
            line.event,
            line.session.unwrap_or_default(),
            line.detail
        );
    }
    Ok(())
}

fn entry(line: &TimelineEntry) -> serde_json::Value {
    json!({
        "at": when(line.at),
        "event": line.event,
        "session": line.session,
        "detail": line.detail,
    })
}

/// The receipt of a file that was passed on is the receipt of the file that came: its originator can check the
/// signature of whoever received it at last (RFC 5024, 5.3.13, EERPSIG).
async fn forward_receipt(
    config: Config,
    id: TransferId,
    of: TransferId,
    converted: bool,
) -> Outcome {
    let (ledger, _) = open_store(&config)?;
    let row = ledger.show(id).await?.ok_or(LedgerError::NotFound(id))?;
    without_receipt(&row)?;
    let came = ledger.receipt(of).await?.ok_or_else(|| Failed {
        code: 1,
        message: format!(
            "error: no receipt has come for transfer {of}: there is nothing to pass on"
        ),
    })?;
    let passed_on = ledger.show(of).await?.ok_or(LedgerError::NotFound(of))?;
    if passed_on.digest != row.digest && !converted {
        let message = format!(
            "error: transfer {of} has another content than {id}; give --converted if it is the same file all the same"
        );
        return Err(Failed { code: 1, message });
    }
    ledger.forwarded(id, about(&row.key, came)).await?;
    say!("decided; the partner gets it with its next session");
    Ok(())
}

/// The same receipt for another file.
fn about(key: &FileKey, response: Response) -> Response {
    match response {
        Response::Positive(eerp) => Response::Positive(Eerp {
            key: key.clone(),
            ..eerp
        }),
        Response::Negative(nerp) => Response::Negative(Nerp {
            key: key.clone(),
            ..nerp
        }),
    }
}

fn without_receipt(row: &Transfer) -> Outcome {
    if row.receipt == "none" {
        return Ok(());
    }
    let message = format!(
        "error: transfer {} has its receipt ({}): one is all there can be",
        row.id, row.receipt
    );
    Err(Failed { code: 1, message })
}

async fn answer(config: Config, id: TransferId, reject: Option<u8>, text: String) -> Outcome {
    let (ledger, _) = open_store(&config)?;
    let row = ledger.show(id).await?.ok_or(LedgerError::NotFound(id))?;
    without_receipt(&row)?;
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
    if !ledger.decided(id, verdict, "by the operator").await? {
        let row = ledger.show(id).await?.ok_or(LedgerError::NotFound(id))?;
        without_receipt(&row)?;
        let message = format!(
            "error: transfer {id} does not wait for an answer: it is `{}`",
            row.state
        );
        return Err(Failed { code: 1, message });
    }
    say!("decided; the partner gets it with its next session");
    Ok(())
}
