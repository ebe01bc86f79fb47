//! `pointsman policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::out::{last_word, say};
use super::{Configured, Failed, Outcome, block_on, sessions};
use crate::config::{Config, Needs};
use crate::server::control::{self, ControlError, Reply, Request};

/// Looks at policies, and swaps them while the server runs.
#[derive(Debug, Args)]
pub(super) struct Policy {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Let a new component decide from the next session on. It is loaded, checked and started first; if
    /// anything is wrong with it the old one stays. It also replaces the configured file.
    Swap {
        /// The policy's name in the configuration.
        name: String,
        /// The new component.
        component: PathBuf,
        #[command(flatten)]
        configured: Configured,
    },
    /// Which components the running server asks.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        configured: Configured,
    },
}

impl Policy {
    pub(super) fn run(self) -> Outcome {
        match self.verb {
            Verb::Swap {
                name,
                component,
                configured,
            } => swap(name, &component, &configured),
            Verb::List { json, configured } => sessions::show(&configured, json),
        }
    }
}

fn swap(policy: String, component: &std::path::Path, configured: &Configured) -> Outcome {
    let component = component.canonicalize().map_err(|error| Failed {
        code: 1,
        message: format!("error: {}: {error}", component.display()),
    })?;
    let config = configured.load(&Needs::Nothing)?;
    match ask(
        &config,
        &Request::SwapPolicy {
            policy: policy.clone(),
            component,
        },
    )? {
        Reply::Swapped {
            generation,
            digest,
            previous,
            warning,
        } => {
            say!(
                "policy {policy}: sha256:{digest} decides from the next session on (generation {generation}; before: sha256:{previous})"
            );
            if let Some(why) = warning {
                let message = format!("warning: {why}");
                return Err(Failed { code: 1, message });
            }
            Ok(())
        }
        other => Err(unexpected(other)),
    }
}

pub(super) fn ask(config: &Config, request: &Request) -> Result<Reply, Failed> {
    block_on(async {
        control::ask(config, request, show_work)
            .await
            .map_err(|error| match error {
                ControlError::Nobody { .. } => Failed::unreached(format!("error: {error}")),
                other => other.into(),
            })
    })
}

/// A line every few seconds: long enough apart to be read, on standard error, beside the answer.
fn show_work(what: &str, seconds: u64) {
    if seconds <= 1 || seconds.is_multiple_of(5) {
        last_word(&format!("{what}, {seconds} s so far"));
    }
}

pub(super) fn unexpected(reply: Reply) -> Failed {
    match reply {
        Reply::Refused { why } => Failed {
            code: 1,
            message: format!("error: {why}\nnothing was changed"),
        },
        other => Failed {
            code: 1,
            message: format!("error: the server answered something else: {other:?}"),
        },
    }
}
