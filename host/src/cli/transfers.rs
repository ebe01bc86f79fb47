//! `pointsman transfers`.

use clap::{Args, Subcommand, ValueEnum};
use oftp::{Eerp, FileKey, Nerp, NerpReason, Response};
use pointsman_store::{
    Direction, Filter, InboundState, Ledger, LedgerError, OutboundState, ReceiptState, State,
    Transfer, Verdict,
};
use serde_json::json;

use super::id::Id;
use super::out::{print_json, say};
use super::waiting::Waiting;
use super::{
    Configured, Failed, Outcome, block_on, identity, known_partner, open_store, show, when,
};
use crate::config::{Config, Needs, Pattern, Scalar};
use crate::inbound::receipts;

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
    /// What waits for an operator, and what to do about it.
    Waiting(Waiting),
    /// Decides a receipt that a policy left to the operator: EERP, NERP with --reject, or the one of another file
    /// with --forward.
    Answer {
        /// The transfer: its id, or the beginning or the end of it.
        id: Id,
        /// NERP with this reason (RFC 5024, 5.3.14) instead of an EERP: usually 34, file processing failed, or 35, not
        /// delivered to recipient.
        #[arg(long, value_name = "REASON", value_parser = nerp_reason)]
        reject: Option<NerpReason>,
        /// What to tell the partner with it.
        #[arg(long, default_value = "", value_name = "TEXT", requires = "reject")]
        text: String,
        /// The receipt that came for this sent file, with its hash and its signature: for a file that was passed on.
        #[arg(long, value_name = "TRANSFER", conflicts_with = "reject")]
        forward: Option<Id>,
        /// Although the file that was passed on has another content: it was converted.
        #[arg(long, requires = "forward")]
        converted: bool,
        #[command(flatten)]
        configured: Configured,
    },
    /// Everything that is known of one file, and that happened to it.
    Show {
        /// The transfer: its id, or the beginning or the end of it.
        id: Id,
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
    #[arg(long, value_name = "STATE", value_parser = states)]
    state: Option<States>,
    /// Received or sent ones alone.
    #[arg(long)]
    direction: Option<Which>,
    /// Of this data set name alone; `*` stands for any characters, `?` for any one, `[ab]` for one of those.
    #[arg(long, value_name = "NAME", value_parser = pattern)]
    name: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

/// The states of one word.
#[derive(Clone, Debug)]
struct States(Vec<State>);

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
fn states(word: &str) -> Result<States, String> {
    let called = State::called(word);
    if !called.is_empty() {
        return Ok(States(called));
    }
    Err(format!(
        "there is no such state; of received files there are {}, of files to send {}",
        InboundState::WORDS.join(", "),
        OutboundState::WORDS.join(", ")
    ))
}

/// One that is none would fit nothing, for ever.
fn pattern(text: &str) -> Result<String, String> {
    Pattern::read(text).map(|_| text.to_owned())
}

impl Transfers {
    pub(super) fn run(self) -> Outcome {
        match self.verb {
            Verb::List(list) => list.run(),
            Verb::Show {
                id,
                json,
                configured,
            } => block_on(show::show(configured.load(&Needs::Nothing)?, id, json)),
            Verb::Waiting(waiting) => waiting.run(),
            Verb::Answer {
                id,
                reject,
                text,
                forward,
                converted,
                configured,
            } => {
                let config = configured.load(&Needs::Nothing)?;
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
        let config = self.configured.load(&Needs::Nothing)?;
        let filter = Filter {
            partner: self.partner.clone(),
            states: self.state.map(|States(states)| states).unwrap_or_default(),
            direction: self.direction.map(Into::into),
            name: self.name,
        };
        block_on(async {
            let (ledger, _) = open_store(&config)?;
            let rows = ledger.find(filter, self.count).await?;
            known_partner(&config, self.partner.as_deref(), !rows.is_empty())?;
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
        let since = when(row.created);
        say!(
            "{:36}  {since:20}  {:3}  {:12}  {:12}  {:8}  {:>12}  {}",
            row.id.to_string(),
            row.direction(),
            row.partner,
            row.state,
            receipt_state(row),
            row.octets,
            row.key
        );
    }
}

/// The state of its receipt, and a word where there is none.
fn receipt_state(row: &Transfer) -> &'static str {
    row.receipt.map_or("none", ReceiptState::as_str)
}

pub(super) fn as_json(row: &Transfer) -> serde_json::Value {
    json!({
        "transfer": row.id.to_string(),
        "since": when(row.created),
        "direction": row.direction(),
        "partner": row.partner,
        "state": row.state,
        "receipt": receipt_state(row),
        "octets": row.octets,
        "blake3": row.digest,
        "path": row.path,
        "reason": row.reason,
        "file": identity(&row.key),
    })
}

/// The receipt of a file that was passed on is the receipt of the file that came: its originator can check the
/// signature of whoever received it at last (RFC 5024, 5.3.13, EERPSIG).
async fn forward_receipt(config: Config, id: Id, of: Id, converted: bool) -> Outcome {
    let (ledger, _) = open_store(&config)?;
    let (id, of) = (id.find(&ledger).await?, of.find(&ledger).await?);
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
    let Some(receipt) = row.receipt else {
        return Ok(());
    };
    let message = format!(
        "error: transfer {} has its receipt ({receipt}): one is all there can be",
        row.id
    );
    Err(Failed { code: 1, message })
}

/// A reason that NERP has: to the partner, another number would say something else, or nothing.
fn nerp_reason(code: &str) -> Result<NerpReason, String> {
    let of_code = |reason: &&NerpReason| code.parse() == Ok(reason.code());
    let known = NerpReason::TABLE.iter().find(of_code).copied();
    known.ok_or_else(|| {
        let listed: Vec<_> = NerpReason::TABLE.iter().map(ToString::to_string).collect();
        format!(
            "NERP has no such reason (RFC 5024, 5.3.14); it has: {}",
            listed.join(", ")
        )
    })
}

async fn answer(config: Config, id: Id, reject: Option<NerpReason>, text: String) -> Outcome {
    let (ledger, _) = open_store(&config)?;
    let id = id.find(&ledger).await?;
    let row = ledger.show(id).await?.ok_or(LedgerError::NotFound(id))?;
    without_receipt(&row)?;
    if row.direction() == Direction::Outbound {
        return Err(waits_not(&row));
    }
    let verdict = match reject {
        Some(reason) => receipts::negative(&row.key, reason, &text).0,
        None => Verdict::Positive,
    };
    if !ledger
        .decided(id, verdict, "by the operator".into())
        .await?
    {
        let row = ledger.show(id).await?.ok_or(LedgerError::NotFound(id))?;
        without_receipt(&row)?;
        return Err(waits_not(&row));
    }
    say!("decided; the partner gets it with its next session");
    Ok(())
}

fn waits_not(row: &Transfer) -> Failed {
    let way = match row.direction() {
        Direction::Inbound => "a received file",
        Direction::Outbound => "a file of ours",
    };
    Failed {
        code: 1,
        message: format!(
            "error: transfer {} does not wait for an answer: it is {way}, and `{}`; `pointsman transfers waiting` lists those that do",
            row.id, row.state
        ),
    }
}
