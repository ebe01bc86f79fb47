//! A session that we will not have.

use oftp::SessionReason;

use super::seats::{CROWDED, Crowded};
use crate::config::Plan;
use crate::events::Limit;

/// The text of the ESID to a caller whose password was wrong, or might have been.
const WRONG_PASSWORD: &str = "the password is not the agreed one";

/// The ESID, and what only the log has.
pub(super) struct SessionRefusal {
    pub reason: SessionReason,
    pub text: String,
    pub limit: Option<Limit>,
    /// Whether a password was compared, and was wrong.
    pub is_a_guess: bool,
    /// The true reason, where the caller gets less.
    pub truly: Option<String>,
    /// A policy wrote the text, for the partner.
    pub is_by_policy: bool,
    /// What is wrong is ours: the caller is not made to wait for it.
    pub is_our_fault: bool,
}

impl SessionRefusal {
    pub fn new(reason: SessionReason, text: impl Into<String>) -> Self {
        Self {
            reason,
            text: text.into(),
            limit: None,
            is_a_guess: false,
            truly: None,
            is_by_policy: false,
            is_our_fault: false,
        }
    }

    /// As many sessions as the limit allows are here.
    pub fn by_limit(limit: Limit) -> Self {
        let text = "too many sessions at the moment, call again";
        Self {
            limit: Some(limit),
            ..Self::new(SessionReason::Resources, text)
        }
    }

    /// No profile has that SSID code.
    pub fn unknown(plan: &Plan) -> Self {
        let text = "this SSID code is not known here";
        Self::new(SessionReason::UnknownUser, text).concealed(plan)
    }

    pub fn wrong_password() -> Self {
        Self {
            is_a_guess: true,
            ..Self::new(SessionReason::InvalidPassword, WRONG_PASSWORD)
        }
    }

    /// The code is locked out: the caller gets the same text as for a wrong password.
    pub fn locked_out(plan: &Plan) -> Self {
        let truly = "callers with this code are locked out from there for limits.lock_out";
        Self {
            truly: Some(truly.into()),
            limit: Some(Limit {
                key: "limits.guesses",
                most: plan.limits.guesses as usize,
            }),
            ..Self::new(SessionReason::InvalidPassword, WRONG_PASSWORD)
        }
    }

    /// Something is wrong with the caller's certificate.
    pub fn certificate(what: &str) -> Self {
        let text = format!("the TLS certificate {what}");
        Self::new(SessionReason::InvalidPassword, text)
    }

    /// With `limits.conceal_partners` every caller that is not identified gets the same text.
    pub fn concealed(self, plan: &Plan) -> Self {
        let reasons = [SessionReason::UnknownUser, SessionReason::InvalidPassword];
        if !plan.limits.conceal_partners || !reasons.contains(&self.reason) {
            return self;
        }
        let text = "SSID code and password are not known here";
        Self {
            reason: SessionReason::InvalidPassword,
            truly: self.truly.or(Some(self.text)),
            text: text.to_owned(),
            ..self
        }
    }

    /// The refusal as the log has it.
    pub fn sentence(&self) -> String {
        let (reason, known) = (&self.reason, self.truly.as_ref().unwrap_or(&self.text));
        let sentence = format!("ESID {:02} {}: {known}", reason.code(), reason.meaning());
        match &self.limit {
            Some(limit) => format!("{sentence} ({limit} is reached)"),
            None => sentence,
        }
    }
}

impl From<Crowded> for SessionRefusal {
    fn from(_: Crowded) -> Self {
        Self::new(SessionReason::Resources, CROWDED)
    }
}
