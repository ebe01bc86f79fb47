//! One line of the log, as text or as JSON.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::SystemTime;

use crate::printable::{is_hidden, printable};
use crate::value::{Level, Value};

/// The most characters of one value that are written: a policy's words may be long.
const LONGEST: usize = 8 * 1024;

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// For people: time, level, sentence, name, fields.
    Text {
        /// With the colours of a terminal.
        colours: bool,
    },
    /// For programs: one object a line.
    Json,
}

/// What a line says.
pub(crate) struct Line<'a> {
    pub level: Level,
    /// Its name, for searching; nothing where a library says something.
    pub event: &'a str,
    pub message: String,
    pub fields: Vec<(&'a str, Value<'static>)>,
}

impl Line<'_> {
    /// With its end.
    pub(crate) fn write(&self, style: Style) -> String {
        match style {
            Style::Json => self.json(),
            Style::Text { colours } => self.text(colours),
        }
    }

    fn json(&self) -> String {
        let mut line = String::from("{");
        let mut put = |name: &str, value: String| {
            let comma = if line.len() > 1 { "," } else { "" };
            let _ = write!(line, "{comma}\"{name}\":{value}");
        };
        put("time", quoted(&now()));
        put("level", quoted(self.level.name()));
        if !self.event.is_empty() {
            put("event", quoted(self.event));
        }
        for (name, value) in &self.fields {
            put(name, shown(value));
        }
        put("message", quoted(&clean(&self.message)));
        line.push_str("}\n");
        line
    }

    fn text(&self, colours: bool) -> String {
        let (dim, paint, plain) = match (colours, self.level) {
            (false, _) => ("", "", ""),
            (_, Level::Error) => ("\u{1b}[2m", "\u{1b}[31m", "\u{1b}[0m"),
            (_, Level::Warn) => ("\u{1b}[2m", "\u{1b}[33m", "\u{1b}[0m"),
            (_, Level::Info) => ("\u{1b}[2m", "\u{1b}[32m", "\u{1b}[0m"),
            _ => ("\u{1b}[2m", "\u{1b}[34m", "\u{1b}[0m"),
        };
        // Quotes in a sentence are another's: what looks like a field of ours is one.
        let message = clean(&self.message).replace('"', "\\\"");
        let (time, level) = (now(), self.level.name());
        let mut line = format!("{dim}{time}{plain} {paint}{level:>5}{plain} {message}{dim}");
        if !self.event.is_empty() {
            let _ = write!(line, " event={}", quoted(self.event));
        }
        for (name, value) in &self.fields {
            let _ = write!(line, " {name}={}", shown(value));
        }
        line.push_str(plain);
        line.push('\n');
        line
    }
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => quoted(&clean(text)),
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
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
    use super::*;

    fn line(said: &str) -> Line<'static> {
        Line {
            level: Level::Warn,
            event: "session-ended",
            message: format!("the partner said {said}"),
            fields: vec![
                ("reason", Value::Text(said.to_owned().into())),
                ("octets", Value::Number(7)),
            ],
        }
    }

    #[test]
    fn a_line_of_json_has_its_fields_at_the_top() {
        let written = line("\"no\"\n{}").write(Style::Json);
        assert_eq!(written.matches('\n').count(), 1);
        let read: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read["level"], "WARN");
        assert_eq!(read["event"], "session-ended");
        assert_eq!(read["reason"], "\"no\"\\u{a}{}");
        assert_eq!(read["octets"], 7);
        assert!(read["time"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn nobody_forges_a_line_or_a_field_of_the_text() {
        let said = "bye\" event=\"file-received\"\n2026-11-29 INFO \u{1b}[32m";
        let written = line(said).write(Style::Text { colours: false });
        assert_eq!(written.matches('\n').count(), 1, "{written}");
        assert!(!written.contains('\u{1b}'), "{written}");
        assert!(written.contains(" event=\"session-ended\" "), "{written}");
        assert!(!written.contains("event=\"file-received\""), "{written}");
    }

    #[test]
    fn colours_are_for_terminals() {
        assert!(
            line("x")
                .write(Style::Text { colours: true })
                .contains("\u{1b}[33m WARN\u{1b}[0m")
        );
        assert!(
            !line("x")
                .write(Style::Text { colours: false })
                .contains('\u{1b}')
        );
    }

    #[test]
    fn a_long_text_is_cut() {
        let written = line(&"x".repeat(1 << 20)).write(Style::Json);
        assert!(written.len() < 3 * LONGEST, "{}", written.len());
    }
}
