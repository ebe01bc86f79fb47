//! What every answer of a session needs: the station, the partner, its policies, and the log.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use oftp::{Agreement, FileKey, Leniency, OdetteId, Tolerance};
use pointsman_policy::{Decided, types};
use pointsman_store::{LedgerError, Note, Repeated, TransferId, planted};
use serde::Serialize;
use tokio::sync::Notify;

use crate::config::{DeliveryTerms, Partner};
use crate::events::{Event, Talk};
use crate::policy::ask::{self, Asker};
use crate::session::ending::beside_states;
use crate::session::wire::Wire;
use crate::station::Station;
use crate::station::contacts::Line;
use crate::station::in_force::Pinned;
use crate::station::roster::{Enrolled, FileNow, SessionNow, UnderWay};
use crate::station::services::Services;
use crate::station::size_limit::QuotaOf;

/// One session, as its answers see it. The private fields are written by methods of this file, which only `connecting`
/// calls.
pub(super) struct SessionContext {
    pub station: Arc<Station>,
    /// The plan that this session sees, whatever is loaded while it runs.
    pub plan: Pinned,
    pub wire: Wire,
    /// The session's name.
    pub id: String,
    /// The generation of policies that decides in this session. It is pinned: a swap is for the sessions after it.
    pub policies: Asker,
    /// Notified when the partner sends the file that stands still in this session over a new one.
    pub overtaken: Arc<Notify>,
    /// Its entry among the sessions that run.
    roster: Enrolled,
    /// Whose session it is: known from the start when we dial, from SSID on when we are called.
    profile: Option<Arc<Partner>>,
    /// Whose SSID code a caller gave, while it has not shown that it is that partner.
    claims: Option<String>,
    /// The partner that a caller has shown to be.
    shown: Option<String>,
    grants: Grants,
}

/// What the policies granted a session beyond what is negotiated.
#[derive(Clone, Debug)]
pub(super) struct Grants {
    /// Whether the partner may send files.
    pub takes_files: bool,
    /// Whether we may.
    pub sends_files: bool,
    /// Octets of the largest file.
    pub largest_file: u64,
    /// Folder for the partner's files where `accept-file` names none.
    pub directory: Option<String>,
}

impl From<types::SessionTerms> for Grants {
    fn from(terms: types::SessionTerms) -> Self {
        let kib = terms.max_file_kib;
        Self {
            takes_files: terms.mode != Some(types::TransferMode::SendOnly),
            sends_files: terms.mode != Some(types::TransferMode::ReceiveOnly),
            largest_file: kib.map_or(u64::MAX, |kib| kib.saturating_mul(1024)),
            directory: terms.directory,
        }
    }
}

impl SessionContext {
    pub fn new(
        station: Arc<Station>,
        plan: Pinned,
        wire: Wire,
        profile: Option<Arc<Partner>>,
    ) -> Self {
        let id = station.session_id();
        let roster = station.roster.enrol(SessionNow {
            session: id.clone(),
            partner: profile.as_ref().map(|profile| profile.name.clone()),
            remote: wire.remote,
            dialled: wire.dialled,
            terms: None,
            since: SystemTime::now(),
            file: None,
        });
        let services = Arc::new(Services {
            station: Arc::clone(&station),
            plan: Arc::clone(&plan.in_force),
        });
        let policies = Asker::open(Arc::clone(&plan.policies), &id, services);
        Self {
            station,
            plan,
            wire,
            id,
            policies,
            overtaken: Arc::default(),
            roster,
            profile,
            claims: None,
            shown: None,
            grants: Grants::from(types::SessionTerms::default()),
        }
    }

    /// A caller gives the SSID code of that partner.
    pub fn claims(&mut self, partner: Option<String>) {
        self.claims = partner;
    }

    /// Whose SSID code a caller gave.
    pub fn claimed(&self) -> Option<&str> {
        self.claims.as_deref()
    }

    /// A caller has shown that it is that partner, or none after all.
    pub fn shows(&mut self, partner: Option<String>) {
        self.shown = partner;
    }

    /// The session is this partner's, on these terms.
    pub fn enter(
        &mut self,
        profile: Arc<Partner>,
        mut connection: types::ConnectionInfo,
        terms: types::SessionTerms,
    ) {
        connection.partner = Some(profile.name.clone());
        connection.labels.clone_from(&terms.labels);
        self.profile = Some(profile);
        self.policies.about(connection);
        self.grants = Grants::from(terms);
    }

    /// Both ends agreed: the facts for policies and the session's entry in the roster are updated.
    pub fn agreed(&mut self, agreement: &Agreement, terms: &str) {
        self.policies.agreed(agreement);
        self.roster.agreed(self.partner(), terms);
    }

    pub fn profile(&self) -> Option<&Arc<Partner>> {
        self.profile.as_ref()
    }

    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Octets that a file of this partner may have, by its profile and by what the policies granted, whatever its quota
    /// has left.
    pub fn largest_file(&self) -> u64 {
        let agreed = self.profile.as_ref().and_then(|own| own.largest_file);
        self.grants.largest_file.min(agreed.unwrap_or(u64::MAX))
    }

    /// The partner's quota.
    pub fn quota(&self) -> QuotaOf<'_> {
        QuotaOf {
            station: &self.station,
            partner: self.partner(),
            quota: self.profile.as_ref().and_then(|profile| profile.quota),
            repeated: self.repeated(),
            largest_file: self.largest_file(),
        }
    }

    /// The partner's name in the configuration; empty while it is not known.
    pub fn partner(&self) -> &str {
        self.profile
            .as_ref()
            .map_or("", |profile| profile.name.as_str())
    }

    /// What becomes of a file of this partner whose identity a file has that is here.
    pub fn repeated(&self) -> Repeated {
        let profile = self.profile.as_ref();
        profile.map_or(Repeated::default(), |profile| profile.received_again)
    }

    /// Whether its receipts have the stations as SFID had them (`unswapped_receipts`).
    pub fn unswapped_receipts(&self) -> bool {
        let profile = self.profile.as_ref();
        profile.is_some_and(|profile| profile.unswapped_receipts)
    }

    /// What becomes of this partner's files once they are received.
    pub fn delivery(&self) -> DeliveryTerms {
        if planted("plan-read-again") {
            return self.station.plan().delivery_of(self.partner()).clone();
        }
        self.plan.delivery_of(self.partner()).clone()
    }

    /// A file begins: its progress is shown among the sessions that run.
    pub fn show_file(&self, file: FileNow) -> UnderWay {
        self.roster.begin(file)
    }

    /// The other end, as the contacts of a partner are remembered.
    pub fn line(&self, partner: &str) -> Line {
        Line {
            partner: partner.to_owned(),
            dialled: self.wire.dialled,
            remote: self.wire.remote.to_string(),
        }
    }

    /// A partner whose files are refused one after the other, as fast as it can offer them, or whose receipts change
    /// nothing, waits for its answers.
    pub async fn slow_down(&self) {
        let (refusals, now) = (&self.station.refusals, Instant::now());
        refusals.count(self.partner(), now);
        let wait = refusals.wait(self.partner(), now);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Releases a lease; where the ledger cannot write that now, `leases::release` does later.
    pub async fn release(&self, id: TransferId, why: &str) -> Result<(), LedgerError> {
        let ledger = &self.station.ledger;
        ledger.put_back(id, SystemTime::now(), why).await
    }

    /// What events say of this session.
    pub fn talk(&self) -> Talk {
        let own = self.profile.as_ref().map(|profile| profile.name.clone());
        let partner = own.or_else(|| self.shown.clone());
        Talk {
            session: self.id.clone(),
            claims: self.claims.clone().filter(|_| partner.is_none()),
            partner,
            remote: self.wire.remote,
        }
    }

    pub fn log(&self, event: Event) {
        self.station.events.emit(event);
    }

    /// A deviation from the protocol was tolerated.
    pub fn log_tolerated(&self, what: String) {
        self.log(Event::Tolerated {
            session: self.talk(),
            what,
        });
    }

    /// The engine tolerated something; each state of the protocol is explained.
    pub fn log_tolerance(&self, tolerance: &Tolerance) {
        self.log_tolerated(beside_states(&tolerance.to_string()));
    }

    /// An Odette ID was taken that is written in another case.
    pub fn log_case(&self, field: &str, written: &OdetteId, agreed: &OdetteId) {
        if written != agreed {
            let leniency = Leniency::OdetteIdCase;
            self.log_tolerated(format!(
                "{field} `{written}`: {leniency} ({})",
                leniency.name()
            ));
        }
    }

    /// Logs what a policy decided of a file, if one did, and gives what its row in the ledger keeps of the question.
    pub fn log_decision_of_file<T: Serialize>(
        &self,
        file: &FileKey,
        decided: &Decided<T>,
        sentence: &str,
    ) -> Note {
        if decided.decided_by.is_some() {
            self.log_decided(Some(file), decided, sentence, None);
        }
        ask::note(decided, sentence)
    }

    /// Logs what policies said where the ledger has no row to keep it, with all that led to it; nothing where none was
    /// asked.
    pub fn log_decision<T: Serialize>(
        &self,
        file: Option<&FileKey>,
        decided: &Decided<T>,
        sentence: &str,
    ) {
        if let Some(data) = ask::data_for_log(decided) {
            self.log_decided(file, decided, sentence, Some(data));
        }
    }

    /// Keeps with a transfer what policies were notified of. The session does not wait for its commit.
    pub async fn keep_notification<T: Serialize>(
        &self,
        id: TransferId,
        decided: &Decided<T>,
    ) -> Result<(), LedgerError> {
        match ask::notification(decided) {
            Some(note) => {
                let ledger = &self.station.ledger;
                let noting = ledger.remark_early(id, decided.hook.name(), note);
                noting.await.map(drop)
            }
            None => Ok(()),
        }
    }

    fn log_decided<T>(
        &self,
        file: Option<&FileKey>,
        decided: &Decided<T>,
        sentence: &str,
        data: Option<String>,
    ) {
        let by = decided.decided_by.as_ref();
        let talk = self.talk();
        self.log(Event::Decided {
            session: Some(talk.session),
            partner: talk.partner,
            claims: talk.claims,
            remote: Some(talk.remote),
            policy: by.map(|by| by.policy.clone()),
            transfer: None,
            file: file.map(FileKey::to_string),
            hook: decided.hook.name(),
            by: ask::by(decided),
            decision: sentence.to_owned(),
            data,
        });
    }
}
