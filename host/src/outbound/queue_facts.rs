//! What the policies are told of a file of ours that is to be queued.

use std::path::Path;

use oftp::{FileKey, Format, Security, UserData};
use pointsman_policy::types;
use pointsman_store::TransferId;

use crate::config::{Partner, SendServices, WantedServices};
use crate::policy::facts::{record_format, security_level};

/// A file of ours that is to be queued, before it is read.
pub struct ToQueue<'a> {
    /// The id that it gets.
    pub id: TransferId,
    /// To whom it goes.
    pub profile: &'a Partner,
    /// What its SFID will say first.
    pub key: &'a FileKey,
    /// Its format, with the length of records.
    pub format: Format,
    /// Its description for the partner.
    pub description: &'a str,
    /// What stands in SFIDUSER.
    pub user: &'a UserData,
    /// Octets as it lies here.
    pub octets: u64,
    /// The watched folder that it lies in, if it lies in one.
    pub watched_folder: Option<&'a Path>,
    /// Labels that it has already.
    pub labels: Vec<(String, String)>,
    /// What was demanded for it.
    pub demanded: &'a WantedServices,
}

/// A file that is to be queued, as `queue-file` sees it.
#[must_use]
pub fn queued_file(file: &ToQueue<'_>) -> types::FileToQueue {
    let (format, max_record_size) = record_format(file.format);
    let (profile, key) = (file.profile, file.key);
    types::FileToQueue {
        id: file.id.to_string(),
        partner: profile.name.clone(),
        ssid_code: profile.ssid.to_string(),
        level: profile.offer.level.code(),
        dataset_name: key.dataset.to_string(),
        description: file.description.to_owned(),
        date: key.stamp.date().to_owned(),
        time: key.stamp.time().to_owned(),
        user: file.user.as_str().to_owned(),
        destination: key.destination.to_string(),
        originator: key.originator.to_string(),
        format,
        max_record_size,
        octets: file.octets,
        watched_folder: file
            .watched_folder
            .map(|folder| folder.display().to_string()),
        labels: file.labels.clone(),
        demanded: demanded_services(file.demanded),
        services: file_services(&file.demanded.or(&profile.file_security.send)),
        extra: Vec::new(),
    }
}

fn file_services(services: &SendServices) -> types::FileServices {
    types::FileServices {
        security: security_level(services.security),
        cipher_suite: services.suite.number().number(),
        compressed: services.compress,
        signed_response: services.signed_receipt,
    }
}

/// Of a file that is to be plain, that it has no service is demanded, unless something else is.
fn demanded_services(wanted: &WantedServices) -> types::DemandedServices {
    let none = wanted.plain.then_some(false);
    let no_security = wanted.plain.then_some(Security::None);
    types::DemandedServices {
        security: wanted.security.or(no_security).map(security_level),
        cipher_suite: wanted.suite.map(|suite| suite.number().number()),
        compressed: wanted.compress.or(none),
        signed_response: wanted.signed_receipt.or(none),
    }
}
