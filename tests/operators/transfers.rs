//! Transfers and the queue, as operators look at them.

use super::*;

#[test]
fn a_partner_that_there_is_not_is_named_with_those_there_are() {
    let setup = Setup::plain("");
    let _server = setup.serve();
    for command in [
        &["sessions"][..],
        &["partners"],
        &["transfers", "list"],
        &["transfers", "waiting"],
        &["queue", "list"],
    ] {
        let option: &[&str] = if command == ["partners"] {
            &[]
        } else {
            &["--partner"]
        };
        let asked = |name| setup.pointsman(&[command, option, &[name]].concat());
        let unknown = asked("muller");
        assert_eq!(
            unknown.status.code(),
            Some(2),
            "{command:?}: {}",
            said(&unknown)
        );
        all_in(
            &said(&unknown),
            &["no partner `muller`", "there are: mueller"],
        );
        assert!(asked("mueller").status.success(), "{command:?}");
    }
}

#[test]
fn since_when_a_file_is_here_is_written_as_every_moment_is() {
    let setup = Setup::plain("");
    let id = queue(&setup, "ORDERS", "mueller");
    for list in ["transfers", "queue"] {
        let row = line(&told(&setup, &[list, "list"]), &id);
        let since = row.split_whitespace().nth(1).unwrap();
        assert!(since.parse::<jiff::Timestamp>().is_ok(), "{list}: {row}");
    }
}

#[test]
fn a_transfer_is_named_by_the_beginning_or_the_end_of_its_id() {
    let setup = Setup::plain("");
    let file = queue(&setup, "ORDERS", "mueller");
    let (end, beginning) = (&file[file.len() - 8..], &file[..30]);
    // Each command that takes an id, in an order in which each makes sense.
    for command in [
        ["queue", "hold"],
        ["queue", "release"],
        ["queue", "send-now"],
        ["queue", "park"],
        ["queue", "cancel"],
        ["queue", "resend"],
    ] {
        let done = told(&setup, &[command[0], command[1], end]);
        assert!(done.contains("transfer "), "{command:?}: {done}");
    }
    let shown = told(&setup, &["transfers", "show", &beginning.to_uppercase()]);
    assert!(line(&shown, "transfer").contains(&file), "{shown}");
    // No receipt is open here: the id is found, and that is said of it.
    let answered = setup.pointsman(&["transfers", "answer", end]);
    all_in(&said(&answered), &[&file, "does not wait for an answer"]);
    let passed_on = setup.pointsman(&["transfers", "answer", end, "--forward", beginning]);
    all_in(&said(&passed_on), &["no receipt has come", &file]);
    // Both files began within the same minute.
    let several = setup.pointsman(&["transfers", "show", &file[..6]]);
    assert_eq!(several.status.code(), Some(1));
    let ids = setup.transfers();
    assert_eq!(ids.len(), 2);
    all_in(
        &said(&several),
        &["several ids", &ids[0][..36], &ids[1][..36]],
    );
    let none = setup.pointsman(&["queue", "hold", "ffffffff"]);
    assert_eq!(none.status.code(), Some(1));
    all_in(&said(&none), &["no transfer ffffffff", "transfers list"]);
    for (text, why) in [("abc", "at least 4"), ("ORDERS", "0 to 9, a to f")] {
        let wrong = setup.pointsman(&["transfers", "show", text]);
        assert_eq!(wrong.status.code(), Some(2));
        all_in(&said(&wrong), &[why]);
    }
    let state = setup.pointsman(&["transfers", "list", "--state", "sending"]);
    assert_eq!(state.status.code(), Some(2));
    all_in(
        &said(&state),
        &[
            "no such state",
            "receiving",
            "delivered",
            "parked",
            "overdue",
        ],
    );
}

#[test]
fn the_queue_says_until_when_a_file_rests_and_why_and_when_its_partner_is_called() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let file = queue(&setup, "ORDERS", "mueller");
    let queued = told(&setup, &["queue", "list"]);
    all_in(&line(&queued, &file), &["ready", "  -  "]);
    all_in(
        &line(&queued, "mueller:"),
        &["next call: never", "it is not called", "when it calls us"],
    );
    let mut peer = Peer::session(server.address());
    peer.say(b"R");
    assert_eq!(peer.hear()[0], b'H', "SFID");
    // The text is the partner's, and would be a line of its own.
    peer.say(b"312Y014disk full\n2099");
    assert_eq!(peer.hear(), b"R", "CD");
    let queued = told(&setup, &["queue", "list"]);
    let its = line(&queued, &file);
    all_in(&its, &["backing off", "disk full"]);
    let until = told_as_json(&setup, &["queue", "list"])[0]["backs_off_until"].clone();
    assert!(its.contains(until.as_str().unwrap()), "{its}");
    assert_eq!(queued.lines().count(), 3, "{queued}");
    let shown = told(&setup, &["transfers", "show", &file]);
    all_in(
        &line(&shown, "why it waits"),
        &["it backs off until", until.as_str().unwrap(), "send-now"],
    );
    all_in(&line(&shown, "offered"), &["1 times", "refused for now 1"]);
    told(&setup, &["queue", "hold", &file]);
    let shown = told(&setup, &["transfers", "show", &file]);
    all_in(&line(&shown, "why it waits"), &["held", "queue release"]);
    drop((peer, server));
    told(&setup, &["queue", "release", &file]);
    let queued = told_as_json(&setup, &["queue", "list"]);
    let why = queued[0]["partner_waits"].as_str().unwrap();
    all_in(why, &["no server runs"]);
}

#[test]
fn files_are_found_by_a_pattern_of_their_names_and_one_that_is_none_is_refused() {
    let setup = Setup::caller("", "127.0.0.1:1", "    names: as-is\n");
    for name in ["ORDERS", "ORDER1", "ORDER[1]", "INVOICE"] {
        queue(&setup, name, "nordwerk");
    }
    for (pattern, fitting) in [
        ("ORDER*", 3),
        ("ORDER?", 2),
        ("ORDER[0-9]", 1),
        ("ORDER[!0-9]", 1),
        ("ORDER[[]1]", 1),
        ("*[!^]", 4),
        ("*[^S]", 1),
    ] {
        let told = told_as_json(&setup, &["transfers", "list", "--name", pattern]);
        assert_eq!(told.as_array().unwrap().len(), fitting, "{pattern}: {told}");
    }
    for wrong in ["[", "ORDER[1", "[]"] {
        let told = setup.pointsman(&["transfers", "list", "--name", wrong]);
        assert_eq!(told.status.code(), Some(2), "{}", said(&told));
        all_in(&said(&told), &["--name", "its brackets do not close"]);
    }
}

/// A folder below the inbox that is called otherwise than its partner.
#[test]
fn a_partners_files_lie_in_the_folder_that_its_profile_names() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    inbox_folder: Huber-2\n",
        "",
    );
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("ORDERS", "octets"));
    assert!(setup.await_delivered(1)[0].starts_with("Huber-2/ORDERS"));
}

#[test]
fn what_waits_for_an_operator_is_listed_with_what_can_be_done() {
    let setup = Setup::plain("");
    let deadline = "    receipt_deadline: 1s\n";
    let command = "delivery:\n  command: [take.sh]\n  command_tries: 1\n";
    setup.configure("  - address: 127.0.0.1:0\n", deadline, command);
    let script = setup.write("take.sh", "#!/bin/sh\nexit 1\n");
    std::fs::set_permissions(script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let server = setup.serve();
    assert_eq!(
        told(&setup, &["transfers", "waiting"]),
        "nothing waits for an operator\n"
    );
    let held = queue(&setup, "HELD", "mueller");
    told(&setup, &["queue", "hold", &held, "--why", "wrong month"]);
    let parked = queue(&setup, "PARKED", "mueller");
    told(&setup, &["queue", "park", &parked]);
    let late = queue(&setup, "LATE", "mueller");
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("INVOICE", "paper"));
    peer.say(b"R");
    support::peer::take_file(&mut peer);
    assert_eq!(peer.hear(), b"R");
    peer.say(b"F00000\r");
    let listed = support::eventually("all of it waits", || {
        let listed = told(&setup, &["transfers", "waiting"]);
        (listed.contains("INVOICE") && listed.contains("LATE")).then_some(listed)
    });
    let of = |id: &str| {
        let mut lines = listed.lines().skip_while(|line| !line.starts_with(id));
        format!("{} {}", lines.next().unwrap(), lines.next().unwrap())
    };
    all_in(
        &of(&held),
        &["HELD", "held", "wrong month", "queue release"],
    );
    all_in(&of(&parked), &["PARKED", "given up", "resend", "cancel"]);
    all_in(&of(&late), &["LATE", "receipt has not come", "resend"]);
    let question = setup
        .transfers()
        .into_iter()
        .find(|row| row.contains("INVOICE"))
        .unwrap();
    let question = &question[..36];
    all_in(&of(question), &["yours to decide", "transfers answer"]);
    let shown = told(&setup, &["transfers", "show", question]);
    all_in(&line(&shown, "receipt"), &["yours to decide"]);
    // It is decided, and waits no longer.
    told(&setup, &["transfers", "answer", question]);
    let listed = told_as_json(&setup, &["transfers", "waiting"]);
    let listed = listed["transfers"].as_array().unwrap().clone();
    let states: Vec<_> = listed.iter().map(|file| &file["state"]).collect();
    assert_eq!(states, ["held", "parked", "overdue"]);
    let shown = told(&setup, &["transfers", "show", question]);
    all_in(&line(&shown, "receipt"), &["EERP owed"]);
    // One that is here, and cannot be put where it belongs.
    let folder = setup.inbox().join("mueller");
    std::fs::rename(&folder, setup.path().join("moved")).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    Peer::session(server.address()).send(&VirtualFile::new("STUCK", "paper"));
    server.await_log(&["delivery-failed"]);
    let listed = told(&setup, &["transfers", "waiting"]);
    all_in(&listed, &["STUCK", "not in its folder", "tries again"]);
    // The profile gets another name: its files are nobody's.
    drop(server);
    let text = std::fs::read_to_string(setup.config()).unwrap();
    std::fs::write(setup.config(), text.replace("mueller:", "miller:")).unwrap();
    let listed = told(&setup, &["transfers", "waiting", "--partner", "mueller"]);
    all_in(&listed, &["no partner `mueller`", "give its profile"]);
    let others = told(&setup, &["transfers", "waiting", "--partner", "miller"]);
    assert_eq!(others, "nothing waits for an operator\n");
}

#[test]
fn everything_that_is_known_of_a_file_is_shown() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let content = octets(5, 100 << 10);
    let mut sender = Peer::session(server.address());
    assert_eq!(
        sender.offer(&VirtualFile::new("HALFWAY", content.clone())),
        b"200000000000000000"
    );
    let buffers = support::peer::data_buffers(&content);
    buffers.iter().take(5).for_each(|half| sender.say(half));
    let id = setup.transfers()[0][..36].to_owned();
    let show = || told(&setup, &["transfers", "show", &id]);
    let shown = support::eventually("the session is shown", || {
        Some(show()).filter(|shown| shown.contains("(19 %)"))
    });
    all_in(&line(&shown, "session"), &["from 127.0.0.1", "HALFWAY"]);
    all_in(&line(&shown, "content"), &["not all here"]);
    all_in(&line(&shown, "place"), &["is to be mueller/HALFWAY"]);
    all_in(&line(&shown, "format"), &["U (unstructured)", "100 blocks"]);
    drop(sender);
    let shown = support::eventually("what came is on the disk", || {
        let shown = told_as_json(&setup, &["transfers", "show", &id]);
        let is_over = shown["session"].is_null();
        (is_over && shown["inbound"]["durable_octets"].as_u64() > Some(0)).then_some(shown)
    });
    let name = shown["inbound"]["file_name"].as_str().unwrap();
    assert!(name.starts_with("HALFWAY"), "{name}");
    assert_eq!(shown["header"]["format"], "U");
    assert_eq!(shown["state"], "receiving");

    // One that goes out, with everything that its SFID says, and that its partner cannot use.
    let file = setup.write("RECORDS", "one line\r\nanother line\r\n");
    let queued = told(
        &setup,
        &[
            "send",
            file.to_str().unwrap(),
            "--to",
            "mueller",
            "--queue-only",
            "--format",
            "V",
            "--record-length",
            "80",
            "--records",
            "lines",
            "--description",
            "the month's orders",
            "--priority",
            "7",
        ],
    );
    let id = queued.split_whitespace().last().unwrap().to_owned();
    let show = || told(&setup, &["transfers", "show", &id]);
    let shown = show();
    all_in(
        &line(&shown, "format"),
        &["V (records of 80 octets at most)", "kept here as"],
    );
    all_in(&line(&shown, "description"), &["the month's orders"]);
    all_in(&line(&shown, "offered"), &["0 times", "priority 7"]);
    all_in(
        &line(&shown, "why it waits"),
        &["last session failed", "connection was lost"],
    );
    let mut peer = Peer::session(server.address());
    peer.say(b"R");
    let sfid = support::peer::take_file(&mut peer);
    assert_eq!(peer.hear(), b"R");
    let shown = show();
    all_in(
        &line(&shown, "receipt"),
        &["none has come since", "sent 20"],
    );
    all_in(&line(&shown, "offered"), &["1 times"]);
    assert!(
        !shown.contains("why it waits"),
        "it waits no longer: {shown}"
    );
    peer.say(nerp(&sfid, 34, "no UNB\u{1b}[2J in it"));
    assert_eq!(peer.hear(), b"P", "RTR");
    let shown = show();
    all_in(
        &line(&shown, "receipt"),
        &["NERP", "34", "no UNB", "in it", "came 20"],
    );
    assert!(
        !shown.contains('\u{1b}'),
        "the partner's text moves no cursor"
    );
    let shown = told_as_json(&setup, &["transfers", "show", &id]);
    assert_eq!(shown["response"]["command"], "NERP");
    assert_eq!(shown["response"]["reason"], 34);
    assert_eq!(shown["header"]["record_length"], 80);
    assert_eq!(shown["header"]["description"], "the month's orders");
    assert_eq!(shown["outbound"]["priority"], 7);
    assert!(shown["outbound"]["sent"].is_string());
}

/// NERP (RFC 5024, 5.3.14) at level 2.0 for the file of that SFID.
fn nerp(sfid: &[u8], reason: u8, text: &str) -> Vec<u8> {
    let (name, stamp, to, from) = (&sfid[1..27], &sfid[30..48], &sfid[56..81], &sfid[81..106]);
    let reason = format!("{reason:02}");
    let length = format!("{:03}", text.len());
    [
        b"N".as_slice(),
        name,
        b"      ",
        stamp,
        from,
        to,
        to,
        reason.as_bytes(),
        length.as_bytes(),
        text.as_bytes(),
        b"\0\0\0\0",
    ]
    .concat()
}
