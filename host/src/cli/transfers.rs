//! `pointsman transfers`.

use clap::{Args, Subcommand, ValueEnum};
use oftp::NerpReason;
use pointsman_store::{Direction, ReceiptState};

use super::attention::AttentionCommand;
use super::command::{CommandOutcome, Configured, block_on};
use super::out::{print_json, say};
use super::show;
use crate::operator::receipts::{ReceiptAnswer, ReceiptChoice, nerp_reason};
use crate::operator::transfer_name::TransferName;
use crate::operator::transfers::{TransferQuery, TransferSummary, pattern, states};

/// Looks at the history of files; the server need not run.
#[derive(Debug, Args)]
pub(super) struct TransfersCommand {
    #[command(subcommand)]
    verb: TransfersVerb,
}

#[derive(Debug, Subcommand)]
enum TransfersVerb {
    /// The newest files first.
    List(ListArgs),
    /// What waits for an operator, and what to do about it.
    Waiting(AttentionCommand),
    /// Decides a receipt that a policy left to the operator: EERP, NERP with --reject, or the one of another file
    /// with --forward.
    Answer(AnswerArgs),
    /// Everything that is known of one file, and that happened to it.
    Show {
        /// The transfer: its id, or the beginning or the end of it.
        id: TransferName,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        configured: Configured,
    },
}

#[derive(Debug, Args)]
struct AnswerArgs {
    /// The transfer: its id, or the beginning or the end of it.
    id: TransferName,
    /// NERP with this reason (RFC 5024, 5.3.14) instead of an EERP: usually 34, file processing failed, or 35, not
    /// delivered to recipient.
    #[arg(long, value_name = "REASON", value_parser = nerp_reason)]
    reject: Option<NerpReason>,
    /// What to say to the partner with it.
    #[arg(long, default_value = "", value_name = "TEXT", requires = "reject")]
    text: String,
    /// The receipt that came for this sent file, with its hash and its signature: for a file that was passed on.
    #[arg(long, value_name = "TRANSFER", conflicts_with = "reject")]
    forward: Option<TransferName>,
    /// Although the file that was passed on has another content: it was converted.
    #[arg(long, requires = "forward")]
    converted: bool,
    #[command(flatten)]
    configured: Configured,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The most files that are listed.
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
    direction: Option<WayArg>,
    /// Of this data set name alone; `*` stands for any characters, `?` for any one, `[ab]` for one of those.
    #[arg(long, value_name = "NAME", value_parser = pattern)]
    name: Option<String>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WayArg {
    /// Received.
    In,
    /// Sent, or to send.
    Out,
}

impl From<WayArg> for Direction {
    fn from(way: WayArg) -> Self {
        match way {
            WayArg::In => Self::Inbound,
            WayArg::Out => Self::Outbound,
        }
    }
}

/// What cannot be such a word is refused with the command line.
fn state(word: &str) -> Result<String, String> {
    states(word).map(|_| word.to_owned())
}

impl TransfersCommand {
    pub(super) fn run(self) -> CommandOutcome {
        match self.verb {
            TransfersVerb::List(list) => list.run(),
            TransfersVerb::Waiting(waiting) => waiting.run(),
            TransfersVerb::Answer(answer) => answer.run(),
            TransfersVerb::Show {
                id,
                json,
                configured,
            } => show::show(&configured, &id, json),
        }
    }

    pub(super) fn wants_json(&self) -> bool {
        match &self.verb {
            TransfersVerb::List(list) => list.json,
            TransfersVerb::Waiting(waiting) => waiting.json,
            TransfersVerb::Answer(_) => false,
            TransfersVerb::Show { json, .. } => *json,
        }
    }
}

impl AnswerArgs {
    fn run(self) -> CommandOutcome {
        let receipt = match (self.forward, self.reject) {
            (Some(of), _) => ReceiptChoice::Forwarded {
                of,
                converted: self.converted,
            },
            (None, Some(reason)) => ReceiptChoice::Negative {
                reason,
                text: self.text,
            },
            (None, None) => ReceiptChoice::Positive,
        };
        let transfer = self.id;
        let operator = self.configured.operator()?;
        block_on(operator.answer(ReceiptAnswer { transfer, receipt }))?;
        say!("decided; the partner gets it with its next session");
        Ok(())
    }
}

impl ListArgs {
    fn run(self) -> CommandOutcome {
        let operator = self.configured.operator()?;
        let rows = block_on(operator.transfers(TransferQuery {
            count: self.count,
            partner: self.partner,
            state: self.state,
            direction: self.direction.map(Direction::from),
            name: self.name,
        }))?;
        if self.json {
            return Ok(print_json(&rows)?);
        }
        print(&rows);
        Ok(())
    }
}

fn print(rows: &[TransferSummary]) {
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
        say!(
            "{:36}  {:20}  {:3}  {:12}  {:12}  {:8}  {:>12}  {}",
            row.transfer,
            row.since,
            row.state.0.direction(),
            row.partner,
            row.state.0,
            row.receipt.map_or("none", ReceiptState::as_str),
            row.octets,
            row.file.text
        );
    }
}
