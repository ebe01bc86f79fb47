//! `pointsman reload`.

use clap::Args;

use super::check::print_remarks;
use super::command::{CommandOutcome, Configured, block_on};
use super::out::{notice, print_json, say};

/// Has the server that runs read its configuration again: all of it is checked first, and where anything is wrong, the one
/// before stays in force unchanged.
#[derive(Debug, Args)]
pub(super) struct ReloadCommand {
    #[command(flatten)]
    configured: Configured,
    /// Print what changed as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl ReloadCommand {
    pub(super) fn run(self) -> CommandOutcome {
        let operator = self.configured.operator().inspect_err(|_| {
            notice("the server was not asked to reload, and its configuration stays in force:")
        })?;
        let reloaded = block_on(operator.reload(|_, _| {}))?;
        if self.json {
            return Ok(print_json(&reloaded)?);
        }
        match reloaded.changed.as_slice() {
            [] => say!("nothing changed"),
            changed => {
                say!("in force from now on:");
                changed.iter().for_each(|key| say!("  {key}"));
            }
        }
        if !reloaded.waiting.is_empty() {
            say!("not before the server is started again:");
            reloaded.waiting.iter().for_each(|key| say!("  {key}"));
        }
        print_remarks(&reloaded.remarks);
        Ok(())
    }
}
