//! Callers: from an accepted socket to a session.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use oftp::Session;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Listener};
use crate::describe::Wire;
use crate::monitor::Monitor;
use crate::partners;
use crate::session::{self, Clock, Drain};
use crate::station::Station;
use crate::tls::{self, TlsError};

/// How long a caller may take for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A bound listener that does not accept yet.
pub struct Door {
    socket: TcpListener,
    tls: Option<Arc<ServerConfig>>,
}

/// Why a listener cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Its certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Its address.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

impl Door {
    /// Binds a listener of the configuration.
    ///
    /// # Errors
    /// The address is taken or not ours, or the TLS identity is not usable.
    pub async fn bind(config: &Config, listener: &Listener) -> Result<Self, ListenError> {
        let tls = listener
            .tls
            .as_ref()
            .map(|tls| tls::server(config, tls))
            .transpose()?;
        let address = listener.address.0;
        let socket = TcpListener::bind(address)
            .await
            .map_err(|source| ListenError::Bind { address, source })?;
        Ok(Self { socket, tls })
    }

    /// Where it listens: with port 0, the port that was free.
    ///
    /// # Errors
    /// The socket is gone.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Whether it speaks TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Accepts callers until the drain begins; their sessions go on in `sessions`.
    pub async fn welcome(
        self,
        station: Arc<Station>,
        sessions: TaskTracker,
        mut drain: watch::Receiver<Drain>,
    ) {
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = drain.wait_for(|drain| *drain != Drain::No) => return,
            };
            match accepted {
                // So many are refused in words; beyond that a caller costs more than it may.
                Ok((_, remote)) if station.is_swamped() => {
                    tracing::warn!(event = "swamped", %remote, sessions = station.sessions());
                }
                Ok((socket, remote)) => {
                    let call = call(
                        Arc::clone(&station),
                        socket,
                        remote,
                        self.tls.clone(),
                        drain.clone(),
                    );
                    sessions.spawn(call);
                }
                // Out of descriptors, most often: waiting is all that helps.
                Err(error) => {
                    tracing::error!(event = "accept-failed", %error);
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }
}

async fn call(
    station: Arc<Station>,
    socket: TcpStream,
    remote: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    drain: watch::Receiver<Drain>,
) {
    let _seat = station.seat_for_caller();
    // Commands are small and each is waited for.
    let _ = socket.set_nodelay(true);
    let Ok(local) = socket.local_addr() else {
        return;
    };
    let Some(config) = tls else {
        return converse(
            station,
            socket,
            Wire {
                local,
                remote,
                dialled: false,
                tls: None,
            },
            drain,
        )
        .await;
    };
    match tokio::time::timeout(HANDSHAKE, TlsAcceptor::from(config).accept(socket)).await {
        Ok(Ok(stream)) => {
            let connection = stream.get_ref().1;
            let facts = tls::facts(connection, connection.server_name());
            tracing::debug!(event = "tls-established", %remote, version = facts.version, suite = facts.cipher_suite);
            converse(
                station,
                stream,
                Wire {
                    local,
                    remote,
                    dialled: false,
                    tls: Some(facts),
                },
                drain,
            )
            .await;
        }
        Ok(Err(error)) => tracing::warn!(event = "tls-refused", %remote, %error),
        Err(_) => {
            tracing::warn!(event = "tls-refused", %remote, error = "the handshake took too long")
        }
    }
}

async fn converse(
    station: Arc<Station>,
    stream: impl AsyncRead + AsyncWrite,
    wire: Wire,
    drain: watch::Receiver<Drain>,
) {
    let clock = Clock::start();
    let session = Session::responder(partners::to_strangers(&station.config), clock.now());
    let monitor = Monitor::called(station, wire);
    session::drive(stream, session, monitor, clock, drain).await;
}
