//! Whether a server could start on a configuration, and what would be wrong with it while it runs.

use serde::{Deserialize, Serialize};

use super::Operator;
use super::certificates::{RemarkLevel, certificates};
use super::conditions::{Condition, obstacles};
use super::running::PolicyReport;
use crate::net::tls::{self, TlsError};
use crate::outbound::watch;
use crate::station::policies::load_policies;

/// Everything that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CheckReport {
    /// How many listeners the configuration has.
    pub listeners: usize,
    /// How many partners it has.
    pub partners: usize,
    /// What there is to say of it, good and bad.
    pub remarks: Vec<CheckRemark>,
    /// The policies, where all of them can be loaded.
    pub policies: Vec<PolicyReport>,
}

/// What there is to say of one key of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CheckRemark {
    /// How bad it is.
    pub severity: RemarkLevel,
    /// The key.
    pub place: String,
    /// What there is to say.
    pub text: String,
}

impl CheckReport {
    /// Whether nothing is wrong; there may be warnings.
    pub(crate) fn is_clean(&self) -> bool {
        let mut remarks = self.remarks.iter();
        remarks.all(|remark| remark.severity < RemarkLevel::Error)
    }
}

impl CheckRemark {
    fn error(place: impl Into<String>, text: impl ToString) -> Self {
        Self {
            severity: RemarkLevel::Error,
            place: place.into(),
            text: text.to_string(),
        }
    }
}

impl Operator {
    /// Checks everything that `serve` needs, and starts nothing.
    pub(crate) async fn check(&self) -> CheckReport {
        let config = self.plan();
        let mut remarks = self.check_certificates();
        let certificates_are_good = remarks
            .iter()
            .all(|remark| remark.severity < RemarkLevel::Error);
        let mut found = obstacles(config);
        // What certificates and keys do to listeners was said with them.
        found.retain(|found| certificates_are_good || found.condition != Condition::Tls);
        let found = found.into_iter();
        remarks.extend(found.map(|found| CheckRemark::error(found.place, found.why)));
        // Folders that a server could not use, and would run without.
        let folders = watch::obstacles(config).into_iter();
        remarks.extend(folders.map(|(place, why)| CheckRemark::error(place, why)));
        let mut report = CheckReport {
            listeners: config.listeners.len(),
            partners: config.partners.len(),
            remarks,
            policies: Vec::new(),
        };
        match load_policies(config).await {
            Ok(loaded) => {
                let current = loaded.current();
                let policies = current.policies().map(|(policy, digest)| PolicyReport {
                    policy: policy.to_owned(),
                    sha256: digest.to_owned(),
                });
                report.policies = policies.collect();
            }
            Err(error) => report.remarks.push(CheckRemark::error("policies", error)),
        }
        report
    }

    /// Every certificate and key, as it would be used.
    fn check_certificates(&self) -> Vec<CheckRemark> {
        let remarks = certificates(self.plan()).into_iter();
        let mut remarks: Vec<CheckRemark> = remarks
            .map(|remark| CheckRemark {
                severity: remark.severity,
                place: remark.place,
                text: remark.text,
            })
            .collect();
        if remarks
            .iter()
            .all(|remark| remark.severity < RemarkLevel::Error)
            && let Err(error) = self.check_callers()
        {
            remarks.push(CheckRemark::error("partners", error));
        }
        remarks
    }

    /// What is said of no single certificate: that everything together makes calls of the partners that we dial.
    fn check_callers(&self) -> Result<(), TlsError> {
        let partners = self.plan().partners.values();
        let mut dialled = partners.filter(|partner| partner.tls);
        dialled.try_for_each(|partner| tls::client(partner).map(drop))
    }
}
