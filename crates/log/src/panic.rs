//! A panic is a line of the log. The usual report goes to standard error, and would wait there for a reader that is stuck.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

use crate::line::Line;
use crate::log::Log;
use crate::value::{Level, Value};

/// From now on panics are told to the log.
pub(crate) fn listen() {
    std::panic::set_hook(Box::new(|panic| {
        if let Some(log) = Log::current() {
            log.push(&line(panic));
        }
    }));
}

fn line(panic: &PanicHookInfo<'_>) -> Line<'static> {
    let said = panic.payload_as_str().unwrap_or("without a word");
    let place = panic.location().map(ToString::to_string);
    let place = place.unwrap_or_else(|| "an unknown place".to_owned());
    let thread = std::thread::current();
    let mut fields = vec![
        ("place", Value::Text(place.clone().into())),
        (
            "thread",
            Value::Text(thread.name().unwrap_or_default().to_owned().into()),
        ),
    ];
    // Where `RUST_BACKTRACE` asks for it.
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        fields.push(("backtrace", Value::Text(trace.to_string().into())));
    }
    Line {
        level: Level::Error,
        event: "panicked",
        message: format!("a mistake in this program, at {place}: {said}"),
        fields,
    }
}
