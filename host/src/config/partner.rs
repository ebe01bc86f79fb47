//! What a partner of the plan is known by, and what it may say.

use std::sync::Arc;
use std::time::Duration;

use oftp::{Format, OdetteId, Params, RecordLayout};
use pointsman_store::Longest;

use super::plan::{Partner, Plan};

/// How long a receipt can wait at most. A ledger of an earlier version may have receipts that wait for so long, since
/// the partner's level had no NERP; a longer wait was written while the clock was ahead.
const LONGEST_RECEIPT_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

impl Plan {
    /// The partner with this SSID code. Where there is none, the only one whose code differs in case alone, if that is
    /// tolerated from this partner.
    #[must_use]
    pub fn partner_by_ssid(&self, ssid: &OdetteId) -> Option<Arc<Partner>> {
        let mut partners = self.partners.values();
        if let Some(exact) = partners.find(|partner| partner.ssid == *ssid) {
            return Some(Arc::clone(exact));
        }
        let partners = self.partners.values();
        let mut nearly = partners.filter(|partner| is_in_any_case(&partner.ssid, ssid));
        let found = nearly.next()?;
        (nearly.next().is_none() && found.forgives_case()).then(|| Arc::clone(found))
    }

    /// Our code that equals `code`, whatever its case if that is tolerated; none if files for it are not for us.
    #[must_use]
    pub fn own_code(&self, code: &OdetteId, any_case: bool) -> Option<&OdetteId> {
        among(&self.ours.ssid, &self.ours.sfids, code, any_case)
    }

    /// The originator of files that we send: the one that is wanted, or our first.
    ///
    /// # Errors
    /// The wanted one is neither the station's `ssid` nor among its `sfids`.
    pub fn originator(&self, wanted: Option<&OdetteId>) -> Result<OdetteId, UnknownStation> {
        let whose = "of ours (`station.ssid` and `station.sfids`)";
        chosen(&self.ours.ssid, &self.ours.sfids, wanted, whose)
    }
}

impl Partner {
    /// Whether its profile names a certificate for TLS, which it must show then.
    #[must_use]
    pub fn has_tls_certificate(&self) -> bool {
        self.certificate.is_some() || self.certificates.iter().any(|one| one.uses.are_of_tls())
    }

    /// Whether this is its SSID code, whatever its case if that is tolerated.
    #[must_use]
    pub fn has_code(&self, ssid: &OdetteId) -> bool {
        self.ssid == *ssid || (self.forgives_case() && is_in_any_case(&self.ssid, ssid))
    }

    /// Whether Odette IDs in another case than was agreed are tolerated from it.
    #[must_use]
    pub fn forgives_case(&self) -> bool {
        self.offer.tolerances.odette_id_case
    }

    /// What we offer it in SSID (RFC 5.3.2).
    #[must_use]
    pub fn params(&self) -> Params {
        self.offer.clone()
    }

    /// Whether the server calls it by itself.
    #[must_use]
    pub fn is_called(&self) -> bool {
        let calls = &self.calls;
        self.address.is_some() && (calls.queued || calls.every.is_some() || !calls.at.is_empty())
    }

    /// How the records of files of this format are stored in local files; none for a format without records.
    #[must_use]
    pub fn record_layout(&self, format: Format) -> Option<RecordLayout> {
        match format {
            Format::Fixed(_) => Some(self.fixed_records),
            Format::Variable(_) => Some(self.variable_records),
            Format::Unstructured | Format::Text => None,
        }
    }

    /// How long files and receipts for it can wait.
    #[must_use]
    pub fn longest(&self) -> Longest {
        Longest {
            file: self.retry.refused.longest(),
            receipt: LONGEST_RECEIPT_WAIT,
        }
    }

    /// The code that its files may name as originator and that equals `code`, whatever its case if that is tolerated.
    #[must_use]
    pub fn may_originate(&self, code: &OdetteId, any_case: bool) -> Option<&OdetteId> {
        among(&self.ssid, &self.sfids, code, any_case)
    }

    /// The destination of files that we send it: the one that is wanted, or its first.
    ///
    /// # Errors
    /// The wanted one is neither its `ssid` nor among its `sfids`.
    pub fn destination(&self, wanted: Option<&OdetteId>) -> Result<OdetteId, UnknownStation> {
        let whose = "of this partner (its `ssid` and `sfids`)";
        chosen(&self.ssid, &self.sfids, wanted, whose)
    }
}

/// A station that is no possible destination, or originator, of files that we send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{code}` is no station {whose}; there are {}", .known.join(", "))]
pub struct UnknownStation {
    code: OdetteId,
    whose: &'static str,
    known: Vec<String>,
}

fn chosen(
    ssid: &OdetteId,
    sfids: &[OdetteId],
    wanted: Option<&OdetteId>,
    whose: &'static str,
) -> Result<OdetteId, UnknownStation> {
    let Some(wanted) = wanted else {
        return Ok(sfids.first().unwrap_or(ssid).clone());
    };
    let mut known = sfids.iter().chain([ssid]);
    if known.any(|known| known == wanted) {
        return Ok(wanted.clone());
    }
    Err(UnknownStation {
        code: wanted.clone(),
        whose,
        known: sfids
            .iter()
            .chain([ssid])
            .map(OdetteId::to_string)
            .collect(),
    })
}

fn among<'a>(
    ssid: &'a OdetteId,
    sfids: &'a [OdetteId],
    code: &OdetteId,
    any_case: bool,
) -> Option<&'a OdetteId> {
    let known = match sfids {
        [] => std::slice::from_ref(ssid),
        sfids => sfids,
    };
    let exact = known.iter().find(|known| *known == code);
    let nearly = || {
        known
            .iter()
            .find(|known| any_case && is_in_any_case(known, code))
    };
    exact.or_else(nearly)
}

fn is_in_any_case(known: &OdetteId, code: &OdetteId) -> bool {
    known.as_str().eq_ignore_ascii_case(code.as_str())
}
