//! Names made of what a file says of itself: `%VirtualFileName%.%VirtualFileDate:yyyyMMdd%`.
//!
//! The macros are those of a class library for OFTP that is widely used, so that whoever comes from there may keep his
//! templates.

use jiff::Zoned;
use oftp::FileHeader;
use uuid::Uuid;

/// Every macro, as a hint for somebody who misspelt one.
const MACROS: [&str; 7] = [
    "VirtualFileName",
    "VirtualFileDate",
    "Originator",
    "Destination",
    "UserData",
    "CurrentTime",
    "GUID",
];

/// The whole of a virtual file's date: day, time, and the counter that tells files of one second apart.
const WHOLE_DATE: &str = "yyyyMMddHHmmssffff";

/// What `CurrentTime` is where nothing else is said.
const NOW: &str = "yyyyMMddHHmmss";

/// A file name with macros in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Name,
    Date(String),
    Originator,
    Destination,
    User,
    Now(String),
    Guid,
}

impl Template {
    /// Reads a template; `%%` is one `%`.
    ///
    /// # Errors
    /// A macro that there is not, or one that does not end.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a file name cannot be empty".to_owned());
        }
        Self::read(text, true)
    }

    /// The same of a policy's name for this file, in which a `%` that begins no macro is a `%`. Where the SFID has a `%`
    /// in a text, the policy may have put that into the name, and a macro in it might be the partner's: then each `%` of
    /// the name is one.
    #[must_use]
    pub fn of_policy(text: &str, header: &FileHeader) -> Self {
        if has_sign(header) {
            return Self(vec![Part::Text(text.to_owned())]);
        }
        Self::read(text, false).unwrap_or_default()
    }

    fn read(text: &str, strict: bool) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('%') {
            parts.push(Part::Text(before.to_owned()));
            let word = behind.split_once('%');
            let part = match word {
                Some(("", _)) => Some(Part::Text("%".to_owned())),
                Some((word, _)) => known(word),
                None => None,
            };
            rest = match (part, word) {
                (Some(part), Some((_, after))) => {
                    parts.push(part);
                    after
                }
                (None, Some((word, _))) if strict => return Err(unknown(word)),
                (_, None) if strict => {
                    return Err(format!("the macro `%{behind}` has no % at its end"));
                }
                // What ends no macro may begin one.
                _ => {
                    parts.push(Part::Text("%".to_owned()));
                    behind
                }
            };
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The name of this file. What its sender chose makes no folders; all else of making it safe is the caller's part.
    #[must_use]
    pub fn name(&self, header: &FileHeader) -> String {
        self.0.iter().map(|part| part.text(header)).collect()
    }
}

fn has_sign(header: &FileHeader) -> bool {
    let key = &header.key;
    let texts = [
        key.dataset.as_str(),
        key.originator.as_str(),
        key.destination.as_str(),
        header.user.as_str(),
        &header.description,
    ];
    texts.iter().any(|text| text.contains('%'))
}

impl Part {
    fn text(&self, header: &FileHeader) -> String {
        let key = &header.key;
        match self {
            Self::Text(text) => text.clone(),
            Self::Name => key.dataset.as_str().replace(['/', '\0'], "_"),
            Self::Date(pattern) => dated(pattern, key.stamp.date(), key.stamp.time()),
            Self::Originator => key.originator.as_str().replace(['/', '\0'], "_"),
            Self::Destination => key.destination.as_str().replace(['/', '\0'], "_"),
            Self::User => header.user.as_str().trim_end().replace(['/', '\0'], "_"),
            Self::Now(pattern) => {
                let now = Zoned::now();
                let (date, time) = (now.strftime("%Y%m%d"), now.strftime("%H%M%S%4f"));
                dated(pattern, &date.to_string(), &time.to_string())
            }
            Self::Guid => Uuid::now_v7().to_string(),
        }
    }
}

fn known(word: &str) -> Option<Part> {
    let (word, pattern) = match word.split_once(':') {
        Some((word, pattern)) => (word, Some(pattern)),
        None => (word, None),
    };
    match (word, pattern) {
        ("VirtualFileDate", pattern) => Some(Part::Date(pattern.unwrap_or(WHOLE_DATE).to_owned())),
        ("CurrentTime", pattern) => Some(Part::Now(pattern.unwrap_or(NOW).to_owned())),
        ("VirtualFileName", None) => Some(Part::Name),
        ("Originator", None) => Some(Part::Originator),
        ("Destination", None) => Some(Part::Destination),
        ("UserData", None) => Some(Part::User),
        ("GUID", None) => Some(Part::Guid),
        _ => None,
    }
}

fn unknown(word: &str) -> String {
    let stem = word.split(':').next().unwrap_or(word);
    let near = MACROS
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(known, stem), known))
        .min()
        .filter(|(distance, _)| *distance <= 4);
    let hint = near.map_or_else(
        || format!("there are {}", MACROS.join(", ")),
        |(_, near)| format!("did you mean %{near}%?"),
    );
    format!("`%{word}%` is no macro; {hint}")
}

/// A date (`20261125`) and a time (`0815300001`) as the pattern has them: `yyyy`, `yy`, `MM`, `dd`, `HH`, `mm`, `ss`,
/// and `ffff` for the counter; everything else stays.
fn dated(pattern: &str, date: &str, time: &str) -> String {
    const TOKENS: [(&str, usize, usize); 8] = [
        ("yyyy", 0, 4),
        ("yy", 2, 4),
        ("MM", 4, 6),
        ("dd", 6, 8),
        ("HH", 8, 10),
        ("mm", 10, 12),
        ("ss", 12, 14),
        ("ffff", 14, 18),
    ];
    let whole = format!("{date}{time}");
    let mut text = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let token = TOKENS.iter().find(|(token, _, _)| rest.starts_with(token));
        let taken = match token {
            Some((token, from, to)) => {
                text.push_str(whole.get(*from..*to).unwrap_or_default());
                token.len()
            }
            None => {
                text.push(first);
                first.len_utf8()
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use oftp::{DatasetName, FileKey, FileStamp, OdetteId, UserData};

    fn header() -> Result<FileHeader, oftp::InvalidField> {
        let key = FileKey {
            dataset: DatasetName::new("DELFOR")?,
            stamp: FileStamp::new("20261125", "0815300007")?,
            originator: OdetteId::new("O0013THEM")?,
            destination: OdetteId::new("O0013US")?,
        };
        let mut header = FileHeader::plain(key, 1);
        header.user = UserData::from_wire(b"AB12    ")?;
        Ok(header)
    }

    #[test]
    fn each_macro_becomes_what_the_file_says() -> Result<(), Box<dyn std::error::Error>> {
        let header = header()?;
        let name = |template: &str| Template::parse(template).map(|made| made.name(&header));
        assert_eq!(name("%VirtualFileName%.edi")?, "DELFOR.edi");
        assert_eq!(name("%VirtualFileDate%")?, "202611250815300007");
        assert_eq!(
            name("%VirtualFileDate:yy-MM-dd_HH.mm.ss.ffff%")?,
            "26-11-25_08.15.30.0007"
        );
        assert_eq!(
            name("%Originator%-%Destination%-%UserData%")?,
            "O0013THEM-O0013US-AB12"
        );
        assert_eq!(name("100%%")?, "100%");
        assert_eq!(name("%CurrentTime:yyyy%")?.len(), 4);
        assert_eq!(name("%CurrentTime%")?.len(), 14);
        assert_ne!(name("%GUID%")?, name("%GUID%")?);
        Ok(())
    }

    #[test]
    fn an_operator_hears_of_a_misspelt_macro_and_a_policy_may_use_the_sign()
    -> Result<(), Box<dyn std::error::Error>> {
        let header = header()?;
        for (wrong, hint) in [
            ("%VirtualFilename%", "did you mean %VirtualFileName%"),
            ("%Filename%x%", "there are"),
            ("%GUID", "no % at its end"),
            ("", "empty"),
        ] {
            let said = Template::parse(wrong).err().unwrap_or_default();
            assert!(said.contains(hint), "{wrong}: {said}");
        }
        for plain in ["50% off", "a%b%c", "%"] {
            assert_eq!(Template::of_policy(plain, &header).name(&header), plain);
        }
        for mixed in [
            "in-%VirtualFileName%",
            "50%-%VirtualFileName%",
            "%VirtualFileName% 5%",
        ] {
            let expected = mixed.replace("%VirtualFileName%", "DELFOR");
            assert_eq!(Template::of_policy(mixed, &header).name(&header), expected);
        }
        Ok(())
    }

    #[test]
    fn what_a_partner_wrote_is_no_macro() -> Result<(), Box<dyn std::error::Error>> {
        let mut described = header()?;
        described.description = "50% of %GUID%".to_owned();
        let mut named = header()?;
        named.key.dataset = DatasetName::as_is("%GUID%")?;
        for header in [described, named] {
            let name = "%GUID%-%VirtualFileName%";
            assert_eq!(Template::of_policy(name, &header).name(&header), name);
        }
        Ok(())
    }
}
