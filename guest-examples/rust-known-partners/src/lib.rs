//! Lets in the partners an operator has listed, from the networks listed, and nobody else.

mod networks;

use networks::Network;
use pointsman_policy_sdk::{
    Answer, ConnectionDecision, ConnectionInfo, Policy, SessionTerms, policy, refuse,
    required_setting, setting, warn,
};

struct KnownPartners;

policy!(KnownPartners);

impl Policy for KnownPartners {
    fn accept_connection(connection: &ConnectionInfo) -> Answer<ConnectionDecision> {
        let partners = required_setting("partners")?;
        let networks = networks()?;
        let code = connection.ssid_code.trim();

        if !list(&partners).any(|partner| partner == code) {
            warn!(
                "unknown partner {code:?} from {}",
                connection.remote_address
            );
            return Ok(ConnectionDecision::Refuse(refuse(3, "user code not known")));
        }
        if !comes_from(&connection.remote_address, &networks)? {
            warn!(
                "{code:?} called from {}, a network it may not use",
                connection.remote_address
            );
            // To the partner it is not known here: where it may call from is nobody's business.
            return Ok(ConnectionDecision::Refuse(refuse(3, "user code not known")));
        }
        if !connection.password_ok {
            warn!("wrong password from {code:?}");
            return Ok(ConnectionDecision::Refuse(refuse(4, "invalid password")));
        }
        // Known and right: the terms are the partner profile's.
        Ok(ConnectionDecision::Accept(SessionTerms::default()))
    }
}

/// The parts of a list with commas or line ends between.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '\n'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

fn networks() -> Result<Vec<Network>, String> {
    let networks = setting("networks").unwrap_or_default();
    list(&networks)
        .map(|network| {
            network
                .parse()
                .map_err(|e| format!("the setting `networks`: {e}"))
        })
        .collect()
}

/// No networks listed: all are fine.
fn comes_from(address: &str, networks: &[Network]) -> Result<bool, String> {
    if networks.is_empty() {
        return Ok(true);
    }
    let address = address
        .parse()
        .map_err(|_| format!("the server gave `{address}`, which is no IP address"))?;
    Ok(networks.iter().any(|network| network.contains(address)))
}
