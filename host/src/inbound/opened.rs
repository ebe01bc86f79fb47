//! What becomes of a secured file that is opened, or cannot be: the policies are asked, its plain content is sealed, and its
//! row says what it means.

use std::sync::Arc;

use pointsman_cms::Certificate;
use pointsman_policy::{Decided, Hook, types};
use pointsman_store::contents::WholeContent;
use pointsman_store::transition::reached;
use pointsman_store::{
    LedgerError, Measure, NotOpened, Note, Opened, Sealed, SpoolError, Target, TransferId, Verdict,
};

use super::secured_file::SecuredFile;
use super::{asking, delivery, receipts, rejected, target};
use crate::config::FailedContent;
use crate::events::Event;
use crate::policy::ask;
use crate::policy::facts::{self, Finished, SecurityFacts, SignerFacts};
use crate::security::{OpenError, OpenedContent, ToldReason, found_in_words, hexadecimal};
use crate::station::Station;
use crate::station::in_force::Pinned;

/// The history line of a question that is about to be put to policies: a crash may come before its answer is written down.
const ASKED: &str = "asked";

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is delivered or rejected, and its receipt is owed or waits.
    Done,
    /// A command is to take it.
    HandedOver,
}

/// The plain content of a file.
#[derive(Debug)]
pub enum Plain {
    /// It can still be discarded.
    Whole(Box<dyn WholeContent>),
    /// It was sealed before a crash.
    Sealed(Sealed),
}

impl Plain {
    fn measure(&self) -> &Measure {
        match self {
            Self::Whole(content) => content.measure(),
            Self::Sealed(sealed) => sealed.measure(),
        }
    }

    async fn seal(self) -> Result<Sealed, SpoolError> {
        match self {
            Self::Whole(content) => content.seal_plain().await,
            Self::Sealed(sealed) => Ok(sealed),
        }
    }
}

/// What the policies' answer means for a file that is opened.
struct PlainJudgement {
    verdict: Verdict,
    target: Target,
    labels: Vec<(String, String)>,
    note: Note,
}

/// The file is opened: the policies are asked, the plain content is sealed, the row says so, and it is delivered; or its
/// NERP is owed.
///
/// # Errors
/// Something failed here: the file is opened again later.
pub async fn settle(
    station: &Arc<Station>,
    pinned: &Pinned,
    file: &SecuredFile,
    plain: Plain,
    found: &OpenedContent,
) -> Result<Outcome, OpenError> {
    let judged = judge(station, pinned, file, plain.measure(), found).await?;
    reached("opening.judged");
    let sealed = plain.seal().await?;
    let words = found_in_words(&found.found);
    let opened = Opened {
        plain: sealed.measure().clone(),
        counts: found.counts,
        wire_hash: file.hash_found(found),
        target: judged.target.clone(),
        verdict: judged.verdict.clone(),
        found: note_of(found),
        note: judged.note.clone(),
        labels: judged.labels,
        removal: rejected::removal_of(pinned.delivery_of(&file.partner)),
    };
    let removal = opened.removal;
    station.ledger.opened(&sealed, opened).await?;
    station.events.emit(Event::FileOpened {
        transfer: file.id,
        partner: file.partner.clone(),
        file: file.name(),
        octets: sealed.measure().octets,
        found: words,
    });
    match &judged.verdict {
        Verdict::Negative(_) => rejected::forget(station, &file.partner, file.id, removal).await,
        verdict => {
            log_waiting(station, file, verdict, judged.note.text);
            let undelivered = file.undelivered(judged.target);
            let delivering =
                delivery::start(Arc::clone(station), undelivered, Some(sealed.into_hold()));
            // A delivery that is lost is taken up again by the server.
            let _ = delivering.await;
            if matches!(verdict, Verdict::HandOver(_)) {
                return Ok(Outcome::HandedOver);
            }
        }
    }
    Ok(Outcome::Done)
}

/// The file cannot be opened, or lacks what is demanded: its NERP is owed.
///
/// # Errors
/// Something failed here: the file is opened again later.
pub async fn refuse(
    station: &Station,
    file: &SecuredFile,
    content: FailedContent,
    told: ToldReason,
    why: &OpenError,
) -> Result<Outcome, OpenError> {
    let wire_hash = file.hash(station).await?;
    // What exactly is wrong is for us alone.
    let text = told.nerp.meaning().to_owned();
    let Verdict::Negative(nerp) = Verdict::negative(&file.header.key, told.nerp, text) else {
        return Ok(Outcome::Done);
    };
    let reason = format!("{why}; NERP {}", told.nerp);
    let removes = content == FailedContent::Delete;
    let removal = removes.then_some("file_security.failed: delete");
    let failed = NotOpened {
        nerp,
        wire_hash,
        note: Note::from(reason.clone()),
        removal,
    };
    station.ledger.not_opened(file.id, failed).await?;
    station.events.emit(Event::FileNotOpened {
        transfer: file.id,
        partner: file.partner.clone(),
        file: file.name(),
        reason,
    });
    rejected::forget(station, &file.partner, file.id, removal).await;
    Ok(Outcome::Done)
}

/// Asks the policies what the file means.
async fn judge(
    station: &Arc<Station>,
    pinned: &Pinned,
    file: &SecuredFile,
    plain: &Measure,
    found: &OpenedContent,
) -> Result<PlainJudgement, LedgerError> {
    let security = facts_of(found);
    let took = file.offered.elapsed().unwrap_or_default();
    let whole = types::TransferOutcome::Completed;
    let done = Finished {
        counts: found.counts,
        digest: Some(&plain.digest),
        asked: note_question(station, pinned, file.id).await?,
        can_refuse: Some(false),
        security: Some(&security),
        ..Finished::inbound(whole, &file.header, &file.target, &file.labels, took)
    };
    let session = station.session_id();
    let answer = asking::end_transfer(station, pinned, &session, &file.partner, &done).await;
    let key = &file.header.key;
    let (verdict, sentence) = receipts::verdict(pinned, &file.partner, key, &answer.decision);
    let mut judged = PlainJudgement {
        verdict,
        target: file.target.clone(),
        labels: file.labels.clone(),
        note: Note::default(),
    };
    let mut sentence = sentence;
    if let types::ResponseDecision::Positive(terms) = &answer.decision {
        match target::moved(&file.header, &file.target, terms) {
            Ok(moved) => judged.target = moved,
            Err(bad) => sentence = format!("{sentence}, but it named a bad place: {bad}"),
        }
        judged.labels.extend(terms.labels.iter().cloned());
        let (path, labels) = (facts::path(&judged.target), target::labelled(&terms.labels));
        sentence = format!("{sentence}, to {path}{labels}");
    }
    log_decision(station, file, &session, &answer, &sentence);
    judged.note = ask::note(&answer, &sentence);
    Ok(judged)
}

/// How often the policies were asked about the file before; where there are some to ask, that they are asked once more is noted
/// first, since a crash may come before their answer counts.
async fn note_question(
    station: &Station,
    pinned: &Pinned,
    id: TransferId,
) -> Result<u32, LedgerError> {
    if !pinned.policies.asks(Hook::EndTransfer) {
        return Ok(0);
    }
    let history = station.ledger.timeline(id).await?;
    let asked = history.iter().filter(|line| line.event == ASKED).count();
    let generation = pinned.policies.number();
    let note = format!("end-transfer, generation {generation}");
    station.ledger.remark(id, ASKED, note.into()).await?;
    Ok(u32::try_from(asked).unwrap_or(u32::MAX))
}

fn log_decision(
    station: &Station,
    file: &SecuredFile,
    session: &str,
    answer: &Decided<types::ResponseDecision>,
    sentence: &str,
) {
    let Some(by) = &answer.decided_by else {
        return;
    };
    station.events.emit(Event::Decided {
        session: Some(session.to_owned()),
        partner: Some(file.partner.clone()),
        claims: None,
        remote: None,
        policy: Some(by.policy.clone()),
        transfer: Some(file.id),
        file: Some(file.name()),
        hook: answer.hook.name(),
        by: ask::by(answer),
        decision: sentence.to_owned(),
        data: None,
    });
}

fn log_waiting(station: &Station, file: &SecuredFile, verdict: &Verdict, reason: String) {
    if matches!(verdict, Verdict::Later(None)) {
        station.events.emit(Event::ReceiptWaits {
            session: None,
            transfer: file.id,
            partner: file.partner.clone(),
            file: file.name(),
            reason,
        });
    }
}

/// What the history keeps of what was found in a file: in words, and for policies that are asked again.
#[must_use]
pub fn note_of(opened: &OpenedContent) -> Note {
    Note {
        text: found_in_words(&opened.found),
        data: facts_of(opened).to_json(),
    }
}

/// What policies are told of a file that is opened.
#[must_use]
pub fn facts_of(opened: &OpenedContent) -> SecurityFacts {
    let signed = opened.found.signed.as_ref();
    let signers = signed.map(|layer| layer.signers.iter().map(signer).collect());
    SecurityFacts {
        secured_octets: opened.found.wire.octets,
        signers: signers.unwrap_or_default(),
    }
}

fn signer(certificate: &Certificate) -> SignerFacts {
    SignerFacts {
        subject: certificate.subject().to_owned(),
        serial: certificate.serial(),
        sha256: hexadecimal(certificate.fingerprint()),
    }
}
