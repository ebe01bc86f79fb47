//! A partner offers a file: what is done with it depends on the files of its identity that are here.

use std::time::SystemTime;

use oftp::{Counts, FileHeader, FileKey, Position};

use crate::measure::Measure;
use crate::note::Note;
use crate::offer::{KnownFile, Offer, Offered, Repeated, Standing};
use crate::row::{Course, Inbound, Row};
use crate::state::{InboundState, ReceiptState};
use crate::transfer::TransferId;
use crate::transition::VerbName;

/// Decides on an offer, where `newest` is the last file of its identity that is here. Returns the answer, and the row
/// to be inserted. Lines about the newest file are added to its history.
pub(crate) fn offer(
    offer: &Offer,
    newest: Option<&mut Row>,
    now: SystemTime,
) -> (Offered, Option<Row>) {
    let Some(known) = newest else {
        let new = receiving(TransferId::new(), offer, 0, offer.note.clone(), now);
        return (Offered::New(new.id), Some(new));
    };
    let key = &offer.header.key;
    if is_receiving(known) {
        return (Offered::Again(known.id), None);
    }
    // Kept in another layout, the same records are other octets.
    let compares = is_compared(known, key, offer.repeated) && known.layout == offer.layout;
    let does_not_count = offer.repeated == Repeated::Taken && !compares;
    if lets_another_be_received(known, key, offer.repeated) || does_not_count {
        let cause = if is_known_to_be_rejected(known) {
            "whose NERP the partner has"
        } else {
            "and those of this partner do not count (received_again: take)"
        };
        let new = beside(TransferId::new(), offer, Some(known), cause, now);
        return (Offered::Another(new.id, new.edition), Some(new));
    }
    let state = known.state();
    let (why, offered) = if compares {
        let why = format!("it is `{state}`: taken once more to compare");
        (why, Offered::Unconfirmed(known.id))
    } else {
        let why = format!("refused as a duplicate: it is `{state}`");
        (why, Offered::Duplicate(known.id))
    };
    known.note_often(Some(&offer.session), VerbName::Another.in_history(), why);
    (offered, None)
}

/// The row of a copy that was received to be compared and is another file.
pub(crate) fn another(
    id: TransferId,
    offer: &Offer,
    newest: Option<&mut Row>,
    now: SystemTime,
) -> Row {
    beside(id, offer, newest, "and its content is another", now)
}

/// The row of one more file of an identity that others have. The history of the last of them gets a line about it, too.
fn beside(
    id: TransferId,
    offer: &Offer,
    newest: Option<&mut Row>,
    cause: &str,
    now: SystemTime,
) -> Row {
    let Some(before) = newest else {
        return receiving(id, offer, 0, offer.note.clone(), now);
    };
    let what = format!("its identity came again, {cause}: transfer {id}");
    before.note_often(Some(&offer.session), VerbName::Another.in_history(), what);
    let why = format!(
        "{}; its identity is that of transfer {}, {cause}",
        offer.note.text, before.id
    );
    let why = offer.note.with_text(why);
    receiving(id, offer, before.edition.saturating_add(1), why, now)
}

/// The row of a file that is about to be received.
fn receiving(id: TransferId, offer: &Offer, edition: u32, why: Note, now: SystemTime) -> Row {
    let mut row = Row {
        id,
        version: 0,
        partner: offer.partner.clone(),
        header: offer.header.clone(),
        edition,
        measure: Measure::default(),
        wire_hash: None,
        counts: Counts::default(),
        layout: offer.layout,
        labels: Vec::new(),
        reason: None,
        created: now,
        course: Course::Inbound(Inbound::receiving(offer.target.clone())),
        receipt: None,
        history: Vec::new(),
    };
    row.note_in(&offer.session, VerbName::Offer.in_history(), why);
    row
}

/// The file that is here under the identity of an offered one, before anything is decided about the offer.
pub(crate) fn known(newest: Row, header: &FileHeader, repeated: Repeated) -> Option<KnownFile> {
    let key = &header.key;
    if is_receiving(&newest) || lets_another_be_received(&newest, key, repeated) {
        return None;
    }
    let compares = is_compared(&newest, key, repeated);
    // Its sender knows that we have the file, or describes another one. If it is the same, a refusal loses nothing.
    let may_be_another = repeated.takes_other_content(key);
    let file = newest.inbound()?;
    let may_be_this = !file.confirmed && is_described_alike(&newest.header, header);
    if compares && may_be_another && !may_be_this {
        return None;
    }
    Some(KnownFile {
        id: newest.id,
        state: file.state,
        layout: newest.layout,
        octets: newest.measure.octets,
        target: file.target.clone(),
        is_to_be_compared: compares && may_be_this,
    })
}

/// The state of a partial, seen from this offer.
pub(crate) fn standing(row: &Row, offer: &Offer) -> Option<Standing> {
    let file = row.inbound()?;
    // A partial is resumed only under an identity that names one content, and under the same description: halves of two
    // files, or of two envelopes, must not be joined.
    let resumes = offer.may_resume
        && offer.repeated.names_one_content(&offer.header.key)
        && same_content(&row.header, &offer.header)
        && row.layout == offer.layout;
    let as_offered = FileHeader {
        restart: row.header.restart,
        ..offer.header.clone()
    };
    Some(Standing {
        edition: row.edition,
        is_receiving: file.state == InboundState::Receiving,
        position: Some(file.position).filter(|_| resumes).unwrap_or_default(),
        is_untouched: file.position == Position::default()
            && row.header == as_offered
            && row.layout == offer.layout,
    })
}

fn is_receiving(row: &Row) -> bool {
    row.state() == InboundState::Receiving.into()
}

/// Whether it was rejected after its EFPA and its sender has confirmed the NERP, or its level has none.
fn is_known_to_be_rejected(row: &Row) -> bool {
    row.state() == InboundState::Rejected.into() && row.receipt_state() == Some(ReceiptState::Given)
}

/// Whether only its content shows if an offered file of the identity `key` is this one.
fn is_compared(row: &Row, key: &FileKey, repeated: Repeated) -> bool {
    let confirmed = row.inbound().is_some_and(|file| file.confirmed);
    match repeated {
        Repeated::Refused => false,
        Repeated::Compared => !confirmed || key.stamp.is_undated(),
        Repeated::Taken => !confirmed,
    }
}

/// Whether an offered file of the identity `key` is another one, whatever its content.
pub(crate) fn lets_another_be_received(row: &Row, key: &FileKey, repeated: Repeated) -> bool {
    let does_not_count = repeated == Repeated::Taken && !is_compared(row, key, repeated);
    !is_receiving(row) && (is_known_to_be_rejected(row) || does_not_count)
}

/// Whether a partial of the one file may be resumed as the other.
fn same_content(known: &FileHeader, offered: &FileHeader) -> bool {
    (known.size_blocks, known.original_size_blocks)
        == (offered.size_blocks, offered.original_size_blocks)
        && is_described_alike(known, offered)
}

/// Whether both are described in the same way, so that the same octets mean the same.
fn is_described_alike(known: &FileHeader, offered: &FileHeader) -> bool {
    let described = |header: &FileHeader| {
        (
            header.format,
            header.security,
            header.cipher,
            header.compressed,
            header.enveloped,
        )
    };
    described(known) == described(offered)
}

#[cfg(test)]
mod tests;
