//! Whether a server could start on a configuration, and what would be wrong with it while it runs.

use serde::{Deserialize, Serialize};

use super::Operator;
use super::certificates::certificates;
use super::check_remark::CheckRemark;
use super::conditions::{Condition, obstacles};
use super::remark::RemarkLevel;
use super::running::PolicyReport;
use crate::config::Plan;
use crate::outbound::watch;
use crate::security::keyring::Keyring;
use crate::security::tls::{self, KnownCertificates, TlsError};
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

impl CheckReport {
    /// Whether nothing is wrong; there may be warnings.
    pub(crate) fn is_clean(&self) -> bool {
        let mut remarks = self.remarks.iter();
        remarks.all(|remark| remark.severity < RemarkLevel::Error)
    }
}

impl Operator {
    /// Checks everything that `serve` needs, and starts nothing.
    pub(crate) async fn check(&self) -> CheckReport {
        let config = self.plan();
        let mut report = CheckReport {
            listeners: config.listeners.len(),
            partners: config.partners.len(),
            remarks: remarks(config, &Keyring::of(config)),
            policies: Vec::new(),
        };
        match load_policies(config).await {
            Ok(loaded) => report.policies = PolicyReport::of(&loaded.current()),
            Err(error) => report.remarks.push(CheckRemark::error("policies", error)),
        }
        report
    }
}

/// What there is to say of everything but policies, good and bad.
#[must_use]
pub(crate) fn remarks(config: &Plan, keyring: &Keyring) -> Vec<CheckRemark> {
    let mut remarks = of_certificates(config, keyring);
    let certificates_are_good = remarks
        .iter()
        .all(|remark| remark.severity < RemarkLevel::Error);
    let mut found = obstacles(config, keyring);
    // What certificates and keys do to listeners was said with them.
    found.retain(|found| match found.condition {
        Condition::Keys => false,
        Condition::Tls => certificates_are_good,
        _ => true,
    });
    let found = found.into_iter();
    remarks.extend(found.map(|found| CheckRemark::error(found.place, found.why)));
    // Folders that a server could not use, and would run without.
    let folders = watch::obstacles(config).into_iter();
    remarks.extend(folders.map(|(place, why)| CheckRemark {
        keeps_out: false,
        ..CheckRemark::error(place, why)
    }));
    remarks
}

/// Every certificate and key, as it would be used.
fn of_certificates(config: &Plan, keyring: &Keyring) -> Vec<CheckRemark> {
    let found = certificates(config, keyring).into_iter();
    let mut remarks: Vec<CheckRemark> = found.map(CheckRemark::from).collect();
    if remarks
        .iter()
        .all(|remark| remark.severity < RemarkLevel::Error)
        && let Err(error) = callers(config, keyring)
    {
        remarks.push(CheckRemark::error("partners", error));
    }
    remarks
}

/// What is said of no single certificate: that everything together makes calls of the partners that we dial.
fn callers(config: &Plan, keyring: &Keyring) -> Result<(), TlsError> {
    let known = KnownCertificates::of(config, keyring);
    let partners = config.partners.values();
    let mut dialled = partners.filter(|partner| partner.tls);
    dialled.try_for_each(|partner| tls::client(keyring, &known, partner).map(drop))
}
