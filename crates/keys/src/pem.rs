//! PEM (RFC 7468) and its older form with headers (RFC 1421): blocks of base64 between two lines, with any text around.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use zeroize::Zeroizing;

use crate::error::StoreFault;
use crate::reading::few_entries;

/// The alphabet of RFC 4648, with padding or without; last bits that say nothing may be anything.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The most octets of a label: those of RFC 7468 and of OpenSSL are shorter.
const LONGEST_LABEL: usize = 32;

/// What a line begins with that begins a block.
pub(crate) const BEGIN: &str = "-----BEGIN ";

/// One block.
pub(crate) struct Block {
    /// What stands after `BEGIN`.
    pub(crate) label: String,
    /// The headers at its start, name and value.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) octets: Zeroizing<Vec<u8>>,
    /// The `friendlyName` before it, as `openssl pkcs12` writes it.
    pub(crate) alias: Option<String>,
}

/// The blocks of a text.
pub(crate) fn blocks(text: &str) -> Result<Vec<Block>, StoreFault> {
    let mut blocks = Vec::new();
    let mut alias = None;
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("friendlyName:") {
            alias = Some(name.trim().to_owned());
        }
        if !line.starts_with(BEGIN) {
            continue;
        }
        let Some(label) = label(line) else {
            return Err(StoreFault::Form(format!(
                "a line of it that begins a block is not whole: {OWN_LINES}"
            )));
        };
        let end = format!("-----END {label}-----");
        let mut body = Vec::new();
        loop {
            match lines.next() {
                Some(line) if line == end => break,
                Some(line) => body.push(line),
                None => {
                    return Err(StoreFault::Form(format!(
                        "its block {label} has no end: {OWN_LINES}"
                    )));
                }
            }
        }
        blocks.push(block(label, &body, alias.take())?);
        few_entries(blocks.len())?;
    }
    Ok(blocks)
}

/// What helps where the lines around a block are not what they must be.
const OWN_LINES: &str = "each -----BEGIN …----- and each -----END …----- must be a line of its own; is the file cut off, or were its line ends lost?";

/// The label of a line that begins a block. Text that is none is never given out: where line ends were lost, it is the key.
pub(crate) fn label(line: &str) -> Option<&str> {
    let label = line.strip_prefix(BEGIN)?.strip_suffix("-----")?;
    let known = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || " #.".contains(c);
    (label.len() <= LONGEST_LABEL && label.chars().all(known)).then_some(label)
}

fn block(label: &str, body: &[&str], alias: Option<String>) -> Result<Block, StoreFault> {
    let mut headers = Vec::new();
    let mut base64 = Zeroizing::new(String::new());
    for line in body {
        match line.split_once(':') {
            Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
            None => base64.push_str(line),
        }
    }
    let octets = decode(&base64).ok_or_else(|| {
        StoreFault::Form(format!("its block {label} is no base64, so it is damaged"))
    })?;
    Ok(Block {
        label: label.to_owned(),
        headers,
        octets,
        alias,
    })
}

/// Base64 of RFC 4648 with white space in it.
pub(crate) fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let tight: Zeroizing<String> =
        Zeroizing::new(text.chars().filter(|c| !c.is_ascii_whitespace()).collect());
    BASE64.decode(tight.as_bytes()).ok().map(Zeroizing::new)
}

/// Base64 in lines of 64 between the two lines of a label.
pub(crate) fn write(label: &str, octets: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = format!("-----BEGIN {label}-----\n");
    for chunk in octets.chunks(48) {
        let _ = writeln!(text, "{}", STANDARD.encode(chunk));
    }
    let _ = writeln!(text, "-----END {label}-----");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_between_other_text() {
        let text = "Bag Attributes\r\n  friendlyName: a b\r\n-----BEGIN X Y-----\r\nProc-Type: 4,ENCRYPTED\r\n\r\nAAEC\r\nAw==\r\n\
                    -----END X Y-----\r\nmore\r\n-----BEGIN Z-----\nBA\n-----END Z-----";
        let blocks = blocks(text).unwrap();
        let [first, second] = &blocks[..] else {
            panic!("{}", blocks.len())
        };
        assert_eq!(
            (&first.label[..], &first.octets[..]),
            ("X Y", &[0, 1, 2, 3][..])
        );
        assert_eq!(first.alias.as_deref(), Some("a b"));
        assert_eq!(
            first.headers,
            [("Proc-Type".to_owned(), "4,ENCRYPTED".to_owned())]
        );
        assert_eq!((&second.label[..], &second.octets[..]), ("Z", &[4][..]));
        assert_eq!(second.alias, None);
    }

    #[test]
    fn blocks_without_end_and_without_base64_are_refused() {
        for (text, told) in [
            ("-----BEGIN X-----\nAAEC\n", "no end"),
            ("-----BEGIN X-----\nAAEC\n-----END Y-----", "no end"),
            ("-----BEGIN X-----\nA?EC\n-----END X-----", "no base64"),
            ("-----BEGIN X-----\nA\n-----END X-----", "no base64"),
            ("-----BEGIN X-----AAEC-----END X-----", "not whole"),
            ("-----BEGIN X AAEC -----END X-----\n", "not whole"),
            ("-----BEGIN X\nAAEC\n-----END X-----", "not whole"),
        ] {
            let fault = blocks(text).err().unwrap().to_string();
            assert!(fault.contains(told), "{text}: {fault}");
            assert!(!fault.contains("AAEC"), "{text}: {fault}");
        }
        assert!(blocks("nothing").unwrap().is_empty());
    }

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 47, 48, 49, 100] {
            let octets: Vec<u8> = (0..length).collect();
            let text = write("X", &octets);
            assert!(text.lines().all(|line| line.len() <= 64));
            assert_eq!(blocks(&text).unwrap()[0].octets[..], octets);
        }
    }
}
