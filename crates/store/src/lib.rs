//! What must survive: the ledger of transfers and their content.
//!
//! Two things are kept, usually on one file system:
//!
//! * the **ledger** ([`Ledger`]): one row a virtual file, one a receipt, and the timeline of both. Every change is a
//!   verb; a verb is one transaction and leads from named states to a named state; a verb that has led there changes
//!   nothing when it is repeated. [`SqliteLedger`] keeps it in one SQLite file.
//! * the **spool** ([`Spool`]): the octets of each file, under the transfer's own id. A name that came
//!   from a partner is never part of a spool path.
//!
//! The order of the steps is what makes the store safe, and the caller keeps it: a blob is *sealed* (written, renamed,
//! synced with its folder and its sidecar) before a row says so, and a row is committed before anything is promised to
//! the partner. A crash between two steps leaves one of the states listed in [`InboundState`] and [`OutboundState`];
//! [`Ledger::recover`] and what [`Ledger::unfinished`] finds lead each of them back into use.

mod audit_case;
mod audit_fit;
mod book;
mod committing;
mod contact;
mod content;
mod content_keys;
pub mod contents;
mod due;
mod error;
pub mod events;
mod finding;
mod flush;
mod ledger;
mod measure;
mod note;
mod offer;
mod persisted;
mod planted;
mod positions;
mod precedence;
mod private;
mod proofs;
mod queue;
mod replay;
mod request;
mod row;
#[cfg(test)]
mod samples;
mod sealed;
mod sidecar;
mod sidecar_json;
mod spool;
mod sqlite;
mod state;
mod state_reason;
mod transfer;
pub mod transition;
mod verb;
mod verdict;
mod verify;
mod wire_hash;
mod words;

pub use audit_case::Audit;
pub use book::Books;
pub use committing::{Committing, in_session};
pub use contact::{Backlog, Contact, ContactKind};
pub use content::{Content, ContentKey, Hold};
pub use content_keys::ContentKeys;
pub use error::LedgerError;
pub use finding::{Finding, Weight};
pub use ledger::Ledger;
pub use measure::Measure;
pub use note::Note;
pub use offer::{Arrived, KnownFile, Offer, Offered, Repeated, Standing};
pub use persisted::{InDoubt, Persisted, Stored};
pub use planted::planted;
pub use positions::KeptPositions;
pub use private::{OwnFiles, keep_private};
pub use proofs::Proofs;
pub use queue::{Acknowledgement, Files, Longest, Naming, Order, Waiting, Work};
pub use replay::beyond;
pub use request::{Filter, Quota, Recovery};
pub use row::{Course, HistoryLine, Inbound, Outbound, Receipt, ReceiptDecision, Row};
pub use sealed::Sealed;
pub use sidecar::{Entry, Record, Sidecar, Way};
pub use sidecar_json::SidecarError;
pub use spool::{
    Access, Blob, BlobWriter, Digest, Lengths, Partial, Pieces, PlaceError, Process, Programs,
    Reserve, Spool, SpoolError, Whole, is_full,
};
pub use sqlite::{Left, Rebuilt, SqliteLedger, rebuild};
pub use state::{Direction, InboundState, OutboundState, ReceiptState, State};
pub use state_reason::StateReason;
pub use transfer::{
    Details, Labels, NewFile, OpenQuestion, OutboundFile, OwedResponse, Question, Queued, REBUILT,
    Target, TimelineEntry, ToSign, Transfer, TransferId, Undelivered, Unopened,
};
pub use verb::{Effect, Unfit, Verb};
pub use verdict::{NotOpened, Opened, Received, Verdict};
pub use verify::{AuditError, Audited};
pub use wire_hash::{NoWireHash, WireHash, WireHashAlgorithm};
