//! How large a file may be that is received: at its offer, while it grows, and at its end, by its partner's largest file
//! and what the partner's quota has left.

use std::time::SystemTime;

use oftp::{BLOCK, FileHeader, FileKey};
use pointsman_store::{Arrived, Committing, LedgerError, Repeated, TransferId};

use super::Station;
use super::quota::{Allowance, STEP};
use crate::config::PartnerQuota;

/// The quota of a partner, if it has one: what is left of it.
#[derive(Clone, Copy)]
pub struct QuotaOf<'a> {
    /// Its ledger knows what came, and its quotas what comes at the moment.
    pub station: &'a Station,
    /// The partner's name.
    pub partner: &'a str,
    /// None where all is allowed.
    pub quota: Option<PartnerQuota>,
    /// Which of its files are counted as one.
    pub repeated: Repeated,
    /// Octets of its largest file.
    pub largest_file: u64,
}

/// Why a quota has no room for a file.
#[derive(Debug, thiserror::Error)]
pub enum QuotaError {
    /// It has for another one, or later.
    #[error(
        "the quota of this partner is used up for now: {} files and {} octets came in the last {:?}",
        arrived.files, arrived.octets, quota.per
    )]
    UsedUp {
        /// What came.
        arrived: Arrived,
        /// What may come.
        quota: PartnerQuota,
    },
    /// It is not known what came.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The room that a quota has for one file. While a session has this, no other one of the partner is allowed anything of
/// the quota: what one is allowed, the next must see.
pub struct QuotaRoom<'a> {
    of: QuotaOf<'a>,
    /// None without a quota.
    gate: Option<tokio::sync::OwnedMutexGuard<()>>,
    left: u64,
}

/// Why a file may not have more octets.
#[derive(Debug, thiserror::Error)]
pub enum GrowError {
    /// It has more than a file of its partner may have: so many octets.
    #[error("files of more than {0} octets are not agreed")]
    TooLarge(u64),
    /// Its partner's quota has no more left.
    #[error("the quota of this partner is used up for now")]
    UsedUp,
    /// It is not known what is left.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The octets that a file may have in this session.
#[derive(Debug)]
pub struct SizeLimit {
    most: u64,
    /// What the file has of its partner's quota, if there is one.
    allowance: Option<Allowance>,
}

impl<'a> QuotaOf<'a> {
    /// The room for a file that is offered.
    ///
    /// # Errors
    /// [`QuotaError`].
    pub async fn room_for(self, header: &FileHeader) -> Result<QuotaRoom<'a>, QuotaError> {
        let Some(quota) = self.quota else {
            return Ok(QuotaRoom {
                of: self,
                gate: None,
                left: u64::MAX,
            });
        };
        let gate = self.station.quotas.gate(self.partner).await;
        let arrived = self.arrived(&header.key, &quota).await?;
        let left = self.left_of(&quota, &arrived, None);
        // SFIDFSIZ is rounded up to a block.
        let announced = header.size_blocks.saturating_sub(1).saturating_mul(BLOCK);
        if arrived.files >= files_of(&quota) || announced > left || left == 0 {
            return Err(QuotaError::UsedUp { arrived, quota });
        }
        Ok(QuotaRoom {
            of: self,
            gate: Some(gate),
            left,
        })
    }

    /// Whether a file that is all here, and has its row, is beyond the quota after all, be it by its size or as one file
    /// more.
    ///
    /// # Errors
    /// The ledger failed.
    pub async fn is_beyond(
        self,
        key: &FileKey,
        id: TransferId,
        octets: u64,
    ) -> Result<bool, LedgerError> {
        let Some(quota) = self.quota else {
            return Ok(false);
        };
        let arrived = self.arrived(key, &quota).await?;
        Ok(arrived.files >= files_of(&quota) || octets > self.left_of(&quota, &arrived, Some(id)))
    }

    /// Octets that the quota has left for that file. Files under way are counted with what they have.
    async fn left(self, key: &FileKey, id: Option<TransferId>) -> Result<u64, LedgerError> {
        let Some(quota) = self.quota else {
            return Ok(u64::MAX);
        };
        let arrived = self.arrived(key, &quota).await?;
        Ok(self.left_of(&quota, &arrived, id))
    }

    fn left_of(self, quota: &PartnerQuota, arrived: &Arrived, id: Option<TransferId>) -> u64 {
        let octets = quota.octets.unwrap_or(u64::MAX);
        let beyond = self.station.quotas.beyond(self.partner, id);
        octets.saturating_sub(arrived.octets.saturating_add(beyond))
    }

    async fn arrived(self, key: &FileKey, quota: &PartnerQuota) -> Result<Arrived, LedgerError> {
        let since = SystemTime::now().checked_sub(quota.per);
        let since = since.unwrap_or(SystemTime::UNIX_EPOCH);
        let ledger = &self.station.ledger;
        ledger
            .arrived(self.partner, since, key, self.repeated)
            .await
    }
}

fn files_of(quota: &PartnerQuota) -> u64 {
    quota.files.unwrap_or(u64::MAX)
}

/// Whether the ledger counts a file under way for the quota: it was begun in the time that the quota is for.
fn is_counted(quota: &PartnerQuota, id: TransferId) -> bool {
    id.made().is_none_or(|made| {
        let age = SystemTime::now().duration_since(made);
        age.is_ok_and(|age| age <= quota.per)
    })
}

impl QuotaRoom<'_> {
    /// A row on its way to the disk is awaited where there is a quota: the next file must see it there.
    ///
    /// # Errors
    /// It did not get there.
    pub async fn await_row(
        &self,
        committing: Committing,
    ) -> Result<Option<Committing>, LedgerError> {
        match self.gate {
            Some(_) => committing.done().await.map(|_| None),
            None => Ok(Some(committing)),
        }
    }

    /// For the file, which begins. Where there is a quota it may have as much as it announced, and asks for what is more
    /// when that comes.
    #[must_use]
    pub fn take(self, header: &FileHeader, id: TransferId) -> SizeLimit {
        let QuotaOf {
            station,
            partner,
            quota,
            largest_file: most,
            ..
        } = self.of;
        let Some(quota) = quota else {
            return SizeLimit::fixed(most);
        };
        let announced = header.announced_octets();
        let counted = match is_counted(&quota, id) {
            true => announced,
            false => 0,
        };
        let granted = self.left.min(announced);
        let allowance = station.quotas.begin(partner, id, counted);
        allowance.grant(granted);
        SizeLimit {
            most: most.min(granted),
            allowance: Some(allowance),
        }
    }
}

impl SizeLimit {
    /// For a file that no quota counts.
    #[must_use]
    pub fn fixed(most: u64) -> Self {
        Self {
            most,
            allowance: None,
        }
    }

    /// Whether the file may have so many octets.
    #[must_use]
    pub fn allows(&self, octets: u64) -> bool {
        octets <= self.most
    }

    /// Takes more of the quota, where there is as much left.
    ///
    /// # Errors
    /// [`GrowError`].
    pub async fn grow(
        &mut self,
        of: QuotaOf<'_>,
        key: &FileKey,
        id: TransferId,
        needed: u64,
    ) -> Result<(), GrowError> {
        let largest = of.largest_file.min(match self.allowance {
            Some(_) => u64::MAX,
            None => self.most,
        });
        let Some(allowance) = self.allowance.as_ref().filter(|_| needed <= largest) else {
            return Err(GrowError::TooLarge(largest));
        };
        let _gate = of.station.quotas.gate(of.partner).await;
        let left = of.left(key, Some(id)).await?;
        if needed > left {
            return Err(GrowError::UsedUp);
        }
        let granted = (self.most + STEP).max(needed).min(left);
        allowance.grant(granted);
        self.most = granted.min(of.largest_file);
        Ok(())
    }

    /// Whether another process may have received something for the same partner meanwhile, so that the file has more than
    /// is left.
    ///
    /// # Errors
    /// The ledger failed.
    pub async fn is_used_up(
        &self,
        of: QuotaOf<'_>,
        key: &FileKey,
        id: TransferId,
        octets: u64,
    ) -> Result<bool, LedgerError> {
        Ok(self.allowance.is_some() && octets > of.left(key, Some(id)).await?)
    }
}
