//! What the policies grant a session: `accept-connection` is asked, and the profile's parameters are made smaller.

use std::time::Duration;

use oftp::{Agreement, Level, Mode, OdetteId, Params, SessionReason, Ssid};
use pointsman_policy::{Decided, types};

use super::session_refusal::SessionRefusal;
use crate::config::{Partner, SessionAuthentication};
use crate::events::Event;
use crate::inbound::target::labelled;
use crate::policy::facts::{self as policy_facts, WireFacts};
use crate::security::tls::TlsFacts;
use crate::session::user_monitor::context::SessionContext;
use crate::session::wire::Wire;

/// What the policies are told of the connection.
pub(super) fn facts(
    context: &SessionContext,
    profile: Option<&Partner>,
    offer: &Ssid,
    level: Level,
) -> types::ConnectionInfo {
    let password_ok = profile.is_some_and(|known| known.password.matches(&offer.password));
    let name = profile.map(|known| known.name.as_str());
    let line = line(&context.wire);
    policy_facts::connection(&context.id, line, name, password_ok, offer, level.code())
}

/// The wire in the policies' words.
fn line(wire: &Wire) -> WireFacts {
    WireFacts {
        local: wire.local,
        remote: wire.remote,
        dialled: wire.dialled,
        tls: wire.tls.as_ref().map(tls),
    }
}

fn tls(facts: &TlsFacts) -> types::TlsInfo {
    types::TlsInfo {
        version: facts.version.clone(),
        cipher_suite: facts.cipher_suite.clone(),
        server_name: facts.server_name.clone(),
        peer: facts.peer.as_ref().map(|peer| types::Certificate {
            subject: peer.subject.clone(),
            issuer: peer.issuer.clone(),
            serial: peer.serial.clone(),
            sha256: peer.sha256.clone(),
            not_before: peer.not_before,
            not_after: peer.not_after,
            dns_names: peer.dns_names.clone(),
            trusted: true,
        }),
    }
}

/// What the policies say to a connection; all of them silent is no terms at all.
pub(super) async fn ask(
    context: &mut SessionContext,
    connection: &types::ConnectionInfo,
) -> Result<types::SessionTerms, SessionRefusal> {
    let answer = context.policies.accept_connection(connection).await;
    granted(context, &answer)
}

/// The terms that an answer grants.
pub(super) fn granted(
    context: &SessionContext,
    answer: &Decided<types::ConnectionDecision>,
) -> Result<types::SessionTerms, SessionRefusal> {
    let log = |sentence: &str| context.log_decision(None, answer, sentence);
    match &answer.decision {
        types::ConnectionDecision::Pass => {
            log("the profile decides");
            Ok(types::SessionTerms::default())
        }
        types::ConnectionDecision::Accept(terms) => {
            log(&format!("accepted{}", labelled(&terms.labels)));
            Ok(terms.clone())
        }
        types::ConnectionDecision::Refuse(no) => {
            log(&format!("refused with ESID {:02} {}", no.reason, no.text));
            let reason = SessionReason::from_code(no.reason);
            Err(SessionRefusal {
                is_by_policy: true,
                ..SessionRefusal::new(reason, no.text.clone())
            })
        }
    }
}

/// The profile's parameters, made smaller where the policies want it.
pub(super) fn narrow(
    context: &SessionContext,
    profile: &Partner,
    terms: &types::SessionTerms,
    offer: &Ssid,
) -> Result<Params, SessionRefusal> {
    let mut params = profile.params();
    if let Some(code) = &terms.ssid_code {
        params.code = ssid_code(context, code)?;
    }
    params.buffer_size = at_most(params.buffer_size, terms.buffer_size);
    params.credit = at_most(params.credit, terms.credit);
    params.level = terms.level.map_or(params.level, |level| {
        Level::at_most(level).min(params.level)
    });
    params.compression &= terms.compression.unwrap_or(true);
    params.restart &= terms.restart.unwrap_or(true);
    if let Some(seconds) = terms.idle_timeout {
        params.timeouts.idle = Duration::from_secs(seconds.into()).min(params.timeouts.idle);
    }
    params.mode = match terms.mode {
        Some(types::TransferMode::SendOnly) => narrower(params.mode, Mode::SendOnly)?,
        Some(types::TransferMode::ReceiveOnly) => narrower(params.mode, Mode::ReceiveOnly)?,
        Some(types::TransferMode::Both) | None => params.mode,
    };
    params.authentication = authentication(profile, terms, offer, params.level)?;
    Ok(params)
}

/// SSIDAUTH of our answer to a caller. A policy may ask for authentication where the profile allows it, and not do without
/// where the profile requires it.
fn authentication(
    profile: &Partner,
    terms: &types::SessionTerms,
    offer: &Ssid,
    level: Level,
) -> Result<bool, SessionRefusal> {
    let wanted = terms.secure_authentication;
    let offered = offer.authentication && level.min(Level::at_most(offer.level)) >= Level::V20;
    match profile.authentication {
        SessionAuthentication::Required => Ok(true),
        SessionAuthentication::Automatic => Ok(wanted.unwrap_or(offered)),
        SessionAuthentication::Disallowed if wanted == Some(true) => Err(not_authenticated(
            "a policy asks for session authentication, and the profile's `session.authentication` does not allow it",
        )),
        SessionAuthentication::Disallowed => Ok(false),
    }
}

/// What the policies want of a session that we dialled, and whose authentication is over.
pub(super) fn is_authenticated(
    terms: &types::SessionTerms,
    agreement: &Agreement,
) -> Result<(), SessionRefusal> {
    match terms.secure_authentication == Some(true) && !agreement.authentication {
        true => Err(not_authenticated(
            "a policy asks for session authentication, and this session has none",
        )),
        false => Ok(()),
    }
}

fn not_authenticated(text: &str) -> SessionRefusal {
    SessionRefusal::new(SessionReason::AuthenticationIncompatible, text)
}

fn at_most<T: Copy + Ord>(ours: T, wanted: Option<T>) -> T {
    ours.min(wanted.unwrap_or(ours))
}

/// The SSID code that a policy wants us to answer with.
fn ssid_code(context: &SessionContext, code: &str) -> Result<OdetteId, SessionRefusal> {
    OdetteId::new(code).map_err(|error| {
        context.log(Event::PolicyBadCode {
            session: context.talk(),
            reason: error.to_string(),
        });
        let text = "no answer could be decided, call again";
        SessionRefusal::new(SessionReason::Resources, text)
    })
}

/// What a policy wants must be within what the profile allows.
fn narrower(allowed: Mode, wanted: Mode) -> Result<Mode, SessionRefusal> {
    if allowed == Mode::Both || allowed == wanted {
        return Ok(wanted);
    }
    let text = "no files may go either way in this session";
    Err(SessionRefusal::new(SessionReason::Incompatible, text))
}
