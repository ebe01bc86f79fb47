//! What is known of all partners at a moment: from the ledger, and from the server where one runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pointsman_log::printable;
use pointsman_store::{Backlog, Contact};
use tokio::task::spawn_blocking;

use super::Operator;
use super::certificates::certificates;
use super::error::{ErrorCode, OperatorError};
use super::prospects::{PartnerView, WaitsReport};
use super::remark::Remark;
use super::running::{CallsReport, SessionReport};
use crate::config::{Partner, Plan};
use crate::security::keyring::Keyring;

/// How long a request that is about something else waits for the server.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// What is known of all partners at a moment.
pub(super) struct Overview {
    plan: Arc<Plan>,
    running: Option<CallsReport>,
    contacts: Vec<Contact>,
    backlog: BTreeMap<String, Backlog>,
    remarks: Vec<Remark>,
    /// What could not be found out, and why.
    pub unknown: Vec<String>,
}

impl Overview {
    /// For a request about partners: the server must answer where one runs.
    pub async fn of(operator: &Operator) -> Result<Self, OperatorError> {
        // The server first: it writes down what it remembers before it answers.
        let running = running(operator).await?;
        Self::with(operator, running, Vec::new()).await
    }

    /// For a request that is not about the server: where that does not answer, the rest is reported.
    pub async fn beside(operator: &Operator) -> Result<Self, OperatorError> {
        let running = match tokio::time::timeout(PATIENCE, running(operator)).await {
            Ok(running) => running.map_err(|error| error.to_string()),
            Err(_) => Err("it does not answer".to_owned()),
        };
        let unknown = running.as_ref().err();
        let unknown = unknown.map(|why| format!("the running server is not shown: {why}"));
        let unknown = unknown.into_iter().collect();
        Self::with(operator, running.unwrap_or(None), unknown).await
    }

    async fn with(
        operator: &Operator,
        running: Option<CallsReport>,
        unknown: Vec<String>,
    ) -> Result<Self, OperatorError> {
        let (contacts, backlog) = remembered(operator).await?;
        Ok(Self {
            plan: Arc::clone(&operator.plan),
            running,
            contacts,
            backlog,
            remarks: remarks(operator).await?,
            unknown,
        })
    }

    /// The sessions that run, where a server does.
    pub fn sessions(&self) -> &[SessionReport] {
        let running = self.running.as_ref();
        running.map_or(&[], |running| &running.sessions)
    }

    /// What there is to say of the certificates that every partner sees.
    pub fn of_station(&self) -> impl Iterator<Item = &Remark> {
        self.remarks.iter().filter(|remark| remark.is_of_station())
    }

    /// What there is to say of the certificates of one partner's profile, by their keys there.
    pub fn certificates_of(&self, name: &str) -> Vec<(&str, &Remark)> {
        let its = |remark| Remark::key_of_partner(remark, name).map(|key| (key, remark));
        self.remarks.iter().filter_map(its).collect()
    }

    /// Why what waits for this partner does not go, and when it is called next.
    pub fn waits(&self, partner: &str) -> WaitsReport {
        match self.plan.partners.get(partner) {
            Some(profile) => self.view(partner, profile).waits(),
            None => WaitsReport {
                next_call: "never".to_owned(),
                why_it_waits: Some(without_profile(partner)),
            },
        }
    }

    /// The partners for whom something waits, and whom the configuration does not name.
    pub fn gone(&self) -> Vec<String> {
        let waiting = self.backlog.iter().filter(|(name, waiting)| {
            !self.plan.partners.contains_key(*name) && waiting.files + waiting.owed > 0
        });
        waiting.map(|(name, _)| name.clone()).collect()
    }

    /// What is known of one partner.
    pub fn view<'a>(&'a self, name: &'a str, profile: &'a Partner) -> PartnerView<'a> {
        let running = self.running.as_ref();
        let contacts = self.contacts.iter();
        let its = contacts.filter(|contact| contact.partner == name);
        let with = |session: &&SessionReport| session.partner.as_deref() == Some(name);
        PartnerView {
            name,
            profile,
            contacts: its.map(|contact| (contact.kind, contact)).collect(),
            backlog: self.backlog.get(name).cloned().unwrap_or_default(),
            serving: running.is_some(),
            next: running.and_then(|running| running.next.get(name).copied()),
            sessions: self.sessions().iter().filter(with).collect(),
        }
    }
}

/// What is to be done about files of a partner that there is not.
pub(super) fn without_profile(partner: &str) -> String {
    format!(
        "the configuration has no partner `{}`: give its profile that name again, or cancel the files",
        printable(partner)
    )
}

/// When the server calls partners, and its sessions; none where no server runs.
async fn running(operator: &Operator) -> Result<Option<CallsReport>, OperatorError> {
    match operator.calls().await {
        Ok(calls) => Ok(Some(calls)),
        Err(error) if error.code == ErrorCode::NoServer => Ok(None),
        Err(error) => Err(error),
    }
}

/// What there is to say of certificates: of those of files, receipts and sessions, as the server of this process has them,
/// else as they are in their stores.
async fn remarks(operator: &Operator) -> Result<Vec<Remark>, OperatorError> {
    let (plan, in_force) = (Arc::clone(&operator.plan), operator.in_force());
    let looking = spawn_blocking(move || match in_force {
        Some(in_force) => certificates(&in_force, in_force.keyring()),
        None => certificates(&plan, &Keyring::of(&plan)),
    });
    looking
        .await
        .map_err(|lost| ErrorCode::Internal.because(lost))
}

type Remembered = (Vec<Contact>, BTreeMap<String, Backlog>);

/// What the ledger has. Where no server ever ran there is none, and nothing to remember.
async fn remembered(operator: &Operator) -> Result<Remembered, OperatorError> {
    if !operator.has_store()? {
        return Ok(Remembered::default());
    }
    let (ledger, plan) = (operator.store()?.ledger, operator.plan());
    let longest = plan.partners.keys().filter_map(|name| {
        let profile = plan.partner(name)?;
        Some((name.clone(), profile.longest().file))
    });
    let backlog = ledger.backlog(longest.collect()).await?;
    Ok((ledger.contacts().await?, backlog))
}
