//! Rows that rot on the disk.

use std::time::SystemTime;

use pointsman_store::{
    Books as _, Contact, ContactKind, ContentKeys, Ledger, Order, Quota, SqliteLedger,
};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::yard::{Yard, everything, past_the_program};

/// Dice that a number starts. `POINTSMAN_SEED` chooses it.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let chosen = std::env::var("POINTSMAN_SEED").ok();
        let seed = chosen.map_or_else(
            || u64::from(std::process::id()) << 20 | 1,
            |seed| seed.parse().unwrap(),
        );
        println!("POINTSMAN_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }
}

/// A ledger with rows in every table.
async fn full_ledger() -> Yard {
    let yard = Yard::new();
    everything(&yard).await;
    yard.offered("HALF").await;
    let quota = Quota {
        policy: 1 << 20,
        all: 1 << 20,
    };
    for (key, value) in [("counter", "17"), ("name", "value")] {
        let kept = yard.ledger.kv_set("route", key, value.into(), quota);
        kept.await.unwrap();
    }
    let contact = |kind| Contact {
        partner: "them".to_owned(),
        kind,
        at: SystemTime::now(),
        dialled: true,
        remote: "127.0.0.1:3305".to_owned(),
        words: "the connection was lost".to_owned(),
        stayed: Some("a policy held all files back".to_owned()),
    };
    let contacts = vec![contact(ContactKind::Session), contact(ContactKind::Failure)];
    yard.ledger.note_contacts(contacts).await.unwrap();
    let opened = yard.ledger.list(1).await.unwrap()[0].id;
    yard.ledger
        .content_key(opened, [0x5A; 32], "d")
        .await
        .unwrap();
    yard
}

const TABLES: [&str; 7] = [
    "transfers",
    "receipts",
    "timeline",
    "policy_values",
    "policy_kept",
    "contacts",
    "content_keys",
];

/// All rows of a table.
fn rows(db: &Connection, table: &str) -> rusqlite::Result<Vec<Vec<Value>>> {
    let mut select = db.prepare(&format!("SELECT * FROM {table} NOT INDEXED"))?;
    let columns = select.column_count();
    let mut rows = select.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|column| row.get_ref(column).map(Value::try_from));
        let values = values.map(|value| value.map(|value| value.unwrap_or(Value::Null)));
        all.push(values.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(all)
}

/// The same value with one bit turned; where it has none, another.
fn turned(value: &Value, dice: &mut Dice) -> Value {
    let mut turn = |octets: &[u8]| {
        let mut octets = octets.to_vec();
        if octets.is_empty() {
            return vec![b'A'];
        }
        let at = dice.below(octets.len());
        octets[at] ^= 1 << dice.below(7);
        octets
    };
    match value {
        Value::Integer(number) => {
            let octets = turn(&number.to_le_bytes());
            Value::Integer(i64::from_le_bytes(octets.try_into().unwrap()))
        }
        Value::Text(text) => {
            Value::Text(String::from_utf8_lossy(&turn(text.as_bytes())).into_owned())
        }
        Value::Blob(octets) => Value::Blob(turn(octets)),
        _ => Value::Text("A".to_owned()),
    }
}

#[tokio::test]
async fn whichever_column_of_a_row_rots_its_row_is_named() {
    let yard = full_ledger().await;
    assert_eq!(yard.ledger.damage(true).await, []);
    let mut dice = Dice::new();
    let db = past_the_program(&yard.database());
    let mut columns = 0;
    for table in TABLES {
        let names = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let names: Vec<String> = names.column_names().map(str::to_owned).collect();
        let rows = rows(&db, table).unwrap();
        for (at, column) in names.iter().enumerate() {
            let row = &rows[dice.below(rows.len())];
            let key = names.iter().map(|name| format!("{name} IS ?"));
            let key = key.collect::<Vec<_>>().join(" AND ");
            let change = format!("UPDATE {table} SET {column} = ? WHERE {key}");
            let change = |from: &[Value], to: &Value| {
                let values = std::iter::once(to).chain(from);
                db.execute(&change, rusqlite::params_from_iter(values))
            };
            // A turn that SQLite does not take, since another row has that key or a number is no word, is none.
            let changed = (0..1000).find_map(|_| {
                let mut changed = row.clone();
                changed[at] = match turned(&row[at], &mut dice) {
                    Value::Text(_) if column.ends_with("_at") => Value::Integer(1),
                    other => other,
                };
                change(row, &changed[at]).is_ok().then_some(changed)
            });
            let changed = changed.unwrap_or_else(|| panic!("{table}.{column}: {row:?}"));
            let found = yard.ledger.damage(false).await;
            let named = found.iter().find(|finding| finding.kind == "row-changed");
            let named = named.unwrap_or_else(|| panic!("{table}.{column}: {changed:?}: {found:?}"));
            assert_eq!(named.file, format!("ledger.db {table}"), "{column}");
            let owner = names
                .iter()
                .position(|name| name == "id" || name == "transfer");
            if let Some(owner) = owner.filter(|owner| *owner != at) {
                let Value::Text(id) = &row[owner] else {
                    panic!("{row:?}")
                };
                assert_eq!(named.id.unwrap().to_string(), *id, "{table}.{column}");
            }
            assert_eq!(change(&changed, &row[at]).unwrap(), 1, "{table}.{column}");
            columns += 1;
        }
    }
    assert!(columns > 80, "{columns}");
    assert_eq!(yard.ledger.damage(true).await, []);
}

/// What rotted stays so, whatever the program does with the row afterwards.
#[tokio::test]
async fn a_verb_does_not_make_good_what_rotted() {
    let yard = Yard::new();
    let id = yard.queued("READY").await;
    yard.sql("UPDATE transfers SET digest = 'other'");
    yard.ledger.order(id, Order::Hold, "why").await.unwrap();
    yard.ledger.order(id, Order::Release, "why").await.unwrap();
    let found = yard.ledger.damage(true).await;
    let named: Vec<_> = found.iter().map(|it| (it.id, it.kind)).collect();
    assert_eq!(named, [(Some(id), "row-changed")]);
}

/// Of every page of the ledger some bits are turned, one at a time. `POINTSMAN_FLIPS` says how many of each.
#[tokio::test]
async fn no_bit_whose_turn_changes_a_row_is_missed() {
    let yard = full_ledger().await;
    let path = yard.database();
    let db = Connection::open(&path).unwrap();
    let fold = "PRAGMA wal_checkpoint(TRUNCATE)";
    db.query_row(fold, [], |_| Ok(())).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let all = |db: &Connection| TABLES.map(|table| rows(db, table).ok());
    let before = all(&db);
    let flips = std::env::var("POINTSMAN_FLIPS").ok();
    let flips: usize = flips.map_or(6, |flips| flips.parse().unwrap());
    let mut dice = Dice::new();
    let (mut changed, mut named) = (0, 0);
    for (page, octets) in whole.chunks(4096).enumerate() {
        let used: Vec<usize> = (0..4096).filter(|at| octets[*at] != 0).collect();
        for flip in 0..flips {
            // Every other one anywhere in the page.
            let octet = match flip % 2 {
                0 if !used.is_empty() => used[dice.below(used.len())],
                _ => dice.below(4096),
            };
            let bit = (page * 4096 + octet) * 8 + dice.below(8);
            let mut octets = whole.clone();
            octets[bit / 8] ^= 1 << (bit % 8);
            // Each a file of its own: who had the one before lets it go a moment later.
            let copy = yard.spare().join(format!("{bit}.db"));
            std::fs::write(&copy, octets).unwrap();
            let changes = Connection::open(&copy).map(|db| all(&db)).ok().as_ref() != Some(&before);
            let found = match SqliteLedger::open(&copy) {
                Ok(ledger) => !ledger.damage(true).await.is_empty(),
                Err(_) => true,
            };
            std::fs::remove_file(&copy).unwrap();
            assert!(found || !changes, "bit {bit}");
            changed += usize::from(changes);
            named += usize::from(found);
        }
    }
    println!("{changed} turns changed a row, {named} were named");
    assert!(changed > 0);
}
