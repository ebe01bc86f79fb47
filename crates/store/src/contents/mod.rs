//! The contents of transfers, wherever they lie.
//!
//! What other modules do with contents is declared here as traits, so that contents may be kept in files
//! ([`Spool`](crate::Spool)) or elsewhere. There are few operations: a content is a [`partial`](Contents::partial)
//! first, to which octets are [appended](ContentWriter::append); it is [sealed](WholeContent::seal) when it is whole; a
//! sealed content is [read](StoredContent::read_at), and [handed to](Contents::hand_to) the inbox. Where contents are
//! files that is a rename, elsewhere a copy that is confirmed. Afterwards the content is gone, which proves the
//! delivery.
//!
//! Nothing here blocks the thread of its caller, except [`StoredContent::read_now`].

mod checking;
mod disk;
mod disk_writer;
mod intake;
mod leftovers;
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
pub use self::leftovers::Leftovers;
pub use self::padding::Padded;
pub use self::records::{PositionsCheck, RecordError, RecordsFound, bare_line_feed, count, find};
pub(crate) use self::thread::on_thread;
use crate::content::{ContentKey, Hold};
use crate::measure::Measure;
use crate::sealed::Sealed;
use crate::sidecar::{Record, Sidecar};
use crate::spool::{Access, Pieces, PlaceError, SpoolError};
use crate::state::Direction;
use crate::transfer::TransferId;

/// Where the contents of transfers are kept, with a sidecar beside each that says what it is.
#[async_trait]
pub trait Contents: Leftovers + Debug + Send + Sync {
    /// Opens the partial of a content for this session alone; creates it where there is none.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while another session has it, or has sealed it and the row does not say so yet.
    async fn partial(&self, key: ContentKey) -> Result<Box<dyn PartialContent>, SpoolError>;

    /// Copies `source`. Once it is sealed it is a file to send. Nothing is left where the copy fails.
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

    /// Where a sealed content lies, in words for people. None when it is not there.
    async fn shown(&self, key: ContentKey) -> Option<String>;

    /// Reads a sealed content and returns its BLAKE3 digest in hexadecimal digits.
    ///
    /// # Errors
    /// It cannot be read.
    async fn digest(&self, key: ContentKey) -> Result<String, SpoolError>;

    /// Gets exclusive access to a sealed content, against this program and all others. None when it is not there.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while another has it.
    async fn hold(&self, key: ContentKey) -> Result<Option<Hold>, SpoolError>;

    /// The same for the content that goes into the inbox: the plain one, once that is sealed. None when it has left.
    ///
    /// # Errors
    /// As for [`Contents::hold`]; [`SpoolError::NotOpened`] where the file is secured and its plain content is not sealed.
    async fn hold_to_deliver(&self, id: TransferId) -> Result<Option<Hold>, SpoolError>;

    /// The plain content of a received file that is sealed already, since a crash came before its row said so: it need
    /// not be made again, and must not be removed. None where the file is still to be opened.
    ///
    /// # Errors
    /// As for [`Contents::hold`].
    async fn opened(&self, id: TransferId) -> Result<Option<Sealed>, SpoolError>;

    /// Hands a sealed content to `path` below `inbox`. The path is in the row and in the sidecar already
    /// ([`Ledger::placing`](crate::Ledger::placing)). On return the delivery is durable and the content is gone from
    /// here. `path` is made of parts joined by `/`.
    ///
    /// # Errors
    /// [`PlaceError::Taken`] when there is a file of that name that is not to be overwritten.
    async fn hand_to(
        &self,
        inbox: &Path,
        path: &str,
        key: ContentKey,
        how: Handing,
    ) -> Result<(), PlaceError>;

    /// Syncs the folders of a name that a content was renamed to, where a crash, or another program, may have prevented
    /// it. Whether the file is still there is not asked: its reader may have taken it.
    ///
    /// # Errors
    /// It cannot be made durable.
    async fn confirm_handed(&self, inbox: &Path, path: &str) -> Result<(), PlaceError>;

    /// Makes the contents of `from`, a file to send, those of another transfer as well.
    ///
    /// # Errors
    /// The content of `from` is not there any more, or nothing can be written.
    async fn send_again(&self, from: TransferId, sidecar: &Sidecar) -> Result<(), SpoolError>;

    /// Writes a sidecar, or replaces it. It is durable on return.
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

    /// Appends to the sidecar of a file to send where some of its records end. A failure is tolerated: without the
    /// positions a restart reads the file from its start.
    async fn keep_positions(&self, id: TransferId, measure: &Measure, positions: &Positions);

    /// Where some records of a file to send end; no positions where none were noted, or they cannot be read any more.
    async fn positions(&self, id: TransferId) -> Positions;

    /// The files that one transfer has.
    ///
    /// # Errors
    /// One of them cannot be examined.
    async fn pieces(&self, id: TransferId) -> Result<Pieces, SpoolError>;

    /// Removes the content of a file to send that was not queued after all.
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

    /// Removes a partial that has no row, and the sidecar that was begun for it.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while a session writes it.
    async fn discard_partial(&self, id: TransferId) -> Result<(), SpoolError>;

    /// Whether so many octets fit without touching the reserve.
    ///
    /// # Errors
    /// They do not fit, or the free space is not known.
    async fn has_room_for(&self, octets: u64) -> Result<(), SpoolError>;

    /// Removes plain contents that are half made and that nobody makes any more; then partials that no session uses, the
    /// oldest first, until so many octets fit; removes none of these where all of them would not be enough. Returns their
    /// transfers.
    ///
    /// # Errors
    /// They cannot be listed.
    async fn make_room(&self, octets: u64) -> Result<Vec<TransferId>, SpoolError>;
}

/// How a content is handed to the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handing {
    /// Whether it replaces a file of the same name.
    pub overwrite: bool,
    /// What others may do with it there.
    pub access: Access,
}

/// A content that is not complete, opened by this session alone.
#[async_trait]
pub trait PartialContent: Debug + Send + Sync {
    /// Octets it has.
    ///
    /// # Errors
    /// It cannot be looked at.
    async fn octets(&self) -> Result<u64, SpoolError>;

    /// Resumes at `octets`; cuts off what is behind that.
    ///
    /// # Errors
    /// [`SpoolError::Short`] when it has fewer octets.
    async fn resume(self: Box<Self>, octets: u64) -> Result<Box<dyn ContentWriter>, SpoolError>;

    /// Removes it, since the file came in another way.
    ///
    /// # Errors
    /// It cannot be removed.
    async fn remove(self: Box<Self>) -> Result<(), SpoolError>;
}

/// Writes one content, to which its holder has exclusive access.
#[async_trait]
pub trait ContentWriter: Debug + Send + Sync {
    /// Octets so far, including those that are not written yet.
    fn octets(&self) -> u64;

    /// Appends octets. They are written while the next ones arrive, with at most one write under way. Returns a buffer
    /// that can be used again. Few octets cost as much as many: see [`Intake`].
    ///
    /// # Errors
    /// An earlier write failed.
    async fn append(&mut self, octets: Vec<u8>) -> Result<Option<Vec<u8>>, SpoolError>;

    /// Waits until all of them are written.
    ///
    /// # Errors
    /// A write failed.
    async fn written(&mut self) -> Result<(), SpoolError>;

    /// Makes what is written by now durable, while more is written.
    ///
    /// # Errors
    /// As for [`ContentWriter::written`].
    async fn syncer(&mut self) -> Result<Box<dyn ContentSyncer>, SpoolError>;

    /// Ends the content with these last octets. Its digest is known then; nothing need be durable yet.
    ///
    /// # Errors
    /// A write failed, or the beginning of a resumed content cannot be read; nothing of it is left.
    async fn finish(self: Box<Self>, rest: Vec<u8>) -> Result<Box<dyn WholeContent>, SpoolError>;

    /// Stops in the middle, after these last octets; all octets are durable then. The hold that is returned keeps
    /// others away from the partial.
    ///
    /// # Errors
    /// A write or its sync failed. What was durable before still is.
    async fn pause(self: Box<Self>, rest: Vec<u8>) -> Result<Hold, SpoolError>;

    /// Removes the content, whatever failed before.
    ///
    /// # Errors
    /// It cannot be removed. That is in the log, too: it takes space until the next start.
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

/// A content that has all its octets, and of which no partner knows yet: it can still be sealed or discarded.
#[async_trait]
pub trait WholeContent: Debug + Send + Sync {
    /// Its size and digest. They are known before it is sealed.
    fn measure(&self) -> &Measure;

    /// Its octets, to be read, as far as they are written: of a received content the last 64 KiB may be missing until it
    /// is sealed.
    ///
    /// # Errors
    /// It cannot be opened.
    async fn open(&self) -> Result<Arc<dyn StoredContent>, SpoolError>;

    /// Gives a content as on the wire its final name and its sidecar. It is durable on return. What is
    /// returned proves that, and the caller keeps it until a row says that the content is there.
    ///
    /// # Errors
    /// The content could not be sealed; nothing of it is left.
    async fn seal(self: Box<Self>, sidecar: &Sidecar) -> Result<Sealed, SpoolError>;

    /// The same for a plain content. Its line is appended to the sidecar of the content on the wire once all of it is
    /// durable.
    ///
    /// # Errors
    /// As for [`WholeContent::seal`]; or there is no sidecar.
    async fn seal_plain(self: Box<Self>) -> Result<Sealed, SpoolError>;

    /// Removes it.
    ///
    /// # Errors
    /// It cannot be removed.
    async fn discard(self: Box<Self>) -> Result<(), SpoolError>;
}

/// A content that is open to be read.
#[async_trait]
pub trait StoredContent: Debug + Send + Sync {
    /// Its size in octets, as it was when the content was opened.
    ///
    /// # Errors
    /// It cannot be looked at.
    fn octets(&self) -> Result<u64, SpoolError>;

    /// Reads so many octets from `position` on; fewer only at the end of the content.
    ///
    /// # Errors
    /// The read failed.
    async fn read_at(&self, position: u64, octets: usize) -> Result<Vec<u8>, SpoolError>;

    /// The same into a buffer, for threads that may block. Returns how many octets were read.
    ///
    /// # Errors
    /// The read failed.
    fn read_now(&self, position: u64, buffer: &mut [u8]) -> Result<usize, SpoolError>;
}
