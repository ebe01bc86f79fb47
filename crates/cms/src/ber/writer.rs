//! Elements with definite lengths, written.

/// Tag and definite length, in the shortest form.
pub(crate) fn header(tag: u8, length: u64) -> Vec<u8> {
    if let Ok(short @ 0..=0x7f) = u8::try_from(length) {
        return vec![tag, short];
    }
    let octets: Vec<u8> = length
        .to_be_bytes()
        .into_iter()
        .skip_while(|&octet| octet == 0)
        .collect();
    let count = u8::try_from(octets.len()).unwrap_or(8);
    [&[tag, 0x80 | count], octets.as_slice()].concat()
}

/// A whole element of these parts.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut octets = header(tag, length as u64);
    octets.reserve_exact(length);
    for part in parts {
        octets.extend_from_slice(part);
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_their_shortest_form() {
        assert_eq!(header(4, 0), [4, 0]);
        assert_eq!(header(4, 0x7f), [4, 0x7f]);
        assert_eq!(header(4, 0x80), [4, 0x81, 0x80]);
        assert_eq!(header(4, 0x100), [4, 0x82, 1, 0]);
        assert_eq!(header(4, 1 << 32), [4, 0x85, 1, 0, 0, 0, 0]);
        assert_eq!(header(4, u64::MAX).len(), 10);
    }

    #[test]
    fn an_element_is_its_parts() {
        assert_eq!(
            element(0x30, &[&[5, 0], &[2, 1, 9]]),
            [0x30, 5, 5, 0, 2, 1, 9]
        );
    }
}
