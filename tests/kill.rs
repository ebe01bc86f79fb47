//! `kill -9` in the middle of everything: what was acknowledged is there after the next start, once.
//!
//! `POINTSMAN_KILLS` says how often (10 where it is not set), `POINTSMAN_SEED` where the dice start.

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use support::peer::{Peer, VirtualFile, data_buffers, efid};
use support::{House, amount, octets};

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
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = amount("POINTSMAN_SEED", now | 1);
    println!("POINTSMAN_SEED={seed}");
    let mut dice = Dice(seed);
    let house = House::plain("");
    let mut acknowledged: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let (mut receipts, mut in_doubt, mut after_efpa) = (0, 0, 0);
    for round in 0..kills {
        let server = house.serve();
        let mut peer = Peer::session(server.address());
        let name = format!("FILE.{round}");
        let file = VirtualFile::new(&name, octets(seed ^ round, 30_000 + dice.below(60_000) as usize));
        // Half of the kills right after EFPA, the others anywhere.
        if dice.below(2) == 0 {
            peer.send(&file);
            acknowledged.insert(name, file.content);
            after_efpa += 1;
            if dice.below(2) == 0 {
                std::thread::sleep(Duration::from_micros(dice.below(8000)));
            }
            server.kill();
        } else {
            let pid = server.pid();
            let delay = Duration::from_micros(dice.below(15_000));
            let killer = std::thread::spawn(move || {
                std::thread::sleep(delay);
                let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
                assert!(killed.success());
            });
            match try_send(&mut peer, &file) {
                true => drop(acknowledged.insert(name, file.content)),
                false => in_doubt += 1,
            }
            killer.join().unwrap();
        }
    }

    // A partner does what partners do: it sends again what it has no EFPA for, then takes its receipts.
    let server = house.serve();
    let mut peer = Peer::session(server.address());
    for round in 0..kills {
        let name = format!("FILE.{round}");
        if !acknowledged.contains_key(&name) {
            resend(&mut peer, &name, &mut acknowledged, seed, round);
        }
    }
    let heard = peer.take_receipts();
    receipts += heard.len();
    let delivered = house.await_delivered(acknowledged.len());
    assert_eq!(delivered.len(), kills as usize, "nothing twice, nothing lost: {delivered:?}");
    for (name, content) in &acknowledged {
        let path = delivered.iter().find(|path| path.contains(&format!("/{name}."))).unwrap_or_else(|| panic!("{name} is lost"));
        let found = std::fs::read(house.inbox().join(path)).unwrap();
        assert!(found == *content || content.is_empty(), "{name} is not what was sent");
    }
    let rows = house.transfers();
    assert!(rows.iter().all(|row| row.contains("delivered") && row.contains("given")), "{rows:#?}");
    println!("{kills} kills ({after_efpa} right after EFPA, {in_doubt} without one): 0 lost, 0 twice, {receipts} receipts taken at the end");
}

/// Sends as far as it goes; true if EFPA came.
fn try_send(peer: &mut Peer<std::net::TcpStream>, file: &VirtualFile) -> bool {
    use std::io::Write;
    let mut say = |peer: &mut Peer<std::net::TcpStream>, buffer: &[u8]| peer.wire.write_all(&support::peer::framed(buffer)).is_ok();
    if !say(peer, &file.sfid()) || !matches!(peer.try_hear(), Some(answer) if answer[0] == b'2') {
        return false;
    }
    let mut credit = 7;
    for (_, buffer) in data_buffers(&file.content) {
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

fn resend(peer: &mut Peer<std::net::TcpStream>, name: &str, acknowledged: &mut BTreeMap<String, Vec<u8>>, seed: u64, round: u64) {
    let file = VirtualFile::new(name, octets(seed ^ round, 50_000));
    match peer.offer(&file) {
        answer if answer[0] == b'2' => {
            peer.send_content(&file);
            assert_eq!(peer.hear(), b"4N");
            acknowledged.insert(name.to_owned(), file.content);
        }
        // It had arrived: only its EFPA was lost.
        answer => {
            assert_eq!(&answer[..4], b"313N");
            acknowledged.insert(name.to_owned(), Vec::new());
        }
    }
}
