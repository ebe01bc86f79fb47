//! One session: octets and time into the engine, the engine's octets and questions out.
//!
//! Reading and writing go on side by side, so an ESID is heard while a file is sent. The engine is never
//! asked from two places: this loop owns it, and the [`UserMonitor`] answers within the loop.
//!
//! A session that waits is to be small: the buffer that is read into belongs to the thread, what is written is gone when
//! it is written, and the work of an answer is on the heap only as long as it takes.

pub(crate) mod dial;
pub(crate) mod ending;
pub(crate) mod listen;
pub(crate) mod user_monitor;

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use oftp::{End, Session, SessionReason};
use pointsman_store::in_session;
use pointsman_store::transition::reached;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use self::ending::Ending;
use self::user_monitor::{CROWDED, UserMonitor};
use crate::station::drain::Drain;
use crate::system::kernel;

/// Octets read at once.
const READ: usize = 256 * 1024;

/// Octets that are read and written before other sessions have their turn.
const TURN: usize = 256 * 1024;

/// What one pass of the loop counts as, beside its octets.
const STEP: usize = 1024;

thread_local! {
    /// What all sessions of this thread read into: what was read is in the engine before anybody waits again.
    static INPUT: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// What a session runs over: TCP, or TLS on it.
pub trait Connection: AsyncRead + AsyncWrite + Unpin {
    /// The socket below.
    fn socket(&self) -> &TcpStream;
}

impl Connection for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Connection for Box<tokio_rustls::server::TlsStream<TcpStream>> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

impl Connection for tokio_rustls::client::TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Drives `session` over `wire` until it ends or the server closes down. Lines of the ledger's timelines that are written
/// meanwhile have this session's id.
///
/// What waits is on the heap once: a future that is handed on by value leaves its size behind in each that had it.
pub fn drive(
    wire: impl Connection,
    session: Session,
    monitor: Box<UserMonitor>,
    clock: Clock,
    drain: watch::Receiver<Drain>,
) -> impl Future<Output = Ending> {
    let (id, generation) = monitor.session();
    let id = id.to_owned();
    let work = Box::pin(converse(wire, session, monitor, clock, drain));
    async move { in_session(&id, generation, work).await }
}

async fn converse(
    mut wire: impl Connection,
    mut session: Session,
    mut monitor: Box<UserMonitor>,
    clock: Clock,
    mut drain: watch::Receiver<Drain>,
) -> Ending {
    let mut output = Output::default();
    let mut in_flight = InFlight::new(&clock);
    let (gives_way, overtaken) = monitor.dismissals();
    let (mut dismissed, mut lost) = (false, None);
    let mut turn = 0;
    let end = loop {
        if let Some(end) = attend(&mut session, &mut monitor, &clock).await {
            break end;
        }
        session.set_time(clock.now());
        output.refill(&mut session);
        let deadline = in_flight.deadline(session.poll_timeout());
        let moved = tokio::select! {
            moved = exchange(&mut wire, &mut session, &mut output, &clock) => moved,
            () = clock.until(deadline) => {
                in_flight.look(wire.socket(), &mut session, &clock);
                if in_flight.is_due(session.poll_timeout(), clock.now()) {
                    session.handle_timeout(clock.now());
                }
                Moved::default()
            }
            () = gives_way.notified(), if monitor.is_stranger() => {
                dismissed = true;
                session.set_time(clock.now());
                session.abort(SessionReason::Resources, CROWDED);
                Moved::default()
            }
            () = overtaken.notified() => {
                dismissed = true;
                session.set_time(clock.now());
                session.abort(SessionReason::TimeOut, "the file that stood still comes over a new session");
                Moved::default()
            }
            Ok(()) = drain.changed() => {
                match *drain.borrow_and_update() {
                    Drain::No => {}
                    Drain::AtNextTurn => monitor.drain(),
                    Drain::Now => session.abort(SessionReason::LocalEmergency, "the server closes down"),
                }
                Moved::default()
            }
        };
        lost = moved.lost.or(lost);
        in_flight.wrote(moved.written);
        turn += moved.read + moved.written + STEP;
        if turn >= TURN {
            turn = 0;
            tokio::task::yield_now().await;
        }
    };
    let ending = Ending::new(end, lost.as_ref(), monitor.side());
    let patience = if dismissed { HURRY } else { PATIENCE };
    // What the session had is free for others at once; its place is not, as long as the connection is here.
    let _place = monitor.places();
    let goodbye = Box::pin(async {
        say_goodbye(&mut wire, &mut session, &mut output, patience).await;
        session.disconnected(clock.now());
    });
    tokio::join!(goodbye, Box::pin(monitor.ended(&ending)));
    ending
}

/// Answers what the engine asks, and feeds it the file it is sending, until it has to wait for the wire.
async fn attend(session: &mut Session, monitor: &mut UserMonitor, clock: &Clock) -> Option<End> {
    loop {
        while let Some(event) = session.poll_event() {
            // On the heap, so that a session that waits does not keep room for all that an answer may need.
            let end = Box::pin(monitor.answer(event, session)).await;
            session.set_time(clock.now());
            if end.is_some() {
                return end;
            }
        }
        if !monitor.is_feeding() || !Box::pin(monitor.feed(session)).await {
            return None;
        }
        session.set_time(clock.now());
    }
}

/// Octets that went over the wire, and what it said if it went away.
#[derive(Debug, Default)]
struct Moved {
    read: usize,
    written: usize,
    lost: Option<std::io::Error>,
}

/// Waits until the wire takes or brings something; what it brings goes into the engine.
async fn exchange(
    wire: &mut (impl Connection + ?Sized),
    session: &mut Session,
    output: &mut Output,
    clock: &Clock,
) -> Moved {
    let mut moved = Moved::default();
    std::future::poll_fn(|context| {
        let sent = match output.is_waiting() {
            true => output.poll_send(wire, context, &mut moved.written),
            false => Poll::Pending,
        };
        if let Poll::Ready(Err(error)) = sent {
            moved.lost = Some(last_word(wire, context).unwrap_or(error));
            session.disconnected(clock.now());
            return Poll::Ready(());
        }
        let read = INPUT.with_borrow_mut(|input| {
            let mut input = ReadBuf::new(input);
            let read = Pin::new(&mut *wire).poll_read(context, &mut input);
            match read {
                Poll::Ready(Ok(())) if !input.filled().is_empty() => {
                    moved.read = input.filled().len();
                    session.receive(input.filled(), clock.now());
                }
                Poll::Ready(Ok(())) => session.disconnected(clock.now()),
                Poll::Ready(Err(error)) => {
                    moved.lost = Some(error);
                    session.disconnected(clock.now());
                    return true;
                }
                Poll::Pending => return false,
            }
            true
        });
        if read || sent.is_ready() || moved.written > 0 {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
    moved
}

/// What the wire still says where writing found it broken first: a partner that refuses our certificate sends its TLS
/// alert and closes at once, and the alert waits to be read.
fn last_word(
    wire: &mut (impl Connection + ?Sized),
    context: &mut Context<'_>,
) -> Option<std::io::Error> {
    INPUT.with_borrow_mut(|input| {
        loop {
            let mut input = ReadBuf::new(input);
            match Pin::new(&mut *wire).poll_read(context, &mut input) {
                Poll::Ready(Ok(())) if !input.filled().is_empty() => {}
                Poll::Ready(Err(error)) => return Some(error),
                _ => return None,
            }
        }
    })
}

/// What is to be written. Its send may be given up at any octet and taken up again.
#[derive(Default)]
struct Output {
    octets: Vec<u8>,
    written: usize,
    flushed: bool,
}

impl Output {
    fn refill(&mut self, session: &mut Session) {
        if self.is_waiting() {
            return;
        }
        // Used again while a file is sent, and given back after it.
        session.recycle(std::mem::take(&mut self.octets));
        if let Some(octets) = session.poll_transmit() {
            self.octets = octets;
            self.written = 0;
            self.flushed = false;
        }
    }

    fn is_waiting(&self) -> bool {
        self.written < self.octets.len() || (!self.octets.is_empty() && !self.flushed)
    }

    /// Writes and flushes; counts in `written` what was written, also where not everything was.
    fn poll_send(
        &mut self,
        wire: &mut (impl AsyncWrite + Unpin + ?Sized),
        context: &mut Context<'_>,
        written: &mut usize,
    ) -> Poll<std::io::Result<()>> {
        while let Some(rest) = self
            .octets
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            match ready!(Pin::new(&mut *wire).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
                count => {
                    self.written += count;
                    *written += count;
                }
            }
            reached("wire.octets.written");
        }
        ready!(Pin::new(wire).poll_flush(context))?;
        self.flushed = true;
        Poll::Ready(Ok(()))
    }
}

/// TCP tells in steps of what the other end has taken, each as large as its window: how much longer silence may be while
/// octets are on their way.
const STEPS: Duration = Duration::from_secs(5);

/// What was written and has not arrived: a partner that takes it, however slowly, is not silent.
struct InFlight {
    /// Octets on their way at the last look, and those written since.
    there: u64,
    written: u64,
    looked: Duration,
}

impl InFlight {
    fn new(clock: &Clock) -> Self {
        Self {
            there: 0,
            written: 0,
            looked: clock.now(),
        }
    }

    fn wrote(&mut self, octets: usize) {
        self.written += octets as u64;
    }

    /// When to come back: at the engine's deadline, and before it while octets are on their way.
    fn deadline(&self, engine: Option<Duration>) -> Option<Duration> {
        let engine = engine?;
        if self.is_empty() {
            return Some(engine);
        }
        let idle = engine.saturating_sub(self.looked);
        let soon = (idle / 16).clamp(Duration::from_millis(50), Duration::from_secs(1));
        Some((engine + STEPS).min(self.looked + soon))
    }

    fn is_empty(&self) -> bool {
        self.there + self.written == 0
    }

    /// Whether the engine's deadline has come.
    fn is_due(&self, engine: Option<Duration>, now: Duration) -> bool {
        let steps = if self.is_empty() {
            Duration::ZERO
        } else {
            STEPS
        };
        engine.is_some_and(|engine| now >= engine + steps)
    }

    /// Tells the engine of what arrived since the last look. It is dated then: so nobody gains time by it.
    fn look(&mut self, socket: &TcpStream, session: &mut Session, clock: &Clock) {
        if self.is_empty() {
            self.looked = clock.now();
            return;
        }
        let there = kernel::unacknowledged(socket).unwrap_or_default();
        let arrived = (self.there + self.written).saturating_sub(there);
        if self.there > 0 {
            session.progressed(arrived, self.looked);
        }
        (self.there, self.written, self.looked) = (there, 0, clock.now());
    }
}

/// How long a peer may take to leave when it has heard our last words.
const PATIENCE: Duration = Duration::from_secs(5);

/// The same of one whose place others want.
const HURRY: Duration = Duration::from_millis(50);

/// Writes the last words, then listens until the peer is gone: closing first would destroy an ESID it has not
/// read (RFC 9.3, WF_NDISC).
async fn say_goodbye(
    wire: &mut impl Connection,
    session: &mut Session,
    output: &mut Output,
    patience: Duration,
) {
    let farewell = async {
        loop {
            output.refill(session);
            if !output.is_waiting() {
                break;
            }
            let mut written = 0;
            std::future::poll_fn(|context| output.poll_send(wire, context, &mut written)).await?;
        }
        wire.shutdown().await?;
        if !session.is_over() {
            let mut rest = [0; 1024];
            while wire.read(&mut rest).await? > 0 {}
        }
        std::io::Result::Ok(())
    };
    // What is lost here is only courtesy: the peer is gone already, or does not leave.
    let _ = tokio::time::timeout(patience, farewell).await;
}

/// The engine's time: what has passed since the session began.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// Begins now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// What has passed.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.0.elapsed()
    }

    async fn until(&self, deadline: Option<Duration>) {
        match deadline {
            Some(deadline) => tokio::time::sleep_until((self.0 + deadline).into()).await,
            None => std::future::pending().await,
        }
    }
}
