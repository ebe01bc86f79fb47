//! `pointsman check`.

use clap::Args;

use super::{Configured, Failed, LogStyle, Outcome, block_on, start_log};
use crate::config::{Config, ExistingFile, Value};
use crate::station;
use crate::tls;

/// Checks everything that `serve` needs, and starts nothing.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    configured: Configured,
}

impl Check {
    pub(super) fn run(self) -> Outcome {
        start_log(LogStyle::Quiet);
        let config = self.configured.load()?;
        println!(
            "configuration {}: {} listeners, {} partners",
            self.configured.config.display(),
            config.listeners.len(),
            config.partners.len()
        );
        let mut problems = certificates(&config);
        problems += block_on(policies(&config))?;
        match problems {
            0 => {
                println!("ok");
                Ok(())
            }
            _ => Err(Failed::quietly()),
        }
    }
}

/// Every certificate and key, as it would be used.
fn certificates(config: &Config) -> usize {
    let mut problems = 0;
    for (at, listener) in config.listeners.iter().enumerate() {
        if let Some(tls) = &listener.tls {
            problems += certificate(
                &format!("listeners[{at}].tls.certificate"),
                &tls.certificate,
            );
            problems += report(
                &format!("listeners[{at}].tls"),
                tls::server(config, tls).map(drop),
            );
        }
    }
    for (name, partner) in &config.partners {
        for (key, file) in [
            ("certificate", &partner.certificate),
            ("our_certificate", &partner.our_certificate),
        ] {
            problems += file.as_ref().map_or(0, |file| {
                certificate(&format!("partners.{name}.{key}"), file)
            });
        }
        if partner.tls {
            problems += report(&format!("partners.{name}"), tls::client(partner).map(drop));
        }
    }
    problems
}

fn certificate(place: &str, file: &Value<ExistingFile>) -> usize {
    let found = tls::certificates(file)
        .map(|chain| chain.first().and_then(|first| tls::describe(first).ok()));
    let shown = match found {
        Ok(Some(shown)) => shown,
        Ok(None) => return 0,
        Err(error) => return report(place, Err(error)),
    };
    let until = jiff::Timestamp::from_second(shown.not_after as i64)
        .map(|until| until.to_string())
        .unwrap_or_default();
    println!(
        "{place}: {}, serial {}, sha256 {}, until {until}",
        shown.subject, shown.serial, shown.sha256
    );
    if tls::is_current(&shown) {
        return 0;
    }
    println!(
        "error: {place}: this certificate is not valid today; replace {}",
        file.0.0.display()
    );
    1
}

async fn policies(config: &Config) -> Result<usize, Failed> {
    Ok(match station::load_policies(config).await {
        Ok(policies) => {
            for (name, digest) in policies.current().policies() {
                println!("policy {name}: sha256 {digest}");
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
            println!("error: {place}: {error}");
            1
        }
    }
}
