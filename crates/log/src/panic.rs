//! A panic is a line of the log. The usual report goes to standard error, and would wait there for a reader that is stuck.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

use crate::OwnEvent;
use crate::log::emit;

/// From now on panics are told to the log.
pub(crate) fn listen() {
    std::panic::set_hook(Box::new(|panic| {
        emit(&told(panic));
    }));
}

fn told(panic: &PanicHookInfo<'_>) -> OwnEvent {
    let place = panic.location().map(ToString::to_string);
    // Where `RUST_BACKTRACE` asks for it.
    let trace = Backtrace::capture();
    let traced = trace.status() == BacktraceStatus::Captured;
    OwnEvent::Panicked {
        place: place.unwrap_or_else(|| "an unknown place".to_owned()),
        thread: std::thread::current().name().unwrap_or_default().to_owned(),
        reason: panic
            .payload_as_str()
            .unwrap_or("without a word")
            .to_owned(),
        backtrace: traced.then(|| trace.to_string()),
    }
}
