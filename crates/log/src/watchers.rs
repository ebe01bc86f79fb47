//! Whoever watches gets every event of every crate of this process, as a value.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use serde::{Serialize, Serializer};
use tokio::sync::broadcast;

use crate::event::{Facts, FieldValue, LogEvent, serialize};
use crate::printable::Printable;

/// How many events wait for a watcher. One that is slower misses the oldest, and is given their number
/// ([`RecvError::Lagged`](broadcast::error::RecvError::Lagged)): nobody waits for it.
const MOST: usize = 4096;

static WATCHERS: LazyLock<broadcast::Sender<Arc<Emitted>>> =
    LazyLock::new(|| broadcast::Sender::new(MOST));

/// An event that was emitted, whichever crate declares it.
#[derive(Clone, Debug)]
pub struct Emitted {
    /// When the event was emitted.
    pub at: SystemTime,
    facts: &'static Facts,
    fields: Vec<(&'static str, FieldValue<'static>)>,
    sentence: String,
}

/// Every event from now on, each once, those included that the log only counts or leaves out by its level. What libraries
/// say is in the log alone.
#[must_use]
pub fn watch() -> broadcast::Receiver<Arc<Emitted>> {
    WATCHERS.subscribe()
}

/// Where nobody watches, this costs next to nothing.
pub(crate) fn show(event: &dyn LogEvent) {
    if WATCHERS.receiver_count() > 0 {
        // The last watcher may be gone meanwhile.
        let _ = WATCHERS.send(Arc::new(Emitted::of(event)));
    }
}

impl Emitted {
    fn of(event: &dyn LogEvent) -> Self {
        let mut fields = Vec::new();
        event.fields(&mut |name, value| fields.push((name, value.into_owned())));
        Self {
            at: SystemTime::now(),
            facts: event.facts(),
            fields,
            sentence: fmt::from_fn(|f| event.sentence(f)).to_string(),
        }
    }

    /// What the event has in this field; `None` where it has no such field, or no value in it.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&FieldValue<'static>> {
        let found = self.fields.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value)
    }
}

impl LogEvent for Emitted {
    fn facts(&self) -> &'static Facts {
        self.facts
    }

    fn fields(&self, see: &mut dyn FnMut(&'static str, FieldValue<'_>)) {
        let fields = self.fields.iter();
        fields.for_each(|(name, value)| see(name, value.clone()));
    }

    fn sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl Serialize for Emitted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self, serializer)
    }
}

impl fmt::Display for Emitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable(&self.sentence).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OwnEvent, emit};

    fn lost(lines: u64) -> OwnEvent {
        OwnEvent::Lost {
            lost: lines,
            since: "then".to_owned(),
        }
    }

    /// The events of this test, among those of others that run beside it.
    fn of(event: &Emitted, lines: u64) -> bool {
        event.facts().code == "LOG-001" && event.field("lost") == Some(&FieldValue::Number(lines))
    }

    #[test]
    fn a_watcher_gets_an_event_once_with_all_that_its_row_says() {
        let mut watching = watch();
        emit(&lost(4711));
        let mut got = Vec::new();
        while let Ok(event) = watching.try_recv() {
            got.push(event);
        }
        got.retain(|event| of(event, 4711));
        let [event] = got.as_slice() else {
            panic!("once: {got:?}");
        };
        assert_eq!(event.facts().event, "log-lines-lost");
        assert!(
            event
                .facts()
                .remedy
                .starts_with("see to what reads the log")
        );
        assert!(event.to_string().starts_with("4711 lines of the log"));
        let json = serde_json::to_value(event.as_ref()).unwrap();
        assert_eq!(
            (&json["code"], &json["lost"], &json["since"]),
            (&"LOG-001".into(), &4711.into(), &"then".into())
        );
        assert_eq!(json["remedy"], event.facts().remedy);
    }

    #[test]
    fn a_watcher_that_does_not_look_misses_the_oldest_and_knows_how_many() {
        let mut slow = watch();
        let many = MOST as u64 + 10;
        (0..many).for_each(|number| emit(&lost(number)));
        let missed = slow.try_recv();
        assert!(
            matches!(missed, Err(broadcast::error::TryRecvError::Lagged(missed)) if missed >= 10),
            "{missed:?}"
        );
        assert!(slow.try_recv().is_ok(), "it continues with what is left");
    }
}
