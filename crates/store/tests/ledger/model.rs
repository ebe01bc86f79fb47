//! Random verbs, and a small model that says where each must lead. `POINTSMAN_SEED` chooses the dice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use oftp::Response;
use pointsman_store::{
    Acknowledgement, Ledger, LedgerError, Order, ReceiptState, TransferId, Verdict,
};

use crate::books::{
    BackEnd, Books, Sqlite, eerp, nerp, not_opened, opened, received, received_secured, sealed,
    sealed_plain, soon,
};

stories! {
    sqlite: Sqlite;
    whatever_happens_in_whatever_order_the_ledger_is_where_the_model_is,
}

/// Where the model has a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Receiving,
    Opening,
    Received {
        waits: bool,
    },
    Placing {
        waits: bool,
    },
    /// Its receipt waits for a decision.
    Asked,
    Delivered {
        given: bool,
    },
    RefusedHere {
        given: bool,
    },
    Ready,
    Held,
    Parked,
    Cancelled,
    Sent,
    Acknowledged,
    RefusedThere,
}

use Place::{
    Acknowledged, Asked, Cancelled, Delivered, Held, Opening, Parked, Placing, Ready, Received,
    Receiving, RefusedHere, RefusedThere, Sent,
};

impl Place {
    /// The words of `transfers list`: the state, and that of the receipt.
    fn words(self) -> (&'static str, Option<ReceiptState>) {
        let ours = |given| {
            Some(if given {
                ReceiptState::Given
            } else {
                ReceiptState::Owed
            })
        };
        match self {
            Receiving => ("receiving", None),
            Opening => ("opening", None),
            Received { .. } => ("received", None),
            Placing { .. } => ("placing", None),
            Asked => ("delivered", None),
            Delivered { given } => ("delivered", ours(given)),
            RefusedHere { given } => ("rejected", ours(given)),
            Ready => ("ready", None),
            Held => ("held", None),
            Parked => ("parked", None),
            Cancelled => ("cancelled", None),
            Sent => ("sent", None),
            Acknowledged => ("acknowledged", Some(ReceiptState::Received)),
            RefusedThere => ("rejected", Some(ReceiptState::Received)),
        }
    }

    fn is_of_ours(self) -> bool {
        matches!(
            self,
            Ready | Held | Parked | Cancelled | Sent | Acknowledged | RefusedThere
        )
    }
}

/// A file as the model has it.
#[derive(Clone, Debug)]
struct Model {
    name: String,
    place: Place,
    /// An EFID of it left once.
    may_have: bool,
    /// It had to be opened.
    was_secured: bool,
}

/// What may happen to a file.
#[derive(Clone, Copy, Debug)]
enum Step {
    Whole,
    WholeAndAsked,
    WholeAndRefused,
    WholeAndSecured,
    Opened,
    OpenedAndAsked,
    OpenedAndRefused,
    NotOpened,
    Place,
    Deliver,
    DecideYes,
    DecideNo,
    AskAgain,
    Confirmed,
    Ordered(Order),
    Park,
    PutBack,
    Doubt,
    NotThere,
    Sent,
    Answered { positive: bool },
}

const STEPS: [Step; 25] = [
    Step::Whole,
    Step::WholeAndAsked,
    Step::WholeAndRefused,
    Step::WholeAndSecured,
    Step::Opened,
    Step::OpenedAndAsked,
    Step::OpenedAndRefused,
    Step::NotOpened,
    Step::Place,
    Step::Deliver,
    Step::DecideYes,
    Step::DecideNo,
    Step::AskAgain,
    Step::Confirmed,
    Step::Ordered(Order::Hold),
    Step::Ordered(Order::Release),
    Step::Ordered(Order::Park),
    Step::Ordered(Order::Cancel),
    Step::Park,
    Step::PutBack,
    Step::Doubt,
    Step::NotThere,
    Step::Sent,
    Step::Answered { positive: true },
    Step::Answered { positive: false },
];

/// Where the step leads from there; none where it is refused.
fn leads(model: &Model, step: Step) -> Option<Place> {
    let here = model.place;
    let to = match (step, here) {
        // Given once more, with the same content, it stays what it is.
        (Step::Whole | Step::WholeAndAsked | Step::WholeAndRefused, Received { .. }) => here,
        (Step::Whole, Receiving) => Received { waits: false },
        (Step::WholeAndAsked, Receiving) => Received { waits: true },
        (Step::WholeAndRefused, Receiving) => RefusedHere { given: false },
        (Step::WholeAndSecured, Receiving | Opening) => Opening,
        (Step::Opened, Opening) => Received { waits: false },
        (Step::OpenedAndAsked, Opening) => Received { waits: true },
        (Step::OpenedAndRefused | Step::NotOpened, Opening) => RefusedHere { given: false },
        (Step::Opened | Step::OpenedAndAsked | Step::OpenedAndRefused, Received { .. })
            if model.was_secured =>
        {
            here
        }
        (Step::Place, Received { waits } | Placing { waits }) => Placing { waits },
        (Step::Deliver, Placing { waits: true }) => Asked,
        (Step::Deliver, Placing { waits: false }) => Delivered { given: false },
        (Step::Deliver, Asked | Delivered { .. }) => here,
        (Step::DecideYes, Asked) => Delivered { given: false },
        (Step::DecideNo, Asked) => RefusedHere { given: false },
        (Step::DecideYes | Step::DecideNo | Step::AskAgain, Asked | Delivered { .. }) => here,
        (Step::Confirmed, Delivered { .. }) => Delivered { given: true },
        (Step::Confirmed, RefusedHere { .. }) => RefusedHere { given: true },
        (Step::Confirmed | Step::PutBack, _) => here,
        (Step::Ordered(Order::Hold), Ready | Held) => Held,
        (Step::Ordered(Order::Release), Ready | Held | Parked) => Ready,
        (Step::Ordered(Order::Park), Ready | Held | Parked) => Parked,
        (Step::Ordered(Order::Cancel), Ready | Held | Parked | Cancelled) => Cancelled,
        (Step::Park, Ready | Parked) => Parked,
        (Step::Doubt, Ready) => here,
        (Step::NotThere, _) if here.is_of_ours() => here,
        (Step::Sent, Ready | Held | Parked | Cancelled) => Sent,
        (Step::Sent, _) if here.is_of_ours() => here,
        (Step::Answered { .. }, Acknowledged | RefusedThere) => here,
        (Step::Answered { positive }, _)
            if here == Sent || (here.is_of_ours() && model.may_have) =>
        {
            if positive {
                Acknowledged
            } else {
                RefusedThere
            }
        }
        _ => return None,
    };
    Some(to)
}

/// Whether the ledger did it.
async fn done<L: Ledger>(ledger: &L, id: TransferId, name: &str, step: Step) -> bool {
    let outcome = match step {
        Step::Whole => ledger
            .received(&sealed(id), received(Verdict::Positive))
            .await
            .map(drop),
        Step::WholeAndAsked => {
            let asked = received(Verdict::Later(None));
            ledger.received(&sealed(id), asked).await.map(drop)
        }
        Step::WholeAndRefused => {
            let refused = received(Verdict::Negative(Box::new(nerp(name))));
            ledger.received(&sealed(id), refused).await.map(drop)
        }
        Step::WholeAndSecured => {
            let sealed = sealed(id);
            let done = ledger.received(&sealed, received_secured());
            done.await.map(drop)
        }
        Step::Opened => open(ledger, id, Verdict::Positive).await,
        Step::OpenedAndAsked => open(ledger, id, Verdict::Later(None)).await,
        Step::OpenedAndRefused => open(ledger, id, Verdict::Negative(Box::new(nerp(name)))).await,
        Step::NotOpened => ledger.not_opened(id, not_opened(name)).await,
        Step::Place => ledger.placing(id, "in/x").await,
        Step::Deliver => ledger.delivered(id).await,
        Step::DecideYes => decide(ledger, id, Verdict::Positive).await,
        Step::DecideNo => decide(ledger, id, Verdict::Negative(Box::new(nerp(name)))).await,
        Step::AskAgain => decide(ledger, id, Verdict::Later(Some(soon()))).await,
        Step::Confirmed => ledger.response_taken(id).await,
        Step::Ordered(order) => ledger.order(id, order, "why").await,
        Step::Park => ledger.park(id, "why").await,
        Step::PutBack => ledger.put_back(id, SystemTime::now(), "why").await,
        Step::Doubt => ledger.in_doubt(id).await.map(drop),
        Step::NotThere => ledger.not_there(id).await,
        Step::Sent => ledger.sent(id, "EFPA").await,
        Step::Answered { positive } => {
            let response = if positive {
                eerp(name)
            } else {
                Response::Negative(nerp(name))
            };
            match ledger.acknowledged("them", &response, "").await {
                Ok(known) if *known == Acknowledgement::Unknown => return false,
                known => known.map(drop),
            }
        }
    };
    match outcome {
        Ok(()) => true,
        Err(LedgerError::WrongState { .. }) => false,
        Err(error) => panic!("{step:?}: {error}"),
    }
}

async fn open<L: Ledger>(ledger: &L, id: TransferId, verdict: Verdict) -> Result<(), LedgerError> {
    ledger.opened(&sealed_plain(id), opened(verdict)).await
}

async fn decide<L: Ledger>(
    ledger: &L,
    id: TransferId,
    verdict: Verdict,
) -> Result<(), LedgerError> {
    ledger.decided(id, verdict, "why".into()).await.map(drop)
}

/// The next number of the dice.
fn next(dice: &mut u64) -> usize {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    usize::try_from(*dice >> 33).unwrap()
}

async fn whatever_happens_in_whatever_order_the_ledger_is_where_the_model_is<B: BackEnd>() {
    let chosen = std::env::var("POINTSMAN_SEED").ok();
    let seed = chosen.map_or(0x9e37_79b9_7f4a_7c15, |seed| seed.parse().unwrap());
    println!("POINTSMAN_SEED={seed}");
    let mut dice = seed;
    let books = Books::<B>::new();
    let mut models = BTreeMap::new();
    let (begin, mut steps, mut led) = (Instant::now(), 0_u32, 0_u32);
    while steps < 400 || (steps < 4000 && begin.elapsed() < Duration::from_millis(700)) {
        if models.len() < 12 {
            let name = format!("FILE{}", models.len());
            let (id, place) = match models.len() % 2 {
                0 => (books.new_file(&name).await, Receiving),
                _ => (books.queued_file(&name).await, Ready),
            };
            let may_have = false;
            models.insert(
                id,
                Model {
                    name,
                    place,
                    may_have,
                    was_secured: false,
                },
            );
            continue;
        }
        let id = *models.keys().nth(next(&mut dice) % models.len()).unwrap();
        let step = STEPS[next(&mut dice) % STEPS.len()];
        let model = models.get_mut(&id).unwrap();
        let told = format!("POINTSMAN_SEED={seed}, step {steps}: {step:?} of {model:?}");
        let is_for_it = !matches!(step, Step::Answered { .. }) || model.place.is_of_ours();
        if !is_for_it {
            continue;
        }
        let expected = leads(model, step);
        let was_done = done(&books.ledger, id, &model.name, step).await;
        assert_eq!(was_done, expected.is_some(), "{told}");
        if matches!(step, Step::Doubt) && was_done {
            model.may_have = true;
        }
        model.was_secured |= matches!(step, Step::WholeAndSecured) && was_done;
        model.place = expected.unwrap_or(model.place);
        led += u32::from(was_done);
        steps += 1;
        let shown = books.ledger.show(id).await.unwrap().unwrap();
        assert_eq!(
            (shown.state.as_str(), shown.receipt),
            model.place.words(),
            "{told}"
        );
        assert_eq!(
            shown.direction() == pointsman_store::Direction::Outbound,
            model.place.is_of_ours()
        );
        let is_at_its_end = matches!(
            model.place,
            Delivered { given: true } | RefusedHere { given: true } | Acknowledged | RefusedThere
        );
        if is_at_its_end && next(&mut dice).is_multiple_of(8) {
            // Another file takes its turn.
            agrees(&books, &models, &told).await;
            models.remove(&id);
            let name = format!("NEXT{steps}");
            let (id, place) = match steps % 2 {
                0 => (books.new_file(&name).await, Receiving),
                _ => (books.queued_file(&name).await, Ready),
            };
            models.insert(
                id,
                Model {
                    name,
                    place,
                    may_have: false,
                    was_secured: false,
                },
            );
        }
    }
    assert!(led > steps / 8, "{led} of {steps} steps led anywhere");
    agrees(&books, &models, "at the end").await;
}

/// What is counted of the files is what the model counts; other files are at their end.
async fn agrees<B: BackEnd>(books: &Books<B>, models: &BTreeMap<TransferId, Model>, told: &str) {
    let count = |is: fn(Place) -> bool| models.values().filter(|one| is(one.place)).count() as u64;
    let found = books.ledger.recover().await.unwrap();
    let owes = |place| {
        matches!(
            place,
            Delivered { given: false } | RefusedHere { given: false }
        )
    };
    assert_eq!(found.receiving, count(|place| place == Receiving), "{told}");
    assert_eq!(found.unopened, count(|place| place == Opening), "{told}");
    let unopened = books.ledger.unopened_after(None, 99).await.unwrap();
    assert_eq!(unopened.len() as u64, found.unopened, "{told}");
    assert_eq!(
        found.undelivered,
        count(|place| matches!(place, Received { .. } | Placing { .. })),
        "{told}"
    );
    assert_eq!(found.owed, count(owes), "{told}");
    assert_eq!(found.ready, count(|place| place == Ready), "{told}");
    let undelivered = books.ledger.undelivered_after(None, 99).await.unwrap();
    assert_eq!(undelivered.len() as u64, found.undelivered, "{told}");
    let queue = books.ledger.queue(Some("them")).await.unwrap();
    let queued = count(|place| matches!(place, Ready | Held | Parked));
    assert_eq!(queue.len() as u64, queued, "{told}");
}
