//! Whether a file cannot be opened because keys of ours are gone that were in force when it was received: then its partner
//! is to blame for nothing, and gets no NERP.

use std::collections::BTreeSet;

use pointsman_cms::{Certificate, CmsError, Identity, recipients};
use pointsman_store::Note;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::secured_file::SecuredFile;
use crate::security::{ContentReader, OpenError, hexadecimal};
use crate::station::Station;
use crate::station::in_force::InForce;

/// The keys of ours that were in force when a file was received, in its history.
#[derive(Debug, Default, Deserialize, Serialize)]
struct KeysAtReceipt {
    /// SHA-256 of the certificate of each that opens files, in hexadecimal.
    decryption_keys: BTreeSet<String>,
}

impl KeysAtReceipt {
    fn of(keys: &[Identity]) -> Self {
        let fingerprints = keys.iter().map(|key| key.certificate().fingerprint());
        Self {
            decryption_keys: fingerprints.map(|one| hexadecimal(one)).collect(),
        }
    }
}

/// What the history says of a secured file that is received: by which keys it was taken.
#[must_use]
pub fn note(in_force: &InForce, partner: &str) -> Note {
    let mut note = Note::from("it is opened then");
    if let Ok(keys) = in_force.keyring().partner(partner) {
        note.data = serde_json::to_string(&KeysAtReceipt::of(&keys.decryption())).ok();
    }
    note
}

/// That the partner is to blame where its file cannot be opened: the file is not encrypted, or names a key that we have,
/// or all keys that we had when we took it are still there. Only what stands in clear in the file counts, so that a failure
/// is no oracle.
///
/// # Errors
/// [`OpenError::KeyGone`] where the keys of ours are, or something failed here.
pub async fn check(
    station: &Station,
    in_force: &InForce,
    file: &SecuredFile,
) -> Result<(), OpenError> {
    let (Some(suite), true) = (file.suite(), file.header.security.is_encrypted()) else {
        return Ok(());
    };
    let keys = in_force.keyring().partner(&file.partner)?.decryption();
    if !keys.is_empty() && !is_one_gone(station, file, &keys).await? {
        return Ok(());
    }
    let wire = station.contents.open(file.key()).await?;
    let reading = spawn_blocking(move || {
        let ours: Vec<&Certificate> = keys.iter().map(Identity::certificate).collect();
        recipients(ContentReader::new(wire), suite, &ours)
    });
    match reading.await.map_err(|_| OpenError::Thread)? {
        Ok(found) if found.has_ours => Ok(()),
        Ok(found) => Err(OpenError::KeyGone(found.names.join(", "))),
        // It is no encrypted file: no key could open it.
        Err(CmsError::Layer { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether a key is not there any more that was when the file was received. After a rebuild that is not known: then the
/// file waits rather than that its partner is told something wrong.
async fn is_one_gone(
    station: &Station,
    file: &SecuredFile,
    keys: &[Identity],
) -> Result<bool, OpenError> {
    let history = station.ledger.timeline(file.id).await?;
    let mut notes = history.iter().filter_map(|line| line.data.as_deref());
    let before = notes.find_map(|data| serde_json::from_str::<KeysAtReceipt>(data).ok());
    let now = KeysAtReceipt::of(keys).decryption_keys;
    Ok(before.is_none_or(|before| !before.decryption_keys.is_subset(&now)))
}
