//! Secured files that come in: opened, judged, delivered or refused.

use crate::secured::{
    COMBINATIONS, Maker, Secured, delivered, keys, positive, spool_contents, station, station_with,
    take_answers, text,
};
use crate::support::Setup;
use crate::support::peer::Peer;

/// An empty content, one block of a cipher, one octet more, and one of several segments.
const SIZES: [usize; 4] = [0, 16, 17, 70_000];

#[test]
fn files_of_every_combination_of_services_are_opened_and_delivered() {
    for open in ["after-acknowledgement", "before-acknowledgement"] {
        let setup = station(&format!("open: {open}"));
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        let mut sent = Vec::new();
        for (at, maker) in Maker::ALL.into_iter().enumerate() {
            for services in COMBINATIONS {
                for size in SIZES {
                    let content = text(size);
                    let name = format!("F{at}{services}{size}").to_uppercase();
                    let wire = maker.make(services, 4, &content);
                    let file = Secured::new(&name, services, 4, wire);
                    assert_eq!(file.send(&mut peer), "4N", "EFPA for {name}");
                    sent.push((name, content));
                }
            }
        }
        setup.await_delivered(sent.len());
        let answers = take_answers(&mut peer);
        assert_eq!(answers.len(), sent.len());
        for (name, content) in &sent {
            assert!(answers.contains(&positive(name)), "an EERP for {name}");
            let found = delivered(&setup, name).unwrap_or_else(|| panic!("{name} is lost"));
            assert!(found == *content, "{name} is not what was sent ({open})");
        }
        let line = server.await_log(&["file-opened", "F0SZE70000"]);
        for fact in [
            "CN=us",
            "CN=them",
            "inflated from",
            "70000 octets",
            "SHA-256",
        ] {
            assert!(line.contains(fact), "{fact}: {line}");
        }
        let audited = setup.pointsman(&["verify-store"]);
        assert!(audited.status.success(), "{audited:?}");
        let sealed = std::fs::read_dir(setup.path().join("state/spool/sealed")).unwrap();
        let contents: Vec<_> = sealed
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".jsonl"))
            .collect();
        assert!(contents.is_empty(), "nothing is left: {contents:?}");
        assert_eq!(server.stop(), Some(0));
    }
}

#[test]
fn files_of_every_agreed_suite_are_opened_and_others_are_refused() {
    let setup = station("suites: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let content = text(5000);
    for suite in 1..=10 {
        let name = format!("SUITE{suite:02}");
        let wire = Maker::Crate.make("sze", suite, &content);
        let file = Secured::new(&name, "sze", suite, wire);
        assert_eq!(file.send(&mut peer), "4N", "EFPA for {name}");
    }
    setup.await_delivered(10);
    for suite in 1..=10 {
        let found = delivered(&setup, &format!("SUITE{suite:02}"));
        assert!(found.unwrap() == content, "{suite}");
    }
    drop((peer, server));

    // 3 to 6, where nothing is said.
    let setup = station("open: after-acknowledgement");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    for (suite, answer) in [
        (0, "315N"),
        (1, "315N"),
        (2, "315N"),
        (7, "315N"),
        (10, "315N"),
        (42, "315N"),
    ] {
        let file = Secured::new("SUITE", "se", suite, Vec::new());
        let said = file.offer(&mut peer);
        assert!(said.starts_with(answer), "{suite}: {said}");
        assert!(said.contains("04, 06, 03, 05"), "{said}");
    }
}

/// What a policy of the tests answers to `end-transfer`, and says that it was told.
fn with_policy(terms: &str, settings: &str) -> Setup {
    let more = format!(
        "policies:\n  terms:\n    component: terms.wasm\n    settings: {{any: \"\"{settings}}}\n"
    );
    let setup = station_with(&keys(&["us"], &["them"]), terms, &more);
    setup.write("terms.wasm", crate::support::guests::terms());
    setup
}

#[test]
fn records_stand_as_the_partners_layout_has_them() {
    let records = "    fixed_records: lines\n";
    let setup = station_with(
        &format!("{}{records}", keys(&["us"], &["them"])),
        "expansion: 500, failures: told-apart",
        "",
    );
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let mut send = |name: &str, format: (char, u32), services: &'static str, content: &[u8]| {
        let wire = Maker::Openssl.make(services, 4, content);
        let file = Secured {
            format,
            ..Secured::new(name, services, 4, wire)
        };
        assert_eq!(file.send(&mut peer), "4N", "EFPA for {name}");
    };
    send("VARIABLE", ('V', 80), "se", b"\0\x03UNA\0\0\0\x04UNBX");
    send("VARIABLEZ", ('V', 0), "sze", b"\0\x03UNA\0\0\0\x04UNBX");
    send("FIXED", ('F', 3), "s", b"UNAUNB");
    send("TEXT", ('T', 0), "s", b"one\r\ntwo");
    // Each is told after the decryption of a signed file.
    send("CUT", ('V', 80), "se", b"\0\x03UN");
    send("LONG", ('V', 2), "se", b"\0\x03UNA");
    send("ODD", ('F', 3), "s", b"UNAU");
    setup.await_delivered(4);
    let answers = take_answers(&mut peer);
    let told = |name: &str| {
        let one = answers.iter().find(|answer| answer.dataset == name);
        let nerp = one
            .unwrap_or_else(|| panic!("{name}: {answers:?}"))
            .nerp
            .as_ref();
        nerp.map(|(reason, _)| reason.clone())
    };
    assert_eq!(
        ["VARIABLE", "CUT", "LONG", "ODD"].map(told),
        [
            None,
            Some("34".to_owned()),
            Some("15".to_owned()),
            Some("15".to_owned())
        ]
    );
    for name in ["VARIABLE", "VARIABLEZ"] {
        let found = delivered(&setup, name).unwrap();
        assert_eq!(found, b"UNA\r\n\r\nUNBX\r\n", "{name}");
    }
    assert_eq!(delivered(&setup, "FIXED").unwrap(), b"UNA\r\nUNB\r\n");
    assert_eq!(delivered(&setup, "TEXT").unwrap(), b"one\r\ntwo");
}

#[test]
fn what_sfid_announces_is_compared_with_what_is_agreed_and_with_the_keys() {
    let all = keys(&["us"], &["them"]);
    let (no_key, no_certificate) = (keys(&[], &["them"]), keys(&["us"], &[]));
    let ended = keys(&["us"], &["ended"]);
    let se = |name| Secured::new(name, "se", 4, Vec::new());
    let bare = |name| Secured::new(name, "", 0, Vec::new());
    let unenveloped = Secured {
        enveloped: false,
        ..se("BARE")
    };
    let receipt = |suite| Secured {
        signed_receipt: true,
        ..Secured::new("RECEIPT", "", suite, Vec::new())
    };
    for (keys, terms, file, answer) in [
        (&all, "suites: [6]", se("SUITE"), "315N"),
        (
            &all,
            "compressed: refuse",
            Secured::new("ZIPPED", "sze", 4, Vec::new()),
            "318N",
        ),
        (
            &all,
            "compressed: refuse",
            Secured::new("ALONE", "z", 4, Vec::new()),
            "318N",
        ),
        (&all, "compressed: refuse", se("PLAIN"), "2000"),
        (&no_key, "expansion: 9", se("NOKEY"), "316N"),
        (&no_certificate, "expansion: 9", se("NOCERT"), "319N"),
        (&ended, "expansion: 9", se("ENDED"), "319N"),
        (
            &all,
            "demand: {security: encrypted}",
            Secured::new("S", "s", 4, Vec::new()),
            "317N",
        ),
        (
            &all,
            "demand: {security: signed}",
            Secured::new("E", "e", 4, Vec::new()),
            "320N",
        ),
        (
            &all,
            "demand: {security: encrypted-and-signed}",
            bare("NONE"),
            "317N",
        ),
        (&all, "demand: {compressed: true}", se("UNZIPPED"), "399N"),
        (
            &all,
            "demand: {signed_receipt: true}",
            se("NORECEIPT"),
            "399N",
        ),
        (&all, "expansion: 9", unenveloped, "399N"),
        (&no_key, "expansion: 9", receipt(4), "319N"),
        (&all, "expansion: 9", receipt(0), "315N"),
        (&all, "expansion: 9", receipt(4), "2000"),
        (
            &all,
            "demand: {security: encrypted-and-signed}",
            se("FINE"),
            "2000",
        ),
        (
            &no_key,
            "expansion: 9",
            Secured::new("ZIPPED", "z", 0, Vec::new()),
            "2000",
        ),
    ] {
        let setup = station_with(keys, terms, "");
        let server = setup.serve();
        let said = file.offer(&mut Peer::session(server.address()));
        assert!(
            said.starts_with(answer),
            "{}, {terms}: {said}",
            file.file.dataset
        );
    }
}

#[test]
fn several_keys_of_ours_open_files_and_several_certificates_verify_them() {
    // `ended` is an old key of ours: its certificate is not valid any more.
    let setup = station_with(
        &keys(&["us", "ended"], &["them", "them-next"]),
        "expansion: 9",
        "",
    );
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let mut sent = 0;
    for (signer, to) in [
        ("them", "us"),
        ("them-next", "us"),
        ("them", "ended"),
        ("them-next", "ended"),
    ] {
        let name = format!("{signer}.{to}").to_uppercase().replace('-', "");
        let wire = Maker::Openssl.make_by(signer, to, "se", 4, b"content");
        assert_eq!(Secured::new(&name, "se", 4, wire).send(&mut peer), "4N");
        sent += 1;
        setup.await_delivered(sent);
        assert_eq!(delivered(&setup, &name).unwrap(), b"content");
        let signed = format!("signed (SHA-256) by CN={signer},");
        let opened = format!("opened with our key of CN={to},");
        server.await_log(&["file-opened", &name, &signed, &opened]);
    }
}

#[test]
fn policies_are_asked_when_the_content_is_known_and_a_refusal_after_efpa_is_a_nerp() {
    for (open, can_refuse) in [
        ("after-acknowledgement", "false"),
        ("before-acknowledgement", "true"),
    ] {
        let terms = format!("open: {open}");
        let setup = with_policy(&terms, ", end-directory: moved");
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        let wire = Maker::Openssl.make("se", 4, b"content");
        let octets = wire.len().to_string();
        assert_eq!(Secured::new("ASKED", "se", 4, wire).send(&mut peer), "4N");
        let delivered = setup.await_delivered(1);
        assert!(delivered[0].starts_with("moved/"), "{delivered:?}");
        server.await_log(&[
            "told of an end: received ASKED completed records 0 octets 7 ",
            "asked 0",
            "signature-valid Some(true)",
            &format!("(\\\"can-refuse\\\", \\\"{can_refuse}\\\")"),
            &format!("(\\\"secured-octets\\\", \\\"{octets}\\\")"),
            "(\\\"signer-subject\\\", \\\"CN=them\\\")",
            "signer-serial",
            "signer-sha256",
        ]);
        drop((peer, server));

        let setup = with_policy(&terms, ", answer: refuse");
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        let wire = Maker::Openssl.make("se", 4, b"content");
        let said = Secured::new("REFUSED", "se", 4, wire).send(&mut peer);
        if can_refuse == "true" {
            assert!(said.starts_with("520"), "{said}");
            assert!(spool_contents(&setup).is_empty());
        } else {
            assert_eq!(said, "4N");
            let answers = take_answers(&mut peer);
            let nerp = Some(("30".to_owned(), "not like this".to_owned()));
            assert_eq!(answers[0].nerp, nerp, "EFNA 20 is NERP 30");
        }
        assert!(setup.delivered().is_empty());
        let audited = setup.pointsman(&["verify-store"]);
        assert!(audited.status.success(), "{audited:?}");
    }
}

#[test]
fn policies_that_are_asked_again_are_told_what_was_found_in_the_file() {
    for open in ["after-acknowledgement", "before-acknowledgement"] {
        let setup = with_policy(&format!("open: {open}"), ", answer: later");
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        let wire = Maker::Openssl.make("se", 4, b"content");
        let octets = wire.len().to_string();
        assert_eq!(Secured::new("ASKED", "se", 4, wire).send(&mut peer), "4N");
        server.await_log(&[
            "told of an end: received ASKED completed",
            "asked 1",
            "signature-valid Some(true)",
            &format!("(\\\"secured-octets\\\", \\\"{octets}\\\")"),
            "(\\\"signer-subject\\\", \\\"CN=them\\\")",
            "signer-serial",
            "signer-sha256",
        ]);
    }
}

#[test]
fn a_command_takes_what_is_opened_before_its_receipt_is_given() {
    let partner = format!(
        "{}    delivery: {{command: [/bin/sh, -c, 'cp \"$0\" \"$0.taken\"']}}\n",
        keys(&["us"], &["them"])
    );
    let setup = station_with(&partner, "expansion: 9", "");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let wire = Maker::Openssl.make("sze", 4, b"content");
    assert_eq!(Secured::new("TAKEN", "sze", 4, wire).send(&mut peer), "4N");
    // In the turn that follows: the session waits for opening, delivery and command.
    assert_eq!(take_answers(&mut peer), [positive("TAKEN")]);
    let files = setup.delivered();
    let taken = files.iter().find(|path| path.ends_with(".taken"));
    let taken = std::fs::read(setup.inbox().join(taken.unwrap())).unwrap();
    assert_eq!(taken, b"content", "the command was given what is opened");
}

#[test]
fn a_copy_of_a_secured_file_is_a_duplicate_or_is_compared_as_on_the_wire() {
    let partner = format!("{}    received_again: compare\n", keys(&["us"], &["them"]));
    let setup = station_with(&partner, "expansion: 9", "");
    let server = setup.serve();
    let wire = Maker::Openssl.make("se", 4, b"content");
    let file = Secured::new("AGAIN", "se", 4, wire);
    let mut peer = Peer::session(server.address());
    assert!(file.offer(&mut peer).starts_with('2'));
    peer.send_content(&file.file);
    // Our EFPA is on its way, and the partner is gone before it says anything.
    assert_eq!(peer.hear(), b"4N");
    drop(peer);
    setup.await_delivered(1);
    let mut peer = Peer::session(server.address());
    assert_eq!(file.send(&mut peer), "4N", "it is the same");
    drop(peer);
    let mut peer = Peer::session(server.address());
    let other = Secured::new("AGAIN", "se", 4, Maker::Openssl.make("se", 4, b"content"));
    let said = other.send(&mut peer);
    assert!(
        said.starts_with("513"),
        "encrypted once more it is another: {said}"
    );
    assert_eq!(setup.delivered().len(), 1);
}

#[test]
fn a_key_that_came_in_another_file_is_refused_and_the_same_file_once_more_is_not() {
    let setup = station("failures: told-apart");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let wire = Maker::Openssl.make("se", 4, &text(400));
    // Its key, with other octets behind it: the padding is what it was.
    let mut other = wire.clone();
    let at = other.len() - 200;
    other[at] ^= 1;
    Secured::new("FIRST", "se", 4, wire.clone()).send(&mut peer);
    setup.await_delivered(1);
    Secured::new("MANGLED", "se", 4, other).send(&mut peer);
    Secured::new("RESENT", "se", 4, wire).send(&mut peer);
    setup.await_delivered(2);
    let wire = Maker::Openssl.make("e", 4, &text(400));
    let mut other = wire.clone();
    let at = other.len() - 200;
    other[at] ^= 1;
    Secured::new("PLAIN", "e", 4, wire).send(&mut peer);
    setup.await_delivered(3);
    // Nothing else would show that it was changed.
    Secured::new("CHANGED", "e", 4, other).send(&mut peer);
    let answers = take_answers(&mut peer);
    let refused: Vec<&str> = answers
        .iter()
        .filter(|answer| answer.nerp.is_some())
        .map(|answer| answer.dataset.as_str())
        .collect();
    assert_eq!(refused, ["MANGLED", "CHANGED"]);
    server.await_log(&["file-not-opened", "CHANGED", "key", "33"]);
    assert_eq!(setup.delivered().len(), 3);
}

/// An encrypted file, and another one of the same key: nothing but the key shows that it was changed.
fn two_of_one_key() -> [Vec<u8>; 2] {
    let wire = Maker::Openssl.make("e", 4, &text(400));
    let mut other = wire.clone();
    let at = other.len() - 200;
    other[at] ^= 1;
    [wire, other]
}

#[test]
fn octets_that_were_refused_may_come_again_and_others_of_their_key_may_not() {
    for (open, by_policy, by_key) in [
        ("before-acknowledgement", "520", "522"),
        ("after-acknowledgement", "30", "33"),
    ] {
        let terms = format!("open: {open}, failures: told-apart");
        let setup = with_policy(&terms, ", answer: refuse");
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        let [wire, other] = two_of_one_key();
        let mut sent = vec![
            ("FIRST", &wire, by_policy),
            ("RESENT", &wire, by_policy),
            ("CHANGED", &other, by_key),
        ];
        if open == "before-acknowledgement" {
            // A file that got EFNA may come again under its own name, too.
            sent.extend([("FIRST", &wire, by_policy), ("FIRST", &other, by_key)]);
        }
        for (name, octets, reason) in sent {
            let said = Secured::new(name, "e", 4, octets.clone()).send(&mut peer);
            if open == "before-acknowledgement" {
                assert!(said.starts_with(reason), "{name}: {said}");
                continue;
            }
            assert_eq!(said, "4N");
            // One session each, so that what came first is opened first.
            let answers = take_answers(&mut peer);
            peer = Peer::session(server.address());
            let nerp = answers[0].nerp.clone().unwrap();
            assert_eq!((&*answers[0].dataset, &*nerp.0), (name, reason));
        }
        assert!(setup.delivered().is_empty());
        let audited = setup.pointsman(&["verify-store"]);
        assert!(audited.status.success(), "{audited:?}");
    }
}

#[test]
fn a_ledger_that_is_rebuilt_knows_the_keys_that_came() {
    for keeps_old in [false, true] {
        let setup = station("failures: told-apart");
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        let [wire, other] = two_of_one_key();
        Secured::new("FIRST", "e", 4, wire.clone()).send(&mut peer);
        assert_eq!(take_answers(&mut peer), [positive("FIRST")]);
        assert_eq!(server.stop(), Some(0));
        if !keeps_old {
            for ending in ["", "-wal", "-shm"] {
                let ledger = setup.path().join(format!("state/ledger.db{ending}"));
                let _ = std::fs::remove_file(ledger);
            }
        }
        let rebuilt = setup.pointsman(&["store", "rebuild"]);
        assert!(rebuilt.status.success(), "{rebuilt:?}");
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        Secured::new("CHANGED", "e", 4, other).send(&mut peer);
        Secured::new("RESENT", "e", 4, wire).send(&mut peer);
        setup.await_delivered(2);
        let answers = take_answers(&mut peer);
        let changed = answers.iter().find(|one| one.dataset == "CHANGED");
        let reason = changed.unwrap().nerp.clone().unwrap().0;
        assert_eq!(reason, "33", "old ledger kept: {keeps_old}");
        assert!(answers.contains(&positive("RESENT")));
    }
}
