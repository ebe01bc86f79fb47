//! Rows as dice have them, for tests that compare what SQL chooses with what the rules on a row say.

use std::path::Path;
use std::time::{Duration, SystemTime};

use oftp::{Counts, DatasetName, FileHeader};
use rusqlite::Connection;

use super::rows;
use super::schema::migrate;
use super::sums;
use crate::row::{Course, Inbound, Receipt, Row};
use crate::samples::{eerp, key};
use crate::state::{InboundState, OutboundState, ReceiptState};
use crate::transfer::{NewFile, Target, TransferId};

pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);

/// Numbers that look random, and are the same again for the same seed. `POINTSMAN_SEED` chooses it.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn thrown() -> Self {
        let chosen = std::env::var("POINTSMAN_SEED").ok();
        let seed = chosen.map_or(0x0BAD_5EED, |seed| seed.parse().unwrap());
        println!("POINTSMAN_SEED={seed}");
        Self(seed)
    }

    pub(super) fn below(&mut self, most: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(most)).unwrap()
    }

    pub(super) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(u32::try_from(all.len()).unwrap())).unwrap()]
    }

    /// Hours before or after `now`, in whole milliseconds.
    fn around(&mut self, now: SystemTime) -> SystemTime {
        let minutes = Duration::from_secs(60) * (1 + self.below(300));
        match self.below(2) {
            0 => now - minutes,
            _ => now + minutes,
        }
    }

    fn maybe_around(&mut self, now: SystemTime) -> Option<SystemTime> {
        (self.below(3) > 0).then(|| self.around(now))
    }
}

pub(super) fn ledger(rows: &[Row]) -> Connection {
    let mut db = Connection::open_in_memory().unwrap();
    sums::know(&db).unwrap();
    migrate(&mut db, Path::new(":memory:")).unwrap();
    for row in rows {
        rows::insert(&db, row, "test").unwrap();
    }
    db
}

/// A file to send, of any state, as if written around `now`.
pub(super) fn to_send(number: u32, dice: &mut Dice, now: SystemTime) -> Row {
    let mut key = key();
    key.dataset = DatasetName::new(&format!("FILE{number}")).unwrap();
    let file = NewFile {
        id: TransferId::new(),
        partner: dice.one_of(&["them", "them", "others"]).to_owned(),
        header: FileHeader::plain(key, 7),
        octets: 7,
        digest: "d".to_owned(),
        layout: None,
        counts: Counts::default(),
        wire_hash: None,
        priority: dice.one_of(&[4, 5, NewFile::URGENT]),
        labels: Vec::new(),
        note: Default::default(),
    };
    let mut row = Row::queued(&file, dice.around(now));
    let any = dice.one_of(OutboundState::ALL);
    if let Some(file) = row.outbound_mut() {
        file.state = dice.one_of(&[
            OutboundState::Ready,
            OutboundState::Ready,
            OutboundState::Sent,
            any,
        ]);
        file.breaks = dice.below(4);
        file.ordered = dice.maybe_around(now);
        file.not_before = dice.maybe_around(now);
        file.leased_to = (dice.below(8) == 0).then(|| "S0".to_owned());
        file.sent_at = (!file.state.is_unsent()).then(|| dice.around(now));
    }
    row
}

/// A received file, with its receipt or with the question about it, of any state.
pub(super) fn received(number: u32, dice: &mut Dice, now: SystemTime) -> Row {
    let mut row = to_send(number, dice, now);
    let mut file = Inbound::receiving(Target {
        directory: String::new(),
        file_name: "FILE".to_owned(),
        overwrite: false,
    });
    let any = dice.one_of(InboundState::ALL);
    file.state = dice.one_of(&[InboundState::Delivered, any]);
    file.decision.waits = dice.below(2) == 0;
    file.decision.ask_at = dice.maybe_around(now).filter(|_| file.decision.waits);
    let has_receipt = !file.decision.waits;
    row.course = Course::Inbound(file);
    let state = dice.one_of(&[ReceiptState::Owed, ReceiptState::Owed, ReceiptState::Given]);
    let mut receipt = Receipt::new(state, eerp(b""), dice.around(now));
    receipt.tries = dice.below(4);
    receipt.not_before = dice.maybe_around(now);
    receipt.leased_to = (dice.below(8) == 0).then(|| "S0".to_owned());
    row.receipt = Some(receipt).filter(|_| has_receipt);
    row
}

pub(super) fn any(number: u32, dice: &mut Dice, now: SystemTime) -> Row {
    match dice.below(2) {
        0 => received(number, dice, now),
        _ => to_send(number, dice, now),
    }
}

pub(super) fn many(dice: &mut Dice, now: SystemTime) -> Vec<Row> {
    (0..24).map(|number| any(number, dice, now)).collect()
}
