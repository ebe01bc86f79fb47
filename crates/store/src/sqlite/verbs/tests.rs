//! What is claimed is what the rule says goes first.

use std::path::Path;

use oftp::{Counts, DatasetName, FileHeader};

use super::*;
use crate::row::{Course, Inbound, Receipt};
use crate::samples::{at, eerp, key};
use crate::sqlite::schema::migrate;
use crate::sqlite::sums;
use crate::state::{InboundState, ReceiptState};
use crate::transfer::Target;

/// Numbers that look random, and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(most)).unwrap()
    }
}

fn ledger() -> Connection {
    let mut db = Connection::open_in_memory().unwrap();
    sums::know(&db).unwrap();
    migrate(&mut db, Path::new(":memory:")).unwrap();
    db
}

fn to_send(number: u32, dice: &mut Dice) -> Row {
    let mut key = key();
    key.dataset = DatasetName::new(&format!("FILE{number}")).unwrap();
    let file = NewFile {
        id: TransferId::new(),
        partner: "them".to_owned(),
        header: FileHeader::plain(key, 7),
        octets: 7,
        digest: "d".to_owned(),
        layout: None,
        counts: Counts::default(),
        priority: u8::try_from(dice.below(3)).unwrap(),
        labels: Vec::new(),
    };
    let mut row = Row::queued(&file, at(0));
    if let Some(file) = row.outbound_mut() {
        file.breaks = dice.below(4);
        file.ordered = (dice.below(2) == 0).then(|| at(dice.below(3).into()));
    }
    row
}

fn with_receipt(number: u32, dice: &mut Dice) -> Row {
    let mut row = to_send(number, dice);
    let mut file = Inbound::receiving(Target {
        directory: String::new(),
        file_name: "FILE".to_owned(),
        overwrite: false,
    });
    file.state = InboundState::Delivered;
    row.course = Course::Inbound(file);
    let created = at(dice.below(3).into());
    let mut receipt = Receipt::new(ReceiptState::Owed, eerp(b""), created);
    receipt.tries = dice.below(4);
    row.receipt = Some(receipt);
    row
}

/// A receipt or, twice as often, a file.
fn any_row(number: u32, dice: &mut Dice) -> Row {
    match dice.below(3) {
        0 => with_receipt(number, dice),
        _ => to_send(number, dice),
    }
}

/// A turn in which nothing is done but claiming.
fn claimed(db: &Connection, files: &Files) -> Vec<TransferId> {
    let claim = || claim(db, "them", "S", Longest::UNKNOWN, files).unwrap();
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
    let mut dice = Dice(0x0DD_BA11);
    let rows: Vec<Row> = (0..60).map(|number| any_row(number, &mut dice)).collect();
    let files: Vec<Precedence> = rows
        .iter()
        .filter_map(|row| Precedence::of_file(row, &Files::Any))
        .collect();
    let receipts: Vec<Precedence> = rows.iter().filter_map(Precedence::of_receipt).collect();
    assert!(files.len() > 10 && receipts.len() > 10);
    for receipt in receipts {
        let is_before_all = files.iter().all(|file| receipt < *file);
        assert_eq!(receipt.is_before_any_file(), is_before_all, "{receipt:?}");
    }
    assert!(files.iter().all(|file| !file.is_before_any_file()));
}

#[test]
fn a_file_that_cannot_be_read_keeps_no_receipt_back() {
    let (db, mut dice) = (ledger(), Dice(7));
    let (file, mut receipt) = (to_send(1, &mut dice), with_receipt(2, &mut dice));
    receipt.receipt.as_mut().unwrap().tries = 0;
    for row in [&file, &receipt] {
        rows::insert(&db, row, "test").unwrap();
    }
    db.execute(
        "UPDATE transfers SET labels = 'no JSON' WHERE id = ?1",
        [file.id.to_string()],
    )
    .unwrap();
    let claim = || claim(&db, "them", "S", Longest::UNKNOWN, &Files::Any);
    assert_eq!(claim().unwrap().0.unwrap().id, receipt.id);
    assert!(claim().is_err(), "the file is next");
}

#[test]
fn what_is_claimed_next_is_what_the_rule_says() {
    let (mut dice, mut yielded) = (Dice(0x0BAD_5EED), 0);
    for round in 0..60 {
        let db = ledger();
        let rows: Vec<Row> = (0..12).map(|number| any_row(number, &mut dice)).collect();
        for row in &rows {
            rows::insert(&db, row, "test").unwrap();
        }
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
            .filter_map(|row| Some((rank(row)?, row.id)))
            .collect();
        due.sort();
        let expected: Vec<TransferId> = due.into_iter().map(|(_, id)| id).collect();
        yielded += expected.len();
        assert_eq!(claimed(&db, &files), expected, "round {round}: {rows:#?}");
    }
    assert!(yielded > 200, "too few were claimed: {yielded}");
}
