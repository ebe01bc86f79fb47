//! What a file may have of its partner's quota, at its offer, while it grows, and at its end.

use std::sync::Arc;
use std::time::SystemTime;

use oftp::{FileHeader, FileKey, FileReason};
use pointsman_store::{Arrived, LedgerError, TransferId};

use super::file_refusal::FileRefusal;
use super::partial::BLOCK;
use crate::config::PartnerQuota;
use crate::session::user_monitor::context::SessionContext;
use crate::station::quota::{Allowance, STEP};

/// The octets that a file may have in this session.
#[derive(Debug)]
pub(super) struct SizeLimit {
    most: u64,
    /// What the file has of its partner's quota, if there is one.
    allowance: Option<Allowance>,
}

/// While a session has this, no other one of the partner is allowed anything of the quota: what one is allowed, the next
/// must see.
pub(super) type Gate = tokio::sync::OwnedMutexGuard<()>;

/// The gate of the partner's quota, if it has one.
pub(super) async fn gate(context: &SessionContext) -> Option<Gate> {
    quota(context)?;
    Some(context.station.quotas.gate(context.partner()).await)
}

fn quota(context: &SessionContext) -> Option<PartnerQuota> {
    context.profile().and_then(|profile| profile.quota)
}

/// Octets that the quota has left for a file that is offered.
pub(super) async fn left_for(
    context: &SessionContext,
    header: &FileHeader,
) -> Result<u64, FileRefusal> {
    let Some(quota) = quota(context) else {
        return Ok(u64::MAX);
    };
    let arrived = arrived(context, &header.key, &quota).await?;
    let left = left(context, &header.key, None).await?;
    // SFIDFSIZ is rounded up to a block.
    let announced = header.size_blocks.saturating_sub(1).saturating_mul(BLOCK);
    if arrived.files >= files_of(&quota) || announced > left || left == 0 {
        let text = format!(
            "the quota of this partner is used up for now: {} files and {} octets came in the last {:?}",
            arrived.files, arrived.octets, quota.per
        );
        return Err(FileRefusal::for_now(FileReason::TooBig, text));
    }
    Ok(left)
}

/// Whether a file that is all here, and has its row, is beyond the quota after all, be it by its size or as one file more.
pub(super) async fn is_beyond(
    context: &SessionContext,
    key: &FileKey,
    id: TransferId,
    octets: u64,
) -> Result<bool, LedgerError> {
    let Some(quota) = quota(context) else {
        return Ok(false);
    };
    let arrived = arrived(context, key, &quota).await?;
    Ok(arrived.files >= files_of(&quota) || octets > left(context, key, Some(id)).await?)
}

/// Octets that the quota has left for that file. Files under way are counted with what they have.
async fn left(
    context: &SessionContext,
    key: &FileKey,
    id: Option<TransferId>,
) -> Result<u64, LedgerError> {
    let Some(quota) = quota(context) else {
        return Ok(u64::MAX);
    };
    let arrived = arrived(context, key, &quota).await?;
    let octets = quota.octets.unwrap_or(u64::MAX);
    let beyond = context.station.quotas.beyond(context.partner(), id);
    Ok(octets.saturating_sub(arrived.octets.saturating_add(beyond)))
}

async fn arrived(
    context: &SessionContext,
    key: &FileKey,
    quota: &PartnerQuota,
) -> Result<Arrived, LedgerError> {
    let since = SystemTime::now().checked_sub(quota.per);
    let since = since.unwrap_or(SystemTime::UNIX_EPOCH);
    let ledger = &context.station.ledger;
    ledger
        .arrived(context.partner(), since, key, context.repeated())
        .await
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

impl SizeLimit {
    /// For a copy of a file that is here: no quota counts it.
    pub fn of_copy(context: &SessionContext, most: u64) -> Self {
        Self {
            most: most.min(context.largest_file()),
            allowance: None,
        }
    }

    /// For a file that begins, with so much left of the quota: it may have as much as it announced. What is more it asks
    /// for when it comes.
    pub fn begin(context: &SessionContext, header: &FileHeader, id: TransferId, left: u64) -> Self {
        let most = context.largest_file();
        let Some(quota) = quota(context) else {
            return Self {
                most,
                allowance: None,
            };
        };
        let announced = header.size_blocks.saturating_mul(BLOCK);
        let counted = match is_counted(&quota, id) {
            true => announced,
            false => 0,
        };
        let granted = left.min(announced);
        let allowance = context.station.quotas.begin(context.partner(), id, counted);
        allowance.grant(granted);
        Self {
            most: most.min(granted),
            allowance: Some(allowance),
        }
    }

    pub fn allows(&self, octets: u64) -> bool {
        octets <= self.most
    }

    /// Takes more of the quota, where there is as much left. False where the file may not have so many octets.
    pub async fn grow(
        &mut self,
        context: &SessionContext,
        key: &FileKey,
        id: TransferId,
        needed: u64,
    ) -> Result<bool, LedgerError> {
        let Some(allowance) = &self.allowance else {
            return Ok(false);
        };
        if needed > context.largest_file() {
            return Ok(false);
        }
        let station = Arc::clone(&context.station);
        let _gate = station.quotas.gate(context.partner()).await;
        let left = left(context, key, Some(id)).await?;
        if needed > left {
            return Ok(false);
        }
        let granted = (self.most + STEP).max(needed).min(left);
        allowance.grant(granted);
        self.most = granted.min(context.largest_file());
        Ok(true)
    }

    /// Whether another process may have received something for the same partner meanwhile, so that the file has more than
    /// is left.
    pub async fn is_used_up(
        &self,
        context: &SessionContext,
        key: &FileKey,
        id: TransferId,
        octets: u64,
    ) -> Result<bool, LedgerError> {
        Ok(self.allowance.is_some() && octets > left(context, key, Some(id)).await?)
    }

    /// Why a file that has more is refused.
    pub fn refusal(&self) -> FileRefusal {
        match self.allowance {
            Some(_) => FileRefusal::beyond_quota(),
            None => FileRefusal::too_big(self.most / BLOCK),
        }
    }
}
