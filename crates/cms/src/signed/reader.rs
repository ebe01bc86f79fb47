//! SignedData as it passes: hashed, and judged at its end.

use openssl::hash::Hasher;

use super::attributes::Beginning;
use super::signer_info::{SignedContent, SignerInfo};
use crate::ber::{BerReader, Elements, OctetString, element, tag};
use crate::certificate::Certificate;
use crate::error::{CmsError, Layer, Problem};
use crate::found::{Found, SignedFound};
use crate::oid;
use crate::signer_names::SignerNames;
use crate::source::Source;
use crate::suite::{HashAlgorithm, Suite};

/// The most signers of a file.
const MOST_SIGNERS: usize = 8;
/// The most octets of a signer, of the list of digests, and of what is passed over: the certificates and revocation lists
/// that a file may bring, and the unsigned attributes of a signer, such as timestamps.
const MOST_SIGNER: usize = 32 * 1024;
const MOST_DIGESTS: usize = 1024;
const MOST_PASSED_OVER: u64 = 1024 * 1024;

/// What a signed layer must be like.
#[derive(Debug, Clone)]
pub(crate) struct SignedRules {
    /// The announced suite.
    pub(crate) suite: Suite,
    /// The certificates of the originator.
    pub(crate) known: Vec<Certificate>,
    /// A hash other than the suite's is taken if it is this one or a stronger one; none if there is no other.
    pub(crate) other_hash: Option<HashAlgorithm>,
    /// Whether an unknown signer beside a good one is refused.
    pub(crate) refuse_unknown: bool,
}

impl SignedRules {
    /// Whether a signature may have that hash.
    fn takes(&self, hash: HashAlgorithm) -> bool {
        hash == self.suite.hash()
            || self.other_hash.is_some_and(|floor| hash >= floor)
            || planted!(AnyDigestTaken)
    }
}

/// Reads the content of a SignedData. The end comes only after the signatures were found good.
pub(crate) struct SignedReader {
    reader: BerReader,
    rules: SignedRules,
    content: Option<OctetString>,
    hashers: Vec<(HashAlgorithm, Hasher)>,
    beginning: Beginning,
    found: Option<SignedFound>,
}

impl SignedReader {
    pub(crate) fn new(source: Box<dyn Source>, rules: SignedRules) -> Self {
        Self {
            reader: BerReader::new(source, Layer::Signed),
            rules,
            content: None,
            hashers: Vec::new(),
            beginning: Beginning::default(),
            found: None,
        }
    }

    /// Reads all that stands before the content.
    fn open(&mut self) -> Result<OctetString, CmsError> {
        crate::content_info::enter(&mut self.reader, oid::SIGNED_DATA)?;
        let version = self.reader.element("version", 16)?;
        if ![&[tag::INTEGER, 1, 1][..], &[tag::INTEGER, 1, 3]].contains(&version.as_slice()) {
            return Err(self.reader.error(Problem::Version));
        }
        let digests = self.reader.element("list of digests", MOST_DIGESTS)?;
        self.choose_hashers(&digests)?;
        self.reader.enter(tag::SEQUENCE, "content")?;
        if self.reader.element("content type", 64)? != oid::DATA {
            return Err(self.reader.error(Problem::Content));
        }
        if self.reader.has_ended()? {
            return Err(self.reader.error(Problem::Content));
        }
        self.reader.enter(tag::CONTEXT_0, "content")?;
        OctetString::open(&mut self.reader, tag::OCTET_STRING, "content")
    }

    /// Hashes by the suite's algorithm, and by those others of the list that may be taken.
    fn choose_hashers(&mut self, digests: &[u8]) -> Result<(), CmsError> {
        let wrong = |problem| Layer::Signed.error(problem);
        let mut list = Elements::of(digests)
            .inside(tag::SET, "list of digests")
            .map_err(wrong)?;
        if list.is_empty() && !planted!(EmptyDigestsTaken) {
            return Err(wrong(Problem::None("digest algorithm")));
        }
        let mut chosen = vec![self.rules.suite.hash()];
        while !list.is_empty() {
            let named = list
                .next(tag::SEQUENCE, "digest algorithm")
                .map_err(wrong)?;
            let hash = HashAlgorithm::from_identifier(named.whole);
            let hash = hash.filter(|hash| self.rules.takes(*hash) && !chosen.contains(hash));
            chosen.extend(hash);
        }
        for hash in chosen {
            self.hashers.push((hash, Hasher::new(hash.digest())?));
        }
        Ok(())
    }

    /// Reads all that stands after the content, and judges it.
    fn judge(&mut self) -> Result<SignedFound, CmsError> {
        self.reader.leave("end of the content")?;
        self.reader.leave("end of the content")?;
        for optional in [tag::CONTEXT_0, tag::CONTEXT_1] {
            if self.reader.peek()? == Some(optional) {
                self.reader.skip("list of certificates", MOST_PASSED_OVER)?;
            }
        }
        let signers = self.signers()?;
        self.reader.finish("end of the signed layer")?;
        let mut hashes = Vec::new();
        for (hash, hasher) in &mut self.hashers {
            hashes.push((*hash, hasher.finish()?.to_vec()));
        }
        let content = SignedContent {
            padding: self.rules.suite.padding(),
            hashes: &hashes,
            beginning: &self.beginning,
        };
        self.rules.judge(&content, &signers)
    }

    /// The signers, as they came.
    fn signers(&mut self) -> Result<Vec<Vec<u8>>, CmsError> {
        self.reader.enter(tag::SET, "list of signers")?;
        let mut signers = Vec::new();
        while !self.reader.has_ended()? {
            if signers.len() == MOST_SIGNERS && !planted!(SignersNotCounted) {
                return Err(self.reader.error(Problem::TooMany("signers")));
            }
            signers.push(self.signer()?);
        }
        self.reader.close();
        match signers.is_empty() {
            true => Err(self.reader.error(Problem::None("signer"))),
            false => Ok(signers),
        }
    }

    /// The next signer without its unsigned attributes: nobody signed them, and nothing here reads them.
    fn signer(&mut self) -> Result<Vec<u8>, CmsError> {
        self.reader.enter(tag::SEQUENCE, "signer")?;
        let mut parts = Vec::new();
        while !self.reader.has_ended()? {
            if self.reader.peek()? == Some(tag::CONTEXT_1) {
                self.reader.skip("unsigned attributes", MOST_PASSED_OVER)?;
                if !self.reader.has_ended()? {
                    return Err(self.reader.error(Problem::Element("end of a signer")));
                }
                break;
            }
            let left = MOST_SIGNER.checked_sub(parts.len());
            let left = left.ok_or_else(|| self.reader.error(Problem::TooBig("signer")))?;
            parts.append(&mut self.reader.deep_element("signer", left)?);
        }
        self.reader.close();
        Ok(element(tag::SEQUENCE, &[&parts]))
    }
}

impl SignedRules {
    /// At least one signature must be by a known certificate; all by known ones must be good.
    fn judge(
        &self,
        content: &SignedContent<'_>,
        signers: &[Vec<u8>],
    ) -> Result<SignedFound, CmsError> {
        let wrong = |problem| Layer::Signed.error(problem);
        let (mut good, mut unknown, mut hash) = (Vec::new(), Vec::new(), None);
        for signer in signers {
            let mut list = Elements::of(signer);
            let info = SignerInfo::take(&mut list).map_err(wrong)?;
            let known = self.known.iter().filter(|known| info.signer.names(known));
            let known: Vec<&Certificate> = known.collect();
            if known.is_empty() {
                unknown.push(info.signer);
                continue;
            }
            match content.check(&info, &known) {
                Ok((found, by)) => {
                    hash = hash.or(Some(found));
                    good.push(by.clone());
                }
                Err(_) if planted!(FailedSignerPassedOver) => {}
                Err(error) => return Err(error),
            }
        }
        if good.is_empty() && !planted!(UnknownSignerTaken) {
            let names = SignerNames::of(&unknown);
            return Err(wrong(Problem::UnknownSigner(names)));
        }
        let unknown: Vec<String> = unknown.iter().map(ToString::to_string).collect();
        if self.refuse_unknown && !unknown.is_empty() {
            return Err(wrong(Problem::UnknownSignerBeside(unknown.join(", "))));
        }
        Ok(SignedFound {
            hash: hash.unwrap_or(self.suite.hash()),
            padding: self.suite.padding(),
            signers: good,
            unknown_signers: unknown,
        })
    }
}

impl Source for SignedReader {
    fn pull(&mut self, room: &mut [u8]) -> Result<usize, CmsError> {
        if self.found.is_some() || room.is_empty() {
            return Ok(0);
        }
        let mut content = match self.content.take() {
            Some(content) => content,
            None => self.open()?,
        };
        let count = content.read(&mut self.reader, room)?;
        self.content = Some(content);
        let octets = room.get(..count).unwrap_or_default();
        for (_, hasher) in &mut self.hashers {
            hasher.update(octets)?;
        }
        self.beginning.add(octets);
        if count == 0 {
            self.found = Some(self.judge()?);
        }
        Ok(count)
    }

    fn report(self: Box<Self>, found: &mut Found) {
        found.signed = self.found;
        self.reader.into_source().report(found);
    }
}
