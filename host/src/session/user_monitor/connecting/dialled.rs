//! Both ends agreed; where we dialled, the partner must be the one that we wanted.

use oftp::{Agreement, Session, SessionReason, Ssid};

use super::proof;
use super::session_refusal::SessionRefusal;
use super::terms;
use crate::config::Partner;
use crate::events::Event;
use crate::session::user_monitor::context::SessionContext;

/// The session is established. The error is why we ended it, for the operator.
pub(crate) async fn connected(
    context: &mut SessionContext,
    agreement: &Agreement,
    session: &mut Session,
) -> Result<(), String> {
    if context.wire.dialled
        && let Err(refused) = verify_dialled(context, agreement).await
    {
        return Err(abort(context, refused, session));
    }
    let secured = match &context.wire.tls {
        Some(facts) => format!("{} {}", facts.version, facts.cipher_suite),
        None => "without TLS".to_owned(),
    };
    let terms = format!(
        "OFTP {}, buffers of {} octets, credit {}, {secured}",
        agreement.level, agreement.buffer_size, agreement.credit
    );
    context.agreed(agreement, &terms);
    context.log(Event::Connected {
        session: context.talk(),
        terms,
    });
    Ok(())
}

/// Ends the session with a station that is not the one that we wanted. Returns why, for the operator.
pub(super) fn abort(
    context: &SessionContext,
    refused: SessionRefusal,
    session: &mut Session,
) -> String {
    let SessionRefusal { reason, text, .. } = refused;
    // What is wrong with a partner by its profile is ours to know.
    let told = match refused.is_by_policy {
        true => &text,
        false => reason.meaning(),
    };
    session.abort(reason, told);
    format!("dialled `{}`: {text}", context.partner())
}

/// Whether the station that we dialled is the one that we wanted, and the policies want it, too.
async fn verify_dialled(
    context: &mut SessionContext,
    agreement: &Agreement,
) -> Result<(), SessionRefusal> {
    let Some(profile) = context.profile().cloned() else {
        return Ok(());
    };
    let offer = &agreement.partner;
    is_the_one(context, &profile, offer)?;
    let mut connection = terms::facts(context, Some(&profile), offer, agreement.level);
    connection.authenticated = agreement.authentication;
    let granted = terms::ask(context, &connection).await?;
    terms::is_authenticated(&granted, agreement)?;
    context.log_case("SSID SSIDCODE", &offer.code, &profile.ssid);
    context.enter(profile, connection, granted);
    Ok(())
}

/// Whether a station that we dialled has shown that it is this partner.
pub(super) fn is_the_one(
    context: &SessionContext,
    profile: &Partner,
    offer: &Ssid,
) -> Result<(), SessionRefusal> {
    let code = &profile.ssid;
    if !profile.has_code(&offer.code) {
        let text = format!(
            "it calls itself `{}`, its profile says `{code}`",
            offer.code
        );
        return Err(SessionRefusal::new(SessionReason::UnknownUser, text));
    }
    if !profile.password.matches(&offer.password) {
        let text = "its password is not the one in its profile";
        return Err(SessionRefusal::new(SessionReason::InvalidPassword, text));
    }
    proof::check_certificate(context, profile)
}
