//! What only a ledger in SQLite has: crashes, a clock that was ahead, and what the file is.

use std::time::{Duration, SystemTime};

use pointsman_store::{
    Files, Ledger, LedgerError, Longest, Order, OutboundState, Repeated, SqliteLedger, TransferId,
    Verdict, Work,
};
use rusqlite::config::DbConfig;
use tempfile::TempDir;

use crate::books::{Books, DAY, PLENTY, Sqlite, key, soon};

#[tokio::test]
async fn a_file_goes_to_one_session_at_a_time_and_comes_back_after_a_crash() {
    let books = Books::<Sqlite>::new();
    let id = books.queued_file("INVOIC").await;
    assert!(
        matches!(books.claim().await, Some(Work::File(file)) if file.id == id && file.attempts == 0)
    );
    assert!(books.claim().await.is_none(), "nobody gets it twice");
    let ledger = SqliteLedger::open(&books.path().join("ledger.db")).unwrap();
    assert_eq!(ledger.recover().await.unwrap().ready, 1);
    assert_eq!(ledger.lessees().await.unwrap(), ["node/S1"]);
    for others in ["node/S2", "node"] {
        let freed = ledger.free(vec![others.to_owned()]).await.unwrap();
        assert_eq!(freed, 0, "{others} has nothing");
    }
    assert!(books.claim().await.is_none(), "its session lives");
    for freed in [1, 0] {
        let gone = vec!["node/S1".to_owned()];
        assert_eq!(
            ledger.free(gone).await.unwrap(),
            freed,
            "run twice, the same"
        );
    }
    assert!(ledger.lessees().await.unwrap().is_empty());
    assert!(matches!(books.claim().await, Some(Work::File(file)) if file.attempts == 1));
    books.ledger.in_doubt(id).await.unwrap();
    books
        .ledger
        .put_back(id, SystemTime::now(), "connection lost")
        .await
        .unwrap();
    assert!(
        matches!(books.claim().await, Some(Work::File(file)) if file.in_doubt),
        "SFNA 13 would mean delivered"
    );
    books.ledger.refused(id, soon(), "SFNA 06").await.unwrap();
    assert!(books.claim().await.is_none(), "it backs off");
    let send_now = books.ledger.order(id, Order::SendNow, "by the operator");
    send_now.await.unwrap();
    // It broke off once, and was refused once.
    assert!(
        matches!(books.claim().await, Some(Work::File(file)) if (file.attempts, file.refusals) == (3, 1))
    );
    books.ledger.park(id, "SFNA 01").await.unwrap();
    assert_eq!(books.state(id).await, OutboundState::Parked.into());
    let released = books.ledger.order(id, Order::Release, "by the operator");
    released.await.unwrap();
    assert!(matches!(books.claim().await, Some(Work::File(file)) if file.refusals == 0));
    // Its EFPA comes though somebody parked it meanwhile.
    books.ledger.park(id, "by the operator").await.unwrap();
    books.ledger.sent(id, "EFPA").await.unwrap();
    assert_eq!(books.state(id).await, OutboundState::Sent.into());
}

/// What is in the books was written down while the clock was a day ahead.
fn the_clock_was_ahead(books: &Books<Sqlite>) {
    let database = rusqlite::Connection::open(books.path().join("ledger.db")).unwrap();
    // Checksums of rows are the program's own to make.
    database
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)
        .unwrap();
    let day = DAY.as_millis() as i64;
    for (table, times) in [
        (
            "transfers",
            &["created", "not_before", "ask_at", "sent_at"][..],
        ),
        ("receipts", &["created", "not_before"]),
        ("timeline", &["at"]),
    ] {
        for time in times {
            let sql = format!("UPDATE {table} SET {time} = {time} + {day} WHERE {time} > 0");
            database.execute(&sql, []).unwrap();
        }
    }
}

fn version(books: &Books<Sqlite>, id: TransferId) -> i64 {
    let database = rusqlite::Connection::open(books.path().join("ledger.db")).unwrap();
    let sql = "SELECT version FROM transfers WHERE id = ?1";
    database
        .query_row(sql, [id.to_string()], |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn nothing_waits_for_a_day_because_the_clock_was_ahead() {
    let books = Books::<Sqlite>::new();
    let ledger = &books.ledger;
    let longest = Longest {
        file: Duration::from_secs(3600),
        receipt: Duration::from_secs(3600),
    };
    let claim = || ledger.claim("them", "node/S1", longest, Files::Any);
    let waiting = async || {
        let partners = vec![("them".to_owned(), longest)];
        let waiting = ledger.waiting_for(partners, SystemTime::now()).await;
        waiting.unwrap().get("them").map(|waits| waits.since)
    };
    let refused = books.queued_file("REFUSED").await;
    ledger.refused(refused, soon(), "SFNA 06").await.unwrap();
    let owed = books.delivered_file("OWED", Verdict::Positive).await;
    ledger.put_back(owed, soon(), "no words").await.unwrap();
    let later = Verdict::Later(Some(soon()));
    let later = books.delivered_file("LATER", later).await;
    let sent = books.queued_file("SENT").await;
    ledger.sent(sent, "EFPA").await.unwrap();
    assert!(claim().await.unwrap().is_none(), "all of it backs off");
    assert_eq!(waiting().await, None);
    let backlog = async || {
        let longest = [("them".to_owned(), longest.file)].into();
        ledger
            .backlog(longest)
            .await
            .unwrap()
            .remove("them")
            .unwrap()
    };
    let backs_off = backlog().await;
    assert_eq!((backs_off.backing_off, backs_off.ready_since), (1, None));

    the_clock_was_ahead(&books);
    let rests_no_longer = backlog().await;
    assert_eq!(rests_no_longer.backing_off, 0);
    assert_eq!(rests_no_longer.backs_off_until, None);
    assert_eq!(rests_no_longer.ready_since, rests_no_longer.oldest);
    assert_eq!(
        waiting().await,
        Some(SystemTime::UNIX_EPOCH),
        "nobody knows since when"
    );
    let new = key("NEW");
    let arrived = ledger.arrived("them", SystemTime::now() - DAY, &new, Repeated::Refused);
    assert_eq!(arrived.await.unwrap().files, 0, "the quota of today");
    let Some(Work::Response(answer)) = claim().await.unwrap() else {
        panic!("the receipt still backs off");
    };
    assert_eq!(answer.id, owed);
    assert!(matches!(claim().await.unwrap(), Some(Work::File(file)) if file.id == refused));
    let overdue = async |passed| {
        let now = SystemTime::now() + passed;
        let overdue = ledger.overdue("them", Duration::from_secs(600), now);
        overdue.await.unwrap()
    };
    assert_eq!(overdue(Duration::ZERO).await, [], "its time starts over");
    assert_eq!(overdue(Duration::from_secs(700)).await, [sent]);
    assert!(ledger.open_questions(10).await.unwrap().is_empty());
    let before = version(&books, later);
    ledger.clock_put_back().await.unwrap();
    assert_eq!(ledger.open_questions(10).await.unwrap()[0].id, later);
    let after = version(&books, later);
    assert_eq!(
        after,
        before + 1,
        "a verb that loaded the row before finds it changed"
    );
    // What is put off by the right clock waits for as long as was said, however often that is done.
    let again = Verdict::Later(Some(soon()));
    ledger.decided(later, again, "policy".into()).await.unwrap();
    ledger.clock_put_back().await.unwrap();
    assert!(ledger.open_questions(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_file_that_was_queued_last_is_the_newest_whatever_the_clock_showed() {
    let books = Books::<Sqlite>::new();
    let before = books.queued_file("BEFORE").await;
    // Its id is of a year far ahead.
    let database = rusqlite::Connection::open(books.path().join("ledger.db")).unwrap();
    database
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)
        .unwrap();
    database
        .execute_batch(&format!(
            "UPDATE timeline SET transfer = 'f192f0c1-2345-7000-8000-000000000000';
             UPDATE transfers SET id = 'f192f0c1-2345-7000-8000-000000000000' WHERE id = '{before}'"
        ))
        .unwrap();
    let last = books.queued_file("LAST").await;
    let newest = books.ledger.list(1).await.unwrap();
    assert_eq!(newest[0].id, last);
}

#[tokio::test]
async fn the_database_is_as_durable_as_it_must_be_and_older_programs_keep_off() {
    let books = Books::<Sqlite>::new();
    let path = books.path().join("ledger.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    let journal: String = database
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(journal, "wal");
    database.pragma_update(None, "user_version", 99).unwrap();
    let refused = SqliteLedger::open(&path);
    assert!(
        matches!(refused, Err(LedgerError::TooNew { found: 99, .. })),
        "{refused:?}"
    );
}

/// One that somebody put back in part, or another program's.
#[test]
fn a_database_of_any_version_that_has_no_transfers_is_no_ledger() {
    let folder = TempDir::new().unwrap();
    for version in [1, 12] {
        let path = folder.path().join(format!("{version}.db"));
        let database = rusqlite::Connection::open(&path).unwrap();
        database.execute_batch("CREATE TABLE theirs (x)").unwrap();
        database
            .pragma_update(None, "user_version", version)
            .unwrap();
        let refused = SqliteLedger::open(&path);
        assert!(
            matches!(refused, Err(LedgerError::NoLedger(_))),
            "{version}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn the_log_of_the_ledger_does_not_grow_without_end() {
    let books = Books::<Sqlite>::new();
    for n in 0..1000_u32 {
        let value = n.to_le_bytes().repeat(4 * 1024);
        let set = books.ledger.kv_set("policy", "key", value, PLENTY);
        set.await.unwrap();
    }
    // 1000 commits of five pages and more; a checkpoint after each 1000 pages.
    let log = books.folder.path().join("ledger.db-wal");
    let octets = std::fs::metadata(log).unwrap().len();
    assert!((1 << 20..8 << 20).contains(&octets), "{octets} octets");
}
