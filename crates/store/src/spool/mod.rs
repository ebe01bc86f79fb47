//! The spool: the contents of transfers as files, each under its transfer's id.
//!
//! ```text
//! <spool>/incoming/<id>   being received, or being imported; locked by its writer
//! <spool>/sealed/<id>     received whole: written, renamed here, synced with its folder before its row says so
//! <spool>/outgoing/<id>   to be sent, sealed the same way; it stays when it is sent
//! <spool>/*/<id>.plain    the plain content of a file that has security services on the wire, in each of the three
//! <spool>/newest-<folder>  which files of that folder got a sidecar last
//! <spool>/processes/<name> the programs that are at work, each locked by its own
//! <spool>/sealed/<id>.jsonl, outgoing/<id>.jsonl   what the transfer is: its sidecar
//! ```
//! A crash leaves a partial in `incoming` (cut to its checkpoint when it is resumed), or a sealed content whose row
//! does not say so yet (removed at the next start, since no EFPA was sent for it). Delivery is a rename out of
//! `sealed`, so a content that is gone proves that the file is in its folder.
//!
//! A sidecar never moves, and stays after the content has left, so that even a rebuilt ledger knows a delivered file as
//! a duplicate. A sidecar without its content means "delivered", unless a partial of the same id is still in
//! `incoming`: then the crash came before the rename, and the sidecar means nothing. So every function that removes a
//! content or such a partial removes the sidecar first.
//!
//! Which content that is: the one on the wire, until a line of the sidecar says that a plain one is sealed
//! (`Record::delivered_content`). From then on the other may stay as evidence, or go: neither says anything of the
//! delivery.

mod blob;
mod digest;
mod discard;
mod error;
mod files;
mod layout;
mod lock;
mod names;
mod newest;
mod partial;
mod pieces;
mod place;
mod process;
mod reserve;
mod room;
mod sidecars;
mod whole;
mod writer;

pub use self::blob::Blob;
pub use self::digest::Digest;
pub use self::error::{SpoolError, is_full};
pub use self::layout::Spool;
pub(crate) use self::layout::{file_below_spool, partial_below_spool};
pub use self::partial::Partial;
pub use self::pieces::{Lengths, Pieces};
pub use self::place::{Access, PlaceError};
pub use self::process::{Process, Programs};
pub use self::reserve::Reserve;
pub(crate) use self::sidecars::behind;
pub use self::whole::Whole;
pub use self::writer::BlobWriter;
pub(crate) use self::writer::Syncer;
