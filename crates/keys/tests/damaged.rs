//! Stores that are truncated, changed, or ask for too much: each is refused in words, and nothing panics.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::time::{Duration, Instant};

use pointsman_keys::{KeyStore, KeyStoreKind, MOST_ENTRIES, MOST_OCTETS, StoreFault, StoreReading};
use support::{LIMITS, PASSWORD, octets, path};

fn reading(kind: Option<KeyStoreKind>) -> StoreReading<'static> {
    StoreReading {
        kind,
        password: Some(PASSWORD),
        limits: LIMITS,
        ..StoreReading::default()
    }
}

/// All files that are stores.
fn files() -> Vec<(String, Vec<u8>)> {
    let names = std::fs::read_dir(path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<(String, Vec<u8>)> =
        names.map(|name| (name.clone(), octets(&name))).collect();
    files.retain(|(_, octets)| KeyStoreKind::of(octets).is_some());
    files.sort();
    assert!(files.len() > 70, "{}", files.len());
    files
}

/// A generator of Knuth's, so that a seed gives the same run everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }

    fn octet(&mut self) -> u8 {
        [
            0,
            1,
            0x7f,
            0x80,
            0x84,
            0xff,
            self.below(256) as u8,
            self.below(256) as u8,
        ][self.below(8)]
    }

    /// Changes some octets: replaces, inserts, removes, cuts off, repeats.
    fn changed(&mut self, mut octets: Vec<u8>) -> Vec<u8> {
        for _ in 0..=self.below(3) {
            // The first octets are where structures are.
            let at = match self.below(2) {
                0 => self.below(octets.len().min(200)),
                _ => self.below(octets.len()),
            };
            match self.below(8) {
                0 => octets.insert(at, self.octet()),
                1 if at < octets.len() => drop(octets.remove(at)),
                2 => octets.truncate(at),
                3 => {
                    let end = (at + self.below(40)).min(octets.len());
                    let piece = octets[at.min(end)..end].to_vec();
                    octets.splice(at..at, piece);
                }
                _ => {
                    let octet = self.octet();
                    octets
                        .get_mut(at)
                        .into_iter()
                        .for_each(|there| *there = octet);
                }
            }
        }
        octets
    }
}

#[test]
fn random_changes_never_panic_and_are_told_in_words() {
    let seed = std::env::var("POINTSMAN_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| jiff::Timestamp::now().as_nanosecond() as u64);
    println!("POINTSMAN_SEED={seed}");
    let mut random = Random(seed);
    let files = files();
    let end = Instant::now() + Duration::from_secs(12);
    let (mut read, mut refused) = (0, 0);
    while Instant::now() < end {
        let (name, octets) = &files[random.below(files.len())];
        let kind = match random.below(4) {
            0 => Some(KeyStoreKind::ALL[random.below(KeyStoreKind::ALL.len())]),
            _ => KeyStoreKind::of(octets),
        };
        let changed = random.changed(octets.clone());
        match KeyStore::read(&changed, &reading(kind)) {
            Ok(store) => {
                read += 1;
                for entry in store.entries() {
                    assert!(
                        !pointsman_keys::EntryDescription::of(entry)
                            .to_string()
                            .is_empty(),
                        "{name}"
                    );
                }
            }
            Err(error) => {
                refused += 1;
                assert!(error.to_string().len() < 2000, "{name}: {error}");
            }
        }
    }
    println!("{read} read, {refused} refused");
    assert!(refused > 200, "{refused}");
}

#[test]
fn stores_that_are_cut_off_anywhere_are_refused() {
    for name in [
        "c.der",
        "k.pk8",
        "enc8.der",
        "c.p7b",
        "trust.jks",
        "leaf.jwk",
        "leaf.xml",
        "ossh",
        "v3plain.ppk",
    ] {
        let whole = octets(name);
        let kind = KeyStoreKind::of(&whole);
        // The last octets may be white space.
        let end = whole.trim_ascii_end().len();
        for cut in (0..end).step_by(7).chain(end - 1..end) {
            let cut_off = KeyStore::read(&whole[..cut], &reading(kind));
            assert!(cut_off.is_err(), "{name} at {cut}");
        }
    }
}

#[test]
fn a_cut_says_where() {
    for (name, at) in [
        ("modern.p12", 1000),
        ("k.jks", 700),
        ("c.der", 300),
        ("k.bcfks", 900),
        ("enc8.der", 500),
    ] {
        let error = KeyStore::read(&octets(name)[..at], &reading(None)).unwrap_err();
        let found = match error.fault {
            StoreFault::Damaged { at, .. } => at,
            other => panic!("{name}: {other}"),
        };
        assert!(
            found <= at && error.to_string().contains("truncated or damaged at octet"),
            "{name}: {found}"
        );
    }
}

#[test]
fn a_changed_octet_of_a_checked_store_is_found() {
    for name in [
        "modern.p12",
        "legacy.p12",
        "k.jks",
        "k.jceks",
        "k.bcfks",
        "trust.jks",
        "v2.ppk",
        "v3.ppk",
        "v3plain.ppk",
    ] {
        let whole = octets(name);
        let kind = KeyStoreKind::of(&whole);
        let step = (whole.len() / 12).max(1);
        for at in (step..whole.len()).step_by(step) {
            let mut changed = whole.clone();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(
                KeyStore::read(&changed, &reading(kind)).is_err(),
                "{name} at {at}"
            );
        }
    }
}

#[test]
fn too_much_is_refused_with_the_number() {
    let large = vec![b' '; MOST_OCTETS + 1];
    let error = KeyStore::read(&large, &reading(Some(KeyStoreKind::Pem))).unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&format!("{} where at most {MOST_OCTETS}", MOST_OCTETS + 1)),
        "{error}"
    );
    let certificate = String::from_utf8(octets("c.pem")).unwrap();
    let many = certificate.repeat(MOST_ENTRIES + 1);
    let error = KeyStore::read(many.as_bytes(), &reading(None)).unwrap_err();
    assert!(
        error.to_string().contains("10001 where at most 10000"),
        "{error}"
    );
    let mut jks = octets("trust.jks");
    jks[8..12].copy_from_slice(&0x7fff_ffff_u32.to_be_bytes());
    let error = KeyStore::read(&jks, &reading(None)).unwrap_err();
    assert!(
        error.to_string().contains("2147483647 where at most 10000"),
        "{error}"
    );
}

#[test]
fn derivations_that_would_take_hours_are_refused_at_once() {
    let ppk = String::from_utf8(octets("v3.ppk")).unwrap();
    let line = ppk
        .lines()
        .find(|line| line.starts_with("Argon2-Memory"))
        .unwrap();
    let changed = ppk.replace(line, "Argon2-Memory: 4194304");
    let error = KeyStore::read(changed.as_bytes(), &reading(None)).unwrap_err();
    assert!(
        error.to_string().contains("4294967296 where at most"),
        "{error}"
    );
    // The rounds of the checksum are the last number of a PFX: 2048.
    let pfx = octets("modern.p12");
    assert_eq!(pfx[pfx.len() - 4..], [2, 2, 8, 0]);
    let mut changed = pfx;
    let end = changed.len();
    changed[end - 2..].copy_from_slice(&[0x7f, 0xff]);
    let limits = pointsman_keys::ReadingLimits {
        rounds: 30_000,
        ..LIMITS
    };
    let error = KeyStore::read(
        &changed,
        &StoreReading {
            limits,
            ..reading(None)
        },
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("32767 where at most 30000"),
        "{error}"
    );
}

#[test]
fn xml_with_a_document_type_and_numbers_that_do_not_fit_are_refused() {
    let bomb = "<!DOCTYPE a [<!ENTITY b \"cc\"><!ENTITY d \"&b;&b;\">]><RSAKeyValue><Modulus>&d;</Modulus></RSAKeyValue>";
    assert!(matches!(
        KeyStore::read(bomb.as_bytes(), &reading(None))
            .unwrap_err()
            .fault,
        StoreFault::Form(_)
    ));
    let jwk = String::from_utf8(octets("leaf.jwk")).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&jwk).unwrap();
    let (p, q) = (json["p"].clone(), json["q"].clone());
    json["q"] = p.clone();
    let error = KeyStore::read(json.to_string().as_bytes(), &reading(None)).unwrap_err();
    assert!(
        error.to_string().contains("do not belong together"),
        "{error}"
    );
    json["q"] = q;
    assert!(KeyStore::read(json.to_string().as_bytes(), &reading(None)).is_ok());
    let other = octets("ec.pem");
    assert!(KeyStore::read(&other, &reading(None)).is_ok());
}
