//! `pointsman serve`.

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{Configured, Failed, LogStyle, Outcome, block_on, start_log};
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
        });
        let config = self.configured.load()?;
        block_on(async {
            let server = tokio::select! {
                started = Server::start_when_there_is_room(config) => started?,
                ended = asked_to_end() => return ended,
            };
            for (address, tls) in server.addresses() {
                println!(
                    "listening on {address}{}",
                    if *tls { " with TLS" } else { "" }
                );
            }
            tokio::select! {
                ended = asked_to_end() => ended?,
                lost = shrug_off_hangups() => lost?,
            }
            tokio::select! {
                () = server.drain() => Ok(()),
                ended = asked_to_end() => ended.and(Err(Failed { code: 1, message: "ended at once; the next start resumes".to_owned() })),
            }
        })
    }
}

/// SIGHUP would end a program that does not listen to it. Policies are taken up by themselves; the rest of the
/// configuration is read at the start.
async fn shrug_off_hangups() -> Result<(), Failed> {
    let mut hangup = signal(SignalKind::hangup())?;
    while hangup.recv().await.is_some() {
        tracing::warn!(
            event = "hangup",
            "changed components are taken up without it; restart to read the configuration again"
        );
    }
    Ok(())
}

/// Waits for SIGTERM or SIGINT.
pub(super) async fn asked_to_end() -> Result<(), Failed> {
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}
