//! What the author of a policy implements.

use crate::records::{
    ConnectionDecision, ConnectionInfo, FileDecision, FileInfo, FileToQueue, QueueDecision,
    ResponseDecision, ResponseInfo, TransferResult, TurnDecision,
};

/// A decision, or why the policy could not make one: for the server's log. What it means for the partner `on_failure` of
/// the deployment says; where that says nothing, connections and files are refused for the time being, files of ours are
/// not queued, and nothing else is refused.
pub type Answer<D> = Result<D, String>;

/// The questions a server asks. All have a default: no opinion.
///
/// There is no `self`: the server may ask one session's questions in several instances. What is to
/// be remembered goes to [`session_set`] or [`kv_set`].
pub trait Policy {
    /// A partner's SSID has come: let it in, and on which terms? RFC 5024 section 4.2.
    fn accept_connection(_connection: &ConnectionInfo) -> Answer<ConnectionDecision> {
        Ok(ConnectionDecision::Pass)
    }

    /// The partner offers a file (SFID): take it, and where to? RFC 5024 section 4.3.
    fn accept_file(_connection: &ConnectionInfo, _file: &FileInfo) -> Answer<FileDecision> {
        Ok(FileDecision::Pass)
    }

    /// A transfer has ended. For a received, completed file: which response, and when? RFC 5024
    /// section 4.5.
    fn end_transfer(
        _connection: &ConnectionInfo,
        _transfer: &TransferResult,
    ) -> Answer<ResponseDecision> {
        Ok(ResponseDecision::Pass)
    }

    /// The turn is ours: what to send? RFC 5024 section 3.3.4.
    fn ready_to_send(_connection: &ConnectionInfo) -> Answer<TurnDecision> {
        Ok(TurnDecision::Pass)
    }

    /// An EERP or NERP has come. RFC 5024 sections 4.3.6 and 4.3.7.
    fn end_response(_connection: &ConnectionInfo, _response: &ResponseInfo) -> Answer<()> {
        Ok(())
    }

    /// A file of ours is to be queued: what is it secured with? There is no session.
    fn queue_file(_file: &FileToQueue) -> Answer<QueueDecision> {
        Ok(QueueDecision::Pass)
    }
}
