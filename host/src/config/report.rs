//! What is wrong with a configuration, shown at its place.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::secret;
use super::text::Foreign;

/// A configuration that cannot be used, and why.
#[derive(Clone, Debug)]
pub struct ConfigError {
    path: PathBuf,
    text: String,
    message: String,
    help: Option<String>,
    /// Line and column, from 1.
    place: Option<(usize, usize)>,
}

impl ConfigError {
    pub(super) fn new(path: &Path, text: &str, error: &serde_yaml::Error) -> Self {
        let place = error.location().map(|place| (place.line(), place.column()));
        let (message, help) = explain(&error.to_string());
        Self {
            path: path.to_owned(),
            // Whatever is wrong in a line, and with a password, too, is said; what the password is, is not.
            text: secret::masked(text),
            message,
            help,
            place,
        }
    }

    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        let help = Some("give the configuration with `-c FILE`, or make one: `pointsman demo` writes a complete example".to_owned());
        Self {
            path: path.to_owned(),
            text: String::new(),
            message: error.to_string(),
            help,
            place: None,
        }
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
        Self {
            path: path.to_owned(),
            text: String::new(),
            message,
            help: Some(help),
            place: None,
        }
    }

    /// Two parts of the configuration that do not go together.
    pub(super) fn whole(path: &Path, message: String) -> Self {
        Self {
            path: path.to_owned(),
            text: String::new(),
            message,
            help: None,
            place: None,
        }
    }

    /// Line and column of the place, from 1, where there is one.
    #[must_use]
    pub fn place(&self) -> Option<(usize, usize)> {
        self.place
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display().to_string();
        let title = Level::ERROR.primary_title(self.message.as_str());
        let mut group = match self.place.and_then(|place| span(&self.text, place)) {
            Some(span) => title.element(
                Snippet::source(self.text.as_str())
                    .path(path.as_str())
                    .annotation(AnnotationKind::Primary.span(span)),
            ),
            None => title.element(annotate_snippets::Origin::path(path.as_str())),
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        f.write_str(&Renderer::plain().render(&[group]))
    }
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
            Some(near) => format!("did you mean `{near}`?"),
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
    let message = message
        .replace("missing field", "missing key")
        .replace("invalid type: ", "")
        .replace("unit value", "nothing");
    (message, None)
}

fn similar(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(a, b)
}
