//! Where a file goes that is here: the place that `accept-file` chose, and the one that `end-transfer` wants.

use oftp::FileHeader;
use pointsman_naming::names::{self, BadName, LocalName};
use pointsman_policy::types;
use pointsman_store::Target;

/// Where `end-transfer` wants the file.
///
/// # Errors
/// That is no place; the one that `accept-file` chose is sound, and a bad second thought does not lose a file.
pub fn moved(
    header: &FileHeader,
    chosen: &Target,
    terms: &types::ResponseTerms,
) -> Result<Target, BadName> {
    let directory = terms.directory.as_deref().unwrap_or(&chosen.directory);
    let file_name = terms.file_name.as_deref().unwrap_or(&chosen.file_name);
    // The partner's folder does not count: the one above is given in any case.
    let name = names::local_name(directory, header, Some(directory), Some(file_name), None)?;
    Ok(named(name, chosen.overwrite))
}

/// A name that was changed to be safe never replaces a file.
#[must_use]
pub fn named(name: LocalName, overwrite: bool) -> Target {
    Target {
        directory: name.directory,
        file_name: name.file_name,
        overwrite: overwrite && name.is_as_meant,
    }
}

/// Labels as a line of the log and the ledger has them.
#[must_use]
pub fn labelled(labels: &[(String, String)]) -> String {
    labels
        .iter()
        .map(|(key, value)| format!("; {key}={value}"))
        .collect()
}
