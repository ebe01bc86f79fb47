//! Listeners come, go, move, and speak TLS or not.

use super::*;
use crate::support::openssl_certificate;

/// A port that nobody listens on just now.
fn free() -> SocketAddr {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap()
}

fn accepts(address: SocketAddr) -> bool {
    std::net::TcpStream::connect(address).is_ok()
}

#[test]
fn a_new_listener_accepts_callers_within_a_second() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let second = free();
    assert!(!accepts(second));
    let listeners = format!("{PLAIN}  - address: {second}\n");
    setup.configure(&listeners, "", "");
    let said = soon(&setup, "a new listener", || accepts(second));
    assert!(said.contains("listeners[1].address"), "{said}");
    Peer::session(second).send(&VirtualFile::new("SECOND", "one"));
    Peer::session(server.address()).send(&VirtualFile::new("FIRST", "one"));
    setup.await_delivered(2);
    server.await_log(&["listening", &second.to_string()]);
}

#[test]
fn a_listener_moves_within_a_second_and_its_sessions_stay() {
    let first = free();
    let setup = Setup::with_listeners(&format!("  - address: {first}\n"), "", "");
    let server = setup.serve();
    let mut staying = Peer::session(first);
    let second = free();
    setup.configure(&format!("  - address: {second}\n"), "", "");
    soon(&setup, "a listener that moved", || {
        accepts(second) && !accepts(first)
    });
    staying.send(&VirtualFile::new("STAYING", "staying"));
    setup.await_delivered(1);
    // And back: the port is free again, though a session of before has it.
    setup.configure(&format!("  - address: {first}\n"), "", "");
    soon(&setup, "a listener that moved back", || {
        accepts(first) && !accepts(second)
    });
    staying.send(&VirtualFile::new("STILL", "staying"));
    setup.await_delivered(2);
    server.await_log(&["listener-closed", &first.to_string()]);
}

/// The port is one, but to move from one of its addresses to all of them, or back, takes one reload and turns nobody away.
#[test]
fn a_listener_moves_from_one_address_to_all_and_back_at_once() {
    let one = free();
    let everywhere = SocketAddr::new([0, 0, 0, 0].into(), one.port());
    let elsewhere = SocketAddr::new([127, 0, 0, 2].into(), one.port());
    let at = |address: SocketAddr| format!("  - address: {address}\n");
    let setup = Setup::with_listeners(&at(one), "", "");
    let server = setup.serve();
    let mut staying = Peer::session(one);
    assert!(!accepts(elsewhere));
    // Not where another listener of that plan cannot be had: then the old one stays.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let second = at(taken.local_addr().unwrap());
    setup.configure(&format!("{}{second}", at(everywhere)), "", "");
    let (code, said) = reload(&setup);
    assert!(code == Some(1) && said.contains("in use"), "{said}");
    assert!(accepts(one) && !accepts(elsewhere));
    for (listener, is_everywhere) in [(everywhere, true), (one, false), (everywhere, true)] {
        setup.configure(&at(listener), "", "");
        soon(&setup, "a listener of a port", || {
            accepts(one) && accepts(elsewhere) == is_everywhere
        });
        drop(Peer::session(one));
        // Nobody else gets the port.
        std::net::TcpListener::bind(one).unwrap_err();
    }
    staying.send(&VirtualFile::new("STAYING", "staying"));
    setup.await_delivered(1);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_listener_that_is_removed_accepts_nobody_after_a_second() {
    let second = free();
    let both = format!("{PLAIN}  - address: {second}\n");
    let setup = Setup::with_listeners(&both, "", "");
    let server = setup.serve();
    assert!(accepts(second));
    setup.configure(PLAIN, "", "");
    soon(&setup, "a listener that is removed", || !accepts(second));
    drop(Peer::session(server.address()));
}

#[test]
fn a_listener_at_the_same_address_speaks_tls_within_a_second() {
    let address = free();
    let plain = format!("  - address: {address}\n");
    let setup = Setup::with_listeners(&plain, "", "");
    ["us", "them"]
        .iter()
        .for_each(|name| openssl_certificate(setup.path(), name));
    let server = setup.serve();
    let mut staying = Peer::session(address);
    let tls = format!("{plain}    tls: {{certificate: us.pem, key: us.key}}\n");
    setup.configure(&tls, "", "");
    reloaded(&setup);
    let mut peer = Peer::openssl(address, setup.path(), "them", "us", "-tls1_3");
    peer.identify();
    staying.send(&VirtualFile::new("PLAIN", "plain"));
    peer.send(&VirtualFile::new("TLS", "with TLS"));
    setup.await_delivered(2);
    setup.configure(&plain, "", "");
    reloaded(&setup);
    drop(Peer::session(address));
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn the_sessions_that_a_listener_may_have_change_within_a_second() {
    let limited = |sessions: u32| format!("{PLAIN}    sessions: {sessions}\n");
    let setup = Setup::with_listeners(&limited(1), "", "");
    let server = setup.serve();
    let _first = Peer::session(server.address());
    let more = || answer(server.address(), &Ssid::default())[0] == b'X';
    assert!(!more(), "one is all that it may have");
    setup.configure(&limited(2), "", "");
    let said = soon(&setup, "sessions of a listener", more);
    assert!(said.contains("listeners[0].sessions"), "{said}");
}

#[test]
fn a_listener_comes_and_goes_and_its_sessions_stay() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut staying = Peer::session(server.address());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let second = free.local_addr().unwrap();
    drop(free);
    setup.configure(&format!("  - address: {second}\n"), "", "");
    reloaded(&setup);
    let mut new = Peer::session(second);
    new.send(&VirtualFile::new("NEW", "new"));
    staying.send(&VirtualFile::new("STAYING", "staying"));
    setup.await_delivered(2);
    eventually("the old one accepts nobody", || {
        std::net::TcpStream::connect(server.address()).err()
    });
    server.await_log(&["listener-closed"]);
}
