//! `pointsman check`.

use clap::Args;

use super::out::say;
use super::{Configured, Failed, LogStyle, Outcome, block_on, start_log};
use crate::config::{Config, Needs};
use crate::net::tls::{self, TlsError};
use crate::outbound::watch;
use crate::policy::load;
use crate::server::conditions::{Condition, obstacles};
use crate::server::inspect::{self, Weight};

/// Checks everything that `serve` needs, and starts nothing.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    configured: Configured,
}

impl Check {
    pub(super) fn run(self) -> Outcome {
        start_log(LogStyle::Quiet)?;
        let config = self.configured.load(&Needs::Everything)?;
        say!(
            "configuration {}: {} listeners, {} partners",
            self.configured.config.display(),
            config.listeners.len(),
            config.partners.len()
        );
        let mut problems = certificates(&config);
        let mut told = obstacles(&config);
        // What certificates and keys do to it was told with them.
        told.retain(|obstacle| problems == 0 || obstacle.condition != Condition::Tls);
        told.iter().for_each(|obstacle| say!("error: {obstacle}"));
        problems += told.len() + watched(&config);
        problems += block_on(policies(&config))?;
        match problems {
            0 => {
                say!("ok");
                Ok(())
            }
            _ => Err(Failed::quietly()),
        }
    }
}

/// Watched folders that a server could not use, and would run without. Gives how many there are.
fn watched(config: &Config) -> usize {
    let found = watch::obstacles(config);
    for (place, error) in &found {
        say!("error: {place}: {error}");
    }
    found.len()
}

/// Every certificate and key, as it would be used. Gives how many errors there are.
fn certificates(config: &Config) -> usize {
    let remarks = inspect::certificates(config);
    for remark in &remarks {
        let weight = match remark.weight {
            Weight::Good => "",
            Weight::Warning => "warning: ",
            Weight::Error => "error: ",
        };
        say!("{weight}{}: {}", remark.place, remark.text);
    }
    let mut problems = remarks
        .iter()
        .filter(|remark| remark.weight == Weight::Error)
        .count();
    if problems == 0 {
        problems += report("partners", callers(config));
    }
    problems
}

/// What is told of no single certificate: that everything together makes calls of the partners that we dial.
fn callers(config: &Config) -> Result<(), TlsError> {
    let mut dialled = config.partners.values().filter(|partner| partner.tls);
    dialled.try_for_each(|partner| tls::client(partner).map(drop))
}

async fn policies(config: &Config) -> Result<usize, Failed> {
    Ok(match load::load_policies(config).await {
        Ok(policies) => {
            for (name, digest) in policies.current().policies() {
                say!("policy {name}: sha256 {digest}");
            }
            0
        }
        Err(error) => report("policies", Err(error)),
    })
}

fn report(place: &str, outcome: Result<(), impl std::error::Error>) -> usize {
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            say!("error: {place}: {error}");
            1
        }
    }
}
