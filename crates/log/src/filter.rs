//! What is written: the directives of `RUST_LOG`.

use crate::event::Severity;

/// Which events are written: a level, and others for parts of the program.
#[derive(Clone, Debug)]
pub struct LogFilter {
    usual: Option<Severity>,
    parts: Vec<(String, Option<Severity>)>,
}

impl LogFilter {
    /// Everything that matters at least so much.
    #[must_use]
    pub fn at(level: Severity) -> Self {
        Self {
            usual: Some(level),
            parts: Vec::new(),
        }
    }

    /// As in `info,policy=debug`: a level, or `off`, for all, and others for parts of the program (`policy`, or the
    /// path of a library). None where a word is no such thing.
    #[must_use]
    pub fn parse(directives: &str) -> Option<Self> {
        let mut filter = Self {
            usual: None,
            parts: Vec::new(),
        };
        for directive in directives.split(',').map(str::trim) {
            match directive.split_once('=') {
                Some((part, level)) => filter.parts.push((part.to_owned(), parse(level)?)),
                None if directive.is_empty() => {}
                None => filter.usual = parse(directive)?,
            }
        }
        // The most exact one counts.
        filter
            .parts
            .sort_by_key(|(part, _)| std::cmp::Reverse(part.len()));
        Some(filter)
    }

    /// Whether an event of this part and level is written.
    #[must_use]
    pub fn passes(&self, part: &str, level: Severity) -> bool {
        let of_part = |(name, _): &&(String, Option<Severity>)| {
            part.strip_prefix(name.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        let most = self
            .parts
            .iter()
            .find(of_part)
            .map_or(self.usual, |(_, most)| *most);
        most.is_some_and(|most| level <= most)
    }
}

fn parse(level: &str) -> Option<Option<Severity>> {
    Some(match level.to_ascii_lowercase().as_str() {
        "off" => None,
        "error" => Some(Severity::Error),
        "warn" => Some(Severity::Warn),
        "info" => Some(Severity::Info),
        "debug" => Some(Severity::Debug),
        "trace" => Some(Severity::Trace),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_may_have_a_level_of_its_own() {
        let filter = LogFilter::parse("warn, policy=debug,store=off").unwrap();
        assert!(
            filter.passes("server", Severity::Warn) && !filter.passes("server", Severity::Info)
        );
        assert!(
            filter.passes("policy", Severity::Debug) && !filter.passes("policy", Severity::Trace)
        );
        assert!(!filter.passes("store", Severity::Error));
        assert!(filter.passes("stored", Severity::Error), "another part");
    }

    #[test]
    fn what_is_no_level_is_no_filter() {
        assert!(LogFilter::parse("loud").is_none());
        assert!(LogFilter::parse("policy=loud").is_none());
    }
}
