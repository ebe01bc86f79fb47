//! Finds what TLS needs and the configuration does not give: a certificate of ours, and one to know a partner by.

use pointsman_keys::KeyStoreKind;

use super::file::File;
use super::key_uses::KeyUse;
use super::plan::{Partner, Plan};
use super::security_keys::TlsKeys;
use super::security_terms::KeyPlan;

/// A key of the configuration, and what does not fit it.
pub(super) type Lack = (Vec<String>, String);

/// What is missing for TLS, or of no use to it.
pub(super) fn of_tls(file: &File, plan: &Plan) -> Vec<Lack> {
    let mut found = Vec::new();
    let mut ours = plan.ours.keys.iter();
    let has_server_key = ours.any(|key| key.uses.name(KeyUse::TlsServer));
    for (at, listener) in file.listeners.iter().enumerate() {
        let lack = listener.tls.as_ref();
        if let Some((key, what)) = lack.and_then(|tls| of_listener(tls, has_server_key)) {
            let at = at.to_string();
            let place = ["listeners", &at, "tls"].into_iter().chain(key);
            found.push((place.map(str::to_owned).collect(), what.to_owned()));
        }
    }
    let station = ["station".to_owned(), "keys".to_owned()];
    found.extend(on_tokens(&station, &plan.ours.keys));
    for partner in plan.partners.values() {
        let place = |key: &str| ["partners".to_owned(), partner.name.clone(), key.to_owned()];
        found.extend(on_tokens(&place("keys"), &partner.keys));
        found.extend(of_one_partner(&place("keys"), &partner.keys));
        if let Some(what) = to_dial(partner) {
            found.push((place("tls").to_vec(), what.to_owned()));
        }
    }
    found
}

/// A key of the listener's `tls`, where one is wrong, and what is.
fn of_listener(
    tls: &TlsKeys,
    has_server_key: bool,
) -> Option<(Option<&'static str>, &'static str)> {
    let belongs_to_none = |key: bool| key && tls.certificate.is_none();
    if belongs_to_none(tls.key.is_some()) {
        let what = "there is a `key` and no `certificate`: add it; a store that has both is the `certificate`";
        return Some((Some("key"), what));
    }
    if belongs_to_none(tls.password.is_some()) {
        let what = "it is the password of a `certificate` that is missing: add it";
        return Some((Some("password"), what));
    }
    let lacks = tls.certificate.is_none() && !has_server_key;
    let what = "a listener with TLS needs a certificate of ours: add its `certificate` and `key`, or one under `station.keys` with `for: [tls-server]`";
    lacks.then_some((None, what))
}

/// TLS signs while a handshake runs, and a token may take any time for that.
fn on_tokens(place: &[String], keys: &[KeyPlan]) -> Vec<Lack> {
    let is_held =
        |key: &KeyPlan| key.uses.are_of_tls() && key.store.kind == Some(KeyStoreKind::Pkcs11);
    let what =
        "TLS uses no key that a token holds: take one of a file for `tls-server` and `tls-client`";
    elements(place, keys, is_held, what)
}

/// Who calls is known when the handshake is over.
fn of_one_partner(place: &[String], keys: &[KeyPlan]) -> Vec<Lack> {
    let is_server = |key: &KeyPlan| key.uses.name(KeyUse::TlsServer);
    let what = "a key for `tls-server` is shown before it is known who calls: it belongs under `station.keys`";
    elements(place, keys, is_server, what)
}

fn elements(
    place: &[String],
    keys: &[KeyPlan],
    is_wrong: impl Fn(&KeyPlan) -> bool,
    what: &str,
) -> Vec<Lack> {
    let wrong = keys.iter().enumerate().filter(|(_, key)| is_wrong(key));
    wrong
        .map(|(at, _)| ([place, &[at.to_string()]].concat(), what.to_owned()))
        .collect()
}

fn to_dial(partner: &Partner) -> Option<&'static str> {
    let is_dialled = partner.tls && partner.address.is_some();
    let is_known = partner.has_tls_certificate() || partner.ca.is_some();
    let what = "dialling with tls needs its `certificate`, one of `certificates` with `for: [tls]`, or a `ca` to know it by";
    (is_dialled && !is_known).then_some(what)
}
