//! Signed attributes (RFC 5652, 5.3, 11): what a signature is made over when they are there.

use crate::ber::{Elements, element, tag};
use crate::error::Problem;
use crate::oid;

/// The attributes of a content of type id-data with that hash: the content of their set.
pub(super) fn make(digest: &[u8]) -> Vec<u8> {
    let content_type = attribute(oid::CONTENT_TYPE, oid::DATA);
    let digest = attribute(oid::MESSAGE_DIGEST, &element(tag::OCTET_STRING, &[digest]));
    // DER sorts a set by its octets: the shorter one is first.
    [content_type, digest].concat()
}

fn attribute(name: &[u8], value: &[u8]) -> Vec<u8> {
    element(tag::SEQUENCE, &[name, &element(tag::SET, &[value])])
}

/// That attributes are those of a content of type id-data with that hash: each of the two once, with one value.
pub(super) fn check(attributes: &[u8], digest: &[u8]) -> Result<(), Problem> {
    let content_type = single(attributes, oid::CONTENT_TYPE);
    if !planted!(ContentTypeNotCompared) && content_type? != oid::DATA {
        return Err(Problem::Attributes("another content type"));
    }
    let expected = element(tag::OCTET_STRING, &[digest]);
    let found = single(attributes, oid::MESSAGE_DIGEST)?;
    if !planted!(DigestNotCompared) && found != expected {
        return Err(Problem::Attributes("the hash of another content"));
    }
    Ok(())
}

/// The only value of the only attribute of that name.
fn single<'a>(attributes: &'a [u8], name: &[u8]) -> Result<&'a [u8], Problem> {
    let mut found = None;
    let mut attributes = Elements::of(attributes);
    while !attributes.is_empty() {
        let mut parts = attributes.inside(tag::SEQUENCE, "signed attribute")?;
        let named = parts.next(tag::OBJECT_ID, "signed attribute")?;
        let mut values = parts.inside(tag::SET, "value of a signed attribute")?;
        parts.end("end of a signed attribute")?;
        if named.whole != name {
            continue;
        }
        let value = values.any("value of a signed attribute")?;
        if found.replace(value.whole).is_some() || !values.is_empty() {
            return Err(Problem::Attributes("one of them twice"));
        }
    }
    found.ok_or(Problem::Attributes("one of them missing"))
}

/// What the signature may be made over: the set in the order in which it came and, if that is another, in the order of
/// DER, as writers differ.
pub(super) fn signed_forms(attributes: &[u8]) -> Result<Vec<Vec<u8>>, Problem> {
    let mut sorted = Vec::new();
    let mut rest = Elements::of(attributes);
    while !rest.is_empty() {
        sorted.push(rest.any("signed attribute")?.whole);
    }
    sorted.sort_unstable();
    let as_it_came = element(tag::SET, &[attributes]);
    let in_order = element(tag::SET, &sorted);
    let mut forms = vec![as_it_came];
    if !forms.contains(&in_order) {
        forms.push(in_order);
    }
    Ok(forms)
}

/// The beginning of a content, and its length: enough to tell whether it is a set of attributes.
#[derive(Debug, Default)]
pub(super) struct Beginning {
    octets: Vec<u8>,
    total: u64,
}

impl Beginning {
    /// Octets that are kept.
    const KEPT: usize = 32;

    pub(super) fn add(&mut self, octets: &[u8]) {
        let missing = Self::KEPT.saturating_sub(self.octets.len());
        self.octets.extend(octets.iter().take(missing));
        self.total += octets.len() as u64;
    }

    /// Whether the content could be the set that another message's signature was made over: a set, as long as the
    /// content, of sequences that begin with an object identifier. As a content without signed attributes, it would
    /// have that signature.
    pub(super) fn is_attributes(&self) -> bool {
        let Some((&tag::SET, after_tag)) = self.octets.split_first() else {
            return false;
        };
        let Some((&first, rest)) = after_tag.split_first() else {
            return false;
        };
        let count = usize::from(first & 0x7f) * usize::from(first >> 7);
        let Some((long, body)) = rest.split_at_checked(count) else {
            return false;
        };
        let length = match count {
            0 => u64::from(first),
            1..=7 => long
                .iter()
                .fold(0, |sum, &octet| sum << 8 | u64::from(octet)),
            _ => return false,
        };
        let header = 2 + count as u64;
        self.total == header + length && body.first() == Some(&tag::SEQUENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_attributes_are_good_and_sorted() {
        let made = make(&[7; 32]);
        check(&made, &[7; 32]).unwrap();
        assert_eq!(signed_forms(&made).unwrap(), [element(tag::SET, &[&made])]);
        let wrong = check(&made, &[8; 32]).unwrap_err();
        assert_eq!(wrong, Problem::Attributes("the hash of another content"));
    }

    #[test]
    fn attributes_out_of_order_have_two_forms() {
        let one = attribute(oid::CONTENT_TYPE, oid::DATA);
        let two = attribute(oid::MESSAGE_DIGEST, &element(4, &[&[7; 20]]));
        let forms = signed_forms(&[two.clone(), one.clone()].concat()).unwrap();
        assert_eq!(
            forms,
            [
                element(tag::SET, &[&two, &one]),
                element(tag::SET, &[&one, &two])
            ]
        );
    }

    #[test]
    fn each_attribute_is_there_once_with_one_value() {
        let kind = attribute(oid::CONTENT_TYPE, oid::DATA);
        let digest = attribute(oid::MESSAGE_DIGEST, &element(4, &[&[7; 20]]));
        let two_values = attribute(oid::MESSAGE_DIGEST, &[4, 0, 4, 0]);
        for bad in [
            vec![],
            kind.clone(),
            digest.clone(),
            [kind.clone(), digest.clone(), digest.clone()].concat(),
            [kind.clone(), kind.clone(), digest.clone()].concat(),
            [kind, two_values].concat(),
        ] {
            let problem = check(&bad, &[7; 20]).unwrap_err();
            assert!(matches!(problem, Problem::Attributes(_)), "{problem:?}");
        }
    }

    #[test]
    fn a_set_of_attributes_is_recognised_whatever_its_length() {
        for length in [32, 90, 200, 70_000] {
            let set = element(tag::SET, &[&make(&vec![1; length])]);
            let mut beginning = Beginning::default();
            set.chunks(7).for_each(|part| beginning.add(part));
            assert!(beginning.is_attributes(), "{length}");
            beginning.add(&[0]);
            assert!(!beginning.is_attributes(), "{length}");
        }
        for other in [
            &b""[..],
            b"1",
            b"UNB+UNOA:3+",
            &[0x31, 0],
            &[0x31, 0x80, 0x30, 0],
        ] {
            let mut beginning = Beginning::default();
            beginning.add(other);
            assert!(!beginning.is_attributes(), "{other:x?}");
        }
    }
}
