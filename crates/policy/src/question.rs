//! The five questions: which export is called with what.

use std::future::Future;

use wasmtime::Store;

use crate::bindings::Policy;
use crate::bindings::types::{
    ConnectionDecision, ConnectionInfo, FileDecision, FileInfo, ResponseDecision, ResponseInfo,
    TransferResult, TurnDecision,
};
use crate::context::Context;
use crate::decision::Decision;
use crate::hook::Hook;

/// What an export gives: its decision or its error text; outside of that, the trap.
pub(crate) type Reply<D> = wasmtime::Result<Result<D, String>>;

/// A question that can be put to an instance.
pub(crate) trait Question: Sync {
    /// What the answer is.
    type Decision: Decision;
    /// The moment it is asked at.
    const HOOK: Hook;

    /// The connection it is asked about.
    fn connection(&self) -> &ConnectionInfo;

    /// Call the export.
    fn put(
        &self,
        guest: &Policy,
        store: &mut Store<Context>,
    ) -> impl Future<Output = Reply<Self::Decision>> + Send;
}

pub(crate) struct AcceptConnection<'a>(pub(crate) &'a ConnectionInfo);
pub(crate) struct AcceptFile<'a>(pub(crate) &'a ConnectionInfo, pub(crate) &'a FileInfo);
pub(crate) struct EndTransfer<'a>(pub(crate) &'a ConnectionInfo, pub(crate) &'a TransferResult);
pub(crate) struct ReadyToSend<'a>(pub(crate) &'a ConnectionInfo);
pub(crate) struct EndResponse<'a>(pub(crate) &'a ConnectionInfo, pub(crate) &'a ResponseInfo);

impl Question for AcceptConnection<'_> {
    type Decision = ConnectionDecision;
    const HOOK: Hook = Hook::AcceptConnection;

    fn connection(&self) -> &ConnectionInfo {
        self.0
    }

    async fn put(&self, guest: &Policy, store: &mut Store<Context>) -> Reply<ConnectionDecision> {
        guest
            .oftp_policy_connections()
            .call_accept_connection(store, self.0)
            .await
    }
}

impl Question for AcceptFile<'_> {
    type Decision = FileDecision;
    const HOOK: Hook = Hook::AcceptFile;

    fn connection(&self) -> &ConnectionInfo {
        self.0
    }

    async fn put(&self, guest: &Policy, store: &mut Store<Context>) -> Reply<FileDecision> {
        guest
            .oftp_policy_files()
            .call_accept_file(store, self.0, self.1)
            .await
    }
}

impl Question for EndTransfer<'_> {
    type Decision = ResponseDecision;
    const HOOK: Hook = Hook::EndTransfer;

    fn connection(&self) -> &ConnectionInfo {
        self.0
    }

    async fn put(&self, guest: &Policy, store: &mut Store<Context>) -> Reply<ResponseDecision> {
        guest
            .oftp_policy_transfers()
            .call_end_transfer(store, self.0, self.1)
            .await
    }
}

impl Question for ReadyToSend<'_> {
    type Decision = TurnDecision;
    const HOOK: Hook = Hook::ReadyToSend;

    fn connection(&self) -> &ConnectionInfo {
        self.0
    }

    async fn put(&self, guest: &Policy, store: &mut Store<Context>) -> Reply<TurnDecision> {
        guest
            .oftp_policy_turns()
            .call_ready_to_send(store, self.0)
            .await
    }
}

impl Question for EndResponse<'_> {
    type Decision = ();
    const HOOK: Hook = Hook::EndResponse;

    fn connection(&self) -> &ConnectionInfo {
        self.0
    }

    async fn put(&self, guest: &Policy, store: &mut Store<Context>) -> Reply<()> {
        guest
            .oftp_policy_responses()
            .call_end_response(store, self.0, self.1)
            .await
    }
}
