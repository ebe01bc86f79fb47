//! Which entry of a store is selected, and what is said where none or several are meant.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use pointsman_keys::{KeyStore, KeyWanted, SelectError, WantedSubject};
use support::{read, sha256};

fn store() -> KeyStore {
    read("several.jks").unwrap()
}

fn selected(subject: &str, wanted: KeyWanted) -> Result<String, SelectError> {
    let Ok(subject) = subject.parse::<WantedSubject>();
    let store = store();
    store
        .select(&subject, wanted)
        .map(|entry| entry.alias().unwrap_or_default().to_owned())
}

#[test]
fn one_entry_is_found_by_subject_part_of_it_and_alias() {
    for (subject, alias) in [
        // The subject, in either order and with the short names that operators use.
        (
            "E=oftp@nordwerk.example, CN=oftp.nordwerk.example, OU=EDI, O=Nordwerk, L=Kassel, S=Hessen, C=DE",
            "leaf",
        ),
        (
            "C=DE,ST=Hessen,L=Kassel,O=Nordwerk,OU=EDI,CN=oftp.nordwerk.example,emailAddress=oftp@nordwerk.example",
            "leaf",
        ),
        ("CN=ec.nordwerk.example", "ec"),
        ("C=DE, O=\"Test, Trust & Co\", CN=Test CA", "the ca"),
        // A part of it.
        ("O=Nordwerk", "leaf"),
        ("S=Hessen, OU=EDI", "leaf"),
        ("kassel", "leaf"),
        ("EC.nordwerk", "ec"),
        ("trust & co", "the ca"),
        // What the store calls it.
        ("the ca", "the ca"),
        ("ec", "ec"),
    ] {
        assert_eq!(
            selected(subject, KeyWanted::No).as_deref(),
            Ok(alias),
            "{subject}"
        );
    }
}

#[test]
fn an_asterisk_is_the_first_with_a_key() {
    let first = selected("*", KeyWanted::Yes).unwrap();
    assert_eq!(
        first,
        store()
            .entries()
            .iter()
            .find(|entry| entry.key().is_some())
            .unwrap()
            .alias()
            .unwrap()
    );
    let only = read("trust.jks").unwrap();
    assert!(only.select(&WantedSubject::First, KeyWanted::Yes).is_err());
    assert!(only.select(&WantedSubject::First, KeyWanted::No).is_ok());
}

#[test]
fn entries_without_what_is_wanted_do_not_count() {
    assert!(matches!(
        selected("the ca", KeyWanted::Yes),
        Err(SelectError::Nothing { .. })
    ));
    assert!(matches!(
        selected("C=DE", KeyWanted::No),
        Err(SelectError::Several { count: 2, .. })
    ));
    assert_eq!(selected("C=DE", KeyWanted::Yes).as_deref(), Ok("leaf"));
    let bare = read("k.pem").unwrap();
    assert!(bare.select(&WantedSubject::Only, KeyWanted::Yes).is_ok());
    assert!(bare.select(&WantedSubject::Only, KeyWanted::No).is_err());
}

#[test]
fn several_are_named_with_subject_serial_and_sha256() {
    let error = selected("nordwerk.example", KeyWanted::Yes).unwrap_err();
    let told = error.to_string();
    assert!(matches!(error, SelectError::Several { count: 2, .. }));
    assert!(
        told.starts_with("2 certificates with a private key fit \"nordwerk.example\": "),
        "{told}"
    );
    for entry in store()
        .entries()
        .iter()
        .filter(|entry| entry.key().is_some())
    {
        let certificate = entry.certificate().unwrap();
        for part in [certificate.subject(), certificate.serial(), sha256(entry)] {
            assert!(told.contains(&part), "{part} in {told}");
        }
    }
}

#[test]
fn without_a_subject_there_must_be_one() {
    assert_eq!(" ".parse(), Ok(WantedSubject::Only));
    assert!(matches!(
        selected("", KeyWanted::Yes),
        Err(SelectError::Several { count: 2, .. })
    ));
    let one = read("modern.p12").unwrap();
    assert_eq!(
        one.select(&WantedSubject::Only, KeyWanted::Yes)
            .unwrap()
            .alias(),
        Some("v8")
    );
}

#[test]
fn nothing_that_fits_says_what_is_there() {
    let told = selected("CN=mueller", KeyWanted::No)
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("\"CN=mueller\"") && told.contains("CN=Test CA") && told.contains("serial"),
        "{told}"
    );
}
