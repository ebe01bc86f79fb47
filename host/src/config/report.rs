//! What is wrong with a configuration, shown at its place.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::secret;
use super::text::Foreign;

/// How a report begins that names the key that was meant.
const MEANT: &str = "did you mean `";

/// What the library says where keys are meant.
const KEYS: [&str; 2] = ["expected struct ", "expected a map"];

/// A configuration that cannot be used, and why.
#[derive(Clone, Debug)]
pub struct ConfigError {
    path: PathBuf,
    text: String,
    /// One at least.
    mistakes: Vec<Mistake>,
}

/// One thing that is wrong with it.
#[derive(Clone, Debug)]
pub(super) struct Mistake {
    /// In the YAML library's words, where they are its.
    raw: String,
    message: String,
    help: Option<String>,
    /// Line and column, from 1.
    pub(super) place: Option<(usize, usize)>,
}

impl Mistake {
    pub(super) fn new(error: &serde_yaml::Error) -> Self {
        let raw = error.to_string();
        let (message, help) = explain(&raw);
        Self {
            raw,
            message,
            help,
            place: error.location().map(|place| (place.line(), place.column())),
        }
    }

    pub(super) fn at(place: Option<(usize, usize)>, message: String) -> Self {
        Self {
            raw: String::new(),
            message,
            help: None,
            place,
        }
    }

    pub(super) fn is_unknown_key(&self) -> bool {
        self.unknown_key().is_some()
    }

    fn unknown_key(&self) -> Option<&str> {
        let (_, rest) = self.raw.split_once("unknown field `")?;
        rest.split_once('`').map(|(key, _)| key)
    }

    /// Whether a value stands where keys are meant.
    fn is_misplaced(&self) -> bool {
        KEYS.iter().any(|keys| self.raw.contains(keys))
    }

    /// The key that was meant by an unknown one.
    pub(super) fn meant(&self) -> Option<&str> {
        let help = self.help.as_deref()?;
        help.strip_prefix(MEANT)?.strip_suffix("`?")
    }

    /// The key that should be there.
    pub(super) fn missing_key(&self) -> Option<&str> {
        let (_, rest) = self.raw.split_once("missing field `")?;
        rest.split_once('`').map(|(key, _)| key)
    }

    /// The key that is there twice.
    pub(super) fn twice(&self) -> Option<String> {
        let (_, rest) = self.raw.split_once("duplicate entry with key \"")?;
        rest.split_once('"').map(|(key, _)| key.to_owned())
    }
}

impl ConfigError {
    pub(super) fn new(path: &Path, text: &str, mistakes: Vec<Mistake>) -> Self {
        let unknown: Vec<&str> = mistakes.iter().filter_map(Mistake::unknown_key).collect();
        let misplaced = mistakes.iter().filter(|mistake| mistake.is_misplaced());
        let misplaced: Vec<_> = misplaced.filter_map(|mistake| mistake.place).collect();
        Self {
            path: path.to_owned(),
            // Whatever is wrong in a line, and with a password, too, is said; what the password is, is not.
            text: secret::masked(text, &unknown, &misplaced),
            mistakes,
        }
    }

    /// One that is wrong as a whole.
    fn whole(path: &Path, message: String, help: String) -> Self {
        let help = Some(help);
        let mistakes = vec![Mistake {
            help,
            ..Mistake::at(None, message)
        }];
        Self {
            path: path.to_owned(),
            text: String::new(),
            mistakes,
        }
    }

    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        let help = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                "the user that runs this program must be allowed to read it (chown, chmod), and to pass the folders above"
            }
            _ => {
                "give the configuration with `-c FILE`, or make one: `pointsman demo` writes a complete example"
            }
        };
        Self::whole(path, error.to_string(), help.to_owned())
    }

    /// A file in another encoding. Its line is not shown: it may hold a password, and its letters are not what they seem.
    pub(super) fn not_utf_8(path: &Path, foreign: Foreign) -> Self {
        let (line, column) = foreign.place;
        let message = format!(
            "{}:{line}:{column}: this file is not in UTF-8: the octet {:#04x} stands there, so it was probably saved in Latin-1 or Windows-1252",
            path.display(),
            foreign.octet
        );
        let help = format!(
            "save it in UTF-8 in your editor, or: iconv -f WINDOWS-1252 -t UTF-8 {} -o NEW.yaml",
            path.display()
        );
        Self::whole(path, message, help)
    }

    /// Line and column of the first mistake, from 1, where it has a place.
    #[must_use]
    pub fn place(&self) -> Option<(usize, usize)> {
        self.mistakes.first()?.place
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display().to_string();
        let reports: Vec<String> = self
            .mistakes
            .iter()
            .map(|mistake| report(mistake, &path, &self.text))
            .collect();
        f.write_str(&reports.join("\n\n"))
    }
}

fn report(mistake: &Mistake, path: &str, text: &str) -> String {
    let title = Level::ERROR.primary_title(mistake.message.as_str());
    let mut group = match mistake.place.and_then(|place| span(text, place)) {
        Some(span) => title.element(
            Snippet::source(text)
                .path(path)
                .annotation(AnnotationKind::Primary.span(span)),
        ),
        None => title.element(annotate_snippets::Origin::path(path)),
    };
    if let Some(help) = &mistake.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    Renderer::plain().render(&[group])
}

/// The octets of the word that stands at a line and column.
fn span(text: &str, (line, column): (usize, usize)) -> Option<std::ops::Range<usize>> {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.checked_sub(1)?)
        .map(str::len)
        .sum();
    let row = text.get(start..)?.lines().next()?;
    let from = row
        .char_indices()
        .nth(column.checked_sub(1)?)
        .map_or(row.len(), |(at, _)| at);
    let word = row.get(from..)?;
    let length = word
        .find([':', ' ', ','])
        .filter(|length| *length > 0)
        .unwrap_or(word.len());
    Some(start + from..start + from + length)
}

/// Puts the YAML library's words into an operator's.
fn explain(raw: &str) -> (String, Option<String>) {
    let message = raw
        .rsplit_once(" at line ")
        .map_or(raw, |(message, _)| message);
    if let Some((before, (key, expected))) = message
        .split_once("unknown field `")
        .and_then(|(b, rest)| Some((b, rest.split_once('`')?)))
    {
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let near = known
            .iter()
            .max_by(|a, b| similar(key, a).total_cmp(&similar(key, b)))
            .filter(|near| similar(key, near) > 0.7);
        let help = match near {
            Some(near) => format!("{MEANT}{near}`?"),
            None => format!("the keys here are: {}", known.join(", ")),
        };
        return (format!("{before}unknown key `{key}`"), Some(help));
    }
    if let Some((before, key)) = message.split_once("duplicate entry with key ") {
        return (
            format!("{before}the key {key} stands here twice"),
            Some("remove one of the two".to_owned()),
        );
    }
    if let Some((before, _)) = message.split_once("expected a boolean") {
        return (
            said(before) + "a switch is meant here",
            Some("write `true` or `false`".to_owned()),
        );
    }
    if let Some((before, _)) = message.split_once("expected a sequence") {
        return (
            said(before) + "a list is meant here",
            Some(
                "write it in brackets, `[a, b]`, or each of it on a line of its own behind `- `"
                    .to_owned(),
            ),
        );
    }
    if let Some((before, _)) = KEYS.iter().find_map(|keys| message.split_once(keys)) {
        return (
            said(before) + "keys and their values are meant here",
            Some("write each as `key: value` on a line of its own, indented more than the key they belong to".to_owned()),
        );
    }
    (said(message), None)
}

/// The library's words for what it found, without the value itself: it may be a secret that stands where it does not belong.
fn said(message: &str) -> String {
    let message = message.replace("missing field", "missing key");
    let Some((before, found)) = message.split_once("invalid type: ") else {
        return message;
    };
    // What was expected comes last; the value before it may have any words.
    let (found, expected) = found.rsplit_once(", ").unwrap_or((found, ""));
    let found = match found.split_once([' ', '`']) {
        Some(("unit", _)) => "nothing",
        Some(("string", _)) => "a text",
        Some(("integer" | "floating", _)) => "a number",
        Some(("boolean", _)) => "`true` or `false`",
        _ => found,
    };
    format!("{before}{found}, {expected}")
}

fn similar(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(a, b)
}
