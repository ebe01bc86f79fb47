//! ContentInfo (RFC 5652, 3): what every layer is in.

use crate::ber::{BerReader, Container, tag};
use crate::error::{CmsError, Problem};

/// Opens a ContentInfo of that type, and the structure inside.
pub(crate) fn enter(reader: &mut BerReader, content_type: &[u8]) -> Result<(), CmsError> {
    reader
        .enter(tag::SEQUENCE, "ContentInfo")
        .map_err(|error| missing(error, reader))?;
    let found = reader
        .element("content type", 64)
        .map_err(|error| missing(error, reader))?;
    if found != content_type {
        return Err(reader.error(Problem::Missing));
    }
    reader.enter(tag::CONTEXT_0, "structure")?;
    reader.enter(tag::SEQUENCE, "structure")
}

/// The layer is not there, if what is there does not begin as one. Errors of the layers around it stay what they are.
fn missing(error: CmsError, reader: &BerReader) -> CmsError {
    match error {
        CmsError::Layer {
            layer,
            problem: Problem::Element(_) | Problem::Length | Problem::TooBig(_),
        } if layer == reader.layer() => reader.error(Problem::Missing),
        _ => error,
    }
}

/// The containers of a ContentInfo of that type, without the structure inside.
pub(crate) fn containers(content_type: &[u8]) -> Vec<Container> {
    vec![
        Container::new(tag::SEQUENCE, &[content_type]),
        Container::new(tag::CONTEXT_0, &[]),
    ]
}

/// Whether octets begin as a ContentInfo of that type does; enough of them must be there to see.
pub(crate) fn begins(octets: &[u8], content_type: &[u8]) -> bool {
    let Some((&[tag::SEQUENCE, first], rest)) = octets.split_first_chunk::<2>() else {
        return false;
    };
    let long = match first {
        0x81..=0x88 => usize::from(first & 0x7f),
        _ => 0,
    };
    rest.get(long..)
        .is_some_and(|rest| rest.starts_with(content_type))
}
