//! Components decide: what they refuse, how they fail, and how they are swapped while files flow.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pointsman::{KNOWN_PARTNERS, ROUTE_BY_DAY, ROUTE_BY_NAME};
use support::guests::{misbehaving, trapping};
use support::peer::{Peer, Ssid, VirtualFile, esid};
use support::{Setup, THEM, amount, eventually};

fn routed() -> Setup {
    // Every decision is a line of the log, however many there are in a second.
    let setup = Setup::plain(&format!(
        "limits: {{log_repeats: 1000000}}\npolicies:\n  known-partners:\n    component: known.wasm\n    hooks: [accept-connection]\n    settings:\n      partners: {THEM}\n  \
         route:\n    component: route.wasm\n    hooks: [accept-file]\n    settings:\n      refuse-reason: 1\n      rules: |\n        \
         DELFOR* -> delfor/{{originator}}/{{date}}-{{dataset}}\n"
    ));
    setup.write("known.wasm", KNOWN_PARTNERS);
    setup.write("route.wasm", ROUTE_BY_NAME);
    setup
}

#[test]
fn the_route_is_the_policys() {
    let setup = routed();
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("DELFOR.X", "forecast"));
    let refused = peer.offer(&VirtualFile::new("HOLIDAY.PHOTOS", "beach"));
    assert_eq!(
        &refused[..4],
        b"301N",
        "SFNA 01: {}",
        String::from_utf8_lossy(&refused)
    );
    assert_eq!(
        setup.await_delivered(1),
        [format!("delfor/{THEM}/20261122-DELFOR.X")]
    );
    let row = setup.transfers().remove(0);
    let shown = setup.pointsman(&["transfers", "show", row.split_whitespace().next().unwrap()]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("policy route (generation 1, sha256:"),
        "the ledger says which policy decided: {shown}"
    );
}

#[test]
fn who_may_connect_is_the_policys() {
    let setup = Setup::plain(
        "policies:\n  known-partners:\n    component: known.wasm\n    settings:\n      partners: O0013SOMEBODY\n",
    );
    setup.write("known.wasm", KNOWN_PARTNERS);
    let server = setup.serve();
    let mut peer = Peer::connect(server.address());
    peer.say(Ssid::default().octets());
    assert_eq!(peer.hear_esid(), "03");
    server.await_log(&["policy-decided", "known-partners", "refused with ESID 03"]);
}

#[test]
fn a_policy_that_fails_costs_one_answer_and_nothing_else() {
    let setup =
        Setup::plain("policies:\n  bad:\n    component: bad.wasm\n    hooks: [accept-file]\n");
    setup.write("bad.wasm", misbehaving());
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    for (name, kind) in [
        ("LOOP", "deadline"),
        ("MEMORY", "memory"),
        ("TRAP", "trap"),
        ("RECURSE", "stack"),
        ("ERROR", "error-text"),
        ("ABSURD.PATH", "bad-decision"),
    ] {
        let before = Instant::now();
        let refused = peer.offer(&VirtualFile::new(name, "x"));
        assert_eq!(
            (refused[0], refused[3]),
            (b'3', b'Y'),
            "{name}: SFNA with retry, not {:?}",
            String::from_utf8_lossy(&refused)
        );
        assert!(
            before.elapsed() < Duration::from_secs(10),
            "{name} was stopped"
        );
        server.await_log(&["policy", "bad", kind]);
    }
    peer.send(&VirtualFile::new(
        "FINE",
        "a file that the policy has nothing against",
    ));
    assert_eq!(setup.await_delivered(1).len(), 1);
    assert!(server.peak_memory() < 400 << 10, "what it ate is gone");
}

#[test]
fn a_broken_component_is_refused_and_the_old_one_stays() {
    let setup = routed();
    let server = setup.serve();
    let broken = [
        (
            "notes.txt",
            b"this is not a component".to_vec(),
            "not WebAssembly",
        ),
        ("core.wasm", b"\0asm\x01\0\0\0".to_vec(), "core module"),
        ("traps.wasm", trapping(), "does not start"),
        (
            "cut.wasm",
            ROUTE_BY_DAY[..ROUTE_BY_DAY.len() / 2].to_vec(),
            "damaged",
        ),
    ];
    for (name, content, reason) in broken {
        let path = setup.write(name, content);
        let swapped = setup.pointsman(&["policy", "swap", "route", path.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&swapped.stderr).into_owned();
        assert_eq!(swapped.status.code(), Some(1));
        assert!(
            said.contains(reason) && said.contains("nothing was changed"),
            "{said}"
        );
    }
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("DELFOR.1", "x"));
    assert!(
        setup.await_delivered(1)[0].starts_with("delfor/"),
        "the old one decides"
    );
}

#[test]
fn replacing_the_file_swaps_and_a_session_under_way_keeps_its_policy() {
    let setup = routed();
    let server = setup.serve();
    let mut old = Peer::session(server.address());
    old.send(&VirtualFile::new("DELFOR.1", "x"));
    // As operators do it: copied over the old file, not renamed into place.
    setup.write("route.wasm", ROUTE_BY_DAY);
    server.await_log(&["policy-swapped", "route"]);
    let mut new = Peer::session(server.address());
    new.send(&VirtualFile::new("DELFOR.2", "x"));
    old.send(&VirtualFile::new("DELFOR.3", "x"));
    let delivered = setup.await_delivered(3);
    assert!(
        delivered[0].starts_with("by-day/20261122/DELFOR.2"),
        "{delivered:?}"
    );
    assert!(
        delivered[1..]
            .iter()
            .all(|path| path.starts_with("delfor/")),
        "{delivered:?}"
    );

    setup.write("route.wasm", "half a copy");
    server.await_log(&["policy-refused", "not WebAssembly"]);
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("DELFOR.4", "x"));
    assert!(
        setup.await_delivered(4)[1].starts_with("by-day/"),
        "the last good one decides"
    );
}

/// 64 sessions at once, 20 files each, the routing policy swapped ten times a second.
#[test]
fn sixty_four_sessions_and_a_swap_every_tenth_of_a_second() {
    let (sessions, files) = (amount("POINTSMAN_SWAP_SESSIONS", 64), 20);
    let setup = routed();
    let [one, other] = [
        setup.write("a.wasm", ROUTE_BY_NAME),
        setup.write("b.wasm", ROUTE_BY_DAY),
    ];
    let server = setup.serve();
    let address = server.address();
    let (done, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
    let there = AtomicU64::new(0);
    let swaps = std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let began = Instant::now();
                let next = if swaps.load(Ordering::Relaxed) % 2 == 0 {
                    &other
                } else {
                    &one
                };
                let swapped = setup.pointsman(&["policy", "swap", "route", next.to_str().unwrap()]);
                assert!(
                    swapped.status.success(),
                    "{}",
                    String::from_utf8_lossy(&swapped.stderr)
                );
                swaps.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(100).saturating_sub(began.elapsed()));
            }
            swaps.load(Ordering::Relaxed)
        });
        let peer = |session: u64| {
            let (swaps, there) = (&swaps, &there);
            // Six sessions begin with each swap; none ends before the last has begun.
            move || {
                eventually("the swap for this session", || {
                    (swaps.load(Ordering::Relaxed) >= session / 6).then_some(())
                });
                let mut peer = Peer::session(address);
                send_files(&mut peer, session, 0..files / 2);
                there.fetch_add(1, Ordering::Relaxed);
                // Asked, not a barrier: when one of them fails, the others do not wait for ever.
                eventually("all sessions are there", || {
                    (there.load(Ordering::Relaxed) == sessions).then_some(())
                });
                send_files(&mut peer, session, files / 2..files);
                peer.take_receipts().len() as u64
            }
        };
        let peers: Vec<_> = (0..sessions)
            .map(|session| scope.spawn(peer(session)))
            .collect();
        // One partner has one queue of receipts: whichever of its sessions has the turn takes them.
        let receipts: Vec<_> = peers.into_iter().map(|peer| peer.join()).collect();
        done.store(true, Ordering::Relaxed);
        assert_eq!(
            receipts
                .into_iter()
                .map(|taken| taken.unwrap())
                .sum::<u64>(),
            sessions * files
        );
        swapper.join().unwrap()
    });

    let total = (sessions * files) as usize;
    let delivered = setup.await_delivered(total);
    assert_eq!(delivered.len(), total, "nothing is there twice");
    let content = |path: &String| std::fs::read_to_string(setup.inbox().join(path)).unwrap();
    let contents: BTreeSet<String> = delivered.iter().map(content).collect();
    assert_eq!(contents.len(), total, "and nothing is missing");
    let rows = setup.transfers();
    assert_eq!(rows.len(), total);
    assert!(
        rows.iter()
            .all(|row| row.contains("delivered") && row.contains("given")),
        "ledger and folder agree"
    );

    let mut generations: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in server
        .log()
        .lines()
        .filter(|line| line.contains("policy-decided") && line.contains("accept-file"))
    {
        let word = |after: &str| {
            line.split_once(after)
                .unwrap()
                .1
                .split([' ', ',', ':'])
                .next()
                .unwrap()
                .to_owned()
        };
        generations
            .entry(word("session "))
            .or_default()
            .insert(word("generation "));
    }
    assert_eq!(generations.len(), sessions as usize);
    assert!(
        generations.values().all(|seen| seen.len() == 1),
        "a session with two generations: {generations:?}"
    );
    let seen: BTreeSet<_> = generations.values().flatten().collect();
    assert!(
        seen.len() as u64 > sessions / 12,
        "the swaps had their effect while the sessions came: {seen:?}"
    );
    println!(
        "{sessions} sessions, {total} files, {swaps} swaps, {} generations decided",
        seen.len()
    );
}

fn send_files(peer: &mut Peer<std::net::TcpStream>, session: u64, files: std::ops::Range<u64>) {
    for file in files {
        let name = format!("DELFOR.{session}.{file}");
        peer.send(&VirtualFile::new(
            &name,
            format!("{name} {}", "x".repeat(2000)),
        ));
    }
}

fn at_end_of_transfer(settings: &str) -> Setup {
    let setup = Setup::plain(&format!(
        "policies:\n  bad:\n    component: bad.wasm\n    hooks: [end-transfer]\n    settings: {settings}\n"
    ));
    setup.write("bad.wasm", misbehaving());
    setup
}

#[test]
fn a_receipt_that_a_failing_policy_put_off_is_not_lost() {
    let setup = at_end_of_transfer("{misbehave: trap}");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new(
        "ORDER",
        "the policy traps at the end of this file",
    ));
    assert!(
        peer.take_receipts().is_empty(),
        "EFPA was given, the receipt waits"
    );
    assert_eq!(
        setup.await_delivered(1).len(),
        1,
        "and the file is delivered all the same"
    );
    let row = setup.transfers().remove(0);
    let id = row.split_whitespace().next().unwrap();
    let answered = setup.pointsman(&["transfers", "answer", id]);
    assert!(
        answered.status.success(),
        "{}",
        String::from_utf8_lossy(&answered.stderr)
    );
    assert_eq!(Peer::session(server.address()).take_receipts().len(), 1);
    let again = setup.pointsman(&["transfers", "answer", id, "--reject", "34"]);
    assert!(!again.status.success(), "a receipt is one for ever");
}

#[test]
fn an_operator_refuses_a_file_for_a_reason_and_in_words() {
    let setup = at_end_of_transfer("{misbehave: trap}");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("ORDER", "order"));
    assert!(peer.take_receipts().is_empty());
    setup.await_delivered(1);
    let row = setup.transfers().remove(0);
    let id = row.split_whitespace().next().unwrap();
    let refusing = ["--reject", "34", "--text", "no such plant"];
    let refused = setup.pointsman(&[&["transfers", "answer", id], &refusing[..]].concat());
    assert!(refused.status.success(), "{refused:?}");
    let receipts = Peer::session(server.address()).take_receipts();
    let [nerp] = &receipts[..] else {
        panic!("one receipt, not {receipts:?}");
    };
    let shown = String::from_utf8_lossy(nerp).into_owned();
    assert!(shown.starts_with("NORDER "), "NERP: {shown}");
    assert!(shown.contains("34013no such plant"), "{shown}");
}

#[test]
fn a_question_put_off_is_asked_again_of_the_policies_of_that_time() {
    let setup = at_end_of_transfer("{misbehave: later, seconds: '1'}");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("ORDER", "later"));
    assert!(peer.take_receipts().is_empty());
    // Another component, which has no opinion on the ends of transfers.
    setup.write("bad.wasm", KNOWN_PARTNERS);
    server.await_log(&["policy-decided", "end-transfer", "EERP"]);
    assert_eq!(Peer::session(server.address()).take_receipts().len(), 1);
}

#[test]
fn while_a_policy_takes_its_time_nobody_else_gets_at_the_file() {
    let setup = at_end_of_transfer("{misbehave: sleep}");
    let server = setup.serve();
    let mut first = Peer::session(server.address());
    let file = VirtualFile::new("RACE", "the first one's content");
    first.offer(&file);
    first.send_content(&file);
    let mut second = Peer::session(server.address());
    let answer = second.offer(&VirtualFile::new("RACE", "another content, as long"));
    assert_eq!(
        (answer[0], answer[3]),
        (b'3', b'Y'),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert_eq!(first.hear(), b"4N");
    let path = setup.inbox().join(&setup.await_delivered(1)[0]);
    assert_eq!(std::fs::read(path).unwrap(), file.content);
}

#[test]
fn a_refusal_that_the_agreed_level_has_no_word_for_is_closed() {
    let setup = at_end_of_transfer("{misbehave: negative}");
    let server = setup.serve();
    let old = "    session: {version: '1.3'}\n";
    let sending = Setup::sender(&server.address().to_string(), old);
    let file = sending.write("ORDER", "order");
    sending.pointsman(&["send", file.to_str().unwrap(), "--to", "nordwerk"]);
    server.await_log(&["receipt-not-sent", "its receipt is closed"]);
    let row = setup.transfers().remove(0);
    assert!(row.contains("rejected") && !row.contains("owed"), "{row}");
}

/// What one line of `pointsman status` says after its colon.
fn status(setup: &Setup, line: &str) -> String {
    let shown = setup.pointsman(&["status"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    let said = shown.lines().find_map(|one| one.strip_prefix(line));
    said.unwrap_or_else(|| panic!("no {line} in {shown}"))
        .to_owned()
}

fn swap(setup: &Setup, policy: &str, component: &std::path::Path) -> std::process::Output {
    setup.pointsman(&["policy", "swap", policy, component.to_str().unwrap()])
}

/// Says that it is over when it goes, also by a panic: no thread runs forever.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One swap after the other while files come, each in a session of its own. From the answer to a swap on no session is
/// asked an older component. `POINTSMAN_SWAPS` says how many.
#[test]
fn while_files_flow_no_older_policy_comes_into_force_again() {
    let swaps = amount("POINTSMAN_SWAPS", 10);
    let setup = routed();
    let components = [
        setup.write("a.wasm", ROUTE_BY_NAME),
        setup.write("b.wasm", ROUTE_BY_DAY),
    ];
    let server = setup.serve();
    let address = server.address();
    let (answered, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let sender = |number: u64| {
        let (answered, over) = (&answered, &over);
        move || {
            let mut sent = 0;
            while !over.load(Ordering::Relaxed) {
                let before = answered.load(Ordering::Relaxed);
                let mut peer = Peer::session(address);
                let name = format!("DELFOR.{before}.{number}.{sent}");
                peer.send(&VirtualFile::new(&name, "forecast"));
                peer.say(esid());
                sent += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            sent
        }
    };
    let files: usize = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..3).map(|number| scope.spawn(sender(number))).collect();
        let flowing = Over(&over);
        for number in 1..=swaps {
            let swapped = swap(&setup, "route", &components[number as usize % 2]);
            let said = String::from_utf8_lossy(&swapped.stderr);
            assert!(swapped.status.success(), "swap {number}: {said}");
            answered.store(number, Ordering::Relaxed);
        }
        drop(flowing);
        senders
            .into_iter()
            .map(|sender| sender.join().unwrap())
            .sum()
    });
    assert_eq!(setup.await_delivered(files).len(), files);

    // Generation 1 is the start's; the swap of each number made the next one.
    let mut digests = [BTreeSet::new(), BTreeSet::new()];
    let mut decided = 0;
    for line in server.log().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if line["event"] != "policy-decided" || line["hook"] != "accept-file" {
            continue;
        }
        let word = |key: &str, after: &str| {
            let text = line[key].as_str().unwrap();
            let (_, rest) = text.split_once(after).unwrap();
            rest.split(['.', ',', ')']).next().unwrap().to_owned()
        };
        let before: u64 = word("file", "DELFOR.").parse().unwrap();
        let generation: u64 = word("by", "generation ").parse().unwrap();
        assert!(
            generation > before && generation <= swaps + 1,
            "{before} swaps were answered when this session began: {line}"
        );
        digests[generation as usize % 2].insert(word("by", "sha256:"));
        decided += 1;
    }
    assert_eq!(decided, files, "each file was decided about");
    let [even, odd] = &digests;
    assert!(
        even.len() == 1 && odd.len() == 1 && even != odd,
        "a generation is not the component of its swap: {digests:?}"
    );
    // Time for one more look at the file, which has the last one.
    std::thread::sleep(Duration::from_millis(1200));
    let generation = status(&setup, "policy generation: ");
    assert!(
        generation.starts_with(&format!("{} ", swaps + 1)),
        "{generation}"
    );
    let last = std::fs::read(&components[swaps as usize % 2]).unwrap();
    assert!(std::fs::read(setup.path().join("route.wasm")).unwrap() == last);
    println!("{swaps} swaps, {files} files in sessions of their own");
}

/// A component that keeps a compiler busy for many seconds: thousands of long functions.
fn heavy() -> Vec<u8> {
    let functions = 12_000;
    let step = |n: u8| [0x20, 1, 0x42, n % 64, 0x85, 0x7e, 0x22, 0];
    let body = [
        vec![0, 0x20, 0],
        (0..200).flat_map(step).collect(),
        vec![0x0b],
    ]
    .concat();
    let code = [leb128(body.len()), body].concat();
    let module = [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, &[1, 0x60, 2, 0x7e, 0x7e, 1, 0x7e]),
        section(3, &[leb128(functions), vec![0; functions]].concat()),
        section(10, &[leb128(functions), code.repeat(functions)].concat()),
    ];
    [b"\0asm\x0d\0\x01\0".to_vec(), section(1, &module.concat())].concat()
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], &leb128(content.len())[..], content].concat()
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut octets = Vec::new();
    while number >= 0x80 {
        octets.push((number % 0x80) as u8 | 0x80);
        number /= 0x80;
    }
    octets.push(number as u8);
    octets
}

#[test]
fn a_component_that_compiles_long_shows_that_it_is_at_work_and_keeps_nobody_waiting() {
    let setup = Setup::plain(
        "policies:\n  slow:\n    component: slow.wasm\n    limits: {compile_time: 120s}\n  quick:\n    component: quick.wasm\n",
    );
    setup.write("slow.wasm", misbehaving());
    setup.write("quick.wasm", misbehaving());
    let heavy = setup.write("heavy.wasm", heavy());
    let day = setup.write("day.wasm", ROUTE_BY_DAY);
    let _server = setup.serve();
    let mut slow = std::process::Command::new(support::POINTSMAN)
        .args(["policy", "swap", "slow"])
        .arg(&heavy)
        .arg("-c")
        .arg(setup.config())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(slow.stderr.take().unwrap()).lines();
    let sign = said.next().unwrap().unwrap();
    assert_eq!(sign, "policy slow: checking and compiling, 1 s so far");

    let swapped = swap(&setup, "quick", &day);
    assert!(
        swapped.status.success(),
        "{}",
        String::from_utf8_lossy(&swapped.stderr)
    );
    assert!(
        slow.try_wait().unwrap().is_none(),
        "the heavy one was compiled before the other had its turn"
    );
    // Whoever interrupts the command gives the swap up.
    slow.kill().unwrap();
    slow.wait().unwrap();
    let generation = status(&setup, "policy generation: ");
    assert!(generation.starts_with("2 "), "{generation}");
}

#[test]
fn a_compiler_has_the_time_and_the_memory_that_its_policy_allows_it() {
    for (limit, told) in [
        (
            "    limits: {compile_time: 1s}\n",
            "`limits.compile_time` of the policy is 1 s",
        ),
        (
            "    limits: {compile_memory: 64MiB}\n",
            "`limits.compile_memory` of the policy is 64 MiB",
        ),
    ] {
        let setup = Setup::plain(&format!(
            "policies:\n  heavy:\n    component: heavy.wasm\n{limit}"
        ));
        setup.write("heavy.wasm", heavy());
        let checked = setup.pointsman(&["check"]);
        assert_eq!(checked.status.code(), Some(1));
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(said.contains(told), "{said}");
    }
}

#[test]
fn the_instances_of_all_sessions_together_stay_within_their_bound() {
    let setup = Setup::plain(
        "policies:\n  bad:\n    component: bad.wasm\n    hooks: [accept-file]\nlimits: {policies_memory: 64MiB}\n",
    );
    setup.write("bad.wasm", misbehaving());
    let server = setup.serve();
    // Each session's instance keeps 16 MiB.
    let mut sessions: Vec<_> = (0..24).map(|_| Peer::session(server.address())).collect();
    for round in 0..2 {
        for (n, peer) in sessions.iter_mut().enumerate() {
            let mut file = VirtualFile::new("HOARD", "x");
            file.time = format!("{round:02}{n:02}000001");
            peer.send(&file);
        }
    }
    let peak = server.peak_memory() >> 10;
    assert!(peak < 256, "24 instances of 16 MiB: {peak} MiB");
}

#[test]
fn a_pipe_in_the_place_of_a_component_keeps_nobody_waiting() {
    let setup = routed();
    let pipe = setup.path().join("pipe.wasm");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    let server = setup.serve();
    let refused = swap(&setup, "route", &pipe);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("not a file"), "{said}");

    std::fs::rename(&pipe, setup.path().join("route.wasm")).unwrap();
    server.await_log(&["policy-refused", "not a file"]);
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("DELFOR.1", "x"));
    assert!(setup.await_delivered(1)[0].starts_with("delfor/"));

    let day = setup.write("day.wasm", ROUTE_BY_DAY);
    std::fs::rename(day, setup.path().join("route.wasm")).unwrap();
    server.await_log(&["policy-swapped", "route"]);
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("DELFOR.2", "x"));
    assert!(setup.await_delivered(2)[0].starts_with("by-day/"));
}

#[test]
fn a_policy_keeps_no_more_than_its_quota_and_is_told_so() {
    let setup = Setup::plain(
        "policies:\n  bad:\n    component: bad.wasm\n    hooks: [accept-file]\n    limits: {kept: 300KiB}\n",
    );
    setup.write("bad.wasm", misbehaving());
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    for _ in 0..2 {
        let refused = peer.offer(&VirtualFile::new("KEEP", "x"));
        assert_eq!(refused[0], b'3', "SFNA");
        server.await_log(&[
            "policy-failed",
            "error-text",
            "policy `bad` keeps 246048 octets",
            "may keep 307200 (`policies.bad.limits.kept`)",
        ]);
    }
    peer.send(&VirtualFile::new("FINE", "x"));
    assert_eq!(setup.await_delivered(1).len(), 1, "files still come in");
    let ledger = setup.path().join("state/ledger.db");
    let octets = ledger.metadata().unwrap().len();
    assert!(octets < 4 << 20, "{octets} octets");
}

#[test]
fn what_policies_keep_leaves_the_reserve_alone() {
    let setup = Setup::plain(
        "policies:\n  bad:\n    component: bad.wasm\n    hooks: [accept-connection]\n    settings: {misbehave: keep}\nlimits: {reserve: 1000000GiB}\n",
    );
    setup.write("bad.wasm", misbehaving());
    let server = setup.serve();
    let mut peer = Peer::connect(server.address());
    peer.say(Ssid::default().octets());
    assert_eq!(peer.hear_esid(), "08");
    server.await_log(&["policy-failed", "error-text", "limits.reserve"]);
}
