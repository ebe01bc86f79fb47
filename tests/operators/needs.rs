//! What a command needs, and what a user may see.

use super::*;

/// Runs the program as a user that may not look into the state: without the rights that root has beyond its own.
fn unprivileged(setup: &Setup, args: &[&str]) -> Output {
    let mut program = match rustix::process::geteuid().is_root() {
        true => {
            let mut program = Command::new("setpriv");
            program.args([
                "--bounding-set",
                "-all",
                "--inh-caps",
                "-all",
                "--",
                POINTSMAN,
            ]);
            program
        }
        false => Command::new(POINTSMAN),
    };
    program
        .args(args)
        .arg("-c")
        .arg(setup.config())
        .output()
        .unwrap()
}

#[test]
fn who_may_not_look_is_told_so_and_not_that_nothing_is_there() {
    use std::os::unix::fs::PermissionsExt as _;
    let setup = Setup::plain("");
    setup.queue("ORDERS", "x", "mueller");
    let _server = setup.serve();
    let state = setup.path().join("state");
    let mode = |mode| std::fs::set_permissions(&state, std::fs::Permissions::from_mode(mode));
    mode(0).unwrap();
    for command in [
        &["status"][..],
        &["sessions"],
        &["partners"],
        &["transfers", "list"],
        &["transfers", "waiting"],
        &["queue", "list"],
        &["verify-store"],
        &["policy", "list"],
    ] {
        let asked = unprivileged(&setup, command);
        assert_eq!(
            asked.status.code(),
            Some(1),
            "{command:?}: {}",
            said(&asked)
        );
        all_in(
            &said(&asked),
            &["run the command as the user that the server runs as"],
        );
        for wrong in ["no server", "nobody"] {
            assert!(
                !said(&asked).contains(wrong),
                "{command:?}: {}",
                said(&asked)
            );
        }
    }
    mode(0o700).unwrap();
}

/// The server has read all of it and takes files: what it named may be gone, and can be mended by a command only if
/// commands still work.
#[test]
fn a_command_needs_of_what_the_configuration_names_only_what_it_uses() {
    let partners = "    password: ${file:mueller.password}\n    certificate: them.pem\n    calls_without_certificate: true\n    \
         delivery: {command: [./import.sh, '${env:IMPORT_INTO}']}\n  \
         schmidt:\n    ssid: '${env:SCHMIDT}'\n    sfids: ['${env:SCHMIDT}']\n    address: '${env:SCHMIDTS_PLACE}'\n    \
         receipt_deadline: '${env:SCHMIDTS_TIME}'\n    sessions: '${env:SCHMIDTS_SESSIONS}'\n    \
         password: ${file:schmidt.password}\n    certificate: other.pem\n";
    let policies = "policies:\n  known:\n    component: known.wasm\n    hooks: [accept-connection]\n    settings: {partners: '${file:known.txt}'}\n";
    let listeners = format!("  - address: 127.0.0.1:0\n{TLS}");
    let setup = Setup::with_listeners(&listeners, partners, policies);
    let text = std::fs::read_to_string(setup.config()).unwrap();
    setup.write(
        "pointsman.yaml",
        text.replacen("    password: THEIRS\n", "", 1),
    );
    for name in ["us", "them", "other"] {
        openssl_certificate(setup.path(), name);
    }
    let component = setup.write("known.wasm", KNOWN_PARTNERS);
    let newer = setup.write("newer.wasm", KNOWN_PARTNERS);
    setup.write("known.txt", "mueller");
    setup.write("mueller.password", "THEIRS");
    setup.write("schmidt.password", "SECOND");
    let import = setup.write("import.sh", "#!/bin/sh\n");
    let may_run = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&import, may_run).unwrap();
    let into = setup.path().join("imported");
    let environment = [
        ("IMPORT_INTO", &*into),
        ("SCHMIDT", Path::new("O0013000009SCHMIDT")),
        ("SCHMIDTS_PLACE", Path::new("127.0.0.1:1")),
        ("SCHMIDTS_TIME", Path::new("3h")),
        ("SCHMIDTS_SESSIONS", Path::new("3")),
    ];
    let server = Server::start_with(&setup.config(), &environment);
    let file = setup.write("ORDERS", "order");
    let file = file.to_str().unwrap();
    for gone in [
        "us.pem",
        "us.key",
        "them.pem",
        "other.pem",
        "known.wasm",
        "known.txt",
        "mueller.password",
        "schmidt.password",
    ] {
        std::fs::remove_file(setup.path().join(gone)).unwrap();
    }
    std::fs::rename(&import, setup.path().join("gone")).unwrap();
    for command in [
        &["status"][..],
        &["sessions"],
        &["policy", "list"],
        &["partners"],
        &["partners", "mueller"],
        &["send", file, "--to", "mueller", "--queue-only"],
        &["queue", "list"],
        &["transfers", "list"],
        &["transfers", "waiting"],
        &["verify-store"],
        &["policy", "swap", "known", newer.to_str().unwrap()],
    ] {
        let done = setup.pointsman(command);
        assert!(done.status.success(), "{command:?}: {}", said(&done));
    }
    assert!(component.exists(), "the swap mended it");
    all_in(
        &line(&partner(&setup, "mueller"), "certificate"),
        &["error", "them.pem", "No such file", "put the file there"],
    );
    // What a start or a call takes must be there, and what is not is told.
    std::fs::rename(setup.path().join("gone"), &import).unwrap();
    let missing = |command: &[&str], named: &[&str], unnamed: &[&str]| {
        let refused = setup.pointsman(command);
        assert_eq!(refused.status.code(), Some(1), "{command:?}");
        all_in(&said(&refused), named);
        for other in unnamed {
            assert!(!said(&refused).contains(other), "{}", said(&refused));
        }
    };
    let everything = [
        "us.pem",
        "us.key",
        "them.pem",
        "other.pem",
        "known.txt",
        "mueller.password",
        "schmidt.password",
        "IMPORT_INTO",
        "SCHMIDTS_PLACE",
        "SCHMIDTS_TIME",
        "SCHMIDTS_SESSIONS",
    ];
    missing(&["check"], &everything, &[]);
    missing(
        &["send", file, "--to", "mueller"],
        &["them.pem", "known.txt", "mueller.password", "IMPORT_INTO"],
        &["us.pem", "us.key", "other.pem", "schmidt", "SCHMIDT"],
    );
    assert_eq!(server.stop(), Some(0));
}

/// The operator's shell does not have what the server's unit has: a file must not go out under a code that nobody gave.
#[test]
fn a_file_is_queued_with_what_the_configuration_says_or_not_at_all() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    fixed_records: '${env:THEIR_RECORDS}'\n    names: '${env:THEIR_NAMES}'\n    sfids: ['${env:THEIR_CODE}']\n",
        "limits: {reserve: '${env:OUR_RESERVE}'}\n",
    );
    let file = setup.write("ORDERS", "order");
    let queue = || {
        setup.pointsman(&[
            "send",
            file.to_str().unwrap(),
            "--to",
            "mueller",
            "--queue-only",
        ])
    };
    let refused = queue();
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let named = ["THEIR_RECORDS", "THEIR_NAMES", "THEIR_CODE", "OUR_RESERVE"];
    all_in(&said(&refused), &named);
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let known = text
        .replace("${env:THEIR_RECORDS}", "lines")
        .replace("${env:THEIR_NAMES}", "strict")
        .replace("${env:THEIR_CODE}", "O0013000009THEM")
        .replace("${env:OUR_RESERVE}", "1MiB");
    setup.write("pointsman.yaml", known);
    let queued = queue();
    assert!(queued.status.success(), "{}", said(&queued));
    assert_eq!(setup.transfers().len(), 1, "and the first left nothing");
}

/// Files must not go in clear because the policy that would have them encrypted was not there.
#[test]
fn what_is_only_queued_needs_the_policies_that_are_asked_about_it_and_no_others() {
    let policies = "policies:\n  known:\n    component: known.wasm\n    settings: {partners: '${file:known.txt}'}\n";
    let setup = Setup::plain(policies);
    let file = setup.write("ORDERS", "order");
    let file = file.to_str().unwrap();
    let queue = || setup.pointsman(&["send", file, "--to", "mueller", "--queue-only"]);
    let refused = queue();
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    all_in(&said(&refused), &["known.wasm", "known.txt"]);
    setup.write("known.wasm", KNOWN_PARTNERS);
    all_in(&said(&queue()), &["known.txt"]);
    setup.write("known.txt", super::support::THEM);
    let queued = queue();
    assert!(queued.status.success(), "{}", said(&queued));
    // One that does not export the question is not asked, so nothing of it is needed.
    setup.write("known.wasm", super::support::guests::one_hook());
    std::fs::remove_file(setup.path().join("known.txt")).unwrap();
    let queued = queue();
    assert!(queued.status.success(), "{}", said(&queued));
    assert_eq!(setup.transfers().len(), 2);
}

/// The first command in a new place does not know whose the inbox is to be; what it made would be left as it is.
#[test]
fn what_is_only_queued_makes_no_inbox() {
    let setup = Setup::plain("delivery: {group: '${env:READERS_OF_FILES}', mode: '0660'}\n");
    let file = setup.write("ORDERS", "order");
    let send = ["send", file.to_str().unwrap(), "--to", "mueller"];
    let queued = setup.pointsman(&[&send[..], &["--queue-only"]].concat());
    assert!(queued.status.success(), "{}", said(&queued));
    assert!(!setup.inbox().exists(), "nobody asked for it");
    let refused = setup.pointsman(&send);
    assert_eq!(refused.status.code(), Some(1));
    all_in(&said(&refused), &["READERS_OF_FILES"]);
    assert!(!setup.inbox().exists());
    let group = rustix::process::getgid().as_raw().to_string();
    let server = Server::start_with(&setup.config(), &[("READERS_OF_FILES", Path::new(&group))]);
    assert!(setup.inbox().is_dir());
    assert_eq!(server.stop(), Some(0));
}
