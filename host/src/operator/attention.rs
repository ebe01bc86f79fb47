//! What continues only when an operator does something.

use pointsman_store::{InboundState, OutboundState, State, Transfer};
use serde::{Deserialize, Serialize};

use super::Operator;
use super::error::OperatorError;
use super::overview::{Overview, without_profile};
use super::transfers::{FileIdentity, StateReport};
use super::utc_time::UtcTime;
use crate::config::Plan;

/// So many are reported; who has more begins with these.
const MOST: u32 = 10_000;

/// What waits for an operator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AttentionReport {
    /// The files that wait, the oldest first.
    pub transfers: Vec<AttentionFile>,
    /// Partners for whom something waits, and whom the configuration does not name any more.
    pub partners_gone: Vec<String>,
    /// What is to be done about each of them.
    pub remedies_of_partners_gone: Vec<String>,
    /// What could not be found out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// A file that waits for an operator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AttentionFile {
    pub transfer: String,
    /// When it was offered, or queued.
    pub since: UtcTime,
    /// The partner's name in the configuration.
    pub partner: String,
    /// Which way it goes, and how far it is.
    #[serde(flatten)]
    pub state: StateReport,
    /// Why it is where it is, if there is something to say.
    pub reason: Option<String>,
    /// What it waits for.
    pub waits_for: String,
    /// What an operator can do.
    pub remedy: String,
    pub file: FileIdentity,
}

impl Operator {
    /// What waits for an operator: files that are held or parked, receipts that are overdue or are the operator's to
    /// decide, received files that are not in their folder yet, and partners that are gone. What is of one partner
    /// alone, where one is named.
    ///
    /// # Errors
    /// There is no such partner, or the ledger cannot be read.
    pub(crate) async fn attention(
        &self,
        partner: Option<&str>,
    ) -> Result<AttentionReport, OperatorError> {
        let its = |name: &str| partner.is_none_or(|only| only == name);
        let mut rows = self.store()?.ledger.unsettled(MOST).await?;
        rows.retain(|row| its(&row.partner));
        let overview = Overview::beside(self).await?;
        let gone: Vec<String> = overview
            .gone()
            .into_iter()
            .filter(|name| its(name))
            .collect();
        self.known_partner(partner, !rows.is_empty() || !gone.is_empty())?;
        let file = |row: &Transfer| AttentionFile::of(row, self.plan());
        Ok(AttentionReport {
            transfers: rows.iter().map(file).collect(),
            remedies_of_partners_gone: gone.iter().map(|name| without_profile(name)).collect(),
            partners_gone: gone,
            unknown: overview.unknown,
        })
    }
}

impl AttentionFile {
    fn of(row: &Transfer, config: &Plan) -> Self {
        let (waits_for, remedy) = wanted(row, config);
        Self {
            transfer: row.id.to_string(),
            since: UtcTime(row.created),
            partner: row.partner.clone(),
            state: StateReport(row.state),
            reason: row.reason.as_ref().map(ToString::to_string),
            waits_for: waits_for.to_owned(),
            remedy,
            file: FileIdentity::from(&row.key),
        }
    }
}

/// What a row of `Ledger::unsettled` waits for, and what an operator can do.
fn wanted(row: &Transfer, config: &Plan) -> (&'static str, String) {
    let id = row.id;
    match row.state {
        State::Outbound(OutboundState::Held) => (
            "held until you release it",
            format!("`pointsman queue release {id}`, or `cancel`"),
        ),
        State::Outbound(OutboundState::Parked) => (
            "refused for good, or given up",
            format!(
                "`pointsman queue release {id}` sends it as it is, `resend` under a new date and time, `cancel` drops it"
            ),
        ),
        State::Outbound(OutboundState::Overdue) => (
            "its receipt has not come in time",
            format!(
                "ask the partner whether it has the file; `pointsman queue resend {id}` sends it again"
            ),
        ),
        State::Outbound(OutboundState::Sent) => (
            "its receipt came, and is not taken",
            format!(
                "ask the partner what it signed, and with which certificate; a good receipt is still taken, and `pointsman queue resend {id}` sends the file again"
            ),
        ),
        State::Inbound(InboundState::Delivered) => (
            "its receipt is yours to decide",
            format!(
                "`pointsman transfers answer {id}` gives the EERP, with `--reject REASON` a NERP"
            ),
        ),
        State::Inbound(InboundState::Opening) => (
            "received and acknowledged, and not opened yet",
            format!("look at `pointsman transfers show {id}`"),
        ),
        _ => (
            "received and acknowledged, and not in its folder yet",
            format!(
                "the server tries again by itself; if this stays, look at `pointsman transfers show {id}`, and whether {} can be written",
                config.storage.inbox.display()
            ),
        ),
    }
}
