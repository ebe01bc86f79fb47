//! Session authentication (RFC 5024, 4.2.3, 5.3.16 to 5.3.18): the other side is `openssl cms`, or another station.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use crate::stations::{PLAIN, all_in, openssl, rsa_pair, rsa_pair_valid, said};
use crate::support::guests::terms;
use crate::support::peer::{Called, Peer, Ssid, VirtualFile, release, take_file};
use crate::support::{OURS, Setup, US, octets};

/// Keys and certificates of both: ours is `us`, the partner's is `them`.
const BOTH: &str =
    "    keys: [{file: us.key, certificate: us.pem}]\n    certificates: [{file: them.pem}]\n";

const REQUIRED: &str = "    session: {authentication: required}\n";

fn setup() -> Setup {
    let setup = Setup::plain("");
    rsa_pair(setup.path(), "us");
    rsa_pair(setup.path(), "them");
    setup.configure(PLAIN, &format!("{BOTH}{REQUIRED}"), "");
    setup
}

/// The partner's SSID with SSIDAUTH.
fn ssid(authentication: u8) -> Vec<u8> {
    let mut octets = Ssid::default().octets();
    octets[47] = authentication;
    octets
}

/// A challenge for that certificate: what `openssl cms` makes of the octets.
fn challenge_of(folder: &Path, plain: &[u8], certificate: &str) -> Vec<u8> {
    std::fs::write(folder.join("challenge"), plain).unwrap();
    let made = format!(
        "cms -encrypt -binary -aes256 -in challenge -outform DER -out challenge.cms {certificate}.pem"
    );
    openssl(folder, &made);
    std::fs::read(folder.join("challenge.cms")).unwrap()
}

fn auch(cms: &[u8]) -> Vec<u8> {
    [b"A", &(cms.len() as u16).to_be_bytes()[..], cms].concat()
}

/// Opens an AUCH with that key; none where `openssl cms` cannot.
fn opened(folder: &Path, auch: &[u8], name: &str) -> Vec<u8> {
    assert_eq!(auch[0], b'A', "AUCH");
    assert_eq!(
        usize::from(u16::from_be_bytes([auch[1], auch[2]])),
        auch.len() - 3
    );
    std::fs::write(folder.join("auch.cms"), &auch[3..]).unwrap();
    let opening = format!(
        "cms -decrypt -binary -inform DER -in auch.cms -recip {name}.pem -inkey {name}.key -out auch"
    );
    openssl(folder, &opening);
    std::fs::read(folder.join("auch")).unwrap()
}

/// Calls, and answers our challenge with the partner's key `name`; what comes next is our SECD.
fn challenged(folder: &Path, address: SocketAddr, name: &str) -> Peer<TcpStream> {
    let mut peer = Peer::connect(address);
    peer.say(ssid(b'Y'));
    assert_eq!(peer.hear()[47], b'Y', "SSIDAUTH of our SSID");
    peer.say(b"J");
    let challenge = peer.hear();
    let response = opened(folder, &challenge, name);
    assert_eq!(response.len(), 20);
    peer.say([b"S".to_vec(), response].concat());
    peer
}

/// Challenges us with our certificate `ours`, and sees the answer.
fn challenges<W: Read + Write>(folder: &Path, peer: &mut Peer<W>, ours: &str) {
    let plain = octets(3, 20);
    peer.say(auch(&challenge_of(folder, &plain, ours)));
    assert_eq!(peer.hear(), [b"S".to_vec(), plain].concat(), "AURP");
}

fn authenticates(setup: &Setup, address: SocketAddr, theirs: &str, ours: &str) -> Peer<TcpStream> {
    let mut peer = challenged(setup.path(), address, theirs);
    assert_eq!(peer.hear(), b"J", "SECD");
    challenges(setup.path(), &mut peer, ours);
    peer
}

#[test]
fn a_caller_and_we_authenticate_each_other() {
    let setup = setup();
    let server = setup.serve();
    let mut peer = authenticates(&setup, server.address(), "them", "us");
    let file = VirtualFile::new("ORDERS", b"order".to_vec());
    assert_eq!(peer.offer(&file)[0], b'2', "SFPA");
    let line = server.await_log(&["\"authenticated\"", "CN=us", "CN=them"]);
    let shown = openssl(setup.path(), "x509 -in us.pem -outform DER -out us.cer");
    drop(shown);
    let sum = crate::stations::run(setup.path(), "sha256sum", "us.cer");
    let sum = said(&sum);
    all_in(&line, &[sum.split(' ').next().unwrap()]);
}

#[test]
fn a_partner_that_we_call_and_we_authenticate_each_other() {
    let setup = setup();
    let partner = Called::new();
    let address = format!(
        "    address: {}\n    calls: {{delay: 100ms}}\n",
        partner.address()
    );
    setup.configure(PLAIN, &format!("{BOTH}{REQUIRED}{address}"), "");
    let _server = setup.serve();
    setup.queue("ORDERS", "order", "mueller");
    let mut peer = partner.accept();
    peer.say(b"IODETTE FTP READY \r");
    let offer = peer.hear();
    assert_eq!(offer[47], b'Y', "SSIDAUTH");
    assert!(
        String::from_utf8_lossy(&offer).contains(US)
            && String::from_utf8_lossy(&offer).contains(OURS)
    );
    peer.say(ssid(b'Y'));
    assert_eq!(peer.hear(), b"J", "SECD");
    challenges(setup.path(), &mut peer, "us");
    peer.say(b"J");
    let challenge = peer.hear();
    let response = opened(setup.path(), &challenge, "them");
    peer.say([b"S".to_vec(), response].concat());
    take_file(&mut peer);
    release(&mut peer);
}

#[test]
fn two_stations_authenticate_each_other_and_a_file_goes() {
    let theirs = setup();
    let server = theirs.serve();
    let swapped = BOTH
        .replace("us.", "x.")
        .replace("them.", "us.")
        .replace("x.", "them.");
    let ours = Setup::caller(
        "",
        &server.address().to_string(),
        &format!(
            "{swapped}{}",
            REQUIRED.replace("required", "required, version: 2.0")
        ),
    );
    for name in ["us.pem", "us.key", "them.pem", "them.key"] {
        std::fs::copy(theirs.path().join(name), ours.path().join(name)).unwrap();
    }
    // Each has its own key, and not the other's.
    std::fs::remove_file(ours.path().join("us.key")).unwrap();
    std::fs::remove_file(theirs.path().join("them.key")).unwrap();
    let file = ours.write("ORDERS", "order");
    let sent = ours.pointsman(&["send", file.to_str().unwrap(), "--to", "nordwerk"]);
    assert!(sent.status.success(), "{}", said(&sent));
    theirs.await_delivered(1);
    server.await_log(&["\"authenticated\"", "CN=us", "CN=them"]);
}

/// What the caller hears for each challenge of its that is none of ours.
#[test]
fn every_failure_is_the_same_on_the_wire_and_is_told_apart_in_the_log_alone() {
    let setup = setup();
    let folder = setup.path();
    rsa_pair(folder, "stranger");
    let server = setup.serve();
    let good = challenge_of(folder, &octets(3, 20), "us");
    let changed = |at: usize| {
        let mut changed = good.clone();
        changed[at] ^= 1;
        changed
    };
    let challenges = [
        (
            "for another key",
            challenge_of(folder, &octets(3, 20), "stranger"),
        ),
        ("19 octets", challenge_of(folder, &octets(3, 19), "us")),
        ("21 octets", challenge_of(folder, &octets(3, 21), "us")),
        ("no octets", challenge_of(folder, b"", "us")),
        ("a long one", challenge_of(folder, &octets(3, 5000), "us")),
        ("cut", good[..good.len() - 1].to_vec()),
        ("cut in its key", good[..good.len() / 2].to_vec()),
        ("more behind it", [&good[..], b"x"].concat()),
        ("changed at its end", changed(good.len() - 1)),
        ("changed in its key", changed(good.len() / 2)),
        ("changed in its structure", changed(20)),
        ("something else", b"nothing of the kind".to_vec()),
    ];
    let mut heard = Vec::new();
    for (what, challenge) in &challenges {
        let mut peer = challenged(folder, server.address(), "them");
        assert_eq!(peer.hear(), b"J", "SECD");
        peer.say(auch(challenge));
        heard.push((*what, peer.hear()));
        assert_eq!(peer.try_hear(), None, "{what}");
    }
    // A wrong answer to our challenge, and one to the challenge of another session.
    for what in ["a wrong answer", "another wrong answer"] {
        let mut peer = Peer::connect(server.address());
        peer.say(ssid(b'Y'));
        peer.hear();
        peer.say(b"J");
        assert_eq!(peer.hear()[0], b'A', "AUCH");
        peer.say([b"S".to_vec(), octets(what.len() as u64, 20)].concat());
        heard.push((what, peer.hear()));
    }
    let first = &heard[0].1;
    assert_eq!(&first[..3], b"F11", "ESID 11");
    for (what, esid) in &heard {
        assert_eq!(esid, first, "{what}");
    }
    server.await_log(&[
        "authentication-failed",
        "cannot be answered with any of our keys",
        "CN=us",
    ]);
    server.await_log(&[
        "authentication-failed",
        "did not answer our challenge",
        "CN=them",
    ]);
}

#[test]
fn a_partner_whose_certificate_has_ended_gets_the_same_failure() {
    let setup = setup();
    rsa_pair_valid(setup.path(), "them", -30, -1);
    let server = setup.serve();
    let mut peer = Peer::connect(server.address());
    peer.say(ssid(b'Y'));
    peer.hear();
    peer.say(b"J");
    let esid = peer.hear();
    assert_eq!(&esid[..3], b"F11");
    all_in(
        &String::from_utf8_lossy(&esid),
        &["the authentication failed"],
    );
    server.await_log(&["authentication-failed", "nothing for challenges", "CN=them"]);
}

#[test]
fn what_is_wanted_of_a_session_must_be_what_the_caller_wants() {
    let setup = setup();
    let server = setup.serve();
    let answer = |ssid: Vec<u8>| {
        let mut peer = Peer::connect(server.address());
        peer.say(ssid);
        peer.hear()
    };
    let old = Ssid {
        level: '4',
        ..Ssid::default()
    };
    for (terms, plain, asking, level_4) in [
        (REQUIRED.to_owned(), b"F12", &b"X5O"[..], &b"F10"[..]),
        (
            REQUIRED.replace("required", "disallowed"),
            b"X5O",
            b"F12",
            b"X4O",
        ),
        (
            REQUIRED.replace("required", "automatic"),
            b"X5O",
            b"X5O",
            b"X4O",
        ),
    ] {
        setup.configure(PLAIN, &format!("{BOTH}{terms}"), "");
        let reloaded = setup.pointsman(&["reload"]);
        assert!(reloaded.status.success(), "{}", said(&reloaded));
        let heard = [answer(ssid(b'N')), answer(ssid(b'Y')), answer(old.octets())];
        assert_eq!(&heard[0][..3], plain, "{terms}: without");
        assert_eq!(&heard[1][..3], asking, "{terms}: with");
        assert_eq!(&heard[2][..3], level_4, "{terms}: level 1.4");
        let is_said = |ssid: &Vec<u8>| ssid[0] != b'X' || ssid[47] == b'Y';
        assert!(is_said(&heard[1]), "{terms}: SSIDAUTH");
        assert!(heard[0][0] != b'X' || heard[0][47] == b'N', "{terms}");
    }
    // The automatic one goes through to its end, and the plain one, too.
    drop(authenticates(&setup, server.address(), "them", "us"));
    let mut peer = Peer::connect(server.address());
    peer.say(ssid(b'N'));
    peer.hear();
    let file = VirtualFile::new("ORDERS", b"order".to_vec());
    assert_eq!(peer.offer(&file)[0], b'2', "SFPA");
}

/// A policy may want more than the profile, and not less.
#[test]
fn a_policy_sees_whether_a_session_is_authenticated_and_may_ask_for_it() {
    let setup = setup();
    setup.write("terms.wasm", terms());
    let asking = |wanted: &str| {
        format!(
            "policies:\n  terms:\n    component: terms.wasm\n    settings: {{secure-authentication: '{wanted}'}}\n"
        )
    };
    let terms = |authentication: &str, wanted: &str| {
        let session = REQUIRED.replace("required", authentication);
        setup.configure(PLAIN, &format!("{BOTH}{session}"), &asking(wanted));
    };
    terms("automatic", "true");
    let server = setup.serve();
    let plain = || {
        let mut peer = Peer::connect(server.address());
        peer.say(ssid(b'N'));
        peer.hear()
    };
    assert_eq!(&plain()[..3], b"F12", "the policy asks for it");
    let mut peer = authenticates(&setup, server.address(), "them", "us");
    let file = VirtualFile::new("ORDERS", b"order".to_vec());
    assert_eq!(peer.offer(&file)[0], b'2', "SFPA");
    server.await_log(&["told of a file: ORDERS", "authenticated true"]);
    for (authentication, wanted, answer) in [
        ("disallowed", "true", &b"F12"[..]),
        ("required", "false", b"F12"),
        ("automatic", "false", b"X5O"),
    ] {
        terms(authentication, wanted);
        let reloaded = setup.pointsman(&["reload"]);
        assert!(reloaded.status.success(), "{}", said(&reloaded));
        assert_eq!(&plain()[..3], answer, "{authentication}, {wanted}");
    }
}

/// Either side may be the first to have a new key, and for as long as it likes.
#[test]
fn keys_change_over_on_either_side_in_any_order_without_a_restart() {
    let setup = setup();
    for name in ["us-new", "them-new"] {
        rsa_pair(setup.path(), name);
    }
    let ours = |names: &[&str]| {
        let keys = names
            .iter()
            .map(|name| format!("{{file: {name}.key, certificate: {name}.pem}}"));
        format!("    keys: [{}]\n", keys.collect::<Vec<_>>().join(", "))
    };
    let theirs = |names: &[&str]| {
        let files = names.iter().map(|name| format!("{{file: {name}.pem}}"));
        format!(
            "    certificates: [{}]\n",
            files.collect::<Vec<_>>().join(", ")
        )
    };
    let server = setup.serve();
    let reload = |keys: &str, certificates: &str| {
        setup.configure(PLAIN, &format!("{keys}{certificates}{REQUIRED}"), "");
        let reloaded = setup.pointsman(&["reload"]);
        assert!(reloaded.status.success(), "{}", said(&reloaded));
    };
    // Both stand beside each other, in either order: whatever the partner has by now is right.
    for (keys, certificates) in [
        (["us", "us-new"], ["them", "them-new"]),
        (["us-new", "us"], ["them-new", "them"]),
    ] {
        reload(&ours(&keys), &theirs(&certificates));
        for their_key in ["them", "them-new"] {
            for our_certificate in ["us", "us-new"] {
                drop(authenticates(
                    &setup,
                    server.address(),
                    their_key,
                    our_certificate,
                ));
            }
        }
    }
    // A session keeps what it began with, and the next one has what is in force.
    let mut before = challenged(setup.path(), server.address(), "them");
    reload(&ours(&["us-new"]), &theirs(&["them-new"]));
    assert_eq!(before.hear(), b"J", "SECD");
    challenges(setup.path(), &mut before, "us");
    let mut after = challenged(setup.path(), server.address(), "them-new");
    assert_eq!(after.hear(), b"J", "SECD");
    after.say(auch(&challenge_of(setup.path(), &octets(3, 20), "us")));
    assert_eq!(after.hear_esid(), "11");
    // Another certificate in the same file is a change, too.
    rsa_pair(setup.path(), "them-new");
    let reloaded = said(&setup.pointsman(&["reload"]));
    all_in(&reloaded, &["partners.mueller.certificates[0].file"]);
    drop(authenticates(
        &setup,
        server.address(),
        "them-new",
        "us-new",
    ));
}

/// A key of its own for it, so that whoever makes us open challenges gets nothing of what opens files.
#[test]
fn a_key_for_something_else_answers_no_challenge() {
    let setup = setup();
    rsa_pair(setup.path(), "files");
    let keys = "    keys:\n      - {file: files.key, certificate: files.pem, for: [decryption, signing]}\n      - {file: us.key, certificate: us.pem, for: [authentication]}\n    certificates: [{file: them.pem, for: [authentication]}]\n";
    setup.configure(PLAIN, &format!("{keys}{REQUIRED}"), "");
    let server = setup.serve();
    drop(authenticates(&setup, server.address(), "them", "us"));
    let mut peer = challenged(setup.path(), server.address(), "them");
    assert_eq!(peer.hear(), b"J", "SECD");
    peer.say(auch(&challenge_of(setup.path(), &octets(3, 20), "files")));
    assert_eq!(peer.hear_esid(), "11");
    let lacking = keys.replace(
        "for: [authentication]}\n    cert",
        "for: [signing]}\n    cert",
    );
    setup.configure(PLAIN, &format!("{lacking}{REQUIRED}"), "");
    let checked = setup.pointsman(&["check"]);
    assert_eq!(checked.status.code(), Some(1));
    all_in(
        &said(&checked),
        &["session.authentication", "for authentication"],
    );
}
