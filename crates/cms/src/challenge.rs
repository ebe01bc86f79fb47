//! Session authentication: challenges are made and answered (RFC 5024, 4.2.4, 5.3.17, 5.3.18).
//!
//! Answering is a decryption service to whoever asks: only what is exactly a challenge is answered, and nothing tells one
//! failure from another. The key should be one that decrypts no files.

use std::fmt;
use std::io::Cursor;

use crate::certificate::{Certificate, Identity};
use crate::enveloped::{EnvelopedReader, EnvelopedRules, Inside};
use crate::error::CmsError;
use crate::found::Found;
use crate::source::{Source, WireSource};
use crate::suite::{HashAlgorithm, Suite};
use crate::wrapping::Wrapping;

/// Octets of a challenge and of its answer.
pub const CHALLENGE: usize = 20;

/// A challenge of ours that waits for its answer.
pub struct OwnChallenge([u8; CHALLENGE]);

impl OwnChallenge {
    /// Draws a challenge and encrypts it to a partner's certificates: AUCHCHAL, at most 65,535 octets with keys of up to
    /// 16,384 bits.
    ///
    /// # Errors
    /// [`CmsError`], if there is no certificate or one cannot encrypt.
    pub fn make(suite: Suite, partner: &[Certificate]) -> Result<(Self, Vec<u8>), CmsError> {
        if partner.is_empty() {
            return Err(CmsError::NoKey(
                "the partner is to be authenticated, and has no certificate",
            ));
        }
        let mut secret = [0; CHALLENGE];
        openssl::rand::rand_priv_bytes(&mut secret)?;
        let wrapping = Wrapping {
            suite,
            sign: Vec::new(),
            with_certificates: false,
            compress: None,
            encrypt: partner.to_vec(),
            overlap: false,
        };
        let challenge = wrapping.small_file(&secret)?;
        Ok((Self(secret), challenge))
    }

    /// The octets, for whoever compares them with the answer.
    pub fn expose(&self) -> &[u8; CHALLENGE] {
        &self.0
    }

    /// Whether that is the answer (AURPRSP). The time it takes says nothing of the octets.
    pub fn is_answered_by(&self, answer: &[u8]) -> bool {
        if planted!(ShortAnswerTaken) && answer.len() < self.0.len() {
            return self.0.starts_with(answer);
        }
        answer.len() == self.0.len() && openssl::memcmp::eq(answer, &self.0)
    }
}

impl fmt::Debug for OwnChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnChallenge(…)")
    }
}

/// The answer to a partner's challenge.
pub struct ChallengeReply {
    /// The octets of AURPRSP.
    pub octets: [u8; CHALLENGE],
    /// The certificate of ours whose key was used, for the log.
    pub certificate: Certificate,
    /// Whether the challenge names that certificate.
    pub was_named: bool,
}

impl fmt::Debug for ChallengeReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChallengeReply")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// A partner's challenge cannot be answered. There is nothing more to say: whatever is wrong with it is this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the challenge cannot be answered with any of our keys")]
pub struct ChallengeFailed;

/// Answers a partner's challenge, encrypted by the algorithms of any suite, with the first key of ours that decrypts it.
///
/// # Errors
/// [`ChallengeFailed`], for everything that is not a challenge of exactly 20 octets to one of these keys.
pub fn answer_challenge(
    challenge: &[u8],
    own: &[Identity],
) -> Result<ChallengeReply, ChallengeFailed> {
    let (octets, found) = decrypt(challenge, own).map_err(|_| ChallengeFailed)?;
    let enveloped = found.enveloped.ok_or(ChallengeFailed)?;
    let octets = match <[u8; CHALLENGE]>::try_from(octets.as_slice()) {
        Ok(octets) => octets,
        Err(_) if planted!(ChallengeLengthNotCompared) => {
            let mut cut = octets;
            cut.resize(CHALLENGE, 0);
            cut.try_into().map_err(|_| ChallengeFailed)?
        }
        Err(_) => return Err(ChallengeFailed),
    };
    Ok(ChallengeReply {
        octets,
        certificate: enveloped.opened_with,
        was_named: enveloped.was_named,
    })
}

/// Decrypts a little: never much more than a challenge has.
fn decrypt(challenge: &[u8], own: &[Identity]) -> Result<(Vec<u8>, Found), CmsError> {
    let rules = EnvelopedRules {
        suite: None,
        own: own.to_vec(),
        inside: Inside::Anything,
    };
    let wire = WireSource::new(Cursor::new(challenge.to_vec()), HashAlgorithm::Sha256)?;
    let mut reader = Box::new(EnvelopedReader::new(Box::new(wire), rules));
    let mut octets = Vec::new();
    let mut room = [0; 256];
    loop {
        let count = reader.pull(&mut room)?;
        if count == 0 {
            break;
        }
        octets.extend_from_slice(room.get(..count).unwrap_or_default());
        if octets.len() > room.len() {
            return Err(CmsError::Decryption);
        }
    }
    let mut found = Found::default();
    reader.report(&mut found);
    Ok((octets, found))
}
