//! Policies are asked about a file before it is read: whether it is queued, and what it is secured with.

use std::sync::Arc;

use oftp::CipherSuite;
use pointsman_cms::Suite;
use pointsman_policy::{Decided, Hook, types};
use pointsman_store::Note;

use super::queue_facts::{self, ToQueue};
use super::securing::not_agreed;
use super::send_as::QueueError;
use crate::config::{Label, Partner, SendServices, WantedServices};
use crate::events::Event;
use crate::policy::ask;
use crate::policy::facts;
use crate::station::Station;
use crate::station::in_force::Pinned;
use crate::station::services::Services;

/// How a file is queued.
pub(super) struct Terms {
    pub(super) services: SendServices,
    /// Those of its user, then those of policies.
    pub(super) labels: Vec<(String, String)>,
    /// What its history keeps of the decision.
    pub(super) note: Note,
    /// The policy that decided, where the services would be others without it.
    by: Option<String>,
}

impl Terms {
    /// The same error in the name of the policy that wants these services, if one does: an operator must know whom to ask.
    pub(super) fn blamed(&self, error: QueueError) -> QueueError {
        named(self.by.as_ref(), error)
    }
}

/// Asks the policies that belong to that plan.
///
/// # Errors
/// They do not want it to be queued, or not now; or what they want is not agreed with the partner.
pub(super) async fn terms(
    station: &Arc<Station>,
    pinned: &Pinned,
    file: ToQueue<'_>,
) -> Result<Terms, QueueError> {
    let usual = file.demanded.or(&file.profile.file_security.send);
    if !pinned.policies.asks(Hook::QueueFile) {
        return Ok(Terms {
            services: usual,
            labels: file.labels,
            note: Note::default(),
            by: None,
        });
    }
    let services = Arc::new(Services {
        station: Arc::clone(station),
        plan: Arc::clone(&pinned.in_force),
    });
    let facts = queue_facts::queued_file(&file);
    let answer = ask::queue_file(Arc::clone(&pinned.policies), services, &facts).await;
    let decided = decided(&file, &answer, usual);
    log(station, &file, &answer, &decided, &usual);
    decided
}

/// What the answer means for the file.
fn decided(
    file: &ToQueue<'_>,
    answer: &Decided<types::QueueDecision>,
    usual: SendServices,
) -> Result<Terms, QueueError> {
    let by = answer.decided_by.is_some().then(|| ask::by(answer));
    let terms = chosen(answer)?.map(|terms| as_agreed(file, terms));
    let terms = terms
        .transpose()
        .map_err(|error| named(by.as_ref(), error))?;
    let (services, labels) = terms.unwrap_or_else(|| (usual, file.labels.clone()));
    Ok(Terms {
        services,
        labels,
        note: ask::note(answer, &sentence(&services, &usual)),
        // What would be so without them is not their doing.
        by: by.filter(|_| services != usual),
    })
}

/// Logs what policies said; of a file that is not queued, and so has no history, with all that led to it.
fn log(
    station: &Station,
    file: &ToQueue<'_>,
    answer: &Decided<types::QueueDecision>,
    decided: &Result<Terms, QueueError>,
    usual: &SendServices,
) {
    let (decision, data) = match decided {
        Ok(_) if answer.decided_by.is_none() => return,
        Ok(terms) => (sentence(&terms.services, usual), None),
        Err(error) => (not_queued(error), ask::data_for_log(answer)),
    };
    let by = answer.decided_by.as_ref();
    station.events.emit(Event::Decided {
        session: None,
        partner: Some(file.profile.name.clone()),
        claims: None,
        remote: None,
        policy: by.map(|by| by.policy.clone()),
        transfer: Some(file.id),
        file: Some(file.key.to_string()),
        hook: answer.hook.name(),
        by: ask::by(answer),
        decision,
        data,
    });
}

/// Why a file is not queued, without the name of the policy.
fn not_queued(error: &QueueError) -> String {
    match error {
        QueueError::Refused { why, .. } => format!("not queued: {why}"),
        QueueError::PutOff { why, .. } => format!("not queued now: {why}"),
        QueueError::NotAsDecided { why, .. } => format!("not queued: {why}"),
        error => error.to_string(),
    }
}

/// What the policies chose; none where they had no opinion.
fn chosen(
    answer: &Decided<types::QueueDecision>,
) -> Result<Option<&types::QueueTerms>, QueueError> {
    let by = || ask::by(answer);
    match &answer.decision {
        types::QueueDecision::Pass => Ok(None),
        types::QueueDecision::Queue(terms) => Ok(Some(terms)),
        types::QueueDecision::Later(why) => Err(QueueError::PutOff {
            by: by(),
            why: with_failures(why, answer),
        }),
        types::QueueDecision::Refuse(why) => Err(QueueError::Refused {
            by: by(),
            why: with_failures(why, answer),
        }),
    }
}

/// A policy that failed has no reason of its own.
fn with_failures(why: &str, answer: &Decided<types::QueueDecision>) -> String {
    let failures: Vec<_> = answer.failures.iter().map(ToString::to_string).collect();
    match failures.is_empty() {
        true => why.to_owned(),
        false => format!("{why}: {}", failures.join("; ")),
    }
}

/// The services and labels of a file, as far as they are agreed with its partner.
fn as_agreed(
    file: &ToQueue<'_>,
    terms: &types::QueueTerms,
) -> Result<(SendServices, Vec<(String, String)>), QueueError> {
    let suite = terms.cipher_suite.map(|number| suite(file.profile, number));
    let wanted = WantedServices {
        plain: false,
        security: terms.security.map(facts::security),
        compress: terms.compressed,
        suite: suite.transpose()?,
        signed_receipt: terms.signed_response,
        lengths: None,
    };
    let services = file.demanded.and(&wanted);
    let labels = [&file.labels[..], &terms.labels].concat();
    if labels.len() > Label::MOST {
        return Err(QueueError::Labels(labels.len()));
    }
    Ok((services.or(&file.profile.file_security.send), labels))
}

/// A cipher suite that the partner's profile has.
fn suite(profile: &Partner, number: u8) -> Result<Suite, QueueError> {
    let wanted = CipherSuite::new(number).and_then(Suite::of);
    let agreed = wanted.filter(|wanted| profile.file_security.suites.contains(wanted));
    agreed.ok_or_else(|| not_agreed(profile, number))
}

fn named(by: Option<&String>, error: QueueError) -> QueueError {
    match by {
        None => error,
        Some(by) => QueueError::NotAsDecided {
            by: by.clone(),
            why: Box::new(error),
        },
    }
}

/// What is done with the file, and what would have been done with it by the profile and by what was demanded.
fn sentence(services: &SendServices, usual: &SendServices) -> String {
    match services == usual {
        true => services.to_string(),
        false => format!("{services} (without a policy: {usual})"),
    }
}
