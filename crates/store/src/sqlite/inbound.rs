//! The verbs of received files and of the receipts we owe for them.

use std::time::{Duration, SystemTime};

use oftp::{
    Counts, Eerp, FileHeader, FileKey, Nerp, NerpReason, OdetteId, Position, RecordLayout,
    Response, UserData,
};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::due::{due, latest};
use super::failed::{database, identity};
use super::history::{note, note_decision, note_often};
use super::state::state_of;
use super::{look, row};
use crate::error::LedgerError;
use crate::note::Note;
use crate::offer::{Arrived, Here, Offer, Offered, Repeated, Standing};
use crate::persisted::Stored;
use crate::planted;
use crate::seal::Seal;
use crate::state::{InboundState, ReceiptState, State};
use crate::transfer::{OpenQuestion, OwedResponse, Target, TransferId, Undelivered};
use crate::verdict::{Received, Verdict};
use crate::words::{format_to, from_millis, millis, security_to};

pub(super) fn offer(db: &Connection, offer: &Offer) -> Result<Offered, LedgerError> {
    let known = newest(db, &offer.partner, &offer.header.key)?
        .filter(|known| !planted("identity-not-unique") || known.state == InboundState::Receiving);
    let Some(known) = known else {
        let id = TransferId::new();
        begin_row(db, id, offer, 0, &offer.note)?;
        return Ok(Offered::New(id));
    };
    let id = known.id;
    if known.state != InboundState::Receiving {
        return here_already(db, offer, &known);
    }
    Ok(Offered::Again(id))
}

/// What is here of a file that is offered, whatever is decided about files now.
pub(super) fn here(
    db: &Connection,
    partner: &str,
    header: &FileHeader,
    repeated: Repeated,
) -> Result<Option<Here>, LedgerError> {
    let key = &header.key;
    let known = newest(db, partner, key)?.filter(|_| !planted("identity-not-unique"));
    let Some(known) = known.filter(|known| !known.gives_way(key, repeated)) else {
        return Ok(None);
    };
    if known.state == InboundState::Receiving {
        return Ok(None);
    }
    let compares = known.is_compared(key, repeated);
    // Its sender knows that we have that one, or describes another file: if it is the same, nothing is lost by a refusal.
    let may_be_another = repeated.takes_other_content(key);
    let may_be_this = !known.confirmed && is_described_alike(&known.header, header);
    if compares && may_be_another && !may_be_this {
        return Ok(None);
    }
    Ok(Some(Here {
        id: known.id,
        state: known.state,
        layout: known.layout,
        octets: known.octets,
        target: known.target,
        is_to_be_compared: compares && may_be_this,
    }))
}

/// What the row of a partial says to who holds it.
pub(super) fn standing(
    db: &Connection,
    id: TransferId,
    offer: &Offer,
) -> Result<Option<Standing>, LedgerError> {
    let Some(known) = one(db, id)? else {
        return Ok(None);
    };
    // A partial goes on only under an identity that names one content, and under the same description: halves of two
    // files, or of two envelopes, must not meet.
    let resumes = offer.may_resume
        && offer.repeated.names_one_content(&offer.header.key)
        && same_content(&known.header, &offer.header)
        && known.layout == offer.layout;
    let as_offered = FileHeader {
        restart: known.header.restart,
        ..offer.header.clone()
    };
    Ok(Some(Standing {
        edition: known.edition,
        is_receiving: known.state == InboundState::Receiving,
        position: if resumes {
            known.position
        } else {
            Position::default()
        },
        is_untouched: known.position == Position::default()
            && known.header == as_offered
            && known.layout == offer.layout,
    }))
}

/// The row of a file whose octets are to come.
fn begin_row(
    db: &Connection,
    id: TransferId,
    offer: &Offer,
    edition: u32,
    why: &Note,
) -> Result<(), LedgerError> {
    const VERB: &str = "offer";
    let of = Whose {
        partner: &offer.partner,
        state: InboundState::Receiving.into(),
        edition,
    };
    insert_header(db, id, of, &offer.header, VERB)?;
    set_target(db, id, &offer.target, VERB)?;
    set_layout(db, id, offer.layout, VERB)?;
    note_decision(db, id, Some(&offer.session), "offered", why)
}

/// The last file of that identity is here. Whatever becomes of the one that is offered, that stays as it is.
fn here_already(db: &Connection, offer: &Offer, known: &Known) -> Result<Offered, LedgerError> {
    let (id, state) = (known.id, known.state);
    let (key, repeated) = (&offer.header.key, offer.repeated);
    // Kept in another layout, the same records are other octets.
    let compares = known.is_compared(key, repeated) && known.layout == offer.layout;
    if known.gives_way(key, repeated) || (repeated == Repeated::Taken && !compares) {
        let cause = if known.is_known_to_be_rejected() {
            "whose NERP the partner has"
        } else {
            "and those of this partner do not count (received_again: take)"
        };
        let new = TransferId::new();
        let edition = next_of_its_identity(db, new, offer, cause)?;
        return Ok(Offered::Another(new, edition));
    }
    let (why, offered) = if compares {
        let why = format!("it is `{state}`: taken once more to compare");
        (why, Offered::Unconfirmed(id))
    } else {
        let why = format!("refused as a duplicate: it is `{state}`");
        (why, Offered::Duplicate(id))
    };
    note_often(db, id, Some(&offer.session), "offered-again", &why.into())?;
    Ok(offered)
}

/// What came to be compared is another file: it gets a row, under the id of its copy.
pub(super) fn another(db: &Connection, id: TransferId, offer: &Offer) -> Result<u32, LedgerError> {
    next_of_its_identity(db, id, offer, "and its content is another")
}

/// A row for one more file of an identity that others have. The history of the last of them says so, too.
fn next_of_its_identity(
    db: &Connection,
    id: TransferId,
    offer: &Offer,
    cause: &str,
) -> Result<u32, LedgerError> {
    let mut edition = 0;
    let mut why = offer.note.clone();
    if let Some(before) = newest(db, &offer.partner, &offer.header.key)? {
        edition = before.edition.saturating_add(1);
        why = why.with_text(format!(
            "{}; its identity is that of transfer {}, {cause}",
            why.text, before.id
        ));
        let what = format!("its identity came again, {cause}: transfer {id}");
        note_often(
            db,
            before.id,
            Some(&offer.session),
            "offered-again",
            &what.into(),
        )?;
    }
    begin_row(db, id, offer, edition, &why)?;
    Ok(edition)
}

/// A file that was offered before.
struct Known {
    id: TransferId,
    edition: u32,
    state: InboundState,
    confirmed: bool,
    /// The state of its receipt.
    receipt: Option<ReceiptState>,
    position: Position,
    /// Octets in the spool, once it is received.
    octets: u64,
    target: Target,
    layout: Option<RecordLayout>,
    header: FileHeader,
}

impl Known {
    /// It was refused after its EFPA, and its sender has said that it knows; or cannot be told, at its level.
    fn is_known_to_be_rejected(&self) -> bool {
        self.state == InboundState::Rejected && self.receipt == Some(ReceiptState::Given)
    }

    /// Whether only the content tells if a file of its identity, which is `key`, is this one.
    fn is_compared(&self, key: &FileKey, repeated: Repeated) -> bool {
        match repeated {
            Repeated::Refused => false,
            Repeated::Compared => !self.confirmed || key.stamp.is_undated(),
            Repeated::Taken => !self.confirmed,
        }
    }

    /// Whether a file of its identity is another one, before a single octet of it has come.
    fn gives_way(&self, key: &FileKey, repeated: Repeated) -> bool {
        let does_not_count = repeated == Repeated::Taken && !self.is_compared(key, repeated);
        self.state != InboundState::Receiving && (self.is_known_to_be_rejected() || does_not_count)
    }
}

/// The newest offer says what the file is and where it goes.
pub(super) fn begin(
    db: &Connection,
    id: TransferId,
    offer: &Offer,
    from: Position,
) -> Result<(), LedgerError> {
    const VERB: &str = "begin";
    expect(db, id, &[InboundState::Receiving], VERB)?;
    let header = &offer.header;
    let (format, record) = format_to(header.format);
    db.prepare_cached(
        "UPDATE transfers SET position = ?2, user = ?3, format = ?4, record = ?5, size_blocks = ?6,
         original_blocks = ?7, security = ?8, cipher = ?9, compressed = ?10, enveloped = ?11,
         signed_receipt = ?12, description = ?13, position_records = ?14 WHERE id = ?1",
    )
    .and_then(|mut update| {
        update.execute(params![
            id.to_string(),
            from.octets as i64,
            header.user.as_str(),
            format,
            record,
            header.size_blocks as i64,
            header.original_size_blocks as i64,
            security_to(header.security),
            header.cipher.number(),
            header.compressed,
            header.enveloped,
            header.signed_receipt,
            header.description,
            from.records as i64,
        ])
    })
    .map_err(database(VERB))?;
    set_target(db, id, &offer.target, VERB)?;
    set_layout(db, id, offer.layout, VERB)?;
    let cause = if offer.repeated.names_one_content(&header.key) {
        ""
    } else {
        ", since its identity does not count (received_again)"
    };
    let what = format!("from octet {}{cause}; {}", from.octets, offer.note.text);
    let note = offer.note.with_text(what);
    note_often(db, id, Some(&offer.session), "offered-again", &note)
}

pub(super) fn set_target(
    db: &Connection,
    id: TransferId,
    target: &Target,
    verb: &'static str,
) -> Result<(), LedgerError> {
    let Target {
        directory,
        file_name,
        overwrite,
    } = target;
    db.prepare_cached(
        "UPDATE transfers SET directory = ?2, file_name = ?3, overwrite = ?4 WHERE id = ?1",
    )
    .and_then(|mut update| update.execute(params![id.to_string(), directory, file_name, overwrite]))
    .map(drop)
    .map_err(database(verb))
}

pub(super) fn set_layout(
    db: &Connection,
    id: TransferId,
    layout: Option<RecordLayout>,
    verb: &'static str,
) -> Result<(), LedgerError> {
    db.prepare_cached("UPDATE transfers SET layout = ?2 WHERE id = ?1")
        .and_then(|mut update| update.execute(params![id.to_string(), row::layout_to(layout)]))
        .map(drop)
        .map_err(database(verb))
}

/// The files of one identity that a partner sent.
const OF_IDENTITY: &str =
    "direction = 'in' AND partner = ?1 AND dataset = ?2 AND date = ?3 AND time = ?4
     AND originator = ?5 AND destination = ?6";

fn named<'a>(partner: &'a str, key: &'a FileKey) -> [&'a str; 6] {
    [
        partner,
        key.dataset.as_str(),
        key.stamp.date(),
        key.stamp.time(),
        key.originator.as_str(),
        key.destination.as_str(),
    ]
}

/// The last of them.
fn newest(db: &Connection, partner: &str, key: &FileKey) -> Result<Option<Known>, LedgerError> {
    let which = format!("{OF_IDENTITY} ORDER BY edition DESC LIMIT 1");
    known(db, &which, named(partner, key))
}

fn one(db: &Connection, id: TransferId) -> Result<Option<Known>, LedgerError> {
    known(db, "direction = 'in' AND id = ?1", params![id.to_string()])
}

fn known(db: &Connection, which: &str, params: impl Params) -> Result<Option<Known>, LedgerError> {
    let sql = format!(
        "SELECT id, state, position, position_records, layout, confirmed,
         (SELECT r.state FROM receipts r WHERE r.transfer = transfers.id), edition,
         octets, directory, file_name, overwrite, {} FROM transfers WHERE {which}",
        row::HEADER
    );
    let read = |found: &Row<'_>| {
        Ok(Known {
            id: row::id(found, 0)?,
            state: row::inbound_state(found, 1)?,
            position: Position {
                octets: row::number(found, 2)?,
                records: row::number(found, 3)?,
            },
            layout: row::layout(found, 4)?,
            confirmed: found.get(5)?,
            receipt: row::receipt(found, 6)?,
            edition: found.get(7)?,
            octets: row::number(found, 8)?,
            target: Target {
                directory: found.get(9)?,
                file_name: found.get(10)?,
                overwrite: found.get(11)?,
            },
            header: row::header(found, 12)?,
        })
    };
    db.prepare_cached(&sql)
        .and_then(|mut select| select.query_row(params, read).optional())
        .map_err(database("offer"))
}

/// Whether a partial of the one may go on as the other.
fn same_content(known: &FileHeader, offered: &FileHeader) -> bool {
    (known.size_blocks, known.original_size_blocks)
        == (offered.size_blocks, offered.original_size_blocks)
        && is_described_alike(known, offered)
}

/// Whether the same octets would mean the same.
fn is_described_alike(known: &FileHeader, offered: &FileHeader) -> bool {
    known.format == offered.format
        && (
            known.security,
            known.cipher,
            known.compressed,
            known.enveloped,
        ) == (
            offered.security,
            offered.cipher,
            offered.compressed,
            offered.enveloped,
        )
}

/// Whose a new row is, and which.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whose<'a> {
    pub(super) partner: &'a str,
    pub(super) state: State,
    /// Which of the files of one identity, from 0 on.
    pub(super) edition: u32,
}

/// Writes the row of a new transfer with everything its SFID says.
pub(super) fn insert_header(
    db: &Connection,
    id: TransferId,
    of: Whose<'_>,
    header: &FileHeader,
    verb: &'static str,
) -> Result<(), LedgerError> {
    let key = &header.key;
    let (format, record) = format_to(header.format);
    let sql = format!(
        "INSERT INTO transfers (id, direction, partner, state, created, {}, edition)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
        row::HEADER
    );
    db.prepare_cached(&sql)
        .and_then(|mut insert| {
            insert.execute(params![
                id.to_string(),
                of.state.direction().as_str(),
                of.partner,
                of.state.as_str(),
                millis(SystemTime::now()),
                key.dataset.as_str(),
                key.stamp.date(),
                key.stamp.time(),
                key.originator.as_str(),
                key.destination.as_str(),
                header.user.as_str(),
                format,
                record,
                header.size_blocks as i64,
                header.original_size_blocks as i64,
                security_to(header.security),
                header.cipher.number(),
                header.compressed,
                header.enveloped,
                header.signed_receipt,
                header.description,
                of.edition,
            ])
        })
        .map(drop)
        .map_err(identity(verb, key))
}

pub(super) fn checkpoint(db: &Connection, id: TransferId, at: Position) -> Result<(), LedgerError> {
    const VERB: &str = "checkpoint";
    expect(db, id, &[InboundState::Receiving], VERB)?;
    db.prepare_cached("UPDATE transfers SET position = ?2, position_records = ?3 WHERE id = ?1")
        .and_then(|mut update| {
            update.execute(params![id.to_string(), at.octets as i64, at.records as i64])
        })
        .map(drop)
        .map_err(database(VERB))
}

pub(super) fn received(
    db: &Connection,
    id: TransferId,
    received: &Received,
) -> Result<Stored, LedgerError> {
    const VERB: &str = "received";
    let from = [InboundState::Receiving, InboundState::Received];
    if expect(db, id, &from, VERB)? == InboundState::Received {
        let is_same = digest_of(db, id, VERB)? == received.seal.digest;
        return is_same
            .then_some(Stored(id))
            .ok_or(LedgerError::OtherContent(id));
    }
    let Received {
        seal,
        counts,
        target,
        verdict,
        note: why,
        labels,
    } = received;
    db.prepare_cached(
        "UPDATE transfers SET state = 'received', octets = ?2, digest = ?3, position = ?2, records = ?4, virtual_octets = ?5,
         labels = ?6, received_at = ?7 WHERE id = ?1",
    )
    .and_then(|mut update| {
        update.execute(params![
            id.to_string(),
            seal.octets as i64,
            seal.digest,
            counts.records as i64,
            counts.octets as i64,
            row::labels_to(labels),
            millis(SystemTime::now()),
        ])
    })
    .map_err(database(VERB))?;
    set_target(db, id, target, VERB)?;
    let what = format!(
        "{} octets, blake3 {}; {}",
        seal.octets, seal.digest, why.text
    );
    note_decision(db, id, None, VERB, &why.with_text(what))?;
    match verdict {
        Verdict::Positive => Ok(()),
        Verdict::Negative(nerp) => reject(db, id, nerp, VERB),
        Verdict::Later(when) => ask_later(db, id, *when),
        Verdict::HandOver(when) => hand_over(db, id, *when),
    }?;
    Ok(Stored(id))
}

/// Of the content of a file that was received.
fn digest_of(db: &Connection, id: TransferId, verb: &'static str) -> Result<String, LedgerError> {
    db.prepare_cached("SELECT digest FROM transfers WHERE id = ?1 AND state <> 'receiving'")
        .and_then(|mut select| {
            select
                .query_row(params![id.to_string()], |row| row.get(0))
                .optional()
        })
        .map_err(database(verb))?
        .ok_or(LedgerError::NotFound(id))
}

/// Whether it is the same content.
pub(super) fn received_again(
    db: &Connection,
    id: TransferId,
    seal: &Seal,
) -> Result<bool, LedgerError> {
    const VERB: &str = "received-again";
    let is_same = digest_of(db, id, VERB)? == seal.digest;
    let what = if is_same {
        "the same content; EFPA once more".to_owned()
    } else {
        format!(
            "not the same: {} octets, blake3 {}",
            seal.octets, seal.digest
        )
    };
    note_often(db, id, None, VERB, &what.into())?;
    Ok(is_same)
}

pub(super) fn confirmed(db: &Connection, id: TransferId) -> Result<(), LedgerError> {
    db.prepare_cached("UPDATE transfers SET confirmed = 1 WHERE id = ?1")
        .and_then(|mut update| update.execute(params![id.to_string()]))
        .map(drop)
        .map_err(database("confirmed"))
}

pub(super) fn arrived(
    db: &Connection,
    partner: &str,
    since: SystemTime,
    beside: &FileKey,
    repeated: Repeated,
) -> Result<Arrived, LedgerError> {
    let same = newest(db, partner, beside)?.filter(|known| !known.gives_way(beside, repeated));
    db.prepare_cached(
        "SELECT count(*), coalesce(sum(iif(state = 'receiving', max(position, size_blocks * 1024), octets)), 0)
         FROM transfers
         WHERE direction = 'in' AND partner = ?1 AND max(created, received_at) BETWEEN ?2 AND ?4
         AND id IS NOT ?3",
    )
    .and_then(|mut select| {
        let which = params![
            partner,
            millis(since),
            same.map(|known| known.id.to_string()),
            // What came while the clock was ahead would count until then.
            millis(SystemTime::now()),
        ];
        select.query_row(which, |found| {
            Ok(Arrived {
                files: row::number(found, 0)?,
                octets: row::number(found, 1)?,
            })
        })
    })
    .map_err(database("arrived"))
}

/// The receipt waits; without a time it is an operator's to decide.
pub(super) fn ask_later(
    db: &Connection,
    id: TransferId,
    when: Option<SystemTime>,
) -> Result<(), LedgerError> {
    db.prepare_cached(
        "UPDATE transfers SET receipt_later = 1, ask_at = ?2, asked = asked + 1 WHERE id = ?1",
    )
    .and_then(|mut update| update.execute(params![id.to_string(), when.map(millis)]))
    .map(drop)
    .map_err(database("ask-later"))
}

/// The receipt waits for the command.
pub(super) fn hand_over(
    db: &Connection,
    id: TransferId,
    when: SystemTime,
) -> Result<(), LedgerError> {
    ask_later(db, id, Some(when))?;
    // The tries of the command are counted by themselves.
    db.prepare_cached(
        "UPDATE transfers SET asked = iif(hand_over, asked, 0), hand_over = 1 WHERE id = ?1",
    )
    .and_then(|mut update| update.execute(params![id.to_string()]))
    .map(drop)
    .map_err(database("hand-over"))
}

/// Makes due what was put off while the clock was ahead, which the line says that was written with it. A policy may choose
/// any time, so how long it was to wait nobody knows.
pub(super) fn clock_put_back(db: &Connection) -> Result<(), LedgerError> {
    db.execute(
        "UPDATE transfers SET ask_at = ?1 WHERE receipt_later = 1 AND ask_at > ?1
         AND ?1 < (SELECT at FROM timeline WHERE transfer = transfers.id
             AND event IN ('received', 'decided', 'rebuilt') ORDER BY seq DESC LIMIT 1)",
        params![millis(SystemTime::now())],
    )
    .map(drop)
    .map_err(database("clock-put-back"))
}

pub(super) fn open_questions(
    db: &Connection,
    of_partner: u32,
) -> Result<Vec<OpenQuestion>, LedgerError> {
    let sql = format!(
        "SELECT id, partner, octets, digest, path, asked, hand_over, records,
         iif(virtual_octets = 0, octets, virtual_octets), created, labels, {} FROM
         (SELECT *, row_number() OVER (PARTITION BY partner ORDER BY ask_at, id) AS place FROM transfers
          WHERE receipt_later = 1 AND ask_at <= ?1 AND state = 'delivered')
         WHERE place <= ?2 ORDER BY ask_at, id",
        row::HEADER
    );
    let read = |found: &Row<'_>| {
        Ok(OpenQuestion {
            id: row::id(found, 0)?,
            partner: found.get(1)?,
            octets: row::number(found, 2)?,
            counts: Counts {
                records: row::number(found, 7)?,
                octets: row::number(found, 8)?,
            },
            offered: from_millis(found.get(9)?),
            digest: found.get(3)?,
            path: found.get::<_, Option<String>>(4)?.unwrap_or_default(),
            asked: found.get(5)?,
            hand_over: found.get(6)?,
            labels: row::labels(found, 10)?,
            header: row::header(found, 11)?,
        })
    };
    let now = millis(SystemTime::now());
    look::all(db, &sql, params![now, of_partner], read, "open-questions")
}

/// Whether the receipt waited, so that this decided it.
pub(super) fn decided(
    db: &Connection,
    id: TransferId,
    verdict: &Verdict,
    why: &Note,
) -> Result<bool, LedgerError> {
    const VERB: &str = "decided";
    if !waits_no_longer(db, id, VERB)? {
        return Ok(false);
    }
    note_decision(db, id, None, VERB, why)?;
    match verdict {
        Verdict::Negative(nerp) => reject(db, id, nerp, VERB),
        Verdict::Positive => owe_positive(db, id, VERB),
        Verdict::Later(when) => ask_later(db, id, *when),
        Verdict::HandOver(when) => hand_over(db, id, *when),
    }?;
    Ok(true)
}

/// Whether the receipt waited, so that this decided it; else it was decided before, and a receipt is one for ever.
fn waits_no_longer(
    db: &Connection,
    id: TransferId,
    verb: &'static str,
) -> Result<bool, LedgerError> {
    expect(db, id, &[InboundState::Delivered], verb)?;
    let waited = db
        .prepare_cached("UPDATE transfers SET receipt_later = 0, ask_at = NULL WHERE id = ?1 AND receipt_later = 1")
        .and_then(|mut update| update.execute(params![id.to_string()]))
        .map_err(database(verb))?;
    Ok(waited > 0)
}

/// Whether the receipt waited, so that this is it.
pub(super) fn forwarded(
    db: &Connection,
    id: TransferId,
    response: &Response,
) -> Result<bool, LedgerError> {
    const VERB: &str = "forwarded";
    if !waits_no_longer(db, id, VERB)? {
        return Ok(false);
    }
    note(db, id, None, VERB, "the receipt of the file that went on")?;
    owe_forwarded(db, id, response, VERB)?;
    Ok(true)
}

/// A receipt that somebody else made is owed, as it is.
pub(super) fn owe_forwarded(
    db: &Connection,
    id: TransferId,
    response: &Response,
    verb: &'static str,
) -> Result<(), LedgerError> {
    match response {
        Response::Negative(nerp) => reject(db, id, nerp, verb),
        Response::Positive(eerp) => {
            owe_positive(db, id, verb)?;
            db.prepare_cached(
                "UPDATE receipts SET user = ?2, hash = ?3, signature = ?4 WHERE transfer = ?1",
            )
            .and_then(|mut update| {
                let user = eerp.user.as_str();
                update.execute(params![id.to_string(), user, eerp.hash, eerp.signature])
            })
            .map(drop)
            .map_err(database(verb))
        }
    }
}

pub(super) fn placing(db: &Connection, id: TransferId, path: &str) -> Result<(), LedgerError> {
    const VERB: &str = "placing";
    let from = [InboundState::Received, InboundState::Placing];
    expect(db, id, &from, VERB)?;
    let changed = db
        .prepare_cached(
            "UPDATE transfers SET state = 'placing', path = ?2
             WHERE id = ?1 AND (state <> 'placing' OR path <> ?2)",
        )
        .and_then(|mut update| update.execute(params![id.to_string(), path]))
        .map_err(database(VERB))?;
    // A folder that cannot be written is tried again for days.
    if changed == 0 {
        return Ok(());
    }
    note(db, id, None, VERB, path)
}

pub(super) fn delivered(db: &Connection, id: TransferId) -> Result<(), LedgerError> {
    const VERB: &str = "delivered";
    let from = [InboundState::Placing, InboundState::Delivered];
    if expect(db, id, &from, VERB)? == InboundState::Delivered {
        return Ok(());
    }
    db.prepare_cached("UPDATE transfers SET state = 'delivered' WHERE id = ?1")
        .and_then(|mut update| update.execute(params![id.to_string()]))
        .map_err(database(VERB))?;
    if !planted("receipt-in-its-own-transaction") {
        owe_positive(db, id, VERB)?;
    }
    note(db, id, None, VERB, "")
}

/// An EERP is owed, unless its decision waits.
pub(super) fn owe_positive(
    db: &Connection,
    id: TransferId,
    verb: &'static str,
) -> Result<(), LedgerError> {
    db.prepare_cached(
        "INSERT INTO receipts (transfer, partner, state, positive, user, created)
         SELECT id, partner, 'owed', 1, user, ?2 FROM transfers WHERE id = ?1 AND receipt_later = 0",
    )
    .and_then(|mut insert| insert.execute(params![id.to_string(), millis(SystemTime::now())]))
    .map(drop)
    .map_err(database(verb))
}

/// The file is rejected and a NERP is owed.
pub(super) fn reject(
    db: &Connection,
    id: TransferId,
    nerp: &Nerp,
    verb: &'static str,
) -> Result<(), LedgerError> {
    let why = format!("{:02} {}", nerp.reason.code(), nerp.text);
    db.prepare_cached("UPDATE transfers SET state = 'rejected', reason = ?2 WHERE id = ?1")
        .and_then(|mut update| update.execute(params![id.to_string(), why]))
        .map_err(database(verb))?;
    db.prepare_cached(
        "INSERT INTO receipts (transfer, partner, state, positive, creator, reason, text, hash, signature, created)
         SELECT id, partner, 'owed', 0, ?2, ?3, ?4, ?5, ?6, ?7 FROM transfers WHERE id = ?1",
    )
    .and_then(|mut insert| {
        insert.execute(params![
            id.to_string(),
            nerp.creator.as_str(),
            nerp.reason.code(),
            nerp.text,
            nerp.hash,
            nerp.signature,
            millis(SystemTime::now())
        ])
    })
    .map_err(database(verb))?;
    note(db, id, None, "rejected", &why)
}

pub(super) fn response_taken(db: &Connection, id: TransferId) -> Result<(), LedgerError> {
    const VERB: &str = "response-taken";
    if !owe_no_more(db, id, VERB)? {
        return Ok(());
    }
    note(db, id, None, VERB, "")
}

/// Its receipt is owed no more; whether it was.
fn owe_no_more(db: &Connection, id: TransferId, verb: &'static str) -> Result<bool, LedgerError> {
    let changed = db
        .prepare_cached("UPDATE receipts SET state = 'given', leased_to = NULL WHERE transfer = ?1 AND state = 'owed'")
        .and_then(|mut update| update.execute(params![id.to_string()]))
        .map_err(database(verb))?;
    if changed == 0 {
        state_of(db, id, verb)?;
    }
    Ok(changed > 0)
}

/// The partner cannot be told: its level has no words for that receipt. Nothing is owed to it any more.
pub(super) fn response_closed(
    db: &Connection,
    id: TransferId,
    why: &str,
) -> Result<(), LedgerError> {
    const VERB: &str = "receipt-closed";
    if !owe_no_more(db, id, VERB)? {
        return Ok(());
    }
    db.prepare_cached("UPDATE transfers SET reason = ?2 WHERE id = ?1")
        .and_then(|mut update| update.execute(params![id.to_string(), why]))
        .map_err(database(VERB))?;
    note(db, id, None, VERB, why)
}

/// The oldest receipt owed to the partner that nobody holds, leased.
pub(super) fn claim_response(
    db: &Connection,
    partner: &str,
    session: &str,
    longest: Duration,
    tries: u32,
) -> Result<Option<OwedResponse>, LedgerError> {
    const VERB: &str = "claim";
    let now = millis(SystemTime::now());
    let sql = format!(
        "SELECT t.id, r.positive, r.user, r.creator, r.reason, r.text, r.hash, r.signature, {}
         FROM receipts r JOIN transfers t ON t.id = r.transfer
         WHERE r.state = 'owed' AND {} AND r.tries < ?4
         ORDER BY r.created, r.transfer LIMIT 1",
        header_of_t(),
        due("r")
    );
    let owed = db
        .prepare_cached(&sql)
        .and_then(|mut select| {
            select
                .query_row(
                    params![partner, now, latest(now, longest), tries],
                    owed_response,
                )
                .optional()
        })
        .map_err(database(VERB))?;
    if let Some(owed) = &owed {
        db.prepare_cached(
            "UPDATE receipts SET leased_to = ?2, tries = tries + 1 WHERE transfer = ?1",
        )
        .and_then(|mut update| update.execute(params![owed.id.to_string(), session]))
        .map_err(database(VERB))?;
    }
    Ok(owed)
}

/// The columns of a header where receipts, which have columns of the same names, are joined.
pub(super) fn header_of_t() -> String {
    row::HEADER
        .split(", ")
        .map(|column| format!("t.{column}"))
        .collect::<Vec<_>>()
        .join(", ")
}

pub(super) fn owed_response(found: &Row<'_>) -> rusqlite::Result<OwedResponse> {
    let unreadable = |column, error: oftp::InvalidField| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    };
    let key = row::key(found, 8)?;
    let response = if found.get::<_, bool>(1)? {
        Response::Positive(Eerp {
            key,
            user: UserData::from_wire(found.get::<_, String>(2)?.as_bytes())
                .map_err(|e| unreadable(2, e))?,
            hash: found.get(6)?,
            signature: found.get(7)?,
        })
    } else {
        Response::Negative(Nerp {
            key,
            creator: OdetteId::from_wire(found.get::<_, String>(3)?.as_bytes())
                .map_err(|e| unreadable(3, e))?,
            reason: NerpReason::from_code(found.get(4)?),
            text: found.get(5)?,
            hash: found.get(6)?,
            signature: found.get(7)?,
        })
    };
    Ok(OwedResponse {
        id: row::id(found, 0)?,
        response,
    })
}

pub(super) fn undelivered(db: &Connection) -> Result<Vec<Undelivered>, LedgerError> {
    let sql = format!(
        "SELECT id, partner, directory, file_name, overwrite, path, {} FROM transfers
         WHERE direction = 'in' AND state IN ('received', 'placing') ORDER BY id",
        row::HEADER
    );
    let read = |found: &Row<'_>| {
        Ok(Undelivered {
            id: row::id(found, 0)?,
            partner: found.get(1)?,
            target: Target {
                directory: found.get(2)?,
                file_name: found.get(3)?,
                overwrite: found.get(4)?,
            },
            placing: found.get(5)?,
            header: row::header(found, 6)?,
        })
    };
    look::all(db, &sql, [], read, "undelivered")
}

/// The row's state, if it is one the verb leads from (or to, when it is repeated).
fn expect(
    db: &Connection,
    id: TransferId,
    states: &[InboundState],
    verb: &'static str,
) -> Result<InboundState, LedgerError> {
    let state = state_of(db, id, verb)?;
    match state {
        State::Inbound(known) if states.contains(&known) => Ok(known),
        _ => Err(LedgerError::WrongState { id, state, verb }),
    }
}
