//! A transfer as the ledger keeps it: what verbs read and change.
//!
//! A back-end reads a row, applies a [`Verb`](crate::verb::Verb) to it, and writes the columns that have changed, if
//! the row still has the version that was read. So all rules are here and in `verb/`, and none in a back-end.

use std::time::SystemTime;

use oftp::{Counts, Eerp, FileHeader, Nerp, Position, RecordLayout, Response};

use crate::measure::Measure;
use crate::note::Note;
use crate::state::{InboundState, OutboundState, ReceiptState, State};
use crate::state_reason::StateReason;
use crate::transfer::{
    CONTENT_REMOVED, Labels, NewFile, OpenQuestion, OutboundFile, OwedResponse, Target, ToSign,
    TransferId, Unopened,
};
use crate::transition::VerbName;
use crate::verdict::Verdict;
use crate::wire_hash::WireHash;

/// One transfer, with its receipt.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Names it to operators, and names its files in the spool.
    pub id: TransferId,
    /// Grows with every change.
    pub version: u64,
    /// The partner's name in the configuration.
    pub partner: String,
    /// What its SFID said, or will say.
    pub header: FileHeader,
    /// Which of the files of its identity it is, from 0 on.
    pub edition: u32,
    /// Of its content as on the wire: nothing while it is received.
    pub measure: Measure,
    /// The hash of the file as it was transmitted; none where no receipt needs it, or it is still to be made.
    pub wire_hash: Option<WireHash>,
    /// The totals of the virtual file: of a secured one as on the wire, and of the plain file once it is opened.
    pub counts: Counts,
    /// How its records stand in the spool; none where records do not count.
    pub layout: Option<RecordLayout>,
    /// What was said of it for policies and people.
    pub labels: Labels,
    /// Why it is in its state, where a reason is known.
    pub reason: Option<StateReason>,
    /// When the row was made.
    pub created: SystemTime,
    /// What only one direction has.
    pub course: Course,
    /// Ours for a received file, the partner's for a sent one.
    pub receipt: Option<Receipt>,
    /// Lines that a change adds to the history; empty in a row that was just read.
    pub history: Vec<HistoryLine>,
}

/// What only one direction has.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// Received.
    Inbound(Inbound),
    /// To send.
    Outbound(Outbound),
}

/// What only a received file has.
#[derive(Clone, Debug, PartialEq)]
pub struct Inbound {
    /// Where it is.
    pub state: InboundState,
    /// How much of the partial may be offered for restart.
    pub position: Position,
    /// Of its plain content, once a secured file is opened. That is what is delivered then.
    pub plain: Option<Measure>,
    /// Where it goes.
    pub target: Target,
    /// Path below the inbox once one is chosen.
    pub path: Option<String>,
    /// The partner is known to have our EFPA.
    pub confirmed: bool,
    /// When it was all here.
    pub received_at: Option<SystemTime>,
    /// The decision about its receipt.
    pub decision: ReceiptDecision,
}

/// The state of the decision about a receipt.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReceiptDecision {
    /// The receipt waits for this decision.
    pub waits: bool,
    /// When the question is asked next; none where an operator decides.
    pub ask_at: Option<SystemTime>,
    /// How often it was asked, or the command run.
    pub asked: u32,
    /// The command that takes the file decides, and not the policies.
    pub hand_over: bool,
}

/// What only a file to send has.
#[derive(Clone, Debug, PartialEq)]
pub struct Outbound {
    /// Where it is.
    pub state: OutboundState,
    /// 0 to 9; higher goes first.
    pub priority: u8,
    /// When an operator ordered that it goes now.
    pub ordered: Option<SystemTime>,
    /// How often it was offered so far.
    pub attempts: u32,
    /// How often the partner refused it for now.
    pub refusals: u32,
    /// How often in a row the session that had it broke.
    pub breaks: u32,
    /// The EFID of an earlier attempt may have arrived.
    pub in_doubt: bool,
    /// The EFID of an earlier attempt left, whatever the partner said since then.
    pub may_have: bool,
    /// Not to be offered before.
    pub not_before: Option<SystemTime>,
    /// The session that has it.
    pub leased_to: Option<String>,
    /// When its EFPA came.
    pub sent_at: Option<SystemTime>,
}

/// The EERP or NERP for one file, whichever side sends it.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// Where it is.
    pub state: ReceiptState,
    /// The EERP or NERP.
    pub response: Response,
    /// Not to be sent before.
    pub not_before: Option<SystemTime>,
    /// The session that has it.
    pub leased_to: Option<String>,
    /// How often it was given to a session.
    pub tries: u32,
    /// When it was owed, or came.
    pub created: SystemTime,
}

/// What happened once to a transfer, as `pointsman show` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryLine {
    /// The verb, or what else happened.
    pub event: &'static str,
    /// What there is to say about it.
    pub note: Note,
    /// The session, where it is not the one whose verb writes the line.
    pub session: Option<String>,
    /// Whether a partner can cause the line as often as it likes: some fifty are kept.
    pub often: bool,
}

impl Row {
    /// A file to send that was just queued.
    pub(crate) fn queued(file: &NewFile, now: SystemTime) -> Self {
        let mut row = Self {
            id: file.id,
            version: 0,
            partner: file.partner.clone(),
            header: file.header.clone(),
            edition: 0,
            measure: Measure {
                octets: file.octets,
                digest: file.digest.clone(),
            },
            wire_hash: file.wire_hash.clone(),
            counts: file.counts,
            layout: file.layout,
            labels: file.labels.clone(),
            reason: None,
            created: now,
            course: Course::Outbound(Outbound::ready(file.priority.min(NewFile::URGENT))),
            receipt: None,
            history: Vec::new(),
        };
        let text = format!("{} octets for {}", file.octets, file.partner);
        row.note(VerbName::Enqueue.in_history(), file.note.after(text));
        row
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.course {
            Course::Inbound(file) => file.state.into(),
            Course::Outbound(file) => file.state.into(),
        }
    }

    /// The fields of a received file; none where it is one to send.
    #[must_use]
    pub fn inbound(&self) -> Option<&Inbound> {
        match &self.course {
            Course::Inbound(file) => Some(file),
            Course::Outbound(_) => None,
        }
    }

    /// The same, to change it.
    pub(crate) fn inbound_mut(&mut self) -> Option<&mut Inbound> {
        match &mut self.course {
            Course::Inbound(file) => Some(file),
            Course::Outbound(_) => None,
        }
    }

    /// The fields of a file to send; none where it is a received one.
    #[must_use]
    pub fn outbound(&self) -> Option<&Outbound> {
        match &self.course {
            Course::Inbound(_) => None,
            Course::Outbound(file) => Some(file),
        }
    }

    /// The same, to change it.
    pub(crate) fn outbound_mut(&mut self) -> Option<&mut Outbound> {
        match &mut self.course {
            Course::Inbound(_) => None,
            Course::Outbound(file) => Some(file),
        }
    }

    /// The state of its receipt, if it has one.
    #[must_use]
    pub(crate) fn receipt_state(&self) -> Option<ReceiptState> {
        self.receipt.as_ref().map(|receipt| receipt.state)
    }

    /// Its receipt, if it is ours and the partner has not confirmed it.
    pub(crate) fn owed_mut(&mut self) -> Option<&mut Receipt> {
        let receipt = self.receipt.as_mut();
        receipt.filter(|receipt| receipt.state == ReceiptState::Owed)
    }

    /// Its receipt is owed no more. Returns whether it was.
    pub(crate) fn give_receipt(&mut self) -> bool {
        let Some(receipt) = self.owed_mut() else {
            return false;
        };
        receipt.state = ReceiptState::Given;
        receipt.leased_to = None;
        true
    }

    /// Adds a line to the history.
    pub(crate) fn note(&mut self, event: &'static str, note: impl Into<Note>) {
        self.history.push(HistoryLine {
            event,
            note: note.into(),
            session: None,
            often: false,
        });
    }

    /// Adds a line in the name of this session.
    pub(crate) fn note_in(&mut self, session: &str, event: &'static str, note: Note) {
        self.note(event, note);
        if let Some(line) = self.history.last_mut() {
            line.session = Some(session.to_owned());
        }
    }

    /// Adds a line that a partner can cause as often as it likes.
    pub(crate) fn note_often(
        &mut self,
        session: Option<&str>,
        event: &'static str,
        note: impl Into<Note>,
    ) {
        self.history.push(HistoryLine {
            event,
            note: note.into(),
            session: session.map(str::to_owned),
            often: true,
        });
    }

    /// Makes an EERP owed for it, if nothing else is decided or awaited. Returns whether this call has done so.
    pub(crate) fn owe_positive(&mut self, now: SystemTime) -> bool {
        let waits = self.inbound().is_none_or(|file| file.decision.waits);
        if waits || self.receipt.is_some() {
            return false;
        }
        let eerp = Eerp {
            key: self.header.key.clone(),
            user: self.header.user.clone(),
            hash: Vec::new(),
            signature: Vec::new(),
        };
        self.receipt = Some(Receipt::owed(Response::Positive(eerp), now));
        true
    }

    /// Says in its history why its contents are removed, where they are.
    pub(crate) fn note_removal(&mut self, why: Option<&'static str>) {
        if let Some(why) = why {
            self.note(CONTENT_REMOVED, why);
        }
    }

    /// Rejects the file, and makes this NERP owed for it.
    pub(crate) fn reject(&mut self, nerp: &Nerp, now: SystemTime) {
        let why = reason(nerp);
        if let Some(file) = self.inbound_mut() {
            file.state = InboundState::Rejected;
        }
        self.receipt = Some(Receipt::owed(Response::Negative(nerp.clone()), now));
        self.note(InboundState::Rejected.as_str(), &*why);
        self.reason = Some(why.into());
    }

    /// Keeps this hash of the file as transmitted where none is known: the first one stays.
    pub(crate) fn complete_wire_hash(&mut self, hash: Option<&WireHash>) {
        if self.wire_hash.is_none() {
            self.wire_hash = hash.cloned();
        }
    }

    /// Moves it to this state, out of the queue or back into it.
    pub(crate) fn move_to(&mut self, state: OutboundState, why: Option<&str>) {
        self.reason = why.map(StateReason::from);
        if let Some(file) = self.outbound_mut() {
            file.state = state;
            file.leased_to = None;
        }
    }

    /// The file as a session gets it; none where it is a received one.
    pub(crate) fn to_send(&self) -> Option<OutboundFile> {
        let file = self.outbound()?;
        Some(OutboundFile {
            id: self.id,
            partner: self.partner.clone(),
            header: self.header.clone(),
            octets: self.measure.octets,
            digest: self.measure.digest.clone(),
            layout: self.layout,
            counts: self.counts,
            attempts: file.attempts,
            refusals: file.refusals,
            queued: self.created,
            in_doubt: file.in_doubt,
            may_have: file.may_have,
            labels: self.labels.clone(),
        })
    }

    /// The question about its receipt as whoever asks it gets it; none where it is not delivered or waits for none.
    pub(crate) fn question(&self) -> Option<OpenQuestion> {
        let file = self.inbound()?;
        let delivered = file.plain.as_ref().unwrap_or(&self.measure);
        let counts = match self.counts.octets {
            0 => Counts {
                octets: delivered.octets,
                ..self.counts
            },
            _ => self.counts,
        };
        let is_open = file.state == InboundState::Delivered && file.decision.waits;
        is_open.then(|| OpenQuestion {
            id: self.id,
            partner: self.partner.clone(),
            header: self.header.clone(),
            octets: delivered.octets,
            counts,
            offered: self.created,
            digest: delivered.digest.clone(),
            path: file.path.clone().unwrap_or_default(),
            asked: file.decision.asked,
            hand_over: file.decision.hand_over,
            labels: self.labels.clone(),
        })
    }

    /// The file as whoever opens it gets it; none where it is not to be opened.
    pub(crate) fn unopened(&self) -> Option<Unopened> {
        let file = self.inbound()?;
        (file.state == InboundState::Opening).then(|| Unopened {
            id: self.id,
            partner: self.partner.clone(),
            header: self.header.clone(),
            measure: self.measure.clone(),
            wire_hash: self.wire_hash.clone(),
            target: file.target.clone(),
            labels: self.labels.clone(),
        })
    }

    /// Its receipt as a session gets it; none where none is owed.
    pub(crate) fn owed(&self) -> Option<OwedResponse> {
        let receipt = self.receipt.as_ref()?;
        let (_, signature) = receipt.response.proof();
        let is_to_be_signed = self.header.signed_receipt && signature.is_empty();
        (receipt.state == ReceiptState::Owed).then(|| OwedResponse {
            id: self.id,
            response: receipt.response.clone(),
            to_sign: is_to_be_signed.then(|| ToSign {
                cipher: self.header.cipher,
                hash: self.wire_hash.clone(),
            }),
        })
    }
}

/// A NERP's reason as the ledger keeps and shows it.
pub(crate) fn reason(nerp: &Nerp) -> String {
    format!("{:02} {}", nerp.reason.code(), nerp.text)
}

impl Outbound {
    /// A file that waits for its first session.
    pub(crate) fn ready(priority: u8) -> Self {
        Self {
            state: OutboundState::Ready,
            priority,
            ordered: None,
            attempts: 0,
            refusals: 0,
            breaks: 0,
            in_doubt: false,
            may_have: false,
            not_before: None,
            leased_to: None,
            sent_at: None,
        }
    }
}

impl Inbound {
    /// A file whose octets are still to come.
    pub(crate) fn receiving(target: Target) -> Self {
        Self {
            state: InboundState::Receiving,
            position: Position::default(),
            plain: None,
            target,
            path: None,
            confirmed: false,
            received_at: None,
            decision: ReceiptDecision::default(),
        }
    }
}

impl ReceiptDecision {
    /// Waits, if the verdict says so.
    pub(crate) fn follow(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Later(when) => self.ask(*when),
            Verdict::HandOver(when) => self.hand_over(*when),
            Verdict::Positive | Verdict::Negative(_) => {}
        }
    }

    /// Has the question asked at this time; without a time an operator decides.
    pub(crate) fn ask(&mut self, when: Option<SystemTime>) {
        self.waits = true;
        self.ask_at = when;
        self.asked += 1;
    }

    /// Has the command run at this time. Its runs are counted from 0.
    pub(crate) fn hand_over(&mut self, when: SystemTime) {
        self.ask(Some(when));
        if !self.hand_over {
            self.asked = 0;
        }
        self.hand_over = true;
    }

    /// It is decided.
    pub(crate) fn end(&mut self) {
        self.waits = false;
        self.ask_at = None;
    }
}

impl Receipt {
    fn owed(response: Response, now: SystemTime) -> Self {
        Self::new(ReceiptState::Owed, response, now)
    }

    /// A receipt that no session has claimed and that is due.
    pub(crate) fn new(state: ReceiptState, response: Response, now: SystemTime) -> Self {
        Self {
            state,
            response,
            not_before: None,
            leased_to: None,
            tries: 0,
            created: now,
        }
    }
}
