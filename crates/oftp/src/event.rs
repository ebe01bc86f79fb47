//! Events out of a session.

use std::fmt;

use crate::answer::{
    ChallengeTicket, CloseTicket, ConnectionTicket, CreditTicket, FileTicket, OwnChallengeTicket,
    ResponseTicket, TurnTicket,
};
use crate::stream::ForeignHeader;
use crate::{
    Agreement, Counts, FileHeader, FileReason, Response, SessionReason, Ssid, StateName, Tolerance,
};

/// What happened, or what is asked. Events come in the order of the wire.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// Responder, A_WF_CONRS: a partner introduced itself. Answer with `answer_connection`.
    ConnectionOffered(ConnectionTicket, Ssid),
    /// The partner challenges us (WF_AUCH): CMS EnvelopedData to be opened with our own key.
    /// Answer with `answer_challenge`. The partner's code is in `agreement()`.
    ChallengeOffered(ChallengeTicket, Vec<u8>),
    /// We are to challenge the partner (WF_SECD): answer with `send_challenge`.
    ChallengeWanted(OwnChallengeTicket),
    /// The session stands. An initiator checks the partner's code and password here and may abort.
    Connected(Agreement),
    /// OPIP: the partner wants to send a file. Answer with `answer_file`.
    FileOffered(FileTicket, FileHeader),
    /// OPI: the next octets of the open file.
    Data(FileData),
    /// OPI: the partner's credit is used up. `grant_credit` when the next window can be taken; nothing has to be durable.
    WindowUsedUp(CreditTicket),
    /// CLIP: the partner has sent the whole file. Answer with `answer_close`.
    FileClosed(CloseTicket, Closing),
    /// RTRP: the partner answers for a file we sent. Answer with `answer_response`.
    ResponseOffered(ResponseTicket, Response),
    /// IDLESP, IDLESPCD: we are the speaker. Answer with `start_file`, `respond` or `end_turn`.
    YourTurn(TurnTicket),
    /// The partner takes the file from that position on; `want_data` says how much may follow.
    FileAccepted {
        /// At most the position proposed, in its unit: blocks of 1024 octets or records.
        restart: u64,
    },
    /// The file was not taken; `YourTurn` follows. Also said of a file this session cannot carry
    /// (its level, its direction), which is then never offered: `text` tells.
    FileRefused {
        /// SFNAREAS (RFC 5024, 5.3.5).
        reason: FileReason,
        /// Whether to try again in a later session.
        retry: bool,
        /// Why, for people.
        text: String,
    },
    /// Credit came back: `want_data` is above 0 again.
    MoreData,
    /// The partner has, or has not, taken the whole file. Turns are taken care of; `YourTurn`
    /// follows unless the turn went to the partner.
    CloseAnswered(Result<(), CloseRefusal>),
    /// The partner has taken our response (RTR); `YourTurn` follows.
    ResponseTaken,
    /// Our response cannot be sent in this session and stays with us: there is no NERP below level
    /// 1.4 (RFC 2204), and no signature above 65,535 octets. `YourTurn` follows.
    ResponseNotSent {
        /// Why, for people.
        text: String,
    },
    /// The partner offered a file whose SFID holds what cannot be read. It was refused (SFNA, not to be tried again), and
    /// the session continues.
    FileUnreadable {
        /// What the SFNA says.
        reason: FileReason,
        /// Why, for people: the field and its fault, no content.
        text: String,
    },
    /// The partner answered for a file, and its response holds what cannot be read, so that it names none. It was
    /// confirmed (RTR), since it would come again for ever.
    ResponseUnreadable {
        /// Why, for people: the field and its fault, no content.
        text: String,
    },
    /// A leniency was used: for the log.
    Tolerated(Tolerance),
    /// The session is over; the last event. The connection is to be kept until `is_over`.
    Ended(End),
}

/// File data as it came, of one or more DATA buffers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct FileData {
    /// Octets of the virtual file.
    pub octets: Vec<u8>,
    /// Where in `octets` records end: each value counts the octets before the end. Of meaning only
    /// for files that go in records.
    pub record_ends: Vec<usize>,
}

/// What the end of a file says, and what was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Closing {
    /// EFID's totals of the whole file.
    pub announced: Counts,
    /// Ours of the whole file, what we held before a restart included.
    pub received: Counts,
    /// Whether records count: they do for files that go in records only.
    pub counts_records: bool,
    /// Totals that differ do not count against the file
    /// ([`Leniency::WrongCounts`](crate::Leniency::WrongCounts)).
    pub forgiven: bool,
}

impl Closing {
    /// The reason to refuse the file for, if the totals differ and that is not forgiven: 11 for
    /// octets, 10 for records.
    pub fn discrepancy(&self) -> Option<FileReason> {
        self.difference().filter(|_| !self.forgiven)
    }

    /// How the totals differ.
    pub(crate) fn difference(&self) -> Option<FileReason> {
        if self.announced.octets != self.received.octets {
            return Some(FileReason::ByteCount);
        }
        let differ = self.counts_records && self.announced.records != self.received.records;
        differ.then_some(FileReason::RecordCount)
    }
}

/// Why a file that was sent whole was not taken (EFNA, RFC 5024, 5.3.10).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CloseRefusal {
    /// EFNAREAS.
    pub reason: FileReason,
    /// Why, for people.
    pub text: String,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum End {
    /// ESID 00 where it belongs: both are done.
    Released,
    /// The partner ended it.
    AbortedByPartner {
        /// ESIDREAS.
        reason: SessionReason,
        /// ESIDREAST.
        text: String,
    },
    /// We ended it: the caller, or the protocol.
    AbortedByUs {
        /// ESIDREAS.
        reason: SessionReason,
        /// Why, for people: what came and what was expected.
        text: String,
    },
    /// The connection went away.
    Disconnected {
        /// Where it found us.
        state: StateName,
    },
    /// Nothing moved for too long.
    TimedOut {
        /// Where we waited.
        state: StateName,
    },
    /// Whoever is there does not speak this protocol. Nothing was sent.
    NotOftp(ForeignHeader),
}

impl End {
    /// Whether everything there was to do was done.
    pub fn is_normal(&self) -> bool {
        matches!(self, Self::Released)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Released => f.write_str("released"),
            Self::AbortedByPartner { reason, text } => {
                write!(f, "ended by the partner: {reason}: {text}")
            }
            Self::AbortedByUs { reason, text } => write!(f, "ended here: {reason}: {text}"),
            Self::Disconnected { state } => write!(f, "connection lost in {state}"),
            Self::TimedOut { state } => write!(f, "timed out in {state}"),
            Self::NotOftp(header) => header.fmt(f),
        }
    }
}
