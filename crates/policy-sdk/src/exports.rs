//! From the component's exports to the author's type.

use std::marker::PhantomData;
use std::sync::Once;

use crate::bindings::exports::oftp::policy::{
    connections, files, queue, responses, transfers, turns,
};
use crate::hooks::{Answer, Policy};
use crate::host;
use crate::records::{
    ConnectionDecision, ConnectionInfo, FileDecision, FileInfo, FileToQueue, Level, QueueDecision,
    ResponseDecision, ResponseInfo, TransferResult, TurnDecision,
};

/// The exports of a component whose policy is `P`.
pub struct Exports<P>(PhantomData<P>);

impl<P: Policy> connections::Guest for Exports<P> {
    fn accept_connection(connection: ConnectionInfo) -> Answer<ConnectionDecision> {
        log_panics();
        P::accept_connection(&connection)
    }
}

impl<P: Policy> files::Guest for Exports<P> {
    fn accept_file(connection: ConnectionInfo, file: FileInfo) -> Answer<FileDecision> {
        log_panics();
        P::accept_file(&connection, &file)
    }
}

impl<P: Policy> transfers::Guest for Exports<P> {
    fn end_transfer(
        connection: ConnectionInfo,
        transfer: TransferResult,
    ) -> Answer<ResponseDecision> {
        log_panics();
        P::end_transfer(&connection, &transfer)
    }
}

impl<P: Policy> turns::Guest for Exports<P> {
    fn ready_to_send(connection: ConnectionInfo) -> Answer<TurnDecision> {
        log_panics();
        P::ready_to_send(&connection)
    }
}

impl<P: Policy> responses::Guest for Exports<P> {
    fn end_response(connection: ConnectionInfo, response: ResponseInfo) -> Answer<()> {
        log_panics();
        P::end_response(&connection, &response)
    }
}

impl<P: Policy> queue::Guest for Exports<P> {
    fn queue_file(file: FileToQueue) -> Answer<QueueDecision> {
        log_panics();
        P::queue_file(&file)
    }
}

/// A panic's message and place go to the server's log as an error; the server repeats them when it
/// logs the trap that follows.
fn log_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            host::log(Level::Error, &panic.to_string())
        }));
    });
}
