//! What happens, told once: to the log, and to whoever watches.
//!
//! Each event is declared here ([`pointsman_log::events!`]) with what it means, its code, name, level, rate, fields,
//! sentence, and what an operator does about it; so have `store` and `policy` theirs. `docs/operating.md` has the table
//! of all of them, which `cargo xtask events` writes.
//!
//! To add one: take the next code of its family, one that never was another's, and tell it by [`Events::tell`], or by
//! [`tell`] where nobody watches. Fields are named alike in all of them: `session`, `partner`, `remote` (all of them by a
//! [`Talk`]), `transfer`, `file`, `reason`, `policy`, `path`.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use pointsman_log::{Field, Value, events};
use pointsman_store::TransferId;
use tokio::sync::broadcast;

use crate::config::Limit;

pub use pointsman_log::tell;

/// Which session something happened in, who is at its other end, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Talk {
    /// The session's name.
    pub session: String,
    /// The partner, once it has shown that it is the one.
    pub partner: Option<String>,
    /// Who it says it is, while it has not.
    pub claims: Option<String>,
    /// The address at the other end.
    pub remote: SocketAddr,
}

impl fmt::Display for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            session, remote, ..
        } = self;
        match (&self.partner, &self.claims) {
            (Some(partner), _) => write!(f, "session {session} with {partner} at {remote}"),
            (None, Some(claims)) => {
                write!(
                    f,
                    "session {session} with a caller at {remote} that claims to be {claims}"
                )
            }
            (None, None) => write!(f, "session {session} with an unknown caller at {remote}"),
        }
    }
}

impl Field for Talk {
    fn show(&self, name: &'static str, see: &mut dyn FnMut(&'static str, Value<'_>)) {
        self.session.show(name, see);
        self.partner.show("partner", see);
        self.claims.show("claims", see);
        self.remote.show("remote", see);
    }
}

impl Field for Limit {
    fn show(&self, name: &'static str, see: &mut dyn FnMut(&'static str, Value<'_>)) {
        see(name, Value::Text(self.key.into()));
    }
}

events! {
    /// Something an operator may want to know.
    pub enum Event of "server";

    // The server: its start, its end, what runs in it.

    /// a start took up what the last run left, and how much of it
    "SRV-001" "recovered" Info Every
    Recovered { leases: u64, receiving: u64, undelivered: u64, receipts_owed: u64, ready: u64 }
    says("the start found {receiving} files half received, {undelivered} not delivered, {receipts_owed} receipts owed, {ready} files to send, and gave {leases} back to the queue")
    remedy("–")

    /// callers are accepted here
    "SRV-002" "listening" Info Every
    Listening { address: SocketAddr, tls: bool }
    says("listening on {address}{}", if *tls { " with TLS" } else { "" })
    remedy("–")

    /// SIGTERM, SIGINT or SIGQUIT came: no new callers, sessions end at their next turn
    "SRV-003" "draining" Info Every
    Draining { sessions: usize }
    says("the server ends as soon as {sessions} sessions have come to their next turn")
    remedy("–")

    /// the drain took longer than `limits.drain`; sessions were told to end (ESID 05)
    "SRV-004" "drain-cut-off" Warn Every
    DrainCutOff { sessions: usize }
    says("{sessions} sessions have not come to their end and are cut off")
    remedy("nothing, broken files go on with the next session; raise it if it happens often")

    /// calls and commands were not done within a second `limits.drain` of the drain, and were cut off
    "SRV-019" "tasks-cut-off" Warn Every
    TasksCutOff {}
    says("calls and commands have not come to their end and are cut off")
    remedy("nothing, a command that was cut off is run again by the next start")

    /// deliveries were not done within a third `limits.drain` of the drain, and were cut off
    "SRV-005" "deliveries-cut-off" Warn Every
    DeliveriesCutOff {}
    says("deliveries have not come to their end and are cut off")
    remedy("nothing, the next start delivers")

    /// the end
    "SRV-006" "stopped" Info Every
    Stopped {}
    says("the server has ended")
    remedy("–")

    /// SIGHUP came
    "SRV-007" "hangup" Warn Counted
    Hangup {}
    says("SIGHUP came: changed components are taken up without it; restart to read the configuration again")
    remedy("nothing: changed components are taken up by themselves")

    /// a start waits for room on a disk
    "SRV-008" "disk-full" Error Every
    DiskFull { reason: String }
    says("the start waits until a disk has room: {reason}")
    remedy("make room; it goes on by itself")

    /// the control socket failed, by which commands talk to the server
    "SRV-009" "control-failed" Error Counted
    ControlFailed { reason: String }
    says("a command cannot be answered: {reason}")
    remedy("usually the limit of open files (`ulimit -n`)")

    /// a command went away before its answer
    "SRV-010" "control-broken" Debug Counted
    ControlBroken { reason: String }
    says("a command was not answered to its end: {reason}")
    remedy("–")

    /// an old `control.sock` could not be removed
    "SRV-011" "control-socket-left" Warn Counted
    ControlSocketLeft { path: PathBuf, reason: String }
    says("{} cannot be removed: {reason}", path.display())
    remedy("permissions of the state folder")

    /// the number of files that the process may have open could not be raised to what the system allows it
    "SRV-012" "few-descriptors" Warn Every
    FewDescriptors { reason: String }
    says("the number of files that this process may have open cannot be raised: {reason}")
    remedy("raise `LimitNOFILE` (systemd) or `ulimit -n`: callers and sessions of the limits need one each")

    /// how the last sessions went, for `pointsman partners`, could not be written down; tried again every second
    "SRV-013" "contacts-not-written" Warn Counted
    ContactsNotWritten { reason: String }
    says("how the last sessions went cannot be written down: {reason}")
    remedy("disk space, permissions")

    /// `RUST_LOG` is not understood; it does nothing
    "SRV-014" "rust-log-unknown" Warn Every
    RustLogUnknown { asked: String }
    says("RUST_LOG is `{asked}`, which is not understood and does nothing: give a level (error, warn, info, debug, trace, off), or `PART=LEVEL`, with commas between")
    remedy("see [The log](#the-log)")

    /// something that runs as long as the server does ended unexpectedly, and is started again after a while; where it
    /// ends at once again and again, the server ends
    "SRV-015" "task-ended" Error Every
    TaskEnded { task: String, failures: u32, again: Duration, reason: String }
    says("the task `{task}` ended unexpectedly ({failures} in a row), and is started again in {} s: {reason}", again.as_secs())
    remedy("a mistake in this program: report it, with this line and the one before; `pointsman status` shows whether it runs")

    /// a signal came that means nothing here, such as SIGUSR1
    "SRV-016" "signal-ignored" Warn Counted
    SignalIgnored { signal: String }
    says("{signal} came, which means nothing here")
    remedy("nothing; SIGXFSZ: raise the limit on the size of files (`ulimit -f`)")

    /// the orderly end takes longer than all that it waits for may take; the program ends at once
    "SRV-017" "end-stuck" Error Every
    EndStuck { patience: Duration }
    says("the orderly end has not come in {} s: the program ends at once", patience.as_secs())
    remedy("look for what hangs: a network disk, for one")

    /// the program did not end at once either, and was ended by force
    "SRV-018" "ended-by-force" Error Every
    EndedByForce {}
    says("the program ends by force; the next start resumes what was under way")
    remedy("look for what hangs: a network disk, for one")

    // Callers and their sessions.

    /// a caller was dropped without a word, because so many that do not say who they are came from its address, or to
    /// this listener; the limit is named
    "SES-001" "caller-refused" Warn Counted
    CallerRefused { remote: SocketAddr, limit: Limit }
    says("caller at {remote} turned away: {limit} is reached")
    remedy("look who calls; raise the limit if they are partners")

    /// no connection could be accepted; tried again every 200 ms
    "SES-002" "accept-failed" Error Counted
    AcceptFailed { address: Option<SocketAddr>, reason: String }
    says("no caller can be accepted: {reason}")
    remedy("usually the limit of open files (`ulimit -n`)")

    /// TLS version and suite of a caller
    "SES-003" "tls-established" Debug Counted
    TlsEstablished { remote: SocketAddr, version: String, suite: String }
    says("a caller at {remote} speaks {version} with {suite}")
    remedy("–")

    /// a caller did not get through the TLS handshake: what its alert or ours means, which certificate it showed (subject,
    /// serial, SHA-256, end), and whose that is
    "SES-004" "tls-refused" Warn Counted
    TlsRefused { remote: SocketAddr, reason: String }
    says("a caller at {remote} did not get through the TLS handshake: {reason}")
    remedy("the text says it: send the partner our certificate, put its new one into its profile, or tell it which port is for TLS")

    /// both ends agreed how to talk
    "SES-005" "connected" Info Counted
    Connected { session: Talk, terms: String }
    says("{session}: {terms}")
    remedy("–")

    /// a caller was refused, with which ESID
    "SES-006" "connection-refused" Warn Counted
    ConnectionRefused { session: Talk, ssid: String, reason: String }
    says("{session}, SSID code `{ssid}`, refused: {reason}")
    remedy("03: is its code in a profile? 04: password, or the certificate is not the profile's. 08: more sessions than `limits.sessions`, or a policy failed. Otherwise a policy decided: see `policy-decided`")

    /// a session is over, and was released as it should be
    "SES-007" "session-ended" Info Counted
    SessionEnded { session: Talk, reason: String }
    says("{session}: {reason}")
    remedy("–")

    /// a session is over, and was not released normally
    "SES-008" "session-ended" Warn Counted
    SessionBroken { session: Talk, reason: String }
    says("{session}: {reason}")
    remedy("read the reason: an ESID of the partner's names what it did not like; a lost connection or a time-out is the network's")

    /// a partner deviates from the protocol, harmlessly
    "SES-009" "tolerated" Info Counted
    Tolerated { session: Talk, what: String }
    says("{session}: tolerated: {what}")
    remedy("–")

    /// something of ours failed; the session was given up, nothing was lost
    "SES-010" "trouble" Error Counted
    Trouble { session: Talk, reason: String }
    says("{session}: {reason}")
    remedy("ledger or spool: disk, permissions. A partner that does not match its profile when dialled says so here")

    /// a partner's certificate file could not be read at the start; who shows one is told to call again (ESID 08)
    "SES-011" "certificate-unreadable" Error Counted
    CertificateUnreadable { partner: String, reason: String }
    says("the certificate of {partner} could not be read at the start, so that no caller's can be compared with it: {reason}")
    remedy("restore it, and restart")

    /// somebody gave one wrong password after the other for this partner's SSID code; callers from the address that is
    /// named are refused with ESID 04 for `limits.lock_out`, with the right password, too. The partner can still call
    /// from elsewhere
    "SES-012" "locked-out" Error Counted
    LockedOut { partner: String, remote: String, lasts: Duration }
    says("one wrong password after the other for {partner} from {remote}: its code is locked out from there for {} s; if it is the partner, agree on the password and let it wait", lasts.as_secs())
    remedy("ask the partner whether it was its own program; if not, somebody guesses: block the address")

    /// a caller showed a certificate that is known as another partner's
    "SES-013" "certificate-of-another" Warn Counted
    CertificateOfAnother { session: Talk, known_as: String }
    says("{session}: it shows the certificate of {known_as}")
    remedy("the caller has two profiles mixed up, or a key got lost: ask both partners")

    /// a certificate of ours, a partner's or a CA's ends soon, or partners may not like it; told at the start, and 60, 30,
    /// 14, 7 and 1 days before the end
    "SES-014" "certificate-ends" Warn Every
    CertificateEnds { partner: Option<String>, place: String, reason: String }
    says("{place}: {reason}")
    remedy("agree with the partner on a new one, put it into the file in time, and restart: until then the old one is shown")

    /// a certificate or key with which no session can come about: ended, not valid yet, of a kind that TLS here does not
    /// use, a key that does not fit
    "SES-015" "certificate-trouble" Error Every
    CertificateTrouble { partner: Option<String>, place: String, reason: String }
    says("{place}: {reason}")
    remedy("the text says what to do; `pointsman check` says the same")

    /// somebody connected, and hung up before it said who it is, or anything else, as probes of load balancers and
    /// monitors do
    "SES-016" "caller-left" Debug Counted
    CallerLeft { session: Option<String>, remote: SocketAddr }
    says("a caller at {remote} hung up before it said anything")
    remedy("–")

    // Files that are received.

    /// SFNA or EFNA, with reason
    "RCV-001" "file-refused" Warn Counted
    FileRefused { session: Talk, file: String, reason: String }
    says("{session}: file {file} refused: {reason}")
    remedy("02, 03: `sfids` of station and partner. 04, 16, 18, 19: what is not there yet. 06: size, quota or disk. 12: disk, a name that is taken, or another session has the file. 05, 10, 11: records or counts are not what was announced. 13: received before; the partner lost our answer, and is all right. 14: this session takes no files. The text says which; otherwise a policy")

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
    /// `limits.partials_per_partner`; the event says which. Its sender begins again
    "RCV-009" "partial-removed" Warn Counted
    PartialRemoved { transfer: TransferId, partner: Option<String>, reason: String, error: Option<String> }
    says("what was kept of transfer {transfer}{} was removed: {reason}{}", of(partner), because(error))
    remedy("make room; ask the partner why its files break off")

    /// the content of a refused file could not be removed (`delivery.rejected: delete`)
    "RCV-010" "content-stays" Warn Counted
    ContentStays { session: Talk, transfer: TransferId, reason: String }
    says("the content of transfer {transfer} stays: {reason}")
    remedy("nothing: the next start removes it")

    /// that a partner has our EFPA could not be written down
    "RCV-011" "not-confirmed" Warn Counted
    NotConfirmed { session: Talk, reason: String }
    says("{session}: that it has our EFPA cannot be written down: {reason}")
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

    // Files that are sent, and calls for them.

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
    says("{session}: it has {file}, transfer {transfer}")
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

    /// something in a watched folder is not as it should be; said once, and again where it was mended in between
    "SND-006" "watch-trouble" Error Counted
    WatchTrouble { folder: String, partner: String, reason: String }
    says("watched folder {folder} of {partner}: {reason}")
    remedy("the text says which file and why: who has it open, permissions, room")

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

    /// what a session had that is gone could not be given back to the queue
    "SND-010" "leases-kept" Error Counted
    LeasesKept { reason: String }
    says("what sessions had that are gone is not given back: {reason}")
    remedy("look at the disk; the server tries again by itself")

    /// a copy of a file that came to nothing could not be removed from the spool
    "SND-009" "blob-left" Warn Counted
    BlobLeft { transfer: TransferId, reason: String }
    says("what was copied of transfer {transfer} stays in the spool: {reason}")
    remedy("`verify-store` names it; the disk")

    /// a file to send, or where its records end, is not in the spool as it was queued: the disk lost it, or it was
    /// changed. Its end (EFID) was not sent, and it is parked
    "SND-011" "content-damaged" Error Every
    ContentDamaged { session: Talk, transfer: TransferId, file: String, reason: String }
    says("{session}: {file} is not sent to its end: {reason}")
    remedy("look at the disk; queue the file anew, and cancel this one, or put its content back from a backup and release it")

    /// a file that goes on where it broke off takes longer than 20 s to be read from its start, which partners do not wait
    /// for. The session ends before EFID. In the server the reading goes on, and the file in its next session; in
    /// `pointsman send` the reading ends with the command
    "SND-012" "content-unread" Warn Counted
    ContentUnread { session: Talk, transfer: TransferId, file: String }
    says("{session}: {file} is not read yet, to be compared with what was queued: its end is sent in a later session of the server")
    remedy("nothing, if the server sends the file in its next sessions; else the disk. Where `pointsman send` says it, let the server send the file: it calls a partner that has an `address`, or gives the file to one that calls")

    // Receipts, both ways.

    /// the partner confirmed our receipt
    "RCP-001" "receipt-given" Info Every
    ReceiptGiven { session: Talk, transfer: TransferId }
    says("{session}: it has our receipt of transfer {transfer}")
    remedy("–")

    /// the EERP of a file of ours; and what was checked
    "RCP-002" "receipt-received" Info Every
    ReceiptReceived { session: Talk, transfer: TransferId, file: String, reason: String }
    says("{session}: EERP for transfer {transfer}: {reason}")
    remedy("–")

    /// a NERP with its reason: the partner has a file of ours and does not use it
    "RCP-009" "receipt-received" Warn Every
    NegativeReceipt { session: Talk, transfer: TransferId, file: String, reason: String }
    says("{session}: NERP for transfer {transfer}, {file}: {reason}")
    remedy("ask the partner")

    /// a receipt for a file that has its receipt: nothing changes, also where it says the contrary
    "RCP-012" "receipt-repeated" Info Counted
    RepeatedReceipt { session: Talk, kind: &'static str, transfer: TransferId, file: String, reason: String }
    says("{session}: {kind} for transfer {transfer}, {file}, once more: {reason}")
    remedy("`transfers show` tells whether it contradicts the first one; ask the partner then")

    /// a receipt for no file of ours
    "RCP-010" "receipt-received" Warn Counted
    UnknownReceipt { session: Talk, kind: &'static str, file: String, reason: String }
    says("{session}: {kind} for {file}, a file we did not send: {reason}")
    remedy("the partner mixed something up, or the ledger is new")

    /// a receipt of ours cannot go to the partner as things are
    "RCP-011" "receipt-not-sent" Warn Counted
    ReceiptNotSent { session: Talk, transfer: TransferId, reason: String }
    says("{session}: transfer {transfer}: {reason}")
    remedy("agree on level 1.4 or later with the partner, which knows NERPs, or tell it by other means")

    /// a receipt did not come within the partner's `receipt_deadline`
    "RCP-003" "receipt-overdue" Warn Every
    ReceiptOverdue { partner: String, transfer: TransferId, file: Option<String> }
    says("the receipt of transfer {transfer} is overdue; ask {partner} for it")
    remedy("ask the partner; the receipt is still taken when it comes")

    /// the ledger could not be read for what is overdue
    "RCP-004" "deadlines-unknown" Error Counted
    DeadlinesUnknown { reason: String }
    says("it is not known whose receipts are overdue: {reason}")
    remedy("look at the disk; the server tries again by itself")

    /// the ledger could not be read for receipts that wait
    "RCP-005" "questions-unknown" Error Counted
    QuestionsUnknown { reason: String }
    says("it is not known which receipts are to be asked for again: {reason}")
    remedy("look at the disk; the server tries again by itself")

    /// a receipt that waits could not be asked for, or the answer not written down
    "RCP-006" "question-failed" Error Counted
    QuestionFailed { transfer: Option<TransferId>, reason: String }
    says("a receipt that waits cannot be decided now: {reason}")
    remedy("look at the disk; the server tries again by itself")

    /// a policy or command answered after an operator had
    "RCP-007" "decided-before" Warn Counted
    DecidedBefore { transfer: TransferId, partner: String, answer: String }
    says("transfer {transfer}: {answer}; an operator was quicker")
    remedy("nothing; the operator's answer holds")

    /// the receipt of a file waits until somebody decides about it
    "RCP-008" "receipt-waits" Warn Every
    ReceiptWaits { session: Option<String>, transfer: TransferId, partner: String, file: String, reason: String }
    says("{file} of {partner}, transfer {transfer}: its receipt waits for an operator: {reason}")
    remedy("mend what is named, then [answer](#a-receipt-that-waits)")

    // Policies.

    /// which policy decided what; with `hand-over`, what the command of `delivery.command` said
    "POL-101" "policy-decided" Info Counted
    Decided { session: Option<String>, partner: Option<String>, claims: Option<String>, remote: Option<SocketAddr>, policy: Option<String>, transfer: Option<TransferId>, file: Option<String>, hook: &'static str, by: String, decision: String }
    says("{}{hook}: {by}: {decision}", subject(session.as_deref(), *transfer))
    remedy("–")

    /// another component decides from the next session on
    "POL-102" "policy-swapped" Info Every
    PolicySwapped { policy: String, generation: u64, digest: String }
    says("policy {policy} is now sha256:{digest}, generation {generation}")
    remedy("–")

    /// a swap is in force, its file could not be replaced, or not so that it lasts
    "POL-103" "policy-not-installed" Error Counted
    PolicyNotInstalled { policy: String, reason: String }
    says("policy {policy} decides now, but {reason}")
    remedy("make the component's folder writable for the server, and swap again, before the next start")

    /// a component was not taken; the old one goes on
    "POL-104" "policy-refused" Error Counted
    PolicyRefused { policy: String, reason: String }
    says("{reason}; the policies stay as they are")
    remedy("the text says what is wrong with it; deploy another. `limits.compile_time`, `limits.compile_memory`: raise them for a component with a big engine inside. \"Another component was put in its place meanwhile\": a later change was quicker, and holds")

    /// `end-transfer` named a place that cannot be one; the place of `accept-file` was used
    "POL-105" "policy-bad-name" Warn Counted
    PolicyBadName { session: Talk, reason: String }
    says("{session}: a policy named a place that cannot be one: {reason}")
    remedy("the policy's author")

    /// a policy named an SSID code that cannot be one; the caller was told to call again
    "POL-106" "policy-bad-code" Error Counted
    PolicyBadCode { session: Talk, reason: String }
    says("{session}: a policy named an SSID code that cannot be one: {reason}")
    remedy("the policy's author")

    /// the ledger could not be read for a policy's `list-outbound`
    "POL-107" "list-outbound-failed" Error Counted
    ListOutboundFailed { partner: String, reason: String }
    says("a policy asked what waits for {partner}, and the ledger cannot be read: {reason}")
    remedy("disk space, permissions")

    /// the ledger could not be read for a policy's `kv-get`
    "POL-108" "kv-get-failed" Error Counted
    KvGetFailed { policy: String, key: String, reason: String }
    says("policy {policy} asked for what it keeps as {key}, and the ledger cannot be read: {reason}")
    remedy("disk space, permissions")
}

/// What a decision is about.
fn subject(session: Option<&str>, transfer: Option<TransferId>) -> String {
    match (session, transfer) {
        (Some(session), _) => format!("session {session}: "),
        (None, Some(transfer)) => format!("transfer {transfer}: "),
        (None, None) => String::new(),
    }
}

fn of(partner: &Option<String>) -> String {
    partner
        .as_ref()
        .map_or_else(String::new, |partner| format!(" of {partner}"))
}

fn because(error: &Option<String>) -> String {
    error
        .as_ref()
        .map_or_else(String::new, |error| format!(" ({error})"))
}

/// Where everything that happens is told.
#[derive(Clone, Debug)]
pub struct Events(broadcast::Sender<Event>);

impl Default for Events {
    fn default() -> Self {
        Self(broadcast::channel(4096).0)
    }
}

impl Events {
    /// Logs it, and tells whoever watches.
    pub fn tell(&self, event: Event) {
        self.tell_or_count(event);
    }

    /// The same; false where the log only counted it.
    pub fn tell_or_count(&self, event: Event) -> bool {
        let written = pointsman_log::tell_or_count(&event);
        // Nobody need be watching.
        let _ = self.0.send(event);
        written
    }

    /// Everything from now on.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Event> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_named_as_far_as_it_is_known() {
        let talk = |partner: Option<&str>, claims: Option<&str>| Talk {
            session: "S1".to_owned(),
            partner: partner.map(str::to_owned),
            claims: claims.map(str::to_owned),
            remote: "192.0.2.7:5000".parse().unwrap(),
        };
        let told = talk(None, Some("mueller")).to_string();
        assert_eq!(
            told,
            "session S1 with a caller at 192.0.2.7:5000 that claims to be mueller"
        );
        let told = talk(None, None).to_string();
        assert!(told.contains("an unknown caller at 192.0.2.7:5000"));
        let told = talk(Some("mueller"), None).to_string();
        assert!(told.contains("with mueller at 192.0.2.7"));
    }

    #[test]
    fn a_peers_words_stay_on_their_line() {
        let event = Event::PolicyRefused {
            policy: "days".to_owned(),
            reason: "FAKE\n2026 INFO \u{1b}[31m\u{202e}".to_owned(),
        };
        let told = event.to_string();
        assert!(!told.contains(['\n', '\u{1b}', '\u{202e}']), "{told}");
        assert!(told.contains("FAKE\\u{a}2026"), "{told}");
    }
}
