//! What is known of partners, and why files wait.

use super::*;

#[test]
fn no_state_of_the_protocol_is_told_without_words() {
    let theirs = support::peer::Called::new();
    let setup = Setup::plain("");
    setup.configure(
        "  - address: 127.0.0.1:0\n",
        &format!("    address: {}\n", theirs.address()),
        "",
    );
    let file = setup.write("ORDERS", octets(1, 100));
    let sending = Command::new(POINTSMAN)
        .args(["send", file.to_str().unwrap(), "--to", "mueller", "-c"])
        .arg(setup.config())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(theirs.accept());
    let told = said(&sending.wait_with_output().unwrap());
    assert!(told.contains("I_WF_RM"), "{told}");
    for line in told.lines().filter(|line| line.contains("I_WF_RM")) {
        all_in(line, &["before both sides had identified themselves"]);
    }
}

#[test]
fn no_state_of_the_protocol_is_told_without_words_where_something_is_tolerated() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    tolerances: {wrong_counts: true}\n",
        "",
    );
    setup.queue("ORDERS", "octets", "mueller");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.say(b"R");
    take_file(&mut peer);
    assert_eq!(peer.hear(), b"R", "CD");
    peer.say(b"R");
    assert_eq!(peer.hear_esid(), "00");
    let told = server.await_log(&["tolerated", "returned_turn"]);
    all_in(&told, &["CD in IDLELICD (while no file was under way): "]);

    let mut peer = Peer::session(server.address());
    let file = VirtualFile::new("COUNTS", "twelve octets");
    peer.offer(&file);
    peer.send_data(&file);
    peer.say(efid(file.content.len() + 1));
    assert_eq!(peer.hear(), b"4N", "EFPA");
    let told = server.await_log(&["tolerated", "wrong_counts"]);
    all_in(
        &told,
        &["EFID in OPI (while the partner was sending a file): "],
    );
}

/// What `pointsman partners --json` says of its only partner.
fn partner_as_json(setup: &Setup) -> serde_json::Value {
    let told = setup.pointsman(&["partners", "--json"]);
    assert!(told.status.success(), "{}", said(&told));
    let partners: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    partners[0].clone()
}

/// "Why is this file not sent?", for a partner that cannot be reached, with a server and without one.
#[test]
fn a_partner_that_cannot_be_reached_is_told_with_its_last_failure_and_the_next_call() {
    let address = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().to_string()
    };
    let setup = Setup::caller("listeners:\n  - address: 127.0.0.1:0\n", &address, "");
    let told = partner(&setup, "nordwerk");
    all_in(&line(&told, "last session"), &["none"]);
    all_in(&line(&told, "to send"), &["nothing"]);
    queue(&setup, "ORDERS", "nordwerk");
    all_in(
        &line(&partner(&setup, "nordwerk"), "why it waits"),
        &["no server runs", "pointsman serve"],
    );
    let server = setup.serve();
    server.await_log(&["call-failed", "nordwerk"]);
    let told = partner(&setup, "nordwerk");
    all_in(
        &line(&told, "last failure"),
        &["we called", &address, "no connection", "refused"],
    );
    all_in(&line(&told, "last good one"), &["none"]);
    all_in(&line(&told, "next call"), &["in", " s"]);
    all_in(&line(&told, "to send"), &["1 files", "1000 octets"]);
    all_in(
        &line(&told, "why it waits"),
        &["the last call failed", "no connection"],
    );
    let table = said(&setup.pointsman(&["partners"]));
    all_in(&line(&table, "nordwerk"), &["  1 ", "no connection"]);
    // What was remembered is there after a start, and without a server.
    assert_eq!(server.stop(), Some(0));
    let told = partner_as_json(&setup);
    assert_eq!(told["server_runs"], false);
    assert_eq!(told["last_failure"]["remote"], address);
    assert_eq!(told["last_session"], serde_json::Value::Null);
    assert_eq!(told["to_send"]["files"], 1);
    let other = setup.pointsman(&["partners", "mueller"]);
    assert_eq!(other.status.code(), Some(2));
    all_in(&said(&other), &["no partner `mueller`", "nordwerk"]);
}

/// A session with the partner that we call, which greets us with this SSIDSR and takes so many files.
fn session_of(called: &Called, sends_and_receives: char, files: usize) {
    let mut peer = called.accept();
    peer.say(b"IODETTE FTP READY \r");
    assert_eq!(peer.hear()[0], b'X', "SSID");
    let ssid = format!(
        "X5{US:25}{OURS:8}04096{sends_and_receives}NYN007N{:12}\r",
        ""
    );
    peer.say(ssid);
    for _ in 0..files {
        take_file(&mut peer);
    }
    release(&mut peer);
}

/// "Why is this file not sent?", where each session comes to its end as it should: every command that tells of the file
/// has the reason, with a server and without one.
#[test]
fn why_files_stay_that_a_good_session_left_is_told_wherever_they_are() {
    let terms = "policies:\n  turns:\n    component: turns.wasm\n    hooks: [ready-to-send]\n    limits: {time: 4s}\n    settings:\n";
    let policy = |settings: &str| format!("{terms}      {settings}\n");
    let held = "policy `turns` held all files back: not on Sundays";
    let cases = [
        (policy("hold: not on Sundays"), 'B', 0, held),
        (
            policy("newest-first: \"yes\"\n      max-files: \"1\""),
            'B',
            1,
            "policy `turns` let no files go but those it named",
        ),
        (
            policy("max-files: \"1\""),
            'B',
            1,
            "policy `turns` let 1 files go in a turn, and no more",
        ),
        (String::new(), 'S', 0, "said in its SSID that it only sends"),
        (
            "    session: {mode: receive-only}\n".to_owned(),
            'B',
            0,
            "`session.mode` of the partner's profile is receive-only",
        ),
    ];
    for (yaml, mode, taken, reason) in cases {
        let called = Called::new();
        let listener = "listeners:\n  - address: 127.0.0.1:0\n";
        let setup = Setup::caller(listener, &called.address(), &yaml);
        setup.write("turns.wasm", support::guests::terms());
        queue(&setup, "FIRST", "nordwerk");
        queue(&setup, "SECOND", "nordwerk");
        let server = setup.serve();
        session_of(&called, mode, taken);
        let told = support::eventually(reason, || {
            let told = partner(&setup, "nordwerk");
            told.contains("why it waits").then_some(told)
        });
        let why = line(&told, "why it waits");
        assert!(why.contains(reason), "{why}");
        let mut rows = setup.transfers().into_iter();
        let file = rows.find(|row| row.contains(" ready ")).unwrap();
        let file = &file[..36];
        for command in [
            &["partners"][..],
            &["partners", "--json"],
            &["queue", "list"],
            &["queue", "list", "--json"],
            &["transfers", "show", file],
            &["transfers", "show", file, "--json"],
        ] {
            let told = said(&setup.pointsman(command));
            assert!(
                told.contains(reason),
                "{command:?} has no `{reason}`: {told}"
            );
        }
        assert_eq!(server.stop(), Some(0));
        all_in(
            &line(&partner(&setup, "nordwerk"), "why it waits"),
            &["no server runs", "the last session did not send it", reason],
        );
        // What was there is held now, and what waits was in no session yet.
        for row in setup
            .transfers()
            .iter()
            .filter(|row| row.contains(" ready "))
        {
            assert!(
                setup
                    .pointsman(&["queue", "hold", &row[..36]])
                    .status
                    .success()
            );
        }
        queue(&setup, "LATER", "nordwerk");
        let why = line(&partner(&setup, "nordwerk"), "why it waits");
        assert!(!why.contains(reason), "{why}");
    }
}

#[test]
fn why_files_stay_where_the_partner_ends_before_our_turn_is_told() {
    let reason = "it ended before it was our turn to send";
    let calls = "    calls: {queued: false}\n";
    let setup = Setup::caller(
        "listeners:\n  - address: 127.0.0.1:0\n",
        "127.0.0.1:1",
        calls,
    );
    queue(&setup, "WAITS", "nordwerk");
    let server = setup.serve();
    let mut peer = Peer::connect(server.address());
    peer.say(
        Ssid {
            code: US.to_owned(),
            password: OURS.to_owned(),
            ..Ssid::default()
        }
        .octets(),
    );
    assert_eq!(peer.hear()[0], b'X', "SSID");
    peer.say(esid());
    support::eventually(reason, || {
        let told = partner(&setup, "nordwerk");
        told.contains(reason).then_some(())
    });
    assert_eq!(server.stop(), Some(0));
}

/// Who sends all that waits hears what did not go, and why; it is done when nothing waits any more.
#[test]
fn send_says_what_still_waits_and_why_and_is_done_when_nothing_does() {
    let called = Called::new();
    let setup = Setup::caller(
        "",
        &called.address(),
        "policies:\n  turns:\n    component: turns.wasm\n    hooks: [ready-to-send]\n    limits: {time: 4s}\n    settings:\n      max-files: \"1\"\n",
    );
    setup.write("turns.wasm", support::guests::terms());
    queue(&setup, "FIRST", "nordwerk");
    let second = queue(&setup, "SECOND", "nordwerk");
    let send = |mode, taken| {
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| setup.pointsman(&["send", "--to", "nordwerk"]));
            session_of(&called, mode, taken);
            sending.join().unwrap()
        })
    };
    let sent = send('S', 0);
    assert_eq!(sent.status.code(), Some(1), "{}", said(&sent));
    all_in(
        &said(&sent),
        &[
            "files that still wait for `nordwerk`: 2",
            "FIRST",
            "SECOND",
            "only sends",
        ],
    );
    let sent = send('B', 1);
    assert_eq!(sent.status.code(), Some(1), "{}", said(&sent));
    all_in(
        &said(&sent),
        &[
            "still wait for `nordwerk`: 1",
            "SECOND",
            &second,
            "let 1 files go in a turn",
        ],
    );
    let sent = send('B', 1);
    assert_eq!(sent.status.code(), Some(0), "{}", said(&sent));
    // What an operator holds back is no reason to complain, nor a queue without anything.
    let third = queue(&setup, "THIRD", "nordwerk");
    assert!(setup.pointsman(&["queue", "hold", &third]).status.success());
    let sent = send('B', 0);
    assert_eq!(sent.status.code(), Some(0), "{}", said(&sent));
}

#[test]
fn a_partner_that_calls_us_is_told_with_its_sessions_and_what_waits_for_it() {
    let setup = Setup::plain("");
    setup.configure(
        "  - address: 127.0.0.1:0\n",
        "    receipt_deadline: 1s\n",
        "",
    );
    let server = setup.serve();
    let file = queue(&setup, "ORDERS", "mueller");
    let told = partner(&setup, "mueller");
    all_in(&line(&told, "address"), &["only it can call us"]);
    all_in(&line(&told, "next call"), &["never", "no `address`"]);
    all_in(&line(&told, "why it waits"), &["when it calls us"]);
    // Who has no address was not called.
    let sent = setup.pointsman(&["send", "--to", "mueller"]);
    assert_ne!(sent.status.code(), Some(0), "{}", said(&sent));
    all_in(&said(&sent), &["no address"]);
    let told = partner(&setup, "mueller");
    all_in(&line(&told, "last failure"), &["none"]);
    all_in(&line(&told, "why it waits"), &["when it calls us"]);
    // Somebody with its code and another password.
    let mut stranger = Peer::connect(server.address());
    let port = stranger.wire.local_addr().unwrap().port();
    let wrong = support::peer::Ssid {
        password: "GUESSED".to_owned(),
        ..support::peer::Ssid::default()
    };
    stranger.say(wrong.octets());
    assert_eq!(stranger.hear()[0], b'F', "ESID");
    let told = partner(&setup, "mueller");
    all_in(
        &line(&told, "last refusal"),
        &["it called from", &port.to_string(), "ESID 04", "password"],
    );
    all_in(&line(&told, "why it waits"), &["was not let in", "ESID 04"]);
    all_in(&line(&told, "last session"), &["none"]);
    let held = setup.pointsman(&["queue", "hold", &file]);
    assert!(held.status.success(), "{}", said(&held));
    all_in(&line(&partner(&setup, "mueller"), "to send"), &["1 held"]);
    all_in(
        &line(&partner(&setup, "mueller"), "why it waits"),
        &["held or parked", "queue release"],
    );
    let released = setup.pointsman(&["queue", "release", &file]);
    assert!(released.status.success(), "{}", said(&released));
    // It calls and takes its file, and its receipt does not come.
    let mut peer = Peer::session(server.address());
    peer.say(b"R");
    support::peer::take_file(&mut peer);
    assert_eq!(peer.hear(), b"R");
    peer.say(b"F00000\r");
    let told = support::eventually("the receipt is overdue", || {
        let told = partner_as_json(&setup);
        (told["receipts"]["overdue"] == 1).then_some(told)
    });
    assert_eq!(told["why_it_waits"], serde_json::Value::Null);
    assert_eq!(told["last_session"]["dialled"], false);
    assert_eq!(
        told["last_session"]["at"], told["last_good_session"]["at"],
        "it went well"
    );
    let overdue = partner(&setup, "mueller");
    all_in(&line(&overdue, "receipts"), &["1 overdue", "sent 20"]);
    // And a session that breaks.
    drop(Peer::session(server.address()));
    server.await_log(&["session-ended", "connection was lost"]);
    let told = support::eventually("the failure is remembered", || {
        let told = partner_as_json(&setup);
        told["last_failure"].is_object().then_some(told)
    });
    let words = told["last_failure"]["words"].as_str().unwrap();
    assert!(words.contains("connection was lost"), "{words}");
}

#[test]
fn a_partners_certificates_are_told_with_their_ends() {
    let setup = Setup::with_listeners(TLS, "", "");
    openssl_certificate(setup.path(), "us");
    openssl(
        setup.path(),
        "req -x509 -newkey rsa:2048 -nodes -days 5 -subj /CN=them -keyout them.key -out them.pem",
    );
    setup.configure(TLS, "    certificate: them.pem\n", "");
    all_in(
        &line(&partner(&setup, "mueller"), "certificate"),
        &["CN=them", "warning", "it ends in", "until 20"],
    );
    let table = said(&setup.pointsman(&["partners"]));
    all_in(&line(&table, "mueller"), &["it ends in"]);
    let told = partner_as_json(&setup);
    let certificate = &told["certificates"][0];
    assert_eq!(certificate["key"], "certificate");
    assert_eq!(certificate["weight"], "warning");
    assert!(certificate["ends"].as_str().unwrap().ends_with('Z'));
}

/// Our listener's certificate and the CA for callers are in no profile: they are told above all partners.
#[test]
fn the_certificates_that_every_partner_sees_are_told_above_the_partners() {
    let setup = Setup::with_listeners(TLS, "", "");
    for (name, days) in [("us", 5), ("root", 90), ("them", 90)] {
        openssl(
            setup.path(),
            &format!(
                "req -x509 -newkey rsa:2048 -nodes -days {days} -subj /CN={name} -keyout {name}.key -out {name}.pem"
            ),
        );
    }
    let listener = TLS.replace(
        "client_auth: require",
        "client_auth: require\n      client_ca: root.pem",
    );
    setup.configure(&listener, "    certificate: them.pem\n", "");
    let table = said(&setup.pointsman(&["partners"]));
    let (station, partners) = table.split_once("PARTNER").unwrap();
    all_in(
        &line(station, "station"),
        &["listeners[0].tls.certificate", "CN=us", "it ends in"],
    );
    assert!(!table.contains("client_ca"), "it is good: {table}");
    assert!(!partners.contains("it ends in"), "{partners}");
    // Asked of one partner, each is told.
    let told = partner(&setup, "mueller");
    let (station, _) = told.split_once("\npartner ").unwrap();
    let station: Vec<&str> = station.lines().collect();
    assert_eq!(station.len(), 2, "{told}");
    all_in(
        station[0],
        &["listeners[0].tls.certificate", "warning", "it ends in"],
    );
    all_in(
        station[1],
        &["listeners[0].tls.client_ca", "CN=root", "until 20"],
    );
    assert!(!station[1].contains("warning"), "{told}");
    let told = partner_as_json(&setup);
    let of = |key: &str| {
        let all = told["certificates"].as_array().unwrap();
        let found = all.iter().find(|certificate| certificate["key"] == key);
        found.unwrap_or_else(|| panic!("no {key} in {told}"))["weight"].clone()
    };
    assert_eq!(of("certificate"), "good");
    assert_eq!(of("listeners[0].tls.certificate"), "warning");
    assert_eq!(of("listeners[0].tls.client_ca"), "good");
}
