//! Several sessions of one partner have the same file at once: after a connection that seemed lost, or by mistake.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::net::SocketAddr;

use support::peer::{Peer, VirtualFile, efid};
use support::{Setup, amount, octets};

const SESSIONS: u64 = 8;

/// What a session does once its file is wanted: it sends it, says a wrong size at the end, or hangs up.
#[derive(Clone, Copy)]
enum Way {
    Right,
    WrongSize,
    HangsUp,
}

/// Offers the file again and again, as an impatient program does; true where EFPA came.
fn bring(address: SocketAddr, file: &VirtualFile, way: Way) -> bool {
    let mut peer = Peer::session(address);
    for _ in 0..20 {
        let answer = peer.offer(file);
        match &answer[..] {
            [b'2', ..] => break,
            [b'3', b'1', b'3', ..] => return false,
            _ => {}
        }
    }
    match way {
        Way::HangsUp => return false,
        Way::Right => peer.send_content(file),
        Way::WrongSize => {
            let wrong = efid(file.content.len() + 1);
            peer.send_data(file);
            peer.say(wrong);
        }
    }
    // Whoever had no SFPA any more is out of step: it is told so by ESID, or hears no more.
    peer.try_hear().is_some_and(|heard| heard == b"4N")
}

#[test]
fn whoever_hears_efpa_has_brought_the_file_whole_and_once() {
    let setup = Setup::plain("limits: {sessions: 64}\n");
    let server = setup.serve();
    let address = server.address();
    for round in 0..amount("POINTSMAN_RIVALS", 30) {
        let file = VirtualFile::new(&format!("R{round}"), octets(round, 3000));
        let acknowledged = std::thread::scope(|scope| {
            let rivals: Vec<_> = (0..SESSIONS)
                .map(|session| {
                    let way = match (round + session) % 4 {
                        0 => Way::HangsUp,
                        1 | 2 => Way::WrongSize,
                        _ => Way::Right,
                    };
                    let file = &file;
                    scope.spawn(move || bring(address, file, way))
                })
                .collect();
            let ended = rivals.into_iter().map(|rival| rival.join().unwrap());
            ended.filter(|efpa| *efpa).count()
        });
        assert!(acknowledged <= 1, "round {round}: EFPA to {acknowledged}");
        if acknowledged == 0 {
            assert!(bring(address, &file, Way::Right), "round {round}");
        }
        setup.await_delivered(round as usize + 1);
    }
    let delivered = setup.delivered();
    for (path, round) in delivered.iter().map(|path| {
        let name = path.rsplit('/').next().unwrap();
        let round = name[1..].split('.').next().unwrap();
        (path, round.parse::<u64>().unwrap())
    }) {
        let content = std::fs::read(setup.inbox().join(path)).unwrap();
        assert!(content == octets(round, 3000), "{path}");
    }
    assert_eq!(server.stop(), Some(0));
    let server = setup.serve();
    let audited = setup.pointsman(&["verify-store"]);
    let said = String::from_utf8_lossy(&audited.stdout);
    assert!(
        audited.status.success() && said.contains("everything fits"),
        "{said}"
    );
    // What no longer belongs to anybody is gone, and no sidecar with it: a rebuild would know every file.
    let sidecars = std::fs::read_dir(setup.path().join("state/spool/sealed")).unwrap();
    assert_eq!(sidecars.count(), delivered.len());
    assert_eq!(server.stop(), Some(0));
}
