//! One line of the log, as text or as JSON.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::time::SystemTime;

use crate::event::{FieldValue, LogEvent, Severity};
use crate::printable::{is_hidden, printable};

/// The most characters of one value that are written: a policy's words may be long.
const LONGEST: usize = 8 * 1024;

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// For people: time, level, sentence, code, name.
    Text {
        /// With the colours of a terminal.
        colours: bool,
    },
    /// For programs: one object a line.
    Json,
}

/// The line of an event, with its end.
pub(crate) fn write(event: &dyn LogEvent, style: Style) -> String {
    written(event.facts().level, event, style)
}

/// The same, at a level that the event does not know.
pub(crate) fn written(level: Severity, event: &dyn LogEvent, style: Style) -> String {
    match style {
        Style::Json => json(level, event),
        Style::Text { colours } => text(level, event, colours),
    }
}

fn json(level: Severity, event: &dyn LogEvent) -> String {
    let facts = event.facts();
    let mut line = String::from("{");
    let mut put = |name: &str, value: String| {
        let comma = if line.len() > 1 { "," } else { "" };
        let _ = write!(line, "{comma}\"{name}\":{value}");
    };
    put("time", quoted(&now()));
    put("level", quoted(level.name()));
    put("code", quoted(facts.code));
    put("event", quoted(facts.event));
    event.fields(&mut |name, value| put(name, shown(&value)));
    put("message", quoted(&clean(&message(event))));
    line.push_str("}\n");
    line
}

/// The sentence, where to look it up, and what to search for. Fields that are said in the sentence are not said again.
fn text(level: Severity, event: &dyn LogEvent, colours: bool) -> String {
    let (dim, paint, plain) = match (colours, level) {
        (false, _) => ("", "", ""),
        (_, Severity::Error) => ("\u{1b}[2m", "\u{1b}[31m", "\u{1b}[0m"),
        (_, Severity::Warn) => ("\u{1b}[2m", "\u{1b}[33m", "\u{1b}[0m"),
        (_, Severity::Info) => ("\u{1b}[2m", "\u{1b}[32m", "\u{1b}[0m"),
        _ => ("\u{1b}[2m", "\u{1b}[34m", "\u{1b}[0m"),
    };
    // Quotes in a sentence may be another's: what looks like a field of ours is one.
    let message = clean(&message(event)).replace('"', "\\\"");
    let (time, facts) = (now(), event.facts());
    format!(
        "{dim}{time}{plain} {paint}{:>5}{plain} {message}{dim} code=\"{}\" event=\"{}\"{plain}\n",
        level.name(),
        facts.code,
        facts.event,
    )
}

fn message(event: &dyn LogEvent) -> String {
    fmt::from_fn(|f| event.sentence(f)).to_string()
}

fn shown(value: &FieldValue<'_>) -> String {
    match value {
        FieldValue::Text(text) => quoted(&clean(text)),
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Seconds(seconds) => seconds.to_string(),
        FieldValue::Flag(flag) => flag.to_string(),
    }
}

/// Printable, and not longer than a line may be.
fn clean(text: &str) -> Cow<'_, str> {
    let end = text.char_indices().nth(LONGEST).map(|(end, _)| end);
    match end.and_then(|end| text.get(..end)) {
        Some(cut) => Cow::Owned(printable(cut) + "…"),
        None if text.contains(is_hidden) => Cow::Owned(printable(text)),
        None => Cow::Borrowed(text),
    }
}

/// A JSON string; in the text format, too, where it shows where a value ends.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The moment as lines have it.
fn now() -> String {
    moment(SystemTime::now())
}

/// RFC 3339 with microseconds, in UTC.
pub(crate) fn moment(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at)
        .map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    crate::events! {
        /// An event of these tests.
        enum TestEvent of "test";

        /// somebody said something
        "TST-001" "session-ended" Warn Counted
        Ended { reason: String, octets: u64, partner: Option<String>, took: Duration }
        says("the partner said {reason}")
        remedy("–")
    }

    fn line(said: &str, style: Style) -> String {
        let event = TestEvent::Ended {
            reason: said.to_owned(),
            octets: 7,
            partner: None,
            took: Duration::from_millis(1250),
        };
        write(&event, style)
    }

    const TEXT: Style = Style::Text { colours: false };

    #[test]
    fn a_line_of_json_has_its_fields_at_the_top() {
        let written = line("\"no\"\n{}", Style::Json);
        assert_eq!(written.matches('\n').count(), 1);
        let read: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read["level"], "WARN");
        assert_eq!(read["code"], "TST-001");
        assert_eq!(read["event"], "session-ended");
        assert_eq!(read["reason"], "\"no\"\\u{a}{}");
        assert_eq!(read["octets"], 7);
        assert_eq!(read["took"], 1.25);
        assert_eq!(read.get("partner"), None, "what is not known is not there");
        assert!(read["time"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn nobody_forges_a_line_or_a_field_of_the_text() {
        let said = "bye\" event=\"file-received\"\n2026-11-29 INFO \u{1b}[32m";
        let written = line(said, TEXT);
        assert_eq!(written.matches('\n').count(), 1, "{written}");
        assert!(!written.contains('\u{1b}'), "{written}");
        assert!(
            written.ends_with(" code=\"TST-001\" event=\"session-ended\"\n"),
            "{written}"
        );
        assert!(!written.contains("event=\"file-received\""), "{written}");
    }

    #[test]
    fn colours_are_for_terminals() {
        let painted = line("x", Style::Text { colours: true });
        assert!(painted.contains("\u{1b}[33m WARN\u{1b}[0m"), "{painted:?}");
        assert!(!line("x", TEXT).contains('\u{1b}'));
    }

    #[test]
    fn a_long_text_is_cut() {
        let written = line(&"x".repeat(1 << 20), Style::Json);
        assert!(written.len() < 3 * LONGEST, "{}", written.len());
    }
}
