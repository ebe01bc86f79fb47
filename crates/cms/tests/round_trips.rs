//! What is made is opened again: every suite, every combination of services, sizes at every edge, both forms of lengths,
//! with threads and without.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::io::Write;

use pointsman_cms::{
    CmsError, Compress, HashAlgorithm, RecordHeaderReader, RecordHeaderWriter, Suite, Wrapping,
};
use support::{
    PARTNER, PARTNER_NEXT, Services, US, US_NEXT, open, opening, suite, text, wrap, wrap_definite,
    wrapping,
};

/// Nothing, one octet, around blocks of both ciphers, around a segment, several segments.
const SIZES: [usize; 12] = [
    0,
    1,
    7,
    8,
    9,
    15,
    16,
    17,
    1000,
    256 * 1024 - 1,
    256 * 1024 + 1,
    800_000,
];

fn check(suite: Suite, services: Services, content: &[u8], file: &[u8], case: &str) {
    let (opened, found) =
        open(&opening(suite, services), file).unwrap_or_else(|error| panic!("{case}: {error}"));
    assert!(
        opened == content,
        "{case}: {} octets came back",
        opened.len()
    );
    assert_eq!(found.content, content.len() as u64, "{case}");
    assert_eq!(found.wire.octets, file.len() as u64, "{case}");
    assert_eq!(found.signed.is_some(), services.signed, "{case}");
    assert_eq!(found.compressed.is_some(), services.compressed, "{case}");
    assert_eq!(found.enveloped.is_some(), services.encrypted, "{case}");
    if let Some(signed) = &found.signed {
        assert_eq!(signed.signers, [PARTNER.certificate()], "{case}");
        assert_eq!(signed.hash, suite.hash(), "{case}");
    }
    if let Some(enveloped) = &found.enveloped {
        assert_eq!(
            (&enveloped.opened_with, enveloped.was_named),
            (&US.certificate(), true),
            "{case}"
        );
    }
}

#[test]
fn every_suite_service_size_and_form_comes_back() {
    let mut cases = 0;
    for suite in Suite::all() {
        for services in Services::all() {
            for size in SIZES {
                let content = text(size);
                let mut wrapping = wrapping(suite, services);
                wrapping.with_certificates = size % 2 == 1;
                let case = format!("suite {suite}, {}, {size} octets", services.letters());
                let (file, wrapped) = wrap(&wrapping, &content);
                check(suite, services, &content, &file, &case);
                assert_eq!(wrapped.hash, hash(suite, &file), "{case}");
                let (definite, wrapped) = wrap_definite(&wrapping, &content);
                check(
                    suite,
                    services,
                    &content,
                    &definite,
                    &format!("{case}, definite"),
                );
                assert_eq!(wrapped.octets, definite.len() as u64, "{case}");
                cases += 2;
            }
        }
    }
    println!("{cases} cases came back");
    assert_eq!(cases, 10 * 7 * 12 * 2);
}

fn hash(suite: Suite, octets: &[u8]) -> Vec<u8> {
    use openssl::hash::MessageDigest;
    let digest = match suite.hash() {
        HashAlgorithm::Sha1 => MessageDigest::sha1(),
        HashAlgorithm::Sha256 => MessageDigest::sha256(),
        HashAlgorithm::Sha512 => MessageDigest::sha512(),
        HashAlgorithm::Sha3_512 => MessageDigest::sha3_512(),
    };
    openssl::hash::hash(digest, octets).unwrap().to_vec()
}

#[test]
fn threads_change_nothing() {
    let suite = suite(4);
    let sizes = [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_000];
    for (services, size) in Services::all().flat_map(|services| sizes.map(|size| (services, size)))
    {
        let content = text(size);
        for threads in [1, 2, 3] {
            let wrapping = Wrapping {
                overlap: true,
                compress: services
                    .compressed
                    .then_some(Compress { level: 1, threads }),
                ..wrapping(suite, services)
            };
            let case = format!("{}, {size} octets, {threads} threads", services.letters());
            let mut opening = opening(suite, services);
            opening.overlap = true;
            for file in [
                wrap(&wrapping, &content).0,
                wrap_definite(&wrapping, &content).0,
            ] {
                let (opened, found) =
                    open(&opening, &file).unwrap_or_else(|error| panic!("{case}: {error}"));
                assert!(opened == content, "{case}");
                assert_eq!(found.signed.is_some(), services.signed, "{case}");
                assert_eq!(found.enveloped.is_some(), services.encrypted, "{case}");
                assert_eq!(found.wire.octets, file.len() as u64, "{case}");
            }
        }
    }
}

#[test]
fn several_signers_and_recipients_are_all_in_the_file() {
    for number in [4, 10] {
        let suite = suite(number);
        let mut wrapping = wrapping(suite, Services::of("sze"));
        wrapping.sign.push(PARTNER_NEXT.identity.clone());
        wrapping.encrypt.push(US_NEXT.certificate());
        let (file, _) = wrap_definite(&wrapping, b"two of each");
        let both = opening(suite, Services::of("sze"));
        for own in [&*US, &*US_NEXT] {
            for partner in [&*PARTNER, &*PARTNER_NEXT] {
                let mut opening = both.clone();
                opening.own = vec![own.identity.clone()];
                opening.partner = vec![partner.certificate()];
                let (content, found) = open(&opening, &file).unwrap();
                assert_eq!(content, b"two of each");
                let signed = found.signed.unwrap();
                assert_eq!(signed.signers, [partner.certificate()]);
                assert_eq!(signed.unknown_signers.len(), 1);
                assert_eq!(found.enveloped.unwrap().opened_with, own.certificate());
            }
        }
        let signed = open(&both, &file).unwrap().1.signed.unwrap();
        assert_eq!((signed.signers.len(), signed.unknown_signers.len()), (2, 0));
    }
}

#[test]
fn nothing_announced_is_nothing_done() {
    let mut opening = opening(suite(4), Services::of("s"));
    opening.announced.security = oftp::Security::None;
    let (file, _) = wrap(
        &wrapping(suite(4), Services::of("s")),
        b"a certificate, say",
    );
    let (content, found) = open(&opening, &file).unwrap();
    assert_eq!(content, file);
    assert!(found.suite().is_none() && found.signed.is_none());
}

#[test]
fn a_content_that_is_not_the_measured_one_is_not_ended() {
    for letters in ["s", "z", "e", "sze"] {
        let wrapping = wrapping(suite(4), Services::of(letters));
        for other in [&b"twelve octet"[..], b"twelve octets, and more"] {
            let mut measurer = wrapping.measure(13).unwrap();
            measurer.write_all(b"twelve octets").unwrap();
            let measured = measurer.finish().unwrap();
            let mut wrapper = wrapping.write_definite_to(Vec::new(), measured).unwrap();
            wrapper.write_all(other).unwrap();
            let error = wrapper.finish().unwrap_err();
            assert!(
                matches!(error, CmsError::NotAsMeasured(_)),
                "{letters}: {error}"
            );
        }
    }
    let mut measurer = wrapping(suite(4), Services::of("sz")).measure(5).unwrap();
    measurer.write_all(b"four").unwrap();
    assert!(measurer.finish().is_err());
}

/// A writer that fails after some octets.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(octets.len())
            .ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_reported_as_such_with_threads_and_without() {
    let content = text(3_000_000);
    for (overlap, threads) in [(false, 1), (true, 1), (true, 2)] {
        for free in [0, 100, 5000, 100_000] {
            let wrapping = Wrapping {
                overlap,
                compress: Some(Compress { level: 1, threads }),
                ..wrapping(suite(4), Services::of("sze"))
            };
            let outcome = wrapping.write_to(Full(free)).and_then(|mut wrapper| {
                let _ = wrapper.write_all(&content);
                wrapper.finish().map(drop)
            });
            match outcome {
                Err(CmsError::Write(error)) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull)
                }
                other => panic!("{overlap} {threads} {free}: {other:?}"),
            }
        }
    }
}

#[test]
fn what_is_given_up_leaves_no_thread() {
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let wrapping = Wrapping {
        overlap: true,
        compress: Some(Compress {
            level: 1,
            threads: 4,
        }),
        ..wrapping(suite(4), Services::of("sze"))
    };
    let (file, _) = wrap(&wrapping, &text(4_000_000));
    let mut opening = opening(suite(4), Services::of("sze"));
    opening.overlap = true;
    let before = threads();
    for _ in 0..20 {
        let mut wrapper = wrapping.write_to(Vec::new()).unwrap();
        wrapper.write_all(&text(2_000_000)).unwrap();
        drop(wrapper);
        let mut opener = opening
            .read_from(std::io::Cursor::new(file.clone()))
            .unwrap();
        std::io::Read::read_exact(&mut opener, &mut [0; 1000]).unwrap();
        drop(opener);
    }
    // Tests beside this one have threads, too, but not eighty.
    assert!(
        threads() < before + 40,
        "{} threads, {before} before",
        threads()
    );
}

#[test]
fn a_content_not_read_to_its_end_does_not_count() {
    let (file, _) = wrap(&wrapping(suite(4), Services::of("sze")), b"some");
    let mut opener = opening(suite(4), Services::of("sze"))
        .read_from(std::io::Cursor::new(file))
        .unwrap();
    // All octets, and not the end.
    std::io::Read::read_exact(&mut opener, &mut [0; 4]).unwrap();
    assert!(matches!(opener.finish(), Err(CmsError::NotReadToEnd)));
}

#[test]
fn records_of_a_v_file_come_back_as_they_were() {
    let records: Vec<Vec<u8>> = [0, 80, 1, 0, 65_535, 300]
        .iter()
        .map(|length| text(*length))
        .collect();
    for services in Services::all() {
        let wrapper = wrapping(suite(4), services).write_to(Vec::new()).unwrap();
        let mut writer = RecordHeaderWriter::new(wrapper);
        for record in &records {
            writer.add(record).unwrap();
            writer.end_record().unwrap();
        }
        let (file, wrapped) = writer.finish().unwrap().finish().unwrap();
        let octets: usize = records.iter().map(|record| record.len() + 2).sum();
        assert_eq!(wrapped.content, octets as u64);
        let content = open(&opening(suite(4), services), &file).unwrap().0;
        let (mut reader, mut rest, mut found, mut record) = (
            RecordHeaderReader::default(),
            content.as_slice(),
            Vec::new(),
            Vec::new(),
        );
        while let Some(part) = reader.next(&mut rest) {
            record.extend_from_slice(part.octets);
            if part.ends_record {
                found.push(std::mem::take(&mut record));
            }
        }
        reader.finish().unwrap();
        assert!(found == records, "{}", services.letters());
    }
}
