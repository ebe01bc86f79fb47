//! Callers: from an accepted socket to a session.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use oftp::Session;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::TaskTracker;

use super::clock::Clock;
use super::drive::drive;
use super::ending::Ending;
use super::user_monitor::UserMonitor;
use super::wire_io::Connection;
use crate::config::{ListenerPlan, Plan};
use crate::events::Event;
use crate::net::tls::{self, Side, TlsError, TlsFacts};
use crate::net::wire::Wire;
use crate::station::Station;
use crate::station::drain::Drain;
use crate::station::seats::{CallerSeat, Entrance, MostCallers, Origin};

/// A bound listener that does not accept yet.
pub struct Acceptor {
    socket: TcpListener,
    entrance: Arc<Entrance>,
    most: MostCallers,
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

impl Acceptor {
    /// Binds a listener of the configuration.
    ///
    /// # Errors
    /// The address is taken or not ours, or the TLS identity is not usable.
    pub async fn bind(station: &Station, listener: &ListenerPlan) -> Result<Self, ListenError> {
        let tls = listener
            .tls
            .as_ref()
            .map(|tls| tls::server(&station.certificates, tls))
            .transpose()?;
        let address = listener.address;
        let socket = TcpListener::bind(address)
            .await
            .map_err(|source| ListenError::Bind { address, source })?;
        let bound = socket.local_addr().unwrap_or(address);
        let entrance = Arc::new(Entrance::new(bound));
        let most = MostCallers::of(&station.plan().limits, listener);
        Ok(Self {
            socket,
            entrance,
            most,
            tls,
        })
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

    /// Accepts callers until the drain begins; their sessions run in `sessions`.
    pub async fn accept_calls(
        self: Arc<Self>,
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
                Ok((socket, remote)) => {
                    let Some(call) = self.admit(&station, remote, &drain) else {
                        continue;
                    };
                    sessions.spawn(call.answer(socket, self.tls.clone()));
                }
                // Out of descriptors, most often: waiting is all that helps.
                Err(error) => {
                    station.events.tell(Event::AcceptFailed {
                        address: self.address().ok(),
                        reason: error.to_string(),
                    });
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    /// A place at this listener. A caller beyond the limit is told nothing, not even an ESID: it is to cost nothing.
    fn admit(
        &self,
        station: &Arc<Station>,
        remote: SocketAddr,
        drain: &watch::Receiver<Drain>,
    ) -> Option<IncomingCall> {
        match self
            .entrance
            .enter(&self.most, Origin::of(remote), Instant::now())
        {
            Ok(seat) => Some(IncomingCall {
                station: Arc::clone(station),
                plan: station.plan(),
                seat,
                remote,
                came: Instant::now(),
                drain: drain.clone(),
            }),
            Err(limit) => {
                station.events.tell(Event::CallerRefused { remote, limit });
                None
            }
        }
    }
}

/// A call that has been accepted.
struct IncomingCall {
    station: Arc<Station>,
    plan: Arc<Plan>,
    seat: CallerSeat,
    remote: SocketAddr,
    came: Instant,
    drain: watch::Receiver<Drain>,
}

impl IncomingCall {
    async fn answer(self, socket: TcpStream, tls: Option<Arc<ServerConfig>>) {
        // Commands are small and each is waited for.
        let _ = socket.set_nodelay(true);
        let Ok(local) = socket.local_addr() else {
            return;
        };
        let Some(config) = tls else {
            self.run_session(socket, local, None).await;
            return;
        };
        if let Some(stream) = self.shake_hands(socket, config).await {
            let connection = stream.get_ref().1;
            let facts = tls::facts(connection, connection.server_name());
            self.station.events.tell(Event::TlsEstablished {
                remote: self.remote,
                version: facts.version.clone(),
                suite: facts.cipher_suite.clone(),
            });
            self.run_session(stream, local, Some(facts)).await;
        }
    }

    /// TLS, unless others want the caller's place before it is there.
    async fn shake_hands(
        &self,
        socket: TcpStream,
        config: Arc<ServerConfig>,
    ) -> Option<Box<TlsStream<TcpStream>>> {
        let (remote, gives_way) = (self.remote, self.seat.gives_way());
        let is_probe = AtomicBool::new(false);
        // On the heap, for as long as it takes.
        let accepting = self.accept_tls(socket, config, &is_probe);
        let handshake = Box::pin(tls::handshake(Side::Called, accepting));
        let reason = tokio::select! {
            shaken = handshake => match shaken {
                Ok(stream) => return Some(Box::new(stream)),
                Err(_) if is_probe.load(Ordering::Relaxed) => {
                    let session = None;
                    let left = Event::CallerLeft { session, remote };
                    self.station.events.tell(left);
                    return None;
                }
                Err(no_tls) => no_tls.told(&self.station.certificates),
            },
            () = gives_way.notified() => "others called meanwhile, and it took too long".to_owned(),
        };
        let refused = Event::TlsRefused { remote, reason };
        self.station.events.tell(refused);
        None
    }

    /// Accepts TLS in time. A caller that hangs up before it sends anything is a probe.
    async fn accept_tls(
        &self,
        socket: TcpStream,
        config: Arc<ServerConfig>,
        is_probe: &AtomicBool,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let accepting = async {
            if matches!(socket.peek(&mut [0]).await, Ok(0) | Err(_)) {
                is_probe.store(true, Ordering::Relaxed);
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            TlsAcceptor::from(config).accept(socket).await
        };
        let accepted = tokio::time::timeout(self.time_left(), accepting).await;
        accepted.unwrap_or_else(|_| {
            let why = "the caller did not finish it within limits.caller_time";
            Err(std::io::Error::new(std::io::ErrorKind::TimedOut, why))
        })
    }

    /// What is left of `limits.caller_time`.
    fn time_left(&self) -> Duration {
        let most = self.plan.limits.caller_time;
        most.saturating_sub(self.came.elapsed())
    }

    fn run_session(
        self,
        connection: impl Connection,
        local: SocketAddr,
        tls: Option<TlsFacts>,
    ) -> impl Future<Output = Ending> {
        let wire = Wire {
            local,
            remote: self.remote,
            dialled: false,
            tls,
        };
        let clock = Clock::start();
        let mut params = self.plan.ours.offer_to_strangers.clone();
        params.timeouts.setup = self.time_left();
        let session = Session::responder(params, clock.now());
        let monitor = UserMonitor::called(self.station, self.plan, wire, self.seat);
        drive(connection, session, Box::new(monitor), clock, self.drain)
    }
}
