//! Rules such as `mueller *.CATPART -> encrypted-and-signed compressed suite-6`.

use pointsman_policy_sdk::SecurityLevel;

/// One line of the list: which partner, which names, and what for them.
#[derive(Debug)]
pub struct Rule {
    partner: String,
    pattern: String,
    pub services: Services,
}

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Services {
    /// It is not sent at all.
    Never,
    /// It is secured so, and no otherwise.
    These {
        security: SecurityLevel,
        compressed: bool,
        signed_receipt: bool,
        /// None: the usual one of the partner.
        suite: Option<u8>,
    },
}

/// Read the list: one rule a line; empty lines and those that begin with `#` do not count.
pub fn parse(text: &str) -> Result<Vec<Rule>, String> {
    let mut rules = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            rules.push(parse_rule(line).map_err(|e| format!("line {}: {e}", n + 1))?);
        }
    }
    if rules.is_empty() {
        return Err(
            "there is no rule in it; write lines such as `* *.CATPART -> signed`".to_owned(),
        );
    }
    Ok(rules)
}

impl Rule {
    /// Whether it is for files of this name to this partner.
    pub fn matches(&self, partner: &str, dataset: &str) -> bool {
        fits(&self.partner, partner) && fits(&self.pattern, dataset)
    }
}

/// Whether a pattern is for this text. `*` stands for any characters, also none; the case of letters does not matter.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_uppercase(), text.to_ascii_uppercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn parse_rule(line: &str) -> Result<Rule, String> {
    let wrong = || format!("`{line}` is no rule; write `PARTNER PATTERN -> SERVICES`");
    let (which, services) = line.split_once("->").ok_or_else(wrong)?;
    let mut which = which.split_whitespace();
    let (Some(partner), Some(pattern), None) = (which.next(), which.next(), which.next()) else {
        return Err(wrong());
    };
    Ok(Rule {
        partner: partner.to_owned(),
        pattern: pattern.to_owned(),
        services: parse_services(services)?,
    })
}

fn parse_services(words: &str) -> Result<Services, String> {
    let (mut signed, mut encrypted) = (false, false);
    let (mut compressed, mut signed_receipt, mut suite) = (false, false, None);
    let words: Vec<&str> = words.split_whitespace().collect();
    match words.as_slice() {
        ["never"] => return Ok(Services::Never),
        [] => {
            return Err(
                "nothing is said behind `->`; `plain` is a file without any service".to_owned(),
            );
        }
        _ => {}
    }
    for word in &words {
        match (*word, word.strip_prefix("suite-")) {
            ("plain", _) if words.len() == 1 => {}
            ("signed", _) => signed = true,
            ("encrypted", _) => encrypted = true,
            ("encrypted-and-signed", _) => (signed, encrypted) = (true, true),
            ("compressed", _) => compressed = true,
            ("signed-receipt", _) => signed_receipt = true,
            (_, Some(number)) => {
                let number = number
                    .parse()
                    .ok()
                    .filter(|number| (1..=10).contains(number));
                suite = Some(number.ok_or_else(|| format!("`{word}`: there are suites 1 to 10"))?);
            }
            _ => {
                return Err(format!(
                    "`{word}` is no service; there are signed, encrypted, encrypted-and-signed, compressed, signed-receipt, suite-1 to suite-10, and alone: plain, never"
                ));
            }
        }
    }
    let security = match (signed, encrypted) {
        (false, false) => SecurityLevel::None,
        (true, false) => SecurityLevel::Signed,
        (false, true) => SecurityLevel::Encrypted,
        (true, true) => SecurityLevel::EncryptedAndSigned,
    };
    Ok(Services::These {
        security,
        compressed,
        signed_receipt,
        suite,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_counts() {
        let rules = parse(
            "# drawings\nmueller *.CATPART -> encrypted-and-signed compressed signed-receipt suite-6\n\n* *.CATPART -> never\n* * -> plain\n",
        )
        .unwrap();
        let of = |partner, name| {
            let rule = rules.iter().find(|rule| rule.matches(partner, name));
            rule.unwrap().services
        };
        assert_eq!(
            of("mueller", "DOOR.CATPART"),
            Services::These {
                security: SecurityLevel::EncryptedAndSigned,
                compressed: true,
                signed_receipt: true,
                suite: Some(6),
            }
        );
        assert_eq!(of("schmidt", "door.catpart"), Services::Never);
        assert_eq!(
            of("schmidt", "INVOIC"),
            Services::These {
                security: SecurityLevel::None,
                compressed: false,
                signed_receipt: false,
                suite: None,
            }
        );
    }

    #[test]
    fn what_is_no_rule_is_said() {
        for (text, said) in [
            ("", "no rule"),
            (
                "mueller -> signed",
                "line 1: `mueller -> signed` is no rule",
            ),
            ("* * ->", "nothing is said"),
            ("* * -> sealed", "`sealed` is no service"),
            ("* * -> signed suite-11", "suites 1 to 10"),
            ("* * -> plain signed", "`plain` is no service"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
