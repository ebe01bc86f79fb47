//! Names of certificates, for people.

use openssl::nid::Nid;
use openssl::x509::X509NameRef;

/// The attributes of a name, each its short name and its value, the most special one first. A value is the text that its
/// string type stands for; the octets of one that is no text are read as UTF-8, and what is none in them is replaced.
pub fn name_attributes(name: &X509NameRef) -> Vec<(String, String)> {
    let mut attributes: Vec<(String, String)> = name
        .entries()
        .map(|entry| {
            let object = entry.object();
            let key = match object.nid() {
                Nid::UNDEF => object.to_string(),
                nid => nid.short_name().unwrap_or("?").to_owned(),
            };
            let value = match entry.data().to_string() {
                Ok(text) => text,
                Err(_) => String::from_utf8_lossy(entry.data().as_slice()).into_owned(),
            };
            (key, value)
        })
        .collect();
    attributes.reverse();
    attributes
}

/// A name in one line, as `CN=…, O=…`; control characters are escaped.
pub(crate) fn line(name: &X509NameRef) -> String {
    let parts: Vec<String> = name_attributes(name)
        .iter()
        .map(|(key, value)| format!("{key}={}", value.escape_debug()))
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::asn1::Asn1Type;
    use openssl::x509::X509NameBuilder;

    #[test]
    fn values_of_every_string_type_are_text() {
        let mut name = X509NameBuilder::new().unwrap();
        for (key, value, string) in [
            ("C", "DE", Asn1Type::PRINTABLESTRING),
            // Two octets a character, the high one first.
            ("O", "\0W\u{4}\u{16}\u{1}W\0\n", Asn1Type::BMPSTRING),
            ("OU", "\0\0\u{4}\u{16}", Asn1Type::UNIVERSALSTRING),
            ("CN", "Söhne", Asn1Type::UTF8STRING),
        ] {
            name.append_entry_by_text_with_type(key, value, string)
                .unwrap();
        }
        assert_eq!(line(&name.build()), "CN=Söhne, OU=Ж, O=WЖŗ\\n, C=DE");
    }
}
