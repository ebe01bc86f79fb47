//! What a server reads at its start alone is named.

use super::*;

/// Another value for each such key. The ledger is with the state where it is nowhere else.
const OTHERS: [(&str, &str); 3] = [
    ("storage.state", "elsewhere"),
    ("storage.ledger", "ledger-elsewhere"),
    ("storage.inbox", "inbox-elsewhere"),
];

fn with(key: &str, value: &str) -> String {
    let mut storage = "state: state, inbox: inbox".to_owned();
    let name = key.strip_prefix("storage.").unwrap();
    storage = match storage.contains(&format!("{name}: ")) {
        true => storage.replace(&format!("{name}: {name}"), &format!("{name}: {value}")),
        false => format!("{storage}, {name}: {value}"),
    };
    format!(
        "version: 1\nstation: {{ssid: O0013000001NORDWERK, password: OURPASS}}\nstorage: {{{storage}}}\n\
         listeners: [{{address: '127.0.0.1:0'}}]\n\
         partners: {{mueller: {{ssid: O0013000007MUELLER, password: THEIRS}}}}\n\
         limits: {{conceal_partners: true}}\n"
    )
}

/// The keys that the code keeps as they were at the start.
fn kept() -> Vec<String> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/config/plan.rs");
    let source = std::fs::read_to_string(source).unwrap();
    let (_, list) = source.split_once("let differ = [").unwrap();
    let (list, _) = list.split_once("];").unwrap();
    let words = list.split('"').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

#[test]
fn each_key_that_needs_a_restart_is_said_by_name_and_the_rest_is_taken_up() {
    assert_eq!(kept(), OTHERS.map(|(key, _)| key));
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operating.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let setup = Setup::plain("");
    let server = setup.serve();
    let stranger = Ssid {
        code: "O0013000009SCHMIDT".to_owned(),
        ..Ssid::default()
    };
    for (round, (key, value)) in (1..).zip(OTHERS) {
        // At the first of them another key comes into force, too.
        std::fs::write(setup.config(), with(key, value)).unwrap();
        if key == "storage.state" {
            // The command finds its server in the state folder.
            server.signal(Signal::HUP);
        } else {
            let said = reloaded(&setup);
            let (_, waiting) = said
                .split_once("not before the server is started again:")
                .unwrap();
            let waiting: Vec<&str> = waiting.split_whitespace().collect();
            assert_eq!(waiting, [key], "{said}");
        }
        eventually("it is in the log", || {
            let log = server.log();
            let waits: Vec<&str> = log
                .lines()
                .filter(|line| line.contains("configuration-waits"))
                .collect();
            let last = waits.get(round - 1)?;
            let said = match key {
                "storage.state" => "storage.state, storage.ledger",
                other => other,
            };
            assert!(last.contains(&format!("started again: {said}\"")), "{last}");
            Some(())
        });
        assert!(docs.contains(&format!("`{key}`")), "{key}");
    }
    server.await_log(&["configuration-reloaded", "limits.conceal_partners"]);
    let refused = String::from_utf8(answer(server.address(), &stranger)).unwrap();
    assert!(
        refused.starts_with("F04"),
        "the rest is taken up: {refused}"
    );
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("DESADV", "one"));
    // Into the inbox of the start.
    assert_eq!(setup.await_delivered(1).len(), 1);
    for name in ["elsewhere", "ledger-elsewhere", "inbox-elsewhere"] {
        assert!(!setup.path().join(name).exists(), "{name}");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn several_of_them_are_said_together_and_a_signal_does_as_the_command() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let text = text.replace("inbox: inbox", "inbox: elsewhere\n  ledger: books");
    let more = "limits: {conceal_partners: true}\n";
    std::fs::write(setup.config(), format!("{text}{more}")).unwrap();
    server.signal(Signal::HUP);
    server.await_log(&["configuration-waits", "storage.ledger, storage.inbox"]);
    server.await_log(&["configuration-reloaded", "limits.conceal_partners"]);
}
