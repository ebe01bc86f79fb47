//! `pointsman transfers waiting`.

use clap::Args;

use super::command::{CommandOutcome, Configured, block_on};
use super::out::{notice, print_json, say};
use crate::operator::attention::AttentionFile;

/// What waits for an operator: files that are held or parked, receipts that are overdue or are the operator's to
/// decide, received files that are not in their folder yet, and partners that the configuration does not name any more.
/// Exit code 0 also where there is something.
#[derive(Debug, Args)]
pub(super) struct AttentionCommand {
    /// Of this partner alone.
    #[arg(long, value_name = "PARTNER")]
    partner: Option<String>,
    /// Print JSON instead of text.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl AttentionCommand {
    pub(super) fn run(self) -> CommandOutcome {
        let operator = self.configured.operator()?;
        let waiting = block_on(operator.attention(self.partner.as_deref()))?;
        waiting.unknown.iter().for_each(|what| notice(what));
        if self.json {
            return Ok(print_json(&waiting)?);
        }
        if waiting.transfers.is_empty() && waiting.partners_gone.is_empty() {
            say!("nothing waits for an operator");
        }
        waiting.transfers.iter().for_each(print);
        let remedies = waiting.remedies_of_partners_gone.iter();
        remedies.for_each(|remedy| say!("{remedy}"));
        Ok(())
    }
}

fn print(row: &AttentionFile) {
    say!(
        "{}  {}  {}  {}",
        row.transfer,
        row.since,
        row.partner,
        row.file.text
    );
    let why = row.reason.as_ref();
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    say!("    {}{why}: {}", row.waits_for, row.remedy);
}
