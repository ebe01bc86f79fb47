//! Secured files that cannot be opened, or must not be: what their partner learns, and what is left of them.

use crate::secured::{
    Maker, Secured, delivered, keys, receipt_text, spool_contents, station, station_with,
    take_answers, text,
};
use crate::support::eventually;
use crate::support::peer::Peer;

/// A file that cannot be opened: its name, its announced services, its content as on the wire, and the reason of its NERP
/// where failures are told apart; that of EFNA is another number of the same meaning.
struct Failing(
    &'static str,
    &'static str,
    Vec<u8>,
    &'static str,
    &'static str,
);

/// Texts of receipts of which one is filled up with NULs, and one names somebody by another ID than ODETTE gives.
fn other_receipt_texts() -> [Vec<u8>; 2] {
    let text = receipt_text();
    let (fields, hash) = text.split_at(text.len() - 32);
    let nuls = fields.iter().map(|&octet| match octet {
        b' ' => 0,
        other => other,
    });
    let last_id = fields.len() - 25;
    let other_id = format!("{:25}", "LOCAL");
    [
        nuls.chain(hash.iter().copied()).collect(),
        [&fields[..last_id], other_id.as_bytes(), hash].concat(),
    ]
}

fn failing() -> Vec<Failing> {
    let content = text(3000);
    let [receipt_of_nuls, receipt_of_other_id] = other_receipt_texts();
    let by = |signer: &str, to: &str, services: &str| {
        Maker::Openssl.make_by(signer, to, services, 4, &content)
    };
    let good = |services: &str| by("them", "us", services);
    let tampered = |services: &str, from_end: usize| {
        let mut wire = good(services);
        let at = wire.len() - from_end;
        wire[at] ^= 1;
        wire
    };
    let cut = |services: &str| {
        let wire = good(services);
        wire[..wire.len() - 100].to_vec()
    };
    let unsigned_inside = || Maker::Crate.make("e", 4, &content);
    let bomb = || Maker::Crate.make("z", 4, &vec![0; 8 << 20]);
    vec![
        Failing("STRANGER", "s", by("stranger", "us", "s"), "31", "21"),
        Failing("STRANGERE", "se", by("stranger", "us", "se"), "31", "21"),
        Failing("FORGED", "s", tampered("s", 2000), "31", "21"),
        Failing(
            "OTHERHASH",
            "s",
            Maker::Openssl.make("s", 6, &content),
            "31",
            "21",
        ),
        Failing(
            "RECEIPT",
            "s",
            Maker::Openssl.make("s", 4, &receipt_text()),
            "31",
            "21",
        ),
        Failing(
            "RECEIPTNUL",
            "s",
            Maker::Openssl.make("s", 4, &receipt_of_nuls),
            "31",
            "21",
        ),
        Failing(
            "RECEIPTLOCAL",
            "s",
            Maker::Openssl.make("s", 4, &receipt_of_other_id),
            "31",
            "21",
        ),
        Failing("FEWER", "se", unsigned_inside(), "33", "22"),
        Failing("NOLAYER", "s", content.clone(), "31", "21"),
        Failing("CUT", "s", cut("s"), "31", "21"),
        Failing("INFLATE", "z", tampered("z", 500), "32", "23"),
        Failing("CUTZ", "z", cut("z"), "32", "23"),
        Failing("BOMB", "z", bomb(), "32", "23"),
        Failing("TOOTHERS", "e", by("them", "stranger", "e"), "33", "22"),
        Failing("CUTE", "e", cut("e"), "33", "22"),
        Failing("TOOTHERSS", "se", by("them", "stranger", "se"), "33", "22"),
        Failing("MANGLED", "sze", tampered("sze", 700), "33", "22"),
        Failing("NOTCMS", "sze", content.clone(), "33", "22"),
    ]
}

#[test]
fn what_cannot_be_opened_gets_a_nerp_with_its_reason_and_is_not_delivered() {
    let setup = station("failures: told-apart");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let failing = failing();
    for Failing(name, services, wire, ..) in &failing {
        let file = Secured::new(name, services, 4, wire.clone());
        assert_eq!(file.send(&mut peer), "4N", "EFPA for {name}");
    }
    let answers = take_answers(&mut peer);
    for Failing(name, _, _, reason, _) in &failing {
        let one = answers.iter().find(|answer| answer.dataset == *name);
        let Some((told, text)) = one.and_then(|answer| answer.nerp.clone()) else {
            panic!("{name}: {answers:?}");
        };
        assert_eq!(told, *reason, "{name}");
        // What is wrong in detail is for us alone.
        assert!(
            text.starts_with("file ") && text.len() < 40,
            "{name}: {text}"
        );
        server.await_log(&["file-not-opened", name]);
    }
    server.await_log(&["file-not-opened", "STRANGER", "known certificate"]);
    assert!(setup.delivered().is_empty(), "{:?}", setup.delivered());
    let rows = setup.transfers();
    assert!(rows.iter().all(|row| row.contains("rejected")), "{rows:?}");
    // The content as on the wire is kept.
    assert_eq!(spool_contents(&setup).len(), failing.len());
    let audited = setup.pointsman(&["verify-store"]);
    assert!(audited.status.success(), "{audited:?}");
}

#[test]
fn what_cannot_be_opened_while_the_partner_waits_is_refused_and_may_come_again() {
    let setup = station("open: before-acknowledgement, failures: told-apart");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let failing = failing();
    for Failing(name, services, wire, _, reason) in &failing {
        let file = Secured::new(name, services, 4, wire.clone());
        let said = file.send(&mut peer);
        assert!(said.starts_with(&format!("5{reason}")), "{name}: {said}");
    }
    assert!(
        spool_contents(&setup).is_empty(),
        "{:?}",
        spool_contents(&setup)
    );
    for Failing(name, services, ..) in &failing {
        let wire = Maker::Openssl.make(services, 4, &text(400));
        let file = Secured::new(name, services, 4, wire);
        assert_eq!(file.send(&mut peer), "4N", "EFPA for {name}");
    }
    setup.await_delivered(failing.len());
    for Failing(name, ..) in &failing {
        assert!(delivered(&setup, name).unwrap() == text(400), "{name}");
    }
    assert_eq!(take_answers(&mut peer).len(), failing.len());
    let audited = setup.pointsman(&["verify-store"]);
    assert!(audited.status.success(), "{audited:?}");
}

/// What is announced of it is true as far as it can be seen on the wire.
#[test]
fn a_content_that_is_larger_than_the_partners_largest_file_is_not_delivered() {
    let largest = format!("{}    largest_file: 4KiB\n", keys(&["us"], &["them"]));
    let setup = station_with(&largest, "failures: told-apart", "");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    for (name, size) in [("LARGEST", 4096), ("LARGER", 4097)] {
        let wire = Maker::Openssl.make("sz", 4, &vec![b'x'; size]);
        let file = Secured::new(name, "sz", 4, wire);
        assert_eq!(file.send(&mut peer), "4N", "EFPA for {name}");
    }
    setup.await_delivered(1);
    server.await_log(&["file-not-opened", "LARGER", "4096 octets"]);
    let answers = take_answers(&mut peer);
    let larger = answers.iter().find(|answer| answer.dataset == "LARGER");
    assert!(larger.unwrap().nerp.is_some(), "{answers:?}");
    assert!(delivered(&setup, "LARGEST").is_some());
}

#[test]
fn failures_of_encrypted_files_look_alike_unless_they_are_told_apart() {
    for (terms, signed, unsigned) in [
        ("expansion: 200", "33", "33"),
        ("failures: alike", "33", "33"),
        ("failures: told-apart", "31", "33"),
    ] {
        let setup = station(terms);
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        let wire = Maker::Openssl.make_by("stranger", "us", "se", 4, b"x");
        Secured::new("SIGNED", "se", 4, wire).send(&mut peer);
        // Well encrypted, and nothing that could be inflated is inside.
        let wire = Maker::Openssl.make("e", 4, b"no zlib");
        Secured::new("UNSIGNED", "ze", 4, wire).send(&mut peer);
        let answers = take_answers(&mut peer);
        let reason = |name: &str| {
            let one = answers
                .iter()
                .find(|answer| answer.dataset == name)
                .unwrap();
            one.nerp.clone().unwrap().0
        };
        assert_eq!(
            (reason("SIGNED").as_str(), reason("UNSIGNED").as_str()),
            (signed, unsigned),
            "{terms}"
        );
    }
}

/// Whoever catches a file, changes it and sends it learns nothing from what comes back.
#[test]
fn every_failure_of_an_encrypted_file_gets_the_same_octets() {
    for open in ["after-acknowledgement", "before-acknowledgement"] {
        let setup = station(&format!("open: {open}"));
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        let mut failing = failing();
        failing.retain(|Failing(_, services, ..)| services.contains('e'));
        // Every octet of the last two blocks and of the encrypted key's beginning, changed.
        let good = Maker::Openssl.make("se", 4, &text(4000));
        for back in (1..=32).chain(good.len() - 320..good.len() - 300) {
            let mut changed = good.clone();
            let at = changed.len() - back;
            changed[at] ^= 1;
            failing.push(Failing("CHANGED", "se", changed, "", ""));
        }
        let mut answers = std::collections::BTreeSet::new();
        for (at, Failing(_, services, wire, ..)) in failing.iter().enumerate() {
            let name = format!("F{at:03}");
            let file = Secured::new(&name, services, 4, wire.clone());
            answers.insert(file.send(&mut peer));
        }
        let nerps = take_answers(&mut peer);
        if open == "before-acknowledgement" {
            assert!(nerps.is_empty(), "{nerps:?}");
        } else {
            assert_eq!(nerps.len(), failing.len());
            answers = nerps.iter().map(|one| format!("{:?}", one.nerp)).collect();
        }
        assert_eq!(answers.len(), 1, "{} kinds: {answers:?}", failing.len());
        assert!(setup.delivered().is_empty());
    }
}

#[test]
fn the_content_of_what_cannot_be_opened_is_deleted_where_the_partner_says_so() {
    let setup = station("failed: delete");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let wire = Maker::Openssl.make_by("stranger", "us", "s", 4, b"x");
    Secured::new("STRANGER", "s", 4, wire).send(&mut peer);
    let answers = take_answers(&mut peer);
    assert_eq!(answers[0].nerp.clone().unwrap().0, "31");
    eventually("the content is gone", || {
        spool_contents(&setup).is_empty().then_some(())
    });
    let audited = setup.pointsman(&["verify-store"]);
    assert!(audited.status.success(), "{audited:?}");
}
