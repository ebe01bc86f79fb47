//! The ledger in stories: what a file goes through, told in verbs, and what a repetition or a crash makes of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

use std::path::Path;
use std::time::{Duration, SystemTime};

use oftp::{
    Counts, DatasetName, Eerp, FileHeader, FileKey, FileStamp, Nerp, NerpReason, OdetteId,
    Position, RecordLayout, Response, UserData,
};
use pointsman_store::{
    Acknowledgement, CONTENT_REMOVED, Contact, ContactKind, Direction, Files, Filter, Ledger,
    LedgerError, Longest, Measure, Naming, NewFile, Note, Offer, Offered, Order, OutboundState,
    Quota, ReceiptState, Received, Repeated, Sealed, SqliteLedger, State, Target, TransferId,
    Verdict, Work,
};
use rusqlite::config::DbConfig;
use tempfile::TempDir;

const PLENTY: Quota = Quota {
    policy: 1 << 30,
    all: 1 << 30,
};

fn key(dataset: &str) -> FileKey {
    FileKey {
        dataset: DatasetName::new(dataset).unwrap(),
        stamp: FileStamp::new("20261122", "0815300001").unwrap(),
        originator: OdetteId::new("O0013THEM").unwrap(),
        destination: OdetteId::new("O0013US").unwrap(),
    }
}

fn offer(dataset: &str) -> Offer {
    Offer {
        partner: "them".to_owned(),
        header: FileHeader::plain(key(dataset), 5000),
        target: Target {
            directory: "in".to_owned(),
            file_name: dataset.to_owned(),
            overwrite: false,
        },
        layout: None,
        session: "S1".to_owned(),
        note: "policy route".into(),
        may_resume: true,
        repeated: Repeated::Refused,
    }
}

fn at(octets: u64, records: u64) -> Position {
    Position { octets, records }
}

fn received(verdict: Verdict) -> Received {
    let target = offer("x").target;
    Received {
        measure: measure(),
        counts: Counts::default(),
        target,
        verdict,
        note: Note::default(),
        labels: Vec::new(),
    }
}

/// Its content counts as sealed: this is about rows alone.
fn sealed(id: TransferId) -> Sealed {
    Sealed::unproven(id, measure())
}

fn measure() -> Measure {
    Measure {
        octets: 5000,
        digest: "d1".to_owned(),
    }
}

fn nerp(dataset: &str) -> Nerp {
    Nerp {
        key: key(dataset),
        creator: OdetteId::new("O0013US").unwrap(),
        reason: NerpReason::from_code(34),
        text: "not usable".to_owned(),
        hash: Vec::new(),
        signature: Vec::new(),
    }
}

fn eerp(dataset: &str) -> Response {
    Response::Positive(Eerp {
        key: key(dataset),
        user: UserData::default(),
        hash: Vec::new(),
        signature: Vec::new(),
    })
}

fn soon() -> SystemTime {
    SystemTime::now() + Duration::from_secs(600)
}

/// What keeps a ledger. The stories are the same for each.
trait BackEnd {
    type Ledger: Ledger + Clone + 'static;

    /// The ledger that is kept in that folder, made where there is none.
    fn open(folder: &Path) -> Self::Ledger;
}

struct Sqlite;

impl BackEnd for Sqlite {
    type Ledger = SqliteLedger;

    fn open(folder: &Path) -> SqliteLedger {
        SqliteLedger::open(&folder.join("ledger.db")).unwrap()
    }
}

/// Has each story told by a back-end.
macro_rules! stories {
    ($module:ident: $back_end:ident; $($story:ident,)+) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $story() {
                    super::$story::<super::$back_end>().await;
                }
            )+
        }
    };
}

stories! {
    sqlite: Sqlite;
    a_received_file_owes_its_receipt_when_it_is_delivered_and_not_before,
    every_verb_repeated_changes_nothing,
    a_verb_that_does_not_lead_on_is_refused_and_changes_nothing,
    records_are_counted_where_they_were_kept_the_same_way,
    the_same_identity_is_the_same_file,
    a_file_gives_its_identity_away_once_its_nerp_is_confirmed,
    files_of_one_identity_are_told_apart_by_what_their_sender_knows_and_by_their_content,
    what_is_here_of_a_file_is_known_before_anything_is_decided_about_it,
    receipts_come_before_files_and_only_wanted_files_go,
    a_nerp_says_why_either_way,
    a_receipt_of_an_older_level_finds_its_file_without_the_counter,
    a_receipt_that_names_a_file_loosely_finds_the_only_one_it_fits,
    a_receipt_that_contradicts_the_first_is_written_down_and_changes_nothing,
    a_receipt_put_off_is_asked_for_when_it_is_due,
    policies_keep_no_more_than_their_quotas,
    a_hundred_verbs_at_once_are_a_hundred_rows,
    what_a_policy_keeps_is_its_own,
    the_queue_goes_by_priority_then_age_and_an_urgent_file_rests_no_longer,
    what_is_held_parked_or_cancelled_does_not_go,
    a_file_sent_again_is_another_file_and_the_old_row_stays,
    rows_are_found_by_partner_state_direction_and_name,
    what_waits_longest_goes_first_though_it_was_under_way_before,
    what_ends_session_after_session_lets_others_go_first,
    of_each_kind_of_contact_the_last_one_is_remembered,
    a_start_is_told_which_partners_there_are_and_what_a_crash_may_have_left,
    what_a_partner_says_again_and_again_does_not_fill_the_history,
    a_file_that_goes_through_at_once_is_not_shown_as_broken_off_or_in_doubt,
    what_led_to_a_decision_is_kept_beside_its_sentence,
}

struct Books<B: BackEnd> {
    folder: TempDir,
    ledger: B::Ledger,
}

impl<B: BackEnd> Books<B> {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let ledger = B::open(folder.path());
        Self { folder, ledger }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn new_file(&self, dataset: &str) -> TransferId {
        match self.ledger.offer(offer(dataset)).await.unwrap() {
            Offered::New(id) => id,
            other => panic!("{other:?}"),
        }
    }

    /// The position at which the file may be resumed under that offer.
    async fn position(&self, id: TransferId, offer: Offer) -> Position {
        let standing = self.ledger.standing(id, offer).await.unwrap();
        standing.unwrap().position
    }

    async fn delivered_file(&self, dataset: &str, verdict: Verdict) -> TransferId {
        let id = self.new_file(dataset).await;
        self.ledger
            .received(&sealed(id), received(verdict))
            .await
            .unwrap();
        self.ledger.placing(id, "in/x").await.unwrap();
        self.ledger.delivered(id).await.unwrap();
        id
    }

    async fn queued_file(&self, dataset: &str) -> TransferId {
        let id = TransferId::new();
        self.ledger.enqueue(to_send(id, dataset)).await.unwrap();
        id
    }

    async fn claim(&self) -> Option<Work> {
        self.ledger
            .claim("them", "node/S1", Longest::UNKNOWN, Files::Any)
            .await
            .unwrap()
    }

    async fn state(&self, id: TransferId) -> &'static str {
        self.ledger.show(id).await.unwrap().unwrap().state.as_str()
    }
}

fn to_send(id: TransferId, dataset: &str) -> NewFile {
    NewFile {
        id,
        partner: "them".to_owned(),
        header: FileHeader::plain(key(dataset), 5000),
        octets: 5000,
        digest: "d2".to_owned(),
        layout: None,
        counts: Counts {
            records: 0,
            octets: 5000,
        },
        priority: NewFile::PRIORITY,
        labels: Vec::new(),
    }
}

async fn a_received_file_owes_its_receipt_when_it_is_delivered_and_not_before<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.new_file("ORDER").await;
    assert!(books.claim().await.is_none());
    books
        .ledger
        .received(&sealed(id), received(Verdict::Positive))
        .await
        .unwrap();
    assert!(books.claim().await.is_none(), "received is not delivered");
    books.ledger.placing(id, "in/ORDER").await.unwrap();
    assert!(books.claim().await.is_none());
    books.ledger.delivered(id).await.unwrap();
    let Some(Work::Response(owed)) = books.claim().await else {
        panic!("a receipt is owed")
    };
    assert_eq!((owed.id, owed.response.key()), (id, &key("ORDER")));
    assert!(books.claim().await.is_none(), "it is leased");
    books.ledger.response_taken(id).await.unwrap();
    assert_eq!(
        books.ledger.show(id).await.unwrap().unwrap().receipt,
        Some(ReceiptState::Given)
    );
    let events: Vec<String> = books
        .ledger
        .timeline(id)
        .await
        .unwrap()
        .into_iter()
        .map(|line| line.event)
        .collect();
    assert_eq!(
        events,
        [
            "offered",
            "received",
            "placing",
            "delivered",
            "response-taken"
        ]
    );
}

async fn every_verb_repeated_changes_nothing<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.new_file("ORDER").await;
    for _ in 0..2 {
        books.ledger.checkpoint(id, at(4096, 0)).await.unwrap();
    }
    for _ in 0..2 {
        books
            .ledger
            .received(&sealed(id), received(Verdict::Positive))
            .await
            .unwrap();
    }
    for _ in 0..2 {
        books.ledger.placing(id, "in/ORDER").await.unwrap();
    }
    for _ in 0..2 {
        books.ledger.delivered(id).await.unwrap();
    }
    let told = books.ledger.timeline(id).await.unwrap();
    let told: Vec<_> = told.iter().map(|line| line.event.as_str()).collect();
    assert_eq!(told, ["offered", "received", "placing", "delivered"]);
    assert!(books.claim().await.is_some());
    for _ in 0..2 {
        books.ledger.response_taken(id).await.unwrap();
    }
    assert!(books.claim().await.is_none(), "one file, one receipt");

    let out = books.queued_file("INVOIC").await;
    for _ in 0..2 {
        books.ledger.sent(out, "EFPA").await.unwrap();
    }
    let first = books
        .ledger
        .acknowledged("them", &eerp("INVOIC"), "")
        .await
        .unwrap();
    let again = books
        .ledger
        .acknowledged("them", &eerp("INVOIC"), "")
        .await
        .unwrap();
    assert_eq!(
        (first.into_inner(), again.into_inner()),
        (
            Acknowledgement::Recorded(out),
            Acknowledgement::Repeated(out)
        )
    );
}

async fn a_verb_that_does_not_lead_on_is_refused_and_changes_nothing<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.new_file("ORDER").await;
    let refused = books.ledger.delivered(id).await;
    assert!(
        matches!(refused, Err(LedgerError::WrongState { .. })),
        "{refused:?}"
    );
    assert_eq!(books.state(id).await, "receiving");
    let nobody = books.ledger.placing(TransferId::new(), "x").await;
    assert!(
        matches!(nobody, Err(LedgerError::NotFound(_))),
        "{nobody:?}"
    );
}

async fn records_are_counted_where_they_were_kept_the_same_way<B: BackEnd>() {
    let books = Books::<B>::new();
    let lines = Offer {
        layout: Some(RecordLayout::Lines),
        ..offer("RECORDS")
    };
    let Offered::New(id) = books.ledger.offer(lines.clone()).await.unwrap() else {
        panic!("it is new");
    };
    books.ledger.checkpoint(id, at(820, 10)).await.unwrap();
    let again = books.ledger.offer(lines.clone()).await.unwrap();
    assert_eq!(again, Offered::Again(id));
    assert_eq!(books.position(id, lines).await, at(820, 10));
    let prefixed = Offer {
        layout: Some(RecordLayout::LengthPrefixed),
        ..offer("RECORDS")
    };
    let again = books.ledger.offer(prefixed.clone()).await.unwrap();
    assert_eq!(again, Offered::Again(id));
    let position = books.position(id, prefixed.clone()).await;
    assert_eq!(position, at(0, 0), "kept another way");
    books
        .ledger
        .begin(id, prefixed.clone(), at(0, 0))
        .await
        .unwrap();
    books.ledger.checkpoint(id, at(164, 2)).await.unwrap();
    let position = books.position(id, prefixed).await;
    assert_eq!(position, at(164, 2), "what begin said holds");

    let sent = TransferId::new();
    let mut file = to_send(sent, "SENT");
    file.layout = Some(RecordLayout::Lines);
    file.counts = Counts {
        records: 7,
        octets: 4986,
    };
    let counts = file.counts;
    books.ledger.enqueue(file).await.unwrap();
    let waiting = books.ledger.outbound("them", 9).await.unwrap();
    assert_eq!(waiting[0].layout, Some(RecordLayout::Lines));
    assert_eq!(waiting[0].counts, counts);
}

async fn the_same_identity_is_the_same_file<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.new_file("ORDER").await;
    books.ledger.checkpoint(id, at(4096, 0)).await.unwrap();
    assert_eq!(
        books.ledger.offer(offer("ORDER")).await.unwrap(),
        Offered::Again(id)
    );
    assert_eq!(books.position(id, offer("ORDER")).await, at(4096, 0));
    let without_restart = Offer {
        may_resume: false,
        ..offer("ORDER")
    };
    let position = books.position(id, without_restart).await;
    assert_eq!(position, at(0, 0), "started over");
    books.ledger.checkpoint(id, at(4096, 0)).await.unwrap();
    let mut other_content = offer("ORDER");
    other_content.header.size_blocks += 1;
    let position = books.position(id, other_content).await;
    assert_eq!(position, at(0, 0), "halves of two files never meet");
    books
        .ledger
        .received(&sealed(id), received(Verdict::Positive))
        .await
        .unwrap();
    assert_eq!(
        books.ledger.offer(offer("ORDER")).await.unwrap(),
        Offered::Duplicate(id)
    );
    let of_another = Offer {
        partner: "others".to_owned(),
        ..offer("ORDER")
    };
    assert!(
        matches!(
            books.ledger.offer(of_another).await.unwrap(),
            Offered::New(_)
        ),
        "partners do not collide"
    );

    let queued = books.queued_file("INVOIC").await;
    let twice = books
        .ledger
        .enqueue(to_send(TransferId::new(), "INVOIC"))
        .await;
    assert!(
        matches!(twice, Err(LedgerError::IdentityTaken(_))),
        "{twice:?}"
    );
    assert_eq!(books.state(queued).await, "ready");
}

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
    assert!(books.claim().await.is_none(), "it rests");
    let send_now = books.ledger.order(id, Order::SendNow, "by the operator");
    send_now.await.unwrap();
    // It broke off once, and was refused once.
    assert!(
        matches!(books.claim().await, Some(Work::File(file)) if (file.attempts, file.refusals) == (3, 1))
    );
    books.ledger.park(id, "SFNA 01").await.unwrap();
    assert_eq!(books.state(id).await, "parked");
    let released = books.ledger.order(id, Order::Release, "by the operator");
    released.await.unwrap();
    assert!(matches!(books.claim().await, Some(Work::File(file)) if file.refusals == 0));
    // Its EFPA comes though somebody parked it meanwhile.
    books.ledger.park(id, "by the operator").await.unwrap();
    books.ledger.sent(id, "EFPA").await.unwrap();
    assert_eq!(books.state(id).await, "sent");
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

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

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
    assert!(claim().await.unwrap().is_none(), "all of it rests");
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
    let rests = backlog().await;
    assert_eq!((rests.resting, rests.ready_since), (1, None));

    the_clock_was_ahead(&books);
    let rests_no_longer = backlog().await;
    assert_eq!(rests_no_longer.resting, 0);
    assert_eq!(rests_no_longer.rests_until, None);
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
        panic!("the receipt still rests");
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
    ledger.clock_put_back().await.unwrap();
    assert_eq!(ledger.open_questions(10).await.unwrap()[0].id, later);
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

async fn a_file_gives_its_identity_away_once_its_nerp_is_confirmed<B: BackEnd>() {
    let books = Books::<B>::new();
    let ledger = &books.ledger;
    let first = books.new_file("ORDER").await;
    let negative = Verdict::Negative(Box::new(nerp("ORDER")));
    ledger
        .received(&sealed(first), received(negative))
        .await
        .unwrap();
    let again = ledger.offer(offer("ORDER")).await.unwrap();
    assert_eq!(again, Offered::Duplicate(first), "its NERP is owed");
    let Some(Work::Response(owed)) = books.claim().await else {
        panic!("a NERP is owed")
    };
    let again = ledger.offer(offer("ORDER")).await.unwrap();
    assert_eq!(again, Offered::Duplicate(first), "nobody knows if it came");
    ledger.response_taken(owed.id).await.unwrap();

    let Offered::Another(second, 1) = ledger.offer(offer("ORDER")).await.unwrap() else {
        panic!("the mended file is another one");
    };
    assert_ne!(first, second);
    // While it is being received it is the file of that identity, and is resumed where it broke off.
    ledger.checkpoint(second, at(2048, 0)).await.unwrap();
    let again = ledger.offer(offer("ORDER")).await.unwrap();
    assert_eq!(again, Offered::Again(second));
    let standing = ledger.standing(second, offer("ORDER")).await.unwrap();
    let standing = standing.unwrap();
    assert_eq!((standing.edition, standing.position), (1, at(2048, 0)));
    let before = ledger.standing(first, offer("ORDER")).await.unwrap();
    assert!(!before.unwrap().is_receiving, "each id has its own row");
    ledger
        .received(&sealed(second), received(Verdict::Positive))
        .await
        .unwrap();
    let again = ledger.offer(offer("ORDER")).await.unwrap();
    assert_eq!(again, Offered::Duplicate(second));
    assert_eq!(books.state(first).await, "rejected");

    let sum = async |beside: &FileKey| {
        let since = SystemTime::now() - DAY;
        let arrived = ledger.arrived("them", since, beside, Repeated::Refused);
        arrived.await.unwrap().files
    };
    assert_eq!(sum(&key("ORDER")).await, 1, "the first counts all the same");
    assert_eq!(sum(&key("OTHER")).await, 2);
}

async fn files_of_one_identity_are_told_apart_by_what_their_sender_knows_and_by_their_content<
    B: BackEnd,
>() {
    let books = Books::<B>::new();
    let ledger = &books.ledger;
    let taken = |repeated| Offer {
        repeated,
        ..offer("ORDER")
    };
    let undated = |repeated| {
        let mut offer = taken(repeated);
        offer.header.key.stamp = FileStamp::from_wire(b"00000000", b"0000000000").unwrap();
        offer
    };
    let first = books.delivered_file("ORDER", Verdict::Positive).await;
    for compares in [Repeated::Compared, Repeated::Taken] {
        let again = ledger.offer(taken(compares)).await.unwrap();
        assert_eq!(again, Offered::Unconfirmed(first), "{compares:?}");
    }
    ledger.confirmed(first).await.unwrap();
    for refused in [Repeated::Refused, Repeated::Compared] {
        let again = ledger.offer(taken(refused)).await.unwrap();
        assert_eq!(again, Offered::Duplicate(first), "{refused:?}");
    }
    let Offered::Another(second, 1) = ledger.offer(taken(Repeated::Taken)).await.unwrap() else {
        panic!("it is another file");
    };
    let verdict = received(Verdict::Positive);
    ledger.received(&sealed(second), verdict).await.unwrap();
    // What was compared and is another gets the id of its copy.
    let copy = TransferId::new();
    let edition = ledger.another(copy, taken(Repeated::Taken)).await.unwrap();
    assert_eq!((edition, books.state(copy).await), (2, "receiving"));

    let Offered::New(first) = ledger.offer(undated(Repeated::Compared)).await.unwrap() else {
        panic!("not seen before");
    };
    let verdict = received(Verdict::Positive);
    ledger.received(&sealed(first), verdict).await.unwrap();
    ledger.confirmed(first).await.unwrap();
    let again = ledger.offer(undated(Repeated::Compared)).await.unwrap();
    assert_eq!(again, Offered::Unconfirmed(first), "its content will tell");
    let again = ledger.offer(undated(Repeated::Refused)).await.unwrap();
    assert_eq!(again, Offered::Duplicate(first));
}

async fn what_is_here_of_a_file_is_known_before_anything_is_decided_about_it<B: BackEnd>() {
    let books = Books::<B>::new();
    let ledger = &books.ledger;
    let header = offer("ORDER").header;
    let undated = |header: &FileHeader| {
        let mut undated = header.clone();
        undated.key.stamp = FileStamp::from_wire(b"00000000", b"0000000000").unwrap();
        undated
    };
    let here = async |header: &FileHeader, repeated| {
        let here = ledger.here("them", header, repeated).await.unwrap();
        here.map(|here| (here.id, here.is_to_be_compared))
    };
    let every = [Repeated::Refused, Repeated::Compared, Repeated::Taken];
    let Offered::New(first) = ledger.offer(offer("ORDER")).await.unwrap() else {
        panic!("not seen before");
    };
    for repeated in every {
        assert_eq!(here(&header, repeated).await, None, "it is not all here");
    }
    ledger
        .received(&sealed(first), received(Verdict::Positive))
        .await
        .unwrap();
    let unconfirmed = [false, true, true];
    for (repeated, compares) in every.into_iter().zip(unconfirmed) {
        assert_eq!(here(&header, repeated).await, Some((first, compares)));
        let others = ledger.here("others", &header, repeated).await.unwrap();
        assert_eq!(others, None, "it is another partner's");
        assert_eq!(here(&undated(&header), repeated).await, None);
    }
    // The same octets in records would be another file.
    let in_records = FileHeader {
        format: oftp::Format::Variable(80),
        ..header.clone()
    };
    assert_eq!(
        here(&in_records, Repeated::Compared).await,
        Some((first, false))
    );
    assert_eq!(here(&in_records, Repeated::Taken).await, None);

    ledger.confirmed(first).await.unwrap();
    for (repeated, known) in every.into_iter().zip([true, true, false]) {
        let duplicate = known.then_some((first, false));
        assert_eq!(here(&header, repeated).await, duplicate, "{repeated:?}");
    }

    // Without a date, other content is another file, so only what its sender may not know of comes first.
    let header = undated(&header);
    let undated = Offer {
        header: header.clone(),
        ..offer("ORDER")
    };
    let Offered::New(second) = ledger.offer(undated).await.unwrap() else {
        panic!("not seen before");
    };
    ledger
        .received(&sealed(second), received(Verdict::Positive))
        .await
        .unwrap();
    assert_eq!(
        here(&header, Repeated::Compared).await,
        Some((second, true))
    );
    ledger.confirmed(second).await.unwrap();
    assert_eq!(here(&header, Repeated::Compared).await, None);
    assert_eq!(
        here(&header, Repeated::Refused).await,
        Some((second, false))
    );
}

async fn receipts_come_before_files_and_only_wanted_files_go<B: BackEnd>() {
    let books = Books::<B>::new();
    let first = books.queued_file("A").await;
    let second = books.queued_file("B").await;
    let received = books.delivered_file("ORDER", Verdict::Positive).await;
    let claim = |files| {
        books
            .ledger
            .claim("them", "node/S1", Longest::UNKNOWN, files)
    };
    assert!(
        matches!(claim(Files::Any).await.unwrap(), Some(Work::Response(owed)) if owed.id == received)
    );
    assert!(claim(Files::None).await.unwrap().is_none());
    let wanted = Files::Only(vec![TransferId::new(), second]);
    assert!(matches!(claim(wanted).await.unwrap(), Some(Work::File(file)) if file.id == second));
    assert!(matches!(claim(Files::Any).await.unwrap(), Some(Work::File(file)) if file.id == first));
    assert!(
        books
            .ledger
            .claim("others", "node/S1", Longest::UNKNOWN, Files::Any)
            .await
            .unwrap()
            .is_none()
    );
}

async fn a_nerp_says_why_either_way<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.new_file("ORDER").await;
    books
        .ledger
        .received(
            &sealed(id),
            received(Verdict::Negative(Box::new(nerp("ORDER")))),
        )
        .await
        .unwrap();
    assert_eq!(books.state(id).await, "rejected");
    let Some(Work::Response(owed)) = books.claim().await else {
        panic!("a NERP is owed")
    };
    assert_eq!(owed.response, Response::Negative(nerp("ORDER")));

    let out = books.queued_file("INVOIC").await;
    books.ledger.sent(out, "EFPA").await.unwrap();
    let negative = Response::Negative(nerp("INVOIC"));
    books
        .ledger
        .acknowledged("them", &negative, "")
        .await
        .unwrap();
    let row = books.ledger.show(out).await.unwrap().unwrap();
    assert_eq!(
        (row.state.as_str(), row.reason.as_deref()),
        ("rejected", Some("34 not usable"))
    );
    let stranger = books
        .ledger
        .acknowledged("others", &eerp("INVOIC"), "")
        .await
        .unwrap();
    assert_eq!(
        *stranger,
        Acknowledgement::Unknown,
        "another partner cannot answer for it"
    );
}

/// Levels 1.2 and 1.3 have no counter in their times: a receipt comes back without the one that we gave.
async fn a_receipt_of_an_older_level_finds_its_file_without_the_counter<B: BackEnd>() {
    let books = Books::<B>::new();
    let (first, second) = (TransferId::new(), TransferId::new());
    for (id, time) in [(first, "0815300001"), (second, "0815300002")] {
        let mut file = to_send(id, "INVOIC");
        file.header.key.stamp = FileStamp::new("20261122", time).unwrap();
        books.ledger.enqueue(file).await.unwrap();
        books.ledger.sent(id, "EFPA").await.unwrap();
    }
    let Response::Positive(mut short) = eerp("INVOIC") else {
        panic!("an EERP")
    };
    short.key.stamp = FileStamp::new("20261122", "0815300000").unwrap();
    let short = Response::Positive(short);
    for meant in [first, second] {
        let answer = books.ledger.acknowledged("them", &short, "").await.unwrap();
        assert_eq!(*answer, Acknowledgement::Recorded(meant));
    }
    // One that the partner cannot have is not meant, however often the receipt comes.
    let mut waits = to_send(TransferId::new(), "INVOIC");
    waits.header.key.stamp = FileStamp::new("20261122", "0815300003").unwrap();
    books.ledger.enqueue(waits).await.unwrap();
    let again = books.ledger.acknowledged("them", &short, "").await.unwrap();
    assert_eq!(*again, Acknowledgement::Repeated(first));
}

/// A receipt in another case is of the only file that waits and that it fits; where two do, nobody can say of which.
async fn a_receipt_that_names_a_file_loosely_finds_the_only_one_it_fits<B: BackEnd>() {
    let books = Books::<B>::new();
    let (first, second) = (TransferId::new(), TransferId::new());
    for (id, time) in [(first, "0815300001"), (second, "0815300002")] {
        let mut file = to_send(id, "INVOIC");
        file.header.key.stamp = FileStamp::new("20261122", time).unwrap();
        books.ledger.enqueue(file).await.unwrap();
        books.ledger.sent(id, "EFPA").await.unwrap();
    }
    let named = |name, time| {
        let Response::Positive(mut eerp) = eerp(name) else {
            panic!("an EERP")
        };
        eerp.key.stamp = FileStamp::new("20261122", time).unwrap();
        Response::Positive(eerp)
    };
    let ledger = &books.ledger;
    let loosely = async |response| {
        let answer = ledger
            .acknowledged_by("them", &response, Naming::Loose, "")
            .await
            .unwrap();
        (*answer).clone()
    };
    let either = named("invoic", "0815300000");
    assert_eq!(loosely(either.clone()).await, Acknowledgement::Unknown);
    let small = named("invoic", "0815300001");
    let exact = ledger.acknowledged("them", &small, "").await.unwrap();
    assert_eq!(*exact, Acknowledgement::Unknown);
    assert_eq!(
        loosely(named("INVOICE", "0815300001")).await,
        Acknowledgement::Unknown
    );
    assert_eq!(
        loosely(named("Invoic", "0815300001")).await,
        Acknowledgement::Recorded(first)
    );
    assert_eq!(loosely(either).await, Acknowledgement::Recorded(second));
}

async fn a_receipt_that_contradicts_the_first_is_written_down_and_changes_nothing<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = TransferId::new();
    books.ledger.enqueue(to_send(id, "INVOIC")).await.unwrap();
    books.ledger.sent(id, "EFPA").await.unwrap();
    let eerp = eerp("INVOIC");
    books.ledger.acknowledged("them", &eerp, "").await.unwrap();
    let nerp = Response::Negative(nerp("INVOIC"));
    let answer = books.ledger.acknowledged("them", &nerp, "").await.unwrap();
    assert_eq!(*answer, Acknowledgement::Repeated(id));
    let row = books.ledger.show(id).await.unwrap().unwrap();
    assert_eq!(row.state, OutboundState::Acknowledged.into());
    let last = books.ledger.timeline(id).await.unwrap().pop().unwrap();
    assert_eq!(last.event, "receipt-contradicts");
    assert!(last.detail.contains("NERP 34"), "{}", last.detail);
}

async fn a_receipt_put_off_is_asked_for_when_it_is_due<B: BackEnd>() {
    let books = Books::<B>::new();
    let due = books
        .delivered_file("DUE", Verdict::Later(Some(SystemTime::now())))
        .await;
    let later = books
        .delivered_file("LATER", Verdict::Later(Some(soon())))
        .await;
    let operators = books.delivered_file("OPERATOR", Verdict::Later(None)).await;
    assert!(
        books.claim().await.is_none(),
        "nothing is owed while the decision waits"
    );
    let open = books.ledger.open_questions(10).await.unwrap();
    assert_eq!(
        open.iter()
            .map(|question| (question.id, question.asked))
            .collect::<Vec<_>>(),
        [(due, 1)]
    );
    books
        .ledger
        .decided(due, Verdict::Later(Some(SystemTime::now())), "".into())
        .await
        .unwrap();
    assert_eq!(books.ledger.open_questions(10).await.unwrap()[0].asked, 2);
    books
        .ledger
        .decided(due, Verdict::Positive, "policy".into())
        .await
        .unwrap();
    books
        .ledger
        .decided(
            due,
            Verdict::Negative(Box::new(nerp("DUE"))),
            "too late".into(),
        )
        .await
        .unwrap();
    assert!(
        matches!(books.claim().await, Some(Work::Response(owed)) if owed.response == eerp("DUE"))
    );
    books
        .ledger
        .decided(
            operators,
            Verdict::Negative(Box::new(nerp("OPERATOR"))),
            "operator".into(),
        )
        .await
        .unwrap();
    assert_eq!(books.state(operators).await, "rejected");
    assert_eq!(books.state(later).await, "delivered");
}

async fn policies_keep_no_more_than_their_quotas<B: BackEnd>() {
    let books = Books::<B>::new();
    let quota = Quota {
        policy: 10_000,
        all: 15_000,
    };
    let set = async |policy: &str, key: &str, octets| {
        let value = vec![1; octets];
        books.ledger.kv_set(policy, key, value, quota).await
    };
    for key in ["a", "b", "c"] {
        set("one", key, 3000).await.unwrap();
    }
    let full = set("one", "d", 3000).await.unwrap_err().to_string();
    assert!(
        full.contains("policy `one` keeps 9204 octets and may keep 10000")
            && full.contains("policies.one.limits.kept"),
        "{full}"
    );
    // Another value in the place of one, and what is let go, make room.
    set("one", "a", 3700).await.unwrap();
    set("one", "a", 4000).await.unwrap_err();
    set("one", "b", 0).await.unwrap();
    set("one", "d", 3000).await.unwrap();

    set("other", "a", 4000).await.unwrap();
    let full = set("other", "b", 4000).await.unwrap_err().to_string();
    assert!(full.contains("`limits.policies_kept`"), "{full}");
    assert_eq!(books.ledger.kv_get("other", "b").await.unwrap(), None);
    set("one", "a", 0).await.unwrap();
    set("other", "b", 4000).await.unwrap();

    // A quota that was made smaller takes nothing away, and what becomes less is kept.
    let none = Quota { policy: 0, all: 0 };
    let smaller = books.ledger.kv_set("one", "d", vec![1; 2000], none).await;
    smaller.unwrap();
    let more = books.ledger.kv_set("one", "d", vec![1; 2001], none).await;
    more.unwrap_err();
    assert_eq!(
        books
            .ledger
            .kv_get("one", "d")
            .await
            .unwrap()
            .unwrap()
            .len(),
        2000
    );
}

async fn a_hundred_verbs_at_once_are_a_hundred_rows<B: BackEnd>() {
    let books = Books::<B>::new();
    let offers = (0..100).map(|number| {
        let ledger = books.ledger.clone();
        tokio::spawn(async move { ledger.offer(offer(&format!("F{number}"))).await })
    });
    for offered in offers.collect::<Vec<_>>() {
        assert!(matches!(offered.await.unwrap().unwrap(), Offered::New(_)));
    }
    assert_eq!(books.ledger.list(1000).await.unwrap().len(), 100);
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

async fn what_a_policy_keeps_is_its_own<B: BackEnd>() {
    let books = Books::<B>::new();
    books
        .ledger
        .kv_set("one", "count", vec![1], PLENTY)
        .await
        .unwrap();
    books
        .ledger
        .kv_set("other", "count", vec![2], PLENTY)
        .await
        .unwrap();
    assert_eq!(
        books.ledger.kv_get("one", "count").await.unwrap(),
        Some(vec![1])
    );
    books
        .ledger
        .kv_set("one", "count", Vec::new(), PLENTY)
        .await
        .unwrap();
    assert_eq!(books.ledger.kv_get("one", "count").await.unwrap(), None);
    assert_eq!(
        books.ledger.kv_get("other", "count").await.unwrap(),
        Some(vec![2])
    );
}

async fn the_queue_goes_by_priority_then_age_and_an_urgent_file_rests_no_longer<B: BackEnd>() {
    let books = Books::<B>::new();
    let mut ids = Vec::new();
    for (dataset, priority) in [("A", 5), ("B", 9), ("C", 0), ("D", 9)] {
        let file = NewFile {
            priority,
            ..to_send(TransferId::new(), dataset)
        };
        ids.push(file.id);
        books.ledger.enqueue(file).await.unwrap();
    }
    let queue = books.ledger.queue(Some("them")).await.unwrap();
    let order: Vec<TransferId> = queue.iter().map(|file| file.id).collect();
    assert_eq!(order, [ids[1], ids[3], ids[0], ids[2]]);
    assert!(books.ledger.queue(Some("others")).await.unwrap().is_empty());

    books
        .ledger
        .put_back(ids[2], soon(), "SFNA 06")
        .await
        .unwrap();
    assert!(
        books.ledger.queue(None).await.unwrap()[3]
            .rests_until
            .is_some()
    );
    for _ in 0..2 {
        books
            .ledger
            .order(ids[2], Order::SendNow, "")
            .await
            .unwrap();
    }
    let mut went = Vec::new();
    while let Some(Work::File(file)) = books.claim().await {
        went.push(file.id);
    }
    // `C` is as urgent as `B` and `D` now, and became so after them.
    assert_eq!(went, [ids[1], ids[3], ids[2], ids[0]]);
}

async fn what_is_held_parked_or_cancelled_does_not_go<B: BackEnd>() {
    let books = Books::<B>::new();
    let ledger = &books.ledger;
    let id = books.queued_file("INVOIC").await;
    // A receipt for what cannot have left is none.
    let early = ledger.acknowledged("them", &eerp("INVOIC"), "").await;
    assert_eq!(*early.unwrap(), Acknowledgement::Unknown);
    ledger.in_doubt(id).await.unwrap();
    for (order, state) in [
        (Order::Hold, "held"),
        (Order::Release, "ready"),
        (Order::Park, "parked"),
        (Order::Release, "ready"),
        (Order::Hold, "held"),
        (Order::Cancel, "cancelled"),
    ] {
        for _ in 0..2 {
            ledger.order(id, order, "why").await.unwrap();
        }
        assert_eq!(books.state(id).await, state);
        let goes = books.claim().await;
        assert_eq!(goes.is_some(), state == "ready", "{state}");
        if goes.is_some() {
            let refused = ledger.order(id, Order::Hold, "").await;
            assert!(
                matches!(refused, Err(LedgerError::InSession(_))),
                "{refused:?}"
            );
            ledger
                .put_back(id, SystemTime::UNIX_EPOCH, "")
                .await
                .unwrap();
        }
    }
    for order in [Order::Hold, Order::Release, Order::Park, Order::SendNow] {
        let refused = ledger.order(id, order, "").await;
        assert!(
            matches!(refused, Err(LedgerError::WrongState { .. })),
            "{order:?}"
        );
    }
    let received = books.new_file("ORDER").await;
    let refused = ledger.order(received, Order::Cancel, "").await;
    assert!(matches!(refused, Err(LedgerError::WrongState { .. })));
    let nobody = ledger.order(TransferId::new(), Order::Hold, "").await;
    assert!(matches!(nobody, Err(LedgerError::NotFound(_))));
    let doubted = ledger.in_doubt(id).await;
    assert!(
        matches!(doubted, Err(LedgerError::WrongState { .. })),
        "nothing proves that its EFID may leave: {doubted:?}"
    );
    // The partner had it after all: its receipt is a fact, whatever was wanted.
    let answered = ledger
        .acknowledged("them", &eerp("INVOIC"), "")
        .await
        .unwrap();
    assert_eq!(*answered, Acknowledgement::Recorded(id));
    assert_eq!(books.state(id).await, "acknowledged");
}

async fn a_file_sent_again_is_another_file_and_the_old_row_stays<B: BackEnd>() {
    let books = Books::<B>::new();
    let ledger = &books.ledger;
    let old = books.queued_file("INVOIC").await;
    let again = |dataset| to_send(TransferId::new(), dataset);
    let refused = ledger.resend(old, again("INVOIC.2")).await;
    assert!(
        matches!(refused, Err(LedgerError::WrongState { .. })),
        "it has not gone yet"
    );
    ledger.sent(old, "EFPA").await.unwrap();
    let taken = ledger.resend(old, again("INVOIC")).await;
    assert!(
        matches!(taken, Err(LedgerError::IdentityTaken(_))),
        "{taken:?}"
    );
    let file = again("INVOIC.2");
    let new = file.id;
    ledger.resend(old, file).await.unwrap();
    assert_eq!(
        (books.state(old).await, books.state(new).await),
        ("sent", "ready")
    );
    let told = ledger.timeline(old).await.unwrap();
    assert!(
        told.iter()
            .any(|line| line.event == "resent" && line.detail.contains(&new.to_string()))
    );
    assert!(matches!(books.claim().await, Some(Work::File(file)) if file.id == new));
    let received = books.delivered_file("ORDER", Verdict::Positive).await;
    let refused = ledger.resend(received, again("X")).await;
    assert!(
        matches!(refused, Err(LedgerError::WrongState { .. })),
        "only what we send"
    );
}

async fn rows_are_found_by_partner_state_direction_and_name<B: BackEnd>() {
    let books = Books::<B>::new();
    let delivered = books.delivered_file("ORDER.1", Verdict::Positive).await;
    books.new_file("ORDER.2").await;
    let ready = books.queued_file("INVOIC").await;
    let find = |filter| books.ledger.find(filter, 10);
    let ids =
        |rows: Vec<pointsman_store::Transfer>| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    let any = Filter::default;
    let word = |text: &str| Some(text.to_owned());
    assert_eq!(find(any()).await.unwrap().len(), 3);
    assert_eq!(
        ids(find(Filter {
            states: State::called("delivered"),
            ..any()
        })
        .await
        .unwrap()),
        [delivered]
    );
    assert_eq!(
        ids(find(Filter {
            direction: Some(Direction::Outbound),
            ..any()
        })
        .await
        .unwrap()),
        [ready]
    );
    assert_eq!(
        find(Filter {
            name: word("ORDER*"),
            ..any()
        })
        .await
        .unwrap()
        .len(),
        2
    );
    assert_eq!(
        find(Filter {
            name: word("[A-Z]*"),
            ..any()
        })
        .await
        .unwrap()
        .len(),
        3
    );
    assert_eq!(
        find(Filter {
            name: word("[!A-Z]*"),
            ..any()
        })
        .await
        .unwrap()
        .len(),
        0
    );
    assert_eq!(
        find(Filter {
            name: word("ORDER"),
            ..any()
        })
        .await
        .unwrap()
        .len(),
        0
    );
    assert_eq!(
        find(Filter {
            partner: word("' OR 1=1"),
            ..any()
        })
        .await
        .unwrap()
        .len(),
        0
    );
    let both = Filter {
        name: word("ORDER.?"),
        states: State::called("receiving"),
        ..any()
    };
    assert_eq!(find(both).await.unwrap().len(), 1);
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

async fn what_waits_longest_goes_first_though_it_was_under_way_before<B: BackEnd>() {
    let books = Books::<B>::new();
    let ledger = &books.ledger;
    let (first, second) = (
        books.queued_file("FIRST").await,
        books.queued_file("SECOND").await,
    );
    let owed_first = books.delivered_file("OWED.1", Verdict::Positive).await;
    let owed_second = books.delivered_file("OWED.2", Verdict::Positive).await;
    // A session began with the first receipt and was stopped; the next one's program was killed.
    assert!(matches!(books.claim().await, Some(Work::Response(owed)) if owed.id == owed_first));
    let back = ledger.put_back(owed_first, SystemTime::now(), "stopped");
    back.await.unwrap();
    for expected in [owed_first, owed_second] {
        assert!(matches!(books.claim().await, Some(Work::Response(owed)) if owed.id == expected));
        ledger.response_taken(expected).await.unwrap();
    }
    assert!(matches!(books.claim().await, Some(Work::File(file)) if file.id == first));
    let freed = ledger.free(vec!["node/S1".to_owned()]).await.unwrap();
    assert_eq!(freed, 1);
    for expected in [first, second] {
        assert!(matches!(books.claim().await, Some(Work::File(file)) if file.id == expected));
    }
}

async fn what_ends_session_after_session_lets_others_go_first<B: BackEnd>() {
    let books = Books::<B>::new();
    let choking = books.new_file("CHOKES").await;
    let ledger = &books.ledger;
    let verdict = received(Verdict::Positive);
    ledger.received(&sealed(choking), verdict).await.unwrap();
    ledger.placing(choking, "in/CHOKES").await.unwrap();
    ledger.delivered(choking).await.unwrap();
    let breaking = books.queued_file("BREAKS").await;
    for _ in 0..2 {
        assert!(matches!(books.claim().await, Some(Work::Response(owed)) if owed.id == choking));
        assert!(matches!(books.claim().await, Some(Work::File(file)) if file.id == breaking));
        for id in [choking, breaking] {
            let back = ledger.put_back(id, SystemTime::now(), "connection lost");
            back.await.unwrap();
        }
    }
    let other = books.queued_file("OTHER").await;
    let mut order = Vec::new();
    while let Some(work) = books.claim().await {
        order.push(match work {
            Work::Response(owed) => owed.id,
            Work::File(file) => file.id,
        });
    }
    assert_eq!(order, [other, choking, breaking]);
}

/// The server and a `send` beside it may both remember a partner.
async fn of_each_kind_of_contact_the_last_one_is_remembered<B: BackEnd>() {
    let folder = TempDir::new().unwrap();
    let ledger = B::open(folder.path());
    let contact = |kind, seconds, words: &str| Contact {
        partner: "them".to_owned(),
        kind,
        at: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
        dialled: true,
        remote: "127.0.0.1:3305".to_owned(),
        words: words.to_owned(),
        stayed: (kind == ContactKind::Good).then(|| "a policy held all files back".to_owned()),
    };
    let (early, late) = (
        contact(ContactKind::Failure, 1, "early"),
        contact(ContactKind::Failure, 2, "late"),
    );
    let good = contact(ContactKind::Good, 1, "good");
    ledger.note_contacts(vec![late.clone()]).await.unwrap();
    ledger
        .note_contacts(vec![early, good.clone()])
        .await
        .unwrap();
    drop(ledger);
    let ledger = B::open(folder.path());
    assert_eq!(ledger.contacts().await.unwrap(), [late, good]);

    // A clock that was a day ahead says nothing of what came later.
    let now = SystemTime::now();
    let at = |kind, at| Contact {
        at,
        ..contact(kind, 0, "by the clock")
    };
    let tomorrow = now + Duration::from_secs(24 * 60 * 60);
    let failed = at(ContactKind::Failure, tomorrow);
    ledger.note_contacts(vec![failed]).await.unwrap();
    let good = at(ContactKind::Good, now);
    ledger.note_contacts(vec![good.clone()]).await.unwrap();
    let known = ledger.contacts().await.unwrap();
    let of = |kind| known.iter().find(|one| one.kind == kind).unwrap().at;
    assert!(
        of(ContactKind::Failure) < of(ContactKind::Good),
        "{known:?}"
    );
    let again = at(ContactKind::Failure, now + Duration::from_millis(1));
    ledger.note_contacts(vec![again.clone()]).await.unwrap();
    assert!(
        ledger
            .contacts()
            .await
            .unwrap()
            .iter()
            .any(|one| one.kind == again.kind && one.at >= now - Duration::from_millis(1))
    );
}

async fn a_start_is_told_which_partners_there_are_and_what_a_crash_may_have_left<B: BackEnd>() {
    let books = Books::<B>::new();
    assert!(books.ledger.partners().await.unwrap().is_empty());
    let half = books.new_file("HALF").await;
    let refused = books.new_file("REFUSED").await;
    let nerp = received(Verdict::Negative(Box::new(nerp("REFUSED"))));
    books.ledger.received(&sealed(refused), nerp).await.unwrap();
    books.delivered_file("DELIVERED", Verdict::Positive).await;
    for (name, partner) in [
        ("A", "us too"),
        ("B", "them"),
        ("C", "another"),
        ("D", "them"),
    ] {
        let mut file = to_send(TransferId::new(), name);
        file.partner = partner.to_owned();
        books.ledger.enqueue(file).await.unwrap();
    }
    let partners = books.ledger.partners().await.unwrap();
    assert_eq!(partners, ["another", "them", "us too"]);
    assert_eq!(books.ledger.unfinished().await.unwrap(), [half]);
    let removed = books
        .ledger
        .remark(refused, CONTENT_REMOVED, Note::default());
    removed.await.unwrap();
    assert_eq!(books.ledger.unfinished().await.unwrap(), [half, refused]);
}

async fn what_a_partner_says_again_and_again_does_not_fill_the_history<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.queued_file("ORDER").await;
    books.ledger.in_doubt(id).await.unwrap();
    books.ledger.sent(id, "EFPA").await.unwrap();
    let eerp = eerp("ORDER");
    books.ledger.acknowledged("them", &eerp, "").await.unwrap();
    let mut contrary = nerp("ORDER");
    let received = books.delivered_file("CAME", Verdict::Positive).await;
    for time in 0..200 {
        // Another text each time.
        contrary.text = format!("no good, for the {time}th time");
        let contrary = Response::Negative(contrary.clone());
        let again = books.ledger.acknowledged("them", &contrary, "").await;
        assert_eq!(*again.unwrap(), Acknowledgement::Repeated(id));
        let again = books.ledger.offer(offer("CAME")).await.unwrap();
        assert_eq!(again, Offered::Duplicate(received));
    }
    for id in [id, received] {
        let history = books.ledger.timeline(id).await.unwrap();
        assert!((40..70).contains(&history.len()), "{}", history.len());
        let last = &history.last().unwrap().detail;
        assert!(last.ends_with("is not written down any more"), "{last}");
    }
}

async fn a_file_that_goes_through_at_once_is_not_shown_as_broken_off_or_in_doubt<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.queued_file("ORDER").await;
    let shown = async || {
        let details = books.ledger.details(id).await.unwrap().unwrap();
        (details.attempts, details.breaks, details.in_doubt)
    };
    books.claim().await.unwrap();
    assert_eq!(shown().await, (1, 0, false), "in its first session");
    books.ledger.in_doubt(id).await.unwrap();
    assert_eq!(shown().await, (1, 0, true));
    books
        .ledger
        .put_back(id, SystemTime::now(), "lost")
        .await
        .unwrap();
    assert_eq!(shown().await, (1, 1, true), "it broke off");
    books.claim().await.unwrap();
    books.ledger.sent(id, "EFPA").await.unwrap();
    assert_eq!(shown().await, (2, 0, false), "it is sent");
}

async fn what_led_to_a_decision_is_kept_beside_its_sentence<B: BackEnd>() {
    let note = |text: &str, data: &str| Note {
        text: text.to_owned(),
        data: Some(data.to_owned()),
    };
    let books = Books::<B>::new();
    let ledger = &books.ledger;
    let offered = Offer {
        note: note("taken", r#"{"hook":"accept-file"}"#),
        ..offer("ORDER")
    };
    let Offered::New(id) = ledger.offer(offered).await.unwrap() else {
        panic!("it is new");
    };
    let later = Received {
        note: note("later", r#"{"hook":"end-transfer"}"#),
        ..received(Verdict::Later(Some(SystemTime::now())))
    };
    ledger.received(&sealed(id), later).await.unwrap();
    ledger.placing(id, "in/ORDER").await.unwrap();
    ledger.delivered(id).await.unwrap();
    let why = note("yes", r#"{"hook":"end-transfer","asked":1}"#);
    assert!(ledger.decided(id, Verdict::Positive, why).await.unwrap());
    let kept: Vec<_> = ledger.timeline(id).await.unwrap();
    let kept: Vec<_> = kept
        .iter()
        .map(|line| (line.event.as_str(), line.data.as_deref()))
        .collect();
    assert_eq!(
        kept,
        [
            ("offered", Some(r#"{"hook":"accept-file"}"#)),
            ("received", Some(r#"{"hook":"end-transfer"}"#)),
            ("placing", None),
            ("delivered", None),
            ("decided", Some(r#"{"hook":"end-transfer","asked":1}"#)),
        ]
    );
}
