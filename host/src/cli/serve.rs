//! `pointsman serve`.

use clap::Args;
use pointsman_log::Log;

use super::command::{CommandOutcome, Configured, LogStyle, Unsuccessful, block_on, start_log};
use super::out::{self, say};
use crate::config::Needs;
use crate::operator::error::ErrorCode;
use crate::server::signals::{Hangup, Signals};
use crate::server::{self, Server};

/// Runs the server until SIGTERM, SIGINT or SIGQUIT; a second signal ends it at once.
#[derive(Debug, Args)]
pub(super) struct ServeCommand {
    #[command(flatten)]
    configured: Configured,
    /// Write the log as JSON, one object a line.
    #[arg(long)]
    log_json: bool,
}

impl ServeCommand {
    pub(super) fn run(self) -> CommandOutcome {
        start_log(if self.log_json {
            LogStyle::Json
        } else {
            LogStyle::Text
        })?;
        let mut signals = Signals::listen(Hangup::Reloads)?;
        let config = self.configured.load(&Needs::Everything)?;
        Log::repeats(config.limits.log_repeats);
        signals.be_patient_for(server::patience(&config));
        block_on(async {
            let server = tokio::select! {
                started = Server::start_when_there_is_room(config) => started?,
                () = signals.asked() => return Ok(()),
            };
            server.reload_at(&signals);
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
            end(server, async || signals.asked().await).await
        })
    }
}

/// Waits until the server is asked to end, or cannot continue, and ends it; asked once more, at once.
async fn end(server: Server, mut asked: impl AsyncFnMut()) -> CommandOutcome {
    let broken = tokio::select! {
        () = asked() => None,
        broken = server.broken() => Some(broken),
    };
    tokio::select! {
        () = server.drain() => match broken {
            None => Ok(()),
            Some(told) => Err(ErrorCode::NotReady.because(told).into()),
        },
        () = asked() => {
            out::notice("ended at once; the next start resumes");
            Err(Unsuccessful::Printed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Plan;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_task_that_cannot_be_got_to_run_ends_the_program_with_an_error() {
        let temp = tempfile::TempDir::new().unwrap();
        let path = temp.path().join("pointsman.yaml");
        let text = "version: 1\nstation: {ssid: O0013US, password: OURS}\nstorage: {state: state, inbox: inbox}\n\
                    listeners: [{address: '127.0.0.1:0'}]\npartners: {}\n";
        std::fs::write(&path, text).unwrap();
        let server = Server::start(Plan::load(&path).unwrap()).await.unwrap();
        let told = "the task `calling` cannot be got to run";
        server.station().tasks.give_up(told.to_owned());
        let ends = end(server, async || std::future::pending().await);
        let ended = tokio::time::timeout(std::time::Duration::from_secs(60), ends).await;
        let ended = ended.expect("it ends by itself");
        assert!(matches!(ended, Err(Unsuccessful::Error(error)) if error.to_string() == told));
    }
}
