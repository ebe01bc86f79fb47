//! What is known of partners.

use pointsman_store::{Contact, ContactKind};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::Operator;
use super::error::OperatorError;
use super::overview::{Overview, PATIENCE};
use super::prospects::PartnerView;
use super::remark::{Remark, RemarkLevel};
use super::running::SessionReport;
use super::utc_time::UtcTime;
use crate::config::Plan;
use crate::outbound::watch;
use crate::station::contacts::NextCall;

/// What is known of partners, and of what all of them see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartnersReport {
    /// The certificates of our listeners.
    pub station: Vec<CertificateReport>,
    /// Those of the configuration, or the one that was asked for.
    pub partners: Vec<PartnerReport>,
    /// What could not be found out.
    pub unknown: Vec<String>,
}

/// What is known of one partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartnerReport {
    /// Its name in the configuration.
    pub partner: String,
    /// Its SSID code.
    pub ssid: String,
    /// Where it is called.
    pub address: Option<String>,
    /// Whether with TLS.
    pub tls: bool,
    /// Whether a server runs on this configuration.
    pub server_runs: bool,
    /// Its sessions that run.
    pub sessions: Vec<SessionReport>,
    /// The last session, whoever called; none before the first.
    pub last_session: Option<ContactReport>,
    /// The last one that came to its end as it should.
    pub last_good_session: Option<ContactReport>,
    /// The last session or call that failed.
    pub last_failure: Option<ContactReport>,
    /// The last caller with its code that was not let in.
    pub last_refusal: Option<ContactReport>,
    /// When it is called next, in words.
    pub next_call: String,
    /// And as a moment, where that is known.
    pub next_call_at: Option<UtcTime>,
    /// A call of ours is under way that has no session yet.
    pub being_called: bool,
    /// What waits to be sent.
    pub to_send: BacklogReport,
    /// How receipts stand.
    pub receipts: ReceiptsReport,
    /// The certificates of its profile and of our listeners.
    pub certificates: Vec<CertificateReport>,
    /// Its watched folders that cannot be used.
    pub not_watched: Vec<FolderReport>,
    /// Why nothing goes, if something waits and does not go by itself just now.
    pub why_it_waits: Option<String>,
}

/// How a session ended, or a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContactReport {
    pub at: UtcTime,
    /// Whether we dialled.
    pub dialled: bool,
    /// The address of the other end.
    pub remote: String,
    /// How it ended, in a sentence.
    pub words: String,
}

/// Files that are not sent yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BacklogReport {
    /// How many, those of the next lines included.
    pub files: u64,
    /// Octets of their contents in the spool.
    pub octets: u64,
    /// Those that a session has just now.
    pub in_session: u64,
    /// Those that rest.
    pub backing_off: u64,
    /// When the first of those may go.
    pub backs_off_until: Option<UtcTime>,
    /// Those that an operator holds.
    pub held: u64,
    /// Those that nobody tries again by itself.
    pub parked: u64,
    /// When the oldest of them was queued.
    pub oldest: Option<UtcTime>,
}

/// How receipts stand, both ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReceiptsReport {
    /// Files it has whose receipt has not come; in time so far.
    pub awaited: u64,
    /// Files it has whose receipt is overdue.
    pub overdue: u64,
    /// When the first of those was sent.
    pub overdue_since: Option<UtcTime>,
    /// Receipts we owe it.
    pub owed: u64,
    /// Files of its whose receipt waits for an operator.
    pub unanswered: u64,
}

/// What there is to say of a certificate or key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CertificateReport {
    /// Its key in the profile, or in the configuration where it is not the partner's alone.
    pub key: String,
    /// How bad it is.
    pub weight: RemarkLevel,
    /// What there is to say.
    pub text: String,
    /// When it ends.
    pub ends: Option<UtcTime>,
    /// It is one of our listeners', which every partner sees.
    pub of_station: bool,
}

/// A watched folder that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FolderReport {
    /// Its key in the profile.
    pub key: String,
    /// Why it cannot be used.
    pub why: String,
}

impl Operator {
    /// What is known of all partners, or of the one that is named.
    ///
    /// # Errors
    /// There is no such partner, a server runs and does not answer, or the ledger cannot be read.
    pub(crate) async fn partners(
        &self,
        name: Option<&str>,
    ) -> Result<PartnersReport, OperatorError> {
        let config = self.plan();
        if let Some(name) = name
            && !config.partners.contains_key(name)
        {
            return Err(self.no_such_partner(name));
        }
        let overview = Overview::of(self).await?;
        let (folders, unseen) = unusable_folders(config).await;
        let station = overview.of_station();
        let station: Vec<_> = station.map(CertificateReport::of_station).collect();
        let profiles = config.partners.iter();
        let wanted = profiles.filter(|(partner, _)| name.is_none_or(|only| only == *partner));
        let partners = wanted.map(|(name, profile)| {
            let certificates = overview.certificates_of(name).into_iter();
            let certificates = certificates.map(|(key, remark)| CertificateReport::of(key, remark));
            let certificates = certificates.chain(station.iter().cloned()).collect();
            let folders = folders_of(name, &folders);
            PartnerReport::of(&overview.view(name, profile), certificates, folders)
        });
        Ok(PartnersReport {
            partners: partners.collect(),
            station,
            unknown: unseen.into_iter().collect(),
        })
    }
}

impl PartnerReport {
    fn of(
        view: &PartnerView<'_>,
        certificates: Vec<CertificateReport>,
        not_watched: Vec<FolderReport>,
    ) -> Self {
        let contact = |kind| {
            view.contacts
                .get(&kind)
                .map(|contact| ContactReport::of(contact))
        };
        let address = view.profile.address.as_ref();
        Self {
            partner: view.name.to_owned(),
            ssid: view.profile.ssid.to_string(),
            address: address.map(|address| address.to_string()),
            tls: view.profile.tls,
            server_runs: view.serving,
            sessions: view.sessions.iter().copied().cloned().collect(),
            last_session: contact(ContactKind::Session),
            last_good_session: contact(ContactKind::Good),
            last_failure: contact(ContactKind::Failure),
            last_refusal: contact(ContactKind::Refusal),
            next_call: view.next_call(),
            next_call_at: match view.next {
                Some(NextCall::At(at) | NextCall::NotBefore(at)) => Some(UtcTime(at)),
                _ => None,
            },
            being_called: view.next == Some(NextCall::Calling),
            to_send: BacklogReport::of(view),
            receipts: ReceiptsReport::of(view),
            certificates,
            not_watched,
            why_it_waits: view.why(),
        }
    }

    /// The last failure, if no session since has come to its end as it should.
    pub(crate) fn failure(&self) -> Option<&ContactReport> {
        let good = self.last_good_session.as_ref();
        let failure = self.last_failure.as_ref();
        failure.filter(|failure| good.is_none_or(|good| failure.at > good.at))
    }
}

impl ContactReport {
    fn of(contact: &Contact) -> Self {
        Self {
            at: UtcTime(contact.at),
            dialled: contact.dialled,
            remote: contact.remote.clone(),
            words: contact.words.clone(),
        }
    }
}

impl BacklogReport {
    fn of(view: &PartnerView<'_>) -> Self {
        let waiting = &view.backlog;
        Self {
            files: waiting.files,
            octets: waiting.octets,
            in_session: waiting.in_session,
            backing_off: waiting.backing_off,
            backs_off_until: waiting.backs_off_until.map(UtcTime),
            held: waiting.held,
            parked: waiting.parked,
            oldest: waiting.oldest.map(UtcTime),
        }
    }
}

impl ReceiptsReport {
    fn of(view: &PartnerView<'_>) -> Self {
        let waiting = &view.backlog;
        Self {
            awaited: waiting.awaited,
            overdue: waiting.overdue,
            overdue_since: waiting.overdue_since.map(UtcTime),
            owed: waiting.owed,
            unanswered: waiting.unanswered,
        }
    }
}

impl CertificateReport {
    fn of(key: &str, remark: &Remark) -> Self {
        Self {
            key: key.to_owned(),
            weight: remark.severity,
            text: remark.text.clone(),
            ends: remark.ends,
            of_station: remark.is_of_station(),
        }
    }

    fn of_station(remark: &Remark) -> Self {
        Self::of(&remark.place, remark)
    }
}

/// Keys of watched folders that cannot be used, and why. One that does not answer, on a network share, holds up nobody:
/// then nothing is known of any of them.
async fn unusable_folders(config: &Plan) -> (Vec<(String, String)>, Option<String>) {
    let config = config.clone();
    let looking = spawn_blocking(move || watch::obstacles(&config));
    match tokio::time::timeout(PATIENCE, looking).await {
        Ok(Ok(found)) => (found, None),
        _ => {
            let unseen = "watched folders are not shown: one of them does not answer";
            (Vec::new(), Some(unseen.to_owned()))
        }
    }
}

/// Those of one partner, by their keys there. Another's name may continue behind a point.
fn folders_of(name: &str, all: &[(String, String)]) -> Vec<FolderReport> {
    let its = all.iter().filter_map(|(place, why)| {
        let key = place.strip_prefix("partners.")?.strip_prefix(name)?;
        let key = key.strip_prefix('.')?;
        key.starts_with("watch[").then(|| FolderReport {
            key: key.to_owned(),
            why: why.clone(),
        })
    });
    its.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_a_partner_whose_name_continues_behind_a_point_is_not_anothers() {
        let all = [
            "partners.a.watch[0].folder",
            "partners.a.b.watch[1].keep_in",
        ];
        let all = all.map(|place| (place.to_owned(), "it is a file".to_owned()));
        let its = |name| {
            let folders = folders_of(name, &all).into_iter();
            folders
                .map(|folder| (folder.key, folder.why))
                .collect::<Vec<_>>()
        };
        let its_own = |key: &str| vec![(key.to_owned(), "it is a file".to_owned())];
        assert_eq!(its("a"), its_own("watch[0].folder"));
        assert_eq!(its("a.b"), its_own("watch[1].keep_in"));
    }
}
