//! `pointsman verify-store` and `pointsman store`.

use clap::{Args, Subcommand};
use pointsman_store::{Audit, Audited, Finding, Rebuilt, Spool, Weight, rebuild};
use serde_json::json;

use super::out::{last_word, print_json, say};
use super::{Configured, Failed, LogStyle, Outcome, block_on, open_store, start_log};
use crate::config::files::{ledger_path, spool_path};
use crate::config::{Config, Needs};
use crate::outbound::watch;
use crate::server::control;

/// Holds ledger, spool and inbox against each other, and names what does not fit. Changes nothing, and may
/// run beside a server: only what stays as it is gets told.
#[derive(Debug, Args)]
pub(super) struct VerifyStore {
    /// Compare sizes alone; without it every content in the spool is read.
    #[arg(long)]
    quick: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl VerifyStore {
    pub(super) fn run(self) -> Outcome {
        start_log(LogStyle::Quiet)?;
        let config = self.configured.load(&Needs::Nothing)?;
        block_on(async {
            let (ledger, spool) = open_store(&config)?;
            let (to_be_queued, unseen) = watch::to_be_queued(&config);
            for error in unseen {
                last_word(&format!(
                    "{error}: what was taken from this watched folder and is not queued yet is not known, so look again before you send such a file once more"
                ));
            }
            let audit = Audit {
                spool,
                inbox: config.storage.inbox.0.clone(),
                digests: !self.quick,
                to_be_queued,
            };
            let audited = audit.run(&ledger).await?;
            if self.json {
                print_json(&as_json(&audited))?;
            } else {
                print(&audited);
            }
            if audited.is_clean() {
                Ok(())
            } else {
                Err(Failed::quietly())
            }
        })
    }
}

fn print(audited: &Audited) {
    for finding in &audited.findings {
        let whose = finding.id.map(|id| format!("transfer {id}: "));
        say!(
            "{}: {}{}: {}",
            weight(finding),
            whose.unwrap_or_default(),
            finding.file,
            finding.what
        );
        say!("    {}", finding.remedy);
    }
    let wrong = audited.discrepancies().count();
    say!(
        "{} transfers, {} contents read, {} receipts owed: {}",
        audited.transfers,
        audited.contents,
        audited.owed,
        if wrong == 0 {
            "everything fits".to_owned()
        } else {
            format!("discrepancies: {wrong}")
        }
    );
}

fn weight(finding: &Finding) -> &'static str {
    match finding.weight {
        Weight::Discrepancy => "error",
        Weight::Note => "note",
    }
}

fn as_json(audited: &Audited) -> serde_json::Value {
    let finding = |finding: &Finding| {
        json!({
            "transfer": finding.id.map(|id| id.to_string()),
            "weight": weight(finding),
            "kind": finding.kind,
            "file": finding.file,
            "what": finding.what,
            "remedy": finding.remedy,
        })
    };
    json!({
        "clean": audited.is_clean(),
        "transfers": audited.transfers,
        "contents_read": audited.contents,
        "receipts_owed": audited.owed,
        "findings": audited.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

/// Mends the store.
#[derive(Debug, Args)]
pub(super) struct Store {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Makes the ledger anew from what lies in the spool; keeps the old one under another name. No server may
    /// run.
    Rebuild {
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        configured: Configured,
    },
    /// Writes a sidecar for every file of the ledger that has none, as those of older versions. No server may
    /// run.
    Describe {
        #[command(flatten)]
        configured: Configured,
    },
}

impl Store {
    pub(super) fn run(self) -> Outcome {
        start_log(LogStyle::Quiet)?;
        match self.verb {
            Verb::Rebuild { json, configured } => {
                make_anew(&configured.load(&Needs::Nothing)?, json)
            }
            Verb::Describe { configured } => block_on(describe(configured.load(&Needs::Nothing)?)),
        }
    }
}

fn make_anew(config: &Config, json: bool) -> Outcome {
    let _lock = control::Lock::take(config)?;
    let folder = spool_path(config);
    if !folder.exists() {
        return Err(Failed {
            code: 1,
            message: format!(
                "error: there is no spool at {}: nothing to make a ledger from",
                folder.display()
            ),
        });
    }
    let rebuilt = rebuild(&ledger_path(config), &Spool::open(&folder)?)?;
    if json {
        print_json(&rebuilt_json(&rebuilt))?;
    } else {
        print_rebuilt(&rebuilt);
    }
    if rebuilt.left.is_empty() {
        Ok(())
    } else {
        Err(Failed::quietly())
    }
}

fn print_rebuilt(rebuilt: &Rebuilt) {
    say!(
        "the ledger is made anew: {} files received, {} to send or sent; {} partials removed, whose senders begin again",
        rebuilt.inbound,
        rebuilt.outbound,
        rebuilt.partials
    );
    if let Some(aside) = &rebuilt.aside {
        say!("the old one is {}", aside.display());
    }
    say!(
        "histories and what policies kept {}",
        if rebuilt.kept_history {
            "came over from the old one"
        } else {
            "are lost with the old one"
        }
    );
    for left in &rebuilt.left {
        say!("error: transfer {}: not taken in: {}", left.id, left.why);
    }
    say!("run `pointsman verify-store` next");
}

fn rebuilt_json(rebuilt: &Rebuilt) -> serde_json::Value {
    let left: Vec<_> = rebuilt
        .left
        .iter()
        .map(|left| json!({ "transfer": left.id.to_string(), "why": left.why }))
        .collect();
    json!({
        "received": rebuilt.inbound,
        "to_send": rebuilt.outbound,
        "partials_removed": rebuilt.partials,
        "history_kept": rebuilt.kept_history,
        "old_ledger": rebuilt.aside,
        "left": left,
    })
}

async fn describe(config: Config) -> Outcome {
    let _lock = control::Lock::take(&config)?;
    let (ledger, spool) = open_store(&config)?;
    let written = ledger.describe(&spool).await?;
    say!("{written} sidecars written");
    Ok(())
}
