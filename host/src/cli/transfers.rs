//! `pointsman transfers`.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use pointsman_policy::types::Refusal;
use pointsman_store::{
    Direction, Ledger, LedgerError, SqliteLedger, Transfer, TransferId, Verdict,
};

use super::{Configured, Failed, Outcome, block_on};
use crate::config::Config;
use crate::receipts;
use crate::station;

/// Looks at the history of files; the server need not run.
#[derive(Debug, Args)]
pub(super) struct Transfers {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The newest files first.
    List {
        /// How many.
        #[arg(short = 'n', long, default_value_t = 20)]
        count: u32,
        #[command(flatten)]
        configured: Configured,
    },
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

impl Transfers {
    pub(super) fn run(self) -> Outcome {
        match self.verb {
            Verb::List { count, configured } => block_on(list(configured.load()?, count)),
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

async fn list(config: Config, count: u32) -> Outcome {
    println!(
        "{:36}  {:20}  {:3}  {:12}  {:12}  {:8}  {:>12}  FILE",
        "TRANSFER", "SINCE", "WAY", "PARTNER", "STATE", "RECEIPT", "OCTETS"
    );
    for row in open(&config)?.list(count).await? {
        let since = Timestamp::try_from(row.created)
            .map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
            .unwrap_or_default();
        println!(
            "{:36}  {since:20}  {:3}  {:12}  {:12}  {:8}  {:>12}  {}",
            row.id.to_string(),
            way(&row),
            row.partner,
            row.state,
            row.receipt,
            row.octets,
            row.key
        );
    }
    Ok(())
}

async fn show(config: Config, id: TransferId) -> Outcome {
    let ledger = open(&config)?;
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
    let ledger = open(&config)?;
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

fn way(row: &Transfer) -> &'static str {
    if row.direction == Direction::Inbound {
        "in"
    } else {
        "out"
    }
}

/// Looking must not make a ledger where there is none.
fn open(config: &Config) -> Result<SqliteLedger, Failed> {
    let path = station::ledger_path(config);
    if !path.exists() {
        return Err(Failed {
            code: 1,
            message: format!(
                "error: there is no ledger at {} yet: no server ever ran here",
                path.display()
            ),
        });
    }
    Ok(SqliteLedger::open(&path)?)
}
