//! A file as it would be sent, put into a file of the caller's: to look at it, or to try it with a partner.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use pointsman_store::WireHash;
use tokio::task::spawn_blocking;

use super::enqueue::{layout, padded_length};
use super::securing::{self, Securing};
use super::send_as::{QueueError, SendAs};
use super::source::{CopyAs, OpenedFile, SecureAs};
use crate::config::{Partner, SendServices};
use crate::security::keyring::Keyring;
use crate::security::virtual_file::{VirtualPurpose, VirtualShape};
use crate::security::wrapping::Secured;

/// What was made of a file.
#[derive(Clone, Debug)]
pub struct WrappedFile {
    /// What it is secured with.
    pub services: SendServices,
    /// Octets of its virtual file.
    pub octets: u64,
    /// Octets as they would be transmitted.
    pub wire_octets: u64,
    /// Its hash as its receipt would have it.
    pub hash: WireHash,
}

/// Secures a file for a partner into another one, which is empty. None where it would be sent as it is.
///
/// # Errors
/// As for files that are queued; or `to` cannot be written.
pub async fn wrap(
    keyring: &Keyring,
    profile: &Partner,
    path: &Path,
    how: &SendAs,
    mut to: File,
) -> Result<Option<WrappedFile>, QueueError> {
    let services = how.services.or(&profile.file_security.send);
    securing::suite_is_used(how, &services)?;
    let securing = Securing::of(profile, services, keyring)?;
    let Some(securing) = securing else {
        return Ok(None);
    };
    let (services, is_measured) = (securing.services, securing.is_measured());
    let Some(wrapping) = securing.wrapping else {
        return Ok(None);
    };
    let layout = layout(profile, how)?;
    let copied = CopyAs {
        padded: padded_length(how, layout)?,
        secure: Some(SecureAs {
            wrapping,
            shape: VirtualShape {
                format: how.format,
                layout,
                purpose: VirtualPurpose::Securing,
            },
            is_measured,
        }),
    };
    let file = OpenedFile::at(path).await?;
    let shown = path.display().to_string();
    let (mut source, outcome) = file.source(copied, Default::default()).await?;
    let copying = spawn_blocking(move || {
        let octets = io::copy(&mut source, &mut to)?;
        to.flush()?;
        Ok::<_, io::Error>(octets)
    });
    let copied = copying
        .await
        .unwrap_or_else(|lost| Err(io::Error::other(lost)));
    let outcome = outcome.map(|outcome| outcome.take()).transpose();
    let secured = outcome.map_err(|error| QueueError::of_wrapping(&shown, error));
    let wire_octets = copied.map_err(|source| QueueError::Source {
        path: shown.clone(),
        source,
    });
    // What secures the file knows best why it is not read to its end.
    let Some(Secured { content, hash }) = secured? else {
        return Ok(None);
    };
    Ok(Some(WrappedFile {
        services,
        octets: content.counts.octets,
        wire_octets: wire_octets?,
        hash,
    }))
}
