//! Receipts that a policy put off: the question is asked again when it is due.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use oftp::{Counts, FileKey, Nerp, NerpReason};
use pointsman_policy::types;
use pointsman_store::{LedgerError, OpenQuestion, Verdict};

use crate::describe::{self, Finished};
use crate::events::Event;
use crate::partners::Profile;
use crate::station::{Services, Station};

/// How often the ledger is looked at for questions that are due.
const LOOK: Duration = Duration::from_secs(1);

/// Questions asked between two looks.
const AT_ONCE: u32 = 100;

/// Asks again what policies put off, for as long as the server runs.
pub async fn keep_asking(station: Arc<Station>) {
    loop {
        if let Err(error) = ask_due(&station).await {
            tracing::error!(event = "questions-unknown", %error);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn ask_due(station: &Arc<Station>) -> Result<(), LedgerError> {
    for question in station.ledger.open_questions(AT_ONCE).await? {
        if let Err(error) = ask(station, &question).await {
            tracing::error!(event = "question-failed", transfer = %question.id, %error);
        }
    }
    Ok(())
}

async fn ask(station: &Arc<Station>, question: &OpenQuestion) -> Result<(), LedgerError> {
    let began = Instant::now();
    let session = station.session_id();
    let target = describe::target_of(&question.path);
    let done = Finished {
        received: true,
        header: &question.header,
        outcome: types::TransferOutcome::Completed,
        target: Some(&target),
        counts: Counts {
            records: 0,
            octets: question.octets,
        },
        held: 0,
        digest: Some(&question.digest),
        took: began.elapsed(),
        labels: &[],
        asked: question.asked,
    };
    let profile = Profile::by_name(&station.config, &question.partner);
    let connection = describe::without_session(
        &session,
        &question.partner,
        profile.as_ref(),
        &station.config,
    );
    let services = Arc::new(Services(Arc::clone(station)));
    let mut policies = station
        .policies
        .current()
        .session(session.clone(), services);
    let answer = policies
        .end_transfer(&connection, &describe::transfer(&done), SystemTime::now())
        .await;
    let (verdict, decision) = match &answer.decision {
        types::ResponseDecision::Pass | types::ResponseDecision::Positive(_) => {
            (Verdict::Positive, "EERP".to_owned())
        }
        // EFNA is out of time: the partner has EFPA. What remains is to say that it was not used.
        types::ResponseDecision::Negative(no) | types::ResponseDecision::Refuse(no) => {
            let nerp = nerp(&question.header.key, no);
            (
                Verdict::Negative(Box::new(nerp)),
                format!("NERP {:02} {}", no.reason, no.text),
            )
        }
        types::ResponseDecision::Later(seconds) => {
            (Verdict::Later(ask_again(*seconds)), waits(*seconds))
        }
    };
    let by = answer.decided_by.map_or_else(
        || "none of them".to_owned(),
        |by| format!("{} (generation {})", by.policy, by.generation),
    );
    station
        .ledger
        .decided(question.id, verdict, &format!("policy {by}: {decision}"))
        .await?;
    station.events.tell(Event::Decided {
        session,
        hook: "end-transfer",
        by,
        decision,
    });
    Ok(())
}

/// When to ask again; none is an operator's decision.
#[must_use]
pub fn ask_again(seconds: u32) -> Option<SystemTime> {
    (seconds > 0).then(|| SystemTime::now() + Duration::from_secs(seconds.into()))
}

/// The same for the log.
#[must_use]
pub fn waits(seconds: u32) -> String {
    match seconds {
        0 => "the receipt waits for an operator: `pointsman transfers answer`".to_owned(),
        _ => format!("the receipt waits, and is asked for again in {seconds} seconds"),
    }
}

/// The NERP for a received file (RFC 5024, 5.3.14): made by its destination.
#[must_use]
pub fn nerp(key: &FileKey, refusal: &types::Refusal) -> Nerp {
    Nerp {
        key: key.clone(),
        creator: key.destination.clone(),
        reason: NerpReason::from_code(refusal.reason),
        text: refusal.text.clone(),
        hash: Vec::new(),
        signature: Vec::new(),
    }
}
