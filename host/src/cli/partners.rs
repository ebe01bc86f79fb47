//! `pointsman partners`.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use clap::Args;
use oftp::Mode;
use pointsman_log::printable;
use pointsman_store::{Backlog, Contact, ContactKind, Ledger};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::out::{last_word, print_json, say};
use super::send::unknown_partner;
use super::{Configured, Failed, Outcome, block_on, has_store, open_store, sessions, when};
use crate::config::partners::Profile;
use crate::config::{Config, Needs, Partner};
use crate::outbound::watch;
use crate::server::control::{self, ControlError, Reply, Request};
use crate::server::inspect::{self, Remark, Weight};
use crate::station::contacts::Plan;
use crate::station::roster::SessionNow;

/// What is known of partners: when and how the last session went, what failed last, when the next call is, what waits
/// and why it does not go, which receipts are overdue, and when certificates end. The server need not run.
#[derive(Debug, Args)]
pub(super) struct Partners {
    /// Of this partner alone, with everything.
    name: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

/// Everything that is known of one partner.
struct Known<'a> {
    name: &'a str,
    profile: &'a Partner,
    contacts: BTreeMap<ContactKind, &'a Contact>,
    backlog: Backlog,
    /// Those of its profile, by their keys there.
    certificates: Vec<(&'a str, &'a Remark)>,
    /// Its watched folders that cannot be used, by their keys, and why.
    folders: Vec<(&'a str, &'a str)>,
    /// Those that every partner sees.
    of_station: Vec<&'a Remark>,
    /// Whether a server runs on this configuration.
    serving: bool,
    plan: Option<Plan>,
    sessions: Vec<&'a SessionNow>,
}

impl Partners {
    pub(super) fn run(self) -> Outcome {
        let config = self.configured.load(&Needs::Nothing)?;
        if let Some(name) = &self.name
            && !config.partners.contains_key(name)
        {
            return Err(unknown_partner(name, config.partners.keys()));
        }
        block_on(async {
            let look = Look::at(&config).await?;
            let wanted = |name: &str| self.name.as_ref().is_none_or(|only| only == name);
            let profiles = config.partners.iter().filter(|(name, _)| wanted(name));
            let unusable = unusable_folders(&config).await;
            let known: Vec<Known<'_>> = profiles
                .map(|(name, profile)| Known {
                    folders: folders(name, &unusable),
                    ..look.known(name, profile)
                })
                .collect();
            if self.json {
                return print_json(&known.iter().map(Known::as_json).collect::<Vec<_>>());
            }
            match self.name {
                Some(_) => {
                    look.of_station().for_each(print_of_station);
                    known.iter().for_each(Known::print);
                }
                None => {
                    let bad = |remark: &&Remark| remark.weight > Weight::Good;
                    look.of_station().filter(bad).for_each(print_of_station);
                    print_table(&known);
                }
            }
            Ok(())
        })
    }
}

/// How long a command that is about something else waits for the server.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known of all partners at a moment.
pub(super) struct Look {
    running: Option<Running>,
    contacts: Vec<Contact>,
    backlog: BTreeMap<String, Backlog>,
    remarks: Vec<Remark>,
}

/// Why files for a partner wait, and until when.
#[derive(Clone, Debug)]
pub(super) struct Waits {
    pub why: Option<String>,
    pub next_call: String,
}

impl Look {
    pub(super) async fn at(config: &Config) -> Result<Self, Failed> {
        // The server first: it writes down what it remembers before it answers.
        Self::with(config, running(config).await?).await
    }

    /// For a command that is not about the server: where that does not answer, this is said, and the rest is told.
    pub(super) async fn beside(config: &Config) -> Result<Self, Failed> {
        let running = match tokio::time::timeout(PATIENCE, running(config)).await {
            Ok(Ok(running)) => running,
            Ok(Err(failed)) => without_server(&failed.message),
            Err(_) => without_server("it does not answer"),
        };
        Self::with(config, running).await
    }

    async fn with(config: &Config, running: Option<Running>) -> Result<Self, Failed> {
        let (contacts, backlog) = remembered(config).await?;
        Ok(Self {
            running,
            contacts,
            backlog,
            remarks: inspect::certificates(config),
        })
    }

    /// What there is to say of the certificates that every partner sees.
    fn of_station(&self) -> impl Iterator<Item = &Remark> {
        self.remarks.iter().filter(|remark| remark.is_of_station())
    }

    /// The sessions that run, where a server does.
    pub(super) fn sessions(&self) -> &[SessionNow] {
        self.running.as_ref().map_or(&[], |(_, sessions)| sessions)
    }

    /// Why what waits for this partner does not go, and when it is called next.
    pub(super) fn waits(&self, config: &Config, partner: &str) -> Waits {
        match config.partners.get(partner) {
            Some(profile) => {
                let known = self.known(partner, profile);
                Waits {
                    why: known.why(),
                    next_call: known.next_call(),
                }
            }
            None => Waits {
                why: Some(gone(partner)),
                next_call: "never".to_owned(),
            },
        }
    }

    /// The partners for whom something waits, and whom the configuration does not name.
    pub(super) fn gone(&self, config: &Config) -> Vec<&str> {
        let waiting = self.backlog.iter().filter(|(name, waiting)| {
            !config.partners.contains_key(*name) && waiting.files + waiting.owed > 0
        });
        waiting.map(|(name, _)| name.as_str()).collect()
    }

    fn known<'a>(&'a self, name: &'a str, profile: &'a Partner) -> Known<'a> {
        let plan = |(plans, _): &Running| plans.get(name).copied();
        Known {
            name,
            profile,
            contacts: of(name, &self.contacts),
            backlog: self.backlog.get(name).cloned().unwrap_or_default(),
            certificates: certificates(name, &self.remarks),
            // `partners` alone tells of them.
            folders: Vec::new(),
            of_station: self.of_station().collect(),
            serving: self.running.is_some(),
            plan: self.running.as_ref().and_then(plan),
            sessions: with(name, self.sessions()),
        }
    }
}

/// What is to be done about files of a partner that there is not.
pub(super) fn gone(partner: &str) -> String {
    format!(
        "the configuration has no partner `{}`: give its profile that name again, or cancel the files",
        printable(partner)
    )
}

fn without_server(why: &str) -> Option<Running> {
    last_word(&format!("nothing is told of the running server: {why}"));
    None
}

type Running = (BTreeMap<String, Plan>, Vec<SessionNow>);

/// When the server calls partners, and its sessions; none where no server runs.
async fn running(config: &Config) -> Result<Option<Running>, Failed> {
    match control::ask(config, &Request::Partners, |_, _| {}).await {
        Ok(Reply::Partners { plans, sessions }) => Ok(Some((plans, sessions))),
        Ok(other) => Err(super::policy::unexpected(other)),
        Err(ControlError::Nobody { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

type Remembered = (Vec<Contact>, BTreeMap<String, Backlog>);

/// What the ledger has. Where no server ever ran there is none, and nothing to remember.
async fn remembered(config: &Config) -> Result<Remembered, Failed> {
    if !has_store(config)? {
        return Ok(Remembered::default());
    }
    let (ledger, _) = open_store(config)?;
    let partners = config.partners.keys();
    let longest = partners.filter_map(|name| {
        let profile = Profile::by_name(config, name)?;
        Some((name.clone(), profile.longest().file))
    });
    let backlog = ledger.backlog(longest.collect()).await?;
    Ok((ledger.contacts().await?, backlog))
}

fn of<'a>(name: &str, contacts: &'a [Contact]) -> BTreeMap<ContactKind, &'a Contact> {
    let its = contacts.iter().filter(|contact| contact.partner == name);
    its.map(|contact| (contact.kind, contact)).collect()
}

fn with<'a>(name: &str, all: &'a [SessionNow]) -> Vec<&'a SessionNow> {
    let its = |session: &&SessionNow| session.partner.as_deref() == Some(name);
    all.iter().filter(its).collect()
}

/// Keys of watched folders that cannot be used, and why. One that does not answer, on a network share, holds up nobody.
async fn unusable_folders(config: &Config) -> Vec<(String, String)> {
    let config = config.clone();
    let looking = spawn_blocking(move || watch::obstacles(&config));
    match tokio::time::timeout(PATIENCE, looking).await {
        Ok(Ok(found)) => found,
        _ => {
            last_word("nothing is told of watched folders: one of them does not answer");
            Vec::new()
        }
    }
}

/// Those of one partner, by their keys there. Another's name may go on behind a point.
fn folders<'a>(name: &str, all: &'a [(String, String)]) -> Vec<(&'a str, &'a str)> {
    let its = all.iter().filter_map(|(place, why)| {
        let key = place.strip_prefix("partners.")?.strip_prefix(name)?;
        let key = key.strip_prefix('.')?;
        key.starts_with("watch[").then_some((key, why.as_str()))
    });
    its.collect()
}

fn certificates<'a>(name: &str, remarks: &'a [Remark]) -> Vec<(&'a str, &'a Remark)> {
    let its = remarks
        .iter()
        .filter_map(|remark| remark.key_of_partner(name).map(|key| (key, remark)));
    its.collect()
}

impl Known<'_> {
    /// Why nothing goes, if something waits and does not go by itself just now; in the order in which an operator would
    /// look.
    fn why(&self) -> Option<String> {
        let waiting = &self.backlog;
        let idle = waiting.files + waiting.owed == 0;
        if idle || waiting.in_session > 0 || self.plan == Some(Plan::Calling) {
            return None;
        }
        if !self.serving {
            let or_send = match self.profile.address {
                Some(_) => format!(", or send it with `pointsman send --to {}`", self.name),
                None => String::new(),
            };
            let stayed = self
                .stayed()
                .map_or_else(String::new, |why| format!("; {why}"));
            return Some(format!(
                "no server runs on this configuration: start `pointsman serve`{or_send}{stayed}"
            ));
        }
        let stopped = waiting.held + waiting.parked;
        if waiting.owed == 0 && stopped == waiting.files {
            return Some(format!(
                "what waits is held or parked, and goes when you say so: `pointsman queue list --partner {}`, then `queue release ID`",
                self.name
            ));
        }
        if let Some(failure) = self.failure() {
            return Some(format!(
                "{}: {}",
                if failure.dialled {
                    "the last call failed"
                } else {
                    "its last session failed"
                },
                printable(&failure.words)
            ));
        }
        if let Some(stayed) = self.stayed() {
            return Some(stayed);
        }
        if self.profile.address.is_none() {
            let refused = self.refusal().map_or_else(String::new, |refusal| {
                format!(
                    "; a caller with its code was not let in: {}",
                    printable(&refusal.words)
                )
            });
            return Some(format!(
                "its profile has no `address`, so it is not called: what waits goes when it calls us{refused}"
            ));
        }
        if waiting.owed == 0 && stopped + waiting.resting == waiting.files {
            let until = waiting.rests_until.map(when).unwrap_or_default();
            let reason = waiting.reason.as_deref().map(printable);
            return Some(format!(
                "what waits rests until {until}: {}",
                reason.unwrap_or_default()
            ));
        }
        if !self.profile.is_called() || !self.profile.calls.queued {
            return Some(format!(
                "it is not called for what waits (`calls.queued: false`): it goes with its own call, the next one by the clock, or `pointsman send --to {}`",
                self.name
            ));
        }
        let mode = self.profile.session.mode.map(|mode| mode.0.0);
        if waiting.files > stopped && mode == Some(Mode::ReceiveOnly) {
            return Some("its `session.mode` is receive-only: no file goes to it".to_owned());
        }
        let reason = waiting.reason.as_deref().map(printable);
        reason.map(|reason| format!("the last session left it: {reason}"))
    }

    /// Why files that were there at the last session, and could have gone, did not go in it.
    fn stayed(&self) -> Option<String> {
        let waiting = &self.backlog;
        let last = self.contacts.get(&ContactKind::Session)?;
        let was_there = waiting.ready_since.is_some_and(|since| since <= last.at);
        let why = last.stayed.as_deref().filter(|_| was_there)?;
        Some(format!("the last session left it: {}", printable(why)))
    }

    /// The last failure, if no session since has come to its end as it should.
    fn failure(&self) -> Option<&Contact> {
        self.since_good(ContactKind::Failure)
    }

    fn refusal(&self) -> Option<&Contact> {
        self.since_good(ContactKind::Refusal)
    }

    fn since_good(&self, kind: ContactKind) -> Option<&Contact> {
        let good = self.contacts.get(&ContactKind::Good);
        let found = self.contacts.get(&kind).copied();
        found.filter(|found| good.is_none_or(|good| found.at > good.at))
    }

    /// When the next call is, in words.
    fn next_call(&self) -> String {
        let files = self.backlog.files - self.backlog.held - self.backlog.parked;
        let waits = files + self.backlog.owed > 0 && self.profile.calls.queued;
        match self.plan {
            _ if !self.profile.is_called() && self.profile.address.is_none() => {
                "never: its profile has no `address`".to_owned()
            }
            _ if !self.profile.is_called() => "never by itself: see `calls`".to_owned(),
            None if !self.serving => "none: no server runs".to_owned(),
            // The server has just started and has not looked yet.
            None => "soon".to_owned(),
            Some(Plan::Calling) => "it is being called".to_owned(),
            Some(Plan::At(at)) => ahead(at),
            Some(Plan::NotBefore(at)) if waits => ahead(at),
            Some(Plan::NotBefore(at)) => {
                format!("as soon as something waits, and not before {}", when(at))
            }
            Some(Plan::WhenSomethingWaits) => match self.backlog.rests_until.filter(|_| waits) {
                Some(at) => ahead(at),
                None => "as soon as something waits".to_owned(),
            },
        }
    }

    fn print(&self) {
        line(
            "partner",
            &format!("{} (SSID {})", self.name, self.profile.ssid.0),
        );
        line("address", &self.address());
        for session in &self.sessions {
            line("sessions", &sessions::told(session));
        }
        for (what, kind) in [
            ("last session", ContactKind::Session),
            ("last good one", ContactKind::Good),
            ("last failure", ContactKind::Failure),
            ("last refusal", ContactKind::Refusal),
        ] {
            let told = self.contacts.get(&kind).map(|contact| told(contact));
            line(what, told.as_deref().unwrap_or("none"));
        }
        line("next call", &self.next_call());
        line("to send", &self.to_send());
        line("receipts", &self.receipts());
        for (key, remark) in &self.certificates {
            line("certificate", &format!("{key}: {}", weighed(remark)));
        }
        for (key, why) in &self.folders {
            line("not watched", &format!("{key}: {}", printable(why)));
        }
        if let Some(why) = self.why() {
            line("why it waits", &why);
        }
    }

    fn address(&self) -> String {
        match &self.profile.address {
            Some(address) if self.profile.tls => format!("{} with TLS", address.0),
            Some(address) => format!("{} without TLS", address.0),
            None => "none: only it can call us".to_owned(),
        }
    }

    fn to_send(&self) -> String {
        let waiting = &self.backlog;
        if waiting.files == 0 {
            return "nothing".to_owned();
        }
        let of = [
            (waiting.in_session, "in a session"),
            (waiting.resting, "resting"),
            (waiting.held, "held"),
            (waiting.parked, "parked"),
        ];
        let of = of.iter().filter(|(count, _)| *count > 0);
        let of: Vec<String> = of.map(|(count, what)| format!("{count} {what}")).collect();
        let of = match of.is_empty() {
            true => String::new(),
            false => format!(" ({})", of.join(", ")),
        };
        let since = waiting.oldest.map(when).unwrap_or_default();
        format!(
            "{} files{of}, {} octets, the oldest since {since}",
            waiting.files, waiting.octets
        )
    }

    fn receipts(&self) -> String {
        let waiting = &self.backlog;
        let mut of = vec![format!(
            "{} awaited, {} overdue",
            waiting.awaited, waiting.overdue
        )];
        if let Some(since) = waiting.overdue_since {
            of.push(format!("the first of a file sent {}", when(since)));
        }
        of.push(format!("{} owed to it", waiting.owed));
        if waiting.unanswered > 0 {
            of.push(format!(
                "{} wait for your answer (`pointsman transfers answer ID`)",
                waiting.unanswered
            ));
        }
        of.join(", ")
    }

    /// The row of the table, its last column apart.
    fn row(&self) -> [String; 5] {
        let last = self.contacts.get(&ContactKind::Session);
        let next = match self.plan {
            Some(Plan::At(at) | Plan::NotBefore(at)) => when(at),
            Some(Plan::Calling) => "now".to_owned(),
            _ => "-".to_owned(),
        };
        [
            self.name.to_owned(),
            last.map_or_else(|| "-".to_owned(), |last| when(last.at)),
            next,
            self.backlog.files.to_string(),
            self.backlog.overdue.to_string(),
        ]
    }

    /// What is to be known of it beside the numbers.
    fn notes(&self) -> String {
        let mut notes: Vec<String> = self.why().into_iter().collect();
        if notes.is_empty()
            && let Some(failure) = self.failure()
        {
            notes.push(format!("last failure: {}", printable(&failure.words)));
        }
        let certificates = self.certificates.iter();
        let told = certificates.filter(|(_, remark)| remark.weight > Weight::Good);
        notes.extend(told.map(|(key, remark)| format!("{key}: {}", weighed(remark))));
        let folders = self.folders.iter();
        notes.extend(folders.map(|(key, why)| format!("not watched: {key}: {}", printable(why))));
        notes.join("; ")
    }

    fn as_json(&self) -> Value {
        let waiting = &self.backlog;
        let contact = |kind| self.contacts.get(&kind).map(|contact| as_json(contact));
        let of_station = self.of_station.iter();
        let of_station = of_station.map(|remark| (remark.place.as_str(), *remark));
        let certificates = self.certificates.iter().copied().chain(of_station);
        let certificates = certificates.map(|(key, remark)| {
            json!({
                "key": key,
                "weight": weight(remark),
                "text": remark.text,
                "ends": remark.ends.map(|ends| when(SystemTime::UNIX_EPOCH + Duration::from_secs(ends))),
            })
        });
        json!({
            "partner": self.name,
            "ssid": self.profile.ssid.0.to_string(),
            "address": self.profile.address.as_ref().map(|address| address.0.to_string()),
            "tls": self.profile.tls,
            "server_runs": self.serving,
            "sessions": self.sessions.iter().map(|session| sessions::as_json(session)).collect::<Vec<_>>(),
            "last_session": contact(ContactKind::Session),
            "last_good_session": contact(ContactKind::Good),
            "last_failure": contact(ContactKind::Failure),
            "last_refusal": contact(ContactKind::Refusal),
            "next_call": self.next_call(),
            "next_call_at": match self.plan {
                Some(Plan::At(at) | Plan::NotBefore(at)) => Some(when(at)),
                _ => None,
            },
            "to_send": {
                "files": waiting.files,
                "octets": waiting.octets,
                "in_session": waiting.in_session,
                "resting": waiting.resting,
                "rests_until": waiting.rests_until.map(when),
                "held": waiting.held,
                "parked": waiting.parked,
                "oldest": waiting.oldest.map(when),
            },
            "receipts": {
                "awaited": waiting.awaited,
                "overdue": waiting.overdue,
                "overdue_since": waiting.overdue_since.map(when),
                "owed": waiting.owed,
                "unanswered": waiting.unanswered,
            },
            "certificates": certificates.collect::<Vec<_>>(),
            "not_watched": self.folders.iter().map(|(key, why)| json!({"key": key, "why": why})).collect::<Vec<_>>(),
            "why_it_waits": self.why(),
        })
    }
}

fn line(what: &str, text: &str) {
    say!("{what:13} {text}");
}

fn print_of_station(remark: &Remark) {
    line("station", &format!("{}: {}", remark.place, weighed(remark)));
}

fn print_table(known: &[Known<'_>]) {
    let heading = ["PARTNER", "LAST SESSION", "NEXT CALL", "TO SEND", "OVERDUE"];
    let row = |row: [&str; 5], notes: &str| {
        let [name, last, next, files, overdue] = row;
        let line = format!("{name:16}  {last:20}  {next:20}  {files:>7}  {overdue:>7}  {notes}");
        say!("{}", line.trim_end());
    };
    row(heading, "NOTES");
    for known in known {
        row(known.row().each_ref().map(String::as_str), &known.notes());
    }
    if known.iter().any(|known| !known.serving) {
        say!("no server runs on this configuration: nobody is called, and nobody can call");
    }
}

/// The last session of its kind, as a line.
fn told(contact: &Contact) -> String {
    let who = match contact.dialled {
        true => "we called",
        false => "it called from",
    };
    format!(
        "{}: {who} {}: {}",
        when(contact.at),
        printable(&contact.remote),
        printable(&contact.words)
    )
}

fn as_json(contact: &Contact) -> Value {
    json!({
        "at": when(contact.at),
        "dialled": contact.dialled,
        "remote": contact.remote,
        "words": contact.words,
    })
}

fn weight(remark: &Remark) -> &'static str {
    match remark.weight {
        Weight::Good => "good",
        Weight::Warning => "warning",
        Weight::Error => "error",
    }
}

fn weighed(remark: &Remark) -> String {
    match remark.weight {
        Weight::Good => remark.text.clone(),
        _ => format!("{}: {}", weight(remark), remark.text),
    }
}

/// A moment to come, and how long that is.
fn ahead(at: SystemTime) -> String {
    let left = at.duration_since(SystemTime::now()).unwrap_or_default();
    match left.as_secs() {
        0 => "now".to_owned(),
        seconds => format!("{}, in {}", when(at), span(seconds)),
    }
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_a_partner_whose_name_goes_on_behind_a_point_is_not_anothers() {
        let all = [
            "partners.a.watch[0].folder",
            "partners.a.b.watch[1].keep_in",
        ];
        let all = all.map(|place| (place.to_owned(), "it is a file".to_owned()));
        assert_eq!(folders("a", &all), [("watch[0].folder", "it is a file")]);
        assert_eq!(folders("a.b", &all), [("watch[1].keep_in", "it is a file")]);
    }
}
