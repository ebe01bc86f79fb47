//! The keys of the configuration as an operator writes them. A key that is not written is `None` here; the defaults are
//! in `resolve.rs`, which makes the plan that the rest of the program reads.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use oftp::{Leniency, OdetteId, RecordLayout, UserData};
use pointsman_naming::Template;
use pointsman_policy::{Hook, OnFailure};
use pointsman_store::Repeated;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::context::{self, Owner};
use super::delivery_words::{CommandLine, FileMode, Group, Rejected};
use super::scalars::{Address, Between, ExistingFile, Label, Millis, Secret, Size};
use super::security_keys::{
    FileSecurityKeys, OwnKeyKeys, PartnerCertificateKeys, TlsKeys, WatchSendKeys,
};
use super::security_terms::SessionAuthentication;
use super::typed::Typed;
use super::words::{
    DatasetNames, FolderName, FormatLetter, Pattern, Release, SessionMode, Setting, TimeOfDay,
    VariableRecords, Version,
};

/// A whole configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The form of this file: 1.
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "the reader refuses every other form; nobody asks for this one"
    )]
    pub version: Typed<Version>,
    /// Who we are.
    pub station: StationKeys,
    /// Where files and the ledger are kept.
    pub storage: StorageKeys,
    /// Where partners may call.
    #[serde(default, deserialize_with = "of_listeners")]
    pub listeners: Vec<ListenerKeys>,
    /// Who may call, and whom we may call; the name is ours.
    #[serde(default, deserialize_with = "of_partners")]
    pub partners: BTreeMap<String, PartnerKeys>,
    /// What becomes of received files.
    #[serde(default)]
    pub delivery: DeliveryKeys,
    /// The components that are asked, in this order.
    #[serde(default)]
    pub policies: PolicyList,
    /// Bounds on everything that callers, partners and policies can use up.
    #[serde(default)]
    pub limits: LimitKeys,
}

/// Our identity, for every partner without keys of its own for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StationKeys {
    /// Our SSID code (RFC 5.3.2, SSIDCODE).
    pub ssid: Typed<OdetteId>,
    /// The SFID codes that files for us may name as destination; the first is the originator of what we
    /// send. Where none is given, the SSID code is the only one.
    #[serde(default)]
    pub sfids: Vec<Typed<OdetteId>>,
    /// The password we send (RFC 5.3.2, SSIDPSWD).
    pub password: Typed<Secret>,
    /// Our keys with every partner.
    #[serde(default)]
    pub keys: Vec<OwnKeyKeys>,
    /// Which mistakes of partners are tolerated, by the names of `docs/tolerances.md`.
    #[serde(default)]
    pub tolerances: Switches,
}

/// Tolerances that are switched on or off.
pub type Switches = BTreeMap<Typed<Leniency>, bool>;

/// Where files and the ledger are kept. State and inbox must lie on one file system.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageKeys {
    /// Folder of the spool, and of the ledger where `ledger` is not given.
    pub state: Typed<PathBuf>,
    /// Folder of the ledger, which may be on a file system of its own.
    pub ledger: Option<Typed<PathBuf>>,
    /// Folder that received files are delivered into.
    pub inbox: Typed<PathBuf>,
}

/// A place where partners may call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerKeys {
    /// Address and port: 3305 is usual for plain OFTP, 6619 for TLS; port 0 takes any free one.
    pub address: Typed<SocketAddr>,
    /// TLS from the first octet (RFC 2.3); without it the listener is plain.
    pub tls: Option<TlsKeys>,
    /// How many of `limits.sessions` this listener may have at a time (default: all of them).
    pub sessions: Option<Typed<Between<1, 100_000>>>,
}

/// One partner: a station on the other side, and what was agreed with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartnerKeys {
    /// Its SSID code.
    pub ssid: Typed<OdetteId>,
    /// The SFID codes its files may name as originator, the first being the destination of what we send;
    /// its SSID code where none is given.
    #[serde(default)]
    pub sfids: Vec<Typed<OdetteId>>,
    /// The password it sends.
    pub password: Option<Typed<Secret>>,
    /// Whether no passwords are agreed with it: it sends blanks, and so do we unless `our_password` is given.
    #[serde(default)]
    pub without_password: bool,
    /// The folder of its files below the inbox, where no policy names another; made of its name where none is given.
    pub inbox_folder: Option<Typed<FolderName>>,
    /// Our SSID code for this partner, if not the station's.
    pub our_ssid: Option<Typed<OdetteId>>,
    /// Our password for this partner, if not the station's.
    pub our_password: Option<Typed<Secret>>,
    /// Where it listens; without it only the partner can call.
    pub address: Option<Typed<Address>>,
    /// Whether we dial with TLS.
    #[serde(default)]
    pub tls: bool,
    /// Its certificate: the one it must show as a TLS server and, where callers are asked, as a caller; beside those of
    /// `certificates` that are for tls.
    pub certificate: Option<Typed<ExistingFile>>,
    /// Whether it may call without showing `certificate`: on a plain listener, or one that asks for none.
    #[serde(default)]
    pub calls_without_certificate: bool,
    /// CA certificates its server certificate may be issued by, instead of `certificate`.
    pub ca: Option<Typed<ExistingFile>>,
    /// Our certificate when we dial; it goes before those of `keys` and `station.keys` that are for tls-client.
    pub our_certificate: Option<Typed<ExistingFile>>,
    /// The private key of `our_certificate`.
    pub our_key: Option<Typed<ExistingFile>>,
    /// Our keys with it, which go before those of the station.
    #[serde(default)]
    pub keys: Vec<OwnKeyKeys>,
    /// Its certificates.
    #[serde(default)]
    pub certificates: Vec<PartnerCertificateKeys>,
    /// File security.
    #[serde(default)]
    pub file_security: FileSecurityKeys,
    /// How records of fixed length are stored in local files: `raw` (the default), `lines` or `length-prefixed`.
    pub fixed_records: Option<Typed<RecordLayout>>,
    /// How records of variable length are stored: `lines` (the default) or `length-prefixed`.
    pub variable_records: Option<Typed<VariableRecords>>,
    /// Whether CR LF is put behind each record of its T files: for a partner that sends lines as records without their ends.
    #[serde(default)]
    pub text_line_ends: bool,
    /// Whether our receipts name originator and destination as the file did, as the first edition of the protocol had it.
    #[serde(default)]
    pub unswapped_receipts: bool,
    /// Whether a file whose SFID asks for a signed receipt is taken where its receipt goes without a signature.
    #[serde(default)]
    pub unsigned_receipts: bool,
    /// Which data set names are sent to it.
    #[serde(default)]
    pub names: Typed<DatasetNames>,
    /// Which of its mistakes are tolerated, where that differs from the station's `tolerances`.
    #[serde(default)]
    pub tolerances: Switches,
    /// Folders whose files are sent to it.
    #[serde(default)]
    pub watch: Vec<WatchKeys>,
    /// When we call it by ourselves.
    #[serde(default)]
    pub calls: CallKeys,
    /// How long to wait before a failed attempt is repeated.
    #[serde(default)]
    pub retry: RetryKeys,
    /// How long its receipts may take before they count as overdue; without limit where it is not given.
    pub receipt_deadline: Option<Typed<Millis>>,
    /// How its files are delivered, where that differs from the station's `delivery`.
    #[serde(default)]
    pub delivery: DeliveryKeys,
    /// What to do with a file from it whose identity a file has that is here already.
    #[serde(default)]
    pub received_again: Typed<Repeated>,
    /// The largest file that is taken from it, on the wire and opened; without limit where it is not given.
    pub largest_file: Option<Typed<Size>>,
    /// How much it may send us in a period of time; without limit where it is not given.
    pub quota: Option<QuotaKeys>,
    /// How many sessions it may have at a time, where that differs from `limits.sessions_per_partner`.
    pub sessions: Option<Typed<Between<1, 100_000>>>,
    /// What we offer and allow in a session.
    #[serde(default)]
    pub session: SessionKeys,
}

fn of_listeners<'de, D: Deserializer<'de>>(listeners: D) -> Result<Vec<ListenerKeys>, D::Error> {
    context::of(Owner::Listeners, || Vec::deserialize(listeners))
}

fn of_partners<'de, D: Deserializer<'de>>(
    partners: D,
) -> Result<BTreeMap<String, PartnerKeys>, D::Error> {
    struct Profiles;

    impl<'de> Visitor<'de> for Profiles {
        type Value = BTreeMap<String, PartnerKeys>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map of partners, each under its name")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut profiles = BTreeMap::new();
            while let Some(name) = map.next_key::<String>()? {
                let owner = Owner::Partner(name.clone());
                let profile = context::of(owner, || map.next_value())?;
                profiles.insert(name, profile);
            }
            Ok(profiles)
        }
    }

    partners.deserialize_map(Profiles)
}

/// A folder whose files are sent to a partner.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchKeys {
    /// The folder; made if missing.
    pub folder: Typed<PathBuf>,
    /// Which files: `*` stands for anything, `?` for one character (default `*`).
    #[serde(default)]
    pub pattern: Typed<Pattern>,
    /// How long a file that was not renamed into the folder must be unchanged (default 5s).
    pub quiet: Option<Typed<Millis>>,
    /// The same where it is not known whether a program has it open for writing (default 60s, never less than `quiet`).
    pub quiet_unseen: Option<Typed<Millis>>,
    /// The format files are sent in: U (the default), T, F or V.
    #[serde(default)]
    pub format: Typed<FormatLetter>,
    /// The length of records: exactly so many octets with F, at most so many with V.
    pub record_length: Option<Typed<Between<0, 99_999>>>,
    /// How records are stored in them, if not as in the partner's other files.
    pub records: Option<Typed<RecordLayout>>,
    /// Whether lines that are shorter than `record_length` are filled with blanks: of format F kept as lines.
    #[serde(default)]
    pub pad: bool,
    /// The station they are for, if not the partner's first (SFIDDEST): its `ssid` or one of its `sfids`.
    pub destination: Option<Typed<OdetteId>>,
    /// The station of ours they are from, if not our first (SFIDORIG): the station's `ssid` or one of its `sfids`.
    pub originator: Option<Typed<OdetteId>>,
    /// The value of SFIDUSER, at most 8 characters as agreed with the partner.
    pub user_data: Option<Typed<UserData>>,
    /// Labels for policies and people: each `NAME=VALUE`, or a word; at most 64.
    #[serde(default)]
    pub labels: Vec<Typed<Label>>,
    /// What they are secured with, where that is not as the partner's `file_security.send` says.
    pub send: Option<WatchSendKeys>,
    /// The folder that files are moved to once they are queued; they are removed where it is not given.
    pub keep_in: Option<Typed<PathBuf>>,
}

/// When we call a partner that has an address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CallKeys {
    /// Whether it is called as soon as a file or a receipt waits for it (default true). With false it is called by
    /// `every` and `at`, by `pointsman send`, and by `queue send-now` of an operator.
    pub queued: Option<bool>,
    /// How long the server waits for more files before it calls (default 3s); `pointsman send` calls at once.
    pub delay: Option<Typed<Millis>>,
    /// How often it is called with nothing to send, to fetch its files.
    pub every: Option<Typed<Millis>>,
    /// Times of every day at which it is called as well, by the clock of this machine.
    pub at: Vec<Typed<TimeOfDay>>,
}

/// How long to wait before a failed attempt is repeated.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryKeys {
    /// After a call that was not answered (default 30s to 15m).
    pub unreachable: Option<WaitKeys>,
    /// After a session that ended too early (default 1m to 30m).
    pub session: Option<WaitKeys>,
    /// After a connection that was lost within a file (default 10s to 10m).
    pub broken: Option<WaitKeys>,
    /// After a file that the partner refused for now (default 1m to 1h).
    pub refused: Option<WaitKeys>,
    /// How often a file is offered before it is parked (default 50).
    pub offers: Option<Typed<Between<1, 1_000_000>>>,
}

/// Waiting times: they double from the first to the longest.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WaitKeys {
    /// After the first failure.
    pub first: Option<Typed<Millis>>,
    /// After many failures: the waits double up to this one.
    pub most: Option<Typed<Millis>>,
}

/// What we offer and allow in a session with a partner.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionKeys {
    /// The highest OFTP version: 1.2, 1.3, 1.4 or 2.0 (the default).
    pub version: Option<Typed<Release>>,
    /// Largest data exchange buffer in octets, 128 to 99999 (the default).
    pub buffer_size: Option<Typed<Between<128, 99_999>>>,
    /// Credit in buffers, 1 to 999 (the default).
    pub credit: Option<Typed<Between<1, 999>>>,
    /// How long the partner may be silent before the session is ended (default 60s).
    pub idle_timeout: Option<Typed<Millis>>,
    /// The direction of files, seen from us: both (the default), send-only or receive-only. Receipts are sent in both
    /// directions.
    pub mode: Option<Typed<SessionMode>>,
    /// Buffer compression (default false).
    pub compression: bool,
    /// Restart of broken files (default true).
    pub restart: Option<bool>,
    /// Session authentication: disallowed (the default), required or automatic.
    pub authentication: Typed<SessionAuthentication>,
}

/// A component that is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyKeys {
    /// The component (.wasm).
    pub component: Typed<ExistingFile>,
    /// The questions that it is asked; all of them where none is named.
    #[serde(default)]
    pub hooks: Vec<Typed<Hook>>,
    /// Its settings, which it reads by name.
    #[serde(default)]
    pub settings: BTreeMap<String, Typed<Setting>>,
    /// The answer that counts when it fails, by question.
    #[serde(default)]
    pub on_failure: BTreeMap<Typed<Hook>, Typed<OnFailure>>,
    /// Whether it is asked `accept-connection` also about a caller that has shown no right password or certificate: for
    /// a policy that identifies callers itself.
    #[serde(default)]
    pub asked_about_strangers: bool,
    /// What it may use up.
    #[serde(default)]
    pub limits: PolicyLimitKeys,
}

/// What a policy may use up.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyLimitKeys {
    /// Linear memory (default 32MiB).
    pub memory: Option<Typed<Size>>,
    /// How long it may take for one question (default 250ms).
    pub time: Option<Typed<Millis>>,
    /// The component file (default 32MiB).
    pub component: Option<Typed<Size>>,
    /// Processor time for compiling it (default 10s).
    pub compile_time: Option<Typed<Millis>>,
    /// Address space for compiling it (default 512MiB).
    pub compile_memory: Option<Typed<Size>>,
    /// How much it may keep beyond sessions (default 16MiB).
    pub kept: Option<Typed<Size>>,
}

/// The policies, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct PolicyList(pub Vec<(String, PolicyKeys)>);

impl<'de> Deserialize<'de> for PolicyList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = PolicyList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of policies, each under its name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PolicyList, A::Error> {
                let mut policies = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    let owner = Owner::Policy(name.clone());
                    policies.push((name, context::of(owner, || map.next_value())?));
                }
                Ok(PolicyList(policies))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

/// Bounds on what callers, partners and policies can use up.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitKeys {
    /// Callers' sessions at a time.
    pub sessions: Option<Typed<Between<1, 100_000>>>,
    /// How many of them one partner may have.
    pub sessions_per_partner: Option<Typed<Between<1, 100_000>>>,
    /// How many of them may come from one address (of IPv6: from one /64).
    pub sessions_per_address: Option<Typed<Between<1, 100_000>>>,
    /// Callers at a time at one listener that have not identified themselves.
    pub callers_per_listener: Option<Typed<Between<1, 100_000>>>,
    /// How many of them may come from one address.
    pub callers_per_address: Option<Typed<Between<1, 100_000>>>,
    /// How long a caller may take to identify itself, including its TLS handshake.
    pub caller_time: Option<Typed<Millis>>,
    /// Wrong passwords for one SSID code from one address, before it is locked out from there.
    pub guesses: Option<Typed<Between<1, 1_000_000>>>,
    /// How long the lock-out lasts, from the last wrong password on.
    pub lock_out: Option<Typed<Millis>>,
    /// Whether an unknown SSID code is answered like a wrong password, so that codes cannot be found by trying.
    pub conceal_partners: bool,
    /// How many sessions of one partner may end in an error in one second; beyond that the next wait for their answer.
    pub failures_per_second: Option<Typed<Between<1, 100_000>>>,
    /// How many files of one partner may be refused in one second; beyond that the next refusals wait.
    pub refusals_per_second: Option<Typed<Between<1, 100_000>>>,
    /// How many log lines one event, partner and address may have in ten seconds; further ones are only counted.
    pub log_repeats: Option<Typed<Between<1, 1_000_000>>>,
    /// How many octets must arrive in each idle time-out, so that a file or command that comes in small pieces counts
    /// as moving.
    pub least_progress: Option<Typed<Size>>,
    /// How many broken files of one partner are kept to be resumed.
    pub partials_per_partner: Option<Typed<Between<1, 1_000_000>>>,
    /// How long sessions may continue after the signal to end.
    pub drain: Option<Typed<Millis>>,
    /// How long the delivery of a file received in a session is awaited before our turn ends without its receipt.
    pub receipt_wait: Option<Typed<Millis>>,
    /// Secured files that are opened at a time; each partner may have half of them.
    pub openings: Option<Typed<Between<1, 1000>>>,
    /// Octets that files leave free on the disks of spool and ledger, for receipts and the ledger.
    pub reserve: Option<Typed<Size>>,
    /// Files (inodes) that are kept free there for the same purpose.
    pub reserve_files: Option<Typed<Between<0, 1_000_000_000>>>,
    /// Octets that the instances of all policies in all sessions hold together.
    pub policies_memory: Option<Typed<Size>>,
    /// Octets that all policies keep together beyond sessions.
    pub policies_kept: Option<Typed<Size>>,
}

/// How received files are delivered: the keys of the station, and those of a partner where they differ.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeliveryKeys {
    /// The name of a file for which no policy gives one; macros such as `%VirtualFileName%` stand for fields of the
    /// file.
    pub name: Option<Typed<Template>>,
    /// A program and its first arguments. It is run for each delivered file before its receipt is owed.
    pub command: Option<CommandLine>,
    /// How long it may take (default 5m).
    pub command_time: Option<Typed<Millis>>,
    /// How often it is run for a file before an operator has to decide (default 10).
    pub command_tries: Option<Typed<Between<1, 1_000_000>>>,
    /// The permissions of delivered files (default 0640), from which those of the folders that are created for them
    /// follow.
    pub mode: Option<Typed<FileMode>>,
    /// The group that delivered files and their folders are given to.
    pub group: Option<Typed<Group>>,
    /// Whether the content of a file that its NERP refuses is kept in the spool (the default) or deleted.
    pub rejected: Option<Typed<Rejected>>,
}

/// How much a partner may send in a time.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaKeys {
    /// The most files.
    pub files: Option<Typed<Between<1, 1_000_000_000>>>,
    /// The most octets, all files together.
    pub size: Option<Typed<Size>>,
    /// In which time (default 24h).
    pub per: Option<Typed<Millis>>,
}
