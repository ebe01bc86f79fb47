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
use crate::security::tls::{self, Side, TlsError};
use crate::session::wire::Wire;
use crate::station::Station;
use crate::station::contacts::Line;
use crate::station::drain::Drain;
use crate::station::in_force::{InForce, Pinned};

/// How long a connection, and its TLS handshake, may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why there was no session.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The plan in force has no such partner.
    #[error("partner `{0}` is not in the configuration that is in force: it is not called")]
    NoPartner(String),
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

/// A call that is about to be made: all of it, from the address to the policies, is of one plan.
pub struct PlannedCall {
    station: Arc<Station>,
    plan: Pinned,
    profile: Arc<Partner>,
    address: Address,
}

impl PlannedCall {
    /// A call of this partner by the plan that is in force now, whatever is put in force until it ends.
    ///
    /// # Errors
    /// The plan has no such partner, or no address for it.
    pub fn of(station: &Arc<Station>, partner: &str) -> Result<Self, DialError> {
        let plan = station.pin();
        let Some(profile) = plan.partner(partner) else {
            return Err(DialError::NoPartner(partner.to_owned()));
        };
        let Some(address) = profile.address.clone() else {
            return Err(DialError::NoAddress(partner.to_owned()));
        };
        Ok(Self {
            station: Arc::clone(station),
            plan,
            profile,
            address,
        })
    }

    /// The profile of the partner that is called.
    #[must_use]
    pub fn profile(&self) -> &Arc<Partner> {
        &self.profile
    }

    /// Dials the partner, and drives the session to its end: `only` that file is sent, or whatever waits. How it went is
    /// remembered among the partner's contacts.
    ///
    /// # Errors
    /// There was no session. What went wrong within one is in its [`Ending`].
    pub async fn make(
        self,
        only: Option<TransferId>,
        drain: watch::Receiver<Drain>,
    ) -> Result<Ending, DialError> {
        let line = Line {
            partner: self.profile.name.clone(),
            dialled: true,
            remote: self.address.to_string(),
        };
        let station = Arc::clone(&self.station);
        let called = reach(self, only, drain).await;
        if let Err(error) = &called {
            station.contacts.unreached(&line, &error.to_string());
        }
        called
    }
}

async fn reach(
    call: PlannedCall,
    only: Option<TransferId>,
    drain: watch::Receiver<Drain>,
) -> Result<Ending, DialError> {
    let PlannedCall {
        station,
        plan,
        profile,
        address,
    } = call;
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
