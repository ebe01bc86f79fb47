//! Files that are sent, and calls for them.

macro_rules! sent {
    ($next:ident $($rest:ident)*; $($above:tt)*) => {
        $next! {
            $($rest)*;
            $($above)*

            /// the partner takes our file, from which octet
            "SND-001" "file-sending" Info Every
            Sending { session: Talk, transfer: TransferId, file: String, from: u64, octets: u64 }
            says("{session}: sending {file}, transfer {transfer}, from octet {from} of {octets}")
            remedy("–")

            /// so much of it is on its way
            "SND-002" "file-progress" Trace Every
            Progress { transfer: TransferId, sent: u64, octets: u64 }
            says("transfer {transfer}: {sent} of {octets} octets")
            remedy("–")

            /// the partner has every octet
            "SND-003" "file-sent" Info Every
            FileSent { session: Talk, transfer: TransferId, file: String }
            says("{session}: sent {file}, transfer {transfer}: the partner has all of it")
            remedy("–")

            /// SFNA or EFNA; offered again after `retry.refused`, or parked
            "SND-004" "send-refused" Warn Counted
            SendRefused { session: Talk, transfer: TransferId, file: String, reason: String }
            says("{session}: {file}, transfer {transfer}, refused: {reason}")
            remedy("ask the partner about the reason")

            /// a file from a watched folder is queued
            "SND-005" "file-queued" Info Every
            Queued { transfer: TransferId, partner: String, file: String }
            says("{file} is queued for {partner} as transfer {transfer}")
            remedy("–")

            /// something in a watched folder is not as it should be; logged once, and again if it comes back
            "SND-006" "watch-trouble" Error Counted
            WatchTrouble { folder: String, partner: String, reason: String }
            says("watched folder {folder} of {partner}: {reason}")
            remedy("the text says which file and why: who has it open, permissions, free space")

            /// a watched folder cannot be used, so nothing in it is sent; it is tried again
            "SND-013" "folder-unusable" Error Every
            FolderUnusable { folder: String, partner: String, reason: String }
            says("watched folder {folder} of {partner} cannot be used, and is tried again: {reason}")
            remedy("the text says what is in the way: a folder that is missing, or a `.taken` or `refused` that somebody else made")

            /// a watched folder that could not be used can be used again
            "SND-014" "folder-usable" Info Every
            FolderUsable { folder: String, partner: String }
            says("watched folder {folder} of {partner} can be used again")
            remedy("–")

            /// a file of a watched folder cannot be sent as it is, and lies in `refused` now
            "SND-015" "file-put-aside" Error Every
            FilePutAside { folder: String, partner: String, file: String, reason: String }
            says("watched folder {folder} of {partner}: {file} cannot be sent, and lies in `refused` now: {reason}")
            remedy("the text says why: a name of more than 26 characters, or records that are not as the configuration says. Put it right, and move it back")

            /// a call of ours came to nothing; when it is tried again
            "SND-007" "call-failed" Warn Counted
            CallFailed { partner: String, remote: Option<String>, failures: u32, again: Duration, reason: String }
            says("call to {partner} failed ({failures} in a row), again in {} s: {reason}", again.as_secs())
            remedy("the reason is in it: address, port, certificate, password, or the partner is down")

            /// the ledger could not be read for what waits to be sent
            "SND-008" "queue-unknown" Error Counted
            QueueUnknown { reason: String }
            says("it is not known what waits to be sent: {reason}")
            remedy("look at the disk; the server tries again by itself")

            /// a session is gone, and the files and receipts that it had could not be put back into the queue
            "SND-010" "leases-kept" Error Counted
            LeasesKept { reason: String }
            says("files and receipts of sessions that are gone are not back in the queue: {reason}")
            remedy("look at the disk; the server tries again by itself")

            /// a file was copied into the spool and not queued, and its copy could not be removed
            "SND-009" "copy-left" Warn Counted
            CopyLeft { transfer: TransferId, reason: String }
            says("what was copied of transfer {transfer} stays in the spool: {reason}")
            remedy("look at the disk; `verify-store` names the file")

            /// a file to send, or where its records end, is not in the spool as it was queued: the disk lost it, or it was
            /// changed. Its end (EFID) was not sent, and it is parked
            "SND-011" "content-damaged" Error Every
            ContentDamaged { session: Talk, transfer: TransferId, file: String, reason: String }
            says("{session}: {file} is not sent to its end: {reason}")
            remedy("look at the disk; queue the file again, and cancel this one, or put its content back from a backup and release it")

            /// a file that is resumed takes longer than 20 s to be read from its start, which partners do not wait
            /// for. The session ends before EFID. The server reads on, and resumes the file in its next session; in
            /// `pointsman send` the reading ends with the command
            "SND-012" "content-unread" Warn Counted
            ContentUnread { session: Talk, transfer: TransferId, file: String }
            says("{session}: {file} could not be compared in time with what was queued: its EFID is sent in a later session of the server")
            remedy("nothing, if the server sends the file in its next sessions; else the disk. Where `pointsman send` says it, let the server send the file: it calls a partner that has an `address`, or gives the file to one that calls")
        }
    };
}
pub(super) use sent;
