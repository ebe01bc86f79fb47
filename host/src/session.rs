//! One session: octets and time into the engine, the engine's octets and questions out.
//!
//! Reading and writing go on side by side, so an ESID is heard while a file is sent. The engine is never
//! asked from two places: this loop owns it, and the [`Monitor`] answers within the loop.

use std::time::{Duration, Instant};

use oftp::{End, Session, SessionReason};
use pointsman_store::in_session;
use pointsman_store::transition::reached;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use crate::monitor::Monitor;

/// Octets read at once.
const READ: usize = 256 * 1024;

/// How far the house is with closing down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// Not at all.
    No,
    /// Sessions end at their next turn.
    AtNextTurn,
    /// Sessions end.
    Now,
}

/// Drives `session` over `wire` to its end, or to that of the house. The histories say that it was this session.
pub async fn drive<W>(
    wire: W,
    session: Session,
    monitor: Monitor,
    clock: Clock,
    drain: watch::Receiver<Drain>,
) -> End
where
    W: AsyncRead + AsyncWrite,
{
    let (id, generation) = monitor.session();
    let (id, work) = (
        id.to_owned(),
        converse(wire, session, monitor, clock, drain),
    );
    in_session(&id, generation, work).await
}

async fn converse<W>(
    wire: W,
    mut session: Session,
    mut monitor: Monitor,
    clock: Clock,
    mut drain: watch::Receiver<Drain>,
) -> End
where
    W: AsyncRead + AsyncWrite,
{
    let (mut reader, mut writer) = tokio::io::split(wire);
    let mut input = vec![0; READ];
    let mut output = Output::default();
    let end = loop {
        if let Some(end) = attend(&mut session, &mut monitor).await {
            break end;
        }
        output.refill(&mut session);
        let deadline = session.poll_timeout();
        tokio::select! {
            read = reader.read(&mut input) => match read {
                Ok(count) if count > 0 => session.receive(input.get(..count).unwrap_or_default(), clock.now()),
                _ => session.disconnected(clock.now()),
            },
            sent = output.send(&mut writer), if output.is_waiting() => if sent.is_err() {
                session.disconnected(clock.now());
            },
            () = clock.until(deadline) => session.handle_timeout(clock.now()),
            Ok(()) = drain.changed() => match *drain.borrow_and_update() {
                Drain::No => {}
                Drain::AtNextTurn => monitor.drain(),
                Drain::Now => session.abort(SessionReason::LocalEmergency, "the server closes down"),
            },
        }
    };
    say_goodbye(&mut reader, &mut writer, &mut session, &mut output, &clock).await;
    monitor.ended(&end).await;
    end
}

/// Answers what the engine asks, and feeds it the file it is sending, until it has to wait for the wire.
async fn attend(session: &mut Session, monitor: &mut Monitor) -> Option<End> {
    loop {
        while let Some(event) = session.poll_event() {
            if let Some(end) = monitor.answer(event, session).await {
                return Some(end);
            }
        }
        if !monitor.feed(session).await {
            return None;
        }
    }
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
        if self.written < self.octets.len() {
            return;
        }
        if let Some(octets) = session.poll_transmit() {
            session.recycle(std::mem::replace(&mut self.octets, octets));
            self.written = 0;
            self.flushed = false;
        }
    }

    fn is_waiting(&self) -> bool {
        self.written < self.octets.len() || (!self.octets.is_empty() && !self.flushed)
    }

    async fn send(&mut self, writer: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
        while let Some(rest) = self
            .octets
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            match writer.write(rest).await? {
                0 => return Err(std::io::ErrorKind::WriteZero.into()),
                count => self.written += count,
            }
            reached("wire.octets.written");
        }
        writer.flush().await?;
        self.flushed = true;
        Ok(())
    }
}

/// Writes the last words, then listens until the peer is gone: closing first would destroy an ESID it has not
/// read (RFC 9.3, WF_NDISC).
async fn say_goodbye(
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    session: &mut Session,
    output: &mut Output,
    clock: &Clock,
) {
    const PATIENCE: Duration = Duration::from_secs(5);
    let farewell = async {
        loop {
            output.refill(session);
            if !output.is_waiting() {
                break;
            }
            output.send(writer).await?;
        }
        if session.is_over() {
            return writer.shutdown().await;
        }
        writer.shutdown().await?;
        let mut rest = [0; 1024];
        while reader.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    // What is lost here is only courtesy: the peer is gone already, or does not leave.
    let _ = tokio::time::timeout(PATIENCE, farewell).await;
    session.disconnected(clock.now());
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
