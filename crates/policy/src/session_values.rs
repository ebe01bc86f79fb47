//! What a policy keeps with a session: bounded, and part of the memory of all sessions together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::context::check_pair;
use crate::event::lock;
use crate::memory::{Memory, Share};

/// Octets of one policy in one session, keys included.
const MOST: usize = 256 << 10;

/// What one policy keeps with one session. It outlives the instance. Clones share it.
#[derive(Clone)]
pub(crate) struct SessionValues(Arc<Mutex<Kept>>);

struct Kept {
    values: BTreeMap<String, Vec<u8>>,
    /// As big as they were at their biggest.
    share: Share,
}

impl SessionValues {
    pub(crate) fn new(memory: &Arc<Memory>) -> Self {
        SessionValues(Arc::new(Mutex::new(Kept {
            values: BTreeMap::new(),
            share: memory.nothing(),
        })))
    }

    pub(crate) fn get(&self, key: &str) -> Option<Vec<u8>> {
        lock(&self.0).values.get(key).cloned()
    }

    /// Keeps a value; an empty one removes the key.
    ///
    /// # Errors
    /// A text for the policy: a limit is met.
    pub(crate) fn set(&self, key: String, value: Vec<u8>) -> Result<(), String> {
        check_pair(&key, &value)?;
        let Kept { values, share } = &mut *lock(&self.0);
        if value.is_empty() {
            values.remove(&key);
            return Ok(());
        }
        let others: usize = values
            .iter()
            .filter(|(k, _)| **k != key)
            .map(|(k, v)| k.len() + v.len())
            .sum();
        let octets = others + key.len() + value.len();
        if octets > MOST {
            return Err(format!(
                "a session keeps at most {MOST} octets for a policy"
            ));
        }
        if !share.grow(octets as u64) {
            return Err(
                "there is no memory left for it: all policies of all sessions together hold as much as they may, `limits.policies_memory` of the server"
                    .to_owned(),
            );
        }
        values.insert(key, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(values: &SessionValues, key: &str, octets: usize) -> Result<(), String> {
        values.set(key.to_owned(), vec![1; octets])
    }

    #[test]
    fn a_session_keeps_values_within_its_bound() {
        let values = SessionValues::new(&Memory::new(1 << 30));
        for key in ["a", "b", "c"] {
            set(&values, key, 64 << 10).unwrap();
        }
        set(&values, "d", 64 << 10).unwrap_err();
        set(&values, "a", 64 << 10).unwrap();
        set(&values, "a", 0).unwrap();
        set(&values, "d", 64 << 10).unwrap();
    }

    #[test]
    fn all_sessions_together_keep_no_more_than_there_is_memory() {
        let all = Memory::new(100 << 10);
        let [one, other] = [SessionValues::new(&all), SessionValues::new(&all)];
        set(&one, "key", 60 << 10).unwrap();
        let refused = set(&other, "key", 60 << 10).unwrap_err();
        assert!(refused.contains("limits.policies_memory"), "{refused}");
        drop(one);
        set(&other, "key", 60 << 10).unwrap();
    }
}
