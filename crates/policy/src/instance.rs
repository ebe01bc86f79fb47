//! One instance of a policy in its own store, and what is made of its traps.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use pointsman_log::tell;
use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};

use crate::bindings;
use crate::context::{Context, HostServices};
use crate::decision::Decision;
use crate::error::FailureKind;
use crate::event::Event;
use crate::events::{self, Asked};
use crate::limits::{Denied, Meter};
use crate::load::Loaded;
use crate::memory::Share;
use crate::question::Question;
use crate::rules::Rules;
use crate::session_values::SessionValues;

/// What a guest may pass in one call into the server, or return, beyond its texts: octets of
/// records and lists as wasmtime counts them.
const TRANSFER_ROOM: usize = 1 << 20;
/// Frames of a trap's backtrace that are told.
const FRAMES: usize = 4;
/// Characters of a policy's last words that are told.
const LONGEST_WORDS: usize = 1000;
/// Rust's own functions.
const LIBRARY: [&str; 7] = [
    "std::", "core::", "alloc::", "__rustc", "__rust_", "abort", "wasi::",
];

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
        asked: &Asked,
        services: Arc<dyn HostServices>,
        values: SessionValues,
        event_number: u64,
        at: SystemTime,
    ) -> Result<Instance, Failed> {
        let share = room(loaded).await?;
        let event = Event::new(loaded.name.clone(), asked.clone());
        event.begin(asked, event_number, at, &loaded.limits);
        let context = Context::new(
            loaded.name.clone(),
            loaded.settings.clone(),
            services,
            values,
            event.clone(),
            Meter::new(loaded.limits.memory, share),
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
        allow(&mut store, loaded);
        let started =
            tokio::time::timeout(loaded.limits.call, loaded.pre.instantiate_async(&mut store))
                .await;
        let last_words = event.end();
        match started {
            Ok(Ok(guest)) => {
                loaded.starts_with(store.data().meter.size());
                Ok(Instance {
                    store,
                    guest,
                    alive: true,
                })
            }
            Ok(Err(error)) => Err(explain(&error, store.data(), loaded, &last_words)),
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
        asked: &Asked,
        event_number: u64,
        at: SystemTime,
    ) -> Result<Q::Decision, Failed> {
        let event = self.store.data().event.clone();
        event.begin(asked, event_number, at, &loaded.limits);
        allow(&mut self.store, loaded);
        let began = Instant::now();
        let reply = tokio::time::timeout(
            loaded.limits.call,
            question.put(&self.guest, &mut self.store),
        )
        .await;
        self.alive = matches!(reply, Ok(Ok(_)));
        let last_words = event.end();
        tell(&events::Event::Answered {
            policy: Arc::clone(&loaded.name),
            hook: Q::HOOK.to_string(),
            took: began.elapsed(),
        });
        let decision = match reply {
            Ok(Ok(Ok(decision))) => decision,
            Ok(Ok(Err(text))) => return Err(error_text(text)),
            Ok(Err(trap)) => return Err(explain(&trap, self.store.data(), loaded, &last_words)),
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

/// Room for an instance as big as those before it were at their start.
async fn room(loaded: &Loaded) -> Result<Share, Failed> {
    let memory = loaded.engine.memory();
    tokio::time::timeout(loaded.limits.call, memory.share(loaded.size_at_start()))
        .await
        .map_err(|_| Failed {
            kind: FailureKind::Memory,
            detail: format!(
                "there was no room for it within {} ms: {}",
                loaded.limits.call.as_millis(),
                all_in_use(loaded)
            ),
        })
}

fn all_in_use(loaded: &Loaded) -> String {
    format!(
        "all policies of all sessions together may hold {} octets, `limits.policies_memory` of the server",
        loaded.engine.memory().limit()
    )
}

/// Give an event its time and its calls.
fn allow(store: &mut Store<Context>, loaded: &Loaded) {
    let ticks = loaded.engine.ticks(loaded.limits.time);
    store.data_mut().begin(ticks);
    store.set_epoch_deadline(1);
}

fn took_too_long(loaded: &Loaded) -> Failed {
    Failed {
        kind: FailureKind::Deadline,
        detail: format!(
            "the question took more than {} ms, calls into the server included",
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

/// Why it trapped. The last complaint is usually the panic's message.
fn explain(trap: &wasmtime::Error, context: &Context, loaded: &Loaded, last_words: &str) -> Failed {
    let limits = &loaded.limits;
    let (kind, mut detail) = match trap.downcast_ref::<Trap>() {
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
        _ if context.meter.denied == Some(Denied::Own) => (
            FailureKind::Memory,
            format!(
                "it wanted more than `limits.memory`, {} octets",
                limits.memory
            ),
        ),
        _ if context.meter.denied == Some(Denied::All) => (
            FailureKind::Memory,
            format!("there was no memory left for it: {}", all_in_use(loaded)),
        ),
        _ => (FailureKind::Trap, trap.root_cause().to_string()),
    };
    if !last_words.is_empty() {
        detail.push_str("; it said: ");
        detail.extend(last_words.chars().take(LONGEST_WORDS));
    }
    if let Some(place) = place(trap) {
        detail.push_str("; in ");
        detail.push_str(&place);
    }
    Failed { kind, detail }
}

/// The policy's own innermost functions, if the component kept their names. Those of the language's
/// library tell how it traps, not why.
fn place(trap: &wasmtime::Error) -> Option<String> {
    let names: Vec<String> = trap
        .downcast_ref::<WasmBacktrace>()?
        .frames()
        .iter()
        .filter_map(|frame| {
            Some(format!(
                "{:#}",
                rustc_demangle::demangle(frame.func_name()?)
            ))
        })
        .filter(|name| {
            !LIBRARY
                .iter()
                .any(|prefix| name.trim_start_matches('<').starts_with(prefix))
        })
        .take(FRAMES)
        .collect();
    (!names.is_empty()).then(|| names.join(" < "))
}
