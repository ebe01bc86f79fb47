//! The names of every persistent transition. The campaigns read this file too, and kill the program at each.

/// Declares the verbs, each under its word, and the word of its lines in histories where that is another.
macro_rules! verbs {
    (@line $word:literal) => { $word };
    (@line $word:literal $line:literal) => { $line };
    ($($name:ident = $word:literal $(=> $line:literal)?,)+) => {
        /// A verb of the ledger that changes something. Each is two transitions: `ledger.VERB.before` its commit, and
        /// `ledger.VERB.committed` after it, before the caller is answered.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum VerbName {
            $(#[doc = concat!("`", $word, "`")] $name,)+
        }

        /// All of their words.
        pub const VERBS: &[&str] = &[$($word,)+];

        impl VerbName {
            /// The word that errors and transitions have for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// The word of the lines that it adds to histories.
            #[must_use]
            pub const fn in_history(self) -> &'static str {
                match self {
                    $(Self::$name => verbs!(@line $word $($line)?),)+
                }
            }
        }
    };
}

verbs! {
    Offer = "offer" => "offered",
    Begin = "begin" => "offered-again",
    Checkpoint = "checkpoint",
    Received = "received",
    Opened = "opened",
    NotOpened = "not-opened",
    ReceivedAgain = "received-again",
    Another = "another" => "offered-again",
    Confirmed = "confirmed",
    Remark = "remark",
    Placing = "placing",
    Delivered = "delivered",
    Decided = "decided",
    Forwarded = "forwarded",
    Hashed = "hashed",
    Signed = "signed" => "receipt-signed",
    ResponseTaken = "response-taken",
    ResponseClosed = "response-closed" => "receipt-closed",
    Enqueue = "enqueue" => "queued",
    Claim = "claim" => "claimed",
    Overdue = "overdue",
    Free = "free" => "freed",
    StampToTheSecond = "stamp-to-the-second" => "stamped",
    InDoubt = "in-doubt",
    NotThere = "not-there",
    Sent = "sent",
    Acknowledged = "acknowledged",
    ReceiptInvalid = "receipt-invalid",
    PutBack = "put-back",
    Refused = "refused" => "put-back",
    Park = "park",
    Order = "order",
    Resend = "resend" => "resent",
    Recover = "recover",
    ClockPutBack = "clock-put-back",
    NoteContacts = "note-contacts",
    ContentKey = "content-key",
    KvSet = "kv-set",
}

/// Steps outside of the ledger: in the spool, the inbox and watched folders, and on the wire.
pub const STEPS: [&str; 42] = [
    "spool.partial.opened",
    "spool.partial.cut",
    "spool.octets.written",
    "spool.octets.synced",
    "spool.blob.synced",
    "spool.sidecar.written",
    "spool.sidecar.synced",
    "spool.sidecar.renamed",
    "spool.blob.renamed",
    "spool.folder.synced",
    "spool.blob.sealed",
    "spool.sidecar.appending",
    "spool.sidecar.appended",
    "spool.sidecar.removed",
    "spool.blob.removed",
    "inbox.folder.made",
    "inbox.file.placed",
    "inbox.folder.synced",
    "inbox.placement.durable",
    "opening.begun",
    "opening.read",
    "opening.judged",
    "delivery.held",
    "delivery.ended",
    "watch.file.taken",
    "watch.file.queued",
    "watch.file.put-away",
    "recovery.begun",
    "recovery.partials.cleared",
    "recovery.uncommitted.discarded",
    "recovery.ended",
    "wire.efpa.before",
    "wire.efpa.after",
    "wire.efid.before",
    "wire.efid.after",
    "wire.receipt.before",
    "wire.receipt.after",
    "wire.rtr.before",
    "wire.rtr.after",
    "wire.octets.written",
    "session.ended",
    "session.released",
];
