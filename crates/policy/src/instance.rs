//! One instance of a policy in its own store, and what is made of its traps.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};

use crate::bindings;
use crate::context::{Context, HostServices, SessionValues};
use crate::decision::Decision;
use crate::error::FailureKind;
use crate::event::Event;
use crate::load::Loaded;
use crate::question::Question;
use crate::rules::Rules;

/// What a guest may pass in one call into the server, or return, beyond its texts: octets of
/// records and lists as wasmtime counts them.
const TRANSFER_ROOM: usize = 1 << 20;
/// Frames of a trap's backtrace that are told.
const FRAMES: usize = 8;

/// How a call ended that did not end with a decision.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) kind: FailureKind,
    pub(crate) detail: String,
}

/// A running policy.
pub(crate) struct Instance {
    store: Store<Context>,
    guest: bindings::Policy,
    /// After a trap a component cannot be entered again.
    alive: bool,
}

impl Instance {
    /// Make an instance. Its start counts as an event: the same limits hold.
    pub(crate) async fn start(
        loaded: &Loaded,
        session: Arc<str>,
        services: Arc<dyn HostServices>,
        values: SessionValues,
        event_number: u64,
        at: SystemTime,
    ) -> Result<Instance, Failed> {
        let event = Event::new(loaded.name.clone(), session);
        let context = Context::new(
            loaded.name.clone(),
            loaded.settings.clone(),
            services,
            values,
            event.clone(),
            loaded.limits.memory,
        );
        let mut store = Store::new(loaded.engine.wasm(), context);
        store.limiter(|context| &mut context.meter);
        store.set_hostcall_fuel(loaded.limits.output.saturating_add(TRANSFER_ROOM));
        store.epoch_deadline_callback(|mut store| {
            let ticks_left = &mut store.data_mut().ticks_left;
            if *ticks_left == 0 {
                return Ok(UpdateDeadline::Interrupt);
            }
            *ticks_left -= 1;
            Ok(UpdateDeadline::Yield(1))
        });
        begin(&mut store, loaded, event_number, at);
        let started =
            tokio::time::timeout(loaded.limits.call, loaded.pre.instantiate_async(&mut store))
                .await;
        let last_error = event.end();
        match started {
            Ok(Ok(guest)) => Ok(Instance {
                store,
                guest,
                alive: true,
            }),
            Ok(Err(error)) => Err(explain(&error, store.data(), loaded, last_error)),
            Err(_) => Err(took_too_long(loaded)),
        }
    }

    /// Whether it can be asked again.
    pub(crate) fn alive(&self) -> bool {
        self.alive
    }

    /// Put a question, within the limits, and check the decision.
    pub(crate) async fn ask<Q: Question>(
        &mut self,
        question: &Q,
        loaded: &Loaded,
        event_number: u64,
        at: SystemTime,
    ) -> Result<Q::Decision, Failed> {
        begin(&mut self.store, loaded, event_number, at);
        let began = Instant::now();
        let reply = tokio::time::timeout(
            loaded.limits.call,
            question.put(&self.guest, &mut self.store),
        )
        .await;
        self.alive = matches!(reply, Ok(Ok(_)));
        let last_error = self.store.data().event.end();
        tracing::trace!(target: "policy", policy = %loaded.name, hook = %Q::HOOK,
            micros = began.elapsed().as_micros(), "policy-asked");
        let decision = match reply {
            Ok(Ok(Ok(decision))) => decision,
            Ok(Ok(Err(text))) => return Err(error_text(text)),
            Ok(Err(trap)) => return Err(explain(&trap, self.store.data(), loaded, last_error)),
            Err(_) => return Err(took_too_long(loaded)),
        };
        let mut rules = Rules::new(loaded.limits.output);
        decision.check(&mut rules);
        match rules.verdict() {
            Ok(()) => Ok(decision),
            Err(detail) => Err(Failed {
                kind: FailureKind::BadDecision,
                detail,
            }),
        }
    }
}

fn begin(store: &mut Store<Context>, loaded: &Loaded, event_number: u64, at: SystemTime) {
    let context = store.data_mut();
    context.begin(loaded.engine.ticks(loaded.limits.time));
    context.event.begin(event_number, at, &loaded.limits);
    store.set_epoch_deadline(1);
}

fn took_too_long(loaded: &Loaded) -> Failed {
    Failed {
        kind: FailureKind::Deadline,
        detail: format!(
            "the call took more than `limits.call`, {} ms, calls into the server included",
            loaded.limits.call.as_millis()
        ),
    }
}

/// The policy's own words, bounded: they go to the log.
fn error_text(mut text: String) -> Failed {
    if let Some((end, _)) = text.char_indices().nth(1000) {
        text.truncate(end);
        text.push('…');
    }
    Failed {
        kind: FailureKind::ErrorText,
        detail: text,
    }
}

/// Why it trapped. What the policy logged as an error last is usually its panic message.
fn explain(
    trap: &wasmtime::Error,
    context: &Context,
    loaded: &Loaded,
    last_error: Option<String>,
) -> Failed {
    let limits = &loaded.limits;
    let (kind, detail) = match trap.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => (
            FailureKind::Deadline,
            format!(
                "it ran for more than `limits.time`, {} ms",
                limits.time.as_millis()
            ),
        ),
        Some(Trap::StackOverflow) => (
            FailureKind::Stack,
            "it recursed beyond its stack".to_owned(),
        ),
        _ if context.meter.denied => (
            FailureKind::Memory,
            format!(
                "it wanted more than `limits.memory`, {} octets",
                limits.memory
            ),
        ),
        _ => (FailureKind::Trap, trap.root_cause().to_string()),
    };
    let words = last_error
        .map(|line| format!("; it said: {line}"))
        .unwrap_or_default();
    Failed {
        kind,
        detail: format!("{detail}{words}{}", frames(trap)),
    }
}

/// The innermost functions of the backtrace, if the component kept their names.
fn frames(trap: &wasmtime::Error) -> String {
    let names: Vec<&str> = trap
        .downcast_ref::<WasmBacktrace>()
        .map(WasmBacktrace::frames)
        .unwrap_or_default()
        .iter()
        .filter_map(|frame| frame.func_name())
        .take(FRAMES)
        .collect();
    if names.is_empty() {
        return String::new();
    }
    format!("; in {}", names.join(" < "))
}
