//! The attacks. Each continues until the target is told that it is over.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Scope;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use crate::bench::partner::peer::{Ssid, VirtualFile, framed};
use crate::bench::served::{OURS, THEIRS, THEM, US};

/// Whom an attack is against.
pub struct Victim {
    pub address: SocketAddr,
    /// Where the attackers call from.
    pub from: Ipv4Addr,
    /// What the attackers did so far: connections, or files offered.
    pub strokes: AtomicU64,
    pub over: AtomicBool,
}

impl Victim {
    fn stroke(&self) {
        self.strokes.fetch_add(1, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// Begins threads in the scope.
pub type Attack = for<'scope, 'env> fn(&'scope Scope<'scope, 'env>, &'scope Victim);

pub const ATTACKS: [(&str, Attack); 8] = [
    ("2,100 silent callers", |scope, target| {
        spawn(scope, target, 7, |target| hold(target, 300, &[]));
    }),
    ("500 slow callers", |scope, target| {
        spawn(scope, target, 5, |target| {
            hold(target, 100, &[0x10, 0, 0, 65, b'X', b'5'])
        });
    }),
    ("4 sessions of empty DATA", |scope, target| {
        spawn(scope, target, 4, empty_data);
    }),
    ("guesses", |scope, target| spawn(scope, target, 8, guess)),
    ("guesses that do not wait", |scope, target| {
        spawn(scope, target, 4, guess_and_go)
    }),
    ("50 strangers, a policy loops", |scope, target| {
        spawn(scope, target, 50, stranger);
    }),
    ("an abort storm", |scope, target| {
        spawn(scope, target, 8, abort)
    }),
    ("files refused", |scope, target| {
        spawn(scope, target, 4, refused)
    }),
];

const FOE: &str = "O0013000009FOE";

/// The good partner, and one that is not. The policy loops for strangers, if it is asked about them.
pub fn configuration(policy: &Path) -> String {
    let policy = policy.display();
    format!(
        "version: 1\nstation: {{ssid: {US}, password: {OURS}}}\nstorage: {{state: state, inbox: inbox}}\n\
         listeners: [{{address: '127.0.0.1:0'}}]\npartners:\n  good: {{ssid: {THEM}, password: {THEIRS}}}\n  \
         foe: {{ssid: {FOE}, password: FOE}}\npolicies:\n  loops:\n    component: {policy}\n    \
         hooks: [accept-connection]\n    settings: {{misbehave: loop-for-strangers}}\n"
    )
}

fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    target: &'scope Victim,
    threads: u32,
    attack: fn(&Victim),
) {
    for _ in 0..threads {
        scope.spawn(move || {
            while !target.is_over() {
                attack(target);
            }
        });
    }
}

/// A connection from another address of this machine.
fn call(target: &Victim) -> Option<TcpStream> {
    let caller = socket(AddressFamily::INET, SocketType::STREAM, None).ok()?;
    bind(&caller, &SocketAddr::from((target.from, 0))).ok()?;
    connect(&caller, &target.address).ok()?;
    target.stroke();
    let wire = TcpStream::from(caller);
    wire.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    Some(wire)
}

/// Holds so many connections, and says `words` bit by bit; whoever is dropped calls again.
fn hold(target: &Victim, count: usize, words: &[u8]) {
    let mut held: Vec<(TcpStream, usize)> = Vec::new();
    while !target.is_over() {
        held.retain_mut(|(wire, said)| {
            let word = words.get(*said).copied();
            *said += 1;
            let alive = word.is_none_or(|word| wire.write_all(&[word]).is_ok());
            alive && wire.take_error().is_ok_and(|error| error.is_none()) && !is_closed(wire)
        });
        while held.len() < count {
            let Some(wire) = call(target) else { break };
            held.push((wire, 0));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn is_closed(wire: &mut TcpStream) -> bool {
    let _ = wire.set_nonblocking(true);
    let mut octets = [0; 64];
    let closed = matches!(wire.read(&mut octets), Ok(0));
    let _ = wire.set_nonblocking(false);
    closed
}

fn introduced(target: &Victim, code: &str, password: &str) -> Option<TcpStream> {
    let mut wire = call(target)?;
    hear(&mut wire)?;
    wire.write_all(&introduction(code, password)).ok()?;
    hear(&mut wire)?.starts_with(b"X").then_some(wire)
}

fn introduction(code: &str, password: &str) -> Vec<u8> {
    let ssid = Ssid {
        code: code.to_owned(),
        password: password.to_owned(),
        buffer: 99_999,
        credit: 999,
        ..Ssid::default()
    };
    framed(&ssid.octets())
}

fn hear(wire: &mut TcpStream) -> Option<Vec<u8>> {
    let mut header = [0; 4];
    wire.read_exact(&mut header).ok()?;
    let [_, high, middle, low] = header;
    let length = u32::from_be_bytes([0, high, middle, low]) as usize;
    let mut buffer = vec![0; length.checked_sub(4)?];
    wire.read_exact(&mut buffer).ok()?;
    Some(buffer)
}

fn offer(target: &Victim, wire: &mut TcpStream, destination: &str) -> Option<Vec<u8>> {
    let number = wire.local_addr().map_or(0, |address| address.port());
    let mut file = VirtualFile::new(&format!("FOE{number}"), Vec::new());
    file.originator = FOE.to_owned();
    file.destination = destination.to_owned();
    wire.write_all(&framed(&file.sfid())).ok()?;
    target.stroke();
    hear(wire)
}

fn empty_data(target: &Victim) {
    let data = framed(&[b"D".to_vec(), vec![0; 30_000]].concat());
    let Some(mut wire) = introduced(target, FOE, "FOE") else {
        return;
    };
    let _ = offer(target, &mut wire, US);
    while !target.is_over() {
        if wire.write_all(&data).is_err() {
            return;
        }
    }
}

fn guess(target: &Victim) {
    let _ = introduced(target, THEM, "WRONG");
}

/// As many guesses as the machine gives: no answer is waited for.
fn guess_and_go(target: &Victim) {
    if let Some(mut wire) = call(target) {
        let _ = wire.write_all(&introduction(THEM, "WRONG"));
    }
}

fn stranger(target: &Victim) {
    let _ = introduced(target, "O0013000000STRANGER", "UNKNOWN");
}

fn abort(target: &Victim) {
    if let Some(mut wire) = introduced(target, FOE, "FOE") {
        let _ = offer(target, &mut wire, US);
        let _ = wire.write_all(&framed(b"F99000\r"));
    }
}

fn refused(target: &Victim) {
    let Some(mut wire) = introduced(target, FOE, "FOE") else {
        return;
    };
    while !target.is_over() {
        if offer(target, &mut wire, "O0013NOBODY").is_none() {
            return;
        }
    }
}
