//! Makes the plan from the keys that the operator wrote. Only here keys that are not written get their defaults.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use oftp::{Format, Leniency, Level, Mode, Params, Password, RecordLayout, Timeouts, Tolerances};
use pointsman_naming::names;
use pointsman_store::Access;

use super::backoff::Backoff;
use super::changes::Fingerprints;
use super::delivery_words::Rejected;
use super::file::{
    CallKeys, DeliveryKeys, File, LimitKeys, ListenerKeys, PartnerKeys, PolicyKeys, QuotaKeys,
    RetryKeys, StationKeys, Switches, WaitKeys, WatchKeys,
};
use super::plan::{
    CallSchedule, DeliveryTerms, HandOver, IdentityFiles, ListenerPlan, OwnStation, Partner,
    PartnerQuota, Plan, PolicyPlan, Retries, ServerLimits, Storage, TlsPlan, WatchedFolder,
};
use super::scalars::{Between, ExistingFile, Millis, Secret, Size};
use super::security_keys::{OwnKeyKeys, PartnerCertificateKeys, TlsKeys, WatchSendKeys};
use super::security_terms::{SessionAuthentication, StoreSource};
use super::typed::Typed;
use super::words::FormatLetter;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const MIB: u64 = 1 << 20;

impl File {
    /// The plan of this file; its secrets were read from these variables of the environment.
    pub(super) fn plan(&self, secret_variables: BTreeSet<String>) -> Plan {
        let shared = Shared {
            station: &self.station,
            delivery: &self.delivery,
            least_progress: self.limits.least_progress.map_or(1024, octets),
            sessions_per_partner: self.limits.sessions_per_partner.map_or(100, count),
        };
        let partners = self.partners.iter();
        Plan {
            ours: own_station(&shared, &self.limits),
            storage: Storage {
                state: self.storage.state.0.clone(),
                ledger: self
                    .storage
                    .ledger
                    .as_ref()
                    .unwrap_or(&self.storage.state)
                    .0
                    .clone(),
                inbox: self.storage.inbox.0.clone(),
            },
            listeners: self.listeners.iter().map(ListenerKeys::plan).collect(),
            partners: partners
                .map(|(name, keys)| (name.clone(), Arc::new(keys.plan(name, &shared))))
                .collect(),
            delivery: self.delivery.or(&DeliveryKeys::default()),
            policies: self
                .policies
                .0
                .iter()
                .map(|(name, keys)| keys.plan(name))
                .collect(),
            limits: self.limits.plan(),
            path: PathBuf::new(),
            fingerprints: Fingerprints::default(),
            secret_variables,
        }
    }
}

/// Values of the station that a partner has where it has none of its own.
struct Shared<'f> {
    station: &'f StationKeys,
    delivery: &'f DeliveryKeys,
    least_progress: u64,
    sessions_per_partner: usize,
}

impl Shared<'_> {
    fn timeouts(&self) -> Timeouts {
        Timeouts {
            // What other products for OFTP wait, too.
            idle: MINUTE,
            least: self.least_progress,
            ..Timeouts::default()
        }
    }
}

fn own_station(shared: &Shared<'_>, limits: &LimitKeys) -> OwnStation {
    let keys = shared.station;
    let mut offer = Params::new(keys.ssid.0.clone(), keys.password.to_send());
    offer.timeouts = Timeouts {
        setup: limits.caller_time.map_or(15 * SECOND, span),
        ..shared.timeouts()
    };
    offer.tolerances = switched(offer.tolerances, &keys.tolerances);
    OwnStation {
        ssid: keys.ssid.0.clone(),
        sfids: keys.sfids.iter().map(own).collect(),
        keys: keys.keys.iter().map(OwnKeyKeys::plan).collect(),
        offer_to_strangers: offer,
    }
}

impl ListenerKeys {
    fn plan(&self) -> ListenerPlan {
        ListenerPlan {
            address: self.address.0,
            tls: self.tls.as_ref().map(TlsKeys::plan),
            sessions: self.sessions.map(count),
        }
    }
}

impl TlsKeys {
    fn plan(&self) -> TlsPlan {
        TlsPlan {
            identity: self.identity(),
            client_auth: self.client_auth,
            client_ca: self.client_ca.as_ref().map(path),
            min_version: self.min_version,
        }
    }
}

impl PartnerKeys {
    fn plan(&self, name: &str, shared: &Shared<'_>) -> Partner {
        let folder = self.inbox_folder.as_ref();
        Partner {
            name: name.to_owned(),
            ssid: self.ssid.0.clone(),
            sfids: self.sfids.iter().map(own).collect(),
            password: self.password(),
            inbox_folder: folder.map_or_else(|| names::safe(name), |folder| folder.0.0.clone()),
            address: self.address.as_ref().map(own),
            tls: self.tls,
            certificate: self.certificate.as_ref().map(path),
            calls_without_certificate: self.calls_without_certificate,
            ca: self.ca.as_ref().map(path),
            our_identity: self.our_identity(),
            keys: self.keys.iter().map(OwnKeyKeys::plan).collect(),
            certificates: self
                .certificates
                .iter()
                .map(PartnerCertificateKeys::plan)
                .collect(),
            file_security: self.file_security.plan(),
            authentication: self.session.authentication.0,
            fixed_records: self
                .fixed_records
                .map_or(RecordLayout::Raw, |layout| layout.0),
            variable_records: self
                .variable_records
                .map_or(RecordLayout::Lines, |layout| layout.0.0),
            text_line_ends: self.text_line_ends,
            unswapped_receipts: self.unswapped_receipts,
            unsigned_receipts: self.unsigned_receipts,
            names: self.names.0,
            offer: self.offer(shared),
            watch: self.watch.iter().map(WatchKeys::plan).collect(),
            calls: self.calls.plan(),
            retry: self.retry.plan(),
            receipt_deadline: self.receipt_deadline.map(span),
            delivery: self.delivery.or(shared.delivery),
            received_again: self.received_again.0,
            largest_file: self.largest_file.map(|size| size.0.0),
            quota: self.quota.as_ref().map(QuotaKeys::plan),
            sessions: self.sessions.map_or(shared.sessions_per_partner, count),
        }
    }

    /// The password it sends; none where none is written.
    pub(super) fn password(&self) -> Secret {
        let none = || Secret::Known(Password::none());
        self.password.as_ref().map_or_else(none, own)
    }

    fn our_identity(&self) -> Option<IdentityFiles> {
        Some(IdentityFiles {
            certificate: StoreSource::File(path(self.our_certificate.as_ref()?)),
            key: Some(StoreSource::File(path(self.our_key.as_ref()?))),
            password: None,
        })
    }

    /// What we offer this partner in SSID (RFC 5.3.2).
    fn offer(&self, shared: &Shared<'_>) -> Params {
        let ours = shared.station;
        let code = self.our_ssid.as_ref().unwrap_or(&ours.ssid);
        let password = match &self.our_password {
            Some(own) => own.to_send(),
            None if self.without_password => Password::none(),
            None => ours.password.to_send(),
        };
        let wish = &self.session;
        let mut offer = Params::new(code.0.clone(), password);
        offer.level = wish.version.map_or(Level::V20, |version| version.0.0);
        offer.mode = wish.mode.map_or(Mode::Both, |mode| mode.0.0);
        offer.compression = wish.compression;
        offer.restart = wish.restart.unwrap_or(true);
        offer.authentication = wish.authentication.0 == SessionAuthentication::Required;
        if let Some(size) = wish.buffer_size {
            offer.buffer_size = size.0.0;
        }
        if let Some(credit) = wish.credit {
            offer.credit = credit.0.0 as u16;
        }
        // What the station tolerates, then what its own profile does.
        let of_station = switched(Tolerances::default(), &ours.tolerances);
        offer.tolerances = switched(of_station, &self.tolerances);
        offer.timeouts = shared.timeouts();
        if let Some(idle) = wish.idle_timeout {
            offer.timeouts.idle = span(idle);
        }
        offer
    }
}

fn switched(tolerances: Tolerances, switches: &Switches) -> Tolerances {
    let set =
        |set: Tolerances, (leniency, on): (&Typed<Leniency>, &bool)| set.with(leniency.0, *on);
    switches.iter().fold(tolerances, set)
}

impl WatchKeys {
    fn plan(&self) -> WatchedFolder {
        let quiet = self.quiet.map_or(5 * SECOND, span);
        WatchedFolder {
            folder: self.folder.0.clone(),
            pattern: self.pattern.0.clone(),
            quiet,
            quiet_unseen: self.quiet_unseen.map_or(MINUTE, span).max(quiet),
            format: self.format(),
            records: self.records.map(|layout| layout.0),
            pad: self.pad,
            destination: self.destination.as_ref().map(own),
            originator: self.originator.as_ref().map(own),
            user_data: self.user_data.as_ref().map(own).unwrap_or_default(),
            labels: self.labels.iter().map(own).collect(),
            services: self
                .send
                .as_ref()
                .map_or_else(Default::default, WatchSendKeys::wanted),
            keep_in: self.keep_in.as_ref().map(own),
        }
    }

    fn format(&self) -> Format {
        let length = self.record_length.map_or(0, |length| length.0.0);
        match self.format.0 {
            FormatLetter::U => Format::Unstructured,
            FormatLetter::T => Format::Text,
            FormatLetter::F => Format::Fixed(length),
            FormatLetter::V => Format::Variable(length),
        }
    }
}

impl CallKeys {
    fn plan(&self) -> CallSchedule {
        CallSchedule {
            queued: self.queued.unwrap_or(true),
            delay: self.delay.map_or(3 * SECOND, span),
            every: self.every.map(span),
            at: self.at.iter().map(|at| at.0.0).collect(),
        }
    }
}

impl RetryKeys {
    fn plan(&self) -> Retries {
        Retries {
            unreachable: backoff(self.unreachable, 30 * SECOND, 15 * MINUTE),
            session: backoff(self.session, MINUTE, 30 * MINUTE),
            broken: backoff(self.broken, 10 * SECOND, 10 * MINUTE),
            refused: backoff(self.refused, MINUTE, HOUR),
            offers: self.offers.map_or(50, |offers| offers.0.0),
        }
    }
}

fn backoff(set: Option<WaitKeys>, first: Duration, most: Duration) -> Backoff {
    let set = set.unwrap_or_default();
    Backoff {
        first: set.first.map_or(first, span),
        most: set.most.map_or(most, span),
    }
}

impl DeliveryKeys {
    /// The terms of a partner with these keys, with those of the station where a key is missing.
    fn or(&self, station: &Self) -> DeliveryTerms {
        let command = self.command.as_ref().or(station.command.as_ref());
        let time = self.command_time.or(station.command_time);
        let tries = self.command_tries.or(station.command_tries);
        let rejected = self.rejected.or(station.rejected);
        let mode = self.mode.or(station.mode);
        DeliveryTerms {
            name: self.name.as_ref().or(station.name.as_ref()).map(own),
            command: command.map(|command| HandOver {
                program: command.program.clone(),
                arguments: command.arguments.clone(),
                time: time.map_or(5 * MINUTE, span),
                tries: tries.map_or(10, |tries| tries.0.0),
            }),
            access: Access {
                mode: mode.map_or(Access::default().mode, |mode| mode.0.0),
                group: self.group.or(station.group).and_then(|group| group.0.0),
            },
            keeps_rejected: rejected.is_none_or(|rejected| rejected.0 == Rejected::Keep),
        }
    }
}

impl QuotaKeys {
    fn plan(&self) -> PartnerQuota {
        PartnerQuota {
            files: self.files.map(|files| files.0.0.into()),
            octets: self.size.map(octets),
            per: self.per.map_or(24 * HOUR, span),
        }
    }
}

impl PolicyKeys {
    fn plan(&self, name: &str) -> PolicyPlan {
        let (wish, mut limits) = (&self.limits, pointsman_policy::ResourceLimits::default());
        limits.memory = wish.memory.map_or(limits.memory, octets);
        limits.component = wish.component.map_or(limits.component, octets);
        limits.time = wish.time.map_or(limits.time, span);
        limits.compile.cpu = wish.compile_time.map_or(limits.compile.cpu, span);
        limits.compile.memory = wish.compile_memory.map_or(limits.compile.memory, octets);
        let settings = self.settings.iter();
        let on_failure = self.on_failure.iter();
        PolicyPlan {
            name: name.to_owned(),
            component: path(&self.component),
            hooks: self.hooks.iter().map(|hook| hook.0).collect(),
            settings: settings
                .map(|(key, value)| (key.clone(), value.0.clone()))
                .collect(),
            on_failure: on_failure
                .map(|(hook, answer)| (hook.0, answer.0))
                .collect::<BTreeMap<_, _>>(),
            asked_about_strangers: self.asked_about_strangers,
            limits,
            kept: wish.kept.map_or(16 * MIB, octets),
        }
    }
}

impl LimitKeys {
    fn plan(&self) -> ServerLimits {
        ServerLimits {
            sessions: self.sessions.map_or(1000, count),
            sessions_per_address: self.sessions_per_address.map_or(500, count),
            callers_per_listener: self.callers_per_listener.map_or(512, count),
            callers_per_address: self.callers_per_address.map_or(128, count),
            caller_time: self.caller_time.map_or(15 * SECOND, span),
            guesses: self.guesses.map_or(10, |guesses| guesses.0.0),
            lock_out: self.lock_out.map_or(15 * MINUTE, span),
            conceal_partners: self.conceal_partners,
            failures_per_second: self.failures_per_second.map_or(10, |most| most.0.0),
            refusals_per_second: self.refusals_per_second.map_or(100, |most| most.0.0),
            log_repeats: self.log_repeats.map_or(100, |most| most.0.0),
            partials_per_partner: self.partials_per_partner.map_or(256, count),
            drain: self.drain.map_or(30 * SECOND, span),
            receipt_wait: self.receipt_wait.map_or(10 * SECOND, span),
            openings: self.openings.map_or(4, count),
            reserve: self.reserve.map_or(64 * MIB, octets),
            reserve_files: self.reserve_files.map_or(1000, |files| files.0.0.into()),
            policies_memory: self.policies_memory.map_or(512 * MIB, octets),
            policies_kept: self.policies_kept.map_or(128 * MIB, octets),
        }
    }
}

fn own<T: Clone>(typed: &Typed<T>) -> T {
    typed.0.clone()
}

fn path(file: &Typed<ExistingFile>) -> PathBuf {
    file.0.0.clone()
}

fn span(span: Typed<Millis>) -> Duration {
    span.0.0
}

fn octets(size: Typed<Size>) -> u64 {
    size.0.0
}

fn count<const MIN: u32, const MAX: u32>(number: Typed<Between<MIN, MAX>>) -> usize {
    number.0.0 as usize
}
