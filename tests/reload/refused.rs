//! What is wrong is refused as a whole, and the plan before stays in force.

use super::*;
use crate::support::guests::trapping;
use crate::support::openssl_certificate;

const TLS: &str =
    "  - address: 127.0.0.1:0\n    tls:\n      certificate: us.pem\n      key: us.key\n";

/// What is written into the configuration, beside what must not be taken up with it.
struct Broken {
    listeners: String,
    partner: &'static str,
    more: String,
    /// What the error says.
    says: &'static [&'static str],
}

fn broken(more: &str, says: &'static [&'static str]) -> Broken {
    Broken {
        listeners: PLAIN.to_owned(),
        partner: "",
        more: more.to_owned(),
        says,
    }
}

fn of_listeners(more: &str, says: &'static [&'static str]) -> Broken {
    Broken {
        listeners: format!("{PLAIN}{more}"),
        ..broken("", says)
    }
}

fn of_partner(partner: &'static str, says: &'static [&'static str]) -> Broken {
    Broken {
        partner,
        ..broken("", says)
    }
}

fn files() -> Vec<Broken> {
    vec![
        broken("limits: {sessions: ]5}\n", &["pointsman.yaml:"]),
        broken(
            "limits: {sesions: 5}\n",
            &["limits", "did you mean `sessions`", "pointsman.yaml:"],
        ),
        broken(
            "limits: {sessions: many}\n",
            &["limits.sessions", "pointsman.yaml:"],
        ),
        broken(
            "  b:\n    ssid: O0013B\n    password: ${env:NOBODY_HAS_SET_THIS}\n",
            &["partners.b.password", "NOBODY_HAS_SET_THIS"],
        ),
        broken(
            "  b:\n    ssid: O0013000007MUELLER\n    password: B\n",
            &["O0013000007MUELLER"],
        ),
        broken(
            "  b:\n    ssid: O0013B\n    password: B\n    watch: [{folder: inbox/out}]\n",
            &["inbox/out", "watch"],
        ),
    ]
}

fn certificates_and_keys() -> Vec<Broken> {
    vec![
        of_listeners(
            &TLS.replace("us.pem", "missing.pem"),
            &["listeners[1].tls.certificate", "missing.pem"],
        ),
        of_listeners(
            &TLS.replace("us.key", "them.key"),
            &["listeners[1].tls.key", "them.key"],
        ),
        of_listeners(
            &format!("{TLS}      client_ca: missing.pem\n"),
            &["listeners[1].tls.client_ca", "missing.pem"],
        ),
        of_partner(
            "    certificate: missing.pem\n",
            &["partners.mueller.certificate", "missing.pem"],
        ),
        of_partner(
            "    certificate: no.pem\n",
            &["partners.mueller.certificate", "no.pem"],
        ),
        of_partner(
            "    address: localhost:1\n    tls: true\n    certificate: them.pem\n    our_certificate: us.pem\n    our_key: them.key\n",
            &["partners.mueller.our_key", "them.key"],
        ),
    ]
}

fn components() -> Vec<Broken> {
    let policy = |component: &str, says| {
        broken(
            &format!("policies:\n  route:\n    component: {component}\n"),
            says,
        )
    };
    vec![
        policy("missing.wasm", &["route", "missing.wasm"]),
        policy("no.wasm", &["route", "not WebAssembly"]),
        policy("traps.wasm", &["route", "does not start"]),
    ]
}

fn places(taken: SocketAddr) -> Vec<Broken> {
    vec![
        of_listeners(
            &format!("  - address: {taken}\n"),
            &["127.0.0.1:", "in use"],
        ),
        of_listeners(
            "  - address: 127.0.0.1:3999\n  - address: 127.0.0.1:3999\n",
            &[
                "listeners[2].address",
                "127.0.0.1:3999",
                "give one of them another port",
            ],
        ),
        of_listeners("  - address: 192.0.2.1:3305\n", &["192.0.2.1:3305"]),
        Broken {
            listeners: "  []\n".to_owned(),
            ..broken("", &["the configuration has no listeners"])
        },
    ]
}

/// Each of them with a partner and a limit that are not in force then.
#[test]
fn whatever_is_broken_changes_nothing_and_is_said_with_its_place() {
    let setup = Setup::plain("");
    ["us", "them"]
        .iter()
        .for_each(|name| openssl_certificate(setup.path(), name));
    setup.write("no.pem", "this is no certificate");
    setup.write("no.wasm", "this is no component");
    setup.write("traps.wasm", trapping());
    let server = setup.serve();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (taken, address)).unwrap();
    let all = [
        files(),
        certificates_and_keys(),
        components(),
        places(taken.1),
    ];
    let all: Vec<Broken> = all.into_iter().flatten().collect();
    let mut staying = Peer::session(server.address());
    for (number, one) in all.iter().enumerate() {
        let new = "  new:\n    ssid: O0013NEW\n    password: NEW\n";
        let more = match one.more.starts_with("  ") {
            true => format!("{new}{}limits: {{conceal_partners: true}}\n", one.more),
            false => format!("{new}{}", one.more),
        };
        setup.configure(&one.listeners, one.partner, &more);
        let (code, said) = reload(&setup);
        assert_eq!(code, Some(1), "{}: {said}", one.more);
        for words in one.says {
            assert!(said.contains(words), "{words} is not in: {said}");
        }
        assert!(said.contains("in force"), "{said}");
        let refused = || {
            let log = server.log();
            let lines = log.lines();
            let refused: Vec<String> = lines
                .filter(|line| line.contains("configuration-refused"))
                .map(str::to_owned)
                .collect();
            refused
        };
        let before = refused().len();
        server.signal(Signal::HUP);
        let logged = eventually("it is in the log", || refused().get(before).cloned());
        for words in one.says {
            assert!(logged.contains(words), "{words} is not in: {logged}");
        }
        staying.send(&VirtualFile::new(&format!("STAYING.{number}"), "staying"));
    }
    assert_eq!(server.log().matches("configuration-reloaded").count(), 0);
    let stranger = Ssid {
        code: "O0013NEW".to_owned(),
        password: "NEW".to_owned(),
        ..Ssid::default()
    };
    let refused = String::from_utf8(answer(server.address(), &stranger)).unwrap();
    assert!(
        refused.starts_with("F03"),
        "nothing was taken up: {refused}"
    );
    drop(Peer::session(server.address()));
    setup.await_delivered(all.len());
    let status = setup.pointsman(&["status"]).stdout;
    let status = String::from_utf8(status).unwrap();
    assert!(!status.contains("route"), "{status}");
    // Mended, it is taken up.
    write(&setup, "");
    reloaded(&setup);
    println!("{} broken files were refused", all.len());
}

#[test]
fn without_its_file_or_its_folders_a_server_keeps_its_plan() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let text = std::fs::read_to_string(setup.config()).unwrap();
    std::fs::remove_file(setup.config()).unwrap();
    server.signal(Signal::HUP);
    server.await_log(&["configuration-refused", "pointsman.yaml"]);
    std::fs::write(setup.config(), text).unwrap();
    std::fs::remove_dir(setup.inbox()).unwrap();
    std::fs::write(setup.inbox(), "a file is in its place").unwrap();
    let (code, said) = reload(&setup);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("storage.inbox"), "{said}");
    drop(Peer::session(server.address()));
}

/// Reading a pipe would not end, and no reload after it would begin.
#[test]
fn a_configuration_that_is_no_file_is_refused_and_the_next_one_is_taken_up() {
    let setup = Setup::plain("");
    let server = setup.serve();
    std::fs::remove_file(setup.config()).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(setup.config())
        .status();
    assert!(made.unwrap().success());
    server.signal(Signal::HUP);
    server.await_log(&["configuration-refused", "pointsman.yaml", "not a file"]);
    std::fs::remove_file(setup.config()).unwrap();
    write(&setup, "limits: {conceal_partners: true}\n");
    assert!(reloaded(&setup).contains("limits.conceal_partners"));
}

#[test]
fn a_listener_that_cannot_be_bound_changes_nothing() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let second = taken.local_addr().unwrap();
    let listeners = format!("{PLAIN}  - address: {second}\n");
    setup.configure(&listeners, "", "limits: {conceal_partners: true}\n");
    let (code, said) = reload(&setup);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&second.to_string()), "{said}");
    server.await_log(&["configuration-refused"]);
    let stranger = Ssid {
        code: "O0013000009SCHMIDT".to_owned(),
        ..Ssid::default()
    };
    let refused = String::from_utf8(answer(server.address(), &stranger)).unwrap();
    assert!(refused.starts_with("F03"), "the limit of before: {refused}");
}

#[test]
fn a_broken_file_changes_nothing_and_says_where() {
    let setup = Setup::plain("");
    let server = setup.serve();
    write(&setup, "limits: {sesions: 5}\n");
    let (code, said) = reload(&setup);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("sesions") && said.contains("did you mean `sessions`"),
        "{said}"
    );
    assert!(said.contains("pointsman.yaml"), "{said}");
    server.signal(Signal::HUP);
    server.await_log(&["configuration-refused", "sesions"]);
    drop(Peer::session(server.address()));
}
