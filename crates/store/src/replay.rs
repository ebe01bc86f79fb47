//! Rebuilds the row of a file from its sidecar, by the rules of the verbs.
//!
//! Each entry stands for a verb that was committed. Entries may be missing, since few are synced (see
//! [`crate::sidecar`]): verbs that must have come before the next entry are taken to have happened. An entry whose verb
//! does not apply to the state of the file is ignored.

use std::time::{Duration, SystemTime};

use oftp::{Counts, FileHeader, Response};

use crate::measure::Measure;
use crate::note::Note;
use crate::queue::Order;
use crate::row::{Course, Inbound, Outbound, Row};
use crate::sidecar::{Entry, Record, Sidecar, Way};
use crate::state::{InboundState, OutboundState, ReceiptState, State};
use crate::state_reason::StateReason;
use crate::transfer::{CONTENT_REMOVED, Labels, REBUILT, Target};
use crate::transition::VerbName;
use crate::verb::{
    Acknowledged, ClockPutBack, DecideReceipt, Forwarded, FoundDelivered, FoundHere, FoundUnknown,
    Hashed, Open, Ordered, Overdue, Placing, ReceiptInvalid, Receive, RefuseToOpen, ResponseTaken,
    Sent, Sign, Verb, why_invalid,
};
use crate::verdict::{NotOpened, Opened, Received, Verdict};
use crate::wire_hash::WireHash;

const NEVER_QUEUED: &str = "nobody was told that it is queued: release it to send it, or cancel it";
const NO_CONTENT: &str = "its content is not in the spool any more";
const GONE: &str = "it was not in the spool any more when the ledger was rebuilt";

/// The row of a file by its sidecar; `is_here` says whether its content is in the folder of its direction.
pub(crate) fn rebuilt(record: &Record, is_here: bool, now: SystemTime) -> Row {
    let mut row = first(record, now);
    receive(&mut row, record);
    for entry in &record.entries {
        step(&mut row, entry, record, now);
    }
    match &row.course {
        Course::Inbound(_) => settle_received(&mut row, record, is_here, now),
        Course::Outbound(_) => settle_to_send(&mut row, record, is_here, now),
    }
    let opened = VerbName::Opened.in_history();
    let found = row.history.iter().find(|line| line.event == opened);
    // What policies are told once more, where they are asked again.
    let data = found.and_then(|line| line.note.data.clone());
    let invalid = VerbName::ReceiptInvalid.in_history();
    row.history.retain(|line| line.event == invalid);
    let text = "from its sidecar".to_owned();
    row.note(REBUILT, Note { text, data });
    // Nothing but the history says whether the content of a file that was refused before its delivery is kept.
    let is_undelivered = row.inbound().is_some_and(|file| file.path.is_none());
    if row.state() == InboundState::Rejected.into() && is_undelivered && !is_here {
        row.note(CONTENT_REMOVED, GONE);
    }
    row
}

/// What the sidecar has and the row lacks. Each step is in the row first, so a row that knows less belongs to an older
/// ledger. Steps that can be undone, such as holding a file, prove nothing and are left out.
#[must_use]
pub fn beyond(record: &Record, row: &Row) -> Option<&'static str> {
    let mut told = row.clone();
    // Neither a claim nor an EFID that may not have left must keep a verb from being applied.
    if let Some(file) = told.outbound_mut() {
        file.leased_to = None;
        file.may_have = true;
    }
    for entry in &record.entries {
        if row.state() == InboundState::Receiving.into() && entry.says_received() {
            receive(&mut told, record);
        }
        step(&mut told, entry, record, SystemTime::now());
    }
    let is_new = row.receipt.is_none() && told.receipt.is_some();
    match (row.state(), told.state()) {
        (State::Inbound(InboundState::Receiving), State::Inbound(InboundState::Receiving)) => None,
        (State::Inbound(InboundState::Receiving), _) => Some("the file was received"),
        (State::Inbound(InboundState::Opening), State::Inbound(told)) => {
            (told != InboundState::Opening).then_some("the file was opened")
        }
        (State::Inbound(_), _) if is_new => Some("its receipt was decided"),
        (State::Inbound(_), _) => {
            let was_owed = row.receipt_state() == Some(ReceiptState::Owed);
            let is_given = told.receipt_state() == Some(ReceiptState::Given);
            (was_owed && is_given).then_some("its receipt was given")
        }
        (State::Outbound(was), State::Outbound(is)) if was.is_unsent() && !is.is_unsent() => {
            Some("the file was sent")
        }
        (State::Outbound(was), State::Outbound(OutboundState::Cancelled))
            if was != OutboundState::Cancelled =>
        {
            Some("the file was cancelled")
        }
        (State::Outbound(_), _) => is_new.then_some("its receipt came"),
    }
}

/// The row before anything happened to it.
fn first(record: &Record, now: SystemTime) -> Row {
    let sidecar = &record.sidecar;
    let mut row = Row {
        id: sidecar.id,
        version: 0,
        partner: sidecar.partner.clone(),
        header: FileHeader {
            key: record.key(),
            ..sidecar.header.clone()
        },
        edition: sidecar.edition,
        measure: Measure::default(),
        wire_hash: None,
        counts: Counts::default(),
        layout: None,
        labels: Labels::new(),
        reason: None,
        created: sidecar.at,
        course: match &sidecar.way {
            Way::Inbound { target, .. } => Course::Inbound(Inbound::receiving(target.clone())),
            Way::Outbound { priority, .. } => Course::Outbound(Outbound::ready(*priority)),
        },
        receipt: None,
        history: Vec::new(),
    };
    if let Way::Outbound { layout, counts, .. } = &sidecar.way {
        row.layout = *layout;
        row.counts = *counts;
        row.measure = sidecar.measure.clone();
        row.wire_hash.clone_from(&sidecar.wire_hash);
        row.labels = sidecar.labels.clone();
    }
    // Whether an EFID was sent is unknown, and the partner answers it: with SFNA 13 to the old identity it has the
    // file.
    apply(&mut row, &FoundUnknown, now);
    row
}

/// The first line of a received file is written when its content is sealed.
fn receive(row: &mut Row, record: &Record) {
    let sidecar = &record.sidecar;
    let Way::Inbound { target, verdict } = &sidecar.way else {
        return;
    };
    let received = Received {
        measure: sidecar.measure.clone(),
        counts: Counts::default(),
        wire_hash: sidecar.wire_hash.clone(),
        target: target.clone(),
        verdict: verdict.as_ref().map(|verdict| or_asked(verdict, record)),
        note: Note::default(),
        labels: sidecar.labels.clone(),
        removal: None,
    };
    apply(row, &Receive(received), sidecar.at);
}

/// Only a receipt that was waited for is forwarded. The sidecar that was written for an existing row has the receipt
/// without the question before it.
fn or_asked(verdict: &Verdict, record: &Record) -> Verdict {
    let is_forwarded = |entry: &Entry| matches!(entry, Entry::Forwarded(_));
    match verdict {
        Verdict::Positive if record.entries.iter().any(is_forwarded) => Verdict::Later(None),
        verdict => verdict.clone(),
    }
}

/// What was decided about a file once it was opened.
struct OpenedAs<'a> {
    target: &'a Target,
    verdict: Verdict,
    labels: &'a Labels,
    wire_hash: Option<&'a WireHash>,
    found: Note,
}

/// A plain content is sealed before its file counts as opened. Without one it was refused, or nothing happened.
fn open(row: &mut Row, plain: Option<&Measure>, to: OpenedAs<'_>, now: SystemTime) {
    let wire_hash = to.wire_hash.cloned();
    match (plain, to.verdict) {
        (Some(plain), verdict) => {
            let opened = Opened {
                plain: plain.clone(),
                counts: Counts::default(),
                wire_hash,
                target: to.target.clone(),
                verdict,
                found: to.found,
                note: Note::default(),
                labels: to.labels.clone(),
                removal: None,
            };
            apply(row, &Open(opened), now);
        }
        (None, Verdict::Negative(nerp)) => {
            let refused = NotOpened {
                nerp,
                wire_hash,
                note: Note::default(),
                removal: None,
            };
            apply(row, &RefuseToOpen(refused), now);
        }
        (None, _) => {}
    }
}

/// What follows shows that the file was opened, and the line that said so is lost, with the decision about its receipt:
/// an operator decides.
fn must_be_opened(row: &mut Row, record: &Record, now: SystemTime) {
    let Way::Inbound { target, .. } = &record.sidecar.way else {
        return;
    };
    let (Some(_), State::Inbound(InboundState::Opening)) = (record.plain(), row.state()) else {
        return;
    };
    let opened = OpenedAs {
        target,
        verdict: Verdict::Later(None),
        labels: &record.sidecar.labels,
        wire_hash: None,
        found: Note::default(),
    };
    open(row, record.plain(), opened, now);
}

/// Applies the verb that an entry stands for.
fn step(row: &mut Row, entry: &Entry, record: &Record, now: SystemTime) {
    if matches!(
        entry,
        Entry::Placing(_)
            | Entry::Decided(_)
            | Entry::Forwarded(_)
            | Entry::Signed(_)
            | Entry::Given
    ) {
        must_be_opened(row, record, now);
    }
    match entry {
        Entry::Opened {
            target,
            verdict,
            labels,
            wire_hash,
            found,
        } => {
            let opened = OpenedAs {
                target,
                verdict: or_asked(verdict, record),
                labels,
                wire_hash: wire_hash.as_ref(),
                found: found.clone(),
            };
            open(row, record.plain(), opened, now);
        }
        Entry::Placing(path) => {
            let path = path.clone();
            apply(row, &Placing { path }, now);
        }
        Entry::Hashed(hash) => {
            let hash = hash.clone();
            apply(row, &Hashed { hash }, now);
        }
        Entry::Decided(_) | Entry::Forwarded(_) | Entry::Signed(_) | Entry::Given => {
            apply(row, &FoundDelivered, now);
            receipt_step(row, entry, now);
        }
        Entry::State(state, why) => move_to(row, *state, why.as_deref(), now),
        Entry::Answered(response) => {
            let (response, note) = (response.clone(), String::new());
            apply(row, &Acknowledged { response, note }, now);
        }
        Entry::ReceiptInvalid(why) => {
            let note = why.as_str().into();
            apply(row, &ReceiptInvalid { note }, now);
        }
        // `Received` is what the first line says; keys have a table of their own; the other kinds are handled once all
        // entries are read.
        Entry::Received
        | Entry::Stamped(_)
        | Entry::InDoubt(_)
        | Entry::Positions(_)
        | Entry::Plain(_)
        | Entry::ContentKey(_) => {}
    }
}

/// Applies the verb about our receipt that an entry stands for.
fn receipt_step(row: &mut Row, entry: &Entry, now: SystemTime) {
    match entry {
        Entry::Decided(verdict) => {
            let (verdict, note) = (verdict.clone(), Note::default());
            apply(row, &DecideReceipt { verdict, note }, now);
        }
        Entry::Forwarded(response) => {
            let response = response.clone();
            apply(row, &Forwarded { response }, now);
        }
        Entry::Signed(response) => {
            let (hash, signature) = response.proof();
            let (hash, signature) = (hash.to_vec(), signature.to_vec());
            apply(row, &Sign { hash, signature }, now);
        }
        Entry::Given => apply(row, &ResponseTaken, now),
        _ => {}
    }
}

/// Applies a verb; one that does not apply to the state of the row leaves it unchanged.
fn apply(row: &mut Row, verb: &dyn Verb, now: SystemTime) {
    let before = row.clone();
    if verb.apply(row, now).is_err() {
        *row = before;
    }
}

fn move_to(row: &mut Row, state: OutboundState, why: Option<&str>, now: SystemTime) {
    let order = match state {
        OutboundState::Ready => Order::Release,
        OutboundState::Held => Order::Hold,
        OutboundState::Parked => Order::Park,
        OutboundState::Cancelled => Order::Cancel,
        OutboundState::Sent
        | OutboundState::Overdue
        | OutboundState::Acknowledged
        | OutboundState::Rejected => {
            let note = String::new();
            apply(row, &Sent { note }, now);
            if state == OutboundState::Overdue {
                let deadline = Duration::ZERO;
                apply(row, &Overdue { deadline, at: now }, now);
            }
            return;
        }
    };
    let why = why.unwrap_or_default().to_owned();
    apply(row, &Ordered { order, why }, now);
}

/// A blob that has left `sealed` is in its folder, since the rename proves the delivery. A decided receipt proves it
/// too.
fn settle_received(row: &mut Row, record: &Record, is_here: bool, now: SystemTime) {
    if !is_here {
        must_be_opened(row, record, now);
        apply(row, &FoundDelivered, now);
    } else if !record.is_decided() {
        apply(row, &FoundHere, now);
    }
    let put_off = record.sidecar.at;
    apply(row, &ClockPutBack { put_off }, now);
}

fn settle_to_send(row: &mut Row, record: &Record, is_here: bool, now: SystemTime) {
    let why = match row.state() {
        State::Outbound(state) if state.is_unsent() && record.state().is_none() => {
            Some(NEVER_QUEUED)
        }
        State::Outbound(OutboundState::Ready | OutboundState::Held) if !is_here => Some(NO_CONTENT),
        _ => None,
    };
    if let Some(why) = why {
        let (order, why) = (Order::Park, why.to_owned());
        apply(row, &Ordered { order, why }, now);
    }
    apply(row, &FoundUnknown, now);
}

/// The sidecar that the row would have. None for a file that is not complete.
pub(crate) fn described(row: &Row) -> Option<Record> {
    let (way, entries) = match &row.course {
        Course::Inbound(file) if file.state == InboundState::Receiving => return None,
        Course::Inbound(file) => {
            let target = file.target.clone();
            let is_secured = file.state == InboundState::Opening || file.plain.is_some();
            let verdict = (!is_secured).then(|| verdict(file, row));
            (
                Way::Inbound { target, verdict },
                received_entries(file, row),
            )
        }
        Course::Outbound(file) => {
            let way = Way::Outbound {
                priority: file.priority,
                layout: row.layout,
                counts: row.counts,
            };
            (way, sent_entries(file, row))
        }
    };
    let sidecar = Sidecar {
        id: row.id,
        partner: row.partner.clone(),
        header: row.header.clone(),
        edition: row.edition,
        measure: row.measure.clone(),
        wire_hash: row.wire_hash.clone(),
        session: String::new(),
        at: row.created,
        labels: row.labels.clone(),
        way,
    };
    Some(Record { sidecar, entries })
}

fn verdict(file: &Inbound, row: &Row) -> Verdict {
    let decision = &file.decision;
    if decision.waits {
        return match decision.ask_at {
            Some(when) if decision.hand_over => Verdict::HandOver(when),
            when => Verdict::Later(when),
        };
    }
    match row.receipt.as_ref().map(|receipt| &receipt.response) {
        Some(Response::Negative(nerp)) => Verdict::Negative(Box::new(nerp.clone())),
        _ => Verdict::Positive,
    }
}

fn received_entries(file: &Inbound, row: &Row) -> Vec<Entry> {
    let response = row.receipt.as_ref().map(|receipt| &receipt.response);
    let made_elsewhere = |response: &&Response| matches!(response, Response::Positive(eerp) if !(eerp.hash.is_empty() && eerp.signature.is_empty()));
    let forwarded = response.filter(made_elsewhere).cloned();
    let is_given = row.receipt_state() == Some(ReceiptState::Given);
    [Entry::Received]
        .into_iter()
        .chain(opened_entries(file, row))
        .chain(file.path.clone().map(Entry::Placing))
        .chain(forwarded.map(Entry::Forwarded))
        .chain(is_given.then_some(Entry::Given))
        .collect()
}

/// Of a file that was secured and is opened.
fn opened_entries(file: &Inbound, row: &Row) -> Vec<Entry> {
    let Some(plain) = &file.plain else {
        return Vec::new();
    };
    let opened = Entry::Opened {
        target: file.target.clone(),
        verdict: verdict(file, row),
        labels: row.labels.clone(),
        wire_hash: row.wire_hash.clone(),
        found: Note::default(),
    };
    vec![Entry::Plain(plain.clone()), opened]
}

fn sent_entries(file: &Outbound, row: &Row) -> Vec<Entry> {
    let answer = row.receipt.as_ref().map(|receipt| receipt.response.clone());
    let state = Entry::State(file.state, row.reason.as_ref().map(StateReason::to_string));
    let invalid = why_invalid(row).map(|why| Entry::ReceiptInvalid(why.to_owned()));
    [Entry::InDoubt(file.in_doubt), state]
        .into_iter()
        .chain(invalid)
        .chain(answer.map(Entry::Answered))
        .collect()
}

#[cfg(test)]
mod tests;
