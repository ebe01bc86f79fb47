//! Receipts for files of ours, made by `openssl cms` as the partner's software would: good ones and forged ones.

use std::net::TcpStream;

use super::cms_command::{copy_keys, openssl_cms};
use super::receipts::hash;
use super::sending::{sender, take};
use super::support::Setup;
use super::support::peer::{Called, Peer, release};

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
        ("another date", changed(|text| text[26] ^= 1), "EERPDATE"),
        ("another time", changed(|text| text[35] ^= 1), "EERPTIME"),
        (
            "another destination",
            changed(|text| text[45] ^= 1),
            "EERPDEST",
        ),
        ("another origin", changed(|text| text[70] ^= 1), "EERPORIG"),
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
    // The books of a lost ledger know of them, too, and of each once where the old one can be read.
    let histories = || {
        let rows = setup.transfers();
        let ids = rows.iter().filter_map(|row| row.split_whitespace().next());
        let shown = ids.map(|id| setup.pointsman(&["transfers", "show", id]).stdout);
        let shown = shown.map(|shown| String::from_utf8(shown).unwrap());
        shown.collect::<Vec<_>>()
    };
    let before = histories().concat().matches("receipt-invalid").count();
    assert_eq!(before, count);
    for keeps_old in [true, false] {
        if !keeps_old {
            std::fs::remove_file(setup.path().join("state/ledger.db")).unwrap();
        }
        let rebuilt = setup.pointsman(&["store", "rebuild"]);
        assert!(rebuilt.status.success(), "{rebuilt:?}");
        for shown in histories() {
            let is_told = state(&shown).starts_with("sent: receipt invalid: ");
            let lines = shown.matches("receipt-invalid").count();
            assert_eq!((is_told, lines), (true, 1), "{keeps_old}: {shown}");
        }
    }
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
