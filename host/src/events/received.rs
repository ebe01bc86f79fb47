//! Files that are received.

macro_rules! received {
    ($next:ident $($rest:ident)*; $($above:tt)*) => {
        $next! {
            $($rest)*;
            $($above)*

            /// SFNA or EFNA, with reason
            "RCV-001" "file-refused" Warn Counted
            InboundFileRefused { session: Talk, file: String, reason: String }
            says("{session}: file {file} refused: {reason}")
            remedy("02, 03: `sfids` of station and partner. 15: `file_security.suites` of the partner. 16: `keys`, ours. 17, 20: `file_security.demand`. 18: `file_security.compressed`. 19: `certificates` of the partner, or for a signed receipt `keys`. 21, 22, 23: the file could not be opened (`file_security.open: before-acknowledgement`). 06: size, quota or disk. 12: disk, a name that is taken, or another session has the file. 05, 10, 11: records or counts are not what was announced. 13: the file was received before, and the partner did not get our answer: nothing is wrong. 14: this session takes no files. The text says which; otherwise a policy")

            /// every octet is durable; EFPA
            "RCV-002" "file-received" Info Every
            FileReceived { session: Talk, transfer: TransferId, file: String, octets: u64 }
            says("{session}: received {file}, {octets} octets, as transfer {transfer}")
            remedy("–")

            /// it is in its folder, and the receipt is owed
            "RCV-003" "file-delivered" Info Every
            Delivered { transfer: TransferId, partner: String, file: String, path: String }
            says("transfer {transfer}, {file} of {partner}, delivered to {path}")
            remedy("–")

            /// it could not be put into its folder; tried again every 15 s
            "RCV-004" "delivery-failed" Error Counted
            NotDelivered { transfer: TransferId, partner: String, file: String, reason: String }
            says("transfer {transfer}, {file} of {partner}, is not delivered yet, and will be tried again: {reason}")
            remedy("the text names the path: permissions, a full disk, a link in the inbox, or 10,000 files of that name")

            /// the content of a received file rotted in the spool before it was delivered: it is not, and its receipt is not given
            "RCV-014" "content-lost" Error Every
            ContentLost { transfer: TransferId, partner: String, file: String, reason: String }
            says("transfer {transfer}, {file} of {partner}, is not delivered: {reason}")
            remedy("look at the disk; put the content back from a backup and restart, or ask the partner to send the file again under a new date and time")

            /// a secured file is opened: what was found in it, with the certificates by which it was opened and verified
            "RCV-015" "file-opened" Info Every
            FileOpened { transfer: TransferId, partner: String, file: String, octets: u64, found: String }
            says("transfer {transfer}, {file} of {partner}, is opened, {octets} octets: {found}")
            remedy("–")

            /// a secured file could not be opened, or lacks what is demanded; its partner gets a NERP
            "RCV-016" "file-not-opened" Warn Every
            FileNotOpened { transfer: TransferId, partner: String, file: String, reason: String }
            says("transfer {transfer}, {file} of {partner}, is not opened: {reason}")
            remedy("the text says which layer, certificate or demand it is. A signer that is not known: `certificates` of the partner. No key opens it: the partner uses an old certificate of ours, or another one. What was announced and is not there: the partner's settings. The content stays in the spool unless `file_security.failed` is `delete`; `pointsman open` tries again by hand")

            /// a secured file could not be opened for a reason of ours; tried again after 15 s, then ever later, up to 10 minutes, and at once after a reload
            "RCV-017" "not-opened-yet" Error Counted
            NotOpenedYet { transfer: TransferId, partner: String, file: String, reason: String }
            says("transfer {transfer}, {file} of {partner}, is not opened yet, and will be tried again: {reason}")
            remedy("the text says what failed: the disk, keys that cannot be read, a key that is gone since the file was received, a partner that the configuration does not name any more")

            /// a secured file was refused (EFNA 12) because it could not be opened before its acknowledgement, for a reason of ours
            "RCV-019" "opening-failed" Error Counted
            OpeningFailed { session: Talk, file: String, reason: String }
            says("{session}: {file} is refused, since it cannot be opened here: {reason}")
            remedy("the text says what failed: keys that cannot be read, a token that does not answer; ask the partner to send the file again")

            /// the ledger could not be read for what is to be opened
            "RCV-018" "unopened-unknown" Error Counted
            UnopenedUnknown { reason: String }
            says("it is not known what is to be opened: {reason}")
            remedy("look at the disk; the server tries again by itself")

            /// the ledger could not be read for what is to be delivered
            "RCV-005" "undelivered-unknown" Error Counted
            UndeliveredUnknown { reason: String }
            says("it is not known what is to be delivered: {reason}")
            remedy("look at the disk; the server tries again by itself")

            /// it could not be seen whether a name in the inbox is free
            "RCV-006" "name-unknown" Warn Counted
            NameUnknown { transfer: TransferId, path: String, reason: String }
            says("whether {path} is free for transfer {transfer} cannot be seen: {reason}")
            remedy("the disk of the inbox; the file is not put over another")

            /// a file could not be stored
            "RCV-007" "spool-failed" Error Counted
            SpoolFailed { session: Talk, file: String, reason: String }
            says("{session}: {file} cannot be stored: {reason}")
            remedy("disk space, permissions")

            /// a file was refused (SFNA 12, retry) because it could not be written down
            "RCV-008" "ledger-failed" Error Counted
            LedgerFailed { session: Talk, file: String, reason: String }
            says("{session}: {file} is refused for now, since it cannot be written down: {reason}")
            remedy("disk space, permissions")

            /// what was kept of a broken file was removed, because the disk is full, or because the partner has more of them than
            /// `limits.partials_per_partner`; the event says which. Its sender starts over
            "RCV-009" "partial-removed" Warn Counted
            PartialRemoved { transfer: TransferId, partner: Option<String>, reason: String, error: Option<String> }
            says("what was kept of transfer {transfer}{} was removed: {reason}{}", of(partner), because(error))
            remedy("free some space; ask the partner why its files break off")

            /// the content of a refused file could not be removed (`delivery.rejected: delete`, `file_security.failed: delete`)
            "RCV-010" "content-stays" Warn Counted
            ContentStays { transfer: TransferId, partner: String, reason: String }
            says("the content of transfer {transfer} of {partner} stays: {reason}")
            remedy("nothing: the next start removes it")

            /// that a partner has our EFPA could not be written down
            "RCV-011" "not-confirmed" Warn Counted
            NotConfirmed { session: Talk, reason: String }
            says("{session}: that the partner has our EFPA cannot be written to the ledger: {reason}")
            remedy("nothing: with `received_again: compare` or `take` the file may come once more and is compared")

            /// the spool has a received file that the ledger does not know, so the ledger is an older one
            "RCV-012" "ledger-behind" Error Counted
            LedgerBehind { transfer: TransferId, partner: Option<String> }
            says("the spool has the received file {transfer}{} that the ledger does not know: stop, and run `pointsman store rebuild`", of(partner))
            remedy("stop, `pointsman store rebuild`, start")

            /// the ledger has files of a partner that the configuration does not name any more
            "RCV-013" "partner-gone" Warn Every
            PartnerGone { partner: String }
            says("the ledger has files of {partner}, which the configuration does not name any more")
            remedy("give the profile its old name back: queued files and receipts belong to the name")
        }
    };
}
pub(super) use received;
