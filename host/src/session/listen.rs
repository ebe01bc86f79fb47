//! Callers: from an accepted socket to a session.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use oftp::Session;
use rustix::net::sockopt::set_socket_reuseport;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::TaskTracker;

use super::clock::Clock;
use super::drive::drive;
use super::ending::Ending;
use super::user_monitor::UserMonitor;
use super::wire_io::Connection;
use crate::events::Event;
use crate::security::tls::{self, Side, TlsError, TlsFacts};
use crate::session::wire::Wire;
use crate::station::Station;
use crate::station::drain::Drain;
use crate::station::in_force::{ListenerKey, Pinned};
use crate::station::seats::{CallerSeat, Entrance, MostCallers, Origin};

/// Callers whom the system holds for a listener until they are accepted.
const BACKLOG: u32 = 1024;

/// A bound listener that does not accept yet.
pub struct Acceptor {
    key: ListenerKey,
    address: SocketAddr,
    socket: TcpListener,
    entrance: Arc<Entrance>,
}

/// Why a listener cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Its certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Its address cannot be bound: another program has it, or it is not one of this machine.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        address: SocketAddr,
        source: std::io::Error,
    },
}

impl Acceptor {
    /// Binds a listener of a plan. Those that it is to replace may have its port until then, at this address or at all.
    ///
    /// # Errors
    /// The address is taken by others or not ours.
    pub fn bind(key: ListenerKey, replaced: &[&Acceptor]) -> Result<Self, ListenError> {
        let (address, _) = key;
        share_port(replaced, true);
        let socket = listen(address, !replaced.is_empty());
        share_port(replaced, false);
        let socket = socket.map_err(|source| ListenError::Bind { address, source })?;
        let address = socket.local_addr().unwrap_or(address);
        Ok(Self {
            key,
            address,
            socket,
            entrance: Arc::new(Entrance::new(address)),
        })
    }

    /// Which listener of the plan it is.
    #[must_use]
    pub fn key(&self) -> ListenerKey {
        self.key
    }

    /// Where it listens: with port 0, the port that was free.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts callers until `closing` says that this listener is to accept no more; their sessions run in `sessions`,
    /// and continue until the drain.
    pub async fn accept_calls(
        self: Arc<Self>,
        station: Arc<Station>,
        sessions: TaskTracker,
        drain: watch::Receiver<Drain>,
        mut closing: watch::Receiver<Drain>,
    ) {
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = closing.wait_for(|drain| *drain != Drain::No) => return,
            };
            match accepted {
                Ok((socket, remote)) => {
                    let plan = station.pin();
                    // A listener that the plan has no more, or cannot use, has no callers either.
                    let (Some(listener), Ok(tls)) =
                        (plan.listener(&self.key), plan.listener_tls(&self.key))
                    else {
                        continue;
                    };
                    let most = MostCallers::of(&plan.limits, listener);
                    if let Some(call) = self.take_place(&station, plan, &most, remote, &drain) {
                        sessions.spawn(call.serve(socket, tls));
                    }
                }
                // Out of descriptors, most often: waiting is all that helps.
                Err(error) => {
                    station.events.emit(Event::AcceptFailed {
                        address: Some(self.address),
                        reason: error.to_string(),
                    });
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    /// Takes a place at this listener. A caller beyond the limit gets no answer, not even an ESID: it must cost nothing.
    fn take_place(
        &self,
        station: &Arc<Station>,
        plan: Pinned,
        most: &MostCallers,
        remote: SocketAddr,
        drain: &watch::Receiver<Drain>,
    ) -> Option<IncomingCall> {
        match self
            .entrance
            .enter(most, Origin::of(remote), Instant::now())
        {
            Ok(seat) => Some(IncomingCall {
                station: Arc::clone(station),
                plan,
                seat,
                remote,
                came: Instant::now(),
                drain: drain.clone(),
            }),
            Err(limit) => {
                station.events.emit(Event::CallerRefused { remote, limit });
                None
            }
        }
    }
}

/// Whether another socket of this program may have the port, too. Where the system does not allow that, binding fails.
fn share_port(acceptors: &[&Acceptor], yes: bool) {
    for acceptor in acceptors {
        let _ = set_socket_reuseport(&acceptor.socket, yes);
    }
}

fn listen(address: SocketAddr, shares_port: bool) -> std::io::Result<TcpListener> {
    let socket = socket(address)?;
    socket.set_reuseport(shares_port)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    // From here on the port is no other's.
    set_socket_reuseport(&listener, false)?;
    Ok(listener)
}

/// A socket for a listener at that address, which may have been a listener's just before.
pub(crate) fn socket(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    Ok(socket)
}

/// A call that has been accepted.
struct IncomingCall {
    station: Arc<Station>,
    plan: Pinned,
    seat: CallerSeat,
    remote: SocketAddr,
    came: Instant,
    drain: watch::Receiver<Drain>,
}

impl IncomingCall {
    /// TLS where the listener has it, then the session.
    async fn serve(self, socket: TcpStream, tls: Option<Arc<ServerConfig>>) {
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
            self.station.events.emit(Event::TlsEstablished {
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
        let (remote, seat_lost) = (self.remote, self.seat.seat_lost());
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
                    self.station.events.emit(left);
                    return None;
                }
                Err(no_tls) => no_tls.told(&self.plan.certificates),
            },
            () = seat_lost.notified() => "others called meanwhile, and it took too long".to_owned(),
        };
        let refused = Event::TlsRefused { remote, reason };
        self.station.events.emit(refused);
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
