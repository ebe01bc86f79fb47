//! The partner's side of secured files: how they are made, announced and sent, and what comes back.

use std::io::{Read, Write};
use std::path::Path;

use oftp::CipherSuite;
use pointsman_cms::{Certificate, Compress, Identity, PrivateKey, Suite, Wrapping};

use crate::cms_command::{KEYS, openssl_cms};
use crate::support::peer::{Peer, VirtualFile};
use crate::support::{Setup, THEM, US, octets};

/// Which services a file has: `s`igned, `z`ipped, `e`ncrypted.
pub const COMBINATIONS: [&str; 7] = ["s", "z", "e", "sz", "se", "ze", "sze"];

/// A secured file as its partner offers it.
#[derive(Clone, Debug)]
pub struct Secured {
    /// Its content is as on the wire.
    pub file: VirtualFile,
    pub services: &'static str,
    pub suite: u8,
    pub enveloped: bool,
    pub signed_receipt: bool,
    pub format: (char, u32),
}

impl Secured {
    pub fn new(dataset: &str, services: &'static str, suite: u8, wire: Vec<u8>) -> Self {
        Self {
            file: VirtualFile::new(dataset, wire),
            services,
            suite,
            enveloped: !services.is_empty(),
            signed_receipt: false,
            format: ('U', 0),
        }
    }

    /// SFID with the fields of level 2.0 (RFC 5024, 5.3.3).
    pub fn sfid(&self) -> Vec<u8> {
        let has = |service: char| self.services.contains(service);
        let security = u8::from(has('e')) + 2 * u8::from(has('s'));
        let (letter, length) = self.format;
        let mut sfid = self.file.sfid();
        sfid[106..112].copy_from_slice(format!("{letter}{length:05}").as_bytes());
        let sign = if self.signed_receipt { 'Y' } else { 'N' };
        let fields = format!(
            "{security:02}{:02}{}{}{sign}",
            self.suite,
            u8::from(has('z')),
            u8::from(self.enveloped)
        );
        sfid[155..162].copy_from_slice(fields.as_bytes());
        sfid
    }

    /// Offers it; gives SFPA or SFNA.
    pub fn offer<W: Read + Write>(&self, peer: &mut Peer<W>) -> String {
        peer.say(self.sfid());
        String::from_utf8_lossy(&peer.hear()).into_owned()
    }

    /// Sends it to the answer to its EFID.
    pub fn send<W: Read + Write>(&self, peer: &mut Peer<W>) -> String {
        let answer = self.offer(peer);
        assert!(answer.starts_with('2'), "SFPA, not {answer}");
        peer.send_content(&self.file);
        String::from_utf8_lossy(&peer.hear()).into_owned()
    }
}

/// One end-to-end response: EERP, or NERP with its reason and text; of which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub dataset: String,
    /// None where it is positive.
    pub nerp: Option<(String, String)>,
}

/// Takes all receipts that wait, and ends the session.
pub fn take_answers<W: Read + Write>(peer: &mut Peer<W>) -> Vec<Answer> {
    peer.take_receipts().iter().map(|one| answer(one)).collect()
}

fn answer(response: &[u8]) -> Answer {
    let text = |from: usize, to: usize| {
        let field = &response[from..to];
        String::from_utf8_lossy(field).trim_end().to_owned()
    };
    let nerp = (response[0] == b'N').then(|| {
        let length: usize = text(128, 131).parse().unwrap();
        (text(126, 128), text(131, 131 + length))
    });
    Answer {
        dataset: text(1, 27),
        nerp,
    }
}

/// How the partner makes a secured file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// The `openssl cms` command, in DER; it has no zlib, so that layer is ours.
    Openssl,
    /// The same with indefinite lengths and segments.
    OpensslBer,
    /// Our own crate.
    Crate,
}

impl Maker {
    pub const ALL: [Self; 3] = [Self::Openssl, Self::OpensslBer, Self::Crate];

    /// Makes a file of the partner's for us, with these services.
    pub fn make(self, services: &str, suite: u8, content: &[u8]) -> Vec<u8> {
        self.make_by("them", "us", services, suite, content)
    }

    /// The same, signed by that key and encrypted to that certificate.
    pub fn make_by(
        self,
        signer: &str,
        recipient: &str,
        services: &str,
        suite: u8,
        content: &[u8],
    ) -> Vec<u8> {
        let stream = match self {
            Self::Crate => return by_crate(signer, recipient, services, suite, content),
            Self::Openssl => "-nosmimecap",
            // It cannot stream nothing.
            Self::OpensslBer if content.is_empty() => "-nosmimecap",
            Self::OpensslBer => "-stream",
        };
        let known = self::suite(suite);
        let mut made = content.to_vec();
        if services.contains('s') {
            let hash = known.hash().name().to_lowercase().replace("sha-", "sha");
            let signing = format!(
                "-sign -nodetach -nocerts -outform DER -signer {signer}.pem -inkey {signer}.key -md {hash} {stream}"
            );
            made = openssl_cms(&signing, &made).unwrap();
        }
        if services.contains('z') {
            made = by_crate(signer, recipient, "z", suite, &made);
        }
        if services.contains('e') {
            let cipher = match known.number().number() {
                1 | 3 | 5 => "-des3",
                _ => "-aes256",
            };
            let stream = stream.replace("-nosmimecap", "");
            let encrypting =
                format!("-encrypt -outform DER {cipher} -recip {recipient}.pem {stream}");
            made = openssl_cms(&encrypting, &made).unwrap();
        }
        made
    }
}

pub fn suite(number: u8) -> Suite {
    Suite::of(CipherSuite::new(number).unwrap()).unwrap()
}

fn pem(name: &str) -> Vec<u8> {
    std::fs::read(KEYS.path().join(name)).unwrap()
}

fn by_crate(signer: &str, recipient: &str, services: &str, number: u8, content: &[u8]) -> Vec<u8> {
    let certificate = |name: &str| Certificate::from_pem(&pem(&format!("{name}.pem"))).unwrap();
    let identity = |name: &str| {
        let key = PrivateKey::from_pem(&pem(&format!("{name}.key")), None).unwrap();
        Identity::new(certificate(name), key).unwrap()
    };
    let has = |service: char| services.contains(service);
    let wrapping = Wrapping {
        suite: suite(number),
        sign: has('s').then(|| identity(signer)).into_iter().collect(),
        with_certificates: false,
        compress: has('z').then_some(Compress {
            level: 6,
            threads: 1,
        }),
        encrypt: has('e')
            .then(|| certificate(recipient))
            .into_iter()
            .collect(),
        overlap: false,
    };
    let mut wrapper = wrapping.write_to(Vec::new()).unwrap();
    wrapper.write_all(content).unwrap();
    wrapper.finish().unwrap().0
}

/// The keys and certificates that we have for the partner: ours, then the partner's.
pub fn keys(ours: &[&str], theirs: &[&str]) -> String {
    let place = |name: &str| KEYS.path().join(name).display().to_string();
    let own: String = ours
        .iter()
        .map(|name| {
            let (key, certificate) = (place(&format!("{name}.key")), place(&format!("{name}.pem")));
            format!("      - {{file: {key}, certificate: {certificate}}}\n")
        })
        .collect();
    let known: String = theirs
        .iter()
        .map(|name| format!("      - file: {}\n", place(&format!("{name}.pem"))))
        .collect();
    let part = |key: &str, list: &str| match list.is_empty() {
        true => String::new(),
        false => format!("    {key}:\n{list}"),
    };
    part("keys", &own) + &part("certificates", &known)
}

/// A station with our key and the partner's certificate; `terms` is its `file_security`, in YAML's flow form.
pub fn station(terms: &str) -> Setup {
    station_with(&keys(&["us"], &["them"]), terms, "")
}

/// The same with these keys, and more at the end.
pub fn station_with(keys: &str, terms: &str, more: &str) -> Setup {
    let partner = format!("{keys}    file_security: {{{terms}}}\n");
    Setup::with_listeners("  - address: 127.0.0.1:0\n", &partner, more)
}

/// What is delivered, each by the beginning of its name, which is the data set name.
pub fn delivered(setup: &Setup, dataset: &str) -> Option<Vec<u8>> {
    let files = setup.delivered();
    let path = files
        .iter()
        .find(|path| file_name(path).starts_with(&format!("{dataset}.")))?;
    Some(std::fs::read(setup.inbox().join(path)).unwrap())
}

fn file_name(path: &str) -> &str {
    Path::new(path).file_name().unwrap().to_str().unwrap()
}

/// The text that is signed of a receipt for a file of ours, with a hash of SHA-256 (RFC 5024, 5.3.13).
pub fn receipt_text() -> Vec<u8> {
    let fields = format!(
        "{:26}{:8}{:10}{US:25}{THEM:25}",
        "INVOICES", "20261122", "0815300001"
    );
    [fields.as_bytes(), &[0x5A; 32]].concat()
}

/// Text that deflates a little.
pub fn text(size: usize) -> Vec<u8> {
    octets(size as u64, size)
        .iter()
        .map(|octet| b'0' + octet % 10)
        .collect()
}

/// Its EERP.
pub fn positive(dataset: &str) -> Answer {
    Answer {
        dataset: dataset.to_owned(),
        nerp: None,
    }
}

/// The contents in the spool, of which none is left behind by mistake.
pub fn spool_contents(setup: &Setup) -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["sealed", "incoming"] {
        let folder = setup.path().join("state/spool").join(folder);
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if !name.ends_with(".jsonl") && !name.starts_with('.') {
                found.push(name);
            }
        }
    }
    found
}
