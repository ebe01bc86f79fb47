//! Signed receipts that the program gives, which `openssl cms` verifies.

use std::net::TcpStream;

use super::cms_command::{copy_keys, verified};
use super::support::guests::misbehaving;
use super::support::peer::{Peer, VirtualFile};
use super::support::{Setup, US, eventually, octets};

const PLAIN: &str = "  - address: 127.0.0.1:0\n";

/// A station of ours with that key, to which the partner sends; `more` is added to the partner.
fn receiver(key: &str, more: &str) -> Setup {
    let setup = Setup::plain("");
    copy_keys(
        setup.path(),
        &["us.key", "us.pem", "ended.key", "ended.pem"],
    );
    configure(&setup, key, more);
    setup
}

fn configure(setup: &Setup, key: &str, more: &str) {
    let suites = "    file_security: {suites: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}\n";
    setup.configure(PLAIN, &format!("{suites}{more}"), "");
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let keys = match key {
        "" => String::new(),
        key => format!("  keys:\n    - file: {key}.key\n      certificate: {key}.pem\n"),
    };
    std::fs::write(
        setup.config(),
        text.replace("storage:\n", &format!("{keys}storage:\n")),
    )
    .unwrap();
}

/// The SFID of a file that asks for a signed receipt by that suite.
fn asking(file: &VirtualFile, suite: u8) -> Vec<u8> {
    let mut sfid = file.sfid();
    sfid[157..159].copy_from_slice(format!("{suite:02}").as_bytes());
    sfid[161] = b'Y';
    sfid
}

/// Sends it to its EFPA.
fn send(peer: &mut Peer<TcpStream>, file: &VirtualFile, suite: u8) {
    peer.say(asking(file, suite));
    assert_eq!(peer.hear(), b"200000000000000000", "SFPA");
    peer.send_content(file);
    assert_eq!(peer.hear(), b"4N", "EFPA");
}

/// The answer to an SFID, as text.
fn offered(peer: &mut Peer<TcpStream>, sfid: Vec<u8>) -> String {
    peer.say(sfid);
    String::from_utf8(peer.hear()).unwrap()
}

/// The digest of octets by a cipher suite, by the `openssl` command.
pub fn hash(suite: u8, content: &[u8]) -> Vec<u8> {
    let work = tempfile::TempDir::new().unwrap();
    let file = work.path().join("in");
    std::fs::write(&file, content).unwrap();
    let done = std::process::Command::new("openssl")
        .args(["dgst", &format!("-{}", digest(suite)), "-binary"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    done.stdout
}

fn digest(suite: u8) -> &'static str {
    match suite {
        1 | 2 => "sha1",
        3 | 4 | 8 => "sha256",
        5 | 6 | 9 => "sha512",
        _ => "sha3-512",
    }
}

/// Hash and signature of a receipt, which begin there.
pub fn proof(receipt: &[u8], from: usize) -> (&[u8], &[u8]) {
    let (length, rest) = receipt[from..].split_at(2);
    let (hash, rest) = rest.split_at(usize::from(u16::from_be_bytes([length[0], length[1]])));
    let (length, signature) = rest.split_at(2);
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    assert_eq!(signature.len(), length, "EERPSIGL or NERPSIGL");
    (hash, signature)
}

/// That the partner's check of an EERP of ours comes out well: 94 octets of its fields and the hash are signed.
fn assert_signed(receipt: &[u8], suite: u8, content: &[u8]) {
    let (of_file, signature) = proof(receipt, 106);
    assert_eq!(of_file, hash(suite, content), "suite {suite}");
    let fields = [&receipt[1..27], &receipt[30..48], &receipt[56..106]].concat();
    assert_eq!(fields.len(), 94);
    let signed = verified("us", signature);
    assert_eq!(signed, [&fields, of_file].concat(), "suite {suite}");
}

#[test]
fn an_eerp_is_signed_by_the_suite_of_its_file_over_its_fields_and_the_hash_of_the_file() {
    let setup = receiver("us", "");
    let server = setup.serve();
    for suite in 1..=10 {
        let content = octets(suite.into(), 5000 * usize::from(suite - 1));
        let file = VirtualFile::new(&format!("ORDER.{suite}"), content.clone());
        let mut peer = Peer::session(server.address());
        send(&mut peer, &file, suite);
        let receipts = peer.take_receipts();
        assert_eq!(receipts.len(), 1);
        assert_signed(&receipts[0], suite, &content);
    }
}

/// A receipt is made once: PSS signatures of the same text differ each time.
#[test]
fn a_receipt_whose_rtr_did_not_come_goes_out_with_the_same_octets_also_after_a_crash() {
    let setup = receiver("us", "");
    let server = setup.serve();
    let file = VirtualFile::new("ORDER", "octets");
    let mut peer = Peer::session(server.address());
    send(&mut peer, &file, 8);
    let first = peer.change_direction();
    assert_signed(&first, 8, b"octets");
    server.kill();
    let server = setup.serve();
    let again = Peer::session(server.address()).take_receipts();
    assert_eq!(again, [first], "the same to the octet");
    let once = Peer::session(server.address()).take_receipts();
    assert_eq!(once, Vec::<Vec<u8>>::new(), "it is given");
}

/// Its signature needs the hash of the file, and the file is removed.
#[test]
fn a_nerp_is_signed_where_its_file_is_not_kept_also_after_a_crash() {
    let setup = receiver("us", "    delivery: {rejected: delete}\n");
    let policy = "policies:\n  bad:\n    component: bad.wasm\n    hooks: [end-transfer]\n    settings: {misbehave: negative}\n";
    let text = std::fs::read_to_string(setup.config()).unwrap();
    std::fs::write(setup.config(), text + policy).unwrap();
    setup.write("bad.wasm", misbehaving());
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    send(&mut peer, &VirtualFile::new("ORDER", "octets"), 4);
    let row = setup.transfers().remove(0);
    let id = row.split_whitespace().next().unwrap();
    let sealed = setup.path().join("state/spool/sealed").join(id);
    eventually("its content is removed", || {
        (!sealed.exists()).then_some(())
    });
    assert_eq!(server.stop(), Some(0));
    // As where a crash comes when its row says `rejected`: its content is there, and its hash is not known.
    std::fs::write(&sealed, "octets").unwrap();
    let sidecar = sealed.with_extension("jsonl");
    let lines = std::fs::read_to_string(&sidecar).unwrap();
    assert!(lines.contains("hashed"), "{lines}");
    let lines = lines.lines().filter(|line| !line.contains("hashed"));
    let lines: String = lines.map(|line| format!("{line}\n")).collect();
    std::fs::write(&sidecar, lines).unwrap();
    let rebuilt = setup.pointsman(&["store", "rebuild"]);
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    let server = setup.serve();
    assert!(!sealed.exists(), "the start removes it");
    let nerp = &Peer::session(server.address()).take_receipts()[0];
    assert_eq!(nerp[0], b'N', "NERP");
    let text: usize = String::from_utf8_lossy(&nerp[128..131]).parse().unwrap();
    let (of_file, signature) = proof(nerp, 131 + text);
    assert_eq!(of_file, hash(4, b"octets"));
    let fields = [&nerp[1..27], &nerp[33..126]].concat();
    assert_eq!(verified("us", signature), [&fields, of_file].concat());
}

#[test]
fn a_nerp_is_signed_and_so_is_the_receipt_of_a_file_of_records() {
    let no = "    delivery: {command: ['/bin/sh', '-c', 'echo no good; exit 65']}\n";
    let setup = receiver("us", no);
    let server = setup.serve();
    let file = VirtualFile::new("ORDER", "octets");
    let mut peer = Peer::session(server.address());
    send(&mut peer, &file, 4);
    let nerp = &peer.take_receipts()[0];
    assert_eq!(nerp[0], b'N', "NERP");
    let text: usize = String::from_utf8_lossy(&nerp[128..131]).parse().unwrap();
    let (of_file, signature) = proof(nerp, 131 + text);
    assert_eq!(of_file, hash(4, b"octets"));
    let fields = [&nerp[1..27], &nerp[33..126]].concat();
    assert_eq!(fields.len(), 119);
    assert_eq!(verified("us", signature), [&fields, of_file].concat());
    // Of records nothing counts but what is in them (RFC 5024, 5.3.13): not the line ends they have here.
    configure(&setup, "us", "    fixed_records: lines\n");
    assert!(setup.pointsman(&["reload"]).status.success());
    let file = VirtualFile::new("FIXED", "AAABBB");
    let mut sfid = asking(&file, 6);
    sfid[106..112].copy_from_slice(b"F00003");
    let mut peer = Peer::session(server.address());
    peer.say(sfid);
    assert_eq!(peer.hear(), b"200000000000000000");
    peer.say(b"D\x83AAA\x83BBB");
    peer.say(format!("T{:017}{:017}", 2, 6));
    assert_eq!(peer.hear(), b"4N");
    assert_signed(&peer.take_receipts()[0], 6, b"AAABBB");
    let fixed = setup
        .delivered()
        .into_iter()
        .find(|path| path.contains("FIXED"));
    let here = std::fs::read(setup.inbox().join(fixed.unwrap())).unwrap();
    assert_eq!(here, b"AAA\r\nBBB\r\n");
}

#[test]
fn stations_that_are_not_swapped_are_signed_as_they_stand_on_the_wire() {
    let setup = receiver("us", "    unswapped_receipts: true\n");
    let server = setup.serve();
    let file = VirtualFile::new("ORDER", "octets");
    let mut peer = Peer::session(server.address());
    send(&mut peer, &file, 4);
    let receipts = peer.take_receipts();
    assert!(receipts[0][56..].starts_with(US.as_bytes()), "EERPDEST");
    assert_signed(&receipts[0], 4, b"octets");
}

#[test]
fn a_signed_receipt_that_cannot_be_given_is_refused_at_sfid_or_goes_unsigned_where_that_is_agreed()
{
    for (key, why) in [("", "receipts"), ("ended", "CN=ended")] {
        let setup = receiver(key, "");
        let server = setup.serve();
        let file = VirtualFile::new("ORDER", "octets");
        let mut peer = Peer::session(server.address());
        let answer = offered(&mut peer, asking(&file, 4));
        assert!(answer.starts_with("319N"), "SFNA 19: {answer}");
        assert!(
            !answer.contains("CN="),
            "what we have is not told: {answer}"
        );
        server.await_log(&["no-receipt-key", "ORDER", why]);
        configure(&setup, key, "    unsigned_receipts: true\n");
        assert!(setup.pointsman(&["reload"]).status.success());
        let mut peer = Peer::session(server.address());
        send(&mut peer, &file, 4);
        let receipts = peer.take_receipts();
        assert_eq!(
            &receipts[0][106..],
            [0, 0, 0, 0],
            "neither hash nor signature"
        );
        server.await_log(&["receipt-unsigned", why]);
    }
    let setup = receiver("us", "");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let answer = offered(&mut peer, asking(&VirtualFile::new("ORDER", "octets"), 0));
    assert!(answer.starts_with("315N"), "no suite, SFNA 15: {answer}");
}

#[test]
fn a_receipt_is_signed_by_an_agreed_suite_also_where_it_may_go_unsigned() {
    let setup = receiver("us", "    unsigned_receipts: true\n");
    let yaml = std::fs::read_to_string(setup.config()).unwrap();
    let usual = yaml.replace("suites: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", "suites: [3, 4]");
    std::fs::write(setup.config(), usual).unwrap();
    let server = setup.serve();
    for suite in [1, 2, 7, 42] {
        let mut peer = Peer::session(server.address());
        let file = VirtualFile::new(&format!("ORDER{suite}"), "octets");
        let answer = offered(&mut peer, asking(&file, suite));
        assert!(answer.starts_with("315N"), "suite {suite}: {answer}");
    }
}

#[test]
fn a_receipt_waits_where_its_key_is_gone_and_the_partner_gets_none_without_a_signature() {
    let setup = receiver("us", "");
    let server = setup.serve();
    let file = VirtualFile::new("ORDER", "octets");
    let mut peer = Peer::session(server.address());
    send(&mut peer, &file, 4);
    // It breaks off before its receipt.
    drop(peer);
    setup.await_delivered(1);
    configure(&setup, "ended", "");
    assert!(setup.pointsman(&["reload"]).status.success());
    let none = Peer::session(server.address()).take_receipts();
    assert_eq!(none, Vec::<Vec<u8>>::new());
    server.await_log(&["receipt-not-signed", "CN=ended", "station.keys"]);
    configure(&setup, "ended", "    unsigned_receipts: true\n");
    assert!(
        setup.transfers()[0].contains("owed"),
        "{:?}",
        setup.transfers()
    );
}
