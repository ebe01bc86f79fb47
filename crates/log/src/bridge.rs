//! What libraries say through `tracing` goes into the same log.

use std::fmt::{Debug, Write};

use tracing::field::{Field, Visit};
use tracing::{Metadata, Subscriber, span};

use crate::OwnEvent;
use crate::event::Severity;
use crate::log::Log;

/// From now on libraries are heard.
pub(crate) fn listen() {
    // Somebody else may listen already, in a test.
    let _ = tracing::subscriber::set_global_default(Bridge);
}

struct Bridge;

impl Subscriber for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        Log::current().is_some_and(|log| log.passes(metadata.target(), level(metadata)))
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let Some(log) = Log::current() else { return };
        let metadata = event.metadata();
        let mut message = Message::default();
        event.record(&mut message);
        let event = OwnEvent::Library {
            part: metadata.target().to_owned(),
            said: message.0,
        };
        log.emit_at(level(metadata), &event);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The message, and what is beside it.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let gap = if self.0.is_empty() { "" } else { " " };
        // A string takes everything.
        let _ = match field.name() {
            "message" => write!(self.0, "{gap}{value:?}"),
            name => write!(self.0, "{gap}{name}={value:?}"),
        };
    }
}

fn level(metadata: &Metadata<'_>) -> Severity {
    match *metadata.level() {
        tracing::Level::ERROR => Severity::Error,
        tracing::Level::WARN => Severity::Warn,
        tracing::Level::INFO => Severity::Info,
        tracing::Level::DEBUG => Severity::Debug,
        tracing::Level::TRACE => Severity::Trace,
    }
}
