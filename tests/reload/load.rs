//! Reload after reload, while sessions come and go.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;
use crate::support::amount;
use crate::support::guests::{terms, trapping};

/// The number of the first plan that is loaded while sessions run.
const FIRST: u64 = 11;

/// Sessions end when this does: at the end of the reloads, and where one of them fails the test.
struct EndsSessions<'a>(&'a AtomicBool);

impl Drop for EndsSessions<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The number of a plan is the credit that we offer, part of the name that its files get, and the folder that its
/// policy chooses for them.
fn numbered(setup: &Setup, number: u64) {
    setup.configure(PLAIN, &of_partner(number), &of_policy(number, "terms.wasm"));
}

fn of_partner(number: u64) -> String {
    format!(
        "    session: {{credit: {number}}}\n    delivery: {{name: '%VirtualFileName%-{number}'}}\n"
    )
}

fn of_policy(number: u64, component: &str) -> String {
    format!(
        "policies:\n  route:\n    component: {component}\n    hooks: [accept-file]\n    settings: {{file-directory: '{number}'}}\n"
    )
}

/// A numbered plan with a mistake of this kind, of which each is found later than the one before: as the text is read, by
/// the files that are named, when the component is started, when the listener is bound. Gives what the log says of it.
fn broken(setup: &Setup, number: u64, kind: u64, taken: SocketAddr) -> &'static str {
    let (mut listeners, mut partner) = (PLAIN.to_owned(), of_partner(number));
    let mut policy = of_policy(number, "terms.wasm");
    let reason = match kind % 4 {
        0 => {
            policy += "limits: {sesions: 5}\n";
            "did you mean `sessions`"
        }
        1 => {
            partner += "    certificate: missing.pem\n";
            "partners.mueller.certificate"
        }
        2 => {
            policy = of_policy(number, "traps.wasm");
            "does not start"
        }
        _ => {
            listeners += &format!("  - address: {taken}\n");
            "in use"
        }
    };
    setup.configure(&listeners, &partner, &policy);
    reason
}

/// Has the server read a broken file, and waits until it has refused it for that reason.
fn refused(server: &Server, reason: &str) {
    let before = server.log_length();
    server.signal(Signal::HUP);
    let refusal = eventually("the broken configuration is refused", || {
        let log = server.log_from(before);
        let mut lines = log.lines();
        let refusal = lines.find(|line| line.contains("configuration-refused"));
        refusal.map(str::to_owned)
    });
    assert!(refusal.contains(reason), "{reason} is not in: {refusal}");
}

/// One session after the other until the end, each with a file; gives how many there were.
fn sessions_until(end: &AtomicBool, files: &AtomicU64, address: SocketAddr) -> u64 {
    let mut held = 0;
    while !end.load(Ordering::Relaxed) {
        let mut peer = Peer::connect(address);
        let ssid = Ssid {
            credit: 999,
            ..Ssid::default()
        };
        peer.say(ssid.octets());
        let ours = String::from_utf8(peer.hear()).unwrap();
        assert!(ours.starts_with('X'), "{ours}");
        let credit: u64 = ours[44..47].parse().unwrap();
        let number = files.fetch_add(1, Ordering::Relaxed);
        peer.send(&VirtualFile::new(
            &format!("FILE{number}.{credit}"),
            "content",
        ));
        held += 1;
    }
    held
}

/// Reloads one numbered plan after the other; each third one is broken, and the server itself refuses it.
fn reload_again_and_again(setup: &Setup, server: &Server, reloads: u64) {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for reload in 0..reloads {
        let number = FIRST + reload % 900;
        if is_broken(number) {
            let reason = broken(setup, number, reload / 3, address);
            refused(server, reason);
        } else {
            numbered(setup, number);
            reloaded(setup);
        }
    }
}

fn is_broken(number: u64) -> bool {
    number >= FIRST && (number - FIRST) % 3 == 2
}

/// Reloads while sessions run. Gives the files that are not of one plan alone that was in force, and how many there are.
fn files_of_two_plans(environment: &[(&str, &Path)]) -> (Vec<String>, usize) {
    let reloads = amount("POINTSMAN_RELOADS", 45);
    let sessions = amount("POINTSMAN_RELOAD_SESSIONS", 8);
    let setup = Setup::plain("");
    setup.write("terms.wasm", terms());
    setup.write("traps.wasm", trapping());
    numbered(&setup, FIRST - 1);
    let server = Server::start_with(&setup.config(), environment);
    let (end, files) = (AtomicBool::new(false), AtomicU64::new(0));
    let address = server.address();
    let held: u64 = std::thread::scope(|scope| {
        let running: Vec<_> = (0..sessions)
            .map(|_| scope.spawn(|| sessions_until(&end, &files, address)))
            .collect();
        let sessions_end = EndsSessions(&end);
        reload_again_and_again(&setup, &server, reloads);
        drop(sessions_end);
        running.into_iter().map(|one| one.join().unwrap()).sum()
    });
    let refused = server.log().matches("configuration-refused").count();
    assert_eq!(refused as u64, reloads / 3);
    let mut delivered = setup.await_delivered(usize::try_from(held).unwrap());
    let files = delivered.len();
    assert!(files as u64 == held && held > 0);
    assert_eq!(server.stop(), Some(0));
    delivered.retain(|path| !is_of_one_plan(path));
    (delivered, files)
}

/// `12/FILE7.12-12`: what the policy said, and what SSID said, is what the delivery did.
fn is_of_one_plan(path: &str) -> bool {
    let (folder, name) = path.split_once('/').unwrap();
    let (file, plan) = name.rsplit_once('-').unwrap();
    let credit = file.rsplit_once('.').unwrap().1;
    folder == plan && credit == plan && !is_broken(plan.parse().unwrap())
}

#[test]
fn no_session_fails_for_a_reload_and_none_sees_two_plans() {
    let (mixed, files) = files_of_two_plans(&[]);
    println!("{files} files");
    assert_eq!(mixed, Vec::<String>::new());
}

/// What this test is worth: a session that reads the plan in force once more, in the place of its own, is found.
#[cfg(feature = "planted")]
#[test]
fn under_load_a_session_that_reads_the_plan_again_is_found() {
    let mistake = Path::new("plan-read-again");
    let (mixed, files) = files_of_two_plans(&[("POINTSMAN_PLANTED", mistake)]);
    println!("{} of {files} files are of two plans", mixed.len());
    assert!(!mixed.is_empty());
}
