//! What waits for a partner: who is worth a call, since when, and what is late.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use pointsman_store::{
    Backlog, Files, Ledger, Longest, Order, OutboundState, Verdict, Waiting, Work,
};

use crate::books::{BackEnd, Books, DAY, Sqlite, eerp, soon, to_send};

stories! {
    sqlite: Sqlite;
    a_partner_is_worth_a_call_for_what_is_due_and_in_nobody_s_hands,
    what_is_no_longer_to_be_sent_is_worth_no_call,
    a_receipt_is_worth_a_call_as_a_file_is,
    an_order_says_when_it_was_given,
    a_file_is_overdue_when_its_time_is_over_and_only_once,
    what_waits_for_a_partner_is_counted_by_what_it_waits_for,
    a_rest_longer_than_any_is_over,
    a_session_takes_the_files_it_may_and_no_others,
}

const MINUTE: Duration = Duration::from_secs(60);

/// What waits for that partner at that time, where no wait is longer than that.
async fn waits<B: BackEnd>(
    books: &Books<B>,
    partner: &str,
    longest: Longest,
    now: SystemTime,
) -> Option<Waiting> {
    let asked = vec![
        (partner.to_owned(), longest),
        ("nobody".to_owned(), longest),
    ];
    let mut waiting = books.ledger.waiting_for(asked, now).await.unwrap();
    assert!(!waiting.contains_key("nobody"));
    waiting.remove(partner)
}

fn in_a_minute() -> SystemTime {
    SystemTime::now() + MINUTE
}

fn close(one: SystemTime, other: SystemTime) -> bool {
    let apart = one
        .duration_since(other)
        .or_else(|_| other.duration_since(one));
    apart.unwrap() < Duration::from_secs(30)
}

async fn a_partner_is_worth_a_call_for_what_is_due_and_in_nobody_s_hands<B: BackEnd>() {
    let books = Books::<B>::new();
    let unknown = Longest::UNKNOWN;
    assert_eq!(waits(&books, "them", unknown, in_a_minute()).await, None);
    let id = books.queued_file("INVOIC").await;
    let found = waits(&books, "them", unknown, in_a_minute()).await.unwrap();
    assert!(close(found.since, SystemTime::now()) && close(found.oldest, SystemTime::now()));
    assert_eq!(found.ordered, None);
    assert_eq!(waits(&books, "others", unknown, in_a_minute()).await, None);

    assert!(books.claim().await.is_some());
    let in_session = waits(&books, "them", unknown, in_a_minute()).await;
    assert_eq!(in_session, None, "the session that has it sends it");

    let until = SystemTime::now() + 10 * MINUTE;
    books
        .ledger
        .put_back(id, until, "the line broke")
        .await
        .unwrap();
    assert_eq!(waits(&books, "them", unknown, until - MINUTE).await, None);
    let rested = waits(&books, "them", unknown, until + MINUTE)
        .await
        .unwrap();
    assert!(close(rested.since, until), "due since its rest is over");
    assert!(close(rested.oldest, SystemTime::now()));

    // A second file that is due at once makes the partner worth a call, whatever the first does.
    books.queued_file("ORDERS").await;
    let both = waits(&books, "them", unknown, in_a_minute()).await.unwrap();
    assert!(close(both.since, SystemTime::now()));
}

async fn what_is_no_longer_to_be_sent_is_worth_no_call<B: BackEnd>() {
    let books = Books::<B>::new();
    let held = books.queued_file("HELD").await;
    let parked = books.queued_file("PARKED").await;
    let cancelled = books.queued_file("CANCELLED").await;
    let sent = books.queued_file("SENT").await;
    for (id, order) in [(held, Order::Hold), (cancelled, Order::Cancel)] {
        books.ledger.order(id, order, "an operator").await.unwrap();
    }
    books.ledger.park(parked, "refused for good").await.unwrap();
    books.ledger.sent(sent, "EFPA").await.unwrap();
    let unknown = Longest::UNKNOWN;
    assert_eq!(waits(&books, "them", unknown, in_a_minute()).await, None);
    assert!(books.claim().await.is_none());
    assert!(books.ledger.outbound("them", 9).await.unwrap().is_empty());
    books
        .ledger
        .order(held, Order::Release, "go")
        .await
        .unwrap();
    assert!(
        waits(&books, "them", unknown, in_a_minute())
            .await
            .is_some()
    );
}

async fn a_receipt_is_worth_a_call_as_a_file_is<B: BackEnd>() {
    let books = Books::<B>::new();
    let unknown = Longest::UNKNOWN;
    let id = books.delivered_file("ORDERS", Verdict::Positive).await;
    let owed = waits(&books, "them", unknown, in_a_minute()).await.unwrap();
    assert!(close(owed.since, SystemTime::now()) && owed.ordered.is_none());
    assert!(matches!(books.claim().await, Some(Work::Response(one)) if one.id == id));
    assert_eq!(waits(&books, "them", unknown, in_a_minute()).await, None);

    let until = SystemTime::now() + 10 * MINUTE;
    books
        .ledger
        .put_back(id, until, "the line broke")
        .await
        .unwrap();
    assert_eq!(waits(&books, "them", unknown, in_a_minute()).await, None);
    // Each kind has its own longest wait: that of files says nothing of a receipt.
    let of_files = Longest {
        file: MINUTE,
        ..unknown
    };
    assert_eq!(waits(&books, "them", of_files, in_a_minute()).await, None);
    let of_receipts = Longest {
        receipt: MINUTE,
        ..unknown
    };
    let over = waits(&books, "them", of_receipts, SystemTime::now())
        .await
        .unwrap();
    assert_eq!(
        over.since,
        over.since.min(SystemTime::now()),
        "it is no time to come"
    );
    books.ledger.response_taken(id).await.unwrap();
    assert_eq!(waits(&books, "them", unknown, until + MINUTE).await, None);
}

async fn an_order_says_when_it_was_given<B: BackEnd>() {
    let books = Books::<B>::new();
    let unknown = Longest::UNKNOWN;
    let first = books.queued_file("FIRST").await;
    books
        .ledger
        .put_back(first, soon(), "the line broke")
        .await
        .unwrap();
    assert_eq!(waits(&books, "them", unknown, in_a_minute()).await, None);
    books
        .ledger
        .order(first, Order::SendNow, "now")
        .await
        .unwrap();
    let found = waits(&books, "them", unknown, in_a_minute()).await.unwrap();
    assert!(
        close(found.ordered.unwrap(), SystemTime::now()),
        "its rest is over"
    );
    assert!(close(found.since, SystemTime::now()));
    books.ledger.sent(first, "EFPA").await.unwrap();
    books.queued_file("SECOND").await;
    let found = waits(&books, "them", unknown, in_a_minute()).await.unwrap();
    assert_eq!(found.ordered, None, "nothing is ordered of what is left");
}

async fn a_file_is_overdue_when_its_time_is_over_and_only_once<B: BackEnd>() {
    let books = Books::<B>::new();
    let early = books.queued_file("EARLY").await;
    books.ledger.sent(early, "EFPA").await.unwrap();
    let answered = books.queued_file("ANSWERED").await;
    books.ledger.sent(answered, "EFPA").await.unwrap();
    let taken = books
        .ledger
        .acknowledged("them", &eerp("ANSWERED"), "")
        .await;
    taken.unwrap();
    let waiting = books.queued_file("WAITING").await;
    let hour = 60 * MINUTE;
    let late = |partner: &'static str, now| books.ledger.overdue(partner, hour, now);
    let now = SystemTime::now();
    assert!(late("them", now).await.unwrap().is_empty(), "in time");
    assert!(late("them", now + hour - MINUTE).await.unwrap().is_empty());
    assert!(late("others", now + 2 * hour).await.unwrap().is_empty());
    assert_eq!(late("them", now + 2 * hour).await.unwrap(), [early]);
    assert!(
        late("them", now + 3 * hour).await.unwrap().is_empty(),
        "said once"
    );
    assert_eq!(books.state(early).await, OutboundState::Overdue.into());
    assert_eq!(
        books.state(answered).await,
        OutboundState::Acknowledged.into()
    );
    assert_eq!(books.state(waiting).await, OutboundState::Ready.into());
    // It is still taken.
    let taken = books.ledger.acknowledged("them", &eerp("EARLY"), "").await;
    taken.unwrap();
    assert_eq!(books.state(early).await, OutboundState::Acknowledged.into());
}

async fn backlog_of<B: BackEnd>(books: &Books<B>, longest: BTreeMap<String, Duration>) -> Backlog {
    let mut all = books.ledger.backlog(longest).await.unwrap();
    all.remove("them").unwrap_or_default()
}

async fn what_waits_for_a_partner_is_counted_by_what_it_waits_for<B: BackEnd>() {
    let books = Books::<B>::new();
    let nothing = backlog_of(&books, BTreeMap::new()).await;
    assert_eq!(nothing, Backlog::default());
    let mut ids = Vec::new();
    for name in ["A", "B", "C", "D", "E", "F", "G"] {
        ids.push(books.queued_file(name).await);
    }
    let mut of_others = to_send(pointsman_store::TransferId::new(), "A");
    of_others.partner = "others".to_owned();
    books.ledger.enqueue(of_others).await.unwrap();
    let [in_session, backing_off, held, parked, sent, late, _free] = ids[..] else {
        panic!("seven")
    };
    let only = Files::Only(vec![in_session]);
    let claimed = books
        .ledger
        .claim("them", "node/S1", Longest::UNKNOWN, only)
        .await;
    assert!(claimed.unwrap().is_some());
    let until = soon();
    books
        .ledger
        .refused(backing_off, until, "not now")
        .await
        .unwrap();
    books.ledger.order(held, Order::Hold, "wait").await.unwrap();
    books.ledger.park(parked, "no").await.unwrap();
    books.ledger.sent(late, "EFPA").await.unwrap();
    let overdue = books
        .ledger
        .overdue("them", MINUTE, SystemTime::now() + 2 * MINUTE);
    assert_eq!(overdue.await.unwrap(), [late]);
    books.ledger.sent(sent, "EFPA").await.unwrap();
    books.delivered_file("OWED", Verdict::Positive).await;
    books.delivered_file("ASKED", Verdict::Later(None)).await;
    books
        .delivered_file("LATER", Verdict::Later(Some(soon())))
        .await;

    let found = backlog_of(&books, BTreeMap::new()).await;
    let numbers = [
        ("files", found.files, 5),
        ("octets", found.octets, 25_000),
        ("in session", found.in_session, 1),
        ("backing_off", found.backing_off, 1),
        ("held", found.held, 1),
        ("parked", found.parked, 1),
        ("owed", found.owed, 1),
        ("awaited", found.awaited, 1),
        ("overdue", found.overdue, 1),
        ("unanswered", found.unanswered, 1),
    ];
    for (what, found, expected) in numbers {
        assert_eq!(found, expected, "{what}");
    }
    assert!(close(found.backs_off_until.unwrap(), until));
    assert_eq!(found.reason.as_deref(), Some("not now"));
    for moment in [found.oldest, found.ready_since, found.overdue_since] {
        assert!(close(moment.unwrap(), SystemTime::now()));
    }
    let all = books.ledger.backlog(BTreeMap::new()).await.unwrap();
    assert_eq!((all["others"].files, all["others"].awaited), (1, 0));
}

/// It was written down while the clock was ahead.
async fn a_rest_longer_than_any_is_over<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.queued_file("INVOIC").await;
    books
        .ledger
        .refused(id, SystemTime::now() + DAY, "not now")
        .await
        .unwrap();
    let longest = |longest| BTreeMap::from([("them".to_owned(), longest)]);
    let backs_off = backlog_of(&books, longest(2 * DAY)).await;
    assert_eq!((backs_off.backing_off, backs_off.ready_since), (1, None));
    let over = backlog_of(&books, longest(MINUTE)).await;
    assert_eq!((over.backing_off, over.backs_off_until), (0, None));
    assert!(
        close(over.ready_since.unwrap(), SystemTime::now()),
        "since it was queued"
    );
    let bound = |file| Longest {
        file,
        ..Longest::UNKNOWN
    };
    let claim = |longest| books.ledger.claim("them", "node/S1", longest, Files::Any);
    assert!(claim(bound(2 * DAY)).await.unwrap().is_none());
    let claimed = claim(bound(MINUTE)).await.unwrap();
    assert!(matches!(claimed, Some(Work::File(file)) if file.id == id && file.refusals == 1));
}

async fn a_session_takes_the_files_it_may_and_no_others<B: BackEnd>() {
    let books = Books::<B>::new();
    let (first, second) = (
        books.queued_file("FIRST").await,
        books.queued_file("SECOND").await,
    );
    let claim = |files| {
        books
            .ledger
            .claim("them", "node/S1", Longest::UNKNOWN, files)
    };
    assert!(claim(Files::None).await.unwrap().is_none());
    assert!(claim(Files::Only(Vec::new())).await.unwrap().is_none());
    // In the order of the list, not of the queue; what is somebody's is passed over.
    let taken = claim(Files::Only(vec![second, first])).await.unwrap();
    assert!(matches!(taken, Some(Work::File(file)) if file.id == second));
    let taken = claim(Files::Only(vec![second, first])).await.unwrap();
    assert!(matches!(taken, Some(Work::File(file)) if file.id == first));
    assert!(
        claim(Files::Only(vec![second, first]))
            .await
            .unwrap()
            .is_none()
    );
    let of_others = books
        .ledger
        .claim("others", "node/S2", Longest::UNKNOWN, Files::Any);
    assert!(of_others.await.unwrap().is_none());
    let lessees = books.ledger.lessees().await.unwrap();
    assert_eq!(lessees, ["node/S1"]);
    let freed = books
        .ledger
        .free(vec!["node/S2".to_owned(), "node/S1".to_owned()]);
    assert_eq!(freed.await.unwrap(), 2);
    let receipt = books.delivered_file("OWED", Verdict::Positive).await;
    let taken = claim(Files::None).await.unwrap();
    assert!(matches!(taken, Some(Work::Response(owed)) if owed.id == receipt));
}
