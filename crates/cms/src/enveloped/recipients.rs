//! For whom a content is encrypted, by what stands in clear before it.

use std::io::Read;

use super::reader::read_recipients;
use super::recipient::Recipient;
use crate::ber::BerReader;
use crate::certificate::Certificate;
use crate::error::{CmsError, Layer};
use crate::source::WireSource;
use crate::suite::Suite;

/// For whom an encrypted file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipients {
    /// The certificates that it names, each by its serial number or key identifier, for people.
    pub names: Vec<String>,
    /// Whether one of ours is among them.
    pub has_ours: bool,
}

/// Reads for whom a file is encrypted that announces this suite. No key is tried, so the answer says nothing of what is
/// inside: it depends on what its sender wrote in clear alone.
///
/// # Errors
/// [`CmsError`], if the file does not begin as an encrypted one of that suite, or cannot be read.
pub fn recipients<R: Read + Send + 'static>(
    file: R,
    suite: Suite,
    ours: &[&Certificate],
) -> Result<Recipients, CmsError> {
    let source = Box::new(WireSource::new(file, suite.hash())?);
    let mut reader = BerReader::new(source, Layer::Enveloped);
    let came = read_recipients(&mut reader)?;
    let mut found = Recipients {
        names: Vec::new(),
        has_ours: false,
    };
    for one in &came {
        let one = Recipient::read(one, Some(suite)).map_err(|problem| reader.error(problem))?;
        found.names.push(one.name.to_string());
        found.has_ours |= ours.iter().any(|certificate| one.name.names(certificate));
    }
    Ok(found)
}
