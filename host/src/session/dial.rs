//! Calls of our own: from a partner's address to a session.

use std::sync::Arc;
use std::time::Duration;

use oftp::Session;
use pointsman_store::TransferId;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;

use super::clock::Clock;
use super::drive::drive;
use super::ending::Ending;
use super::user_monitor::UserMonitor;
use crate::config::Address;
use crate::config::Partner;
use crate::net::tls::{self, Side, TlsError};
use crate::net::wire::Wire;
use crate::station::Station;
use crate::station::contacts::Line;
use crate::station::drain::Drain;
use crate::station::in_force::InForce;

/// How long a connection, and its TLS handshake, may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why there was no session.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The profile has no address.
    #[error("partner `{0}` has no address: only it can call us; give it an `address` to dial it")]
    NoAddress(String),
    /// Our own certificate, or the partner's as configured.
    #[error(transparent)]
    Identity(#[from] TlsError),
    /// The TLS handshake failed.
    #[error("partner `{partner}` at {address}: {why}")]
    NoTls {
        partner: String,
        address: Address,
        /// What went wrong, with the certificate that was shown.
        why: String,
    },
    /// The connection failed before TLS or the first octet of OFTP.
    #[error("partner `{partner}` at {address}: {what}: {source}")]
    Unreachable {
        partner: String,
        address: Address,
        /// How far it went.
        what: &'static str,
        source: std::io::Error,
    },
}

/// Dials a partner, and drives the session to its end: `only` that file is sent, or whatever waits. How it went is remembered among the partner's contacts.
///
/// # Errors
/// There was no session. What went wrong within one is in its [`Ending`].
pub async fn call(
    station: Arc<Station>,
    profile: Arc<Partner>,
    only: Option<TransferId>,
    drain: watch::Receiver<Drain>,
) -> Result<Ending, DialError> {
    let Some(address) = profile.address.clone() else {
        return Err(DialError::NoAddress(profile.name.clone()));
    };
    let line = Line {
        partner: profile.name.clone(),
        dialled: true,
        remote: address.to_string(),
    };
    let called = reach(Arc::clone(&station), profile, address, only, drain).await;
    if let Err(error) = &called {
        station.contacts.unreached(&line, &error.to_string());
    }
    called
}

async fn reach(
    station: Arc<Station>,
    profile: Arc<Partner>,
    address: Address,
    only: Option<TransferId>,
    drain: watch::Receiver<Drain>,
) -> Result<Ending, DialError> {
    let plan = station.pin();
    // As it is by now, if it still is.
    let profile = plan.partner(&profile.name).unwrap_or(profile);
    let connector = connector(&plan, &profile)?;
    let unreachable = |what, source| DialError::Unreachable {
        partner: profile.name.clone(),
        address: address.clone(),
        what,
        source,
    };
    let connected = connect(&address).await;
    let (socket, mut wire) = connected.map_err(|error| unreachable("no connection", error))?;
    let clock = Clock::start();
    let session = Session::initiator(profile.params(), clock.now());
    let Some(connector) = connector else {
        let monitor = Box::new(UserMonitor::dialled(station, plan, wire, profile, only));
        return Ok(drive(socket, session, monitor, clock, drain).await);
    };
    let name = ServerName::try_from(address.host.clone())
        .map_err(|error| unreachable("no TLS", std::io::Error::other(error)))?;
    let connecting = tls::handshake(Side::Dialled, in_time(connector.connect(name, socket)));
    let stream = connecting.await.map_err(|no_tls| DialError::NoTls {
        partner: profile.name.clone(),
        address: address.clone(),
        why: no_tls.told(&plan.certificates),
    })?;
    wire.tls = Some(tls::facts(stream.get_ref().1, None));
    let monitor = Box::new(UserMonitor::dialled(station, plan, wire, profile, only));
    Ok(drive(stream, session, monitor, clock, drain).await)
}

/// What makes TLS with the partner, where its profile wants it.
fn connector(plan: &InForce, profile: &Partner) -> Result<Option<TlsConnector>, TlsError> {
    if !profile.tls {
        return Ok(None);
    }
    let config = plan.clients.of_partner(profile)?;
    Ok(Some(TlsConnector::from(config)))
}

async fn connect(address: &Address) -> std::io::Result<(TcpStream, Wire)> {
    let connecting = TcpStream::connect((address.host.as_str(), address.port));
    let socket = in_time(connecting).await?;
    // Commands are small and each is waited for.
    let _ = socket.set_nodelay(true);
    let wire = Wire {
        local: socket.local_addr()?,
        remote: socket.peer_addr()?,
        dialled: true,
        tls: None,
    };
    Ok((socket, wire))
}

async fn in_time<T>(work: impl Future<Output = std::io::Result<T>>) -> std::io::Result<T> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => Err(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!("no answer in {} seconds", PATIENCE.as_secs()),
        )),
    }
}
