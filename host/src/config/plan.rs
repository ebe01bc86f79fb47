//! The plan: the configuration as the rest of the program reads it. It has every value, including defaults, so two
//! plans can be compared; `resolve.rs` makes it from the keys that the operator wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Time;
use oftp::{Format, OdetteId, Params, RecordLayout, UserData};
use pointsman_naming::Template;
use pointsman_policy::{Hook, OnFailure};
use pointsman_store::{Access, Repeated};

use super::backoff::Backoff;
use super::changes::Fingerprints;
use super::scalars::{Address, Label, Secret};
use super::security_terms::{
    CertificatePlan, FileSecurity, KeyPlan, SessionAuthentication, StoreSource,
};
use super::services::WantedServices;
use super::store_text::StoreText;
use super::words::{ClientAuth, DatasetNames, Pattern, Setting, TlsVersion};

/// A whole configuration, resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Who we are.
    pub ours: OwnStation,
    /// Where files and the ledger are kept.
    pub storage: Storage,
    /// Where partners may call.
    pub listeners: Vec<ListenerPlan>,
    /// Who may call, and whom we may call, by the names that the operator gave them.
    pub partners: BTreeMap<String, Arc<Partner>>,
    /// How received files are delivered, where a partner has no terms of its own.
    pub delivery: DeliveryTerms,
    /// The components that are asked, in this order.
    pub policies: Vec<PolicyPlan>,
    /// Limits on everything that a caller or a partner can use up.
    pub limits: ServerLimits,
    /// The variables of the environment that secrets were read from.
    pub secret_variables: BTreeSet<String>,
    /// The file that it was read from.
    pub path: PathBuf,
    /// A fingerprint of every key of the file, so that the next reading can say what changed.
    pub fingerprints: Fingerprints,
}

/// Who we are.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnStation {
    /// Our SSID code (RFC 5.3.2, SSIDCODE).
    pub ssid: OdetteId,
    /// The SFID codes that files for us may name as destination; the first is the originator of what we send. Where
    /// there are none, the SSID code is the only one.
    pub sfids: Vec<OdetteId>,
    /// Our keys for files, receipts and sessions with every partner.
    pub keys: Vec<KeyPlan>,
    /// What a caller is offered before its SSID has arrived: only timers and tolerances count.
    pub offer_to_strangers: Params,
}

/// Where files and the ledger are kept. State and inbox must lie on one file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Folder of the spool.
    pub state: PathBuf,
    /// Folder of the ledger, which may be on a file system of its own.
    pub ledger: PathBuf,
    /// Folder that received files are delivered into.
    pub inbox: PathBuf,
}

/// A place where partners may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerPlan {
    /// Address and port; port 0 takes any free one.
    pub address: SocketAddr,
    /// TLS from the first octet (RFC 2.3); without it the listener is plain.
    pub tls: Option<TlsPlan>,
    /// Callers' sessions at a time that this listener may have, where it has a limit of its own.
    pub sessions: Option<usize>,
}

/// The TLS of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPlan {
    /// Our certificate and its key, where it has one of its own.
    pub identity: Option<IdentityFiles>,
    /// Whether a caller must show a certificate.
    pub client_auth: ClientAuth,
    /// CA certificates that callers' certificates may be issued by, beside the partners' own.
    pub client_ca: Option<PathBuf>,
    /// The oldest version spoken.
    pub min_version: TlsVersion,
}

/// The stores of a certificate of ours for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFiles {
    /// The certificate and its chain.
    pub certificate: StoreSource,
    /// Its private key, where the store of the certificate does not have it.
    pub key: Option<StoreSource>,
    /// The password of both.
    pub password: Option<StoreText>,
}

/// One partner: a station on the other side, and what was agreed with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Partner {
    /// Its name in the configuration.
    pub name: String,
    /// Its SSID code.
    pub ssid: OdetteId,
    /// The SFID codes its files may name as originator, the first being the destination of what we send; its SSID code
    /// where there are none.
    pub sfids: Vec<OdetteId>,
    /// The password it sends.
    pub password: Secret,
    /// The folder of its files below the inbox, where no policy names another.
    pub inbox_folder: String,
    /// Where it listens; without it only the partner can call.
    pub address: Option<Address>,
    /// Whether we dial with TLS.
    pub tls: bool,
    /// A certificate that it may show as a TLS server and, where callers are asked, as a caller; beside those of
    /// `certificates` that are for TLS.
    pub certificate: Option<PathBuf>,
    /// Whether it may call without showing `certificate`: on a plain listener, or one that asks for none.
    pub calls_without_certificate: bool,
    /// CA certificates its server certificate may be issued by, instead of `certificate`.
    pub ca: Option<PathBuf>,
    /// Our certificate when we dial, and its key.
    pub our_identity: Option<IdentityFiles>,
    /// Our keys with it, which go before those of the station.
    pub keys: Vec<KeyPlan>,
    /// Its certificates.
    pub certificates: Vec<CertificatePlan>,
    /// What is agreed of file security.
    pub file_security: FileSecurity,
    /// Whether its sessions are authenticated.
    pub authentication: SessionAuthentication,
    /// How records of fixed length are stored in local files.
    pub fixed_records: RecordLayout,
    /// How records of variable length are stored.
    pub variable_records: RecordLayout,
    /// Whether CR LF is put behind each record of its T files: for a partner that sends lines as records without their
    /// ends.
    pub text_line_ends: bool,
    /// Whether our receipts name originator and destination as the file did, as the first edition of the protocol had it.
    pub unswapped_receipts: bool,
    /// Whether a file whose SFID asks for a signed receipt is taken, and gets one without a signature.
    pub unsigned_receipts: bool,
    /// Which data set names are sent to it.
    pub names: DatasetNames,
    /// What we offer it in SSID, and which of its mistakes are tolerated.
    pub offer: Params,
    /// Folders whose files are sent to it.
    pub watch: Vec<WatchedFolder>,
    /// When we call it without being told to.
    pub calls: CallSchedule,
    /// How long to wait before a failed attempt is repeated.
    pub retry: Retries,
    /// How long its receipts may take before they count as overdue; without limit where there is no deadline.
    pub receipt_deadline: Option<Duration>,
    /// What becomes of its files.
    pub delivery: DeliveryTerms,
    /// What to do with a file from it whose identity a file has that is here already.
    pub received_again: Repeated,
    /// Octets of the largest file that is taken from it, as on the wire and as opened; without limit where there is none.
    pub largest_file: Option<u64>,
    /// How much it may send us in a period of time; without limit where there is no quota.
    pub quota: Option<PartnerQuota>,
    /// Its sessions at a time.
    pub sessions: usize,
}

/// A folder whose files are sent to a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedFolder {
    /// The folder; made if missing.
    pub folder: PathBuf,
    /// Which files.
    pub pattern: Pattern,
    /// How long a file that was not renamed into the folder must be unchanged.
    pub quiet: Duration,
    /// The same for a file whose closing was not seen, where the system does not say whether a program has it open for
    /// writing; never less than `quiet`.
    pub quiet_unseen: Duration,
    /// The format files are sent in.
    pub format: Format,
    /// How records are stored in them, if not as in the partner's other files.
    pub records: Option<RecordLayout>,
    /// Whether lines that are shorter than their record are filled with blanks: of format F kept as lines.
    pub pad: bool,
    /// The station they are for, if not the partner's first (SFIDDEST).
    pub destination: Option<OdetteId>,
    /// The station of ours they are from, if not our first (SFIDORIG).
    pub originator: Option<OdetteId>,
    /// What stands in SFIDUSER.
    pub user_data: UserData,
    /// Labels for policies and people.
    pub labels: Vec<Label>,
    /// What they are secured with, where that is not as for the partner's other files.
    pub services: WantedServices,
    /// The folder that files are moved to once they are queued; without it they are removed.
    pub keep_in: Option<PathBuf>,
}

/// When we call a partner that has an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSchedule {
    /// As soon as a file or a receipt waits for it.
    pub queued: bool,
    /// How long the server waits for more files before it calls.
    pub delay: Duration,
    /// How often it is called with nothing to send, to fetch its files.
    pub every: Option<Duration>,
    /// Times of every day at which it is called as well, by the clock of this machine.
    pub at: Vec<Time>,
}

/// How long to wait after each kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Nobody answers.
    pub unreachable: Backoff,
    /// A session ends before its time.
    pub session: Backoff,
    /// The connection is lost within a file.
    pub broken: Backoff,
    /// A file is refused for now (SFNARRTR Y, EFNA).
    pub refused: Backoff,
    /// How often a file is offered before it is parked.
    pub offers: u32,
}

/// How received files are delivered: their name, the command that takes them, and whether rejected ones are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryTerms {
    /// The name of files for which no policy gives one.
    pub name: Option<Template>,
    /// Who takes them.
    pub command: Option<HandOver>,
    /// Who may read and remove what is delivered.
    pub access: Access,
    /// Whether the content of rejected files is kept.
    pub keeps_rejected: bool,
}

/// A command that takes delivered files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOver {
    /// The program, which is run without a shell.
    pub program: PathBuf,
    /// Its first arguments; the path of the file is the last.
    pub arguments: Vec<String>,
    /// How long it may take.
    pub time: Duration,
    /// How often it is tried.
    pub tries: u32,
}

/// How much a partner may send in a period of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartnerQuota {
    /// The most files; none where their number has no limit.
    pub files: Option<u64>,
    /// The most octets, all files together; none where their size has no limit.
    pub octets: Option<u64>,
    /// The period: what came longer ago does not count.
    pub per: Duration,
}

/// A component that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyPlan {
    /// Its name in the configuration.
    pub name: String,
    /// The component (.wasm).
    pub component: PathBuf,
    /// The questions that it is asked; all of them where none is named.
    pub hooks: Vec<Hook>,
    /// Its settings, which it reads by name.
    pub settings: BTreeMap<String, Setting>,
    /// The answer that counts when it fails, by question.
    pub on_failure: BTreeMap<Hook, OnFailure>,
    /// Whether it is asked `accept-connection` also about a caller that has shown no right password or certificate.
    pub asked_about_strangers: bool,
    /// What it may use up.
    pub limits: pointsman_policy::ResourceLimits,
    /// Octets that it may keep beyond sessions.
    pub kept: u64,
}

/// Limits on what callers and partners can use up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Callers' sessions at a time.
    pub sessions: usize,
    /// How many of them may come from one address (of IPv6: from one /64).
    pub sessions_per_address: usize,
    /// Callers at a time at one listener that have not identified themselves.
    pub callers_per_listener: usize,
    /// Of these, from one address.
    pub callers_per_address: usize,
    /// How long a caller may take to identify itself, including its TLS handshake.
    pub caller_time: Duration,
    /// Wrong passwords for one SSID code from one address, before it is locked out from there.
    pub guesses: u32,
    /// How long the lock-out lasts, from the last wrong password on.
    pub lock_out: Duration,
    /// Whether an unknown SSID code is answered like a wrong password, so that codes cannot be found by trying.
    pub conceal_partners: bool,
    /// How many sessions of one partner may end in an error in one second; beyond that its next sessions wait for their
    /// answer.
    pub failures_per_second: u32,
    /// How many files of one partner may be refused in one second; beyond that the next refusals wait.
    pub refusals_per_second: u32,
    /// How many log lines one event, partner and address may have in ten seconds; further ones are only counted.
    pub log_repeats: u32,
    /// How many broken files of one partner are kept to be resumed.
    pub partials_per_partner: usize,
    /// How long sessions may continue after the signal to end.
    pub drain: Duration,
    /// How long the delivery of a file received in a session is awaited before our turn ends without its receipt.
    pub receipt_wait: Duration,
    /// Secured files that are opened at a time; each partner may have half of them.
    pub openings: usize,
    /// Octets that files leave free on the disks of spool and ledger, for receipts and the ledger.
    pub reserve: u64,
    /// Files (inodes) that are kept free there for the same purpose.
    pub reserve_files: u64,
    /// Octets that the instances of all policies in all sessions hold together.
    pub policies_memory: u64,
    /// Octets that all policies keep together beyond sessions.
    pub policies_kept: u64,
}

impl Plan {
    #[must_use]
    pub fn partner(&self, name: &str) -> Option<Arc<Partner>> {
        self.partners.get(name).cloned()
    }

    /// How files of the partner of that name are delivered.
    #[must_use]
    pub fn delivery_of(&self, partner: &str) -> &DeliveryTerms {
        let partner = self.partners.get(partner);
        partner.map_or(&self.delivery, |partner| &partner.delivery)
    }

    #[must_use]
    pub fn policy(&self, name: &str) -> Option<&PolicyPlan> {
        self.policies.iter().find(|policy| policy.name == name)
    }

    /// Every watched folder: its key, such as `partners.NAME.watch[0]`, and its partner.
    pub fn watched(&self) -> impl Iterator<Item = (String, &Arc<Partner>, &WatchedFolder)> {
        self.partners.iter().flat_map(|(name, partner)| {
            let watched = partner.watch.iter().enumerate();
            watched.map(move |(at, watch)| (format!("partners.{name}.watch[{at}]"), partner, watch))
        })
    }

    /// The same plan with the values of `running` for all keys that cannot change while the server runs; and those of
    /// these keys whose values differ.
    #[must_use]
    pub fn with_what_needs_a_restart_of(mut self, running: &Self) -> (Self, Vec<String>) {
        let storage = &running.storage;
        let differ = [
            ("storage.state", self.storage.state != storage.state),
            ("storage.ledger", self.storage.ledger != storage.ledger),
            ("storage.inbox", self.storage.inbox != storage.inbox),
        ];
        self.storage = storage.clone();
        let waiting = differ.into_iter().filter(|(_, differs)| *differs);
        (self, waiting.map(|(key, _)| key.to_owned()).collect())
    }

    /// Whether the ledger has a folder of its own.
    #[must_use]
    pub fn ledger_is_apart(&self) -> bool {
        self.storage.ledger != self.storage.state
    }
}
