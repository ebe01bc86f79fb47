//! What is signed of a receipt (RFC 5024, 5.3.13, 5.3.14) is told from a file: both are signed as data, and nothing but
//! their form says which of the two a signature was made for.

use oftp::{DatasetName, FileStamp, OdetteId};
use pointsman_cms::unfilled;

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

/// Whether the text begins with the fields of a receipt that has so many Odette IDs: with all that a command can have, each
/// filled up as signed texts are compared.
fn has_fields(text: &[u8], ids: usize) -> bool {
    let (name, rest) = field(text, NAME);
    let (date, rest) = field(rest, DATE);
    let (time, mut rest) = field(rest, TIME);
    let mut is_one = DatasetName::from_wire(name).is_ok() && is_stamp(date, time);
    for _ in 0..ids {
        let (id, after) = field(rest, ID);
        is_one = is_one && OdetteId::from_wire(id).is_ok();
        rest = after;
    }
    is_one
}

/// The next field without what fills it up, and what follows it.
fn field(text: &[u8], octets: usize) -> (&[u8], &[u8]) {
    let (now, later) = text.split_at_checked(octets).unwrap_or((text, &[]));
    (unfilled(now), later)
}

/// The counter of a time may be missing: the blanks that stand for it count as what fills the field up.
fn is_stamp(date: &[u8], time: &[u8]) -> bool {
    let blanks = [b' '; TIME];
    let missing = blanks.get(time.len()..).unwrap_or_default();
    FileStamp::from_wire(date, &[time, missing].concat()).is_ok()
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
            let no_name = [&[b' '; NAME], &text[NAME..]].concat();
            for file in [
                &longer[..],
                &text[1..],
                &other_name,
                &other_date,
                &no_name,
                b"",
            ] {
                assert!(!is_one(file, 64));
            }
        }
    }

    #[test]
    fn a_text_is_one_however_its_fields_are_filled_up_and_whatever_its_ids_are() {
        for text in HASHES.into_iter().flat_map(receipts) {
            let fields = match text.len() - KEY {
                20 | 32 | 64 => KEY,
                _ => KEY + ID,
            };
            let mut nuls = text.clone();
            for octet in nuls[..fields].iter_mut().filter(|octet| **octet == b' ') {
                *octet = 0;
            }
            let mut other_id = text.clone();
            other_id[KEY - ID..][..ID].copy_from_slice(format!("{:ID$}", "lokal 1").as_bytes());
            let mut no_counter = text.clone();
            no_counter[NAME + DATE + 6..][..4].fill(b' ');
            for text in [nuls, other_id, no_counter] {
                assert!(is_one(&text, 40), "{}", text.escape_ascii());
            }
        }
    }
}
