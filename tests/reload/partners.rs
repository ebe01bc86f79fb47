//! Partners come and go, and their limits change.

use super::*;

const SCHMIDT: &str = "  schmidt:\n    ssid: O0013000009SCHMIDT\n    password: SCHMIDT\n";

fn schmidt() -> Ssid {
    Ssid {
        code: "O0013000009SCHMIDT".to_owned(),
        password: "SCHMIDT".to_owned(),
        ..Ssid::default()
    }
}

#[test]
fn a_new_partner_is_let_in_within_a_second_by_command_and_by_signal() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let (address, known) = (server.address(), schmidt());
    let mut is_known = || answer(address, &known)[0] == b'X';
    assert!(!is_known());
    write(&setup, SCHMIDT);
    soon(&setup, "a new partner", is_known);
    write(&setup, "");
    soon(&setup, "a partner that is gone", || !is_known());
    write(&setup, SCHMIDT);
    let began = Instant::now();
    server.signal(Signal::HUP);
    eventually("the signal is followed", || {
        let log = server.log();
        let reloads = log.matches("configuration-reloaded").count();
        (reloads == 3).then_some(())
    });
    println!("SIGHUP: taken up {:?} after it came", began.elapsed());
    in_force("by SIGHUP", Instant::now(), &mut is_known);
}

#[test]
fn a_password_of_a_partner_changes_within_a_second() {
    let setup = Setup::plain(SCHMIDT);
    let server = setup.serve();
    let mut staying = Peer::connect(server.address());
    staying.say(schmidt().octets());
    assert_eq!(staying.hear()[0], b'X');
    write(
        &setup,
        &SCHMIDT.replace("password: SCHMIDT", "password: RENEWED"),
    );
    let renewed = Ssid {
        password: "RENEWED".to_owned(),
        ..schmidt()
    };
    let said = soon(&setup, "a password", || {
        answer(server.address(), &renewed)[0] == b'X'
    });
    assert!(said.contains("partners.schmidt.password"), "{said}");
    assert!(!said.contains("RENEWED"), "{said}");
    assert_eq!(answer(server.address(), &schmidt())[0], b'F');
    let file = VirtualFile {
        originator: "O0013000009SCHMIDT".to_owned(),
        ..VirtualFile::new("STAYING", "staying")
    };
    staying.send(&file);
    setup.await_delivered(1);
}

#[test]
fn the_sessions_that_a_partner_may_have_change_within_a_second() {
    let limited = |setup: &Setup, sessions: u32| {
        setup.configure(PLAIN, &format!("    sessions: {sessions}\n"), "");
    };
    let setup = Setup::plain("");
    limited(&setup, 1);
    let server = setup.serve();
    let _first = Peer::session(server.address());
    let more = || answer(server.address(), &Ssid::default())[0] == b'X';
    assert!(!more(), "one is all that it may have");
    limited(&setup, 2);
    let said = soon(&setup, "sessions of a partner", more);
    assert!(said.contains("partners.mueller.sessions"), "{said}");
    limited(&setup, 1);
    // Who is here stays: nobody else comes in.
    soon(&setup, "fewer sessions of a partner", || !more());
}

#[test]
fn what_waits_for_a_removed_partner_is_reported_with_what_to_do() {
    let schmidt = format!("{SCHMIDT}    calls: {{queued: false}}\n");
    let setup = Setup::plain(&schmidt);
    let server = setup.serve();
    for name in ["ONE", "TWO"] {
        setup.queue(name, "waits", "schmidt");
    }
    write(&setup, "");
    let said = reloaded(&setup);
    for words in [
        "warning: partners.schmidt: ",
        "2 files",
        "give its profile that name again, or cancel the files",
    ] {
        assert!(said.contains(words), "{words} is not in: {said}");
    }
    server.await_log(&["partner-removed", "schmidt", "\"files\":2", "WARN"]);
    // Once, and nothing of a partner for whom nothing waits.
    assert!(!reloaded(&setup).contains("schmidt"));
    write(&setup, &schmidt.replace("schmidt:", "again:"));
    reloaded(&setup);
    write(&setup, "");
    let said = reloaded(&setup);
    assert!(!said.contains("warning"), "{said}");
    // With its name the files are there again.
    write(&setup, &schmidt);
    reloaded(&setup);
    let queue = setup.pointsman(&["queue", "list"]);
    let queue = String::from_utf8(queue.stdout).unwrap();
    assert!(queue.contains("ONE") && queue.contains("TWO"), "{queue}");
}
