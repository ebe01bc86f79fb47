//! The spool: the octets of files, each under its transfer's id.
//!
//! ```text
//! <spool>/incoming/<id>   being received, or being imported; locked by its writer
//! <spool>/sealed/<id>     received whole: written, renamed here, synced with its folder before its row says so
//! <spool>/outgoing/<id>   to be sent, sealed the same way; it stays when it is sent
//! <spool>/newest-<folder>  which files of that folder got a sidecar last
//! <spool>/processes/<name> the programs that are at work, each locked by its own
//! <spool>/sealed/<id>.jsonl, outgoing/<id>.jsonl   what the blob is: its sidecar
//! ```
//! A crash leaves a partial in `incoming` (cut to its checkpoint when it goes on), or a sealed blob whose
//! row does not say so yet (removed at the next start: nothing positive was said about it). Delivery is a
//! rename out of `sealed`, so that the blob being gone proves the file is in its folder.
//!
//! A sidecar never moves and stays after its blob has left: a file that was delivered is known as a duplicate
//! even to a ledger that was made anew. So a sidecar without a blob means "delivered", unless a partial of the
//! same id is still in `incoming`: then the crash came before the rename, and the sidecar means nothing. Who
//! removes a blob or such a partial removes the sidecar first.

mod blob;
mod error;
mod layout;
mod lock;
mod newest;
mod pieces;
mod place;
mod process;
mod room;
mod sidecars;

pub use self::blob::{Blob, BlobWriter, Digest, Hold, Partial, Syncer, Whole};
pub use self::error::{SpoolError, is_full};
pub use self::layout::Spool;
pub use self::pieces::Pieces;
pub use self::place::{Access, PlaceError};
pub use self::process::Process;
pub(crate) use self::sidecars::behind;
