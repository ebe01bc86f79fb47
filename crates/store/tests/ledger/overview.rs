//! What an operator looks at: rows, their details, and their histories.

use std::time::{Duration, SystemTime};

use oftp::{FileHeader, Format};
use pointsman_store::{
    Direction, Files, Filter, Ledger, Longest, Note, Order, OutboundState, State, TransferId,
    Verdict, in_session,
};

use crate::books::{BackEnd, Books, Sqlite, at, eerp, key, offer, received, sealed, soon, to_send};

stories! {
    sqlite: Sqlite;
    the_newest_rows_come_first_and_no_more_than_were_asked_for,
    a_name_is_found_by_its_pattern,
    what_does_not_settle_by_itself_is_listed_the_oldest_first,
    a_transfer_is_found_by_either_end_of_its_id,
    details_say_what_the_row_of_a_received_file_does_not,
    details_of_a_file_to_send_follow_it,
    the_queue_is_listed_in_the_order_it_goes,
    a_history_has_its_lines_in_order_with_session_and_data,
    a_partner_that_repeats_itself_fills_no_history_but_its_own_event,
    a_remark_that_nobody_waits_for_stands_in_the_order_in_which_it_was_made,
}

async fn the_newest_rows_come_first_and_no_more_than_were_asked_for<B: BackEnd>() {
    let books = Books::<B>::new();
    let mut ids = Vec::new();
    for name in ["A", "B", "C", "D"] {
        ids.push(books.queued_file(name).await);
    }
    ids.reverse();
    let listed = async |limit| {
        let rows = books.ledger.list(limit).await.unwrap();
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(10).await, ids);
    assert_eq!(listed(2).await, ids[..2]);
    assert!(listed(0).await.is_empty());
    assert!(
        books
            .ledger
            .show(TransferId::new())
            .await
            .unwrap()
            .is_none()
    );
    assert!(books.ledger.row(TransferId::new()).await.unwrap().is_none());
    assert!(
        books
            .ledger
            .details(TransferId::new())
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        books
            .ledger
            .timeline(TransferId::new())
            .await
            .unwrap()
            .is_empty()
    );
    assert!(books.ledger.receipt(ids[0]).await.unwrap().is_none());
}

async fn a_name_is_found_by_its_pattern<B: BackEnd>() {
    let books = Books::<B>::new();
    for name in ["ORDER1", "ORDER2", "ORDERS", "INVOIC"] {
        books.queued_file(name).await;
    }
    for (pattern, found) in [
        ("*", 4),
        ("ORDER?", 3),
        ("ORDER", 0),
        ("order1", 0),
        ("ORDER[12]", 2),
        ("ORDER[!12]", 1),
        ("ORDER[0-9]", 2),
        ("[!O]*", 1),
        ("*[", 0),
        ("ORDER[1", 0),
    ] {
        let filter = Filter {
            name: Some(pattern.to_owned()),
            ..Filter::default()
        };
        let rows = books.ledger.find(filter, 10).await.unwrap();
        assert_eq!(rows.len(), found, "{pattern}");
    }
    let all_at_once = Filter {
        partner: Some("them".to_owned()),
        states: vec![
            State::Outbound(OutboundState::Ready),
            State::Outbound(OutboundState::Held),
        ],
        direction: Some(Direction::Outbound),
        name: Some("ORDER*".to_owned()),
    };
    assert_eq!(
        books
            .ledger
            .find(all_at_once.clone(), 10)
            .await
            .unwrap()
            .len(),
        3
    );
    for none in [
        Filter {
            partner: Some("others".to_owned()),
            ..all_at_once.clone()
        },
        Filter {
            states: vec![State::Outbound(OutboundState::Sent)],
            ..all_at_once.clone()
        },
        Filter {
            direction: Some(Direction::Inbound),
            ..all_at_once
        },
    ] {
        assert!(
            books
                .ledger
                .find(none.clone(), 10)
                .await
                .unwrap()
                .is_empty(),
            "{none:?}"
        );
    }
}

async fn what_does_not_settle_by_itself_is_listed_the_oldest_first<B: BackEnd>() {
    let books = Books::<B>::new();
    let held = books.queued_file("HELD").await;
    let parked = books.queued_file("PARKED").await;
    let late = books.queued_file("LATE").await;
    books.queued_file("READY").await;
    let cancelled = books.queued_file("CANCELLED").await;
    let here = books.new_file("HERE").await;
    let asked = books.delivered_file("ASKED", Verdict::Later(None)).await;
    books
        .delivered_file("LATER", Verdict::Later(Some(soon())))
        .await;
    books.delivered_file("DONE", Verdict::Positive).await;
    books.new_file("COMING").await;
    assert_eq!(
        books.ledger.unsettled(9).await.unwrap().len(),
        1,
        "the question alone"
    );
    books.ledger.order(held, Order::Hold, "wait").await.unwrap();
    books.ledger.park(parked, "no").await.unwrap();
    books
        .ledger
        .order(cancelled, Order::Cancel, "no")
        .await
        .unwrap();
    books.ledger.sent(late, "EFPA").await.unwrap();
    let now = SystemTime::now() + Duration::from_secs(7200);
    let overdue = books.ledger.overdue("them", Duration::from_secs(3600), now);
    assert_eq!(overdue.await.unwrap(), [late]);
    books
        .ledger
        .received(&sealed(here), received(Verdict::Positive))
        .await
        .unwrap();
    let listed = async |limit| {
        let rows = books.ledger.unsettled(limit).await.unwrap();
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(9).await, [held, parked, late, here, asked]);
    assert_eq!(listed(2).await, [held, parked]);
    let taken = books.ledger.acknowledged("them", &eerp("LATE"), "").await;
    taken.unwrap();
    books
        .ledger
        .order(held, Order::Release, "go")
        .await
        .unwrap();
    assert_eq!(listed(9).await, [parked, here, asked]);
}

async fn a_transfer_is_found_by_either_end_of_its_id<B: BackEnd>() {
    let books = Books::<B>::new();
    let (one, other) = (books.queued_file("A").await, books.queued_file("B").await);
    let text = one.to_string();
    let resembling = async |part: &str, limit| books.ledger.resembling(part, limit).await.unwrap();
    assert_eq!(resembling(&text, 9).await, [one]);
    assert_eq!(resembling(&text[text.len() - 8..], 9).await, [one]);
    // Made within the same seconds, they begin alike: the newest is first.
    assert_eq!(resembling(&text[..4], 9).await, [other, one]);
    assert_eq!(resembling(&text[..4], 1).await, [other]);
    assert!(resembling(&text[1..9], 9).await.is_empty(), "neither end");
    assert!(resembling("zz", 9).await.is_empty());
    let history = books.ledger.timeline(one).await.unwrap();
    assert_eq!(history.len(), 1);
}

async fn details_say_what_the_row_of_a_received_file_does_not<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.new_file("ORDER").await;
    books.ledger.checkpoint(id, at(4096, 3)).await.unwrap();
    let details = books.ledger.details(id).await.unwrap().unwrap();
    assert_eq!(details.position, at(4096, 3));
    assert_eq!(details.header, FileHeader::plain(key("ORDER"), 5000));
    assert_eq!(details.target, offer("ORDER").target);
    assert!(!details.confirmed && details.question.is_none() && details.holder.is_none());
    assert!(details.sent.is_none() && details.receipt_since.is_none());
    // The newest offer says what the file is and where it goes.
    let mut other = offer("ORDER");
    other.header.format = Format::Text;
    other.target.directory = "elsewhere".to_owned();
    books
        .ledger
        .begin(id, other.clone(), at(0, 0))
        .await
        .unwrap();
    let details = books.ledger.details(id).await.unwrap().unwrap();
    assert_eq!(
        (details.position, &details.target),
        (at(0, 0), &other.target)
    );
    assert_eq!(details.header.format, Format::Text);
    let mut whole = received(Verdict::Positive);
    whole.labels = vec![("department".to_owned(), "north".to_owned())];
    books
        .ledger
        .received(&sealed(id), whole.clone())
        .await
        .unwrap();
    books.ledger.placing(id, "in/ORDER").await.unwrap();
    books.ledger.delivered(id).await.unwrap();
    books.ledger.confirmed(id).await.unwrap();
    assert!(books.claim().await.is_some());
    let details = books.ledger.details(id).await.unwrap().unwrap();
    assert_eq!(
        (details.position.octets, &details.labels),
        (5000, &whole.labels)
    );
    assert!(details.confirmed && details.receipt_since.is_some());
    assert_eq!(details.receipt_tries, 1);
}

async fn details_of_a_file_to_send_follow_it<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.queued_file("INVOIC").await;
    let details = async || books.ledger.details(id).await.unwrap().unwrap();
    let fresh = details().await;
    assert_eq!(
        (fresh.attempts, fresh.refusals, fresh.breaks, fresh.in_doubt),
        (0, 0, 0, false)
    );
    assert_eq!(
        (fresh.holder, fresh.backs_off_until, fresh.sent),
        (None, None, None)
    );
    assert!(books.claim().await.is_some());
    let in_session = details().await;
    assert_eq!(in_session.holder.as_deref(), Some("node/S1"), "who has it");
    assert_eq!(
        (in_session.attempts, in_session.breaks),
        (1, 0),
        "it has not broken off"
    );
    books.ledger.in_doubt(id).await.unwrap();
    books
        .ledger
        .put_back(id, soon(), "the line broke")
        .await
        .unwrap();
    let broken = details().await;
    assert_eq!(
        (broken.breaks, broken.in_doubt, broken.refusals),
        (1, true, 0)
    );
    assert!(broken.backs_off_until.is_some() && broken.holder.is_none());
    books.ledger.refused(id, soon(), "not now").await.unwrap();
    let refused = details().await;
    assert_eq!((refused.breaks, refused.refusals), (0, 1));
    books.ledger.order(id, Order::SendNow, "now").await.unwrap();
    let urgent = details().await;
    assert_eq!((urgent.priority, urgent.backs_off_until), (9, None));
    books.ledger.sent(id, "EFPA").await.unwrap();
    let sent = details().await;
    assert!(
        sent.sent.is_some() && !sent.in_doubt,
        "nobody doubts it any more"
    );
}

async fn the_queue_is_listed_in_the_order_it_goes<B: BackEnd>() {
    let books = Books::<B>::new();
    let mut low = to_send(TransferId::new(), "LOW");
    low.priority = 1;
    let mut high = to_send(TransferId::new(), "HIGH");
    high.priority = 8;
    let mut of_others = to_send(TransferId::new(), "OTHER");
    of_others.partner = "others".to_owned();
    for file in [&low, &high, &of_others] {
        books.ledger.enqueue(file.clone()).await.unwrap();
    }
    let held = books.queued_file("HELD").await;
    books.ledger.order(held, Order::Hold, "wait").await.unwrap();
    let sent = books.queued_file("SENT").await;
    books.ledger.sent(sent, "EFPA").await.unwrap();
    books
        .ledger
        .put_back(low.id, soon(), "the line broke")
        .await
        .unwrap();
    let only = Files::Only(vec![high.id]);
    let claimed = books
        .ledger
        .claim("them", "node/S1", Longest::UNKNOWN, only)
        .await;
    assert!(claimed.unwrap().is_some());
    let queue = books.ledger.queue(None).await.unwrap();
    let ids: Vec<_> = queue.iter().map(|file| file.id).collect();
    assert_eq!(
        ids,
        [of_others.id, high.id, low.id, held],
        "by partner, and what is held last"
    );
    let of_them = books.ledger.queue(Some("them")).await.unwrap();
    let [first, second, third] = of_them.as_slice() else {
        panic!("{of_them:?}")
    };
    assert_eq!(
        (first.priority, first.in_session, first.attempts),
        (8, true, 1)
    );
    assert_eq!(
        (second.in_session, second.reason.as_deref()),
        (false, Some("the line broke"))
    );
    assert!(second.backs_off_until.is_some() && first.backs_off_until.is_none());
    assert_eq!(
        (third.state, third.reason.as_deref()),
        (OutboundState::Held, Some("wait"))
    );
    assert!(books.ledger.queue(Some("nobody")).await.unwrap().is_empty());
    let waiting = books.ledger.outbound("them", 9).await.unwrap();
    assert_eq!(
        waiting.iter().map(|file| file.id).collect::<Vec<_>>(),
        [high.id, low.id]
    );
    assert_eq!(books.ledger.outbound("them", 1).await.unwrap().len(), 1);
}

async fn a_history_has_its_lines_in_order_with_session_and_data<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.new_file("ORDER").await;
    let note = Note {
        text: "policy route: to the north".to_owned(),
        data: Some(r#"{"policy":"route"}"#.to_owned()),
    };
    let mut whole = received(Verdict::Positive);
    whole.note = note.clone();
    let proof = sealed(id);
    let receiving = books.ledger.received(&proof, whole);
    in_session("S7", 3, receiving).await.unwrap();
    books.ledger.placing(id, "in/ORDER").await.unwrap();
    books.ledger.placing(id, "in/ORDER").await.unwrap();
    books.ledger.delivered(id).await.unwrap();
    let history = books.ledger.timeline(id).await.unwrap();
    let events: Vec<_> = history.iter().map(|line| line.event.as_str()).collect();
    assert_eq!(
        events,
        ["offered", "received", "placing", "delivered"],
        "a repeated verb adds none"
    );
    assert!(history.windows(2).all(|two| two[0].at <= two[1].at));
    let sessions: Vec<_> = history.iter().map(|line| line.session.as_deref()).collect();
    assert_eq!(sessions, [Some("S1"), Some("S7"), None, None]);
    assert_eq!(history[1].data, note.data);
    assert!(
        history[1].detail.ends_with(&note.text),
        "{}",
        history[1].detail
    );
    assert_eq!(history[2].detail, "in/ORDER");
    // The generation of the policies of a session is said where a file is taken to be sent.
    let sending = books.queued_file("INVOIC").await;
    let claim = in_session("S8", 4, books.claim());
    assert!(claim.await.is_some());
    let only = Files::Only(vec![sending]);
    let claim = books
        .ledger
        .claim("them", "node/S8", Longest::UNKNOWN, only);
    in_session("S8", 4, claim).await.unwrap();
    let history = books.ledger.timeline(sending).await.unwrap();
    let line = history.iter().find(|line| line.event == "claimed").unwrap();
    assert_eq!(line.detail, "attempt 1, policies of generation 4");
    assert_eq!(line.session.as_deref(), Some("S8"));
}

async fn a_partner_that_repeats_itself_fills_no_history_but_its_own_event<B: BackEnd>() {
    let books = Books::<B>::new();
    let (id, other) = (books.new_file("ORDER").await, books.new_file("OTHER").await);
    for _ in 0..55 {
        books
            .ledger
            .remark(id, "noise", "again".into())
            .await
            .unwrap();
    }
    books
        .ledger
        .remark(id, "something-else", "once".into())
        .await
        .unwrap();
    books
        .ledger
        .remark(other, "noise", "again".into())
        .await
        .unwrap();
    let of = async |id| books.ledger.timeline(id).await.unwrap();
    let history = of(id).await;
    let noise: Vec<_> = history
        .iter()
        .filter(|line| line.event == "noise")
        .collect();
    assert_eq!(noise.len(), 50);
    assert_eq!(noise[48].detail, "again");
    assert!(
        noise[49].detail.starts_with("again; this may"),
        "{}",
        noise[49].detail
    );
    assert_eq!(history.last().unwrap().event, "something-else");
    assert_eq!(of(other).await.last().unwrap().detail, "again");
}

async fn a_remark_that_nobody_waits_for_stands_in_the_order_in_which_it_was_made<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.new_file("ORDER").await;
    for number in 0..20 {
        let (event, number) = (["end-transfer", "refused"][number % 2], number.to_string());
        let (ledger, note) = (&books.ledger, number.as_str().into());
        match event {
            "refused" => ledger.remark(id, event, note).await.unwrap(),
            _ => drop(ledger.remark_early(id, event, note).await.unwrap()),
        }
    }
    let history = books.ledger.timeline(id).await.unwrap();
    let numbers = history
        .iter()
        .filter_map(|line| line.detail.parse::<u32>().ok());
    assert_eq!(numbers.collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
}
