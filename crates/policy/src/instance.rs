//! One instance of a policy in its own store, and what is made of its traps.

use std::sync::Arc;

use pointsman_log::emit;
use tokio::time::{Instant, timeout_at};
use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};

use crate::decision::Decision;
use crate::error::{FailureKind, GuestFault};
use crate::events::PolicyEvent;
use crate::guest_context::GuestContext;
use crate::guest_event::{EventStamp, GuestEvent};
use crate::hook_call::{Guest, HookCall, HookResult};
use crate::host_calls::HostCalls;
use crate::loaded::Loaded;
use crate::memory::Share;
use crate::meter::{Denied, Meter};
use crate::rules::Rules;
use crate::services::HostServices;
use crate::session_values::SessionValues;

/// What a guest may pass in one call into the server, or return, beyond its texts: octets of
/// records and lists as wasmtime counts them.
const TRANSFER_ROOM: usize = 1 << 20;
/// Frames of a trap's backtrace that are logged.
const FRAMES: usize = 4;
/// Characters of a policy's standard error that are logged.
const LONGEST_WORDS: usize = 1000;
/// Rust's own functions.
const LIBRARY: [&str; 7] = [
    "std::", "core::", "alloc::", "__rustc", "__rust_", "abort", "wasi::",
];

/// When a policy must have answered a question: waiting for memory, its start, and its calls into the server included.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// Of a question that is put to the policy now.
    pub(crate) fn of(loaded: &Loaded) -> Self {
        Self(Instant::now() + loaded.limits.call)
    }
}

/// A running policy.
pub(crate) struct Instance {
    store: Store<GuestContext>,
    guest: Guest,
    /// After a trap a component cannot be entered again.
    alive: bool,
}

impl Instance {
    /// Creates an instance. Its start counts as an event, with the same limits.
    pub(crate) async fn start(
        loaded: &Loaded,
        stamp: &EventStamp<'_>,
        services: Arc<dyn HostServices>,
        values: SessionValues,
        deadline: Deadline,
    ) -> Result<Instance, GuestFault> {
        let share = free_memory(loaded, deadline).await?;
        let event = GuestEvent::new(loaded.name.clone(), stamp.subject.clone());
        event.begin(stamp, &loaded.limits);
        let context = GuestContext::new(
            loaded.name.clone(),
            loaded.settings.clone(),
            services,
            values,
            event.clone(),
            Meter::new(loaded.limits.memory, share),
        );
        let mut store = store_within_limits(loaded, context);
        let starting = async {
            let instance = loaded.pre.instantiate_async(&mut store).await?;
            loaded.exports.load(&mut store, &instance)
        };
        let started = timeout_at(deadline.0, starting).await;
        let last_lines = event.end();
        match started {
            Ok(Ok(guest)) => {
                loaded.starts_with(store.data().meter.size());
                Ok(Instance {
                    store,
                    guest,
                    alive: true,
                })
            }
            Ok(Err(error)) => Err(explain(&error, store.data(), loaded, &last_lines)),
            Err(_) => Err(took_too_long(loaded)),
        }
    }

    /// Whether it can be asked again.
    pub(crate) fn alive(&self) -> bool {
        self.alive
    }

    /// Its calls into the server since the last time.
    pub(crate) fn take_calls(&mut self) -> HostCalls {
        self.store.data_mut().take_calls()
    }

    /// Asks a question within the limits, and checks the decision.
    pub(crate) async fn ask<C: HookCall>(
        &mut self,
        call: &C,
        loaded: &Loaded,
        stamp: &EventStamp<'_>,
        deadline: Deadline,
    ) -> Result<C::Decision, GuestFault> {
        let event = self.store.data().event.clone();
        event.begin(stamp, &loaded.limits);
        allow(&mut self.store, loaded);
        let began = Instant::now();
        let asking = call.call(&self.guest, &mut self.store);
        let returned = timeout_at(deadline.0, asking).await;
        self.alive = matches!(returned, Ok(Ok(_)));
        let last_lines = event.end();
        emit(&PolicyEvent::Answered {
            policy: Arc::clone(&loaded.name),
            hook: C::HOOK.to_string(),
            took: began.elapsed(),
        });
        match returned {
            Ok(returned) => self.decision(returned, loaded, &last_lines),
            Err(_) => Err(took_too_long(loaded)),
        }
    }

    /// The result of a call, if it is a decision that can be carried out.
    fn decision<D: Decision>(
        &self,
        returned: HookResult<D>,
        loaded: &Loaded,
        last_lines: &str,
    ) -> Result<D, GuestFault> {
        let decision = returned
            .map_err(|trap| explain(&trap, self.store.data(), loaded, last_lines))?
            .map_err(error_text)?;
        let mut rules = Rules::new(loaded.limits.output);
        decision.check(&mut rules);
        match rules.verdict() {
            Ok(()) => Ok(decision),
            Err(detail) => Err(GuestFault {
                kind: FailureKind::BadDecision,
                detail,
            }),
        }
    }
}

/// A store whose guest is interrupted when its ticks, its memory or its calls are used up.
fn store_within_limits(loaded: &Loaded, context: GuestContext) -> Store<GuestContext> {
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
    store
}

/// Reserves memory for an instance of the size that earlier ones had at their start. Memory that comes when the time is
/// almost over comes too late: what the question lacked was memory then, and not time.
async fn free_memory(loaded: &Loaded, deadline: Deadline) -> Result<Share, GuestFault> {
    let limits = &loaded.limits;
    let latest = deadline.0 - limits.time.min(limits.call / 2);
    let share = loaded.engine.memory().share(loaded.size_at_start());
    timeout_at(latest, share).await.map_err(|_| GuestFault {
        kind: FailureKind::Memory,
        detail: format!(
            "there was no memory for it in time, {} ms: {}",
            limits.call.as_millis(),
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

/// Sets the time and the number of calls of an event.
fn allow(store: &mut Store<GuestContext>, loaded: &Loaded) {
    let ticks = loaded.engine.ticks(loaded.limits.time);
    store.data_mut().begin(ticks);
    store.set_epoch_deadline(1);
}

fn took_too_long(loaded: &Loaded) -> GuestFault {
    GuestFault {
        kind: FailureKind::Deadline,
        detail: format!(
            "the question took more than {} ms, its start and calls into the server included",
            loaded.limits.call.as_millis()
        ),
    }
}

/// The policy's own error text, bounded, for the log.
fn error_text(mut text: String) -> GuestFault {
    if let Some((end, _)) = text.char_indices().nth(1000) {
        text.truncate(end);
        text.push('…');
    }
    GuestFault {
        kind: FailureKind::ErrorText,
        detail: text,
    }
}

/// Why it trapped. The last complaint is usually the panic's message.
fn explain(
    trap: &wasmtime::Error,
    context: &GuestContext,
    loaded: &Loaded,
    last_lines: &str,
) -> GuestFault {
    let (kind, mut detail) = trap_kind(trap, context.meter.denied, loaded);
    if !last_lines.is_empty() {
        detail.push_str("; it said: ");
        detail.extend(last_lines.chars().take(LONGEST_WORDS));
    }
    if let Some(place) = place(trap) {
        detail.push_str("; in ");
        detail.push_str(&place);
    }
    GuestFault { kind, detail }
}

fn trap_kind(
    trap: &wasmtime::Error,
    denied: Option<Denied>,
    loaded: &Loaded,
) -> (FailureKind, String) {
    let limits = &loaded.limits;
    match (trap.downcast_ref::<Trap>(), denied) {
        (Some(Trap::Interrupt), _) => (
            FailureKind::Deadline,
            format!(
                "it ran for more than `limits.time`, {} ms",
                limits.time.as_millis()
            ),
        ),
        (Some(Trap::StackOverflow), _) => (
            FailureKind::Stack,
            "it recursed beyond its stack".to_owned(),
        ),
        (_, Some(Denied::Own)) => (
            FailureKind::Memory,
            format!(
                "it wanted more than `limits.memory`, {} octets",
                limits.memory
            ),
        ),
        (_, Some(Denied::All)) => (
            FailureKind::Memory,
            format!("there was no memory left for it: {}", all_in_use(loaded)),
        ),
        (_, None) => (FailureKind::Trap, trap.root_cause().to_string()),
    }
}

/// The policy's own innermost functions, if the component kept their names. Functions of the language's library show
/// how it traps, not why.
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
