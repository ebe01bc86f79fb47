//! What is said through `tracing` goes into the log.

use std::fmt::Debug;

use tracing::field::{Field, Visit};
use tracing::{Metadata, Subscriber, span};

use crate::line::Line;
use crate::log::Log;
use crate::value::{Level, Value};

/// From now on it is heard.
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
        let mut said = Said::default();
        event.record(&mut said);
        log.push(&Line {
            level: level(event.metadata()),
            event: &said.event,
            message: said.message,
            fields: said.fields,
        });
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Said {
    event: String,
    message: String,
    fields: Vec<(&'static str, Value<'static>)>,
}

impl Said {
    fn text(&mut self, field: &Field, text: String) {
        match field.name() {
            "event" => self.event = text,
            "message" => self.message = text,
            name => self.value(name, Value::Text(text.into())),
        }
    }

    fn value(&mut self, name: &'static str, value: Value<'static>) {
        // Every line has these already.
        if !matches!(name, "time" | "level") {
            self.fields.push((name, value));
        }
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, format!("{value:?}"));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value.to_owned());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.value(field.name(), Value::Number(value));
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.value(field.name(), Value::Flag(value));
    }
}

fn level(metadata: &Metadata<'_>) -> Level {
    match *metadata.level() {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO => Level::Info,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::TRACE => Level::Trace,
    }
}
