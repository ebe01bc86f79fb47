//! What the end of a received file means: `end-transfer` is asked.

use oftp::{FileHeader, FileReason};
use pointsman_policy::types;
use pointsman_store::{Labels, Note, Target, Verdict};

use super::file_refusal::FileRefusal;
use crate::events::Event;
use crate::inbound::receipts;
use crate::inbound::target::{self, labelled};
use crate::policy::facts::{self, Finished};
use crate::session::user_monitor::context::SessionContext;
use crate::session::user_monitor::error::InternalError;

/// What becomes of a file whose octets are all here.
pub(super) enum Judgement {
    /// EFPA.
    Kept(Acceptance),
    /// EFNA, and what the ledger keeps of the decision.
    Refused(FileRefusal, Note),
}

/// How a file is kept.
pub(super) struct Acceptance {
    pub verdict: Verdict,
    pub target: Target,
    /// Whether EFPA asks for the turn.
    pub wants_turn: bool,
    /// What `end-transfer` says of the file, beside what `accept-file` said.
    pub labels: Labels,
    /// Which policy decided what, for the ledger.
    pub note: Note,
}

/// Asks the policies. `target` is the place that `accept-file` chose.
pub(super) async fn judge(
    context: &mut SessionContext,
    done: &Finished<'_>,
    target: &Target,
) -> Result<Judgement, InternalError> {
    let answer = context.policies.end_transfer(done).await?;
    let log = |sentence: &str| context.log_decision_of_file(&done.header.key, &answer, sentence);
    if let types::ResponseDecision::Refuse(no) = &answer.decision {
        let note = log(&format!("EFNA {:02} {}", no.reason, no.text));
        let refused = FileRefusal::for_good(FileReason::from_code(no.reason), no.text.clone());
        return Ok(Judgement::Refused(refused, note));
    }
    let key = &done.header.key;
    let (verdict, mut sentence) =
        receipts::verdict(&context.plan, context.partner(), key, &answer.decision);
    let mut kept = Acceptance {
        verdict,
        target: target.clone(),
        wants_turn: false,
        labels: Labels::new(),
        note: Note::default(),
    };
    if let types::ResponseDecision::Positive(terms) = &answer.decision {
        kept.target = moved(context, done.header, target, terms);
        kept.wants_turn = terms.request_turn.unwrap_or(false);
        kept.labels.clone_from(&terms.labels);
        let (path, labels) = (facts::path(&kept.target), labelled(&terms.labels));
        sentence = format!("{sentence}, to {path}{labels}");
    }
    kept.note = log(&sentence);
    Ok(Judgement::Kept(kept))
}

/// Where `end-transfer` wants the file; the place that `accept-file` chose, where that is none.
fn moved(
    context: &SessionContext,
    header: &FileHeader,
    chosen: &Target,
    terms: &types::ResponseTerms,
) -> Target {
    target::moved(header, chosen, terms).unwrap_or_else(|bad| {
        context.log(Event::PolicyBadName {
            session: context.talk(),
            reason: bad.to_string(),
        });
        chosen.clone()
    })
}
