//! What is sent: signed, compressed, encrypted, as the profile, the command or the watched folder says.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;

use super::cms_command::{copy_keys, decrypted, openssl_cms, uncompressed, verified};
use super::support::peer::{Called, Peer, release};
use super::support::{Setup, THEIRS, THEM, US, eventually, octets};

/// A station that calls that partner, with keys of its own and the partner's certificate; `more` is added to the partner.
pub fn sender(address: &str, more: &str) -> Setup {
    let setup = Setup::plain("");
    copy_keys(
        setup.path(),
        &["them.pem", "them.key", "us.pem", "ended.pem", "ended.key"],
    );
    setup.write(
        "pointsman.yaml",
        format!(
            "version: 1\nstation:\n  ssid: {THEM}\n  password: {THEIRS}\n  keys:\n    - file: them.key\n      certificate: them.pem\n\
             storage:\n  state: state\n  inbox: inbox\nlisteners:\n  - address: 127.0.0.1:0\npartners:\n  nordwerk:\n    ssid: {US}\n    password: OURPASS\n    \
             address: {address}\n    calls: {{delay: 100ms}}\n    certificates:\n      - file: us.pem\n{more}"
        ),
    );
    setup
}

/// A file as the partner got it.
pub struct Taken {
    pub sfid: Vec<u8>,
    pub content: Vec<u8>,
}

impl Taken {
    pub fn name(&self) -> String {
        String::from_utf8_lossy(&self.sfid[1..27])
            .trim_end()
            .to_owned()
    }

    fn field(&self, from: usize, to: usize) -> String {
        String::from_utf8_lossy(&self.sfid[from..to]).into_owned()
    }

    /// SFIDFSIZ and SFIDOSIZ.
    fn blocks(&self) -> (usize, usize) {
        let read = |from, to| self.field(from, to).parse().unwrap();
        (read(112, 125), read(125, 138))
    }

    /// SFIDSEC, SFIDCIPH, SFIDCOMP, SFIDENV, SFIDSIGN.
    pub fn services(&self) -> [String; 5] {
        [(155, 157), (157, 159), (159, 160), (160, 161), (161, 162)]
            .map(|(from, to)| self.field(from, to))
    }

    /// What is in it, layer by layer as its SFID announces them.
    pub fn opened(&self) -> Vec<u8> {
        let [security, _, compressed, ..] = self.services();
        let mut content = self.content.clone();
        if ["01", "03"].contains(&security.as_str()) {
            content = decrypted("us", &content);
        }
        if compressed == "1" {
            content = uncompressed(&content);
        }
        if ["02", "03"].contains(&security.as_str()) {
            content = verified("them", &content);
        }
        content
    }
}

/// Takes the file of an SFID, to EFPA.
pub fn take(peer: &mut Peer<TcpStream>, sfid: Vec<u8>) -> Taken {
    peer.say(b"200000000000000000");
    let (mut content, mut credit) = (Vec::new(), 7);
    loop {
        let heard = peer.hear();
        if heard[0] != b'D' {
            let counted: usize = String::from_utf8_lossy(&heard[18..35]).parse().unwrap();
            assert_eq!(heard[0], b'T', "EFID");
            assert_eq!(&heard[1..18], &[b'0'; 17], "one record");
            assert_eq!(counted, content.len());
            break;
        }
        unpack(&heard[1..], &mut content);
        credit -= 1;
        if credit == 0 {
            peer.say(b"C  ");
            credit = 7;
        }
    }
    peer.say(b"4N");
    Taken { sfid, content }
}

/// Subrecords of a DATA buffer that is not compressed.
fn unpack(mut buffer: &[u8], content: &mut Vec<u8>) {
    while let [header, rest @ ..] = buffer {
        assert_eq!(header & 0x40, 0, "no compression was agreed");
        let (piece, rest) = rest.split_at(usize::from(header & 0x3F));
        content.extend_from_slice(piece);
        buffer = rest;
    }
}

/// Takes so many files, in as many sessions as the sender needs for that.
pub fn take_files(called: &Called, count: usize) -> Vec<Taken> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let mut peer = called.greet();
        loop {
            let heard = peer.hear();
            match heard[0] {
                b'H' => taken.push(take(&mut peer, heard)),
                b'R' => break,
                other => panic!("SFID or CD, not {:?}", other as char),
            }
        }
        peer.say(b"F00000\r");
    }
    taken
}

/// Sends one file by the command, and takes it.
pub fn send(setup: &Setup, called: &Called, file: &str, how: &[&str]) -> Taken {
    let path = setup.path().join(file);
    let args = [&["send", path.to_str().unwrap(), "--to", "nordwerk"], how].concat();
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| setup.pointsman(&args));
        let mut peer = called.greet();
        let sfid = peer.hear();
        assert_eq!(sfid[0], b'H', "SFID");
        let taken = take(&mut peer, sfid);
        release(&mut peer);
        let sent = sending.join().unwrap();
        assert!(sent.status.success(), "{sent:?}");
        taken
    })
}

/// Every combination of services but none.
const SERVICES: [(&str, bool); 7] = [
    ("none", true),
    ("signed", false),
    ("signed", true),
    ("encrypted", false),
    ("encrypted", true),
    ("encrypted-and-signed", false),
    ("encrypted-and-signed", true),
];

pub fn moved_into(setup: &Setup, folder: &Path, name: &str, content: &[u8]) {
    let file = setup.write(name, content);
    std::fs::rename(file, folder.join(name)).unwrap();
}

/// A watched folder whose files have services of their own.
const WATCHED: &str = "      - folder: out/NAME
        send:
          security: SECURITY
          compress: COMPRESS
          suite: SUITE
          signed_receipt: RECEIPT
          lengths: LENGTHS
";

#[test]
fn every_combination_of_services_in_every_suite_is_opened_by_others_and_is_equal() {
    let called = Called::new();
    let mut watched = String::from(
        "    file_security:\n      suites: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n    watch:\n",
    );
    let mut cases = Vec::new();
    for suite in 1..=10 {
        for (security, compress) in SERVICES {
            for lengths in ["indefinite", "definite"] {
                let name = format!("F{}", cases.len());
                let signed_receipt = cases.len() % 3 == 0;
                watched += &WATCHED
                    .replace("NAME", &name)
                    .replace("SECURITY", security)
                    .replace("COMPRESS", &compress.to_string())
                    .replace("SUITE", &suite.to_string())
                    .replace("RECEIPT", &signed_receipt.to_string())
                    .replace("LENGTHS", lengths);
                cases.push((name, suite, security, compress, signed_receipt, lengths));
            }
        }
    }
    let setup = sender(&called.address(), &watched);
    let _server = setup.serve();
    let content = |at: usize| octets(at as u64, [0, 1, 15, 16, 17, 5000, 70_000][at % 7]);
    for (at, (name, ..)) in cases.iter().enumerate() {
        let folder = setup.path().join("out").join(name);
        eventually("the folder is there", || folder.is_dir().then_some(()));
        moved_into(&setup, &folder, name, &content(at));
    }
    let taken = take_files(&called, cases.len());
    for file in &taken {
        let at: usize = file.name()[1..].parse().unwrap();
        let (_, suite, security, compress, signed_receipt, lengths) = &cases[at];
        let what = format!("{security}, compress {compress}, suite {suite}, {lengths}");
        let number = match *security {
            "none" => "00",
            "encrypted" => "01",
            "signed" => "02",
            _ => "03",
        };
        let cipher = match *security {
            "none" if !signed_receipt => "00".to_owned(),
            _ => format!("{suite:02}"),
        };
        let compressed = if *compress { "1" } else { "0" };
        let signed = if *signed_receipt { "Y" } else { "N" };
        assert_eq!(
            file.services(),
            [number, &cipher, compressed, "1", signed],
            "{what}"
        );
        let is_indefinite = file.content[1] == 0x80;
        assert_eq!(is_indefinite, *lengths == "indefinite", "{what}");
        assert!(file.opened() == content(at), "{what}");
        let sizes = (
            file.content.len().div_ceil(1024),
            content(at).len().div_ceil(1024),
        );
        assert_eq!(file.blocks(), sizes, "{what}");
    }
    println!("{} files were opened by openssl and Python", taken.len());
}

const PROFILE: &str = "    file_security: {send: {security: encrypted-and-signed, compress: true, suite: 6, signed_receipt: true}}\n";

#[test]
fn the_profile_says_what_files_have_and_the_command_what_one_file_has() {
    let called = Called::new();
    let setup = sender(&called.address(), PROFILE);
    setup.write("INVOIC", "an invoice");
    let services = |how: &[&str]| send(&setup, &called, "INVOIC", how).services();
    assert_eq!(services(&[]), ["03", "06", "1", "1", "Y"]);
    assert_eq!(services(&["--plain"]), ["00", "00", "0", "0", "N"]);
    assert_eq!(
        services(&["--plain", "--signed-receipt", "--suite", "4"]),
        ["00", "04", "0", "0", "Y"]
    );
    assert_eq!(
        services(&[
            "--security",
            "signed",
            "--compress",
            "false",
            "--suite",
            "4"
        ]),
        ["02", "04", "0", "1", "Y"]
    );
    assert_eq!(
        services(&["--security", "none", "--signed-receipt", "false"]),
        ["00", "00", "1", "1", "N"]
    );
}

/// What is agreed holds for what is sent, too, whoever wants another.
#[test]
fn what_is_sent_has_a_suite_that_is_agreed() {
    let called = Called::new();
    let setup = sender(&called.address(), "");
    let file = setup.write("INVOIC", "an invoice");
    let file = file.to_str().unwrap();
    let refused = |how: &[&str]| {
        let send = ["send", file, "--to", "nordwerk", "--queue-only"];
        let wrap = ["wrap", file, "--partner", "nordwerk"];
        for command in [&send[..], &wrap] {
            let done = setup.pointsman(&[command, how].concat());
            assert!(!done.status.success(), "{command:?} {how:?}");
            let said = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
            let named = format!("cipher suite {:0>2}", how.last().unwrap());
            assert!(said.contains(&named), "{said}");
            let remedy = [
                "partners.nordwerk.file_security.suites",
                "leave `--suite` out",
            ];
            assert!(remedy.iter().any(|words| said.contains(words)), "{said}");
        }
    };
    refused(&["--security", "encrypted", "--suite", "1"]);
    refused(&["--security", "signed", "--suite", "7"]);
    // It would be for nothing.
    refused(&["--suite", "6"]);
    refused(&["--compress", "--suite", "6"]);
    assert_eq!(setup.transfers(), Vec::<String>::new());

    // The first that is agreed is the preferred one.
    let agreed =
        "    file_security:\n      suites: [1, 4]\n      send:\n        security: signed\n";
    let setup = sender(&called.address(), agreed);
    setup.write("INVOIC", "an invoice");
    let taken = send(&setup, &called, "INVOIC", &[]);
    assert_eq!(taken.services(), ["02", "01", "0", "1", "N"]);
    assert_eq!(taken.opened(), b"an invoice");
    let listed = &setup.transfers()[0];
    let transfer = listed.split_whitespace().next().unwrap();
    let shown = setup.pointsman(&["transfers", "show", transfer]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("signed, enveloped, cipher suite 01 ("),
        "{shown}"
    );
}

#[test]
fn a_configuration_that_sends_what_is_not_agreed_is_refused() {
    for (terms, place, words) in [
        (
            "file_security: {send: {suite: 1}}",
            "file_security.send.suite",
            "name 1 in",
        ),
        (
            "file_security: {suites: []}",
            "file_security.suites",
            "at least one",
        ),
        (
            "watch: [{folder: out, send: {security: signed, suite: 9}}]",
            "watch[0].send.suite",
            "name 9 in",
        ),
        (
            "file_security: {compressed: refuse, demand: {compressed: true}}",
            "file_security.compressed",
            "one of the two",
        ),
    ] {
        let setup = sender("127.0.0.1:1", &format!("    {terms}\n"));
        let checked = setup.pointsman(&["check"]);
        let said = String::from_utf8([checked.stdout, checked.stderr].concat()).unwrap();
        assert!(!checked.status.success(), "{terms}: {said}");
        for word in [place, words] {
            assert!(said.contains(word), "{terms}: {word} is not in: {said}");
        }
    }
}

/// Text that zlib finds more in the longer it looks.
#[test]
fn a_partner_s_files_are_compressed_as_strongly_as_its_profile_says() {
    let lines: Vec<String> = (0..20_000_u64)
        .map(|at| {
            format!(
                "LIN+{at}++{:06}:IN'QTY+1:{}:PCE'\n",
                at * 7919 % 99_991,
                at * 31 % 977
            )
        })
        .collect();
    let wrapped = |level: &str| {
        let profile = format!("    file_security:\n      send:\n        compress: true\n{level}");
        let setup = sender("127.0.0.1:1", &profile);
        let file = setup.write("ORDERS", lines.concat());
        let made = setup.pointsman(&["wrap", file.to_str().unwrap(), "--partner", "nordwerk"]);
        assert!(made.status.success(), "{made:?}");
        let wire = std::fs::read(setup.path().join("ORDERS.cms")).unwrap();
        assert!(uncompressed(&wire) == lines.concat().as_bytes());
        wire.len()
    };
    let sizes =
        ["1", "3", "6"].map(|level| wrapped(&format!("        compression_level: {level}\n")));
    assert!(sizes[1] < sizes[0] && sizes[2] != sizes[1], "{sizes:?}");
    assert_eq!(wrapped(""), sizes[1], "where nothing is said");
}

/// Nobody has to know when it changes over.
#[test]
fn while_a_partner_changes_over_it_opens_files_with_either_of_its_keys() {
    let called = Called::new();
    let both = "      - file: them-next.pem\n      - file: ended.pem\n    file_security: {send: {security: encrypted}}\n";
    let setup = sender(&called.address(), both);
    copy_keys(setup.path(), &["them-next.pem"]);
    setup.write("INVOIC", "an invoice");
    let wire = send(&setup, &called, "INVOIC", &[]).content;
    for key in ["us", "them-next"] {
        assert_eq!(decrypted(key, &wire), b"an invoice", "{key}");
    }
    let ended = openssl_cms(
        "-decrypt -inform DER -recip ended.pem -inkey ended.key",
        &wire,
    );
    assert!(ended.is_err(), "one that has ended is none of them");
}

#[test]
fn records_of_format_v_have_their_lengths_before_them_and_those_of_format_f_none() {
    let called = Called::new();
    let setup = sender(&called.address(), "");
    setup.write("LINES", "UNA\r\n\r\nUNB+X\r\n");
    let secured = ["--security", "encrypted-and-signed", "--compress"];
    let with = |more: &[&'static str]| [&secured[..], more].concat();
    let sent = send(&setup, &called, "LINES", &with(&["--format", "v"]));
    assert_eq!(sent.opened(), b"\0\x03UNA\0\0\0\x05UNB+X");
    assert_eq!(sent.field(106, 112), "V00005", "the longest record");
    assert_eq!(sent.blocks().1, 1);
    setup.write("FIXED", "AAA\r\nBBB\r\n");
    let fixed = with(&[
        "--format",
        "f",
        "--record-length",
        "3",
        "--records",
        "lines",
    ]);
    let sent = send(&setup, &called, "FIXED", &fixed);
    assert_eq!(sent.opened(), b"AAABBB");
    assert_eq!(sent.field(106, 112), "F00003");
    let text = send(&setup, &called, "LINES", &with(&["--format", "t"]));
    assert_eq!(text.opened(), b"UNA\r\n\r\nUNB+X\r\n");
    let padded = with(&[
        "--format",
        "f",
        "--record-length",
        "5",
        "--records",
        "lines",
        "--pad",
    ]);
    let sent = send(&setup, &called, "LINES", &padded);
    assert_eq!(sent.opened(), b"UNA       UNB+X");
}

#[test]
fn an_empty_file_is_secured_like_any_other() {
    let called = Called::new();
    let setup = sender(&called.address(), "");
    setup.write("EMPTY", "");
    for how in [
        &["--security", "encrypted-and-signed", "--compress"][..],
        &["--security", "encrypted"],
        &["--compress"],
        &["--security", "signed"],
    ] {
        let sent = send(&setup, &called, "EMPTY", how);
        assert_eq!(sent.opened(), b"", "{how:?}");
        assert_eq!(sent.blocks(), (sent.content.len().div_ceil(1024), 0));
    }
    setup.write("NONE", "");
    let sent = send(
        &setup,
        &called,
        "NONE",
        &["--security", "signed", "--format", "v"],
    );
    assert_eq!(sent.opened(), b"", "no record");
}

/// What the command says of a file that it does not queue.
pub fn refused(setup: &Setup, file: &str, how: &[&str]) -> String {
    let path = setup.path().join(file);
    let args = [
        "send",
        path.to_str().unwrap(),
        "--to",
        "nordwerk",
        "--queue-only",
    ];
    let sent = setup.pointsman(&[&args[..], how].concat());
    assert!(!sent.status.success(), "{file} {how:?} is not queued");
    assert_eq!(setup.transfers(), Vec::<String>::new());
    let spool = setup.path().join("state/spool");
    let left = walkdir(&spool);
    assert_eq!(left, Vec::<String>::new(), "nothing is left of it");
    String::from_utf8(sent.stderr).unwrap()
}

/// Files of transfers below a folder.
fn walkdir(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else {
        return found;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        match entry.path().is_dir() {
            true => found.extend(walkdir(&entry.path())),
            // Named by an id.
            false if name.len() >= 36 => found.push(name),
            false => {}
        }
    }
    found
}

#[test]
fn what_cannot_be_secured_is_refused_when_it_is_queued_with_the_reason_and_what_to_do() {
    let setup = sender("127.0.0.1:1", "");
    setup.write("INVOIC", "an invoice");
    let signed = ["--security", "signed"];
    let rewrite = |from: &str, to: &str| {
        let text = std::fs::read_to_string(setup.config()).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(setup.config(), text.replace(from, to)).unwrap();
        text
    };
    let whole = rewrite("    certificates:\n      - file: us.pem\n", "");
    for (how, purpose) in [
        (&["--security", "encrypted"][..], "encrypting files"),
        (&["--signed-receipt"], "no certificate that is valid now"),
    ] {
        let said = refused(&setup, "INVOIC", how);
        assert!(
            said.contains(purpose) && said.contains("partners.nordwerk.certificates"),
            "{said}"
        );
    }
    std::fs::write(setup.config(), &whole).unwrap();
    rewrite("file: us.pem", "file: ended.pem");
    let said = refused(&setup, "INVOIC", &["--security", "encrypted"]);
    assert!(
        said.contains("CN=ended") && said.contains("serial"),
        "{said}"
    );
    std::fs::write(setup.config(), &whole).unwrap();
    rewrite(
        "  keys:\n    - file: them.key\n      certificate: them.pem\n",
        "",
    );
    let said = refused(&setup, "INVOIC", &signed);
    assert!(
        said.contains("signing files") && said.contains("station.keys"),
        "{said}"
    );
    std::fs::write(setup.config(), &whole).unwrap();
    rewrite(
        "    password: OURPASS\n",
        "    password: OURPASS\n    session: {version: 1.4}\n",
    );
    for how in [&signed[..], &["--compress"], &["--signed-receipt"]] {
        let said = refused(&setup, "INVOIC", how);
        assert!(
            said.contains("level 2.0") && said.contains("session.version"),
            "{said}"
        );
    }
    std::fs::write(setup.config(), &whole).unwrap();
    setup.write("LONG", [vec![b'x'; 66_000], b"\r\n".to_vec()].concat());
    let said = refused(&setup, "LONG", &["--security", "signed", "--format", "v"]);
    assert!(said.contains("65535") && said.contains("plain"), "{said}");
    setup.write("UNIX", "one\ntwo\n");
    let said = refused(&setup, "UNIX", &["--security", "signed", "--format", "t"]);
    assert!(said.contains("line 1 ends in LF alone"), "{said}");
}

#[test]
fn a_partner_that_agrees_to_an_older_level_does_not_get_a_secured_file_as_if_it_were_plain() {
    let called = Called::new();
    let setup = sender(&called.address(), "");
    setup.write("INVOIC", "an invoice");
    let path = setup.path().join("INVOIC");
    for how in [&["--security", "signed"][..], &["--signed-receipt"]] {
        let args = [&["send", path.to_str().unwrap(), "--to", "nordwerk"], how].concat();
        let sent = std::thread::scope(|scope| {
            let sending = scope.spawn(|| setup.pointsman(&args));
            let mut peer = called.accept();
            peer.say(b"IODETTE FTP READY \r");
            peer.hear();
            peer.say(format!(
                "X4{US:25}{:8}04096BNYN007 {:4}{:8}\r",
                "OURPASS", "", ""
            ));
            assert_eq!(peer.hear(), b"R", "CD: nothing is offered");
            peer.say(b"F00\r");
            sending.join().unwrap()
        });
        assert!(!sent.status.success());
        let said = String::from_utf8_lossy(&sent.stderr);
        assert!(
            said.contains("level below 2.0") && said.contains("--plain"),
            "{said}"
        );
        assert!(
            setup.transfers()[0].contains("parked"),
            "{:?}",
            setup.transfers()
        );
    }
}

#[test]
fn what_is_sent_again_has_the_same_octets() {
    let called = Called::new();
    let setup = sender(&called.address(), PROFILE);
    setup.write("INVOIC", octets(7, 30_000));
    let first = send(&setup, &called, "INVOIC", &[]);
    let id = setup.transfers()[0]
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    // It was encrypted once, whatever becomes of the keys.
    copy_keys(setup.path(), &["ended.pem"]);
    std::fs::rename(setup.path().join("ended.pem"), setup.path().join("us.pem")).unwrap();
    let again = setup.pointsman(&["queue", "resend", &id]);
    assert!(again.status.success(), "{again:?}");
    let taken = std::thread::scope(|scope| {
        let sending = scope.spawn(|| setup.pointsman(&["send", "--to", "nordwerk"]));
        let taken = take_files(&called, 1);
        sending.join().unwrap();
        taken
    });
    assert!(taken[0].content == first.content);
    assert_eq!(taken[0].services(), first.services());
    assert_ne!(
        taken[0].sfid, first.sfid,
        "under a date and time of its own"
    );
    assert!(taken[0].opened() == octets(7, 30_000));
}

#[test]
fn what_was_secured_is_not_sent_again_to_a_partner_whose_level_is_below_2_0_by_now() {
    let setup = sender("127.0.0.1:1", "");
    let path = setup.write("INVOIC", "an invoice");
    let path = path.to_str().unwrap();
    let whole = std::fs::read_to_string(setup.config()).unwrap();
    let older = whole.replace("    calls:", "    session: {version: 1.4}\n    calls:");
    assert_ne!(older, whole);
    let resend = |id: &str| setup.pointsman(&["queue", "resend", id]);
    for how in [
        &["--security", "signed"][..],
        &["--compress"],
        &["--signed-receipt"],
        &[],
    ] {
        let send = ["send", path, "--to", "nordwerk", "--queue-only"];
        let queued = setup.pointsman(&[&send[..], how].concat());
        let said = String::from_utf8(queued.stdout).unwrap();
        let id = said.split_whitespace().last().unwrap();
        let cancelled = setup.pointsman(&["queue", "cancel", id]);
        assert!(cancelled.status.success(), "{cancelled:?}");
        let rows = setup.transfers().len();
        std::fs::write(setup.config(), &older).unwrap();
        let again = resend(id);
        std::fs::write(setup.config(), &whole).unwrap();
        if how.is_empty() {
            assert!(again.status.success(), "{again:?}");
            continue;
        }
        let said = String::from_utf8_lossy(&again.stderr);
        assert!(!again.status.success(), "{how:?}");
        assert!(
            said.contains("level 2.0") && said.contains("session.version"),
            "{how:?}: {said}"
        );
        assert_eq!(setup.transfers().len(), rows, "nothing is queued");
        let outgoing = setup.path().join("state/spool/outgoing");
        let left = std::fs::read_dir(outgoing).unwrap().count();
        assert_eq!(left, 2 * rows, "nothing is left in the spool");
        assert!(resend(id).status.success(), "at level 2.0 it goes again");
    }
}

#[test]
fn a_big_file_is_secured_in_the_memory_of_a_small_one() {
    let peak = |mib: u64, lengths: &str| {
        let more = format!(
            "    watch:\n      - {{folder: out, send: {{security: encrypted-and-signed, compress: true, lengths: {lengths}}}}}\n"
        );
        let setup = sender("127.0.0.1:1", &more);
        let server = setup.serve();
        let out = setup.path().join("out");
        eventually("the folder is there", || out.is_dir().then_some(()));
        let mut file = std::fs::File::create(setup.path().join("CAD")).unwrap();
        let piece = octets(mib, 1 << 20);
        (0..mib).for_each(|_| file.write_all(&piece).unwrap());
        drop(file);
        std::fs::rename(setup.path().join("CAD"), out.join("CAD")).unwrap();
        server.await_log(&["file-queued", "CAD"]);
        server.peak_memory()
    };
    for lengths in ["indefinite", "definite"] {
        let (small, large) = (peak(4, lengths), peak(200, lengths));
        println!("{lengths}: peak memory {small} KiB for 4 MiB, {large} KiB for 200 MiB");
        assert!(large < 96 << 10, "{large} KiB");
        assert!(
            large < small + (12 << 10),
            "{large} KiB against {small} KiB"
        );
    }
}
