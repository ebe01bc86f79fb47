//! One row a hook: what is asked, what the answer is, and which export of a component is called. A component exports what
//! it wants; of one that does not export a hook the question is not asked.

use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::bindings::exports::oftp::policy as exports;
use crate::bindings::types::{
    ConnectionDecision, ConnectionInfo, FileDecision, FileInfo, FileToQueue, QueueDecision,
    ResponseDecision, ResponseInfo, TransferResult, TurnDecision,
};
use crate::decision::Decision;
use crate::events::Subject;
use crate::guest_context::GuestContext;
use crate::hook::Hook;

/// The result of an export: its decision or its error text; or else the trap.
pub(crate) type HookResult<D> = wasmtime::Result<Result<D, String>>;

/// A question that can be put to an instance: the call of one hook.
pub(crate) trait HookCall: Serialize + Sync {
    /// What the answer is.
    type Decision: Decision;
    /// The moment it is asked at.
    const HOOK: Hook;

    /// Whom the question is about, in this session or outside of one.
    fn subject(&self, session: Arc<str>) -> Subject;

    fn call(
        &self,
        guest: &Guest,
        store: &mut Store<GuestContext>,
    ) -> impl Future<Output = HookResult<Self::Decision>> + Send;
}

/// The first thing that a hook is told, which says whom the question is about.
trait Concerns {
    fn subject(&self, session: Arc<str>) -> Subject;
}

impl Concerns for ConnectionInfo {
    fn subject(&self, session: Arc<str>) -> Subject {
        Subject::partner(session, self)
    }
}

impl Concerns for FileToQueue {
    fn subject(&self, _: Arc<str>) -> Subject {
        Subject::file(&self.id, &self.partner)
    }
}

macro_rules! hook_calls {
    ($($hook:ident { $first:ident: $about:ty $(, $more:ident: $fact:ty)* } -> $decision:ty = $interface:ident.$export:ident;)*) => {
        /// Where a component has its hooks; none of those that it does not export.
        #[derive(Clone, Default)]
        pub(crate) struct Exports {
            $($interface: Option<exports::$interface::GuestIndices>,)*
        }

        /// The hooks of an instance.
        pub(crate) struct Guest {
            $($interface: Option<exports::$interface::Guest>,)*
        }

        impl Exports {
            /// Finds those hooks that a component is known to export. The error names what is missing.
            pub(crate) fn of(component: &InstancePre<GuestContext>, hooks: &[Hook]) -> wasmtime::Result<Self> {
                let mut found = Self::default();
                $(if hooks.contains(&Hook::$hook) {
                    found.$interface = Some(exports::$interface::GuestIndices::new(component)?);
                })*
                Ok(found)
            }

            /// Those of an instance. The error says which of them has other types than this server.
            pub(crate) fn load(&self, store: &mut Store<GuestContext>, instance: &Instance) -> wasmtime::Result<Guest> {
                Ok(Guest {
                    $($interface: match &self.$interface {
                        Some(found) => Some(found.load(&mut *store, instance).map_err(|error| misfit(Hook::$hook, &error))?),
                        None => None,
                    },)*
                })
            }
        }

        $(
            #[derive(Serialize)]
            pub(crate) struct $hook<'a> {
                pub(crate) $first: &'a $about,
                $(pub(crate) $more: &'a $fact,)*
            }

            impl HookCall for $hook<'_> {
                type Decision = $decision;
                const HOOK: Hook = Hook::$hook;

                fn subject(&self, session: Arc<str>) -> Subject {
                    self.$first.subject(session)
                }

                async fn call(&self, guest: &Guest, store: &mut Store<GuestContext>) -> HookResult<$decision> {
                    let hook = guest.$interface.as_ref().ok_or_else(|| not_exported(Self::HOOK))?;
                    hook.$export(store, self.$first $(, self.$more)*).await
                }
            }
        )*
    };
}

hook_calls! {
    AcceptConnection { connection: ConnectionInfo } -> ConnectionDecision = connections.call_accept_connection;
    AcceptFile { connection: ConnectionInfo, file: FileInfo } -> FileDecision = files.call_accept_file;
    EndTransfer { connection: ConnectionInfo, transfer: TransferResult } -> ResponseDecision = transfers.call_end_transfer;
    ReadyToSend { connection: ConnectionInfo } -> TurnDecision = turns.call_ready_to_send;
    EndResponse { connection: ConnectionInfo, response: ResponseInfo } -> () = responses.call_end_response;
    QueueFile { file: FileToQueue } -> QueueDecision = queue.call_queue_file;
}

/// A hook has other parameters or another result.
fn misfit(hook: Hook, error: &wasmtime::Error) -> wasmtime::Error {
    wasmtime::Error::msg(format!(
        "`{hook}` is not as this server calls it: {error:#}; build it against the `oftp:policy` of this server"
    ))
}

/// Nobody is asked what it does not export; this is the answer if it happens.
fn not_exported(hook: Hook) -> wasmtime::Error {
    let interface = hook.interface();
    wasmtime::Error::msg(format!("it does not export `oftp:policy/{interface}`"))
}
