//! Receipts as an attacker on the way, or a partner's faulty program, would make them: each with the check that refuses it.

use oftp::{DatasetName, Eerp, FileKey, FileStamp, Nerp, NerpReason, OdetteId, Response, UserData};
use pointsman_cms::{
    Certificate, FileTolerances, Identity, ReceiptError, SentFile, Suite, Wrapping, receipt_text,
    sign_receipt,
};

use super::tree::Node;
use super::{
    PARTNER, PARTNER_NEXT, STRANGER, Services, US, suite, text, wrap, wrap_definite, wrapping,
};

/// A receipt, the file that it is claimed for, and the check that must refuse it; none if it is good.
pub struct ForgedReceipt {
    pub name: String,
    pub response: Response,
    pub suite: Suite,
    pub hash: Vec<u8>,
    pub partner: Vec<Certificate>,
    pub refused_by: Option<&'static str>,
}

impl ForgedReceipt {
    /// Verifies it; an error says how the outcome differs.
    pub fn check(&self) -> Result<(), String> {
        let sent = SentFile {
            suite: self.suite,
            hash: &self.hash,
        };
        let outcome = sent.verify(&self.response, &self.partner, FileTolerances::default());
        let found = outcome.as_ref().err().map(check_name);
        match (found, self.refused_by) {
            (None, None) => Ok(()),
            (Some(found), Some(expected)) if found.starts_with(expected) => Ok(()),
            (found, expected) => Err(format!(
                "{}: expected {expected:?}, found {found:?}: {outcome:?}",
                self.name
            )),
        }
    }
}

fn check_name(error: &ReceiptError) -> String {
    match error {
        ReceiptError::NotSigned => "not signed".into(),
        ReceiptError::HashLength { .. } => "hash length".into(),
        ReceiptError::OtherHash => "other hash".into(),
        ReceiptError::Signature(_) => "signature".into(),
        ReceiptError::Field(field) => format!("field {field}"),
        ReceiptError::TextLength { .. } => "text length".into(),
    }
}

pub fn key() -> FileKey {
    FileKey {
        dataset: DatasetName::new("DELFOR.4711").unwrap(),
        stamp: FileStamp::new("20261130", "0748210001").unwrap(),
        originator: OdetteId::new("O0013000001US").unwrap(),
        destination: OdetteId::new("O0177PARTNER WORKS").unwrap(),
    }
}

/// The same in one field that differs.
fn other_key(field: usize) -> FileKey {
    let key = key();
    match field {
        0 => FileKey {
            dataset: DatasetName::new("DELFOR.4712").unwrap(),
            ..key
        },
        1 => FileKey {
            stamp: FileStamp::new("20261129", "0748210001").unwrap(),
            ..key
        },
        2 => FileKey {
            stamp: FileStamp::new("20261130", "0748210002").unwrap(),
            ..key
        },
        3 => FileKey {
            originator: OdetteId::new("O0013000002US").unwrap(),
            ..key
        },
        _ => FileKey {
            destination: OdetteId::new("O0177PARTNER").unwrap(),
            ..key
        },
    }
}

pub fn eerp(key: FileKey, hash: &[u8]) -> Response {
    Response::Positive(Eerp {
        key,
        user: UserData::default(),
        hash: hash.to_vec(),
        signature: Vec::new(),
    })
}

pub fn nerp(key: FileKey, hash: &[u8]) -> Response {
    Response::Negative(Nerp {
        key,
        creator: OdetteId::new("O0177PARTNER WORKS").unwrap(),
        reason: NerpReason::InvalidSignature,
        text: "signer not known".into(),
        hash: hash.to_vec(),
        signature: Vec::new(),
    })
}

pub fn with_signature(mut response: Response, signature: Vec<u8>) -> Response {
    match &mut response {
        Response::Positive(eerp) => eerp.signature = signature,
        Response::Negative(nerp) => nerp.signature = signature,
    }
    response
}

pub fn with_hash(mut response: Response, hash: &[u8]) -> Response {
    match &mut response {
        Response::Positive(eerp) => eerp.hash = hash.to_vec(),
        Response::Negative(nerp) => nerp.hash = hash.to_vec(),
    }
    response
}

pub fn signature(response: &Response) -> Vec<u8> {
    match response {
        Response::Positive(eerp) => eerp.signature.clone(),
        Response::Negative(nerp) => nerp.signature.clone(),
    }
}

pub fn signed(response: Response, suite: Suite, signer: &Identity) -> Response {
    let signature = sign_receipt(&response, suite, std::slice::from_ref(signer)).unwrap();
    with_signature(response, signature)
}

/// Any text, signed as a receipt is.
fn signed_text(suite: Suite, text: &[u8]) -> Vec<u8> {
    wrap_definite(&wrapping(suite, Services::of("s")), text).0
}

/// The hash of the file that was sent, by a suite; of another file, with another letter.
pub fn hash_of(suite: Suite, letter: u8) -> Vec<u8> {
    vec![letter; suite.hash().length()]
}

struct Forge {
    suite: Suite,
    made: Vec<ForgedReceipt>,
    kind: &'static str,
}

type Make = fn(FileKey, &[u8]) -> Response;

impl Forge {
    fn add(
        &mut self,
        name: impl Into<String>,
        response: Response,
        refused_by: Option<&'static str>,
    ) {
        self.made.push(ForgedReceipt {
            name: format!(
                "suite {}, {}: {}",
                self.suite.number().number(),
                self.kind,
                name.into()
            ),
            response,
            suite: self.suite,
            hash: hash_of(self.suite, b'h'),
            partner: vec![PARTNER_NEXT.certificate(), PARTNER.certificate()],
            refused_by,
        });
    }

    fn good(&self, make: Make) -> Response {
        signed(
            make(key(), &hash_of(self.suite, b'h')),
            self.suite,
            &PARTNER.identity,
        )
    }

    /// The fields of one receipt under the signature of another.
    fn fields(&mut self, make: Make, names: [&'static str; 5]) {
        let hash = hash_of(self.suite, b'h');
        for (field, name) in names.into_iter().enumerate() {
            let other = signed(make(other_key(field), &hash), self.suite, &PARTNER.identity);
            let response = with_signature(make(key(), &hash), signature(&other));
            self.add(format!("signed for another {name}"), response, Some(name));
        }
        let swapped = self.good(make).swapped();
        self.add(
            "originator and destination exchanged after signing",
            swapped,
            Some(names[3]),
        );
        let exchanged = signed(make(key().swapped(), &hash), self.suite, &PARTNER.identity);
        let response = with_signature(make(key(), &hash), signature(&exchanged));
        self.add(
            "originator and destination exchanged before signing",
            response,
            Some(names[3]),
        );
        let old = signed(make(key().swapped(), &hash), self.suite, &PARTNER.identity);
        self.add("of the first edition, signed as it is", old, None);
    }

    fn hashes(&mut self, make: Make) {
        let (hash, length) = (hash_of(self.suite, b'h'), self.suite.hash().length());
        let other = hash_of(self.suite, b'o');
        self.add(
            "for another file",
            signed(make(key(), &other), self.suite, &PARTNER.identity),
            Some("other hash"),
        );
        let genuine = self.good(make);
        self.add(
            "hash changed after signing",
            with_hash(genuine.clone(), &other),
            Some("other hash"),
        );
        let of_other = signed(make(key(), &other), self.suite, &PARTNER.identity);
        self.add(
            "another file's signature, our hash",
            with_hash(of_other, &hash),
            Some("field hash"),
        );
        for found in [0, 1, 19, 20, 21, 32, 57, 63, 64, 65, 25 + length] {
            if found != length {
                let mut long = hash.clone();
                long.resize(found, b'h');
                let response = make(key(), &long);
                let text = receipt_text(&response);
                let response = with_signature(response, signed_text(self.suite, &text));
                self.add(
                    format!("hash of {found} octets"),
                    response,
                    Some("hash length"),
                );
            }
        }
        let mut near = hash;
        near[length - 1] ^= 1;
        self.add(
            "hash with one other bit",
            signed(make(key(), &near), self.suite, &PARTNER.identity),
            Some("other hash"),
        );
    }

    fn texts(&mut self, make: Make) {
        let hash = hash_of(self.suite, b'h');
        let response = make(key(), &hash);
        let text = receipt_text(&response);
        let cases: [(&str, Vec<u8>, &str); 8] = [
            (
                "with the command's letter",
                [b"E", text.as_slice()].concat(),
                "text length",
            ),
            (
                "one octet short",
                text[..text.len() - 1].to_vec(),
                "text length",
            ),
            (
                "one octet long",
                [text.as_slice(), b" "].concat(),
                "text length",
            ),
            ("nothing signed", Vec::new(), "text length"),
            (
                "without the hash",
                text[..text.len() - hash.len()].to_vec(),
                "text length",
            ),
            ("a file's content signed", super::text(text.len()), "field"),
            ("much more than a receipt", super::text(5000), "signature"),
            ("blanks alone", vec![b' '; text.len()], "field"),
        ];
        for (name, text, refused_by) in cases {
            let response = with_signature(response.clone(), signed_text(self.suite, &text));
            self.add(name, response, Some(refused_by));
        }
        let mut with_nul = text;
        for octet in &mut with_nul[..26] {
            if *octet == b' ' {
                *octet = 0;
            }
        }
        let response = with_signature(response, signed_text(self.suite, &with_nul));
        self.add("filled with NUL", response, None);
    }

    fn signers(&mut self, make: Make) {
        let response = make(key(), &hash_of(self.suite, b'h'));
        self.add("not signed", response.clone(), Some("not signed"));
        for (name, signer) in [
            ("a stranger", &STRANGER.identity),
            ("ourselves", &US.identity),
        ] {
            self.add(
                format!("signed by {name}"),
                signed(response.clone(), self.suite, signer),
                Some("signature"),
            );
        }
        self.add(
            "signed by the next certificate",
            signed(response.clone(), self.suite, &PARTNER_NEXT.identity),
            None,
        );
        for (name, octets) in [
            ("random", text(300)),
            ("empty sequence", vec![0x30, 0]),
            ("never ending", vec![0x30, 0x80]),
            ("deep", [0x30u8, 0x80].repeat(5000)),
            (
                "huge length",
                vec![0x30, 0x88, 0x7f, 255, 255, 255, 255, 255, 255, 255],
            ),
        ] {
            self.add(
                format!("signature is {name}"),
                with_signature(response.clone(), octets),
                Some("signature"),
            );
        }
        let text = receipt_text(&response);
        for letters in ["z", "e", "sz", "se"] {
            let file = wrap(&wrapping(self.suite, Services::of(letters)), &text).0;
            self.add(
                format!("signature is a file {letters}"),
                with_signature(response.clone(), file),
                Some("signature"),
            );
        }
        let own = self.suite;
        for other in Suite::all()
            .filter(|other| other.hash() != own.hash() || other.padding() != own.padding())
        {
            let by_other = wrap(
                &Wrapping {
                    suite: other,
                    ..wrapping(self.suite, Services::of("s"))
                },
                &text,
            )
            .0;
            let name = format!("signed by suite {}", other.number().number());
            self.add(
                name,
                with_signature(response.clone(), by_other),
                Some("signature"),
            );
        }
    }

    fn damaged(&mut self, make: Make) {
        let good = self.good(make);
        let octets = signature(&good);
        for at in [
            1, 2, 5, 10, 15, 20, 30, 40, 60, 80, 100, 140, 180, 200, 300, 400,
        ] {
            if at < octets.len() {
                self.add(
                    format!("cut at {at}"),
                    with_signature(good.clone(), octets[..at].to_vec()),
                    Some("signature"),
                );
            }
        }
        self.add(
            "an octet behind",
            with_signature(good.clone(), [octets.as_slice(), &[0]].concat()),
            Some("signature"),
        );
        let mut tree = Node::parse(&octets);
        tree.at(&[1, 0, 3, 0]).nodes().remove(3);
        self.add(
            "attributes left out",
            with_signature(good.clone(), tree.der()),
            Some("signature"),
        );
        let mut tree = Node::parse(&octets);
        tree.at(&[1, 0, 2, 1, 0]).octets()[3] ^= 1;
        self.add(
            "text changed inside",
            with_signature(good.clone(), tree.der()),
            Some("signature"),
        );
        let mut tree = Node::parse(&octets);
        tree.at(&[1, 0, 2]).nodes().truncate(1);
        self.add(
            "text left out (detached)",
            with_signature(good.clone(), tree.der()),
            Some("signature"),
        );
        for at in [0, 100, 255] {
            let mut tree = Node::parse(&octets);
            tree.at(&[1, 0, 3, 0, 5]).octets()[at] ^= 1;
            self.add(
                format!("signature changed at {at}"),
                with_signature(good.clone(), tree.der()),
                Some("signature"),
            );
        }
        self.add("as it was made", good, None);
    }
}

/// One kind of receipt under the signature of the other.
fn confused(suite: Suite) -> Vec<ForgedReceipt> {
    let mut forge = Forge {
        suite,
        made: Vec::new(),
        kind: "EERP or NERP",
    };
    let hash = hash_of(suite, b'h');
    let negative = signed(nerp(key(), &hash), suite, &PARTNER.identity);
    let positive = signed(eerp(key(), &hash), suite, &PARTNER.identity);
    // What the NERP signed reads as an EERP whose hash is the creator and the hash.
    let creator = format!("{:25}", "O0177PARTNER WORKS");
    let long = [creator.as_bytes(), &hash].concat();
    let made_of_nerp = with_signature(eerp(key(), &long), signature(&negative));
    forge.add(
        "EERP made of a NERP, with the long hash",
        made_of_nerp,
        Some("hash length"),
    );
    let made_of_nerp = with_signature(eerp(key(), &hash), signature(&negative));
    forge.add(
        "EERP made of a NERP, with our hash",
        made_of_nerp,
        Some("text length"),
    );
    let made_of_eerp = with_signature(nerp(key(), &hash), signature(&positive));
    forge.add("NERP made of an EERP", made_of_eerp, Some("text length"));
    let mut other_creator = signed(nerp(key(), &hash), suite, &PARTNER.identity);
    if let Response::Negative(nerp) = &mut other_creator {
        nerp.creator = OdetteId::new("O0013SOMEONE").unwrap();
    }
    forge.add(
        "NERP of another creator",
        other_creator,
        Some("field NERPCREA"),
    );
    let mut other_reason = negative;
    if let Response::Negative(nerp) = &mut other_reason {
        nerp.reason = NerpReason::StoppedByOperator;
        nerp.text = "not signed, as the RFC has it".into();
    }
    forge.add(
        "NERP whose reason was changed, which nobody signed",
        other_reason,
        None,
    );
    if hash.len() == 64 {
        // The beginning of a longer hash.
        let begin = eerp(key(), &hash[..32]);
        let text = receipt_text(&begin);
        forge.add(
            "half a hash",
            with_signature(begin, signed_text(suite, &text)),
            Some("hash length"),
        );
    }
    forge.made
}

/// A good receipt that is claimed for a file with a longer hash of another suite.
fn longer() -> Vec<ForgedReceipt> {
    let mut forge = Forge {
        suite: suite(4),
        made: Vec::new(),
        kind: "EERP",
    };
    let hash = [hash_of(suite(4), b'h'), b"and more".to_vec()].concat();
    let response = eerp(key(), &hash);
    let text = receipt_text(&response);
    forge.add(
        "hash that begins as ours does",
        with_signature(response, signed_text(suite(4), &text)),
        Some("hash length"),
    );
    forge.made
}

/// All of them, of several suites.
pub fn all() -> Vec<ForgedReceipt> {
    let eerp_names = [
        "field EERPDSN",
        "field EERPDATE",
        "field EERPTIME",
        "field EERPDEST",
        "field EERPORIG",
    ];
    let nerp_names = [
        "field NERPDSN",
        "field NERPDATE",
        "field NERPTIME",
        "field NERPDEST",
        "field NERPORIG",
    ];
    let kinds: [(&'static str, Make, [&'static str; 5]); 2] =
        [("EERP", eerp, eerp_names), ("NERP", nerp, nerp_names)];
    let mut receipts = longer();
    for number in [2, 4, 6, 8] {
        for (kind, make, names) in kinds {
            let mut forge = Forge {
                suite: suite(number),
                made: Vec::new(),
                kind,
            };
            forge.fields(make, names);
            forge.hashes(make);
            forge.texts(make);
            forge.signers(make);
            forge.damaged(make);
            receipts.append(&mut forge.made);
        }
        receipts.extend(confused(suite(number)));
    }
    receipts
}
