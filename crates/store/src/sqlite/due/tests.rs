//! What SQL finds due or overdue is what the rules on a row say.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::queue::{Longest, Waiting};
use crate::row::Row;
use crate::sqlite::random_rows::{Dice, HOUR, ledger, many};
use crate::sqlite::{questions, rows, verbs, waiting};
use crate::state::OutboundState;
use crate::transfer::{NewFile, TransferId};
use crate::verb::{Effect, Overdue, Verb};
use crate::words::{from_millis, millis};

/// The present, in whole milliseconds. Rows are minutes away from it.
fn now() -> SystemTime {
    from_millis(millis(SystemTime::now()))
}

const LONGEST: Longest = Longest {
    file: HOUR,
    receipt: HOUR.saturating_mul(2),
};

/// Since when a row is due. What is in the future was written while the clock was ahead.
fn since(created: SystemTime, not_before: Option<SystemTime>, now: SystemTime) -> SystemTime {
    let past = |at: SystemTime| if at > now { SystemTime::UNIX_EPOCH } else { at };
    past(created).max(not_before.map_or(SystemTime::UNIX_EPOCH, past))
}

/// What waits among these rows, which are due.
fn files_wait(due: &[&Row], now: SystemTime) -> Option<Waiting> {
    let files = || due.iter().filter_map(|row| Some((row, row.outbound()?)));
    let since =
        |(row, file): (&&Row, &crate::row::Outbound)| since(row.created, file.not_before, now);
    let goes_first = files()
        .min_by_key(|(row, file)| (std::cmp::Reverse(file.priority), file.ordered, row.id))?;
    let queued_last = files().max_by_key(|(row, _)| row.id)?;
    let oldest = files().min_by_key(|(row, _)| row.id)?;
    let urgent = files().filter(|(_, file)| file.priority == NewFile::URGENT);
    let ordered = urgent.filter_map(|(_, file)| file.ordered);
    Some(Waiting {
        since: since((goes_first.0, goes_first.1)).max(since((queued_last.0, queued_last.1))),
        oldest: oldest.0.created,
        ordered: ordered.filter(|at| *at <= now).max(),
    })
}

fn receipts_wait(due: &[&Row], now: SystemTime) -> Option<Waiting> {
    let receipts = || due.iter().filter(|row| row.inbound().is_some());
    let receipts = || receipts().filter_map(|row| row.receipt.as_ref());
    Some(Waiting {
        since: receipts()
            .map(|receipt| since(receipt.created, receipt.not_before, now))
            .max()?,
        oldest: receipts().map(|receipt| receipt.created).min()?,
        ordered: None,
    })
}

fn waits(rows: &[Row], partner: &str, now: SystemTime) -> Option<Waiting> {
    let of_partner = rows.iter().filter(|row| row.partner == partner);
    let due: Vec<&Row> = of_partner.filter(|row| row.is_due(now, LONGEST)).collect();
    match (files_wait(&due, now), receipts_wait(&due, now)) {
        (Some(files), Some(receipts)) => Some(Waiting {
            since: files.since.max(receipts.since),
            oldest: files.oldest.min(receipts.oldest),
            ordered: files.ordered,
        }),
        (files, receipts) => files.or(receipts),
    }
}

#[test]
fn what_waits_for_a_partner_is_what_the_rule_says_is_due() {
    let (mut dice, mut found) = (Dice::thrown(), 0);
    for round in 0..60 {
        let now = now();
        let rows = many(&mut dice, now);
        let db = ledger(&rows);
        let partners = ["them", "others"];
        let asked = partners.map(|name| (name.to_owned(), LONGEST)).to_vec();
        let waiting = waiting::waiting_for(&db, asked, now).unwrap();
        let meant: BTreeMap<String, Waiting> = partners
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), waits(&rows, name, now)?)))
            .collect();
        assert_eq!(waiting, meant, "round {round}: {rows:#?}");
        found += waiting.len();
    }
    assert!(found > 60, "{found}");
}

#[test]
fn what_is_asked_is_what_the_rule_says_is_to_be_asked() {
    let (mut dice, mut found) = (Dice::thrown(), 0);
    for round in 0..60 {
        let now = now();
        let rows = many(&mut dice, now);
        let db = ledger(&rows);
        for of_partner in [1, 2, 100] {
            let asked = questions::open_questions(&db, of_partner).unwrap();
            let asked: Vec<TransferId> = asked.iter().map(|question| question.id).collect();
            let mut meant: Vec<&Row> = rows.iter().filter(|row| row.is_to_be_asked(now)).collect();
            meant.sort_by_key(|row| (row.inbound().and_then(|file| file.decision.ask_at), row.id));
            let mut of_each: BTreeMap<&str, u32> = BTreeMap::new();
            meant.retain(|row| {
                let before = of_each.entry(&row.partner).or_default();
                *before += 1;
                *before <= of_partner
            });
            let meant: Vec<TransferId> = meant.iter().map(|row| row.id).collect();
            assert_eq!(asked, meant, "round {round}, {of_partner}: {rows:#?}");
            found += asked.len();
        }
    }
    assert!(found > 60, "{found}");
}

#[test]
fn what_becomes_overdue_is_what_the_verb_leads_there() {
    let (mut dice, mut found) = (Dice::thrown(), 0);
    for round in 0..60 {
        let at = now();
        let rows = many(&mut dice, at);
        let db = ledger(&rows);
        let verb = Overdue { deadline: HOUR, at };
        let mut late = Vec::new();
        let mut is_any_changed = false;
        for before in rows.iter().filter(|row| row.partner == "them") {
            let mut after = before.clone();
            let effect = verb.apply(&mut after, at);
            is_any_changed |= effect.is_ok() && after.outbound() != before.outbound();
            if effect == Ok(Effect::Changed) {
                late.push((before.outbound().unwrap().sent_at, before.id));
            }
        }
        late.sort();
        let meant: Vec<TransferId> = late.into_iter().map(|(_, id)| id).collect();
        let told = format!("round {round}: {rows:#?}");
        let is_late = || waiting::is_late(&db, "them", HOUR, at).unwrap();
        assert_eq!(is_late(), is_any_changed, "{told}");
        assert_eq!(
            verbs::overdue(&db, "them", HOUR, at).unwrap(),
            meant,
            "{told}"
        );
        assert!(!is_late(), "{told}");
        for id in &meant {
            let row = rows::load(&db, *id, "test").unwrap().unwrap();
            assert_eq!(row.state(), OutboundState::Overdue.into());
        }
        found += meant.len();
    }
    assert!(found > 30, "{found}");
}
