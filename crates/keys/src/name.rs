//! Distinguished names: as one line, and as an operator writes them.

use openssl::x509::X509NameRef;
use pointsman_cms::name_attributes;

/// An attribute of a name: its short name, and its value.
pub(crate) type Attribute = (String, String);

/// A name in one line, as `CN=…, O=…`. Values with commas are quoted, control characters escaped.
pub(crate) fn line(name: &X509NameRef) -> String {
    let parts: Vec<String> = name_attributes(name)
        .iter()
        .map(|(key, value)| match value.contains([',', '"', '=']) {
            true => format!("{key}=\"{}\"", value.escape_debug()),
            false => format!("{key}={}", value.escape_debug()),
        })
        .collect();
    parts.join(", ")
}

/// The attributes of a name that an operator writes, as `CN=a, O="b, c"`; none if it is not of that form.
pub(crate) fn parse(text: &str) -> Option<Vec<Attribute>> {
    let mut attributes = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let key = known_key(key.trim())?;
        let (value, after) = value(after.trim_start())?;
        attributes.push((key, value));
        rest = after.trim_start();
    }
    (!attributes.is_empty()).then_some(attributes)
}

/// A value, and what follows the comma after it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_once(',').unwrap_or((text, ""));
        return Some((value.trim().to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.push(characters.next()?.1),
            '"' => {
                let rest = quoted.get(at + 1..)?.trim_start();
                let next = rest.strip_prefix(',');
                return next
                    .or(rest.is_empty().then_some(""))
                    .map(|rest| (value, rest));
            }
            _ => value.push(character),
        }
    }
    None
}

/// The short name of an attribute, for all that operators write for it.
fn known_key(key: &str) -> Option<String> {
    let short = match key.to_ascii_uppercase().as_str() {
        "S" | "ST" | "SP" => "ST",
        "E" | "EMAIL" | "EMAILADDRESS" => "emailAddress",
        "SERIALNUMBER" => "serialNumber",
        "CN" => "CN",
        "O" => "O",
        "OU" => "OU",
        "C" => "C",
        "L" => "L",
        _ if key.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') && !key.is_empty() => key,
        _ => return None,
    };
    Some(short.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(attributes: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Some(attributes.iter().map(own).collect())
    }

    #[test]
    fn names_are_read_as_operators_write_them() {
        assert_eq!(
            parse(r#"CN=a b , O="c, \"d\"", s=Hessen,E=x@y"#),
            of(&[
                ("CN", "a b"),
                ("O", "c, \"d\""),
                ("ST", "Hessen"),
                ("emailAddress", "x@y")
            ])
        );
        assert_eq!(parse("CN="), of(&[("CN", "")]));
        for wrong in [
            "",
            "Nordwerk",
            "a b=c",
            "CN=\"open",
            "CN=\"a\" b",
            "CN=a, Nordwerk",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
