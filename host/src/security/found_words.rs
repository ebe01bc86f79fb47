//! What was found in a file, in words for its history and the log.

use pointsman_cms::{Certificate, Found};

/// What its layers were: who signed it, which key of ours opened it, sizes.
#[must_use]
pub fn found_in_words(found: &Found) -> String {
    let mut words = Vec::new();
    if let Some(layer) = &found.enveloped {
        let named = match layer.was_named {
            true => "",
            false => ", which it does not name: the partner should get our certificate once more",
        };
        let with = &layer.opened_with;
        words.push(format!("opened with our key of {with}{named}"));
    }
    if let Some(layer) = &found.compressed {
        let (from, to) = (layer.deflated, layer.inflated);
        words.push(format!("inflated from {from} to {to} octets"));
    }
    if let Some(layer) = &found.signed {
        let by = listed(&layer.signers);
        words.push(format!("signed ({}) by {by}", layer.hash));
        if !layer.unknown_signers.is_empty() {
            let unknown = layer.unknown_signers.join("; ");
            words.push(format!("signed by unknown signers too: {unknown}"));
        }
    }
    words.join(", ")
}

/// Certificates as a line of the log has them.
#[must_use]
pub fn listed(certificates: &[Certificate]) -> String {
    let told: Vec<String> = certificates.iter().map(Certificate::to_string).collect();
    match told.is_empty() {
        true => "none".to_owned(),
        false => told.join("; "),
    }
}

/// Octets in hexadecimal digits.
#[must_use]
pub fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
