//! What a file to send is called: its data set name, and the date and time that tell it from others of that name.

use std::path::Path;

use jiff::civil::DateTime;
use jiff::{ToSpan, Zoned};
use oftp::{DatasetName, FileStamp, Level};

use super::send_as::{QueueError, SendAs};
use crate::config::{DatasetNames, Partner};

/// The data set name that a file is sent under, as far as this partner takes it.
pub(super) fn dataset_name(
    profile: &Partner,
    path: &Path,
    how: &SendAs,
) -> Result<DatasetName, QueueError> {
    let own = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let name = how.name.as_deref().unwrap_or(&own);
    let mapped = mapped(name);
    let name = match profile.names {
        DatasetNames::AsIs => return DatasetName::as_is(name).map_err(QueueError::Name),
        DatasetNames::Mapped => &mapped,
        DatasetNames::Strict if is_in_set(name) => name,
        DatasetNames::Strict => {
            // What is advised must do.
            DatasetName::new(&mapped).map_err(QueueError::Name)?;
            return Err(QueueError::Characters {
                name: name.to_owned(),
                mapped,
                partner: profile.name.clone(),
            });
        }
    };
    DatasetName::new(name).map_err(QueueError::Name)
}

/// Files by which partners exchange certificates are called so (Odette's guidelines for that, not RFC 5024), with a
/// character that RFC 5024, 5.3 does not have for names.
const CERTIFICATES: &str = "ODETTE_CERTIFICATE_";

/// Whether the name has only what RFC 5024, 5.3 has for names.
fn is_in_set(name: &str) -> bool {
    let rest = name.strip_prefix(CERTIFICATES).unwrap_or(name);
    rest.chars().all(is_of_names)
}

fn is_of_names(c: char) -> bool {
    matches!(c, '0'..='9' | 'A'..='Z' | '/' | '-' | '.' | '&' | '(' | ')')
}

/// The nearest name that has only what RFC 5024, 5.3 has.
fn mapped(name: &str) -> String {
    if is_in_set(name) {
        return name.to_owned();
    }
    name.chars()
        .map(|c| c.to_ascii_uppercase())
        .map(|c| if is_of_names(c) { c } else { '-' })
        .collect()
}

/// How files of one name are told apart that are queued within one second: by the counter of SFIDTIME, or for partners
/// of a level that has none (before 1.4, RFC 2204) by the second.
pub(super) struct Stamps {
    pub(super) counted: bool,
    /// The date and time of the first; now where none is given.
    pub(super) from: Option<DateTime>,
}

impl Stamps {
    pub(super) fn of(profile: &Partner) -> Self {
        Self {
            counted: profile.offer.level >= Level::V14,
            from: None,
        }
    }

    /// Of a file that begins to be queued now; or at the given time, by the clock of its sender.
    pub(super) fn beginning(profile: &Partner, at: Option<DateTime>) -> Self {
        Self {
            from: Some(at.unwrap_or_else(now)),
            ..Self::of(profile)
        }
    }

    /// The n-th that can be had now, from 1 on.
    pub(super) fn nth(&self, n: u16) -> Result<FileStamp, QueueError> {
        let (counter, later) = if self.counted { (n, 0) } else { (1, n - 1) };
        let from = self.from.unwrap_or_else(now);
        let then = from.saturating_add(i64::from(later).seconds());
        let (date, time) = (then.strftime("%Y%m%d"), then.strftime("%H%M%S"));
        FileStamp::new(&date.to_string(), &format!("{time}{counter:04}")).map_err(QueueError::Stamp)
    }
}

fn now() -> DateTime {
    Zoned::now().datetime()
}
