//! Policies: their settings, order and components change with the next session, and one that runs keeps its own.

use pointsman::{KNOWN_PARTNERS, ROUTE_BY_NAME};

use super::*;
use crate::support::THEM;
use crate::support::guests::{misbehaving, terms};

/// A policy that puts files into that folder.
fn into(name: &str, folder: &str) -> String {
    format!(
        "  {name}:\n    component: terms.wasm\n    hooks: [accept-file]\n    settings: {{file-directory: {folder}}}\n"
    )
}

fn deploy(setup: &Setup, policies: &[String]) {
    let policies = match policies {
        [] => String::new(),
        some => format!("policies:\n{}", some.concat()),
    };
    write(setup, &policies);
}

fn deployed(policies: &[String]) -> Setup {
    let setup = Setup::plain("");
    setup.write("terms.wasm", terms());
    deploy(&setup, policies);
    setup
}

/// Sends a file; gives the folder that it is delivered into.
fn folder_of(setup: &Setup, peer: &mut Peer<std::net::TcpStream>, name: &str) -> String {
    peer.send(&VirtualFile::new(name, "content"));
    let path = eventually("it is delivered", || {
        let delivered = setup.delivered();
        delivered.into_iter().find(|path| path.contains(name))
    });
    path.split('/').next().unwrap().to_owned()
}

/// What the next session is told by a reload, while one that began before is told the same as before.
fn next_goes_by(setup: &Setup, server: &Server, round: &str, before: &str, after: &str) -> String {
    let mut staying = Peer::session(server.address());
    assert_eq!(folder_of(setup, &mut staying, &format!("A{round}")), before);
    let (said, began) = (reloaded(setup), Instant::now());
    let mut next = Peer::session(server.address());
    assert_eq!(folder_of(setup, &mut next, &format!("B{round}")), after);
    println!("{round}: in force {:?} after the reload", began.elapsed());
    assert_eq!(folder_of(setup, &mut staying, &format!("C{round}")), before);
    said
}

#[test]
fn settings_of_a_policy_count_from_the_next_session_on() {
    let setup = deployed(&[into("route", "one")]);
    let server = setup.serve();
    deploy(&setup, &[into("route", "two")]);
    let said = next_goes_by(&setup, &server, "SETTINGS", "one", "two");
    assert!(
        said.contains("policies.route.settings.file-directory"),
        "{said}"
    );
}

#[test]
fn the_order_of_the_chain_counts_from_the_next_session_on() {
    let setup = deployed(&[into("a", "one"), into("b", "two")]);
    let server = setup.serve();
    deploy(&setup, &[into("b", "two"), into("a", "one")]);
    let said = next_goes_by(&setup, &server, "ORDER", "one", "two");
    assert!(said.contains("policies (their order)"), "{said}");
}

#[test]
fn a_policy_is_added_and_removed_for_the_next_session() {
    let setup = deployed(&[]);
    let server = setup.serve();
    deploy(&setup, &[into("route", "one")]);
    next_goes_by(&setup, &server, "ADDED", "mueller", "one");
    deploy(&setup, &[]);
    next_goes_by(&setup, &server, "REMOVED", "one", "mueller");
    // One that refuses whoever calls.
    setup.write("known.wasm", KNOWN_PARTNERS);
    let nobody = "  known:\n    component: known.wasm\n    settings: {partners: O0013SOMEBODY}\n";
    deploy(&setup, &[nobody.to_owned()]);
    let greeted = || answer(server.address(), &Ssid::default())[0] == b'X';
    soon(&setup, "a policy that refuses", || !greeted());
    deploy(&setup, &[]);
    soon(&setup, "without it", greeted);
    let status = setup.pointsman(&["status"]).stdout;
    let status = String::from_utf8(status).unwrap();
    assert!(!status.contains("watching the policy"), "{status}");
}

#[test]
fn another_component_decides_from_the_next_session_on() {
    let setup = deployed(&[into("route", "one")]);
    setup.write("name.wasm", ROUTE_BY_NAME);
    let server = setup.serve();
    let by_name = "  route:\n    component: name.wasm\n    hooks: [accept-file]\n    settings: {rules: '* -> by-name/{dataset}'}\n";
    deploy(&setup, &[by_name.to_owned()]);
    let said = next_goes_by(&setup, &server, "COMPONENT", "one", "by-name");
    assert!(said.contains("policies.route.component"), "{said}");
    // Its new file is the one that is watched now.
    setup.write("other.wasm", terms());
    std::fs::rename(
        setup.path().join("other.wasm"),
        setup.path().join("name.wasm"),
    )
    .unwrap();
    server.await_log(&["policy-swapped", "route"]);
}

/// The server looks at the file by itself, too: then it is in force already, and nothing is refused.
#[test]
fn a_component_under_the_same_name_is_among_what_a_reload_changes() {
    let setup = deployed(&[into("route", "one")]);
    let server = setup.serve();
    for round in 0..3 {
        // A section of its own makes it another component that does the same.
        let section = [0, 3, 1, b'x', round];
        setup.write("new.wasm", [terms(), section.to_vec()].concat());
        let [new, old] = ["new.wasm", "terms.wasm"].map(|name| setup.path().join(name));
        std::fs::rename(new, old).unwrap();
        let said = reloaded(&setup);
        assert!(said.contains("policies.route.component"), "{said}");
        std::thread::sleep(Duration::from_millis(1500));
    }
    let log = server.log();
    assert!(!log.contains("policy-refused"), "{log}");
}

#[test]
fn one_generation_is_one_reload_however_much_of_the_chain_changes() {
    let setup = deployed(&[into("a", "one")]);
    let server = setup.serve();
    let known =
        format!("  known:\n    component: known.wasm\n    settings: {{partners: {THEM}}}\n");
    setup.write("known.wasm", KNOWN_PARTNERS);
    deploy(&setup, &[known, into("b", "two"), into("a", "three")]);
    next_goes_by(&setup, &server, "CHAIN", "one", "two");
    server.await_log(&["configuration-reloaded", "\"generation\":2"]);
}

/// What a policy may keep beyond sessions is asked of the plan in the middle of a session.
#[test]
fn what_a_policy_may_keep_changes_with_the_next_session() {
    let keeping = |much: &str| {
        format!(
            "  bad:\n    component: bad.wasm\n    hooks: [accept-file]\n    limits: {{kept: {much}}}\n"
        )
    };
    let setup = Setup::plain("");
    setup.write("bad.wasm", misbehaving());
    deploy(&setup, &[keeping("200KiB")]);
    let server = setup.serve();
    let mut staying = Peer::session(server.address());
    deploy(&setup, &[keeping("300KiB")]);
    let said = reloaded(&setup);
    assert!(said.contains("policies.bad.limits.kept"), "{said}");
    let refused_by = |peer: &mut Peer<std::net::TcpStream>, limit: &str| {
        assert_eq!(peer.offer(&VirtualFile::new("KEEP", "x"))[0], b'3', "SFNA");
        server.await_log(&["policy-failed", limit]);
    };
    refused_by(&mut staying, "may keep 204800");
    assert!(!server.log().contains("may keep 307200"));
    refused_by(&mut Peer::session(server.address()), "may keep 307200");
}
