//! Each key of the YAML and each term of the WIT, seen on the wire or in the folder.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

#[path = "support/keys.rs"]
mod keys;
mod support;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use pointsman::KNOWN_PARTNERS;
use support::guests::{misbehaving, terms};
use support::peer::{Called, Peer, Ssid, VirtualFile, eerp, efid, framed, take_file};
use support::{OURS, Server, Setup, THEIRS, THEM, US, eventually, octets, openssl_certificate};

/// The YAML of a policy that answers so.
fn answering(settings: &[(&str, &str)]) -> String {
    let mut yaml =
        "policies:\n  terms:\n    component: terms.wasm\n    limits: {time: 4s}\n    settings:\n      any: \"\"\n"
            .to_owned();
    for (key, value) in settings {
        writeln!(yaml, "      {key}: \"{value}\"").unwrap();
    }
    yaml
}

/// A station whose policy answers so.
fn setup(settings: &[(&str, &str)]) -> Setup {
    let setup = Setup::plain(&answering(settings));
    setup.write("terms.wasm", terms());
    setup
}

/// The SSID that answers ours.
fn greeted(server: &Server) -> String {
    let mut peer = Peer::connect(server.address());
    peer.say(Ssid::default().octets());
    String::from_utf8(peer.hear()).unwrap()
}

#[test]
fn what_a_policy_says_of_a_session_is_in_our_ssid() {
    let settings = [
        ("ssid-code", "O0013OTHER"),
        ("level", "4"),
        ("buffer-size", "1000"),
        ("credit", "3"),
        ("mode", "receive-only"),
        ("compression", "false"),
        ("restart", "false"),
    ];
    let plain = setup(&[]);
    let server = plain.serve();
    let usual = greeted(&server);
    assert_eq!(
        (&usual[..2], usual[2..27].trim_end(), &usual[40..43]),
        ("X5", US, "BNY"),
        "{usual}"
    );
    let setup = setup(&settings);
    let server = setup.serve();
    let said = greeted(&server);
    assert_eq!(
        (
            &said[..2],
            said[2..27].trim_end(),
            &said[35..43],
            &said[44..47]
        ),
        ("X4", "O0013OTHER", "01000RNN", "003"),
        "{said}"
    );
    server.await_log(&[
        "told of a connection",
        THEM,
        "level 5",
        "mode both",
        "password-ok true",
    ]);
}

#[test]
fn a_policy_may_say_which_partner_a_caller_is() {
    let more = answering(&[("partner", "mueller")]).replace(
        "    settings",
        "    asked_about_strangers: true\n    settings",
    );
    let setup = Setup::plain(&more);
    setup.write("terms.wasm", terms());
    let server = setup.serve();
    let mut peer = Peer::connect(server.address());
    peer.say(
        Ssid {
            code: "O0013ANOTHERCODE".to_owned(),
            ..Ssid::default()
        }
        .octets(),
    );
    assert_eq!(peer.hear()[0], b'X', "it is let in as mueller");
    peer.send(&VirtualFile::new("ORDERS", "x"));
    let delivered = setup.await_delivered(1);
    assert!(delivered[0].starts_with("mueller/"), "{delivered:?}");
}

/// The answer to such a password.
fn tried(server: &Server, password: &str) -> String {
    tried_as(server, THEM, password)
}

fn tried_as(server: &Server, code: &str, password: &str) -> String {
    let mut peer = Peer::connect(server.address());
    let ssid = Ssid {
        code: code.to_owned(),
        password: password.to_owned(),
        ..Ssid::default()
    };
    peer.say(ssid.octets());
    String::from_utf8(peer.hear()).unwrap()
}

#[test]
fn whoever_guesses_past_a_policy_is_locked_out_all_the_same() {
    // Without its setting this policy has nothing but a no for everybody.
    let setup = Setup::plain(
        "policies:\n  no:\n    component: no.wasm\n    asked_about_strangers: true\nlimits: {guesses: 2}\n",
    );
    setup.write("no.wasm", KNOWN_PARTNERS);
    let server = setup.serve();
    assert!(tried(&server, "WRONG1").starts_with("F08"));
    assert!(tried(&server, "WRONG2").starts_with("F08"));
    server.await_log(&["locked-out", "mueller"]);
    let answer = tried(&server, THEIRS);
    assert!(answer.starts_with("F04"), "it is locked out: {answer}");
}

#[test]
fn whoever_guesses_for_a_partner_that_a_policy_names_is_locked_out_under_whatever_code() {
    let who = answering(&[("partner", "mueller")]).replace(
        "    settings",
        "    asked_about_strangers: true\n    settings",
    );
    let setup = Setup::plain(&format!("{who}limits: {{guesses: 2}}\n"));
    setup.write("terms.wasm", terms());
    let server = setup.serve();
    let let_in = tried_as(&server, "O0013000009NOBODY", THEIRS);
    assert!(
        let_in.starts_with('X'),
        "the policy says who it is: {let_in}"
    );
    for wrong in ["WRONG1", "WRONG2"] {
        let answer = tried_as(&server, "O0013000009NOBODY", wrong);
        assert!(answer.starts_with("F04"), "{answer}");
    }
    server.await_log(&["locked-out", "mueller"]);
    for code in [THEM, "O0013000009NOBODY"] {
        let answer = tried_as(&server, code, THEIRS);
        assert!(answer.starts_with("F04"), "it is locked out: {answer}");
    }
}

#[test]
fn a_stranger_spends_the_time_of_those_policies_alone_that_want_it() {
    let more = answering(&[]).replace(
        "    settings",
        "    asked_about_strangers: true\n    settings",
    );
    let setup = Setup::plain(&format!("{more}  no:\n    component: no.wasm\n"));
    setup.write("terms.wasm", terms());
    setup.write("no.wasm", KNOWN_PARTNERS);
    let server = setup.serve();
    let answer = tried(&server, "WRONG");
    assert!(answer.starts_with("F04"), "`no` was asked: {answer}");
    let answer = tried(&server, THEIRS);
    assert!(answer.starts_with("F08"), "`no` was not asked: {answer}");
}

#[test]
fn a_session_is_given_up_after_the_silence_that_a_policy_allows() {
    let setup = setup(&[("idle-timeout", "1")]);
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let began = Instant::now();
    assert_eq!(peer.hear_esid(), "09");
    assert!(began.elapsed() < Duration::from_secs(20), "the profile's");
}

#[test]
fn a_policy_bounds_files_and_says_where_they_go() {
    let setup = setup(&[("max-file-kib", "2"), ("directory", "of/the/session")]);
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let refused = peer.offer(&VirtualFile::new("BIG", vec![1; 3000]));
    assert_eq!(&refused[..3], b"306", "SFNA 06");
    peer.send(&VirtualFile::new("SMALL", vec![1; 2000]));
    let delivered = setup.await_delivered(1);
    assert!(delivered[0].starts_with("of/the/session/"), "{delivered:?}");
}

#[test]
fn a_policy_names_files_and_says_whether_they_replace_others() {
    let named = [("file-directory", "here"), ("file-name", "always")];
    for overwrite in ["true", "false"] {
        let setup = setup(&[&named[..], &[("overwrite", overwrite)]].concat());
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        peer.send(&VirtualFile::new("ONE", "first"));
        assert_eq!(setup.await_delivered(1), ["here/always"]);
        let other = VirtualFile::new("OTHER", "second");
        let there = || std::fs::read_to_string(setup.inbox().join("here/always")).unwrap();
        if overwrite == "true" {
            peer.send(&other);
            eventually("it is replaced", || (there() == "second").then_some(()));
            assert_eq!(setup.delivered(), ["here/always"]);
        } else {
            assert_eq!(&peer.offer(&other)[..4], b"312N", "SFNA 12");
            assert_eq!(there(), "first");
        }
    }
}

/// A station where every file gets the same name, which is not replaced; `partner` is added to the partner.
fn setup_of_one_name(partner: &str) -> Setup {
    let named = [("file-name", "always"), ("overwrite", "false")];
    let setup = Setup::with_listeners(PLAIN, partner, &answering(&named));
    setup.write("terms.wasm", terms());
    setup
}

/// Sends it, and hangs up before EFPA comes.
fn send_and_miss_efpa(setup: &Setup, server: &Server, file: &VirtualFile) {
    let mut peer = Peer::session(server.address());
    assert_eq!(peer.offer(file)[0], b'2', "SFPA");
    peer.send_content(file);
    drop(peer);
    setup.await_delivered(1);
}

#[test]
fn a_file_that_is_here_is_a_duplicate_whatever_is_said_of_files_now() {
    let setup = setup_of_one_name("");
    let server = setup.serve();
    let file = VirtualFile::new("ONE", "first");
    send_and_miss_efpa(&setup, &server, &file);
    let mut peer = Peer::session(server.address());
    let answer = String::from_utf8(peer.offer(&file)).unwrap();
    assert!(answer.starts_with("313N"), "its name is taken: {answer}");
    assert_eq!(peer.take_receipts().len(), 1);
    assert_eq!(server.stop(), Some(0));

    for (partner, station) in [
        ("    quota: {size: 1KiB, per: 24h}\n", ""),
        ("", "limits: {reserve: 1000TiB}\n"),
    ] {
        let setup = Setup::plain("");
        let server = setup.serve();
        let large = VirtualFile::new("LARGE", octets(1, 5000));
        send_and_miss_efpa(&setup, &server, &large);
        Peer::session(server.address()).send(&VirtualFile::new("OTHER", octets(2, 5000)));
        assert_eq!(server.stop(), Some(0));
        setup.configure(PLAIN, partner, station);
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        let answer = String::from_utf8(peer.offer(&large)).unwrap();
        assert!(
            answer.starts_with("313N"),
            "{partner}{station}has no room for more: {answer}"
        );
        let other = VirtualFile::new("THIRD", octets(3, 5000));
        assert_eq!(&peer.offer(&other)[..4], b"306Y", "{partner}{station}");
    }
}

#[test]
fn a_file_that_may_be_here_is_compared_whatever_is_said_of_files_now() {
    // What speaks against another file is said once its content shows that it is one.
    for (received_again, of_another) in [("compare", "513"), ("take", "512")] {
        let setup = setup_of_one_name(&format!("    received_again: {received_again}\n"));
        let server = setup.serve();
        let file = VirtualFile::new("ONE", octets(1, 50_000));
        send_and_miss_efpa(&setup, &server, &file);
        for seed in [2, 3] {
            // One as long as the first, and one that is longer.
            let other = VirtualFile {
                content: octets(seed, 25_000 * seed as usize),
                ..file.clone()
            };
            let mut peer = Peer::session(server.address());
            assert_eq!(peer.offer(&other)[0], b'2', "{received_again}");
            peer.send_content(&other);
            let answer = String::from_utf8(peer.hear()).unwrap();
            assert!(answer.starts_with(of_another), "{received_again}: {answer}");
        }
        let mut peer = Peer::session(server.address());
        peer.send(&file);
        assert_eq!(peer.take_receipts().len(), 1, "one file, one receipt");
        assert_eq!(setup.transfers().len(), 1);
        let there = std::fs::read(setup.inbox().join(&setup.delivered()[0])).unwrap();
        assert!(there == file.content);
        let partials = std::fs::read_dir(setup.path().join("state/spool/incoming")).unwrap();
        assert_eq!(partials.count(), 0, "copies do not stay");
        let audited = setup.pointsman(&["verify-store"]);
        let said = String::from_utf8_lossy(&audited.stdout);
        assert!(audited.status.success(), "{said}");
    }
}

/// A session in which a file breaks off after so many octets.
fn broken_off(server: &Server, file: &VirtualFile, after: usize) {
    let mut peer = Peer::session(server.address());
    assert_eq!(peer.offer(file)[0], b'2', "SFPA");
    let part = VirtualFile {
        content: file.content[..after].to_vec(),
        ..file.clone()
    };
    peer.send_data(&part);
    drop(peer);
    server.await_log(&["told of an end", "received", "aborted"]);
}

#[test]
fn a_policy_may_ask_for_a_broken_file_from_its_start() {
    for (settings, position) in [(&[][..], 3), (&[("file-restart", "0")][..], 0)] {
        let setup = setup(settings);
        let server = setup.serve();
        let file = VirtualFile::new("BROKEN", vec![7; 3 << 10]);
        broken_off(&server, &file, 3 << 10);
        let mut peer = Peer::session(server.address());
        let again = VirtualFile {
            restart: 3,
            ..file.clone()
        };
        let answer = String::from_utf8(peer.offer(&again)).unwrap();
        assert_eq!(answer, format!("2{position:017}"));
    }
}

#[test]
fn what_a_policy_says_at_the_end_of_a_file_is_heard() {
    let refusing = setup(&[("answer", "refuse")]);
    let server = refusing.serve();
    let mut peer = Peer::session(server.address());
    let file = VirtualFile::new("ORDERS", "x");
    peer.offer(&file);
    peer.send_content(&file);
    let efna = peer.hear();
    assert_eq!(&efna[..3], b"520", "EFNA 20");
    assert!(String::from_utf8_lossy(&efna).contains("not like this"));
    assert!(refusing.delivered().is_empty());

    let asking = setup(&[
        ("request-turn", "true"),
        ("end-directory", "at/the/end"),
        ("end-file-name", "named"),
    ]);
    let server = asking.serve();
    let mut peer = Peer::session(server.address());
    peer.offer(&file);
    peer.send_content(&file);
    assert_eq!(peer.hear(), b"4Y", "EFPA that wants the turn");
    assert_eq!(asking.await_delivered(1), ["at/the/end/named"]);
}

#[test]
fn a_question_that_was_put_off_is_asked_again_with_the_same_facts() {
    let setup = setup(&[("answer", "later")]);
    let partner = "    session: {mode: receive-only}\n";
    setup.configure(
        "  - address: 127.0.0.1:0\n",
        partner,
        &answering(&[("answer", "later")]),
    );
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("ORDERS", vec![1; 2500]));
    server.await_log(&[
        "told of an end: received ORDERS completed records 0 octets 2500",
        "slow false asked 0",
    ]);
    // A second has gone by since SFID; the partner sends, since we take files only.
    server.await_log(&[
        "told of an end: received ORDERS completed records 0 octets 2500",
        "slow true asked 1",
        "mode send-only",
    ]);
}

/// In the history as in the log, and in the same words as when it is asked the first time.
#[test]
fn an_answer_outside_of_a_session_has_its_policy_with_generation_and_digest() {
    let setup = setup(&[("answer", "later")]);
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ORDERS", "order"));
    server.await_log(&["policy-decided", "end-transfer", "EERP"]);
    let (_, again) = decisions(&setup).pop().unwrap();
    let digest = again["policies"][0]["digest"].as_str().unwrap();
    let by = format!("policy terms (generation 1, sha256:{})", &digest[..12]);
    server.await_log(&["policy-decided", "EERP", &format!("\"by\":\"{by}\"")]);
    let row = setup.transfers().remove(0);
    let id = row.split_whitespace().next().unwrap();
    let shown = setup.pointsman(&["transfers", "show", id]).stdout;
    let shown = String::from_utf8(shown).unwrap();
    let line = format!("end-transfer: {by}: EERP after delivery");
    assert!(shown.contains(&line), "{line} is not in:\n{shown}");
}

/// The history of the only transfer: the data of each event that has some.
fn decisions(setup: &Setup) -> Vec<(String, serde_json::Value)> {
    let row = setup.transfers().remove(0);
    let id = row.split_whitespace().next().unwrap();
    let shown = setup.pointsman(&["transfers", "show", id, "--json"]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let lines = shown["timeline"].as_array().unwrap().iter();
    let with_data = lines.filter(|line| line["data"].is_object());
    with_data
        .map(|line| {
            let event = line["event"].as_str().unwrap().to_owned();
            (event, line["data"].clone())
        })
        .collect()
}

#[test]
fn what_led_to_a_decision_is_kept_and_asked_again_the_question_has_the_same_facts() {
    let settings = [("answer", "later"), ("end-label", "not-for-the-history")];
    let setup = setup(&settings);
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ORDERS", vec![1; 2500]));
    server.await_log(&["policy-decided", "end-transfer", "EERP"]);
    let kept = decisions(&setup);
    let events: Vec<&str> = kept.iter().map(|(event, _)| event.as_str()).collect();
    assert_eq!(events, ["offered", "received", "decided"], "{kept:#?}");
    let [offered, first, again] = [0, 1, 2].map(|at| &kept[at].1);
    for (one, hook) in [
        (offered, "accept-file"),
        (first, "end-transfer"),
        (again, "end-transfer"),
    ] {
        assert_eq!(one["hook"], hook);
        assert_eq!(one["decided-by"], "terms");
        assert_eq!(one["generation"], 1);
        assert_eq!(one["policies"][0]["name"], "terms");
        let digest = one["policies"][0]["digest"].as_str().unwrap();
        assert_eq!(digest.len(), 64, "{digest}");
        let calls = one["host-calls"].as_array().unwrap();
        let functions: Vec<&str> = calls
            .iter()
            .map(|call| call["function"].as_str().unwrap())
            .collect();
        assert_eq!(functions[..2], ["log", "setting"], "{calls:#?}");
        assert_eq!(one["facts"]["connection"]["ssid-code"], THEM);
        assert_eq!(one["failures"], serde_json::json!([]));
    }
    assert_eq!(offered["facts"]["file"]["dataset-name"], "ORDERS");
    assert_eq!(first["answer"], serde_json::json!({ "later": 1 }));
    let label = serde_json::json!([["end-label", "not-for-the-history"]]);
    assert_eq!(again["answer"]["positive"]["labels"], label);
    let in_calls = again["host-calls"].to_string();
    assert!(!in_calls.contains("not-for-the-history"), "{in_calls}");

    let [before, then] = [first, again].map(|one| &one["facts"]["transfer"]);
    assert_eq!((&before["asked"], &then["asked"]), (&0.into(), &1.into()));
    let [took, took_then] = [before, then].map(|facts| facts["duration-ms"].as_u64().unwrap());
    assert!(took_then >= took + 1000, "{took} and {took_then} ms");
    for (fact, value) in before.as_object().unwrap() {
        if !["asked", "duration-ms", "extra"].contains(&fact.as_str()) {
            assert_eq!(&then[fact], value, "`{fact}` is another one later");
        }
    }
    // A refusal comes too late then.
    for (facts, can) in [(before, "true"), (then, "false")] {
        assert_eq!(facts["extra"], serde_json::json!([["can-refuse", can]]));
    }
    // The mode is the partner's both times, and so is all that its profile says as its SSID does.
    let [before, then] = [first, again].map(|one| &one["facts"]["connection"]);
    for fact in ["partner", "mode", "level", "password-ok", "restart"] {
        assert_eq!(then[fact], before[fact], "`{fact}` is another one later");
    }
}

/// What the log has of the last decision of that hook that no history of a file keeps.
fn logged(server: &Server, hook: &str) -> serde_json::Value {
    let hook = format!(r#""hook":"{hook}""#);
    let line = server.await_log(&["policy-decided", &hook, r#""data":"#]);
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    serde_json::from_str(line["data"].as_str().unwrap()).unwrap()
}

/// A policy without settings that has no opinion, whatever it is asked.
const PASSES: &str = "policies:\n  passes:\n    component: passes.wasm\n    limits: {time: 4s}\n";

#[test]
fn of_a_policy_without_an_opinion_the_question_is_kept_and_that_it_passed() {
    let setup = Setup::plain(PASSES);
    setup.write("passes.wasm", misbehaving());
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ORDERS", "x"));
    setup.await_delivered(1);
    let kept = decisions(&setup);
    let events: Vec<&str> = kept.iter().map(|(event, _)| event.as_str()).collect();
    assert_eq!(events, ["offered", "received"], "{kept:#?}");
    let [offered, received] = [0, 1].map(|at| &kept[at].1);
    assert_eq!(offered["facts"]["file"]["dataset-name"], "ORDERS");
    assert_eq!(received["facts"]["transfer"]["octets"], 1);
    let connection = &logged(&server, "accept-connection");
    assert_eq!(connection["facts"]["connection"]["ssid-code"], THEM);
    for (one, hook) in [
        (offered, "accept-file"),
        (received, "end-transfer"),
        (connection, "accept-connection"),
    ] {
        assert_eq!(one["hook"], hook);
        assert_eq!(one["answer"], "pass");
        assert!(one["decided-by"].is_null(), "{one:#}");
        assert_eq!(one["policies"][0]["name"], "passes");
        assert_eq!(one["generation"], 1);
    }
    // Without a policy nothing is made up.
    let setup = Setup::plain("");
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ORDERS", "x"));
    setup.await_delivered(1);
    assert_eq!(decisions(&setup), []);
}

#[test]
fn what_has_no_history_is_logged_with_what_led_to_it_and_without_what_policies_keep() {
    let setup = setup(&[("answer", "refuse")]);
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let accepted = logged(&server, "accept-connection");
    assert_eq!(accepted["decided-by"], "terms");
    assert_eq!(accepted["facts"]["connection"]["partner"], "mueller");
    let calls = accepted["host-calls"].as_array().unwrap();
    assert!(calls.contains(&"setting".into()), "{calls:?}");
    assert!(calls.iter().all(serde_json::Value::is_string), "{calls:?}");
    let log = server.log();
    assert!(!log.contains(THEIRS) && !log.contains(OURS), "{log}");
    // A receipt for no file of ours is of no history either.
    let sfid = VirtualFile::new("NEVER.SENT", "x").sfid();
    peer.say(eerp(&sfid));
    assert_eq!(peer.hear(), b"P", "RTR");
    let told = logged(&server, "end-response");
    assert_eq!(told["facts"]["response"]["dataset-name"], "NEVER.SENT");
    assert_eq!(told["policies"][0]["name"], "terms");
}

/// Takes the first octets of a file that is offered, and is gone.
fn break_off(called: &Called) {
    let mut peer = called.greet();
    assert_eq!(peer.hear()[0], b'H', "SFID");
    peer.say(b"200000000000000000");
    assert_eq!(peer.hear()[0], b'D', "DATA");
}

#[test]
fn what_policies_were_notified_of_is_in_the_history_of_the_file() {
    let called = Called::new();
    let setup = caller(&called, &[("ORDERS", 20_000)], &[]);
    let server = setup.serve();
    break_off(&called);
    server.await_log(&["told of an end: sent ORDERS aborted"]);
    let mut peer = called.greet();
    let sfid = take_file(&mut peer);
    assert_eq!(peer.hear(), b"R", "CD");
    peer.say(eerp(&sfid));
    assert_eq!(peer.hear(), b"P", "RTR");
    let kept = decisions(&setup);
    let events: Vec<&str> = kept.iter().map(|(event, _)| event.as_str()).collect();
    assert_eq!(
        events,
        ["queued", "end-transfer", "end-transfer", "end-response"],
        "{kept:#?}"
    );
    let [queued, aborted, sent, response] = [0, 1, 2, 3].map(|at| &kept[at].1);
    assert_eq!(
        (&queued["hook"], &queued["answer"]),
        (&"queue-file".into(), &"pass".into())
    );
    let outcome = |one: &serde_json::Value| one["facts"]["transfer"]["outcome"].clone();
    assert!(outcome(aborted)["aborted"].is_string(), "{aborted:#}");
    assert_eq!(outcome(sent), "completed");
    assert_eq!(sent["facts"]["transfer"]["direction"], "sent");
    assert_eq!(response["facts"]["response"]["kind"], "delivered");
    let shown = setup.pointsman(&[
        "transfers",
        "show",
        setup.transfers()[0].split_whitespace().next().unwrap(),
    ]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("notified terms, generation 1"), "{shown}");
}

#[test]
fn what_policies_were_notified_of_a_file_that_did_not_come_whole_is_in_its_history() {
    let setup = setup(&[]);
    let server = setup.serve();
    broken_off(&server, &VirtualFile::new("BIG", vec![1; 100_000]), 50_000);
    let kept = eventually("it is written down", || {
        let kept = decisions(&setup);
        (kept.last()?.0 == "end-transfer").then_some(kept)
    });
    let (_, told) = kept.last().unwrap();
    assert_eq!(told["facts"]["transfer"]["direction"], "received");
    assert!(
        told["facts"]["transfer"]["outcome"]["aborted"].is_string(),
        "{told:#}"
    );
}

#[test]
fn what_led_to_an_efna_is_kept_beside_its_reason() {
    let setup = setup(&[("answer", "refuse")]);
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let file = VirtualFile::new("ORDERS", "x");
    peer.offer(&file);
    peer.send_content(&file);
    assert_eq!(&peer.hear()[..3], b"520", "EFNA");
    let kept = decisions(&setup);
    let (event, data) = kept.last().unwrap();
    assert_eq!(event, "refused", "{kept:#?}");
    assert_eq!(data["answer"]["refuse"]["reason"], 20);
    let digest = data["facts"]["transfer"]["blake3"].as_str().unwrap();
    assert_eq!(digest.len(), 64, "{digest}");
}

const LISTENER: &str = "listeners:\n  - address: 127.0.0.1:0\n";

/// A station that calls a partner, with files to send and a policy that answers so.
fn caller(called: &Called, files: &[(&str, usize)], settings: &[(&str, &str)]) -> Setup {
    let policy = answering(settings);
    let setup = Setup::caller(LISTENER, &called.address(), &policy);
    setup.write("terms.wasm", terms());
    for (name, octets) in files {
        setup.queue(name, vec![1; *octets], "nordwerk");
    }
    setup
}

#[test]
fn whom_we_call_hears_why_a_policy_refuses() {
    let called = Called::new();
    let setup = caller(
        &called,
        &[("ORDERS", 1)],
        &[("refuse-connection", "closed today")],
    );
    let _server = setup.serve();
    let esid = called.greet().hear();
    let esid = String::from_utf8_lossy(&esid).into_owned();
    assert!(
        esid.starts_with("F05") && esid.contains("closed today"),
        "{esid}"
    );
}

#[test]
fn a_policy_says_which_files_go_and_hears_of_their_receipts() {
    let called = Called::new();
    let settings = [("newest-first", "yes"), ("max-files", "1")];
    let setup = caller(&called, &[("OLD", 1), ("NEW", 2)], &settings);
    let server = setup.serve();
    let mut peer = called.greet();
    let sfid = take_file(&mut peer);
    assert_eq!(String::from_utf8_lossy(&sfid[1..27]).trim_end(), "NEW");
    assert_eq!(peer.hear(), b"R", "CD: one file is enough");
    let line = server.await_log(&["told of an end: sent NEW completed records 0 octets 2 "]);
    assert!(
        line.contains(" with nordwerk at ") && line.contains("session S"),
        "whose session it was in: {line}"
    );
    peer.say(eerp(&sfid));
    assert_eq!(peer.hear(), b"P", "RTR");
    let stations = format!("from {US} to {THEM}");
    let known = "known true hash None None signature None problem";
    server.await_log(&["told of a response: delivered: NEW ", &stations, known]);
}

#[test]
fn a_policy_is_told_all_that_a_receipt_says() {
    let called = Called::new();
    let setup = caller(&called, &[], &[]);
    let server = setup.serve();
    let mut peer = Peer::connect(server.address());
    let ours = Ssid {
        code: US.to_owned(),
        password: OURS.to_owned(),
        ..Ssid::default()
    };
    peer.say(ours.octets());
    assert_eq!(peer.hear()[0], b'X');
    let stations = format!("{THEM:25}{US:25}");
    let eerp = format!(
        "E{:26}{:3}202611222359590007AGREED  {stations}",
        "OTHER", ""
    );
    peer.say([eerp.as_bytes(), &[0, 2, 0xAB, 0xCD, 0, 0]].concat());
    assert_eq!(peer.hear(), b"P", "RTR");
    let told = [
        "told of a response: delivered: OTHER 20261122 2359590007",
        r#"user \"AGREED\""#,
        &format!("from {US} to {THEM} known false"),
        r#"hash Some(\"abcd\") None signature None"#,
    ];
    server.await_log(&told);
    let creator = "O0013000001BEHIND";
    let nerp = format!(
        "N{:26}{:6}202611222359590008{stations}{creator:25}",
        "OTHER", ""
    );
    peer.say([nerp.as_bytes(), b"34010not wanted", &[0; 4]].concat());
    assert_eq!(peer.hear(), b"P", "RTR");
    let told = [
        r#"told of a response: rejected 34 \"not wanted\""#,
        &format!("by {creator}: OTHER 20261122 2359590008"),
        &format!("from {US} to {THEM} known false hash None None signature None"),
    ];
    server.await_log(&told);
}

#[test]
fn a_policy_holds_all_files_back_and_says_why() {
    let called = Called::new();
    let setup = caller(&called, &[("ORDERS", 1)], &[("hold", "not before noon")]);
    let server = setup.serve();
    let mut peer = called.greet();
    assert_eq!(peer.hear(), b"R", "CD, and no file");
    server.await_log(&["not before noon"]);
    assert!(setup.transfers()[0].contains(" ready "));
}

/// The labels that `transfers show` has of the only transfer, `NAME=VALUE` each.
fn labels(setup: &Setup) -> Vec<String> {
    let row = setup.transfers().remove(0);
    let id = row.split_whitespace().next().unwrap();
    let shown = setup.pointsman(&["transfers", "show", id, "--json"]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let of = |label: &serde_json::Value| {
        let part = |part| label[part].as_str().unwrap().to_owned();
        format!("{}={}", part("name"), part("value"))
    };
    shown["labels"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn what_a_policy_says_of_a_file_in_labels_stays_with_it() {
    let settings = [
        ("answer", "later"),
        ("file-label", "of the offer"),
        ("end-label", "of the end"),
    ];
    let putting_off = setup(&settings);
    let server = putting_off.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ORDERS", "x"));
    let of_the_offer = r#"labels [("file-label", "of the offer")]"#;
    server.await_log(&["asked 0", &of_the_offer.replace('"', "\\\"")]);
    server.await_log(&["asked 1", &of_the_offer.replace('"', "\\\"")]);
    assert_eq!(labels(&putting_off), ["file-label=of the offer"]);

    let at_once = setup(&settings[1..]);
    let server = at_once.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ORDERS", "x"));
    let both = ["file-label=of the offer", "end-label=of the end"];
    assert_eq!(labels(&at_once), both);
    // A rebuilt ledger knows them as well.
    at_once.await_delivered(1);
    assert_eq!(server.stop(), Some(0));
    assert!(at_once.pointsman(&["store", "rebuild"]).status.success());
    assert_eq!(labels(&at_once), both);
}

#[test]
fn a_refusal_that_comes_after_the_efpa_is_a_nerp_of_the_same_meaning() {
    // 22 of EFNA is 33 of NERP; 22 of NERP would be an access method failure.
    let settings = [
        ("answer", "later"),
        ("answer-then", "refuse"),
        ("reason", "22"),
    ];
    let setup = setup(&settings);
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ORDERS", "x"));
    server.await_log(&["policy-decided", "end-transfer", "NERP"]);
    let nerp = Peer::session(server.address()).take_receipts().remove(0);
    let nerp = String::from_utf8_lossy(&nerp).into_owned();
    assert!(nerp.starts_with('N'), "{nerp}");
    assert_eq!(&nerp[126..128], "33", "file decryption failed: {nerp}");
}

#[test]
fn a_policys_name_with_the_partners_text_in_it_has_no_macros_of_the_partners() {
    let named = [
        ("file-directory", "here"),
        ("file-name", "{dataset}-%UserData%"),
    ];
    let setup = setup(&named);
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    for dataset in ["ORDERS", "%GUID%", "%Originator%"] {
        peer.send(&VirtualFile::new(dataset, dataset));
    }
    let mut names = setup.await_delivered(3);
    names.sort();
    assert_eq!(
        names,
        [
            "here/ORDERS-",
            "here/_GUID_-_UserData_",
            "here/_Originator_-_UserData_"
        ]
    );
}

#[test]
fn policies_are_told_what_whoever_sends_a_file_says_of_it() {
    let called = Called::new();
    let setup = caller(&called, &[], &[("tell-files", "yes")]);
    let file = setup.write("ORDERS", "x");
    let path = file.to_str().unwrap();
    let how = ["--label", "department=sales", "--label", "urgent"];
    let send = ["send", path, "--to", "nordwerk", "--queue-only"];
    let queued = setup.pointsman(&[&send[..], &how].concat());
    let said = String::from_utf8_lossy(&queued.stderr).into_owned();
    assert!(queued.status.success(), "{said}");
    let server = setup.serve();
    let mut peer = called.greet();
    take_file(&mut peer);
    let told = r#"labels [("department", "sales"), ("urgent", "")]"#.replace('"', "\\\"");
    server.await_log(&["told of a file to send: ", &told]);
    server.await_log(&["told of an end: sent ORDERS completed", &told]);
    assert_eq!(labels(&setup), ["department=sales", "urgent="]);
}

#[test]
fn of_a_file_of_ours_that_broke_off_a_policy_hears_what_went() {
    let called = Called::new();
    let setup = caller(&called, &[("BIG", 300_000)], &[]);
    let server = setup.serve();
    break_off(&called);
    let told = server.await_log(&["told of an end: sent BIG aborted"]);
    let octets = told.split("octets ").nth(1).unwrap();
    let octets: u64 = octets.split(' ').next().unwrap().parse().unwrap();
    // Seven buffers are what there was credit for.
    assert!((1..=7 * 4096).contains(&octets), "{told}");
}

const PLAIN: &str = "  - address: 127.0.0.1:0\n";

/// The same station with these keys more.
fn with_station(setup: &Setup, keys: &str) {
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let station = format!("  ssid: {US}\n");
    assert!(text.contains(&station), "{text}");
    setup.write(
        "pointsman.yaml",
        text.replacen(&station, &format!("{station}{keys}"), 1),
    );
}

#[test]
fn a_watched_folder_may_be_of_another_of_our_stations() {
    const OTHER: &str = "O0013000001OTHER";
    let called = Called::new();
    let watch = format!(
        "    watch:\n      - folder: out\n        quiet: 100ms\n        originator: {OTHER}\n"
    );
    let listener = format!("listeners:\n{PLAIN}");
    let setup = Setup::caller(&listener, &called.address(), &watch);
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let ours = format!("  sfids: [{THEM}, {OTHER}]\n");
    let station = format!("station:\n  ssid: {THEM}\n");
    assert!(text.contains(&station), "{text}");
    setup.write(
        "pointsman.yaml",
        text.replacen(&station, &(station.clone() + &ours), 1),
    );
    let _server = setup.serve();
    setup.write("out/ORDER", "x");
    let sfid = String::from_utf8(called.greet().hear()).unwrap();
    assert_eq!(sfid[81..106], *format!("{OTHER:25}"), "{sfid}");
}

#[test]
fn a_component_is_as_large_as_the_configuration_allows() {
    let size = terms().len();
    for (limit, starts) in [(size, true), (size - 1, false)] {
        let yaml = format!(
            "policies:\n  terms:\n    component: terms.wasm\n    limits: {{component: {limit}B}}\n"
        );
        let setup = Setup::plain(&yaml);
        setup.write("terms.wasm", terms());
        let checked = setup.pointsman(&["check"]);
        let succeeds = checked.status.success();
        let said = [checked.stdout, checked.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(succeeds, starts, "{limit} of {size}: {said}");
        assert!(starts || said.contains("terms"), "{said}");
    }
}

#[test]
fn files_are_for_the_stations_behind_us_and_come_from_the_first() {
    let (first, other) = ("O0013000001FIRST", "O0013000001OTHER");
    let behind = "O0013000007BEHIND";
    let setup = Setup::plain("");
    setup.configure(PLAIN, &format!("    sfids: [{behind}]\n"), "");
    with_station(&setup, &format!("  sfids: [{first}, {other}]\n"));
    setup.queue("INVOICE", "x", "mueller");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let file = |from: &str, to: &str| VirtualFile {
        originator: from.to_owned(),
        destination: to.to_owned(),
        ..VirtualFile::new("ORDERS", "x")
    };
    assert_eq!(&peer.offer(&file(behind, US))[..3], b"302", "SFNA 02");
    assert_eq!(&peer.offer(&file(THEM, other))[..3], b"303", "SFNA 03");
    peer.send(&file(behind, other));
    let receipt = peer.change_direction();
    let stations = format!("{behind:25}{other:25}");
    assert_eq!(&receipt[56..106], stations.as_bytes(), "EERPDEST, EERPORIG");
    peer.say(b"P");
    let sfid = peer.hear();
    let stations = format!("{behind:25}{first:25}");
    assert_eq!(&sfid[56..106], stations.as_bytes(), "SFIDDEST, SFIDORIG");
}

#[test]
fn a_partner_may_know_us_by_another_code_and_password() {
    let called = Called::new();
    let keys = "    our_ssid: O0013000007KNOWN\n    our_password: ANOTHER\n";
    let setup = Setup::caller(LISTENER, &called.address(), keys);
    setup.queue("ORDERS", "x", "nordwerk");
    let server = setup.serve();
    let known = format!("X5{:25}{:8}", "O0013000007KNOWN", "ANOTHER");
    let mut peer = called.accept();
    peer.say(b"IODETTE FTP READY \r");
    assert_eq!(&peer.hear()[..35], known.as_bytes(), "when we call");
    let mut peer = Peer::connect(server.address());
    let theirs = Ssid {
        code: US.to_owned(),
        password: OURS.to_owned(),
        ..Ssid::default()
    };
    peer.say(theirs.octets());
    assert_eq!(&peer.hear()[..35], known.as_bytes(), "when it calls");
}

#[test]
fn what_the_profile_says_of_sessions_is_in_our_ssid_both_ways() {
    let all = "version: 1.3, buffer_size: 500, mode: send-only, compression: true, restart: false, credit: 3";
    // Of the SSID (RFC 5024, 5.3.2): the level; buffer size, mode, compression and restart; the credit.
    for (keys, expected) in [
        ("", ["5", "99999BNY", "999"]),
        ("mode: receive-only", ["5", "99999RNY", "999"]),
        (all, ["2", "00500SYN", "003"]),
    ] {
        let called = Called::new();
        let session = format!("    session: {{{keys}}}\n");
        let setup = Setup::caller(LISTENER, &called.address(), &session);
        setup.queue("ORDERS", "x", "nordwerk");
        let server = setup.serve();
        let mut peer = called.accept();
        peer.say(b"IODETTE FTP READY \r");
        let offered = String::from_utf8(peer.hear()).unwrap();
        let of = |ssid: &str| [1..2, 35..43, 44..47].map(|place| ssid[place].to_owned());
        assert_eq!(of(&offered), expected, "when we call: {keys}");
        let mut peer = Peer::connect(server.address());
        let most = Ssid {
            code: US.to_owned(),
            password: OURS.to_owned(),
            buffer: 99_999,
            credit: 999,
            compression: 'Y',
            ..Ssid::default()
        };
        peer.say(most.octets());
        let agreed = String::from_utf8(peer.hear()).unwrap();
        assert_eq!(of(&agreed), expected, "when it calls: {keys}");
    }
}

/// What subrecords say (RFC 5024, 7.2).
fn expanded(data: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let mut rest = &data[1..];
    while let [header, after @ ..] = rest {
        let count = usize::from(header & 0x3F);
        if header & 0x40 == 0 {
            content.extend_from_slice(&after[..count]);
            rest = &after[count..];
        } else {
            content.extend(vec![after[0]; count]);
            rest = &after[1..];
        }
    }
    content
}

#[test]
fn runs_of_one_octet_are_compressed_where_both_want_it() {
    let same = [vec![b'a'; 3000], b"end".to_vec()].concat();
    for (key, wanted) in [("true", true), ("false", false)] {
        let setup = Setup::plain("");
        setup.configure(PLAIN, &format!("    session: {{compression: {key}}}\n"), "");
        setup.queue("INVOICE", &same, "mueller");
        let server = setup.serve();
        let mut peer = Peer::connect(server.address());
        let compressing = Ssid {
            compression: 'Y',
            ..Ssid::default()
        };
        peer.say(compressing.octets());
        peer.hear();
        peer.say(b"R");
        assert_eq!(peer.hear()[0], b'H', "SFID");
        peer.say(b"200000000000000000");
        let data = peer.hear();
        assert_eq!(expanded(&data), same);
        assert_eq!(data.len() < 200, wanted, "{} octets", data.len());
        assert_eq!(peer.hear(), efid(same.len()));
        peer.say(b"4Y");
        assert_eq!(peer.hear(), b"R", "CD");
        assert_eq!(peer.offer(&VirtualFile::new("ORDERS", "aaaaa"))[0], b'2');
        peer.say(b"D\xC5a");
        if wanted {
            peer.say(efid(5));
            assert_eq!(peer.hear(), b"4N");
            let delivered = setup.inbox().join(&setup.await_delivered(1)[0]);
            assert_eq!(std::fs::read(delivered).unwrap(), b"aaaaa");
        } else {
            assert_eq!(peer.hear_esid(), "06", "it was not agreed");
        }
    }
}

#[test]
fn a_file_of_ours_that_broke_off_is_resumed_only_where_restart_is_agreed() {
    for (key, position) in [("true", 9), ("false", 0)] {
        let setup = Setup::plain("");
        setup.configure(PLAIN, &format!("    session: {{restart: {key}}}\n"), "");
        setup.queue("INVOICE", octets(3, 9 << 10), "mueller");
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        peer.say(b"R");
        assert!(peer.hear().ends_with(b"0000000000000000000000N000"), "SFID");
        peer.say(b"200000000000000000");
        assert_eq!(peer.hear()[0], b'D');
        drop(peer);
        server.await_log(&["session-ended", "connection was lost"]);
        let again = eventually("it is offered again", || {
            let mut peer = Peer::session(server.address());
            peer.say(b"R");
            Some(peer.hear()).filter(|heard| heard[0] == b'H')
        });
        let restart = String::from_utf8_lossy(&again[138..155]).into_owned();
        assert_eq!(restart, format!("{position:017}"), "restart: {key}");
    }
}

/// Runs openssl in the folder.
fn openssl(setup: &Setup, arguments: &str) {
    let done = std::process::Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(setup.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "openssl {arguments}: {done:?}");
}

/// Makes `root`, and `server` and `client`, which it issued; the server's is for `localhost`.
fn certified(setup: &Setup) {
    let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30";
    openssl(
        setup,
        &format!("{new} -subj /CN=root -keyout root.key -out root.pem"),
    );
    for (name, use_for) in [("server", "serverAuth"), ("client", "clientAuth")] {
        openssl(
            setup,
            &format!(
                "{new} -subj /CN={name} -keyout {name}.key -out {name}.pem -CA root.pem -CAkey root.key \
                 -addext subjectAltName=DNS:localhost -addext extendedKeyUsage={use_for} \
                 -addext basicConstraints=critical,CA:FALSE"
            ),
        );
    }
}

#[test]
fn certificates_of_agreed_issuers_open_the_door_both_ways() {
    let listener = "  - address: 127.0.0.1:0\n    tls:\n      certificate: server.pem\n      key: server.key\n      client_auth: require\n      client_ca: root.pem\n";
    let theirs = Setup::plain("");
    certified(&theirs);
    theirs.configure(listener, "", "");
    let server = theirs.serve();
    let port = server.address().port();
    let ca = "    ca: root.pem\n";
    let shown = "    our_certificate: client.pem\n    our_key: client.key\n";
    let strange = "    our_certificate: strange.pem\n    our_key: strange.key\n";
    for (host, keys, goes) in [
        ("localhost", [ca, shown], true),
        ("127.0.0.1", [ca, shown], false),
        ("localhost", ["    ca: strange.pem\n", shown], false),
        ("localhost", [ca, ""], false),
        ("localhost", [ca, strange], false),
    ] {
        let keys = format!("    tls: true\n{}", keys.concat());
        let ours = Setup::sender(&format!("{host}:{port}"), &keys);
        for name in ["root.pem", "client.pem", "client.key"] {
            std::fs::copy(theirs.path().join(name), ours.path().join(name)).unwrap();
        }
        openssl_certificate(ours.path(), "strange");
        let file = ours.write("ORDERS", "x");
        let sent = ours.pointsman(&["send", file.to_str().unwrap(), "--to", "nordwerk"]);
        assert_eq!(sent.status.success(), goes, "{host}, {keys}: {sent:?}");
    }
    assert_eq!(theirs.delivered().len(), 1);
}

#[test]
fn a_listener_speaks_no_tls_older_than_it_says() {
    let setup = Setup::plain("");
    openssl_certificate(setup.path(), "us");
    openssl_certificate(setup.path(), "them");
    let tls = "    tls: {certificate: us.pem, key: us.key, min_version: \"1.3\"}\n";
    setup.configure(&format!("{PLAIN}{tls}"), "", "");
    let server = setup.serve();
    let greeted = |version: &str| {
        let done = std::process::Command::new("timeout")
            .args(["60", "openssl", "s_client", "-quiet", version, "-connect"])
            .arg(server.address().to_string())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&done.stdout).contains("ODETTE FTP READY")
    };
    assert!(!greeted("-tls1_2"), "not below 1.3");
    server.await_log(&["tls-refused"]);
    Peer::openssl(server.address(), setup.path(), "them", "us", "-tls1_3").identify();
}

#[test]
fn what_a_policys_failure_means_is_said_for_each_question() {
    for (word, answer) in [("retry", "399Y"), ("refuse", "399N"), ("accept", "2000")] {
        let setup = Setup::plain(&format!(
            "policies:\n  bad:\n    component: bad.wasm\n    on_failure: {{accept-file: {word}}}\n"
        ));
        setup.write("bad.wasm", misbehaving());
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        let said = peer.offer(&VirtualFile::new("TRAP", "x"));
        assert_eq!(&said[..4], answer.as_bytes(), "on_failure: {word}");
    }
}

#[test]
fn an_instance_has_the_memory_that_its_policy_allows_it() {
    let setup = Setup::plain(
        "policies:\n  bad:\n    component: bad.wasm\n    hooks: [accept-file]\n    limits: {memory: 3MiB}\n",
    );
    setup.write("bad.wasm", misbehaving());
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    assert_eq!(&peer.offer(&VirtualFile::new("MEMORY", "x"))[..3], b"399");
    server.await_log(&["policy-failed", "`limits.memory`, 3145728 octets"]);
    peer.send(&VirtualFile::new("FINE", "x"));
}

#[test]
fn all_policies_together_keep_no_more_than_is_said() {
    let setup = Setup::plain(
        "policies:\n  bad:\n    component: bad.wasm\n    hooks: [accept-file]\nlimits: {policies_kept: 300KiB}\n",
    );
    setup.write("bad.wasm", misbehaving());
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let refused = peer.offer(&VirtualFile::new("KEEP", "x"));
    assert_eq!(refused[0], b'3', "SFNA");
    server.await_log(&["policy-failed", "may keep 307200 (`limits.policies_kept`)"]);
}

#[test]
fn whose_files_are_refused_too_often_waits_for_the_next_refusal() {
    let setup = Setup::plain("limits: {refusals_per_second: 1}\n");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let stray = VirtualFile {
        destination: "O0013STRANGER".to_owned(),
        ..VirtualFile::new("ORDERS", "x")
    };
    let began = Instant::now();
    for _ in 0..5 {
        assert_eq!(&peer.offer(&stray)[..3], b"302", "SFNA 02");
    }
    // Two go in advance, and the others wait until their second has come.
    let took = began.elapsed();
    assert!(took > Duration::from_secs(1), "{took:?}");
}

#[test]
fn a_file_that_moves_less_than_is_said_in_its_time_is_ended() {
    let setup = Setup::plain("limits: {least_progress: 1MiB}\n");
    let partner = "    session: {idle_timeout: 1s}\n";
    setup.configure(PLAIN, partner, "limits: {least_progress: 1MiB}\n");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let file = VirtualFile::new("SLOW", octets(5, 2000));
    assert_eq!(peer.offer(&file)[0], b'2', "SFPA");
    // More than the usual 1 KiB each third of a second, for six seconds at most.
    peer.wire
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let ended = (0..20).find_map(|_| {
        let data = &support::peer::data_buffers(&file.content)[0];
        let _ = std::io::Write::write_all(&mut peer.wire, &framed(data));
        std::iter::from_fn(|| peer.try_hear()).find(|heard| heard[0] != b'C')
    });
    let ended = ended.expect("it is ended while octets come");
    assert_eq!(&ended[..3], b"F09");
}

#[test]
fn every_key_is_set_by_a_test() {
    let model = keys::of_model();
    assert!(model.keys.len() > 120, "it is read: {:?}", model.keys);
    let set = keys::set_by_tests(&model);
    // What a map is for shows in its keys.
    let unset = model
        .keys
        .iter()
        .filter(|key| !set.contains(*key) && !model.is_map(key));
    let unset: Vec<_> = unset.map(|key| keys::shown(key)).collect();
    assert!(unset.is_empty(), "no test sets {unset:#?}");
}

#[test]
fn the_docs_have_every_key_and_no_other() {
    let (model, docs) = (keys::of_model().keys, keys::in_docs());
    assert!(
        docs.keys.len() > 100,
        "the tables are read: {:?}",
        docs.keys
    );
    let missing: Vec<_> = model.iter().filter(|key| !docs.has(key)).collect();
    let missing: Vec<_> = missing.into_iter().map(|key| keys::shown(key)).collect();
    assert!(
        missing.is_empty(),
        "docs/configuration.md lacks {missing:#?}"
    );
    let made_up: Vec<_> = docs
        .keys
        .difference(&model)
        .map(|key| keys::shown(key))
        .collect();
    assert!(made_up.is_empty(), "there is no key {made_up:#?}");
}
