//! What the store logs.

use pointsman_log::{Field, FieldValue, events};

use crate::transfer::TransferId;

impl Field for TransferId {
    fn show(&self, name: &'static str, see: &mut dyn FnMut(&'static str, FieldValue<'_>)) {
        see(name, FieldValue::shown(self));
    }
}

events! {
    /// A failure that the store tolerates, or that no caller is notified of.
    pub enum StoreEvent of "store";

    /// none of this group of changes was made, and none was acknowledged to anybody
    "STO-001" "ledger-commit-failed" Error Counted
    CommitFailed { verbs: usize, reason: String }
    says("{verbs} changes of the ledger did not happen: {reason}")
    remedy("disk space, permissions; a tool that keeps the database locked")

    /// a step was committed and could not be added to the file's sidecar
    "STO-002" "sidecar-behind" Warn Counted
    SidecarBehind { transfer: TransferId, reason: String }
    says("the sidecar of transfer {transfer} does not have its newest line: {reason}")
    remedy("disk space, permissions; a ledger that is rebuilt before the next step of this file knows less of it")

    /// what was committed stays in the ledger's log `ledger.db-wal`, which grows until a later checkpoint succeeds
    "STO-003" "ledger-checkpoint-failed" Warn Counted
    CheckpointFailed { reason: String }
    says("the ledger's log was not copied into the ledger's file: {reason}")
    remedy("the disk of `storage.ledger`")

    /// the messages of SQLite could not be captured
    "STO-004" "ledger-log-unheard" Warn Counted
    LogUnheard { reason: String }
    says("the messages of SQLite cannot be captured: {reason}")
    remedy("–")

    /// SQLite did something by itself, such as recovering its log after a crash
    "STO-005" "ledger-notice" Info Counted
    Notice { said: String }
    says("SQLite says: {said}")
    remedy("–")

    /// SQLite could not open, sync or remove a file of the ledger, in its own words; it may have continued all the same
    "STO-006" "ledger-trouble" Warn Counted
    LedgerTrouble { sqlite: u32, said: String }
    says("SQLite says: {said} ({sqlite})")
    remedy("the disk of `storage.ledger`")

    /// another program changes the ledger, or the disk gave an error for its lock; asked again for 30 s
    "STO-007" "ledger-locked" Info Counted
    Locked { patience: std::time::Duration }
    says("another program changes the ledger, or its lock cannot be taken: asked again for {} s", patience.as_secs())
    remedy("a tool that keeps the database locked")

    /// a file was put into its folder, and the folder could not be synced: it is in the spool again, and is delivered
    /// once more
    "STO-008" "placing-taken-back" Warn Counted
    PlacingTakenBack { transfer: TransferId, file: String }
    says("transfer {transfer} is in the spool again and not at {file}: the folder could not be synced")
    remedy("the disk of the inbox")

    /// the same, and its reader has it already, or another file has its place
    "STO-009" "placing-not-taken-back" Warn Counted
    PlacingNotTakenBack { transfer: TransferId, file: String, reason: String }
    says("transfer {transfer} was put at {file}, the folder could not be synced, and it cannot be taken back: {reason}")
    remedy("the disk of the inbox; look whether the reader has it twice")

    /// a content could not be sealed, and what was written of it could not be removed
    "STO-010" "unsealed-left" Warn Counted
    UnsealedLeft { transfer: TransferId, reason: String }
    says("the content of transfer {transfer} could not be sealed, and what was written of it stays in the spool: {reason}")
    remedy("look at the disk; the next start removes it, and until then `verify-store` names it")

    /// other users could read or lock what is the server's alone; they cannot any more
    "STO-011" "made-private" Warn Every
    MadePrivate { path: std::path::PathBuf, files: u64 }
    says("other users could read or lock {}, and {files} files in it; they cannot any more", path.display())
    remedy("find out who set it so, and what they read")

    /// the list of the files that got a sidecar last could not be written: a start compares fewer files with the
    /// ledger, or lists the folder
    "STO-012" "newest-list-behind" Warn Counted
    NewestListBehind { list: std::path::PathBuf, reason: String }
    says("{} does not have the newest files: {reason}", list.display())
    remedy("disk space, the disk of `storage.state`; an older ledger may not be noticed at a start")

    /// that list could not be read: the start lists the folder instead, which takes seconds with a million files
    "STO-013" "newest-list-unread" Warn Counted
    NewestListUnread { list: std::path::PathBuf, reason: String }
    says("{} cannot be read, so the folder beside it is listed: {reason}", list.display())
    remedy("the disk of `storage.state`")

    /// the disk has little free space, and partials that no session uses could not all be removed
    "STO-014" "room-not-made" Warn Counted
    RoomNotMade { reason: String }
    says("no more room was made in the spool: {reason}")
    remedy("the disk of `storage.state`")

    /// a restart within a file of records finds its place by reading the file from its start
    "STO-015" "positions-unread" Warn Counted
    PositionsUnread { transfer: TransferId, reason: String }
    says("where the records of transfer {transfer} end cannot be read: {reason}")
    remedy("the disk of `storage.state`")
}
