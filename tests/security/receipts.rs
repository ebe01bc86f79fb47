//! Signed receipts: those that the program gives are verified by `openssl cms`, and those that it gets were made by it,
//! good ones and forged ones.

use std::net::TcpStream;

use super::cms_command::{copy_keys, openssl_cms, verified};
use super::sending::{sender, take};
use super::support::peer::{Called, Peer, VirtualFile, release};
use super::support::{Setup, US, octets};

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

/// The answer to an SFID, as text.
fn offered(peer: &mut Peer<TcpStream>, sfid: Vec<u8>) -> String {
    peer.say(sfid);
    String::from_utf8(peer.hear()).unwrap()
}

/// The digest of octets by a cipher suite, by the `openssl` command.
fn hash(suite: u8, content: &[u8]) -> Vec<u8> {
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
fn proof(receipt: &[u8], from: usize) -> (&[u8], &[u8]) {
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
        peer.say(asking(&file, suite));
        assert_eq!(peer.hear(), b"200000000000000000", "SFPA");
        peer.send_content(&file);
        assert_eq!(peer.hear(), b"4N", "EFPA");
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
    peer.say(asking(&file, 8));
    assert_eq!(peer.hear(), b"200000000000000000");
    peer.send_content(&file);
    assert_eq!(peer.hear(), b"4N");
    let first = peer.change_direction();
    assert_signed(&first, 8, b"octets");
    server.kill();
    let server = setup.serve();
    let again = Peer::session(server.address()).take_receipts();
    assert_eq!(again, [first], "the same to the octet");
    let once = Peer::session(server.address()).take_receipts();
    assert_eq!(once, Vec::<Vec<u8>>::new(), "it is given");
}

#[test]
fn a_nerp_is_signed_and_so_is_the_receipt_of_a_file_of_records() {
    let no = "    delivery: {command: ['/bin/sh', '-c', 'echo no good; exit 65']}\n";
    let setup = receiver("us", no);
    let server = setup.serve();
    let file = VirtualFile::new("ORDER", "octets");
    let mut peer = Peer::session(server.address());
    peer.say(asking(&file, 4));
    assert_eq!(peer.hear(), b"200000000000000000");
    peer.send_content(&file);
    assert_eq!(peer.hear(), b"4N");
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
    peer.say(asking(&file, 4));
    assert_eq!(peer.hear(), b"200000000000000000");
    peer.send_content(&file);
    assert_eq!(peer.hear(), b"4N");
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
        peer.say(asking(&file, 4));
        assert_eq!(peer.hear(), b"200000000000000000");
        peer.send_content(&file);
        assert_eq!(peer.hear(), b"4N");
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
    peer.say(asking(&file, 4));
    assert_eq!(peer.hear(), b"200000000000000000");
    peer.send_content(&file);
    assert_eq!(peer.hear(), b"4N");
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

/// A receipt as the partner's software makes it.
#[derive(Clone)]
struct Made {
    /// Of an EERP the fields that are signed: name, date and time, EERPDEST and EERPORIG; of a NERP NERPCREA, too.
    fields: Vec<u8>,
    is_nerp: bool,
    hash: Vec<u8>,
    signature: Vec<u8>,
}

impl Made {
    fn octets(&self) -> Vec<u8> {
        let length = |part: &[u8]| (part.len() as u16).to_be_bytes();
        let proof = [
            &length(&self.hash)[..],
            &self.hash,
            &length(&self.signature),
            &self.signature,
        ]
        .concat();
        let (name, rest) = self.fields.split_at(26);
        match self.is_nerp {
            false => {
                let (stamp, stations) = rest.split_at(18);
                [b"E", name, b"   ", stamp, &[b' '; 8], stations, &proof].concat()
            }
            true => [b"N", name, &[b' '; 6], rest, b"34", b"000", &proof].concat(),
        }
    }

    /// Signed by these, with that digest.
    fn signed(mut self, by: &[&str], digest: &str, text: &[u8]) -> Self {
        self.signature = signature(by, digest, "-nodetach", text);
        self
    }

    fn text(&self) -> Vec<u8> {
        [&self.fields[..], &self.hash].concat()
    }
}

fn signature(by: &[&str], digest: &str, how: &str, text: &[u8]) -> Vec<u8> {
    let signers: Vec<_> = by
        .iter()
        .map(|name| format!("-signer {name}.pem -inkey {name}.key"))
        .collect();
    let how = format!(
        "-sign -outform DER -nocerts -md {digest} {how} {}",
        signers.join(" ")
    );
    openssl_cms(&how, text).unwrap()
}

/// What the files of the tests have.
const CONTENT: &[u8] = b"an invoice";

/// The fields of an EERP for the file of that SFID.
fn fields(sfid: &[u8]) -> Vec<u8> {
    let (name, stamp, to, from) = (&sfid[1..27], &sfid[30..48], &sfid[56..81], &sfid[81..106]);
    [name, stamp, from, to].concat()
}

fn unsigned(sfid: &[u8], is_nerp: bool) -> Made {
    let creator = if is_nerp { &sfid[56..81] } else { &[] };
    Made {
        fields: [&fields(sfid)[..], creator].concat(),
        is_nerp,
        hash: hash(4, CONTENT),
        signature: Vec::new(),
    }
}

fn good(sfid: &[u8], is_nerp: bool) -> Made {
    let made = unsigned(sfid, is_nerp);
    let text = made.text();
    made.signed(&["us"], "sha256", &text)
}

fn other_name(text: &mut [u8]) {
    text[..5].copy_from_slice(b"OTHER");
}

/// Every receipt that must not be taken, with what is said of it.
fn forged(sfid: &[u8]) -> Vec<(&'static str, Made, &'static str)> {
    let (eerp, nerp) = (unsigned(sfid, false), unsigned(sfid, true));
    let changed = |change: fn(&mut Vec<u8>)| {
        let mut text = eerp.text();
        change(&mut text);
        eerp.clone().signed(&["us"], "sha256", &text)
    };
    let with_hash = |hash: Vec<u8>| {
        let made = Made {
            hash,
            ..eerp.clone()
        };
        let text = made.text();
        made.signed(&["us"], "sha256", &text)
    };
    let by = |signers: &[&str], digest| eerp.clone().signed(signers, digest, &eerp.text());
    let with_signature = |signature: Vec<u8>| Made {
        signature,
        ..eerp.clone()
    };
    let whole = good(sfid, false).signature;
    let mut rotten = whole.clone();
    *rotten.last_mut().unwrap() ^= 1;
    let creator_and_hash = [&nerp.fields[94..], &nerp.hash].concat();
    let from_nerp = |hash| {
        Made {
            hash,
            ..eerp.clone()
        }
        .signed(&["us"], "sha256", &nerp.text())
    };
    vec![
        ("unsigned", eerp.clone(), "it is not signed"),
        ("unsigned NERP", nerp.clone(), "it is not signed"),
        (
            "another file's name",
            changed(|text| other_name(text)),
            "EERPDSN",
        ),
        ("another date", changed(|text| text[26] = b'1'), "EERPDATE"),
        ("another time", changed(|text| text[35] = b'9'), "EERPTIME"),
        (
            "another destination",
            changed(|text| text[45] = b'9'),
            "EERPDEST",
        ),
        (
            "another origin",
            changed(|text| text[70] = b'9'),
            "EERPORIG",
        ),
        (
            "stations swapped in what is signed",
            changed(|text| {
                let (to, from) = (text[44..69].to_vec(), text[69..94].to_vec());
                text[44..94].copy_from_slice(&[from, to].concat());
            }),
            "EERPDEST",
        ),
        (
            "another hash in what is signed",
            changed(|text| text[94] ^= 1),
            "hash",
        ),
        (
            "another file's hash",
            with_hash(hash(4, b"another")),
            "hash is not that of the file",
        ),
        ("no hash", with_hash(Vec::new()), "has 0 octets"),
        ("a SHA-1 hash", with_hash(hash(1, CONTENT)), "has 20 octets"),
        (
            "a longer hash",
            with_hash([hash(4, CONTENT), vec![0; 25]].concat()),
            "has 57 octets",
        ),
        (
            "an EERP of a NERP's signature",
            from_nerp(creator_and_hash),
            "has 57 octets",
        ),
        (
            "the same with the file's hash",
            from_nerp(nerp.hash.clone()),
            "not of this kind",
        ),
        (
            "a NERP of an EERP's signature",
            nerp.clone().signed(&["us"], "sha256", &eerp.text()),
            "not of this kind",
        ),
        (
            "a stranger's",
            by(&["stranger"], "sha256"),
            "known certificate",
        ),
        ("our own", by(&["them"], "sha256"), "known certificate"),
        ("by an older hash", by(&["us"], "sha1"), "cipher suite's"),
        (
            "detached",
            with_signature(signature(&["us"], "sha256", "", &eerp.text())),
            "no content",
        ),
        ("changed in one bit", with_signature(rotten), "signature"),
        (
            "cut off",
            with_signature(whole[..whole.len() - 1].to_vec()),
            "signature",
        ),
        (
            "followed by something",
            with_signature([&whole[..], b"x"].concat()),
            "signature",
        ),
        (
            "no CMS",
            with_signature(b"signed by me".to_vec()),
            "signature",
        ),
    ]
}

/// Sends a file that asks for a signed receipt, gives the partner's receipts for it, each with its RTR, and returns what
/// `transfers show` has then, and whether the command says that it is done.
fn answered(
    setup: &Setup,
    called: &Called,
    how: &[&str],
    receipts: impl Fn(&[u8]) -> Vec<Made>,
) -> (String, bool) {
    let path = setup.write("INVOIC", CONTENT);
    let args = [&["send", path.to_str().unwrap(), "--to", "nordwerk"], how].concat();
    let sent = std::thread::scope(|scope| {
        let sending = scope.spawn(|| setup.pointsman(&args));
        let mut peer = called.greet();
        let sfid = peer.hear();
        assert_eq!(sfid[0], b'H', "SFID");
        take(&mut peer, sfid.clone());
        give(&mut peer, &receipts(&sfid));
        sending.join().unwrap()
    });
    let listed = &setup.transfers()[0];
    let id = listed.split_whitespace().next().unwrap();
    let shown = setup.pointsman(&["transfers", "show", id]);
    (
        String::from_utf8(shown.stdout).unwrap(),
        sent.status.success(),
    )
}

fn give(peer: &mut Peer<TcpStream>, receipts: &[Made]) {
    if receipts.is_empty() {
        return release(peer);
    }
    assert_eq!(peer.hear(), b"R", "CD");
    for receipt in receipts {
        peer.say(receipt.octets());
        assert_eq!(peer.hear(), b"P", "RTR: it would come again for ever");
    }
    peer.say(b"F00000\r");
}

const ASKED: [&str; 2] = ["--signed-receipt", "--plain"];

fn state(shown: &str) -> &str {
    let line = shown.lines().find(|line| line.starts_with("state"));
    line.unwrap().split_at(12).1.trim()
}

#[test]
fn a_receipt_that_is_signed_by_the_partner_for_this_file_is_taken() {
    let called = Called::new();
    let setup = sender(&called.address(), "");
    for (is_nerp, state_then) in [(false, "acknowledged"), (true, "rejected")] {
        let (shown, done) = answered(&setup, &called, &ASKED, |sfid| vec![good(sfid, is_nerp)]);
        assert_eq!(
            (state(&shown).split(':').next(), done),
            (Some(state_then), !is_nerp)
        );
        assert!(
            shown.contains("its signature is good, by CN=us, serial"),
            "{shown}"
        );
    }
    // Who changes certificates signs with both.
    let both = |sfid: &[u8]| {
        let made = unsigned(sfid, false);
        let text = made.text();
        vec![made.signed(&["stranger", "us"], "sha256", &text)]
    };
    let (shown, done) = answered(&setup, &called, &ASKED, both);
    assert_eq!((state(&shown), done), ("acknowledged", true));
}

#[test]
fn a_receipt_of_a_next_certificate_is_taken_beside_one_of_the_old() {
    let called = Called::new();
    let more = "      - file: them-next.pem\n";
    let setup = sender(&called.address(), more);
    copy_keys(setup.path(), &["them-next.pem"]);
    for by in ["them-next", "us"] {
        let (shown, done) = answered(&setup, &called, &ASKED, |sfid| {
            let made = unsigned(sfid, false);
            let text = made.text();
            vec![made.signed(&[by], "sha256", &text)]
        });
        assert_eq!((state(&shown), done), ("acknowledged", true), "{by}");
    }
}

#[test]
fn no_forged_receipt_is_taken_and_each_is_told_with_its_reason_and_gets_its_rtr() {
    let called = Called::new();
    let setup = sender(&called.address(), "");
    let some = vec![b' '; 165];
    let count = forged(&some).len();
    for at in 0..count {
        let (shown, done) = answered(&setup, &called, &ASKED, |sfid| {
            vec![forged(sfid).swap_remove(at).1]
        });
        let (what, _, why) = forged(&some).swap_remove(at);
        assert!(!done, "{what}");
        assert!(
            state(&shown).starts_with("sent: receipt invalid: "),
            "{what}: {shown}"
        );
        assert!(state(&shown).contains(why), "{what}: {shown}");
        assert!(shown.contains("receipt-invalid"), "{what}: {shown}");
    }
    println!("{count} forged receipts, 0 taken");
    let waits = setup.pointsman(&["transfers", "waiting"]);
    let waits = String::from_utf8(waits.stdout).unwrap();
    assert_eq!(
        waits.matches("its receipt came, and is not taken").count(),
        count,
        "{waits}"
    );
}

#[test]
fn a_good_receipt_is_taken_after_a_forged_one_and_a_forged_one_changes_nothing_after_a_good_one() {
    let called = Called::new();
    let setup = sender(&called.address(), "");
    let bad = |sfid: &[u8]| forged(sfid).swap_remove(2).1;
    let (shown, done) = answered(&setup, &called, &ASKED, |sfid| {
        vec![bad(sfid), good(sfid, false)]
    });
    assert_eq!((state(&shown), done), ("acknowledged", true), "{shown}");
    let (shown, done) = answered(&setup, &called, &ASKED, |sfid| {
        vec![good(sfid, false), bad(sfid)]
    });
    assert_eq!((state(&shown), done), ("acknowledged", true), "{shown}");
    assert!(shown.contains("receipt-invalid"), "{shown}");
}

/// The hash counts also where no signature was asked for.
#[test]
fn the_hash_of_an_unsigned_receipt_is_compared() {
    let called = Called::new();
    let setup = sender(&called.address(), "");
    let how = ["--plain", "--security", "signed"];
    let taken = std::cell::RefCell::new(Vec::new());
    let path = setup.write("INVOIC", CONTENT);
    for is_right in [true, false] {
        let args = [
            &["send", path.to_str().unwrap(), "--to", "nordwerk"],
            &how[..],
        ]
        .concat();
        let sent = std::thread::scope(|scope| {
            let sending = scope.spawn(|| setup.pointsman(&args));
            let mut peer = called.greet();
            let sfid = peer.hear();
            let file = take(&mut peer, sfid.clone());
            taken.borrow_mut().push(file.content.clone());
            let mut receipt = unsigned(&sfid, false);
            receipt.hash = hash(4, if is_right { &file.content } else { CONTENT });
            give(&mut peer, &[receipt]);
            sending.join().unwrap()
        });
        assert_eq!(sent.status.success(), is_right, "{sent:?}");
    }
    let said = setup.transfers();
    assert!(
        said[0].contains("sent") && said[1].contains("acknowledged"),
        "{said:?}"
    );
}

/// Partners of the first edition do not swap the stations, and sign what they say.
#[test]
fn a_signature_over_stations_that_are_not_swapped_is_checked_as_it_stands_on_the_wire() {
    let called = Called::new();
    let setup = sender(&called.address(), "");
    let (shown, done) = answered(&setup, &called, &ASKED, |sfid| {
        let mut made = unsigned(sfid, false);
        made.fields = [&sfid[1..27], &sfid[30..48], &sfid[56..106]].concat();
        let text = made.text();
        vec![made.signed(&["us"], "sha256", &text)]
    });
    assert_eq!((state(&shown), done), ("acknowledged", true), "{shown}");
    assert!(shown.contains("its signature is good"), "{shown}");
}

#[test]
fn a_signature_that_nothing_can_check_is_none() {
    for certificate in ["ended", "none"] {
        let called = Called::new();
        let setup = sender(&called.address(), "");
        let path = setup.write("INVOIC", CONTENT);
        let file = path.to_str().unwrap();
        let send = ["send", file, "--to", "nordwerk", "--signed-receipt"];
        let queued = setup.pointsman(&[&send[..], &["--plain", "--queue-only"]].concat());
        assert!(queued.status.success(), "{queued:?}");
        let yaml = std::fs::read_to_string(setup.config()).unwrap();
        let without = match certificate {
            "ended" => yaml.replace("us.pem", "ended.pem"),
            _ => yaml.replace("    certificates:\n      - file: us.pem\n", ""),
        };
        std::fs::write(setup.config(), without).unwrap();
        let server = setup.serve();
        let mut peer = called.greet();
        let sfid = peer.hear();
        take(&mut peer, sfid.clone());
        let signature = b"signed by me".to_vec();
        let made = Made {
            signature,
            ..unsigned(&sfid, false)
        };
        give(&mut peer, &[made]);
        server.await_log(&["receipt-invalid", "INVOIC", "was not checked"]);
        let rows = setup.transfers();
        assert!(rows[0].contains(" sent"), "{certificate}: {rows:?}");
    }
}
