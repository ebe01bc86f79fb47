//! A secured file that is all here: how it is opened, by the plan and the keys in force.

use std::sync::Arc;
use std::time::SystemTime;

use oftp::{CipherSuite, FileHeader, RecordLayout};
use pointsman_cms::{Announced, FileTolerances, Limits, Opening, Suite};
use pointsman_store::contents::WholeContent;
use pointsman_store::{ContentKey, Measure, Row, Target, TransferId, Undelivered, WireHash};
use tokio_util::sync::CancellationToken;

use crate::config::{CertificateUse, Partner};
use crate::security::{
    OpenError, OpenedContent, OpeningTerms, check_found, hash_content, look, open, wire_hash,
};
use crate::station::Station;
use crate::station::in_force::InForce;

/// From this size on a file is opened by several threads: before, they cost more than they save.
const OVERLAPS: u64 = 1 << 20;

/// A secured file that is all here.
#[derive(Clone, Debug)]
pub struct SecuredFile {
    /// Names it, and its contents.
    pub id: TransferId,
    /// Whose it is.
    pub partner: String,
    /// What its SFID said.
    pub header: FileHeader,
    /// Size and digest as on the wire.
    pub wire: Measure,
    /// How its plain records are kept, where that was decided at its offer.
    pub layout: Option<RecordLayout>,
    /// Where it goes by now.
    pub target: Target,
    /// What was said of it by now.
    pub labels: Vec<(String, String)>,
    /// When it was offered first: its signers' certificates must have been valid then, however late it is opened.
    pub offered: SystemTime,
}

impl SecuredFile {
    /// By its row; none where that is of a file to send.
    #[must_use]
    pub fn of_row(row: &Row) -> Option<Self> {
        let file = row.inbound()?;
        Some(Self {
            id: row.id,
            partner: row.partner.clone(),
            header: row.header.clone(),
            wire: row.measure.clone(),
            layout: row.layout,
            target: file.target.clone(),
            labels: row.labels.clone(),
            offered: row.created,
        })
    }

    /// Its content as on the wire.
    #[must_use]
    pub fn key(&self) -> ContentKey {
        ContentKey::wire_received(self.id)
    }

    /// It is opened, and is to be delivered there.
    #[must_use]
    pub fn undelivered(&self, target: Target) -> Undelivered {
        Undelivered {
            id: self.id,
            partner: self.partner.clone(),
            header: self.header.clone(),
            target,
            placing: None,
        }
    }

    /// Its name in texts.
    #[must_use]
    pub fn name(&self) -> String {
        self.header.key.to_string()
    }

    /// The suite that it announces; where it announces none, since it is compressed alone, one of the hash that is taken
    /// in its stead.
    #[must_use]
    pub fn suite(&self) -> Option<Suite> {
        let number = match self.header.security {
            oftp::Security::None if self.header.cipher == CipherSuite::NONE => CipherSuite::new(4)?,
            _ => self.header.cipher,
        };
        Suite::of(number)
    }

    /// Its hash for the receipt, by what was found; none where it announces no suite.
    #[must_use]
    pub fn hash_found(&self, opened: &OpenedContent) -> Option<WireHash> {
        let suite = Suite::of(self.header.cipher)?;
        wire_hash(suite, opened.found.wire.hash.clone())
    }

    /// How it is opened, by the plan and the keys in force.
    fn terms(&self, in_force: &InForce, profile: &Partner) -> Result<OpeningTerms, OpenError> {
        let keys = in_force.keyring().partner(&self.partner)?;
        let security = &profile.file_security;
        let suite = self.suite().ok_or(OpenError::Suite)?;
        let layout = self.layout.or(profile.record_layout(self.header.format));
        let of_quota = profile.quota.and_then(|quota| quota.octets);
        let largest = profile.largest_file.into_iter().chain(of_quota).min();
        Ok(OpeningTerms {
            opening: Opening {
                announced: Announced {
                    security: self.header.security,
                    compressed: self.header.compressed,
                    suite,
                },
                own: keys.decryption(),
                partner: keys.verification(self.offered),
                limits: Limits {
                    largest: largest.unwrap_or(u64::MAX),
                    ratio: security.expansion,
                },
                tolerances: FileTolerances {
                    other_hash: security.other_hash,
                    refuse_unknown_signers: security.refuse_unknown_signers,
                },
                overlap: self.wire.octets >= OVERLAPS,
            },
            format: self.header.format,
            layout,
        })
    }

    /// Says of a signer whose certificate has ended that it has.
    fn explained(&self, error: OpenError, in_force: &InForce) -> OpenError {
        match (error, in_force.keyring().partner(&self.partner)) {
            (OpenError::File(error), Ok(keys)) => {
                OpenError::File(keys.explained(error, CertificateUse::Verification, self.offered))
            }
            (error, _) => error,
        }
    }

    /// Makes its plain content. Nothing of it is durable yet, and nothing is left of it where this fails.
    ///
    /// # Errors
    /// The file cannot be opened, lacks what is demanded, or something failed here.
    pub async fn open(
        &self,
        station: &Station,
        in_force: &InForce,
        stop: &CancellationToken,
    ) -> Result<(Box<dyn WholeContent>, OpenedContent), OpenError> {
        let profile = self.profile(in_force)?;
        let terms = self.terms(in_force, &profile)?;
        let contents = &station.contents;
        // How much it becomes is known at its end; the spool keeps its reserve in any case.
        let least = self.wire.octets.max(station.openings.least_room(self.id));
        station.room_for(least).await?;
        let wire = contents.open(self.key()).await?;
        let partial = contents.partial(self.key().plain()).await?;
        let (plain, opened) = open(wire, &terms, partial, stop)
            .await
            .map_err(|error| self.explained(error, in_force))?;
        let demand = profile.file_security.demand;
        let checked = match check_found(&opened.found, demand) {
            Ok(()) => self.check_key(station, &opened).await,
            lacks => lacks,
        };
        match checked {
            Ok(()) => Ok((plain, opened)),
            Err(error) => {
                plain.discard().await?;
                Err(error)
            }
        }
    }

    /// That its encrypted key came with no other octets before. The same ones once more, under another name or date, are
    /// their sender's right, whatever was answered to them.
    async fn check_key(&self, station: &Station, opened: &OpenedContent) -> Result<(), OpenError> {
        let Some(layer) = &opened.found.enveloped else {
            return Ok(());
        };
        let (key, digest) = (layer.encrypted_key, &self.wire.digest);
        match station.ledger.content_key(self.id, key, digest).await? {
            Some(first) => Err(OpenError::KeyOfAnother(first)),
            None => Ok(()),
        }
    }

    /// Finds out once more what it was; its plain content is sealed already.
    ///
    /// # Errors
    /// As for [`SecuredFile::open`].
    pub async fn look(
        &self,
        station: &Station,
        in_force: &InForce,
        stop: &CancellationToken,
    ) -> Result<OpenedContent, OpenError> {
        let profile = self.profile(in_force)?;
        let terms = self.terms(in_force, &profile)?;
        let wire = station.contents.open(self.key()).await?;
        let opened = look(wire, &terms, stop).await?;
        // A ledger that was rebuilt meanwhile may not know its key.
        self.check_key(station, &opened).await?;
        Ok(opened)
    }

    /// That its content as on the wire is still what was received.
    ///
    /// # Errors
    /// [`OpenError::Rotten`], or it cannot be read.
    pub async fn compare(&self, station: &Station) -> Result<(), OpenError> {
        let found = station.contents.digest(self.key()).await?;
        let expected = self.wire.digest.clone();
        match found == expected {
            true => Ok(()),
            false => Err(OpenError::Rotten { found, expected }),
        }
    }

    /// Its hash for the receipt, read once more since it could not be opened; none where it announces no suite.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn hash(&self, station: &Station) -> Result<Option<WireHash>, OpenError> {
        let Some(suite) = Suite::of(self.header.cipher) else {
            return Ok(None);
        };
        let wire = station.contents.open(self.key()).await?;
        hash_content(wire, suite).await
    }

    /// The partner's profile.
    ///
    /// # Errors
    /// The configuration does not name the partner any more.
    pub fn profile(&self, in_force: &InForce) -> Result<Arc<Partner>, OpenError> {
        let profile = in_force.partner(&self.partner);
        profile.ok_or_else(|| OpenError::PartnerGone(self.partner.clone()))
    }
}
