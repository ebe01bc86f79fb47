//! Verbs in the ledger's transaction: their rows are read, changed by their rules, and stored.

use std::time::{Duration, SystemTime};

use oftp::Response;
use rusqlite::{Connection, params};

use super::due::{due, latest};
use super::{identity, look, questions, row, rows, waiting};
use crate::committing::of_session;
use crate::error::LedgerError;
use crate::offer::{Offer, Offered};
use crate::planted;
use crate::precedence::{Precedence, YIELD_AFTER};
use crate::queue::{Acknowledgement, Files, Longest, Naming};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::Direction;
use crate::transfer::{NewFile, OutboundFile, OwedResponse, TransferId};
use crate::transition::VerbName;
use crate::verb::{
    self, Acknowledged, ClaimFile, ClaimResponse, ClockPutBack, Effect, Free, Overdue, Resend, Verb,
};
use crate::words::millis;

/// A line for a sidecar, to be appended once its verb is committed.
pub(super) type SidecarLine = (Direction, TransferId, Entry);

/// Applies a verb to the row of a transfer.
pub(super) fn apply(
    db: &Connection,
    id: TransferId,
    verb: &dyn Verb,
) -> Result<(Effect, Option<SidecarLine>), LedgerError> {
    let before = rows::load(db, id, verb.word())?.ok_or(LedgerError::NotFound(id))?;
    let (effect, after) = change(db, &before, verb)?;
    let told = verb.entry(&after, effect);
    let told = told.map(|entry| (after.state().direction(), id, entry));
    Ok((effect, told))
}

/// The same, for a row that was read.
fn change(db: &Connection, before: &Row, verb: &dyn Verb) -> Result<(Effect, Row), LedgerError> {
    let mut after = before.clone();
    let effect = verb
        .apply(&mut after, SystemTime::now())
        .map_err(|unfit| unfit.of(verb, before))?;
    rows::store(db, before, &after, verb.word())?;
    Ok((effect, after))
}

pub(super) fn offer(db: &Connection, offer: &Offer) -> Result<Offered, LedgerError> {
    const VERB: &str = VerbName::Offer.as_str();
    let before = identity::newest(db, &offer.partner, &offer.header.key)?;
    let mut known = before.clone();
    let (offered, new) = verb::offer(offer, known.as_mut(), SystemTime::now());
    if let (Some(before), Some(after)) = (&before, &known) {
        rows::store(db, before, after, VERB)?;
    }
    if let Some(new) = new {
        rows::insert(db, &new, VERB)?;
    }
    Ok(offered)
}

pub(super) fn another(db: &Connection, id: TransferId, offer: &Offer) -> Result<u32, LedgerError> {
    const VERB: &str = VerbName::Another.as_str();
    let before = identity::newest(db, &offer.partner, &offer.header.key)?;
    let mut known = before.clone();
    let new = verb::another(id, offer, known.as_mut(), SystemTime::now());
    if let (Some(before), Some(after)) = (&before, &known) {
        rows::store(db, before, after, VERB)?;
    }
    rows::insert(db, &new, VERB)?;
    Ok(new.edition)
}

pub(super) fn enqueue(
    db: &Connection,
    file: &NewFile,
) -> Result<((), Option<SidecarLine>), LedgerError> {
    let queued = verb::queued(file, SystemTime::now());
    insert(db, queued, VerbName::Enqueue)
}

pub(super) fn resend(
    db: &Connection,
    old: TransferId,
    file: &NewFile,
) -> Result<((), Option<SidecarLine>), LedgerError> {
    apply(db, old, &Resend { new: file.id })?;
    let queued = verb::queued_again(old, file, SystemTime::now());
    insert(db, queued, VerbName::Resend)
}

fn insert(
    db: &Connection,
    (row, entry): (Row, Entry),
    name: VerbName,
) -> Result<((), Option<SidecarLine>), LedgerError> {
    rows::insert(db, &row, name.as_str())?;
    Ok(((), Some((row.state().direction(), row.id, entry))))
}

/// The file to send that a receipt answers.
pub(super) fn answered_by(
    db: &Connection,
    partner: &str,
    response: &Response,
    by: Naming,
) -> Result<Option<Row>, LedgerError> {
    const VERB: &str = VerbName::Acknowledged.as_str();
    let meant = identity::meant(db, partner, response, by)?;
    Ok(meant
        .map(|id| rows::load(db, id, VERB))
        .transpose()?
        .flatten())
}

/// Applies a receipt to the file that it answers.
pub(super) fn acknowledged(
    db: &Connection,
    partner: &str,
    by: Naming,
    verb: &Acknowledged,
) -> Result<(Acknowledgement, Option<SidecarLine>), LedgerError> {
    let Some(id) = identity::meant(db, partner, &verb.response, by)? else {
        return Ok((Acknowledgement::Unknown, None));
    };
    let (effect, told) = apply(db, id, verb)?;
    let meant = match effect {
        Effect::Changed => Acknowledgement::Recorded(id),
        Effect::Repeated | Effect::Differs => Acknowledgement::Repeated(id),
    };
    Ok((meant, told))
}

/// The next thing for the partner that nobody has, by [`Precedence`].
pub(super) fn claim(
    db: &Connection,
    partner: &str,
    session: &str,
    longest: Longest,
    files: &Files,
) -> Result<(Option<OwedResponse>, Option<OutboundFile>), LedgerError> {
    let due = Due {
        partner,
        now: SystemTime::now(),
        longest,
    };
    let receipt = not_yielding_first(|tries| due.receipt(db, tries))?;
    let of_receipt = receipt.as_ref().and_then(Precedence::of_receipt);
    // Most receipts go without a look at the files, which costs as much as all the rest.
    let file = match &of_receipt {
        Some(first) if first.is_before_any_file() => None,
        _ => not_yielding_first(|breaks| due.file(db, files, breaks))?,
    };
    match (receipt, file) {
        (Some(_), Some(file)) if Precedence::of_file(&file, files) < of_receipt => {
            claim_file(db, &file, session)
        }
        (Some(receipt), _) => claim_response(db, &receipt, session),
        (None, Some(file)) => claim_file(db, &file, session),
        (None, None) => Ok((None, None)),
    }
}

fn claim_response(
    db: &Connection,
    row: &Row,
    session: &str,
) -> Result<(Option<OwedResponse>, Option<OutboundFile>), LedgerError> {
    let (_, claimed) = change(db, row, &ClaimResponse { session })?;
    Ok((claimed.owed(), None))
}

fn claim_file(
    db: &Connection,
    row: &Row,
    session: &str,
) -> Result<(Option<OwedResponse>, Option<OutboundFile>), LedgerError> {
    let generation = of_session().map(|of| of.generation);
    let claim = ClaimFile {
        session,
        generation,
    };
    change(db, row, &claim)?;
    // Its attempts are those before this one.
    Ok((None, row.to_send()))
}

/// What is found of those that broke off in fewer sessions than that; else of all. Each is the first one in an index.
fn not_yielding_first(
    find: impl Fn(u32) -> Result<Option<Row>, LedgerError>,
) -> Result<Option<Row>, LedgerError> {
    match find(YIELD_AFTER)? {
        Some(row) => Ok(Some(row)),
        None => find(u32::MAX),
    }
}

/// What a session with a partner may have, of which SQL finds the first.
struct Due<'a> {
    partner: &'a str,
    now: SystemTime,
    longest: Longest,
}

impl Due<'_> {
    /// The first receipt that is owed, and that fewer sessions than that have had.
    fn receipt(&self, db: &Connection, tries: u32) -> Result<Option<Row>, LedgerError> {
        let now = millis(self.now);
        // The query is written for the index of owed receipts, which SQLite might not use in a join.
        let sql = format!(
            "SELECT transfer FROM receipts WHERE state = 'owed' AND {} AND tries < ?4 ORDER BY created, transfer LIMIT 1",
            due("receipts")
        );
        let who = params![self.partner, now, latest(now, self.longest.receipt), tries];
        let first = look::all(
            db,
            &sql,
            who,
            |found| row::id(found, 0),
            VerbName::Claim.as_str(),
        )?;
        let row = first
            .first()
            .map(|id| rows::load(db, *id, VerbName::Claim.as_str()));
        Ok(self.checked(row.transpose()?.flatten()))
    }

    /// The first file that may go, and that broke off in fewer sessions than that.
    fn file(
        &self,
        db: &Connection,
        files: &Files,
        breaks: u32,
    ) -> Result<Option<Row>, LedgerError> {
        match files {
            Files::None => Ok(None),
            Files::Any => self.next_file(db, None, breaks),
            Files::Only(ids) => ids
                .iter()
                .find_map(|id| self.next_file(db, Some(*id), breaks).transpose())
                .transpose(),
        }
    }

    fn next_file(
        &self,
        db: &Connection,
        only: Option<TransferId>,
        breaks: u32,
    ) -> Result<Option<Row>, LedgerError> {
        let which = format!(
            "t.direction = 'out' AND t.state = 'ready' AND {}
             AND (?4 IS NULL OR t.id = ?4) AND t.breaks < ?5 ORDER BY t.priority DESC, t.ordered, t.id LIMIT 1",
            due("t"),
        );
        let now = millis(self.now);
        let only = only.map(|id| id.to_string());
        let who = params![
            self.partner,
            now,
            latest(now, self.longest.file),
            only,
            breaks
        ];
        Ok(self.checked(rows::find(db, &which, who, VerbName::Claim.as_str())?))
    }

    /// The row, if it is due by the rule: SQL only narrows down.
    fn checked(&self, row: Option<Row>) -> Option<Row> {
        row.filter(|row| row.is_due(self.now, self.longest))
    }
}

/// Returns how many files and receipts were released.
pub(super) fn free(db: &Connection, sessions: &[String]) -> Result<u64, LedgerError> {
    const LEASED: [(&str, &str); 2] = [
        (
            "leases-of-files-kept",
            "SELECT id FROM transfers WHERE leased_to = ?1",
        ),
        (
            "leases-of-receipts-kept",
            "SELECT transfer FROM receipts WHERE leased_to = ?1",
        ),
    ];
    let mut freed = 0;
    for session in sessions {
        for (mistake, leased) in LEASED {
            if planted(mistake) {
                continue;
            }
            let read = |found: &rusqlite::Row<'_>| row::id(found, 0);
            for id in look::all(db, leased, params![session], read, VerbName::Free.as_str())? {
                apply(db, id, &Free { session })?;
                freed += 1;
            }
        }
    }
    Ok(freed)
}

/// Returns the files that became overdue, in the order in which they were sent.
pub(super) fn overdue(
    db: &Connection,
    partner: &str,
    deadline: Duration,
    at: SystemTime,
) -> Result<Vec<TransferId>, LedgerError> {
    let which = "t.direction = 'out' AND t.state = 'sent' AND t.partner = ?1 AND (t.sent_at <= ?2 OR t.sent_at > ?3)
         ORDER BY t.sent_at";
    let who = params![partner, waiting::before(at, deadline), millis(at)];
    let mut late = Vec::new();
    for row in rows::all(db, which, who, VerbName::Overdue.as_str())? {
        let (effect, _) = change(db, &row, &Overdue { deadline, at })?;
        if effect == Effect::Changed {
            late.push(row.id);
        }
    }
    Ok(late)
}

/// Makes questions due that were put off while the clock was ahead.
pub(super) fn clock_put_back(db: &Connection) -> Result<(), LedgerError> {
    for (id, put_off) in questions::put_off(db)? {
        apply(db, id, &ClockPutBack { put_off })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
