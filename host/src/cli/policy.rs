//! `pointsman policy`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::command::{CommandOutcome, Configured, Unsuccessful, block_on};
use super::out::{notice, say};
use super::sessions;
use crate::operator::error::ErrorCode;

/// Looks at policies, and swaps them while the server runs.
#[derive(Debug, Args)]
pub(super) struct PolicyCommand {
    #[command(subcommand)]
    verb: PolicyVerb,
}

#[derive(Debug, Subcommand)]
enum PolicyVerb {
    /// Let a new component decide from the next session on. It is loaded, checked and started first; if
    /// anything is wrong with it the old one stays. It also replaces the configured file.
    Swap {
        /// The policy's name in the configuration.
        name: String,
        /// The component that is asked from now on (.wasm).
        component: PathBuf,
        #[command(flatten)]
        configured: Configured,
    },
    /// Which components the running server asks.
    List {
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        configured: Configured,
    },
}

impl PolicyCommand {
    pub(super) fn run(self) -> CommandOutcome {
        match self.verb {
            PolicyVerb::Swap {
                name,
                component,
                configured,
            } => swap(&name, &component, &configured),
            PolicyVerb::List { json, configured } => sessions::show(&configured, json),
        }
    }

    pub(super) fn wants_json(&self) -> bool {
        matches!(self.verb, PolicyVerb::List { json: true, .. })
    }
}

fn swap(policy: &str, component: &Path, configured: &Configured) -> CommandOutcome {
    // The server has another working folder.
    let component = component
        .canonicalize()
        .map_err(|error| ErrorCode::Policy.because(format!("{}: {error}", component.display())))?;
    let operator = configured.operator()?;
    let swapped = block_on(operator.swap_policy(policy, &component, show_work))?;
    say!(
        "policy {policy}: sha256:{} decides from the next session on (generation {}; before: sha256:{})",
        swapped.digest,
        swapped.generation,
        swapped.previous
    );
    match swapped.warning {
        None => Ok(()),
        Some(why) => {
            notice(&format!("warning: {why}"));
            Err(Unsuccessful::Printed)
        }
    }
}

/// A line every few seconds: long enough apart to be read, on standard error, beside the answer.
fn show_work(what: &str, seconds: u64) {
    if seconds <= 1 || seconds.is_multiple_of(5) {
        notice(&format!("{what}, {seconds} s so far"));
    }
}
