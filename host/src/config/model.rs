//! The keys of the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use oftp::{Format, Leniency, Level, Mode, OdetteId, Password, RecordLayout, UserData};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::deliveries::{Delivery, Quota, ReceivedAgain};
use super::value::{
    self, Address, Between, ExistingFile, Label, Millis, Owner, Scalar, Secret, Size, Value,
};
use crate::naming::names;

/// A whole configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The form of this file: 1.
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "the reader refuses every other form; nobody asks for this one"
    )]
    pub version: Value<Version>,
    /// Who we are.
    pub station: Station,
    /// Where files and the ledger are kept.
    pub storage: Storage,
    /// Where partners may call.
    #[serde(default, deserialize_with = "of_listeners")]
    pub listeners: Vec<Listener>,
    /// Who may call, and whom we may call; the name is ours.
    #[serde(default, deserialize_with = "of_partners")]
    pub partners: BTreeMap<String, Partner>,
    /// What becomes of received files.
    #[serde(default)]
    pub delivery: Delivery,
    /// The components that are asked, in this order.
    #[serde(default)]
    pub policies: Policies,
    /// Bounds on everything a peer can use up.
    #[serde(default)]
    pub limits: Limits,
    /// The variables of the environment that secrets were read from.
    #[serde(skip)]
    pub secret_variables: BTreeSet<String>,
}

/// Who we are, to every partner that is told nothing else.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Station {
    /// Our SSID code (RFC 5.3.2, SSIDCODE).
    pub ssid: Value<OdetteId>,
    /// The SFID codes that files for us may name as destination; the first is the originator of what we
    /// send. Where none is given, the SSID code is the only one.
    #[serde(default)]
    pub sfids: Vec<Value<OdetteId>>,
    /// The password we send (RFC 5.3.2, SSIDPSWD).
    pub password: Value<Secret>,
    /// What partners may get wrong, by the names of `docs/tolerances.md`.
    #[serde(default)]
    pub tolerances: Switches,
}

/// Leniencies that are switched on or off.
pub type Switches = BTreeMap<Value<Leniency>, bool>;

/// Where files and the ledger are kept. State and inbox must lie on one file system.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Folder of the spool, and of the ledger where nothing else is said.
    pub state: Value<PathBuf>,
    /// Folder of the ledger, which may lie on a file system of its own.
    pub ledger: Option<Value<PathBuf>>,
    /// Folder that received files are delivered into.
    pub inbox: Value<PathBuf>,
}

/// A place where partners may call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Address and port: 3305 is usual for plain OFTP, 6619 for TLS; port 0 takes any free one.
    pub address: Value<SocketAddr>,
    /// TLS from the first octet (RFC 2.3); without it the listener is plain.
    pub tls: Option<Tls>,
    /// Callers' sessions at a time that this listener may have of `limits.sessions` (default: all of them).
    pub sessions: Option<Value<Between<1, 100_000>>>,
}

/// The TLS of a listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Our certificate and its chain (PEM).
    pub certificate: Value<ExistingFile>,
    /// Its private key (PEM).
    pub key: Value<ExistingFile>,
    /// Whether a caller must show a certificate.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// CA certificates (PEM) that callers' certificates may be issued by, beside the partners' own.
    pub client_ca: Option<Value<ExistingFile>>,
    /// The oldest version spoken.
    #[serde(default)]
    pub min_version: TlsVersion,
}

/// Whether a caller must show a TLS certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// It is not asked for one.
    #[default]
    None,
    /// It is asked; one that comes must be good.
    Request,
    /// Without a good one there is no session.
    Require,
}

/// A TLS version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    #[serde(rename = "1.2")]
    V12,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    V13,
}

/// One partner: a station on the other side, and what was agreed with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partner {
    /// Its SSID code.
    pub ssid: Value<OdetteId>,
    /// The SFID codes its files may name as originator, the first being the destination of what we send;
    /// its SSID code where none is given.
    #[serde(default)]
    pub sfids: Vec<Value<OdetteId>>,
    /// The password it sends.
    #[serde(default = "no_password")]
    pub password: Value<Secret>,
    /// Whether no passwords are agreed with it: it sends blanks, and so do we unless `our_password` says otherwise.
    #[serde(default)]
    pub without_password: bool,
    /// The folder of its files below the inbox, where no policy names another; made of its name where none is given.
    pub inbox_folder: Option<Value<FolderName>>,
    /// Our SSID code for this partner, if not the station's.
    pub our_ssid: Option<Value<OdetteId>>,
    /// Our password for this partner, if not the station's.
    pub our_password: Option<Value<Secret>>,
    /// Where it listens; without it only the partner can call.
    pub address: Option<Value<Address>>,
    /// Whether we dial with TLS.
    #[serde(default)]
    pub tls: bool,
    /// Its certificate (PEM): the one it must show as a TLS server and, where callers are asked, as a caller.
    pub certificate: Option<Value<ExistingFile>>,
    /// Whether it may call without showing `certificate`: on a plain listener, or one that asks for none.
    #[serde(default)]
    pub calls_without_certificate: bool,
    /// CA certificates (PEM) its server certificate may be issued by, instead of `certificate`.
    pub ca: Option<Value<ExistingFile>>,
    /// Our certificate when we dial (PEM).
    pub our_certificate: Option<Value<ExistingFile>>,
    /// The private key of `our_certificate` (PEM).
    pub our_key: Option<Value<ExistingFile>>,
    /// How records of fixed length stand in local files: `raw` (the default), `lines` or `length-prefixed`.
    #[serde(default = "raw")]
    pub fixed_records: Value<RecordLayout>,
    /// How records of variable length do: `lines` (the default) or `length-prefixed`.
    #[serde(default)]
    pub variable_records: Value<VariableRecords>,
    /// Whether CR LF is put behind each record of its T files: for a partner that sends lines as records without their ends.
    #[serde(default)]
    pub text_line_ends: bool,
    /// Whether our receipts name originator and destination as the file did, as the first edition of the protocol had it.
    #[serde(default)]
    pub unswapped_receipts: bool,
    /// Whether a file whose SFID asks for a signed receipt is taken all the same, and gets one without a signature.
    #[serde(default)]
    pub unsigned_receipts: bool,
    /// Which data set names are sent to it.
    #[serde(default)]
    pub names: Value<DatasetNames>,
    /// What it may get wrong, where that is not what the station says.
    #[serde(default)]
    pub tolerances: Switches,
    /// Folders whose files are sent to it.
    #[serde(default)]
    pub watch: Vec<Watch>,
    /// When we call it by ourselves.
    #[serde(default)]
    pub calls: Calls,
    /// How long to wait before what failed is tried again.
    #[serde(default)]
    pub retry: Retry,
    /// How long its receipts may take before they count as overdue; for ever where nothing is said.
    pub receipt_deadline: Option<Value<Millis>>,
    /// What becomes of its files, where that is not what the station says.
    #[serde(default)]
    pub delivery: Delivery,
    /// What to do with a file of its whose identity another has that is here already.
    #[serde(default)]
    pub received_again: Value<ReceivedAgain>,
    /// How much it may send us in a time; as much as it likes where nothing is said.
    pub quota: Option<Quota>,
    /// Its sessions at a time, where that is not `limits.sessions_per_partner`.
    pub sessions: Option<Value<Between<1, 100_000>>>,
    /// What we offer and allow in a session.
    #[serde(default)]
    pub session: Session,
}

impl Storage {
    /// Folder of the ledger.
    #[must_use]
    pub fn ledger(&self) -> &Path {
        self.ledger.as_ref().map_or(&self.state.0, |apart| &apart.0)
    }
}

impl Partner {
    /// What is wrong with what it says of passwords.
    pub(super) fn password_disagrees(&self) -> Option<&'static str> {
        match (self.password.is_none(), self.without_password) {
            (true, false) => Some(
                "its `password` is missing; where no passwords are agreed, write `without_password: true`",
            ),
            (false, true) => Some("`password` and `without_password: true` exclude each other"),
            _ => None,
        }
    }

    /// Whether we call it by ourselves.
    #[must_use]
    pub fn is_called(&self) -> bool {
        let calls = &self.calls;
        self.address.is_some() && (calls.queued || calls.every.is_some() || !calls.at.is_empty())
    }
}

/// What becomes of data set names with characters that RFC 5024, 5.3 does not have: it has `A-Z 0-9 / - . & ( )`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DatasetNames {
    /// Files of such names are not queued.
    #[default]
    Strict,
    /// Small letters become capitals, every other character `-`.
    Mapped,
    /// They are sent as they are, where the wire can carry them: printable ISO 646, no blank before the name.
    AsIs,
}

impl Scalar for DatasetNames {
    const WHAT: &'static str = "what becomes of data set names: strict, mapped or as-is";
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "strict" => Ok(Self::Strict),
            "mapped" => Ok(Self::Mapped),
            "as-is" => Ok(Self::AsIs),
            _ => Err(format!(
                "`{text}` is not known for names; there are strict, mapped and as-is"
            )),
        }
    }
}

fn no_password() -> Value<Secret> {
    Value(Secret::Known(Password::none()))
}

fn of_listeners<'de, D: Deserializer<'de>>(listeners: D) -> Result<Vec<Listener>, D::Error> {
    value::of(Owner::Listeners, || Vec::deserialize(listeners))
}

fn of_partners<'de, D: Deserializer<'de>>(
    partners: D,
) -> Result<BTreeMap<String, Partner>, D::Error> {
    struct Profiles;

    impl<'de> Visitor<'de> for Profiles {
        type Value = BTreeMap<String, Partner>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map of partners, each under its name")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut profiles = BTreeMap::new();
            while let Some(name) = map.next_key::<String>()? {
                let owner = Owner::Partner(name.clone());
                let profile = value::of(owner, || map.next_value())?;
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
pub struct Watch {
    /// The folder; made if missing.
    pub folder: Value<PathBuf>,
    /// Which files: `*` stands for anything, `?` for one character (default `*`).
    #[serde(default)]
    pub pattern: Value<Pattern>,
    /// How long a file that was not renamed into the folder must be left alone (default 5s).
    pub quiet: Option<Value<Millis>>,
    /// The same of a file that nobody was seen to close, where the system does not tell whether somebody has it open for
    /// writing (default 60s, and never less than `quiet`).
    pub quiet_unseen: Option<Value<Millis>>,
    /// The format files are sent in: U (the default), T, F or V.
    #[serde(default)]
    pub format: Value<FormatLetter>,
    /// The length of records: exactly so many octets with F, at most so many with V.
    pub record_length: Option<Value<Between<0, 99_999>>>,
    /// How their records stand in them, if not as the partner's.
    pub records: Option<Value<RecordLayout>>,
    /// Whether lines that are shorter than `record_length` are filled with blanks: of format F kept as lines.
    #[serde(default)]
    pub pad: bool,
    /// The station they are for, if not the partner's first (SFIDDEST): its `ssid` or one of its `sfids`.
    pub destination: Option<Value<OdetteId>>,
    /// The station of ours they are from, if not our first (SFIDORIG): the station's `ssid` or one of its `sfids`.
    pub originator: Option<Value<OdetteId>>,
    /// What stands in SFIDUSER, at most 8 characters as agreed with the partner.
    pub user_data: Option<Value<UserData>>,
    /// What is said of them for policies and people: each `NAME=VALUE`, or a word; 64 at most.
    #[serde(default)]
    pub labels: Vec<Value<Label>>,
    /// Where files go once they are queued; removed where nothing is said.
    pub keep_in: Option<Value<PathBuf>>,
}

impl Watch {
    /// Why nothing can be padded, where it should be.
    pub(super) fn cannot_pad(&self, partner: &Partner) -> Option<&'static str> {
        let layout = self.records.map_or(partner.fixed_records.0, |own| own.0);
        let of_lines = self.format.0 == FormatLetter::F && layout == RecordLayout::Lines;
        (self.pad && !of_lines).then_some(CANNOT_PAD)
    }

    /// The format its files are sent in.
    #[must_use]
    pub fn format(&self) -> Format {
        let length = self.record_length.map_or(0, |length| length.0.0);
        match self.format.0 {
            FormatLetter::U => Format::Unstructured,
            FormatLetter::T => Format::Text,
            FormatLetter::F => Format::Fixed(length),
            FormatLetter::V => Format::Variable(length),
        }
    }
}

/// Why records are not padded.
pub const CANNOT_PAD: &str =
    "only lines are padded to records: files of format F whose records are `lines`";

/// SFIDFMT (RFC 5024, 5.3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FormatLetter {
    /// Unstructured.
    #[default]
    U,
    /// Text.
    T,
    /// Fixed records.
    F,
    /// Variable records.
    V,
}

impl Scalar for FormatLetter {
    const WHAT: &'static str = "a format: U, T, F or V";
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "U" => Ok(Self::U),
            "T" => Ok(Self::T),
            "F" => Ok(Self::F),
            "V" => Ok(Self::V),
            _ => Err(format!("`{text}` is not a format; there are U, T, F and V")),
        }
    }
}

/// The name of a folder below the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderName(pub String);

impl Scalar for FolderName {
    const WHAT: &'static str = "a folder's name, such as mueller";
    fn read(text: &str) -> Result<Self, String> {
        if names::safe(text) == text {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "`{text}` cannot be the name of a folder: it has letters (without marks), digits, `.`, `_` and `-`, at most {} of them, and begins with no `.`; nor may it be a device's, such as NUL",
            names::LONGEST
        ))
    }
}

impl Partner {
    /// The folder of its files below the inbox, where no policy names another.
    #[must_use]
    pub fn folder(&self, name: &str) -> String {
        let given = self.inbox_folder.as_ref();
        given.map_or_else(|| names::safe(name), |folder| folder.0.0.clone())
    }
}

/// Names of files, with `*` and `?`.
#[derive(Clone, Debug)]
pub struct Pattern(glob::Pattern);

impl Pattern {
    /// Whether the name is meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.0.matches(name)
    }
}

impl Default for Pattern {
    fn default() -> Self {
        Self(glob::Pattern::new("*").unwrap_or_default())
    }
}

impl Scalar for Pattern {
    const WHAT: &'static str = "a pattern of file names such as *.edi";
    fn read(text: &str) -> Result<Self, String> {
        let pattern = glob::Pattern::new(text);
        pattern.map(Self).map_err(|error| match error.msg {
            "invalid range pattern" => format!(
                "`{text}` is not a pattern: its brackets do not close; `[ab]` is one of those characters, and `[[]` a bracket itself"
            ),
            other => format!("`{text}` is not a pattern: {other}"),
        })
    }
}

/// When we call a partner that has an address.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calls {
    /// As soon as a file or a receipt waits for it (default true); with false it is called by `every` and `at`,
    /// by `pointsman send`, and where an operator says `queue send-now`.
    pub queued: bool,
    /// How long what is queued waits for company before we call (default 3s): `pointsman send` calls at once by itself.
    pub delay: Value<Millis>,
    /// Also so often with nothing to send, to fetch what it has.
    pub every: Option<Value<Millis>>,
    /// Also at these times of every day, by the clock of this machine.
    pub at: Vec<Value<TimeOfDay>>,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            queued: true,
            delay: Value(Millis(std::time::Duration::from_secs(3))),
            every: None,
            at: Vec::new(),
        }
    }
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay(pub jiff::civil::Time);

impl Scalar for TimeOfDay {
    const WHAT: &'static str = "a time of day such as '06:30'";
    fn read(text: &str) -> Result<Self, String> {
        let time = text.parse().map_err(|_| {
            format!("`{text}` is not a time of day; write one such as '06:30', in quotes")
        })?;
        Ok(Self(time))
    }
}

/// How long to wait before what failed is tried again.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Nobody answers (default 30s to 15m).
    pub unreachable: Option<Waits>,
    /// A session ends before its time (default 1m to 30m).
    pub session: Option<Waits>,
    /// The connection is lost within a file (default 10s to 10m).
    pub broken: Option<Waits>,
    /// The partner refuses a file for now (default 1m to 1h).
    pub refused: Option<Waits>,
    /// How often a file is offered before it is parked (default 50).
    pub offers: Option<Value<Between<1, 1_000_000>>>,
}

/// Waiting times: they double from the first to the longest.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Waits {
    /// After the first failure.
    pub first: Option<Value<Millis>>,
    /// At most.
    pub most: Option<Value<Millis>>,
}

fn raw() -> Value<RecordLayout> {
    Value(RecordLayout::Raw)
}

/// What we offer and allow in a session with a partner.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Session {
    /// The highest OFTP version: 1.2, 1.3, 1.4 or 2.0 (the default).
    pub version: Option<Value<Release>>,
    /// Largest data exchange buffer in octets, 128 to 99999 (the default).
    pub buffer_size: Option<Value<Between<128, 99_999>>>,
    /// Credit in buffers, 1 to 999 (the default).
    pub credit: Option<Value<Between<1, 999>>>,
    /// The silence that ends a session (default 60s).
    pub idle_timeout: Option<Value<Millis>>,
    /// Which way files may go, seen from us: both (the default), send-only or receive-only. Receipts go either way.
    pub mode: Option<Value<Way>>,
    /// Buffer compression (default false).
    pub compression: bool,
    /// Restart of broken files (default true).
    pub restart: Option<bool>,
}

/// What a policy is told by name: it may be a secret.
#[derive(Clone, Debug)]
pub struct Setting(pub String);

impl Scalar for Setting {
    const WHAT: &'static str = "a text";
    const IS_SECRET: bool = true;
    fn read(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }

    fn unread(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }
}

/// A component that is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The component (.wasm).
    pub component: Value<ExistingFile>,
    /// The questions it is asked; all of them where none is named.
    #[serde(default)]
    pub hooks: Vec<Value<Hook>>,
    /// Its settings, which it reads by name.
    #[serde(default)]
    pub settings: BTreeMap<String, Value<Setting>>,
    /// What is answered when it fails, by question.
    #[serde(default)]
    pub on_failure: BTreeMap<Value<Hook>, Value<OnFailure>>,
    /// Whether `accept-connection` is put to it also of a caller that has shown no right password or certificate: for a
    /// policy that decides itself who a caller is.
    #[serde(default)]
    pub asked_about_strangers: bool,
    /// What it may use up.
    #[serde(default)]
    pub limits: PolicyLimits,
}

type Hook = pointsman_policy::Hook;
type OnFailure = pointsman_policy::OnFailure;

/// What a policy may use up.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyLimits {
    /// Linear memory (default 32MiB).
    pub memory: Option<Value<Size>>,
    /// Its own time for one question (default 250ms).
    pub time: Option<Value<Millis>>,
    /// The component file (default 32MiB).
    pub component: Option<Value<Size>>,
    /// Processor time for compiling it (default 10s).
    pub compile_time: Option<Value<Millis>>,
    /// Address space for compiling it (default 512MiB).
    pub compile_memory: Option<Value<Size>>,
    /// What it keeps beyond sessions (default 16MiB).
    pub kept: Option<Value<Size>>,
}

/// The policies, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Policies(pub Vec<(String, Policy)>);

impl Policies {
    /// How big the component of a policy may be, in octets.
    #[must_use]
    pub fn limit(&self, name: &str) -> u64 {
        let named = self.0.iter().find(|(known, _)| known == name);
        let set = named.and_then(|(_, policy)| policy.limits.component);
        set.map_or(
            pointsman_policy::ResourceLimits::default().component,
            |size| size.0.0,
        )
    }

    /// How much a policy may keep beyond sessions, in octets.
    #[must_use]
    pub fn kept(&self, name: &str) -> u64 {
        let named = self.0.iter().find(|(known, _)| known == name);
        let set = named.and_then(|(_, policy)| policy.limits.kept);
        set.map_or(KEPT_BY_A_POLICY, |size| size.0.0)
    }
}

/// What a policy may keep beyond sessions where the configuration does not say.
const KEPT_BY_A_POLICY: u64 = 16 << 20;

impl<'de> Deserialize<'de> for Policies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Policies;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of policies, each under its name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Policies, A::Error> {
                let mut policies = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    policies.push(entry);
                }
                Ok(Policies(policies))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

/// Bounds on what peers can use up.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Callers' sessions at a time.
    pub sessions: Value<Between<1, 100_000>>,
    /// Of these, a partner's.
    pub sessions_per_partner: Value<Between<1, 100_000>>,
    /// Of these, from one address (of IPv6: from one /64).
    pub sessions_per_address: Value<Between<1, 100_000>>,
    /// Callers at a time at one listener that have not identified themselves.
    pub callers_per_listener: Value<Between<1, 100_000>>,
    /// Of these, from one address.
    pub callers_per_address: Value<Between<1, 100_000>>,
    /// How long a caller may take to identify itself, its TLS handshake included.
    pub caller_time: Value<Millis>,
    /// Wrong passwords for one SSID code from one address, before it is locked out from there.
    pub guesses: Value<Between<1, 1_000_000>>,
    /// How long that lasts from the last wrong password on.
    pub lock_out: Value<Millis>,
    /// Whether an SSID code that is not known is answered as a wrong password is, so that nobody can find out codes.
    pub conceal_partners: bool,
    /// Sessions of one partner a second that may end in an error; beyond that its next ones wait for their answer.
    pub failures_per_second: Value<Between<1, 100_000>>,
    /// Files of one partner a second that may be refused; beyond that the next refusals wait.
    pub refusals_per_second: Value<Between<1, 100_000>>,
    /// Lines of the log of one event, partner and address in ten seconds; further ones are counted.
    pub log_repeats: Value<Between<1, 1_000_000>>,
    /// Octets that count as movement of a file or a command that comes bit by bit: so many in each idle time-out.
    pub least_progress: Value<Size>,
    /// Broken files of one partner that are kept to go on from.
    pub partials_per_partner: Value<Between<1, 1_000_000>>,
    /// How long sessions may go on after the signal to end.
    pub drain: Value<Millis>,
    /// How long we wait for a file received in a session to be delivered before we end our turn without its receipt.
    pub receipt_wait: Value<Millis>,
    /// Octets that files never take of the disks of spool and ledger: room for receipts and the ledger.
    pub reserve: Value<Size>,
    /// Files (inodes) that are left free there, for the same.
    pub reserve_files: Value<Between<0, 1_000_000_000>>,
    /// Octets that the instances of all policies in all sessions hold together.
    pub policies_memory: Value<Size>,
    /// Octets that all policies keep together beyond sessions.
    pub policies_kept: Value<Size>,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = |seconds| Value(Millis(std::time::Duration::from_secs(seconds)));
        Self {
            sessions: Value(Between(1000)),
            sessions_per_partner: Value(Between(100)),
            sessions_per_address: Value(Between(500)),
            callers_per_listener: Value(Between(512)),
            callers_per_address: Value(Between(128)),
            caller_time: seconds(15),
            guesses: Value(Between(10)),
            lock_out: seconds(15 * 60),
            conceal_partners: false,
            failures_per_second: Value(Between(10)),
            refusals_per_second: Value(Between(100)),
            log_repeats: Value(Between(100)),
            least_progress: Value(Size(1024)),
            partials_per_partner: Value(Between(256)),
            drain: seconds(30),
            receipt_wait: seconds(10),
            reserve: Value(Size(64 << 20)),
            reserve_files: Value(Between(1000)),
            policies_memory: Value(Size(512 << 20)),
            policies_kept: Value(Size(128 << 20)),
        }
    }
}

/// The form of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version;

impl Scalar for Version {
    const WHAT: &'static str = "the number 1";
    fn read(text: &str) -> Result<Self, String> {
        if text == "1" {
            Ok(Self)
        } else {
            Err(format!(
                "this program reads version 1 of this file, not `{text}`"
            ))
        }
    }
}

/// An OFTP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release(pub Level);

impl Scalar for Release {
    const WHAT: &'static str = "an OFTP version: 1.2, 1.3, 1.4 or 2.0";
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "1.2" => Ok(Self(Level::V12)),
            "1.3" => Ok(Self(Level::V13)),
            "1.4" => Ok(Self(Level::V14)),
            "2.0" => Ok(Self(Level::V20)),
            _ => Err(format!(
                "`{text}` is not an OFTP version; there are 1.2, 1.3, 1.4 and 2.0"
            )),
        }
    }
}

/// SSIDSR, seen from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way(pub Mode);

impl Scalar for Way {
    const WHAT: &'static str = "both, send-only or receive-only";
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "both" => Ok(Self(Mode::Both)),
            "send-only" => Ok(Self(Mode::SendOnly)),
            "receive-only" => Ok(Self(Mode::ReceiveOnly)),
            _ => Err(format!(
                "`{text}` is no direction of files; there are both, send-only and receive-only"
            )),
        }
    }
}

impl Scalar for Leniency {
    const WHAT: &'static str = "the name of a tolerance, such as line_ends";
    fn read(text: &str) -> Result<Self, String> {
        Self::from_name(text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|known| known.name()).collect();
            format!(
                "`{text}` is not a tolerance; there are {}",
                names.join(", ")
            )
        })
    }
}

impl Scalar for RecordLayout {
    const WHAT: &'static str = "raw, lines or length-prefixed";
    fn read(text: &str) -> Result<Self, String> {
        Self::from_name(text).ok_or_else(|| {
            format!("`{text}` is no way to keep records; there are raw, lines and length-prefixed")
        })
    }
}

/// How records of variable length stand in local files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariableRecords(pub RecordLayout);

impl Default for VariableRecords {
    fn default() -> Self {
        Self(RecordLayout::Lines)
    }
}

impl Scalar for VariableRecords {
    const WHAT: &'static str = "lines or length-prefixed";
    fn read(text: &str) -> Result<Self, String> {
        match RecordLayout::from_name(text) {
            Some(RecordLayout::Raw) => Err(
                "variable records kept raw could not be told apart; there are lines and length-prefixed"
                    .to_owned(),
            ),
            Some(layout) => Ok(Self(layout)),
            None => Err(format!(
                "`{text}` is no way to keep variable records; there are lines and length-prefixed"
            )),
        }
    }
}

impl Scalar for Hook {
    const WHAT: &'static str = "the name of a question, such as accept-file";
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| {
            format!("`{text}` is not a question; there are accept-connection, accept-file, end-transfer, ready-to-send and end-response")
        })
    }
}

impl Scalar for OnFailure {
    const WHAT: &'static str = "retry, refuse or accept";
    fn read(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| format!("`{text}` is not retry, refuse or accept"))
    }
}
