//! What is claimed is what the rule says goes first.

use super::*;
use crate::row::{Course, Outbound, Receipt};
use crate::samples::{at, eerp};
use crate::sqlite::random_rows::{Dice, HOUR, ledger, many, received, to_send};
use crate::state::ReceiptState;
use crate::words::from_millis;

const LONGEST: Longest = Longest {
    file: HOUR,
    receipt: HOUR.saturating_mul(2),
};

/// A turn in which nothing is done but claiming.
fn claimed(db: &Connection, files: &Files) -> Vec<TransferId> {
    let claim = || claim(db, "them", "S", LONGEST, files).unwrap();
    let next = || match claim() {
        (Some(owed), None) => Some(owed.id),
        (None, Some(file)) => Some(file.id),
        (None, None) => None,
        both => panic!("one thing at a time: {both:?}"),
    };
    std::iter::from_fn(next).collect()
}

#[test]
fn files_are_looked_at_only_where_one_may_go_before_the_receipt() {
    let mut dice = Dice::thrown();
    let rows: Vec<Row> = (0..6).flat_map(|_| many(&mut dice, at(0))).collect();
    let files: Vec<Precedence> = rows
        .iter()
        .filter_map(|row| Precedence::of_file(row, &Files::Any))
        .collect();
    let receipts: Vec<Precedence> = rows.iter().filter_map(Precedence::of_receipt).collect();
    assert!(files.len() > 20 && receipts.len() > 20);
    for receipt in receipts {
        let is_before_all = files.iter().all(|file| receipt < *file);
        assert_eq!(receipt.is_before_any_file(), is_before_all, "{receipt:?}");
    }
    assert!(files.iter().all(|file| !file.is_before_any_file()));
}

#[test]
fn a_file_that_cannot_be_read_keeps_no_receipt_back() {
    let mut dice = Dice::thrown();
    let mut file = to_send(1, &mut dice, at(0));
    file.partner = "them".to_owned();
    file.course = Course::Outbound(Outbound::ready(5));
    let mut owing = received(2, &mut dice, at(0));
    owing.partner = "them".to_owned();
    owing.receipt = Some(Receipt::new(ReceiptState::Owed, eerp(b""), at(1)));
    let db = ledger(&[file.clone(), owing.clone()]);
    db.execute(
        "UPDATE transfers SET labels = 'no JSON' WHERE id = ?1",
        [file.id.to_string()],
    )
    .unwrap();
    let claim = || claim(&db, "them", "S", LONGEST, &Files::Any);
    assert_eq!(claim().unwrap().0.unwrap().id, owing.id);
    assert!(claim().is_err(), "the file is next");
}

#[test]
fn what_is_claimed_next_is_what_the_rules_say() {
    let (mut dice, mut found) = (Dice::thrown(), 0);
    for round in 0..60 {
        let now = from_millis(millis(SystemTime::now()));
        let rows = many(&mut dice, now);
        let db = ledger(&rows);
        let some = rows.iter().rev().step_by(2).map(|row| row.id);
        let files = match round % 3 {
            0 => Files::None,
            1 => Files::Any,
            _ => Files::Only(some.collect()),
        };
        let rank = |row: &Row| match row.outbound() {
            Some(_) => Precedence::of_file(row, &files),
            None => Precedence::of_receipt(row),
        };
        let mut due: Vec<(Precedence, TransferId)> = rows
            .iter()
            .filter(|row| row.partner == "them" && row.is_due(now, LONGEST))
            .filter_map(|row| Some((rank(row)?, row.id)))
            .collect();
        due.sort();
        let expected: Vec<TransferId> = due.into_iter().map(|(_, id)| id).collect();
        found += expected.len();
        assert_eq!(claimed(&db, &files), expected, "round {round}: {rows:#?}");
    }
    assert!(found > 150, "too few were claimed: {found}");
}
