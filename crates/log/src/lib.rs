//! A log that cannot hurt.
//!
//! - Nobody waits for the log, and nothing fails because of it: a line goes into a bounded queue, and a thread of its own
//!   writes it ([`Log`]). What finds no room there is counted, and the count is a line as soon as there is room again.
//! - Every text is made [`printable`], whoever it comes from: it stays on its line, and does not paint.
//!
//! What is said through `tracing`, by this program or its libraries, becomes a line: the field `event` its name, all
//! others fields of the line. Without a log that was started, as in most tests, nothing is written.

mod bridge;
mod filter;
mod line;
mod log;
mod panic;
mod printable;
mod queue;
mod stderr;
mod value;

pub use filter::Filter;
pub use line::Style;
pub use log::{Health, Log, health};
pub use printable::{Printable, printable, printable_json};
pub use stderr::Stderr;
pub use value::Level;
