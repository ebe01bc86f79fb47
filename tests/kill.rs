//! `kill -9` in the middle of everything: what was acknowledged is there after the next start, once.
//!
//! `POINTSMAN_KILLS` says how often (10 where it is not set), `POINTSMAN_SEED` where the dice start.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use support::peer::{Peer, VirtualFile, data_buffers, efid};
use support::{Server, Setup, amount, octets};

/// xorshift: enough to choose when.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[test]
fn killed_at_any_time_nothing_acknowledged_is_lost_and_nothing_is_there_twice() {
    let kills = amount("POINTSMAN_KILLS", 10);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_nanos() as u64;
    let seed = amount("POINTSMAN_SEED", now | 1);
    println!("POINTSMAN_SEED={seed}");
    let mut dice = Dice(seed);
    let setup = Setup::plain("");
    let mut sent: BTreeMap<String, VirtualFile> = BTreeMap::new();
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    let (mut in_doubt, mut after_efpa, mut resumed) = (0, 0, 0);
    for round in 0..kills {
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        let name = format!("FILE.{round}");
        let file = VirtualFile::new(
            &name,
            octets(seed ^ round, 100_000 + dice.below(200_000) as usize),
        );
        sent.insert(name.clone(), file.clone());
        // Half of the kills right after EFPA, the others anywhere.
        if dice.below(2) == 0 {
            peer.send(&file);
            acknowledged.insert(name);
            after_efpa += 1;
            if dice.below(2) == 0 {
                std::thread::sleep(Duration::from_micros(dice.below(8000)));
            }
            server.kill();
        } else {
            // Every other one resumes a file whose session broke off before.
            if dice.below(2) == 0 {
                let some = 1 + dice.below(file.content.len() as u64 / 4000) as usize;
                break_off(&server, peer, &file, some);
                peer = Peer::session(server.address());
                resumed += 1;
            }
            let pid = server.pid();
            let delay = Duration::from_micros(dice.below(3_000));
            let killer = std::thread::spawn(move || {
                std::thread::sleep(delay);
                let killed = std::process::Command::new("kill")
                    .args(["-9", &pid.to_string()])
                    .status()
                    .unwrap();
                assert!(killed.success());
            });
            match try_send(&mut peer, &file) {
                true => drop(acknowledged.insert(name)),
                false => in_doubt += 1,
            }
            killer.join().unwrap();
        }
        audit(&setup);
    }

    // A partner does what partners do: it sends again what it has no EFPA for, then takes its receipts.
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    for (_, file) in sent
        .iter()
        .filter(|(name, _)| !acknowledged.contains(*name))
    {
        assert!(try_send(&mut peer, file));
    }
    let receipts = peer.take_receipts().len();
    let delivered = setup.await_delivered(sent.len());
    assert_eq!(
        delivered.len() as u64,
        kills,
        "nothing twice, nothing lost: {delivered:?}"
    );
    for (name, file) in &sent {
        let path = delivered
            .iter()
            .find(|path| path.contains(&format!("/{name}.")))
            .unwrap_or_else(|| panic!("{name} is lost"));
        let found = std::fs::read(setup.inbox().join(path)).unwrap();
        assert!(found == file.content, "{name} is not what was sent");
    }
    let rows = setup.transfers();
    assert!(
        rows.iter()
            .all(|row| row.contains("delivered") && row.contains("given")),
        "{rows:#?}"
    );
    assert_eq!(server.stop(), Some(0));
    audit(&setup);
    println!(
        "{kills} kills ({after_efpa} right after EFPA, {in_doubt} before one came, {resumed} in a file that was resumed): 0 lost, 0 twice, {receipts} receipts taken at the end"
    );
}

/// Whatever a kill leaves, ledger and spool agree about it.
fn audit(setup: &Setup) {
    let audited = setup.pointsman(&["verify-store"]);
    let said = String::from_utf8_lossy(&audited.stdout);
    assert!(audited.status.success(), "{said}");
}

/// Sends so many buffers of a file and hangs up.
fn break_off(server: &Server, mut peer: Peer<TcpStream>, file: &VirtualFile, buffers: usize) {
    assert_eq!(peer.offer(file)[0], b'2');
    for (count, buffer) in data_buffers(&file.content).iter().take(buffers).enumerate() {
        peer.say(buffer);
        if count % 7 == 6 {
            assert_eq!(peer.hear(), b"C  ");
        }
    }
    drop(peer);
    // The server is new in each round, so this is the end of this session.
    server.await_log(&["session-ended"]);
}

/// Sends as far as it goes, from where the other side wants it; true if EFPA came.
fn try_send(peer: &mut Peer<TcpStream>, file: &VirtualFile) -> bool {
    use std::io::Write;
    let say = |peer: &mut Peer<TcpStream>, buffer: &[u8]| {
        peer.wire.write_all(&support::peer::framed(buffer)).is_ok()
    };
    let whole = VirtualFile {
        restart: file.content.len() as u64 / 1024,
        ..file.clone()
    };
    if !say(peer, &whole.sfid()) {
        return false;
    }
    let blocks = match peer.try_hear() {
        Some(sfpa) if sfpa[0] == b'2' => String::from_utf8_lossy(&sfpa[1..])
            .parse::<usize>()
            .unwrap(),
        // It had arrived: only its EFPA was lost.
        Some(sfna) if &sfna[..4] == b"313N" => return true,
        Some(sfna) => panic!("{}", String::from_utf8_lossy(&sfna)),
        None => return false,
    };
    let mut credit = 7;
    for buffer in data_buffers(&file.content[blocks * 1024..]) {
        if !say(peer, &buffer) {
            return false;
        }
        credit -= 1;
        if credit == 0 {
            if peer.try_hear().is_none() {
                return false;
            }
            credit = 7;
        }
    }
    say(peer, &efid(file.content.len())) && peer.try_hear().as_deref() == Some(b"4N")
}
