//! Texts of others, shown so that they stay on their line.

use std::fmt::{self, Write};

/// Shows a text so that it cannot look like something else: line ends, escapes, marks that turn the direction of writing
/// and characters that nobody sees are shown by their number, as `\u{a}`.
#[must_use]
pub fn printable(text: &str) -> String {
    Printable(&text).to_string()
}

/// The same, for what is shown.
pub struct Printable<'a>(pub &'a dyn fmt::Display);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Through(f), "{}", self.0)
    }
}

/// JSON whose strings hold nothing that a terminal obeys: the same value, with such characters as JSON escapes. The line
/// ends between its values stay.
#[must_use]
pub fn printable_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if is_hidden(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // A string takes everything.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

struct Through<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Through<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, hidden)) = rest.char_indices().find(|(_, c)| is_hidden(*c)) {
            let (shown, from) = rest.split_at(at);
            self.0.write_str(shown)?;
            write!(self.0, "{}", hidden.escape_unicode())?;
            rest = from.get(hidden.len_utf8()..).unwrap_or_default();
        }
        self.0.write_str(rest)
    }
}

/// Controls (line ends and escapes among them), and what Unicode has for turning, joining and hiding text.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_on_its_line_and_does_not_paint() {
        let text = "FAKE\n2026\r\u{1b}[31m\u{9b}31m\u{202e}\u{2066}\u{200b}\u{feff}\u{e0041}ende";
        let shown = printable(text);
        assert!(!shown.chars().any(is_hidden), "{shown:?}");
        assert!(
            shown.starts_with("FAKE\\u{a}2026\\u{d}\\u{1b}[31m"),
            "{shown}"
        );
        assert!(shown.ends_with("ende"), "{shown}");
        assert_eq!(shown, printable(&shown), "what is printable stays as it is");
        assert_eq!(
            printable("Müller & Söhne → „Werk 2“"),
            "Müller & Söhne → „Werk 2“"
        );
    }

    #[test]
    fn json_says_the_same_and_does_not_paint() {
        let text = "a\n\u{1b}[31m\u{9b}31m\u{202e}\u{e0041}ä";
        let json = serde_json::to_string_pretty(&[text]).unwrap();
        let shown = printable_json(&json);
        let painted = |c: char| is_hidden(c) && c != '\n';
        assert!(!shown.contains(painted), "{shown:?}");
        let read: Vec<String> = serde_json::from_str(&shown).unwrap();
        assert_eq!(read, [text]);
    }
}
