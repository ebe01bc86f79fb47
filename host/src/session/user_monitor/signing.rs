//! Receipts of ours that are to be signed (SFIDSIGN) get their signature before they are sent.

use std::time::{Duration, SystemTime};

use oftp::FileHeader;
use pointsman_cms::{Identity, Suite};
use pointsman_store::{OwedResponse, Persisted, Proofs as _, ToSign, WireHash};

use super::context::SessionContext;
use super::error::InternalError;
use crate::events::Event;
use crate::security::error::KeyringError;
use crate::security::receipts;
use crate::station::hashing;

/// How long a receipt waits for a key before it is tried again.
const AGAIN: Duration = Duration::from_secs(10 * 60);

/// Tells the operator why the receipt that a file asks for cannot be signed, where a key is missing.
pub(super) fn tell_why_not(context: &SessionContext, header: &FileHeader) {
    if let Err(error) = identity(context) {
        context.log(Event::NoReceiptKey {
            session: context.talk(),
            file: header.key.to_string(),
            reason: error.to_string(),
        });
    }
}

fn may_be_unsigned(context: &SessionContext) -> bool {
    context
        .profile()
        .is_some_and(|profile| profile.unsigned_receipts)
}

fn identity(context: &SessionContext) -> Result<Identity, KeyringError> {
    let keys = context.plan.keyring().partner(context.partner())?;
    keys.receipt_signing(SystemTime::now())
}

/// Why a receipt is not signed.
enum NotSigned {
    /// There is nothing to sign it by, now or later: it goes as it is.
    Never(String),
    /// It may be signed later.
    Now(String),
}

/// What a signature is made with.
struct Means {
    suite: Suite,
    hash: WireHash,
    identity: Identity,
}

/// A receipt as it is to go: with its signature, where its file asked for one. It is written down first, so that it is the
/// same octets each time. None where it waits until it can be signed.
pub(super) async fn signed(
    context: &SessionContext,
    owed: Persisted<Box<OwedResponse>>,
) -> Result<Option<Persisted<Box<OwedResponse>>>, InternalError> {
    let Some(to_sign) = owed.to_sign.clone() else {
        return Ok(Some(owed));
    };
    let signed = match means(context, &owed, to_sign).await? {
        Ok(means) => sign(context, &owed, means).await,
        Err(why) => Err(why),
    };
    let (id, session) = (owed.id, context.talk());
    let ledger = &context.station.ledger;
    match signed {
        Ok(signed) => Ok(Some(ledger.receipt_signed(signed).await?)),
        Err(NotSigned::Now(reason)) if !may_be_unsigned(context) => {
            let when = SystemTime::now() + AGAIN;
            ledger.put_back(id, when, &reason).await?;
            context.log(Event::ReceiptNotSigned {
                session,
                transfer: id,
                reason,
            });
            Ok(None)
        }
        Err(NotSigned::Now(reason) | NotSigned::Never(reason)) => {
            context.log(Event::ReceiptUnsigned {
                session,
                transfer: id,
                reason,
            });
            Ok(Some(owed))
        }
    }
}

async fn sign(
    context: &SessionContext,
    owed: &OwedResponse,
    means: Means,
) -> Result<OwedResponse, NotSigned> {
    let unswapped = context.unswapped_receipts();
    let Means {
        suite,
        hash,
        identity,
    } = means;
    let signing = receipts::sign(owed.clone(), suite, hash, identity, unswapped);
    signing
        .await
        .map_err(|error| NotSigned::Now(error.to_string()))
}

async fn means(
    context: &SessionContext,
    owed: &OwedResponse,
    to_sign: ToSign,
) -> Result<Result<Means, NotSigned>, InternalError> {
    let Some(suite) = Suite::of(to_sign.cipher) else {
        let why = "its file named no cipher suite to sign it by";
        return Ok(Err(NotSigned::Never(why.to_owned())));
    };
    let identity = match identity(context) {
        Ok(identity) => identity,
        Err(error) => return Ok(Err(NotSigned::Now(error.to_string()))),
    };
    let hash = match to_sign.hash {
        Some(hash) => Ok(Some(hash)),
        None => hashing::hash_for_receipt(&context.station, owed.id).await,
    };
    Ok(match hash {
        Ok(Some(hash)) => Ok(Means {
            suite,
            hash,
            identity,
        }),
        Ok(None) => Err(NotSigned::Never("its file has no hash".to_owned())),
        Err(error) => Err(NotSigned::Never(format!(
            "the hash of its file is not known: {error}"
        ))),
    })
}
