//! A moment, as programs and people read it.

use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Shown and serialized as `2026-11-29T08:15:00Z`: to the second, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UtcTime(pub SystemTime);

impl From<SystemTime> for UtcTime {
    fn from(at: SystemTime) -> Self {
        Self(at)
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::try_from(self.0) {
            Ok(at) => f.pad(&at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            // A time beyond the years that can be written.
            Err(_) => f.pad(""),
        }
    }
}

impl Serialize for UtcTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UtcTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let at: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        Ok(Self(at.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_is_read_as_it_is_written() {
        let at = UtcTime(SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_000_000));
        let text = serde_json::to_string(&at).unwrap();
        assert_eq!(text, "\"2026-11-30T00:53:20Z\"");
        assert_eq!(serde_json::from_str::<UtcTime>(&text).unwrap(), at);
        assert!(serde_json::from_str::<UtcTime>("\"yesterday\"").is_err());
    }
}
