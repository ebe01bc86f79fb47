//! A key of ours changes over as `pointsman keys make` says, word for word, with a partner that checks by `openssl`.

use std::path::Path;

use super::cms_command::{KEYS, openssl_cms};
use super::receipts::proof;
use super::secured::{Maker, Secured};
use super::sending::take;
use super::stations::{PLAIN, said};
use super::support::peer::{Peer, esid};
use super::support::{Server, Setup, octets};

/// Our station, and what its partner knows of us.
struct Stations {
    setup: Setup,
    server: Server,
    rounds: usize,
}

/// The path of a pair of ours without its end: `.key` and `.pem` are behind it.
fn old() -> String {
    KEYS.path().join("us").display().to_string()
}

fn configure(setup: &Setup, station: bool, keys: &str) {
    let them = KEYS.path().join("them.pem").display().to_string();
    let partner = format!(
        "    certificates:\n      - file: {them}\n    file_security: {{send: {{security: signed}}}}\n{keys}"
    );
    setup.configure(PLAIN, &partner, "");
    if station {
        let old = old();
        let keys = format!("  keys:\n    - file: {old}.key\n      certificate: {old}.pem\n");
        let text = std::fs::read_to_string(setup.config()).unwrap();
        let text = text.replacen("storage:\n", &format!("{keys}storage:\n"), 1);
        std::fs::write(setup.config(), text).unwrap();
    }
}

/// What stands under the partner in the blocks that are to be written, in their order.
fn blocks(printed: &str) -> Vec<String> {
    let blocks = printed.split("\n\n");
    let of_partner = blocks.filter_map(|block| block.strip_prefix("   partners:\n     mueller:\n"));
    let unindented = |block: &str| {
        block
            .lines()
            .map(|line| format!("{}\n", &line[3..]))
            .collect()
    };
    of_partner.map(unindented).collect()
}

/// What is signed, where the signature is by one of these certificates.
fn verified(known: &[&str], file: &[u8]) -> Vec<u8> {
    let work = tempfile::TempDir::new().unwrap();
    let all = work.path().join("known.pem");
    let known = known
        .iter()
        .map(|path| std::fs::read(format!("{path}.pem")).unwrap());
    std::fs::write(&all, known.collect::<Vec<_>>().concat()).unwrap();
    let all = all.display();
    let how = format!("-verify -inform DER -certfile {all} -nointern -noverify");
    openssl_cms(&how, file).unwrap_or_else(|said| panic!("the partner refuses it: {said}"))
}

impl Stations {
    fn begin() -> Self {
        let setup = Setup::plain("");
        configure(&setup, true, "");
        let server = setup.serve();
        Self {
            setup,
            server,
            rounds: 0,
        }
    }

    fn change(&self, station: bool, keys: &str) {
        configure(&self.setup, station, keys);
        let done = self.setup.pointsman(&["reload"]);
        assert!(done.status.success(), "{keys}{}", said(&done));
    }

    /// The partner sends a file that is encrypted to that certificate and asks for a signed receipt, and takes receipt and
    /// file of ours: it knows these certificates of ours.
    fn exchange(&mut self, encrypted_to: &str, known: &[&str]) {
        self.rounds += 1;
        let round = self.rounds;
        let (theirs, ours) = (octets(round as u64, 3000), octets(round as u64 + 100, 3000));
        self.setup.queue(&format!("OURS{round}"), &ours, "mueller");
        let wire = Maker::Openssl.make_by("them", encrypted_to, "se", 4, &theirs);
        let mut file = Secured::new(&format!("THEIRS{round}"), "se", 4, wire);
        file.signed_receipt = true;
        let mut peer = Peer::session(self.server.address());
        assert_eq!(file.send(&mut peer), "4N", "EFPA of round {round}");
        self.setup.await_delivered(round);
        let (mut receipts, mut files) = (0, 0);
        let mut heard = peer.change_direction();
        loop {
            match heard[0] {
                b'E' => {
                    let (hash, signature) = proof(&heard, 106);
                    assert!(verified(known, signature).ends_with(hash));
                    receipts += 1;
                    peer.say(b"P");
                }
                b'H' => {
                    assert_eq!(verified(known, &take(&mut peer, heard).content), ours);
                    files += 1;
                }
                b'R' => break peer.say(esid()),
                other => panic!("EERP, SFID or CD, not {:?}", other as char),
            }
            heard = peer.hear();
        }
        assert_eq!((receipts, files), (1, 1), "round {round}");
    }
}

#[test]
fn a_key_changes_over_as_it_is_printed_and_no_file_or_receipt_is_refused() {
    let mut stations = Stations::begin();
    let old = old();
    stations.exchange(&old, &[&old]);
    let made = stations
        .setup
        .pointsman(&["keys", "make", "--for", "mueller"]);
    let printed = said(&made);
    assert!(made.status.success(), "{printed}");
    let new = new(stations.setup.path());
    let steps = blocks(&printed);
    // The partner has not looked at its mail yet, and then it has.
    stations.change(true, &steps[0]);
    stations.exchange(&old, &[&old]);
    stations.exchange(&new, &[&old, &new]);
    stations.change(true, &steps[1]);
    stations.exchange(&old, &[&old, &new]);
    stations.exchange(&new, &[&new]);
    // The old one is taken out.
    stations.change(false, &steps[1]);
    stations.exchange(&new, &[&new]);
}

/// The pair that was made.
fn new(folder: &Path) -> String {
    let mut files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let found = files.find(|path| path.extension().is_some_and(|end| end == "csr"));
    found.unwrap().with_extension("").display().to_string()
}
