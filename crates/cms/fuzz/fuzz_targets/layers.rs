//! Layers, made of those that the real writer made once: what needs a key of RSA is theirs, all else is made again.

use std::io::Write;
use std::sync::{LazyLock, OnceLock};

use flate2::{Compress as Deflate, Compression, FlushCompress};
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use openssl::hash::{MessageDigest, hash};
use pointsman_cms::{
    Certificate, Compress, ContentCipher, HashAlgorithm, Identity, PrivateKey, Suite, Wrapping,
};

use crate::damage::{Changes, Place};
use crate::held;

/// The content that we have signed.
pub const CONTENT: &[u8] = b"UNB+UNOA:3+O0013000001US+O0177PARTNER+261130:0748+1'";

/// Us, with the key in memory.
pub static US: LazyLock<Identity> = LazyLock::new(|| {
    let certificate = include_bytes!("../keys/certificate.pem");
    let certificate = Certificate::from_pem(certificate).expect("ours");
    let key = PrivateKey::from_pem(held::PEM, None).expect("ours");
    Identity::new(certificate, key).expect("a pair")
});

/// The layers of each suite.
pub static SUITES: LazyLock<Vec<Layers>> = LazyLock::new(|| Suite::all().map(Layers::of).collect());

/// Numbers of suites to choose from: seldom those with 3DES, which takes most of the time of a run.
pub const CHOICE: [u8; 16] = [1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10];

/// Whose signatures a signed layer has. Only those of the content as we have signed it are good.
#[derive(Clone, Copy)]
pub enum Signers {
    /// Ours.
    Ours,
    /// Ours, with the hash of whatever the content is.
    Rehashed,
    /// The same, by somebody else's name.
    RehashedUnknown,
    /// Ours, and the attributes left out.
    WithoutAttributes,
    /// Ours, and what it is made over as the content.
    AttributesAsContent,
    /// Ours twice.
    Twice,
    /// Ours, and an unknown one.
    UnknownBeside,
    /// Ours, and one of ours that does not fit.
    FailedBeside,
    /// Ours of another suite.
    OtherSuite,
    /// Ours, named by our key's identifier.
    KeyId,
    /// Ours, with unsigned attributes.
    UnsignedAttributes,
    /// Nobody's.
    Nobody,
}

/// All of them.
pub const SIGNERS: [Signers; 12] = [
    Signers::Ours,
    Signers::Rehashed,
    Signers::RehashedUnknown,
    Signers::WithoutAttributes,
    Signers::AttributesAsContent,
    Signers::Twice,
    Signers::UnknownBeside,
    Signers::FailedBeside,
    Signers::OtherSuite,
    Signers::KeyId,
    Signers::UnsignedAttributes,
    Signers::Nobody,
];

impl Signers {
    /// Whether a file with them is opened where nothing is changed.
    pub fn are_good(self, suite: Suite, refuse_unknown: bool) -> bool {
        match self {
            Self::Ours | Self::Rehashed | Self::Twice | Self::KeyId | Self::UnsignedAttributes => {
                true
            }
            Self::UnknownBeside => !refuse_unknown,
            Self::OtherSuite => {
                let other = next(suite).suite;
                (other.hash(), other.padding()) == (suite.hash(), suite.padding())
            }
            Self::RehashedUnknown
            | Self::WithoutAttributes
            | Self::AttributesAsContent
            | Self::FailedBeside
            | Self::Nobody => false,
        }
    }
}

/// The layers of the suite after that one.
fn next(suite: Suite) -> &'static Layers {
    &SUITES[usize::from(suite.number().number() % 10)]
}

/// Where changes of a signed file are made.
const SIGNED: [Place; 4] = [
    Place::SignedFile,
    Place::Content,
    Place::Attributes,
    Place::Signer,
];

/// How the content of a layer is written.
#[derive(Clone, Copy)]
pub enum Strings {
    /// One segment.
    One,
    /// Segments of some octets.
    Short,
    /// A string with a length, not in segments.
    Primitive,
}

/// What the real writer made of one suite, taken apart.
pub struct Layers {
    pub suite: Suite,
    signed: Signed,
    compressed_head: Vec<u8>,
    /// Streams of signed files, by their signers and their form.
    deflated: [[OnceLock<Vec<u8>>; 3]; SIGNERS.len()],
    enveloped: Enveloped,
}

struct Signed {
    head: Vec<u8>,
    name: Vec<u8>,
    digest_algorithm: Vec<u8>,
    attributes: Vec<u8>,
    signature_algorithm: Vec<u8>,
    signature: Vec<u8>,
}

struct Enveloped {
    head: Vec<u8>,
    recipient: Vec<u8>,
    /// What stands between recipients and cipher text.
    after: Vec<u8>,
    secret: Vec<u8>,
}

impl Layers {
    fn of(suite: Suite) -> Self {
        let signed = make(suite, |wrapping| wrapping.sign = vec![US.clone()]);
        let compressed = make(suite, |wrapping| {
            wrapping.compress = Some(Compress {
                level: 1,
                threads: 1,
            });
        });
        let enveloped = make(suite, |wrapping| {
            wrapping.encrypt = vec![US.certificate().clone()];
        });
        let stream = position(&compressed, &[0x24, 0x80]);
        Self {
            suite,
            signed: Signed::of(&signed),
            compressed_head: compressed[..stream].to_vec(),
            deflated: Default::default(),
            enveloped: Enveloped::of(suite, &enveloped),
        }
    }

    /// A signed file.
    pub fn sign(&self, signers: Signers, strings: Strings, changes: Changes) -> Vec<u8> {
        let mut content = CONTENT.to_vec();
        if let Signers::AttributesAsContent = signers {
            content = element(0x31, &[&self.signed.attributes]);
        }
        changes.make(Place::Content, &mut content);
        let mut file = self.signed.head.clone();
        put_string(&mut file, 4, &content, strings);
        file.extend([0; 4]);
        let signers = self.signers(signers, &content, changes);
        file.extend(element(0x31, &[&signers.concat()]));
        file.extend([0; 6]);
        changes.make(Place::SignedFile, &mut file);
        file
    }

    fn signers(&self, signers: Signers, content: &[u8], changes: Changes) -> Vec<Vec<u8>> {
        let mut signed = self.signed.clone_for(self.suite, signers, content);
        if let Some(attributes) = &mut signed.attributes {
            changes.make(Place::Attributes, attributes);
        }
        let mut body = signed.body(signers);
        changes.make(Place::Signer, &mut body);
        let one = element(0x30, &[&body]);
        match signers {
            Signers::Nobody => Vec::new(),
            Signers::Twice => vec![one.clone(), one],
            Signers::UnknownBeside | Signers::FailedBeside => vec![signed.beside(signers), one],
            _ => vec![one],
        }
    }

    /// That file in a compressed one. A file in which nothing was changed is deflated once, and not for each run; one
    /// that was changed is stored.
    pub fn compress(
        &self,
        file: &[u8],
        signers: Signers,
        strings: Strings,
        changes: Changes,
    ) -> Vec<u8> {
        let mut stream = match changes.has(&SIGNED) {
            true => stored(file),
            false => {
                let stream = &self.deflated[signers as usize][strings as usize];
                stream.get_or_init(|| deflated(file)).clone()
            }
        };
        changes.make(Place::Deflated, &mut stream);
        let mut file = self.compressed_head.clone();
        put_string(&mut file, 4, &stream, strings);
        file.extend([0; 10]);
        changes.make(Place::CompressedFile, &mut file);
        file
    }

    /// That file in an encrypted one.
    pub fn envelop(&self, file: &[u8], strings: Strings, changes: Changes) -> Vec<u8> {
        let Enveloped {
            head,
            recipient,
            after,
            secret,
        } = &self.enveloped;
        let (cipher, block) = &*CIPHERS[self.suite.cipher() as usize];
        let vector = Some(&after[after.len() - block..]);
        let mut context = CipherCtx::new().expect("memory");
        let started = context.encrypt_init(Some(cipher), Some(secret), vector);
        started.expect("a key");
        let mut encrypted = Vec::new();
        context
            .cipher_update_vec(file, &mut encrypted)
            .expect("octets");
        context.cipher_final_vec(&mut encrypted).expect("octets");
        let mut recipient = recipient.clone();
        changes.make(Place::Recipient, &mut recipient);
        let recipients = element(0x31, &[&element(0x30, &[&recipient])]);
        let mut file = [head.as_slice(), &recipients, after].concat();
        put_string(&mut file, 0x80, &encrypted, strings);
        file.extend([0; 8]);
        changes.make(Place::EnvelopedFile, &mut file);
        file
    }
}

impl Signed {
    /// Takes a file apart that is signed, with indefinite lengths but in what is signed.
    fn of(file: &[u8]) -> Self {
        let name = US.certificate().issuer_serial();
        let content = position(file, &[0x24, 0x80]);
        let (name, rest) = split(&file[position(file, name)..]);
        let (digest_algorithm, rest) = split(rest);
        let (attributes, rest) = split(rest);
        let (signature_algorithm, rest) = split(rest);
        let (signature, _) = split(rest);
        Self {
            head: file[..content].to_vec(),
            name: name.to_vec(),
            digest_algorithm: digest_algorithm.to_vec(),
            attributes: body(attributes).to_vec(),
            signature_algorithm: signature_algorithm.to_vec(),
            signature: signature.to_vec(),
        }
    }

    /// The signer of that content.
    fn clone_for(&self, suite: Suite, signers: Signers, content: &[u8]) -> Signer {
        let of = match signers {
            Signers::OtherSuite => &next(suite).signed,
            _ => self,
        };
        let mut attributes = Some(of.attributes.clone());
        match signers {
            Signers::Rehashed | Signers::RehashedUnknown => {
                let hash = hash(digest(suite.hash()), content).expect("octets");
                let last = self.attributes.len() - hash.len();
                attributes = Some([&self.attributes[..last], &hash].concat());
            }
            Signers::WithoutAttributes | Signers::AttributesAsContent => attributes = None,
            _ => {}
        }
        let mut name = of.name.clone();
        match signers {
            Signers::RehashedUnknown => *name.last_mut().expect("a serial number") ^= 1,
            Signers::KeyId => {
                let id = US.certificate().subject_key_id().expect("it has one");
                name = element(0x80, &[id]);
            }
            _ => {}
        }
        Signer {
            name,
            digest_algorithm: of.digest_algorithm.clone(),
            attributes,
            signature_algorithm: of.signature_algorithm.clone(),
            signature: of.signature.clone(),
        }
    }
}

/// One signer of a file.
struct Signer {
    name: Vec<u8>,
    digest_algorithm: Vec<u8>,
    attributes: Option<Vec<u8>>,
    signature_algorithm: Vec<u8>,
    signature: Vec<u8>,
}

impl Signer {
    fn body(&self, signers: Signers) -> Vec<u8> {
        let attributes = self.attributes.as_ref();
        let attributes = attributes.map(|attributes| element(0xa0, &[attributes]));
        let unsigned = match signers {
            Signers::UnsignedAttributes => &[0xa1, 2, 0x30, 0][..],
            _ => &[],
        };
        [
            &[2, 1, 1],
            self.name.as_slice(),
            &self.digest_algorithm,
            attributes.as_deref().unwrap_or_default(),
            &self.signature_algorithm,
            &self.signature,
            unsigned,
        ]
        .concat()
    }

    /// Another signer beside it.
    fn beside(&self, signers: Signers) -> Vec<u8> {
        let mut body = self.body(signers);
        match signers {
            // Another serial number.
            Signers::UnknownBeside => body[2 + self.name.len()] ^= 1,
            // Another signature.
            _ => *body.last_mut().expect("a signature") ^= 1,
        }
        element(0x30, &[&body])
    }
}

impl Enveloped {
    /// Takes a file apart that is encrypted, with indefinite lengths but in its recipient.
    fn of(suite: Suite, file: &[u8]) -> Self {
        let name = US.certificate().issuer_serial();
        // A recipient: SET and SEQUENCE, each with a length of two octets, and the version.
        let recipients = position(file, name) - 11;
        let (set, rest) = split(&file[recipients..]);
        let recipient = body(body(set));
        let (_, of_name) = split(recipient);
        let (_, of_algorithm) = split(of_name);
        let (_, block) = split(of_algorithm);
        let secret = held::learn(suite.padding(), suite.hash(), body(split(block).0));
        let content = position(rest, &[0xa0, 0x80]);
        Self {
            head: file[..recipients].to_vec(),
            recipient: recipient.to_vec(),
            after: rest[..content].to_vec(),
            secret,
        }
    }
}

/// A file of the real writer.
fn make(suite: Suite, how: impl Fn(&mut Wrapping)) -> Vec<u8> {
    let mut wrapping = Wrapping {
        suite,
        sign: Vec::new(),
        with_certificates: false,
        compress: None,
        encrypt: Vec::new(),
        overlap: false,
    };
    how(&mut wrapping);
    let mut wrapper = wrapping.write_to(Vec::new()).expect("memory");
    wrapper.write_all(CONTENT).expect("memory");
    wrapper.finish().expect("memory").0
}

/// The ciphers of [`ContentCipher`], and the octets of a block.
static CIPHERS: [LazyLock<(Cipher, usize)>; 2] = [
    LazyLock::new(|| cipher("DES-EDE3-CBC", ContentCipher::TripleDes)),
    LazyLock::new(|| cipher("AES-256-CBC", ContentCipher::Aes256)),
];

fn cipher(name: &str, cipher: ContentCipher) -> (Cipher, usize) {
    let fetched = Cipher::fetch(None, name, None);
    (fetched.expect("it is there"), cipher.block_length())
}

fn digest(hash: HashAlgorithm) -> MessageDigest {
    match hash {
        HashAlgorithm::Sha1 => MessageDigest::sha1(),
        HashAlgorithm::Sha256 => MessageDigest::sha256(),
        HashAlgorithm::Sha512 => MessageDigest::sha512(),
        HashAlgorithm::Sha3_512 => MessageDigest::sha3_512(),
    }
}

/// A zlib stream (RFC 1950).
fn deflated(octets: &[u8]) -> Vec<u8> {
    let mut stream = Vec::with_capacity(octets.len() + 64);
    Deflate::new(Compression::new(1), true)
        .compress_vec(octets, &mut stream, FlushCompress::Finish)
        .expect("room");
    stream
}

/// A zlib stream of one block that is not compressed (RFC 1951, 3.2.4).
fn stored(octets: &[u8]) -> Vec<u8> {
    let length = u16::try_from(octets.len()).expect("a small file");
    let [low, high] = length.to_le_bytes();
    let (mut a, mut b) = (1_u32, 0_u32);
    for octet in octets {
        a = (a + u32::from(*octet)) % 65_521;
        b = (b + a) % 65_521;
    }
    let sum = (b << 16 | a).to_be_bytes();
    let head = [0x78, 1, 1, low, high, !low, !high];
    [head.as_slice(), octets, &sum].concat()
}

/// Adds a string with that tag.
fn put_string(file: &mut Vec<u8>, tag: u8, octets: &[u8], strings: Strings) {
    let segment = match strings {
        Strings::Primitive => return file.extend(element(tag, &[octets])),
        Strings::One => octets.len().max(1),
        Strings::Short => 100,
    };
    file.extend([tag | 0x20, 0x80]);
    for part in octets.chunks(segment) {
        file.extend(element(4, &[part]));
    }
    file.extend([0; 2]);
}

/// An element with a definite length.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut octets = match length {
        0..0x80 => vec![tag, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    parts.iter().for_each(|part| octets.extend_from_slice(part));
    octets
}

/// The first element, which has a definite length, and what follows it.
fn split(octets: &[u8]) -> (&[u8], &[u8]) {
    let body = body(octets);
    octets.split_at(octets.len() - body_rest(octets).len() + body.len())
}

/// The content of the first element.
fn body(octets: &[u8]) -> &[u8] {
    let length = match octets[1] {
        0x81 => usize::from(octets[2]),
        0x82 => usize::from(u16::from_be_bytes([octets[2], octets[3]])),
        short => usize::from(short),
    };
    &body_rest(octets)[..length]
}

/// All that follows the header of the first element.
fn body_rest(octets: &[u8]) -> &[u8] {
    match octets[1] {
        0x81 => &octets[3..],
        0x82 => &octets[4..],
        _ => &octets[2..],
    }
}

/// Where something stands for the first time.
fn position(octets: &[u8], wanted: &[u8]) -> usize {
    let mut windows = octets.windows(wanted.len());
    windows
        .position(|found| found == wanted)
        .expect("it is there")
}
