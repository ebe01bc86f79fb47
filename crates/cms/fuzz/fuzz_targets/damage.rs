//! What an input says that is changed, and where.

/// Where something is changed. All but the whole files are changed before the lengths around them are made, so that what
/// is wrong lies deeper.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The file whose outermost layer is the signed one.
    SignedFile,
    /// The file whose outermost layer is the compressed one.
    CompressedFile,
    /// The file as it is transmitted, where it is encrypted.
    EnvelopedFile,
    /// The content, before its hash is computed where that is computed again.
    Content,
    /// The attributes that are signed.
    Attributes,
    /// What a signer is: name, algorithms, attributes, signature.
    Signer,
    /// The zlib stream.
    Deflated,
    /// What a recipient is: name, algorithm, encrypted key.
    Recipient,
}

const PLACES: [Place; 8] = [
    Place::SignedFile,
    Place::CompressedFile,
    Place::EnvelopedFile,
    Place::Content,
    Place::Attributes,
    Place::Signer,
    Place::Deflated,
    Place::Recipient,
];

/// Changes, of four octets each: where and what, at which octet (two), and with what.
#[derive(Clone, Copy)]
pub struct Changes<'a>(pub &'a [u8]);

impl Changes<'_> {
    /// The most changes of an input.
    const MOST: usize = 8;

    /// Whether something is changed in one of those places.
    pub fn has(self, places: &[Place]) -> bool {
        let mut changes = self.0.chunks_exact(4).take(Self::MOST);
        changes.any(|change| places.contains(&place(change)))
    }

    /// Makes all changes of that place.
    pub fn make(self, at_place: Place, octets: &mut Vec<u8>) {
        for change in self.0.chunks_exact(4).take(Self::MOST) {
            if place(change) == at_place {
                let at = usize::from(u16::from_be_bytes([change[1], change[2]]));
                apply(octets, change[0] & 7, at % (octets.len() + 1), change[3]);
            }
        }
    }
}

fn place(change: &[u8]) -> Place {
    PLACES[usize::from(change[0] >> 3 & 7)]
}

fn apply(octets: &mut Vec<u8>, what: u8, at: usize, with: u8) {
    let end = (at + usize::from(with)).min(octets.len());
    match what {
        0 if at < octets.len() => octets[at] ^= with.max(1),
        1 if at < octets.len() => octets[at] = with,
        2 => octets.insert(at, with),
        3 if at < octets.len() => drop(octets.remove(at)),
        4 => drop(octets.drain(at..end)),
        5 => octets.extend_from_within(at..end),
        6 => {
            let again = octets[at..end].to_vec();
            octets.splice(at..at, again);
        }
        _ => octets.truncate(at),
    }
}
