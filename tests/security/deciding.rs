//! Policies say what files are secured with, when these are queued.

use std::fmt::Write as _;

use super::sending::{Taken, moved_into, refused, send, sender, take_files};
use super::support::guests::terms;
use super::support::peer::Called;
use super::support::{Server, Setup, eventually};

/// A station whose policy answers `queue-file` so; `more` is added to the partner.
fn deciding(address: &str, more: &str, settings: &[(&str, &str)]) -> Setup {
    let mut policies =
        "policies:\n  secure:\n    component: terms.wasm\n    hooks: [queue-file]\n    \
                        limits: {time: 4s}\n    settings:\n      any: \"\"\n"
            .to_owned();
    for (key, value) in settings {
        writeln!(policies, "      {key}: \"{value}\"").unwrap();
    }
    let setup = sender(address, &format!("{more}{policies}"));
    setup.write("terms.wasm", terms());
    setup
}

/// All services, in another suite than the usual.
const ALL: [(&str, &str); 5] = [
    ("queue-security", "encrypted-and-signed"),
    ("queue-suite", "6"),
    ("queue-compressed", "true"),
    ("queue-signed-response", "true"),
    ("queue-label", "by-policy"),
];

/// A watched folder, in which a file is complete when it is renamed into it.
const WATCH: &str =
    "    watch:\n      - folder: out\n        labels: [ours]\n        send: {security: signed}\n";

fn put(setup: &Setup, name: &str, content: &[u8]) {
    let folder = setup.path().join("out");
    eventually("the folder is there", || folder.is_dir().then_some(()));
    moved_into(setup, &folder, name, content);
}

/// Names in a folder below the watched one.
fn names_in(setup: &Setup, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(setup.path().join("out").join(folder));
    let entries = entries.into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.collect()
}

/// The line of the history of the only transfer that says that it was queued.
fn queued(setup: &Setup) -> serde_json::Value {
    let row = setup.transfers().remove(0);
    let id = row.split_whitespace().next().unwrap();
    let shown = setup.pointsman(&["transfers", "show", id, "--json"]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    shown["timeline"][0].clone()
}

fn services(taken: &Taken) -> String {
    taken.services().join(" ")
}

#[test]
fn what_a_policy_chooses_arrives_as_it_is_announced() {
    let called = Called::new();
    let setup = deciding(&called.address(), "", &ALL);
    let content = vec![b'p'; 20_000];
    setup.write("DOOR.CATPART", &content);
    let how = [
        "--description",
        "the door",
        "--user-data",
        "CAD",
        "--label",
        "part=door",
    ];
    let taken = send(&setup, &called, "DOOR.CATPART", &how);
    assert_eq!(services(&taken), "03 06 1 1 Y");
    assert_eq!(taken.opened(), content);

    // What it was told, what it answered and what came of that is in the history.
    let line = queued(&setup);
    let said = line["detail"].as_str().unwrap();
    let chosen =
        "signed, compressed, encrypted and sent for a signed receipt (without a policy: plain)";
    assert!(
        said.contains("queue-file: policy secure (generation 1, sha256:") && said.ends_with(chosen),
        "{said}"
    );
    let facts = &line["data"]["facts"]["file"];
    for (fact, value) in [
        ("partner", "nordwerk"),
        ("dataset-name", "DOOR.CATPART"),
        ("description", "the door"),
        ("user", "CAD"),
        ("format", "unstructured"),
    ] {
        assert_eq!(facts[fact], value, "{fact}: {facts:#}");
    }
    assert_eq!(facts["octets"], 20_000);
    assert_eq!(facts["level"], 5);
    assert_eq!(facts["labels"], serde_json::json!([["part", "door"]]));
    assert_eq!(facts["demanded"]["security"], serde_json::Value::Null);
    assert_eq!(facts["services"]["security"], "none");
    let stamp = String::from_utf8_lossy(&taken.sfid[30..48]).into_owned();
    let told = [&facts["date"], &facts["time"]].map(|one| one.as_str().unwrap());
    assert_eq!(
        told.concat(),
        stamp,
        "it goes under the date and time that were told"
    );
    let answer = &line["data"]["answer"]["queue"];
    assert_eq!(answer["cipher-suite"], 6);
    assert_eq!(line["data"]["decided-by"], "secure");
}

#[test]
fn of_files_of_a_watched_folder_policies_decide_too() {
    let called = Called::new();
    let setup = deciding(&called.address(), WATCH, &ALL);
    let server = setup.serve();
    let content = vec![b'w'; 5000];
    put(&setup, "HOOD.CATPART", &content);
    let taken = take_files(&called, 1).remove(0);
    assert_eq!(services(&taken), "03 06 1 1 Y");
    assert_eq!(taken.opened(), content);
    let facts = queued(&setup)["data"]["facts"]["file"].clone();
    let folder = facts["watched-folder"].as_str().unwrap();
    assert!(folder.ends_with("/out"), "{facts:#}");
    assert_eq!(facts["demanded"]["security"], "signed");
    assert_eq!(facts["labels"], serde_json::json!([["ours", ""]]));
    assert_eq!(server.stop(), Some(0));
}

/// The profile says what is usual: a policy knows better. Whoever demands something for one file gets it.
#[test]
fn a_policy_replaces_the_profile_and_adds_to_what_is_demanded_for_a_file() {
    let profile =
        "    file_security:\n      send: {security: encrypted-and-signed, compress: true}\n";
    let called = Called::new();
    for (policy, flags, announced) in [
        ("none", &[][..], "00 00 1 1 N"),
        ("none", &["--security", "signed"], "02 04 1 1 N"),
        ("encrypted", &[], "01 04 1 1 N"),
        ("encrypted", &["--security", "signed"], "03 04 1 1 N"),
        ("signed", &["--plain"], "02 04 0 1 N"),
        (
            "signed",
            &["--signed-receipt", "--suite", "6"],
            "02 06 1 1 Y",
        ),
    ] {
        let setup = deciding(&called.address(), profile, &[("queue-security", policy)]);
        setup.write("INVOIC", "an invoice");
        let taken = send(&setup, &called, "INVOIC", flags);
        assert_eq!(services(&taken), announced, "{policy} {flags:?}");
        assert_eq!(taken.opened(), b"an invoice", "{policy} {flags:?}");
    }
}

#[test]
fn what_a_policy_wants_and_cannot_be_done_is_refused_with_its_name() {
    let older = "    session: {version: 1.4}\n";
    for (partner, setting, value, words) in [
        (
            older,
            "queue-security",
            "signed",
            ["level 2.0", "session.version"],
        ),
        (
            older,
            "queue-compressed",
            "true",
            ["level 2.0", "session.version"],
        ),
        (
            older,
            "queue-signed-response",
            "true",
            ["level 2.0", "session.version"],
        ),
        (
            "",
            "queue-suite",
            "9",
            ["cipher suite 09", "file_security.suites"],
        ),
        (
            "",
            "queue-suite",
            "42",
            ["cipher suite 42", "file_security.suites"],
        ),
    ] {
        let setup = deciding("127.0.0.1:1", partner, &[(setting, value)]);
        setup.write("INVOIC", "an invoice");
        let said = refused(&setup, "INVOIC", &[]);
        for word in words.iter().chain(&["policy secure (generation 1"]) {
            assert!(said.contains(word), "{setting}: {word} is not in: {said}");
        }
    }
    let setup = deciding("127.0.0.1:1", "", &[("queue-security", "encrypted")]);
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let without = text.replace("    certificates:\n      - file: us.pem\n", "");
    assert_ne!(text, without);
    setup.write("pointsman.yaml", without);
    setup.write("INVOIC", "an invoice");
    let said = refused(&setup, "INVOIC", &[]);
    assert!(
        said.contains("policy secure") && said.contains("partners.nordwerk.certificates"),
        "{said}"
    );
    // A suite that the profile agrees to is one.
    let agreed = "    file_security:\n      suites: [4, 9]\n";
    let called = Called::new();
    let settings = [("queue-security", "signed"), ("queue-suite", "9")];
    let setup = deciding(&called.address(), agreed, &settings);
    setup.write("INVOIC", "an invoice");
    let taken = send(&setup, &called, "INVOIC", &[]);
    assert_eq!(services(&taken), "02 09 0 1 N");
    assert_eq!(taken.opened(), b"an invoice");
}

#[test]
fn a_file_that_a_policy_refuses_is_not_queued_and_put_aside() {
    let refuses = [("queue-refuse", "drawings go to nobody")];
    let setup = deciding("127.0.0.1:1", WATCH, &refuses);
    setup.write("DOOR", "a door");
    let said = refused(&setup, "DOOR", &[]);
    assert!(
        said.contains("policy secure (generation 1") && said.contains("drawings go to nobody"),
        "{said}"
    );
    let server = setup.serve();
    put(&setup, "HOOD", b"a hood");
    server.await_log(&[
        "policy-decided",
        "queue-file",
        "drawings go to nobody",
        r#""data":"#,
    ]);
    server.await_log(&[
        "file-put-aside",
        "HOOD",
        "policy secure",
        "drawings go to nobody",
    ]);
    assert_eq!(names_in(&setup, "refused"), ["HOOD"]);
    assert_eq!(setup.transfers(), Vec::<String>::new());
}

/// The policy of the configuration with other settings, taken up by the server that runs.
fn reload(setup: &Setup, server: &Server, from: &str, to: &str) {
    let text = std::fs::read_to_string(setup.config()).unwrap();
    assert!(text.contains(from), "{from}");
    setup.write("pointsman.yaml", text.replace(from, to));
    let reloaded = setup.pointsman(&["reload"]);
    assert!(reloaded.status.success(), "{reloaded:?}");
    server.await_log(&["reloaded"]);
}

/// What may have to be encrypted does not go in clear because nobody could say so.
#[test]
fn while_a_policy_fails_or_wants_files_to_wait_nothing_is_queued_and_nothing_is_lost() {
    for (setting, text, words) in [
        ("queue-fails", "the rules are gone", "error-text"),
        ("queue-later", "in the night", "in the night"),
    ] {
        let called = Called::new();
        let setup = deciding(&called.address(), WATCH, &[(setting, text)]);
        setup.write("DOOR", "a door");
        let said = refused(&setup, "DOOR", &[]);
        for word in ["policy secure (generation 1", "not queued now", words, text] {
            assert!(said.contains(word), "{setting}: {word} is not in: {said}");
        }
        let server = setup.serve();
        put(&setup, "HOOD", b"a hood");
        server.await_log(&[
            "watch-trouble",
            "HOOD",
            "not queued now",
            "policy secure",
            text,
        ]);
        assert_eq!(names_in(&setup, "refused"), Vec::<String>::new());
        let [taken] = &names_in(&setup, ".taken")[..] else {
            panic!("it waits");
        };
        assert!(taken.ends_with(".HOOD"), "{taken}");
        assert_eq!(setup.transfers(), Vec::<String>::new());
        // Other policies are asked at once.
        reload(
            &setup,
            &server,
            &format!("{setting}: \"{text}\""),
            "queue-security: encrypted",
        );
        let sent = take_files(&called, 1).remove(0);
        assert_eq!(
            services(&sent),
            "03 04 0 1 N",
            "the folder has its files signed"
        );
        assert_eq!(sent.opened(), b"a hood");
        assert_eq!(names_in(&setup, ".taken"), Vec::<String>::new());
    }
}

#[test]
fn what_the_failure_of_a_policy_means_for_files_of_ours_is_the_operators_choice() {
    let called = Called::new();
    let fails = [("queue-fails", "the rules are gone")];
    let setup = deciding(&called.address(), WATCH, &fails);
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let with = |mode: &str| {
        let keys = format!("    hooks: [queue-file]\n    on_failure: {{queue-file: {mode}}}\n");
        setup.write(
            "pointsman.yaml",
            text.replace("    hooks: [queue-file]\n", &keys),
        );
    };
    with("refuse");
    setup.write("DOOR", "a door");
    let said = refused(&setup, "DOOR", &[]);
    assert!(
        said.contains("the rules are gone") && !said.contains("not queued now"),
        "{said}"
    );
    {
        let server = setup.serve();
        put(&setup, "HOOD", b"a hood");
        server.await_log(&["file-put-aside", "HOOD", "the rules are gone"]);
        assert_eq!(server.stop(), Some(0));
    }
    with("accept");
    let taken = send(&setup, &called, "DOOR", &["--security", "signed"]);
    assert_eq!(services(&taken), "02 04 0 1 N", "as if it had no opinion");
}
