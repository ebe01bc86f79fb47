//! From the component's exports to the author's type.

use std::marker::PhantomData;
use std::sync::Once;

use crate::bindings::exports::oftp::policy::{connections, files, responses, transfers, turns};
use crate::{
    Answer, ConnectionDecision, ConnectionInfo, FileDecision, FileInfo, Level, Policy,
    ResponseDecision, ResponseInfo, TransferResult, TurnDecision,
};

/// The exports of a component whose policy is `P`.
pub struct Exports<P>(PhantomData<P>);

impl<P: Policy> connections::Guest for Exports<P> {
    fn accept_connection(connection: ConnectionInfo) -> Answer<ConnectionDecision> {
        tell_panics();
        P::accept_connection(&connection)
    }
}

impl<P: Policy> files::Guest for Exports<P> {
    fn accept_file(connection: ConnectionInfo, file: FileInfo) -> Answer<FileDecision> {
        tell_panics();
        P::accept_file(&connection, &file)
    }
}

impl<P: Policy> transfers::Guest for Exports<P> {
    fn end_transfer(
        connection: ConnectionInfo,
        transfer: TransferResult,
    ) -> Answer<ResponseDecision> {
        tell_panics();
        P::end_transfer(&connection, &transfer)
    }
}

impl<P: Policy> turns::Guest for Exports<P> {
    fn ready_to_send(connection: ConnectionInfo) -> Answer<TurnDecision> {
        tell_panics();
        P::ready_to_send(&connection)
    }
}

impl<P: Policy> responses::Guest for Exports<P> {
    fn end_response(connection: ConnectionInfo, response: ResponseInfo) -> Answer<()> {
        tell_panics();
        P::end_response(&connection, &response)
    }
}

/// A panic's message and place go to the server's log as an error; the server repeats it when it
/// tells of the trap that follows.
fn tell_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            crate::log(Level::Error, &panic.to_string())
        }));
    });
}
