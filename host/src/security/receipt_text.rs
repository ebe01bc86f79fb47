//! What is signed of a receipt (RFC 5024, 5.3.13, 5.3.14) is told from a file: both are signed as data, and nothing but
//! their form says which of the two a signature was made for.

use oftp::OdetteId;

/// Fields of an EERP's text, each with its octets: data set name, date, time, destination, originator.
const NAME: usize = 26;
const DATE: usize = 8;
const TIME: usize = 10;
const ID: usize = 25;
const KEY: usize = NAME + DATE + TIME + 2 * ID;

/// Octets of the hashes that receipts have.
const HASHES: [usize; 3] = [20, 32, 64];

/// More than any receipt has.
const MOST: usize = KEY + ID + 64;

/// Watches the octets of a content, whether they are the text of a receipt.
#[derive(Debug, Default)]
pub(super) struct ReceiptText {
    first: Vec<u8>,
    octets: u64,
}

impl ReceiptText {
    /// The next octets.
    pub fn add(&mut self, octets: &[u8]) {
        self.octets += octets.len() as u64;
        let left = MOST.saturating_sub(self.first.len());
        self.first.extend(octets.iter().take(left));
    }

    /// Whether all of them are what is signed of an EERP or a NERP.
    pub fn is_one(&self) -> bool {
        let is_whole = self.octets == self.first.len() as u64;
        let has_length = |fields: usize| {
            HASHES
                .into_iter()
                .any(|hash| self.first.len() == fields + hash)
        };
        // No length is that of both.
        let ids = match (has_length(KEY), has_length(KEY + ID)) {
            (true, _) => 2,
            (false, true) => 3,
            (false, false) => return false,
        };
        is_whole && has_fields(&self.first, ids)
    }
}

/// Whether the text begins with the fields of a receipt that has so many Odette IDs.
fn has_fields(text: &[u8], ids: usize) -> bool {
    let (mut rest, mut fine) = (text, true);
    let mut field = |octets: usize, is_fine: fn(&[u8]) -> bool| {
        let (now, later) = rest.split_at_checked(octets).unwrap_or((rest, &[]));
        rest = later;
        fine = fine && now.len() == octets && is_fine(now);
    };
    field(NAME, |name| {
        name.iter().all(|octet| (0x20..0x7f).contains(octet))
    });
    field(DATE + TIME, |stamp| stamp.iter().all(u8::is_ascii_digit));
    for _ in 0..ids {
        field(ID, is_odette_id);
    }
    fine
}

fn is_odette_id(octets: &[u8]) -> bool {
    let text = std::str::from_utf8(octets).unwrap_or_default().trim_end();
    text.starts_with('O') && OdetteId::new(text).is_ok()
}

#[cfg(test)]
mod tests {
    use oftp::{Eerp, FileKey, Nerp, NerpReason, Response};

    use super::*;

    fn is_one(content: &[u8], step: usize) -> bool {
        let mut text = ReceiptText::default();
        content.chunks(step).for_each(|piece| text.add(piece));
        text.is_one()
    }

    fn receipts(hash: usize) -> [Vec<u8>; 2] {
        let key = FileKey {
            dataset: oftp::DatasetName::new("DESADV.0815").unwrap(),
            stamp: oftp::FileStamp::new("20261122", "0815300001").unwrap(),
            originator: OdetteId::new("O0013000007MUELLER").unwrap(),
            destination: OdetteId::new("O0013000001NORDWERK").unwrap(),
        };
        let eerp = Response::Positive(Eerp {
            key: key.clone(),
            user: oftp::UserData::default(),
            hash: vec![0x30; hash],
            signature: Vec::new(),
        });
        let nerp = Response::Negative(Nerp {
            creator: key.destination.clone(),
            key,
            reason: NerpReason::ProcessingFailed,
            text: String::new(),
            hash: vec![0xA5; hash],
            signature: Vec::new(),
        });
        [eerp, nerp].map(|receipt| pointsman_cms::receipt_text(&receipt))
    }

    #[test]
    fn the_text_of_every_receipt_is_one_and_nothing_beside_it() {
        for text in HASHES.into_iter().flat_map(receipts) {
            for step in [1, 40, 500] {
                assert!(is_one(&text, step), "{}", text.len());
            }
            let longer = [&text[..], b"\n"].concat();
            let other_name = [b"\x07", &text[1..]].concat();
            let other_date = [&text[..NAME], b"2026112X", &text[NAME + DATE..]].concat();
            for file in [&longer[..], &text[1..], &other_name, &other_date, b""] {
                assert!(!is_one(file, 64));
            }
        }
    }
}
