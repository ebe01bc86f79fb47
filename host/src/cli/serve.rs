//! `pointsman serve`.

use clap::Args;
use pointsman_log::Log;

use super::out::{self, say};
use super::{Configured, Failed, LogStyle, Outcome, block_on, start_log};
use crate::config::Needs;
use crate::server::{self, Server};
use crate::signals::{Hangup, Signals};

/// Runs the server until SIGTERM, SIGINT or SIGQUIT; a second signal ends it at once.
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
        let mut signals = Signals::listen(Hangup::MeansNothing)?;
        let config = self.configured.load(&Needs::Everything)?;
        Log::repeats(config.limits.log_repeats.0.0);
        signals.be_patient_for(server::patience(&config));
        block_on(async {
            let server = tokio::select! {
                started = Server::start_when_there_is_room(config) => started?,
                () = signals.asked() => return Ok(()),
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
                () = signals.asked() => None,
                broken = server.broken() => Some(broken),
            };
            tokio::select! {
                () = server.drain() => match broken {
                    None => Ok(()),
                    Some(told) => Err(Failed { code: 1, message: format!("error: {told}") }),
                },
                () = signals.asked() => Err(Failed { code: 1, message: "ended at once; the next start resumes".to_owned() }),
            }
        })
    }
}
