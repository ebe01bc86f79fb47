//! Receipts that wait: for a policy that put them off, or for the command that takes the file.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oftp::{FileKey, FileReason, NerpReason};
use pointsman_policy::types;
use pointsman_store::{LedgerError, Note, OpenQuestion, TransferId, Verdict};
use tokio::sync::watch::Receiver;
use tokio::task::{self, JoinSet};

use crate::config::{HandOver, Plan};
use crate::events::Event;
use crate::inbound::asking;
use crate::inbound::hand_over::{self, CommandResult};
use crate::policy::ask;
use crate::policy::facts::{self, Finished, SecurityFacts};
use crate::station::Station;
use crate::station::drain::Drain;

/// How often the ledger is looked at for questions that are due.
const LOOK: Duration = Duration::from_secs(1);

/// Questions of one partner that are asked side by side: one whose command hangs keeps nobody else waiting.
const AT_ONCE: u32 = 8;

/// How long the file of a partner waits that the configuration does not name.
const UNKNOWN: Duration = Duration::from_secs(10 * 60);

/// Asks again what policies put off, and hands files over to commands, until the server closes down: what is
/// being asked then comes to its end.
pub async fn keep_asking(station: Arc<Station>, mut drain: Receiver<Drain>) {
    let mut asked = OpenAsking::default();
    let mut clock = SystemTime::now();
    station.questions.begin();
    loop {
        let before = std::mem::replace(&mut clock, SystemTime::now());
        if clock < before
            && let Err(error) = station.ledger.clock_put_back().await
        {
            let reason = error.to_string();
            station.events.emit(Event::QuestionsUnknown { reason });
            clock = before;
        }
        if let Err(error) = ask_due(&station, &mut asked).await {
            let reason = error.to_string();
            station.events.emit(Event::QuestionsUnknown { reason });
        }
        tokio::select! {
            () = asked.answered(&station) => {}
            () = station.questions.due() => {}
            () = tokio::time::sleep(LOOK) => {}
            _ = drain.wait_for(|drain| *drain != Drain::No) => break,
        }
    }
    station.questions.end();
    let patience = station.plan().limits.drain;
    // Who is cut off is asked again after the next start.
    let ended = async { while asked.tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(patience, ended).await;
}

/// The questions that are being asked.
#[derive(Default)]
struct OpenAsking {
    tasks: JoinSet<()>,
    /// The file that a task asks about, and its partner.
    files: HashMap<task::Id, (TransferId, String)>,
}

impl OpenAsking {
    /// Waits for an answer, for ever where nothing is asked.
    async fn answered(&mut self, station: &Station) {
        match self.tasks.join_next_with_id().await {
            Some(Ok((task, ()))) => drop(self.files.remove(&task)),
            Some(Err(lost)) => {
                let file = self.files.remove(&lost.id());
                station.events.emit(Event::QuestionFailed {
                    transfer: file.map(|(id, _)| id),
                    reason: lost.to_string(),
                });
            }
            None => std::future::pending().await,
        }
    }
}

async fn ask_due(station: &Arc<Station>, asked: &mut OpenAsking) -> Result<(), LedgerError> {
    for question in station.ledger.open_questions(AT_ONCE).await? {
        let id = question.id;
        let asked_now = asked.files.values();
        let busy = asked_now.filter(|(_, partner)| *partner == question.partner);
        let is_asked = asked.files.values().any(|(file, _)| *file == id);
        if busy.count() >= AT_ONCE as usize || is_asked {
            continue;
        }
        let partner = question.partner.clone();
        let station = Arc::clone(station);
        let task = asked.tasks.spawn(async move {
            if let Err(error) = ask(&station, &question).await {
                failed(&station, id, &error);
                // Not at once again: whatever failed needs a moment.
                tokio::time::sleep(LOOK).await;
            }
            station.questions.answered(id);
        });
        asked.files.insert(task.id(), (id, partner));
    }
    Ok(())
}

async fn ask(station: &Arc<Station>, question: &OpenQuestion) -> Result<(), LedgerError> {
    let session = station.session_id();
    let answered = if question.hand_over {
        hand_over(station, question).await
    } else {
        ask_policies(station, question, &session).await?
    };
    let (verdict, note) = (answered.verdict.clone(), answered.note.clone());
    if write_down(station, question.id, verdict, note).await? {
        // Policies are told of a session, and their own lines have it.
        let session = (!question.hand_over).then_some(session);
        log_answer(station, question, session, answered);
    } else {
        station.events.emit(Event::DecidedBefore {
            transfer: question.id,
            partner: question.partner.clone(),
            answer: answered.note.text,
        });
    }
    Ok(())
}

fn log_answer(
    station: &Station,
    question: &OpenQuestion,
    session: Option<String>,
    answered: AnsweredQuestion,
) {
    let (transfer, partner) = (question.id, question.partner.clone());
    let file = question.header.key.to_string();
    let waits_for_operator =
        matches!(answered.verdict, Verdict::Later(None)).then(|| Event::ReceiptWaits {
            session: session.clone(),
            transfer,
            partner: partner.clone(),
            file: file.clone(),
            reason: answered.note.text,
        });
    station.events.emit(Event::Decided {
        session,
        partner: Some(partner),
        claims: None,
        remote: None,
        policy: answered.policy,
        transfer: Some(transfer),
        file: Some(file),
        hook: answered.hook,
        by: answered.by,
        decision: answered.decision,
        data: None,
    });
    if let Some(event) = waits_for_operator {
        station.events.emit(event);
    }
}

fn failed(station: &Station, transfer: TransferId, error: &LedgerError) {
    station.events.emit(Event::QuestionFailed {
        transfer: Some(transfer),
        reason: error.to_string(),
    });
}

/// The answer is kept until the ledger can write it: nobody is asked twice for that.
async fn write_down(
    station: &Station,
    id: TransferId,
    verdict: Verdict,
    note: Note,
) -> Result<bool, LedgerError> {
    loop {
        match station
            .ledger
            .decided(id, verdict.clone(), note.clone())
            .await
        {
            Err(error @ (LedgerError::Database { .. } | LedgerError::Commit { .. })) => {
                failed(station, id, &error);
                tokio::time::sleep(LOOK).await;
            }
            other => return other,
        }
    }
}

/// What became of a question.
struct AnsweredQuestion {
    verdict: Verdict,
    hook: &'static str,
    /// The policy that decided, where one did.
    policy: Option<String>,
    by: String,
    decision: String,
    /// What the history of the file keeps of it.
    note: Note,
}

impl AnsweredQuestion {
    /// Of a file that a command is to take.
    fn of_hand_over(by: impl fmt::Display, verdict: Verdict, decision: String) -> Self {
        let hook = "hand-over";
        Self {
            verdict,
            hook,
            policy: None,
            note: Note::from(format!("{hook}: {by}: {decision}")),
            by: by.to_string(),
            decision,
        }
    }
}

async fn ask_policies(
    station: &Arc<Station>,
    question: &OpenQuestion,
    session: &str,
) -> Result<AnsweredQuestion, LedgerError> {
    let target = facts::target_of(&question.path);
    let history = station.ledger.timeline(question.id).await?;
    let security = SecurityFacts::in_history(&history);
    let took = question.offered.elapsed().unwrap_or_default();
    let whole = types::TransferOutcome::Completed;
    let done = Finished {
        counts: question.counts,
        digest: Some(&question.digest),
        asked: question.asked,
        can_refuse: Some(false),
        security: security.as_ref(),
        ..Finished::inbound(whole, &question.header, &target, &question.labels, took)
    };
    // One plan and its own policies, whatever is put in force meanwhile.
    let pinned = station.pin();
    let partner = &question.partner;
    let answer = asking::end_transfer(station, &pinned, session, partner, &done).await;
    let key = &question.header.key;
    let (verdict, decision) = verdict(&pinned, partner, key, &answer.decision);
    Ok(AnsweredQuestion {
        verdict,
        hook: answer.hook.name(),
        by: ask::by(&answer),
        note: ask::note(&answer, &decision),
        policy: answer.decided_by.map(|by| by.policy),
        decision,
    })
}

/// What an answer of the policies means for the receipt of a file that is here, and how the log says it.
#[must_use]
pub fn verdict(
    plan: &Plan,
    partner: &str,
    key: &FileKey,
    answer: &types::ResponseDecision,
) -> (Verdict, String) {
    match answer {
        types::ResponseDecision::Pass | types::ResponseDecision::Positive(_) => {
            positive(plan, partner)
        }
        types::ResponseDecision::Negative(no) => {
            negative(key, NerpReason::from_code(no.reason), &no.text)
        }
        // Of a question that is asked again: the partner has EFPA, and gets NERP instead of EFNA. At EFID `judge` refuses.
        types::ResponseDecision::Refuse(no) => {
            negative(key, FileReason::from_code(no.reason).into(), &no.text)
        }
        types::ResponseDecision::Later(seconds) => {
            (Verdict::Later(ask_again(*seconds)), waits(*seconds))
        }
    }
}

/// The file may be receipted: at once, or when the command has it where there is one.
#[must_use]
fn positive(plan: &Plan, partner: &str) -> (Verdict, String) {
    match &plan.delivery_of(partner).command {
        Some(command) => (
            Verdict::HandOver(SystemTime::now()),
            format!("EERP when {} has taken the file", command.program.display()),
        ),
        None => (Verdict::Positive, "EERP after delivery".to_owned()),
    }
}

async fn hand_over(station: &Arc<Station>, question: &OpenQuestion) -> AnsweredQuestion {
    let plan = station.plan();
    let partner = &question.partner;
    if !plan.partners.contains_key(partner) {
        let decision = format!("it does not name the partner {partner} any more: the file waits");
        let verdict = Verdict::HandOver(SystemTime::now() + UNKNOWN);
        return AnsweredQuestion::of_hand_over("the configuration", verdict, decision);
    }
    let Some(command) = plan.delivery_of(partner).command.clone() else {
        let decision = "EERP: no command takes files any more".to_owned();
        return AnsweredQuestion::of_hand_over("the configuration", Verdict::Positive, decision);
    };
    let path = station.inbox.join(&question.path);
    let result = hand_over::run(&command, question, &path, &plan.secret_variables).await;
    let (verdict, decision) = after_command(result, &command, question);
    AnsweredQuestion::of_hand_over(command.program.display(), verdict, decision)
}

/// What the end of the command means for the receipt, and how the log says it.
fn after_command(
    result: CommandResult,
    command: &HandOver,
    question: &OpenQuestion,
) -> (Verdict, String) {
    let tries = question.asked + 1;
    match result {
        CommandResult::Taken => (Verdict::Positive, "taken: EERP".to_owned()),
        CommandResult::Unusable(why) => {
            let reason = NerpReason::ProcessingFailed;
            let (verdict, decision) = negative(&question.header.key, reason, &why);
            (verdict, format!("unusable: {decision}"))
        }
        CommandResult::Failed(why) if tries >= command.tries => (
            Verdict::Later(None),
            format!("try {tries} failed: {why}; {}", waits(0)),
        ),
        CommandResult::Failed(why) => {
            let wait = hand_over::wait(tries);
            (
                Verdict::HandOver(SystemTime::now() + wait),
                format!("try {tries} failed: {why}; again in {} s", wait.as_secs()),
            )
        }
    }
}

/// When to ask again; none is an operator's decision.
#[must_use]
fn ask_again(seconds: u32) -> Option<SystemTime> {
    (seconds > 0).then(|| SystemTime::now() + Duration::from_secs(seconds.into()))
}

/// The same for the log.
#[must_use]
fn waits(seconds: u32) -> String {
    match seconds {
        0 => "the receipt waits for an operator: `pointsman transfers answer`".to_owned(),
        _ => format!("the receipt waits, and is asked for again in {seconds} seconds"),
    }
}

/// The verdict that the file was not used, and how the log says it.
#[must_use]
fn negative(key: &FileKey, reason: NerpReason, text: &str) -> (Verdict, String) {
    let said = format!("NERP {:02} {text}", reason.code());
    (Verdict::negative(key, reason, text.to_owned()), said)
}
