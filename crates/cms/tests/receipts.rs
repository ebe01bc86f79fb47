//! Signed receipts as they are meant: what is signed, by whom it is verified.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use oftp::Response;
use pointsman_cms::{
    CmsError, FileTolerances, HashAlgorithm, ReceiptError, SentFile, Suite, receipt_text,
    sign_receipt,
};
use support::forged_receipts::{eerp, hash_of, key, nerp, signed, with_signature};
use support::{PARTNER, PARTNER_NEXT, STRANGER, suite};

#[test]
fn what_is_signed_is_what_rfc_5024_says() {
    let text = receipt_text(&eerp(key(), b"\x01\x02"));
    let fields = [
        "DELFOR.4711               ",
        "20261130",
        "0748210001",
        "O0013000001US            ",
        "O0177PARTNER WORKS       ",
    ];
    assert_eq!(text, [fields.concat().as_bytes(), b"\x01\x02"].concat());
    assert_eq!(text.len(), 94 + 2);
    let text = receipt_text(&nerp(key(), b"\x01\x02"));
    assert_eq!(text.len(), 119 + 2);
    assert_eq!(&text[94..119], b"O0177PARTNER WORKS       ");
}

#[test]
fn receipts_of_every_suite_verify_by_any_of_the_partners_certificates() {
    for suite in Suite::all() {
        let hash = hash_of(suite, 7);
        let sent = SentFile { suite, hash: &hash };
        for response in [eerp(key(), &hash), nerp(key(), &hash)] {
            for signer in [&*PARTNER, &*PARTNER_NEXT] {
                let response = signed(response.clone(), suite, &signer.identity);
                let both = [PARTNER.certificate(), PARTNER_NEXT.certificate()];
                let found = sent
                    .verify(&response, &both, FileTolerances::default())
                    .unwrap();
                assert_eq!(found.signers, [signer.certificate()]);
                let error = sent
                    .verify(&response, &[], FileTolerances::default())
                    .unwrap_err();
                assert!(matches!(error, ReceiptError::Signature(_)), "{error}");
            }
        }
    }
}

#[test]
fn a_signature_fits_its_field() {
    // EERPSIGL has two octets; the longest is one of two signers with the largest keys that are usual.
    for suite in Suite::all() {
        let response = eerp(key(), &hash_of(suite, 7));
        let signers = [PARTNER.identity.clone(), PARTNER_NEXT.identity.clone()];
        assert!(sign_receipt(&response, suite, &signers).unwrap().len() < 2000);
    }
}

#[test]
fn a_receipt_that_is_not_signed_has_its_hash_compared_all_the_same() {
    let suite = suite(4);
    let hash = hash_of(suite, 7);
    let sent = SentFile { suite, hash: &hash };
    sent.check_hash(&eerp(key(), &hash)).unwrap();
    let other = sent.check_hash(&eerp(key(), &hash_of(suite, 8)));
    assert!(matches!(other, Err(ReceiptError::OtherHash)));
    let short = sent.check_hash(&eerp(key(), &hash[..20]));
    assert!(matches!(
        short,
        Err(ReceiptError::HashLength {
            expected: 32,
            found: 20
        })
    ));
}

#[test]
fn another_hash_in_the_signature_is_a_tolerance_with_a_floor() {
    let hash = hash_of(suite(4), 7);
    let sent = SentFile {
        suite: suite(4),
        hash: &hash,
    };
    let response = eerp(key(), &hash);
    let text = receipt_text(&response);
    let by = |number| {
        let wrapping = support::wrapping(suite(number), support::Services::of("s"));
        with_signature(response.clone(), support::wrap(&wrapping, &text).0)
    };
    let verify = |response: &Response, other_hash| {
        let tolerances = FileTolerances {
            other_hash,
            ..FileTolerances::default()
        };
        sent.verify(response, &[PARTNER.certificate()], tolerances)
    };
    assert!(verify(&by(6), None).is_err());
    assert_eq!(
        verify(&by(6), Some(HashAlgorithm::Sha256)).unwrap().hash,
        HashAlgorithm::Sha512
    );
    assert!(verify(&by(2), Some(HashAlgorithm::Sha256)).is_err());
    assert_eq!(
        verify(&by(2), Some(HashAlgorithm::Sha1)).unwrap().hash,
        HashAlgorithm::Sha1
    );
}

#[test]
fn an_unknown_signer_beside_a_good_one_is_told_or_refused() {
    let suite = suite(4);
    let hash = hash_of(suite, 7);
    let response = eerp(key(), &hash);
    let signers = [PARTNER.identity.clone(), STRANGER.identity.clone()];
    let signature = sign_receipt(&response, suite, &signers).unwrap();
    let response = with_signature(response, signature);
    let sent = SentFile { suite, hash: &hash };
    let found = sent
        .verify(
            &response,
            &[PARTNER.certificate()],
            FileTolerances::default(),
        )
        .unwrap();
    assert_eq!(found.unknown_signers, ["serial 42"]);
    let strict = FileTolerances {
        refuse_unknown_signers: true,
        ..FileTolerances::default()
    };
    assert!(
        sent.verify(&response, &[PARTNER.certificate()], strict)
            .is_err()
    );
}

#[test]
fn nothing_is_signed_without_a_key_or_a_hash_of_the_suite() {
    let response = eerp(key(), &hash_of(suite(4), 7));
    assert!(matches!(
        sign_receipt(&response, suite(4), &[]),
        Err(CmsError::NoKey(_))
    ));
    let signers = [PARTNER.identity.clone()];
    assert!(matches!(
        sign_receipt(&response, suite(6), &signers),
        Err(CmsError::NotAsMeasured(_))
    ));
}
