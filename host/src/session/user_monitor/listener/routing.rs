//! Where an offered file goes, and how its records are kept: `accept-file` is asked.

use oftp::{FileHeader, FileReason, Format, RecordLayout};
use pointsman_naming::names;
use pointsman_policy::types;
use pointsman_store::{Note, Target};

use super::file_refusal::{FileRefusal, Stop};
use crate::inbound::delivery;
use crate::inbound::target::{self, labelled};
use crate::policy::facts;
use crate::security::{announced, is_to_be_opened};
use crate::session::user_monitor::context::SessionContext;
use crate::session::user_monitor::error::InternalError;

/// What the policies said about a file that we take.
pub(super) struct Route {
    pub target: Target,
    /// How its records are kept; none where records do not count.
    pub layout: Option<RecordLayout>,
    /// The highest restart position to answer, if not as far as we have it.
    pub restart: Option<u64>,
    pub labels: Vec<(String, String)>,
    /// Which policy decided, for the ledger.
    pub note: Note,
}

pub(super) async fn route(
    context: &mut SessionContext,
    header: &FileHeader,
) -> Result<Route, Stop> {
    let asking = context.policies.accept_file(header);
    // An error means that there is no connection to ask about. A policy that failed has its answer: `Decision::on_failure`.
    let answer = asking.await.map_err(InternalError::from)?;
    // A file that is refused has no row.
    let log = |sentence: &str| context.log_decision(Some(&header.key), &answer, sentence);
    let terms = accepted(&answer.decision).inspect_err(|refused| {
        let (code, text) = (refused.reason.code(), &refused.text);
        log(&format!("refused with SFNA {code:02} {text}"));
    })?;
    let target = target(context, header, &terms).map_err(|bad| {
        log(&format!("not usable: {bad}"));
        let text = "no place could be decided for this file";
        FileRefusal::for_now(FileReason::AccessMethod, text)
    })?;
    let layout = layout(context, header, terms.record_layout).map_err(|unfit| {
        let what = format!("records of this file cannot be kept {unfit}");
        log(&format!("not usable: {what}"));
        FileRefusal::for_good(FileReason::RecordLength, what)
    })?;
    // To refuse what is there is the policy's wish; without one the new file gets a number.
    if terms.overwrite == Some(false) && is_taken(context, &target).await {
        let text = format!("a file of the name {} is there", target.file_name);
        log(&format!("refused with SFNA 12: {text}"));
        // Not 13 (duplicate): the name is taken by another file.
        return Err(FileRefusal::for_good(FileReason::AccessMethod, text).into());
    }
    log_unsigned(context, header);
    let (path, labels) = (facts::path(&target), labelled(&terms.labels));
    let sentence = format!("accepted, to {path}{labels}");
    Ok(Route {
        target,
        layout,
        restart: terms.restart,
        note: context.log_decision_of_file(&header.key, &answer, &sentence),
        labels: terms.labels,
    })
}

/// Whether something has the file's name by now. Where that cannot be seen, its delivery will.
async fn is_taken(context: &SessionContext, target: &Target) -> bool {
    let path = facts::path(target);
    let taken = delivery::is_taken(&context.station, &path).await;
    taken.unwrap_or_default()
}

fn accepted(decision: &types::FileDecision) -> Result<types::FileTerms, FileRefusal> {
    match decision {
        types::FileDecision::Pass => Ok(types::FileTerms::default()),
        types::FileDecision::Accept(terms) => Ok(terms.clone()),
        types::FileDecision::Refuse(no) => Err(FileRefusal {
            retry: no.retry,
            ..FileRefusal::for_good(FileReason::from_code(no.reason), no.text.clone())
        }),
    }
}

/// The receipt will not be what its partner asks for.
fn log_unsigned(context: &SessionContext, header: &FileHeader) {
    let keyring = context.plan.keyring();
    let is_signed = context
        .profile()
        .is_some_and(|profile| announced::can_sign_receipt(keyring, profile, header));
    if header.signed_receipt && !is_signed {
        context.log_tolerated(format!(
            "SFID of {}: SFIDSIGN asks for a signed receipt, and it gets one without a signature (unsigned_receipts)",
            header.key
        ));
    }
}

/// The place in the inbox: as the policies say, else as the profile does.
fn target(
    context: &SessionContext,
    header: &FileHeader,
    terms: &types::FileTerms,
) -> Result<Target, names::BadName> {
    let granted = context.grants().directory.as_deref();
    let profile = context.profile();
    let folder = profile.map(|own| own.inbox_folder.clone());
    let name = names::local_name(
        &folder.unwrap_or_default(),
        header,
        terms.directory.as_deref().or(granted),
        terms.file_name.as_deref(),
        context.delivery().name.as_ref(),
    )?;
    Ok(target::named(name, terms.overwrite.unwrap_or(false)))
}

/// How the records of a file are kept: as the policies say, else as the profile does. The error is a layout that does not
/// suit the file.
fn layout(
    context: &SessionContext,
    header: &FileHeader,
    wanted: Option<types::RecordLayout>,
) -> Result<Option<RecordLayout>, RecordLayout> {
    let profile = context.profile();
    // Those of a secured file count when it is opened.
    if !header.goes_in_records() && !has_records_inside(header) {
        let ends_lines = profile.is_some_and(|profile| profile.text_line_ends);
        let is_text = header.format == Format::Text && !header.is_secured();
        return Ok((is_text && ends_lines).then_some(RecordLayout::Lines));
    }
    let of_profile = profile.and_then(|profile| profile.record_layout(header.format));
    let layout = wanted
        .map(facts::record_layout)
        .or(of_profile)
        .unwrap_or(RecordLayout::LengthPrefixed);
    if layout.suits(header.format) {
        Ok(Some(layout))
    } else {
        Err(layout)
    }
}

/// Whether the file has records once it is opened (RFC 5024, 6.5).
fn has_records_inside(header: &FileHeader) -> bool {
    let has_records = matches!(header.format, Format::Fixed(_) | Format::Variable(_));
    has_records && is_to_be_opened(header)
}
