//! Octets over the wire: what the engine has for the partner is written while the partner's are read.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use oftp::Session;
use pointsman_store::transition::reached;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use super::clock::Clock;

/// Octets read at once.
const READ: usize = 256 * 1024;

thread_local! {
    /// The buffer that all sessions of this thread read into: its octets are in the engine before the session waits again.
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

/// Octets that went over the wire, and the error of the wire if it went away.
#[derive(Debug, Default)]
pub(super) struct Moved {
    pub read: usize,
    pub written: usize,
    pub lost: Option<std::io::Error>,
}

/// Waits until the wire takes or brings something; what it brings goes into the engine.
pub(super) async fn exchange(
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
            moved.lost = Some(alert_to_read(wire, context).unwrap_or(error));
            session.disconnected(clock.now());
            return Poll::Ready(());
        }
        // Reading is tried even while writing waits: two ends that both only write would wait for each other.
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

/// The error that reading gives where writing found the wire broken first: a partner that refuses our certificate sends its
/// TLS alert and closes at once, and the alert waits to be read.
fn alert_to_read(
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

/// What is to be written. Its send may be given up at any octet and resumed.
#[derive(Default)]
pub(super) struct Output {
    octets: Vec<u8>,
    written: usize,
    flushed: bool,
}

impl Output {
    pub fn refill(&mut self, session: &mut Session) {
        if self.is_waiting() {
            return;
        }
        // Used again while a file is sent, and released after it.
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

/// How long a partner may take to close the connection after our last command.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The same where others want its place, or its file.
pub(super) const HURRY: Duration = Duration::from_millis(50);

/// Writes what is left, then reads until the partner is gone: closing first would destroy an ESID that it has not
/// read (RFC 9.3, WF_NDISC).
pub(super) async fn say_goodbye(
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
    // What is lost here is only courtesy: the partner is gone already, or does not leave.
    let _ = tokio::time::timeout(patience, farewell).await;
}
