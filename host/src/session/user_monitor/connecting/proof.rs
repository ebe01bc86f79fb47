//! Whether a partner has shown that it is the one: lock-out, certificate, password, in that order.

use std::time::Instant;

use oftp::{SessionReason, Ssid};

use super::seats::SessionSeats;
use super::session_refusal::SessionRefusal;
use crate::config::Partner;
use crate::events::Event;
use crate::session::user_monitor::context::SessionContext;

/// Whether a caller has shown what the profile asks for. What is wrong with a certificate is said before anything is
/// said of the password: else one could be found out with the other.
pub(super) fn proves(
    context: &SessionContext,
    seats: &SessionSeats,
    profile: Option<&Partner>,
    offer: &Ssid,
) -> Result<(), SessionRefusal> {
    let profile = profile.ok_or_else(|| SessionRefusal::unknown(&context.plan))?;
    is_not_locked_out(context, seats, profile)?;
    check_certificate(context, profile)?;
    match profile.password.matches(&offer.password) {
        true => Ok(()),
        false => Err(SessionRefusal::wrong_password()),
    }
}

/// While a code is locked out nothing is compared, so nothing can be found out, and no call makes it longer. It is the
/// code of the profile that counts, whatever found the profile: the caller's code, or a policy.
fn is_not_locked_out(
    context: &SessionContext,
    seats: &SessionSeats,
    profile: &Partner,
) -> Result<(), SessionRefusal> {
    let Some(caller) = &seats.caller else {
        return Ok(());
    };
    let (guesses, code) = (&context.station.guesses, &profile.ssid);
    match guesses.is_locked_out(code, caller.origin(), Instant::now()) {
        true => Err(SessionRefusal::locked_out(&context.plan)),
        false => Ok(()),
    }
}

/// A partner with a certificate must show it, unless its profile lets it call without. A certificate that is known as
/// another partner's is not accepted for this one.
pub(super) fn check_certificate(
    context: &SessionContext,
    profile: &Partner,
) -> Result<(), SessionRefusal> {
    let (wire, certificates) = (&context.wire, &context.plan.certificates);
    let Some(shown) = wire.tls.as_ref().and_then(|facts| facts.peer.as_ref()) else {
        let needs_none =
            !profile.has_tls_certificate() || profile.calls_without_certificate || wire.dialled;
        return match needs_none {
            true => Ok(()),
            false => Err(SessionRefusal::certificate(
                "agreed for this SSID code was not shown",
            )),
        };
    };
    if let Some(other) = certificates.others(&profile.name, shown) {
        context.log(Event::CertificateOfAnother {
            session: context.talk(),
            known_as: other.to_owned(),
        });
        return Err(SessionRefusal::certificate("is another station's"));
    }
    // A partner that we dialled has shown one that TLS believed.
    if wire.dialled {
        return Ok(());
    }
    match certificates.is_partners(&profile.name, shown) {
        Ok(true) => Ok(()),
        Ok(false) => Err(SessionRefusal::certificate(
            "is not the one agreed for this SSID code",
        )),
        Err(error) => {
            context.log(Event::CertificateUnreadable {
                partner: profile.name.clone(),
                reason: error.to_string(),
            });
            let text = "no certificate can be compared at the moment, call again";
            Err(SessionRefusal {
                is_our_fault: true,
                ..SessionRefusal::new(SessionReason::Resources, text)
            })
        }
    }
}
