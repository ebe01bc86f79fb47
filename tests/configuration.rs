//! What an operator gets wrong is told with its place, and with what to do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::path::Path;

use support::peer::Peer;
use support::{Setup, openssl_certificate};

/// Runs `pointsman check` on a good configuration in which `from` was replaced; gives what it says.
fn check(from: &str, to: &str) -> String {
    let setup = Setup::plain("");
    let good = std::fs::read_to_string(setup.config()).unwrap();
    assert!(
        from.is_empty() || good.contains(from),
        "{from} is not in it"
    );
    setup.write("pointsman.yaml", good.replacen(from, to, 1));
    let checked = setup.pointsman(&["check"]);
    assert_eq!(
        checked.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&checked.stdout)
    );
    String::from_utf8_lossy(&[checked.stdout, checked.stderr].concat()).into_owned()
}

/// The report points at this line and column, and says all of this.
fn points_at(said: &str, place: &str, words: &[&str]) {
    assert!(
        said.contains(&format!("pointsman.yaml:{place}")),
        "{place} is not in: {said}"
    );
    for word in words {
        assert!(said.contains(word), "{word} is not in: {said}");
    }
}

#[test]
fn a_good_one_is_ok() {
    let setup = Setup::plain("");
    let checked = setup.pointsman(&["check"]);
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    assert!(
        !setup.path().join("state").exists(),
        "and nothing was made or started"
    );
}

#[test]
fn unknown_keys_and_duplicate_keys() {
    let said = check(
        "listeners:\n  - address: 127.0.0.1:0",
        "listeners:\n  - address: 127.0.0.1:0\n    tlss: true",
    );
    points_at(
        &said,
        "10:5",
        &["unknown key `tlss`", "did you mean `tls`?"],
    );
    let said = check("  state: state", "  state: state\n  state: elsewhere");
    points_at(&said, "7:3", &["\"state\"", "twice", "remove one"]);
    let said = check(
        "partners:\n",
        "partners:\n  mueller:\n    ssid: X\n    password: Y\n",
    );
    points_at(&said, "14:3", &["\"mueller\"", "twice"]);
    let said = check("station:", "stations:");
    points_at(
        &said,
        "2:1",
        &["unknown key `stations`", "did you mean `station`?"],
    );
}

#[test]
fn codes_that_cannot_be_sent() {
    let said = check("O0013000001NORDWERK", "O0013000001NORDWERKANDMUCHMORE");
    points_at(
        &said,
        "3:9",
        &["station.ssid", "has 30 characters", "at most 25 fit"],
    );
    let said = check("O0013000001NORDWERK", "O0013_NORDWERK");
    points_at(
        &said,
        "3:9",
        &["station.ssid", "character 6 is not allowed", "use 0-9 A-Z"],
    );
    let said = check("OURPASS", "OURPASSWORD");
    points_at(&said, "4:13", &["station.password", "8", "***"]);
    hides(&said, &["OURPASSWORD"]);
    let said = check("password: THEIRS", "password: ~");
    points_at(&said, "13:15", &["partners.mueller.password", "missing"]);
}

/// Nothing of a secret is shown, not even of a wrong one.
fn hides(said: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!said.contains(secret), "{secret} is in: {said}");
    }
}

#[test]
fn no_part_of_a_password_is_shown_whatever_is_wrong_beside_it() {
    // Its end, behind what ends a word elsewhere.
    for separator in [" ", ":", ", ", "}"] {
        let said = check("OURPASS", &format!("FIRST{separator}SECOND"));
        points_at(&said, "4:13", &["station.password", "**"]);
        hides(&said, &["FIRST", "SECOND"]);
    }
    let setup = Setup::plain("");
    setup.write("first", "FIRST\n");
    let good = std::fs::read_to_string(setup.config()).unwrap();
    setup.write(
        "pointsman.yaml",
        good.replace("OURPASS", "${file:first}SECOND"),
    );
    let checked = setup.pointsman(&["check"]);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    points_at(&said, "4:13", &["station.password", "8"]);
    hides(&said, &["FIRST", "SECOND"]);
    // It is good, and something else in its line is not.
    let said = check(
        "    password: THEIRS\n",
        "    session: {password: THEIRS, credit: 1000}\n",
    );
    hides(&said, &["THEIRS"]);
    // It is no YAML.
    for wrong in [
        "password: \"OURPASS",
        "password: {OURPASS",
        "password OURPASS",
        "password: |\n     OURPASS\n   x: [",
    ] {
        let said = check("password: OURPASS", wrong);
        hides(&said, &["OURPASS"]);
    }
    // Its key is not written as it should be, or is no key at all.
    for key in ["pasword", "Password", "our_passwort", "pwd", "agreed"] {
        let said = check("password: OURPASS", &format!("{key}: OURPASS"));
        points_at(&said, "4:3", &[&format!("unknown key `{key}`")]);
        hides(&said, &["OURPASS"]);
        let in_braces =
            format!("    session: {{{key}: OURPASS, credit: 1000}}\n    password: THEIRS\n");
        hides(&check("    password: THEIRS\n", &in_braces), &["OURPASS"]);
    }
    // It has the characters of a reference.
    let said = check("OURPASS", "FIRST${SECOND}E");
    hides(&said, &["FIRST", "SECOND"]);
    points_at(&said, "4:13", &["$${"]);
}

#[test]
fn values_of_the_wrong_kind() {
    let said = check("127.0.0.1:0", "localhost");
    points_at(&said, "9:14", &["listeners[0].address", "0.0.0.0:3305"]);
    let said = check("version: 1", "version: 7");
    points_at(&said, "1:10", &["version 1"]);
    let said = check(
        "password: THEIRS",
        "password: THEIRS\n    session: {credit: 1000}",
    );
    points_at(&said, "14:23", &["1 to 999"]);
    let said = check(
        "password: THEIRS",
        "password: THEIRS\n    session: {idle_timeout: soon}",
    );
    points_at(&said, "14:29", &["30s"]);
    let said = check("station:\n", "station: [\n");
    points_at(&said, "4:11", &["expected ',' or ']'"]);
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
    let partner = |key: &str| check("password: THEIRS", &format!("password: THEIRS\n    {key}"));
    let said = partner("tls: yes");
    points_at(
        &said,
        "14:10",
        &["partners.mueller.tls", "`true` or `false`"],
    );
    let said = partner("sfids: O0013000007MUELLER");
    points_at(&said, "14:12", &["a list is meant here", "[a, b]"]);
    let said = partner("session: 5s");
    points_at(&said, "14:14", &["session", "`key: value`"]);
}

#[test]
fn a_time_span_has_a_longest_one_with_which_the_server_runs() {
    for key in [
        "limits: {drain: SPAN}",
        "limits: {lock_out: SPAN}",
        "    receipt_deadline: SPAN",
        "    retry: {refused: {first: SPAN, most: SPAN}}",
    ] {
        let partner = |span| format!("password: THEIRS\n{}", key.replace("SPAN", span));
        for span in ["9000000000000000000s", "87601h"] {
            let said = check("password: THEIRS", &partner(span));
            let column = key.find("SPAN").unwrap() + 1;
            points_at(
                &said,
                &format!("14:{column}"),
                &[span, "too long", "at most 87600h"],
            );
        }
    }
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    retry: {refused: {first: 87600h, most: 87600h}}\n",
        "limits: {drain: 87600h, lock_out: 87600h, caller_time: 87600h, receipt_wait: 87600h}\n",
    );
    let checked = setup.pointsman(&["check"]);
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    let server = setup.serve();
    Peer::session(server.address());
}

#[test]
fn every_mistake_is_told_at_once_in_the_order_of_the_file() {
    let setup = Setup::plain("");
    let text = setup.write(
        "pointsman.yaml",
        "version: 1
station:
  ssid: O0013_NORDWERK
  password: OURPASSWORD
storage:
  state: state
  state: elsewhere
  inbox: inbox
  outbox: x
listeners:
  - address: localhost
  - adress: 127.0.0.1:0
  - {address: 127.0.0.1:0, tls: maybe}
partners:
  mueller:
    ssid: O0013000007MUELLER
    password: THEIRS
    tls: yes
    sfids: ABC
    session:
      credit: 1000
      idle_timeout: soon
    watch:
      - folder: out
        quiet: never
  other:
    password: X
    retry: 5s
  third:
    ssid: O0013000009THIRD
    passwort: Y
limits:
  sessions: many
",
    );
    let checked = setup.pointsman(&["check"]);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    let places: Vec<&str> = said
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--> "))
        .map(|place| place.strip_prefix(text.to_str().unwrap()).unwrap())
        .collect();
    // The keys that are misspelt are not missing, too; of the list in braces the whole element is passed over.
    let expected = [
        ":3:9", ":4:13", ":7:3", ":9:3", ":11:14", ":12:5", ":13:33", ":18:10", ":19:12", ":21:15",
        ":22:21", ":25:16", ":27:5", ":28:12", ":31:5", ":33:13",
    ];
    assert_eq!(places, expected, "{said}");
    hides(&said, &["OURPASSWORD", "THEIRS"]);
    let served = setup.pointsman(&["serve"]);
    assert_eq!(served.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&served.stderr), said);
}

#[test]
fn values_that_do_not_go_together_are_told_with_their_places() {
    let setup = Setup::plain("");
    setup.write(
        "pointsman.yaml",
        "version: 1
station: {ssid: O0013000001NORDWERK, password: OURPASS}
storage: {state: state, inbox: inbox}
listeners:
  - address: 127.0.0.1:3305
  - address: 127.0.0.1:0
  - address: 127.0.0.1:0
  - address: 127.0.0.1:3305
partners:
  mueller:
    ssid: O0013000007MUELLER
    password: THEIRS
    address: 127.0.0.1:1
    tls: true
    retry: {refused: {first: 1h, most: 1m}}
    watch: [{folder: out, keep_in: kept}]
  other:
    ssid: O0013000007MUELLER
    password: X
    our_key: pointsman.yaml
    quota: {per: 1h}
    watch:
      - folder: state/out
        format: F
      - folder: out
      - folder: kept
",
    );
    let checked = setup.pointsman(&["check"]);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    for (place, words) in [
        ("8:14", "two listeners have the address"),
        ("14:10", "or a `ca` to know it by"),
        ("15:30", "`first` is longer than `most`"),
        ("16:22", "is watched twice"),
        ("16:36", "is a watched folder itself"),
        ("18:11", "have the same ssid"),
        ("20:14", "add `our_certificate`"),
        ("21:12", "`files`, `size`, or both"),
        ("23:17", "lie in each other"),
        ("24:17", "record_length above 0"),
        ("25:17", "is watched twice"),
    ] {
        points_at(&said, place, &[words]);
    }
    assert_eq!(said.matches("error: ").count(), 11, "{said}");
}

#[test]
fn folders_that_cannot_be_used_and_commands_that_cannot_be_run_are_told_with_their_keys() {
    let setup = Setup::plain("");
    setup.write("file", "in the way");
    setup.write("other", "in the way");
    let long = "l".repeat(120);
    let good = std::fs::read_to_string(setup.config()).unwrap();
    let text = good
        .replace(
            "state: state",
            &format!("state: file/{long}\n  ledger: file"),
        )
        .replace("inbox: inbox", "inbox: file/inbox")
        .replace(
            "password: THEIRS",
            "password: THEIRS\n    watch: [{folder: other, keep_in: file/kept}]",
        );
    setup.write("pointsman.yaml", &text);
    for command in ["check", "serve"] {
        let told = setup.pointsman(&[command]);
        assert_eq!(told.status.code(), Some(1));
        let said = String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).into_owned();
        for words in [
            "storage.state: ",
            "too long for a socket",
            "storage.ledger: ",
            "storage.inbox: ",
            "is not a folder: move it away",
            "cannot be made",
        ] {
            assert!(said.contains(words), "{words} is not in: {said}");
        }
        // These keep no server from running.
        for key in ["folder", "keep_in"] {
            let key = format!("partners.mueller.watch[0].{key}: ");
            assert_eq!(said.contains(&key), command == "check", "{key}: {said}");
        }
    }
    let command = format!("{good}delivery:\n  command: [./file]\n");
    setup.write("pointsman.yaml", command);
    let checked = setup.pointsman(&["check"]);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    points_at(
        &said,
        "15:3",
        &["delivery", "file", "may not execute it", "chmod +x"],
    );
}

#[test]
fn a_second_demonstration_leaves_the_first_as_it_is_and_a_swap_replaces_the_file() {
    let setup = Setup::plain("");
    let demo = || {
        let played = std::process::Command::new("timeout")
            .args([
                "--kill-after=5",
                "120",
                support::POINTSMAN,
                "demo",
                "--once",
            ])
            .current_dir(setup.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&[played.stdout, played.stderr].concat()).into_owned();
        assert!(played.status.success(), "{said}");
        said
    };
    let said = demo();
    // Both files, some of it by both stations.
    for (what, times) in [
        ("both sides are authenticated", 4),
        ("signed (SHA-256) by CN=mueller.example", 2),
        ("opened with our key of CN=nordwerk.example", 2),
        ("its signature is good, by CN=nordwerk.example", 4),
    ] {
        assert_eq!(said.matches(what).count(), times, "{what}: {said}");
    }
    let first = setup.path().join("pointsman-demo");
    setup.write("pointsman-demo/mine", "an hour of work");
    let said = demo();
    assert!(
        said.contains("pointsman-demo is there already") && said.contains("pointsman-demo-2"),
        "{said}"
    );
    assert!(first.join("mine").exists());
    assert!(first.join("nordwerk/state/ledger.db").exists());
    let second = setup.path().join("pointsman-demo-2");
    let route = std::fs::read(second.join("nordwerk/policies/route.wasm")).unwrap();
    let other = std::fs::read(second.join("route-by-day.wasm")).unwrap();
    assert!(route == other, "the swap is for the next start, too");
}

#[test]
fn files_and_references_that_are_not_there() {
    let tls = "127.0.0.1:0\n    tls:\n      certificate: gone.pem\n      key: gone.key";
    let said = check("127.0.0.1:0", tls);
    points_at(
        &said,
        "11:20",
        &["gone.pem", "No such file", "correct the path"],
    );
    let said = check("OURPASS", "${env:POINTSMAN_TEST_NOT_SET}");
    points_at(&said, "4:13", &["no variable `POINTSMAN_TEST_NOT_SET`"]);
    let said = check("OURPASS", "${file:secret}");
    points_at(&said, "4:13", &["secret: No such file"]);
    let said = check("OURPASS", "${vault:x}");
    points_at(&said, "4:13", &["${env:NAME}"]);
}

#[test]
fn secrets_by_reference_are_used_and_never_shown() {
    let setup = Setup::plain("");
    let good = std::fs::read_to_string(setup.config()).unwrap();
    setup.write("secret", "THEIRS\n");
    setup.write(
        "pointsman.yaml",
        good.replace("password: THEIRS", "password: ${file:secret}"),
    );
    let server = setup.serve();
    let mut peer = support::peer::Peer::session(server.address());
    peer.send(&support::peer::VirtualFile::new("ORDER", "x"));
    setup.await_delivered(1);
    let everything = server.log() + &String::from_utf8_lossy(&setup.pointsman(&["status"]).stdout);
    assert!(
        !everything.contains("THEIRS") && !everything.contains("OURPASS"),
        "a password is in: {everything}"
    );
}

#[test]
fn two_partners_cannot_be_one() {
    let said = check(
        "partners:\n",
        "partners:\n  other:\n    ssid: O0013000007MUELLER\n    password: X\n",
    );
    assert!(
        said.contains("`mueller` and `other` have the same ssid"),
        "{said}"
    );
}

/// Each partner's files lie in a folder of their own, whatever its name has to be made into.
#[test]
fn two_partners_cannot_have_one_folder_of_the_inbox() {
    let two = |one: &str, other: &str, more: &str| {
        check(
            "partners:\n",
            &format!(
                "partners:\n  {one}:\n    ssid: O1\n    password: X\n  {other}:\n    ssid: O2\n    password: X\n{more}"
            ),
        )
    };
    for (one, other, folder) in [
        ("m\u{f6}ller", "m\u{fc}ller", "m_ller"),
        ("m\u{fc}ller", "m_ller", "m_ller"),
        ("''", "'~'", "_"),
        ("a/b", "a b", "a_b"),
        (".taken", "_.taken", "_.taken"),
    ] {
        let said = two(one, other, "");
        let words = format!("have one folder of the inbox, `{folder}`");
        assert!(said.contains(&words), "{one} and {other}: {said}");
        assert!(said.contains("inbox_folder"), "{said}");
        assert_eq!(said.matches("error: ").count(), 1, "{said}");
    }
    let said = two("Huber", "huber", "");
    points_at(
        &said,
        "15:5",
        &["`Huber` and `huber`", "the case of letters"],
    );
    let given = "    inbox_folder: ";
    let said = two("huber", "m\u{fc}ller", &format!("{given}huber\n"));
    assert!(
        said.contains("have one folder of the inbox, `huber`"),
        "{said}"
    );
    for wrong in ["''", "..", "a/b", "m\u{fc}ller", ".x", "NUL", "'a b'"] {
        let said = two("a", "b", &format!("{given}{wrong}\n"));
        points_at(&said, "17:19", &["cannot be the name of a folder"]);
    }
    // Whatever the inbox has: its readers may remove a folder, and a start must not depend on them.
    let setup = Setup::plain("");
    let good = std::fs::read_to_string(setup.config()).unwrap();
    let named = good.replace(
        "partners:\n",
        "partners:\n  Huber:\n    ssid: O1\n    password: X\n  huber:\n    ssid: O2\n    password: X\n",
    );
    setup.write("pointsman.yaml", &named);
    setup.write("inbox/Huber/ORDERS", "octets");
    assert_eq!(setup.pointsman(&["check"]).status.code(), Some(1));
    let given = named.replace("ssid: O2\n", "ssid: O2\n    inbox_folder: huber-2\n");
    setup.write("pointsman.yaml", given);
    assert!(setup.pointsman(&["check"]).status.success());
}

/// Partners choose what the files that they send are called, and so does whoever fills a watched folder.
#[test]
fn nothing_from_outside_is_put_among_what_the_server_keeps() {
    const OUT: &str = "partners.mueller.watch[0].keep_in";
    let setup = Setup::plain("");
    std::fs::create_dir(setup.path().join("state")).unwrap();
    std::os::unix::fs::symlink("state", setup.path().join("alias")).unwrap();
    let good = std::fs::read_to_string(setup.config()).unwrap();
    let storage = |lines: &str| good.replace("  state: state\n  inbox: inbox\n", lines);
    let keeping = |folder: &str| {
        let watch = format!("    watch: [{{folder: out, keep_in: {folder}}}]\n");
        good.replace(
            "    password: THEIRS\n",
            &format!("    password: THEIRS\n{watch}"),
        )
    };
    for (bad, keys) in [
        // In the inbox, or one with it, whoever has a folder there now.
        (
            storage("  state: state\n  inbox: state\n"),
            &["storage.state"][..],
        ),
        (
            storage("  state: state\n  inbox: alias\n"),
            &["storage.state"],
        ),
        (storage("  state: state\n  inbox: .\n"), &["storage.state"]),
        (
            storage("  state: in/state\n  inbox: in\n"),
            &["storage.state"],
        ),
        (
            storage("  state: in/x/../mueller\n  inbox: in\n"),
            &["storage.state"],
        ),
        (
            storage("  state: state\n  ledger: in/mueller\n  inbox: in\n"),
            &["storage.ledger"],
        ),
        (
            storage("  state: state\n  ledger: in\n  inbox: in\n"),
            &["storage.ledger"],
        ),
        (
            storage("  state: in/state\n  ledger: in/books\n  inbox: in\n"),
            &["storage.state", "storage.ledger"],
        ),
        // Where a file of the server's own is to be.
        (
            storage("  state: state\n  inbox: state/spool\n"),
            &["storage.inbox"],
        ),
        (
            storage("  state: state\n  inbox: state/lock\n"),
            &["storage.inbox"],
        ),
        (
            storage("  state: state\n  inbox: alias/control.sock/in\n"),
            &["storage.inbox"],
        ),
        (
            storage("  state: state\n  inbox: state/ledger.db\n"),
            &["storage.inbox"],
        ),
        (
            storage("  state: state\n  inbox: state/ledger.db-journal\n"),
            &["storage.inbox"],
        ),
        (
            storage("  state: state\n  ledger: books\n  inbox: books/ledger.db-wal\n"),
            &["storage.inbox"],
        ),
        (
            storage("  state: state\n  ledger: state/lock\n  inbox: inbox\n"),
            &["storage.ledger"],
        ),
        (
            storage("  state: books/ledger.db\n  ledger: books\n  inbox: inbox\n"),
            &["storage.state"],
        ),
        // What was sent is none of what the server keeps, nor was it received.
        (keeping("alias"), &[OUT]),
        (keeping("state/ledger.db-journal"), &[OUT]),
        (keeping("inbox"), &[OUT]),
        (keeping("inbox/mueller/sent"), &[OUT]),
    ] {
        setup.write("pointsman.yaml", &bad);
        // What is wrong with a watched folder keeps no server from running (`folders.rs`).
        let commands = match keys {
            [OUT] => &["check"][..],
            _ => &["check", "serve"],
        };
        for command in commands {
            let refused = setup.pointsman(&[command]);
            let said = [refused.stdout, refused.stderr].concat();
            let said = String::from_utf8_lossy(&said).into_owned();
            assert_eq!(refused.status.code(), Some(1), "{command} {bad}: {said}");
            for key in keys {
                assert!(
                    said.contains(&format!("{key}: it leads to ")),
                    "{command} {bad}: {said}"
                );
            }
            assert_eq!(
                said.matches(": it leads to ").count(),
                keys.len(),
                "{bad}: {said}"
            );
        }
        let there: Vec<_> = std::fs::read_dir(setup.path().join("state"))
            .unwrap()
            .collect();
        assert!(there.is_empty(), "{bad}: {there:?}");
    }
    for fine in [
        storage("  state: state\n  inbox: state/in\n"),
        storage("  state: state\n  inbox: state/spool-of-files\n"),
        storage("  state: state\n  ledger: state/books\n  inbox: state/locker\n"),
        storage("  state: state\n  ledger: books\n  inbox: books/in\n"),
        storage("  state: state\n  ledger: books\n  inbox: books/lock\n"),
        keeping("state/sent"),
        keeping("inbox/sent"),
    ] {
        setup.write("pointsman.yaml", &fine);
        let checked = setup.pointsman(&["check"]);
        assert!(checked.status.success(), "{fine}: {checked:?}");
    }
}

/// A call of an operator brings files, too.
#[test]
fn nothing_that_a_call_brings_is_put_among_what_the_server_keeps() {
    let setup = Setup::caller("", "127.0.0.1:1", "");
    let good = std::fs::read_to_string(setup.config()).unwrap();
    let bad = good.replace("inbox: inbox", "inbox: data\n  ledger: data/nordwerk");
    setup.write("pointsman.yaml", bad);
    let file = setup.write("ORDERS", "octets");
    let refused = setup.pointsman(&["send", file.to_str().unwrap(), "--to", "nordwerk"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("storage.ledger: it leads to "), "{said}");
    for made in ["data", "state"] {
        assert!(!setup.path().join(made).exists(), "{made}");
    }
}

#[test]
fn a_key_that_stands_twice_is_shown_where_it_does_in_braces_too() {
    let limits = |text: &str| check("partners:\n", &format!("limits: {text}\npartners:\n"));
    let said = limits("{\n  sessions: 1,\n  guesses: 2,\n  drain: 5s,\n  sessions: 2}");
    points_at(&said, "14:3", &["sessions", "stands here twice"]);
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
    let said = limits("{sessions: 1, # sessions: 2\n  guesses: many, sessions: 2, drain: 5s}");
    points_at(&said, "11:18", &["sessions", "stands here twice"]);
    points_at(&said, "11:12", &["guesses"]);
    assert_eq!(
        said.matches("error: ").count(),
        2,
        "the rest is read: {said}"
    );
    let said = check(
        "station:\n",
        "station: {ssid: A, password: B, ssid: C}\nstatoin:\n",
    );
    points_at(&said, "2:33", &["ssid", "stands here twice"]);
}

/// A password where its partner's keys should be: neither the value nor a part of it is shown.
#[test]
fn a_value_that_stands_where_keys_are_meant_is_not_shown() {
    for partners in [
        "  other: SECRET1, SECRET2",
        "  other: \"SECRET1, SECRET2\"",
        "  other: \"SECRET1\n    SECRET2\"",
        "  other: |\n    SECRET1\n    SECRET2",
        "  other: 47110815 # SECRET1 SECRET2",
        "  {other: SECRET1}",
        "  - SECRET1",
        "  SECRET1",
    ] {
        let said = check("partners:\n", &format!("x:\npartners:\n{partners}\ny:\n"));
        hides(&said, &["SECRET", "47110815"]);
        let said = check(
            "partners:\n  mueller:\n",
            &format!("partners:\n{partners}\n  mueller:\n"),
        );
        hides(&said, &["SECRET", "47110815"]);
    }
    let said = check("partners:\n", "partners:\n  other: SECRET1, SECRET2\n");
    points_at(
        &said,
        "11:10",
        &["partners.other", "a text", "`key: value`", "*"],
    );
    let said = check(
        "partners:\n",
        "policies: SECRET1\ndelivery: SECRET2\npartners:\n",
    );
    hides(&said, &["SECRET"]);
    let said = check(
        "password: THEIRS",
        "password: THEIRS\n    without_password: SECRET1\n    session: SECRET2",
    );
    points_at(&said, "14:23", &["`true` or `false`"]);
    hides(&said, &["SECRET"]);
}

/// A slip beside a password can make it a part of a key, or a key of its own.
#[test]
fn a_password_that_became_a_key_is_not_shown() {
    for (slip, named) in [
        ("password:SECRET1", "unknown key `password`"),
        ("password SECRET1", "unknown key `password`"),
        ("password=SECRET1", "unknown key `password`"),
        ("password:' SECRET1", "unknown key `password`"),
        ("passwordSECRET1", "unknown key\n"),
        ("!password: SECRET1", "unknown key\n"),
        ("password: FIRST,SECRET1", "unknown key\n"),
        ("'pa*s]word': SECRET1", "unknown key `pa`"),
        ("pass#ord: SECRET1", "did you mean `password`?"),
        ("pa`ss: SECRET1", "did you mean `password`?"),
        ("password: x,SECRET1,SECRET1", "the key stands here twice"),
    ] {
        let braces = format!("partners:\n  other: {{ssid: O1, {slip}, sessions: 3}}\n");
        let said = check("partners:\n", &braces);
        assert!(said.contains(named), "{slip}: {said}");
        hides(&said, &["SECRET", "FIRST"]);
    }
    // The name of a partner is any text.
    let said = check("partners:\n", "partners:\n  \"password:SECRET1\": 1\n");
    points_at(&said, "11:23", &["partners.…: a number"]);
    hides(&said, &["SECRET"]);
    // It is no YAML, so what is a key is not known.
    for slip in [
        "pass\nword: SECRET1",
        "passw\nord SECRET1",
        "\n SECRET1: x:",
    ] {
        let said = check("  password: THEIRS\n", &format!("  {slip}\n"));
        hides(&said, &["SECRET"]);
    }
}

/// A program that takes files has the environment of the server, but not what only the configuration is to know.
#[test]
fn the_command_does_not_get_the_variables_that_secrets_are_read_from() {
    let setup = Setup::plain("");
    let take = setup.write(
        "take.sh",
        "#!/bin/sh\nenv > \"$(dirname \"$0\")/environment\"\n",
    );
    let runs = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&take, runs).unwrap();
    let good = std::fs::read_to_string(setup.config()).unwrap();
    let text = good
        .replace("password: THEIRS", "password: ${env:PARTNERS_WORD}")
        .replace("inbox: inbox", "inbox: ${env:INBOX}");
    setup.write(
        "pointsman.yaml",
        format!("{text}delivery:\n  command: [./take.sh]\n"),
    );
    let inbox = setup.inbox();
    let environment = [
        ("PARTNERS_WORD", Path::new(support::THEIRS)),
        ("INBOX", &inbox),
        ("OF_THE_SERVER", Path::new("too")),
    ];
    let server = support::Server::start_with(&setup.config(), &environment);
    let mut peer = Peer::session(server.address());
    peer.send(&support::peer::VirtualFile::new("ORDERS", "octets"));
    let taken = support::eventually("the command has the file", || {
        let told = std::fs::read_to_string(setup.path().join("environment")).ok()?;
        told.contains("POINTSMAN_BLAKE3").then_some(told)
    });
    assert!(
        taken.contains("INBOX=") && taken.contains("OF_THE_SERVER=too"),
        "{taken}"
    );
    assert!(!taken.contains("PARTNERS_WORD"), "{taken}");
}

/// The certificate's fingerprint, as `openssl` has it.
fn sha256(setup: &Setup, certificate: &str) -> String {
    let made = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(setup.path().join(certificate))
        .output()
        .unwrap();
    let said = String::from_utf8(made.stdout).unwrap();
    let (_, digits) = said.trim_end().split_once('=').unwrap();
    digits.replace(':', "").to_lowercase()
}

#[test]
fn certificates_keys_and_policies_are_looked_into() {
    let setup = Setup::plain("");
    ["us", "other"]
        .iter()
        .for_each(|name| openssl_certificate(setup.path(), name));
    let listener = |key: &str| {
        format!("  - address: 127.0.0.1:0\n    tls:\n      certificate: us.pem\n      key: {key}\n")
    };
    setup.configure(&listener("us.key"), "", "");
    let checked = setup.pointsman(&["check"]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    let sha256 = sha256(&setup, "us.pem");
    assert!(checked.status.success(), "{said}");
    assert!(
        said.contains("O=Test, CN=us, serial ")
            && said.contains(&format!(", sha256 {sha256}, until ")),
        "{sha256}: {said}"
    );
    setup.configure(&listener("other.key"), "", "");
    let checked = setup.pointsman(&["check"]);
    assert_eq!(
        checked.status.code(),
        Some(1),
        "a key of another certificate"
    );
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        said.contains("listeners[0].tls") && said.contains("does not belong to"),
        "{said}"
    );
    setup.configure(&listener("pointsman.yaml"), "", "");
    assert_eq!(
        setup.pointsman(&["check"]).status.code(),
        Some(1),
        "a key that is none"
    );
    setup.write("policy.wasm", "not a component");
    setup.configure(
        "  - address: 127.0.0.1:0\n",
        "",
        "policies:\n  bad:\n    component: policy.wasm\n  worse:\n    component: policy.wasm\n",
    );
    let checked = setup.pointsman(&["check"]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(!checked.status.success(), "{said}");
    for name in ["`bad`", "`worse`"] {
        let told = said.lines().find(|line| line.contains(name));
        assert!(
            told.is_some_and(|line| line.contains("not WebAssembly")),
            "{said}"
        );
    }
}

#[test]
fn a_second_server_keeps_off_the_first_ones_storage() {
    let setup = Setup::plain("");
    let _server = setup.serve();
    let second = setup.pointsman(&["serve"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another server runs on"));
}
