//! The five questions: which export of a policy is called with what.

use std::future::Future;

use serde::Serialize;
use wasmtime::Store;

use crate::bindings::Policy;
use crate::bindings::types::{
    ConnectionDecision, ConnectionInfo, FileDecision, FileInfo, ResponseDecision, ResponseInfo,
    TransferResult, TurnDecision,
};
use crate::decision::Decision;
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

    /// The connection it is asked about.
    fn connection(&self) -> &ConnectionInfo;

    fn call(
        &self,
        guest: &Policy,
        store: &mut Store<GuestContext>,
    ) -> impl Future<Output = HookResult<Self::Decision>> + Send;
}

#[derive(Serialize)]
pub(crate) struct AcceptConnection<'a> {
    pub(crate) connection: &'a ConnectionInfo,
}

#[derive(Serialize)]
pub(crate) struct AcceptFile<'a> {
    pub(crate) connection: &'a ConnectionInfo,
    pub(crate) file: &'a FileInfo,
}

#[derive(Serialize)]
pub(crate) struct EndTransfer<'a> {
    pub(crate) connection: &'a ConnectionInfo,
    pub(crate) transfer: &'a TransferResult,
}

#[derive(Serialize)]
pub(crate) struct ReadyToSend<'a> {
    pub(crate) connection: &'a ConnectionInfo,
}

#[derive(Serialize)]
pub(crate) struct EndResponse<'a> {
    pub(crate) connection: &'a ConnectionInfo,
    pub(crate) response: &'a ResponseInfo,
}

impl HookCall for AcceptConnection<'_> {
    type Decision = ConnectionDecision;
    const HOOK: Hook = Hook::AcceptConnection;

    fn connection(&self) -> &ConnectionInfo {
        self.connection
    }

    async fn call(
        &self,
        guest: &Policy,
        store: &mut Store<GuestContext>,
    ) -> HookResult<ConnectionDecision> {
        guest
            .oftp_policy_connections()
            .call_accept_connection(store, self.connection)
            .await
    }
}

impl HookCall for AcceptFile<'_> {
    type Decision = FileDecision;
    const HOOK: Hook = Hook::AcceptFile;

    fn connection(&self) -> &ConnectionInfo {
        self.connection
    }

    async fn call(
        &self,
        guest: &Policy,
        store: &mut Store<GuestContext>,
    ) -> HookResult<FileDecision> {
        guest
            .oftp_policy_files()
            .call_accept_file(store, self.connection, self.file)
            .await
    }
}

impl HookCall for EndTransfer<'_> {
    type Decision = ResponseDecision;
    const HOOK: Hook = Hook::EndTransfer;

    fn connection(&self) -> &ConnectionInfo {
        self.connection
    }

    async fn call(
        &self,
        guest: &Policy,
        store: &mut Store<GuestContext>,
    ) -> HookResult<ResponseDecision> {
        guest
            .oftp_policy_transfers()
            .call_end_transfer(store, self.connection, self.transfer)
            .await
    }
}

impl HookCall for ReadyToSend<'_> {
    type Decision = TurnDecision;
    const HOOK: Hook = Hook::ReadyToSend;

    fn connection(&self) -> &ConnectionInfo {
        self.connection
    }

    async fn call(
        &self,
        guest: &Policy,
        store: &mut Store<GuestContext>,
    ) -> HookResult<TurnDecision> {
        guest
            .oftp_policy_turns()
            .call_ready_to_send(store, self.connection)
            .await
    }
}

impl HookCall for EndResponse<'_> {
    type Decision = ();
    const HOOK: Hook = Hook::EndResponse;

    fn connection(&self) -> &ConnectionInfo {
        self.connection
    }

    async fn call(&self, guest: &Policy, store: &mut Store<GuestContext>) -> HookResult<()> {
        guest
            .oftp_policy_responses()
            .call_end_response(store, self.connection, self.response)
            .await
    }
}
