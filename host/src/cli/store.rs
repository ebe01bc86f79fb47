//! `pointsman verify-store` and `pointsman store`.

use clap::{Args, Subcommand};

use super::command::{CommandOutcome, Configured, LogStyle, Unsuccessful, block_on, start_log};
use super::out::{notice, print_json, say};
use crate::operator::store::{FindingReport, FindingWeight, RebuildReport, StoreReport};

/// Compares ledger, spool and inbox with each other, and names what does not fit. Changes nothing, and may
/// run beside a server: what the server is just changing is not reported.
#[derive(Debug, Args)]
pub(super) struct VerifyStoreCommand {
    /// Compare sizes alone; without it every content in the spool is read.
    #[arg(long)]
    quick: bool,
    /// Print JSON instead of text.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl VerifyStoreCommand {
    pub(super) fn run(self) -> CommandOutcome {
        start_log(LogStyle::Quiet)?;
        let operator = self.configured.operator()?;
        let report = block_on(operator.verify_store(self.quick))?;
        report.unknown.iter().for_each(|what| notice(what));
        if self.json {
            print_json(&report)?;
        } else {
            print(&report);
        }
        match report.clean {
            true => Ok(()),
            false => Err(Unsuccessful::Printed),
        }
    }
}

fn print(report: &StoreReport) {
    report.findings.iter().for_each(print_finding);
    let is_wrong = |finding: &&FindingReport| finding.weight == FindingWeight::Error;
    let wrong = report.findings.iter().filter(is_wrong).count();
    say!(
        "{} transfers, {} contents read, {} receipts owed: {}",
        report.transfers,
        report.contents_read,
        report.receipts_owed,
        match wrong {
            0 => "everything fits".to_owned(),
            _ => format!("discrepancies: {wrong}"),
        }
    );
}

fn print_finding(finding: &FindingReport) {
    let whose = finding.transfer.as_ref();
    let whose = whose.map(|id| format!("transfer {id}: "));
    say!(
        "{}: {}{}: {}",
        finding.weight,
        whose.unwrap_or_default(),
        finding.file,
        finding.what
    );
    say!("    {}", finding.remedy);
}

/// Repairs what belongs to the ledger; no server may run.
#[derive(Debug, Args)]
pub(super) struct StoreCommand {
    #[command(subcommand)]
    verb: StoreVerb,
}

#[derive(Debug, Subcommand)]
enum StoreVerb {
    /// Rebuilds the ledger from what lies in the spool; keeps the old one under another name. No server may
    /// run.
    Rebuild {
        /// Print JSON instead of text.
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

impl StoreCommand {
    pub(super) fn run(self) -> CommandOutcome {
        start_log(LogStyle::Quiet)?;
        match self.verb {
            StoreVerb::Rebuild { json, configured } => rebuild(&configured, json),
            StoreVerb::Describe { configured } => {
                let written = block_on(configured.operator()?.describe_store())?;
                say!("{written} sidecars written");
                Ok(())
            }
        }
    }

    pub(super) fn wants_json(&self) -> bool {
        matches!(self.verb, StoreVerb::Rebuild { json: true, .. })
    }
}

fn rebuild(configured: &Configured, json: bool) -> CommandOutcome {
    let rebuilt = configured.operator()?.rebuild_store()?;
    if json {
        print_json(&rebuilt)?;
    } else {
        print_rebuilt(&rebuilt);
    }
    match rebuilt.left.is_empty() {
        true => Ok(()),
        false => Err(Unsuccessful::Printed),
    }
}

fn print_rebuilt(rebuilt: &RebuildReport) {
    say!(
        "the ledger is rebuilt: {} files received, {} to send or sent; {} partials removed, whose senders start over",
        rebuilt.received,
        rebuilt.to_send,
        rebuilt.partials_removed
    );
    if let Some(old) = &rebuilt.old_ledger {
        say!("the old one is {}", old.display());
    }
    say!(
        "histories and what policies kept {}",
        match rebuilt.history_kept {
            true => "were copied from the old one",
            false => "are lost with the old one",
        }
    );
    for left in &rebuilt.left {
        say!(
            "error: transfer {}: not entered in the ledger: {}",
            left.transfer,
            left.why
        );
    }
    say!("run `pointsman verify-store` next");
}
