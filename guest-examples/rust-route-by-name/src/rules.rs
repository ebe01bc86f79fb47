//! Rules such as `DELFOR* -> delfor/{originator}/{date}-{dataset}`.

/// One line of the list: which dataset names, and where to.
#[derive(Debug)]
pub struct Rule {
    pattern: String,
    /// The folders and, last, the file name; at least one part.
    folders: Vec<Vec<Piece>>,
    file_name: Vec<Piece>,
}

/// What a path part is put together from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placeholder {
    Originator,
    Destination,
    Dataset,
    Date,
    Time,
    User,
    Partner,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Placeholder(Placeholder),
}

/// What the placeholders stand for, for one file.
pub struct Values<'a> {
    pub originator: &'a str,
    pub destination: &'a str,
    pub dataset: &'a str,
    pub date: &'a str,
    pub time: &'a str,
    pub user: &'a str,
    pub partner: &'a str,
}

const PLACEHOLDERS: [(&str, Placeholder); 7] = [
    ("originator", Placeholder::Originator),
    ("destination", Placeholder::Destination),
    ("dataset", Placeholder::Dataset),
    ("date", Placeholder::Date),
    ("time", Placeholder::Time),
    ("user", Placeholder::User),
    ("partner", Placeholder::Partner),
];

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
            "there is no rule in it; write lines such as `DELFOR* -> delfor/{dataset}`".to_owned(),
        );
    }
    Ok(rules)
}

impl Rule {
    /// Whether it is for this dataset name. `*` stands for any characters, also none; the case of
    /// letters does not matter.
    pub fn matches(&self, dataset: &str) -> bool {
        let dataset = dataset.trim().to_ascii_uppercase();
        let pattern = self.pattern.to_ascii_uppercase();
        let mut parts = pattern.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = dataset.strip_prefix(first) else {
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

    /// The pattern it is for.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Directory (none: the inbox itself) and file name.
    pub fn place(&self, values: &Values) -> (Option<String>, String) {
        let folders: Vec<String> = self.folders.iter().map(|part| fill(part, values)).collect();
        let directory = (!folders.is_empty()).then(|| folders.join("/"));
        (directory, fill(&self.file_name, values))
    }
}

fn parse_rule(line: &str) -> Result<Rule, String> {
    let (pattern, target) = line
        .split_once("->")
        .ok_or_else(|| format!("there is no `->` in `{line}`; write `PATTERN -> folder/name`"))?;
    let pattern = pattern.trim().to_owned();
    if pattern.is_empty() {
        return Err("there is no pattern before `->`; `*` is for all names".to_owned());
    }
    let mut folders = target
        .trim()
        .split('/')
        .map(parse_part)
        .collect::<Result<Vec<_>, _>>()?;
    let file_name = folders.pop().unwrap_or_default();
    Ok(Rule {
        pattern,
        folders,
        file_name,
    })
}

fn parse_part(part: &str) -> Result<Vec<Piece>, String> {
    if matches!(part, "" | "." | "..") || part.contains('\\') {
        return Err(format!(
            "`{part}` cannot be part of a path: relative paths only, no empty part, `.`, `..` or backslash"
        ));
    }
    let mut pieces = Vec::new();
    let mut rest = part;
    while let Some((text, after)) = rest.split_once('{') {
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| format!("there is no `}}` after `{{` in `{part}`"))?;
        pieces.push(Piece::Text(text.to_owned()));
        pieces.push(Piece::Placeholder(placeholder(name)?));
        rest = after;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}

fn placeholder(name: &str) -> Result<Placeholder, String> {
    let found = PLACEHOLDERS.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, placeholder)| placeholder).ok_or_else(|| {
        let known = PLACEHOLDERS
            .map(|(known, _)| format!("{{{known}}}"))
            .join(", ");
        format!("`{{{name}}}` is no placeholder; there are {known}")
    })
}

fn fill(part: &[Piece], values: &Values) -> String {
    let filled: String = part
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Placeholder(placeholder) => tame(match placeholder {
                Placeholder::Originator => values.originator,
                Placeholder::Destination => values.destination,
                Placeholder::Dataset => values.dataset,
                Placeholder::Date => values.date,
                Placeholder::Time => values.time,
                Placeholder::User => values.user,
                Placeholder::Partner => values.partner,
            }),
        })
        .collect();
    // A field that is empty or made of dots must not become a part that leads elsewhere.
    if filled.chars().all(|c| c == '.') {
        "_".to_owned()
    } else {
        filled
    }
}

/// Fields come from the partner: what has a meaning in a path, or none in a name, becomes `_`.
fn tame(field: &str) -> String {
    field
        .trim()
        .chars()
        .map(|c| {
            if matches!(c, '/' | '\\') || c.is_control() {
                '_'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: Values = Values {
        originator: "O0013000001ACME",
        destination: "O0013000002HOME",
        dataset: "DELFOR/01",
        date: "20261122",
        time: "1405590001",
        user: "",
        partner: "acme",
    };

    fn rule(line: &str) -> Rule {
        parse(line).unwrap().remove(0)
    }

    #[test]
    fn a_pattern_matches_names_around_its_stars() {
        for (pattern, name, expected) in [
            ("DELFOR*", "DELFOR01", true),
            ("DELFOR*", "DELFOR", true),
            ("DELFOR*", "delfor-x", true),
            ("DELFOR*", "XDELFOR", false),
            ("DELFOR", "DELFOR", true),
            ("DELFOR", "DELFOR1", false),
            ("*.ENGDAT", "A.ENGDAT", true),
            ("*.ENGDAT", "A.ENGDAT.1", false),
            ("*", "", true),
            ("A*B*C", "AxBxC", true),
            ("A*B*C", "ABC", true),
            ("A*B*C", "ACB", false),
            ("AB*BA", "ABA", false),
        ] {
            let line = format!("{pattern} -> x");
            assert_eq!(rule(&line).matches(name), expected, "{pattern} and {name}");
        }
    }

    #[test]
    fn placeholders_are_filled_and_tamed() {
        assert_eq!(
            rule("* -> delfor/{originator}/{date}-{dataset}").place(&VALUES),
            (
                Some("delfor/O0013000001ACME".to_owned()),
                "20261122-DELFOR_01".to_owned()
            )
        );
        assert_eq!(
            rule("* -> {partner}.{time}").place(&VALUES),
            (None, "acme.1405590001".to_owned())
        );
        assert_eq!(rule("* -> {user}/x").place(&VALUES).0.unwrap(), "_");
        let dots = Values {
            dataset: "..",
            ..VALUES
        };
        assert_eq!(rule("* -> a/{dataset}").place(&dots).1, "_");
    }

    #[test]
    fn a_wrong_rule_is_told_with_its_line() {
        for (text, told) in [
            ("", "there is no rule in it"),
            ("A -> a\nDELFOR* delfor", "line 2: there is no `->`"),
            ("-> a", "line 1: there is no pattern"),
            ("A -> ../a", "line 1: `..` cannot be part of a path"),
            ("A -> /etc/x", "line 1: `` cannot be part of a path"),
            (
                "A -> a/{sender}",
                "line 1: `{sender}` is no placeholder; there are {originator}",
            ),
            ("A -> a/{date", "line 1: there is no `}`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(told), "{text:?}: {error}");
        }
    }
}
