//! Finds values that do not fit together, which no value alone can show.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;

use oftp::{Format, OdetteId, RecordLayout};

use super::context::Owner;
use super::file::{File, PartnerKeys, WaitKeys};
use super::plan::{Partner, Plan, WatchedFolder};
use super::scalars::Label;
use super::security_agreement::lacks;

/// Values that do not go together.
#[derive(Debug)]
pub(super) struct Disagreement {
    /// The keys that lead to one of the values; an element of a list is named by its number.
    pub(super) keys: Vec<String>,
    pub(super) what: String,
}

impl Disagreement {
    /// The owner of the values that do not fit together.
    pub(super) fn owner(&self) -> Owner {
        let mut keys = self.keys.iter().map(String::as_str);
        match (keys.next(), keys.next()) {
            (Some("partners"), Some(name)) => Owner::Partner(name.to_owned()),
            (Some("policies"), Some(name)) => Owner::Policy(name.to_owned()),
            (Some("listeners"), _) => Owner::Listeners,
            _ => Owner::All,
        }
    }
}

/// The disagreements found so far.
#[derive(Default)]
struct Disagreements(Vec<Disagreement>);

impl Disagreements {
    fn push(&mut self, keys: &[&str], what: String) {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        self.0.push(Disagreement { keys, what });
    }
}

/// All values of the file, and of its plan, that do not fit together.
pub(super) fn disagreements(file: &File, plan: &Plan) -> Vec<Disagreement> {
    let mut found = Disagreements::default();
    plan.listens_once(&mut found);
    plan.keeps_inboxes_apart(&mut found);
    plan.tells_partners_apart(&mut found);
    for (name, partner) in &plan.partners {
        for (at, watch) in partner.watch.iter().enumerate() {
            plan.keeps_apart(&mut found, name, at, watch);
            plan.can_send(&mut found, partner, at, watch);
        }
    }
    for (name, partner) in &file.partners {
        partner.agrees(&mut found, name);
    }
    let lacks = lacks(file, plan).into_iter();
    found
        .0
        .extend(lacks.map(|(keys, what)| Disagreement { keys, what }));
    found.0
}

impl Plan {
    /// Port 0 takes any free port, so it may be given twice.
    fn listens_once(&self, found: &mut Disagreements) {
        let mut taken: BTreeSet<SocketAddr> = BTreeSet::new();
        for (at, listener) in self.listeners.iter().enumerate() {
            let address = listener.address;
            if address.port() != 0 && !taken.insert(address) {
                found.push(
                    &["listeners", &at.to_string(), "address"],
                    format!(
                        "two listeners have the address {address}: give one of them another port"
                    ),
                );
            }
        }
    }

    /// Each partner has a folder of the inbox of its own, so that its readers have no access to files of other
    /// partners. Names that differ only in case count as equal, since the file system of the inbox, or a network share
    /// of it, may ignore case.
    fn keeps_inboxes_apart(&self, found: &mut Disagreements) {
        let mut taken: BTreeMap<String, (&str, String)> = BTreeMap::new();
        for (name, partner) in &self.partners {
            let folder = partner.inbox_folder.clone();
            let alike = folder.to_ascii_lowercase();
            let Some((other, others)) = taken.get(&alike) else {
                taken.insert(alike, (name, folder));
                continue;
            };
            let what = match *others == folder {
                true => format!("have one folder of the inbox, `{folder}`"),
                false => format!(
                    "have folders of the inbox, `{others}` and `{folder}`, that are one where the case of letters is not told apart"
                ),
            };
            found.push(
                &["partners", name],
                format!(
                    "partners `{other}` and `{name}` {what}: give one of them another, with `inbox_folder`"
                ),
            );
        }
    }

    /// A caller must be recognized as exactly one partner.
    fn tells_partners_apart(&self, found: &mut Disagreements) {
        let mut names: BTreeMap<&OdetteId, &str> = BTreeMap::new();
        for (name, partner) in &self.partners {
            if let Some(other) = names.insert(&partner.ssid, name) {
                found.push(
                    &["partners", name, "ssid"],
                    format!(
                        "partners `{other}` and `{name}` have the same ssid `{}`: a caller could be either",
                        partner.ssid
                    ),
                );
            }
        }
    }

    /// Files of a watched folder can be sent as its keys say.
    fn can_send(
        &self,
        found: &mut Disagreements,
        partner: &Partner,
        at: usize,
        watch: &WatchedFolder,
    ) {
        let at = at.to_string();
        let keys = ["partners", &partner.name, "watch", &at];
        let folder = watch.folder.display();
        let stations = partner
            .destination(watch.destination.as_ref())
            .and_then(|_| self.originator(watch.originator.as_ref()));
        if let Err(wrong) = stations {
            found.push(&keys, format!("watched folder {folder}: {wrong}"));
        }
        if let Some(wrong) = cannot_pad(watch, partner) {
            found.push(&keys, format!("watched folder {folder}: {wrong}"));
        }
        let (labels, most) = (watch.labels.len(), Label::MOST);
        if labels > most {
            let wrong = format!("it has {labels} labels, {most} are the most");
            found.push(&keys, format!("watched folder {folder}: {wrong}"));
        }
    }

    /// Files that are received or kept by the server must not be picked up and sent, and two watched folders must not
    /// pick up the same files.
    fn keeps_apart(
        &self,
        found: &mut Disagreements,
        partner: &str,
        at: usize,
        watch: &WatchedFolder,
    ) {
        let at = at.to_string();
        let folder = &watch.folder;
        let key = |key| ["partners", partner, "watch", &at, key];
        let ours = [
            ("storage.state", &self.storage.state),
            ("storage.ledger", &self.storage.ledger),
            ("storage.inbox", &self.storage.inbox),
        ];
        for (what, other) in ours {
            if other.starts_with(folder) || folder.starts_with(other) {
                found.push(
                    &key("folder"),
                    format!(
                        "the watched folder {} and {what} ({}) lie in each other; keep them apart",
                        folder.display(),
                        other.display()
                    ),
                );
                // The three may lie in each other, and then one remark is enough.
                break;
            }
        }
        let all = || self.partners.values().flat_map(|partner| &partner.watch);
        let is_watched = |path: &Path| all().filter(|other| other.folder == *path).count();
        let kept = watch.keep_in.as_ref();
        if kept.is_some_and(|kept| is_watched(kept) > 0) {
            found.push(
                &key("keep_in"),
                format!(
                    "keep_in of {} is a watched folder itself: its files would go out once more",
                    folder.display()
                ),
            );
        }
        if is_watched(folder) > 1 {
            found.push(
                &key("folder"),
                format!(
                    "the folder {} is watched twice: nobody could say for whom its files are",
                    folder.display()
                ),
            );
        }
        if matches!(watch.format, Format::Fixed(0)) {
            found.push(
                &key("format"),
                format!(
                    "files of format F from {} need a record_length above 0",
                    folder.display()
                ),
            );
        }
    }
}

/// Why records are not padded.
pub const CANNOT_PAD: &str =
    "only lines are padded to records: files of format F whose records are `lines`";

/// Why files cannot be padded, where the keys ask for it.
fn cannot_pad(watch: &WatchedFolder, partner: &Partner) -> Option<&'static str> {
    let layout = watch.records.unwrap_or(partner.fixed_records);
    let of_lines = matches!(watch.format, Format::Fixed(_)) && layout == RecordLayout::Lines;
    (watch.pad && !of_lines).then_some(CANNOT_PAD)
}

impl PartnerKeys {
    /// What is wrong with the partner's keys for passwords.
    fn password_disagrees(&self) -> Option<&'static str> {
        match (self.password().is_none(), self.without_password) {
            (true, false) => Some(
                "its `password` is missing; where no passwords are agreed, write `without_password: true`",
            ),
            (false, true) => Some("`password` and `without_password: true` exclude each other"),
            _ => None,
        }
    }

    fn agrees(&self, found: &mut Disagreements, name: &str) {
        if let Some(wrong) = self.password_disagrees() {
            found.push(&["partners", name, "password"], wrong.to_owned());
        }
        if let Some(quota) = &self.quota
            && quota.files.is_none()
            && quota.size.is_none()
        {
            found.push(
                &["partners", name, "quota"],
                "a quota needs `files`, `size`, or both".to_owned(),
            );
        }
        let alone = match (&self.our_certificate, &self.our_key) {
            (Some(_), None) => Some(("our_certificate", "our_key")),
            (None, Some(_)) => Some(("our_key", "our_certificate")),
            _ => None,
        };
        if let Some((there, missing)) = alone {
            found.push(
                &["partners", name, there],
                format!("our_certificate and our_key go together: add `{missing}`"),
            );
        }
        for (key, waits) in [
            ("unreachable", self.retry.unreachable),
            ("session", self.retry.session),
            ("broken", self.retry.broken),
            ("refused", self.retry.refused),
        ] {
            if let Some(WaitKeys {
                first: Some(first),
                most: Some(most),
            }) = waits
                && first.0 > most.0
            {
                found.push(
                    &["partners", name, "retry", key, "first"],
                    "`first` is longer than `most`: waits grow from the first to the longest"
                        .to_owned(),
                );
            }
        }
    }
}
