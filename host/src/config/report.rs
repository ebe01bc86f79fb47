//! What is wrong with a configuration, shown at its place.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::braces;
use super::secret::{self, Hidden};
use super::text::Foreign;
use super::typed::Blame;

/// The beginning of a hint that names the key that was meant.
const MEANT: &str = "did you mean `";

/// The library's words where it expected keys.
const KEYS: [&str; 2] = ["expected struct ", "expected a map"];

/// A configuration that cannot be used, and why.
#[derive(Clone, Debug)]
pub struct ConfigError {
    path: PathBuf,
    text: String,
    /// One at least.
    mistakes: Vec<Shown>,
}

/// What is shown of a mistake.
#[derive(Clone, Debug)]
struct Shown {
    message: String,
    help: Option<String>,
    place: Option<(usize, usize)>,
}

/// One thing that is wrong with it. It may have a secret in it.
#[derive(Clone)]
pub(super) struct Mistake {
    /// In the YAML library's words, where they are its.
    raw: String,
    /// With [`KEY`] for the key that is wrong.
    message: String,
    /// A value that the message may quote, and the message without it.
    quoted: Option<(String, String)>,
    help: Option<String>,
    /// Line and column, from 1.
    pub(super) place: Option<(usize, usize)>,
    /// Whether the text is not YAML, so that keys and values in it cannot be distinguished.
    pub(super) is_syntax: bool,
}

/// A placeholder in a message for the wrong key.
const KEY: char = '\0';

impl Mistake {
    pub(super) fn new(error: &serde_yaml::Error) -> Self {
        let said = error.to_string();
        let (raw, quoted) = match Blame::find(&said) {
            Some((before, blame, after)) => {
                let silent = format!(
                    "{before}what stands here cannot be used, and is not shown, since it is not all on this line: {} is expected",
                    blame.expected
                );
                let raw = format!("{before}{}{after}", blame.error);
                (raw, Some((blame.text.to_owned(), silent)))
            }
            None => (said, None),
        };
        let (message, help) = explain(&raw);
        Self {
            raw,
            message,
            quoted,
            help,
            place: error.location().map(|place| (place.line(), place.column())),
            is_syntax: false,
        }
    }

    pub(super) fn at(place: Option<(usize, usize)>, message: String) -> Self {
        Self {
            raw: String::new(),
            message,
            quoted: None,
            help: None,
            place,
            is_syntax: false,
        }
    }

    pub(super) fn is_unknown_key(&self) -> bool {
        self.unknown_key().is_some()
    }

    fn unknown_key(&self) -> Option<&str> {
        unknown(&self.raw).map(|(_, key, _)| key)
    }

    /// Where a possible secret begins: behind an unknown key, as far as that is one word; at a value in the place of
    /// keys; or at a value that is not complete on its line, since a password whose key was lost is the end of the
    /// value above.
    fn hides(&self, text: &str) -> Option<Hidden> {
        let (line, column) = self.place?;
        let is_long = self.quoted.is_some() && !self.is_on_its_line(text);
        let owner = match (self.unknown_key(), self.is_misplaced() || is_long) {
            (Some(_), _) => Some(column - 1),
            (None, true) => None,
            (None, false) => return None,
        };
        let named = owner.and_then(|_| self.named(text)).unwrap_or_default();
        Some(Hidden {
            line,
            column: column + named.chars().count(),
            owner,
        })
    }

    /// Whether the value that the message quotes is on its line of the text, and so complete.
    fn is_on_its_line(&self, text: &str) -> bool {
        let value = self.quoted.as_ref().zip(self.place);
        value.is_some_and(|((value, _), (line, _))| {
            let row = text.lines().nth(line.saturating_sub(1));
            row.is_some_and(|row| row.contains(value))
        })
    }

    /// The unknown key as it is in the text, with the quotation mark before it, as far as it is one word. None where
    /// the text has something else at its place: in braces `password:SECRET` is one key, and of `!password: SECRET` the
    /// key is SECRET.
    fn named<'t>(&self, text: &'t str) -> Option<&'t str> {
        let key = word(self.unknown_key()?).filter(|key| !key.is_empty())?;
        let rest = text.get(braces::offset(text, self.place?.0, self.place?.1)?..)?;
        let bare = rest.trim_start_matches(['"', '\'']);
        let is_there = word(bare) == Some(key);
        let length = rest.len() - bare.len() + key.len();
        // A key without a value that resembles no known key may be the end of the value above it.
        let after = rest.get(length..)?.trim_start_matches(['"', '\'', ' ']);
        let is_key = after.starts_with(':') || self.meant().is_some();
        rest.get(..length).filter(|_| is_there && is_key)
    }

    /// The report on the mistake beside this text, which shows no secret.
    fn shown(&self, masked: &str) -> Shown {
        let key = match self.twice() {
            Some(key) => Some(format!("\"{key}\"")).filter(|_| masked.contains(&key)),
            None => self
                .named(masked)
                .map(|key| format!("`{}`", key.trim_start_matches(['"', '\'']))),
        };
        let message = match &self.quoted {
            Some((_, silent)) if !self.is_on_its_line(masked) => silent,
            _ => &self.message,
        };
        let message = match key {
            Some(key) => message.replace(KEY, &format!(" {key}")),
            None => message.replace(KEY, ""),
        };
        Shown {
            message: partner_shown(&message, masked),
            help: self.help.clone(),
            place: self.place,
        }
    }

    /// Whether there is a value in the place of keys.
    fn is_misplaced(&self) -> bool {
        KEYS.iter().any(|keys| self.raw.contains(keys))
    }

    /// The known key that was probably meant by an unknown one.
    pub(super) fn meant(&self) -> Option<&str> {
        let help = self.help.as_deref()?;
        help.strip_prefix(MEANT)?.split('`').next()
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
        let hidden = mistakes.iter().filter_map(|mistake| mistake.hides(text));
        // The report says what is wrong in a line, even with a password, and does not show the password.
        let masked = secret::masked(text, &unknown, &hidden.collect::<Vec<_>>());
        let masked = match mistakes.iter().any(|mistake| mistake.is_syntax) {
            true => secret::keys_alone(&masked),
            false => masked,
        };
        Self {
            path: path.to_owned(),
            mistakes: mistakes.iter().map(|one| one.shown(&masked)).collect(),
            text: masked,
        }
    }

    /// An error about the whole file.
    fn whole(path: &Path, message: String, help: String) -> Self {
        let help = Some(help);
        let mistakes = vec![Shown {
            message,
            help,
            place: None,
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

    /// A file in another encoding. Its line is not shown, since it may have a password and its letters cannot be read
    /// reliably.
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

fn report(mistake: &Shown, path: &str, text: &str) -> String {
    let title = Level::ERROR.primary_title(mistake.message.as_str());
    let place = mistake.place.map(|place| within(text, place));
    let mut group = match place.and_then(|place| span(text, place)) {
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

/// The place; where the text has no such line, since it ended too early, behind its last line.
fn within(text: &str, place: (usize, usize)) -> (usize, usize) {
    if place.0 <= text.lines().count() {
        return place;
    }
    let rows = text.lines().map(str::trim_end).enumerate();
    let last = rows.filter(|(_, row)| !row.is_empty()).last();
    last.map_or(place, |(at, row)| (at + 1, row.chars().count() + 1))
}

/// The range of octets of the word at a line and column.
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

/// Splits the library's message about an unknown key into the words before the key, the key, which may have any
/// characters, and the expected keys.
fn unknown(raw: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = raw.split_once("unknown field `")?;
    let (key, expected) = rest.rsplit_once("`, expected ")?;
    Some((before, key, expected))
}

/// The word that a text begins with.
fn word(text: &str) -> Option<&str> {
    text.split(|c| !secret::is_part_of_key(c)).next()
}

/// The message without the name of its partner, where the text does not show it: only that key may be any text.
fn partner_shown(message: &str, masked: &str) -> String {
    const PARTNERS: &str = "partners.";
    let Some((path, what)) = message.split_once(": ") else {
        return message.to_owned();
    };
    let name = path
        .strip_prefix(PARTNERS)
        .and_then(|path| path.split(['.', '[']).next());
    match name {
        Some(name) if !masked.contains(name) => format!("{PARTNERS}…: {what}"),
        _ => message.to_owned(),
    }
}

/// Rewrites a message of the YAML library for operators.
fn explain(raw: &str) -> (String, Option<String>) {
    let message = raw
        .rsplit_once(" at line ")
        .map_or(raw, |(message, _)| message);
    if let Some((before, key, expected)) = unknown(message) {
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let near = known
            .iter()
            .max_by(|a, b| similar(key, a).total_cmp(&similar(key, b)))
            .filter(|near| similar(key, near) > 0.7);
        let help = match near {
            Some(near) if key.starts_with(near) => format!(
                "{MEANT}{near}`? Between it and its value there are a colon and a blank: `{near}: VALUE`"
            ),
            Some(near) => format!("{MEANT}{near}`?"),
            None => format!("the keys here are: {}", known.join(", ")),
        };
        return (format!("{before}unknown key{KEY}"), Some(help));
    }
    if let Some((before, _)) = message.split_once("duplicate entry with key ") {
        return (
            format!("{before}the key{KEY} stands here twice"),
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

/// The library's words for what it found, without the value itself, which may be a misplaced secret.
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

#[cfg(test)]
mod tests {
    use super::super::{Needs, Plan};
    use super::*;

    const GOOD: &str = "version: 1
station:
  ssid: O0013000001HUB
  password: Qx7Zk9Wp
storage: {state: state, inbox: inbox}
partners:
  mueller:
    ssid: O0013000002M
    password: \"Hv3Lm8Ty\"
    our_password: Rj5Nc2Df
    session: {credit: 100}
  huber: {ssid: O0013000003H, password: Ub6Gs4Ka, sessions: 3}
limits: {guesses: 3}
";
    /// Passwords on lines of their own, and values of several kinds above them.
    const IN_BLOCKS: &str = "version: 1
station: {ssid: O0013000001HUB, password: 'Qx7Zk9Wp'}
storage: {state: state, inbox: inbox}
partners:
  mueller:
    ssid: O0013000002M
    sessions: 3
    password: >-
      Hv3Lm8Ty
    address: oftp.example.com:3305
    our_password:
      Rj5Nc2Df
    certificate: none.pem
  huber: {ssid: O0013000003H,
    password: Ub6Gs4Ka,
    sessions: 3}
limits: {guesses: 3}
";
    const SECRETS: [&str; 4] = ["Qx7Zk9Wp", "Hv3Lm8Ty", "Rj5Nc2Df", "Ub6Gs4Ka"];
    const SLIPS: &[char] = &[
        ':', '{', '}', '[', ']', '"', '\'', '#', '&', '*', '!', '|', '>', '-', '%', '@', '`', ',',
        '\t', '\n', ' ', '\\', '$', '~', '?', '=', '\u{e4}', '0', 'a', '/', ';',
    ];

    /// A generator of pseudo-random numbers that always gives the same ones.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % bound as u64) as usize
        }
    }

    /// Adds, removes or replaces one character, mostly near a password.
    fn slip(text: &mut Vec<char>, dice: &mut Dice) {
        let whole: String = text.iter().collect();
        let near = whole
            .find(SECRETS[dice.below(4)])
            .filter(|_| dice.below(3) > 0);
        let at = match near {
            Some(at) => (at + dice.below(30)).saturating_sub(18).min(text.len() - 1),
            None => dice.below(text.len()),
        };
        let other = SLIPS[dice.below(SLIPS.len())];
        match dice.below(3) {
            0 => text.insert(at, other),
            1 => drop(text.remove(at)),
            _ => text[at] = other,
        }
        // Or a line less.
        if dice.below(10) == 0 {
            let whole: String = text.iter().collect();
            let mut lines: Vec<&str> = whole.split('\n').collect();
            lines.remove(dice.below(lines.len()));
            *text = lines.join("\n").chars().collect();
        }
    }

    #[test]
    fn what_is_missing_at_the_end_is_shown_there() {
        for (end, line) in [
            ("limits: {guesses: 3", 13),
            ("limits: {guesses: 3\n\n", 13),
            ("limits: 'x\n", 13),
        ] {
            let text = GOOD.replace("limits: {guesses: 3}\n", end);
            let error = Plan::parse(Path::new("x.yaml"), &text, &Needs::Everything);
            let said = error.unwrap_err().to_string();
            let place = format!("x.yaml:{line}:");
            assert!(said.contains(&place) && said.contains("limits: "), "{said}");
        }
    }

    /// One line too many was deleted, so that the password is the end of the value above.
    #[test]
    fn a_password_whose_key_was_lost_is_not_shown_with_the_value_above() {
        for (key, place) in [
            ("    password: >-\n", "partners.mueller.sessions"),
            ("    our_password:\n", "partners.mueller.address"),
        ] {
            let text = IN_BLOCKS.replacen(key, "", 1);
            let error = Plan::parse(Path::new("x.yaml"), &text, &Needs::Everything);
            let said = error.unwrap_err().to_string();
            assert!(said.contains(place), "{said}");
            let shown = SECRETS.iter().find(|secret| said.contains(**secret));
            assert_eq!(shown, None, "{said}");
        }
        // What is all on its line is quoted.
        let text = IN_BLOCKS.replacen("sessions: 3", "sessions: many", 1);
        let error = Plan::parse(Path::new("x.yaml"), &text, &Needs::Everything);
        let said = error.unwrap_err().to_string();
        assert!(said.contains("`many`"), "{said}");
    }

    #[test]
    fn no_slip_of_the_keyboard_shows_a_piece_of_a_password() {
        let pieces: Vec<&str> = SECRETS
            .iter()
            .flat_map(|secret| (0..5).map(|at| &secret[at..at + 4]))
            .collect();
        let mut dice = Dice(1);
        let mut wrong = 0;
        for _ in 0..4000 {
            let good = if dice.below(2) == 0 { GOOD } else { IN_BLOCKS };
            let mut text: Vec<char> = good.chars().collect();
            for _ in 0..=dice.below(3) {
                slip(&mut text, &mut dice);
            }
            let text: String = text.into_iter().collect();
            let Err(error) = Plan::parse(Path::new("x.yaml"), &text, &Needs::Everything) else {
                continue;
            };
            wrong += 1;
            for said in [error.to_string(), format!("{error:?}")] {
                let shown = pieces.iter().find(|piece| said.contains(**piece));
                assert_eq!(shown, None, "{said}\nof\n{text}");
            }
        }
        assert!(wrong > 2000, "{wrong} had something wrong");
    }
}
