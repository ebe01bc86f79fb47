//! Receipts that wait for a decision: who is asked when, and how often.

use std::time::{Duration, SystemTime};

use pointsman_store::{InboundState, Ledger, Question, ReceiptState, TransferId, Verdict};

use crate::books::{
    BackEnd, Books, Sqlite, eerp, nerp, offer, received, sealed, soon, virtual_counts,
};

stories! {
    sqlite: Sqlite;
    a_question_is_open_when_it_is_due_and_the_file_is_delivered,
    each_partner_has_its_share_of_the_questions,
    a_question_that_is_put_off_again_is_counted,
    the_command_that_takes_a_file_has_its_tries_counted_by_themselves,
    a_receipt_is_decided_once,
    a_receipt_that_somebody_else_made_is_the_one_that_is_given,
    what_the_clock_put_off_too_far_is_due_once_it_is_put_right,
}

fn ago(seconds: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(seconds)
}

impl<B: BackEnd> Books<B> {
    async fn open_questions(&self) -> Vec<TransferId> {
        let open = self.ledger.open_questions(10).await.unwrap();
        open.into_iter().map(|question| question.id).collect()
    }

    async fn question(&self, id: TransferId) -> Option<Question> {
        self.ledger.details(id).await.unwrap().unwrap().question
    }

    async fn decided(&self, id: TransferId, verdict: Verdict) -> bool {
        self.ledger
            .decided(id, verdict, "why".into())
            .await
            .unwrap()
    }
}

async fn a_question_is_open_when_it_is_due_and_the_file_is_delivered<B: BackEnd>() {
    let books = Books::<B>::new();
    let due = books
        .delivered_file("DUE", Verdict::Later(Some(ago(5))))
        .await;
    let later = books
        .delivered_file("LATER", Verdict::Later(Some(soon())))
        .await;
    let of_an_operator = books.delivered_file("OPERATOR", Verdict::Later(None)).await;
    let decided = books.delivered_file("DECIDED", Verdict::Positive).await;
    let early = books.new_file("EARLY").await;
    let verdict = Verdict::Later(Some(ago(9)));
    books
        .ledger
        .received(&sealed(early), received(verdict))
        .await
        .unwrap();
    assert_eq!(
        books.open_questions().await,
        [due],
        "one that is not delivered is not asked about"
    );
    let open = books.ledger.open_questions(10).await.unwrap();
    assert_eq!(open[0].counts, virtual_counts(), "as EFID said");
    for (id, asked) in [
        (due, true),
        (later, true),
        (of_an_operator, true),
        (decided, false),
    ] {
        assert_eq!(books.question(id).await.is_some(), asked);
        let receipt = books.ledger.show(id).await.unwrap().unwrap().receipt;
        assert_eq!(
            receipt.is_none(),
            asked,
            "none is owed while the question waits"
        );
    }
    assert_eq!(books.question(of_an_operator).await.unwrap().asked_at, None);
    books.ledger.placing(early, "in/EARLY").await.unwrap();
    books.ledger.delivered(early).await.unwrap();
    assert_eq!(
        books.open_questions().await,
        [early, due],
        "what waits longest is first"
    );
    let open = books.ledger.open_questions(10).await.unwrap();
    let [first, ..] = open.as_slice() else {
        panic!("two")
    };
    assert_eq!(
        (first.partner.as_str(), first.octets, first.path.as_str()),
        ("them", 5000, "in/EARLY")
    );
    assert_eq!(
        (first.digest.as_str(), first.asked, first.hand_over),
        ("d1", 1, false)
    );
    assert_eq!(first.counts, virtual_counts());
    assert_eq!(first.header.key, offer("EARLY").header.key);
}

async fn each_partner_has_its_share_of_the_questions<B: BackEnd>() {
    let books = Books::<B>::new();
    let mut of_them = Vec::new();
    for name in ["A", "B", "C"] {
        of_them.push(
            books
                .delivered_file(name, Verdict::Later(Some(ago(60))))
                .await,
        );
    }
    let mut of_others = offer("D");
    of_others.partner = "others".to_owned();
    let pointsman_store::Offered::New(other) = books.ledger.offer(of_others).await.unwrap() else {
        panic!("it is new")
    };
    let verdict = Verdict::Later(Some(ago(5)));
    books
        .ledger
        .received(&sealed(other), received(verdict))
        .await
        .unwrap();
    books.ledger.placing(other, "in/D").await.unwrap();
    books.ledger.delivered(other).await.unwrap();
    let asked = |of_partner| books.ledger.open_questions(of_partner);
    let ids = |open: Vec<pointsman_store::OpenQuestion>| -> Vec<_> {
        open.into_iter().map(|question| question.id).collect()
    };
    assert_eq!(ids(asked(1).await.unwrap()), [of_them[0], other]);
    assert_eq!(
        ids(asked(2).await.unwrap()),
        [of_them[0], of_them[1], other]
    );
    assert_eq!(ids(asked(9).await.unwrap()).len(), 4);
    assert!(asked(0).await.unwrap().is_empty());
}

async fn a_question_that_is_put_off_again_is_counted<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books
        .delivered_file("ORDER", Verdict::Later(Some(ago(5))))
        .await;
    for asked in 1..4 {
        assert_eq!(books.question(id).await.unwrap().asked, asked);
        assert_eq!(books.open_questions().await, [id]);
        assert!(books.decided(id, Verdict::Later(Some(ago(3)))).await);
    }
    let until = soon();
    assert!(books.decided(id, Verdict::Later(Some(until))).await);
    assert!(books.open_questions().await.is_empty());
    let asked_at = books.question(id).await.unwrap().asked_at.unwrap();
    assert!(until.duration_since(asked_at).unwrap() < Duration::from_secs(1));
    // It becomes an operator's, and is one that does not settle by itself.
    assert!(books.decided(id, Verdict::Later(None)).await);
    assert!(books.open_questions().await.is_empty());
    let unsettled = books.ledger.unsettled(10).await.unwrap();
    assert_eq!(unsettled.iter().map(|one| one.id).collect::<Vec<_>>(), [id]);
}

async fn the_command_that_takes_a_file_has_its_tries_counted_by_themselves<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books
        .delivered_file("ORDER", Verdict::Later(Some(ago(5))))
        .await;
    assert!(books.decided(id, Verdict::Later(Some(ago(4)))).await);
    assert_eq!(books.question(id).await.unwrap().asked, 2);
    for tries in 0..3 {
        assert!(books.decided(id, Verdict::HandOver(ago(3))).await);
        let question = books.question(id).await.unwrap();
        assert_eq!((question.asked, question.hand_over), (tries, true));
        let open = books.ledger.open_questions(9).await.unwrap();
        assert!(open.iter().all(|one| one.hand_over && one.asked == tries));
    }
}

async fn a_receipt_is_decided_once<B: BackEnd>() {
    let books = Books::<B>::new();
    let yes = books.delivered_file("YES", Verdict::Later(None)).await;
    let no = books.delivered_file("NO", Verdict::Later(None)).await;
    assert!(books.decided(yes, Verdict::Positive).await);
    assert!(
        books
            .decided(no, Verdict::Negative(Box::new(nerp("NO"))))
            .await
    );
    // What comes later changes nothing, be it the same or the contrary.
    for verdict in [Verdict::Positive, Verdict::Later(None)] {
        assert!(!books.decided(yes, verdict).await);
    }
    assert!(
        !books
            .decided(yes, Verdict::Negative(Box::new(nerp("YES"))))
            .await
    );
    let refused = books
        .ledger
        .decided(no, Verdict::Positive, "why".into())
        .await;
    assert!(refused.is_err(), "a rejected file has no question");
    assert_eq!(
        books_state(&books.ledger, yes).await,
        ("delivered", Some(ReceiptState::Owed))
    );
    let owed = books.ledger.receipt(yes).await.unwrap().unwrap();
    assert_eq!(owed, eerp("YES"));
}

async fn books_state<L: Ledger>(
    ledger: &L,
    id: TransferId,
) -> (&'static str, Option<ReceiptState>) {
    let shown = ledger.show(id).await.unwrap().unwrap();
    (shown.state.as_str(), shown.receipt)
}

async fn a_receipt_that_somebody_else_made_is_the_one_that_is_given<B: BackEnd>() {
    let books = Books::<B>::new();
    let signed = |dataset| {
        let oftp::Response::Positive(mut eerp) = eerp(dataset) else {
            panic!("it is positive")
        };
        (eerp.hash, eerp.signature) = (vec![1, 2], vec![3, 4, 5]);
        oftp::Response::Positive(eerp)
    };
    let id = books.delivered_file("ORDER", Verdict::Later(None)).await;
    books.ledger.forwarded(id, signed("ORDER")).await.unwrap();
    assert_eq!(
        books.ledger.receipt(id).await.unwrap(),
        Some(signed("ORDER"))
    );
    assert!(books.claim().await.is_some(), "it is owed");
    // It is decided: another one changes nothing.
    books.ledger.forwarded(id, eerp("ORDER")).await.unwrap();
    assert_eq!(
        books.ledger.receipt(id).await.unwrap(),
        Some(signed("ORDER"))
    );
    let refused = books.delivered_file("REFUSED", Verdict::Later(None)).await;
    let negative = oftp::Response::Negative(nerp("REFUSED"));
    books
        .ledger
        .forwarded(refused, negative.clone())
        .await
        .unwrap();
    assert_eq!(books.ledger.receipt(refused).await.unwrap(), Some(negative));
    assert_eq!(books.state(refused).await, InboundState::Rejected.into());
    let shown = books.ledger.show(refused).await.unwrap().unwrap();
    assert_eq!(shown.reason, Some("34 not usable".into()));
}

async fn what_the_clock_put_off_too_far_is_due_once_it_is_put_right<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books
        .delivered_file("ORDER", Verdict::Later(Some(soon())))
        .await;
    // The clock was right when it was written down: it waits, however often somebody starts.
    for _ in 0..2 {
        books.ledger.clock_put_back().await.unwrap();
        books.ledger.recover().await.unwrap();
        assert!(books.open_questions().await.is_empty());
    }
    assert!(books.decided(id, Verdict::Positive).await);
}
