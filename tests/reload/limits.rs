//! Limits of the server are others from the next caller, session or look on.

use std::io::Read as _;
use std::net::TcpStream;

use super::*;
use crate::support::guests::misbehaving;
use crate::support::peer::{Called, esid, release, take_file};

const LISTENER: &str = "listeners:\n  - address: 127.0.0.1:0\n";

/// The answer to a file of that name in a session of its own: SFPA, and then the file goes, or SFNA.
fn answered(server: &Server, name: &str, number: u64) -> String {
    let mut peer = Peer::session(server.address());
    let mut file = VirtualFile::new(name, "a");
    let (hours, minutes) = (number / 3600, number / 60 % 60);
    file.time = format!("{hours:02}{minutes:02}{:02}0001", number % 60);
    let answer = peer.offer(&file);
    if answer[0] == b'2' {
        peer.send_content(&file);
        assert_eq!(peer.hear(), b"4N", "EFPA");
    }
    peer.say(esid());
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn what_is_kept_free_on_the_disks_changes_within_a_second() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut number = 0;
    for (key, much) in [("reserve", "900PiB"), ("reserve_files", "1000000000")] {
        let mut is_taken = || {
            number += 1;
            let answer = answered(&server, "ORDERS", number);
            assert!(answer.starts_with(['2', '3']), "{answer}");
            assert!(
                answer.starts_with('2') || answer.starts_with("306Y"),
                "{answer}"
            );
            answer.starts_with('2')
        };
        assert!(is_taken());
        write(&setup, &format!("limits: {{{key}: {much}}}\n"));
        let said = soon(&setup, key, || !is_taken());
        assert!(said.contains(&format!("limits.{key}")), "{said}");
        write(&setup, "");
        soon(&setup, key, is_taken);
    }
}

#[test]
fn what_all_policies_may_hold_changes_within_a_second() {
    let limited = |size: &str| {
        format!(
            "policies:\n  bad:\n    component: bad.wasm\n    hooks: [accept-file]\n    limits: {{time: 4s}}\n\
             limits: {{policies_memory: {size}}}\n"
        )
    };
    let setup = Setup::plain(&limited("512MiB"));
    setup.write("bad.wasm", misbehaving());
    let server = setup.serve();
    let mut number = 0;
    // Its instance wants 16 MiB.
    let mut is_taken = || {
        number += 1;
        answered(&server, "HOARD", number).starts_with('2')
    };
    assert!(is_taken());
    write(&setup, &limited("8MiB"));
    let said = soon(&setup, "less memory of policies", || !is_taken());
    assert!(said.contains("limits.policies_memory"), "{said}");
    server.await_log(&["policy-failed", "`limits.policies_memory`"]);
    write(&setup, &limited("512MiB"));
    soon(&setup, "more memory of policies", is_taken);
}

#[test]
fn a_receipt_that_was_in_time_is_overdue_when_the_deadline_is_nearer() {
    let partner = Called::new();
    let with = |deadline: &str| {
        let deadline = format!("    calls: {{delay: 100ms}}\n    receipt_deadline: {deadline}\n");
        Setup::caller(LISTENER, &partner.address(), &deadline)
    };
    let ours = with("1h");
    let server = ours.serve();
    ours.queue("LATE", b"late", "nordwerk");
    let mut peer = partner.greet();
    take_file(&mut peer);
    release(&mut peer);
    server.await_log(&["file-sent", "LATE"]);
    std::thread::sleep(Duration::from_millis(300));
    assert!(!server.log().contains("receipt-overdue"));
    std::fs::copy(with("200ms").config(), ours.config()).unwrap();
    let said = soon(&ours, "a deadline of receipts", || {
        server.log().contains("receipt-overdue")
    });
    assert!(
        said.contains("partners.nordwerk.receipt_deadline"),
        "{said}"
    );
}

#[test]
fn the_callers_that_there_may_be_change_with_the_next_caller() {
    let setup = Setup::plain("limits: {caller_time: 10m}\n");
    let server = setup.serve();
    let silent = || -> Vec<TcpStream> {
        let callers = (0..40).map(|_| TcpStream::connect(server.address()).unwrap());
        callers.collect()
    };
    let before = silent();
    for key in ["callers_per_address", "callers_per_listener"] {
        assert!(!server.log().contains(key), "{key}");
        write(&setup, &format!("limits: {{caller_time: 10m, {key}: 3}}\n"));
        let said = reloaded(&setup);
        assert!(said.contains(&format!("limits.{key}")), "{said}");
        let after = silent();
        server.await_log(&["caller-refused", &format!("limits.{key} (3)")]);
        drop(after);
    }
    drop(before);
}

#[test]
fn the_time_that_a_caller_has_changes_with_the_next_caller() {
    let setup = Setup::plain("limits: {caller_time: 10m}\n");
    let server = setup.serve();
    let silent = || {
        let caller = TcpStream::connect(server.address()).unwrap();
        caller.set_read_timeout(Some(support::PATIENCE)).unwrap();
        caller
    };
    let mut before = silent();
    // It is greeted, so the limits of before are its own.
    before.read_exact(&mut [0]).unwrap();
    write(&setup, "limits: {caller_time: 300ms}\n");
    let said = reloaded(&setup);
    assert!(said.contains("limits.caller_time"), "{said}");
    let (mut after, began) = (silent(), Instant::now());
    after.read_to_end(&mut Vec::new()).unwrap();
    assert!(
        began.elapsed() >= Duration::from_millis(250),
        "{:?}",
        began.elapsed()
    );
    before.set_nonblocking(true).unwrap();
    let there = before.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(there.kind(), std::io::ErrorKind::WouldBlock, "it stays");
}
