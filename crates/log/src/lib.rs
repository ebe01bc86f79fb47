//! A log that cannot hurt.
//!
//! What happens is a [`LogEvent`]: a variant with typed fields, declared by [`events!`], from which its code, name, level,
//! fields and sentence come. [`emit`] puts it into the log:
//!
//! - Nobody waits for the log, and nothing fails because of it: a line goes into a bounded queue, and a thread of its own
//!   writes it ([`Log`]). What finds no room there is counted, and the count is a line as soon as there is room again.
//! - What repeats itself is written so many times and then counted, by event, partner and address ([`Rate`]).
//! - Whoever [`watch`]es gets each event once, of every crate, as a value ([`Emitted`]).
//! - Every text is made [`printable`], whoever it comes from: it stays on its line, and does not paint.
//!
//! What libraries say through `tracing`, and panics, become lines, too. Without a log that was started, as in most tests,
//! nothing is written.

mod bridge;
mod event;
mod filter;
mod line;
mod log;
mod panic;
mod printable;
mod queue;
mod rates;
mod start;
mod stderr;
mod watchers;

pub use event::{Facts, Field, FieldValue, LogEvent, Rate, Severity, is_no_key, serialize};
pub use filter::LogFilter;
pub use line::Style;
pub use log::{Health, Log, emit, emit_or_count, health};
pub use printable::{Printable, printable, printable_json};
#[doc(hidden)]
pub use serde;
pub use stderr::Stderr;
pub use watchers::{Emitted, watch};

events! {
    /// What the log reports of itself.
    pub(crate) enum OwnEvent of "log";

    /// the log could not be written for a while: its disk was full, or its reader gone or stuck; so many lines are
    /// missing here
    "LOG-001" "log-lines-lost" Warn Every
    Lost { lost: u64, since: String }
    says("{lost} lines of the log are missing here, the first of {since}: they could not be written")
    remedy("see to what reads the log, or to its disk; nothing but lines was lost")

    /// a library that the program is built from says something by itself, at whatever level it chooses
    "LOG-002" "library" Warn Counted
    Library { part: String, said: String }
    says("{part}: {said}")
    remedy("–")

    /// a mistake in this program; what it did at this moment was given up, nothing that was acknowledged is lost
    "LOG-003" "panicked" Error Every
    Panicked { place: String, thread: String, reason: String, backtrace: Option<String> }
    says("a mistake in this program, at {place}: {reason}")
    remedy("report it, with the line; `RUST_BACKTRACE=1` tells more the next time")
}
