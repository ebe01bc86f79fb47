//! How fast a file of 256 MiB is made and opened, beside its slowest stage alone. `cargo bench -p pointsman-cms`; a
//! smaller file with `POINTSMAN_CMS_MIB=64`.

#![allow(clippy::indexing_slicing, reason = "a benchmark may fail anywhere")]

use std::io::{Cursor, Read, Write};
use std::time::Instant;

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};

use oftp::{CipherSuite, Security};
use pointsman_cms::{
    Announced, Certificate, Compress, FileTolerances, Identity, Limits, Opening, PrivateKey, Suite,
    Wrapping,
};

/// A station with a new key.
fn identity() -> Result<Identity, Box<dyn std::error::Error>> {
    let key = PKey::from_rsa(Rsa::generate(2048)?)?;
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_text("CN", "bench")?;
    let name = name.build();
    let mut builder = X509::builder()?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    let (now, later) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(9)?);
    builder.set_not_before(&now)?;
    builder.set_not_after(&later)?;
    builder.set_pubkey(&key)?;
    builder.sign(&key, MessageDigest::sha256())?;
    let certificate = Certificate::from_der(&builder.build().to_der()?)?;
    Ok(Identity::new(
        certificate,
        PrivateKey::from_der(&key.private_key_to_der()?)?,
    )?)
}

/// Something like CAD data in text: numbers that differ and words that do not.
fn content(octets: usize) -> Vec<u8> {
    let (mut text, mut x) = (Vec::with_capacity(octets + 64), 88_172_645_463_325_252u64);
    let mut n = 0u32;
    while text.len() < octets {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        n += 1;
        let (a, b, c) = (x % 100_000, (x >> 20) % 100_000, (x >> 40) % 100_000);
        text.extend_from_slice(
            format!("#{n}=CARTESIAN_POINT('',({a}.5,{b}.25,-{c}.));\n").as_bytes(),
        );
    }
    text.truncate(octets);
    text
}

struct Case {
    name: &'static str,
    signed: bool,
    compressed: bool,
    encrypted: bool,
}

const CASES: [Case; 4] = [
    Case {
        name: "sign",
        signed: true,
        compressed: false,
        encrypted: false,
    },
    Case {
        name: "compress",
        signed: false,
        compressed: true,
        encrypted: false,
    },
    Case {
        name: "encrypt",
        signed: false,
        compressed: false,
        encrypted: true,
    },
    Case {
        name: "all three",
        signed: true,
        compressed: true,
        encrypted: true,
    },
];

impl Case {
    fn wrapping(&self, suite: Suite, identity: &Identity, threads: usize) -> Wrapping {
        Wrapping {
            suite,
            sign: self.signed.then(|| identity.clone()).into_iter().collect(),
            with_certificates: false,
            compress: self.compressed.then_some(Compress { level: 1, threads }),
            encrypt: self
                .encrypted
                .then(|| identity.certificate().clone())
                .into_iter()
                .collect(),
            overlap: threads > 0,
        }
    }

    fn opening(&self, suite: Suite, identity: &Identity, overlap: bool) -> Opening {
        let security = match (self.signed, self.encrypted) {
            (false, false) => Security::None,
            (false, true) => Security::Encrypted,
            (true, false) => Security::Signed,
            (true, true) => Security::EncryptedAndSigned,
        };
        Opening {
            announced: Announced {
                security,
                compressed: self.compressed,
                suite,
            },
            own: vec![identity.clone()],
            partner: vec![identity.certificate().clone()],
            limits: Limits {
                largest: u64::MAX,
                ratio: Limits::RATIO,
            },
            tolerances: FileTolerances::default(),
            overlap,
        }
    }
}

/// MB of content a second.
fn rate(octets: usize, began: Instant) -> f64 {
    octets as f64 / 1e6 / began.elapsed().as_secs_f64()
}

fn wrap(wrapping: &Wrapping, content: &[u8]) -> Result<(Vec<u8>, f64), Box<dyn std::error::Error>> {
    let out = Vec::with_capacity(content.len() + (content.len() >> 8) + 4096);
    let began = Instant::now();
    let mut wrapper = wrapping.write_to(out)?;
    wrapper.write_all(content)?;
    let (file, _) = wrapper.finish()?;
    Ok((file, rate(content.len(), began)))
}

fn open(
    opening: &Opening,
    file: Vec<u8>,
    octets: usize,
) -> Result<f64, Box<dyn std::error::Error>> {
    let began = Instant::now();
    let mut opener = opening.read_from(Cursor::new(file))?;
    let mut room = vec![0; 256 * 1024];
    while opener.read(&mut room)? > 0 {}
    opener.finish()?;
    Ok(rate(octets, began))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mib = std::env::var("POINTSMAN_CMS_MIB")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(256);
    let (identity, content) = (identity()?, content(mib << 20));
    println!(
        "{mib} MiB of content, MB/s; level 1; {}",
        openssl::version::version()
    );
    for number in [4, 6, 3] {
        let suite = CipherSuite::new(number)
            .and_then(Suite::of)
            .ok_or("no such suite")?;
        println!("suite {suite}");
        let (mut slowest_wrap, mut slowest_open) = (f64::MAX, f64::MAX);
        for case in &CASES {
            for threads in [0, 1, 2] {
                if threads == 2 && !case.compressed {
                    continue;
                }
                let (file, wrapping) = wrap(&case.wrapping(suite, &identity, threads), &content)?;
                let size = file.len();
                let opening = open(
                    &case.opening(suite, &identity, threads > 0),
                    file,
                    content.len(),
                )?;
                let way = ["one thread", "a thread a layer", "and two that deflate"][threads];
                print!(
                    "  {:9} {way:20} made {wrapping:6.0}, opened {opening:6.0}, size {size}",
                    case.name
                );
                match case.name {
                    "all three" => println!(
                        "; of the slowest stage alone {:.2} and {:.2}",
                        wrapping / slowest_wrap,
                        opening / slowest_open
                    ),
                    _ => println!(),
                }
                if threads == 0 && case.name != "all three" {
                    slowest_wrap = slowest_wrap.min(wrapping);
                    slowest_open = slowest_open.min(opening);
                }
            }
        }
    }
    Ok(())
}
