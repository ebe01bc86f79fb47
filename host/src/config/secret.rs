//! Masks in reports on the configuration the values of keys that hold secrets, or that were probably meant to.

/// The ends of names of keys whose values are secrets.
const SECRETS: [&str; 4] = ["password", "passphrase", "secret", "token"];

/// Usual abbreviations of "password", and the key whose value may be a private key.
const WHOLE: [&str; 5] = ["pw", "pwd", "psw", "pswd", "inline"];

/// Keys of the configuration that resemble those of secrets, and whose values are none.
const NO_SECRETS: [&str; 2] = ["security", "file_security"];

/// A place at which a possible secret begins, whatever is before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hidden {
    /// Line and column, from 1.
    pub(super) line: usize,
    pub(super) column: usize,
    /// How many columns its key is indented, where that differs from its line: text that is indented more belongs to
    /// it.
    pub(super) owner: Option<usize>,
}

/// The text, with the same number of octets, and with stars for the value of every key that holds a secret. It is
/// masked by lines and not by YAML, since the mistake may be that it is not YAML: behind a word that is a secret key,
/// the line and all lines that belong to it are hidden. The same holds for keys that resemble secret ones, and for
/// `unknown` keys, which may have been meant as secret ones. Text is also `hidden` by its place: behind an unknown key
/// in any spelling, or in the place of keys, such as a password where the keys of its partner should be.
pub(super) fn masked(text: &str, unknown: &[&str], hidden: &[Hidden]) -> String {
    let mut hiding = None;
    let mut masked = String::with_capacity(text.len());
    let mut open = 0;
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let of_line = hidden.iter().filter(|one| one.line == at + 1);
        let first = of_line.min_by_key(|one| one.column);
        let from = first.map_or(line.len(), |one| octet(line, one.column));
        let (before, value) = line.split_at(from);
        masked += &mask_line(before, unknown, open > 0, &mut hiding);
        if let Some(first) = first {
            let indent = line.len() - line.trim_start().len();
            let value = value.trim_start_matches(['"', '\'', ':', ' ', '\t']);
            let opened = line.get(from..line.len() - value.len()).unwrap_or_default();
            let beside_key = opened.split_once(':').map_or(opened, |(_, after)| after);
            let mark = beside_key.chars().find(is_mark);
            hiding = Some(Hiding {
                column: first.owner.unwrap_or(indent),
                awaited: is_awaited(value),
                quoted: mark.filter(|mark| !value.contains(*mark)),
            });
            masked += opened;
            masked += &stars(value);
        }
        open = still_open(line, open);
    }
    masked
}

/// How many braces and brackets are open behind the line, where `before` were open before it. A key at the margin
/// closes all: some of them were parts of texts.
fn still_open(line: &str, before: usize) -> usize {
    let (key, rest) = line.split_at(line.find(|c| !is_part_of_key(c)).unwrap_or(line.len()));
    let is_key = !key.is_empty() && rest.starts_with(':');
    let open = if is_key { 0 } else { before };
    line.chars().fold(open, |open, c| match c {
        '{' | '[' => open + 1,
        '}' | ']' => open.saturating_sub(1),
        _ => open,
    })
}

/// The text, with the same number of octets, and with stars for everything but the key at the beginning of a line. It
/// is for text that is not YAML, in which values cannot be recognized, such as a `password` with a line break in it.
pub(super) fn keys_alone(text: &str) -> String {
    text.split_inclusive('\n').map(key_alone).collect()
}

fn key_alone(line: &str) -> String {
    let begins = line.len() - line.trim_start_matches([' ', '-']).len();
    let (before, rest) = line.split_at(begins);
    let length = rest.find(|c| !is_part_of_key(c)).unwrap_or(rest.len());
    let (key, value) = rest.split_at(length);
    match value.strip_prefix(':') {
        Some(value) if value.is_empty() || value.starts_with(char::is_whitespace) => {
            format!("{before}{key}:{}", stars(value))
        }
        _ => format!("{before}{}", stars(rest)),
    }
}

/// The octet at which the character of this column, from 1, begins in the line.
fn octet(line: &str, column: usize) -> usize {
    let mut characters = line.char_indices().skip(column.saturating_sub(1));
    characters.next().map_or(line.len(), |(at, _)| at)
}

/// The value of a secret that continues on the next line.
#[derive(Clone, Copy, Debug)]
struct Hiding {
    /// Where its key begins: text that is indented more belongs to it.
    column: usize,
    /// Nothing of the value was on the line of its key, so the next line belongs to it, however it is indented.
    awaited: bool,
    /// The quotation mark that is still open.
    quoted: Option<char>,
}

/// Inside braces that are open before the line, a text may continue on it, however it is indented.
fn mask_line(line: &str, unknown: &[&str], in_braces: bool, hiding: &mut Option<Hiding>) -> String {
    if line.trim().is_empty() {
        return line.to_owned();
    }
    let indent = line.len() - line.trim_start().len();
    if let Some(before) = *hiding
        && (indent > before.column || before.awaited || before.quoted.is_some() || in_braces)
    {
        let quoted = before.quoted.filter(|mark| !line.contains(*mark));
        *hiding = Some(Hiding {
            quoted,
            awaited: false,
            ..before
        });
        // A key of a secret may follow in the line after an empty one.
        if let Some((_, begun)) = begin(line, unknown) {
            *hiding = Some(Hiding {
                column: begun.column.min(before.column),
                ..begun
            });
        }
        return stars(line);
    }
    *hiding = None;
    let Some((from, begun)) = begin(line, unknown) else {
        return line.to_owned();
    };
    *hiding = Some(begun);
    let (shown, hidden) = line.split_at(from);
    shown.to_owned() + &stars(hidden)
}

/// Where the value of a secret begins in this line, and how it may continue on the next.
fn begin(line: &str, unknown: &[&str]) -> Option<(usize, Hiding)> {
    let end = words(line).filter_map(|(at, word)| Some(at + end_of_secret(word, unknown)?));
    let end = end.min()?;
    let (key, value) = line.split_at(end);
    // What is no part of the key's name, as `- ` or `{`, stands before it.
    let name = key.rfind(|c| !is_part_of_key(c));
    let column = name.map_or(0, |before| before + 1);
    let value = value.trim_start_matches(['"', '\'', ':', ' ', '\t']);
    let from = line.len() - value.len();
    let opened = line.get(end..from).unwrap_or_default();
    let mark = opened
        .split_once(':')
        .and_then(|(_, after)| after.chars().find(is_mark));
    let quoted = mark.filter(|mark| !value.contains(*mark));
    let awaited = is_awaited(value);
    Some((
        from,
        Hiding {
            column,
            awaited,
            quoted,
        },
    ))
}

/// Where in this word the key of a secret ends: behind it, or behind a part of it that is one.
fn end_of_secret(word: &str, unknown: &[&str]) -> Option<usize> {
    if NO_SECRETS.contains(&word) && !unknown.contains(&word) {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    let parts = SECRETS.iter();
    let ends = parts.filter_map(|part| lower.find(part).map(|at| at + part.len()));
    let whole = (seems_secret(word) || unknown.contains(&word)).then_some(word.len());
    ends.chain(whole).min()
}

/// Whether nothing of the value is on the line of its key except a mark that lines follow (`>-`, `|`).
fn is_awaited(value: &str) -> bool {
    let of_blocks = |c: char| matches!(c, '>' | '|' | '-' | '+') || c.is_ascii_digit();
    let value = value.trim();
    let is_block = value.starts_with(['>', '|']) && value.trim_matches(of_blocks).is_empty();
    value.is_empty() || is_block
}

/// Whether names of keys may have this character.
pub(super) fn is_part_of_key(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

fn is_mark(c: &char) -> bool {
    matches!(c, '"' | '\'')
}

/// The words of a line that may be keys, and where each begins.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    line.split_inclusive(|c| !is_part_of_key(c))
        .map(move |piece| {
            let begins = at;
            at += piece.len();
            (begins, piece.trim_end_matches(|c| !is_part_of_key(c)))
        })
        .filter(|(_, word)| !word.is_empty())
}

/// Whether the word was probably meant as the key of a secret: `pasword`, `our_passwort`, `pwd`.
fn seems_secret(word: &str) -> bool {
    let word = word.to_lowercase();
    let last = word.rsplit(['_', '-']).next().unwrap_or_default();
    let is_like = |secret: &&str| strsim::jaro_winkler(last, secret) > 0.85;
    last.starts_with("pass") || WHOLE.contains(&last) || SECRETS.iter().any(is_like)
}

/// Stars for everything but white space, so that the other text keeps its place.
fn stars(text: &str) -> String {
    let star = |c: char| match c.is_whitespace() {
        true => c.to_string(),
        false => "*".repeat(c.len_utf8()),
    };
    text.chars().map(star).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All text in capital letters is secret here.
    #[test]
    fn no_value_of_a_secret_is_left() {
        for text in [
            "password: SECRET",
            "  password: SECRET, WITH: MORE } AND MORE # AND",
            "  our_password: ${file:A}B",
            "  password:SECRET",
            "  password SECRET",
            "{ssid: x, password: SECRET, tls: maybe}",
            "{ssid: x, \"password\": \"SECRET",
            "a: {password:\nSECRET}\nb: shown",
            "a: {password: SE\nCRET, x: MORE}\nb: shown",
            "  a: {\n    password: SE\n  CRET}\n  b: shown",
            "  password:\n    SECRET\n    MORE\n  ssid: x",
            "  password: |\n    SECRET\n\n    MORE\n  ssid: x",
            "  password: \"SECRET\nMORE\nAND MORE\"\nssid: x",
            "  'password' : 'SECRET\n MORE'\n",
            "  password:\n  our_password: SECRET\n",
            "  password:\n    our_password: SECRET\n    x: SECRET\n",
            "- password: \u{c4}NDERUNG\u{2028}SECRET\n",
            "      api_token: SECRET",
            "  pasword: SECRET",
            "{our_passwort: SECRET, ssid: x}",
            "  pwd: SECRET\n",
            "  - inline: |\n      SECRET\n      MORE\n    for: [signing]\n",
            "  phrase-of-ours: SECRET\n",
        ] {
            let shown = masked(text, &["phrase-of-ours"], &[]);
            assert_eq!(shown.len(), text.len(), "{shown}");
            let left = shown.contains(|c: char| c.is_uppercase());
            assert!(!left, "{text:?} is shown as {shown:?}");
        }
    }

    #[test]
    fn the_rest_is_shown() {
        let page = include_str!("../../../docs/configuration.md");
        let (_, keys) = page.split_once("## The keys").unwrap();
        let keys = keys.split('`').skip(1).step_by(2);
        let plain = keys.filter(|key| SECRETS.iter().all(|secret| !key.contains(secret)));
        for text in ["  ssid: x\n", "storage:\n  state: state\n"]
            .into_iter()
            .chain(plain)
        {
            assert_eq!(masked(text, &[], &[]), text);
        }
        for text in [
            "    file_security: signed\n",
            "      send: {security: sgined, compress: true}\n",
            "      demand:\n        security: all\n",
        ] {
            assert_eq!(masked(text, &[], &[]), text);
        }
        let text = "{security: maybe, password: x}";
        assert_eq!(masked(text, &[], &[]), "{security: maybe, password: **");
        let text = "  password: x\n  ssid: y\n";
        assert_eq!(masked(text, &[], &[]), "  password: *\n  ssid: y\n");
        let text = "  - password: x\n    ssid: y\n";
        assert_eq!(masked(text, &[], &[]), "  - password: *\n    ssid: y\n");
        let text = "  p: x\n  q: \"x\n y\"\n  r: z\n";
        let hidden = [1, 2].map(|line| Hidden {
            line,
            column: 6,
            owner: None,
        });
        assert_eq!(
            masked(text, &[], &hidden),
            "  p: *\n  q: \"*\n **\n  r: z\n"
        );
    }
}
