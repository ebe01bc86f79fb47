//! What commands print: the only place that writes to standard output, and to standard error past the log.
//!
//! Texts of partners and policies are in it, so every line is made printable here. Whoever reads may go away
//! (`| head`): then nothing more is printed, and the command comes to its end all the same.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::Duration;

use pointsman_log::{Printable, Stderr, printable_json};

use crate::operator::error::OperatorError;

/// Why nothing more is printed.
static OVER: Mutex<Option<io::Error>> = Mutex::new(None);

/// How long a notice may wait for its reader.
const READER_PATIENCE: Duration = Duration::from_secs(1);

/// Prints one line, as [`println!`] does. A line end within it is shown, not printed.
macro_rules! say {
    ($($line:tt)+) => {
        $crate::cli::out::line(&format_args!($($line)+))
    };
}
pub(super) use say;

/// Prints one line on standard output.
pub(super) fn line(line: &dyn Display) {
    put(&format!("{}\n", Printable(line)));
}

/// One JSON text on standard output.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), OperatorError> {
    let json = serde_json::to_string_pretty(value)?;
    put(&(printable_json(&json) + "\n"));
    Ok(())
}

fn put(text: &str) {
    let mut over = OVER.lock().unwrap_or_else(PoisonError::into_inner);
    if over.is_none() {
        let mut out = io::stdout();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        *over = written.err();
    }
}

/// Why not everything was printed, unless its reader just went away. One that is stuck ([`beside`]) is not waited for.
pub(super) fn trouble() -> Option<io::Error> {
    let over = match OVER.try_lock() {
        Ok(mut over) => over.take(),
        Err(TryLockError::Poisoned(over)) => over.into_inner().take(),
        Err(TryLockError::WouldBlock) => None,
    };
    over.filter(|error| error.kind() != ErrorKind::BrokenPipe)
}

/// Prints something on standard error, of several lines perhaps. Nobody waits long for who reads it.
pub(super) fn notice(text: &str) {
    let lines: String = text
        .lines()
        .map(|line| format!("{}\n", Printable(&line)))
        .collect();
    beside(move || {
        // If nobody reads it, the exit code says it.
        let _ = Stderr.write_all(lines.as_bytes());
    });
}

/// Does something that may wait for a reader, and continues without it after a while.
pub(super) fn beside(print: impl FnOnce() + Send + 'static) {
    let (done, printed) = std::sync::mpsc::channel();
    let started = std::thread::Builder::new().spawn(move || {
        print();
        let _ = done.send(());
    });
    if started.is_ok() {
        let _ = printed.recv_timeout(READER_PATIENCE);
    }
}
