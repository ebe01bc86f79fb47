//! What rows of the ledger say, as values.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use oftp::{CipherSuite, Counts, FileHeader, FileKey, Position, RecordLayout, Response};
use uuid::Uuid;

use crate::measure::Measure;
use crate::note::Note;
use crate::state::{Direction, OutboundState, ReceiptState, State};
use crate::state_reason::StateReason;
use crate::wire_hash::WireHash;

/// The id of one transfer: ordered by time of creation, never used again, and safe as a file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransferId(Uuid);

impl TransferId {
    /// A new id, later than every id made before it by this program.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// When it was made, to the millisecond; the id has that in it.
    #[must_use]
    pub fn made(self) -> Option<SystemTime> {
        let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
        SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
    }
}

impl Default for TransferId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TransferId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// Labels of a transfer, for policies and people: names, each with a value that may be empty.
pub type Labels = Vec<(String, String)>;

/// Where an accepted file is to be delivered, as the policies decided it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Folder below the inbox, made of safe parts joined by `/`; empty is the inbox itself.
    pub directory: String,
    /// File name, already made safe.
    pub file_name: String,
    /// Whether a file of that name may be replaced; otherwise the new one gets a number.
    pub overwrite: bool,
}

/// A received file that is not in its folder yet.
#[derive(Clone, Debug)]
pub struct Undelivered {
    /// Names it to operators, and names its files in the spool.
    pub id: TransferId,
    /// Whose it is.
    pub partner: String,
    /// What its SFID said.
    pub header: FileHeader,
    /// Where it is delivered, as it was decided at its offer.
    pub target: Target,
    /// The path below the inbox that was committed before the rename, if one was.
    pub placing: Option<String>,
}

/// A secured file that is received and not opened yet.
#[derive(Clone, Debug)]
pub struct Unopened {
    /// Names it to operators, and names its files in the spool.
    pub id: TransferId,
    /// Whose it is.
    pub partner: String,
    /// What its SFID said.
    pub header: FileHeader,
    /// Size and digest as on the wire.
    pub measure: Measure,
    /// The hash of the file as transmitted; none where it is still to be made.
    pub wire_hash: Option<WireHash>,
    /// Where it is delivered, as it was decided at its offer.
    pub target: Target,
    /// What the policies said of it by now.
    pub labels: Labels,
}

/// A delivered file whose receipt waits for a decision.
#[derive(Clone, Debug)]
pub struct OpenQuestion {
    /// Names it to operators, and names its files in the spool.
    pub id: TransferId,
    /// Whose it is.
    pub partner: String,
    /// What its SFID said.
    pub header: FileHeader,
    /// The size in octets of what was delivered.
    pub octets: u64,
    /// The counts of the virtual file, which may have other octets than the file that is here.
    pub counts: Counts,
    /// When it was offered first.
    pub offered: SystemTime,
    /// Digest of what was delivered (BLAKE3, hexadecimal).
    pub digest: String,
    /// Path below the inbox.
    pub path: String,
    /// How often the question was asked, or the command run.
    pub asked: u32,
    /// The question is put to the command that takes the file, not to the policies.
    pub hand_over: bool,
    /// What the policies said of it.
    pub labels: Labels,
}

/// A receipt of ours that a partner has not confirmed by RTR yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedResponse {
    /// The received file it answers.
    pub id: TransferId,
    /// The EERP or NERP, the same octets each time it is sent.
    pub response: Response,
    /// What it is still to be signed by; none where no signature is asked for, or it has one.
    pub to_sign: Option<ToSign>,
}

/// What a receipt is to be signed by (SFIDSIGN).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToSign {
    /// The cipher suite of the file.
    pub cipher: CipherSuite,
    /// The hash of the file as it was transmitted; none where it is still to be made.
    pub hash: Option<WireHash>,
}

/// A file given to us to send.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// The transfer, whose sealed blob is in the spool already.
    pub id: TransferId,
    /// The partner it goes to.
    pub partner: String,
    /// What the SFID will say.
    pub header: FileHeader,
    /// Size in octets.
    pub octets: u64,
    /// How its records stand in the spool; none where records do not count.
    pub layout: Option<RecordLayout>,
    /// The totals of the virtual file, as EFID has them.
    pub counts: Counts,
    /// Digest of the content (BLAKE3, hexadecimal).
    pub digest: String,
    /// The hash of the file as it is transmitted, with which EERPs are compared; none where it was not made.
    pub wire_hash: Option<WireHash>,
    /// 0 to 9; higher goes first.
    pub priority: u8,
    /// Labels that its user gave it, and policies.
    pub labels: Labels,
    /// What policies decided about it, for its history; without text where none was asked.
    pub note: Note,
}

impl NewFile {
    /// The priority of files for which none was chosen.
    pub const PRIORITY: u8 = 5;
    /// The highest.
    pub const URGENT: u8 = 9;
}

/// A file waiting to be sent.
#[derive(Clone, Debug)]
pub struct OutboundFile {
    /// Names it to operators, and names its files in the spool.
    pub id: TransferId,
    /// The partner it goes to.
    pub partner: String,
    /// What the SFID will say.
    pub header: FileHeader,
    /// Size in octets.
    pub octets: u64,
    /// The BLAKE3 digest of its content when it was queued, in hexadecimal digits.
    pub digest: String,
    /// How its records stand in the spool; none where records do not count.
    pub layout: Option<RecordLayout>,
    /// The totals of the virtual file, as EFID has them.
    pub counts: Counts,
    /// How often it was offered, counted from the last time an operator released it after it was parked; then it starts
    /// over.
    pub attempts: u32,
    /// How often the partner refused it for now, since an operator released it.
    pub refusals: u32,
    /// When it was given to us.
    pub queued: SystemTime,
    /// The EFID of an earlier attempt may have arrived: SFNA 13 then means "delivered".
    pub in_doubt: bool,
    /// The EFID of an earlier attempt left, whatever the partner said since then.
    pub may_have: bool,
    /// Labels that its user gave it.
    pub labels: Labels,
}

/// A file in the queue, to be shown.
#[derive(Clone, Debug)]
pub struct Queued {
    /// Names it to operators, and names its files in the spool.
    pub id: TransferId,
    /// The partner it goes to.
    pub partner: String,
    /// `Ready`, `Held` or `Parked`.
    pub state: OutboundState,
    /// The file's identity.
    pub key: FileKey,
    /// Size in octets.
    pub octets: u64,
    /// 0 to 9; higher goes first.
    pub priority: u8,
    /// How often it was offered so far.
    pub attempts: u32,
    /// Until when it backs off; none where it does not.
    pub backs_off_until: Option<SystemTime>,
    /// Whether a session is sending it.
    pub in_session: bool,
    /// The EFID of an earlier attempt may have arrived.
    pub in_doubt: bool,
    /// Why it is in its state, where a reason is known.
    pub reason: Option<String>,
    /// When it was given to us.
    pub queued: SystemTime,
}

/// One row of the ledger, to be shown.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Names it to operators, and names its files in the spool.
    pub id: TransferId,
    /// The partner's name in the configuration.
    pub partner: String,
    /// Its state, which also says its direction.
    pub state: State,
    /// The file's identity.
    pub key: FileKey,
    /// Octets sealed so far (0 while receiving), as on the wire.
    pub octets: u64,
    /// Digest of the content as on the wire (BLAKE3, hexadecimal), empty while receiving.
    pub digest: String,
    /// Path below the inbox once one is chosen.
    pub path: Option<String>,
    /// The state of its receipt; none where there is no receipt.
    pub receipt: Option<ReceiptState>,
    /// Why it is in its state, where a reason is known.
    pub reason: Option<StateReason>,
    /// When the row was made.
    pub created: SystemTime,
}

impl Transfer {
    /// Which way it goes.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.state.direction()
    }
}

/// What a row says beside [`Transfer`], to be shown.
#[derive(Clone, Debug)]
pub struct Details {
    /// What the SFID said, or will say.
    pub header: FileHeader,
    /// How its records stand in the spool; none where records do not count.
    pub layout: Option<RecordLayout>,
    /// How much of a file that is being received is known to be on the disk.
    pub position: Position,
    /// Of the plain content of a file that came secured and is opened.
    pub plain: Option<Measure>,
    /// The hash of the file as it was transmitted, as receipts carry it; none where no receipt needs it.
    pub wire_hash: Option<WireHash>,
    /// Where a received file goes.
    pub target: Target,
    /// Whether the partner of a received file is known to have our EFPA; kept only where copies are compared.
    pub confirmed: bool,
    /// 0 to 9; higher goes first.
    pub priority: u8,
    /// How often it was offered so far.
    pub attempts: u32,
    /// How often the partner refused it for now, since an operator released it.
    pub refusals: u32,
    /// How many sessions in a row broke while they were sending it.
    pub breaks: u32,
    /// The EFID of an earlier attempt may have arrived.
    pub in_doubt: bool,
    /// Until when it backs off; none where it does not.
    pub backs_off_until: Option<SystemTime>,
    /// The program whose session is sending it.
    pub holder: Option<String>,
    /// When its EFPA came.
    pub sent: Option<SystemTime>,
    /// The decision about its receipt that is still to come.
    pub question: Option<Question>,
    /// When its receipt was owed, or came.
    pub receipt_since: Option<SystemTime>,
    /// How often our receipt was given to a session.
    pub receipt_tries: u32,
    /// Labels that its user gave it, or those of the policies that accepted it.
    pub labels: Labels,
}

/// A receipt that waits for a decision, to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// When it is asked next; none where an operator decides.
    pub asked_at: Option<SystemTime>,
    /// How often it was asked, or the command run.
    pub asked: u32,
    /// The command that takes the file decides, and not the policies.
    pub hand_over: bool,
}

/// The history event of a rejected file whose content is not kept: in the transaction of its verdict, before it is removed.
pub(crate) const CONTENT_REMOVED: &str = "content-removed";

/// The history event of a row that was made from its sidecar.
pub const REBUILT: &str = "rebuilt";

/// The history event of a receipt that says otherwise than the first one, and is not taken.
pub(crate) const CONTRADICTS: &str = "receipt-contradicts";

/// One line of a transfer's history.
#[derive(Clone, Debug)]
pub struct TimelineEntry {
    /// When it happened, by our clock.
    pub at: SystemTime,
    /// In which session, if in one.
    pub session: Option<String>,
    /// The verb, or what else happened.
    pub event: String,
    /// Details: policy and generation, reason, path.
    pub detail: String,
    /// What led to a decision, as JSON, where policies were asked; of a secured file that is opened, what was found in it.
    pub data: Option<String>,
}
