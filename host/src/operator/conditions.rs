//! What must hold for a server to start. `serve` goes through this list before it takes, makes or changes anything, and
//! `check` goes through the same, beside a server that runs, too: what keeps a server from starting belongs here, in words
//! that say what to do. (Policies alone are no part of it, since to load them takes long: both do that by
//! [`load_policies`](crate::station::policies::load_policies).)

use std::collections::BTreeSet;
use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::lock::{StorageLock, is_served};
use crate::config::Plan;
use crate::security::error::KeyringError;
use crate::security::keyring::Keyring;
use crate::security::tls::{self, KnownCertificates};
use crate::session::listen::{self, ListenError};
use crate::station::storage;

/// One of the conditions of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Somebody can call.
    Listeners,
    /// This user can make files in the folders of the storage, which lie apart.
    Folders,
    /// What is kept in them can be opened, and fits together.
    Storage,
    /// The lock and the control socket can be made.
    Control,
    /// The addresses are ours and free.
    Addresses,
    /// Certificates and keys make listeners.
    Tls,
    /// Those under `keys` and `certificates` can be read.
    Keys,
}

/// What keeps a server from starting.
#[derive(Clone, Debug)]
pub struct Obstacle {
    /// The condition that does not hold.
    pub condition: Condition,
    /// The key of the configuration that it is about.
    pub place: String,
    /// Why, and what to do.
    pub why: String,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.why)
    }
}

/// Everything that keeps a server from starting; of a key that one condition is told about, later ones are not. A server
/// that runs on this configuration already is none, nor is the room on disks, which a start waits for.
#[must_use]
pub fn obstacles(config: &Plan, keyring: &Keyring) -> Vec<Obstacle> {
    let mut told: Vec<Obstacle> = Vec::new();
    for condition in Condition::ALL {
        let places: BTreeSet<String> = told.iter().map(|told| told.place.clone()).collect();
        let found = condition.look(config, keyring).into_iter();
        let new = found.filter(|(place, _)| !places.contains(place));
        told.extend(new.map(|(place, why)| Obstacle {
            condition,
            place,
            why,
        }));
    }
    told
}

const NO_LISTENERS: &str =
    "the configuration has no listeners: nobody could call; add one under `listeners`";

/// Keys, and what is wrong about each.
type Faults = Vec<(String, String)>;

impl Condition {
    /// In this order they are looked at.
    const ALL: [Self; 7] = [
        Self::Listeners,
        Self::Folders,
        Self::Storage,
        Self::Control,
        Self::Addresses,
        Self::Tls,
        Self::Keys,
    ];

    /// Looks, and makes and changes nothing.
    fn look(self, config: &Plan, keyring: &Keyring) -> Faults {
        match self {
            Self::Listeners if config.listeners.is_empty() => {
                vec![("listeners".to_owned(), NO_LISTENERS.to_owned())]
            }
            Self::Listeners => Vec::new(),
            Self::Folders => config.unusable_storage(),
            Self::Storage => storage::look_storage(config)
                .into_iter()
                .map(|(key, error)| (key.to_owned(), error.to_string()))
                .collect(),
            Self::Control => match StorageLock::look(config) {
                Ok(()) => Vec::new(),
                Err(error) => vec![("storage.state".to_owned(), error.to_string())],
            },
            Self::Addresses => addresses(config, is_served(config)),
            Self::Tls => listeners_of_tls(config, keyring),
            Self::Keys => keyring.faults().filter_map(unusable).collect(),
        }
    }
}

/// Beside a server that runs, an address that is taken may be one of its own.
fn addresses(config: &Plan, is_served: bool) -> Faults {
    let mut found = Faults::new();
    let mut free: Vec<SocketAddr> = Vec::new();
    for (at, listener) in config.listeners.iter().enumerate() {
        let place = format!("listeners[{at}].address");
        let address = listener.address;
        if let Some(other) = free.iter().find(|other| collide(**other, address)) {
            let why = format!(
                "cannot listen on {address} beside {other}, which are one port: give one of them another port"
            );
            found.push((place, why));
        } else if let Err(source) = bind(address)
            && !(is_served && source.kind() == ErrorKind::AddrInUse)
        {
            found.push((place, ListenError::Bind { address, source }.to_string()));
        } else {
            free.push(address);
        }
    }
    found
}

/// Takes the address as a listener does, for a moment, and listens to nobody: a server that starts meanwhile is not kept
/// from it.
fn bind(address: SocketAddr) -> std::io::Result<()> {
    listen::socket(address)?.bind(address)
}

/// Whether the system gives only one of them to listen on.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let covers = |all: IpAddr, ip: IpAddr| match all {
        IpAddr::V4(all) => all.is_unspecified() && ip.is_ipv4(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => ip.is_ipv6() || takes_both(),
        IpAddr::V6(_) => false,
    };
    // `::ffff:127.0.0.1` is 127.0.0.1.
    let (a, b) = (one.ip().to_canonical(), other.ip().to_canonical());
    one.port() != 0 && one.port() == other.port() && (a == b || covers(a, b) || covers(b, a))
}

/// Whether a socket for all of IPv6 is one for all of IPv4, too.
fn takes_both() -> bool {
    let alone = std::fs::read_to_string("/proc/sys/net/ipv6/bindv6only");
    alone.is_ok_and(|alone| alone.trim() == "0")
}

fn listeners_of_tls(config: &Plan, keyring: &Keyring) -> Faults {
    let known = KnownCertificates::of(config, keyring);
    let listeners = config.listeners.iter().enumerate();
    let failed = listeners.filter_map(|(at, listener)| {
        let error = tls::server(keyring, &known, (at, listener.tls.as_ref()?)).err()?;
        Some((format!("listeners[{at}].tls"), error.to_string()))
    });
    failed.collect()
}

fn unusable(fault: &KeyringError) -> Option<(String, String)> {
    match fault {
        KeyringError::Unusable { place, why } => Some((place.clone(), why.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_port_of_all_addresses_is_a_port_of_each() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let all = at("0.0.0.0:3305");
        for (other, is_one) in [
            ("127.0.0.1:3305", true),
            ("0.0.0.0:3305", true),
            ("127.0.0.1:3306", false),
            ("[::1]:3305", false),
        ] {
            assert_eq!(collide(all, at(other)), is_one, "{other}");
            assert_eq!(collide(at(other), all), is_one, "{other}");
        }
        assert!(collide(at("[::]:3305"), at("[::1]:3305")));
        assert!(collide(all, at("[::ffff:127.0.0.1]:3305")));
        assert!(collide(at("[::ffff:0.0.0.0]:3305"), at("127.0.0.1:3305")));
        assert!(!collide(at("[::1]:3305"), at("[::ffff:127.0.0.1]:3305")));
        assert!(!collide(at("127.0.0.1:3305"), at("127.0.0.2:3305")));
        // Any free one, each of them.
        assert!(!collide(at("0.0.0.0:0"), at("127.0.0.1:0")));
    }
}
