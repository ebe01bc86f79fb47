//! What keeps a server from starting, as `check` and `serve` say it.

use super::*;

/// A way to break a start, and what is told of it.
type Broken = (&'static str, fn(&Setup), &'static [&'static str]);

fn with_state(setup: &Setup, name: &str, content: &str) {
    setup.write(&format!("state/{name}"), content);
}

fn with_folder(setup: &Setup, name: &str) {
    std::fs::create_dir_all(setup.path().join(name)).unwrap();
}

fn with_inbox(setup: &Setup, inbox: &str) {
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let moved = text.replace("inbox: inbox", &format!("inbox: {inbox}"));
    setup.write("pointsman.yaml", moved);
}

const BROKEN: &[Broken] = &[
    (
        "no listeners",
        |setup| with_listeners(setup, "  []\n"),
        &["the configuration has no listeners"],
    ),
    (
        "an address of another machine",
        |setup| with_listeners(setup, "  - address: 192.0.2.1:3305\n"),
        &["listeners[0]", "cannot listen on 192.0.2.1:3305"],
    ),
    (
        "one port twice",
        |setup| {
            let port = free_port();
            let both = format!("  - address: 0.0.0.0:{port}\n  - address: 127.0.0.1:{port}\n");
            with_listeners(setup, &both);
        },
        &["listeners[1]", "cannot listen on 127.0.0.1"],
    ),
    (
        "one port twice, once in the words of IPv6",
        |setup| {
            let port = free_port();
            let both = format!(
                "  - address: 127.0.0.1:{port}\n  - address: '[::ffff:127.0.0.1]:{port}'\n"
            );
            with_listeners(setup, &both);
        },
        &["listeners[1]", "cannot listen on [::ffff:127.0.0.1]"],
    ),
    (
        "the inbox is to be where the lock is",
        |setup| with_inbox(setup, "state/lock"),
        &["storage.inbox", "state/lock", "the server's own"],
    ),
    (
        "the inbox is to be where the ledger is",
        |setup| with_inbox(setup, "state/ledger.db"),
        &["storage.inbox", "state/ledger.db", "the server's own"],
    ),
    (
        "a partner's folder of the inbox is to be where the spool is",
        |setup| {
            setup.configure(
                "  - address: 127.0.0.1:0\n",
                "    inbox_folder: spool\n",
                "",
            );
            with_inbox(setup, "state");
        },
        &["storage.state", "under names that partners choose"],
    ),
    (
        "the state is a file",
        |setup| drop(setup.write("state", "x")),
        &["storage.state", "is not a folder"],
    ),
    (
        "the inbox is a file",
        |setup| drop(setup.write("inbox", "x")),
        &["storage.inbox", "is not a folder"],
    ),
    (
        "the spool is a file",
        |setup| with_state(setup, "spool", "x"),
        &["state/spool: this is not a folder"],
    ),
    (
        "a folder of the spool is a file",
        |setup| with_state(setup, "spool/sealed", "x"),
        &["state/spool/sealed: this is not a folder"],
    ),
    (
        "the ledger is a folder",
        |setup| with_folder(setup, "state/ledger.db"),
        &["state/ledger.db: this is not a file"],
    ),
    (
        "the ledger is no ledger",
        |setup| with_state(setup, "ledger.db", &"hello".repeat(1000)),
        &["state/ledger.db is no ledger", "store rebuild"],
    ),
    (
        "the ledger is a newer program's",
        |setup| {
            let mut header = b"SQLite format 3\0".to_vec();
            header.resize(4096, 0);
            header[63] = 200;
            with_state(setup, "ledger.db", "");
            setup.write("state/ledger.db", header);
        },
        &["state/ledger.db has schema 200", "use the newer program"],
    ),
    (
        "the ledger is gone",
        |setup| {
            setup.queue("ORDERS", "x", "mueller");
            for file in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
                let _ = std::fs::remove_file(setup.path().join("state").join(file));
            }
        },
        &["state/ledger.db is gone", "store rebuild"],
    ),
    (
        "the lock is a pipe",
        |setup| {
            with_folder(setup, "state");
            let made = Command::new("mkfifo")
                .arg(setup.path().join("state/lock"))
                .status();
            assert!(made.unwrap().success());
        },
        &["state/lock: this is not a file"],
    ),
    (
        "the lock is a folder",
        |setup| with_folder(setup, "state/lock"),
        &["state/lock: this is not a file"],
    ),
    (
        "the control socket is a folder",
        |setup| with_folder(setup, "state/control.sock"),
        &["state/control.sock: this is a folder"],
    ),
    (
        "a certificate that is none",
        |setup| {
            setup.write("us.pem", "hello");
            setup.write("us.key", "hello");
            with_listeners(setup, TLS);
        },
        &[
            "listeners[0].tls",
            "us.pem: it is no store of keys or certificates",
        ],
    ),
    (
        "a key that does not fit",
        |setup| {
            openssl_certificate(setup.path(), "us");
            openssl_certificate(setup.path(), "them");
            std::fs::copy(setup.path().join("them.key"), setup.path().join("us.key")).unwrap();
            with_listeners(setup, TLS);
        },
        &["listeners[0].tls", "us.key"],
    ),
    (
        "a component that is none",
        |setup| {
            setup.write("policy.wasm", "hello");
            setup.configure(
                "  - address: 127.0.0.1:0\n",
                "",
                "policies:\n  bad: {component: policy.wasm}\n",
            );
        },
        &["policy `bad`", "not WebAssembly"],
    ),
];

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// Everything below the folder: its name, kind and permissions, and when it was changed.
fn everything_below(folder: &Path) -> Vec<String> {
    let listed = Command::new("find")
        .arg(folder)
        .args(["-printf", "%P %y %m %U %C@\n"])
        .output()
        .unwrap();
    assert!(listed.status.success());
    let mut lines: Vec<String> = said(&listed).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn check_refuses_what_serve_refuses(setup: &Setup, what: &str, words: &[&str]) {
    let before = everything_below(setup.path());
    let checked = setup.pointsman(&["check"]);
    assert_eq!(everything_below(setup.path()), before, "{what}: check");
    assert_eq!(checked.status.code(), Some(1), "{what}: {}", said(&checked));
    all_in(&said(&checked), words);
    let served = setup.pointsman(&["serve"]);
    assert_eq!(served.status.code(), Some(1), "{what}: {}", said(&served));
    all_in(&said(&served), words);
}

#[test]
fn check_refuses_what_serve_refuses_and_changes_nothing() {
    for (what, spoil, words) in BROKEN {
        let setup = Setup::plain("");
        spoil(&setup);
        check_refuses_what_serve_refuses(&setup, what, words);
    }
}

#[test]
fn check_refuses_what_serve_refuses_of_the_machine() {
    let setup = Setup::plain("");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    with_listeners(&setup, &format!("  - address: {address}\n"));
    let words = [&*format!("cannot listen on {address}"), "listeners[0]"];
    check_refuses_what_serve_refuses(&setup, "a port that is taken", &words);

    if let Some(apart) = other_file_system() {
        let setup = Setup::plain("");
        with_inbox(&setup, &format!("{}/in", apart.path().display()));
        let words = ["lie on different file systems", "storage.inbox"];
        check_refuses_what_serve_refuses(&setup, "two file systems", &words);
    }

    let setup = Setup::plain("");
    setup.queue("ORDERS", "x", "mueller");
    let state = setup.path().join("state");
    if std::os::unix::fs::chown(&state, Some(1), Some(1)).is_err() {
        println!("not tried: only root gives folders away");
        return;
    }
    let words = ["storage.state", "belongs to user 1", "run it as user 1"];
    check_refuses_what_serve_refuses(&setup, "a state of another user", &words);
}

#[test]
fn who_may_not_enter_the_state_is_told_whose_it_is() {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    let setup = Setup::plain("");
    setup.queue("ORDERS", "x", "mueller");
    if chown(setup.path().join("state"), Some(1), Some(1)).is_err() {
        println!("not tried: only root gives folders away");
        return;
    }
    let passable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(setup.path(), passable).unwrap();
    for command in [
        &["store", "rebuild"][..],
        &["store", "describe"],
        &["check"],
    ] {
        let asked = Command::new("setpriv")
            .args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                POINTSMAN,
            ])
            .args(command)
            .arg("-c")
            .arg(setup.config())
            .output()
            .unwrap();
        assert_eq!(
            asked.status.code(),
            Some(1),
            "{command:?}: {}",
            said(&asked)
        );
        all_in(&said(&asked), &["run", "as user 1"]);
    }
}

/// SQLite asks for the ledger by its whole path, however the path in the configuration is written.
#[test]
fn a_ledger_whose_whole_path_the_user_may_not_go_is_refused_by_check_and_serve() {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    let setup = Setup::plain("");
    let inner = setup.path().join("closed/inner");
    std::fs::create_dir_all(inner.join("state")).unwrap();
    std::fs::copy(setup.config(), inner.join("pointsman.yaml")).unwrap();
    setup.write("closed/inner/state/ledger.db", "");
    for path in ["", "state", "state/ledger.db"] {
        if chown(inner.join(path), Some(65534), Some(65534)).is_err() {
            println!("not tried: only root gives folders away");
            return;
        }
    }
    for (folder, mode) in [("", 0o755), ("closed", 0o700)] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(setup.path().join(folder), mode).unwrap();
    }
    // The program itself may lie where the user may not go.
    let program = setup.path().join("program");
    std::fs::copy(POINTSMAN, &program).unwrap();
    for command in ["check", "serve"] {
        let asked = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .args(["timeout", "60"])
            .arg(&program)
            .arg(command)
            .current_dir(&inner)
            .output()
            .unwrap();
        let told = said(&asked);
        assert_eq!(asked.status.code(), Some(1), "{command}: {told}");
        all_in(
            &told,
            &[
                "state cannot be looked at: Permission denied",
                "enter the folders on the way",
            ],
        );
    }
}

#[test]
fn check_beside_a_server_finds_nothing_and_disturbs_nothing() {
    let setup = Setup::plain("");
    let server = setup.serve();
    with_listeners(&setup, &format!("  - address: {}\n", server.address()));
    let checked = setup.pointsman(&["check"]);
    assert!(checked.status.success(), "{}", said(&checked));
    all_in(&told(&setup, &["status"]), &["sessions: 0"]);
    assert!(!server.log().contains("control-broken"), "{}", server.log());
    assert_eq!(server.stop(), Some(0));
}

/// With what the next start is to come into force, so that the restart is no outage.
#[test]
fn check_beside_a_server_refuses_listeners_that_its_next_start_would_not_get() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let ours = format!("  - address: {}\n", server.address());
    let port = free_port();
    for (more, word) in [
        ("  - address: 192.0.2.1:3305\n".to_owned(), "192.0.2.1:3305"),
        (
            format!("  - address: 127.0.0.1:{port}\n  - address: 0.0.0.0:{port}\n"),
            "beside 127.0.0.1",
        ),
        (
            format!("  - address: 0.0.0.0:{}\n", server.address().port()),
            "beside 127.0.0.1",
        ),
    ] {
        with_listeners(&setup, &format!("{ours}{more}"));
        let checked = setup.pointsman(&["check"]);
        assert_eq!(checked.status.code(), Some(1), "{more}: {}", said(&checked));
        all_in(&said(&checked), &["cannot listen on", word]);
    }
    assert_eq!(server.stop(), Some(0));
}

/// A server runs without it, since whoever may write into the folder could put it there.
#[test]
fn check_names_a_watched_folder_in_which_something_else_is_in_the_way() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    watch: [{folder: out}]\n",
        "",
    );
    setup.write("out/.taken", "a file");
    let checked = setup.pointsman(&["check"]);
    assert_eq!(checked.status.code(), Some(1));
    let words = ["out/.taken: this is not a folder"];
    all_in(&said(&checked), &words);
    let server = setup.serve();
    all_in(&server.await_log(&["folder-unusable"]), &words);
    let told = partner(&setup, "mueller");
    all_in(&line(&told, "not watched"), &["watch[0].folder", words[0]]);
    let all = told_as_json(&setup, &["partners"]).to_string();
    all_in(&all, &["not_watched", words[0]]);
    std::fs::remove_file(setup.path().join("out/.taken")).unwrap();
    server.await_log(&["folder-usable"]);
    assert!(!partner(&setup, "mueller").contains("not watched"));
}
