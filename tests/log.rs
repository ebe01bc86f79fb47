//! What the log says, and that it cannot hurt.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::fs::{File, OpenOptions, Permissions};
use std::io::{Read, Write, pipe};
use std::net::TcpStream;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pointsman::KNOWN_PARTNERS;
use rustix::fs::{CWD, FileType, Mode, OFlags};
use serde_json::Value;
use support::guests::misbehaving;
use support::peer::{
    Called, Peer, Ssid, VirtualFile, data_buffers, eerp, efid, esid, release, take_file,
};
use support::{POINTSMAN, Server, Setup, THEIRS, THEM, US, eventually, openssl_certificate};

/// A station whose partner calls, is called, and gets what lies in a watched folder.
struct Business {
    setup: Setup,
    partner: Called,
}

impl Business {
    fn new() -> Self {
        let partner = Called::new();
        let profile = format!(
            "    address: {}\n    watch:\n      - folder: out\n        quiet: 50ms\n",
            partner.address()
        );
        let setup = Setup::with_listeners("  - address: 127.0.0.1:0\n", &profile, "");
        std::fs::create_dir(setup.path().join("out")).unwrap();
        Self { setup, partner }
    }

    /// A file comes in and is delivered; another is taken from the watched folder, and the partner is called for it.
    fn works(&self, server: &Server, name: &str) {
        let before = self.setup.delivered().len();
        Peer::session(server.address()).send(&VirtualFile::new(name, "received"));
        self.setup.await_delivered(before + 1);
        self.setup.write(&format!("out/{name}"), "sent");
        // A call may be for the receipt alone.
        while !self.is_called_for_a_file() {}
    }

    fn is_called_for_a_file(&self) -> bool {
        let mut called = self.partner.greet_as(US, THEM, THEIRS);
        let mut came = false;
        loop {
            match called.hear()[0] {
                b'H' => {
                    called.say(b"200000000000000000");
                    while called.hear()[0] == b'D' {}
                    called.say(b"4N");
                    came = true;
                }
                b'E' => called.say(b"P"),
                b'R' => {
                    called.say(esid());
                    return came;
                }
                b'F' => return came,
                other => panic!("a file, a receipt or the end, not {:?}", other as char),
            }
        }
    }

    fn status(&self) -> String {
        let status = self.setup.pointsman(&["status"]);
        assert!(status.status.success(), "{status:?}");
        String::from_utf8(status.stdout).unwrap()
    }
}

/// A pipe that takes no more.
fn full_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    rustix::fs::fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
    while writer.write(&[b'-'; 4096]).is_ok() {}
    while writer.write(b"-").is_ok() {}
    rustix::fs::fcntl_setfl(&writer, OFlags::empty()).unwrap();
    (reader, writer)
}

#[test]
fn a_full_disk_of_the_log_costs_nothing_but_lines() {
    let business = Business::new();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let server = Server::logging_to(&business.setup.config(), full);
    business.works(&server, "FIRST");
    business.works(&server, "SECOND");
    let status = business.status();
    assert!(status.contains("No space left"), "{status}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_reader_of_the_log_that_is_gone_costs_nothing_but_lines() {
    let business = Business::new();
    let (reader, writer) = pipe().unwrap();
    let server = Server::logging_to(&business.setup.config(), writer);
    drop(reader);
    business.works(&server, "FIRST");
    business.works(&server, "SECOND");
    let status = business.status();
    assert!(status.contains("Broken pipe"), "{status}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_reader_of_the_log_that_is_stuck_costs_nothing_but_lines() {
    let business = Business::new();
    let (reader, writer) = full_pipe();
    let server = Server::logging_to(&business.setup.config(), writer);
    business.works(&server, "FIRST");
    business.works(&server, "SECOND");
    eventually("the status tells it", || {
        business.status().contains("nobody reads it").then_some(())
    });
    assert_eq!(server.stop(), Some(0));
    drop(reader);
}

#[test]
fn a_reader_of_the_log_that_was_stuck_for_a_moment_gets_everything() {
    let business = Business::new();
    let (mut reader, writer) = full_pipe();
    let server = Server::logging_to(&business.setup.config(), writer);
    business.works(&server, "MEANWHILE");
    let mut log = Vec::new();
    while !String::from_utf8_lossy(&log).contains("event=\"file-sent\"") {
        let mut piece = [0; 4096];
        let count = reader.read(&mut piece).unwrap();
        log.extend_from_slice(&piece[..count]);
    }
    let log = String::from_utf8_lossy(&log).into_owned();
    for event in [
        "listening",
        "file-received",
        "file-delivered",
        "file-queued",
    ] {
        assert!(
            log.contains(&format!("event=\"{event}\"")),
            "{event}: {log}"
        );
    }
}

/// A reader that comes back, as a logger that is started again at the same named pipe.
#[test]
fn a_reader_of_the_log_that_was_gone_for_a_moment_gets_what_was_kept() {
    let business = Business::new();
    let path = business.setup.path().join("log.fifo");
    rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let reader = || {
        let mut options = OpenOptions::new();
        let nonblocking = OFlags::NONBLOCK.bits() as i32;
        options
            .read(true)
            .custom_flags(nonblocking)
            .open(&path)
            .unwrap()
    };
    let first = reader();
    let writer = OpenOptions::new().write(true).open(&path).unwrap();
    let server = Server::logging_to(&business.setup.config(), writer);
    drop(first);
    business.works(&server, "MEANWHILE");
    eventually("the log is known to be broken", || {
        business.status().contains("Broken pipe").then_some(())
    });
    let mut second = reader();
    let mut log = Vec::new();
    eventually("what happened meanwhile is in the log", || {
        let _ = second.read_to_end(&mut log);
        let log = String::from_utf8_lossy(&log);
        log.contains("event=\"file-sent\"").then_some(())
    });
    business.works(&server, "AFTERWARDS");
    assert!(!business.status().contains("cannot be written"));
}

#[test]
fn a_log_in_a_file_has_no_colours() {
    let setup = Setup::plain("");
    let path = setup.path().join("server.log");
    let server = Server::logging_to(&setup.config(), File::create(&path).unwrap());
    let mut peer = Peer::session(server.address());
    peer.say(b"F00000\r");
    let log = eventually("the session's end is found by its name", || {
        let log = std::fs::read_to_string(&path).unwrap();
        log.contains("event=\"session-ended\"").then_some(log)
    });
    assert!(!log.contains('\u{1b}'), "{log:?}");
}

/// The first line of the log with this event.
fn line(server: &Server, event: &str) -> Value {
    let line = server.await_log(&[&format!("\"event\":\"{event}\"")]);
    serde_json::from_str(&line).unwrap()
}

/// The texts in these fields of a line; every line has a code, a level, a time and a message beside them.
fn fields(line: &Value, names: &[&str]) -> Vec<String> {
    let text = |name: &&str| match line[*name].as_str() {
        Some(text) => text.to_owned(),
        None => panic!("no {name} in {line}"),
    };
    ["code", "level", "time", "message"]
        .iter()
        .for_each(|name| {
            text(name);
        });
    names.iter().map(text).collect()
}

#[test]
fn a_file_is_followed_by_the_fields_of_its_lines() {
    let business = Business::new();
    let server = business.setup.serve();
    business.works(&server, "ORDERS");
    let connected = line(&server, "connected");
    let [session, partner, remote] = fields(&connected, &["session", "partner", "remote"])
        .try_into()
        .unwrap();
    assert_eq!(partner, "mueller");
    assert!(remote.starts_with("127.0.0.1:"), "{remote}");
    assert_eq!(connected["code"], "SES-005");

    let received = line(&server, "file-received");
    let names = ["session", "partner", "remote", "transfer", "file"];
    let [in_session, of, from, transfer, file] = fields(&received, &names).try_into().unwrap();
    assert_eq!([&in_session, &of, &from], [&session, &partner, &remote]);
    assert!(file.starts_with("ORDERS"), "{file}");
    assert_eq!(received["octets"], 8);
    let delivered = line(&server, "file-delivered");
    let names = ["partner", "transfer", "file", "path"];
    let [of, id, name, path] = fields(&delivered, &names).try_into().unwrap();
    assert_eq!([of, id, name], [partner.clone(), transfer, file]);
    assert!(path.contains("ORDERS"), "{path}");

    let queued = line(&server, "file-queued");
    let sent = line(&server, "file-sent");
    let names = ["session", "partner", "remote", "transfer", "file"];
    let [_, to, at, transfer, _] = fields(&sent, &names).try_into().unwrap();
    assert_eq!([to, at], [partner, business.partner.address()]);
    assert_eq!(fields(&queued, &["transfer"]), [transfer]);

    let log = server.log();
    for line in log.lines() {
        fields(&serde_json::from_str(line).unwrap(), &["event"]);
    }
}

#[test]
fn a_partner_with_a_wrong_password_is_named_and_so_is_its_address() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut peer = Peer::connect(server.address());
    let ssid = Ssid {
        password: "GUESSED".to_owned(),
        ..Ssid::default()
    };
    peer.say(ssid.octets());
    assert_eq!(peer.hear_esid(), "04");
    drop(peer);
    let refused = line(&server, "connection-refused");
    let names = ["session", "claims", "remote", "ssid", "reason"];
    let [session, claims, remote, ssid, reason] = fields(&refused, &names).try_into().unwrap();
    assert_eq!([claims.as_str(), ssid.as_str()], ["mueller", THEM]);
    assert!(remote.starts_with("127.0.0.1:"), "{remote}");
    assert!(reason.starts_with("ESID 04"), "{reason}");
    assert_eq!(
        refused["partner"],
        Value::Null,
        "it has not shown who it is"
    );
    let ended = line(&server, "session-ended");
    let names = ["session", "claims", "remote"];
    assert_eq!(fields(&ended, &names), [session, claims, remote.clone()]);
    let message = ended["message"].as_str().unwrap();
    assert!(
        message.contains(&remote) && message.contains("claims to be mueller"),
        "{message}"
    );
    assert!(!message.contains("unknown caller"), "{message}");
}

#[test]
fn status_says_who_is_here_and_from_where() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let _peer = Peer::session(server.address());
    let connected = line(&server, "connected");
    let [session, remote] = fields(&connected, &["session", "remote"])
        .try_into()
        .unwrap();
    let status = setup.pointsman(&["status"]);
    let status = String::from_utf8(status.stdout).unwrap();
    let here = status.lines().find(|line| line.contains(&session)).unwrap();
    assert!(
        here.contains("mueller") && here.contains(&remote),
        "{status}"
    );
}

#[test]
fn a_receipt_that_waits_for_an_operator_is_a_warning_with_its_file() {
    let setup = Setup::plain("delivery:\n  command: [take.sh]\n  command_tries: 1\n");
    let script = setup.write("take.sh", "#!/bin/sh\nexit 75\n");
    std::fs::set_permissions(script, Permissions::from_mode(0o755)).unwrap();
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("WAITS", "x"));
    let waits = line(&server, "receipt-waits");
    let names = ["level", "partner", "file", "transfer", "reason"];
    let [level, partner, file, transfer, reason] = fields(&waits, &names).try_into().unwrap();
    assert_eq!([level.as_str(), partner.as_str()], ["WARN", "mueller"]);
    assert!(file.starts_with("WAITS"), "{file}");
    assert!(reason.contains("hand-over"), "{reason}");
    let received = line(&server, "file-received");
    assert_eq!(fields(&received, &["transfer"]), [transfer]);
    assert_eq!(
        waits["session"],
        Value::Null,
        "no session of that name is anywhere else"
    );
}

#[test]
fn what_repeats_itself_is_counted() {
    let setup = Setup::plain("limits:\n  log_repeats: 5\n");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let file = VirtualFile::new("AGAIN", "x");
    peer.send(&file);
    for _ in 0..30 {
        assert!(peer.offer(&file).starts_with(b"313"), "a duplicate");
    }
    peer.say(esid());
    server.await_log(&["session-ended"]);
    server.ask_to_stop();
    let counted = server.await_log(&["file-refused", "\"repeated\":25"]);
    let counted: Value = serde_json::from_str(&counted).unwrap();
    let [partner, remote, _since] = fields(&counted, &["partner", "remote", "since"])
        .try_into()
        .unwrap();
    assert_eq!(
        [partner.as_str(), remote.as_str()],
        ["mueller", "127.0.0.1"]
    );
    let log = server.log();
    assert_eq!(log.matches("\"file-refused\"").count(), 5 + 1);
    assert!(log.contains("\"file-received\""));
}

/// A station with a second partner and these policies, of which each event is written twice for each partner.
fn with_another_partner(policies: &str) -> Setup {
    Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        &format!("  schmidt:\n    ssid: {SCHMIDT}\n    password: SECOND\n"),
        &format!("limits: {{log_repeats: 2}}\npolicies:\n{policies}"),
    )
}

const SCHMIDT: &str = "O0013000009SCHMIDT";

/// Its call, not greeted yet.
fn call_of_schmidt(server: &Server, password: &str) -> Peer<TcpStream> {
    let mut peer = Peer::connect(server.address());
    let ssid = Ssid {
        code: SCHMIDT.to_owned(),
        password: password.to_owned(),
        ..Ssid::default()
    };
    peer.say(ssid.octets());
    peer
}

#[test]
fn what_policies_fail_at_for_one_partner_hides_nothing_of_another() {
    let setup = with_another_partner("  bad:\n    component: bad.wasm\n    hooks: [accept-file]\n");
    setup.write("bad.wasm", misbehaving());
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let file = VirtualFile::new("TRAP", "x");
    for _ in 0..10 {
        assert_eq!(peer.offer(&file)[0], b'3', "SFNA");
    }
    let mut schmidt = call_of_schmidt(&server, "SECOND");
    assert_eq!(schmidt.hear()[0], b'X', "SSID");
    let file = VirtualFile {
        originator: SCHMIDT.to_owned(),
        ..file
    };
    assert_eq!(schmidt.offer(&file)[0], b'3', "SFNA");
    for event in ["policy-says", "policy-failed"] {
        let line = server.await_log(&[&format!("{event:?}"), "\"partner\":\"schmidt\""]);
        let line: Value = serde_json::from_str(&line).unwrap();
        let told = fields(&line, &["policy", "session", "remote"]);
        assert!(told[2].starts_with("127.0.0.1:"), "{told:?}");
    }
    server.ask_to_stop();
    server.await_log(&["policy-failed", "\"repeated\":8", "mueller", "bad"]);
}

#[test]
fn what_policies_decide_of_one_partner_or_a_stranger_hides_nothing_of_another() {
    let setup = with_another_partner(&format!(
        "  known:\n    component: known.wasm\n    hooks: [accept-connection]\n    asked_about_strangers: true\n    settings: {{partners: {THEM}}}\n"
    ));
    setup.write("known.wasm", KNOWN_PARTNERS);
    let server = setup.serve();
    // A stranger that gives the code of a partner is not taken for it.
    for _ in 0..3 {
        let refused = call_of_schmidt(&server, "GUESSED").hear();
        assert_eq!(refused[0], b'F', "ESID");
    }
    for _ in 0..3 {
        Peer::session(server.address());
    }
    let refused = call_of_schmidt(&server, "SECOND").hear();
    assert_eq!(refused[0], b'F', "ESID");
    let decided = ["policy-decided", "\"partner\":\"schmidt\"", "refused"];
    let line: Value = serde_json::from_str(&server.await_log(&decided)).unwrap();
    fields(&line, &["policy", "session", "remote"]);
    assert_eq!(line["claims"], Value::Null);
    let claims = server.await_log(&["policy-decided", "\"claims\":\"schmidt\""]);
    assert!(!claims.contains("\"partner\""), "{claims}");
}

#[test]
fn receipts_and_refused_ends_that_come_again_and_again_are_counted_and_slowed_down() {
    let setup = Setup::plain("limits:\n  log_repeats: 5\n  refusals_per_second: 10\n");
    let server = setup.serve();
    let file = setup.write("ORDER", "octets");
    let queue = [
        "send",
        file.to_str().unwrap(),
        "--to",
        "mueller",
        "--queue-only",
    ];
    assert!(setup.pointsman(&queue).status.success());
    let mut peer = Peer::session(server.address());
    peer.say(b"R");
    let sfid = take_file(&mut peer);
    assert_eq!(peer.hear(), b"R", "CD");
    let began = Instant::now();
    for _ in 0..31 {
        peer.say(eerp(&sfid));
        assert_eq!(peer.hear(), b"P", "RTR");
    }
    // The first one is news. Of the others twenty go in advance.
    let took = began.elapsed();
    assert!(took > Duration::from_millis(500), "{took:?}");

    let half = VirtualFile::new("HALF", "x");
    let began = Instant::now();
    for _ in 0..10 {
        assert_eq!(peer.offer(&half)[0], b'2', "SFPA");
        peer.say(&data_buffers(&half.content)[0]);
        peer.say(efid(999));
        assert_eq!(peer.hear()[0], b'5', "EFNA");
    }
    let took = began.elapsed();
    assert!(took > Duration::from_millis(500), "{took:?}");
    peer.say(esid());
    server.await_log(&["session-ended"]);
    server.ask_to_stop();
    server.await_log(&["receipt-repeated", "\"repeated\":25"]);
    let log = server.log();
    assert_eq!(log.matches("\"receipt-received\"").count(), 1);
    assert_eq!(log.matches("\"receipt-repeated\"").count(), 5 + 1);
}

/// As a load balancer or a monitor does every few seconds.
#[test]
fn a_probe_that_hangs_up_is_no_warning() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n  - address: 127.0.0.1:0\n    tls:\n      certificate: us.pem\n      key: us.key\n",
        "",
        "",
    );
    openssl_certificate(setup.path(), "us");
    let server = Server::start_with(&setup.config(), &[("RUST_LOG", Path::new("debug"))]);
    for address in &server.addresses {
        drop(TcpStream::connect(address).unwrap());
    }
    let mut greeted = TcpStream::connect(server.address()).unwrap();
    greeted.read_exact(&mut [0; 23]).unwrap();
    drop(greeted);
    eventually("they are noticed", || {
        let left = server.log().matches("\"caller-left\"").count();
        (left == 3).then_some(())
    });
    // Who said something that is no TLS is another matter.
    let mut plain = TcpStream::connect(server.addresses[1]).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    server.await_log(&["tls-refused", "WARN"]);
    let log = server.log();
    assert_eq!(log.matches("\"tls-refused\"").count(), 1, "{log}");
    assert!(!log.contains("\"session-ended\""), "{log}");
}

#[test]
fn what_a_partner_writes_paints_nowhere() {
    let business = Business::new();
    let server = business.setup.serve();
    business.setup.write("out/ORDERS", "sent");
    let mut called = business.partner.greet_as(US, THEM, THEIRS);
    assert_eq!(called.hear()[0], b'H');
    let text = "no\u{1b}[2J\r\nFORGED\u{9b}31m\u{202e}\u{2028}";
    called.say(format!("303N{:03}{text}", text.len()));
    release(&mut called);
    let line = server.await_log(&["send-refused", "SFNA 03"]);
    assert!(line.contains("FORGED"), "{line}");
    let row = business.setup.transfers().remove(0);
    let id = row.split_whitespace().next().unwrap();
    let mut printed = line;
    let commands: &[&[&str]] = &[
        &["transfers", "show", id],
        &["transfers", "show", id, "--json"],
        &["transfers", "list"],
        &["transfers", "waiting"],
        &["transfers", "waiting", "--json"],
        &["queue", "list"],
        &["queue", "list", "--json"],
        &["partners"],
        &["partners", "--json"],
    ];
    for command in commands {
        let output = business.setup.pointsman(command);
        printed += &String::from_utf8(output.stdout).unwrap();
        printed += &String::from_utf8(output.stderr).unwrap();
    }
    let paints = |c: char| c.is_control() && c != '\n' || ['\u{202e}', '\u{2028}'].contains(&c);
    assert!(!printed.contains(paints), "{printed:?}");
    let forged = printed.lines().filter(|line| line.starts_with("FORGED"));
    assert_eq!(forged.count(), 0, "{printed}");
    let shown = printed.matches("FORGED").count();
    assert!(shown > 3, "it is shown, and on its line: {printed}");
}

/// What a command prints, to a reader that is gone or a disk that is full.
fn printed_to(setup: &Setup, command: &[&str], stdout: impl Into<Stdio>) -> (Option<i32>, String) {
    let ended = Command::new(POINTSMAN)
        .args(command)
        .arg("-c")
        .arg(setup.config())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    (
        ended.status.code(),
        String::from_utf8_lossy(&ended.stderr).into_owned(),
    )
}

#[test]
fn a_reader_that_has_seen_enough_ends_no_command_with_a_fright() {
    let setup = Setup::plain("");
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("SEEN", "x"));
    setup.await_delivered(1);
    let row = setup.transfers().remove(0);
    let id = row.split_whitespace().next().unwrap();
    let commands: &[&[&str]] = &[
        &["transfers", "list"],
        &["transfers", "list", "--json"],
        &["transfers", "show", id],
        &["transfers", "show", id, "--json"],
        &["queue", "list"],
        &["queue", "list", "--json"],
        &["verify-store"],
        &["verify-store", "--json"],
        &["check"],
        &["status"],
        &["status", "--json"],
        &["sessions"],
        &["partners"],
        &["policy", "list"],
    ];
    for command in commands {
        let (reader, gone) = pipe().unwrap();
        drop(reader);
        let (code, said) = printed_to(&setup, command, gone);
        assert_eq!((code, said.as_str()), (Some(0), ""), "{command:?}");
    }
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (code, said) = printed_to(&setup, &["transfers", "list"], full);
    assert_eq!(code, Some(1));
    assert!(said.contains("No space left"), "{said}");
}

#[test]
fn a_server_whose_standard_output_is_gone_starts_and_serves() {
    let setup = Setup::plain("");
    let address = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap()
    };
    setup.configure(&format!("  - address: {address}\n"), "", "");
    let (reader, gone) = pipe().unwrap();
    drop(reader);
    let mut server = Command::new(POINTSMAN)
        .args(["serve", "-c"])
        .arg(setup.config())
        .stdout(gone)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("it answers", || std::net::TcpStream::connect(address).ok());
    Peer::session(address).send(&VirtualFile::new("TAKEN", "x"));
    setup.await_delivered(1);
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn a_server_whose_standard_output_is_stuck_ends_when_it_is_asked_to() {
    let setup = Setup::plain("");
    let address = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap()
    };
    setup.configure(&format!("  - address: {address}\n"), "", "");
    let (_reader, stuck) = full_pipe();
    let mut server = Command::new(POINTSMAN)
        .args(["serve", "-c"])
        .arg(setup.config())
        .stdout(stuck)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("it answers", || std::net::TcpStream::connect(address).ok());
    let pid = rustix::process::Pid::from_child(&server);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let ended = eventually("it ends", || server.try_wait().unwrap());
    assert!(ended.success(), "{ended}");
}
