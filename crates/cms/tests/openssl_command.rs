//! Both ways with the `openssl cms` command of this machine: every suite that it can, signed, encrypted and both, with
//! definite and indefinite lengths. It is mostly built without zlib, so that compression is left to other tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::path::Path;
use std::process::Command;

use pointsman_cms::{ContentCipher, HashAlgorithm, RsaPadding, Suite, Wrapping};
use support::tree::{Form, Node};
use support::{Services, folder_with_keys, open, opening, text, wrap, wrap_definite, wrapping};

const SIZES: [usize; 4] = [0, 16, 17, 300_000];

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: folder_with_keys(),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs `openssl cms` on a file, and gives back what it made.
    fn run(&self, arguments: &str, input: &[u8]) -> Result<Vec<u8>, String> {
        std::fs::write(self.path().join("in"), input).unwrap();
        let mut command = Command::new("openssl");
        command
            .current_dir(self.path())
            .args(["cms", "-in", "in", "-out", "out", "-binary"]);
        let done = command
            .args(arguments.split_whitespace())
            .output()
            .map_err(|error| error.to_string())?;
        match done.status.success() {
            true => Ok(std::fs::read(self.path().join("out")).unwrap()),
            false => Err(format!(
                "openssl cms {arguments}: {}",
                String::from_utf8_lossy(&done.stderr)
            )),
        }
    }

    fn verify(&self, file: &[u8]) -> Result<Vec<u8>, String> {
        self.run("-verify -inform DER -certfile partner.pem -noverify", file)
    }

    fn decrypt(&self, file: &[u8]) -> Result<Vec<u8>, String> {
        self.run("-decrypt -inform DER -recip us.pem -inkey us.key", file)
    }

    fn sign(&self, suite: Suite, more: &str, content: &[u8]) -> Result<Vec<u8>, String> {
        let padding = match suite.padding() {
            RsaPadding::Pkcs1 => "",
            RsaPadding::PssOaep => "-keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:-1",
        };
        let hash = hash(suite);
        let arguments = format!(
            "-sign -nodetach -outform DER -signer partner.pem -inkey partner.key -md {hash} {padding} {more}"
        );
        self.run(&arguments, content)
    }

    fn encrypt(&self, suite: Suite, more: &str, content: &[u8]) -> Result<Vec<u8>, String> {
        let hash = hash(suite);
        let padding = match suite.padding() {
            RsaPadding::Pkcs1 => String::new(),
            RsaPadding::PssOaep => {
                format!(
                    "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:{hash} -keyopt rsa_mgf1_md:{hash}"
                )
            }
        };
        let cipher = match suite.cipher() {
            ContentCipher::TripleDes => "-des3",
            ContentCipher::Aes256 => "-aes256",
        };
        self.run(
            &format!("-encrypt -outform DER {cipher} -recip us.pem {padding} {more}"),
            content,
        )
    }
}

fn hash(suite: Suite) -> &'static str {
    match suite.hash() {
        HashAlgorithm::Sha1 => "sha1",
        HashAlgorithm::Sha256 => "sha256",
        HashAlgorithm::Sha512 => "sha512",
        HashAlgorithm::Sha3_512 => "sha3-512",
    }
}

#[test]
fn the_openssl_command_reads_what_we_write() {
    let bench = Bench::new();
    let mut cases = 0;
    for suite in Suite::all() {
        for (letters, size) in ["s", "e", "se"]
            .into_iter()
            .flat_map(|letters| SIZES.map(|size| (letters, size)))
        {
            let services = Services::of(letters);
            let content = text(size);
            let wrapping = Wrapping {
                with_certificates: size == 17,
                ..wrapping(suite, services)
            };
            for file in [
                wrap(&wrapping, &content).0,
                wrap_definite(&wrapping, &content).0,
            ] {
                let case = format!("suite {suite}, {letters}, {size} octets");
                let mut read = file;
                if services.encrypted {
                    read = bench
                        .decrypt(&read)
                        .unwrap_or_else(|error| panic!("{case}: {error}"));
                }
                if services.signed {
                    read = bench
                        .verify(&read)
                        .unwrap_or_else(|error| panic!("{case}: {error}"));
                }
                assert!(read == content, "{case}: {} octets", read.len());
                cases += 1;
            }
        }
    }
    println!("{cases} files of ours were read by the openssl command");
    assert_eq!(cases, 10 * 3 * 4 * 2);
}

/// What the command of OpenSSL 3.0 cannot: PSS with SHA-3, and in segments neither PSS nor an empty file.
fn must_make(suite: Suite, size: usize, signing: &str) -> bool {
    let is_pss = suite.padding() == RsaPadding::PssOaep;
    let is_stream = signing.contains("-stream");
    !(is_pss && suite.hash() == HashAlgorithm::Sha3_512 || is_stream && (is_pss || size == 0))
}

#[test]
fn we_read_what_the_openssl_command_writes() {
    let bench = Bench::new();
    let (mut cases, mut skipped) = (0, 0);
    for suite in Suite::all() {
        for (letters, size) in ["s", "e", "se"]
            .into_iter()
            .flat_map(|letters| SIZES.map(|size| (letters, size)))
        {
            let services = Services::of(letters);
            let content = text(size);
            for (signing, encrypting) in [
                ("-nocerts", ""),
                ("-stream", "-stream"),
                ("-keyid -nosmimecap", "-keyid"),
                ("-noattr -stream", "-stream -keyid"),
            ] {
                let made = || {
                    let mut file = content.clone();
                    if services.signed {
                        file = bench.sign(suite, signing, &file)?;
                    }
                    if services.encrypted {
                        file = bench.encrypt(suite, encrypting, &file)?;
                    }
                    Ok::<_, String>(file)
                };
                let file = match made() {
                    Ok(file) => file,
                    Err(error) => {
                        assert!(!must_make(suite, size, signing), "{error}");
                        skipped += 1;
                        continue;
                    }
                };
                let case =
                    format!("suite {suite}, {letters}, {size} octets, {signing} {encrypting}");
                let opened = open(&opening(suite, services), &file)
                    .unwrap_or_else(|error| panic!("{case}: {error}"));
                assert!(opened.0 == content, "{case}");
                cases += 1;
            }
        }
    }
    println!("{cases} files of the openssl command were read by us; {skipped} it cannot make");
    assert!(cases >= 6 * 3 * 4 * 4, "{cases}");
}

const TSA: &str = "[tsa]
default_tsa = stamp
[stamp]
serial = serial
digests = sha256
signer_digest = sha256
default_policy = 1.2.3.4
ess_cert_id_alg = sha256
tsa_name = yes
certs = stamp.pem
[extension]
extendedKeyUsage = critical, timeStamping
";

impl Bench {
    fn openssl(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        command.current_dir(self.path()).args(arguments.split(' '));
        let done = command.output().unwrap();
        let error = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "openssl {arguments}: {error}");
    }

    /// A timestamp of something, by an authority that is made for it: a signed message with the authority's certificate.
    fn timestamp(&self) -> Node {
        std::fs::write(self.path().join("tsa.conf"), TSA).unwrap();
        std::fs::write(self.path().join("serial"), "01").unwrap();
        self.openssl(
            "req -x509 -newkey rsa:2048 -nodes -subj /CN=stamp -keyout stamp.key -out stamp.pem -days 2 -config /dev/null -addext extendedKeyUsage=critical,timeStamping",
        );
        self.openssl("ts -query -data us.pem -sha256 -cert -out query");
        self.openssl(
            "ts -reply -config tsa.conf -queryfile query -signer stamp.pem -inkey stamp.key -token_out -out token",
        );
        Node::parse(&std::fs::read(self.path().join("token")).unwrap())
    }
}

/// The name of the attribute for a timestamp of a signature (RFC 3161, appendix A).
const TIMESTAMP: [u8; 11] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 0x10, 2, 14];

#[test]
fn attributes_of_archived_signatures_are_passed_over() {
    let bench = Bench::new();
    let (suite, services) = (support::suite(4), Services::of("s"));
    let made = bench.sign(suite, "-cades -nocerts", b"a file").unwrap();
    let (content, found) = open(&opening(suite, services), &made).unwrap();
    assert_eq!(
        (content.as_slice(), found.signed.unwrap().signers.len()),
        (&b"a file"[..], 1)
    );
    let mut stamped = Node::parse(&made);
    let token = bench.timestamp();
    let name = Node::primitive(6, &TIMESTAMP);
    let attribute = Node::container(0x30, vec![name, Node::container(0x31, vec![token])]);
    let signer = stamped.at(&[1, 0, 3, 0]).nodes();
    signer.push(Node::container(0xa1, vec![attribute]));
    assert_eq!(bench.verify(&stamped.der()).unwrap(), b"a file");
    for form in [Form::Der, Form::Indefinite] {
        let opened = open(&opening(suite, services), &stamped.encode(form));
        assert_eq!(opened.unwrap().0, b"a file", "{form:?}");
    }
}
