//! What the host knows of the event in progress: its time, its random numbers, its log.
//!
//! Shared between an instance's context and its WASI streams and clocks, which wasmtime-wasi owns.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use pointsman_log::emit;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng, TryRng};
use sha2::{Digest, Sha256};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

use crate::bindings::types::Level;
use crate::events::{PolicyEvent, Subject};
use crate::limits::ResourceLimits;
use crate::mutex::lock;

/// A line on standard output without an end is logged at this length.
const LONGEST_LINE: usize = 4 << 10;
/// How many of the last error lines are logged with a failure: a panic has two or three lines.
const LAST_LINES: usize = 3;
/// The beginnings of lines in which runtimes say why they end, before a trace of many lines.
const REASONS: [&str; 6] = [
    "fatal error:",
    "panic:",
    "panicked at",
    "Uncaught",
    "Assertion failed",
    "abort:",
];

/// What sets an event apart from others.
#[derive(Clone, Copy)]
pub(crate) struct EventStamp<'a> {
    pub(crate) subject: &'a Subject,
    /// Counts the questions of the session.
    pub(crate) number: u64,
    /// What the policy's clock shows all the time that the question takes.
    pub(crate) at: SystemTime,
}

/// The event in progress of one instance.
pub(crate) struct GuestEvent {
    policy: Arc<str>,
    /// The subject of the present question: a caller may become a known partner.
    subject: Mutex<Subject>,
    /// What the policy's clock shows, in nanoseconds since 1970.
    now: AtomicU64,
    random: Mutex<ChaCha8Rng>,
    log: Mutex<GuestLog>,
}

#[derive(Default)]
struct GuestLog {
    lines_left: u32,
    bytes_left: u32,
    dropped: u32,
    /// The line with the reason, where it was recognized and is not among the last lines any more.
    reason: Option<String>,
    last_lines: VecDeque<String>,
    /// What was printed without an end of line so far, by level: standard output and error are two streams.
    unfinished: [Vec<u8>; 2],
}

impl GuestLog {
    fn complain(&mut self, line: &str) {
        if self.last_lines.len() == LAST_LINES {
            let old = self.last_lines.pop_front();
            let says_why = |line: &String| REASONS.iter().any(|words| line.starts_with(words));
            self.reason = self.reason.take().or(old.filter(says_why));
        }
        self.last_lines.push_back(line.trim().to_owned());
    }

    /// What the policy complained of, in one line.
    fn complaints(&mut self) -> String {
        let last = Vec::from(std::mem::take(&mut self.last_lines)).join(" ");
        match self.reason.take() {
            Some(reason) => format!("{reason} … {last}"),
            None => last,
        }
    }
}

/// Which of the two streams a level is printed on.
fn stream(level: Level) -> usize {
    usize::from(level == Level::Error)
}

impl GuestEvent {
    pub(crate) fn new(policy: Arc<str>, subject: Subject) -> Arc<GuestEvent> {
        Arc::new(GuestEvent {
            policy,
            subject: Mutex::new(subject),
            now: AtomicU64::new(0),
            random: Mutex::new(ChaCha8Rng::from_seed([0; 32])),
            log: Mutex::default(),
        })
    }

    /// Begins an event. Its random numbers are those of its session, policy, number and time.
    pub(crate) fn begin(&self, stamp: &EventStamp<'_>, limits: &ResourceLimits) {
        let now = stamp
            .at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.now.store(now, Ordering::Relaxed);
        let seed = Sha256::new()
            .chain_update(stamp.subject.session().as_bytes())
            .chain_update(self.policy.as_bytes())
            .chain_update(stamp.number.to_be_bytes())
            .chain_update(now.to_be_bytes())
            .finalize();
        lock(&self.subject).clone_from(stamp.subject);
        *lock(&self.random) = ChaCha8Rng::from_seed(seed.into());
        *lock(&self.log) = GuestLog {
            lines_left: limits.log_lines,
            bytes_left: limits.log_bytes,
            ..GuestLog::default()
        };
    }

    /// Ends the event: logs the remaining output. Returns the last error lines: those logged as errors or printed on
    /// standard error.
    pub(crate) fn end(&self) -> String {
        for level in [Level::Info, Level::Error] {
            self.print(level, b"\n");
        }
        let mut log = lock(&self.log);
        if log.dropped > 0 {
            emit(&PolicyEvent::LogCut {
                policy: Arc::clone(&self.policy),
                session: self.subject(),
                dropped: log.dropped,
            });
        }
        log.complaints()
    }

    fn subject(&self) -> Subject {
        lock(&self.subject).clone()
    }

    /// The event's time.
    pub(crate) fn now(&self) -> Duration {
        Duration::from_nanos(self.now.load(Ordering::Relaxed))
    }

    /// Logs a line of the policy, within the limits of the event.
    pub(crate) fn log(&self, level: Level, message: &str) {
        {
            let mut log = lock(&self.log);
            let size = u32::try_from(message.len()).unwrap_or(u32::MAX);
            if log.lines_left == 0 || log.bytes_left < size {
                log.dropped = log.dropped.saturating_add(1);
                return;
            }
            log.lines_left -= 1;
            log.bytes_left -= size;
            if level == Level::Error {
                log.complain(message);
            }
        }
        emit(&line(
            level,
            Arc::clone(&self.policy),
            self.subject(),
            message.to_owned(),
        ));
    }

    /// The seed that WASI gives a guest for random numbers that need not be secure.
    pub(crate) fn seed(&self) -> u128 {
        let mut seed = [0; 16];
        lock(&self.random).fill_bytes(&mut seed);
        u128::from_be_bytes(seed)
    }

    /// Standard output or error: complete lines are logged, and the rest waits for its line end.
    fn print(&self, level: Level, octets: &[u8]) {
        for piece in octets.split_inclusive(|octet| *octet == b'\n') {
            let line = {
                let mut log = lock(&self.log);
                let Some(unfinished) = log.unfinished.get_mut(stream(level)) else {
                    continue;
                };
                unfinished.extend_from_slice(piece);
                if !piece.ends_with(b"\n") && unfinished.len() < LONGEST_LINE {
                    continue;
                }
                std::mem::take(unfinished)
            };
            let line = String::from_utf8_lossy(&line);
            if !line.trim().is_empty() {
                self.log(level, line.trim_end());
            }
        }
    }
}

/// A line of a policy's own, at its level.
fn line(level: Level, policy: Arc<str>, session: Subject, said: String) -> PolicyEvent {
    match level {
        Level::Trace => PolicyEvent::SaysTrace {
            policy,
            session,
            said,
        },
        Level::Debug => PolicyEvent::SaysDebug {
            policy,
            session,
            said,
        },
        Level::Info => PolicyEvent::SaysInfo {
            policy,
            session,
            said,
        },
        Level::Warn => PolicyEvent::SaysWarn {
            policy,
            session,
            said,
        },
        Level::Error => PolicyEvent::SaysError {
            policy,
            session,
            said,
        },
    }
}

/// The event as WASI sees it: clocks that do not advance, and random numbers of the event.
#[derive(Clone)]
pub(crate) struct Wasi(pub(crate) Arc<GuestEvent>);

impl HostWallClock for Wasi {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        self.0.now()
    }
}

impl HostMonotonicClock for Wasi {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    /// The time is never zero, which some runtimes take for a broken clock.
    fn now(&self) -> u64 {
        self.0.now.load(Ordering::Relaxed).max(1_000_000_000)
    }
}

impl TryRng for Wasi {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(lock(&self.0.random).next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(lock(&self.0.random).next_u64())
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Infallible> {
        lock(&self.0.random).fill_bytes(octets);
        Ok(())
    }
}

/// Standard output, whose lines are information, or standard error, whose lines are errors.
#[derive(Clone)]
pub(crate) struct GuestOutput(pub(crate) Arc<GuestEvent>, pub(crate) Level);

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // WASI 0.2 asks for `p2_stream` only.
        Box::new(tokio::io::sink())
    }
}

#[async_trait::async_trait]
impl Pollable for GuestOutput {
    async fn ready(&mut self) {}
}

impl OutputStream for GuestOutput {
    fn write(&mut self, octets: Bytes) -> StreamResult<()> {
        self.0.print(self.1, &octets);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(LONGEST_LINE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Arc<GuestEvent> {
        let subject = Subject::nobody("session".into());
        let event = GuestEvent::new("policy".into(), subject.clone());
        let stamp = EventStamp {
            subject: &subject,
            number: 1,
            at: SystemTime::UNIX_EPOCH,
        };
        event.begin(&stamp, &ResourceLimits::default());
        event
    }

    #[test]
    fn the_line_that_says_why_is_told_with_the_last_ones() {
        let event_of_go = event();
        event_of_go.print(Level::Error, b"fatal error: nanotime returning zero\n\n");
        for frame in 0..40 {
            event_of_go.print(Level::Error, format!("runtime.frame{frame}()\n").as_bytes());
        }
        assert_eq!(
            event_of_go.end(),
            "fatal error: nanotime returning zero … runtime.frame37() runtime.frame38() runtime.frame39()"
        );

        let python = event();
        python.print(
            Level::Error,
            b"Traceback (most recent call last):\n  File \"app.py\", line 3\n    x[1]\n",
        );
        python.print(Level::Error, b"KeyError: 1");
        assert!(python.end().ends_with("x[1] KeyError: 1"));
    }

    #[test]
    fn the_two_streams_do_not_mix() {
        let event = event();
        event.print(Level::Info, b"half a line of output, ");
        event.print(Level::Error, b"and a complaint\n");
        assert_eq!(event.end(), "and a complaint");
    }
}
