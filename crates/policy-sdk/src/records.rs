//! The records and variants of the WIT files, in one place.

pub use crate::bindings::exports::oftp::policy::connections::{ConnectionDecision, SessionTerms};
pub use crate::bindings::exports::oftp::policy::files::{FileDecision, FileTerms, RecordLayout};
pub use crate::bindings::exports::oftp::policy::queue::{
    DemandedServices, FileServices, FileToQueue, QueueDecision, QueueTerms,
};
pub use crate::bindings::exports::oftp::policy::responses::{
    Rejection, ResponseInfo, ResponseKind,
};
pub use crate::bindings::exports::oftp::policy::transfers::{
    ResponseDecision, ResponseTerms, TransferDirection, TransferOutcome, TransferResult,
};
pub use crate::bindings::exports::oftp::policy::turns::{TurnDecision, TurnTerms};
pub use crate::bindings::oftp::policy::host::Level;
pub use crate::bindings::oftp::policy::types::{
    Certificate, ConnectionInfo, Direction, FileInfo, OutboundFile, RecordFormat, Refusal,
    SecurityLevel, TlsInfo, TransferMode,
};
