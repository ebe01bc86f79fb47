//! The contents of transfers, wherever they lie.
//!
//! What others do with contents is here as traits, so that they may lie in files ([`Spool`](crate::Spool)) or elsewhere.
//! The verbs are few: a content is a [`partial`](Contents::partial) first, to which octets are
//! [appended](ContentWriter::append); it is [sealed](WholeContent::seal) when it is whole; what is sealed is
//! [read](StoredContent::read_at), and [handed to](Contents::hand_to) the inbox. That last one is a rename where contents
//! are files, and a copy that is confirmed elsewhere; after it the content is gone, and that is the proof of the delivery.
//!
//! Nothing here waits on the thread of its caller, but for [`StoredContent::read_now`].

mod checking;
mod disk;
mod disk_writer;
mod intake;
mod padding;
mod records;
mod thread;

use std::fmt::Debug;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use oftp::Positions;

pub use self::checking::{ContentCheck, ContentFound, LateChecks, PATIENCE};
pub use self::intake::Intake;
pub use self::padding::Padded;
pub use self::records::{PositionsCheck, RecordError, RecordsFound, bare_line_feed, count, find};
use crate::content::{ContentKey, Hold};
use crate::seal::Seal;
use crate::sidecar::{Record, Sidecar};
use crate::spool::{Access, Pieces, PlaceError, SpoolError};
use crate::state::Direction;
use crate::transfer::TransferId;

/// Where the contents of transfers are kept, with a sidecar beside each that says what it is.
#[async_trait]
pub trait Contents: Debug + Send + Sync {
    /// Takes the partial of a content for this session alone; makes one where there is none.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while another session still has it, or has sealed it and its row does not say so yet.
    async fn partial(&self, key: ContentKey) -> Result<Box<dyn PartialContent>, SpoolError>;

    /// Copies `source` here; it is a file to send once it is sealed. Nothing is left where that fails.
    ///
    /// # Errors
    /// Reading `source` or writing here failed.
    async fn import(
        &self,
        id: TransferId,
        source: Box<dyn Read + Send>,
    ) -> Result<Box<dyn WholeContent>, SpoolError>;

    /// Opens a sealed content.
    ///
    /// # Errors
    /// It is not there.
    async fn open(&self, key: ContentKey) -> Result<Arc<dyn StoredContent>, SpoolError>;

    /// BLAKE3 of a sealed content as it can be read now, hexadecimal.
    ///
    /// # Errors
    /// It cannot be read.
    async fn digest(&self, key: ContentKey) -> Result<String, SpoolError>;

    /// Takes a sealed content for this task alone, in this program and any other. None when it is not there.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while another has it.
    async fn hold(&self, key: ContentKey) -> Result<Option<Hold>, SpoolError>;

    /// The same of the content that goes into the inbox: a plain one, once it is sealed. None when it has left.
    ///
    /// # Errors
    /// As for [`Contents::hold`].
    async fn hold_to_deliver(&self, id: TransferId) -> Result<Option<Hold>, SpoolError>;

    /// Hands a sealed content to `path` below `inbox`, which is in its row already and is appended to its sidecar first.
    /// Durable on return; the content is gone from here then. `path` is made of parts joined by `/`.
    ///
    /// # Errors
    /// [`PlaceError::Taken`] when something of that name is there and is not to be overwritten.
    async fn hand_to(
        &self,
        inbox: &Path,
        path: &str,
        key: ContentKey,
        how: Handing,
    ) -> Result<(), PlaceError>;

    /// Makes durable that a content was handed to `path`, where that is not known: a crash, or another, may have come in
    /// between.
    ///
    /// # Errors
    /// It cannot be made durable.
    async fn confirm_handed(&self, inbox: &Path, path: &str) -> Result<(), PlaceError>;

    /// Gives the contents of `from`, a file to send, to another transfer.
    ///
    /// # Errors
    /// What is sent of `from` is not there any more, or nothing can be written here.
    async fn send_again(&self, from: TransferId, sidecar: &Sidecar) -> Result<(), SpoolError>;

    /// Writes a sidecar, or writes it again: durable on return.
    ///
    /// # Errors
    /// Nothing can be written here.
    async fn describe(&self, sidecar: &Sidecar) -> Result<(), SpoolError>;

    /// Reads the sidecar of a transfer. None where there is none.
    ///
    /// # Errors
    /// It cannot be read.
    async fn record(
        &self,
        direction: Direction,
        id: TransferId,
    ) -> Result<Option<Record>, SpoolError>;

    /// Adds to the sidecar of a file to send where some of its records end. A failure costs nobody the file: without them
    /// a restart reads it from its start.
    async fn keep_positions(&self, id: TransferId, seal: &Seal, positions: &Positions);

    /// Where some records of a file to send end; none where that was not noted, or cannot be read any more.
    async fn positions(&self, id: TransferId) -> Positions;

    /// What there is of one transfer.
    ///
    /// # Errors
    /// Something of it cannot be looked at.
    async fn pieces(&self, id: TransferId) -> Result<Pieces, SpoolError>;

    /// Removes a file to send that was not queued after all.
    ///
    /// # Errors
    /// It is there and cannot be removed.
    async fn withdraw(&self, id: TransferId) -> Result<(), SpoolError>;

    /// Removes the sealed contents of a transfer; its sidecar stays, so that the file is known.
    ///
    /// # Errors
    /// One is there and cannot be removed.
    async fn discard_contents(
        &self,
        direction: Direction,
        id: TransferId,
    ) -> Result<(), SpoolError>;

    /// Removes a partial that no row knows, and what was written of a sidecar for it.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while somebody writes it.
    async fn discard_partial(&self, id: TransferId) -> Result<(), SpoolError>;

    /// Whether so many octets fit without touching the reserve.
    ///
    /// # Errors
    /// They do not, or that is not known.
    async fn has_room_for(&self, octets: u64) -> Result<(), SpoolError>;

    /// Removes partials that were left alone, the oldest first, until so many octets fit; none where all of them would
    /// not do. Returns their transfers.
    ///
    /// # Errors
    /// They cannot be listed.
    async fn make_room(&self, octets: u64) -> Result<Vec<TransferId>, SpoolError>;
}

/// How a content is handed to the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handing {
    /// Whether it takes the place of what has its name.
    pub overwrite: bool,
    /// What others may do with it there.
    pub access: Access,
}

/// A content of which there may be a beginning, and which is this session's alone.
#[async_trait]
pub trait PartialContent: Debug + Send + Sync {
    /// Octets it has.
    ///
    /// # Errors
    /// It cannot be looked at.
    async fn octets(&self) -> Result<u64, SpoolError>;

    /// Resumes at `octets`, cutting off what lies beyond.
    ///
    /// # Errors
    /// [`SpoolError::Short`] when it has fewer octets.
    async fn resume(self: Box<Self>, octets: u64) -> Result<Box<dyn ContentWriter>, SpoolError>;

    /// Removes it: the file came another way.
    ///
    /// # Errors
    /// It cannot be removed.
    async fn remove(self: Box<Self>) -> Result<(), SpoolError>;
}

/// Writes one content, which is its holder's alone.
#[async_trait]
pub trait ContentWriter: Debug + Send + Sync {
    /// Octets so far, those that are not written yet included.
    fn octets(&self) -> u64;

    /// Adds octets at the end: they are written while the next ones arrive, one write at most being under way. Returns a
    /// buffer that is free again. A few octets alone cost as much as many: see [`Intake`].
    ///
    /// # Errors
    /// An earlier write failed.
    async fn append(&mut self, octets: Vec<u8>) -> Result<Option<Vec<u8>>, SpoolError>;

    /// Waits until all of them are written.
    ///
    /// # Errors
    /// A write failed.
    async fn written(&mut self) -> Result<(), SpoolError>;

    /// What makes durable all that is written by now, while more is written.
    ///
    /// # Errors
    /// As for [`ContentWriter::written`].
    async fn syncer(&mut self) -> Result<Box<dyn ContentSyncer>, SpoolError>;

    /// Ends the content with these last octets. Nothing need be durable yet; its digest is known.
    ///
    /// # Errors
    /// A write failed, or what was here before cannot be read.
    async fn finish(self: Box<Self>, rest: Vec<u8>) -> Result<Box<dyn WholeContent>, SpoolError>;

    /// Stops in the middle, with these last octets; all of it is durable then. What is returned keeps others away from the
    /// partial.
    ///
    /// # Errors
    /// A write or its sync failed.
    async fn pause(self: Box<Self>, rest: Vec<u8>) -> Result<Hold, SpoolError>;

    /// Removes the content.
    ///
    /// # Errors
    /// It cannot be removed.
    async fn discard(self: Box<Self>) -> Result<(), SpoolError>;
}

/// Makes durable what a [`ContentWriter`] had written when this was made.
#[async_trait]
pub trait ContentSyncer: Debug + Send {
    /// Returns how many octets are durable then.
    ///
    /// # Errors
    /// A failed sync is final: what is durable is unknown from here on.
    async fn sync(self: Box<Self>) -> Result<u64, SpoolError>;
}

/// A content that has all its octets, and which nobody was told about: it can still be sealed or discarded.
#[async_trait]
pub trait WholeContent: Debug + Send + Sync {
    /// The size and digest it is sealed with.
    fn as_sealed(&self) -> &Seal;

    /// Its octets, to be read.
    ///
    /// # Errors
    /// It cannot be opened.
    async fn open(&self) -> Result<Arc<dyn StoredContent>, SpoolError>;

    /// Gives a content as on the wire its name for good, with its sidecar. Durable on return. What is returned is to be
    /// kept until a row says that the content is there.
    ///
    /// # Errors
    /// Nothing of it is left then.
    async fn seal(self: Box<Self>, sidecar: &Sidecar) -> Result<Hold, SpoolError>;

    /// The same of a plain content, which the sidecar of the other is told of when all of it is durable.
    ///
    /// # Errors
    /// As for [`WholeContent::seal`].
    async fn seal_plain(self: Box<Self>) -> Result<Hold, SpoolError>;

    /// Removes it.
    ///
    /// # Errors
    /// It cannot be removed.
    async fn discard(self: Box<Self>) -> Result<(), SpoolError>;
}

/// A content that is open to be read.
#[async_trait]
pub trait StoredContent: Debug + Send + Sync {
    /// Its size in octets: known since it was opened.
    ///
    /// # Errors
    /// It cannot be looked at.
    fn octets(&self) -> Result<u64, SpoolError>;

    /// As many octets from `position` on; fewer come only at the end of the file.
    ///
    /// # Errors
    /// The read failed.
    async fn read_at(&self, position: u64, octets: usize) -> Result<Vec<u8>, SpoolError>;

    /// The same into a buffer, for threads that may wait. Returns how many octets there were.
    ///
    /// # Errors
    /// The read failed.
    fn read_now(&self, position: u64, buffer: &mut [u8]) -> Result<usize, SpoolError>;
}
