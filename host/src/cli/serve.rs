//! `pointsman serve`.

use clap::Args;
use pointsman_log::Log;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::out::{self, say};
use super::{Configured, Failed, LogStyle, Outcome, block_on, start_log};
use crate::config::Config;
use crate::events::{Event, tell};
use crate::server::Server;

/// Runs the server until SIGTERM or SIGINT; a second signal ends it at once.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    configured: Configured,
    /// Write the log as JSON, one object a line.
    #[arg(long)]
    log_json: bool,
}

impl Serve {
    pub(super) fn run(self) -> Outcome {
        start_log(if self.log_json {
            LogStyle::Json
        } else {
            LogStyle::Text
        })?;
        let config = self.configured.load()?;
        Log::repeats(config.limits.log_repeats.0.0);
        folders_are_usable(&config)?;
        block_on(async {
            let (mut end, hangups) = (End::listen()?, signal(SignalKind::hangup())?);
            tokio::spawn(shrug_off(hangups));
            let server = tokio::select! {
                started = Server::start_when_there_is_room(config) => started?,
                () = end.asked() => return Ok(()),
            };
            let addresses = server.addresses().to_owned();
            // Who reads it may be gone, or stuck; the server is there for partners.
            out::beside(move || {
                for (address, tls) in addresses {
                    say!(
                        "listening on {address}{}",
                        if tls { " with TLS" } else { "" }
                    );
                }
            });
            let broken = tokio::select! {
                () = end.asked() => None,
                broken = server.broken() => Some(broken),
            };
            tokio::select! {
                () = server.drain() => match broken {
                    None => Ok(()),
                    Some(told) => Err(Failed { code: 1, message: format!("error: {told}") }),
                },
                () = end.asked() => Err(Failed { code: 1, message: "ended at once; the next start resumes".to_owned() }),
            }
        })
    }
}

/// The start would fail for the first of them, and not say which key it is.
fn folders_are_usable(config: &Config) -> Outcome {
    let told = config.unusable_folders();
    let told: Vec<String> = told
        .iter()
        .map(|(key, why)| format!("error: {key}: {why}"))
        .collect();
    match told.is_empty() {
        true => Ok(()),
        false => Err(Failed {
            code: 1,
            message: told.join("\n"),
        }),
    }
}

/// SIGHUP would end a program that does not listen to it. Policies are taken up by themselves; the rest of the
/// configuration is read at the start.
async fn shrug_off(mut hangups: Signal) {
    while hangups.recv().await.is_some() {
        tell(&Event::Hangup {});
    }
}

/// SIGTERM and SIGINT, listened to as long as this is kept: once anybody has listened, one that comes while nobody
/// does is lost.
pub(super) struct End {
    term: Signal,
    int: Signal,
}

impl End {
    pub(super) fn listen() -> Result<Self, Failed> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
        })
    }

    /// Returns when either has come since the last time.
    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}
