//! Checks that a decision can be carried out: an answer of a policy is trusted no more than octets from the wire.

use std::ops::RangeInclusive;

use crate::bindings::types::{
    FileTerms, QueueTerms, Refusal, ResponseTerms, SessionTerms, TurnTerms,
};

/// Texts to the partner, or to whoever queues a file: three digits of length, so 999 octets (RFC 5024 section 5.3.5).
const LONGEST_TEXT: usize = 999;
const LONGEST_LOG_TEXT: usize = 4 << 10;
const LONGEST_PATH: usize = 1024;
const LONGEST_NAME: usize = 255;
const LONGEST_LABEL: usize = 256;
const MOST_LABELS: usize = 64;
const MOST_FILES: usize = 1000;
const LONGEST_DELAY: u32 = 30 * 24 * 3600;

/// Collects the first thing that is wrong with a decision.
pub(crate) struct Rules {
    output_left: usize,
    wrong: Option<String>,
}

impl Rules {
    /// `output`: octets of all texts together.
    pub(crate) fn new(output: usize) -> Self {
        Rules {
            output_left: output,
            wrong: None,
        }
    }

    /// The first mistake, as a text.
    pub(crate) fn verdict(self) -> Result<(), String> {
        self.wrong.map_or(Ok(()), Err)
    }

    pub(crate) fn session_terms(&mut self, terms: &SessionTerms) {
        if let Some(name) = &terms.partner {
            self.text("partner", name, 1..=LONGEST_NAME);
        }
        if let Some(id) = &terms.ssid_code {
            self.odette_id("ssid-code", id);
        }
        if let Some(level) = terms.level {
            self.require("level", matches!(level, 1 | 2 | 4 | 5), || {
                format!("{level} is no protocol level; there are 1, 2, 4 and 5")
            });
        }
        if let Some(size) = terms.buffer_size {
            self.range("buffer-size", size, 128..=99_999);
        }
        if let Some(credit) = terms.credit {
            self.range("credit", credit, 1..=999);
        }
        if let Some(seconds) = terms.idle_timeout {
            self.range("idle-timeout", seconds, 1..=86_400);
        }
        self.place(terms.directory.as_ref(), None);
        self.labels(&terms.labels);
    }

    pub(crate) fn file_terms(&mut self, terms: &FileTerms) {
        self.place(terms.directory.as_ref(), terms.file_name.as_ref());
        self.labels(&terms.labels);
    }

    pub(crate) fn response_terms(&mut self, terms: &ResponseTerms) {
        self.place(terms.directory.as_ref(), terms.file_name.as_ref());
        self.labels(&terms.labels);
    }

    pub(crate) fn turn_terms(&mut self, terms: &TurnTerms) {
        for (n, id) in terms.files.iter().flatten().enumerate() {
            self.require("files", n < MOST_FILES, || {
                format!("there are more than {MOST_FILES}")
            });
            self.text("files", id, 1..=LONGEST_NAME);
        }
    }

    pub(crate) fn queue_terms(&mut self, terms: &QueueTerms) {
        if let Some(suite) = terms.cipher_suite {
            self.range("cipher-suite", suite, 1..=99);
        }
        self.labels(&terms.labels);
    }

    pub(crate) fn later(&mut self, seconds: u32) {
        self.range("later", seconds, 0..=LONGEST_DELAY);
    }

    /// RFC 5024 section 5.3.11.
    pub(crate) fn esid(&mut self, refusal: &Refusal) {
        self.refusal("ESID", refusal, |r| matches!(r, 1..=12 | 99));
    }

    /// RFC 5024 section 5.3.5.
    pub(crate) fn sfna(&mut self, refusal: &Refusal) {
        self.refusal("SFNA", refusal, |r| matches!(r, 1..=6 | 10..=20 | 99));
    }

    /// RFC 5024 section 5.3.10.
    pub(crate) fn efna(&mut self, refusal: &Refusal) {
        self.refusal("EFNA", refusal, |r| matches!(r, 1..=6 | 10..=23 | 99));
    }

    /// RFC 5024 section 5.3.14.
    pub(crate) fn nerp(&mut self, refusal: &Refusal) {
        self.refusal(
            "NERP",
            refusal,
            |r| matches!(r, 3 | 4 | 9 | 11..=16 | 20..=36 | 50 | 90 | 99),
        );
    }

    /// A text for the log alone.
    pub(crate) fn log_text(&mut self, field: &str, text: &str) {
        self.text(field, text, 0..=LONGEST_LOG_TEXT);
    }

    /// A text for whoever queues a file.
    pub(crate) fn operator_text(&mut self, field: &str, text: &str) {
        self.text(field, text, 0..=LONGEST_TEXT);
    }

    fn refusal(&mut self, command: &str, refusal: &Refusal, known: fn(u8) -> bool) {
        let reason = refusal.reason;
        self.require("reason", known(reason), || {
            format!("{command} has no reason {reason:02}")
        });
        self.text("text", &refusal.text, 0..=LONGEST_TEXT);
    }

    fn place(&mut self, directory: Option<&String>, file_name: Option<&String>) {
        if let Some(path) = directory {
            self.directory("directory", path);
        }
        if let Some(name) = file_name {
            self.text("file-name", name, 1..=LONGEST_NAME);
            self.part("file-name", name);
        }
    }

    fn directory(&mut self, field: &str, path: &str) {
        self.text(field, path, 1..=LONGEST_PATH);
        for part in path.split('/') {
            self.part(field, part);
        }
    }

    /// Checks one part of a path, which must not lead upwards or elsewhere.
    fn part(&mut self, field: &str, part: &str) {
        let fine = !matches!(part, "" | "." | "..") && !part.contains(['/', '\\']);
        self.require(field, fine, || {
            format!("`{part}` cannot be part of a path: relative paths only, no empty part, `.`, `..` or backslash")
        });
        self.require(field, part.len() <= LONGEST_NAME, || {
            format!("a part of the path has more than {LONGEST_NAME} octets")
        });
    }

    fn odette_id(&mut self, field: &str, id: &str) {
        self.text(field, id, 1..=25);
        self.require(
            field,
            id.bytes().all(|b| b == b' ' || b.is_ascii_graphic()),
            || "an Odette ID is of printable ASCII characters".to_owned(),
        );
    }

    fn labels(&mut self, labels: &[(String, String)]) {
        self.require("labels", labels.len() <= MOST_LABELS, || {
            format!("there are {} of at most {MOST_LABELS}", labels.len())
        });
        for (name, value) in labels.iter().take(MOST_LABELS) {
            self.text("labels", name, 1..=LONGEST_LABEL);
            self.text("labels", value, 0..=LONGEST_LABEL);
        }
    }

    fn text(&mut self, field: &str, text: &str, length: RangeInclusive<usize>) {
        self.require(field, length.contains(&text.len()), || {
            format!(
                "it has {} octets, there must be {} to {}",
                text.len(),
                length.start(),
                length.end()
            )
        });
        self.require(field, !text.contains(char::is_control), || {
            "it has control characters".to_owned()
        });
        let left = self.output_left.checked_sub(text.len());
        self.require(field, left.is_some(), || {
            "all texts of the decision together are longer than a decision may be".to_owned()
        });
        self.output_left = left.unwrap_or(0);
    }

    fn range<T: PartialOrd + std::fmt::Display>(
        &mut self,
        field: &str,
        value: T,
        range: RangeInclusive<T>,
    ) {
        self.require(field, range.contains(&value), || {
            format!("{value} is not within {} to {}", range.start(), range.end())
        });
    }

    fn require(&mut self, field: &str, fine: bool, why: impl FnOnce() -> String) {
        if !fine && self.wrong.is_none() {
            self.wrong = Some(format!("`{field}`: {}", why()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong_path(path: &str) -> Option<String> {
        let mut rules = Rules::new(4096);
        rules.directory("directory", path);
        rules.verdict().err()
    }

    #[test]
    fn directories_stay_below_the_inbox() {
        for fine in ["in", "in/acme/2026", "späť/übung", "a b/c..d/.hidden"] {
            assert_eq!(wrong_path(fine), None, "{fine}");
        }
        for bad in [
            "", "/etc", "..", "in/../..", "in//x", "in/", "./in", "a\\b", "a\0b", "a\nb",
        ] {
            assert!(wrong_path(bad).is_some(), "{bad:?} was taken");
        }
        assert!(wrong_path(&"x".repeat(256)).is_some());
    }

    #[test]
    fn reasons_are_those_of_their_command() {
        let refusal = |reason| Refusal {
            reason,
            text: String::new(),
            retry: false,
        };
        let verdict = |rule: fn(&mut Rules, &Refusal), reason| {
            let mut rules = Rules::new(4096);
            rule(&mut rules, &refusal(reason));
            rules.verdict()
        };
        assert_eq!(verdict(Rules::esid, 8), Ok(()));
        assert_eq!(
            verdict(Rules::esid, 0),
            Err("`reason`: ESID has no reason 00".to_owned())
        );
        assert_eq!(verdict(Rules::sfna, 20), Ok(()));
        verdict(Rules::sfna, 21).unwrap_err();
        assert_eq!(verdict(Rules::efna, 23), Ok(()));
        verdict(Rules::efna, 7).unwrap_err();
        assert_eq!(verdict(Rules::nerp, 34), Ok(()));
        verdict(Rules::nerp, 1).unwrap_err();
    }

    #[test]
    fn the_first_fault_is_the_one_told() {
        let mut rules = Rules::new(10);
        rules.text("text", "far too long", 0..=999);
        rules.range("credit", 1000, 1..=999);
        assert_eq!(
            rules.verdict().unwrap_err(),
            "`text`: all texts of the decision together are longer than a decision may be"
        );
    }
}
